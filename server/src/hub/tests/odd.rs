//! Odd orders: what an adversary, a slow machine or a change of mind makes of the core. Each was wrong once.

use super::*;
use crate::{
    agent::Access,
    finding::{FindingState, Severity},
    hub::{effect::Effect, event::Settlement},
    ids::FindingId,
    protocol::{RunStatus, StepStatus},
};

fn started(trusted: bool) -> Event {
    Event::Started { trusted, agents: super::super::scene::cast() }
}

fn status(scene: &Scene, run: u64) -> RunStatus {
    scene.state.runs[&RunId(run)].status()
}

fn step(scene: &Scene, id: &str) -> StepStatus {
    scene.state.runs[&RunId(1)].step(&id.parse().unwrap()).unwrap().status
}

/// Promise 1: what waited for trust is started once by the hub that finds it given, not once for trust and once as lost.
#[test]
fn trust_given_between_two_hubs_starts_what_waited_once() {
    let mut scene = Scene::new();
    scene.post("@claude one");
    scene.post("@codex two");
    scene.ok(Event::Trusted(false));
    scene.ends("claude", says("ok"));
    scene.post("a note");
    scene.ends("codex", fails(FailureClass::Crashed));
    scene.ok(Event::Trusted(true));
    scene.post("@claude three");
    scene.post("@claude four");
    scene.ok(Event::Trusted(false));
    scene.ends("claude", says("ok"));
    scene.new_effects();
    scene.ok(started(true));
    assert_eq!(scene.new_effects(), "start t4 @claude");
}

/// Promise 7, and no lost work: trust that comes back while a turn still goes on starts what waits for the others.
#[test]
fn trust_given_again_while_a_turn_goes_on_starts_the_rest() {
    let mut scene = Scene::new();
    scene.run(plan(json!([
        turn("a", &[], "writer", "text"),
        turn("b", &[], "reviewer", "review"),
        turn("c", &["b"], "fixer", "change"),
    ])));
    scene.ok(Event::Trusted(false));
    let said = scene.state.messages.last().unwrap().text.to_string();
    assert!(said.contains("not what was trusted") && said.contains("callboard trust --show"), "{said}");
    scene.ends("lint", review(&[(3, "too long")]));
    assert_eq!(scene.live("autofix"), None, "nothing starts while the workspace is not trusted");
    scene.ok(Event::Trusted(true));
    assert!(scene.live("autofix").is_some(), "{}", scene.runs());
}

/// Promise 5: a turn that waits in a queue does not start after its run has reached a limit.
#[test]
fn a_queued_turn_waits_at_a_limit_that_was_reached_meanwhile() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text"), turn("b", &[], "writer", "text")])));
    let mut spent = says("a");
    if let crate::outcome::TurnOutcome::Answered { usage, .. } = &mut spent {
        usage.tokens = Some(5_000);
    }
    scene.ends("claude", spent);
    assert_eq!(scene.live("claude"), None, "the tokens are spent");
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit Test reached its limit of tokens [approve stop]");
    scene.restart();
    assert_eq!(scene.live("claude"), None, "nor after a restart");
    scene.post("@claude something else");
    assert!(scene.live("claude").is_some(), "what is not of that run goes on");
    scene.ends("claude", says("ok"));
    scene.decide(1, Decision::Approve).unwrap();
    scene.ends("claude", says("b"));
    assert_eq!(status(&scene, 1), RunStatus::Done);
}

/// A hold that interrupts and is taken back at once: the turn's end comes late and is no failure.
#[test]
fn an_interrupt_that_ends_after_the_release_is_done_again() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text")])));
    scene.post("@codex hello");
    scene.post("@codex after it");
    scene.ok(Event::Hold { by: ada(), run: None, interrupt: true });
    scene.ok(Event::Release { by: ada(), run: None });
    scene.new_effects();
    scene.ends("claude", fails(FailureClass::Interrupted));
    scene.ends("codex", fails(FailureClass::Interrupted));
    assert_eq!(scene.inbox(), "");
    assert!(scene.sent("codex").contains("answer:\n\nm2"), "its turn comes before what waited behind it");
    assert_eq!(scene.new_effects(), "start t4 @claude\nstart t5 @codex");
    scene.ends("claude", fails(FailureClass::Interrupted));
    assert!(scene.inbox().contains("interrupted"), "one that nobody asked for is a failure: {}", scene.inbox());
}

