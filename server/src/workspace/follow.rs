//! Where a remark stands in a file that was changed: the text that its place is in, the text of now, and the place there.
//!
//! Pure. Lines are compared. A remark keeps to the lines that it speaks of wherever they went; where they are others now it stays
//! where they stood, and is stale.

use std::{ops::Range, time::Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::finding::Place;

/// How far from where they should be the lines spoken of are looked for, when they were moved.
const NEAR: usize = 2_000;

/// Where a remark stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// Its place in the text of now.
    pub place: Place,
    /// Whether what it speaks of is another now.
    pub stale: bool,
}

/// The lines of two texts of a file, and what became of them.
pub struct Followed<'a> {
    old: Vec<&'a str>,
    new: Vec<&'a str>,
    /// The stretches that are the same: where they begin in both, and how long they are.
    same: Vec<(usize, usize, usize)>,
}

impl<'a> Followed<'a> {
    /// Compares two texts. Behind the deadline the comparison is coarser, never wrong.
    pub fn compare(old: &'a str, new: &'a str, deadline: Option<Instant>) -> Self {
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        let ops = capture_diff_slices_deadline(Algorithm::Patience, &old, &new, deadline);
        let same = ops.iter().filter_map(|it| match it {
            DiffOp::Equal { old_index, new_index, len } => Some((*old_index, *new_index, *len)),
            _ => None,
        });
        // What the library calls the same is looked at again, so that no fault of it can put a remark elsewhere.
        let same = same.filter(|(from, to, len)| old.get(*from..from + len) == new.get(*to..to + len)).collect();
        Self { old, new, same }
    }

    /// Returns where a remark stands now. `said` is what it spoke of when it was made, as [`said`] gives it; `was_stale` whether that
    /// was another already.
    pub fn place(&self, place: &Place, said: &str, was_stale: bool) -> Stands {
        let rows = rows(place, self.old.len());
        let count = rows.len();
        let (start, kept) = self.moved(&rows);
        let at = |start: usize, stale: bool| Stands { place: shifted(place, start), stale };
        if !was_stale && kept {
            return at(start, false);
        }
        // Re-indented, wrapped in something, cut and put elsewhere, or undone: the same words are the same thing.
        let now = |start: usize| self.new.get(start..start + count).map(squeezed);
        let is_said = |start: usize| now(start).is_some_and(|it| it == said);
        if !said.is_empty() && is_said(start) {
            return at(start, false);
        }
        let tells = said.chars().filter(|it| it.is_alphanumeric()).count() >= 3;
        let near = |away: usize| {
            let below = Some(start + away).filter(|it| is_said(*it));
            below.or_else(|| start.checked_sub(away).filter(|it| is_said(*it)))
        };
        match (1..NEAR).find_map(near).filter(|_| tells) {
            Some(start) => at(start, false),
            None => at(start.min(self.new.len().saturating_sub(1)), true),
        }
    }

    /// Returns the row at which these rows of the old text begin in the new one, and whether all of them are there as they were.
    fn moved(&self, rows: &Range<usize>) -> (usize, bool) {
        let whole = self.same.iter().find(|(from, _, len)| *from <= rows.start && rows.end <= from + len);
        if let Some((from, to, _)) = whole {
            return (to + (rows.start - from), true);
        }
        let holds = self.same.iter().find(|(from, _, len)| *from <= rows.start && rows.start < from + len);
        if let Some((from, to, _)) = holds {
            return (to + (rows.start - from), false);
        }
        // The first row was replaced: it stood right behind what is the same before it.
        let before = self.same.iter().rev().find(|(from, _, len)| from + len <= rows.start);
        before.map_or((0, false), |(from, to, len)| {
            let gap = self.same.iter().find(|it| it.0 >= from + len).map_or(self.new.len(), |it| it.1);
            ((to + len + (rows.start - from - len)).min(gap.saturating_sub(1)).max(to + len), false)
        })
    }
}

/// Returns what a place speaks of: its lines, each run of white space as one space.
pub fn said(text: &str, place: &Place) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(rows(place, lines.len())).map(squeezed).unwrap_or_default()
}

fn squeezed(lines: &[&str]) -> String {
    let words: Vec<&str> = lines.iter().flat_map(|it| it.split_whitespace()).collect();
    words.join(" ")
}

/// Returns the rows of a place, from 0, within so many.
fn rows(place: &Place, count: usize) -> Range<usize> {
    let last = count.saturating_sub(1);
    let start = (place.line.max(1) as usize - 1).min(last);
    let end = place.end_line.map_or(start, |it| (it.max(1) as usize - 1).clamp(start, last));
    if count == 0 { 0..0 } else { start..end + 1 }
}

