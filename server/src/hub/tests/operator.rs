//! An agent as operator: what it decides is done, within the limits and the gates, and what it may not is refused with a reason.

use super::*;
use crate::hub::{
    event::Act,
    operator::{Decided, read_one},
};

/// A part with a review, a fix that rests on it, a gate on the fix, and tests; operated by @claude.
fn part(max: u32) -> serde_json::Value {
    let fix = with(turn("fix", &["review"], "fixer", "change"), "/action/findings", json!("review.findings"));
    let tests = with(turn("tests", &[], "reviewer", "tests"), "/action/who", json!({ "agent": "tests" }));
    let steps = json!([turn("review", &[], "reviewer", "review"), fix, pause("gate", &["fix"], Some("fix")), tests]);
    let mut part = repeat("work", &[], "false", max, steps);
    part["action"]["operator"] = json!({ "role": "writer", "prompt": "make it right" });
    let mut plan = plan(json!([part, turn("last", &["work"], "writer", "text")]));
    plan["roles"][1]["prefer"] = json!(["autofix", "codex"]);
    plan
}

fn moves(list: &serde_json::Value) -> crate::outcome::TurnOutcome {
    gives(json!({ "kind": "json", "value": { "moves": list } }))
}

fn assign(step: &str) -> serde_json::Value {
    json!({ "move": "assign", "step": step, "reason": "it is next" })
}

fn finish() -> serde_json::Value {
    json!({ "move": "finish", "text": "all done", "reason": "nothing is left" })
}

fn log(scene: &Scene) -> Vec<String> {
    let step = scene.state.runs[&RunId(1)].step(&"work".parse().unwrap()).cloned().unwrap();
    let line = |it: &std::sync::Arc<Decided>| {
        let how = if it.refused { "refused" } else { "because" };
        format!("{} {how}: {}", it.what, it.why)
    };
    step.operation.log.iter().map(line).collect()
}

/// Returns why the last move was refused.
#[track_caller]
fn refused(scene: &Scene) -> String {
    let log = log(scene);
    let last = log.last().unwrap_or_else(|| panic!("no move was made\n{}", scene.runs()));
    assert!(last.contains(" refused: "), "{last}");
    last.clone()
}

fn change() -> crate::outcome::TurnOutcome {
    gives(json!({ "kind": "change", "summary": "fixed" }))
}

