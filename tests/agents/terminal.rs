//! The driver of interactive programs.

use std::fs;

use callboard::{
    agent::{AgentState, Source, TurnTimes},
    hub::{effect::Effect, event::Event},
    ids::TurnId,
    outcome::{FailureClass, ResultKind, TurnOutcome, TypedResult},
    process::Identity,
};

use super::support::{World, wait_for_file, wait_until_gone};

/// Signs in the title, the first prompt as an argument.
const FAKE: &str = r#"
name: fake
title: The scripted agent
driver: terminal
command: [FAKE]
instances: 3
terminal:
  rows: 30
  columns: 100
  first-prompt: ["{prompt}"]
  title:
    idle: ['^fake: idle']
    working: ['^fake: working']
    permission: ['^fake: permission']
  failures:
    - {class: rate_limited, pattern: '^ERROR 429'}
  submit: {echo: ['\[Pasted text #\d+'], echo-within: 5s, enter-after: 200ms, new-line: ['^❯ .*⏎+$']}
  interrupt: [esc]
  clear: ctrl-u
  exit: /exit
  drop: ['^❯\s*$', '^fake agent$']
"#;

/// No title: only the screen tells.
const MUTE: &str = r"
name: mute
title: The scripted agent with no title
driver: terminal
command: [FAKE, --no-title]
terminal:
  rows: 30
  columns: 100
  screen:
    idle: ['^❯']
    working: ['\(esc to interrupt\)']
    permission: ['^ ❯ 1\. Yes, do it$']
  submit: {echo-within: 5s, settle: 400ms}
  interrupt: [esc]
  clear: ctrl-u
  drop: ['^❯\s*$', '^fake agent$']
";

fn world() -> World {
    World::new(&[FAKE, MUTE])
}

/// A world whose agent's program is started with these arguments, as YAML has them.
pub fn with(arguments: &str) -> World {
    World::new(&[&FAKE.replace("command: [FAKE]", &format!("command: [FAKE, {arguments}]"))])
}

const REVIEW: &str = r#"{"kind": "review", "verdict": "approved", "summary": "fine"}"#;

fn review(outcome: &TurnOutcome) -> &str {
    match outcome {
        TurnOutcome::Answered { result: Some(TypedResult::Review(it)), .. } => &it.summary,
        other => panic!("no review: {other:?}"),
    }
}

#[test]
fn prompts_are_answered_by_one_program_that_stays() {
    let world = world();
    world.start("fake", 1, "[[say hello]]");
    assert_eq!(world.answer(1), "hello");
    let first = world.process("fake");
    world.start("fake", 2, "[[say one]] [[sleep 50]] [[say two]]");
    assert_eq!(world.answer(2), "one\ntwo");
    world.start("fake", 3, "no directive");
    assert_eq!(world.answer(3), "you said 12 characters in turn 3");
    assert_eq!(world.process("fake"), first);
    let told = world.seen(|event| match event {
        Event::TurnStarted { turn } => Some(format!("{turn} started")),
        Event::TurnEnded { turn, .. } => Some(format!("{turn} ended")),
        _ => None,
    });
    assert_eq!(told, ["t1 started", "t1 ended", "t2 started", "t2 ended", "t3 started", "t3 ended"]);
}

#[test]
fn promise_1_a_turn_that_is_started_twice_is_taken_once() {
    let world = world();
    let log = world.path("log");
    let prompt = format!("[[append {} once]] [[say done]]", log.display());
    world.start("fake", 1, &prompt);
    world.start("fake", 1, &prompt);
    world.answer(1);
    world.start("fake", 1, &prompt);
    world.start("fake", 2, "[[say after]]");
    world.answer(2);
    assert_eq!(fs::read_to_string(log).unwrap(), "once\n");
}

#[test]
fn a_long_prompt_that_is_folded_is_submitted_and_answered() {
    let world = world();
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    let long = format!("{}\n[[say second]]", "a line of text that fills the paste\n".repeat(60));
    world.start("fake", 2, &long);
    assert_eq!(world.answer(2), "second");
}

