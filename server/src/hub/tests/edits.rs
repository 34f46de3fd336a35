//! Changing what is left to do of a running run, and what its earlier rounds came to.

use std::sync::Arc;

use super::*;
use crate::{
    hub::{event::Refusal, scene::written, snapshot::Snapshot},
    protocol::{RunStatus, StepStatus},
};

const RUN: &str = r#"
title: Make
inputs: { task: { type: text, default: it } }
roles:
  writer: { prefer: [claude], access: write }
  reviewer: { prefer: [lint] }
steps:
  - { id: plan, role: writer, prompt: "plan {{ inputs.task }}" }
  - id: rounds
    needs: [plan]
    repeat:
      until: review.verdict == "approved"
      max: 3
      steps:
        - { id: make, role: writer, prompt: "make {{ plan.text }}" }
        - { id: review, needs: [make], role: reviewer, result: review, prompt: Look. }
  - { id: end, needs: [rounds], pause: { message: Done? } }
"#;

fn edit(scene: &mut Scene, text: &str) -> Result<(), Refusal> {
    let hash = scene.state.runs[&RunId(1)].plan.hash.clone();
    let plan = Arc::new(written(text, &[]));
    let before = scene.journal.len();
    let done = scene.event(Event::EditPlan { by: ada(), run: RunId(1), plan, hash }).map(|_| ());
    assert!(done.is_ok() || scene.journal.len() == before, "a refusal leaves no record");
    done
}

fn status(scene: &Scene, step: &str) -> Option<StepStatus> {
    scene.state.runs[&RunId(1)].step(&step.parse().unwrap()).map(|it| it.status)
}

#[test]
fn what_waits_may_change_and_what_has_begun_may_not() {
    let mut scene = Scene::new();
    scene.run_file(RUN, &[], json!({}));
    scene.ends("claude", says("steps"));
    assert_eq!(status(&scene, "make"), Some(StepStatus::Queued));
    for (from, to, wants) in [
        ("plan {{ inputs.task }}", "plan it all", "plan has begun, so its prompt can't change"),
        ("make {{ plan.text }}", "make more", "make has begun, so its prompt can't change"),
        ("max: 3", "max: 9", "rounds has begun, so its max can't change"),
        ("task: { type: text, default: it }", "task: { type: list, default: [a] }", "its type can't change"),
        (
            "task: { type: text, default: it }",
            "task: { type: text }, more: { type: text }",
            "the input more needs a default",
        ),
        ("prefer: [lint]", "prefer: [lint], access: write", "the role reviewer is played already"),
    ] {
        let refused = edit(&mut scene, &RUN.replace(from, to)).unwrap_err();
        assert!(refused.message.contains(wants), "{refused}");
    }
    let gone = RUN
        .replace("  - { id: plan, role: writer, prompt: \"plan {{ inputs.task }}\" }\n", "")
        .replace("    needs: [plan]\n", "")
        .replace("{{ plan.text }}", "it");
    assert!(edit(&mut scene, &gone).unwrap_err().message.contains("plan has begun, so it can't be taken out"));
    assert!(edit(&mut scene, RUN).unwrap_err().message.contains("nothing is changed"));

    let more = RUN
        .replace("prompt: Look.", "prompt: Look twice.")
        .replace(
            "        - { id: review",
            "        - { id: tests, needs: [make], tool: tests }\n        - { id: review",
        )
        .replace(
            "  - { id: end, needs: [rounds], pause: { message: Done? } }",
            "  - { id: docs, needs: [rounds], role: helper, prompt: \"write {{ inputs.tone }}\" }",
        )
        .replace("roles:\n", "roles:\n  helper: { prefer: [codex] }\n")
        .replace("inputs: { task", "inputs: { tone: { type: text, default: dry }, task");
    edit(&mut scene, &more).unwrap();
    let said = scene.channel();
    for part in ["+ docs", "- end", "+ tests", "~ review: prompt", "+ role helper", "+ input tone"] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }
    scene.ends("claude", says("made"));
    assert!(scene.live("tests").is_some(), "{}", scene.runs());
    assert!(scene.sent("lint").starts_with("Look twice."));
    scene.ends("tests", gives(json!({ "kind": "tests", "verdict": "passed" })));
    scene.ends("lint", review(&[]));
    assert_eq!(scene.sent("codex"), "write dry");
    scene.ends("codex", says("written"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved, "{}", scene.runs());
}

