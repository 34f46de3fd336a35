//! Workflows that a step does: found, checked by themselves, and made a part of the plan, with their ids behind the step's.
//!
//! Invariant: no workflow does itself, directly or through others, and they stand no deeper than [`MOST_NESTED`] in each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Checker, reads,
    table::{MOST_STEPS, Table},
};
use crate::{
    agent::Access,
    ids::{RoleId, StepId},
    workflow::{
        file::{At, File, StepFile},
        parse,
        plan::{Action, NestedAction, Plan, Role, Step, TurnAction, Who, rename},
        problem::{Problem, suggest},
    },
};

/// How many workflows may stand in each other.
pub const MOST_NESTED: usize = 4;

/// Finds and checks every workflow that a step does.
pub fn find_all(checker: &mut Checker<'_>, table: &mut Table<'_>) {
    for row in 0..table.rows.len() {
        if let Some(name) = &table.rows[row].step.workflow
            && let Some(plan) = find(checker, name)
        {
            let steps = table.nested.values().map(|it| it.all_steps().len()).sum::<usize>() + plan.all_steps().len();
            if table.rows.len() + steps > MOST_STEPS {
                let message = format!("with those of `{}` the workflow has more than {MOST_STEPS} steps", name.value);
                checker.problems.error(&name.at, "too-large", message, "split the workflow");
                return;
            }
            table.nested.insert(row, plan);
        }
    }
}

fn find(checker: &mut Checker<'_>, name: &At<String>) -> Option<Plan> {
    if checker.around.contains(&name.value) {
        let first = checker.around.iter().position(|it| *it == name.value).unwrap_or(0);
        let way: Vec<String> =
            checker.around[first..].iter().chain([&name.value]).map(|it| format!("`{it}`")).collect();
        let message = format!("these workflows do each other: {}", way.join(" does "));
        checker.problems.error(&name.at, "cycle", message, "remove one of these steps; for another try, use `repeat`");
        return None;
    }
    if checker.around.len() > MOST_NESTED {
        let message = format!("workflows stand more than {MOST_NESTED} deep in each other here");
        checker.problems.error(&name.at, "too-deep", message, "take the steps of the inner one into this one");
        return None;
    }
    let text = match (checker.find)(&name.value) {
        Ok(text) => text,
        Err(why) => {
            checker.problems.error(&name.at, "unknown-workflow", why, "`callboard workflows list` shows what there is");
            return None;
        }
    };
    let (file, problems) = parse::parse(&text);
    let checked = file.map(|it: File| super::check(&name.value, &it, &text, checker.find, &checker.around));
    let (plan, more) = checked.unwrap_or_default();
    let first = problems.iter().chain(&more).find(|it| Problem::is_error(it));
    if let Some(first) = first {
        let message = format!("the workflow `{}` has errors: {first}", name.value);
        let mend = "mend that one first; `callboard workflows check FILE` tells all";
        checker.problems.error(&name.at, "broken-workflow", message, mend);
        return None;
    }
    plan
}

/// Makes a step's workflow a part of the plan. Returns what it does, and the roles that it brings with it.
pub fn action(
    checker: &mut Checker<'_>,
    table: &Table<'_>,
    row: usize,
    used: &mut BTreeSet<String>,
) -> Option<(NestedAction, Vec<Role>)> {
    let step = table.rows[row].step;
    for (_, value) in &step.inputs {
        reads::expression(checker, table, row, value, reads::From::Body);
    }
    for (_, role) in &step.roles {
        used.insert(role.value.clone());
    }
    let plan = table.nested.get(&row)?;
    inputs(checker, step, plan);
    let borrowed = borrowed(checker, table, step, plan);
    let id = step.name();
    let own = |it: &RoleId| -> Option<RoleId> { format!("{id}/{it}").parse().ok() };
    let mut roles = Vec::new();
    for role in &plan.roles {
        if !borrowed.contains_key(role.id.as_str()) {
            roles.push(Role { id: own(&role.id)?, ..role.clone() });
        }
    }
    let mut steps = plan.steps.clone();
    for it in &mut steps {
        rename(it, &|inner: &StepId| inner.inside(id));
        recast(it, &|role| borrowed.get(role.as_str()).cloned().or_else(|| own(role)).unwrap_or_else(|| role.clone()));
    }
    let nested = NestedAction {
        workflow: plan.name.clone(),
        hash: plan.hash.clone(),
        takes: plan.inputs.clone(),
        inputs: step.inputs.iter().map(|(name, it)| (name.value.clone(), it.value.clone())).collect(),
        roles: borrowed,
        result: plan.result.as_ref().map(|it| it.inside(id)),
        steps,
    };
    Some((nested, roles))
}

