//! Where things are: the folders of the user, and what of them belongs to which workspace.
//!
//! Made once, from the environment, by `main`, and passed explicitly from there; nothing else looks at the environment for a
//! place. Knows paths and nothing of what is in them.

use std::{
    env,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use crate::store::private;

pub mod redact;
pub mod settings;
mod workspace;

pub use workspace::{Workspace, WorkspaceError};

/// The folder name under each of the user's folders.
const NAME: &str = "callboard";

/// The longest name of a file in the runtime folder, in bytes: `p1-` and 12 digits, `.sock`, and a pid for one being made.
pub const LONGEST_RUNTIME_NAME: usize = 36;

/// What the name of a socket can have at most, in bytes: the field of the system's address, less the zero at its end.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Why a place can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlacesError {
    /// The environment does not say where the user's folders are.
    #[error("there is no home folder: neither {variable} nor HOME is set to an absolute path; set HOME and try again")]
    NoHome {
        /// The variable that would do in its place.
        variable: &'static str,
    },
    /// The runtime folder is not this user's alone.
    #[error("{path} can't hold the hub's socket: {why}; remove it, or set XDG_RUNTIME_DIR to a folder of your own")]
    Unsafe {
        /// The folder.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The system has no room for the name of a socket in that folder.
    #[error(
        "{path} is too long for a socket: {length} bytes, and {most} is the most; set XDG_RUNTIME_DIR to a shorter folder of your own"
    )]
    TooLong {
        /// The folder.
        path: String,
        /// Its length in bytes.
        length: usize,
        /// The most that would do.
        most: usize,
    },
    /// The system refused.
    #[error("{path} can't be made: {source}")]
    Io {
        /// The folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// The user's folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// What Callboard keeps, a folder a workspace.
    pub state: PathBuf,
    /// What the user wrote for it.
    pub config: PathBuf,
    /// The system's folder for sockets of this user, where it has one.
    pub runtime: Option<PathBuf>,
    /// The folder for temporary files.
    pub temporary: PathBuf,
}

impl Places {
    /// Reads them from this process's environment. Touches no file.
    pub fn from_env() -> Result<Self, PlacesError> {
        let mut places = Self::from_vars(|name| env::var_os(name))?;
        places.temporary = env::temp_dir();
        Ok(places)
    }

