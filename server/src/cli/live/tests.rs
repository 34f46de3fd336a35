//! The watcher's notes for what the feed brings, in the order and with the repeats that a real feed has.

use super::*;
use crate::{
    agent::Source,
    cli::render::{finding, lists, message, pause, run, step},
    document::Decision,
    ids::Timestamp,
    protocol::{Answered, Author},
};

fn names(notes: &[Note]) -> Vec<String> {
    notes
        .iter()
        .map(|note| match note {
            Note::Started(it) => format!("started {}", it.id),
            Note::StepStarted(it) => format!("step {} round {} try {} started", it.id, it.round, it.attempt),
            Note::Round(it) => format!("round {} of {}", it.round, it.id),
            Note::StepEnded(it) => format!("step {} round {} {:?}", it.id, it.round, it.status),
            Note::StepFailed(it) => format!("step {} failed", it.id),
            Note::Message(it) => format!("message {}", it.id),
            Note::Found(it) => format!("found {}", it.id),
            Note::Settled(it) => format!("settled {}", it.id),
            Note::Paused(it) => format!("paused {}", it.id),
            Note::Answered(it) => format!("answered {}", it.id),
            Note::Agent(it) => format!("agent {} {:?}", it.info.name, it.claim.state),
            Note::Held(it) => format!("held {it}"),
            Note::Ended(it) => format!("ended {:?}", it.status),
        })
        .collect()
}

fn run_with(status: RunStatus, steps: &[(&str, StepStatus, u32)]) -> Item {
    let steps = steps
        .iter()
        .map(|(id, status, round)| {
            let started = Some(Timestamp(i64::from(*round)));
            StepView { round: *round, started, ..step::tests::sample(id, *status) }
        })
        .collect();
    Item::Run(Box::new(run::tests::sample(3, status, steps)))
}

#[test]
fn a_run_is_told_from_start_to_end_and_repeats_say_nothing() {
    use StepStatus::{Done, Running, Waiting};
    let mut live = Live::new(RunId(3));
    let feed = [
        (
            run_with(RunStatus::Running, &[("review", Running, 1), ("fix", Waiting, 0)]),
            "started r3, step review round 1 try 1 started",
        ),
        (run_with(RunStatus::Running, &[("review", Running, 1), ("fix", Waiting, 0)]), ""),
        (
            run_with(RunStatus::Running, &[("review", Done, 1), ("fix", Running, 1)]),
            "step review round 1 Done, step fix round 1 try 1 started",
        ),
        (
            run_with(RunStatus::Running, &[("review", Running, 2), ("fix", Done, 1)]),
            "step review round 2 try 1 started, step fix round 1 Done",
        ),
        (
            run_with(RunStatus::Approved, &[("review", Done, 2), ("fix", Done, 1)]),
            "step review round 2 Done, ended Approved",
        ),
        (run_with(RunStatus::Approved, &[("review", Done, 2), ("fix", Done, 1)]), ""),
    ];
    for (item, told) in feed {
        assert_eq!(names(&live.take(item)).join(", "), told);
    }
    assert_eq!(live.going_on().count(), 0);
}

#[test]
fn a_loop_tells_its_rounds_and_the_steps_whose_end_the_feed_skipped() {
    let mut live = Live::new(RunId(3));
    let at = |lap: u32, fix: (StepStatus, u32, i64)| {
        let lap = StepView { agent: None, round: lap, ..step::tests::sample("lap", StepStatus::Running) };
        let started = (fix.0 != StepStatus::Waiting).then_some(Timestamp(fix.2));
        let fix = StepView { depth: 1, round: fix.1, started, ..step::tests::sample("fix", fix.0) };
        Item::Run(Box::new(run::tests::sample(3, RunStatus::Running, vec![lap, fix])))
    };
    live.take(at(1, (StepStatus::Running, 1, 1)));
    let told = names(&live.take(at(2, (StepStatus::Waiting, 2, 0))));
    assert_eq!(told, ["step fix round 1 Done", "round 2 of lap"]);
    let told = names(&live.take(at(2, (StepStatus::Running, 2, 2))));
    assert_eq!(told, ["step fix round 2 try 1 started"]);
    let told = names(&live.take(at(3, (StepStatus::Running, 3, 3))));
    assert_eq!(told, ["step fix round 2 Done", "round 3 of lap", "step fix round 3 try 1 started"]);
}

