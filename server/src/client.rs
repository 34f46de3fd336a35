//! A client of a hub: what the command line and the tests talk through, like any editor.
//!
//! It attaches (or carries the hub itself where it must), makes the language server's greeting, and keeps what the feed
//! brings until it is asked for. Knows methods only as names; `protocol.rs` has what they mean.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::{
    client::{
        connection::Connection,
        target::{ConnectError, Engine, Target},
    },
    config::{Places, Workspace},
    hub::event::RefusalCode,
    protocol::{Changed, Nothing, SubscribeParams, method},
};

pub use self::feeds::Feeds;

pub mod connection;
pub mod feeds;
pub mod target;

/// Why a request has no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// The hub refused it; nothing was changed.
    #[error("{message}")]
    Refused {
        /// For programs.
        code: RefusalCode,
        /// What, where, and what to do next.
        message: String,
    },
    /// It was answered with another error of JSON-RPC.
    #[error("{message} (code {code})")]
    Failed {
        /// JSON-RPC's code.
        code: i64,
        /// What went wrong.
        message: String,
    },
    /// The connection ended before the answer. What was asked may have been done; its key tells.
    #[error("the hub was lost: {0}; connect again")]
    Lost(String),
    /// The answer is not what this version knows.
    #[error("the hub's answer to {method} can't be read: {why}")]
    Unreadable {
        /// What was asked.
        method: String,
        /// What is wrong with it.
        why: String,
    },
}

/// A connected client. Clones are the same connection.
#[derive(Clone)]
pub struct Client {
    connection: Arc<Connection>,
    target: Option<Arc<Target>>,
}

impl Client {
    /// Attaches to the workspace's hub, starting one where none lives, and greets it.
    pub async fn connect(places: &Places, workspace: &Workspace, engine: Engine) -> Result<Self, ConnectError> {
        Self::connect_to(Target::of(places, workspace, engine)).await
    }

    /// Attaches to a target and greets the hub there.
    pub async fn connect_to(target: Target) -> Result<Self, ConnectError> {
        let target = Arc::new(target);
        let mut client = target.open().await?;
        client.target = Some(target);
        Ok(client)
    }

    /// Greets a hub at the other end of a stream.
    pub async fn over<S>(stream: S) -> Result<Self, RpcError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (reader, writer) = tokio::io::split(stream);
        let client = Self { connection: Connection::start(reader, writer), target: None };
        let params = json!({
            "processId": std::process::id(),
            "clientInfo": { "name": "callboard", "version": env!("CARGO_PKG_VERSION") },
            "rootUri": null,
            "capabilities": {},
        });
        client.request::<Value>("initialize", params).await?;
        client.notify("initialized", json!({})).await;
        Ok(client)
    }

    /// Sends a request and waits for its result.
    pub async fn request<R: DeserializeOwned>(&self, method: &str, params: impl Serialize) -> Result<R, RpcError> {
        let unreadable =
            |err: serde_json::Error| RpcError::Unreadable { method: method.to_owned(), why: err.to_string() };
        let params = serde_json::to_value(params).map_err(unreadable)?;
        let result = self.connection.request(method, params).await?;
        serde_json::from_value(result).map_err(unreadable)
    }

    /// Returns where the frames of terminals come from now on.
    pub fn frames(&self) -> tokio::sync::mpsc::Receiver<crate::protocol::TerminalFrame> {
        self.connection.frames()
    }

    /// Sends a notification.
    pub async fn notify(&self, method: &str, params: Value) {
        self.connection.notify(method, params).await;
    }

    /// Asks for what changed since a revision and for all that comes; it arrives at `feed`. Replaces an earlier subscription.
    pub async fn subscribe(&self, params: SubscribeParams) -> Result<(), RpcError> {
        self.request::<Changed>(method::SUBSCRIBE, params).await.map(|_| ())
    }

    /// Returns what the feed brings. One reader at a time: two would share it out between them.
    pub fn feed(&self) -> Feeds {
        self.connection.feeds()
    }

    /// Waits until the hub is lost and returns why.
    pub async fn lost(&self) -> String {
        self.connection.lost().await
    }

    /// Connects anew the way this client was connected. Subscribe again with the revision that you have.
    pub async fn reconnect(&self) -> Result<Self, ConnectError> {
        match &self.target {
            Some(target) => {
                let mut client = target.open().await?;
                client.target = Some(Arc::clone(target));
                Ok(client)
            }
            None => Err(ConnectError::Rpc(RpcError::Lost("this connection can't be made again".to_owned()))),
        }
    }

    /// Says goodbye and, where the hub runs in this process, ends it in order.
    pub async fn close(self) {
        let _ = self.request::<Value>("shutdown", Value::Null).await;
        self.notify("exit", Value::Null).await;
        self.connection.finish().await;
        if let Some(target) = &self.target {
            target.close().await;
        }
    }

    /// Ends the hub and waits until its process has.
    pub async fn stop_hub(&self) -> Result<(), RpcError> {
        self.request::<Changed>(method::STOP_HUB, Nothing::default()).await?;
        self.lost().await;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
