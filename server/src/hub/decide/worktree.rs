//! Steps that work in a worktree of their own: how it is made, when it is merged, what follows a conflict, when it goes.
//!
//! Invariant: one merge at a time, in the order of the steps in the file among those that are ready. Invariant: a step is over
//! only when its work is merged, so nothing that needs it starts before. Invariant: a worktree whose work is nowhere else goes
//! by a person's word only.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use super::{Draft, advance, checkpoint, context, human, not_found, pause, turn};
use crate::{
    document::{self, ConflictFile, Decision},
    hub::{
        effect::{Effect, WorktreeAct, WorktreeJob},
        event::{Actor, Answer, FileConflict, Refusal, RefusalCode, WorktreeCame},
        record::{Cause, Record},
        state::{State, Worktree, WorktreeStage},
    },
    ids::{AgentName, RunId, StepId, TurnId, WorktreeId},
    outcome::{Failure, FailureClass},
    protocol::{About, FileNote, StepStatus},
    workflow::plan::{Action, Isolation},
};

/// How many files are named in a message.
const NAMED: usize = 10;

/// Returns what a step's worktree is set up with, where it is to have one.
pub(super) fn isolation(state: &State, run: RunId, step: &StepId) -> Option<Isolation> {
    let plan = &state.runs.get(&run)?.plan;
    let Action::Turn(action) = &plan.step(step)?.action else { return None };
    action.isolation.clone().filter(|_| context::writes(state, run, step))
}

/// Returns whether a turn works in a worktree.
pub(super) fn is_isolated(state: &State, cause: &Cause) -> bool {
    matches!(cause, Cause::Step { run, step } if isolation(state, *run, step).is_some())
}

/// Returns whether the worktree that a turn needs is there; asks for it where it is not.
pub(super) fn is_there(draft: &mut Draft, id: TurnId) -> bool {
    let Some(Cause::Step { run, step }) = draft.state.turn(id).map(|it| it.cause.clone()) else { return true };
    let Some(setup) = isolation(&draft.state, run, &step) else { return true };
    match draft.state.worktree_of(run, &step).map(|it| it.stage) {
        Some(WorktreeStage::AtWork) => true,
        // It is on its way, or what is in it is; whatever comes of that, the agents are looked at again.
        Some(_) => false,
        None => {
            let worktree = WorktreeId(draft.state.worktrees.len() as u64 + 1);
            draft.emit(Record::WorktreeIntended { worktree, run, step, turn: id, setup });
            act(draft, worktree, WorktreeAct::Make);
            false
        }
    }
}

/// Returns whether an agent waits for the worktree in which its next turn works.
pub(super) fn is_awaited(state: &State, agent: &AgentName) -> bool {
    let making = state.open_worktrees.iter().filter_map(|it| state.worktree(*it));
    let mut making = making.filter(|it| it.stage == WorktreeStage::Making).filter_map(|it| state.turn(it.turn));
    making.any(|it| it.agent == *agent && it.ended.is_none())
}

/// Returns the folder that a turn works in, where it is not the workspace's.
pub(super) fn folder(state: &State, cause: &Cause) -> Option<Arc<str>> {
    let Cause::Step { run, step } = cause else { return None };
    isolation(state, *run, step)?;
    state.worktree_of(*run, step).map(|it| Arc::clone(&it.folder))
}

/// A step has its result: what is in its worktree is to be merged.
pub(super) fn finished(draft: &mut Draft, run: RunId, step: &StepId, turn: TurnId) {
    let open = draft.state.worktree_of(run, step).filter(|it| it.stage == WorktreeStage::AtWork).map(|it| it.id);
    if let Some(worktree) = open {
        draft.emit(Record::WorktreeReady { worktree, turn, resolved: BTreeMap::new() });
    }
}

