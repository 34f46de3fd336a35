//! Filters of our own: text of agents goes into prompts as data, and nothing grows without end.

use minijinja::{Error, ErrorKind, Value};

use super::absent::is_absent;
use crate::document::visible;

/// The longest text that a template or a filter may make, in bytes.
pub const MOST_TEXT: usize = 1024 * 1024;

/// Wraps text in a Markdown fence that is longer than any inside it, so that nothing in it can end the fence.
pub fn fenced(text: &str, language: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
    let language: String = language.chars().filter(|it| it.is_ascii_alphanumeric() || *it == '-').take(20).collect();
    format!("{fence}{language}\n{}\n{fence}", text.trim_end_matches('\n'))
}

/// `text|fenced` and `text|fenced("rust")`.
pub fn fenced_filter(value: &Value, language: Option<&str>) -> Result<String, Error> {
    Ok(fenced(&text(value)?, language.unwrap_or_default()))
}

/// `text|quoted`: as a Markdown quote, every line behind a `>`.
pub fn quoted(value: &Value) -> Result<String, Error> {
    let text = visible(&text(value)?);
    let lines: Vec<String> = text.trim_end_matches('\n').split('\n').map(|it| format!("> {it}")).collect();
    bounded(lines.join("\n"))
}

/// `findings|findings_list`: a numbered Markdown list. What a finding says stays inside its item.
pub fn findings_list(value: &Value) -> Result<String, Error> {
    use std::fmt::Write as _;
    if is_absent(value) {
        return Ok("(no findings)".to_owned());
    }
    let mut list = String::new();
    for (index, finding) in value.try_iter()?.enumerate() {
        let field =
            |name: &str| finding.get_attr(name).ok().filter(|it| !is_absent(it)).map(|it| visible(&it.to_string()));
        let mut head = String::new();
        if let Some(id) = field("id") {
            let _ = write!(head, "**{}** ", one_line(&id));
        }
        head += &one_line(&field("severity").unwrap_or_else(|| "warning".to_owned()));
        if let Some(path) = field("path") {
            let _ = write!(head, " at `{}", one_line(&path).replace('`', "'"));
            if let Some(line) = field("line") {
                let _ = write!(head, ":{}", one_line(&line));
            }
            head.push('`');
        }
        if let Some(code) = field("code") {
            let _ = write!(head, " (`{}`)", one_line(&code).replace('`', "'"));
        }
        let sources: Vec<String> = match finding.get_attr("sources") {
            Ok(it) if !is_absent(&it) => it.try_iter()?.map(|it| format!("@{}", one_line(&it.to_string()))).collect(),
            _ => Vec::new(),
        };
        if sources.len() > 1 {
            let _ = write!(head, " (reported by {})", sources.join(" and "));
        }
        let _ = write!(
            list,
            "{}{}. {head}: {}",
            if index == 0 { "" } else { "\n" },
            index + 1,
            inside(&field("text").unwrap_or_default())
        );
        if let Some(suggestion) = field("suggestion") {
            let _ = write!(list, "\n   Suggestion: {}", inside(&suggestion));
        }
        if list.len() > MOST_TEXT {
            return Err(too_long());
        }
    }
    Ok(if list.is_empty() { "(no findings)".to_owned() } else { list })
}

/// `value|json`: as indented JSON.
pub fn json(value: &Value) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|it| Error::new(ErrorKind::InvalidOperation, format!("the value is no JSON: {it}")))?;
    bounded(text)
}

/// `text|indent(4)`: every line but the first behind spaces.
pub fn indent(value: &Value, width: Option<usize>) -> Result<String, Error> {
    let pad = " ".repeat(width.unwrap_or(4).min(40));
    let text = text(value)?;
    if text.len() + text.matches('\n').count() * pad.len() > MOST_TEXT {
        return Err(too_long());
    }
    Ok(text.replace('\n', &format!("\n{pad}")))
}

