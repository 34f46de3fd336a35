//! Promise 4 with real editors: agents are given what is not saved, what they write gets into a buffer that holds something
//! of its own, and where that can't be a person is asked. Two editors, one with unsaved text.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::{
    fallen::fake,
    support::{
        COMMAND_LIMIT, Live, World,
        editor::{Editor, capabilities, uri},
        wait_for,
    },
};

const NOTES: &str = "one\ntwo\nthree\nfour\nfive\n";

/// A world with an agent `@scribe`, which may change files: it does what the shell script `next.sh` in its home says.
fn world() -> World {
    let world = World::with_files(&[("notes.md", NOTES)]);
    let script = world.config().join("agents/scribe.sh");
    fs::create_dir_all(script.parent().unwrap()).unwrap();
    let text = "#!/bin/sh\nset -e\n. \"$HOME/next.sh\"\nprintf '%s' '{\"kind\":\"text\",\"text\":\"written\"}' > \"$CALLBOARD_RESULT\"\n";
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let profile = "name: scribe\ntitle: Scribe\ndriver: tool\naccess: write\ncommand: [./scribe.sh]\n";
    world.profile("scribe", profile);
    world
}

fn notes(world: &World) -> String {
    uri(&world.workspace().join("notes.md"))
}

/// Has `@scribe` do what a script says.
fn scribe(world: &World, script: &str) -> Live {
    fs::write(world.home().join("next.sh"), format!("{script}\n")).unwrap();
    world.spawn(&["channel", "post", "@scribe go on", "--wait"])
}

/// Returns what it answered.
fn answer(posted: Live) -> String {
    posted.finish(COMMAND_LIMIT).ok("channel post --wait").stdout
}

/// Returns the edits that an editor is asked to make of a file, as `version: from..to text`, and says whether it made them.
#[track_caller]
fn edits(editor: &mut Editor, applied: bool) -> Vec<String> {
    let asked = editor.question("workspace/applyEdit", "notes.md");
    let change = asked["params"]["edit"]["documentChanges"][0].clone();
    let version = change["textDocument"]["version"].clone();
    let place = |it: &Value| format!("{}:{}", it["line"], it["character"]);
    let edit = |it: &Value| {
        let range = &it["range"];
        format!("{version}: {}..{} {}", place(&range["start"]), place(&range["end"]), it["newText"])
    };
    let all = change["edits"].as_array().unwrap().iter().map(edit).collect();
    editor.answer(&asked, &json!({ "applied": applied }));
    all
}

fn inbox(world: &World) -> Vec<Value> {
    world.callboard(&["inbox", "--json"]).ok("callboard inbox").json()
}

