//! The driver of programs that speak stream-json: one warm process a session, JSON lines both ways.
//!
//! Invariant: a turn ends by the program's own result line, or with its process; text and silence are no end. Invariant: a
//! request to use a tool gets one response, from the turn's access or from a person.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    asks::{Pending, Verdict},
    wire::{Over, Said, State},
};
use super::{
    Desk, Driver, at_signs,
    desk::Input,
    failure, files,
    live::{Live, Start, exit_class},
    spoken,
    terminal::{after, has_come, outcome, with_instructions, with_recap},
};
use crate::{
    agent::{
        Access, AgentState, Source, TurnRequest,
        catalog::profile::Profile,
        terminal::{Exit, TerminalEvent},
    },
    ask::AskReply,
    ids::Timestamp,
    outcome::{Failure, FailureClass, TurnOutcome, Usage, form},
};

mod asks;
mod show;
mod trouble;
mod wire;

/// How long a program has to end a turn that it was told to stop, before its session is ended.
const INTERRUPT_WAIT: Duration = Duration::from_secs(5);

/// For how long a program may wait by itself for the end of a limit. One that is longer is a state of the agent, with a time,
/// and the turn is over: others may take it.
const LONG_LIMIT: u64 = 60_000;

/// How long a program has to leave when nothing more comes.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// Drives a program that speaks stream-json.
pub(crate) struct StreamDriver {
    profile: Arc<Profile>,
    process: Option<Process>,
    /// Why the session that is known is not gone on with, where it is not.
    lost: Option<String>,
    /// What the turn that goes on has used so far.
    used: Usage,
}

/// A program that is running.
struct Process {
    live: Live,
    cwd: PathBuf,
    access: Access,
    /// Its session; empty until it has said it.
    session: String,
    /// Whether it was started to go on with an earlier session, and has not said that it does.
    resuming: bool,
    /// Millionths of a dollar since its start.
    cost: u64,
    /// How many requests it was sent.
    requests: u64,
}

/// What watching a turn remembers.
struct Watch {
    begun: Instant,
    heard: Instant,
    /// Whether the program has said anything since it was started.
    ready: bool,
    /// Whether the text of the block that is coming was shown as it came.
    streamed: bool,
    pending: Vec<Pending>,
    /// When the provider takes more again, where it said so.
    resets: Option<Timestamp>,
}

/// Why a turn did not come to an answer. The program is idle or gone when this is returned.
enum Ended {
    Failed(Failure),
    /// The session that was to be gone on with is not there.
    NoSession(String),
}

/// Reads a line and lets it go, whatever it is.
#[cfg(any(test, feature = "test-support"))]
pub(crate) fn swallow(line: &str) {
    drop(wire::read(line));
}

impl StreamDriver {
    pub(crate) fn new(profile: Arc<Profile>) -> Self {
        Self { profile, process: None, lost: None, used: Usage::default() }
    }

    fn turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<TurnOutcome, Failure> {
        let begun = Instant::now();
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        files::clear(&file).map_err(|err| {
            let message =
                format!("the folder for {}'s result can't be used: {err}; mend that and retry", request.agent);
            failure(FailureClass::Crashed, message)
        })?;
        let prompt = with_instructions(request);
        let said = match self.prompt(desk, request, &prompt, begun) {
            Err(Ended::NoSession(why)) => {
                self.lost = Some(why);
                self.prompt(desk, request, &prompt, begun)
            }
            said => said,
        };
        let said = said.map_err(Ended::into_failure)?;
        let given = match outcome(desk, request, &said) {
            Ok(it) => it,
            Err(why) => {
                let form = form::instructions(&request.expects).unwrap_or_default();
                let again = format!("Your result could not be used: {why}.\nGive the whole result again. {form}");
                let said = self.prompt(desk, request, &again, begun).map_err(Ended::into_failure)?;
                outcome(desk, request, &said).map_err(|why| {
                    let message = format!("{} gave no result that can be used, twice: {why}", request.agent);
                    failure(FailureClass::InvalidResult, message)
                })?
            }
        };
        Ok(match given {
            TurnOutcome::Answered { text, result, .. } => TurnOutcome::Answered { text, result, usage: self.used },
            other @ TurnOutcome::Failed(_) => other,
        })
    }

