//! The hubs of an editor's roots: each attached by a task of its own, so that none holds up the editor or another.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncWriteExt as _, ReadHalf, WriteHalf},
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use super::{End, LOST, Out, ends};
use crate::{
    client::target::{ConnectError, Engine, GREETING, Stream, Target},
    config::{Places, Workspace},
    lsp::{
        frame::{FrameReader, frame},
        root::{OpenFolder, as_own, has_id, initialize_for, message, own_answer, own_request, refusal},
        roots::{Goes, Roots},
        wishes::Wishes,
    },
};

/// How many frames may wait for a hub; an editor that is faster waits.
const QUEUE: usize = 1024;

/// How many roots a session has at most.
const MOST: usize = 32;

/// How long what a hub still answers is waited for at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a hub that is still starting is waited for at the end, so that what it was sent reaches it.
const LEAVE: Duration = Duration::from_secs(10);

const INITIALIZED: &[u8] = br#"{"jsonrpc":"2.0","method":"initialized","params":{}}"#;

/// What the session's parts share of its roots.
type Known = Arc<Mutex<Roots>>;

/// Takes the roots. Never held over an await.
fn lock(known: &Known) -> MutexGuard<'_, Roots> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hubs of a session's roots.
pub struct Hubs {
    places: Places,
    engine: Engine,
    out: Out,
    known: Known,
    /// The editor's `initialize`, with which the hub of each root is greeted.
    greeting: Vec<u8>,
    wishes: Wishes,
    /// Whether the editor said that it is ready; a hub that is attached later has to be told.
    is_ready: bool,
    /// By number: the workspace's root, and the way to its hub. One that is gone has none.
    all: Vec<(PathBuf, Option<Way>)>,
    end: End,
}

struct Way {
    frames: mpsc::Sender<Vec<u8>>,
    target: Arc<Target>,
    task: JoinHandle<()>,
}

impl Hubs {
    /// Makes it, with no root.
    pub fn new(places: &Places, engine: Engine, greeting: Vec<u8>, wishes: Wishes, out: Out, end: End) -> Self {
        Self {
            places: places.clone(),
            engine,
            out,
            known: Known::default(),
            greeting,
            wishes,
            is_ready: false,
            all: Vec::new(),
            end,
        }
    }

    /// Says where a message of the editor goes.
    pub fn goes(&self, body: Vec<u8>) -> Goes {
        let mut known = lock(&self.known);
        if known.is_plain() { Goes::To(0, body) } else { known.goes(&body) }
    }

    /// The editor said that it is ready.
    pub fn initialized(&mut self) {
        self.is_ready = true;
    }

    /// Returns whether there are roots and none has a hub.
    pub fn have_none(&self) -> bool {
        lock(&self.known).have_no_hub()
    }

    /// Takes in which folders came and which went.
    pub async fn change(&mut self, added: Vec<OpenFolder>, removed: Vec<OpenFolder>) {
        for folder in removed {
            self.remove(&folder).await;
        }
        for folder in added {
            match Workspace::find(&folder.path) {
                Ok(workspace) => self.add_workspace(workspace, folder),
                Err(err) => tracing::warn!(%err, "A folder of the editor is left out."),
            }
        }
    }

    async fn remove(&mut self, folder: &OpenFolder) {
        let (root, taken_back) = {
            let mut known = lock(&self.known);
            let Some(root) = known.around(&folder.uri) else {
                tracing::info!(folder.uri, "A folder that went was no root's; nothing changes.");
                return;
            };
            let Some(taken_back) = known.narrow(root, &folder.uri) else { return };
            (root, taken_back)
        };
        // Its hub sees the end of its input, and lets the session go; its runs go on.
        if let Some(it) = self.all.get_mut(root) {
            *it = (PathBuf::new(), None);
        }
        // What it has shown is in the queue before these: it is said where it is noted, under the lock.
        for body in taken_back {
            self.out.say(body).await;
        }
        if self.wishes.pulls {
            self.out.say(own_request("workspace/diagnostic/refresh")).await;
        }
        if self.wishes.refresh_lenses {
            self.out.say(own_request("workspace/codeLens/refresh")).await;
        }
    }

    /// Adds a workspace that the editor has open by this folder.
    pub fn add_workspace(&mut self, workspace: Workspace, folder: OpenFolder) {
        if let Some(root) = self.all.iter().position(|it| it.0 == workspace.root) {
            lock(&self.known).widen(root, folder);
            return;
        }
        if self.all.iter().filter(|it| it.1.is_some()).count() >= MOST {
            tracing::warn!(folder.uri, "The editor has too many folders; this one is left out.");
            return;
        }
        let own = vec![workspace.root.clone(), self.places.documents_dir(&workspace)];
        let number = lock(&self.known).add(folder.clone(), own);
        // The first is greeted as the editor greets; what that asks of all files at once it asks of one hub alone.
        let greeting = if number == 0 { as_own(&self.greeting) } else { initialize_for(&self.greeting, &folder) };
        let (frames, queue) = mpsc::channel(QUEUE);
        if self.is_ready {
            // An empty queue takes it.
            let _ = frames.try_send(INITIALIZED.to_vec());
        }
        let target = Arc::new(Target::of(&self.places, &workspace, self.engine));
        let attending = Attending {
            number,
            target: Arc::clone(&target),
            greeting,
            out: self.out.clone(),
            known: Arc::clone(&self.known),
            end: self.end.clone(),
        };
        let task = tokio::spawn(attending.run(queue));
        self.all.push((workspace.root, Some(Way { frames, target, task })));
    }

