//! An editor that knows nothing of Callboard: the language server protocol over the real program's standard streams.
//!
//! Invariant: nothing waits without a bound, what is not asked for yet is kept in order, and a message of the server's that
//! the test never looked at fails it, but for those that come at any time.

use std::{
    collections::VecDeque,
    io::{BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Instant,
};

use serde_json::{Value, json};

use super::{COMMAND_LIMIT, World};

/// What follows the state, as often as that changes: a test looks at those that it is about.
const AT_ANY_TIME: [&str; 6] = [
    "$/progress",
    "callboard/feed",
    "callboard/terminalFrame",
    "textDocument/publishDiagnostics",
    "window/logMessage",
    "workspace/diagnostic/refresh",
];

/// An editor with a session.
pub struct Editor {
    child: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    kept: VecDeque<Value>,
    next: u64,
    /// What need not be looked at: a method, and what its params say.
    may_come: Vec<(&'static str, &'static str)>,
    /// Requests whose answers nobody waits for.
    unheeded: Vec<u64>,
    /// All that was said, for the message of a failure.
    log: Vec<String>,
    ended: bool,
}

/// What a full editor can.
pub fn capabilities() -> Value {
    json!({
        "general": { "positionEncodings": ["utf-16"] },
        "workspace": {
            "applyEdit": true,
            "codeLens": { "refreshSupport": true },
            "workspaceEdit": { "documentChanges": true },
        },
        "textDocument": {
            "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": ["quickfix", "source"] } } },
            "publishDiagnostics": { "tagSupport": { "valueSet": [1, 2] } },
        },
        "window": { "workDoneProgress": true, "showDocument": { "support": true } },
    })
}

/// Returns a file's address.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

impl Editor {
    /// Starts one in the world's workspace.
    pub fn start(world: &World) -> Self {
        Self::with(world, &capabilities(), &json!({}))
    }

    /// Starts one that can only so much.
    pub fn with(world: &World, capabilities: &Value, options: &Value) -> Self {
        let root = uri(&world.workspace());
        Self::greeted(
            world,
            &json!({ "rootUri": root, "capabilities": capabilities, "initializationOptions": options }),
        )
    }

    /// Starts one that has these folders open.
    pub fn over(world: &World, folders: &[&Path]) -> Self {
        let folders: Vec<Value> = folders.iter().map(|it| json!({ "uri": uri(it), "name": "" })).collect();
        Self::greeted(world, &json!({ "workspaceFolders": folders, "capabilities": capabilities() }))
    }

    /// Starts one that greets with these params.
    pub fn greeted(world: &World, hello: &Value) -> Self {
        let mut command = world.command(env!("CARGO_BIN_EXE_callboard"));
        command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the language server starts");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            while let Some(message) = read(&mut output) {
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let mut editor = Self {
            child,
            input,
            messages,
            kept: VecDeque::new(),
            next: 0,
            may_come: Vec::new(),
            unheeded: Vec::new(),
            log: Vec::new(),
            ended: false,
        };
        let answer = editor.request("initialize", hello);
        assert_eq!(answer["serverInfo"]["name"], "callboard", "{answer}");
        editor.notify("initialized", &json!({}));
        editor
    }

    /// A message of this method that says this may come, or not, and is not looked at.
    pub fn may_come(&mut self, method: &'static str, says: &'static str) {
        self.may_come.push((method, says));
    }

    /// Opens a file with this text.
    pub fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "markdown", "version": 1, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    /// Replaces a range, written as `[line, character, line, character]`; without one, the whole.
    pub fn change(&mut self, uri: &str, version: i32, range: Option<[u32; 4]>, text: &str) {
        let mut change = json!({ "text": text });
        if let Some([a, b, c, d]) = range {
            change["range"] = json!({ "start": { "line": a, "character": b }, "end": { "line": c, "character": d } });
        }
        let document = json!({ "uri": uri, "version": version });
        self.notify("textDocument/didChange", &json!({ "textDocument": document, "contentChanges": [change] }));
    }

