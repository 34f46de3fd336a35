//! A program that speaks stream-json as Claude Code does: prompts in, events, requests and results out.
//!
//! `fake-agent stream [OPTIONS]`. It keeps its sessions as files below `$HOME/fake-sessions`. What it does in a turn is what
//! the prompt says in brackets, in order.
//!
//! | directive | does |
//! |---|---|
//! | `[[bash COMMAND]]` | asks for a command, and runs it where it may |
//! | `[[write PATH|TEXT]]` | asks for a file, and writes it where it may |
//! | `[[ask QUESTION|CHOICE|…]]` | asks a question |
//! | `[[twice COMMAND]]` | asks for a command, and takes the request back |
//! | `[[say TEXT]]` | says text, piece by piece |
//! | `[[fence JSON]]` | gives a typed result |
//! | `[[fail STATUS]]` | ends the turn as its provider's error |
//! | `[[limit SECONDS]]` | its provider's limit, which is over at this time |
//! | `[[odd]]` | says lines that nobody knows, and one that is cut |
//! | `[[args]]` | says its arguments |
//! | `[[hang]]` | does nothing until it is interrupted |
//! | `[[deaf]]` | does nothing, not even then |
//! | `[[die]]` | ends in the midst of a line |

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{Lines, StdinLock, Write as _, stdin, stdout},
    path::PathBuf,
    process::{Command, ExitCode},
};

use serde_json::{Value, json};

struct Fake {
    lines: Lines<StdinLock<'static>>,
    session: String,
    turns: u64,
    cost: f64,
    asked: u64,
    /// What was said in this turn.
    text: String,
}

enum Next {
    Go,
    Interrupted,
    Failed(u16),
}

/// Returns the folder with a file for each session, which counts its turns.
pub fn folder() -> Result<PathBuf, String> {
    let folder = PathBuf::from(env::var("HOME").map_err(|it| it.to_string())?).join("fake-sessions");
    fs::create_dir_all(&folder).map_err(|it| it.to_string())?;
    Ok(folder)
}

pub fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let folder = folder()?;
    let resume = arguments.iter().find_map(|it| it.strip_prefix("--resume="));
    let mut fake =
        Fake { lines: stdin().lines(), session: String::new(), turns: 0, cost: 0.0, asked: 0, text: String::new() };
    if let Some(id) = resume {
        let Ok(turns) = fs::read_to_string(folder.join(id)) else {
            let _ = writeln!(std::io::stderr(), "No conversation found with session ID: {id}");
            fake.over("error_during_execution", true, None);
            return Ok(ExitCode::from(1));
        };
        fake.session = id.to_owned();
        if arguments.iter().any(|it| it == "--fork-session") {
            fake.session = format!("{id}-fork");
        }
        fake.turns = turns.trim().parse().unwrap_or(0);
    } else {
        let number = fs::read_dir(&folder).map_err(|it| it.to_string())?.count() + 1;
        fake.session = format!("session-{number}");
    }
    loop {
        let Some(Ok(line)) = fake.lines.next() else { return Ok(ExitCode::SUCCESS) };
        let Ok(value) = serde_json::from_str::<Value>(&line) else { return Err(format!("no JSON: {line}")) };
        if value["type"] != "user" {
            continue;
        }
        let prompt = value["message"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();
        fake.turns += 1;
        fs::write(folder.join(&fake.session), fake.turns.to_string()).map_err(|it| it.to_string())?;
        fake.say(&json!({ "type": "system", "subtype": "session_state_changed", "state": "running" }));
        fake.say(&json!({ "type": "system", "subtype": "init", "session_id": fake.session, "tools": [] }));
        fake.turn(&prompt, arguments);
        fake.say(&json!({ "type": "system", "subtype": "session_state_changed", "state": "idle" }));
    }
}

impl Fake {
    #[expect(clippy::unused_self, reason = "what it says is its own")]
    fn say(&self, value: &Value) {
        let mut out = stdout().lock();
        let _ = writeln!(out, "{value}").and_then(|()| out.flush());
    }

    fn turn(&mut self, prompt: &str, arguments: &[String]) {
        self.text.clear();
        for part in prompt.split("[[").skip(1) {
            let directive = part.split("]]").next().unwrap_or_default();
            let (word, rest) = directive.split_once(' ').unwrap_or((directive, ""));
            match self.act(word, rest, arguments) {
                Next::Go => {}
                Next::Interrupted => return self.over("error_during_execution", true, None),
                Next::Failed(status) => {
                    self.text = format!("API Error: {status}");
                    return self.over("success", true, Some(status));
                }
            }
        }
        if self.text.is_empty() {
            self.text = format!("{} turn {} of {} characters", self.session, self.turns, prompt.len());
        }
        let text = self.text.clone();
        for piece in text.split_inclusive(' ') {
            let delta = json!({ "type": "content_block_delta", "delta": { "type": "text_delta", "text": piece } });
            self.say(&json!({ "type": "stream_event", "event": delta }));
        }
        self.assistant(&json!({ "type": "text", "text": text }));
        self.over("success", false, None);
    }

