//! What a workspace is: a root folder, and the id that follows from where it really is.
//!
//! Finding one looks at names and owners alone; it opens no file.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

/// What makes a folder the root of a workspace.
const MARKS: [&str; 2] = [".git", ".callboard"];

/// Why there is no workspace at a path.
#[derive(Debug, thiserror::Error)]
#[error("there is no workspace at {path}: {source}; give the path of a folder that exists")]
pub struct WorkspaceError {
    /// The path that was given.
    pub path: String,
    /// What the system said.
    pub source: io::Error,
}

/// A root folder with one channel list, one journal and one hub.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workspace {
    /// The folder, with no symbolic link in its path.
    pub root: PathBuf,
    /// 12 hex digits of the SHA-256 of the root's bytes.
    pub id: String,
}

impl Workspace {
    /// Returns the workspace that a file or folder is in: the nearest folder, itself included, with `.git` or `.callboard` in it,
    /// else the folder itself. A mark of a user other than the folder's owner and us does not count.
    pub fn find(path: &Path) -> Result<Self, WorkspaceError> {
        let start = Self::folder_of(path)?;
        let root = start.ancestors().find(|it| is_root(it, &start)).unwrap_or(&start).to_owned();
        Ok(Self::from_real(root))
    }

    /// Returns the workspace whose root is this very folder, whatever marks are around it.
    pub fn at(root: &Path) -> Result<Self, WorkspaceError> {
        Self::folder_of(root).map(Self::from_real)
    }

    /// Returns a name for people and for files: the root's own, with nothing in it but letters, digits, `.`, `_` and `-`.
    pub fn name(&self) -> String {
        let name = self.root.file_name().map(|it| it.to_string_lossy()).unwrap_or_default();
        let plain = |it: char| if it.is_ascii_alphanumeric() || "._-".contains(it) { it } else { '-' };
        let name: String = name.chars().map(plain).take(40).collect();
        let name = name.trim_start_matches('.');
        if name.is_empty() { "root".to_owned() } else { name.to_owned() }
    }

    fn folder_of(path: &Path) -> Result<PathBuf, WorkspaceError> {
        let error = |source| WorkspaceError { path: path.display().to_string(), source };
        let real = fs::canonicalize(path).map_err(error)?;
        if real.is_dir() {
            return Ok(real);
        }
        real.parent().map(Path::to_owned).ok_or_else(|| error(io::ErrorKind::NotADirectory.into()))
    }

    fn from_real(root: PathBuf) -> Self {
        let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
        let id = digest.iter().take(6).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        Self { root, id }
    }
}

fn is_root(folder: &Path, start: &Path) -> bool {
    MARKS.iter().any(|it| {
        let path = folder.join(it);
        // Sandboxes leave an empty `.git` wherever they were started; a repository has a HEAD, and a worktree's is a file.
        let is_empty = |mark: &fs::Metadata| *it == ".git" && mark.is_dir() && !path.join("HEAD").exists();
        fs::symlink_metadata(&path).is_ok_and(|mark| counts(&mark, start) && !is_empty(&mark))
    })
}

/// Whether a mark is of somebody who has a say over `start`: in a shared folder anybody could put one above it.
#[cfg(unix)]
fn counts(mark: &fs::Metadata, start: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    mark.uid() == rustix::process::geteuid().as_raw()
        || fs::symlink_metadata(start).is_ok_and(|it| it.uid() == mark.uid())
}

#[cfg(not(unix))]
fn counts(_: &fs::Metadata, _: &Path) -> bool {
    true
}
