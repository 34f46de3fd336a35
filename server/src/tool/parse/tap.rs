//! TAP as `node --test --test-reporter=tap` writes it: subtests indented by four, details in a YAML block.

use super::{Base, Tally};

/// Reads a whole output. A suite, and a test that failed only because a subtest did, are not counted themselves.
pub fn read(output: &str, base: Base<'_>) -> Tally {
    let mut tally = Tally::default();
    let mut lines = output.lines().peekable();
    // The names of the tests that are open, by depth.
    let mut open: Vec<(usize, String)> = Vec::new();
    // Whether the last `N..M` closed a list of subtests that the next line sums up.
    let mut inner_closed: Option<usize> = None;
    while let Some(line) = lines.next() {
        let body = line.trim_start_matches(' ');
        let depth = (line.len() - body.len()) / 4;
        if let Some(name) = body.strip_prefix("# Subtest: ") {
            open.retain(|(at, _)| *at < depth);
            open.push((depth, name.to_owned()));
            continue;
        }
        if depth > 0 && body.starts_with("1..") {
            inner_closed = Some(depth);
            continue;
        }
        let Some((ok, rest)) = point(body) else { continue };
        let details = details(&mut lines, line.len() - body.len());
        let sums_up = inner_closed.take() == Some(depth + 1);
        let (name, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
        let directive = directive.trim_start().to_ascii_uppercase();
        // The second is TAP's word for a test that is known to fail.
        if directive.starts_with("SKIP") || directive.starts_with("TO\u{44}O") {
            tally.skipped += 1;
        } else if sums_up && (ok || details.failure_type == "subtestsFailed" || details.is_suite) {
            // Its subtests have been counted.
        } else if ok {
            tally.passed += 1;
        } else {
            let parents = open.iter().filter(|(at, _)| *at < depth).map(|(_, name)| name.as_str());
            let name = parents.chain([name]).collect::<Vec<_>>().join(" > ");
            let place = base.place_in_trace(&details.stack).or_else(|| base.place(&details.location));
            // A file that could not be run is named by its whole path.
            let name = base.path(&name).filter(|_| name.starts_with('/')).unwrap_or(name);
            tally.fail(name, place, &details.error);
        }
    }
    tally
}

/// Splits `ok 1 - name` or `not ok 1 - name`.
fn point(line: &str) -> Option<(bool, &str)> {
    let (ok, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (false, rest),
        None => (true, line.strip_prefix("ok ")?),
    };
    let (_, name) = crate::tool::text::leading_number(rest)?;
    Some((ok, name.trim_start().strip_prefix("- ").unwrap_or(name.trim_start())))
}

#[derive(Default)]
struct Details {
    location: String,
    failure_type: String,
    error: String,
    stack: String,
    is_suite: bool,
}

/// Reads the YAML block that may follow a point: a flat map, with texts in quotes or in blocks.
fn details<'a>(lines: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>, indent: usize) -> Details {
    let mut details = Details::default();
    let inside = |line: &str| line.len() >= indent + 2 && line.as_bytes()[..indent + 2].iter().all(|it| *it == b' ');
    if lines.next_if(|it| inside(it) && it.trim() == "---").is_none() {
        return details;
    }
    let mut block: Option<String> = None;
    while let Some(line) = lines.next_if(|it| it.trim().is_empty() || inside(it)) {
        let body = line.get(indent + 2..).unwrap_or("");
        if body == "..." {
            break;
        }
        if let Some(text) = body.strip_prefix("  ").or(body.is_empty().then_some("")) {
            let to = match block.as_deref() {
                Some("error") => &mut details.error,
                Some("stack") => &mut details.stack,
                _ => continue,
            };
            if to.len() < (64 << 10) {
                to.push_str(text);
                to.push('\n');
            }
            continue;
        }
        let Some((key, value)) = body.split_once(':') else { continue };
        let value = value.trim();
        block = value.starts_with('|').then(|| key.to_owned());
        let bare = value.strip_prefix('\'').and_then(|it| it.strip_suffix('\'')).unwrap_or(value);
        let value = if block.is_some() { String::new() } else { bare.replace("\\'", "'") };
        match key {
            "location" => details.location = value,
            "failureType" => details.failure_type = value,
            "error" => details.error = value,
            "stack" => details.stack = value,
            "type" => details.is_suite = value == "suite",
            _ => {}
        }
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show_tally};

    const OUTPUT: &str = include_str!("../../../../tests/fixtures/tools/node.tap");

    #[test]
    fn node_is_read() {
        insta::assert_snapshot!(show_tally(&read(OUTPUT, BASE)), @r"
        1 passed, 3 failed, 2 skipped
        mean > of none @ a.test.mjs:5: NaN == 0
        top level @ a.test.mjs:9: boom
        broken.test.mjs @ broken.test.mjs:1: test failed
        ");
    }

    #[test]
    fn nothing_in_a_stream_breaks_it() {
        batter(OUTPUT, &|it| drop(read(it, BASE)));
        assert_eq!(read("ok then\nnot ok\nok x\n", BASE), Tally::default());
    }
}
