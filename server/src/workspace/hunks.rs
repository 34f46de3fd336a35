//! What was changed in a file, hunk by hunk, placed in the text that a person has now.
//!
//! Pure, and state first: a place is found anew from the three texts each time, so it moves with whatever is typed, and is the
//! same after a restart.

use std::ops::Range;

use super::carry::{Hunk as Lines, hunks, lines, offsets};
use crate::document::hash_of;

/// A stretch that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// What names it, among those of its file, as long as neither side of it changes.
    pub name: String,
    /// Bytes of the present text, whole lines; empty where lines only went.
    pub range: Range<usize>,
    /// What stood there before.
    pub before: String,
    /// How many lines went and how many came.
    pub counts: (usize, usize),
    /// Whether it still is as it was left: then it can be undone.
    pub as_left: bool,
}

/// Returns both sides of a unified diff that has the whole file around its changes; `None` for what is no such diff of text.
pub fn sides(diff: &str) -> Option<(String, String)> {
    let (mut old, mut new) = (String::new(), String::new());
    let mut within = false;
    // Which sides the last line went to: "\ No newline at end of file" takes its line end back.
    let mut last = (false, false);
    for line in diff.split_inclusive('\n') {
        if line.starts_with("@@ ") {
            // A second one means that something between is not shown.
            if std::mem::replace(&mut within, true) {
                return None;
            }
            continue;
        }
        if !within {
            continue;
        }
        last = match line.as_bytes().first()? {
            b' ' => (true, true),
            b'-' => (true, false),
            b'+' => (false, true),
            b'\\' => {
                for (side, took) in [(&mut old, last.0), (&mut new, last.1)] {
                    if took && side.ends_with('\n') {
                        side.pop();
                    }
                }
                continue;
            }
            _ => return None,
        };
        for (side, takes) in [(&mut old, last.0), (&mut new, last.1)] {
            if takes {
                side.push_str(&line[1..]);
            }
        }
    }
    within.then_some((old, new))
}

