//! The tolerant tree as the strict reader's, with scalars decoded, for checks of what can be read of a broken file.
//!
//! Keys that are being typed, and second ones of a name, are left out.

use super::{Node, Style, Value};
use crate::workflow::tree::{self, Key, Scalar};

/// Turns a node.
pub fn node(of: &Node, text: &str) -> tree::Node {
    let value = match &of.value {
        Value::Nothing => tree::Value::Null,
        Value::Scalar(style, body) => scalar(*style, text.get(body.clone()).unwrap_or_default()),
        Value::List(_, items) => tree::Value::List(items.iter().map(|it| node(it, text)).collect()),
        Value::Map(_, entries) => {
            let mut map: Vec<(Key, tree::Node)> = Vec::new();
            for entry in entries.iter().filter(|it| it.colon.is_some()) {
                if !map.iter().any(|it| it.0.name == entry.name) {
                    let key = Key { at: entry.key.clone(), name: entry.name.clone() };
                    map.push((key, node(&entry.node, text)));
                }
            }
            tree::Value::Map(map)
        }
    };
    // A block's place is its lines, as the strict reader has it.
    let at = match &of.value {
        Value::Scalar(Style::Literal | Style::Folded, body) => {
            let raw = text.get(body.clone()).unwrap_or_default();
            body.end - raw.trim_start().len()..body.end
        }
        Value::List(..) | Value::Map(..) => of.at.start..of.at.start,
        _ => of.at.clone(),
    };
    tree::Node { at, value }
}

fn scalar(style: Style, raw: &str) -> tree::Value {
    let text = match style {
        Style::Plain => return plain(&folded(raw)),
        Style::Single => folded(raw).replace("''", "'"),
        Style::Double => unescaped(&folded(raw)),
        Style::Literal => unindented(raw).join("\n") + "\n",
        Style::Folded => joined(&unindented(raw)) + "\n",
    };
    tree::Value::Scalar(Scalar::Text, text)
}

/// Reads what a plain word stands for.
fn plain(text: &str) -> tree::Value {
    let kind = match text {
        "" | "~" | "null" | "Null" | "NULL" => return tree::Value::Null,
        "true" | "True" | "TRUE" | "yes" | "on" => Scalar::Flag(true),
        "false" | "False" | "FALSE" | "no" | "off" => Scalar::Flag(false),
        _ => match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(whole), _) => Scalar::Whole(whole),
            (_, Ok(number)) if text.starts_with(|it: char| it.is_ascii_digit() || it == '-') => Scalar::Number(number),
            _ => Scalar::Text,
        },
    };
    tree::Value::Scalar(kind, text.to_owned())
}

fn folded(raw: &str) -> String {
    if !raw.contains('\n') {
        return raw.to_owned();
    }
    let mut lines = raw.lines();
    let first = lines.next().unwrap_or_default().trim_end().to_owned();
    let rest: Vec<&str> = lines.map(str::trim).collect();
    joined(&std::iter::once(first.as_str()).chain(rest).collect::<Vec<_>>())
}

/// Joins lines by spaces; an empty one is a line end.
fn joined(lines: &[&str]) -> String {
    let mut text = String::new();
    let mut ended = true;
    for line in lines {
        if line.is_empty() {
            text.push('\n');
            ended = true;
            continue;
        }
        if !ended {
            text.push(' ');
        }
        text.push_str(line);
        ended = false;
    }
    text
}

fn unindented(raw: &str) -> Vec<&str> {
    let lines: Vec<&str> = raw.lines().collect();
    let indent = |it: &&str| it.len() - it.trim_start_matches(' ').len();
    let least = lines.iter().find(|it| !it.trim().is_empty()).map_or(0, indent);
    lines.into_iter().map(|it| it.get(least.min(indent(&it))..).unwrap_or_default()).collect()
}

fn unescaped(raw: &str) -> String {
    let mut text = String::new();
    let mut all = raw.chars();
    while let Some(it) = all.next() {
        match (it, if it == '\\' { all.next() } else { None }) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('t')) => text.push('\t'),
            ('\\', Some(other)) => text.push(other),
            ('\\', None) => {}
            (other, _) => text.push(other),
        }
    }
    text
}
