//! Rows of cells in columns that line up.

use super::{Line, Tone};

/// Returns rows as lines: a faint header, then each row with its columns aligned, cut to `width`. The last column takes
/// what is left.
pub fn table(header: &[&str], rows: &[Vec<Line>], width: usize) -> Vec<Line> {
    let mut widths: Vec<usize> = header.iter().map(|it| it.len()).collect();
    for row in rows {
        for (have, cell) in widths.iter_mut().zip(row) {
            // One long cell must not push the others off the screen.
            *have = (*have).max(cell.width().min(40));
        }
    }
    let head = header.iter().map(|it| Line::new().with(Tone::Faint, it)).collect::<Vec<_>>();
    std::iter::once(&head).chain(rows).map(|row| align(row, &widths).cut(width)).collect()
}

fn align(row: &[Line], widths: &[usize]) -> Line {
    let mut line = Line::new();
    for (index, cell) in row.iter().enumerate() {
        let is_last = index + 1 == row.len();
        let wide = widths.get(index).copied().unwrap_or(0);
        let cell = if is_last { cell.clone() } else { cell.cut(wide) };
        line.append(&cell);
        if !is_last {
            line.push(Tone::Plain, " ".repeat(wide.saturating_sub(cell.width()) + 2));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn columns_line_up_and_the_last_is_cut() {
        let rows = [
            vec!["r1".into(), "approved".into(), "a title that is long enough to be cut".into()],
            vec!["r12".into(), "done".into(), "short".into()],
        ];
        insta::assert_snapshot!(text(&table(&["run", "status", "what"], &rows, 36)), @r"
        run  status    what
        r1   approved  a title that is long…
        r12  done      short
        ");
    }
}
