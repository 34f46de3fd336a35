//! Checkpoints and undos onto the state.

use std::{path::Path, sync::Arc};

use super::change_run;
use crate::{
    hub::{
        event::UndoOutcome,
        record::{CheckpointWhen, Record},
        run::CHANGED_KEPT,
        state::{CheckpointEntry, State, UndoEntry},
    },
    ids::Timestamp,
    steering::steers,
};

pub(super) fn apply(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::CheckpointIntended { checkpoint, run, step, turn, round, attempt: _, when } => {
            state.checkpoints.push_back(Arc::new(CheckpointEntry {
                id: *checkpoint,
                run: *run,
                step: step.clone(),
                turn: *turn,
                round: *round,
                when: *when,
                outcome: None,
                left_out: Arc::from([]),
            }));
            state.pending_checkpoints.insert(*checkpoint);
            if *when == CheckpointWhen::End {
                change_run(state, at, *run, |it| it.closing += 1);
            }
        }
        Record::CheckpointTaken { checkpoint, tree, why, left_out, changed, diffs } => {
            let Some(entry) = index(*checkpoint).and_then(|it| state.checkpoints.get_mut(it)) else { return };
            let entry = Arc::make_mut(entry);
            entry.outcome = Some(tree.clone().ok_or_else(|| Arc::from(why.as_str())));
            entry.left_out = left_out.clone().into();
            let (run, when) = (entry.run, entry.when);
            let work = entry.step.clone().zip(entry.turn);
            let was_pending = state.pending_checkpoints.remove(checkpoint).is_some();
            if when == CheckpointWhen::End && was_pending {
                change_run(state, at, run, |it| {
                    it.closing = it.closing.saturating_sub(1);
                    if let Some((step, turn)) = &work
                        && let Some(step) = it.steps.get_mut(step)
                        && step.turn == Some(*turn)
                    {
                        Arc::make_mut(step).diffs = diffs.clone().into();
                    }
                    for path in changed {
                        // What a person has to see is not lost behind a thousand others.
                        let most = if steers(Path::new(path)).is_some() { 2 * CHANGED_KEPT } else { CHANGED_KEPT };
                        if it.changed.len() < most {
                            it.changed.insert(Arc::from(path.as_str()));
                        }
                    }
                });
            }
        }
        Record::UndoIntended { undo, run, step, by, force } => {
            state.undos.push_back(Arc::new(UndoEntry {
                id: *undo,
                run: *run,
                step: step.clone(),
                by: Arc::from(by.as_str()),
                force: *force,
                outcome: None,
            }));
            state.open_undos.insert(*undo);
        }
        Record::Undone { undo, files, clashes, why, .. } => {
            if let Some(entry) = index(*undo).and_then(|it| state.undos.get_mut(it)) {
                let outcome = UndoOutcome { files: files.clone(), clashes: clashes.clone(), why: why.clone() };
                Arc::make_mut(entry).outcome = Some(Arc::new(outcome));
            }
            state.open_undos.remove(undo);
        }
        _ => {}
    }
}

fn index(number: u64) -> Option<usize> {
    usize::try_from(number.checked_sub(1)?).ok()
}
