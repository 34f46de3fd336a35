//! Merging what was done in a worktree into the work tree: three-way, file by file, against the tree at the worktree's start.
//!
//! Only says what is to be done; `restore` does it. Invariant: merging what was merged already comes to nothing, since a file
//! that both sides have alike is left alone, and a change that both sides made counts once. So a merge whose hub died in the
//! middle is simply done again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{Change, CheckpointError, Entry, Mode, Move, Store, path_of, shadow};
use crate::store::private;

/// What the developer's side is called in a conflict's marks.
pub const OURS: &str = "the work tree";

/// Over how many bytes a file is not merged line by line.
const MOST_MERGED: usize = 4 << 20;

/// What merging comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// What the work tree is to get.
    pub moves: Vec<Move>,
    /// Where both sides changed the same.
    pub conflicts: Vec<Conflict>,
    /// What the worktree is to get, so that it stands on the present work tree with the conflicts marked in it.
    pub back: Vec<Move>,
}

/// A file that both sides changed in ways that don't go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub path: PathBuf,
    /// How, in words.
    pub why: &'static str,
    /// Both sides in one text, with git's marks around each, where they could be put into one.
    pub text: Option<Vec<u8>>,
}

impl Store {
    /// Says what merging `theirs` into `ours` comes to. `label` is what their side is called in a conflict's marks.
    pub fn merge(&self, base: &str, ours: &str, theirs: &str, label: &str) -> Result<Merge, CheckpointError> {
        let theirs = self.changes(base, theirs)?;
        let ours: BTreeMap<PathBuf, Change> =
            self.changes(base, ours)?.into_iter().map(|it| (it.path.clone(), it)).collect();
        let mut merge = Merge::default();
        for change in &theirs {
            match ours.get(&change.path) {
                None => merge.moves.push(Move {
                    path: change.path.clone(),
                    expect: change.from.clone(),
                    want: change.to.clone(),
                }),
                Some(our) if our.to == change.to => {}
                Some(our) => self.both(&mut merge, our, change, label)?,
            }
        }
        let by_them: BTreeMap<&Path, &Change> = theirs.iter().map(|it| (it.path.as_path(), it)).collect();
        for (path, our) in &ours {
            if !by_them.contains_key(path.as_path()) {
                merge.back.push(Move { path: path.clone(), expect: our.from.clone(), want: our.to.clone() });
            }
        }
        Ok(merge)
    }

    /// Merges a file that both sides changed.
    fn both(&self, merge: &mut Merge, our: &Change, their: &Change, label: &str) -> Result<(), CheckpointError> {
        let path = &their.path;
        let mut conflict = |why, text| merge.conflicts.push(Conflict { path: path.clone(), why, text });
        let (Some(o), Some(t)) = (&our.to, &their.to) else {
            if our.to.is_some() {
                conflict("it was changed in the work tree and deleted in the worktree", None);
                merge.back.push(Move { path: path.clone(), expect: None, want: our.to.clone() });
            } else {
                conflict("it was deleted in the work tree and changed in the worktree", None);
            }
            return Ok(());
        };
        if o.mode == Mode::Link || t.mode == Mode::Link || their.from.as_ref().is_some_and(|it| it.mode == Mode::Link) {
            conflict("both changed where it leads, or whether it is a link", None);
            return Ok(());
        }
        let mode = if their.from.as_ref().is_none_or(|it| it.mode == o.mode) { t.mode } else { o.mode };
        let merged = self.merge_text(their.from.as_ref(), o, t, label)?;
        let to = |id: String| Some(Entry { mode, id });
        match merged {
            Merged::Clean(id) => {
                let want = to(id);
                // One side may have all of the other's change already, as after a merge that is done again.
                if our.to != want {
                    merge.moves.push(Move { path: path.clone(), expect: our.to.clone(), want: want.clone() });
                }
                if their.to != want {
                    merge.back.push(Move { path: path.clone(), expect: their.to.clone(), want });
                }
            }
            Merged::Marked(text, id) => {
                conflict("both changed the same lines", Some(text));
                merge.back.push(Move { path: path.clone(), expect: their.to.clone(), want: to(id) });
            }
            Merged::Not => conflict("both changed it, and it is no text that could be merged by lines", None),
        }
        Ok(())
    }

