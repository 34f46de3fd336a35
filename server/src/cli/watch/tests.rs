//! Watching a run over a scripted hub: what is printed, what is asked, what the hub is told, how it exits.

use serde_json::json;

use super::*;
use crate::{
    cli::{
        out::Buffer,
        render::{finding, message, pause::tests::sample as pause, run::tests::sample as run, step},
        wire::fake::{Fake, changed},
    },
    finding::{Finding, FindingState},
    protocol::{Answered, Author, Item, StepStatus},
};

const RUN: RunId = RunId(3);

fn running() -> Item {
    let review = step::tests::sample("review", StepStatus::Running);
    Item::Run(Box::new(run(3, RunStatus::Running, vec![review])))
}

fn waiting() -> Item {
    Item::Run(Box::new(run(3, RunStatus::Waiting, vec![])))
}

fn ended(status: RunStatus) -> Item {
    Item::Run(Box::new(run(3, status, vec![])))
}

fn open(id: u64) -> Item {
    Item::Pause(Box::new(pause(id)))
}

fn answered(id: u64, decision: Decision) -> Item {
    let answer = Answered { by: "ada".to_owned(), at: Timestamp(0), decision, hash: String::new() };
    Item::Pause(Box::new(PauseView { answered: Some(answer), ..pause(id) }))
}

/// Watches over a script and returns the exit code and what was shown.
async fn play(hub: &mut Fake, mut person: Person, json: bool, options: Options) -> (i32, String) {
    let shown = Buffer::default();
    let mut out = Out::into_buffers(shown.clone(), shown.clone(), json, false);
    let watch = watch(hub, &mut out, &mut person, RUN, options);
    let watched = tokio::time::timeout(Duration::from_secs(20), watch).await.expect("the watch ends").unwrap();
    hub.assert_played();
    (watched.exit, shown.text())
}

fn yes() -> Options {
    Options { yes: true, ..Options::default() }
}

#[tokio::test]
async fn a_piped_run_is_plain_lines_from_start_to_end() {
    let found = finding::tests::sample(1);
    let fixed = Finding { state: FindingState::Fixed, ..found.clone() };
    let said = message::tests::sample(2, Author::Agent("lint".parse().unwrap()), "One remark.");
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({ "run": "r3", "since": 0 }), changed())
        .feeds(vec![running()])
        .feeds(vec![Item::Message(Box::new(said)), Item::Finding(Box::new(found))])
        .feeds(vec![ended(RunStatus::Approved), Item::Finding(Box::new(fixed))]);
    let (exit, shown) = play(&mut hub, Person::nobody(), false, Options::default()).await;
    assert_eq!(exit, fail::OK);
    assert!(!shown.contains('\x1b'), "cursor control or colour in a pipe: {shown:?}");
    insta::assert_snapshot!(shown, @r"
    r3 running  Review–fix loop  (review-fix)  in #main
    10:03:00 ▸ review  @lint
    10:03:09 @lint  One remark.
    warning[clippy::cast_abs_to_unsigned]: casting the result of `i32::abs()` to u32
      --> src/lib.rs:12:5  f1 @lint
       |
    12 |     x.abs() as u32
       |     ^^^^^^^^^^^^^^
       = help: replace it by `x.unsigned_abs()`

      f1 fixed  src/lib.rs:12  clippy::cast_abs_to_unsigned
    r3 approved
      2 turns · 1 finding: 1 fixed · 19 s · cost unknown
    ");
}

#[tokio::test]
async fn promise_2_piped_without_yes_it_says_how_to_decide_and_leaves_the_run_waiting() {
    let mut hub = Fake::default().on(method::SUBSCRIBE, json!({}), changed()).feeds(vec![open(1), waiting()]);
    let (exit, shown) = play(&mut hub, Person::nobody(), false, Options::default()).await;
    assert_eq!(exit, fail::DETACHED);
    assert!(shown.contains("callboard decide p1 approve | edit"), "{shown}");
    assert!(shown.contains("callboard show r3 --follow"), "{shown}");
}

#[tokio::test]
async fn yes_approves_what_was_shown_and_says_so() {
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![open(1), waiting()])
        .on(method::DECIDE, json!({ "pause": "p1", "decision": "approve", "hash": pause(1).hash }), changed())
        .feeds(vec![answered(1, Decision::Approve), running()])
        .feeds(vec![ended(RunStatus::Done)]);
    let (exit, shown) = play(&mut hub, Person::nobody(), false, yes()).await;
    assert_eq!(exit, fail::OK);
    assert!(shown.contains("--yes approved p1."), "{shown}");
}

