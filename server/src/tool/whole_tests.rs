//! The tools as their agents run them: a request file in, real programs on real projects, a result file out.

use std::path::Path;

use serde_json::json;

use super::*;
use crate::{
    finding::{Finding, FindingDraft, FindingState},
    ids::FindingId,
    outcome::{ChangeResult, ReviewResult, ReviewVerdict, TestVerdict, TestsResult},
};

/// A project in a temporary folder, with a folder for requests and results beside it.
struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(bench.root()).unwrap();
        for (path, text) in files {
            bench.write(path, text);
        }
        bench
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("project")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// Runs a tool by its files; gives the exit code, the result and what people saw.
    fn run(&self, kind: ToolKind, paths: &[&str], findings: &[Finding]) -> (i32, Option<TypedResult>, String) {
        let request = self.dir.path().join("request.json");
        let result = self.dir.path().join("result.json");
        let asked = json!({
            "turn": "t1", "agent": kind.name(), "root": self.root(), "paths": paths, "findings": findings,
            "expects": kind.result().name(),
        });
        std::fs::write(&request, asked.to_string()).unwrap();
        let _ = std::fs::remove_file(&result);
        let mut seen = Vec::new();
        let code = main(kind, &request, &result, &mut seen);
        let result = std::fs::read_to_string(&result).ok().map(|it| serde_json::from_str(&it).unwrap());
        (code, result, String::from_utf8(seen).unwrap())
    }

    fn lint(&self, paths: &[&str]) -> (ReviewResult, String) {
        match self.run(ToolKind::Lint, paths, &[]) {
            (0, Some(TypedResult::Review(review)), seen) => (review, seen),
            other => panic!("no review: {other:?}"),
        }
    }

    fn test(&self, paths: &[&str]) -> (TestsResult, String) {
        match self.run(ToolKind::Tests, paths, &[]) {
            (0, Some(TypedResult::Tests(tests)), seen) => (tests, seen),
            other => panic!("no tests: {other:?}"),
        }
    }

    fn fix(&self, paths: &[&str], findings: &[Finding]) -> (ChangeResult, String) {
        match self.run(ToolKind::Autofix, paths, findings) {
            (0, Some(TypedResult::Change(change)), seen) => (change, seen),
            other => panic!("no change: {other:?}"),
        }
    }
}

/// Makes drafts into findings f1, f2, … as the hub would.
fn findings(drafts: &[FindingDraft]) -> Vec<Finding> {
    let finding = |(id, draft): (u64, &FindingDraft)| Finding {
        id: FindingId(id),
        draft: draft.clone(),
        run: None,
        message: None,
        sources: Vec::new(),
        state: FindingState::Open,
        declined: None,
        contested: false,
        rev: 1,
    };
    (1..).zip(drafts).map(finding).collect()
}

fn codes(review: &ReviewResult) -> Vec<&str> {
    review.findings.iter().map(|it| it.code.as_deref().unwrap_or("-")).collect()
}

fn demo() -> Bench {
    Bench::new(&[
        ("Cargo.toml", include_str!("../cli/demo/project/Cargo.toml.in")),
        ("Cargo.lock", include_str!("../cli/demo/project/Cargo.lock.in")),
        (".gitignore", include_str!("../cli/demo/project/gitignore.in")),
        ("src/lib.rs", include_str!("../cli/demo/project/src/lib.rs.in")),
    ])
}

