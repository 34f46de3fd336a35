//! Turns by each program's structured driver: answers, edits, sessions that outlive the hub, permissions, interrupts.

use std::{fs, path::PathBuf};

use crate::{
    e2e::{COMMAND_LIMIT, processes, wait_for},
    support::{Cli, World, each, world},
};

each!(
    a_turn_an_edit_and_a_session_that_goes_on_after_the_hub_was_killed,
    a_session_that_its_program_has_lost_is_begun_anew_and_that_is_said,
    promise_1_a_session_and_a_turn_go_on_after_the_machine_lost_its_power,
    promise_2_a_command_is_run_when_a_person_allows_it_and_not_when_they_deny_it,
    a_part_that_only_reads_writes_nothing_and_runs_nothing,
    promise_6_an_interrupt_ends_the_turn_and_what_its_tools_have_started,
    promise_6_what_tools_have_started_ends_with_the_hub,
);

fn a_turn_an_edit_and_a_session_that_goes_on_after_the_hub_was_killed(cli: Cli) {
    let Some(world) = world() else { return };
    assert_eq!(world.ask(cli, "[[say hello there]]"), "hello there");
    // Who may write edits files in its folder without being asked.
    world.ask(cli, &world.write(cli, "made.txt", "by it"));
    assert_eq!(world.e2e.read("made.txt").trim_end(), "by it");
    kept(&world, "made.txt");
    world.e2e.kill_hub();
    assert_eq!(world.ask(cli, "and now?"), "answer 3", "its session was not resumed");
    let last = world.asked(cli).pop().expect("a request");
    assert_eq!(last.messages, 3, "its session was not resumed: {:#}", last.body);
}

fn a_session_that_its_program_has_lost_is_begun_anew_and_that_is_said(cli: Cli) {
    let Some(world) = world() else { return };
    assert_eq!(world.ask(cli, "[[say the first]]"), "the first");
    kept(&world, "[[say the first]]");
    world.e2e.kill_hub();
    for path in sessions(&world) {
        std::fs::remove_file(&path).expect("the file of a session");
    }
    assert_eq!(world.ask(cli, "and now?"), "answer 1");
    let last = world.asked(cli).pop().expect("a request");
    assert_eq!(last.messages, 1, "{:#}", last.body);
    // It is given what was said in the channel, and the channel says that it has begun anew.
    assert!(last.prompt.contains("the first"), "it was not told: {}", last.prompt);
    world.message("could not be gone on with");
    // The new one goes on.
    assert_eq!(world.ask(cli, "and now?"), "answer 2");
}

fn promise_1_a_session_and_a_turn_go_on_after_the_machine_lost_its_power(cli: Cli) {
    let Some(world) = world() else { return };
    if !world.e2e.switch_on() {
        return;
    }
    assert_eq!(world.ask(cli, "[[say the first]]"), "the first");
    kept(&world, "[[say the first]]");
    let asking = world.begin(cli, "[[hold]] [[say in the end]]");
    world.model.wait_for("the prompt", |it| it.prompt.contains("[[hold]]"));
    world.e2e.lose_power();
    drop(asking);

    assert!(world.e2e.switch_on());
    // The turn that was lost is begun again by the hub that starts, whoever starts it, and in its session.
    world.e2e.callboard(&["agents"]).ok("agents");
    world.model.wait_for_count("the prompt, once more", 3);
    world.model.release();
    let is_it = |it: &serde_json::Value| {
        it["author"]["is"] == "agent" && it["text"].as_str().is_some_and(|it| it.ends_with("in the end"))
    };
    let told = || world.messages().into_iter().find(is_it);
    wait_for("the answer", COMMAND_LIMIT, told, || world.e2e.story());
    world.ask(cli, "and now?");
    let last = world.asked(cli).pop().expect("a request");
    assert!(last.messages >= 3, "its session was not resumed: {:#}", last.body);
    let messages = world.messages();
    let anew = |it: &serde_json::Value| it["text"].as_str().is_some_and(|it| it.contains("could not be gone on with"));
    assert!(!messages.iter().any(anew), "{messages:#?}");
}

