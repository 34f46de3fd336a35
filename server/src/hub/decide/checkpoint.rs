//! Checkpoints around work that may change files, and undoing it (promise "Undo run").
//!
//! Invariant: a turn that may change files starts in the very decision in which its start checkpoint is recorded, taken or
//! not; and nothing that follows it in its run starts before its end checkpoint is recorded.

use std::{fmt::Write as _, sync::Arc};

use super::{Draft, advance, context, follow, human, not_found, turn, worktree};
use crate::{
    agent::Access,
    hub::{
        effect::{Effect, Undo, UndoRequest},
        event::{Actor, Answer, CheckpointOutcome, Refusal, RefusalCode, UndoOutcome},
        record::{Cause, CheckpointWhen, Record},
        state::{State, Turn},
        timeline,
    },
    ids::{AgentName, RunId, StepId, TurnId},
    protocol::About,
    workflow::plan::{Action, Plan, Who},
};

/// How many files are named in a message; the record has them all.
const NAMED: usize = 20;

/// Asks for a checkpoint where a run that may change files starts, so that the first step does not wait for a first look at
/// everything.
pub(super) fn at_start(draft: &mut Draft, run: RunId) {
    let Some(plan) = draft.state.runs.get(&run).map(|it| Arc::clone(&it.plan)) else { return };
    if may_write(&draft.state, &plan) {
        intend(draft, run, None, None, CheckpointWhen::Run);
    }
}

fn may_write(state: &State, plan: &Plan) -> bool {
    plan.all_steps().iter().any(|step| match &step.action {
        Action::Turn(action) if action.narrowed(Access::Write) == Access::Read => false,
        Action::Turn(action) => match &action.who {
            Who::Role(role) => plan.roles.iter().any(|it| it.id == *role && it.access == Access::Write),
            Who::Agent(name) => state.agents.get(name).is_some_and(|it| it.info.access == Access::Write),
        },
        _ => false,
    })
}

/// Returns whether an agent waits for the checkpoint with which its next turn starts.
pub(super) fn is_awaited(draft: &Draft, agent: &AgentName) -> bool {
    let state = &draft.state;
    let pending = state.pending_checkpoints.iter().filter_map(|it| state.checkpoint(*it));
    let mut starts = pending.filter(|it| it.when == CheckpointWhen::Start).filter_map(|it| state.turn(it.turn?));
    starts.any(|it| it.agent == *agent)
}

/// Asks for a turn's start checkpoint where it may change files. Returns whether it did.
pub(super) fn begins_with_one(draft: &mut Draft, id: TurnId) -> bool {
    let Some(Cause::Step { run, step }) = draft.state.turn(id).map(|it| it.cause.clone()) else { return false };
    // In a worktree of its own it changes nothing that a checkpoint has; its merge begins with one.
    if !context::writes(&draft.state, run, &step) || worktree::isolation(&draft.state, run, &step).is_some() {
        return false;
    }
    intend(draft, run, Some(step), Some(id), CheckpointWhen::Start);
    true
}

/// Asks for the end checkpoint of a turn that is over.
pub(super) fn after(draft: &mut Draft, turn: &Turn) {
    if let Cause::Step { run, step } = &turn.cause
        && turn.sent.as_ref().is_some_and(|it| it.access == Access::Write)
        && !worktree::is_isolated(&draft.state, &turn.cause)
    {
        intend(draft, *run, Some(step.clone()), Some(turn.id), CheckpointWhen::End);
    }
}

/// Asks for the checkpoint with which a merge begins, and returns its number.
pub(super) fn before_merge(draft: &mut Draft, run: RunId, step: &StepId, turn: TurnId) -> u64 {
    intend(draft, run, Some(step.clone()), Some(turn), CheckpointWhen::Merge)
}

/// Asks for the checkpoint with which a merge ends.
pub(super) fn after_merge(draft: &mut Draft, run: RunId, step: &StepId, turn: TurnId) {
    intend(draft, run, Some(step.clone()), Some(turn), CheckpointWhen::End);
}

/// Asks for a checkpoint once a person has answered: what was edited at the pause is theirs.
pub(super) fn after_pause(draft: &mut Draft, run: RunId) {
    if draft.state.checkpoints.iter().rev().any(|it| it.run == run) {
        intend(draft, run, None, None, CheckpointWhen::Answer);
    }
}

fn intend(draft: &mut Draft, run: RunId, step: Option<StepId>, turn: Option<TurnId>, when: CheckpointWhen) -> u64 {
    let checkpoint = draft.state.checkpoints.len() as u64 + 1;
    let now = draft.state.runs.get(&run).zip(step.as_ref()).and_then(|(run, step)| run.step(step));
    let (round, attempt) = now.map_or((0, 0), |it| (it.round, it.attempt));
    draft.emit(Record::CheckpointIntended { checkpoint, run, step, turn, round, attempt, when });
    ask(draft, checkpoint);
    checkpoint
}

