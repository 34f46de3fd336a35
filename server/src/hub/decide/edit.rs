//! A person changes what is left to do of a running run.
//!
//! Invariant: what has begun is the same in the new plan, so a step's recorded result always belongs to the step that the plan
//! names. A nested workflow that is not edited stays the one that the run was pinned to.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use serde_json::Value;

use super::{Draft, advance, human, not_found, run};
use crate::{
    hub::{
        event::{Actor, Answer, Refusal, RefusalCode},
        record::Record,
        run::Run,
        state::State,
    },
    ids::RunId,
    protocol::{About, StepStatus},
    workflow::{
        plan::{Action, Plan, Step},
        write,
    },
};

/// How many changes are named.
const MOST_CHANGES: usize = 100;

/// An edit that may be made.
pub(in crate::hub) struct Edit {
    /// The plan as it will be.
    pub(in crate::hub) plan: Plan,
    /// What changes, a line each.
    pub(in crate::hub) changes: Vec<String>,
    inputs: BTreeMap<String, Value>,
    cast: run::Cast,
}

/// Returns a run's plan as a file, with what can't change named at its head.
pub(in crate::hub) fn text_of(run: &Run) -> String {
    let mut plan = Plan::clone(&run.plan);
    plan.limits = run.limits;
    let begun: Vec<String> = plan
        .all_steps()
        .iter()
        .filter(|it| run.step(&it.id).is_some_and(|it| it.status != StepStatus::Waiting) && it.id.scope().is_empty())
        .map(|it| it.id.to_string())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let mut about = format!("What {} does. Change what is left to do, and save.\n", run.id);
    if begun.is_empty() {
        about += "No step has begun, so all of them may change.";
    } else {
        let _ = write!(about, "These have begun in this round and stay as they are: {}.", begun.join(", "));
    }
    write::write(&plan, &about)
}

/// Says what an edit would change, or why it can't be made.
pub(in crate::hub) fn weigh(state: &State, id: RunId, wanted: &Plan, hash: &str) -> Result<Edit, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    let Some(run) = state.runs.get(&id) else {
        return Err(not_found(format!("run {id}"), "`callboard runs` lists them"));
    };
    if run.ended.is_some() {
        return Err(invalid(format!(
            "{id} is over, so nothing is left to change; `callboard show {id}` tells how it ended"
        )));
    }
    if run.plan.hash != hash {
        let message = format!("the plan of {id} was changed since; look at it again (`callboard runs edit {id}`)");
        return Err(Refusal::new(RefusalCode::Changed, message));
    }
    let mut plan = wanted.clone();
    plan.name.clone_from(&run.plan.name);
    keep_nested(&run.plan, &mut plan.steps);
    let mut faults = Vec::new();
    let mut changes = Vec::new();
    compare(run, &run.plan.steps, &plan.steps, &mut changes, &mut faults);
    // A step that has begun may not stand in another list either.
    for step in plan.all_steps() {
        let was = run.plan.step(&step.id).is_some() && has_begun(run, step);
        let place = |steps| parent_of(steps, step).map(|it| &it.id);
        let moved = was && place(&run.plan.steps) != place(&plan.steps);
        if moved {
            faults.push(format!("{} has begun, so it can't be put elsewhere", step.id));
        }
    }
    let inputs = told(run, &plan, &mut changes, &mut faults);
    let cast = players(state, run, &plan, &mut changes, &mut faults)?;
    if plan.limits != run.limits {
        changes.push("~ limits".to_owned());
    }
    faults.dedup();
    if !faults.is_empty() {
        let more = if faults.len() > 10 { format!("\n  and {} more", faults.len() - 10) } else { String::new() };
        let list: Vec<String> = faults.iter().take(10).map(|it| format!("\n  {it}")).collect();
        return Err(invalid(format!(
            "this plan can't take the place of the one that {id} follows:{}{more}",
            list.concat()
        )));
    }
    changes.truncate(MOST_CHANGES);
    Ok(Edit { plan, changes, inputs, cast })
}

/// Changes a run's plan.
pub(super) fn edit(draft: &mut Draft, by: &Actor, id: RunId, plan: &Plan, hash: &str) -> Result<Answer, Refusal> {
    let by = human(by, "change what a run does")?.to_owned();
    let Edit { plan, changes, inputs, cast } = weigh(&draft.state, id, plan, hash)?;
    if changes.is_empty() {
        return Err(Refusal::new(RefusalCode::Invalid, format!("nothing is changed, so {id} goes on as it was")));
    }
    let list: Vec<String> = changes.iter().map(|it| format!("\n{it}")).collect();
    let after = plan.hash.clone();
    draft.emit(Record::PlanEdited {
        run: id,
        plan: Arc::new(plan),
        inputs: Arc::new(inputs),
        roles: Arc::new(cast.roles),
        casts: Arc::new(cast.casts),
        by: by.clone(),
        before: hash.to_owned(),
        after,
        changes,
    });
    draft.announce(id, About::default(), &format!("{by} changed what is left to do:\n```{}\n```", list.concat()));
    advance::advance(draft, id);
    Ok(Answer::Done)
}

fn has_begun(run: &Run, step: &Step) -> bool {
    run.step(&step.id).is_some_and(|it| it.status != StepStatus::Waiting)
}

