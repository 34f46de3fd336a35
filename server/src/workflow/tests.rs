//! Text in, problems out: each mistake by its code, and by the text that it covers.

use proptest::prelude::*;

use super::{library::BUILT_IN as TEMPLATES, *};
use crate::{
    ids::StepId,
    outcome::{FailureClass, ResultKind},
    workflow::plan::{Action, After, FailureAction},
};

mod context;
mod several;

/// A workflow with no problem, for tests that break one thing.
const GOOD: &str = "\
title: Good
inputs:
  path: { type: path, default: '.' }
roles:
  reviewer: { prefer: [claude, lint] }
  fixer: { prefer: codex, access: write }
steps:
  - id: review
    role: reviewer
    result: review
    prompt: Review {{ inputs.path }}.
  - id: fix
    needs: [review]
    when: review.verdict != \"approved\"
    role: fixer
    result: change
    findings: review.findings
    prompt: |
      Fix this:
      {{ review.findings | findings_list }}
";

/// Loads a built-in workflow.
fn template(name: &str) -> Loaded {
    let (name, text) = TEMPLATES.iter().find(|it| it.0 == name).expect("a built-in workflow");
    load(name, text)
}

/// Checks that `text` has exactly these problems: code, and what the place covers.
#[track_caller]
fn check(text: &str, expected: &[(&str, &str)]) {
    let loaded = load("test", text);
    let found: Vec<(&str, &str)> =
        loaded.problems.iter().map(|it| (it.code, &text[it.place.start..it.place.end])).collect();
    let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(found, expected, "{told:#?}\n{text}");
    assert_eq!(loaded.plan.is_some(), !loaded.problems.iter().any(Problem::is_error), "a plan, or errors");
}

/// Checks the good workflow with `from` replaced by `to`.
#[track_caller]
fn broken(from: &str, to: &str, expected: &[(&str, &str)]) {
    assert!(GOOD.contains(from), "{from:?} is not in the good workflow");
    check(&GOOD.replacen(from, to, 1), expected);
}

#[test]
fn the_templates_have_no_problem() {
    check(GOOD, &[]);
    for (name, text) in TEMPLATES {
        let loaded = load(name, text);
        assert_eq!(loaded.problems, [], "{name}");
        assert_eq!(loaded.plan.expect("a plan").name, name);
    }
}

#[test]
fn a_plan_holds_what_the_file_says() {
    let plan = template("review-fix").plan.expect("a plan");
    assert_eq!(plan.hash.len(), 64);
    assert_eq!(plan.limits.turns, 20);
    assert_eq!(plan.limits.tokens, plan::Limits::default().tokens);
    let ids: Vec<&str> = plan.all_steps().iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["rounds", "review", "tests", "approve", "fix"]);
    let fix = plan.step(&"fix".parse::<StepId>().expect("an id")).expect("fix");
    let Action::Turn(turn) = &fix.action else { panic!("fix takes a turn") };
    assert_eq!((turn.result.name(), turn.findings.as_deref()), ("change", Some("review.findings")));
    let tests = plan.step(&"tests".parse::<StepId>().expect("an id")).expect("tests");
    let Action::Turn(turn) = &tests.action else { panic!("tests takes a turn") };
    assert_eq!((&turn.result, turn.time), (&ResultKind::Tests, Some(1_800_000)));
    let build = template("build-test").plan.expect("a plan");
    let step = build.step(&"build".parse::<StepId>().expect("an id")).expect("build");
    assert_eq!(
        step.on_failure.classes[&FailureClass::Overloaded],
        FailureAction::Retry { times: 2, wait: 30_000, after: After::Another }
    );
    assert_eq!(step.on_failure.otherwise, FailureAction::Pause);
    // A plan goes through the journal and comes back the same.
    let json = serde_json::to_string(&plan).expect("JSON");
    assert_eq!(serde_json::from_str::<plan::Plan>(&json).expect("a plan"), plan);
}

