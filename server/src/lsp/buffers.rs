//! The open buffers of all editors of a hub, as work on their files meets them: what is not saved, and how a change on the disk
//! gets into a buffer that holds something of its own.
//!
//! Called on threads that may wait: agents' and the checkpoints'. Invariant (promise 4): a buffer is changed by an edit of the
//! version that was looked at, which the editor can undo, or not at all.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use dashmap::DashMap;
use tokio::runtime::Handle;
use tower_lsp::lsp_types::{
    ApplyWorkspaceEditParams, DocumentChanges, MessageType, OneOf, OptionalVersionedTextDocumentIdentifier, Position,
    Range, TextDocumentEdit, TextEdit, WorkspaceEdit,
    request::{ApplyWorkspaceEdit, Request},
};

use crate::{
    hub::effect::TextToPut,
    lsp::{editor::Editor, puts::Puts},
    protocol::{SaveBuffersParams, SaveBuffersResult, method},
    workspace::{
        buffers::{Bases, BeforeTurn, BufferClash, Buffers, Done, Opened, Unsaved},
        carry::{Change, carry},
        documents::{Document, Documents, EditorId},
        position::{Encoding, position},
        sightings::GRACE,
    },
};

/// How long an editor may take to save, or to take an edit. A question of its own to its user may stand before it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often an edit is made anew because something was typed meanwhile.
pub(super) const TRIES: usize = 5;

/// A file longer than this is not compared with its buffer.
const MOST_READ: u64 = 4 * 1024 * 1024;

/// `callboard/saveBuffers`, which the server asks of editors that can.
pub enum SaveBuffers {}

impl Request for SaveBuffers {
    type Params = SaveBuffersParams;
    type Result = Option<SaveBuffersResult>;
    const METHOD: &'static str = method::SAVE_BUFFERS;
}

/// The open buffers of all editors.
#[derive(Default)]
pub struct OpenBuffers {
    /// Their texts.
    pub documents: Arc<Documents>,
    root: Option<PathBuf>,
    before_turn: BeforeTurn,
    editors: DashMap<EditorId, (Weak<Editor>, Handle)>,
    /// When files were last saved.
    saves: DashMap<String, Instant>,
    /// Texts that wait for an editor.
    pub(super) puts: Puts,
    pub(super) me: Weak<Self>,
}

/// How many saves are remembered before those that are over are let go.
const MOST_SAVES: usize = 1_000;

/// What a file holds.
pub(super) enum Disk {
    /// Text; `None` where there is no such file.
    Text(Option<Arc<str>>),
    /// Something that is no text, or too much, or outside: it is not compared.
    Other,
}

impl OpenBuffers {
    /// Makes it for the workspace with this root.
    pub fn new(root: PathBuf, before_turn: BeforeTurn) -> Arc<Self> {
        Arc::new_cyclic(|me| Self { root: Some(root), before_turn, me: Weak::clone(me), ..Self::default() })
    }

    /// An editor has come. To be called where its questions can be asked.
    pub(super) fn enter(&self, editor: &Arc<Editor>) {
        self.editors.insert(editor.id, (Arc::downgrade(editor), Handle::current()));
    }

    /// An editor has opened a file. Whether it holds something of its own is found out beside all else, where the file may be
    /// read.
    pub(super) fn opened(&self, path: &str, may_read: bool) {
        self.file_opened(path);
        if !may_read {
            return;
        }
        if let (Some(me), Ok(runtime)) = (self.me.upgrade(), Handle::try_current()) {
            let path = path.to_owned();
            runtime.spawn_blocking(move || me.compare(&path));
        }
    }

    fn compare(&self, path: &str) {
        if let Disk::Text(Some(disk)) = self.disk(path) {
            self.documents.compared(path, &disk);
        }
    }

    /// An editor has saved a file.
    pub(super) fn saved(&self, path: &str, editor: EditorId) {
        self.documents.saved(path, editor);
        if self.saves.len() >= MOST_SAVES {
            self.saves.retain(|_, at| at.elapsed() < GRACE);
        }
        self.saves.insert(path.to_owned(), Instant::now());
    }

