//! Checkpoints: the state of the work tree as a tree in a shadow git directory of the state folder, and the ways back to it.
//!
//! Invariant: the user's repository, its index and its hooks are never written, and what the repository ignores is neither
//! kept nor touched. Knows files and trees, and nothing of runs: who changed what is its callers' matter. Every call may wait.

use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use super::git::{Call, Git, GitError};
use crate::config::Workspace;

mod diff;
mod merge;
mod restore;
mod scan;
mod shadow;
mod undo;
pub mod worktree;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod together;

pub use self::{
    diff::{Change, FileDiff, Kind},
    merge::{Conflict, Merge, OURS},
    restore::{Clash, Move, Restored},
    undo::Interval,
};

/// Why there is no checkpoint, or no way back to one.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Git did not do its part.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The system refused something.
    #[error("{what} failed: {source}; look at the folder {dir}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The shadow directory.
        dir: String,
        /// What the system said.
        source: io::Error,
    },
    /// A checkpoint is no longer kept.
    #[error("the checkpoint {tree} is not kept any more: only the last {kept} are")]
    Gone {
        /// The tree.
        tree: String,
        /// How many are kept.
        kept: usize,
    },
}

/// How much a checkpoint takes in.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of one file; a larger one is left out.
    pub file_bytes: u64,
    /// How many files; more are left out.
    pub files: usize,
    /// How many checkpoints are kept; the oldest go first.
    pub kept: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { file_bytes: 8 << 20, files: 200_000, kept: 1_000 }
    }
}

/// The state of the work tree at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The tree's id.
    pub tree: String,
    /// What is not in it and would be, without a bound.
    pub left_out: Vec<LeftOut>,
}

/// A file that a checkpoint does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Where, from the root, for people.
    pub path: String,
    /// Why, in words.
    pub why: &'static str,
}

/// A file as a tree has it: what it is, and the hash of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub mode: Mode,
    /// The id of its content.
    pub id: String,
}

/// What a tree knows of a file besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A file.
    File,
    /// A file that can be run.
    Program,
    /// A symbolic link; its content is where it leads.
    Link,
}

impl Mode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "100644" => Some(Self::File),
            "100755" => Some(Self::Program),
            "120000" => Some(Self::Link),
            _ => None,
        }
    }

    /// Returns the mode as git writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Program => "100755",
            Self::Link => "120000",
        }
    }
}

/// The checkpoints of a workspace.
#[derive(Debug)]
pub struct Store {
    git: Git,
    dir: PathBuf,
    root: PathBuf,
    index: PathBuf,
    /// Whether `root` is a folder that was made from a checkpoint: then its own index says all that is known of it.
    is_worktree: bool,
    /// Paths below `root` that are no part of it, as patterns.
    outside: Vec<String>,
    bounds: Bounds,
    /// One at a time: they share the objects, and clearing those away must not meet one that is being written.
    taking: Arc<Mutex<()>>,
}

impl Store {
    /// Finds git and makes the shadow directory where there is none.
    pub fn open(workspace: &Workspace, dir: &Path, bounds: Bounds) -> Result<Self, CheckpointError> {
        let git = Git::find(workspace)?;
        let store = Self {
            git,
            dir: dir.to_owned(),
            root: workspace.root.clone(),
            index: dir.join("index"),
            is_worktree: false,
            outside: Vec::new(),
            bounds,
            taking: Arc::default(),
        };
        shadow::make(&store.dir).map_err(|source| store.io("making the checkpoints' folder", source))?;
        Ok(store)
    }

    /// Takes a checkpoint. That of a tree in which nothing changed costs a look at each file's times.
    pub fn take(&self) -> Result<Checkpoint, CheckpointError> {
        let _one = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_worktree {
            scan::exclude(self)?;
        }
        let left_out = match scan::update(self) {
            // A file that vanished or closed itself between the look and the read is seen as it is the second time.
            Err(CheckpointError::Git(GitError::Failed { .. })) => scan::update(self)?,
            other => other?,
        };
        let tree = self.shadow().index(&self.index).run(&["write-tree"])?.text().trim().to_owned();
        shadow::keep(self, &tree)?;
        Ok(Checkpoint { tree, left_out })
    }

    /// Returns whether a checkpoint is still kept.
    pub fn has(&self, tree: &str) -> bool {
        self.dir.join("refs/checkpoints").join(tree).exists() || shadow::is_pinned(self, tree)
    }

    fn need(&self, tree: &str) -> Result<(), CheckpointError> {
        if self.has(tree) {
            return Ok(());
        }
        Err(CheckpointError::Gone { tree: tree.chars().take(12).collect(), kept: self.bounds.kept })
    }

    /// Prepares a call on the shadow directory.
    fn shadow(&self) -> Call<'_> {
        self.git.call(&self.root).git_dir(&self.dir).work_tree(&self.root)
    }

    fn io(&self, what: &'static str, source: io::Error) -> CheckpointError {
        CheckpointError::Io { what, dir: self.dir.display().to_string(), source }
    }
}

/// Returns a path out of git's bytes.
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Returns a path for people and for records.
fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
