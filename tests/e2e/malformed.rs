//! A corpus of sessions that go wrong, against the real program: each is answered or logged, none ends with a silent 0, and none
//! costs state.

use std::process::Stdio;

use callboard::lsp::frame::{FrameReader, frame};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    journal, relay,
    support::{COMMAND_LIMIT, World},
};

/// How the server's output is treated.
#[derive(Clone, Copy, PartialEq)]
enum Reads {
    All,
    /// The pipe is closed from the start.
    Nothing,
}

/// What came of a session.
struct Came {
    answers: Vec<Value>,
    code: Option<i32>,
    log: String,
}

impl Came {
    fn of(&self, id: &Value) -> Vec<&Value> {
        self.answers.iter().filter(|it| it["id"] == *id && it.get("method").is_none()).collect()
    }

    fn says(&self, words: &str) -> bool {
        self.log.contains(words) || self.answers.iter().any(|it| it["error"]["message"].to_string().contains(words))
    }
}

/// Sends these bytes to a new `callboard lsp`, closes its input, and returns all that came of it. Behind a `hello` its answer is
/// waited for first, as every client must.
async fn session(world: &World, bytes: &[u8], reads: Reads) -> Came {
    let hello = hello(world);
    let at = bytes.windows(hello.len()).position(|it| *it == hello[..]).map_or(bytes.len(), |it| it + hello.len());
    let (greeting, rest) = bytes.split_at(at);
    let (greeted, greets) = tokio::sync::oneshot::channel::<()>();
    let mut command = tokio::process::Command::from(world.command(env!("CARGO_BIN_EXE_callboard")));
    command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("a language server");
    let mut input = child.stdin.take().expect("its input");
    let output = child.stdout.take().filter(|_| reads == Reads::All);
    let mut errors = child.stderr.take().expect("its log");
    let writing = async {
        // It may stop listening in the middle, which is right where it can't read on.
        let _ = input.write_all(greeting).await;
        let _ = input.flush().await;
        if !rest.is_empty() {
            // An error where nobody reads, or nothing is answered any more: then there is nothing to wait for.
            let _ = greets.await;
            let _ = input.write_all(rest).await;
            let _ = input.flush().await;
        }
        drop(input);
    };
    let reading = async {
        let (mut answers, mut greeted) = (Vec::<Value>::new(), Some(greeted));
        let Some(output) = output else { return answers };
        let mut frames = FrameReader::new(output);
        while let Ok(Some(body)) = frames.next().await {
            let answer: Value = serde_json::from_slice(&body).expect("what it sends is JSON");
            if answer["id"] == 0
                && let Some(greeted) = greeted.take()
            {
                let _ = greeted.send(());
            }
            answers.push(answer);
        }
        answers
    };
    let logging = async {
        let mut log = String::new();
        let _ = tokio::io::AsyncReadExt::read_to_string(&mut errors, &mut log).await;
        log
    };
    let all = async { tokio::join!(writing, reading, logging, child.wait()) };
    let ((), answers, log, status) = tokio::time::timeout(COMMAND_LIMIT, all).await.expect("the session's end in time");
    Came { answers, code: status.expect("a status").code(), log }
}

fn hello(world: &World) -> Vec<u8> {
    let root = format!("file://{}", world.workspace().display());
    ask(0, "initialize", &json!({ "rootUri": root, "capabilities": { "textDocument": {} } }))
}

fn ask(id: u64, method: &str, params: &Value) -> Vec<u8> {
    frame(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string().as_bytes())
}

fn tell(method: &str, params: &Value) -> Vec<u8> {
    frame(json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string().as_bytes())
}

fn deep(brackets: usize) -> Vec<u8> {
    let params = format!("{}1{}", "[".repeat(brackets), "]".repeat(brackets));
    frame(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"callboard/inbox","params":{params}}}"#).as_bytes())
}

