//! A person's answer at a pause point: who may give it, what it is bound to, and what follows.
//!
//! Invariant (promise 2): only a person's connection answers, once, and only what was shown: the hash must match.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Draft, advance, ask, buffers, checkpoint, human, not_found, operator, pause, result, rounds, run, talk, worktree,
};
use crate::{
    ask::Scope,
    document::{self, Decision},
    finding::{Finding, FindingState},
    hub::{
        event::{Actor, Answer, Refusal, RefusalCode},
        record::{Record, RunLimit, Subject},
        run::{Run, StepState},
        state::Pause,
    },
    ids::{FindingId, PauseId, RunId, StepId},
    outcome::{ResultKind, ReviewVerdict, TypedResult},
    protocol::{About, RunStatus, StepStatus},
    workflow::plan::{Action, PauseAction, Role, Step, TurnAction, Who, last_result},
};

/// Takes a decision.
pub(super) fn decide_pause(
    draft: &mut Draft,
    by: &Actor,
    id: PauseId,
    decision: &Decision,
    hash: &str,
    scope: Option<Scope>,
) -> Result<Answer, Refusal> {
    let by = human(by, "answer a pause point")?;
    let Some(pause) = draft.state.pause(id).cloned() else {
        return Err(not_found(format!("pause {id}"), "`callboard inbox` lists what waits"));
    };
    if let Some(answered) = &pause.answered {
        let message = format!("{id} was answered before: {} by {}", answered.decision.name(), answered.by);
        return Err(Refusal::new(RefusalCode::AlreadyAnswered, message));
    }
    if pause.hash != hash {
        return Err(Refusal::new(
            RefusalCode::Changed,
            format!("{id} shows something else than what you answered; look at it again (`callboard inbox {id}`)"),
        ));
    }
    let takes = |name: &str| pause.decisions.iter().any(|it| it == name);
    if !takes(decision.name()) {
        let message = format!("{id} takes {}; not {}", pause.decisions.join(", "), decision.name());
        return Err(Refusal::new(RefusalCode::Invalid, message));
    }
    if let Decision::RequestChanges { text } = decision
        && text.trim().is_empty()
    {
        return Err(Refusal::new(RefusalCode::Invalid, "say what to change (--text)"));
    }
    if let Decision::Retry { agent: Some(agent) } = decision {
        run::check_agent(&draft.state, agent, role_of(draft, &pause.subject).as_ref())?;
    }
    let said = ask::read(&pause, decision, scope)?;
    let edit = match decision {
        Decision::Edit { .. } if said.is_some() => None,
        Decision::Edit { document } => Some(read_edit(draft, &pause, document)?),
        _ => None,
    };
    draft.emit(Record::PauseAnswered {
        pause: id,
        by: by.to_owned(),
        decision: decision.clone(),
        hash: hash.to_owned(),
    });
    if let Some(run) = pause.subject.run() {
        let about = About { run: Some(run), step: pause.subject.step().cloned(), pause: Some(id), ..About::default() };
        let note = match decision {
            Decision::RequestChanges { text } | Decision::Reject { text } if !text.trim().is_empty() => {
                format!("\n\n{}", text.trim())
            }
            Decision::Retry { agent: Some(agent) } => format!(" with {agent}"),
            Decision::Approve => match scope {
                Some(Scope::Run) => " for this run".to_owned(),
                Some(Scope::Always) => " always".to_owned(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        draft.announce(run, about, &format!("{by} answered {id}: **{}**{note}", decision.name()));
    }
    if let Some(said) = said {
        // The turn goes on in the midst of its work: nothing is taken of that, and no step follows.
        ask::settle(draft, &pause, &said, by);
        return Ok(Answer::Done);
    }
    if let Some(run) = pause.subject.run().filter(|it| draft.state.live_runs.contains(it)) {
        checkpoint::after_pause(draft, run);
    }
    follow(draft, &pause, decision, edit, by);
    Ok(Answer::Done)
}

/// Returns the role whose part the step at which a run waits plays.
fn role_of(draft: &Draft, subject: &Subject) -> Option<Role> {
    let plan = &draft.state.runs.get(&subject.run()?)?.plan;
    let Action::Turn(TurnAction { who: Who::Role(role), .. }) = &plan.step(subject.step()?)?.action else {
        return None;
    };
    plan.roles.iter().find(|it| it.id == *role).cloned()
}

/// What an edited document came to.
enum Edited {
    /// A review's findings.
    Review { edit: document::ReviewEdit, shown: StepId },
    /// Another result.
    Result(TypedResult),
    /// Files in conflict, by path.
    Files(BTreeMap<String, Arc<str>>),
}

fn read_edit(draft: &Draft, pause: &Pause, edited: &str) -> Result<Edited, Refusal> {
    let invalid = |it: &document::DocumentError| {
        Refusal::new(RefusalCode::Invalid, format!("line {} of the edited document: {}", it.line, it.message))
    };
    let nothing =
        || Refusal::new(RefusalCode::Invalid, "this pause shows nothing that can be edited; approve it instead");
    if edited.trim().is_empty() {
        let message =
            "the edited document is empty, which looks like an accident; untick the findings to strike them all";
        return Err(Refusal::new(RefusalCode::Invalid, message));
    }
    if let Subject::Conflict { worktree, .. } = &pause.subject {
        let marked = draft.state.worktree(*worktree).map(|it| Arc::clone(&it.marked)).ok_or_else(nothing)?;
        let files = document::read_conflict(edited, &pause.document).map_err(|it| invalid(&it))?;
        let named = files.into_iter().filter_map(|(number, text)| Some((marked.get(number)?.clone(), text.into())));
        return Ok(Edited::Files(named.collect()));
    }
    let Subject::Step { run, step } = &pause.subject else { return Err(nothing()) };
    let run = draft.state.runs.get(run).ok_or_else(nothing)?;
    let Some(Action::Pause(PauseAction { show: Some(shown), .. })) = run.plan.step(step).map(|it| &it.action) else {
        return Err(nothing());
    };
    let step = run.step(shown).ok_or_else(nothing)?;
    match step.result.as_deref().ok_or_else(nothing)? {
        TypedResult::Review(_) => {
            // Against what the person saw, not against what has become of it since (promise 2).
            let shown_then = pause::shown(pause, &step.findings);
            let findings: Vec<Finding> =
                shown_then.iter().filter_map(|it| draft.state.finding(*it)).map(|it| (**it).clone()).collect();
            let mut edit = document::read_review(edited, &findings).map_err(|it| invalid(&it))?;
            // What was settled since it was shown stays settled, whatever the person made of its line.
            let is_open = |id: &FindingId| draft.state.finding(*id).is_some_and(|it| it.state.is_open());
            edit.struck.retain(is_open);
            edit.kept.retain(|it| is_open(&it.0));
            Ok(Edited::Review { edit, shown: shown.clone() })
        }
        other => {
            let result = document::read_result(edited, other).map_err(|it| invalid(&it))?;
            if let Some(wanted) = form_of(run, shown) {
                result.check(wanted).map_err(|why| {
                    let message = format!(
                        "the edited JSON does not fit the schema of {shown}: {why}; mend it and send it again, or approve \
                         it as it was"
                    );
                    Refusal::new(RefusalCode::Invalid, message)
                })?;
            }
            Ok(Edited::Result(result))
        }
    }
}

/// Returns the form that the result of a step must have: of a nested workflow, that of the step that gives it.
fn form_of<'a>(run: &'a Run, step: &StepId) -> Option<&'a ResultKind> {
    match &run.plan.step(step)?.action {
        Action::Turn(turn) => Some(&turn.result),
        Action::Nested(nested) => form_of(run, nested.result.as_ref()?),
        Action::Group(group) => form_of(run, &last_result(&group.steps)?.id),
        Action::Pause(pause) => form_of(run, pause.show.as_ref()?),
        Action::Each(_) | Action::Repeat(_) => None,
    }
}

fn follow(draft: &mut Draft, pause: &Pause, decision: &Decision, edit: Option<Edited>, by: &str) {
    match &pause.subject {
        Subject::Step { run, step } => after_step(draft, pause, *run, step, decision, edit, by),
        Subject::Failure { run, step } => after_failure(draft, *run, step, decision, by),
        Subject::RunLimit { run, limit } => after_limit(draft, *run, *limit, decision, by),
        Subject::Rounds { run, step } => after_rounds(draft, *run, step, decision, by),
        Subject::Stuck { run, step, findings } => after_stuck(draft, *run, step, findings, decision, by),
        Subject::Operator { run, step } => {
            if !ends(draft, *run, decision, by) {
                operator::answered(draft, *run, step, decision, by);
            }
        }
        Subject::Conflict { run, worktree, .. } => {
            let resolved = match edit {
                Some(Edited::Files(files)) => files,
                _ => BTreeMap::new(),
            };
            if !matches!(decision, Decision::Stop) || !ends(draft, *run, decision, by) {
                worktree::settled(draft, *worktree, decision, resolved, by);
            }
        }
        Subject::Clash { run, .. } => {
            if run.is_none_or(|run| !ends(draft, run, decision, by)) {
                buffers::settle(draft, pause, decision);
            }
        }
        // Settled before: it is not a step's matter.
        Subject::Ask { .. } => {}
        Subject::Hops { message } => talk::settle_hops(draft, *message, matches!(decision, Decision::Approve), by),
    }
    if let Some(run) = pause.subject.run() {
        advance::advance(draft, run);
    }
}

/// Ends the run where the decision says so. Returns whether it did.
fn ends(draft: &mut Draft, run: RunId, decision: &Decision, by: &str) -> bool {
    match decision {
        Decision::Reject { text } => {
            let why = if text.trim().is_empty() {
                format!("{by} rejected it")
            } else {
                format!("{by} rejected it: {}", text.trim())
            };
            run::end(draft, run, RunStatus::Rejected, &why);
            true
        }
        Decision::Stop => {
            run::end(draft, run, RunStatus::Stopped, &format!("{by} stopped it"));
            true
        }
        _ => false,
    }
}

fn after_step(
    draft: &mut Draft,
    pause: &Pause,
    id: RunId,
    step: &StepId,
    decision: &Decision,
    edit: Option<Edited>,
    by: &str,
) {
    if matches!(decision, Decision::Reject { .. }) {
        // The work that was shown goes, and the run with it.
        let shown = draft.state.runs.get(&id).and_then(|it| match &it.plan.step(step)?.action {
            Action::Pause(action) => action.show.clone(),
            _ => None,
        });
        if let Some(shown) = shown {
            checkpoint::undo_rejected(draft, id, &shown, by);
        }
    }
    if ends(draft, id, decision, by) {
        return;
    }
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let Some(planned) = run.plan.step(step) else { return };
    let Action::Pause(action) = &planned.action else { return };
    let shown = action.show.as_ref().and_then(|it| run.step(it)).cloned();
    match decision {
        Decision::RequestChanges { text } => {
            if let Some(from) = pause::redo_from(&run, planned, action) {
                redo(draft, &run, &from, step, text);
            }
        }
        Decision::Skip => {
            let why = format!("{by} skipped it");
            draft.emit(Record::StepSkipped { run: id, step: step.clone(), why });
        }
        _ => {
            let (result, findings) = match edit {
                Some(Edited::Review { edit, shown }) => settle_review(draft, id, &shown, edit, by),
                Some(Edited::Result(result)) => (Some(Arc::new(result)), Vec::new()),
                // Files are edited at conflicts only.
                Some(Edited::Files(_)) => return,
                None => match &shown {
                    Some(it) => {
                        let findings = approved(draft, pause, id, action, it);
                        (let_through(draft, it.result.clone(), &findings), findings)
                    }
                    None => (None, Vec::new()),
                },
            };
            draft.emit(Record::StepFinished { run: id, step: step.clone(), result, findings });
        }
    }
}

/// Returns the findings that an approval is for: those that were shown. What did not fit in the document, or was opened
/// again after it was shown, goes no further (promise 2).
fn approved(draft: &mut Draft, pause: &Pause, run: RunId, action: &PauseAction, shown: &StepState) -> Vec<FindingId> {
    let findings = pause::shown(pause, &shown.findings);
    let is_open = |it: &FindingId| draft.state.finding(*it).is_some_and(|it| it.state.is_open());
    let unseen = shown.findings.iter().any(|it| !findings.contains(it) && is_open(it));
    if let Some(step) = action.show.clone().filter(|_| unseen) {
        let result = shown.result.clone();
        draft.emit(Record::StepFinished { run, step, result, findings: findings.clone() });
    }
    findings
}

/// Makes the findings what the person left in the document. Returns the review as approved.
fn settle_review(
    draft: &mut Draft,
    run: RunId,
    shown: &StepId,
    edit: document::ReviewEdit,
    by: &str,
) -> (Option<Arc<TypedResult>>, Vec<FindingId>) {
    for finding in edit.struck {
        let state = FindingState::Dismissed { by: by.to_owned(), reason: "struck at a pause point".to_owned() };
        draft.emit(Record::FindingSettled { finding, state });
    }
    let mut findings = Vec::new();
    for (finding, text) in edit.kept {
        if let Some(text) = text {
            draft.emit(Record::FindingReworded { finding, text });
        }
        findings.push(finding);
    }
    for added in &edit.added {
        findings.extend(result::report(draft, None, Some(run), added));
    }
    let result = draft.state.runs.get(&run).and_then(|it| it.step(shown)).and_then(|it| it.result.clone());
    // The review itself goes on with what was added, so that later steps find it there too.
    draft.emit(Record::StepFinished { run, step: shown.clone(), result: result.clone(), findings: findings.clone() });
    (let_through(draft, result, &findings), findings)
}

/// Returns what a pause gives of what it showed: of a review the findings that are open still, as they are worded now, and the
/// verdict that they come to.
fn let_through(draft: &Draft, result: Option<Arc<TypedResult>>, findings: &[FindingId]) -> Option<Arc<TypedResult>> {
    let Some(TypedResult::Review(review)) = result.as_deref() else { return result };
    if review.findings.is_empty() && findings.is_empty() {
        return result;
    }
    let mut review = review.clone();
    let open = findings.iter().filter_map(|it| draft.state.finding(*it)).filter(|it| it.state.is_open());
    review.findings = open.map(|it| it.draft.clone()).collect();
    let is_material = review.findings.iter().any(|it| it.severity.is_material());
    review.verdict = if is_material { ReviewVerdict::ChangesRequested } else { ReviewVerdict::Approved };
    Some(Arc::new(TypedResult::Review(review)))
}

/// Has a step done again with the person's words, and everything between it and the pause: its checks (promise 2).
fn redo(draft: &mut Draft, run: &Run, from: &StepId, pause: &StepId, text: &str) {
    let Some((siblings, _)) = Run::siblings(&run.plan, pause) else { return };
    let mut again: Vec<StepId> = vec![from.clone()];
    for step in siblings {
        if step.needs.iter().any(|it| again.contains(it)) {
            again.push(step.id.clone());
        }
    }
    for step in again {
        let note = (step == *from).then(|| text.to_owned());
        reset(draft, run, &step, note);
    }
}

/// Has a step wait again, and a loop with all that is in it. What it is on right now works on something that no longer
/// holds, so it is stopped.
fn reset(draft: &mut Draft, run: &Run, step: &StepId, note: Option<String>) {
    for child in run.plan.step(step).map_or(&[][..], Step::children) {
        reset(draft, run, &child.id, None);
    }
    let Some(now) = run.step(step).filter(|it| it.status != StepStatus::Waiting) else { return };
    let stale = now.pause.and_then(|it| draft.state.pause(it)).filter(|it| it.answered.is_none()).cloned();
    if let Some(pause) = stale {
        // What it shows no longer holds; it is asked again with what comes of the redo.
        draft.emit(Record::PauseAnswered {
            pause: pause.id,
            by: "the redo of what it shows".to_owned(),
            decision: Decision::Retry { agent: None },
            hash: pause.hash.clone(),
        });
    }
    draft.emit(Record::StepReset { run: run.id, step: step.clone(), note, agent: None });
    if let Some(turn) = now.turn {
        run::drop_turn(draft, turn);
    }
}

fn after_failure(draft: &mut Draft, run: RunId, step: &StepId, decision: &Decision, by: &str) {
    match decision {
        Decision::Retry { agent } => {
            draft.emit(Record::StepReset { run, step: step.clone(), note: None, agent: agent.clone() });
        }
        Decision::Skip => {
            draft.emit(Record::StepSkipped {
                run,
                step: step.clone(),
                why: format!("{by} skipped it after its failure"),
            });
        }
        other => {
            ends(draft, run, other, by);
        }
    }
}

fn after_limit(draft: &mut Draft, id: RunId, limit: RunLimit, decision: &Decision, by: &str) {
    if ends(draft, id, decision, by) {
        return;
    }
    let Some(run) = draft.state.runs.get(&id) else { return };
    let more = run.plan.limits;
    let mut limits = run.limits;
    match limit {
        RunLimit::Turns => limits.turns = run.turns.max(limits.turns).saturating_add(more.turns),
        RunLimit::Time => limits.time = run.worked_until(draft.at).max(limits.time).saturating_add(more.time),
        RunLimit::Tokens => {
            limits.tokens = run.usage.tokens.unwrap_or(0).max(limits.tokens).saturating_add(more.tokens);
        }
        RunLimit::Money => {
            let used = run.usage.micro_dollars.unwrap_or(0);
            limits.micro_dollars = used.max(limits.micro_dollars).saturating_add(more.micro_dollars);
        }
    }
    draft.emit(Record::LimitRaised { run: id, limits });
    run::kick_queued(draft, id);
}

fn loop_of(draft: &Draft, run: RunId, step: &StepId) -> Option<(Arc<crate::workflow::plan::Plan>, u32)> {
    let plan = Arc::clone(&draft.state.runs.get(&run)?.plan);
    let Action::Repeat(repeat) = &plan.step(step)?.action else { return None };
    let max = repeat.max;
    Some((plan, max))
}

fn after_rounds(draft: &mut Draft, run: RunId, step: &StepId, decision: &Decision, by: &str) {
    if ends(draft, run, decision, by) {
        return;
    }
    let Some((plan, max)) = loop_of(draft, run, step) else { return };
    let Some(planned) = plan.step(step) else { return };
    if matches!(decision, Decision::Skip) {
        draft.emit(Record::StepFinished { run, step: step.clone(), result: None, findings: Vec::new() });
    } else {
        rounds::once_more(draft, run, planned, max.saturating_sub(1));
    }
}

fn after_stuck(draft: &mut Draft, run: RunId, step: &StepId, findings: &[FindingId], decision: &Decision, by: &str) {
    if ends(draft, run, decision, by) {
        return;
    }
    let Some((plan, _)) = loop_of(draft, run, step) else { return };
    let Some(planned) = plan.step(step) else { return };
    let is_open = |it: &&FindingId| draft.state.finding(**it).is_some_and(|it| it.state.is_open());
    let open: Vec<FindingId> = findings.iter().filter(is_open).copied().collect();
    match decision {
        Decision::Approve => {
            for finding in open {
                draft.emit(Record::FindingSettled { finding, state: FindingState::Accepted { by: by.to_owned() } });
            }
            draft.emit(Record::StepFinished { run, step: step.clone(), result: None, findings: Vec::new() });
        }
        Decision::RequestChanges { text } => {
            // The person took the findings up again: what the fixer declined counts as not declined.
            for finding in open {
                draft.emit(Record::FindingSettled { finding, state: FindingState::Open });
            }
            rounds::once_more(draft, run, planned, 0);
            for writer in writers(planned) {
                draft.emit(Record::StepReset { run, step: writer, note: Some(text.clone()), agent: None });
            }
        }
        _ => rounds::once_more(draft, run, planned, 0),
    }
}

/// Returns the steps of a loop that change files: those who are told what the person wants.
fn writers(step: &Step) -> Vec<StepId> {
    let changes = |it: &Step| matches!(&it.action, Action::Turn(turn) if turn.result.name() == "change");
    let mut found = Vec::new();
    for step in step.children() {
        // A list is met anew in the round, and hands on what it is told.
        let list_changes = matches!(&step.action, Action::Each(each) if changes(&each.body));
        if changes(step) || list_changes {
            found.push(step.id.clone());
        } else {
            found.extend(writers(step));
        }
    }
    found
}
