//! What needs no run: agents, workflows, doctor, trust, hub, demo.

use super::{LIMIT, program, world};
use crate::support::World;

#[test]
fn agents_are_listed_with_why_their_state_is_believed_promise_3() {
    let world = world();
    let listed = world.callboard(&["agents"]).ok("callboard agents").stdout;
    assert!(listed.contains("@critic") && listed.contains("it has not been needed yet (hub)"), "{listed}");
    assert!(listed.lines().all(|line| line.chars().count() <= 100), "a line is too long for a page: {listed}");
}

#[test]
fn workflows_are_listed_shown_begun_and_described() {
    let world = world();
    let listed = world.callboard(&["workflows", "list"]).ok("workflows list").stdout;
    assert!(listed.contains("review-fix") && listed.contains("gate"), "{listed}");
    let shown = world.callboard(&["workflows", "show", "gate"]).ok("workflows show").stdout;
    assert!(shown.contains("⏸ gate"), "{shown}");
    assert_eq!(world.callboard(&["workflows", "show", "gate", "--source"]).ok("its source").stdout, super::GATE);
    let begun = world.callboard(&["workflows", "new", "ship-it"]).ok("workflows new").stdout;
    world.workflow("ship-it", &begun);
    let file = world.config().join("workflows/ship-it.yaml");
    let said = world.callboard(&["workflows", "check", &file.to_string_lossy()]).ok("its check").stdout;
    assert_eq!(said, "1 file: 0 errors, 0 warnings\n");
    world.callboard(&["workflows", "new", "Ship It"]).code(2, "a name that can't be");
    let schema = world.callboard(&["workflows", "schema"]).ok("workflows schema");
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).expect("the schema is JSON");
    assert!(schema["properties"]["steps"].is_object(), "{schema}");
}

#[test]
fn the_check_tells_every_error_at_once_with_its_place_and_what_to_do() {
    let world = world();
    let bad = "title: Bad\nroles:\n  reviewer: { prefer: [claude] }\nsteps:\n  - { id: a, role: riewer, result: review, prompt: x }\n\
               \x20 - id: b\n    tool: lint\n    needs: [c]\n    promt: y\n";
    world.write("bad.yaml", bad);
    world.write("good.yaml", super::GATE);
    let ran = world.callboard(&["workflows", "check", "bad.yaml", "good.yaml"]).code(1, "the check");
    for part in ["bad.yaml:5:20", "bad.yaml:8:13", "bad.yaml:9:5", "promt", "= help: ", "^^^^^", "2 files: "] {
        assert!(ran.stdout.contains(part), "no {part:?} in {}", ran.stdout);
    }
    let problems = world.callboard(&["workflows", "check", "bad.yaml", "--json"]).code(1, "for programs").json();
    assert!(problems.len() >= 3, "{problems:?}");
    for it in &problems {
        let problem = &it["problem"];
        assert!(problem["place"]["line"].is_u64() && problem["place"]["column"].is_u64(), "{it}");
        assert!(problem["mend"].as_str().is_some_and(|it| !it.is_empty()), "{it}");
    }
    world.callboard(&["workflows", "check", "none.yaml"]).code(1, "no such file");
    world.callboard(&["workflows", "check"]).code(2, "no file");
}

#[test]
fn the_doctor_says_what_is_missing_and_what_to_do() {
    let world = World::new();
    let ran = world.callboard(&["doctor"]).ok("callboard doctor").stdout;
    for part in ["git", "@lint", "is not trusted", "`callboard trust`"] {
        assert!(ran.contains(part), "no {part:?} in {ran}");
    }
    assert!(world.hub_pid().is_none(), "looking started a hub");
}

#[test]
fn promise_7_trust_is_shown_given_noticed_when_what_it_is_bound_to_changes_and_taken_back() {
    let world = World::new();
    world.write(".callboard/workflows/mine.yaml", super::GATE);
    let shown = world.callboard(&["trust", "--show"]).ok("trust --show").stdout;
    assert!(shown.contains("It is not trusted.") && shown.contains("workflows/mine.yaml"), "{shown}");
    let asked = world.callboard(&["trust"]).code(1, "trust with nobody to ask");
    assert!(asked.stderr.contains("callboard trust --yes"), "{}", asked.stderr);
    world.callboard(&["trust", "--yes"]).ok("trust --yes");
    assert!(world.callboard(&["workflows", "list"]).ok("the list").stdout.contains("mine"));
    world.write(".callboard/workflows/mine.yaml", &super::GATE.replace("Gate", "Gate!"));
    let changed = world.callboard(&["trust", "--show", "--json"]).ok("after a change").json();
    assert_eq!(changed[0]["status"], "changed");
    assert!(!world.callboard(&["workflows", "list"]).ok("the list").stdout.contains("mine"));
    let ran = world.callboard(&["run", "mine"]);
    assert_ne!(ran.code, Some(0));
    assert!(ran.stderr.contains("callboard trust"), "{}", ran.stderr);
    world.callboard(&["trust", "--yes"]).ok("trust again");
    world.callboard(&["trust", "--revoke"]).ok("trust --revoke");
    let ran = world.callboard(&["run", "review-file"]).code(1, "a run with no trust");
    assert!(ran.stderr.contains("not trusted"), "{}", ran.stderr);
}

#[test]
fn the_hub_says_what_it_is_and_ends_when_it_is_told() {
    let world = world();
    assert!(world.callboard(&["hub", "status"]).ok("no hub").stdout.starts_with("No hub runs"));
    assert_eq!(world.callboard(&["hub", "stop"]).ok("none to stop").stdout, "No hub runs for this workspace.\n");
    super::at_the_gate(&world);
    let said = world.callboard(&["hub", "status"]).ok("hub status").stdout;
    assert!(said.contains("live runs  1") && said.contains("trusted    yes"), "{said}");
    let stopped = world.callboard(&["hub", "stop"]).ok("hub stop").stdout;
    assert!(stopped.contains("its runs go on when the next one starts"), "{stopped}");
    let waits = world.callboard(&["inbox"]).ok("the inbox of the next hub").stdout;
    assert!(waits.contains("p1"), "promise 1: the pause is gone: {waits}");
}

#[test]
fn the_demo_runs_with_no_cargo_on_the_path() {
    let world = World::new();
    let bin = world.root().join("bin");
    std::fs::create_dir(&bin).expect("a folder for programs");
    for name in ["git", "sh"] {
        program(&bin.join(name), &format!("PATH='{}' exec {name} \"$@\"", std::env::var("PATH").unwrap_or_default()));
    }
    // The shell of the scripts themselves is found by its path.
    for args in [&["demo", "--yes"][..], &["demo", "--plain", "--yes"]] {
        let mut command = world.command(env!("CARGO_BIN_EXE_callboard"));
        command.env("PATH", &bin).args(args);
        let ran = crate::support::Live::start(command, "callboard demo", true).finish(LIMIT).ok("the demo");
        assert!(ran.stdout.contains("r1 approved") && ran.stdout.contains("--yes approved p1."), "{}", ran.stdout);
        assert_eq!(ran.stderr, "");
    }
    assert!(world.hub_pid().is_none(), "the demo left a hub behind");
}
