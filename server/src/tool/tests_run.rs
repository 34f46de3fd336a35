//! `@tests`: what the project's own tests come to.

use std::fmt::Write as _;

use super::{
    Trouble, ecosystem,
    parse::Tally,
    project::{self, Purpose},
    shop::Shop,
};
use crate::outcome::{TestVerdict, TestsResult};

/// How many failures a result describes.
const MOST: usize = 100;

/// Runs the tests of every project that `paths` belong to, of all where there are none.
pub fn run(shop: &mut Shop<'_>, paths: &[String]) -> Result<TestsResult, Trouble> {
    let mut tally: Option<Tally> = None;
    for project in project::find(&shop.files, paths, Purpose::Tests) {
        if let Some(its) = ecosystem::test(shop, &project)? {
            tally.get_or_insert_default().add(its);
        }
    }
    // A project with no tests is told as such (`TestVerdict::None`): a review of it must not fail for that.
    let tally = tally.unwrap_or_else(|| {
        shop.say(
            "no test command was found here; Callboard knows cargo, npm and its like, pytest, unittest, go, and `make test`",
        );
        Tally::default()
    });
    let result = result(tally);
    for it in result.failures.iter().take(20) {
        let place = it.place.as_ref().map_or(String::new(), |it| format!(" at {}:{}", it.path, it.line));
        shop.say(&format!("failed: {}{place}", it.name));
    }
    shop.say(&format!("tests: {}", result.summary));
    Ok(result)
}

fn result(mut tally: Tally) -> TestsResult {
    let verdict = match (tally.passed, tally.failed) {
        (_, 1..) => TestVerdict::Failed,
        (1.., 0) => TestVerdict::Passed,
        (0, 0) => TestVerdict::None,
    };
    let mut summary = match verdict {
        TestVerdict::None => "no test ran".to_owned(),
        _ => format!("{} passed, {} failed", tally.passed, tally.failed),
    };
    if tally.skipped > 0 {
        let _ = write!(summary, ", {} skipped", tally.skipped);
    }
    if tally.failures.len() > MOST {
        let _ = write!(summary, "; the first {MOST} failures are described");
        tally.failures.truncate(MOST);
    }
    let Tally { passed, failed, skipped, failures } = tally;
    TestsResult { verdict, summary, passed, failed, skipped, failures }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise 3: an exit code of 0 with no test is not success.
    #[test]
    fn no_test_is_not_a_pass() {
        assert_eq!(result(Tally::default()).verdict, TestVerdict::None);
        assert_eq!(result(Tally { skipped: 2, ..Tally::default() }).summary, "no test ran, 2 skipped");
        assert_eq!(result(Tally { passed: 1, ..Tally::default() }).verdict, TestVerdict::Passed);
        assert_eq!(result(Tally { passed: 9, failed: 1, ..Tally::default() }).verdict, TestVerdict::Failed);
    }
}
