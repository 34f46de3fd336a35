//! Taking an agent over: only between its turns, nothing of it begins meanwhile, and it is told afterwards.

use std::fs;

use super::*;
use crate::{
    hub::{apply::apply, event::TakeOverCame, record::Record, snapshot::Snapshot, state::State},
    ids::Timestamp,
    protocol::TakenStage,
};

fn take(agent: &str, after_turn: bool) -> Event {
    Event::TakeOver { by: ada(), agent: name(agent), after_turn }
}

fn back(agent: &str) -> Event {
    Event::HandBack { by: ada(), agent: name(agent) }
}

fn came(scene: &mut Scene, agent: &str, came: TakeOverCame) {
    let number = scene.state.agents[&name(agent)].taken.as_ref().map_or(0, |it| it.number);
    scene.ok(Event::TakeOverCame { agent: name(agent), number, came });
}

fn opened(scene: &mut Scene, agent: &str, session: Option<&str>) {
    came(scene, agent, TakeOverCame::Opened { place: ".".to_owned(), session: session.map(ToOwned::to_owned) });
}

fn over(scene: &mut Scene, agent: &str, why: &str) {
    came(scene, agent, TakeOverCame::Over { why: why.to_owned() });
}

/// Returns who has an agent, how far that is, and what is believed of it.
fn shown(scene: &Scene, agent: &str) -> String {
    let agents = Snapshot::of(&scene.state).agents();
    let it = agents.iter().find(|it| it.info.name == name(agent)).unwrap();
    let taken = it.taken.as_ref().map_or("nobody".to_owned(), |it| format!("{} {:?}", it.by, it.stage));
    format!("{taken}; {:?} ({:?}: {}); {} queued", it.claim.state, it.claim.source, it.claim.why, it.queued)
}

#[test]
fn an_idle_agent_is_opened_in_its_session_and_its_messages_wait_until_it_is_handed_back() {
    let mut scene = Scene::new();
    scene.post("@claude one");
    let (turn, place) = (TurnId(1), ".".to_owned());
    scene.ok(Event::SessionKnown { turn, place, session: "s-1".to_owned(), lost: None });
    scene.ends("claude", says("first"));
    scene.new_effects();
    scene.ok(take("claude", false));
    assert_eq!(scene.new_effects(), "open @claude for ada in . with s-1");
    opened(&mut scene, "claude", Some("s-1"));
    insta::assert_snapshot!(shown(&scene, "claude"), @r#"ada Open; TakenOver { by: "ada" } (Hub: ada took it over); 0 queued"#);
    scene.post("@claude two");
    assert_eq!(scene.new_effects(), "", "nothing begins that a person has");
    scene.ok(take("claude", false));
    assert_eq!(scene.new_effects(), "", "it is taken over already");
    scene.ok(back("claude"));
    scene.ok(back("claude"));
    assert_eq!(scene.new_effects(), "close @claude\nclose @claude");
    assert_eq!(scene.event(take("claude", false)).unwrap_err().code, RefusalCode::Busy);
    over(&mut scene, "claude", "it was handed back");
    assert!(scene.sent("claude").starts_with("Since your last turn ada (a person) took this session over"));
    assert_eq!(scene.new_effects(), "start t2 @claude");
    scene.ends("claude", says("second"));
    scene.post("@claude three");
    assert!(!scene.sent("claude").contains("took this session over"), "it is told once");
    insta::assert_snapshot!(scene.channel(), @"
    m1 ada: @claude one
        to @claude: answered
    m2 @claude: first
    m3 ada: @claude two
        to @claude: answered
    m4 system: ada had taken @claude over and handed it back: it was handed back. What was said there stands in the recording of its terminal.
    m5 @claude: second
    m6 ada: @claude three
        to @claude: delivered
    ");
}

#[test]
fn an_agent_on_a_turn_is_refused_or_opened_after_it_and_a_checkpoint_is_not_cut_off() {
    let mut scene = Scene::new();
    scene.slow_checkpoints = true;
    scene.run(plan(json!([turn("write", &[], "writer", "text")])));
    assert!(scene.live("claude").is_none(), "its checkpoint is not taken yet");
    let refused = scene.event(take("claude", false)).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Busy);
    assert!(refused.message.contains("attach claude --after-turn"), "{refused}");
    scene.ok(take("claude", true));
    scene.take_checkpoints();
    assert!(scene.new_effects().contains("start t1 @claude"), "its turn was on its way");
    scene.post("@claude then this");
    assert!(shown(&scene, "claude").starts_with("ada AfterTurn; Stopped"), "{}", shown(&scene, "claude"));
    scene.ends("claude", says("done"));
    let effects = scene.new_effects();
    assert!(
        effects.contains("open @claude for ada in . with a new session") && !effects.contains("start"),
        "{effects}"
    );
    over(&mut scene, "claude", "@claude has no session yet");
    assert!(!scene.sent("claude").contains("took this session over"), "nobody spoke with it");
    assert_eq!(scene.new_effects(), "start t2 @claude");
    assert!(scene.channel().contains("system: @claude could not be taken over: @claude has no session yet."));
}

/// As Codex: said at once and with what to do, and not as a failure afterwards.
#[test]
fn an_agent_whose_screen_begins_no_session_is_opened_once_it_has_one() {
    let mut scene = Scene::empty();
    let codex = crate::agent::AgentInfo { needs_session: true, ..crate::hub::scene::cast()[1].clone() };
    scene.ok(Event::Started { trusted: true, agents: vec![codex] });
    let refused = scene.event(take("codex", false)).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Invalid);
    assert!(refused.message.contains("no session yet") && refused.message.contains("channel post"), "{refused}");
    assert_eq!(
        scene.event(take("codex", true)).unwrap_err().code,
        RefusalCode::Invalid,
        "there is no turn to wait for"
    );
    scene.post("@codex one");
    let (turn, place) = (TurnId(1), ".".to_owned());
    assert_eq!(scene.event(take("codex", false)).unwrap_err().code, RefusalCode::Busy);
    scene.ok(Event::SessionKnown { turn, place, session: "s-1".to_owned(), lost: None });
    scene.ends("codex", says("first"));
    scene.new_effects();
    scene.ok(take("codex", false));
    assert_eq!(scene.new_effects(), "open @codex for ada in . with s-1");
}

