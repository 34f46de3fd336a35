//! What a run changed is answered where it stands: lenses and code actions on the changed lines of an open file while the run
//! waits, in an editor without a plugin.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::support::{
    World,
    editor::{Editor, uri},
};

const BEFORE: &str = "one\ntwo\nthree\nfour\nfive\n";
const AFTER: &str = "one\nTWO\nthree\nfour\nfour and a half\nfive\n";

fn world() -> World {
    let world = World::with_files(&[("notes.md", BEFORE)]);
    let script = world.config().join("agents/scribe.sh");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    let write = "printf 'one\\nTWO\\nthree\\nfour\\nfour and a half\\nfive\\n' > notes.md";
    let text = format!(
        "#!/bin/sh\nset -e\n{write}\nprintf '%s' '{{\"kind\":\"text\",\"text\":\"written\"}}' > \"$CALLBOARD_RESULT\"\n"
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let profile = "name: scribe\ntitle: Scribe\ndriver: tool\naccess: write\ncommand: [./scribe.sh]\n";
    world.profile("scribe", profile);
    let steps = "title: W\nroles:\n  w: { prefer: [scribe], access: write }\nsteps:\n  - { id: write, role: w, result: text, prompt: go }\n  - { id: ask, needs: [write], pause: { show: write, message: Is it right? } }\n";
    world.workflow("write", steps);
    world
}

/// The lenses of a file as `line: titles`.
fn lenses(editor: &mut Editor, file: &str) -> Vec<String> {
    let all = editor.request("textDocument/codeLens", &json!({ "textDocument": { "uri": file } }));
    let mut lines: Vec<String> = Vec::new();
    for it in all.as_array().unwrap() {
        let (line, title) = (it["range"]["start"]["line"].to_string(), it["command"]["title"].as_str().unwrap());
        match lines.last_mut().filter(|it| it.starts_with(&format!("{line}: "))) {
            Some(last) => last.extend([", ", title]),
            None => lines.push(format!("{line}: {title}")),
        }
    }
    lines
}

const ALL: &str = "Approve, Edit…, Request changes…, Undo this hunk";

#[test]
fn promise_4_a_change_is_answered_and_taken_back_where_it_stands() {
    let world = world();
    let mut editor = Editor::start(&world);
    let file = uri(&world.workspace().join("notes.md"));
    editor.open(&file, BEFORE);
    editor.run("callboard.run", &json!({ "workflow": "write" }));
    let question = editor.question("window/showMessageRequest", "p1 in r1 waits for you");
    assert_eq!(world.read("notes.md"), AFTER);
    // The editor reads the file again by itself, since it has nothing of its own.
    editor.change(&file, 2, None, AFTER);
    assert_eq!(lenses(&mut editor, &file), [format!("1: {ALL}"), format!("4: {ALL}")]);

    // They move with what is typed, and one that is typed in can no longer be taken back.
    editor.change(&file, 3, Some([0, 0, 0, 0]), "zero\n");
    assert_eq!(lenses(&mut editor, &file), [format!("2: {ALL}"), format!("5: {ALL}")]);
    editor.change(&file, 4, Some([2, 0, 2, 3]), "Zwei");
    assert_eq!(lenses(&mut editor, &file), ["2: Approve, Edit…, Request changes…".to_owned(), format!("5: {ALL}")]);

    let titles: Vec<Value> = editor.actions(&file, 5).into_iter().map(|it| it["title"].clone()).collect();
    for title in ALL.split(", ") {
        assert!(titles.contains(&json!(title)), "{title} is not among {titles:?}");
    }
    assert!(editor.actions(&file, 0).iter().all(|it| it["title"] != "Undo this hunk"), "no change there");
    editor.act(&file, 5, "Undo this hunk");
    let asked = editor.question("workspace/applyEdit", "notes.md");
    let change = &asked["params"]["edit"]["documentChanges"][0];
    let edit = &change["edits"][0];
    assert_eq!((&change["textDocument"]["version"], &edit["newText"]), (&json!(4), &json!("")));
    assert_eq!(edit["range"], json!({ "start": { "line": 5, "character": 0 }, "end": { "line": 6, "character": 0 } }));
    editor.answer(&asked, &json!({ "applied": true }));
    editor.change(&file, 5, Some([5, 0, 6, 0]), "");
    assert_eq!(lenses(&mut editor, &file).len(), 1, "what was taken back is no change any more");

    // Words are written on the page, so that is what is opened.
    editor.act(&file, 2, "Request changes…");
    let show = editor.question("window/showDocument", "p1.md");
    editor.answer(&show, &json!({ "success": true }));
    let refused = editor.refused("callboard.undoHunk", &json!([{ "pause": "p1", "path": "notes.md", "hunk": "nope" }]));
    assert!(refused.contains("ask for its lenses again"), "{refused}");

    editor.act(&file, 2, "Approve");
    // The question that was never answered still stood there.
    editor.withdrawn(&question);
    editor.told("p1 was answered by");
    editor.progress("end", "done");
    assert_eq!(lenses(&mut editor, &file), Vec::<String>::new(), "nothing waits any more");
    let refused = editor.refused("callboard.undoHunk", &json!([{ "pause": "p1", "path": "notes.md", "hunk": "nope" }]));
    assert!(refused.contains("waits at p1"), "{refused}");
}
