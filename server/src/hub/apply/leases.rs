//! Leases on files and collisions: what records change of them.

use std::sync::Arc;

use super::{change_agent, change_run};
use crate::{
    hub::{
        leases::{COLLISIONS_KEPT, Collision, FILES_OF_A_TURN, Lease, NOTES_KEPT},
        record::Record,
        state::State,
    },
    ids::{RunId, Timestamp, TurnId},
};

/// Applies a record of files that turns change.
pub(super) fn apply(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::FilesTouched { turn, paths, sign } => {
            let Some(agent) = state.turn(*turn).map(|it| it.agent.clone()) else { return };
            let mut held = state.files.leases.values().flatten().filter(|it| it.turn == *turn).count();
            for path in paths {
                let path: Arc<str> = path.as_str().into();
                let mut all = state.files.leases.get(&path).cloned().unwrap_or_default();
                if let Some(known) = all.iter_mut().find(|it| it.turn == *turn) {
                    known.sign = known.sign.max(*sign);
                } else if held < FILES_OF_A_TURN {
                    held += 1;
                    all.push_back(Lease { turn: *turn, agent: agent.clone(), since: at, sign: *sign, ended: None });
                } else {
                    continue;
                }
                state.files.leases.insert(path, all);
            }
            change_agent(state, &agent, |_| {});
        }
        Record::FilesCollided { path, turns, person, sure, message } => {
            let path: Arc<str> = path.as_str().into();
            let known: Vec<_> = turns.iter().filter_map(|it| state.turn(*it)).cloned().collect();
            let nobody = TurnId(0);
            for one in turns {
                for other in turns.iter().filter(|it| *it > one).chain(person.iter().map(|_| &nobody)) {
                    state.files.told.insert((Arc::clone(&path), *one.min(other), *one.max(other)));
                }
            }
            let mut runs: Vec<RunId> = known.iter().filter_map(|it| it.cause.run()).collect();
            runs.dedup();
            let collision = Collision {
                path,
                agents: known.iter().map(|it| it.agent.clone()).collect(),
                runs: runs.clone(),
                person: person.as_deref().map(Arc::from),
                sure: *sure,
                message: *message,
                at,
            };
            state.files.collisions.push_back(Arc::new(collision));
            if state.files.collisions.len() > COLLISIONS_KEPT {
                state.files.collisions.pop_front();
                state.files.forgotten += 1;
            }
            for turn in &known {
                change_agent(state, &turn.agent, |it| {
                    it.notes.push_back(*message);
                    if it.notes.len() > NOTES_KEPT {
                        it.notes.pop_front();
                    }
                });
            }
            for run in runs {
                change_run(state, at, run, |_| {});
            }
        }
        _ => {}
    }
}

/// A turn is over: its leases no longer show, and go when no turn is left that was on at the same time.
pub(super) fn turn_over(state: &mut State, turn: TurnId) {
    if state.files.leases.is_empty() {
        return;
    }
    let rev = state.rev;
    // A live turn that was sent its prompt before a lease ended may have read the file as it was.
    let oldest = state.live_turns.iter().filter_map(|it| state.turn(*it)?.sent_at).min();
    let mut left = imbl::OrdMap::new();
    for (path, all) in &state.files.leases {
        let mut all = all.clone();
        for it in all.iter_mut().filter(|it| it.turn == turn) {
            it.ended.get_or_insert(rev);
        }
        all.retain(|it| it.ended.is_none_or(|ended| oldest.is_some_and(|oldest| oldest < ended)));
        if !all.is_empty() {
            left.insert(Arc::clone(path), all);
        }
    }
    state.files.leases = left;
    let leases = &state.files.leases;
    let is_left = |path: &Arc<str>, turn: TurnId| {
        turn == TurnId(0) || leases.get(path).is_some_and(|all| all.iter().any(|it| it.turn == turn))
    };
    let told = state.files.told.iter().filter(|it| is_left(&it.0, it.1) && is_left(&it.0, it.2));
    state.files.told = told.cloned().collect();
}
