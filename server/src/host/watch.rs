//! Notices changes of files on the disk while two turns may change files, so that two that are at work in one file are told within
//! a second. Looks at nothing else, and at nothing at all the rest of the time.
//!
//! The system tells of changes (inotify on Linux); nothing polls. What git ignores is passed over: builds write there.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use ignore::WalkBuilder;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};

use crate::{
    hub::event::Event,
    workspace::{buffers::Buffers, sightings::Sightings},
};

/// How many folders are watched at most.
const MOST_FOLDERS: usize = 20_000;

/// How many files one report names.
const MOST_FILES: usize = 1_000;

/// How long more of the same is waited for: programs write a file in several goes.
const TOGETHER: Duration = Duration::from_millis(50);

/// How long it is waited for at most.
const AT_MOST: Duration = Duration::from_millis(300);

/// How far behind ours the time of a file may be.
const TICK: Duration = Duration::from_millis(20);

/// Watches the work tree when it is told to.
pub struct Watch {
    root: PathBuf,
    said: Arc<Mutex<Sightings>>,
    buffers: Arc<dyn Buffers>,
    report: Arc<dyn Fn(Event) + Send + Sync>,
    on: Option<(Sender<Note>, JoinHandle<()>)>,
}

/// What its thread is told.
enum Note {
    /// Something changed.
    Changed(notify::Event),
    /// It is to end.
    Stop,
}

impl Watch {
    /// Makes it; nothing is watched yet.
    pub fn new(root: PathBuf, buffers: Arc<dyn Buffers>, report: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { root, said: Arc::default(), buffers, report: Arc::new(report), on: None }
    }

    /// Returns what listens to agents' own words of what they change.
    pub fn ear(&self) -> impl Fn(&Event) + Send + Sync + use<> {
        let said = Arc::clone(&self.said);
        move |event| {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Touched { turn, paths, over: false } => said.begins(*turn, paths),
                Event::Touched { turn, paths, over: true } => said.ends(*turn, paths, Instant::now()),
                Event::TurnEnded { turn, .. } => said.ends(*turn, &[], Instant::now()),
                _ => {}
            }
        }
    }

    /// Returns what is told when Callboard itself writes files, and when it is done with that.
    pub fn own_writes(&self) -> impl Fn(bool) + Send + Sync + use<> {
        let said = Arc::clone(&self.said);
        move |writes| said.lock().unwrap_or_else(PoisonError::into_inner).ours(writes, Instant::now())
    }

    /// Watches, or no longer.
    pub fn set(&mut self, on: bool) {
        if let (true, Some((_, thread))) = (on, &self.on)
            && !thread.is_finished()
        {
            return;
        }
        if let Some((sender, _)) = self.on.take() {
            // Not waited for: it may be about to report something, and has nothing else to do then.
            let _ = sender.send(Note::Stop);
        }
        if !on {
            return;
        }
        let (sender, notes) = channel();
        let look = Look {
            root: self.root.clone(),
            // A file's time is that of the last tick of the system's clock, which may be before ours.
            since: SystemTime::now() - TICK,
            said: Arc::clone(&self.said),
            buffers: Arc::clone(&self.buffers),
            report: Arc::clone(&self.report),
            folders: HashSet::new(),
        };
        let own = sender.clone();
        match std::thread::Builder::new().name("files".to_owned()).spawn(move || look.run(own, &notes)) {
            Ok(thread) => self.on = Some((sender, thread)),
            Err(error) => tracing::warn!(%error, "Changes on the disk are not noticed: no thread could be started."),
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.on.take() {
            let _ = sender.send(Note::Stop);
            let _ = thread.join();
        }
    }
}

struct Look {
    root: PathBuf,
    since: SystemTime,
    said: Arc<Mutex<Sightings>>,
    buffers: Arc<dyn Buffers>,
    report: Arc<dyn Fn(Event) + Send + Sync>,
    folders: HashSet<PathBuf>,
}

