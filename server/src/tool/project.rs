//! Which projects a request is about: found by their manifests, from the paths asked for.
//!
//! Pure over a view of files. Knows what a manifest is called, not how a project is linted or tested.

use super::{
    files::{self, Files},
    text,
};

/// The kinds of project there are commands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `Cargo.toml`.
    Rust,
    /// `package.json`.
    Node,
    /// `pyproject.toml`, `setup.py` and their like, or a test file that pytest would find.
    Python,
    /// `go.mod`.
    Go,
    /// A makefile with a target for the purpose.
    Make,
    /// Any folder: its text can be looked at without a toolchain.
    Plain,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Run tests.
    Tests,
    /// Run a linter.
    Lint,
}

/// A project, and the part of it that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its kind.
    pub kind: Kind,
    /// Its folder, from the root; empty at the root.
    pub dir: String,
    /// What of it is asked for, from the root; empty is the whole.
    pub paths: Vec<String>,
}

const MAKEFILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];
const PYTHON_MANIFESTS: [&str; 9] = [
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "pytest.ini",
    "tox.ini",
    "requirements.txt",
    "ruff.toml",
    ".ruff.toml",
    "conftest.py",
];

/// Returns the projects that `paths` belong to, or all where there are no paths: those at the root, else those up to two
/// folders below it. For linting there is always one; where nothing else fits it is a plain one.
pub fn find(files: &dyn Files, paths: &[String], purpose: Purpose) -> Vec<Project> {
    let mut found: Vec<Project> = Vec::new();
    if paths.is_empty() {
        found = whole(files, purpose);
    }
    for path in paths {
        for (kind, dir) in owners(files, path, purpose) {
            match found.iter_mut().find(|it| it.kind == kind && it.dir == dir) {
                Some(it) => it.paths.push(path.clone()),
                None => found.push(Project { kind, dir, paths: vec![path.clone()] }),
            }
        }
    }
    found.sort_by(|a, b| (&a.dir, a.kind).cmp(&(&b.dir, b.kind)));
    found
}

/// Returns the makefile of a folder.
pub fn makefile(files: &dyn Files, dir: &str) -> Option<String> {
    MAKEFILES.iter().map(|it| text::join(dir, it)).find(|it| files.is_file(it))
}

/// Returns the target of a makefile's text that serves a purpose.
pub fn make_target(makefile: &str, purpose: Purpose) -> Option<&'static str> {
    let wanted: &[&'static str] = match purpose {
        Purpose::Tests => &["test", "tests", "check"],
        Purpose::Lint => &["lint"],
    };
    wanted.iter().copied().find(|target| {
        makefile.lines().filter(|it| !it.starts_with(['\t', ' ', '#'])).any(|line| {
            line.split_once(':').is_some_and(|(names, rest)| {
                !rest.starts_with('=') && !names.contains('=') && names.split_whitespace().any(|it| it == *target)
            })
        })
    })
}

fn whole(files: &dyn Files, purpose: Purpose) -> Vec<Project> {
    let at = |dir: &str| -> Vec<Project> {
        let project = |kind| Project { kind, dir: dir.to_owned(), paths: Vec::new() };
        kinds(files, dir, purpose).into_iter().map(project).collect()
    };
    let mut found = at("");
    let mut folders = vec![String::new()];
    for _ in 0..2 {
        if !found.is_empty() {
            break;
        }
        folders = folders
            .iter()
            .flat_map(|dir| {
                let below = files.list(dir).into_iter().filter(|it| it.dir && !files::is_skipped(&it.name));
                below.map(|it| text::join(dir, &it.name)).collect::<Vec<_>>()
            })
            .take(200)
            .collect();
        found = folders.iter().flat_map(|it| at(it)).collect();
    }
    if found.is_empty() && purpose == Purpose::Lint {
        found.push(Project { kind: Kind::Plain, dir: String::new(), paths: Vec::new() });
    }
    found
}

/// Returns the projects that a path belongs to: of the file's own kind where its name tells, on the nearest folder up.
fn owners(files: &dyn Files, path: &str, purpose: Purpose) -> Vec<(Kind, String)> {
    let is_file = files.is_file(path);
    let wanted = if is_file { kind_of_file(path) } else { None };
    let plain = vec![(Kind::Plain, String::new())];
    if is_file && wanted.is_none() && purpose == Purpose::Lint && !may_be_made(path) {
        return plain;
    }
    let mut dir = if is_file { text::parent(path) } else { path };
    loop {
        let mut here = kinds(files, dir, purpose);
        if let Some(wanted) = wanted {
            here.retain(|it| *it == wanted);
        }
        if !here.is_empty() {
            return here.into_iter().map(|it| (it, dir.to_owned())).collect();
        }
        if dir.is_empty() {
            return if purpose == Purpose::Lint { plain } else { Vec::new() };
        }
        dir = text::parent(dir);
    }
}

