//! A rehearsal: a plan in its order, with every prompt as it would be written in the first round. Nothing is started.
//!
//! Pure. What a step would read of one that is over is stood for by a sample of its form, in angle brackets, so that nobody takes
//! it for what an agent said.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    plan::{Action, EachAction, NestedAction, Over, Plan, Step, TurnAction, Who, last_result, rename},
    prompt::{self, Context},
};
use crate::{
    agent::{AgentInfo, DriverKind},
    ids::{AgentName, RoleId, StepId},
    outcome::{ResultKind, form},
};

/// How deep a sample of a JSON Schema goes.
const MOST_DEPTH: usize = 8;

/// A step as it would go.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsed {
    /// Which.
    pub id: StepId,
    /// One line for people.
    pub title: String,
    /// How many loops it stands in.
    pub depth: usize,
    /// What must be over before it starts.
    pub needs: Vec<StepId>,
    /// The condition on which it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Whether the samples meet the condition.
    pub runs: bool,
    /// What it does.
    #[serde(flatten)]
    pub does: Does,
}

/// What a step would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "does", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Does {
    /// An agent takes a turn.
    Turn {
        /// The part that it plays, where the file names a role.
        #[serde(skip_serializing_if = "Option::is_none")]
        role: Option<RoleId>,
        /// Who, where somebody is here for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
        /// The form of the result.
        result: String,
        /// What it is told, whole.
        prompt: String,
        /// What it is about.
        #[serde(skip_serializing_if = "Value::is_null")]
        paths: Value,
        /// Why the prompt can't be written, where it can't.
        #[serde(skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
    },
    /// A person is asked.
    Pause {
        /// The step whose result is shown.
        #[serde(skip_serializing_if = "Option::is_none")]
        show: Option<StepId>,
        /// What is asked.
        message: String,
    },
    /// Steps are done again and again.
    Repeat {
        /// The condition that ends it.
        until: String,
        /// How many rounds before a person is asked.
        max: u32,
    },
    /// The step is done for each item of a list; its first item follows.
    Each {
        /// The expression that gives the list, or the role that several agents play.
        over: String,
        /// The items, where they are known; else a sample.
        items: Vec<Value>,
        /// How many are done at the same time.
        at_once: u32,
        /// How many there may be before a person is asked.
        max: u32,
    },
    /// Steps are done together.
    Group,
    /// Another workflow is done.
    Nested {
        /// Which.
        workflow: String,
        /// What it would be told.
        inputs: BTreeMap<String, Value>,
    },
}

/// Goes through a plan in its order. `inputs` are taken as they are; `cast` is who plays.
pub fn rehearse(
    plan: &Plan,
    inputs: &BTreeMap<String, Value>,
    cast: &BTreeMap<RoleId, Vec<AgentName>>,
    agents: &[&AgentInfo],
) -> Vec<Rehearsed> {
    let mut values = Map::new();
    for step in plan.all_steps() {
        values.insert(step.id.as_str().to_owned(), Value::Null);
    }
    values.insert("inputs".to_owned(), json!(inputs));
    values.insert("round".to_owned(), json!(1));
    values.insert("run".to_owned(), json!({ "id": "r1", "workflow": plan.name, "changed": [] }));
    let names = cast.iter().map(|(role, who)| match plan.roles.iter().find(|it| it.id == *role) {
        Some(it) if it.is_shared() => (role.as_str().to_owned(), json!(who)),
        _ => (role.as_str().to_owned(), json!(who.first())),
    });
    values.insert("roles".to_owned(), Value::Object(names.collect()));
    let mut rehearsal = Rehearsal { plan, cast, agents, context: Context::new(values), seat: None, steps: Vec::new() };
    rehearsal.list(&plan.steps, 0);
    rehearsal.steps
}

struct Rehearsal<'a> {
    plan: &'a Plan,
    cast: &'a BTreeMap<RoleId, Vec<AgentName>>,
    agents: &'a [&'a AgentInfo],
    context: Context,
    /// Of a role that several play: whose turn is shown.
    seat: Option<AgentName>,
    steps: Vec<Rehearsed>,
}

