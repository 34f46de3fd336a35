//! Waits until something changes in a folder.

use std::{io, path::Path};

/// A watch on a folder's entries and on the folder itself.
pub struct FolderWatch {
    #[cfg(target_os = "linux")]
    inotify: tokio::io::unix::AsyncFd<std::os::fd::OwnedFd>,
}

#[cfg(target_os = "linux")]
impl FolderWatch {
    /// Begins to watch. What changes from now on is seen.
    pub fn new(dir: &Path) -> io::Result<Self> {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};

        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let what = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF;
        add_watch(&inotify, dir, what | WatchFlags::ONLYDIR)?;
        // The other constructor asks, by `unsafe`, that the descriptor stays open while it is registered: the value owns it.
        #[expect(deprecated, reason = "the replacement is unsafe, and what it asks for is so here")]
        let inotify = tokio::io::unix::AsyncFd::new(inotify)?;
        Ok(Self { inotify })
    }

    /// Waits for a change. Safe to cancel.
    pub async fn changed(&mut self) -> io::Result<()> {
        loop {
            let mut ready = self.inotify.readable().await?;
            // What changed does not matter: who waits looks for itself. So the events are only taken out.
            let mut events = [0; 4096];
            match ready.try_io(|it| rustix::io::read(it.get_ref(), &mut events).map_err(io::Error::from)) {
                Ok(result) => return result.map(|_| ()),
                Err(_would_block) => {}
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl FolderWatch {
    /// Begins to watch. This system has no cheap event for it here, so `changed` is a slow timer.
    pub fn new(_: &Path) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits until it is time to look.
    pub async fn changed(&mut self) -> io::Result<()> {
        tokio::time::sleep(std::time::Duration::from_secs(5)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_deleted_file_is_seen() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("a");
        std::fs::write(&file, "").unwrap();
        let mut watch = FolderWatch::new(temp.path()).unwrap();
        std::fs::remove_file(&file).unwrap();
        tokio::time::timeout(Duration::from_secs(20), watch.changed()).await.expect("the change is seen").unwrap();
    }
}
