//! The open buffers of a workspace: what the developer sees, saved or not (promise 4).
//!
//! Each editor's own text is kept, because its edits are relative to that; of one file the editor that changed it last wins,
//! and the answer says which that was. Knows text and paths from the root, and no protocol.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dashmap::{DashMap, Entry};

use super::position::{Edit, apply};

/// The longest text that is kept, in bytes. A longer buffer counts as not open.
pub const MOST_TEXT: usize = 16 * 1024 * 1024;

/// How many buffers one editor may have open here.
pub const MOST_OPEN: usize = 4_096;

/// A connection that has buffers open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EditorId(u64);

/// An open buffer as one editor has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its text, with what is not saved.
    pub text: Arc<str>,
    /// The editor's own number of it.
    pub version: i32,
    /// Which editor.
    pub editor: EditorId,
    /// Whether it holds nothing of its own: it is as the file was when both were last compared. The file may be another by
    /// now, where the editor has not read it again.
    pub untouched: bool,
}

/// The open buffers by their path from the root, with `/` between its parts.
#[derive(Default)]
pub struct Documents {
    /// Of each file the editors that have it open, the one that changed it last behind the others.
    open: DashMap<String, Vec<Document>>,
    editors: AtomicU64,
}

impl Documents {
    /// Makes a name for an editor that connects.
    pub fn enter(&self) -> EditorId {
        EditorId(self.editors.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// An editor opened a file, or opens it again. Returns whether the text is kept.
    pub fn open(&self, path: &str, editor: EditorId, version: i32, text: Arc<str>) -> bool {
        self.close(path, editor);
        if text.len() > MOST_TEXT || self.of(editor).count() >= MOST_OPEN {
            return false;
        }
        self.open.entry(path.to_owned()).or_default().push(Document { text, version, editor, untouched: false });
        true
    }

    /// An editor changed a file that it has open: the edits are taken in their order, each on the text that the one before
    /// left. Returns them with the offsets that they came to, and the new text.
    pub fn change(&self, path: &str, editor: EditorId, version: i32, edits: &[Edit]) -> Option<Changed> {
        let Entry::Occupied(mut entry) = self.open.entry(path.to_owned()) else { return None };
        let held = entry.get_mut();
        let at = held.iter().position(|it| it.editor == editor)?;
        let mut document = held.remove(at);
        let mut text = document.text.to_string();
        let splices = edits.iter().map(|it| apply(&mut text, it)).collect();
        if text.len() > MOST_TEXT {
            if held.is_empty() {
                entry.remove();
            }
            return None;
        }
        document.text = text.into();
        document.version = version;
        document.untouched = false;
        let text = Arc::clone(&document.text);
        held.push(document);
        Some(Changed { text, splices })
    }

    /// A file was seen to hold this: the buffers that hold the same have nothing of their own.
    pub fn compared(&self, path: &str, disk: &str) {
        for document in self.open.get_mut(path).iter_mut().flat_map(|it| it.iter_mut()) {
            document.untouched |= *document.text == *disk;
        }
    }

    /// An editor has written its buffer to the file.
    pub fn saved(&self, path: &str, editor: EditorId) {
        for document in self.open.get_mut(path).iter_mut().flat_map(|it| it.iter_mut()) {
            document.untouched |= document.editor == editor;
        }
    }

    /// An editor closed a file.
    pub fn close(&self, path: &str, editor: EditorId) {
        if let Entry::Occupied(mut entry) = self.open.entry(path.to_owned()) {
            entry.get_mut().retain(|it| it.editor != editor);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }

    /// An editor is gone, with all that it had open.
    pub fn leave(&self, editor: EditorId) {
        self.open.retain(|_, held| {
            held.retain(|it| it.editor != editor);
            !held.is_empty()
        });
    }

    /// Returns a file as the editor has it that changed it last; `None` where nobody has it open.
    pub fn latest(&self, path: &str) -> Option<Document> {
        self.open.get(path).and_then(|it| it.last().cloned())
    }

    /// Returns the open files with the version and the length of their latest text, by their path.
    pub fn list(&self) -> Vec<(String, i32, usize)> {
        let latest = self.open.iter().filter_map(|it| {
            let document = it.last()?;
            Some((it.key().clone(), document.version, document.text.len()))
        });
        let mut all: Vec<_> = latest.collect();
        all.sort();
        all
    }

    /// Returns the paths of the open files, in order.
    pub fn paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = self.open.iter().map(|it| it.key().clone()).collect();
        paths.sort();
        paths
    }

    /// Returns the editors that have a file open.
    pub fn editors_of(&self, path: &str) -> Vec<EditorId> {
        self.open.get(path).map_or_else(Vec::new, |it| it.iter().map(|it| it.editor).collect())
    }

    /// Returns a file as this editor has it.
    pub fn held(&self, path: &str, editor: EditorId) -> Option<Document> {
        self.open.get(path).and_then(|it| it.iter().find(|it| it.editor == editor).cloned())
    }

    fn of(&self, editor: EditorId) -> impl Iterator<Item = ()> + '_ {
        self.open.iter().filter(move |it| it.iter().any(|it| it.editor == editor)).map(|_| ())
    }
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The text as it is now.
    pub text: Arc<str>,
    /// What was replaced, in order.
    pub splices: Vec<super::position::Splice>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::position::{Encoding, Span};

    fn insert(line: u32, character: u32, text: &str) -> Edit {
        let at = (line, character);
        Edit { span: Some(Span { start: at, end: at, encoding: Encoding::Utf16 }), text: text.to_owned() }
    }

    #[test]
    fn the_last_editor_wins_and_says_who_it_is() {
        let documents = Documents::default();
        let (ada, bob) = (documents.enter(), documents.enter());
        documents.open("a.txt", ada, 1, "one\n".into());
        documents.open("a.txt", bob, 7, "two\n".into());
        assert_eq!(documents.latest("a.txt").unwrap().editor, bob);
        // Each editor's edits are applied to its own text.
        let changed = documents.change("a.txt", ada, 2, &[insert(0, 3, "!"), insert(0, 4, "?")]).unwrap();
        assert_eq!(&*changed.text, "one!?\n");
        let latest = documents.latest("a.txt").unwrap();
        assert_eq!((latest.editor, latest.version, &*latest.text), (ada, 2, "one!?\n"));
        assert_eq!(&*documents.held("a.txt", bob).unwrap().text, "two\n");
        documents.leave(ada);
        assert_eq!(documents.latest("a.txt").unwrap().editor, bob);
        documents.close("a.txt", bob);
        assert_eq!(documents.latest("a.txt"), None);
        assert!(documents.change("a.txt", bob, 8, &[insert(0, 0, "x")]).is_none(), "what is closed is not changed");
    }

    #[test]
    fn a_buffer_has_something_of_its_own_from_its_first_change_until_it_is_as_the_file() {
        let documents = Documents::default();
        let (ada, bob) = (documents.enter(), documents.enter());
        let untouched = || [ada, bob].map(|it| documents.held("a.txt", it).unwrap().untouched);
        documents.open("a.txt", ada, 1, "one\n".into());
        documents.open("a.txt", bob, 1, "two\n".into());
        assert_eq!(untouched(), [false, false], "nobody knows yet what the file holds");
        documents.compared("a.txt", "one\n");
        assert_eq!(untouched(), [true, false]);
        documents.compared("a.txt", "three\n");
        assert_eq!(untouched(), [true, false], "a file that changes gives a buffer nothing of its own");
        documents.change("a.txt", ada, 2, &[insert(0, 0, "x")]);
        documents.saved("a.txt", bob);
        assert_eq!(untouched(), [false, true]);
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let documents = Documents::default();
        let ada = documents.enter();
        assert!(!documents.open("a.txt", ada, 1, "x".repeat(MOST_TEXT + 1).into()));
        assert!(documents.open("a.txt", ada, 1, "x".repeat(MOST_TEXT).into()));
        assert!(documents.change("a.txt", ada, 2, &[insert(0, 0, "y")]).is_none());
        assert_eq!(documents.latest("a.txt"), None, "a text that is not known is not passed for the buffer");
    }
}
