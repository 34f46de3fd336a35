//! The hub's process and the ways to it: real processes, real sockets, in folders of the test's own.

use std::{
    collections::HashMap,
    fs,
    io::{Read as _, Write as _},
    os::unix::{
        fs::PermissionsExt as _,
        net::UnixStream,
        process::{CommandExt as _, ExitStatusExt as _},
    },
    path::PathBuf,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use callboard::{
    agent::AgentInfo,
    cli::hub::{self, Stopped},
    client::{
        Client, RpcError,
        target::{ConnectError, Engine, MakeHost, Target},
    },
    config::{Places, Workspace},
    host::{Ending, Host, Parts},
    hub::{
        effect::{Effect, Effects},
        event::{Refusal, RefusalCode},
    },
    ipc::{
        attach::{Attach, AttachError},
        endpoint::Claim,
        lock::{Life, life},
        runtime::Names,
    },
    lsp::{
        frame::{FrameReader, frame},
        shared::{Reading, Surroundings},
    },
    protocol::{Feed, HubStatus, Item, Nothing, PROTOCOL, Posted, SubscribeParams, method},
    store::{memory::MemoryJournal, sqlite::SqliteJournal},
    workflow::plan::Plan,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, ChildStdin, ChildStdout},
};

/// The longest that anything here may take on a busy machine. What is waited for is always an event.
const BOUND: Duration = Duration::from_secs(120);

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    tokio::time::timeout(BOUND, future).await.unwrap_or_else(|_| panic!("{what} did not come within {BOUND:?}"))
}

/// A workspace with state, configuration and runtime folders of its own. Ends the hub that was started in it.
struct House {
    temp: tempfile::TempDir,
    places: Places,
    workspace: Workspace,
}

impl House {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        for name in ["state", "config", "run", "work"] {
            fs::create_dir(temp.path().join(name)).unwrap();
        }
        let places = Places {
            state: temp.path().join("state/callboard"),
            config: temp.path().join("config/callboard"),
            runtime: Some(temp.path().join("run")),
            temporary: temp.path().to_owned(),
        };
        let workspace = Workspace::at(&temp.path().join("work")).unwrap();
        Self { temp, places, workspace }
    }

    fn names(&self) -> Names {
        Names::of(&self.places, &self.workspace).unwrap()
    }

    /// The variables that make the program find this house.
    fn variables(&self) -> Vec<(&'static str, PathBuf)> {
        let path = |name| self.temp.path().join(name);
        vec![("XDG_STATE_HOME", path("state")), ("XDG_CONFIG_HOME", path("config")), ("XDG_RUNTIME_DIR", path("run"))]
    }

    fn attach(&self) -> Attach {
        let mut args: Vec<_> =
            self.variables().into_iter().map(|(name, value)| format!("{name}={}", value.display()).into()).collect();
        args.extend([env!("CARGO_BIN_EXE_callboard").into(), "hub".into(), "run".into()]);
        args.push(self.workspace.root.clone().into_os_string());
        Attach { names: self.names(), launch: Some(("/usr/bin/env".into(), args)), timeout: BOUND }
    }

    async fn client(&self) -> Client {
        self.try_client(self.attach()).await.unwrap()
    }

    async fn try_client(&self, attach: Attach) -> Result<Client, ConnectError> {
        let make: MakeHost = Arc::new(|| anyhow::bail!("the hub is to run in a process of its own"));
        Client::connect_to(Target::new(Engine::Hub, Ok(attach), make)).await
    }

    fn life(&self) -> Life {
        life(&self.names()).unwrap()
    }

    fn pid(&self) -> u32 {
        match self.life() {
            Life::Alive(Some(pid)) => pid,
            other => panic!("no hub lives: {other:?}"),
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.pid().try_into().unwrap()).unwrap(), signal).unwrap();
    }

    async fn until_dead(&self) {
        let deadline = tokio::time::Instant::now() + BOUND;
        assert!(callboard::ipc::lock::until_dead(&self.names(), deadline).await.unwrap(), "the hub did not end");
    }

    /// Starts the stdio proxy as an editor does.
    fn editor(&self) -> Editor {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
        command.arg("lsp").envs(self.variables()).current_dir("/").kill_on_drop(true);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), FrameReader::new(child.stdout.take().unwrap()));
        Editor { child, input, output, next: 0 }
    }

    async fn greeted_editor(&self) -> Editor {
        let mut editor = self.editor();
        let folder = format!("file://{}", self.workspace.root.display());
        let hello = editor.request("initialize", json!({ "rootUri": folder, "capabilities": {} })).await;
        assert_eq!(hello["result"]["serverInfo"]["name"], "callboard", "{hello}");
        editor.send(&json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} })).await;
        editor
    }
}

