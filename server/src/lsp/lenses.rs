//! Code lenses: the decisions over the page of a pause point and over each change that waits for them, and, over a file whose
//! findings wait for a person, the way to it.
//!
//! Pure but for what the editor has open. Clients without lenses have code actions that do the same.

use serde_json::json;
use tower_lsp::lsp_types::{CodeLens, Command, Position, Range, Url};

use crate::{
    ask::Scope,
    hub::{leases::Sign, snapshot::Snapshot},
    ids::{ChannelName, PauseId, RunId},
    lsp::{
        channel,
        decide::{self, title},
        diagnostics,
        editor::Editor,
        hunks::{self, Waiting},
        language, page, pages,
    },
    protocol::InboxParams,
};

/// Returns the lenses of a file. `changes` are those of it that wait for a person.
pub fn lenses(editor: &Editor, snapshot: &Snapshot, uri: &Url, changes: &[Waiting]) -> Vec<CodeLens> {
    if let Some(name) = editor.channel_of(uri) {
        return on_channel(editor, snapshot, &name);
    }
    let commands = match editor.pause_of(uri) {
        Some(pause) => decisions(editor, snapshot, pause),
        None => editor.folder().path(uri).map_or_else(Vec::new, |it| {
            let mut commands = changing(snapshot, &it);
            commands.extend(waiting(snapshot, &it));
            commands
        }),
    };
    let top = Range::new(Position::new(0, 0), Position::new(0, 0));
    let lenses = commands.into_iter().map(|command| CodeLens { range: top, command: Some(command), data: None });
    let on_changes = changes.iter().flat_map(|it| on_changes(editor, snapshot, it, changes.len() > 1));
    lenses.chain(language::lenses::lenses(editor, snapshot, uri)).chain(on_changes).collect()
}

/// Returns what can be done at each change of a file, over its first line.
fn on_changes(editor: &Editor, snapshot: &Snapshot, waiting: &Waiting, several: bool) -> Vec<CodeLens> {
    let text = &waiting.document.text;
    let places = language::Places::new(text, editor.wishes().encoding);
    let mut lenses = Vec::new();
    for hunk in &waiting.hunks {
        let range = places.range(&(hunk.range.start..hunk.range.start));
        for command in hunks::commands(editor, snapshot, waiting, hunk, several) {
            lenses.push(CodeLens { range, command: Some(command), data: None });
        }
    }
    lenses
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

/// Returns who is changing the file, each the way to its channel.
pub fn changing(snapshot: &Snapshot, path: &str) -> Vec<Command> {
    let state = snapshot.state();
    let leases = state.files.leases.get(path).into_iter().flatten().filter(|it| it.ended.is_none());
    leases
        .map(|it| {
            let sure = if it.sign == Sign::Perhaps { "may be" } else { "is" };
            let channel = state.turn(it.turn).and_then(|it| state.place_of(it)).map(|it| it.0);
            Command {
                title: format!("{} {sure} changing this file", it.agent),
                command: "callboard.openChannel".to_owned(),
                arguments: Some(vec![json!({ "channel": channel })]),
            }
        })
        .collect()
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
