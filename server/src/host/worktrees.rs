//! Carries out what the hub wants of worktrees: makes them, takes what is in them, merges it, lets their folders go.
//!
//! Invariant: each can be done twice without harm. Made is made once in a hub's life; what was taken is what is merged; a
//! merge that was done already changes nothing; a folder that is gone is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    hub::{
        effect::{WorktreeAct, WorktreeJob},
        event::{FileConflict, WorktreeCame},
    },
    ids::WorktreeId,
    protocol::FileNote,
    workspace::checkpoint::{
        CheckpointError, Clash, Conflict, Entry, LeftOut, Mode, Move, Store,
        worktree::{Place, Setup},
    },
};

/// How many files a record names.
const NAMED: usize = 1_000;

/// How many files that are left out a record names.
const LEFT_OUT: usize = 100;

/// How often a merge begins anew where files changed while it was being made.
const TRIES: usize = 3;

/// The longest text of a conflict that is handed on to be shown, in bytes.
const MOST_SHOWN: usize = 100_000;

/// The worktrees of a workspace, as one thread carries out what is wanted of them.
pub struct Worktrees {
    /// The folder that they are in.
    folder: PathBuf,
    /// What their work trees are called: as the workspace is.
    name: String,
    /// Those that this hub has made: an agent may be at work there, so none is made twice.
    made: BTreeSet<WorktreeId>,
}

impl Worktrees {
    /// Makes it; nothing is looked at yet.
    pub fn new(folder: PathBuf, name: String) -> Self {
        Self { folder, name, made: BTreeSet::new() }
    }

    /// Does what is wanted. `None` where it was done before and answered.
    pub fn carry_out(&mut self, store: &Store, job: &WorktreeJob) -> Option<WorktreeCame> {
        if matches!(job.act, WorktreeAct::Make) && !self.made.insert(job.worktree) {
            return None;
        }
        let done = self.try_to(store, job);
        Some(done.unwrap_or_else(|error| WorktreeCame::Failed { why: error.to_string() }))
    }

    fn try_to(&self, store: &Store, job: &WorktreeJob) -> Result<WorktreeCame, CheckpointError> {
        let place = Place::new(&self.folder, &job.worktree.to_string(), &self.name);
        let setup = Setup { copy: job.setup.copy.clone(), link: job.setup.link.clone() };
        match &job.act {
            WorktreeAct::Make => make(store, &place, &setup),
            WorktreeAct::Take { resolved } => take(store, &place, &setup, resolved),
            WorktreeAct::Merge { base, tree, label, marked } => {
                let view = store.of_worktree(&place, &setup);
                merge(store, &view, &place, &Sides { base, tree, label, marked })
            }
            WorktreeAct::Remove { unless_beside } => {
                let view = store.of_worktree(&place, &setup);
                let kept = match unless_beside {
                    Some(base) if place.tree.exists() => beside(&view, base)?,
                    _ => String::new(),
                };
                if kept.is_empty() {
                    store.remove_worktree(&place)?;
                }
                Ok(WorktreeCame::Gone { kept })
            }
        }
    }
}

fn make(store: &Store, place: &Place, setup: &Setup) -> Result<WorktreeCame, CheckpointError> {
    let taken = store.take()?;
    let mut left_out = store.make_worktree(place, &taken.tree, setup)?;
    left_out.extend(taken.left_out);
    Ok(WorktreeCame::Made {
        tree: taken.tree.into(),
        folder: place.tree.to_string_lossy().into_owned(),
        notes: notes(&left_out),
    })
}

fn take(
    store: &Store,
    place: &Place,
    setup: &Setup,
    resolved: &BTreeMap<String, Arc<str>>,
) -> Result<WorktreeCame, CheckpointError> {
    let view = store.of_worktree(place, setup);
    if !resolved.is_empty() {
        let before = view.take()?.tree;
        let mut moves = Vec::new();
        for (path, text) in resolved {
            let path = PathBuf::from(path);
            let expect = view.entry(&before, &path)?;
            let mode = expect.as_ref().map_or(Mode::File, |it| it.mode);
            let want = Some(Entry { mode, id: store.keep_blob(text.as_bytes())? });
            moves.push(Move { path, expect, want });
        }
        view.bring(moves)?;
    }
    let taken = view.take()?;
    store.pin(&place.name, &taken.tree)?;
    Ok(WorktreeCame::Taken { tree: taken.tree.into(), left_out: notes(&taken.left_out) })
}

