//! Agreement: whether two reports in different words speak of one thing in one place.
//!
//! Pure. Joining two things that differ would hide one of them, so in doubt they stay two: the lines must meet, the words
//! must be much the same, and what is named in code must not differ.

use std::collections::BTreeSet;

use super::{FindingDraft, Place, squeeze};

/// How many words two reports must have in common.
const LEAST_SHARED: usize = 2;

/// Words that say nothing of the matter.
const FILLER: [&str; 34] = [
    "and", "are", "because", "been", "but", "can", "could", "does", "for", "from", "has", "have", "here", "into",
    "its", "may", "not", "should", "so", "such", "than", "that", "the", "then", "there", "this", "too", "was", "when",
    "where", "which", "will", "with", "would",
];

/// Returns whether two reports are of the same thing.
pub fn agree(one: &FindingDraft, other: &FindingDraft) -> bool {
    let (Some(here), Some(there)) = (&one.place, &other.place) else { return false };
    if here.path != there.path || !meet(one, here, other, there) {
        return false;
    }
    if let (Some(a), Some(b)) = (&one.code, &other.code)
        && a != b
    {
        return false;
    }
    let (names, others) = (named(&one.text), named(&other.text));
    if !names.is_empty() && !others.is_empty() && names.is_disjoint(&others) {
        return false;
    }
    let (words, others) = (words(&one.text), words(&other.text));
    let shared = words.intersection(&others).count();
    shared >= LEAST_SHARED && shared * 2 >= words.len().min(others.len())
}

/// Returns whether two places meet: by their lines, or by the text of their line where lines have moved.
fn meet(one: &FindingDraft, here: &Place, other: &FindingDraft, there: &Place) -> bool {
    let line = |it: &FindingDraft| it.excerpt.as_deref().map(squeeze).filter(|it| !it.is_empty());
    let is_one_line = |it: &Place| it.end_line.is_none_or(|end| end <= it.line);
    if let (Some(a), Some(b)) = (line(one), line(other))
        && is_one_line(here)
        && is_one_line(there)
    {
        return a == b;
    }
    let end = |it: &Place| it.end_line.unwrap_or(it.line).max(it.line);
    here.line <= end(there) && there.line <= end(here)
}

/// Returns what a text names in code: the words between backticks.
fn named(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).flat_map(split).collect()
}

/// Returns the words of a text that say what it is about, cut to what their forms have in common.
fn words(text: &str) -> BTreeSet<String> {
    split(text)
        .filter(|it| it.chars().count() > 2 && !FILLER.contains(&it.as_str()))
        .map(|it| it.trim_end_matches('s').chars().take(6).collect())
        .collect()
}

fn split(text: &str) -> impl Iterator<Item = String> {
    text.split(|it: char| !it.is_alphanumeric() && it != '_').filter(|it| !it.is_empty()).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Severity;

    fn at(line: u32, end: Option<u32>, text: &str) -> FindingDraft {
        let place = Place { path: "src/lib.rs".to_owned(), line, column: 1, end_line: end, end_column: None };
        FindingDraft {
            id: None,
            place: Some(place),
            severity: Severity::Warning,
            code: None,
            text: text.to_owned(),
            suggestion: None,
            excerpt: None,
        }
    }

    const FIRST: &str = "`parse` panics on empty input because it unwraps the first line.";
    const SECOND: &str = "Empty input makes `parse` panic: `lines().next().unwrap()`.";

    #[test]
    fn two_reports_of_one_thing_agree_in_other_words() {
        assert!(agree(&at(7, None, FIRST), &at(7, None, SECOND)));
        assert!(agree(&at(5, Some(9), SECOND), &at(7, None, FIRST)), "lines that meet are one place");
    }

    #[test]
    fn what_differs_in_place_in_words_or_in_what_it_names_stays_two() {
        assert!(!agree(&at(7, None, FIRST), &at(8, None, SECOND)), "the next line");
        assert!(!agree(&at(7, None, FIRST), &at(7, None, "The loop never ends where the queue is full.")));
        assert!(!agree(&at(7, None, "unused variable `first`"), &at(7, None, "unused variable `second`")));
        let elsewhere = FindingDraft {
            place: Some(Place { path: "src/other.rs".to_owned(), ..at(7, None, "").place.unwrap() }),
            ..at(7, None, FIRST)
        };
        assert!(!agree(&at(7, None, FIRST), &elsewhere));
        let whole = FindingDraft { place: None, ..at(7, None, FIRST) };
        assert!(!agree(&whole, &whole), "a remark on the whole has no place to agree on");
    }

    #[test]
    fn rules_of_different_names_are_different_things() {
        let one = FindingDraft { code: Some("E1".to_owned()), ..at(7, None, FIRST) };
        let two = FindingDraft { code: Some("E2".to_owned()), ..at(7, None, FIRST) };
        assert!(!agree(&one, &two));
        assert!(agree(&one, &at(7, None, SECOND)), "an agent with no rule may speak of what a linter found");
    }

    #[test]
    fn a_line_that_moved_is_known_by_its_text_and_one_that_only_took_its_number_is_not() {
        let said = |line, excerpt: &str| FindingDraft { excerpt: Some(excerpt.to_owned()), ..at(line, None, FIRST) };
        assert!(agree(&said(7, "let a = next().unwrap();"), &said(12, "    let a =  next().unwrap();")));
        assert!(!agree(&said(7, "let a = next().unwrap();"), &said(7, "let b = next().unwrap();")));
    }
}
