//! The text that Rust's own test harness prints, for unit tests, integration tests and doc tests alike.
//!
//! Tests print too. Invariant: a line is believed only where the harness can have written it: states between `running`
//! and the failures, sections only under the name of a test that failed, a sum only where it agrees with the states.

use std::collections::BTreeMap;

use super::{Base, Tally};
use crate::{finding::Place, tool::text};

/// Reads the output of one or more test programs. Lines of cargo's JSON must have been taken out.
pub fn read(output: &str, base: Base<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut lines = output.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(expected) = running(line) {
            let mut program = Program { expected, ..Program::default() };
            while let Some(line) = lines.peek() {
                if running(line).is_some() && program.section.is_none() {
                    break;
                }
                let over = program.take(line);
                lines.next();
                if over {
                    break;
                }
            }
            program.close(&mut tally, base);
        }
    }
    tally
}

/// Returns n of `running n tests`.
fn running(line: &str) -> Option<u32> {
    let (number, rest) = text::leading_number(line.strip_prefix("running ")?)?;
    (rest == " test" || rest == " tests").then_some(number)
}

/// One test program's output as it is read.
#[derive(Default)]
struct Program {
    expected: u32,
    passed: u32,
    skipped: u32,
    seen: u32,
    failed: BTreeMap<String, String>,
    section: Option<String>,
    sum: Option<(u32, u32, u32)>,
}

impl Program {
    /// Takes a line; returns whether the program is over.
    fn take(&mut self, line: &str) -> bool {
        if let Some(sum) = sum(line) {
            let agrees = usize::try_from(sum.1).is_ok_and(|it| it == self.failed.len());
            if agrees || self.seen < self.expected {
                self.sum = Some(sum);
                return true;
            }
        }
        if let Some(name) = line.strip_prefix("---- ").and_then(|it| it.strip_suffix(" stdout ----"))
            && self.failed.contains_key(name)
        {
            self.section = Some(name.to_owned());
            return false;
        }
        if let Some(name) = &self.section {
            if let Some(section) = self.failed.get_mut(name)
                && section.len() < (64 << 10)
            {
                section.push_str(line);
                section.push('\n');
            }
        } else if let Some((name, state)) = line.strip_prefix("test ").and_then(|it| it.rsplit_once(" ... "))
            && self.seen < self.expected
        {
            let name = name.strip_suffix(" - should panic").unwrap_or(name);
            match state {
                "ok" => self.passed += 1,
                "FAILED" => drop(self.failed.insert(name.to_owned(), String::new())),
                it if it.starts_with("ignored") => self.skipped += 1,
                _ => return false,
            }
            self.seen += 1;
        }
        false
    }

    fn close(self, tally: &mut Tally, base: Base<'_>) {
        let listed = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
        let (passed, failed, skipped) = self.sum.unwrap_or((self.passed, listed, self.skipped));
        tally.passed = tally.passed.saturating_add(passed);
        tally.failed = tally.failed.saturating_add(failed.max(listed));
        tally.skipped = tally.skipped.saturating_add(skipped);
        for (name, section) in self.failed {
            let place = place(&name, &section, base);
            tally.describe(name, place, message(&section));
        }
    }
}