    fn act(&mut self, word: &str, rest: &str, arguments: &[String]) -> Next {
        match word {
            "say" => self.text += rest,
            "args" => self.text += &arguments.join(" "),
            "fence" => drop(write!(self.text, "\n```callboard-result\n{rest}\n```\n")),
            "fail" => return Next::Failed(rest.parse().unwrap_or(500)),
            "limit" => {
                let info = json!({ "status": "rejected", "resetsAt": rest.parse::<i64>().unwrap_or(0) });
                self.say(&json!({ "type": "rate_limit_event", "rate_limit_info": info }));
                return Next::Failed(429);
            }
            "odd" => {
                self.say(&json!({ "type": "of a later version", "message": 3 }));
                self.say(&json!([1, 2]));
                let mut out = stdout().lock();
                let _ = out.write_all(b"{\"type\":\"result\",\"is_er\nnot JSON at all\n").and_then(|()| out.flush());
            }
            "die" => {
                let mut out = stdout().lock();
                let _ = out.write_all(b"{\"type\":\"assistant\",\"mess").and_then(|()| out.flush());
                let _ = writeln!(std::io::stderr(), "it broke");
                std::process::exit(3);
            }
            "deaf" => loop {
                std::thread::park();
            },
            "hang" => return if self.wait_for("interrupt") { Next::Interrupted } else { Next::Go },
            "bash" => {
                let input = json!({ "command": rest, "description": "what it does" });
                return self.with_permission("Bash", &input, |it| {
                    let command = it["command"].as_str().unwrap_or_default();
                    Command::new("sh").args(["-c", command]).status().map(|it| it.to_string())
                });
            }
            "write" => {
                let (path, text) = rest.split_once('|').unwrap_or((rest, ""));
                let input = json!({ "file_path": path, "content": text });
                return self.with_permission("Write", &input, |it| {
                    let (path, text) = (it["file_path"].as_str(), it["content"].as_str());
                    fs::write(path.unwrap_or_default(), text.unwrap_or_default()).map(|()| "written".to_owned())
                });
            }
            "ask" => {
                let mut parts = rest.split('|');
                let question = parts.next().unwrap_or_default();
                let options: Vec<Value> = parts.map(|it| json!({ "label": it, "description": "" })).collect();
                let input = json!({ "questions": [{ "question": question, "options": options }] });
                return self.with_permission("AskUserQuestion", &input, |it| Ok(it["answers"].to_string()));
            }
            "twice" => {
                let id = self.request("Bash", &json!({ "command": rest }));
                self.say(&json!({ "type": "control_cancel_request", "request_id": id }));
                self.text += "taken back";
            }
            other => drop(write!(self.text, "(no directive {other})")),
        }
        Next::Go
    }

    fn request(&mut self, tool: &str, input: &Value) -> String {
        self.asked += 1;
        let id = format!("{}-{}-{}", self.session, self.turns, self.asked);
        self.assistant(&json!({ "type": "tool_use", "id": id, "name": tool, "input": input }));
        let request = json!({ "subtype": "can_use_tool", "tool_name": tool, "input": input });
        self.say(&json!({ "type": "control_request", "request_id": id, "request": request }));
        id
    }

    fn with_permission(
        &mut self,
        tool: &str,
        input: &Value,
        act: impl FnOnce(&Value) -> std::io::Result<String>,
    ) -> Next {
        let id = self.request(tool, input);
        loop {
            let Some(Ok(line)) = self.lines.next() else { std::process::exit(0) };
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            if value["request"]["subtype"] == "interrupt" {
                return Next::Interrupted;
            }
            let response = &value["response"];
            if response["request_id"] != id.as_str() {
                continue;
            }
            let said = &response["response"];
            let (text, failed) = match said["behavior"].as_str() {
                Some("allow") => match act(&said["updatedInput"]) {
                    Ok(text) => (text, false),
                    Err(err) => (err.to_string(), true),
                },
                _ => (said["message"].as_str().unwrap_or("denied").to_owned(), true),
            };
            let result = json!({ "type": "tool_result", "tool_use_id": id, "content": text, "is_error": failed });
            self.say(&json!({ "type": "user", "message": { "role": "user", "content": [result] } }));
            let _ = write!(self.text, "{tool}: {text}. ");
            return Next::Go;
        }
    }

    fn wait_for(&mut self, subtype: &str) -> bool {
        while let Some(Ok(line)) = self.lines.next() {
            let value: Value = serde_json::from_str(&line).unwrap_or_default();
            if value["request"]["subtype"] == subtype {
                let response = json!({ "subtype": "success", "request_id": value["request_id"] });
                self.say(&json!({ "type": "control_response", "response": response }));
                return true;
            }
        }
        std::process::exit(0)
    }

    fn assistant(&self, block: &Value) {
        let message = json!({ "role": "assistant", "content": [block] });
        self.say(&json!({ "type": "assistant", "message": message, "parent_tool_use_id": null }));
    }

    fn over(&mut self, how: &str, failed: bool, status: Option<u16>) {
        self.cost += 0.002;
        let usage = json!({ "input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 5_000 });
        self.say(&json!({
            "type": "result", "subtype": how, "is_error": failed, "api_error_status": status, "result": self.text,
            "session_id": self.session, "total_cost_usd": self.cost, "usage": usage,
        }));
    }
}
