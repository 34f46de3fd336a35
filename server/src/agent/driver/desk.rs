//! An agent's desk: its inbox, its turns that wait, and what it reports.
//!
//! Invariant: each turn that is handed in is reported as ended exactly once, whatever happens to the thread that has it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::Instant,
};

use super::failure;
use crate::{
    agent::{AgentClaim, AgentState, Source, TurnRequest, runner::Parts, terminal::TerminalEvent},
    ask::{Ask, AskReply},
    hub::event::Event,
    ids::{AgentName, TurnId},
    outcome::{FailureClass, TurnOutcome},
};

/// Where events go. Never waits.
pub(crate) type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// What an agent's thread is told.
pub(crate) enum Note {
    /// Take a turn.
    Turn(Ticket),
    /// Stop that turn.
    Interrupt(TurnId),
    /// This was said to an ask of that turn.
    Answer(TurnId, String, AskReply),
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
    /// Its program is to be ended.
    Stop,
    /// The deadline has come.
    Deadline,
}

/// What an agent's thread hears between turns.
pub(crate) enum Idle {
    Turn(Ticket),
    Terminal(TerminalEvent),
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
    waiting: VecDeque<Ticket>,
    turn: Option<TurnId>,
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
            turn: None,
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
                Ok(Note::Stop) => return Input::Stop,
                Ok(Note::Close) | Err(RecvTimeoutError::Disconnected) => {
                    self.closing = true;
                    return Input::Stop;
                }
                Ok(Note::Terminal(number, event)) if number == self.terminal => return Input::Terminal(event),
                Ok(Note::Terminal(..) | Note::Answer(..)) => {}
                Err(RecvTimeoutError::Timeout) => return Input::Deadline,
            }
        }
    }

    /// Waits for the next thing between turns.
    pub(crate) fn idle(&mut self) -> Idle {
        if self.closing {
            return Idle::Close;
        }
        if let Some(ticket) = self.waiting.pop_front() {
            return Idle::Turn(ticket);
        }
        loop {
            match self.inbox.recv() {
                Ok(Note::Turn(ticket)) => return Idle::Turn(ticket),
                Ok(Note::Stop) => return Idle::Stop,
                Ok(Note::Terminal(number, event)) if number == self.terminal => return Idle::Terminal(event),
                Ok(Note::Terminal(..) | Note::Interrupt(_) | Note::Answer(..)) => {}
                Ok(Note::Close) | Err(_) => return Idle::Close,
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

    /// Says that a turn is this agent's now.
    pub(crate) fn begin(&mut self, turn: TurnId) {
        self.turn = Some(turn);
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
        let place = request.cwd.strip_prefix(&self.parts.given.workspace).unwrap_or(&request.cwd);
        let place = if place.as_os_str().is_empty() { ".".into() } else { place.to_string_lossy().into_owned() };
        (self.report)(Event::SessionKnown { turn: request.turn, place, session: session.to_owned(), lost });
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
