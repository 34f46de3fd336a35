//! An agent's desk: its inbox, its turns that wait, and what it reports.
//!
//! Invariant: each turn that is handed in is reported as ended exactly once, whatever happens to the thread that has it.

use std::{
    collections::VecDeque,
    path::{Component, Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::Instant,
};

use super::failure;
use crate::{
    agent::{
        Access, AgentClaim, AgentState, Source, TakeOver, TurnRequest, catalog::profile::Profile, runner::Parts,
        terminal::TerminalEvent,
    },
    ask::{Ask, AskReply},
    hub::event::Event,
    ids::{AgentName, TurnId},
    outcome::{FailureClass, TurnOutcome, Usage},
};

/// Returns a path without `.` and `..`, as it reads: no link is followed.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            other => plain.push(other),
        }
    }
    plain
}

/// Where events go. Never waits.
pub(crate) type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// What an agent's thread is told.
pub(crate) enum Note {
    /// Take a turn.
    Turn(Box<Ticket>),
    /// Stop that turn.
    Interrupt(TurnId),
    /// This was said to an ask of that turn.
    Answer(TurnId, String, AskReply),
    /// Tell that turn this, where its program can be told something while it works.
    Tell(TurnId, Arc<str>),
    /// Open the session for a person.
    TakeOver(Box<TakeOver>),
    /// End what was opened for a person, where it is this.
    HandBack(u64),
    /// End the program.
    Stop,
    /// End the program and the thread.
    Close,
    /// Something happened on the terminal with this number.
    Terminal(u64, TerminalEvent),
}

/// A turn that was handed in. Dropped without an end, it reports a crash: silence is never an end.
pub(crate) struct Ticket {
    pub(crate) request: TurnRequest,
    report: Option<Report>,
}

impl Ticket {
    pub(crate) fn new(request: TurnRequest, report: Report) -> Self {
        Self { request, report: Some(report) }
    }

    pub(crate) fn end(mut self, outcome: TurnOutcome) {
        self.tell(outcome);
    }

    fn tell(&mut self, outcome: TurnOutcome) {
        if let Some(report) = self.report.take() {
            report(Event::TurnEnded { turn: self.request.turn, outcome });
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let agent = &self.request.agent;
        let message = format!(
            "the driver of {agent} failed within Callboard before the turn was over; retry, and report it with the log"
        );
        self.tell(TurnOutcome::Failed(failure(FailureClass::Crashed, message)));
    }
}

/// What a driver hears while it is on a turn.
pub(crate) enum Input {
    /// Its terminal did something.
    Terminal(TerminalEvent),
    /// Its turn is to be stopped.
    Interrupt,
    /// This was said to what it asked.
    Answer(String, AskReply),
    /// It is to be told this. Only drivers that can are asked to.
    Told(Arc<str>),
    /// Its program is to be ended.
    Stop,
    /// The deadline has come.
    Deadline,
}

/// What an agent's thread hears between turns.
pub(crate) enum Idle {
    Turn(Box<Ticket>),
    Terminal(TerminalEvent),
    TakeOver(Box<TakeOver>),
    HandBack(u64),
    Stop,
    Close,
}

/// An agent's desk.
pub(crate) struct Desk {
    pub(crate) agent: AgentName,
    pub(crate) parts: Arc<Parts>,
    /// The number of the terminal that is listened to: what an older one still says is let go.
    pub(crate) terminal: u64,
    inbox: Receiver<Note>,
    sender: Sender<Note>,
    report: Report,
    waiting: VecDeque<Box<Ticket>>,
    /// What came for between turns while a program was being ended.
    later: VecDeque<Note>,
    turn: Option<TurnId>,
    /// What the turn that goes on may do, and whether its program must be in a sandbox.
    wants: (Access, bool),
    /// Where the turn works.
    cwd: PathBuf,
    /// Whether the driver can tell its program something while a turn goes on.
    pub(crate) tells: bool,
    started: bool,
    closing: bool,
    claimed: Option<(AgentState, Source)>,
}

impl Desk {
    pub(crate) fn new(
        agent: AgentName,
        parts: Arc<Parts>,
        report: Report,
        inbox: Receiver<Note>,
        sender: Sender<Note>,
    ) -> Self {
        Self {
            agent,
            parts,
            terminal: 0,
            inbox,
            sender,
            report,
            waiting: VecDeque::new(),
            later: VecDeque::new(),
            turn: None,
            wants: (Access::Write, false),
            cwd: PathBuf::new(),
            tells: false,
            started: false,
            closing: false,
            claimed: None,
        }
    }