#[test]
fn a_take_over_that_waits_is_called_off() {
    let mut scene = Scene::new();
    scene.post("@claude one");
    scene.ok(take("claude", true));
    scene.post("@claude two");
    scene.new_effects();
    scene.ok(back("claude"));
    scene.ends("claude", says("first"));
    assert_eq!(scene.new_effects(), "start t2 @claude");
    let refused = scene.event(back("claude")).unwrap_err();
    assert!(refused.message.contains("not taken over"), "{refused}");
}

#[test]
fn who_may_not_take_over_what_can_not_be_promise_2_and_7() {
    let mut scene = Scene::new();
    let agent = Actor::Agent(Some(name("codex")));
    let taking = Event::TakeOver { by: agent.clone(), agent: name("claude"), after_turn: false };
    assert_eq!(scene.event(taking).unwrap_err().code, RefusalCode::HumansOnly);
    let refused = scene.event(take("lint", false)).unwrap_err();
    assert!(refused.message.contains("has no conversation"), "{refused}");
    assert_eq!(scene.event(take("nobody", false)).unwrap_err().code, RefusalCode::NotFound);
    scene.ok(take("claude", false));
    opened(&mut scene, "claude", None);
    let giving = Event::HandBack { by: agent, agent: name("claude") };
    assert_eq!(scene.event(giving).unwrap_err().code, RefusalCode::HumansOnly);
    let mut scene = Scene::empty();
    scene.ok(Event::Started { trusted: false, agents: crate::hub::scene::cast() });
    assert_eq!(scene.event(take("claude", false)).unwrap_err().code, RefusalCode::Untrusted);
}

