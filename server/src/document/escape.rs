//! Text of agents, made harmless for a document: it can't act on a screen, hide what follows, or pass for a line of ours.

use std::fmt::Write as _;

/// Returns text in which everything that could act on a screen or mislead a reader is visible: control characters, marks
/// that turn the direction of writing, and what has no width. Tabs and line breaks stay; a second pass changes nothing.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        match it {
            '\n' | '\t' => shown.push(it),
            // The line breaks of Windows are line breaks.
            '\r' if rest.peek() == Some(&'\n') => {}
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + it as u32).unwrap_or('\u{fffd}')),
            '\u{7f}' => shown.push('\u{2421}'),
            _ if is_hidden(it) => {
                let _ = write!(shown, "\u{27e8}U+{:04X}\u{27e9}", it as u32);
            }
            _ => shown.push(it),
        }
    }
    shown
}

/// Returns whether a character acts on a screen or misleads a reader without being seen: control characters of the second
/// set, marks that turn the direction of writing, separators of lines, and what has no width.
pub fn is_hidden(it: char) -> bool {
    matches!(
        it,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

/// Returns text on one line, visible.
pub fn one_line(text: &str) -> String {
    visible(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the first `most` characters, and whether there were more. What was cut is marked.
pub fn cut(text: &str, most: usize) -> (String, bool) {
    match text.char_indices().nth(most) {
        Some((at, _)) => (format!("{}… (cut)", &text[..at]), true),
        None => (text.to_owned(), false),
    }
}

/// Returns text as paragraphs: visible, and with no line that means something to those who read documents.
pub fn prose(text: &str) -> String {
    visible(text.trim()).lines().map(|it| escape_line(it.trim_end())).collect::<Vec<_>>().join("\n")
}

/// Returns a line that begins no heading, fence, quote, mark or ticked item, and opens no comment. `unescape_line` undoes it.
pub fn escape_line(line: &str) -> String {
    let line = line.replace("<!--", "\\<!--");
    let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
    if is_active(rest) { format!("{indent}\\{rest}") } else { line }
}

/// Returns a line as it was before `escape_line`.
pub fn unescape_line(line: &str) -> String {
    let (indent, rest) = line.split_at(line.len() - line.trim_start().len());
    let rest = match rest.strip_prefix('\\') {
        Some(after) if is_active(after) => after,
        _ => rest,
    };
    format!("{indent}{rest}").replace("\\<!--", "<!--")
}

fn is_active(rest: &str) -> bool {
    let bullet = rest.strip_prefix(['-', '*', '+']).is_some_and(|it| it.trim_start().starts_with('['));
    bullet || rest.starts_with(['#', '>', '\\']) || rest.starts_with("```") || rest.starts_with("~~~")
}
