//! Where a remark stands in a text that is being typed in: found by the line that it speaks of, and carried along by edits.
//!
//! Pure, and state first: a mark can always be made anew from the remark and the text, so nothing is lost with an editor.

use std::ops::Range;

use super::position::{Splice, floor, lines};
use crate::finding::Place;

/// How far from its number a line is looked for.
const NEAR: usize = 400;

/// A remark's place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The bytes that it is on, within the text.
    pub range: Range<usize>,
    /// Whether the text that it spoke of is another now.
    pub stale: bool,
    /// The line that it spoke of; where the remark did not say, as it was when the mark was made.
    said: String,
    /// Where it begins behind its line's indent, in bytes, and how long it is.
    within: (usize, usize),
}

impl Mark {
    /// Finds a remark's place: at its number where the line is the one spoken of, else at the nearest line that is, else at
    /// its number, and stale.
    pub fn find(text: &str, place: &Place, excerpt: Option<&str>) -> Self {
        let rows: Vec<(usize, usize)> = lines(text).collect();
        let wanted = (place.line.max(1) as usize - 1).min(rows.len() - 1);
        let is_said = |row: usize, said: &str| squeeze(&text[rows[row].0..rows[row].1]) == said;
        let said = excerpt.map(|it| squeeze(it.lines().find(|it| !it.trim().is_empty()).unwrap_or("")));
        let said = said.filter(|it| !it.is_empty());
        let (row, stale) = match &said {
            None => (wanted, false),
            Some(said) if is_said(wanted, said) => (wanted, false),
            Some(said) => match nearest(wanted, rows.len(), said, &|row| is_said(row, said)) {
                Some(row) => (row, false),
                None => (wanted, true),
            },
        };
        let moved = place.end_line.map(|end| row + (end.saturating_sub(place.line) as usize));
        let range = within(text, &rows, row, moved, place);
        let said = said.unwrap_or_else(|| squeeze(&text[rows[row].0..rows[row].1]));
        let within = (range.start.saturating_sub(rows[row].0 + indent(&text[rows[row].0..rows[row].1])), range.len());
        Self { range, stale, said, within }
    }

    /// Carries the mark over edits, each of the text that the one before left. `text` is what the last one left.
    #[must_use]
    pub fn carried(&self, text: &str, splices: &[Splice]) -> Self {
        let Range { mut start, mut end } = self.range;
        let mut swallowed = false;
        for splice in splices {
            // Replaced with the lines around it, as by a client that sends whole texts: it is looked for in what came.
            let came = text.get(splice.start..splice.start + splice.length).unwrap_or_default();
            swallowed |= splice.start <= start && end <= splice.end && came.contains('\n');
            // What is typed right before the mark pushes it on; right behind it is not part of it.
            start = if start < splice.start { start } else { moved(start, splice, true) };
            end = if end <= splice.start { end } else { moved(end, splice, false) };
            end = end.max(start);
        }
        self.settled(text, start, end, swallowed)
    }

    /// Looks whether the line at the new place is still the one spoken of; one that moved far is looked for.
    fn settled(&self, text: &str, start: usize, end: usize, swallowed: bool) -> Self {
        let start = floor(text, start);
        let end = floor(text, end).max(start);
        let rows: Vec<(usize, usize)> = lines(text).collect();
        let row = rows.iter().rposition(|it| it.0 <= start).unwrap_or(0);
        let is_said = |row: usize| squeeze(&text[rows[row].0..rows[row].1]) == self.said;
        if is_said(row) && !swallowed {
            let (from, to) = rows[row];
            let within = (start.saturating_sub(from + indent(&text[from..to])), end - start);
            return Self { range: start..end, stale: false, said: self.said.clone(), within };
        }
        let found = if is_said(row) { Some(row) } else { nearest(row, rows.len(), &self.said, &is_said) };
        let range = match found {
            Some(row) => self.on_line(text, rows[row]),
            None if swallowed => rows[row].0 + indent(&text[rows[row].0..rows[row].1])..rows[row].1,
            None => start..end,
        };
        Self { range, stale: found.is_none(), said: self.said.clone(), within: self.within }
    }

