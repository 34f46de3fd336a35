//! The driver of programs that speak stream-json, with a real process on real pipes.

use std::fs;

use callboard::{
    agent::{Access, AgentState, Source},
    ask::{AskReply, Scope, Wish},
    hub::event::Event,
    ids::{Timestamp, TurnId},
    outcome::{FailureClass, ResultKind, TurnOutcome, TypedResult, Usage},
};

use super::support::{World, session};

const FAKE: &str = "
name: fake
title: Speaks stream-json
driver: stream-json
command: [FAKE, stream]
access: write
instances: 2
stream:
  arguments: [--always, \"--tools={tools}\"]
  read: [--read-only]
  write: [--may-write]
  resume: [\"--resume={session}\"]
  fork: [\"--resume={session}\", --fork-session]
";

fn world() -> World {
    World::new(&[FAKE])
}

/// Returns the sessions that were told, each with why the one before was lost.
fn sessions(world: &World) -> Vec<(String, String, Option<String>)> {
    world.seen(|event| match event {
        Event::SessionKnown { place, session, lost, .. } => Some((place.clone(), session.clone(), lost.clone())),
        _ => None,
    })
}

#[test]
fn one_warm_process_takes_turn_after_turn_and_tells_what_each_used() {
    let world = world();
    world.start("fake", 1, "hello");
    assert_eq!(world.answer(1), "session-1 turn 1 of 5 characters");
    let first = world.process("fake");
    world.start("fake", 2, "[[odd]] [[say fine]]");
    let TurnOutcome::Answered { text, usage, .. } = world.end(2) else { panic!("it failed") };
    assert_eq!(text, "fine");
    assert_eq!(usage, Usage { tokens: Some(120), micro_dollars: Some(2_000) });
    assert_eq!(world.process("fake"), first);
    assert_eq!(sessions(&world), [(".".to_owned(), "session-1".to_owned(), None)]);
    world.wait_for_screen("fake", "> hello");
    world.wait_for_screen("fake", "fine");
    world.start("fake", 3, "[[args]]");
    let args = world.answer(3);
    assert!(args.starts_with("--always --tools=") && args.ends_with("fake/tools.json --may-write"), "{args}");
    assert_eq!(world.claims().last(), Some(&(AgentState::Idle, Source::Protocol)));
}

#[test]
fn a_command_waits_for_a_person_and_is_run_or_not_as_they_say() {
    let world = world();
    let (yes, no) = (world.path("yes"), world.path("no"));
    world.start("fake", 1, &format!("[[bash touch {}]] [[bash touch {}]]", yes.display(), no.display()));
    let ask = world.asked(1);
    let Wish::Permission(permission) = &ask.wish else { panic!("{ask:?}") };
    assert_eq!((permission.tool.as_str(), &permission.content), ("Bash", &format!("touch {}", yes.display())));
    assert!(!yes.exists(), "nothing is done before the answer");
    world.reply(1, "of another turn", AskReply::Allow { scope: Scope::Always });
    world.allow(1, &ask);
    let ask = world.asked(1);
    assert!(yes.exists());
    world.reply(1, &ask.key, AskReply::Deny { reason: "not that one".to_owned() });
    assert!(world.answer(1).contains("Bash: not that one."));
    assert!(!no.exists());
}

#[test]
fn a_writer_writes_where_it_works_and_a_reader_nowhere() {
    let world = world();
    let (inside, outside) = (world.path("a.txt"), world.folder.path().join("b.txt"));
    world.start("fake", 1, &format!("[[write {}|hello]] [[write {}|hello]]", inside.display(), outside.display()));
    let ask = world.asked(1);
    assert_eq!(fs::read_to_string(&inside).unwrap(), "hello", "a file in its place is not asked for");
    let Wish::Permission(permission) = &ask.wish else { panic!("{ask:?}") };
    assert!(permission.files[0].diff.contains("+hello"), "{permission:?}");
    world.deny(1, &ask);
    world.answer(1);
    assert!(!outside.exists());
    // Another access is another process that goes on with the same session.
    world.start_with("fake", 2, &format!("[[write {}|changed]] [[args]]", inside.display()), |it| {
        it.access = Access::Read;
    });
    let said = world.answer(2);
    assert!(said.contains("this turn may only read") && said.contains("--read-only --resume=session-1"), "{said}");
    assert_eq!(fs::read_to_string(&inside).unwrap(), "hello");
}

#[test]
fn a_question_is_answered_and_a_request_can_be_taken_back() {
    let world = world();
    world.start("fake", 1, "[[ask Which?|a|b]]");
    let ask = world.asked(1);
    let Wish::Question(question) = &ask.wish else { panic!("{ask:?}") };
    assert_eq!(
        (question.text.as_str(), question.choices.as_slice()),
        ("Which?", &["a".to_owned(), "b".to_owned()][..])
    );
    world.reply(1, &ask.key, AskReply::Answer { text: "b".to_owned() });
    assert!(world.answer(1).contains(r#"{"Which?":"b"}"#));
    world.start("fake", 2, "[[twice make]]");
    let ask = world.asked(2);
    world.wait("the request to be taken back", |event| match event {
        Event::AskWithdrawn { turn: TurnId(2), key } if *key == ask.key => Some(()),
        _ => None,
    });
    assert_eq!(world.answer(2), "taken back");
}

#[test]
fn an_interrupt_goes_by_the_protocol_first_and_the_process_stays() {
    let world = world();
    world.start("fake", 1, "[[hang]]");
    world.state("fake", &AgentState::Working);
    let process = world.process("fake");
    world.interrupt("fake", 1);
    world.failure(1, FailureClass::Interrupted);
    world.start("fake", 2, "[[bash sleep 1]]");
    world.asked(2);
    world.interrupt("fake", 2);
    world.failure(2, FailureClass::Interrupted);
    world.start("fake", 3, "[[say still here]]");
    assert_eq!(world.answer(3), "still here");
    assert_eq!(world.process("fake"), process);
    world.start("fake", 4, "[[deaf]]");
    world.wait("the turn to begin", |it| matches!(it, Event::TurnStarted { turn: TurnId(4) }).then_some(()));
    world.interrupt("fake", 4);
    world.failure(4, FailureClass::Interrupted);
    world.start_with("fake", 5, "[[args]]", |it| it.session = Some(session("session-1")));
    assert!(world.answer(5).contains("--resume=session-1"), "a new process goes on with the session");
}

#[test]
fn promise_3_a_providers_refusal_is_a_failure_of_its_class() {
    let world = world();
    for (turn, status, class) in
        [(1, 401, FailureClass::NotSignedIn), (2, 529, FailureClass::Overloaded), (3, 500, FailureClass::Overloaded)]
    {
        world.start("fake", turn, &format!("[[fail {status}]]"));
        world.failure(turn, class);
    }
    world.start("fake", 4, "[[limit 1800000000]]");
    let TurnOutcome::Failed(failure) = world.end(4) else { panic!("it answered") };
    let at = Some(Timestamp(1_800_000_000_000));
    assert_eq!((failure.class, failure.retry_at), (FailureClass::RateLimited, at));
    assert_eq!(world.claims().last(), Some(&(AgentState::RateLimited { until: at }, Source::Protocol)));
    world.start("fake", 5, "[[say well again]]");
    assert_eq!(world.answer(5), "well again");
}

#[test]
fn a_program_that_breaks_off_is_a_crash_and_the_next_turn_goes_on_with_its_session() {
    let world = world();
    world.start("fake", 1, "[[die]]");
    let why = world.failure(1, FailureClass::Crashed);
    assert!(why.contains("exit code 3") && why.contains("it broke"), "{why}");
    assert_eq!(world.claims().last(), Some(&(AgentState::Crashed, Source::ExitStatus)));
    world.start_with("fake", 2, "hello", |it| it.session = Some(session("session-1")));
    assert_eq!(world.answer(2), "session-1 turn 2 of 5 characters");
}

#[test]
fn a_session_that_is_not_there_is_begun_anew_with_what_was_said() {
    let world = world();
    world.start_with("fake", 1, "hello", |it| {
        it.session = Some(session("gone"));
        it.recap = "m1 from ada: look".into();
    });
    assert!(world.answer(1).starts_with("session-1 turn 1"));
    world.wait_for_screen("fake", "m1 from ada: look");
    let told = sessions(&world);
    assert_eq!((told.len(), told[0].1.as_str()), (1, "session-1"));
    assert!(told[0].2.as_ref().unwrap().contains("does not know the session"), "{told:?}");
}

#[test]
fn a_fork_starts_from_a_session_and_leaves_that_as_it_is() {
    let world = world();
    world.start("fake", 1, "hello");
    assert_eq!(world.answer(1), "session-1 turn 1 of 5 characters");
    world.start("fake-2", 2, "mine");
    assert_eq!(world.answer(2), "session-2 turn 1 of 4 characters");
    world.start_with("fake-2", 3, "as you", |it| it.fork = Some(session("session-1")));
    assert_eq!(world.answer(3), "session-1-fork turn 2 of 6 characters", "its own session is left");
    assert_eq!(sessions(&world).last().unwrap().1, "session-1-fork");
    world.start("fake", 4, "hello");
    assert_eq!(world.answer(4), "session-1 turn 2 of 5 characters");
    world.start_with("fake-2", 5, "lost", |it| it.fork = Some(session("gone")));
    assert!(world.answer(5).contains("turn 1"), "what is gone is begun anew");
    assert!(sessions(&world).last().unwrap().2.as_ref().unwrap().contains("does not know the session"));
}

#[test]
fn what_a_failed_turn_used_is_told() {
    let world = world();
    world.start("fake", 1, "[[fail 529]]");
    world.failure(1, FailureClass::Overloaded);
    let spent = world.seen(|event| match event {
        Event::Spent { turn, usage } => Some((*turn, usage.tokens.is_some())),
        _ => None,
    });
    assert_eq!(spent, [(TurnId(1), true)]);
}

#[test]
fn a_typed_result_is_read_and_asked_for_again_once() {
    let world = world();
    let result = r#"{"kind":"tests","verdict":"passed","summary":"3 passed"}"#;
    world.start_with("fake", 1, &format!("[[fence {result}]]"), |it| it.expects = ResultKind::Tests);
    let TurnOutcome::Answered { result: Some(TypedResult::Tests(tests)), .. } = world.end(1) else {
        panic!("no result")
    };
    assert_eq!(tests.summary, "3 passed");
    world.start_with("fake", 2, "[[say done]]", |it| it.expects = ResultKind::Tests);
    assert!(world.failure(2, FailureClass::InvalidResult).contains("twice"));
}

#[test]
fn a_program_that_says_nothing_ends_at_its_limit_and_one_that_waits_for_a_person_does_not() {
    let world = world();
    world.start_with("fake", 1, "[[deaf]]", |it| it.times.idle = Some(500));
    world.failure(1, FailureClass::IdleTimeout);
    world.start_with("fake", 2, "[[bash true]]", |it| {
        it.times = callboard::agent::TurnTimes { start: Some(30_000), idle: Some(1_500), total: Some(1_500) }
    });
    let ask = world.asked(2);
    // Longer than all its limits; there is nothing to wait for.
    std::thread::sleep(std::time::Duration::from_millis(1_700));
    assert!(world.seen(|it| matches!(it, Event::TurnEnded { turn: TurnId(2), .. }).then_some(())).is_empty());
    world.deny(2, &ask);
    world.end(2);
}

/// Amp by the profile that is built in, with a scripted program in its place: its agent runs on its own servers.
#[test]
fn amps_stream_is_spoken_by_its_own_profile() {
    let built_in = include_str!("../../server/src/agent/catalog/amp.yaml");
    let world = World::new(&[&built_in.replace("command: [amp]", "command: [FAKE, stream]")]);
    world.start("amp", 1, "[[args]]");
    assert_eq!(world.answer(1), "--execute --stream-json --stream-json-input");
    world.start("amp", 2, "hello");
    assert_eq!(world.answer(2), "session-1 turn 2 of 5 characters");
    world.start_with("amp", 3, "hello", |it| it.access = Access::Read);
    assert!(world.failure(3, FailureClass::Denied).contains("takes no part that only reads"));
}
