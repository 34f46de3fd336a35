//! What can be written at a place.

use std::{fmt::Write as _, ops::Range};

use serde_json::Value;

use super::{
    Analysis, World,
    expression::{Expected, KEYWORDS},
    grammar::Place,
    hover,
    marks::{Script, What},
    spot::Spot,
    types,
};
use crate::{
    agent::DriverKind,
    workflow::prompt::{ALWAYS, FILTERS, MORE_FILTERS, TESTS},
};

/// How many items are offered.
const MOST: usize = 400;

/// What an item is, for its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A key.
    Key,
    /// A word that a value may be.
    Word,
    /// A name that the file or the world around it has.
    Name,
    /// A variable.
    Variable,
    /// A field of a value.
    Field,
    /// A filter or a test.
    Function,
    /// A word of expressions.
    Keyword,
}

/// Something that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// How it is listed.
    pub label: String,
    /// What it is.
    pub sort: Sort,
    /// A few words beside it.
    pub detail: String,
    /// What it is for.
    pub docs: String,
    /// Bytes that it replaces.
    pub at: Range<usize>,
    /// What takes their place.
    pub insert: String,
    /// What it goes by in the list's order: smaller is higher.
    pub rank: u8,
}

impl Analysis {
    /// Returns what can be written at an offset.
    pub fn complete(&self, offset: usize, world: &World) -> Vec<Item> {
        if offset > self.text.len() || !self.text.is_char_boundary(offset) {
            return Vec::new();
        }
        let mut list = List { items: Vec::new(), at: offset..offset };
        if let Some(script) = self.script_at(offset) {
            self.in_script(&mut list, script, offset);
            // An expression may be nothing but a word of a choice, and a template's plain text is free.
            return list.items;
        }
        match self.spot(offset) {
            Some(Spot::Key { place, present, at, has_colon, column }) => {
                list.at = at;
                keys(&mut list, &place, &present, has_colon, column);
            }
            Some(Spot::Value { place, at, beside, column }) => {
                list.at = at;
                if place.stands_for() == Some("expression") {
                    let step = self.steps().iter().rposition(|it| it.at.start <= offset && offset <= it.at.end + 1);
                    let at = offset..offset;
                    let script = Script { at, source: String::new(), alone: true, step, after: false };
                    self.in_script(&mut list, &script, offset);
                    return list.items;
                }
                if column.is_some() && place.takes_map() {
                    keys(&mut list, &place, &[], false, column);
                }
                self.values(&mut list, &place, &beside, world);
                if column.is_some() && place.takes_list() && !place.takes_map() && list.items.is_empty() {
                    list.push("-", Sort::Keyword, "an item", "", "- ", 5);
                }
            }
            None => {}
        }
        list.items.truncate(MOST);
        list.items
    }

    fn values(&self, list: &mut List, place: &Place<'_>, beside: &[Range<usize>], world: &World) {
        for word in place.words() {
            list.push(&word.name, Sort::Word, "", &word.docs, &word.name, 4);
        }
        let taken: Vec<&str> = beside.iter().filter_map(|it| self.text.get(it.clone())).map(str::trim).collect();
        let Some(what) = place.stands_for().filter(|it| *it != "step-name").and_then(What::of) else { return };
        match what {
            What::Step => {
                let own =
                    self.steps().iter().rposition(|it| it.at.start <= list.at.start && list.at.start <= it.at.end + 1);
                let parent = own.and_then(|it| self.steps()[it].parent);
                for (index, step) in self.steps().iter().enumerate() {
                    let above = own.is_none_or(|own| index < own) && Some(index) != parent;
                    if step.name.is_empty() || taken.contains(&step.name.as_str()) || !above {
                        continue;
                    }
                    let near = step.parent == parent;
                    // A step of another list can be shown, and never needed.
                    if near || place.docs().contains("result") {
                        let detail = hover::step_in_short(self, &step.name);
                        list.push(&step.name, Sort::Name, &detail, "", &step.name, if near { 1 } else { 3 });
                    }
                }
            }
            What::Role | What::Input => {
                for mark in self.marks().iter().filter(|it| it.defines && it.what == what) {
                    let docs = hover::definition(self, what, &mark.name).unwrap_or_default();
                    list.push(&mark.name, Sort::Name, what.words(), &docs, &mark.name, 1);
                }
            }
            What::Agent | What::Tool => {
                for agent in &world.agents {
                    let name = agent.name.as_str();
                    let is_tool = agent.driver == DriverKind::Tool;
                    if taken.iter().any(|it| it.trim_start_matches('@') == name) || (what == What::Tool && !is_tool) {
                        continue;
                    }
                    let missing = agent.missing.as_deref().unwrap_or_default();
                    let detail =
                        if missing.is_empty() { agent.title.clone() } else { format!("{} (not here)", agent.title) };
                    list.push(name, Sort::Name, &detail, missing, name, if missing.is_empty() { 1 } else { 3 });
                }
            }
            What::Channel => {
                for name in &world.channels {
                    list.push(name, Sort::Name, "a channel", "", name, 1);
                }
            }
            What::Workflow => {
                for (name, title) in world.workflows.iter().filter(|it| it.0 != self.name) {
                    list.push(name, Sort::Name, title, "", name, 1);
                }
            }
            What::Skill => {
                let mut skills: Vec<&str> =
                    world.agents.iter().flat_map(|it| &it.good_for).map(String::as_str).collect();
                skills.sort_unstable();
                skills.dedup();
                for skill in skills {
                    let with = |it: &&crate::agent::AgentInfo| it.good_for.iter().any(|it| it == skill);
                    let who: Vec<String> = world.agents.iter().filter(with).map(|it| it.name.to_string()).collect();
                    list.push(skill, Sort::Word, &who.join(", "), "", skill, 1);
                }
            }
        }
    }

