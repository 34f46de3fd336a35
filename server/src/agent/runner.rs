//! The runner: takes the hub's effects, and has each agent's thread carry them out.
//!
//! Idempotent by turn: a turn that was handed in before is not started again. It never makes the hub wait: an agent's
//! program is started, watched and ended on the agent's own thread, whose only way back is an event.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    io,
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

#[cfg(unix)]
use super::driver::stream_json::StreamDriver;
use super::{
    Access, AgentState, DriverKind, Source, TakeOver, TurnRequest,
    catalog::{
        SharedCatalog,
        profile::{Origin, Profile, Program},
    },
    discreet::discreet,
    driver::{
        self, Desk, Driver,
        acp::Acp,
        app_server::AppServer,
        desk::{Idle, Note, Report, Ticket},
        lines::LineDriver,
        take_over::{self, Visit},
        terminal::TerminalDriver,
        tool::ToolDriver,
    },
    given,
    terminal::{Screens, Size},
    tools::Toolbox,
};
use crate::{
    config::{redact::Redactor, settings::AgentSettings},
    hub::{
        Hub,
        effect::{Effect, Effects},
        event::{Event, TakeOverCame},
    },
    ids::{AgentName, TurnId},
    outcome::{Failure, FailureClass, TurnOutcome},
    workspace::buffers::{self, Buffers},
};

/// How many turns that are over are remembered, so that they are not started twice.
const REMEMBERED: usize = 4_096;

/// How many programs are started at once: a fork from a large process is slow, and many at once are slower still.
const SPAWNS: usize = 2;

/// How long the agents have to end when the runner is dropped.
const FAREWELL: Duration = Duration::from_secs(10);

/// Opens the transcript of an agent's new terminal.
pub type Transcripts = Box<dyn Fn(&AgentName, Size) -> io::Result<Box<dyn io::Write + Send>> + Send + Sync>;

/// Returns how files changed since a tree of a checkpoint; a sentence where it can't be told.
pub type Changes = Box<dyn Fn(&str) -> Result<String, String> + Send + Sync>;

/// What a runner needs to know.
pub struct RunnerParts {
    /// The agents. A new catalogue holds for turns that start after it.
    pub catalog: SharedCatalog,
    /// The workspace's root.
    pub workspace: PathBuf,
    /// This program's absolute path: what `{callboard}` stands for.
    pub callboard: PathBuf,
    /// The environment that agents may see parts of: the hub's own.
    pub environment: Vec<(String, String)>,
    /// More names that the user's settings let agents see.
    pub allowed: Vec<String>,
    /// What single agents are started with beside what their profiles say, by their names.
    pub chosen: BTreeMap<String, AgentSettings>,
    /// Makes the transcripts.
    pub transcripts: Transcripts,
    /// The folder for requests and results; private to this hub.
    pub results: PathBuf,
    /// The folder with a folder for each agent, for what its program keeps: its sessions, its own copy of its settings.
    pub homes: PathBuf,
    /// The folder in which live sessions are noted for a hub that starts after a crash.
    pub processes: PathBuf,
    /// The open buffers.
    pub buffers: Arc<dyn Buffers>,
    /// Tells how files changed.
    pub changes: Changes,
    /// The agents' terminals, for those who show them.
    pub screens: Arc<Screens>,
    /// Looks whether what the workspace configures is still what the developer trusted; a sentence where it is not. Asked
    /// before each turn of an agent that the workspace itself brings: its script may have changed since it was read.
    pub trusted: Box<dyn Fn() -> Result<(), String> + Send + Sync>,
    /// Where programs get their passes for Callboard's own tools.
    pub toolbox: Toolbox,
}

/// A runner's parts as its agents' threads share them.
pub(crate) struct Parts {
    pub(crate) given: RunnerParts,
    pub(crate) spawns: Gate,
}

/// Owns the live agents.
pub struct Runner {
    parts: Arc<Parts>,
    report: Report,
    agents: HashMap<AgentName, Seat>,
    seen: HashSet<TurnId>,
    order: VecDeque<TurnId>,
}