    /// Hands a prompt over and returns what was said in the end.
    fn prompt(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        prompt: &str,
        begun: Instant,
    ) -> Result<String, Ended> {
        let fresh = self.ensure(desk, request).map_err(Ended::Failed)?;
        let Some(process) = &mut self.process else { return Err(Ended::Failed(gone(request))) };
        let prompt = prompt.to_owned();
        let whole = if fresh && self.lost.is_some() { with_recap(request, prompt) } else { prompt };
        let whole = at_signs::disarmed(&whole, self.profile.at_signs, &request.cwd);
        desk.started();
        process.live.show(&show::prompt(&whole));
        process.live.send_line(&wire::prompt(&whole));
        let now = Instant::now();
        let watch = Watch { begun, heard: now, ready: !fresh, streamed: false, pending: Vec::new(), resets: None };
        Ok(self.watch(desk, request, watch)?.text)
    }

    /// Adds what a turn used. The program tells money since its start, and tokens since the prompt.
    fn spend(&mut self, over: &Over) {
        let add = |to: &mut Option<u64>, more: Option<u64>| {
            if let Some(more) = more {
                *to = Some(to.unwrap_or(0).saturating_add(more));
            }
        };
        add(&mut self.used.tokens, over.tokens);
        if let (Some(process), Some(total)) = (&mut self.process, over.cost) {
            let more = total.checked_sub(process.cost).unwrap_or(total);
            process.cost = total;
            add(&mut self.used.micro_dollars, Some(more));
        }
    }