    fn in_script(&self, list: &mut List, script: &Script, offset: usize) {
        let Some(cursor) = self.cursor(script, offset) else { return };
        list.at = cursor.at.clone();
        match cursor.expected {
            Expected::Variable => {
                for (name, of) in &cursor.locals {
                    let of = of.as_ref();
                    let (detail, docs) = (of.map(types::short).unwrap_or_default(), of.map_or("", types::docs));
                    list.push(name, Sort::Variable, &detail, docs, name, 0);
                }
                for name in self.in_sight(script) {
                    let of = self.variable(&name);
                    let detail = of.as_ref().map(types::short).unwrap_or_default();
                    let docs = hover::definition(self, What::Step, &name).unwrap_or_default();
                    list.push(&name, Sort::Variable, &detail, &docs, &name, 1);
                }
                for (name, docs) in ALWAYS {
                    list.push(name, Sort::Variable, "", docs, name, 2);
                }
                for word in ["not", "true", "false", "none"] {
                    list.push(word, Sort::Keyword, "", "", word, 6);
                }
            }
            Expected::Field(of) => {
                for (name, of) in of.get("properties").and_then(Value::as_object).into_iter().flatten() {
                    list.push(name, Sort::Field, &types::short(of), types::docs(of), name, 1);
                }
            }
            Expected::Filter => {
                for name in FILTERS.iter().chain(&MORE_FILTERS) {
                    let docs = hover::filter(name);
                    // Those of Callboard first: they are why most prompts have a filter at all.
                    let own = matches!(*name, "fenced" | "findings_list" | "quoted" | "json");
                    list.push(name, Sort::Function, "filter", docs, name, if own { 1 } else { 3 });
                }
            }
            Expected::Test => {
                for name in TESTS {
                    list.push(name, Sort::Function, "test", "", name, 2);
                }
                list.push("not", Sort::Keyword, "", "", "not", 3);
            }
            Expected::Operator => {
                for word in ["and", "or", "in", "is", "not in", "if", "else"] {
                    list.push(word, Sort::Keyword, "", "", word, 2);
                }
            }
            Expected::Tag => {
                for word in KEYWORDS.iter().filter(|it| it.ends_with("if") || it.ends_with("for") || **it == "else") {
                    list.push(word, Sort::Keyword, "tag", "", word, 2);
                }
            }
            Expected::Text(of) => {
                for word in of.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
                    list.push(word, Sort::Word, "", "", word, 1);
                }
            }
        }
    }
}

fn keys(list: &mut List, place: &Place<'_>, present: &[&str], has_colon: bool, column: Option<usize>) {
    for key in place.keys() {
        if present.contains(&key.name) {
            continue;
        }
        let Some(inner) = place.key(key.name) else { continue };
        let mut insert = key.name.to_owned();
        if !has_colon {
            insert.push(':');
            match column {
                Some(column) if inner.stands_for() == Some("template") => {
                    let _ = write!(insert, " |\n{}", " ".repeat(column + 2));
                }
                Some(column) if inner.takes_map() && inner.stands_for().is_none() && inner.words().is_empty() => {
                    let _ = write!(insert, "\n{}", " ".repeat(column + 2));
                }
                _ => insert.push(' '),
            }
        }
        let detail = if key.required { "needed".to_owned() } else { inner.kinds().join(" or ") };
        list.push(key.name, Sort::Key, &detail, key.docs, &insert, if key.required { 0 } else { 2 });
    }
}

struct List {
    items: Vec<Item>,
    at: Range<usize>,
}

impl List {
    fn push(&mut self, label: &str, sort: Sort, detail: &str, docs: &str, insert: &str, rank: u8) {
        if self.items.iter().any(|it| it.label == label) {
            return;
        }
        self.items.push(Item {
            label: label.to_owned(),
            sort,
            detail: detail.to_owned(),
            docs: docs.to_owned(),
            at: self.at.clone(),
            insert: insert.to_owned(),
            rank,
        });
    }
}
