//! The names of a file: where each is defined and where it is used, and which texts are templates or expressions.
//!
//! Found by walking the tree and the grammar side by side, so what a name stands for is said once, in the schema.

use std::ops::Range;

use super::{
    grammar::{Grammar, Place},
    outline::{Entry, Node, Style, Value},
};

/// How deep the walk goes; the tree is no deeper.
const MOST_DEPTH: usize = 48;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// A step.
    Step,
    /// A role.
    Role,
    /// An input.
    Input,
    /// An agent.
    Agent,
    /// A tool agent.
    Tool,
    /// A channel.
    Channel,
    /// A workflow.
    Workflow,
    /// What an agent is good for.
    Skill,
}

impl What {
    /// Returns what the schema means by a word.
    pub fn of(word: &str) -> Option<Self> {
        Some(match word {
            "step" | "step-name" => Self::Step,
            "role" => Self::Role,
            "input" => Self::Input,
            "agent" => Self::Agent,
            "tool" => Self::Tool,
            "channel" => Self::Channel,
            "workflow" => Self::Workflow,
            "skill" => Self::Skill,
            _ => return None,
        })
    }

    /// Returns it with its article, for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Step => "a step",
            Self::Role => "a role",
            Self::Input => "an input",
            Self::Agent => "an agent",
            Self::Tool => "a tool agent",
            Self::Channel => "a channel",
            Self::Workflow => "a workflow",
            Self::Skill => "what an agent is good for",
        }
    }
}

/// A name in the file.
#[derive(Debug, Clone)]
pub struct Mark {
    /// What it stands for.
    pub what: What,
    /// The name.
    pub name: String,
    /// Where, without quotes.
    pub at: Range<usize>,
    /// Whether it is defined here.
    pub defines: bool,
    /// All that belongs to what is defined.
    pub whole: Range<usize>,
}

/// A template or an expression.
#[derive(Debug, Clone)]
pub struct Script {
    /// Where, without quotes.
    pub at: Range<usize>,
    /// Its text, byte for byte as long as it is in the file: what stands for a quote there is one here.
    pub source: String,
    /// Whether it is an expression alone.
    pub alone: bool,
    /// The step that it belongs to.
    pub step: Option<usize>,
    /// Whether it is looked at when the steps inside are over.
    pub after: bool,
}

