//! Taking an agent over and handing it back, as an editor and as a shell do it: the session's own screen on its terminal,
//! messages that wait, one session all the way, and a hub that is killed meanwhile.

use serde_json::{Value, json};

use crate::support::{COMMAND_LIMIT, World, editor::Editor, processes, wait_for, window::Window};

const FAKE: &str = env!("CARGO_BIN_EXE_fake-agent");

/// An agent that speaks stream-json and has a screen that goes on with the same sessions.
fn both(world: &World) {
    world.profile(
        "twin",
        &format!(
            "name: twin\ntitle: Speaks lines and has a screen\ndriver: stream-json\ncommand: [{FAKE}]\naccess: write\n\
             stream:\n  arguments: [stream]\n  read: [--read-only]\n  resume: [\"--resume={{session}}\"]\n\
             screen: [screen]\nresume: [\"--resume={{session}}\"]\nterminal:\n  title:\n    idle: ['^fake: idle']\n    \
             working: ['^fake: working']\n  exit: /exit\n"
        ),
    );
}

fn agent(editor: &mut Editor, name: &str) -> Value {
    let all = editor.request("callboard/agents", &json!({}));
    all.as_array().unwrap().iter().find(|it| it["info"]["name"] == name).unwrap().clone()
}

/// Waits until an agent fits.
#[track_caller]
fn until(editor: &mut Editor, name: &str, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
    let is_it = |it: &Value| {
        let items = it["params"]["items"].as_array().into_iter().flatten();
        it["method"] == "callboard/feed" && items.clone().any(|it| it["info"]["name"] == name)
    };
    loop {
        let it = agent(editor, name);
        if fits(&it) {
            return it;
        }
        editor.wait(what, is_it);
    }
}

/// Waits until the frames of a terminal have drawn a text.
#[track_caller]
fn drawn(editor: &mut Editor, screen: &mut vt100::Parser, text: &str) {
    while !screen.screen().contents().contains(text) {
        let frame = editor.wait(text, |it| it["method"] == "callboard/terminalFrame")["params"].take();
        if frame["full"] == true {
            let size = |of: &str| u16::try_from(frame["size"][of].as_u64().unwrap()).unwrap().try_into().unwrap();
            *screen = vt100::Parser::new(size("rows"), size("columns"), 0);
        }
        screen.process(frame["raw"].as_str().unwrap_or_default().as_bytes());
    }
}

fn say(editor: &mut Editor, keys: &str) {
    editor.request("callboard/terminalInput", &json!({ "agent": "twin", "text": keys }));
}

/// Waits until the channel has a text.
fn in_channel(world: &World, text: &str) {
    let said = || world.callboard(&["channel", "show"]).stdout;
    wait_for(text, COMMAND_LIMIT, || said().contains(text).then_some(()), || world.story());
}

/// Makes a world whose agent has had its first turn, with an editor that hears of everything.
fn spoken_with() -> (World, Editor) {
    let world = World::with_files(&[("a.txt", "a\n")]);
    both(&world);
    world.trust();
    let mut editor = Editor::start(&world);
    editor.request("callboard/subscribe", &json!({ "since": 0 }));
    editor.request("callboard/post", &json!({ "text": "@twin hello" }));
    in_channel(&world, "session-1 turn 1");
    (world, editor)
}

#[test]
fn an_editor_takes_an_agent_over_speaks_with_it_and_hands_it_back() {
    let (world, mut editor) = spoken_with();
    editor.request("callboard/watchTerminal", &json!({ "agent": "twin", "form": "raw" }));
    editor.request("callboard/takeOver", &json!({ "agent": "twin" }));
    let taken = until(&mut editor, "twin", "the take-over", |it| it["taken"]["stage"] == "open");
    assert_eq!((&taken["claim"]["state"]["is"], &taken["claim"]["source"]), (&json!("takenOver"), &json!("hub")));
    let mut screen = vt100::Parser::default();
    drawn(&mut editor, &mut screen, "❯");
    editor.request("callboard/terminalResize", &json!({ "agent": "twin", "rows": 20, "columns": 70 }));
    say(&mut editor, "[[say here I am]] [[size]]\r");
    drawn(&mut editor, &mut screen, "here I am");
    drawn(&mut editor, &mut screen, "size 20x70");

    editor.request("callboard/post", &json!({ "text": "@twin and then this" }));
    let waits = until(&mut editor, "twin", "the message in its queue", |it| it["queued"] == 1);
    assert_eq!(waits["turn"], Value::Null, "a turn began meanwhile");
    editor.request("callboard/handBack", &json!({ "agent": "twin" }));
    in_channel(&world, "session-1 turn 3");
    let all = world.callboard(&["channel", "show"]).stdout;
    assert!(all.contains("had taken @twin over and handed it back"), "{all}");
    let refused = editor.refusal("callboard/handBack", &json!({ "agent": "twin" }));
    assert_eq!(refused["data"]["code"], "invalid");
}

#[test]
fn promise_6_a_hub_that_is_killed_leaves_no_screen_and_the_session_is_gone_on_with() {
    let (world, mut editor) = spoken_with();
    editor.request("callboard/takeOver", &json!({ "agent": "twin" }));
    until(&mut editor, "twin", "the take-over", |it| it["taken"]["stage"] == "open");
    editor.request("callboard/post", &json!({ "text": "@twin are you there" }));
    editor.kill();
    world.kill_hub();
    // The next hub ends what is left, and what waited goes on in the same session.
    in_channel(&world, "session-1 turn 2");
    let left = processes::of(world.root()).into_iter().map(|it| it.command_line()).filter(|it| it.contains(" screen "));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn a_shell_attaches_detaches_comes_back_and_hands_back() {
    let world = World::with_files(&[("a.txt", "a\n")]);
    both(&world);
    world.trust();
    world.callboard(&["channel", "post", "@twin hello"]).ok("the post");
    in_channel(&world, "session-1 turn 1");
    let mut window = Window::open(&world, &["agents", "attach", "twin"], 90);
    window.see("its screen", |it| it.contains("fake agent") && it.contains('❯'));
    window.press("[[say größer 漢字]] [[size]]\r");
    window.see("what it says", |it| it.contains("größer 漢字") && it.contains("size 60x90"));
    window.press("\x1d");
    let (code, shown) = window.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("@twin is still yours"), "{shown}");
    let agents = world.callboard(&["agents"]).stdout;
    assert!(agents.contains("taken over"), "{agents}");

    let mut window = Window::open(&world, &["agents", "attach", "@twin"], 70);
    window.see("its screen again", |it| it.contains("größer"));
    window.press("[[size]]\r");
    window.see("the other window's size", |it| it.contains("size 60x70"));
    world.callboard(&["agents", "hand-back", "twin"]).ok("the hand-back");
    let (code, shown) = window.end();
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("@twin is handed back"), "{shown}");
    world.callboard(&["channel", "post", "@twin again"]).ok("the post");
    in_channel(&world, "session-1 turn 4");

    let refused = world.callboard(&["agents", "attach", "twin"]).code(2, "attaching without a terminal");
    assert!(refused.stderr.contains("needs a terminal"), "{}", refused.stderr);
}
