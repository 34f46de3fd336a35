//! The repository's files, as git would take them: tracked ones, and new ones that nothing ignores.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// A file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// From the root, with `/` between its parts.
    pub path: String,
    /// Its text; what isn't UTF-8 is replaced.
    pub text: String,
    /// Whether it may be executed.
    pub executable: bool,
}

impl File {
    /// Returns whether it is below a folder, or is that file.
    pub fn is_in(&self, place: &str) -> bool {
        self.path == place || self.path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Returns whether its name ends with one of these.
    pub fn is_a(&self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending))
    }

    /// Returns whether it was recorded from another program: evidence, not text of ours.
    pub fn is_recorded(&self) -> bool {
        self.is_in("tests/fixtures") || self.is_a(&["Cargo.lock", "package-lock.json", ".svg", ".png", ".snap"])
    }

    /// Returns its lines, numbered from 1.
    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// The folder that the package is in.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every file of the repository, by path. Where there is no git, every file that is not plainly somebody else's.
pub fn repository() -> Vec<File> {
    let mut paths = listed_by_git().unwrap_or_else(|| {
        let mut found = Vec::new();
        walk(&root(), &mut found);
        found
    });
    paths.sort();
    paths.dedup();
    paths.into_iter().filter_map(read).collect()
}

fn listed_by_git() -> Option<Vec<String>> {
    let list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(list).current_dir(root()).output().ok()?;
    let names = String::from_utf8(output.stdout).ok()?;
    let names: Vec<String> = names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (output.status.success() && !names.is_empty()).then_some(names)
}

fn walk(folder: &Path, found: &mut Vec<String>) {
    const FOREIGN: &[&str] = &[".git", "target", "node_modules", ".venv"];
    for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok) {
        let path = entry.path();
        if FOREIGN.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        if path.is_dir() {
            walk(&path, found);
        } else if let Ok(below) = path.strip_prefix(root()) {
            found.push(below.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// A file that git knows and that was just deleted is none.
fn read(path: String) -> Option<File> {
    let full = root().join(&path);
    let bytes = std::fs::read(&full).ok()?;
    Some(File { text: String::from_utf8_lossy(&bytes).into_owned(), executable: is_executable(&full), path })
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|data| data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(_path: &Path) -> bool {
    true
}