    /// Waits for the next thing that concerns the turn that is going on, until a deadline at most.
    pub(crate) fn next(&mut self, deadline: Option<Instant>) -> Input {
        loop {
            let note = match deadline {
                None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => self.inbox.recv_timeout(at.saturating_duration_since(Instant::now())),
            };
            match note {
                Ok(Note::Turn(ticket)) => self.waiting.push_back(ticket),
                Ok(Note::Interrupt(turn)) if self.turn == Some(turn) => return Input::Interrupt,
                Ok(Note::Interrupt(turn)) => self.withdraw(turn),
                Ok(Note::Answer(turn, key, reply)) if self.turn == Some(turn) => return Input::Answer(key, reply),
                Ok(Note::Tell(turn, text)) if self.tells && self.turn == Some(turn) => return Input::Told(text),
                Ok(note @ (Note::TakeOver(_) | Note::HandBack(_))) => self.later.push_back(note),
                Ok(Note::Stop) => return Input::Stop,
                Ok(Note::Close) | Err(RecvTimeoutError::Disconnected) => {
                    self.closing = true;
                    return Input::Stop;
                }
                Ok(Note::Terminal(number, event)) if number == self.terminal => return Input::Terminal(event),
                Ok(Note::Terminal(..) | Note::Answer(..) | Note::Tell(..)) => {}
                Err(RecvTimeoutError::Timeout) => return Input::Deadline,
            }
        }
    }

    /// Waits for the next thing between turns.
    pub(crate) fn idle(&mut self) -> Idle {
        if self.closing {
            return Idle::Close;
        }
        match self.later.pop_front() {
            Some(Note::TakeOver(wanted)) => return Idle::TakeOver(wanted),
            Some(Note::HandBack(number)) => return Idle::HandBack(number),
            _ => {}
        }
        if let Some(ticket) = self.waiting.pop_front() {
            return Idle::Turn(ticket);
        }
        loop {
            match self.inbox.recv() {
                Ok(Note::Turn(ticket)) => return Idle::Turn(ticket),
                Ok(Note::TakeOver(wanted)) => return Idle::TakeOver(wanted),
                Ok(Note::HandBack(number)) => return Idle::HandBack(number),
                Ok(Note::Stop) => return Idle::Stop,
                Ok(Note::Terminal(number, event)) if number == self.terminal => return Idle::Terminal(event),
                Ok(Note::Terminal(..) | Note::Interrupt(_) | Note::Answer(..) | Note::Tell(..)) => {}
                Ok(Note::Close) | Err(_) => return Idle::Close,
            }
        }
    }

    /// Waits until a time before something is opened for a person. Returns false where it is not wanted any more.
    pub(crate) fn wait_to_open(&mut self, until: Instant) -> bool {
        loop {
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Note::Turn(ticket)) => self.waiting.push_back(ticket),
                Ok(note @ Note::HandBack(_)) => {
                    self.later.push_back(note);
                    return false;
                }
                Ok(Note::Stop) => return false,
                Ok(Note::Close) | Err(RecvTimeoutError::Disconnected) => {
                    self.closing = true;
                    return false;
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => return true,
            }
        }
    }

    /// Returns a way for a new terminal to be heard; older ones are heard no more.
    pub(crate) fn listen(&mut self) -> impl Fn(TerminalEvent) + Send + Sync + use<> {
        self.terminal += 1;
        let number = self.terminal;
        let sender = self.sender.clone();
        move |event| {
            let _ = sender.send(Note::Terminal(number, event));
        }
    }

    /// Reports something of the turn that is going on.
    pub(crate) fn tell(&self, event: Event) {
        (self.report)(event);
    }

    /// Says what a turn has used that is about to fail, where anything is known of it.
    pub(crate) fn spent(&self, usage: Usage) {
        if let Some(turn) = self.turn.filter(|_| usage != Usage::default()) {
            (self.report)(Event::Spent { turn, usage });
        }
    }

    /// Says that a turn is this agent's now.
    pub(crate) fn begin(&mut self, request: &TurnRequest) {
        self.wants = (request.access, request.sandbox);
        self.turn = Some(request.turn);
        self.cwd.clone_from(&request.cwd);
        self.tells = false;
        self.started = false;
    }

