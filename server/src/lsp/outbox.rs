//! The outbox: what goes to a client, taken at once and written by a task of its own.
//!
//! tower-lsp waits for its writer with channels that reach back to its reader, so a client that does not read would stop
//! everything, and a failed write would panic. Invariant: writing here is always ready and never fails; a client that
//! leaves too much unread, or is closed, is *gone*, and its session ends.

use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{Notify, watch},
    task::JoinHandle,
};

/// How many bytes a client may leave unread before it is gone. One frame more may stand behind them.
pub const MAX_QUEUED: usize = 16 * 1024 * 1024;

/// Feeds wait until no more than this many bytes are queued, and skip what was between.
pub const LOW_WATER: usize = 256 * 1024;

/// How many bytes are written at once.
const BATCH: usize = 256 * 1024;

/// A handle on a client's outbox. Clones are cheap.
#[derive(Clone)]
pub struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    work: Notify,
    space: Notify,
    gone: watch::Sender<Option<String>>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Vec<u8>>>,
    bytes: usize,
    closed: bool,
}

impl Outbox {
    /// Starts the task that writes to `writer`.
    pub fn start<W: AsyncWrite + Send + Unpin + 'static>(writer: W) -> (Self, JoinHandle<()>) {
        let inner = Arc::new(Inner {
            state: Mutex::default(),
            work: Notify::new(),
            space: Notify::new(),
            gone: watch::Sender::new(None),
        });
        let outbox = Self { inner };
        let task = tokio::spawn(outbox.clone().write_out(writer));
        (outbox, task)
    }

    /// Takes whole frames over. After the client is gone they are dropped.
    pub fn push(&self, frames: Arc<Vec<u8>>) {
        let mut state = self.state();
        if state.closed || self.is_gone() {
            return;
        }
        if state.bytes > MAX_QUEUED {
            drop(state);
            self.lose(format!("it left more than {} MiB unread", MAX_QUEUED / (1024 * 1024)));
            return;
        }
        state.bytes += frames.len();
        state.queue.push_back(frames);
        drop(state);
        self.inner.work.notify_one();
    }

    /// Waits until the client has read most of what it was sent, or is gone.
    pub async fn drained(&self) {
        loop {
            let mut notified = std::pin::pin!(self.inner.space.notified());
            notified.as_mut().enable();
            if self.state().bytes <= LOW_WATER || self.is_gone() {
                return;
            }
            notified.await;
        }
    }

    /// Waits until the client is gone and returns why.
    pub async fn gone(&self) -> String {
        let mut gone = self.inner.gone.subscribe();
        let why = gone.wait_for(Option::is_some).await.map(|it| it.clone());
        why.ok().flatten().unwrap_or_default()
    }

    /// Takes no more, waits at most `patience` until what is queued is written, then lets the client go.
    pub async fn finish(&self, writer: JoinHandle<()>, patience: Duration) {
        self.state().closed = true;
        self.inner.work.notify_one();
        let abort = writer.abort_handle();
        if tokio::time::timeout(patience, writer).await.is_err() {
            abort.abort();
        }
        self.lose("the session is over".to_owned());
    }

    fn is_gone(&self) -> bool {
        self.inner.gone.borrow().is_some()
    }

    fn lose(&self, why: String) {
        let mut state = self.state();
        state.queue.clear();
        state.bytes = 0;
        drop(state);
        self.inner.gone.send_if_modified(|gone| gone.is_none() && gone.replace(why).is_none());
        self.inner.work.notify_one();
        self.inner.space.notify_waiters();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what may be written at once into `batch`; returns whether more may come.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = self.state();
        while let Some(frames) = state.queue.front() {
            if !batch.is_empty() && batch.len() + frames.len() > BATCH {
                break;
            }
            batch.extend_from_slice(frames);
            state.queue.pop_front();
        }
        (!batch.is_empty() || !state.closed) && !self.is_gone()
    }

    async fn write_out<W: AsyncWrite + Unpin>(self, mut writer: W) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            if batch.is_empty() {
                self.inner.work.notified().await;
                continue;
            }
            let written = async {
                writer.write_all(&batch).await?;
                writer.flush().await
            };
            // A client that stops reading is waited for here, and only here, until it is gone for another reason.
            let result = tokio::select! {
                result = written => result,
                _ = self.gone() => return,
            };
            if let Err(err) = result {
                self.lose(format!("it can't be written to: {err}"));
                return;
            }
            let mut state = self.state();
            state.bytes = state.bytes.saturating_sub(batch.len());
            drop(state);
            self.inner.space.notify_waiters();
            batch.clear();
            if batch.capacity() > 4 * BATCH {
                batch = Vec::new();
            }
        }
        let _ = writer.shutdown().await;
    }
}

impl AsyncWrite for Outbox {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.push(Arc::new(bytes.to_vec()));
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
