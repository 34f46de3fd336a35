//! A run as it happens: prints what is new, keeps the live area, asks at pause points, survives a lost hub.
//!
//! What to say is decided by `live.rs`, how it looks by `render/`, what an answer means by `prompt.rs`; this is the loop
//! that joins them with the hub and the person.

use std::time::Duration;

use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::{
    editor,
    fail::{self, Fail},
    live::{Live, Note},
    out::Out,
    person::Person,
    prompt::{Move, Prompt},
    render::{self, Line, Tone},
    wire::{Wire, ask},
};
use crate::{
    ask::Scope,
    document::Decision,
    hub::event::RefusalCode,
    ids::{PauseId, RunId, Timestamp},
    outcome::{TestVerdict, TypedResult},
    protocol::{Changed, DecideParams, Feed, PauseKind, PauseView, RunStatus, RunView, SubscribeParams, method},
};

/// How often `--yes` raises a limit of one run before it leaves the run to a person: loops end (promise 5).
const MOST_RAISES: u32 = 3;
const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

/// How a run is watched.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Approve what the workflow stops for; what `why_not` names is left to a person.
    pub yes: bool,
    /// Accept findings that a loop left declined, where no test fails: only the demo does, in the place of the person who watches it.
    pub accepts: bool,
}

/// How it came out.
#[derive(Debug, Clone)]
pub struct Watched {
    /// What the process exits with.
    pub exit: i32,
    /// The run as it was last seen.
    pub run: Option<RunView>,
}

/// Watches a run until it ends, or waits and nobody can be asked, or is left by Ctrl-C.
pub async fn watch<W: Wire>(
    wire: &mut W,
    out: &mut Out,
    person: &mut Person,
    run: RunId,
    options: Options,
) -> Result<Watched, Fail> {
    let mut watcher = Watcher {
        live: Live::new(run),
        run,
        options,
        rev: 0,
        prompt: None,
        draft: None,
        deferred: Vec::new(),
        approved: Vec::new(),
        raises: 0,
        interrupts: 0,
        frame: 0,
    };
    let exit = watcher.go(wire, out, person).await;
    out.area(&[])?;
    Ok(Watched { exit: exit?, run: watcher.live.run().cloned() })
}

struct Watcher {
    live: Live,
    run: RunId,
    options: Options,
    /// The revision that this client has.
    rev: u64,
    prompt: Option<Prompt>,
    /// An edit that the hub refused: the editor is opened on it again.
    draft: Option<(PauseId, String)>,
    /// Pauses that can't be answered from here.
    deferred: Vec<PauseId>,
    /// Pauses that `--yes` approved.
    approved: Vec<PauseId>,
    raises: u32,
    interrupts: u32,
    frame: usize,
}

/// Returns why `--yes` does not approve a pause; it approves only what a workflow meant to be approved.
///
/// A loop that is stuck has not done what it was for, and two texts that do not go together have two owners: to wave these through
/// would be to say that all is well when it is not.
fn why_not(pause: &PauseView, raises: u32, accepts: bool) -> Option<&'static str> {
    if !pause.decisions.iter().any(|it| it == "approve") {
        return Some("it can't be approved: it wants another decision");
    }
    match pause.kind {
        PauseKind::Step if pause.steering.is_empty() => None,
        PauseKind::Step => Some("files that steer programs were changed, and only a person lets these through"),
        PauseKind::Limit if raises < MOST_RAISES => None,
        PauseKind::Limit => Some("--yes has raised limits of this run often enough"),
        PauseKind::Permission | PauseKind::Question => {
            Some("an agent asks for it, and only a person gives permissions and answers")
        }
        PauseKind::Stuck if accepts => None,
        PauseKind::Stuck => Some("the loop gets no further, and to approve it would be to accept what is left"),
        PauseKind::Conflict | PauseKind::Clash => {
            Some("both sides changed the same, and only a person says what is kept")
        }
        PauseKind::Trust => Some("what is trusted was changed, and only a person trusts it again"),
        PauseKind::Failure => Some("something failed, and only a person says what is done about it"),
    }
}

