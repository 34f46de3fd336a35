//! The driver of the Agent Client Protocol against a scripted agent that does all that the protocol allows, in any order: a real
//! process on real pipes.

use callboard::{
    agent::{AgentState, Source},
    ask::Wish,
    hub::event::Event,
    ids::TurnId,
    outcome::{FailureClass, TurnOutcome},
};

use super::support::{World, session};

const FAKE: &str = "
name: fake
title: Speaks ACP
driver: acp
command: [FAKE, acp]
access: write
";

fn world() -> World {
    World::new(&[FAKE])
}

#[test]
fn updates_of_every_kind_in_any_order_come_to_the_words_that_were_said() {
    let world = world();
    world.start(
        "fake",
        1,
        "[[plan look]] [[think hm]] [[unknown]] [[other]] [[garbage]] [[say so ]] [[unknown]] [[say it is]]",
    );
    assert_eq!(world.answer(1), "so it is");
    // A second end, and words after the end, are no part of a later turn.
    world.start("fake", 2, "[[twice]] [[late stray]] [[say two]]");
    assert_eq!(world.answer(2), "two");
    // The protocol does not say of which turn a word is, so what comes after the end has to have come by now.
    std::thread::sleep(std::time::Duration::from_millis(500));
    world.start("fake", 3, "[[say three]]");
    assert_eq!(world.answer(3), "three");
    world.start("fake", 4, "no directive");
    assert_eq!(world.answer(4), "session-1 turn 4");
}

#[test]
fn promise_2_permissions_while_it_speaks_are_each_answered_once_and_by_their_kind() {
    let world = world();
    world.start("fake", 1, "[[ask execute|make]] [[say  then]]");
    let ask = world.asked(1);
    let Wish::Permission(wish) = &ask.wish else { panic!("{ask:?}") };
    assert!(wish.content.contains("make"), "{wish:?}");
    world.state("fake", &AgentState::WaitingForPermission);
    world.allow(1, &ask);
    assert_eq!(world.answer(1), "asking picked once then");
    world.start("fake", 2, "[[ask execute|make]]");
    let ask = world.asked(2);
    world.deny(2, &ask);
    assert_eq!(world.answer(2), "asking picked reject");
    // Two at once, answered in the other order.
    world.start("fake", 3, "[[both one|two]]");
    let (one, two) = (world.asked(3), world.asked(3));
    world.deny(3, &two);
    world.allow(3, &one);
    assert_eq!(world.answer(3), "picked once and picked reject");
    // Names and ids that say the opposite.
    world.start("fake", 4, "[[misleading]]");
    let ask = world.asked(4);
    world.deny(4, &ask);
    assert_eq!(world.answer(4), "picked allow");
    world.start("fake", 5, "[[misleading]]");
    let ask = world.asked(5);
    world.allow(5, &ask);
    assert_eq!(world.answer(5), "picked no");
    world.start("fake", 6, "[[kindless]]");
    let ask = world.asked(6);
    world.allow(6, &ask);
    assert_eq!(world.answer(6), "cancelled");
}

#[test]
fn a_cancel_while_it_speaks_or_asks_ends_the_turn_and_the_process_stays() {
    let world = world();
    world.start("fake", 1, "[[hang]]");
    world.wait_for_screen("fake", "still");
    let process = world.process("fake");
    world.interrupt("fake", 1);
    world.failure(1, FailureClass::Interrupted);
    world.start("fake", 2, "[[ask execute|make]]");
    let ask = world.asked(2);
    world.interrupt("fake", 2);
    world.failure(2, FailureClass::Interrupted);
    // An answer that comes too late is nobody's.
    world.allow(2, &ask);
    world.start("fake", 3, "[[say still here]]");
    assert_eq!(world.answer(3), "still here");
    assert_eq!(world.process("fake"), process);
    // What does not even hear the cancel is ended, and its session goes on in another process.
    world.start("fake", 4, "[[say so far]] [[deaf]]");
    world.wait_for_screen("fake", "so far");
    world.interrupt("fake", 4);
    world.failure(4, FailureClass::Interrupted);
    assert_ne!(world.seen(|it| matches!(it, Event::TurnEnded { turn: TurnId(4), .. }).then_some(())), []);
}

