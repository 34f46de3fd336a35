//! Enter behind a prompt, and whether it submitted: some programs take one that comes too soon after text for a new line, or
//! lose it.
//!
//! Invariant: Enter is pressed once more only where the screen shows that the program has read the last one and did not submit:
//! then nothing of ours can have opened a dialog that it would answer. That the prompt still stands there says less, since a
//! screen may be late. The developer's keys are locked from the paste until then.

use std::time::{Duration, Instant};

use super::{Ended, TerminalDriver, Watch, answer, interrupted};
use crate::{
    agent::{
        AgentState, Source, TurnRequest,
        driver::{Desk, desk::Input, failure, live::Live},
        status,
        terminal::{Exit, ScreenText, TerminalEvent, Typing},
    },
    outcome::FailureClass,
};

/// How often Enter is pressed for one prompt.
const ENTERS: u32 = 4;

/// For how long a sign of what Enter came to is waited for. Without one, whether the program has read it is tried.
const SIGN_WITHIN: Duration = Duration::from_secs(3);

/// The least time that the next Enter comes after that is known: the program is a slow one by then.
const AGAIN_AFTER: Duration = Duration::from_millis(600);

/// What is put behind the prompt for that. Programs read in order: where it shows there, Enter was read before it. No program
/// takes it for an answer to a dialog.
const TRIAL: &str = ".";

/// What takes the trial away again.
const BACKSPACE: &str = "\x7f";

/// What an Enter came to.
enum Came {
    /// It submitted, as far as one can see.
    Submitted {
        worked: bool,
    },
    /// It was read, and the prompt still stands in the input line.
    Nothing,
    /// So it was, and then the program was no longer idle.
    Busy,
    /// Something else came first.
    Interrupt,
    Stop,
    Exited(Exit),
}

impl TerminalDriver {
    /// Presses Enter, again where it did not submit, and begins to watch the turn. Returns nothing where something else began in
    /// the program instead: then the prompt was not submitted.
    pub(super) fn enter(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        typing: Typing,
        begun: Instant,
    ) -> Result<Option<Watch>, Ended> {
        let mut watch = Watch::new(begun, true);
        let mut pressed = 0;
        let came = loop {
            let before = self.new_line();
            let unusable = |why| Ended(failure(FailureClass::Crashed, format!("{}: {why}", request.agent)));
            typing.enter().map_err(unusable)?;
            self.dirty = false;
            pressed += 1;
            if pressed == 1 {
                desk.say(AgentState::Working, Source::Hub, "it was given its prompt");
            } else {
                // The same state, for another reason.
                desk.unclaim();
                let why = format!("Enter did not submit its prompt, so it was pressed again ({pressed} times by now)");
                desk.say(AgentState::Working, Source::Hub, why);
            }
            match self.came(desk, &typing, before) {
                Came::Nothing if pressed < ENTERS => {}
                came => break came,
            }
        };
        // Before anything else: the keys that interrupt are typed too.
        drop(typing);
        match came {
            Came::Submitted { worked } => {
                watch.worked = worked;
                Ok(Some(watch))
            }
            Came::Busy => {
                self.dirty = true;
                Ok(None)
            }
            Came::Nothing => {
                self.dirty = true;
                if let Some(claim) = self.look() {
                    desk.claim(claim);
                }
                let message = format!(
                    "Enter was pressed {pressed} times and did not submit {}'s prompt, which stands in its input line; look \
                     at its terminal, then retry",
                    request.agent
                );
                Err(Ended(failure(FailureClass::StartTimeout, message)))
            }
            Came::Interrupt => {
                self.halt(desk);
                Err(interrupted(request))
            }
            Came::Stop => Err(self.stopped(desk, request)),
            Came::Exited(exit) => Err(self.gone(desk, request, &exit)),
        }
    }

    /// Waits for a sign of what an Enter came to. `before` is how much of a new line showed then.
    fn came(&mut self, desk: &mut Desk, typing: &Typing, before: usize) -> Came {
        let submit = &self.rules().submit;
        if submit.new_line.is_empty() {
            return Came::Submitted { worked: false };
        }
        let gap = Duration::from_millis(submit.enter_after.0.unwrap_or(0)).max(AGAIN_AFTER);
        let mut bound = Instant::now() + SIGN_WITHIN;
        // What showed when the trial was put there, and whether it was seen.
        let mut trial: Option<Vec<String>> = None;
        let mut was_tried = false;
        // Since when it is known that Enter came to nothing.
        let mut since = None;
        loop {
            let claim = self.observe(desk, true);
            let shown = self.shown();
            let is_new_line = self.is_echoed() && self.new_line() > before;
            let is_tried = match (&trial, &shown) {
                (Some(before), Some(now)) => answer::is_followed(self.rules(), &self.prompt, TRIAL, before, &now.rows),
                _ => false,
            };
            if is_tried && !was_tried {
                was_tried = true;
                let _ = typing.type_text(BACKSPACE);
            }
            let came_to_nothing = shown.is_some() && is_new_line || was_tried;
            let is_idle = match claim.map(|it| it.state) {
                Some(AgentState::Idle) => true,
                Some(_) if came_to_nothing || since.is_some() => return Came::Busy,
                Some(_) => return Came::Submitted { worked: true },
                None => false,
            };
            if !came_to_nothing && self.has_replied() {
                if trial.is_some() {
                    let _ = typing.type_text(BACKSPACE);
                }
                return Came::Submitted { worked: false };
            }
            let now = Instant::now();
            since = if came_to_nothing && is_idle { since.or(Some(now)) } else { None };
            let until = since.map_or(bound, |it| it + gap);
            if until <= now {
                if since.is_some() {
                    return Came::Nothing;
                }
                if trial.is_some() {
                    // It may be read yet, and would look like an answer.
                    let _ = typing.type_text(BACKSPACE);
                    return Came::Submitted { worked: false };
                }
                let Some(shown) = shown.filter(|_| is_idle) else { return Came::Submitted { worked: false } };
                trial = Some(shown.rows);
                // Where it was submitted after all this stands in the line for the next prompt.
                self.dirty = true;
                let _ = typing.type_text(TRIAL);
                bound = now + SIGN_WITHIN;
                continue;
            }
            match desk.next(Some(until)) {
                Input::Terminal(TerminalEvent::Exited(exit)) => return Came::Exited(exit),
                // A quick turn's title may be gone by the time that it is looked at.
                Input::Terminal(TerminalEvent::Title(title)) => {
                    let claim = status::claim(self.rules(), &title, &[]);
                    if !came_to_nothing && claim.is_some_and(|it| it.state == AgentState::Working) {
                        return Came::Submitted { worked: true };
                    }
                }
                Input::Terminal(_) | Input::Answer(..) | Input::Told(_) | Input::Deadline => {}
                Input::Interrupt => return Came::Interrupt,
                Input::Stop => return Came::Stop,
            }
        }
    }

    /// Returns what shows, where that is drawn to its end.
    fn shown(&self) -> Option<ScreenText> {
        self.live().map(Live::view).filter(|it| it.settled && !it.drawing)
    }

    fn new_line(&self) -> usize {
        self.shown().map_or(0, |it| status::new_line(self.rules(), &it.rows))
    }

    /// Returns whether an answer stands behind the prompt. What was tried is none.
    fn has_replied(&self) -> bool {
        self.live().is_some_and(|live| {
            let (before, since) = (self.mark.before(), live.since(&self.mark));
            answer::replied(self.rules(), &self.prompt, &before, &since).1
                && answer::answer(self.rules(), &self.prompt, &before, &since).trim() != TRIAL
        })
    }
}
