//! What prompts, conditions and other expressions of a step see: the results of the steps around it, its item, what its
//! workflow was told.
//!
//! A name is looked for in the reader's own workflow. What is done for each item of a list that the reader stands in too is read
//! for the same item; of any other list all items are read, as a list.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value, json};

use super::context::effective_verdict;
use crate::{
    finding::Finding,
    hub::{
        run::{Run, StepState},
        state::State,
    },
    ids::{RoleId, StepId},
    outcome::TypedResult,
    protocol::StepStatus,
    workflow::{
        plan::{Action, EachAction, Over, Step},
        prompt::Context,
    },
};

/// A step as it was planned, with the lists around it.
#[derive(Clone)]
struct Node<'a> {
    step: &'a Step,
    /// The lists around it, the outermost first.
    lists: Vec<(&'a StepId, &'a EachAction)>,
}

/// Returns the values that the expressions of a step see. Steps that `texts` don't name are left out: they can't be asked for.
pub(in crate::hub::decide) fn values(state: &State, run: &Run, reader: &StepId, texts: &[&str]) -> Context {
    let mut map = Map::new();
    let scope = reader.scope();
    let indices = reader.items();
    let mut nodes = Vec::new();
    walk(&run.plan.steps, scope, &mut Vec::new(), &mut nodes);
    let own = own_lists(&nodes, reader, indices.len());
    for node in &nodes {
        let name = local(node.step.id.planned(), scope);
        if !map.contains_key(name) && texts.iter().any(|it| it.contains(name)) {
            map.insert(name.to_owned(), read(state, run, node, &own, &indices));
        }
    }
    for (depth, (id, each)) in own.iter().enumerate() {
        let item = run.step(&with_items(id, &indices[..=depth])).and_then(|it| it.item.clone());
        if let (Over::List(_), Some(item), true) = (&each.over, item, id.scope() == scope) {
            map.insert(each.item.clone(), (*item).clone());
        }
    }
    let now = run.step(reader);
    let round = now.map_or(1, |it| it.round.max(it.lap)).max(1);
    map.insert("inputs".to_owned(), told(run, scope, &own, &indices));
    map.insert("round".to_owned(), json!(round));
    map.insert("run".to_owned(), about(run, texts));
    map.insert("roles".to_owned(), roles(run, scope));
    Context::new(map)
}

fn about(run: &Run, texts: &[&str]) -> Value {
    let mut about = json!({ "id": run.id, "workflow": run.plan.name });
    if texts.iter().any(|it| it.contains("changed")) {
        about["changed"] = run.changed.iter().map(|it| Value::from(&**it)).collect();
    }
    about
}

/// Collects the steps of one workflow with the lists around them: those of the workflow that the step `scope` does.
fn walk<'a>(steps: &'a [Step], scope: &str, lists: &mut Vec<(&'a StepId, &'a EachAction)>, nodes: &mut Vec<Node<'a>>) {
    for step in steps {
        let here = step.id.scope();
        if here == scope {
            nodes.push(Node { step, lists: lists.clone() });
        } else if here.len() >= scope.len() {
            continue;
        }
        if let Action::Each(each) = &step.action {
            lists.push((&step.id, each));
            walk(step.planned(), scope, lists, nodes);
            lists.pop();
        } else {
            walk(step.planned(), scope, lists, nodes);
        }
    }
}

/// Returns the lists that the reader stands in: as many as its id has items.
fn own_lists<'a>(nodes: &[Node<'a>], reader: &StepId, depth: usize) -> Vec<(&'a StepId, &'a EachAction)> {
    let planned = reader.planned();
    let is_reader = |it: &&Node<'a>| it.step.id.planned() == planned && it.lists.len() == depth;
    nodes.iter().find(is_reader).map(|it| it.lists.clone()).unwrap_or_default()
}

fn local<'a>(planned: &'a str, scope: &str) -> &'a str {
    if scope.is_empty() {
        planned
    } else {
        planned.strip_prefix(scope).map_or(planned, |it| it.trim_start_matches('/'))
    }
}

fn with_items(id: &StepId, items: &[u32]) -> StepId {
    items.iter().fold(id.clone(), |id, it| id.of_item(*it))
}

/// Returns what the reader sees of a step.
fn read(state: &State, run: &Run, node: &Node<'_>, own: &[(&StepId, &EachAction)], indices: &[u32]) -> Value {
    let same = |it: &(usize, &(&StepId, &EachAction))| own.get(it.0).is_some_and(|mine| mine.0 == it.1.0);
    let shared = node.lists.iter().enumerate().take_while(same).count();
    spread(state, run, node, &indices[..shared])
}

/// Returns a step's value where its items are known as far as `items`: of the lists further in all of theirs.
fn spread(state: &State, run: &Run, node: &Node<'_>, items: &[u32]) -> Value {
    let Some((list, each)) = node.lists.get(items.len()) else { return whole(state, run, node.step, items) };
    let of = |items: &[u32]| spread(state, run, node, items);
    if !has_run(run, &with_items(list, items)) {
        return Value::Null;
    }
    listed(run, list, each, items, &of)
}

/// Returns the value of a step with all its items known.
fn whole(state: &State, run: &Run, step: &Step, items: &[u32]) -> Value {
    let id = with_items(&step.id, items);
    let Some(now) = run.step(&id) else { return Value::Null };
    match &step.action {
        Action::Each(each) if now.result.is_none() => {
            if !has_run(run, &id) {
                return Value::Null;
            }
            let of = |items: &[u32]| whole(state, run, &each.body, items);
            listed(run, &step.id, each, items, &of)
        }
        _ => value_of(state, now),
    }
}

