//! Channels: who is woken, who sees what, and what keeps agents from talking for ever.

use super::*;

#[test]
fn only_the_addressed_agent_is_woken_and_the_others_see_it_next_time() {
    let mut scene = Scene::new();
    scene.post("@claude why does the retry loop never end?");
    assert_eq!(scene.new_effects(), "start t1 @claude");
    scene.ends("claude", says("Because `attempt` is never raised."));
    scene.post("@codex please mend it");
    let sent = scene.sent("codex");
    assert!(sent.contains("> @claude why does the retry loop never end?"), "{sent}");
    assert!(sent.contains("> Because `attempt` is never raised."), "{sent}");
    scene.ends("codex", says("Done."));
    scene.post("@claude thanks");
    let sent = scene.sent("claude");
    assert!(!sent.contains("why does the retry"), "what was sent once is not sent again: {sent}");
    assert!(sent.contains("> Done."), "{sent}");
    insta::assert_snapshot!(scene.channel(), @"
    m1 ada: @claude why does the retry loop never end?
        to @claude: answered
    m2 @claude: Because `attempt` is never raised.
    m3 ada: @codex please mend it
        to @codex: answered
    m4 @codex: Done.
    m5 ada: @claude thanks
        to @claude: delivered
    ");
}

#[test]
fn a_busy_agents_messages_wait_in_its_queue_and_can_be_taken_back() {
    let mut scene = Scene::new();
    scene.post("@claude one");
    scene.post("@claude two");
    scene.post("@claude three");
    assert_eq!(scene.new_effects(), "start t1 @claude");
    let withdraw = Event::Withdraw { by: ada(), message: MessageId(2), agent: name("claude") };
    scene.ok(withdraw.clone());
    assert_eq!(scene.event(withdraw).unwrap_err().code, RefusalCode::Invalid);
    scene.ends("claude", says("first"));
    assert_eq!(scene.new_effects(), "start t3 @claude");
    insta::assert_snapshot!(scene.channel(), @"
    m1 ada: @claude one
        to @claude: answered
    m2 ada: @claude two
        to @claude: withdrawn
    m3 ada: @claude three
        to @claude: delivered
    m4 @claude: first
    ");
}

#[test]
fn all_means_who_takes_part_and_others_means_the_rest() {
    let mut scene = Scene::new();
    scene.post("@all hello");
    assert_eq!(scene.new_effects(), "", "nobody takes part yet");
    scene.post("@claude hello");
    scene.post("@codex hello");
    scene.ends("claude", says("hi"));
    scene.ends("codex", says("hi"));
    scene.new_effects();
    scene.post("@claude leads, @others listen");
    assert_eq!(scene.new_effects(), "start t3 @claude\nstart t4 @codex");
}

#[test]
fn an_unknown_name_is_said_and_wakes_nobody() {
    let mut scene = Scene::new();
    scene.post("@cluade hello");
    assert_eq!(scene.new_effects(), "");
    assert!(scene.channel().contains("@cluade: nobody is called so here"), "{}", scene.channel());
    scene.post("@all hello");
    assert!(scene.channel().contains("Nobody was woken: no agent takes part"), "{}", scene.channel());
}

/// Promise 5: loops end. The chain is held at the limit, and goes on when a person says so.
#[test]
fn a_chain_of_agents_is_held_at_the_hop_limit() {
    let mut scene = Scene::new();
    scene.post("@claude start");
    let mut hops = 0;
    for (from, to) in [("claude", "codex"), ("codex", "claude")].into_iter().cycle() {
        if scene.live(from).is_none() {
            break;
        }
        hops += 1;
        assert!(hops < 20, "the chain never ends");
        scene.ends(from, says(&format!("@{to} your turn")));
    }
    assert_eq!(hops, 4);
    insta::assert_snapshot!(scene.inbox(), @"p1 Limit @codex wants to wake @claude again [approve stop]");
    scene.new_effects();
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.new_effects(), "start t5 @claude");
    scene.ends("claude", says("@codex more"));
    assert!(scene.live("codex").is_some(), "the chain counts from zero again");
}

/// Promise 5, for two agents that thank each other: the pair has a limit of its own.
#[test]
fn a_stopped_chain_stays_stopped() {
    let mut scene = Scene::new();
    scene.post("@claude start");
    for (from, to) in [("claude", "codex"), ("codex", "claude"), ("claude", "codex"), ("codex", "claude")] {
        scene.ends(from, says(&format!("@{to} thanks")));
    }
    scene.decide(1, Decision::Stop).unwrap();
    assert_eq!(scene.live("claude").or(scene.live("codex")), None);
    assert!(scene.channel().contains("to @claude: failed"), "{}", scene.channel());
    scene.post("@codex go on");
    assert!(scene.live("codex").is_some(), "a person's message is not held");
}

/// Promise 7: nothing is started for a workspace that is not trusted.
#[test]
fn an_untrusted_workspace_wakes_nobody() {
    let mut scene = Scene::empty();
    scene.ok(Event::Catalog(super::super::scene::cast()));
    let post = |text: &str| Event::Post { by: ada(), channel: None, thread: None, text: text.to_owned(), key: None };
    assert_eq!(scene.event(post("@claude hello")).unwrap_err().code, RefusalCode::Untrusted);
    scene.ok(post("a note to myself"));
    assert!(scene.effects.is_empty());
}

#[test]
fn the_same_key_is_the_same_message() {
    let mut scene = Scene::new();
    let post = Event::Post { by: ada(), channel: None, thread: None, text: "hi".to_owned(), key: Some("k".to_owned()) };
    let first = scene.ok(post.clone());
    assert_eq!(scene.ok(post), first);
    assert_eq!(scene.state.messages.len(), 1);
}

/// Promise 1: what an agent was on when the hub died is asked again, once, and the late answer of the lost turn is nothing.
#[test]
fn a_lost_turn_is_asked_again_and_its_late_answer_changes_nothing() {
    let mut scene = Scene::new();
    scene.post("@claude hello");
    let lost = scene.live("claude").unwrap();
    scene.new_effects();
    scene.restart();
    assert_eq!(scene.new_effects(), "start t2 @claude");
    scene.ok(Event::TurnEnded { turn: lost, outcome: says("too late") });
    assert!(!scene.channel().contains("too late"));
    scene.ends("claude", says("hello again"));
    assert!(scene.channel().contains("to @claude: answered"), "{}", scene.channel());
}

#[test]
fn a_failed_delivery_says_why() {
    let mut scene = Scene::new();
    scene.post("@claude hello");
    scene.ends("claude", fails(FailureClass::Crashed));
    assert!(scene.channel().contains("system: @claude did not answer m1: it was crashed"), "{}", scene.channel());
    assert!(scene.channel().contains("to @claude: failed"));
}

/// Promise 2: an agent's connection can't speak as a person, whatever it writes.
#[test]
fn agents_cannot_do_what_is_for_people() {
    let mut scene = Scene::new();
    let agent = || Actor::Agent(None);
    let events = [
        Event::Post { by: agent(), channel: None, thread: None, text: "hi".to_owned(), key: None },
        Event::Hold { by: agent(), run: None, interrupt: false },
        Event::Cancel { by: agent(), run: RunId(1) },
        Event::Decide { by: agent(), pause: PauseId(1), decision: Decision::Approve, hash: String::new(), scope: None },
    ];
    for event in events {
        assert_eq!(scene.event(event).unwrap_err().code, RefusalCode::HumansOnly);
    }
}

#[test]
fn a_mentioned_tool_agent_gives_its_result_as_a_message() {
    let mut scene = Scene::new();
    scene.post("@lint look at src/lib.rs");
    scene.ends("lint", review(&[(3, "too long")]));
    assert_eq!(scene.findings(), "f1 too long open\n");
    assert!(scene.channel().contains("@lint: Changes requested."), "{}", scene.channel());
}

#[test]
fn a_tool_fixes_what_is_named_and_its_silence_is_an_answer() {
    let mut scene = Scene::new();
    scene.post("@lint look at src/lib.rs");
    scene.ends("lint", review(&[(1, "one"), (2, "two"), (3, "three")]));
    scene.post("@autofix fix f2 in `src/lib.rs`, and nothing else.\n\n```\nf3 is quoted\n```");
    let turn = scene.live("autofix").expect("it works");
    let asked = scene.state.turn(turn).and_then(|it| it.sent.clone()).expect("it was sent something");
    assert_eq!(asked.findings, [crate::ids::FindingId(2)]);
    // It says more than it was asked for; what it was not given it can't have fixed.
    scene.ends("autofix", gives(serde_json::json!({ "kind": "change", "summary": "done", "fixed": ["f2", "f1"] })));
    assert_eq!(scene.findings(), "f1 one open\nf2 two fixed\nf3 three open\n");
    // A tool says all that it sees of what it was asked about, and of nothing else.
    scene.post("@lint look at docs/guide.md");
    scene.ends("lint", review(&[]));
    assert_eq!(scene.findings(), "f1 one open\nf2 two fixed\nf3 three open\n");
    scene.post("@lint look at src/lib.rs");
    scene.ends("lint", review(&[(3, "three")]));
    assert_eq!(scene.findings(), "f1 one fixed\nf2 two fixed\nf3 three open\n");
    // What an agent that thinks does not mention again may well be there still.
    scene.post("@claude look at src/lib.rs");
    scene.ends("claude", review(&[]));
    assert!(scene.findings().contains("f3 three open"), "{}", scene.findings());
}

/// Promise 1: what a program calls its session is in the journal, so the next turn goes on there, after a restart too.
#[test]
fn an_agent_goes_on_in_its_session_and_a_lost_one_is_said() {
    let request = |scene: &Scene| {
        let of = |it: &crate::hub::effect::Effect| match it {
            crate::hub::effect::Effect::StartTurn(request) => Some((**request).clone()),
            _ => None,
        };
        scene.effects.iter().rev().find_map(of).unwrap()
    };
    let known = |scene: &mut Scene, session: &str, lost: Option<&str>| {
        let turn = scene.live("claude").unwrap();
        let (place, session) = (".".to_owned(), session.to_owned());
        scene.ok(Event::SessionKnown { turn, place, session, lost: lost.map(str::to_owned) });
    };
    let mut scene = Scene::new();
    scene.post("@claude the first word");
    assert_eq!(request(&scene).session, None);
    known(&mut scene, "s1", None);
    let records = scene.journal.len();
    known(&mut scene, "s1", None);
    assert_eq!(scene.journal.len(), records, "the same again is no news");
    scene.ends("claude", says("heard"));
    scene.restart();
    scene.post("@claude the second word");
    let asked = request(&scene);
    assert_eq!(asked.session.as_ref().map(|it| &*it.id), Some("s1"));
    assert!(asked.recap.contains("> @claude the first word") && asked.recap.contains("> heard"), "{}", asked.recap);
    assert!(!asked.recap.contains("second"), "what is asked now is in the prompt");
    known(&mut scene, "s2", Some("it was gone"));
    assert!(scene.channel().contains("system: @claude's conversation could not be gone on with (it was gone)."));
    scene.ends("claude", says("heard again"));
    scene.post("@claude the third word");
    assert_eq!(request(&scene).session.as_ref().map(|it| &*it.id), Some("s2"));
}
