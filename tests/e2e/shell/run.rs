//! `run`, `runs`, `show` and how a run's end becomes an exit code.

use super::{GATE, LIMIT, at_the_gate, go, line_with, status, until, world};
use crate::support::World;

#[test]
fn a_run_that_is_approved_ends_with_0_and_says_what_yes_did() {
    let world = world();
    let ran = world.callboard(&["run", "gate", "--yes"]).ok("callboard run --yes");
    assert!(ran.stdout.contains("--yes approved p1."), "{}", ran.stdout);
    assert!(ran.stdout.contains("It got 2 findings."), "{}", ran.stdout);
    assert_eq!(status(&world, "r1"), "done");
    assert_eq!(ran.stderr, "");
}

#[test]
fn promise_2_piped_at_a_pause_it_waits_with_3_and_the_run_stays() {
    let world = world();
    let ran = world.callboard(&["run", "gate"]).code(3, "a run with nobody to ask");
    for part in ["callboard decide p1 approve", "callboard inbox p1", "callboard show r1 --follow", "second is worse"] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    assert!(!ran.stdout.contains('\x1b'), "colour in a pipe: {}", ran.stdout);
    assert_eq!(status(&world, "r1"), "waiting");
    // An end of input is no answer.
    assert_eq!(world.callboard_with_input(&["show", "r1", "--follow"], "approve\n").code, Some(3));
    assert_eq!(status(&world, "r1"), "waiting");
}

#[test]
fn a_run_that_is_rejected_or_stopped_ends_with_1_for_whoever_follows() {
    let world = world();
    for (decision, ended) in [("reject", "rejected"), ("stop", "stopped")] {
        world.callboard(&["run", "gate"]).code(3, "a run at a pause");
        let pause = world.callboard(&["inbox", "--json"]).ok("the inbox").json()[0]["id"].clone();
        let pause = pause.as_str().expect("a pause's id").to_owned();
        world.callboard(&["decide", &pause, decision]).ok("the answer");
        let run = format!("r{}", &pause[1..]);
        let followed = world.callboard(&["show", &run, "--follow"]).code(1, "following it");
        assert!(followed.stdout.contains(&format!("{run} {ended}")), "{}", followed.stdout);
    }
}

