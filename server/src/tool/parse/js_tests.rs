//! The JSON that jest, vitest (the same form) and mocha write into a file.

use serde::Deserialize;

use super::{Base, Tally, json_in};
use crate::finding::Place;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    test_results: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    assertion_results: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    status: String,
    #[serde(default)]
    failure_messages: Vec<String>,
}

/// Reads a report of jest or vitest; `None` where it is not one.
pub fn jest(report: &str, base: Base<'_>) -> Option<Tally> {
    let report: Report = serde_json::from_value(json_in(report)?).ok()?;
    let mut tally = Tally::default();
    for file in report.test_results {
        let path = base.path(&file.name);
        let mut failed_here = false;
        for case in file.assertion_results {
            match case.status.as_str() {
                "passed" => tally.passed += 1,
                "failed" => {
                    failed_here = true;
                    let message = case.failure_messages.join("\n");
                    let place = base.place_in_trace(&message).or_else(|| path.clone().map(first_line));
                    tally.fail(case.full_name.trim(), place, without_frames(&message));
                }
                _ => tally.skipped += 1,
            }
        }
        // The file itself could not be run: it has no failed case to blame.
        if file.status == "failed" && !failed_here {
            let place = path.clone().map(first_line);
            tally.fail(path.unwrap_or(file.name), place, &file.message);
        }
    }
    Some(tally)
}

#[derive(Debug, Deserialize)]
struct MochaReport {
    passes: Vec<serde::de::IgnoredAny>,
    pending: Vec<serde::de::IgnoredAny>,
    failures: Vec<MochaCase>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MochaCase {
    #[serde(default)]
    full_title: String,
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    err: MochaError,
}

#[derive(Debug, Default, Deserialize)]
struct MochaError {
    #[serde(default)]
    message: String,
    #[serde(default)]
    stack: String,
}

/// Reads a report of mocha; `None` where it is not one.
pub fn mocha(report: &str, base: Base<'_>) -> Option<Tally> {
    let report: MochaReport = serde_json::from_value(json_in(report)?).ok()?;
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let mut tally =
        Tally { passed: number(report.passes.len()), skipped: number(report.pending.len()), ..Tally::default() };
    for case in report.failures {
        let in_file = || case.file.as_deref().and_then(|it| base.path(it)).map(first_line);
        let place = base.place_in_trace(&case.err.stack).or_else(in_file);
        let said = if case.err.message.is_empty() { without_frames(&case.err.stack) } else { &case.err.message };
        tally.fail(case.full_title.as_str(), place, said);
    }
    Some(tally)
}

fn first_line(path: String) -> Place {
    Place { path, line: 1, column: 1, end_line: None, end_column: None }
}

/// Returns an error's text without the frames below it.
fn without_frames(message: &str) -> &str {
    message.find("\n    at ").map_or(message, |at| &message[..at])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show_tally};

    const JEST: &str = include_str!("../../../../tests/fixtures/tools/jest.json");
    const VITEST: &str = include_str!("../../../../tests/fixtures/tools/vitest.json");
    const MOCHA: &str = include_str!("../../../../tests/fixtures/tools/mocha.json");

    #[test]
    fn jest_is_read() {
        insta::assert_snapshot!(show_tally(&jest(JEST, BASE).unwrap()), @r"
        1 passed, 2 failed, 1 skipped
        mean of none @ stats.test.js:3: Error: expect(received).toBe(expected) // Object.is equality
        broken.test.js @ broken.test.js:1: ● Test suite failed to run
        ");
    }

    #[test]
    fn vitest_is_read() {
        insta::assert_snapshot!(show_tally(&jest(VITEST, BASE).unwrap()), @r"
        1 passed, 2 failed, 1 skipped
        t/broken.test.mjs @ t/broken.test.mjs:1: Cannot find module './nope.mjs' imported from /project/t/broken.test.mjs
        mean of none @ t/stats.test.mjs:4: AssertionError: expected NaN to be +0 // Object.is equality
        ");
    }

    #[test]
    fn mocha_is_read() {
        insta::assert_snapshot!(show_tally(&mocha(MOCHA, BASE).unwrap()), @r"
        1 passed, 1 failed, 1 skipped
        mean of none @ m.js:2: 1 == 0
        ");
    }

    #[test]
    fn nothing_in_a_report_breaks_it() {
        batter(JEST, &|it| drop(jest(it, BASE)));
        batter(VITEST, &|it| drop(jest(it, BASE)));
        batter(MOCHA, &|it| drop(mocha(it, BASE)));
    }
}
