//! What differs between two checkpoints: as entries for undoing, and as text for people.

use std::{collections::BTreeSet, path::PathBuf};

use super::{CheckpointError, Entry, Mode, Store, path_of, shown};
use crate::workspace::git::GitError;

/// How long the text of all differences may be.
const MOST_TEXT: usize = 16 << 20;

/// More lines around a change than a text of `MOST_TEXT` can have.
const WHOLE: &str = "-U16777216";

/// A path that two trees have differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where, from the root.
    pub path: PathBuf,
    /// What the first has there.
    pub from: Option<Entry>,
    /// What the second has there.
    pub to: Option<Entry>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It is another.
    Modified,
    /// It has another name, and perhaps other content.
    Renamed,
}

/// A file's difference, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiff {
    /// Where it is, or was.
    pub path: String,
    /// Where it was, where it was renamed.
    pub from: Option<String>,
    /// What became of it.
    pub kind: Kind,
    /// Its mode before.
    pub old_mode: Option<Mode>,
    /// Its mode now.
    pub new_mode: Option<Mode>,
    /// Whether its content is no text.
    pub binary: bool,
    /// Unified, with git's header; empty where all of them together are too long.
    pub text: String,
}

impl Store {
    /// Returns the paths that two checkpoints have differently.
    pub fn changes(&self, from: &str, to: &str) -> Result<Vec<Change>, CheckpointError> {
        self.need(from)?;
        self.need(to)?;
        if from == to {
            return Ok(Vec::new());
        }
        let raw = self.shadow().run(&["diff-tree", "-r", "-z", "--no-renames", "--full-index", from, to])?.stdout;
        let mut fields = raw.split(|it| *it == 0);
        let mut changes = Vec::new();
        while let (Some(head), Some(path)) = (fields.next().filter(|it| !it.is_empty()), fields.next()) {
            let head = String::from_utf8_lossy(head);
            let mut words = head.trim_start_matches(':').split(' ');
            let (Some(old), Some(new), Some(old_id), Some(new_id)) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                continue;
            };
            let entry = |mode: &str, id: &str| Mode::parse(mode).map(|mode| Entry { mode, id: id.to_owned() });
            changes.push(Change { path: path_of(path), from: entry(old, old_id), to: entry(new, new_id) });
        }
        Ok(changes)
    }

    /// Returns what differs between two checkpoints, for people; of these paths only, where any are given; with the
    /// `whole` files around the changes, or three lines.
    pub fn diff(
        &self,
        from: &str,
        to: &str,
        only: Option<&BTreeSet<PathBuf>>,
        whole: bool,
    ) -> Result<Vec<FileDiff>, CheckpointError> {
        self.need(from)?;
        self.need(to)?;
        if from == to || only.is_some_and(BTreeSet::is_empty) {
            return Ok(Vec::new());
        }
        let raw = self.shadow().run(&["diff-tree", "-r", "-z", "-M", "--full-index", from, to])?.stdout;
        let mut files = parse_raw(&raw);
        let context = if whole { WHOLE } else { "-U3" };
        let patch = ["diff-tree", "-r", "-M", "-p", context, "--no-color", from, to];
        let patch = self.shadow().most_output(MOST_TEXT).run(&patch);
        let texts: Vec<String> = match patch {
            Ok(it) => split(&it.text()),
            Err(GitError::TooMuchOutput { .. }) => Vec::new(),
            Err(other) => return Err(other.into()),
        };
        let mut texts = texts.into_iter();
        for (_, file) in &mut files {
            // A file that became a link, or the other way round, is shown as gone and new: two texts for one file.
            let is_link = |it: Option<Mode>| it == Some(Mode::Link);
            let both = file.old_mode.is_some() && file.new_mode.is_some();
            let parts = if both && is_link(file.old_mode) != is_link(file.new_mode) { 2 } else { 1 };
            file.text = texts.by_ref().take(parts).collect();
            file.binary = file.text.lines().any(|it| it.starts_with("Binary files "));
        }
        let wanted = |paths: &[PathBuf]| only.is_none_or(|only| paths.iter().any(|it| only.contains(it)));
        Ok(files.into_iter().filter(|(paths, _)| wanted(paths)).map(|it| it.1).collect())
    }
}

/// Reads `:100644 100644 A B R100\0old\0new\0`, with one path for everything but renames.
fn parse_raw(raw: &[u8]) -> Vec<(Vec<PathBuf>, FileDiff)> {
    let mut fields = raw.split(|it| *it == 0);
    let mut files = Vec::new();
    while let (Some(head), Some(path)) = (fields.next().filter(|it| !it.is_empty()), fields.next()) {
        let head = String::from_utf8_lossy(head);
        let words: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [old, new, _, _, status] = words[..] else { continue };
        let mut paths = vec![path_of(path)];
        let kind = match status.as_bytes().first() {
            Some(b'A') => Kind::Added,
            Some(b'D') => Kind::Deleted,
            Some(b'R' | b'C') => {
                paths.extend(fields.next().map(path_of));
                Kind::Renamed
            }
            _ => Kind::Modified,
        };
        let last = paths.last().cloned().unwrap_or_default();
        let file = FileDiff {
            path: shown(&last),
            from: (kind == Kind::Renamed).then(|| shown(&paths[0])),
            kind,
            old_mode: Mode::parse(old),
            new_mode: Mode::parse(new),
            binary: false,
            text: String::new(),
        };
        files.push((paths, file));
    }
    files
}

/// Splits a patch at its files. A line of content begins with a space, a sign or a backslash, so no content looks like a head.
fn split(patch: &str) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for line in patch.split_inclusive('\n') {
        if line.starts_with("diff --git ") {
            texts.push(String::new());
        }
        if let Some(text) = texts.last_mut() {
            text.push_str(line);
        }
    }
    texts
}
