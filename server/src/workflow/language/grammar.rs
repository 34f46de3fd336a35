//! What may stand where in a file, by its JSON Schema: keys, their words, and what they are for.
//!
//! Everything that is offered and explained comes from the schema, which comes from the types that the files are read into, so a new
//! field is known here the day that it is read.

use serde_json::Value;

use crate::workflow::file::{KEYS_NAME, STANDS_FOR};

/// How deep references lead to references before it is given up.
const MOST_STEPS: usize = 16;

/// A schema.
#[derive(Debug)]
pub struct Grammar(Value);

/// A place in a file: all that may stand there.
#[derive(Debug, Clone)]
pub struct Place<'g> {
    grammar: &'g Grammar,
    /// The forms that it may have, with no references left.
    forms: Vec<&'g Value>,
    /// What is said of it.
    docs: Option<&'g str>,
    /// What a text there stands for.
    stands_for: Option<&'g str>,
    /// What its keys name, where the file chooses them.
    keys_name: Option<&'g str>,
}

/// A key that may stand in a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key<'g> {
    /// How it is written.
    pub name: &'g str,
    /// What it is for.
    pub docs: &'g str,
    /// Whether it must be there.
    pub required: bool,
}

/// A word that a value may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Word {
    /// How it is written.
    pub name: String,
    /// What it means; may be empty.
    pub docs: String,
}

impl Grammar {
    /// Takes a schema.
    pub fn new(schema: Value) -> Self {
        Self(schema)
    }

    /// Returns the place of a whole file.
    pub fn root(&self) -> Place<'_> {
        self.place(&self.0)
    }

    fn place<'g>(&'g self, schema: &'g Value) -> Place<'g> {
        let mut place = Place {
            grammar: self,
            forms: Vec::new(),
            docs: text(schema, "description"),
            stands_for: None,
            keys_name: None,
        };
        self.gather(schema, &mut place, MOST_STEPS);
        place
    }

    fn gather<'g>(&'g self, schema: &'g Value, place: &mut Place<'g>, left: usize) {
        place.docs = place.docs.or_else(|| text(schema, "description"));
        place.stands_for = place.stands_for.or_else(|| text(schema, STANDS_FOR));
        place.keys_name = place.keys_name.or_else(|| text(schema, KEYS_NAME));
        place.forms.push(schema);
        if left == 0 {
            return;
        }
        if let Some(target) = text(schema, "$ref").and_then(|it| self.0.pointer(it.strip_prefix('#')?)) {
            self.gather(target, place, left - 1);
        }
        for list in ["anyOf", "oneOf", "allOf"] {
            for form in schema.get(list).and_then(Value::as_array).into_iter().flatten() {
                self.gather(form, place, left - 1);
            }
        }
    }
}

