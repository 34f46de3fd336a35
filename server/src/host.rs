//! The composition root: puts a hub together from its parts, lets clients in, and ends it in order.
//!
//! The only place that knows all of journal, hub, agents and wire. Its own logic is when a hub ends, and how.

use std::{pin::pin, sync::Arc, thread::JoinHandle, time::Duration};

use anyhow::Context as _;
use tokio::{io::DuplexStream, sync::oneshot, task::JoinSet};

use crate::{
    agent::{AgentInfo, tools::Toolbox},
    hub::{
        Hub,
        effect::Effects,
        event::{Actor, Event},
    },
    ids::Timestamp,
    ipc::peer,
    lsp::{
        session,
        shared::{HubInfo, Shared, Surroundings},
    },
    store::Journal,
};

#[cfg(unix)]
use crate::{
    ipc::endpoint::{Endpoint, Guest},
    mcp,
};

pub mod checkpoints;
pub mod compose;
pub mod files;
mod places;
pub mod watch;
mod worktrees;

/// How many clients a hub takes at once.
#[cfg(unix)]
const MAX_CLIENTS: usize = 256;

/// How long each step of an orderly end may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long ending the agents may take: each has its own ladder of signals, and they end side by side.
const FAREWELL: Duration = Duration::from_secs(15);

/// What a hub is put together from.
pub struct Parts {
    /// Where its records are.
    pub journal: Box<dyn Journal>,
    /// Makes what carries out its effects.
    pub effects: Box<dyn FnOnce(Hub) -> Box<dyn Effects> + Send>,
    /// The files around it.
    pub surroundings: Arc<dyn Surroundings>,
    /// The agents that there are at the start.
    pub agents: Vec<AgentInfo>,
    /// Whether the developer trusts the workspace.
    pub trusted: bool,
    /// Ends what its effects started. Called once, when the hub ends, on a thread that may wait.
    pub stop: Box<dyn FnOnce() + Send + Sync>,
    /// The workspace's root, for people.
    pub workspace: String,
    /// Whether it runs inside its client.
    pub in_process: bool,
    /// Where agents' programs get their passes for Callboard's own tools.
    pub toolbox: Toolbox,
}

/// A hub that runs.
pub struct Host {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
    stop: Box<dyn FnOnce() + Send + Sync>,
    #[cfg_attr(not(unix), expect(dead_code, reason = "without a socket nobody comes in with a pass"))]
    toolbox: Toolbox,
}

/// Why a hub's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A client asked for it.
    Asked,
    /// Nobody was there and nothing went on for as long as the settings say.
    Idle,
    /// The system asked for it.
    Signal,
    /// The hub's thread ended, which it must not.
    Failed,
}

impl Host {
    /// Reads the journal, takes up what was going on, and runs the hub on its own thread.
    pub fn start(parts: Parts) -> anyhow::Result<Self> {
        let Parts { journal, effects, surroundings, agents, trusted, stop, workspace, in_process, toolbox } = parts;
        let (hub, seat) = Hub::prepare();
        hub.tell(Event::Started { trusted, agents });
        let thread = seat
            .take(journal, effects(hub.clone()))
            .with_context(|| format!("the journal of the workspace {workspace} can't be used"))?;
        let info = HubInfo { pid: std::process::id(), workspace, started: Timestamp::now(), in_process };
        Ok(Self { shared: Shared::new(hub, surroundings, info), thread, stop, toolbox })
    }

    /// Returns when the hub knows its agents and its trust, and has taken up what was going on: a client that came sooner
    /// would be told that there is no agent. A journal that refuses keeps nobody out, since what it holds can be read.
    pub async fn ready(&self) {
        if tokio::time::timeout(PATIENCE, self.shared.hub.ask(Event::Tick)).await.is_err() {
            tracing::warn!("The hub is slow to take up what was going on; its clients are let in all the same.");
        }
    }

    /// Returns what its connections share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Connects a client that runs in this process: a person's connection, since nobody else can hold this value. A process
    /// that an agent started makes no person of itself by being its own hub.
    pub fn connect(&self, user: &str) -> DuplexStream {
        let (client, hub) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(hub);
        let actor = if peer::is_agent() { Actor::Agent(None) } else { Actor::Human(user.to_owned()) };
        tokio::spawn(session::serve(Arc::clone(&self.shared), actor, reader, writer));
        client
    }

