//! What a step's turn came to: its one recorded result, or a failure and what the workflow says to that.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use super::{Draft, advance, pause, run, turn};
use crate::{
    finding::{FindingDraft, FindingState, Place},
    hub::{
        record::{Record, Subject},
        run::Run,
    },
    ids::{AgentName, FindingId, RunId, StepId, TurnId},
    outcome::{Failure, FailureClass, ReviewVerdict, TestVerdict, TextResult, TurnOutcome, TypedResult},
    protocol::{About, Author, RunStatus, StepStatus},
    workflow::plan::{Action, FailureAction},
};

/// Takes the outcome of a step's turn.
pub(super) fn take(draft: &mut Draft, agent: &AgentName, id: TurnId, run: RunId, step: &StepId, outcome: &TurnOutcome) {
    let Some(known) = draft.state.runs.get(&run).cloned() else { return };
    let is_awaited = known.ended.is_none() && known.step(step).is_some_and(|it| it.turn == Some(id) && !it.is_over());
    if !is_awaited {
        return;
    }
    match outcome {
        TurnOutcome::Failed(failure) if turn::is_put_off(draft, id, failure, draft.state.is_held(Some(run))) => {
            draft.emit(Record::StepReset { run, step: step.clone(), note: None, agent: None });
        }
        TurnOutcome::Failed(failure) => failed(draft, run, step, failure),
        TurnOutcome::Answered { text, result, .. } => {
            let Some(Action::Turn(action)) = known.plan.step(step).map(|it| &it.action) else { return };
            let result = match result {
                Some(result) if result.fits(&action.result) => result.clone(),
                None if action.result == crate::outcome::ResultKind::Text => {
                    TypedResult::Text(TextResult { text: text.clone() })
                }
                other => {
                    let had = other.as_ref().map_or("none", TypedResult::kind_name);
                    let failure = Failure {
                        class: FailureClass::InvalidResult,
                        message: format!("{agent} was asked for a {} result and gave {had}", action.result.name()),
                        retry_at: None,
                    };
                    failed(draft, run, step, &failure);
                    advance::advance(draft, run);
                    return;
                }
            };
            finish(draft, agent, id, run, step, text, &result);
        }
    }
    advance::advance(draft, run);
}

fn finish(
    draft: &mut Draft,
    agent: &AgentName,
    id: TurnId,
    run: RunId,
    step: &StepId,
    text: &str,
    result: &TypedResult,
) {
    let before: Arc<[FindingId]> = draft
        .state
        .runs
        .get(&run)
        .and_then(|it| it.step(step))
        .map_or_else(|| Arc::from([]), |it| Arc::clone(&it.findings));
    let mut findings = Vec::new();
    match result {
        TypedResult::Review(review) => {
            findings = report_all(draft, agent, Some(run), &review.findings);
            let others = listed_beside(draft, run, step);
            let is_open = |it: &&FindingId| draft.state.finding(**it).is_some_and(|it| it.state == FindingState::Open);
            let gone: Vec<FindingId> = before
                .iter()
                .filter(|it| !findings.contains(it) && !others.contains(it))
                .filter(is_open)
                .copied()
                .collect();
            for finding in gone {
                draft.emit(Record::FindingSettled { finding, state: FindingState::Fixed });
            }
        }
        TypedResult::Change(change) => {
            for it in &change.declined {
                if draft.state.finding(it.finding).is_some_and(|it| it.state == FindingState::Open) {
                    draft.emit(Record::FindingDeclined { finding: it.finding, reason: it.reason.clone() });
                }
            }
        }
        _ => {}
    }
    draft.emit(Record::StepFinished {
        run,
        step: step.clone(),
        result: Some(Arc::new(result.clone())),
        findings: findings.clone(),
    });
    let said = words(draft, agent, Some(&findings), text, Some(result));
    let Some((channel, thread)) = draft.state.runs.get(&run).map(|it| (it.channel.clone(), it.thread)) else { return };
    let about = About { run: Some(run), step: Some(step.clone()), turn: Some(id), pause: None };
    draft.say(Author::Agent(agent.clone()), &channel, Some(thread), about, &said);
}

/// Returns the findings that reviews beside a step list: those of its own list that neither come before it nor were left
/// out. What one of several reviewers no longer reports is not fixed while another one does.
fn listed_beside(draft: &Draft, run: RunId, step: &StepId) -> BTreeSet<FindingId> {
    let mut listed = BTreeSet::new();
    let Some(known) = draft.state.runs.get(&run) else { return listed };
    let Some((siblings, _)) = Run::siblings(&known.plan, step) else { return listed };
    let mut before: BTreeSet<&StepId> = BTreeSet::from([step]);
    // Needs name earlier steps, so one pass from the back finds them all.
    for it in siblings.iter().rev() {
        if before.contains(&it.id) {
            before.extend(&it.needs);
        }
    }
    for it in siblings.iter().filter(|it| !before.contains(&it.id)) {
        if let Some(now) = known.step(&it.id)
            && !matches!(now.status, StepStatus::Skipped | StepStatus::Failed)
        {
            listed.extend(now.findings.iter().copied());
        }
    }
    listed
}

