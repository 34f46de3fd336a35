//! The driver of tools: deterministic programs on a PTY, one process a turn, that give a typed result.
//!
//! The program gets its request as a file and leaves its result as a file (`--request F --result F`, also in the
//! environment). Its exit alone is no result: 0 without one is a crash, and a result is one whatever the code.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Desk, Driver,
    desk::Input,
    failed, files,
    live::{Live, Start, exit_class},
    result, spoken,
};
use crate::{
    agent::{
        AgentState, Source, TurnRequest,
        catalog::profile::Profile,
        terminal::{Exit, TerminalEvent},
    },
    outcome::{FailureClass, TurnOutcome, TypedResult, Usage},
};

/// Drives a tool.
pub(crate) struct ToolDriver {
    profile: Arc<Profile>,
}

impl ToolDriver {
    pub(crate) fn new(profile: Arc<Profile>) -> Self {
        Self { profile }
    }

    fn finish(&self, desk: &mut Desk, request: &TurnRequest, live: &Live, exit: &Exit) -> TurnOutcome {
        let agent = &request.agent;
        let how = exit.to_string();
        let last = live.last_lines();
        let path = files::result_path(&desk.parts.given.results, agent);
        let read = files::read_result(&path);
        let _ = files::clear(&path);
        let _ = files::clear(&files::request_path(&desk.parts.given.results, agent));
        let handed_in = desk.parts.given.toolbox.handed_in(request.turn);
        let parsed = match read {
            _ if handed_in.is_some() => handed_in.map(Ok),
            Ok(Some(json)) => Some(result::parse(&json, &request.expects)),
            Ok(None) => None,
            Err(why) => Some(Err(why)),
        };
        match parsed {
            Some(Ok(typed)) => {
                desk.say(AgentState::Stopped, Source::ExitStatus, format!("its program {how}"));
                let text = result::summary(&typed);
                let typed = Some(typed).filter(|it| !matches!(it, TypedResult::Text(_)));
                TurnOutcome::Answered { text, result: typed, usage: Usage::default() }
            }
            Some(Err(why)) => {
                desk.say(AgentState::Stopped, Source::ExitStatus, format!("its program {how}"));
                failed(FailureClass::InvalidResult, format!("{agent} left a result that can't be used: {why}"))
            }
            None => {
                let told = exit.code.and_then(|it| self.profile.exits.get(&it)).copied();
                let class = told.unwrap_or_else(|| exit_class(exit));
                let state = if told.is_some() { AgentState::Stopped } else { AgentState::Crashed };
                desk.say(state, Source::ExitStatus, format!("its program {how} and left no result"));
                let shown = if last.is_empty() { String::new() } else { format!("; the last it said: {last}") };
                let message = format!("{agent} {how} without a result{shown}");
                failed(class, message)
            }
        }
    }
}

impl Driver for ToolDriver {
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome {
        let agent = &request.agent;
        let folder = &desk.parts.given.results;
        let (asked, given) = (files::request_path(folder, agent), files::result_path(folder, agent));
        let prepared = files::clear(&given).and_then(|()| files::write_request(&asked, request));
        if let Err(err) = prepared {
            let message =
                format!("the request of {agent} can't be written to {}: {err}; mend that and retry", asked.display());
            return failed(FailureClass::Crashed, message);
        }
        let paths = [("--request", &asked), ("--result", &given)];
        let arguments = paths.iter().flat_map(|(flag, path)| [(*flag).to_owned(), path.to_string_lossy().into_owned()]);
        let start = Start {
            profile: &self.profile,
            arguments: arguments.collect(),
            turn: Some(request.turn),
            cwd: &request.cwd,
            result: &given,
            request: Some(&asked),
            set: Vec::new(),
        };
        desk.started();
        let live = match Live::start(desk, &start) {
            Ok(live) => live,
            Err(failure) => return TurnOutcome::Failed(failure),
        };
        desk.say(AgentState::Working, Source::Hub, "its program is running");
        let begun = Instant::now();
        let mut heard = begun;
        // A tool has its prompt from the start, so the time to get ready is not asked for.
        let (idle, total) = (request.times.idle, request.times.total);
        let after =
            |from: Instant, limit: Option<u64>| limit.and_then(|it| from.checked_add(Duration::from_millis(it)));
        loop {
            let idle = idle.filter(|_| !desk.parts.given.toolbox.is_asking(request.turn));
            let deadline = [after(heard, idle), after(begun, total)].into_iter().flatten().min();
            let (class, message) = match desk.next(deadline) {
                Input::Terminal(TerminalEvent::Exited(exit)) => return self.finish(desk, request, &live, &exit),
                Input::Terminal(_) | Input::Answer(..) | Input::Told(_) => {
                    heard = Instant::now();
                    continue;
                }
                Input::Interrupt => (FailureClass::Interrupted, format!("{agent}'s turn was stopped")),
                Input::Stop => (FailureClass::Interrupted, format!("{agent} was stopped")),
                Input::Deadline if after(begun, total).is_some_and(|it| it <= Instant::now()) => {
                    let limit = spoken(total.unwrap_or_default());
                    let next = "raise `times.total` in its profile, or give it less to do";
                    (FailureClass::TotalTimeout, format!("{agent} was not done after {limit}; {next}"))
                }
                // It waits for a person by now.
                Input::Deadline if desk.parts.given.toolbox.is_asking(request.turn) => continue,
                Input::Deadline => {
                    let limit = spoken(idle.unwrap_or_default());
                    let next = "look at its terminal, or raise `times.idle` in its profile";
                    (FailureClass::IdleTimeout, format!("nothing was heard of {agent} for {limit}; {next}"))
                }
            };
            live.stop(desk);
            let _ = files::clear(&asked);
            desk.say(AgentState::Stopped, Source::Hub, message.clone());
            return failed(class, message);
        }
    }

    /// Each turn is a program of its own.
    fn moves(&self) -> bool {
        true
    }

    fn between(&mut self, _desk: &mut Desk, _event: TerminalEvent) {}

    /// There is nothing to end: a tool's program never outlives its turn.
    fn stop(&mut self, _desk: &mut Desk) {}
}
