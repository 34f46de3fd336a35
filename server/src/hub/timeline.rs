//! Who was at work between two checkpoints: what changed in between is theirs. Pure.
//!
//! All checkpoints of a workspace are one line, in the order in which they were taken. A turn is at work from its start
//! checkpoint to its end checkpoint. What changed while several were is attributed to all of them; what changed while none
//! was is a person's, or a program's that Callboard does not know.

use std::{collections::BTreeMap, sync::Arc};

use super::{record::CheckpointWhen, state::State};
use crate::ids::{AgentName, RunId, StepId, TurnId};

/// A turn that may have changed files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Of which run.
    pub run: RunId,
    /// Which step.
    pub step: StepId,
    /// Its turn.
    pub turn: TurnId,
    /// Who.
    pub agent: AgentName,
}

/// The time between two checkpoints next to each other, with somebody at work in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// The tree at its start.
    pub from: Arc<str>,
    /// The tree at its end; `None` where it goes on.
    pub to: Option<Arc<str>>,
    /// Who was at work.
    pub by: Vec<Worker>,
}

/// Returns the stretches in which somebody was at work, in the order of time.
pub fn stretches(state: &State) -> Vec<Stretch> {
    // A start counts where its turn began with it: one that was held back has another when it is let go.
    let (mut starts, mut ends) = (BTreeMap::new(), BTreeMap::new());
    for it in &state.checkpoints {
        if let (Some(turn), Some(Ok(_))) = (it.turn, &it.outcome) {
            match it.when {
                // A merge that came to nothing has no end, and the next one begins anew.
                CheckpointWhen::Start | CheckpointWhen::Merge => drop(starts.insert(turn, it.id)),
                CheckpointWhen::End => drop(ends.insert(turn, it.id)),
                CheckpointWhen::Run | CheckpointWhen::Answer => {}
            }
        }
    }
    let mut found = Vec::new();
    let mut at_work: Vec<Worker> = Vec::new();
    let mut before: Option<Arc<str>> = None;
    for it in &state.checkpoints {
        let Some(Ok(tree)) = &it.outcome else { continue };
        if let Some(from) = before.replace(Arc::clone(tree))
            && !at_work.is_empty()
        {
            found.push(Stretch { from, to: Some(Arc::clone(tree)), by: at_work.clone() });
        }
        // One that ended without a checkpoint of its own (its hub was lost) is at work until the next of any.
        at_work.retain(|it| ends.contains_key(&it.turn) || state.turn(it.turn).is_some_and(|it| it.ended.is_none()));
        let (Some(turn), Some(step)) = (it.turn, &it.step) else { continue };
        match it.when {
            CheckpointWhen::Start | CheckpointWhen::Merge
                if starts.get(&turn) == Some(&it.id)
                    && (it.when == CheckpointWhen::Start || ends.get(&turn).is_some_and(|end| *end > it.id)) =>
            {
                let known = state.turn(turn).filter(|it| it.sent_at.is_some());
                at_work.extend(known.map(|known| Worker {
                    run: it.run,
                    step: step.clone(),
                    turn,
                    agent: known.agent.clone(),
                }));
            }
            CheckpointWhen::End => at_work.retain(|it| it.turn != turn),
            _ => {}
        }
    }
    if let (Some(from), false) = (before, at_work.is_empty()) {
        found.push(Stretch { from, to: None, by: at_work });
    }
    found
}

/// Returns why checkpoints of a run, or of a step, are not there: what was done around them can't be told or undone.
pub fn missing(state: &State, run: RunId, step: Option<&StepId>) -> Vec<String> {
    let wanted = |it: &&Arc<super::state::CheckpointEntry>| {
        it.run == run && it.turn.is_some() && step.is_none_or(|step| it.step.as_ref() == Some(step))
    };
    let mut notes = Vec::new();
    for it in state.checkpoints.iter().filter(wanted) {
        let (Some(Err(why)), Some(step)) = (&it.outcome, &it.step) else { continue };
        let place = match it.when {
            CheckpointWhen::End => "end",
            _ => "start",
        };
        let round = if it.round > 0 { format!(" in round {}", it.round) } else { String::new() };
        notes.push(format!("there is no checkpoint of the {place} of {step}{round}: {why}"));
    }
    notes
}
