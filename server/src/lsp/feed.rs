//! Feeds as frames: a state's changes, cut into notifications of bearable size, made once for all clients that want the same.

use std::sync::Arc;

use crate::{
    hub::snapshot::Snapshot,
    lsp::frame::frame,
    protocol::{Feed, Item, SubscribeParams, method},
};

/// A notification is closed once its items have this many bytes.
const CHUNK: usize = 1024 * 1024;

/// How many revisions a feed may span to be kept for others: what clients that keep up ask for.
const NEAR: u64 = 10_000;

/// Frames to be sent in order.
pub type Frames = Arc<[Arc<Vec<u8>>]>;

/// The last feed that was made.
#[derive(Default)]
pub struct FeedCache {
    last: Option<Cached>,
}

struct Cached {
    since: u64,
    rev: u64,
    filter: SubscribeParams,
    frames: Frames,
}

impl FeedCache {
    /// Returns the changes after `since`. Made anew unless the last call asked for the same.
    pub fn frames(&mut self, snapshot: &Snapshot, since: u64, filter: &SubscribeParams) -> Frames {
        if let Some(last) = &self.last
            && (last.since, last.rev) == (since, snapshot.rev)
            && (&last.filter.run, &last.filter.channel) == (&filter.run, &filter.channel)
        {
            return Arc::clone(&last.frames);
        }
        let frames = encode(&snapshot.changed_since(since, filter), since);
        self.last = Some(Cached { since, rev: snapshot.rev, filter: filter.clone(), frames: Arc::clone(&frames) });
        frames
    }
}

/// Returns whether a feed is small enough to be made while others wait for it.
pub fn is_near(snapshot: &Snapshot, since: u64) -> bool {
    snapshot.rev.saturating_sub(since) <= NEAR
}

/// Returns a feed as frames: at least one, the last of which carries the feed's revision.
///
/// Invariant: a frame's revision promises that all changes up to it were sent, so a client that resumes from it misses none.
pub fn encode(feed: &Feed, since: u64) -> Frames {
    let mut frames = Vec::new();
    let mut chunk: Vec<String> = Vec::new();
    let mut bytes = 0;
    let mut sent = since;
    let mut items = feed.items.iter().peekable();
    while let Some(item) = items.next() {
        match serde_json::to_string(item) {
            Ok(json) => {
                bytes += json.len();
                chunk.push(json);
            }
            Err(err) => tracing::error!(%err, item = item.key(), "An item can't be written as JSON."),
        }
        let next = items.peek().map(|it| Item::rev(it));
        if bytes >= CHUNK
            && let Some(next) = next
        {
            // Items of one revision may be cut apart, and then the revision before it is what is complete.
            sent = sent.max(if next > item.rev() { item.rev() } else { item.rev().saturating_sub(1) });
            frames.push(notification(sent, &chunk));
            (chunk, bytes) = (Vec::new(), 0);
        }
    }
    frames.push(notification(feed.rev, &chunk));
    frames.into()
}

fn notification(rev: u64, items: &[String]) -> Arc<Vec<u8>> {
    let items = items.join(",");
    let body = format!(r#"{{"jsonrpc":"2.0","method":"{}","params":{{"rev":{rev},"items":[{items}]}}}}"#, method::FEED);
    Arc::new(frame(body.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lsp::frame::FrameReader, protocol::ChannelView};

    fn channel(name: &str, rev: u64) -> Item {
        Item::Channel(ChannelView {
            name: name.parse().unwrap(),
            default_agent: None,
            messages: 0,
            usage: crate::outcome::Usage::default(),
            rev,
        })
    }

    async fn decode(frames: &Frames) -> Vec<Feed> {
        let mut feeds = Vec::new();
        for bytes in frames.iter() {
            let body = FrameReader::new(bytes.as_slice()).next().await.unwrap().unwrap();
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(value["method"], "callboard/feed");
            feeds.push(serde_json::from_value(value["params"].clone()).unwrap());
        }
        feeds
    }

    #[tokio::test]
    async fn an_empty_feed_still_says_the_revision() {
        let feeds = decode(&encode(&Feed { rev: 7, items: Vec::new() }, 3)).await;
        assert_eq!(feeds, [Feed { rev: 7, items: Vec::new() }]);
    }

    #[tokio::test]
    async fn a_long_feed_is_cut_where_a_client_can_resume() {
        // 64-byte names make about 120 bytes an item, so some 20,000 items are more than two chunks.
        let name = "a".repeat(64);
        let items: Vec<_> = (1..=20_000).map(|it| channel(&name, it / 3)).collect();
        let whole = Feed { rev: 7_000, items };
        let feeds = decode(&encode(&whole, 0)).await;
        assert!(feeds.len() > 2, "{} frames", feeds.len());
        assert_eq!(feeds.last().unwrap().rev, 7_000);
        let mut sent = Vec::new();
        for feed in &feeds {
            sent.extend(feed.items.iter().map(Item::rev));
            let behind = whole.items.len() - sent.len();
            let missing = whole.items[whole.items.len() - behind..].iter().any(|it| it.rev() <= feed.rev);
            assert!(!missing, "a frame of revision {} left some of it out", feed.rev);
        }
        assert_eq!(sent, whole.items.iter().map(Item::rev).collect::<Vec<_>>());
    }
}
