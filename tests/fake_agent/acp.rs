//! A program that speaks the Agent Client Protocol and does all that it allows, in any order, and some that it does not.
//!
//! `fake-agent acp [--no-load] [--version N]`. It keeps its sessions as files below `$HOME/fake-acp`, and tells a session's history
//! only after it has answered `session/load`. What it does in a turn is what the prompt says in brackets, in order.
//!
//! | directive | does |
//! |---|---|
//! | `[[say TEXT]]` | says text, piece by piece |
//! | `[[think TEXT]]` | thinks |
//! | `[[plan TEXT]]` | shows a plan |
//! | `[[ask KIND|TITLE]]` | asks for a permission and says `picked OPTION` or `cancelled` |
//! | `[[both A|B]]` | asks for two at once, and says what was picked of each |
//! | `[[misleading]]` | asks with options whose names and ids say the opposite of their kinds |
//! | `[[kindless]]` | asks with an option that has no kind |
//! | `[[unknown]]` | says and asks for what nobody knows, and for files and terminals that were not offered |
//! | `[[other]]` | speaks and asks in a session that is not this one |
//! | `[[garbage]]` | says lines that are no JSON, or JSON that is no message |
//! | `[[huge MB]]` | says a line so long |
//! | `[[error CODE|MESSAGE|DATA]]` | ends the turn with an error that has data |
//! | `[[stop REASON]]` | ends the turn for a reason |
//! | `[[late TEXT]]` | says text after the turn's end |
//! | `[[twice]]` | ends the turn twice |
//! | `[[hang]]` | waits to be cancelled, and speaks on until then and a little longer |
//! | `[[deaf]]` | does not even hear that |
//! | `[[exit]]` | ends in the middle of a line |
//! | `[[leave]]` | ends the turn, and then itself |

use std::{
    env, fs,
    io::{Lines, StdinLock, Write as _, stdin, stdout},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::{Value, json};

struct Fake {
    lines: Lines<StdinLock<'static>>,
    folder: PathBuf,
    session: String,
    turn: Value,
    asked: u64,
    /// Messages that came while an answer was waited for.
    cancelled: bool,
    late: Vec<String>,
    twice: bool,
    leaves: bool,
}

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let folder = PathBuf::from(env::var("HOME").map_err(|it| it.to_string())?).join("fake-acp");
    fs::create_dir_all(&folder).map_err(|it| it.to_string())?;
    let loads = !arguments.iter().any(|it| it == "--no-load");
    let version = arguments.iter().position(|it| it == "--version").and_then(|at| arguments.get(at + 1)?.parse().ok());
    let mut fake = Fake {
        lines: stdin().lines(),
        folder,
        session: String::new(),
        turn: Value::Null,
        asked: 0,
        cancelled: false,
        late: Vec::new(),
        twice: false,
        leaves: false,
    };
    loop {
        // Like some real ones it stays when its input ends.
        let Some(Ok(line)) = fake.lines.next() else { park() };
        let message: Value = serde_json::from_str(&line).map_err(|err| format!("no JSON: {err}: {line}"))?;
        let (id, params) = (message["id"].clone(), &message["params"]);
        match message["method"].as_str().unwrap_or_default() {
            "initialize" => {
                let can = json!({ "loadSession": loads, "promptCapabilities": {} });
                fake.answer(
                    &id,
                    &json!({ "protocolVersion": version.unwrap_or(1), "agentCapabilities": can, "authMethods": [] }),
                );
            }
            "session/new" => {
                let count = fs::read_dir(&fake.folder).map_err(|it| it.to_string())?.count() + 1;
                fake.session = format!("session-{count}");
                fake.keep(0)?;
                // A word about the session before it is known.
                fake.update(&json!({ "sessionUpdate": "available_commands_update", "availableCommands": [] }));
                fake.answer(
                    &id,
                    &json!({ "sessionId": fake.session, "modes": { "currentModeId": "x", "availableModes": [] } }),
                );
            }
            "session/load" => {
                let wanted = params["sessionId"].as_str().unwrap_or_default().to_owned();
                if !fake.folder.join(&wanted).exists() {
                    fake.refuse(&id, -32602, "there is no such session", &Value::Null);
                    continue;
                }
                fake.session = wanted;
                fake.answer(&id, &Value::Null);
                for word in ["what", " was", " said", " before"] {
                    std::thread::sleep(std::time::Duration::from_millis(20));
                    fake.chunk("user_message_chunk", word);
                    fake.chunk("agent_message_chunk", word);
                }
            }
            "session/prompt" => {
                let text = params["prompt"][0]["text"].as_str().unwrap_or_default().to_owned();
                fake.prompt(id, &text)?;
            }
            _ => {}
        }
    }
}

