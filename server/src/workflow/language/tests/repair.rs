//! What mends a problem by itself.

use super::{analysis, with};

/// Applies the first repair of the first problem with this code.
#[track_caller]
fn check(text: &str, code: &str, title: &str, expected: &str) {
    let analysis = analysis(text);
    let problem = analysis.problems().iter().find(|it| it.code == code);
    let problem = problem.unwrap_or_else(|| panic!("no {code} among {:#?}", analysis.problems()));
    let repairs = analysis.repairs(problem);
    let repair = repairs.first().unwrap_or_else(|| panic!("nothing mends {problem}"));
    assert_eq!(repair.title, title);
    let mut mended = text.to_owned();
    for edit in &repair.edits {
        mended.replace_range(edit.at.clone(), &edit.text);
    }
    assert_eq!(mended, expected);
}

#[test]
fn what_was_meant_takes_the_place_of_what_is_written() {
    check(&with("[review]", "[revew]"), "unknown-step", "Change `revew` to `review`", super::REVIEW);
    check(
        &with("role: fixer", "role: \"fixr\""),
        "unknown-role",
        "Change `fixr` to `fixer`",
        &with("role: fixer", "role: \"fixer\""),
    );
    check(&with("title: Review", "titel: Review"), "unknown-field", "Change `titel` to `title`", super::REVIEW);
    check(&with("inputs.path", "inputs.pth"), "unknown-input", "Change `pth` to `path`", super::REVIEW);
    check(&with("it.text | quoted", "it.text | quotd"), "unknown-filter", "Change `quotd` to `quoted`", super::REVIEW);
    check(
        &with("{{ inputs.task }}", "{{ task }}"),
        "unknown-variable",
        "Change `task` to `inputs.task`",
        super::REVIEW,
    );
    check(&with("\"approved\"", "\"aproved\""), "unknown-verdict", "Change `aproved` to `approved`", super::REVIEW);
}

#[test]
fn a_need_that_is_missing_is_written() {
    check(&with("    needs: [review]\n", ""), "not-needed", "Write `needs: [review]` on `fix`", super::REVIEW);
    check(
        &with("needs: [review, fix]", "needs: [review]"),
        "not-needed",
        "Write `needs: [review, fix]` on `ask`",
        super::REVIEW,
    );
}

#[test]
fn fields_that_must_be_there_are_written() {
    check(&with("access: write", "access: read"), "read-only", "Let `fixer` write", super::REVIEW);
    check(
        &with("{ prefer: codex, access: write }", "{ prefer: codex }"),
        "read-only",
        "Let `fixer` write",
        &with("{ prefer: codex, access: write }", "{ access: write, prefer: codex }"),
    );
    check(&with("title: Review\n", ""), "missing", "Add a title", &with("title: Review\n", "title: Test\n"));
    check(
        &with("  fixer: { prefer: codex, access: write }\n", ""),
        "unknown-role",
        "Add the role `fixer`",
        &with("  fixer: { prefer: codex, access: write }\n", "")
            .replace("roles:\n", "roles:\n  fixer:\n    prefer: [claude, codex, gemini, amp]\n"),
    );
    check(
        "steps:\n  - id: a\n    repeat:\n      until: round > 1\n",
        "no-bound",
        "Add `max: 5`",
        "steps:\n  - id: a\n    repeat:\n      max: 5\n      until: round > 1\n",
    );
}

#[test]
fn what_is_not_used_is_removed() {
    let more = with("roles:\n", "roles:\n  other: { prefer: claude }\n");
    check(&more, "unused-role", "Remove the role `other`", super::REVIEW);
    check(&with("title: Review\n", "title: Review\nxyzzyxy: 1\n"), "unknown-field", "Remove `xyzzyxy`", super::REVIEW);
}
