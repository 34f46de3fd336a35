//! What an editor without a plugin shows and can do: the real language server over stdio, with tool agents on a text project.

use serde_json::{Value, json};

use crate::support::{
    COMMAND_LIMIT, World,
    editor::{Editor, capabilities, uri},
    wait_for,
};

/// Two faults that a linter of text finds and can fix, one on a line with characters that count twice in UTF-16.
const NOTES: &str = "# Rounds 😀 at six   \n\nStart at the station.\nEnd at the depot. \t\n";

fn world() -> World {
    World::with_files(&[("notes.md", NOTES)])
}

fn notes(world: &World) -> String {
    uri(&world.workspace().join("notes.md"))
}

/// Where diagnostics stand: `line:from-to`, each with a `?` before it where it is stale.
fn places(diagnostics: &[Value]) -> Vec<String> {
    let place = |it: &Value| {
        let stale = if it["message"].as_str().unwrap().starts_with("[stale] ") { "?" } else { "" };
        let (start, end) = (&it["range"]["start"], &it["range"]["end"]);
        format!("{stale}{}:{}-{}", start["line"], start["character"], end["character"])
    };
    diagnostics.iter().map(place).collect()
}

fn review_fix() -> Value {
    json!({ "workflow": "review-fix", "inputs": { "path": "notes.md" }, "roles": { "reviewer": "lint", "fixer": "autofix" } })
}

fn runs(world: &World) -> Vec<Value> {
    world.callboard(&["runs", "--json"]).ok("callboard runs").json()
}