fn park() -> ! {
    loop {
        std::thread::park();
    }
}

impl Fake {
    fn keep(&self, turns: u64) -> Result<(), String> {
        fs::write(self.folder.join(&self.session), turns.to_string()).map_err(|it| it.to_string())
    }

    fn prompt(&mut self, id: Value, text: &str) -> Result<(), String> {
        let turns = fs::read_to_string(self.folder.join(&self.session)).unwrap_or_default();
        let turns = turns.trim().parse::<u64>().unwrap_or(0) + 1;
        self.keep(turns)?;
        self.turn = id;
        self.cancelled = false;
        self.twice = false;
        let mut end = json!({ "stopReason": "end_turn" });
        let parts: Vec<&str> = text.split("[[").skip(1).filter_map(|it| it.split("]]").next()).collect();
        if parts.is_empty() {
            self.say(&format!("{} turn {turns}", self.session));
        }
        for part in parts {
            let (word, rest) = part.split_once(' ').unwrap_or((part, ""));
            if word == "stop" {
                end = json!({ "stopReason": rest });
            } else if word == "error" {
                let mut fields = rest.splitn(3, '|');
                let code = fields.next().and_then(|it| it.parse().ok()).unwrap_or(-32603);
                let message = fields.next().unwrap_or_default().to_owned();
                let data = fields.next().and_then(|it| serde_json::from_str(it).ok()).unwrap_or(Value::Null);
                let id = self.turn.clone();
                self.refuse(&id, code, &message, &data);
                return Ok(());
            } else {
                self.act(word, rest);
            }
            if self.cancelled {
                end = json!({ "stopReason": "cancelled" });
                break;
            }
        }
        let id = self.turn.clone();
        self.answer(&id, &end);
        if self.twice {
            self.answer(&id, &json!({ "stopReason": "refusal" }));
        }
        for text in std::mem::take(&mut self.late) {
            self.say(&text);
        }
        if self.leaves {
            std::process::exit(0);
        }
        Ok(())
    }

