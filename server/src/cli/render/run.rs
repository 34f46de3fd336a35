//! Runs: a list of them, and one whole.

use super::{Line, Tone, View, finding, pause, step, table::table, time};
use crate::{
    agent::terminal::plain::plain,
    finding::{Finding, FindingState},
    ids::Timestamp,
    protocol::{CollisionView, PastStep, PauseView, RunHistory, RunStatus, RunView, StepStatus},
};

/// Returns runs as a table, the newest last.
pub fn runs(runs: &[RunView], now: Timestamp, view: &View) -> Vec<Line> {
    if runs.is_empty() {
        return vec![Line::plain("No runs yet. To start one: ").with(Tone::Code, "callboard run review-fix")];
    }
    let rows: Vec<_> = runs
        .iter()
        .map(|it| {
            let (word, tone) = status(it.status);
            vec![
                Line::new().with(Tone::Strong, it.id.to_string()),
                Line::new().with(tone, word),
                Line::plain(plain(&it.workflow)),
                Line::plain(time::day(it.started, &view.zone)),
                Line::plain(time::lasted(it.ended.unwrap_or(now).since(it.started))),
                Line::plain(it.turns.to_string()),
                Line::plain(time::cost(&it.usage)),
                Line::new().with(Tone::Faint, plain(&it.why)),
            ]
        })
        .collect();
    table(&["run", "status", "workflow", "started", "took", "turns", "cost", "why"], &rows, view.width)
}

/// Returns one run whole: its head, its steps, what waits, its findings.
pub fn run(run: &RunView, pauses: &[PauseView], findings: &[Finding], now: Timestamp, view: &View) -> Vec<Line> {
    let mut lines = vec![head(run), Line::new()];
    let mut fact = |name: &str, text: String| {
        let lead = Line::new().with(Tone::Faint, format!("{name:<9} "));
        lines.extend(Line::plain(text).wrap(view.width, &lead, &Line::plain(" ".repeat(10))));
    };
    fact("channel", run.channel.to_string());
    fact("started", format!("{} by {}", time::day(run.started, &view.zone), plain(&run.by)));
    fact("took", time::lasted(run.ended.unwrap_or(now).since(run.started)));
    fact("turns", run.turns.to_string());
    fact("cost", time::cost(&run.usage));
    fact("template", run.hash.chars().take(12).collect());
    if !run.inputs.is_empty() {
        let inputs = run.inputs.iter().map(|(name, value)| format!("{name}={}", plain(&value.to_string())));
        fact("inputs", inputs.collect::<Vec<_>>().join("  "));
    }
    if !run.roles.is_empty() {
        let roles = run.roles.iter().map(|(role, agent)| {
            let all: Vec<String> = run
                .casts
                .get(role)
                .map_or_else(|| vec![agent.to_string()], |it| it.iter().map(ToString::to_string).collect());
            format!("{role}={}", all.join(","))
        });
        fact("roles", roles.collect::<Vec<_>>().join("  "));
    }
    lines.push(Line::new());
    let rows: Vec<_> = run.steps.iter().map(|it| step::row(it, now)).collect();
    lines.extend(table(&["step", "who", "lap", "took", "cost", "result"], &rows, view.width));
    for it in run.steps.iter().filter_map(|it| it.failure.as_ref().map(|failure| (it, failure))) {
        let lead = Line::new().with(Tone::Bad, format!("{}: ", it.0.id));
        lines.extend(Line::plain(plain(&it.1.message)).wrap(view.width, &lead, &"  ".into()));
    }
    for (step, it) in run.steps.iter().flat_map(|step| step.decided.iter().map(move |it| (step, it))) {
        let (how, tone) = if it.refused { ("refused:", Tone::Warn) } else { ("because", Tone::Plain) };
        let lead = Line::new().with(Tone::Note, format!("{} ", step.id)).with(tone, plain(&it.what));
        lines.extend(Line::plain(format!(" {how} {}", plain(&it.why))).wrap(view.width, &lead, &"  ".into()));
    }
    if !run.collisions.is_empty() {
        lines.push(Line::new());
        lines.extend(run.collisions.iter().flat_map(|it| collision(it, view)));
    }
    if !pauses.is_empty() {
        lines.push(Line::new());
        lines.extend(pause::inbox(pauses, view));
    }
    if !findings.is_empty() {
        lines.push(Line::new());
        lines.extend(finding::findings(findings, view.width));
    }
    lines
}

/// Returns who changed one file at the same time: `⚠ src/a.rs: @claude and @codex changed it at the same time (m12)`.
fn collision(it: &CollisionView, view: &View) -> Vec<Line> {
    let who = it.person.iter().map(|it| plain(it)).chain(it.agents.iter().map(ToString::to_string));
    let who = who.collect::<Vec<_>>().join(" and ");
    let what = if it.sure { "changed it at the same time" } else { "may have changed it at the same time" };
    let lead = Line::new().with(Tone::Warn, "⚠ ").with(Tone::Strong, plain(&it.path));
    Line::plain(format!(": {who} {what} ({})", it.message)).wrap(view.width, &lead, &"  ".into())
}

