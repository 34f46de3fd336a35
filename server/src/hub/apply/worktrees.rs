//! Worktrees and merges onto the state.

use std::{collections::BTreeMap, sync::Arc};

use super::{change_run, change_step};
use crate::{
    hub::{
        record::Record,
        state::{State, Worktree, WorktreeStage},
    },
    ids::{RunId, StepId, Timestamp, TurnId, WorktreeId},
    protocol::StepStatus,
};

pub(super) fn apply(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::WorktreeIntended { worktree, run, step, turn, setup } => {
            state.worktrees.push_back(Arc::new(Worktree {
                id: *worktree,
                run: *run,
                step: step.clone(),
                turn: *turn,
                setup: Arc::new(setup.clone()),
                stage: WorktreeStage::Making,
                folder: Arc::from(""),
                base: None,
                tree: None,
                left_out: Arc::from([]),
                resolved: Arc::default(),
                marked: Arc::from([]),
                merged: Arc::from([]),
                kept: Arc::from(""),
            }));
            state.open_worktrees.insert(*worktree);
        }
        Record::WorktreeMade { worktree, tree, folder, .. } => change(state, *worktree, |it| {
            // What could not be made may be there in part, and goes.
            it.stage = if tree.is_some() { WorktreeStage::AtWork } else { WorktreeStage::Dropped };
            it.base.clone_from(tree);
            it.folder = folder.as_str().into();
        }),
        Record::WorktreeReady { worktree, turn, resolved } => {
            change(state, *worktree, |it| {
                it.stage = WorktreeStage::Ready;
                it.turn = *turn;
                it.resolved = Arc::new(resolved.clone());
            });
            let Some(entry) = state.worktree(*worktree).cloned() else { return };
            change_step(state, at, entry.run, &entry.step, |it| {
                it.status = StepStatus::Done;
                it.unmerged = true;
                it.pause = None;
            });
        }
        Record::MergeIntended { worktree, .. } => change(state, *worktree, |it| it.stage = WorktreeStage::Taking),
        Record::WorktreeTaken { worktree, tree, left_out } => change(state, *worktree, |it| {
            it.stage = WorktreeStage::Merging;
            it.tree = Some(Arc::clone(tree));
            it.left_out = left_out.clone().into();
            it.resolved = Arc::default();
        }),
        Record::WorktreeMerged { worktree, files } => {
            change(state, *worktree, |it| {
                it.stage = WorktreeStage::Merged;
                it.merged = files.clone().into();
                it.marked = Arc::from([]);
            });
            no_longer_awaited(state, at, *worktree);
        }
        Record::MergeFailed { worktree, marked, base, .. } => {
            let awaited = is_awaited(state, *worktree);
            change(state, *worktree, |it| {
                it.stage = if awaited { WorktreeStage::Conflict } else { WorktreeStage::AtWork };
                it.resolved = Arc::default();
                if let Some(base) = base {
                    it.base = Some(Arc::clone(base));
                    it.marked = marked.clone().into();
                }
            });
        }
        Record::WorktreeClosed { worktree, by } => {
            let was_asked = state.worktree(*worktree).is_some_and(|it| it.stage == WorktreeStage::Conflict);
            let stage = if by.is_some() { WorktreeStage::Dropped } else { WorktreeStage::Closing };
            no_longer_awaited(state, at, *worktree);
            change(state, *worktree, |it| it.stage = stage);
            let Some(entry) = state.worktree(*worktree).cloned().filter(|_| was_asked && by.is_some()) else { return };
            change_step(state, at, entry.run, &entry.step, |it| {
                // Its work is gone, so what it said of it must not be read as done.
                it.status = StepStatus::Skipped;
                it.result = None;
                it.pause = None;
                it.ended = Some(at);
            });
        }
        Record::WorktreeGone { worktree, kept, why } => {
            change(state, *worktree, |it| {
                it.stage = if *kept { WorktreeStage::Kept } else { WorktreeStage::Gone };
                it.kept = why.as_str().into();
            });
            if !kept {
                state.open_worktrees.remove(worktree);
            }
        }
        _ => {}
    }
}

/// A turn was handed to an agent: it is at work in its step's worktree, where that has one.
pub(super) fn begun(state: &mut State, turn: TurnId, run: RunId, step: &StepId) {
    let open = state.worktree_of(run, step).filter(|it| it.stage == WorktreeStage::AtWork).map(|it| it.id);
    if let Some(open) = open {
        change(state, open, |it| it.turn = turn);
    }
}

/// A step is done again: what waited to be merged, or for a person, is worked on instead.
pub(super) fn reopened(state: &mut State, at: Timestamp, run: RunId, step: &StepId) {
    let waits = |it: &&Arc<Worktree>| matches!(it.stage, WorktreeStage::Ready | WorktreeStage::Conflict);
    let open = state.worktree_of(run, step).filter(waits).map(|it| it.id);
    if let Some(open) = open {
        change(state, open, |it| {
            it.stage = WorktreeStage::AtWork;
            it.resolved = Arc::new(BTreeMap::new());
        });
    }
    change_step(state, at, run, step, |it| it.unmerged = false);
}

fn is_awaited(state: &State, worktree: WorktreeId) -> bool {
    let Some(entry) = state.worktree(worktree) else { return false };
    let run = state.runs.get(&entry.run).filter(|it| it.ended.is_none());
    run.and_then(|it| it.step(&entry.step)).is_some_and(|it| it.unmerged && it.turn == Some(entry.turn))
}

fn no_longer_awaited(state: &mut State, at: Timestamp, worktree: WorktreeId) {
    let Some(entry) = state.worktree(worktree).cloned() else { return };
    change_run(state, at, entry.run, |run| {
        if let Some(step) = run.steps.get_mut(&entry.step)
            && step.turn == Some(entry.turn)
        {
            Arc::make_mut(step).unmerged = false;
        }
    });
}

fn change(state: &mut State, id: WorktreeId, change: impl FnOnce(&mut Worktree)) {
    let Some(index) = id.0.checked_sub(1).and_then(|it| usize::try_from(it).ok()) else { return };
    if let Some(slot) = state.worktrees.get_mut(index) {
        change(Arc::make_mut(slot));
    }
}
