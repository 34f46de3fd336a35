//! Whether a value fits a JSON Schema, as far as workflows use it.
//!
//! The words of `CHECKED` are kept; those of `NOTES` say something to people; of any other `faults` warns. Pure and bounded, so
//! that the hub may ask it: patterns run in linear time, references can't lead out of the schema, nothing is fetched.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
};

use regex::Regex;
use serde_json::Value;

/// The words that are checked.
pub const CHECKED: [&str; 24] = [
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minProperties",
    "maxProperties",
    "anyOf",
    "oneOf",
    "allOf",
    "not",
    "$ref",
];

/// The words that check nothing.
pub const NOTES: [&str; 13] = [
    "$schema",
    "$id",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
];

/// How deep schemas may refer to each other or nest.
const MAX_DEPTH: usize = 64;

/// How many checks one value may take: forms that refer to each other could double the work at every level.
const MAX_CHECKS: u32 = 100_000;

/// Of longer lists nobody asks whether each item is another.
const MAX_UNIQUE: usize = 1_000;

/// Checks `value` against `schema`. The error says where in the value and what is wanted there.
pub fn check(schema: &Value, value: &Value) -> Result<(), String> {
    Checker { root: schema, checks: Cell::new(0), patterns: RefCell::default() }.check(schema, value, "the value", 0)
}

/// Says what in a schema can't be kept: words that are not known, patterns that don't compile, references that lead nowhere.
/// Each with whether it makes the schema unusable.
pub fn faults(schema: &Value) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    look(schema, schema, "the schema", 0, &mut found);
    found.truncate(MAX_FAULTS);
    found
}

/// How many faults are told at once.
const MAX_FAULTS: usize = 10;

fn look(root: &Value, schema: &Value, place: &str, depth: usize, found: &mut Vec<(String, bool)>) {
    if depth > MAX_DEPTH {
        found.push((format!("{place} nests deeper than {MAX_DEPTH}"), true));
        return;
    }
    let rules = match schema {
        Value::Bool(_) => return,
        Value::Object(rules) => rules,
        _ => {
            found.push((format!("{place} is neither a mapping nor true or false"), true));
            return;
        }
    };
    for (word, value) in rules {
        let here = format!("{place}.{word}");
        match (word.as_str(), value) {
            ("properties" | "$defs" | "definitions", Value::Object(fields)) => {
                fields.iter().for_each(|(name, it)| look(root, it, &format!("{here}.{name}"), depth + 1, found));
            }
            ("items" | "additionalProperties" | "not", it) => look(root, it, &here, depth + 1, found),
            ("anyOf" | "oneOf" | "allOf", Value::Array(all)) => {
                let all = all.iter().enumerate();
                all.for_each(|(index, it)| look(root, it, &format!("{here}[{index}]"), depth + 1, found));
            }
            ("pattern", Value::String(pattern)) => {
                if let Err(err) = compile(pattern) {
                    found.push((format!("{here} can't be used: {err}"), true));
                }
            }
            ("$ref", Value::String(reference)) => {
                if reference.strip_prefix('#').and_then(|it| root.pointer(it)).is_none() {
                    found.push((format!("{here} refers to {reference:?}, which is not in the schema"), true));
                }
            }
            ("type", it) => {
                let names = it.as_array().map_or(std::slice::from_ref(it), Vec::as_slice);
                let unknown = names.iter().find(|it| !it.as_str().is_some_and(|it| TYPES.contains(&it)));
                found.extend(unknown.map(|it| (format!("{here} is {it}, which is no type of JSON"), true)));
            }
            (word, _) if CHECKED.contains(&word) || NOTES.contains(&word) => {}
            _ => found.push((format!("{here} is not checked"), false)),
        }
    }
}

const TYPES: [&str; 7] = ["null", "boolean", "object", "array", "number", "integer", "string"];

/// Makes a pattern. The crate's patterns run in linear time, so no text can make one run for ever.
fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern).size_limit(1 << 20).build()
}