/// Renders every template and evaluates every expression of a plan that may be looked at in this context.
#[track_caller]
fn try_all(plan: &plan::Plan, context: &serde_json::Value, prompts: &[&str]) -> String {
    let serde_json::Value::Object(map) = context.clone() else { unreachable!("a context is an object") };
    let context = prompt::Context::new(map);
    let mut all = String::new();
    for step in plan.all_steps() {
        let name = step.id.as_str();
        let value = |it: &str| prompt::evaluate(it, &context).unwrap_or_else(|error| panic!("{name}: {it}: {error}"));
        step.when.as_deref().map(value);
        match &step.action {
            Action::Repeat(it) => drop(value(&it.until)),
            Action::Pause(it) => drop(prompt::render(&it.message, &context).expect(name)),
            Action::Each(it) => {
                if let plan::Over::List(list) = &it.over {
                    drop(value(list));
                }
            }
            Action::Group(_) | Action::Nested(_) => {}
            Action::Turn(it) => {
                it.paths.as_deref().map(value);
                it.findings.as_deref().map(value);
                if prompts.contains(&name) {
                    all += &prompt::render(&it.prompt, &context).unwrap_or_else(|error| panic!("{name}: {error}"));
                }
            }
        }
    }
    all
}

/// What is not there in the first round, or was skipped, does not stop a template.
#[test]
fn the_templates_prompts_can_be_written_in_every_round() {
    let plan = |name: &str| template(name).plan.expect("a plan");
    let inputs = serde_json::json!({ "path": "src/a.rs", "focus": "", "task": "Do it.\nWell." });
    let first = serde_json::json!({
        "inputs": inputs, "round": 1, "run": { "id": "r1", "workflow": "w" }, "roles": {},
        "rounds": null, "review": null, "tests": null, "approve": null, "fix": null, "build": null,
    });
    assert!(try_all(&plan("review-file"), &first, &["review"]).starts_with("Review `src/a.rs` as the senior engineer"));
    assert!(try_all(&plan("review-fix"), &first, &["review"]).starts_with("Review `src/a.rs` as the senior engineer"));
    assert!(try_all(&plan("build-test"), &first, &["build"]).contains("> Do it.\n> Well.\n"));
    let finding = serde_json::json!({ "id": "f1", "severity": "error", "path": "src/a.rs", "line": 3, "code": null, "text": "It fails.", "suggestion": null });
    let failure = serde_json::json!({ "name": "it_works", "message": "```\nleft: 1" });
    let second = serde_json::json!({
        "inputs": inputs, "round": 2, "run": { "id": "r1", "workflow": "w" }, "roles": {}, "rounds": null, "approve": null,
        "review": { "verdict": "changes_requested", "summary": "", "findings": [finding], "contested": [], "all": [finding], "declined": [] },
        "tests": { "verdict": "failed", "summary": "1 failed", "passed": 0, "failed": 1, "failures": [failure] },
        "fix": { "summary": "I did.\n```", "files": [], "fixed": [], "declined": [{ "finding": "f1", "reason": "It is right." }] },
        "build": { "summary": "Built.", "files": [], "fixed": [], "declined": [] },
    });
    let prompts = try_all(&plan("review-fix"), &second, &["review", "fix"]);
    for part in [
        "This is round 2",
        "````\nI did.\n```\n````",
        "1. **f1** error at `src/a.rs:3`: It fails.",
        "f1:\n> It is right.",
        "The tests fail as well: 1 failed",
        "- it_works",
    ] {
        assert!(prompts.contains(part), "{part:?} is missing in\n{prompts}");
    }
    assert!(try_all(&plan("build-test"), &second, &["build"]).contains("The tests fail: 1 failed"));
    // The conditions that end the loop and skip the fixer.
    let mut done = second;
    done["review"]["verdict"] = "approved".into();
    done["tests"] = serde_json::Value::Null;
    let serde_json::Value::Object(map) = done else { unreachable!() };
    let (plan, context) = (plan("review-fix"), prompt::Context::new(map));
    let Action::Repeat(rounds) = &plan.steps[0].action else { unreachable!() };
    assert_eq!(prompt::truthy(&rounds.until, &context), Ok(true));
    let fix = plan.all_steps()[4].when.as_deref().expect("a condition");
    assert_eq!(prompt::truthy(fix, &context), Ok(false));
}

