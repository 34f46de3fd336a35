//! What all connections of one hub share, and the little that they need to know of the world around it.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;

use crate::{
    agent::AgentInfo,
    hub::{
        Hub,
        event::{Refusal, RefusalCode},
        timeline::Stretch,
    },
    ids::Timestamp,
    lsp::feed::FeedCache,
    protocol::FileDiff,
    workflow::plan::Plan,
};

/// What was found when trust and the catalogue were read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Whether the workspace is trusted.
    pub trusted: bool,
    /// The agents.
    pub agents: Vec<AgentInfo>,
}

/// The files around a hub, as far as connections ask for them. Called off the async threads: it may read files.
pub trait Surroundings: Send + Sync + 'static {
    /// Returns the checked workflow of this name, or why there is none: unknown, wrong (all its problems), not trusted.
    fn plan(&self, workflow: &str) -> Result<Arc<Plan>, Refusal>;

    /// Reads trust, the configuration and the catalogue again.
    fn reload(&self) -> Result<Reading, Refusal>;

    /// Returns what changed in these stretches of work, in the order of time.
    fn diff(&self, _: &[Stretch]) -> Result<Vec<FileDiff>, Refusal> {
        Err(Refusal::new(RefusalCode::Invalid, "this hub has no files, so there is nothing to compare"))
    }

    /// Returns whether the workspace was trusted when that was last read.
    fn is_trusted(&self) -> bool;
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
    /// Feeds that were made for one connection and fit others too.
    pub(super) feeds: Mutex<FeedCache>,
    clients: watch::Sender<u32>,
    stop: watch::Sender<bool>,
}

impl Shared {
    /// Puts it together.
    pub fn new(hub: Hub, surroundings: Arc<dyn Surroundings>, info: HubInfo) -> Arc<Self> {
        let (clients, stop) = (watch::Sender::new(0), watch::Sender::new(false));
        Arc::new(Self { hub, surroundings, info, feeds: Mutex::default(), clients, stop })
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
