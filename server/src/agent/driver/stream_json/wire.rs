//! The lines of a program that speaks stream-json: text in, what it says out.
//!
//! Pure, and total: a line that is cut, unknown or no JSON at all is `Other`, never an error, since versions of these programs
//! add lines as they like. What a line means for a turn is the driver's to say.

use serde_json::{Value, json};

/// The longest text of one block that is kept, in bytes.
const MOST_TEXT: usize = 1 << 20;

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Said {
    /// A session begins or goes on.
    Init { session: String },
    /// It says itself what it is doing.
    State(State),
    /// A piece of text as it comes.
    Delta(String),
    /// A block of text is complete.
    Text(String),
    /// A tool is used.
    Tool { name: String, input: Value },
    /// A tool is done.
    Done { text: String, failed: bool },
    /// One of its helpers uses a tool.
    HelperTool { name: String, input: Value },
    /// A tool of one of its helpers is done.
    HelperDone,
    /// It asks whether it may use a tool.
    Asks { id: String, tool: String, input: Value },
    /// It no longer wants that answer.
    Unasks { id: String },
    /// It asks for something that is not known here.
    Wants { id: String, what: String },
    /// It answers a request of ours.
    Answers { id: String },
    /// Its provider refused, and it tries again.
    Retries { status: Option<u16>, after: u64 },
    /// Its provider says how much is left.
    Limit { rejected: bool, resets: Option<i64> },
    /// A turn is over.
    Over(Box<Over>),
    /// Anything else.
    Other,
}

/// What a program says that it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Asking,
    Idle,
}

/// The end of a turn.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Over {
    /// Whether it failed. The only sign of it: the subtype says success for a provider's error too.
    pub(super) failed: bool,
    /// `success`, `error_during_execution` and the like.
    pub(super) how: String,
    /// The provider's HTTP status, where it refused.
    pub(super) status: Option<u16>,
    /// The last text.
    pub(super) text: String,
    /// What went wrong, in its words.
    pub(super) errors: Vec<String>,
    /// Its session.
    pub(super) session: String,
    /// Tokens of this turn: in, out, and put into the cache. Those read from it again are left out.
    pub(super) tokens: Option<u64>,
    /// Millionths of a dollar since the program's start.
    pub(super) cost: Option<u64>,
}

/// Reads a line.
pub(super) fn read(line: &str) -> Vec<Said> {
    let Ok(value) = serde_json::from_str::<Value>(line) else { return vec![Said::Other] };
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let one = |it: Said| vec![it];
    match value["type"].as_str().unwrap_or_default() {
        "system" => one(system(&value)),
        "assistant" => blocks(&value, block),
        "user" => blocks(&value, done),
        "stream_event" => {
            let delta = &value["event"]["delta"];
            let is_text = value["event"]["type"] == "content_block_delta" && delta["type"] == "text_delta";
            one(if is_text { Said::Delta(text(&delta["text"])) } else { Said::Other })
        }
        "control_request" => {
            let (id, request) = (text(&value["request_id"]), &value["request"]);
            let what = text(&request["subtype"]);
            one(if id.is_empty() {
                Said::Other
            } else if what == "can_use_tool" {
                Said::Asks { id, tool: text(&request["tool_name"]), input: request["input"].clone() }
            } else {
                Said::Wants { id, what }
            })
        }
        "control_cancel_request" => one(Said::Unasks { id: text(&value["request_id"]) }),
        "control_response" => one(Said::Answers { id: text(&value["response"]["request_id"]) }),
        "rate_limit_event" => {
            let info = &value["rate_limit_info"];
            one(Said::Limit { rejected: info["status"] == "rejected", resets: info["resetsAt"].as_i64() })
        }
        "result" => one(Said::Over(Box::new(over(&value)))),
        _ => one(Said::Other),
    }
}

