//! A terminal: a program on a PTY in a session of its own, its screen, and what is typed into it.
//!
//! The only place that starts a process on a PTY. Knows no agent's ways: what a screen means is for `agent/status.rs`
//! and the drivers. PTY bytes stay here; only events leave.
//! Invariant: no query reaches a viewer, and nothing is typed that the caller did not ask for.

use std::{
    ffi::OsString,
    fmt,
    io::Write,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use dashmap::DashMap;
use portable_pty::MasterPty;
use tokio::sync::watch as signal;

use self::{input::Input, screen::Emulator, watch::Inbox};
use crate::{
    ids::{AgentName, TurnId},
    process::{self, Identity, Ladder},
};

mod characters;
mod input;
#[cfg(unix)]
mod piped;
pub mod plain;
mod pty;
mod queries;
pub(crate) mod screen;
mod skim;
mod view;
mod watch;

pub use self::{
    input::{InputError, LONGEST_COOKED_LINE},
    plain::{Plain, plain},
    pty::{find_program, inherited},
    screen::{FrameState, SCROLLBACK_LINES, ScreenText},
    view::{Form, Head, Look, Seen},
};

/// The size of a terminal, in characters; between 1 and 1,000 each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub cols: u16,
}

impl Default for Size {
    fn default() -> Self {
        Self { rows: 40, cols: 120 }
    }
}

/// What to start, and how.
pub struct Spawn {
    /// The program, by its name on the `PATH` in `env` or by its absolute path, and its arguments. No shell reads it.
    pub argv: Vec<OsString>,
    /// Where it works; must be a folder.
    pub cwd: PathBuf,
    /// The whole environment. `TERM`, `COLORTERM`, `LANG` and `SHELL` are added where they are not in it,
    /// `CALLBOARD_SESSION` where there is a trace, and nothing else is.
    pub env: Vec<(OsString, OsString)>,
    /// The folder inside which no program is taken from; none where the person has chosen the program themselves.
    pub workspace: Option<PathBuf>,
    /// How large the terminal is at first.
    pub size: Size,
    /// For how long nothing must come for it to be called quiet.
    pub quiet: Duration,
    /// Takes every byte that the program writes, in order and at once.
    pub transcript: Box<dyn Write + Send>,
    /// Where and for whom the process is noted while it lives; none where a crash of ours may leave it.
    pub trace: Option<TraceSpec>,
}

/// Where and for whom a live process is noted (see [`process::leftovers`]).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSpec {
    /// The folder of the notes.
    pub dir: PathBuf,
    /// Whose it is.
    pub agent: AgentName,
    /// What it was started for.
    pub turn: Option<TurnId>,
}

/// Why a program was not started.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// No argv.
    #[error("no program is named; write the agent's command in its profile")]
    NoProgram,
    /// The cwd is none.
    #[error("the folder {} does not exist, so nothing was started; make it, or choose another", .0.display())]
    NoFolder(PathBuf),
    /// Nothing of that name.
    #[error("{} was not found on the PATH; install it, or write its absolute path in the agent's profile", .0.display())]
    NotFound(OsString),
    /// A path that depends on where one stands.
    #[error("{} is neither a name nor an absolute path; write one of these", .0.display())]
    RelativeProgram(PathBuf),
    /// The repository would choose what runs.
    #[error("{} is inside the workspace and is not started for that reason; use a program from outside it", .0.display())]
    InsideWorkspace(PathBuf),
    /// No right to run it.
    #[error("{} is not a program that may be executed; check its permissions", .0.display())]
    NotExecutable(PathBuf),
    /// The system refused.
    #[error("the program could not be started: {0}; close some programs and try again")]
    System(String),
}

impl SpawnError {
    fn system(error: impl fmt::Display) -> Self {
        Self::System(error.to_string())
    }
}

/// Something that happened in a terminal. Told on a thread of the terminal's, in order; whoever listens must not wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TerminalEvent {
    /// The screen has changed and is drawn to its end, or is changing all the time. At most some 60 times a second.
    Changed,
    /// Nothing came for the time that was asked for. Told once until something comes. Not the same as being done.
    Quiet,
    /// A program on pipes has said something: there are lines to take. One telling may stand for many lines.
    Lines,
    /// The program gave its window another title, made safe to show.
    Title(String),
    /// The transcript could not be written, for this reason; the rest of the session is not in it.
    TranscriptFailed(String),
    /// The program has ended and its session with it. The last event.
    Exited(Exit),
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exit {
    /// Its exit code, where it ended by itself.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
    /// Whether it never ran: the file can't be executed (a script whose interpreter is missing, another machine's
    /// program).
    pub cannot_execute: bool,
    /// What of its session could not be killed.
    pub left: Vec<Identity>,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.cannot_execute, self.code, self.signal) {
            (true, ..) => {
                write!(f, "cannot be executed: its file, or the interpreter that it names, is not a program here")
            }
            (_, Some(code), _) => write!(f, "ended with exit code {code}"),
            (_, _, Some(signal)) => write!(f, "was ended by signal {signal}"),
            _ => write!(f, "ended, and how is not known"),
        }
    }
}

