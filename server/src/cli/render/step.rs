//! Steps of a run: their marks, their one-line results, the lines of the live area.

use super::{Line, Tone, View, time};
use crate::{
    agent::terminal::plain::plain,
    ids::Timestamp,
    outcome::{ReviewVerdict, TestVerdict, TypedResult},
    protocol::{StepStatus, StepView},
};

/// Returns the line that is printed when a step starts.
pub fn started(step: &StepView, view: &View) -> Line {
    let at = step.started.map_or_else(no_time, |it| time::clock(it, &view.zone) + " ");
    Line::new().with(Tone::Faint, at).with(Tone::Note, "▸ ").with(Tone::Plain, name(step)).with(Tone::Faint, who(step))
}

/// Returns the line that is printed when a loop is in another round.
pub fn round(step: &StepView) -> Line {
    let text = format!("round {}", step.round);
    Line::plain(no_time())
        .with(Tone::Note, "↻ ")
        .with(Tone::Strong, text)
        .with(Tone::Faint, format!("  {}", plain(&step.title)))
}

/// Returns the line that is printed when a step is over, with its result in short.
pub fn ended(step: &StepView, view: &View) -> Line {
    let (mark, tone) = mark(step);
    let at = step.ended.map_or_else(no_time, |it| time::clock(it, &view.zone) + " ");
    let mut line = Line::new().with(Tone::Faint, at).with(tone, mark).with(Tone::Plain, " ");
    line.push(Tone::Plain, name(step));
    line.push(Tone::Faint, who(step));
    let outcome = outcome(step);
    if !outcome.is_empty() {
        line.push(Tone::Plain, "  ");
        line.push(if tone == Tone::Good { Tone::Plain } else { tone }, outcome);
    }
    if let Some(lasted) = lasted(step, None) {
        line.push(Tone::Faint, format!("  {lasted}"));
    }
    line
}

/// Returns the line of a step in the live area, with `frame` as its spinner.
pub fn live(step: &StepView, now: Timestamp, frame: &str, doing: &str) -> Line {
    let mut line = match step.status {
        StepStatus::Running => Line::new().with(Tone::Note, frame),
        StepStatus::Backoff => Line::new().with(Tone::Warn, "↻"),
        StepStatus::Paused => Line::new().with(Tone::Warn, "⏸"),
        _ => Line::new().with(Tone::Faint, "·"),
    };
    line.push(Tone::Plain, " ");
    line.push(Tone::Strong, name(step));
    line.push(Tone::Faint, who(step));
    if !doing.is_empty() && step.status == StepStatus::Running {
        line.push(Tone::Faint, format!("  {}", plain(doing)));
    }
    match (step.status, lasted(step, Some(now))) {
        (StepStatus::Queued, _) => line.push(Tone::Faint, "  in the queue"),
        (StepStatus::Backoff, _) => line.push(Tone::Warn, "  waits to be tried again"),
        (_, Some(lasted)) => line.push(Tone::Faint, format!("  {lasted}")),
        _ => {}
    }
    line
}

/// Returns a step's row in the view of a whole run.
pub fn row(step: &StepView, now: Timestamp) -> Vec<Line> {
    let (mark, tone) = mark(step);
    let indent = "  ".repeat(usize::try_from(step.depth.min(8)).unwrap_or(0));
    let times = match (step.round, step.attempt) {
        (0, 0 | 1) => String::new(),
        (0, attempt) => format!("try {attempt}"),
        (round, 0 | 1) => format!("round {round}"),
        (round, attempt) => format!("round {round}, try {attempt}"),
    };
    vec![
        Line::plain(indent).with(tone, mark).with(Tone::Plain, format!(" {}", titled(step))),
        Line::new().with(Tone::Name, step.agent.as_ref().map_or_else(String::new, ToString::to_string)),
        Line::plain(times),
        Line::plain(lasted(step, Some(now)).unwrap_or_default()),
        Line::plain(cost(step)),
        Line::new().with(if tone == Tone::Good { Tone::Plain } else { tone }, outcome(step)),
    ]
}

/// Returns what a step used. What nobody took a turn for costs nothing, and what is not over is not known yet.
fn cost(step: &StepView) -> String {
    let is_over = matches!(step.status, StepStatus::Done | StepStatus::Failed);
    if step.agent.is_some() && (is_over || !step.usage.is_unknown()) { time::cost(&step.usage) } else { String::new() }
}

/// Returns a result in one line.
pub fn result(result: &TypedResult) -> String {
    plain(&result.line())
}

/// Returns how a step came out, in one line.
pub fn outcome(step: &StepView) -> String {
    match (&step.failure, &step.result, step.status) {
        (Some(failure), _, StepStatus::Failed | StepStatus::Paused | StepStatus::Backoff) => {
            format!("{}: {}", failure.class.name(), first_line(&plain(&failure.message)))
        }
        (_, _, StepStatus::Skipped) => "skipped".to_owned(),
        (_, _, StepStatus::Paused) => "waits for you".to_owned(),
        // What a pause step gives is what a person let through, whatever its reviewer's verdict was.
        (_, Some(TypedResult::Review(it)), StepStatus::Done) if is_pause(step) => {
            format!("goes on with {}", time::count(it.findings.len(), "finding"))
        }
        (_, Some(_), StepStatus::Done) if is_pause(step) => "goes on".to_owned(),
        (_, Some(it), _) => result(it),
        _ => String::new(),
    }
}

