//! `callboard mcp`: the program that an agent starts for Callboard's tools. It carries bytes between stdio and the hub.
//!
//! Small on purpose, since each agent has one: it understands no message, unless the hub does not let it in. Then it says why to
//! each request, so that the agent's model reads a sentence and not that a server failed.

use std::{
    io::{self, BufRead as _, Write as _},
    path::PathBuf,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
    time::Instant,
};

use crate::{
    agent::tools::{PASS, SOCKET},
    ipc::{
        preamble::{Token, Welcome, introduce},
        watch::FolderWatch,
    },
};

/// How long a hub that is just starting is waited for: an agent may be faster than the hub's socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one read takes at most, in bytes.
const CHUNK: usize = 16 * 1024;

/// Runs until either side ends, and returns the process's exit code.
pub fn run() -> i32 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return refuse(&format!("the system refused what the tools need to run: {why}")),
    };
    let code = match runtime.block_on(connect()) {
        Ok(stream) => runtime.block_on(carry(stream)),
        Err(why) => refuse(&why),
    };
    // A read of standard input can't be given up, and must not hold the process.
    runtime.shutdown_background();
    code
}

async fn connect() -> Result<UnixStream, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|it| !it.is_empty());
    let (Some(socket), Some(token)) = (variable(SOCKET), variable(PASS)) else {
        return Err(format!(
            "`callboard mcp` is started by an agent that Callboard runs: {SOCKET} and {PASS} are not set here"
        ));
    };
    let token = Token::parse(&token).ok_or_else(|| format!("{PASS} holds no pass; leave it as Callboard set it"))?;
    let socket = PathBuf::from(socket);
    let folder = socket.parent().ok_or_else(|| format!("{SOCKET} names no socket"))?;
    let deadline = Instant::now() + PATIENCE;
    let failed = |why: io::Error| format!("the hub can't be reached at {}: {why}", socket.display());
    loop {
        // The watch is there before the look, so that no change falls between the two.
        let mut watch = FolderWatch::new(folder).map_err(failed)?;
        match UnixStream::connect(&socket).await {
            Ok(mut stream) => {
                return match introduce(&mut stream, &token).await.map_err(failed)? {
                    Welcome::Ok => Ok(stream),
                    Welcome::BadToken => Err(
                        "this pass is not valid: the turn or the program that it was made for is over, or it was used by \
                         another program than that agent's"
                            .to_owned(),
                    ),
                    Welcome::OtherVersion(theirs) => {
                        Err(format!("the hub is of another Callboard, which speaks protocol {theirs}; use its version"))
                    }
                    Welcome::Full => Err("the hub has as many connections as it takes; close one".to_owned()),
                };
            }
            Err(why) if Instant::now() >= deadline => return Err(failed(why)),
            Err(_) => {
                if tokio::time::timeout_at(deadline, watch.changed()).await.is_ok_and(|it| it.is_err()) {
                    return Err(failed(io::Error::other("its folder is gone")));
                }
            }
        }
    }
}

/// Carries bytes both ways until one side ends.
async fn carry(stream: UnixStream) -> i32 {
    let (mut from_hub, mut to_hub) = stream.into_split();
    let up = async {
        let mut stdin = tokio::io::stdin();
        let mut buffer = vec![0; CHUNK];
        while let Ok(read @ 1..) = stdin.read(&mut buffer).await {
            if to_hub.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
        // The agent has said all that it had to say; what it is still owed comes back.
        let _ = to_hub.shutdown().await;
        std::future::pending::<()>().await;
    };
    let down = async {
        let mut stdout = tokio::io::stdout();
        let mut buffer = vec![0; CHUNK];
        while let Ok(read @ 1..) = from_hub.read(&mut buffer).await {
            if stdout.write_all(&buffer[..read]).await.is_err() || stdout.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        () = down => {}
    }
    0
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
