//! One client's session, from its first byte to its end.
//!
//! Frames are read and checked here before tower-lsp sees them. Invariant: a session ends with a reason in the log, ends
//! alone, and never takes the hub or another session with it.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, DuplexStream},
    sync::watch,
    task::JoinHandle,
};
use tower_lsp::{ClientSocket, LanguageServer, LspService, Server, jsonrpc::Response};

use crate::{
    hub::event::Actor,
    lsp::{
        backend,
        editor::Editor,
        frame::{FrameReader, frame},
        outbound,
        outbox::Outbox,
        shared::Shared,
        transport::{Guard, check, unreadable},
    },
};

/// How many requests of one client may be going on. At tower-lsp's own 4, four that wait would stop everything.
const CONCURRENCY: usize = 4096;

/// How long what a client is still owed may take when its session ends.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The client said `exit`.
    Exit,
    /// The client closed its side.
    Closed,
    /// The client sent bytes after which no frame can be found.
    Unreadable(String),
    /// The client can't be written to, or does not read.
    Gone(String),
    /// The hub's process is ending.
    Stopped,
    /// The transport failed; this is a fault of Callboard.
    Failed,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit => f.write_str("the client said exit"),
            Self::Closed => f.write_str("the client closed its side"),
            Self::Unreadable(why) => write!(f, "the client can't be read: {why}"),
            Self::Gone(why) => write!(f, "the client is gone: {why}"),
            Self::Stopped => f.write_str("the hub is ending"),
            Self::Failed => f.write_str("the transport failed"),
        }
    }
}

/// Serves one client until its session ends, and returns why it did.
pub async fn serve<R, W>(shared: Arc<Shared>, actor: Actor, reader: R, writer: W) -> End
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let entered = shared.enter();
    let (outbox, writing) = Outbox::start(writer);
    let (subscribe, wanted) = watch::channel(None);
    let outbound = AbortOnDrop(tokio::spawn(outbound::run(Arc::clone(&shared), wanted, outbox.clone())));

    let (service, socket) = backend::service(Arc::clone(&shared), actor.clone(), subscribe, outbox.clone());
    let editor = Leaving(Arc::clone(&service.inner().editor));
    let end = run(service, socket, reader, &outbox, shared.stopped(), || editor.0.hang_up()).await;
    drop((outbound, editor));
    outbox.finish(writing, PATIENCE).await;
    drop(entered);
    match &end {
        End::Unreadable(_) | End::Gone(_) | End::Failed => tracing::warn!(?actor, "A session ended: {end}."),
        End::Exit | End::Closed | End::Stopped => tracing::info!(?actor, "A session ended: {end}."),
    }
    end
}

/// Runs tower-lsp behind its repairs until the client's side, or `stopped`, ends it. `hang_up` has what is held back for the
/// client answered.
pub(super) async fn run<S: LanguageServer>(
    service: LspService<S>,
    socket: ClientSocket,
    reader: impl AsyncRead + Unpin,
    outbox: &Outbox,
    stopped: impl Future<Output = ()>,
    hang_up: impl FnOnce(),
) -> End {
    let (guard, mut exited) = Guard::new(service);
    let (checked, tower_input) = tokio::io::duplex(64 * 1024);
    let server = Server::new(tower_input, outbox.clone(), socket).concurrency_level(CONCURRENCY);
    let mut serving = AbortOnDrop(tokio::spawn(server.serve(guard)));
    let end = tokio::select! {
        end = pump(reader, checked, outbox) => end,
        _ = exited.wait_for(|it| *it) => End::Exit,
        why = outbox.gone() => End::Gone(why),
        () = stopped => End::Stopped,
        _ = &mut serving.0 => End::Failed,
    };
    hang_up();
    // The pump is dropped by now, so tower-lsp sees the end of its input, answers what is going on, and ends.
    if !matches!(end, End::Failed | End::Gone(_)) {
        let _ = tokio::time::timeout(PATIENCE, &mut serving.0).await;
    }
    end
}

/// Passes on what tower-lsp can take and answers the rest.
async fn pump<R: AsyncRead + Unpin>(reader: R, mut checked: DuplexStream, outbox: &Outbox) -> End {
    let mut frames = FrameReader::new(reader);
    loop {
        match frames.next().await {
            Ok(Some(body)) => match check(&body) {
                Ok(()) => {
                    // Fails only where tower-lsp's side has ended, and then `serving` has too.
                    if checked.write_all(&frame(&body)).await.is_err() {
                        return End::Failed;
                    }
                }
                Err(answer) => send(outbox, &answer),
            },
            Ok(None) => return End::Closed,
            Err(fault) => {
                let why = fault.to_string();
                send(outbox, &unreadable(&why));
                return End::Unreadable(why);
            }
        }
    }
}

fn send(outbox: &Outbox, answer: &Response) {
    if let Ok(body) = serde_json::to_vec(answer) {
        outbox.push(Arc::new(frame(&body)));
    }
}

/// An editor whose buffers and questions do not outlive its session.
struct Leaving(Arc<Editor>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}

/// A task that does not outlive its session.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
