//! The driver of Codex: its app-server on pipes, one process an agent and one thread a session.
//!
//! Shell only: what lines mean is `dialogue.rs`, what a person is asked `asks.rs`, where Codex keeps its things `home.rs`.
//! Invariant: what is given here per turn (folder, sandbox, approvals) is given with every turn, so nothing of an earlier one
//! or of the developer's own settings decides what this one may do. Nothing here ever turns Codex's sandbox off.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use self::dialogue::{Dialogue, Leave, Purpose, Step};
use super::{
    Desk, Driver,
    desk::Input,
    failure, files,
    live::{Live, Start, exit_class},
    sessions, spoken,
    terminal::{outcome, with_instructions},
};
use crate::{
    agent::{
        Access, AgentState, Source, TurnRequest,
        catalog::profile::Profile,
        terminal::{Exit, TerminalEvent},
        tools::Attachment,
    },
    outcome::{Failure, FailureClass, TurnOutcome, Usage, form},
};

mod asks;
mod dialogue;
mod home;
mod trouble;
mod wire;

/// How long Codex has to end a turn that is interrupted, before its session is.
const INTERRUPT_WAIT: Duration = Duration::from_secs(10);
/// How long it has to leave when its input ends.
const LEAVE_WAIT: Duration = Duration::from_secs(2);
/// For how long it may try again without getting on: where nothing answers it would do so for ever.
const RETRY_WAIT: Duration = Duration::from_secs(120);

/// Drives Codex.
pub(crate) struct AppServerDriver {
    profile: Arc<Profile>,
    live: Option<Live>,
    dialogue: Dialogue,
}

/// What a turn has to keep to.
struct Watch {
    begun: Instant,
    /// When something last came that was no word of trying again.
    heard: Instant,
    /// Since when it only tries again.
    retrying: Option<Instant>,
}

/// Why a turn ended early. No turn is going on in the program then, or there is no program.
struct Ended(Failure);

impl AppServerDriver {
    pub(crate) fn new(profile: Arc<Profile>, desk: &Desk) -> Self {
        Self { profile, live: None, dialogue: Dialogue::new(desk.agent.clone()) }
    }

    /// Starts Codex where it does not run, and opens the agent's thread.
    fn ready(&mut self, desk: &mut Desk, request: &TurnRequest, begun: Instant) -> Result<(), Ended> {
        if self.live.is_none() {
            self.start(desk, request)?;
            let info = json!({ "name": "callboard", "title": "Callboard", "version": env!("CARGO_PKG_VERSION") });
            let params = json!({ "clientInfo": info, "capabilities": { "experimentalApi": true } });
            self.call(desk, request, begun, Purpose::Initialize, "initialize", &params)?
                .map_err(|why| self.refused(desk, request, "does not start a conversation", &why))?;
            self.send(&wire::notification("initialized"));
        }
        if self.dialogue.thread().is_some() {
            return Ok(());
        }
        let mut params = self.thread_params(desk, request);
        if let Some(known) = sessions::known(desk) {
            params.insert("threadId".to_owned(), known.into());
            let resumed =
                self.call(desk, request, begun, Purpose::Thread, "thread/resume", &Value::Object(params.clone()))?;
            match resumed {
                Ok(thread) => return self.opened(desk, request, &thread),
                Err(why) => {
                    self.show(&format!("\n(its session could not be resumed: {why}; a new one is begun)\n"));
                    sessions::lost(desk);
                    params.remove("threadId");
                }
            }
        }
        let started = self.call(desk, request, begun, Purpose::Thread, "thread/start", &Value::Object(params))?;
        let thread = started.map_err(|why| self.refused(desk, request, "does not begin a thread", &why))?;
        self.opened(desk, request, &thread)
    }

    fn opened(&mut self, desk: &mut Desk, request: &TurnRequest, answer: &Value) -> Result<(), Ended> {
        let Some(thread) = answer["thread"]["id"].as_str() else {
            return Err(self.refused(desk, request, "does not say which thread it began", "an answer without an id"));
        };
        self.dialogue.speaks_in(thread);
        sessions::is(desk, thread);
        Ok(())
    }