fn ask(draft: &mut Draft, id: u64) {
    let Some(entry) = draft.state.checkpoint(id).cloned() else { return };
    // Whoever is given findings behind this checkpoint is given their places in the text of now.
    follow::all(draft);
    let start = |turn: TurnId| {
        let of = draft.state.checkpoints.iter().rev();
        let mut starts = of.filter(|it| it.turn == Some(turn) && is_begin(it.when));
        starts.next().and_then(|it| it.outcome.clone()?.ok())
    };
    let since = entry.turn.filter(|_| entry.when == CheckpointWhen::End).and_then(start);
    draft.effect(Effect::Checkpoint { checkpoint: id, since });
}

/// Returns whether a turn's changes begin behind such a checkpoint.
fn is_begin(when: CheckpointWhen) -> bool {
    matches!(when, CheckpointWhen::Start | CheckpointWhen::Merge)
}

/// Takes a checkpoint's outcome. The first one counts.
pub(super) fn taken(draft: &mut Draft, id: u64, outcome: &CheckpointOutcome) {
    if !draft.state.pending_checkpoints.contains(&id) {
        return;
    }
    let Some(entry) = draft.state.checkpoint(id).cloned() else { return };
    let CheckpointOutcome { tree, why, left_out, changed, diffs } = outcome.clone();
    let (taken, reason) = (tree.clone(), why.clone());
    draft.emit(Record::CheckpointTaken { checkpoint: id, tree: taken, why: reason, left_out, changed, diffs });
    if let (None, Some(step)) = (&tree, &entry.step) {
        let about = About { step: Some(step.clone()), ..About::default() };
        let text = format!("What {step} changes can't be undone: no checkpoint could be taken, because {why}");
        // Once for a turn is enough.
        if is_begin(entry.when) {
            draft.announce(entry.run, about, &text);
        }
    }
    start_undos(draft);
    match (entry.when, entry.turn) {
        (CheckpointWhen::Start, Some(turn)) => {
            let Some(known) = draft.state.turn(turn).cloned() else { return };
            let waits = known.ended.is_none() && known.sent_at.is_none() && turn::may_start(draft, turn);
            let is_free = draft.state.agents.get(&known.agent).is_some_and(|it| it.live.is_none());
            if !(waits && is_free && draft.state.trusted && turn::intend(draft, turn)) {
                turn::kick(draft, &known.agent);
            }
        }
        (CheckpointWhen::End, _) => advance::advance(draft, entry.run),
        _ => {}
    }
}

/// Asks again for what was on its way when the last hub ended.
pub(super) fn recover(draft: &mut Draft) {
    if !draft.state.trusted {
        return;
    }
    let pending: Vec<u64> = draft.state.pending_checkpoints.iter().copied().collect();
    for id in pending {
        ask(draft, id);
    }
    start_undos(draft);
}

/// Undoes what a run, or a step of it, changed.
pub(super) fn undo(
    draft: &mut Draft,
    by: &Actor,
    run: RunId,
    step: Option<&StepId>,
    force: bool,
) -> Result<Answer, Refusal> {
    let by = human(by, "undo what a run changed")?;
    let Some(known) = draft.state.runs.get(&run) else { return Err(not_found(run, "`callboard runs` lists them")) };
    if let Some(step) = step
        && known.step(step).is_none()
    {
        return Err(not_found(format!("step {step} in {run}"), &format!("`callboard show {run}` lists them")));
    }
    if let Some(worker) = writer(&draft.state) {
        let message = format!(
            "{worker} is changing files right now; undo when that is over, or stop it with `callboard pause --interrupt`"
        );
        return Err(Refusal::new(RefusalCode::Busy, message));
    }
    if !draft.state.open_undos.is_empty() {
        return Err(Refusal::new(RefusalCode::Busy, "another undo is going on; wait until it is over"));
    }
    if stretches(&draft.state, run, step).is_empty() {
        let of = step.map_or(run.to_string(), |it| format!("{it} of {run}"));
        let missing = timeline::missing(&draft.state, run, step);
        let why = missing.first().map_or_else(|| "it has changed no files".to_owned(), Clone::clone);
        return Err(Refusal::new(RefusalCode::Invalid, format!("there is nothing of {of} to undo: {why}")));
    }
    Ok(Answer::Undoing(intend_undo(draft, run, step, by, force)))
}