#[test]
fn promise_3_with_no_title_the_screen_tells_and_is_labelled() {
    let world = world();
    world.start("mute", 1, "[[chat 300]] [[say hello]]");
    assert!(world.answer(1).ends_with("hello"));
    world.start("mute", 2, "[[say quick]]");
    assert_eq!(world.answer(2), "quick");
    let sources = world.seen(|event| match event {
        Event::AgentChanged { claim, .. } if claim.state == AgentState::Idle => Some(claim.source),
        _ => None,
    });
    assert!(!sources.is_empty() && sources.iter().all(|it| *it == Source::Screen), "{sources:?}");
}

#[test]
fn promise_3_what_is_drawn_and_taken_back_in_one_update_is_not_believed() {
    let world = world();
    world.start("mute", 1, "[[frame ❯ 1. Yes, do it]] [[say hello]]");
    assert!(world.answer(1).ends_with("hello"));
    let asked = world.seen(|event| match event {
        Event::AgentChanged { claim, .. } if claim.state == AgentState::WaitingForPermission => Some(()),
        _ => None,
    });
    assert_eq!(asked, []);
}

#[test]
fn a_typed_result_comes_by_file_or_by_fence() {
    let world = world();
    world.start_with("fake", 1, &format!("[[result {REVIEW}]] [[say looked]]"), |it| it.expects = ResultKind::Review);
    let outcome = world.end(1);
    assert_eq!(review(&outcome), "fine");
    assert!(matches!(&outcome, TurnOutcome::Answered { text, .. } if text == "looked"), "{outcome:?}");
    world.start_with("fake", 2, &format!("[[say well]] [[fence {REVIEW}]]"), |it| it.expects = ResultKind::Review);
    let outcome = world.end(2);
    assert_eq!(review(&outcome), "fine");
    assert!(matches!(&outcome, TurnOutcome::Answered { text, .. } if text == "well"), "{outcome:?}");
}

#[test]
fn an_invalid_result_is_asked_for_again_once() {
    let world = world();
    world.start_with("fake", 1, &format!("[[invalid once {REVIEW}]]"), |it| it.expects = ResultKind::Review);
    assert_eq!(review(&world.end(1)), "fine");
    world.start_with("fake", 2, "[[invalid always]]", |it| it.expects = ResultKind::Review);
    let why = world.failure(2, FailureClass::InvalidResult);
    assert!(why.contains("twice") && why.contains("perhaps"), "{why}");
}

/// A result of the workflow's own form is held against its schema: a first that does not fit is asked for again, and what is wrong
/// with a second is told with its place.
#[test]
fn a_result_that_does_not_fit_its_schema_is_asked_for_again_once() {
    let world = world();
    let schema = serde_json::json!({
        "type": "object", "required": ["n", "verdict"],
        "properties": { "n": { "type": "integer" }, "verdict": { "enum": ["yes", "no"] } },
    });
    world.start_with("fake", 1, r#"[[invalid once {"n": 3, "verdict": "yes"}]]"#, |it| {
        it.expects = ResultKind::Json(schema.clone());
    });
    let outcome = world.end(1);
    let TurnOutcome::Answered { result: Some(TypedResult::Json(result)), .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(result.value, serde_json::json!({ "n": 3, "verdict": "yes" }));
    world.start_with("fake", 2, "[[invalid always]]", |it| it.expects = ResultKind::Json(schema));
    let why = world.failure(2, FailureClass::InvalidResult);
    assert!(why.contains("twice") && why.contains("the value has no \"n\", which is required"), "{why}");
}

#[test]
fn promise_3_a_turn_with_no_result_is_not_a_success() {
    let world = world();
    world.start_with("fake", 1, "[[say all is well]]", |it| it.expects = ResultKind::Review);
    assert!(world.failure(1, FailureClass::InvalidResult).contains("there was none"));
}

