//! Codex by its app-server: turns, edits, permissions, interrupts, failures, and a session that outlives the hub.

use crate::{
    e2e::{COMMAND_LIMIT, Live},
    support::{World, world},
};

/// A world in which Codex can be asked in a channel.
fn codex() -> Option<World> {
    let world = world()?;
    world.e2e.write(
        ".codex/config.toml",
        "model = \"planted\"\n[mcp_servers.canary]\ncommand = \"/bin/sh\"\nargs = [\"-c\", \"touch canary\"]\n",
    );
    world.settings("agents_env: [MOCK_API_KEY]\n");
    world.e2e.trust();
    Some(world)
}

#[track_caller]
fn says(asking: Live, text: &str) {
    let ran = asking.finish(COMMAND_LIMIT).ok("the turn");
    assert!(ran.stdout.contains(text), "{}", ran.stdout);
}

#[test]
fn a_turn_an_edit_and_a_session_that_goes_on_after_the_hub_was_killed() {
    let Some(world) = codex() else { return };
    assert_eq!(world.ask("@codex [[say hello there]]"), "hello there");
    // Who may write edits files in its folder without being asked.
    world.ask("@codex [[write made.txt|by codex]]");
    assert_eq!(world.e2e.read("made.txt"), "by codex\n");
    world.e2e.kill_hub();
    world.ask("@codex and now?");
    let last = world.model.asked().pop().expect("a request");
    assert_eq!(last.messages, 3, "its session was not resumed: {:#}", last.body["input"]);
    assert_eq!(last.body["model"], crate::support::CODEX_MODEL, "the repository's own settings were taken");
    assert!(!world.e2e.workspace().join("canary").exists(), "the repository's own MCP server was started");
    // Codex wrote into its own copy, and the developer's settings are as they were.
    let own = std::fs::read_to_string(world.codex_home().join("config.toml")).expect("the developer's settings");
    assert!(own.contains("trust_level = \"trusted\"") && !world.codex_home().join("sessions").exists());
}

#[test]
fn promise_2_a_command_is_run_when_a_person_allows_it_and_not_when_they_deny_it() {
    let Some(world) = codex() else { return };
    let asking = world.begin("@codex [[bash touch allowed.txt]] [[say done]]");
    let pause = world.pause();
    assert_eq!(pause["kind"], "permission", "{pause:#}");
    let shown = world.e2e.callboard(&["inbox", pause["id"].as_str().expect("an id")]).ok("inbox").stdout;
    assert!(shown.contains("touch allowed.txt"), "{shown}");
    world.decide(&pause, &["approve"]);
    says(asking, "done");
    assert!(world.e2e.workspace().join("allowed.txt").exists());

    let asking = world.begin("@codex [[bash touch denied.txt]]");
    let pause = world.pause();
    world.decide(&pause, &["reject", "--text", "leave it"]);
    // The reason goes to the turn as the developer's word, which the model answers.
    asking.finish(COMMAND_LIMIT).ok("the turn");
    world.model.wait_for("the reason", |it| it.prompt.contains("leave it"));
    assert!(!world.e2e.workspace().join("denied.txt").exists());
}

#[test]
fn a_failure_of_its_provider_has_its_class_and_the_next_turn_works() {
    let Some(world) = codex() else { return };
    let ran = world.e2e.callboard(&["channel", "post", "@codex [[fail 500]]", "--wait"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("high demand"), "{said}");
    let ran = world.e2e.callboard(&["channel", "post", "@codex [[fail 401]]", "--wait"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("codex login"), "{said}");
    assert_eq!(world.ask("@codex [[say again]]"), "again");
}

#[test]
fn a_turn_that_is_stopped_ends_in_codex_and_is_taken_up_again_in_its_session() {
    let Some(world) = codex() else { return };
    let asking = world.begin("@codex [[hold]] [[say in the end]]");
    world.model.wait_for("the prompt", |it| it.messages == 1);
    world.e2e.callboard(&["pause", "--interrupt"]).ok("pause --interrupt");
    world.state_of("codex", "idle");
    world.e2e.callboard(&["resume"]).ok("resume");
    let again = world.model.wait_for("the prompt, once more", |it| it.messages == 2);
    assert!(again.prompt.contains("[[hold]]"), "{}", again.prompt);
    world.model.release();
    says(asking, "in the end");
}

#[test]
fn callboards_own_tools_are_used_unasked_and_count_for_this_agent() {
    let Some(world) = codex() else { return };
    world.ask(r#"@codex [[tool callboard/channel_post {"text": "by a tool"}]] [[say done]]"#);
    let messages = world.messages();
    let posted = messages.iter().find(|it| it["text"] == "by a tool").unwrap_or_else(|| panic!("{messages:#?}"));
    assert!(posted["author"].to_string().contains("codex"), "{posted:#}");
}
