//! Applies groups of edits to texts: a group as a whole or not at all, and never two that touch the same piece.
//!
//! Pure. What was refused because of a neighbour can be tried in the next round, on the new text.

use std::{collections::BTreeMap, ops::Range};

use super::remark::Edit;

/// What came of applying groups of edits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// The texts that are now others, by path.
    pub texts: BTreeMap<String, String>,
    /// Which groups are in them, by index.
    pub groups: Vec<usize>,
}

/// Applies groups in order. `read` gives the text that a group's edits speak of.
pub fn apply(groups: &[&[Edit]], read: &dyn Fn(&str) -> Option<String>) -> Applied {
    let mut olds: BTreeMap<&str, Option<String>> = BTreeMap::new();
    let mut taken: BTreeMap<&str, Vec<(Range<usize>, &str)>> = BTreeMap::new();
    let mut applied = Applied::default();
    'groups: for (index, group) in groups.iter().enumerate() {
        let mut wanted: Vec<(&str, Range<usize>, &str)> = Vec::new();
        for edit in *group {
            let old = olds.entry(&edit.path).or_insert_with(|| read(&edit.path));
            let Some(range) = old.as_deref().and_then(|it| edit.span.resolve(it)) else { continue 'groups };
            let ours = wanted.iter().filter(|it| it.0 == edit.path).map(|(_, range, text)| (range, *text));
            let others = taken.get(edit.path.as_str()).into_iter().flatten().map(|(range, text)| (range, *text));
            let mut same = false;
            for (other, text) in ours.chain(others) {
                // Two linters' rules that want exactly the same are both content.
                if *other == range && text == edit.text {
                    same = true;
                } else if touches(other, &range) {
                    continue 'groups;
                }
            }
            if !same {
                wanted.push((&edit.path, range, &edit.text));
            }
        }
        if !group.is_empty() {
            applied.groups.push(index);
        }
        for (path, range, text) in wanted {
            taken.entry(path).or_default().push((range, text));
        }
    }
    for (path, mut edits) in taken {
        let Some(Some(old)) = olds.get(path) else { continue };
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut text = String::with_capacity(old.len());
        let mut at = 0;
        for (range, new) in edits {
            text.push_str(&old[at..range.start]);
            text.push_str(new);
            at = range.end;
        }
        text.push_str(&old[at..]);
        if text != *old {
            applied.texts.insert(path.to_owned(), text);
        }
    }
    applied
}

/// Returns whether two pieces overlap, or both insert at one point.
fn touches(a: &Range<usize>, b: &Range<usize>) -> bool {
    (a.start < b.end && b.start < a.end) || (a.start == b.start && (a.is_empty() || b.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tool::remark::Span;

    fn edit(start: usize, end: usize, text: &str) -> Edit {
        Edit { path: "a".to_owned(), span: Span::Bytes(start, end), text: text.to_owned() }
    }

    fn check(groups: &[Vec<Edit>], expected: &str, which: &[usize]) {
        let groups: Vec<&[Edit]> = groups.iter().map(Vec::as_slice).collect();
        let applied = apply(&groups, &|_| Some("0123456789".to_owned()));
        assert_eq!(applied.texts.get("a").map_or("0123456789", String::as_str), expected);
        assert_eq!(applied.groups, which);
    }

    #[test]
    fn groups_go_in_whole_or_not_at_all() {
        check(&[vec![edit(0, 1, "a"), edit(8, 9, "b")], vec![edit(3, 4, "")]], "a124567b9", &[0, 1]);
        check(&[vec![edit(0, 3, "x")], vec![edit(2, 4, "y"), edit(9, 10, "z")]], "x3456789", &[0]);
        check(&[vec![edit(0, 3, "x")], vec![edit(0, 3, "x")]], "x3456789", &[0, 1]);
        check(&[vec![edit(0, 99, "x")], vec![]], "0123456789", &[]);
        check(&[vec![edit(3, 3, "x")], vec![edit(3, 3, "y")], vec![edit(1, 3, "")]], "0x3456789", &[0, 2]);
    }

    proptest! {
        #[test]
        fn applying_never_panics(edits in prop::collection::vec((0usize..14, 0usize..14, "[a-ü]{0,2}"), 0..12)) {
            let groups: Vec<Vec<Edit>> = edits.iter().map(|(a, b, text)| vec![edit(*a, *b, text)]).collect();
            let groups: Vec<&[Edit]> = groups.iter().map(Vec::as_slice).collect();
            let applied = apply(&groups, &|_| Some("aü😀bcdef".to_owned()));
            prop_assert!(applied.groups.len() <= groups.len());
        }
    }
}