#[test]
fn fields_that_are_not_there_are_told_at_their_key() {
    broken("result: review", "reslt: review", &[("unknown-field", "reslt")]);
    assert!(load("t", &GOOD.replace("result: review", "reslt: review")).problems[0].mend.contains("`result`"));
    broken("title: Good", "titel: Good", &[("missing", ""), ("unknown-field", "titel")]);
    broken("    role: reviewer", "    max: 3\n    role: reviewer", &[("unknown-field", "max")]);
    broken(
        "prefer: codex, access: write",
        "prefer: codex, acces: write",
        &[("unknown-field", "acces"), ("read-only", "change")],
    );
    // All at once, not the first alone.
    let text = GOOD.replace("result: review", "a: 1\n    b: 2").replace("findings: review.findings", "c: 1");
    check(&text, &[("unknown-field", "a"), ("unknown-field", "b"), ("unknown-field", "c")]);
}

#[test]
fn names_are_checked_where_they_stand() {
    broken("id: fix", "id: review", &[("duplicate-id", "review")]);
    broken("id: fix", "id: fix-it", &[("bad-name", "fix-it")]);
    broken("id: fix", "id: inputs", &[("reserved", "inputs")]);
    broken("role: fixer", "role: fixr", &[("unused-role", "fixer"), ("unknown-role", "fixr")]);
    broken("prefer: codex, ", "", &[("nobody", "fixer")]);
    broken("prefer: codex, ", "good-for: fix, ", &[]);
    broken("prefer: codex,", "prefer: [Codex, codex, '@codex'],", &[("bad-name", "Codex"), ("twice", "'@codex'")]);
    broken("  path: {", "  my-path: {", &[("bad-name", "my-path"), ("unknown-input", "path")]);
    broken("title: Good", "title: Good\nname: 'Bad Name'", &[("bad-name", "'Bad Name'")]);
    broken("title: Good", "title: Good\nname: other", &[("name", "other")]);
    broken("title: Good", "title: Good\nchannel: '#reviews'", &[]);
    broken("title: Good", "title: Good\ncategory: reviw", &[("unknown-value", "reviw")]);
}

#[test]
fn needs_point_up_and_stay_in_their_list() {
    broken(
        "needs: [review]",
        "needs: [reviw]",
        &[("unknown-step", "reviw"), ("not-needed", "review"), ("not-needed", "review"), ("not-needed", "review")],
    );
    broken("needs: [review]", "needs: review", &[]);
    broken("needs: [review]", "needs: [review, review]", &[("twice", "review")]);
    broken("    role: reviewer", "    needs: [fix]\n    role: reviewer", &[("cycle", "fix")]);
    let cycle = load("t", &GOOD.replace("    role: reviewer", "    needs: [fix]\n    role: reviewer"));
    assert!(cycle.problems[0].message.ends_with("review needs fix needs review"), "{}", cycle.problems[0]);
    let later =
        GOOD.replace("    role: reviewer", "    needs: [fix]\n    role: reviewer").replace("    needs: [review]\n", "");
    assert_eq!(load("t", &later).problems[0].code, "later-need");
    broken("    role: reviewer", "    needs: [review]\n    role: reviewer", &[("cycle", "review")]);
    let looped = "title: T\nroles: { r: { prefer: a } }\nsteps:\n  - id: l\n    repeat:\n      until: a.text\n      max: 2\n      steps:\n        - { id: a, role: r, prompt: x, needs: [l] }\n        - { id: b, role: r, prompt: x }\n  - { id: c, role: r, prompt: x, needs: [a] }\n";
    check(looped, &[("need-elsewhere", "l"), ("need-elsewhere", "a")]);
}

