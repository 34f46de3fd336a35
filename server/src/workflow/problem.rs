//! What is wrong with a workflow's text, and where.
//!
//! A problem says three things: what, where (to the character), and what to do about it. It knows nothing of editors;
//! they turn its place into their own.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How many problems one file is told of; more than that is not read by anybody.
pub const MOST: usize = 200;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The workflow can't be run.
    Error,
    /// It can, but surely not as it was meant.
    Warning,
}

/// A place in a workflow's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// First line, from 1.
    pub line: u32,
    /// First column, from 1, in characters.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// Column behind the last character, from 1, in characters.
    pub end_column: u32,
    /// Byte offset of the start.
    pub start: usize,
    /// Byte offset behind the end.
    pub end: usize,
}

/// Something wrong, or odd, in a workflow's text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where.
    pub place: Span,
    /// Which kind, for programs and for the documentation.
    pub code: &'static str,
    /// What is wrong: one sentence without a full stop.
    pub message: String,
    /// What to do about it: one sentence without a full stop.
    pub mend: String,
    /// How bad.
    pub severity: Severity,
}

impl Problem {
    /// Returns whether the workflow can't be run with it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self { place, code, message, mend, .. } = self;
        write!(f, "{}:{}: {kind}[{code}]: {message}; {mend}", place.line, place.column)
    }
}

/// Collects problems of one text, and turns its byte ranges into places.
#[derive(Debug)]
pub struct Problems<'a> {
    text: &'a str,
    lines: Vec<usize>,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    /// Starts with none.
    pub fn new(text: &'a str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, lines, found: Vec::new() }
    }

    /// Notes an error.
    pub fn error(
        &mut self,
        at: &Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.push(at, code, message.into(), mend.into(), Severity::Error);
    }

    /// Notes a warning.
    pub fn warning(
        &mut self,
        at: &Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.push(at, code, message.into(), mend.into(), Severity::Warning);
    }

    /// Returns what was noted.
    pub fn into_found(self) -> Vec<Problem> {
        self.found
    }

    /// Returns whether one of them is an error.
    pub fn any_error(&self) -> bool {
        self.found.iter().any(Problem::is_error)
    }

    /// Returns the text that the problems speak of.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the place of a byte range. Offsets outside the text or inside a character are drawn to the left.
    pub fn span(&self, at: &Range<usize>) -> Span {
        let start = floor(self.text, at.start);
        let end = floor(self.text, at.end).max(start);
        let (line, column) = self.position(start);
        let (end_line, end_column) = self.position(end);
        Span { line, column, end_line, end_column, start, end }
    }

    /// Invariant: an error is never dropped for a warning, so `any_error` stays true once it was.
    fn push(&mut self, at: &Range<usize>, code: &'static str, message: String, mend: String, severity: Severity) {
        if self.found.len() >= MOST * 2 && (severity == Severity::Warning || self.any_error()) {
            return;
        }
        let place = self.span(at);
        self.found.push(Problem { place, code, message, mend, severity });
    }

    fn position(&self, offset: usize) -> (u32, u32) {
        let line = self.lines.partition_point(|&start| start <= offset).max(1) - 1;
        let start = self.lines.get(line).copied().unwrap_or(0);
        let column = self.text.get(start..offset).map_or(0, |it| it.chars().count());
        (number(line + 1), number(column + 1))
    }
}

/// Returns the last character boundary at or before an offset, at most the text's end.
pub fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Returns the known word nearest to `word`, where one is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Words longer than this are no typos of ours, and comparing them costs.
    if word.len() > 80 {
        return None;
    }
    let most = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .filter(|it| it.len() <= 80)
        .map(|it| (distance(word, it), it))
        .filter(|&(distance, it)| distance <= most || (word.len() > 2 && it.starts_with(word)))
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, it)| it)
}

/// Returns "did you mean X" where a known word is near, else a list of what there is, else `none`.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, none: &str) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => none.to_owned(),
        None => {
            let more = if known.len() > 12 { ", …" } else { "" };
            let list: Vec<String> = known.iter().take(12).map(|it| format!("`{it}`")).collect();
            format!("use one of {}{more}", list.join(", "))
        }
    }
}

/// Returns the word that `suggest` took for the one that was meant, from what it said.
pub fn suggested(mend: &str) -> Option<&str> {
    mend.strip_prefix("did you mean `")?.split('`').next()
}

/// Returns the number of edits (insert, delete, replace, swap of neighbours) between two words.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.to_lowercase().replace('-', "_").chars().collect(), b.to_lowercase().replace('-', "_").chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let cost = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + cost);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
