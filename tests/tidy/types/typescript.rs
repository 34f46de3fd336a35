//! The wire as TypeScript.

use std::fmt::Write as _;

use super::{
    Wire,
    shape::{Definition, Field, Shape},
};

const HEAD: &str = "\
// The wire of Callboard, as server/src/protocol.rs has it: made from its schemas, and held to them by a test.
// Change protocol.rs, then write this file anew: CALLBOARD_WRITE_TYPES=1 cargo test --test tidy types

";

/// Returns the file.
pub fn write(wire: &Wire) -> String {
    let mut out = HEAD.to_owned();
    for (name, definition) in &wire.types {
        define(&mut out, name, definition);
    }
    out += "/** Every request: what it takes and what it gives. */\nexport interface Requests {\n";
    for (method, params, result) in &wire.requests {
        let _ = writeln!(out, "  {method:?}: {{ params: {}; result: {} }};", text(params, false), text(result, false));
    }
    out += "}\n\n/** Every request from the hub: what it asks and what it is answered. */\nexport interface ServerRequests {\n";
    for (method, params, result) in &wire.asked {
        let _ = writeln!(out, "  {method:?}: {{ params: {}; result: {} }};", text(params, false), text(result, false));
    }
    out += "}\n\n/** Every notification from the hub: what it brings. */\nexport interface Notifications {\n";
    for (method, params) in &wire.notifications {
        let _ = writeln!(out, "  {method:?}: {};", text(params, false));
    }
    out += "}\n\n/** The methods by short names. */\nexport const method = {\n";
    let names =
        wire.requests.iter().chain(&wire.asked).map(|it| &it.0).chain(wire.notifications.iter().map(|it| &it.0));
    for method in names {
        let _ = writeln!(out, "  {}: {method:?},", method.trim_start_matches("callboard/"));
    }
    out + "} as const;\n"
}

fn define(out: &mut String, name: &str, definition: &Definition) {
    doc(out, "", &definition.doc);
    match &definition.shape {
        Shape::Object { extends, fields } => {
            let extends = if extends.is_empty() { String::new() } else { format!(" extends {}", extends.join(", ")) };
            let _ = writeln!(out, "export interface {name}{extends} {{");
            for field in fields {
                doc(out, "  ", &field.doc);
                let _ = writeln!(out, "  {};", member(field));
            }
            *out += "}\n\n";
        }
        Shape::Union(all) if all.len() > 1 => {
            let _ = writeln!(out, "export type {name} =");
            for (number, it) in all.iter().enumerate() {
                doc(out, "  ", definition.docs.get(number).map_or("", String::as_str));
                let end = if number + 1 == all.len() { ";\n" } else { "" };
                let _ = writeln!(out, "  | {}{end}", text(it, false));
            }
        }
        other => {
            let _ = writeln!(out, "export type {name} = {};\n", text(other, false));
        }
    }
}

fn doc(out: &mut String, indent: &str, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(out, "{indent}/** {} */", text.replace("*/", "* /"));
    }
}

fn member(field: &Field) -> String {
    let mark = if field.optional { "?" } else { "" };
    format!("{}{mark}: {}", field.name, text(&field.shape, false))
}

/// Returns a type; in brackets where `inner` says that something binds it more strongly than a union.
fn text(shape: &Shape, inner: bool) -> String {
    match shape {
        Shape::Ref(name) => name.clone(),
        Shape::Literal(value) => value.to_string(),
        Shape::Union(all) => {
            let joined = all.iter().map(|it| text(it, false)).collect::<Vec<_>>().join(" | ");
            if inner && all.len() > 1 { format!("({joined})") } else { joined }
        }
        Shape::Object { extends, fields } => {
            let members = fields.iter().map(member).collect::<Vec<_>>().join("; ");
            let own = (!fields.is_empty()).then(|| format!("{{ {members} }}"));
            let parts: Vec<String> = extends.iter().cloned().chain(own).collect();
            match parts.len() {
                0 => "Record<string, never>".to_owned(),
                1 => parts.concat(),
                _ if inner => format!("({})", parts.join(" & ")),
                _ => parts.join(" & "),
            }
        }
        Shape::Map(values) => format!("Record<string, {}>", text(values, false)),
        Shape::List(items) => format!("{}[]", text(items, true)),
        Shape::Tuple(all) => format!("[{}]", all.iter().map(|it| text(it, false)).collect::<Vec<_>>().join(", ")),
        Shape::Text => "string".to_owned(),
        Shape::Number | Shape::Integer => "number".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Null => "null".to_owned(),
        Shape::Any => "unknown".to_owned(),
    }
}
