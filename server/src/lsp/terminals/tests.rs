//! Terminals over the wire, with real programs on real PTYs: what a viewer is shown, who may type, and who waits for whom.

use std::collections::VecDeque;

use serde_json::{Value, json};
use tokio::io::{AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};

use super::*;
use crate::{
    agent::terminal::{Spawn, inherited},
    hub::event::Actor,
    lsp::{
        frame::{FrameReader, frame},
        session,
        testing::World,
    },
    process::Ladder,
};

/// The longest that any wait here may take; nothing is waited for that does not happen.
const BOUND: Duration = Duration::from_secs(60);

fn terminal(script: &str, size: Size) -> Arc<Terminal> {
    let spec = Spawn {
        argv: ["/bin/sh", "-c", script].iter().map(Into::into).collect(),
        cwd: std::env::temp_dir(),
        env: inherited("PATH").into_iter().collect(),
        workspace: None,
        size,
        quiet: Duration::from_millis(200),
        transcript: Box::new(std::io::sink()),
        trace: None,
    };
    Terminal::spawn(spec, Box::new(drop)).unwrap()
}

/// A client that reads only when it is told to.
struct Viewer {
    input: WriteHalf<DuplexStream>,
    output: FrameReader<ReadHalf<DuplexStream>>,
    next: u64,
    /// Frames that came while an answer was waited for.
    frames: VecDeque<Value>,
}

impl Viewer {
    async fn connect(world: &World, actor: Actor) -> Self {
        let (client, hub) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(hub);
        tokio::spawn(session::serve(world.shared(), actor, reader, writer));
        let (output, input) = tokio::io::split(client);
        let mut viewer = Self { input, output: FrameReader::new(output), next: 0, frames: VecDeque::new() };
        viewer.request("initialize", json!({ "capabilities": {} })).await.unwrap();
        viewer
    }

    async fn person(world: &World) -> Self {
        Self::connect(world, Actor::Human("ada".to_owned())).await
    }

    async fn send(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        let message = json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params });
        self.input.write_all(&frame(message.to_string().as_bytes())).await.unwrap();
        self.next
    }

    async fn read(&mut self) -> Value {
        let read = tokio::time::timeout(BOUND, self.output.next()).await;
        let body = read.unwrap_or_else(|_| panic!("nothing came within {BOUND:?}")).unwrap().unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    /// Returns the answer, or the refusal's class with its words. Frames before it are kept: the first may come before the answer.
    async fn request(&mut self, method: &str, params: Value) -> Result<Value, String> {
        let id = self.send(method, params).await;
        loop {
            let mut message = self.read().await;
            if message["method"] == method::TERMINAL_FRAME {
                self.frames.push_back(message);
            } else if message["id"] == id {
                let error = &message["error"];
                if error.is_null() {
                    return Ok(message["result"].take());
                }
                return Err(format!("{}: {}", error["data"]["code"].as_str().unwrap_or("?"), error["message"]));
            }
        }
    }

    /// Returns the first frame that fits.
    async fn frame(&mut self, name: &str, fits: impl Fn(&TerminalFrame) -> bool) -> TerminalFrame {
        let mut last = Value::Null;
        let seek = async {
            loop {
                let mut message = match self.frames.pop_front() {
                    Some(kept) => kept,
                    None => self.read().await,
                };
                if message["method"] == method::TERMINAL_FRAME {
                    last = message["params"].take();
                    let it: TerminalFrame = serde_json::from_value(last.clone()).unwrap();
                    if fits(&it) {
                        return it;
                    }
                }
            }
        };
        let found = tokio::time::timeout(BOUND, seek).await;
        found.unwrap_or_else(|_| panic!("{name} did not come within {BOUND:?}; the last frame was {last}"))
    }
}

fn agent() -> AgentName {
    "claude".parse().unwrap()
}

