//! Callboard's tools as agents use them: as themselves, in their turn, within the limits, and never as a person.

use super::*;
use crate::{
    finding::FindingDraft,
    hub::event::{Act, RefusalCode},
    outcome::TypedResult,
};

fn used(scene: &mut Scene, agent: &str, turn: u64, act: Act) -> Result<Answer, RefusalCode> {
    scene.event(Event::Used { agent: name(agent), turn: TurnId(turn), act }).map_err(|it| it.code)
}

fn says_by_tool(text: &str) -> Act {
    Act::Post { channel: None, thread: None, text: text.to_owned() }
}

fn found(line: u32, text: &str) -> Act {
    let draft = json!({ "place": { "path": "src/lib.rs", "line": line }, "severity": "warning", "text": text });
    Act::Report(serde_json::from_value::<FindingDraft>(draft).unwrap())
}

fn hand_in(result: serde_json::Value) -> Act {
    Act::HandIn(serde_json::from_value::<TypedResult>(result).unwrap())
}

#[test]
fn an_agent_speaks_as_itself_in_its_own_thread_and_wakes_others() {
    let mut scene = Scene::new();
    scene.post("@claude look");
    let answer = used(&mut scene, "claude", 1, says_by_tool("@codex can you see it?"));
    assert_eq!(answer, Ok(Answer::Posted(crate::ids::MessageId(2))));
    assert!(scene.live("codex").is_some());
    scene.ends("codex", says("yes"));
    scene.ends("claude", says("we both see it"));
    insta::assert_snapshot!(scene.channel(), @"
    m1 ada: @claude look
        to @claude: answered
    m2 @claude: @codex can you see it?
        to @codex: answered
    m3 @codex: yes
    m4 @claude: we both see it
    ");
    assert!(scene.state.messages.iter().skip(1).all(|it| it.thread == Some(crate::ids::MessageId(1))));
}

/// Promise 5: what is said by the tool counts as what is said otherwise.
#[test]
fn a_chain_of_tools_comes_to_the_hop_limit() {
    let mut scene = Scene::new();
    scene.post("@claude begin");
    for (agent, other) in [("claude", "codex"), ("codex", "claude"), ("claude", "codex"), ("codex", "claude")] {
        let turn = scene.live(agent).unwrap_or_else(|| panic!("{agent}\n{}", scene.channel()));
        used(&mut scene, agent, turn.0, says_by_tool(&format!("@{other} go on"))).unwrap();
        scene.ends(agent, says("passed on"));
    }
    assert!(scene.live("claude").is_none() && scene.live("codex").is_none(), "{}", scene.channel());
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit @codex wants to wake @claude again [approve stop]");
}

/// Security row 7: a turn's tools are dead when it is over, and are nobody else's before.
#[test]
fn tools_work_for_the_agent_of_a_turn_that_goes_on_only() {
    let mut scene = Scene::new();
    scene.post("@claude look");
    let before = scene.state.rev;
    assert_eq!(used(&mut scene, "codex", 1, says_by_tool("hello")), Err(RefusalCode::NotFound));
    assert_eq!(used(&mut scene, "claude", 2, says_by_tool("hello")), Err(RefusalCode::NotFound));
    scene.post("@claude and this");
    assert_eq!(used(&mut scene, "claude", 2, says_by_tool("not begun")), Err(RefusalCode::Invalid));
    scene.ends("claude", says("done"));
    assert_eq!(used(&mut scene, "claude", 1, says_by_tool("late")), Err(RefusalCode::Invalid));
    assert!(scene.state.rev > before && !scene.channel().contains("late"));
}

#[test]
fn an_agent_enters_only_the_channels_that_it_takes_part_in() {
    let mut scene = Scene::new();
    scene.ok(Event::CreateChannel { by: ada(), name: "secret".parse().unwrap(), default_agent: None });
    scene.post("@claude look");
    let there =
        |text: &str| Act::Post { channel: Some("secret".parse().unwrap()), thread: None, text: text.to_owned() };
    assert_eq!(used(&mut scene, "claude", 1, there("hi")), Err(RefusalCode::NotFound));
    let event = Event::Post {
        by: ada(),
        channel: Some("secret".parse().unwrap()),
        thread: None,
        text: "@claude here too".to_owned(),
        key: None,
    };
    scene.ok(event);
    assert!(used(&mut scene, "claude", 1, there("hi")).is_ok());
    assert_eq!(used(&mut scene, "claude", 1, says_by_tool("@nobody hi")), Err(RefusalCode::NotFound));
}

/// The tool's result counts before what the driver found, and the last of several is the one.
#[test]
fn the_result_that_was_handed_in_is_the_turns() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("check", &[], "reviewer", "review")])));
    assert_eq!(
        used(&mut scene, "lint", 1, hand_in(json!({ "kind": "text", "text": "fine" }))),
        Err(RefusalCode::Invalid)
    );
    let finding = json!({ "severity": "error", "text": "it leaks" });
    let bad = json!({ "kind": "review", "verdict": "changes_requested", "findings": [finding] });
    used(&mut scene, "lint", 1, hand_in(bad)).unwrap();
    used(&mut scene, "lint", 1, hand_in(json!({ "kind": "review", "verdict": "approved", "summary": "fine" })))
        .unwrap();
    scene.ends("lint", review(&[(3, "from a fenced block")]));
    assert_eq!(scene.findings(), "");
    insta::assert_snapshot!(scene.runs(), @"
    r1 Approved nothing material is left open
      check Done
    ");
}