/// Promise 1: what was lost with the hub comes before what waited behind it, with all that it was to be told.
#[test]
fn a_lost_turn_keeps_its_place_and_its_context() {
    let mut scene = Scene::new();
    scene.post("the build is broken since noon");
    scene.post("@claude one");
    scene.post("@claude two");
    scene.restart();
    let sent = scene.sent("claude");
    assert!(sent.contains("answer:\n\nm2"), "{sent}");
    assert!(sent.contains("> the build is broken since noon"), "nobody knows whether it was read: {sent}");
    scene.ends("claude", fails(FailureClass::Crashed));
    assert!(scene.sent("claude").contains("> the build is broken since noon"));
    scene.ends("claude", says("ok"));
    scene.post("@claude three");
    assert!(!scene.sent("claude").contains("broken since noon"), "an answer shows that it was read");
}

fn panel() -> serde_json::Value {
    let second = with(turn("second", &[], "writer", "review"), "/action/result", json!("review"));
    let fix = turn("fix", &["first", "second"], "fixer", "change");
    let until = "first.verdict == 'approved' and second.verdict == 'approved'";
    plan(json!([repeat("loop", &[], until, 3, json!([turn("first", &[], "reviewer", "review"), second, fix]))]))
}

#[test]
fn what_one_of_two_reviewers_still_reports_is_not_fixed() {
    for first_to_end in ["lint", "claude"] {
        let mut scene = Scene::new();
        scene.run(panel());
        scene.ends("lint", review(&[(3, "too long")]));
        scene.ends("claude", review(&[(3, "too long")]));
        scene.ends("autofix", gives(json!({ "kind": "change", "summary": "" })));
        let second_to_end = if first_to_end == "lint" { "claude" } else { "lint" };
        let answer = |it: &str| if it == "claude" { review(&[(3, "too long")]) } else { review(&[]) };
        scene.ends(first_to_end, answer(first_to_end));
        scene.ends(second_to_end, answer(second_to_end));
        assert_eq!(scene.findings(), "f1 too long open\n", "{first_to_end} first");
        scene.ends("autofix", gives(json!({ "kind": "change", "summary": "" })));
        assert!(scene.inbox().contains("Stuck"), "{}", scene.inbox());
        scene.decide(1, Decision::Retry { agent: None }).unwrap();
        scene.ends(first_to_end, review(&[]));
        scene.ends(second_to_end, review(&[]));
        assert_eq!(scene.findings(), "f1 too long fixed\n", "{first_to_end} first");
    }
}

#[test]
fn a_reviewer_that_names_only_what_was_dismissed_asks_for_nothing() {
    let mut scene = Scene::new();
    scene.run(plan(json!([repeat(
        "loop",
        &[],
        "review.verdict == 'approved'",
        3,
        json!([turn("review", &[], "reviewer", "review")])
    )])));
    let dismiss =
        Event::SettleFinding { by: ada(), finding: FindingId(1), how: Settlement::Dismiss("it is a table".to_owned()) };
    scene.ends("lint", review(&[(3, "too long")]));
    scene.ok(dismiss);
    scene.ends("lint", review(&[(3, "too long")]));
    assert_eq!(status(&scene, 1), RunStatus::Approved, "{}", scene.runs());
}

#[test]
fn a_finding_that_gets_worse_counts() {
    let report = |severity: &str| {
        let finding = json!({ "place": { "path": "a.rs", "line": 3 }, "severity": severity, "text": "leaks" });
        gives(json!({ "kind": "review", "verdict": "changes_requested", "findings": [finding] }))
    };
    let mut scene = Scene::new();
    scene.run(panel());
    scene.ends("lint", report("hint"));
    scene.ends("claude", report("error"));
    assert_eq!(scene.state.finding(FindingId(1)).unwrap().draft.severity, Severity::Error);
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "" })));
    scene.ends("lint", report("hint"));
    assert_eq!(
        scene.state.finding(FindingId(1)).unwrap().draft.severity,
        Severity::Error,
        "the worst of several counts"
    );
}