/// Does what can be done now: begins the next merge, and lets worktrees go that are needed no more.
pub(super) fn go_on(draft: &mut Draft) {
    if draft.state.open_worktrees.is_empty() || !draft.state.trusted {
        return;
    }
    let open: Vec<Arc<Worktree>> =
        draft.state.open_worktrees.iter().filter_map(|it| draft.state.worktree(*it)).cloned().collect();
    let unneeded: Vec<&Arc<Worktree>> = open.iter().filter(|it| !is_needed(&draft.state, it)).collect();
    for it in unneeded {
        draft.emit(Record::WorktreeClosed { worktree: it.id, by: None });
        remove(draft, it.id);
    }
    if draft.state.merging().is_some() || !draft.state.open_undos.is_empty() {
        return;
    }
    let place = |it: &Arc<Worktree>| {
        let plan = &draft.state.runs.get(&it.run)?.plan;
        plan.all_steps().iter().position(|step| step.id == it.step)
    };
    let is_ready = |it: &&Arc<Worktree>| {
        it.stage == WorktreeStage::Ready && is_needed(&draft.state, it) && !draft.state.is_held(Some(it.run))
    };
    let Some(next) = open.iter().filter(is_ready).min_by_key(|it| (it.run, place(it))) else { return };
    let checkpoint = checkpoint::before_merge(draft, next.run, &next.step, next.turn);
    draft.emit(Record::MergeIntended { worktree: next.id, checkpoint });
    act(draft, next.id, WorktreeAct::Take { resolved: (*next.resolved).clone() });
}

/// Returns whether a worktree is worked in, or waits for something; what goes on with it comes to its end in any case.
fn is_needed(state: &State, it: &Worktree) -> bool {
    if !matches!(it.stage, WorktreeStage::AtWork | WorktreeStage::Ready | WorktreeStage::Conflict) {
        return true;
    }
    if state.live_turns.contains(&it.turn) {
        return true;
    }
    let Some(run) = state.runs.get(&it.run).filter(|it| it.ended.is_none()) else { return false };
    run.step(&it.step).is_some_and(|step| {
        step.unmerged || !matches!(step.status, StepStatus::Done | StepStatus::Skipped | StepStatus::Failed)
    })
}

/// Takes what came of something that was to be done. What does not fit the stage is an answer to a question asked twice.
pub(super) fn came(draft: &mut Draft, id: WorktreeId, came: &WorktreeCame) {
    let Some(entry) = draft.state.worktree(id).cloned() else { return };
    match (entry.stage, came) {
        (WorktreeStage::Making, WorktreeCame::Made { tree, folder, notes }) => {
            let (tree, folder, notes) = (Some(Arc::clone(tree)), folder.clone(), notes.clone());
            draft.emit(Record::WorktreeMade { worktree: id, tree, why: String::new(), folder, notes: notes.clone() });
            if !notes.is_empty() {
                let text =
                    format!("{} works in a worktree of its own ({id}), without these:{}", entry.step, list(&notes));
                announce(draft, &entry, &text);
            }
            kick_all(draft);
        }
        (WorktreeStage::Making, WorktreeCame::Failed { why }) => {
            let (folder, notes) = (String::new(), Vec::new());
            draft.emit(Record::WorktreeMade { worktree: id, tree: None, why: why.clone(), folder, notes });
            remove(draft, id);
            no_worktree(draft, &entry, why);
            kick_all(draft);
        }
        (WorktreeStage::Taking, WorktreeCame::Taken { tree, left_out }) => {
            draft.emit(Record::WorktreeTaken { worktree: id, tree: Arc::clone(tree), left_out: left_out.clone() });
            merge(draft, id);
        }
        (WorktreeStage::Merging, WorktreeCame::Merged { files }) => merged(draft, &entry, files),
        (WorktreeStage::Merging, WorktreeCame::Conflicts { files, base }) => {
            failed(draft, &entry, files, base.as_ref(), "");
        }
        (WorktreeStage::Taking | WorktreeStage::Merging, WorktreeCame::Failed { why }) => {
            failed(draft, &entry, &[], None, why);
        }
        (
            WorktreeStage::Merged | WorktreeStage::Closing | WorktreeStage::Dropped,
            WorktreeCame::Gone { kept: why } | WorktreeCame::Failed { why },
        ) => gone(draft, &entry, why),
        _ => {}
    }
}

