//! Where a client connects to: a hub of its own process or, as a rule, one that others share.

use std::{sync::Arc, time::Duration};

use tokio::sync::Mutex;

use crate::{
    client::{Client, RpcError},
    host::Host,
    ipc::{peer, runtime::RuntimeError},
};

#[cfg(unix)]
use crate::ipc::attach::{Attach, AttachError};

/// Where the hub is to run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Engine {
    /// In a process of its own, or in this one where there is no runtime folder for it.
    #[default]
    Auto,
    /// In a process of its own.
    Hub,
    /// In this process, with which it ends.
    #[value(name = "inproc")]
    InProc,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// No hub could be reached or started.
    #[cfg(unix)]
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The runtime folder is not what it must be.
    #[error("{0}; or take --engine inproc")]
    Runtime(#[from] RuntimeError),
    /// The hub could not be run in this process.
    #[error("the hub could not be started in this process: {0}")]
    InProcess(String),
    /// There is no hub in a process of its own on this system.
    #[error("this system has no hub in a process of its own yet; take --engine inproc")]
    NotHere,
    /// The greeting failed.
    #[error(transparent)]
    Rpc(#[from] RpcError),
}

/// Makes a hub in this process. Called at most once at a time, where it may wait.
pub type MakeHost = Arc<dyn Fn() -> anyhow::Result<Host> + Send + Sync>;

/// Everything that connecting and connecting again needs.
pub struct Target {
    engine: Engine,
    #[cfg(unix)]
    attach: Result<Attach, RuntimeError>,
    make_host: MakeHost,
    host: Mutex<Option<Host>>,
    timeout: Duration,
}

impl Target {
    /// Makes a target. `attach` is how to reach a shared hub, or why the runtime folder can't be used.
    #[cfg(unix)]
    pub fn new(engine: Engine, attach: Result<Attach, RuntimeError>, make_host: MakeHost) -> Self {
        let timeout = attach.as_ref().map_or(crate::ipc::attach::TIMEOUT, |it| it.timeout);
        Self { engine, attach, make_host, host: Mutex::new(None), timeout }
    }

    /// Makes a target on a system where the hub runs in its client only.
    #[cfg(not(unix))]
    pub fn new(engine: Engine, make_host: MakeHost) -> Self {
        Self { engine, make_host, host: Mutex::new(None), timeout: Duration::from_secs(10) }
    }

    /// Connects and greets.
    pub(super) async fn open(self: &Arc<Self>) -> Result<Client, ConnectError> {
        // A hub may be leaving just when it is reached; then the next one is right.
        match self.open_once().await {
            Err(ConnectError::Rpc(RpcError::Lost(_))) => self.open_once().await,
            other => other,
        }
    }

    /// Ends the hub of this process, where there is one.
    pub(super) async fn close(&self) {
        if let Some(host) = self.host.lock().await.take() {
            host.close().await;
        }
    }

    #[cfg(unix)]
    async fn open_once(&self) -> Result<Client, ConnectError> {
        let attach = match (self.engine, &self.attach) {
            (Engine::InProc, _) => return self.in_process().await,
            (Engine::Auto, Err(err)) => {
                tracing::warn!("The hub runs in this process: {err}.");
                return self.in_process().await;
            }
            (Engine::Hub, Err(err)) => return Err(ConnectError::Runtime(err.clone())),
            (Engine::Auto | Engine::Hub, Ok(attach)) => attach,
        };
        let stream = attach.attach().await?;
        let pid = stream.peer_cred().ok().and_then(|it| it.pid()).and_then(|it| u32::try_from(it).ok());
        match tokio::time::timeout(self.timeout, Client::over(stream)).await {
            Ok(client) => Ok(client?),
            Err(_) => Err(AttachError::Hung { pid, seconds: self.timeout.as_secs() }.into()),
        }
    }

    #[cfg(not(unix))]
    async fn open_once(&self) -> Result<Client, ConnectError> {
        match self.engine {
            Engine::Auto | Engine::InProc => self.in_process().await,
            Engine::Hub => Err(ConnectError::NotHere),
        }
    }

    async fn in_process(&self) -> Result<Client, ConnectError> {
        let mut slot = self.host.lock().await;
        let host = match slot.take() {
            Some(host) => host,
            None => {
                let make = Arc::clone(&self.make_host);
                let made = tokio::task::spawn_blocking(move || make()).await;
                let made = made.unwrap_or_else(|err| Err(anyhow::Error::new(err)));
                made.map_err(|err| ConnectError::InProcess(format!("{err:#}")))?
            }
        };
        let stream = slot.insert(host).connect(&peer::user_name());
        drop(slot);
        Ok(Client::over(stream).await?)
    }
}
