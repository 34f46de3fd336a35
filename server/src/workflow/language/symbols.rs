//! A file's parts as an outline, and what of it can be folded away.

use std::ops::Range;

use super::{
    Analysis, Kind,
    hover::step_in_short,
    marks::What,
    outline::{Node, Value},
};

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// A few words beside it.
    pub detail: String,
    /// What it is, where it is a name; else a key.
    pub what: Option<What>,
    /// All that belongs to it.
    pub whole: Range<usize>,
    /// Its name's place.
    pub at: Range<usize>,
    /// What stands in it.
    pub children: Vec<Symbol>,
}

impl Analysis {
    /// Returns the file's parts.
    pub fn symbols(&self) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for entry in self.root.entries().iter().filter(|it| it.colon.is_some()) {
            let whole = entry.at();
            let own = |it: &&super::marks::Mark| {
                it.defines && it.what != What::Step && whole.start < it.at.start && it.at.end <= whole.end
            };
            let mut children: Vec<Symbol> = self
                .marks()
                .iter()
                .filter(own)
                .map(|it| Symbol {
                    name: it.name.clone(),
                    detail: it.what.words().to_owned(),
                    what: Some(it.what),
                    whole: it.whole.clone(),
                    at: it.at.clone(),
                    children: Vec::new(),
                })
                .collect();
            children.extend(self.steps_in(None, &whole));
            let detail = entry.node.text(&self.text).filter(|it| !it.contains('\n')).unwrap_or_default();
            if self.kind == Kind::Workflow && children.is_empty() && detail.is_empty() {
                continue;
            }
            let (name, detail) = (entry.name.clone(), detail.chars().take(80).collect());
            symbols.push(Symbol { name, detail, what: None, at: entry.key.clone(), whole, children });
        }
        symbols
    }

    fn steps_in(&self, parent: Option<usize>, within: &Range<usize>) -> Vec<Symbol> {
        let steps = self.steps().iter().enumerate();
        let own = steps.filter(|(_, it)| it.parent == parent && within.start <= it.at.start && it.at.end <= within.end);
        own.map(|(index, it)| Symbol {
            name: if it.name.is_empty() { "(no id)".to_owned() } else { it.name.clone() },
            detail: step_in_short(self, &it.name),
            what: Some(What::Step),
            whole: it.at.clone(),
            at: it.id.clone(),
            children: self.steps_in(Some(index), &it.at),
        })
        .collect()
    }

    /// Returns what can be folded: the first and the last line of each, from 0.
    pub fn folds(&self) -> Vec<(usize, usize)> {
        let mut folds = Vec::new();
        self.fold(&self.root, &mut folds);
        folds.sort_unstable();
        folds.dedup_by_key(|it| it.0);
        folds
    }

    fn fold(&self, node: &Node, folds: &mut Vec<(usize, usize)>) {
        let mut add = |at: Range<usize>| {
            let end = at.start + self.text[at.clone()].trim_end().len();
            let (first, last) = (self.line(at.start) - 1, self.line(end) - 1);
            if first < last {
                folds.push((first, last));
            }
        };
        match &node.value {
            Value::Nothing | Value::Scalar(..) => {}
            Value::List(_, items) => {
                for it in items {
                    add(it.at.clone());
                }
                for it in items {
                    self.fold(it, folds);
                }
            }
            Value::Map(_, entries) => {
                for it in entries {
                    add(it.at());
                }
                for it in entries {
                    self.fold(&it.node, folds);
                }
            }
        }
    }
}
