//! Runs: the order of steps, loops and their ends, failures, limits, holds, recovery.

use super::*;
use crate::protocol::RunStatus;

fn review_fix() -> serde_json::Value {
    let fix =
        with(turn("fix", &["review", "tests"], "fixer", "change"), "/when", json!("review.findings | length > 0"));
    let fix = with(fix, "/action/findings", json!("review.findings"));
    let tests = with(turn("tests", &[], "reviewer", "tests"), "/action/who", json!({ "agent": "tests" }));
    let steps = json!([turn("review", &[], "reviewer", "review"), tests, fix]);
    plan(json!([repeat("loop", &[], "review.verdict == 'approved' and tests.verdict != 'failed'", 3, steps)]))
}

fn tests(failing: &[&str]) -> crate::outcome::TurnOutcome {
    let failures: Vec<_> = failing.iter().map(|it| json!({ "name": it, "message": "" })).collect();
    let verdict = if failing.is_empty() { "passed" } else { "failed" };
    gives(json!({ "kind": "tests", "verdict": verdict, "passed": 1, "failed": failing.len(), "failures": failures }))
}

fn change(declined: &[&str]) -> crate::outcome::TurnOutcome {
    let declined: Vec<_> = declined.iter().map(|it| json!({ "finding": it, "reason": "no automatic fix" })).collect();
    gives(json!({ "kind": "change", "summary": "fixed", "declined": declined }))
}

#[test]
fn a_review_fix_loop_converges_and_ends_approved() {
    let mut scene = Scene::new();
    let run = scene.run(review_fix());
    assert_eq!(scene.new_effects(), "start t1 @lint\nstart t2 @tests", "what can run at once does");
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    assert_eq!(scene.new_effects(), "", "the fix needs both");
    scene.ends("tests", tests(&["adds"]));
    assert_eq!(scene.new_effects(), "start t3 @autofix");
    scene.ends("autofix", change(&[]));
    scene.ends("lint", review(&[]));
    scene.ends("tests", tests(&[]));
    insta::assert_snapshot!(scene.runs(), @"
    r1 Approved nothing material is left open
      loop Done round 2
        review Done round 2
        tests Done round 2
        fix Skipped round 2
    ");
    insta::assert_snapshot!(scene.findings(), @"
    f1 too long fixed
    f2 never used fixed
    ");
    assert_eq!(scene.state.runs[&run].status(), RunStatus::Approved);
    assert!(scene.state.live_runs.is_empty());
}

/// Promise 5: what was declined and reported again is a person's to settle, and is told apart from a loop that converges.
#[test]
fn a_declined_finding_goes_back_once_and_then_to_the_person() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    scene.ends("lint", review(&[(3, "too long"), (9, "too many arguments")]));
    scene.ends("tests", tests(&[]));
    scene.ends("autofix", change(&["f2"]));
    // The lines moved, the finding is the same.
    scene.ends("lint", review(&[(7, "too many arguments")]));
    scene.ends("tests", tests(&[]));
    insta::assert_snapshot!(scene.inbox(), @"p1 Stuck 1 finding is left to you [approve request-changes retry reject stop]");
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("no automatic fix"), "{document}");
    scene.decide(1, Decision::Approve).unwrap();
    insta::assert_snapshot!(scene.findings(), @"
    f1 too long fixed
    f2 too many arguments accepted
    ");
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved);
}

#[test]
fn a_person_may_have_a_declined_finding_fixed_after_all() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    scene.ends("lint", review(&[(9, "too many arguments")]));
    scene.ends("tests", tests(&[]));
    scene.ends("autofix", change(&["f1"]));
    scene.ends("lint", review(&[(9, "too many arguments")]));
    scene.ends("tests", tests(&[]));
    scene.decide(1, Decision::RequestChanges { text: "group them in a struct".to_owned() }).unwrap();
    scene.ends("lint", review(&[(9, "too many arguments")]));
    scene.ends("tests", tests(&[]));
    assert!(scene.live("autofix").is_some(), "it is no longer declined\n{}", scene.runs());
    assert!(scene.sent("autofix").contains("> group them in a struct"), "{}", scene.sent("autofix"));
}

/// Promise 5: a loop that only repeats itself stops before its bound.
#[test]
fn a_loop_that_repeats_itself_is_stuck() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    for _ in 0..2 {
        scene.ends("lint", review(&[(3, "too long")]));
        scene.ends("tests", tests(&[]));
        scene.ends("autofix", change(&[]));
    }
    insta::assert_snapshot!(scene.inbox(), @"p1 Stuck 1 finding is left to you [approve request-changes retry reject stop]");
}

