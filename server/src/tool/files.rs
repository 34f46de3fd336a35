//! The view of a project's files that detection and parsers get, so that they are pure: a disk in life, a map in tests.
//!
//! Paths are from the root with `/` between parts. Nothing is read through a link that leads out of the root.

use std::path::{Path, PathBuf};

/// The longest file that is read.
pub const LONGEST: u64 = 4 << 20;

/// Folders that hold what others made: never looked into.
const SKIPPED: [&str; 14] = [
    ".git",
    ".hg",
    ".svn",
    ".jj",
    "node_modules",
    "target",
    "dist",
    "build",
    "out",
    "vendor",
    "venv",
    "__pycache__",
    "coverage",
    "_build",
];

/// An entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Whether it is a folder.
    pub dir: bool,
}

/// What is there.
pub trait Files {
    /// Returns a file's text: `None` where there is none, it is too long, not UTF-8, or outside.
    fn read(&self, path: &str) -> Option<String>;

    /// Returns whether there is such a file.
    fn is_file(&self, path: &str) -> bool;

    /// Returns what a folder holds, by name.
    fn list(&self, dir: &str) -> Vec<Entry>;
}

/// Returns whether a folder of this name is never looked into.
pub fn is_skipped(name: &str) -> bool {
    SKIPPED.contains(&name) || name.starts_with('.')
}

/// Returns up to `max` files below `dir` that `wanted` takes, in order; hidden and made folders are left out.
pub fn walk(files: &dyn Files, dir: &str, max: usize, wanted: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        let mut below = Vec::new();
        for entry in files.list(&folder) {
            let path = super::text::join(&folder, &entry.name);
            if entry.dir {
                if !is_skipped(&entry.name) {
                    below.push(path);
                }
            } else if wanted(&path) {
                found.push(path);
                if found.len() >= max {
                    return found;
                }
            }
        }
        seen += 1;
        if seen >= 10_000 {
            break;
        }
        folders.extend(below.into_iter().rev());
    }
    found.sort();
    found
}

/// The files below a folder of the disk.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
}

impl Disk {
    /// Makes a view of the files below `root`, which must be canonical.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Returns where a path really is; `None` where it is not there or outside.
    pub fn real(&self, path: &str) -> Option<PathBuf> {
        let real = self.root.join(path).canonicalize().ok()?;
        real.starts_with(&self.root).then_some(real)
    }

    /// Returns a file's bytes, on the terms of [`Files::read`].
    pub fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let real = self.real(path)?;
        let about = std::fs::metadata(&real).ok()?;
        (about.is_file() && about.len() <= LONGEST).then(|| std::fs::read(&real).ok()).flatten()
    }

    /// Replaces a file's text so that a reader sees the old one or the new one whole; its permissions stay.
    pub fn replace(&self, path: &str, text: &str) -> std::io::Result<()> {
        let outside = || std::io::Error::new(std::io::ErrorKind::PermissionDenied, "it is not inside the workspace");
        let real = self.real(path).ok_or_else(outside)?;
        let folder = real.parent().unwrap_or(Path::new("/"));
        let file = tempfile::Builder::new().prefix(".callboard-").tempfile_in(folder)?;
        std::fs::write(file.path(), text)?;
        std::fs::set_permissions(file.path(), std::fs::metadata(&real)?.permissions())?;
        file.persist(&real).map_err(|why| why.error)?;
        Ok(())
    }
}

impl Files for Disk {
    fn read(&self, path: &str) -> Option<String> {
        String::from_utf8(self.bytes(path)?).ok()
    }

    fn is_file(&self, path: &str) -> bool {
        self.real(path).is_some_and(|it| it.is_file())
    }

    fn list(&self, dir: &str) -> Vec<Entry> {
        let Some(entries) = self.real(dir).and_then(|it| std::fs::read_dir(it).ok()) else { return Vec::new() };
        let mut list: Vec<Entry> = entries
            .filter_map(Result::ok)
            .filter_map(|it| {
                // A link is neither: it may lead out of the root, or round in circles.
                let kind = it.file_type().ok().filter(|it| it.is_dir() || it.is_file())?;
                Some(Entry { name: it.file_name().into_string().ok()?, dir: kind.is_dir() })
            })
            .collect();
        list.sort();
        list
    }
}

/// Files that are only a map, for tests.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub struct Memory(pub std::collections::BTreeMap<String, String>);

#[cfg(test)]
impl Memory {
    /// Makes files of `(path, text)`.
    pub fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect())
    }
}

#[cfg(test)]
impl Files for Memory {
    fn read(&self, path: &str) -> Option<String> {
        self.0.get(path).cloned()
    }

    fn is_file(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn list(&self, dir: &str) -> Vec<Entry> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let mut list: Vec<Entry> = self
            .0
            .keys()
            .filter_map(|it| it.strip_prefix(&prefix))
            .map(|it| match it.split_once('/') {
                Some((name, _)) => Entry { name: name.to_owned(), dir: true },
                None => Entry { name: it.to_owned(), dir: false },
            })
            .collect();
        list.sort();
        list.dedup();
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_leaves_out_what_others_made() {
        let files = Memory::of(&[("a.rs", ""), ("target/b.rs", ""), (".x/c.rs", ""), ("src/d.rs", ""), ("e.md", "")]);
        assert_eq!(walk(&files, "", 10, &|it| it != "e.md"), ["a.rs", "src/d.rs"]);
        assert_eq!(walk(&files, "", 1, &|_| true).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_read_or_written_through_a_link_out_of_the_root() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "s").unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), dir.path().join("link")).unwrap();
        let disk = Disk::new(dir.path().canonicalize().unwrap());
        assert_eq!(disk.read("link"), None);
        assert!(disk.replace("link", "x").is_err());
        assert_eq!(std::fs::read_to_string(outside.path().join("secret")).unwrap(), "s");
        assert!(disk.list("").is_empty());
    }
}