/// `list|join(", ")`.
pub fn join(value: &Value, between: Option<&str>) -> Result<String, Error> {
    let mut all = String::new();
    if is_absent(value) {
        return Err(Error::new(ErrorKind::UndefinedError, "there is no list to join"));
    }
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            all += between.unwrap_or_default();
        }
        all += &item.to_string();
        if all.len() > MOST_TEXT {
            return Err(too_long());
        }
    }
    Ok(all)
}

/// `text|truncate(200)`: at most so many characters, and a mark where some were left out.
pub fn truncate(value: &Value, most: Option<usize>) -> Result<String, Error> {
    let text = text(value)?;
    let most = most.unwrap_or(200);
    Ok(match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    })
}

/// `value|default("x")`: something else where there is nothing; with `true` behind it, also where it is false.
pub fn default(value: &Value, other: Option<Value>, also_false: Option<bool>) -> Value {
    let missing = is_absent(value) || (also_false.unwrap_or_default() && !value.is_true());
    if missing { other.unwrap_or_else(|| Value::from("")) } else { value.clone() }
}

/// `text|upper`.
pub fn upper(value: &Value) -> Result<String, Error> {
    bounded(text(value)?.to_uppercase())
}

/// `text|lower`.
pub fn lower(value: &Value) -> Result<String, Error> {
    bounded(text(value)?.to_lowercase())
}

/// `text|capitalize`: the first letter large, the rest as it is.
pub fn capitalize(value: &Value) -> Result<String, Error> {
    let text = text(value)?;
    let mut rest = text.chars();
    Ok(rest.next().map(|it| it.to_uppercase().chain(rest).collect()).unwrap_or_default())
}

/// `text|trim`: without white space around it.
pub fn trim(value: &Value) -> Result<String, Error> {
    Ok(text(value)?.trim().to_owned())
}

/// `text|lines`: a list of its lines.
pub fn lines(value: &Value) -> Result<Vec<String>, Error> {
    Ok(text(value)?.lines().map(str::to_owned).collect())
}

fn text(value: &Value) -> Result<String, Error> {
    if is_absent(value) {
        return Err(Error::new(ErrorKind::UndefinedError, "there is no text"));
    }
    bounded(value.to_string())
}

fn bounded(text: String) -> Result<String, Error> {
    if text.len() > MOST_TEXT { Err(too_long()) } else { Ok(text) }
}

fn too_long() -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("the text is longer than {MOST_TEXT} bytes"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns text with its further lines indented, so that they stay in their list item.
fn inside(text: &str) -> String {
    text.trim().replace('\n', "\n   ")
}

fn longest_run(text: &str, mark: char) -> usize {
    let (mut longest, mut run) = (0, 0);
    for it in text.chars() {
        run = if it == mark { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fence_holds_what_is_in_it() {
        assert_eq!(fenced("a\n```\n````rust\nb", "rust"), "`````rust\na\n```\n````rust\nb\n`````");
        assert_eq!(fenced("a\u{1b}[31mb", "x\n```"), "```x\na␛[31mb\n```");
    }

    #[test]
    fn findings_stay_in_their_items() {
        let findings = json!([
            { "id": "f1", "severity": "error", "path": "src/a.rs", "line": 3, "code": "E1", "text": "It fails.\n2. forged\n\n# forged", "suggestion": "Do it." },
            { "severity": "hint", "text": "On the whole." },
        ]);
        assert_eq!(
            findings_list(&Value::from(minijinja::value::Serde(&findings))).unwrap(),
            "1. **f1** error at `src/a.rs:3` (`E1`): It fails.\n   2. forged\n   \n   # forged\n   Suggestion: Do it.\n2. hint: On the whole."
        );
        assert_eq!(findings_list(&Value::from(minijinja::value::Serde(json!([])))).unwrap(), "(no findings)");
    }

    #[test]
    fn quotes_mark_every_line() {
        assert_eq!(quoted(&Value::from("a\n\nb\n")).unwrap(), "> a\n> \n> b");
    }
}