#[test]
fn an_answer_without_a_result_is_none_where_one_was_handed_in() {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("check", &[], "reviewer", "review")])));
    used(&mut scene, "lint", 1, hand_in(json!({ "kind": "review", "verdict": "approved" }))).unwrap();
    scene.ends("lint", fails(FailureClass::InvalidResult));
    assert!(scene.runs().starts_with("r1 Approved"), "{}", scene.runs());
    scene.run(plan(json!([turn("check", &[], "reviewer", "review")])));
    used(&mut scene, "lint", 2, hand_in(json!({ "kind": "review", "verdict": "approved" }))).unwrap();
    scene.ends("lint", fails(FailureClass::Crashed));
    insta::assert_snapshot!(scene.inbox(), @"p1 Failure check (@lint) failed: crashed [retry skip stop]");
}

#[test]
fn what_a_reviewer_reports_by_the_tool_is_a_part_of_its_review() {
    let mut scene = Scene::new();
    let until = "review.verdict == 'approved'";
    scene.run(plan(json!([repeat("loop", &[], until, 3, json!([turn("review", &[], "reviewer", "review")]))])));
    let first = used(&mut scene, "lint", 1, found(3, "too long"));
    assert_eq!(first, Ok(Answer::Found(FindingId(1))));
    assert_eq!(used(&mut scene, "lint", 1, found(3, "too long")), first, "it is the same one");
    scene.ends("lint", review(&[]));
    assert!(scene.live("lint").is_some(), "what was reported asks for changes\n{}", scene.runs());
    assert_eq!(scene.findings(), "f1 too long open\n");
    scene.ends("lint", review(&[]));
    assert_eq!(scene.findings(), "f1 too long fixed\n", "and what the next round leaves out no longer stands");
    assert!(scene.runs().starts_with("r1 Approved"), "{}", scene.runs());
}

#[test]
fn what_the_developer_dismissed_is_not_reported_again() {
    let mut scene = Scene::new();
    scene.post("@claude look");
    used(&mut scene, "claude", 1, found(3, "too long")).unwrap();
    let how = crate::hub::event::Settlement::Dismiss("it is a table".to_owned());
    scene.ok(Event::SettleFinding { by: ada(), finding: FindingId(1), how });
    assert_eq!(used(&mut scene, "claude", 1, found(3, "too long")), Err(RefusalCode::Exists));
}

/// Promise 5: nothing that an agent does is without a bound.
#[test]
fn a_turn_has_only_so_many_acts() {
    let mut scene = Scene::new();
    scene.post("@claude look");
    for number in 0..200 {
        used(&mut scene, "claude", 1, says_by_tool(&format!("{number}"))).unwrap();
    }
    assert_eq!(used(&mut scene, "claude", 1, says_by_tool("one more")), Err(RefusalCode::Busy));
    scene.ends("claude", says("done"));
    scene.post("@claude again");
    let turn = scene.live("claude").unwrap();
    assert!(used(&mut scene, "claude", turn.0, says_by_tool("a new turn")).is_ok());
}
