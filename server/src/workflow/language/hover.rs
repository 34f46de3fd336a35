//! What is said of a place: what a key is for, what a name stands for, the type of an expression.

use std::{fmt::Write as _, ops::Range};

use super::{
    Analysis, World,
    expression::{Named, Role},
    marks::What,
    types,
};
use crate::{outcome::ResultKind, workflow::check::steps::result_of};

/// What is said of a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// The place.
    pub at: Range<usize>,
    /// What is said, as Markdown.
    pub text: String,
}

impl Analysis {
    /// Returns what can be said of an offset.
    pub fn hover(&self, offset: usize, world: &World) -> Option<Hover> {
        if offset > self.text.len() || !self.text.is_char_boundary(offset) {
            return None;
        }
        if let Some(script) = self.script_at(offset) {
            let named = self.named(script, offset)?;
            let text = self.expression(&named)?;
            return Some(Hover { at: named.at, text });
        }
        if let Some(mark) = self.mark_at(offset) {
            let text = match mark.what {
                What::Agent | What::Tool => {
                    let agent = world.agents.iter().find(|it| it.name.as_str() == mark.name)?;
                    let mut text = format!("**{}**: {}", agent.name, agent.title);
                    if !agent.good_for.is_empty() {
                        let _ = write!(text, "\n\nGood for {}.", agent.good_for.join(", "));
                    }
                    if let Some(why) = &agent.missing {
                        let _ = write!(text, "\n\nIt can't be used here: {why}.");
                    }
                    text
                }
                What::Workflow => {
                    let (name, title) = world.workflows.iter().find(|it| it.0 == mark.name)?;
                    format!("**{name}**: {title}")
                }
                What::Channel | What::Skill => {
                    let (place, _) = self.scalar_at(offset)?;
                    place.docs().to_owned()
                }
                what => definition(self, what, &mark.name)?,
            };
            return Some(Hover { at: mark.at.clone(), text });
        }
        if let Some((place, entry)) = self.key_at(offset) {
            let inner = place.key(&entry.name)?;
            let mut text = inner.docs().to_owned();
            let words: Vec<String> = inner.words().iter().map(|it| format!("`{}`", it.name)).collect();
            if !words.is_empty() && inner.is_a_choice() {
                let _ = write!(text, "\n\nOne of {}.", words.join(", "));
            }
            if let (Some(least), Some(most), _) = inner.bounds() {
                let _ = write!(text, "\n\nFrom {least} to {most}.");
            }
            if let Some(usual) = inner.bounds().2.filter(|it| !it.is_object()) {
                let _ = write!(text, "\n\nIts default is `{usual}`.");
            }
            return Some(Hover { at: entry.key.clone(), text }).filter(|it| !it.text.is_empty());
        }
        let (place, node) = self.scalar_at(offset)?;
        let written = node.text(&self.text)?;
        let word = place.words().into_iter().find(|it| it.name == written && !it.docs.is_empty())?;
        Some(Hover { at: node.body()?, text: format!("`{written}`: {}", word.docs) })
    }

    fn expression(&self, named: &Named) -> Option<String> {
        let Named { name, role, of, .. } = named;
        match role {
            Role::Filter => Some(format!("filter `{name}`\n\n{}", filter(name))).filter(|_| !filter(name).is_empty()),
            Role::Test | Role::Keyword => None,
            Role::Variable if self.definition_of(What::Step, name).is_some() => {
                let mut text = definition(self, What::Step, name)?;
                if let Some(of) = of {
                    let _ = write!(text, "\n\n{}", fields(of));
                }
                Some(text)
            }
            Role::Field if matches!(named.root.as_str(), "inputs" | "roles") && named.depth == 2 => {
                let what = if named.root == "inputs" { What::Input } else { What::Role };
                definition(self, what, name)
            }
            Role::Variable | Role::Field | Role::Local => {
                let of = of.as_ref()?;
                let mut text = format!("`{name}`: {}", types::short(of));
                if !types::docs(of).is_empty() {
                    let _ = write!(text, "\n\n{}", types::docs(of));
                }
                Some(text)
            }
        }
    }
}

