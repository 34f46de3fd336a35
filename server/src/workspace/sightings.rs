//! Which changes of files on the disk are somebody's by their own word: an agent's whose program says what it edits, or a person's
//! who saved in an editor. What is left is a sighting that nobody explains.
//!
//! Pure: the time comes in.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use crate::ids::TurnId;

/// For how long after its word a change may be seen, and before it.
pub const GRACE: Duration = Duration::from_secs(2);

/// How many words are remembered.
const KEPT: usize = 10_000;

/// What was said of changes.
#[derive(Debug, Default)]
pub struct Sightings {
    /// Edits that go on, by file.
    open: HashMap<String, HashSet<TurnId>>,
    /// When the last edit that is over, or the last save, was told of.
    over: HashMap<String, Instant>,
    /// Since when Callboard itself writes files, or when it was done.
    ours: Option<(bool, Instant)>,
}

impl Sightings {
    /// A turn begins to change files.
    pub fn begins(&mut self, turn: TurnId, paths: &[String]) {
        for path in paths {
            if self.open.len() < KEPT || self.open.contains_key(path) {
                self.open.entry(path.clone()).or_default().insert(turn);
            }
        }
    }

    /// A turn is done with changing files; with none named, with all of its files.
    pub fn ends(&mut self, turn: TurnId, paths: &[String], now: Instant) {
        let named: HashSet<&String> = paths.iter().collect();
        let mut done = Vec::new();
        self.open.retain(|path, turns| {
            if (named.is_empty() || named.contains(path)) && turns.remove(&turn) {
                done.push(path.clone());
            }
            !turns.is_empty()
        });
        done.extend(paths.iter().cloned());
        for path in done {
            self.over_now(path, now);
        }
    }

    /// A person saved a file.
    pub fn saved(&mut self, path: &str, now: Instant) {
        self.over_now(path.to_owned(), now);
    }

    /// Callboard itself begins to write files (a merge, an undo), or is done.
    pub fn ours(&mut self, writes: bool, now: Instant) {
        self.ours = Some((writes, now));
    }

    /// Returns whether a change of a file that is seen now is somebody's by their own word.
    pub fn is_explained(&self, path: &str, now: Instant) -> bool {
        let ours = self.ours.is_some_and(|(writes, at)| writes || now.saturating_duration_since(at) < GRACE);
        ours || self.open.contains_key(path)
            || self.over.get(path).is_some_and(|at| now.saturating_duration_since(*at) < GRACE)
    }

    fn over_now(&mut self, path: String, now: Instant) {
        if self.over.len() >= KEPT {
            self.over.retain(|_, at| now.saturating_duration_since(*at) < GRACE);
        }
        if self.over.len() < KEPT {
            self.over.insert(path, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_explained_from_the_first_word_until_a_little_after_the_last() {
        let mut seen = Sightings::default();
        let start = Instant::now();
        let (one, two) = (TurnId(1), TurnId(2));
        let paths = |all: &[&str]| all.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        seen.begins(one, &paths(&["a", "b"]));
        seen.begins(two, &paths(&["b"]));
        let later = start + Duration::from_secs(600);
        assert!(seen.is_explained("a", later), "an edit may wait for a permission");
        assert!(!seen.is_explained("c", later));
        seen.ends(one, &[], later);
        assert!(seen.is_explained("a", later + GRACE / 2));
        assert!(!seen.is_explained("a", later + GRACE));
        assert!(seen.is_explained("b", later + GRACE), "the other is still at it");
        seen.ends(two, &paths(&["b"]), later);
        assert!(!seen.is_explained("b", later + GRACE));
        seen.saved("c", later);
        assert!(seen.is_explained("c", later));
        seen.ours(true, later);
        assert!(seen.is_explained("d", later + GRACE), "a merge may take its time");
        seen.ours(false, later);
        assert!(seen.is_explained("d", later + GRACE / 2) && !seen.is_explained("d", later + GRACE));
    }
}
