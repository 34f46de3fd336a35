//! The harness's own promises: what it reports as left over, what it refuses to kill, what it says when a wait fails.

use std::{panic::catch_unwind, process::Command, time::Duration};

use serde_json::json;

use crate::support::{Live, World, editor::Editor, processes, wait_for};

#[test]
fn a_process_that_outlives_its_world_is_found_and_cleared_away() {
    let world = World::new();
    let mut command = world.command("sh");
    // A child that leaves the session and closes everything: what a careless agent leaves behind.
    command.args(["-c", "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo started"]);
    Live::start(command, "sh", false).finish(Duration::from_secs(30)).ok("sh");
    let found = wait_for(
        "the sleeper",
        Duration::from_secs(30),
        || {
            let all = processes::of(world.root());
            all.into_iter().find(|process| process.command_line().starts_with("sleep 300"))
        },
        || world.story(),
    );
    assert!(found.is_alive());
    let failure = catch_unwind(std::panic::AssertUnwindSafe(|| world.end_within(Duration::from_millis(200))))
        .expect_err("the survivor goes unnoticed");
    let said = failure.downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(said.contains("outlived") && said.contains("sleep 300"), "{said}");
    wait_for("the sleeper's end", Duration::from_secs(30), || (!found.is_alive()).then_some(()), || world.story());
}

#[test]
fn only_the_worlds_own_processes_are_killed_promise_6() {
    let world = World::new();
    let mut foreign = Command::new("sleep").arg("300").spawn().expect("a process of nobody");
    let refused = catch_unwind(std::panic::AssertUnwindSafe(|| world.kill9(foreign.id())));
    assert!(refused.is_err(), "a foreign process was killed");
    assert!(foreign.try_wait().expect("its state").is_none(), "the foreign process ended");
    foreign.kill().expect("it is ours to end here");
    foreign.wait().expect("its end");
}

#[test]
fn a_wait_in_vain_says_what_it_waited_for_and_what_is_known() {
    let failure = catch_unwind(|| {
        wait_for("the first snow", Duration::from_millis(5), || None::<()>, || "it is July".to_owned());
    });
    let said = failure.expect_err("it came").downcast_ref::<String>().cloned().unwrap_or_default();
    assert!(said.contains("the first snow") && said.contains("it is July"), "{said}");
}

#[test]
fn output_that_no_test_reads_fails_it() {
    let world = World::new();
    let mut command = world.command("sh");
    command.args(["-c", "echo first; echo second; exec sleep 300"]);
    let mut live = Live::start(command, "sh", true);
    live.line("the first line", Duration::from_secs(30), |line| line == "first");
    wait_for("the pipe to be read", Duration::from_secs(30), || live.has_unread().then_some(()), || world.story());
    let failure = catch_unwind(std::panic::AssertUnwindSafe(move || drop(live))).expect_err("it went unnoticed");
    assert!(failure.downcast_ref::<String>().is_some_and(|said| said.contains("second")));
}

#[test]
fn a_word_of_the_server_that_no_test_looks_at_fails_it() {
    let world = World::with_files(&[("notes.md", "# Notes\n")]);
    let told = || {
        // A client that shows no documents is told where the page is.
        let mut editor = Editor::with(&world, &json!({ "textDocument": {} }), &json!({ "prompts": false }));
        editor.run("callboard.openChannel", &json!({}));
        wait_for(
            "the word",
            Duration::from_secs(60),
            || editor.has("window/showMessage").then_some(()),
            || world.story(),
        );
        editor
    };
    let left = |editor: Editor| {
        let failure = catch_unwind(std::panic::AssertUnwindSafe(move || drop(editor)));
        failure.err().map(|it| it.downcast_ref::<String>().cloned().unwrap_or_default())
    };
    let said = left(told()).expect("it went unnoticed");
    assert!(said.contains("window/showMessage") && said.contains("never looked at"), "{said}");
    let ended = catch_unwind(std::panic::AssertUnwindSafe(|| told().code())).expect_err("it went unnoticed");
    assert!(ended.downcast_ref::<String>().is_some_and(|said| said.contains("never looked at")));

    let mut named = told();
    named.may_come("window/showMessage", ".md");
    assert_eq!(left(named), None, "it was named");
    let mut looked = told();
    looked.told(".md");
    assert_eq!(left(looked), None, "it was looked at");
    let mut other = told();
    other.may_come("window/showMessage", "something else");
    assert!(left(other).is_some(), "another was named");
    let mut asked = told();
    asked.told(".md");
    let id = asked.begin("callboard/inbox", &json!({}));
    assert!(asked.has_answer(id));
    assert!(left(asked).is_some_and(|it| it.contains("\"result\"")), "an answer is a message too");
}

#[test]
fn a_worlds_environment_is_its_own() {
    let world = World::new();
    world.env("FLAVOUR", "vanilla");
    let ran = Live::start(world.command("env"), "env", false).finish(Duration::from_secs(30)).ok("env");
    let home = format!("HOME={}", world.home().display());
    assert!(ran.stdout.lines().any(|line| line == home), "{}", ran.stdout);
    assert!(ran.stdout.lines().any(|line| line == "FLAVOUR=vanilla"), "{}", ran.stdout);
    let foreign = ["NVIM", "VSCODE", "CLAUDE", "CODEX", "ANTHROPIC", "GIT_"];
    let stray: Vec<&str> = ran.stdout.lines().filter(|line| foreign.iter().any(|it| line.starts_with(it))).collect();
    assert!(stray.is_empty(), "the developer's own environment came in: {stray:?}");
}