/// Returns whether a step that has a result is a pause: nobody took a turn for it.
fn is_pause(step: &StepView) -> bool {
    step.agent.is_none() && step.turn.is_none()
}

/// Returns a step's title, with its item where it is one of a list.
fn titled(step: &StepView) -> String {
    let title = plain(&step.title);
    match &step.item {
        Some(item) if title == step.id.as_str() => format!("{title} {}", plain(item)),
        Some(item) => format!("{title}: {}", plain(item)),
        None => title,
    }
}

fn name(step: &StepView) -> String {
    let title = titled(step);
    if step.round > 1 { format!("{title} (round {})", step.round) } else { title }
}

/// Returns what stands in a time's place where a step is told after it was done anew: that it is over is known, when is not.
fn no_time() -> String {
    " ".repeat("00:00:00 ".len())
}

fn who(step: &StepView) -> String {
    step.agent.as_ref().map_or_else(String::new, |it| format!("  {it}"))
}

fn lasted(step: &StepView, now: Option<Timestamp>) -> Option<String> {
    let started = step.started?;
    Some(time::lasted(step.ended.or(now)?.since(started)))
}

fn mark(step: &StepView) -> (&'static str, Tone) {
    let is_bad = match &step.result {
        Some(TypedResult::Tests(it)) => it.verdict == TestVerdict::Failed,
        Some(TypedResult::Review(it)) => it.verdict == ReviewVerdict::ChangesRequested && !is_pause(step),
        _ => false,
    };
    match step.status {
        StepStatus::Done if is_bad => ("✓", Tone::Warn),
        StepStatus::Done => ("✓", Tone::Good),
        StepStatus::Failed => ("✗", Tone::Bad),
        StepStatus::Skipped => ("–", Tone::Faint),
        StepStatus::Paused => ("⏸", Tone::Warn),
        StepStatus::Backoff => ("↻", Tone::Warn),
        StepStatus::Running => ("▸", Tone::Note),
        StepStatus::Waiting | StepStatus::Queued => ("·", Tone::Faint),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or("").trim().to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::outcome::{Failure, FailureClass, ReviewResult, Usage};

    pub(crate) fn sample(id: &str, status: StepStatus) -> StepView {
        StepView {
            id: id.parse().unwrap(),
            title: id.to_owned(),
            item: None,
            depth: 0,
            status,
            round: 0,
            attempt: 1,
            agent: Some("lint".parse().unwrap()),
            turn: None,
            pause: None,
            started: Some(Timestamp(1_763_805_780_000)),
            ended: None,
            result: None,
            failure: None,
            usage: Usage::default(),
            decided: Vec::new(),
        }
    }

    #[test]
    fn a_step_is_one_line_from_start_to_end() {
        let now = Timestamp(1_763_805_792_000);
        let mut step = StepView { round: 2, ..sample("review", StepStatus::Running) };
        insta::assert_snapshot!(started(&step, &View::plain()).text(), @"10:03:00 ▸ review (round 2)  @lint");
        insta::assert_snapshot!(live(&step, now, "⠋", "clippy").text(), @"⠋ review (round 2)  @lint  clippy  12 s");
        step.status = StepStatus::Done;
        step.ended = Some(now);
        step.result = Some(TypedResult::Review(ReviewResult {
            verdict: ReviewVerdict::Approved,
            summary: String::new(),
            findings: Vec::new(),
        }));
        insta::assert_snapshot!(ended(&step, &View::plain()).text(),
            @"10:03:12 ✓ review (round 2)  @lint  approved, 0 findings  12 s");
    }

    #[test]
    fn a_pause_that_was_answered_says_what_goes_on() {
        let review = ReviewResult {
            verdict: ReviewVerdict::ChangesRequested,
            summary: String::new(),
            findings: vec![super::super::finding::tests::sample(1).draft],
        };
        let result = Some(TypedResult::Review(review));
        let step = StepView { agent: None, result, ..sample("approve", StepStatus::Done) };
        insta::assert_snapshot!(ended(&step, &View::plain()).text(), @"         ✓ approve  goes on with 1 finding");
    }

    #[test]
    fn a_failure_says_its_class_and_what_to_do() {
        let message = "clippy is not installed; `rustup component add clippy`\nmore".to_owned();
        let failure = Failure { class: FailureClass::NotInstalled, message, retry_at: None };
        let step = StepView { failure: Some(failure), ..sample("review", StepStatus::Failed) };
        insta::assert_snapshot!(ended(&step, &View::plain()).text(),
            @"         ✗ review  @lint  not_installed: clippy is not installed; `rustup component add clippy`");
    }
}
