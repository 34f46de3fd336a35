//! A diff in colours.

use std::collections::BTreeSet;

use super::{Line, Tone, time};
use crate::{
    agent::terminal::plain::plain,
    protocol::{DiffResult, FileDiff},
};

/// Returns what agents changed: how much, then each file with who changed it, at most `most` lines of diff in all.
pub fn changes(result: &DiffResult, most: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    if result.files.is_empty() {
        lines.push(Line::plain("Nothing was changed."));
    } else {
        let paths: BTreeSet<&str> = result.files.iter().map(|it| it.path.as_str()).collect();
        let count = time::count(paths.len(), "file");
        lines.push(Line::new().with(Tone::Strong, format!("{count} changed by {}", by(&result.files))));
    }
    let mut left = most;
    for file in &result.files {
        let steps: Vec<String> = file.steps.iter().map(ToString::to_string).collect();
        let head = format!("{} ({}, {})", plain(&file.path), by(std::slice::from_ref(file)), steps.join(", "));
        lines.push(Line::new());
        lines.push(Line::new().with(Tone::Note, head));
        if file.text.is_empty() {
            lines.push(Line::new().with(Tone::Faint, "  too much was changed to be shown"));
        }
        lines.extend(diff(&file.text, left));
        left = left.saturating_sub(file.text.lines().count());
    }
    for note in &result.notes {
        lines.push(Line::new().with(Tone::Warn, plain(note)));
    }
    lines
}

/// Returns who changed files, each once.
fn by(files: &[FileDiff]) -> String {
    let mut names: Vec<String> = files.iter().flat_map(|it| &it.by).map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    names.join(", ")
}

/// Returns a unified diff as lines, at most `most` of them, and then how many were left out.
pub fn diff(text: &str, most: usize) -> Vec<Line> {
    // By line feeds alone: a carriage return at a line's end may be the very thing that changed.
    let all = text.split_terminator('\n');
    let mut lines: Vec<Line> = all.clone().take(most).map(|it| Line::new().with(tone(it), visible(it))).collect();
    let left = all.count().saturating_sub(most);
    if left > 0 {
        lines.push(Line::new().with(Tone::Faint, format!("… {left} more lines")));
    }
    lines
}

/// Returns a line of a diff with the white space at the end of a change made visible: else nobody sees what changed.
fn visible(line: &str) -> String {
    let (body, end) = line.strip_suffix('\r').map_or((line, ""), |it| (it, "␍"));
    let kept = if line.starts_with(['+', '-']) { body.trim_end_matches([' ', '\t']) } else { body };
    let blanks: String = body[kept.len()..].chars().map(|it| if it == '\t' { '→' } else { '·' }).collect();
    plain(kept).replace('\n', " ") + &blanks + if line.starts_with(['+', '-']) { end } else { "" }
}

fn tone(line: &str) -> Tone {
    match line.as_bytes() {
        [b'+', b'+', b'+', b' ', ..] | [b'-', b'-', b'-', b' ', ..] => Tone::Strong,
        [b'+', ..] => Tone::Good,
        [b'-', ..] => Tone::Bad,
        [b'@', b'@', ..] => Tone::Code,
        _ if line.starts_with("diff ") => Tone::Strong,
        _ if line.starts_with("index ") => Tone::Faint,
        _ => Tone::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn white_space_that_changed_is_seen() {
        let lines = diff("-a  \t\n+a\n-b\r\n+b\n same  \r\n", 9);
        assert_eq!(text(&lines), "-a··→\n+a\n-b␍\n+b\n same\n");
    }

    #[test]
    fn additions_and_removals_have_their_tones_and_a_flood_is_cut() {
        let lines = diff("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-old\x1b[2J\n+new\n same\n", 6);
        assert!(lines[4].paint(true).starts_with("\x1b[1;31m-old"));
        assert!(lines[5].paint(true).starts_with("\x1b[32m+new"));
        assert!(text(&lines).ends_with("+new\n… 1 more lines\n"));
    }
}
