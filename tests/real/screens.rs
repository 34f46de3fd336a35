//! The `terminal` driver with each real program's own interactive screen: its state by its title or its screen, its first
//! prompt as an argument, later ones pasted and submitted when their echo is there, nothing typed into a dialog.

use serde_json::json;

use crate::{
    e2e::{COMMAND_LIMIT, editor::Editor, processes, wait_for},
    support::{Cli, World, each, untrusted, world},
};

each!(
    prompts_go_by_argument_and_by_paste_into_one_session,
    promise_2_nothing_is_typed_into_a_dialog_and_a_person_answers_it,
    an_interrupt_by_key_leaves_nothing_in_the_input_line,
);

/// A world in which a program is driven by its screen.
fn screen(cli: Cli) -> Option<World> {
    let world = world()?;
    world.by_its_screen(cli);
    Some(world)
}

/// Returns the directive that runs a command that a person is asked for. On its screen Codex asks only for what leads out of its
/// sandbox.
fn out_of_its_sandbox(cli: Cli, command: &str) -> String {
    if cli == Cli::Codex {
        let call = json!({ "cmd": command, "sandbox_permissions": "require_escalated", "justification": "it must be" });
        return format!("[[tool exec_command {call}]]");
    }
    format!("[[bash {command}]]")
}

/// Types into an agent's terminal as a person does.
fn keys(world: &World, cli: Cli, keys: &str) {
    let mut editor = Editor::start(&world.e2e);
    editor.request("callboard/terminalInput", &json!({ "agent": cli.name(), "text": keys }));
}

fn prompts_go_by_argument_and_by_paste_into_one_session(cli: Cli) {
    let Some(world) = screen(cli) else { return };
    let said = world.ask(cli, "[[say hello there]]");
    assert!(said.contains("hello there"), "{said}");
    let lines: Vec<String> =
        processes::of(world.e2e.root()).iter().map(super::e2e::processes::Process::command_line).collect();
    assert!(lines.iter().any(|it| it.contains("[[say hello there]]")), "the first prompt is no argument: {lines:#?}");
    // Of several lines, which a program folds on its screen.
    let long = "one more line\n".repeat(30);
    let said = world.ask(cli, &format!("{long}[[say and again]]"));
    assert!(said.contains("and again") && !said.contains("one more line"), "{said}");
    let last = world.asked(cli).pop().expect("a request");
    assert_eq!(last.messages, 2, "it was not typed into the same session: {:#}", last.body);
    assert_eq!(last.prompt.matches("one more line\n").count(), 30, "its lines were not kept: {}", last.prompt);
    // It has Callboard's tools there too.
    let said = world.ask(cli, "[[tool callboard/list_buffers {}]] [[echo]]");
    assert!(said.contains("open"), "{said}");
}

/// Told to press Enter at once, which Gemini takes for a new line, on a machine that is busy also when it is told to wait.
#[test]
fn an_enter_that_gemini_took_for_a_new_line_is_pressed_again() {
    let Some(world) = world() else { return };
    world.profile(Cli::Gemini, |it| {
        let driven = it.replace("driver: acp\n", "driver: terminal\n");
        let hasty =
            driven.replace("echo-within: 5s", "echo-within: 0s").replace("enter-after: 400ms", "enter-after: 0s");
        assert_ne!(driven, hasty);
        hasty
    });
    assert!(world.ask(Cli::Gemini, "[[say hello there]]").contains("hello there"));
    for (n, more) in ["", "of\nlines ", &"one more line\n".repeat(30)].into_iter().enumerate() {
        let said = world.ask(Cli::Gemini, &format!("{more}[[say answer {n}]]"));
        assert!(said.contains(&format!("answer {n}")), "{said:?} {}", world.e2e.story());
        let prompts = world.asked(Cli::Gemini);
        assert_eq!((prompts.len(), prompts[n + 1].messages), (n + 2, n + 2), "{prompts:#?}");
        // Nothing stands behind it that was put there to see whether it is read.
        assert!(prompts[n + 1].prompt.trim_end().ends_with("it wakes it."), "{}", prompts[n + 1].prompt);
    }
}

