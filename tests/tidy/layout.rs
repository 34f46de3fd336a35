//! Where files are, how large they are, how they begin, and what must not be in them.

use regex::Regex;

use crate::tree::File;

/// The agreed top level. A new entry is an architectural change: agree on it, then add it here.
const TOP: &[&str] = &[
    ".ci",
    ".editorconfig",
    ".gitattributes",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "docs",
    "editors",
    "rustfmt.toml",
    "server",
    "templates",
    "tests",
];

/// No file of code is longer.
const MOST_LINES: usize = 800;
/// The mean of the server's files is not above this.
const MEAN_LINES: usize = 250;

/// Files that a test writes, and nobody reads through.
const GENERATED: &[&str] = &["editors/vscode/src/protocol.ts", "editors/nvim/lua/callboard/types.lua"];

const SCRIPTS: &[&str] = &[".sh", "tests/run", ".ci/run"];

/// Only the agreed names stand at the top.
pub fn top_level(files: &[File]) -> Vec<String> {
    let mut strays: Vec<&str> = files.iter().map(|file| file.path.split('/').next().unwrap_or_default()).collect();
    strays.dedup();
    strays.retain(|name| !TOP.contains(name));
    let what =
        |name| format!("{name}: not on the agreed top level; move it below server, editors, templates, tests or docs");
    strays.into_iter().map(what).collect()
}

/// No file of code is long, and the server's are short on the whole.
pub fn sizes(files: &[File]) -> Vec<String> {
    let written = |file: &File| !GENERATED.contains(&file.path.as_str());
    let code = |file: &&File| (file.is_a(&[".rs", ".ts", ".mjs", ".lua"]) || file.is_a(SCRIPTS)) && written(file);
    let lines = |file: &File| file.text.lines().count();
    let long = files.iter().filter(code).filter(|file| lines(file) > MOST_LINES);
    let what = |file: &File| format!("{}: {} lines, above {MOST_LINES}; split it by idea", file.path, lines(file));
    let mut complaints: Vec<String> = long.map(what).collect();
    let server: Vec<usize> =
        files.iter().filter(|file| file.is_in("server/src") && file.is_a(&[".rs"])).map(lines).collect();
    let mean = server.iter().sum::<usize>() / server.len().max(1);
    if mean > MEAN_LINES {
        complaints
            .push(format!("server/src: {mean} lines a file in the mean, above {MEAN_LINES}; split the longest ones"));
    }
    complaints
}

/// Each Rust file says first what it owns.
pub fn heads(files: &[File]) -> Vec<String> {
    let bare = files.iter().filter(|file| file.is_a(&[".rs"]) && !file.text.starts_with("//! "));
    bare.map(|file| format!("{}: begin it with `//!` and say what it owns and what it must not know", file.path))
        .collect()
}

/// Each file of `tests/e2e` is a module of its program.
pub fn forgotten_tests(files: &[File]) -> Vec<String> {
    let main = files.iter().find(|file| file.path == "tests/e2e/main.rs").map_or("", |file| file.text.as_str());
    let names = files.iter().filter_map(|file| file.path.strip_prefix("tests/e2e/")?.strip_suffix(".rs"));
    let forgotten =
        names.filter(|name| !name.contains('/') && *name != "main" && !main.contains(&format!("mod {name};")));
    forgotten.map(|name| format!("tests/e2e/{name}.rs: never run; add `mod {name};` to tests/e2e/main.rs")).collect()
}

/// Scripts are executable and strict.
pub fn scripts(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_a(SCRIPTS) && !file.is_recorded()) {
        if !file.executable {
            complaints.push(format!("{0}: not executable; run `chmod +x {0}`", file.path));
        }
        if !file.text.contains("set -euo pipefail") {
            complaints
                .push(format!("{}: goes on after a failure; put `set -euo pipefail` below its first line", file.path));
        }
    }
    complaints
}

/// Nothing says that it will be done later, and no test is switched off.
pub fn leftovers(files: &[File]) -> Vec<String> {
    // Put together here, so that this file doesn't complain of itself.
    let notes = ["TO", "DO|FIX", "ME|X", "XX"].concat();
    let rules = [
        // Not in a text in quotes: there the words are data (TAP has them).
        (format!(r"(^|//)[^\x22]*\b({notes})\b"), "do it now, or say in a sentence what is so and why"),
        (["\\bto", "do!|\\bunimple", "mented!"].concat(), "write it"),
        (["#\\[ig", "nore"].concat(), "gate a slow test by RUN_SLOW_TESTS, and mend or delete a broken one"),
        (["\\bdb", "g!\\s*\\("].concat(), "take it out"),
    ];
    let texts = |file: &&File| {
        !file.is_recorded()
            && (file.is_a(&[".rs", ".ts", ".mjs", ".lua", ".yaml", ".md", ".toml"]) || file.is_a(SCRIPTS))
    };
    let mut complaints = Vec::new();
    for (pattern, mend) in rules {
        complaints.extend(each_match(files.iter().filter(texts), &pattern, mend));
    }
    complaints
}

/// No path of one machine and no package server is named.
pub fn machines(files: &[File]) -> Vec<String> {
    let hosts =
        ["registry.npm", "js.org|pypi.", "org|python", "hosted|index.crates.", "io|static.crates.", "io"].concat();
    let rules = [
        (["(^|[^\\w.$}/-])/(ro", "ot|wo", "rk|Us", "ers)/\\w"].concat(), "say it without a machine's own path"),
        (hosts.replace('.', "\\."), "name the package, not the server that has it"),
        (r"https?://[^/\s]*(registry|artifactory|nexus|mirror)\b".to_owned(), "name the package, not its server"),
        (r"\b(10\.\d+|192\.168|172\.(1[6-9]|2\d|3[01]))\.\d+\.\d+\b".to_owned(), "name no address of a private net"),
    ];
    let own = |file: &&File| !file.is_a(&["Cargo.lock", ".png"]);
    let mut complaints = Vec::new();
    for (pattern, mend) in rules {
        complaints.extend(each_match(files.iter().filter(own), &pattern, mend));
    }
    complaints
}

/// One complaint for each line that has the pattern.
pub fn each_match<'a>(files: impl Iterator<Item = &'a File>, pattern: &str, mend: &str) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a rule that compiles");
    let mut complaints = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            if let Some(found) = pattern.find(line) {
                complaints.push(format!("{}:{number}: `{}`: {mend}", file.path, found.as_str().trim()));
            }
        }
    }
    complaints
}