struct Checker<'a> {
    root: &'a Value,
    checks: Cell<u32>,
    patterns: RefCell<BTreeMap<String, Regex>>,
}

impl Checker<'_> {
    fn check(&self, schema: &Value, value: &Value, place: &str, depth: usize) -> Result<(), String> {
        self.checks.set(self.checks.get() + 1);
        if depth > MAX_DEPTH {
            return Err(format!("{place}: the schema nests deeper than {MAX_DEPTH}; make it flatter"));
        }
        if self.checks.get() > MAX_CHECKS {
            return Err(format!(
                "{place}: the value takes more than {MAX_CHECKS} checks; make it or its schema smaller"
            ));
        }
        let rules = match schema {
            Value::Bool(true) => return Ok(()),
            Value::Bool(false) => return Err(format!("{place} is not allowed here")),
            Value::Object(rules) => rules,
            _ => return Err(format!("{place}: its schema is neither an object nor true or false; mend the workflow")),
        };
        if let Some(Value::String(reference)) = rules.get("$ref") {
            let target = reference.strip_prefix('#').and_then(|it| self.root.pointer(it));
            let target =
                target.ok_or_else(|| format!("{place}: the schema refers to {reference:?}, which is not in it"))?;
            self.check(target, value, place, depth + 1)?;
        }
        if let Some(wanted) = rules.get("type") {
            let names: Vec<&str> = match wanted {
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            if !names.iter().any(|it| is_type(value, it)) {
                return Err(format!("{place} is {}, and {} is wanted", type_of(value), names.join(" or ")));
            }
        }
        if let Some(Value::Array(allowed)) = rules.get("enum")
            && !allowed.contains(value)
        {
            let allowed: Vec<String> = allowed.iter().take(20).map(Value::to_string).collect();
            return Err(format!("{place} is none of {}", allowed.join(", ")));
        }
        if let Some(wanted) = rules.get("const")
            && wanted != value
        {
            return Err(format!("{place} is not {wanted}"));
        }
        self.check_one_kind(rules, value, place, depth)?;
        self.check_combined(rules, value, place, depth)
    }

    fn check_one_kind(
        &self,
        rules: &serde_json::Map<String, Value>,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), String> {
        let limit = |name: &str| rules.get(name).and_then(Value::as_u64);
        match value {
            Value::Object(fields) => {
                if let Some(least) = limit("minProperties").filter(|it| (fields.len() as u64) < *it) {
                    return Err(format!("{place} has {} fields, and {least} are the least", fields.len()));
                }
                if let Some(most) = limit("maxProperties").filter(|it| (fields.len() as u64) > *it) {
                    return Err(format!("{place} has {} fields, and {most} are the most", fields.len()));
                }
                for name in
                    rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
                {
                    if !fields.contains_key(name) {
                        return Err(format!("{place} has no {name:?}, which is required"));
                    }
                }
                let known = rules.get("properties").and_then(Value::as_object);
                for (name, field) in fields {
                    let place = format!("{place}.{name}");
                    match (known.and_then(|it| it.get(name)), rules.get("additionalProperties")) {
                        (None, Some(Value::Bool(false))) => {
                            return Err(format!("{place} is not one of the fields wanted"));
                        }
                        (Some(schema), _) | (None, Some(schema)) => self.check(schema, field, &place, depth + 1)?,
                        (None, None) => {}
                    }
                }
            }
            Value::Array(items) => {
                let twice = |(index, it): (usize, &Value)| items[..index].contains(it).then_some(index);
                if rules.get("uniqueItems") == Some(&Value::Bool(true))
                    && items.len() <= MAX_UNIQUE
                    && let Some(index) = items.iter().enumerate().find_map(twice)
                {
                    return Err(format!("{place}[{index}] was there before, and each item must be another"));
                }
                if let Some(least) = limit("minItems").filter(|it| (items.len() as u64) < *it) {
                    return Err(format!("{place} has {} items, and {least} are the least", items.len()));
                }
                if let Some(most) = limit("maxItems").filter(|it| (items.len() as u64) > *it) {
                    return Err(format!("{place} has {} items, and {most} are the most", items.len()));
                }
                if let Some(schema) = rules.get("items") {
                    for (index, item) in items.iter().enumerate() {
                        self.check(schema, item, &format!("{place}[{index}]"), depth + 1)?;
                    }
                }
            }
            Value::String(text) => {
                let length = text.chars().count() as u64;
                if limit("minLength").is_some_and(|it| length < it) || limit("maxLength").is_some_and(|it| length > it)
                {
                    return Err(format!("{place} has {length} characters, which is too few or too many"));
                }
                if let Some(Value::String(pattern)) = rules.get("pattern") {
                    let mut patterns = self.patterns.borrow_mut();
                    if !patterns.contains_key(pattern) {
                        let regex = compile(pattern);
                        let regex =
                            regex.map_err(|err| format!("{place}: the schema's pattern can't be used: {err}"))?;
                        patterns.insert(pattern.clone(), regex);
                    }
                    if !patterns.get(pattern).is_some_and(|it| it.is_match(text)) {
                        return Err(format!("{place} does not match /{pattern}/"));
                    }
                }
            }
            Value::Number(number) => {
                let number = number.as_f64().unwrap_or_default();
                let bound = |name: &str| rules.get(name).and_then(Value::as_f64);
                if let Some(least) = bound("minimum").filter(|it| number < *it) {
                    return Err(format!("{place} is {number}, and {least} is the least"));
                }
                if let Some(least) = bound("exclusiveMinimum").filter(|it| number <= *it) {
                    return Err(format!("{place} is {number}, and more than {least} is wanted"));
                }
                if let Some(most) = bound("exclusiveMaximum").filter(|it| number >= *it) {
                    return Err(format!("{place} is {number}, and less than {most} is wanted"));
                }
                if let Some(most) = bound("maximum").filter(|it| number > *it) {
                    return Err(format!("{place} is {number}, and {most} is the most"));
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
        Ok(())
    }

    fn check_combined(
        &self,
        rules: &serde_json::Map<String, Value>,
        value: &Value,
        place: &str,
        depth: usize,
    ) -> Result<(), String> {
        let list = |name: &str| rules.get(name).and_then(Value::as_array);
        for schema in list("allOf").into_iter().flatten() {
            self.check(schema, value, place, depth + 1)?;
        }
        for (name, exactly) in [("anyOf", false), ("oneOf", true)] {
            let Some(schemas) = list(name) else { continue };
            let results: Vec<_> = schemas.iter().map(|it| self.check(it, value, place, depth + 1)).collect();
            match results.iter().filter(|it| it.is_ok()).count() {
                0 => {
                    let first = results.into_iter().find_map(Result::err).unwrap_or_default();
                    return Err(format!(
                        "{place} fits none of the {} forms wanted (the first: {first})",
                        schemas.len()
                    ));
                }
                n if exactly && n > 1 => return Err(format!("{place} fits {n} of the forms wanted, and must fit one")),
                _ => {}
            }
        }
        if let Some(schema) = rules.get("not")
            && self.check(schema, value, place, depth + 1).is_ok()
        {
            return Err(format!("{place} has a form that is ruled out"));
        }
        Ok(())
    }
}

fn is_type(value: &Value, name: &str) -> bool {
    match name {
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|it| it.fract() == 0.0),
        "number" => value.is_number(),
        other => type_of(value) == other,
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "a table of literals reads better")]
    fn case(schema: Value, good: &[Value], bad: &[(Value, &str)]) {
        for value in good {
            assert_eq!(check(&schema, value), Ok(()), "{value}");
        }
        for (value, words) in bad {
            let why = check(&schema, value).expect_err(&value.to_string());
            assert!(why.contains(words), "{value}: {why}");
        }
    }

    #[test]
    fn each_word_is_kept() {
        case(
            json!({"type": "integer"}),
            &[json!(3), json!(3.0)],
            &[(json!(3.5), "integer is wanted"), (json!("3"), "string")],
        );
        case(json!({"type": ["string", "null"]}), &[json!("a"), json!(null)], &[(json!([]), "string or null")]);
        case(json!({"enum": ["a", 2]}), &[json!("a"), json!(2)], &[(json!("b"), "none of")]);
        case(
            json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "minLength": 2}}, "additionalProperties": false}),
            &[json!({"a": "xy"})],
            &[
                (json!({}), "no \"a\""),
                (json!({"a": "x"}), "the value.a"),
                (json!({"a": "xy", "b": 1}), "the value.b is not one"),
            ],
        );
        case(
            json!({"type": "array", "minItems": 1, "maxItems": 2, "items": {"maximum": 5}}),
            &[json!([5])],
            &[(json!([]), "least"), (json!([1, 2, 3]), "most"), (json!([1, 6]), "the value[1] is 6")],
        );
        case(json!({"pattern": "^a+$"}), &[json!("aa"), json!(1)], &[(json!("b"), "/^a+$/")]);
        case(
            json!({"anyOf": [{"type": "string"}, {"type": "null"}], "not": {"const": "no"}}),
            &[json!("yes"), json!(null)],
            &[(json!(1), "none of the 2 forms"), (json!("no"), "ruled out")],
        );
        case(json!({"oneOf": [{"minimum": 1}, {"maximum": 5}]}), &[json!(0), json!(9)], &[(json!(3), "fits 2")]);
        case(
            json!({"$ref": "#/$defs/tree", "$defs": {"tree": {"type": "object", "properties": {"kid": {"$ref": "#/$defs/tree"}}}}}),
            &[json!({"kid": {"kid": {}}})],
            &[(json!({"kid": {"kid": 1}}), "the value.kid.kid is number")],
        );
    }

    #[test]
    fn counts_and_open_bounds_are_kept() {
        case(json!({"uniqueItems": true}), &[json!([1, 2])], &[(json!([1, 2, 1]), "the value[2] was there")]);
        case(
            json!({"exclusiveMinimum": 0, "exclusiveMaximum": 2}),
            &[json!(1)],
            &[(json!(0), "more than 0"), (json!(2), "less than 2")],
        );
        case(
            json!({"minProperties": 1, "maxProperties": 1}),
            &[json!({"a": 1})],
            &[(json!({}), "1 are the least"), (json!({"a": 1, "b": 2}), "1 are the most")],
        );
    }

    #[test]
    fn what_a_schema_asks_and_nobody_keeps_is_told() {
        let schema = json!({
            "type": "object", "requierd": ["a"],
            "properties": {"a": {"type": "text"}, "b": {"pattern": "("}, "c": {"$ref": "#/$defs/x"}, "d": 3, "e": {"format": "uri"}},
        });
        let told = faults(&schema);
        let has = |words: &str, bad| told.iter().any(|it| it.0.contains(words) && it.1 == bad);
        assert!(has("the schema.requierd is not checked", false), "{told:?}");
        assert!(has("properties.a.type is \"text\", which is no type", true), "{told:?}");
        assert!(has("properties.b.pattern can't be used", true) && has("refers to", true), "{told:?}");
        assert!(has("properties.d is neither", true) && told.len() == 5, "{told:?}");
        assert_eq!(faults(&json!({"anyOf": [true, {"items": {"const": 1}}], "title": "x"})), []);
    }

    #[test]
    fn a_schema_that_goes_round_ends() {
        assert!(check(&json!({"$ref": "#"}), &json!(1)).unwrap_err().contains("deeper"));
        let twice = json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]});
        assert!(check(&twice, &json!(1)).is_err());
    }
}
