//! Steps for each item of a list, and steps of a role that several agents play.

use super::*;
use crate::{
    hub::{scene::written, snapshot::Snapshot},
    outcome::TurnOutcome,
    protocol::{RunStatus, RunsParams},
};

const FIX_EACH: &str = r#"
title: Fix each
roles:
  reviewer: { prefer: [lint] }
  fixer: { prefer: [claude, codex], access: write }
steps:
  - { id: review, role: reviewer, result: review, prompt: Look. }
  - id: fix
    title: Fix
    needs: [review]
    for-each: { in: review.findings, as: finding, at-once: 2, max: 3 }
    role: fixer
    result: change
    findings: '[finding]'
    on-failure: { crashed: skip, otherwise: pause }
    prompt: "Mend {{ finding.id }}: {{ finding.text }}"
  - id: sum
    needs: [fix]
    role: reviewer
    prompt: '{% for it in fix %}{{ it.item.id }} {% if it.summary %}{{ it.summary }}{% else %}left{% endif %}. {% endfor %}'
"#;

fn done(summary: &str) -> TurnOutcome {
    gives(json!({ "kind": "change", "summary": summary }))
}

/// Returns the steps of the newest run: id, status, item.
fn steps(scene: &Scene) -> String {
    let run = Snapshot::of(&scene.state).runs(&RunsParams::default()).unwrap().pop().unwrap();
    let lines = run.steps.iter().map(|it| {
        let item = it.item.as_ref().map_or(String::new(), |it| format!(" ({it})"));
        let by = it.agent.as_ref().map_or(String::new(), |it| format!(" {it}"));
        format!("{}{} {:?}{by}{item}\n", "  ".repeat(it.depth as usize), it.id, it.status)
    });
    lines.collect()
}

#[test]
fn a_step_is_done_for_each_item_and_gives_the_list_of_its_results() {
    let mut scene = Scene::new();
    scene.run_file(FIX_EACH, &[], json!({}));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used"), (20, "wrong")]));
    insta::assert_snapshot!(steps(&scene), @r"
    review Done @lint
    fix Running
      fix[1] Queued @claude (too long)
      fix[2] Queued @claude (never used)
      fix[3] Waiting (wrong)
    sum Waiting
    ");
    assert_eq!(
        scene.sent("claude"),
        "Mend f1: too long\n\n".to_owned() + scene.sent("claude").split_once("\n\n").unwrap().1
    );
    scene.ends("claude", done("shortened"));
    assert!(scene.sent("claude").starts_with("Mend f2: never used"));
    scene.ends("claude", fails(FailureClass::Crashed));
    assert!(scene.sent("claude").starts_with("Mend f3: wrong"), "one that failed is left, the others go on");
    scene.ends("claude", done("righted"));
    assert_eq!(scene.sent("lint").trim(), "f1 shortened. f2 left. f3 righted.");
    scene.ends("lint", says("ok"));
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Done 3 findings are open
      review Done
      fix Done
        fix[1] Done
        fix[2] Skipped
        fix[3] Done
      sum Done
    ");
}

/// Promise 2: an item that failed waits for the person alone; what is decided there is for that item.
#[test]
fn each_item_has_its_own_failure_and_its_own_pause() {
    let mut scene = Scene::new();
    scene.run_file(FIX_EACH, &[], json!({}));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    scene.ends("claude", fails(FailureClass::Denied));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure fix[1] (@claude) failed: denied [retry skip stop]");
    scene.ends("claude", done("removed"));
    scene.decide(1, Decision::Retry { agent: Some(name("codex")) }).unwrap();
    assert!(scene.sent("codex").starts_with("Mend f1"), "{}", scene.runs());
    scene.ends("codex", done("shortened"));
    assert_eq!(scene.sent("lint").trim(), "f1 shortened. f2 removed.");
}

#[test]
fn a_list_that_is_too_long_or_none_is_told_with_what_to_do() {
    let mut scene = Scene::new();
    scene.run_file(FIX_EACH, &[], json!({}));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used"), (20, "wrong"), (30, "odd")]));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure fix failed: invalid result [retry skip stop]");
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("gives 4 items, and 3 is the most there; shorten the list"), "{document}");
    // The person settles one, and has the list read again.
    let how = crate::hub::event::Settlement::Accept;
    scene.ok(Event::SettleFinding { by: ada(), finding: crate::ids::FindingId(4), how });
    scene.decide(1, Decision::Retry { agent: None }).unwrap();
    assert!(scene.state.runs[&RunId(1)].step(&"fix[3]".parse().unwrap()).is_some(), "{}", scene.runs());

    let mut scene = Scene::new();
    scene.run_file(&FIX_EACH.replace("in: review.findings", "in: review.summary"), &[], json!({}));
    scene.ends("lint", gives(json!({ "kind": "review", "verdict": "approved", "summary": "fine" })));
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("gives a text; it must give a list"), "{document}");

    let mut scene = Scene::new();
    scene.run_file(FIX_EACH, &[], json!({}));
    scene.ends("lint", review(&[]));
    assert_eq!(
        scene.state.runs[&RunId(1)].step(&"fix".parse().unwrap()).unwrap().status,
        crate::protocol::StepStatus::Done
    );
    assert_eq!(scene.sent("lint").trim(), "", "of no items there are no results");
}