    /// Returns the mark's place on a line that is the one spoken of: where it was on it, or all of it.
    fn on_line(&self, text: &str, (from, to): (usize, usize)) -> Range<usize> {
        let (column, length) = self.within;
        let begin = from + indent(&text[from..to]);
        let start = floor(text, begin + column);
        if start > to {
            return begin..to;
        }
        start..floor(text, (start + length).min(text.len())).max(start)
    }
}

/// Returns where a byte at or behind an edit's start is after it.
fn moved(at: usize, splice: &Splice, start: bool) -> usize {
    if at >= splice.end {
        at - (splice.end - splice.start) + splice.length
    } else if start {
        // The mark's start was replaced: what took its place begins where the edit did.
        splice.start
    } else {
        splice.start + splice.length
    }
}

/// Returns the nearest row that is the one spoken of. Lines that say next to nothing are everywhere, and none is looked for.
fn nearest(from: usize, rows: usize, said: &str, is_said: &dyn Fn(usize) -> bool) -> Option<usize> {
    if said.chars().filter(|it| it.is_alphanumeric()).count() < 3 {
        return None;
    }
    (1..NEAR).find_map(|away| {
        let below = from.checked_add(away).filter(|it| *it < rows && is_said(*it));
        below.or_else(|| from.checked_sub(away).filter(|it| is_said(*it)))
    })
}

/// Returns the bytes of a place whose first row is `row`, and its last `last` where it has several.
fn within(text: &str, rows: &[(usize, usize)], row: usize, last: Option<usize>, place: &Place) -> Range<usize> {
    let column = |row: usize, column: u32| {
        let (start, end) = rows[row];
        let line = &text[start..end];
        line.char_indices().nth(column.max(1) as usize - 1).map_or(end, |it| start + it.0)
    };
    let (first, end_of_first) = rows[row];
    // Column 1 may mean that none is known; the line's text is what is meant then.
    let start = match place.column {
        0 | 1 => first + indent(&text[first..end_of_first]),
        it => column(row, it),
    };
    let last = last.unwrap_or(row).min(rows.len() - 1);
    let end = match place.end_column {
        Some(it) => column(last, it),
        None => rows[last].0 + text[rows[last].0..rows[last].1].trim_end().len(),
    };
    start.min(end.max(first))..end.max(start)
}

fn indent(line: &str) -> usize {
    let bare = line.trim_start();
    if bare.is_empty() { 0 } else { line.len() - bare.len() }
}

fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::position::splice;

    const CODE: &str = "fn a() {\n    let x = 1;\n    x\n}\n\nfn b() {\n    let y = 2;\n}\n";

    fn place(line: u32, column: u32, end_column: Option<u32>) -> Place {
        Place { path: "a.rs".to_owned(), line, column, end_line: None, end_column }
    }

    /// Shows a mark as the text with brackets around it, a question mark before it where it is stale.
    fn shown(text: &str, mark: &Mark) -> String {
        let Range { start, end } = mark.range;
        let sign = if mark.stale { "?" } else { "" };
        let line = text[..start].rfind('\n').map_or(0, |it| it + 1);
        format!("{}:{sign}[{}]", text[..line].matches('\n').count() + 1, &text[start..end])
    }

    /// Puts `new` for the first `old` of the text and carries the mark along.
    fn typed(text: &mut String, mark: &mut Mark, old: &str, new: &str) {
        let start = text.find(old).unwrap();
        text.replace_range(start..start + old.len(), new);
        *mark = mark.carried(text, &[splice(start, old, new)]);
    }

    #[test]
    fn a_place_is_found_by_its_number_and_its_line() {
        let find = |place: &Place, excerpt| shown(CODE, &Mark::find(CODE, place, excerpt));
        assert_eq!(find(&place(2, 9, Some(10)), Some("    let x = 1;")), "2:[x]");
        assert_eq!(find(&place(2, 1, None), Some("let x = 1;")), "2:[let x = 1;]");
        assert_eq!(find(&place(1, 1, None), Some("  let  y = 2;")), "7:[let y = 2;]", "the line moved down");
        assert_eq!(find(&place(99, 5, None), Some("let x = 1;")), "2:[let x = 1;]");
        assert_eq!(find(&place(2, 1, None), Some("let z = 3;")), "2:?[let x = 1;]", "the line is gone");
        assert_eq!(find(&place(3, 1, None), None), "3:[x]");
        assert_eq!(find(&place(1, 1, None), Some("}")), "1:?[fn a() {]", "a brace could be any");
        let several = Place { end_line: Some(3), end_column: Some(6), ..place(2, 5, None) };
        assert_eq!(find(&several, None), "2:[let x = 1;\n    x]");
        assert_eq!(shown("", &Mark::find("", &place(4, 4, Some(9)), None)), "1:[]");
        assert_eq!(find(&Place { end_line: Some(900), ..place(8, 4_000, Some(1)) }, None), "8:[\n]");
    }

    #[test]
    fn a_mark_follows_the_typing() {
        let mut text = CODE.to_owned();
        let mut mark = Mark::find(&text, &place(7, 9, Some(10)), Some("    let y = 2;"));
        typed(&mut text, &mut mark, "fn a", "// One more.\n\nfn a");
        assert_eq!(shown(&text, &mark), "9:[y]");
        typed(&mut text, &mut mark, "    let x = 1;\n", "");
        assert_eq!(shown(&text, &mark), "8:[y]");
        typed(&mut text, &mut mark, "    let", "        let");
        assert_eq!(shown(&text, &mark), "8:[y]", "only the indent changed");
        typed(&mut text, &mut mark, "y = 2", "y = 3");
        assert_eq!(shown(&text, &mark), "8:?[y]");
        typed(&mut text, &mut mark, "y = 3", "y = 2");
        assert_eq!(shown(&text, &mark), "8:[y]", "undo makes it fresh again");
    }

    #[test]
    fn a_mark_outlives_what_it_stands_on() {
        let mut text = CODE.to_owned();
        let mut mark = Mark::find(&text, &place(7, 9, Some(10)), Some("    let y = 2;"));
        typed(&mut text, &mut mark, "    let y = 2;\n", "");
        assert_eq!(shown(&text, &mark), "7:?[]");
        typed(&mut text, &mut mark, "fn a", "    let y = 2;\nfn a");
        assert_eq!(shown(&text, &mark), "1:[y]", "cut and put back elsewhere");
        // Replaced with all around it, as by clients that send whole texts, it is where it was on its line.
        let old = text.clone();
        let changed = text.replace("fn a() {", "fn first() {\n    // Here.");
        let mark = mark.carried(&changed, &[Splice { start: 0, end: old.len(), length: changed.len() }]);
        assert_eq!(shown(&changed, &mark), "1:[y]");
        let without = changed.replace("let y = 2;", "let z = 2;");
        let stale = mark.carried(&without, &[Splice { start: 0, end: changed.len(), length: without.len() }]);
        assert_eq!(shown(&without, &stale), "1:?[let z = 2;]");
        let back = stale.carried(&text, &[Splice { start: 0, end: without.len(), length: text.len() }]);
        assert_eq!(shown(&text, &back), "1:[y]");
        let mark = back;
        let whole = text.len();
        let gone = mark.carried("", &[Splice { start: 0, end: whole, length: 0 }]);
        assert_eq!((gone.range, gone.stale), (0..0, true));
        // The mark's middle is replaced, and what is beside it stays out of it.
        let mut text = "aa bb cc dd\n".to_owned();
        let mut mark = Mark::find(&text, &place(1, 4, Some(9)), None);
        assert_eq!(shown(&text, &mark), "1:[bb cc]");
        typed(&mut text, &mut mark, " dd", "! dd");
        assert_eq!(shown(&text, &mark), "1:?[bb cc]");
        typed(&mut text, &mut mark, "b c", "b ä c");
        assert_eq!(shown(&text, &mark), "1:?[bb ä cc]");
    }
}
