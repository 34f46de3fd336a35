//! Typing a prompt into an interactive program: only while it is idle, never into a dialog.
//!
//! A bracketed paste, then its echo on the screen, then Enter. The echo is waited for and not a fixed time: Enter that comes
//! too soon is a line end to some programs.

use std::time::{Duration, Instant};

use super::{Ended, TerminalDriver, Watch, after, has_come, interrupted};
use crate::{
    agent::{
        AgentState, Source, TurnRequest,
        catalog::scalar::Key,
        driver::{Desk, answer, desk::Input, failure},
        terminal::TerminalEvent,
    },
    outcome::FailureClass,
};

/// How often a prompt is typed again after the program turned out not to be idle in between.
const TYPING_TRIES: u32 = 3;

/// How many lines a person may have left in an input line that are taken away again.
const LEFT_LINES: usize = 30;

/// The narrowest that an input line is taken to be.
const NARROW: usize = 60;

/// How many lines are taken away at most.
const MOST_LINES: usize = 2_000;

/// Returns how many lines a text may take on a screen.
pub(super) fn lines(text: &str) -> usize {
    text.lines().map(|it| it.chars().count() / NARROW + 1).sum()
}

/// Returns the keys that empty an input line. The key of a program's own takes away what stands left of the cursor in one line
/// of it, and a backspace the line's end.
fn emptying(key: Key, lines: usize) -> String {
    format!("{}\x7f", key.text()).repeat((lines + LEFT_LINES).min(MOST_LINES))
}

impl TerminalDriver {
    /// Pastes a prompt, waits for its echo, and presses Enter, if the program is idle before and after.
    pub(super) fn submit(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        prompt: String,
        begun: Instant,
    ) -> Result<Watch, Ended> {
        let lines = self.lines;
        self.take(prompt);
        for _ in 0..TYPING_TRIES {
            self.wait_until_idle(desk, request, begun)?;
            desk.started();
            if let Some(watch) = self.type_prompt(desk, request, lines, begun)? {
                return Ok(watch);
            }
        }
        let message = format!(
            "{} was never idle long enough to be typed to, {TYPING_TRIES} times; look at its terminal, then retry",
            request.agent
        );
        Err(Ended(failure(FailureClass::StartTimeout, message)))
    }

    /// Types the prompt. Returns nothing where the program was no longer idle when Enter was to be pressed: then it was not.
    fn type_prompt(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        lines: usize,
        begun: Instant,
    ) -> Result<Option<Watch>, Ended> {
        let submit = self.rules().submit.clone();
        let clear = self.rules().clear.filter(|_| self.dirty);
        let Some(live) = &self.live else { return Ok(None) };
        // Invariant: the developer's keys are locked from here to the Enter, or their letters would be in the prompt.
        let Some(typing) = live.lock() else { return Ok(None) };
        let unusable = |why| Ended(failure(FailureClass::Crashed, format!("{}: {why}", request.agent)));
        self.mark = live.mark();
        self.dirty = true;
        let cleared = clear.map_or(Ok(()), |key| typing.type_text(&emptying(key, lines)));
        cleared.and_then(|()| typing.paste(&self.prompt)).map_err(unusable)?;
        let pasted = Instant::now();
        let bound = pasted + Duration::from_millis(submit.echo_within.0.unwrap_or(0));
        let gap = Duration::from_millis(submit.enter_after.0.unwrap_or(0));
        let mut echoed = None;
        loop {
            if echoed.is_none() && self.is_echoed() {
                echoed = Some(Instant::now());
            }
            // The gap is the program's own, so it counts from when the program has shown that it took the paste: on a machine
            // that is busy that is long after it was written.
            let until = echoed.map_or(bound, |it| it + gap).max(pasted + gap);
            if until <= Instant::now() {
                break;
            }
            match desk.next(Some(until)) {
                Input::Terminal(TerminalEvent::Exited(exit)) => return Err(self.gone(desk, request, &exit)),
                Input::Terminal(_) | Input::Answer(..) | Input::Told(_) | Input::Deadline => {}
                // Nothing was submitted, so nothing goes on; the line is emptied before the next prompt.
                Input::Interrupt => return Err(interrupted(request)),
                Input::Stop => return Err(self.stopped(desk, request)),
            }
        }
        // A paste may hide the sign of idle (a hint below the line), so no sign will do here, but a dialog or work will not.
        if self.look().is_some_and(|it| it.state != AgentState::Idle) {
            return Ok(None);
        }
        self.enter(desk, request, typing, begun)
    }

    pub(super) fn is_echoed(&self) -> bool {
        self.live.as_ref().is_some_and(|live| {
            let view = live.view();
            !view.drawing && answer::is_echoed(self.rules(), &self.prompt, &self.mark.rows, &view.rows)
        })
    }

    pub(super) fn is_settled(&self) -> bool {
        self.live.as_ref().is_some_and(|it| it.view().settled)
    }

    /// Waits until it is idle and has been long enough to be believed. A dialog stops the clock: a person is asked.
    pub(super) fn wait_until_idle(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        begun: Instant,
    ) -> Result<(), Ended> {
        let mut since = Instant::now();
        loop {
            let claim = self.observe(desk, true);
            let now = Instant::now();
            let mut wake = None;
            if let Some(claim) = claim.as_ref().filter(|it| it.state == AgentState::Idle) {
                wake = self.believable_at(claim);
                if wake.is_some_and(|at| at <= now) && self.is_settled() {
                    return Ok(());
                }
                wake = wake.filter(|at| *at > now);
            }
            let asked = claim.is_some_and(|it| it.state == AgentState::WaitingForPermission);
            if asked {
                since = now;
            }
            let start = after(since, request.times.start).filter(|_| !asked);
            let total = after(begun, request.times.total);
            match desk.next([wake, start, total].into_iter().flatten().min()) {
                Input::Terminal(TerminalEvent::Exited(exit)) => return Err(self.gone(desk, request, &exit)),
                Input::Terminal(_) => {
                    if let Some(found) = self.trouble(request) {
                        self.end_program(desk);
                        desk.say(AgentState::Stopped, Source::Hub, "it could not get ready, so it was ended");
                        return Err(Ended(found));
                    }
                }
                Input::Answer(..) | Input::Told(_) => {}
                // Nothing of this turn is going on in it, so there is nothing to interrupt.
                Input::Interrupt => return Err(interrupted(request)),
                Input::Stop => return Err(self.stopped(desk, request)),
                Input::Deadline if has_come(total) => return Err(self.late(desk, request, FailureClass::TotalTimeout)),
                Input::Deadline if has_come(start) => return Err(self.late(desk, request, FailureClass::StartTimeout)),
                Input::Deadline => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_line_is_emptied_line_by_line() {
        assert_eq!((lines(""), lines("a\n\nb"), lines(&"x".repeat(3 * NARROW))), (0, 3, 4));
        let keys = emptying(Key::CtrlU, 2);
        assert_eq!(keys.matches(Key::CtrlU.text()).count(), 2 + LEFT_LINES);
        assert_eq!(keys.matches('\x7f').count(), 2 + LEFT_LINES);
        assert_eq!(emptying(Key::CtrlU, usize::MAX / 2).matches('\x7f').count(), MOST_LINES);
    }
}
