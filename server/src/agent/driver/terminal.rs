//! The driver of interactive programs: a resident CLI on a PTY, typed into and watched like a person would.
//!
//! Invariant: nothing is typed unless the program is known to be idle, since Enter on an open dialog approves it; the only
//! keys pressed otherwise are those that interrupt. Invariant: a turn ends by a sign of the program's own, never by silence.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Desk, Driver, answer,
    desk::Input,
    failure, files,
    live::{Live, Mark, Start, exit_class},
    result, spoken,
};
use crate::{
    agent::{
        AgentClaim, AgentState, Source, TurnRequest,
        catalog::profile::{Profile, TerminalRules},
        status,
        terminal::{Exit, TerminalEvent},
    },
    outcome::{Failure, FailureClass, ResultKind, TurnOutcome, TypedResult, Usage},
};

/// How long a program has to show that it took an interrupt key before the next one is pressed.
const INTERRUPT_WAIT: Duration = Duration::from_secs(3);

/// How often a prompt is typed again after the program turned out not to be idle in between.
const TYPING_TRIES: u32 = 3;

/// How many of the last lines are looked at for a failure.
const TROUBLE_LINES: usize = 12;

/// Drives an interactive program.
pub(crate) struct TerminalDriver {
    profile: Arc<Profile>,
    live: Option<Live>,
    /// Whether its input line may hold what was never submitted.
    dirty: bool,
    /// Since when it has been seen idle without a break.
    idle_since: Option<Instant>,
    /// What it was last sent, and where its text stood then: what came after is about that.
    prompt: String,
    mark: Mark,
}

/// What watching for the end of a turn remembers.
struct Watch {
    /// When the turn began.
    begun: Instant,
    /// When its prompt was handed over.
    submitted: Instant,
    /// When something last came from the program.
    heard: Instant,
    /// Whether the program has been seen at work since.
    worked: bool,
    /// Whether the prompt was typed: one that is handed over at the start may be taken up late.
    typed: bool,
}

impl Watch {
    fn new(begun: Instant, typed: bool) -> Self {
        let now = Instant::now();
        Self { begun, submitted: now, heard: now, worked: false, typed }
    }
}

/// Why a wait ended early. The program is gone, or interrupted and idle, when this is returned.
struct Ended(Failure);

impl TerminalDriver {
    pub(crate) fn new(profile: Arc<Profile>) -> Self {
        Self { profile, live: None, dirty: false, idle_since: None, prompt: String::new(), mark: Mark::default() }
    }

    fn rules(&self) -> &TerminalRules {
        &self.profile.terminal
    }

    /// Returns what is believed now. Nothing is believed of a screen that is being drawn.
    fn look(&self) -> Option<AgentClaim> {
        let view = self.live.as_ref()?.view();
        let rows: &[String] = if view.drawing { &[] } else { &view.rows };
        status::claim(self.rules(), &view.title, rows)
    }

    /// Looks, remembers since when it is idle, and reports what a person should see during a wait.
    fn observe(&mut self, desk: &mut Desk, in_turn: bool) -> Option<AgentClaim> {
        let claim = self.look();
        match &claim {
            Some(AgentClaim { state: AgentState::Idle, .. }) => {
                self.idle_since.get_or_insert_with(Instant::now);
                if !in_turn && let Some(claim) = &claim {
                    desk.claim(claim.clone());
                }
            }
            Some(other) => {
                self.idle_since = None;
                desk.claim(other.clone());
            }
            None => self.idle_since = None,
        }
        claim
    }

    /// Returns when an idle sign may be believed: at once where it can mean nothing else, else when it has held for a while.
    fn believable_at(&self, claim: &AgentClaim) -> Option<Instant> {
        let since = self.idle_since?;
        let ambiguous = claim.source == Source::Screen || self.rules().title.permission.is_empty();
        Some(if ambiguous { since + self.settle() } else { since })
    }

    fn settle(&self) -> Duration {
        Duration::from_millis(self.rules().submit.settle.0.unwrap_or(0))
    }

    fn turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<TurnOutcome, Ended> {
        let begun = Instant::now();
        let prompt = with_instructions(request);
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        if let Err(err) = files::clear(&file) {
            let message =
                format!("the folder for {}'s result can't be used: {err}; mend that and retry", request.agent);
            return Err(Ended(failure(FailureClass::Crashed, message)));
        }
        self.mark = self.live.as_ref().map(Live::mark).unwrap_or_default();
        self.prompt.clear();
        let watch = if self.live.is_none() && self.can_be_argument(&prompt) {
            self.start(desk, request, Some(&prompt))?;
            self.prompt = prompt;
            desk.started();
            Watch::new(begun, false)
        } else {
            if self.live.is_none() {
                self.start(desk, request, None)?;
            }
            self.submit(desk, request, prompt, begun)?
        };
        let text = self.watch(desk, request, watch)?;
        match self.result(desk, request, &text) {
            Ok(outcome) => Ok(outcome),
            Err(why) => self.ask_again(desk, request, begun, &why),
        }
    }