impl Rehearsal<'_> {
    fn list(&mut self, steps: &[Step], depth: usize) {
        for step in steps {
            self.step(step, depth);
        }
    }

    fn step(&mut self, step: &Step, depth: usize) {
        let runs = step.when.as_ref().is_none_or(|it| prompt::truthy(it, &self.context).unwrap_or(true));
        let does = match &step.action {
            Action::Turn(turn) => self.turn(turn),
            Action::Pause(pause) => Does::Pause {
                show: pause.show.clone(),
                message: prompt::render(&pause.message, &self.context).unwrap_or_else(|it| it.to_string()),
            },
            Action::Repeat(repeat) => Does::Repeat { until: repeat.ends(), max: repeat.max },
            Action::Each(each) => self.each(each),
            Action::Group(_) => Does::Group,
            Action::Nested(nested) => Does::Nested { workflow: nested.workflow.clone(), inputs: self.told(nested) },
        };
        let does_each = if let Does::Each { items, .. } = &does { Some(items.clone()) } else { None };
        self.steps.push(Rehearsed {
            id: step.id.clone(),
            title: step.title.clone(),
            depth,
            needs: step.needs.clone(),
            when: step.when.clone(),
            runs,
            does,
        });
        match &step.action {
            Action::Repeat(repeat) => self.list(&repeat.steps, depth + 1),
            Action::Each(each) => self.first(step, each, &does_each.unwrap_or_default(), depth),
            Action::Group(group) => {
                self.list(&group.steps, depth + 1);
                let last = last_result(&group.steps).and_then(|it| self.context.0.get(it.id.as_str()));
                let value = last.cloned().unwrap_or_default();
                self.settle(&step.id, value);
            }
            Action::Nested(nested) => self.nested(step, nested, depth, runs),
            Action::Turn(turn) if runs => self.settle(&step.id, sample(step.id.as_str(), &turn.result)),
            Action::Pause(pause) if runs => {
                let shown = pause.show.as_ref().and_then(|it| self.context.0.get(it.as_str())).cloned();
                let mut value = shown.filter(Value::is_object).unwrap_or_else(|| json!({}));
                value["decision"] = json!("approve");
                value["note"] = Value::Null;
                self.settle(&step.id, value);
            }
            _ => {}
        }
    }

    /// Says what a list holds, as far as the samples tell.
    fn each(&self, each: &EachAction) -> Does {
        let (over, items) = match &each.over {
            Over::List(list) => {
                let items = prompt::evaluate(list, &self.context).ok().and_then(|it| it.as_array().cloned());
                let items = items.filter(|it| !it.is_empty());
                (list.clone(), items.unwrap_or_else(|| vec![json!(format!("‹{}›", each.item))]))
            }
            Over::Role(role) => {
                let who = self.cast.get(role).cloned().unwrap_or_default();
                (role.to_string(), who.iter().map(|it| json!(it)).collect())
            }
        };
        Does::Each { over, items, at_once: each.at_once, max: each.most }
    }

    /// Goes through the first item of a list. What follows sees a list with its result.
    fn first(&mut self, step: &Step, each: &EachAction, items: &[Value], depth: usize) {
        let first = items.first().cloned().unwrap_or_default();
        let before = self.context.0.clone();
        let is_list = matches!(each.over, Over::List(_));
        if is_list {
            self.context.0.insert(each.item.clone(), first.clone());
        } else {
            self.seat = first.as_str().and_then(|it| it.parse().ok());
        }
        let shown = self.steps.len();
        self.step(&each.body, depth + 1);
        self.seat = None;
        if let Some(it) = self.steps.get_mut(shown) {
            it.id = it.id.of_item(1);
        }
        let mut value = self.context.0.get(step.id.as_str()).cloned().unwrap_or_default();
        let all_inside = each.body.with_planned();
        if is_list {
            if let Some(object) = value.as_object_mut() {
                object.insert("item".to_owned(), first);
            }
            for inner in all_inside.iter().filter(|it| it.id != step.id) {
                let value = self.context.0.get(inner.id.as_str()).cloned().unwrap_or_default();
                self.settle(&inner.id, json!([value]));
            }
        }
        // Reviews of several agents are one review; all else is a list.
        let merged = !is_list && value.get("verdict").is_some() && value.get("findings").is_some();
        self.settle(&step.id, if merged { value } else { json!([value]) });
        if is_list {
            match before.get(&each.item) {
                Some(outer) => self.context.0.insert(each.item.clone(), outer.clone()),
                None => self.context.0.remove(&each.item),
            };
        }
    }

    fn told(&self, nested: &NestedAction) -> BTreeMap<String, Value> {
        let told = |input: &super::plan::Input| {
            let given = nested.inputs.get(&input.name).and_then(|it| prompt::evaluate(it, &self.context).ok());
            let value = given.filter(|it| !it.is_null()).or_else(|| input.default.clone());
            (input.name.clone(), value.unwrap_or_else(|| json!(format!("‹{}›", input.name))))
        };
        nested.takes.iter().map(told).collect()
    }

    /// Goes through another workflow with what it would be told. What follows sees its result.
    fn nested(&mut self, step: &Step, nested: &NestedAction, depth: usize, runs: bool) {
        let scope = format!("{}/", step.id);
        let mut inner = Map::new();
        for it in nested.steps.iter().flat_map(Step::with_planned) {
            inner.insert(it.id.as_str().trim_start_matches(&scope).to_owned(), Value::Null);
        }
        inner.insert("inputs".to_owned(), json!(self.told(nested)));
        inner.insert("round".to_owned(), json!(1));
        inner.insert("run".to_owned(), self.context.0.get("run").cloned().unwrap_or_default());
        let name =
            |role: &RoleId| self.cast.get(role).and_then(|it| it.first()).map(|it| json!(it)).unwrap_or_default();
        let own = self.cast.keys().filter_map(|it| Some((it.as_str().strip_prefix(&scope)?.to_owned(), name(it))));
        let lent = nested.roles.iter().map(|(theirs, mine)| (theirs.clone(), name(mine)));
        inner.insert("roles".to_owned(), Value::Object(own.chain(lent).collect()));
        let outer = std::mem::replace(&mut self.context, Context::new(inner));
        // Inside, ids are as that workflow's file has them, or its expressions would not find them.
        let mut steps = nested.steps.clone();
        for it in &mut steps {
            rename(it, &|id| {
                id.as_str().strip_prefix(&scope).and_then(|it| it.parse().ok()).unwrap_or_else(|| id.clone())
            });
        }
        let shown = self.steps.len();
        self.list(&steps, depth + 1);
        for it in &mut self.steps[shown..] {
            it.id = it.id.inside(step.id.as_str());
            it.needs.iter_mut().for_each(|need| *need = need.inside(step.id.as_str()));
        }
        let result = nested.result.as_ref().and_then(|it| it.as_str().strip_prefix(&scope));
        let value = result.and_then(|it| self.context.0.get(it)).cloned().unwrap_or_default();
        self.context = outer;
        if runs {
            self.settle(&step.id, value);
        }
    }

    fn settle(&mut self, step: &StepId, value: Value) {
        self.context.0.insert(step.as_str().to_owned(), value);
    }

    fn turn(&self, turn: &TurnAction) -> Does {
        let (role, agent) = match &turn.who {
            Who::Role(role) => {
                let first = self.cast.get(role).and_then(|it| it.first()).cloned();
                (Some(role.clone()), self.seat.clone().or(first))
            }
            Who::Agent(agent) => (None, Some(agent.clone())),
        };
        let (mut text, fault) = match prompt::render(&turn.prompt, &self.context) {
            Ok(text) => (text, None),
            Err(why) => (String::new(), Some(why.to_string())),
        };
        let info = agent.as_ref().and_then(|name| self.agents.iter().find(|it| it.name == *name));
        let is_told = info.is_none_or(|it| it.driver != DriverKind::Tool);
        if is_told && !turn.context.is_empty() {
            let budget = turn.budget.unwrap_or(super::context::BUDGET);
            let _ = writeln!(text, "\n\n‹What the workflow gives for this, {budget} tokens at most›");
            for it in &turn.context {
                let _ = writeln!(text, "‹{it}›");
            }
        }
        if is_told
            && role.is_some()
            && let Some(form) = form::instructions(&turn.result)
        {
            text = format!("{text}\n\n{form}\n");
        }
        let paths = turn.paths.as_ref().and_then(|it| prompt::evaluate(it, &self.context).ok()).unwrap_or_default();
        debug_assert!(role.as_ref().is_none_or(|it| self.plan.roles.iter().any(|known| known.id == *it)));
        Does::Turn { role, agent, result: turn.result.name().to_owned(), prompt: text, paths, fault }
    }
}

