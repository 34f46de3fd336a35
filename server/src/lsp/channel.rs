//! The pages of channels that an editor has open: followed by edits that the client makes, written in, and posted from.
//!
//! Invariant: what a person writes below the line is theirs until it is posted. No edit of ours touches it but the one that takes away
//! what was posted, and that only where it still stands there.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use serde_json::{Value, json};
use tower_lsp::lsp_types::{
    ApplyWorkspaceEditParams, DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, Position, Range,
    TextDocumentEdit, TextEdit, Url, WorkspaceEdit, request::ApplyWorkspaceEdit,
};

use crate::{
    channel::DEFAULT_CHANNEL,
    hub::{
        event::{Refusal, RefusalCode},
        snapshot::Snapshot,
    },
    ids::{ChannelName, MessageId, Timestamp},
    lsp::{
        editor::{Editor, lock},
        folder,
        language::Places,
    },
    protocol::MessagesParams,
    workspace::position::{Edit, apply, splice},
};

pub mod ask;
pub mod compose;
pub mod place;
pub mod sheet;

use self::sheet::Sheet;

/// How many messages a page shows at first, and how many more at each "earlier".
const STEP: u32 = 100;
/// The most messages of a page.
const MOST: u32 = 1_000;
/// How many pages an editor may have.
const MOST_PAGES: usize = 100;
/// The longest page that is read back.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// The pages of channels of one editor, and those that it may be led to.
#[derive(Default)]
pub struct Channels(Mutex<HashMap<ChannelName, Page>>, Mutex<HashMap<ChannelName, place::Written>>);

struct Page {
    /// How many messages it shows.
    count: u32,
    /// The client's buffer, where it has it open.
    buffer: Option<Buffer>,
    /// All above the line as it was last put there.
    shown: String,
    /// What was posted and still stands below the line.
    posted: Option<String>,
    /// What is to be added below the line.
    draft: Option<String>,
}

struct Buffer {
    uri: Url,
    text: String,
    version: i32,
    /// An edit that the client was asked to make.
    edit: Option<Pending>,
}

/// An edit is over when the client has answered and, if it made it, has told the change.
struct Pending {
    made: Option<bool>,
    told: bool,
    /// What stands above the line once it is made.
    shown: String,
    /// What it adds below the line.
    draft: Option<String>,
}

impl Page {
    fn new() -> Self {
        Self { count: STEP, buffer: None, shown: String::new(), posted: None, draft: None }
    }
}

impl Channels {
    /// The editor opened a file.
    pub fn opened(&self, editor: &Editor, uri: &Url, version: i32, text: &str) {
        let Some(name) = editor.channel_of(uri) else { return };
        let mut pages = self.pages();
        if pages.len() >= MOST_PAGES && !pages.contains_key(&name) {
            return;
        }
        let page = pages.entry(name).or_insert_with(Page::new);
        page.buffer = Some(Buffer { uri: uri.clone(), text: text.to_owned(), version, edit: None });
    }

    /// The editor changed a file.
    pub fn changed(&self, editor: &Editor, uri: &Url, version: i32, edits: &[Edit]) {
        let Some(name) = editor.channel_of(uri) else { return };
        let mut pages = self.pages();
        let Some(buffer) = pages.get_mut(&name).and_then(|it| it.buffer.as_mut()) else { return };
        for edit in edits {
            apply(&mut buffer.text, edit);
        }
        buffer.version = version;
        if let Some(edit) = &mut buffer.edit {
            edit.told = true;
        }
        if let Some(page) = pages.get_mut(&name) {
            page.settle();
        }
    }

    /// The editor closed a file.
    pub fn closed(&self, editor: &Editor, uri: &Url) {
        if let Some(name) = editor.channel_of(uri) {
            // It is followed on the disk no longer either: nobody looks.
            self.pages().remove(&name);
        }
    }

    /// Returns a page's text as the editor has it.
    pub fn text(&self, name: &ChannelName) -> Option<String> {
        self.pages().get(name)?.buffer.as_ref().map(|it| it.text.clone())
    }

    /// Returns what is written below the line and was not posted; `None` where the page is not open.
    pub fn draft(&self, name: &ChannelName) -> Option<String> {
        let pages = self.pages();
        let page = pages.get(name)?;
        let text = &page.buffer.as_ref()?.text;
        let draft = &text[sheet::draft_at(text, name.as_str())?..];
        Some(without(draft, page.posted.as_deref()).to_owned())
    }

    /// Notes that a draft was posted, so that it is taken away.
    pub fn posted(&self, name: &ChannelName, draft: &str) {
        if let Some(page) = self.pages().get_mut(name) {
            page.posted = Some(draft.to_owned());
        }
    }