impl Drop for House {
    fn drop(&mut self) {
        // The lock is in this test's own folder, so its holder is a hub that this test started, or this process.
        if let Ok(Life::Alive(Some(pid))) =
            life(&Names::within(&self.temp.path().join("run/callboard"), &self.workspace.id))
            && pid != std::process::id()
            && let Some(pid) = pid.try_into().ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::CONT);
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    output: FrameReader<ChildStdout>,
    next: u64,
}

impl Editor {
    async fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("the input is open");
        input.write_all(&frame(message.to_string().as_bytes())).await.unwrap();
        input.flush().await.unwrap();
    }

    async fn read(&mut self) -> Value {
        let body = within("the proxy's answer", self.output.next()).await.unwrap().expect("the proxy goes on");
        serde_json::from_slice(&body).unwrap()
    }

    async fn request(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "jsonrpc": "2.0", "id": self.next, "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message).await;
        let answer = self.read().await;
        assert_eq!(answer["id"], self.next, "{answer}");
        answer
    }

    async fn hub_pid(&mut self) -> u64 {
        let status = self.request(method::HUB_STATUS, json!({})).await;
        status["result"]["pid"].as_u64().unwrap_or_else(|| panic!("{status}"))
    }

    async fn goodbye(mut self) -> i32 {
        let answer = self.request("shutdown", Value::Null).await;
        assert_eq!(answer["result"], Value::Null, "{answer}");
        self.send(&json!({ "jsonrpc": "2.0", "method": "exit" })).await;
        self.code().await
    }

    async fn code(&mut self) -> i32 {
        within("the proxy's end", self.child.wait()).await.unwrap().code().unwrap()
    }
}

