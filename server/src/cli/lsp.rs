//! `callboard lsp`: the language server on standard input and output, a thin proxy to the workspace's hub.
//!
//! It finds the workspace in the editor's `initialize`, attaches, and passes frames on. Closing the editor closes a connection
//! and no run. An editor with several folders has a hub for each root, behind the one session (`roots.rs`). Invariant: nothing
//! but the hubs' frames, and the answer to a frame that can't be read, goes to standard output, each frame whole.

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
        root::{Passing, changed_folders, more_folders, passing, refusal, root_of},
        roots::Goes,
    },
};

mod roots;

use roots::Others;

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

/// What goes to the editor, a frame at a time.
pub(super) type Out<W> = Arc<Mutex<W>>;

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
    let folder = folder.unwrap_or_else(|| PathBuf::from("."));
    let workspace = match Workspace::find(&folder) {
        Ok(workspace) => workspace,
        Err(err) => return refuse(&editor_out, &first, &err.to_string(), FAILED).await,
    };
    let target = Target::of(places, &workspace, engine);
    let (from_hub, mut to_hub) = match target.stream().await {
        Ok(stream) => tokio::io::split(stream),
        Err(err) => return refuse(&editor_out, &first, &err.to_string(), LOST).await,
    };
    if to_hub.write_all(&frame(&first)).await.is_err() {
        return refuse(&editor_out, &first, "the hub was lost; restart the language server", LOST).await;
    }
    // A folder that is said on the command line is the one to work in, whatever the editor has open.
    let more = if root.is_none() { more_folders(&first) } else { Vec::new() };
    let mut others = Others::new(places, engine, &workspace, &folder, first, Arc::clone(&editor_out));
    others.change(more, Vec::new());

    let goodbye = AtomicU8::new(TALKING);
    let (known, mut lost) = (others.known(), others.lost());
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
            if what == Passing::Folders && root.is_none() {
                let (added, removed) = changed_folders(&body);
                others.change(added, removed);
                continue;
            }
            let sent = if others.are_there() {
                match others.goes(&body) {
                    Goes::To(0, body) => to_hub.write_all(&frame(&body)).await,
                    Goes::To(root, body) => {
                        others.send(root, body).await;
                        Ok(())
                    }
                    Goes::All(body) => {
                        others.send_to_all(&body).await;
                        to_hub.write_all(&frame(&body)).await
                    }
                    Goes::Nowhere(answer) => {
                        if let Some(answer) = answer {
                            put(&editor_out, &answer).await;
                        }
                        Ok(())
                    }
                }
            } else {
                to_hub.write_all(&frame(&body)).await
            };
            match what {
                Passing::Shutdown => goodbye.store(SHUT_DOWN, Ordering::SeqCst),
                Passing::Exit => {
                    let before = goodbye.swap(EXITED, Ordering::SeqCst);
                    break if before == SHUT_DOWN { OK } else { FAILED };
                }
                Passing::Folders | Passing::Other => {}
            }
            if sent.is_err() {
                break LOST;
            }
        };
        // The hubs answer what they were asked, end the session and close.
        let _ = to_hub.shutdown().await;
        others.finish().await;
        code
    };
    let down = async {
        let mut frames = FrameReader::new(from_hub);
        loop {
            let Ok(Some(body)) = frames.next().await else { break LOST };
            let body = roots::lock(&known).comes(0, body);
            // An editor that closed its side but goes on sending is waited for: its end comes with its input's.
            if let Some(body) = body
                && !put(&editor_out, &body).await
            {
                break FAILED;
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
        _ = lost.wait_for(|it| *it) => if goodbye.load(Ordering::SeqCst) == TALKING { LOST } else { OK },
    };
    target.close().await;
    if code == LOST {
        tracing::error!("A hub was lost; restart the language server to reach the next one.");
    }
    code
}

/// Gives the editor a frame. Returns whether it took it.
pub(super) async fn put<W: AsyncWrite + Unpin>(editor_out: &Mutex<W>, body: &[u8]) -> bool {
    let mut out = editor_out.lock().await;
    out.write_all(&frame(body)).await.is_ok() && out.flush().await.is_ok()
}

/// Says to the editor, as the answer to `request` where that is one, and to the log why there is no session.
async fn refuse<W: AsyncWrite + Unpin>(editor_out: &Mutex<W>, request: &[u8], why: &str, code: i32) -> i32 {
    tracing::error!("{why}.");
    put(editor_out, &refusal(request, why)).await;
    code
}
