//! A small run for the tests of what is lost: two rounds, a pause, two steps side by side, by tool agents that are shell
//! scripts; and an agent that works until it is let go.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::support::{COMMAND_LIMIT, World, wait_for};

/// The workflow `relay`: review, pause, fix, review again; then two at once.
const RELAY: &str = r#"
title: Relay
category: test
steps:
  - id: laps
    repeat:
      until: review.verdict == "approved"
      max: 3
      steps:
        - { id: review, tool: critic, result: review, prompt: "do:review-{{ round }}" }
        - id: approve
          needs: [review]
          when: review.verdict != "approved"
          pause: { show: review, message: "Fix it?" }
        - id: fix
          needs: [approve, review]
          when: review.verdict != "approved"
          tool: maker
          result: change
          findings: review.findings
          prompt: "do:fix-{{ round }}"
  - { id: left, tool: left, needs: [laps], prompt: "do:left" }
  - { id: right, tool: right, needs: [laps], prompt: "do:right" }
"#;

/// What the script of `relay` notes of each start, in any order, each at least once.
pub const WORK: [&str; 5] = ["do:review-1", "do:fix-1", "do:review-2", "do:left", "do:right"];

const WORKER: &str = r#"#!/bin/sh
# worker.sh --request FILE --result FILE
what=$(grep -o 'do:[a-z0-9-]*' "$2" | head -1)
echo "$what" >>"$HOME/work.log"
case $what in
do:review-1) echo '{"kind":"review","verdict":"changes_requested","summary":"one","findings":[{"severity":"error","place":{"path":"a.txt","line":1},"code":"x","text":"too short"}]}' >"$4" ;;
do:review-2) echo '{"kind":"review","verdict":"approved","summary":"fine","findings":[]}' >"$4" ;;
do:fix-1) echo '{"kind":"change","summary":"made it longer","files":["a.txt"],"fixed":["f1"],"declined":[]}' >"$4" ;;
*) echo "{\"kind\":\"text\",\"text\":\"$what is done\"}" >"$4" ;;
esac
"#;

/// Works until `$HOME/go` is there: its pid goes to `$HOME/at-work`. A result of some size is written first.
const WAITER: &str = r#"#!/bin/sh
echo "$2" >>"$HOME/work.log"
text=$(head -c "${SIZE:-10}" /dev/zero | tr '\0' x)
echo "{\"kind\":\"text\",\"text\":\"$text\"}" >"$4.part"
mv "$4.part" "$4.kept"
echo $$ >"$HOME/at-work.part"
mv "$HOME/at-work.part" "$HOME/at-work"
while [ ! -e "$HOME/go" ]; do sleep 0.02; done
mv "$4.kept" "$4"
"#;

/// Makes a trusted world with the workflow `relay`, and `wait` with its agent `@waiter`.
pub fn world() -> World {
    let world = World::with_files(&[("a.txt", "a\n")]);
    furnish(&world);
    world
}

/// The same with agents that may only read, around whose turns no checkpoint is taken.
pub fn world_of_readers() -> World {
    let world = world();
    for name in ["critic", "maker", "left", "right"] {
        profile(&world, name, "worker.sh", "read");
    }
    world
}

/// Adds the workflows and agents to a world.
pub fn furnish(world: &World) {
    world.workflow("relay", RELAY);
    for name in ["critic", "maker", "left", "right"] {
        tool(world, name, "worker.sh", WORKER);
    }
    world.workflow("wait", "title: Wait\nsteps:\n  - { id: work, tool: waiter, prompt: wait }\n");
    tool(world, "waiter", "waiter.sh", WAITER);
}

/// Adds a tool agent that is a shell script in the user's configuration.
pub fn tool(world: &World, name: &str, file: &str, script: &str) {
    profile(world, name, file, "write");
    let path = world.config().join("agents").join(file);
    fs::write(&path, script).expect("the script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
}

fn profile(world: &World, name: &str, file: &str, access: &str) {
    let command = format!("[\"./{file}\"]");
    world.profile(
        name,
        &format!("name: {name}\ntitle: The {name}\ndriver: tool\ncommand: {command}\naccess: {access}\nenv: [SIZE]\n"),
    );
}

/// Returns what the scripts noted, a line a start.
pub fn work(world: &World) -> Vec<String> {
    let text = fs::read_to_string(world.home().join("work.log")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// Waits until `@waiter` is at work, and returns its process.
pub fn at_work(world: &World) -> u32 {
    let file = world.home().join("at-work");
    let pid = || fs::read_to_string(&file).ok()?.trim().parse().ok();
    wait_for("an agent at work", COMMAND_LIMIT, pid, || world.story())
}

/// Forgets who was at work, so that the next one is waited for.
pub fn forget_at_work(world: &World) {
    fs::remove_file(world.home().join("at-work")).expect("a note of who was at work");
}

/// Lets `@waiter` go, now and for good.
pub fn go(world: &World) {
    fs::write(world.home().join("go"), "").expect("the word");
}