/// The review–fix loop's ground: what `callboard demo` shows is true of the real cargo and the real clippy.
#[test]
fn the_demo_project_is_linted_tested_and_fixed() {
    let bench = demo();
    let (review, seen) = bench.lint(&["src/lib.rs"]);
    assert_eq!(
        codes(&review),
        ["clippy::cast_abs_to_unsigned", "clippy::len_zero", "clippy::needless_return", "clippy::too_many_arguments"],
        "{seen}"
    );
    assert_eq!(review.verdict, ReviewVerdict::ChangesRequested);
    let first = &review.findings[0];
    assert_eq!(first.excerpt.as_deref(), Some("    change.abs() as u32"));
    assert!(first.suggestion.as_deref().unwrap().contains("cargo clippy --fix"), "{first:?}");
    assert!(seen.starts_with("$ cargo clippy --all-targets"), "{seen}");
    assert!(seen.contains("warning: length comparison to zero") && seen.ends_with("lint: 4 findings: 4 warnings\n"));

    let (tests, seen) = bench.test(&[]);
    assert_eq!((tests.verdict, tests.passed, tests.failed), (TestVerdict::Failed, 2, 1), "{seen}");
    let failure = &tests.failures[0];
    assert_eq!(failure.name, "tests::the_furthest_that_a_meter_can_run_is_still_a_distance");
    assert_eq!(failure.place.as_ref().unwrap().path, "src/lib.rs");
    assert!(failure.message.contains("attempt to negate with overflow"), "{failure:?}");

    let all = findings(&review.findings);
    let (change, seen) = bench.fix(&[], &all);
    assert_eq!(change.fixed, [FindingId(1), FindingId(2), FindingId(3)], "{seen}");
    assert_eq!(change.files, ["src/lib.rs"]);
    let [declined] = change.declined.as_slice() else { panic!("{change:?}") };
    assert_eq!(declined.finding, FindingId(4));
    assert_eq!(declined.reason, "clippy has no automatic fix for clippy::too_many_arguments");

    let (review, _) = bench.lint(&[]);
    assert_eq!(codes(&review), ["clippy::too_many_arguments"]);
    let (tests, seen) = bench.test(&[]);
    assert_eq!((tests.verdict, tests.passed, tests.failed), (TestVerdict::Passed, 3, 0), "{seen}");
}

/// Promise 2: the fixer gets what was approved. A finding that a person struck stays as it is.
#[test]
fn only_the_findings_handed_in_are_fixed() {
    let bench = demo();
    let (review, _) = bench.lint(&[]);
    let approved = findings(&review.findings)[1..2].to_vec();
    let (change, _) = bench.fix(&[], &approved);
    assert_eq!((change.fixed.as_slice(), change.declined.len()), ([FindingId(2)].as_slice(), 0));
    let text = bench.read("src/lib.rs");
    assert!(
        text.contains("readings.is_empty()") && text.contains("change.abs() as u32") && text.contains("return Some(")
    );

    // What is gone counts as fixed; what no linter says is not claimed.
    let mut foreign = approved.clone();
    foreign[0].id = FindingId(9);
    foreign[0].draft.code = None;
    foreign[0].draft.text = "this loop may never end".to_owned();
    foreign.extend(approved);
    // A linter that did not run has not said that its finding is gone; paths don't hide one that was handed in.
    foreign.push(foreign[1].clone());
    foreign[2].id = FindingId(10);
    foreign[2].draft.code = Some("ruff::F401".to_owned());
    let (change, _) = bench.fix(&["Cargo.toml"], &foreign);
    assert_eq!((change.fixed.as_slice(), change.files.len()), ([FindingId(2)].as_slice(), 0));
    let declined: Vec<FindingId> = change.declined.iter().map(|it| it.finding).collect();
    assert_eq!(declined, [FindingId(9), FindingId(10)]);
}

#[test]
fn code_that_does_not_compile_is_a_failure_with_its_place() {
    let bench = demo();
    bench.write("src/lib.rs", "pub fn add(a: i32) -> i32 {\n    a + missing\n}\n");
    let (tests, _) = bench.test(&[]);
    assert_eq!((tests.verdict, tests.failed), (TestVerdict::Failed, 1));
    let place = tests.failures[0].place.as_ref().unwrap();
    assert_eq!((place.path.as_str(), place.line, tests.failures[0].name.as_str()), ("src/lib.rs", 2, "build"));
    let (review, _) = bench.lint(&[]);
    assert_eq!(
        (codes(&review).as_slice(), review.findings[0].severity),
        (["rustc::E0425"].as_slice(), crate::finding::Severity::Error)
    );
    // Of a file that is fine nothing is known where another keeps the linter from looking: that is no approval.
    bench.write("src/lib.rs", "mod other;\n");
    bench.write("src/other.rs", "pub fn add(a: i32) -> i32 {\n    a + missing\n}\n");
    assert_eq!(bench.lint(&["src/lib.rs"]).0.verdict, ReviewVerdict::ChangesRequested);
    bench.write("Cargo.toml", "[package\n");
    let (code, result, seen) = bench.run(ToolKind::Lint, &[], &[]);
    assert_eq!((code, result), (1, None));
    assert!(seen.contains("callboard tool lint: cargo"), "{seen}");
}

