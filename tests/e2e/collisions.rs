//! Two agents in one file without worktrees, by the real binary: noticed while they work, told to both, to the person in the
//! channel, at the command line and in the editor (design §10). And findings that keep to their text while files change (§11).

use std::fs;

use serde_json::{Value, json};

use crate::{
    relay,
    support::{
        COMMAND_LIMIT, Live, World,
        editor::{Editor, uri},
        wait_for,
    },
};

const TWO: &str = "\
title: Two
category: build
roles:
  writer: { prefer: [left], access: write }
steps:
  - { id: left, tool: left, result: text }
  - { id: right, tool: right, result: text }
  - { id: after, needs: [left, right], role: writer, prompt: Look again. }
";

/// Does what the files in its home say, each once: waits for it, runs it, and notes that it did. Its prompt is kept.
const SIDE: &str = r#"#!/bin/sh
me=$(basename "$0" .sh)
cp "$2" "$HOME/$me.request"
for part in 1 2; do
  while [ ! -e "$HOME/$me.$part" ]; do sleep 0.02; done
  . "$HOME/$me.$part"
done
echo "{\"kind\":\"text\",\"text\":\"$me is done\"}" >"$4"
"#;

fn world() -> World {
    let world = World::with_files(&[("shared.txt", "one\ntwo\n"), ("own.txt", "mine\n")]);
    world.workflow("two", TWO);
    for name in ["left", "right"] {
        relay::tool(&world, name, &format!("{name}.sh"), SIDE);
    }
    world.trust();
    world
}

/// Starts the run, and waits until both are at work: what one writes before the other has begun is in nobody's way.
fn start(world: &World) -> Live {
    let running = world.spawn(&["run", "two"]);
    let there = |who: &str| world.home().join(format!("{who}.request")).exists();
    let both = || (there("left") && there("right")).then_some(());
    wait_for("both at work", COMMAND_LIMIT, both, || world.story());
    running
}

/// Has an agent do its next part.
fn next(world: &World, who: &str, part: u32, script: &str) {
    let folder = world.home();
    fs::write(folder.join("next"), format!("{script}\n")).expect("a part");
    fs::rename(folder.join("next"), folder.join(format!("{who}.{part}"))).expect("its place");
}

fn run(world: &World) -> Value {
    world.callboard(&["show", "r1", "--json"]).ok("show").json().remove(0)["run"].clone()
}

/// Waits until this many files of the agents are known to be changed by them.
fn leases(world: &World, name: &str, fits: impl Fn(&[String]) -> bool) -> Vec<String> {
    let look = || {
        let agents = world.callboard(&["agents", "--json"]).ok("agents").json();
        let of = |agent: &Value| {
            let files = agent["files"].as_array().cloned().unwrap_or_default();
            let line = |it: &Value| format!("{} {} {}", it["path"], agent["info"]["name"], it["sign"]).replace('"', "");
            files.iter().map(line).collect::<Vec<_>>()
        };
        let all: Vec<String> = agents.iter().flat_map(of).collect();
        fits(&all).then_some(all)
    };
    wait_for(name, COMMAND_LIMIT, look, || world.story())
}

fn end(world: &World, run: Live) -> String {
    for (who, part) in [("left", 2), ("right", 2)] {
        next(world, who, part, "true");
    }
    run.finish(COMMAND_LIMIT).ok("the run").stdout
}