fn inputs(checker: &mut Checker<'_>, step: &StepFile, plan: &Plan) {
    let known: Vec<&str> = plan.inputs.iter().map(|it| it.name.as_str()).collect();
    for (name, _) in &step.inputs {
        if !known.contains(&name.value.as_str()) {
            let mend = suggest(&name.value, known.iter().copied(), "remove it");
            let message = format!("the workflow `{}` has no input `{}`", plan.name, name.value);
            checker.problems.error(&name.at, "unknown-input", message, mend);
        }
    }
    let told = |name: &str| step.inputs.iter().any(|it| it.0.value == name);
    for input in plan.inputs.iter().filter(|it| it.default.is_none() && !told(&it.name)) {
        let at = step.workflow.as_ref().map_or(&step.at, |it| &it.at);
        let message = format!("the workflow `{}` wants to be told `{}`", plan.name, input.name);
        let mend = format!("write `inputs: {{ {}: … }}` with an expression that gives it", input.name);
        checker.problems.error(at, "missing", message, mend);
    }
}

/// Reads which of the workflow's roles are played by whoever plays a role here.
fn borrowed(checker: &mut Checker<'_>, table: &Table<'_>, step: &StepFile, plan: &Plan) -> BTreeMap<String, RoleId> {
    let mut borrowed = BTreeMap::new();
    for (theirs, mine) in &step.roles {
        let Some(role) = plan.roles.iter().find(|it| it.id.as_str() == theirs.value) else {
            let mend = suggest(&theirs.value, plan.roles.iter().map(|it| it.id.as_str()), "remove it");
            let message = format!("the workflow `{}` has no role `{}`", plan.name, theirs.value);
            checker.problems.error(&theirs.at, "unknown-role", message, mend);
            continue;
        };
        let Some(file) = table.roles.get(mine.value.as_str()) else {
            let mend = suggest(&mine.value, table.roles.keys().copied(), "add it under `roles:`");
            checker.problems.error(&mine.at, "unknown-role", format!("there is no role `{}`", mine.value), mend);
            continue;
        };
        if role.access == Access::Write && file.access.as_ref().is_none_or(|it| it.value != "write") {
            let message =
                format!("`{}` may only read, and `{}` of `{}` has to write", mine.value, theirs.value, plan.name);
            let mend = format!("write `access: write` below the role `{}`", mine.value);
            checker.problems.error(&mine.at, "read-only", message, mend);
        }
        if role.is_shared() || file.agents.is_some() {
            let message =
                format!("several agents play `{}` or `{}`, so one can't stand for the other", mine.value, theirs.value);
            checker.problems.error(&mine.at, "several", message, "remove it: the workflow then has its own players");
        }
        if let Ok(mine) = mine.value.parse() {
            borrowed.insert(theirs.value.clone(), mine);
        }
    }
    borrowed
}

/// Gives every turn in a step its role by another name.
fn recast(step: &mut Step, to: &dyn Fn(&RoleId) -> RoleId) {
    match &mut step.action {
        Action::Turn(TurnAction { who: Who::Role(role), .. }) => *role = to(role),
        Action::Turn(_) | Action::Pause(_) => {}
        Action::Repeat(it) => {
            if let Some(operator) = &mut it.operator {
                operator.role = to(&operator.role);
            }
            it.steps.iter_mut().for_each(|it| recast(it, to));
        }
        Action::Group(it) => it.steps.iter_mut().for_each(|it| recast(it, to)),
        Action::Each(it) => {
            if let crate::workflow::plan::Over::Role(role) = &mut it.over {
                *role = to(role);
            }
            recast(&mut it.body, to);
        }
        Action::Nested(it) => {
            for role in it.roles.values_mut() {
                *role = to(role);
            }
            it.steps.iter_mut().for_each(|it| recast(it, to));
        }
    }
}