/// An agent's thread, and the way to it.
struct Seat {
    inbox: Sender<Note>,
    thread: JoinHandle<()>,
}

impl Runner {
    /// Makes a runner that reports to a hub.
    pub fn new(hub: Hub, parts: RunnerParts) -> Self {
        Self::reporting_to(parts, move |event| hub.tell(event))
    }

    /// Makes a runner that reports to anything that never waits.
    ///
    /// Secrets are taken out of what agents said before it is reported.
    pub fn reporting_to(parts: RunnerParts, report: impl Fn(Event) + Send + Sync + 'static) -> Self {
        let redactor = Redactor::of_environment(&parts.environment).unwrap_or_else(|why| {
            tracing::warn!(%why, "Only keys of known shapes are taken out of what agents say.");
            Redactor::of_shapes().clone()
        });
        let report = move |event| report(discreet(&redactor, event));
        Self {
            parts: Arc::new(Parts { given: parts, spawns: Gate::new(SPAWNS) }),
            report: Arc::new(report),
            agents: HashMap::new(),
            seen: HashSet::new(),
            order: VecDeque::new(),
        }
    }

    fn turn(&mut self, mut request: TurnRequest) {
        if !self.seen.insert(request.turn) {
            return;
        }
        self.order.push_back(request.turn);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        // The hub names places from the workspace's root; it knows no other.
        request.cwd = self.parts.given.workspace.join(&request.cwd);
        let agent = request.agent.clone();
        // Invariant: from here the ticket reports the turn's end, whichever way it goes.
        let ticket = Ticket::new(request, Arc::clone(&self.report));
        match self.seat(&agent) {
            Ok(inbox) => {
                if let Err(unsent) = inbox.send(Note::Turn(Box::new(ticket))) {
                    // Its thread has just failed; a fresh one takes the turn.
                    self.agents.remove(&agent);
                    if let Ok(inbox) = self.seat(&agent) {
                        let _ = inbox.send(unsent.0);
                    }
                }
            }
            Err(err) => {
                let message = format!("no thread could be started for {agent}: {err}; close something and retry");
                ticket.end(driver::failed(FailureClass::Crashed, message));
            }
        }
    }

    fn seat(&mut self, agent: &AgentName) -> io::Result<Sender<Note>> {
        if let Some(seat) = self.agents.get(agent)
            && !seat.thread.is_finished()
        {
            return Ok(seat.inbox.clone());
        }
        let (inbox, notes) = channel();
        let desk = Desk::new(agent.clone(), Arc::clone(&self.parts), Arc::clone(&self.report), notes, inbox.clone());
        let report = Arc::clone(&self.report);
        let name = agent.clone();
        let thread = std::thread::Builder::new()
            .name(format!("agent {}", agent.as_str()))
            .stack_size(1 << 20)
            .spawn(move || attend(name, desk, &report))?;
        self.agents.insert(agent.clone(), Seat { inbox: inbox.clone(), thread });
        Ok(inbox)
    }

    fn take_over(&mut self, mut wanted: TakeOver) {
        // The hub names places from the workspace's root; it knows no other.
        wanted.cwd = self.parts.given.workspace.join(&wanted.cwd);
        let (agent, number) = (wanted.agent.clone(), wanted.number);
        let sent = self.seat(&agent).map(|it| it.send(Note::TakeOver(Box::new(wanted))).is_ok());
        match sent {
            Ok(true) => {}
            Ok(false) => self.not_open(agent, number, "its driver has just failed within Callboard; try again"),
            Err(err) => {
                self.not_open(agent, number, &format!("no thread could be started for it: {err}; close something"));
            }
        }
    }

    fn not_open(&self, agent: AgentName, number: u64, why: &str) {
        (self.report)(Event::TakeOverCame { agent, number, came: TakeOverCame::Over { why: why.to_owned() } });
    }

