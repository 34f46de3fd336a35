//! The command line's view of a hub: requests, and a feed of what changes.
//!
//! A trait, so that commands can be tested against a scripted hub; `client.rs` is the real one.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::fail::Fail;
use crate::protocol::Feed;

/// A connection to a hub.
pub trait Wire {
    /// Sends a request and waits for its answer. A refusal keeps the hub's class and sentence.
    fn call(&mut self, method: &'static str, params: Value) -> impl Future<Output = Result<Value, Fail>>;

    /// Waits for the next feed; `None` means that the hub is gone. Nothing is lost when the wait is given up.
    fn feed(&mut self) -> impl Future<Output = Option<Feed>>;

    /// Connects again, and starts a hub where there is none. The caller subscribes anew from its revision.
    fn reconnect(&mut self) -> impl Future<Output = Result<(), Fail>>;
}

/// Sends a request and reads its answer.
pub async fn ask<R: DeserializeOwned>(
    wire: &mut impl Wire,
    method: &'static str,
    params: &impl Serialize,
) -> Result<R, Fail> {
    let broken = |why: serde_json::Error| {
        Fail::new("protocol", format!("{method}: the hub and this command do not understand each other: {why}"))
            .help("they may be of different versions: `callboard hub stop`, then try again")
    };
    let params = serde_json::to_value(params).map_err(broken)?;
    let answer = wire.call(method, params).await?;
    serde_json::from_value(answer).map_err(broken)
}

#[cfg(test)]
pub(crate) mod fake;
