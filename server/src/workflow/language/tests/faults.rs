//! What is wrong with a workflow, at its characters, while it is broken too.

use super::{analysis, fixture, marked};

#[track_caller]
fn check(source: &str) {
    let it = fixture(source);
    let found: Vec<_> = analysis(&it.text)
        .problems()
        .iter()
        .map(|it| (it.place.start..it.place.end.max(it.place.start + 1), it.code.to_owned()))
        .collect();
    assert_eq!(marked(&it.text, &found), marked(&it.text, &it.marks));
}

#[test]
fn each_problem_is_at_its_characters() {
    check(
        "\
title: A
roles:
  a: { prefer: claude }
  b: { prefer: claude }
  ^ unused-role
steps:
  - id: look
    role: a
    result: reviews
            ^^^^^^^ unknown-result
    prompt: |
      Look at {{ inputs.path }}
                        ^^^^ unknown-input
  - id: fix
    needs: [lok]
            ^^^ unknown-step
    role: ab
          ^^ unknown-role
    prompt: Fix {{ look.text }}
                   ^^^^ not-needed
",
    );
}

#[test]
fn a_line_that_is_no_yaml_does_not_hide_the_rest() {
    check(
        "\
title: A
roles:
  a: { prefer: claude }
  ^ unused-role
  b
  ^ yaml
steps:
  - id: look
    role: aa
          ^^ unknown-role
    prompt: Look
",
    );
}
