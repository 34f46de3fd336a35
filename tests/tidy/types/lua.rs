//! The wire as Lua annotations (`LuaCATS`), which language servers and people read; nothing of it runs.

use std::fmt::Write as _;

use super::{
    Wire,
    shape::{Definition, Field, Shape},
};

const HEAD: &str = "\
---@meta
-- The wire of Callboard, as server/src/protocol.rs has it: made from its schemas, and held to them by a test.
-- Change protocol.rs, then write this file anew: CALLBOARD_WRITE_TYPES=1 cargo test --test tidy types

";

/// Returns the file.
pub fn write(wire: &Wire) -> String {
    let mut out = HEAD.to_owned();
    for (name, definition) in &wire.types {
        define(&mut out, name, definition);
    }
    out += "---Every request: what it takes and what it gives.\n---@class callboard.Requests\n";
    for (method, params, result) in &wire.requests {
        let _ = writeln!(out, "---@field [{method:?}] {{ params: {}, result: {} }}", text(params), text(result));
    }
    out +=
        "\n---Every request from the hub: what it asks and what it is answered.\n---@class callboard.ServerRequests\n";
    for (method, params, result) in &wire.asked {
        let _ = writeln!(out, "---@field [{method:?}] {{ params: {}, result: {} }}", text(params), text(result));
    }
    out += "\n---Every notification from the hub: what it brings.\n---@class callboard.Notifications\n";
    for (method, params) in &wire.notifications {
        let _ = writeln!(out, "---@field [{method:?}] {}", text(params));
    }
    out
}

fn define(out: &mut String, name: &str, definition: &Definition) {
    match &definition.shape {
        Shape::Object { extends, fields } => {
            class(out, name, extends, fields, &definition.doc);
        }
        Shape::Union(all) if all.len() > 1 => {
            // What extends another type needs a name of its own here.
            let mut lines = String::new();
            for (number, it) in all.iter().enumerate() {
                let said = definition.docs.get(number).map_or("", String::as_str);
                let alternative = match it {
                    Shape::Object { extends, fields } if !extends.is_empty() => {
                        let own = format!("{name}{}", tag(fields).unwrap_or_else(|| number.to_string()));
                        class(out, &own, extends, fields, said);
                        format!("callboard.{own}")
                    }
                    other => text(other),
                };
                let said = if said.is_empty() { String::new() } else { format!(" # {said}") };
                let _ = writeln!(lines, "---| {alternative}{said}");
            }
            doc(out, &definition.doc);
            let _ = writeln!(out, "---@alias callboard.{name}\n{lines}");
        }
        other => {
            doc(out, &definition.doc);
            let _ = writeln!(out, "---@alias callboard.{name} {}\n", text(other));
        }
    }
}

fn class(out: &mut String, name: &str, extends: &[String], fields: &[Field], said: &str) {
    doc(out, said);
    let extends: Vec<String> = extends.iter().map(|it| format!("callboard.{it}")).collect();
    let extends = if extends.is_empty() { String::new() } else { format!(": {}", extends.join(", ")) };
    let _ = writeln!(out, "---@class callboard.{name}{extends}");
    for field in fields {
        let mark = if field.optional { "?" } else { "" };
        let line = format!("---@field {}{mark} {} {}", field.name, text(&field.shape), field.doc);
        let _ = writeln!(out, "{}", line.trim_end());
    }
    *out += "\n";
}

fn doc(out: &mut String, said: &str) {
    if !said.is_empty() {
        let _ = writeln!(out, "---{said}");
    }
}

/// Returns the word by which an alternative is told from the others.
fn tag(fields: &[Field]) -> Option<String> {
    let word = fields.iter().find_map(|it| match &it.shape {
        Shape::Literal(value) => value.as_str(),
        _ => None,
    })?;
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect())
}

fn text(shape: &Shape) -> String {
    match shape {
        Shape::Ref(name) => format!("callboard.{name}"),
        Shape::Literal(value) => value.to_string(),
        Shape::Union(all) => all.iter().map(text).collect::<Vec<_>>().join("|"),
        Shape::Object { extends, fields } if fields.is_empty() => {
            extends.first().map_or_else(|| "table".to_owned(), |it| format!("callboard.{it}"))
        }
        Shape::Object { fields, .. } => {
            let member = |it: &Field| {
                let mark = if it.optional { "?" } else { "" };
                format!("{}{mark}: {}", it.name, text(&it.shape))
            };
            format!("{{ {} }}", fields.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Shape::Map(values) => format!("table<string, {}>", text(values)),
        Shape::List(items) => match items.as_ref() {
            Shape::Union(_) => format!("({})[]", text(items)),
            other => format!("{}[]", text(other)),
        },
        Shape::Tuple(all) => format!("[{}]", all.iter().map(text).collect::<Vec<_>>().join(", ")),
        Shape::Text => "string".to_owned(),
        Shape::Number => "number".to_owned(),
        Shape::Integer => "integer".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        // In a table that was read from JSON this is `vim.NIL`.
        Shape::Null => "vim.NIL".to_owned(),
        Shape::Any => "any".to_owned(),
    }
}
