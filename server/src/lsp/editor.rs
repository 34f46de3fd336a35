//! One connection as an editor: what it can, which buffers it has open, and where findings stand in them.
//!
//! Everything here is taken at once, in the order in which the client sends it; what is told to the client is `desk.rs`.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tokio::{
    sync::{Notify, watch},
    task::AbortHandle,
};
use tower_lsp::{
    Client, jsonrpc,
    lsp_types::{
        self, DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
        DidSaveTextDocumentParams, InitializeParams, MessageType, TextDocumentContentChangeEvent, Url,
    },
};

use crate::{
    finding::{Finding, Place},
    hub::event::{Actor, Event},
    ids::{FindingId, PauseId},
    lsp::{
        channel::Channels,
        desk,
        folder::{self, Folder},
        language::Scripts,
        page, pages,
        shared::Shared,
        transport,
        wishes::Wishes,
    },
    workspace::{
        anchor::Mark,
        documents::{Document, EditorId},
        position::{Edit, Span, apply},
    },
};

/// How many pages of pause points an editor may have open.
const MOST_PAGES: usize = 256;

/// One connection.
pub struct Editor {
    /// The client.
    pub client: Client,
    /// What all connections share.
    pub shared: Arc<Shared>,
    /// Who is behind it.
    pub actor: Actor,
    /// Its name among those that have buffers open.
    pub id: EditorId,
    /// Woken when something that it is shown may be another.
    pub news: Notify,
    /// The files of Callboard's own languages that it has open.
    pub(super) scripts: Scripts,
    /// The pages of channels that it has open.
    pub(super) channels: Channels,
    greeting: OnceLock<(Wishes, Folder)>,
    sight: Mutex<Sight>,
    desk: Mutex<Option<AbortHandle>>,
    over: watch::Sender<bool>,
    hanging_up: watch::Sender<bool>,
    /// Whether it asks for the diagnostics of all files.
    asks_for_all: AtomicBool,
    /// Whether its user was asked for trust by itself.
    trust_asked: AtomicBool,
    /// How many questions were asked that can be taken back.
    questions: AtomicU64,
}

/// What it has open.
#[derive(Default)]
struct Sight {
    /// Where findings stand in its buffers, by path.
    marks: HashMap<String, HashMap<FindingId, Placed>>,
    /// The pages of pause points that it has open.
    pages: HashMap<PauseId, OpenPage>,
}

struct Placed {
    /// What the mark was made from; another one makes it anew.
    from: (Option<Place>, Option<String>),
    mark: Mark,
}

/// A page as the editor has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPage {
    /// Its text, with what is not saved.
    pub text: String,
    /// Its text when it was opened or saved last.
    pub saved: String,
}

impl Editor {
    /// Makes one that has not greeted yet.
    pub fn new(client: Client, shared: Arc<Shared>, actor: Actor) -> Arc<Self> {
        let id = shared.documents.enter();
        let editor = Arc::new(Self {
            client,
            shared,
            actor,
            id,
            news: Notify::new(),
            scripts: Scripts::default(),
            channels: Channels::default(),
            greeting: OnceLock::new(),
            sight: Mutex::default(),
            desk: Mutex::default(),
            over: watch::Sender::new(false),
            hanging_up: watch::Sender::new(false),
            asks_for_all: AtomicBool::new(false),
            trust_asked: AtomicBool::new(false),
            questions: AtomicU64::new(0),
        });
        editor.shared.buffers.enter(&editor);
        editor
    }

    /// Takes its greeting.
    pub fn greet(&self, params: &InitializeParams) -> &Wishes {
        let folders = params.workspace_folders.as_ref().and_then(|it| it.first()).map(|it| &it.uri);
        let opened = folders.or(params.root_uri.as_ref()).and_then(folder::plain);
        let root = self.shared.surroundings.root();
        let folder = root.map_or_else(Folder::default, |it| Folder::new(it, opened));
        &self.greeting.get_or_init(|| (Wishes::read(params), folder)).0
    }

    /// Begins to tell it what changes, where it is an editor and a person's.
    pub fn start(self: &Arc<Self>) {
        let mut desk = lock(&self.desk);
        if self.wishes().editor && matches!(self.actor, Actor::Human(_)) && desk.is_none() {
            // It ends with the session, by `leave`.
            *desk = Some(tokio::spawn(desk::run(Arc::clone(self))).abort_handle());
        }
    }

    /// It takes its leave, so what is held back for it is answered.
    pub fn hang_up(&self) {
        self.hanging_up.send_replace(true);
    }

    /// Returns what turns true when it takes its leave.
    pub fn hanging_up(&self) -> watch::Receiver<bool> {
        self.hanging_up.subscribe()
    }