    /// Says that the prompt is being handed over; once a turn.
    pub(crate) fn started(&mut self) {
        if let Some(turn) = self.turn
            && !std::mem::replace(&mut self.started, true)
        {
            (self.report)(Event::TurnStarted { turn });
        }
    }

    /// Asks a person something for the turn that is going on. The reply comes as [`Input::Answer`].
    pub(crate) fn ask(&self, ask: Ask) {
        if let Some(turn) = self.turn {
            (self.report)(Event::Asked { turn, ask: Box::new(ask) });
        }
    }

    /// Says in which session of its program the turn goes on. `lost` says why an earlier one could not be gone on with.
    pub(crate) fn session(&self, request: &TurnRequest, session: &str, lost: Option<String>) {
        let place = self.place(&request.cwd);
        (self.report)(Event::SessionKnown { turn: request.turn, place, session: session.to_owned(), lost });
    }

    /// Says that the turn changes files, or that it is done with it: with all of its files where none is named. Paths are taken
    /// from where the turn works; what is outside of the workspace is nobody's matter here.
    pub(crate) fn touches(&self, paths: &[String], over: bool) {
        let Some(turn) = self.turn else { return };
        let root = &self.parts.given.workspace;
        let inside = |it: &String| Some(plain(&self.cwd.join(it)).strip_prefix(root).ok()?.to_str()?.to_owned());
        let inside: Vec<String> = paths.iter().filter_map(inside).filter(|it| !it.is_empty()).collect();
        if !inside.is_empty() || (over && paths.is_empty()) {
            (self.report)(Event::Touched { turn, paths: inside, over });
        }
    }

    /// Says that the turn no longer waits for the answer to an ask.
    pub(crate) fn unask(&self, key: &str) {
        if let Some(turn) = self.turn {
            (self.report)(Event::AskWithdrawn { turn, key: key.to_owned() });
        }
    }

    /// Says that the turn is no longer going on.
    pub(crate) fn over(&mut self) {
        self.turn = None;
    }

    /// Reports what is believed of the agent, where that is something else than before.
    pub(crate) fn claim(&mut self, claim: AgentClaim) {
        let told = (claim.state.clone(), claim.source);
        if self.claimed.as_ref() != Some(&told) {
            self.claimed = Some(told);
            (self.report)(Event::AgentChanged { agent: self.agent.clone(), claim });
        }
    }

    /// Forgets what was last claimed, where the hub believes something else by now.
    pub(crate) fn unclaim(&mut self) {
        self.claimed = None;
    }

    /// Says that what is started next is a person's.
    pub(crate) fn for_a_person(&mut self) {
        self.wants = (Access::Write, self.wants.1);
    }

    /// Returns what a program that is started now may do.
    pub(crate) fn access(&self) -> Access {
        self.wants.0
    }

    /// Returns whether a program that is started now must be in a sandbox.
    pub(crate) fn is_boxed(&self, profile: &Profile) -> bool {
        let chosen = self.parts.given.chosen.get(self.agent.as_str());
        self.wants.1 || profile.sandbox.always || chosen.is_some_and(|it| it.sandbox)
    }

    /// Returns the folder for what the agent's program keeps.
    pub(crate) fn home(&self) -> PathBuf {
        self.parts.given.homes.join(self.agent.as_str())
    }

    /// Returns where something works, as the hub names places.
    pub(crate) fn place(&self, cwd: &Path) -> String {
        let place = cwd.strip_prefix(&self.parts.given.workspace).unwrap_or(cwd);
        if place.as_os_str().is_empty() { ".".to_owned() } else { place.to_string_lossy().into_owned() }
    }

    /// Reports a state that has one reason.
    pub(crate) fn say(&mut self, state: AgentState, source: Source, why: impl Into<String>) {
        self.claim(AgentClaim { state, source, why: why.into() });
    }

    /// Ends a turn that has not begun.
    fn withdraw(&mut self, turn: TurnId) {
        if let Some(at) = self.waiting.iter().position(|it| it.request.turn == turn)
            && let Some(ticket) = self.waiting.remove(at)
        {
            ticket.end(super::failed(FailureClass::Interrupted, "the turn was stopped before it began"));
        }
    }
}
