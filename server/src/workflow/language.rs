//! Workflow files, and Callboard's other files, as a language that editors are helped to write.
//!
//! Pure: a text, what is around it, and an offset go in; what can be said, offered or changed there comes out, in bytes of the text.
//! All of it works while the file is broken. Knows nothing of editors: `lsp/language` turns it into their terms.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use crate::{
    agent::AgentInfo,
    workflow::{
        self,
        check::{
            self,
            reads::{self, From},
            template,
        },
        file::{File, StepFile},
        parse,
        problem::Problem,
    },
};

pub mod complete;
pub mod expression;
pub mod faults;
pub mod grammar;
pub mod hover;
pub mod lens;
pub mod marks;
pub mod navigate;
pub mod outline;
pub mod rename;
pub mod repair;
pub mod spot;
pub mod symbols;
pub mod types;

#[cfg(test)]
pub(crate) mod tests;

use self::{
    grammar::Grammar,
    marks::{Mark, Script, Spots, StepSpot, What},
    outline::Node,
};

/// A file that is longer is told so, and nothing else is said of it.
pub const MOST_BYTES: usize = parse::MOST_BYTES;

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A workflow.
    Workflow,
    /// Another file of Callboard's, such as the settings.
    Other(&'static Form),
}

/// A form of file that is known by its schema and by whoever reads it.
#[derive(Debug)]
pub struct Form {
    name: &'static str,
    schema: fn() -> serde_json::Value,
    strict: fn(&str) -> Option<Mistake>,
    grammar: OnceLock<Grammar>,
}

/// What a strict reader says of a file: its first mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// From 1; 0 where it is not known.
    pub line: u64,
    /// From 1, in characters; 0 where it is not known.
    pub column: u64,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl Form {
    /// Makes a form from what its files are read into.
    pub const fn new(
        name: &'static str,
        schema: fn() -> serde_json::Value,
        strict: fn(&str) -> Option<Mistake>,
    ) -> Self {
        Self { name, schema, strict, grammar: OnceLock::new() }
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Form {}

/// What is around a file: names that it may use and can't define.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The agents, by name.
    pub agents: Vec<AgentInfo>,
    /// The workflows: name and title.
    pub workflows: Vec<(String, String)>,
    /// The channels.
    pub channels: Vec<String>,
}

/// A file as far as it can be understood.
#[derive(Debug)]
pub struct Analysis {
    /// What kind it is.
    pub kind: Kind,
    /// Its name without the ending.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
    root: Node,
    spots: Spots,
    file: Option<File>,
    problems: Vec<Problem>,
    /// Whether it is a workflow that can be run.
    pub runnable: Option<Arc<workflow::plan::Plan>>,
}

impl Kind {
    /// Returns what may stand where in such a file.
    pub fn grammar(self) -> &'static Grammar {
        static WORKFLOWS: OnceLock<Grammar> = OnceLock::new();
        match self {
            Self::Workflow => WORKFLOWS.get_or_init(|| Grammar::new(workflow::schema())),
            Self::Other(form) => form.grammar.get_or_init(|| Grammar::new((form.schema)())),
        }
    }
}

impl Analysis {
    /// Reads a file.
    pub fn new(kind: Kind, name: &str, text: Arc<str>) -> Self {
        let fits = text.len() <= MOST_BYTES;
        let root = outline::read(if fits { &text } else { "" });
        let spots = marks::find(&root, kind.grammar(), &text);
        let (mut file, mut runnable, mut problems) = (None, None, Vec::new());
        match kind {
            Kind::Workflow => {
                let loaded = workflow::load(name, &text);
                (file, problems) = (loaded.file, loaded.problems);
                runnable = loaded.plan.map(Arc::new);
                // YAML that can't be read has no reliable rest, but lines that can be read are worth a word.
                if file.is_none() && fits && !root.entries().is_empty() {
                    let (found, more) = parse::parse_tree(root.strict(&text), &text);
                    problems.extend(more);
                    if let Some(found) = &found {
                        problems.extend(check::check(name, found, &text, &|_| Err(String::new()), &[]).1);
                    }
                    file = found;
                    problems.sort_by_key(|it| (it.place.start, it.place.end));
                    problems.dedup();
                    problems.truncate(workflow::problem::MOST);
                }
                // Only the library knows which workflows there are beside those that are built in; the check before a run asks it.
                problems.retain(|it| it.code != "unknown-workflow");
            }
            Kind::Other(form) if fits => problems = faults::find(form, kind.grammar(), &root, &text),
            Kind::Other(_) => {}
        }
        Self { kind, name: name.to_owned(), text, root, spots, file, problems, runnable }
    }

    /// Returns what is wrong with it, in the order of the text.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Returns the steps, in the order of the text.
    fn steps(&self) -> &[StepSpot] {
        &self.spots.steps
    }

    fn marks(&self) -> &[Mark] {
        &self.spots.marks
    }

    /// Returns the template or the expression that an offset is in.
    fn script_at(&self, offset: usize) -> Option<&Script> {
        let blanks = |end: usize| self.text.get(end..offset).is_some_and(|it| it.chars().all(|it| it == ' '));
        self.spots.scripts.iter().find(|it| it.at.start <= offset && (offset <= it.at.end || blanks(it.at.end)))
    }

    /// Returns the mark that an offset is in.
    fn mark_at(&self, offset: usize) -> Option<&Mark> {
        self.marks().iter().find(|it| it.at.start <= offset && offset <= it.at.end)
    }

    fn definition_of(&self, what: What, name: &str) -> Option<&Mark> {
        self.marks().iter().find(|it| it.defines && it.what == what && it.name == name)
    }

    /// Returns a step as the checks have it.
    fn step_file(&self, name: &str) -> Option<&StepFile> {
        fn find<'a>(steps: &'a [StepFile], name: &str) -> Option<&'a StepFile> {
            steps.iter().find_map(|it| if it.name() == name { Some(it) } else { find(it.inner(), name) })
        }
        find(&self.file.as_ref()?.steps, name)
    }

    /// Returns the steps whose results can be read in a script.
    fn in_sight(&self, script: &Script) -> Vec<String> {
        let found = || {
            let table = check::table(self.file.as_ref()?, &self.text)?;
            let row = *table.by_id.get(self.steps().get(script.step?)?.name.as_str())?;
            let from = if script.after { From::Until } else { From::Step };
            Some(reads::in_sight(&table, row, from).into_iter().map(str::to_owned).collect())
        };
        found().unwrap_or_default()
    }

    /// Returns what a script reads, in bytes of the text, and whether all of it could be read.
    fn reads(script: &Script) -> (Vec<template::Read>, bool) {
        let scan = if script.alone { template::expression(&script.source) } else { template::template(&script.source) };
        let whole = !scan.faults.iter().any(|it| matches!(it.code, "syntax" | "too-large"));
        let shifted = |it: Range<usize>| it.start + script.at.start..it.end + script.at.start;
        let moved = scan.reads.into_iter().map(|it| template::Read {
            at: shifted(it.at),
            attribute: it.attribute.map(|(name, at)| (name, shifted(at))),
            name: it.name,
        });
        (moved.collect(), whole)
    }

    /// Returns the line of an offset, from 1.
    fn line(&self, offset: usize) -> usize {
        self.text[..offset.min(self.text.len())].matches('\n').count() + 1
    }
}
