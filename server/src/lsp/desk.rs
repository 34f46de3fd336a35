//! The one task per editor that shows what changed: findings, pages, questions, lenses, progress.
//!
//! State first, like the feeds: it wakes at a new state or a change in the editor and shows what differs from what it showed,
//! so an editor that connects again, or comes after a crash, is shown all there is.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, atomic::Ordering},
};

use tokio::task::JoinSet;
use tower_lsp::lsp_types::{
    MessageType,
    request::{CodeLensRefresh, WorkspaceDiagnosticRefresh},
};

use crate::{
    hub::snapshot::Snapshot,
    ids::{PauseId, RunId, TurnId},
    lsp::{
        channel,
        diagnostics::push::Shown,
        editor::Editor,
        pages, progress,
        prompts::{self, Question},
    },
    protocol::{InboxParams, RunsParams},
};

/// How many questions stand open in one editor at once. The next are asked when these are answered.
const MOST_ASKED: usize = 8;

/// How many runs show their progress at once.
const MOST_RUNS: usize = 16;

/// Shows what changed until the hub ends. The session's end aborts it, and what it started with it.
pub async fn run(editor: Arc<Editor>) {
    let mut snapshots = editor.shared.hub.watch();
    let mut desk = Desk::default();
    loop {
        let snapshot = Arc::clone(&snapshots.borrow_and_update());
        desk.show(&editor, &snapshot).await;
        tokio::select! {
            () = editor.news.notified() => {}
            changed = snapshots.changed() => if changed.is_err() { return },
            Some(done) = desk.questions.join_next() => {
                if let Ok(pause) = done {
                    desk.asking.remove(&pause);
                }
            }
            Some(_) = desk.runs.join_next() => {}
        }
    }
}

/// The open pauses with whether each has changes, the run whose hunks are shown, and the turns that hold files.
type LensesFrom = (Vec<(PauseId, bool)>, Option<u64>, Vec<(Arc<str>, TurnId)>);

#[derive(Default)]
struct Desk {
    shown: Shown,
    /// Pauses that were asked for once: an answer, or none, is the person's.
    asked: HashSet<PauseId>,
    /// Those whose question stands open.
    asking: HashMap<PauseId, Arc<Question>>,
    questions: JoinSet<PauseId>,
    followed: HashSet<RunId>,
    runs: JoinSet<()>,
    /// The last change of the findings that a client that asks for them was told of.
    findings: Option<u64>,
    /// What the lenses were last made from.
    lenses: LensesFrom,
    /// How many collisions it was told of; none before the first look, since those are history.
    collisions: Option<u64>,
}

impl Desk {
    async fn show(&mut self, editor: &Arc<Editor>, snapshot: &Snapshot) {
        let options = &editor.wishes().options;
        editor.shared.pages.sync(snapshot).await;
        channel::follow(editor, snapshot).await;
        self.shown.update(editor, snapshot, options.diagnostics).await;
        if options.progress && editor.wishes().progress {
            self.follow(editor, snapshot);
        }
        if options.asks() {
            self.ask(editor, snapshot);
        }
        self.warn(editor, snapshot);
        self.refresh(editor, snapshot);
        self.refresh_diagnostics(editor, snapshot);
    }

    /// Tells of files that several are changing: a notice, since nothing is asked.
    fn warn(&mut self, editor: &Arc<Editor>, snapshot: &Snapshot) {
        let files = &snapshot.state().files;
        let all = files.forgotten + files.collisions.len() as u64;
        let Some(told) = self.collisions.replace(all) else { return };
        let new = usize::try_from(all.saturating_sub(told)).unwrap_or(usize::MAX).min(files.collisions.len());
        for it in files.collisions.iter().skip(files.collisions.len() - new) {
            let who: Vec<String> = it.agents.iter().map(ToString::to_string).collect();
            let who = match &it.person {
                Some(person) => format!("{person} and {}", who.join(", ")),
                None => who.join(" and "),
            };
            let what = if it.sure { "are changing" } else { "may be changing" };
            editor.say(MessageType::WARNING, format!("{who} {what} {} at the same time ({}).", it.path, it.message));
        }
    }

    fn follow(&mut self, editor: &Arc<Editor>, snapshot: &Snapshot) {
        let live = &snapshot.state().live_runs;
        self.followed.retain(|it| live.contains(it));
        for run in live.iter().rev().take(MOST_RUNS) {
            if self.followed.insert(*run) {
                self.runs.spawn(progress::follow(Arc::clone(editor), *run));
            }
        }
    }

    fn ask(&mut self, editor: &Arc<Editor>, snapshot: &Snapshot) {
        // Answered elsewhere while it stood open here: it is taken back, and since few clients can do that, they are told too.
        let answered: Vec<PauseId> =
            self.asking.keys().filter(|it| !snapshot.state().open_pauses.contains(*it)).copied().collect();
        for id in answered {
            // Who chose knows, or is told why that was not taken.
            let chose = self.asking.remove(&id).is_some_and(|it| {
                it.settled.notify_one();
                it.chose.load(Ordering::SeqCst)
            });
            if let Some(answer) = pages::view(snapshot, id).and_then(|it| it.answered).filter(|_| !chose) {
                let words = format!("{id} was answered by {}: {}.", answer.by, answer.decision.name());
                editor.say(MessageType::INFO, words);
            }
        }
        self.asked.retain(|it| snapshot.state().open_pauses.contains(it));
        for view in snapshot.inbox(&InboxParams::default()).unwrap_or_default() {
            if self.asking.len() >= MOST_ASKED {
                return;
            }
            if self.asked.insert(view.id) {
                let (id, editor, question) = (view.id, Arc::clone(editor), Arc::<Question>::default());
                self.asking.insert(id, Arc::clone(&question));
                self.questions.spawn(async move {
                    prompts::pause(editor, view, question).await;
                    id
                });
            }
        }
    }

    /// Has a client that asks for diagnostics ask again, where findings have changed.
    fn refresh_diagnostics(&mut self, editor: &Arc<Editor>, snapshot: &Snapshot) {
        if !editor.wishes().pulls || !editor.wishes().options.diagnostics {
            return;
        }
        let changed = snapshot.state().findings.iter().map(|it| it.rev).max().unwrap_or(0);
        if self.findings.replace(changed).is_some_and(|it| it != changed) {
            let editor = Arc::clone(editor);
            tokio::spawn(async move { drop(editor.ask::<WorkspaceDiagnosticRefresh>(()).await) });
        }
    }

    fn refresh(&mut self, editor: &Arc<Editor>, snapshot: &Snapshot) {
        let pauses = snapshot.state().open_pauses.iter().map(|it| (*it, editor.shared.pages.is_edited(*it))).collect();
        // Over a workflow's own file stands what became of its last run.
        let runs = editor.scripts.list().first().and_then(|_| snapshot.runs(&RunsParams::default()).ok());
        let files = &snapshot.state().files;
        let changing = files.live().map(|(path, it)| (Arc::clone(path), it.turn)).collect();
        let now = (pauses, runs.map(|it| it.iter().map(|it| it.rev).max().unwrap_or(0)), changing);
        if now == self.lenses {
            return;
        }
        self.lenses = now;
        if editor.wishes().refresh_lenses {
            let editor = Arc::clone(editor);
            tokio::spawn(async move { drop(editor.ask::<CodeLensRefresh>(()).await) });
        }
    }
}