fn promise_2_nothing_is_typed_into_a_dialog_and_a_person_answers_it(cli: Cli) {
    let Some(world) = screen(cli) else { return };
    let asking = world.begin(cli, &format!("{} [[say done]]", out_of_its_sandbox(cli, "touch made.txt")));
    let claim = world.state_of(cli, "waitingForPermission");
    assert!(["title", "screen"].contains(&claim["source"].as_str().unwrap_or_default()), "{claim:#}");
    // Another prompt waits, and its Enter approves nothing.
    let next = world.begin(cli, "[[say the next]]");
    let waits = || {
        world.messages().into_iter().find(|it| it["text"].as_str().is_some_and(|it| it.contains("[[say the next]]")))
    };
    wait_for("the message that waits", COMMAND_LIMIT, waits, || world.e2e.story());
    assert!(!world.e2e.workspace().join("made.txt").exists(), "the dialog was approved by nobody");
    keys(&world, cli, if cli == Cli::Codex { "y" } else { "\r" });
    world.says(asking, "done");
    assert!(world.e2e.workspace().join("made.txt").exists());
    world.says(next, "the next");

    let asking = world.begin(cli, &format!("{} [[say what a pity]]", out_of_its_sandbox(cli, "touch denied.txt")));
    world.state_of(cli, "waitingForPermission");
    keys(&world, cli, "\x1b");
    asking.finish(COMMAND_LIMIT);
    world.state_of(cli, "idle");
    assert!(!world.e2e.workspace().join("denied.txt").exists());
}

/// Enter would answer that the key is not to be used.
#[test]
fn promise_2_claudes_question_whether_a_key_is_to_be_used_is_a_persons() {
    let Some(world) = untrusted() else { return };
    world.e2e.env("ANTHROPIC_AUTH_TOKEN", "");
    world.e2e.env("ANTHROPIC_API_KEY", "test-key-that-nobody-has-approved-yet");
    world.e2e.trust();
    world.by_its_screen(Cli::Claude);
    let asking = world.begin(Cli::Claude, "[[say by a key]]");
    world.state_of(Cli::Claude, "waitingForPermission");
    assert!(world.model.asked().is_empty(), "it was answered by nobody");
    // Up to `Yes`.
    keys(&world, Cli::Claude, "\x1b[A");
    keys(&world, Cli::Claude, "\r");
    world.says(asking, "by a key");
}

/// It asks that once for each folder, and what it asks is not Callboard's to answer.
#[test]
fn promise_2_claudes_question_whether_a_folder_is_trusted_is_a_persons() {
    let Some(world) = screen(Cli::Claude) else { return };
    let settings = json!({ "hasCompletedOnboarding": true, "theme": "dark" });
    std::fs::write(world.e2e.home().join(".claude.json"), settings.to_string()).expect("its settings");
    let asking = world.begin(Cli::Claude, "[[say trusted]]");
    world.state_of(Cli::Claude, "waitingForPermission");
    assert!(world.model.asked().is_empty(), "it was answered by nobody");
    keys(&world, Cli::Claude, "\r");
    world.says(asking, "trusted");
    // Once.
    world.e2e.callboard(&["hub", "stop"]).ok("hub stop");
    assert!(world.ask(Cli::Claude, "[[say again]]").contains("again"));
}

/// It tries again and again by itself, and nothing on its screen says that it will not.
#[test]
fn promise_3_a_provider_that_fails_on_geminis_screen_ends_the_turn_at_its_total_time() {
    let Some(world) = world() else { return };
    world.profile(Cli::Gemini, |it| {
        it.replace("driver: acp\n", "driver: terminal\n").replace("total: 1h}", "total: 20s}")
    });
    let said = world.fails(world.begin(Cli::Gemini, "[[fail 500]]"));
    assert!(said.contains("20 seconds") || said.contains("20 s"), "{said}");
}

fn an_interrupt_by_key_leaves_nothing_in_the_input_line(cli: Cli) {
    let Some(world) = screen(cli) else { return };
    let asking = world.begin(cli, "[[hang]] [[say in the end]]");
    world.model.wait_for("the prompt", |it| it.prompt.contains("[[hang]]"));
    world.e2e.callboard(&["pause", "--interrupt"]).ok("pause --interrupt");
    world.state_of(cli, "idle");
    let before = world.asked(cli).len();
    world.e2e.callboard(&["resume"]).ok("resume");
    let again = || world.asked(cli).into_iter().nth(before);
    let again = wait_for("the prompt, once more", COMMAND_LIMIT, again, || world.e2e.story());
    assert_eq!(again.prompt.matches("[[hang]]").count(), 1, "what was taken back stands in it: {}", again.prompt);
    world.model.release();
    world.says(asking, "in the end");
}
