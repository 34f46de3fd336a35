//! The client's side: connects to a workspace's hub, and starts one where none lives.

use std::{
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::Instant,
};

use crate::{
    ipc::{
        lock::{Life, SpawnLock, life},
        peer,
        preamble::{Token, Welcome, introduce},
        runtime::Names,
        watch::FolderWatch,
    },
    protocol::PROTOCOL,
};

/// How long attaching may take.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// What a hub that was just started says on its standard output when it can be connected to.
pub const READY: &str = "ready";

/// A hub's log is begun anew when it is larger, in bytes.
const MAX_LOG: u64 = 4 * 1024 * 1024;

/// Why there is no connection to a hub.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// None runs, and none was to be started.
    #[error("no hub runs for this workspace")]
    NotRunning,
    /// One lives and does not answer.
    #[error(
        "the hub{} does not answer since {seconds} seconds; wait and try again, or end it with `callboard hub stop --kill` \
         (what is in its journal stays)", pid_of(*.pid)
    )]
    Hung {
        /// Its process, where it is known.
        pid: Option<u32>,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A hub of another version lives.
    #[error(
        "a hub{} of another Callboard runs for this workspace: it speaks protocol {theirs} and this one {PROTOCOL}; \
         end that one with its own `callboard hub stop`, or use its version", pid_of(*.pid)
    )]
    OtherProtocol {
        /// What it speaks.
        theirs: u32,
        /// Its process, where it is known.
        pid: Option<u32>,
    },
    /// The hub refused the token.
    #[error("the hub does not know the token in {path}; end it with `callboard hub stop --kill` and try again")]
    Token {
        /// Its file.
        path: String,
    },
    /// What listens there is another user's.
    #[error("what listens at {path} belongs to user {uid}; nothing was sent to it; remove the folder that it is in")]
    Foreign {
        /// The socket.
        path: String,
        /// Whose it is.
        uid: u32,
    },
    /// The hub takes no more clients.
    #[error("the hub has as many clients as it takes; close one and try again")]
    Full,
    /// A hub was started and did not come up.
    #[error("the hub did not start: {why} (its log is {log})")]
    Start {
        /// What it said, or what the system said.
        why: String,
        /// Where it logs.
        log: String,
    },
    /// The system refused something.
    #[error("{path} can't be used: {why}")]
    Io {
        /// What.
        path: String,
        /// What the system said.
        why: io::Error,
    },
}

fn pid_of(pid: Option<u32>) -> String {
    pid.map_or(String::new(), |it| format!(" (pid {it})"))
}

/// How to find a hub and how to start one.
#[derive(Debug, Clone)]
pub struct Attach {
    /// Its files.
    pub names: Names,
    /// The program and its arguments that make a hub; without it none is started.
    pub launch: Option<(PathBuf, Vec<OsString>)>,
    /// How long all of it may take.
    pub timeout: Duration,
}

/// What one try came to.
enum Try {
    There(UnixStream),
    NotThere,
}