    /// The client answered an edit. Returns whether there is more to do: it made it, or refused it because it had another text.
    fn answered(&self, name: &ChannelName, made: bool) -> bool {
        let mut pages = self.pages();
        let Some(page) = pages.get_mut(name) else { return false };
        let Some(edit) = page.buffer.as_mut().and_then(|it| it.edit.as_mut()) else { return false };
        edit.made = Some(made);
        let again = made || edit.told;
        page.settle();
        again
    }

    fn names(&self) -> Vec<ChannelName> {
        self.pages().keys().cloned().collect()
    }

    fn pages(&self) -> MutexGuard<'_, HashMap<ChannelName, Page>> {
        lock(&self.0)
    }
}

impl Page {
    /// Ends an edit that is over.
    fn settle(&mut self) {
        let Some(buffer) = &mut self.buffer else { return };
        match buffer.edit.take_if(|it| it.made == Some(false) || (it.made == Some(true) && it.told)) {
            Some(edit) if edit.made == Some(true) => self.shown = edit.shown,
            Some(edit) => self.draft = edit.draft.or(self.draft.take()),
            None => {}
        }
    }
}

/// Returns a draft without what was posted of it.
fn without<'a>(draft: &'a str, posted: Option<&str>) -> &'a str {
    match posted.and_then(|it| draft.trim_start().strip_prefix(it.trim())) {
        Some(rest) => rest.strip_prefix('\n').unwrap_or(rest),
        None => draft,
    }
}

/// Returns the file of a channel's page.
fn file_name(name: &ChannelName) -> String {
    format!("channel-{name}.md").replace('#', "")
}

/// Returns the channel that a file of the folder of pages is of.
pub fn channel_of(file: &Path) -> Option<ChannelName> {
    file.file_name()?.to_str()?.strip_prefix("channel-")?.strip_suffix(".md")?.parse().ok()
}

impl Editor {
    /// Returns the channel that a file is the page of.
    pub fn channel_of(&self, uri: &Url) -> Option<ChannelName> {
        let file = folder::plain(uri)?;
        let ours = self.shared.pages.folder().is_some_and(|it| file.parent() == Some(it));
        channel_of(&file).filter(|_| ours)
    }
}

/// Returns the local time of a message.
fn clock(at: Timestamp) -> String {
    let zone = jiff::tz::TimeZone::system();
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "--:--".to_owned(), |it| it.to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string())
}

/// Returns the page of a channel as it is now.
pub fn page(snapshot: &Snapshot, name: &ChannelName, count: u32) -> Result<Sheet, Refusal> {
    let params = MessagesParams { channel: Some(name.clone()), limit: Some(count), ..MessagesParams::default() };
    let messages = match snapshot.messages(&params) {
        Ok(it) => it.messages,
        // The default channel is there before its first message.
        Err(_) if name.as_str() == DEFAULT_CHANNEL => Vec::new(),
        Err(refusal) => return Err(refusal),
    };
    let all = snapshot.channels().into_iter().find(|it| it.name == *name).map_or(0, |it| it.messages);
    let earlier = all.saturating_sub(messages.len() as u64);
    Ok(sheet::sheet(name.as_str(), &messages, earlier, &clock))
}

/// Brings the pages of an editor up to a state.
pub async fn follow(editor: &Arc<Editor>, snapshot: &Snapshot) {
    for name in editor.channels.names() {
        let count = editor.channels.pages().get(&name).map_or(STEP, |it| it.count);
        let Ok(new) = page(snapshot, &name, count) else { continue };
        if editor.wishes().apply_edit {
            edit(editor, &name, new);
        } else {
            rewrite(editor, &name, new).await;
        }
    }
}

/// Returns what a page is to become, where that is another text than the one that is there.
fn wanted(page: &Page, own: &str, new: &Sheet, name: &ChannelName) -> Option<String> {
    let at = sheet::draft_at(own, name.as_str())?;
    let draft = without(&own[at..], page.posted.as_deref());
    let mut own = own[..at].to_owned() + draft;
    if let Some(more) = &page.draft {
        if !own.ends_with('\n') {
            own.push('\n');
        }
        own += more;
    }
    sheet::merged(&own, &page.shown, new, name.as_str())
}

