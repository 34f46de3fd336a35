//! A file's parts, what folds, and how it is started.

use std::fmt::Write as _;

use super::{REVIEW, analysis};
use crate::workflow::language::symbols::Symbol;

fn draw(symbols: &[Symbol], depth: usize, text: &str, out: &mut String) {
    for it in symbols {
        let _ = writeln!(out, "{}{} [{}] {:?}", "  ".repeat(depth), it.name, it.detail, &text[it.at.clone()]);
        draw(&it.children, depth + 1, text, out);
    }
}

#[test]
fn steps_stand_in_their_loops() {
    let text = "title: A\nroles:\n  a: {}\nsteps:\n  - id: l\n    repeat:\n      max: 2\n      steps:\n        - id: x\n          tool: tests\n        - title: [\n";
    let mut out = String::new();
    draw(&analysis(text).symbols(), 0, text, &mut out);
    insta::assert_snapshot!(out, @r#"
    title [A] "title"
    roles [] "roles"
      a [a role] "a"
    steps [] "steps"
      l [a loop] "l"
        x [@tests gives tests] "x"
        (no id) [] ""
    "#);
}

#[test]
fn what_goes_over_lines_folds() {
    let folds =
        analysis("title: A\nroles:\n  a:\n    prefer: x\nsteps:\n  - id: b\n    prompt: |\n      one\n      two\n\n")
            .folds();
    assert_eq!(folds, [(1, 3), (2, 3), (4, 8), (5, 8), (6, 8)]);
}

#[test]
fn a_workflow_that_can_be_run_says_what_it_must_be_told() {
    let start = analysis(REVIEW).start().expect("it can be run");
    assert_eq!((start.missing.as_slice(), start.inputs.len()), (&["task".to_owned()][..], 0));
    assert_eq!(&REVIEW[start.at], "title");
    assert_eq!(analysis(&REVIEW.replace("needs: [review]", "needs: [x]")).start(), None);
}
