//! `callboard mcp`: the program that an agent starts for Callboard's tools. It carries bytes between stdio and the hub.
//!
//! Small on purpose, since each agent has one: it understands no message, unless the hub does not let it in. Then it says why to
//! each request, so that the agent's model reads a sentence and not that a server failed.

use std::{
    io::{self, BufRead as _, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    agent::tools::{PASS, SOCKET},
    ipc::{
        preamble::{Token, Welcome, introduce_blocking},
        watch::FolderWatch,
    },
};

/// How long a hub that is just starting is waited for: an agent may be faster than the hub's socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one read takes at most, in bytes.
const CHUNK: usize = 16 * 1024;

/// What a thread that copies bytes needs to stand on.
const STACK: usize = 64 * 1024;

/// Runs until either side ends, and returns the process's exit code.
pub fn run() -> i32 {
    match connect() {
        Ok(stream) => carry(&stream),
        Err(why) => refuse(&why),
    }
}

fn connect() -> Result<UnixStream, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let (Some(socket), Some(token)) = (variable(SOCKET), variable(PASS)) else {
        return Err(format!(
            "`callboard mcp` is started by an agent that Callboard runs: {SOCKET} and {PASS} are not set here"
        ));
    };
    let token = Token::parse(&token).ok_or_else(|| format!("{PASS} holds no pass; leave it as Callboard set it"))?;
    let socket = PathBuf::from(socket);
    let failed = |why: io::Error| format!("the hub can't be reached at {}: {why}", socket.display());
    let mut stream = match UnixStream::connect(&socket) {
        Ok(stream) => stream,
        Err(_) => wait_for(&socket).map_err(failed)?,
    };
    match introduce_blocking(&mut stream, &token).map_err(failed)? {
        Welcome::Ok => Ok(stream),
        Welcome::BadToken => {
            Err("this pass is not valid: the turn or the program that it was made for is over, or it was \
                                  used by another program than that agent's"
                .to_owned())
        }
        Welcome::OtherVersion(theirs) => {
            Err(format!("the hub is of another Callboard, which speaks protocol {theirs}; use its version"))
        }
        Welcome::Full => Err("the hub has as many connections as it takes; close one".to_owned()),
    }
}

/// Waits for a hub that is not there yet. Only this needs a runtime, and it is seldom needed.
fn wait_for(socket: &Path) -> io::Result<UnixStream> {
    let deadline = Instant::now() + PATIENCE;
    let folder = socket.parent().ok_or_else(|| io::Error::other("it names no socket"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        loop {
            // The watch is there before the look, so that no change falls between the two.
            let mut watch = FolderWatch::new(folder)?;
            match UnixStream::connect(socket) {
                Ok(stream) => return Ok(stream),
                Err(why) if Instant::now() >= deadline => return Err(why),
                Err(_) => {
                    let changed = tokio::time::timeout_at(deadline.into(), watch.changed()).await;
                    if changed.is_ok_and(|it| it.is_err()) {
                        return Err(io::Error::other("its folder is gone"));
                    }
                }
            }
        }
    })
}

/// Carries bytes both ways until one side ends.
fn carry(from_hub: &UnixStream) -> i32 {
    let up = from_hub.try_clone().and_then(|mut to_hub| {
        std::thread::Builder::new().name("up".to_owned()).stack_size(STACK).spawn(move || {
            copy(&mut io::stdin().lock(), &mut to_hub);
            // The agent has said all that it had to say; what it is still owed comes back.
            let _ = to_hub.shutdown(Shutdown::Write);
        })
    });
    match up {
        // A read of standard input can't be given up: the process ends when this returns.
        Ok(_) => {
            copy(&mut &*from_hub, &mut io::stdout().lock());
            0
        }
        Err(why) => refuse(&format!("the system refused what the tools need to run: {why}")),
    }
}

/// Copies what comes as it comes, until either side ends.
fn copy(from: &mut impl Read, to: &mut impl Write) {
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Ok(read @ 1..) if to.write_all(&buffer[..read]).and_then(|()| to.flush()).is_ok() => {}
            _ => return,
        }
    }
}

/// Answers every request with why the tools can't be used, until the agent ends its side.
fn refuse(why: &str) -> i32 {
    tracing::error!("{why}.");
    let (mut input, mut out) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        // A request that is longer than this is none that could be answered better.
        match io::Read::take(&mut input, 1 << 20).read_until(b'\n', &mut line) {
            Ok(1..) => {}
            _ => return 1,
        }
        let message: Value = serde_json::from_slice(&line).unwrap_or_default();
        let (Some(id), Some(_)) = (message.get("id"), message.get("method")) else { continue };
        let answer = json!({ "jsonrpc": "2.0", "id": id, "error": { "code": -32000, "message": why } });
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            return 1;
        }
    }
}
