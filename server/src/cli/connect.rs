//! The real hub behind the `Wire` trait: `client.rs`, with its errors put into the command line's form.

use serde_json::Value;

use super::{fail::Fail, setting::Setting, wire::Wire};
use crate::{
    client::{
        Client, Feeds, RpcError,
        target::{ConnectError, Engine, Target},
    },
    protocol::{Feed, method},
};

/// A connection to the workspace's hub.
pub struct HubWire {
    client: Client,
    feeds: Feeds,
    /// Whether feeds were asked for: then the caller must hear of a lost hub, to ask for them again.
    subscribed: bool,
}

impl HubWire {
    /// Connects to the workspace's hub, and starts one where none runs.
    pub async fn connect(setting: &Setting, engine: Engine) -> Result<Self, Fail> {
        Self::to(Target::of(&setting.places, &setting.workspace, engine)).await
    }

    /// Connects to the workspace's hub where one runs; starts none.
    pub async fn to_living(setting: &Setting) -> Result<Option<Self>, Fail> {
        let target = match Target::living(&setting.places, &setting.workspace) {
            Ok(target) => target,
            // With no folder for its socket there is no hub in a process of its own.
            Err(ConnectError::Runtime(_)) => return Ok(None),
            Err(why) => return Err(failed(&why)),
        };
        match Client::connect_to(target).await {
            Ok(client) => Ok(Some(Self { feeds: client.feed(), client, subscribed: false })),
            #[cfg(unix)]
            Err(ConnectError::Attach(crate::ipc::attach::AttachError::NotRunning)) => Ok(None),
            Err(why) => Err(failed(&why)),
        }
    }

    /// Says goodbye; a hub of this process ends in order.
    pub async fn close(self) {
        self.client.close().await;
    }

    /// Returns where the frames of terminals come from now on.
    pub fn frames(&self) -> tokio::sync::mpsc::Receiver<crate::protocol::TerminalFrame> {
        self.client.frames()
    }

    async fn to(target: Target) -> Result<Self, Fail> {
        let client = Client::connect_to(target).await.map_err(|why| failed(&why))?;
        Ok(Self { feeds: client.feed(), client, subscribed: false })
    }
}

impl Wire for HubWire {
    async fn call(&mut self, method: &'static str, params: Value) -> Result<Value, Fail> {
        let is_safe = !self.subscribed && may_be_asked_twice(method, &params);
        self.subscribed |= method == method::SUBSCRIBE;
        let again = is_safe.then(|| params.clone());
        match (self.client.request(method, params).await, again) {
            (Err(RpcError::Lost(_)), Some(params)) => {
                self.reconnect().await?;
                self.client.request(method, params).await
            }
            (answer, _) => answer,
        }
        .map_err(|why| answered(&why))
    }

    async fn feed(&mut self) -> Option<Feed> {
        self.feeds.recv().await
    }

    async fn reconnect(&mut self) -> Result<(), Fail> {
        let client = self.client.reconnect().await.map_err(|why| failed(&why))?;
        self.feeds = client.feed();
        self.client = client;
        self.subscribed = false;
        Ok(())
    }
}

/// Returns whether a request may go to the next hub where its answer was lost with the last one: it only looks, or has a key
/// by which the hub knows it again (promise 1).
fn may_be_asked_twice(method: &str, params: &Value) -> bool {
    match method {
        method::CHANNELS
        | method::MESSAGES
        | method::SENT
        | method::RUNS
        | method::INBOX
        | method::AGENTS
        | method::FINDINGS => true,
        method::POST | method::RUN => params.get("key").is_some_and(Value::is_string),
        _ => false,
    }
}

/// Puts why there is no connection into the command line's form.
pub fn failed(why: &ConnectError) -> Fail {
    match why {
        ConnectError::Rpc(why) => answered(why),
        why => Fail::new("no_hub", why.to_string()).help("`callboard doctor` looks at what a hub needs"),
    }
}

fn answered(why: &RpcError) -> Fail {
    match why {
        RpcError::Refused { code, message } => Fail::refused(*code, message),
        RpcError::Lost(_) => Fail::lost(why.to_string()),
        RpcError::Failed { .. } | RpcError::Unreadable { .. } => Fail::new("protocol", why.to_string())
            .help("they may be of different versions: `callboard hub stop`, then try again"),
    }
}
