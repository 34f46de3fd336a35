//! Steps that hold others and are no loops: a step for each item of a list, by each agent of a role, a group, a nested workflow.
//! How they begin, and what they come to.
//!
//! Invariant: a run never has more than [`MOST_LIVE`] steps, however its lists nest.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use serde_json::Value;

use super::{Draft, context, result, run};
use crate::{
    finding::FindingDraft,
    hub::{record::Record, run::Run},
    ids::{AgentName, FindingId, RunId, StepId},
    outcome::{Failure, FailureClass, ReviewResult, ReviewVerdict, TypedResult},
    protocol::About,
    workflow::{
        plan::{Action, EachAction, NestedAction, Over, Step, last_result},
        prompt,
    },
};

/// The most steps that a run may have, all items of all its lists counted.
pub(super) const MOST_LIVE: usize = 1_000;

/// The most that the items of one list may take, in bytes of JSON: they go into the journal.
const MOST_BYTES: usize = 256 * 1024;

/// Begins a step for each item of a list, or by each agent of a role.
pub(super) fn open_each(draft: &mut Draft, id: RunId, step: &Step, each: &EachAction) {
    let opened = match &each.over {
        Over::List(expression) => items(draft, id, step, each, expression).map(|it| (it, Vec::new())),
        Over::Role(role) => seated(draft, id, step, role).map(|it| (Vec::new(), it)),
    };
    let (items, agents) = match opened {
        Ok(it) => it,
        Err(message) => return fail(draft, id, &step.id, message),
    };
    if items.len() > 1 {
        let once =
            if items.len() > each.at_once as usize { format!(", {} at a time", each.at_once) } else { String::new() };
        let about = About { step: Some(step.id.clone()), ..About::default() };
        draft.announce(id, about, &format!("{} is done for each of {} items{once}.", step.id, items.len()));
    }
    draft.emit(Record::StepOpened { run: id, step: step.id.clone(), items, agents, inputs: None });
}

fn items(draft: &Draft, id: RunId, step: &Step, each: &EachAction, expression: &str) -> Result<Vec<Value>, String> {
    let run = draft.state.runs.get(&id).ok_or_else(|| format!("{id} is gone"))?;
    let values = context::values(&draft.state, run, &step.id, &[expression]);
    let value =
        prompt::evaluate(expression, &values).map_err(|it| format!("`for-each: {expression}` of {}: {it}", step.id))?;
    let items = match value {
        // What is not there has no items: the step that would give them was skipped.
        Value::Null => Vec::new(),
        Value::Array(items) => items,
        other => {
            let kind = match other {
                Value::Bool(_) => "yes or no",
                Value::Number(_) => "a number",
                Value::String(_) => "a text",
                _ => "a mapping",
            };
            return Err(format!("`for-each: {expression}` of {} gives {kind}; it must give a list", step.id));
        }
    };
    let raise =
        "shorten the list (edit what gives it, or pick from it with `select` or `selectattr`), or split the work";
    if items.len() > each.most as usize {
        return Err(format!(
            "`for-each: {expression}` of {} gives {} items, and {} is the most there; {raise}, or raise its `max` with \
             `callboard runs edit {id}`",
            step.id,
            items.len(),
            each.most
        ));
    }
    let size = serde_json::to_string(&items).map_or(usize::MAX, |it| it.len());
    if size > MOST_BYTES {
        return Err(format!(
            "the items of {} take {} KiB, and {} KiB is the most; {raise}",
            step.id,
            size / 1024,
            MOST_BYTES / 1024
        ));
    }
    let body = each.instance(1).with_children().len();
    if run.steps.len() + body * items.len() > MOST_LIVE {
        return Err(format!(
            "{id} would have {} steps with the {} items of {}, and {MOST_LIVE} is the most; {raise}",
            run.steps.len() + body * items.len(),
            items.len(),
            step.id
        ));
    }
    Ok(items)
}

/// Returns who sits where. Who was chosen for a seat in an earlier round keeps it.
fn seated(draft: &Draft, id: RunId, step: &Step, role: &crate::ids::RoleId) -> Result<Vec<AgentName>, String> {
    let run = draft.state.runs.get(&id).ok_or_else(|| format!("{id} is gone"))?;
    let mut seated = run.players(role);
    if seated.is_empty() {
        return Err(format!("nobody plays {role}, which {} needs", step.id));
    }
    for (agent, number) in seated.iter_mut().zip(1..) {
        if let Some(chosen) = run.step(&step.id.of_item(number)).and_then(|it| it.agent.clone()) {
            *agent = chosen;
        }
    }
    if run.steps.len() + seated.len() > MOST_LIVE {
        return Err(format!("{id} would have more than {MOST_LIVE} steps with those of {}; split the work", step.id));
    }
    Ok(seated)
}

