//! Who may know whom: the absences that the architecture rests on.

use regex::Regex;

use crate::{
    layout::each_match,
    paths::{before_tests, named, without_comments_and_strings},
    tree::File,
};

/// Those who may name `tower_lsp`, each with its reason.
const KNOW_TOWER_LSP: &[(&str, &str)] = &[
    ("server/src/lsp.rs", "the edge"),
    ("server/src/lsp", "the edge"),
    ("server/src/protocol.rs", "its request and notification traits"),
    ("server/src/client", "the other end of the same wire"),
    ("server/src/client.rs", "the other end of the same wire"),
];

/// The core: what decides, and what it decides about.
const CORE: &[&str] = &[
    "server/src/hub.rs",
    "server/src/hub",
    "server/src/channel.rs",
    "server/src/channel",
    "server/src/workflow.rs",
    "server/src/workflow",
    "server/src/document.rs",
    "server/src/document",
    "server/src/ask.rs",
    "server/src/finding.rs",
    "server/src/outcome.rs",
    "server/src/ids.rs",
];

/// What the core must not know.
const LEAVES: &str =
    r"^crate::(agent::(driver|runner|terminal|catalog|status)|lsp|ipc|cli|client|tool|workspace|host|process)\b";

/// The parts of the core that are pure: a replay must come to the same whenever and wherever it runs.
const PURE: &[&str] = &[
    "server/src/hub",
    "server/src/channel.rs",
    "server/src/channel",
    "server/src/workflow/plan.rs",
    "server/src/workflow/run.rs",
    "server/src/workflow/run",
    "server/src/document.rs",
    "server/src/document",
    "server/src/ask.rs",
    "server/src/finding.rs",
    "server/src/outcome.rs",
];

/// What would make it differ: clocks, chance, the disk, the environment, other threads.
const IMPURE: &str = r"^(std::(time|fs|env|net|process|thread|io)|tokio|rand|getrandom|jiff|rusqlite|tempfile)\b|Timestamp::now$|Instant::now$|SystemTime";

/// Tests of the core, in files of their own, may do what they like.
const TESTS: &[&str] = &["server/src/hub/tests.rs", "server/src/hub/tests", "server/src/hub/scene.rs"];

fn is_in(file: &File, places: &[&str]) -> bool {
    let is_test = file.path.ends_with("/tests.rs") || TESTS.iter().any(|place| file.is_in(place));
    file.is_a(&[".rs"]) && !is_test && places.iter().any(|place| file.is_in(place))
}

/// Standard output is the wire: only the command line writes to it.
pub fn printing(files: &[File]) -> Vec<String> {
    let may = ["server/src/cli.rs", "server/src/cli", "server/src/main.rs"];
    let others = files.iter().filter(|file| is_in(file, &["server/src"]) && !is_in(file, &may));
    let code: Vec<File> =
        others.map(|file| File { text: without_comments_and_strings(&file.text), ..file.clone() }).collect();
    let mend = "standard output is the wire; return text to the command line, or log it with `tracing`";
    each_match(code.iter(), r"\be?print(ln)?!\s*\(", mend)
}

/// The LSP library stays at the edge, so that it can be replaced in a day.
pub fn tower_lsp(files: &[File]) -> Vec<String> {
    let may: Vec<&str> = KNOW_TOWER_LSP.iter().map(|(place, _)| *place).collect();
    let others = files.iter().filter(|file| is_in(file, &["server/src"]) && !is_in(file, &may));
    let bad = others.filter(|file| named(&file.text).iter().any(|path| path.starts_with("tower_lsp")));
    let what = |file: &File| {
        format!("{}: names tower_lsp; only lsp/ does, and those that tests/tidy/seams.rs lists", file.path)
    };
    bad.map(what).collect()
}

/// The leaves know the hub; the hub knows no leaf.
pub fn leaves(files: &[File]) -> Vec<String> {
    let pattern = Regex::new(LEAVES).expect("a rule that compiles");
    let mend = "the core knows no leaf; send an effect, or take what is needed in an event";
    complain(files, CORE, &pattern, mend)
}

/// Deciding and applying are functions of their arguments.
pub fn purity(files: &[File]) -> Vec<String> {
    let pattern = Regex::new(IMPURE).expect("a rule that compiles");
    let mend = "deciding is pure; let the shell bring it in with the event";
    let mut complaints = complain(files, PURE, &pattern, mend);
    let waits = Regex::new(r"\basync\s+(fn|move|\{)|\.await\b").expect("a rule that compiles");
    for file in files.iter().filter(|file| is_in(file, PURE)) {
        let code = without_comments_and_strings(before_tests(&file.text));
        if waits.is_match(&code) {
            complaints.push(format!("{}: has `async` code; {mend}", file.path));
        }
    }
    complaints
}

fn complain(files: &[File], places: &[&str], pattern: &Regex, mend: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| is_in(file, places)) {
        let mut paths = named(before_tests(&file.text));
        paths.sort();
        paths.dedup();
        paths.retain(|path| pattern.is_match(path));
        complaints.extend(paths.iter().map(|path| format!("{}: names `{path}`; {mend}", file.path)));
    }
    complaints
}