/// Design §8: a reviewer that did not report is not a clean round, whatever it said in the round before.
#[test]
fn a_failed_reviewers_old_word_does_not_close_a_loop() {
    let skip = json!({ "then": "skip" });
    let check = with(turn("check", &[], "reviewer", "review"), "/onFailure/otherwise", skip);
    let tests = with(turn("tests", &[], "reviewer", "tests"), "/action/who", json!({ "agent": "tests" }));
    let until = "check.verdict == 'approved' and tests.verdict == 'passed'";
    let mut scene = Scene::new();
    scene.run(plan(json!([repeat("loop", &[], until, 3, json!([check, tests]))])));
    scene.ends("lint", review(&[]));
    scene.ends("tests", gives(json!({ "kind": "tests", "verdict": "failed" })));
    scene.ends("lint", fails(FailureClass::Crashed));
    scene.ends("tests", gives(json!({ "kind": "tests", "verdict": "passed" })));
    assert_eq!(step(&scene, "loop"), StepStatus::Running, "{}", scene.runs());
    assert!(scene.live("lint").is_some(), "it is asked again: {}", scene.runs());
}

/// Promise 2: a redo closes what waits inside a loop that stands on what is redone, and stops what goes on in it.
#[test]
fn a_redo_takes_a_loop_back_with_all_that_is_in_it() {
    let inner = json!([turn("work", &[], "fixer", "change"), pause("look", &[], None)]);
    let mut scene = Scene::new();
    scene.run(plan(json!([
        turn("draft", &[], "writer", "text"),
        repeat("loop", &["draft"], "true", 2, inner),
        pause("gate", &["draft"], Some("draft")),
    ])));
    scene.ends("claude", says("first"));
    insta::assert_snapshot!(scene.inbox(), @"
    p1 Step look at gate [approve edit request-changes reject skip stop]
    p2 Step look at look [approve reject skip stop]
    ");
    scene.new_effects();
    scene.decide(1, Decision::RequestChanges { text: "shorter".to_owned() }).unwrap();
    assert_eq!(scene.new_effects(), "interrupt t2 @autofix\nstart t3 @claude");
    assert_eq!(scene.inbox(), "", "what it showed no longer holds");
    assert_eq!(scene.decide(2, Decision::Approve).unwrap_err().code, RefusalCode::AlreadyAnswered);
    scene.ends("autofix", fails(FailureClass::Interrupted));
    scene.ends("claude", says("second"));
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "" })));
    scene.decide(3, Decision::Approve).unwrap();
    scene.decide(4, Decision::Approve).unwrap();
    assert_eq!(status(&scene, 1), RunStatus::Done);
}

/// Promise 2: an approval is for what was shown. What was opened again afterwards goes no further with it.
#[test]
fn an_approval_does_not_reach_what_was_not_shown() {
    for edits in [false, true] {
        let mut scene = Scene::new();
        let fix = with(turn("fix", &["gate"], "fixer", "change"), "/action/findings", json!("check.findings"));
        let steps = json!([turn("check", &[], "reviewer", "review"), pause("gate", &["check"], Some("check")), fix]);
        scene.run(plan(json!([turn("check", &[], "reviewer", "review")])));
        scene.ends("lint", review(&[(3, "one"), (9, "two")]));
        scene.ok(Event::SettleFinding { by: ada(), finding: FindingId(2), how: Settlement::Accept });
        scene.run(plan(steps));
        // Reported again in the same breath as it is settled: it is listed, and not shown.
        let settle = |how| Event::SettleFinding { by: ada(), finding: FindingId(2), how };
        scene.ok(settle(Settlement::Reopen));
        let turn = scene.live("lint").unwrap();
        scene.ok(Event::Hold { by: ada(), run: Some(RunId(2)), interrupt: false });
        scene.ok(Event::TurnEnded { turn, outcome: review(&[(3, "one"), (9, "two")]) });
        scene.ok(settle(Settlement::Accept));
        scene.ok(Event::Release { by: ada(), run: Some(RunId(2)) });
        let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
        assert!(document.contains("**f1**") && !document.contains("**f2**"), "{document}");
        scene.ok(settle(Settlement::Reopen));
        let decision = if edits { Decision::Edit { document } } else { Decision::Approve };
        scene.decide(1, decision).unwrap();
        let Some(Effect::StartTurn(request)) = scene.effects.last() else { panic!("{}", scene.runs()) };
        let ids: Vec<FindingId> = request.findings.iter().map(|it| it.id).collect();
        assert_eq!(ids, [FindingId(1)]);
        assert_eq!(scene.state.finding(FindingId(2)).unwrap().state, FindingState::Open, "nor is it struck unseen");
    }
}