#[test]
fn what_is_read_is_there_and_is_over() {
    broken("{{ inputs.path }}", "{{ inputs.pth }}", &[("unknown-input", "pth")]);
    broken("{{ inputs.path }}", "{{ inputs['pth'] }}", &[("unknown-input", "'pth'")]);
    broken("{{ inputs.path }}", "{{ path }}", &[("unknown-variable", "path")]);
    broken("{{ inputs.path }}", "{{ review.summary }}", &[("not-needed", "review")]);
    broken("{{ inputs.path }}", "{{ fix.summary }}", &[("not-needed", "fix")]);
    broken(
        "{{ inputs.path }}",
        "{{ roles.fixr }} {{ run.id }} {{ run.no }}",
        &[("unknown-role", "fixr"), ("unknown-attribute", "no")],
    );
    broken("review.verdict !=", "review.verdikt !=", &[("unknown-attribute", "verdikt")]);
    broken("\"approved\"", "\"aproved\"", &[("unknown-verdict", "\"aproved\"")]);
    broken("| findings_list", "| findinglist", &[("unknown-filter", "findinglist")]);
    broken("| findings_list", "is findings", &[("unknown-test", "findings")]);
    broken("{{ inputs.path }}", "{{ env('HOME') }}", &[("unknown-function", "env")]);
    broken("findings: review.findings", "findings: '{{ review.findings }}'", &[("syntax", "{{ review.findings }}")]);
    // Names that a loop gives are its own.
    broken(
        "{{ review.findings | findings_list }}",
        "{% for it in review.findings %}{{ loop.index }} {{ it.text }}{% endfor %}",
        &[],
    );
    broken(
        "{{ review.findings | findings_list }}",
        "{% for it in review.findings %}{% endfor %}{{ it.text }}",
        &[("unknown-variable", "it")],
    );
}

#[test]
fn places_inside_a_block_are_exact() {
    let text = GOOD.replace("      Fix this:", "      Fïx this: {{ nope }}\n        {{ review.nope }}");
    let problems = load("t", &text).problems;
    let places: Vec<String> = problems
        .iter()
        .map(|it| format!("{}:{}-{}:{}", it.place.line, it.place.column, it.place.end_line, it.place.end_column))
        .collect();
    assert_eq!(places, ["19:20-19:24", "20:19-20:23"]);
}

#[test]
fn syntax_errors_are_told_where_they_are() {
    broken("{{ inputs.path }}", "{{ inputs.path | }}", &[("syntax", "}}")]);
    let text = GOOD.replace("      Fix this:", "      Fix {% if review %} this:");
    let problem = load("t", &text).problems.remove(0);
    assert_eq!(problem.code, "syntax");
    assert!(problem.place.line >= 19, "{problem}");
    broken("review.verdict != \"approved\"", "review.verdict = \"approved\"", &[("syntax", "=")]);
    broken("{{ inputs.path }}", "{% set x = 1 %}", &[("unsupported-tag", "set x = 1")]);
}

#[test]
fn a_worktree_is_for_who_may_write_and_is_set_up_from_inside() {
    let plan = |text: &str| {
        let loaded = load("t", text);
        assert!(loaded.plan.is_some(), "{:?}", loaded.problems);
        let plan = loaded.plan.unwrap_or_else(|| unreachable!());
        let of = |id: &str| match &plan.step(&id.parse().expect("an id")).expect("a step").action {
            plan::Action::Turn(it) => it.isolation.clone(),
            _ => None,
        };
        (of("fix"), of("review"))
    };
    let own =
        GOOD.replace("result: change", "result: change\n    isolation: worktree\n    copy: .env\n    link: [deps/]");
    let wanted = plan::Isolation { copy: vec![".env".to_owned()], link: vec!["deps/".to_owned()] };
    assert_eq!(plan(&own), (Some(wanted), None));
    let of_role = GOOD.replace("access: write", "access: write, isolation: worktree, copy: [a, b]");
    let wanted = plan::Isolation { copy: vec!["a".to_owned(), "b".to_owned()], link: Vec::new() };
    assert_eq!(plan(&of_role), (Some(wanted), None));
    let back = of_role.replace("result: change", "result: change\n    isolation: shared");
    assert_eq!(plan(&back), (None, None), "the step's word holds before its role's");
    broken("result: review", "result: review\n    isolation: worktree", &[("read-only", "worktree")]);
    broken("result: change", "result: change\n    isolation: tree", &[("unknown-value", "tree")]);
    broken("result: change", "result: change\n    copy: .env", &[("no-worktree", ".env")]);
    for bad in ["../x", "/etc/passwd", "a/../../b", ".git/config", "~/x"] {
        let with = format!("result: change\n    isolation: worktree\n    copy: {bad}");
        broken("result: change", &with, &[("bad-path", bad)]);
    }
    let loops = "repeat: { until: round == 2, max: 2, steps: [{ id: x, tool: tests }] }\n    isolation: worktree";
    check(&format!("title: x\nsteps:\n  - id: a\n    {loops}\n"), &[("no-turn", "worktree")]);
}