    /// Sends a frame to a root's hub.
    pub async fn send(&self, root: usize, body: Vec<u8>) {
        if let Some((_, Some(way))) = self.all.get(root) {
            // One that takes no more is lost, and says so itself.
            let _ = way.frames.send(body).await;
        }
    }

    /// Sends what all are told.
    pub async fn send_to_all(&self, body: &[u8]) {
        for root in 0..self.all.len() {
            self.send(root, body.to_vec()).await;
        }
    }

    /// Lets all of them go, and waits a little for what they still answer.
    pub async fn finish(mut self) {
        let ways: Vec<_> = self.all.drain(..).filter_map(|it| it.1).collect();
        let (tasks, targets): (Vec<_>, Vec<_>) = ways.into_iter().map(|it| (it.task, it.target)).unzip();
        let deadline = Instant::now() + LEAVE;
        for mut task in tasks {
            if timeout_at(deadline, &mut task).await.is_err() {
                task.abort();
                let _ = task.await;
            }
        }
        for target in targets {
            target.close().await;
        }
    }
}

/// The task of one root.
struct Attending {
    number: usize,
    target: Arc<Target>,
    greeting: Vec<u8>,
    out: Out,
    known: Known,
    end: End,
}

/// A hub that has greeted.
struct Hub {
    frames: FrameReader<ReadHalf<Box<dyn Stream>>>,
    input: WriteHalf<Box<dyn Stream>>,
}

impl Attending {
    /// What the editor sends waits in the queue until the hub has greeted.
    async fn run(self, mut queue: mpsc::Receiver<Vec<u8>>) {
        let Hub { mut frames, mut input } = match self.greeted().await {
            Ok(hub) => hub,
            Err(why) => return self.without(&why, queue).await,
        };
        let up = async {
            while let Some(body) = queue.recv().await {
                if input.write_all(&frame(&body)).await.is_err() {
                    return false;
                }
            }
            input.shutdown().await.is_ok()
        };
        let down = async {
            while let Ok(Some(body)) = frames.next().await {
                let Some(place) = self.out.place().await else { return };
                let mut known = lock(&self.known);
                if let Some(body) = known.comes(self.number, body) {
                    place.send(body);
                }
            }
        };
        let (mut up, mut down) = (std::pin::pin!(up), std::pin::pin!(down));
        // The hub's end is looked at first: one that comes before ours is a loss.
        let is_lost = tokio::select! {
            biased;
            () = &mut down => true,
            in_order = &mut up => {
                let _ = timeout(PATIENCE, &mut down).await;
                !in_order
            }
        };
        if is_lost {
            ends(&self.end, LOST);
        }
        self.target.close().await;
    }

    /// Reaches the hub and greets it. Says why where that is in vain.
    async fn greeted(&self) -> Result<Hub, String> {
        // A hub may be leaving just when it is reached; then the next one is right.
        for _ in 0..2 {
            let stream = self.target.stream().await.map_err(|err| err.to_string())?;
            match timeout(GREETING, self.greet(stream)).await {
                Ok(Some(greeted)) => return greeted,
                Ok(None) => {}
                Err(_) => return Err(ConnectError::Silent { seconds: GREETING.as_secs() }.to_string()),
            }
        }
        Err("the hub was lost before it greeted".to_owned())
    }

    /// Returns `None` where the hub is lost meanwhile.
    async fn greet(&self, stream: Box<dyn Stream>) -> Option<Result<Hub, String>> {
        let (from_hub, mut input) = tokio::io::split(stream);
        let mut frames = FrameReader::new(from_hub);
        input.write_all(&frame(&self.greeting)).await.ok()?;
        loop {
            // Nothing else is said before it, and what was answered is what the editor has had.
            let body = frames.next().await.ok()??;
            match own_answer(&body) {
                Some(None) => return Some(Ok(Hub { frames, input })),
                Some(Some(why)) => return Some(Err(why)),
                None => {}
            }
        }
    }

    /// Answers for a root that has no hub, so that the others go on.
    async fn without(self, why: &str, mut queue: mpsc::Receiver<Vec<u8>>) {
        let name = {
            let mut known = lock(&self.known);
            known.has_no_hub(self.number);
            known.are_several().then(|| known.name(self.number).to_owned())
        };
        tracing::error!(name, "{why}.");
        let name = name.map_or_else(String::new, |it| format!("[{it}] "));
        self.out.say(message(&format!("{name}{why}; restart the language server to try again"))).await;
        while let Some(body) = queue.recv().await {
            if has_id(&body) {
                self.out.say(refusal(&body, why)).await;
            }
        }
    }
}
