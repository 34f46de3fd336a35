//! The shell end to end: the real binary, with agents that are quick scripts of the user's own.
//!
//! Each test has a world of its own. What an agent does is a few lines of shell, so a run takes as long as its processes.

use std::{fs, os::unix::fs::PermissionsExt as _, time::Duration};

use serde_json::Value;

use crate::support::{Live, World};

mod channel;
mod decide;
mod help;
mod hold;
mod json;
mod run;
pub mod tty;
mod workspace;

/// Far above what anything here takes, for a machine with other work to do. What is waited for is always an event.
const LIMIT: Duration = Duration::from_secs(60);

/// A workflow with one pause: two findings, which a person may let through, and a step behind it.
const GATE: &str = "\
title: Gate
inputs: { path: { type: path, default: '.' } }
steps:
  - { id: review, title: Look, tool: critic, result: review, paths: inputs.path }
  - { id: gate, title: Ask, needs: [review], pause: { show: review, message: 'Go on with these?' } }
  - { id: after, title: After, needs: [gate, review], tool: echo, result: text, findings: gate.findings }
";

/// A workflow of one turn that does not end before `World::go`.
const SLOW: &str = "\
title: Slow
steps:
  - { id: first, title: First, tool: slow, result: text }
  - { id: second, title: Second, needs: [first], tool: echo, result: text }
";

/// What a review with two findings is, as an agent writes it.
const TWO: &str = r#"{"kind": "review", "verdict": "changes_requested", "summary": "Two things.", "findings": [
 {"severity": "warning", "place": {"path": "notes.md", "line": 1}, "text": "The first is wrong."},
 {"severity": "error", "place": {"path": "notes.md", "line": 2}, "text": "The second is worse."}]}"#;

/// Returns a trusted world with the agents `@critic` (two findings), `@echo` (says what it was given), `@slow` (works until
/// `go`) and `@broken` (fails), and the workflows `gate` and `slow`.
fn world() -> World {
    let world = World::with_files(&[("notes.md", "one\ntwo\n")]);
    agent(&world, "critic", &format!("cat > \"$4\" <<'END'\n{TWO}\nEND\n"));
    agent(
        &world,
        "echo",
        r#"n=$(grep -o '"id": *"f[0-9]*"' "$2" | wc -l)
printf '{"kind": "text", "text": "It got %s findings."}' "$((n))" > "$4""#,
    );
    let go = world.root().join("go");
    let slow = format!(
        "while [ ! -e '{}' ]; do sleep 0.02; done\nprintf '{{\"kind\": \"text\", \"text\": \"Slowly.\"}}' > \"$4\"",
        go.display()
    );
    agent(&world, "slow", &slow);
    agent(&world, "broken", "exit 7");
    world.workflow("gate", GATE);
    world.workflow("slow", SLOW);
    world
}

/// Lets `@slow` end its turns.
fn go(world: &World) {
    fs::write(world.root().join("go"), "").expect("the file that lets @slow go on");
}

/// Adds an agent that is a shell script: `$2` is the request, `$4` is where the result goes.
fn agent(world: &World, name: &str, script: &str) {
    world.profile(
        name,
        &format!("name: {name}\ntitle: The script {name}\ndriver: tool\ncommand: [./{name}.sh]\naccess: read\n"),
    );
    program(&world.config().join("agents").join(format!("{name}.sh")), script);
}

/// Writes a shell script that can be run.
fn program(path: &std::path::Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).expect("the script");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("the script's mode");
}

/// Starts the workflow `gate` and leaves it at its pause, `p1` of `r1` in a fresh world.
fn at_the_gate(world: &World) {
    world.callboard(&["run", "gate"]).code(3, "a run at a pause");
}

/// Waits until `callboard ARGS --json` gives an object that fits.
#[track_caller]
fn until(world: &World, name: &str, args: &[&str], fits: impl Fn(&Value) -> bool) -> Value {
    let mut all = args.to_vec();
    all.push("--json");
    let look = || world.callboard(&all).ok(name).json().into_iter().find(&fits);
    crate::support::wait_for(name, LIMIT, look, || world.story())
}

/// Returns the status of a run, as programs read it.
fn status(world: &World, run: &str) -> String {
    let shown = world.callboard(&["show", run, "--json"]).ok("callboard show").json();
    shown[0]["run"]["status"].as_str().unwrap_or("none").to_owned()
}

/// Waits for a line with `part` in it.
fn line_with(live: &mut Live, part: &str) -> String {
    live.line(&format!("a line with {part:?}"), LIMIT, |line| line.contains(part))
}