#[test]
fn a_step_may_have_less_than_its_role_and_never_more() {
    let loaded = load("t", &GOOD.replace("result: change", "result: text\n    access: read\n    sandbox: required"));
    assert!(loaded.problems.iter().all(|it| it.severity != problem::Severity::Error), "{:?}", loaded.problems);
    let plan = loaded.plan.expect("a plan");
    let plan::Action::Turn(action) = &plan.step(&"fix".parse().expect("an id")).expect("a step").action else {
        panic!("no turn")
    };
    assert_eq!((action.access, action.sandbox), (Some(crate::agent::Access::Read), true));
    assert_eq!(action.narrowed(crate::agent::Access::Write), crate::agent::Access::Read);
    broken("result: change", "result: change\n    access: read", &[("read-only", "change")]);
    broken("result: review", "result: review\n    access: write", &[("read-only", "write")]);
    broken("result: change", "result: change\n    access: all", &[("unknown-value", "all")]);
    let isolated = "result: text\n    access: read\n    isolation: worktree";
    broken("result: change", isolated, &[("read-only", "worktree")]);
}

#[test]
fn a_step_does_one_thing_and_what_it_can() {
    broken("    role: fixer\n", "", &[("unused-role", "fixer"), ("no-action", "fix")]);
    broken("role: fixer", "role: fixer\n    tool: tests", &[("two-actions", "tests")]);
    broken("access: write", "access: read", &[("read-only", "change")]);
    broken("result: change", "result: chnage", &[("unknown-result", "chnage")]);
    broken("result: change", "result: { json: { type: object } }", &[]);
    broken("result: change", "result: { jsn: 1 }", &[("missing", "{"), ("unknown-field", "jsn")]);
    broken("    prompt: Review {{ inputs.path }}.\n", "", &[("missing", "reviewer")]);
    broken("prompt: Review {{ inputs.path }}.", "prompt: {{ inputs.path }}", &[("yaml", "{")]);
}

#[test]
fn numbers_and_times_have_bounds() {
    broken("result: change", "time: 10 minutes", &[("bad-duration", "10 minutes")]);
    broken("result: change", "time: 90d", &[("out-of-range", "90d")]);
    broken(
        "title: Good",
        "title: Good\nlimits: { turns: 0, time: 1ms, tokens: many, dollars: 1e9 }",
        &[("out-of-range", "0"), ("out-of-range", "1ms"), ("wrong-kind", "many"), ("out-of-range", "1e9")],
    );
    broken("title: Good", "title: Good\nlimits: { turns: 10, time: 30m, tokens: 1000, dollars: 0.5 }", &[]);
    broken("default: '.'", "default: 3", &[("bad-default", "3")]);
    broken("type: path", "type: file", &[("unknown-value", "file")]);
    broken(
        "result: change",
        "on-failure: { rate-limited: skip, crashed: { retry: 99 }, otherwise: explode }",
        &[("unknown-class", "rate-limited"), ("out-of-range", "99"), ("unknown-value", "explode")],
    );
    broken("result: change", "on-failure: { retry: 2, wait: 5s }", &[]);
    broken("result: change", "on-failure: retry", &[("missing", "retry")]);
    broken("result: review", "result: review\n    on-failure: another", &[]);
    broken(
        "result: review",
        "result: review\n    on-failure: { crashed: { retry: 1, then: another }, otherwise: skip }",
        &[],
    );
    broken(
        "result: review",
        "result: review\n    on-failure: { retry: 1, then: explode }",
        &[("unknown-value", "explode")],
    );
    broken("result: review", "result: review\n    on-failure: { then: another }", &[("missing", "{")]);
    broken("result: change", "result: change\n    on-failure: another", &[("nobody-else", "another")]);
    check("title: T\nsteps:\n  - { id: t, tool: tests, on-failure: another }\n", &[("nobody-else", "another")]);
}