    /// Ends the sessions, makes durable what was sent before, and ends what its effects started.
    pub async fn close(self) {
        let Self { shared, thread, stop, toolbox: _ } = self;
        shared.stop();
        let mut clients = shared.clients();
        let _ = tokio::time::timeout(PATIENCE, clients.wait_for(|it| *it == 0)).await;
        // The hub takes events in order and answers when their records are durable, so with this one all before it are.
        if tokio::time::timeout(PATIENCE, shared.hub.ask(Event::Tick)).await.is_err() {
            tracing::error!("The hub did not answer at its end; what it had answered before is durable.");
        }
        shared.hub.close();
        drop(shared);
        let (done, finished) = oneshot::channel();
        std::thread::spawn(move || {
            stop();
            let _ = thread.join();
            let _ = done.send(());
        });
        if tokio::time::timeout(FAREWELL, finished).await.is_err() {
            tracing::error!("Not all agents could be ended in time; the next start ends what is left of them.");
        }
    }
}

#[cfg(unix)]
impl Host {
    /// Lets clients in at a socket until the hub is to end, then ends it in order.
    pub async fn serve(self, mut endpoint: Endpoint, idle: Duration) -> anyhow::Result<Ending> {
        use tokio::signal::unix::{SignalKind, signal};

        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        // A handler, and not "ignore": what is ignored stays ignored in the agents that are started.
        let mut hangup = signal(SignalKind::hangup())?;
        let door = endpoint.door();
        let mut sessions = JoinSet::new();
        let ending = {
            let shared = Arc::clone(&self.shared);
            let (mut failed, mut idle) = (pin!(hub_ended(&shared)), pin!(unneeded(&shared, idle)));
            loop {
                tokio::select! {
                    mut stream = endpoint.accept() => {
                        let full = sessions.len() >= MAX_CLIENTS;
                        // Those who are only told that it is full are bounded too, and the rest is not even told.
                        if sessions.len() >= 2 * MAX_CLIENTS {
                            continue;
                        }
                        let (door, shared, toolbox) = (Arc::clone(&door), Arc::clone(&shared), self.toolbox.clone());
                        sessions.spawn(async move {
                            // A pass is worth something only in the hands of the agent that it was made for.
                            let known = |token: &[u8], actor: &Actor| {
                                let entry = toolbox.enter(token)?;
                                let own = *actor == Actor::Agent(Some(entry.0.agent.clone()));
                                if !own {
                                    tracing::warn!(?actor, agent = %entry.0.agent, "A pass was used by another.");
                                }
                                own.then_some(entry)
                            };
                            match door.let_in(&mut stream, full, known).await {
                                Ok(Guest::Client(actor)) => {
                                    let (reader, writer) = stream.into_split();
                                    session::serve(shared, actor, reader, writer).await;
                                }
                                Ok(Guest::Holder(entry)) => {
                                    let (reader, writer) = stream.into_split();
                                    mcp::serve(shared, toolbox, entry, reader, writer).await;
                                }
                                Err(err) => tracing::warn!(%err, "A client was not let in."),
                            }
                        });
                    }
                    Some(_) = sessions.join_next() => {}
                    () = shared.stopped() => break Ending::Asked,
                    () = &mut idle => break Ending::Idle,
                    () = &mut failed => break Ending::Failed,
                    _ = terminate.recv() => break Ending::Signal,
                    _ = interrupt.recv() => break Ending::Signal,
                    _ = hangup.recv() => tracing::info!("A hang-up was ignored."),
                }
            }
        };
        tracing::info!(?ending, "The hub ends.");
        // From here on clients find no socket, see the lock held, and wait for the next hub.
        let lock = endpoint.withdraw();
        self.close().await;
        drop(lock);
        Ok(ending)
    }
}

/// Returns when the hub's thread has ended, which it does not while it is used.
#[cfg(unix)]
async fn hub_ended(shared: &Shared) {
    let mut snapshots = shared.hub.watch();
    while snapshots.changed().await.is_ok() {}
}

/// Returns when no client was connected and nothing went on for `patience`. What waits for a person waits in the journal.
#[cfg(unix)]
async fn unneeded(shared: &Shared, patience: Duration) {
    let (mut clients, mut snapshots) = (shared.clients(), shared.hub.watch());
    loop {
        let alone = *clients.borrow_and_update() == 0;
        let busy = snapshots.borrow_and_update().is_at_work();
        let quiet = async {
            if alone && !busy {
                tokio::time::sleep(patience).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = quiet => return,
            changed = clients.changed() => if changed.is_err() { return },
            // A hub that has ended is `hub_ended`'s matter.
            changed = snapshots.changed() => if changed.is_err() { std::future::pending().await },
        }
    }
}
