//! Lenses over a workflow's own file: run it, rehearse it, and what came of its last run.

use serde_json::json;
use tower_lsp::lsp_types::{CodeLens, Command, Url};

use crate::{
    hub::snapshot::Snapshot,
    lsp::{editor::Editor, language::Places},
    protocol::{RunStatus, RunView, RunsParams},
    workflow::language::Kind,
};

/// Returns the lenses of an open file; none where it is no workflow.
pub fn lenses(editor: &Editor, snapshot: &Snapshot, uri: &Url) -> Vec<CodeLens> {
    let Some(analysis) = editor.scripts.analysis(uri).filter(|it| it.kind == Kind::Workflow) else { return Vec::new() };
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let mut commands = Vec::new();
    let start = analysis.start();
    // What stands in `templates/` is not what is run by its name.
    let in_library = editor.folder().path(uri).is_none_or(|it| it.starts_with(".callboard/"));
    if let Some(start) = &start {
        if in_library && start.missing.is_empty() {
            let arguments = json!({ "workflow": analysis.name, "inputs": start.inputs });
            commands.push(command("Run", "callboard.run", arguments));
        } else if in_library {
            // What only a person can tell is written in the channel.
            let told: Vec<String> = start.missing.iter().map(|it| format!("{it}=\"\"")).collect();
            let draft = format!("/run {} {}", analysis.name, told.join(" "));
            let title = format!("Run… (needs {})", start.missing.join(", "));
            commands.push(command(&title, "callboard.openChannel", json!({ "draft": draft })));
        }
        commands.push(command("Dry run", "callboard.dryRun", json!({ "uri": uri })));
    }
    let last = snapshot.runs(&RunsParams::default()).unwrap_or_default();
    if let Some(last) = last.iter().rev().find(|it| it.workflow == analysis.name) {
        commands.push(command(&said(last), "callboard.openChannel", json!({ "channel": last.channel })));
    }
    let at = start.map_or(0..0, |it| it.at);
    let range = places.range(&at);
    commands.into_iter().map(|it| CodeLens { range, command: Some(it), data: None }).collect()
}

fn command(title: &str, command: &str, arguments: serde_json::Value) -> Command {
    Command { title: title.to_owned(), command: command.to_owned(), arguments: Some(vec![arguments]) }
}

/// Returns what came of a run, in a line.
fn said(run: &RunView) -> String {
    let status = match run.status {
        RunStatus::Running => "is going on",
        RunStatus::Waiting => "waits for you",
        RunStatus::Held => "is paused",
        RunStatus::Approved => "approved",
        RunStatus::Done => "done",
        RunStatus::Failed => "failed",
        RunStatus::Rejected => "rejected",
        RunStatus::Stopped => "stopped",
    };
    let rounds = run.steps.iter().map(|it| it.round).max().unwrap_or(0);
    let after = match (run.status.has_ended(), rounds) {
        (false, 2..) => format!(", round {rounds}"),
        (true, 1) => " after 1 round".to_owned(),
        (true, 2..) => format!(" after {rounds} rounds"),
        _ => String::new(),
    };
    format!("Last run: {status}{after}")
}
