//! Rows of cells in columns that line up.

use super::{Line, Tone};

/// How wide a column is at most.
pub const WIDEST: usize = 40;

/// Returns rows as lines: a faint header, then each row with its columns aligned. The last column takes what is left of
/// `width`, and goes on below itself where that is not enough.
pub fn table(header: &[&str], rows: &[Vec<Line>], width: usize) -> Vec<Line> {
    let mut widths: Vec<usize> = header.iter().map(|it| it.len()).collect();
    for row in rows {
        for (have, cell) in widths.iter_mut().zip(row) {
            // One long cell must not push the others off the screen.
            *have = (*have).max(cell.width().min(WIDEST));
        }
    }
    let head = header.iter().map(|it| Line::new().with(Tone::Faint, it)).collect::<Vec<_>>();
    std::iter::once(&head).chain(rows).flat_map(|row| align(row, &widths, width)).collect()
}

fn align(row: &[Line], widths: &[usize], width: usize) -> Vec<Line> {
    let Some((last, front)) = row.split_last() else { return Vec::new() };
    let mut line = Line::new();
    for (cell, wide) in front.iter().zip(widths) {
        let cell = cell.cut(*wide);
        line.append(&cell);
        line.push(Tone::Plain, " ".repeat(wide.saturating_sub(cell.width()) + 2));
    }
    let below = Line::plain(" ".repeat(line.width()));
    if line.width() + 16 > width {
        // No room for a column of words: better cut than a letter a line.
        return vec![line.joined(last).cut(width)];
    }
    last.wrap(width, &line, &below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn columns_line_up_and_the_last_goes_on_below_itself() {
        let rows = [
            vec!["r1".into(), "approved".into(), "a title that is long enough to be cut".into()],
            vec!["r12".into(), "done".into(), "short".into()],
        ];
        insta::assert_snapshot!(text(&table(&["run", "status", "what"], &rows, 36)), @r"
        run  status    what
        r1   approved  a title that is long
                       enough to be cut
        r12  done      short
        ");
    }
}
