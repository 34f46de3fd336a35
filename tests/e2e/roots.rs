//! One editor with several folders, in one `callboard lsp`: a hub, a trust and an inbox for each root, and everything that comes
//! says which it is from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::support::{
    COMMAND_LIMIT, Live, World,
    editor::{Editor, capabilities, uri},
};

const NOTES: &str = "# Rounds at six   \n\nStart at the station.\nEnd at the depot. \t\n";

/// Another workspace of the same developer, with its own hub. Dropping it stops that.
struct Second<'a> {
    world: &'a World,
    root: PathBuf,
}

impl<'a> Second<'a> {
    fn new(world: &'a World) -> Self {
        let root = world.root().join("w2");
        // A mark of its own, so that nothing above it can be taken for its root.
        fs::create_dir_all(root.join(".callboard")).unwrap();
        fs::write(root.join("notes.md"), NOTES).unwrap();
        Self { world, root }
    }

    fn callboard(&self, args: &[&str]) -> crate::support::Ran {
        let mut command = self.world.command(env!("CARGO_BIN_EXE_callboard"));
        command.args(args).current_dir(&self.root);
        Live::start(command, "callboard in the second root", false).finish(COMMAND_LIMIT)
    }

    fn file(&self) -> String {
        uri(&self.root.join("notes.md"))
    }
}

fn titles(actions: &[Value]) -> Vec<&str> {
    actions.iter().map(|it| it["title"].as_str().unwrap()).collect()
}

#[test]
fn several_folders_of_one_editor_have_a_hub_each_and_say_which_they_are() {
    let world = World::with_files(&[("notes.md", NOTES)]);
    let second = Second::new(&world);
    let (one, two) = (uri(&world.workspace().join("notes.md")), second.file());
    let mut editor = Editor::over(&world, &[&world.workspace(), &second.root]);
    editor.open(&one, NOTES);
    editor.open(&two, NOTES);

    // Promise 7: trust is each root's own.
    let actions = editor.actions(&two, 0);
    assert_eq!(titles(&actions), ["Trust this workspace…"]);
    assert_eq!(actions[0]["command"]["arguments"][0]["root"], uri(&second.root), "it finds its way back");
    assert!(titles(&editor.actions(&one, 0)).contains(&"Review this file with @lint"));
    editor.act(&two, 0, "Trust this workspace…");
    let question = editor.question("window/showMessageRequest", "[w2] Trust this workspace?");
    editor.choose(&question, "Trust this workspace");
    editor.told("[w2] This workspace is trusted.");

    // The same ids on both sides, and each stays with its own.
    editor.act(&one, 0, "Review this file with @lint");
    editor.diagnostics("the first root's findings", &one, |it| it.len() == 2);
    editor.act(&two, 0, "Review this file with @lint");
    editor.diagnostics("the second root's findings", &two, |it| it.len() == 2);
    let asked = editor.request("textDocument/diagnostic", &json!({ "textDocument": { "uri": two } }));
    assert_eq!(asked["items"], json!([]), "what is sent is not given too");
    editor.act(&two, 0, "Fix f1 with @autofix");
    editor.diagnostics("the second root's, one fixed", &two, |it| it.len() == 1);
    assert_eq!(fs::read_to_string(second.root.join("notes.md")).unwrap(), NOTES.replace("six   \n", "six\n"));
    assert_eq!(world.read("notes.md"), NOTES, "the first root's f1 is another");

    // A pause of each: its question says its root, its page is its own, and its answer goes there.
    let fix = json!({ "workflow": "review-fix", "inputs": { "path": "notes.md" }, "roles": { "reviewer": "lint", "fixer": "autofix" } });
    editor.run("callboard.run", &fix);
    let mut in_second = fix.clone();
    in_second["root"] = json!(uri(&second.root));
    editor.run("callboard.run", &in_second);
    let first_asks = editor.question("window/showMessageRequest", "[w] p1 in r2 waits for you");
    let second_asks = editor.question("window/showMessageRequest", "[w2] p1 in r2 waits for you");
    assert_ne!(first_asks["id"], second_asks["id"]);
    editor.choose(&second_asks, "Stop");
    let runs = |root: &str| -> Value { json!({ "root": root, "run": "r2" }) };
    let of_second = runs(&uri(&second.root));
    let mut stopped = Value::Null;
    while stopped != "stopped" {
        editor.wait("the second root's progress", |it| {
            it["method"] == "$/progress" && it.to_string().contains("stopped")
        });
        stopped = editor.request("callboard/runs", &of_second)[0]["status"].clone();
    }
    assert_eq!(editor.request("callboard/runs", &runs(&uri(&world.workspace())))[0]["status"], "waiting");
    editor.choose(&first_asks, "Open");
    let show = editor.question("window/showDocument", "p1.md");
    editor.answer(&show, &json!({ "success": true }));

    // Panels: what is subscribed to is said with its root, and a root that is none is refused.
    let root = uri(&second.root);
    editor.request("callboard/subscribe", &json!({ "root": root, "since": 0 }));
    let feed = editor.wait("the second root's feed", |it| it["method"] == "callboard/feed");
    assert_eq!(feed["params"]["root"], root);
    let refused = editor.refusal("callboard/inbox", &json!({ "root": "file:///nowhere" }));
    assert!(refused["message"].as_str().unwrap().contains(&root), "{refused}");

    // A folder that goes is let go, and its files are nobody's; one that comes again is attached again.
    let folder = json!({ "uri": root, "name": "w2" });
    editor.notify("workspace/didChangeWorkspaceFolders", &json!({ "event": { "added": [], "removed": [folder] } }));
    assert_eq!(titles(&editor.actions(&two, 0)), Vec::<&str>::new());
    editor.notify("workspace/didChangeWorkspaceFolders", &json!({ "event": { "added": [folder], "removed": [] } }));
    editor.open(&two, NOTES);
    editor.diagnostics("the second root's, again", &two, |it| it.len() == 1);
    let status = editor.request("callboard/hubStatus", &json!({ "root": root }));
    assert!(status["workspace"].as_str().unwrap().ends_with("/w2"), "{status}");
    let status = editor.request("callboard/hubStatus", &json!({}));
    assert!(status["workspace"].as_str().unwrap().ends_with("/w"), "{status}");
    editor.run("callboard.cancel", &json!({ "run": "r2" }));

    editor.send_bare("shutdown");
    editor.notify_bare("exit");
    assert_eq!(editor.code(), Some(0));
    second.callboard(&["hub", "stop"]).ok("callboard hub stop");
}