    /// It asks for the diagnostics of all files from now on.
    pub fn asks_for_all(&self) {
        if !self.asks_for_all.swap(true, Ordering::SeqCst) {
            self.news.notify_one();
        }
    }

    /// Returns whether its user may be asked for trust now without having wanted it: once.
    pub fn asks_for_trust(&self) -> bool {
        !self.trust_asked.swap(true, Ordering::SeqCst)
    }

    /// Returns whether it asks for the diagnostics of a file that it has open, or has not.
    pub fn asks_for(&self, open: bool) -> bool {
        self.wishes().pulls && (open || self.asks_for_all.load(Ordering::SeqCst))
    }

    /// Its session is over.
    pub fn leave(&self) {
        if let Some(desk) = lock(&self.desk).take() {
            desk.abort();
        }
        self.over.send_replace(true);
        self.shared.buffers.leave(self.id);
    }

    /// Asks the client something and waits for its answer, at most until its session is over. For no handler to await.
    pub async fn ask<R>(&self, params: R::Params) -> jsonrpc::Result<R::Result>
    where
        R: lsp_types::request::Request + 'static,
        R::Params: Send + 'static,
        R::Result: Send + 'static,
    {
        transport::ask_until::<R>(&self.client, params, self.is_over()).await
    }

    /// The same of a question that may be settled elsewhere meanwhile: then the client is told to take it back.
    pub async fn ask_unless<R>(
        &self,
        params: R::Params,
        settled: impl Future<Output = ()> + Send + 'static,
    ) -> jsonrpc::Result<R::Result>
    where
        R: lsp_types::request::Request + 'static,
        R::Result: Send + 'static,
    {
        let id = format!("callboard/question/{}", self.questions.fetch_add(1, Ordering::Relaxed));
        transport::ask_unless::<R>(&self.client, id, params, settled, self.is_over()).await
    }

    /// Returns what ends with its session.
    fn is_over(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut over = self.over.subscribe();
        async move { drop(over.wait_for(|it| *it).await.map(|_| ())) }
    }

    /// Returns what it can and wants.
    pub fn wishes(&self) -> &Wishes {
        // tower-lsp lets nothing in before the greeting.
        &self.greeting.get_or_init(|| (Wishes::read(&InitializeParams::default()), Folder::default())).0
    }

    /// Returns the workspace's folder as it names it.
    pub fn folder(&self) -> &Folder {
        static NONE: OnceLock<Folder> = OnceLock::new();
        self.greeting.get().map_or_else(|| NONE.get_or_init(Folder::default), |it| &it.1)
    }

    /// Returns the pause that a file is the page of.
    pub fn pause_of(&self, uri: &Url) -> Option<PauseId> {
        self.shared.pages.pause_of(&folder::plain(uri)?)
    }

    /// Returns the address of a pause's page.
    pub fn page_uri(&self, pause: PauseId) -> Option<Url> {
        Url::from_file_path(self.shared.pages.file(pause)?).ok()
    }

    /// It opened a file.
    pub fn opened(&self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        self.scripts.opened(self, &document.uri, document.version, &document.text);
        self.channels.opened(self, &document.uri, document.version, &document.text);
        let mut sight = self.sight();
        if let Some(pause) = self.pause_of(&document.uri) {
            if sight.pages.len() < MOST_PAGES {
                let page = OpenPage { saved: document.text.clone(), text: document.text };
                self.note_edit(pause, &page);
                sight.pages.insert(pause, page);
            }
        } else if let Some(path) = self.folder().path(&document.uri) {
            sight.marks.remove(&path);
            self.shared.documents.open(&path, self.id, document.version, document.text.into());
            drop(sight);
            // Promise 7: of what is not trusted no file is read, to compare it neither.
            self.shared.buffers.opened(&path, self.shared.hub.snapshot().state().trusted);
            self.news.notify_one();
            return;
        }
        drop(sight);
        self.news.notify_one();
    }

    /// It changed a file.
    pub fn changed(&self, params: DidChangeTextDocumentParams) {
        let uri = &params.text_document.uri;
        let edits: Vec<Edit> = params.content_changes.into_iter().map(|it| self.edit(it)).collect();
        self.scripts.changed(uri, params.text_document.version, &edits);
        self.channels.changed(self, uri, params.text_document.version, &edits);
        let mut sight = self.sight();
        if let Some(page) = self.pause_of(uri).and_then(|it| sight.pages.get_mut(&it)) {
            for edit in &edits {
                apply(&mut page.text, edit);
            }
        } else if let Some(path) = self.folder().path(uri) {
            let version = params.text_document.version;
            match self.shared.documents.change(&path, self.id, version, &edits) {
                Some(changed) => {
                    for placed in sight.marks.get_mut(&path).into_iter().flat_map(HashMap::values_mut) {
                        placed.mark = placed.mark.carried(&changed.text, &changed.splices);
                    }
                }
                None => drop(sight.marks.remove(&path)),
            }
        }
        drop(sight);
        self.news.notify_one();
    }

