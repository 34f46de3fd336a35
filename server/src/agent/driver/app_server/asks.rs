//! What Codex wants a person to decide, as an ask that a person can read; and what they said, as Codex reads it.
//!
//! Pure. Invariant: what is asked has the whole of what Codex would do; what can't be shown whole is declined.

use std::{fmt::Write as _, path::Path};

use serde_json::{Map, Value, json};

use super::wire::Change;
use crate::ask::{Ask, AskReply, FileEdit, MOST_PATTERN, Permission, Question, Wish};

/// What is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To run a command.
    Command,
    /// To change files.
    Files,
    /// To use a tool of an MCP server.
    Tool,
    /// An MCP server wants something from the developer.
    Form,
    /// To be allowed more than its sandbox allows.
    Grant,
    /// To be told something.
    Question,
}

impl Kind {
    /// Returns what a request wants; nothing where it is none that a person decides.
    pub(super) fn of(method: &str, params: &Value) -> Option<Self> {
        match method {
            "item/commandExecution/requestApproval" => Some(Self::Command),
            "item/fileChange/requestApproval" => Some(Self::Files),
            "item/permissions/requestApproval" => Some(Self::Grant),
            "item/tool/requestUserInput" => Some(Self::Question),
            "mcpServer/elicitation/request" if params["_meta"]["codex_approval_kind"] == "mcp_tool_call" => {
                Some(Self::Tool)
            }
            "mcpServer/elicitation/request" => Some(Self::Form),
            _ => None,
        }
    }

    /// Returns the answer that allows nothing.
    pub(super) fn refused(self) -> Value {
        match self {
            Self::Command | Self::Files => json!({ "decision": "decline" }),
            Self::Tool | Self::Form => json!({ "action": "decline" }),
            Self::Grant => json!({ "permissions": {}, "scope": "turn" }),
            Self::Question => json!({ "answers": {} }),
        }
    }
}

/// A request that waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pending {
    /// Codex's id of it.
    pub(super) id: Value,
    kind: Kind,
    /// What is granted where it is allowed; the field of a form that holds the answer.
    granted: Value,
    /// Answers so far, and the questions that are still to be asked.
    answers: Map<String, Value>,
    questions: Vec<Value>,
}

/// Returns the ask of a request, or nothing where a person can't be shown what it is.
pub(super) fn ask(id: Value, kind: Kind, params: &Value, changes: &[Change], cwd: &Path) -> Option<(Ask, Pending)> {
    let key = format!("codex-{id}");
    let mut pending = Pending { id, kind, granted: Value::Null, answers: Map::new(), questions: Vec::new() };
    let wish = match kind {
        Kind::Command => Wish::Permission(command(params, cwd)),
        Kind::Files => Wish::Permission(files(params, changes, cwd)),
        Kind::Tool => Wish::Permission(tool(params)),
        Kind::Grant => {
            pending.granted = params["permissions"].clone();
            let content = pretty(params, &["permissions", "reason", "cwd"]);
            let title = "wants more than its sandbox allows, for this turn".to_owned();
            Wish::Permission(Permission { tool: "permissions".to_owned(), title, content, ..Permission::default() })
        }
        Kind::Form => {
            // What has one field can be asked as a question; another form is none that fits into a channel.
            let fields = params["requestedSchema"]["properties"].as_object()?;
            let (name, field) = fields.iter().next().filter(|_| fields.len() == 1)?;
            (field["type"] == "string").then_some(())?;
            pending.granted = Value::from(name.as_str());
            let server = params["serverName"].as_str().unwrap_or_default();
            let text = format!("MCP server {server} asks: {}", params["message"].as_str().unwrap_or_default());
            let choices = field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            Wish::Question(Question { text, choices: choices.collect() })
        }
        Kind::Question => {
            pending.questions = params["questions"].as_array()?.clone();
            // An answer goes into the journal, so no secret is asked for.
            if pending.questions.iter().any(|it| it["isSecret"] == true) {
                return None;
            }
            return pending.next_question();
        }
    };
    Some((Ask { key, wish }, pending))
}

impl Pending {
    /// Returns the answer for Codex; or the next ask, where more is to be asked before that.
    pub(super) fn answer(&self, reply: &AskReply) -> Result<Value, Box<(Ask, Self)>> {
        Ok(match (self.kind, reply) {
            // Codex would remember more than exactly this, so it is told to do it once; what is remembered, the hub does.
            (Kind::Command | Kind::Files, AskReply::Allow { .. }) => json!({ "decision": "accept" }),
            (Kind::Tool, AskReply::Allow { .. }) => json!({ "action": "accept", "content": {} }),
            (Kind::Grant, AskReply::Allow { .. }) => json!({ "permissions": self.granted, "scope": "turn" }),
            (Kind::Form, AskReply::Answer { text }) => {
                let mut content = Map::new();
                content.insert(self.granted.as_str().unwrap_or_default().to_owned(), text.clone().into());
                json!({ "action": "accept", "content": content })
            }
            (Kind::Question, AskReply::Answer { text }) => {
                let mut next = self.clone();
                if let Some(id) = next.questions.first().and_then(|it| it["id"].as_str()).map(str::to_owned) {
                    next.questions.remove(0);
                    next.answers.insert(id, json!({ "answers": [text] }));
                }
                let answers = next.answers.clone();
                match next.next_question() {
                    Some(more) => return Err(Box::new(more)),
                    None => json!({ "answers": answers }),
                }
            }
            (kind, _) => kind.refused(),
        })
    }

