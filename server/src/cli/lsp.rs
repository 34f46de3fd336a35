//! `callboard lsp`: the language server on standard input and output, a thin proxy to the workspace's hub.
//!
//! It answers the editor's `initialize` and `shutdown` itself, so neither waits for a hub; everything else is passed on. Closing the
//! editor closes a connection and no run. Each root of the editor has a hub, behind the one session (`roots.rs`). Invariant:
//! nothing but the hubs' frames, and what the proxy says for itself, goes to standard output, each frame whole (`out.rs`).

use std::path::{Path, PathBuf};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
};

use crate::{
    client::target::Engine,
    config::{Places, Workspace},
    lsp::{
        frame::FrameReader,
        greeting::{First, first},
        root::{
            OpenFolder, Passing, address, as_own, changed_folders, first_folder, heard, more_folders, passing, refusal,
            root_of,
        },
        roots::Goes,
    },
};

mod out;
mod roots;

use out::Out;
use roots::Hubs;

/// The editor ended the session as the protocol says.
pub const OK: i32 = 0;
/// The editor left without `shutdown`, or there is no workspace.
pub const FAILED: i32 = 1;
/// What the editor sent can't be read.
pub const UNREADABLE: i32 = 70;
/// The hub was lost, or none could be reached.
pub const LOST: i32 = 75;

/// What ended the session other than the editor's goodbye, as an exit code. The first one counts.
type End = watch::Sender<Option<i32>>;

fn ends(end: &End, code: i32) {
    end.send_if_modified(|it| it.is_none() && it.replace(code).is_none());
}

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
    let end: End = watch::Sender::new(None);
    let (out, writing) = out::start(editor_out, end.clone());
    let code = session(FrameReader::new(editor_in), out, end, places, root, engine).await;
    writing.finish().await;
    code
}

async fn session<R: AsyncRead + Unpin>(
    mut frames: FrameReader<R>,
    out: Out,
    end: End,
    places: &Places,
    root: Option<&Path>,
    engine: Engine,
) -> i32 {
    // Until it is greeted an editor gets nothing but that; it is the proxy's to say so, as no hub is asked yet.
    let (greeting, wishes, answer) = loop {
        let body = match frames.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return FAILED,
            Err(fault) => return refuse(&out, b"", &fault.to_string(), UNREADABLE).await,
        };
        if passing(&body) == Passing::Exit {
            return FAILED;
        }
        match first(&body) {
            First::Greeting(wishes, answer) => break (body, wishes, answer),
            First::Refused(Some(answer)) => drop(out.say(answer).await),
            First::Refused(None) => {}
        }
    };
    let folder = root.map(Path::to_owned).or_else(|| root_of(&greeting)).or_else(|| std::env::current_dir().ok());
    let folder = folder.unwrap_or_else(|| PathBuf::from("."));
    let workspace = match Workspace::find(&folder) {
        Ok(workspace) => workspace,
        Err(err) => return refuse(&out, &greeting, &err.to_string(), FAILED).await,
    };
    if !out.say(answer).await {
        return FAILED;
    }
    let uri = first_folder(&greeting).map_or_else(|| address(&folder), |it| it.uri);
    // A folder that is said on the command line is the one to work in, whatever the editor has open.
    let more = if root.is_none() { more_folders(&greeting) } else { Vec::new() };
    let mut ended = end.subscribe();
    let mut hubs = Hubs::new(places, engine, greeting, *wishes, out.clone(), end);
    hubs.add_workspace(workspace, OpenFolder { uri, path: folder });
    hubs.change(more, Vec::new()).await;

    let mut goodbye = Goodbye::default();
    let code = tokio::select! {
        code = talk(&mut frames, &mut hubs, &out, root.is_none(), &mut goodbye) => code,
        end = ended.wait_for(Option::is_some) => end.ok().and_then(|it| *it).unwrap_or(FAILED),
    };
    let have_none = hubs.have_none();
    // The hubs answer what they were asked, end the session and close.
    hubs.finish().await;
    let was_lost = *ended.borrow_and_update() == Some(LOST);
    let code = match code {
        // An editor that said goodbye does not care which of its hubs went first.
        LOST | FAILED if goodbye.shutdown => OK,
        // It left because there was no hub, or no longer one; after `exit` they go by themselves.
        FAILED if have_none || was_lost && !goodbye.exit => LOST,
        code => code,
    };
    if code == LOST {
        tracing::error!("No hub, or one was lost; restart the language server to reach the next one.");
    }
    code
}

/// How far the editor is with its goodbye.
#[derive(Default)]
struct Goodbye {
    shutdown: bool,
    exit: bool,
}

/// Passes on what the editor sends until it leaves, and returns the exit code that this has by itself.
async fn talk<R: AsyncRead + Unpin>(
    frames: &mut FrameReader<R>,
    hubs: &mut Hubs,
    out: &Out,
    follows_folders: bool,
    goodbye: &mut Goodbye,
) -> i32 {
    loop {
        let body = match frames.next().await {
            Ok(Some(body)) => body,
            Ok(None) => return if goodbye.shutdown { OK } else { FAILED },
            Err(fault) => return refuse(out, b"", &fault.to_string(), UNREADABLE).await,
        };
        match passing(&body) {
            Passing::Folders if follows_folders => {
                let (added, removed) = changed_folders(&body);
                hubs.change(added, removed).await;
                continue;
            }
            // It is the session that ends, so its answer waits for no hub; the hubs hear of it as of all else. A second
            // one is what they make of it.
            Passing::Shutdown if !goodbye.shutdown => {
                goodbye.shutdown = true;
                hubs.send_to_all(&as_own(&body)).await;
                if let Some(answer) = heard(&body) {
                    out.say(answer).await;
                }
                continue;
            }
            Passing::Exit => {
                goodbye.exit = true;
                hubs.send_to_all(&body).await;
                return if goodbye.shutdown { OK } else { FAILED };
            }
            Passing::Initialized => hubs.initialized(),
            Passing::Shutdown | Passing::Folders | Passing::Other => {}
        }
        match hubs.goes(body) {
            Goes::To(root, body) => hubs.send(root, body).await,
            Goes::All(body) => hubs.send_to_all(&body).await,
            Goes::Nowhere(Some(answer)) => drop(out.say(answer).await),
            Goes::Nowhere(None) => {}
        }
    }
}

/// Says to the editor, as the answer to `request` where that is one, and to the log why there is no session.
async fn refuse(out: &Out, request: &[u8], why: &str, code: i32) -> i32 {
    tracing::error!("{why}.");
    out.say(refusal(request, why)).await;
    code
}
