//! Puts the real parts of a hub together: the journal on disk, the agents' runner, and the files around them.
//!
//! The only place that knows all of them. It decides nothing about runs.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    agent::{
        catalog::SharedCatalog,
        runner::{Runner, RunnerParts},
        terminal::{Screens, Size},
        tools::Toolbox,
    },
    config::{Places, Workspace, redact::Redactor, settings::Settings},
    host::{
        Parts,
        checkpoints::{Checkpoints, Clerk},
        files::Files,
        watch::Watch,
    },
    hub::{
        Hub,
        effect::{Effect, Effects},
        event::Event,
    },
    ids::{AgentName, Timestamp},
    lsp::{buffers::OpenBuffers, shared::Surroundings as _},
    process::leftovers,
    store::{
        private,
        sqlite::SqliteJournal,
        transcript::{Header, TranscriptWriter, make_room},
    },
    workspace::{buffers::Buffers, checkpoint::Bounds},
};

/// A hub's parts, and what its process needs to know besides.
pub struct Composed {
    /// The parts.
    pub parts: Parts,
    /// How long a hub with no client and nothing going on stays.
    pub idle: Duration,
}

/// Opens a workspace's journal, ends what an earlier hub left running, and reads trust and the catalogue. May wait.
pub fn compose(places: &Places, workspace: &Workspace, in_process: bool) -> anyhow::Result<Composed> {
    let state = places.make_state_dir(workspace)?;
    // The journal's lock first: whoever holds it is the one hub, in whichever process.
    let journal = SqliteJournal::open(&places.journal(workspace))?;
    let settings = Settings::read(&places.settings_file())?;

    let folder = |name: &str| -> anyhow::Result<PathBuf> {
        let path = state.join(name);
        private::folder(&path).with_context(|| format!("the folder {} can't be used", path.display()))?;
        Ok(path)
    };
    let (processes, results, homes) = (folder("processes")?, folder("results")?, folder("agents")?);
    let terminals = places.terminals_dir(workspace);
    private::folder(&terminals).with_context(|| format!("the folder {} can't be used", terminals.display()))?;
    for found in leftovers::clean_up(&processes).context("what an earlier hub left running can't be looked for")? {
        tracing::warn!(?found, "An earlier hub had left this running.");
    }

    let catalog = SharedCatalog::default();
    let bounds = Bounds {
        file_bytes: settings.checkpoint_max_file_bytes,
        files: usize::try_from(settings.checkpoint_max_files).unwrap_or(usize::MAX),
        ..Bounds::default()
    };
    let checkpoints = Checkpoints::new(
        workspace.clone(),
        places.checkpoints_dir(workspace),
        folder("worktrees")?,
        folder("texts")?,
        bounds,
    );
    let screens = Arc::new(Screens::default());
    let buffers = OpenBuffers::new(workspace.root.clone(), settings.buffers.before_turn);
    let files = Files::new(
        places.clone(),
        workspace.clone(),
        catalog.clone(),
        checkpoints.clone(),
        Arc::clone(&screens),
        Arc::clone(&buffers),
    );
    let files = Arc::new(files);
    let reading = files.reload().map_err(anyhow::Error::new)?;
    let environment = environment(std::env::vars_os());
    let callboard = std::env::current_exe().context("this program's own path is not known")?;
    let toolbox = toolbox(places, workspace, &callboard, in_process);
    let runner = RunnerParts {
        catalog,
        workspace: workspace.root.clone(),
        callboard,
        toolbox: toolbox.clone(),
        transcripts: transcripts(terminals, &settings, &environment),
        environment,
        allowed: settings.agents_env.clone(),
        chosen: settings.agents.clone(),
        results,
        homes,
        processes,
        screens,
        buffers: buffers.clone(),
        changes: {
            let checkpoints = checkpoints.clone();
            Box::new(move |tree| checkpoints.since(tree))
        },
        trusted: {
            let files = Arc::clone(&files);
            Box::new(move || files.require_trust().map_err(|it| it.message))
        },
    };
    let crew = Crew::default();
    let parts = Parts {
        journal: Box::new(journal),
        effects: crew.effects(runner, workspace.root.clone(), checkpoints, buffers),
        surroundings: files,
        agents: reading.agents,
        trusted: reading.trusted,
        stop: crew.stop(),
        workspace: workspace.root.to_string_lossy().into_owned(),
        in_process,
        toolbox,
    };
    Ok(Composed { parts, idle: Duration::from_secs(60 * u64::from(settings.idle_exit_minutes)) })
}

/// Returns where agents' programs get their passes. A hub that runs inside its client has no socket, so its agents have no tools.
#[cfg(unix)]
fn toolbox(places: &Places, workspace: &Workspace, callboard: &Path, in_process: bool) -> Toolbox {
    match crate::ipc::runtime::Names::of(places, workspace) {
        Ok(names) if !in_process => Toolbox::at(callboard.to_owned(), names.socket()),
        _ => Toolbox::default(),
    }
}