#[test]
fn a_wrong_command_ends_with_2_and_starts_nothing() {
    let world = world();
    for (args, said) in [
        (&["run", "nope"][..], "nope"),
        (&["run", "gate", "nope.md"], "nope.md can't be used"),
        (&["run", "gate", ".."], "outside the workspace"),
        (&["run", "gate", "--input", "speed=9"], "gate has no input speed"),
        (&["run", "gate", "--agent", "pilot=critic"], "gate has no role pilot"),
        (&["run", "gate", "--agent", "pilot"], "write ROLE=AGENT"),
        (&["run", "gate", "--yes", "--detach"], "cannot be used with"),
        (&["run", "build-test"], "--input task="),
        (&["run", "review-file", "--agent", "reviewer=nobody"], "there is no agent @nobody"),
        (&["show", "7"], "write r and a number"),
        (&["-C", "notes.md", "runs"], "a workspace is a folder"),
        (&["-C", "nowhere", "runs"], "there is no workspace at"),
    ] {
        let ran = world.callboard(args).code(2, "a wrong command");
        assert!(ran.stderr.contains(said), "{args:?} said {:?}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    }
    let shown = world.callboard(&["runs"]).ok("callboard runs");
    assert!(shown.stdout.starts_with("No runs yet."), "{}", shown.stdout);
}

#[test]
fn what_is_not_there_is_named_with_where_to_look() {
    let world = world();
    for (args, said) in [
        (&["show", "r9"][..], "there is no run r9 in this workspace; `callboard runs` lists them"),
        (&["show", "r9", "--follow"], "there is no run r9"),
        (&["pause", "r9"], "there is no run r9"),
        (&["cancel", "r9"], "there is no run r9"),
        (&["inbox", "p9"], "there is no pause p9 in this workspace; `callboard inbox --all` lists them"),
        (&["decide", "p9", "approve"], "there is no pause p9"),
        (&["channel", "show", "attic"], "there is no channel #attic in this workspace; `callboard channel list`"),
        (&["channel", "sent", "m9"], "there is no message m9"),
        (&["findings", "accept", "f9"], "there is no finding f9"),
        (&["workflows", "show", "nope"], "there is no workflow"),
    ] {
        let ran = world.callboard(args).code(1, "what is not there");
        assert!(ran.stderr.contains(said), "{args:?} said {:?}", ran.stderr);
    }
}

#[test]
fn a_detached_run_is_picked_up_after_its_shell_is_gone() {
    let world = world();
    let started = world.callboard(&["run", "slow", "--detach"]).ok("callboard run --detach");
    assert!(started.stdout.contains("callboard show r1 --follow"), "{}", started.stdout);
    until(&world, "the first turn", &["runs", "--live"], |run| run["id"] == "r1");
    let mut follower = world.spawn(&["show", "r1", "--follow"]);
    line_with(&mut follower, "First");
    go(&world);
    let followed = follower.finish(LIMIT).ok("following it to its end");
    assert!(followed.stdout.contains("r1 done"), "{}", followed.stdout);
    let live = world.callboard(&["runs", "--live"]).ok("callboard runs --live");
    assert_eq!(live.stdout, "No run is going on.\n");
}

#[test]
fn promise_1_a_shell_that_is_killed_takes_no_run_with_it() {
    let world = world();
    let mut shell = world.spawn(&["run", "slow"]);
    line_with(&mut shell, "First");
    shell.signal("KILL");
    shell.finish(LIMIT);
    go(&world);
    let followed = world.callboard(&["show", "r1", "--follow"]).ok("following it afterwards");
    assert!(followed.stdout.contains("r1 done"), "{}", followed.stdout);
}

#[test]
fn promise_1_a_hub_that_is_killed_is_found_again_by_the_watching_shell() {
    let world = world();
    let mut shell = world.spawn(&["run", "slow"]);
    line_with(&mut shell, "First");
    world.kill_hub();
    crate::support::wait_for(
        "the shell's word on it",
        LIMIT,
        || shell.stderr().contains("Connected again").then_some(()),
        || world.story(),
    );
    go(&world);
    let ran = shell.finish(LIMIT).ok("the run over two hubs");
    assert!(ran.stdout.contains("r1 done"), "{}", ran.stdout);
}

#[test]
fn show_has_all_that_a_run_is() {
    let world = world();
    at_the_gate(&world);
    let shown = world.callboard(&["show", "r1"]).ok("callboard show");
    for part in ["r1 waiting", "⏸ Ask", "waits for you", "The first is wrong.", "callboard decide p1", "2 findings"] {
        assert!(shown.stdout.contains(part), "no {part:?} in {}", shown.stdout);
    }
    let all = world.callboard(&["runs"]).ok("callboard runs");
    assert!(all.stdout.contains("r1") && all.stdout.contains("waiting"), "{}", all.stdout);
}

#[test]
fn a_failure_is_a_pause_with_the_reason_and_yes_leaves_it_to_a_person() {
    let world = world();
    world.workflow("breaks", "title: Breaks\nsteps:\n  - { id: it, title: It, tool: broken, result: text }\n");
    let ran = world.callboard(&["run", "breaks", "--yes"]).code(3, "a failure under --yes");
    assert!(ran.stdout.contains("--yes leaves p1 to a person"), "{}", ran.stdout);
    assert!(ran.stdout.contains("callboard decide p1 "), "{}", ran.stdout);
    world.callboard(&["decide", "p1", "skip"]).ok("skipping it");
    world.callboard(&["show", "r1", "--follow"]).ok("the rest");
}

#[test]
fn promise_7_nothing_runs_in_a_folder_that_is_not_trusted() {
    let world = World::new();
    world.write(".callboard/workflows/theirs.yaml", GATE);
    let ran = world.callboard(&["run", "review-file"]).code(1, "a run with no trust");
    assert!(ran.stderr.contains("callboard trust --show"), "{}", ran.stderr);
    let listed = world.callboard(&["workflows", "list"]).ok("the list");
    assert!(!listed.stdout.contains("theirs"), "{}", listed.stdout);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let world = world();
    let mut command = world.command("sh");
    command.args(["-c", "\"$0\" workflows schema | head -1; \"$0\" agents | head -1", env!("CARGO_BIN_EXE_callboard")]);
    let ran = crate::support::Live::start(command, "sh", true).finish(LIMIT).ok("two heads");
    assert_eq!(ran.stderr, "");
    assert!(ran.stdout.starts_with("{\n"), "{}", ran.stdout);
}
