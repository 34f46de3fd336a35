//! What a run changed in an open file, while it waits for a person: where each change stands now, and what can be done there.
//!
//! A place is made anew from the checkpoints and the buffer at each look (`workspace/hunks.rs`); only the texts of the
//! checkpoints are kept. Invariant (promise 4): a change is taken back by an edit of the version that was looked at, which the
//! editor can undo, and only where it still is as it was left.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::lsp_types::{Command, MessageType, Url};

use crate::{
    hub::{
        event::{Refusal, RefusalCode},
        snapshot::Snapshot,
    },
    ids::{PauseId, RunId},
    lsp::{buffers, commands, editor::Editor, lenses, shared::Shared},
    protocol::{DiffParams, InboxParams, PauseKind, PauseView},
    workspace::{
        carry::Change,
        documents::Document,
        hunks::{Hunk, placed, sides},
    },
};

/// How many changes of a file have lenses of their own.
const MOST: usize = 50;

/// How many pauses a file's changes are shown for.
const MOST_PAUSES: usize = 4;

/// A file before and after what a run did to it.
pub struct Sides {
    path: String,
    before: String,
    after: String,
}

/// How many checkpoints there were, and what a run had changed by then.
type Known = (usize, Arc<[Sides]>);

/// What runs changed, as last looked at.
#[derive(Default)]
pub struct Changes(Mutex<HashMap<RunId, Known>>);

/// The changes of an open file that wait for a person at one pause.
pub struct Waiting {
    /// The pause.
    pub pause: PauseView,
    /// The file.
    pub path: String,
    /// The text that they were placed in.
    pub document: Document,
    /// The changes.
    pub hunks: Vec<Hunk>,
}

/// Returns whether a pause is one at which what its run did is looked at.
fn is_looked_at(pause: &PauseView) -> bool {
    matches!(pause.kind, PauseKind::Step | PauseKind::Stuck | PauseKind::Limit | PauseKind::Failure)
}

/// Returns the changes of a file that wait for a person, where this editor has it open.
pub async fn waiting(editor: &Editor, snapshot: &Snapshot, uri: &Url) -> Vec<Waiting> {
    let Some(path) = editor.folder().path(uri) else { return Vec::new() };
    let open = snapshot.inbox(&InboxParams::default()).unwrap_or_default();
    let mut found = Vec::new();
    for pause in open.into_iter().filter(is_looked_at).take(MOST_PAUSES) {
        let Some(run) = pause.run else { continue };
        let changes = changes(&editor.shared, snapshot, run).await;
        let mut of_file = changes.iter().filter(|it| it.path == path);
        let Some(first) = of_file.next() else { continue };
        // Where somebody else changed it in between, that stands between the two sides too.
        let last = of_file.next_back().unwrap_or(first);
        let Some(document) = editor.shared.documents.held(&path, editor.id) else { return Vec::new() };
        let mut hunks = placed(&first.before, &last.after, &document.text);
        hunks.truncate(MOST);
        found.push(Waiting { pause, path: path.clone(), document, hunks });
    }
    found
}

async fn changes(shared: &Shared, snapshot: &Snapshot, run: RunId) -> Arc<[Sides]> {
    let state = snapshot.state();
    let taken = state.checkpoints.len() - state.pending_checkpoints.len();
    {
        let mut kept = shared.changes.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What nobody waits at any more is not kept.
        kept.retain(|it, _| state.live_runs.contains(it));
        if let Some((of, sides)) = kept.get(&run)
            && *of == taken
        {
            return Arc::clone(sides);
        }
    }
    let work = snapshot.work(&DiffParams { run, step: None, by: None, whole: true });
    let stretches = work.map_or_else(|_| Vec::new(), |it| it.0);
    let files = shared.off_thread(move |it| it.diff(&stretches, true)).await.unwrap_or_else(|why| {
        tracing::warn!(%run, why = why.message, "What a run changed can't be shown in its files.");
        Vec::new()
    });
    let sides: Arc<[Sides]> = files
        .into_iter()
        .filter_map(|it| {
            let (before, after) = sides(&it.text)?;
            Some(Sides { path: it.path, before, after })
        })
        .collect();
    let mut kept = shared.changes.0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.insert(run, (taken, Arc::clone(&sides)));
    sides
}