    fn next_question(self) -> Option<(Ask, Self)> {
        let question = self.questions.first()?;
        let words = [question["header"].as_str(), question["question"].as_str()];
        let text = words.into_iter().flatten().filter(|it| !it.is_empty()).collect::<Vec<_>>().join("\n\n");
        let options = question["options"].as_array().into_iter().flatten();
        let choices = options.filter_map(|it| it["label"].as_str()).map(str::to_owned).collect();
        let key = format!("codex-{}-{}", self.id, question["id"].as_str().unwrap_or_default());
        Some((Ask { key, wish: Wish::Question(Question { text, choices }) }, self))
    }
}

fn command(params: &Value, cwd: &Path) -> Permission {
    let Some(command) = params["command"].as_str() else {
        // Another kind of thing than a command: shown as it came.
        let content = pretty(params, &[]);
        let title = "wants to do something with a program that runs".to_owned();
        return Permission { tool: "command".to_owned(), title, content, ..Permission::default() };
    };
    let mut content = command.to_owned();
    let elsewhere = params["cwd"].as_str().filter(|it| Path::new(it) != cwd);
    if let Some(folder) = elsewhere {
        let _ = write!(content, "\n\nin {folder}");
    }
    if let Some(host) = params["networkApprovalContext"]["host"].as_str() {
        let _ = write!(content, "\n\nfor the network: {host}");
    }
    if let Some(reason) = params["reason"].as_str().filter(|it| !it.is_empty()) {
        let _ = write!(content, "\n\nIts reason: {reason}");
    }
    let plain = elsewhere.is_none() && params["networkApprovalContext"].is_null();
    let pattern = Some(command.to_owned()).filter(|it| plain && it.len() <= MOST_PATTERN);
    let title = "wants to run a command".to_owned();
    Permission { tool: "command".to_owned(), title, content, files: Vec::new(), pattern }
}

fn files(params: &Value, changes: &[Change], cwd: &Path) -> Permission {
    let files: Vec<FileEdit> = changes.iter().map(|it| edit(it, cwd)).collect();
    let mut content = String::new();
    if files.is_empty() {
        content = pretty(params, &[]);
    }
    if let Some(root) = params["grantRoot"].as_str() {
        let _ = write!(content, "It asks to write below {root} from now on.");
    }
    if let Some(reason) = params["reason"].as_str().filter(|it| !it.is_empty()) {
        let _ = write!(content, "\n\nIts reason: {reason}");
    }
    let title = match files.as_slice() {
        [] => "wants to change files that it does not name".to_owned(),
        [one] => format!("wants to change {}", one.path),
        more => format!("wants to change {} files", more.len()),
    };
    Permission { tool: "edit".to_owned(), title, content: content.trim().to_owned(), files, pattern: None }
}

/// Returns a change with a diff that has its head. Of a file that is added or deleted Codex gives the text alone.
fn edit(change: &Change, cwd: &Path) -> FileEdit {
    let short = |path: &str| Path::new(path).strip_prefix(cwd).map_or(path.to_owned(), |it| it.display().to_string());
    let path = short(&change.path);
    let whole = |sign: char| -> String {
        change.diff.lines().flat_map(|it| [&sign.to_string(), it, "\n"].map(str::to_owned)).collect()
    };
    let count = change.diff.lines().count();
    let diff = match change.kind.as_str() {
        "add" => format!("--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,{count} @@\n{}", whole('+')),
        "delete" => format!("--- a/{path}\n+++ /dev/null\n@@ -1,{count} +0,0 @@\n{}", whole('-')),
        _ => {
            let after = change.moved_to.as_deref().map_or(path.clone(), short);
            format!("--- a/{path}\n+++ b/{after}\n{}", change.diff)
        }
    };
    FileEdit { path, diff }
}

fn tool(params: &Value) -> Permission {
    let server = params["serverName"].as_str().unwrap_or_default();
    let meta = &params["_meta"];
    let name = meta["tool_name"].as_str().unwrap_or_default();
    let arguments = serde_json::to_string_pretty(&meta["tool_params"]).unwrap_or_default();
    let content = match meta["tool_description"].as_str() {
        Some(what) => format!("{arguments}\n\nWhat the server says of it: {what}"),
        None => arguments.clone(),
    };
    Permission {
        tool: format!("{server}/{name}"),
        title: format!("wants to use {name} of {server}"),
        content,
        files: Vec::new(),
        pattern: Some(arguments).filter(|it| !it.is_empty() && it.len() <= MOST_PATTERN),
    }
}

/// Returns the fields of an object as they came; all of them where none is named.
fn pretty(params: &Value, fields: &[&str]) -> String {
    let shown: Map<String, Value> = params
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !value.is_null() && (fields.is_empty() || fields.contains(&name.as_str())))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    serde_json::to_string_pretty(&shown).unwrap_or_default()
}
