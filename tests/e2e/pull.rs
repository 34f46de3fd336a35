//! Diagnostics that a client asks for, and those that lead somewhere: over the real program, with a linter on a text project.

use serde_json::{Value, json};

use crate::support::{
    World,
    editor::{Editor, capabilities, uri},
};

const NOTES: &str = "# Rounds at six   \n\nStart at the station.\nEnd at the depot. \t\n";

fn world() -> World {
    World::with_files(&[("notes.md", NOTES), ("other.md", "fine   \n")])
}

/// What an editor can that asks for diagnostics.
fn asking() -> Value {
    let mut all = capabilities();
    all["textDocument"]["diagnostic"] = json!({ "dynamicRegistration": false, "relatedDocumentSupport": false });
    all["textDocument"]["publishDiagnostics"]["relatedInformation"] = json!(true);
    all["workspace"]["diagnostics"] = json!({ "refreshSupport": true });
    all
}

fn pull(editor: &mut Editor, file: &str, known: Option<&Value>) -> Value {
    let mut params = json!({ "textDocument": { "uri": file }, "identifier": "callboard" });
    if let Some(known) = known {
        params["previousResultId"] = known["resultId"].clone();
    }
    editor.request("textDocument/diagnostic", &params)
}

fn lines(report: &Value) -> Vec<u64> {
    report["items"].as_array().unwrap().iter().map(|it| it["range"]["start"]["line"].as_u64().unwrap()).collect()
}

#[test]
fn diagnostics_that_are_asked_for_are_not_sent_unasked_and_have_ids_that_hold() {
    let world = world();
    let mut editor = Editor::with(&world, &asking(), &json!({ "prompts": false }));
    let file = uri(&world.workspace().join("notes.md"));
    editor.open(&file, NOTES);
    let none = pull(&mut editor, &file, None);
    assert_eq!((&none["kind"], lines(&none)), (&json!("full"), vec![]));
    assert_eq!(pull(&mut editor, &file, Some(&none))["kind"], "unchanged");

    editor.act(&file, 0, "Review this file with @lint");
    let mut both = Value::Null;
    while both["items"].as_array().is_none_or(|it| it.len() < 2) {
        editor.wait("a refresh", |it| it["method"] == "workspace/diagnostic/refresh");
        both = pull(&mut editor, &file, Some(&none));
    }
    assert_eq!(lines(&both), [0, 3]);
    assert_eq!(pull(&mut editor, &file, Some(&both)), json!({ "kind": "unchanged", "resultId": both["resultId"] }));

    // They follow the typing, go stale with their line, and are the same again, by the same id, when it is taken back.
    editor.change(&file, 2, Some([0, 0, 0, 0]), "Intro.\n\n");
    let lower = pull(&mut editor, &file, Some(&both));
    assert_eq!(lines(&lower), [2, 5]);
    editor.change(&file, 3, Some([5, 0, 5, 3]), "Finish");
    let stale = pull(&mut editor, &file, Some(&lower));
    assert!(stale["items"][1]["message"].as_str().unwrap().starts_with("[stale] "), "{stale}");
    editor.change(&file, 4, None, NOTES);
    let again = pull(&mut editor, &file, None);
    assert_eq!(again["resultId"], both["resultId"], "{again}\n{both}");
    assert_eq!(editor.came("textDocument/publishDiagnostics"), Vec::<Value>::new(), "never both");

    // Over a restart of both sides the same is known by the same id.
    world.kill_hub();
    editor.kill();
    let mut again = Editor::with(&world, &asking(), &json!({ "prompts": false }));
    again.open(&file, NOTES);
    assert_eq!(pull(&mut again, &file, Some(&both))["kind"], "unchanged");
}