/// Security: a part that writes does not make a writer of an agent whose profile only lets it read.
#[test]
fn no_agent_gets_more_access_than_its_profile_grants() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text")])));
    scene.ends("claude", fails(FailureClass::Crashed));
    let to_lint = Decision::Retry { agent: Some(name("lint")) };
    assert_eq!(scene.decide(1, to_lint).unwrap_err().code, RefusalCode::NoAgent);
    let mut agents = super::super::scene::cast();
    agents[0].access = Access::Read;
    scene.ok(Event::Catalog(agents));
    scene.decide(1, Decision::Retry { agent: None }).unwrap();
    let Some(Effect::StartTurn(request)) = scene.effects.last() else { panic!("{}", scene.runs()) };
    assert_eq!(request.access, Access::Read);
}

/// No panic on input: steps that end in their own start do not nest.
#[test]
fn a_long_workflow_of_steps_that_cannot_start_does_not_eat_the_stack() {
    let bad = |id: &str, needs: &[&str]| {
        let step = with(turn(id, needs, "reviewer", "text"), "/action/prompt", json!("{{ inputs.nothing.more }}"));
        with(step, "/onFailure/otherwise", json!({ "then": "skip" }))
    };
    let ids: Vec<String> = (0..200).map(|it| format!("s{it}")).collect();
    let mut steps = vec![bad(&ids[0], &[])];
    for pair in ids.windows(2) {
        steps.push(bad(&pair[1], &[&pair[0]]));
    }
    // The hub's thread has 2 MiB; a tenth of that must do.
    let run = move || {
        let plan = serde_json::from_value(plan(json!([repeat("loop", &[], "round >= 5", 20, json!(steps))]))).unwrap();
        let scene = Scene::new();
        let start = Event::StartRun {
            by: ada(),
            plan: std::sync::Arc::new(plan),
            inputs: std::collections::BTreeMap::new(),
            roles: std::collections::BTreeMap::new(),
            channel: None,
            key: None,
        };
        let stamped = super::super::event::Stamped { at: crate::ids::Timestamp(1), event: start };
        super::super::decide::decide(&scene.state, &stamped).unwrap().state.runs[&RunId(1)].status()
    };
    let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap();
    assert_eq!(thread.join().unwrap(), RunStatus::Done);
}

#[test]
fn a_catalogue_that_is_read_again_is_no_news() {
    let mut scene = Scene::new();
    let less = super::super::scene::cast().split_off(1);
    scene.ok(Event::Catalog(less.clone()));
    let before = scene.journal.len();
    scene.ok(Event::Catalog(less));
    assert_eq!(scene.journal.len(), before);
    scene.ok(Event::Catalog(super::super::scene::cast()));
    assert!(scene.journal.len() > before, "one that came back is news");
}

#[test]
fn an_agent_that_vanishes_fails_its_turns_and_is_not_meant_by_all() {
    let mut scene = Scene::new();
    scene.post("@claude @codex hello");
    scene.ends("claude", says("hi"));
    scene.ends("codex", says("hi"));
    scene.ok(Event::Catalog(super::super::scene::cast().split_off(1)));
    scene.new_effects();
    scene.post("@all are you there?");
    assert_eq!(scene.new_effects(), "start t3 @codex");
}

/// Promise 2: nobody speaks under a name that no agent has.
#[test]
fn an_agent_of_no_name_that_is_known_cannot_post() {
    let mut scene = Scene::new();
    let by = Actor::Agent(Some(name("operator")));
    let post = Event::Post { by, channel: None, thread: None, text: "approved".to_owned(), key: None };
    assert_eq!(scene.event(post).unwrap_err().code, RefusalCode::HumansOnly);
}

/// Two runs and a channel want one agent: each gets it in the order of asking.
#[test]
fn an_agent_is_shared_in_the_order_of_asking() {
    let mut scene = Scene::new();
    let two = || plan(json!([turn("a", &[], "writer", "text"), turn("b", &["a"], "writer", "text")]));
    scene.run(two());
    scene.run(two());
    scene.post("@claude hello");
    for _ in 0..5 {
        scene.ends("claude", says("ok"));
    }
    assert_eq!(
        scene.new_effects(),
        "start t1 @claude\nstart t2 @claude\nstart t3 @claude\nstart t4 @claude\nstart t5 @claude"
    );
    assert_eq!((status(&scene, 1), status(&scene, 2)), (RunStatus::Done, RunStatus::Done));
}