/// Returns the kinds of the projects whose manifests stand in a folder.
fn kinds(files: &dyn Files, dir: &str, purpose: Purpose) -> Vec<Kind> {
    let has = |name: &str| files.is_file(&text::join(dir, name));
    let mut kinds = Vec::new();
    if has("Cargo.toml") {
        kinds.push(Kind::Rust);
    }
    if has("package.json") {
        kinds.push(Kind::Node);
    }
    if PYTHON_MANIFESTS.iter().any(|it| has(it)) || files.list(dir).iter().any(|it| !it.dir && is_python_test(&it.name))
    {
        kinds.push(Kind::Python);
    }
    if has("go.mod") {
        kinds.push(Kind::Go);
    }
    let made =
        || makefile(files, dir).and_then(|it| files.read(&it)).is_some_and(|it| make_target(&it, purpose).is_some());
    if kinds.is_empty() && made() {
        kinds.push(Kind::Make);
    }
    kinds
}

fn is_python_test(name: &str) -> bool {
    name.strip_suffix(".py").is_some_and(|it| it.starts_with("test_") || it.ends_with("_test"))
}

fn extension(path: &str) -> &str {
    path.rsplit('/').next().and_then(|it| it.rsplit_once('.')).map_or("", |(_, it)| it)
}

fn kind_of_file(path: &str) -> Option<Kind> {
    match extension(path) {
        "rs" => Some(Kind::Rust),
        "js" | "mjs" | "cjs" | "jsx" | "ts" | "mts" | "cts" | "tsx" | "vue" | "svelte" => Some(Kind::Node),
        "py" | "pyi" => Some(Kind::Python),
        "go" => Some(Kind::Go),
        _ => None,
    }
}

/// Returns whether `make` may have a say on a file.
fn may_be_made(path: &str) -> bool {
    matches!(
        extension(path),
        "c" | "h" | "cc" | "cpp" | "cxx" | "hpp" | "hh" | "m" | "mm" | "f90" | "zig" | "tex" | "sh"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::files::Memory;

    fn check(files: &[&str], paths: &[&str], purpose: Purpose, expected: &[(Kind, &str)]) {
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|it| (*it, if it.ends_with("Makefile") { "all: lib\nCC := gcc\ntest lint: all\n\trun\n" } else { "" }))
            .collect();
        let paths: Vec<String> = paths.iter().map(|it| (*it).to_owned()).collect();
        let found = find(&Memory::of(&files), &paths, purpose);
        let found: Vec<(Kind, &str)> = found.iter().map(|it| (it.kind, it.dir.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_whole_is_what_stands_at_the_root_or_a_little_below() {
        use Purpose::{Lint, Tests};
        check(&["Cargo.toml", "package.json", "Makefile"], &[], Lint, &[(Kind::Rust, ""), (Kind::Node, "")]);
        check(&["Makefile"], &[], Tests, &[(Kind::Make, "")]);
        check(&["notes.md"], &[], Lint, &[(Kind::Plain, "")]);
        check(&["notes.md"], &[], Tests, &[]);
        check(&["test_a.py"], &[], Tests, &[(Kind::Python, "")]);
        check(
            &["back/go.mod", "front/web/package.json", "node_modules/x/package.json"],
            &[],
            Tests,
            &[(Kind::Go, "back")],
        );
    }

    #[test]
    fn a_path_belongs_to_the_nearest_manifest_of_its_kind() {
        use Purpose::{Lint, Tests};
        let tree =
            ["Cargo.toml", "Makefile", "web/package.json", "web/src/a.ts", "web/tool.py", "src/a.rs", "README.md"];
        check(&tree, &["web/src/a.ts", "src/a.rs"], Lint, &[(Kind::Rust, ""), (Kind::Node, "web")]);
        check(&tree, &["web/src"], Tests, &[(Kind::Node, "web")]);
        check(&tree, &["README.md"], Lint, &[(Kind::Plain, "")]);
        check(&tree, &["README.md"], Tests, &[(Kind::Rust, "")]);
        check(&tree, &["web/tool.py"], Lint, &[(Kind::Plain, "")]);
        check(&["Makefile", "a.c"], &["a.c"], Lint, &[(Kind::Make, "")]);
    }

    #[test]
    fn a_make_target_is_a_rule_and_no_variable() {
        assert_eq!(make_target("lint := x\ntest: all\n", Purpose::Lint), None);
        assert_eq!(make_target("\tlint: x\n# lint: y\n", Purpose::Lint), None);
        assert_eq!(make_target(".PHONY: lint\nlint:\n", Purpose::Lint), Some("lint"));
        assert_eq!(make_target("check::\n", Purpose::Tests), Some("check"));
    }
}
