//! Where messages stand on the pages of their channels, for what leads there: the page is written where nobody has it open.

use std::{collections::HashMap, sync::Arc};

use tower_lsp::lsp_types::{Location, Position, Range, Url};

use super::{STEP, file_name, page, read, sheet};
use crate::{
    hub::snapshot::Snapshot,
    ids::{ChannelName, MessageId},
    lsp::editor::{Editor, lock},
    protocol::Author,
};

/// A way to a message.
#[derive(Debug, Clone)]
pub struct Place {
    /// Its head on the page; the page's top where it is too old to stand there.
    pub location: Location,
    /// Who said it, and where.
    pub words: String,
}

/// The line at which each message of a page begins.
type Lines = Arc<HashMap<MessageId, u32>>;

/// The lines of the messages on a page as it was last written, and the revision of the channel that it was written at.
pub(super) type Written = (u64, Lines);

/// Returns the ways to these messages.
pub async fn places(editor: &Editor, snapshot: &Snapshot, wanted: Vec<MessageId>) -> HashMap<MessageId, Place> {
    let mut pages: HashMap<ChannelName, Option<(Url, Lines)>> = HashMap::new();
    let mut found = HashMap::new();
    for id in wanted {
        let Some(message) = snapshot.state().message(id).cloned() else { continue };
        if !pages.contains_key(&message.channel) {
            let lines = lines(editor, snapshot, &message.channel).await;
            pages.insert(message.channel.clone(), lines);
        }
        let Some(Some((uri, lines))) = pages.get(&message.channel) else { continue };
        let at = Position::new(lines.get(&id).copied().unwrap_or(0), 0);
        let who = match &message.author {
            Author::Agent(agent) => agent.to_string(),
            Author::Person(name) => name.clone(),
            Author::Operator | Author::System => "Callboard".to_owned(),
        };
        let words = format!("{who} said so in #{}, {id}", message.channel.as_str());
        found.insert(id, Place { location: Location { uri: uri.clone(), range: Range::new(at, at) }, words });
    }
    found
}

/// Returns the address of a channel's page, and the lines at which its messages begin: as the editor has it open, else as it
/// is on the disk, which is brought up to now for that.
async fn lines(editor: &Editor, snapshot: &Snapshot, name: &ChannelName) -> Option<(Url, Lines)> {
    let file = editor.shared.pages.folder()?.join(file_name(name));
    let uri = Url::from_file_path(&file).ok()?;
    if let Some(text) = editor.channels.text(name) {
        return Some((uri, Arc::new(heads(&text))));
    }
    let rev = snapshot.state().channels.get(name)?.rev;
    if let Some((of, lines)) = lock(&editor.channels.1).get(name)
        && *of == rev
    {
        return Some((uri, Arc::clone(lines)));
    }
    let new = page(snapshot, name, STEP).ok()?;
    let kept = read(file).await.and_then(|it| sheet::draft_at(&it, name.as_str()).map(|at| it[at..].to_owned()));
    let lines = Arc::new(heads(&new.text));
    if let Err(err) = editor.shared.pages.write(&file_name(name), new.text + &kept.unwrap_or_default()).await {
        tracing::warn!(%err, "The page of a channel can't be written.");
        return None;
    }
    lock(&editor.channels.1).insert(name.clone(), (rev, Arc::clone(&lines)));
    Some((uri, lines))
}

fn heads(text: &str) -> HashMap<MessageId, u32> {
    let lines = (0_u32..).zip(text.lines());
    lines.filter_map(|(number, line)| Some((sheet::head_of(line)?.0, number))).collect()
}
