//! The four patterns by the built-in workflows, with the real programs in the roles, mixed, and real edits on the disk.
//!
//! What the models say is given by rules on the words of the workflows' own prompts.

use serde_json::{Value, json};

use crate::support::{Cli, World, world};

/// Returns the directive that hands a result in.
fn hand_in(result: &Value) -> String {
    format!("[[tool callboard/submit_result {}]]", json!({ "result": result }))
}

fn review(verdict: &str, findings: &[Value]) -> String {
    hand_in(&json!({ "kind": "review", "verdict": verdict, "summary": verdict, "findings": findings }))
}

fn change(summary: &str, fixed: &[&str]) -> String {
    hand_in(&json!({ "kind": "change", "summary": summary, "fixed": fixed }))
}

fn finding(id: Option<&str>, text: &str, path: &str, line: u32, code: Option<&str>) -> Value {
    let mut finding = json!({ "severity": "error", "text": text, "place": { "path": path, "line": line } });
    for (name, value) in [("id", id), ("code", code)] {
        if let Some(value) = value {
            finding[name] = value.into();
        }
    }
    finding
}

/// Runs a built-in workflow to its end, every pause approved, and returns the run.
#[track_caller]
fn run(world: &World, workflow: &str, args: &[&str]) -> Value {
    let ran = world.e2e.callboard(&[&["run", workflow, "--yes"], args].concat());
    assert!(ran.code == Some(0), "{}{}\n{}\n{:#?}", ran.stdout, ran.stderr, world.e2e.story(), world.prompts());
    world.e2e.callboard(&["runs", "--json"]).ok("runs").json().pop().expect("a run")
}

fn step<'a>(run: &'a Value, id: &str) -> &'a Value {
    let steps = run["steps"].as_array().expect("steps");
    steps.iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no step {id}: {run:#}"))
}

/// Returns which programs did the turns of a run, in order.
fn players(world: &World) -> Vec<String> {
    let authors =
        world.messages().into_iter().filter(|it| it["author"]["kind"] == "agent" || it["author"]["name"].is_string());
    authors.filter_map(|it| it["author"]["name"].as_str().map(str::to_owned)).collect()
}

/// What each turn used is added up by step, by run, by agent and by channel; what money it was is known of Claude Code alone.
fn used(world: &World, run: &Value, id: &str) {
    let tokens = |it: &Value| it["usage"]["tokens"].as_u64().unwrap_or_default();
    let whole = tokens(run);
    // Of a loop's steps those of the last round are shown.
    assert!((1..whole).contains(&tokens(step(run, "review"))), "{run:#}");
    let agents = world.e2e.callboard(&["agents", "--json"]).ok("agents").json();
    let of = |name: &str| agents.iter().find(|it| it["info"]["name"] == name).expect("the agent");
    assert_eq!(tokens(of("claude")) + tokens(of("codex")), whole, "{agents:#?}");
    assert!(of("claude")["usage"]["microDollars"].is_u64(), "{:#}", of("claude"));
    assert!(of("codex")["usage"]["microDollars"].is_null(), "{:#}", of("codex"));
    let channels = world.e2e.callboard(&["channel", "list", "--json"]).ok("channel list").json();
    assert_eq!(channels.iter().map(tokens).sum::<u64>(), whole, "{channels:#?}");
    let shown = world.e2e.callboard(&["show", id]).ok("show").stdout;
    assert!(shown.contains("tokens"), "{shown}");
}

#[test]
fn review_fix_with_claude_reviewing_and_codex_fixing_until_it_is_approved() {
    let Some(world) = world() else { return };
    world.e2e.write("src/retry.txt", "wait: never\nstop: never\n");
    let again = finding(Some("f2"), "it never stops", "src/retry.txt", 2, None);
    world.script(
        Cli::Claude,
        &["Review `src`"],
        &[&format!(
            "[[read src/retry.txt]] {} [[say I looked]]",
            review(
                "changes_requested",
                &[
                    finding(None, "it never waits", "src/retry.txt", 1, None),
                    finding(None, "it never stops", "src/retry.txt", 2, None),
                ],
            )
        )],
    );
    world.script(
        Cli::Claude,
        &["of the review of `src`"],
        &[
            &format!("{} [[say one still stands]]", review("changes_requested", &[again])),
            &format!("{} [[say it is well]]", review("approved", &[])),
        ],
    );
    world.script(
        Cli::Codex,
        &["Act on these findings"],
        &[
            &format!(
                "[[edit src/retry.txt|wait: never|wait: a second]] {} [[say one of two]]",
                change("It waits now.", &["f1"])
            ),
            &format!(
                "[[edit src/retry.txt|stop: never|stop: after five]] {} [[say both]]",
                change("It stops now.", &["f2"])
            ),
        ],
    );
    let run = run(&world, "review-fix", &["src", "--agent", "reviewer=claude", "--agent", "fixer=codex"]);
    assert_eq!(run["status"]["is"].as_str().or(run["status"].as_str()), Some("approved"), "{run:#}");
    assert_eq!(world.e2e.read("src/retry.txt"), "wait: a second\nstop: after five\n");
    // The reviewer's session goes on over the rounds, and so does the fixer's.
    assert_eq!(world.asked(Cli::Claude).last().map(|it| it.messages), Some(3));
    assert_eq!(world.asked(Cli::Codex).last().map(|it| it.messages), Some(2));
    assert!(world.asked(Cli::Gemini).is_empty());
    // Undo takes all of it back.
    let id = run["id"].as_str().expect("an id");
    used(&world, &run, id);
    world.e2e.callboard(&["undo", id]).ok("undo");
    assert_eq!(world.e2e.read("src/retry.txt"), "wait: never\nstop: never\n");
}