/// A root that can't be attached is told of, and holds up no other.
#[test]
fn a_root_without_a_hub_is_told_and_the_others_are_served() {
    let world = World::with_files(&[("notes.md", NOTES)]);
    let second = Second::new(&world);
    // A folder that is not there is left out.
    let mut editor = Editor::over(&world, &[&world.workspace(), &world.root().join("missing"), &second.root]);
    let one = uri(&world.workspace().join("notes.md"));
    editor.open(&one, NOTES);
    assert!(titles(&editor.actions(&one, 0)).contains(&"Review this file with @lint"));
    assert_eq!(titles(&editor.actions(&second.file(), 0)), ["Trust this workspace…"]);
    // The hub of one root is lost: the session ends as it does with one root, and the next one has all again.
    let status = editor.request("callboard/hubStatus", &json!({ "root": uri(&second.root) }));
    world.kill9(u32::try_from(status["pid"].as_u64().unwrap()).unwrap());
    assert_eq!(editor.ended(), Some(75));
    let mut again = Editor::over(&world, &[&world.workspace(), &second.root]);
    assert_eq!(titles(&again.actions(&second.file(), 0)), ["Trust this workspace…"]);
    drop(again);
    second.callboard(&["hub", "stop"]).ok("callboard hub stop");
}

fn folders(added: &[&Path], removed: &[&Path]) -> Value {
    let all = |it: &[&Path]| -> Vec<Value> { it.iter().map(|it| json!({ "uri": uri(it), "name": "" })).collect() };
    json!({ "event": { "added": all(added), "removed": all(removed) } })
}

