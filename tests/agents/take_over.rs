//! An agent that a person takes over: its session in its program's own screen, and then back with its driver.

use callboard::{
    agent::{AgentState, TakeOver},
    hub::{
        effect::Effect,
        event::{Event, TakeOverCame},
    },
    process::is_alive,
};

use super::support::{World, session, wait_until_gone};

/// Speaks stream-json, and has a screen that goes on with the same sessions.
const BOTH: &str = "
name: fake
title: Speaks stream-json and has a screen
driver: stream-json
command: [FAKE]
access: write
stream:
  arguments: [stream]
  read: [--read-only]
  resume: [\"--resume={session}\"]
screen: [screen]
resume: [\"--resume={session}\"]
begin: [\"--session-id={session}\"]
terminal:
  rows: 30
  columns: 100
  title:
    idle: ['^fake: idle']
    working: ['^fake: working']
  exit: /exit
";

/// The interactive program itself.
const SCREEN: &str = r"
name: fake
title: The scripted agent
driver: terminal
command: [FAKE]
terminal:
  rows: 30
  columns: 100
  title:
    idle: ['^fake: idle']
    working: ['^fake: working']
    permission: ['^fake: permission']
  submit: {echo-within: 5s}
  interrupt: [esc]
  clear: ctrl-u
  exit: /exit
  drop: ['^❯\s*$', '^fake agent$']
";

fn take(world: &World, id: Option<&str>) {
    let wanted = TakeOver {
        agent: "fake".parse().unwrap(),
        number: 7,
        by: "ada".to_owned(),
        cwd: ".".into(),
        session: id.map(session),
    };
    world.effect(Effect::TakeOver(Box::new(wanted)));
}

fn hand_back(world: &World) {
    world.effect(Effect::HandBack { agent: "fake".parse().unwrap(), number: 7 });
}

/// Waits for the next word of a take-over.
fn came(world: &World) -> TakeOverCame {
    world.wait("what came of the take-over", |event| match event {
        Event::TakeOverCame { came, .. } => Some(came.clone()),
        _ => None,
    })
}

fn opened(world: &World) -> String {
    match came(world) {
        TakeOverCame::Opened { place, session } => {
            assert_eq!(place, ".");
            session.unwrap_or_default()
        }
        TakeOverCame::Over { why } => panic!("it is over: {why}"),
    }
}

fn why_over(world: &World) -> String {
    match came(world) {
        TakeOverCame::Over { why } => why,
        opened @ TakeOverCame::Opened { .. } => panic!("{opened:?}"),
    }
}

#[test]
fn one_session_goes_from_the_driver_to_the_screen_and_back() {
    let world = World::new(&[BOTH]);
    world.start("fake", 1, "hello");
    assert_eq!(world.answer(1), "session-1 turn 1 of 5 characters");
    let driven = world.process("fake");
    take(&world, Some("session-1"));
    assert_eq!(opened(&world), "session-1");
    assert!(!is_alive(&driven), "two programs have one session");
    world.wait_for_screen("fake", "❯");
    world.type_into("fake", "[[say from the screen]] [[size]]\r");
    world.wait_for_screen("fake", "size 30x100");
    let screen = world.process("fake");
    hand_back(&world);
    assert_eq!(why_over(&world), "it was handed back");
    wait_until_gone(&screen, "the screen");
    world.start_with("fake", 2, "again", |it| it.session = Some(session("session-1")));
    assert_eq!(world.answer(2), "session-1 turn 3 of 5 characters", "the person's turn is in the session");
}

#[test]
fn a_new_session_is_begun_with_an_id_of_ours_where_the_program_takes_one() {
    let world = World::new(&[BOTH]);
    take(&world, None);
    let id = opened(&world);
    assert_eq!(id.len(), 36, "{id}");
    world.wait_for_screen("fake", "❯");
    world.type_into("fake", "hi\r");
    world.wait_for_screen("fake", "you said 2 characters in turn 1");
    world.type_into("fake", "/exit\r");
    assert_eq!(why_over(&world), "its screen was closed", "a person may also just leave it");
    world.start_with("fake", 1, "hello", |it| it.session = Some(session(&id)));
    assert_eq!(world.answer(1), format!("{id} turn 2 of 5 characters"));
}

#[test]
fn what_can_not_be_opened_is_said_and_costs_nothing() {
    let world = World::new(&[&BOTH.replace("begin: [\"--session-id={session}\"]\n", "")]);
    world.start("fake", 1, "hello");
    assert!(world.answer(1).starts_with("session-1"));
    let driven = world.process("fake");
    take(&world, None);
    let why = why_over(&world);
    assert!(why.contains("has no session yet") && why.contains("send it a message first"), "{why}");
    assert!(is_alive(&driven), "its program was ended for nothing");
    take(&world, Some("gone"));
    opened(&world);
    let why = why_over(&world);
    assert!(why.contains("exit code 1") && why.contains("No conversation found"), "{why}");
    hand_back(&world);
    assert!(why_over(&world).contains("is gone"), "each hand-back is answered");
    world.start_with("fake", 2, "again", |it| it.session = Some(session("session-1")));
    assert!(world.answer(2).starts_with("session-1 turn 2"));
}

#[test]
fn a_terminal_agents_own_terminal_is_the_persons_and_what_they_left_in_its_line_is_no_prompt() {
    let world = World::new(&[SCREEN]);
    take(&world, None);
    assert_eq!(opened(&world), "");
    world.wait_for_screen("fake", "❯");
    let program = world.process("fake");
    world.type_into("fake", "[[say a person was here]]\r");
    world.wait_for_screen("fake", "a person was here");
    world.wait_for_screen("fake", "❯");
    world.type_into("fake", "half a thought");
    world.wait_for_screen("fake", "half a thought");
    hand_back(&world);
    assert_eq!(why_over(&world), "it was handed back");
    world.state("fake", &AgentState::Idle);
    world.start("fake", 1, "[[say mine]]");
    assert_eq!(world.answer(1), "mine");
    assert_eq!(world.process("fake"), program, "the program stays");
    take(&world, None);
    opened(&world);
    world.type_into("fake", "/exit\r");
    assert!(why_over(&world).contains("ended with exit code 0"));
    world.start("fake", 2, "[[say anew]]");
    assert_eq!(world.answer(2), "anew");
}

#[test]
fn promise_6_a_screen_ends_with_its_runner() {
    let world = World::new(&[BOTH]);
    take(&world, None);
    opened(&world);
    world.wait_for_screen("fake", "❯");
    let screen = world.process("fake");
    world.end_runner();
    wait_until_gone(&screen, "the screen");
}