#[test]
fn two_scripted_agents_in_one_file_are_noticed_while_they_work_and_everybody_is_told() {
    let world = world();
    let mut editor = Editor::start(&world);
    editor.open(&uri(&world.workspace().join("shared.txt")), "one\ntwo\n");
    editor.synced();
    let running = start(&world);
    // Nobody knows which of two scripts writes; the first change may be anybody's own.
    next(&world, "left", 1, "echo left >> shared.txt");
    let first = leases(&world, "the first change", |all| all.iter().any(|it| it.starts_with("shared.txt")));
    assert!(first.iter().all(|it| it.ends_with("perhaps")), "{first:?}");
    assert!(run(&world)["collisions"].is_null(), "one change is no collision");
    next(&world, "right", 1, "echo right >> shared.txt");
    let collided = || run(&world)["collisions"].as_array().filter(|it| !it.is_empty()).cloned();
    let told = wait_for("the collision", COMMAND_LIMIT, collided, || world.story());
    assert_eq!((told.len(), &told[0]["path"], &told[0]["sure"]), (1, &json!("shared.txt"), &json!(false)));
    assert_eq!(told[0]["agents"], json!(["left", "right"]));
    assert!(editor.told("may be changing shared.txt at the same time").contains("@left and @right"));
    let lenses = editor.lenses(&uri(&world.workspace().join("shared.txt")));
    assert!(lenses.iter().any(|it| it.0 == "@left may be changing this file"), "{lenses:?}");
    let shown = world.callboard(&["agents"]).ok("agents").stdout;
    assert!(shown.contains("being changed") && shown.contains("shared.txt"), "{shown}");

    let said = end(&world, running);
    assert!(said.contains("Perhaps two at work in one file"), "the person sees it in the channel: {said}");
    let shown = world.callboard(&["show", "r1"]).ok("show").stdout;
    assert!(shown.contains("⚠ shared.txt: @left and @right may have changed it at the same time"), "{shown}");
    let prompt = fs::read_to_string(world.home().join("left.request")).expect("its last request");
    assert!(prompt.contains("Since your last turn") && prompt.contains("shared.txt"), "{prompt}");
    let all = world.callboard(&["agents", "--json"]).ok("agents").json();
    assert!(all.iter().all(|it| it["files"].is_null()), "what is over is not shown as going on");
}

#[test]
fn each_in_a_file_of_its_own_is_no_collision_and_nothing_is_watched_for_one_alone() {
    let world = world();
    world.write(".gitignore", "*.log\n");
    let running = start(&world);
    next(&world, "left", 1, "echo left >> own.txt; echo x >> build.log");
    leases(&world, "the first", |all| all.iter().any(|it| it.starts_with("own.txt")));
    next(&world, "right", 1, "echo right > other.txt; echo y >> build.log");
    let all = leases(&world, "the second", |all| all.iter().any(|it| it.starts_with("other.txt")));
    assert!(!all.iter().any(|it| it.contains("build.log")), "what git ignores is nobody's matter: {all:?}");
    end(&world, running);
    assert!(run(&world)["collisions"].is_null(), "{:#}", run(&world));
}

const REVIEW: &str = r#"#!/bin/sh
cat >"$4" <<'END'
{"kind":"review","verdict":"changes_requested","summary":"Two remarks.","findings":[
 {"place":{"path":"code.txt","line":3},"severity":"warning","text":"The third is wrong.","excerpt":"three"},
 {"place":{"path":"code.txt","line":5},"severity":"warning","text":"The fifth is wrong."}]}
END
"#;

const EDIT: &str = r#"#!/bin/sh
printf 'zero\nhalf\none\ntwo\nthree\nfour\nFIVE\n' >code.txt
echo '{"kind":"change","summary":"Changed."}' >"$4"
"#;

const FOLLOW: &str = "\
title: Follow
category: build
steps:
  - { id: review, tool: critic, result: review }
  - { id: edit, needs: [review], tool: editor, result: change }
";

fn places(world: &World) -> Vec<String> {
    let findings = world.callboard(&["findings", "--json"]).ok("findings").json();
    let line = |it: &Value| format!("{} {} {}", it["id"], it["place"]["line"], it["state"]["is"]).replace('"', "");
    findings.iter().map(line).collect()
}

#[test]
fn findings_follow_their_text_through_a_turn_a_save_and_the_hubs_absence() {
    let world = World::with_files(&[("code.txt", "one\ntwo\nthree\nfour\nfive\n")]);
    world.workflow("follow", FOLLOW);
    relay::tool(&world, "critic", "critic.sh", REVIEW);
    relay::tool(&world, "editor", "editor.sh", EDIT);
    world.trust();
    world.callboard(&["run", "follow"]).ok("the run");
    // Behind the turn's end checkpoint: two lines came above, and the fifth is another now.
    assert_eq!(places(&world), ["f1 5 open", "f2 7 stale"]);

    // A person edits and saves in an editor, with no run at all.
    let mut editor = Editor::start(&world);
    let file = uri(&world.workspace().join("code.txt"));
    editor.open(&file, &world.read("code.txt"));
    world.write("code.txt", "one\ntwo\nthree\nfour\nfive\nsix\n");
    editor.notify("textDocument/didSave", &json!({ "textDocument": { "uri": file } }));
    let back = || (places(&world) == ["f1 3 open", "f2 5 open"]).then_some(());
    wait_for("the places after the save", COMMAND_LIMIT, back, || format!("{:?} {}", places(&world), world.story()));
    editor.kill();

    // Nobody is there while the file changes; the next hub looks.
    world.callboard(&["hub", "stop"]).ok("the hub's end");
    world.write("code.txt", "new\none\ntwo\n3\nfour\nfive\n");
    let back = || (places(&world) == ["f1 4 stale", "f2 6 open"]).then_some(());
    wait_for("the places after the absence", COMMAND_LIMIT, back, || format!("{:?} {}", places(&world), world.story()));
    let shown = world.callboard(&["findings"]).ok("findings").stdout;
    assert!(shown.contains("stale"), "{shown}");
}

