//! Workflows that do other workflows: scopes, pauses, limits, results.

use super::*;
use crate::{hub::scene::written, protocol::RunStatus};

const REVIEW: &str = r#"
title: Review
inputs:
  path: { type: path }
  focus: { type: text, default: everything }
roles:
  reviewer: { prefer: [lint] }
steps:
  - id: rounds
    repeat:
      until: review.verdict == "approved"
      max: 2
      steps:
        - { id: review, role: reviewer, result: review, prompt: "look at {{ inputs.path }} for {{ inputs.focus }}, round {{ round }}, {{ roles.reviewer }}" }
  - { id: ok, needs: [rounds], pause: { show: review, message: "ok with {{ inputs.path }}?" } }
"#;

const SHIP: &str = r#"
title: Ship
inputs:
  parts: { type: list, default: [src, web] }
roles:
  writer: { prefer: [claude], access: write }
steps:
  - { id: review, role: writer, prompt: "my own review" }
  - id: each
    needs: [review]
    for-each: { in: inputs.parts, as: part, at-once: 1 }
    workflow: review
    inputs: { path: part, focus: "'bugs in ' ~ review.text" }
  - id: one
    needs: [each]
    workflow: review
    inputs: { path: "'docs'" }
    roles: { reviewer: writer }
  - { id: end, needs: [each, one], role: writer, prompt: "{{ one.verdict }}{% for it in each %} {{ it.item }}:{{ it.verdict }}{% endfor %}" }
"#;

#[test]
fn a_workflow_runs_as_a_part_of_another() {
    let mut scene = Scene::new();
    scene.run_file(SHIP, &[("review", REVIEW)], json!({}));
    scene.ends("claude", says("it"));
    assert_eq!(scene.sent("lint").lines().next(), Some("look at src for bugs in it, round 1, lint"));
    scene.ends("lint", review(&[(3, "too long")]));
    assert_eq!(scene.sent("lint").lines().next(), Some("look at src for bugs in it, round 2, lint"));
    scene.ends("lint", review(&[]));
    insta::assert_snapshot!(scene.inbox(), @"p1 Step ok with src? [approve edit reject skip stop]");
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Waiting 
      review Done
      each Running
        each[1] Running
          each/rounds[1] Done round 2
            each/review[1] Done round 2
          each/ok[1] Paused
        each[2] Waiting
          each/rounds[2] Waiting
            each/review[2] Waiting
          each/ok[2] Waiting
      one Waiting
        one/rounds Waiting
          one/review Waiting
        one/ok Waiting
      end Waiting
    ");
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.sent("lint").lines().next(), Some("look at web for bugs in it, round 1, lint"));
    scene.ends("lint", review(&[]));
    scene.decide(2, Decision::Approve).unwrap();
    // The role is borrowed: whoever plays it here plays it there.
    assert_eq!(scene.sent("claude").lines().next(), Some("look at docs for everything, round 1, claude"));
    scene.ends("claude", review(&[]));
    scene.decide(3, Decision::Approve).unwrap();
    assert_eq!(scene.sent("claude"), "approved src:approved web:approved");
    scene.ends("claude", says("done"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Approved);
    assert_eq!(scene.state.runs[&RunId(1)].turns, 6, "the turns of all of them count for the run");
}

/// Promise 5: a nested workflow has no limits of its own to hide behind.
#[test]
fn promise_5_the_limits_of_the_run_count_for_what_it_nests() {
    let mut scene = Scene::new();
    let text = format!("{SHIP}\nlimits: {{ turns: 2 }}\n");
    scene.run_file(&text, &[("review", &format!("{REVIEW}\nlimits: {{ turns: 900 }}\n"))], json!({}));
    scene.ends("claude", says("it"));
    scene.ends("lint", review(&[(3, "too long")]));
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit Ship reached its limit of turns [approve stop]");
}

#[test]
fn what_a_nested_workflow_is_told_must_fit() {
    let mut scene = Scene::new();
    let text = SHIP.replace("path: part", "path: 1 + 1");
    scene.run_file(&text, &[("review", REVIEW)], json!({}));
    scene.ends("claude", says("it"));
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("each[1] can't begin: the input path must be a path, not 2"), "{document}");
}

/// A run is pinned to what it nests: another text of that is another hash of this.
#[test]
fn the_hash_is_of_all_that_is_nested() {
    let (one, two) =
        (written(SHIP, &[("review", REVIEW)]), written(SHIP, &[("review", &REVIEW.replace("look", "gaze"))]));
    assert_ne!(one.hash, two.hash);
    assert_eq!(one.hash, written(SHIP, &[("review", REVIEW)]).hash);
    let roles: Vec<&str> = one.roles.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(roles, ["writer", "each/reviewer"], "a role that is borrowed is no role of its own");
}

/// Promise 1: a run whose file and nested files are gone folds again from its journal alone.
#[test]
fn promise_1_a_nested_run_folds_from_its_journal() {
    let mut scene = Scene::new();
    scene.run_file(SHIP, &[("review", REVIEW)], json!({}));
    scene.ends("claude", says("it"));
    let before = scene.runs();
    scene.state = scene.folded();
    assert_eq!(scene.runs(), before);
    scene.restart();
    assert_eq!(scene.sent("lint").lines().next(), Some("look at src for bugs in it, round 1, lint"));
}