/// Records the findings of one review, each once. Returns their ids in its order, without those that a person settled.
///
/// The same words about another place are another finding, so within one review the second such place has its own id.
pub(super) fn report_all(
    draft: &mut Draft,
    by: &AgentName,
    run: Option<RunId>,
    findings: &[FindingDraft],
) -> Vec<FindingId> {
    let mut places: BTreeMap<String, Vec<Option<&Place>>> = BTreeMap::new();
    let mut ids = Vec::new();
    for it in findings {
        let places = places.entry(it.fingerprint()).or_default();
        let nth = places.iter().position(|known| *known == it.place.as_ref()).unwrap_or_else(|| {
            places.push(it.place.as_ref());
            places.len() - 1
        });
        let nth = u32::try_from(nth + 1).unwrap_or(u32::MAX);
        if let Some(id) = report(draft, Some(by), run, it, nth)
            && !ids.contains(&id)
        {
            ids.push(id);
        }
    }
    ids
}

/// Records a finding, as the one that it repeats where it repeats one. Returns its id, or `None` where a person settled it.
pub(super) fn report(
    draft: &mut Draft,
    by: Option<&AgentName>,
    run: Option<RunId>,
    finding: &FindingDraft,
    nth: u32,
) -> Option<FindingId> {
    let same_file = |id: &FindingId| {
        draft
            .state
            .finding(*id)
            .is_some_and(|it| it.draft.place.as_ref().map(|it| &it.path) == finding.place.as_ref().map(|it| &it.path))
    };
    let known =
        finding.id.filter(same_file).or_else(|| draft.state.fingerprints.get(finding.identity(nth).as_str()).copied());
    let mut contested = false;
    if let Some(known) = known.and_then(|it| draft.state.finding(it)) {
        if matches!(known.state, FindingState::Dismissed { .. } | FindingState::Accepted { .. }) {
            return None;
        }
        contested = known.declined.is_some();
    }
    let id = known.unwrap_or_else(|| draft.state.next_finding());
    draft.emit(Record::FindingReported { finding: id, by: by.cloned(), run, draft: finding.clone(), contested, nth });
    Some(id)
}

/// Answers a step's failure as the workflow says: another try, a pause, on without it, or the run's end.
pub(super) fn failed(draft: &mut Draft, id: RunId, step: &StepId, failure: &Failure) {
    let Some(known) = draft.state.runs.get(&id).cloned() else { return };
    let (Some(planned), Some(now)) = (known.plan.step(step), known.step(step)) else { return };
    let policy = &planned.on_failure;
    let action = policy.classes.get(&failure.class).copied().unwrap_or(policy.otherwise);
    draft.emit(Record::StepFailed { run: id, step: step.clone(), failure: failure.clone() });
    match action {
        FailureAction::Retry { times, wait } if now.retried < times => {
            let backoff = wait.saturating_mul(1 << now.retried.min(16));
            let until = draft.at.plus(backoff).max(failure.retry_at.unwrap_or_default());
            draft.emit(Record::StepBackedOff { run: id, step: step.clone(), until });
        }
        FailureAction::Skip => {
            draft.emit(Record::StepSkipped { run: id, step: step.clone(), why: failure.message.clone() });
        }
        FailureAction::Fail => run::end(draft, id, RunStatus::Failed, &format!("{step} failed: {}", failure.message)),
        FailureAction::Pause | FailureAction::Retry { .. } => {
            pause::open_failure(draft, id, Subject::Failure { run: id, step: step.clone() }, failure);
        }
    }
}

/// Returns an agent's answer as the channel shows it: its own words, or its typed result in words where it gave none.
pub(super) fn words(
    draft: &Draft,
    agent: &AgentName,
    findings: Option<&[FindingId]>,
    text: &str,
    result: Option<&TypedResult>,
) -> String {
    if !text.trim().is_empty() {
        return text.trim_end().to_owned();
    }
    let mut said = String::new();
    match result {
        None => {}
        Some(TypedResult::Text(it)) => said.push_str(&it.text),
        Some(TypedResult::Review(it)) => {
            said.push_str(match it.verdict {
                ReviewVerdict::Approved => "Approved.",
                ReviewVerdict::ChangesRequested => "Changes requested.",
            });
            let _ = write!(said, " {}", it.summary);
            if let Some(findings) = findings {
                for finding in findings.iter().filter_map(|it| draft.state.finding(*it)) {
                    let _ = write!(said, "\n- {} {}", finding.id, finding.draft.text);
                }
            }
        }
        Some(TypedResult::Change(it)) => {
            said.push_str(&it.summary);
            for declined in &it.declined {
                let _ = write!(said, "\n- {} declined: {}", declined.finding, declined.reason);
            }
        }
        Some(TypedResult::Tests(it)) => {
            said.push_str(match it.verdict {
                TestVerdict::Passed => "Passed: ",
                TestVerdict::Failed => "Failed: ",
                TestVerdict::None => "No tests: ",
            });
            said.push_str(&it.summary);
        }
        Some(TypedResult::Plan(it)) => {
            said.push_str(&it.summary);
            for (number, step) in it.steps.iter().enumerate() {
                let _ = write!(said, "\n{}. {step}", number + 1);
            }
        }
        Some(TypedResult::Json(it)) => {
            let _ = write!(said, "```json\n{:#}\n```", it.value);
        }
    }
    if said.trim().is_empty() { format!("{agent} gave its result without words.") } else { said.trim().to_owned() }
}
