//! The context that a step names: what is found in the state, what is left to be read, and what a turn is recorded to have been
//! given (promise 8).

use super::*;
use crate::{
    hub::{effect::Effect, snapshot::Snapshot},
    ids::TurnId,
    protocol::SentParams,
    workflow::context::Holds,
};

const FILE: &str = r#"
title: Context
inputs: { path: { type: path, default: "src/a.rs" } }
roles:
  reviewer: { prefer: [lint] }
  fixer: { prefer: [autofix], access: write }
  writer: { prefer: [claude], access: write }
steps:
  - { id: review, role: reviewer, result: review, prompt: Look. }
  - { id: fix, needs: [review], role: fixer, result: change, prompt: Mend. }
  - id: tell
    needs: [fix, review]
    role: writer
    prompt: Tell.
    budget: 500
    context:
      - result: fix
      - changes: fix
      - changes: run
      - files: "[inputs.path, 'src/b.rs:3-9']"
      - findings: open, stale
      - findings: dismissed
      - thread: 2
      - messages: "['m1', 'm99']"
"#;

fn told(scene: &Scene) -> (String, u32) {
    let of = |it: &&Effect| matches!(it, Effect::StartTurn(request) if request.agent == name("claude"));
    let Some(Effect::StartTurn(request)) = scene.effects.iter().rev().find(of) else { panic!("nothing was sent") };
    let lines = request.context.iter().map(|it| {
        let holds = match &it.holds {
            Holds::Text(text) => text.trim().lines().take(3).collect::<Vec<_>>().join(" / "),
            Holds::File { path, lines } => format!("file {path} {lines:?}"),
            Holds::Since(tree) => format!("since {tree}"),
            Holds::Nothing(why) => format!("nothing: {why}"),
        };
        format!("{}: {holds}", it.title)
    });
    (lines.collect::<Vec<_>>().join("\n"), request.budget)
}

#[test]
fn a_step_is_given_what_its_file_names() {
    let mut scene = Scene::new();
    scene.run_file(FILE, &[], json!({}));
    scene.ends("lint", review(&[(3, "too long"), (9, "unused")]));
    let how = crate::hub::event::Settlement::Dismiss("meant so".to_owned());
    scene.ok(Event::SettleFinding { by: ada(), finding: FindingId(2), how });
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "Shortened.", "files": ["src/a.rs"] })));
    let (told, budget) = told(&scene);
    assert_eq!(budget, 500);
    for line in [
        "Changes since fix began: since c2",
        "Changes since the run began: since c1",
        "src/a.rs: file src/a.rs None",
        "src/b.rs:3-9: file src/b.rs Some((3, 9))",
        "Findings (open, stale): f1 warning src/lib.rs:3 (open): too long",
        "Findings (dismissed): f2 warning src/lib.rs:9 (dismissed): unused Dismissed, because: meant so",
        "m99: nothing: #main has no such message",
    ] {
        assert!(told.lines().any(|it| it == line), "{line:?} is missing in\n{told}");
    }
    for begin in ["Result of fix: {", "The run's thread: m", "Messages: m1 from the operator:"] {
        assert!(told.lines().any(|it| it.starts_with(begin)), "{begin:?} is missing in\n{told}");
    }
}

#[test]
fn what_a_turn_was_given_is_a_part_of_what_it_was_sent() {
    let mut scene = Scene::new();
    scene.run_file(FILE, &[], json!({}));
    scene.ends("lint", review(&[]));
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "Nothing to do." })));
    let turn = scene.live("claude").unwrap();
    let text: std::sync::Arc<str> = "\n\n## src/a.rs\n\nfn a() {}\n".into();
    scene.ok(Event::ContextGiven { turn, text });
    let sent = Snapshot::of(&scene.state).sent(&SentParams { turn: Some(turn), message: None }).unwrap();
    assert!(sent[0].prompt.starts_with("Tell.") && sent[0].prompt.ends_with("fn a() {}\n"), "{}", sent[0].prompt);
    scene.ends("claude", says("Told."));
    let before = scene.state.clone();
    scene.ok(Event::ContextGiven { turn, text: "late".into() });
    assert!(scene.state == before, "a turn that is over is given nothing");
    scene.ok(Event::ContextGiven { turn: TurnId(99), text: "nobody's".into() });
}
