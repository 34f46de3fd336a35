//! Node projects: eslint; vitest, jest, mocha, node's own runner, or what `scripts.test` says. Never downloads anything.

use std::path::PathBuf;

use serde_json::Value;

use super::{
    super::{
        Trouble,
        files::{self, Files},
        parse::{Base, Tally, eslint, js_tests, tap},
        project::Project,
        remark::Remark,
        shop::{Echo, Shop},
        text,
    },
    arguments, broken, show,
};

const ESLINT_CONFIGS: [&str; 12] = [
    "eslint.config.js",
    "eslint.config.mjs",
    "eslint.config.cjs",
    "eslint.config.ts",
    "eslint.config.mts",
    "eslint.config.cts",
    ".eslintrc",
    ".eslintrc.js",
    ".eslintrc.cjs",
    ".eslintrc.json",
    ".eslintrc.yml",
    ".eslintrc.yaml",
];

/// The test runners whose reports are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Vitest,
    Jest,
    Mocha,
    Node,
}

/// How a package is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Runner {
    /// The runner, where it is known.
    tool: Option<Tool>,
    /// The arguments with which it is started; `None` where the package's script has to start it.
    direct: Option<Vec<String>>,
}

/// Runs eslint, where it is configured.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Vec<Remark>>, Trouble> {
    if !has_eslint(&shop.files, &project.dir) {
        return Ok(None);
    }
    let program = own(shop, project, "eslint")?;
    let paths = arguments(project);
    let mut args = vec!["-f", "json", "--no-error-on-unmatched-pattern"];
    args.extend(paths.iter().map(String::as_str));
    let ran = shop.run_with(&project.dir, &program, &args, Echo::Err, &mut |_| None)?;
    let root = shop.root.to_string_lossy().into_owned();
    match eslint::read(&ran.stdout, Base { root: &root, dir: &project.dir }) {
        Some(remarks) if matches!(ran.code, Some(0 | 1)) => {
            show(shop, &remarks);
            Ok(Some(remarks))
        }
        _ => Err(broken("eslint", &ran)),
    }
}

/// Runs the package's tests; `None` where it has none.
pub fn test(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Tally>, Trouble> {
    let manifest = shop.read(&text::join(&project.dir, "package.json")).unwrap_or_default();
    let manifest: Value = serde_json::from_str(&manifest)
        .map_err(|why| Trouble::Broken(format!("{} is not JSON: {why}", text::join(&project.dir, "package.json"))))?;
    let Some(runner) = runner(&shop.files, &project.dir, &manifest) else { return Ok(None) };
    let folder = tempfile::tempdir()
        .map_err(|why| Trouble::Broken(format!("no temporary folder can be made for the report: {why}")))?;
    let report = folder.path().join("report.json");
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &project.dir };
    let reporting = reporting(runner.tool, &report.to_string_lossy());
    let what = runner.tool.map_or("the test script", Tool::name);
    let mut args: Vec<&str> = Vec::new();
    let program = if let (Some(tool), Some(more)) = (runner.tool, &runner.direct) {
        // Node takes its options before the files; the others take theirs anywhere.
        args.extend(match tool {
            Tool::Node => vec!["--test"],
            Tool::Vitest => vec!["run"],
            Tool::Jest | Tool::Mocha => Vec::new(),
        });
        args.extend(reporting.iter().map(String::as_str));
        args.extend(more.iter().map(String::as_str));
        if tool == Tool::Node { node(shop)? } else { own(shop, project, tool.name())? }
    } else {
        node(shop)?;
        let manager = manager(&shop.files, &project.dir);
        args.extend(["run", "test"]);
        if !reporting.is_empty() {
            args.push("--");
            args.extend(reporting.iter().map(String::as_str));
        }
        shop.program(manager, "install it, or install Node.js, which brings npm (https://nodejs.org)")?
    };
    // Jest puts its JSON on standard output as well, and what people read on standard error.
    let echo = if runner.tool == Some(Tool::Jest) { Echo::Err } else { Echo::All };
    let ran = shop.run_with(&project.dir, &program, &args, echo, &mut |_| None)?;
    let report = read(&report);
    let tap = || ran.stdout.contains("TAP version").then(|| tap::read(&ran.stdout, base));
    let tally = match runner.tool {
        Some(Tool::Vitest | Tool::Jest) => report.and_then(|it| js_tests::jest(&it, base)),
        // Older ones know no file to write to.
        Some(Tool::Mocha) => js_tests::mocha(report.as_deref().unwrap_or(&ran.stdout), base),
        Some(Tool::Node) => tap(),
        None => tap().or_else(|| Some(Tally { passed: u32::from(ran.code == Some(0)), ..Tally::default() })),
    };
    let ran_none = says_no_tests(&ran.stdout) || says_no_tests(&ran.stderr);
    let Some(mut tally) = tally.or_else(|| ran_none.then(Tally::default)) else { return Err(broken(what, &ran)) };
    if ran.code != Some(0) && tally.failed == 0 && !(ran_none && tally == Tally::default()) {
        let said = text::tail(&text::plain(&format!("{}\n{}", ran.stdout, ran.stderr)), 3_000);
        tally.fail(what, None, &format!("it ended with {}:\n{said}", ran.how()));
    }
    Ok(Some(tally))
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::Vitest => "vitest",
            Self::Jest => "jest",
            Self::Mocha => "mocha",
            Self::Node => "node",
        }
    }
}

