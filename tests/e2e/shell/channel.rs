//! `channel …` and `findings …`.

use super::{LIMIT, at_the_gate, go, line_with, until, world};

#[test]
fn a_message_wakes_whom_it_names_and_wait_shows_the_answer() {
    let world = world();
    let said = world.callboard(&["channel", "post", "@echo what do you have?", "--wait"]).ok("post --wait").stdout;
    assert!(said.contains("@echo") && said.contains("It got 0 findings."), "{said}");
    let shown = world.callboard(&["channel", "show"]).ok("channel show").stdout;
    assert!(shown.contains("@echo answered in m2") && shown.contains("m2 · in thread m1"), "{shown}");
    let sent = world.callboard(&["channel", "sent", "m2"]).ok("channel sent").stdout;
    assert!(sent.contains("t1 @echo") && sent.contains("what do you have?"), "promise 8: {sent}");
}

#[test]
fn a_message_with_no_mention_wakes_nobody_and_one_for_nobody_says_so() {
    let world = world();
    let said = world.callboard(&["channel", "post", "just a note"]).ok("a note").stdout;
    assert_eq!(said, "Posted as m1.\n");
    world.callboard(&["channel", "post", "hello @nobody"]).ok("a message for nobody");
    let shown = world.callboard(&["channel", "show"]).ok("channel show").stdout;
    assert!(shown.contains("nobody is called so here"), "{shown}");
    let failed = world.callboard(&["channel", "post", "@broken come", "--wait"]).code(1, "an agent that fails");
    assert!(failed.stdout.contains("@broken failed: "), "{}", failed.stdout);
    assert!(failed.stdout.contains("exit code 7"), "{}", failed.stdout);
}

#[test]
fn text_comes_from_a_pipe_and_an_empty_one_is_refused() {
    let world = world();
    let long = "One line of many, with ünïcode 漢字 🎭.\n".repeat(500);
    world.callboard_with_input(&["channel", "post", "-"], &long).ok("a long text");
    let shown = world.callboard(&["channel", "show", "--json"]).ok("channel show").json();
    assert_eq!(shown[0]["text"].as_str().map(str::trim), Some(long.trim()));
    assert!(world.callboard_with_input(&["channel", "post"], " \n").code(2, "nothing").stderr.contains("empty"));
}

#[test]
fn those_who_take_part_can_be_woken_at_once() {
    let world = world();
    go(&world);
    world.callboard(&["channel", "new", "stage"]).ok("a channel");
    let post = |text: &str| {
        let posted = world.callboard(&["channel", "post", "--channel", "stage", text, "--json"]).ok(text).json();
        let id = posted[0]["message"].clone();
        let all = world.callboard(&["channel", "show", "stage", "--json"]).ok("channel show").json();
        let message = all.into_iter().find(|it| it["id"] == id).expect("the message");
        let agents = message["deliveries"].as_array().cloned().unwrap_or_default();
        agents.iter().filter_map(|it| it["agent"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert!(post("@all is anybody here?").is_empty());
    let shown = world.callboard(&["channel", "show", "stage"]).ok("channel show").stdout;
    assert!(shown.contains("Nobody was woken"), "{shown}");
    assert_eq!(post("@critic @echo @slow come in"), ["critic", "echo", "slow"]);
    assert_eq!(post("@all again"), ["critic", "echo", "slow"]);
    assert_eq!(post("@slow rest, @others go on"), ["slow", "critic", "echo"]);
}

#[test]
fn a_channel_has_a_name_a_default_agent_and_threads() {
    let world = world();
    let said = world.callboard(&["channel", "new", "reviews", "--agent", "echo"]).ok("channel new").stdout;
    assert!(said.contains("#reviews is there."), "{said}");
    world.callboard(&["channel", "new", "reviews"]).code(1, "the same again");
    world.callboard(&["channel", "new", "No Name"]).code(2, "a name that can't be");
    world.callboard(&["channel", "post", "anybody?", "--channel", "reviews", "--wait"]).ok("its default agent");
    world
        .callboard(&["channel", "post", "thanks", "--channel", "reviews", "--thread", "m1"])
        .ok("an entry of a thread");
    world.callboard(&["channel", "post", "elsewhere"]).ok("another channel");
    let thread = world.callboard(&["channel", "show", "--thread", "m1"]).ok("the thread").stdout;
    assert!(thread.contains("It got 0") && thread.contains("thanks") && !thread.contains("elsewhere"), "{thread}");
    let listed = world.callboard(&["channel", "list"]).ok("channel list").stdout;
    assert!(listed.contains("#reviews") && listed.contains("@echo") && listed.contains("#main"), "{listed}");
}

#[test]
fn tail_shows_what_was_and_what_comes() {
    let world = world();
    world.callboard(&["channel", "post", "before"]).ok("a message");
    let mut tail = world.spawn(&["channel", "tail"]);
    line_with(&mut tail, "before");
    world.callboard(&["channel", "post", "after"]).ok("a message");
    line_with(&mut tail, "after");
    tail.signal("INT");
    tail.finish(LIMIT).ok("the tail after Ctrl-C");
}

#[test]
fn a_queued_message_can_be_taken_back_and_one_that_is_begun_can_not() {
    let world = world();
    world.callboard(&["channel", "post", "@slow the first"]).ok("the first");
    until(&world, "the first turn", &["channel", "show"], |it| it["deliveries"][0]["state"]["is"] == "started");
    world.callboard(&["channel", "post", "@slow the second"]).ok("the second");
    let late = world.callboard(&["channel", "withdraw", "m1", "@slow"]).code(1, "one that is begun");
    assert!(late.stderr.contains("@slow has m1 already"), "{}", late.stderr);
    let said = world.callboard(&["channel", "withdraw", "m2", "slow"]).ok("channel withdraw").stdout;
    assert_eq!(said, "m2 is withdrawn from @slow.\n");
    let shown = world.callboard(&["channel", "show"]).ok("channel show").stdout;
    assert!(shown.contains("m2 · @slow withdrawn"), "{shown}");
    go(&world);
    until(&world, "the first answer", &["channel", "show"], |it| it["text"] == "Slowly.");
}

#[test]
fn findings_are_listed_and_settled() {
    let world = world();
    assert_eq!(world.callboard(&["findings"]).ok("no findings").stdout, "No open findings.\n");
    at_the_gate(&world);
    let listed = world.callboard(&["findings"]).ok("callboard findings").stdout;
    assert!(listed.contains("--> notes.md:1:1  f1 @critic") && listed.contains("2 findings, all open"), "{listed}");
    world.callboard(&["findings", "dismiss", "f1"]).code(2, "no reason");
    world.callboard(&["findings", "dismiss", "f1", "--reason", " "]).code(2, "an empty reason");
    let said = world.callboard(&["findings", "dismiss", "f1", "--reason", "a test double"]).ok("dismiss").stdout;
    assert_eq!(said, "f1 is dismissed.\n");
    world.callboard(&["findings", "accept", "f2"]).ok("accept");
    assert_eq!(world.callboard(&["findings"]).ok("none is open").stdout, "No open findings.\n");
    let all = world.callboard(&["findings", "--all", "--run", "r1"]).ok("findings --all").stdout;
    assert!(all.contains("a test double"), "{all}");
    assert_eq!(world.callboard(&["findings", "reopen", "f1"]).ok("reopen").stdout, "f1 is open again.\n");
    assert!(world.callboard(&["findings"]).ok("one is open").stdout.contains("f1"));
}