/// Cargo's paths start at its workspace, which may stand above the package, and even above the root.
#[test]
fn a_member_of_a_cargo_workspace_has_its_paths_from_the_root() {
    let package = |name: &str| format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
    let bad = "pub fn is_none(text: &str) -> bool {\n    text.len() == 0\n}\n\n#[test]\nfn fails() {\n    assert!(is_none(\"a\"));\n}\n";
    let bench = Bench::new(&[("Cargo.toml", "[workspace]\nmembers = [\"crates/*\"]\nresolver = \"2\"\n")]);
    for name in ["one", "two"] {
        bench.write(&format!("crates/{name}/Cargo.toml"), &package(name));
        bench.write(&format!("crates/{name}/src/lib.rs"), bad);
    }
    let places = |review: &ReviewResult| -> Vec<String> {
        review.findings.iter().filter_map(|it| it.place.as_ref()).map(|it| it.path.clone()).collect()
    };
    let (review, seen) = bench.lint(&["crates/one/src/lib.rs"]);
    assert_eq!(places(&review), ["crates/one/src/lib.rs"], "{seen}");
    assert!(seen.starts_with("$ (cd crates/one) cargo clippy"), "{seen}");
    let (tests, seen) = bench.test(&["crates/two"]);
    assert_eq!(
        tests.failures[0].place.as_ref().map(|it| (it.path.as_str(), it.line)),
        Some(("crates/two/src/lib.rs", 7)),
        "{seen}"
    );
    assert_eq!(places(&bench.lint(&[]).0), ["crates/one/src/lib.rs", "crates/two/src/lib.rs"]);

    let mut seen = Vec::new();
    let request = Request {
        turn: TurnId(1),
        agent: "lint".parse().unwrap(),
        root: bench.root().join("crates/one"),
        paths: Vec::new(),
        findings: Vec::new(),
        expects: ResultKind::Review,
    };
    let Ok(TypedResult::Review(review)) = run(ToolKind::Lint, &request, &mut seen) else { panic!("no review") };
    assert_eq!(places(&review), ["src/lib.rs"]);
}

#[test]
fn any_folder_is_linted_and_fixed_without_a_toolchain() {
    let bench = Bench::new(&[
        ("notes.txt", "one \ntwo\r\nthree\n"),
        ("poem.txt", "a line\nno end"),
        ("merge.txt", "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n"),
        ("build/made.txt", "made \n"),
    ]);
    let (review, seen) = bench.lint(&["notes.txt", "poem.txt"]);
    assert_eq!(
        codes(&review),
        ["text::trailing-white-space", "text::mixed-line-ends", "text::no-last-line-end"],
        "{seen}"
    );
    let (change, _) = bench.fix(&["notes.txt", "poem.txt"], &findings(&review.findings));
    assert_eq!((change.fixed.len(), change.declined.len()), (3, 0));
    assert_eq!(
        (bench.read("notes.txt"), bench.read("poem.txt")),
        ("one\ntwo\nthree\n".into(), "a line\nno end\n".into())
    );
    assert_eq!(bench.lint(&["notes.txt"]).0.verdict, ReviewVerdict::Approved);
    let (review, _) = bench.lint(&[]);
    assert_eq!(codes(&review), ["text::conflict-marker"; 3]);
    let (change, _) = bench.fix(&[], &findings(&review.findings));
    assert_eq!((change.fixed.len(), change.declined.len(), change.files.len()), (0, 3, 0));
    let (code, result, seen) = bench.run(ToolKind::Tests, &[], &[]);
    assert!(matches!(result, Some(TypedResult::Tests(ref it)) if it.verdict == TestVerdict::None), "{code}: {seen}");
    assert!(seen.contains("no test command was found here"));
}