/// The worktree that a turn waits for can't be made: working in the developer's own files instead is not what was asked for.
fn no_worktree(draft: &mut Draft, entry: &Worktree, why: &str) {
    let waits = |it: &TurnId| {
        let turn = draft.state.turn(*it);
        turn.is_some_and(|it| it.ended.is_none() && it.sent_at.is_none())
    };
    let waiting = draft.state.runs.get(&entry.run).and_then(|it| it.step(&entry.step)).and_then(|it| it.turn);
    if let Some(waiting) = waiting.filter(waits) {
        let message = format!("no worktree could be made for {}: {why}", entry.step);
        let failure = Failure { class: FailureClass::Crashed, message, retry_at: None };
        turn::end_waiting(draft, waiting, failure);
    }
}

fn merge(draft: &mut Draft, id: WorktreeId) {
    let Some(entry) = draft.state.worktree(id).cloned() else { return };
    if let (Some(base), Some(tree)) = (entry.base.clone(), entry.tree.clone()) {
        let (label, marked) = (label(&entry), entry.marked.to_vec());
        act(draft, id, WorktreeAct::Merge { base, tree, label, marked });
    }
}

/// Returns what a worktree's side is called in a conflict's marks.
pub(super) fn label(it: &Worktree) -> String {
    format!("{} of {}", it.step, it.run)
}

fn merged(draft: &mut Draft, entry: &Worktree, files: &[String]) {
    draft.emit(Record::WorktreeMerged { worktree: entry.id, files: files.to_vec() });
    checkpoint::after_merge(draft, entry.run, &entry.step, entry.turn);
    if !files.is_empty() {
        let who = draft.state.turn(entry.turn).map_or_else(String::new, |it| format!(" by {}", it.agent));
        let text = format!("Merged what {} did{who}: {}.", entry.step, checkpoint::files(files.len()));
        announce(draft, entry, &text);
    }
    if entry.left_out.is_empty() {
        remove(draft, entry.id);
    } else {
        let why = format!("it has files that a merge does not take:{}", list(&entry.left_out));
        gone(draft, entry, &why);
    }
    kick_all(draft);
    advance::advance(draft, entry.run);
}

fn failed(draft: &mut Draft, entry: &Worktree, files: &[FileConflict], base: Option<&Arc<str>>, why: &str) {
    let note = |it: &FileConflict| FileNote { path: it.path.clone(), why: it.why.clone() };
    let shown = |it: &FileConflict| ConflictFile {
        path: it.path.clone(),
        why: it.why.clone(),
        text: it.marked.clone().flatten().map(|it| it.to_string()),
    };
    let shown: Vec<ConflictFile> = files.iter().map(shown).collect();
    // Those that can be edited at the pause come first, in the order of the document: that is how an edit names them.
    let editable = document::editable(&shown);
    let rest = (0..files.len()).filter(|it| !editable.contains(it) && files[*it].marked.is_some());
    let marked = editable.iter().copied().chain(rest).map(|it| files[it].path.clone()).collect();
    draft.emit(Record::MergeFailed {
        worktree: entry.id,
        conflicts: files.iter().map(note).collect(),
        marked,
        base: base.cloned(),
        why: why.to_owned(),
    });
    if draft.state.worktree(entry.id).is_some_and(|it| it.stage == WorktreeStage::Conflict) {
        pause::open_conflict(draft, entry, &shown, why);
    }
    checkpoint::start_undos(draft);
    kick_all(draft);
}

fn gone(draft: &mut Draft, entry: &Worktree, why: &str) {
    draft.emit(Record::WorktreeGone { worktree: entry.id, kept: !why.is_empty(), why: why.to_owned() });
    if !why.is_empty() {
        let id = entry.id;
        let text = format!(
            "The worktree {id} of {} is kept in {}, for {why}\n\n`callboard worktrees remove {id}` lets it go.",
            entry.step, entry.folder
        );
        announce(draft, entry, &text);
    }
}

