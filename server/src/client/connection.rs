//! JSON-RPC over one stream: requests out, answers and feeds in.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, oneshot, watch},
};

use crate::{
    client::{RpcError, feeds::Feeds},
    lsp::frame::{FrameReader, frame},
    protocol::{ErrorData, Feed, REFUSED, TerminalFrame, method},
};

/// How many messages may wait to be written; a caller that is faster waits.
const QUEUE: usize = 1024;

type Answer = Result<Value, RpcError>;

/// A frame, or the end.
type Outgoing = Option<Vec<u8>>;

/// One connection. It ends when the last handle is dropped.
pub struct Connection {
    outgoing: mpsc::Sender<Outgoing>,
    pending: Arc<Mutex<Pending>>,
    feeds: Feeds,
    frames: Frames,
    lost: watch::Receiver<Option<String>>,
    written: watch::Receiver<bool>,
}

/// Where frames of a terminal go, where somebody wants them.
type Frames = Arc<Mutex<Option<mpsc::Sender<TerminalFrame>>>>;

/// How many frames wait to be drawn. Each is a change of the one before, so none is left out: the hub waits then.
const FRAMES: usize = 16;

/// The requests that wait for an answer.
#[derive(Default)]
struct Pending {
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Answer>>,
    lost: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    id: Option<Value>,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    result: Option<Value>,
    error: Option<ErrorBody>,
}

#[derive(Deserialize)]
struct ErrorBody {
    code: i64,
    message: String,
    #[serde(default)]
    data: Value,
}

impl Connection {
    /// Starts the tasks that read and write.
    pub fn start<R, W>(reader: R, writer: W) -> Arc<Self>
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        let (outgoing, queue) = mpsc::channel(QUEUE);
        let pending = Arc::new(Mutex::default());
        let feeds = Feeds::new();
        let (lost_sender, lost) = watch::channel(None);
        let (written_sender, written) = watch::channel(false);
        tokio::spawn(write(writer, queue, written_sender));
        let answer_to = outgoing.downgrade();
        let frames = Frames::default();
        let ends = Ends { feeds: feeds.clone(), frames: Arc::clone(&frames), lost: lost_sender, answer_to };
        tokio::spawn(read(reader, Arc::clone(&pending), ends));
        Arc::new(Self { outgoing, pending, feeds, frames, lost, written })
    }

    /// Sends a request and waits for its answer.
    pub async fn request(&self, method: &str, params: Value) -> Answer {
        let (sender, receiver) = oneshot::channel();
        let id = {
            let mut pending = lock(&self.pending);
            if let Some(why) = &pending.lost {
                return Err(RpcError::Lost(why.clone()));
            }
            pending.next += 1;
            let id = pending.next;
            pending.waiting.insert(id, sender);
            id
        };
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        let _forget = Forget { pending: &self.pending, id };
        self.send(&message).await;
        receiver.await.unwrap_or_else(|_| Err(RpcError::Lost("the connection ended".to_owned())))
    }

    /// Sends a notification.
    pub async fn notify(&self, method: &str, params: Value) {
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message).await;
    }

    /// Returns the reading end of the feed.
    pub fn feeds(&self) -> Feeds {
        self.feeds.clone()
    }

    /// Returns where the frames of terminals come from now on. Whoever asks must take them: the connection waits for that.
    pub fn frames(&self) -> mpsc::Receiver<TerminalFrame> {
        let (sender, receiver) = mpsc::channel(FRAMES);
        *self.frames.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }

    /// Waits until the other side is lost and returns why.
    pub async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        let why = lost.wait_for(Option::is_some).await.map(|it| it.clone());
        why.ok().flatten().unwrap_or_else(|| "the connection ended".to_owned())
    }

    /// Waits until all that was sent is written, and closes this side.
    pub async fn finish(&self) {
        let _ = self.outgoing.send(None).await;
        let _ = self.written.clone().wait_for(|it| *it).await;
    }

    /// After the end it goes nowhere, and the reading side says so to whoever waits.
    async fn send(&self, message: &Value) {
        let _ = self.outgoing.send(Some(frame(message.to_string().as_bytes()))).await;
    }
}

