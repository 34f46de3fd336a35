//! Carries out the hub's checkpoints and undos on a thread of their own, in the order in which they were asked for, and
//! answers what changed.
//!
//! Invariant: each is reported exactly once, whichever way it goes; a git that is missing is a reason, not an error.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use super::{places::follow, worktrees::Worktrees};
use crate::{
    config::Workspace,
    hub::{
        effect::{Effect, UndoRequest},
        event::{CheckpointOutcome, Event, Refusal, RefusalCode, UndoOutcome, WorktreeCame},
        record::ShownDiff,
        timeline::{Stretch, Worker},
    },
    protocol::{FileChange, FileDiff, FileNote},
    steering::steers,
    workspace::buffers::{Bases, Buffers},
    workspace::checkpoint::{self, Bounds, CheckpointError, Interval, Kind, Store},
    workspace::texts::Texts,
};

/// How many files a record names.
const NAMED: usize = 1_000;

/// How many files' differences are shown at a pause, and in how many bytes.
const MOST_DIFFS: usize = 50;
const MOST_DIFF: usize = 32 << 10;

/// How many files that a checkpoint left out its record names.
const LEFT_OUT: usize = 100;

/// The checkpoints of a workspace. Clones are one; git is looked for when the first is taken.
#[derive(Clone)]
pub struct Checkpoints {
    given: Arc<Given>,
    store: Arc<Mutex<Option<Arc<Store>>>>,
}

struct Given {
    workspace: Workspace,
    dir: PathBuf,
    worktrees: PathBuf,
    texts: Texts,
    bounds: Bounds,
}

impl Checkpoints {
    /// Makes it; nothing is opened yet. `dir` is the shadow directory, `worktrees` the folder of what is made of its trees, `texts`
    /// that of the texts in which findings have their places.
    pub fn new(workspace: Workspace, dir: PathBuf, worktrees: PathBuf, texts: PathBuf, bounds: Bounds) -> Self {
        let texts = Texts::new(texts);
        Self { given: Arc::new(Given { workspace, dir, worktrees, texts, bounds }), store: Arc::default() }
    }

    fn store(&self) -> Result<Arc<Store>, CheckpointError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = store.as_ref() {
            return Ok(Arc::clone(store));
        }
        let Given { workspace, dir, bounds, .. } = &*self.given;
        let opened = Arc::new(Store::open(workspace, dir, *bounds)?);
        *store = Some(Arc::clone(&opened));
        Ok(opened)
    }

    /// Returns what changed in these stretches of work, in the order of time.
    pub fn diff(&self, stretches: &[Stretch], whole: bool) -> Result<Vec<FileDiff>, Refusal> {
        if stretches.is_empty() {
            return Ok(Vec::new());
        }
        self.try_diff(stretches, whole).map_err(|error| {
            let code = match error {
                CheckpointError::Gone { .. } => RefusalCode::NotFound,
                _ => RefusalCode::Invalid,
            };
            Refusal::new(code, error.to_string())
        })
    }

    /// Returns how files changed since a tree, as people read it.
    pub fn since(&self, tree: &str) -> Result<String, String> {
        let told = || {
            let store = self.store()?;
            let now = store.take()?.tree;
            let files = store.diff(tree, &now, None, false)?;
            Ok::<_, CheckpointError>(files.into_iter().map(|it| it.text).collect::<String>())
        };
        told().map_err(|error| error.to_string())
    }

    fn try_diff(&self, stretches: &[Stretch], whole: bool) -> Result<Vec<FileDiff>, CheckpointError> {
        let store = self.store()?;
        let mut files = Vec::new();
        for segment in segments(&store, stretches)? {
            let mut by: BTreeMap<PathBuf, Vec<Worker>> = BTreeMap::new();
            for (from, to, workers) in &segment.parts {
                for change in store.changes(from, to)? {
                    by.entry(change.path).or_default().extend(workers.iter().cloned());
                }
            }
            for it in store.diff(&segment.from, &segment.to, None, whole)? {
                let of = |path: &String| by.get(&PathBuf::from(path)).into_iter().flatten();
                let workers: Vec<&Worker> = of(&it.path).chain(it.from.iter().flat_map(of)).collect();
                let agents: BTreeSet<_> = workers.iter().map(|it| it.agent.clone()).collect();
                let steps: BTreeSet<_> = workers.iter().map(|it| it.step.clone()).collect();
                files.push(FileDiff {
                    kind: match it.kind {
                        Kind::Added => FileChange::Added,
                        Kind::Deleted => FileChange::Deleted,
                        Kind::Modified => FileChange::Modified,
                        Kind::Renamed => FileChange::Renamed,
                    },
                    old_mode: it.old_mode.map(|it| it.as_str().to_owned()),
                    new_mode: it.new_mode.map(|it| it.as_str().to_owned()),
                    binary: it.binary,
                    by: agents.into_iter().collect(),
                    steps: steps.into_iter().collect(),
                    text: it.text,
                    path: it.path,
                    from: it.from,
                });
            }
        }
        Ok(files)
    }
}

