//! What is wrong with settings and profiles: every unknown key and word by the schema, and what the strict reader says besides.
//!
//! The strict readers stop at their first mistake and know lines; here each is at its characters.

use std::ops::Range;

use super::{
    Form, Mistake,
    grammar::{Grammar, Place},
    outline::{Node, Value},
};
use crate::workflow::problem::{Problem, Problems, suggest};

/// How deep it looks.
const MOST_DEPTH: usize = 48;

/// Returns what is wrong, in the order of the text.
pub fn find(form: &Form, grammar: &'static Grammar, root: &Node, text: &str) -> Vec<Problem> {
    let mut walk = Walk { text, problems: Problems::new(text) };
    walk.node(root, &grammar.root(), MOST_DEPTH);
    if let Some(Mistake { line, column, message }) = (form.strict)(text) {
        let at = place_of(root, text, line, column, &message);
        let known = walk.problems.into_found();
        // What was told with its very words needs no second telling.
        if known.iter().any(|it| it.place.start <= at.start && at.start <= it.place.end && it.is_error()) {
            return sorted(known);
        }
        walk.problems = Problems::new(text);
        let (message, mend) = message.split_once("; ").map_or((message.as_str(), "mend it"), |it| it);
        walk.problems.error(&at, "invalid", message.to_owned(), mend.to_owned());
        let own = walk.problems.into_found();
        return sorted(known.into_iter().chain(own).collect());
    }
    sorted(walk.problems.into_found())
}

fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|it| (it.place.start, it.place.end));
    problems.dedup();
    problems
}

/// Returns the characters that a strict reader means by a line, a column, and the field that its message begins with.
fn place_of(root: &Node, text: &str, line: u64, column: u64, message: &str) -> Range<usize> {
    let field = message.split_once(':').map(|it| it.0).filter(|it| line <= 1 && column <= 1 && !it.contains(' '));
    if let Some(entry) = field.and_then(|it| find_key(root, it)) {
        return entry;
    }
    let index = usize::try_from(line.max(1) - 1).unwrap_or(usize::MAX);
    let start: usize = text.split_inclusive('\n').take(index).map(str::len).sum();
    let start = start.min(text.len());
    let rest = text[start..].lines().next().unwrap_or_default();
    let skip = usize::try_from(column.max(1) - 1).unwrap_or(usize::MAX);
    let at = rest.char_indices().nth(skip).map_or(rest.len(), |it| it.0);
    let word = rest[at..].find([' ', ',', ']', '}', '#']).map_or(rest.len(), |it| at + it);
    let word = if rest[at..word].ends_with(':') { word - 1 } else { word };
    start + at..start + word.max(at)
}

fn find_key(node: &Node, name: &str) -> Option<Range<usize>> {
    let own = node.entries().iter().find(|it| it.name == name).map(|it| it.key.clone());
    own.or_else(|| node.entries().iter().find_map(|it| find_key(&it.node, name)))
}

struct Walk<'a> {
    text: &'a str,
    problems: Problems<'a>,
}

impl Walk<'_> {
    fn node(&mut self, node: &Node, place: &Place<'_>, left: usize) {
        if left == 0 {
            return;
        }
        match &node.value {
            Value::Nothing => {}
            Value::Scalar(_, body) => self.scalar(body, place),
            Value::List(_, items) => {
                if let Some(item) = place.item() {
                    for it in items {
                        self.node(it, &item, left - 1);
                    }
                }
            }
            Value::Map(_, entries) => {
                for (index, entry) in entries.iter().enumerate() {
                    if entries[..index].iter().any(|it| it.name == entry.name) {
                        let message = format!("`{}` is written twice here", entry.name);
                        self.problems.error(&entry.key, "duplicate-key", message, "keep one of the two");
                    }
                    if let Some(inner) = place.key(&entry.name) {
                        self.node(&entry.node, &inner, left - 1);
                    } else if place.is_closed() && entry.colon.is_some() {
                        let known = place.keys();
                        let mend = suggest(&entry.name, known.iter().map(|it| it.name), "remove it");
                        let name: String = entry.name.chars().take(80).collect();
                        self.problems.error(
                            &entry.key,
                            "unknown-field",
                            format!("there is no field `{name}` here"),
                            mend,
                        );
                    }
                }
                if place.is_closed() {
                    self.missing(node, place);
                }
            }
        }
    }

    fn missing(&mut self, node: &Node, place: &Place<'_>) {
        for key in place.keys().into_iter().filter(|it| it.required) {
            if node.entry(key.name).is_none() {
                let at = node.entries().first().map_or(node.at.clone(), |it| it.key.clone());
                self.problems.error(
                    &at,
                    "missing",
                    format!("`{}` is missing here", key.name),
                    format!("add `{}:`: {}", key.name, key.docs.lines().next().unwrap_or_default()),
                );
            }
        }
    }

    fn scalar(&mut self, body: &Range<usize>, place: &Place<'_>) {
        let written = self.text.get(body.clone()).unwrap_or_default().trim();
        if written.is_empty() || !place.is_a_choice() {
            return;
        }
        let words = place.words();
        if !words.iter().any(|it| it.name == written) {
            let mend = suggest(written, words.iter().map(|it| it.name.as_str()), "remove it");
            let shown: String = written.chars().take(80).collect();
            self.problems.error(
                body,
                "unknown-value",
                format!("{shown:?} is none of the words that may stand here"),
                mend,
            );
        }
    }
}
