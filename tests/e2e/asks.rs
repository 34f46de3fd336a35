//! What agents ask while they work: a real agent process on pipes, a real hub, and a person at a shell.

use std::{fs, path::PathBuf};

use serde_json::Value;

use crate::support::{COMMAND_LIMIT, World, wait_for};

const PROFILE: &str = "
name: asker
title: Asks
driver: stream-json
command: [FAKE, stream]
access: write
good-for: [build]
stream:
  arguments: [--always, \"--tools={tools}\"]
  read: [--read-only]
  resume: [\"--resume={session}\"]
";

fn world() -> World {
    let world = World::with_files(&[("README.md", "# A project\n")]);
    let profile = PROFILE.replace("FAKE", &format!("{:?}", env!("CARGO_BIN_EXE_fake-agent")));
    world.profile("asker", &profile);
    world.trust();
    world
}

fn place(world: &World, name: &str) -> PathBuf {
    world.root().join(name)
}

/// Waits for a pause that is open and of a kind.
fn waits(world: &World, id: &str, kind: &str) -> Value {
    let look = || {
        let inbox = world.callboard(&["inbox", "--json"]).ok("the inbox").json();
        inbox.into_iter().find(|it| it["id"] == id && it["kind"] == kind && it["answered"].is_null())
    };
    wait_for(&format!("{id} to wait for a {kind}"), COMMAND_LIMIT, look, || world.story())
}

/// Waits for the answer to a message.
fn answer(world: &World, message: &str) -> String {
    let look = || {
        let all = world.callboard(&["channel", "show", "--json"]).ok("the channel").json();
        let asked = all.iter().find(|it| it["id"] == message)?;
        let state = &asked["deliveries"][0]["state"];
        let id = state["message"].as_str()?;
        all.iter().find(|it| it["id"] == id).and_then(|it| it["text"].as_str().map(str::to_owned))
    };
    wait_for(&format!("the answer to {message}"), COMMAND_LIMIT, look, || world.story())
}

#[test]
fn promise_2_what_an_agent_may_not_do_by_itself_waits_for_a_person() {
    let world = world();
    let (yes, no) = (place(&world, "yes"), place(&world, "no"));
    let text = format!("@asker [[bash touch {}]] [[bash touch {}]]", yes.display(), no.display());
    world.callboard(&["channel", "post", &text]).ok("a message");
    let pause = waits(&world, "p1", "permission");
    assert_eq!((&pause["ask"]["agent"], &pause["ask"]["tool"]), (&"asker".into(), &"Bash".into()));
    assert_eq!(pause["ask"]["scopes"], serde_json::json!(["once", "always"]));
    assert!(pause["document"].as_str().is_some_and(|it| it.contains(&format!("touch {}", yes.display()))), "{pause}");
    assert!(!yes.exists(), "nothing is done before the answer");
    let agents = world.callboard(&["agents", "--json"]).ok("the agents").json();
    let claim = &agents.iter().find(|it| it["info"]["name"] == "asker").expect("the agent")["claim"];
    assert_eq!((&claim["state"]["is"], &claim["source"]), (&"waitingForPermission".into(), &"protocol".into()));

    world.callboard(&["decide", "p1", "approve", "--scope", "run"]).code(1, "there is no run");
    world.callboard(&["decide", "p1", "approve", "--scope", "always"]).ok("an approval");
    waits(&world, "p2", "permission");
    assert!(yes.exists());
    world.callboard(&["decide", "p2", "reject", "--text", "not that one"]).ok("a denial");
    assert!(answer(&world, "m1").contains("not that one"));
    assert!(!no.exists());

    // What is remembered is not asked again, until it is revoked.
    fs::remove_file(&yes).expect("the file");
    let text = format!("@asker [[bash touch {}]]", yes.display());
    let again = |text: &str| world.callboard(&["channel", "post", text, "--wait"]).ok("a message that is answered");
    again(&text);
    assert!(yes.exists());
    let listed = world.callboard(&["permissions", "list", "--json"]).ok("the permissions").json();
    assert_eq!((&listed[0]["id"], &listed[0]["used"]), (&"a1".into(), &1.into()));
    world.callboard(&["permissions", "revoke", "a1"]).ok("a revocation");
    world.callboard(&["channel", "post", &text]).ok("a message");
    waits(&world, "p3", "permission");
    world.callboard(&["decide", "p3", "approve"]).ok("an approval");
}

/// Promise 1: a hub that dies takes the turn's program with it; the turn is done again in the same session, and asks again.
#[test]
fn promise_1_an_ask_whose_hub_died_is_asked_again_in_the_same_session() {
    let world = world();
    world.callboard(&["channel", "post", "@asker [[say hello]]", "--wait"]).ok("a first turn");
    world.callboard(&["channel", "post", "@asker [[ask Which width?|i32|i64]]"]).ok("a question");
    let pause = waits(&world, "p1", "question");
    assert_eq!(pause["ask"]["choices"], serde_json::json!(["i32", "i64"]));
    world.kill_hub();
    let again = waits(&world, "p2", "question");
    assert_eq!(again["title"], pause["title"]);
    let late = world.callboard(&["decide", "p1", "approve", "--text", "2"]).code(1, "the first, which is withdrawn");
    assert!(late.stderr.contains("the end of the turn that asked"), "{}", late.stderr);
    world.callboard(&["decide", "p2", "approve", "--text", "2"]).ok("the answer");
    let all = world.callboard(&["channel", "show", "--json"]).ok("the channel").json();
    let asked = all.iter().find(|it| it["text"].as_str().is_some_and(|it| it.contains("Which width"))).expect("it");
    assert!(answer(&world, asked["id"].as_str().expect("an id")).contains(r#"{"Which width?":"i64"}"#));
    let sessions = fs::read_dir(world.home().join("fake-sessions")).expect("the program's sessions").count();
    assert_eq!(sessions, 1, "the turn was done again in a session of its own");
}
