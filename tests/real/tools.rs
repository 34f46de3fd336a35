//! Callboard's own tools as each real program uses them: told of them by its driver, for that invocation only.

use serde_json::json;

use crate::{
    e2e::editor::{Editor, uri},
    support::{Cli, each, world},
};

each!(
    promise_4_it_reads_what_is_not_saved_and_acts_as_itself,
    it_asks_a_person_and_hears_the_answer,
    a_result_that_it_hands_in_counts,
    a_result_in_no_form_is_asked_for_again_once,
);

fn promise_4_it_reads_what_is_not_saved_and_acts_as_itself(cli: Cli) {
    let Some(world) = world() else { return };
    world.e2e.write("notes.md", "saved\n");
    let mut editor = Editor::start(&world.e2e);
    let file = uri(&world.e2e.workspace().join("notes.md"));
    editor.open(&file, "saved\n");
    editor.change(&file, 2, None, "not saved yet\n");
    editor.synced();
    let said = world.ask(cli, r#"[[tool callboard/read_buffer {"path": "notes.md"}]] [[echo]]"#);
    assert!(said.contains("not saved yet"), "{said}");
    assert_eq!(world.e2e.read("notes.md"), "saved\n");

    let finding = r#"{"path": "notes.md", "line": 1, "severity": "warning", "text": "it says too little"}"#;
    let script = format!(
        r#"[[tool callboard/report_finding {finding}]] [[tool callboard/channel_post {{"text": "by a tool"}}]] [[say done]]"#
    );
    world.ask(cli, &script);
    let posted = world.message("by a tool");
    // The prompt has those words too; what was posted has nothing else.
    let messages = world.messages();
    let posted = messages.iter().find(|it| it["text"] == "by a tool").unwrap_or(&posted);
    assert_eq!(posted["author"]["name"], cli.name(), "{posted:#}");
    let findings = world.e2e.callboard(&["findings", "--json"]).ok("findings").json();
    assert_eq!(
        (&findings[0]["text"], &findings[0]["place"]["path"]),
        (&json!("it says too little"), &json!("notes.md"))
    );
    let script = r#"[[tool callboard/get_diagnostics {"path": "notes.md"}]] [[echo]]"#;
    let said = world.ask(cli, script);
    assert!(said.contains("it says too little"), "{said}");
    let said = world.ask(cli, r#"[[tool callboard/channel_read {"limit": 20}]] [[echo]]"#);
    assert!(said.contains("by a tool"), "{said}");
    // None of it was asked of a person, and nothing was written where the program has its settings.
    assert!(world.e2e.callboard(&["inbox", "--json"]).ok("inbox").json().is_empty());
    for settings in [".claude.json", ".claude/settings.json", ".codex/config.toml", ".gemini/settings.json"] {
        let text = std::fs::read_to_string(world.e2e.home().join(settings)).unwrap_or_default();
        assert!(!text.contains("callboard"), "{settings} tells of Callboard's tools: {text}");
    }
}

fn it_asks_a_person_and_hears_the_answer(cli: Cli) {
    let Some(world) = world() else { return };
    let asking = world
        .begin(cli, r#"[[tool callboard/ask_human {"question": "Which width?", "choices": ["32", "64"]}]] [[echo]]"#);
    let pause = world.pause();
    assert_eq!(pause["kind"], "question", "{pause:#}");
    assert!(world.document(&pause).contains("Which width?"));
    world.decide(&pause, &["approve", "--text", "sixty-four"]);
    world.says(asking, "sixty-four");
}

/// A workflow whose one step is a review.
const REVIEW: &str = "title: Looks\ncategory: review\nroles:\n  reviewer: {prefer: [claude]}\nsteps:\n  \
    - {id: look, role: reviewer, result: review, prompt: Please look at it}\n";

fn a_result_that_it_hands_in_counts(cli: Cli) {
    let Some(world) = world() else { return };
    world.e2e.workflow("looks", REVIEW);
    let bad = r#"{"result": {"kind": "review", "verdict": "perhaps"}}"#;
    let good = r#"{"result": {"kind": "review", "verdict": "changes_requested", "summary": "by the tool", "findings": [{"severity": "error", "text": "it leaks"}]}}"#;
    let script =
        format!("[[tool callboard/submit_result {bad}]] [[tool callboard/submit_result {good}]] [[say looked]]");
    world.script(cli, &["Please look at it"], &[&script]);
    world.e2e.callboard(&["run", "looks", "--agent", &format!("reviewer={}", cli.name())]).ok("the run");
    let run = &world.e2e.callboard(&["runs", "--json"]).ok("runs").json()[0];
    assert_eq!(run["turns"], 1, "nothing had to be asked for again: {run:#}");
    let result = &run["steps"][0]["result"];
    assert_eq!(
        (&result["verdict"], &result["summary"]),
        (&json!("changes_requested"), &json!("by the tool")),
        "{run:#}"
    );
}

fn a_result_in_no_form_is_asked_for_again_once(cli: Cli) {
    let Some(world) = world() else { return };
    world.e2e.workflow("looks", REVIEW);
    let fence = "[[say ```callboard-result\n{\"kind\": \"review\", \"verdict\": \"approved\", \"summary\": \"by the fence\"}\n```]]";
    world.script(cli, &["Your result could not be used"], &[fence]);
    world.script(cli, &["Please look at it"], &["[[say I looked, and it is well]]"]);
    world.e2e.callboard(&["run", "looks", "--agent", &format!("reviewer={}", cli.name())]).ok("the run");
    let run = &world.e2e.callboard(&["runs", "--json"]).ok("runs").json()[0];
    let result = &run["steps"][0]["result"];
    assert_eq!((&result["verdict"], &result["summary"]), (&json!("approved"), &json!("by the fence")), "{run:#}");
    assert_eq!(world.asked(cli).last().map(|it| it.messages), Some(2), "it was asked again in the same session");
}