#[test]
fn a_hub_that_died_has_nothing_open_any_more_promise_1() {
    let mut scene = Scene::new();
    scene.ok(take("claude", false));
    opened(&mut scene, "claude", Some("s-9"));
    scene.ok(take("codex", false));
    scene.post("@claude one");
    scene.new_effects();
    scene.restart();
    assert!(scene.sent("claude").starts_with("Since your last turn ada"));
    assert_eq!(scene.new_effects(), "start t1 @claude", "what waited goes on");
    assert_eq!(&*scene.state.agents[&name("claude")].sessions["."].id, "s-9", "its session stays resumable");
    insta::assert_snapshot!(shown(&scene, "codex"), @"nobody; Stopped (Hub: it has not been needed yet); 0 queued");
    insta::assert_snapshot!(scene.channel(), @"
    m1 ada: @claude one
        to @claude: delivered
    m2 system: ada had taken @claude over and handed it back: the hub ended meanwhile, and its screen with it. What was said there stands in the recording of its terminal.
    m3 system: @codex could not be taken over: the hub ended meanwhile, and its screen with it.
    ");
}

#[test]
fn an_instance_starts_from_anothers_session_and_is_told_apart_from_then_on() {
    let mut scene = Scene::empty();
    let second = crate::agent::AgentInfo { profile: "claude".to_owned(), ..crate::hub::scene::cast()[1].clone() };
    let agents = vec![crate::hub::scene::cast()[0].clone(), second];
    scene.ok(Event::Started { trusted: true, agents });
    let fork = |to: Option<&str>| Event::Fork { by: ada(), agent: name("claude"), to: to.map(name) };
    assert!(scene.event(fork(None)).unwrap_err().message.contains("no session yet"));
    scene.post("@claude one");
    scene.ok(Event::SessionKnown { turn: TurnId(1), place: ".".to_owned(), session: "s-1".to_owned(), lost: None });
    scene.ends("claude", says("first"));
    let by = Actor::Agent(Some(name("codex")));
    let forged = Event::Fork { by, agent: name("claude"), to: None };
    assert_eq!(scene.event(forged).unwrap_err().code, RefusalCode::HumansOnly);
    assert_eq!(scene.event(fork(Some("claude"))).unwrap_err().code, RefusalCode::Invalid);
    assert_eq!(scene.ok(fork(None)), Answer::Forked(name("codex")));
    scene.post("@codex two");
    assert_eq!(scene.event(fork(None)).unwrap_err().code, RefusalCode::Busy, "the only one is at work");
    let forks = |scene: &Scene| scene.state.agents[&name("codex")].forks.get(".").map(|it| it.id.to_string());
    assert_eq!(forks(&scene).as_deref(), Some("s-1"));
    scene.ok(Event::SessionKnown { turn: TurnId(2), place: ".".to_owned(), session: "s-2".to_owned(), lost: None });
    assert_eq!(forks(&scene), None);
    assert_eq!(&*scene.state.agents[&name("claude")].sessions["."].id, "s-1");
}

#[test]
fn what_a_failed_turn_used_counts_promise_5() {
    let mut scene = Scene::new();
    scene.post("@claude one");
    let used = crate::outcome::Usage { tokens: Some(7), micro_dollars: None };
    scene.ok(Event::Spent { turn: TurnId(1), usage: used });
    scene.ends("claude", fails(FailureClass::Overloaded));
    scene.ok(Event::Spent { turn: TurnId(1), usage: used });
    assert_eq!(scene.state.agents[&name("claude")].usage, used);
    assert_eq!(Snapshot::of(&scene.state).agents().iter().filter(|it| it.usage.tokens == Some(7)).count(), 1);
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal/golden-take-over-1.jsonl");

/// Plays what the fixture holds. It was recorded once; this is how, and never again.
fn record() -> String {
    let mut scene = Scene::new();
    scene.post("@claude one");
    scene.ok(take("claude", true));
    scene.ends("claude", says("first"));
    opened(&mut scene, "claude", Some("s-1"));
    scene.ok(back("claude"));
    over(&mut scene, "claude", "it was handed back");
    scene.ok(take("codex", false));
    opened(&mut scene, "codex", None);
    let lines = scene.journal.iter().enumerate().map(|(seq, (at, record))| {
        json!({ "seq": seq + 1, "at": at.0, "kind": record.kind(), "body": record }).to_string() + "\n"
    });
    lines.collect()
}

const FORKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal/golden-forks-1.jsonl");

/// Plays what the fixture of forks holds. It was recorded once; this is how, and never again.
fn record_forks() -> String {
    let mut scene = Scene::empty();
    let second = crate::agent::AgentInfo { profile: "claude".to_owned(), ..crate::hub::scene::cast()[1].clone() };
    scene.ok(Event::Started { trusted: true, agents: vec![crate::hub::scene::cast()[0].clone(), second] });
    scene.post("@claude one");
    scene.ok(Event::SessionKnown { turn: TurnId(1), place: ".".to_owned(), session: "s-1".to_owned(), lost: None });
    let usage = crate::outcome::Usage { tokens: Some(7), micro_dollars: Some(9) };
    scene.ok(Event::Spent { turn: TurnId(1), usage });
    scene.ends("claude", fails(FailureClass::Overloaded));
    scene.ok(Event::Fork { by: ada(), agent: name("claude"), to: None });
    let lines = scene.journal.iter().enumerate().map(|(seq, (at, record))| {
        json!({ "seq": seq + 1, "at": at.0, "kind": record.kind(), "body": record }).to_string() + "\n"
    });
    lines.collect()
}

/// Returns what a golden journal comes to.
fn golden(path: &str, record: impl Fn() -> String) -> State {
    if !fs::exists(path).unwrap_or(false) {
        assert!(std::env::var_os("UPDATE_EXPECT").is_some(), "{path} is gone; it is in the repository");
        fs::write(path, record()).unwrap();
    }
    let mut state = State::default();
    for line in fs::read_to_string(path).unwrap().lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        let record: Record = serde_json::from_value(entry["body"].clone()).unwrap();
        assert_eq!(entry["kind"], record.kind());
        apply(&mut state, entry["seq"].as_u64().unwrap(), Timestamp(entry["at"].as_i64().unwrap()), &record);
    }
    state
}

#[test]
fn the_golden_journal_of_forks_comes_to_the_same_for_ever_promise_1() {
    let state = golden(FORKS, record_forks);
    let (claude, codex) = (&state.agents[&name("claude")], &state.agents[&name("codex")]);
    assert_eq!((claude.usage.tokens, claude.usage.micro_dollars), (Some(7), Some(9)));
    assert_eq!(&*codex.forks["."].id, "s-1");
}

#[test]
fn the_golden_journal_of_take_overs_comes_to_the_same_for_ever_promise_1() {
    let state = golden(PATH, record);
    let (claude, codex) = (&state.agents[&name("claude")], &state.agents[&name("codex")]);
    assert_eq!((claude.visitor.as_deref(), &*claude.sessions["."].id), (Some("ada"), "s-1"));
    let taken = codex.taken.as_ref().unwrap();
    assert_eq!((&*taken.by, taken.stage, taken.opened), ("ada", TakenStage::Open, true));
}
