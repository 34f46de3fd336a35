//! The fold of what turns ask people, and of the permissions that are remembered.

use std::sync::Arc;

use super::{change_step, change_turn};
use crate::{
    ask::Rule,
    hub::{
        record::{Record, Subject},
        run::StepState,
        state::State,
    },
    ids::{PauseId, RuleId, RunId, Timestamp},
};

pub(super) fn apply(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::AskAnswered { turn, key, reply, rule, .. } => {
            change_turn(state, *turn, |it| {
                it.asks.insert(key.as_str().into(), Some(reply.clone()));
            });
            if let Some(rule) = rule {
                change_rule(state, *rule, |it| it.used += 1);
            }
        }
        Record::AskDue { pause, at } if state.open_pauses.contains(pause) => {
            not_due(state, *pause);
            state.due_asks.insert((*at, *pause));
        }
        Record::TurnGivenUp { turn, why } => {
            change_turn(state, *turn, |it| it.given_up = Some(why.as_str().into()));
        }
        Record::PermissionRemembered { rule, agent, tool, pattern, run, by, pause } => {
            state.rules.push_back(Arc::new(Rule {
                id: *rule,
                agent: agent.clone(),
                tool: tool.clone(),
                pattern: pattern.clone(),
                run: *run,
                by: by.clone(),
                at,
                pause: *pause,
                used: 0,
                ended: None,
            }));
            state.live_rules.insert(*rule);
        }
        Record::PermissionRevoked { rule, by } => {
            change_rule(state, *rule, |it| it.ended = Some(by.clone()));
            state.live_rules.remove(rule);
        }
        _ => {}
    }
}

/// Notes that a turn waits for the answer to a pause.
pub(super) fn opened(state: &mut State, at: Timestamp, subject: &Subject) {
    let Subject::Ask { turn, key, .. } = subject else { return };
    change_turn(state, *turn, |it| {
        it.asks.insert(key.as_str().into(), None);
    });
    of_step(state, at, subject, |it| it.asks += 1);
}

/// Notes that a turn no longer waits for the answer to a pause.
pub(super) fn closed(state: &mut State, at: Timestamp, pause: PauseId, subject: &Subject) {
    if matches!(subject, Subject::Ask { .. }) {
        not_due(state, pause);
        of_step(state, at, subject, |it| it.asks = it.asks.saturating_sub(1));
    }
}

/// Takes back what was remembered until the run's end.
pub(super) fn run_ended(state: &mut State, run: RunId) {
    let gone = |it: &&RuleId| state.rule(**it).is_some_and(|it| it.run == Some(run));
    let gone: Vec<RuleId> = state.live_rules.iter().filter(gone).copied().collect();
    for rule in gone {
        change_rule(state, rule, |it| it.ended = Some(format!("the end of {run}")));
        state.live_rules.remove(&rule);
    }
}

/// Changes the step whose turn asks, where it is still on that turn.
fn of_step(state: &mut State, at: Timestamp, subject: &Subject, change: impl FnOnce(&mut StepState)) {
    let Subject::Ask { turn, run: Some(run), step: Some(step), .. } = subject else { return };
    change_step(state, at, *run, step, |it| {
        if it.turn == Some(*turn) {
            change(it);
        }
    });
}

fn not_due(state: &mut State, pause: PauseId) {
    let due = state.due_asks.iter().find(|it| it.1 == pause).copied();
    if let Some(due) = due {
        state.due_asks.remove(&due);
    }
}

fn change_rule(state: &mut State, id: RuleId, change: impl FnOnce(&mut Rule)) {
    let Some(index) = id.0.checked_sub(1).and_then(|it| usize::try_from(it).ok()) else { return };
    if let Some(slot) = state.rules.get_mut(index) {
        change(Arc::make_mut(slot));
    }
}
