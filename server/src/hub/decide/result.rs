//! What a step's turn came to: its one recorded result, or a failure and what the workflow says to that.

use std::{fmt::Write as _, sync::Arc};

use super::{Draft, advance, pause, run};
use crate::{
    agent::DriverKind,
    finding::{Finding, FindingDraft, FindingState},
    hub::record::{Record, Subject},
    ids::{AgentName, FindingId, RunId, StepId, TurnId},
    outcome::{
        ChangeResult, Failure, FailureClass, ReviewResult, ReviewVerdict, TestVerdict, TextResult, TurnOutcome,
        TypedResult,
    },
    protocol::{About, Author, RunStatus},
    workflow::plan::{Action, FailureAction},
};

/// How many findings a tool lists at most. With so many the rest may be left out, and silence says nothing.
const MOST_OF_A_TOOL: usize = 200;

/// Takes the outcome of a step's turn.
pub(super) fn take(draft: &mut Draft, agent: &AgentName, id: TurnId, run: RunId, step: &StepId, outcome: &TurnOutcome) {
    let Some(known) = draft.state.runs.get(&run).cloned() else { return };
    let is_awaited = known.ended.is_none() && known.step(step).is_some_and(|it| it.turn == Some(id) && !it.is_over());
    if !is_awaited {
        return;
    }
    match outcome {
        TurnOutcome::Failed(failure)
            if failure.class == FailureClass::Interrupted && draft.state.is_held(Some(run)) =>
        {
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
            for it in &review.findings {
                if let Some(finding) = report(draft, Some(agent), Some(run), it)
                    && !findings.contains(&finding)
                {
                    findings.push(finding);
                }
            }
            let is_open = |it: &&FindingId| draft.state.finding(**it).is_some_and(|it| it.state == FindingState::Open);
            let gone: Vec<FindingId> =
                before.iter().filter(|it| !findings.contains(it)).filter(is_open).copied().collect();
            for finding in gone {
                draft.emit(Record::FindingSettled { finding, state: FindingState::Fixed });
            }
            no_longer_said(draft, agent, id, review, &findings);
        }
        TypedResult::Change(change) => declined(draft, change),
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

fn declined(draft: &mut Draft, change: &ChangeResult) {
    for it in &change.declined {
        if draft.state.finding(it.finding).is_some_and(|it| it.state == FindingState::Open) {
            draft.emit(Record::FindingDeclined { finding: it.finding, reason: it.reason.clone() });
        }
    }
}

/// Takes a change that an agent made for a message. A tool's word that a finding is gone is what it saw when it looked
/// again; another agent's is a claim, and a review tells.
pub(super) fn changed(draft: &mut Draft, agent: &AgentName, turn: TurnId, change: &ChangeResult) {
    declined(draft, change);
    if !is_tool(draft, agent) {
        return;
    }
    let asked = draft.state.turn(turn).and_then(|it| it.sent.clone()).map_or_else(Vec::new, |it| it.findings.clone());
    for finding in change.fixed.iter().copied().filter(|it| asked.contains(it)) {
        if draft.state.finding(finding).is_some_and(|it| it.state == FindingState::Open) {
            draft.emit(Record::FindingSettled { finding, state: FindingState::Fixed });
        }
    }
}

/// Settles what a tool alone had said of the paths that it was asked about, and says no longer: a tool says all that it sees,
/// so silence is an answer there. Of an agent that thinks only the same step's next round is.
pub(super) fn no_longer_said(
    draft: &mut Draft,
    agent: &AgentName,
    turn: TurnId,
    review: &ReviewResult,
    said: &[FindingId],
) {
    if !is_tool(draft, agent) || review.findings.len() >= MOST_OF_A_TOOL {
        return;
    }
    let Some(sent) = draft.state.turn(turn).and_then(|it| it.sent.clone()) else { return };
    let covers = |path: &str| {
        let within = |it: &String| {
            let folder = it.trim_start_matches("./").trim_end_matches('/');
            let inside = path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            matches!(folder, "" | ".") || inside
        };
        sent.paths.is_empty() || sent.paths.iter().any(within)
    };
    let is_gone = |it: &&Arc<Finding>| {
        it.state == FindingState::Open
            && it.sources.as_slice() == std::slice::from_ref(agent)
            && !said.contains(&it.id)
            && it.draft.place.as_ref().is_some_and(|place| covers(&place.path))
    };
    let gone: Vec<FindingId> = draft.state.findings.iter().filter(is_gone).map(|it| it.id).collect();
    for finding in gone {
        draft.emit(Record::FindingSettled { finding, state: FindingState::Fixed });
    }
}

fn is_tool(draft: &Draft, agent: &AgentName) -> bool {
    draft.state.agents.get(agent).is_some_and(|it| it.info.driver == DriverKind::Tool)
}

/// Records a finding, as the one that it repeats where it repeats one. Returns its id, or `None` where a person settled it.
pub(super) fn report(
    draft: &mut Draft,
    by: Option<&AgentName>,
    run: Option<RunId>,
    finding: &FindingDraft,
) -> Option<FindingId> {
    let same_file = |id: &FindingId| {
        draft
            .state
            .finding(*id)
            .is_some_and(|it| it.draft.place.as_ref().map(|it| &it.path) == finding.place.as_ref().map(|it| &it.path))
    };
    let known =
        finding.id.filter(same_file).or_else(|| draft.state.fingerprints.get(finding.fingerprint().as_str()).copied());
    let mut contested = false;
    if let Some(known) = known.and_then(|it| draft.state.finding(it)) {
        if matches!(known.state, FindingState::Dismissed { .. } | FindingState::Accepted { .. }) {
            return None;
        }
        contested = known.declined.is_some();
    }
    let id = known.unwrap_or_else(|| draft.state.next_finding());
    draft.emit(Record::FindingReported { finding: id, by: by.cloned(), run, draft: finding.clone(), contested });
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