impl Attach {
    /// Returns a connection on which the language server protocol can begin.
    ///
    /// Invariant: never starts a second hub beside a living one, however long that one is silent.
    pub async fn attach(&self) -> Result<UnixStream, AttachError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            // The watch is there before the look, so that no change falls between the two.
            let watch = FolderWatch::new(self.names.dir()).map_err(|err| self.io(err))?;
            if let Try::There(stream) = self.connect(deadline).await? {
                return Ok(stream);
            }
            match (self.life()?, &self.launch) {
                (Life::Dead, None) => return Err(AttachError::NotRunning),
                _ if Instant::now() >= deadline => return Err(self.hung()),
                (Life::Dead, Some(_)) => {
                    if let Try::There(stream) = self.start(deadline).await? {
                        return Ok(stream);
                    }
                }
                // It is starting, ending, or putting its socket back.
                (Life::Alive(_), _) => self.pause(watch, deadline).await,
            }
        }
    }

    /// Tries once to connect and to be let in.
    async fn connect(&self, deadline: Instant) -> Result<Try, AttachError> {
        let path = self.names.socket();
        let mut stream = match UnixStream::connect(&path).await {
            Ok(stream) => stream,
            Err(err) => {
                return match err.kind() {
                    // The last three: it died while it was connected to.
                    ErrorKind::NotFound
                    | ErrorKind::ConnectionRefused
                    | ErrorKind::WouldBlock
                    | ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe => Ok(Try::NotThere),
                    _ => Err(self.io(err)),
                };
            }
        };
        let uid = stream.peer_cred().map_err(|err| self.io(err))?.uid();
        if uid != peer::uid() {
            return Err(AttachError::Foreign { path: path.display().to_string(), uid });
        }
        let token = match Token::read(&self.names.token()) {
            Ok(token) => token,
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(Try::NotThere),
            Err(err) => return Err(self.io(err)),
        };
        match tokio::time::timeout_at(deadline, introduce(&mut stream, &token)).await {
            Ok(Ok(Welcome::Ok)) => Ok(Try::There(stream)),
            // The hub may have been replaced between the connection and the token.
            Ok(Ok(Welcome::BadToken)) if Token::read(&self.names.token()).is_ok_and(|it| it != token) => {
                Ok(Try::NotThere)
            }
            Ok(Ok(Welcome::BadToken)) => Err(AttachError::Token { path: self.names.token().display().to_string() }),
            Ok(Ok(Welcome::OtherVersion(theirs))) => Err(AttachError::OtherProtocol { theirs, pid: self.pid() }),
            Ok(Ok(Welcome::Full)) => Err(AttachError::Full),
            // It went away, or was replaced, while it was talked to.
            Ok(Err(_)) => Ok(Try::NotThere),
            Err(_) => Err(self.hung()),
        }
    }

    /// Starts a hub, alone among all clients that want one, and connects to it.
    async fn start(&self, deadline: Instant) -> Result<Try, AttachError> {
        let spawning = SpawnLock::wait(&self.names, deadline).await.map_err(|err| self.io(err))?;
        let Some(_spawning) = spawning else { return Err(self.hung()) };
        // Whoever held the lock before may have started one.
        if let Try::There(stream) = self.connect(deadline).await? {
            return Ok(Try::There(stream));
        }
        if self.life()? != Life::Dead {
            return Ok(Try::NotThere);
        }
        for (theirs, names) in self.names.of_other_protocols() {
            if let Ok(Life::Alive(pid)) = life(&names) {
                return Err(AttachError::OtherProtocol { theirs, pid });
            }
        }
        self.launch(deadline).await?;
        self.connect(deadline).await
    }

    /// Runs the program that makes a hub and waits until it is ready or has said why not.
    async fn launch(&self, deadline: Instant) -> Result<(), AttachError> {
        let Some((program, args)) = &self.launch else { return Ok(()) };
        let log = self.names.log();
        let failed = |why: String| AttachError::Start { why, log: log.display().to_string() };
        let stderr = open_log(&log).map_err(|err| failed(err.to_string()))?;
        let mut child = tokio::process::Command::new(program)
            .args(args)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(|err| failed(format!("{} can't be run: {err}", program.display())))?;
        let mut said = String::new();
        if let Some(stdout) = child.stdout.take() {
            let heard = tokio::time::timeout_at(deadline, stdout.take(4096).read_to_string(&mut said)).await;
            if heard.is_err() {
                return Err(AttachError::Hung { pid: child.id(), seconds: self.timeout.as_secs() });
            }
        }
        match said.trim() {
            READY => Ok(()),
            "" => {
                let status = tokio::time::timeout_at(deadline, child.wait()).await;
                let status = status.map_or_else(
                    |_| "no exit".to_owned(),
                    |it| it.map_or_else(|err| err.to_string(), |it| it.to_string()),
                );
                Err(failed(format!("it ended without a word ({status})")))
            }
            why => Err(failed(why.to_owned())),
        }
    }

    /// Waits a little for a change. A hub's end is no change in the folder, so the wait is short.
    async fn pause(&self, mut watch: FolderWatch, deadline: Instant) {
        let until = deadline.min(Instant::now() + Duration::from_millis(100));
        let _ = tokio::time::timeout_at(until, watch.changed()).await;
    }

    fn life(&self) -> Result<Life, AttachError> {
        life(&self.names).map_err(|err| self.io(err))
    }

    fn pid(&self) -> Option<u32> {
        match life(&self.names) {
            Ok(Life::Alive(pid)) => pid,
            _ => None,
        }
    }

    fn hung(&self) -> AttachError {
        AttachError::Hung { pid: self.pid(), seconds: self.timeout.as_secs() }
    }

    fn io(&self, why: io::Error) -> AttachError {
        AttachError::Io { path: self.names.dir().display().to_string(), why }
    }
}

fn open_log(path: &std::path::Path) -> io::Result<fs::File> {
    let long = fs::metadata(path).is_ok_and(|it| it.len() > MAX_LOG);
    let mut options = fs::OpenOptions::new();
    options.create(true).mode(0o600);
    if long {
        options.write(true).truncate(true)
    } else {
        options.append(true)
    };
    options.open(path)
}

/// Says on standard output that the hub can be connected to, or why it can't, and closes it.
///
/// Whoever started the hub waits for just that. Afterwards standard output leads where the log goes.
pub async fn tell_starter(word: &str) -> io::Result<()> {
    let mut stdout = tokio::io::stdout();
    // The starter may be gone, and the hub is wanted all the same.
    let _ = stdout.write_all(format!("{word}\n").as_bytes()).await;
    let _ = stdout.flush().await;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(())
}