/// Follows a person's decision on a conflict.
pub(super) fn settled(
    draft: &mut Draft,
    id: WorktreeId,
    decision: &Decision,
    resolved: BTreeMap<String, Arc<str>>,
    by: &str,
) {
    let Some(entry) = draft.state.worktree(id).cloned() else { return };
    let (run, step) = (entry.run, entry.step.clone());
    match decision {
        Decision::Retry { agent } => {
            let note = retry_note(&entry);
            draft.emit(Record::StepReset { run, step, note: Some(note), agent: agent.clone() });
        }
        Decision::Reject { .. } => {
            draft.emit(Record::WorktreeClosed { worktree: id, by: Some(by.to_owned()) });
            remove(draft, id);
        }
        _ => draft.emit(Record::WorktreeReady { worktree: id, turn: entry.turn, resolved }),
    }
}

fn retry_note(entry: &Worktree) -> String {
    let mut note =
        "While you worked, the work tree changed in the same places. Your folder stands on its present state now."
            .to_owned();
    if !entry.marked.is_empty() {
        note.push_str(" These files have both sides in them, between conflict marks:\n");
        for path in entry.marked.iter() {
            let _ = writeln!(note, "- {path}");
        }
        note.push_str("Resolve each so that what both sides meant is kept, and take the marks out.");
    }
    note
}

/// Lets a kept worktree go, by a person's word.
pub(super) fn let_go(draft: &mut Draft, by: &Actor, id: WorktreeId) -> Result<Answer, Refusal> {
    let by = human(by, "let a worktree go")?.to_owned();
    let entry = draft.state.worktree(id).filter(|it| it.stage != WorktreeStage::Gone).cloned();
    let Some(entry) = entry else {
        return Err(not_found(format!("worktree {id}"), "`callboard worktrees` lists them"));
    };
    if entry.stage != WorktreeStage::Kept {
        let message = format!("{id} is in use by {} of {}; end that first", entry.step, entry.run);
        return Err(Refusal::new(RefusalCode::Busy, message));
    }
    draft.emit(Record::WorktreeClosed { worktree: id, by: Some(by) });
    remove(draft, id);
    Ok(Answer::Done)
}

/// Asks again for what was on its way when the last hub ended.
pub(super) fn recover(draft: &mut Draft) {
    let open: Vec<Arc<Worktree>> =
        draft.state.open_worktrees.iter().filter_map(|it| draft.state.worktree(*it)).cloned().collect();
    for it in open {
        match it.stage {
            WorktreeStage::Making => act(draft, it.id, WorktreeAct::Make),
            WorktreeStage::Taking => act(draft, it.id, WorktreeAct::Take { resolved: (*it.resolved).clone() }),
            WorktreeStage::Merging => merge(draft, it.id),
            WorktreeStage::Merged | WorktreeStage::Closing | WorktreeStage::Dropped => remove(draft, it.id),
            WorktreeStage::AtWork
            | WorktreeStage::Ready
            | WorktreeStage::Conflict
            | WorktreeStage::Kept
            | WorktreeStage::Gone => {}
        }
    }
}

/// Has a worktree's folder go: as it is, or only where nothing in it would be lost.
fn remove(draft: &mut Draft, id: WorktreeId) {
    let Some(entry) = draft.state.worktree(id) else { return };
    let unless_beside = entry.base.clone().filter(|_| entry.stage == WorktreeStage::Closing);
    act(draft, id, WorktreeAct::Remove { unless_beside });
}

fn act(draft: &mut Draft, worktree: WorktreeId, act: WorktreeAct) {
    let setup = draft.state.worktree(worktree).map(|it| (*it.setup).clone()).unwrap_or_default();
    draft.effect(Effect::Worktree(Box::new(WorktreeJob { worktree, setup, act })));
}

fn announce(draft: &mut Draft, entry: &Worktree, text: &str) {
    let about = About { step: Some(entry.step.clone()), turn: Some(entry.turn), ..About::default() };
    draft.announce(entry.run, about, text);
}

fn list(notes: &[FileNote]) -> String {
    let more = notes.len().saturating_sub(NAMED);
    let named = notes.iter().take(NAMED).map(|it| format!("\n- {}: {}", it.path, it.why));
    named.chain((more > 0).then(|| format!("\n- and {more} more"))).collect()
}

fn kick_all(draft: &mut Draft) {
    let agents: Vec<AgentName> = draft.state.agents.keys().cloned().collect();
    for agent in agents {
        turn::kick(draft, &agent);
    }
}