/// Has the client make what differs, where it has the page open and no edit is under way.
fn edit(editor: &Arc<Editor>, name: &ChannelName, new: Sheet) {
    let mut pages = editor.channels.pages();
    let Some(page) = pages.get_mut(name) else { return };
    let Some(own) = page.buffer.as_ref().filter(|it| it.edit.is_none()).map(|it| it.text.clone()) else { return };
    let Some(to) = wanted(page, &own, &new, name) else { return };
    if to == own {
        // It is as it is to be, so what was posted is gone from it.
        (page.shown, page.posted) = (new.text, None);
        return;
    }
    let Some(buffer) = page.buffer.as_mut() else { return };
    let change = splice(0, &own, &to);
    let places = Places::new(&own, editor.wishes().encoding);
    let range: Range = places.range(&(change.start..change.end));
    let text = to[change.start..change.start + change.length].to_owned();
    let edits = vec![TextEdit { range, new_text: text }];
    let edit = if editor.wishes().document_changes {
        let text_document =
            OptionalVersionedTextDocumentIdentifier { uri: buffer.uri.clone(), version: Some(buffer.version) };
        let edits = edits.into_iter().map(OneOf::Left).collect();
        let changes = DocumentChanges::Edits(vec![TextDocumentEdit { text_document, edits }]);
        WorkspaceEdit { document_changes: Some(changes), ..WorkspaceEdit::default() }
    } else {
        WorkspaceEdit { changes: Some(HashMap::from([(buffer.uri.clone(), edits)])), ..WorkspaceEdit::default() }
    };
    buffer.edit = Some(Pending { made: None, told: false, shown: new.text, draft: page.draft.take() });
    drop(pages);
    let (editor, name) = (Arc::clone(editor), name.clone());
    tokio::spawn(async move {
        let params = ApplyWorkspaceEditParams { label: Some(format!("#{}", name.as_str())), edit };
        let made = editor.ask::<ApplyWorkspaceEdit>(params).await.is_ok_and(|it| it.applied);
        // Refused for a reason of the client's own, it is tried again when something else happens.
        if editor.channels.answered(&name, made) {
            editor.news.notify_one();
        }
    });
}

/// Writes a page's file anew, for a client that can't be asked to edit.
async fn rewrite(editor: &Arc<Editor>, name: &ChannelName, new: Sheet) {
    let to = {
        let mut pages = editor.channels.pages();
        let Some(page) = pages.get_mut(name) else { return };
        let Some(own) = page.buffer.as_ref().map(|it| it.text.clone()) else { return };
        let Some(to) = wanted(page, &own, &new, name).filter(|it| *it != own && page.shown != new.text) else { return };
        (page.shown, page.draft) = (new.text, None);
        to
    };
    if let Err(err) = editor.shared.pages.write(&file_name(name), to).await {
        tracing::warn!(%err, "The page of a channel can't be written.");
    }
}

/// Opens a channel's page: shows more of it where `earlier` says so, and adds `draft` to what is being written.
pub async fn open(
    editor: &Arc<Editor>,
    channel: Option<ChannelName>,
    earlier: bool,
    draft: Option<String>,
) -> Result<(ChannelName, Url), Refusal> {
    let name = match channel {
        Some(name) => name,
        None => default_channel()?,
    };
    let snapshot = editor.shared.hub.snapshot();
    let unwritable = || {
        let message = "the channel can't be written to a file; read it with `callboard channel show`";
        Refusal::new(RefusalCode::Invalid, message)
    };
    let count = editor.channels.pages().get(&name).map_or(STEP, |it| it.count);
    let count = if earlier { (count + STEP).min(MOST) } else { count };
    let new = page(&snapshot, &name, count)?;
    let file = editor.shared.pages.folder().ok_or_else(unwritable)?.join(file_name(&name));
    let uri = Url::from_file_path(&file).map_err(|()| unwritable())?;
    let is_open = {
        let mut pages = editor.channels.pages();
        if pages.len() >= MOST_PAGES && !pages.contains_key(&name) {
            pages.retain(|_, it| it.buffer.is_some());
        }
        let page = pages.entry(name.clone()).or_insert_with(Page::new);
        page.count = count;
        page.buffer.is_some()
    };
    if is_open {
        if let Some(page) = editor.channels.pages().get_mut(&name) {
            page.draft = draft.or(page.draft.take());
        }
        editor.news.notify_one();
    } else {
        let old = read(file).await;
        let kept = old.and_then(|it| sheet::draft_at(&it, name.as_str()).map(|at| it[at..].to_owned()));
        let mut text = new.text.clone() + &kept.unwrap_or_default();
        if let Some(draft) = draft {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            text += &draft;
        }
        editor.shared.pages.write(&file_name(&name), text).await.map_err(|_| unwritable())?;
        if let Some(page) = editor.channels.pages().get_mut(&name) {
            page.shown = new.text;
        }
    }
    Ok((name, uri))
}

