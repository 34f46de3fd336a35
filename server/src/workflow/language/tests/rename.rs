//! Another name, everywhere, or a reason.

use super::{analysis, fixture, with};

#[track_caller]
fn check(source: &str, to: &str, expected: &str) {
    let it = fixture(source);
    let mut edits = analysis(&it.text).rename(it.cursor.expect("a cursor"), to).expect("it can be renamed");
    let mut text = it.text.clone();
    edits.sort_by_key(|it| std::cmp::Reverse(it.at.start));
    for edit in edits {
        text.replace_range(edit.at, &edit.text);
    }
    assert_eq!(text, expected);
}

#[track_caller]
fn refused(source: &str, to: &str, why: &str) {
    let it = fixture(source);
    let told = analysis(&it.text).rename(it.cursor.expect("a cursor"), to).expect_err("it is refused");
    assert!(told.contains(why), "{told:?} does not say {why:?}");
}

#[test]
fn a_step_is_renamed_in_prompts_too() {
    let to = super::REVIEW.replace("id: review", "id: look").replace("[review", "[look").replace("review.", "look.");
    check(&with("id: review", "id: rev$0iew"), "look", &to);
    check(&with("it in review", "it in revi$0ew"), "look", &to);
}

#[test]
fn a_role_and_an_input_are_renamed() {
    let role = super::REVIEW.replace("fixer", "mender");
    check(&with("role: fixer", "role: f$0ixer"), "mender", &role);
    check(&with("roles.fixer", "roles.fixer$0"), "mender", &role);
    let input = super::REVIEW.replace("  path: {", "  place: {").replace("inputs.path", "inputs.place");
    check(&with("inputs.path", "inputs.$0path"), "place", &input);
    check(
        "inputs:\n  a$0: {}\nsteps:\n  - id: x\n    paths: \"inputs['a']\"\n",
        "b",
        "inputs:\n  b: {}\nsteps:\n  - id: x\n    paths: \"inputs['b']\"\n",
    );
}

#[test]
fn what_would_be_wrong_is_refused_with_a_reason() {
    refused(&with("id: review", "id: rev$0iew"), "fix", "there is a step `fix` already");
    refused(&with("id: review", "id: rev$0iew"), "Re view", "is no name for a step");
    refused(&with("id: review", "id: rev$0iew"), "inputs", "a word of expressions");
    refused(&with("id: review", "id: rev$0iew"), "it", "calls something `it`");
    refused(&with("role: fixer", "role: f$0ixer"), "the-fixer", "would be a subtraction");
    refused(&with("prefer: codex", "prefer: cod$0ex"), "claude", "is named by its profile");
    refused(&with("Fix this", "Fi$0x this"), "x", "no name of a step");
    refused("steps:\n  - id: a\n    needs: [b$0]\n", "c", "is not defined");
    refused("steps:\n  - id: a$0\n  - id: a\n", "c", "defined 2 times");
    refused(&with("fix.summary", "fix.(").replacen("id: fix", "id: fi$0x", 1), "mend", "on line 31 can't be read");
}

#[test]
fn the_rest_may_be_broken() {
    check(
        "roles:\n  a: [\nsteps:\n  - id: x$0\n  - id: y\n    needs: [x,\n    prompt: See {{ x.text }}\n",
        "z",
        "roles:\n  a: [\nsteps:\n  - id: z\n  - id: y\n    needs: [z,\n    prompt: See {{ z.text }}\n",
    );
}