#[test]
fn an_operator_assigns_waits_meets_the_gate_and_finishes() {
    let mut scene = Scene::new();
    scene.run(part(20));
    assert!(
        scene.live("lint").is_none() && scene.live("tests").is_none(),
        "nothing starts by itself\n{}",
        scene.runs()
    );
    let prompt = scene.sent("claude");
    assert!(
        prompt.starts_with("make it right\n") && prompt.contains("- `fix`: done by @autofix, or @codex; needs review."),
        "{prompt}"
    );
    scene.ends("claude", moves(&json!([assign("review"), assign("tests")])));
    assert!(scene.live("lint").is_some() && scene.live("tests").is_some(), "what it assigned runs side by side");
    scene.ends("tests", gives(json!({ "kind": "tests", "verdict": "passed", "passed": 1 })));
    assert!(scene.live("claude").is_none(), "it is not woken before all of it is over");
    scene.ends("lint", review(&[(3, "too long")]));
    assert!(
        scene.sent("claude").contains("> Changes requested.") && scene.sent("claude").contains("f1 too long"),
        "{}",
        scene.sent("claude")
    );
    let fix =
        json!({ "move": "assign", "step": "fix", "agent": "@codex", "text": "keep the names", "reason": "it thinks" });
    scene.ends("claude", moves(&json!([fix])));
    assert!(scene.sent("codex").contains("The operator adds:\n\n> keep the names"), "{}", scene.sent("codex"));
    scene.ends("codex", change());
    scene.ends("claude", moves(&json!([assign("gate")])));
    insta::assert_snapshot!(scene.inbox(), @"p1 Step look at gate [approve edit request-changes reject skip stop]");
    assert!(scene.live("claude").is_none(), "a person is asked first");
    scene.decide(1, Decision::Approve).unwrap();
    assert!(scene.sent("claude").contains("Over: a person said approve"), "{}", scene.sent("claude"));
    scene.ends("claude", moves(&json!([finish()])));
    scene.ends("claude", says("the last step"));
    insta::assert_snapshot!(scene.runs(), @"
    r1 Done 1 finding is open
      work Done round 1 attempt 4
        review Done round 1
        fix Done round 1
        gate Done round 1
        tests Done round 1
      last Done
    ");
    insta::assert_snapshot!(log(&scene).join("\n"), @"
    assign review because: it is next
    assign tests because: it is next
    assign fix to @codex because: it thinks
    assign gate because: it is next
    finish because: nothing is left
    ");
    let decided = "operator: @claude decided: **assign fix to @codex**, because it thinks /  / keep the names";
    assert!(scene.channel().contains(decided), "{}", scene.channel());
}

/// Promises 2 and 5: each move that may not be is refused with its reason, recorded, and told to the operator.
#[test]
fn what_an_operator_may_not_is_refused_with_a_reason() {
    let mut scene = Scene::new();
    scene.run(part(50));
    let cases = [
        (json!({ "move": "approve", "pause": "p1", "reason": "it is fine" }), "a person's to answer"),
        (json!({ "move": "skip", "step": "gate", "reason": "it is fine" }), "a person's to answer"),
        (json!({ "move": "decide", "pause": "p1", "decision": "approve", "reason": "x" }), "a person's to answer"),
        (finish(), "the pause gate was not met"),
        (assign("gate"), "gate needs fix, which was not done"),
        (assign("last"), "last is not of your part"),
        (assign("work"), "work is not of your part"),
        (
            json!({ "move": "assign", "step": "review", "agent": "@claude", "reason": "x" }),
            "@claude is not of this run for review",
        ),
        (json!({ "move": "assign", "step": "review", "agent": "@stranger", "reason": "x" }), "it can be done by @lint"),
        (json!({ "move": "wait", "reason": "x" }), "nothing that you assigned is going on"),
        (json!({ "move": "assign", "step": "review" }), "it has no `reason`"),
        (json!({ "move": "ask", "text": " ", "reason": "x" }), "it asks nothing"),
        (
            json!({ "move": "assign", "step": "review", "limits": { "turns": 9999 }, "reason": "x" }),
            "limits is no part of a move",
        ),
        (json!("approve p1"), "a move is an object"),
    ];
    for (wanted, why) in cases {
        // With one that may be, so that the bound on turns that come to nothing is not met here.
        scene.ends("claude", moves(&json!([wanted, { "move": "ask", "text": "go on?", "reason": "to be sure" }])));
        let log = log(&scene);
        let refusal = log.iter().rev().find(|it| it.contains(" refused: "));
        assert!(refusal.is_some_and(|it| it.contains(why)), "{wanted}: {log:?}");
        let open = scene.state.open_pauses.iter().next().copied().unwrap();
        scene.decide(open.0, Decision::Approve).unwrap();
        assert!(scene.sent("claude").contains(why), "it is told why: {}", scene.sent("claude"));
    }
    assert_eq!(scene.findings(), "");
    let steps = scene.runs();
    assert!(steps.contains("review Waiting") && steps.contains("gate Waiting"), "nothing was done: {steps}");
}

/// Promise 2: an open gate is no operator's, and neither is the step that it shows.
#[test]
fn an_open_gate_is_left_to_the_person() {
    let mut scene = Scene::new();
    scene.run(part(20));
    for (step, agent, outcome) in [("review", "lint", review(&[(3, "a")])), ("fix", "autofix", change())] {
        scene.ends("claude", moves(&json!([assign(step)])));
        scene.ends(agent, outcome);
    }
    let turn = scene.live("claude").unwrap();
    let act = |scene: &mut Scene, wanted: serde_json::Value| {
        scene.ok(Event::Used { agent: name("claude"), turn, act: Act::Move(read_one(&wanted)) })
    };
    assert_eq!(act(&mut scene, assign("gate")), Answer::Done);
    insta::assert_snapshot!(scene.inbox(), @"p1 Step look at gate [approve edit request-changes reject skip stop]");
    let Answer::MoveRefused(why) = act(&mut scene, assign("gate")) else { panic!("it was taken") };
    assert_eq!(why, "gate waits for a person, and only a person answers it");
    let Answer::MoveRefused(why) = act(&mut scene, assign("fix")) else { panic!("it was taken") };
    assert_eq!(why, "gate is going on and rests on fix; wait for it");
    let Answer::MoveRefused(why) = act(&mut scene, finish()) else { panic!("it was taken") };
    assert_eq!(why, "gate is not over yet; wait for it");
    scene.ends("claude", moves(&json!([])));
    assert!(scene.live("claude").is_none(), "{}", scene.runs());
    // What the person sends back is done again, and asked again, whatever the operator thinks.
    scene.decide(1, Decision::RequestChanges { text: "shorter".to_owned() }).unwrap();
    scene.ends("autofix", change());
    insta::assert_snapshot!(scene.inbox(), @"p2 Step look at gate [approve edit request-changes reject skip stop]");
    scene.decide(2, Decision::Approve).unwrap();
    // Done anew, the work has to be looked at anew.
    scene.ends("claude", moves(&json!([assign("fix")])));
    scene.ends("autofix", change());
    scene.ends("claude", moves(&json!([finish()])));
    assert!(refused(&scene).contains("the pause gate was not met"));
}

/// Promise 5: an operator that makes no move that may be does not go on for ever.
#[test]
fn an_operator_that_gets_nowhere_is_a_pause() {
    let mut scene = Scene::new();
    scene.run(part(20));
    for outcome in [says("I think"), moves(&json!([])), moves(&json!([finish()]))] {
        scene.ends("claude", outcome);
    }
    insta::assert_snapshot!(scene.inbox(), @"p1 Stuck @claude gets no further as operator of work [approve request-changes reject stop]");
    scene.decide(1, Decision::RequestChanges { text: "begin with the review".to_owned() }).unwrap();
    assert!(
        scene.sent("claude").contains("A person answers you:\n\n> begin with the review"),
        "{}",
        scene.sent("claude")
    );
    scene.ends("claude", moves(&json!([assign("review")])));
    assert!(scene.live("lint").is_some());
}

/// Promise 5: decisions have a bound, and so have the turns of the run that they lead to.
#[test]
fn decisions_and_turns_have_bounds_that_can_be_raised() {
    let mut scene = Scene::new();
    scene.run(part(2));
    for _ in 0..2 {
        scene.ends("claude", moves(&json!([assign("review")])));
        scene.ends("lint", review(&[]));
    }
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit work is not through after 2 decisions [approve request-changes reject stop]");
    scene.decide(1, Decision::Approve).unwrap();
    scene.ends("claude", moves(&json!([assign("review"), assign("tests"), assign("fix")])));
    assert!(refused(&scene).contains("all 4 decisions are used up"));
    let mut scene = Scene::new();
    let mut few = part(20);
    few["limits"]["turns"] = json!(2);
    scene.run(few);
    scene.ends("claude", moves(&json!([assign("review"), assign("tests")])));
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit Test reached its limit of turns [approve stop]");
    assert!(scene.live("tests").is_none(), "an operator's assignments count as turns\n{}", scene.runs());
}

/// Promise 5: an operator's word wakes others within the hop limit only, as any agent's does.
#[test]
fn an_operator_does_not_exceed_the_limits_on_hops() {
    let mut scene = Scene::new();
    scene.run(part(20));
    let turn = scene.live("claude").unwrap();
    for number in 0..4 {
        let text = format!("@codex look ({number})");
        scene.ok(Event::Used { agent: name("claude"), turn, act: Act::Post { channel: None, thread: None, text } });
    }
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit @claude wants to wake @codex again [approve stop]");
    // What its moves say is text: it wakes nobody.
    let before = scene.state.turns.len();
    scene.ends("claude", moves(&json!([{ "move": "ask", "text": "@lint @tests go", "reason": "@autofix too" }])));
    assert_eq!(scene.state.turns.len(), before, "{}", scene.channel());
}

#[test]
fn an_operator_asks_a_person_and_goes_on_with_the_answer() {
    let mut scene = Scene::new();
    scene.run(part(20));
    scene.ends("claude", moves(&json!([{ "move": "ask", "text": "Which release?", "reason": "it is not said" }])));
    insta::assert_snapshot!(scene.inbox(), @"p1 Question @claude asks you [approve request-changes reject stop]");
    assert!(scene.state.pause(PauseId(1)).unwrap().document.contains("Which release?"));
    scene.decide(1, Decision::RequestChanges { text: "2.1".to_owned() }).unwrap();
    assert!(scene.sent("claude").contains("> 2.1"), "{}", scene.sent("claude"));
    scene.ends("claude", moves(&json!([{ "move": "pause", "text": "Look at the log.", "reason": "it is odd" }])));
    scene.decide(2, Decision::Stop).unwrap();
    assert_eq!(scene.state.runs[&RunId(1)].status(), crate::protocol::RunStatus::Stopped);
}

/// Promise 1: what an operator decided in a turn that was lost with its hub is decided.
#[test]
fn what_was_decided_in_a_lost_turn_stays_decided() {
    let mut scene = Scene::new();
    scene.run(part(20));
    let turn = scene.live("claude").unwrap();
    scene.ok(Event::TurnStarted { turn });
    scene.ok(Event::Used { agent: name("claude"), turn, act: Act::Move(read_one(&assign("review"))) });
    scene.ends("lint", review(&[]));
    scene.restart();
    assert!(scene.sent("claude").contains("- assign review because it is next"), "{}", scene.sent("claude"));
    scene.ends("claude", moves(&json!([assign("tests")])));
    assert!(scene.live("tests").is_some());
    assert!(scene.live("lint").is_none(), "and is not done twice");
}

#[test]
fn an_operators_failed_turn_is_retried_and_its_part_goes_on() {
    let mut scene = Scene::new();
    scene.run(part(20));
    scene.ends("claude", moves(&json!([assign("review")])));
    scene.ends("lint", review(&[]));
    scene.ends("claude", fails(FailureClass::Crashed));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure work (@claude) failed: crashed [retry skip stop]");
    scene.decide(1, Decision::Retry { agent: Some(name("codex")) }).unwrap();
    assert!(scene.sent("codex").contains("- assign review because it is next"), "{}", scene.sent("codex"));
    assert!(scene.runs().contains("review Done"), "{}", scene.runs());
}

#[test]
fn only_an_operator_makes_moves() {
    let mut scene = Scene::new();
    scene.run(part(20));
    scene.post("@codex hello");
    let turn = scene.live("codex").unwrap();
    let event = Event::Used { agent: name("codex"), turn, act: Act::Move(read_one(&finish())) };
    assert_eq!(scene.event(event).unwrap_err().code, RefusalCode::Invalid);
}

/// What `tests/fixtures/journal/golden-tools-1.jsonl` was recorded from. Once committed it is never recorded anew.
#[test]
fn a_journal_of_tools_and_of_an_operator_can_be_recorded() {
    let mut scene = Scene::new();
    scene.run(part(20));
    let used = |scene: &mut Scene, agent: &str, act: Act| {
        let turn = scene.live(agent).unwrap();
        scene.ok(Event::Used { agent: name(agent), turn, act });
    };
    let unread = json!({ "move": "approve", "reason": "I may" });
    used(&mut scene, "claude", Act::Move(read_one(&unread)));
    used(&mut scene, "claude", Act::Move(read_one(&assign("review"))));
    scene.ends("claude", moves(&json!([finish()])));
    let finding = json!({ "place": { "path": "src/lib.rs", "line": 3 }, "severity": "warning", "text": "too long" });
    used(&mut scene, "lint", Act::Report(serde_json::from_value(finding).unwrap()));
    let result = json!({ "kind": "review", "verdict": "changes_requested", "summary": "by the tool" });
    used(&mut scene, "lint", Act::HandIn(serde_json::from_value(result).unwrap()));
    scene.ends("lint", fails(FailureClass::InvalidResult));
    let fix =
        json!({ "move": "assign", "step": "fix", "agent": "@codex", "text": "keep the names", "reason": "it thinks" });
    scene.ends("claude", moves(&json!([fix])));
    used(&mut scene, "codex", Act::Post { channel: None, thread: None, text: "at it".to_owned() });
    scene.ends("codex", change());
    scene.ends("claude", moves(&json!([{ "move": "ask", "text": "Which release?", "reason": "it is not said" }])));
    scene.decide(1, Decision::RequestChanges { text: "2.1".to_owned() }).unwrap();
    scene.ends("claude", moves(&json!([assign("gate")])));
    scene.decide(2, Decision::Approve).unwrap();
    scene.ends("claude", moves(&json!([finish()])));
    if let Some(path) = std::env::var_os("CALLBOARD_RECORD_GOLDEN") {
        let line = |(index, (at, record)): (usize, &(crate::ids::Timestamp, crate::hub::record::Record))| {
            let body = serde_json::to_value(record).unwrap();
            json!({ "seq": index + 1, "at": at.0, "kind": record.kind(), "body": body }).to_string() + "\n"
        };
        std::fs::write(path, scene.journal.iter().enumerate().map(line).collect::<String>()).unwrap();
    }
    assert_eq!(scene.state.pauses.len(), 2);
}
