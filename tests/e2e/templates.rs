//! The ten built-in workflows, each run to its end by the real binary: its roles played by scripted programs, its loop taken
//! at least twice where it has one.
//!
//! A scripted agent gives the answers of a list, one a turn, and keeps what it was sent. What it gives is judged by the same
//! code as a real agent's result.

use serde_json::{Value, json};

use crate::support::{Ran, World};

/// What each turn of a scripted agent does: take the next answer, keep the request, and do what the answer's script says.
const SCRIPT: &str = r#"#!/bin/sh
set -eu
here=$1; request=$3; result=$5
n=$(ls "$here" | grep -c '^request' || true); n=$((n + 1))
cp "$request" "$here/request-$n.json"
cp "$here/answer-$n.json" "$result"
"#;

/// A world with a small project in it, and agents that do as they are told.
pub struct Stage {
    pub world: World,
}

impl Stage {
    pub fn new() -> Self {
        Self { world: World::with_files(&[("src/lib.txt", "one\ntwo\nthree\nfour\n"), ("README.md", "# A project\n")]) }
    }

    /// Adds an agent that gives these answers in order. A turn more than there are answers is a crash.
    pub fn agent(&self, name: &str, answers: &[Value]) {
        let here = self.world.root().join("answers").join(name);
        std::fs::create_dir_all(&here).expect("a folder");
        for (index, answer) in answers.iter().enumerate() {
            std::fs::write(here.join(format!("answer-{}.json", index + 1)), answer.to_string()).expect("an answer");
        }
        let script = self.world.root().join("answers/agent.sh");
        std::fs::write(&script, SCRIPT).expect("the script");
        let command = json!(["/bin/sh", script, here]);
        self.world.profile(
            name,
            &format!(
                "name: {name}\ntitle: Scripted\ndriver: tool\ncommand: {command}\naccess: write\ngood-for: [review]\n"
            ),
        );
    }

    /// Runs a workflow to its end, every pause approved.
    pub fn run(&self, workflow: &str, args: &[&str]) -> Ran {
        let mut all = vec!["run", workflow, "--yes"];
        all.extend(args);
        self.world.callboard(&all)
    }

    /// Returns the prompts that an agent was given, in order.
    pub fn prompts(&self, name: &str) -> Vec<String> {
        let here = self.world.root().join("answers").join(name);
        let read = |n: usize| std::fs::read_to_string(here.join(format!("request-{n}.json"))).ok();
        let texts = (1..).map_while(read);
        let prompt = |text: String| {
            serde_json::from_str::<Value>(&text).expect("JSON")["prompt"].as_str().expect("text").to_owned()
        };
        texts.map(prompt).collect()
    }

    /// Returns the last run as programs see it.
    pub fn last_run(&self) -> Value {
        self.world.callboard(&["runs", "--json"]).ok("runs").json().pop().expect("a run")
    }

    /// Returns a step of the last run.
    pub fn step(&self, id: &str) -> Value {
        let run = self.last_run();
        let steps = run["steps"].as_array().expect("steps").clone();
        steps.into_iter().find(|it| it["id"] == id).unwrap_or_else(|| panic!("no step {id} in {run}"))
    }

    #[track_caller]
    pub fn assert_ended(&self, status: &str, rounds: u64) {
        let run = self.last_run();
        assert_eq!(run["status"], status, "{run:#}");
        let most = run["steps"].as_array().expect("steps").iter().filter_map(|it| it["round"].as_u64()).max();
        assert_eq!(most.unwrap_or(0), rounds, "{run:#}");
    }
}

pub fn finding(severity: &str, line: u32, text: &str) -> Value {
    json!({ "place": { "path": "src/lib.txt", "line": line }, "severity": severity, "text": text })
}

fn known(id: &str, line: u32, text: &str) -> Value {
    json!({ "id": id, "place": { "path": "src/lib.txt", "line": line }, "severity": "warning", "text": text })
}

pub fn review(findings: &[Value]) -> Value {
    let verdict = if findings.is_empty() { "approved" } else { "changes_requested" };
    json!({ "kind": "review", "verdict": verdict, "summary": "Looked.", "findings": findings })
}

pub fn change(summary: &str) -> Value {
    json!({ "kind": "change", "summary": summary, "files": ["src/lib.txt"] })
}

fn passed() -> Value {
    json!({ "kind": "tests", "verdict": "passed", "summary": "3 passed", "passed": 3 })
}

