//! Markdown as a terminal can show it: headings, lists, quotes, fences, `code` and **strong**; the rest as it is.

use super::{Line, Tone};
use crate::agent::terminal::plain::plain;

/// Returns Markdown as lines of at most `width` columns, each behind `indent` spaces. Code in fences is not wrapped.
pub fn markdown(text: &str, width: usize, indent: usize) -> Vec<Line> {
    let text = plain(text);
    let mut lines = Vec::new();
    let mut fence: Option<String> = None;
    for raw in text.lines() {
        let raw = raw.trim_end();
        let bare = raw.trim_start();
        if let Some(open) = &fence {
            if bare.starts_with(open.as_str()) && bare.trim_start_matches(['`', '~']).is_empty() {
                fence = None;
            } else {
                lines.push(pad(indent).with(Tone::Faint, "│ ").with(Tone::Code, expand(raw)));
            }
            continue;
        }
        if let Some(open) = fence_of(bare) {
            fence = Some(open);
            continue;
        }
        if bare.is_empty() {
            // One blank line between paragraphs, none at the start.
            if lines.last().is_some_and(|it: &Line| it.width() > 0) {
                lines.push(Line::new());
            }
            continue;
        }
        let depth = raw.len() - bare.len();
        let (mark, body, tone) = split_mark(bare);
        let first = pad(indent + depth).with(Tone::Faint, &mark);
        let rest = pad(indent + depth + super::line::columns(&mark));
        lines.extend(inline(body, tone).wrap(width, &first, &rest));
    }
    while lines.last().is_some_and(|it| it.width() == 0) {
        lines.pop();
    }
    lines
}

/// Returns one line of Markdown with its `code` and **strong** spans toned; marks that do not close stay as they are.
pub fn inline(text: &str, base: Tone) -> Line {
    let mut line = Line::new();
    let mut rest = text;
    while let Some(at) = rest.find(['`', '*']) {
        let (before, marked) = rest.split_at(at);
        line.push(base, before);
        let mark = if marked.starts_with("**") { "**" } else { &marked[..1] };
        let inside = &marked[mark.len()..];
        let end = if mark == "*" { None } else { inside.find(mark).filter(|it| *it > 0) };
        if let Some(end) = end {
            line.push(if mark == "`" { Tone::Code } else { Tone::Strong }, &inside[..end]);
            rest = &inside[end + mark.len()..];
        } else {
            line.push(base, mark);
            rest = inside;
        }
    }
    line.push(base, rest);
    line
}

fn pad(columns: usize) -> Line {
    Line::plain(" ".repeat(columns))
}

fn expand(text: &str) -> String {
    text.replace('\t', "    ")
}

fn fence_of(bare: &str) -> Option<String> {
    let mark = bare.chars().next().filter(|it| *it == '`' || *it == '~')?;
    let length = bare.chars().take_while(|it| *it == mark).count();
    (length >= 3).then(|| mark.to_string().repeat(length))
}

/// Splits a line into the mark that is shown before it, its text, and the tone of that.
fn split_mark(bare: &str) -> (String, &str, Tone) {
    let hashes = bare.bytes().take_while(|it| *it == b'#').count();
    if (1..=6).contains(&hashes)
        && let Some(title) = bare[hashes..].strip_prefix(' ')
    {
        return (String::new(), title.trim(), Tone::Strong);
    }
    for (mark, shown) in
        [("- [x] ", "[x] "), ("- [X] ", "[x] "), ("- [ ] ", "[ ] "), ("- ", "• "), ("* ", "• "), ("> ", "│ ")]
    {
        if let Some(body) = bare.strip_prefix(mark) {
            let tone = if shown == "│ " { Tone::Faint } else { Tone::Plain };
            return (shown.to_owned(), body.trim_start(), tone);
        }
    }
    let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
    if (1..=3).contains(&digits)
        && let Some(body) = bare[digits..].strip_prefix(". ")
    {
        return (bare[..digits + 2].to_owned(), body.trim_start(), Tone::Plain);
    }
    (String::new(), bare, Tone::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn headings_lists_fences_and_spans_are_shown() {
        let lines = markdown(
            "# The title\n\n\nA **strong** word and `code` in a paragraph that is wrapped.\n- one that is rather long for this width\n  - two\n1. first\n> quoted\n\n```rust\nfn main() {}\n\tx\n```\n\n",
            40,
            2,
        );
        insta::assert_snapshot!(text(&lines), @r"
          The title

          A strong word and code in a paragraph
          that is wrapped.
          • one that is rather long for this
            width
            • two
          1. first
          │ quoted

          │ fn main() {}
          │     x
        ");
    }

    #[test]
    fn marks_that_do_not_close_stay() {
        assert_eq!(inline("2 * 3 ** 4 ` 5", Tone::Plain).text(), "2 * 3 ** 4 ` 5");
        assert_eq!(inline("**** and ``", Tone::Plain).text(), "**** and ``");
    }

    #[test]
    fn an_agents_escape_sequences_are_not_shown() {
        let lines = markdown("a\x1b]52;c;aGk=\x07b\n```\n\x1b[31mred\x1b[0m\n```", 80, 0);
        assert_eq!(text(&lines), "ab\n│ red\n");
    }
}