    /// Tells an agent's thread something; returns whether there is one.
    fn tell(&self, agent: &AgentName, note: Note) -> bool {
        self.agents.get(agent).is_some_and(|seat| seat.inbox.send(note).is_ok())
    }
}

impl Effects for Runner {
    fn start(&mut self, effect: Effect) {
        match effect {
            Effect::StartTurn(request) => self.turn(*request),
            Effect::InterruptTurn { agent, turn } => drop(self.tell(&agent, Note::Interrupt(turn))),
            Effect::AnswerAsk { agent, turn, key, reply } => drop(self.tell(&agent, Note::Answer(turn, key, reply))),
            Effect::Tell { agent, turn, text } => drop(self.tell(&agent, Note::Tell(turn, text))),
            Effect::TakeOver(wanted) => self.take_over(*wanted),
            Effect::HandBack { agent, number } => {
                if !self.tell(&agent, Note::HandBack(number)) {
                    self.not_open(agent, number, "its screen is gone");
                }
            }
            Effect::StopAgent { agent } => drop(self.tell(&agent, Note::Stop)),
            // No agent's matter.
            Effect::Checkpoint { .. }
            | Effect::Follow { .. }
            | Effect::PutText(_)
            | Effect::Undo(_)
            | Effect::Watch { .. }
            | Effect::Worktree(_) => {}
        }
    }
}

impl Drop for Runner {
    /// Ends every agent's program, and waits for that, bounded: what follows may be the end of this process.
    fn drop(&mut self) {
        for seat in self.agents.values() {
            let _ = seat.inbox.send(Note::Close);
        }
        let (done, ended) = channel();
        let count = self.agents.len();
        for (_, seat) in self.agents.drain() {
            let done = done.clone();
            let _ = std::thread::Builder::new().name("farewell".to_owned()).spawn(move || {
                let _ = seat.thread.join();
                let _ = done.send(());
            });
        }
        drop(done);
        let deadline = Instant::now() + FAREWELL;
        for _ in 0..count {
            if ended.recv_timeout(deadline.saturating_duration_since(Instant::now())).is_err() {
                break;
            }
        }
    }
}

/// An agent's thread. A fault in a driver is reported, never silent.
fn attend(agent: AgentName, desk: Desk, report: &Report) {
    // Known outside, so that what a person has is told to be over where the driver fails.
    let visiting = Arc::new(AtomicU64::new(0));
    let has = Arc::clone(&visiting);
    let faultless = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || serve(desk, &has)));
    if faultless.is_err() {
        let (number, why) = (visiting.load(Ordering::SeqCst), "its driver failed within Callboard".to_owned());
        report(Event::TakeOverCame { agent: agent.clone(), number, came: TakeOverCame::Over { why } });
        let why = "its driver failed within Callboard; its next turn starts it again".to_owned();
        let claim = super::AgentClaim { state: AgentState::Crashed, source: Source::Hub, why };
        report(Event::AgentChanged { agent, claim });
    }
}

/// The driver that an agent has now, and the profile that it was made for.
type Current = Option<(Arc<Profile>, Box<dyn Driver>)>;

/// The folder that an agent's program was last used in. One that stays between turns can't move: in another folder it would
/// read and write the wrong files, so there it is another program.
type Home = Option<Spot>;

/// Where a program is, and what is around it.
#[derive(PartialEq)]
struct Spot {
    cwd: PathBuf,
    access: Access,
    sandbox: bool,
}

impl Spot {
    fn of(request: &TurnRequest) -> Self {
        Self { cwd: request.cwd.clone(), access: request.access, sandbox: request.sandbox }
    }

    /// Returns whether a program that is here will do there too. What it may do is a matter of its sandbox, where it is in one.
    fn holds(&self, there: &Self, desk: &Desk, current: &Current) -> bool {
        let boxed = current.as_ref().is_some_and(|(profile, _)| desk.is_boxed(profile));
        self.cwd == there.cwd && self.sandbox == there.sandbox && (!boxed || self.access == there.access)
    }
}

