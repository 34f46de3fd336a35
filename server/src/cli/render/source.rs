//! A remark at a place of a source text, as compilers show it: arrow, gutter, the line, carets.

use super::{Line, Tone, line::columns};
use crate::agent::terminal::plain::plain;

/// What is remarked.
#[derive(Debug, Clone, Copy)]
pub struct Remark<'a> {
    /// `error`, `warning`, … with its tone.
    pub level: (&'a str, Tone),
    /// The rule's name; may be empty.
    pub code: &'a str,
    /// What is wrong.
    pub message: &'a str,
    /// File and place.
    pub spot: Option<Spot<'a>>,
    /// Behind the place: who says so, which id.
    pub note: &'a str,
    /// What to do about it.
    pub help: &'a str,
}

/// A place with the source line there.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// The file.
    pub path: &'a str,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub column: u32,
    /// Column behind the last character on the same line, where that is known.
    pub end_column: Option<u32>,
    /// The source line, where it could be had.
    pub source: Option<&'a str>,
}

/// Returns a remark as lines.
pub fn remark(remark: &Remark<'_>, width: usize) -> Vec<Line> {
    let (level, tone) = remark.level;
    let mut head = Line::new().with(tone, level);
    if !remark.code.is_empty() {
        head.push(tone, format!("[{}]", plain(remark.code)));
    }
    head.push(Tone::Plain, ": ");
    let message = plain(remark.message);
    let mut paragraphs = message.lines();
    head.push(Tone::Strong, paragraphs.next().unwrap_or(""));
    let mut lines = head.wrap(width, &Line::new(), &"  ".into());
    for more in paragraphs.filter(|it| !it.trim().is_empty()) {
        lines.extend(Line::plain(more.trim_end()).wrap(width, &"  ".into(), &"  ".into()));
    }
    let gutter = remark.spot.map_or(1, |it| it.line.to_string().len());
    let edge = Line::plain(" ".repeat(gutter + 1));
    if let Some(spot) = remark.spot {
        let mut arrow = Line::plain(" ".repeat(gutter)).with(Tone::Note, "--> ");
        arrow.push(Tone::Code, format!("{}:{}:{}", plain(spot.path), spot.line, spot.column));
        if !remark.note.is_empty() {
            arrow.push(Tone::Faint, format!("  {}", plain(remark.note)));
        }
        lines.push(arrow);
        if let Some(source) = spot.source.filter(|it| !it.trim().is_empty()) {
            lines.extend(excerpt(&spot, source, gutter, tone, width));
        }
    } else if !remark.note.is_empty() {
        lines.push(edge.clone().with(Tone::Faint, format!("= {}", plain(remark.note))));
    }
    if !remark.help.is_empty() {
        let first = edge.clone().with(Tone::Note, "= ").with(Tone::Strong, "help: ");
        let rest = Line::plain(" ".repeat(gutter + 9));
        let help = plain(remark.help);
        for (index, part) in help.lines().enumerate() {
            let lead = if index == 0 { &first } else { &rest };
            lines.extend(Line::plain(part).wrap(width, lead, &rest));
        }
    }
    lines
}

/// Returns the source line with carets under the place. A line longer than the terminal is cut around nothing: its start is
/// shown, since that tells most.
fn excerpt(spot: &Spot<'_>, source: &str, gutter: usize, tone: Tone, width: usize) -> Vec<Line> {
    let number = spot.line.to_string();
    let bar = Line::plain(" ".repeat(gutter + 1)).with(Tone::Note, "|");
    let clean = plain(source.trim_end_matches(['\r', '\n']));
    let shown = clean.replace('\t', "    ");
    let code = Line::new().with(Tone::Note, format!("{number:>gutter$} | ")).with(Tone::Plain, &shown).cut(width);
    let mut lines = vec![bar.clone(), code];
    let start = usize::try_from(spot.column.saturating_sub(1)).unwrap_or(0);
    let length = clean.chars().count();
    // A remark may be about the end of the line itself, just behind its last character.
    if start <= length {
        let end = spot.end_column.and_then(|it| usize::try_from(it.saturating_sub(1)).ok());
        let end = end.unwrap_or(start + 1).clamp(start + 1, length.max(start + 1));
        let lead: String = clean.chars().take(start).collect::<String>().replace('\t', "    ");
        let under: String = clean.chars().skip(start).take(end - start).collect::<String>().replace('\t', "    ");
        let mut carets = bar;
        carets.push(Tone::Plain, " ".repeat(columns(&lead) + 1));
        carets.push(tone, "^".repeat(columns(&under).max(1)));
        lines.push(carets.cut(width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn a_remark_looks_like_a_compilers() {
        let lines = remark(
            &Remark {
                level: ("error", Tone::Bad),
                code: "unknown_field",
                message: "unknown field `promt`",
                spot: Some(Spot {
                    path: "ship.yaml",
                    line: 12,
                    column: 4,
                    end_column: Some(9),
                    source: Some("\t- promt: x"),
                }),
                note: "",
                help: "write `prompt`",
            },
            80,
        );
        insta::assert_snapshot!(text(&lines), @r"
        error[unknown_field]: unknown field `promt`
          --> ship.yaml:12:4
           |
        12 |     - promt: x
           |       ^^^^^
           = help: write `prompt`
        ");
    }

    #[test]
    fn blanks_at_a_lines_end_and_the_end_itself_are_pointed_at() {
        for (column, under) in [(3, "   |   ^^"), (5, "   |     ^")] {
            let spot = Spot { path: "a", line: 1, column, end_column: Some(5), source: Some("ab  \n") };
            let it =
                Remark { level: ("hint", Tone::Note), code: "", message: "m", spot: Some(spot), note: "", help: "" };
            let shown = text(&remark(&it, 80));
            assert_eq!(shown.lines().last().unwrap(), under.replacen("   |", "  |", 1), "{shown}");
        }
    }

    #[test]
    fn a_place_outside_its_line_has_no_carets() {
        let spot = Spot { path: "a", line: 1, column: 99, end_column: Some(3), source: Some("short") };
        let of =
            Remark { level: ("hint", Tone::Note), code: "", message: "m", spot: Some(spot), note: "@lint", help: "" };
        assert!(!text(&remark(&of, 80)).contains('^'));
    }
}
