//! The tool agents' program on the real programs of other languages: ruff, pytest, eslint, vitest.
//!
//! `tests/run` installs these and names their folders; without them a test has nothing to run and says nothing.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::support::World;

/// The folder that this variable names, where `tests/run` set it.
fn installed(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_dir())
}

/// Runs one of the tool agents in the world's workspace and returns its result.
fn tool(world: &World, kind: &str, findings: &Value) -> Value {
    let (request, result) = (world.root().join("request.json"), world.root().join("result.json"));
    let expects = match kind {
        "lint" => "review",
        "autofix" => "change",
        kind => kind,
    };
    let asked = json!({
        "turn": "t1", "agent": kind, "root": world.workspace(), "paths": [], "findings": findings, "expects": expects,
    });
    fs::write(&request, asked.to_string()).expect("the request");
    let _ = fs::remove_file(&result);
    let paths = [request.to_string_lossy().into_owned(), result.to_string_lossy().into_owned()];
    world.callboard(&["tool", kind, "--request", &paths[0], "--result", &paths[1]]).ok(&format!("tool {kind}"));
    serde_json::from_str(&fs::read_to_string(&result).expect("the result")).expect("a result in JSON")
}

/// The findings of a review as the hub would hand them to a fixer.
fn numbered(review: &Value) -> Value {
    let drafts = review["findings"].as_array().cloned().unwrap_or_default();
    let number = |(index, mut finding): (usize, Value)| {
        for (key, value) in [
            ("id", json!(format!("f{}", index + 1))),
            ("sources", json!(["lint"])),
            ("state", json!({"is": "open"})),
            ("contested", json!(false)),
            ("rev", json!(1)),
        ] {
            finding[key] = value;
        }
        finding
    };
    drafts.into_iter().enumerate().map(number).collect()
}

fn codes(review: &Value) -> Vec<String> {
    let findings = review["findings"].as_array().cloned().unwrap_or_default();
    findings.iter().filter_map(|finding| Some(finding["code"].as_str()?.to_owned())).collect()
}

#[test]
fn a_python_project_is_linted_fixed_and_tested() {
    let Some(venv) = installed("CALLBOARD_TEST_VENV") else { return };
    let world = World::with_files(&[
        ("pyproject.toml", "[project]\nname = \"meter\"\nversion = \"0.1.0\"\n"),
        ("meter.py", "import os\n\n\ndef mean(values):\n    return sum(values) / len(values)\n"),
        (
            "test_meter.py",
            "from meter import mean\n\n\ndef test_mean():\n    assert mean([1, 3]) == 2\n\n\ndef test_empty():\n    assert mean([]) == 0\n",
        ),
    ]);
    std::os::unix::fs::symlink(&venv, world.workspace().join(".venv")).expect("the project's environment");
    let review = tool(&world, "lint", &json!([]));
    assert!(codes(&review).iter().any(|code| code.contains("F401")), "{review:#}");
    let tests = tool(&world, "tests", &json!([]));
    assert_eq!(
        (&tests["verdict"], &tests["passed"], &tests["failed"]),
        (&json!("failed"), &json!(1), &json!(1)),
        "{tests:#}"
    );
    assert!(tests["failures"][0]["name"].as_str().is_some_and(|name| name.contains("test_empty")), "{tests:#}");
    let change = tool(&world, "autofix", &numbered(&review));
    assert_eq!((&change["files"], &change["fixed"]), (&json!(["meter.py"]), &json!(["f1"])), "{change:#}");
    assert!(!world.read("meter.py").contains("import os"));
}

#[test]
fn a_javascript_project_is_linted_fixed_and_tested() {
    let Some(modules) = installed("CALLBOARD_TEST_NODE") else { return };
    let world = World::with_files(&[
        (
            "package.json",
            "{\"name\": \"meter\", \"type\": \"module\", \"scripts\": {\"test\": \"vitest run\"}, \"devDependencies\": {\"eslint\": \"^9\", \"vitest\": \"^3\"}}\n",
        ),
        ("eslint.config.js", "export default [{ rules: { \"prefer-const\": \"error\", \"no-undef\": \"off\" } }];\n"),
        (
            "mean.js",
            "export function mean(values) {\n  let total = values.reduce((a, b) => a + b, 0);\n  return total / values.length;\n}\n",
        ),
        (
            "mean.test.js",
            "import { expect, test } from \"vitest\";\nimport { mean } from \"./mean.js\";\n\ntest(\"mean of two\", () => expect(mean([1, 3])).toBe(2));\ntest(\"mean of none\", () => expect(mean([])).toBe(0));\n",
        ),
    ]);
    std::os::unix::fs::symlink(&modules, world.workspace().join("node_modules")).expect("the project's modules");
    let review = tool(&world, "lint", &json!([]));
    assert_eq!(codes(&review), ["eslint::prefer-const"], "{review:#}");
    let tests = tool(&world, "tests", &json!([]));
    assert_eq!(
        (&tests["verdict"], &tests["passed"], &tests["failed"]),
        (&json!("failed"), &json!(1), &json!(1)),
        "{tests:#}"
    );
    let change = tool(&world, "autofix", &numbered(&review));
    assert_eq!((&change["files"], &change["fixed"]), (&json!(["mean.js"]), &json!(["f1"])), "{change:#}");
    assert!(world.read("mean.js").contains("const total"));
}