impl Look {
    fn run(mut self, sender: Sender<Note>, notes: &Receiver<Note>) {
        let tell = move |event: notify::Result<notify::Event>| match event {
            Ok(event) => drop(sender.send(Note::Changed(event))),
            Err(error) => tracing::warn!(%error, "A change on the disk may not have been noticed."),
        };
        let mut watcher = match notify::recommended_watcher(tell) {
            Ok(it) => it,
            Err(error) => return tracing::warn!(%error, "Changes on the disk are not noticed."),
        };
        let root = self.root.clone();
        // What changed while the watches were being set has told nobody.
        let mut found = self.enter(&mut watcher, &root);
        loop {
            let news: Vec<PathBuf> = std::mem::take(&mut found).into_iter().collect();
            self.tell(&news);
            let Ok(note) = notes.recv() else { return };
            let Note::Changed(event) = note else { return };
            let until = Instant::now() + AT_MOST;
            let mut changed = BTreeSet::new();
            gather(event, &mut changed);
            loop {
                let wait = TOGETHER.min(until.saturating_duration_since(Instant::now()));
                match notes.recv_timeout(wait) {
                    Ok(Note::Changed(event)) => gather(event, &mut changed),
                    Ok(Note::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            found = self.fair(&mut watcher, &changed);
        }
    }

    /// Watches a folder and those in it, and returns the files in them that have changed since it was to watch.
    fn enter(&mut self, watcher: &mut RecommendedWatcher, folder: &Path) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for entry in walk(folder, None).filter_map(Result::ok) {
            let Some(kind) = entry.file_type() else { continue };
            if kind.is_file() {
                let when = entry.metadata().ok().and_then(|it| it.modified().ok());
                if when.is_some_and(|it| it >= self.since) {
                    changed.insert(entry.into_path());
                }
                continue;
            }
            if !kind.is_dir() || self.folders.contains(entry.path()) {
                continue;
            }
            if self.folders.len() >= MOST_FOLDERS {
                tracing::warn!("Changes are noticed in {MOST_FOLDERS} folders, which are not all.");
                return changed;
            }
            if let Err(error) = watcher.watch(entry.path(), RecursiveMode::NonRecursive) {
                // Most likely the system's bound on watches; the rest would fail the same way.
                tracing::warn!(%error, "Changes are not noticed in all folders.");
                return changed;
            }
            self.folders.insert(entry.into_path());
        }
        changed
    }

    /// Returns those of changed files that git does not ignore. Folders that are new are watched, and what is in them is new too.
    fn fair(&mut self, watcher: &mut RecommendedWatcher, changed: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let mut fair = BTreeSet::new();
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        folders.extend(
            changed.iter().filter_map(|it| it.parent()).filter(|it| it.starts_with(&self.root)).map(Into::into),
        );
        for folder in folders {
            for entry in walk(&folder, Some(1)).filter_map(Result::ok) {
                let path = entry.path();
                if !changed.contains(path) {
                    continue;
                }
                match entry.file_type() {
                    Some(it) if it.is_dir() => {
                        // A folder that is gone and here again has no watch any more.
                        self.folders.remove(path);
                        fair.extend(self.enter(watcher, path));
                    }
                    Some(_) => drop(fair.insert(path.to_path_buf())),
                    None => {}
                }
            }
        }
        fair
    }

    fn tell(&self, files: &[PathBuf]) {
        let now = Instant::now();
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let inside = files.iter().filter_map(|it| it.strip_prefix(&self.root).ok()?.to_str());
        let unexplained = inside.filter(|it| !said.is_explained(it, now) && !self.buffers.was_saved(it));
        let paths: Vec<String> = unexplained.take(MOST_FILES).map(|it| it.replace('\\', "/")).collect();
        drop(said);
        if !paths.is_empty() {
            (self.report)(Event::Seen { paths });
        }
    }
}

/// Walks what git does not ignore. Hidden files count, git's own do not.
fn walk(folder: &Path, depth: Option<usize>) -> ignore::Walk {
    let mut walk = WalkBuilder::new(folder);
    walk.hidden(false).require_git(false).git_global(false).follow_links(false).max_depth(depth);
    walk.filter_entry(|it| it.file_name() != ".git").build()
}

fn gather(event: notify::Event, changed: &mut BTreeSet<PathBuf>) {
    let is_change = match event.kind {
        EventKind::Create(_) | EventKind::Any | EventKind::Other => true,
        EventKind::Modify(it) => !matches!(it, ModifyKind::Metadata(_)),
        EventKind::Access(_) | EventKind::Remove(_) => false,
    };
    if is_change {
        changed.extend(event.paths);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::mpsc};

    use super::*;
    use crate::{ids::TurnId, workspace::buffers::NoBuffers};

    #[test]
    fn changes_are_told_but_for_ignored_ones_and_those_that_an_agent_spoke_of() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("src")).unwrap();
        fs::create_dir_all(root.join("target")).unwrap();
        fs::write(root.join(".gitignore"), "target/\n*.log\n").unwrap();
        fs::write(root.join("src/old.rs"), "").unwrap();
        let (sender, told) = mpsc::channel();
        let mut watch = Watch::new(root.clone(), Arc::new(NoBuffers), move |event| {
            let Event::Seen { paths } = event else { return };
            let _ = sender.send(paths);
        });
        let ear = watch.ear();
        watch.set(true);
        let wait = || told.recv_timeout(Duration::from_secs(60)).expect("a change is told");
        // Whether it was written before the watches stood or after, it is told.
        fs::write(root.join("src/a.rs"), "a").unwrap();
        let first = wait();
        assert!(first.contains(&"src/a.rs".to_owned()), "{first:?}");
        ear(&Event::Touched { turn: TurnId(1), paths: vec!["src/own.rs".to_owned()], over: false });
        fs::write(root.join("src/own.rs"), "own").unwrap();
        fs::write(root.join("target/out"), "out").unwrap();
        fs::write(root.join("src/x.log"), "log").unwrap();
        fs::create_dir_all(root.join("new/deep")).unwrap();
        fs::write(root.join("new/deep/b.rs"), "b").unwrap();
        let mut all = Vec::new();
        while !all.contains(&"new/deep/b.rs".to_owned()) {
            all.extend(wait());
        }
        all.retain(|it| !["src/a.rs", ".gitignore", "src/old.rs"].contains(&it.as_str()));
        all.sort();
        all.dedup();
        assert_eq!(all, ["new/deep/b.rs"]);
        watch.set(false);
        fs::write(root.join("src/c.rs"), "c").unwrap();
        drop(watch);
        let late: Vec<String> = told.try_iter().flatten().collect();
        assert!(!late.contains(&"src/c.rs".to_owned()), "it was told to stop: {late:?}");
    }
}
