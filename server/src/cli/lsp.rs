//! `callboard lsp`: the language server on standard input and output, a thin proxy to the workspace's hub.
//!
//! It finds the workspace in the editor's `initialize`, attaches, and copies frames. Closing the editor closes a connection
//! and no run. Invariant: nothing but the hub's bytes, and the answer to a frame that can't be read, goes to standard output.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    sync::Mutex,
};

use crate::{
    client::target::{Engine, Target},
    config::{Places, Workspace},
    lsp::{
        frame::{FrameReader, frame},
        root::{Passing, passing, refusal, root_of},
    },
};

/// The editor ended the session as the protocol says.
pub const OK: i32 = 0;
/// The editor left without `shutdown`, or there is no workspace.
pub const FAILED: i32 = 1;
/// What the editor sent can't be read.
pub const UNREADABLE: i32 = 70;
/// The hub was lost, or none could be reached.
pub const LOST: i32 = 75;

/// How far the editor is with its goodbye.
const TALKING: u8 = 0;
const SHUT_DOWN: u8 = 1;
const EXITED: u8 = 2;

/// Serves the editor on standard input and output, and returns the process's exit code. The caller must end the process with
/// it: a read of standard input can't be cancelled. `root` is the folder to work in where the editor names none.
pub async fn run(places: &Places, root: Option<&Path>, engine: Engine) -> i32 {
    serve(tokio::io::stdin(), tokio::io::stdout(), places, root, engine).await
}

/// The same over any streams.
pub async fn serve<R, W>(editor_in: R, editor_out: W, places: &Places, root: Option<&Path>, engine: Engine) -> i32
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    let mut frames = FrameReader::new(editor_in);
    let editor_out = Arc::new(Mutex::new(editor_out));
    let first = match frames.next().await {
        Ok(Some(first)) => first,
        Ok(None) => return FAILED,
        Err(fault) => return refuse(&editor_out, b"", &fault.to_string(), UNREADABLE).await,
    };
    if passing(&first) == Passing::Exit {
        return FAILED;
    }
    let folder = root.map(Path::to_owned).or_else(|| root_of(&first)).or_else(|| std::env::current_dir().ok());
    let workspace = match Workspace::find(&folder.unwrap_or_else(|| PathBuf::from("."))) {
        Ok(workspace) => workspace,
        Err(err) => return refuse(&editor_out, &first, &err.to_string(), FAILED).await,
    };
    let target = Target::of(places, &workspace, engine);
    let (mut from_hub, mut to_hub) = match target.stream().await {
        Ok(stream) => tokio::io::split(stream),
        Err(err) => return refuse(&editor_out, &first, &err.to_string(), LOST).await,
    };
    if to_hub.write_all(&frame(&first)).await.is_err() {
        return refuse(&editor_out, &first, "the hub was lost; restart the language server", LOST).await;
    }

    let goodbye = AtomicU8::new(TALKING);
    let up = async {
        let code = loop {
            let body = match frames.next().await {
                Ok(Some(body)) => body,
                Ok(None) => break if goodbye.load(Ordering::SeqCst) == SHUT_DOWN { OK } else { FAILED },
                Err(fault) => {
                    break refuse(&editor_out, b"", &fault.to_string(), UNREADABLE).await;
                }
            };
            let what = passing(&body);
            let sent = to_hub.write_all(&frame(&body)).await;
            match what {
                Passing::Shutdown => goodbye.store(SHUT_DOWN, Ordering::SeqCst),
                Passing::Exit => {
                    let before = goodbye.swap(EXITED, Ordering::SeqCst);
                    break if before == SHUT_DOWN { OK } else { FAILED };
                }
                Passing::Other => {}
            }
            if sent.is_err() {
                break LOST;
            }
        };
        // The hub answers what it was asked, ends the session and closes.
        let _ = to_hub.shutdown().await;
        code
    };
    let down = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match tokio::io::AsyncReadExt::read(&mut from_hub, &mut buffer).await {
                Ok(0) | Err(_) => break LOST,
                Ok(read) => {
                    let mut out = editor_out.lock().await;
                    // An editor that closed its side but goes on sending is waited for: its end comes with its input's.
                    if out.write_all(&buffer[..read]).await.is_err() || out.flush().await.is_err() {
                        break FAILED;
                    }
                }
            }
        }
    };
    let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
    let code = tokio::select! {
        code = &mut up => {
            // What the hub still answers belongs to the editor, so its end is waited for, a little.
            let _ = tokio::time::timeout(std::time::Duration::from_secs(2), &mut down).await;
            code
        }
        code = &mut down => if goodbye.load(Ordering::SeqCst) == TALKING { code } else { OK },
    };
    target.close().await;
    if code == LOST {
        tracing::error!("The hub was lost; restart the language server to reach the next one.");
    }
    code
}

/// Says to the editor, as the answer to `request` where that is one, and to the log why there is no session.
async fn refuse<W: AsyncWrite + Unpin>(editor_out: &Mutex<W>, request: &[u8], why: &str, code: i32) -> i32 {
    tracing::error!("{why}.");
    let mut out = editor_out.lock().await;
    let _ = out.write_all(&frame(&refusal(request, why))).await;
    let _ = out.flush().await;
    code
}
