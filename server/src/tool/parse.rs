//! Parsers: what a tool printed goes in, remarks or a tally come out.
//!
//! Pure, and total: cut streams, foreign lines and garbage cost what they say and nothing else. None of them panics.

use super::text;
use crate::{finding::Place, outcome::TestFailure};

pub mod cargo;
pub mod compiler;
pub mod eslint;
pub mod go;
pub mod js_tests;
pub mod junit;
pub mod libtest;
pub mod ruff;
pub mod tap;
pub mod unittest;

/// The longest message of one failure, in bytes.
const LONGEST: usize = 4_000;

/// Where a tool ran: what its paths are taken from.
#[derive(Debug, Clone, Copy)]
pub struct Base<'a> {
    /// The root, absolute.
    pub root: &'a str,
    /// The folder, from the root, that relative paths start at.
    pub dir: &'a str,
}

impl Base<'_> {
    /// Returns a printed path as a path from the root; `None` where it is outside, or in a folder that others made.
    pub fn path(&self, printed: &str) -> Option<String> {
        let path = text::from_root(self.root, self.dir, printed)?;
        (!path.split('/').any(super::files::is_skipped)).then_some(path)
    }

    /// Returns the place that a text such as `src/a.rs:1:2` begins with, where it is inside.
    pub fn place(&self, printed: &str) -> Option<Place> {
        let (path, line, column, _) = text::split_place(printed.trim_start())?;
        Some(Place { path: self.path(path)?, line, column, end_line: None, end_column: None })
    }

    /// Returns the first place inside the root that any line of a trace names, whatever is written before it.
    pub fn place_in_trace(&self, trace: &str) -> Option<Place> {
        trace.lines().take(500).find_map(|line| {
            line.split([' ', '(', '\t']).filter(|it| it.contains(':')).take(50).find_map(|it| {
                let it = it.strip_prefix("file://").unwrap_or(it);
                let looks_like_a_file = it.split(':').next().is_some_and(|it| it.contains('.') || it.contains('/'));
                if looks_like_a_file { self.place(it) } else { None }
            })
        })
    }
}

/// What a test run came to, in numbers and failures.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many passed.
    pub passed: u32,
    /// How many failed; at least as many as `failures`.
    pub failed: u32,
    /// How many were skipped.
    pub skipped: u32,
    /// The failures.
    pub failures: Vec<TestFailure>,
}

impl Tally {
    /// Adds a failure.
    pub fn fail(&mut self, name: impl Into<String>, place: Option<Place>, message: &str) {
        self.failed = self.failed.saturating_add(1);
        self.describe(name, place, message);
    }

    /// Adds what is known of a failure that is counted already.
    pub fn describe(&mut self, name: impl Into<String>, place: Option<Place>, message: &str) {
        let message = text::head(text::plain(message).trim(), LONGEST);
        self.failures.push(TestFailure { name: text::head(&text::plain(&name.into()), 400), place, message });
    }

    /// Adds another run's.
    pub fn add(&mut self, other: Self) {
        self.passed = self.passed.saturating_add(other.passed);
        self.failed = self.failed.saturating_add(other.failed);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.failures.extend(other.failures);
    }
}

/// Returns the first JSON value in a text that may have other lines before and after it.
pub fn json_in(text: &str) -> Option<serde_json::Value> {
    let starts = text.match_indices(['{', '[']).map(|(at, _)| at);
    starts
        .filter(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n')
        .take(20)
        .find_map(|at| serde_json::Deserializer::from_str(&text[at..]).into_iter().next()?.ok())
}

#[cfg(test)]
pub(super) mod testing {
    //! What the parsers' tests share.

    use super::{Base, Tally};
    use crate::tool::remark::{Fix, Remark};

    /// The place in which the fixtures were recorded.
    pub const BASE: Base<'static> = Base { root: "/project", dir: "" };

    /// Shows remarks, a line each.
    pub fn show(remarks: &[Remark]) -> String {
        remarks.iter().fold(String::new(), |all, it| {
            let place =
                it.draft.place.as_ref().map_or("-".to_owned(), |it| format!("{}:{}:{}", it.path, it.line, it.column));
            let fix = match &it.fix {
                Fix::None => "",
                Fix::Unsafe => " [unsafe fix]",
                Fix::Edits(_) => " [fix]",
            };
            let code = it.draft.code.as_deref().unwrap_or("-");
            all + &format!("{place} {:?} {code} {}{fix}\n", it.draft.severity, it.draft.text)
        })
    }

    /// Shows a tally: the numbers, then a line for each failure with its message's first line.
    pub fn show_tally(tally: &Tally) -> String {
        let head = format!("{} passed, {} failed, {} skipped\n", tally.passed, tally.failed, tally.skipped);
        tally.failures.iter().fold(head, |all, it| {
            let place = it.place.as_ref().map_or("-".to_owned(), |it| format!("{}:{}", it.path, it.line));
            all + &format!("{} @ {place}: {}\n", it.name, it.message.lines().next().unwrap_or(""))
        })
    }

    /// Calls `parse` with every beginning of `text` (in steps) and with bytes of it replaced: it must not panic.
    pub fn batter(text: &str, parse: &dyn Fn(&str)) {
        let step = (text.len() / 150).max(1);
        for end in (0..text.len()).step_by(step).filter(|it| text.is_char_boundary(*it)) {
            parse(&text[..end]);
            let with = ["\0", "}", "\"", "<", "\n", "😀", ":", "99999999999999999999"][end % 8];
            let rest = (end + 1..=text.len()).find(|it| text.is_char_boundary(*it)).unwrap_or(text.len());
            parse(&format!("{}{with}{}", &text[..end], &text[rest..]));
        }
        parse(&text.replace('\n', "\r\n"));
        parse(&"[".repeat(200_000));
        parse(&"{\"a\":".repeat(100_000));
        parse(&"<a ".repeat(100_000));
    }
}