/// Returns a place whose first row is another.
fn shifted(place: &Place, row: usize) -> Place {
    let line = u32::try_from(row).unwrap_or(u32::MAX - 1).saturating_add(1);
    let end_line = place.end_line.map(|it| line.saturating_add(it.saturating_sub(place.line)));
    Place { line, end_line, ..place.clone() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(line: u32, end_line: Option<u32>) -> Place {
        Place { path: "a.rs".to_owned(), line, column: 5, end_line, end_column: None }
    }

    /// Follows the remark on `line` (to `end`) from one text to another and shows where it stands, with `?` where it is stale.
    #[track_caller]
    fn check(old: &str, line: u32, end: Option<u32>, new: &str, stands: &str) {
        let of = place(line, end);
        let it = Followed::compare(old, new, None).place(&of, &said(old, &of), false);
        let rows = rows(&it.place, new.lines().count());
        let lines: Vec<&str> = new.lines().collect();
        let sign = if it.stale { "?" } else { "" };
        assert_eq!(format!("{}:{sign}{}", it.place.line, lines[rows].join("|")), stands);
    }

    const CODE: &str = "fn a() {\n    let x = 1;\n}\n\nfn b() {\n    let y = 2;\n    y\n}\n";

    #[test]
    fn a_remark_keeps_to_its_lines() {
        check(CODE, 6, None, CODE, "6:    let y = 2;");
        check(CODE, 6, None, &format!("// One.\n\n{CODE}"), "8:    let y = 2;");
        check(CODE, 6, None, &CODE.replace("    let x = 1;\n", ""), "5:    let y = 2;");
        check(CODE, 6, Some(7), &format!("use c;\n{CODE}"), "7:    let y = 2;|    y");
        check(CODE, 6, None, &CODE.replace("    let y", "        let  y"), "6:        let  y = 2;");
        // The brace that closes the second function is not the one that closes the first.
        check(CODE, 8, None, &format!("{CODE}\nfn c() {{\n}}\n"), "8:}");
    }

    #[test]
    fn what_it_speaks_of_is_another_or_gone() {
        check(CODE, 6, None, &CODE.replace("y = 2", "y = 3"), "6:?    let y = 3;");
        check(CODE, 6, Some(7), &CODE.replace("    y\n", "    -y\n"), "6:?    let y = 2;|    -y");
        check(CODE, 6, None, &CODE.replace("    let y = 2;\n", ""), "6:?    y");
        check(CODE, 6, None, "nothing\n", "1:?nothing");
        check(CODE, 2, None, &CODE.replace("    let x = 1;\n", "    one();\n    two();\n"), "2:?    one();");
    }

    #[test]
    fn what_was_cut_and_put_elsewhere_is_found_and_a_brace_is_not_looked_for() {
        let moved = CODE.replace("    let y = 2;\n", "") + "fn c() {\n    let y = 2;\n}\n";
        check(CODE, 6, None, &moved, "9:    let y = 2;");
        check("a\n}\nb\n", 2, None, "a\nb\nc\n}\n", "2:?b");
    }

    #[test]
    fn an_undo_makes_it_fresh_again_and_an_empty_file_is_no_place() {
        let words = said(CODE, &place(6, None));
        let changed = CODE.replace("y = 2", "y = 3");
        let stale = Followed::compare(CODE, &changed, None).place(&place(6, None), &words, false);
        assert!(stale.stale);
        let longer = format!("// One.\n{changed}");
        let still = Followed::compare(&changed, &longer, None).place(&stale.place, &words, true);
        assert_eq!((still.place.line, still.stale), (7, true), "it stays stale while others move it");
        let undone = format!("// One.\n{CODE}");
        let fresh = Followed::compare(&longer, &undone, None).place(&still.place, &words, true);
        assert_eq!((fresh.place.line, fresh.stale), (7, false));
        let gone = Followed::compare(CODE, "", None).place(&place(6, Some(7)), &words, false);
        assert_eq!((gone.place.line, gone.stale), (1, true));
        let nowhere = Followed::compare("", "a\n", None).place(&place(3, None), "", false);
        assert!(nowhere.place.line >= 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever lines come and go around a line that is told from all others, its remark is on it; once it is changed, the
        /// remark is stale, and nowhere else.
        #[test]
        fn a_remark_is_on_its_line_or_stale(
            before in prop::collection::vec("[a-d]{0,2}", 0..12),
            after in prop::collection::vec("[a-d]{0,2}", 0..12),
            head in prop::collection::vec("[a-d]{0,2}", 0..12),
            tail in prop::collection::vec("[a-d]{0,2}", 0..12),
            changed in any::<bool>(),
        ) {
            let line = "let spoken = of;";
            let join = |parts: &[&[String]], middle: &str| {
                let (first, last) = parts.split_at(1);
                let all = first[0].iter().map(String::as_str).chain([middle]).chain(last[0].iter().map(String::as_str));
                all.map(|it| format!("{it}\n")).collect::<String>()
            };
            let old = join(&[&before, &after], line);
            let new = join(&[&head, &tail], if changed { "let other = thing;" } else { line });
            let of = place(u32::try_from(before.len()).unwrap() + 1, None);
            let stands = Followed::compare(&old, &new, None).place(&of, &said(&old, &of), false);
            prop_assert_eq!(stands.stale, changed);
            let count = u32::try_from(new.lines().count()).unwrap();
            prop_assert!(stands.place.line >= 1 && stands.place.line <= count.max(1));
            if !changed {
                prop_assert_eq!(stands.place.line as usize, head.len() + 1);
            }
        }

        /// Any two texts and any place give a place in the new text, and the same text leaves the place where it was.
        #[test]
        fn nothing_fails_and_nothing_moves_for_nothing(old in "([ab ]{0,3}\n){0,8}", new in "([ab ]{0,3}\n){0,8}", line in 0_u32..12, more in 0_u32..4) {
            let of = place(line, Some(line + more));
            let stands = Followed::compare(&old, &new, None).place(&of, &said(&old, &of), false);
            prop_assert!(stands.place.line as usize <= new.lines().count().max(1));
            let same = Followed::compare(&old, &old, None).place(&of, &said(&old, &of), false);
            prop_assert!(!same.stale || old.is_empty());
        }
    }
}
