//! What a step's turn came to: its one recorded result, or a failure and what the workflow says to that.

use std::{fmt::Write as _, sync::Arc};

use super::{Draft, advance, operator, pause, run, turn, worktree};
use crate::{
    agent::DriverKind,
    finding::{Finding, FindingDraft, FindingState, agree},
    hub::{
        record::{Record, Subject},
        run::Run,
    },
    ids::{AgentName, FindingId, RunId, StepId, TurnId},
    outcome::{
        ChangeResult, Failure, FailureClass, ReviewResult, ReviewVerdict, TestVerdict, TextResult, TurnOutcome,
        TypedResult,
    },
    protocol::{About, Author, RunStatus},
    workflow::plan::{Action, After, FailureAction, Step, TurnAction, Who},
};

/// How many findings a tool lists at most. With so many the rest may be left out, and silence says nothing.
const MOST_OF_A_TOOL: usize = 200;

/// Takes the outcome of a step's turn.
pub(super) fn take(draft: &mut Draft, agent: &AgentName, id: TurnId, run: RunId, step: &StepId, outcome: &TurnOutcome) {
    let Some(known) = draft.state.runs.get(&run).cloned() else { return };
    if operator::part(&known, step).is_some() {
        return operator::take(draft, agent, id, run, step, outcome);
    }
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
            // The driver asked again already; what still does not fit goes no further.
            if let Err(why) = result.check(&action.result) {
                let message = format!("{agent} gave a result that does not fit its schema: {why}");
                failed(draft, run, step, &Failure { class: FailureClass::InvalidResult, message, retry_at: None });
                advance::advance(draft, run);
                return;
            }
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
    let mut findings = Vec::new();
    match result {
        TypedResult::Review(review) => {
            let before = looked_at(draft, id, run, step);
            findings = report_all(draft, agent, run, &review.findings);
            reported_in(draft, id, &mut findings);
            let gone: Vec<FindingId> = before
                .into_iter()
                .filter(|it| !findings.contains(it))
                .filter(|it| draft.state.finding(*it).is_some_and(|it| it.state.is_open()))
                .filter(|it| !stands_elsewhere(draft, run, step, *it))
                .collect();
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
    worktree::finished(draft, run, step, id);
    let said = words(draft, agent, Some(&findings), text, Some(result));
    let Some((channel, thread)) = draft.state.runs.get(&run).map(|it| (it.channel.clone(), it.thread)) else { return };
    let about = About { run: Some(run), step: Some(step.clone()), turn: Some(id), pause: None, findings };
    draft.say(Author::Agent(agent.clone()), &channel, Some(thread), about, &said);
}

/// Adds what a review's agent reported by the tool while it went on.
pub(super) fn reported_in(draft: &Draft, turn: TurnId, findings: &mut Vec<FindingId>) {
    let reported = draft.state.turn(turn).map(|it| it.reported.clone()).unwrap_or_default();
    for finding in reported {
        let open = draft.state.finding(finding).is_some_and(|it| it.state.is_open());
        if open && !findings.contains(&finding) {
            findings.push(finding);
        }
    }
}

fn declined(draft: &mut Draft, change: &ChangeResult) {
    for it in &change.declined {
        if draft.state.finding(it.finding).is_some_and(|it| it.state.is_open()) {
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
        if draft.state.finding(finding).is_some_and(|it| it.state.is_open()) {
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
        it.state.is_open()
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

/// Returns the findings that a review had to look at again: its own of the last time, and those that its turn was about. What it
/// does not repeat of them no longer stands.
fn looked_at(draft: &Draft, turn: TurnId, run: RunId, step: &StepId) -> Vec<FindingId> {
    let own = draft.state.runs.get(&run).and_then(|it| it.step(step));
    let mut all: Vec<FindingId> = own.map(|it| it.findings.to_vec()).unwrap_or_default();
    let given = draft.state.turn(turn).and_then(|it| it.sent.clone());
    all.extend(given.iter().flat_map(|it| it.findings.iter().copied()));
    all
}

/// Returns whether another reviewer of the same work still says so: one that stands beside this step, not before it, has its
/// word for a finding as long as it has not left it out itself.
fn stands_elsewhere(draft: &Draft, run: RunId, step: &StepId, finding: FindingId) -> bool {
    let Some(known) = draft.state.runs.get(&run) else { return false };
    let Some((siblings, _)) = Run::siblings(&known.plan, step) else { return false };
    let before = needed(siblings, step);
    let beside = siblings.iter().filter(|it| {
        it.id != *step && !matches!(it.action, Action::Pause(_) | Action::Repeat(_)) && !before.contains(&&it.id)
    });
    beside
        .flat_map(Step::with_children)
        .filter_map(|it| known.step(&it.id))
        .any(|it| matches!(it.result.as_deref(), Some(TypedResult::Review(_))) && it.findings.contains(&finding))
}

/// Returns the steps of a list that a step needs, directly or through others.
pub(super) fn needed<'a>(siblings: &'a [Step], step: &StepId) -> Vec<&'a StepId> {
    let mut found: Vec<&StepId> = Vec::new();
    // Needs name earlier steps only, so one walk from the end meets all of them.
    for it in siblings.iter().rev() {
        if it.id == *step || found.contains(&&it.id) {
            found.extend(&it.needs);
        }
    }
    found
}

/// Records the findings of one review. Returns their ids, each once, without those that a person settled.
///
/// What another agent reported in other words is the same finding with one more source (design §11). Two findings of one review
/// stay two.
fn report_all(draft: &mut Draft, by: &AgentName, run: RunId, drafts: &[FindingDraft]) -> Vec<FindingId> {
    let exact: Vec<Option<FindingId>> = drafts.iter().map(|it| repeated(draft, it)).collect();
    let candidates: Vec<FindingId> = draft
        .state
        .findings
        .iter()
        .filter(|it| match it.state {
            FindingState::Open | FindingState::Stale => true,
            FindingState::Fixed => it.run == Some(run),
            FindingState::Dismissed { .. } | FindingState::Accepted { .. } => false,
        })
        .map(|it| it.id)
        .filter(|it| !exact.contains(&Some(*it)))
        .collect();
    let mut findings: Vec<FindingId> = Vec::new();
    for (it, exact) in drafts.iter().zip(exact) {
        let known = exact.or_else(|| repeated(draft, it)).or_else(|| {
            let free = candidates.iter().filter(|it| !findings.contains(it)).filter_map(|it| draft.state.finding(*it));
            // A linter's rules tell its own findings apart exactly; words are for where there is no rule.
            let mut free = free.filter(|known| it.code.is_none() || !known.sources.contains(by));
            free.find(|known| agree(&known.draft, it)).map(|it| it.id)
        });
        if let Some(finding) = record(draft, Some(by), Some(run), None, it, known)
            && !findings.contains(&finding)
        {
            findings.push(finding);
        }
    }
    findings
}

/// Records a finding, as the one that it repeats where it repeats one. Returns its id, or `None` where a person settled it.
pub(super) fn report(
    draft: &mut Draft,
    by: Option<&AgentName>,
    run: Option<RunId>,
    finding: &FindingDraft,
) -> Option<FindingId> {
    let known = repeated(draft, finding);
    record(draft, by, run, None, finding, known)
}

/// Records a finding that an agent reported by the tool. Of a review's turn it is a part of the review.
pub(super) fn report_in_turn(
    draft: &mut Draft,
    by: &AgentName,
    run: Option<RunId>,
    turn: TurnId,
    finding: &FindingDraft,
) -> Option<FindingId> {
    let known = repeated(draft, finding);
    record(draft, Some(by), run, Some(turn), finding, known)
}

/// Returns the finding that this one repeats by its id or word for word.
fn repeated(draft: &Draft, finding: &FindingDraft) -> Option<FindingId> {
    let same_file = |id: &FindingId| {
        draft
            .state
            .finding(*id)
            .is_some_and(|it| it.draft.place.as_ref().map(|it| &it.path) == finding.place.as_ref().map(|it| &it.path))
    };
    finding.id.filter(same_file).or_else(|| draft.state.fingerprints.get(finding.fingerprint().as_str()).copied())
}

fn record(
    draft: &mut Draft,
    by: Option<&AgentName>,
    run: Option<RunId>,
    turn: Option<TurnId>,
    finding: &FindingDraft,
    known: Option<FindingId>,
) -> Option<FindingId> {
    let mut contested = false;
    if let Some(known) = known.and_then(|it| draft.state.finding(it)) {
        if matches!(known.state, FindingState::Dismissed { .. } | FindingState::Accepted { .. }) {
            return None;
        }
        contested = known.declined.is_some();
    }
    let id = known.unwrap_or_else(|| draft.state.next_finding());
    draft.emit(Record::FindingReported { finding: id, by: by.cloned(), run, draft: finding.clone(), contested, turn });
    Some(id)
}

/// Answers a step's failure as the workflow says: another try, another agent, a pause, on without it, or the run's end.
pub(super) fn failed(draft: &mut Draft, id: RunId, step: &StepId, failure: &Failure) {
    let Some(known) = draft.state.runs.get(&id).cloned() else { return };
    let (Some(planned), Some(now)) = (known.plan.step(step), known.step(step)) else { return };
    let policy = &planned.on_failure;
    let says = match failure.class {
        FailureClass::Untrusted => FailureAction::Pause,
        class => policy.classes.get(&class).copied().unwrap_or(policy.otherwise),
    };
    let action = match says {
        FailureAction::Retry { times, after, .. } if now.retried >= times => match after {
            After::Pause => FailureAction::Pause,
            After::Skip => FailureAction::Skip,
            After::Fail => FailureAction::Fail,
            After::Another => FailureAction::Another,
        },
        action => action,
    };
    draft.emit(Record::StepFailed { run: id, step: step.clone(), failure: failure.clone() });
    match action {
        FailureAction::Retry { wait, .. } => {
            let backoff = wait.saturating_mul(1 << now.retried.min(16));
            let until = draft.at.plus(backoff).max(failure.retry_at.unwrap_or_default());
            draft.emit(Record::StepBackedOff { run: id, step: step.clone(), until });
        }
        FailureAction::Skip => {
            draft.emit(Record::StepSkipped { run: id, step: step.clone(), why: failure.message.clone() });
        }
        FailureAction::Fail => run::end(draft, id, RunStatus::Failed, &format!("{step} failed: {}", failure.message)),
        FailureAction::Another if hand_over(draft, &known, planned, failure) => {}
        FailureAction::Pause | FailureAction::Another => {
            pause::open_failure(draft, id, Subject::Failure { run: id, step: step.clone() }, failure);
        }
    }
}

/// Has the next agent who could play a step's role do it. Returns whether there is one.
///
/// Invariant: it only goes down the role's list, so each agent is handed a step once, and the handing over ends.
fn hand_over(draft: &mut Draft, run: &Run, step: &Step, failure: &Failure) -> bool {
    let Action::Turn(TurnAction { who: Who::Role(role), .. }) = &step.action else { return false };
    let Some(role) = run.plan.roles.iter().find(|it| it.id == *role) else { return false };
    let now = run.step(&step.id);
    // A turn that could not even be queued has nobody behind it.
    let by = now.and_then(|it| it.agent.clone().or_else(|| it.by.clone())).or_else(|| run.roles.get(&role.id).cloned());
    let seat = step.id.items().last().and_then(|it| role.seats.get(usize::try_from(*it).ok()?.checked_sub(1)?));
    let prefer = seat.filter(|it| !it.is_empty()).unwrap_or(&role.prefer);
    let past = prefer.iter().position(|it| Some(it) == by.as_ref()).map_or(0, |it| it + 1);
    // Who sits beside is at the same work already.
    let seated = if role.is_shared() { run.players(&role.id) } else { Vec::new() };
    let mut next = prefer.iter().skip(past).filter(|it| !seated.contains(it));
    let next = next.find(|it| run::check_agent(&draft.state, it, Some(role)).is_ok());
    let Some(next) = next.filter(|it| Some(*it) != by.as_ref()).cloned() else { return false };
    draft.emit(Record::StepReset { run: run.id, step: step.id.clone(), note: None, agent: Some(next.clone()) });
    let class = failure.class.name().replace('_', " ");
    let by = by.map_or_else(|| "nobody".to_owned(), |it| it.to_string());
    let about = About { step: Some(step.id.clone()), ..About::default() };
    draft.announce(run.id, about, &format!("{} goes from {by} ({class}) to {next}: {}", step.id, failure.message));
    true
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
