//! Code lenses: the decisions over the page of a pause point, and, over a file whose findings wait for a person, the way to it.
//!
//! Pure but for what the editor has open. Clients without lenses have code actions that do the same.

use serde_json::json;
use tower_lsp::lsp_types::{CodeLens, Command, Position, Range, Url};

use crate::{
    ask::Scope,
    hub::snapshot::Snapshot,
    ids::{ChannelName, PauseId, RunId},
    lsp::{
        channel,
        decide::{self, title},
        diagnostics,
        editor::Editor,
        language, page, pages,
    },
    protocol::InboxParams,
};

/// Returns the lenses of a file.
pub fn lenses(editor: &Editor, snapshot: &Snapshot, uri: &Url) -> Vec<CodeLens> {
    if let Some(name) = editor.channel_of(uri) {
        return on_channel(editor, snapshot, &name);
    }
    let commands = match editor.pause_of(uri) {
        Some(pause) => decisions(editor, snapshot, pause),
        None => editor.folder().path(uri).map_or_else(Vec::new, |it| waiting(snapshot, &it)),
    };
    let top = Range::new(Position::new(0, 0), Position::new(0, 0));
    let lenses = commands.into_iter().map(|command| CodeLens { range: top, command: Some(command), data: None });
    lenses.chain(language::lenses::lenses(editor, snapshot, uri)).collect()
}

/// Returns what can be done on a channel's page, each where it belongs.
fn on_channel(editor: &Editor, snapshot: &Snapshot, name: &ChannelName) -> Vec<CodeLens> {
    let text = editor.channels.text(name).unwrap_or_default();
    let places = language::Places::new(&text, editor.wishes().encoding);
    let offers = channel::offers(editor, snapshot, name).into_iter();
    let lenses = offers.map(|(at, title, command, arguments)| CodeLens {
        range: places.range(&(at..at)),
        command: Some(Command { title, command: command.to_owned(), arguments: Some(vec![arguments]) }),
        data: None,
    });
    lenses.collect()
}

/// Returns the decisions that an open pause takes, the usual one first, as commands.
pub fn decisions(editor: &Editor, snapshot: &Snapshot, pause: PauseId) -> Vec<Command> {
    let Some(view) = pages::view(snapshot, pause).filter(|it| it.answered.is_none()) else { return Vec::new() };
    let is_edited = match editor.page(pause) {
        Some(page) => page::read(&page.saved).is_edited(&view),
        None => editor.shared.pages.is_edited(pause),
    };
    let command = |(name, scope): (&String, Option<Scope>)| {
        let title = match name.as_str() {
            "approve" if scope.is_some() => decide::titled(name, scope),
            "approve" if is_edited => "Approve as edited".to_owned(),
            "edit" => "Edit…".to_owned(),
            other => title(other),
        };
        let mut arguments = json!({ "pause": pause, "decision": name, "hash": view.hash });
        if let Some(scope) = scope {
            arguments["scope"] = json!(scope);
        }
        Command { title, command: "callboard.decide".to_owned(), arguments: Some(vec![arguments]) }
    };
    decide::offered(&view).into_iter().map(command).collect()
}

/// Returns the way to each pause that a run with open findings in the file waits at.
pub fn waiting(snapshot: &Snapshot, path: &str) -> Vec<Command> {
    let runs: Vec<RunId> = diagnostics::of_file(snapshot, path).filter_map(|it| it.run).collect();
    let open = snapshot.inbox(&InboxParams::default()).unwrap_or_default();
    let of_file = open.into_iter().filter(|it| it.run.is_some_and(|run| runs.contains(&run)));
    of_file
        .map(|it| Command {
            title: format!("{} waits for you: {}", it.id, it.title),
            command: "callboard.openPause".to_owned(),
            arguments: Some(vec![json!({ "pause": it.id })]),
        })
        .collect()
}
