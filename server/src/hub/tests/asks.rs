//! What turns ask while they go on. Promise 2: only a person gives a permission; promise 1: nothing asked is lost or answered twice.

use super::*;
use crate::{
    agent::{AgentState, Source},
    ask::{Ask, AskReply, FileEdit, Permission, Question, Scope, Wish},
    document::hash_of,
    hub::{effect::Effect, record::Record},
    ids::{RuleId, TurnId},
    outcome::FailureClass,
    protocol::{PermissionsParams, RunStatus},
};

pub(super) fn command(key: &str, what: &str) -> Ask {
    let permission = Permission {
        tool: "Bash".to_owned(),
        title: "wants to run a command".to_owned(),
        content: what.to_owned(),
        files: Vec::new(),
        pattern: Some(what.to_owned()),
    };
    Ask { key: key.to_owned(), wish: Wish::Permission(permission) }
}

pub(super) fn question(key: &str, text: &str, choices: &[&str]) -> Ask {
    let choices = choices.iter().map(|it| (*it).to_owned()).collect();
    Ask { key: key.to_owned(), wish: Wish::Question(Question { text: text.to_owned(), choices }) }
}

fn asks(scene: &mut Scene, agent: &str, ask: Ask) {
    let turn = scene.live(agent).unwrap();
    scene.ok(Event::Asked { turn, ask: Box::new(ask) });
}

fn allow(scene: &mut Scene, pause: u64, scope: Scope) {
    let hash = scene.state.pause(PauseId(pause)).unwrap().hash.clone();
    scene.ok(Event::Decide { by: ada(), pause: PauseId(pause), decision: Decision::Approve, hash, scope: Some(scope) });
}

fn state_of(scene: &Scene, agent: &str) -> (AgentState, Source) {
    let claim = &scene.state.agents[&name(agent)].claim;
    (claim.state.clone(), claim.source)
}

fn a_run_of_two() -> Scene {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("write", &[], "writer", "text"), turn("again", &["write"], "writer", "text")])));
    let turn = scene.live("claude").unwrap();
    scene.ok(Event::TurnStarted { turn });
    scene.new_effects();
    scene
}

#[test]
fn a_permission_waits_for_a_person_and_the_turn_is_told() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "cargo test"));
    insta::assert_snapshot!(scene.inbox(), @"p1 Permission @claude wants to run a command [approve reject]");
    assert_eq!(state_of(&scene, "claude"), (AgentState::WaitingForPermission, Source::Protocol));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Waiting, "nothing goes on by itself");
    assert_eq!(scene.new_effects(), "");
    insta::assert_snapshot!(scene.state.pause(PauseId(1)).unwrap().document, @r"
    # @claude wants to run a command

    **Pause**: p1  
    **Agent**: @claude  
    **Tool**: Bash  
    **Run**: r1 (test)  
    **Step**: write  

    > Approve lets it do exactly this. Reject denies it; what you write is told to the agent.
    > With a longer scope it is not asked again for exactly this (Bash: cargo test).

    ```
    cargo test
    ```
    ");
    scene.decide(1, Decision::Approve).unwrap();
    insta::assert_snapshot!(scene.new_effects(), @r#"answer t1 @claude k1 {"reply":"allow","scope":"once"}"#);
    assert_eq!(state_of(&scene, "claude").0, AgentState::Working);
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Running);
    assert!(scene.inbox().is_empty());
}

#[test]
fn a_denial_carries_its_reason_and_the_run_goes_on() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "rm -r /"));
    scene.decide(1, Decision::Reject { text: "not that".to_owned() }).unwrap();
    insta::assert_snapshot!(scene.new_effects(), @r#"answer t1 @claude k1 {"reason":"not that","reply":"deny"}"#);
    scene.ends("claude", says("then not"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Running);
}

/// Promise 2: an agent that forges, repeats or comes late opens nothing and changes nothing.
#[test]
fn no_agent_allows_itself_anything() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "cargo test"));
    let hash = scene.state.pause(PauseId(1)).unwrap().hash.clone();
    let decide = |by: Actor, hash: String, decision: Decision| Event::Decide {
        by,
        pause: PauseId(1),
        decision,
        hash,
        scope: Some(Scope::Always),
    };
    let agent = Actor::Agent(Some(name("claude")));
    let refused = scene.event(decide(agent.clone(), hash.clone(), Decision::Approve)).unwrap_err();
    assert_eq!(refused.code, RefusalCode::HumansOnly);
    let refused = scene.event(decide(ada(), hash_of("another command"), Decision::Approve)).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Changed);
    // The same again, under the same name with another content, asks nothing new.
    asks(&mut scene, "claude", command("k1", "rm -r /"));
    assert_eq!(scene.inbox().lines().count(), 1);
    // Another turn's word about it is none.
    scene.ok(Event::AskWithdrawn { turn: TurnId(99), key: "k1".to_owned() });
    scene.ok(Event::Asked { turn: TurnId(99), ask: Box::new(command("k2", "ls")) });
    assert_eq!(scene.inbox().lines().count(), 1);
    assert_eq!(scene.new_effects(), "");
    allow(&mut scene, 1, Scope::Always);
    let refused = scene.event(Event::RevokePermission { by: agent, rule: RuleId(1) }).unwrap_err();
    assert_eq!(refused.code, RefusalCode::HumansOnly);
    let late = scene.decide(1, Decision::Reject { text: String::new() }).unwrap_err();
    assert!(late.message.contains("approve by ada"), "{late}");
}

