//! `cargo … --message-format=json`: rustc's and clippy's diagnostics, with the edits that they call machine-applicable.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Base;
use crate::{
    finding::{FindingDraft, Place, Severity},
    tool::remark::{Edit, Fix, Remark, Span},
};

/// The words by which a line is known as cargo's, and not one that a test printed.
const REASONS: [&str; 4] = ["compiler-message", "compiler-artifact", "build-script-executed", "build-finished"];

/// One line of cargo's JSON.
#[derive(Debug, Deserialize)]
struct Line {
    reason: String,
    #[serde(default)]
    message: Option<Diagnostic>,
}

#[derive(Debug, Deserialize)]
struct Diagnostic {
    message: String,
    #[serde(default)]
    code: Option<Code>,
    level: String,
    #[serde(default)]
    spans: Vec<RustSpan>,
    #[serde(default)]
    children: Vec<Diagnostic>,
    #[serde(default)]
    rendered: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Code {
    code: String,
}

#[derive(Debug, Deserialize)]
struct RustSpan {
    file_name: String,
    byte_start: usize,
    byte_end: usize,
    line_start: u32,
    line_end: u32,
    column_start: u32,
    column_end: u32,
    #[serde(default)]
    is_primary: bool,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    suggested_replacement: Option<String>,
    #[serde(default)]
    suggestion_applicability: Option<String>,
    #[serde(default)]
    expansion: Option<Box<Expansion>>,
}

#[derive(Debug, Deserialize)]
struct Expansion {
    span: RustSpan,
}

/// What people see of cargo's output: each diagnostic once, though it comes for every target that has the file.
#[derive(Default)]
pub struct ForPeople {
    shown: BTreeSet<String>,
}

impl ForPeople {
    /// How many diagnostics are remembered.
    const MOST: usize = 2_000;