/// Returns whether tests of the run failed when they last ran.
fn tests_fail(run: &RunView) -> bool {
    let failed = |it: &TypedResult| matches!(it, TypedResult::Tests(tests) if tests.verdict == TestVerdict::Failed);
    run.steps.iter().filter_map(|it| it.result.as_ref()).any(failed)
}

enum Happened {
    Feed(Option<Feed>),
    Typed(Option<String>),
    Interrupt,
    Tick,
}

impl Watcher {
    async fn go<W: Wire>(&mut self, wire: &mut W, out: &mut Out, person: &mut Person) -> Result<i32, Fail> {
        person.signals.listen();
        match self.subscribe(wire).await {
            Err(fail) if fail.is_lost() => self.find_again(wire, out).await?,
            other => other?,
        }
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let animates = out.is_terminal && self.prompt.is_none() && self.live.going_on().next().is_some();
            let asks = self.prompt.is_some();
            let happened = tokio::select! {
                biased;
                () = person.signals.interrupt() => Happened::Interrupt,
                feed = wire.feed() => Happened::Feed(feed),
                typed = person.keys.line(), if asks => Happened::Typed(typed),
                _ = ticks.tick(), if animates => Happened::Tick,
            };
            match happened {
                Happened::Feed(Some(feed)) => self.take(feed, wire, out, person).await?,
                Happened::Feed(None) => self.find_again(wire, out).await?,
                Happened::Typed(Some(typed)) => self.typed(&typed, wire, out, person).await?,
                Happened::Typed(None) => {
                    person.is_there = false;
                    self.prompt = None;
                }
                Happened::Interrupt => {
                    self.interrupts += 1;
                    if self.interrupts > 1 {
                        return self.leave(out);
                    }
                    self.explain(out)?;
                }
                Happened::Tick => self.frame += 1,
            }
            if let Some(exit) = self.over(out, person)? {
                return Ok(exit);
            }
            if self.prompt.is_none() {
                self.draw(out)?;
            }
        }
    }

    /// Asks for everything of this run after the revision that we have.
    async fn subscribe<W: Wire>(&mut self, wire: &mut W) -> Result<(), Fail> {
        let params = SubscribeParams { since: Some(self.rev), run: Some(self.run), channel: None };
        ask::<serde_json::Value>(wire, method::SUBSCRIBE, &params).await.map(drop)
    }

    /// Connects again after the hub was lost: what it had recorded is in its journal, and the run goes on from there.
    async fn find_again<W: Wire>(&mut self, wire: &mut W, out: &mut Out) -> Result<(), Fail> {
        out.remark(&Line::new().with(Tone::Warn, "The hub went away; connecting again …"))?;
        let mut wait = Duration::from_millis(200);
        let mut last = Fail::lost("the hub is gone");
        for _ in 0..6 {
            match wire.reconnect().await {
                Ok(()) => match self.subscribe(wire).await {
                    Ok(()) => {
                        out.remark(&Line::plain(format!("Connected again; {} goes on.", self.run)))?;
                        return Ok(());
                    }
                    Err(fail) if fail.is_lost() => last = fail,
                    Err(fail) => return Err(fail),
                },
                Err(fail) => last = fail,
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        Err(last.help(format!("`callboard show {} --follow` watches it again", self.run)))
    }

    async fn take<W: Wire>(
        &mut self,
        feed: Feed,
        wire: &mut W,
        out: &mut Out,
        person: &mut Person,
    ) -> Result<(), Fail> {
        self.rev = self.rev.max(feed.rev);
        let mut lines = Vec::new();
        let mut opened = Vec::new();
        let mut notes = Vec::new();
        // Whether a question stands on the screen is asked before an answer that came from elsewhere takes it away.
        let gives_way = self.prompt.as_ref().map(Prompt::question);
        for item in feed.items {
            if out.json {
                out.object(&item)?;
            }
            notes.extend(self.live.take(item));
        }
        for note in in_time(notes) {
            lines.extend(self.show(&note, out));
            match note {
                Note::Paused(it) => opened.push(it),
                Note::Answered(it) => self.answered(it.id),
                _ => {}
            }
        }
        if !lines.is_empty() && !out.json {
            if let Some(question) = gives_way {
                // It is asked again below what is new, where it is still open.
                out.unask(&question)?;
            }
            out.lines(&lines)?;
        }
        for pause in opened {
            self.opened(&pause, wire, out, person).await?;
        }
        self.ask_next(!lines.is_empty(), out, person)
    }

    /// Deals with a pause that opened: `--yes` approves it, nobody leaves it, a person will be asked.
    async fn opened<W: Wire>(
        &mut self,
        pause: &PauseView,
        wire: &mut W,
        out: &mut Out,
        person: &mut Person,
    ) -> Result<(), Fail> {
        self.deferred.retain(|it| *it != pause.id);
        if self.prompt.as_ref().is_some_and(|it| it.pause == pause.id) {
            // What is shown changed: an answer to the old form would be bound to what is gone.
            self.prompt = None;
        }
        if self.options.yes {
            return self.approve(pause, wire, out).await;
        }
        if !person.is_there && !out.json {
            out.lines(&render::pause::how_to_decide(pause))?;
        }
        Ok(())
    }

    async fn approve<W: Wire>(&mut self, pause: &PauseView, wire: &mut W, out: &mut Out) -> Result<(), Fail> {
        let accepts = self.options.accepts && !self.live.run().is_some_and(tests_fail);
        let why_not = why_not(pause, self.raises, accepts);
        if let Some(why) = why_not {
            self.deferred.push(pause.id);
            if !out.json {
                out.line(&Line::new().with(Tone::Warn, format!("  --yes leaves {} to a person: {why}.", pause.id)))?;
                out.lines(&render::pause::how_to_decide(pause))?;
            }
            return Ok(());
        }
        if pause.kind == PauseKind::Limit {
            self.raises += 1;
        }
        let params =
            DecideParams { pause: pause.id, decision: Decision::Approve, hash: pause.hash.clone(), scope: None };
        match self.send(&params, wire, out).await {
            Ok(()) if out.json => {
                out.object(&json!({ "item": "decided", "pause": pause.id, "decision": "approve", "by": "--yes" }))
            }
            Ok(()) => {
                self.approved.push(pause.id);
                out.line(&Line::new().with(Tone::Good, format!("  --yes approved {}.", pause.id)))
            }
            // Somebody was faster, or what is shown changed and comes again: the feed tells.
            Err(fail) if fail.is(RefusalCode::AlreadyAnswered) || fail.is(RefusalCode::Changed) => Ok(()),
            Err(fail) => Err(fail),
        }
    }

    /// Sends a decision; where the hub is lost over it, to the next one. Only the first answer counts, so twice does no harm.
    async fn send<W: Wire>(&mut self, params: &DecideParams, wire: &mut W, out: &mut Out) -> Result<(), Fail> {
        match ask::<Changed>(wire, method::DECIDE, params).await {
            Err(fail) if fail.is_lost() => {
                self.find_again(wire, out).await?;
                ask::<Changed>(wire, method::DECIDE, params).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    fn answered(&mut self, pause: PauseId) {
        if self.prompt.as_ref().is_some_and(|it| it.pause == pause) {
            self.prompt = None;
        }
        self.deferred.retain(|it| *it != pause);
    }

    /// Asks the oldest open question, where a person is there and none is asked yet; asks again where lines came between.
    fn ask_next(&mut self, printed: bool, out: &mut Out, person: &Person) -> Result<(), Fail> {
        if !person.is_there || out.json || self.options.yes {
            return Ok(());
        }
        let fresh = self.prompt.is_none();
        if fresh {
            self.prompt = self.live.waiting().find(|it| !self.deferred.contains(&it.id)).map(Prompt::new);
        }
        match &self.prompt {
            Some(prompt) if fresh || printed => out.ask(&prompt.question()),
            _ => Ok(()),
        }
    }

    async fn typed<W: Wire>(
        &mut self,
        typed: &str,
        wire: &mut W,
        out: &mut Out,
        person: &mut Person,
    ) -> Result<(), Fail> {
        let Some(prompt) = &mut self.prompt else {
            return Ok(());
        };
        let (pause, hash) = (prompt.pause, prompt.hash.clone());
        match prompt.take(typed) {
            Move::Ask(hint) => {
                if let Some(hint) = hint {
                    out.line(&Line::new().with(Tone::Warn, hint))?;
                }
                let question = prompt.question();
                out.ask(&question)
            }
            Move::Show => {
                let shown = self.live.pause(pause).map(|it| render::pause::pause(it, &out.view));
                out.lines(&shown.unwrap_or_default())?;
                let question = prompt.question();
                out.ask(&question)
            }
            Move::Decide(decision) => self.decide(pause, hash, decision, None, wire, out).await,
            Move::Allow(scope) => self.decide(pause, hash, Decision::Approve, Some(scope), wire, out).await,
            Move::Edit => {
                let text = match &self.draft {
                    Some((of, text)) if *of == pause => text.clone(),
                    _ => self.live.pause(pause).map(|it| it.document.clone()).unwrap_or_default(),
                };
                let edited = match editor::command() {
                    Ok(command) => editor::edit(&command, &format!("{pause}.md"), &text).await,
                    Err(fail) => Err(fail),
                };
                person.signals.forget();
                match edited {
                    Ok(document) if self.live.pause(pause).is_some_and(|it| it.document == document) => {
                        out.line(&Line::plain("Nothing was changed, and nothing is decided."))?;
                        self.ask_again(out)
                    }
                    Ok(document) => {
                        self.draft = Some((pause, document.clone()));
                        self.decide(pause, hash, Decision::Edit { document }, None, wire, out).await
                    }
                    Err(fail) => {
                        out.fail(&fail);
                        self.ask_again(out)
                    }
                }
            }
        }
    }

    async fn decide<W: Wire>(
        &mut self,
        pause: PauseId,
        hash: String,
        decision: Decision,
        scope: Option<Scope>,
        wire: &mut W,
        out: &mut Out,
    ) -> Result<(), Fail> {
        match self.send(&DecideParams { pause, decision, hash, scope }, wire, out).await {
            Ok(()) => {
                // The feed tells who answered, and until then the question is not asked again.
                self.prompt = None;
                self.deferred.push(pause);
                Ok(())
            }
            Err(fail) if fail.is(RefusalCode::AlreadyAnswered) || fail.is(RefusalCode::Changed) => {
                self.prompt = None;
                out.line(&Line::new().with(Tone::Warn, &fail.message))
            }
            Err(fail) => {
                out.fail(&fail);
                if let Some(now) = self.live.pause(pause) {
                    self.prompt = Some(Prompt::new(now));
                }
                self.ask_again(out)
            }
        }
    }

    fn ask_again(&self, out: &mut Out) -> Result<(), Fail> {
        self.prompt.as_ref().map_or(Ok(()), |it| out.ask(&it.question()))
    }

    /// Returns the exit code where there is nothing left to watch.
    fn over(&self, out: &mut Out, person: &Person) -> Result<Option<i32>, Fail> {
        let Some(run) = self.live.run() else {
            return Ok(None);
        };
        if run.status.has_ended() {
            let exit = exit_of(run.status);
            if out.json {
                out.object(&json!({ "item": "ended", "run": run.id, "status": run.status, "exit": exit }))?;
            } else {
                let findings: Vec<_> = self.live.findings().collect();
                out.area(&[])?;
                out.lines(&render::run::totals(run, &findings, &out.view))?;
            }
            return Ok(Some(exit));
        }
        let waits = run.status == RunStatus::Waiting && self.live.waiting().next().is_some();
        let nobody_answers = if self.options.yes {
            self.live.waiting().all(|it| self.deferred.contains(&it.id))
        } else {
            !person.is_there || out.json
        };
        if waits && nobody_answers {
            if out.json {
                let pauses: Vec<_> = self.live.waiting().map(|it| it.id).collect();
                out.object(&json!({ "item": "waiting", "run": run.id, "pauses": pauses, "exit": fail::DETACHED }))?;
            } else {
                out.line(&Line::plain(format!(
                    "{} waits for a person; it stays waiting. To watch it again: callboard show {} --follow",
                    run.id, run.id
                )))?;
            }
            return Ok(Some(fail::DETACHED));
        }
        Ok(None)
    }

    fn explain(&self, out: &mut Out) -> Result<(), Fail> {
        let run = self.run;
        if self.prompt.is_some() {
            out.remark(&Line::new())?;
        }
        out.remark(&Line::new().with(
            Tone::Warn,
            format!("Ctrl-C again leaves {run}, which goes on. To hold it: callboard pause {run}. To end it: callboard cancel {run}."),
        ))?;
        self.ask_again(out)
    }

    fn leave(&self, out: &mut Out) -> Result<i32, Fail> {
        let run = self.run;
        if self.prompt.is_some() {
            out.remark(&Line::new())?;
        }
        out.remark(&Line::plain(format!("Left {run}; it goes on. To watch it again: callboard show {run} --follow")))?;
        if out.json {
            out.object(&json!({ "item": "left", "run": run, "exit": fail::DETACHED }))?;
        }
        Ok(fail::DETACHED)
    }

    fn draw(&self, out: &mut Out) -> Result<(), Fail> {
        let frame = FRAMES[self.frame % FRAMES.len()];
        let now = Timestamp::now();
        let steps = self.live.going_on().take(12);
        let lines: Vec<_> =
            steps.map(|it| render::step::live(it, now, frame, self.live.doing(it.agent.as_ref()))).collect();
        out.area(&lines)
    }

    /// Returns the lines for a note.
    fn show(&self, note: &Note, out: &Out) -> Vec<Line> {
        let view = &out.view;
        match note {
            Note::Started(it) => {
                vec![render::run::head(it).with(Tone::Faint, format!("  in {}", it.channel))]
            }
            Note::StepStarted(it) => vec![render::step::started(it, view)],
            Note::Round(it) => vec![render::step::round(it)],
            Note::StepEnded(it) | Note::StepFailed(it) => {
                render::step::ended(it, view).wrap(view.width, &Line::new(), &"    ".into())
            }
            // The pause itself is shown, with more than its message says.
            Note::Message(it) if it.about.as_ref().is_some_and(|it| it.pause.is_some()) => Vec::new(),
            Note::Message(it) => render::message::message(it, view),
            Note::Found(it) => {
                let mut lines = render::finding::finding(it, view.width);
                lines.push(Line::new());
                lines
            }
            Note::Settled(it) => vec![Line::plain("  ").joined(&render::finding::settled(it))],
            Note::Paused(it) if self.options.yes => {
                render::pause::head(it, view).wrap(view.width, &Line::new(), &"    ".into())
            }
            Note::Paused(it) => render::pause::pause(it, view),
            // What `--yes` did was said when it did it.
            Note::Answered(it) if self.approved.contains(&it.id) => Vec::new(),
            Note::Answered(it) => render::pause::answered(it, view).into_iter().collect(),
            Note::Agent(it) => {
                let (word, tone) = render::lists::state(&it.claim.state);
                let who = Line::plain("  ").with(Tone::Name, it.info.name.to_string());
                vec![who.with(tone, format!(" is {word}")).with(Tone::Faint, format!(": {}", it.claim.why))]
            }
            Note::Held(true) => {
                let how = format!("  Held by a person. To let it go on: callboard resume {}", self.run);
                vec![Line::new().with(Tone::Warn, how)]
            }
            Note::Held(false) => vec![Line::new().with(Tone::Good, "  It goes on.")],
            // The totals say it, after all that came with it.
            Note::Ended(_) => Vec::new(),
        }
    }
}

/// Returns notes in the order in which they happened. A feed brings things by their last change, so the steps of one that
/// was away come at once. A note with no time of its own stays behind the one before it.
fn in_time(notes: Vec<Note>) -> Vec<Note> {
    let mut last = Timestamp::default();
    let mut timed: Vec<(Timestamp, Note)> = Vec::with_capacity(notes.len());
    for note in notes {
        last = note.at().unwrap_or(last);
        timed.push((last, note));
    }
    timed.sort_by_key(|it| it.0);
    timed.into_iter().map(|it| it.1).collect()
}

/// Returns what a run's end means for a shell.
pub fn exit_of(status: RunStatus) -> i32 {
    match status {
        RunStatus::Approved | RunStatus::Done => fail::OK,
        RunStatus::Failed | RunStatus::Rejected | RunStatus::Stopped => fail::FAILED,
        RunStatus::Running | RunStatus::Waiting | RunStatus::Held => fail::DETACHED,
    }
}

#[cfg(test)]
mod tests;