/// A loop around `steps`, with `more` on the repeat.
fn looped(more: &str, steps: &str) -> String {
    format!(
        "title: T\nroles: {{ r: {{ prefer: a, access: write }} }}\nsteps:\n  - id: l\n    repeat:\n{more}      steps:\n        - {{ id: a, role: r, result: review, prompt: \"{{{{ b.text if b else '' }}}}\" }}\n        - {{ id: b, role: r, needs: [a], prompt: x }}\n{steps}"
    )
}

/// A part with an operator: it has a role, a prompt and a bound, and its steps are turns and pauses.
#[test]
fn an_operators_part_has_a_role_a_goal_and_a_bound() {
    let part = |more: &str, steps: &str| {
        format!(
            "title: T\nroles: {{ r: {{ prefer: a, access: write }}, lead: {{ prefer: a }} }}\nsteps:\n  - id: l\n    repeat:\n{more}      \
             steps:\n        - {{ id: a, role: r, prompt: \"{{{{ b.text if b else '' }}}}\" }}\n        - {{ id: b, role: r, needs: [a], prompt: x }}\n{steps}"
        )
    };
    let good = "      operator: lead\n      max: 30\n      prompt: \"reach it{{ a.text if a else '' }}\"\n";
    check(&part(good, "  - { id: c, role: r, needs: l, prompt: '{{ l.text }} {{ a.text if a else 1 }}' }\n"), &[]);
    check(&part(&good.replace("lead", "leda"), ""), &[("unused-role", "lead"), ("unknown-role", "leda")]);
    check(&part(&good.replace("30", "101"), ""), &[("out-of-range", "101")]);
    check(&part(&good.replace("      max: 30\n", ""), ""), &[("no-bound", "repeat")]);
    check(&part(&format!("{good}      until: a.text\n"), ""), &[("two-ends", "a.text")]);
    check(&part("      operator: lead\n      max: 3\n", ""), &[("missing", "lead")]);
    let inner = "        - { id: i, repeat: { until: j.text, max: 2, steps: [{ id: j, role: r, prompt: x }] } }\n";
    check(&part(good, inner), &[("no-turn", "i")]);
    check(&looped("      until: a.verdict == 'approved'\n      max: 3\n      prompt: x\n", ""), &[("no-turn", "x")]);
}

/// Promise 5: loops end.
#[test]
fn loops_have_a_bound_and_an_end() {
    let good = "      until: a.verdict == 'approved'\n      max: 3\n";
    check(&looped(good, ""), &[]);
    check(&looped("      max: 3\n", ""), &[("no-bound", "repeat")]);
    check(&looped("      until: a.verdict == 'approved'\n", ""), &[("no-bound", "repeat")]);
    check(&looped(&good.replace('3', "21"), ""), &[("out-of-range", "21")]);
    check(&looped(&good.replace('3', "0"), ""), &[("out-of-range", "0")]);
    check(&looped("      until: inputs\n      max: 3\n", ""), &[("never-changes", "inputs")]);
    check(&looped("      until: 'true'\n      max: 3\n", ""), &[("never-changes", "'true'")]);
    check(&looped(good, "  - { id: c, role: r, prompt: '{{ a.verdict }}' }\n"), &[("not-needed", "a")]);
    check(&looped(good, "  - { id: c, role: r, needs: l, prompt: '{{ a.verdict }}' }\n"), &[]);
    check(&looped(good, "  - { id: c, role: r, needs: l, prompt: '{{ l.verdict }}' }\n"), &[("no-result", "l")]);
    check(&looped(good, "  - { id: c, needs: l, pause: { show: a } }\n"), &[]);
    let outside = "title: T\nsteps:\n  - { id: t, tool: tests }\n  - id: l\n    needs: t\n    repeat:\n      until: p.decision\n      max: 2\n      steps:\n        - { id: p, pause: { show: t } }\n";
    check(outside, &[("need-elsewhere", "t")]);
}

