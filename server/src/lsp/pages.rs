//! The documents of pause points as real files in the state folder, for editors that show nothing but files.
//!
//! Invariant: a page that holds what a person saved is never written over while its pause is open; and what a file holds is
//! never taken for a person's answer: only what a person's own editor has open is (promise 2).

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    hub::snapshot::Snapshot,
    ids::PauseId,
    lsp::page,
    protocol::{InboxParams, PauseView},
    store::private,
};

/// A page longer than this is not read back: no document is.
const MOST_PAGE: u64 = 4 * 1024 * 1024;

/// The pages of one workspace.
pub struct Pages {
    folder: Option<PathBuf>,
    /// What was written, by pause: the revision of its last change. Held while files are written, so that two editors do not.
    written: tokio::sync::Mutex<HashMap<PauseId, u64>>,
    /// Pauses whose page holds another document than the one that they show.
    edited: Mutex<HashSet<PauseId>>,
}

impl Pages {
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, written: tokio::sync::Mutex::default(), edited: Mutex::default() }
    }

    /// Returns the folder.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Returns the file of a pause.
    pub fn file(&self, pause: PauseId) -> Option<PathBuf> {
        self.folder.as_ref().map(|it| it.join(page::file_name(pause)))
    }

    /// Returns the pause that a file is the page of.
    pub fn pause_of(&self, file: &Path) -> Option<PauseId> {
        let folder = self.folder.as_ref().filter(|it| file.parent() == Some(it.as_path()));
        folder.and(file.file_name()).and_then(|it| it.to_str()).and_then(page::pause_of)
    }

    /// Notes whether a pause's page was saved with another document than the one that it shows.
    pub fn note(&self, pause: PauseId, is_edited: bool) {
        let mut edited = self.edited();
        if is_edited {
            edited.insert(pause);
        } else {
            edited.remove(&pause);
        }
    }

    /// Returns whether a pause's page holds another document than the one that it shows.
    pub fn is_edited(&self, pause: PauseId) -> bool {
        self.edited().contains(&pause)
    }

    /// Brings the files up to a state: a page for each open pause, and those that were answered say so.
    pub async fn sync(&self, snapshot: &Snapshot) {
        let Some(folder) = self.folder.clone() else { return };
        let mut written = self.written.lock().await;
        let open = snapshot.inbox(&InboxParams::default()).unwrap_or_default();
        let closed = written.keys().filter(|id| !open.iter().any(|it| it.id == **id));
        let of = |id: &PauseId| snapshot.inbox(&InboxParams { pause: Some(*id), all: true }).ok()?.pop();
        let closed: Vec<PauseView> = closed.filter_map(of).collect();
        for pause in &closed {
            self.note(pause.id, false);
        }
        let news: Vec<PauseView> =
            open.into_iter().chain(closed).filter(|it| written.get(&it.id) != Some(&it.rev)).collect();
        if news.is_empty() {
            return;
        }
        for pause in &news {
            if pause.answered.is_some() {
                written.remove(&pause.id);
            } else {
                written.insert(pause.id, pause.rev);
            }
        }
        let done = tokio::task::spawn_blocking(move || write(&folder, &news)).await;
        match done {
            Ok(Ok(edited)) => edited.into_iter().for_each(|it| self.note(it, true)),
            Ok(Err(err)) => tracing::warn!(%err, "The documents of pause points can't be written."),
            Err(err) => tracing::error!(%err, "Writing the documents of pause points failed."),
        }
    }

    /// Writes another document beside the pages and returns its file.
    pub async fn write(&self, name: &str, text: String) -> io::Result<PathBuf> {
        let folder = self.folder.clone().ok_or(io::ErrorKind::NotFound)?;
        let path = folder.join(name);
        let file = path.clone();
        let done = tokio::task::spawn_blocking(move || {
            private::folder(&folder)?;
            private::replace(&file, text.as_bytes())
        });
        done.await.map_err(io::Error::other)??;
        Ok(path)
    }

    fn edited(&self) -> MutexGuard<'_, HashSet<PauseId>> {
        self.edited.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes pages and returns the pauses whose page holds what somebody saved there, and was left alone.
fn write(folder: &Path, pauses: &[PauseView]) -> io::Result<Vec<PauseId>> {
    private::folder(folder)?;
    let mut edited = Vec::new();
    for pause in pauses {
        let path = folder.join(page::file_name(pause.id));
        let text = page::page(pause);
        let old = read(&path);
        if old.as_deref() == Some(text.as_str()) {
            continue;
        }
        // An earlier hub wrote it, and somebody saved it since: the words are theirs.
        let kept = old.filter(|it| pause.answered.is_none() && page::is_of(it, pause));
        if let Some(kept) = kept {
            if page::read(&kept).is_edited(pause) {
                edited.push(pause.id);
            }
            continue;
        }
        private::replace(&path, text.as_bytes())?;
    }
    Ok(edited)
}

fn read(path: &Path) -> Option<String> {
    let data = std::fs::symlink_metadata(path).ok()?;
    if !data.is_file() || data.len() > MOST_PAGE { None } else { std::fs::read_to_string(path).ok() }
}

/// Returns the present form of a pause.
pub fn view(snapshot: &Snapshot, pause: PauseId) -> Option<PauseView> {
    snapshot.inbox(&InboxParams { pause: Some(pause), all: true }).ok()?.pop()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_folder_are_pages() {
        let pages = Pages::new(Some("/state/documents".into()));
        assert_eq!(pages.pause_of(Path::new("/state/documents/p3.md")), Some(PauseId(3)));
        for bad in ["/state/p3.md", "/state/documents/sub/p3.md", "/state/documents/channel-main.md", "p3.md"] {
            assert_eq!(pages.pause_of(Path::new(bad)), None, "{bad}");
        }
        assert_eq!(Pages::new(None).pause_of(Path::new("p3.md")), None);
    }
}
