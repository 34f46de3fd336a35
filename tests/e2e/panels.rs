//! What an editor's panels ask of the hub: what can be started, the turns of a run, and diffs from which both sides of a
//! file can be made.

use serde_json::{Value, json};

use crate::support::{World, editor::Editor};

const NOTES: &str = "# Rounds\n\none\ntwo\nthree\nfour\nfive\nsix   \n";

/// The lines of one side of a unified diff.
fn side(text: &str, own: char) -> String {
    let body = text.lines().skip_while(|it| !it.starts_with("@@")).skip(1);
    let lines = body.filter_map(|it| it.strip_prefix(own).or_else(|| it.strip_prefix(' ')));
    lines.fold(String::new(), |all, it| all + it + "\n")
}

fn named<'a>(all: &'a Value, name: &str) -> &'a Value {
    let mut found = all.as_array().unwrap().iter().filter(|it| it["name"] == name);
    found.next().unwrap_or_else(|| panic!("{name} is not in {all}"))
}

#[test]
fn workflows_are_listed_with_what_they_want_to_be_told() {
    let world = World::with_files(&[("notes.md", NOTES)]);
    world.workflow("own", "title: Our own\nsteps:\n  - id: look\n    tool: lint\n");
    world.write(".callboard/workflows/wrong.yaml", "title: Wrong\nsteps: 3\n");
    world.trust();
    let mut editor = Editor::start(&world);
    let all = editor.request("callboard/workflows", &json!({}));
    let known = named(&all, "review-fix");
    assert_eq!(
        (&known["from"], &known["category"], &known["broken"]),
        (&json!("builtIn"), &json!("review"), &json!(false))
    );
    let path = named(&known["inputs"], "path");
    assert_eq!((&path["kind"], &path["default"]), (&json!("path"), &json!(".")));
    assert_eq!(known["roles"][1]["id"], "fixer");
    let wanted = named(&all, "build-test")["inputs"].as_array().unwrap().iter().find(|it| it.get("default").is_none());
    assert!(wanted.is_some(), "an input that must be said has no default");
    assert_eq!(named(&all, "wrong")["broken"], true);
    assert!(named(&all, "own")["path"].as_str().unwrap().ends_with("own.yaml"));
}

#[test]
fn a_run_has_its_turns_and_both_sides_of_what_it_changed() {
    let world = World::with_files(&[("notes.md", NOTES)]);
    let run = ["run", "review-fix", "notes.md", "--agent", "reviewer=lint", "--agent", "fixer=autofix", "--yes"];
    world.callboard(&run).ok("the run");
    let mut editor = Editor::start(&world);

    let turns = editor.request("callboard/turns", &json!({ "run": "r1" }));
    let steps: Vec<_> = turns.as_array().unwrap().iter().map(|it| (it["agent"].clone(), it["step"].clone())).collect();
    let reviews = steps.iter().filter(|it| **it == (json!("lint"), json!("review"))).count();
    assert_eq!(reviews, 2, "one a round: {turns}");
    assert!(steps.contains(&(json!("autofix"), json!("fix"))), "{turns}");
    assert!(turns.as_array().unwrap().iter().all(|it| it["outcome"] == "answered" && it["ended"].is_u64()), "{turns}");

    let few = editor.request("callboard/diff", &json!({ "run": "r1" }));
    assert_ne!(side(few["files"][0]["text"].as_str().unwrap(), '-'), NOTES, "three lines around a change are not all");
    let whole = editor.request("callboard/diff", &json!({ "run": "r1", "whole": true }));
    let text = whole["files"][0]["text"].as_str().unwrap();
    assert_eq!(side(text, '-'), NOTES);
    assert_eq!(side(text, '+'), world.read("notes.md"));
}
