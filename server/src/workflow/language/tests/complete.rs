//! What can be written at a place.

use super::{analysis, fixture, with, world};
use crate::workflow::parse;

/// Checks that these, and no others, are offered; `…` stands for any more.
#[track_caller]
fn check(source: &str, expected: &str) {
    let it = fixture(source);
    let mut items = analysis(&it.text).complete(it.cursor.expect("a cursor"), &world());
    items.sort_by(|a, b| (a.rank, &a.label).cmp(&(b.rank, &b.label)));
    let labels: Vec<&str> = items.iter().map(|it| it.label.as_str()).collect();
    if let Some(some) = expected.strip_suffix(" …") {
        let missing: Vec<&str> = some.split(' ').filter(|it| !labels.contains(it)).collect();
        assert!(missing.is_empty(), "{missing:?} are not among {labels:?}\n{source}");
    } else {
        assert_eq!(labels.join(" "), expected, "{source}");
    }
}

/// Returns the fields of a mapping of the language but these, as completion has them.
fn fields(of: &str, but: &[&str]) -> String {
    let all = parse::FIELDS.iter().find(|it| it.0 == of).expect("a mapping of the language").1;
    let mut rest: Vec<&str> = all.iter().copied().filter(|it| !but.contains(it)).collect();
    // Those that must be there stand above the others.
    rest.sort_by_key(|it| (!matches!(*it, "steps" if of == "workflow"), *it));
    rest.join(" ")
}

/// Checks the text that comes of an item.
#[track_caller]
fn chosen(source: &str, label: &str, expected: &str) {
    let it = fixture(source);
    let items = analysis(&it.text).complete(it.cursor.expect("a cursor"), &world());
    let item = items.iter().find(|it| it.label == label);
    let item = item.unwrap_or_else(|| panic!("no {label:?} among {items:?}"));
    let mut text = it.text.clone();
    text.replace_range(item.at.clone(), &item.insert);
    assert_eq!(text, expected);
}

#[test]
fn keys_are_those_of_the_schema_that_are_not_there() {
    check("$0", &fields("workflow", &[]));
    check("ti$0", &fields("workflow", &[]));
    check("title: A\n$0\nsteps: []\n", &fields("workflow", &["title", "steps"]));
    check("limits:\n  $0\n", "dollars time tokens turns");
    check("limits:\n  turns: 3\n  $0\n", "dollars time tokens");
    check("limits: { turns: 3, $0 }\n", "dollars time tokens");
    check("limits:\n  tu$0\n", "dollars time tokens turns");
    check("inputs:\n  path:\n    $0\n", "default description type");
    check("inputs:\n  path: { $0 }\n", "default description type");
    check("roles:\n  fixer:\n    prefer: codex\n    $0", &fields("role", &["prefer"]));
    check("steps:\n  - id: a\n    $0\n", &fields("step", &["id"]));
    check("steps:\n  - id: a\n    pause:\n      $0\n", "message show");
    check("steps:\n  - id: a\n    repeat:\n      $0", "max steps until …");
    check("steps:\n  - $0\n", "id copy findings …");
    check("steps:\n  - i$0\n", "id copy findings …");
    check("steps:\n  - id: a\n    on-failure:\n      $0\n", "retry then wait otherwise crashed …");
}

#[test]
fn keys_are_offered_where_the_rest_is_broken() {
    check(
        "roles:\n  a: [\nsteps:\n  - id: a\n    needs: [x, \n    $0\n  - id: b\n  \t- bad\n",
        &fields("step", &["id", "needs"]),
    );
    check("steps:\n  - id: a\n    repeat:\n      until: \"x\n      $0\n", "max steps operator prompt");
}

#[test]
fn what_is_chosen_takes_the_place_of_what_is_written() {
    chosen("ti$0\nsteps: []\n", "title", "title: \nsteps: []\n");
    chosen("ti$0tl: x\n", "title", "title: x\n");
    chosen("steps:\n  - id: a\n    pr$0\n", "prompt", "steps:\n  - id: a\n    prompt: |\n      \n");
    chosen("steps:\n  - id: a\n    pa$0\n", "pause", "steps:\n  - id: a\n    pause:\n      \n");
    chosen("limits: { tu$0 }\n", "turns", "limits: { turns:  }\n");
    chosen(&with("needs: [review]", "needs: [rev$0iew]"), "review", &with("\"", "\""));
    chosen(&with("it.text", "it.te$0xt"), "suggestion", &with("it.text", "it.suggestion"));
    chosen(&with("\"approved\"", "\"app$0\""), "changes_requested", &with("approved\"", "changes_requested\""));
}

#[test]
fn values_are_the_words_of_the_schema() {
    check("category: $0\n", "build ops review test");
    check("category: re$0\n", "build ops review test");
    check("inputs:\n  a: { type: $0 }\n", "flag list number path text");
    check("inputs:\n  a:\n    type: \"$0\"\n", "flag list number path text");
    check("roles:\n  a:\n    access: $0\n", "read write");
    check("steps:\n  - id: a\n    result: $0\n", "change plan review tests text");
    check("steps:\n  - id: a\n    on-failure: $0\n", "another fail pause skip");
    check("title: $0\n", "");
}

