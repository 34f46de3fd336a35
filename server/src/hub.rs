//! The hub: the single writer of a workspace's state.
//!
//! Events come in at one inbox. `decide` turns each into records and effects, the journal makes the records durable in one
//! transaction per batch, and only then are the effects started, the answers given and the new snapshot published.
//! The hub knows no leaf: agents, editors and timers know it.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context as _;
use tokio::sync::{oneshot, watch};

use self::{
    apply::apply,
    decide::decide,
    effect::{Effect, Effects},
    event::{Answer, Event, Refusal, RefusalCode, Stamped},
    record::Record,
    snapshot::Snapshot,
    state::State,
};
use crate::{
    ids::Timestamp,
    store::{Journal, NewEntry},
};

pub mod apply;
pub mod decide;
pub mod effect;
pub mod event;
pub mod leases;
pub mod operator;
pub mod record;
pub mod run;
pub mod snapshot;
pub mod state;
pub mod timeline;

#[cfg(test)]
mod scene;
#[cfg(test)]
mod tests;

/// How many events go into one transaction at most.
const BATCH: usize = 512;

/// How long the hub waits before it tries a journal again that refused, while events of agents are waiting.
const JOURNAL_RETRY: Duration = Duration::from_secs(1);

/// A durable answer, and the revision at which it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// What the event came to.
    pub answer: Answer,
    /// The journal's last record by then.
    pub rev: u64,
}

type Asker = oneshot::Sender<Result<Reply, Refusal>>;

/// What goes through the hub's inbox.
#[expect(clippy::large_enum_variant, reason = "nearly all are events, and a box would cost each of them an allocation")]
enum Letter {
    Event(Stamped, Option<Asker>),
    Close,
}

/// A handle on the hub. Clones are cheap; sending never waits.
#[derive(Clone)]
pub struct Hub {
    inbox: Sender<Letter>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

/// The hub's seat, before its thread runs: what `Hub::prepare` gives so that leaves can be built around the handle first.
pub struct Seat {
    inbox: Receiver<Letter>,
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
        self.send(event).await.unwrap_or_else(|_| Err(gone()))
    }

    /// Sends an event and waits on this thread until its records are durable. Not for async code.
    pub fn ask_blocking(&self, event: Event) -> Result<Reply, Refusal> {
        self.send(event).blocking_recv().unwrap_or_else(|_| Err(gone()))
    }

    fn send(&self, event: Event) -> oneshot::Receiver<Result<Reply, Refusal>> {
        let (sender, receiver) = oneshot::channel();
        // Where the hub has ended the letter is dropped, and the receiver says so.
        let _ = self.inbox.send(Letter::Event(stamp(event), Some(sender)));
        receiver
    }

    /// Sends an event that nobody waits for. After the hub's end it goes nowhere.
    pub fn tell(&self, event: Event) {
        let _ = self.inbox.send(Letter::Event(stamp(event), None));
    }