#[tokio::test]
async fn yes_leaves_a_failure_to_a_person() {
    let failure = PauseView { kind: PauseKind::Failure, decisions: vec!["retry".to_owned()], ..pause(1) };
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![Item::Pause(Box::new(failure)), waiting()]);
    let (exit, shown) = play(&mut hub, Person::nobody(), false, yes()).await;
    assert_eq!(exit, fail::DETACHED);
    assert!(shown.contains("--yes leaves p1 to a person: it can't be approved"), "{shown}");
}

/// Security row 19.
#[tokio::test]
async fn yes_lets_no_file_through_that_steers_programs() {
    let pause = PauseView { steering: "Makefile (builds)".to_owned(), ..pause(1) };
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![Item::Pause(Box::new(pause)), waiting()]);
    let (exit, shown) = play(&mut hub, Person::nobody(), false, yes()).await;
    assert_eq!(exit, fail::DETACHED);
    assert!(shown.contains("--yes leaves p1 to a person: files that steer programs were changed"), "{shown}");
}

#[tokio::test]
async fn promise_5_yes_does_not_say_that_a_stuck_loop_is_well_nor_choose_between_two_texts() {
    for (kind, why) in [
        (PauseKind::Stuck, "the loop gets no further"),
        (PauseKind::Conflict, "both sides changed the same"),
        (PauseKind::Clash, "both sides changed the same"),
    ] {
        let pause = PauseView { kind, ..pause(1) };
        assert!(pause.decisions.iter().any(|it| it == "approve"), "a person may");
        let mut hub = Fake::default()
            .on(method::SUBSCRIBE, json!({}), changed())
            .feeds(vec![Item::Pause(Box::new(pause)), waiting()]);
        let (exit, shown) = play(&mut hub, Person::nobody(), false, yes()).await;
        assert_eq!(exit, fail::DETACHED, "{kind:?}");
        assert!(shown.contains(&format!("--yes leaves p1 to a person: {why}")), "{shown}");
    }
}

#[tokio::test]
async fn the_demo_accepts_what_was_declined_unless_tests_fail() {
    let stuck = || Item::Pause(Box::new(PauseView { kind: PauseKind::Stuck, ..pause(1) }));
    let tested = |verdict: &str| {
        let result = json!({ "kind": "tests", "verdict": verdict, "summary": "", "passed": 1 });
        let tests = crate::protocol::StepView {
            result: Some(serde_json::from_value(result).unwrap()),
            ..step::tests::sample("tests", StepStatus::Done)
        };
        Item::Run(Box::new(run(3, RunStatus::Waiting, vec![tests])))
    };
    let options = || Options { yes: true, accepts: true };
    let hub = |verdict: &str| {
        Fake::default().on(method::SUBSCRIBE, json!({}), changed()).feeds(vec![tested(verdict), stuck()])
    };
    let (exit, _) = play(&mut hub("failed"), Person::nobody(), false, options()).await;
    assert_eq!(exit, fail::DETACHED);
    let mut passed =
        hub("passed").on(method::DECIDE, json!({ "pause": "p1" }), changed()).feeds(vec![ended(RunStatus::Approved)]);
    let (exit, _) = play(&mut passed, Person::nobody(), false, options()).await;
    assert_eq!(exit, fail::OK);
}

#[tokio::test]
async fn promise_5_yes_does_not_raise_limits_for_ever() {
    let limit = |id| Item::Pause(Box::new(PauseView { kind: PauseKind::Limit, ..pause(id) }));
    let mut hub = Fake::default().on(method::SUBSCRIBE, json!({}), changed()).feeds(vec![limit(1), waiting()]);
    for id in 1..=3 {
        hub = hub
            .on(method::DECIDE, json!({ "pause": format!("p{id}") }), changed())
            .feeds(vec![answered(id, Decision::Approve), running()])
            .feeds(vec![limit(id + 1), waiting()]);
    }
    let (exit, shown) = play(&mut hub, Person::nobody(), false, yes()).await;
    assert_eq!(exit, fail::DETACHED);
    assert!(shown.contains("--yes leaves p4 to a person"), "{shown}");
}

