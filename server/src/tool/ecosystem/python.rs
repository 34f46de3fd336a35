//! Python projects: ruff; pytest, else unittest. A virtual environment of the project is preferred to the machine's Python.

use std::path::PathBuf;

use super::{
    super::{
        Trouble,
        files::Files,
        parse::{Base, Tally, junit, ruff, unittest},
        project::Project,
        remark::Remark,
        shop::{Echo, Shop},
        text,
    },
    arguments, broken, show,
};

/// Where a virtual environment keeps its programs.
const PLACES: [&str; 2] = if cfg!(windows) { [".venv/Scripts", "venv/Scripts"] } else { [".venv/bin", "venv/bin"] };

/// Runs ruff; `None` where it is neither here nor configured.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Vec<Remark>>, Trouble> {
    let Some(program) = own(shop, project, "ruff").or_else(|| shop.find("ruff")) else {
        if wants_ruff(&shop.files, &project.dir) {
            let advice = "install it with `python3 -m pip install ruff`, or in the project's virtual environment";
            return Err(Trouble::NotInstalled(format!(
                "the project is configured for ruff, and it was not found; {advice}"
            )));
        }
        return Ok(None);
    };
    let paths = arguments(project);
    let mut args = vec!["check", "--output-format", "json", "--no-cache"];
    args.extend(paths.iter().map(String::as_str));
    let ran = shop.run_with(&project.dir, &program, &args, Echo::Err, &mut |_| None)?;
    let root = shop.root.to_string_lossy().into_owned();
    match ruff::read(&ran.stdout, Base { root: &root, dir: &project.dir }) {
        Some(remarks) if matches!(ran.code, Some(0 | 1)) => {
            show(shop, &remarks);
            Ok(Some(remarks))
        }
        _ => Err(broken("ruff", &ran)),
    }
}

/// Runs pytest where it is installed, else unittest; not where the project asks for pytest and it is missing.
pub fn test(shop: &mut Shop<'_>, project: &Project) -> Result<Tally, Trouble> {
    let python = python(shop, project)?;
    let has_pytest = shop.run(&project.dir, &python, &["-c", "import pytest"], Echo::Nothing)?.code == Some(0);
    if has_pytest {
        return pytest(shop, project, &python);
    }
    if wants_pytest(&shop.files, &project.dir) {
        let advice = "install it with `python3 -m pip install pytest`, or in the project's virtual environment";
        return Err(Trouble::NotInstalled(format!("the project's tests need pytest, and it was not found; {advice}")));
    }
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &project.dir };
    let mut tally = Tally::default();
    for start in [".", "tests", "test"] {
        // A folder of tests that is no package is not found from above it.
        let exists = start == "." || !shop.files.list(&text::join(&project.dir, start)).is_empty();
        if tally != Tally::default() || !exists {
            continue;
        }
        let ran = shop.run(&project.dir, &python, &["-m", "unittest", "discover", "-v", "-s", start], Echo::All)?;
        tally = unittest::read(&ran.stderr, base).ok_or_else(|| broken("python -m unittest", &ran))?;
    }
    Ok(tally)
}

fn pytest(shop: &mut Shop<'_>, project: &Project, python: &std::path::Path) -> Result<Tally, Trouble> {
    let folder = tempfile::tempdir()
        .map_err(|why| Trouble::Broken(format!("no temporary folder can be made for the report: {why}")))?;
    let report = folder.path().join("report.xml");
    let to_file = format!("--junitxml={}", report.display());
    let args =
        ["-m", "pytest", "-q", "--tb=short", "--continue-on-collection-errors", "-o", "junit_family=xunit1", &to_file];
    let ran = shop.run(&project.dir, python, &args, Echo::All)?;
    if ran.code == Some(5) {
        return Ok(Tally::default());
    }
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &project.dir };
    let xml = std::fs::metadata(&report)
        .ok()
        .filter(|it| it.len() <= 64 << 20)
        .and_then(|_| std::fs::read_to_string(&report).ok());
    let tally = xml.and_then(|it| junit::read(&it, base)).filter(|_| matches!(ran.code, Some(0..=2)));
    let mut tally = tally.ok_or_else(|| broken("pytest", &ran))?;
    if ran.code != Some(0) && tally.failed == 0 {
        tally.fail("pytest", None, &format!("it ended with {}:\n{}", ran.how(), text::tail(&ran.stdout, 3_000)));
    }
    Ok(tally)
}

fn own(shop: &Shop<'_>, project: &Project, name: &str) -> Option<PathBuf> {
    PLACES.iter().find_map(|place| shop.own_program(&project.dir, place, name))
}

fn python(shop: &Shop<'_>, project: &Project) -> Result<PathBuf, Trouble> {
    let found = own(shop, project, "python").or_else(|| shop.find("python3")).or_else(|| shop.find("python"));
    let advice = "install Python (https://www.python.org) or make a virtual environment in `.venv`";
    found.ok_or_else(|| Trouble::NotInstalled(format!("`python3` was not found on the search path; {advice}")))
}

fn wants_ruff(files: &dyn Files, dir: &str) -> bool {
    let has = |name: &str| files.is_file(&text::join(dir, name));
    has("ruff.toml")
        || has(".ruff.toml")
        || files.read(&text::join(dir, "pyproject.toml")).is_some_and(|it| it.contains("[tool.ruff"))
}

fn wants_pytest(files: &dyn Files, dir: &str) -> bool {
    let has = |name: &str| files.is_file(&text::join(dir, name));
    let names_it = |name: &str| files.read(&text::join(dir, name)).is_some_and(|it| it.contains("pytest"));
    has("pytest.ini")
        || has("conftest.py")
        || [
            "pyproject.toml",
            "setup.cfg",
            "tox.ini",
            "requirements.txt",
            "requirements-dev.txt",
            "dev-requirements.txt",
        ]
        .iter()
        .any(|it| names_it(it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::files::Memory;

    #[test]
    fn what_a_project_wants_is_in_its_files() {
        let files = Memory::of(&[("pyproject.toml", "[tool.ruff]\n"), ("a/requirements.txt", "pytest>=8\n")]);
        assert!(wants_ruff(&files, "") && !wants_ruff(&files, "a"));
        assert!(wants_pytest(&files, "a") && !wants_pytest(&files, ""));
    }
}
