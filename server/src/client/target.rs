//! Where a client connects to: a hub of its own process or, as a rule, one that others share.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Mutex,
};

use crate::{
    client::{Client, RpcError},
    config::{Places, PlacesError, Workspace},
    host::{Host, compose::compose},
    ipc::peer,
};

#[cfg(unix)]
use {
    crate::ipc::{
        attach::{self, Attach, AttachError},
        runtime::Names,
    },
    std::ffi::OsString,
};

/// How long a hub that let us in may take to greet.
pub const GREETING: Duration = Duration::from_secs(10);

/// Bytes both ways.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

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
    Runtime(String),
    /// A hub let us in and said no more.
    #[error(
        "the hub does not greet since {seconds} seconds; wait and try again, or end it with `callboard hub stop --kill`"
    )]
    Silent {
        /// How long it was waited for.
        seconds: u64,
    },
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

impl From<PlacesError> for ConnectError {
    fn from(err: PlacesError) -> Self {
        Self::Runtime(err.to_string())
    }
}

/// Makes a hub in this process. Called at most once at a time, where it may wait.
pub type MakeHost = Arc<dyn Fn() -> anyhow::Result<Host> + Send + Sync>;

/// Everything that connecting and connecting again needs.
pub struct Target {
    engine: Engine,
    #[cfg(unix)]
    attach: Result<Attach, PlacesError>,
    make_host: MakeHost,
    host: Mutex<Option<Host>>,
}

impl Target {
    /// Makes a target from its parts. `attach` is how to reach a shared hub, or why the runtime folder can't be used.
    #[cfg(unix)]
    pub fn new(engine: Engine, attach: Result<Attach, PlacesError>, make_host: MakeHost) -> Self {
        Self { engine, attach, make_host, host: Mutex::new(None) }
    }

    /// Returns the way to a workspace's hub; connecting starts one where none lives.
    pub fn of(places: &Places, workspace: &Workspace, engine: Engine) -> Self {
        let make_host: MakeHost = {
            let (places, workspace) = (places.clone(), workspace.clone());
            Arc::new(move || Host::start(compose(&places, &workspace, true)?.parts))
        };
        #[cfg(unix)]
        let target = Self::new(engine, attach_to(places, workspace), make_host);
        #[cfg(not(unix))]
        let target = Self { engine, make_host, host: Mutex::new(None) };
        target
    }

    /// Returns the way to a workspace's hub where one lives; none is started.
    #[cfg(unix)]
    pub fn living(places: &Places, workspace: &Workspace) -> Result<Self, ConnectError> {
        let attach = Attach { launch: None, ..attach_to(places, workspace)? };
        let make_host: MakeHost = Arc::new(|| anyhow::bail!("no hub is started here"));
        Ok(Self::new(Engine::Hub, Ok(attach), make_host))
    }

    /// Connects and greets.
    pub(super) async fn open(&self) -> Result<Client, ConnectError> {
        // A hub may be leaving just when it is reached; then the next one is right.
        match self.greet().await {
            Err(ConnectError::Rpc(RpcError::Lost(_))) => self.greet().await,
            other => other,
        }
    }

    async fn greet(&self) -> Result<Client, ConnectError> {
        let stream = self.stream().await?;
        match tokio::time::timeout(GREETING, Client::over(stream)).await {
            Ok(client) => Ok(client?),
            Err(_) => Err(ConnectError::Silent { seconds: GREETING.as_secs() }),
        }
    }

    /// Connects, without a greeting: the language server protocol can begin.
    pub async fn stream(&self) -> Result<Box<dyn Stream>, ConnectError> {
        #[cfg(unix)]
        match (self.engine, &self.attach) {
            (Engine::InProc, _) => {}
            (Engine::Auto, Err(err)) => tracing::warn!("The hub runs in this process: {err}."),
            (Engine::Hub, Err(err)) => return Err(ConnectError::Runtime(err.to_string())),
            (Engine::Auto | Engine::Hub, Ok(attach)) => return Ok(Box::new(attach.attach().await?)),
        }
        #[cfg(not(unix))]
        if self.engine == Engine::Hub {
            return Err(ConnectError::NotHere);
        }
        self.in_process().await
    }

    /// Ends the hub of this process, where there is one.
    pub async fn close(&self) {
        if let Some(host) = self.host.lock().await.take() {
            host.close().await;
        }
    }

    async fn in_process(&self) -> Result<Box<dyn Stream>, ConnectError> {
        let mut slot = self.host.lock().await;
        let host = if let Some(host) = slot.take() {
            host
        } else {
            let make = Arc::clone(&self.make_host);
            let made = tokio::task::spawn_blocking(move || make()).await;
            let made = made.unwrap_or_else(|err| Err(anyhow::Error::new(err)));
            made.map_err(|err| ConnectError::InProcess(format!("{err:#}")))?
        };
        let host = slot.insert(host);
        host.ready().await;
        Ok(Box::new(host.connect(&peer::user_name())))
    }
}

#[cfg(unix)]
fn attach_to(places: &Places, workspace: &Workspace) -> Result<Attach, PlacesError> {
    let names = Names::of(places, workspace)?;
    let launch = std::env::current_exe().ok().map(|program| {
        let args = [OsString::from("hub"), "run".into(), workspace.root.clone().into_os_string()];
        (program, args.to_vec())
    });
    Ok(Attach { names, launch, timeout: attach::TIMEOUT })
}
