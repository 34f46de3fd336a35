//! Texts that a person chose at a clash, on their way into the editors that have the file open.
//!
//! Invariant (promise 4): what was typed since is never replaced after a crash; then the person is told, and both texts stay
//! where they are. Invariant: each text is told of once, when it is there or can't be; one whose editor went away waits for
//! the next that opens the file.

use std::sync::{Mutex, PoisonError};

use tower_lsp::lsp_types::MessageType;

use crate::{
    document::hash_of,
    hub::effect::TextToPut,
    lsp::buffers::{Disk, OpenBuffers, TRIES, edit},
    workspace::{buffers::Done, carry::carry, documents::EditorId},
};

/// Texts for which an editor is waited.
#[derive(Default)]
pub(super) struct Puts(Mutex<Vec<(TextToPut, Done)>>);

/// What came of a text in one editor.
enum Came {
    There,
    /// The editor went away before it said so.
    Left,
    Not(&'static str),
}

impl OpenBuffers {
    /// Takes a text over.
    pub(super) fn take_text(&self, text: TextToPut, done: Done) {
        if text.again {
            let path = text.path.clone();
            self.wait_for_editor(text, done);
            // An editor may have opened the file before.
            self.file_opened(&path);
        } else {
            self.start(text, done);
        }
    }

    /// An editor opened a file: what waits for that goes on.
    pub(super) fn file_opened(&self, path: &str) {
        if self.documents.editors_of(path).is_empty() {
            return;
        }
        let due: Vec<_> = {
            let mut waiting = self.puts.0.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.extract_if(.., |(text, _)| text.path == path).collect()
        };
        for (text, done) in due {
            self.start(text, done);
        }
    }

    fn wait_for_editor(&self, text: TextToPut, done: Done) {
        self.puts.0.lock().unwrap_or_else(PoisonError::into_inner).push((text, done));
    }

    fn start(&self, text: TextToPut, done: Done) {
        let editors: Vec<EditorId> = self.documents.editors_of(&text.path);
        let Some(runtime) = editors.iter().find_map(|it| Some(self.editor(*it)?.1)) else {
            // Who opens the file now reads it from the disk.
            done(String::new());
            return;
        };
        let Some(buffers) = self.me.upgrade() else {
            done(String::new());
            return;
        };
        runtime.spawn(async move { buffers.put_into_all(editors, text, done).await });
    }

    async fn put_into_all(&self, editors: Vec<EditorId>, mut text: TextToPut, done: Done) {
        let (me, path) = (self.me.upgrade(), text.path.clone());
        let disk = tokio::task::spawn_blocking(move || me.map_or(Disk::Other, |it| it.disk(&path))).await;
        if !matches!(disk, Ok(Disk::Text(Some(disk))) if disk == text.text) {
            done("the file was changed again since".to_owned());
            return;
        }
        let mut why = String::new();
        for id in editors {
            match self.put_into(id, &text).await {
                Came::There => {}
                Came::Left => {
                    text.again = true;
                    self.wait_for_editor(text, done);
                    return;
                }
                Came::Not(reason) => {
                    why = reason.to_owned();
                    if let Some((editor, _)) = self.editor(id) {
                        let words =
                            format!("{} was not changed in the editor: {reason}. The text is on the disk.", text.path);
                        editor.say(MessageType::WARNING, words);
                    }
                }
            }
        }
        done(why);
    }

    async fn put_into(&self, id: EditorId, text: &TextToPut) -> Came {
        for _ in 0..TRIES {
            let Some((editor, _)) = self.editor(id) else { return Came::Left };
            // It closed the file, and reads it anew when it opens it.
            let Some(document) = self.documents.held(&text.path, id) else { return Came::There };
            if document.text == text.text {
                return Came::There;
            }
            if text.again && text.mine.as_ref().is_some_and(|it| *it != hash_of(&document.text)) {
                return Came::Not("something else was typed in it since");
            }
            if !editor.wishes().apply_edit {
                return Came::Not("it takes no edits");
            }
            // From what it has now: the whole difference, so this can't clash.
            let changes = carry(&document.text, &document.text, &text.text).unwrap_or_default();
            match edit(&editor, &text.path, &document, &changes).await {
                Some(true) => return Came::There,
                // Something was typed meanwhile: the editor has told us so before it refused.
                Some(false) => {}
                None => return Came::Not("it did not answer"),
            }
        }
        if self.editor(id).is_none() { Came::Left } else { Came::Not("it is being typed in") }
    }
}