#[test]
fn a_makefile_is_judged_by_its_exit_code_and_its_compiler() {
    let bench = Bench::new(&[(
        "Makefile",
        "test:\n\t@echo 'a.c:3:7: error: no such thing' >&2; exit 2\nlint:\n\t@echo 'a.c:1:1: warning: odd [-Wodd]'\n",
    )]);
    bench.write("a.c", "int a;\n\nint b\n");
    let (tests, seen) = bench.test(&[]);
    assert_eq!((tests.verdict, tests.failures[0].place.as_ref().unwrap().line), (TestVerdict::Failed, 3));
    assert!(seen.starts_with("$ make test\n"), "{seen}");
    let (review, _) = bench.lint(&["a.c"]);
    assert_eq!(
        (codes(&review).as_slice(), review.findings[0].excerpt.as_deref()),
        (["make::odd"].as_slice(), Some("int a;"))
    );
    bench.write("Makefile", "test:\n\t@true\n");
    assert_eq!(bench.test(&[]).0.verdict, TestVerdict::Passed);
}

#[test]
fn a_missing_program_is_said_and_not_guessed_around() {
    let bench = Bench::new(&[
        ("package.json", r#"{"devDependencies":{"vitest":"1"},"eslintConfig":{}}"#),
        ("pnpm-lock.yaml", ""),
    ]);
    for kind in [ToolKind::Tests, ToolKind::Lint, ToolKind::Autofix] {
        let (code, result, seen) = bench.run(kind, &[], &[]);
        assert_eq!((code, result), (3, None), "{seen}");
        assert!(seen.contains("pnpm install") || seen.contains("install Node.js"), "{seen}");
    }
}

#[test]
fn a_bad_request_is_refused_in_words() {
    let bench = Bench::new(&[]);
    let (code, result, seen) = bench.run(ToolKind::Lint, &["../outside"], &[]);
    assert_eq!((code, result), (1, None));
    assert!(seen.contains("\"../outside\" is not inside the workspace"), "{seen}");
    let mut seen = Vec::new();
    assert_eq!(
        main(ToolKind::Lint, Path::new("/nowhere/request.json"), Path::new("/nowhere/result.json"), &mut seen),
        1
    );
    assert!(String::from_utf8(seen).unwrap().contains("can't be read"));
}

/// A linter of the project's own, as a script: it reports `bad`, whose fix breaks the file, `good`, and twice the line
/// `twins`, with one fix for both.
#[cfg(unix)]
const LINTER: &str = r#"#!/bin/sh
say() {
    printf '%s{"code":"%s","filename":"a.py","location":{"row":%s,"column":1},"message":"%s","fix":{"applicability":"safe",' "$comma" "$1" "$2" "$3"
    printf '"edits":[{"content":"%s","location":{"row":%s,"column":1},"end_location":{"row":%s,"column":%s}}]}}' "$4" "$2" "$2" "$5"
    comma=,
}
printf '['
if grep -q BROKEN a.py; then
    printf '{"code":"invalid-syntax","filename":"a.py","location":{"row":1,"column":1},"message":"BROKEN is no word"}]'
    exit 1
fi
grep -q '^bad' a.py && say X1 1 'bad is bad' BROKEN 4
grep -q '^good' a.py && say X2 2 'good could be better' better 5
grep -q '^twins' a.py && say X3 3 'the first twin' '' 6 && say X3 3 'the second twin' '' 6
printf ']'
"#;

/// A fix that breaks the code does not stay, and does not take the others with it.
#[cfg(unix)]
#[test]
fn a_fix_that_breaks_the_code_is_taken_back_alone() {
    use std::os::unix::fs::PermissionsExt;

    let bench = Bench::new(&[("pyproject.toml", ""), (".venv/bin/ruff", LINTER), ("a.py", "bad\ngood\ntwins\n")]);
    std::fs::set_permissions(bench.root().join(".venv/bin/ruff"), PermissionsExt::from_mode(0o755)).unwrap();
    let (review, seen) = bench.lint(&["a.py"]);
    assert_eq!(codes(&review), ["ruff::X1", "ruff::X2", "ruff::X3", "ruff::X3"], "{seen}");
    let approved = findings(&review.findings)[..3].to_vec();
    let (change, seen) = bench.fix(&["a.py"], &approved);
    assert_eq!(bench.read("a.py"), "bad\nbetter\ntwins\n", "{seen}");
    assert_eq!(
        (change.fixed.as_slice(), change.files.as_slice()),
        ([FindingId(2)].as_slice(), ["a.py".to_owned()].as_slice())
    );
    let reasons: Vec<&str> = change.declined.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(
        reasons,
        [
            "its fix was tried and taken back, because it broke the code: a.py:1:1: error: BROKEN is no word [ruff::invalid-syntax]",
            "its fix would also fix another finding that was not handed in: a.py:3:1: warning: the second twin [ruff::X3]",
        ]
    );
}

/// Waits, a bounded time, until a process that nobody here can wait for is gone or a zombie.
#[cfg(unix)]
fn is_ended(process: i32) -> bool {
    let pid = rustix::process::Pid::from_raw(process).unwrap();
    (0..400).any(|_| {
        // It is dead at once, but unreaped until its new parent sees to it.
        let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let is_gone = rustix::process::test_kill_process(pid).is_err() || state.contains(") Z ");
        if !is_gone {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        is_gone
    })
}

/// A program that leaves something behind which holds its output does not hold the tool, and what it left is ended.
#[cfg(unix)]
#[test]
fn what_a_program_leaves_behind_is_ended_with_it() {
    let bench = Bench::new(&[("Makefile", "test:\n\t@sleep 600 & echo $$! > left; echo started\n")]);
    let (tests, seen) = bench.test(&[]);
    assert_eq!(tests.verdict, TestVerdict::Passed, "{seen}");
    let left = bench.read("left").trim().parse().unwrap();
    assert!(is_ended(left), "the process {left} that `make test` left behind is alive");
}

/// Not a test of its own: the process that the next test starts, watches and ends. Alone it has nothing to do.
#[cfg(unix)]
#[test]
fn helper_that_runs_tests_until_it_is_ended() {
    if let Some(folder) = std::env::var_os("CALLBOARD_TOOL_HELPER") {
        let folder = PathBuf::from(folder);
        main(ToolKind::Tests, &folder.join("request.json"), &folder.join("result.json"), &mut std::io::stdout());
    }
}

/// Promise 6: when a tool is told to end, what it has started ends with it, and there is no result.
#[cfg(unix)]
#[test]
fn a_tool_that_is_told_to_end_takes_its_programs_along() {
    use std::io::{BufRead as _, BufReader};

    use rustix::process::{Pid, Signal, kill_process};

    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129)] {
        // The shell and its child both would outlive their parent.
        let bench =
            Bench::new(&[("Makefile", "test:\n\t@trap '' HUP; sleep 600 & echo $$! > child; echo is-running; wait\n")]);
        let request = json!({ "turn": "t1", "agent": "tests", "root": bench.root() });
        std::fs::write(bench.dir.path().join("request.json"), request.to_string()).unwrap();
        let mut tool = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", "tool::whole_tests::helper_that_runs_tests_until_it_is_ended"])
            .env("CALLBOARD_TOOL_HELPER", bench.dir.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(tool.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(lines.any(|it| it == "is-running"), "the tool ended before its program ran");
        kill_process(Pid::from_child(&tool), signal).unwrap();
        assert_eq!(tool.wait().unwrap().code(), Some(code));
        let child = bench.read("child").trim().parse().unwrap();
        assert!(is_ended(child), "the process {child} outlived the tool");
        assert!(!bench.dir.path().join("result.json").exists());
    }
}
