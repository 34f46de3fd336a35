//! One line of Codex's app-server: what it says, in words that the rest of the driver understands.
//!
//! Pure: text in, value out. Whatever is unknown, cut or of another form than expected is `Other` or nothing at all, never an
//! error: a later version may say more.

use serde_json::{Value, json};

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Incoming {
    /// The answer to a request of ours.
    Answer { id: u64, result: Result<Value, String> },
    /// A request that wants an answer.
    Request { id: Value, method: String, params: Value },
    /// Something that happened.
    Notice(Notice),
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Notice {
    TurnStarted {
        turn: String,
    },
    TurnCompleted {
        turn: String,
        status: String,
        error: Option<TurnError>,
    },
    /// Tokens used by the whole thread so far, and by the last request.
    Tokens {
        total: u64,
        last: u64,
    },
    Delta {
        text: String,
    },
    Output {
        text: String,
    },
    ItemStarted(Item),
    ItemCompleted(Item),
    /// A failure; with `retries` it goes on by itself.
    Error {
        error: TurnError,
        retries: bool,
    },
    /// A request of its own needs no answer any more.
    Resolved {
        id: Value,
    },
    /// An MCP server could not be started.
    ServerFailed {
        name: String,
        error: String,
    },
    /// How much of the provider's limits is used: windows with their percentage and the second at which they begin anew.
    Limits(Vec<(f64, u64)>),
    /// Something else, which shows that it is alive.
    Other,
}

/// A part of a turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) what: What,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    Message { text: String },
    Thought { text: String },
    Command { command: String, output: Option<String>, exit: Option<i64>, status: String },
    Files { changes: Vec<Change>, status: String },
    Tool { server: String, tool: String, arguments: Value, status: String },
    Other { kind: String },
}

/// A change of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) path: String,
    /// `add`, `delete` or `update`.
    pub(super) kind: String,
    pub(super) moved_to: Option<String>,
    /// Hunks of an update; the whole text of a file that is added or deleted.
    pub(super) diff: String,
}

/// Why a turn failed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct TurnError {
    pub(super) message: String,
    /// Codex's own name for the kind, such as `usageLimitExceeded`.
    pub(super) kind: String,
    /// The status that its provider answered with, where that was the reason.
    pub(super) status: Option<u64>,
}

/// Reads a line; nothing where it is none of the protocol.
pub(super) fn read(line: &str) -> Option<Incoming> {
    let mut message: Value = serde_json::from_str(line).ok()?;
    let id = message.get("id").cloned().filter(|it| !it.is_null());
    let method = message["method"].as_str().map(str::to_owned);
    match (method, id) {
        (Some(method), Some(id)) => Some(Incoming::Request { id, method, params: message["params"].take() }),
        (Some(method), None) => Some(Incoming::Notice(notice(&method, &message["params"]))),
        (None, Some(id)) => {
            let id = id.as_u64()?;
            if let Some(error) = message.get("error") {
                let text = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
                return Some(Incoming::Answer { id, result: Err(text) });
            }
            Some(Incoming::Answer { id, result: Ok(message.get_mut("result")?.take()) })
        }
        (None, None) => None,
    }
}

/// Writes a request.
pub(super) fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "id": id, "method": method, "params": params }).to_string()
}

/// Writes a notification.
pub(super) fn notification(method: &str) -> String {
    json!({ "method": method }).to_string()
}

/// Writes the answer to a request of Codex's.
pub(super) fn answer(id: &Value, result: &Value) -> String {
    json!({ "id": id, "result": result }).to_string()
}

/// Writes that a request of Codex's can't be answered.
pub(super) fn refusal(id: &Value, method: &str) -> String {
    json!({ "id": id, "error": { "code": -32601, "message": format!("Callboard does not do {method}") } }).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn notice(method: &str, params: &Value) -> Notice {
    match method {
        "turn/started" => Notice::TurnStarted { turn: text(&params["turn"]["id"]) },
        "turn/completed" => {
            let turn = &params["turn"];
            let error = Some(&turn["error"]).filter(|it| it.is_object()).map(error);
            Notice::TurnCompleted { turn: text(&turn["id"]), status: text(&turn["status"]), error }
        }
        "thread/tokenUsage/updated" => {
            let usage = &params["tokenUsage"];
            match (usage["total"]["totalTokens"].as_u64(), usage["last"]["totalTokens"].as_u64()) {
                (Some(total), Some(last)) => Notice::Tokens { total, last },
                _ => Notice::Other,
            }
        }
        "item/agentMessage/delta" => Notice::Delta { text: text(&params["delta"]) },
        "item/commandExecution/outputDelta" => Notice::Output { text: text(&params["delta"]) },
        "item/started" => Notice::ItemStarted(item(&params["item"])),
        "item/completed" => Notice::ItemCompleted(item(&params["item"])),
        "error" => Notice::Error { error: error(&params["error"]), retries: params["willRetry"] == true },
        "serverRequest/resolved" => Notice::Resolved { id: params["requestId"].clone() },
        "mcpServer/startupStatus/updated" if params["status"] == "failed" => {
            Notice::ServerFailed { name: text(&params["name"]), error: text(&params["error"]) }
        }
        "account/rateLimits/updated" => {
            let windows = ["primary", "secondary"].map(|it| &params["rateLimits"][it]);
            let window = |it: &&Value| Some((it["usedPercent"].as_f64()?, it["resetsAt"].as_u64()?));
            Notice::Limits(windows.iter().filter_map(window).collect())
        }
        _ => Notice::Other,
    }
}

fn item(item: &Value) -> Item {
    let status = text(&item["status"]);
    let what = match item["type"].as_str().unwrap_or_default() {
        "agentMessage" => What::Message { text: text(&item["text"]) },
        "reasoning" => {
            let lines = item["summary"].as_array().into_iter().flatten().filter_map(Value::as_str);
            What::Thought { text: lines.collect::<Vec<_>>().join("\n") }
        }
        "commandExecution" => What::Command {
            command: text(&item["command"]),
            output: item["aggregatedOutput"].as_str().map(str::to_owned),
            exit: item["exitCode"].as_i64(),
            status,
        },
        "fileChange" => {
            let changes = item["changes"].as_array().into_iter().flatten().map(|it| Change {
                path: text(&it["path"]),
                kind: text(&it["kind"]["type"]),
                moved_to: it["kind"]["move_path"].as_str().map(str::to_owned),
                diff: text(&it["diff"]),
            });
            What::Files { changes: changes.collect(), status }
        }
        "mcpToolCall" => What::Tool {
            server: text(&item["server"]),
            tool: text(&item["tool"]),
            arguments: item["arguments"].clone(),
            status,
        },
        kind => What::Other { kind: kind.to_owned() },
    };
    Item { id: text(&item["id"]), what }
}

fn error(error: &Value) -> TurnError {
    let info = &error["codexErrorInfo"];
    // A name, or an object whose one field is the name and holds the status.
    let (kind, status) = match info {
        Value::String(name) => (name.clone(), None),
        Value::Object(fields) => fields
            .iter()
            .next()
            .map(|(name, inside)| (name.clone(), inside["httpStatusCode"].as_u64()))
            .unwrap_or_default(),
        _ => (String::new(), None),
    };
    let details = error["additionalDetails"].as_str().filter(|it| !it.is_empty());
    let message = text(&error["message"]);
    let message = details.map_or(message.clone(), |it| format!("{message} ({it})"));
    TurnError { message, kind, status }
}