fn serve(mut desk: Desk, visiting: &AtomicU64) {
    let mut current: Current = None;
    let mut home: Home = None;
    let mut visit: Option<Visit> = None;
    loop {
        match desk.idle() {
            Idle::Turn(mut ticket) => {
                // The hub starts no turn of an agent that a person has; two programs would be at one session.
                end_visit(&mut desk, &mut current, &mut visit, "its next turn has begun");
                desk.begin(&ticket.request);
                let place = Spot::of(&ticket.request);
                if home.as_ref().is_some_and(|it| !it.holds(&place, &desk, &current))
                    && current.as_ref().is_some_and(|(_, it)| !it.moves())
                {
                    stop(&mut desk, &mut current, "its next turn works in another folder, or in another sandbox");
                }
                home = Some(place);
                let outcome = with_buffers(&mut desk, &mut current, &mut ticket.request);
                desk.over();
                ticket.end(outcome);
            }
            Idle::Terminal(event) => match (&mut visit, &mut current) {
                (Some(it), current) => {
                    let driver = current.as_mut().map(|it| &mut *it.1 as &mut dyn Driver);
                    if !it.hear(&mut desk, driver, event) {
                        visit = None;
                    }
                }
                (None, Some((_, driver))) => driver.between(&mut desk, event),
                (None, None) => {}
            },
            Idle::TakeOver(wanted) => {
                end_visit(&mut desk, &mut current, &mut visit, "it is opened anew");
                visiting.store(wanted.number, Ordering::SeqCst);
                visit = begin_visit(&mut desk, &mut current, &mut home, &wanted);
            }
            Idle::HandBack(number) if visit.as_ref().is_none_or(|it| it.number != number) => {
                take_over::tell(&desk, number, TakeOverCame::Over { why: "its screen is gone".to_owned() });
            }
            Idle::HandBack(_) => end_visit(&mut desk, &mut current, &mut visit, "it was handed back"),
            Idle::Stop => {
                end_visit(&mut desk, &mut current, &mut visit, "it was stopped");
                stop(&mut desk, &mut current, "it was stopped");
            }
            Idle::Close => {
                end_visit(&mut desk, &mut current, &mut visit, "the hub ended");
                stop(&mut desk, &mut current, "the hub ended");
                return;
            }
        }
    }
}

/// Opens the agent's session for a person.
fn begin_visit(desk: &mut Desk, current: &mut Current, home: &mut Home, wanted: &TakeOver) -> Option<Visit> {
    desk.for_a_person();
    let sandbox = home.as_ref().is_some_and(|it| it.sandbox);
    let place = Spot { cwd: wanted.cwd.clone(), access: Access::Write, sandbox };
    if home.replace(place).is_some_and(|it| it.cwd != wanted.cwd) {
        stop(desk, current, "a person takes it over in another folder");
    }
    if let Err(failure) = driver_for(desk, current) {
        take_over::tell(desk, wanted.number, TakeOverCame::Over { why: failure.message });
        return None;
    }
    let (profile, driver) = current.as_mut()?;
    take_over::begin(desk, &Arc::clone(profile), driver.as_mut(), wanted)
}

/// Ends what a person has of the agent, where they have something.
fn end_visit(desk: &mut Desk, current: &mut Current, visit: &mut Option<Visit>, why: &str) {
    if let Some(visit) = visit.take() {
        visit.end(desk, current.as_mut().map(|it| &mut *it.1 as &mut dyn Driver), why);
    }
}