/// Has nested workflows that are called as before stay what they were: their files may have changed since.
fn keep_nested(before: &Plan, steps: &mut [Step]) {
    for step in steps {
        let was = before.all_steps().into_iter().find(|it| it.id == step.id && matches!(it.action, Action::Nested(_)));
        if let (Action::Nested(now), Some(Step { action: Action::Nested(was), .. })) = (&mut step.action, was)
            && (&now.workflow, &now.inputs, &now.roles) == (&was.workflow, &was.inputs, &was.roles)
        {
            *now = was.clone();
        }
        match &mut step.action {
            Action::Each(each) => keep_nested(before, std::slice::from_mut(&mut *each.body)),
            Action::Nested(_) => {}
            _ => keep_nested(before, step.children_mut()),
        }
    }
}

fn compare(run: &Run, before: &[Step], after: &[Step], changes: &mut Vec<String>, faults: &mut Vec<String>) {
    for was in before {
        let Some(now) = after.iter().find(|it| it.id == was.id) else {
            if has_begun(run, was) {
                faults.push(format!("{} has begun, so it can't be taken out", was.id));
            } else {
                changes.push(format!("- {}", was.id));
            }
            continue;
        };
        // Of a loop that goes on, what waits in it may change; of any other step with steps in it, all or nothing.
        let is_open = |it: &Step| matches!(it.action, Action::Repeat(_));
        let inside = is_open(was) && is_open(now) && run.step(&was.id).is_none_or(|it| !it.is_over());
        let fields = differing(was, now, inside);
        if !fields.is_empty() {
            let fields = fields.join(", ");
            if has_begun(run, was) {
                faults.push(format!("{} has begun, so its {fields} can't change", was.id));
            } else {
                changes.push(format!("~ {}: {fields}", was.id));
            }
        }
        if inside {
            compare(run, was.children(), now.children(), changes, faults);
        }
    }
    for now in after {
        if !before.iter().any(|it| it.id == now.id) {
            changes.push(format!("+ {}", now.id));
        }
    }
}

/// Returns the fields in which two steps differ, as a file names them; without the steps in them where `own`.
fn differing(was: &Step, now: &Step, own: bool) -> Vec<String> {
    let fields = |step: &Step| {
        let mut step = step.clone();
        if let (Action::Repeat(it), true) = (&mut step.action, own) {
            it.steps.clear();
        }
        let mut value = serde_json::to_value(&step).unwrap_or_default();
        let action = value.get_mut("action").map(Value::take).unwrap_or_default();
        let mut all: BTreeMap<String, Value> = BTreeMap::new();
        for (name, it) in [value, action].iter().filter_map(Value::as_object).flatten() {
            all.insert(name.clone(), it.clone());
        }
        all
    };
    let (was, now) = (fields(was), fields(now));
    let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    let differ = names.into_iter().filter(|it| was.get(*it) != now.get(*it) && *it != "action");
    differ.map(|it| it.replace("onFailure", "on-failure").replace("body", "steps").replace("most", "max")).collect()
}

/// Returns the id of the step that holds a step; `None` where it stands outside of all.
fn parent_of<'a>(steps: &'a [Step], of: &Step) -> Option<&'a Step> {
    steps.iter().find_map(|step| {
        let inner = step.planned();
        if inner.iter().any(|it| it.id == of.id) && step.id != of.id { Some(step) } else { parent_of(inner, of) }
    })
}

fn told(run: &Run, plan: &Plan, changes: &mut Vec<String>, faults: &mut Vec<String>) -> BTreeMap<String, Value> {
    let mut inputs = BTreeMap::new();
    for input in &plan.inputs {
        let was = run.plan.inputs.iter().find(|it| it.name == input.name);
        match (run.inputs.get(&input.name), &input.default) {
            (Some(value), _) if was.is_some_and(|it| it.kind == input.kind) => {
                inputs.insert(input.name.clone(), value.clone());
            }
            (Some(_), _) => {
                faults.push(format!("the input {} has its value already, so its type can't change", input.name));
            }
            (None, Some(default)) => {
                changes.push(format!("+ input {} = {default}", input.name));
                inputs.insert(input.name.clone(), default.clone());
            }
            (None, None) => {
                faults.push(format!("the input {} needs a default: a run that goes on can't be told it", input.name));
            }
        }
    }
    inputs
}

fn players(
    state: &State,
    run: &Run,
    plan: &Plan,
    changes: &mut Vec<String>,
    faults: &mut Vec<String>,
) -> Result<run::Cast, Refusal> {
    let mut fresh = plan.clone();
    fresh.roles.retain(|role| !run.roles.contains_key(&role.id));
    let mut cast = run::bind_roles(state, &fresh, &BTreeMap::new())?;
    for role in &plan.roles {
        let Some(was) = run.plan.roles.iter().find(|it| it.id == role.id) else {
            changes.push(format!("+ role {}", role.id));
            continue;
        };
        if (was.access, was.seats.len()) != (role.access, role.seats.len()) {
            faults.push(format!(
                "the role {} is played already, so its access and agents can't change; add another role",
                role.id
            ));
        }
        if let Some(agent) = run.roles.get(&role.id) {
            cast.roles.insert(role.id.clone(), agent.clone());
        }
        if let Some(agents) = run.casts.get(&role.id) {
            cast.casts.insert(role.id.clone(), agents.clone());
        }
    }
    Ok(cast)
}
