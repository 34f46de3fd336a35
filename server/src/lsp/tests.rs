//! The transport's repairs, each against the fault that it mends, over real framing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf},
    sync::oneshot,
    task::JoinHandle,
};
use tower_lsp::{
    Client, LanguageServer, LspService,
    jsonrpc::Result,
    lsp_types::{InitializeParams, InitializeResult, MessageActionItem, request::ShowMessageRequest},
};

use crate::{
    hub::event::Actor,
    lsp::{
        frame::{FrameReader, frame},
        outbox::{MAX_QUEUED, Outbox},
        session::{self, End},
        testing::{self, World},
        transport::ask,
    },
};

/// The longest that any wait here may take; nothing is waited for that does not happen.
const BOUND: Duration = Duration::from_secs(60);

/// A server with the handlers that the faults need.
struct Probe {
    client: Client,
    next: AtomicU64,
    out_of_order: Arc<AtomicU64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Number {
    n: u64,
}

#[tower_lsp::async_trait]
impl LanguageServer for Probe {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

#[expect(clippy::unused_async, reason = "tower-lsp takes futures")]
impl Probe {
    async fn note(&self, number: Number) {
        if self.next.fetch_add(1, Ordering::SeqCst) != number.n {
            self.out_of_order.fetch_add(1, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
    }

    async fn noted(&self, _: Number) -> Result<u64> {
        Ok(self.next.load(Ordering::SeqCst))
    }

    async fn never(&self, _: Number) -> Result<u64> {
        std::future::pending().await
    }

    async fn echo(&self, number: Number) -> Result<u64> {
        Ok(number.n)
    }

    async fn large(&self, _: Number) -> Result<String> {
        Ok("x".repeat(64 * 1024))
    }

    async fn panics(&self, number: Number) -> Result<u64> {
        tokio::task::yield_now().await;
        assert_ne!(number.n, 7, "seven");
        Ok(number.n)
    }

    async fn panics_unheard(&self, _: Number) {
        panic!("nobody asked");
    }

    /// Asks the client, and does not wait for its answer longer than an instant.
    async fn asks(&self, _: Number) -> Result<bool> {
        let params = serde_json::from_value(json!({ "type": 1, "message": "?" })).expect("these are such params");
        let asked = ask::<ShowMessageRequest>(&self.client, params);
        Ok(tokio::time::timeout(Duration::from_millis(20), asked).await.is_ok())
    }
}

struct Session {
    input: WriteHalf<DuplexStream>,
    output: FrameReader<ReadHalf<DuplexStream>>,
    serving: JoinHandle<End>,
    out_of_order: Arc<AtomicU64>,
    _stop: oneshot::Sender<()>,
}

impl Session {
    async fn start() -> Self {
        let (client, server) = tokio::io::duplex(64 * 1024);
        let out_of_order = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&out_of_order);
        let (service, socket) =
            LspService::build(|client| Probe { client, next: AtomicU64::new(0), out_of_order: counter })
                .custom_method("t/note", Probe::note)
                .custom_method("t/noted", Probe::noted)
                .custom_method("t/never", Probe::never)
                .custom_method("t/echo", Probe::echo)
                .custom_method("t/large", Probe::large)
                .custom_method("t/panics", Probe::panics)
                .custom_method("t/panicsUnheard", Probe::panics_unheard)
                .custom_method("t/asks", Probe::asks)
                .finish();
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(async move {
            let (reader, writer) = tokio::io::split(server);
            let (outbox, writing) = Outbox::start(writer);
            let stopped = async { drop(stopped.await) };
            let end = session::run(service, socket, reader, &outbox, stopped, || ()).await;
            outbox.finish(writing, BOUND).await;
            end
        });
        let (output, input) = tokio::io::split(client);
        let mut session = Self { input, output: FrameReader::new(output), serving, out_of_order, _stop: stop };
        session.request(0, "initialize", json!({ "capabilities": {} })).await;
        assert_eq!(session.read().await["id"], 0);
        session.notify("initialized", json!({})).await;
        session
    }

    async fn send(&mut self, message: &Value) {
        let bytes = frame(message.to_string().as_bytes());
        within("a write", self.input.write_all(&bytes)).await.unwrap();
    }

    async fn request(&mut self, id: u64, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })).await;
    }