/// Returns the numbers of `test result: FAILED. 3 passed; 1 failed; 0 ignored; …`.
fn sum(line: &str) -> Option<(u32, u32, u32)> {
    let rest = line.strip_prefix("test result: ")?;
    let rest = rest.strip_prefix("ok. ").or_else(|| rest.strip_prefix("FAILED. "))?;
    let mut numbers = ["passed", "failed", "ignored"].into_iter().zip(rest.split("; ")).map(|(word, part)| {
        let (number, noun) = text::leading_number(part)?;
        (noun.trim_start() == word).then_some(number)
    });
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

fn place(name: &str, section: &str, base: Base<'_>) -> Option<Place> {
    // A doc test is compiled elsewhere: its name has its place (`src/lib.rs - double (line 93)`).
    if let Some((path, rest)) = name.split_once(" - ")
        && let Some((_, line)) = rest.rsplit_once("(line ")
    {
        return base.place(&format!("{path}:{}", line.trim_end_matches(')')));
    }
    let panicked =
        section.lines().filter_map(|it| it.split_once(" panicked at ").map(|(_, it)| it)).find_map(|it| base.place(it));
    let framed = || section.lines().filter_map(|it| it.trim_start().strip_prefix("at ")).find_map(|it| base.place(it));
    let did_not = || section.lines().find_map(|it| base.place(it.split_once("did not panic as expected at ")?.1));
    panicked.or_else(framed).or_else(did_not)
}

/// Returns what a failed test said last: the panic's own words where it panicked, else the end of all that it printed;
/// without a backtrace and the advice to ask for one.
fn message(section: &str) -> &str {
    const ENDS: [&str; 2] = ["\nstack backtrace:\n", "\nnote: run with `RUST_BACKTRACE=1`"];
    // The harness lists the names of all failures behind the last section.
    let section = section.rfind("\n\nfailures:\n").map_or(section, |end| &section[..end]);
    let words = section.rfind(" panicked at ").and_then(|at| section[at..].find('\n').map(|end| &section[at + end..]));
    let words = words.unwrap_or(section);
    let end = ENDS.iter().filter_map(|it| words.find(it)).min().unwrap_or(words.len());
    last(words[..end].trim())
}

/// Returns the end of a text, about as much as a message holds, from the beginning of a line.
fn last(text: &str) -> &str {
    let start = text.len().saturating_sub(super::LONGEST);
    let cut = if start == 0 {
        Some(0)
    } else {
        text.as_bytes()[start..].iter().position(|it| *it == b'\n').map(|it| start + it + 1)
    };
    cut.and_then(|it| text.get(it..)).unwrap_or(text)
}

/// Returns where a test's function is, for a failure that names no place in the project: the panic came from a library.
/// `name` is the test's path; `files` are Rust files with their texts.
pub fn find_function<'a>(name: &str, mut files: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Place> {
    let function = name.rsplit("::").next()?;
    let head = format!("fn {function}(");
    files.find_map(|(path, text)| {
        let index = text.lines().position(|it| it.contains(&head))?;
        let line = text.lines().nth(index)?;
        let column = line.find("fn ").map_or(1, |at| line[..at].chars().count() + 1);
        Some(Place {
            path: path.to_owned(),
            line: u32::try_from(index + 1).ok()?,
            column: u32::try_from(column).ok()?,
            end_line: None,
            end_column: None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::{
        cargo,
        testing::{BASE, batter, show_tally},
    };

    const OUTPUT: &str = include_str!("../../../../tests/fixtures/tools/cargo_test.txt");

    fn text() -> String {
        OUTPUT.lines().filter(|it| !cargo::is_message(it)).fold(String::new(), |all, it| all + it + "\n")
    }

    #[test]
    fn failures_are_told_from_what_tests_print() {
        let tally = read(&text(), BASE);
        insta::assert_snapshot!(show_tally(&tally), @r#"
        3 passed, 5 failed, 1 skipped
        more::prints_and_fails @ src/lib.rs:115: assertion `left == right` failed: numbers
        more::should_have @ src/lib.rs:120: note: test did not panic as expected at src/lib.rs:120:8
        more::unwraps_none @ -: Error: "no reading"
        tests::the_furthest_that_a_meter_can_run_is_still_a_distance @ -: attempt to negate with overflow
        src/lib.rs - double (line 93) @ src/lib.rs:93: assertion `left == right` failed
        "#);
        let fake = tally.failures.iter().find(|it| it.name == "more::prints_and_fails").unwrap();
        assert!(fake.message.contains("left: 1") && !fake.message.contains("RUST_BACKTRACE"), "{}", fake.message);
    }

    #[test]
    fn a_program_that_dies_has_its_states_counted() {
        let tally = read("running 3 tests\ntest a ... ok\ntest b ... FAILED\n", BASE);
        insta::assert_snapshot!(show_tally(&tally), @r"
        1 passed, 1 failed, 0 skipped
        b @ -:
        ");
    }

    #[test]
    fn a_backtrace_gives_the_place_in_the_project() {
        let section = "thread 'a' panicked at /rustc/x/num.rs:1:5:\nboom\nstack backtrace:\n   0: x\n             at /rustc/y.rs:2:3\n   4: meter\n             at ./src/lib.rs:14:12\n";
        let place = place("a", section, BASE).unwrap();
        assert_eq!((place.path.as_str(), place.line, place.column), ("src/lib.rs", 14, 12));
        assert!(message(section).ends_with("boom"));
    }

    #[test]
    fn a_test_is_found_by_its_function() {
        let files = [("a.rs", "fn other() {}"), ("b.rs", "\n    async fn it_works() {}\n")];
        let place = find_function("tests::it_works", files.into_iter()).unwrap();
        assert_eq!((place.path.as_str(), place.line, place.column), ("b.rs", 2, 11));
        assert_eq!(find_function("tests::none", files.into_iter()), None);
    }

    #[test]
    fn nothing_that_a_test_could_print_breaks_it() {
        batter(&text(), &|it| drop(read(it, BASE)));
    }
}
