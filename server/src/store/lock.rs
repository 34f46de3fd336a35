//! The lease on a journal: an exclusive lock on a file beside it, with the holder's pid in it for people.
//!
//! Knows nothing of SQLite. The kernel lets go of the lock when the holder dies, however it dies, so a lease is never stale.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::JournalError;

/// A held lease. Dropping it gives the journal to whoever comes next.
#[derive(Debug)]
pub struct Lease {
    file: File,
}

impl Lease {
    /// Takes the lease on `journal`, or says who has it. Never waits.
    pub fn take(journal: &Path) -> Result<Self, JournalError> {
        let path = lock_path(journal);
        let broken = |error: &io::Error| JournalError::Broken {
            path: journal.display().to_string(),
            why: format!("its lock file {} can't be used: {error}", path.display()),
        };
        let mut file = open(&path).map_err(|error| broken(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(JournalError::Locked { path: journal.display().to_string(), pid: read_pid(&mut file) });
            }
            Err(TryLockError::Error(error)) => return Err(broken(&error)),
        }
        // The file is never removed: two processes could each hold a lock on their own inode of the same name.
        write_pid(&mut file).map_err(|error| broken(&error))?;
        Ok(Self { file })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Closing is not enough: a program that is just being started has a copy of the file until it has replaced itself.
        let _ = self.file.unlock();
    }
}

/// Returns where the lock of a journal is.
pub fn lock_path(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600).custom_flags(i32::try_from(rustix::fs::OFlags::NOFOLLOW.bits()).unwrap_or(0));
    }
    options.open(path)
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}