/// Bytes of no meaning, the same each time.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_cannot_be_read_end_a_session_with_their_reason_promise_1() {
    let world = relay::world();
    world.callboard(&["channel", "post", "this stays"]).ok("a post");
    let (hub, before) = (world.wait_for_hub(), journal::entries(&world));
    let mut corpus: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a header without an end", vec![b'a'; 20_000], "longer than 8192 bytes"),
        ("a header of many lines", b"X-Line: 1\r\n".repeat(2_000), "longer than 8192 bytes"),
        ("a body that is too long", b"Content-Length: 99999999999\r\n\r\n".to_vec(), "at most"),
        ("a length just above the limit", b"Content-Length: 67108865\r\n\r\n".to_vec(), "at most"),
        ("no number for a length", b"Content-Length: nonsense\r\n\r\n".to_vec(), "gives no length"),
        ("a negative length", b"Content-Length: -5\r\n\r\n".to_vec(), "gives no length"),
        ("a length beyond numbers", b"Content-Length: 18446744073709551616\r\n\r\n".to_vec(), "gives no length"),
        ("a length in hex", b"Content-Length: 0x10\r\n\r\n".to_vec(), "gives no length"),
        ("no length at all", b"Content-Type: x\r\n\r\n{}".to_vec(), "no Content-Length"),
        ("a header that is no UTF-8", b"\xff\xfe\xfd: 3\r\n\r\n".to_vec(), "not UTF-8"),
        ("a request without a frame", b"{\"jsonrpc\":\"2.0\"}\r\n\r\n".to_vec(), "header is wrong"),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "no colon"),
        ("an end inside a header", b"Content-Len".to_vec(), "ended inside a frame"),
        ("an end inside a body", b"Content-Length: 50\r\n\r\n{\"jsonrpc\"".to_vec(), "ended inside a frame"),
    ];
    for seed in 1..=6 {
        corpus.push(("noise", noise(seed, 4096), ""));
    }
    for (name, bytes, says) in &corpus {
        for bytes in [bytes.clone(), [hello(&world), bytes.clone()].concat()] {
            let came = session(&world, &bytes, Reads::All).await;
            assert_eq!(came.code, Some(70), "{name}: {}", came.log);
            assert!(came.says(says), "{name}: {:?}\n{}", came.answers, came.log);
            assert!(came.answers.iter().any(|it| it["error"]["code"].is_i64()), "{name}: no answer");
        }
    }
    assert_eq!(journal::entries(&world), before, "bad input was recorded");
    assert_eq!(world.hub_pid(), Some(hub), "the hub minded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_that_make_no_sense_are_answered_and_the_session_goes_on_promise_1() {
    let world = relay::world();
    world.callboard(&["channel", "post", "this stays"]).ok("a post");
    let (hub, before) = (world.wait_for_hub(), journal::entries(&world));
    let broken: &[(&str, Vec<u8>)] = &[
        ("nothing", frame(b"")),
        ("half an object", frame(b"{\"jsonrpc\":")),
        ("no UTF-8", frame(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}")),
        ("half a surrogate", frame(br#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":"\ud800"}}"#)),
        ("a zero byte", frame(b"\0")),
        ("too deep", deep(100_000)),
        ("a little too deep", deep(200)),
        ("a string", frame(b"\"shutdown\"")),
        ("a batch", frame(br#"[{"jsonrpc":"2.0","id":1,"method":"shutdown"}]"#)),
        ("a number", frame(b"17")),
        ("null", frame(b"null")),
        ("another protocol", frame(br#"{"jsonrpc":"1.0","id":1,"method":"callboard/inbox","params":{}}"#)),
        ("an object for an id", frame(br#"{"jsonrpc":"2.0","id":{},"method":"callboard/inbox","params":{}}"#)),
        ("neither method nor result", frame(br#"{"jsonrpc":"2.0","id":1}"#)),
        ("a number for a method", frame(br#"{"jsonrpc":"2.0","id":1,"method":1}"#)),
    ];
    for (name, bytes) in broken {
        let bytes =
            [hello(&world), bytes.clone(), ask(99, "callboard/messages", &json!({ "channel": "main" }))].concat();
        let came = session(&world, &bytes, Reads::All).await;
        let refused = came.of(&Value::Null);
        assert!(
            refused.iter().any(|it| matches!(it["error"]["code"].as_i64(), Some(-32700 | -32600))),
            "{name}: {refused:?}"
        );
        let after = came.of(&json!(99));
        assert!(after.first().is_some_and(|it| it["result"].to_string().contains("this stays")), "{name}: {after:?}");
        assert_eq!(came.code, Some(1), "{name}: it left without shutdown");
    }

    // Well formed and wrong: each is answered by its id.
    let wrong: &[(&str, Value, i64)] = &[
        ("callboard/makeCoffee", json!({}), -32601),
        ("textDocument/makeCoffee", json!({}), -32601),
        ("callboard/decide", json!({ "pause": 7, "decision": ["approve"] }), -32602),
        ("callboard/decide", json!("approve"), -32602),
        ("callboard/run", json!({ "workflow": { "name": "relay" } }), -32602),
        ("callboard/subscribe", json!({ "since": "yesterday" }), -32602),
        ("callboard/subscribe", json!({ "since": -1 }), -32602),
        ("callboard/post", json!({ "text": 5 }), -32602),
        ("callboard/inbox", Value::Null, -32602),
        ("callboard/messages", json!({ "limit": 1.5 }), -32602),
        ("textDocument/codeAction", json!({}), -32602),
        ("textDocument/codeAction", json!("a string"), -32602),
        ("textDocument/codeLens", json!({ "textDocument": { "uri": "not an address" } }), -32602),
        ("textDocument/hover", json!([1, 2, 3]), -32602),
        (
            "textDocument/completion",
            json!({ "textDocument": { "uri": "file:///x" }, "position": { "line": -1, "character": 0 } }),
            -32602,
        ),
        ("textDocument/diagnostic", json!({ "textDocument": 4 }), -32602),
        ("workspace/executeCommand", json!({ "command": 4 }), -32602),
        ("workspace/executeCommand", json!({ "command": "callboard.run", "arguments": [4] }), -32050),
        ("workspace/executeCommand", json!({ "command": "rm -rf /", "arguments": [] }), -32050),
        ("initialize", json!({ "capabilities": {} }), -32600),
    ];
    let mut bytes = hello(&world);
    for (id, (method, params, _)) in (1..).zip(wrong) {
        bytes.extend(ask(id, method, params));
    }
    // Notifications that are wrong have no answer, and do no harm.
    for (method, params) in [
        ("textDocument/didOpen", json!({ "textDocument": 5 })),
        ("textDocument/didChange", json!("x")),
        (
            "textDocument/didChange",
            json!({ "textDocument": { "uri": "file:///none", "version": 1 }, "contentChanges": [{ "text": "x", "range": { "start": { "line": 9, "character": 9 }, "end": { "line": 1, "character": 1 } } }] }),
        ),
        ("textDocument/didClose", json!({ "textDocument": { "uri": "file:///never/opened" } })),
        ("$/cancelRequest", json!({ "id": 12345 })),
        ("$/neverHeardOf", json!({})),
        ("window/workDoneProgress/cancel", json!({ "token": "callboard/r99/1" })),
        ("window/workDoneProgress/cancel", json!({ "token": 4 })),
    ] {
        bytes.extend(tell(method, &params));
    }
    bytes.extend(frame(br#"{"jsonrpc":"2.0","id":4711,"result":"to a question that nobody asked"}"#));
    bytes.extend(ask(100, "callboard/messages", &json!({ "channel": "main" })));
    // Its end is the input's, so that all is answered: `exit` would cancel what is going on.
    let came = session(&world, &bytes, Reads::All).await;
    for (id, (method, params, code)) in (1..).zip(wrong) {
        let answers = came.of(&json!(id));
        assert_eq!(answers.len(), 1, "{method} {params}");
        assert_eq!(answers[0]["error"]["code"], *code, "{method} {params}: {}", answers[0]);
        assert_ne!(answers[0]["error"]["message"], "", "{method} {params}");
    }
    assert!(came.of(&json!(100))[0]["result"].to_string().contains("this stays"));
    assert_eq!(came.code, Some(1), "it left without shutdown: {}", came.log);
    assert_eq!(journal::entries(&world), before, "bad input was recorded");
    assert_eq!(world.hub_pid(), Some(hub), "the hub minded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_in_the_wrong_order_are_told_so_and_never_end_well_promise_1() {
    let world = relay::world();
    world.callboard(&["channel", "post", "this stays"]).ok("a post");
    let (hub, before) = (world.wait_for_hub(), journal::entries(&world));
    let inbox = ask(1, "callboard/inbox", &json!({}));
    let exit = frame(br#"{"jsonrpc":"2.0","method":"exit"}"#);
    let shutdown = frame(br#"{"jsonrpc":"2.0","id":8,"method":"shutdown"}"#);

    for (name, bytes, code) in [
        ("nothing at all", Vec::new(), 1),
        ("exit first", exit.clone(), 1),
        ("exit without shutdown", [hello(&world), exit.clone()].concat(), 1),
        ("the input closed without a word", hello(&world), 1),
        ("shutdown, and then the input closed", [hello(&world), shutdown.clone()].concat(), 0),
    ] {
        let came = session(&world, &bytes, Reads::All).await;
        assert_eq!(came.code, Some(code), "{name}: {}", came.log);
    }

    // Before the greeting nothing is done; what wants an answer has one.
    let post = tell("callboard/post", &json!({ "text": "smuggled" }));
    let open = tell(
        "textDocument/didOpen",
        &json!({ "textDocument": { "uri": "file:///x", "languageId": "x", "version": 1, "text": "x" } }),
    );
    let bytes = [inbox.clone(), post, open, hello(&world), ask(2, "callboard/inbox", &json!({}))].concat();
    let came = session(&world, &bytes, Reads::All).await;
    assert_eq!(came.of(&json!(1))[0]["error"]["code"], -32002, "{:?}", came.answers);
    assert!(came.of(&json!(2))[0]["result"].is_array(), "after the greeting it is served: {:?}", came.answers);
    assert_ne!(came.code, Some(0));

    // After shutdown only exit is left.
    let bytes = [hello(&world), shutdown.clone(), inbox.clone()].concat();
    let came = session(&world, &bytes, Reads::All).await;
    assert_eq!(came.of(&json!(1))[0]["error"]["code"], -32600, "{:?}", came.answers);

    // The same id twice, both in flight: the second is refused, or the first was over; never two results for one, nor none.
    let held = ask(
        5,
        "workspace/diagnostic",
        &json!({ "previousResultIds": [{ "uri": "file:///x", "value": "4f53cda18c2baa0c0354bb5f9a3ecbe5" }] }),
    );
    let bytes = [hello(&world), held.clone(), held, ask(6, "callboard/inbox", &json!({})), shutdown.clone()].concat();
    let came = session(&world, &bytes, Reads::All).await;
    let answers = came.of(&json!(5));
    assert!(answers.iter().any(|it| it["error"]["code"] == -32600), "{answers:?}");
    assert!(came.of(&json!(6))[0]["result"].is_array());

    // Nobody reads: the end comes all the same, and is not called a good one.
    let asked: Vec<u8> =
        (10..200).flat_map(|id| ask(id, "callboard/messages", &json!({ "channel": "main" }))).collect();
    let came = session(&world, &[hello(&world), asked].concat(), Reads::Nothing).await;
    assert_ne!(came.code, Some(0), "{}", came.log);

    let shown = world.callboard(&["channel", "show"]).ok("callboard channel show").stdout;
    assert!(shown.contains("this stays") && !shown.contains("smuggled"), "{shown}");
    assert_eq!(journal::entries(&world), before, "bad input was recorded");
    assert_eq!(world.hub_pid(), Some(hub), "the hub minded");
}
