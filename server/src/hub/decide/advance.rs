//! The step machine: starts every step whose needs are over, until nothing more can start.
//!
//! Invariant: no step starts before its needs are over, none while its run or the workspace is held or waits at a limit
//! or at a clash, and none that is on a turn already.

use std::{collections::BTreeSet, sync::Arc};

use super::{Draft, context, holders, operator, pause, result, rounds, run, turn};
use crate::{
    hub::{record::Record, run::Run, state::State},
    ids::{AgentName, RunId, StepId},
    outcome::{Failure, FailureClass, ReviewVerdict, TestVerdict, TypedResult},
    protocol::{RunStatus, StepStatus},
    workflow::{
        plan::{Action, RepeatAction, Step, TurnAction, Who},
        prompt,
    },
};

/// Brings a run as far as it can go without anybody's answer.
///
/// A step that ends in its own start leads back here. That is noted and done afterwards, not within: what nests would
/// nest as deep as a workflow is long, and a stack has an end.
pub(super) fn advance(draft: &mut Draft, id: RunId) {
    draft.again.insert(id);
    if std::mem::replace(&mut draft.advancing, true) {
        return;
    }
    while let Some(next) = draft.again.pop_first() {
        advance_one(draft, next);
    }
    draft.advancing = false;
}

fn advance_one(draft: &mut Draft, id: RunId) {
    // A list that was met meanwhile has put its steps into the plan, so each pass goes by the plan as it is then.
    let plan_of = |draft: &Draft| draft.state.runs.get(&id).map(|it| Arc::clone(&it.plan));
    while let Some(plan) = plan_of(draft) {
        if !(goes_on(draft, id) && advance_list(draft, id, &plan.steps, None)) {
            break;
        }
    }
    let Some(known) = draft.state.runs.get(&id) else { return };
    if known.ended.is_none() && known.clashes == 0 && known.closing == 0 && known.is_over(&known.plan.steps) {
        let (status, why) = closing(&draft.state, known);
        run::end(draft, id, status, &why);
    }
}

pub(super) fn goes_on(draft: &Draft, id: RunId) -> bool {
    draft
        .state
        .runs
        .get(&id)
        .is_some_and(|it| it.ended.is_none() && it.limit_pause.is_none() && it.clashes == 0 && it.closing == 0)
        && !draft.state.is_held(Some(id))
        && draft.state.trusted
}

/// Starts what can start in one list, and no more than `at_once` of it. Returns whether anything changed.
pub(super) fn advance_list(draft: &mut Draft, id: RunId, steps: &[Step], at_once: Option<u32>) -> bool {
    let mut changed = false;
    for step in steps {
        if !goes_on(draft, id) {
            return changed;
        }
        let Some(known) = draft.state.runs.get(&id) else { return false };
        let Some(now) = known.step(&step.id) else { continue };
        match (now.status, &step.action) {
            (StepStatus::Waiting, _) if now.parked => {}
            (StepStatus::Waiting, _) if at_once.is_some_and(|most| going_on(known, steps) >= most as usize) => {}
            (StepStatus::Waiting, _) if step.needs.iter().all(|it| known.step(it).is_some_and(|it| it.is_over())) => {
                start(draft, id, step);
                changed = true;
            }
            (
                StepStatus::Running | StepStatus::Queued | StepStatus::Paused,
                Action::Repeat(repeat @ RepeatAction { operator: Some(operator), .. }),
            ) => changed |= operator::go_on(draft, id, step, repeat, operator),
            (StepStatus::Running, Action::Repeat(repeat)) => {
                if known.is_over(&repeat.steps) {
                    rounds::close(draft, id, step, repeat);
                    changed = true;
                } else {
                    changed |= advance_list(draft, id, &repeat.steps, None);
                }
            }
            (StepStatus::Running, Action::Each(_) | Action::Group(_) | Action::Nested(_)) => {
                if known.is_over(step.children()) {
                    holders::close(draft, id, step);
                    changed = true;
                } else {
                    let at_once = if let Action::Each(each) = &step.action { Some(each.at_once) } else { None };
                    changed |= advance_list(draft, id, step.children(), at_once);
                }
            }
            _ => {}
        }
    }
    changed
}

/// Returns how many steps of a list have begun and are not over.
fn going_on(run: &Run, steps: &[Step]) -> usize {
    let begun = |it: &&Step| run.step(&it.id).is_some_and(|it| it.status != StepStatus::Waiting && !it.is_over());
    steps.iter().filter(begun).count()
}