/// A program on a PTY. Dropping the last handle stops the program.
pub struct Terminal {
    shared: Arc<Shared>,
}

/// What the terminal's threads have in common.
struct Shared {
    identity: Identity,
    /// Tells it from every other terminal of this process.
    number: u64,
    quiet: Duration,
    events: Box<dyn Fn(TerminalEvent) + Send + Sync>,
    /// Counts what viewers may have to draw anew.
    changes: signal::Sender<u64>,
    /// None for a program on pipes.
    master: Option<Mutex<Box<dyn MasterPty + Send>>>,
    /// What a program on pipes said; none for one on a PTY.
    #[cfg(unix)]
    lines: Option<Arc<piped::Lines>>,
    /// None once the session is over.
    transcript: Mutex<Option<Box<dyn Write + Send>>>,
    inbox: Mutex<Inbox>,
    /// Something is in the inbox.
    given: Condvar,
    /// There is room in the inbox, or the reader is done.
    taken: Condvar,
    display: Mutex<Display>,
    input: Input,
    typing: AtomicBool,
    ended: AtomicBool,
}

struct Display {
    emulator: Emulator,
    touched: Instant,
    /// Whether the program is drawing and viewers wait for it.
    held: bool,
}

impl Shared {
    fn new(
        identity: Identity,
        spec: Spawn,
        events: Box<dyn Fn(TerminalEvent) + Send + Sync>,
        master: Option<Box<dyn MasterPty + Send>>,
    ) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Self {
            identity,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed) + 1,
            changes: signal::Sender::new(0),
            quiet: spec.quiet,
            events,
            #[cfg(unix)]
            lines: master.is_none().then(Arc::default),
            master: master.map(Mutex::new),
            transcript: Mutex::new(Some(spec.transcript)),
            inbox: Mutex::default(),
            given: Condvar::new(),
            taken: Condvar::new(),
            display: Mutex::new(Display { emulator: Emulator::new(spec.size), touched: Instant::now(), held: false }),
            input: Input::default(),
            typing: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    /// Tells what happened to who started the program, then to viewers, who look at what there is by then.
    fn tell_all(&self, event: TerminalEvent) {
        (self.events)(event);
        self.changes.send_modify(|it| *it += 1);
    }

