//! The documents of all other results: what may be edited stands between marks, the rest is only shown.

use std::fmt::Write as _;

use super::{
    DocumentError, Header, MOST_DOCUMENT,
    escape::{cut, one_line, prose, visible},
    head, region,
};
use crate::{
    outcome::{ChangeResult, JsonResult, PlanResult, TestVerdict, TestsResult, TextResult, TypedResult},
    workflow::prompt::fenced,
};

/// The longest editable text that is shown, in characters. What was cut is gone from what is approved.
const MOST_TEXT: usize = 200_000;
/// The most entries of a list that is only shown.
const MOST_SHOWN: usize = 200;

/// Returns the document of a result. A review is shown without its boxes; `review_document` is the one to edit.
pub fn result_document(header: &Header, result: &TypedResult) -> String {
    let mut document = head(header);
    match result {
        TypedResult::Text(it) => {
            document += "> The text between the two marks goes on. Change it as you like, and save.\n\n";
            document += &region::write("text", &it.text, &shown(&it.text).0);
        }
        TypedResult::Plan(it) => {
            document +=
                "> The summary and the numbered steps go on. Change, delete, add or reorder them, and save.\n\n";
            document += &region::write("summary", &it.summary, &shown(&it.summary).0);
            document += &region::write("steps", &it.steps.join("\n"), &steps(&it.steps).0);
        }
        TypedResult::Json(it) => {
            document += "> The JSON between the two marks goes on. Change its values, and save.\n\n";
            let json = pretty(it);
            document += &region::write("json", &json, &format!("```json\n{json}\n```"));
        }
        TypedResult::Change(it) => {
            document += SUMMARY;
            document += &region::write("summary", &it.summary, &shown(&it.summary).0);
            change(&mut document, it);
        }
        TypedResult::Tests(it) => {
            document += SUMMARY;
            document += &region::write("summary", &it.summary, &shown(&it.summary).0);
            tests(&mut document, it);
        }
        TypedResult::Review(it) => {
            document += SUMMARY;
            document += &region::write("summary", &it.summary, &shown(&it.summary).0);
            let texts = it.findings.iter().map(|it| {
                let place =
                    it.place.as_ref().map_or(String::new(), |at| format!("{}:{}: ", one_line(&at.path), at.line));
                format!("{place}{}", one_line(&it.text))
            });
            list(&mut document, "Findings", texts);
        }
    }
    document.truncate(document.trim_end().len());
    document.push('\n');
    document
}

/// Reads what a person made of the document of `shown_result`. Unedited, the same result comes back, but for what was cut.
pub fn read_result(edited: &str, shown_result: &TypedResult) -> Result<TypedResult, DocumentError> {
    if edited.len() > 4 * MOST_DOCUMENT {
        return Err(DocumentError::new(
            1,
            format!("the document is longer than {} bytes; shorten it", 4 * MOST_DOCUMENT),
        ));
    }
    let mut result = shown_result.clone();
    match &mut result {
        TypedResult::Text(TextResult { text }) => *text = read_text(edited, "text", text)?,
        TypedResult::Plan(PlanResult { summary, steps }) => {
            *summary = read_text(edited, "summary", summary)?;
            *steps = read_steps(edited, steps)?;
        }
        TypedResult::Json(json) => json.value = read_json(edited, json)?,
        TypedResult::Change(it) => it.summary = read_text(edited, "summary", &it.summary)?,
        TypedResult::Tests(it) => it.summary = read_text(edited, "summary", &it.summary)?,
        TypedResult::Review(it) => it.summary = read_text(edited, "summary", &it.summary)?,
    }
    Ok(result)
}

const SUMMARY: &str = "> The summary between the two marks may be changed; the rest is only shown.\n\n";

/// Returns a text as it is shown for editing, and whether it was cut.
fn shown(text: &str) -> (String, bool) {
    let (text, was_cut) = cut(text, MOST_TEXT);
    (visible(&text), was_cut)
}

fn read_text(edited: &str, name: &str, original: &str) -> Result<String, DocumentError> {
    let (_, lines) = region::read(edited, name, original)?;
    let (shown, was_cut) = shown(original);
    if !was_cut && same(&lines, &shown) {
        return Ok(original.to_owned());
    }
    Ok(lines.join("\n"))
}

/// Returns whether the lines are those that were shown, but for white space at their ends, which editors take away.
fn same(lines: &[&str], shown: &str) -> bool {
    // What `region::write` wrote is split by `lines` as what was read.
    let shown = format!("{shown}\n");
    lines.iter().map(|it| it.trim_end()).eq(shown.lines().map(str::trim_end))
}

