//! What a person sees on the terminal of a program that draws nothing itself: its prompt, its words, its tools.
//!
//! Pure: what was said in, text out, safe to show.

use serde_json::Value;

use crate::agent::terminal::plain;

/// How many lines of a tool's result are shown.
const MOST_LINES: usize = 8;

/// How many characters of one line are shown.
const MOST_WIDTH: usize = 400;

/// Returns a prompt as it is shown.
pub(super) fn prompt(text: &str) -> String {
    let shown: Vec<String> = lines(text, 40).into_iter().map(|it| format!("> {it}")).collect();
    format!("\n{}\n\n", shown.join("\n"))
}

/// Returns the use of a tool as it is shown.
pub(super) fn tool(name: &str, input: &Value) -> String {
    let what = summary(input);
    let gap = if what.is_empty() { "" } else { " " };
    format!("\n● {}{gap}{what}\n", line(name))
}

/// Returns what a tool works on, in one line.
pub(super) fn summary(input: &Value) -> String {
    let named = ["command", "file_path", "notebook_path", "pattern", "path", "url", "query", "description"];
    let found = named.iter().find_map(|it| input[it].as_str());
    line(found.unwrap_or_default())
}

/// Returns what came of a tool as it is shown.
pub(super) fn done(text: &str, failed: bool) -> String {
    let mark = if failed { "✗" } else { "⎿" };
    let mut shown = lines(text, MOST_LINES);
    if shown.is_empty() {
        shown.push("(nothing)".to_owned());
    }
    format!("  {mark} {}\n", shown.join("\n    "))
}

/// Returns a remark of the driver's own.
pub(super) fn remark(text: &str) -> String {
    format!("\n— {}\n", line(text))
}

fn lines(text: &str, most: usize) -> Vec<String> {
    let safe = plain(text);
    let all: Vec<&str> = safe.lines().collect();
    let mut shown: Vec<String> = all.iter().take(most).map(|it| it.chars().take(MOST_WIDTH).collect()).collect();
    if all.len() > most {
        shown.push(format!("… {} more lines", all.len() - most));
    }
    shown
}

fn line(text: &str) -> String {
    let text: String = text.chars().take(4 * MOST_WIDTH).collect();
    let safe = plain(&text);
    let joined = safe.split_whitespace().collect::<Vec<_>>().join(" ");
    joined.chars().take(MOST_WIDTH).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_shown_is_short_and_acts_on_nothing() {
        assert_eq!(tool("Bash", &json!({ "command": "cargo\n test \u{1b}[2J" })), "\n● Bash cargo test\n");
        assert_eq!(tool("X", &json!(3)), "\n● X\n");
        assert_eq!(done("", false), "  ⎿ (nothing)\n");
        let long = "x\n".repeat(20);
        assert!(done(&long, true).ends_with("… 12 more lines\n"));
        assert_eq!(prompt("a\nb"), "\n> a\n> b\n\n");
    }
}