    /// Returns the code actions at a line, by title, with their commands.
    pub fn actions(&mut self, uri: &str, line: u32) -> Vec<Value> {
        let at = json!({ "line": line, "character": 0 });
        let params = json!({
            "textDocument": { "uri": uri }, "range": { "start": at, "end": at }, "context": { "diagnostics": [] },
        });
        self.request("textDocument/codeAction", &params).as_array().expect("a list of actions").clone()
    }

    /// Does what the code action of this title does.
    #[track_caller]
    pub fn act(&mut self, uri: &str, line: u32, title: &str) -> Value {
        let actions = self.actions(uri, line);
        let titles: Vec<_> = actions.iter().map(|it| it["title"].as_str().unwrap_or_default()).collect();
        let action = actions.iter().find(|it| it["title"] == title);
        let action = action.unwrap_or_else(|| panic!("there is no action {title:?} among {titles:?}"));
        let command = action["command"].clone();
        self.request(
            "workspace/executeCommand",
            &json!({ "command": command["command"], "arguments": command["arguments"] }),
        )
    }

    /// Runs a command and returns its answer.
    #[track_caller]
    pub fn run(&mut self, command: &str, argument: &Value) -> Value {
        self.request("workspace/executeCommand", &json!({ "command": command, "arguments": [argument] }))
    }

    /// Runs a command and returns its refusal's words.
    #[track_caller]
    pub fn refused(&mut self, command: &str, arguments: &Value) -> String {
        let answer = self.ask("workspace/executeCommand", &json!({ "command": command, "arguments": arguments }));
        answer["error"]["message"].as_str().unwrap_or_else(|| panic!("{command} was taken: {answer}")).to_owned()
    }

    /// Returns the lenses of a file, by title.
    pub fn lenses(&mut self, uri: &str) -> Vec<(String, Value)> {
        let lenses = self.request("textDocument/codeLens", &json!({ "textDocument": { "uri": uri } }));
        let lenses = lenses.as_array().expect("a list of lenses").clone();
        lenses
            .into_iter()
            .map(|it| (it["command"]["title"].as_str().unwrap().to_owned(), it["command"].clone()))
            .collect()
    }

    /// Waits until the diagnostics of a file are such.
    #[track_caller]
    pub fn diagnostics(&mut self, name: &str, uri: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let is_it = |it: &Value| {
            it["method"] == "textDocument/publishDiagnostics"
                && it["params"]["uri"] == uri
                && fits(it["params"]["diagnostics"].as_array().expect("a list of diagnostics"))
        };
        self.wait(name, is_it)["params"]["diagnostics"].as_array().unwrap().clone()
    }

    /// Waits for the server's question whose method and message these are.
    #[track_caller]
    pub fn question(&mut self, method: &str, says: &str) -> Value {
        let name = format!("the question {method} that says {says:?}");
        self.wait(&name, |it| {
            it["method"] == method && it["id"] != Value::Null && it["params"].to_string().contains(says)
        })
    }

    /// Answers a question with the button of this title.
    pub fn choose(&mut self, question: &Value, title: &str) {
        let offered = question["params"]["actions"].as_array().expect("buttons");
        assert!(offered.iter().any(|it| it["title"] == title), "no button {title:?} in {question}");
        self.answer(question, &json!({ "title": title }));
    }

    /// Answers a question.
    pub fn answer(&mut self, question: &Value, result: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": result }));
    }

    /// Waits until a question is taken back, and answers it as one that nobody was asked any more.
    #[track_caller]
    pub fn withdrawn(&mut self, question: &Value) {
        let id = &question["id"];
        self.wait("the question taken back", |it| it["method"] == "$/cancelRequest" && it["params"]["id"] == *id);
        let error = json!({ "code": -32800, "message": "cancelled" });
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }

    /// Waits for a message to the user that says this.
    #[track_caller]
    pub fn told(&mut self, says: &str) -> String {
        let is_it =
            |it: &Value| it["method"] == "window/showMessage" && it["params"]["message"].to_string().contains(says);
        let message = self.wait(&format!("a message that says {says:?}"), is_it);
        message["params"]["message"].as_str().unwrap().to_owned()
    }