/// Returns what was changed from `before` to `after` and was not taken back, placed in the text of now, from the top on.
pub fn placed(before: &str, after: &str, now: &str) -> Vec<Hunk> {
    let (old, left, present) = (lines(before), lines(after), lines(now));
    let (changes, own) = (hunks(&old, &left), hunks(&left, &present));
    let starts = offsets(&present);
    let place = |it: &Lines| -> Option<Hunk> {
        let touched = |mine: &&Lines| match (it.new.is_empty(), mine.old.is_empty()) {
            // Beside what went, nothing may have been typed: nobody could say in which order the two belong.
            (true, _) => mine.old.start <= it.new.start && it.new.start <= mine.old.end,
            (false, true) => it.new.start < mine.old.start && mine.old.start < it.new.end,
            (false, false) => mine.old.start < it.new.end && it.new.start < mine.old.end,
        };
        let mut touching = own.iter().filter(touched).peekable();
        let as_left = touching.peek().is_none();
        let within = touching.fold(None, |found: Option<Range<usize>>, mine| {
            let from = found.as_ref().map_or(mine.new.start, |it| it.start);
            Some(from..mine.new.end)
        });
        let moved = |line: usize| {
            let before = own.iter().rev().find(|mine| mine.old.end <= line);
            before.map_or(line, |mine| mine.new.end + (line - mine.old.end))
        };
        let at = moved(it.new.start);
        let range = match within {
            None => at..at + it.new.len(),
            Some(typed) => typed.start.min(at)..typed.end.max(typed.start),
        };
        let (gone, came) = (old[it.old.clone()].concat(), left[it.new.clone()].concat());
        let mut name = hash_of(&format!("{} {} {gone}\0{came}", it.old.start, it.new.start));
        name.truncate(12);
        let byte = |line: usize| starts[line.min(present.len())];
        let range = byte(range.start)..byte(range.end.max(range.start));
        // What was taken back is no change any more.
        let is_back = !as_left && now[range.clone()] == gone;
        let counts = (it.old.len(), it.new.len());
        (!is_back).then_some(Hunk { name, range, before: gone, counts, as_left })
    };
    changes.iter().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workflow::language::tests::{fixture, marked};

    const BEFORE: &str = "one\ntwo\nthree\nfour\nfive\nsix\n";
    const AFTER: &str = "one\nTWO\nthree\nfour\nfive\nfive and a half\nsix\n";

    fn words(it: &Hunk) -> String {
        format!("-{} +{}{}", it.counts.0, it.counts.1, if it.as_left { "" } else { ", changed since" })
    }

    /// A line of `^^^` speaks of the hunk in the line above it.
    #[track_caller]
    fn check(before: &str, after: &str, now: &str) {
        let text = fixture(now).text;
        let marks: Vec<_> = placed(before, after, &text)
            .iter()
            .map(|it| (it.range.start..it.range.end.max(1) - 1, words(it)))
            .collect();
        assert_eq!(marked(&text, &marks), now);
    }

    #[test]
    fn hunks_stand_where_they_were_left() {
        check(
            BEFORE,
            AFTER,
            "\
one
TWO
^^^ -1 +1
three
four
five
five and a half
^^^^^^^^^^^^^^^ -0 +1
six
",
        );
    }

    #[test]
    fn hunks_move_with_what_is_typed_around_them() {
        check(
            BEFORE,
            AFTER,
            "\
zero
one
one and a half
TWO
^^^ -1 +1
three
five
five and a half
^^^^^^^^^^^^^^^ -0 +1
five and three quarters
six
",
        );
    }

    #[test]
    fn a_hunk_that_was_typed_in_is_no_longer_as_it_was_left() {
        check(
            BEFORE,
            AFTER,
            "\
one
Two!
^^^^ -1 +1, changed since
three
four
five
five and a half
^^^^^^^^^^^^^^^ -0 +1
six
",
        );
    }

    #[test]
    fn a_hunk_that_was_taken_back_is_none() {
        check(
            BEFORE,
            AFTER,
            "\
one
two
three
four
five
five and a half
^^^^^^^^^^^^^^^ -0 +1
six
",
        );
        check(BEFORE, AFTER, BEFORE);
    }

    #[test]
    fn where_lines_went_the_hunk_is_before_the_next_line() {
        let now = "one\nthree\n";
        let [hunk] = &placed("one\ntwo\nthree\n", now, now)[..] else { panic!("one hunk") };
        assert_eq!((hunk.range.clone(), hunk.before.as_str(), hunk.as_left), (4..4, "two\n", true));
        // At the very end too, and with a line typed there nobody guesses.
        let [hunk] = &placed("one\ntwo\n", "one\n", "one\n")[..] else { panic!("one hunk") };
        assert_eq!((hunk.range.clone(), hunk.as_left), (4..4, true));
        let [hunk] = &placed("one\ntwo\n", "one\n", "one\nzwei\n")[..] else { panic!("one hunk") };
        assert!(!hunk.as_left);
    }

    #[test]
    fn both_sides_come_out_of_a_diff_of_the_whole_file() {
        let diff = "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n\\ No newline at end of file\n";
        assert_eq!(sides(diff), Some(("a\nb\nc".to_owned(), "a\nB\nc".to_owned())));
        let added = "diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+++ a\n";
        assert_eq!(sides(added), Some((String::new(), "++ a\n".to_owned())));
        for odd in ["", "Binary files a/x and b/x differ\n", "@@ -1 +1 @@\n a\n@@ -9 +9 @@\n b\n"] {
            assert_eq!(sides(odd), None, "{odd:?}");
        }
    }

    fn text() -> impl Strategy<Value = String> {
        prop::collection::vec(prop::sample::select(vec!["a\n", "b\n", "c\n", "d\n", "ö"]), 0..9)
            .prop_map(|it| it.concat())
    }

    proptest! {
        /// Undoing every hunk brings the text before, and what was typed elsewhere stays: no hunk that is as it was left covers
        /// anything but what was left.
        #[test]
        fn a_hunk_is_exactly_what_was_left(before in text(), after in text(), now in text()) {
            let mut undone = after.clone();
            for hunk in placed(&before, &after, &after).iter().rev() {
                prop_assert!(hunk.as_left);
                undone.replace_range(hunk.range.clone(), &hunk.before);
            }
            prop_assert_eq!(undone, before.clone());
            let left = placed(&before, &after, &after);
            let mut end = 0;
            for is in placed(&before, &after, &now) {
                let was = left.iter().find(|it| it.name == is.name).unwrap();
                prop_assert!(now.get(is.range.clone()).is_some());
                if is.as_left {
                    prop_assert_eq!(&now[is.range.clone()], &after[was.range.clone()]);
                    prop_assert!(is.range.start >= end);
                    end = is.range.end;
                }
            }
        }
    }
}