/// Returns whether a list was met, so that it has items, if only none.
fn has_run(run: &Run, list: &StepId) -> bool {
    run.step(list).is_some_and(|it| it.status == StepStatus::Done) || run.step(&list.of_item(1)).is_some()
}

/// Returns the values for each item of a list. Each has its item with it; of one without a result there is nothing else.
fn listed(run: &Run, list: &StepId, each: &EachAction, items: &[u32], of: &dyn Fn(&[u32]) -> Value) -> Value {
    let mut all = Vec::new();
    let id = with_items(list, items);
    for number in 1.. {
        let Some(now) = run.step(&id.of_item(number)) else { break };
        let inner = [items, &[number]].concat();
        let mut value = of(&inner);
        if matches!(each.over, Over::List(_)) {
            if !value.is_object() {
                value = if value.is_null() { json!({}) } else { json!({ "each": value }) };
            }
            if let (Some(object), Some(item)) = (value.as_object_mut(), &now.item) {
                object.insert("item".to_owned(), (**item).clone());
            }
        }
        // Of several agents those who gave nothing are left out: there is no item by which they would be missed.
        if !value.is_null() {
            all.push(value);
        }
    }
    Value::Array(all)
}

/// Returns what the reader's workflow was told.
fn told(run: &Run, scope: &str, own: &[(&StepId, &EachAction)], indices: &[u32]) -> Value {
    if scope.is_empty() {
        return json!(*run.inputs);
    }
    let Ok(id) = scope.parse::<StepId>() else { return Value::Null };
    // The lists around the step that does the workflow are those whose ids are not inside of it.
    let around = own.iter().filter(|it| it.0.scope().len() < scope.len()).count();
    let inputs = run.step(&with_items(&id, &indices[..around.min(indices.len())])).and_then(|it| it.inputs.clone());
    inputs.map_or_else(|| json!({}), |it| json!(*it))
}

/// Returns who plays the roles of the reader's workflow, by the names that it has for them.
fn roles(run: &Run, scope: &str) -> Value {
    let mut map = Map::new();
    let names: BTreeSet<&RoleId> = run.roles.keys().collect();
    for role in names {
        let whose = role.as_str().rsplit_once('/').map_or("", |it| it.0);
        if whose == scope {
            let value = match run.casts.get(role) {
                Some(all) => json!(all),
                None => json!(run.roles.get(role)),
            };
            map.insert(local(role.as_str(), scope).to_owned(), value);
        }
    }
    if !scope.is_empty() {
        for (name, role) in borrowed(&run.plan.steps, scope) {
            map.insert(name.clone(), json!(run.roles.get(role)));
        }
    }
    Value::Object(map)
}

/// Returns the roles of a nested workflow that are played by whoever plays a role around it.
fn borrowed<'a>(steps: &'a [Step], scope: &str) -> Vec<(&'a String, &'a RoleId)> {
    for step in steps {
        if let Action::Nested(nested) = &step.action
            && step.id.planned() == scope
        {
            return nested.roles.iter().collect();
        }
        let inner = borrowed(step.planned(), scope);
        if !inner.is_empty() {
            return inner;
        }
    }
    Vec::new()
}

fn value_of(state: &State, step: &StepState) -> Value {
    let Some(result) = &step.result else {
        return step.decision.map_or(Value::Null, |it| json!({ "decision": it, "note": step.note }));
    };
    let mut value = match result.as_ref() {
        TypedResult::Review(review) => {
            let all: Vec<&Arc<Finding>> = step.findings.iter().filter_map(|it| state.finding(*it)).collect();
            let open = |it: &&&Arc<Finding>| it.state.is_open();
            let to_act: Vec<Value> = all.iter().filter(open).filter(|it| !it.contested).map(|it| flat(it)).collect();
            let contested: Vec<Value> = all.iter().filter(open).filter(|it| it.contested).map(|it| flat(it)).collect();
            let declined: Vec<Value> = all
                .iter()
                .filter_map(|it| it.declined.as_ref().map(|why| json!({ "finding": it.id, "reason": why })))
                .collect();
            json!({
                "verdict": effective_verdict(state, step, review),
                "summary": review.summary,
                "findings": to_act,
                "contested": contested,
                "all": all.iter().map(|it| flat(it)).collect::<Vec<_>>(),
                "declined": declined,
            })
        }
        TypedResult::Json(it) => json!({ "value": it.value }),
        TypedResult::Tests(it) => json!({
            "verdict": it.verdict,
            "summary": it.summary,
            "passed": it.passed,
            "failed": it.failed,
            "failures": it.failures.iter().map(|it| json!({
                "name": it.name,
                "path": it.place.as_ref().map(|it| &it.path),
                "line": it.place.as_ref().map(|it| it.line),
                "message": it.message,
            })).collect::<Vec<_>>(),
        }),
        other => json!(other),
    };
    if let (Some(object), Some(decision)) = (value.as_object_mut(), step.decision) {
        object.insert("decision".to_owned(), json!(decision));
        object.insert("note".to_owned(), json!(step.note));
    }
    value
}

/// Returns a finding as prompts see it.
fn flat(finding: &Finding) -> Value {
    let place = finding.draft.place.as_ref();
    json!({
        "id": finding.id,
        "severity": finding.draft.severity,
        "path": place.map(|it| &it.path),
        "line": place.map(|it| it.line),
        "column": place.map(|it| it.column),
        "code": finding.draft.code,
        "text": finding.draft.text,
        "suggestion": finding.draft.suggestion,
        "excerpt": finding.draft.excerpt,
        "sources": finding.sources,
        "declined": finding.declined,
        "state": finding.state,
    })
}
