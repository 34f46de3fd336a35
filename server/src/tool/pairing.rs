//! Which of the things said before are still said after: findings matched by what they say, never by line number alone.
//!
//! Pure.

use std::collections::BTreeMap;

use crate::finding::FindingDraft;

/// How many pairs of one kind are compared; beyond that they are matched in order.
const MOST_PAIRS: usize = 250_000;

/// Returns for each of `before` the index of the one of `after` that is the same thing, each of those once.
///
/// First those that are the same to the letter, then those with the same file, code and text on the nearest line: a fix
/// beside a finding changes the line that it speaks of.
pub fn pair(before: &[&FindingDraft], after: &[&FindingDraft]) -> Vec<Option<usize>> {
    let mut pairs = vec![None; before.len()];
    let mut free = vec![true; after.len()];
    for key in [FindingDraft::fingerprint, kind] {
        let mut groups: BTreeMap<String, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for (index, it) in before.iter().enumerate().filter(|(index, _)| pairs[*index].is_none()) {
            groups.entry(key(it)).or_default().0.push(index);
        }
        for (index, it) in after.iter().enumerate().filter(|(index, _)| free[*index]) {
            groups.entry(key(it)).or_default().1.push(index);
        }
        for (olds, news) in groups.values() {
            for (old, new) in nearest_first(before, olds, after, news) {
                if pairs[old].is_none() && free[new] {
                    pairs[old] = Some(new);
                    free[new] = false;
                }
            }
        }
    }
    pairs
}

fn nearest_first(
    before: &[&FindingDraft],
    olds: &[usize],
    after: &[&FindingDraft],
    news: &[usize],
) -> Vec<(usize, usize)> {
    if olds.len().saturating_mul(news.len()) > MOST_PAIRS {
        return olds.iter().copied().zip(news.iter().copied()).collect();
    }
    let mut all: Vec<(usize, usize)> = olds.iter().flat_map(|old| news.iter().map(move |new| (*old, *new))).collect();
    all.sort_by_key(|(old, new)| line(before[*old]).abs_diff(line(after[*new])));
    all
}

/// Returns what stays the same of a finding when the line that it speaks of changes.
fn kind(draft: &FindingDraft) -> String {
    FindingDraft { excerpt: None, ..draft.clone() }.fingerprint()
}

fn line(draft: &FindingDraft) -> u32 {
    draft.place.as_ref().map_or(0, |it| it.line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Place, Severity};

    fn draft(line: u32, excerpt: &str) -> FindingDraft {
        FindingDraft {
            id: None,
            place: Some(Place { path: "a".to_owned(), line, column: 1, end_line: None, end_column: None }),
            severity: Severity::Warning,
            code: Some("c".to_owned()),
            text: "t".to_owned(),
            suggestion: None,
            excerpt: Some(excerpt.to_owned()),
        }
    }

    #[test]
    fn what_is_gone_is_told_from_what_moved() {
        let before = [draft(1, "one"), draft(5, "two"), draft(9, "three")];
        let after = [draft(4, "two"), draft(8, "three changed")];
        let pairs = pair(&before.each_ref(), &after.each_ref());
        assert_eq!(pairs, [None, Some(0), Some(1)], "the nearest of the same kind is taken, one each");
        let after = [draft(8, "three"), draft(4, "two")];
        assert_eq!(pair(&before.each_ref(), &after.each_ref()), [None, Some(1), Some(0)]);
        assert_eq!(pair(&[], &[]), Vec::<Option<usize>>::new());
    }
}
