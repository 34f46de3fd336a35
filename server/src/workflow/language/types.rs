//! What a value in a prompt has: the shapes of results, inputs and all else that templates and expressions see.
//!
//! A type is a JSON Schema, so that the form that a workflow gives its own results by is one as it stands.

use serde_json::{Map, Value, json};

use super::Analysis;
use crate::{
    outcome::ResultKind,
    workflow::{check::steps::result_of, file::StepFile, prompt::ALWAYS},
};

/// Returns the type of a result.
pub fn of_result(kind: &ResultKind) -> Value {
    let text = |docs: &str| json!({ "type": "string", "description": docs });
    let number = |docs: &str| json!({ "type": "integer", "description": docs });
    let list = |docs: &str, of: Value| json!({ "type": "array", "description": docs, "items": of });
    let object = |docs: &str, fields: Value| json!({ "type": "object", "description": docs, "properties": fields });
    let declined = object(
        "A finding that was declined.",
        json!({
            "finding": text("The finding's id."),
            "reason": text("Why it was declined."),
        }),
    );
    match kind {
        ResultKind::Text => object("An answer.", json!({ "text": text("What the agent said.") })),
        ResultKind::Review => object(
            "A review.",
            json!({
                "verdict": {
                    "type": "string",
                    "enum": ["approved", "changes_requested"],
                    "description": "Whether anything material is open.",
                },
                "summary": text("What the reviewer says in a sentence or two."),
                "findings": list("The findings still to act on.", finding()),
                "contested": list("Findings that were declined and reported again; no fixer gets them.", finding()),
                "all": list("Every finding of the step.", finding()),
                "declined": list("What a fixer declined, with its reasons.", declined),
            }),
        ),
        ResultKind::Change => object(
            "A change.",
            json!({
                "summary": text("What was changed, in a sentence or two."),
                "files": list("The files that were changed.", text("A path from the root.")),
                "fixed": list("The ids of the findings that were fixed.", text("A finding's id.")),
                "declined": list("What was declined, with reasons.", declined),
            }),
        ),
        ResultKind::Tests => object(
            "A run of the tests.",
            json!({
                "verdict": {
                    "type": "string",
                    "enum": ["passed", "failed", "none"],
                    "description": "Whether the tests pass; `none` where there are none.",
                },
                "summary": text("What came of it, in a sentence."),
                "passed": number("How many passed."),
                "failed": number("How many failed."),
                "failures": list("The tests that failed.", object("A test that failed.", json!({
                    "name": text("The test's name."),
                    "path": text("Its file."),
                    "line": number("Its line, from 1."),
                    "message": text("What it said."),
                }))),
            }),
        ),
        ResultKind::Plan => object(
            "A plan.",
            json!({
                "summary": text("The plan in a sentence or two."),
                "steps": list("What is to be done, in order.", text("A step of the plan.")),
            }),
        ),
        ResultKind::Json(schema) => object("A result of the workflow's own form.", json!({ "value": schema })),
    }
}

fn finding() -> Value {
    let text = |docs: &str| json!({ "type": "string", "description": docs });
    json!({ "type": "object", "description": "A remark on the code.", "properties": {
        "id": text("Its id, such as f3; it keeps it across rounds."),
        "severity": {
            "type": "string", "enum": ["error", "warning", "info", "hint"], "description": "How bad it is.",
        },
        "path": text("The file."),
        "line": { "type": "integer", "description": "The line, from 1." },
        "column": { "type": "integer", "description": "The column, from 1." },
        "code": text("The rule that it breaks."),
        "text": text("What is wrong and why it matters."),
        "suggestion": text("What to do."),
        "excerpt": text("The line of code that it speaks of."),
        "sources": { "type": "array", "items": text("An agent."), "description": "The agents that reported it." },
        "declined": text("Why a fixer declined it."),
        "state": text("open, fixed, dismissed, accepted or stale."),
    } })
}

/// Returns a field of a type.
pub fn field(of: &Value, name: &str) -> Option<Value> {
    let own = of.get("properties").and_then(|it| it.get(name)).cloned();
    own.or_else(|| of.get("additionalProperties").filter(|it| it.is_object()).cloned())
}

/// Returns what a list is of.
pub fn item(of: &Value) -> Option<Value> {
    of.get("items").filter(|it| it.is_object()).cloned()
}

/// Returns a type in a word or two.
pub fn short(of: &Value) -> String {
    if let Some(words) = of.get("enum").and_then(Value::as_array) {
        return words.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    }
    let kind = match of.get("type") {
        Some(Value::String(it)) => it.as_str(),
        _ => "",
    };
    match kind {
        "string" => "text".to_owned(),
        "integer" => "whole number".to_owned(),
        "boolean" => "flag".to_owned(),
        "array" => item(of).map_or("list".to_owned(), |it| format!("list of {}", short(&it))),
        "object" => {
            let names: Vec<&str> = of
                .get("properties")
                .and_then(Value::as_object)
                .map_or_else(Vec::new, |it| it.keys().map(String::as_str).collect());
            if names.is_empty() { "mapping".to_owned() } else { format!("{{{}}}", names.join(", ")) }
        }
        other => other.to_owned(),
    }
}