#[test]
fn promise_2_nothing_is_typed_into_an_open_dialog() {
    let world = world();
    let log = world.path("dialog");
    world.start_with("fake", 1, &format!("[[ask {}]] [[say went on]]", log.display()), |it| {
        it.times = TurnTimes { start: Some(30_000), idle: Some(300), total: Some(60_000) };
    });
    let claim = world.state("fake", &AgentState::WaitingForPermission);
    assert_eq!(claim.source, Source::Title);
    // The next turn has its prompt and its Enter ready. Longer than the idle limit, nothing may happen.
    world.start("fake", 2, "[[say second]]");
    std::thread::sleep(std::time::Duration::from_millis(900));
    assert_eq!(fs::read_to_string(&log).unwrap_or_default(), "", "something was typed into the dialog");
    world.type_into("fake", "\r");
    assert!(world.answer(1).ends_with("went on"));
    assert_eq!(world.answer(2), "second");
    assert_eq!(fs::read_to_string(&log).unwrap(), "Enter\napproved\n");
}

#[test]
fn promise_2_a_dialog_that_the_developer_opened_between_turns_is_not_typed_into() {
    let world = world();
    let log = world.path("dialog");
    world.start("fake", 1, "[[say ready]]");
    world.answer(1);
    world.type_into("fake", &format!("[[ask {}]]\r", log.display()));
    world.state("fake", &AgentState::WaitingForPermission);
    world.start("fake", 2, "[[say after]]");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(fs::read_to_string(&log).unwrap_or_default(), "");
    world.type_into("fake", "\u{1b}");
    assert_eq!(world.answer(2), "after");
    assert_eq!(fs::read_to_string(&log).unwrap(), "Esc\ndenied\n");
}

#[test]
fn promise_3_silence_is_never_done() {
    let world = world();
    world.start_with("fake", 1, "[[say begun]] [[sleep 600000]]", |it| it.times.idle = Some(700));
    let why = world.failure(1, FailureClass::IdleTimeout);
    assert!(why.contains("700 ms"), "{why}");
    world.start("fake", 2, "[[say still here]]");
    assert_eq!(world.answer(2), "still here");
}

#[test]
fn a_turn_that_chats_for_ever_ends_at_its_limit() {
    let world = world();
    world.start_with("fake", 1, "[[chat 600000]]", |it| it.times.total = Some(1_500));
    world.failure(1, FailureClass::TotalTimeout);
}

#[test]
fn a_program_that_is_never_ready_is_ended() {
    let world = with("--script, '[[say wait]] [[hang]]'");
    world.start_with("fake", 1, "-[[say never]]", |it| it.times.start = Some(1_500));
    let why = world.failure(1, FailureClass::StartTimeout);
    assert!(why.contains("wait"), "{why}");
    wait_until_gone(&world.process("fake"), "the program");
}

#[test]
fn an_interrupt_keeps_the_program_and_leaves_nothing_in_its_line() {
    let world = world();
    world.start("fake", 1, "[[say begun]] [[sleep 600000]]");
    world.state("fake", &AgentState::Working);
    world.wait_for_screen("fake", "begun");
    let first = world.process("fake");
    world.interrupt("fake", 9);
    world.interrupt("fake", 1);
    world.failure(1, FailureClass::Interrupted);
    world.type_into("fake", "half a thought");
    world.wait_for_screen("fake", "half a thought");
    world.start("fake", 2, "[[say clean]]");
    assert_eq!(world.answer(2), "clean");
    assert_eq!(world.process("fake"), first);
}

#[test]
fn promise_6_a_program_that_takes_no_interrupt_is_ended_with_its_session() {
    let world = with("--ignore, 'HUP,TERM,INT'");
    let log = world.path("log");
    let prompt = format!("[[append {} begun]] [[hang]]", log.display());
    world.start("fake", 1, &prompt);
    wait_for_file(&log, "the turn's begin", |it| it.contains("begun"));
    let process = world.process("fake");
    world.interrupt("fake", 1);
    world.failure(1, FailureClass::Interrupted);
    wait_until_gone(&process, "the program");
    world.start("fake", 2, "[[say anew]]");
    assert_eq!(world.answer(2), "anew");
}

