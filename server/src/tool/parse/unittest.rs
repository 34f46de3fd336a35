//! What `python -m unittest` prints on standard error.

use super::{Base, Tally};
use crate::{finding::Place, tool::text};

/// Reads a whole output; `None` where it has not the line `Ran n tests`.
pub fn read(output: &str, base: Base<'_>) -> Option<Tally> {
    let ran_line = output.lines().rev().find(|it| it.starts_with("Ran "))?;
    let (ran, _) = text::leading_number(ran_line.strip_prefix("Ran ")?)?;
    let mut tally = Tally::default();
    let rule = "=".repeat(70);
    for section in output.split(&format!("{rule}\n")).skip(1) {
        let Some((title, rest)) = section.split_once('\n') else { continue };
        let Some(name) = title.strip_prefix("FAIL: ").or_else(|| title.strip_prefix("ERROR: ")) else { continue };
        let body = rest.split_once('\n').map_or("", |(_, it)| it);
        let body = body.split(&format!("\n{}\n", "-".repeat(70))).next().unwrap_or(body);
        tally.fail(name, place(body, base), said(body));
    }
    let last = output.lines().rev().find(|it| !it.trim().is_empty()).unwrap_or("");
    tally.skipped = number(last, "skipped=").saturating_add(number(last, "expected failures="));
    // Failures of a subtest or of a set-up can be more than the tests that ran.
    tally.failed = tally.failed.max(number(last, "failures=").saturating_add(number(last, "errors=")));
    tally.passed = ran.saturating_sub(tally.failed).saturating_sub(tally.skipped);
    Some(tally)
}

fn number(line: &str, key: &str) -> u32 {
    line.find(key).and_then(|at| text::leading_number(&line[at + key.len()..])).map_or(0, |(it, _)| it)
}

/// Returns the innermost frame of a traceback that is in the project.
fn place(body: &str, base: Base<'_>) -> Option<Place> {
    body.lines().rev().find_map(|it| {
        let (path, rest) = it.trim_start().strip_prefix("File \"")?.split_once("\", line ")?;
        let (line, _) = text::leading_number(rest)?;
        Some(Place { path: base.path(path)?, line: line.max(1), column: 1, end_line: None, end_column: None })
    })
}

/// Returns a traceback's own words: what stands behind its last frame.
fn said(body: &str) -> &str {
    let last_frame = body.rfind("\n  File \"").map_or(0, |it| it + 1);
    let rest = &body[last_frame..];
    let end = rest
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .find(|at| rest[*at..].starts_with(|it: char| !it.is_whitespace()))
        .unwrap_or(0);
    rest[end..].trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show_tally};

    const OUTPUT: &str = include_str!("../../../../tests/fixtures/tools/unittest.txt");

    #[test]
    fn unittest_is_read() {
        insta::assert_snapshot!(show_tally(&read(OUTPUT, BASE).unwrap()), @r"
        1 passed, 3 failed, 1 skipped
        test_broken (unittest.loader._FailedTest.test_broken) @ test_broken.py:1: ModuleNotFoundError: No module named 'nope'
        test_error (test_unit.Mean.test_error) @ test_unit.py:12: ValueError: boom
        test_none (test_unit.Mean.test_none) @ test_unit.py:9: AssertionError: 1 != 0
        ");
    }

    #[test]
    fn nothing_that_unittest_could_print_breaks_it() {
        batter(OUTPUT, &|it| drop(read(it, BASE)));
        assert_eq!(read("Traceback", BASE), None);
    }
}