    async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    async fn read(&mut self) -> Value {
        let body = within("an answer", self.output.next()).await.unwrap().expect("the session goes on");
        serde_json::from_slice(&body).unwrap()
    }

    async fn echo(&mut self, n: u64) {
        self.request(n, "t/echo", json!({ "n": n })).await;
        let answer = self.read().await;
        assert_eq!((&answer["id"], &answer["result"]), (&json!(n), &json!(n)), "{answer}");
    }

    async fn end(self) -> End {
        within("the session's end", self.serving).await.unwrap()
    }
}

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(BOUND, future).await.unwrap_or_else(|_| panic!("{what} did not come within {BOUND:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_notifications_are_taken_in_order() {
    let mut session = Session::start().await;
    for n in 0..20_000 {
        session.notify("t/note", json!({ "n": n })).await;
    }
    session.request(1, "t/noted", json!({})).await;
    assert_eq!(session.read().await["result"], 20_000);
    assert_eq!(session.out_of_order.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_thousand_waiting_requests_stop_neither_an_echo_nor_a_cancellation() {
    let mut session = Session::start().await;
    for id in 1..=1_000 {
        session.request(id, "t/never", json!({})).await;
    }
    session.echo(5_000).await;
    session.notify("$/cancelRequest", json!({ "id": 500 })).await;
    let answer = session.read().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(500), &json!(-32800)), "{answer}");
    session.echo(5_001).await;
}

#[tokio::test]
async fn a_panic_in_a_handler_is_an_answer_and_nothing_more() {
    let mut session = Session::start().await;
    session.request(1, "t/panics", json!({ "n": 7 })).await;
    let answer = session.read().await;
    assert_eq!(answer["error"]["code"], -32603);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("t/panics panicked: ") && message.contains("seven"), "{message}");
    session.notify("t/panicsUnheard", json!({})).await;
    session.echo(2).await;
}

#[tokio::test]
async fn exit_ends_the_session_although_the_client_keeps_its_side_open() {
    let mut session = Session::start().await;
    // `shutdown` takes no params; that some clients send null for none is no reason to refuse it.
    session.request(1, "shutdown", Value::Null).await;
    let answer = session.read().await;
    assert!(answer.get("error").is_none() && answer["id"] == 1, "{answer}");
    session.send(&json!({ "jsonrpc": "2.0", "method": "exit" })).await;
    let Session { input, output, serving, .. } = session;
    assert_eq!(within("the session's end", serving).await.unwrap(), End::Exit);
    drop((input, output));
}

#[tokio::test]
async fn what_was_asked_before_the_input_closed_is_answered() {
    let mut session = Session::start().await;
    session.request(1, "t/echo", json!({ "n": 9 })).await;
    session.input.shutdown().await.unwrap();
    assert_eq!(session.read().await["result"], 9);
    assert_eq!(session.end().await, End::Closed);
}

#[tokio::test]
async fn an_answer_that_comes_too_late_harms_nothing() {
    let mut session = Session::start().await;
    session.request(1, "t/asks", json!({})).await;
    let asked = session.read().await;
    assert_eq!(asked["method"], "window/showMessageRequest");
    assert_eq!(session.read().await["result"], false, "the handler did not wait");
    let late = serde_json::to_value(None::<MessageActionItem>).unwrap();
    session.send(&json!({ "jsonrpc": "2.0", "id": asked["id"], "result": late })).await;
    session.echo(2).await;
}

