//! Enter behind a prompt that does not submit it: taken for a new line, lost, or read late.

use std::fs;

use callboard::{agent::AgentState, hub::event::Event, outcome::FailureClass};

use super::terminal::with;

/// As Gemini CLI does on a machine that is busy.
#[test]
fn an_enter_that_was_taken_for_a_new_line_is_pressed_again_and_told() {
    let world = with("--new-lines, '2'");
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    let long = format!("{}\n[[say second]]", "a line of text that fills the paste\n".repeat(60));
    world.start("fake", 2, &long);
    assert_eq!(world.answer(2), "second");
    let told = world.seen(|event| match event {
        Event::AgentChanged { claim, .. } if claim.why.contains("pressed again") => Some(claim.why.clone()),
        _ => None,
    });
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[1].contains("3 times"), "{told:?}");
    // One that submits is not pressed again.
    world.start("fake", 3, "[[say third]]");
    assert_eq!(world.answer(3), "third");
}

#[test]
fn a_program_that_takes_every_enter_for_a_new_line_fails_the_turn_and_the_next_begins_with_an_empty_line() {
    let world = with("--new-lines, '4'");
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    world.start("fake", 2, "[[say never]]");
    let why = world.failure(2, FailureClass::StartTimeout);
    assert!(why.contains("pressed 4 times") && why.contains("did not submit"), "{why}");
    world.start("fake", 3, "[[say clean]]");
    assert_eq!(world.answer(3), "clean");
}

/// The prompt stands there, the new line shows, and what is open would take Enter as a yes.
#[test]
fn promise_2_a_dialog_that_opens_behind_an_enter_is_not_pressed_into() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("dialog");
    let world = with(&format!("--new-lines, '1', --then-ask, {}", log.display()));
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    world.start("fake", 2, "[[say second]]");
    world.state("fake", &AgentState::WaitingForPermission);
    std::thread::sleep(std::time::Duration::from_millis(900));
    assert_eq!(fs::read_to_string(&log).unwrap_or_default(), "", "something was typed into the dialog");
    world.type_into("fake", "\u{1b}");
    // It is typed anew when the person has answered.
    assert_eq!(world.answer(2), "second");
    assert_eq!(fs::read_to_string(&log).unwrap(), "Esc\ndenied\n");
}

#[test]
fn an_enter_that_was_lost_is_pressed_again_when_it_is_sure_that_it_was() {
    let world = with("--lost, '1'");
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    let log = world.path("prompt");
    world.start("fake", 2, &format!("[[append {} once]]", log.display()));
    world.answer(2);
    assert_eq!(fs::read_to_string(&log).unwrap(), "once\n");
    // What was put behind the prompt to see whether it is read was taken away again.
    world.start("fake", 3, "one\ntwo");
    assert_eq!(world.answer(3), "you said 7 characters in turn 3");
}

/// Its Enter is read only when the next would be due, and submits; what it asks then is a person's to answer.
#[test]
fn promise_2_an_enter_that_is_read_late_is_not_pressed_again_into_the_dialog_that_it_led_to() {
    let world = with("--late, '3100'");
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    let log = world.path("dialog");
    world.start("fake", 2, &format!("[[ask {}]] [[say went on]]", log.display()));
    world.state("fake", &AgentState::WaitingForPermission);
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    let keys = fs::read_to_string(&log).unwrap_or_default();
    assert!(!keys.contains("Enter") && !keys.contains("approved"), "{keys}");
    world.type_into("fake", "\u{1b}");
    world.answer(2);
    assert!(fs::read_to_string(&log).unwrap().ends_with("Esc\ndenied\n"));
    world.start("fake", 3, "[[say clean]]");
    assert_eq!(world.answer(3), "clean");
}

#[test]
fn a_turn_is_interrupted_while_its_enter_is_waited_for() {
    let world = with("--new-lines, '1000'");
    world.start("fake", 1, "[[say first]]");
    world.answer(1);
    world.start("fake", 2, "[[say second]]");
    world.wait_for_screen("fake", "⏎");
    world.interrupt("fake", 2);
    world.failure(2, FailureClass::Interrupted);
    world.type_into("fake", "mine");
    world.wait_for_screen("fake", "mine");
}
