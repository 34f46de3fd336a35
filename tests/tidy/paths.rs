//! The paths that a Rust file names: `use` trees written out, and paths in the code. Text in, text out.
//!
//! It is no parser of Rust: it takes comments and strings out first, and that is enough for paths that begin with a crate.

/// Returns every path that the text names, such as `crate::agent::driver` or `std::fs::read`.
pub fn named(text: &str) -> Vec<String> {
    let code = without_comments_and_strings(text);
    let mut paths = Vec::new();
    let mut rest = code.as_str();
    while let Some(at) = find_word(rest, "use") {
        let Some(end) = rest[at..].find(';') else { break };
        expand("", rest[at + 3..at + end].trim(), &mut paths);
        rest = &rest[at + end..];
    }
    let pattern = regex::Regex::new(r"\b[A-Za-z_]\w*(\s*::\s*[A-Za-z_]\w*)+").expect("a rule that compiles");
    paths.extend(pattern.find_iter(&code).map(|found| found.as_str().split_whitespace().collect::<String>()));
    paths
}

/// Returns what stands before the file's tests.
pub fn before_tests(text: &str) -> &str {
    text.find("\n#[cfg(test)]\nmod ").map_or(text, |at| &text[..at])
}

/// Returns the text with comments and the insides of strings blanked; lines stay.
pub fn without_comments_and_strings(text: &str) -> String {
    let pattern = r##"(?s)//[^\n]*|/\*.*?\*/|r#".*?"#|"(\\.|[^"\\])*"|'(\\.|[^'\\])'"##;
    let pattern = regex::Regex::new(pattern).expect("a rule that compiles");
    let blank = |found: &regex::Captures<'_>| "\n".repeat(found[0].matches('\n').count());
    pattern.replace_all(text, blank).into_owned()
}

/// Writes a `use` tree out: `a::{b, c::{d}}` becomes `a::b` and `a::c::d`.
fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        if !path.is_empty() {
            paths.push(format!("{before}{path}"));
        }
        return;
    };
    let before = format!("{before}{}", tree[..open].trim());
    let inside = tree[open + 1..].trim_end().strip_suffix('}').unwrap_or(&tree[open + 1..]);
    let mut depth = 0_usize;
    let mut start = 0;
    for (at, letter) in inside.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                expand(&before, &inside[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&before, &inside[start..], paths);
}

fn find_word(text: &str, word: &str) -> Option<usize> {
    let pattern = regex::Regex::new(&format!(r"\b{word}\s")).expect("a rule that compiles");
    pattern.find(text).map(|found| found.start())
}

#[test]
fn use_trees_are_written_out() {
    let text = "use std::{\n    fs,\n    io::{self, Write as _},\n};\n// use tokio::net;\nlet a = \"rand::x\"; crate::lsp::go();";
    let paths = named(text);
    for path in ["std::fs", "std::io::self", "std::io::Write", "crate::lsp::go"] {
        assert!(paths.iter().any(|named| named == path), "{path} is not in {paths:?}");
    }
    assert!(!paths.iter().any(|path| path.starts_with("tokio") || path.starts_with("rand")), "{paths:?}");
}
