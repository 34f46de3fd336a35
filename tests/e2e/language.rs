//! Workflow files, settings and profiles as languages, over the real server's standard streams.

use serde_json::{Value, json};

use crate::support::{
    World,
    editor::{Editor, uri},
};

/// A workflow that `@lint` can run, with one mistake: a role that is not there.
const MINE: &str = "\
title: Mine 😀
inputs:
  path: { type: path, default: '.' }
roles:
  reviewer: { prefer: [lint], good-for: review }
steps:
  - id: look
    role: reviewr
    result: review
    prompt: Look at {{ inputs.path }}.
";

fn position(text: &str, what: &str) -> Value {
    let at = text.find(what).unwrap_or_else(|| panic!("{what:?} is not in the text")) + what.len();
    let line = text[..at].matches('\n').count();
    let start = text[..at].rfind('\n').map_or(0, |it| it + 1);
    json!({ "line": line, "character": text[start..at].encode_utf16().count() })
}

fn ask(editor: &mut Editor, method: &str, file: &str, text: &str, behind: &str) -> Value {
    let params = json!({
        "textDocument": { "uri": file }, "position": position(text, behind), "context": { "includeDeclaration": true, "triggerKind": 1 },
        "newName": "critic",
    });
    editor.request(method, &params)
}

fn labels(items: &Value) -> Vec<&str> {
    items.as_array().expect("items").iter().map(|it| it["label"].as_str().unwrap()).collect()
}

#[test]
fn a_workflow_is_written_with_help_rehearsed_and_run_from_its_own_file() {
    let path = ".callboard/workflows/mine.yaml";
    let right = MINE.replace("reviewr", "reviewer");
    let world = World::with_files(&[("notes.md", "# Notes\n"), (path, &right)]);
    let mut editor = Editor::start(&world);
    let file = uri(&world.workspace().join(path));
    editor.open(&file, MINE);
    let wrong = editor.diagnostics("the unknown role", &file, |it| it.iter().any(|it| it["code"] == "unknown-role"));
    let wrong = wrong.iter().find(|it| it["code"] == "unknown-role").unwrap().clone();
    let place = (&wrong["range"]["start"], &wrong["range"]["end"]);
    assert_eq!(place, (&json!({ "line": 7, "character": 10 }), &json!({ "line": 7, "character": 17 })), "{wrong}");

    // The quick fix is an edit that the client makes.
    let actions = editor.actions(&file, 7);
    let fix = actions.iter().find(|it| it["title"] == "Change `reviewr` to `reviewer`").expect("a quick fix");
    assert_eq!(fix["edit"]["changes"][&file][0]["newText"], "reviewer", "{fix}");
    editor.change(&file, 2, Some([7, 10, 7, 17]), "reviewer");
    editor.diagnostics("nothing wrong", &file, <[Value]>::is_empty);

    // Half a line is enough.
    let typing = right.replace("{{ inputs.path }}", "{{ inputs.pa");
    editor.change(&file, 3, None, &typing);
    let offered = ask(&mut editor, "textDocument/completion", &file, &typing, "{{ inputs.pa");
    assert_eq!(labels(&offered), ["path"], "{offered}");
    assert_eq!(offered[0]["textEdit"]["newText"], "path");
    let offered = ask(&mut editor, "textDocument/completion", &file, &typing, "prefer: [");
    assert!(labels(&offered).contains(&"autofix"), "agents of the catalogue are offered: {offered}");
    editor.change(&file, 4, None, &right);

    let said = ask(&mut editor, "textDocument/hover", &file, &right, "role: re").to_string();
    assert!(said.contains("role **reviewer**") && said.contains("@lint"), "{said}");
    let found = ask(&mut editor, "textDocument/definition", &file, &right, "role: re");
    assert_eq!(found["range"]["start"], json!({ "line": 4, "character": 2 }), "{found}");
    let found = ask(&mut editor, "textDocument/references", &file, &right, "role: re");
    assert_eq!(found.as_array().unwrap().len(), 2, "{found}");
    let ready = ask(&mut editor, "textDocument/prepareRename", &file, &right, "role: re");
    assert_eq!(ready["placeholder"], "reviewer");
    let edits = ask(&mut editor, "textDocument/rename", &file, &right, "role: re");
    assert_eq!(edits["changes"][&file].as_array().unwrap().len(), 2, "{edits}");
    let symbols = editor.request("textDocument/documentSymbol", &json!({ "textDocument": { "uri": file } }));
    assert_eq!(symbols.as_array().unwrap().last().unwrap()["children"][0]["name"], "look", "{symbols}");
    let folds = editor.request("textDocument/foldingRange", &json!({ "textDocument": { "uri": file } }));
    assert!(folds.as_array().unwrap().iter().any(|it| it["startLine"] == 6), "{folds}");

    // From the lenses: a rehearsal as a page, then a run.
    let lenses = editor.lenses(&file);
    let titles: Vec<&str> = lenses.iter().map(|it| it.0.as_str()).collect();
    assert_eq!(titles, ["Run", "Dry run"]);
    let rehearsed = editor.run(lenses[1].1["command"].as_str().unwrap(), &lenses[1].1["arguments"][0]);
    let shown = editor.question("window/showDocument", "dry-run-mine.md");
    editor.answer(&shown, &json!({ "success": true }));
    let page = rehearsed["uri"].as_str().unwrap().strip_prefix("file://").unwrap().to_owned();
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains("# Dry run: Mine 😀") && page.contains("Look at ..") && page.contains("@lint as reviewer"),
        "{page}"
    );

    let started = editor.run(lenses[0].1["command"].as_str().unwrap(), &lenses[0].1["arguments"][0]);
    assert_eq!(started["run"], "r1", "{started}");
    editor.progress("end", "");
    let titles: Vec<String> = editor.lenses(&file).into_iter().map(|it| it.0).collect();
    assert_eq!(titles, ["Run", "Dry run", "Last run: approved"]);
}