/// A step.
#[derive(Debug, Clone)]
pub struct StepSpot {
    /// Its id; empty where it has none yet.
    pub name: String,
    /// Its id's place.
    pub id: Range<usize>,
    /// All that belongs to it.
    pub at: Range<usize>,
    /// The step that it stands in.
    pub parent: Option<usize>,
    /// The steps that it names as needed.
    pub fields: Vec<(String, Range<usize>)>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Spots {
    /// Names.
    pub marks: Vec<Mark>,
    /// Templates and expressions.
    pub scripts: Vec<Script>,
    /// Steps, parents before their children.
    pub steps: Vec<StepSpot>,
}

/// Walks a file.
pub fn find(root: &Node, grammar: &'static Grammar, text: &str) -> Spots {
    let mut walk = Walk { text, spots: Spots::default() };
    walk.node(root, &grammar.root(), None, MOST_DEPTH);
    walk.spots
}

struct Walk<'a> {
    text: &'a str,
    spots: Spots,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, place: &Place<'_>, step: Option<usize>, left: usize) {
        if left == 0 {
            return;
        }
        match &node.value {
            Value::Nothing => {}
            Value::Scalar(style, body) => self.scalar(*style, body, node, place, step, false),
            Value::List(_, items) => {
                let Some(item) = place.item() else { return };
                for it in items {
                    self.node(it, &item, step, left - 1);
                }
            }
            Value::Map(_, entries) => {
                let step = self.step(node, entries, place).or(step);
                let outer = self.spots.steps.len();
                for entry in entries {
                    self.entry(entry, place, step, left);
                }
                for inner in &mut self.spots.steps[outer..] {
                    inner.parent = inner.parent.or(step);
                }
            }
        }
    }

    fn entry(&mut self, entry: &Entry, place: &Place<'_>, step: Option<usize>, left: usize) {
        if let Some(what) = place.keys_name().and_then(What::of).filter(|_| entry.colon.is_some()) {
            let (name, at) = (entry.name.clone(), entry.key.clone());
            self.spots.marks.push(Mark { what, name, at, defines: true, whole: entry.at() });
        }
        let Some(inner) = place.key(&entry.name) else { return };
        if let Value::Scalar(style, body) = &entry.node.value {
            self.scalar(*style, body, &entry.node, &inner, step, entry.name == "until");
        } else {
            self.node(&entry.node, &inner, step, left - 1);
        }
    }

    /// Takes a mapping as a step, where its place has a step's name.
    fn step(&mut self, node: &Node, entries: &[Entry], place: &Place<'_>) -> Option<usize> {
        let id = place
            .keys()
            .into_iter()
            .find(|it| place.key(it.name).is_some_and(|it| it.stands_for() == Some("step-name")))?;
        let named = entries.iter().find(|it| it.name == id.name);
        let at = named.and_then(|it| it.node.body()).unwrap_or(node.at.start..node.at.start);
        self.spots.steps.push(StepSpot {
            name: self.text.get(at.clone()).unwrap_or_default().trim().to_owned(),
            id: at,
            at: node.at.clone(),
            parent: None,
            fields: entries.iter().map(|it| (it.name.clone(), it.key.clone())).collect(),
        });
        Some(self.spots.steps.len() - 1)
    }

    fn scalar(
        &mut self,
        style: Style,
        body: &Range<usize>,
        node: &Node,
        place: &Place<'_>,
        step: Option<usize>,
        after: bool,
    ) {
        let Some(word) = place.stands_for() else { return };
        let raw = self.text.get(body.clone()).unwrap_or_default();
        if matches!(word, "template" | "expression") {
            let (at, source) = (body.clone(), masked(style, raw));
            self.spots.scripts.push(Script { at, source, alone: word == "expression", step, after });
            return;
        }
        let (Some(what), false) = (What::of(word), raw.trim().is_empty() || raw.contains('\n')) else { return };
        let trimmed = raw.trim();
        let start = body.start + raw.len() - raw.trim_start().len();
        let sign = usize::from(matches!(what, What::Agent | What::Tool) && trimmed.starts_with('@'));
        let at = start + sign..start + trimmed.len();
        let defines = word == "step-name";
        let whole = step.filter(|_| defines).map_or(node.at.clone(), |it| self.spots.steps[it].at.clone());
        self.spots.marks.push(Mark { what, name: trimmed[sign..].to_owned(), at, defines, whole });
    }
}

/// Returns a quoted text with its escapes as blanks and what they stand for, of the same length.
fn masked(style: Style, raw: &str) -> String {
    match style {
        Style::Plain | Style::Literal | Style::Folded => raw.to_owned(),
        Style::Single => {
            let mut opens = true;
            let mut text = String::with_capacity(raw.len());
            for (index, part) in raw.split("''").enumerate() {
                if index > 0 {
                    text.push_str(if opens { " '" } else { "' " });
                    opens = !opens;
                }
                text.push_str(part);
            }
            text
        }
        Style::Double => {
            let mut text = String::with_capacity(raw.len());
            let mut all = raw.chars();
            while let Some(it) = all.next() {
                if it != '\\' {
                    text.push(it);
                    continue;
                }
                text.push(' ');
                match all.next() {
                    Some(mark @ ('"' | '\'' | '/')) => text.push(mark),
                    Some(other) => text.extend(std::iter::repeat_n(' ', other.len_utf8())),
                    None => {}
                }
            }
            text
        }
    }
}
