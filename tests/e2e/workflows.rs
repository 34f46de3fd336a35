//! The commands about workflows, by the real binary: a dry run starts nothing, what a run did becomes a workflow that runs, a run
//! can be drawn.

use std::fs;

use crate::support::World;

const TOOL: &str =
    "name: NAME\ntitle: Scripted\ndriver: tool\ncommand: [/bin/sh, SCRIPT]\naccess: write\ngood-for: [review]\n";

/// A world in which @claude and @tests give the same answer at every turn, and leave a mark when they are started.
fn world() -> World {
    let world = World::with_files(&[("src/lib.txt", "one\ntwo\n")]);
    let answers = [
        ("claude", r#"{"kind": "review", "verdict": "approved", "summary": "Good."}"#),
        ("codex", r#"{"kind": "change", "summary": "Nothing to do."}"#),
        ("tests", r#"{"kind": "tests", "verdict": "passed", "summary": "1 passed", "passed": 1}"#),
    ];
    for (name, answer) in answers {
        let script = world.root().join(format!("{name}.sh"));
        let mark = world.root().join(format!("{name}.started"));
        fs::write(&script, format!("touch '{}'\nprintf '%s' '{answer}' > \"$4\"\n", mark.display())).expect("a script");
        world.profile(name, &TOOL.replace("NAME", name).replace("SCRIPT", &script.display().to_string()));
    }
    world
}

fn was_started(world: &World, name: &str) -> bool {
    world.root().join(format!("{name}.started")).exists()
}

#[test]
fn a_dry_run_prints_every_prompt_and_starts_nothing() {
    let world = world();
    let ran =
        world.callboard(&["workflows", "dry-run", "review-fix", "src", "--input", "focus=races"]).ok("the dry run");
    for part in [
        "reviewer → @claude",
        "fixer → @codex",
        "Review `src` as the senior engineer",
        "Look above all at this: races",
        "until review.verdict == \"approved\"",
        "asks after 4 rounds",
        "The reviewer asks for changes in `src`.",
        "‹a finding of review›",
        "It stops and asks after 20 turns",
    ] {
        assert!(ran.stdout.contains(part), "{part:?} is missing in\n{}", ran.stdout);
    }
    let json = world.callboard(&["workflows", "dry-run", "build-feature", "--json", "--agent", "builder=codex"]);
    let steps = json.ok("the dry run").json().remove(0)["steps"].as_array().expect("steps").clone();
    let ids: Vec<&str> = steps.iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(ids, ["plan", "approve", "rounds", "build", "tests", "review"]);
    assert!(steps[3]["prompt"].as_str().expect("a prompt").contains("> ‹task›"), "{:#}", steps[3]);
    assert_eq!(world.hub_pid(), None, "a dry run needs no hub");
    assert!(!["claude", "codex", "tests"].iter().any(|it| was_started(&world, it)), "an agent was started");
}

#[test]
fn a_dry_run_says_who_is_missing_and_what_is_wrong() {
    let world = world();
    let ran =
        world.callboard(&["workflows", "dry-run", "review-fix", "--agent", "fixer=nobody"]).code(1, "the dry run");
    assert!(ran.stdout.contains("there is no agent @nobody"), "{}", ran.stdout);
    world.callboard(&["workflows", "dry-run", "review-fix", "--input", "nothing=1"]).code(2, "an unknown input");
    world.workflow("bad", "title: Bad\nsteps:\n  - { id: a, tool: tests, when: b.verdict }\n");
    let ran = world.callboard(&["workflows", "dry-run", "bad"]).code(1, "a workflow with errors");
    assert!(ran.stdout.contains("there is no `b` here"), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn what_a_run_did_becomes_a_workflow_that_runs() {
    let world = world();
    world.callboard(&["run", "review-fix", "src", "--yes", "--agent", "fixer=codex"]).ok("the first run");
    assert!(was_started(&world, "claude"));
    let text = world.callboard(&["workflows", "new", "mine", "--from", "r1"]).ok("the workflow").stdout;
    assert!(text.starts_with("# What r1 of review-fix did"), "{text}");
    world.workflow("mine", &text);
    let file = world.config().join("workflows/mine.yaml");
    let checked = world.callboard(&["workflows", "check", &file.display().to_string()]).ok("the check");
    assert!(checked.stdout.contains("0 errors, 0 warnings"), "{}", checked.stdout);
    world.callboard(&["run", "mine", "--yes"]).ok("the second run");
    let run = world.callboard(&["runs", "--json"]).ok("runs").json().pop().expect("a run");
    assert_eq!((&run["workflow"], &run["status"]), (&"mine".into(), &"approved".into()), "{run:#}");
    assert_eq!((&run["inputs"]["path"], &run["roles"]["fixer"]), (&"src".into(), &"codex".into()), "{run:#}");
    world.callboard(&["workflows", "new", "mine", "--from", "r9"]).code(1, "a run that is not there");
}

/// Keeps its request and says that it heard.
const ECHO: &str = r#"cp "$2" "ROOT/NAME.$$.json"; printf '{"kind":"text","text":"NAME heard it"}' > "$4""#;

#[test]
fn what_was_done_in_a_thread_becomes_a_workflow_that_runs() {
    let world = World::with_files(&[("src/lib.txt", "one\ntwo\n")]);
    let profile = "name: NAME\ntitle: Scripted\ndriver: tool\ncommand: [/bin/sh, SCRIPT]\naccess: read\n";
    for name in ["finder", "mender"] {
        let script = world.root().join(format!("{name}.sh"));
        let text = ECHO.replace("NAME", name).replace("ROOT", &world.root().display().to_string());
        fs::write(&script, text).expect("a script");
        world.profile(name, &profile.replace("NAME", name).replace("SCRIPT", &script.display().to_string()));
    }
    world.trust();
    let post = |args: &[&str]| world.callboard(&[&["channel", "post", "--wait"], args].concat()).ok("a post");
    post(&["@finder where is `two` in src/lib.txt?"]);
    post(&["--thread", "m1", "@mender make `two` a three"]);
    let text = world.callboard(&["workflows", "new", "mine", "--from", "m1"]).ok("the workflow").stdout;
    for part in
        ["default: src/lib.txt", "default: two", "tool: finder", "pause:", "needs: [look_1]", "{{ finder_1.text }}"]
    {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    world.workflow("mine", &text);
    let file = world.config().join("workflows/mine.yaml");
    let checked = world.callboard(&["workflows", "check", &file.display().to_string()]).ok("the check");
    assert!(checked.stdout.contains("0 errors, 0 warnings"), "{}{text}", checked.stdout);
    world.callboard(&["run", "mine", "--yes", "--input", "name=zwei"]).ok("the run");
    let run = world.callboard(&["runs", "--json"]).ok("runs").json().pop().expect("a run");
    assert_eq!((&run["status"], &run["turns"]), (&"done".into(), &2.into()), "{run:#}");
    let sent = world.callboard(&["show", "r1", "--json"]).ok("show").stdout;
    assert!(sent.contains("mender heard it"), "{sent}");
    let told = fs::read_dir(world.root()).expect("the folder").filter_map(Result::ok);
    let told: Vec<String> = told
        .filter(|it| {
            it.file_name().to_string_lossy().starts_with("mender.")
                && it.path().extension().is_some_and(|it| it == "json")
        })
        .map(|it| fs::read_to_string(it.path()).expect("a request"))
        .collect();
    assert!(told.iter().any(|it| it.contains("make `zwei` a three") && it.contains("finder heard it")), "{told:?}");
    world.callboard(&["workflows", "new", "mine", "--from", "m99"]).code(1, "a message that is not there");
}

#[test]
fn a_copy_of_a_template_keeps_its_comments() {
    let world = world();
    let text = world.callboard(&["workflows", "new", "mine", "--from", "review-panel"]).ok("the copy").stdout;
    assert!(text.contains("# The review panel:"), "{text}");
    let ran = world.callboard(&["workflows", "new", "mine", "--from", "reviewpanel"]).code(1, "a slip");
    assert!(ran.stderr.contains("review-panel"), "{}", ran.stderr);
}

#[test]
fn a_run_is_drawn_with_its_states() {
    let world = world();
    world.callboard(&["run", "review-fix", "--yes"]).ok("the run");
    let text = world.callboard(&["show", "r1", "--graph"]).ok("the graph").stdout;
    for part in [
        "flowchart TD",
        "subgraph s_rounds",
        "s_review[\"Review<br>@claude<br>approved",
        ":::left",
        "s_review -.-> s_approve",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}