#[test]
fn build_test_with_gemini_building_and_the_projects_own_tests() {
    let Some(world) = world() else { return };
    world.e2e.write("Makefile", "test:\n\t@grep -q '^answer: 42$$' answer.txt\n");
    world.script(
        Cli::Gemini,
        &["The task, in"],
        &[
            &format!("[[write answer.txt|answer: 41\n]] {} [[say built]]", change("I wrote the answer.", &[])),
            &format!("[[edit answer.txt|41|42]] {} [[say mended]]", change("The answer was one too low.", &[])),
        ],
    );
    let run = run(&world, "build-test", &["--input", "task=Find the answer", "--agent", "builder=gemini"]);
    assert_eq!(world.e2e.read("answer.txt").trim_end(), "answer: 42");
    let tests = step(&run, "tests");
    assert_eq!(tests["result"]["verdict"], "passed", "{run:#}");
    let told = world.model.wait_for("the second round", |it| it.prompt.contains("This is round 2"));
    assert!(told.prompt.contains("The tests fail"), "{}", told.prompt);
}

#[test]
fn parallel_specialists_with_three_programs_side_by_side() {
    let Some(world) = world() else { return };
    for (path, text) in [("api/README", "api\n"), ("web/README", "web\n"), ("docs/README", "docs\n")] {
        world.e2e.write(path, text);
    }
    world.e2e.git(&["add", "--all"]);
    world.e2e.git(&["commit", "--quiet", "--message=second"]);
    let endpoint = json!({ "name": "GET /time", "request": "none", "response": "{now: string}", "errors": "none" });
    let contract = json!({ "summary": "It tells the time.", "changed": true, "endpoints": [endpoint] });
    world.script(
        Cli::Codex,
        &["settle the contract"],
        &[&format!("{} [[say settled]]", hand_in(&json!({ "kind": "json", "value": contract })))],
    );
    let part = |path: &str, text: &str, summary: &str| {
        format!("[[write {path}|{text}]] {} [[say done]]", change(summary, &[]))
    };
    world.script(
        Cli::Codex,
        &["Build the backend's part"],
        &[&part("api/time.txt", "serves GET /time", "The backend serves it.")],
    );
    world.script(
        Cli::Claude,
        &["Build the frontend's part"],
        &[&part("web/time.txt", "calls GET /time", "The frontend calls it.")],
    );
    world.script(
        Cli::Gemini,
        &["Write the documents"],
        &[&part("docs/time.txt", "tells of GET /time", "The documents tell of it.")],
    );
    world.script(
        Cli::Claude,
        &["built this side by side"],
        &[&format!("{} [[say they fit]]", review("approved", &[]))],
    );
    let inputs = ["backend_path=api", "frontend_path=web", "docs_path=docs", "task=Tell the time"];
    let args: Vec<&str> = inputs.iter().flat_map(|it| ["--input", it]).collect();
    let run = run(&world, "parallel-specialists", &args);
    for (path, text) in [
        ("api/time.txt", "serves GET /time"),
        ("web/time.txt", "calls GET /time"),
        ("docs/time.txt", "tells of GET /time"),
    ] {
        assert_eq!(world.e2e.read(path).trim_end(), text, "{run:#}");
    }
    // The contract went to all three as data.
    for cli in Cli::ALL {
        assert!(
            world.asked(cli).iter().any(|it| it.prompt.contains("GET /time")),
            "{cli:?} was not given the contract"
        );
    }
    assert!(players(&world).iter().any(|it| it == "gemini"));
}

#[test]
fn investigate_fix_with_a_third_program_that_sends_it_back_once() {
    let Some(world) = world() else { return };
    world.e2e.write("clock.txt", "hour: 25\nminute: 61\n");
    let cause = json!({
        "cause": "Both limits are one too high.", "evidence": "It was read.", "place": "clock.txt:1", "fix": "Lower them.",
        "certainty": "shown",
    });
    world.script(
        Cli::Claude,
        &["Find the cause of this problem"],
        &[&format!("[[read clock.txt]] {} [[say found]]", hand_in(&json!({ "kind": "json", "value": cause })))],
    );
    world.script(
        Cli::Codex,
        &["Its cause, as it was found"],
        &[
            &format!("[[edit clock.txt|hour: 25|hour: 23]] {} [[say fixed]]", change("The hour is right.", &[])),
            &format!(
                "[[edit clock.txt|minute: 61|minute: 59]] {} [[say fixed too]]",
                change("And the minute.", &["f1"])
            ),
        ],
    );
    world.script(
        Cli::Gemini,
        &["Try to show that the problem is still there"],
        &[
            &format!(
                "{} [[say not yet]]",
                review(
                    "changes_requested",
                    &[finding(None, "the minute is still wrong", "clock.txt", 2, Some("still_there"))]
                )
            ),
            &format!("{} [[say gone]]", review("approved", &[])),
        ],
    );
    let run = run(&world, "investigate-fix", &["--input", "problem=The clock shows 25:61"]);
    assert_eq!(world.e2e.read("clock.txt"), "hour: 23\nminute: 59\n");
    assert_eq!(step(&run, "verify")["result"]["verdict"], "approved", "{run:#}");
    // The cause was right, so nobody searched for another.
    assert_eq!(world.asked(Cli::Claude).last().map(|it| it.messages), Some(1));
    let again = world.model.wait_for("the second fix", |it| it.prompt.contains("This problem is not gone yet"));
    assert!(again.prompt.contains("the minute is still wrong"), "{}", again.prompt);
}
