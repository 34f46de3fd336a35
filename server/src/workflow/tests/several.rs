//! Lists, roles that several agents play, and nested workflows: what the check says of them, and how they are rehearsed and
//! written back.

use std::collections::BTreeMap;

use serde_json::json;

use super::{super::rehearsal::Does, *};
use crate::workflow::{plan::Plan, rehearsal::rehearse, write::write};

const EACH: &str = "\
title: Each
inputs:
  files: { type: list, default: [a, b] }
roles:
  fixer: { prefer: [codex], access: write }
  panel: { prefer: [claude, codex], agents: 2 }
steps:
  - id: look
    role: panel
    result: review
    prompt: Look.
  - id: fix
    needs: [look]
    for-each: { in: look.findings, as: finding, at-once: 3, max: 10 }
    role: fixer
    result: change
    prompt: Mend {{ finding.text }}.
  - id: end
    needs: [fix]
    role: fixer
    prompt: '{% for it in fix %}{{ it.summary }}{% endfor %}'
";

#[track_caller]
fn each(from: &str, to: &str, expected: &[(&str, &str)]) {
    assert!(EACH.contains(from), "{from:?} is not in the workflow");
    super::check(&EACH.replacen(from, to, 1), expected);
}

#[test]
fn a_list_is_checked_where_it_is_written() {
    super::check(EACH, &[]);
    each("in: look.findings, ", "", &[("missing", "for-each")]);
    each("in: look.findings", "in: fix.findings", &[("not-needed", "fix"), ("unknown-attribute", "findings")]);
    each("in: look.findings", "in: finding.x", &[("unknown-variable", "finding")]);
    each("in: look.findings", "in: '3'", &[("no-list", "'3'")]);
    each("as: finding", "as: end", &[("duplicate-id", "end"), ("unknown-variable", "finding")]);
    each("as: finding", "as: round", &[("reserved", "round"), ("unknown-variable", "finding")]);
    each("at-once: 3", "at-once: 21", &[("out-of-range", "21")]);
    each("max: 10", "max: 101", &[("out-of-range", "101")]);
    each("as: finding", "at: finding", &[("unknown-field", "at"), ("unknown-variable", "finding")]);
    // Outside the list its results are several.
    each("{% for it in fix %}{{ it.summary }}{% endfor %}", "{{ fix.summary }}", &[("list", "summary")]);
    each("{% for it in fix %}{{ it.summary }}{% endfor %}", "{{ fix[0].summary }}{{ fix | length }}", &[]);
    each("{% for it in fix %}{{ it.summary }}{% endfor %}", "{{ finding }}", &[("unknown-variable", "finding")]);
    each(
        "    role: fixer\n    prompt: '{%",
        "    pause: { show: fix }\n    prompt: '{%",
        &[("list", "fix"), ("no-turn", "'{% for it in fix %}{{ it.summary }}{% endfor %}'")],
    );
    let alone = "title: T\nsteps:\n  - id: a\n    steps:\n      - { id: b, tool: tests }\n";
    super::check(alone, &[("no-for-each", "steps")]);
}

#[test]
fn steps_for_an_item_stand_in_its_list() {
    let group = |prompt: &str, after: &str| {
        format!(
            "title: T\ninputs: {{ files: {{ type: list }} }}\nroles: {{ r: {{ prefer: [claude] }} }}\nsteps:\n  - id: part\n    \
             for-each: inputs.files\n    steps:\n      - {{ id: a, role: r, prompt: 'x {{{{ item }}}}' }}\n      - {{ id: b, \
             needs: [a], role: r, prompt: '{prompt}' }}\n  - {{ id: z, needs: [part], role: r, prompt: '{after}' }}\n"
        )
    };
    super::check(&group("{{ a.text }} {{ item }}", "{% for it in part %}{{ it.text }}{% endfor %}"), &[]);
    super::check(&group("{{ a.text }}", "{% for it in a %}{{ it.text }}{% endfor %}"), &[]);
    super::check(&group("{{ a.txt }}", "{{ a.text }}"), &[("unknown-attribute", "txt"), ("list", "text")]);
    let unordered = group("{{ a.text }}", "x").replace("needs: [a], ", "");
    super::check(&unordered, &[("not-needed", "a")]);
    let result = format!("{}result: b\n", group("x", "x"));
    super::check(&result, &[("no-result", "b")]);
    super::check(&result.replace("result: b", "result: nope"), &[("unknown-step", "nope")]);
    super::check(&result.replace("result: b", "result: z"), &[]);
}

