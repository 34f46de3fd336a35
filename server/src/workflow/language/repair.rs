//! What mends a problem by itself: the name that was meant, the need that is missing, the field that must be there.
//!
//! Each repair is one that the problem's own words propose; where they name no certain one there is none.

use std::ops::Range;

use super::{Analysis, marks::What, outline::Entry, rename::Edit};
use crate::workflow::problem::{Problem, suggested};

/// A repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// What it does, for people.
    pub title: String,
    /// The changes.
    pub edits: Vec<Edit>,
    /// Whether there is hardly another way to mend it.
    pub sure: bool,
}

impl Analysis {
    /// Returns what mends a problem of this file.
    pub fn repairs(&self, problem: &Problem) -> Vec<Repair> {
        let at = self.unquoted(problem.place.start..problem.place.end);
        let written = self.text.get(at.clone()).unwrap_or_default();
        let one = |title: String, at: Range<usize>, text: String, sure: bool| {
            vec![Repair { title, edits: vec![Edit { at, text }], sure }]
        };
        if let Some(word) = suggested(&problem.mend) {
            return one(format!("Change `{}` to `{word}`", short(written)), at, word.to_owned(), true);
        }
        if let Some(mend) = problem.mend.strip_prefix("write `")
            && let Some((what, rest)) = mend.split_once('`')
        {
            if what.starts_with("inputs.") || (problem.code == "bad-name" && !written.contains('\n')) {
                return one(format!("Change `{}` to `{what}`", short(written)), at, what.to_owned(), true);
            }
            if let Some(needs) = what.strip_prefix("needs: ")
                && let Some(step) = rest.strip_prefix(" on `").and_then(|it| it.split('`').next())
            {
                return self.set_field(step, "needs", needs).into_iter().collect();
            }
            if what == "access: write"
                && let Some(role) = rest.strip_prefix(" below the role `").and_then(|it| it.split('`').next())
            {
                return self.let_write(role).into_iter().collect();
            }
        }
        match problem.code {
            "missing" if problem.message.contains("no `title`") => {
                let title = self.name.replace(['-', '_'], " ");
                let title = title.chars().next().map_or_else(String::new, |it| it.to_uppercase().to_string())
                    + title.get(1..).unwrap_or_default();
                let start = self.root.entries().first().map_or(0, |it| it.key.start);
                one("Add a title".to_owned(), start..start, format!("title: {title}\n"), true)
            }
            "no-bound" if problem.message.contains("no `max`") => {
                let entry = entry_with_key(&self.root, problem.place.start);
                let first = entry.and_then(|it| it.node.entries().first());
                first.map_or_else(Vec::new, |first| {
                    let indent = " ".repeat(self.column(first.key.start));
                    let start = first.key.start;
                    one("Add `max: 5`".to_owned(), start..start, format!("max: 5\n{indent}"), true)
                })
            }
            "unknown-role" => {
                let name = written.to_owned();
                self.add_role(&name).into_iter().collect()
            }
            "unused-role" => {
                let mark = self.definition_of(What::Role, written);
                mark.map_or_else(Vec::new, |it| {
                    one(format!("Remove the role `{written}`"), self.lines_of(&it.whole), String::new(), false)
                })
            }
            "unknown-field" => {
                let entry = entry_with_key(&self.root, problem.place.start);
                entry.filter(|it| self.is_alone_on_its_lines(&it.at())).map_or_else(Vec::new, |it| {
                    one(format!("Remove `{}`", short(written)), self.lines_of(&it.at()), String::new(), false)
                })
            }
            _ => Vec::new(),
        }
    }

    /// Writes a field of a step, or another value for it.
    fn set_field(&self, step: &str, field: &str, value: &str) -> Option<Repair> {
        let spot = self.steps().iter().find(|it| it.name == step)?;
        let title = format!("Write `{field}: {value}` on `{step}`");
        let edit = if let Some((_, key)) = spot.fields.iter().find(|it| it.0 == field) {
            let entry = entry_with_key(&self.root, key.start)?;
            Edit { at: entry.key.start..entry.at().end, text: format!("{field}: {value}") }
        } else {
            let id = entry_with_key(&self.root, spot.fields.iter().find(|it| it.0 == "id")?.1.start)?;
            let end = id.at().end;
            let indent = " ".repeat(self.column(id.key.start));
            Edit { at: end..end, text: format!("\n{indent}{field}: {value}") }
        };
        Some(Repair { title, edits: vec![edit], sure: true })
    }

    fn let_write(&self, role: &str) -> Option<Repair> {
        let title = format!("Let `{role}` write");
        let entry = self.root.entry("roles")?.node.entry(role)?;
        let edit = if let Some(access) = entry.node.entry("access") {
            Edit { at: access.node.body()?, text: "write".to_owned() }
        } else {
            let first = entry.node.entries().first()?;
            let is_flow = self.text[entry.node.at.start..].starts_with('{');
            let after =
                if is_flow { ", ".to_owned() } else { format!("\n{}", " ".repeat(self.column(first.key.start))) };
            Edit { at: first.key.start..first.key.start, text: format!("access: write{after}") }
        };
        Some(Repair { title, edits: vec![edit], sure: true })
    }

    fn add_role(&self, name: &str) -> Option<Repair> {
        let title = format!("Add the role `{name}`");
        let body = |indent: usize| {
            let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
            format!("{outer}{name}:\n{inner}prefer: [claude, codex, gemini, amp]\n")
        };
        let edit = if let Some(roles) = self.root.entry("roles") {
            let first = roles.node.entries().first().filter(|_| !self.text[roles.node.at.start..].starts_with('{'))?;
            let start = self.line_start(first.key.start);
            Edit { at: start..start, text: body(self.column(first.key.start)) }
        } else {
            let start = self.line_start(self.root.entry("steps")?.key.start);
            Edit { at: start..start, text: format!("roles:\n{}", body(2)) }
        };
        Some(Repair { title, edits: vec![edit], sure: false })
    }

    fn line_start(&self, offset: usize) -> usize {
        self.text[..offset].rfind('\n').map_or(0, |it| it + 1)
    }

    fn column(&self, offset: usize) -> usize {
        offset - self.line_start(offset)
    }

    fn is_alone_on_its_lines(&self, at: &Range<usize>) -> bool {
        self.text[self.line_start(at.start)..at.start].trim().is_empty()
    }

    /// Returns the whole lines of a part.
    fn lines_of(&self, at: &Range<usize>) -> Range<usize> {
        let end = self.text[at.end..].find('\n').map_or(self.text.len(), |it| at.end + it + 1);
        self.line_start(at.start)..end
    }
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() > 40 { line.chars().take(39).chain(['…']).collect() } else { line.to_owned() }
}

/// Finds the entry whose key begins at an offset.
fn entry_with_key(node: &super::outline::Node, start: usize) -> Option<&Entry> {
    node.entries()
        .iter()
        .find_map(|it| if it.key.start == start { Some(it) } else { entry_with_key(&it.node, start) })
        .or_else(|| node.items().iter().find_map(|it| entry_with_key(it, start)))
}
