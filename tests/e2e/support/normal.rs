//! Text made the same from one run to the next, so that it can stand in a snapshot. Pure.
//!
//! Ids (`r1`, `p2`, `m3`) stay: the hub gives them out in the journal's order, so they are the same in every run, and a
//! change in them is news.

use std::path::Path;

use regex::Regex;

/// Replaces a world's folders by `$WORLD`, and what differs between runs by a word in angle brackets.
pub fn normal(text: &str, root: &Path) -> String {
    let mut text = strip_styles(text);
    let real = std::fs::canonicalize(root).unwrap_or_else(|_| root.to_owned());
    for path in [real.as_path(), root] {
        text = text.replace(&*path.to_string_lossy(), "$WORLD");
    }
    for (pattern, with) in RULES {
        text = Regex::new(pattern).expect("a rule that compiles").replace_all(&text, *with).into_owned();
    }
    text
}

/// In this order: the longer forms first, so that none is cut by a shorter one.
const RULES: &[(&str, &str)] = &[
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?\b", "<time>"),
    (r"\b\d\d:\d\d:\d\d(\.\d+)?\b", "<time>"),
    (r"\b1[5-9]\d{11}\b", "<time>"),
    (r"\b[0-9a-f]{64}\b", "<hash>"),
    (r"\b[0-9a-f]{40}\b", "<commit>"),
    (r"\b[0-9a-f]{12}\b", "<id>"),
    (r"\b\d+ ?h( ?\d+ ?min)?\b|\b\d+ ?min( ?\d+ ?s)?\b|\b\d+m ?\d+s\b|\b\d+([.]\d+)? ?(ms|µs|s)\b", "<while>"),
    (r"\bpid[ :=]+\d+\b", "pid <pid>"),
];

fn strip_styles(text: &str) -> String {
    let escape = Regex::new("\x1b\\[[0-9;?]*[A-Za-z]").expect("a rule that compiles");
    escape.replace_all(text, "").replace('\r', "")
}

#[test]
fn what_differs_between_runs_is_replaced_and_ids_stay() {
    let text = "r1 p2 in /tmp/cb-abc123/w at 2026-01-02T03:04:05Z, 12:13:14; took 1.2 s, 3 min 4 s and 15ms; pid 77; \
                \x1b[1m0123456789ab\x1b[0m";
    assert_eq!(
        normal(text, Path::new("/tmp/cb-abc123")),
        "r1 p2 in $WORLD/w at <time>, <time>; took <while>, <while> and <while>; pid <pid>; <id>"
    );
}
