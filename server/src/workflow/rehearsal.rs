//! A rehearsal: a plan in its order, with every prompt as it would be written in the first round. Nothing is started.
//!
//! Pure. What a step would read of one that is over is stood for by a sample of its form, in angle brackets, so that nobody takes
//! it for what an agent said.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    plan::{Action, Plan, Step, TurnAction, Who},
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
}

/// Goes through a plan in its order. `inputs` are taken as they are; `cast` is who plays.
pub fn rehearse(
    plan: &Plan,
    inputs: &BTreeMap<String, Value>,
    cast: &BTreeMap<RoleId, AgentName>,
    agents: &[&AgentInfo],
) -> Vec<Rehearsed> {
    let mut values = Map::new();
    for step in plan.all_steps() {
        values.insert(step.id.as_str().to_owned(), Value::Null);
    }
    values.insert("inputs".to_owned(), json!(inputs));
    values.insert("round".to_owned(), json!(1));
    values.insert("run".to_owned(), json!({ "id": "r1", "workflow": plan.name }));
    values.insert("roles".to_owned(), json!(cast));
    let mut rehearsal = Rehearsal { plan, cast, agents, context: Context::new(values), steps: Vec::new() };
    rehearsal.list(&plan.steps, 0);
    rehearsal.steps
}

struct Rehearsal<'a> {
    plan: &'a Plan,
    cast: &'a BTreeMap<RoleId, AgentName>,
    agents: &'a [&'a AgentInfo],
    context: Context,
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
        };
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

    fn settle(&mut self, step: &StepId, value: Value) {
        self.context.0.insert(step.as_str().to_owned(), value);
    }

    fn turn(&self, turn: &TurnAction) -> Does {
        let (role, agent) = match &turn.who {
            Who::Role(role) => (Some(role.clone()), self.cast.get(role).cloned()),
            Who::Agent(agent) => (None, Some(agent.clone())),
        };
        let (mut text, fault) = match prompt::render(&turn.prompt, &self.context) {
            Ok(text) => (text, None),
            Err(why) => (String::new(), Some(why.to_string())),
        };
        let info = agent.as_ref().and_then(|name| self.agents.iter().find(|it| it.name == *name));
        if info.is_none_or(|it| it.driver != DriverKind::Tool)
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
        let cast = plan.roles.iter().map(|it| (it.id.clone(), it.prefer[0].clone())).collect();
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