impl<'g> Place<'g> {
    /// Returns what is said of it.
    pub fn docs(&self) -> &'g str {
        self.docs.unwrap_or_default()
    }

    /// Returns what a text there stands for: `step`, `role`, `template` and so on.
    pub fn stands_for(&self) -> Option<&'g str> {
        self.stands_for
    }

    /// Returns what its keys name, where the file chooses them.
    pub fn keys_name(&self) -> Option<&'g str> {
        self.keys_name
    }

    /// Returns the keys that it may have, each once.
    pub fn keys(&self) -> Vec<Key<'g>> {
        let mut keys: Vec<Key<'g>> = Vec::new();
        for form in &self.forms {
            let required: Vec<&str> = form
                .get("required")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            for (name, schema) in form.get("properties").and_then(Value::as_object).into_iter().flatten() {
                if !keys.iter().any(|it| it.name == name) {
                    let docs = self.grammar.place(schema).docs();
                    keys.push(Key { name, docs, required: required.contains(&name.as_str()) });
                }
            }
        }
        keys
    }

    /// Returns whether a mapping there refuses keys that it does not know.
    pub fn is_closed(&self) -> bool {
        let maps: Vec<_> = self.forms.iter().filter(|it| it.get("properties").is_some()).collect();
        !maps.is_empty()
            && maps.iter().all(|it| it.get("additionalProperties") == Some(&Value::Bool(false)))
            && !self.forms.iter().any(|it| it.get("additionalProperties").is_some_and(Value::is_object))
    }

    /// Returns the place behind a key.
    pub fn key(&self, name: &str) -> Option<Self> {
        let of = |form: &&'g Value| -> Option<&'g Value> {
            let own = form.get("properties").and_then(|it| it.get(name));
            own.or_else(|| form.get("additionalProperties").filter(|it| it.is_object()))
        };
        self.merged(self.forms.iter().filter_map(of))
    }

    /// Returns the place of a list's item.
    pub fn item(&self) -> Option<Self> {
        let mut item = self.merged(self.forms.iter().filter_map(|it| it.get("items")))?;
        // What a list is of, its items are.
        item.stands_for = item.stands_for.or(self.stands_for);
        Some(item)
    }

    fn merged(&self, schemas: impl Iterator<Item = &'g Value>) -> Option<Self> {
        let mut all: Option<Self> = None;
        for schema in schemas {
            let place = self.grammar.place(schema);
            match &mut all {
                None => all = Some(place),
                Some(all) => {
                    all.forms.extend(place.forms);
                    all.docs = all.docs.or(place.docs);
                    all.stands_for = all.stands_for.or(place.stands_for);
                    all.keys_name = all.keys_name.or(place.keys_name);
                }
            }
        }
        all
    }

    /// Returns the words that a value may be, where they are known.
    pub fn words(&self) -> Vec<Word> {
        let mut words: Vec<Word> = Vec::new();
        let mut add = |value: &Value, docs: &str| {
            let name = match value {
                Value::String(it) => it.clone(),
                Value::Null => return,
                other => other.to_string(),
            };
            if !words.iter().any(|it| it.name == name) {
                words.push(Word { name, docs: docs.to_owned() });
            }
        };
        for form in &self.forms {
            for value in form.get("enum").and_then(Value::as_array).into_iter().flatten() {
                add(value, "");
            }
            if let Some(value) = form.get("const") {
                add(value, text(form, "description").unwrap_or_default());
            }
            if has_type(form, "boolean") && self.stands_for.is_none() {
                add(&Value::Bool(true), "");
                add(&Value::Bool(false), "");
            }
        }
        words
    }

    /// Returns whether its value is one of `words`, and nothing else.
    pub fn is_a_choice(&self) -> bool {
        !self.words().is_empty()
            && !self.forms.iter().any(|it| {
                let open = it.get("enum").is_none() && it.get("const").is_none();
                open && ["string", "object", "array", "number", "integer"].iter().any(|kind| has_type(it, kind))
            })
    }

    /// Returns whether a mapping may stand there.
    pub fn takes_map(&self) -> bool {
        self.forms.iter().any(|it| has_type(it, "object") || it.get("properties").is_some())
    }

    /// Returns whether a list may stand there.
    pub fn takes_list(&self) -> bool {
        self.forms.iter().any(|it| has_type(it, "array"))
    }

    /// Returns the least, the most and the usual value, where the schema says them.
    pub fn bounds(&self) -> (Option<&'g Value>, Option<&'g Value>, Option<&'g Value>) {
        let first = |name: &str| self.forms.iter().find_map(|it| it.get(name));
        (first("minimum"), first("maximum"), first("default").filter(|it| !it.is_null()))
    }

    /// Returns the kinds of value that it takes, for people.
    pub fn kinds(&self) -> Vec<&'static str> {
        const KINDS: [(&str, &str); 6] = [
            ("string", "text"),
            ("integer", "a whole number"),
            ("number", "a number"),
            ("boolean", "true or false"),
            ("array", "a list"),
            ("object", "a mapping"),
        ];
        KINDS.iter().filter(|it| self.forms.iter().any(|form| has_type(form, it.0))).map(|it| it.1).collect()
    }
}

fn text<'g>(schema: &'g Value, key: &str) -> Option<&'g str> {
    schema.get(key).and_then(Value::as_str)
}

fn has_type(schema: &Value, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(it)) => it == kind,
        Some(Value::Array(list)) => list.iter().any(|it| it == kind),
        _ => false,
    }
}
