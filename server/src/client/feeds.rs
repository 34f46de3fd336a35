//! What the feed brought and nobody has read yet.
//!
//! State first: an item that a newer form replaces is dropped unread, so what waits here is never more than the state itself,
//! and a slow reader never makes the connection wait.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::protocol::{Feed, Item};

/// The reading end.
#[derive(Clone)]
pub struct Feeds {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Default)]
struct Waiting {
    rev: Option<u64>,
    items: Vec<Option<Item>>,
    places: HashMap<String, usize>,
    closed: bool,
}

impl Feeds {
    /// Makes one with nothing in it.
    pub(super) fn new() -> Self {
        Self { inner: Arc::default() }
    }

    /// Waits for news and returns all of it; `None` once the hub is lost and everything was read. Safe to cancel.
    pub async fn recv(&mut self) -> Option<Feed> {
        loop {
            {
                let mut waiting = self.waiting();
                if let Some(feed) = waiting.take() {
                    return Some(feed);
                }
                if waiting.closed {
                    return None;
                }
            }
            self.inner.news.notified().await;
        }
    }

    /// Adds what came.
    pub(super) fn push(&self, feed: Feed) {
        self.waiting().add(feed);
        self.inner.news.notify_one();
    }

    /// Says that no more comes.
    pub(super) fn close(&self) {
        self.waiting().closed = true;
        self.inner.news.notify_one();
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn add(&mut self, feed: Feed) {
        self.rev = Some(self.rev.map_or(feed.rev, |it| it.max(feed.rev)));
        for item in feed.items {
            let key = format!("{}{}", kind(&item), item.key());
            if let Some(old) = self.places.insert(key, self.items.len())
                && let Some(place) = self.items.get_mut(old)
            {
                *place = None;
            }
            self.items.push(Some(item));
        }
    }

    fn take(&mut self) -> Option<Feed> {
        let rev = self.rev.take()?;
        self.places.clear();
        Some(Feed { rev, items: std::mem::take(&mut self.items).into_iter().flatten().collect() })
    }
}

fn kind(item: &Item) -> char {
    match item {
        Item::Channel(_) => 'c',
        Item::Message(_) => 'm',
        Item::Run(_) => 'r',
        Item::Pause(_) => 'p',
        Item::Agent(_) => 'a',
        Item::Finding(_) => 'f',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ChannelView;

    fn feed(rev: u64, names: &[&str]) -> Feed {
        let channel = |it: &&str| {
            Item::Channel(ChannelView {
                name: it.parse().unwrap(),
                default_agent: None,
                messages: rev,
                usage: crate::outcome::Usage::default(),
                rev,
            })
        };
        Feed { rev, items: names.iter().map(channel).collect() }
    }

    #[tokio::test]
    async fn what_waits_is_the_latest_form_in_the_order_of_its_changes() {
        let mut feeds = Feeds::new();
        feeds.push(feed(1, &["a", "b"]));
        feeds.push(feed(2, &["a"]));
        let got = feeds.recv().await.unwrap();
        let shown: Vec<_> = got.items.iter().map(|it| (it.key(), it.rev())).collect();
        assert_eq!((got.rev, shown), (2, vec![("#b".to_owned(), 1), ("#a".to_owned(), 2)]));
        feeds.push(feed(3, &[]));
        feeds.close();
        assert_eq!(feeds.recv().await, Some(feed(3, &[])));
        assert_eq!(feeds.recv().await, None);
    }
}