#[test]
fn states_that_a_slow_client_missed_cost_no_line_of_the_end() {
    let mut live = Live::new(RunId(3));
    let notes = live.take(run_with(RunStatus::Done, &[("review", StepStatus::Done, 1)]));
    assert_eq!(names(&notes), ["started r3", "step review round 1 Done", "ended Done"]);
}

#[test]
fn promise_2_each_pause_is_told_open_and_answered_once() {
    let mut live = Live::new(RunId(3));
    let open = pause::tests::sample(1);
    let answer =
        Answered { by: "ada".to_owned(), at: Timestamp(0), decision: Decision::Approve, hash: open.hash.clone() };
    let answered = PauseView { answered: Some(answer), ..open.clone() };
    let edited = PauseView { hash: "another".to_owned(), ..open.clone() };
    assert_eq!(names(&live.take(Item::Pause(Box::new(open.clone())))), ["paused p1"]);
    assert!(live.take(Item::Pause(Box::new(open))).is_empty());
    assert_eq!(names(&live.take(Item::Pause(Box::new(edited)))), ["paused p1"]);
    assert_eq!(live.waiting().count(), 1);
    assert_eq!(names(&live.take(Item::Pause(Box::new(answered.clone())))), ["answered p1"]);
    assert!(live.take(Item::Pause(Box::new(answered))).is_empty());
    assert_eq!(live.waiting().count(), 0);
}

#[test]
fn pauses_and_runs_of_others_are_not_told() {
    let mut live = Live::new(RunId(9));
    assert!(live.take(Item::Pause(Box::new(pause::tests::sample(1)))).is_empty());
    assert!(live.take(run_with(RunStatus::Running, &[])).is_empty());
}

#[test]
fn messages_and_findings_are_told_once_and_settled_once() {
    let mut live = Live::new(RunId(3));
    let post = message::tests::sample(1, Author::System, "x");
    assert_eq!(names(&live.take(Item::Message(Box::new(post.clone())))), ["message m1"]);
    assert!(live.take(Item::Message(Box::new(MessageView { rev: 99, ..post }))).is_empty());
    let open = finding::tests::sample(1);
    let fixed = Finding { state: FindingState::Fixed, ..open.clone() };
    assert_eq!(names(&live.take(Item::Finding(Box::new(open)))), ["found f1"]);
    assert_eq!(names(&live.take(Item::Finding(Box::new(fixed.clone())))), ["settled f1"]);
    assert!(live.take(Item::Finding(Box::new(fixed))).is_empty());
}

#[test]
fn promise_3_only_states_that_need_a_person_are_told_and_only_of_those_who_play() {
    let mut live = Live::new(RunId(3));
    live.take(run_with(RunStatus::Running, &[("review", StepStatus::Running, 1)]));
    let working = lists::tests::sample("lint", AgentState::Working, Source::Protocol);
    let crashed = lists::tests::sample("lint", AgentState::Crashed, Source::ExitStatus);
    let other = lists::tests::sample("claude", AgentState::Crashed, Source::ExitStatus);
    assert!(live.take(Item::Agent(working)).is_empty());
    assert_eq!(live.doing(Some(&"lint".parse().unwrap())), "clippy runs");
    assert_eq!(names(&live.take(Item::Agent(crashed.clone()))), ["agent @lint Crashed"]);
    assert!(live.take(Item::Agent(crashed)).is_empty());
    assert!(live.take(Item::Agent(other)).is_empty());
}

#[test]
fn a_hold_is_told_and_its_end_too() {
    let mut live = Live::new(RunId(3));
    live.take(run_with(RunStatus::Running, &[]));
    assert_eq!(names(&live.take(run_with(RunStatus::Held, &[]))), ["held true"]);
    assert_eq!(names(&live.take(run_with(RunStatus::Running, &[]))), ["held false"]);
}

#[test]
fn a_loop_is_in_the_live_area_only_by_its_children() {
    let mut live = Live::new(RunId(3));
    let lap = StepView { agent: None, ..step::tests::sample("lap", StepStatus::Running) };
    let review = StepView { depth: 1, ..step::tests::sample("review", StepStatus::Running) };
    live.take(Item::Run(Box::new(run::tests::sample(3, RunStatus::Running, vec![lap, review]))));
    assert_eq!(live.going_on().map(|it| it.id.as_str().to_owned()).collect::<Vec<_>>(), ["review"]);
}