    /// Returns what people see of a line: the rendered diagnostic of a JSON line, nothing for cargo's other JSON, and every
    /// other line as it is.
    pub fn line(&mut self, line: &str) -> Option<String> {
        let Some(parsed) = parse_line(line) else { return Some(line.to_owned()) };
        let rendered = parsed.message?.rendered.map(|it| it.trim_end().to_owned() + "\n")?;
        let is_new = self.shown.len() >= Self::MOST || self.shown.insert(rendered.clone());
        is_new.then_some(rendered)
    }
}

/// Returns whether a line is cargo's JSON, not the output of a test.
pub fn is_message(line: &str) -> bool {
    parse_line(line).is_some()
}

/// Reads a whole output. Lines that are not cargo's JSON are passed over.
pub fn read(output: &str, base: Base<'_>) -> Vec<Remark> {
    output.lines().filter_map(parse_line).filter_map(|it| it.message).filter_map(|it| remark(&it, base)).collect()
}

fn parse_line(line: &str) -> Option<Line> {
    if !line.starts_with("{\"") {
        return None;
    }
    let parsed: Line = serde_json::from_str(line).ok()?;
    REASONS.contains(&parsed.reason.as_str()).then_some(parsed)
}

fn remark(it: &Diagnostic, base: Base<'_>) -> Option<Remark> {
    let severity = match it.level.as_str() {
        "warning" => Severity::Warning,
        "note" => Severity::Info,
        "help" => Severity::Hint,
        level if level.starts_with("error") => Severity::Error,
        _ => return None,
    };
    let primary = it.spans.iter().find(|it| it.is_primary).or(it.spans.first());
    if primary.is_none() && is_closing_word(&it.message) {
        return None;
    }
    let place = match primary {
        // Of code outside (a dependency, the standard library) the project's developer can change nothing.
        Some(span) => Some(place(span, base)?),
        None => None,
    };
    let label =
        primary.and_then(|it| it.label.as_deref()).filter(|label| !label.is_empty() && !it.message.contains(label));
    let text = label.map_or(it.message.clone(), |label| format!("{}: {label}", it.message));
    let code = it.code.as_ref().map(|it| &it.code);
    let code = code.map(|it| if it.starts_with("clippy::") { it.clone() } else { format!("rustc::{it}") });
    let fix = fix(it, base);
    let suggestion = suggestion(it, &fix);
    Some(Remark { draft: FindingDraft { id: None, place, severity, code, text, suggestion, excerpt: None }, fix })
}

/// Returns whether this only counts the others.
fn is_closing_word(message: &str) -> bool {
    ["aborting due to", "could not compile", "Some errors have detailed", "For more information about"]
        .iter()
        .any(|it| message.starts_with(it))
        || message.ends_with("emitted")
}

/// Returns a span's place: where it is in a macro of others, the place in the project from which that was called.
fn place(span: &RustSpan, base: Base<'_>) -> Option<Place> {
    let mut span = span;
    // A chain of expansions is as long as the macros are deep; rustc's own limit is 128.
    for _ in 0..256 {
        if let Some(path) = base.path(&span.file_name) {
            return Some(Place {
                path,
                line: span.line_start,
                column: span.column_start,
                end_line: (span.line_end != span.line_start).then_some(span.line_end),
                end_column: Some(span.column_end),
            });
        }
        span = &span.expansion.as_ref()?.span;
    }
    None
}

/// Returns the edits of the first suggestion that is machine-applicable as a whole.
fn fix(it: &Diagnostic, base: Base<'_>) -> Fix {
    let mut any = false;
    for part in std::iter::once(it).chain(&it.children) {
        let spans: Vec<&RustSpan> = part.spans.iter().filter(|it| it.suggested_replacement.is_some()).collect();
        any |= !spans.is_empty();
        let safe = spans.iter().all(|it| it.suggestion_applicability.as_deref() == Some("MachineApplicable"));
        if spans.is_empty() || !safe {
            continue;
        }
        let edits: Option<Vec<Edit>> = spans
            .iter()
            .map(|it| {
                Some(Edit {
                    path: base.path(&it.file_name)?,
                    span: Span::Bytes(it.byte_start, it.byte_end),
                    text: it.suggested_replacement.clone()?,
                })
            })
            .collect();
        if let Some(edits) = edits {
            return Fix::Edits(edits);
        }
    }
    if any { Fix::Unsafe } else { Fix::None }
}

fn suggestion(it: &Diagnostic, fix: &Fix) -> Option<String> {
    let child = it.children.iter().find(|it| it.spans.iter().any(|it| it.suggested_replacement.is_some()));
    let help =
        || it.children.iter().find(|it| it.level == "help" && !it.message.starts_with("for further information"));
    let child = child.or_else(help)?;
    let mut text = child.message.clone();
    let replacements: Vec<&str> = child.spans.iter().filter_map(|it| it.suggested_replacement.as_deref()).collect();
    if let [one] = replacements.as_slice()
        && !one.trim().is_empty()
        && !one.contains('\n')
    {
        text = format!("{text}: `{}`", one.trim());
    }
    if matches!(fix, Fix::Edits(_)) {
        text += " (machine-applicable: `cargo clippy --fix` or an autofix step can do it)";
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show};

    const CLIPPY: &str = include_str!("../../../../tests/fixtures/tools/clippy.jsonl");
    const BROKEN: &str = include_str!("../../../../tests/fixtures/tools/clippy_broken.jsonl");

    #[test]
    fn clippy_is_read_with_its_fixes() {
        insta::assert_snapshot!(show(&read(CLIPPY, BASE)), @r"
        src/lib.rs:14:5 Warning clippy::cast_abs_to_unsigned casting the result of `i32::abs()` to u32 [fix]
        src/lib.rs:19:8 Warning clippy::len_zero length comparison to zero [fix]
        src/lib.rs:29:5 Warning clippy::needless_return unneeded `return` statement [fix]
        src/lib.rs:33:1 Warning clippy::too_many_arguments this function has too many arguments (8/7)
        src/lib.rs:14:5 Warning clippy::cast_abs_to_unsigned casting the result of `i32::abs()` to u32 [fix]
        src/lib.rs:19:8 Warning clippy::len_zero length comparison to zero [fix]
        src/lib.rs:29:5 Warning clippy::needless_return unneeded `return` statement [fix]
        src/lib.rs:33:1 Warning clippy::too_many_arguments this function has too many arguments (8/7)
        ");
    }

    #[test]
    fn compile_errors_are_read() {
        insta::assert_snapshot!(show(&read(BROKEN, BASE)), @r"
        src/lib.rs:5:7 Error rustc::E0277 cannot add `&str` to `i32`: no implementation for `i32 + &str`
        src/lib.rs:10:20 Error rustc::E0425 cannot find value `missing` in this scope: not found in this scope
        src/lib.rs:5:7 Error rustc::E0277 cannot add `&str` to `i32`: no implementation for `i32 + &str`
        ");
    }

    #[test]
    fn people_see_the_rendered_text_and_foreign_lines() {
        let mut people = ForPeople::default();
        let first = CLIPPY.lines().next().unwrap();
        assert!(people.line(first).unwrap().starts_with("warning: casting the result"));
        assert_eq!(people.line(first), None, "it comes again for the tests of the library");
        assert_eq!(people.line(r#"{"reason":"build-finished","success":true}"#), None);
        assert_eq!(people.line("running 1 test").as_deref(), Some("running 1 test"));
        assert_eq!(people.line("running 1 test").as_deref(), Some("running 1 test"));
        assert_eq!(people.line(r#"{"reason":"a test's own"}"#).as_deref(), Some(r#"{"reason":"a test's own"}"#));
    }

    #[test]
    fn nothing_that_cargo_could_print_breaks_it() {
        batter(BROKEN, &|it| drop(read(it, BASE)));
    }
}