#[test]
fn promise_4_what_an_agent_writes_gets_into_a_buffer_that_is_not_saved() {
    let world = world();
    let (mut ada, mut bob) = (Editor::start(&world), Editor::start(&world));
    let file = notes(&world);
    ada.open(&file, NOTES);
    bob.open(&file, NOTES);
    ada.change(&file, 2, Some([0, 0, 0, 3]), "ONE");
    ada.synced();

    let posted = scribe(&world, "printf 'one\\ntwo\\nthree\\nfour\\nFIVE\\n' > notes.md");
    // Bob has nothing of his own: his editor reads the file again by itself.
    assert_eq!(edits(&mut ada, true), [r#"2: 4:0..5:0 "FIVE\n""#]);
    ada.change(&file, 3, Some([4, 0, 5, 0]), "FIVE\n");
    ada.synced();
    let said = answer(posted);
    assert!(said.contains("Not saved, so not seen: notes.md"), "{said}");
    assert_eq!(world.read("notes.md"), "one\ntwo\nthree\nfour\nFIVE\n", "the buffer is the developer's to save");
    bob.change(&file, 2, None, "one\ntwo\nthree\nfour\nFIVE\n");

    // What is typed between the look and the edit is not written over: the editor refuses the old version, and is asked again.
    let posted = scribe(&world, "printf 'one\\ntwo\\nTHREE\\nfour\\nFIVE\\n' > notes.md");
    let asked = ada.question("workspace/applyEdit", "notes.md");
    ada.change(&file, 4, Some([0, 0, 0, 3]), "Uno\nONE");
    ada.answer(&asked, &json!({ "applied": false }));
    assert_eq!(edits(&mut ada, true), [r#"4: 3:0..4:0 "THREE\n""#]);
    answer(posted);
    assert!(inbox(&world).is_empty(), "nothing waits for a person");
}

#[test]
fn promise_4_turns_that_follow_each_other_faster_than_an_editor_reads_are_no_clash() {
    let world = world();
    let mut ada = Editor::start(&world);
    let file = notes(&world);
    ada.open(&file, NOTES);
    ada.synced();
    answer(scribe(&world, "printf 'one\\nTWO\\nthree\\nfour\\nfive\\n' > notes.md"));
    // The editor still has the text of before; nobody typed into it.
    let said = answer(scribe(&world, "printf 'one\\nTWO\\nTHREE\\nfour\\nfive\\n' > notes.md"));
    assert!(!said.contains("Not saved"), "{said}");
    assert!(inbox(&world).is_empty(), "nothing waits for a person");
    // What is typed from here on is the developer's own.
    ada.change(&file, 2, Some([1, 0, 1, 3]), "zwei");
    ada.synced();
    let said = answer(scribe(&world, "printf 'one\\nTWO!\\nTHREE\\nfour\\nfive\\n' > notes.md"));
    assert!(said.contains("Not saved, so not seen: notes.md"), "{said}");
    assert_eq!(inbox(&world).len(), 1, "both changed the second line");
    ada.question("window/showMessageRequest", "@scribe and you changed the same lines of notes.md");
}

#[test]
fn promise_4_a_clash_is_a_pause_with_both_texts_and_an_answer_elsewhere_settles_it() {
    let world = world();
    let (mut ada, mut bob) = (Editor::start(&world), Editor::start(&world));
    let file = notes(&world);
    ada.open(&file, NOTES);
    ada.change(&file, 2, Some([1, 0, 1, 3]), "zwei");
    ada.synced();
    answer(scribe(&world, "printf 'one\\ndeux\\nthree\\nfour\\nfive\\n' > notes.md"));
    let open = inbox(&world);
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("clash")), "{open:?}");
    let document = open[0]["document"].as_str().unwrap();
    assert!(document.contains("-zwei\n+deux\n"), "{document}");
    let to_ada = ada.question("window/showMessageRequest", "@scribe and you changed the same lines of notes.md");
    let question = bob.question("window/showMessageRequest", "@scribe and you changed the same lines of notes.md");
    bob.choose(&question, "Approve");
    assert_eq!(edits(&mut ada, true), [r#"2: 1:0..2:0 "deux\n""#]);
    ada.change(&file, 3, Some([1, 0, 2, 0]), "deux\n");
    ada.synced();
    assert!(inbox(&world).is_empty());
    ada.withdrawn(&to_ada);
    ada.told("p1 was answered by");

    // A client that takes no edits keeps its text and is asked.
    let modest = json!({ "textDocument": {} });
    let mut eve = Editor::with(&world, &modest, &json!({ "prompts": false }));
    eve.open(&file, "one\ndeux\nthree\nfour\nfive\nsix\n");
    eve.synced();
    answer(scribe(&world, "printf 'ONE\\ndeux\\nthree\\nfour\\nfive\\n' > notes.md"));
    assert_eq!(inbox(&world)[0]["id"], "p2");
    for it in [&mut ada, &mut bob] {
        it.question("window/showMessageRequest", "p2 waits for you");
    }
}

#[test]
fn promise_4_an_agent_is_told_what_is_not_saved_and_it_can_be_read_afterwards() {
    let world = world();
    fake(&world, "typist", "");
    let mut ada = Editor::start(&world);
    let file = notes(&world);
    ada.open(&file, NOTES);
    ada.change(&file, 2, Some([2, 0, 2, 5]), "drei");
    ada.synced();
    let ran = world.callboard(&["channel", "post", "@typist [[say seen]] what is in notes.md?", "--wait"]);
    assert!(ran.ok("channel post --wait").stdout.contains("seen"));
    let sent = ada.request("callboard/sent", &json!({ "message": "m1" }));
    let prompt = sent[0]["prompt"].as_str().unwrap();
    assert!(prompt.contains("-three\n+drei\n"), "{prompt}");
    // What is saved needs no telling.
    ada.change(&file, 3, Some([2, 0, 2, 4]), "three");
    ada.synced();
    world.callboard(&["channel", "post", "@typist [[say again]]", "--wait"]).ok("channel post --wait");
    let sent = ada.request("callboard/sent", &json!({ "message": "m3" }));
    assert!(!sent[0]["prompt"].as_str().unwrap().contains("not saved"), "{sent}");
}

#[test]
fn promise_4_editors_that_can_are_asked_to_save_where_that_is_set() {
    let world = world();
    fs::write(world.config().join("config.yaml"), "buffers: { before_turn: save }\n").unwrap();
    let mut ada = Editor::with(&world, &capabilities(), &json!({ "saves": true }));
    let file = notes(&world);
    ada.open(&file, NOTES);
    ada.change(&file, 2, Some([0, 0, 0, 3]), "ONE");
    ada.synced();
    let posted = scribe(&world, "cp notes.md \"$HOME/saw\"");
    let asked = ada.question("callboard/saveBuffers", "notes.md");
    assert_eq!(asked["params"]["uris"], json!([file]));
    world.write("notes.md", &NOTES.replace("one", "ONE"));
    ada.notify("textDocument/didSave", &json!({ "textDocument": { "uri": file } }));
    ada.answer(&asked, &json!({ "saved": [file] }));
    let said = answer(posted);
    assert!(!said.contains("Not saved"), "{said}");
    assert!(fs::read_to_string(world.home().join("saw")).unwrap().starts_with("ONE\n"), "the tool saw the buffer");
}

/// Undo run: what is put back gets into a buffer that holds something of its own, by an edit too.
#[test]
fn promise_4_undo_reaches_a_buffer_that_is_not_saved() {
    let world = world();
    fs::write(world.home().join("next.sh"), "printf 'one\\ntwo\\nthree\\nfour\\nFIVE\\n' > notes.md\n").unwrap();
    let steps = "title: W\nroles:\n  w: { prefer: [scribe], access: write }\nsteps:\n  - { id: write, role: w, result: text, prompt: go }\n";
    world.workflow("write", steps);
    world.callboard(&["run", "write"]).ok("callboard run write");
    let mut ada = Editor::start(&world);
    let file = notes(&world);
    let written = "one\ntwo\nthree\nfour\nFIVE\n";
    assert_eq!(world.read("notes.md"), written);
    ada.open(&file, written);
    ada.change(&file, 2, Some([0, 0, 0, 3]), "ONE");
    ada.synced();
    let undo = world.spawn(&["undo", "r1"]);
    assert_eq!(edits(&mut ada, true), [r#"2: 4:0..5:0 "five\n""#]);
    undo.finish(COMMAND_LIMIT).ok("callboard undo");
    assert_eq!(world.read("notes.md"), NOTES);
}

const TWO_STEPS: &str = "title: W\nroles:\n  w: { prefer: [scribe], access: write }\nsteps:\n  - { id: write, role: w, result: text, prompt: go }\n  - { id: next, needs: [write], role: w, result: text, prompt: go }\n";

fn status(world: &World, run: &str) -> Value {
    let runs = world.callboard(&["runs", "--json"]).ok("callboard runs").json();
    runs.iter().find(|it| it["id"] == run).unwrap_or_else(|| panic!("no {run} among {runs:?}"))["status"].clone()
}

/// A clash holds its run as any pause does, and what was approved gets into the editor although the hub dies in between.
#[test]
fn promise_1_and_4_a_clash_holds_its_run_and_its_approval_outlives_the_hub() {
    let world = world();
    world.workflow("write", TWO_STEPS);
    let file = notes(&world);
    let quiet = || Editor::with(&world, &capabilities(), &json!({ "prompts": false, "progress": false }));
    let mut ada = quiet();
    ada.open(&file, NOTES);
    ada.change(&file, 2, Some([1, 0, 1, 3]), "zwei");
    ada.synced();
    fs::write(world.home().join("next.sh"), "printf 'one\\ndeux\\nthree\\nfour\\nfive\\n' > notes.md\n").unwrap();
    ada.run("callboard.run", &json!({ "workflow": "write" }));
    let waits = || inbox(&world).into_iter().find(|it| it["kind"] == "clash");
    let clash = wait_for("the clash", COMMAND_LIMIT, waits, || world.story());
    let is_waiting = || (status(&world, "r1") == "waiting").then_some(());
    wait_for("the run that waits", COMMAND_LIMIT, is_waiting, || world.story());
    assert_eq!(clash["decisions"], json!(["approve", "skip", "stop"]), "{clash}");

    // The next step writes nothing: what is approved must be on the disk whenever it is looked at.
    fs::write(world.home().join("next.sh"), ":\n").unwrap();
    ada.run("callboard.decide", &json!({ "pause": "p1", "decision": "approve", "hash": clash["hash"] }));
    ada.question("workspace/applyEdit", "deux");
    world.kill_hub();
    ada.kill();
    // The editor starts its server again; its buffer is what it was.
    let mut ada = quiet();
    ada.open(&file, &NOTES.replace("two", "zwei"));
    assert_eq!(edits(&mut ada, true), [r#"1: 1:0..2:0 "deux\n""#]);
    ada.change(&file, 2, Some([1, 0, 2, 0]), "deux\n");
    let is_over = || (status(&world, "r1") == "done").then_some(());
    wait_for("the run's end", COMMAND_LIMIT, is_over, || world.story());

    // Where something else was typed in between, both stay and the person is told.
    ada.change(&file, 3, Some([4, 0, 4, 4]), "fuenf");
    ada.synced();
    fs::write(world.home().join("next.sh"), "printf 'one\\ndeux\\nthree\\nfour\\ncinq\\n' > notes.md\n").unwrap();
    ada.run("callboard.run", &json!({ "workflow": "write" }));
    let clash = wait_for("the second clash", COMMAND_LIMIT, waits, || world.story());
    let is_waiting = || (status(&world, "r2") == "waiting").then_some(());
    wait_for("the second run that waits", COMMAND_LIMIT, is_waiting, || world.story());
    fs::write(world.home().join("next.sh"), ":\n").unwrap();
    ada.run("callboard.decide", &json!({ "pause": "p2", "decision": "approve", "hash": clash["hash"] }));
    ada.question("workspace/applyEdit", "cinq");
    world.kill_hub();
    ada.kill();
    let mut ada = quiet();
    ada.open(&file, "one\ndeux\nthree\nfour\nfuenf!\n");
    ada.told("something else was typed in it since");
    assert_eq!(ada.came("workspace/applyEdit"), Vec::<Value>::new());
    // The editor is told first, then the channel.
    let says_so = || {
        let said = world.callboard(&["channel", "show"]).ok("callboard channel show").stdout;
        said.contains("What was approved at p2 was not put into notes.md in the editor").then_some(())
    };
    wait_for("the channel's word on it", COMMAND_LIMIT, says_so, || world.story());
}