/// Of the three, those that can start a session from another agent's.
#[test]
fn a_fork_knows_what_was_said_and_leaves_the_other_session_as_it_is() {
    for cli in [Cli::Claude, Cli::Codex] {
        let Some(world) = world() else { return };
        assert_eq!(world.ask(cli, "[[say the first]]"), "the first");
        world.e2e.callboard(&["agents", "fork", cli.name()]).ok("agents fork");
        let other = format!("{}-2", cli.name());
        world.says(world.begin_to(&other, "and you?"), "");
        let last = world.asked(cli).pop().expect("a request");
        assert_eq!(last.messages, 2, "{cli:?} does not know what was said: {:#}", last.body);
        assert_eq!(world.ask(cli, "and now?"), "answer 2", "the session itself was gone on with");
        world.says(world.begin_to(&other, "and then?"), "");
        assert_eq!(world.asked(cli).pop().expect("a request").messages, 3);
    }
    let Some(world) = world() else { return };
    world.ask(Cli::Gemini, "[[say the first]]");
    let ran = world.e2e.callboard(&["agents", "fork", "gemini"]);
    assert!(ran.code != Some(0) && ran.stderr.contains("can't be forked"), "{}", ran.stderr);
}

/// Waits until a program has written down that this was said: it does so a moment after it has told the end of a turn.
pub fn kept(world: &World, text: &str) {
    let is_kept = || {
        let has = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|it| it.contains(text));
        sessions(world).iter().any(has).then_some(())
    };
    wait_for("the session on the disk", COMMAND_LIMIT, is_kept, || format!("{:?}", sessions(world)));
}

/// Returns the files in which the programs keep their sessions.
fn sessions(world: &World) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(world.e2e.home().join(".claude/projects"), true), (world.e2e.state(), false)];
    while let Some((folder, theirs)) = folders.pop() {
        for path in fs::read_dir(&folder).into_iter().flatten().flatten().map(|it| it.path()) {
            if path.is_dir() {
                let theirs = theirs || path.file_name().is_some_and(|it| it == "agents");
                folders.push((path, theirs));
            } else if theirs && path.extension().is_some_and(|it| it == "jsonl" || it == "json") {
                found.push(path);
            }
        }
    }
    found.retain(|it| it.file_name().is_some_and(|it| it.to_string_lossy().contains('-')));
    found
}

fn promise_2_a_command_is_run_when_a_person_allows_it_and_not_when_they_deny_it(cli: Cli) {
    let Some(world) = world() else { return };
    let asking = world.begin(cli, "[[bash touch allowed.txt]] [[say done]]");
    let pause = world.pause();
    assert_eq!(pause["kind"], "permission", "{pause:#}");
    let shown = world.document(&pause);
    assert!(shown.contains("touch allowed.txt"), "{shown}");
    world.state_of(cli, "waitingForPermission");
    world.decide(&pause, &["approve"]);
    world.says(asking, "done");
    world.made("allowed.txt");

    let asking = world.begin(cli, "[[bash touch denied.txt]] [[say what a pity]]");
    let pause = world.pause();
    world.decide(&pause, &["reject", "--text", "leave it"]);
    asking.finish(COMMAND_LIMIT).ok("the turn");
    if cli != Cli::Gemini {
        // By the tool's own answer, or as the developer's word to the turn. The protocol of Gemini has no room for a reason.
        world.model.wait_for("the reason", |it| it.body.to_string().contains("leave it"));
    }
    assert!(!world.e2e.workspace().join("denied.txt").exists());
}

/// A workflow with one part that only reads.
const READS: &str = "title: Reads\ncategory: review\ninputs: {text: {type: text}}\nroles:\n  reader: {prefer: [claude]}\n\
    steps:\n  - {id: look, role: reader, result: text, prompt: '{{ inputs.text }}'}\n";