    /// Asks once more for a result that can be used, with what was wrong with the first.
    fn ask_again(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        begun: Instant,
        why: &str,
    ) -> Result<TurnOutcome, Ended> {
        let form = result::instructions(&request.expects).unwrap_or_default();
        let prompt = format!("Your result could not be used: {why}.\nGive the whole result again. {form}");
        let watch = self.submit(desk, request, prompt, begun)?;
        let text = self.watch(desk, request, watch)?;
        self.result(desk, request, &text).map_err(|why| {
            let message = format!("{} gave no result that can be used, twice: {why}", request.agent);
            Ended(failure(FailureClass::InvalidResult, message))
        })
    }

    /// Returns whether the first prompt can be handed over as an argument: one that looks like an option would be one.
    fn can_be_argument(&self, prompt: &str) -> bool {
        !self.rules().first_prompt.is_empty()
            && !prompt.starts_with('-')
            && prompt.len() < 100_000
            && !prompt.contains('\0')
    }

    fn start(&mut self, desk: &mut Desk, request: &TurnRequest, prompt: Option<&str>) -> Result<(), Ended> {
        let arguments = match prompt {
            Some(prompt) => self.rules().first_prompt.iter().map(|it| it.replace("{prompt}", prompt)).collect(),
            None => Vec::new(),
        };
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        desk.say(AgentState::Starting, Source::Hub, "its program was started");
        self.idle_since = None;
        self.dirty = false;
        let start =
            Start { profile: &self.profile, arguments, turn: None, cwd: &request.cwd, result: &file, request: None };
        self.live = Some(Live::start(desk, &start).map_err(Ended)?);
        Ok(())
    }

