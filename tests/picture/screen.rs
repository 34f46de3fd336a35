//! Bytes that a program printed, as lines of styled text: what a terminal of that size would have shown, with the lines
//! that left at its top. Pure.

use std::num::NonZeroU16;

/// A colour, as a terminal names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// The terminal's own.
    Own,
    /// One of the 256.
    Index(u8),
    /// Red, green, blue.
    Rgb(u8, u8, u8),
}

/// Text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The text, without control characters.
    pub text: String,
    /// Where it begins, in cells.
    pub column: usize,
    /// How many cells it takes.
    pub width: usize,
    /// The letters' colour.
    pub front: Colour,
    /// The colour behind them.
    pub back: Colour,
    /// Whether it is bold.
    pub bold: bool,
    /// Whether it is dim.
    pub dim: bool,
    /// Whether it is slanted.
    pub italic: bool,
    /// Whether it is underlined.
    pub underline: bool,
}

/// Returns every line that was shown, the ones that left the screen included, empty ones at the end taken off.
pub fn lines(bytes: &[u8], columns: u16, rows: u16) -> Vec<Vec<Span>> {
    let (Some(columns), Some(rows)) = (NonZeroU16::new(columns), NonZeroU16::new(rows)) else { return Vec::new() };
    // The lines that left are read back from the scrollback, so it must hold them all.
    let ended = bytes.split(|byte| *byte == b'\n').count();
    let most = ended + bytes.len() / usize::from(columns.get()) + usize::from(rows.get());
    let mut parser = vt100::Parser::new(rows, columns, most);
    parser.process(bytes);
    let screen = parser.screen_mut();
    screen.set_scrollback(most);
    let mut above = screen.scrollback();
    let mut all = Vec::new();
    while above > 0 {
        screen.set_scrollback(above);
        let step = above.min(usize::from(rows.get()));
        all.extend((0..step).map(|row| line(screen, row, columns.get())));
        above -= step;
    }
    screen.set_scrollback(0);
    all.extend((0..usize::from(rows.get())).map(|row| line(screen, row, columns.get())));
    while all.last().is_some_and(Vec::is_empty) {
        all.pop();
    }
    all
}

/// Returns what an asciicast v2 recording printed.
pub fn bytes_of_recording(text: &str) -> Result<Vec<u8>, String> {
    let mut lines = text.lines();
    let head: serde_json::Value = serde_json::from_str(lines.next().unwrap_or_default())
        .map_err(|error| format!("the recording's head: {error}"))?;
    if head["version"] != 2 {
        return Err("the recording is no asciicast of version 2".to_owned());
    }
    let mut bytes = Vec::new();
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let event: (f64, String, String) =
            serde_json::from_str(line).map_err(|error| format!("the recording's line {}: {error}", number + 2))?;
        if event.1 == "o" {
            bytes.extend_from_slice(event.2.as_bytes());
        }
    }
    Ok(bytes)
}

fn line(screen: &vt100::Screen, row: usize, columns: u16) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let Ok(row) = u16::try_from(row) else { return spans };
    for column in 0..columns {
        let Some(cell) = screen.cell(row, column).filter(|cell| !cell.is_wide_continuation()) else { continue };
        let next = span(cell, usize::from(column));
        match spans.last_mut() {
            Some(last) if same_style(last, &next) && last.column + last.width == next.column => {
                last.text += &next.text;
                last.width += next.width;
            }
            _ => spans.push(next),
        }
    }
    while spans.last().is_some_and(|span| span.text.trim().is_empty() && span.back == Colour::Own) {
        spans.pop();
    }
    spans
}

fn span(cell: &vt100::Cell, column: usize) -> Span {
    let text: String = cell.contents().chars().filter(|letter| !letter.is_control()).collect();
    let (mut front, mut back) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        // The terminal's own colours swap too, so they must be named.
        let named = |colour, name| if colour == Colour::Own { Colour::Index(name) } else { colour };
        (front, back) = (named(back, 0), named(front, 7));
    }
    Span {
        text: if text.is_empty() { " ".to_owned() } else { text },
        column,
        width: if cell.is_wide() { 2 } else { 1 },
        front,
        back,
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underline: cell.underline(),
    }
}

fn same_style(one: &Span, other: &Span) -> bool {
    let style = |span: &Span| (span.front, span.back, span.bold, span.dim, span.italic, span.underline);
    style(one) == style(other)
}

fn colour(colour: vt100::Color) -> Colour {
    match colour {
        vt100::Color::Default => Colour::Own,
        vt100::Color::Idx(index) => Colour::Index(index),
        vt100::Color::Rgb(red, green, blue) => Colour::Rgb(red, green, blue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(bytes: &[u8], columns: u16, rows: u16) -> Vec<String> {
        let text =
            |line: &Vec<Span>| line.iter().map(|span| span.text.as_str()).collect::<String>().trim_end().to_owned();
        lines(bytes, columns, rows).iter().map(text).collect()
    }

    #[test]
    fn lines_that_left_the_screen_are_kept_in_order() {
        let printed: String = (1..=25).fold(String::new(), |text, number| text + &format!("line {number}\r\n"));
        let expected: Vec<String> = (1..=25).map(|number| format!("line {number}")).collect();
        assert_eq!(texts(printed.as_bytes(), 20, 10), expected);
    }

    #[test]
    fn styles_become_spans_and_redrawn_lines_count_once() {
        let found = lines("spin\rdone \x1b[1;31merror\x1b[0m: \x1b[7mx\x1b[0m\r\n".as_bytes(), 40, 5);
        assert_eq!(found.len(), 1);
        let error = found[0].iter().find(|span| span.text == "error").expect("the red word");
        assert_eq!((error.column, error.front, error.bold), (5, Colour::Index(1), true));
        let inverse = found[0].iter().find(|span| span.text == "x").expect("the inverse letter");
        assert_eq!((inverse.front, inverse.back), (Colour::Index(0), Colour::Index(7)));
    }

    #[test]
    fn a_recording_gives_its_output_and_a_broken_one_its_line() {
        let cast = "{\"version\":2,\"width\":80,\"height\":24}\n[0.1,\"o\",\"a\"]\n[0.2,\"i\",\"x\"]\n[0.3,\"o\",\"b\\r\\n\"]\n";
        assert_eq!(bytes_of_recording(cast).unwrap(), b"ab\r\n");
        assert!(bytes_of_recording("{\"version\":1}\n").unwrap_err().contains("version 2"));
        assert!(bytes_of_recording("{\"version\":2}\n[0.1]\n").unwrap_err().contains("line 2"));
    }
}