    /// Reads them from variables: `XDG_STATE_HOME`, `XDG_CONFIG_HOME`, `XDG_RUNTIME_DIR`, `TMPDIR` and `HOME`. One that is
    /// not absolute counts as not set, as the XDG specification has it.
    pub fn from_vars(var: impl Fn(&str) -> Option<OsString>) -> Result<Self, PlacesError> {
        let absolute = |name: &str| var(name).map(PathBuf::from).filter(|it| it.is_absolute());
        let home = absolute(if cfg!(windows) { "USERPROFILE" } else { "HOME" });
        let or_home = |variable: &'static str, below: &str| {
            absolute(variable)
                .or_else(|| home.as_ref().map(|it| it.join(below)))
                .map(|it| it.join(NAME))
                .ok_or(PlacesError::NoHome { variable })
        };
        Ok(Self {
            state: or_home("XDG_STATE_HOME", ".local/state")?,
            config: or_home("XDG_CONFIG_HOME", ".config")?,
            runtime: absolute("XDG_RUNTIME_DIR"),
            temporary: absolute("TMPDIR").unwrap_or_else(|| PathBuf::from("/tmp")),
        })
    }

    /// Returns the folder of a workspace's state. It may not exist yet.
    pub fn state_dir(&self, workspace: &Workspace) -> PathBuf {
        self.state.join(format!("{}-{}", workspace.name(), workspace.id))
    }

    /// Makes the folder of a workspace's state, 0700, where it is missing.
    pub fn make_state_dir(&self, workspace: &Workspace) -> Result<PathBuf, PlacesError> {
        let path = self.state_dir(workspace);
        private::folder(&path).map_err(|source| PlacesError::Io { path: path.display().to_string(), source })?;
        Ok(path)
    }

    /// Returns where a workspace's journal is.
    pub fn journal(&self, workspace: &Workspace) -> PathBuf {
        self.state_dir(workspace).join("journal.db")
    }

    /// Returns the folder of the terminals' transcripts.
    pub fn terminals_dir(&self, workspace: &Workspace) -> PathBuf {
        self.state_dir(workspace).join("terminals")
    }

    /// Returns the folder of the documents that are shown at pause points.
    pub fn documents_dir(&self, workspace: &Workspace) -> PathBuf {
        self.state_dir(workspace).join("documents")
    }

    /// Returns the shadow git directory that has the checkpoints.
    pub fn checkpoints_dir(&self, workspace: &Workspace) -> PathBuf {
        self.state_dir(workspace).join("checkpoints.git")
    }

    /// Returns the folder of the worktrees in which steps work apart from the developer's files.
    pub fn worktrees_dir(&self, workspace: &Workspace) -> PathBuf {
        self.state_dir(workspace).join("worktrees")
    }

    /// Returns the file that says what of a workspace is trusted.
    pub fn trust_file(&self, workspace: &Workspace) -> PathBuf {
        self.state_dir(workspace).join("trust.json")
    }

    /// Returns the folder of the user's own profiles, `*.yaml`.
    pub fn agents_dir(&self) -> PathBuf {
        self.config.join("agents")
    }

    /// Returns the folder of the user's own workflows, `*.yaml`.
    pub fn workflows_dir(&self) -> PathBuf {
        self.config.join("workflows")
    }

    /// Returns the user's settings file.
    pub fn settings_file(&self) -> PathBuf {
        self.config.join("config.yaml")
    }

    /// Makes the folder for the hub's sockets and locks, or checks that the one that is there is this user's alone.
    ///
    /// It is `callboard` in `XDG_RUNTIME_DIR`, or `callboard-UID` in the folder for temporary files where the former is not set,
    /// not there or another user's, as after `su`. A name of up to `LONGEST_RUNTIME_NAME` bytes in it is a valid socket.
    #[cfg(unix)]
    pub fn runtime_dir(&self) -> Result<PathBuf, PlacesError> {
        let uid = rustix::process::geteuid().as_raw();
        let is_ours = |path: &PathBuf| {
            use std::os::unix::fs::MetadataExt as _;
            std::fs::metadata(path).is_ok_and(|it| it.is_dir() && it.uid() == uid)
        };
        let path = match self.runtime.as_ref().filter(|it| is_ours(it)) {
            Some(runtime) => runtime.join(NAME),
            None => self.temporary.join(format!("{NAME}-{uid}")),
        };
        let length = path.as_os_str().len();
        let most = LONGEST_SOCKET - LONGEST_RUNTIME_NAME - 1;
        if length > most {
            return Err(PlacesError::TooLong { path: path.display().to_string(), length, most });
        }
        make_runtime_dir(&path, uid)?;
        Ok(path)
    }
}

#[cfg(unix)]
fn make_runtime_dir(path: &Path, uid: u32) -> Result<(), PlacesError> {
    use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
    let refuse =
        |path: &Path, why: &str| Err(PlacesError::Unsafe { path: path.display().to_string(), why: why.to_owned() });
    let io = |source| PlacesError::Io { path: path.display().to_string(), source };
    // Where others may rename what is in the folder above, a check of our own folder proves nothing a moment later.
    if let Some(above) = path.parent() {
        let metadata = std::fs::metadata(above).map_err(io)?;
        let others_may_rename = metadata.mode() & 0o022 != 0 && metadata.mode() & 0o1000 == 0;
        if others_may_rename || (metadata.uid() != uid && metadata.uid() != 0) {
            return refuse(above, "other users can replace what is in it");
        }
    }
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
        _ => {}
    }
    // Not followed: what a link leads to may be ours, and the link another's.
    let metadata = std::fs::symlink_metadata(path).map_err(io)?;
    if metadata.is_symlink() {
        return refuse(path, "it is a symbolic link");
    }
    if !metadata.is_dir() {
        return refuse(path, "it is not a folder");
    }
    if metadata.uid() != uid {
        return refuse(path, "it belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        return refuse(path, &format!("others may look into it (its mode is {:o}, not 700)", metadata.mode() & 0o777));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