/// Forgets a request whose caller went away.
struct Forget<'a> {
    pending: &'a Mutex<Pending>,
    id: u64,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        lock(self.pending).waiting.remove(&self.id);
    }
}

fn lock(pending: &Mutex<Pending>) -> MutexGuard<'_, Pending> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: W,
    mut queue: mpsc::Receiver<Outgoing>,
    written: watch::Sender<bool>,
) {
    while let Some(Some(bytes)) = queue.recv().await {
        if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
            // The reading side sees the end too and says so.
            break;
        }
    }
    let _ = writer.shutdown().await;
    written.send_replace(true);
}

/// Where what is read goes.
struct Ends {
    feeds: Feeds,
    frames: Frames,
    lost: watch::Sender<Option<String>>,
    answer_to: mpsc::WeakSender<Outgoing>,
}

async fn read<R: AsyncRead + Unpin>(reader: R, pending: Arc<Mutex<Pending>>, ends: Ends) {
    let Ends { feeds, frames: drawn, lost, answer_to } = ends;
    let mut frames = FrameReader::new(reader);
    let why = loop {
        match frames.next().await {
            Ok(Some(body)) => match serde_json::from_slice::<Message>(&body) {
                Ok(message) if message.method.as_deref() == Some(method::TERMINAL_FRAME) => {
                    let to = drawn.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    if let (Some(to), Ok(frame)) = (to, serde_json::from_value(message.params)) {
                        let _ = to.send(frame).await;
                    }
                }
                Ok(message) => take(message, &pending, &feeds, &answer_to),
                Err(err) => break format!("it sent what is no message: {err}"),
            },
            Ok(None) => break "it closed the connection".to_owned(),
            Err(fault) => break fault.to_string(),
        }
    };
    let waiting = {
        let mut pending = lock(&pending);
        pending.lost = Some(why.clone());
        std::mem::take(&mut pending.waiting)
    };
    for sender in waiting.into_values() {
        let _ = sender.send(Err(RpcError::Lost(why.clone())));
    }
    feeds.close();
    *drawn.lock().unwrap_or_else(PoisonError::into_inner) = None;
    lost.send_replace(Some(why));
}

fn take(message: Message, pending: &Mutex<Pending>, feeds: &Feeds, answer_to: &mpsc::WeakSender<Outgoing>) {
    match (message.method.as_deref(), message.id) {
        (Some(method::FEED), _) => match serde_json::from_value::<Feed>(message.params) {
            Ok(feed) => feeds.push(feed),
            Err(err) => tracing::warn!(%err, "A feed can't be read; is the hub newer?"),
        },
        // A request to us: this client has nothing to give, and says so, since the hub may wait.
        (Some(_), Some(id)) => {
            let error = json!({ "code": -32601, "message": "this client answers no requests" });
            let answer = json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string();
            if let Some(outgoing) = answer_to.upgrade() {
                let _ = outgoing.try_send(Some(frame(answer.as_bytes())));
            }
        }
        (Some(_), None) => {}
        (None, id) => {
            let Some(id) = id.as_ref().and_then(Value::as_u64) else { return };
            let Some(sender) = lock(pending).waiting.remove(&id) else { return };
            let answer = match message.error {
                Some(error) => Err(error_of(error)),
                None => Ok(message.result.unwrap_or_default()),
            };
            let _ = sender.send(answer);
        }
    }
}

fn error_of(error: ErrorBody) -> RpcError {
    match serde_json::from_value::<ErrorData>(error.data) {
        Ok(data) if error.code == REFUSED => RpcError::Refused { code: data.code, message: error.message },
        _ => RpcError::Failed { code: error.code, message: error.message },
    }
}
