//! A program that speaks by lines on pipes, with a terminal that shows what its driver makes of them.
//!
//! It has all that a program on a PTY has (a session of its own, a note for the next hub, a screen, a transcript, one end),
//! but no keys: what is written to it are its protocol's lines, and what its terminal shows is told by `show`.
//! Invariant: lines wait in a bounded queue; a program that says more than is taken waits.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    process::{ChildStderr, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::Instant,
};

use process_wrap::std::{CommandWrap, ProcessSession};

use super::{
    Exit, InputError, Shared, Spawn, SpawnError, Terminal, TerminalEvent,
    pty::{self, Started},
};
use crate::process::{Identity, leftovers::new_mark, reaper};

/// The longest line that is taken, in bytes. A longer one ends the program: what follows could not be understood.
pub const LONGEST_LINE: usize = 32 << 20;
/// The most that waits to be taken, in bytes.
const MOST_WAITING: usize = 64 << 20;
/// How much of what it says on standard error is kept: its end, which says why it went.
const MOST_COMPLAINT: usize = 8 * 1024;
/// How much is read at once.
const CHUNK: usize = 64 * 1024;

/// What a program on pipes has said and nobody has taken yet.
#[derive(Default)]
pub struct Lines {
    state: Mutex<State>,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<String>,
    bytes: usize,
    ended: bool,
    too_long: bool,
    complaint: Vec<u8>,
}

impl Lines {
    /// Puts a line at the end. Waits while there are too many; returns whether more is wanted.
    fn put(&self, line: String) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let full = |it: &mut State| it.bytes > 0 && it.bytes + line.len() > MOST_WAITING && !it.ended;
        let mut state = self.taken.wait_while(state, full).unwrap_or_else(PoisonError::into_inner);
        if state.ended {
            return false;
        }
        state.bytes += line.len();
        state.queue.push_back(line);
        true
    }

    fn take(&self) -> Vec<String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes = 0;
        self.taken.notify_all();
        state.queue.drain(..).collect()
    }

    /// Says that no more is taken, so that the reader does not wait for it.
    pub fn end(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.taken.notify_all();
    }
}

impl Terminal {
    /// Starts a program on pipes. `events` is called until `Exited`; `Lines` says that there are lines to take.
    ///
    /// The environment has no `TERM`: there is none for the program.
    pub fn spawn_piped(spec: Spawn, events: Box<dyn Fn(TerminalEvent) + Send + Sync>) -> Result<Arc<Self>, SpawnError> {
        let (started, errors) = start(&spec)?;
        let shared = Arc::new(Shared::new(started.identity.clone(), spec, events, None));
        if let Some(errors) = errors {
            let to_keep = Arc::clone(&shared);
            // Without this thread only the reason of an early end would be missing, and its pipe would fill at some time.
            let _ = pty::thread("complain", started.identity.pid, move || keep_end(errors, &to_keep));
        }
        pty::run(started, &shared)?;
        Ok(Arc::new(Self { shared }))
    }

    /// Takes the lines that a program on pipes has said since they were last taken.
    pub fn take_lines(&self) -> Vec<String> {
        self.shared.lines.as_ref().map(|it| it.take()).unwrap_or_default()
    }

    /// Returns whether a program on pipes said a line that is longer than any is taken.
    pub fn said_too_much(&self) -> bool {
        self.lines_state(|it| it.too_long)
    }

    /// Returns the end of what a program on pipes said on standard error.
    pub fn complaint(&self) -> String {
        String::from_utf8_lossy(&self.lines_state(|it| it.complaint.clone())).into_owned()
    }

    /// Writes a line to a program on pipes. It has no line end in it: JSON has none.
    pub fn send_line(&self, line: &str) -> Result<(), InputError> {
        self.shared.input.push(format!("{line}\n").into_bytes())
    }

    /// Closes a program's standard input once what is queued is written: how it is told that nothing more comes.
    pub fn close_input(&self) {
        self.shared.input.close();
    }

    /// Shows text on the terminal of a program on pipes, and puts it into the transcript.
    pub fn show(&self, text: &str) {
        // A line end of a program's own text would go down without going back.
        let text = text.replace("\r\n", "\n").replace('\n', "\r\n");
        self.shared.take_output(text.as_bytes());
    }