fn failed(name: &str) -> Value {
    let failure = json!({ "name": name, "message": "left: 1, right: 2" });
    json!({ "kind": "tests", "verdict": "failed", "summary": "1 failed", "passed": 2, "failed": 1, "failures": [failure] })
}

fn none() -> Value {
    json!({ "kind": "tests", "verdict": "none", "summary": "no test ran" })
}

fn plan(summary: &str) -> Value {
    json!({ "kind": "plan", "summary": summary, "steps": ["Add the flag.", "Test it."] })
}

const WRONG: &str = "The second line is `two` and must be `too`.";

#[test]
fn review_file_reports_and_changes_nothing() {
    let stage = Stage::new();
    stage.agent("claude", &[review(&[finding("warning", 2, WRONG)])]);
    stage.run("review-file", &["src"]).ok("the run");
    stage.assert_ended("done", 0);
    assert!(stage.prompts("claude")[0].starts_with("Review `src` as the senior engineer"));
    assert_eq!(stage.world.callboard(&["findings", "--json"]).ok("findings").json().len(), 1);
}

#[test]
fn review_fix_goes_round_until_the_reviewer_approves() {
    let stage = Stage::new();
    stage.agent("claude", &[review(&[finding("warning", 2, WRONG)]), review(&[])]);
    stage.agent("codex", &[change("Wrote too.")]);
    stage.agent("tests", &[passed(), passed()]);
    let ran = stage.run("review-fix", &[]).ok("the run");
    stage.assert_ended("approved", 2);
    assert!(ran.stdout.contains("in the project"), "{}", ran.stdout);
    assert!(stage.prompts("claude")[1].contains("Wrote too."));
    assert_eq!(stage.prompts("codex").len(), 1);
}

/// Promise 5: a fixer is not asked again for what it declined and the reviewer insists on; that is the person's.
#[test]
fn review_fix_does_not_run_the_fixer_on_what_is_left_to_the_person() {
    let stage = Stage::new();
    stage.agent("claude", &[review(&[finding("warning", 2, WRONG)]), review(&[known("f1", 2, WRONG)])]);
    let declined = json!({ "kind": "change", "summary": "It is right.", "declined": [{ "finding": "f1", "reason": "It is a number." }] });
    stage.agent("codex", &[declined]);
    stage.agent("tests", &[passed(), passed()]);
    let ran = stage.run("review-fix", &[]).code(3, "what is left is the person's, whatever --yes says");
    assert!(ran.stdout.contains("the loop gets no further"), "{}", ran.stdout);
    let pause = stage.world.callboard(&["inbox", "--json"]).ok("inbox").json().pop().expect("a pause");
    stage.world.callboard(&["decide", pause["id"].as_str().expect("an id"), "approve"]).ok("the person's word");
    stage.world.callboard(&["show", "r1", "--follow"]).ok("the rest");
    stage.assert_ended("approved", 2);
    assert_eq!(stage.prompts("codex").len(), 1, "the fixer ran again with nothing to act on");
    assert_eq!(stage.step("fix")["status"], "skipped");
}

#[test]
fn review_panel_merges_agreement_and_the_chair_throws_out_what_does_not_hold() {
    let stage = Stage::new();
    let also = "The second line says `two` where it must be `too`.";
    let stray = "Nobody reads the fourth line.";
    stage.agent("claude", &[review(&[finding("warning", 2, WRONG)]), review(&[finding("warning", 2, WRONG)])]);
    stage.agent("codex", &[review(&[finding("error", 2, also)])]);
    stage.agent("gemini", &[review(&[finding("warning", 4, stray)])]);
    stage.run("review-panel", &[]).ok("the run");
    stage.assert_ended("done", 0);
    let findings = stage.world.callboard(&["findings", "--all", "--json"]).ok("findings").json();
    assert_eq!(findings.len(), 2, "{findings:#?}");
    let of =
        |text: &str| findings.iter().find(|it| it["text"].as_str().expect("text").contains(text)).expect("a finding");
    let agreed = of("second line");
    assert_eq!(agreed["severity"], "error", "the graver word counts: {agreed}");
    assert!(agreed["sources"].as_array().expect("sources").len() >= 2, "{agreed}");
    assert_eq!(agreed["state"]["is"], "open");
    assert_eq!(of("fourth line")["state"]["is"], "fixed");
    let chair = stage.prompts("claude").pop().expect("the chair's prompt");
    assert!(chair.contains("reported by @") && chair.contains(stray), "{chair}");
    assert_eq!(chair.matches("second line").count(), 1, "agreement is listed once\n{chair}");
}