const PARTS: &str = r#"
title: Parts
inputs:
  parts: { type: list, default: [api, web] }
roles:
  writer: { prefer: [claude], access: write }
  helper: { prefer: [codex], access: write }
steps:
  - id: laps
    repeat:
      until: round == 2
      max: 3
      steps:
        - id: part
          for-each: { in: inputs.parts, as: name }
          steps:
            - { id: make, role: writer, prompt: "make {{ name }} in round {{ round }}" }
            - id: polish
              needs: [make]
              repeat:
                until: look.text == "fine"
                max: 3
                steps:
                  - { id: look, role: helper, prompt: "look at {{ name }}: {{ make.text }} ({{ round }})" }
        - { id: join, needs: [part], role: writer, prompt: "{% for it in part %}{{ it.item }}={{ it.text }} {% endfor %}{% for it in make %}{{ it.text }} {% endfor %}" }
"#;

#[test]
fn lists_stand_in_loops_and_loops_in_lists() {
    let mut scene = Scene::new();
    scene.run_file(PARTS, &[], json!({}));
    assert_eq!(scene.sent("claude"), "make api in round 1");
    scene.ends("claude", says("A1"));
    assert_eq!(scene.sent("claude"), "make web in round 1");
    assert_eq!(scene.sent("codex"), "look at api: A1 (1)", "each part goes on by itself");
    scene.ends("claude", says("W1"));
    scene.ends("codex", says("no"));
    assert_eq!(scene.sent("codex"), "look at web: W1 (1)");
    scene.ends("codex", says("fine"));
    assert_eq!(scene.sent("codex"), "look at api: A1 (2)", "the loop of one part has a round more");
    scene.ends("codex", says("fine"));
    assert_eq!(scene.sent("claude"), "api=fine web=fine A1 W1 ");
    insta::assert_snapshot!(steps(&scene), @r"
    laps Running
      part Done
        part[1] Done (api)
          make[1] Done @claude
          polish[1] Done
            look[1] Done @codex
        part[2] Done (web)
          make[2] Done @claude
          polish[2] Done
            look[2] Done @codex
      join Queued @claude
    ");
    scene.ends("claude", says("joined"));
    assert_eq!(scene.sent("claude"), "make api in round 2", "the list is met anew");
    for (who, what) in [("claude", "A2"), ("codex", "fine"), ("claude", "W2"), ("codex", "fine"), ("claude", "joined")]
    {
        scene.ends(who, says(what));
    }
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done, "{}", scene.runs());
}

const PANEL: &str = r#"
title: Panel
roles:
  panel: { prefer: [claude, codex, lint], agents: 2 }
  fixer: { prefer: [autofix], access: write }
steps:
  - id: rounds
    repeat:
      until: review.verdict == "approved"
      max: 3
      steps:
        - { id: review, role: panel, result: review, prompt: "Look. {{ review.findings | default([]) | length }}" }
        - { id: approve, needs: [review], when: round == 1, pause: { show: review } }
        - id: fix
          needs: [review, approve]
          when: review.verdict != "approved"
          role: fixer
          result: change
          findings: review.findings
          prompt: "{{ review.findings | findings_list }}"
"#;