#[test]
fn loops_stand_four_deep_and_no_deeper() {
    let nest = |depth: usize| {
        let mut text = "title: T\nroles: { r: { prefer: a } }\nsteps:\n".to_owned();
        for level in 0..depth {
            let pad = " ".repeat(2 + level * 6);
            text = format!(
                "{text}{pad}- id: l{level}\n{pad}  repeat:\n{pad}    until: a.text\n{pad}    max: 2\n{pad}    steps:\n"
            );
        }
        text + &format!("{}- {{ id: a, role: r, prompt: x }}\n", " ".repeat(2 + depth * 6))
    };
    check(&nest(4), &[]);
    assert!(load("t", &nest(5)).problems.iter().any(|it| it.code == "too-deep"));
}

/// Promise 2: a gate is a gate, so one that can't be met is an error.
#[test]
fn pauses_show_something_and_are_reached() {
    let pause = |fields: &str| GOOD.to_owned() + &format!("  - {{ id: gate, {fields} }}\n");
    check(&pause("needs: fix, pause: { show: review, message: 'Go on with {{ inputs.path }}?' }"), &[]);
    check(&pause("pause: { show: review }"), &[("not-needed", "review")]);
    check(&pause("needs: fix, pause: { show: reviw }"), &[("unknown-step", "reviw")]);
    check(&pause("needs: fix, pause: { show: gate }"), &[("no-result", "gate")]);
    check(&pause("needs: fix, pause: {}"), &[("missing", "pause")]);
    check(&pause("needs: fix, when: false, pause: { show: fix }"), &[("unreachable", "false")]);
    check(&pause("needs: fix, when: round == 2, pause: { show: fix }"), &[("unreachable", "round == 2")]);
    check(&pause("needs: fix, pause: { show: fix }, prompt: x"), &[("no-turn", "x")]);
    check(
        &pause(
            "needs: fix, pause: { show: fix } }\n  - { id: last, tool: t, needs: gate, prompt: '{{ gate.note }} {{ gate.files }} {{ gate.no }}'",
        ),
        &[("unknown-attribute", "no")],
    );
}

/// Security 3 and 20: what a file may ask for is bounded.
#[test]
fn sizes_are_bounded() {
    let many =
        (0..201).fold("title: T\nsteps:\n".to_owned(), |it, n| it + &format!("  - {{ id: s{n}, tool: tests }}\n"));
    let loaded = load("t", &many);
    assert_eq!(loaded.problems.iter().map(|it| it.code).collect::<Vec<_>>(), ["too-large"]);
    assert_eq!(load("t", &" ".repeat(300 * 1024)).problems[0].code, "too-large");
    let prompt = |text: &str| GOOD.replace("Review {{ inputs.path }}.", &format!("|\n      Review {text}"));
    let when = |text: &str| GOOD.replace("review.verdict != \"approved\"", &format!("|\n      {text}"));
    // Each of these would overflow the stack of a parser, or of a compiler, that recurses.
    for text in [
        prompt(&"{% if inputs.path %}a{% elif inputs.path %}".repeat(1_500)),
        prompt(&format!("{{{{ 1{} }}}}", "+1".repeat(30_000))),
        prompt(&format!("{{{{ {}1{} }}}}", "(".repeat(10_000), ")".repeat(10_000))),
        prompt(&format!("{{{{ inputs.path{} }}}}", "|lower".repeat(10_000))),
        prompt(&"{% for a in inputs %}".repeat(3_000)),
        prompt(&"x".repeat(70_000)),
        when(&format!("1{}", "-1".repeat(900))),
        when(&format!("1{}", "-1".repeat(50_000))),
        when(&"not ".repeat(400)),
    ] {
        let problems = load("t", &text).problems;
        assert!(problems.iter().any(|it| it.code == "too-large"), "{problems:?}");
    }
    // What is just small enough is parsed on a test's small stack.
    let elifs = format!("{{% if inputs.path %}}a{}{{% endif %}}", "{% elif inputs.path %}b".repeat(190));
    broken("{{ inputs.path }}", &format!("\"{elifs}\""), &[]);
}