    /// Waits until it is idle and has been long enough to be believed. A dialog stops the clock: a person is asked.
    fn wait_until_idle(&mut self, desk: &mut Desk, request: &TurnRequest, begun: Instant) -> Result<(), Ended> {
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
                // Nothing of this turn is going on in it, so there is nothing to interrupt.
                Input::Interrupt => return Err(interrupted(request)),
                Input::Stop => return Err(self.stopped(desk, request)),
                Input::Deadline if has_come(total) => return Err(self.late(desk, request, FailureClass::TotalTimeout)),
                Input::Deadline if has_come(start) => return Err(self.late(desk, request, FailureClass::StartTimeout)),
                Input::Deadline => {}
            }
        }
    }

    /// Pastes a prompt, waits for its echo, and presses Enter, if the program is idle before and after.
    fn submit(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        prompt: String,
        begun: Instant,
    ) -> Result<Watch, Ended> {
        self.prompt = prompt;
        for _ in 0..TYPING_TRIES {
            self.wait_until_idle(desk, request, begun)?;
            desk.started();
            if self.type_prompt(desk, request)? {
                desk.say(AgentState::Working, Source::Hub, "it was given its prompt");
                return Ok(Watch::new(begun, true));
            }
        }
        let message = format!(
            "{} was never idle long enough to be typed to, {TYPING_TRIES} times; look at its terminal, then retry",
            request.agent
        );
        Err(Ended(failure(FailureClass::StartTimeout, message)))
    }

    /// Types the prompt. Returns false where the program was no longer idle when Enter was to be pressed: then it was not.
    fn type_prompt(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<bool, Ended> {
        let submit = self.rules().submit.clone();
        let clear = self.rules().clear.filter(|_| self.dirty);
        let Some(live) = &self.live else { return Ok(false) };
        // Invariant: the developer's keys are locked from here to the Enter, or their letters would be in the prompt.
        let Some(typing) = live.lock() else { return Ok(false) };
        let unusable = |why| Ended(failure(FailureClass::Crashed, format!("{}: {why}", request.agent)));
        self.mark = live.mark();
        self.dirty = true;
        let cleared = clear.map_or(Ok(()), |key| typing.type_text(key.text()));
        cleared.and_then(|()| typing.paste(&self.prompt)).map_err(unusable)?;
        let pasted = Instant::now();
        let bound = pasted + Duration::from_millis(submit.echo_within.0.unwrap_or(0));
        let soonest = pasted + Duration::from_millis(submit.enter_after.0.unwrap_or(0));
        let mut echoed = false;
        loop {
            echoed = echoed || self.is_echoed();
            let until = if echoed { soonest } else { bound.max(soonest) };
            if until <= Instant::now() {
                break;
            }
            match desk.next(Some(until)) {
                Input::Terminal(TerminalEvent::Exited(exit)) => return Err(self.gone(desk, request, &exit)),
                Input::Terminal(_) | Input::Deadline => {}
                // Nothing was submitted, so nothing goes on; the line is emptied before the next prompt.
                Input::Interrupt => return Err(interrupted(request)),
                Input::Stop => return Err(self.stopped(desk, request)),
            }
        }
        // A paste may hide the sign of idle (a hint below the line), so no sign will do here, but a dialog or work will not.
        if self.look().is_some_and(|it| it.state != AgentState::Idle) {
            return Ok(false);
        }
        typing.enter().map_err(unusable)?;
        self.dirty = false;
        Ok(true)
    }

    fn is_echoed(&self) -> bool {
        self.live.as_ref().is_some_and(|live| {
            let view = live.view();
            !view.drawing && view.rows != self.mark.rows && answer::is_echoed(self.rules(), &self.prompt, &view.rows)
        })
    }

    fn is_settled(&self) -> bool {
        self.live.as_ref().is_some_and(|it| it.view().settled)
    }

    /// Watches until the turn is over by the program's own signs, and returns what it said.
    fn watch(&mut self, desk: &mut Desk, request: &TurnRequest, mut watch: Watch) -> Result<String, Ended> {
        self.idle_since = None;
        loop {
            let claim = self.observe(desk, true);
            let now = Instant::now();
            let mut wake = None;
            let mut asked = false;
            match &claim {
                Some(AgentClaim { state: AgentState::Idle, .. }) => {
                    let claim = claim.clone().filter(|_| self.is_settled());
                    wake = self.over_at(&watch, claim.as_ref());
                    if let Some(claim) = claim
                        && wake.is_some_and(|at| at <= now)
                    {
                        return self.over(desk, request, claim);
                    }
                    wake = wake.filter(|at| *at > now);
                }
                Some(it) => {
                    watch.worked = true;
                    asked = it.state == AgentState::WaitingForPermission;
                }
                None => {}
            }
            if asked {
                watch.heard = now;
            }
            let idle = after(watch.heard, request.times.idle).filter(|_| !asked);
            let total = after(watch.begun, request.times.total);
            match desk.next([wake, idle, total].into_iter().flatten().min()) {
                Input::Terminal(TerminalEvent::Exited(exit)) => return Err(self.gone(desk, request, &exit)),
                Input::Terminal(event) => {
                    watch.heard = Instant::now();
                    // A quick turn's title may be gone by the time that it is looked at; what was told is seen here.
                    if let TerminalEvent::Title(title) = event {
                        let claim = status::claim(self.rules(), &title, &[]);
                        watch.worked |= claim.is_some_and(|it| it.state != AgentState::Idle);
                    }
                }
                Input::Interrupt => {
                    self.halt(desk);
                    return Err(interrupted(request));
                }
                Input::Stop => return Err(self.stopped(desk, request)),
                Input::Deadline if has_come(total) => return Err(self.late(desk, request, FailureClass::TotalTimeout)),
                Input::Deadline if has_come(idle) => return Err(self.late(desk, request, FailureClass::IdleTimeout)),
                Input::Deadline => {}
            }
        }
    }

    /// Returns when a turn whose program shows idle is over; nothing while it can't be, or its screen is not settled.
    ///
    /// Where work was seen, that is when the sign may be believed. Where it was not, the turn was too short to see, or has
    /// not begun: then an answer must stand behind the prompt's echo, and for a while.
    fn over_at(&self, watch: &Watch, claim: Option<&AgentClaim>) -> Option<Instant> {
        let believable = self.believable_at(claim?)?;
        if watch.worked && watch.typed {
            return Some(believable);
        }
        let live = self.live.as_ref()?;
        let (echoed, replied) =
            answer::replied(self.rules(), &self.prompt, &self.mark.before(), &live.since(&self.mark));
        if watch.worked && echoed {
            return Some(believable);
        }
        replied.then(|| believable.max(watch.submitted + self.settle()))
    }

    /// Returns what was said since the prompt.
    fn said(&self) -> String {
        let Some(live) = &self.live else { return String::new() };
        answer::answer(self.rules(), &self.prompt, &self.mark.before(), &live.since(&self.mark))
    }

    fn over(&mut self, desk: &mut Desk, request: &TurnRequest, claim: AgentClaim) -> Result<String, Ended> {
        let found = self.trouble(request);
        match found {
            Some(found) if found.class == FailureClass::RateLimited => {
                desk.say(AgentState::RateLimited { until: None }, Source::Screen, found.message.clone());
                Err(Ended(found))
            }
            Some(found) => {
                desk.claim(claim);
                Err(Ended(found))
            }
            None => {
                desk.claim(claim);
                Ok(self.said())
            }
        }
    }

    /// Returns the failure that shows in the last of what was said. Above that, an agent may speak of failures.
    fn trouble(&self, request: &TurnRequest) -> Option<Failure> {
        if self.rules().failures.is_empty() {
            return None;
        }
        let said = self.said();
        let lines: Vec<&str> = said.lines().filter(|it| !it.trim().is_empty()).collect();
        let end = lines[lines.len().saturating_sub(TROUBLE_LINES)..].join("\n");
        status::failure(self.rules(), request.agent.as_str(), &end)
    }

    fn result(&self, desk: &Desk, request: &TurnRequest, text: &str) -> Result<TurnOutcome, String> {
        let answered = |text: String, result| TurnOutcome::Answered { text, result, usage: Usage::default() };
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        if request.expects == ResultKind::Text {
            return Ok(answered(text.to_owned(), None));
        }
        let written = files::read_result(&file);
        let _ = files::clear(&file);
        let fenced = result::fenced(text);
        let rest = fenced.as_ref().map_or(text, |it| it.1.as_str()).trim().to_owned();
        let typed = match (written?, &fenced) {
            (Some(json), _) => result::parse(&json, &request.expects)?,
            (None, Some((json, _))) => result::parse(json, &request.expects)?,
            (None, None) => {
                return Err(format!("there was none: a {} was asked for", request.expects.name()));
            }
        };
        let text = if rest.is_empty() { result::summary(&typed) } else { rest };
        Ok(answered(text, Some(typed).filter(|it| !matches!(it, TypedResult::Text(_)))))
    }

    /// Presses the keys that interrupt until the program is idle; ends its session where it does not listen.
    fn halt(&mut self, desk: &mut Desk) {
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
                    Input::Interrupt => {}
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

    fn stopped(&mut self, desk: &mut Desk, request: &TurnRequest) -> Ended {
        self.end_program(desk);
        desk.say(AgentState::Stopped, Source::Hub, "it was stopped");
        Ended(failure(FailureClass::Interrupted, format!("{} was stopped", request.agent)))
    }

    fn late(&mut self, desk: &mut Desk, request: &TurnRequest, class: FailureClass) -> Ended {
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
    fn gone(&mut self, desk: &mut Desk, request: &TurnRequest, exit: &Exit) -> Ended {
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
    fn collect(&mut self, desk: &mut Desk, exit: &Exit) {
        self.live = None;
        let state = if exit.code == Some(0) { AgentState::Stopped } else { AgentState::Crashed };
        desk.say(state, Source::ExitStatus, format!("its program {}", exit));
    }

    fn end_program(&mut self, desk: &mut Desk) {
        if let Some(live) = self.live.take() {
            live.stop(desk);
        }
    }
}

impl Driver for TerminalDriver {
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome {
        self.turn(desk, request).unwrap_or_else(|Ended(failure)| TurnOutcome::Failed(failure))
    }

    fn between(&mut self, desk: &mut Desk, event: TerminalEvent) {
        if let TerminalEvent::Exited(exit) = event {
            self.collect(desk, &exit);
        } else {
            self.observe(desk, false);
        }
    }

    fn stop(&mut self, desk: &mut Desk) {
        self.end_program(desk);
    }
}

/// Returns the prompt with what the agent must know of its result, unless the prompt says so already.
fn with_instructions(request: &TurnRequest) -> String {
    match result::instructions(&request.expects) {
        Some(form) if !request.prompt.contains("callboard-result") => {
            format!("{}\n\n{form}", request.prompt.trim_end())
        }
        _ => request.prompt.to_string(),
    }
}

fn interrupted(request: &TurnRequest) -> Ended {
    Ended(failure(FailureClass::Interrupted, format!("{}'s turn was stopped", request.agent)))
}

fn has_come(time: Option<Instant>) -> bool {
    time.is_some_and(|it| it <= Instant::now())
}

fn after(from: Instant, milliseconds: Option<u64>) -> Option<Instant> {
    milliseconds.and_then(|it| from.checked_add(Duration::from_millis(it)))
}