/// Starts a step whose needs are over, or skips it.
fn start(draft: &mut Draft, id: RunId, step: &Step) {
    if let Some(condition) = &step.when {
        match holds(draft, id, &step.id, condition) {
            Ok(true) => {}
            Ok(false) => {
                let why = format!("`{condition}` is false");
                draft.emit(Record::StepSkipped { run: id, step: step.id.clone(), why });
                return;
            }
            Err(failure) => {
                result::failed(draft, id, &step.id, &failure);
                return;
            }
        }
    }
    match &step.action {
        Action::Turn(action) => start_turn(draft, id, step, action),
        Action::Pause(action) => pause::open_step(draft, id, step, action),
        Action::Repeat(repeat) if repeat.operator.is_some() => operator::begin(draft, id, step, repeat),
        Action::Repeat(repeat) => draft.emit(Record::RoundStarted {
            run: id,
            step: step.id.clone(),
            round: 1,
            bound: repeat.max,
            left: String::new(),
        }),
        Action::Each(each) => holders::open_each(draft, id, step, each),
        Action::Group(_) => holders::open_group(draft, id, &step.id),
        Action::Nested(nested) => holders::open_nested(draft, id, &step.id, nested),
    }
}

fn start_turn(draft: &mut Draft, id: RunId, step: &Step, action: &TurnAction) {
    if let Some(limit) = run::limit_reached(draft, id, run::queued(&draft.state, id)) {
        pause::open_limit(draft, id, limit);
        return;
    }
    let Some(known) = draft.state.runs.get(&id) else { return };
    let Some(agent) = who(known, &step.id, action) else {
        let failure = Failure {
            class: FailureClass::NotInstalled,
            message: format!("nobody plays the part that {} needs; retry it with --agent NAME", step.id),
            retry_at: None,
        };
        result::failed(draft, id, &step.id, &failure);
        return;
    };
    turn::queue_step(draft, id, &step.id, &agent, false);
}

fn who(run: &Run, step: &StepId, action: &TurnAction) -> Option<AgentName> {
    run.step(step).and_then(|it| it.agent.clone()).or_else(|| match &action.who {
        Who::Role(role) => run.roles.get(role).cloned(),
        Who::Agent(name) => Some(name.clone()),
    })
}

/// Evaluates a condition of a step.
pub(super) fn holds(draft: &Draft, id: RunId, step: &StepId, condition: &str) -> Result<bool, Failure> {
    let bad = |message: String| Failure { class: FailureClass::InvalidResult, message, retry_at: None };
    let Some(run) = draft.state.runs.get(&id) else { return Err(bad(format!("{id} is gone"))) };
    let context = context::values(&draft.state, run, step, &[condition]);
    prompt::truthy(condition, &context).map_err(|it| bad(format!("the condition `{condition}` of {step}: {it}")))
}

/// Returns how a run ends whose steps are all over, and why.
fn closing(state: &State, run: &Run) -> (RunStatus, String) {
    let mut reviews = 0;
    // Several reviewers may have reported one finding; it counts once.
    let mut open = BTreeSet::new();
    let mut unclean = 0;
    let mut failing = false;
    for step in run.steps.values() {
        if let (StepStatus::Done, Some(TypedResult::Tests(tests))) = (step.status, step.result.as_deref()) {
            failing |= tests.verdict == TestVerdict::Failed;
        }
        if let (StepStatus::Done, Some(TypedResult::Review(review))) = (step.status, step.result.as_deref()) {
            reviews += 1;
            open.extend(context::material(state, step).map(|it| it.id));
            if context::effective_verdict(state, step, review) == ReviewVerdict::ChangesRequested {
                unclean += 1;
            }
        }
    }
    match (reviews, unclean) {
        // A person let it through; that is no reason to call it what it is not.
        (_, 0) if failing => (RunStatus::Done, "all steps are over, and the tests still fail".to_owned()),
        (0, _) => (RunStatus::Done, "all steps are over".to_owned()),
        (_, 0) => (RunStatus::Approved, "nothing material is left open".to_owned()),
        _ if open.is_empty() => (RunStatus::Done, "not every reviewer approved".to_owned()),
        _ if open.len() == 1 => (RunStatus::Done, "1 finding is open".to_owned()),
        _ => (RunStatus::Done, format!("{} findings are open", open.len())),
    }
}