/// Returns what the rounds that are over came to, a table each, oldest first.
pub fn rounds(history: &RunHistory, run: &RunView, view: &View) -> Vec<Line> {
    let mut lines = Vec::new();
    if history.forgotten > 0 {
        let text = format!("{} older steps are no longer kept; the journal has them.", history.forgotten);
        lines.extend([Line::new(), Line::new().with(Tone::Faint, text)]);
    }
    for round in history.steps.chunk_by(|a, b| (&a.within, a.round) == (&b.within, b.round)) {
        let Some(first) = round.first() else { continue };
        let title = run.steps.iter().find(|it| it.id == first.within).map_or(first.within.as_str(), |it| &it.title);
        let from = round.iter().filter_map(|it| it.started).min();
        let to = round.iter().filter_map(|it| it.ended).max();
        let took = from.zip(to).map(|(from, to)| format!("  {}", time::lasted(to.since(from)))).unwrap_or_default();
        let lap = if first.round > 0 { format!("round {} of ", first.round) } else { "before, in ".to_owned() };
        let head = Line::new().with(Tone::Note, "↻ ").with(Tone::Strong, format!("{lap}{}", plain(title)));
        lines.extend([Line::new(), head.with(Tone::Faint, took)]);
        let rows: Vec<_> = round.iter().map(past).collect();
        lines.extend(table(&["step", "who", "took", "cost", "result"], &rows, view.width));
    }
    lines
}

fn past(step: &PastStep) -> Vec<Line> {
    let (mark, tone) = match step.status {
        StepStatus::Done => ("✓", Tone::Good),
        StepStatus::Failed => ("✗", Tone::Bad),
        _ => ("–", Tone::Faint),
    };
    let tries = if step.attempt > 1 { format!(" (try {})", step.attempt) } else { String::new() };
    let lasted = step.started.zip(step.ended).map(|(from, to)| time::lasted(to.since(from))).unwrap_or_default();
    // What nobody took a turn for costs nothing, and that is no lack of knowledge.
    let cost = if step.agent.is_some() { time::cost(&step.usage) } else { String::new() };
    vec![
        Line::plain("  ").with(tone, mark).with(Tone::Plain, format!(" {}{tries}", plain(&step.title))),
        Line::new().with(Tone::Name, step.agent.as_ref().map_or_else(String::new, ToString::to_string)),
        Line::plain(lasted),
        Line::plain(cost),
        Line::plain(plain(&step.outcome)),
    ]
}

/// Returns the line at the head of a run: `r3 approved  Review–fix loop (review-fix)`.
pub fn head(run: &RunView) -> Line {
    let (word, tone) = status(run.status);
    let mut line = Line::new().with(Tone::Strong, run.id.to_string()).with(Tone::Plain, " ").with(tone, word);
    line.push(Tone::Plain, format!("  {}", plain(&run.title)));
    line.push(Tone::Faint, format!("  ({})", plain(&run.workflow)));
    line
}

/// Returns the closing lines of a run that was watched: how it ended and the totals.
pub fn totals(run: &RunView, findings: &[&Finding], view: &View) -> Vec<Line> {
    let (word, tone) = status(run.status);
    let rounds = run.steps.iter().map(|it| it.round).max().unwrap_or(0);
    let mut head = Line::new().with(tone, format!("{} {word}", run.id));
    if !run.why.is_empty() {
        head.push(Tone::Plain, format!(": {}", plain(&run.why)));
    }
    let took = run.ended.unwrap_or(run.started).since(run.started);
    let mut parts = Vec::new();
    if rounds > 0 {
        parts.push(time::count(usize::try_from(rounds).unwrap_or(0), "round"));
    }
    parts.push(time::count(usize::try_from(run.turns).unwrap_or(0), "turn"));
    let count = |wanted: fn(&FindingState) -> bool| findings.iter().filter(|it| wanted(&it.state)).count();
    let kinds: [(usize, &str); 4] = [
        (count(|it| matches!(it, FindingState::Fixed)), "fixed"),
        (count(|it| matches!(it, FindingState::Accepted { .. })), "accepted"),
        (count(|it| matches!(it, FindingState::Dismissed { .. })), "dismissed"),
        (count(|it| matches!(it, FindingState::Open | FindingState::Stale)), "open"),
    ];
    let kinds: Vec<_> = kinds.iter().filter(|it| it.0 > 0).map(|it| format!("{} {}", it.0, it.1)).collect();
    if !kinds.is_empty() {
        parts.push(format!("{}: {}", time::count(findings.len(), "finding"), kinds.join(", ")));
    }
    if run.changed_files > 0 {
        let files = time::count(usize::try_from(run.changed_files).unwrap_or(0), "file");
        parts.push(format!("{files} changed"));
    }
    parts.push(time::lasted(took));
    parts.push(format!("cost {}", time::cost(&run.usage)));
    let mut lines = head.wrap(view.width, &Line::new(), &"  ".into());
    lines.extend(Line::new().with(Tone::Faint, parts.join(" · ")).wrap(view.width, &"  ".into(), &"  ".into()));
    lines
}