const SPEAKER: &str = "
name: NAME
title: Speaks
driver: stream-json
command: [FAKE, stream]
access: write
good-for: [build]
stream:
  arguments: [--always, \"--tools={tools}\"]
  read: [--read-only]
  resume: [\"--resume={session}\"]
";

fn speakers() -> World {
    let world = World::with_files(&[("shared.txt", "one\ntwo\n"), ("plan.txt", "first\nsecond\nthird\n")]);
    for name in ["left", "right"] {
        let profile = SPEAKER.replace("NAME", name).replace("FAKE", &format!("{:?}", env!("CARGO_BIN_EXE_fake-agent")));
        world.profile(name, &profile);
    }
    world
}

#[test]
fn what_agents_programs_say_of_their_edits_is_certain_and_needs_no_second_change() {
    let world = speakers();
    let file = world.workspace().join("shared.txt");
    let step =
        |id: &str| format!("  - {{ id: {id}, role: {id}, prompt: '[[write {}|{id}]] [[hang]]' }}\n", file.display());
    let roles = "roles:\n  left: { prefer: [left], access: write }\n  right: { prefer: [right], access: write }\n";
    world.workflow("both", &format!("title: Both\n{roles}steps:\n{}{}", step("left"), step("right")));
    world.trust();
    world.callboard(&["run", "both", "--detach"]).ok("the start");
    let collided = || run(&world)["collisions"].as_array().filter(|it| !it.is_empty()).cloned();
    let told = wait_for("the collision", COMMAND_LIMIT, collided, || world.story());
    assert_eq!((told.len(), &told[0]["sure"], &told[0]["path"]), (1, &json!(true), &json!("shared.txt")), "{told:?}");
    let all = leases(&world, "both at work", |all| all.len() == 2);
    assert!(all.iter().all(|it| it.ends_with("said")), "{all:?}");
    world.callboard(&["cancel", "r1"]).ok("the end");
}

/// Promise 8: what a step's context brings into its prompt, and what was left out, is in what was sent.
#[test]
fn a_step_is_given_changes_files_and_results_within_its_budget() {
    let world = speakers();
    let file = world.workspace().join("shared.txt");
    let text = format!(
        "title: Given
roles:
  left: {{ prefer: [left], access: write }}
  right: {{ prefer: [right] }}
steps:
  - {{ id: edit, role: left, prompt: '[[write {}|three]]' }}
  - id: tell
    needs: [edit]
    role: right
    prompt: '[[say Told.]]'
    budget: 100
    context:
      - result: edit
      - changes: edit
      - files: \"['plan.txt:2', 'nowhere.txt', 'long.txt']\"
",
        file.display()
    );
    world.workflow("given", &text);
    world.write("long.txt", &"a line that takes room\n".repeat(100));
    world.trust();
    world.callboard(&["run", "given"]).ok("the run");
    let said = world.callboard(&["channel", "show", "--json"]).ok("the channel").json();
    let told = said.iter().find(|it| it["text"] == "Told.").expect("the answer");
    let sent = world.callboard(&["channel", "sent", told["id"].as_str().expect("an id")]).ok("what was sent").stdout;
    for part in [
        "## Result of edit",
        "## Changes since edit began",
        "-one",
        "## plan.txt:2",
        "2  second",
        "nowhere.txt: there is no such file",
        "of 100 tokens. Left out:",
        "long.txt: ",
        "of 100 lines",
    ] {
        assert!(sent.contains(part), "{part:?} is missing in\n{sent}");
    }
    assert!(!sent.contains("third"), "only the lines that were named: {sent}");
}