#[test]
fn several_agents_are_checked() {
    each("agents: 2", "agents: 1", &[("out-of-range", "1")]);
    each("agents: 2", "agents: [claude, [codex, lint]]", &[]);
    each("agents: 2", "agents: [claude]", &[("out-of-range", "[")]);
    each("agents: 2", "agents: many", &[("wrong-kind", "many")]);
    each("prefer: [claude, codex], agents: 2", "agents: 2", &[("nobody", "panel")]);
    each("prefer: [claude, codex], agents: 2", "agents: [claude, codex]", &[]);
    // Reviews become one; what else they give stays apart.
    let told = EACH.replace("    result: review\n", "    result: plan\n").replace("look.findings", "look.steps");
    super::check(&told, &[("list", "steps")]);
}

fn find<'a>(others: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Result<String, String> + 'a {
    move |name| {
        let found = others.iter().find(|it| it.0 == name);
        found.map(|it| it.1.to_owned()).ok_or_else(|| format!("there is no workflow {name:?}"))
    }
}

#[track_caller]
fn nests(text: &str, others: &[(&str, &str)], expected: &[(&str, &str, &str)]) -> Option<Plan> {
    let loaded = load_among("test", text, &find(others));
    let found: Vec<(&str, &str)> =
        loaded.problems.iter().map(|it| (it.code, &text[it.place.start..it.place.end])).collect();
    let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected.iter().map(|it| (it.0, it.1)).collect::<Vec<_>>(), "{told:#?}\n{text}");
    for (it, (_, _, wants)) in told.iter().zip(expected) {
        assert!(it.contains(wants), "{it} does not say {wants:?}");
    }
    loaded.plan
}

const OUTER: &str = "\
title: Outer
roles:
  fixer: { prefer: [codex], access: write }