#[test]
fn a_crash_is_a_failure_with_what_it_last_said_and_the_next_turn_starts_anew() {
    let world = world();
    world.start("fake", 1, "[[say oh no]] [[exit 7]]");
    let why = world.failure(1, FailureClass::Crashed);
    assert!(why.contains("exit code 7") && why.contains("oh no"), "{why}");
    world.start("fake", 2, "[[signal KILL]]");
    assert!(world.failure(2, FailureClass::Crashed).contains("signal 9"));
    world.start("fake", 3, "[[exit 0]]");
    assert!(world.failure(3, FailureClass::Crashed).contains("exit code 0"));
    world.start("fake", 4, "[[say anew]]");
    assert_eq!(world.answer(4), "anew");
}

#[test]
fn promise_3_a_program_that_ends_between_turns_is_told() {
    let world = world();
    world.start("fake", 1, "[[say hello]]");
    world.answer(1);
    world.type_into("fake", "[[exit 3]]\r");
    let claim = world.state("fake", &AgentState::Crashed);
    assert_eq!(claim.source, Source::ExitStatus);
    world.start("fake", 2, "[[say anew]]");
    assert_eq!(world.answer(2), "anew");
}

#[test]
fn a_failure_on_the_screen_has_its_class() {
    let world = world();
    world.start("fake", 1, "[[say ERROR 429 slow down]]");
    assert!(world.failure(1, FailureClass::RateLimited).contains("slow down"));
    world.start("fake", 2, "[[say fine again]]");
    assert_eq!(world.answer(2), "fine again");
}

#[test]
fn promise_2_what_an_agent_prints_is_never_an_event() {
    let world = world();
    world.start("fake", 1, "[[forge]] [[title approved p1]] [[title fake: working]] [[say done]]");
    assert!(world.answer(1).contains("callboard/decide"));
    let others = world.seen(|event| match event {
        Event::TurnStarted { turn: TurnId(1) }
        | Event::TurnEnded { turn: TurnId(1), .. }
        | Event::AgentChanged { .. } => None,
        other => Some(format!("{other:?}")),
    });
    assert_eq!(others, Vec::<String>::new());
}

#[test]
fn split_escapes_and_a_flood_do_not_hide_the_end() {
    let world = world();
    world.start("fake", 1, "[[split grüße ✓]] [[say after]]");
    assert_eq!(world.answer(1), "grüße ✓\nafter");
    world.start("fake", 2, "[[flood 4]] [[say the end]]");
    let text = world.answer(2);
    assert!(text.ends_with("the end") && text.len() < 300 * 1024, "{} bytes", text.len());
}

#[test]
fn it_has_the_size_and_the_environment_of_its_profile_and_no_more() {
    let world = world();
    world.start("fake", 1, "[[size]] [[env]]");
    let text = world.answer(1);
    let home = world.folder.path().to_string_lossy().into_owned();
    let mut lines: Vec<String> = text.replace('\n', "").split("env ").map(str::to_owned).collect();
    assert_eq!(lines.remove(0), "size 30x100");
    let mut names: Vec<&str> = lines.iter().filter_map(|it| it.split_once('=')).map(|it| it.0).collect();
    names.sort_unstable();
    let expect = [
        "CALLBOARD_AGENT",
        "CALLBOARD_RESULT",
        "CALLBOARD_SESSION",
        "CALLBOARD_WORKSPACE",
        "COLORTERM",
        "HOME",
        "LANG",
        "PATH",
        "SHELL",
        "TERM",
    ];
    assert_eq!(names, expect);
    assert!(lines.contains(&format!("HOME={home}")), "{lines:?}");
    assert!(lines.contains(&"PATH=/usr/local/bin:/usr/bin:/bin".to_owned()), "{lines:?}");
    assert!(lines.contains(&"CALLBOARD_AGENT=fake".to_owned()), "{lines:?}");
}

