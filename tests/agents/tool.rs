//! The driver of tools.

use std::fs;

use callboard::{
    agent::{AgentState, Source},
    outcome::{FailureClass, ResultKind, TurnOutcome, TypedResult},
};

use super::support::{World, wait_for_file, wait_until_gone};

const FAKE: &str = "
name: check
title: A tool
driver: tool
command: [FAKE]
env: [SECRET]
set: {COLOUR: blue}
exits: {3: not_installed}
";

const RESULT: &str = r#"[[result {"kind": "tests", "verdict": "passed", "summary": "3 passed", "passed": 3}]]"#;

fn world() -> World {
    World::new(&[FAKE])
}

#[test]
fn a_tools_result_is_the_answer_whatever_its_exit_code() {
    let world = world();
    world.start_with("check", 1, RESULT, |it| it.expects = ResultKind::Tests);
    let TurnOutcome::Answered { text, result: Some(TypedResult::Tests(tests)), .. } = world.end(1) else {
        panic!("no result")
    };
    assert_eq!((text.as_str(), tests.passed), ("3 passed", 3));
    world.start_with("check", 2, &format!("{RESULT} [[exit 1]]"), |it| it.expects = ResultKind::Tests);
    assert_eq!(world.answer(2), "3 passed");
    world.start("check", 3, RESULT);
    assert_eq!(world.answer(3), "3 passed");
}

#[test]
fn promise_3_exit_0_with_no_result_is_not_success() {
    let world = world();
    world.start_with("check", 1, RESULT, |it| it.expects = ResultKind::Tests);
    world.answer(1);
    // The result of the turn before is no result of this one.
    world.start_with("check", 2, "[[say all is well]]", |it| it.expects = ResultKind::Tests);
    let why = world.failure(2, FailureClass::Crashed);
    assert!(why.contains("exit code 0 without a result") && why.contains("all is well"), "{why}");
    let claim = world.seen(|event| match event {
        callboard::hub::event::Event::AgentChanged { claim, .. } => Some(claim.clone()),
        _ => None,
    });
    let last = claim.last().unwrap();
    assert_eq!((&last.state, last.source), (&AgentState::Crashed, Source::ExitStatus));
}

#[test]
fn an_exit_code_of_the_profile_has_its_class_and_a_signal_is_a_crash() {
    let world = world();
    world.start("check", 1, "[[say no cargo here]] [[exit 3]]");
    assert!(world.failure(1, FailureClass::NotInstalled).contains("no cargo here"));
    world.start("check", 2, "[[signal KILL]]");
    assert!(world.failure(2, FailureClass::Crashed).contains("signal 9"));
}

#[test]
fn a_bad_result_is_a_failure_that_says_why() {
    let world = world();
    world.start_with("check", 1, RESULT, |it| it.expects = ResultKind::Review);
    assert!(world.failure(1, FailureClass::InvalidResult).contains("\"review\" was asked for"));
    world.start("check", 2, r#"[[result {"kind": "tests"}]]"#);
    assert!(world.failure(2, FailureClass::InvalidResult).contains("verdict"));
}

#[test]
fn a_tool_that_is_silent_or_slow_ends_at_its_limit_with_its_session() {
    let world = world();
    world.start_with("check", 1, "[[say begun]] [[sleep 600000]]", |it| it.times.idle = Some(600));
    world.state("check", &AgentState::Working);
    world.failure(1, FailureClass::IdleTimeout);
    wait_until_gone(&world.process("check"), "the tool");
    world.start_with("check", 2, "[[chat 600000]]", |it| it.times.total = Some(1_000));
    world.failure(2, FailureClass::TotalTimeout);
    wait_until_gone(&world.process("check"), "the tool");
}

#[test]
fn an_interrupt_ends_the_tool() {
    let world = world();
    let log = world.path("log");
    world.start("check", 1, &format!("[[append {} begun]] [[sleep 600000]]", log.display()));
    wait_for_file(&log, "the turn's begin", |it| it.contains("begun"));
    world.interrupt("check", 1);
    world.failure(1, FailureClass::Interrupted);
    wait_until_gone(&world.process("check"), "the tool");
}

#[test]
fn promise_7_a_tool_sees_the_environment_that_it_is_given_and_nothing_else() {
    let world = world();
    world.start("check", 7, &format!("[[env]] [[args]] {RESULT}"));
    world.answer(7);
    let screen = world.screen("check").replace('\n', "");
    for line in ["env CALLBOARD_AGENT=check", "env CALLBOARD_TURN=t7", "env COLOUR=blue", "env SECRET=canary"] {
        assert!(screen.contains(line), "{line} is not in {screen}");
    }
    assert!(screen.contains("CALLBOARD_REQUEST=") && screen.contains("arg 1=--request"), "{screen}");
    assert!(!screen.contains("evil"), "{screen}");
    assert_eq!(screen.matches("env ").count(), 14, "{screen}");
    assert_eq!(fs::read_dir(world.folder.path().join("results/check")).unwrap().count(), 0, "files were left behind");
}

#[test]
fn what_is_not_there_is_not_installed() {
    let world = World::new(&[
        "name: gone\ntitle: Gone\ndriver: tool\ncommand: [/nowhere/gone]\nmissing: get it from the shop\n",
        FAKE,
    ]);
    world.start("gone", 1, "x");
    assert!(world.failure(1, FailureClass::NotInstalled).contains("get it from the shop"));
    world.start("nobody", 2, "x");
    assert!(world.failure(2, FailureClass::NotInstalled).contains("there is no agent @nobody"));
    world.start_with("check", 3, RESULT, |it| it.cwd = "/nowhere".into());
    assert!(world.failure(3, FailureClass::Crashed).contains("/nowhere"));
}

#[test]
fn a_script_that_a_user_wrote_is_a_tool() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("todo.sh");
    let text = "#!/bin/sh\nset -e\ngrep -q '\"prompt\":\"look\"' \"$CALLBOARD_REQUEST\"\n\
        printf '{\"verdict\":\"changes_requested\",\"findings\":[{\"severity\":\"info\",\"text\":\"a todo\"}]}' > \"$CALLBOARD_RESULT\"\n";
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let bad = folder.path().join("bad.sh");
    fs::write(&bad, "#!/nowhere/interpreter\n").unwrap();
    fs::set_permissions(&bad, fs::Permissions::from_mode(0o755)).unwrap();
    let profile = |name: &str, path: &std::path::Path| {
        format!("name: {name}\ntitle: A script\ndriver: tool\ncommand: [{}]\n", path.display())
    };
    let world = World::new(&[&profile("todo", &script), &profile("bad", &bad)]);
    world.start_with("todo", 1, "look", |it| it.expects = ResultKind::Review);
    assert_eq!(world.answer(1), "Changes requested: 1 finding.");
    world.start("bad", 2, "look");
    assert!(world.failure(2, FailureClass::NotInstalled).contains("cannot be executed"));
}
