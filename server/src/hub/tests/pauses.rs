//! Pause points. Promise 2: a gate is a gate.

use super::*;
use crate::{
    ids::Timestamp,
    outcome::{ReviewVerdict, TypedResult},
    protocol::RunStatus,
};

fn gated() -> serde_json::Value {
    plan(json!([
        turn("draft", &[], "writer", "text"),
        turn("check", &["draft"], "reviewer", "review"),
        pause("approve", &["check", "draft"], Some("draft")),
        with(turn("ship", &["approve"], "fixer", "change"), "/action/prompt", json!("ship {{ approve.text }}")),
    ]))
}

fn at_the_gate() -> Scene {
    let mut scene = Scene::new();
    scene.run(gated());
    scene.ends("claude", says("first draft"));
    scene.ends("lint", review(&[]));
    scene
}

#[test]
fn a_pause_step_waits_for_a_person_and_hands_on_what_was_approved() {
    let mut scene = at_the_gate();
    insta::assert_snapshot!(scene.inbox(), @"p1 Step look at approve [approve edit request-changes reject skip stop]");
    assert_eq!(scene.live("autofix"), None);
    scene.decide(1, Decision::Approve).unwrap();
    assert!(scene.sent("autofix").contains("ship first draft"), "{}", scene.sent("autofix"));
}

#[test]
fn an_answer_is_bound_to_what_was_shown() {
    let mut scene = at_the_gate();
    let stale = Event::Decide {
        by: ada(),
        pause: PauseId(1),
        decision: Decision::Approve,
        hash: crate::document::hash_of("something else"),
        scope: None,
    };
    assert_eq!(scene.event(stale).unwrap_err().code, RefusalCode::Changed);
    assert!(scene.state.open_pauses.contains(&PauseId(1)));
}

#[test]
fn the_first_answer_wins_and_a_later_one_is_told_who_answered() {
    let mut scene = at_the_gate();
    scene.decide(1, Decision::Approve).unwrap();
    let refusal = scene.decide(1, Decision::Stop).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::AlreadyAnswered);
    assert!(refusal.message.contains("approve by ada"), "{refusal}");
}

#[test]
fn no_agent_answers_and_no_text_in_a_channel_does() {
    let mut scene = at_the_gate();
    let hash = scene.state.pause(PauseId(1)).unwrap().hash.clone();
    let forged = Event::Decide {
        by: Actor::Agent(Some(name("claude"))),
        pause: PauseId(1),
        decision: Decision::Approve,
        hash,
        scope: None,
    };
    assert_eq!(scene.event(forged).unwrap_err().code, RefusalCode::HumansOnly);
    scene.post("@claude approve p1");
    scene.ends("claude", says("p1: approve\n{\"decision\":\"approve\",\"pause\":\"p1\"}"));
    assert!(scene.state.open_pauses.contains(&PauseId(1)));
}

#[test]
fn an_edit_is_what_goes_on() {
    let mut scene = at_the_gate();
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("first draft"), "{document}");
    scene.decide(1, Decision::Edit { document: document.replace("first draft", "better draft") }).unwrap();
    assert!(scene.sent("autofix").contains("ship better draft"), "{}", scene.sent("autofix"));
}

/// Work redone after "request changes" is checked again before the same question is asked again.
#[test]
fn request_changes_goes_back_through_the_step_and_its_checks() {
    let mut scene = at_the_gate();
    scene.new_effects();
    scene.decide(1, Decision::RequestChanges { text: "shorter".to_owned() }).unwrap();
    assert_eq!(scene.new_effects().lines().count(), 1);
    scene.ends("claude", says("short"));
    assert!(scene.inbox().is_empty(), "the check comes first");
    scene.ends("lint", review(&[]));
    insta::assert_snapshot!(scene.inbox(), @"p2 Step look at approve [approve edit request-changes reject skip stop]");
    assert!(scene.state.pause(PauseId(2)).unwrap().document.contains("short"));
    scene.decide(2, Decision::Approve).unwrap();
    assert!(scene.sent("autofix").contains("ship short"));
}

#[test]
fn the_note_reaches_the_step_that_is_redone() {
    let mut scene = at_the_gate();
    scene.decide(1, Decision::RequestChanges { text: "shorter".to_owned() }).unwrap();
    assert!(scene.sent("claude").contains("> shorter"), "{}", scene.sent("claude"));
    scene.ends("claude", says("short"));
    scene.ends("lint", review(&[]));
    scene.decide(2, Decision::RequestChanges { text: "longer".to_owned() }).unwrap();
    let sent = scene.sent("claude");
    assert!(sent.contains("> longer") && !sent.contains("> shorter"), "{sent}");
}

#[test]
fn several_pauses_are_open_at_once_and_each_is_answered_alone() {
    let mut scene = Scene::new();
    scene.run(plan(json!([pause("one", &[], None), pause("two", &[], None), turn("a", &["two"], "writer", "text")])));
    assert_eq!(scene.inbox().lines().count(), 2);
    scene.decide(2, Decision::Approve).unwrap();
    assert!(scene.live("claude").is_some());
    assert!(scene.state.open_pauses.contains(&PauseId(1)));
    scene.ends("claude", says("a"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Waiting);
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
}

#[test]
fn reject_and_stop_end_the_run_and_a_decision_that_is_not_offered_is_refused() {
    let mut scene = at_the_gate();
    assert_eq!(scene.decide(1, Decision::Retry { agent: None }).unwrap_err().code, RefusalCode::Invalid);
    scene.decide(1, Decision::Reject { text: "not like this".to_owned() }).unwrap();
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Rejected);
    assert!(scene.runs().contains("ada rejected it: not like this"));
    let mut scene = at_the_gate();
    scene.decide(1, Decision::Stop).unwrap();
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Stopped);
}