#[test]
fn promise_6_stopping_ends_the_whole_session_and_so_does_the_hubs_end() {
    let world = world();
    world.start("fake", 1, "[[grandchild tty 600]] [[grandchild notty 600]]");
    let text = world.answer(1);
    let children: Vec<Identity> = text
        .lines()
        .map(|it| Identity::of(it.strip_prefix("grandchild ").unwrap().parse().unwrap()).unwrap())
        .collect();
    assert_eq!(children.len(), 2);
    let process = world.process("fake");
    world.effect(Effect::StopAgent { agent: "fake".parse().unwrap() });
    world.state("fake", &AgentState::Stopped);
    for child in &children {
        wait_until_gone(child, "a grandchild");
    }
    wait_until_gone(&process, "the program");
    world.start("fake", 2, "[[grandchild notty 600]]");
    let text = world.answer(2);
    let child = Identity::of(text.trim().strip_prefix("grandchild ").unwrap().parse().unwrap()).unwrap();
    let process = world.process("fake");
    world.end_runner();
    wait_until_gone(&child, "the grandchild");
    wait_until_gone(&process, "the program");
    assert_eq!(fs::read_dir(world.folder.path().join("processes")).unwrap().count(), 0, "a note was left behind");
}

#[test]
fn a_turn_that_waits_is_ended_when_its_agent_is_stopped_or_it_is_withdrawn() {
    let world = world();
    world.start("fake", 1, "[[sleep 600000]]");
    world.start("fake", 2, "[[say second]]");
    world.start("fake", 3, "[[say third]]");
    world.state("fake", &AgentState::Working);
    world.interrupt("fake", 2);
    assert!(world.failure(2, FailureClass::Interrupted).contains("before it began"));
    world.effect(Effect::StopAgent { agent: "fake".parse().unwrap() });
    world.failure(1, FailureClass::Interrupted);
    assert_eq!(world.answer(3), "third");
}

#[test]
fn a_profile_that_changed_holds_for_the_next_turn() {
    let world = world();
    world.start("fake", 1, "[[size]]");
    assert_eq!(world.answer(1), "size 30x100");
    let first = world.process("fake");
    world.load(&[&FAKE.replace("rows: 30", "rows: 33")]);
    world.start("fake", 2, "[[size]]");
    assert_eq!(world.answer(2), "size 33x100");
    wait_until_gone(&first, "the old program");
}

#[test]
fn an_agent_that_is_stopped_while_idle_is_asked_to_leave() {
    let world = world();
    let log = world.path("log");
    world.start("fake", 1, &format!("[[at-exit {}]] [[say ready]]", log.display()));
    world.answer(1);
    world.effect(Effect::StopAgent { agent: "fake".parse().unwrap() });
    world.state("fake", &AgentState::Stopped);
    assert_eq!(fs::read_to_string(log).unwrap(), "left by /exit\n");
}

#[test]
fn instances_work_side_by_side_each_in_its_own_program() {
    let world = world();
    for (turn, agent) in [(1, "fake"), (2, "fake-2"), (3, "fake-3")] {
        world.start(agent, turn, &format!("[[sleep 300]] [[say from {agent}]]"));
    }
    let mut answers: Vec<String> = Vec::new();
    while answers.len() < 3 {
        answers.push(world.wait("an answer", |event| match event {
            Event::TurnEnded { outcome: TurnOutcome::Answered { text, .. }, .. } => Some(text.clone()),
            _ => None,
        }));
    }
    answers.sort();
    assert_eq!(answers, ["from fake", "from fake-2", "from fake-3"]);
    assert_ne!(world.process("fake").pid, world.process("fake-2").pid);
}

#[test]
fn promise_3_a_fault_in_a_driver_is_a_crash_and_not_silence() {
    let world = world();
    world.panics.store(true, std::sync::atomic::Ordering::SeqCst);
    world.start("fake", 1, "[[say never]]");
    assert!(world.failure(1, FailureClass::Crashed).contains("failed within Callboard"));
    world.panics.store(false, std::sync::atomic::Ordering::SeqCst);
    world.state("fake", &AgentState::Crashed);
    world.start("fake", 2, "[[say anew]]");
    assert_eq!(world.answer(2), "anew");
}