#[test]
fn names_are_those_of_the_file_and_of_the_world() {
    check(&with("needs: [review]", "needs: [$0]"), "review");
    check(&with("needs: [review, fix]", "needs: [review, $0]"), "fix");
    check(&with("needs: [review, fix]", "needs:\n      - $0"), "fix review");
    check(&with("needs: [review, fix]", "needs: $0"), "fix review");
    check(&with("show: fix", "show: $0"), "fix review");
    check(&with("role: fixer", "role: $0"), "fixer reviewer");
    check(&with("role: fixer", "role: \"fi$0\""), "fixer reviewer");
    check("roles:\n  a:\n    prefer: [claude, $0]\n", "lint tests codex");
    check("roles:\n  a:\n    prefer: $0\n", "claude lint tests codex");
    check("roles:\n  a:\n    good-for: $0\n", "review …");
    check("steps:\n  - id: a\n    tool: $0\n", "lint tests");
    check("channel: $0\n", "main ops");
    check("inputs:\n  $0\n", "");
}

#[test]
fn expressions_have_what_is_in_reach() {
    let words = "inputs roles round run false none not true";
    check(&with("when: review.verdict != \"approved\"", "when: $0"), &format!("review {words}"));
    check(&with("review.verdict != \"approved\"", "re$0"), &format!("review {words}"));
    check(&with("review.verdict != \"approved\"", "round > 1 and $0"), &format!("review {words}"));
    check(&with("review.verdict", "review.$0"), "all contested declined findings summary verdict");
    check(&with("review.verdict != \"approved\"", "review.verdict == \"$0"), "approved changes_requested");
    check(&with("review.verdict != \"approved\"", "review.verdict $0"), "and else if in is not in or");
    check(&with("review.verdict != \"approved\"", "review is $0"), "boolean defined divisibleby …");
    check(&with("findings: review.findings", "findings: review.findings | $0"), "fenced findings_list json quoted …");
}

#[test]
fn prompts_have_what_is_in_reach_and_know_types() {
    let words = "inputs roles round run false none not true";
    check(&with("Fix this:", "Fix {{ $0 }}"), &format!("review {words}"));
    check(&with("Fix this:", "Fix {{ $0"), &format!("review {words}"));
    check(&with("Fix this:", "Fix this$0:"), "");
    check(&with("{{ inputs.path }}", "{{ inputs.$0 }}"), "path task");
    check(&with("{{ inputs.path }}", "{{ inputs.pa$0"), "path task");
    check(&with("roles.fixer", "roles.$0"), "fixer reviewer");
    check(&with("fix.summary", "fix.$0"), "declined files fixed summary");
    check(
        &with("it.text", "it.$0"),
        "code column declined excerpt id line path severity sources state suggestion text",
    );
    check(&with("it.text", "it.severity == \"$0"), "error hint info warning");
    check(&with("it.text", "$0"), &format!("it loop review {words}"));
    check(&with("it.text | quoted", "it.text | $0"), "fenced findings_list json quoted …");
    check(&with("{% for it in", "{% $0 it in"), "elif else endfor endif for if");
    check(
        &with("Fix this:", "{{ review.findings[0].$0 }}"),
        "code column declined excerpt id line path severity sources state suggestion text",
    );
    check(
        &with("Fix this:", "{% for a in review.findings | sort %}{{ a.$0 }}"),
        "code column declined excerpt id line path severity sources state suggestion text",
    );
    // What is broken behind the cursor does no harm.
    check(&with("Fix this:", "{{ review.$0 }} {% if %} {{ ("), "all contested declined findings summary verdict");
    check(&with("Fix this:", "{{ nothing.$0 }}"), "");
}

#[test]
fn a_pause_has_the_shape_of_what_it_shows() {
    let after = "  - id: end\n    needs: [ask]\n    role: fixer\n    prompt: See {{ ask.$0 }}\n";
    check(&(super::REVIEW.to_owned() + after), "decision declined files fixed note summary");
}

#[test]
fn a_form_of_its_own_is_known() {
    let text = "\
steps:
  - id: plan
    role: a
    result:
      json: { type: object, properties: { parts: { type: array, items: { properties: { name: {} } } } } }
    prompt: x
  - id: b
    needs: [plan]
    role: a
    prompt: |
      {% for it in plan.value.parts %}{{ it.$0 }}
";
    check(text, "name");
    check(&text.replace("it.$0", "plan.value.$0"), "parts");
}

#[test]
fn quotes_and_escapes_do_not_hide_an_expression() {
    check(&with("review.verdict != \"approved\"", "'review.verdict == ''$0'"), "approved changes_requested");
    check(&with("review.verdict != \"approved\"", "\"review.verdict == \\\"$0\""), "approved changes_requested");
    check(&with("review.verdict != \"approved\"", "\"review.$0"), "all contested declined findings summary verdict");
}

#[test]
fn comments_are_left_alone() {
    check("# ti$0\n", "");
    check("title: A # $0\n", "");
}

#[test]
fn what_is_done_for_each_of_a_list_has_its_item() {
    let text = "\
roles:
  a: { prefer: claude }
steps:
  - id: look
    role: a
    result: review
    prompt: Look.
  - id: each
    needs: [look]
    for-each: { in: look.findings, as: finding }
    role: a
    prompt: Mend {{ finding.$0 }}.
  - id: end
    needs: [each]
    role: a
    prompt: |
      {% for it in each %}{{ it.text }}{% endfor %}
";
    check(text, "code column declined excerpt id line path severity sources state suggestion text");
    check(&text.replace("finding.$0", "x").replace("it.text", "it.$0"), "text");
    check(
        &text.replace("finding.$0", "x").replace("look.findings", "look.$0"),
        "all contested declined findings summary verdict",
    );
}
