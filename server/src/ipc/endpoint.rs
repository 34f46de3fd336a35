//! The hub's side: its lock, its socket, and the door at which clients are let in.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use tokio::net::{UnixListener, UnixStream};

use crate::{
    hub::event::Actor,
    ipc::{
        lock::{HubLock, LockError},
        peer,
        preamble::{self, Token, Welcome},
        runtime::Names,
        watch::FolderWatch,
    },
    protocol::PROTOCOL,
};

/// How long after a failure to put the socket back it is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a hub can't be reached by clients.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// Another one lives.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The socket can't be made.
    #[error("the socket {path} can't be made: {why}")]
    Socket {
        /// Where.
        path: String,
        /// What the system said.
        why: io::Error,
    },
}

/// A hub's right to its names, before it can be reached.
pub struct Claim {
    names: Names,
    lock: HubLock,
}

impl Claim {
    /// Takes the hub's lock.
    pub fn take(names: Names) -> Result<Self, LockError> {
        let lock = HubLock::take(&names)?;
        Ok(Self { names, lock })
    }

    /// Makes the hub reachable. The socket appears under its name only when it can be connected to.
    pub fn publish(self, workspace: &str) -> Result<Endpoint, EndpointError> {
        let Self { names, lock } = self;
        let failed = |why| EndpointError::Socket { path: names.socket().display().to_string(), why };
        let door = Arc::new(Door { token: Token::new().map_err(failed)?, user: peer::user_name() });
        let watch = FolderWatch::new(names.dir()).map_err(failed)?;
        let info = serde_json::json!({
            "protocol": PROTOCOL,
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "workspace": workspace,
        });
        let info = format!("{info}\n");
        let bound = bind(&names, door.token.as_bytes(), info.as_bytes()).map_err(failed)?;
        Ok(Endpoint { names, lock, door, watch, info, bound, broken: false })
    }
}

/// A hub's socket. It is put back when somebody removes it.
pub struct Endpoint {
    names: Names,
    lock: HubLock,
    door: Arc<Door>,
    watch: FolderWatch,
    info: String,
    bound: Bound,
    /// Whether putting things back failed the last time.
    broken: bool,
}

/// A listener and which file it is.
struct Bound {
    listener: UnixListener,
    file: (u64, u64),
}

impl Endpoint {
    /// Waits for a client. It is not let in yet: that is `Door::let_in`, which may take a while and needs nobody to wait.
    pub async fn accept(&mut self) -> UnixStream {
        loop {
            tokio::select! {
                accepted = self.bound.listener.accept() => match accepted {
                    Ok((stream, _)) => return stream,
                    Err(err) => {
                        // Too many open files, most likely: without a breath this would spin.
                        tracing::warn!(%err, "A connection could not be accepted.");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
                changed = self.watch.changed(), if !self.broken => self.look(changed),
                // Whatever hinders it may go away without an event, as another hub does that was started meanwhile.
                () = tokio::time::sleep(AGAIN), if self.broken => self.look(Ok(())),
            }
        }
    }

    /// Returns the door, for the tasks that let clients in.
    pub fn door(&self) -> Arc<Door> {
        Arc::clone(&self.door)
    }

    /// Takes the socket and its token away and returns the lock, which the hub holds until it has ended.
    pub fn withdraw(self) -> HubLock {
        if self.is_in_place() {
            for path in [self.names.socket(), self.names.token(), self.names.info()] {
                let _ = fs::remove_file(path);
            }
        }
        self.lock
    }

    fn look(&mut self, changed: io::Result<()>) {
        let restored = changed.and_then(|()| self.restore());
        self.broken = restored.is_err();
        if let Err(err) = restored {
            tracing::error!(%err, "The socket could not be put back yet; connected clients are served on.");
        }
    }

    fn is_in_place(&self) -> bool {
        id_of(&self.names.socket()).is_ok_and(|it| it == self.bound.file)
    }

    /// Puts back what is missing of the folder, the lock, the token and the socket.
    ///
    /// The lock is ours as long as this process lives, so whatever stands at these names is not another hub's.
    fn restore(&mut self) -> io::Result<()> {
        let token = fs::read(self.names.token()).is_ok_and(|it| it == self.door.token.as_bytes());
        if token && self.is_in_place() && self.lock.is_in_place(&self.names) {
            return Ok(());
        }
        self.names.restore_dir()?;
        self.watch = FolderWatch::new(self.names.dir())?;
        if !self.lock.is_in_place(&self.names) {
            self.lock = HubLock::take(&self.names).map_err(io::Error::other)?;
        }
        // Who connected to the old socket and was not accepted yet sees it close, and connects again.
        self.bound = bind(&self.names, self.door.token.as_bytes(), self.info.as_bytes())?;
        tracing::warn!("The socket had been removed; it was put back.");
        Ok(())
    }
}

/// Lets clients in.
pub struct Door {
    token: Token,
    user: String,
}

/// Who was let in.
pub enum Guest<T> {
    /// A client, with who it is.
    Client(Actor),
    /// A program with a token of another kind, with what that token stands for.
    Holder(T),
}

impl Door {
    /// Checks who a client is and whether it may come in; answers it. Returns who it is, or why it stays outside. A token that
    /// is not the hub's own is shown to `other`, with who the kernel says the program is.
    pub async fn let_in<T>(
        &self,
        stream: &mut UnixStream,
        full: bool,
        other: impl FnOnce(&[u8], &Actor) -> Option<T>,
    ) -> io::Result<Guest<T>> {
        let credentials = stream.peer_cred()?;
        if credentials.uid() != peer::uid() {
            return Err(io::Error::other(format!("user {} is not let in", credentials.uid())));
        }
        let pid = credentials.pid().and_then(|it| u32::try_from(it).ok());
        let actor = peer::actor_of(pid, std::process::id(), &self.user);
        let other = |token: &[u8]| other(token, &actor);
        let (welcome, held) = preamble::welcome_or(stream, &self.token, full, preamble::DEADLINE, other).await?;
        match welcome {
            Welcome::Ok => {}
            Welcome::BadToken => return Err(io::Error::other("its token is wrong")),
            Welcome::OtherVersion(_) => return Err(io::Error::other("it speaks another protocol")),
            Welcome::Full => return Err(io::Error::other("there are as many clients as can be")),
        }
        Ok(held.map_or(Guest::Client(actor), Guest::Holder))
    }
}

/// Writes the token, then binds to a temporary name, closes it to others, and gives it its name.
fn bind(names: &Names, token: &[u8], info: &[u8]) -> io::Result<Bound> {
    replace(&names.token(), token)?;
    replace(&names.info(), info)?;
    let (new, path) = (names.new_socket(), names.socket());
    match fs::remove_file(&new) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    fs::set_permissions(&new, fs::Permissions::from_mode(0o600))?;
    let file = id_of(&new)?;
    fs::rename(&new, &path)?;
    Ok(Bound { listener, file })
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("tmp");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    io::Write::write_all(&mut options.open(&new)?, bytes)?;
    fs::rename(&new, path)
}

fn id_of(path: &Path) -> io::Result<(u64, u64)> {
    let found = fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
}