#[cfg(not(unix))]
fn toolbox(_: &Places, _: &Workspace, _: &Path, _: bool) -> Toolbox {
    Toolbox::default()
}

/// Returns the variables that are text: no agent is given others.
fn environment(vars: impl Iterator<Item = (OsString, OsString)>) -> Vec<(String, String)> {
    vars.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

/// Returns what opens a transcript for an agent's new terminal. Keys of known shapes are not written, nor are the secrets of
/// our own environment. What older ones take beyond the bound goes before a new one begins.
fn transcripts(
    dir: PathBuf,
    settings: &Settings,
    environment: &[(String, String)],
) -> crate::agent::runner::Transcripts {
    let (max_bytes, total_bytes) = (settings.transcript_max_bytes, settings.transcripts_total_bytes);
    let redactor = Redactor::of_environment(environment).unwrap_or_else(|_| Redactor::of_shapes().clone());
    let redactor = Arc::new(redactor);
    Box::new(move |agent: &AgentName, size: Size| {
        match make_room(&dir, total_bytes) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => tracing::info!(files = gone.len(), "Old terminals' transcripts were removed to make room."),
            Err(error) => tracing::warn!(%error, "Old terminals' transcripts can't be removed."),
        }
        let started = Timestamp::now();
        let path = dir.join(format!("{}-{}.cast", agent.as_str(), started.0));
        let header = Header { cols: size.cols, rows: size.rows, title: agent.to_string(), started };
        let writer = TranscriptWriter::create(&path, header, max_bytes, Some(Arc::clone(&redactor)))?;
        Ok(Box::new(Transcript(writer)) as Box<dyn io::Write + Send>)
    })
}

/// A transcript as a stream of bytes.
struct Transcript(TranscriptWriter);

impl io::Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Where what comes of effects is told.
type Report = Arc<dyn Fn(Event) + Send + Sync>;

/// The open buffers, and where what becomes of texts that are put into them is told.
type Told = (Arc<dyn Buffers>, Report);

/// The runner, as the hub's thread and the hub's end share it.
///
/// Invariant: once the hub ends nothing is reported any more. A turn that is ended with the hub has not failed; it is taken
/// up again at the next start.
#[derive(Default, Clone)]
struct Crew {
    runner: Arc<Mutex<Option<Runner>>>,
    clerk: Arc<Mutex<Option<Clerk>>>,
    watch: Arc<Mutex<Option<Watch>>>,
    buffers: Arc<Mutex<Option<Told>>>,
    ending: Arc<AtomicBool>,
}

impl Crew {
    fn effects(
        &self,
        parts: RunnerParts,
        root: PathBuf,
        checkpoints: Checkpoints,
        buffers: Arc<dyn Buffers>,
    ) -> Box<dyn FnOnce(Hub) -> Box<dyn Effects> + Send> {
        let crew = self.clone();
        Box::new(move |hub| {
            let ending = Arc::clone(&crew.ending);
            let report = move |event| {
                if !ending.load(Ordering::SeqCst) {
                    hub.tell(event);
                }
            };
            let reporting: Told = (Arc::clone(&buffers), Arc::new(report.clone()));
            *crew.buffers.lock().unwrap_or_else(PoisonError::into_inner) = Some(reporting);
            let watch = Watch::new(root, Arc::clone(&buffers), report.clone());
            let (ear, own_writes) = (watch.ear(), watch.own_writes());
            *crew.watch.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
            let clerk = Clerk::new(checkpoints, buffers, own_writes, report.clone());
            *crew.clerk.lock().unwrap_or_else(PoisonError::into_inner) = Some(clerk);
            let runner = Runner::reporting_to(parts, move |event| {
                ear(&event);
                report(event);
            });
            *crew.runner.lock().unwrap_or_else(PoisonError::into_inner) = Some(runner);
            Box::new(crew)
        })
    }

    fn stop(&self) -> Box<dyn FnOnce() + Send + Sync> {
        let crew = self.clone();
        Box::new(move || {
            crew.ending.store(true, Ordering::SeqCst);
            let runner = crew.runner.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Ends every agent's session, and waits for that.
            drop(runner);
            drop(crew.watch.lock().unwrap_or_else(PoisonError::into_inner).take());
            // Waits for the checkpoint that is being taken.
            let clerk = crew.clerk.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(clerk);
        })
    }
}

impl Effects for Crew {
    fn start(&mut self, effect: Effect) {
        if let Effect::Watch { on } = effect {
            if let Some(watch) = self.watch.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                watch.set(on);
            }
            return;
        }
        if matches!(effect, Effect::Checkpoint { .. } | Effect::Undo(_) | Effect::Worktree(_) | Effect::Follow { .. }) {
            if let Some(clerk) = self.clerk.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                clerk.start(effect);
            }
            return;
        }
        if let Effect::PutText(text) = effect {
            let known = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((buffers, report)) = known {
                let pause = text.pause;
                buffers.put(*text, Box::new(move |why| report(Event::TextPut { pause, why })));
            }
            return;
        }
        if let Some(runner) = self.runner.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            runner.start(effect);
        }
    }
}
