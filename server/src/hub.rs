//! The hub: the single writer of a workspace's state.
//!
//! Events come in at one inbox. `decide` turns each into records and effects, the journal makes the records durable in one
//! transaction per batch, and only then are the effects started, the answers given and the new snapshot published.
//! The hub knows no leaf: agents, editors and timers know it.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
};

use tokio::sync::{oneshot, watch};

use self::{
    effect::Effects,
    event::{Answer, Event, Refusal, RefusalCode},
    snapshot::Snapshot,
};
use crate::store::Journal;

pub mod effect;
pub mod event;
pub mod snapshot;

/// A durable answer, and the revision at which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the event came to.
    pub answer: Answer,
    /// The journal's last record by then.
    pub rev: u64,
}

/// What goes through the hub's inbox.
struct Envelope {
    event: Event,
    reply: Option<oneshot::Sender<Result<Reply, Refusal>>>,
}

/// A handle on the hub. Clones are cheap; sending never waits.
#[derive(Clone)]
pub struct Hub {
    inbox: Sender<Envelope>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// The hub's seat, before its thread runs: what `Hub::prepare` gives so that leaves can be built around the handle first.
pub struct Seat {
    inbox: Receiver<Envelope>,
    publish: watch::Sender<Arc<Snapshot>>,
}

impl Hub {
    /// Makes a handle and the seat behind it. Events sent before the seat is taken wait.
    pub fn prepare() -> (Self, Seat) {
        let (inbox_sender, inbox) = channel();
        let (publish, snapshots) = watch::channel(Arc::new(Snapshot::default()));
        (Self { inbox: inbox_sender, snapshots }, Seat { inbox, publish })
    }

    /// Sends an event and waits until its records are durable.
    pub async fn ask(&self, event: Event) -> Result<Reply, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let gone = || Refusal::new(RefusalCode::Journal, "the hub has ended; start the command again");
        self.inbox.send(Envelope { event, reply: Some(sender) }).map_err(|_| gone())?;
        receiver.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends an event that nobody waits for. After the hub's end it goes nowhere.
    pub fn tell(&self, event: Event) {
        let _ = self.inbox.send(Envelope { event, reply: None });
    }

    /// Returns the latest durable state.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Returns a receiver that sees each new durable state, or only the latest where it is slow.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }
}

impl Seat {
    /// Reads the journal, takes up what was going on, and runs the hub on a thread of its own until every handle is gone.
    pub fn take(self, _journal: Box<dyn Journal>, _effects: Box<dyn Effects>) -> anyhow::Result<JoinHandle<()>> {
        let Self { inbox, publish } = self;
        Ok(std::thread::Builder::new().name("hub".to_owned()).spawn(move || {
            while let Ok(envelope) = inbox.recv() {
                let _ = envelope.event;
                let rev = publish.borrow().rev;
                if let Some(reply) = envelope.reply {
                    let _ = reply.send(Ok(Reply { answer: Answer::Done, rev }));
                }
            }
        })?)
    }
}