#[test]
fn build_feature_builds_the_plan_and_goes_round_until_it_holds() {
    let stage = Stage::new();
    stage.agent("claude", &[plan("A flag."), review(&[finding("warning", 2, WRONG)]), review(&[])]);
    stage.agent("codex", &[change("Built it."), change("Mended it.")]);
    stage.agent("gemini", &[]);
    stage.agent("tests", &[failed("it_works"), passed()]);
    stage.run("build-feature", &["--input", "task=Add a flag", "--agent", "reviewer=claude"]).ok("the run");
    stage.assert_ended("approved", 2);
    let prompts = stage.prompts("codex");
    assert!(prompts[0].contains("1. Add the flag.\n2. Test it."), "{}", prompts[0]);
    assert!(prompts[1].contains("**f1**") && prompts[1].contains("- it_works"), "{}", prompts[1]);
}

/// Promise 2: what was edited at the pause is what later steps get.
#[test]
fn build_feature_builds_the_plan_as_the_developer_left_it() {
    let stage = Stage::new();
    stage.agent("claude", &[plan("A flag."), review(&[])]);
    stage.agent("codex", &[change("Built it.")]);
    stage.agent("tests", &[passed()]);
    let run = stage.world.callboard(&["run", "build-feature", "--detach", "--input", "task=Add a flag", "--json"]);
    run.ok("the start");
    let pause = crate::support::wait_for(
        "the pause",
        crate::support::COMMAND_LIMIT,
        || stage.world.callboard(&["inbox", "--json"]).ok("inbox").json().pop(),
        || stage.world.story(),
    );
    let document = pause["document"].as_str().expect("a document").replace("Add the flag.", "Add two flags.");
    stage.world.callboard_with_input(&["decide", "p1", "edit", "--file", "-"], &document).ok("the edit");
    stage.world.callboard(&["show", "r1", "--follow"]).ok("the rest");
    stage.assert_ended("approved", 1);
    assert!(stage.prompts("codex")[0].contains("1. Add two flags."), "{}", stage.prompts("codex")[0]);
}

/// Promise 5: a loop in which the same test fails again and again is no success, though everything else is approved.
#[test]
fn build_test_that_gets_no_further_is_not_waved_through_by_yes() {
    let stage = Stage::new();
    stage.agent("claude", &[change("Built it."), change("Mended it."), change("Tried it again.")]);
    stage.agent("tests", &[failed("it_works"), failed("it_works"), failed("it_works")]);
    let ran = stage.run("build-test", &["--input", "task=Add a flag"]).code(3, "a loop that is stuck");
    assert!(ran.stdout.contains("1 test still fails"), "{}", ran.stdout);
    assert!(ran.stdout.contains("--yes leaves"), "{}", ran.stdout);
    assert_eq!(stage.last_run()["status"], "waiting");
}

#[test]
fn build_test_feeds_failures_back_until_they_pass() {
    let stage = Stage::new();
    stage.agent("claude", &[change("Built it."), change("Mended it."), change("Tested it.")]);
    stage.agent("tests", &[failed("it_works"), none(), passed()]);
    stage.run("build-test", &["--input", "task=Add a flag"]).ok("the run");
    stage.assert_ended("done", 3);
    let prompts = stage.prompts("claude");
    assert!(prompts[1].contains("- it_works") && prompts[2].contains("No test ran"), "{}", prompts[1]);
}

fn contract(name: &str, changed: bool) -> Value {
    let endpoint = json!({ "name": name, "request": "id: u64", "response": "User", "errors": "404" });
    json!({ "kind": "json", "value": { "summary": "Users.", "changed": changed, "endpoints": [endpoint] } })
}

#[test]
fn parallel_specialists_feed_the_contract_to_all_and_again_when_it_changes() {
    let stage = Stage::new();
    let backend =
        [contract("GET /user", true), change("Served it."), contract("GET /users/{id}", true), change("Moved it.")];
    stage.agent("codex", &backend);
    // The frontend is another agent than the checker, so that each has its own list of answers.
    stage.agent("amp", &[change("Showed it."), change("Moved it.")]);
    stage.agent("gemini", &[change("Wrote it."), change("Wrote it anew.")]);
    stage.agent("claude", &[review(&[finding("error", 1, "The path differs.")]), review(&[])]);
    stage.agent("tests", &[passed(), passed()]);
    stage.run("parallel-specialists", &["--input", "task=Show users", "--agent", "frontend=amp"]).ok("the run");
    stage.assert_ended("approved", 2);
    for who in ["amp", "gemini"] {
        let prompts = stage.prompts(who);
        assert!(prompts[0].contains("GET /user\"") && prompts[1].contains("GET /users/{id}"), "{who}: {}", prompts[1]);
        assert!(prompts[1].contains("The contract has changed since"), "{who}: {}", prompts[1]);
    }
    let run = stage.last_run();
    let at = |id: &str, what: &str| {
        let steps = run["steps"].as_array().expect("steps");
        steps.iter().find(|it| it["id"] == id).expect("a step")[what].as_i64().expect("a time")
    };
    assert!(at("docs", "started") <= at("backend", "ended"), "the documents did not wait for the backend");
}