#[test]
fn settings_and_profiles_are_helped_with_where_the_user_keeps_them() {
    let world = World::with_files(&[("notes.md", "# Notes\n")]);
    let mut editor = Editor::start(&world);
    let settings = uri(&world.config().join("config.yaml"));
    editor.open(&settings, "scrolback: 10\n");
    let wrong = editor.diagnostics("the unknown setting", &settings, |it| it.len() == 1);
    assert_eq!((&wrong[0]["code"], &wrong[0]["range"]["end"]["character"]), (&json!("unknown-field"), &json!(9)));
    editor.change(&settings, 2, None, "idle");
    let offered = ask(&mut editor, "textDocument/completion", &settings, "idle", "idle");
    assert!(labels(&offered).contains(&"idle_exit_minutes"), "{offered}");
    editor.notify("textDocument/didClose", &json!({ "textDocument": { "uri": settings } }));
    editor.diagnostics("nothing, once it is closed", &settings, <[Value]>::is_empty);

    let profile = uri(&world.config().join("agents/mine.yaml"));
    let text = "name: mine\ntitle: Mine\ndriver: tol\ncommand: [x]\n";
    editor.open(&profile, text);
    let wrong = editor.diagnostics("the unknown driver", &profile, |it| it.len() == 1);
    assert!(wrong[0]["message"].as_str().unwrap().contains("did you mean `tool`?"), "{wrong:?}");
    let said = ask(&mut editor, "textDocument/hover", &profile, text, "driv").to_string();
    assert!(said.contains("How it is driven"), "{said}");

    // A file of another program in a folder of that name is nobody's business.
    let other = uri(&world.workspace().join("templates/service.yaml"));
    editor.open(&other, "apiVersion: v1\nsteps: 3\n");
    let nothing = ask(&mut editor, "textDocument/completion", &other, "apiVersion: v1\nsteps: 3\n", "ste");
    assert_eq!(nothing, Value::Null);
}