#[test]
fn all_who_play_a_role_do_its_steps_and_their_reviews_are_one() {
    let mut scene = Scene::new();
    scene.run_file(PANEL, &[], json!({}));
    assert!(scene.channel().contains("@claude and @codex as panel"), "{}", scene.channel());
    scene.ends("codex", review(&[(3, "too long"), (9, "never used")]));
    scene.ends("claude", review(&[(3, "too long")]));
    insta::assert_snapshot!(scene.inbox(), @"p1 Step Go on with the result of `review`? [approve edit request-changes reject skip stop]");
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("f1") && document.contains("f2"), "{document}");
    // What is asked for is asked of all of them.
    scene.decide(1, Decision::RequestChanges { text: "and the tests".to_owned() }).unwrap();
    for who in ["claude", "codex"] {
        assert!(scene.sent(who).contains("> and the tests"), "{who}: {}", scene.sent(who));
    }
    scene.ends("claude", review(&[(3, "too long")]));
    scene.ends("codex", review(&[(9, "never used")]));
    let edited = scene.state.pause(PauseId(2)).unwrap().document.replacen("- [x] **f1", "- [ ] **f1", 1);
    scene.decide(2, Decision::Edit { document: edited }).unwrap();
    let told = scene.sent("autofix");
    assert!(!told.contains("too long") && told.contains("never used"), "{told}\n{}", scene.findings());
    scene.ends("autofix", done("removed"));
    scene.ends("claude", review(&[]));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Running);
    scene.ends("codex", review(&[]));
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Approved nothing material is left open
      rounds Done round 2
        review Done round 2
          review[1] Done round 2
          review[2] Done round 2
        approve Skipped round 2
        fix Skipped round 2
    ");
    assert_eq!(scene.findings().matches("fixed").count(), 1, "{}", scene.findings());
}

/// Design §8: a reviewer that did not report is not a clean round.
#[test]
fn one_who_did_not_report_has_not_approved() {
    let mut scene = Scene::new();
    let text = PANEL.replace("result: review, prompt", "result: review, on-failure: skip, prompt");
    scene.run_file(&text, &[], json!({}));
    scene.ends("claude", review(&[]));
    scene.ends("codex", fails(FailureClass::Crashed));
    scene.decide(1, Decision::Approve).unwrap();
    let run = &scene.state.runs[&RunId(1)];
    assert_ne!(run.status(), RunStatus::Approved, "{}", scene.runs());
    let said = run.step(&"review".parse().unwrap()).unwrap().result.clone().unwrap();
    let crate::outcome::TypedResult::Review(said) = &*said else { panic!("a review") };
    assert!(said.summary.contains("@codex did not report."), "{}", said.summary);
}

#[test]
fn other_results_of_several_agents_are_a_list() {
    let mut scene = Scene::new();
    let text = r#"
title: Ideas
roles:
  thinkers: { agents: [[claude, codex], [codex]] }
  chair: { prefer: [lint] }
steps:
  - { id: idea, role: thinkers, prompt: Think. }
  - { id: pick, needs: [idea], role: chair, prompt: "{% for it in idea %}{{ it.text }}; {% endfor %}{{ roles.thinkers | join(' ') }}" }
"#;
    scene.run_file(text, &[], json!({}));
    scene.ends("claude", says("one"));
    scene.ends("codex", says("two"));
    assert_eq!(scene.sent("lint"), "one; two; claude codex");
}

/// Promise 1: what a list came to is in the journal, so a hub that dies goes on in the middle of it.
#[test]
fn promise_1_a_list_is_taken_up_where_it_was() {
    let mut scene = Scene::new();
    scene.run_file(FIX_EACH, &[], json!({}));
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    scene.ends("claude", done("shortened"));
    let before = steps(&scene);
    scene.state = scene.folded();
    assert_eq!(steps(&scene), before);
    scene.restart();
    assert!(scene.sent("claude").starts_with("Mend f2"), "the turn that was on is done again, the finished one is not");
    scene.ends("claude", done("removed"));
    assert_eq!(scene.sent("lint").trim(), "f1 shortened. f2 removed.");
}

#[test]
fn a_run_never_has_more_steps_than_may_be() {
    let text = r#"
title: Many
inputs: { many: { type: list } }
roles: { writer: { prefer: [claude] } }
steps:
  - id: outer
    for-each: { in: inputs.many, as: a, at-once: 20, max: 100 }
    steps:
      - { id: inner, for-each: { in: inputs.many, as: b, max: 100 }, role: writer, prompt: "{{ a }}{{ b }}" }
"#;
    let mut scene = Scene::new();
    scene.run_file(text, &[], json!({ "many": (0..100).collect::<Vec<_>>() }));
    let run = &scene.state.runs[&RunId(1)];
    assert!(run.steps.len() <= 1_000, "{}", run.steps.len());
    let document = scene.state.pauses.front().unwrap().document.to_string();
    assert!(document.contains("and 1000 is the most"), "{document}");
    assert_eq!(written(text, &[]).all_steps().len(), 4);
}
