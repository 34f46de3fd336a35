//! What all connections of one hub share, and the little that they need to know of the world around it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::{
    agent::{AgentInfo, terminal::Screens},
    hub::{
        Hub,
        event::{Actor, Answer, Event, Refusal, RefusalCode},
        timeline::Stretch,
    },
    ids::Timestamp,
    lsp::{buffers::OpenBuffers, feed::FeedCache, hunks::Changes, language::OwnFiles, pages::Pages},
    protocol::{FileDiff, ReloadResult, TrustResult, UndoParams, UndoResult, WorkflowView},
    workflow::plan::Plan,
    workspace::documents::Documents,
};

/// What was found when trust and the catalogue were read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Whether the workspace is trusted.
    pub trusted: bool,
    /// The agents.
    pub agents: Vec<AgentInfo>,
}

/// A workflow that can be started on a file: it has one input that is a path, and its others have defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is run by.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The input that takes the path.
    pub path: String,
}

/// What a person is to see before they trust the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustShown {
    /// Whether it is trusted already, as it is now.
    pub trusted: bool,
    /// What it configures and what would be done in it.
    pub text: String,
    /// What trust would be bound to.
    pub digest: String,
}

/// The files around a hub, as far as connections ask for them. Called off the async threads: it may read files.
pub trait Surroundings: Send + Sync + 'static {
    /// Returns the checked workflow of this name, or why there is none: unknown, wrong (all its problems), not trusted.
    fn plan(&self, workflow: &str) -> Result<Arc<Plan>, Refusal>;

    /// Returns the checked workflow of this text, which may do those that there are here, or all that is wrong with it.
    fn read_plan(&self, name: &str, text: &str) -> Result<Arc<Plan>, Refusal> {
        let loaded = crate::workflow::load(name, text);
        let wrong = || loaded.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        loaded.plan.clone().map(Arc::new).ok_or_else(|| Refusal::new(RefusalCode::Invalid, wrong()))
    }

    /// Reads trust, the configuration and the catalogue again.
    fn reload(&self) -> Result<Reading, Refusal>;

    /// Returns what changed in these stretches of work, in the order of time; with the `whole` files around it or not.
    fn diff(&self, _: &[Stretch], _whole: bool) -> Result<Vec<FileDiff>, Refusal> {
        Err(Refusal::new(RefusalCode::Invalid, "this hub has no files, so there is nothing to compare"))
    }

    /// Returns whether the workspace was trusted when that was last read.
    fn is_trusted(&self) -> bool;

    /// Returns the workspace's root, with no link in its path; `None` where there are no files.
    fn root(&self) -> Option<PathBuf> {
        None
    }

    /// Returns the open buffers, as those who start agents know them.
    fn buffers(&self) -> Arc<OpenBuffers> {
        Arc::default()
    }

    /// Returns the agents' terminals.
    fn screens(&self) -> Arc<Screens> {
        Arc::default()
    }

    /// Returns the folder for documents that editors show; `None` where there are no files.
    fn documents_dir(&self) -> Option<PathBuf> {
        None
    }

    /// Returns where the user keeps their own configuration. Looks at no file.
    fn own_files(&self) -> OwnFiles {
        OwnFiles::default()
    }

    /// Returns the file that the profile of an agent is in, where it is the user's or a trusted workspace's.
    fn profile_file(&self, _agent: &str) -> Option<PathBuf> {
        None
    }

    /// Returns the workflows that can be started on a file.
    fn offers(&self) -> Vec<Offer> {
        Vec::new()
    }

    /// Returns all workflows by shelf and name; the workspace's own only where it is trusted.
    fn workflows(&self) -> Vec<WorkflowView> {
        Vec::new()
    }

    /// Returns what a person is to see before they trust the workspace.
    fn trust_shown(&self) -> Result<TrustShown, Refusal> {
        Err(Refusal::new(RefusalCode::NotFound, "there are no files to trust here"))
    }

    /// Trusts the workspace, if it still is what the person was shown.
    fn trust(&self, _digest: &str) -> Result<(), Refusal> {
        Err(Refusal::new(RefusalCode::NotFound, "there are no files to trust here"))
    }
}

/// What a hub says of itself and never changes.
#[derive(Debug, Clone)]
pub struct HubInfo {
    /// Its process.
    pub pid: u32,
    /// The workspace's root, for people.
    pub workspace: String,
    /// Since when it runs.
    pub started: Timestamp,
    /// Whether it runs inside its client.
    pub in_process: bool,
}

/// What all connections of a hub share.
pub struct Shared {
    /// The hub.
    pub hub: Hub,
    /// The files around it.
    pub surroundings: Arc<dyn Surroundings>,
    /// What it says of itself.
    pub info: HubInfo,
    /// The open buffers.
    pub documents: Arc<Documents>,
    /// The same, as work on their files meets them.
    pub buffers: Arc<OpenBuffers>,
    /// The documents of pause points, as files.
    pub(super) pages: Pages,
    /// The workflows that can be started on a file, as last read; nothing after what they depend on was read again.
    pub(super) offers: Mutex<Option<Arc<[Offer]>>>,
    /// All workflows, kept in the same way.
    library: Mutex<Option<Arc<[WorkflowView]>>>,
    /// What the runs that wait for a person changed.
    pub(super) changes: Changes,
    /// Feeds that were made for one connection and fit others too.
    pub(super) feeds: Mutex<FeedCache>,
    clients: watch::Sender<u32>,
    stop: watch::Sender<bool>,
}