fn system(value: &Value) -> Said {
    match value["subtype"].as_str().unwrap_or_default() {
        "init" => Said::Init { session: value["session_id"].as_str().unwrap_or_default().to_owned() },
        "session_state_changed" => match value["state"].as_str().unwrap_or_default() {
            "running" => Said::State(State::Running),
            "requires_action" => Said::State(State::Asking),
            "idle" => Said::State(State::Idle),
            _ => Said::Other,
        },
        "api_retry" => {
            let after = value["retry_delay_ms"].as_f64().filter(|it| it.is_finite()).unwrap_or_default();
            Said::Retries { status: status(&value["error_status"]), after: whole(after) }
        }
        _ => Said::Other,
    }
}

/// Reads the blocks of a message of the agent itself. What its helpers say is theirs, but what they do to files is the turn's.
fn blocks(value: &Value, read: fn(&Value) -> Said) -> Vec<Said> {
    let is_helper = !value["parent_tool_use_id"].is_null();
    let of_helper = |said: Said| match said {
        Said::Tool { name, input } => Said::HelperTool { name, input },
        Said::Done { .. } => Said::HelperDone,
        _ => Said::Other,
    };
    match value["message"]["content"].as_array() {
        Some(blocks) if is_helper => blocks.iter().map(read).map(of_helper).collect(),
        Some(blocks) => blocks.iter().map(read).collect(),
        None => vec![Said::Other],
    }
}

fn block(block: &Value) -> Said {
    match block["type"].as_str().unwrap_or_default() {
        "text" => Said::Text(bounded(block["text"].as_str().unwrap_or_default())),
        "tool_use" => {
            Said::Tool { name: block["name"].as_str().unwrap_or_default().to_owned(), input: block["input"].clone() }
        }
        _ => Said::Other,
    }
}

fn done(block: &Value) -> Said {
    if block["type"] != "tool_result" {
        return Said::Other;
    }
    let text = match &block["content"] {
        Value::String(text) => bounded(text),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|it| it["text"].as_str()).collect();
            bounded(&texts.join("\n"))
        }
        _ => String::new(),
    };
    Said::Done { text, failed: block["is_error"] == true }
}

fn over(value: &Value) -> Over {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let errors = value["errors"].as_array().map_or_else(Vec::new, |it| {
        it.iter().take(20).filter_map(Value::as_str).map(|it| it.chars().take(1_000).collect()).collect()
    });
    let usage = &value["usage"];
    let count = |name: &str| usage[name].as_u64();
    let tokens = count("input_tokens").or(count("output_tokens")).map(|_| {
        let all = ["input_tokens", "cache_creation_input_tokens", "output_tokens"];
        all.iter().filter_map(|it| count(it)).fold(0_u64, u64::saturating_add)
    });
    let cost = value["total_cost_usd"].as_f64().filter(|it| it.is_finite() && *it >= 0.0);
    Over {
        failed: value["is_error"] == true || value["subtype"] != "success",
        how: text("subtype"),
        status: status(&value["api_error_status"]),
        text: bounded(value["result"].as_str().unwrap_or_default()),
        errors,
        session: text("session_id"),
        tokens,
        cost: cost.map(|it| whole(it * 1_000_000.0)),
    }
}

