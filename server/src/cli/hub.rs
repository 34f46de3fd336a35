//! `callboard hub`: being a workspace's hub, asking after it, ending it.
//!
//! Gives values; how they are shown is the command line's.

use std::{path::Path, time::Duration};

use tokio::time::Instant;

use crate::{
    client::{
        Client, RpcError,
        target::{ConnectError, Target},
    },
    config::{Places, Workspace},
    host::{Ending, Host, compose::compose},
    ipc::{
        attach::{AttachError, READY, tell_starter},
        endpoint::Claim,
        lock::{self, Life},
        runtime::Names,
    },
    protocol::{HubStatus, Nothing, method},
};

/// How long a hub that was killed may take to be gone.
const KILLED: Duration = Duration::from_secs(10);

/// Runs the hub of the workspace whose root is `root` until it is to end, and returns the process's exit code.
///
/// Whoever starts it reads its standard output for `ready` or for the reason why not.
pub async fn serve(places: &Places, root: &Path) -> i32 {
    // Fails only where this process leads a group already, as when a person runs it by hand; then it stays where it is.
    let _ = rustix::process::setsid();
    match be_the_hub(places, root).await {
        Ok(Ending::Failed) => 70,
        Ok(Ending::Asked | Ending::Idle | Ending::Signal) => 0,
        Err(err) => {
            tracing::error!("The hub did not start: {err:#}.");
            let _ = tell_starter(&format!("{err:#}")).await;
            1
        }
    }
}

async fn be_the_hub(places: &Places, root: &Path) -> anyhow::Result<Ending> {
    let workspace = Workspace::at(root)?;
    let names = Names::of(places, &workspace)?;
    // The lock first: what a second hub would touch before it had it, it would touch under the first one's feet.
    let claim = Claim::take(names)?;
    if let Err(err) = crate::process::reaper::adopt_orphans() {
        tracing::warn!(%err, "Orphans of agents can't be adopted; one that leaves its session is not seen as an agent's.");
    }
    let composed = {
        let (places, workspace) = (places.clone(), workspace.clone());
        tokio::task::spawn_blocking(move || compose(&places, &workspace, false)).await??
    };
    let host = Host::start(composed.parts)?;
    host.ready().await;
    let endpoint = claim.publish(&workspace.root.to_string_lossy())?;
    tracing::info!(root = %workspace.root.display(), version = env!("CARGO_PKG_VERSION"), "The hub is ready.");
    tell_starter(READY).await?;
    host.serve(endpoint, composed.idle).await
}

/// Returns what the workspace's hub says of itself, or `None` where none lives. Starts none.
pub async fn status(places: &Places, workspace: &Workspace) -> Result<Option<HubStatus>, ConnectError> {
    let Some(client) = living(places, workspace).await? else { return Ok(None) };
    let status = client.request(method::HUB_STATUS, Nothing::default()).await?;
    client.close().await;
    Ok(Some(status))
}

/// How a hub was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// None lived.
    NoneLived,
    /// It ended in order.
    InOrder,
    /// It was killed; what it had answered is in the journal.
    Killed(u32),
}

/// Ends the workspace's hub: in order, or with `kill` by force where it does not answer. Runs go on when the next one starts.
pub async fn stop(places: &Places, workspace: &Workspace, kill: bool) -> Result<Stopped, ConnectError> {
    let names = Names::of(places, workspace)?;
    let asked = match living(places, workspace).await {
        Ok(None) => return Ok(Stopped::NoneLived),
        Ok(Some(client)) => client.stop_hub().await.map_err(ConnectError::from),
        Err(err) => Err(err),
    };
    match asked {
        // A hub that ends while it is asked to has ended.
        Ok(()) | Err(ConnectError::Rpc(RpcError::Lost(_))) => {
            until_dead(&names).await?;
            Ok(Stopped::InOrder)
        }
        Err(ConnectError::Attach(AttachError::Hung { .. } | AttachError::Token { .. })) if kill => {
            kill_holder(&names).await
        }
        Err(err) => Err(err),
    }
}

async fn living(places: &Places, workspace: &Workspace) -> Result<Option<Client>, ConnectError> {
    match Client::connect_to(Target::living(places, workspace)?).await {
        Ok(client) => Ok(Some(client)),
        Err(ConnectError::Attach(AttachError::NotRunning)) => Ok(None),
        Err(err) => Err(err),
    }
}

/// Kills the process that holds the lock, and only that: its pid is written by the holder, and believed while it is held.
async fn kill_holder(names: &Names) -> Result<Stopped, ConnectError> {
    let io = |why| AttachError::Io { path: names.lock().display().to_string(), why };
    let Life::Alive(Some(pid)) = lock::life(names).map_err(io)? else { return Ok(Stopped::NoneLived) };
    let raw = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let Some(process) = raw else { return Ok(Stopped::NoneLived) };
    rustix::process::kill_process(process, rustix::process::Signal::KILL).map_err(|err| io(err.into()))?;
    until_dead(names).await?;
    Ok(Stopped::Killed(pid))
}

async fn until_dead(names: &Names) -> Result<(), ConnectError> {
    let io = |why| AttachError::Io { path: names.lock().display().to_string(), why };
    if lock::until_dead(names, Instant::now() + KILLED).await.map_err(io)? {
        return Ok(());
    }
    let pid = match lock::life(names) {
        Ok(Life::Alive(pid)) => pid,
        _ => None,
    };
    Err(AttachError::Hung { pid, seconds: KILLED.as_secs() }.into())
}