/// Begins a group.
pub(super) fn open_group(draft: &mut Draft, run: RunId, step: &StepId) {
    draft.emit(Record::StepOpened { run, step: step.clone(), items: Vec::new(), agents: Vec::new(), inputs: None });
}

/// Begins a nested workflow: what it is told is fixed now.
pub(super) fn open_nested(draft: &mut Draft, id: RunId, step: &StepId, nested: &NestedAction) {
    let inputs = match told(draft, id, step, nested) {
        Ok(it) => Some(Arc::new(it)),
        Err(message) => return fail(draft, id, step, message),
    };
    draft.emit(Record::StepOpened { run: id, step: step.clone(), items: Vec::new(), agents: Vec::new(), inputs });
}

fn told(draft: &Draft, id: RunId, step: &StepId, nested: &NestedAction) -> Result<BTreeMap<String, Value>, String> {
    let run = draft.state.runs.get(&id).ok_or_else(|| format!("{id} is gone"))?;
    let mut given = BTreeMap::new();
    for (name, expression) in &nested.inputs {
        let values = context::values(&draft.state, run, step, &[expression]);
        let value = prompt::evaluate(expression, &values)
            .map_err(|it| format!("the input {name} of {step}, `{expression}`: {it}"))?;
        // What is not there is as if nobody had said it.
        if !value.is_null() {
            given.insert(name.clone(), value);
        }
    }
    run::take_inputs(&nested.workflow, &nested.takes, &given)
        .map_err(|it| format!("{step} can't begin: {}", it.message))
}

fn fail(draft: &mut Draft, id: RunId, step: &StepId, message: String) {
    let failure = Failure { class: FailureClass::InvalidResult, message, retry_at: None };
    result::failed(draft, id, step, &failure);
}

/// Ends a step whose steps are all over.
pub(super) fn close(draft: &mut Draft, id: RunId, step: &Step) {
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let (result, findings) = match &step.action {
        Action::Each(each) => match &each.over {
            Over::Role(_) => merged(draft, &run, step),
            Over::List(_) => (None, Vec::new()),
        },
        Action::Group(group) => last_result(&group.steps).map_or((None, Vec::new()), |it| of(&run, &it.id)),
        Action::Nested(nested) => nested.result.as_ref().map_or((None, Vec::new()), |it| of(&run, it)),
        Action::Turn(_) | Action::Pause(_) | Action::Repeat(_) => return,
    };
    draft.emit(Record::StepFinished { run: id, step: step.id.clone(), result, findings });
}

/// Returns what a step came to.
fn of(run: &Run, step: &StepId) -> (Option<Arc<TypedResult>>, Vec<FindingId>) {
    run.step(step).map_or((None, Vec::new()), |it| (it.result.clone(), it.findings.to_vec()))
}

/// Puts the reviews of several agents together: what one of them reports is reported, and it is approved where all of them approve.
/// One who did not report has not approved.
fn merged(draft: &Draft, run: &Run, step: &Step) -> (Option<Arc<TypedResult>>, Vec<FindingId>) {
    let mut findings: Vec<FindingId> = Vec::new();
    let mut summary = String::new();
    let (mut said, mut approved) = (0, 0);
    for instance in step.children() {
        let Some(now) = run.step(&instance.id) else { continue };
        let who = now.by.as_ref().map_or_else(|| instance.id.to_string(), ToString::to_string);
        let fresh = now.status == crate::protocol::StepStatus::Done;
        match now.result.as_deref().filter(|_| fresh) {
            Some(TypedResult::Review(review)) => {
                said += 1;
                approved += usize::from(review.verdict == ReviewVerdict::Approved);
                findings.extend(now.findings.iter().filter(|it| !findings.contains(it)).copied().collect::<Vec<_>>());
                if !review.summary.trim().is_empty() {
                    let _ = writeln!(summary, "{who}: {}", review.summary.trim());
                }
            }
            Some(_) => return (None, Vec::new()),
            None => {
                let _ = writeln!(summary, "{who} did not report.");
            }
        }
    }
    if said == 0 {
        return (None, Vec::new());
    }
    let all = approved == step.children().len();
    let drafts: Vec<FindingDraft> = findings
        .iter()
        .filter_map(|it| draft.state.finding(*it))
        .map(|it| FindingDraft { id: Some(it.id), ..it.draft.clone() })
        .collect();
    let review = ReviewResult {
        verdict: if all { ReviewVerdict::Approved } else { ReviewVerdict::ChangesRequested },
        summary: summary.trim_end().to_owned(),
        findings: drafts,
    };
    (Some(Arc::new(TypedResult::Review(review))), findings)
}
