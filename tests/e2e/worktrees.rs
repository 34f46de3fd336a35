//! Steps in worktrees of their own, over the real binary: apart while they work, merged when they are done, a person asked
//! where two changed the same, nothing lost that was not merged (promises 1, 2, "Undo run").

use std::{fs, path::PathBuf};

use crate::{
    relay,
    support::{COMMAND_LIMIT, World, wait_for},
};

/// Two agents that write side by side, and one that looks at what became of it.
const PAIR: &str = "\
title: Pair
category: build
steps:
  - { id: left, tool: left, result: change, isolation: worktree, copy: [.env], link: [deps] }
  - { id: right, tool: right, result: change, isolation: worktree }
  - { id: look, tool: look, needs: [left, right] }
";

/// Each notes where it works and what it finds there, waits until both are at work, and changes the shared file.
const SIDE: &str = r#"#!/bin/sh
me=$(basename "$0" .sh)
{ pwd; cat shared.txt untracked.txt .env deps/dep 2>&1; git log --oneline 2>&1; } >"$HOME/$me.saw"
touch "$HOME/$me.there"
while [ ! -e "$HOME/left.there" ] || [ ! -e "$HOME/right.there" ]; do sleep 0.02; done
. "$HOME/$me.do"
echo "{\"kind\":\"change\",\"summary\":\"$me is done\"}" >"$4"
"#;

const LOOK: &str = r#"#!/bin/sh
cat shared.txt >"$HOME/looked"
echo '{"kind":"text","text":"looked"}' >"$4"
"#;