/// Returns the fields of a type as a list.
fn fields(of: &serde_json::Value) -> String {
    let all = of.get("properties").and_then(serde_json::Value::as_object);
    let lines = all.into_iter().flatten().map(|(name, it)| {
        let docs = types::docs(it);
        let words = it.get("enum").map_or_else(String::new, |_| format!(" ({})", types::short(it)));
        format!("- `{name}`{words}{}{docs}", if docs.is_empty() { "" } else { ": " })
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns what a step does in a few words.
pub fn step_in_short(analysis: &Analysis, name: &str) -> String {
    let Some(step) = analysis.step_file(name) else { return String::new() };
    let result = match result_of(step) {
        ResultKind::Text => "text".to_owned(),
        ResultKind::Json(_) => "a form of its own".to_owned(),
        other => serde_json::to_value(&other)
            .ok()
            .and_then(|it| Some(it.get("kind").unwrap_or(&it).as_str()?.to_owned()))
            .unwrap_or_default(),
    };
    match (&step.role, &step.tool) {
        (Some(role), _) => format!("{} gives {result}", role.value),
        (_, Some(tool)) => format!("@{} gives {result}", tool.value.trim_start_matches('@')),
        _ if step.pause.is_some() => "asks a person".to_owned(),
        _ if step.repeat.is_some() => "a loop".to_owned(),
        _ => String::new(),
    }
}

/// Returns what is said of a step, a role or an input.
pub fn definition(analysis: &Analysis, what: What, name: &str) -> Option<String> {
    let file = analysis.file.as_ref()?;
    let mut text = String::new();
    match what {
        What::Step => {
            let step = analysis.step_file(name)?;
            let _ = write!(text, "step **{name}**");
            if let Some(title) = &step.title {
                let _ = write!(text, ": {}", title.value);
            }
            let short = step_in_short(analysis, name);
            if !short.is_empty() {
                let _ = write!(text, "\n\n{short}");
            }
            if !step.needs.is_empty() {
                let needs: Vec<String> = step.needs.iter().map(|it| format!("`{}`", it.value)).collect();
                let _ = write!(text, "; needs {}", needs.join(", "));
            }
            if let Some(when) = &step.when {
                let _ = write!(text, "; only when `{}`", when.value.trim());
            }
        }
        What::Role => {
            let (_, role) = file.roles.iter().find(|it| it.0.value == name)?;
            let _ = write!(text, "role **{name}**");
            if let Some(docs) = &role.description {
                let _ = write!(text, ": {}", docs.value);
            }
            let names: Vec<String> =
                role.prefer.iter().map(|it| format!("@{}", it.value.trim_start_matches('@'))).collect();
            if !names.is_empty() {
                let _ = write!(text, "\n\nPreferred: {}", names.join(", "));
            }
            if let Some(good_for) = &role.good_for {
                let _ = write!(text, "\n\nElse somebody who is good for `{}`", good_for.value);
            }
            let access = role.access.as_ref().map_or("read", |it| it.value.as_str());
            let _ = write!(text, "\n\nMay {}", if access == "write" { "read and write" } else { "read" });
        }
        What::Input => {
            let (_, input) = file.inputs.iter().find(|it| it.0.value == name)?;
            let kind = input.kind.as_ref().map_or("text", |it| it.value.as_str());
            let _ = write!(text, "input **{name}** ({kind})");
            if let Some(docs) = &input.description {
                let _ = write!(text, ": {}", docs.value);
            }
            match &input.default {
                Some(default) => {
                    let _ = write!(text, "\n\nIts default is `{}`", default.value);
                }
                None => text += "\n\nIt must be given",
            }
        }
        _ => return None,
    }
    Some(text)
}

/// Returns what a filter does.
pub fn filter(name: &str) -> &'static str {
    match name {
        "abs" => "The number without its sign.",
        "bool" => "Whether the value is true.",
        "capitalize" => "The text with its first letter as a capital.",
        "count" | "length" => "How many there are.",
        "default" | "d" => "Another value where this one is not there: `x | default(\"none\")`.",
        "fenced" => {
            "The text in a fence that it can't end: for what others wrote. `x | fenced(\"json\")` names its language."
        }
        "findings_list" => "Findings as a list that agents know: id, severity, place and text of each.",
        "first" => "The first of a list.",
        "float" | "int" => "The value as a number.",
        "groupby" => "A list in groups by a field.",
        "indent" => "The text with its lines set in.",
        "items" => "A mapping as pairs of name and value.",
        "join" => "A list as one text, with what is put between: `x | join(\", \")`.",
        "json" => "The value as JSON.",
        "last" => "The last of a list.",
        "lines" => "The text as a list of lines.",
        "list" => "The value as a list.",
        "lower" => "The text in small letters.",
        "map" => "A field of each of a list: `x | map(attribute=\"path\")`.",
        "max" => "The largest of a list.",
        "min" => "The smallest of a list.",
        "quoted" => "The text as a quotation, each line behind a `>`: for what others wrote.",
        "reject" | "rejectattr" => "A list without those that pass a test.",
        "reverse" => "The list from its end.",
        "round" => "The number, rounded.",
        "select" | "selectattr" => {
            "Those of a list that pass a test: `x | selectattr(\"severity\", \"eq\", \"error\")`."
        }
        "sort" => "The list in order.",
        "string" => "The value as text.",
        "sum" => "All of a list together.",
        "trim" => "The text without blanks at its ends.",
        "truncate" => "The text, cut to so many characters: `x | truncate(2000)`.",
        "unique" => "The list with each value once.",
        "upper" => "The text in capitals.",
        _ => "",
    }
}