/// What a merge is of.
struct Sides<'a> {
    base: &'a str,
    tree: &'a str,
    label: &'a str,
    marked: &'a [String],
}

fn merge(store: &Store, view: &Store, place: &Place, sides: &Sides<'_>) -> Result<WorktreeCame, CheckpointError> {
    let unsettled = store.marked(sides.tree, sides.marked, sides.label)?;
    if !unsettled.is_empty() {
        let mut files = Vec::new();
        for path in unsettled {
            let entry = view.entry(sides.tree, &path)?;
            let text = entry.map(|it| store.blob(&it.id)).transpose()?.unwrap_or_default();
            let why = "it still has the conflict's marks in it".to_owned();
            files.push(FileConflict { path: name(&path), why, marked: Some(shown(text)) });
        }
        return Ok(WorktreeCame::Conflicts { files, base: None });
    }
    let mut merged: BTreeSet<PathBuf> = BTreeSet::new();
    let mut left = Vec::new();
    for _ in 0..TRIES {
        let ours = store.take()?.tree;
        let merge = store.merge(sides.base, &ours, sides.tree, sides.label)?;
        if !merge.conflicts.is_empty() {
            let back = view.bring(merge.back)?;
            store.pin(&place.name, &ours)?;
            let mut files: Vec<FileConflict> = merge.conflicts.into_iter().map(conflict).collect();
            files.extend(back.clashes.iter().map(clash));
            return Ok(WorktreeCame::Conflicts { files, base: Some(ours.into()) });
        }
        let restored = store.restore(&merge.moves, false)?;
        merged.extend(restored.files);
        left = restored.clashes;
        if left.is_empty() {
            let files = merged.iter().take(NAMED).map(|it| name(it)).collect();
            return Ok(WorktreeCame::Merged { files });
        }
        // Somebody writes at this moment: once more, with what they wrote.
    }
    Ok(WorktreeCame::Conflicts { files: left.iter().map(clash).collect(), base: None })
}

/// Returns what is in a worktree and not in this tree, in words; nothing where there is nothing.
fn beside(view: &Store, base: &str) -> Result<String, CheckpointError> {
    let taken = view.take()?;
    let changed = view.changes(base, &taken.tree)?;
    let count = changed.len() + taken.left_out.len();
    let named: Vec<String> = changed
        .iter()
        .map(|it| name(&it.path))
        .chain(taken.left_out.iter().map(|it| it.path.clone()))
        .take(3)
        .collect();
    Ok(match count {
        0 => String::new(),
        1 => format!("what was done in it is nowhere else: {}", named.join(", ")),
        n if n > named.len() => {
            format!("what was done in it is nowhere else: {n} files, {} among them", named.join(", "))
        }
        _ => format!("what was done in it is nowhere else: {}", named.join(", ")),
    })
}

fn conflict(it: Conflict) -> FileConflict {
    FileConflict { path: name(&it.path), why: it.why.to_owned(), marked: it.text.map(shown) }
}

fn clash(it: &Clash) -> FileConflict {
    FileConflict { path: name(&it.path), why: it.why.clone(), marked: None }
}

fn shown(text: Vec<u8>) -> Option<Arc<str>> {
    String::from_utf8(text).ok().filter(|it| it.len() <= MOST_SHOWN).map(Into::into)
}

fn notes(left_out: &[LeftOut]) -> Vec<FileNote> {
    let note = |it: &LeftOut| FileNote { path: it.path.clone(), why: it.why.to_owned() };
    let mut notes: Vec<FileNote> = left_out.iter().take(LEFT_OUT).map(note).collect();
    if let Some(more) = left_out.len().checked_sub(LEFT_OUT).filter(|it| *it > 0) {
        notes.push(FileNote { path: format!("and {more} more"), why: "a checkpoint has bounds".to_owned() });
    }
    notes
}

fn name(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
