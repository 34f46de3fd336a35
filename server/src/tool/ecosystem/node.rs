//! Node projects: eslint; vitest, jest, mocha, node's own runner, or what `scripts.test` says. Never downloads anything.

use std::path::PathBuf;

use serde_json::Value;

use super::{
    super::{
        Trouble,
        files::Files,
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

/// How a package is tested.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Runner {
    Vitest,
    Jest,
    Mocha,
    /// `node --test` with these arguments more.
    Node(Vec<String>),
    /// What the package manager's `run test` does.
    Script,
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
    let report_text = report.to_string_lossy().into_owned();
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &project.dir };
    let to_file = format!("--outputFile={report_text}");
    let to_json_file = format!("--outputFile.json={report_text}");
    let option = format!("output={report_text}");
    let (what, ran, tally) = match &runner {
        Runner::Vitest => {
            let program = own(shop, project, "vitest")?;
            let args = ["run", "--reporter=default", "--reporter=json", &to_json_file];
            let ran = shop.run(&project.dir, &program, &args, Echo::All)?;
            ("vitest", ran, read(&report).and_then(|it| js_tests::jest(&it, base)))
        }
        Runner::Jest => {
            let program = own(shop, project, "jest")?;
            let ran = shop.run(&project.dir, &program, &["--json", &to_file], Echo::Err)?;
            ("jest", ran, read(&report).and_then(|it| js_tests::jest(&it, base)))
        }
        Runner::Mocha => {
            let program = own(shop, project, "mocha")?;
            let args = ["--reporter", "json", "--reporter-option", &option];
            let ran = shop.run(&project.dir, &program, &args, Echo::All)?;
            let tally = read(&report).or_else(|| Some(ran.stdout.clone())).and_then(|it| js_tests::mocha(&it, base));
            ("mocha", ran, tally)
        }
        Runner::Node(more) => {
            let program = node(shop)?;
            let mut args = vec!["--test", "--test-reporter=tap"];
            args.extend(more.iter().map(String::as_str));
            let ran = shop.run(&project.dir, &program, &args, Echo::All)?;
            let tally = ran.stdout.contains("TAP version").then(|| tap::read(&ran.stdout, base));
            ("node --test", ran, tally)
        }
        Runner::Script => {
            let manager = manager(&shop.files, &project.dir);
            let program =
                shop.program(manager, "install it, or install Node.js, which brings npm (https://nodejs.org)")?;
            let ran = shop.run(&project.dir, &program, &["run", "test"], Echo::All)?;
            let tally = ran.stdout.contains("TAP version").then(|| tap::read(&ran.stdout, base));
            let by_exit_code = || match ran.code {
                Some(0) => Tally { passed: 1, ..Tally::default() },
                _ => Tally::default(),
            };
            ("the test script", ran.clone(), Some(tally.unwrap_or_else(by_exit_code)))
        }
    };
    let Some(mut tally) = tally else { return Err(broken(what, &ran)) };
    let ran_none = tally == Tally::default() && says_no_tests(&ran.stdout, &ran.stderr);
    if ran.code != Some(0) && tally.failed == 0 && !ran_none {
        let said = if ran.stdout.trim().is_empty() {
            ran.complaint()
        } else {
            text::tail(&text::plain(&(ran.stdout.clone() + &ran.stderr)), 3_000)
        };
        tally.fail(what, None, &format!("it ended with {}:\n{said}", ran.how()));
    }
    Ok(Some(tally))
}

fn read(report: &std::path::Path) -> Option<String> {
    let about = std::fs::metadata(report).ok()?;
    (about.len() <= 64 << 20).then(|| std::fs::read_to_string(report).ok()).flatten()
}

fn says_no_tests(stdout: &str, stderr: &str) -> bool {
    [stdout, stderr].iter().any(|it| {
        ["No test files found", "No tests found", "Error: No test files"].iter().any(|words| it.contains(words))
    })
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

/// Returns how a package is tested: what its script says, else what it depends on or is configured for.
fn runner(files: &dyn Files, dir: &str, manifest: &Value) -> Option<Runner> {
    let script = manifest.pointer("/scripts/test").and_then(Value::as_str).unwrap_or("");
    let script = if script.contains("no test specified") { "" } else { script };
    let words: Vec<&str> = script.split_whitespace().collect();
    if words.contains(&"vitest") {
        return Some(Runner::Vitest);
    }
    if words.contains(&"jest") {
        return Some(Runner::Jest);
    }
    if words.contains(&"mocha") {
        return Some(Runner::Mocha);
    }
    let simple = !script.contains(['&', '|', ';', '$', '`', '"', '\'', '>', '<', '*', '(']);
    if simple && words.first() == Some(&"node") && words.contains(&"--test") {
        let more = words[1..].iter().filter(|it| **it != "--test" && !it.starts_with("--test-reporter"));
        return Some(Runner::Node(more.map(|it| (*it).to_owned()).collect()));
    }
    if !script.is_empty() {
        return Some(Runner::Script);
    }
    let depends = |name: &str| {
        ["dependencies", "devDependencies"].iter().any(|it| manifest.get(it).and_then(|it| it.get(name)).is_some())
    };
    let names: Vec<String> = files.list(dir).into_iter().filter(|it| !it.dir).map(|it| it.name).collect();
    let configured = |name: &str| names.iter().any(|it| it.starts_with(&format!("{name}.config.")));
    if depends("vitest") || configured("vitest") {
        return Some(Runner::Vitest);
    }
    if depends("jest") || configured("jest") || manifest.get("jest").is_some() {
        return Some(Runner::Jest);
    }
    if depends("mocha") || names.iter().any(|it| it.starts_with(".mocharc")) {
        return Some(Runner::Mocha);
    }
    let has_tests = super::super::files::walk(files, dir, 1, &|it| {
        let name = it.rsplit('/').next().unwrap_or(it);
        [".test.js", ".test.mjs", ".test.cjs", "-test.js", "_test.js"].iter().any(|end| name.ends_with(end))
    });
    (!has_tests.is_empty()).then(|| Runner::Node(Vec::new()))
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

    fn check(manifest: &str, others: &[&str], expected: Option<Runner>) {
        let files: Vec<(&str, &str)> = others.iter().map(|it| (*it, "")).collect();
        assert_eq!(runner(&Memory::of(&files), "", &serde_json::from_str(manifest).unwrap()), expected, "{manifest}");
    }

    #[test]
    fn the_runner_is_what_the_package_says() {
        check(r#"{"scripts":{"test":"vitest run --coverage"}}"#, &[], Some(Runner::Vitest));
        check(r#"{"scripts":{"test":"jest"},"devDependencies":{"vitest":"1"}}"#, &[], Some(Runner::Jest));
        check(r#"{"scripts":{"test":"tsc && node run.js"}}"#, &[], Some(Runner::Script));
        check(
            r#"{"scripts":{"test":"node --import tsx --test src"}}"#,
            &[],
            Some(Runner::Node(vec!["--import".into(), "tsx".into(), "src".into()])),
        );
        check(r#"{"scripts":{"test":"node --test && echo hi"}}"#, &[], Some(Runner::Script));
        check(r#"{"scripts":{"test":"echo \"Error: no test specified\" && exit 1"}}"#, &[], None);
        check(r#"{"devDependencies":{"mocha":"1"}}"#, &[], Some(Runner::Mocha));
        check("{}", &["vitest.config.ts"], Some(Runner::Vitest));
        check("{}", &["src/a.test.mjs"], Some(Runner::Node(Vec::new())));
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
