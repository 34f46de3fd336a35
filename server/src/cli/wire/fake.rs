//! A scripted hub for tests: it expects requests in an order, checks them, and answers and feeds as it is told.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::Wire;
use crate::{
    cli::fail::Fail,
    protocol::{Feed, Item},
};

/// One thing that the script expects.
struct Scene {
    method: &'static str,
    wants: Value,
    answer: Result<Value, Fail>,
    then: Vec<Option<Vec<Item>>>,
}

/// The scripted hub.
#[derive(Default)]
pub(crate) struct Fake {
    scenes: VecDeque<Scene>,
    feeds: VecDeque<Option<Vec<Item>>>,
    rev: u64,
    pub(crate) reconnects: usize,
    pub(crate) calls: Vec<(&'static str, Value)>,
}

impl Fake {
    /// Expects a request whose params hold what `wants` holds, and answers it.
    pub(crate) fn on(mut self, method: &'static str, wants: Value, answer: Value) -> Self {
        self.scenes.push_back(Scene { method, wants, answer: Ok(answer), then: Vec::new() });
        self
    }

    /// Expects a request and refuses it.
    pub(crate) fn refuses(mut self, method: &'static str, wants: Value, fail: Fail) -> Self {
        self.scenes.push_back(Scene { method, wants, answer: Err(fail), then: Vec::new() });
        self
    }

    /// Feeds these items once the last expected request was answered.
    pub(crate) fn feeds(mut self, items: Vec<Item>) -> Self {
        self.scenes.back_mut().expect("a scene comes first").then.push(Some(items));
        self
    }

    /// Goes away once the last expected request was answered and the feeds before were taken.
    pub(crate) fn dies(mut self) -> Self {
        self.scenes.back_mut().expect("a scene comes first").then.push(None);
        self
    }

    /// Fails the test where the script was not played to its end.
    pub(crate) fn assert_played(&self) {
        assert!(self.scenes.is_empty(), "not called: {:?}", self.scenes.iter().map(|it| it.method).collect::<Vec<_>>());
        assert!(self.feeds.is_empty(), "{} feeds were not taken", self.feeds.len());
    }
}

impl Wire for Fake {
    async fn call(&mut self, method: &'static str, params: Value) -> Result<Value, Fail> {
        let scene = self.scenes.pop_front().unwrap_or_else(|| panic!("unexpected {method} {params}"));
        assert_eq!(scene.method, method, "with {params}");
        for (key, value) in scene.wants.as_object().expect("wants is an object") {
            assert_eq!(&params[key], value, "{key} of {method} {params}");
        }
        self.calls.push((method, params));
        self.feeds.extend(scene.then);
        scene.answer
    }

    async fn feed(&mut self) -> Option<Feed> {
        match self.feeds.pop_front() {
            Some(Some(items)) => {
                self.rev += 10;
                Some(Feed { rev: self.rev, items })
            }
            Some(None) => None,
            None => std::future::pending().await,
        }
    }

    async fn reconnect(&mut self) -> Result<(), Fail> {
        self.reconnects += 1;
        Ok(())
    }
}

/// An answer to a change.
pub(crate) fn changed() -> Value {
    json!({ "rev": 1 })
}
