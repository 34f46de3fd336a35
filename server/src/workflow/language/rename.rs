//! Another name for a step, a role or an input, wherever it stands, or why it can't have it.

use std::ops::Range;

use super::{Analysis, expression, marks::What, navigate::Under};
use crate::{
    ids::is_name,
    workflow::check::{RESERVED, is_word},
};

/// A change of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Bytes that are replaced.
    pub at: Range<usize>,
    /// By what.
    pub text: String,
}

impl Analysis {
    /// Returns the name at an offset, if it can be another, or why it can't.
    pub fn can_rename(&self, offset: usize) -> Result<Under, String> {
        let under = self.under(offset).ok_or("there is no name of a step, a role or an input here")?;
        let Under { what, name, .. } = &under;
        match what {
            What::Step | What::Role | What::Input => {}
            What::Agent | What::Tool => {
                return Err(format!(
                    "@{name} is named by its profile; change `name:` there, or write another agent here"
                ));
            }
            What::Channel | What::Workflow | What::Skill => {
                return Err(format!("`{name}` is not named in this file, so it can't be renamed here"));
            }
        }
        let defined = self.marks().iter().filter(|it| it.defines && it.what == *what && it.name == *name).count();
        match defined {
            0 => Err(format!("`{name}` is not defined in this file; mend that first")),
            1 => Ok(under),
            _ => {
                Err(format!("`{name}` is defined {defined} times, so it is not known which is meant; mend that first"))
            }
        }
    }

    /// Returns the changes that give the name at an offset another, or why there are none.
    pub fn rename(&self, offset: usize, to: &str) -> Result<Vec<Edit>, String> {
        let Under { what, name, .. } = self.can_rename(offset)?;
        if to == name {
            return Ok(Vec::new());
        }
        if RESERVED.contains(&to) {
            return Err(format!("`{to}` is a word of expressions; choose another name"));
        }
        match what {
            What::Role if !is_name(to) => {
                return Err(format!("{to:?} is no role's name: use a-z, 0-9, - and _, with a letter or digit first"));
            }
            What::Role => {}
            _ if !is_word(to) => {
                return Err(format!("{to:?} is no name for {}: use a-z, 0-9 and _, with a letter first", what.words()));
            }
            _ => {}
        }
        if self.definition_of(what, to).is_some() {
            return Err(format!("there is {} `{to}` already; choose another name", what.words()));
        }
        let (found, whole) = self.occurrences(what, &name);
        if !whole {
            let broken = self.spots.scripts.iter().find(|it| !Self::reads(it).1);
            let line = broken.map_or(1, |it| self.line(it.at.start));
            return Err(format!(
                "the prompt or expression on line {line} can't be read, so it is not known whether it uses `{name}`; mend it first"
            ));
        }
        if what == What::Step {
            // A `for` that gives the new name would take it for its own.
            for script in &self.spots.scripts {
                let hides = expression::locals_of(&script.source, script.alone).iter().any(|it| it == to);
                let uses = found.iter().any(|it| script.at.start <= it.at.start && it.at.end <= script.at.end);
                if hides && uses {
                    let line = self.line(script.at.start);
                    return Err(format!(
                        "a `for` of the prompt on line {line} calls something `{to}`; choose another name"
                    ));
                }
            }
        }
        if what == What::Role && found.iter().any(|it| self.is_behind_a_dot(&it.at)) && !is_word(to) {
            return Err(format!("a prompt reads `roles.{name}`, and `roles.{to}` would be a subtraction; use _ for -"));
        }
        Ok(found.into_iter().map(|it| Edit { at: it.at, text: to.to_owned() }).collect())
    }

    fn is_behind_a_dot(&self, at: &Range<usize>) -> bool {
        self.text[..at.start].ends_with('.')
    }
}