#[test]
fn refactor_verify_pins_behaviour_first_and_goes_round() {
    let stage = Stage::new();
    stage.agent("codex", &[change("Pinned it."), change("Moved it."), change("Restored it.")]);
    stage.agent(
        "claude",
        &[review(&[finding("error", 2, "An empty list was an error, and is none now.")]), review(&[])],
    );
    stage.agent("tests", &[none(), failed("empty_is_an_error"), passed()]);
    stage.run("refactor-verify", &["--input", "goal=One module"]).ok("the run");
    stage.assert_ended("approved", 2);
    let prompts = stage.prompts("codex");
    assert!(prompts[0].contains("Write the tests that will show"), "{}", prompts[0]);
    assert!(prompts[2].contains("empty_is_an_error") && prompts[2].contains("**f1**"), "{}", prompts[2]);
    assert_eq!(stage.step("red")["status"], "skipped");
}

#[test]
fn write_tests_goes_round_until_they_would_notice() {
    let stage = Stage::new();
    stage.agent("claude", &[change("Wrote two."), change("Wrote a third.")]);
    stage.agent("codex", &[review(&[finding("error", 3, "It can't fail.")]), review(&[])]);
    stage.agent("tests", &[passed(), passed()]);
    stage.run("write-tests", &["src"]).ok("the run");
    stage.assert_ended("approved", 2);
    assert!(stage.prompts("claude")[1].contains("It can't fail."));
}

#[test]
fn investigate_fix_is_sent_back_to_the_fix_and_to_the_search() {
    let stage = Stage::new();
    let cause = |cause: &str| {
        let value = json!({ "cause": cause, "evidence": "Ran it.", "place": "src/lib.txt:2", "fix": "Change it.", "certainty": "shown" });
        json!({ "kind": "json", "value": value })
    };
    let says = |code: &str, line: u32, why: &str| {
        review(&[
            json!({ "place": { "path": "src/lib.txt", "line": line }, "severity": "error", "code": code, "text": why }),
        ])
    };
    stage.agent("claude", &[cause("The cache is stale."), cause("The clock goes back.")]);
    stage.agent("codex", &[change("Cleared it."), change("Cleared it twice."), change("Used a steady clock.")]);
    let verdicts =
        [says("still_there", 2, "Seen again."), says("other_cause", 3, "No cache is used there."), review(&[])];
    stage.agent("gemini", &verdicts);
    stage.agent("tests", &[passed(), passed(), passed()]);
    stage.run("investigate-fix", &["--input", "problem=It shows old data"]).ok("the run");
    stage.assert_ended("approved", 3);
    assert_eq!(stage.prompts("claude").len(), 2, "the search is done again only where the cause was another");
    assert!(stage.prompts("claude")[1].contains("No cache is used there."));
    let prompts = stage.prompts("codex");
    assert!(prompts[1].contains("Seen again.") && prompts[1].contains("The cache is stale."), "{}", prompts[1]);
    assert!(
        prompts[2].contains("The clock goes back.") && !prompts[2].contains("The cache is stale."),
        "{}",
        prompts[2]
    );
}

#[test]
fn document_changes_are_held_against_the_code() {
    let stage = Stage::new();
    stage.agent("gemini", &[plan("A small release.")]);
    stage.agent("claude", &[change("Wrote it."), change("Mended it.")]);
    stage.agent("codex", &[review(&[finding("error", 1, "The flag is called `--deep`.")]), review(&[])]);
    stage.run("document-changes", &["--input", "since=v1.0"]).ok("the run");
    stage.assert_ended("approved", 2);
    assert!(stage.prompts("gemini")[0].contains("since v1.0."), "{}", stage.prompts("gemini")[0]);
    assert!(stage.prompts("claude")[1].contains("The flag is called `--deep`."));
}