/// Stretches that follow each other with nothing changed between them.
struct Segment {
    from: String,
    to: String,
    parts: Vec<(String, String, Vec<Worker>)>,
}

fn segments(store: &Store, stretches: &[Stretch]) -> Result<Vec<Segment>, CheckpointError> {
    let mut segments: Vec<Segment> = Vec::new();
    for it in stretches {
        let from = it.from.to_string();
        let to = it.to.as_ref().map_or_else(|| store.take().map(|it| it.tree), |it| Ok(it.to_string()))?;
        let part = (from.clone(), to.clone(), it.by.clone());
        match segments.last_mut() {
            Some(last) if last.to == from => {
                last.to = to;
                last.parts.push(part);
            }
            _ => segments.push(Segment { from, to, parts: vec![part] }),
        }
    }
    Ok(segments)
}

/// The thread that takes checkpoints and undoes work. Dropping it waits for what it is on.
pub struct Clerk {
    checkpoints: Checkpoints,
    buffers: Arc<dyn Buffers>,
    writes: Arc<dyn Fn(bool) + Send + Sync>,
    report: Arc<dyn Fn(Event) + Send + Sync>,
    desk: Option<(Sender<Effect>, JoinHandle<()>)>,
}

impl Clerk {
    /// Makes it; the thread begins with the first effect. `writes` is told when files of the developer's are written to, and when
    /// that is over.
    pub fn new(
        checkpoints: Checkpoints,
        buffers: Arc<dyn Buffers>,
        writes: impl Fn(bool) + Send + Sync + 'static,
        report: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self { checkpoints, buffers, writes: Arc::new(writes), report: Arc::new(report), desk: None }
    }

    /// Takes an effect over.
    pub fn start(&mut self, effect: Effect) {
        if self.desk.is_none() {
            let (sender, effects) = channel();
            let (checkpoints, report) = (self.checkpoints.clone(), Arc::clone(&self.report));
            let (buffers, writes) = (Arc::clone(&self.buffers), Arc::clone(&self.writes));
            let thread = std::thread::Builder::new().name("checkpoints".to_owned());
            match thread.spawn(move || work(&checkpoints, &effects, buffers.as_ref(), writes.as_ref(), report.as_ref()))
            {
                Ok(thread) => self.desk = Some((sender, thread)),
                Err(error) => {
                    let why = format!("no thread could be started: {error}");
                    return (self.report)(refused(&effect, &why));
                }
            }
        }
        if let Some((sender, _)) = &self.desk
            && let Err(unsent) = sender.send(effect)
        {
            // Its thread has failed; the next one begins anew.
            self.desk = None;
            (self.report)(refused(&unsent.0, "the thread that takes checkpoints failed within Callboard"));
        }
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.desk.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}

fn work(
    checkpoints: &Checkpoints,
    effects: &Receiver<Effect>,
    buffers: &dyn Buffers,
    own_writes: &(dyn Fn(bool) + Send + Sync),
    report: &(dyn Fn(Event) + Send + Sync),
) {
    let Given { workspace, worktrees, .. } = &*checkpoints.given;
    let mut worktrees = Worktrees::new(worktrees.clone(), workspace.name());
    for effect in effects {
        if let Effect::Follow { files } = &effect {
            let Given { workspace, texts, .. } = &*checkpoints.given;
            let follow =
                |it| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| follow(&workspace.root, texts, it)));
            // Where it fails within us the findings stay where they were.
            files.iter().filter_map(|it| follow(it).ok()).for_each(|file| report(Event::Followed { file }));
            continue;
        }
        let writes = matches!(effect, Effect::Undo(_) | Effect::Worktree(_));
        let bases = if writes { buffers.bases() } else { Bases::new() };
        if writes {
            own_writes(true);
        }
        let carry_out = std::panic::AssertUnwindSafe(|| carry_out(checkpoints, &mut worktrees, &effect));
        let came = std::panic::catch_unwind(carry_out);
        if writes {
            own_writes(false);
        }
        // What was put back or merged is carried into the buffers that hold something of their own.
        for clash in buffers.after(&bases) {
            report(Event::Clashed { turn: None, clash: Box::new(clash.into()) });
        }
        // A run waits for this, so a fault of ours is a reason like any other.
        if let Some(event) = came.unwrap_or_else(|_| Some(refused(&effect, "taking it failed within Callboard"))) {
            report(event);
        }
    }
}

