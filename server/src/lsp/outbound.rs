//! The one task per client that tells it what changed.
//!
//! State first: it waits for a new state and for the client to have read the last one, then sends what changed since. A slow
//! client so skips what was between, and neither the hub nor another client ever waits for it.

use std::sync::{Arc, PoisonError};

use tokio::sync::watch;

use crate::{
    hub::snapshot::Snapshot,
    lsp::{
        feed::{self, Frames},
        outbox::Outbox,
        shared::Shared,
    },
    protocol::SubscribeParams,
};

/// What a client wants to be told.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// What belongs to it.
    pub filter: SubscribeParams,
    /// The revision that the client has.
    pub since: u64,
}

impl Subscription {
    /// Reads what a client asked for at a revision of the hub.
    pub fn new(params: SubscribeParams, rev: u64) -> Self {
        // A client that has more than there is has it from another journal, so it gets everything.
        let since = params.since.map_or(rev, |it| if it > rev { 0 } else { it });
        Self { filter: params, since }
    }
}

/// Sends feeds for the latest subscription until the client is gone or the hub has ended.
pub async fn run(shared: Arc<Shared>, mut wanted: watch::Receiver<Option<Subscription>>, outbox: Outbox) {
    let mut snapshots = shared.hub.watch();
    let mut subscription: Option<Subscription> = None;
    // Each subscription is answered by a feed at once, an empty one too, so that the client knows that it has everything.
    let mut greeted = true;
    loop {
        if let Some(subscription) = &mut subscription {
            let snapshot = Arc::clone(&snapshots.borrow_and_update());
            if !greeted || snapshot.rev > subscription.since {
                greeted = true;
                for frames in frames(&shared, &snapshot, subscription).iter() {
                    outbox.push(Arc::clone(frames));
                    outbox.drained().await;
                }
                subscription.since = snapshot.rev;
            }
        }
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
                subscription.clone_from(&wanted.borrow_and_update());
                greeted = false;
            }
            changed = snapshots.changed(), if subscription.is_some() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

fn frames(shared: &Shared, snapshot: &Snapshot, subscription: &Subscription) -> Frames {
    let Subscription { filter, since } = subscription;
    if feed::is_near(snapshot, *since) {
        let mut cache = shared.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        cache.frames(snapshot, *since, filter)
    } else {
        feed::encode(&snapshot.changed_since(*since, filter), *since)
    }
}