#[tokio::test]
async fn malformed_messages_are_answered_and_the_connection_goes_on() {
    let mut session = Session::start().await;
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"t/echo","params":{}1{}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    let corpus: &[(&[u8], i64)] = &[
        (b"", -32700),
        (b"{", -32700),
        (b"nonsense", -32700),
        (b"\xff\xfe\x00", -32700),
        (b"[1,2,3]", -32600),
        (b"\"a string\"", -32600),
        (b"42", -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (br#"{"jsonrpc":"1.0","id":1,"method":"t/echo"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":1}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":{"a":1},"method":"t/echo"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":1,"method":7}"#, -32600),
        (br#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"t/echo"}"#, -32600),
        (br#"{"jsonrpc":"2.0","id":1,"method":"t/echo","params":{"n":1e999}}"#, -32700),
        (br#"{"jsonrpc":"2.0","id":1,"method":"t/echo","params":"\ud800"}"#, -32700),
        (deep.as_bytes(), -32700),
    ];
    for (number, (body, code)) in corpus.iter().enumerate() {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        session.input.write_all(&frame(body)).await.unwrap();
        let answer = session.read().await;
        assert_eq!(answer["error"]["code"], *code, "{shown:?} got {answer}");
        assert_eq!(answer["id"], Value::Null, "{shown:?}");
        session.echo(100 + number as u64).await;
    }
    // What is well formed and wrong is tower-lsp's to answer, and goes on too.
    session.request(1, "t/unknown", json!({})).await;
    assert_eq!(session.read().await["error"]["code"], -32601);
    session.request(2, "t/echo", json!({ "n": "not a number" })).await;
    assert_eq!(session.read().await["error"]["code"], -32602);
    session.send(&json!({ "jsonrpc": "2.0", "id": 77, "result": "to a question that nobody asked" })).await;
    session.echo(3).await;
}

#[tokio::test]
async fn a_broken_header_ends_the_session_with_its_reason() {
    for (bytes, says) in [
        (b"Content-Length: abc\r\n\r\n{}".to_vec(), "gives no length"),
        (b"Content-Length: 4294967296\r\n\r\n".to_vec(), "at most"),
        (vec![b'h'; 100_000], "longer than"),
        ((0..=255).cycle().take(4096).collect(), "header is wrong"),
    ] {
        let mut session = Session::start().await;
        // The session may end, and close its side, before all of it is written.
        let _ = session.input.write_all(&bytes).await;
        let answer = session.read().await;
        let message = answer["error"]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{message}");
        match session.end().await {
            End::Unreadable(why) => assert!(why.contains(says), "{why}"),
            other => panic!("it ended by {other}"),
        }
    }
}

#[tokio::test]
async fn a_deaf_client_is_gone_and_another_is_served() {
    let (mut deaf, mut other) = (Session::start().await, Session::start().await);
    let asked = MAX_QUEUED / (64 * 1024) + 200;
    for id in 1..=asked as u64 {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": "t/large", "params": {} }).to_string();
        // Once it is gone its input is closed; before that a write never waits for its reading.
        if within("a write to the session of a deaf client", deaf.input.write_all(&frame(message.as_bytes())))
            .await
            .is_err()
        {
            break;
        }
        if id % 64 == 0 {
            other.echo(id).await;
        }
    }
    let Session { serving, input, output, .. } = deaf;
    match within("the end of the deaf client's session", serving).await.unwrap() {
        End::Gone(why) => assert!(why.contains("unread"), "{why}"),
        end => panic!("it ended by {end}"),
    }
    other.echo(1_000_000).await;
    drop((input, output));
}

#[tokio::test]
async fn a_closed_output_ends_the_session_without_a_panic() {
    let world = World::new();
    let (input, reader) = tokio::io::duplex(64 * 1024);
    let (writer, output) = tokio::io::duplex(64);
    drop(output);
    let actor = Actor::Human("ada".to_owned());
    let serving = tokio::spawn(session::serve(world.shared(), actor, reader, writer));
    let (_, mut input) = tokio::io::split(input);
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "capabilities": {} } });
    input.write_all(&frame(hello.to_string().as_bytes())).await.unwrap();
    match within("the session's end", serving).await.unwrap() {
        End::Gone(why) => assert!(why.contains("can't be written to"), "{why}"),
        other => panic!("it ended by {other}"),
    }
}

#[tokio::test]
async fn a_session_ends_when_the_hub_does_and_is_counted_until_then() {
    let world = World::new();
    let shared = world.shared();
    let client = testing::connect(&shared, Actor::Human("ada".to_owned())).await;
    let mut clients = shared.clients();
    assert_eq!(*clients.borrow(), 1);
    shared.stop();
    within("the loss of the hub", client.lost()).await;
    within("the last session's end", clients.wait_for(|it| *it == 0)).await.unwrap();
}