fn a_part_that_only_reads_writes_nothing_and_runs_nothing(cli: Cli) {
    let Some(world) = world() else { return };
    world.e2e.write("here.txt", "what is here");
    world.e2e.workflow("reads", READS);
    let (role, path) = (format!("reader={}", cli.name()), world.path("here.txt"));
    let script = format!(
        "[[read {path}]] {} [[bash touch ran.txt]] [[say looked]]",
        world.write(cli, "written.txt", "something")
    );
    let (text, tries) = (format!("text=please look: {script}"), "[[say nothing more]]");
    world.e2e.callboard(&["run", "reads", "--agent", &role, "--input", &text, "--yes"]).ok("the run");
    for file in ["written.txt", "ran.txt"] {
        assert!(!world.e2e.workspace().join(file).exists(), "{file} was made by a part that only reads");
    }
    // Nobody is asked for what the part may not do anyway.
    assert!(world.e2e.callboard(&["inbox", "--json"]).ok("inbox").json().is_empty());
    // And it may again in a turn that writes, in the same session.
    world.ask(cli, &format!("{} {tries}", world.write(cli, "after.txt", "it")));
    assert_eq!(world.e2e.read("after.txt").trim_end(), "it");
}

/// The processes of a world that sleep for this odd time.
fn sleepers(world: &World, seconds: u32) -> usize {
    let sleeps = format!("sleep {seconds}");
    processes::of(world.e2e.root()).iter().filter(|it| it.command_line().ends_with(&sleeps)).count()
}

/// Has it run a command that leaves a child behind and waits, and returns when both are there.
fn busy(world: &World, cli: Cli, seconds: u32) -> crate::e2e::Live {
    let asking = world.begin(cli, &format!("[[bash sleep {seconds} & sleep {seconds}; wait]] [[say in the end]]"));
    allowed(world, seconds);
    asking
}

fn allowed(world: &World, seconds: u32) {
    let pause = world.pause();
    world.decide(&pause, &["approve"]);
    let both = || (sleepers(world, seconds) >= 2).then_some(());
    wait_for("the command's children", COMMAND_LIMIT, both, || world.e2e.story());
}

fn none_left(world: &World, seconds: u32) {
    let none = || (sleepers(world, seconds) == 0).then_some(());
    wait_for("the end of the command's children", COMMAND_LIMIT, none, || world.e2e.story());
}

fn promise_6_an_interrupt_ends_the_turn_and_what_its_tools_have_started(cli: Cli) {
    let Some(world) = world() else { return };
    // While it streams: by the protocol, so that its process and its session go on.
    let asking = world.begin(cli, "[[hold]] [[say in the end]]");
    world.model.wait_for("the prompt", |it| it.prompt.contains("[[hold]]"));
    world.e2e.callboard(&["pause", "--interrupt"]).ok("pause --interrupt");
    let claim = world.state_of(cli, "idle");
    assert_eq!(claim["source"], "protocol", "{claim:#}");
    world.e2e.callboard(&["resume"]).ok("resume");
    // Gemini takes a prompt that was stopped out of its session again.
    let again =
        |it: &crate::mock_model::Seen| it.prompt.contains("[[hold]]") && (it.messages == 2 || cli == Cli::Gemini);
    world.model.wait_for_count("the prompt, once more", 2);
    world.model.wait_for("the prompt in its session", again);
    world.model.release();
    world.says(asking, "in the end");

    // While a tool runs.
    let asking = busy(&world, cli, 4_321);
    world.e2e.callboard(&["pause", "--interrupt"]).ok("pause --interrupt");
    none_left(&world, 4_321);
    drop(asking);
}

fn promise_6_what_tools_have_started_ends_with_the_hub(cli: Cli) {
    let Some(world) = world() else { return };
    let asking = busy(&world, cli, 4_322);
    world.e2e.callboard(&["hub", "stop"]).ok("hub stop");
    none_left(&world, 4_322);
    drop(asking);
    // The turn is taken up again by the next hub, and asks again. Killed, that one ends nothing: the one after it does.
    allowed(&world, 4_322);
    world.e2e.kill_hub();
    world.e2e.callboard(&["runs"]).ok("runs");
    none_left(&world, 4_322);
}
