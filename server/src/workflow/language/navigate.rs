//! From a name to where it is defined, and to every place that uses it, prompts included.

use std::ops::Range;

use super::{Analysis, expression::Role, marks::What};

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a place in this file.
    Here(Range<usize>),
    /// To the profile of an agent.
    Agent(String),
    /// To another workflow.
    Workflow(String),
}

/// A place that a name stands at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// Where.
    pub at: Range<usize>,
    /// Whether it is defined there.
    pub defines: bool,
}

/// A name under the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Under {
    /// What it stands for.
    pub what: What,
    /// The name.
    pub name: String,
    /// Where.
    pub at: Range<usize>,
}

impl Analysis {
    /// Returns the name at an offset.
    pub fn under(&self, offset: usize) -> Option<Under> {
        if offset > self.text.len() || !self.text.is_char_boundary(offset) {
            return None;
        }
        if let Some(script) = self.script_at(offset) {
            let named = self.named(script, offset)?;
            let what = match (named.role, named.root.as_str(), named.depth) {
                (Role::Variable, ..) if self.definition_of(What::Step, &named.name).is_some() => What::Step,
                (Role::Field, "inputs", 2) => What::Input,
                (Role::Field, "roles", 2) => What::Role,
                _ => return None,
            };
            return Some(Under { what, name: named.name, at: named.at });
        }
        let mark = self.mark_at(offset)?;
        Some(Under { what: mark.what, name: mark.name.clone(), at: mark.at.clone() })
    }

    /// Returns where the name at an offset is defined.
    pub fn definition(&self, offset: usize) -> Option<Target> {
        let under = self.under(offset)?;
        match under.what {
            What::Step | What::Role | What::Input => {
                self.definition_of(under.what, &under.name).map(|it| Target::Here(it.at.clone()))
            }
            What::Agent | What::Tool => Some(Target::Agent(under.name)),
            What::Workflow => Some(Target::Workflow(under.name)),
            What::Channel | What::Skill => None,
        }
    }

    /// Returns every place that the name at an offset stands at, in the order of the text.
    pub fn references(&self, offset: usize) -> Vec<Occurrence> {
        self.under(offset).map_or_else(Vec::new, |it| self.occurrences(it.what, &it.name).0)
    }

    /// Returns every place of a name, and whether all templates and expressions could be read for it.
    pub(super) fn occurrences(&self, what: What, name: &str) -> (Vec<Occurrence>, bool) {
        let alike = |it: What| {
            it == what || (matches!(it, What::Agent | What::Tool) && matches!(what, What::Agent | What::Tool))
        };
        let mut found: Vec<Occurrence> = self
            .marks()
            .iter()
            .filter(|it| alike(it.what) && it.name == name)
            .map(|it| Occurrence { at: it.at.clone(), defines: it.defines })
            .collect();
        let mut whole = true;
        for script in &self.spots.scripts {
            let (reads, read) = Self::reads(script);
            whole &= read;
            for read in reads {
                let at = match (what, read.name.as_str(), &read.attribute) {
                    (What::Step, step, _) if step == name => Some(read.at),
                    (What::Input, "inputs", Some((field, at))) | (What::Role, "roles", Some((field, at)))
                        if field == name =>
                    {
                        Some(self.unquoted(at.clone()))
                    }
                    _ => None,
                };
                found.extend(at.map(|at| Occurrence { at, defines: false }));
            }
        }
        found.sort_by_key(|it| it.at.start);
        found.dedup();
        (found, whole)
    }

    /// Returns a place without the quotes that stand around it.
    pub(super) fn unquoted(&self, at: Range<usize>) -> Range<usize> {
        let text = self.text.get(at.clone()).unwrap_or_default();
        let quoted = text.len() >= 2 && text.starts_with(['"', '\'']) && text.ends_with(['"', '\'']);
        if quoted { at.start + 1..at.end - 1 } else { at }
    }
}
