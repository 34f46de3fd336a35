//! Several clients of one hub, some of which fare badly: killed in the middle of a run, deaf, away and back. Promise 1: nothing
//! is lost with any of them, and none holds up another.

use serde_json::{Value, json};

use crate::{
    journal, relay,
    support::{
        COMMAND_LIMIT,
        editor::{Editor, capabilities},
        wait_for,
    },
};

fn quiet(world: &crate::support::World) -> Editor {
    Editor::with(world, &capabilities(), &json!({ "prompts": false }))
}

fn texts(feeds: &[Value]) -> Vec<String> {
    let items = feeds.iter().flat_map(|it| it["items"].as_array().cloned().unwrap_or_default());
    items.filter(|it| it["item"] == "message").map(|it| it["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn promise_1_an_editor_killed_in_the_middle_of_a_run_finds_it_again() {
    let world = relay::world();
    let mut first = quiet(&world);
    first.run("callboard.run", &json!({ "workflow": "wait" }));
    first.progress("begin", "Wait (r1)");
    relay::at_work(&world);
    let hub = world.wait_for_hub();
    first.kill();

    // Reopened while it goes on: its progress is there, and cancelling it would still do what it says.
    let mut second = quiet(&world);
    second.progress("begin", "work");
    second.kill();
    relay::go(&world);
    let ended = || {
        let runs = world.callboard(&["runs", "--json"]).ok("callboard runs").json();
        (runs[0]["status"] == "done").then_some(())
    };
    wait_for("the end of the run that nobody watches", COMMAND_LIMIT, ended, || world.story());
    assert_eq!(world.hub_pid(), Some(hub), "the hub was another");
    let entries = journal::entries(&world);
    assert_eq!((relay::work(&world).len(), journal::lost_turns(&entries)), (1, 0), "the turn was taken once");

    let mut third = quiet(&world);
    assert_eq!(third.request("callboard/runs", &json!({}))[0]["status"], "done");
    let turns = third.request("callboard/turns", &json!({ "run": "r1" }));
    assert_eq!(turns.as_array().map(Vec::len), Some(1), "{turns}");
}

#[test]
fn promise_1_a_deaf_client_is_let_go_and_one_that_comes_back_gets_what_it_missed() {
    let world = relay::world();
    let mut talker = quiet(&world);
    let mut leaver = quiet(&world);
    let rev = leaver.request("callboard/subscribe", &json!({ "since": 0 }))["rev"].as_u64().unwrap();
    let mut known = rev;
    talker.run("callboard.post", &json!({ "text": "before it left" }));
    let mut heard = Vec::new();
    while !heard.contains(&"before it left".to_owned()) {
        let feed = leaver.wait("the feed", |it| it["method"] == "callboard/feed")["params"].clone();
        known = feed["rev"].as_u64().unwrap();
        heard.extend(texts(&[feed]));
    }
    leaver.kill();

    // Deaf: it asks and asks, and never reads an answer.
    let mut deaf = Editor::deaf(&world);
    let long = "x".repeat(32 * 1024);
    for _ in 0..64 {
        talker.run("callboard.post", &json!({ "text": long }));
    }
    for id in 0..40 {
        deaf.ask_into_the_void(id, "callboard/messages", &json!({ "channel": "main", "limit": 100 }));
    }
    talker.run("callboard.post", &json!({ "text": "after it left" }));
    let clients = || {
        let status = world.callboard(&["hub", "status", "--json"]).ok("callboard hub status").json();
        // The one that talks, and the one that asks this.
        (status[0]["clients"].as_u64() == Some(2)).then_some(())
    };
    wait_for("the end of the deaf client's session", COMMAND_LIMIT, clients, || world.story());
    assert_ne!(deaf.exit_code(), Some(0), "its server did not end well");

    let mut back = quiet(&world);
    back.request("callboard/subscribe", &json!({ "since": known }));
    let mut missed = Vec::new();
    while !missed.contains(&"after it left".to_owned()) {
        let feed = back.wait("what was missed", |it| it["method"] == "callboard/feed")["params"].clone();
        missed.extend(texts(&[feed]));
    }
    assert_eq!((missed.len(), missed.iter().filter(|it| **it == long).count()), (65, 64), "each once, and no more");
}
