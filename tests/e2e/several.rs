//! Lists, roles that several play, nested workflows and edits of a running run, by the real binary.

use serde_json::{Value, json};

use crate::{
    support::{COMMAND_LIMIT, wait_for},
    templates::{Stage, change, finding, review},
};

/// Writes a workflow where the workspace keeps its own, and trusts it.
fn write(stage: &Stage, name: &str, text: &str) {
    stage.world.write(&format!(".callboard/workflows/{name}.yaml"), text);
    stage.world.callboard(&["trust", "--yes"]).ok("the trust");
}

const FIX_EACH: &str = r#"
title: Fix each
inputs: { path: { type: path, default: "." } }
roles:
  panel: { prefer: [claude, codex, gemini], agents: 2 }
  fixer: { prefer: [amp], access: write }
steps:
  - { id: review, role: panel, result: review, prompt: "Look at {{ inputs.path }}." }
  - id: fix
    needs: [review]
    for-each: { in: review.findings, as: finding }
    role: fixer
    result: change
    prompt: "Mend {{ finding.id }}."
  - { id: keep, needs: [fix], pause: { message: "Keep {{ fix | length }}?" } }
"#;

#[test]
fn a_panel_reviews_and_each_finding_is_fixed_by_itself() {
    let stage = Stage::new();
    write(&stage, "fix-each", FIX_EACH);
    write(
        &stage,
        "outer",
        "title: Outer\nsteps:\n  - { id: inner, workflow: fix-each, inputs: { path: \"'src'\" } }\n",
    );
    stage.agent("codex", &[review(&[finding("warning", 2, "The second line is wrong.")])]);
    stage.agent("gemini", &[review(&[finding("warning", 4, "Nobody reads the fourth line.")])]);
    stage.agent("amp", &[change("One."), change("Two.")]);
    let ran = stage.run("outer", &["--agent", "inner/panel=codex,gemini"]).ok("the run");
    stage.assert_ended("done", 0);
    assert_eq!(stage.prompts("codex")[0].lines().next(), Some("Look at src."));
    assert_eq!(stage.prompts("amp").len(), 2);
    assert_eq!(stage.step("inner/fix[2]")["status"], "done", "{}", ran.stdout);
    assert_eq!(stage.step("inner/fix[2]")["item"], "Nobody reads the fourth line.");
    assert_eq!(stage.last_run()["casts"]["inner/panel"], json!(["codex", "gemini"]));
    let shown = stage.world.callboard(&["show", "r1"]).ok("show").stdout;
    assert!(shown.contains("inner/fix[1]") && shown.contains("inner/keep"), "{shown}");
    let graph = stage.world.callboard(&["show", "r1", "--graph"]).ok("graph").stdout;
    assert!(graph.contains("s_inner_fix_2_"), "{graph}");
}

const LOOP: &str = r#"
title: Loop
roles:
  reviewer: { prefer: [claude] }
  fixer: { prefer: [codex], access: write }
steps:
  - id: rounds
    repeat:
      until: review.verdict == "approved"
      max: 3
      steps:
        - { id: review, role: reviewer, result: review, prompt: Look. }
        - { id: fix, needs: [review], when: review.verdict != "approved", role: fixer, result: change, prompt: Mend. }
  - { id: keep, needs: [rounds], pause: { message: Keep it? } }
  - { id: last, needs: [keep], role: fixer, prompt: Say something. }
"#;

/// Promises 1 and 2 for an edit: what has begun stays, the record holds both hashes, and a plan that is wrong changes nothing.
#[test]
fn what_is_left_to_do_of_a_run_can_be_changed_and_its_rounds_are_told() {
    let stage = Stage::new();
    write(&stage, "loop", LOOP);
    stage.agent("claude", &[review(&[finding("warning", 2, "Wrong.")]), review(&[])]);
    stage.agent("codex", &[change("Mended.")]);
    let text = json!({ "kind": "text", "text": "Hello." });
    stage.agent("gemini", &[text]);
    stage.world.callboard(&["run", "loop", "--detach"]).ok("the start");
    let pause = || stage.world.callboard(&["inbox", "--json"]).ok("inbox").json().pop();
    wait_for("the pause", COMMAND_LIMIT, pause, || stage.world.story());
    let plan = stage.world.callboard(&["runs", "edit", "r1", "--show"]).ok("the plan").stdout;
    assert!(plan.contains("stay as they are: fix, keep, review, rounds."), "{plan}");

    let bad = plan.replace("Say something.", "Say {{ nobody }}.");
    let refused = stage.world.callboard_with_input(&["runs", "edit", "r1", "--file", "-"], &bad).code(1, "a bad plan");
    assert!(refused.stderr.contains("there is no `nobody` here"), "{}", refused.stderr);
    let begun = plan.replace("Keep it?", "Keep all?");
    let refused =
        stage.world.callboard_with_input(&["runs", "edit", "r1", "--file", "-"], &begun).code(1, "a begun step");
    assert!(refused.stderr.contains("keep has begun, so its message can't change"), "{}", refused.stderr);

    let good = plan.replace("Say something.", "Say hello.").replace("  - id: last\n", "  - id: end\n").replacen(
        "roles:\n",
        "roles:\n  speaker:\n    prefer: [gemini]\n",
        1,
    );
    let at = good.find("- id: end").expect("the step");
    let good = format!("{}{}", &good[..at], good[at..].replacen("role: fixer", "role: speaker", 1));
    let edit = |more: &[&str]| {
        let args = [&["runs", "edit", "r1", "--file", "-"], more].concat();
        stage.world.callboard_with_input(&args, &good).ok("the edit").stdout
    };
    let would = edit(&["--dry-run"]);
    for part in ["- last", "+ end", "+ role speaker", "r1 would go on"] {
        assert!(would.contains(part), "{part:?} is missing in\n{would}");
    }
    let before = stage.last_run()["hash"].clone();
    assert!(edit(&[]).contains("So r1 goes on."));
    assert_ne!(stage.last_run()["hash"], before);
    stage.world.callboard(&["decide", "p1", "approve"]).ok("the decision");
    stage.world.callboard(&["show", "r1", "--follow"]).ok("the rest");
    assert_eq!(stage.prompts("gemini")[0].lines().next(), Some("Say hello."));
    stage.assert_ended("approved", 2);

    let shown = stage.world.callboard(&["show", "r1"]).ok("show").stdout;
    assert!(shown.contains("round 1 of rounds") && shown.contains("changes requested, 1 finding"), "{shown}");
    let whole: Value = stage.world.callboard(&["show", "r1", "--json"]).ok("show").json().remove(0);
    let past = whole["history"]["steps"].as_array().expect("steps");
    assert_eq!(
        past.iter().map(|it| it["step"].as_str().expect("an id")).collect::<Vec<_>>(),
        ["review", "fix"],
        "{whole:#}"
    );
    assert_eq!(past[1]["agent"], "codex");
}
