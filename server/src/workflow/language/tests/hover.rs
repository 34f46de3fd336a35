//! What is said of a place.

use super::{analysis, fixture, with, world};

#[track_caller]
fn check(source: &str, at: &str, says: &str) {
    let it = fixture(source);
    let hover = analysis(&it.text).hover(it.cursor.expect("a cursor"), &world());
    let hover = hover.unwrap_or_else(|| panic!("nothing is said\n{source}"));
    assert_eq!(&it.text[hover.at.clone()], at, "{hover:?}");
    assert!(hover.text.contains(says), "{:?} does not say {says:?}", hover.text);
}

#[track_caller]
fn nothing(source: &str) {
    let it = fixture(source);
    assert_eq!(analysis(&it.text).hover(it.cursor.expect("a cursor"), &world()), None, "{source}");
}

#[test]
fn a_key_says_what_it_is_for() {
    check("ti$0tle: A\n", "title", "One line that says what it does.");
    check("category$0: review\n", "category", "One of `review`, `build`, `test`, `ops`.");
    check("limits: { $0turns: 3 }\n", "turns", "From 1 to 1000.");
    check(&with("    needs: [review]", "    nee$0ds: [review]"), "needs", "must be over before it starts");
    check(&with("prompt: |\n      Fix", "pro$0mpt: |\n      Fix"), "prompt", "What the agent is told");
    check("steps:\n  - id: a\n    needs: [b\n    prom$0pt: x\n", "prompt", "What the agent is told");
    nothing("nonsense$0: A\n");
}

#[test]
fn a_name_says_what_it_stands_for() {
    check(&with("needs: [review]", "needs: [$0review]"), "review", "step **review**: Look");
    check(&with("needs: [review]", "needs: [$0review]"), "review", "reviewer gives review");
    check(&with("role: fixer", "role: $0fixer"), "fixer", "Preferred: @codex");
    check(&with("show: fix", "show: $0fix"), "fix", "only when `review.verdict != \"approved\"`");
    check(&with("prefer: codex", "prefer: co$0dex"), "codex", "It can't be used here");
    check(&with("  path: {", "  pa$0th: {"), "path", "input **path** (path): What to look at.");
    check("category: rev$0iew\n", "review", "Looks at code.");
    nothing(&with("needs: [review]", "needs: [no$0body]"));
}

#[test]
fn an_expression_says_its_type() {
    check(&with("when: review", "when: re$0view"), "review", "- `verdict` (\"approved\" | \"changes_requested\")");
    check(&with("review.verdict", "review.ver$0dict"), "verdict", "\"approved\" | \"changes_requested\"");
    check(&with("inputs.path }}", "inputs.pa$0th }}"), "path", "Its default is `\".\"`");
    check(&with("inputs.path }}", "inp$0uts.path }}"), "inputs", "by the inputs' names");
    check(&with("roles.fixer", "roles.fi$0xer"), "fixer", "May read and write");
    check(&with("it.text", "it.te$0xt"), "text", "What is wrong and why it matters.");
    check(&with("{{ it.text", "{{ i$0t.text"), "it", "A remark on the code.");
    check(&with("| quoted", "| quo$0ted"), "quoted", "as a quotation");
    check(&with("fix.summary }}", "fix.sum$0mary | oops( }}"), "summary", "What was changed");
    nothing(&with("Fix this", "F$0ix this"));
    nothing(&with("{% for", "{% f$0or"));
}