steps:
  - id: inner
    workflow: good
    inputs: { path: \"'src'\" }
    roles: { fixer: fixer }
  - id: end
    needs: [inner]
    role: fixer
    prompt: '{{ inner.summary }}'
";

#[test]
fn a_nested_workflow_is_checked_with_the_one_around_it() {
    let good = [("good", GOOD)];
    let plan = nests(OUTER, &good, &[]).unwrap();
    assert_eq!(plan.roles.iter().map(|it| it.id.to_string()).collect::<Vec<_>>(), ["fixer", "inner/reviewer"]);
    nests(
        &OUTER.replace("workflow: good", "workflow: god"),
        &good,
        &[("unknown-workflow", "god", "there is no workflow")],
    );
    nests(&OUTER.replace("path:", "pth:"), &good, &[("unknown-input", "pth", "`path`")]);
    nests(&OUTER.replace("\"'src'\"", "src"), &good, &[("unknown-variable", "src", "no `src`")]);
    nests(&OUTER.replace("fixer: fixer", "fixr: fixer"), &good, &[("unknown-role", "fixr", "`fixer`")]);
    nests(&OUTER.replace("fixer: fixer", "fixer: x"), &good, &[("unknown-role", "x", "no role")]);
    nests(&OUTER.replace(", access: write", ""), &good, &[("read-only", "fixer", "has to write")]);
    nests(&OUTER.replace("inner.summary", "inner.verdict"), &good, &[("unknown-attribute", "verdict", "no `verdict`")]);
    let none = [("no-workflow", "path", "for another workflow"), ("no-workflow", "fixer", "for another workflow")];
    nests(&OUTER.replace("    workflow: good\n", "    tool: tests\n"), &good, &none);
    let needy = GOOD.replace(", default: '.'", "");
    let silent = OUTER.replace("    inputs: { path: \"'src'\" }\n", "");
    nests(&silent, &[("good", &needy)], &[("missing", "good", "wants to be told `path`")]);
    let broken = GOOD.replace("needs: [review]", "needs: [revue]");
    nests(OUTER, &[("good", &broken)], &[("broken-workflow", "good", "there is no step `revue`")]);
}

#[test]
fn workflows_that_do_each_other_are_told_by_the_way_round() {
    let to = |name: &str| format!("title: T\nsteps:\n  - {{ id: s, workflow: {name} }}\n");
    nests(&to("test"), &[], &[("cycle", "test", "`test` does `test`")]);
    nests(
        &to("a"),
        &[("a", &to("b")), ("b", &to("test"))],
        &[("broken-workflow", "a", "`test` does `a` does `b` does `test`")],
    );
    let leaf = "title: T\nsteps:\n  - { id: s, tool: tests }\n";
    let deep = [("a", to("b")), ("b", to("c")), ("c", to("d")), ("d", to("e")), ("e", leaf.to_owned())];
    let deep: Vec<(&str, &str)> = deep.iter().map(|it| (it.0, it.1.as_str())).collect();
    nests(&to("b"), &deep, &[]);
    nests(&to("a"), &deep, &[("broken-workflow", "a", "more than 4 deep")]);
    let steps: String = (0..150).map(|it| format!("  - {{ id: s{it}, tool: tests }}\n")).collect();
    let large = format!("title: T\nsteps:\n{steps}");
    let twice = "title: T\nsteps:\n  - { id: a, workflow: large }\n  - { id: b, workflow: large }\n";
    nests(twice, &[("large", &large)], &[("too-large", "large", "more than 200 steps")]);
}

/// What a run did can be taken as a workflow again, with its lists and all that it nests.
#[test]
fn lists_and_nested_workflows_read_back_as_they_were() {
    let others = [("good", GOOD)];
    let nested = OUTER.replace(
        "  - id: end",
        "  - id: more\n    for-each: '[\"a\", \"b\"]'\n    workflow: good\n    inputs: { path: item }\n  - id: end",
    );
    let seats = EACH.replace("agents: 2", "agents: [claude, [codex, lint]]") + "result: look\n";
    for text in [EACH, OUTER, &nested, &seats] {
        let plan = load_among("test", text, &find(&others)).plan.unwrap();
        let again = write(&plan, "Again.");
        let loaded = load_among("test", &again, &find(&others));
        assert_eq!(loaded.problems, [], "{again}");
        assert_eq!(Plan { hash: plan.hash.clone(), ..loaded.plan.unwrap() }, plan, "{again}");
    }
}

#[test]
fn a_rehearsal_shows_the_first_item_and_what_is_nested() {
    let text = OUTER.replace("  - id: end", "  - id: more\n    for-each: '[\"a.rs\", \"b.rs\"]'\n    workflow: good\n    inputs: { path: item }\n  - id: end");
    let plan = load_among("test", &text, &find(&[("good", GOOD)])).plan.unwrap();
    let cast = plan.roles.iter().map(|it| (it.id.clone(), it.prefer.clone())).collect();
    let steps = rehearse(&plan, &BTreeMap::new(), &cast, &[]);
    let ids: Vec<String> = steps.iter().map(|it| format!("{}{}", "  ".repeat(it.depth), it.id)).collect();
    let wants =
        ["inner", "  inner/review", "  inner/fix", "more", "  more[1]", "    more/review", "    more/fix", "end"];
    assert_eq!(ids, wants);
    let prompt = |at: usize| match &steps[at].does {
        Does::Turn { prompt, fault: None, .. } => prompt.clone(),
        other => panic!("{other:?}"),
    };
    assert!(prompt(1).starts_with("Review src."), "{}", prompt(1));
    assert!(prompt(5).starts_with("Review a.rs."), "{}", prompt(5));
    assert!(prompt(7).contains("‹what fix says it changed›"), "{}", prompt(7));
    assert!(matches!(&steps[3].does, Does::Each { items, .. } if *items == [json!("a.rs"), json!("b.rs")]));

    let plan = load("test", EACH).plan.unwrap();
    let cast = plan.roles.iter().map(|it| (it.id.clone(), it.prefer.clone())).collect();
    let steps = rehearse(&plan, &BTreeMap::new(), &cast, &[]);
    let Does::Turn { prompt, agent, .. } = &steps[1].does else { panic!("a turn") };
    assert_eq!((prompt.lines().next(), agent.as_ref().unwrap().as_str()), (Some("Look."), "claude"));
    let Does::Turn { prompt, .. } = &steps[3].does else { panic!("a turn") };
    assert!(prompt.starts_with("Mend ‹a finding of look›."), "{prompt}");
}

#[test]
fn a_schema_that_nobody_can_keep_is_told_where_it_is() {
    let with = |schema: &str| {
        format!(
            "title: T\nroles: {{ r: {{ prefer: [claude] }} }}\nsteps:\n  - {{ id: a, role: r, prompt: x, result: {{ json: {schema} }} }}\n"
        )
    };
    super::check(&with("{ type: object }"), &[]);
    for (schema, code) in
        [("{ requierd: [a] }", "unchecked"), ("{ type: text }", "bad-schema"), ("{ pattern: '(' }", "bad-schema")]
    {
        let text = with(schema);
        let problems = load("t", &text).problems;
        assert_eq!(problems.iter().map(|it| it.code).collect::<Vec<_>>(), [code], "{problems:?}");
        assert!(text[problems[0].place.start..].starts_with('{'), "{problems:?}");
    }
}
