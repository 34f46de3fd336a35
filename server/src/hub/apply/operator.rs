//! What an operator's decisions change in a state: its own step, the steps that it assigns, and what is remembered of it.

use std::sync::Arc;

use super::change_step;
use crate::{
    hub::{
        operator::{DECISIONS_KEPT, Decided, Move, Operation},
        record::Record,
        run::Run,
        state::State,
    },
    ids::{RunId, StepId, Timestamp},
    protocol::StepStatus,
    workflow::plan::Action,
};

/// Applies a record of an operator.
pub(super) fn apply(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::OperatorMoved { run, step, turn, does, reason } => {
            change_step(state, at, *run, step, |it| {
                let operation = Arc::make_mut(&mut it.operation);
                operation.decisions += 1;
                operation.taken += 1;
                let what = does.to_string().as_str().into();
                remember(operation, Decided { turn: *turn, what, why: reason.as_str().into(), refused: false });
                if !matches!(does, Move::Assign { .. } | Move::Wait) {
                    operation.pending = Some(does.clone());
                }
            });
            if let Move::Assign { step: child, agent, text } = does {
                for later in dependents(state, *run, child) {
                    change_step(state, at, *run, &later, |it| {
                        it.status = StepStatus::Waiting;
                        it.parked = true;
                        it.turn = None;
                        it.ended = None;
                        it.pause = None;
                    });
                }
                change_step(state, at, *run, child, |it| {
                    it.status = StepStatus::Waiting;
                    it.parked = false;
                    it.brief = (!text.is_empty()).then(|| text.as_str().into());
                    it.turn = None;
                    it.started = None;
                    it.ended = None;
                    it.pause = None;
                    it.failure = None;
                    it.retried = 0;
                    if agent.is_some() {
                        it.agent.clone_from(agent);
                    }
                });
            }
        }
        Record::OperatorRefused { run, step, turn, wanted, why } => change_step(state, at, *run, step, |it| {
            let operation = Arc::make_mut(&mut it.operation);
            operation.refused += 1;
            let what = wanted.as_str().into();
            remember(operation, Decided { turn: *turn, what, why: why.as_str().into(), refused: true });
        }),
        Record::OperatorTurnTaken { run, step, .. } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Running;
            it.turn = None;
            it.ended = None;
            // Its next prompt has what happened since.
            it.note = None;
            let operation = Arc::make_mut(&mut it.operation);
            operation.idle_turns = if operation.taken == 0 { operation.idle_turns + 1 } else { 0 };
            operation.taken = 0;
            operation.refused = 0;
            operation.pending = None;
        }),
        Record::OperatorWoken { run, step, bound, note } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Running;
            it.turn = None;
            it.pause = None;
            it.ended = None;
            it.bound = *bound;
            if !note.is_empty() {
                it.note = Some(note.as_str().into());
            }
            Arc::make_mut(&mut it.operation).idle_turns = 0;
        }),
        _ => {}
    }
}

fn remember(operation: &mut Operation, decided: Decided) {
    operation.log.push_back(Arc::new(decided));
    if operation.log.len() > DECISIONS_KEPT {
        operation.log.pop_front();
    }
}

/// Returns the steps of the same list that are over and rest on a step: with it done anew they no longer hold.
fn dependents(state: &State, run: RunId, step: &StepId) -> Vec<StepId> {
    let Some(run) = state.runs.get(&run) else { return Vec::new() };
    let Some((siblings, _)) = Run::siblings(&run.plan, step) else { return Vec::new() };
    let mut again: Vec<&StepId> = vec![step];
    for it in siblings {
        let shows =
            matches!(&it.action, Action::Pause(pause) if pause.show.as_ref().is_some_and(|it| again.contains(&it)));
        if (shows || it.needs.iter().any(|it| again.contains(&it))) && !again.contains(&&it.id) {
            again.push(&it.id);
        }
    }
    let is_over = |it: &&&StepId| run.step(it).is_some_and(|it| it.is_over());
    again.iter().skip(1).filter(is_over).map(|it| (*it).clone()).collect()
}
