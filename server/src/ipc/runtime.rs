//! The runtime folder and the names of a hub's files in it. The folder's checks stand here and nowhere else.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::protocol::PROTOCOL;

/// The longest path that every system takes as a socket's, in bytes.
const MAX_SOCKET_PATH: usize = 103;

/// Why a folder can't be the runtime folder.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RuntimeError {
    /// Others could get in, or put something of theirs in our place.
    #[error("the runtime folder {path} is not safe: {why}; remove it, or set XDG_RUNTIME_DIR to a folder of yours")]
    Unsafe {
        /// The folder.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Its path is too long for a socket.
    #[error(
        "the runtime folder {path} has too long a path for a socket ({length} bytes, {MAX_SOCKET_PATH} are possible); \
         set XDG_RUNTIME_DIR to a folder with a shorter one"
    )]
    TooLong {
        /// The folder.
        path: String,
        /// How long a socket's path in it would be.
        length: usize,
    },
    /// It can't be made or looked at.
    #[error("the runtime folder {path} can't be used: {why}; set XDG_RUNTIME_DIR to a folder of yours")]
    Unusable {
        /// The folder.
        path: String,
        /// What the system said.
        why: String,
    },
}

/// A folder that only its owner can enter.
#[derive(Debug, Clone)]
pub struct RuntimeDir {
    path: PathBuf,
}

impl RuntimeDir {
    /// Makes the folder where it is missing, and checks that it is ours, closed to others, and no symbolic link.
    pub fn open(path: &Path) -> Result<Self, RuntimeError> {
        let shown = || path.display().to_string();
        let unusable = |err: &io::Error| RuntimeError::Unusable { path: shown(), why: err.to_string() };
        make(path).map_err(|err| unusable(&err))?;
        let found = fs::symlink_metadata(path).map_err(|err| unusable(&err))?;
        if let Err(why) = is_private(&found) {
            return Err(RuntimeError::Unsafe { path: shown(), why });
        }
        let dir = Self { path: path.to_owned() };
        let length = dir.names("000000000000").socket().as_os_str().len();
        if length > MAX_SOCKET_PATH {
            return Err(RuntimeError::TooLong { path: shown(), length });
        }
        Ok(dir)
    }

    /// Returns the names of a workspace's files, by the workspace's id.
    pub fn names(&self, workspace: &str) -> Names {
        Names { dir: self.path.clone(), id: workspace.to_owned(), protocol: PROTOCOL }
    }
}

#[cfg(unix)]
fn make(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    match builder.create(path) {
        Err(err) if err.kind() == io::ErrorKind::NotFound => builder.recursive(true).create(path),
        Err(err) if err.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(not(unix))]
fn make(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn is_private(found: &fs::Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;

    if found.file_type().is_symlink() {
        return Err("it is a symbolic link".to_owned());
    }
    if !found.is_dir() {
        return Err("it is not a folder".to_owned());
    }
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own {
        return Err(format!("it belongs to user {}, not to user {own}", found.uid()));
    }
    match found.mode() & 0o077 {
        0 => Ok(()),
        _ => Err(format!("others may enter it (its mode is {:o}, and must be 700)", found.mode() & 0o777)),
    }
}

#[cfg(not(unix))]
fn is_private(found: &fs::Metadata) -> Result<(), String> {
    if found.is_dir() { Ok(()) } else { Err("it is not a folder".to_owned()) }
}

/// The names of a hub's files: `p<protocol>-<workspace>.<kind>`.
#[derive(Debug, Clone)]
pub struct Names {
    dir: PathBuf,
    id: String,
    protocol: u32,
}

impl Names {
    /// The folder that they are in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The socket: there only when the hub is ready.
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    /// The socket's name while it is made.
    pub fn new_socket(&self) -> PathBuf {
        self.file("new")
    }

    /// The lock that the hub holds while it lives, with its pid.
    pub fn lock(&self) -> PathBuf {
        self.file("lock")
    }

    /// The lock that a client holds while it starts a hub.
    pub fn spawn_lock(&self) -> PathBuf {
        self.file("spawn")
    }

    /// The token that a client must know.
    pub fn token(&self) -> PathBuf {
        self.file("tok")
    }

    /// What the hub says of itself, for people and for tools.
    pub fn info(&self) -> PathBuf {
        self.file("json")
    }

    /// What the hub logs.
    pub fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// Returns the names that this workspace's hubs of other protocols use here.
    pub fn of_other_protocols(&self) -> Vec<(u32, Self)> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let end = format!("-{}.lock", self.id);
        entries
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            .filter_map(|it| it.strip_prefix('p')?.strip_suffix(&end)?.parse().ok())
            .filter(|it| *it != self.protocol)
            .map(|protocol| (protocol, Self { protocol, ..self.clone() }))
            .collect()
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.dir.join(format!("p{}-{}.{kind}", self.protocol, self.id))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_folder_that_others_can_reach_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("run");
        RuntimeDir::open(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
        RuntimeDir::open(&dir).unwrap();

        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
        let err = RuntimeDir::open(&dir).unwrap_err().to_string();
        assert!(err.contains("mode is 750") && err.contains("XDG_RUNTIME_DIR"), "{err}");

        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
        symlink(&dir, temp.path().join("link")).unwrap();
        let err = RuntimeDir::open(&temp.path().join("link")).unwrap_err().to_string();
        assert!(err.contains("symbolic link"), "{err}");

        fs::write(temp.path().join("file"), "").unwrap();
        assert!(RuntimeDir::open(&temp.path().join("file")).unwrap_err().to_string().contains("not a folder"));
        let err = RuntimeDir::open(&temp.path().join("x".repeat(100))).unwrap_err();
        assert!(matches!(err, RuntimeError::TooLong { .. }), "{err}");
    }

    #[test]
    fn the_protocol_is_in_the_names() {
        let temp = tempfile::tempdir().unwrap();
        let dir = RuntimeDir::open(&temp.path().join("r")).unwrap();
        let names = dir.names("0123456789ab");
        assert!(names.socket().ends_with(format!("p{PROTOCOL}-0123456789ab.sock")));
        fs::write(names.dir().join("p7-0123456789ab.lock"), "").unwrap();
        fs::write(names.dir().join("p8-ffffffffffff.lock"), "").unwrap();
        fs::write(names.lock(), "").unwrap();
        let others = names.of_other_protocols();
        assert_eq!(others.iter().map(|it| it.0).collect::<Vec<_>>(), [7]);
    }
}
