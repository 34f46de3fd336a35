//! Runs as progress: what an editor's status bar shows, and what its cancel button does.
//!
//! One task per run and client. It begins while the run goes on or waits, and ends with the run or where somebody paused it;
//! when that goes on again, so does it, under a new token.

use std::sync::Arc;

use tower_lsp::lsp_types::{
    NumberOrString, ProgressParams, ProgressParamsValue, WorkDoneProgress, WorkDoneProgressBegin,
    WorkDoneProgressCreateParams, WorkDoneProgressEnd, WorkDoneProgressReport, notification::Progress,
    request::WorkDoneProgressCreate,
};

use crate::{
    hub::{event::Event, snapshot::Snapshot},
    ids::RunId,
    lsp::editor::Editor,
    protocol::{OnCancel, RunStatus, RunView, RunsParams, StepStatus},
};

const PREFIX: &str = "callboard/";

/// Shows a run until it ends.
pub async fn follow(editor: Arc<Editor>, run: RunId) {
    let mut snapshots = editor.shared.hub.watch();
    let mut spell = 0;
    loop {
        let view = view(&snapshots.borrow_and_update(), run);
        let Some(view) = view.filter(|it| !it.status.has_ended()) else { return };
        if view.status != RunStatus::Held {
            spell += 1;
            let token = NumberOrString::String(format!("{PREFIX}{run}/{spell}"));
            let params = WorkDoneProgressCreateParams { token: token.clone() };
            if editor.ask::<WorkDoneProgressCreate>(params).await.is_err() {
                return;
            }
            show(&editor, &mut snapshots, run, &view, token).await;
            continue;
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

/// Shows one spell of a run: until it ends, or is held.
async fn show(
    editor: &Editor,
    snapshots: &mut tokio::sync::watch::Receiver<Arc<Snapshot>>,
    run: RunId,
    view: &RunView,
    token: NumberOrString,
) {
    let (mut message, mut percentage) = words(view);
    let begin = WorkDoneProgressBegin {
        title: format!("{} ({run})", view.title),
        cancellable: Some(true),
        message: Some(message.clone()),
        percentage: Some(percentage),
    };
    send(editor, &token, WorkDoneProgress::Begin(begin)).await;
    loop {
        let now = self::view(&snapshots.borrow_and_update(), run);
        let is_over = now.as_ref().is_none_or(|it| it.status.has_ended() || it.status == RunStatus::Held);
        if is_over {
            let message = now.map(|it| words(&it).0);
            send(editor, &token, WorkDoneProgress::End(WorkDoneProgressEnd { message })).await;
            return;
        }
        if let Some(now) = now {
            let (said, done) = words(&now);
            // Never back: a loop's next round has its steps before it again, and clients want it to rise.
            let done = done.max(percentage);
            if (&said, done) != (&message, percentage) {
                (message, percentage) = (said, done);
                let report = WorkDoneProgressReport {
                    cancellable: Some(true),
                    message: Some(message.clone()),
                    percentage: Some(percentage),
                };
                send(editor, &token, WorkDoneProgress::Report(report)).await;
            }
        }
        if snapshots.changed().await.is_err() {
            return;
        }
    }
}

async fn send(editor: &Editor, token: &NumberOrString, progress: WorkDoneProgress) {
    let params = ProgressParams { token: token.clone(), value: ProgressParamsValue::WorkDone(progress) };
    editor.client.send_notification::<Progress>(params).await;
}

fn view(snapshot: &Snapshot, run: RunId) -> Option<RunView> {
    snapshot.runs(&RunsParams { run: Some(run), live: false }).ok()?.pop()
}

/// Returns what a run is at, in words, and how many of a hundred parts of its steps are over.
fn words(view: &RunView) -> (String, u32) {
    let is_over = |it: StepStatus| matches!(it, StepStatus::Done | StepStatus::Skipped | StepStatus::Failed);
    let over = view.steps.iter().filter(|it| is_over(it.status)).count();
    let percentage = u32::try_from(over * 100 / view.steps.len().max(1)).unwrap_or(100);
    let round = |round: u32| if round > 1 { format!(", round {round}") } else { String::new() };
    let said = match view.status {
        RunStatus::Approved => "approved".to_owned(),
        RunStatus::Done => "done".to_owned(),
        RunStatus::Failed => "failed".to_owned(),
        RunStatus::Rejected => "rejected".to_owned(),
        RunStatus::Stopped => "stopped".to_owned(),
        RunStatus::Held => format!("paused; `callboard resume {}` lets it go on", view.id),
        RunStatus::Running | RunStatus::Waiting => {
            let paused = view.steps.iter().find_map(|it| it.pause.filter(|_| it.status == StepStatus::Paused));
            let at_work = view.steps.iter().rev().find(|it| {
                matches!(it.status, StepStatus::Running | StepStatus::Queued | StepStatus::Backoff) && it.turn.is_some()
            });
            match (at_work, paused) {
                (Some(step), _) => {
                    let who = step.agent.as_ref().map_or(String::new(), |it| format!(" by {it}"));
                    format!("{}{who}{}", step.title, round(step.round))
                }
                (None, Some(pause)) => format!("waits for you at {pause}"),
                (None, None) => "waits".to_owned(),
            }
        }
    };
    (said, percentage)
}

/// The person pressed the cancel button of a run's progress.
pub fn cancelled(editor: &Editor, token: &NumberOrString) {
    let NumberOrString::String(token) = token else { return };
    let run = token.strip_prefix(PREFIX).and_then(|it| it.split('/').next()).and_then(|it| it.parse::<RunId>().ok());
    let Some(run) = run else { return };
    let by = editor.actor.clone();
    editor.shared.hub.tell(match editor.wishes().options.on_cancel {
        OnCancel::Pause => Event::Hold { by, run: Some(run), interrupt: false },
        OnCancel::Stop => Event::Cancel { by, run },
    });
}