/// Returns a status as a word with its tone.
pub fn status(status: RunStatus) -> (&'static str, Tone) {
    match status {
        RunStatus::Running => ("running", Tone::Note),
        RunStatus::Waiting => ("waiting", Tone::Warn),
        RunStatus::Held => ("held", Tone::Warn),
        RunStatus::Approved => ("approved", Tone::Good),
        RunStatus::Done => ("done", Tone::Good),
        RunStatus::Failed => ("failed", Tone::Bad),
        RunStatus::Rejected => ("rejected", Tone::Bad),
        RunStatus::Stopped => ("stopped", Tone::Bad),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{cli::render::text, ids::RunId, outcome::Usage, protocol::StepView};

    pub(crate) fn sample(id: u64, status: RunStatus, steps: Vec<StepView>) -> RunView {
        RunView {
            id: RunId(id),
            workflow: "review-fix".to_owned(),
            title: "Review–fix loop".to_owned(),
            hash: "0123456789abcdef".to_owned(),
            channel: "main".parse().unwrap(),
            thread: None,
            by: "ada".to_owned(),
            started: Timestamp(1_763_805_780_000),
            ended: status.has_ended().then_some(Timestamp(1_763_805_799_000)),
            status,
            why: String::new(),
            inputs: [("path".to_owned(), serde_json::json!("src"))].into(),
            roles: [("reviewer".to_owned(), "lint".parse().unwrap())].into(),
            casts: std::collections::BTreeMap::new(),
            steps,
            turns: 2,
            usage: Usage::default(),
            changed_files: 0,
            collisions: Vec::new(),
            rev: 3,
        }
    }

    #[test]
    fn a_run_is_shown_whole() {
        let usage = Usage { tokens: Some(1_200), micro_dollars: None };
        let review = StepView { depth: 1, round: 1, usage, ..step::tests::sample("review", StepStatus::Running) };
        let lap = StepView { agent: None, ..step::tests::sample("lap", StepStatus::Running) };
        let it = sample(3, RunStatus::Running, vec![lap, review]);
        let lines = run(&it, &[pause::tests::sample(1)], &[], Timestamp(1_763_805_790_000), &View::plain());
        insta::assert_snapshot!(text(&lines), @r#"
        r3 running  Review–fix loop  (review-fix)

        channel   #main
        started   2025-11-22 10:03:00 by ada
        took      10 s
        turns     2
        cost      unknown
        template  0123456789ab
        inputs    path="src"
        roles     reviewer=@lint

        step        who    lap      took  cost          result
        ▸ lap                       10 s
          ▸ review  @lint  round 1  10 s  1,200 tokens

        10:03:09 ⏸ p1 Approve the findings?  (pause point, run r3, step gate)
          callboard decide p1 approve | edit | request-changes | reject | stop
        "#);
    }

    #[test]
    fn earlier_rounds_are_told_each_with_who_how_long_and_what() {
        let past = |step: &str, round, agent: Option<&str>, outcome: &str| PastStep {
            step: step.parse().unwrap(),
            title: step.to_owned(),
            within: "lap".parse().unwrap(),
            round,
            attempt: 1,
            status: if outcome == "skipped" { StepStatus::Skipped } else { StepStatus::Done },
            agent: agent.map(|it| it.parse().unwrap()),
            started: agent.map(|_| Timestamp(1_000)),
            ended: Some(Timestamp(13_000)),
            usage: Usage::default(),
            outcome: outcome.to_owned(),
        };
        let history = RunHistory {
            steps: vec![
                past("review", 1, Some("lint"), "changes requested, 2 findings"),
                past("fix", 1, Some("autofix"), "changed 1 file"),
                past("review", 2, Some("lint"), "approved, 0 findings"),
                past("fix", 2, None, "skipped"),
            ],
            forgotten: 3,
            rev: 9,
        };
        let lap = StepView { title: "Until it is clean".to_owned(), ..step::tests::sample("lap", StepStatus::Running) };
        let it = sample(3, RunStatus::Running, vec![lap]);
        let shown = text(&rounds(&history, &it, &View::plain()));
        for part in [
            "3 older steps are no longer kept",
            "↻ round 1 of Until it is clean  12 s",
            "✓ review  @lint     12 s  unknown  changes requested, 2 findings",
            "↻ round 2 of Until it is clean",
            "– fix",
        ] {
            assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
        }
    }

    #[test]
    fn totals_count_what_became_of_the_findings() {
        let fixed = Finding { state: FindingState::Fixed, ..finding::tests::sample(1) };
        let accepted = Finding { state: FindingState::Accepted { by: "ada".to_owned() }, ..finding::tests::sample(2) };
        let it = sample(3, RunStatus::Approved, vec![]);
        insta::assert_snapshot!(text(&totals(&it, &[&fixed, &accepted], &View::plain())), @r"
        r3 approved
          2 turns · 2 findings: 1 fixed, 1 accepted · 19 s · cost unknown
        ");
        insta::assert_snapshot!(text(&runs(&[it], Timestamp(0), &View::plain())), @r"
        run  status    workflow    started              took  turns  cost     why
        r3   approved  review-fix  2025-11-22 10:03:00  19 s  2      unknown
        ");
    }
}