#[test]
fn findings_are_diagnostics_that_follow_the_typing_and_go_when_they_are_settled() {
    let world = world();
    let mut editor = Editor::start(&world);
    let file = notes(&world);
    editor.open(&file, NOTES);
    let started = editor.act(&file, 0, "Review this file with @lint");
    assert_eq!(started["run"], "r1", "{started}");

    let both = editor.diagnostics("both findings", &file, |it| it.len() == 2);
    assert_eq!(places(&both), ["0:18-21", "3:17-19"], "in units of UTF-16");
    assert_eq!((&both[0]["source"], &both[0]["code"]), (&json!("@lint"), &json!("text::trailing-white-space")));
    assert_eq!(both[0]["severity"], 2);

    editor.change(&file, 2, Some([0, 0, 0, 0]), "Intro.\n\n");
    editor.diagnostics("both two lines lower", &file, |it| places(it) == ["2:18-21", "5:17-19"]);
    editor.change(&file, 3, Some([5, 0, 5, 3]), "Finish");
    let stale = editor.diagnostics("one stale", &file, |it| places(it) == ["2:18-21", "?5:20-22"]);
    assert_eq!(stale[1]["tags"], json!([1]));
    editor.change(&file, 4, Some([5, 0, 5, 6]), "End");
    editor.diagnostics("none stale after undo", &file, |it| places(it) == ["2:18-21", "5:17-19"]);
    editor.change(&file, 5, None, NOTES);
    editor.diagnostics("both where they were", &file, |it| places(it) == ["0:18-21", "3:17-19"]);

    // A dismissal needs its reason; an editor without a plugin gives one by a button.
    editor.act(&file, 3, "Dismiss f2…");
    let why = editor.question("window/showMessageRequest", "Why is f2 dismissed?");
    editor.choose(&why, "It is meant so");
    editor.diagnostics("only the first finding", &file, |it| places(it) == ["0:18-21"]);

    // What others report can be sent on, and all findings of a file be fixed or looked for again at once.
    let problem = json!({
        "range": { "start": { "line": 2, "character": 0 }, "end": { "line": 2, "character": 3 } },
        "source": "prose", "message": "Too short.",
    });
    let at = json!({ "line": 0, "character": 0 });
    let params = json!({
        "textDocument": { "uri": file }, "range": { "start": at, "end": at },
        "context": { "diagnostics": [problem], "only": ["quickfix"] },
    });
    let offered = editor.request("textDocument/codeAction", &params);
    let titles: Vec<_> = offered.as_array().unwrap().iter().map(|it| it["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&"Check this file again with @lint"), "{titles:?}");
    assert!(!titles.iter().any(|it| it.starts_with("Fix all")), "one finding is left: {titles:?}");

    // Exactly the finding that is named is fixed, and the tool that fixed it looked again.
    editor.act(&file, 0, "Fix f1 with @autofix");
    editor.diagnostics("no finding", &file, <[Value]>::is_empty);
    assert_eq!(world.read("notes.md"), NOTES.replace("six   \n", "six\n"));
    let findings = world.callboard(&["findings", "--all", "--json"]).ok("callboard findings").json();
    let states: Vec<_> = findings.iter().map(|it| it["state"]["is"].clone()).collect();
    assert_eq!(states, ["fixed", "dismissed"]);
    assert_eq!(findings[1]["state"]["reason"], "It is meant so");
}

/// Promise 2: an approval goes on with what the person saved, and never with what they don't see.
#[test]
fn a_pause_is_a_page_that_is_edited_saved_and_approved() {
    let world = world();
    let mut editor = Editor::start(&world);
    let file = notes(&world);
    editor.open(&file, NOTES);
    editor.run("callboard.run", &review_fix());
    editor.diagnostics("both findings", &file, |it| it.len() == 2);

    let question = editor.question("window/showMessageRequest", "p1 in r1 waits for you");
    let lenses: Vec<_> = editor.lenses(&file).into_iter().map(|it| it.0).collect();
    assert!(lenses.len() == 1 && lenses[0].starts_with("p1 waits for you"), "{lenses:?}");
    editor.choose(&question, "Open");
    let show = editor.question("window/showDocument", "p1.md");
    editor.answer(&show, &json!({ "success": true }));
    let page = show["params"]["uri"].as_str().unwrap().to_owned();
    let path = page.strip_prefix("file://").unwrap().to_owned();
    let text = std::fs::read_to_string(&path).unwrap();

    editor.open(&page, &text);
    let titles = |editor: &mut Editor| -> Vec<String> { editor.lenses(&page).into_iter().map(|it| it.0).collect() };
    assert_eq!(titles(&mut editor), ["Approve", "Edit…", "Request changes", "Reject", "Skip", "Stop"]);
    let actions: Vec<_> = editor.actions(&page, 0).into_iter().map(|it| it["title"].clone()).collect();
    assert_eq!(actions, titles(&mut editor), "a client without lenses has the same as code actions");
    let edited = text.replace("- [x] **f2**", "- [ ] **f2**");
    assert_ne!(edited, text);
    editor.change(&page, 2, None, &edited);
    let decide = json!({ "pause": "p1", "decision": "approve" });
    assert!(editor.refused("callboard.decide", &json!([decide])).contains("not saved"));
    std::fs::write(&path, &edited).unwrap();
    editor.notify("textDocument/didSave", &json!({ "textDocument": { "uri": page }, "text": edited }));
    assert_eq!(titles(&mut editor)[0], "Approve as edited");

    // Who does not see the edit can't approve it, nor what it replaced.
    let mut elsewhere = Editor::start(&world);
    let question = elsewhere.question("window/showMessageRequest", "p1 in r1 waits for you");
    elsewhere.choose(&question, "Approve");
    elsewhere.told("was edited and saved");

    let approve = editor.lenses(&page).remove(0).1;
    editor.request(
        "workspace/executeCommand",
        &json!({ "command": approve["command"], "arguments": approve["arguments"] }),
    );
    editor.progress("end", "");
    assert_eq!(world.read("notes.md"), NOTES.replace("six   \n", "six\n"), "what was struck stays as it is");
    let says_so = || std::fs::read_to_string(&path).ok().filter(|it| it.contains("p1 was answered by"));
    wait_for("the page that says who answered", COMMAND_LIMIT, says_so, || world.story());
    assert_eq!(titles(&mut editor), Vec::<String>::new(), "what is answered takes no answer");
    editor.diagnostics("no finding", &file, <[Value]>::is_empty);
    let ended = runs(&world);
    assert_eq!(ended[0]["status"], "approved", "{}", ended[0]);
    let pauses = world.callboard(&["inbox", "--all", "--json"]).ok("callboard inbox").json();
    assert_eq!(pauses[0]["answered"]["decision"]["decision"], "edit");
}

/// Promise 1 and design §9: the first answer wins, in whichever editor, and the other is told.
#[test]
fn an_answer_in_one_editor_settles_it_in_the_other() {
    let world = world();
    let (mut ada, mut bob) = (Editor::start(&world), Editor::start(&world));
    let file = notes(&world);
    // Bob does not have the file open; findings stand on the lines of the disk.
    ada.open(&file, NOTES);
    ada.run("callboard.run", &review_fix());
    let to_bob = bob.question("window/showMessageRequest", "p1 in r1 waits for you");
    let seen = bob.diagnostics("both findings", &file, |it| it.len() == 2);
    assert_eq!(places(&seen), ["0:18-21", "3:17-19"]);
    let to_ada = ada.question("window/showMessageRequest", "p1 in r1 waits for you");
    ada.choose(&to_ada, "Approve");
    bob.told("p1 was answered by");
    // Few clients can take a question back; an answer that comes late changes nothing.
    let taken_back = bob.came("$/cancelRequest");
    assert_eq!(taken_back, [json!({ "id": to_bob["id"] })]);
    bob.choose(&to_bob, "Stop");
    bob.told("answered");
    bob.diagnostics("no finding", &file, <[Value]>::is_empty);
    ada.progress("end", "approved");
    assert_eq!(runs(&world)[0]["status"], "approved");
    assert_eq!(world.read("notes.md"), "# Rounds 😀 at six\n\nStart at the station.\nEnd at the depot.\n");
}

/// Promise 1: an editor, and the hub, may die at any moment; findings and pauses are there for the next one.
#[test]
fn an_editor_that_comes_back_finds_its_findings_and_its_pause() {
    let world = world();
    let file = notes(&world);
    let mut first = Editor::start(&world);
    first.open(&file, NOTES);
    first.run("callboard.run", &review_fix());
    first.question("window/showMessageRequest", "p1 in r1 waits for you");
    first.kill();

    let mut second = Editor::start(&world);
    second.diagnostics("both findings", &file, |it| it.len() == 2);
    second.question("window/showMessageRequest", "p1 in r1 waits for you");
    // What a person saved in the page outlives the hub.
    let page = second.run("callboard.openPause", &json!({ "pause": "p1" }));
    assert_eq!(page, Value::Null);
    let show = second.question("window/showDocument", "p1.md");
    let path = show["params"]["uri"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    let edited = std::fs::read_to_string(&path).unwrap().replace("[x] **f2**", "[ ] **f2**");
    std::fs::write(&path, &edited).unwrap();
    world.kill_hub();
    second.kill();

    let mut third = Editor::start(&world);
    let again = third.diagnostics("both findings", &file, |it| it.len() == 2);
    assert_eq!(places(&again), ["0:18-21", "3:17-19"]);
    let question = third.question("window/showMessageRequest", "p1 in r1 waits for you");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), edited);
    third.choose(&question, "Approve");
    third.told("was edited and saved");
    third.run("callboard.decide", &json!({ "pause": "p1", "decision": "stop", "hash": hash(&world) }));
    third.progress("end", "stopped");
}

fn hash(world: &World) -> Value {
    world.callboard(&["inbox", "p1", "--json"]).ok("callboard inbox").json()[0]["hash"].clone()
}

#[test]
fn a_run_is_progress_and_cancelling_it_pauses_it() {
    let world = world();
    let mut editor = Editor::start(&world);
    editor.run("callboard.run", &review_fix());
    let token = editor.progress("begin", "Review–fix loop (r1)");
    editor.progress("report", "waits for you at p1");
    editor.notify("window/workDoneProgress/cancel", &json!({ "token": token }));
    editor.progress("end", "paused");
    assert_eq!(runs(&world)[0]["status"], "held");
    editor.run("callboard.resume", &json!({ "run": "r1" }));
    let again = editor.progress("begin", "waits for you at p1");
    assert_ne!(again, token);
    editor.run("callboard.cancel", &json!({ "run": "r1" }));
    editor.progress("end", "stopped");
    let question = editor.question("window/showMessageRequest", "p1 in r1 waits for you");
    editor.withdrawn(&question);
    editor.told("p1 was answered by the end of r1");

    let mut hasty = Editor::with(&world, &capabilities(), &json!({ "onCancel": "stop", "prompts": false }));
    hasty.run("callboard.run", &review_fix());
    hasty.progress("report", "waits for you at p2");
    hasty.notify("window/workDoneProgress/cancel", &json!({ "token": "callboard/r2/1" }));
    hasty.progress("end", "stopped");
    let question = editor.question("window/showMessageRequest", "p2 in r2 waits for you");
    editor.withdrawn(&question);
    editor.told("p2 was answered by the end of r2");
}

/// Promise 7: an editor trusts a workspace by a person's word on what is shown.
#[test]
fn a_workspace_is_trusted_from_the_editor() {
    let world = World::new();
    world.write("notes.md", NOTES);
    let mut editor = Editor::start(&world);
    let file = notes(&world);
    editor.open(&file, NOTES);
    // What needs trust is refused, and its person is asked, once.
    assert!(editor.refused("callboard.review", &json!([{ "path": "notes.md" }])).contains("not trusted"));
    let offered = editor.question("window/showMessageRequest", "Trust this workspace?");
    editor.choose(&offered, "Not now");
    assert!(editor.refused("callboard.review", &json!([{ "path": "notes.md" }])).contains("not trusted"));
    let titles: Vec<_> = editor.actions(&file, 0).into_iter().map(|it| it["title"].clone()).collect();
    assert_eq!(titles, ["Trust this workspace…"]);
    editor.act(&file, 0, "Trust this workspace…");
    let question = editor.question("window/showMessageRequest", "test and lint commands");
    editor.choose(&question, "Not now");
    editor.run("callboard.trust", &json!({}));
    let question = editor.question("window/showMessageRequest", "test and lint commands");
    editor.choose(&question, "Trust this workspace");
    editor.told("is trusted");
    editor.act(&file, 0, "Review this file");
    editor.diagnostics("both findings", &file, |it| it.len() == 2);
}

#[test]
fn wrong_arguments_and_places_are_answered_with_what_to_do() {
    let world = world();
    // A modest client: no literals for code actions, no documents to show, bytes for characters.
    let modest = json!({ "general": { "positionEncodings": ["utf-8", "utf-16"] }, "textDocument": {} });
    let mut editor = Editor::with(&world, &modest, &json!({ "prompts": false }));
    let file = notes(&world);
    let said = |editor: &mut Editor, command: &str, arguments: Value| editor.refused(command, &arguments);
    for (command, arguments, says) in [
        ("callboard.run", json!([]), "`workflow` is missing"),
        ("callboard.run", json!(["review-fix"]), r#"takes one object such as { "workflow""#),
        ("callboard.run", json!([{ "workflow": "reviewfix" }]), "did you mean `review-fix`?"),
        ("callboard.review", json!([{ "file": "a" }]), "unknown field `file`"),
        ("callboard.review", json!([{ "uri": "file:///etc/passwd" }]), "no file of this workspace"),
        ("callboard.review", json!([{ "uri": format!("{file}/../../x") }]), "no file of this workspace"),
        ("callboard.post", json!([{ "text": "  " }]), "`text` is missing"),
        ("callboard.decide", json!([{ "decision": "approve" }]), "open its page"),
        ("callboard.decide", json!([{ "pause": "p9", "decision": "approve" }]), "no pause p9"),
        ("callboard.cancel", json!([{ "run": 1 }]), r#"such as { "run": "r1" }"#),
        ("callboard.fixFinding", json!([{ "finding": "f9" }]), "no finding f9"),
        ("callboard.dismissFinding", json!([{ "finding": "f9" }]), "no finding f9"),
        ("callboard.openChannel", json!([{ "channel": "nowhere" }]), "nowhere"),
        ("callboard.nope", json!([]), "there is no command"),
    ] {
        let got = said(&mut editor, command, arguments);
        assert!(got.contains(says), "{command}: {got}");
    }
    // What is outside, or no file, is let be; and edits that no text has change nothing.
    for bad in ["file:///etc/hosts", "untitled:1", "file://host/x", "vscode-remote://host/x"] {
        editor.open(bad, "x  \n");
        assert_eq!(editor.actions(bad, 0), Vec::<Value>::new(), "{bad}");
    }
    editor.change(&file, 3, Some([9, 9, 1, 1]), "not open");
    editor.open(&file, NOTES);
    let action = editor.actions(&file, 0).remove(0);
    assert_eq!(action["command"], "callboard.review", "a client without literals is given commands: {action}");
    editor.run("callboard.review", &json!({ "path": "notes.md", "agent": "lint" }));
    let both = editor.diagnostics("both findings", &file, |it| it.len() == 2);
    assert_eq!(places(&both)[0], "0:20-23", "in bytes");
    let channel = editor.run("callboard.openChannel", &json!({}));
    let path = channel["uri"].as_str().unwrap().strip_prefix("file://").unwrap();
    assert!(std::fs::read_to_string(path).unwrap().starts_with("# #main\n"));
    editor.told(path);
}

/// Promise 7: trust is bound to what the person was shown.
#[test]
fn a_client_that_asks_the_person_itself_trusts_exactly_what_was_shown() {
    let world = World::new();
    world.write("notes.md", NOTES);
    let mut editor = Editor::start(&world);
    let shown = editor.request("callboard/trust", &json!({}));
    assert_eq!(shown["trusted"], false, "{shown}");
    assert!(shown["text"].as_str().unwrap().starts_with("Callboard would here: "), "{shown}");

    world.write(".callboard/workflows/own.yaml", "name: own\n");
    let digest = json!({ "digest": shown["digest"] });
    let refused = editor.refusal("callboard/trust", &digest);
    assert_eq!(refused["data"]["code"], "changed", "{refused}");
    let again = editor.request("callboard/trust", &json!({}));
    let trusted = editor.request("callboard/trust", &json!({ "digest": again["digest"] }));
    assert_eq!(trusted["trusted"], true, "{trusted}");
    assert_eq!(editor.request("callboard/hubStatus", &json!({}))["trusted"], true);
}
