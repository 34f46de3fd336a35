//! The two locks: the hub's own, which is its life, and the one under which a hub is started.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::Path,
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use crate::ipc::runtime::Names;

/// A hub's lock, held until the value is dropped or the process ends in any way.
#[derive(Debug)]
pub struct HubLock {
    file: File,
}

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another hub lives.
    #[error("a hub of this workspace runs already{}", .pid.map_or(String::new(), |it| format!(" (pid {it})")))]
    Held {
        /// Its process, where it is known.
        pid: Option<u32>,
    },
    /// The file can't be used.
    #[error("the lock can't be used: {0}")]
    Io(#[from] io::Error),
}

impl HubLock {
    /// Takes the lock and writes this process's pid into its file.
    pub fn take(names: &Names) -> Result<Self, LockError> {
        let path = names.lock();
        // A client that looks whether the lock is held holds it, shared, for an instant; so one refusal is not believed.
        for attempt in 0..50 {
            let mut file = open(&path)?;
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0)?;
                    file.rewind()?;
                    write!(file, "{}", std::process::id())?;
                    return Ok(Self { file });
                }
                Err(TryLockError::WouldBlock) if attempt < 49 => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(err)) => return Err(err.into()),
            }
        }
        Err(LockError::Held { pid: pid_in(&path) })
    }

    /// Returns whether the file at the lock's path is still the one that is held.
    #[cfg(unix)]
    pub fn is_in_place(&self, names: &Names) -> bool {
        use std::os::unix::fs::MetadataExt as _;

        match (self.file.metadata(), fs::symlink_metadata(names.lock())) {
            (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
            _ => false,
        }
    }
}

/// Whether a hub lives, and which process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Nobody holds the lock.
    Dead,
    /// This process holds it, where the file says which.
    Alive(Option<u32>),
}

/// Returns whether a hub with these names lives.
pub fn life(names: &Names) -> io::Result<Life> {
    let path = names.lock();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(Life::Dead),
        Err(err) => return Err(err),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(Life::Dead),
        Err(TryLockError::WouldBlock) => Ok(Life::Alive(pid_in(&path))),
        Err(TryLockError::Error(err)) => Err(err),
    }
}

/// Waits until no hub holds the lock, or until `deadline`; returns whether it is free.
pub async fn until_dead(names: &Names, deadline: Instant) -> io::Result<bool> {
    match File::open(names.lock()) {
        Ok(file) => Ok(waited(file, deadline, File::lock_shared).await?.is_some()),
        Err(err) if err.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(err) => Err(err),
    }
}

/// The lock under which one client starts a hub while the others wait. Held until dropped.
#[derive(Debug)]
pub struct SpawnLock {
    _file: File,
}

impl SpawnLock {
    /// Waits for the lock until `deadline`; returns `None` where somebody still holds it then.
    pub async fn wait(names: &Names, deadline: Instant) -> io::Result<Option<Self>> {
        let file = open(&names.spawn_lock())?;
        Ok(waited(file, deadline, File::lock).await?.map(|file| Self { _file: file }))
    }
}

/// Locks a file on a thread of its own, since the system offers no other wait for it.
///
/// The thread of a wait that was given up stays until the lock is free, and then lets it go at once.
async fn waited(
    file: File,
    deadline: Instant,
    lock: impl FnOnce(&File) -> io::Result<()> + Send + 'static,
) -> io::Result<Option<File>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new().name("lock".to_owned()).spawn(move || {
        let result = lock(&file).map(|()| file);
        let _ = sender.send(result);
    })?;
    match tokio::time::timeout_at(deadline, receiver).await {
        Ok(Ok(result)) => result.map(Some),
        Ok(Err(_)) => Err(io::Error::other("the thread that waits for the lock ended")),
        Err(_) => Ok(None),
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn pid_in(path: &Path) -> Option<u32> {
    let mut text = String::new();
    File::open(path).ok()?.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lock_is_life_and_its_holder_is_known() {
        let temp = tempfile::tempdir().unwrap();
        let names = Names::within(temp.path(), "0123456789ab");
        assert_eq!(life(&names).unwrap(), Life::Dead);
        let lock = HubLock::take(&names).unwrap();
        assert_eq!(life(&names).unwrap(), Life::Alive(Some(std::process::id())));
        let err = HubLock::take(&names).unwrap_err().to_string();
        assert!(err.contains(&format!("pid {}", std::process::id())), "{err}");
        assert!(lock.is_in_place(&names));
        assert!(!until_dead(&names, Instant::now() + Duration::from_millis(50)).await.unwrap());

        fs::remove_file(names.lock()).unwrap();
        assert!(!lock.is_in_place(&names));
        drop(lock);
        assert_eq!(life(&names).unwrap(), Life::Dead);
        assert!(until_dead(&names, Instant::now() + Duration::from_secs(5)).await.unwrap());
    }

    #[tokio::test]
    async fn a_second_starter_waits_for_the_first() {
        let temp = tempfile::tempdir().unwrap();
        let names = Names::within(temp.path(), "0123456789ab");
        let first = SpawnLock::wait(&names, Instant::now() + Duration::from_secs(5)).await.unwrap().unwrap();
        assert!(SpawnLock::wait(&names, Instant::now() + Duration::from_millis(50)).await.unwrap().is_none());
        drop(first);
        assert!(SpawnLock::wait(&names, Instant::now() + Duration::from_secs(10)).await.unwrap().is_some());
    }
}