/// Returns the arguments by which a runner reports for a program.
fn reporting(tool: Option<Tool>, report: &str) -> Vec<String> {
    let args: &[&str] = match tool {
        Some(Tool::Vitest) => &["--reporter=default", "--reporter=json", "--outputFile.json=FILE"],
        Some(Tool::Jest) => &["--json", "--outputFile=FILE"],
        Some(Tool::Mocha) => &["--reporter", "json", "--reporter-option", "output=FILE"],
        Some(Tool::Node) => &["--test-reporter=tap"],
        None => &[],
    };
    args.iter().map(|it| it.replace("FILE", report)).collect()
}

fn read(report: &std::path::Path) -> Option<String> {
    let about = std::fs::metadata(report).ok()?;
    (about.len() <= 64 << 20).then(|| std::fs::read_to_string(report).ok()).flatten()
}

fn says_no_tests(output: &str) -> bool {
    ["No test files found", "No tests found", "Error: No test files"].iter().any(|it| output.contains(it))
}

/// Returns whether eslint has a configuration in `dir` or above it.
fn has_eslint(files: &dyn Files, dir: &str) -> bool {
    let mut dir = dir;
    loop {
        if ESLINT_CONFIGS.iter().any(|it| files.is_file(&text::join(dir, it))) {
            return true;
        }
        let manifest = files.read(&text::join(dir, "package.json"));
        let manifest = manifest.and_then(|it| serde_json::from_str::<Value>(&it).ok());
        if manifest.is_some_and(|it| it.get("eslintConfig").is_some()) {
            return true;
        }
        if dir.is_empty() {
            return false;
        }
        dir = text::parent(dir);
    }
}

/// Returns how a package is tested: as its script says, else with what it depends on or is configured for.
fn runner(files: &dyn Files, dir: &str, manifest: &Value) -> Option<Runner> {
    let script = manifest.pointer("/scripts/test").and_then(Value::as_str).unwrap_or("");
    if !script.trim().is_empty() && !script.contains("no test specified") {
        return Some(script_runner(script));
    }
    let depends = |name: &str| {
        ["dependencies", "devDependencies"].iter().any(|it| manifest.get(it).and_then(|it| it.get(name)).is_some())
    };
    let names: Vec<String> = files.list(dir).into_iter().filter(|it| !it.dir).map(|it| it.name).collect();
    let configured = |start: &str| names.iter().any(|it| it.starts_with(start));
    let is_test = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        [".test.js", ".test.mjs", ".test.cjs", "-test.js", "_test.js"].iter().any(|end| name.ends_with(end))
    };
    let tool = if depends("vitest") || configured("vitest.config.") {
        Tool::Vitest
    } else if depends("jest") || configured("jest.config.") || manifest.get("jest").is_some() {
        Tool::Jest
    } else if depends("mocha") || configured(".mocharc") {
        Tool::Mocha
    } else if !files::walk(files, dir, 1, &is_test).is_empty() {
        Tool::Node
    } else {
        return None;
    };
    Some(Runner { tool: Some(tool), direct: Some(Vec::new()) })
}

/// Returns how a test script is best run: a runner alone is started directly; a runner that the script prepares, or that
/// needs a shell, is started by the script, with the reporter's arguments behind the script's own.
fn script_runner(script: &str) -> Runner {
    let words: Vec<&str> = script.split_whitespace().collect();
    let first = words.first().copied().unwrap_or("");
    let by_name = |word: &str| [Tool::Vitest, Tool::Jest, Tool::Mocha].into_iter().find(|it| it.name() == word);
    let needs_a_shell = script.contains(['&', '|', ';', '$', '`', '"', '\'', '>', '<', '*', '(', '\\']);
    if !needs_a_shell {
        let more = |skipped: &[&str]| -> Vec<String> {
            let kept = words[1..].iter().filter(|it| !skipped.contains(it));
            kept.map(|it| (*it).to_owned()).collect()
        };
        if let Some(tool) = by_name(first) {
            return Runner { tool: Some(tool), direct: Some(more(&["run", "watch", "--watch", "--watchAll"])) };
        }
        let reports_itself = words.iter().any(|it| it.starts_with("--test-reporter"));
        if first == "node" && words.contains(&"--test") && !reports_itself {
            return Runner { tool: Some(Tool::Node), direct: Some(more(&["--test", "--watch"])) };
        }
    }
    // Only behind a single command do more arguments reach the runner.
    let is_single = !script.contains(['&', '|', ';', '>', '<']);
    Runner { tool: words.iter().find_map(|it| by_name(it)).filter(|_| is_single), direct: None }
}