fn carry_out(checkpoints: &Checkpoints, worktrees: &mut Worktrees, effect: &Effect) -> Option<Event> {
    Some(match effect {
        Effect::Worktree(job) => match checkpoints.store() {
            Ok(store) => Event::Worktree { worktree: job.worktree, came: worktrees.carry_out(&store, job)? },
            Err(error) => refused(effect, &error.to_string()),
        },
        Effect::Checkpoint { checkpoint, since } => match take(checkpoints, since.as_deref()) {
            Ok(outcome) => Event::CheckpointTaken { checkpoint: *checkpoint, outcome },
            Err(error) => refused(effect, &error.to_string()),
        },
        Effect::Undo(request) => match undo(checkpoints, request) {
            Ok(outcome) => Event::UndoEnded { undo: request.undo, outcome },
            Err(error) => refused(effect, &error.to_string()),
        },
        other => refused(other, ""),
    })
}

/// Returns the event by which an effect that could not be carried out comes back.
fn refused(effect: &Effect, why: &str) -> Event {
    match effect {
        Effect::Undo(request) => Event::UndoEnded {
            undo: request.undo,
            outcome: UndoOutcome { why: why.to_owned(), ..UndoOutcome::default() },
        },
        Effect::Checkpoint { checkpoint, .. } => Event::CheckpointTaken {
            checkpoint: *checkpoint,
            outcome: CheckpointOutcome { why: why.to_owned(), ..CheckpointOutcome::default() },
        },
        Effect::Worktree(job) => {
            Event::Worktree { worktree: job.worktree, came: WorktreeCame::Failed { why: why.to_owned() } }
        }
        Effect::StartTurn(_)
        | Effect::PutText(_)
        | Effect::InterruptTurn { .. }
        | Effect::AnswerAsk { .. }
        | Effect::Watch { .. }
        | Effect::Tell { .. }
        | Effect::Follow { .. }
        | Effect::TakeOver(_)
        | Effect::HandBack { .. }
        | Effect::StopAgent { .. } => Event::Tick,
    }
}

fn take(checkpoints: &Checkpoints, since: Option<&str>) -> Result<CheckpointOutcome, CheckpointError> {
    let store = checkpoints.store()?;
    let taken = store.take()?;
    let mut changed = match since {
        Some(since) => store.changes(since, &taken.tree)?,
        None => Vec::new(),
    };
    let diffs = match since {
        Some(since) if !changed.is_empty() => shown_diffs(&store.diff(since, &taken.tree, None, false)?),
        _ => Vec::new(),
    };
    // Of many, those that a person has to see are named.
    changed.sort_by_key(|it| steers(&it.path).is_none());
    changed.truncate(NAMED);
    let mut left_out: Vec<FileNote> = taken
        .left_out
        .iter()
        .take(LEFT_OUT)
        .map(|it| FileNote { path: it.path.clone(), why: it.why.to_owned() })
        .collect();
    if let Some(more) = taken.left_out.len().checked_sub(LEFT_OUT).filter(|it| *it > 0) {
        left_out.push(FileNote { path: format!("and {more} more"), why: "a checkpoint has bounds".to_owned() });
    }
    Ok(CheckpointOutcome {
        tree: Some(taken.tree.into()),
        why: String::new(),
        left_out,
        changed: changed.iter().map(|it| it.path.to_string_lossy().into_owned()).collect(),
        diffs,
    })
}

/// Returns the differences as they are shown at a pause: the beginning of each, as long as there is room.
fn shown_diffs(files: &[checkpoint::FileDiff]) -> Vec<ShownDiff> {
    let mut room = MOST_DIFF;
    let shown = files.iter().take(MOST_DIFFS).map(|file| {
        let mut lines = file.text.lines();
        let mut text = String::new();
        for line in lines.by_ref() {
            if text.len() + line.len() >= room.min(MOST_DIFF / 4) {
                room = room.saturating_sub(text.len());
                return ShownDiff { path: file.path.clone(), text, more: lines.count() + 1 };
            }
            text.push_str(line);
            text.push('\n');
        }
        room = room.saturating_sub(text.len());
        ShownDiff { path: file.path.clone(), text, more: 0 }
    });
    shown.collect()
}

fn undo(checkpoints: &Checkpoints, request: &UndoRequest) -> Result<UndoOutcome, CheckpointError> {
    let store = checkpoints.store()?;
    let now = store.take()?.tree;
    let interval = |it: &crate::hub::effect::Undo| Interval {
        from: it.from.to_string(),
        to: it.to.as_ref().map_or_else(|| now.clone(), ToString::to_string),
        shared: it.shared.clone(),
    };
    let intervals: Vec<Interval> = request.stretches.iter().map(interval).collect();
    let undoing = store.plan_undo(&intervals, &now, request.force)?;
    let mut restored = store.restore(&undoing.moves, request.force)?;
    restored.clashes.extend(undoing.clashes);
    restored.clashes.sort_by(|a, b| a.path.cmp(&b.path));
    let note = |it: &checkpoint::Clash| FileNote { path: it.path.to_string_lossy().into_owned(), why: it.why.clone() };
    Ok(UndoOutcome {
        files: restored.files.iter().map(|it| it.to_string_lossy().into_owned()).collect(),
        clashes: restored.clashes.iter().map(note).collect(),
        why: String::new(),
    })
}