/// Has a turn taken, with the open buffers as a part of the work tree: its agent is told what is not saved, and what it writes
/// is carried into buffers that hold something of their own (promise 4).
fn with_buffers(desk: &mut Desk, current: &mut Current, request: &mut TurnRequest) -> TurnOutcome {
    let turn = request.turn;
    let buffers = Arc::clone(&desk.parts.given.buffers);
    let opened = buffers.before(&request.paths);
    let is_tool = desk.parts.given.catalog.get().resolve(&desk.agent).is_some_and(|it| it.driver == DriverKind::Tool);
    if !is_tool {
        let text: Arc<str> = given::context(request, &desk.parts.given).into();
        if !text.is_empty() {
            request.prompt = format!("{}{text}", request.prompt).into();
            desk.tell(Event::ContextGiven { turn, text });
        }
    }
    if !is_tool && !opened.unsaved.is_empty() {
        let text: Arc<str> = Redactor::of_shapes().redact(&buffers::told(&opened.unsaved)).into();
        request.prompt = format!("{}{text}", request.prompt).into();
        desk.tell(Event::BuffersGiven { turn, text });
    }
    let mut outcome = match driver_for(desk, current) {
        Ok(driver) => driver.take_turn(desk, request),
        Err(failure) => TurnOutcome::Failed(failure),
    };
    if let (true, TurnOutcome::Answered { text, .. }) = (is_tool, &mut outcome) {
        text.push_str(&buffers::unseen(&opened.unsaved));
    }
    for clash in buffers.after(&opened.bases) {
        desk.tell(Event::Clashed { turn: Some(turn), clash: Box::new(clash.into()) });
    }
    outcome
}

fn stop(desk: &mut Desk, current: &mut Current, why: &str) {
    if let Some((_, mut driver)) = current.take() {
        driver.stop(desk);
    }
    desk.say(AgentState::Stopped, Source::Hub, why);
}

/// Returns the agent's driver. Where the profile has changed, the old program is ended first.
fn driver_for<'a>(desk: &mut Desk, current: &'a mut Current) -> Result<&'a mut Box<dyn Driver>, Failure> {
    let Some(profile) = desk.parts.given.catalog.get().resolve(&desk.agent).cloned() else {
        let message = format!("there is no agent {}; `callboard agents` lists those that there are", desk.agent);
        return Err(driver::failure(FailureClass::NotInstalled, message));
    };
    if let Program::Missing(why) = &profile.program {
        return Err(driver::failure(FailureClass::NotInstalled, format!("{}: {why}", desk.agent)));
    }
    if profile.origin == Origin::Workspace
        && let Err(why) = (desk.parts.given.trusted)()
    {
        stop(desk, current, "what the workspace configures is not trusted");
        return Err(driver::failure(FailureClass::Untrusted, why));
    }
    if current.as_ref().is_some_and(|(old, _)| **old != *profile) {
        stop(desk, current, "its profile changed");
    }
    let (_, driver) = current.get_or_insert_with(|| {
        let driver: Box<dyn Driver> = match profile.driver {
            DriverKind::Tool => Box::new(ToolDriver::new(Arc::clone(&profile))),
            #[cfg(unix)]
            DriverKind::StreamJson => Box::new(StreamDriver::new(Arc::clone(&profile))),
            #[cfg(unix)]
            DriverKind::Acp => Box::new(LineDriver::<Acp>::new(Arc::clone(&profile), desk)),
            #[cfg(unix)]
            DriverKind::AppServer => Box::new(LineDriver::<AppServer>::new(Arc::clone(&profile), desk)),
            // A profile can't ask for another driver: the catalogue refuses it where it is read.
            _ => Box::new(TerminalDriver::new(Arc::clone(&profile))),
        };
        (profile, driver)
    });
    Ok(driver)
}

/// Lets a few through at once.
pub(crate) struct Gate {
    free: Mutex<usize>,
    changed: Condvar,
}

impl Gate {
    fn new(places: usize) -> Self {
        Self { free: Mutex::new(places), changed: Condvar::new() }
    }

    /// Does something once there is a place. It must not take long.
    pub(crate) fn pass<T>(&self, something: impl FnOnce() -> T) -> T {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.changed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let _place = Place(self);
        something()
    }
}

/// A place in a gate; free again when dropped, also by a panic.
struct Place<'a>(&'a Gate);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}