fn shows(frame: &TerminalFrame, text: &str) -> bool {
    frame.rows.iter().any(|it| it.runs.iter().any(|run| run.text.contains(text)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_sees_the_lock_and_is_refused_until_it_is_gone() {
    let world = World::new();
    let mut viewer = Viewer::person(&world).await;
    let watch = json!({ "agent": "claude" });
    assert!(viewer.request(method::WATCH_TERMINAL, watch.clone()).await.unwrap_err().starts_with("not_found"));

    let program = terminal("stty -echo; echo ready; cat", Size { rows: 24, cols: 80 });
    world.shared().surroundings.screens().put(agent(), Arc::clone(&program));
    let answer = viewer.request(method::WATCH_TERMINAL, watch).await.unwrap();
    assert_eq!(answer, json!({ "state": "live", "size": { "rows": 24, "columns": 80 } }));
    viewer.frame("the program's first word", |it| shows(it, "ready")).await;

    let lock = program.lock_for_typing().unwrap();
    viewer.frame("the lock", |it| it.locked && !it.full && it.rows.is_empty()).await;
    let keys = json!({ "agent": "claude", "text": "hello\n" });
    let why = viewer.request(method::TERMINAL_INPUT, keys.clone()).await.unwrap_err();
    assert!(why.starts_with("busy") && why.contains("Callboard is typing"), "{why}");
    drop(lock);
    viewer.frame("the lock's end", |it| !it.locked).await;
    viewer.request(method::TERMINAL_INPUT, keys).await.unwrap();
    viewer.frame("what was typed", |it| shows(it, "hello")).await;

    let size = viewer.request(method::TERMINAL_RESIZE, json!({ "agent": "claude", "rows": 1, "columns": 100 })).await;
    assert_eq!(size.unwrap(), json!({ "rows": 4, "columns": 100 }), "programs can't draw in one row");
    let whole = viewer.frame("the screen in its new size", |it| it.size.columns == 100).await;
    assert!(whole.full && whole.rows.len() == 4, "{whole:?}");

    program.stop(Ladder::at_once());
    let last = viewer.frame("the program's end", |it| it.state == TerminalState::Ended).await;
    let why = viewer.request(method::TERMINAL_INPUT, json!({ "agent": "claude", "text": "x" })).await.unwrap_err();
    assert!(why.starts_with("not_found") && why.contains("has ended"), "{why}");

    // The agent's next program is another terminal, from its first row on.
    let again = terminal("echo anew; cat", Size { rows: 10, cols: 40 });
    world.shared().surroundings.screens().put(agent(), Arc::clone(&again));
    let first = viewer.frame("the next program's screen", |it| it.terminal != last.terminal).await;
    assert!(first.full && first.size.rows == 10 && first.frame > last.frame, "{first:?}");
    again.stop(Ladder::at_once());
}

/// Promise 2: keys answer what a program asks, so an agent presses none, and sees no screen either.
#[tokio::test]
async fn promise_2_only_a_person_is_at_the_keys() {
    let world = World::new();
    let program = terminal("cat", Size::default());
    world.shared().surroundings.screens().put(agent(), Arc::clone(&program));
    let mut other = Viewer::connect(&world, Actor::Agent(Some("codex".parse().unwrap()))).await;
    for (method, params) in [
        (method::WATCH_TERMINAL, json!({ "agent": "claude" })),
        (method::TERMINAL_INPUT, json!({ "agent": "claude", "text": "\r" })),
        (method::TERMINAL_RESIZE, json!({ "agent": "claude", "rows": 10, "columns": 40 })),
        (method::TERMINAL_SCROLLBACK, json!({ "agent": "claude" })),
    ] {
        let why = other.request(method, params).await.unwrap_err();
        assert!(why.starts_with("humans_only"), "{method}: {why}");
    }
    program.stop(Ladder::at_once());
}

/// A viewer that does not read is sent the newest screen when it does, and nobody else waits for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_that_does_not_read_gets_the_newest_screen_and_holds_up_nobody() {
    let world = World::new();
    let (mut slow, mut other) = (Viewer::person(&world).await, Viewer::person(&world).await);
    // Screens of some 100 KB that have nothing in common, slowly enough that a viewer that reads would see most of them.
    let script = "awk 'BEGIN { for (i = 0; i < 20000; i++) { s = \"\"; for (j = 0; j < 60; j++) \
                  s = s \" \" (i * 7919 + j * 104729) % 9999999; print s; if (i % 200 == 0) system(\"sleep 0.02\") } }'; \
                  echo the end; cat";
    let program = terminal(script, Size { rows: 200, cols: 500 });
    world.shared().surroundings.screens().put(agent(), Arc::clone(&program));
    slow.send(method::WATCH_TERMINAL, json!({ "agent": "claude", "form": "raw" })).await;

    let mut changes = program.watch();
    let end = async {
        while !program.screen().rows.join("\n").contains("the end") {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(BOUND, end).await.expect("the program prints to its end");
    other.request(method::HUB_STATUS, json!({})).await.unwrap();

    let last = slow.frame("the newest screen", |it| it.raw.contains("the end")).await;
    // Some 100 KB each: what is kept for a client, what is in the pipe, one on its way.
    assert!(last.frame <= 12, "{} frames were kept for a client that did not read", last.frame);
    let lines = slow.request(method::TERMINAL_SCROLLBACK, json!({ "agent": "claude", "count": 1 })).await.unwrap();
    assert_eq!(lines["lines"].as_array().unwrap().len(), 1, "{lines}");
    slow.request(method::UNWATCH_TERMINAL, json!({ "agent": "claude" })).await.unwrap();
    program.stop(Ladder::at_once());
}
