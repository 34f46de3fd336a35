//! The hubs of an editor's other roots: each attached by a task of its own, so that none holds up the first or another.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncWrite, AsyncWriteExt as _},
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{Out, put};
use crate::{
    client::target::{Engine, Target},
    config::{Places, Workspace},
    lsp::{
        frame::{FrameReader, frame},
        root::{OpenFolder, address, as_own, first_folder, has_id, initialize_for, message, refusal},
        roots::{Goes, Roots},
    },
};

/// How many frames may wait for a hub; an editor that is faster waits.
const QUEUE: usize = 1024;

/// How many roots a session has at most.
const MOST: usize = 32;

/// How long what a hub still answers is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the session's parts share of its roots.
pub type Known = Arc<Mutex<Roots>>;

/// Takes the roots. Never held over an await.
pub fn lock(known: &Known) -> MutexGuard<'_, Roots> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The other roots of a session.
pub struct Others<W> {
    places: Places,
    engine: Engine,
    out: Out<W>,
    known: Known,
    /// The editor's `initialize`, with which the hub of each root is greeted.
    greeting: Vec<u8>,
    /// By number: the workspace's root, and the way to its hub. The first has none here.
    all: Vec<(PathBuf, Option<Way>)>,
    lost: watch::Sender<bool>,
}

struct Way {
    frames: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl<W: AsyncWrite + Unpin + Send + 'static> Others<W> {
    /// Makes it, with the first root alone.
    pub fn new(
        places: &Places,
        engine: Engine,
        workspace: &Workspace,
        folder: &Path,
        greeting: Vec<u8>,
        out: Out<W>,
    ) -> Self {
        let mut roots = Roots::default();
        let uri = first_folder(&greeting).map_or_else(|| address(folder), |it| it.uri);
        roots.add(&uri, folders(places, workspace, folder));
        Self {
            places: places.clone(),
            engine,
            out,
            known: Arc::new(Mutex::new(roots)),
            greeting,
            all: vec![(workspace.root.clone(), None)],
            lost: watch::Sender::new(false),
        }
    }

    /// Returns what is known of the roots.
    pub fn known(&self) -> Known {
        Arc::clone(&self.known)
    }

    /// Returns what turns true when the hub of another root is lost.
    pub fn lost(&self) -> watch::Receiver<bool> {
        self.lost.subscribe()
    }

    /// Returns whether there are any.
    pub fn are_there(&self) -> bool {
        self.all.len() > 1
    }

    /// Says where a message of the editor goes.
    pub fn goes(&self, body: &[u8]) -> Goes {
        lock(&self.known).goes(body)
    }

    /// Takes in which folders came and which went. The first root stays: the session is with it.
    pub fn change(&mut self, added: Vec<OpenFolder>, removed: Vec<OpenFolder>) {
        for folder in removed {
            let found = lock(&self.known).named(&folder.uri);
            match found.filter(|it| *it > 0) {
                Some(root) => {
                    lock(&self.known).remove(root);
                    // Its hub sees the end of its input, and lets the session go; its runs go on.
                    if let Some(it) = self.all.get_mut(root) {
                        *it = (PathBuf::new(), None);
                    }
                }
                None => {
                    tracing::info!(folder.uri, "A folder that went was the first root's, or none; nothing changes.");
                }
            }
        }
        for folder in added {
            self.add(&folder);
        }
    }

    fn add(&mut self, folder: &OpenFolder) {
        let workspace = match Workspace::find(&folder.path) {
            Ok(workspace) => workspace,
            Err(err) => {
                tracing::warn!(%err, "A folder of the editor is left out.");
                return;
            }
        };
        if let Some(root) = self.all.iter().position(|it| it.0 == workspace.root) {
            lock(&self.known).widen(root, folder.path.clone());
            return;
        }
        if self.all.len() >= MOST {
            tracing::warn!(folder.uri, "The editor has too many folders; this one is left out.");
            return;
        }
        let number = lock(&self.known).add(&folder.uri, folders(&self.places, &workspace, &folder.path));
        let (frames, queue) = mpsc::channel(QUEUE);
        let attending = Attending {
            number,
            target: Target::of(&self.places, &workspace, self.engine),
            greeting: initialize_for(&self.greeting, folder),
            out: Arc::clone(&self.out),
            known: Arc::clone(&self.known),
            lost: self.lost.clone(),
        };
        let task = tokio::spawn(attending.run(queue));
        self.all.push((workspace.root, Some(Way { frames, task })));
    }

