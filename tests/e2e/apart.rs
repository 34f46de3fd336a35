//! A small run for the tests of what is lost, with worktrees: a plan that a person edits, two steps side by side that change the
//! same file apart, one that looks at what became of it.

use std::fs;

use crate::{
    relay,
    support::{COMMAND_LIMIT, World, wait_for},
};

const APART: &str = r#"
title: Apart
category: build
steps:
  - { id: plan, tool: planner, prompt: "do:plan" }
  - id: approve
    needs: [plan]
    pause: { show: plan, message: "Do this?" }
  - { id: left, tool: left, needs: [approve], result: change, isolation: worktree, prompt: "do:left {{ approve.text }}" }
  - { id: right, tool: right, needs: [approve], result: change, isolation: worktree, prompt: "do:right" }
  - { id: look, tool: looker, needs: [left, right], prompt: "do:look" }
"#;

/// What the scripts note of each start, in any order, each at least once.
pub const WORK: [&str; 4] = ["do:plan", "do:left", "do:right", "do:look"];

/// Left and right append, so that work that was merged twice, or done twice in the developer's files, would show.
const WORKER: &str = r#"#!/bin/sh
# worker.sh --request FILE --result FILE
what=$(grep -o 'do:[a-z]*' "$2" | head -1)
echo "$what" >>"$HOME/work.log"
case $what in
do:plan) echo '{"kind":"text","text":"the plan"}' >"$4" ;;
do:left)
  sed -i '2s/.*/left/' shared.txt
  grep -q 'as edited' "$2" && echo edited >left.txt
  echo '{"kind":"change","summary":"left is done"}' >"$4" ;;
do:right)
  sed -i '6s/.*/right/' shared.txt
  rm -f gone.txt
  echo '{"kind":"change","summary":"right is done"}' >"$4" ;;
do:look)
  cp shared.txt "$HOME/looked"
  echo '{"kind":"text","text":"looked"}' >"$4" ;;
esac
"#;

/// Makes a trusted world with the workflow `apart`.
pub fn world() -> World {
    let world = World::with_files(&[("shared.txt", "1\n2\n3\n4\n5\n6\n7\n"), ("gone.txt", "gone\n")]);
    world.workflow("apart", APART);
    for name in ["planner", "left", "right", "looker"] {
        relay::tool(&world, name, "worker.sh", WORKER);
    }
    world
}

/// Does what a person does: starts the run, edits the plan at its pause, watches to the end.
pub fn person(world: &World, what: &str) {
    world.callboard(&["run", "apart"]).code(3, &format!("{what}: the run up to its pause"));
    let pause = world.callboard(&["inbox", "p1", "--json"]).ok(&format!("{what}: the pause")).json().remove(0);
    let document = pause["document"].as_str().expect("a document").replace("the plan", "the plan as edited");
    let file = world.root().join("edited.md");
    fs::write(&file, document).expect("the edited document");
    let file = file.display().to_string();
    world.callboard(&["decide", "p1", "edit", "--file", &file]).ok(&format!("{what}: the edited approval"));
    world.callboard(&["show", "r1", "--follow"]).ok(&format!("{what}: the run up to its end"));
}

/// Both did their part once, each was merged once, and no worktree is left.
pub fn check_files(world: &World) {
    let both = "1\nleft\n3\n4\n5\nright\n7\n";
    assert_eq!(world.read("shared.txt"), both);
    assert_eq!(world.read("left.txt"), "edited\n", "what was approved is what went on");
    assert!(!world.workspace().join("gone.txt").exists());
    assert_eq!(fs::read_to_string(world.home().join("looked")).expect("what was looked at"), both);
    let left = || {
        let states = fs::read_dir(world.state()).expect("the state folder").map(|it| it.expect("a folder").path());
        states.filter_map(|it| fs::read_dir(it.join("worktrees")).ok()).flatten().count()
    };
    wait_for("the worktrees to go", COMMAND_LIMIT, || (left() == 0).then_some(()), || world.story());
}