    /// Waits for a progress of this kind whose value says this, and returns its token.
    #[track_caller]
    pub fn progress(&mut self, kind: &str, says: &str) -> String {
        let is_it = |it: &Value| {
            let value = &it["params"]["value"];
            it["method"] == "$/progress" && value["kind"] == kind && value.to_string().contains(says)
        };
        let message = self.wait(&format!("a progress {kind:?} that says {says:?}"), is_it);
        message["params"]["token"].as_str().unwrap().to_owned()
    }

    /// Sends a request and returns its result.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let mut answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method} was refused: {answer}");
        answer["result"].take()
    }

    /// Sends a request and returns its id, without waiting for the answer.
    pub fn begin(&mut self, method: &str, params: &Value) -> u64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Sends a request that has no params at all, and whose answer need not be looked at.
    pub fn send_bare(&mut self, method: &str) -> u64 {
        self.next += 1;
        self.unheeded.push(self.next);
        self.send(&json!({ "jsonrpc": "2.0", "id": self.next, "method": method }));
        self.next
    }

    /// Returns whether a message of this method was kept for the test. What comes meanwhile is taken first.
    pub fn has(&mut self, method: &str) -> bool {
        self.synced();
        self.kept.iter().any(|it| it["method"] == method)
    }

    /// Sends a notification that has no params at all.
    pub fn notify_bare(&mut self, method: &str) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method }));
    }

    /// Waits for the result of a request that was begun.
    #[track_caller]
    pub fn result(&mut self, id: u64, name: &str) -> Value {
        let mut answer = self.wait(name, |it| it["id"] == id && it.get("method").is_none());
        assert!(answer.get("error").is_none(), "{name}: it was refused: {answer}");
        answer["result"].take()
    }

    /// Returns whether the answer to a request has come by now. What was sent before is taken first.
    #[track_caller]
    pub fn has_answer(&mut self, id: u64) -> bool {
        self.synced();
        self.kept.iter().any(|it| it["id"] == id && it.get("method").is_none())
    }

    /// Returns all of a notification that came by now, by their params, and takes them away.
    #[track_caller]
    pub fn came(&mut self, method: &str) -> Vec<Value> {
        self.synced();
        let (came, kept) = std::mem::take(&mut self.kept).into_iter().partition(|it| it["method"] == method);
        self.kept = kept;
        let came: VecDeque<Value> = came;
        came.into_iter().map(|mut it| it["params"].take()).collect()
    }

    /// Closes its input, waits until the server has ended, and returns its exit code.
    pub fn code(mut self) -> Option<i32> {
        self.input = None;
        self.ended()
    }

    /// Waits until the server has ended by itself, and returns its exit code.
    pub fn ended(mut self) -> Option<i32> {
        let deadline = Instant::now() + COMMAND_LIMIT;
        loop {
            match self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("the server did not end\n{}", self.log.join("\n")),
            }
        }
        self.ended = true;
        let code = self.child.wait().expect("it ends").code();
        self.all_was_looked_at();
        code
    }

    /// Fails where something came that no test may leave unread.
    fn all_was_looked_at(&self) {
        let is_expected = |it: &&Value| {
            let Some(method) = it["method"].as_str() else {
                return it["id"].as_u64().is_some_and(|id| self.unheeded.contains(&id));
            };
            let (is_question, params) = (it.get("id").is_some(), it["params"].to_string());
            !is_question && AT_ANY_TIME.contains(&method)
                || self.may_come.iter().any(|(named, says)| *named == method && params.contains(says))
        };
        let unread: Vec<_> = self.kept.iter().filter(|it| !is_expected(it)).collect();
        assert!(unread.is_empty(), "the server said what the test never looked at: {unread:?}");
    }

    #[track_caller]
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.begin(method, params);
        self.wait(&format!("the answer to {method}"), |it| it["id"] == id && it.get("method").is_none())
    }

    /// Sends a request and returns its refusal.
    #[track_caller]
    pub fn refusal(&mut self, method: &str, params: &Value) -> Value {
        let mut answer = self.ask(method, params);
        assert!(answer.get("error").is_some(), "{method} was taken: {answer}");
        answer["error"].take()
    }

    /// Returns when all that was sent before has been taken.
    #[track_caller]
    pub fn synced(&mut self) {
        self.request("callboard/hubStatus", &json!({}));
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Waits for a message that fits; those before it are kept.
    #[track_caller]
    pub fn wait(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let mut looked = 0;
        let deadline = Instant::now() + COMMAND_LIMIT;
        loop {
            if let Some(at) = self.kept.iter().skip(looked).position(&fits) {
                return self.kept.remove(looked + at).expect("it is there");
            }
            looked = self.kept.len();
            match self.messages.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("waited {COMMAND_LIMIT:?} in vain for {name}\n{}", self.log.join("\n"))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    panic!("the server ended before {name}\n{}", self.log.join("\n"))
                }
            }
        }
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
        self.ended = true;
    }

    fn take(&mut self, message: Value) {
        self.log.push(message.to_string().chars().take(600).collect());
        // What an editor does by itself.
        let method = message["method"].as_str().unwrap_or_default();
        if matches!(method, "window/workDoneProgress/create" | "workspace/codeLens/refresh") {
            self.answer(&message, &Value::Null);
            return;
        }
        if method == "workspace/diagnostic/refresh" {
            // Answered by itself too; a test may wait for it as for any notification.
            self.answer(&message, &Value::Null);
            self.kept.push_back(json!({ "method": method }));
            return;
        }
        self.kept.push_back(message);
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        self.log.push(format!("  > {}", body.chars().take(300).collect::<String>()));
        let Some(input) = self.input.as_mut() else { return };
        // A server that is gone does not hear it, and the next wait says so.
        let _ = write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).and_then(|()| input.flush());
    }
}