/// Returns the channel that a message goes to where nobody says.
pub fn default_channel() -> Result<ChannelName, Refusal> {
    DEFAULT_CHANNEL.parse().map_err(|_| Refusal::new(RefusalCode::Invalid, "there is no default channel"))
}

async fn read(file: PathBuf) -> Option<String> {
    let read = move || {
        let data = std::fs::symlink_metadata(&file).ok()?;
        if !data.is_file() || data.len() > MOST_BYTES { None } else { std::fs::read_to_string(&file).ok() }
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// A draft that is to be posted.
#[derive(Debug, PartialEq, Eq)]
pub struct Draft {
    /// As it is written.
    pub written: String,
    /// The message that it answers, where it begins with one: `m12: …`.
    pub thread: Option<MessageId>,
    /// What is said.
    pub text: String,
    /// The same for the same draft on the same page, so that a second press of the key posts nothing.
    pub key: String,
}

/// Returns the draft of a page.
pub fn draft(editor: &Editor, snapshot: &Snapshot, name: &ChannelName) -> Result<Draft, Refusal> {
    let invalid = |message: String| Err(Refusal::new(RefusalCode::Invalid, message));
    let Some(written) = editor.channels.draft(name) else {
        return invalid(format!("the page of #{} is not open here; open it with callboard.openChannel", name.as_str()));
    };
    let text = written.trim();
    if text.is_empty() {
        return invalid(format!("nothing is written below the line of #{}; write there, then post", name.as_str()));
    }
    let answer = text.split_once(':').and_then(|(id, rest)| Some((id.parse::<MessageId>().ok()?, rest.trim())));
    let (thread, text) = match answer {
        Some((id, rest)) if !rest.is_empty() => (Some(id), rest.to_owned()),
        _ => (None, text.to_owned()),
    };
    let mut hash = DefaultHasher::new();
    (name.as_str(), &written).hash(&mut hash);
    let last = page(snapshot, name, 1).ok().and_then(|it| it.blocks.last().map(|it| it.id));
    let last = last.map_or(0, |it| it.0);
    let key = format!("draft-{}-{last}-{:016x}", name.as_str(), hash.finish());
    Ok(Draft { written, thread, text, key })
}

/// Returns what a page can be asked to do, as titles, commands and arguments, with the byte that each stands at.
pub fn offers(editor: &Editor, snapshot: &Snapshot, name: &ChannelName) -> Vec<(usize, String, &'static str, Value)> {
    let Some(text) = editor.channels.text(name) else { return Vec::new() };
    let mut offers = Vec::new();
    let count = editor.channels.pages().get(name).map_or(STEP, |it| it.count);
    let all = snapshot.channels().into_iter().find(|it| it.name == *name).map_or(0, |it| it.messages);
    if all > u64::from(count) && count < MOST {
        let arguments = json!({ "channel": name, "earlier": true });
        offers.push((0, "Earlier messages".to_owned(), "callboard.openChannel", arguments));
    }
    for pause in snapshot.inbox(&crate::protocol::InboxParams::default()).unwrap_or_default() {
        if pause.channel == *name {
            let at = pause_at(&text, &pause.id.to_string());
            let title = format!("{}: {}", pause.id, pause.title);
            offers.push((at, title, "callboard.openPause", json!({ "pause": pause.id })));
        }
    }
    if let Some(at) = sheet::draft_at(&text, name.as_str())
        && editor.channels.draft(name).is_some_and(|it| !it.trim().is_empty())
    {
        let title = format!("Post to #{}", name.as_str());
        offers.push((at.saturating_sub(1), title, "callboard.post", json!({ "channel": name, "draft": true })));
    }
    offers
}

/// Returns the message that stands at a place of a page.
pub fn message_at(editor: &Editor, name: &ChannelName, at: Position) -> Option<MessageId> {
    let text = editor.channels.text(name)?;
    let offset = Places::new(&text, editor.wishes().encoding).offset(at);
    sheet::message_at(&text, offset, name.as_str())
}

/// Returns the line that speaks of a pause, the last one, or the top.
fn pause_at(text: &str, pause: &str) -> usize {
    let mut start = 0;
    let mut found = 0;
    for line in text.split_inclusive('\n') {
        if sheet::head_of(line).is_some() && line.split(|it: char| !it.is_ascii_alphanumeric()).any(|it| it == pause) {
            found = start;
        }
        start += line.len();
    }
    found
}

/// The place of the very top.
pub const TOP: Position = Position { line: 0, character: 0 };