    fn lines_state<T: Default>(&self, look: impl FnOnce(&State) -> T) -> T {
        let state = self.shared.lines.as_ref().map(|it| it.state.lock().unwrap_or_else(PoisonError::into_inner));
        state.map(|it| look(&it)).unwrap_or_default()
    }
}

/// Starts the program as the leader of a session. Nothing has been sent to it when this returns, and its note is written.
fn start(spec: &Spawn) -> Result<(Started, Option<ChildStderr>), SpawnError> {
    let name = spec.argv.first().ok_or(SpawnError::NoProgram)?;
    if !spec.cwd.is_dir() {
        return Err(SpawnError::NoFolder(spec.cwd.clone()));
    }
    let path = spec.env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_os_str());
    let program = pty::find_program(name, path, spec.workspace.as_deref())?;
    let mark = spec.trace.as_ref().map(|_| new_mark());
    let mut command = CommandWrap::with_new(&program, |command| {
        command
            .args(spec.argv.iter().skip(1))
            .current_dir(&spec.cwd)
            .env_clear()
            .env("LANG", if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" })
            .env("SHELL", "/bin/sh")
            .envs(spec.env.iter().map(|(key, value)| (key, value)))
            .envs(mark.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
    });
    command.wrap(ProcessSession);
    let begun = Instant::now();
    let label = spec.trace.as_ref().map(|it| it.agent.as_str().to_owned());
    let (mut child, kept) = reaper::keep(label, || {
        let child = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::PermissionDenied => SpawnError::NotExecutable(program.clone()),
            // The file is there, so what is missing is the interpreter that it names.
            ErrorKind::NotFound => SpawnError::NotFound(program.clone().into()),
            _ => SpawnError::system(error),
        })?;
        // The wrapper would collect the whole group; the leader alone is waited for here, and last.
        let child = child.into_inner();
        let pid = child.id();
        Ok::<_, SpawnError>((child, pid))
    })?;
    let (identity, trace) = pty::noted(spec, Identity::of(child.id()), mark).inspect_err(|_| drop(child.wait()))?;
    let (input, output, errors) = (child.stdin().take(), child.stdout().take(), child.stderr().take());
    let started = Started {
        identity,
        read: Box::new(move |shared| {
            if let (Some(output), Some(lines)) = (output, &shared.lines) {
                read_lines(BufReader::with_capacity(CHUNK, output), shared, lines);
            }
        }),
        writer: input.map_or_else(|| Box::new(std::io::sink()) as Box<dyn Write + Send>, |it| Box::new(it)),
        collect: Box::new(move || child.wait().map_or_else(|_| Exit::default(), pty::exit_of)),
        kept,
        trace,
        begun,
    };
    Ok((started, errors))
}

/// Reads lines until the end, or until nobody takes them any more.
fn read_lines(mut from: impl BufRead, shared: &Shared, lines: &Lines) {
    loop {
        let mut line = Vec::new();
        match from.by_ref().take(LONGEST_LINE as u64 + 1).read_until(b'\n', &mut line) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => return,
        }
        if line.len() > LONGEST_LINE {
            lines.state.lock().unwrap_or_else(PoisonError::into_inner).too_long = true;
            shared.tell_lines();
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\r', '\n']);
        if text.trim().is_empty() {
            continue;
        }
        if !lines.put(text.to_owned()) {
            return;
        }
        shared.tell_lines();
    }
}

