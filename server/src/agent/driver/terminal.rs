//! The driver of interactive programs: a resident CLI on a PTY, typed into and watched like a person would.
//!
//! Invariant: nothing is typed unless the program is known to be idle, since Enter on an open dialog approves it; the only
//! keys pressed otherwise are those that interrupt. Invariant: a turn ends by a sign of the program's own, never by silence.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Desk, Driver, answer, at_signs,
    desk::Input,
    failure, files,
    live::{Live, Mark, Start},
    result, take_over,
};
use crate::{
    agent::{
        AgentClaim, AgentState, Source, TakeOver, TurnRequest,
        catalog::profile::{Profile, TerminalRules},
        status,
        terminal::TerminalEvent,
    },
    outcome::{Failure, FailureClass, ResultKind, TurnOutcome, TypedResult, Usage, form},
};

mod ending;
mod enter;
mod typing;

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
    /// How many lines the longest of its prompts may take on its screen: so many it may have put back into its input line.
    lines: usize,
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
        Self {
            profile,
            live: None,
            dirty: false,
            idle_since: None,
            lines: 0,
            prompt: String::new(),
            mark: Mark::default(),
        }
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
        let prompt = self.disarmed(request, &with_instructions(request));
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
            self.take(prompt);
            desk.started();
            Watch::new(begun, false)
        } else {
            if self.live.is_none() {
                self.start(desk, request, None)?;
            }
            self.submit(desk, request, prompt, begun)?
        };
        let text = self.watch(desk, request, watch)?;
        match outcome(desk, request, &text) {
            Ok(it) => Ok(it),
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
        let form = form::instructions(&request.expects).unwrap_or_default();
        let prompt = format!("Your result could not be used: {why}.\nGive the whole result again. {form}");
        let watch = self.submit(desk, request, self.disarmed(request, &prompt), begun)?;
        let text = self.watch(desk, request, watch)?;
        outcome(desk, request, &text).map_err(|why| {
            let message = format!("{} gave no result that can be used, twice: {why}", request.agent);
            Ended(failure(FailureClass::InvalidResult, message))
        })
    }

    /// Takes note of the prompt that it is given.
    fn take(&mut self, prompt: String) {
        self.lines = self.lines.max(typing::lines(&prompt));
        self.prompt = prompt;
    }

    fn disarmed(&self, request: &TurnRequest, prompt: &str) -> String {
        at_signs::disarmed(prompt, self.profile.at_signs, &request.cwd)
    }

    /// Returns whether the first prompt can be handed over as an argument: one that looks like an option would be one.
    fn can_be_argument(&self, prompt: &str) -> bool {
        !self.rules().first_prompt.is_empty()
            && !prompt.starts_with('-')
            && prompt.len() < 100_000
            && !prompt.contains('\0')
    }

    /// Returns the arguments of its screen.
    fn arguments(&self, desk: &Desk) -> Vec<String> {
        let models = take_over::models(desk, &self.profile);
        let more = desk.parts.given.chosen.get(desk.agent.as_str()).into_iter().flat_map(|it| it.arguments.clone());
        self.profile.screen.iter().cloned().chain(models).chain(more).collect()
    }

    fn start(&mut self, desk: &mut Desk, request: &TurnRequest, prompt: Option<&str>) -> Result<(), Ended> {
        let mut arguments = self.arguments(desk);
        if let Some(prompt) = prompt {
            arguments.extend(self.rules().first_prompt.iter().map(|it| it.replace("{prompt}", prompt)));
        }
        desk.say(AgentState::Starting, Source::Hub, "its program was started");
        self.start_screen(desk, &request.cwd, arguments, Vec::new()).map_err(Ended)
    }

    /// Starts the program with these arguments and this beside its environment.
    pub(super) fn start_screen(
        &mut self,
        desk: &mut Desk,
        cwd: &Path,
        arguments: Vec<String>,
        set: Vec<(String, String)>,
    ) -> Result<(), Failure> {
        let result = files::result_path(&desk.parts.given.results, &desk.agent);
        self.idle_since = None;
        self.dirty = false;
        let profile = Arc::clone(&self.profile);
        let start = Start { profile: &profile, arguments, turn: None, cwd, result: &result, request: None, set };
        self.live = Some(Live::start(desk, &start)?);
        Ok(())
    }

    /// Returns its program, where one runs.
    pub(super) fn live(&self) -> Option<&Live> {
        self.live.as_ref()
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
            // Who waits for a person's answer by a tool says nothing meanwhile, and that is no fault.
            let asked = asked || desk.parts.given.toolbox.is_asking(request.turn);
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
                // What Callboard's own tools asked for the agent is answered there, not on its screen.
                Input::Told(_) => {}
                Input::Answer(..) => watch.heard = Instant::now(),
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
}