#[tokio::test]
async fn a_person_answers_at_the_prompt() {
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![open(1), waiting()])
        .on(
            method::DECIDE,
            json!({ "decision": "request-changes", "text": "use i64", "hash": pause(1).hash }),
            changed(),
        )
        .feeds(vec![answered(1, Decision::RequestChanges { text: "use i64".to_owned() }), running()])
        .feeds(vec![open(2), waiting()])
        .on(method::DECIDE, json!({ "pause": "p2", "decision": "reject" }), changed())
        .feeds(vec![ended(RunStatus::Rejected)]);
    let person = Person::scripted(&["what", "c", "use i64", "r", ""]);
    let (exit, shown) = play(&mut hub, person, false, Options::default()).await;
    assert_eq!(exit, fail::FAILED);
    assert!(shown.contains("\"what\" is not one of the answers"), "{shown}");
    assert!(shown.contains("p1 [a]pprove [e]dit request [c]hanges [r]eject sto[p]"), "{shown}");
}

#[tokio::test]
async fn promise_2_the_first_answer_wins_and_a_later_one_is_told_who_answered() {
    let late = Fail::refused(RefusalCode::AlreadyAnswered, "p1 was approved by grace");
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![open(1), waiting()])
        .refuses(method::DECIDE, json!({ "pause": "p1", "decision": "approve" }), late)
        .feeds(vec![answered(1, Decision::Approve), ended(RunStatus::Done)]);
    let (exit, shown) = play(&mut hub, Person::scripted(&["a"]), false, Options::default()).await;
    assert_eq!(exit, fail::OK);
    assert!(shown.contains("p1 was approved by grace"), "{shown}");
}

#[tokio::test]
async fn a_refused_answer_is_shown_and_asked_again() {
    let bad = Fail::refused(RefusalCode::Invalid, "@nobody is not an agent here");
    let failure =
        PauseView { kind: PauseKind::Failure, decisions: vec!["retry".to_owned(), "stop".to_owned()], ..pause(1) };
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![Item::Pause(Box::new(failure)), waiting()])
        .refuses(method::DECIDE, json!({ "decision": "retry", "agent": "nobody" }), bad)
        .on(method::DECIDE, json!({ "decision": "stop" }), changed())
        .feeds(vec![ended(RunStatus::Stopped)]);
    let (exit, shown) = play(&mut hub, Person::scripted(&["t", "nobody", "p"]), false, Options::default()).await;
    assert_eq!(exit, fail::FAILED);
    assert!(shown.contains("error: @nobody is not an agent here"), "{shown}");
}

#[tokio::test]
async fn a_lost_hub_is_found_again_and_the_watch_goes_on_from_its_revision() {
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({ "since": 0 }), changed())
        .feeds(vec![running()])
        .dies()
        .on(method::SUBSCRIBE, json!({ "since": 10, "run": "r3" }), changed())
        .feeds(vec![ended(RunStatus::Done)]);
    let (exit, shown) = play(&mut hub, Person::nobody(), false, Options::default()).await;
    assert_eq!((exit, hub.reconnects), (fail::OK, 1));
    assert!(shown.contains("Connected again; r3 goes on."), "{shown}");
}

#[tokio::test]
async fn ctrl_c_explains_and_the_second_leaves_the_run_going_on() {
    let mut hub = Fake::default().on(method::SUBSCRIBE, json!({}), changed());
    let (exit, shown) = play(&mut hub, Person::who_interrupts(2), false, Options::default()).await;
    assert_eq!(exit, fail::DETACHED);
    assert!(shown.contains("Ctrl-C again leaves r3, which goes on."), "{shown}");
    assert!(shown.contains("Left r3; it goes on."), "{shown}");
}

#[tokio::test]
async fn json_is_one_object_a_line() {
    let mut hub = Fake::default()
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![running(), open(1), waiting()])
        .on(method::DECIDE, json!({ "decision": "approve" }), changed())
        .feeds(vec![ended(RunStatus::Failed)]);
    let (exit, shown) = play(&mut hub, Person::nobody(), true, yes()).await;
    assert_eq!(exit, fail::FAILED);
    let items: Vec<serde_json::Value> = shown.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let names: Vec<_> = items.iter().map(|it| it["item"].as_str().unwrap().to_owned()).collect();
    assert_eq!(names, ["run", "pause", "run", "decided", "run", "ended"]);
    assert_eq!(items.last().unwrap(), &json!({ "item": "ended", "run": "r3", "status": "failed", "exit": 1 }));
}

#[tokio::test]
async fn the_end_of_typed_input_leaves_the_run_waiting() {
    let mut hub = Fake::default().on(method::SUBSCRIBE, json!({}), changed()).feeds(vec![open(1), waiting()]);
    let mut person = Person::scripted(&[]);
    person.keys = Person::scripted(&[]).keys;
    let (exit, _) = play(&mut hub, person, false, Options::default()).await;
    assert_eq!(exit, fail::DETACHED);
}