    /// Has the hub end once it has made durable what was sent before.
    pub fn close(&self) {
        let _ = self.inbox.send(Letter::Close);
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

fn stamp(event: Event) -> Stamped {
    Stamped { at: Timestamp::now(), event }
}

fn gone() -> Refusal {
    Refusal::new(RefusalCode::Journal, "the hub has ended; start the command again")
}

impl Seat {
    /// Reads the journal and runs the hub on a thread of its own until `Hub::close`. The first snapshot is published when
    /// this returns. Nothing is taken up until `Event::Started` is sent, which must be the first event.
    pub fn take(self, journal: Box<dyn Journal>, effects: Box<dyn Effects>) -> anyhow::Result<JoinHandle<()>> {
        let state = replay(journal.as_ref())?;
        let Self { inbox, publish } = self;
        let mut writer = Writer { state, journal, effects, publish, waiting: VecDeque::new(), refused: false };
        writer.publish();
        Ok(std::thread::Builder::new().name("hub".to_owned()).spawn(move || writer.run(&inbox))?)
    }
}

/// Returns the state that a journal comes to.
pub fn replay(journal: &dyn Journal) -> anyhow::Result<State> {
    let mut state = State::default();
    let mut bad = None;
    journal.read(0, &mut |entry| match serde_json::from_str::<Record>(&entry.body) {
        Ok(record) => apply(&mut state, entry.seq, entry.at, &record),
        Err(error) => {
            // The parser's list of all that it knows says nothing to a person.
            let why = error.to_string();
            let why = why.split(", expected").next().unwrap_or_default();
            bad.get_or_insert_with(|| anyhow::anyhow!("record {} ({}): {why}", entry.seq, entry.kind));
        }
    })?;
    match bad {
        None => Ok(state),
        Some(error) => {
            Err(error.context(
                "it holds a record that this Callboard can't read, as a newer one writes; update Callboard (nothing was changed)",
            ))
        }
    }
}

/// The hub's thread.
struct Writer {
    /// Invariant: always durable. A batch is tried on clones and takes its place only after the commit.
    state: State,
    journal: Box<dyn Journal>,
    effects: Box<dyn Effects>,
    publish: watch::Sender<Arc<Snapshot>>,
    /// Events that nobody waits for and that the journal refused: what agents came to must not be lost with a full disk.
    waiting: VecDeque<Stamped>,
    /// Whether the last append was refused.
    refused: bool,
}

impl Writer {
    fn run(&mut self, inbox: &Receiver<Letter>) {
        loop {
            let mut letters: Vec<(Stamped, Option<Asker>)> = self.waiting.drain(..).map(|it| (it, None)).collect();
            let mut closing = false;
            match self.next(inbox, !letters.is_empty()) {
                Ok(Letter::Event(stamped, asker)) => letters.push((stamped, asker)),
                Ok(Letter::Close) | Err(RecvTimeoutError::Disconnected) => closing = true,
                Err(RecvTimeoutError::Timeout) => {}
            }
            while !closing && letters.len() < BATCH {
                match inbox.try_recv() {
                    Ok(Letter::Event(stamped, asker)) => letters.push((stamped, asker)),
                    Ok(Letter::Close) => closing = true,
                    Err(_) => break,
                }
            }
            let now = Timestamp::now();
            if self.state.next_wake().is_some_and(|due| due <= now) {
                letters.push((Stamped { at: now, event: Event::Tick }, None));
            }
            self.batch(letters);
            if closing {
                return;
            }
        }
    }

    /// Waits for a letter, or until something is due.
    fn next(&self, inbox: &Receiver<Letter>, retry: bool) -> Result<Letter, RecvTimeoutError> {
        let due = || self.state.next_wake().map(|due| Duration::from_millis(due.since(Timestamp::now())));
        // While the journal refuses, what is due stays due: to wake for it would be to try again without a rest.
        match if retry { Some(JOURNAL_RETRY) } else { due() } {
            Some(wait) => inbox.recv_timeout(wait),
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn batch(&mut self, letters: Vec<(Stamped, Option<Asker>)>) {
        let mut state = self.state.clone();
        let mut entries = Vec::new();
        let mut effects: Vec<Effect> = Vec::new();
        let mut answers = Vec::new();
        let mut refused = Vec::new();
        let mut told = Vec::new();
        for (stamped, asker) in letters {
            match decide(&state, &stamped) {
                Ok(decided) => {
                    entries.extend(decided.records.iter().map(|it| entry(stamped.at, it)));
                    state = decided.state;
                    effects.extend(decided.effects);
                    match asker {
                        Some(asker) => answers.push((asker, decided.answer, state.rev)),
                        None if decided.records.is_empty() => {}
                        None => told.push(stamped),
                    }
                }
                Err(refusal) => {
                    if let Some(asker) = asker {
                        // Told with the others: it may rest on what came before it in this batch and is not durable yet.
                        refused.push((asker, refusal));
                    } else {
                        tracing::warn!(%refusal, "An event was refused.");
                    }
                }
            }
        }
        if !entries.is_empty()
            && let Err(error) = self.journal.append(self.state.rev, &entries)
        {
            // Once, and not at every try: a disk that is full must not be filled with saying so.
            if !std::mem::replace(&mut self.refused, true) {
                tracing::error!(%error, "The journal refused records; nothing of this batch happened.");
            }
            for (asker, _, _) in answers {
                let _ = asker.send(Err(Refusal::new(RefusalCode::Journal, error.to_string())));
            }
            self.waiting = told.into();
            return;
        }
        if !entries.is_empty() && std::mem::take(&mut self.refused) {
            tracing::info!("the journal takes records again.");
        }
        self.state = state;
        for effect in effects {
            self.effects.start(effect);
        }
        if !entries.is_empty() {
            self.publish();
        }
        for (asker, answer, rev) in answers {
            let _ = asker.send(Ok(Reply { answer, rev }));
        }
        for (asker, refusal) in refused {
            let _ = asker.send(Err(refusal));
        }
    }

    fn publish(&mut self) {
        self.publish.send_replace(Arc::new(Snapshot::of(&self.state)));
    }
}

fn entry(at: Timestamp, record: &Record) -> NewEntry {
    // A record is made of strings, numbers and maps with string keys: writing it can't fail.
    let body = serde_json::to_string(record).unwrap_or_else(|error| unreachable!("a record is always JSON: {error}"));
    NewEntry { at, kind: record.kind(), body }
}

/// Reads the journal in the way that the hub does, for tools that only look.
pub fn read_state(journal: &dyn Journal) -> anyhow::Result<Snapshot> {
    Ok(Snapshot::of(&replay(journal).context("reading the journal")?))
}