impl Driver for TerminalDriver {
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome {
        self.turn(desk, request).unwrap_or_else(|Ended(failure)| TurnOutcome::Failed(failure))
    }

    fn open(&mut self, desk: &mut Desk, wanted: &TakeOver) -> Result<bool, Failure> {
        if self.live.is_none() {
            let arguments = self.arguments(desk);
            self.start_screen(desk, &wanted.cwd, arguments, Vec::new())?;
        }
        Ok(true)
    }

    /// What the person left in its input line is not the next prompt's.
    fn handed_back(&mut self, desk: &mut Desk) {
        self.dirty = true;
        if self.live.is_some() {
            self.observe(desk, false);
        }
    }

    fn between(&mut self, desk: &mut Desk, event: TerminalEvent) {
        if let TerminalEvent::Exited(exit) = event {
            self.collect(desk, &exit);
        } else {
            self.observe(desk, false);
        }
    }

    fn stop(&mut self, desk: &mut Desk) {
        self.leave(desk);
    }
}

/// Returns the turn's outcome where its result has the form that was asked for, else what is wrong with it.
pub(super) fn outcome(desk: &Desk, request: &TurnRequest, text: &str) -> Result<TurnOutcome, String> {
    let answered = |text: String, result| TurnOutcome::Answered { text, result, usage: Usage::default() };
    let file = files::result_path(&desk.parts.given.results, &request.agent);
    if request.expects == ResultKind::Text {
        return Ok(answered(text.to_owned(), None));
    }
    if let Some(typed) = desk.parts.given.toolbox.handed_in(request.turn) {
        let rest = result::fenced(text).map_or(text.to_owned(), |it| it.1);
        let text = if rest.trim().is_empty() { result::summary(&typed) } else { rest.trim().to_owned() };
        return Ok(answered(text, Some(typed)));
    }
    let written = files::read_result(&file);
    let _ = files::clear(&file);
    let fenced = result::fenced(text).or_else(|| result::unfenced(text, &request.expects));
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

/// Returns the prompt with what the agent must know of its result, unless the prompt says so already.
pub(super) fn with_instructions(request: &TurnRequest) -> String {
    match form::instructions(&request.expects) {
        Some(form) if !request.prompt.contains("callboard-result") => {
            format!("{}\n\n{form}", request.prompt.trim_end())
        }
        _ => request.prompt.to_string(),
    }
}

/// Returns the first prompt of a session that takes the place of a lost one: with the end of what was said in the channel.
pub(super) fn with_recap(request: &TurnRequest, prompt: String) -> String {
    if request.recap.is_empty() {
        return prompt;
    }
    format!(
        "You take up work whose conversation is lost. What was last said in the channel, for your information:\n\n\
         {}\n---\n\n{prompt}",
        request.recap
    )
}

fn interrupted(request: &TurnRequest) -> Ended {
    Ended(failure(FailureClass::Interrupted, format!("{}'s turn was stopped", request.agent)))
}

pub(super) fn has_come(time: Option<Instant>) -> bool {
    time.is_some_and(|it| it <= Instant::now())
}

pub(super) fn after(from: Instant, milliseconds: Option<u64>) -> Option<Instant> {
    milliseconds.and_then(|it| from.checked_add(Duration::from_millis(it)))
}