/// Returns the package manager whose lock file stands in `dir` or above it.
fn manager(files: &dyn Files, dir: &str) -> &'static str {
    const LOCKS: [(&str, &str); 6] = [
        ("pnpm-lock.yaml", "pnpm"),
        ("yarn.lock", "yarn"),
        ("bun.lock", "bun"),
        ("bun.lockb", "bun"),
        ("package-lock.json", "npm"),
        ("npm-shrinkwrap.json", "npm"),
    ];
    let mut dir = dir;
    loop {
        if let Some((_, manager)) = LOCKS.iter().find(|(lock, _)| files.is_file(&text::join(dir, lock))) {
            return manager;
        }
        if dir.is_empty() {
            return "npm";
        }
        dir = text::parent(dir);
    }
}

fn node(shop: &Shop<'_>) -> Result<PathBuf, Trouble> {
    shop.program("node", "install Node.js (https://nodejs.org) and start the hub again from a shell that has it")
}

/// Finds a program of the package's own, else one on the search path.
fn own(shop: &Shop<'_>, project: &Project, name: &str) -> Result<PathBuf, Trouble> {
    node(shop)?;
    shop.own_program(&project.dir, "node_modules/.bin", name).or_else(|| shop.find(name)).ok_or_else(|| {
        let manager = manager(&shop.files, &project.dir);
        let place = if project.dir.is_empty() { "the workspace's root" } else { &project.dir };
        Trouble::NotInstalled(format!("{name} is not in node_modules; run `{manager} install` in {place}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::files::Memory;

    fn check(manifest: &str, others: &[&str], expected: Option<(Option<Tool>, Option<&str>)>) {
        let files: Vec<(&str, &str)> = others.iter().map(|it| (*it, "")).collect();
        let runner = runner(&Memory::of(&files), "", &serde_json::from_str(manifest).unwrap());
        let shown = runner.map(|it| (it.tool, it.direct.map(|it| it.join(" "))));
        assert_eq!(shown, expected.map(|(tool, args)| (tool, args.map(str::to_owned))), "{manifest}");
    }

    fn check_script(script: &str, tool: Option<Tool>, args: Option<&str>) {
        check(&serde_json::json!({ "scripts": { "test": script } }).to_string(), &[], Some((tool, args)));
    }

    #[test]
    fn a_script_is_started_directly_where_that_is_the_same() {
        check_script("vitest run --dir t", Some(Tool::Vitest), Some("--dir t"));
        check_script("jest", Some(Tool::Jest), Some(""));
        check_script("NODE_OPTIONS=--experimental-vm-modules jest", Some(Tool::Jest), None);
        check_script("mocha 'test/**/*.js'", Some(Tool::Mocha), None);
        check_script("tsc && jest", None, None);
        check_script("node --import tsx --test src", Some(Tool::Node), Some("--import tsx src"));
        check_script("node --test && echo hi", None, None);
        check_script("node run.js", None, None);
    }

    #[test]
    fn without_a_script_the_runner_is_what_the_package_has() {
        check(r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#, &[], None);
        check(r#"{"devDependencies":{"mocha":"1"}}"#, &[], Some((Some(Tool::Mocha), Some(""))));
        check("{}", &["vitest.config.ts"], Some((Some(Tool::Vitest), Some(""))));
        check("{}", &["src/a.test.mjs"], Some((Some(Tool::Node), Some(""))));
        check("[]", &[], None);
    }

    #[test]
    fn the_manager_and_the_linter_may_stand_above() {
        let files = Memory::of(&[("pnpm-lock.yaml", ""), ("a/b/package.json", "{}"), ("eslint.config.mjs", "")]);
        assert_eq!(manager(&files, "a/b"), "pnpm");
        assert!(has_eslint(&files, "a/b"));
        assert!(!has_eslint(&Memory::of(&[("package.json", "{\"devDependencies\":{\"eslint\":\"9\"}}")]), ""));
    }
}