    fn start(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<(), Ended> {
        self.dialogue = Dialogue::new(desk.agent.clone());
        let own = sessions::folder(desk).join("codex");
        let given = &desk.parts.given;
        let developer = home::of_developer(&given.environment, &given.workspace);
        let prepared = home::prepare(&own, developer.as_deref())
            .and_then(|()| home::temporary(&own, &given.environment))
            .map_err(|error| {
                let message = format!(
                    "the folder of {} for Codex's own files, {}, can't be made: {error}; mend that and retry",
                    request.agent,
                    own.display()
                );
                Ended(failure(FailureClass::Crashed, message))
            })?;
        let mut set = vec![("CODEX_HOME".to_owned(), own.to_string_lossy().into_owned())];
        set.extend(prepared.map(|it| ("TMPDIR".to_owned(), it.to_string_lossy().into_owned())));
        let file = files::result_path(&given.results, &request.agent);
        desk.say(AgentState::Starting, Source::Hub, "its program was started");
        let start = Start {
            profile: &self.profile,
            arguments: self.profile.protocol.clone(),
            turn: None,
            cwd: &request.cwd,
            result: &file,
            request: None,
            set,
        };
        self.live = Some(Live::start_piped(desk, &start).map_err(Ended)?);
        Ok(())
    }

    /// Returns what a thread is opened with.
    fn thread_params(&self, desk: &Desk, request: &TurnRequest) -> Map<String, Value> {
        // A project that the developer trusts in Codex may bring settings, servers and hooks of its own. What a repository
        // brings is no setting here, so for these threads none is trusted.
        let untrusted: Map<String, Value> = [request.cwd.as_path(), desk.parts.given.workspace.as_path()]
            .into_iter()
            .flat_map(Path::ancestors)
            .map(|it| (it.to_string_lossy().into_owned(), json!({ "trust_level": "untrusted" })))
            .collect();
        let mut params = Map::new();
        params.insert("cwd".to_owned(), request.cwd.to_string_lossy().into());
        params.insert("approvalPolicy".to_owned(), approvals(request.access).into());
        params.insert(
            "sandbox".to_owned(),
            if request.access == Access::Write { "workspace-write" } else { "read-only" }.into(),
        );
        let tools = self.live.as_ref().and_then(Live::tools).map(Attachment::for_codex);
        let mut config = tools.unwrap_or_else(|| json!({}));
        config["projects"] = untrusted.into();
        params.insert("config".to_owned(), config);
        params
    }

    fn turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<TurnOutcome, Ended> {
        let begun = Instant::now();
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        if let Err(error) = files::clear(&file) {
            let message =
                format!("the folder for {}'s result can't be used: {error}; mend that and retry", request.agent);
            return Err(Ended(failure(FailureClass::Crashed, message)));
        }
        self.ready(desk, request, begun)?;
        desk.started();
        self.prompt(desk, request, begun, &with_instructions(request))?;
        let why = match self.answered(desk, request) {
            Ok(outcome) => return Ok(outcome),
            Err(why) => why,
        };
        let form = form::instructions(&request.expects).unwrap_or_default();
        let again = format!("Your result could not be used: {why}.\nGive the whole result again. {form}");
        self.prompt(desk, request, begun, &again)?;
        self.answered(desk, request).map_err(|why| {
            let message = format!("{} gave no result that can be used, twice: {why}", request.agent);
            Ended(failure(FailureClass::InvalidResult, message))
        })
    }

    /// Returns what the turn came to, or what is wrong with its result.
    fn answered(&self, desk: &Desk, request: &TurnRequest) -> Result<TurnOutcome, String> {
        let (last, all) = self.dialogue.said();
        // A result may stand in a message before the last one.
        let outcome = outcome(desk, request, last).or_else(|why| outcome(desk, request, &all).map_err(|_| why))?;
        let used = Usage { tokens: self.dialogue.tokens(), ..Usage::default() };
        Ok(match outcome {
            TurnOutcome::Answered { text, result, .. } => TurnOutcome::Answered { text, result, usage: used },
            failed @ TurnOutcome::Failed(_) => failed,
        })
    }

    /// Gives it a prompt, and returns when it is done with it.
    fn prompt(&mut self, desk: &mut Desk, request: &TurnRequest, begun: Instant, text: &str) -> Result<(), Ended> {
        let may_edit = request.access == Access::Write;
        self.dialogue.begin(Leave { cwd: request.cwd.clone(), may_edit });
        self.show(&format!("\n\x1b[1;36m›\x1b[0m {}\n", crate::agent::terminal::plain(text)));
        let sandbox = if may_edit {
            json!({ "type": "workspaceWrite", "writableRoots": [], "networkAccess": false })
        } else {
            json!({ "type": "readOnly", "networkAccess": false })
        };
        let params = json!({
            "threadId": self.dialogue.thread(),
            "input": [{ "type": "text", "text": text }],
            "cwd": request.cwd,
            "approvalPolicy": approvals(request.access),
            "sandboxPolicy": sandbox,
        });
        let line = self.dialogue.request(Purpose::Turn, "turn/start", &params);
        self.send(&line);
        desk.say(AgentState::Working, Source::Protocol, "it was given its prompt");
        let mut watch = Watch { begun, heard: Instant::now(), retrying: None };
        loop {
            let deadline = self.deadline(request, &watch);
            for step in self.next(desk, request, deadline, &watch)? {
                match step {
                    Step::Over(over) => {
                        desk.say(AgentState::Idle, Source::Protocol, "it says that its turn is over");
                        return over.map_err(|it| self.failed(desk, it));
                    }
                    Step::Answered(Purpose::Turn, Err(why)) => {
                        return Err(self.refused(desk, request, "does not take a turn", &why));
                    }
                    Step::Progress => watch = Watch { heard: Instant::now(), retrying: None, ..watch },
                    Step::Retrying(error) => {
                        let since = *watch.retrying.get_or_insert_with(Instant::now);
                        if since.elapsed() >= RETRY_WAIT {
                            self.halt(desk);
                            return Err(self.failed(desk, self.dialogue.failure(&error)));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Takes note of a failure that says something of what the agent can do next.
    fn failed(&self, desk: &mut Desk, failure: Failure) -> Ended {
        if failure.class == FailureClass::RateLimited {
            let state = AgentState::RateLimited { until: failure.retry_at };
            desk.say(state, Source::Protocol, failure.message.clone());
        }
        Ended(failure)
    }

    fn deadline(&self, request: &TurnRequest, watch: &Watch) -> Option<Instant> {
        let idle = after(watch.heard, request.times.idle).filter(|_| !self.dialogue.waits());
        let retry = watch.retrying.map(|it| it + RETRY_WAIT);
        [idle, after(watch.begun, request.times.total), retry].into_iter().flatten().min()
    }

    /// Asks for something and waits for the answer.
    fn call(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        begun: Instant,
        purpose: Purpose,
        method: &str,
        params: &Value,
    ) -> Result<Result<Value, String>, Ended> {
        let line = self.dialogue.request(purpose, method, params);
        self.send(&line);
        let watch = Watch { begun, heard: begun, retrying: None };
        let start = after(begun, request.times.start);
        loop {
            for step in self.next(desk, request, start, &watch)? {
                if let Step::Answered(it, result) = step
                    && it == purpose
                {
                    return Ok(result);
                }
            }
            if start.is_some_and(|it| it <= Instant::now()) {
                let limit = spoken(request.times.start.unwrap_or_default());
                let message = format!(
                    "{} was not ready after {limit} (it was asked to {method}); raise `times.start` in its profile",
                    request.agent
                );
                self.end_program(desk);
                desk.say(AgentState::Stopped, Source::Hub, message.clone());
                return Err(Ended(failure(FailureClass::StartTimeout, message)));
            }
        }
    }

    /// Waits for the next thing, does what can be done here, and returns what else it means.
    fn next(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        deadline: Option<Instant>,
        watch: &Watch,
    ) -> Result<Vec<Step>, Ended> {
        match desk.next(deadline) {
            Input::Terminal(TerminalEvent::Lines) => Ok(self.hear(desk)),
            Input::Terminal(TerminalEvent::Exited(exit)) => {
                // What it said before it went may be that the turn is over.
                let steps = self.hear(desk);
                if steps.iter().any(|it| matches!(it, Step::Over(_))) {
                    self.forget();
                    return Ok(steps);
                }
                Err(self.gone(desk, request, &exit))
            }
            Input::Terminal(_) => Ok(Vec::new()),
            Input::Answer(key, reply) => {
                let steps = self.dialogue.reply(&key, &reply);
                let mut steps = self.carry_out(desk, steps);
                steps.push(Step::Progress);
                Ok(steps)
            }
            Input::Interrupt => {
                self.halt(desk);
                Err(Ended(failure(FailureClass::Interrupted, format!("{}'s turn was stopped", request.agent))))
            }
            Input::Stop => {
                self.end_program(desk);
                desk.say(AgentState::Stopped, Source::Hub, "it was stopped");
                Err(Ended(failure(FailureClass::Interrupted, format!("{} was stopped", request.agent))))
            }
            Input::Deadline => self.late(desk, request, watch),
        }
    }

    /// Says that a time is up, where one is.
    fn late(&mut self, desk: &mut Desk, request: &TurnRequest, watch: &Watch) -> Result<Vec<Step>, Ended> {
        let (now, agent) = (Instant::now(), &request.agent);
        let is_up = |at: Option<Instant>| at.is_some_and(|it| it <= now);
        let (class, message) = if is_up(after(watch.begun, request.times.total)) {
            let limit = spoken(request.times.total.unwrap_or_default());
            let next = "raise `times.total` in its profile, or give it less to do";
            (FailureClass::TotalTimeout, format!("{agent} was not done after {limit}; {next}"))
        } else if is_up(watch.retrying.map(|it| it + RETRY_WAIT)) {
            let next = "look whether it can be reached from here, then retry";
            (FailureClass::Overloaded, format!("{agent}'s provider did not answer in spite of several tries; {next}"))
        } else if self.dialogue.thread().is_some()
            && !self.dialogue.waits()
            && is_up(after(watch.heard, request.times.idle))
        {
            let limit = spoken(request.times.idle.unwrap_or_default());
            let next = "look at its terminal, or raise `times.idle` in its profile";
            (FailureClass::IdleTimeout, format!("nothing was heard of {agent} for {limit}; {next}"))
        } else {
            return Ok(Vec::new());
        };
        self.halt(desk);
        Err(Ended(failure(class, message)))
    }

    /// Takes what it has said, and does what can be done here.
    fn hear(&mut self, desk: &mut Desk) -> Vec<Step> {
        let lines = self.live.as_ref().map(Live::take_lines).unwrap_or_default();
        let steps = lines.iter().flat_map(|it| self.dialogue.hear(it)).collect();
        let steps = self.carry_out(desk, steps);
        if self.live.as_ref().is_some_and(Live::said_too_much) {
            // What follows such a line can't be understood. Its end is told as any other.
            self.show("\n(it said more in one line than is taken)\n");
            if let Some(live) = self.live.take() {
                live.stop(desk);
            }
        }
        steps
    }

    fn carry_out(&mut self, desk: &mut Desk, steps: Vec<Step>) -> Vec<Step> {
        let mut left = Vec::new();
        for step in steps {
            match step {
                Step::Send(line) => self.send(&line),
                Step::Show(text) => self.show(&text),
                Step::Claim(state, why) => desk.say(state, Source::Protocol, why),
                Step::Ask(ask) => desk.ask(*ask),
                Step::Unask(key) => desk.unask(&key),
                other => left.push(other),
            }
        }
        left
    }

    fn send(&self, line: &str) {
        if let Some(live) = &self.live {
            live.send_line(line);
        }
    }

    fn show(&self, text: &str) {
        if let Some(live) = &self.live {
            live.show(text);
        }
    }

    /// Ends the turn by the protocol, and the program where that does not help.
    fn halt(&mut self, desk: &mut Desk) {
        let Some(line) = self.dialogue.interrupt() else {
            // It has not begun the turn: whether it will is not known, and nothing of it may go on.
            return self.end_program(desk);
        };
        self.send(&line);
        let deadline = Instant::now() + INTERRUPT_WAIT;
        loop {
            match desk.next(Some(deadline)) {
                Input::Terminal(TerminalEvent::Lines) => {
                    if self.hear(desk).iter().any(|it| matches!(it, Step::Over(_))) {
                        return desk.say(AgentState::Idle, Source::Protocol, "it says that it stopped its turn");
                    }
                }
                Input::Terminal(TerminalEvent::Exited(_)) => {
                    self.forget();
                    return desk.say(AgentState::Stopped, Source::ExitStatus, "it ended when its turn was stopped");
                }
                Input::Terminal(_) | Input::Answer(..) | Input::Interrupt => {}
                Input::Stop | Input::Deadline => {
                    self.end_program(desk);
                    return desk.say(AgentState::Stopped, Source::Hub, "it did not stop its turn by itself");
                }
            }
        }
    }

    fn end_program(&mut self, desk: &mut Desk) {
        if let Some(live) = self.live.take() {
            live.stop(desk);
        }
        self.forget();
    }

    /// Forgets the program, which is gone. Its session is remembered elsewhere.
    fn forget(&mut self) {
        self.live = None;
        self.dialogue = Dialogue::new(self.dialogue.agent().clone());
    }

    fn gone(&mut self, desk: &mut Desk, request: &TurnRequest, exit: &Exit) -> Ended {
        let complaint = self.live.as_ref().map(Live::complaint).unwrap_or_default();
        self.forget();
        let said = if complaint.is_empty() { String::new() } else { format!("; the last it said: {complaint}") };
        let message = format!("{} {exit} in the middle of its turn{said}; retry", request.agent);
        desk.say(AgentState::Crashed, Source::ExitStatus, format!("its program {exit}"));
        Ended(failure(exit_class(exit), message))
    }

    /// Says that Codex refused what a turn needs. The program is ended: what it holds is not known.
    fn refused(&mut self, desk: &mut Desk, request: &TurnRequest, what: &str, why: &str) -> Ended {
        self.end_program(desk);
        desk.say(AgentState::Stopped, Source::Protocol, format!("it {what}"));
        let next = "`callboard doctor` says which version is here; retry, or drive it by its terminal";
        Ended(failure(FailureClass::Crashed, format!("{} {what}: {why}; {next}", request.agent)))
    }
}

impl Driver for AppServerDriver {
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome {
        self.turn(desk, request).unwrap_or_else(|Ended(failure)| TurnOutcome::Failed(failure))
    }

    fn between(&mut self, desk: &mut Desk, event: TerminalEvent) {
        match event {
            TerminalEvent::Lines => drop(self.hear(desk)),
            TerminalEvent::Exited(exit) => {
                self.forget();
                desk.say(AgentState::Stopped, Source::ExitStatus, format!("its program {exit}"));
            }
            _ => {}
        }
    }

    fn stop(&mut self, desk: &mut Desk) {
        if let Some(live) = self.live.take() {
            live.leave(desk, LEAVE_WAIT);
        }
        self.forget();
    }
}

/// Returns when Codex asks: always where it may change something, never where its sandbox lets it change nothing.
fn approvals(access: Access) -> &'static str {
    match access {
        Access::Write => "untrusted",
        Access::Read => "never",
    }
}

fn after(from: Instant, milliseconds: Option<u64>) -> Option<Instant> {
    milliseconds.and_then(|it| from.checked_add(Duration::from_millis(it)))
}
