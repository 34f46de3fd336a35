//! What undoing comes to, file by file: which state each goes back to, and which are somebody else's by now. Pure.
//!
//! Invariant: a file goes back only where its present content is exactly what the undone work left, all the way back;
//! so no byte that another wrote is lost without `force`.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use super::{Change, CheckpointError, Clash, Entry, Mode, Move, Store, path_of};

/// A stretch between two checkpoints in which work was done that is to be undone. In the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The tree at its start.
    pub from: String,
    /// The tree at its end.
    pub to: String,
    /// Who else was at work in it, in words; empty where nobody was.
    pub shared: String,
}

/// What undoing comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Undoing {
    /// What to put back.
    pub moves: Vec<Move>,
    /// What is left as it is, and why.
    pub clashes: Vec<Clash>,
}

impl Store {
    /// Says what undoing the work of some intervals comes to, seen from the checkpoint `now`.
    pub fn plan_undo(&self, intervals: &[Interval], now: &str, force: bool) -> Result<Undoing, CheckpointError> {
        let mut all = Vec::new();
        for it in intervals {
            all.push((it.shared.as_str(), self.changes(&it.from, &it.to)?));
        }
        Ok(plan(&all, &self.entries(now)?, force))
    }

    /// Returns what a checkpoint has at a path.
    pub fn entry(&self, tree: &str, path: &Path) -> Result<Option<Entry>, CheckpointError> {
        Ok(self.entries(tree)?.remove(path))
    }

    /// Returns the files of a checkpoint.
    pub(super) fn entries(&self, tree: &str) -> Result<HashMap<PathBuf, Entry>, CheckpointError> {
        self.need(tree)?;
        let listed = self.shadow().run(&["ls-tree", "-r", "-z", "--full-tree", tree])?.stdout;
        let entry = |line: &[u8]| {
            let tab = line.iter().position(|it| *it == b'\t')?;
            let head = String::from_utf8_lossy(&line[..tab]).into_owned();
            let mut words = head.split(' ');
            let mode = Mode::parse(words.next()?)?;
            Some((path_of(&line[tab + 1..]), Entry { mode, id: words.nth(1)?.to_owned() }))
        };
        Ok(listed.split(|it| *it == 0).filter_map(entry).collect())
    }
}

fn plan(intervals: &[(&str, Vec<Change>)], now: &HashMap<PathBuf, Entry>, force: bool) -> Undoing {
    let mut histories: BTreeMap<&Path, Vec<(&str, &Change)>> = BTreeMap::new();
    for (shared, changes) in intervals {
        for change in changes {
            histories.entry(&change.path).or_default().push((shared, change));
        }
    }
    let mut undoing = Undoing::default();
    for (path, history) in histories {
        let current = now.get(path);
        let Some(first) = history.first().map(|it| it.1.from.as_ref()) else { continue };
        if current == first {
            // It is as it was before: undone already, or made and taken away again.
            continue;
        }
        let mut at = current;
        let mut why = None;
        for (shared, change) in history.iter().rev() {
            if at != change.to.as_ref() {
                why = Some("it was changed since by somebody else".to_owned());
                break;
            }
            if !shared.is_empty() {
                why = Some(format!("{shared} was at work at the same time"));
            }
            at = change.from.as_ref();
        }
        match why {
            Some(why) if !force => undoing.clashes.push(Clash { path: path.to_owned(), why }),
            _ => undoing.moves.push(Move { path: path.to_owned(), expect: current.cloned(), want: first.cloned() }),
        }
    }
    undoing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str) -> Option<Entry> {
        (!id.is_empty()).then(|| Entry { mode: Mode::File, id: id.to_owned() })
    }

    fn change(path: &str, from: &str, to: &str) -> Change {
        Change { path: path.into(), from: entry(from), to: entry(to) }
    }

    /// Returns what undoing does with `a`, whose content goes by `history` and is `now` now.
    fn of_a(history: &[(&str, &str, &str)], now: &str, force: bool) -> String {
        let intervals: Vec<_> =
            history.iter().map(|(shared, from, to)| (*shared, vec![change("a", from, to)])).collect();
        let now = entry(now).into_iter().map(|it| (PathBuf::from("a"), it)).collect();
        let undoing = plan(&intervals, &now, force);
        match (undoing.moves.first(), undoing.clashes.first()) {
            (Some(it), None) => format!("to {}", it.want.as_ref().map_or("nothing", |it| &it.id)),
            (None, Some(it)) => it.why.clone(),
            (None, None) => "as it is".to_owned(),
            both => panic!("{both:?}"),
        }
    }

    #[test]
    fn a_file_goes_back_only_over_what_the_undone_work_left() {
        assert_eq!(of_a(&[("", "1", "2")], "2", false), "to 1");
        assert_eq!(of_a(&[("", "", "2")], "2", false), "to nothing");
        assert_eq!(of_a(&[("", "1", "")], "", false), "to 1");
        assert_eq!(of_a(&[("", "1", "2"), ("", "2", "3")], "3", false), "to 1");
        assert_eq!(of_a(&[("", "1", "2")], "9", false), "it was changed since by somebody else");
        assert_eq!(of_a(&[("", "1", "2"), ("", "9", "3")], "3", false), "it was changed since by somebody else");
        assert_eq!(of_a(&[("@codex", "1", "2")], "2", false), "@codex was at work at the same time");
    }

    #[test]
    fn what_is_undone_already_stays_and_force_goes_back_whatever_there_is() {
        assert_eq!(of_a(&[("", "1", "2")], "1", false), "as it is");
        assert_eq!(of_a(&[("", "1", "2"), ("", "2", "1")], "1", false), "as it is");
        assert_eq!(of_a(&[("", "1", "2")], "9", true), "to 1");
        assert_eq!(of_a(&[("@codex", "1", "2")], "2", true), "to 1");
    }
}
