//! Settings and profiles by their schemas.

use std::sync::Arc;

use super::{PROFILE, SETTINGS};
use crate::workflow::language::{
    Analysis, Kind,
    tests::{every_feature, fixture, marked, world},
};

const SETTING: Kind = Kind::Other(&SETTINGS);
const PROFILES: Kind = Kind::Other(&PROFILE);

#[track_caller]
fn complete(kind: Kind, source: &str, expected: &str) {
    let it = fixture(source);
    let analysis = Analysis::new(kind, "x", Arc::from(it.text.as_str()));
    let mut labels: Vec<String> =
        analysis.complete(it.cursor.expect("a cursor"), &world()).into_iter().map(|it| it.label).collect();
    labels.sort();
    if let Some(some) = expected.strip_suffix(" …") {
        let missing: Vec<&str> = some.split(' ').filter(|it| !labels.iter().any(|label| label == it)).collect();
        assert!(missing.is_empty(), "{missing:?} are not among {labels:?}\n{source}");
    } else {
        assert_eq!(labels.join(" "), expected, "{source}");
    }
}

#[track_caller]
fn faults(kind: Kind, source: &str) {
    let it = fixture(source);
    let analysis = Analysis::new(kind, "x", Arc::from(it.text.as_str()));
    let found: Vec<_> = analysis
        .problems()
        .iter()
        .map(|it| (it.place.start..it.place.end.max(it.place.start + 1), it.code.to_owned()))
        .collect();
    assert_eq!(marked(&it.text, &found), marked(&it.text, &it.marks), "{:#?}", analysis.problems());
}

#[test]
fn settings_are_completed() {
    complete(SETTING, "$0", "agents_env idle_exit_minutes scrollback limits …");
    complete(SETTING, "limits:\n  $0\n", "dollars minutes tokens turns");
    complete(SETTING, "default_channel: $0\n", "main ops");
}

#[test]
fn settings_say_what_is_wrong_with_them() {
    faults(SETTING, "scrollback: 100\n");
    faults(SETTING, "# nothing\n");
    faults(
        SETTING,
        "\
scrolback: 100
^^^^^^^^^ unknown-field
limits:
  turn: 3
  ^^^^ unknown-field
",
    );
    faults(
        SETTING,
        "\
idle_exit_minutes: 0
                   ^ invalid
",
    );
}

#[test]
fn a_setting_says_what_it_is_for() {
    let it = fixture("scroll$0back: 100\n");
    let analysis = Analysis::new(SETTING, "x", Arc::from(it.text.as_str()));
    let said = analysis.hover(it.cursor.unwrap(), &world()).expect("a hover").text;
    assert!(said.contains("can be scrolled back") && said.contains("Its default is `2000`"), "{said}");
}

#[test]
fn profiles_are_completed_and_checked() {
    complete(PROFILES, "name: x\n$0", "command driver env good-for instances terminal times title …");
    complete(PROFILES, "driver: $0\n", "acp app-server stream-json terminal tool");
    complete(PROFILES, "good-for: [$0]\n", "explain fix review …");
    complete(PROFILES, "terminal:\n  submit:\n    $0\n", "echo echo-within enter-after new-line settle");
    complete(PROFILES, "terminal:\n  failures:\n    - class: $0\n", "crashed overloaded …");
    faults(PROFILES, "name: x\ntitle: X\ndriver: tool\ncommand: [x]\n");
    faults(
        PROFILES,
        "\
name: x
^^^^ missing
title: X
drivr: tool
^^^^^ unknown-field
command: [x]
times:
  idel: 3s
  ^^^^ unknown-field
",
    );
    faults(
        PROFILES,
        "\
name: x
title: X
driver: tool
command: [x]
instances: 0
^^^^^^^^^ invalid
",
    );
    faults(
        PROFILES,
        "\
name: x
title: X
driver: tols
        ^^^^ unknown-value
command: [x]
times: { idle: soon }
",
    );
}

#[test]
fn no_cut_of_a_profile_or_of_settings_panics() {
    let text = "name: x\ntitle: \"X\ndriver: [tool\ncommand: {x: 'y'\nterminal:\n  submit:\n    echo: [\"(\"]\n  title: |\n ä\nlimits:\n  turns: 3\n";
    for (offset, _) in text.char_indices() {
        for kind in [SETTING, PROFILES] {
            every_feature(kind, &text[..offset], offset);
            every_feature(kind, &text[offset..], (text.len() - offset) / 2);
        }
    }
}
