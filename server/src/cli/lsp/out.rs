//! What goes to the editor: several write, one at a time, each frame whole.
//!
//! One task has the stream, so nobody who is dropped while it waits leaves half a frame behind.

use std::time::Duration;

use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinHandle,
};

use super::{End, FAILED};
use crate::lsp::frame::frame;

/// How many messages may wait for an editor. Few, since one may be long: who has more waits, and the hub behind lets go of an
/// editor that does not read.
const QUEUE: usize = 4;

/// How much is written at once.
const BATCH: usize = 64 * 1024;

/// How long what is left is written for at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// The way to the editor.
#[derive(Clone)]
pub struct Out(mpsc::Sender<Vec<u8>>);

/// A place in the queue.
pub type Place<'a> = mpsc::Permit<'a, Vec<u8>>;

impl Out {
    /// Says something, and returns whether the editor still hears.
    pub async fn say(&self, body: Vec<u8>) -> bool {
        self.0.send(body).await.is_ok()
    }

    /// Waits until something can be said at once; `None` where the editor hears no more.
    pub async fn place(&self) -> Option<Place<'_>> {
        self.0.reserve().await.ok()
    }
}

/// The task that writes.
pub struct Writing(JoinHandle<()>);

impl Writing {
    /// Waits until all is written, where the editor reads. Nobody may hold an [`Out`] any more.
    pub async fn finish(self) {
        let _ = tokio::time::timeout(PATIENCE, self.0).await;
    }
}

/// Begins to write.
pub fn start<W: AsyncWrite + Unpin + Send + 'static>(editor_out: W, end: End) -> (Out, Writing) {
    let (sender, bodies) = mpsc::channel(QUEUE);
    (Out(sender), Writing(tokio::spawn(write(editor_out, bodies, end))))
}

async fn write<W: AsyncWrite + Unpin>(mut editor_out: W, mut bodies: mpsc::Receiver<Vec<u8>>, end: End) {
    while let Some(body) = bodies.recv().await {
        let mut bytes = frame(&body);
        while bytes.len() < BATCH
            && let Ok(body) = bodies.try_recv()
        {
            bytes.extend(frame(&body));
        }
        if editor_out.write_all(&bytes).await.is_err() || editor_out.flush().await.is_err() {
            super::ends(&end, FAILED);
            return;
        }
    }
}