/// Returns a result of a form, with each text saying what would stand there.
fn sample(step: &str, kind: &ResultKind) -> Value {
    match kind {
        ResultKind::Text => json!({ "text": format!("‹what {step} says›") }),
        ResultKind::Review => {
            let finding = json!({
                "id": "f1", "severity": "warning", "path": "‹a file›", "line": 1, "column": 1, "code": null,
                "text": format!("‹a finding of {step}›"), "suggestion": null, "excerpt": null, "sources": [], "declined": null,
            });
            json!({
                "verdict": "changes_requested", "summary": format!("‹how {step} sums up›"), "findings": [finding],
                "contested": [], "declined": [], "all": [finding],
            })
        }
        ResultKind::Change => {
            json!({ "summary": format!("‹what {step} says it changed›"), "files": ["‹a file›"], "fixed": [], "declined": [] })
        }
        ResultKind::Tests => {
            json!({ "verdict": "passed", "summary": format!("‹the outcome of {step}›"), "passed": 1, "failed": 0, "failures": [] })
        }
        ResultKind::Plan => {
            json!({ "summary": format!("‹how {step} sums up›"), "steps": ["‹its first step›", "‹its second step›"] })
        }
        ResultKind::Json(schema) => json!({ "value": fitting(schema, step, 0) }),
    }
}