#[test]
fn broken_text_is_a_problem_and_never_a_panic() {
    for (text, code) in [
        ("", "empty"),
        ("hello", "wrong-kind"),
        ("- a", "wrong-kind"),
        ("title: x\nsteps:\n\t- id: a\n", "yaml"),
        ("title: x\nsteps: {}\n", "wrong-kind"),
        ("title: x\nsteps: []\n", "empty"),
        ("title: x\n", "missing"),
        ("title: x\ntitle: y\n", "duplicate-key"),
        ("title: x\nsteps: [1, {id: [a]}, ~]\n", "wrong-kind"),
    ] {
        let problems = load("t", text).problems;
        assert!(problems.iter().any(|it| it.code == code), "{text:?}: {problems:?}");
    }
}

#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/workflow.schema.json");
    let now = serde_json::to_string_pretty(&schema()).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, &now).expect("the schema can be written");
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == now, "{path} is old; run this test with UPDATE_EXPECT=1 and commit what it writes");
}

/// The reader's fields and the schema's are the same.
#[test]
fn the_schema_has_every_field_and_no_other() {
    let schema = schema();
    let definitions = schema["definitions"].as_object().expect("definitions");
    for (what, fields) in parse::FIELDS {
        let own = match what {
            "workflow" => &schema,
            "input" => &definitions["InputFile"],
            "role" => &definitions["RoleFile"],
            "limits" => &definitions["LimitsFile"],
            "step" => &definitions["StepFile"],
            "pause" => &definitions["PauseFile"],
            "for-each" => &definitions["ForEach"]["anyOf"][1],
            _ => &definitions["RepeatFile"],
        };
        let mut known: Vec<&str> =
            own["properties"].as_object().expect("properties").keys().map(String::as_str).collect();
        let mut read = fields.to_vec();
        known.sort_unstable();
        read.sort_unstable();
        assert_eq!(known, read, "{what}");
        assert_eq!(own["additionalProperties"], false, "{what}");
    }
}

/// Every example of the documentation is a workflow that loads, or is marked as one that does not.
#[test]
fn the_examples_of_the_documentation_hold() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/workflows.md")).expect("the page");
    let mut count = 0;
    for block in page.split("\n```yaml").skip(1) {
        let (mark, rest) = block.split_once('\n').expect("a line");
        let (text, _) = rest.split_once("\n```").expect("an end");
        let problems = load("example", text).problems;
        let codes: Vec<&str> = problems.iter().map(|it| it.code).collect();
        let expected: Vec<&str> = mark.split_whitespace().collect();
        assert_eq!(codes, expected, "{problems:#?}\n{text}");
        count += 1;
    }
    assert!(count >= 5, "the page has {count} examples");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any damage to a template is a problem or a plan, never a panic, and every place is in the text.
    #[test]
    fn damaged_templates_never_panic(
        which in 0..TEMPLATES.len(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0..12usize, "[ -~\n\tüß🦀{}%|:]{0,6}"), 1..6),
    ) {
        let mut text = TEMPLATES[which].1.to_owned();
        for (at, cut, insert) in edits {
            let start = problem::floor(&text, at.index(text.len() + 1));
            let end = problem::floor(&text, start + cut);
            text.replace_range(start..end, &insert);
        }
        let loaded = load(TEMPLATES[which].0, &text);
        for it in &loaded.problems {
            prop_assert!(text.get(it.place.start..it.place.end).is_some(), "{it}");
            prop_assert!(!it.message.is_empty() && !it.mend.is_empty());
        }
        prop_assert!(loaded.plan.is_some() || !loaded.problems.is_empty());
    }

    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}|[ -~\n]{0,200}") {
        let _ = load("t", &text);
        let _ = load("t", &format!("title: x\nsteps:\n  - id: a\n    tool: t\n    when: |\n      {text}\n"));
        let _ = load("t", &format!("steps:\n  - id: a\n    tool: t\n    prompt: |\n      {text}\n      {{{{ {text} }}}}\n"));
    }
}