    /// Sends a frame to a root's hub.
    pub async fn send(&self, root: usize, body: Vec<u8>) {
        if let Some((_, Some(way))) = self.all.get(root) {
            let _ = way.frames.send(body).await;
        }
    }

    /// Sends what all are told.
    pub async fn send_to_all(&self, body: &[u8]) {
        let body = as_own(body);
        for (_, way) in &self.all {
            if let Some(way) = way {
                let _ = way.frames.send(body.clone()).await;
            }
        }
    }

    /// Lets all of them go, and waits a little for what they still answer.
    pub async fn finish(&mut self) {
        let tasks: Vec<_> = self.all.drain(..).filter_map(|it| Some(it.1?.task)).collect();
        for task in tasks {
            let _ = tokio::time::timeout(2 * PATIENCE, task).await;
        }
    }
}

/// Returns the folders whose files are a root's: the one that the editor names, the workspace's own, and its documents.
fn folders(places: &Places, workspace: &Workspace, folder: &Path) -> Vec<PathBuf> {
    vec![folder.to_owned(), workspace.root.clone(), places.documents_dir(workspace)]
}

/// The task of one root.
struct Attending<W> {
    number: usize,
    target: Target,
    greeting: Vec<u8>,
    out: Out<W>,
    known: Known,
    lost: watch::Sender<bool>,
}

impl<W: AsyncWrite + Unpin> Attending<W> {
    async fn run(self, mut queue: mpsc::Receiver<Vec<u8>>) {
        let (from_hub, mut to_hub) = match self.target.stream().await {
            Ok(stream) => tokio::io::split(stream),
            Err(err) => return self.without(&err.to_string(), queue).await,
        };
        let mut frames = FrameReader::new(from_hub);
        let mut greeted = to_hub.write_all(&frame(&self.greeting)).await.is_ok();
        // What the editor sends waits until the hub has greeted, as it does with the first.
        while greeted {
            match frames.next().await {
                Ok(Some(body)) => match self.comes(body) {
                    Some(body) => greeted = put(&self.out, &body).await,
                    None => break,
                },
                _ => greeted = false,
            }
        }
        if !greeted {
            return self.without("its hub did not greet", queue).await;
        }
        let up = async {
            while let Some(body) = queue.recv().await {
                if to_hub.write_all(&frame(&body)).await.is_err() {
                    return;
                }
            }
            let _ = to_hub.shutdown().await;
        };
        let down = async {
            while let Ok(Some(body)) = frames.next().await {
                if let Some(body) = self.comes(body) {
                    put(&self.out, &body).await;
                }
            }
        };
        let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
        tokio::select! {
            () = &mut up => drop(tokio::time::timeout(PATIENCE, &mut down).await),
            () = &mut down => drop(self.lost.send_replace(true)),
        }
        self.target.close().await;
    }

    fn comes(&self, body: Vec<u8>) -> Option<Vec<u8>> {
        lock(&self.known).comes(self.number, body)
    }

    /// Answers for a root that has no hub, so that the others go on.
    async fn without(self, why: &str, mut queue: mpsc::Receiver<Vec<u8>>) {
        let name = lock(&self.known).name(self.number).to_owned();
        tracing::error!(name, "{why}.");
        put(&self.out, &message(&format!("[{name}] {why}"))).await;
        while let Some(body) = queue.recv().await {
            if has_id(&body) {
                put(&self.out, &refusal(&body, why)).await;
            }
        }
    }
}