#[test]
fn what_is_remembered_is_for_exactly_this_agent_tool_and_text() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "cargo test"));
    allow(&mut scene, 1, Scope::Always);
    scene.new_effects();
    asks(&mut scene, "claude", command("k2", "cargo test"));
    assert!(scene.inbox().is_empty());
    insta::assert_snapshot!(scene.new_effects(), @r#"answer t1 @claude k2 {"reply":"allow","scope":"always"}"#);
    asks(&mut scene, "claude", command("k3", "cargo test; rm -r /"));
    let mut other = command("k4", "cargo test");
    if let Wish::Permission(it) = &mut other.wish {
        it.tool = "Write".to_owned();
    }
    asks(&mut scene, "claude", other);
    scene.post("@codex hello");
    asks(&mut scene, "codex", command("k5", "cargo test"));
    assert_eq!(scene.inbox().lines().count(), 3, "{}", scene.inbox());
    scene.ok(Event::RevokePermission { by: ada(), rule: RuleId(1) });
    asks(&mut scene, "claude", command("k6", "cargo test"));
    assert_eq!(scene.inbox().lines().count(), 4);
    let all = super::super::snapshot::Snapshot::of(&scene.state).permissions(&PermissionsParams { all: true });
    assert_eq!((all[0].used, all[0].ended.as_deref()), (1, Some("ada")));
}

#[test]
fn a_permission_for_the_run_ends_with_it() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "cargo test"));
    allow(&mut scene, 1, Scope::Run);
    scene.ends("claude", says("done"));
    asks(&mut scene, "claude", command("k1", "cargo test"));
    assert!(scene.inbox().is_empty(), "the run's second turn is not asked for again");
    scene.ends("claude", says("done"));
    assert_eq!(scene.state.runs[&RunId(1)].status(), RunStatus::Done);
    assert!(scene.state.live_rules.is_empty());
    scene.post("@claude again");
    asks(&mut scene, "claude", command("k1", "cargo test"));
    assert_eq!(scene.inbox().lines().count(), 1);
    let hash = scene.state.pause(PauseId(2)).unwrap().hash.clone();
    let scope = Some(Scope::Run);
    let event = Event::Decide { by: ada(), pause: PauseId(2), decision: Decision::Approve, hash, scope };
    assert!(scene.event(event).unwrap_err().message.contains("outside a run"));
}

#[test]
fn what_waits_and_is_covered_by_the_answer_is_not_asked_twice() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "cargo test"));
    asks(&mut scene, "claude", command("k2", "cargo test"));
    asks(&mut scene, "claude", command("k3", "cargo clippy"));
    allow(&mut scene, 2, Scope::Run);
    insta::assert_snapshot!(scene.inbox(), @"p3 Permission @claude wants to run a command [approve reject]");
    insta::assert_snapshot!(scene.new_effects(), @r#"
    answer t1 @claude k2 {"reply":"allow","scope":"run"}
    answer t1 @claude k1 {"reply":"allow","scope":"run"}
    "#);
    assert_eq!(state_of(&scene, "claude").0, AgentState::WaitingForPermission);
}