/// The first root is one among others: it goes when its folder does, with all that it has shown, and the next one is asked what
/// names none.
#[test]
fn the_first_folder_goes_as_any_other_and_takes_what_it_has_shown_with_it() {
    let world = World::with_files(&[("notes.md", NOTES)]);
    let second = Second::new(&world);
    let (one, two) = (uri(&world.workspace().join("notes.md")), second.file());
    second.callboard(&["trust", "--yes"]).ok("callboard trust");
    let mut editor = Editor::over(&world, &[&world.workspace(), &second.root]);
    editor.open(&one, NOTES);
    editor.open(&two, NOTES);
    editor.act(&one, 0, "Review this file with @lint");
    editor.diagnostics("the first root's findings", &one, |it| it.len() == 2);
    editor.act(&two, 0, "Review this file with @lint");
    editor.diagnostics("the second root's findings", &two, |it| it.len() == 2);
    let fix = json!({ "workflow": "review-fix", "inputs": { "path": "notes.md" }, "roles": { "reviewer": "lint", "fixer": "autofix" } });
    editor.run("callboard.run", &fix);
    let token = editor.progress("begin", "(r2)");
    editor.question("window/showMessageRequest", "[w] p1 in r2 waits for you");

    editor.notify("workspace/didChangeWorkspaceFolders", &folders(&[], &[&world.workspace()]));
    editor.diagnostics("none of the first root", &one, <[Value]>::is_empty);
    editor.wait("the end of the first root's progress", |it| {
        it["method"] == "$/progress" && it["params"]["token"] == token && it["params"]["value"]["kind"] == "end"
    });
    // What names no root is the next one's now, by itself and without its name before everything.
    let status = editor.request("callboard/hubStatus", &json!({}));
    assert!(status["workspace"].as_str().unwrap().ends_with("/w2"), "{status}");
    let refused = editor.refusal("callboard/inbox", &json!({ "root": uri(&world.workspace()) }));
    assert!(refused["message"].as_str().unwrap().contains(&uri(&second.root)), "{refused}");
    editor.act(&two, 0, "Fix f1 with @autofix");
    editor.diagnostics("the second root's, one fixed", &two, |it| it.len() == 1);
    // Its run goes on without the editor.
    let runs = world.callboard(&["runs", "--json"]).ok("callboard runs").json();
    assert_eq!(runs.iter().find(|it| it["id"] == "r2").map(|it| &it["status"]), Some(&json!("waiting")));

    // With the last folder goes the last diagnostic; the session stays, and a folder that comes is served.
    editor.notify("workspace/didChangeWorkspaceFolders", &folders(&[], &[&second.root]));
    editor.diagnostics("none of the second root", &two, <[Value]>::is_empty);
    let refused = editor.refusal("callboard/hubStatus", &json!({}));
    assert!(refused["message"].as_str().unwrap().contains("open one"), "{refused}");
    editor.notify("workspace/didChangeWorkspaceFolders", &folders(&[&world.workspace()], &[]));
    editor.diagnostics("the first root's findings, again", &one, |it| it.len() == 2);
    let question = editor.question("window/showMessageRequest", "p1 in r2 waits for you");
    editor.run("callboard.cancel", &json!({ "run": "r2" }));
    editor.withdrawn(&question);
    editor.told("p1 was answered by the end of r2");
    let status = editor.request("callboard/hubStatus", &json!({}));
    assert!(status["workspace"].as_str().unwrap().ends_with("/w"), "{status}");

    editor.send_bare("shutdown");
    editor.notify_bare("exit");
    assert_eq!(editor.code(), Some(0));
    second.callboard(&["hub", "stop"]).ok("callboard hub stop");
}

/// An editor that asks for its diagnostics has them of its first root alone; where that goes it is told to ask again, and is sent
/// nothing.
#[test]
fn an_editor_that_asks_for_diagnostics_is_told_to_ask_again_where_its_first_folder_goes() {
    let world = World::with_files(&[("notes.md", NOTES)]);
    let second = Second::new(&world);
    let one = uri(&world.workspace().join("notes.md"));
    let mut can = capabilities();
    can["textDocument"]["diagnostic"] = json!({});
    can["workspace"]["diagnostics"] = json!({ "refreshSupport": true });
    let open: Vec<Value> =
        [&world.workspace(), &second.root].iter().map(|it| json!({ "uri": uri(it), "name": "" })).collect();
    let mut editor = Editor::greeted(&world, &json!({ "workspaceFolders": open, "capabilities": can }));
    editor.open(&one, NOTES);
    editor.act(&one, 0, "Review this file with @lint");
    let ask = json!({ "textDocument": { "uri": one } });
    while editor.request("textDocument/diagnostic", &ask)["items"].as_array().map(Vec::len) != Some(2) {
        editor.wait("news of diagnostics", |it| it["method"] == "workspace/diagnostic/refresh");
    }
    editor.came("workspace/diagnostic/refresh");
    editor.notify("workspace/didChangeWorkspaceFolders", &folders(&[], &[&world.workspace()]));
    editor.wait("the word to ask again", |it| it["method"] == "workspace/diagnostic/refresh");
    assert_eq!(editor.request("textDocument/diagnostic", &ask)["items"], json!([]));
    drop(editor);
    second.callboard(&["hub", "stop"]).ok("callboard hub stop");
}