async fn status(client: &Client) -> HubStatus {
    client.request(method::HUB_STATUS, Nothing::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_editors_at_once_make_one_hub_and_leave_one_by_one() {
    let house = Arc::new(House::new());
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(async move {
                let mut editor = house.greeted_editor().await;
                let pid = editor.hub_pid().await;
                (pid, editor.goodbye().await)
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(within("an editor's session", task).await.unwrap(), (u64::from(house.pid()), 0));
    }
    let client = house.client().await;
    let mut clients = status(&client).await.clients;
    // The proxies have ended; the hub may not have seen all of it yet, and says so at once when asked again.
    for _ in 0..200 {
        if clients == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        clients = status(&client).await.clients;
    }
    assert_eq!(clients, 1);
}

/// Promise 1: closing or killing an editor ends a connection and nothing else.
#[tokio::test]
async fn a_proxy_ends_as_the_protocol_demands_and_the_hub_stays() {
    let house = House::new();
    let pid = house.greeted_editor().await.hub_pid().await;

    let mut rude = house.greeted_editor().await;
    rude.send(&json!({ "jsonrpc": "2.0", "method": "exit" })).await;
    assert_eq!(rude.code().await, 1, "exit without shutdown");

    let mut gone = house.greeted_editor().await;
    drop(gone.input.take());
    assert_eq!(gone.code().await, 1, "the input closed without a word");

    let mut broken = house.greeted_editor().await;
    broken.input.as_mut().unwrap().write_all(b"Content-Length: nonsense\r\n\r\n").await.unwrap();
    assert!(broken.read().await["error"]["message"].as_str().unwrap().contains("gives no length"));
    assert_eq!(broken.code().await, 70, "what it sent can't be read");

    let mut killed = house.greeted_editor().await;
    killed.child.kill().await.unwrap();

    let mut last = house.greeted_editor().await;
    assert_eq!(last.hub_pid().await, pid);
    assert_eq!(last.goodbye().await, 0);
}

#[tokio::test]
async fn an_editor_without_a_hub_hears_why() {
    let house = House::new();
    let mut editor = house.editor();
    let answer = editor.request("initialize", json!({ "rootUri": "file:///no/such/folder", "capabilities": {} })).await;
    assert!(answer["error"]["message"].as_str().unwrap().contains("/no/such/folder"), "{answer}");
    assert_eq!(editor.code().await, 1);

    fs::create_dir_all(&house.places.config).unwrap();
    fs::write(house.places.settings_file(), "idle_exit_minutes: never\n").unwrap();
    let mut editor = house.greeted_editor().await;
    let told = editor.read().await;
    assert_eq!(told["method"], "window/showMessage", "{told}");
    let said = told["params"]["message"].as_str().unwrap();
    assert!(said.contains("did not start") && said.contains("config.yaml") && said.contains("restart"), "{said}");
    let refused = editor.request(method::HUB_STATUS, json!({})).await;
    assert_eq!(refused["error"]["code"], -32803, "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("config.yaml"), "{refused}");
    drop(editor.input.take());
    assert_eq!(editor.code().await, 75);

    let mut polite = house.greeted_editor().await;
    assert_eq!(polite.read().await["method"], "window/showMessage");
    assert_eq!(polite.goodbye().await, 0, "it was told, and left as it should");
}

/// What is said to a hub that is not there yet reaches it, in order; the session itself waits for none.
#[tokio::test]
async fn an_editor_is_greeted_and_let_go_while_its_hub_does_not_answer() {
    let house = House::new();
    let client = house.client().await;
    house.signal(Signal::STOP);
    let mut editor = house.greeted_editor().await;
    for number in 0..20 {
        let post = json!({ "jsonrpc": "2.0", "id": format!("post {number}"), "method": method::POST, "params": { "text": format!("message {number}") } });
        editor.send(&post).await;
    }
    let shutdown = editor.request("shutdown", Value::Null).await;
    assert_eq!((shutdown.get("result"), shutdown.get("error")), (Some(&Value::Null), None), "{shutdown}");
    house.signal(Signal::CONT);
    // Answers may overtake each other; what they are to may not.
    let mut posted = HashMap::new();
    for _ in 0..20 {
        let answer = editor.read().await;
        let rev = answer["result"]["rev"].as_u64().unwrap_or_else(|| panic!("{answer}"));
        posted.insert(answer["id"].as_str().unwrap().to_owned(), rev);
    }
    let revs: Vec<u64> = (0..20).map(|it| posted[&format!("post {it}")]).collect();
    assert!(revs.is_sorted_by(|a, b| a < b), "{revs:?}");
    let late = editor.request(method::HUB_STATUS, json!({})).await;
    assert_eq!(late["error"]["code"], -32600, "nothing is done after shutdown: {late}");
    let again = editor.request("shutdown", Value::Null).await;
    assert_eq!(again["error"]["code"], -32600, "{again}");
    editor.send(&json!({ "jsonrpc": "2.0", "method": "exit" })).await;
    assert_eq!(editor.code().await, 0);
    assert_eq!(status(&client).await.pid, house.pid(), "it is the one that was waited for");

    // Who leaves without waiting for any answer has said it all the same.
    house.signal(Signal::STOP);
    let mut hasty = house.greeted_editor().await;
    hasty
        .send(&json!({ "jsonrpc": "2.0", "id": "last", "method": method::POST, "params": { "text": "the last" } }))
        .await;
    drop(hasty.input.take());
    house.signal(Signal::CONT);
    assert_eq!(hasty.read().await["id"], "last");
    assert_eq!(hasty.code().await, 1, "it left without shutdown");
}

/// Promise 1: a hub that was killed is replaced by exactly one, over its stale socket.
#[tokio::test]
async fn after_kill_9_the_next_client_has_a_new_hub() {
    let house = House::new();
    let mut editor = house.greeted_editor().await;
    let client = house.client().await;
    let before = house.pid();
    assert_eq!(editor.hub_pid().await, u64::from(before), "it is attached");
    house.signal(Signal::KILL);
    within("the loss of the hub", client.lost()).await;
    assert_eq!(editor.code().await, 75);
    assert!(house.names().socket().exists(), "a killed hub leaves its socket");

    let again = within("the new hub", client.reconnect()).await.unwrap();
    assert_ne!(status(&again).await.pid, before);
    assert_eq!(status(&again).await.pid, house.pid());
}

/// Promise 1: what was answered is there after a kill, a repeated post is the first one, and a client that was away gets
/// just what it missed.
#[tokio::test]
async fn a_client_resumes_from_its_revision_over_a_killed_hub() {
    let house = House::new();
    let client = house.client().await;
    let mut feed = client.feed();
    client.subscribe(SubscribeParams { since: Some(0), ..SubscribeParams::default() }).await.unwrap();
    let post = |text: &str, key: &str| json!({ "text": text, "key": key });
    let first: Posted = client.request(method::POST, post("one", "k1")).await.unwrap();
    let mut rev = 0;
    let mut seen = Vec::new();
    while !seen.contains(&"one".to_owned()) {
        let news = within("the first message", feed.recv()).await.expect("the hub lives");
        assert!(news.rev >= rev, "a feed went back");
        rev = news.rev;
        seen.extend(texts(&news));
    }
    assert!(rev >= first.rev);
    house.signal(Signal::KILL);
    assert_eq!(within("the feed's end", feed.recv()).await, None);

    let again = within("the new hub", client.reconnect()).await.unwrap();
    let repeated: Posted = again.request(method::POST, post("one", "k1")).await.unwrap();
    assert_eq!(repeated.message, first.message, "the same key is the same message");
    again.request::<Posted>(method::POST, post("two", "k2")).await.unwrap();
    let mut feed = again.feed();
    again.subscribe(SubscribeParams { since: Some(rev), ..SubscribeParams::default() }).await.unwrap();
    let mut missed = Vec::new();
    while !missed.contains(&"two".to_owned()) {
        missed.extend(texts(&within("what was missed", feed.recv()).await.expect("the hub lives")));
    }
    assert_eq!(missed, ["two"], "what it had is not sent again");
}

fn texts(feed: &Feed) -> Vec<String> {
    let text = |item: &Item| match item {
        Item::Message(message) => Some(message.text.clone()),
        _ => None,
    };
    feed.items.iter().filter_map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_clients_sees_every_message_in_order() {
    let house = House::new();
    let speaker = house.client().await;
    let mut listeners = Vec::new();
    for _ in 0..10 {
        let client = house.client().await;
        client.subscribe(SubscribeParams::default()).await.unwrap();
        let mut feed = client.feed();
        within("the greeting feed", feed.recv()).await.unwrap();
        listeners.push(tokio::spawn(async move {
            let mut heard = Vec::new();
            while heard.len() < 200 {
                heard.extend(texts(&within("a message", feed.recv()).await.expect("the hub lives")));
            }
            drop(client);
            heard
        }));
    }
    let said: Vec<_> = (0..200).map(|it| format!("message {it}")).collect();
    for text in &said {
        speaker.request::<Posted>(method::POST, json!({ "text": text })).await.unwrap();
    }
    for listener in listeners {
        assert_eq!(within("a listener", listener).await.unwrap(), said);
    }
}

#[tokio::test]
async fn what_is_removed_from_the_runtime_folder_is_put_back() {
    let house = House::new();
    let client = house.client().await;
    let pid = house.pid();
    for path in [house.names().socket(), house.names().token()] {
        fs::remove_file(&path).unwrap();
        // A client that comes in between waits for it, as the lock is held.
        let other = within("a client after the removal", house.client()).await;
        assert_eq!(status(&other).await.pid, pid, "after the removal of {}", path.display());
    }
    let names = house.names();
    fs::rename(names.dir(), house.temp.path().join("away")).unwrap();
    within("the folder's return", async {
        while !names.socket().exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(status(&house.client().await).await.pid, pid, "after the removal of the folder");
    assert_eq!(status(&client).await.pid, pid);
    assert_eq!(house.pid(), pid);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_hub_is_reported_and_never_replaced() {
    let house = House::new();
    let client = house.client().await;
    let pid = house.pid();
    house.signal(Signal::STOP);

    let err = house.try_client(Attach { timeout: Duration::from_secs(1), ..house.attach() }).await.err().unwrap();
    assert!(matches!(err, ConnectError::Attach(AttachError::Hung { pid: Some(it), .. }) if it == pid), "{err}");
    let said = err.to_string();
    assert!(said.contains(&format!("pid {pid}")) && said.contains("callboard hub stop --kill"), "{said}");
    assert_eq!(house.pid(), pid, "there is no second hub");

    let attach = house.attach();
    let waiting = tokio::spawn(async move { attach.attach().await.map(drop) });
    house.signal(Signal::CONT);
    within("the client that waited", waiting).await.unwrap().unwrap();
    assert_eq!(status(&client).await.pid, pid);
}

#[tokio::test]
async fn a_hung_hub_is_killed_on_demand_and_only_then() {
    let house = House::new();
    house.client().await;
    let pid = house.pid();
    house.signal(Signal::STOP);
    let (kept, killed) = tokio::join!(
        hub::stop(&house.places, &house.workspace, false),
        // After the other has given up, so that it does not meet a hub that is gone.
        async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            hub::stop(&house.places, &house.workspace, true).await
        }
    );
    assert!(matches!(kept, Err(ConnectError::Attach(AttachError::Hung { .. }))), "it was asked in words only");
    assert_eq!(killed.unwrap(), Stopped::Killed(pid));
    assert_eq!(house.life(), Life::Dead);
    assert_eq!(hub::stop(&house.places, &house.workspace, true).await.unwrap(), Stopped::NoneLived);
}

#[tokio::test]
async fn a_hub_ends_in_order_when_it_is_asked() {
    let house = House::new();
    assert_eq!(hub::status(&house.places, &house.workspace).await.unwrap(), None);
    let mut editor = house.greeted_editor().await;
    editor.hub_pid().await;
    let seen = hub::status(&house.places, &house.workspace).await.unwrap().unwrap();
    assert_eq!((seen.pid, seen.protocol, seen.in_process), (house.pid(), PROTOCOL, false));
    assert_eq!(hub::stop(&house.places, &house.workspace, false).await.unwrap(), Stopped::InOrder);
    assert_eq!(house.life(), Life::Dead);
    assert!(!house.names().socket().exists() && !house.names().token().exists());
    assert_eq!(editor.code().await, 75);
}

#[tokio::test]
async fn a_hub_drains_at_sigterm_and_ignores_sighup() {
    let house = House::new();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_callboard"));
    command.args(["hub", "run"]).arg(&house.workspace.root).envs(house.variables()).kill_on_drop(true);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    within("the hub's word", child.stdout.take().unwrap().read_to_string(&mut said)).await.unwrap();
    assert_eq!(said, "ready\n");

    let client = house.client().await;
    house.signal(Signal::HUP);
    assert_eq!(status(&client).await.pid, house.pid());
    house.signal(Signal::TERM);
    let ended = within("the hub's end", child.wait()).await.unwrap();
    assert_eq!((ended.code(), ended.signal()), (Some(0), None));
    house.until_dead().await;
    assert!(!house.names().socket().exists());
}

/// Speaks to the hub's socket byte by byte.
fn meet(house: &House, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(house.names().socket()).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    answer
}

#[tokio::test]
async fn a_wrong_token_or_protocol_is_told_so_and_let_go() {
    let house = House::new();
    let client = house.client().await;
    let wrong = [&b"CLBD"[..], &PROTOCOL.to_be_bytes(), &[b'0'; 64]].concat();
    assert_eq!(meet(&house, &wrong), [&b"NO!!"[..], &PROTOCOL.to_be_bytes()].concat());
    let token = fs::read(house.names().token()).unwrap();
    let older = [&b"CLBD"[..], &99_u32.to_be_bytes(), &token].concat();
    assert_eq!(meet(&house, &older), [&b"VER!"[..], &PROTOCOL.to_be_bytes()].concat());
    assert_eq!(meet(&house, &[b'x'; 72]), b"");

    fs::write(house.names().token(), [b'0'; 64]).unwrap();
    let err = house.try_client(house.attach()).await.err().unwrap();
    assert!(matches!(err, ConnectError::Attach(AttachError::Token { .. })), "{err}");
    assert_eq!(status(&client).await.pid, house.pid());
}

#[tokio::test]
async fn a_hub_of_another_protocol_is_neither_used_nor_doubled() {
    let house = House::new();
    let other = house.names().dir().join(format!("p99-{}.lock", house.workspace.id));
    fs::write(&other, "4711").unwrap();
    let held = fs::File::open(&other).unwrap();
    held.lock().unwrap();
    let err = house.try_client(house.attach()).await.err().unwrap();
    assert!(matches!(err, ConnectError::Attach(AttachError::OtherProtocol { theirs: 99, pid: Some(4711) })), "{err}");
    assert_eq!(house.life(), Life::Dead);
    // By word, not by closing it: a program that another test is about to start has it open too until it runs.
    held.unlock().unwrap();
    house.client().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_runtime_folder_is_loose_the_hub_runs_in_the_client() {
    let house = House::new();
    let dir = house.names().dir().to_owned();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    let err = Client::connect(&house.places, &house.workspace, Engine::Hub).await.err().unwrap().to_string();
    assert!(err.contains("755") && err.contains("inproc"), "{err}");

    let client = Client::connect(&house.places, &house.workspace, Engine::Auto).await.unwrap();
    assert!(status(&client).await.in_process);
    client.close().await;

    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).unwrap();
    let client = house.client().await;
    assert!(!status(&client).await.in_process);
}

/// Promise 1: whoever holds the journal is the one hub, in whichever process, and the other says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hubs_never_share_a_journal() {
    let house = House::new();
    house.places.make_state_dir(&house.workspace).unwrap();
    let held = SqliteJournal::open(&house.places.journal(&house.workspace)).unwrap();
    let holder = format!("pid {}", std::process::id());
    let err = Client::connect(&house.places, &house.workspace, Engine::InProc).await.err().unwrap().to_string();
    assert!(err.contains("in use by another process") && err.contains(&holder), "{err}");
    let err = house.try_client(house.attach()).await.err().unwrap().to_string();
    assert!(err.contains("did not start") && err.contains(&holder), "{err}");
    assert_eq!(house.life(), Life::Dead);
    drop(held);
    house.client().await;
}

/// What the other user's process does, in `another_user_is_not_let_in`; nothing where that did not start it.
#[test]
fn as_another_user() {
    let Some(socket) = std::env::var_os("CALLBOARD_TEST_SOCKET") else { return };
    let preamble = std::env::var("CALLBOARD_TEST_TOKEN").unwrap();
    match UnixStream::connect(socket) {
        Err(err) => {
            let _ = writeln!(std::io::stderr(), "outcome: {:?}", err.kind());
        }
        Ok(mut stream) => {
            let bytes = [&b"CLBD"[..], &PROTOCOL.to_be_bytes(), preamble.as_bytes()].concat();
            let sent = stream.write_all(&bytes);
            let mut answer = Vec::new();
            let read = stream.read_to_end(&mut answer);
            let _ = writeln!(
                std::io::stderr(),
                "outcome: connected, sent {}, heard {} bytes, {}",
                sent.is_ok(),
                answer.len(),
                read.is_ok()
            );
        }
    }
}

/// Security: the folder keeps other users out, and where it is forced open the kernel's word on the peer does.
#[tokio::test]
async fn another_user_is_not_let_in() {
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "only root can become another user: nothing was tried");
        return;
    }
    let house = House::new();
    let client = house.client().await;
    let token = String::from_utf8(fs::read(house.names().token()).unwrap()).unwrap();
    // A copy, as the other user may not be able to reach the folder that this program is in.
    let program = tempfile::tempdir().unwrap();
    fs::set_permissions(program.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let copy = program.path().join("e2e");
    fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let try_as_nobody = || {
        let mut command = Command::new(&copy);
        command.args(["--exact", "wire::as_another_user", "--nocapture"]).current_dir("/").uid(65534).gid(65534);
        command.env("CALLBOARD_TEST_SOCKET", house.names().socket()).env("CALLBOARD_TEST_TOKEN", &token);
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stderr)
            .lines()
            .find_map(|it| it.strip_prefix("outcome: ").map(str::to_owned))
            .unwrap()
    };
    assert_eq!(try_as_nobody(), "PermissionDenied");

    let names = house.names();
    let opened = [house.temp.path().to_owned(), house.temp.path().join("run"), names.dir().to_owned()];
    for dir in &opened {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::set_permissions(names.dir().join(names.socket().file_name().unwrap()), fs::Permissions::from_mode(0o666))
        .unwrap();
    let socket = names.socket();
    let mut command = Command::new(&copy);
    command.args(["--exact", "wire::as_another_user", "--nocapture"]).current_dir("/").uid(65534).gid(65534);
    let output = command.env("CALLBOARD_TEST_SOCKET", &socket).env("CALLBOARD_TEST_TOKEN", &token).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("outcome: connected") && said.contains("heard 0 bytes"), "{said}");
    for dir in &opened {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(status(&client).await.pid, house.pid());
}

struct NoEffects;

impl Effects for NoEffects {
    fn start(&mut self, _: Effect) {}
}

struct NoFiles;

impl Surroundings for NoFiles {
    fn plan(&self, _: &str) -> Result<Arc<Plan>, Refusal> {
        Err(Refusal::new(RefusalCode::NotFound, "there is none"))
    }

    fn reload(&self) -> Result<Reading, Refusal> {
        Ok(Reading { trusted: true, agents: Vec::<AgentInfo>::new() })
    }

    fn is_trusted(&self) -> bool {
        true
    }
}

fn bare_host() -> Host {
    Host::start(Parts {
        journal: Box::new(MemoryJournal::new()),
        effects: Box::new(|_| Box::new(NoEffects)),
        surroundings: Arc::new(NoFiles),
        agents: Vec::new(),
        trusted: true,
        stop: Box::new(|| {}),
        workspace: "/nowhere".to_owned(),
        in_process: false,
        toolbox: callboard::agent::tools::Toolbox::default(),
    })
    .unwrap()
}

/// Promise 2: a process that the hub's process started is an agent, and what only a person may do is refused to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_descendant_of_the_hub_is_an_agent_and_the_hubs_own_process_is_not() {
    let house = House::new();
    // This process is the hub, so the proxy that it starts descends from it, as an agent's would.
    let endpoint = Claim::take(house.names()).unwrap().publish("/nowhere").unwrap();
    let serving = tokio::spawn(bare_host().serve(endpoint, BOUND));
    let mut agent = house.greeted_editor().await;
    assert_eq!(agent.hub_pid().await, u64::from(std::process::id()));
    let answer = agent.request(method::STOP_HUB, json!({})).await;
    assert_eq!(answer["error"]["data"]["code"], "humans_only", "{answer}");
    assert_eq!(agent.goodbye().await, 0);

    let own = house.client().await;
    match own.request::<Value>(method::RUN, json!({ "workflow": "review-fix" })).await {
        Err(RpcError::Refused { code, .. }) => {
            assert_eq!(code, RefusalCode::NotFound, "a person gets as far as the files");
        }
        other => panic!("{other:?}"),
    }
    own.stop_hub().await.unwrap();
    assert_eq!(within("the hub's end", serving).await.unwrap().unwrap(), Ending::Asked);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_nobody_needs_leaves_and_one_with_a_client_stays() {
    let house = House::new();
    let endpoint = Claim::take(house.names()).unwrap().publish("/nowhere").unwrap();
    let idle = Duration::from_millis(200);
    let serving = tokio::spawn(bare_host().serve(endpoint, idle));
    let client = house.try_client(Attach { launch: None, ..house.attach() }).await.unwrap();
    tokio::time::sleep(3 * idle).await;
    assert!(!serving.is_finished(), "it left its client");
    client.close().await;
    assert_eq!(within("the hub's end", serving).await.unwrap().unwrap(), Ending::Idle);
    assert!(!house.names().socket().exists());
}