/// Promise 5: rounds have a bound; reaching it is a pause that can be raised, not a failure.
#[test]
fn the_bound_on_rounds_is_a_pause_that_can_be_raised() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    for text in ["a", "b", "c"] {
        scene.ends("lint", review(&[(3, text)]));
        scene.ends("tests", tests(&[]));
        scene.ends("autofix", change(&[]));
    }
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit loop is not through after 3 rounds [approve skip reject stop]");
    scene.decide(1, Decision::Approve).unwrap();
    scene.ends("lint", review(&[]));
    scene.ends("tests", tests(&[]));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved);
}

/// What a person lets through is not called more than it is: the reviewer approves, and the tests still fail.
#[test]
fn tests_that_fail_to_the_end_are_named_at_the_pause_and_at_the_end() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    for _ in 0..2 {
        scene.ends("lint", review(&[]));
        scene.ends("tests", tests(&["adds"]));
    }
    insta::assert_snapshot!(scene.inbox(), @"p1 Stuck 1 test still fails [approve request-changes retry reject stop]");
    scene.decide(1, Decision::Approve).unwrap();
    let runs = scene.runs();
    assert!(runs.starts_with("r1 Done all steps are over, and the tests still fail\n"), "{runs}");
}

#[test]
fn low_severity_never_opens_another_round() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    let hint = json!({ "severity": "hint", "text": "a matter of taste" });
    scene.ends("lint", gives(json!({ "kind": "review", "verdict": "changes_requested", "findings": [hint] })));
    scene.ends("tests", tests(&[]));
    scene.ends("autofix", change(&[]));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved);
}

#[test]
fn a_dismissed_finding_is_not_reported_again() {
    let mut scene = Scene::new();
    scene.run(review_fix());
    scene.ends("lint", review(&[(3, "too long")]));
    let how = super::super::event::Settlement::Dismiss("it is a table".to_owned());
    scene.ok(Event::SettleFinding { by: ada(), finding: crate::ids::FindingId(1), how });
    scene.ends("tests", tests(&[]));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved, "{}", scene.runs());
    scene.run(review_fix());
    scene.ends("lint", review(&[(4, "too long")]));
    scene.ends("tests", tests(&[]));
    assert_eq!(scene.findings(), "f1 too long dismissed\n");
    assert_eq!(scene.state.runs[&RunId(2)].status(), RunStatus::Approved, "what a person settled asks for no changes");
}

#[test]
fn a_failure_pauses_and_is_retried_by_another_agent() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("write", &[], "writer", "text")])));
    scene.ends("claude", fails(FailureClass::Crashed));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure write (@claude) failed: crashed [retry skip stop]");
    scene.decide(1, Decision::Retry { agent: Some(name("codex")) }).unwrap();
    scene.ends("codex", says("done"));
    insta::assert_snapshot!(scene.runs(), @"
    r1 Done all steps are over
      write Done attempt 2
    ");
}

#[test]
fn a_retry_waits_twice_as_long_each_time_and_then_asks() {
    let mut scene = Scene::new();
    let retry = json!({ "then": "retry", "times": 2, "wait": 5_000 });
    scene.run(plan(json!([with(turn("write", &[], "writer", "text"), "/onFailure/otherwise", retry)])));
    for wait in [5_000, 10_000] {
        scene.ends("claude", fails(FailureClass::Overloaded));
        assert_eq!(scene.state.next_wake().unwrap().0, scene.at + wait);
        scene.ok(Event::Tick);
        assert_eq!(scene.live("claude"), None, "it is not time yet");
        scene.at += wait;
        scene.ok(Event::Tick);
    }
    scene.ends("claude", fails(FailureClass::Overloaded));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure write (@claude) failed: overloaded [retry skip stop]");
    scene.decide(1, Decision::Skip).unwrap();
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
    assert_eq!(scene.state.next_wake(), None, "nothing is left to be woken for");
}

#[test]
fn policies_skip_and_fail_do_what_they_say() {
    let mut scene = Scene::new();
    let steps = |then: &str| {
        plan(json!([
            with(turn("write", &[], "writer", "text"), "/onFailure/otherwise", json!({ "then": then })),
            turn("check", &["write"], "reviewer", "review"),
        ]))
    };
    scene.run(steps("skip"));
    scene.ends("claude", fails(FailureClass::Crashed));
    assert!(scene.live("lint").is_some(), "the run goes on without it");
    scene.ends("lint", review(&[]));
    scene.run(steps("fail"));
    scene.ends("claude", fails(FailureClass::Crashed));
    assert_eq!(scene.state.runs[&RunId(2)].status(), RunStatus::Failed);
}