/// Returns a plan's steps as a numbered list, and whether some were cut.
fn steps(steps: &[String]) -> (String, bool) {
    let mut was_cut = steps.len() > MOST_SHOWN;
    let mut list = Vec::new();
    for (index, step) in steps.iter().take(MOST_SHOWN).enumerate() {
        let (step, one_cut) = cut(step.trim(), MOST_TEXT / MOST_SHOWN);
        was_cut |= one_cut;
        let number = format!("{}. ", index + 1);
        let pad = " ".repeat(number.len());
        let text = visible(&step).replace('\n', &format!("\n{pad}"));
        list.push(format!("{number}{text}"));
    }
    (list.join("\n"), was_cut)
}

fn read_steps(edited: &str, original: &[String]) -> Result<Vec<String>, DocumentError> {
    let (first, lines) = region::read(edited, "steps", &original.join("\n"))?;
    let (shown, was_cut) = steps(original);
    if !was_cut && same(&lines, &shown) {
        return Ok(original.to_vec());
    }
    let mut all: Vec<Vec<&str>> = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(text) = numbered(line) {
            all.push(vec![text]);
        } else if line.trim().is_empty() || line.starts_with([' ', '\t']) {
            if let Some(step) = all.last_mut() {
                step.push(line.trim());
            }
        } else {
            let message = "this line belongs to no step; begin it with a number (`1. `), or indent it to add it to the step above";
            return Err(DocumentError::new(first + index, message));
        }
    }
    let steps: Vec<String> = all.iter().map(|it| it.join("\n").trim().to_owned()).filter(|it| !it.is_empty()).collect();
    if steps.is_empty() && !original.is_empty() {
        return Err(DocumentError::new(first, "no step is left; reject the plan, or write one step at least"));
    }
    Ok(steps)
}

/// Returns the text of a line that begins a step: a number or a dash stands before it.
fn numbered(line: &str) -> Option<&str> {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = if digits > 0 { line[digits..].strip_prefix(['.', ')'])? } else { line.strip_prefix(['-', '*'])? };
    (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim())
}

fn pretty(result: &JsonResult) -> String {
    serde_json::to_string_pretty(&result.value).unwrap_or_else(|_| "null".to_owned())
}

fn read_json(edited: &str, original: &JsonResult) -> Result<serde_json::Value, DocumentError> {
    let (first, lines) = region::read(edited, "json", &pretty(original))?;
    let is_fence = |it: &&str| it.trim_start().starts_with("```");
    // The fence may have been taken away; it is there for the eye.
    let skip = usize::from(lines.first().is_some_and(is_fence));
    let end = lines.len() - usize::from(lines.len() > skip && lines.last().is_some_and(is_fence));
    let text = lines.get(skip..end).unwrap_or_default().join("\n");
    serde_json::from_str(&text).map_err(|error| {
        let line = first + skip + error.line().max(1) - 1;
        DocumentError::new(line, format!("this is no JSON: {error}; mend it"))
    })
}

fn change(document: &mut String, it: &ChangeResult) {
    list(document, "Files", it.files.iter().map(|it| one_line(it)));
    list(document, "Fixed", it.fixed.iter().map(ToString::to_string));
    list(document, "Declined", it.declined.iter().map(|it| format!("{}: {}", it.finding, one_line(&it.reason))));
}

fn tests(document: &mut String, it: &TestsResult) {
    let verdict = match it.verdict {
        TestVerdict::Passed => "passed",
        TestVerdict::Failed => "failed",
        TestVerdict::None => "there was none to run",
    };
    let _ =
        writeln!(document, "Verdict: {verdict} ({} passed, {} failed, {} skipped)\n", it.passed, it.failed, it.skipped);
    for failure in it.failures.iter().take(MOST_SHOWN) {
        if document.len() > MOST_DOCUMENT / 2 {
            document.push_str("More failures do not fit here.\n");
            break;
        }
        let place =
            failure.place.as_ref().map_or(String::new(), |at| format!(" at {}:{}", one_line(&at.path), at.line));
        let _ = writeln!(
            document,
            "## {}{place}\n\n{}\n",
            one_line(&failure.name),
            fenced(&cut(&failure.message, 20_000).0, "")
        );
    }
}

/// Writes a list that is only shown, where it has something.
fn list(document: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let mut items = items.peekable();
    if items.peek().is_none() {
        return;
    }
    let _ = writeln!(document, "## {title}\n");
    for it in items.by_ref().take(MOST_SHOWN) {
        let _ = writeln!(document, "- {}", prose(&cut(&it, 2_000).0));
    }
    let more = items.count();
    if more > 0 {
        let _ = writeln!(document, "- … and {more} more");
    }
    document.push('\n');
}
