//! What somebody changed on disk, carried into a text that was changed too: three texts in, edits or a clash out.
//!
//! Pure. Whole lines are compared; where both sides changed the same lines, or lines beside each other, nobody guesses.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

/// A replacement in a text: a range of its bytes, and what takes their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The bytes that go.
    pub range: Range<usize>,
    /// The text that comes.
    pub text: String,
}

/// The texts do not go together: the same lines were changed in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the same lines were changed in both texts")]
pub struct Clash;

/// Returns what has to change in `mine` for it to have what was changed from `base` to `theirs`, from the top on. None where
/// `mine` has all of it already.
pub fn carry(base: &str, mine: &str, theirs: &str) -> Result<Vec<Change>, Clash> {
    if mine == theirs || base == theirs {
        return Ok(Vec::new());
    }
    let (base, mine, theirs) = (lines(base), lines(mine), lines(theirs));
    let (ours, others) = (hunks(&base, &mine), hunks(&base, &theirs));
    let starts = offsets(&mine);
    let mut changes = Vec::new();
    for it in &others {
        if ours.iter().any(|own| own.old == it.old && mine[own.new.clone()] == theirs[it.new.clone()]) {
            // Both made the same change.
            continue;
        }
        if ours.iter().any(|own| own.old.start <= it.old.end && it.old.start <= own.old.end) {
            return Err(Clash);
        }
        // What stands before it in both is as long in one as in the other, but for what was changed there.
        let before = ours.iter().rev().find(|own| own.old.end <= it.old.start);
        let at = |line: usize| before.map_or(line, |own| own.new.end + (line - own.old.end));
        changes.push(Change {
            range: starts[at(it.old.start)]..starts[at(it.old.end)],
            text: theirs[it.new.clone()].concat(),
        });
    }
    Ok(changes)
}

/// Returns a text with changes made to it.
pub fn made(text: &str, changes: &[Change]) -> String {
    let mut made = text.to_owned();
    for change in changes.iter().rev() {
        made.replace_range(change.range.clone(), &change.text);
    }
    made
}

/// Returns the difference between two texts as people read it: three lines around each change, no header.
pub fn difference(old: &str, new: &str) -> String {
    let diff = similar::TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(3).missing_newline_hint(false).to_string()
}

/// A stretch of lines that became others.
#[derive(Debug)]
pub(super) struct Hunk {
    /// Lines of the one text.
    pub old: Range<usize>,
    /// Lines of the other.
    pub new: Range<usize>,
}

/// Returns what differs: the gaps between the stretches that are the same. What the library calls the same is looked at again,
/// so that no fault of it can put a line elsewhere.
pub(super) fn hunks(old: &[&str], new: &[&str]) -> Vec<Hunk> {
    let mut hunks = Vec::new();
    let (mut old_end, mut new_end) = (0, 0);
    let mut gap = |old_end: usize, old_next: usize, new_end: usize, new_next: usize| {
        if old_end < old_next || new_end < new_next {
            hunks.push(Hunk { old: old_end..old_next, new: new_end..new_next });
        }
    };
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        let DiffOp::Equal { old_index, new_index, len } = op else { continue };
        let is_same = old.get(old_index..old_index + len) == new.get(new_index..new_index + len);
        if is_same && old_index >= old_end && new_index >= new_end {
            gap(old_end, old_index, new_end, new_index);
            (old_end, new_end) = (old_index + len, new_index + len);
        }
    }
    gap(old_end, old.len(), new_end, new.len());
    hunks
}

pub(super) fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns where each line begins, and where the last ends.
pub(super) fn offsets(lines: &[&str]) -> Vec<usize> {
    let mut at = 0;
    let begins = lines.iter().map(|it| {
        let start = at;
        at += it.len();
        start
    });
    let mut all: Vec<usize> = begins.collect();
    all.push(at);
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(base: &str, mine: &str, theirs: &str, expect: &str) {
        let text = |it: &str| it.split_whitespace().flat_map(|it| [it, "\n"]).collect::<String>();
        let mine = text(mine);
        let got = carry(&text(base), &mine, &text(theirs)).map(|it| made(&mine, &it));
        let expect = if expect == "clash" { Err(Clash) } else { Ok(text(expect)) };
        assert_eq!(got, expect);
    }

    #[test]
    fn changes_apart_from_each_other_go_together() {
        check("a b c d e", "A b c d e", "a b c d E", "A b c d E");
        check("a b c d e", "a b c d E", "A b c d e", "A b c d E");
        check("a b c d e", "a b x y c d e", "a b c d", "a b x y c d");
        check("a b c d e", "c d e", "a b c d z e", "c d z e");
        check("a b c d e f g", "a x c d e f g", "a b c D e f G", "a x c D e f G");
        check("a b c", "a b c", "x", "x");
        check("a b c", "x", "a b c", "x");
        check("a b c", "a X c", "a X c", "a X c");
        check("a b c d e", "a X c d e", "a X c d E", "a X c d E");
    }

    #[test]
    fn changes_of_the_same_lines_or_of_neighbours_clash() {
        check("a b c", "a X c", "a Y c", "clash");
        check("a b c d", "a X c d", "a b Y d", "clash");
        check("a b c", "a X b c", "a Y b c", "clash");
        check("a b c", "", "a b Y", "clash");
        check("", "x", "y", "clash");
    }

    #[test]
    fn texts_need_no_last_line_end() {
        let mine = "A\nb\nc\nd";
        assert_eq!(
            carry("a\nb\nc\nd", mine, "a\nb\nc\nd\ne").map(|it| made(mine, &it)),
            Ok("A\nb\nc\nd\ne".to_owned())
        );
        let mine = "ä\r\nb\r\nc\r\n";
        assert_eq!(
            carry("a\r\nb\r\nc\r\n", mine, "a\r\nb\r\nC").map(|it| made(mine, &it)),
            Ok("ä\r\nb\r\nC".to_owned())
        );
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a\n", "b\n", "c\n", "ö"]), 0..9).prop_map(|it| it.concat())
    }

    proptest! {
        /// Whoever did nothing gets the other's text, and the two sides agree on whether they clash.
        #[test]
        fn nothing_is_lost_and_sides_are_equal(base in text(), mine in text(), theirs in text()) {
            prop_assert_eq!(carry(&base, &base, &theirs).map(|it| made(&base, &it)), Ok(theirs.clone()));
            prop_assert_eq!(carry(&base, &mine, &base).map(|it| made(&mine, &it)), Ok(mine.clone()));
            let one = carry(&base, &mine, &theirs).map(|it| made(&mine, &it));
            let other = carry(&base, &theirs, &mine).map(|it| made(&theirs, &it));
            if mine != theirs && base != mine && base != theirs {
                prop_assert_eq!(one, other);
            }
        }
    }
}