    fn act(&mut self, word: &str, rest: &str) {
        match word {
            "say" => self.say(rest),
            "think" => self.chunk("agent_thought_chunk", rest),
            "plan" => self.update(&json!({ "sessionUpdate": "plan", "entries": [{ "content": rest, "priority": "low", "status": "pending" }, 3, null] })),
            "ask" => {
                let (kind, title) = rest.split_once('|').unwrap_or(("execute", rest));
                let id = self.request(kind, title, &options());
                self.say("asking ");
                let picked = self.wait_for(&[id]);
                self.say(&picked.join(" "));
            }
            "both" => {
                let ids: Vec<String> = rest.split('|').map(|it| self.request("execute", it, &options())).collect();
                let picked = self.wait_for(&ids);
                self.say(&picked.join(" and "));
            }
            "misleading" => {
                let options = json!([
                    { "optionId": "allow", "name": "Allow", "kind": "reject_once" },
                    { "optionId": "no", "name": "Reject", "kind": "allow_once" },
                    { "optionId": "never", "name": "Never", "kind": "allow_always" },
                ]);
                let id = self.request("execute", "something", &options);
                let picked = self.wait_for(&[id]);
                self.say(&picked.join(" "));
            }
            "kindless" => {
                let id = self.request("execute", "something", &json!([{ "optionId": "allow", "name": "Allow" }]));
                let picked = self.wait_for(&[id]);
                self.say(&picked.join(" "));
            }
            "unknown" => {
                self.update(&json!({ "sessionUpdate": "of_a_later_version", "what": [1, 2] }));
                self.update(&json!({ "sessionUpdate": 7 }));
                self.update(&json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "image", "data": "" } }));
                self.update(&json!({ "sessionUpdate": "tool_call_update", "toolCallId": "never-begun", "status": "completed" }));
                send(&json!({ "jsonrpc": "2.0", "method": "_later/notice", "params": [] }));
                send(&json!({ "jsonrpc": "2.0", "id": 999_999, "result": {} }));
                for method in ["fs/read_text_file", "fs/write_text_file", "terminal/create", "_later/thing"] {
                    let id = self.next_id();
                    send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": { "path": "/etc/passwd" } }));
                    let picked = self.wait_for(&[id]);
                    assert!(picked[0].contains("-32601"), "{method} was answered: {picked:?}");
                }
            }
            "other" => {
                let other = json!({ "sessionId": "another", "update": { "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "of another session" } } });
                send(&json!({ "jsonrpc": "2.0", "method": "session/update", "params": other }));
                let id = self.next_id();
                let call = json!({ "toolCallId": "o", "kind": "execute", "title": "rm" });
                send(&json!({ "jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": { "sessionId": "another", "toolCall": call, "options": options() } }));
                let picked = self.wait_for(&[id]);
                assert_eq!(picked, ["picked reject"], "another session's request was allowed");
            }
            "garbage" => raw("not JSON at all\n\n[1, 2]\n{\"jsonrpc\": \"2.0\"}\nnull\n{\"jsonrpc\":\"2.0\",\"method\":\"session/update\"}\n{\"cut\": \n"),
            "huge" => {
                let block = "x".repeat(1 << 20);
                for _ in 0..rest.parse::<usize>().unwrap_or(1) {
                    raw(&block);
                }
                raw("\n");
            }
            "late" => self.late.push(rest.to_owned()),
            "twice" => self.twice = true,
            "leave" => self.leaves = true,
            "hang" => {
                self.say("still ");
                while !self.cancelled {
                    self.wait_for(&["nothing".to_owned()]);
                }
                self.say("and on ");
            }
            "deaf" => park(),
            "exit" => {
                raw("{\"jsonrpc\":\"2.0\",\"method\":\"session/upd");
                let _ = writeln!(std::io::stderr(), "it broke");
                std::process::exit(3);
            }
            other => self.say(&format!("(no directive {other})")),
        }
    }

    fn next_id(&mut self) -> String {
        self.asked += 1;
        format!("ask-{}", self.asked)
    }

    fn request(&mut self, kind: &str, title: &str, options: &Value) -> String {
        let id = self.next_id();
        let call = json!({ "toolCallId": format!("call-{id}"), "kind": kind, "title": title, "status": "pending", "rawInput": { "command": title } });
        let mut begun = call.clone();
        begun["sessionUpdate"] = "tool_call".into();
        self.update(&begun);
        let params = json!({ "sessionId": self.session, "toolCall": call, "options": options });
        send(&json!({ "jsonrpc": "2.0", "id": id, "method": "session/request_permission", "params": params }));
        id
    }

    /// Waits until all of these were answered, in whatever order, or the turn was cancelled and they were too.
    fn wait_for(&mut self, ids: &[String]) -> Vec<String> {
        let mut picked: Vec<Option<String>> = vec![None; ids.len()];
        loop {
            if picked.iter().all(Option::is_some) || (self.cancelled && ids[0] == "nothing") {
                return picked.into_iter().map(Option::unwrap_or_default).collect();
            }
            let Some(Ok(line)) = self.lines.next() else { park() };
            let message: Value = serde_json::from_str(&line).unwrap_or_default();
            if message["method"] == "session/cancel" {
                assert_eq!(message["params"]["sessionId"], self.session.as_str());
                self.cancelled = true;
                continue;
            }
            let Some(at) = ids.iter().position(|it| message["id"] == it.as_str()) else { continue };
            let outcome = &message["result"]["outcome"];
            let said = match (&message["error"], outcome["optionId"].as_str()) {
                (error, _) if !error.is_null() => error.to_string(),
                (_, Some(option)) => format!("picked {option}"),
                _ => outcome["outcome"].as_str().unwrap_or("nothing").to_owned(),
            };
            picked[at] = Some(said);
        }
    }

    fn say(&self, text: &str) {
        for piece in text.split_inclusive(' ') {
            self.chunk("agent_message_chunk", piece);
        }
    }

    fn chunk(&self, kind: &str, text: &str) {
        self.update(&json!({ "sessionUpdate": kind, "content": { "type": "text", "text": text } }));
    }

    fn update(&self, update: &Value) {
        let params = json!({ "sessionId": self.session, "update": update });
        send(&json!({ "jsonrpc": "2.0", "method": "session/update", "params": params }));
    }

    #[expect(clippy::unused_self, reason = "what it says is its own")]
    fn answer(&self, id: &Value, result: &Value) {
        send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    #[expect(clippy::unused_self, reason = "what it says is its own")]
    fn refuse(&self, id: &Value, code: i64, message: &str, data: &Value) {
        send(&json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message, "data": data } }));
    }
}

fn options() -> Value {
    json!([
        { "optionId": "always", "name": "Always", "kind": "allow_always" },
        { "optionId": "once", "name": "Once", "kind": "allow_once" },
        { "optionId": "reject", "name": "No", "kind": "reject_once" },
        { "optionId": "later", "name": "Later", "kind": "of_a_later_version" },
    ])
}

fn send(message: &Value) {
    raw(&format!("{message}\n"));
}

fn raw(text: &str) {
    let mut out = stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
