//! What a workspace says about how Callboard is to work in it: the files of its `.callboard` folder, read once and whole.
//!
//! Knows nothing of what is in them. Names are never looked up twice: each folder is opened below the one before it and no
//! symbolic link is followed, so nothing outside the workspace can be brought in, not even by a change at the wrong moment.

use std::{
    ffi::CStr,
    fs::File,
    io::{self, Read as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, Dir, FileType, Mode, OFlags, fstat, openat};

use crate::config::Workspace;

/// The folder, in a workspace's root.
pub const FOLDER: &str = ".callboard";

/// The most files that it may have, sub-folders' included.
pub const MOST_FILES: usize = 256;
/// The most bytes that one of them may have.
pub const MOST_BYTES_A_FILE: u64 = 1 << 20;
/// The most bytes that all together may have.
pub const MOST_BYTES: u64 = 8 << 20;
/// How many folders may lie in each other.
const DEEPEST: usize = 8;

/// A file with which a workspace configures Callboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentFile {
    /// Its path from the workspace's root, with `/` between its parts: `.callboard/workflows/fix.yaml`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Why the folder can't be used. Whatever it is, none of the folder is used.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It has something in it that could lead elsewhere, or never end.
    #[error("{path} is {what}; Callboard uses plain files alone there: replace it, or remove it")]
    NotPlain {
        /// Its path from the root.
        path: String,
        /// What it is, with its article.
        what: &'static str,
    },
    /// There is too much in it.
    #[error("{path}: {why}; move what does not belong there elsewhere")]
    TooMuch {
        /// Where it became too much.
        path: String,
        /// What the bound is.
        why: String,
    },
    /// The system refused.
    #[error("{path} can't be read: {source}")]
    Io {
        /// Its path from the root.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads the folder: all its files in the order of their paths. One that does not exist has none.
///
/// To be called only for a workspace that is trusted, or on behalf of a person who is about to trust it (promise 7).
pub fn read(workspace: &Workspace) -> Result<Vec<ContentFile>, ContentError> {
    let mut reader = Reader { files: Vec::new(), bytes: 0 };
    let path = workspace.root.join(FOLDER);
    match openat(CWD, &path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(folder) => reader.folder(&folder, Path::new(FOLDER), 1)?,
        Err(rustix::io::Errno::NOENT) => {}
        Err(error) => return Err(refused(FOLDER.to_owned(), &path, error)),
    }
    reader.files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(reader.files)
}

struct Reader {
    files: Vec<ContentFile>,
    bytes: u64,
}

impl Reader {
    fn folder(&mut self, folder: &OwnedFd, path: &Path, depth: usize) -> Result<(), ContentError> {
        let shown = path.display().to_string();
        if depth > DEEPEST {
            return Err(ContentError::TooMuch {
                path: shown,
                why: format!("more than {DEEPEST} folders in each other"),
            });
        }
        let io = |error: rustix::io::Errno| ContentError::Io { path: shown.clone(), source: error.into() };
        for entry in Dir::read_from(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            let path = path.join(text_of(name, &shown)?);
            self.entry(folder, name, &path, depth)?;
        }
        Ok(())
    }

    fn entry(&mut self, folder: &OwnedFd, name: &CStr, path: &Path, depth: usize) -> Result<(), ContentError> {
        let shown = path.display().to_string();
        // Not blocking: opening a pipe that nobody writes to would wait for ever. What it is, is asked of what was opened.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match openat(folder, name, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(rustix::io::Errno::LOOP) => {
                return Err(ContentError::NotPlain { path: shown, what: "a symbolic link" });
            }
            Err(error) => return Err(ContentError::Io { path: shown, source: error.into() }),
        };
        let stat = fstat(&opened).map_err(|it| ContentError::Io { path: shown.clone(), source: it.into() })?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.folder(&opened, path, depth + 1),
            FileType::RegularFile => self.file(opened, shown),
            _ => Err(ContentError::NotPlain { path: shown, what: "a pipe, a socket or a device" }),
        }
    }

    fn file(&mut self, file: OwnedFd, path: String) -> Result<(), ContentError> {
        let too_much = |path: &str, why: String| Err(ContentError::TooMuch { path: path.to_owned(), why });
        if self.files.len() >= MOST_FILES {
            return too_much(FOLDER, format!("more than {MOST_FILES} files"));
        }
        let mut bytes = Vec::new();
        // One more than the bound, whatever the size was said to be: a file can grow while it is read.
        let read = File::from(file).take(MOST_BYTES_A_FILE + 1).read_to_end(&mut bytes);
        read.map_err(|source| ContentError::Io { path: path.clone(), source })?;
        let length = bytes.len() as u64;
        if length > MOST_BYTES_A_FILE {
            return too_much(&path, format!("more than {} KiB in one file", MOST_BYTES_A_FILE >> 10));
        }
        self.bytes += length;
        if self.bytes > MOST_BYTES {
            return too_much(FOLDER, format!("more than {} MiB", MOST_BYTES >> 20));
        }
        self.files.push(ContentFile { path, bytes });
        Ok(())
    }
}

/// Returns a name as text. One that is not UTF-8 could not be told from another in a list of what changed.
fn text_of<'n>(name: &'n CStr, folder: &str) -> Result<&'n str, ContentError> {
    name.to_str().map_err(|_| ContentError::NotPlain {
        path: PathBuf::from(folder).join(name.to_string_lossy().as_ref()).display().to_string(),
        what: "a file whose name is not UTF-8",
    })
}

fn refused(shown: String, path: &Path, error: rustix::io::Errno) -> ContentError {
    let is_link = std::fs::symlink_metadata(path).is_ok_and(|it| it.is_symlink());
    match error {
        _ if is_link => ContentError::NotPlain { path: shown, what: "a symbolic link" },
        rustix::io::Errno::NOTDIR => ContentError::NotPlain { path: shown, what: "a file, where a folder should be" },
        error => ContentError::Io { path: shown, source: error.into() },
    }
}
