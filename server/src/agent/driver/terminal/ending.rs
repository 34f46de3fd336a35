//! How a turn or a program ends before its time: interrupted, stopped, too late, or gone by itself.

use std::time::{Duration, Instant};

use super::{Ended, TerminalDriver, has_come};
use crate::{
    agent::{
        AgentState, Source, TurnRequest,
        driver::{
            Desk,
            desk::Input,
            failure,
            live::{Live, exit_class},
            spoken,
        },
        terminal::{Exit, TerminalEvent},
    },
    outcome::FailureClass,
};

/// How long a program has to show that it took an interrupt key before the next one is pressed.
const INTERRUPT_WAIT: Duration = Duration::from_secs(3);

/// How long a program that was asked to leave has to do so before its session is ended.
const LEAVE_WAIT: Duration = Duration::from_secs(2);

/// How long a program has to show what it was typed before Enter, where its profile has no longer time.
const EXIT_ECHO: Duration = Duration::from_millis(100);

impl TerminalDriver {
    /// Asks the program to leave by what its profile says, if it is idle, and then ends its session.
    pub(in crate::agent::driver) fn leave(&mut self, desk: &mut Desk) {
        let text = self.rules().exit.clone();
        let idle = |it: &Self| it.is_settled() && !it.dirty && it.look().is_some_and(|it| it.state == AgentState::Idle);
        if let Some(text) = text
            && idle(self)
            && let Some(typing) = self.live.as_ref().and_then(Live::lock)
            && typing.type_text(&text).is_ok()
        {
            self.dirty = true;
            let gap = Duration::from_millis(self.rules().submit.enter_after.0.unwrap_or(0)).max(EXIT_ECHO);
            if self.has_left(desk, gap) {
                return;
            }
            // What was typed may have opened something that is not to be answered.
            if self.look().is_none_or(|it| it.state == AgentState::Idle)
                && typing.enter().is_ok()
                && self.has_left(desk, LEAVE_WAIT)
            {
                return;
            }
        }
        self.end_program(desk);
    }

    /// Waits for the program's end for so long.
    fn has_left(&mut self, desk: &mut Desk, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        loop {
            match desk.next(Some(deadline)) {
                Input::Terminal(TerminalEvent::Exited(_)) => {
                    self.live = None;
                    return true;
                }
                Input::Deadline => return false,
                Input::Terminal(_) | Input::Interrupt | Input::Answer(..) | Input::Told(_) | Input::Stop => {}
            }
        }
    }

    /// Presses the keys that interrupt until the program is idle; ends its session where it does not listen.
    pub(super) fn halt(&mut self, desk: &mut Desk) {
        for key in self.rules().interrupt.clone() {
            let Some(live) = &self.live else { return };
            live.press(key);
            self.dirty = true;
            self.idle_since = None;
            let deadline = Instant::now() + INTERRUPT_WAIT;
            // Only what it shows after the key counts, so something must have come.
            let mut answered = false;
            loop {
                let claim = if answered { self.observe(desk, true) } else { None };
                let claim = claim.filter(|it| it.state == AgentState::Idle && self.is_settled());
                let believable = claim.as_ref().and_then(|it| self.believable_at(it));
                if let Some(claim) = claim
                    && has_come(believable)
                {
                    return desk.claim(claim);
                }
                match desk.next(Some(believable.map_or(deadline, |it| it.min(deadline)))) {
                    Input::Terminal(TerminalEvent::Exited(exit)) => return self.collect(desk, &exit),
                    Input::Terminal(_) => answered = true,
                    Input::Stop => {
                        self.end_program(desk);
                        return desk.say(AgentState::Stopped, Source::Hub, "it was stopped");
                    }
                    Input::Interrupt | Input::Answer(..) | Input::Told(_) => {}
                    Input::Deadline if Instant::now() < deadline => {}
                    Input::Deadline => break,
                }
            }
            // A key that came just after the end changes nothing; the next one might end a program that is idle.
            if let Some(claim) = self.look().filter(|it| it.state == AgentState::Idle) {
                return desk.claim(claim);
            }
        }
        self.end_program(desk);
        desk.say(AgentState::Stopped, Source::Hub, "it did not take the interrupt, so its session was ended");
    }

    pub(super) fn stopped(&mut self, desk: &mut Desk, request: &TurnRequest) -> Ended {
        self.end_program(desk);
        desk.say(AgentState::Stopped, Source::Hub, "it was stopped");
        Ended(failure(FailureClass::Interrupted, format!("{} was stopped", request.agent)))
    }

    pub(super) fn late(&mut self, desk: &mut Desk, request: &TurnRequest, class: FailureClass) -> Ended {
        let agent = &request.agent;
        let last = self.live.as_ref().map(Live::last_lines).unwrap_or_default();
        let (limit, what, next) = match class {
            FailureClass::StartTimeout => (request.times.start, "was not ready", "raise `times.start` in its profile"),
            FailureClass::IdleTimeout => (request.times.idle, "said nothing more", "raise `times.idle` in its profile"),
            _ => (request.times.total, "was not done", "raise `times.total`, or give it less to do"),
        };
        let limit = spoken(limit.unwrap_or_default());
        if class == FailureClass::StartTimeout {
            self.end_program(desk);
            desk.say(AgentState::Stopped, Source::Hub, format!("it was not ready after {limit}"));
        } else {
            self.halt(desk);
        }
        let shown = if last.is_empty() { String::new() } else { format!("; its screen ended with: {last}") };
        Ended(failure(class, format!("{agent} {what} after {limit}{shown}; look at its terminal, or {next}")))
    }

    /// The program ended by itself in the middle of a turn.
    pub(super) fn gone(&mut self, desk: &mut Desk, request: &TurnRequest, exit: &Exit) -> Ended {
        let last = self.live.as_ref().map(Live::last_lines).unwrap_or_default();
        let found = self.trouble(request);
        self.collect(desk, exit);
        if let Some(found) = found {
            return Ended(found);
        }
        let shown = if last.is_empty() { String::new() } else { format!("; the last it showed: {last}") };
        let message = format!("{} {} in the middle of its turn{shown}; retry", request.agent, exit);
        Ended(failure(exit_class(exit), message))
    }

    /// Takes note that the program is gone.
    pub(super) fn collect(&mut self, desk: &mut Desk, exit: &Exit) {
        self.live = None;
        let state = if exit.code == Some(0) { AgentState::Stopped } else { AgentState::Crashed };
        desk.say(state, Source::ExitStatus, format!("its program {exit}"));
    }

    pub(super) fn end_program(&mut self, desk: &mut Desk) {
        if let Some(live) = self.live.take() {
            live.stop(desk);
        }
    }
}