#[test]
fn all_files_can_be_asked_for_and_an_answer_waits_for_news() {
    let world = world();
    let mut editor = Editor::with(&world, &asking(), &json!({ "prompts": false }));
    let (file, other) = (uri(&world.workspace().join("notes.md")), uri(&world.workspace().join("other.md")));
    editor.open(&file, NOTES);
    // Of a file that is not open it is sent them, as long as it does not ask for all.
    editor.run("callboard.review", &json!({ "path": "other.md", "agent": "lint" }));
    editor.diagnostics("the other file's", &other, |it| it.len() == 1);
    let all = editor.request("workspace/diagnostic", &json!({ "previousResultIds": [] }));
    let uris: Vec<&Value> = all["items"].as_array().unwrap().iter().map(|it| &it["uri"]).collect();
    assert_eq!(uris, [&json!(other)], "{all}");
    editor.diagnostics("what was sent, taken back", &other, <[Value]>::is_empty);

    let known = json!([{ "uri": other, "value": all["items"][0]["resultId"] }]);
    let held = editor.begin("workspace/diagnostic", &json!({ "previousResultIds": known }));
    assert!(!editor.has_answer(held), "there is nothing to tell yet");
    editor.run("callboard.dismissFinding", &json!({ "finding": "f1", "reason": "it is meant so" }));
    let news = editor.result(held, "the news");
    assert_eq!((&news["items"][0]["uri"], &news["items"][0]["items"]), (&json!(other), &json!([])), "{news}");
    assert_eq!(editor.came("textDocument/publishDiagnostics"), Vec::<Value>::new());

    // One that is held back ends with the session, at once.
    let held = editor.begin(
        "workspace/diagnostic",
        &json!({ "previousResultIds": [{ "uri": other, "value": news["items"][0]["resultId"] }] }),
    );
    let over = editor.begin("shutdown", &Value::Null);
    assert_eq!(editor.result(held, "the end of what was held back")["items"], json!([]));
    assert_eq!(editor.result(over, "the end of the session"), Value::Null);
}

/// A finding leads to what was said, and is known by its data alone, over a crash of both sides.
#[test]
fn a_diagnostic_leads_to_its_message_and_its_data_outlives_everybody() {
    let world = world();
    let mut capabilities = capabilities();
    capabilities["textDocument"]["publishDiagnostics"]["relatedInformation"] = json!(true);
    let mut editor = Editor::with(&world, &capabilities, &json!({ "prompts": false }));
    let file = uri(&world.workspace().join("notes.md"));
    editor.open(&file, NOTES);
    editor.act(&file, 0, "Review this file with @lint");
    let leads = |it: &Value| it["relatedInformation"].as_array().is_some_and(|it| !it.is_empty());
    let both = editor.diagnostics("both, with their way", &file, |it| it.len() == 2 && it.iter().all(leads));
    let way = &both[0]["relatedInformation"][0];
    assert!(way["message"].as_str().unwrap().starts_with("@lint said so in #main, m"), "{way}");
    let page = way["location"]["uri"].as_str().unwrap().strip_prefix("file://").unwrap();
    let line = usize::try_from(way["location"]["range"]["start"]["line"].as_u64().unwrap()).unwrap();
    let text = std::fs::read_to_string(page).unwrap();
    let head = text.lines().nth(line).unwrap();
    let message = way["message"].as_str().unwrap().rsplit(' ').next().unwrap();
    assert!(head.contains(&format!("{message} @lint")), "line {line} is {head:?}\n{text}");

    world.kill_hub();
    editor.kill();
    let mut again = Editor::with(&world, &capabilities, &json!({ "prompts": false }));
    again.open(&file, NOTES);
    // The client shows what it had before; the cursor is elsewhere.
    let at = json!({ "line": 1, "character": 0 });
    let params = json!({
        "textDocument": { "uri": file }, "range": { "start": at, "end": at }, "context": { "diagnostics": [both[1]] },
    });
    let offered = again.request("textDocument/codeAction", &params);
    let fix = offered.as_array().unwrap().iter().find(|it| it["title"] == "Fix f2 with @autofix");
    let fix = fix.unwrap_or_else(|| panic!("no fix among {offered}"));
    assert_eq!(fix["diagnostics"], json!([both[1]]), "it is bound to what the client named");
    let same = again.diagnostics("both again", &file, |it| it.len() == 2 && it.iter().all(leads));
    assert_eq!((&same[0]["data"], &same[1]["data"]), (&both[0]["data"], &both[1]["data"]));
}
