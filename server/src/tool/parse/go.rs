//! `go vet -json` and `go test -json`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Base, Tally};
use crate::{
    finding::{FindingDraft, Severity},
    tool::remark::{Fix, Remark},
};

#[derive(Debug, Deserialize)]
struct Said {
    posn: String,
    message: String,
}

/// Reads what `go vet -json` printed: objects of package → analyser → remarks, between lines that begin with `#`.
/// What is not JSON (a package that does not compile) is read as a compiler's.
pub fn vet(output: &str, base: Base<'_>) -> Vec<Remark> {
    type Packages = BTreeMap<String, BTreeMap<String, serde_json::Value>>;
    let (mut json, mut text) = (String::new(), String::new());
    let mut inside = false;
    for line in output.lines().filter(|it| !it.starts_with('#')) {
        inside |= line.starts_with('{');
        let to = if inside { &mut json } else { &mut text };
        to.push_str(line);
        to.push('\n');
        inside &= !line.starts_with('}') && line != "{}";
    }
    let mut remarks = super::compiler::read(&text, "go", base);
    for it in &mut remarks {
        it.draft.severity = Severity::Error;
    }
    for packages in serde_json::Deserializer::from_str(&json).into_iter::<Packages>().map_while(Result::ok) {
        for (analyser, said) in packages.into_values().flatten() {
            let said: Vec<Said> = serde_json::from_value(said).unwrap_or_default();
            remarks.extend(said.into_iter().map(|it| Remark {
                draft: FindingDraft {
                    id: None,
                    place: base.place(&it.posn),
                    severity: Severity::Warning,
                    code: Some(format!("govet::{analyser}")),
                    text: it.message,
                    suggestion: None,
                    excerpt: None,
                },
                fix: Fix::None,
            }));
        }
    }
    remarks
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Event {
    action: String,
    #[serde(default)]
    package: String,
    #[serde(default)]
    import_path: String,
    #[serde(default)]
    test: Option<String>,
    #[serde(default)]
    output: String,
}

/// Returns what people see of a line of `go test -json`.
pub fn for_people(line: &str) -> Option<String> {
    match serde_json::from_str::<Event>(line) {
        Ok(it) => (!it.output.is_empty()).then(|| it.output.trim_end_matches('\n').to_owned()),
        Err(_) => Some(line.to_owned()),
    }
}

/// Reads what `go test -json` printed. `dir_of` gives a package's folder, from the root: test logs name only the file.
pub fn tests(output: &str, base: Base<'_>, dir_of: &dyn Fn(&str) -> String) -> Tally {
    let mut tally = Tally::default();
    let mut outputs: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut failed: Vec<(String, String)> = Vec::new();
    let mut failed_packages = Vec::new();
    for event in output.lines().filter_map(|it| serde_json::from_str::<Event>(it).ok()) {
        let package = if event.package.is_empty() { event.import_path } else { event.package };
        let package = package.split(' ').next().unwrap_or("").to_owned();
        let key = (package, event.test.unwrap_or_default());
        match event.action.as_str() {
            "output" | "build-output" => {
                let text = outputs.entry(key).or_default();
                if text.len() < (64 << 10) {
                    text.push_str(&event.output);
                }
            }
            "pass" if !key.1.is_empty() => tally.passed += 1,
            "skip" if !key.1.is_empty() => tally.skipped += 1,
            "fail" if key.1.is_empty() => failed_packages.push(key.0),
            "fail" => failed.push(key),
            _ => {}
        }
    }
    for key in &failed {
        // A parent fails with its children; only the children say why.
        let is_parent =
            failed.iter().any(|it| it.0 == key.0 && it.1.strip_prefix(&key.1).is_some_and(|it| it.starts_with('/')));
        if is_parent {
            continue;
        }
        let text = outputs.get(key).map_or("", String::as_str);
        let said: Vec<&str> = text.lines().filter(|it| !is_frame(it)).collect();
        let dir = dir_of(&key.0);
        let place = said
            .iter()
            .find_map(|it| Base { root: base.root, dir: &dir }.place(it))
            .or_else(|| base.place_in_trace(text));
        tally.fail(format!("{}.{}", key.0, key.1), place, &said.join("\n"));
    }
    for package in failed_packages.into_iter().filter(|it| !failed.iter().any(|(package, _)| package == it)) {
        let text = outputs.get(&(package.clone(), String::new())).map_or("", String::as_str);
        let place = text.lines().find_map(|it| base.place(it)).or_else(|| base.place_in_trace(text));
        tally.fail(package, place, text);
    }
    tally
}

/// Returns whether a line only tells that a test begins or ends.
fn is_frame(line: &str) -> bool {
    ["=== ", "--- ", "PASS", "FAIL"].iter().any(|it| line.trim_start().starts_with(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show, show_tally};

    // Both are written by hand after the documents of `go vet` and `go tool test2json`.
    const VET: &str = include_str!("../../../../tests/fixtures/tools/go_vet.txt");
    const TEST: &str = include_str!("../../../../tests/fixtures/tools/go_test.jsonl");

    #[test]
    fn vet_is_read() {
        insta::assert_snapshot!(show(&vet(VET, BASE)), @r"
        bad/bad.go:4:9 Error go undefined: missing
        stats/stats.go:12:2 Warning govet::assign self-assignment of total
        stats/stats.go:9:2 Warning govet::printf fmt.Printf format %d has arg name of wrong type string
        ");
    }

    #[test]
    fn tests_are_read() {
        let dir_of =
            |package: &str| package.strip_prefix("example.com/meter").unwrap_or("").trim_start_matches('/').to_owned();
        insta::assert_snapshot!(show_tally(&tests(TEST, BASE, &dir_of)), @r"
        1 passed, 2 failed, 1 skipped
        example.com/meter/stats.TestMean/of_none @ stats/stats_test.go:12: stats_test.go:12: got NaN, want 0
        example.com/meter/bad @ bad/bad.go:4: # example.com/meter/bad [example.com/meter/bad.test]
        ");
    }

    #[test]
    fn nothing_that_go_could_print_breaks_it() {
        batter(VET, &|it| drop(vet(it, BASE)));
        batter(TEST, &|it| drop(tests(it, BASE, &|_| String::new())));
    }
}