fn world(left: &str, right: &str) -> World {
    let world = World::with_files(&[
        ("shared.txt", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n"),
        (".gitignore", ".env\ndeps/\n"),
        (".env", "KEY=1\n"),
        ("deps/dep", "a dependency\n"),
    ]);
    world.write("untracked.txt", "not committed\n");
    world.workflow("pair", PAIR);
    for (name, script) in [("left", SIDE), ("right", SIDE), ("look", LOOK)] {
        relay::tool(&world, name, &format!("{name}.sh"), script);
    }
    fs::write(world.home().join("left.do"), left).expect("what left does");
    fs::write(world.home().join("right.do"), right).expect("what right does");
    world.trust();
    world
}

fn worktrees(world: &World) -> Vec<PathBuf> {
    let states = fs::read_dir(world.state()).expect("the state folder").map(|it| it.expect("a folder").path());
    let trees = states.filter_map(|it| fs::read_dir(it.join("worktrees")).ok());
    trees.flatten().map(|it| it.expect("a worktree").path()).collect()
}

fn gone(world: &World) {
    let none = || worktrees(world).is_empty().then_some(());
    wait_for("the worktrees to be gone", COMMAND_LIMIT, none, || world.story());
}

#[test]
fn two_work_apart_and_what_both_did_is_in_the_work_tree() {
    let world = world("sed -i 's/two/TWO/' shared.txt; echo new > left.txt", "sed -i 's/six/SIX/' shared.txt");
    world.git(&["commit", "--quiet", "--allow-empty", "--message=the developer's commit"]);
    world.callboard(&["run", "pair"]).ok("the run");
    let both = "one\nTWO\nthree\nfour\nfive\nSIX\nseven\n";
    assert_eq!(world.read("shared.txt"), both);
    assert_eq!(world.read("left.txt"), "new\n");
    assert_eq!(fs::read_to_string(world.home().join("looked")).expect("what look saw"), both, "it starts after both");
    let saw = fs::read_to_string(world.home().join("left.saw")).expect("what left saw");
    assert!(!saw.starts_with(&world.workspace().display().to_string()), "it works elsewhere: {saw}");
    for part in ["not committed", "KEY=1", "a dependency", "the developer's commit"] {
        assert!(saw.contains(part), "{part} is missing: {saw}");
    }
    let right = fs::read_to_string(world.home().join("right.saw")).expect("what right saw");
    assert!(!right.contains("KEY=1"), "only who asked for the copy has it: {right}");
    gone(&world);
    // Each one's part is told and undone alone.
    let files = world.callboard(&["show", "r1", "--diff", "--json"]).ok("the diff").json();
    let by = |path: &str| {
        let of: Vec<String> = files.iter().filter(|it| it["path"] == path).map(|it| it["by"].to_string()).collect();
        of.join(" ")
    };
    assert_eq!(by("left.txt"), r#"["left"]"#);
    world.callboard(&["undo", "r1"]).ok("the undo");
    assert_eq!(world.read("shared.txt"), "one\ntwo\nthree\nfour\nfive\nsix\nseven\n");
    assert!(!world.workspace().join("left.txt").exists());
}

#[test]
fn promise_2_a_conflict_waits_with_both_sides_and_what_the_person_made_of_it_goes_in() {
    let world = world("sed -i 's/two/LEFT/' shared.txt", "sed -i 's/two/RIGHT/' shared.txt; echo r > right.txt");
    world.callboard(&["run", "pair"]).code(3, "the run waits at the conflict");
    let pause = world.callboard(&["inbox", "p1", "--json"]).ok("the pause").json().remove(0);
    assert_eq!(pause["kind"], "conflict");
    let document = pause["document"].as_str().expect("a document");
    for part in ["<<<<<<< the work tree", "LEFT", "RIGHT", "## shared.txt"] {
        assert!(document.contains(part), "{part} is missing: {document}");
    }
    assert!(!world.read("shared.txt").contains("<<<<"), "the developer's files have no marks");
    let folder = worktrees(&world).remove(0);
    assert!(document.contains(&folder.display().to_string()), "the worktree is named: {document}");
    world.callboard(&["worktrees"]).ok("the list").stdout.contains("conflict").then_some(()).expect("a conflict");
    // Approved as it is, it is asked again: marks never get into the work tree.
    world.callboard(&["decide", "p1", "approve"]).ok("an approval too soon");
    world.callboard(&["show", "r1", "--follow"]).code(3, "it is asked again");
    assert!(!world.read("shared.txt").contains("<<<<"));
    // The hub may die meanwhile.
    world.kill_hub();
    let pauses = world.callboard(&["inbox", "--json"]).ok("the inbox of the next hub").json();
    let pause = pauses.last().expect("a pause");
    let document = pause["document"].as_str().expect("a document");
    let first = document.find("<<<<<<<").expect("the first mark");
    let last = document[first..].find(">>>>>>>").map(|it| first + it).expect("the last mark");
    let end = document[last..].find('\n').map(|it| last + it).expect("its end");
    let edited = format!("{}BOTH{}", &document[..first], &document[end..]);
    let file = world.root().join("edited.md");
    fs::write(&file, edited).expect("the edited document");
    let id = pause["id"].as_str().expect("an id").to_owned();
    world.callboard(&["decide", &id, "edit", "--file", &file.display().to_string()]).ok("the edit");
    world.callboard(&["show", "r1", "--follow"]).ok("the run's end");
    assert_eq!(world.read("shared.txt"), "one\nBOTH\nthree\nfour\nfive\nsix\nseven\n");
    assert_eq!(world.read("right.txt"), "r\n");
    gone(&world);
}

#[test]
fn unmerged_work_is_kept_and_named_until_a_person_lets_it_go() {
    let world = world("sed -i 's/two/LEFT/' shared.txt", "sed -i 's/two/RIGHT/' shared.txt");
    world.callboard(&["run", "pair"]).code(3, "the run waits at the conflict");
    world.callboard(&["decide", "p1", "stop"]).ok("stop");
    world.callboard(&["show", "r1", "--follow"]).code(1, "a stopped run");
    let kept = || {
        let list = world.callboard(&["worktrees", "--json"]).ok("the list").json();
        list.into_iter().find(|it| it["stage"] == "kept")
    };
    let kept = wait_for("a kept worktree", COMMAND_LIMIT, kept, || world.story());
    assert!(PathBuf::from(kept["folder"].as_str().expect("a folder")).join("shared.txt").exists());
    let checks = world.callboard(&["doctor", "--json"]).ok("the doctor").json();
    assert!(checks.iter().any(|it| it["name"] == "worktrees"), "{checks:?}");
    let said = world.callboard(&["channel", "show"]).ok("the channel").stdout;
    assert!(said.split_whitespace().collect::<Vec<_>>().join(" ").contains("callboard worktrees remove"), "{said}");
    let id = kept["id"].as_str().expect("an id").to_owned();
    world.callboard(&["worktrees", "remove", &id]).ok("the person's word");
    gone(&world);
    world.callboard(&["worktrees", "remove", &id]).code(1, "it is gone");
}
