//! YAML as a tree in which every key and value knows its place.
//!
//! Read once, by `serde_saphyr` under a budget, into a form from which all mistakes can be told at once: a
//! derived `Deserialize` would stop at the first. Knows nothing of workflows.

use std::ops::Range;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};

use super::problem::Problems;

/// How deep a file may nest; four loops need half of it.
const MOST_DEPTH: usize = 40;

/// A value with its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Bytes of the text that it takes. A mapping or list has only its start.
    pub at: Range<usize>,
    /// What it is.
    pub value: Value,
}

/// A YAML value. Scalars keep their text, so that `1.50` can be a title.
#[derive(Debug, Clone)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// A scalar.
    Scalar(Scalar, String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the text's order; keys are unique.
    Map(Vec<(Key, Node)>),
}

/// What a scalar reads as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    /// `true`, `false`, `yes`, `no`, …
    Flag(bool),
    /// A whole number.
    Whole(i64),
    /// Any other number.
    Number(f64),
    /// Text.
    Text,
}

/// A mapping's key with its place.
#[derive(Debug, Clone)]
pub struct Key {
    /// Bytes of the text that it takes.
    pub at: Range<usize>,
    /// The key.
    pub name: String,
}

impl Value {
    /// Returns what kind of value it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Scalar(Scalar::Flag(_), _) => "a flag",
            Self::Scalar(Scalar::Whole(_) | Scalar::Number(_), _) => "a number",
            Self::Scalar(Scalar::Text, _) => "text",
            Self::List(_) => "a list",
            Self::Map(_) => "a mapping",
        }
    }
}

/// Reads YAML. A mistake in it is noted, and nothing comes back: a broken tree has no reliable rest.
pub fn read(text: &str, problems: &mut Problems<'_>) -> Option<Node> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 200,
            max_depth: MOST_DEPTH,
            flow_nesting_limit: MOST_DEPTH,
            max_documents: 2,
            max_nodes: 50_000,
            max_events: 200_000,
        },
        with_snippet: false,
        merge_keys: serde_saphyr::options::MergeKeyPolicy::AsOrdinary,
    };
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => Some(place(raw, text)),
        Err(error) => {
            tell(&error, text, problems);
            None
        }
    }
}

/// Notes what `serde_saphyr` says, in words of ours where theirs speak of its own settings.
fn tell(error: &serde_saphyr::Error, text: &str, problems: &mut Problems<'_>) {
    use serde_saphyr::Error;
    let mut error = error;
    while let Error::WithSnippet { error: inner, .. } | Error::AliasError { error: inner, .. } = error {
        error = inner;
    }
    let at = error.location().map_or(0..0, |it| range(&it, text));
    let said = error.to_string();
    let what = said.split(" at line ").next().unwrap_or(&said).to_owned();
    match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or_else(|| text.get(at.clone()).unwrap_or("a key"));
            problems.error(
                &at,
                "duplicate-key",
                format!("`{key}` is written twice here"),
                "keep one of the two, or give them different names",
            );
        }
        Error::MultipleDocuments { .. } => problems.error(
            &at,
            "yaml",
            "a second document starts here (`---`)",
            "write one workflow a file: remove the line, or move the rest into a file of its own",
        ),
        Error::Budget { .. } if what.contains("Alias") => problems.error(
            &at,
            "alias",
            "YAML aliases (`*name`) are not part of the workflow language",
            "write the text out where it is used",
        ),
        Error::Budget { .. } => {
            problems.error(
                &at,
                "too-large",
                format!("the file is too large or too deep: {what}"),
                "split the workflow",
            );
        }
        _ if what.contains("expected string scalar") && text.get(at.start..).is_some_and(|it| it.starts_with('{')) => {
            problems.error(
                &at,
                "yaml",
                "YAML reads the `{` here as a mapping",
                "put a text that begins with `{{` in quotes, or write it below as a block (`|`)",
            );
        }
        _ if what.contains("tab") => {
            problems.error(&at, "yaml", format!("this is not YAML: {what}"), "indent with spaces, never with tabs");
        }
        _ => problems.error(&at, "yaml", format!("this is not YAML: {what}"), "mend the line, or the one before it"),
    }
}

/// A value as `serde_saphyr` gives it.
enum Raw {
    Null,
    Flag(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<String>, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Flag(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Whole(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(i64::try_from(value).map_or_else(|_| Raw::Text(value.to_string()), Raw::Whole))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = access.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}

/// Turns a raw value into a node. Depth is bounded by the budget.
fn place(raw: Spanned<Raw>, text: &str) -> Node {
    let at = range(&raw.referenced, text);
    // A scalar that is no text keeps what was written.
    let written = || text.get(at.clone()).unwrap_or_default().trim().to_owned();
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Flag(flag) => Value::Scalar(Scalar::Flag(flag), written()),
        Raw::Whole(number) => Value::Scalar(Scalar::Whole(number), written()),
        Raw::Number(number) => Value::Scalar(Scalar::Number(number), written()),
        Raw::Text(it) => Value::Scalar(Scalar::Text, it),
        Raw::List(list) => Value::List(list.into_iter().map(|it| place(it, text)).collect()),
        Raw::Map(map) => Value::Map(
            map.into_iter()
                .map(|(key, value)| (Key { at: range(&key.referenced, text), name: key.value }, place(value, text)))
                .collect(),
        ),
    };
    Node { at, value }
}

/// Returns the byte range of a location. A scan error knows characters only; what is unknown is the text's start.
fn range(location: &Location, text: &str) -> Range<usize> {
    let span = location.span();
    let index = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    // The parser marks bytes that it does not know with the largest number.
    let known = |value: &u64| *value < u64::from(u32::MAX);
    if let (Some(start), Some(len)) = (span.byte_offset().filter(known), span.byte_len().filter(known)) {
        let start = index(start).min(text.len());
        return start..start.saturating_add(index(len)).min(text.len());
    }
    if !known(&span.offset()) {
        return 0..0;
    }
    let byte = |chars: u64| text.char_indices().nth(index(chars)).map_or(text.len(), |(at, _)| at);
    let len = if known(&span.len()) { span.len() } else { 0 };
    byte(span.offset())..byte(span.offset().saturating_add(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        let mut problems = Problems::new(text);
        assert!(read(text, &mut problems).is_none(), "{text:?} was read");
        problems.into_found().remove(0).to_string()
    }

    #[test]
    fn mistakes_in_the_yaml_are_told_at_their_place() {
        for (text, start) in [
            ("a: 1\na: 2\n", "2:1: error[duplicate-key]: `a` is written twice here"),
            ("ä: [ö,\n\t- b\n", "2:"),
            ("a:\n\t- b\n", "2:2: error[yaml]: this is not YAML: tabs disallowed"),
            ("a: &x [1]\nb: *x\n", "2:4: error[alias]"),
            ("a: 1\n---\nb: 2\n", "3:1: error[yaml]: a second document"),
            ("a: [1, 2\nb: 3", "2:2: error[yaml]"),
        ] {
            let told = problem(text);
            assert!(told.starts_with(start), "{text:?}: {told}");
        }
    }

    #[test]
    fn bombs_are_refused_at_once() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..30 {
            let part = vec![format!("*a{}", level - 1); 9].join(",");
            bomb = format!("{bomb}a{level}: &a{level} [{part}]\n");
        }
        assert!(problem(&bomb).contains("error[alias]"));
        assert!(problem(&("a: ".to_owned() + &"[".repeat(10_000))).contains("error["));
        assert!(problem(&("- ".repeat(10_000) + "x")).contains("error["));
    }
}