    /// Makes sure that a program runs for what the turn wants. Returns whether it was started for it.
    fn ensure(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<bool, Failure> {
        let fits = |it: &Process| it.cwd == request.cwd && it.access == request.access;
        if self.process.as_ref().is_some_and(fits) && self.lost.is_none() && request.fork.is_none() {
            return Ok(false);
        }
        if request.access == Access::Read && self.profile.stream.read.is_empty() {
            let message = format!(
                "{} can't be kept from writing, so it takes no part that only reads; give the part to another agent",
                request.agent
            );
            return Err(failure(FailureClass::Denied, message));
        }
        // The place's own session, or the one that goes on with another access.
        let here = self.process.as_ref().filter(|it| it.cwd == request.cwd && !it.session.is_empty());
        let here = here.filter(|_| request.fork.is_none());
        let known = here.map(|it| it.session.clone()).or_else(|| request.session.as_ref().map(|it| it.id.to_string()));
        self.leave(desk);
        let session = known.filter(|_| self.lost.is_none());
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        desk.say(AgentState::Starting, Source::Hub, "its program was started");
        let mut arguments = self.profile.stream.arguments(request.access, session.as_deref());
        let fork = request.fork.as_ref().filter(|_| session.is_none() && self.lost.is_none());
        if let Some(fork) = fork {
            arguments.extend(self.profile.stream.fork.iter().map(|it| it.replace("{session}", &fork.id)));
        }
        if let Some(chosen) = desk.parts.given.chosen.get(request.agent.as_str()) {
            let model = chosen
                .model
                .iter()
                .flat_map(|model| self.profile.stream.model.iter().map(|it| it.replace("{model}", model)));
            arguments.extend(model.chain(chosen.arguments.iter().cloned()));
        }
        let start = Start {
            profile: &self.profile,
            arguments,
            turn: None,
            cwd: &request.cwd,
            result: &file,
            request: None,
            set: Vec::new(),
        };
        let live = Live::start_piped(desk, &start)?;
        self.process = Some(Process {
            live,
            cwd: request.cwd.clone(),
            access: request.access,
            session: String::new(),
            resuming: session.is_some() || fork.is_some(),
            cost: 0,
            requests: 0,
        });
        Ok(true)
    }

    /// Watches until the turn is over by the program's own word.
    fn watch(&mut self, desk: &mut Desk, request: &TurnRequest, mut watch: Watch) -> Result<Over, Ended> {
        loop {
            // Nobody is late who waits for a person.
            let waits = !watch.pending.is_empty();
            let limit = if watch.ready { request.times.idle } else { request.times.start };
            let idle = after(watch.heard, limit).filter(|_| !waits);
            let total = after(watch.begun, request.times.total).filter(|_| !waits);
            match desk.next([idle, total].into_iter().flatten().min()) {
                Input::Terminal(TerminalEvent::Exited(exit)) => {
                    if let Some(ended) = self.hear(desk, request, &mut watch) {
                        self.process = None;
                        return ended;
                    }
                    return Err(self.exited(desk, request, &exit));
                }
                Input::Terminal(TerminalEvent::Lines) => {
                    watch.heard = Instant::now();
                    if let Some(ended) = self.hear(desk, request, &mut watch) {
                        return ended;
                    }
                    if self.process.as_ref().is_some_and(|it| it.live.said_too_much()) {
                        let message = format!("{} said a line that is too long to be taken; retry", request.agent);
                        self.end(desk, &message);
                        return Err(Ended::Failed(failure(FailureClass::Crashed, message)));
                    }
                }
                // A message that comes while it works is a turn of its own for it.
                Input::Terminal(_) | Input::Told(_) => {}
                Input::Answer(key, reply) => {
                    watch.heard = Instant::now();
                    self.answer(desk, &mut watch, &key, reply);
                }
                Input::Interrupt => {
                    self.halt(desk);
                    let message = format!("{}'s turn was stopped", request.agent);
                    return Err(Ended::Failed(failure(FailureClass::Interrupted, message)));
                }
                Input::Stop => {
                    let message = format!("{} was stopped", request.agent);
                    self.end(desk, &message);
                    return Err(Ended::Failed(failure(FailureClass::Interrupted, message)));
                }
                Input::Deadline if has_come(total) => {
                    return Err(self.late(desk, request, FailureClass::TotalTimeout));
                }
                Input::Deadline if has_come(idle) => {
                    let class = if watch.ready { FailureClass::IdleTimeout } else { FailureClass::StartTimeout };
                    return Err(self.late(desk, request, class));
                }
                Input::Deadline => {}
            }
        }
    }

    /// Takes what the program has said. Returns how the turn ended, where it did.
    fn hear(&mut self, desk: &mut Desk, request: &TurnRequest, watch: &mut Watch) -> Option<Result<Over, Ended>> {
        let process = self.process.as_mut()?;
        for line in process.live.take_lines() {
            // A program that nobody has signed in to waits for somebody who does, and says so in plain words.
            if !watch.ready && !line.starts_with('{') && trouble::class_of(&line) == Some(FailureClass::NotSignedIn) {
                process.live.show(&format!("{}\n", crate::agent::terminal::plain(&line)));
                let over = Over { failed: true, text: line, ..Over::default() };
                self.end(desk, "nobody has signed in to it");
                return Some(Err(Ended::Failed(trouble::of(request.agent.as_str(), &over))));
            }
            for said in wire::read(&line) {
                // What it says before its own "ready" is not more than its result of a session that is not there.
                watch.ready |= !matches!(said, Said::Other);
                match said {
                    Said::Init { session } => {
                        process.resuming = false;
                        if !session.is_empty() && process.session != session {
                            process.session.clone_from(&session);
                            desk.session(request, &session, self.lost.take());
                        }
                        self.lost = None;
                    }
                    Said::State(State::Running) if watch.pending.is_empty() => {
                        desk.say(AgentState::Working, Source::Protocol, "it says that it works");
                    }
                    Said::Delta(text) => {
                        watch.streamed = true;
                        process.live.show(&crate::agent::terminal::plain(&text));
                    }
                    Said::Text(text) => {
                        if !std::mem::take(&mut watch.streamed) {
                            process.live.show(&format!("{}\n", crate::agent::terminal::plain(&text)));
                        }
                    }
                    Said::HelperTool { name, input } => desk.touches(&wire::edited(&name, &input), false),
                    Said::Tool { name, input } => {
                        desk.touches(&wire::edited(&name, &input), false);
                        process.live.show(&show::tool(&name, &input));
                        let why = format!("it uses {name} {}", show::summary(&input));
                        desk.say(AgentState::Working, Source::Protocol, why.trim_end());
                    }
                    Said::HelperDone => desk.touches(&[], true),
                    Said::Done { text, failed } => {
                        desk.touches(&[], true);
                        process.live.show(&show::done(&text, failed));
                    }
                    Said::Asks { id, tool, input } => {
                        match asks::judge(&id, &tool, &input, process.access, &process.cwd) {
                            Verdict::Allow => process.live.send_line(&wire::answer(&id, &asks::allow(&input))),
                            Verdict::Deny(why) => process.live.send_line(&wire::answer(&id, &asks::deny(&why))),
                            Verdict::Ask(all) => {
                                process.live.show(&show::remark("it asks you: see the inbox"));
                                watch.pending.push(Pending::new(&id, &tool, &input, &all));
                                for ask in all {
                                    desk.ask(ask);
                                }
                            }
                        }
                    }
                    Said::Unasks { id } => {
                        let gone: Vec<Pending> = watch.pending.extract_if(.., |it| it.id == id).collect();
                        for key in gone.iter().flat_map(|it| &it.open) {
                            desk.unask(key);
                        }
                    }
                    Said::Wants { id, what } => process.live.send_line(&wire::refuse(&id, &what)),
                    Said::Retries { status, after } => {
                        let why = trouble::retrying(status, after);
                        process.live.show(&show::remark(&why));
                        if status == Some(429) {
                            let until = Timestamp::now().plus(after);
                            watch.resets = Some(until);
                            let state = AgentState::RateLimited { until: Some(until) };
                            desk.say(state.clone(), Source::Protocol, why.clone());
                            if after >= LONG_LIMIT {
                                self.halt(desk);
                                desk.say(state, Source::Protocol, why.clone());
                                return Some(Err(Ended::Failed(trouble::limited(request.agent.as_str(), &why, until))));
                            }
                        } else {
                            desk.say(AgentState::Working, Source::Protocol, why);
                        }
                    }
                    Said::Limit { rejected: true, resets } => {
                        watch.resets = resets.and_then(|it| it.checked_mul(1_000)).map(Timestamp);
                    }
                    Said::Over(over) => {
                        for key in watch.pending.iter().flat_map(|it| &it.open) {
                            desk.unask(key);
                        }
                        if over.failed && process.resuming && over.status.is_none() {
                            let why = "its program does not know the session any more".to_owned();
                            self.end(desk, "it did not know its session");
                            return Some(Err(Ended::NoSession(why)));
                        }
                        self.spend(&over);
                        return Some(self.over(desk, request, *over, watch.resets));
                    }
                    Said::State(_) | Said::Limit { .. } | Said::Answers { .. } | Said::Other => {}
                }
            }
        }
        None
    }

    /// Takes the program's word that the turn is over.
    fn over(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        over: Over,
        resets: Option<Timestamp>,
    ) -> Result<Over, Ended> {
        if !over.failed {
            desk.say(AgentState::Idle, Source::Protocol, "it says that the turn is over");
            return Ok(over);
        }
        let mut found = trouble::of(request.agent.as_str(), &over);
        let (class, message) = (found.class, found.message.clone());
        match class {
            FailureClass::RateLimited => {
                found.retry_at = resets;
                desk.say(AgentState::RateLimited { until: resets }, Source::Protocol, message);
            }
            FailureClass::OverBudget => desk.say(AgentState::OutOfBudget, Source::Protocol, message),
            _ => desk.say(AgentState::Idle, Source::Protocol, "it says that the turn is over"),
        }
        if class == FailureClass::ContextFull {
            // It would be as full again: the next turn begins anew, with what was last said.
            self.lost = Some("it had become too long".to_owned());
        }
        Err(Ended::Failed(found))
    }

    /// Tells the program what was said to its request.
    fn answer(&mut self, desk: &mut Desk, watch: &mut Watch, key: &str, reply: AskReply) {
        let Some(process) = &self.process else { return };
        let Some(at) = watch.pending.iter().position(|it| it.open.iter().any(|it| it == key)) else { return };
        let Some(response) = watch.pending[at].take(key, reply) else { return };
        let done = watch.pending.swap_remove(at);
        process.live.send_line(&wire::answer(&done.id, &response));
        for key in &done.open {
            desk.unask(key);
        }
    }

    /// Stops the turn by the protocol, and by ending the session where that does not do.
    fn halt(&mut self, desk: &mut Desk) {
        let Some(process) = &mut self.process else { return };
        process.requests += 1;
        process.live.send_line(&wire::interrupt(&format!("callboard-{}", process.requests)));
        process.live.show(&show::remark("stopped"));
        let deadline = Instant::now() + INTERRUPT_WAIT;
        loop {
            match desk.next(Some(deadline)) {
                Input::Terminal(TerminalEvent::Lines) => {
                    let Some(process) = &mut self.process else { return };
                    let lines = process.live.take_lines();
                    let over = lines.iter().flat_map(|it| wire::read(it)).find_map(|it| match it {
                        Said::Over(over) => Some(over),
                        _ => None,
                    });
                    if let Some(over) = over {
                        self.spend(&over);
                        return desk.say(AgentState::Idle, Source::Protocol, "it says that the turn is over");
                    }
                }
                Input::Terminal(TerminalEvent::Exited(exit)) => return self.collect(desk, &exit),
                Input::Stop => return self.end(desk, "it was stopped"),
                Input::Deadline => {
                    return self.end(desk, "it did not take the interrupt, so its session was ended");
                }
                Input::Terminal(_) | Input::Answer(..) | Input::Told(_) | Input::Interrupt => {}
            }
        }
    }

    fn late(&mut self, desk: &mut Desk, request: &TurnRequest, class: FailureClass) -> Ended {
        let agent = &request.agent;
        let times = request.times;
        let message = match class {
            FailureClass::StartTimeout => format!(
                "{agent} was not ready after {}; look at its terminal, or raise `times.start` in its profile",
                spoken(times.start.unwrap_or_default())
            ),
            FailureClass::TotalTimeout => format!(
                "{agent} was not done after {}; raise `times.total` in its profile, or give it less to do",
                spoken(times.total.unwrap_or_default())
            ),
            _ => format!(
                "nothing was heard of {agent} for {}; look at its terminal, or raise `times.idle` in its profile",
                spoken(times.idle.unwrap_or_default())
            ),
        };
        self.halt(desk);
        Ended::Failed(failure(class, message))
    }

    /// Takes in that the program ended in the midst of a turn.
    fn exited(&mut self, desk: &mut Desk, request: &TurnRequest, exit: &Exit) -> Ended {
        let Some(process) = self.process.take() else { return Ended::Failed(gone(request)) };
        let complaint = process.live.complaint();
        if process.resuming && complaint.contains("No conversation found") {
            return Ended::NoSession("its program does not know the session any more".to_owned());
        }
        desk.say(AgentState::Crashed, Source::ExitStatus, format!("its program {exit} in the midst of a turn"));
        let shown = if complaint.is_empty() { String::new() } else { format!("; the last it said: {complaint}") };
        let class = trouble::class_of(&complaint).unwrap_or_else(|| exit_class(exit));
        let message =
            format!("{} {exit} before its turn was over{shown}; retry, or look at its terminal", request.agent);
        Ended::Failed(failure(class, message))
    }

    /// Takes in that the program ended when nothing was asked of it.
    fn collect(&mut self, desk: &mut Desk, exit: &Exit) {
        self.process = None;
        let state = if exit.code == Some(0) { AgentState::Stopped } else { AgentState::Crashed };
        desk.say(state, Source::ExitStatus, format!("its program {exit}"));
    }

    fn leave(&mut self, desk: &mut Desk) {
        if let Some(process) = self.process.take() {
            process.live.leave(desk, LEAVE_WAIT);
        }
    }

    fn end(&mut self, desk: &mut Desk, why: &str) {
        if let Some(process) = self.process.take() {
            process.live.stop(desk);
        }
        desk.say(AgentState::Stopped, Source::Hub, why);
    }
}

impl Driver for StreamDriver {
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome {
        self.used = Usage::default();
        self.turn(desk, request).unwrap_or_else(|failure| {
            desk.spent(self.used);
            TurnOutcome::Failed(failure)
        })
    }

    fn between(&mut self, desk: &mut Desk, event: TerminalEvent) {
        match event {
            TerminalEvent::Exited(exit) => self.collect(desk, &exit),
            TerminalEvent::Lines => {
                let Some(process) = &self.process else { return };
                for said in process.live.take_lines().iter().flat_map(|it| wire::read(it)) {
                    // Nothing may be used between turns: there is nobody whose turn it would be.
                    if let Said::Asks { id, .. } = said {
                        process.live.send_line(&wire::answer(&id, &asks::deny("no turn goes on")));
                    }
                }
            }
            _ => {}
        }
    }

    fn stop(&mut self, desk: &mut Desk) {
        self.leave(desk);
    }
}

impl Ended {
    fn into_failure(self) -> Failure {
        match self {
            Self::Failed(it) => it,
            Self::NoSession(why) => failure(FailureClass::Crashed, format!("no session could be begun: {why}; retry")),
        }
    }
}

fn gone(request: &TurnRequest) -> Failure {
    failure(FailureClass::Crashed, format!("{}'s program is gone; retry", request.agent))
}
