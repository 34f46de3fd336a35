//! Where names are defined, and where they are used.

use super::{analysis, fixture, with};
use crate::workflow::language::navigate::Target;

/// Checks that the definition is the text at the mark.
#[track_caller]
fn definition(source: &str) {
    let it = fixture(source);
    let found = analysis(&it.text).definition(it.cursor.expect("a cursor"));
    let at = it.marks.first().expect("a mark").0.clone();
    assert_eq!(found, Some(Target::Here(at)), "{source}");
}

/// Checks that the references are exactly the marks.
#[track_caller]
fn references(source: &str) {
    let it = fixture(source);
    let found = analysis(&it.text).references(it.cursor.expect("a cursor"));
    let found: Vec<_> = found.into_iter().map(|it| (it.at, it.defines)).collect();
    let mut marks: Vec<_> = it.marks.into_iter().map(|it| (it.0, it.1 == "defined")).collect();
    marks.sort_by_key(|it| it.0.start);
    assert_eq!(found, marks, "{source}");
}

#[test]
fn definitions_are_found() {
    definition(&with("  - id: review\n", "  - id: review\n        ^^^^^^\n").replacen(
        "needs: [review]",
        "needs: [rev$0iew]",
        1,
    ));
    definition(&with("  - id: review\n", "  - id: review\n        ^^^^^^\n").replacen(
        "when: review",
        "when: $0review",
        1,
    ));
    definition(&with("  - id: review\n", "  - id: review\n        ^^^^^^\n").replacen(
        "it in review",
        "it in revi$0ew",
        1,
    ));
    definition(&with("  - id: fix\n", "  - id: fix\n        ^^^\n").replacen("show: fix", "show: fi$0x", 1));
    definition(&with("  task:\n", "  task:\n  ^^^^\n").replacen("inputs.task", "inputs.ta$0sk", 1));
    definition(
        &with("  fixer: {", "  ^^^^^\n  fixer: {")
            .replacen(
                "  ^^^^^\n  fixer: { prefer: codex, access: write }\n",
                "  fixer: { prefer: codex, access: write }\n  ^^^^^\n",
                1,
            )
            .replacen("role: fixer", "role: fix$0er", 1),
    );
    // In a file that is no YAML.
    definition("steps:\n  - id: a\n        ^\n    role: [x\n  - id: b\n    needs: [a$0\n    title: \"\n");
}

#[test]
fn agents_and_workflows_lead_elsewhere() {
    let to = |source: &str| {
        let it = fixture(source);
        analysis(&it.text).definition(it.cursor.expect("a cursor"))
    };
    assert_eq!(to(&with("prefer: codex", "prefer: cod$0ex")), Some(Target::Agent("codex".to_owned())));
    assert_eq!(to("steps:\n  - id: a\n    tool: '@$0tests'\n"), Some(Target::Agent("tests".to_owned())));
    assert_eq!(to(&with("Fix this", "Fi$0x this")), None);
    assert_eq!(to("steps:\n  - id: a\n    needs: [no$0body]\n"), None);
}

#[test]
fn references_are_in_fields_and_in_prompts() {
    let marked = "\
roles:
  a: {}
steps:
  - id: look
        ^^^^ defined
    role: a
    prompt: look
  - id: b
    needs: [\"look\"]
             ^^^^
    when: look.text and 'look' != look['text']
          ^^^^
                                  ^^^^
    role: a
    prompt: |
      Look at {{ look.text }} and {{ 'look' }} and {{ b.look }}
                 ^^^^
      {% for look in look.text %}{{ look }}{% endfor %}
                     ^^^^
";
    references(&marked.replacen("id: look", "id: lo$0ok", 1));
    references(&marked.replacen("{{ look.text", "{{ $0look.text", 1));
    references(
        "\
inputs:
  path: {}
  ^^^^ defined
steps:
  - id: a
    paths: inputs.path
                  ^^^^
    prompt: |
      {{ path }}
      {{ inputs.pa$0th }}
                ^^^^
      {{ inputs['path'] }}
                 ^^^^
",
    );
}