/// An editor that reads nothing of what it is sent, once it was greeted.
pub struct Deaf {
    child: Child,
    input: ChildStdin,
    /// Its end of the pipe: open, and no longer read.
    unread: BufReader<std::process::ChildStdout>,
}

impl Editor {
    /// Starts one that reads its greeting and no more.
    pub fn deaf(world: &World) -> Deaf {
        let mut command = world.command(env!("CARGO_BIN_EXE_callboard"));
        command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the language server starts");
        let (input, output) = (child.stdin.take().expect("its input"), child.stdout.take().expect("its output"));
        let mut deaf = Deaf { child, input, unread: BufReader::with_capacity(1024, output) };
        let hello = json!({ "rootUri": uri(&world.workspace()), "capabilities": {} });
        deaf.ask_into_the_void(1_000_000, "initialize", &hello);
        assert!(read(&mut deaf.unread).is_some(), "it is greeted");
        deaf
    }
}

impl Deaf {
    /// Sends a request. One that is not taken any more is lost, which is what becomes of the deaf.
    pub fn ask_into_the_void(&mut self, id: u64, method: &str, params: &Value) {
        let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string();
        let _ = write!(self.input, "Content-Length: {}\r\n\r\n{body}", body.len()).and_then(|()| self.input.flush());
    }

    /// Returns the server's exit code, once it has closed its input; `None` where it was killed for it.
    pub fn exit_code(self) -> Option<i32> {
        let Self { mut child, input, unread } = self;
        drop((input, unread));
        super::wait_for(
            "the end of the deaf client's server",
            COMMAND_LIMIT,
            || child.try_wait().ok().flatten(),
            String::new,
        )
        .code()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.input = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
        let late: Vec<Value> = self.messages.try_iter().collect();
        for message in late {
            self.take(message);
        }
        if !std::thread::panicking() {
            self.all_was_looked_at();
        }
    }
}

fn read(output: &mut impl std::io::BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("Content-Length: ") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