    /// It saved a file.
    pub fn saved(&self, params: DidSaveTextDocumentParams) {
        let uri = &params.text_document.uri;
        if let Some(pause) = self.pause_of(uri) {
            if let Some(page) = self.sight().pages.get_mut(&pause) {
                if let Some(text) = params.text {
                    page.text = text;
                }
                page.saved.clone_from(&page.text);
                self.note_edit(pause, page);
            }
        } else if let Some(path) = self.folder().path(uri).filter(|it| !it.starts_with(".callboard/")) {
            self.shared.buffers.saved(&path, self.id);
            self.shared.hub.tell(Event::Saved { by: self.actor.clone(), path });
            if self.scripts.analysis(uri).is_some() {
                self.shared.forget_workflows();
            }
        } else if self.folder().path(uri).is_some() {
            // What is offered depends on these files.
            self.shared.forget_workflows();
        } else if self.scripts.analysis(uri).is_some() {
            self.shared.forget_workflows();
        }
        self.news.notify_one();
    }

    /// It closed a file.
    pub fn closed(&self, params: &DidCloseTextDocumentParams) {
        let uri = &params.text_document.uri;
        self.scripts.closed(uri);
        self.channels.closed(self, uri);
        let mut sight = self.sight();
        if let Some(pause) = self.pause_of(uri) {
            sight.pages.remove(&pause);
        } else if let Some(path) = self.folder().path(uri) {
            sight.marks.remove(&path);
            self.shared.documents.close(&path, self.id);
        }
        drop(sight);
        self.news.notify_one();
    }

    /// Returns a buffer and where these findings stand in it; `None` where it does not have the file open.
    pub fn marks<'a>(
        &self,
        path: &str,
        findings: impl Iterator<Item = &'a Finding>,
    ) -> Option<(Document, Vec<(&'a Finding, Mark)>)> {
        // The lock keeps the text and the marks of one moment.
        let mut sight = self.sight();
        let document = self.shared.documents.held(path, self.id)?;
        let mut before = sight.marks.remove(path).unwrap_or_default();
        let (mut now, mut found) = (HashMap::new(), Vec::new());
        for finding in findings {
            let from = (finding.draft.place.clone(), finding.draft.excerpt.clone());
            let (Some(place), excerpt) = (&from.0, from.1.as_deref()) else { continue };
            let mark = match before.remove(&finding.id) {
                Some(placed) if placed.from == from => placed.mark,
                _ => Mark::find(&document.text, place, excerpt),
            };
            found.push((finding, mark.clone()));
            now.insert(finding.id, Placed { from, mark });
        }
        sight.marks.insert(path.to_owned(), now);
        Some((document, found))
    }

    /// Returns a page as it has it open.
    pub fn page(&self, pause: PauseId) -> Option<OpenPage> {
        self.sight().pages.get(&pause).cloned()
    }

    /// Returns the pauses whose pages it has open.
    pub fn open_pages(&self) -> Vec<PauseId> {
        self.sight().pages.keys().copied().collect()
    }

    /// Says something to its user. Never waits for the client.
    pub fn say(&self, kind: MessageType, text: impl Into<String>) {
        let (client, text) = (self.client.clone(), text.into());
        tokio::spawn(async move { client.show_message(kind, text).await });
    }

    /// Returns the path that a person is told of a pause's page.
    pub fn page_path(&self, pause: PauseId) -> PathBuf {
        self.shared.pages.file(pause).unwrap_or_default()
    }

    fn note_edit(&self, pause: PauseId, page: &OpenPage) {
        let shown = pages::view(&self.shared.hub.snapshot(), pause).filter(|it| it.answered.is_none());
        if let Some(shown) = shown {
            self.shared.pages.note(pause, page::read(&page.saved).is_edited(&shown));
        }
    }

    fn edit(&self, change: TextDocumentContentChangeEvent) -> Edit {
        let encoding = self.wishes().encoding;
        let span = change.range.map(|it| Span {
            start: (it.start.line, it.start.character),
            end: (it.end.line, it.end.character),
            encoding,
        });
        Edit { span, text: change.text }
    }

    fn sight(&self) -> MutexGuard<'_, Sight> {
        lock(&self.sight)
    }
}

/// Takes a lock that a panic elsewhere does not spoil: what is behind these is whole between two statements.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