/// Promise 1: the record holds the whole plan and both hashes, and a later edit must be of the plan that there is.
#[test]
fn promise_1_an_edit_is_a_record_and_binds_the_next_one() {
    let mut scene = Scene::new();
    scene.run_file(RUN, &[], json!({}));
    let first = scene.state.runs[&RunId(1)].plan.hash.clone();
    edit(&mut scene, &RUN.replace("Done?", "Really?")).unwrap();
    let second = scene.state.runs[&RunId(1)].plan.hash.clone();
    let is_edit = |it: &&crate::hub::record::Record| matches!(it, crate::hub::record::Record::PlanEdited { .. });
    let records: Vec<_> = scene.journal.iter().map(|it| &it.1).filter(is_edit).collect();
    let [crate::hub::record::Record::PlanEdited { before, after, by, .. }] = records.as_slice() else { panic!("one") };
    assert_eq!((before, after, by.as_str()), (&first, &second, "ada"));
    let stale = Event::EditPlan { by: ada(), run: RunId(1), plan: Arc::new(written(RUN, &[])), hash: first };
    assert_eq!(scene.event(stale).unwrap_err().code, RefusalCode::Changed);
    let text = Snapshot::of(&scene.state).plan_text(RunId(1)).unwrap().text;
    assert!(text.contains("stay as they are: plan.") && text.contains("Really?"), "{text}");
    let before = scene.runs();
    scene.state = scene.folded();
    assert_eq!(scene.runs(), before);
}

/// Promise 2: what a run does is a person's to say.
#[test]
fn promise_2_no_agent_changes_a_plan() {
    let mut scene = Scene::new();
    scene.run_file(RUN, &[], json!({}));
    let hash = scene.state.runs[&RunId(1)].plan.hash.clone();
    let plan = Arc::new(written(&RUN.replace("Done?", "x"), &[]));
    let by = Actor::Agent(Some(name("claude")));
    let refused = scene.event(Event::EditPlan { by, run: RunId(1), plan, hash }).unwrap_err();
    assert_eq!(refused.code, RefusalCode::HumansOnly);
}

#[test]
fn a_list_that_goes_on_stays_and_a_nested_workflow_stays_pinned() {
    let text = r#"
title: Parts
inputs: { parts: { type: list, default: [a, b] } }
roles: { writer: { prefer: [claude] } }
steps:
  - { id: part, for-each: { in: inputs.parts, at-once: 1 }, role: writer, prompt: "do {{ item }}" }
  - { id: inner, needs: [part], workflow: leaf, inputs: { what: "'x'" } }
  - { id: end, needs: [inner], role: writer, prompt: bye }
"#;
    let leaf = "title: Leaf\ninputs: { what: { type: text } }\nroles: { r: { prefer: [codex] } }\nsteps:\n  - { id: s, role: r, prompt: 'leaf {{ inputs.what }}' }\n";
    let mut scene = Scene::new();
    scene.run_file(text, &[("leaf", leaf)], json!({}));
    let hash = scene.state.runs[&RunId(1)].plan.hash.clone();
    // The nested file is another by now.
    let new = text.replace("prompt: bye", "prompt: goodbye");
    let plan = Arc::new(written(&new, &[("leaf", &leaf.replace("leaf {{", "twig {{"))]));
    scene.ok(Event::EditPlan { by: ada(), run: RunId(1), plan, hash });
    scene.ends("claude", says("A"));
    assert_eq!(scene.sent("claude"), "do b", "{}", scene.runs());
    scene.ends("claude", says("B"));
    assert_eq!(scene.sent("codex"), "leaf x", "what was not edited is what the run was pinned to");
    scene.ends("codex", says("leafed"));
    assert_eq!(scene.sent("claude"), "goodbye");
    let hash = scene.state.runs[&RunId(1)].plan.hash.clone();
    let plan = Arc::new(written(&new.replace("do {{ item }}", "undo"), &[("leaf", leaf)]));
    let refused = scene.event(Event::EditPlan { by: ada(), run: RunId(1), plan, hash }).unwrap_err();
    assert!(refused.message.contains("part has begun, so its steps can't change"), "{refused}");
}

#[test]
fn what_earlier_rounds_came_to_is_kept_and_bounded() {
    let mut scene = Scene::new();
    scene.run_file(RUN, &[], json!({}));
    scene.ends("claude", says("steps"));
    scene.ends("claude", says("first draft\nmore"));
    scene.ends("lint", review(&[(3, "too long")]));
    let usage = crate::outcome::Usage { tokens: Some(70), micro_dollars: None };
    scene.ends("claude", crate::outcome::TurnOutcome::Answered { text: "second".to_owned(), result: None, usage });
    scene.ends("lint", review(&[]));
    let history = Snapshot::of(&scene.state).history(RunId(1)).unwrap();
    let lines: Vec<String> =
        history.steps.iter().map(|it| format!("{} {} {}: {}", it.within, it.round, it.step, it.outcome)).collect();
    assert_eq!(lines, ["rounds 1 make: first draft", "rounds 1 review: changes requested, 1 finding"]);
    assert_eq!(history.steps[0].agent, Some(name("claude")));
    assert!(history.steps[0].ended > history.steps[0].started);
    // The turns of a round are that round's alone.
    assert_eq!(scene.state.runs[&RunId(1)].step(&"make".parse().unwrap()).unwrap().usage, usage);
    assert_eq!(history.steps[0].usage.tokens, None);
}