    fn merge_text(
        &self,
        base: Option<&Entry>,
        ours: &Entry,
        theirs: &Entry,
        label: &str,
    ) -> Result<Merged, CheckpointError> {
        if ours.id == theirs.id {
            return Ok(Merged::Clean(ours.id.clone()));
        }
        let base = base.map_or_else(|| Ok(Vec::new()), |it| self.blob(&it.id))?;
        let sides = [("ours", self.blob(&ours.id)?), ("base", base), ("theirs", self.blob(&theirs.id)?)];
        if sides.iter().any(|(_, it)| it.len() > MOST_MERGED || it.contains(&0)) {
            return Ok(Merged::Not);
        }
        let folder = self.dir.join("merging");
        let write = || {
            private::folder(&folder)?;
            sides.iter().try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))
        };
        write().map_err(|source| self.io("writing the sides of a merge", source))?;
        let asked = self.git.call(&folder).git_dir(&self.dir).run_any(&[
            "merge-file",
            "-p",
            "-q",
            "-L",
            OURS,
            "-L",
            "before",
            "-L",
            label,
            "ours",
            "base",
            "theirs",
        ])?;
        let _ = fs::remove_dir_all(&folder);
        match asked.code {
            Some(0) => Ok(Merged::Clean(self.keep_blob(&asked.stdout)?)),
            // The number of conflicts; above that it failed.
            Some(1..=127) => {
                let id = self.keep_blob(&asked.stdout)?;
                Ok(Merged::Marked(asked.stdout, id))
            }
            _ => Ok(Merged::Not),
        }
    }

    /// Returns a file's bytes.
    pub fn blob(&self, id: &str) -> Result<Vec<u8>, CheckpointError> {
        Ok(self.shadow().run(&["cat-file", "blob", id])?.stdout)
    }

    /// Keeps bytes as a file's content, and returns its id.
    pub fn keep_blob(&self, bytes: &[u8]) -> Result<String, CheckpointError> {
        let written = self.shadow().input(bytes.to_vec()).run(&["hash-object", "-w", "--stdin"])?;
        Ok(written.text().trim().to_owned())
    }

    /// Returns those of the files in a tree that still have a conflict's marks in them.
    pub fn marked(&self, tree: &str, paths: &[String], label: &str) -> Result<Vec<PathBuf>, CheckpointError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        let entries = self.entries(tree)?;
        let (ours, theirs) = (format!("<<<<<<< {OURS}"), format!(">>>>>>> {label}"));
        for path in paths {
            let path = path_of(path.as_bytes());
            let Some(entry) = entries.get(&path) else { continue };
            let text = self.blob(&entry.id)?;
            let has = |mark: &str| text.split(|it| *it == b'\n').any(|it| it.trim_ascii_end() == mark.as_bytes());
            if has(&ours) || has(&theirs) {
                found.push(path);
            }
        }
        Ok(found)
    }

    /// Keeps a tree as long as a worktree needs it.
    pub fn pin(&self, worktree: &str, tree: &str) -> Result<(), CheckpointError> {
        shadow::pin(self, worktree, tree)
    }

    /// Lets a worktree's trees go.
    pub fn unpin(&self, worktree: &str) -> Result<(), CheckpointError> {
        shadow::unpin(self, worktree)
    }

    /// Puts files where they are wanted, and passes over those that are as wanted already.
    pub fn bring(&self, moves: Vec<Move>) -> Result<super::Restored, CheckpointError> {
        let now = self.take()?.tree;
        let now = self.entries(&now)?;
        let left: Vec<Move> = moves.into_iter().filter(|it| now.get(&it.path) != it.want.as_ref()).collect();
        self.restore(&left, false)
    }
}

/// What two texts came to.
enum Merged {
    Clean(String),
    Marked(Vec<u8>, String),
    Not,
}
