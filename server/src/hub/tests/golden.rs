//! The golden journal of lists, roles that several play, nested workflows and edits: it must be read for ever and come to the same.

use std::{fmt::Write as _, fs, sync::Arc};

use serde_json::Value;

use super::*;
use crate::{
    hub::{record::Record, scene::written},
    ids::Timestamp,
};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal/golden-lists-1.jsonl");

/// Plays what the fixture holds. It was recorded once; this is how, and never again.
fn record() -> String {
    let leaf = "title: Leaf\ninputs: { what: { type: text } }\nroles: { r: { prefer: [codex] } }\nsteps:\n  - { id: s, role: r, prompt: 'leaf {{ inputs.what }}' }\n";
    let text = r#"
title: All that holds others
roles:
  panel: { prefer: [claude, codex], agents: 2 }
  fixer: { prefer: [autofix], access: write }
steps:
  - id: rounds
    repeat:
      until: review.verdict == "approved"
      max: 2
      steps:
        - { id: review, role: panel, result: review, prompt: Look. }
        - { id: fix, needs: [review], for-each: { in: review.findings, as: it_, max: 3 }, role: fixer, result: change, prompt: "mend {{ it_.id }}" }
  - { id: inner, needs: [rounds], for-each: '["a", "b"]', workflow: leaf, inputs: { what: item } }
  - { id: end, needs: [inner], pause: { message: Done? } }
"#;
    let mut scene = Scene::new();
    let run = scene.run_file(text, &[("leaf", leaf)], json!({}));
    scene.ends("claude", review(&[(3, "too long")]));
    scene.ends("codex", review(&[(3, "too long"), (9, "never used")]));
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "shortened" })));
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "removed" })));
    let hash = scene.state.runs[&run].plan.hash.clone();
    let plan = Arc::new(written(&text.replace("Done?", "Really?"), &[("leaf", leaf)]));
    scene.ok(Event::EditPlan { by: ada(), run, plan, hash });
    scene.ends("claude", review(&[]));
    scene.ends("codex", review(&[]));
    scene.ends("codex", says("A"));
    scene.ends("codex", says("B"));
    scene.decide(1, Decision::Approve).unwrap();
    lines(&scene)
}

/// Returns a scene's journal as a fixture holds it.
pub fn lines(scene: &Scene) -> String {
    let mut lines = String::new();
    for (seq, (at, record)) in scene.journal.iter().enumerate() {
        let line = json!({ "seq": seq + 1, "at": at.0, "kind": record.kind(), "body": record });
        let _ = writeln!(lines, "{line}");
    }
    lines
}

/// Reads a golden journal and folds it. One that is not there yet is recorded, once.
pub fn read(path: &str, record: fn() -> String) -> Scene {
    if !fs::exists(path).unwrap_or(false) {
        assert!(std::env::var_os("UPDATE_EXPECT").is_some(), "{path} is gone; it is in the repository");
        fs::write(path, record()).unwrap();
    }
    let mut scene = Scene::empty();
    for line in fs::read_to_string(path).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let record: Record = serde_json::from_value(line["body"].clone()).unwrap();
        assert_eq!(line["kind"], record.kind());
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        assert_eq!(again, record, "what is written today is what was written then");
        scene.journal.push((Timestamp(line["at"].as_i64().unwrap()), record));
    }
    scene.state = scene.folded();
    scene
}

#[test]
fn the_golden_journal_of_lists_comes_to_the_same_for_ever_promise_1() {
    let scene = read(PATH, record);
    let kinds = ["step.opened", "plan.edited"];
    assert!(kinds.iter().all(|kind| scene.journal.iter().any(|it| it.1.kind() == *kind)));
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Approved nothing material is left open
      rounds Done round 2
        review Done round 2
          review[1] Done round 2
          review[2] Done round 2
        fix Done round 2
      inner Done
        inner[1] Done
          inner/s[1] Done
        inner[2] Done
          inner/s[2] Done
      end Done
    ");
    let run = &scene.state.runs[&RunId(1)];
    let past: Vec<String> = run.history.iter().map(|it| format!("{} {}", it.state.round, it.step)).collect();
    assert_eq!(past.join(", "), "1 review, 1 fix, 1 review[1], 1 review[2], 1 fix[1], 1 fix[2]");
    assert_eq!(run.turns, 8);
    assert_eq!(run.plan.steps.last().map(|it| it.needs.len()), Some(1));
}
