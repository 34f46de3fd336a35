//! The context of a step: what the check says of it, how it is rehearsed and written back.

use std::collections::BTreeMap;

use crate::workflow::{
    context::Part,
    load,
    plan::{Action, Plan},
    rehearsal::{Does, rehearse},
    write::write,
};

const TEXT: &str = "\
title: Context
inputs: { path: { type: path, default: src } }
roles:
  fixer: { prefer: [codex], access: write }
steps:
  - { id: plan, role: fixer, result: plan, prompt: Plan. }
  - { id: fix, needs: [plan], role: fixer, result: change, prompt: Mend. }
  - id: tell
    needs: [plan, fix]
    role: fixer
    prompt: Tell.
    budget: 1200
    context:
      - result: plan
      - changes: fix
      - files: \"[inputs.path, 'b.rs:3-9']\"
      - findings: open, stale
      - thread: 20
      - messages: \"['m3']\"
";

#[track_caller]
fn context(from: &str, to: &str, expected: &[(&str, &str)]) {
    assert!(TEXT.contains(from), "{from:?} is not in the workflow");
    super::check(&TEXT.replacen(from, to, 1), expected);
}

fn plan() -> Plan {
    load("test", TEXT).plan.expect("a plan")
}

#[test]
fn each_part_is_checked_where_it_is_written() {
    super::check(TEXT, &[]);
    context("result: plan\n", "result: plam\n", &[("unknown-variable", "plam")]);
    context("changes: fix", "changes: run", &[]);
    context("needs: [plan, fix]", "needs: [plan]", &[("not-needed", "fix")]);
    context("findings: open, stale", "findings: opened", &[("unknown-state", "opened")]);
    context("thread: 20", "thread: 900", &[("out-of-range", "900")]);
    context("thread: 20", "threads: 20", &[("unknown-context", "threads")]);
    context("budget: 1200", "budget: 5", &[("out-of-range", "5")]);
    context("'b.rs:3-9'", "inputs.nothing", &[("unknown-input", "nothing")]);
}

#[test]
fn it_is_written_back_as_it_was() {
    let plan = plan();
    let again = load("test", &write(&plan, "")).plan.expect("it loads");
    assert_eq!(again.steps, plan.steps);
    let Action::Turn(turn) = &plan.steps[2].action else { panic!("a turn") };
    assert_eq!((turn.context.len(), turn.budget), (6, Some(1_200)));
    assert_eq!(turn.context[1], Part::Changes { since: Some("fix".to_owned()) });
}

#[test]
fn a_rehearsal_names_what_would_be_given() {
    let steps = rehearse(&plan(), &BTreeMap::new(), &BTreeMap::new(), &[]);
    let Does::Turn { prompt, .. } = &steps[2].does else { panic!("a turn") };
    insta::assert_snapshot!(prompt, @"
    Tell.

    ‹What the workflow gives for this, 1200 tokens at most›
    ‹result: plan›
    ‹changes: fix›
    ‹files: [inputs.path, 'b.rs:3-9']›
    ‹findings: open, stale›
    ‹thread: 20›
    ‹messages: ['m3']›
    ");
}