    /// Types into the program, which has the size that was wanted last when it reads this.
    fn type_bytes(&self, bytes: Vec<u8>) -> Result<(), InputError> {
        if self.settle_size() {
            self.nudge();
        }
        self.input.push(bytes)
    }

    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terminal {
    /// Starts a program. `events` is called until `Exited`, and may be called before this returns.
    pub fn spawn(spec: Spawn, events: Box<dyn Fn(TerminalEvent) + Send + Sync>) -> Result<Arc<Self>, SpawnError> {
        let (started, master) = pty::start(&spec)?;
        let shared = Arc::new(Shared::new(started.identity.clone(), spec, events, Some(master)));
        pty::run(started, &shared)?;
        Ok(Arc::new(Self { shared }))
    }

    /// Types the developer's keys as they are, controls and sequences too. Refused while Callboard types.
    pub fn type_text(&self, keys: &str) -> Result<(), InputError> {
        self.unlocked()?;
        self.shared.type_bytes(keys.as_bytes().to_vec())
    }

    /// Pastes the developer's text without submitting it. Refused while Callboard types.
    pub fn paste(&self, text: &str) -> Result<(), InputError> {
        self.unlocked()?;
        self.paste_anyway(text)
    }

    /// Presses Return for the developer. Refused while Callboard types.
    pub fn enter(&self) -> Result<(), InputError> {
        self.type_text("\r")
    }

    /// Locks the developer's keys until the guard is dropped; `None` where they are locked already.
    pub fn lock_for_typing(self: &Arc<Self>) -> Option<Typing> {
        let free = !self.shared.typing.swap(true, Ordering::SeqCst);
        free.then(|| {
            self.shared.nudge();
            Typing { terminal: Arc::clone(self) }
        })
    }

    /// Gives the terminal another size. Of several at once only the last is told to the program, before what is typed next.
    pub fn resize(&self, size: Size) {
        self.shared.want_size(size);
    }

    /// Returns what the terminal shows.
    pub fn screen(&self) -> ScreenText {
        let display = self.shared.display();
        ScreenText {
            settled: !display.emulator.drawing() && display.touched.elapsed() >= watch::SETTLED,
            locked: self.shared.typing.load(Ordering::SeqCst),
            ..display.emulator.text()
        }
    }

    /// Returns what brings a viewer's screen from what it has seen last to what is shown now, as bytes for a terminal
    /// emulator of the same size ([`FrameState::size`]). `None` where nothing changed, or the program is in the middle
    /// of drawing: `Changed` comes when it is done.
    pub fn frame_since(&self, seen: &mut FrameState) -> Option<Vec<u8>> {
        let display = self.shared.display();
        if display.held { None } else { display.emulator.frame_since(seen) }
    }

    /// Returns the last lines that left the top of the screen, oldest first, at most `most`.
    pub fn scrollback(&self, most: usize) -> Vec<String> {
        self.shared.display().emulator.scrollback(most)
    }

    /// Returns which process it is, which is also its session.
    pub fn identity(&self) -> &Identity {
        &self.shared.identity
    }

    /// Returns whether `Exited` has been told, or is being told.
    pub fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::SeqCst)
    }

    /// Stops the program with its whole session. Returns at once; `Exited` tells when it is done.
    pub fn stop(&self, ladder: Ladder) {
        let identity = self.shared.identity.clone();
        if process::stop_session_in_background(identity, ladder, drop).is_err() {
            // No thread to be had: the one thing that can be done without waiting long.
            process::stop_session(&self.shared.identity, &Ladder::at_once());
        }
    }

    /// Returns whether the program reads keys: one on pipes does not.
    pub fn takes_keys(&self) -> bool {
        self.shared.master.is_some()
    }

    fn unlocked(&self) -> Result<(), InputError> {
        if !self.takes_keys() {
            return Err(InputError::NoKeys);
        }
        if self.shared.typing.load(Ordering::SeqCst) { Err(InputError::Locked) } else { Ok(()) }
    }

    fn paste_anyway(&self, text: &str) -> Result<(), InputError> {
        let mode = if self.shared.display().emulator.bracketed_paste() {
            input::PasteMode::Bracketed
        } else if self.is_cooked() {
            input::PasteMode::Cooked
        } else {
            input::PasteMode::Raw
        };
        self.shared.type_bytes(input::paste(text, mode)?)
    }

    /// Returns whether the system collects lines for the program.
    #[cfg(unix)]
    fn is_cooked(&self) -> bool {
        let Some(master) = &self.shared.master else { return false };
        let master = master.lock().unwrap_or_else(PoisonError::into_inner);
        let canonical = u64::from(rustix::termios::LocalModes::ICANON.bits());
        master.get_termios().is_none_or(|it| u64::from(it.local_flags.bits()) & canonical != 0)
    }

    #[cfg(not(unix))]
    fn is_cooked(&self) -> bool {
        let _ = self;
        true
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if !self.has_ended() {
            self.stop(Ladder::default());
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Terminal").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

/// Callboard's hands on the keys: the developer's are locked while this lives.
#[derive(Debug)]
pub struct Typing {
    terminal: Arc<Terminal>,
}

impl Typing {
    /// Types keys as they are.
    pub fn type_text(&self, keys: &str) -> Result<(), InputError> {
        self.terminal.shared.type_bytes(keys.as_bytes().to_vec())
    }

    /// Pastes text without submitting it: in brackets only where the program asked for them.
    pub fn paste(&self, text: &str) -> Result<(), InputError> {
        self.terminal.paste_anyway(text)
    }

    /// Presses Return.
    pub fn enter(&self) -> Result<(), InputError> {
        self.type_text("\r")
    }
}

impl Drop for Typing {
    fn drop(&mut self) {
        self.terminal.shared.typing.store(false, Ordering::SeqCst);
        self.terminal.shared.nudge();
    }
}

/// The terminals by agent.
///
/// Invariant: no lock of the map leaves this type; whoever asks gets a handle of their own.
#[derive(Debug, Default)]
pub struct Screens {
    by_agent: DashMap<AgentName, Arc<Terminal>>,
    /// Counts the comings and goings.
    changes: signal::Sender<u64>,
}

impl Screens {
    /// Returns an agent's terminal.
    pub fn get(&self, agent: &AgentName) -> Option<Arc<Terminal>> {
        self.by_agent.get(agent).map(|it| Arc::clone(&it))
    }

    /// Makes a terminal an agent's, and returns the one that it had.
    pub fn put(&self, agent: AgentName, terminal: Arc<Terminal>) -> Option<Arc<Terminal>> {
        let before = self.by_agent.insert(agent, terminal);
        self.changes.send_modify(|it| *it += 1);
        before
    }

    /// Takes away an agent's terminal where it still is this one.
    pub fn remove(&self, agent: &AgentName, terminal: &Arc<Terminal>) {
        // What was removed is dropped after the map's lock is given up: a terminal's end does some work.
        drop(self.by_agent.remove_if(agent, |_, it| Arc::ptr_eq(it, terminal)));
        self.changes.send_modify(|it| *it += 1);
    }

    /// Returns what changes when an agent's terminal is another.
    pub fn watch(&self) -> signal::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Returns who has a terminal, in order.
    pub fn agents(&self) -> Vec<AgentName> {
        let mut agents: Vec<_> = self.by_agent.iter().map(|it| it.key().clone()).collect();
        agents.sort();
        agents
    }
}

#[cfg(all(test, unix))]
mod tests;