/// Promise 3: an answer without the result that was asked for is no success.
#[test]
fn an_answer_without_the_result_asked_for_is_a_failure() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("check", &[], "reviewer", "review")])));
    scene.ends("lint", says("all good, trust me"));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure check (@lint) failed: invalid result [retry skip stop]");
}

/// Promise 5: turns have a limit; parallel steps can't pass it together.
#[test]
fn the_limit_on_turns_is_a_pause_that_can_be_raised() {
    let mut scene = Scene::new();
    let mut wanted = plan(json!([
        turn("a", &[], "writer", "text"),
        turn("b", &[], "writer", "text"),
        turn("c", &[], "writer", "text"),
    ]));
    wanted["limits"]["turns"] = json!(2);
    scene.run(wanted);
    scene.ends("claude", says("a"));
    scene.ends("claude", says("b"));
    assert_eq!(scene.live("claude"), None);
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit Test reached its limit of turns [approve stop]");
    scene.decide(1, Decision::Approve).unwrap();
    scene.ends("claude", says("c"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
}

/// Promise 5: time at a pause does not count, time at work does.
#[test]
fn the_limit_on_time_counts_work_only() {
    let mut scene = Scene::new();
    let mut wanted = plan(json!([
        pause("look", &[], None),
        turn("a", &["look"], "writer", "text"),
        turn("b", &["a"], "writer", "text"),
    ]));
    wanted["limits"]["time"] = json!(60_000);
    scene.run(wanted);
    assert_eq!(scene.state.next_wake(), None, "nobody is at work");
    scene.at += 3_600_000;
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.state.next_wake().unwrap().0, scene.at + 60_000);
    scene.at += 60_000;
    scene.ok(Event::Tick);
    insta::assert_snapshot!(scene.inbox(), @"p2 Limit Test reached its limit of time [approve stop]");
    assert_eq!(scene.state.next_wake(), None);
    scene.ends("claude", says("done all the same"));
    assert_eq!(scene.live("claude"), None, "no step starts at a limit");
    scene.decide(2, Decision::Approve).unwrap();
    scene.ends("claude", says("b"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
}

#[test]
fn pause_now_holds_the_queue_and_resume_goes_on() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text"), turn("b", &["a"], "writer", "text")])));
    scene.ok(Event::Hold { by: ada(), run: Some(RunId(1)), interrupt: false });
    scene.ends("claude", says("a"));
    assert_eq!(scene.live("claude"), None, "no step starts while the run is held");
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Held);
    scene.ok(Event::Release { by: ada(), run: Some(RunId(1)) });
    scene.ends("claude", says("b"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
}

#[test]
fn an_interrupted_turn_is_done_again_after_resume() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text")])));
    scene.new_effects();
    scene.ok(Event::Hold { by: ada(), run: None, interrupt: true });
    assert_eq!(scene.new_effects(), "interrupt t1 @claude");
    scene.ends("claude", fails(FailureClass::Interrupted));
    assert_eq!(scene.new_effects(), "");
    scene.post("@codex meanwhile");
    assert_eq!(scene.new_effects(), "", "deliveries respect it too");
    scene.ok(Event::Release { by: ada(), run: None });
    assert_eq!(
        scene.new_effects(),
        "start t3 @claude\nstart t2 @codex".replace("t3 @claude\nstart t2 @codex", "t2 @codex\nstart t3 @claude")
    );
}

#[test]
fn a_cancelled_run_stops_what_goes_on_and_closes_what_waits() {
    let mut scene = Scene::new();
    scene.run(plan(json!([
        turn("a", &[], "writer", "text"),
        turn("b", &[], "writer", "text"),
        pause("look", &[], None),
    ])));
    scene.new_effects();
    scene.ok(Event::Cancel { by: ada(), run: RunId(1) });
    assert_eq!(scene.new_effects(), "interrupt t1 @claude");
    assert_eq!(scene.inbox(), "");
    scene.ends("claude", fails(FailureClass::Interrupted));
    assert_eq!(scene.live("claude"), None, "what waited in the queue was taken back");
    assert_eq!(scene.event(Event::Cancel { by: ada(), run: RunId(1) }).unwrap_err().code, RefusalCode::Invalid);
}

/// Promise 1: after the hub's end a finished step stays finished, and the one that went on is done again, once.
#[test]
fn recovery_redoes_only_what_went_on() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text"), turn("b", &["a"], "writer", "text")])));
    scene.ends("claude", says("a"));
    scene.new_effects();
    scene.restart();
    assert_eq!(scene.new_effects(), "start t3 @claude");
    insta::assert_snapshot!(scene.runs(), @"
    r1 Running 
      a Done
      b Queued attempt 2
    ");
    scene.ends("claude", says("b"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
}

/// Promise 5: a turn that takes its hub with it each time is a pause at the limit on turns, not a loop without an end.
#[test]
fn a_turn_that_is_lost_again_and_again_comes_to_the_limit() {
    let mut scene = Scene::new();
    let mut wanted = plan(json!([turn("a", &[], "writer", "text")]));
    wanted["limits"]["turns"] = json!(3);
    scene.run(wanted);
    for _ in 0..3 {
        scene.restart();
    }
    assert_eq!(scene.live("claude"), None);
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit Test reached its limit of turns [approve stop]");
    scene.restart();
    scene.decide(1, Decision::Approve).unwrap();
    scene.ends("claude", says("a"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
}

#[test]
fn a_run_without_an_agent_for_a_role_is_refused_with_what_was_tried() {
    let mut scene = Scene::empty();
    scene.ok(Event::Trusted(true));
    let mut agents = super::super::scene::cast();
    agents[0].missing = Some("`claude` is not on the PATH; install it".to_owned());
    scene.ok(Event::Catalog(agents));
    let plan = serde_json::from_value(plan(json!([turn("a", &[], "writer", "text")]))).unwrap();
    let start = Event::StartRun {
        by: ada(),
        plan: std::sync::Arc::new(plan),
        inputs: std::collections::BTreeMap::new(),
        roles: std::collections::BTreeMap::new(),
        channel: None,
        key: None,
    };
    let refusal = scene.event(start).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NoAgent);
    assert!(refusal.message.contains("@claude: `claude` is not on the PATH"), "{refusal}");
}

#[test]
fn a_condition_that_cannot_be_evaluated_asks_a_person() {
    let mut scene = Scene::new();
    scene.run(plan(json!([with(turn("a", &[], "writer", "text"), "/when", json!("inputs.nothing.more > 3"))])));
    assert!(scene.inbox().contains("Failure a failed"), "{}", scene.inbox());
    assert_eq!(scene.live("claude"), None);
}

/// Returns a review by an agent that speaks in its own words: severity, line, text.
fn says_of(findings: &[(&str, u32, &str)]) -> crate::outcome::TurnOutcome {
    let verdict = if findings.is_empty() { "approved" } else { "changes_requested" };
    let findings: Vec<_> = findings
        .iter()
        .map(|(severity, line, text)| json!({ "place": { "path": "src/lib.rs", "line": line }, "severity": severity, "text": text }))
        .collect();
    gives(json!({ "kind": "review", "verdict": verdict, "summary": "", "findings": findings }))
}

fn sources(scene: &Scene) -> Vec<String> {
    let names = |it: &crate::finding::Finding| it.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    scene.state.findings.iter().map(|it| format!("{} {:?} {}", it.id, it.draft.severity, names(it))).collect()
}

const EMPTY: &str = "`parse` panics on empty input because it unwraps the first line.";
const EMPTY_TOO: &str = "Empty input makes `parse` panic: the first line is unwrapped.";
const ENDLESS: &str = "The retry loop never ends where the server keeps refusing.";

fn panel() -> serde_json::Value {
    let one = turn("one", &[], "reviewer", "review");
    let two = turn("two", &[], "writer", "review");
    plan(json!([repeat("loop", &[], "one.verdict == 'approved' and two.verdict == 'approved'", 3, json!([one, two]))]))
}

/// Design §11: agreement of several agents on one place is one finding with several sources; two of one review stay two.
#[test]
fn agreement_in_other_words_is_one_finding_with_two_sources() {
    let mut scene = Scene::new();
    scene.run(panel());
    scene.ends("lint", says_of(&[("warning", 3, EMPTY), ("warning", 9, ENDLESS), ("hint", 3, EMPTY_TOO)]));
    scene.ends("claude", says_of(&[("error", 3, EMPTY_TOO), ("warning", 9, "The queue grows.")]));
    assert_eq!(
        sources(&scene),
        ["f1 Warning @lint", "f2 Warning @lint", "f3 Error @lint @claude", "f4 Warning @claude"]
    );
}

/// In the next round each is known by its own words, and what one leaves out stands as long as the other says it.
#[test]
fn a_finding_of_two_reviewers_is_settled_when_neither_reports_it() {
    let mut scene = Scene::new();
    scene.run(panel());
    scene.ends("lint", says_of(&[("warning", 3, EMPTY)]));
    scene.ends("claude", says_of(&[("warning", 3, EMPTY_TOO)]));
    assert_eq!(sources(&scene), ["f1 Warning @lint @claude"]);
    scene.ends("lint", says_of(&[]));
    assert!(scene.findings().contains("f1") && scene.findings().contains("open"), "{}", scene.findings());
    // The code moved, the words are those that it had used.
    scene.ends("claude", says_of(&[("warning", 30, EMPTY_TOO)]));
    assert_eq!(sources(&scene).len(), 1, "{}", scene.findings());
    scene.decide(1, Decision::Retry { agent: None }).unwrap();
    scene.ends("lint", says_of(&[]));
    scene.ends("claude", says_of(&[]));
    assert!(scene.findings().contains("fixed"), "{}", scene.findings());
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved);
}

/// A chair is given the panel's findings; what it does not repeat no longer stands.
#[test]
fn a_review_of_findings_settles_those_that_it_leaves_out() {
    let mut scene = Scene::new();
    let both = "((one.findings or []) + (two.findings or [])) | unique(attribute='id')";
    let judge = with(turn("judge", &["one", "two"], "chair", "review"), "/action/findings", json!(both));
    let mut it = plan(json!([turn("one", &[], "reviewer", "review"), turn("two", &[], "writer", "review"), judge]));
    it["roles"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "chair", "description": "", "prefer": ["codex"], "goodFor": null, "access": "read" }));
    scene.run(it);
    scene.ends("lint", says_of(&[("warning", 3, EMPTY), ("warning", 9, ENDLESS)]));
    scene.ends("claude", says_of(&[("warning", 3, EMPTY_TOO)]));
    let given = scene.state.turns.last().unwrap().sent.as_ref().unwrap().findings.len();
    assert_eq!(given, 2, "what both reported is given once");
    let f1 = json!({ "id": "f1", "place": { "path": "src/lib.rs", "line": 3 }, "severity": "warning", "text": EMPTY });
    scene.ends("codex", gives(json!({ "kind": "review", "verdict": "changes_requested", "findings": [f1] })));
    insta::assert_snapshot!(scene.findings(), @r"
    f1 `parse` panics on empty input because it unwraps the first line. open
    f2 The retry loop never ends where the server keeps refusing. fixed
    ");
    assert_eq!(&*scene.state.runs[&RunId(1)].ended.as_ref().unwrap().2, "1 finding is open");
}

/// Design §6: a failed step can be handed to another agent, down the role's list and no further; then a person is asked.
#[test]
fn a_failed_step_goes_to_the_next_agent_and_then_to_the_person() {
    let mut scene = Scene::new();
    let another = json!({ "then": "retry", "times": 1, "wait": 1_000, "after": "another" });
    let step = with(turn("write", &[], "writer", "text"), "/onFailure/otherwise", another);
    scene.run(with(plan(json!([step])), "/roles/2/prefer", json!(["claude", "codex"])));
    scene.ends("claude", fails(FailureClass::RateLimited));
    scene.at += 10_000;
    scene.ok(Event::Tick);
    assert!(scene.live("claude").is_some(), "the tries come first\n{}", scene.runs());
    scene.ends("claude", fails(FailureClass::RateLimited));
    assert!(scene.live("codex").is_some(), "{}", scene.runs());
    assert!(scene.channel().contains("write goes from @claude (rate limited) to @codex"), "{}", scene.channel());
    scene.ends("codex", fails(FailureClass::Crashed));
    scene.at += 10_000;
    scene.ok(Event::Tick);
    scene.ends("codex", fails(FailureClass::Crashed));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure write (@codex) failed: crashed [retry skip stop]");
}

/// Whoever took over goes on with the step in later rounds too: the one who failed is not asked again each time.
#[test]
fn who_took_over_keeps_the_step_in_the_next_round() {
    let mut scene = Scene::new();
    let step = with(turn("write", &[], "writer", "text"), "/onFailure/otherwise", json!({ "then": "another" }));
    let it = plan(json!([repeat("loop", &[], "round == 2", 3, json!([step]))]));
    scene.run(with(it, "/roles/2/prefer", json!(["claude", "codex"])));
    scene.ends("claude", fails(FailureClass::NotSignedIn));
    scene.ends("codex", says("done"));
    scene.ends("codex", says("done"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done, "{}", scene.runs());
}
