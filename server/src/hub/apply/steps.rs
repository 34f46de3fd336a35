//! Steps that hold others: loops, lists, groups, nested workflows. What stands in them waits anew when they begin.
//!
//! Invariant: a run has a state for each of its plan's live steps, and for no other. What a step came to before it is done
//! anew goes to the run's history, which is bounded.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{change_run, change_step};
use crate::{
    hub::{
        record::Record,
        run::{HISTORY_KEPT, Past, Run, StepState},
        state::State,
    },
    ids::{AgentName, RunId, StepId, Timestamp},
    protocol::StepStatus,
    workflow::plan::{Action, Over, Plan, Step},
};

/// Begins a round of a loop.
pub(super) fn start_round(state: &mut State, at: Timestamp, run: RunId, step: &StepId, round: u32, bound: u32) {
    change_step(state, at, run, step, |it| {
        it.status = StepStatus::Running;
        it.lap = round;
        it.bound = bound;
        it.pause = None;
        it.turn = None;
        it.operation = Arc::default();
        it.started.get_or_insert(at);
    });
    change_run(state, at, run, |run| {
        let plan = Arc::clone(&run.plan);
        let Some(planned) = plan.step(step) else { return };
        let Action::Repeat(repeat) = &planned.action else { return };
        let parked = repeat.operator.is_some();
        for child in planned.children() {
            anew(run, step, &child.id, round);
            if parked && let Some(it) = run.steps.get_mut(&child.id) {
                Arc::make_mut(it).parked = true;
            }
        }
    });
}

/// Begins a step that holds others.
pub(super) fn open(state: &mut State, at: Timestamp, record: &Record) {
    let Record::StepOpened { run, step, items, agents, inputs } = record else { return };
    change_step(state, at, *run, step, |it| {
        it.status = StepStatus::Running;
        it.pause = None;
        it.ended = None;
        it.inputs.clone_from(inputs);
        it.started.get_or_insert(at);
    });
    change_run(state, at, *run, |run| {
        let plan = Arc::clone(&run.plan);
        let Some(planned) = plan.step(step) else { return };
        let round = run.step(step).map_or(0, |it| it.round);
        match &planned.action {
            Action::Each(each) => match &each.over {
                Over::List(_) => {
                    unfold(run, step, items.len(), |_, number| {
                        (StepState::default(), items.get(number).cloned(), None)
                    });
                }
                Over::Role(_) => {
                    unfold(run, step, agents.len(), |before, number| (kept(before), None, agents.get(number).cloned()));
                }
            },
            Action::Group(_) => planned.children().iter().for_each(|child| anew(run, step, &child.id, round)),
            // A nested workflow begins as it would alone: outside every loop.
            Action::Nested(_) => planned.children().iter().for_each(|child| anew(run, step, &child.id, 0)),
            Action::Turn(_) | Action::Pause(_) | Action::Repeat(_) => {}
        }
    });
}

/// Makes the steps for each item of a list, in the place of those that were there. `fresh` is given what the step for the
/// same number was before, and says how it begins.
fn unfold(
    run: &mut Run,
    id: &StepId,
    count: usize,
    fresh: impl Fn(&StepState, usize) -> (StepState, Option<Value>, Option<AgentName>),
) {
    let parent = run.step(id).cloned().unwrap_or_default();
    let mut plan = (*run.plan).clone();
    let Some(Step { action: Action::Each(each), .. }) = plan.step_mut(id) else { return };
    let before = std::mem::take(&mut each.instances);
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    each.instances = (1..=count).map(|number| each.instance(number)).collect();
    let mut were: BTreeMap<StepId, Arc<StepState>> = BTreeMap::new();
    for step in before.iter().flat_map(Step::with_children) {
        if let Some(state) = run.steps.remove(&step.id) {
            remember(run, id, &step.id, &state);
            were.insert(step.id.clone(), state);
        }
    }
    for (number, instance) in each.instances.iter().enumerate() {
        for step in instance.with_children() {
            run.steps.insert(step.id.clone(), Arc::new(StepState { round: parent.round, ..StepState::default() }));
        }
        let before = were.get(&instance.id).cloned().unwrap_or_default();
        let (state, item, agent) = fresh(&before, number);
        let state = StepState {
            round: parent.round,
            item: item.map(Arc::new),
            // What a person wants changed is for everybody who does it.
            note: parent.note.clone().or(state.note),
            agent: agent.or(state.agent),
            ..state
        };
        run.steps.insert(instance.id.clone(), Arc::new(state));
    }
    run.plan = Arc::new(plan);
}

/// Has a step wait in a new round. Its last result stays in sight until the next replaces it.
fn anew(run: &mut Run, within: &StepId, id: &StepId, round: u32) {
    let Some(before) = run.steps.get(id).cloned() else { return };
    remember(run, within, id, &before);
    run.steps.insert(id.clone(), Arc::new(StepState { round, ..kept(&before) }));
}

/// Returns what a step knows of its last round when the next begins.
fn kept(before: &StepState) -> StepState {
    StepState {
        result: before.result.clone(),
        note: before.note.clone(),
        agent: before.agent.clone(),
        decision: before.decision,
        findings: Arc::clone(&before.findings),
        item: before.item.clone(),
        inputs: before.inputs.clone(),
        ..StepState::default()
    }
}

fn remember(run: &mut Run, within: &StepId, id: &StepId, state: &Arc<StepState>) {
    if !state.is_over() {
        return;
    }
    run.history.push_back(Arc::new(Past { step: id.clone(), within: within.clone(), state: Arc::clone(state) }));
    if run.history.len() > HISTORY_KEPT {
        run.history.pop_front();
        run.forgotten += 1;
    }
}

/// Takes a changed plan: what has begun goes on as it was, what is new waits, what is gone is gone.
pub(super) fn edit(state: &mut State, at: Timestamp, record: &Record) {
    let Record::PlanEdited { run, plan, inputs, roles, casts, .. } = record else { return };
    change_run(state, at, *run, |run| {
        let before = Arc::clone(&run.plan);
        let mut plan = Plan::clone(plan);
        carry_over(&before, &mut plan.steps);
        let mut steps = imbl::OrdMap::new();
        let mut lists: Vec<(&[Step], u32)> = vec![(&plan.steps, 0)];
        while let Some((list, round)) = lists.pop() {
            for step in list {
                let now = run.steps.get(&step.id).cloned();
                let now = now.unwrap_or_else(|| Arc::new(StepState { round, ..StepState::default() }));
                let inner = match &step.action {
                    Action::Repeat(_) => now.lap,
                    Action::Nested(_) => 0,
                    _ => now.round,
                };
                lists.push((step.children(), inner));
                steps.insert(step.id.clone(), now);
            }
        }
        run.steps = steps;
        run.limits = plan.limits;
        run.plan = Arc::new(plan);
        run.inputs = Arc::clone(inputs);
        run.roles = Arc::clone(roles);
        run.casts = Arc::clone(casts);
    });
}

/// Gives the lists of a new plan the items that they had met.
fn carry_over(before: &Plan, steps: &mut [Step]) {
    for step in steps {
        if let (Action::Each(each), Some(Step { action: Action::Each(was), .. })) =
            (&mut step.action, before.step(&step.id))
        {
            each.instances.clone_from(&was.instances);
        } else {
            carry_over(before, step.children_mut());
        }
    }
}