#[test]
fn a_question_is_answered_in_its_page_or_in_plain_text() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", question("q1", "Which width?\nThe file has both.", &["i32", "i64"]));
    assert_eq!(state_of(&scene, "claude").0, AgentState::WaitingForAnswer);
    insta::assert_snapshot!(scene.state.pause(PauseId(1)).unwrap().document, @r"
    # @claude asks: Which width?

    Which width?
    The file has both.

    **Pause**: p1  
    **Agent**: @claude  
    **Run**: r1 (test)  
    **Step**: write  

    > Write your answer between the two marks and save, or tick a choice.

    - [ ] 1. i32
    - [ ] 2. i64

    <!-- answer d304b48e55b3 -->

    <!-- end of answer d304b48e55b3 -->
    ");
    let shown = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert_eq!(scene.decide(1, Decision::Approve).unwrap_err().code, RefusalCode::Invalid);
    assert!(scene.decide(1, Decision::Edit { document: shown.clone() }).unwrap_err().message.contains("no answer yet"));
    scene.decide(1, Decision::Edit { document: shown.replace("- [ ] 2.", "- [x] 2.") }).unwrap();
    insta::assert_snapshot!(scene.new_effects(), @r#"answer t1 @claude q1 {"reply":"answer","text":"i64"}"#);
    asks(&mut scene, "claude", question("q2", "And the name?", &[]));
    scene.decide(2, Decision::Edit { document: "width".to_owned() }).unwrap();
    insta::assert_snapshot!(scene.new_effects(), @r#"answer t1 @claude q2 {"reply":"answer","text":"width"}"#);
}

/// Promise 1: a hub that starts anew knows nothing of the turn's program, so the ask goes with the turn and the redone turn asks again.
#[test]
fn the_end_of_a_turn_withdraws_what_it_asked() {
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", command("k1", "cargo test"));
    scene.restart();
    assert!(scene.inbox().is_empty());
    let answered = scene.state.pause(PauseId(1)).unwrap().answered.clone().unwrap();
    assert_eq!(answered.by, "the end of the turn that asked");
    asks(&mut scene, "claude", command("k1", "cargo test"));
    assert_eq!(scene.inbox().lines().count(), 1, "the turn that took its place asks again");
    let turn = scene.live("claude").unwrap();
    scene.ok(Event::AskWithdrawn { turn, key: "k1".to_owned() });
    assert!(scene.inbox().is_empty());
    asks(&mut scene, "claude", command("k2", "cargo test"));
    scene.ends("claude", says("never mind"));
    assert!(scene.inbox().is_empty());
    asks(&mut scene, "claude", command("k3", "cargo test"));
    scene.ok(Event::Cancel { by: ada(), run: RunId(1) });
    assert!(scene.inbox().is_empty());
    assert_eq!(scene.decide(4, Decision::Approve).unwrap_err().code, RefusalCode::AlreadyAnswered);
}

#[test]
fn a_message_s_turn_asks_in_its_thread() {
    let mut scene = Scene::new();
    scene.post("@claude look");
    asks(&mut scene, "claude", command("k1", "ls"));
    scene.decide(1, Decision::Approve).unwrap();
    scene.ends("claude", says("seen"));
    insta::assert_snapshot!(scene.channel(), @r"
    m1 ada: @claude look
        to @claude: answered
    m2 system: **p1** waits for a person: @claude wants to run a command
    m3 system: ada answered p1: approve
    m4 @claude: seen
    ");
}

fn unanswered(then: &str) -> Scene {
    let mut step = turn("write", &[], "writer", "text");
    step["action"]["unanswered"] = json!({ "after": 60_000, "then": then });
    let mut scene = Scene::new();
    scene.run(plan(json!([step])));
    asks(&mut scene, "claude", command("k1", "cargo test"));
    scene.new_effects();
    assert_eq!(scene.state.next_wake(), Some(crate::ids::Timestamp(scene.at + 60_000)), "the run's own clock stands");
    scene.at += 60_000;
    scene.ok(Event::Tick);
    scene
}

#[test]
fn what_nobody_answers_is_denied_asked_again_or_stops_the_turn() {
    let mut scene = unanswered("deny");
    insta::assert_snapshot!(scene.new_effects(), @r#"answer t1 @claude k1 {"reason":"nobody answered within 60 seconds","reply":"deny"}"#);
    assert!(scene.inbox().is_empty());
    assert!(scene.channel().contains("**p1** was denied, since nobody answered within 60 seconds: "));

    let mut scene = unanswered("ask-again");
    assert!(scene.channel().contains("**p1** still waits for a person"));
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.state.due_asks.len(), 0);

    let mut scene = unanswered("pause");
    insta::assert_snapshot!(scene.new_effects(), @"interrupt t1 @claude");
    scene.ends("claude", fails(FailureClass::Interrupted));
    insta::assert_snapshot!(scene.inbox(), @"p2 Failure write (@claude) failed: denied [retry skip stop]");
    scene.decide(2, Decision::Retry { agent: None }).unwrap();
    assert!(scene.live("claude").is_some());
}

/// Promise 5: an agent that asks without end fills neither the inbox nor the journal.
#[test]
fn an_agent_that_asks_without_end_is_denied() {
    let mut scene = a_run_of_two();
    for number in 0..100 {
        asks(&mut scene, "claude", question(&format!("k{number}"), "may I?", &[]));
    }
    assert_eq!(scene.inbox().lines().count(), 32);
    let before = scene.journal.len();
    asks(&mut scene, "claude", question("more", "may I?", &[]));
    asks(&mut scene, "claude", command(&"k".repeat(500), "ls"));
    assert_eq!(scene.journal.len(), before);
    let denied = |it: &Effect| matches!(it, Effect::AnswerAsk { reply: AskReply::Deny { .. }, .. });
    assert_eq!(scene.effects.iter().filter(|it| denied(it)).count(), 70);
    let mut long = command("k1000", "x");
    if let Wish::Permission(it) = &mut long.wish {
        it.files.push(FileEdit { path: "a".to_owned(), diff: "+x\n".repeat(200_000) });
    }
    let mut scene = a_run_of_two();
    asks(&mut scene, "claude", long);
    assert!(scene.inbox().is_empty(), "what nobody can read nobody is asked");
    let Some((_, Record::AskAnswered { reply: AskReply::Deny { reason }, .. })) = scene.journal.last() else {
        panic!("it was not denied")
    };
    assert!(reason.contains("too long"));
}
