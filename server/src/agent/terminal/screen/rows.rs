//! A screen as rows of text with colours, and which of them changed.
//!
//! Pure. What comes out can be shown anywhere: no control, nothing invisible.

use vt100::{Cell, Color, Screen};

use super::plain;
use crate::protocol::{TerminalColor, TerminalRow, TerminalRun};

/// Returns the rows that differ from those of `before`; all where there is nothing to compare with.
pub fn changed(screen: &Screen, before: Option<&Screen>) -> Vec<TerminalRow> {
    let (rows, cols) = screen.size();
    let differs = |row: u16| match before {
        Some(before) => (0..cols.get()).any(|col| screen.cell(row, col) != before.cell(row, col)),
        None => true,
    };
    (0..rows.get()).filter(|it| differs(*it)).map(|it| TerminalRow { row: it, runs: runs(screen, it) }).collect()
}

/// Returns a row as stretches of one look, without the plain blanks at its end.
fn runs(screen: &Screen, row: u16) -> Vec<TerminalRun> {
    let mut runs: Vec<TerminalRun> = Vec::new();
    for col in 0..screen.size().1.get() {
        let Some(cell) = screen.cell(row, col).filter(|it| !it.is_wide_continuation()) else { continue };
        let text = if cell.has_contents() { cell.contents() } else { " " };
        let run = TerminalRun {
            text: String::new(),
            fg: colour(cell.fgcolor()),
            bg: colour(cell.bgcolor()),
            style: style(cell),
        };
        match runs.last_mut() {
            Some(last) if (&last.fg, &last.bg, &last.style) == (&run.fg, &run.bg, &run.style) => {
                last.text.push_str(text);
            }
            _ => runs.push(TerminalRun { text: text.to_owned(), ..run }),
        }
    }
    while let Some(last) = runs.last_mut() {
        // A blank shows where it has a background, a line under it, or is reversed.
        if last.bg.is_some() || last.style.contains(['u', 'r']) {
            break;
        }
        last.text.truncate(last.text.trim_end_matches(' ').len());
        if !last.text.is_empty() {
            break;
        }
        runs.pop();
    }
    for run in &mut runs {
        run.text = plain(&run.text);
    }
    runs
}

fn colour(it: Color) -> Option<TerminalColor> {
    match it {
        Color::Default => None,
        Color::Idx(number) => Some(TerminalColor::Index(number)),
        Color::Rgb(red, green, blue) => Some(TerminalColor::Rgb(format!("#{red:02x}{green:02x}{blue:02x}"))),
    }
}

fn style(cell: &Cell) -> String {
    let all =
        [(cell.bold(), 'b'), (cell.dim(), 'd'), (cell.italic(), 'i'), (cell.underline(), 'u'), (cell.inverse(), 'r')];
    all.into_iter().filter(|it| it.0).map(|it| it.1).collect()
}
