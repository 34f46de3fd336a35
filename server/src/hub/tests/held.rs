//! "Pause now" and limits: what waited is sent as things stand when it is let go, and what is no longer wanted is not sent at all.

use super::*;
use crate::{
    outcome::{TurnOutcome, Usage},
    protocol::RunStatus,
};

fn costs(tokens: u64, micro_dollars: u64) -> TurnOutcome {
    let usage = Usage { tokens: Some(tokens), micro_dollars: Some(micro_dollars) };
    TurnOutcome::Answered { text: "done".to_owned(), result: None, usage }
}

/// Promise 5: what a run costs has a limit that is a pause and can be raised; each reaches it by itself.
#[test]
fn tokens_and_money_are_limits_that_pause_and_can_be_raised() {
    for (outcome, what) in [(costs(1_000, 1), "tokens"), (costs(1, 1_000), "money")] {
        let mut scene = Scene::new();
        scene.run(plan(json!([turn("a", &[], "writer", "text"), turn("b", &["a"], "writer", "text")])));
        scene.ends("claude", outcome);
        assert_eq!(scene.inbox(), format!("p1 Limit Test reached its limit of {what} [approve stop]\n"));
        assert_eq!(scene.live("claude"), None, "nothing starts at a limit");
        scene.decide(1, Decision::Approve).unwrap();
        scene.ends("claude", costs(1, 1));
        assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done, "{}", scene.runs());
    }
}

/// What waits in a queue is composed when it is sent, not when it was put there.
#[test]
fn what_waited_is_sent_as_things_stand_when_it_is_let_go() {
    let mut scene = Scene::new();
    scene.ok(Event::Hold { by: ada(), run: None, interrupt: false });
    scene.post("@codex rename it to fetch");
    scene.post("No: call it load.");
    scene.ok(Event::Release { by: ada(), run: None });
    let prompt = scene.sent("codex");
    assert!(prompt.contains("> @codex rename it to fetch") && prompt.contains("> No: call it load."), "{prompt}");
}

#[test]
fn what_was_taken_back_meanwhile_is_not_sent_after_resume() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("a", &[], "writer", "text")])));
    scene.post("@claude one more thing");
    scene.post("@codex and you");
    scene.ok(Event::Hold { by: ada(), run: None, interrupt: true });
    scene.ends("claude", fails(FailureClass::Interrupted));
    scene.ends("codex", fails(FailureClass::Interrupted));
    let message = scene.state.messages.iter().find(|it| &*it.text == "@claude one more thing").unwrap().id;
    scene.ok(Event::Withdraw { by: ada(), message, agent: name("claude") });
    scene.ok(Event::Cancel { by: ada(), run: RunId(1) });
    scene.new_effects();
    scene.ok(Event::Release { by: ada(), run: None });
    let started = scene.new_effects();
    assert!(started.starts_with("start ") && started.ends_with("@codex") && started.lines().count() == 1, "{started}");
}

/// A run is held while its step waits for an agent; what a person decided meanwhile is what the step gets.
#[test]
fn a_step_that_waited_gets_what_was_decided_while_it_was_held() {
    let mut scene = Scene::new();
    let ship = with(turn("ship", &["keep"], "writer", "text"), "/action/prompt", json!("ship {{ keep.text }}"));
    scene.run(plan(json!([turn("draft", &[], "fixer", "text"), pause("keep", &["draft"], Some("draft")), ship])));
    scene.ends("autofix", says("the first draft"));
    scene.ok(Event::Hold { by: ada(), run: Some(RunId(1)), interrupt: false });
    let document = scene.state.pause(PauseId(1)).unwrap().document.replace("the first draft", "the second draft");
    scene.decide(1, Decision::Edit { document }).unwrap();
    assert_eq!(scene.live("claude"), None, "a run that is held starts nothing");
    scene.ok(Event::Release { by: ada(), run: Some(RunId(1)) });
    assert!(scene.sent("claude").starts_with("ship the second draft"), "{}", scene.sent("claude"));
}