    /// An editor has gone, with its buffers.
    pub(super) fn leave(&self, editor: EditorId) {
        self.editors.remove(&editor);
        self.documents.leave(editor);
    }

    pub(super) fn editor(&self, id: EditorId) -> Option<(Arc<Editor>, Handle)> {
        // No lock of the map is held while something is asked.
        let (editor, runtime) = self.editors.get(&id)?.value().clone();
        Some((editor.upgrade()?, runtime))
    }

    pub(super) fn disk(&self, path: &str) -> Disk {
        self.root.as_ref().map_or(Disk::Other, |it| read(it, path))
    }

    /// Has the editors that can save these files, and waits until they have, bounded.
    fn save(&self, unsaved: &[Unsaved]) {
        let ids: Vec<EditorId> = self.editors.iter().map(|it| *it.key()).collect();
        for (editor, runtime) in ids.into_iter().filter_map(|it| self.editor(it)) {
            let held = unsaved.iter().filter(|it| self.documents.held(&it.path, editor.id).is_some());
            let uris: Vec<String> = held.filter_map(|it| editor.folder().uri(&it.path)).map(Into::into).collect();
            if !editor.wishes().options.saves || uris.is_empty() {
                continue;
            }
            let asked = editor.ask::<SaveBuffers>(SaveBuffersParams { uris });
            if runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await }).is_err() {
                tracing::warn!("An editor did not save within {PATIENCE:?}; its unsaved text is told instead.");
            }
        }
    }

    fn look(&self, paths: &[String]) -> Opened {
        let mut opened = Opened::default();
        for path in self.documents.paths() {
            let Disk::Text(disk) = self.disk(&path) else { continue };
            self.documents.compared(&path, disk.as_deref().unwrap_or_default());
            // Of several editors that have something of their own, the one that typed last.
            let held = self.documents.editors_of(&path).into_iter().rev();
            let held = held.filter_map(|it| self.documents.held(&path, it));
            let mut texts = held.filter(|it| !it.untouched).map(|it| it.text);
            if let Some(text) = texts.find(|it| disk.as_deref() != Some(&**it))
                && is_below(&path, paths)
            {
                let disk = disk.clone().unwrap_or_default();
                opened.unsaved.push(Unsaved { path: path.clone(), disk, text });
            }
            opened.bases.insert(path, disk);
        }
        opened
    }

    /// Carries a change of the disk into one editor's buffer.
    fn carry_into(&self, path: &str, editor: EditorId, base: &str, theirs: &Arc<str>) -> Result<(), BufferClash> {
        for _ in 0..TRIES {
            let Some(document) = self.documents.held(path, editor) else { return Ok(()) };
            let mine = &document.text;
            if document.untouched || **mine == **theirs || **mine == *base {
                // It has it, or has nothing of its own and is read again by its editor.
                return Ok(());
            }
            let clash = || BufferClash { path: path.to_owned(), mine: Arc::clone(mine), theirs: Arc::clone(theirs) };
            let changes = carry(base, mine, theirs).map_err(|_| clash())?;
            if changes.is_empty() {
                return Ok(());
            }
            let Some((editor, runtime)) = self.editor(editor) else { return Ok(()) };
            if !editor.wishes().apply_edit {
                return Err(clash());
            }
            let applied = runtime.block_on(edit(&editor, path, &document, &changes));
            if applied == Some(true) {
                let words = format!("{path} was changed on disk; the change was carried into your unsaved text.");
                runtime.spawn(async move { editor.client.log_message(MessageType::INFO, words).await });
                return Ok(());
            }
            if applied.is_none() {
                // An editor that does not answer is not waited for again.
                return Err(clash());
            }
            // Something was typed meanwhile: the editor has told us so before it refused.
        }
        let mine = self.documents.held(path, editor).map_or_else(Arc::default, |it| it.text);
        Err(BufferClash { path: path.to_owned(), mine, theirs: Arc::clone(theirs) })
    }
}