/// Returns what can be done at a change, as commands: the answers that its pause takes, and taking the change back.
pub fn commands(editor: &Editor, snapshot: &Snapshot, waiting: &Waiting, hunk: &Hunk, several: bool) -> Vec<Command> {
    let pause = waiting.pause.id;
    let name = if several { format!("{pause}: ") } else { String::new() };
    let mut commands = Vec::new();
    for mut command in lenses::decisions(editor, snapshot, pause) {
        let decision =
            command.arguments.as_ref().and_then(|it| it.first()?["decision"].as_str().map(ToOwned::to_owned));
        match decision.as_deref() {
            Some("approve") => {}
            // Words are written on the page; a client that asks for them itself does so.
            Some("edit" | "request-changes") if !editor.wishes().options.panel => {
                command.command = "callboard.openPause".to_owned();
                command.arguments = Some(vec![json!({ "pause": pause })]);
            }
            Some("edit" | "request-changes") => {}
            _ => continue,
        }
        if command.title == "Request changes" {
            command.title.push('…');
        }
        command.title.insert_str(0, &name);
        commands.push(command);
    }
    if hunk.as_left && editor.wishes().apply_edit {
        let arguments = json!({ "pause": pause, "path": waiting.path, "hunk": hunk.name });
        commands.push(Command {
            title: format!("{name}Undo this hunk"),
            command: "callboard.undoHunk".to_owned(),
            arguments: Some(vec![arguments]),
        });
    }
    commands
}

/// What `callboard.undoHunk` takes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UndoHunk {
    pause: PauseId,
    path: String,
    hunk: String,
}

/// Takes one change of an open file back, by an edit. The file is the developer's while its run waits, so nothing else is told.
pub async fn undo(editor: &Arc<Editor>, params: UndoHunk) -> Result<Value, Refusal> {
    commands::people_only(editor, "take a change back")?;
    let UndoHunk { pause, path, hunk } = params;
    let refused = |code, message: String| Err(Refusal::new(code, message));
    let Some(uri) = editor.folder().uri(&path) else {
        return refused(RefusalCode::Invalid, format!("{path:?} is no file of this workspace; name one that is"));
    };
    let snapshot = editor.shared.hub.snapshot();
    let found = waiting(editor, &snapshot, &uri).await.into_iter().find(|it| it.pause.id == pause);
    let Some(found) = found else {
        let message =
            format!("no change of {path} waits at {pause} here; open the file, and look whether {pause} is answered");
        return refused(RefusalCode::NotFound, message);
    };
    let Some(change) = found.hunks.iter().find(|it| it.name == hunk) else {
        return refused(RefusalCode::NotFound, format!("{path} has no change {hunk:?}; ask for its lenses again"));
    };
    if !change.as_left {
        let message = format!("that change of {path} is not as it was left any more; edit it by hand");
        return refused(RefusalCode::Changed, message);
    }
    if !editor.wishes().apply_edit {
        let message = format!("this editor takes no edits; `callboard undo` puts back what the run did to {path}");
        return refused(RefusalCode::Invalid, message);
    }
    let changes = vec![Change { range: change.range.clone(), text: change.before.clone() }];
    let (editor, document) = (Arc::clone(editor), found.document);
    tokio::spawn(async move {
        if buffers::edit(&editor, &path, &document, &changes).await != Some(true) {
            let words =
                format!("The change of {path} was not taken back: the editor has another text by now. Try again.");
            editor.say(MessageType::WARNING, words);
        }
    });
    Ok(Value::Null)
}