/// Reads to the end and keeps the last of it.
fn keep_end(mut from: impl Read, shared: &Shared) {
    let Some(lines) = &shared.lines else { return };
    let mut chunk = [0; 4_096];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => {
                let mut state = lines.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.complaint.extend_from_slice(&chunk[..length]);
                let over = state.complaint.len().saturating_sub(MOST_COMPLAINT);
                state.complaint.drain(..over);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::mpsc::{Receiver, channel},
        time::Duration,
    };

    use super::*;
    use crate::{
        agent::terminal::Size,
        process::{Ladder, is_alive, session_of},
    };

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Starts a shell script with what it says at hand.
    fn script(text: &str) -> (Arc<Terminal>, Receiver<TerminalEvent>) {
        let (sender, events) = channel();
        let spec = Spawn {
            argv: ["/bin/sh", "-c", text].map(Into::into).to_vec(),
            cwd: std::env::temp_dir(),
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            workspace: None,
            size: Size::default(),
            quiet: Duration::from_millis(20),
            transcript: Box::new(std::io::sink()),
            trace: None,
        };
        let tell = Box::new(move |event| drop(sender.send(event)));
        (Terminal::spawn_piped(spec, tell).expect("the script"), events)
    }

    /// Waits for so many lines.
    fn lines(terminal: &Terminal, events: &Receiver<TerminalEvent>, count: usize) -> Vec<String> {
        let mut found = terminal.take_lines();
        while found.len() < count {
            match events.recv_timeout(PATIENCE) {
                Ok(TerminalEvent::Exited(exit)) => panic!("it {exit} after {found:?}"),
                Ok(_) => found.extend(terminal.take_lines()),
                Err(error) => panic!("{error} after {found:?}"),
            }
        }
        found
    }

    fn exit(events: &Receiver<TerminalEvent>) -> Exit {
        loop {
            match events.recv_timeout(PATIENCE) {
                Ok(TerminalEvent::Exited(exit)) => return exit,
                Ok(_) => {}
                Err(error) => panic!("it did not end: {error}"),
            }
        }
    }

    #[test]
    fn lines_go_both_ways_and_the_end_of_input_ends_it() {
        let (terminal, events) = script("echo ready; while read -r line; do echo \"got $line\"; done; exit 3");
        assert_eq!(lines(&terminal, &events, 1), ["ready"]);
        terminal.send_line("one").unwrap();
        terminal.send_line("two").unwrap();
        assert_eq!(lines(&terminal, &events, 2), ["got one", "got two"]);
        assert_eq!(terminal.type_text("x"), Err(InputError::NoKeys), "keys were taken for the protocol");
        terminal.close_input();
        assert_eq!(exit(&events).code, Some(3));
        assert_eq!(terminal.send_line("three"), Err(InputError::Ended));
    }

    /// Promise 6: it leads a session of its own, and what it left there ends with it.
    #[test]
    fn its_session_is_its_own_and_ends_whole() {
        let (terminal, events) = script("echo why >&2; sleep 600 & echo $!; wait");
        let child: u32 = lines(&terminal, &events, 1)[0].parse().unwrap();
        let child = Identity::of(child).unwrap();
        let leader = terminal.identity().clone();
        assert_eq!(session_of(child.pid), Some(leader.pid));
        assert_ne!(session_of(std::process::id()), Some(leader.pid));
        terminal.stop(Ladder::default());
        assert!(exit(&events).signal.is_some());
        assert!(!is_alive(&child) && !is_alive(&leader));
        assert_eq!(terminal.complaint(), "why\n");
    }

    #[test]
    fn what_it_said_last_is_there_after_its_end() {
        let (terminal, events) = script("echo one; echo; echo two; printf three");
        assert_eq!(exit(&events).code, Some(0));
        assert_eq!(terminal.take_lines(), ["one", "two", "three"]);
    }

    #[test]
    fn a_line_without_an_end_is_not_gathered() {
        let (terminal, events) = script("head -c 40000000 /dev/zero | tr '\\0' x; sleep 600");
        while !terminal.said_too_much() {
            events.recv_timeout(PATIENCE).expect("a word that there is something");
        }
        assert_eq!(terminal.take_lines(), Vec::<String>::new());
        terminal.stop(Ladder::at_once());
        exit(&events);
    }

    #[test]
    fn what_is_shown_stands_on_its_screen() {
        let (terminal, events) = script("read -r line");
        terminal.show("hello\nworld");
        let shown = || terminal.screen().rows[..2].to_vec();
        while shown() != ["hello", "world"] {
            events.recv_timeout(PATIENCE).expect("a change of the screen");
        }
        terminal.close_input();
        exit(&events);
    }
}