/// Returns a value that looks like what a JSON Schema asks for: the first of what may be chosen, one of each list.
fn fitting(schema: &Value, name: &str, depth: usize) -> Value {
    if depth > MOST_DEPTH {
        return Value::Null;
    }
    if let Some(value) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
        return value.clone();
    }
    for any in ["anyOf", "oneOf", "allOf"] {
        if let Some(first) = schema.get(any).and_then(|it| it.get(0)) {
            return fitting(first, name, depth + 1);
        }
    }
    let kind = schema.get("type").map(|it| it.get(0).unwrap_or(it)).and_then(Value::as_str);
    match kind {
        Some("array") => {
            let items = schema.get("items").map(|it| fitting(it, name, depth + 1));
            Value::Array(items.into_iter().collect())
        }
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("null") => Value::Null,
        Some("string") => json!(format!("‹{name}›")),
        _ => match schema.get("properties").and_then(Value::as_object) {
            Some(fields) => fields.iter().map(|(name, it)| (name.clone(), fitting(it, name, depth + 1))).collect(),
            None => json!(format!("‹{name}›")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{library::BUILT_IN, load};

    fn all(name: &str) -> Vec<Rehearsed> {
        let (name, text) = BUILT_IN.iter().find(|it| it.0 == name).unwrap();
        let plan = load(name, text).plan.unwrap();
        let inputs = plan.inputs.iter().map(|it| {
            let told = it.default.clone().filter(|it| *it != json!(""));
            (it.name.clone(), told.unwrap_or_else(|| json!(format!("‹{}›", it.name))))
        });
        let cast = plan
            .roles
            .iter()
            .map(|it| {
                let first = it.seats.first().filter(|it| !it.is_empty()).unwrap_or(&it.prefer);
                (it.id.clone(), vec![first[0].clone()])
            })
            .collect();
        rehearse(&plan, &inputs.collect(), &cast, &[])
    }

    /// Whatever a template prints in its first round is there then.
    #[test]
    fn every_prompt_of_every_template_can_be_written() {
        for (name, _) in BUILT_IN {
            for step in all(name) {
                if let Does::Turn { prompt, fault, role, .. } = &step.does {
                    assert_eq!(*fault, None, "{name}: {}", step.id);
                    assert!(role.is_none() || prompt.len() > 200, "{name}: {}: {prompt}", step.id);
                    assert!(!prompt.contains("\n\n\n\n"), "{name}: {} has a hole in\n{prompt}", step.id);
                }
            }
        }
    }

    #[test]
    fn what_is_not_known_yet_stands_in_angle_brackets() {
        let steps = all("build-feature");
        let build = steps.iter().find(|it| it.id.as_str() == "build").unwrap();
        let Does::Turn { prompt, agent, .. } = &build.does else { panic!("a turn") };
        assert!(prompt.contains("> ‹task›") && prompt.contains("1. ‹its first step›"), "{prompt}");
        assert!(prompt.contains("callboard-result"), "the form is a part of what is sent");
        assert_eq!(agent.as_ref().unwrap().as_str(), "codex");
        assert_eq!(build.depth, 1);
    }

    #[test]
    fn a_sample_of_a_schema_fits_it() {
        let steps = all("parallel-specialists");
        let backend = steps.iter().find(|it| it.id.as_str() == "backend").unwrap();
        let Does::Turn { prompt, .. } = &backend.does else { panic!("a turn") };
        assert!(prompt.contains("\"changed\": true") && prompt.contains("\"request\": \"‹request›\""), "{prompt}");
    }
}