fn status(value: &Value) -> Option<u16> {
    value.as_u64().and_then(|it| u16::try_from(it).ok())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded, and never below zero")]
fn whole(number: f64) -> u64 {
    number.clamp(0.0, 1e15).round() as u64
}

fn bounded(text: &str) -> String {
    let mut end = text.len().min(MOST_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// Returns the files that a use of a tool changes, where it is one that changes files and says which.
pub(super) fn edited(tool: &str, input: &Value) -> Vec<String> {
    let named = match tool {
        "Write" | "Edit" | "MultiEdit" => &input["file_path"],
        "NotebookEdit" => &input["notebook_path"],
        // Amp's own.
        "create_file" | "edit_file" | "undo_edit" => &input["path"],
        _ => return Vec::new(),
    };
    named.as_str().map(str::to_owned).into_iter().collect()
}

/// Returns the line that hands a prompt over.
pub(super) fn prompt(text: &str) -> String {
    // A line that begins with a slash would be a command of the program's own.
    let text =
        if text.trim_start().starts_with('/') { format!("What is to be done:\n\n{text}") } else { text.to_owned() };
    let content = json!([{ "type": "text", "text": text }]);
    json!({ "type": "user", "message": { "role": "user", "content": content } }).to_string()
}

/// Returns the line that stops what goes on.
pub(super) fn interrupt(id: &str) -> String {
    json!({ "type": "control_request", "request_id": id, "request": { "subtype": "interrupt" } }).to_string()
}

/// Returns the line that answers a request.
pub(super) fn answer(id: &str, response: &Value) -> String {
    let response = json!({ "subtype": "success", "request_id": id, "response": response });
    json!({ "type": "control_response", "response": response }).to_string()
}

/// Returns the line that refuses a request that is not known here.
pub(super) fn refuse(id: &str, what: &str) -> String {
    let error = format!("{what} is not offered here");
    let response = json!({ "subtype": "error", "request_id": id, "error": error });
    json!({ "type": "control_response", "response": response }).to_string()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    /// The lines of a recorded session, as the program wrote them.
    fn recorded() -> Vec<String> {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/streams/claude-session.jsonl");
        std::fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_recorded_session_reads_as_what_happened() {
        let mut told = String::new();
        for said in recorded().iter().flat_map(|it| read(it)) {
            let line = match said {
                Said::Other => continue,
                Said::Over(it) => format!(
                    "over {} failed={} status={:?} {:?} tokens={:?} cost={:?}",
                    it.how,
                    it.failed,
                    it.status,
                    it.text.chars().take(40).collect::<String>(),
                    it.tokens,
                    it.cost
                ),
                Said::Init { .. } => "init".to_owned(),
                Said::Asks { tool, .. } => format!("asks {tool}"),
                Said::Tool { name, .. } => format!("tool {name}"),
                Said::Done { failed, .. } => format!("done failed={failed}"),
                other => format!("{other:?}"),
            };
            let _ = writeln!(told, "{line}");
        }
        insta::assert_snapshot!(told, @r#"
        State(Running)
        init
        Text("calling Write")
        tool Write
        State(Asking)
        asks Write
        State(Running)
        done failed=false
        Text("MOCK-OK turn=1")
        over success failed=false status=None "MOCK-OK turn=1" tokens=Some(240) cost=Some(2000)
        State(Idle)
        State(Running)
        init
        Text("calling Bash")
        tool Bash
        State(Asking)
        asks Bash
        State(Running)
        done failed=true
        Text("MOCK-OK turn=2")
        over success failed=false status=None "MOCK-OK turn=2" tokens=Some(240) cost=Some(4000)
        State(Idle)
        State(Running)
        init
        Text("MOCK-OK turn=3")
        over success failed=false status=None "MOCK-OK turn=3" tokens=Some(120) cost=Some(5000)
        State(Idle)
        State(Running)
        init
        Answers { id: "r2" }
        Text("tick0 tick1 tick2 tick3 tick4 tick5 tick6 ")
        over error_during_execution failed=true status=None "" tokens=Some(0) cost=Some(5000)
        State(Idle)
        State(Running)
        init
        Text("calling Bash")
        tool Bash
        Answers { id: "r3" }
        done failed=true
        over error_during_execution failed=true status=None "" tokens=Some(120) cost=Some(6000)
        State(Idle)
        State(Running)
        init
        Text("tick0 tick1 tick2 tick3 tick4 tick5 tick6 tick7 tick8 tick9 tick10 tick11 MOCK-OK turn=6")
        over success failed=false status=None "tick0 tick1 tick2 tick3 tick4 tick5 tick" tokens=Some(120) cost=Some(7000)
        init
        Text("MOCK-OK turn=7")
        over success failed=false status=None "MOCK-OK turn=7" tokens=Some(120) cost=Some(8000)
        State(Idle)
        Answers { id: "r4" }
        State(Running)
        init
        Text("calling Write")
        tool Write
        done failed=false
        Text("MOCK-OK turn=8")
        over success failed=false status=None "MOCK-OK turn=8" tokens=Some(240) cost=Some(10000)
        State(Idle)
        Answers { id: "r5" }
        State(Running)
        init
        Retries { status: Some(500), after: 525 }
        Text("API Error: 500 mock api_error 500. This is a server-side issue, usually temporary — try again in a moment. If it persists, check your inference gateway (127.0.0.1:47811).")
        over success failed=true status=Some(500) "API Error: 500 mock api_error 500. This " tokens=Some(0) cost=Some(10000)
        State(Idle)
        State(Running)
        init
        Retries { status: Some(500), after: 608 }
        Text("API Error: 500 mock api_error 500. This is a server-side issue, usually temporary — try again in a moment. If it persists, check your inference gateway (127.0.0.1:47811).")
        over success failed=true status=Some(500) "API Error: 500 mock api_error 500. This " tokens=Some(0) cost=Some(10000)
        init
        Delta("tick0 ")
        Delta("tick1 ")
        Delta("tick2 ")
        Delta("tick3 ")
        Delta("MOCK-OK turn=1")
        Text("tick0 tick1 tick2 tick3 MOCK-OK turn=1")
        over success failed=false status=None "tick0 tick1 tick2 tick3 MOCK-OK turn=1" tokens=Some(120) cost=Some(1000)
        "#);
    }

    #[test]
    fn a_providers_error_that_says_success_is_a_failure() {
        let line =
            r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":529,"result":"API Error: 529"}"#;
        let [Said::Over(over)] = &read(line)[..] else { panic!() };
        assert!(over.failed && over.status == Some(529) && over.tokens.is_none() && over.cost.is_none());
    }

    #[test]
    fn a_helpers_words_are_not_the_agents() {
        let line =
            r#"{"type":"assistant","parent_tool_use_id":"t","message":{"content":[{"type":"text","text":"x"}]}}"#;
        assert_eq!(read(line), [Said::Other]);
    }

    #[test]
    fn a_prompt_is_never_a_command_of_the_program() {
        assert!(prompt("/clear").contains("What is to be done"));
        assert!(!prompt("look at /etc").contains("What is to be done"));
        assert_eq!(prompt("a\nb").lines().count(), 1);
    }

    proptest! {
        /// Cut, joined, damaged or in any order: a line is read or let go, and never stops the driver.
        #[test]
        fn any_line_is_read_without_a_fault(cuts in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..20), noise in any::<String>()) {
            let lines = recorded();
            for (which, at) in cuts {
                let line = &lines[which.index(lines.len())];
                let mut cut = at.index(line.len() + 1);
                while !line.is_char_boundary(cut) {
                    cut -= 1;
                }
                prop_assert!(cut == line.len() || read(&line[..cut]) == [Said::Other]);
                read(&line[cut..]);
                read(&format!("{}{noise}{}", &line[..cut], &line[cut..]));
            }
            read(&noise);
        }

        /// Any JSON in any field.
        #[test]
        fn any_value_in_any_field_is_taken(kind in "(system|assistant|user|result|control_request|stream_event|rate_limit_event)", sub in "[a-z_]{0,12}", number in any::<f64>()) {
            for odd in [json!(null), json!(number), json!([1, {"a": []}]), json!({"content": [null, {"type": "text"}]}), json!("x")] {
                let line = json!({ "type": kind, "subtype": sub, "message": odd, "request": odd, "usage": odd, "event": odd,
                    "request_id": odd, "total_cost_usd": odd, "api_error_status": odd, "errors": odd, "is_error": odd });
                read(&line.to_string());
            }
        }
    }
}
