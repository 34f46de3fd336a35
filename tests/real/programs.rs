//! The programs alone, without Callboard: that they run here against the mock model, and how they end.
//!
//! What the drivers rest on. Where one of these fails, a program or the mock has changed, not Callboard.

use crate::{
    e2e::Ran,
    mock_model::{Dialect, Rule},
    support::{CODEX_MODEL, GEMINI_MODEL, World, world},
};

const CLAUDE: [&str; 6] = ["-p", "--output-format", "stream-json", "--verbose", "--permission-mode", "acceptEdits"];
const CODEX: [&str; 2] = ["exec", "--json"];
// A folder that it was not told to trust ends it. Callboard never says this of its own accord.
const GEMINI: [&str; 7] = ["--skip-trust", "-m", GEMINI_MODEL, "-o", "stream-json", "--approval-mode", "auto_edit"];

fn claude(world: &World, more: &[&str]) -> Ran {
    world.run("claude", &[&CLAUDE, more].concat())
}

fn codex(world: &World, more: &[&str]) -> Ran {
    world.run("codex", &[&CODEX, more].concat())
}

fn gemini(world: &World, more: &[&str]) -> Ran {
    world.run("gemini", &[&GEMINI, more].concat())
}

#[track_caller]
fn says(ran: Ran, text: &str) {
    let ran = ran.ok("the program");
    assert!(ran.stdout.contains(text), "{text} is not in {}", ran.stdout);
}

#[test]
fn claude_writes_a_file_goes_on_with_its_session_and_fails() {
    let Some(world) = world() else { return };
    let session = "6f2f3c1e-5d0a-4c8e-9a51-0d8c54f2a001";
    let prompt = format!("[[write {}|one]] [[say done]]", world.path("claude.txt"));
    let ran = claude(&world, &["--session-id", session, &prompt]);
    says(ran, r#""result":"done""#);
    assert_eq!(world.e2e.read("claude.txt"), "one");
    let ran = claude(&world, &["--resume", session, "and [[bash echo sh]] then [[echo]]"]);
    assert!(ran.stdout.contains(r#""result":"sh""#) || ran.stdout.contains("permission"), "{}", ran.stdout);
    assert!(world.model.asked().iter().any(|it| it.dialect == Some(Dialect::Anthropic) && it.messages == 2));
    let ran = claude(&world, &["[[fail 529]]"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains(r#""api_error_status":529"#), "{}", ran.stdout);
}

#[test]
fn codex_writes_a_file_goes_on_with_its_session_and_fails() {
    let Some(world) = world() else { return };
    let ran = codex(&world, &["-s", "workspace-write", "[[write codex.txt|two]] [[say done]]"]);
    let ran = ran.ok("codex");
    assert_eq!(world.e2e.read("codex.txt"), "two\n", "{}", ran.stdout);
    let begun: serde_json::Value = serde_json::from_str(ran.stdout.lines().next().expect("a line")).expect("JSON");
    let thread = begun["thread_id"].as_str().expect("a thread");
    let ran = world.run("codex", &["exec", "resume", thread, "--json", "[[bash echo from-sh]] [[echo]]"]);
    says(ran, "from-sh");
    let asked = world.model.asked();
    assert!(asked.iter().any(|it| it.messages == 2 && it.body["model"] == CODEX_MODEL), "{asked:#?}");
    let ran = codex(&world, &["[[fail 500]]"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("turn.failed"), "{}", ran.stdout);
}

#[test]
fn gemini_writes_a_file_goes_on_with_its_session_and_fails() {
    let Some(world) = world() else { return };
    let session = "6f2f3c1e-5d0a-4c8e-9a51-0d8c54f2a003";
    let prompt = format!("[[write {}|three]] [[say done]]", world.path("gemini.txt"));
    gemini(&world, &["--session-id", session, "-p", &prompt]).ok("gemini");
    assert_eq!(world.e2e.read("gemini.txt"), "three");
    let ran = gemini(&world, &["--resume", session, "-p", "second"]);
    says(ran, "answer 2");
    let ran = gemini(&world, &["-p", "[[fail 400]]"]);
    assert_eq!(ran.code, Some(144), "the status modulo 256: {}", ran.stdout);
}

/// What the mock can do beside the directives: rules for prompts whose words a test does not choose, and holding.
#[test]
fn a_rule_gives_a_prompt_its_script_and_what_is_held_is_released() {
    let Some(world) = world() else { return };
    let rule = |script: &str, times| Rule {
        when: vec!["please review".to_owned()],
        dialect: Some(Dialect::Openai),
        script: script.to_owned(),
        times,
    };
    world.model.add(rule("[[bash echo looked]] [[hold]] [[say first time]]", Some(1)));
    world.model.add(rule("[[say later]]", None));
    let ran = std::thread::scope(|scope| {
        let running = scope.spawn(|| codex(&world, &["please review this"]));
        world.model.wait_for("the round trip after the command", |it| it.answered == 1);
        world.model.release();
        running.join().expect("codex")
    });
    says(ran, "first time");
    let ran = codex(&world, &["please review it again"]);
    says(ran, "later");
}