/// Returns what is said of a type.
pub fn docs(of: &Value) -> &str {
    of.get("description").and_then(Value::as_str).unwrap_or_default()
}

/// How deep steps stand in each other.
const MOST_DEPTH: usize = 20;

impl Analysis {
    /// Returns the type of a variable that every template sees, or of a step's result.
    pub(super) fn variable(&self, name: &str) -> Option<Value> {
        let file = self.file.as_ref()?;
        let docs = ALWAYS.iter().find(|it| it.0 == name).map(|it| it.1);
        let fields = |all: Map<String, Value>| json!({ "type": "object", "description": docs, "properties": all });
        match name {
            "inputs" => {
                let each = file.inputs.iter().map(|(name, input)| {
                    let kind = match input.kind.as_ref().map(|it| it.value.as_str()) {
                        Some("number") => "integer",
                        Some("flag") => "boolean",
                        Some("list") => "array",
                        _ => "string",
                    };
                    let docs = input.description.as_ref().map_or("", |it| it.value.as_str());
                    (name.value.clone(), json!({ "type": kind, "description": docs }))
                });
                Some(fields(each.collect()))
            }
            "roles" => {
                let each = file.roles.iter().map(|(name, role)| {
                    let docs = role.description.as_ref().map_or("", |it| it.value.as_str());
                    (name.value.clone(), json!({ "type": "string", "description": docs }))
                });
                Some(fields(each.collect()))
            }
            "run" => Some(json!({ "type": "object", "description": docs, "properties": {
                "id": { "type": "string", "description": "The run's id, such as r3." },
                "workflow": { "type": "string", "description": "The workflow's name." },
                "changed": {
                    "type": "array", "description": "The files that its agents changed so far.", "items": { "type": "string" },
                },
            } })),
            "round" => Some(json!({ "type": "integer", "description": docs })),
            "loop" => Some(json!({ "type": "object", "description": "The lap of this `for`.", "properties": {
                "index": { "type": "integer", "description": "The lap, from 1." },
                "index0": { "type": "integer", "description": "The lap, from 0." },
                "first": { "type": "boolean", "description": "Whether it is the first lap." },
                "last": { "type": "boolean", "description": "Whether it is the last lap." },
                "length": { "type": "integer", "description": "How many laps there are." },
            } })),
            step => {
                let step = self.step_file(step)?;
                let of = self.result_type(step, MOST_DEPTH)?;
                if !self.gives_a_list(step) {
                    return Some(of);
                }
                Some(json!({ "type": "array", "description": "One result for each.", "items": of }))
            }
        }
    }

    /// Returns whether a step's result is a list of results: it is done for each of a list, or by several agents that do not agree
    /// on one review.
    fn gives_a_list(&self, step: &StepFile) -> bool {
        let roles = self.file.as_ref().map_or(&[][..], |it| &it.roles);
        let role = step.role.as_ref().and_then(|name| roles.iter().find(|it| it.0.value == name.value));
        let several = role.is_some_and(|it| it.1.agents.is_some()) && result_of(step) != ResultKind::Review;
        step.for_each.is_some() || several
    }

    /// Returns the type of a step's result; `None` where it has none.
    fn result_type(&self, step: &StepFile, left: usize) -> Option<Value> {
        // Another workflow's result is its own file's to say.
        if step.repeat.is_some() || step.workflow.is_some() || left == 0 {
            return None;
        }
        if step.steps.is_some() {
            return self.result_type(step.inner().last()?, left - 1);
        }
        let Some(pause) = &step.pause else { return Some(of_result(&result_of(step))) };
        let shown = pause.show.as_ref().and_then(|it| self.step_file(&it.value));
        let mut of = shown
            .filter(|it| it.pause.is_none() && it.repeat.is_none())
            .map_or_else(|| json!({ "type": "object", "properties": {} }), |it| of_result(&result_of(it)));
        of["description"] = "What a person answered, and what was shown to them as they left it.".into();
        of["properties"]["decision"] =
            json!({ "type": "string", "description": "What was decided, such as `approve`." });
        of["properties"]["note"] = json!({ "type": "string", "description": "The words of \"request changes\"." });
        Some(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::check::reads::attributes;

    #[test]
    fn the_types_have_what_the_check_lets_be_read() {
        let own = ResultKind::Json(json!({ "type": "object" }));
        for kind in [ResultKind::Text, ResultKind::Review, ResultKind::Change, ResultKind::Tests, ResultKind::Plan, own]
        {
            let mut here: Vec<String> =
                of_result(&kind)["properties"].as_object().expect("fields").keys().cloned().collect();
            let mut there = attributes(&kind).to_vec();
            here.sort_unstable();
            there.sort_unstable();
            assert_eq!(here, there, "{kind:?}");
        }
    }
}
