//! Gemini CLI by the Agent Client Protocol: turns, edits, permissions, interrupts, failures, and a session that outlives the
//! hub.

use crate::{
    e2e::{COMMAND_LIMIT, Live},
    support::{GEMINI_MODEL, World, world},
};

/// A world in which Gemini can be asked in a channel.
fn gemini() -> Option<World> {
    let world = world()?;
    let built_in = include_str!("../../server/src/agent/catalog/gemini.yaml");
    // Where a program sends its keys is said by a profile of the developer's own only.
    let own = built_in.replace("env:\n", "env:\n  - GOOGLE_GEMINI_BASE_URL\n");
    world.e2e.profile("gemini", &format!("{own}model: {GEMINI_MODEL}\n"));
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
    let Some(world) = gemini() else { return };
    assert_eq!(world.ask("@gemini [[say hello there]]"), "hello there");
    let made = world.path("made.txt");
    world.ask(&format!("@gemini [[write {made}|by gemini]]"));
    assert_eq!(world.e2e.read("made.txt"), "by gemini");
    world.e2e.kill_hub();
    assert_eq!(world.ask("@gemini and now?"), "answer 3", "its session was not resumed");
    let last = world.model.asked().pop().expect("a request");
    assert!(last.path.contains(GEMINI_MODEL), "another model: {}", last.path);
    // The developer's settings are as they were.
    let settings = std::fs::read_to_string(world.e2e.home().join(".gemini/settings.json")).expect("the settings");
    assert!(!settings.contains("callboard") && !world.e2e.home().join(".gemini/tmp").exists(), "{settings}");
}

#[test]
fn promise_2_a_command_is_run_when_a_person_allows_it_and_not_when_they_deny_it() {
    let Some(world) = gemini() else { return };
    let asking = world.begin("@gemini [[bash touch allowed.txt]] [[say done]]");
    let pause = world.pause();
    assert_eq!(pause["kind"], "permission", "{pause:#}");
    let shown = world.e2e.callboard(&["inbox", pause["id"].as_str().expect("an id")]).ok("inbox").stdout;
    assert!(shown.contains("touch allowed.txt"), "{shown}");
    world.decide(&pause, &["approve"]);
    says(asking, "done");
    assert!(world.e2e.workspace().join("allowed.txt").exists());

    let asking = world.begin("@gemini [[bash touch denied.txt]] [[say what a pity]]");
    let pause = world.pause();
    world.decide(&pause, &["reject", "--text", "leave it"]);
    says(asking, "what a pity");
    assert!(!world.e2e.workspace().join("denied.txt").exists());
}

#[test]
fn a_failure_of_its_provider_has_its_class_and_the_next_turn_works() {
    let Some(world) = gemini() else { return };
    let ran = world.e2e.callboard(&["channel", "post", "@gemini [[fail 400]]", "--wait"]);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("the mock refuses with 400"), "{said}");
    assert_eq!(world.ask("@gemini [[say again]]"), "again");
}

#[test]
fn a_turn_that_is_stopped_ends_in_gemini_and_is_taken_up_again_in_its_session() {
    let Some(world) = gemini() else { return };
    let asking = world.begin("@gemini [[hold]] [[say in the end]]");
    world.model.wait_for("the prompt", |it| it.prompt.contains("[[hold]]"));
    world.e2e.callboard(&["pause", "--interrupt"]).ok("pause --interrupt");
    world.state_of("gemini", "idle");
    world.e2e.callboard(&["resume"]).ok("resume");
    // Gemini takes a prompt that was stopped out of its session again.
    world.model.wait_for_count("the prompt, once more", 2);
    world.model.release();
    says(asking, "in the end");
}

#[test]
fn callboards_own_tools_are_used_unasked_and_count_for_this_agent() {
    let Some(world) = gemini() else { return };
    world.ask(r#"@gemini [[tool callboard/channel_post {"text": "by a tool"}]] [[say done]]"#);
    let messages = world.messages();
    let posted = messages.iter().find(|it| it["text"] == "by a tool").unwrap_or_else(|| panic!("{messages:#?}"));
    assert!(posted["author"].to_string().contains("gemini"), "{posted:#}");
}