/// Undoes the step whose work a person rejected, where it changed files.
pub(super) fn undo_rejected(draft: &mut Draft, run: RunId, step: &StepId, by: &str) {
    if !stretches(&draft.state, run, Some(step)).is_empty() {
        intend_undo(draft, run, Some(step), by, false);
    }
}

fn intend_undo(draft: &mut Draft, run: RunId, step: Option<&StepId>, by: &str, force: bool) -> u64 {
    let undo = draft.state.undos.len() as u64 + 1;
    draft.emit(Record::UndoIntended { undo, run, step: step.cloned(), by: by.to_owned(), force });
    start_undos(draft);
    undo
}

/// Returns who is at work on files, or about to be.
fn writer(state: &State) -> Option<String> {
    let mut live = state.live_turns.iter().filter_map(|it| state.turn(*it));
    let writes = |it: &&Arc<Turn>| {
        matches!(it.cause, Cause::Step { .. }) && it.sent.as_ref().is_some_and(|it| it.access == Access::Write)
    };
    let starting = || {
        let pending = state.pending_checkpoints.iter().filter_map(|it| state.checkpoint(*it));
        pending.filter(|it| it.when == CheckpointWhen::Start).find_map(|it| state.turn(it.turn?))
    };
    live.find(writes).or_else(starting).map(|it| it.agent.to_string())
}

fn stretches(state: &State, run: RunId, step: Option<&StepId>) -> Vec<Undo> {
    let wanted = |it: &timeline::Worker| it.run == run && step.is_none_or(|step| it.step == *step);
    timeline::stretches(state)
        .into_iter()
        .filter(|it| it.by.iter().any(wanted))
        .map(|it| {
            let mut others: Vec<String> = it
                .by
                .iter()
                .filter(|it| !wanted(it))
                .map(|it| format!("{} ({} of {})", it.agent, it.step, it.run))
                .collect();
            others.dedup();
            Undo { from: it.from, to: it.to, shared: others.join(", ") }
        })
        .collect()
}

/// Has the undos begin once every checkpoint that was asked for is there: what they undo is told by those.
pub(super) fn start_undos(draft: &mut Draft) {
    if !draft.state.pending_checkpoints.is_empty() || draft.state.merging().is_some() {
        return;
    }
    let open: Vec<u64> = draft.state.open_undos.iter().copied().collect();
    for undo in open {
        let Some(entry) = draft.state.undo(undo).cloned() else { continue };
        let stretches = stretches(&draft.state, entry.run, entry.step.as_ref());
        draft.effect(Effect::Undo(Box::new(UndoRequest { undo, stretches, force: entry.force })));
    }
}

/// Takes an undo's outcome. The first one counts.
pub(super) fn undone(draft: &mut Draft, undo: u64, outcome: &UndoOutcome) {
    if !draft.state.open_undos.contains(&undo) {
        return;
    }
    let Some(entry) = draft.state.undo(undo).cloned() else { return };
    let UndoOutcome { files, clashes, why } = outcome.clone();
    let of = entry.step.as_ref().map_or(entry.run.to_string(), |it| format!("{it} of {}", entry.run));
    let mut text = match (files.len(), why.is_empty()) {
        (_, false) => format!("{of} could not be undone: {why}"),
        (0, true) if clashes.is_empty() => format!("{} undid {of}: every file was as before already.", entry.by),
        (n, true) => format!("{} undid {of}: {} put back.", entry.by, self::files(n)),
    };
    for path in files.iter().take(NAMED) {
        let _ = write!(text, "\n- {path}");
    }
    if files.len() > NAMED {
        let _ = write!(text, "\n- and {} more", files.len() - NAMED);
    }
    if !clashes.is_empty() {
        let flag = entry.step.as_ref().map_or(String::new(), |it| format!(" --step {it}"));
        let _ = write!(
            text,
            "\n\nLeft as it is ({}; `callboard undo {}{flag} --force` puts these back too):",
            self::files(clashes.len()),
            entry.run
        );
        for it in clashes.iter().take(NAMED) {
            let _ = write!(text, "\n- {}: {}", it.path, it.why);
        }
    }
    let about = About { step: entry.step.clone(), ..About::default() };
    let (run, step, by) = (entry.run, entry.step.clone(), entry.by.to_string());
    draft.emit(Record::Undone { undo, run, step, by, files, clashes, why });
    draft.announce(run, about, &text);
    // What had to wait for it goes on.
    let agents: Vec<AgentName> = draft.state.agents.keys().cloned().collect();
    for agent in agents {
        turn::kick(draft, &agent);
    }
}

/// Returns `1 file` or `3 files`.
pub(super) fn files(n: usize) -> String {
    if n == 1 { "1 file".to_owned() } else { format!("{n} files") }
}