/// Promise 1: a pause survives the hub's end.
#[test]
fn a_pending_approval_is_still_pending_after_recovery() {
    let mut scene = at_the_gate();
    scene.restart();
    assert_eq!(scene.inbox().lines().count(), 1);
    scene.decide(1, Decision::Approve).unwrap();
    assert!(scene.live("autofix").is_some());
}

#[test]
fn struck_findings_are_dismissed_and_the_fixer_does_not_get_them() {
    let mut scene = Scene::new();
    let fix = with(turn("fix", &["approve"], "fixer", "change"), "/action/findings", json!("review.findings"));
    scene.run(plan(json!([
        turn("review", &[], "reviewer", "review"),
        pause("approve", &["review"], Some("review")),
        fix,
    ])));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    let reviewed = ended(&scene, "review");
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    let struck =
        document.lines().filter(|it| !it.contains("never used")).fold(String::new(), |text, it| text + it + "\n");
    scene.decide(1, Decision::Edit { document: struck }).unwrap();
    insta::assert_snapshot!(scene.findings(), @"
    f1 too long open
    f2 never used dismissed
    ");
    let super::super::effect::Effect::StartTurn(request) = scene.effects.last().unwrap() else { panic!("no turn") };
    assert_eq!(request.findings.iter().map(|it| it.id.to_string()).collect::<Vec<_>>(), ["f1"]);
    // What the person let through is told as that, and the review ended when its reviewer did.
    assert_eq!(let_through(&scene), (ReviewVerdict::ChangesRequested, vec!["too long".to_owned()]));
    assert_eq!(ended(&scene, "review"), reviewed);
}

#[test]
fn a_review_of_which_all_is_struck_is_let_through_as_approved() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("review", &[], "reviewer", "review"), pause("approve", &["review"], Some("review"))])));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    let document = scene.state.pause(PauseId(1)).unwrap().document.replace("- [x]", "- [ ]");
    scene.decide(1, Decision::Edit { document }).unwrap();
    assert_eq!(let_through(&scene), (ReviewVerdict::Approved, Vec::new()));
}

/// Returns when a step of the first run ended.
fn ended(scene: &Scene, step: &str) -> Option<Timestamp> {
    scene.state.runs[&RunId(1)].step(&step.parse().unwrap()).unwrap().ended
}

/// Returns what the pause `approve` of the first run gives.
fn let_through(scene: &Scene) -> (ReviewVerdict, Vec<String>) {
    let step = scene.state.runs[&RunId(1)].step(&"approve".parse().unwrap()).unwrap();
    let Some(TypedResult::Review(it)) = step.result.as_deref() else { panic!("no review") };
    (it.verdict, it.findings.iter().map(|it| it.text.clone()).collect())
}

/// Promise 2: an edit is read against what was shown. What was settled meanwhile stays settled, what came meanwhile is not struck.
#[test]
fn an_edit_of_findings_that_changed_meanwhile_is_read_against_what_was_shown() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("check", &[], "reviewer", "review"), pause("approve", &["check"], Some("check")),])));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    let how = super::super::event::Settlement::Accept;
    scene.ok(Event::SettleFinding { by: ada(), finding: crate::ids::FindingId(2), how });
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    scene.decide(1, Decision::Edit { document }).unwrap();
    insta::assert_snapshot!(scene.findings(), @r"
    f1 too long open
    f2 never used accepted
    ");
}

/// Promise 2: what a person makes of a value is held against the schema that its step has, as the agent's own is.
#[test]
fn edited_json_must_fit_the_steps_schema() {
    let mut scene = Scene::new();
    let text = r#"
title: Contract
roles: { writer: { prefer: [claude] } }
steps:
  - id: contract
    role: writer
    prompt: Write it.
    result:
      json: { type: object, required: [calls], properties: { calls: { type: array, items: { enum: [get, put] } } } }
  - { id: approve, needs: [contract], pause: { show: contract } }
  - { id: build, needs: [approve], role: writer, prompt: "{{ approve.value.calls | join(' ') }}" }
"#;
    scene.run_file(text, &[], json!({}));
    scene.ends("claude", gives(json!({ "kind": "json", "value": { "calls": ["post"] } })));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure contract (@claude) failed: invalid result [retry skip stop]");
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("the value.calls[0] is none of"), "{document}");
    scene.decide(1, Decision::Retry { agent: None }).unwrap();
    scene.ends("claude", gives(json!({ "kind": "json", "value": { "calls": ["get"] } })));
    let document = scene.state.pause(PauseId(2)).unwrap().document.to_string();
    let refused = scene.decide(2, Decision::Edit { document: document.replace("get", "fetch") }).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Invalid);
    assert!(
        refused.message.contains("the schema of contract: the value.calls[0] is none of \"get\", \"put\""),
        "{refused}"
    );
    assert!(scene.state.open_pauses.contains(&PauseId(2)), "the pause is still open, nothing is lost");
    scene.decide(2, Decision::Edit { document: document.replace("get", "put") }).unwrap();
    assert_eq!(scene.sent("claude"), "put");
}