impl Shared {
    /// Puts it together.
    pub fn new(hub: Hub, surroundings: Arc<dyn Surroundings>, info: HubInfo) -> Arc<Self> {
        let (clients, stop) = (watch::Sender::new(0), watch::Sender::new(false));
        let pages = Pages::new(surroundings.documents_dir());
        let buffers = surroundings.buffers();
        Arc::new(Self {
            hub,
            surroundings,
            info,
            documents: Arc::clone(&buffers.documents),
            buffers,
            pages,
            offers: Mutex::default(),
            library: Mutex::default(),
            changes: Changes::default(),
            feeds: Mutex::default(),
            clients,
            stop,
        })
    }

    /// Returns a receiver of the number of connected clients.
    pub fn clients(&self) -> watch::Receiver<u32> {
        self.clients.subscribe()
    }

    /// Asks the hub's process, and with it every session, to end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until somebody asked for the end.
    pub async fn stopped(&self) {
        // The sender lives as long as `self`, so this fails never.
        let _ = self.stop.subscribe().wait_for(|it| *it).await;
    }

    /// Begins an undo and waits until it is over. A client that goes meanwhile does not stop it.
    pub async fn undo(&self, by: Actor, params: UndoParams) -> Result<UndoResult, Refusal> {
        let UndoParams { run, step, force } = params;
        let reply = self.hub.ask(Event::Undo { by, run, step, force }).await?;
        let failed = |message: String| Err(Refusal::new(RefusalCode::Invalid, message));
        let Answer::Undoing(undo) = reply.answer else {
            return failed(format!("the hub answered an undo with {:?}", reply.answer));
        };
        let mut snapshots = self.hub.watch();
        loop {
            let (rev, outcome) = {
                let snapshot = snapshots.borrow_and_update();
                (snapshot.rev, snapshot.state().undo(undo).and_then(|it| it.outcome.clone()))
            };
            if let Some(outcome) = outcome {
                if !outcome.why.is_empty() {
                    return failed(outcome.why.clone());
                }
                return Ok(UndoResult { files: outcome.files.clone(), clashes: outcome.clashes.clone(), rev });
            }
            if snapshots.changed().await.is_err() {
                return failed(
                    "the hub ended before the undo was over; it goes on when the next one starts".to_owned(),
                );
            }
        }
    }

    /// Runs what reads files where no other session waits for it.
    pub async fn off_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Surroundings) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let surroundings = Arc::clone(&self.surroundings);
        let done = tokio::task::spawn_blocking(move || work(surroundings.as_ref())).await;
        done.unwrap_or_else(|err| {
            let message = format!("reading the files failed: {err}; this is a fault of Callboard");
            Err(Refusal::new(RefusalCode::Invalid, message))
        })
    }

    /// Has trust, the configuration and the catalogue read again, and tells the hub.
    pub async fn reload(&self) -> Result<ReloadResult, Refusal> {
        let reading = self.off_thread(Surroundings::reload).await?;
        self.forget_workflows();
        let agents = u32::try_from(reading.agents.len()).unwrap_or(u32::MAX);
        // The agents first: with trust, what waited for it is started, and that needs them.
        self.hub.ask(Event::Catalog(reading.agents)).await?;
        self.hub.ask(Event::Trusted(reading.trusted)).await?;
        Ok(ReloadResult { trusted: reading.trusted, agents })
    }

    /// Says what trusting the workspace would allow; with the digest of what a person was shown, trusts it.
    pub async fn trust(&self, digest: Option<String>) -> Result<TrustResult, Refusal> {
        if let Some(digest) = digest {
            self.off_thread(move |it| it.trust(&digest)).await?;
            self.reload().await?;
        }
        let TrustShown { trusted, text, digest } = self.off_thread(Surroundings::trust_shown).await?;
        Ok(TrustResult { trusted, text, digest })
    }

    /// Returns the workflows that can be started on a file. They are read once, and again after a reload or a save.
    pub async fn offers(&self) -> Arc<[Offer]> {
        if let Some(known) = &*self.offers.lock().unwrap_or_else(PoisonError::into_inner) {
            return Arc::clone(known);
        }
        let read: Arc<[Offer]> = self.off_thread(|it| Ok(it.offers())).await.unwrap_or_default().into();
        *self.offers.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        read
    }

    /// Returns all workflows. They are read once, and again after a reload or a save.
    pub async fn library(&self) -> Arc<[WorkflowView]> {
        if let Some(known) = &*self.library.lock().unwrap_or_else(PoisonError::into_inner) {
            return Arc::clone(known);
        }
        let read: Arc<[WorkflowView]> = self.off_thread(|it| Ok(it.workflows())).await.unwrap_or_default().into();
        *self.library.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&read));
        read
    }

    /// What is known of the workflows may be old.
    pub(super) fn forget_workflows(&self) {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.library.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Counts a client in until the value is dropped.
    pub(super) fn enter(self: &Arc<Self>) -> Entered {
        self.clients.send_modify(|it| *it += 1);
        Entered(Arc::clone(self))
    }
}

/// A counted client.
pub(super) struct Entered(Arc<Shared>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.clients.send_modify(|it| *it -= 1);
    }
}