#[test]
fn promise_3_errors_with_data_and_ends_for_a_reason_have_their_class() {
    let world = world();
    for (turn, directive, class) in [
        (1, "error -32603|Internal error|{\"errorKind\": \"overloaded\"}", FailureClass::Overloaded),
        (2, "error 429|slow down, retry in 30s|null", FailureClass::RateLimited),
        (3, "error -32000|Authentication required|{\"authMethods\": []}", FailureClass::NotSignedIn),
        (4, "error -32603|Internal error|{\"status\": 401}", FailureClass::NotSignedIn),
        (5, "error -32603|the context window is full|null", FailureClass::ContextFull),
        (6, "stop refusal", FailureClass::Denied),
        (7, "stop max_tokens", FailureClass::ContextFull),
        (8, "stop max_turn_requests", FailureClass::OverBudget),
        (9, "stop of_a_later_version", FailureClass::Crashed),
    ] {
        world.start("fake", turn, &format!("[[{directive}]]"));
        let TurnOutcome::Failed(failure) = world.end(turn) else { panic!("t{turn} answered") };
        assert_eq!(failure.class, class, "{directive}: {failure:?}");
        assert_eq!(failure.retry_at.is_some(), turn == 2, "{directive}: {failure:?}");
    }
    world.start("fake", 10, "[[say well again]]");
    assert_eq!(world.answer(10), "well again");
}

#[test]
fn a_program_that_ends_in_the_middle_is_a_crash_and_its_session_goes_on_without_its_history() {
    let world = world();
    world.start("fake", 1, "[[say one]]");
    assert_eq!(world.answer(1), "one");
    world.start("fake", 2, "[[say half]] [[exit]]");
    let why = world.failure(2, FailureClass::Crashed);
    assert!(why.contains("exit code 3") && why.contains("it broke"), "{why}");
    // The history comes after the answer to the load, mixed with what follows: none of it is the answer.
    world.start_with("fake", 3, "no directive", |it| it.session = Some(session("session-1")));
    assert_eq!(world.answer(3), "session-1 turn 3");
    // It answers and goes.
    world.start("fake", 4, "[[say four]] [[leave]]");
    assert_eq!(world.answer(4), "four");
    world.state("fake", &AgentState::Stopped);
    world.start_with("fake", 5, "no directive", |it| it.session = Some(session("session-1")));
    assert_eq!(world.answer(5), "session-1 turn 5");
}

#[test]
fn an_agent_that_can_load_no_session_begins_a_new_one() {
    let world = World::new(&[&FAKE.replace("acp]", "acp, --no-load]")]);
    world.start("fake", 1, "[[say one]]");
    assert_eq!(world.answer(1), "one");
    world.start("fake", 2, "[[exit]]");
    world.failure(2, FailureClass::Crashed);
    world.start_with("fake", 3, "no directive", |it| it.session = Some(session("session-1")));
    assert_eq!(world.answer(3), "session-2 turn 1");
}

#[test]
fn a_line_that_is_long_is_taken_and_one_that_is_too_long_ends_the_program() {
    let world = world();
    world.start("fake", 1, "[[huge 8]] [[say it went on]]");
    assert_eq!(world.answer(1), "it went on");
    world.start("fake", 2, "[[huge 33]] [[say never heard]]");
    let why = world.failure(2, FailureClass::Crashed);
    assert!(why.contains("too long to be taken"), "{why}");
    world.start_with("fake", 3, "[[say a new one]]", |it| it.session = Some(session("session-1")));
    assert_eq!(world.answer(3), "a new one");
}

#[test]
fn another_version_of_the_protocol_is_refused_with_what_to_do() {
    let world = World::new(&[&FAKE.replace("acp]", "acp, --version, \"2\"]")]);
    world.start("fake", 1, "[[say one]]");
    let why = world.failure(1, FailureClass::Crashed);
    assert!(why.contains("version 2") && why.contains("version 1 is needed"), "{why}");
    assert_eq!(world.claims().last(), Some(&(AgentState::Stopped, Source::Protocol)));
}