impl Buffers for OpenBuffers {
    fn bases(&self) -> Bases {
        self.look(&[]).bases
    }

    fn before(&self, paths: &[String]) -> Opened {
        let opened = self.look(paths);
        if self.before_turn == BeforeTurn::Overlay || opened.unsaved.is_empty() {
            return opened;
        }
        self.save(&opened.unsaved);
        self.look(paths)
    }

    fn after(&self, bases: &Bases) -> Vec<BufferClash> {
        let mut clashes = Vec::new();
        for (path, base) in bases {
            let Disk::Text(Some(theirs)) = self.disk(path) else {
                // A file that is gone leaves its buffer alone.
                continue;
            };
            if base.as_ref() == Some(&theirs) {
                continue;
            }
            let base = base.as_deref().unwrap_or_default();
            for editor in self.documents.editors_of(path) {
                clashes.extend(self.carry_into(path, editor, base, &theirs).err());
            }
        }
        clashes
    }

    fn was_saved(&self, path: &str) -> bool {
        self.saves.get(path).is_some_and(|at| at.elapsed() < GRACE)
    }

    fn text(&self, path: &str) -> Option<Arc<str>> {
        let last = self.documents.editors_of(path).into_iter().next_back()?;
        self.documents.held(path, last).map(|it| it.text)
    }

    fn put(&self, text: TextToPut, done: Done) {
        self.take_text(text, done);
    }
}

/// Has an editor change a buffer. Returns whether it did (not where it has another version by now), or `None` where it did not
/// answer in time.
pub(super) async fn edit(editor: &Arc<Editor>, path: &str, document: &Document, changes: &[Change]) -> Option<bool> {
    let uri = editor.folder().uri(path)?;
    let wishes = editor.wishes();
    let edits: Vec<TextEdit> = changes.iter().map(|it| text_edit(&document.text, it, wishes.encoding)).collect();
    let whole = if wishes.document_changes {
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: Some(document.version) };
        let edits = edits.into_iter().map(OneOf::Left).collect();
        let changes = DocumentChanges::Edits(vec![TextDocumentEdit { text_document, edits }]);
        WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() }
    } else {
        WorkspaceEdit { changes: Some(std::iter::once((uri, edits)).collect()), ..WorkspaceEdit::default() }
    };
    let params = ApplyWorkspaceEditParams { label: Some(format!("Callboard: {path}")), edit: whole };
    let answer = tokio::time::timeout(PATIENCE, editor.ask::<ApplyWorkspaceEdit>(params)).await;
    answer.ok().map(|it| it.is_ok_and(|it| it.applied))
}

fn text_edit(text: &str, change: &Change, encoding: Encoding) -> TextEdit {
    let at = |offset| {
        let (line, character) = position(text, offset, encoding);
        Position { line, character }
    };
    TextEdit {
        range: Range { start: at(change.range.start), end: at(change.range.end) },
        new_text: change.text.clone(),
    }
}

/// Returns whether a file is one of these, or below one; any is where there is none.
fn is_below(path: &str, paths: &[String]) -> bool {
    let below = |it: &String| {
        let place = it.trim_start_matches("./").trim_end_matches('/');
        place.is_empty() || place == "." || Path::new(path).starts_with(place)
    };
    paths.is_empty() || paths.iter().any(below)
}

/// Reads a file of the workspace; none that a link leads out to. Without the mark of byte order, which no editor shows.
fn read(root: &Path, path: &str) -> Disk {
    let whole = root.join(path);
    let real = match fs::canonicalize(&whole) {
        Ok(real) if real.starts_with(root) => real,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Disk::Text(None),
        _ => return Disk::Other,
    };
    if !fs::metadata(&real).is_ok_and(|it| it.is_file() && it.len() <= MOST_READ) {
        return Disk::Other;
    }
    let read = fs::read_to_string(real);
    read.map_or(Disk::Other, |it| Disk::Text(Some(it.strip_prefix('\u{feff}').unwrap_or(&it).into())))
}
