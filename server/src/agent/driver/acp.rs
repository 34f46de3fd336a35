//! The Agent Client Protocol, version 1, as its client: Gemini CLI, and any agent that a developer names by its command.
//!
//! Pure: lines in; what to believe, show, ask, send and conclude out. The agent is given no file system and no terminal of
//! ours: it works in its folder itself, and asks for what it may not do.
//! Read as JSON and not by types, since agents say more than the protocol does. Invariant: a permission is chosen by the kind
//! of its options, never by their names, and a request of the agent's is answered once.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    inside::is_plain_inside,
    lines::{Opening, Purpose, Step, Tongue},
};
use crate::{
    agent::{
        Access, AgentState,
        catalog::profile::Profile,
        runner::RunnerParts,
        terminal::plain,
        tools::{Attachment, SERVER},
    },
    ask::{Ask, AskReply, FileEdit, MOST_PATTERN, Permission, Scope, Wish},
    ids::AgentName,
    outcome::FailureClass,
};

mod diff;
mod home;
mod refusal;

pub(crate) use home::{VARIABLE as HOME, prepare as prepare_home};
use refusal::{refused, stopped, words};

/// The longest text of an answer that is kept, in bytes: its end, which has the result.
const MOST_SAID: usize = 1 << 20;
/// How many calls of tools are remembered for what is told of them later.
const MOST_CALLS: usize = 1_000;
/// How much is shown of a line that is no message, in characters.
const MOST_SHOWN: usize = 2_000;
/// For how long nothing must come after a session was resumed: its history may be told after the answer.
const DRAIN: Duration = Duration::from_millis(700);

/// A conversation with an agent.
pub(crate) struct Acp {
    agent: AgentName,
    next: u64,
    sent: BTreeMap<u64, Purpose>,
    /// Whether it can go on with a session that it had before.
    loads: bool,
    session: Option<String>,
    cwd: PathBuf,
    access: Access,
    /// The request that is the turn.
    turn: Option<u64>,
    /// What is asked, by our name for it, with the agent's id and the options.
    asked: BTreeMap<String, (Value, Vec<Value>)>,
    titles: BTreeMap<String, String>,
    /// The files that calls change which are not over.
    edits: BTreeMap<String, Vec<String>>,
    said: String,
    thinking: bool,
    tokens: Option<u64>,
}

impl Tongue for Acp {
    fn anew(agent: AgentName) -> Self {
        Self {
            agent,
            next: 0,
            sent: BTreeMap::new(),
            loads: false,
            session: None,
            cwd: PathBuf::new(),
            access: Access::Read,
            turn: None,
            asked: BTreeMap::new(),
            titles: BTreeMap::new(),
            edits: BTreeMap::new(),
            said: String::new(),
            thinking: false,
            tokens: None,
        }
    }

    fn prepare(_profile: &Profile, _own: &Path, _given: &RunnerParts) -> io::Result<Vec<(String, String)>> {
        // Its own folder is made with its program's start.
        Ok(Vec::new())
    }

    fn agent(&self) -> &AgentName {
        &self.agent
    }

    fn initialize(&mut self) -> String {
        let info = json!({ "name": "callboard", "title": "Callboard", "version": env!("CARGO_PKG_VERSION") });
        // An agent that is given files to read through us may take a file that is not there for a failure.
        let capabilities = json!({ "fs": { "readTextFile": false, "writeTextFile": false }, "terminal": false });
        let params = json!({ "protocolVersion": 1, "clientCapabilities": capabilities, "clientInfo": info });
        self.request(Purpose::Initialize, "initialize", &params)
    }

    fn initialized(&mut self, answer: &Value) -> Result<Option<String>, String> {
        match answer["protocolVersion"].as_u64() {
            Some(1) => {
                self.loads = answer["agentCapabilities"]["loadSession"] == true;
                Ok(None)
            }
            Some(other) => Err(format!("it speaks version {other} of the protocol, and version 1 is needed")),
            None => Err("it does not say which version of the protocol it speaks".to_owned()),
        }
    }

    fn resume(&mut self, opening: &Opening<'_>, session: &str) -> Option<String> {
        if !self.loads {
            return None;
        }
        let mut params = new_session(opening);
        params["sessionId"] = session.into();
        Some(self.request(Purpose::Session, "session/load", &params))
    }

    fn open(&mut self, opening: &Opening<'_>) -> String {
        self.request(Purpose::Session, "session/new", &new_session(opening))
    }

    fn opened(&mut self, answer: &Value) -> Option<String> {
        let session = answer["sessionId"].as_str()?.to_owned();
        self.session = Some(session.clone());
        Some(session)
    }

    fn is_open(&self) -> bool {
        self.session.is_some()
    }

    fn drains(&self) -> Option<Duration> {
        Some(DRAIN)
    }

    fn prompt(&mut self, opening: &Opening<'_>, text: &str) -> String {
        opening.cwd.clone_into(&mut self.cwd);
        self.access = opening.access;
        self.asked.clear();
        self.titles.clear();
        self.said.clear();
        self.thinking = false;
        self.tokens = None;
        let params = json!({ "sessionId": self.session, "prompt": [{ "type": "text", "text": text }] });
        let line = self.request(Purpose::Turn, "session/prompt", &params);
        self.turn = Some(self.next);
        line
    }

    fn interrupt(&mut self) -> Vec<String> {
        if self.turn.is_none() {
            return Vec::new();
        }
        let params = json!({ "sessionId": self.session });
        let cancel = json!({ "jsonrpc": "2.0", "method": "session/cancel", "params": params }).to_string();
        // What it asks is answered too: it waits for that before it says that it has stopped.
        let cancelled = json!({ "outcome": { "outcome": "cancelled" } });
        let answers = std::mem::take(&mut self.asked).into_values().map(|(id, _)| answer(&id, &cancelled));
        std::iter::once(cancel).chain(answers).collect()
    }

    fn hear(&mut self, line: &str) -> Vec<Step> {
        // JSON that is no object is no message either.
        let Ok(mut message @ Value::Object(_)) = serde_json::from_str::<Value>(line) else {
            // Of a long one the beginning: it is shown for whoever looks why nothing comes.
            let shown: String = line.chars().take(MOST_SHOWN).collect();
            return vec![Step::Show(dim(&format!("{}\n", plain(&shown))))];
        };
        let method = message["method"].as_str().map(str::to_owned);
        let id = message.get("id").cloned().filter(|it| !it.is_null());
        let params = message["params"].take();
        match (method, id) {
            (Some(method), Some(id)) => self.asked_of_us(id, &method, &params),
            (Some(method), None) if method == "session/update" => self.update(&params),
            (Some(_), None) => vec![Step::Progress],
            (None, Some(id)) => id.as_u64().map(|id| self.answered(id, &message)).unwrap_or_default(),
            (None, None) => Vec::new(),
        }
    }

    fn reply(&mut self, key: &str, reply: &AskReply) -> Vec<Step> {
        let Some((id, options)) = self.asked.remove(key) else { return Vec::new() };
        let outcome = match reply {
            AskReply::Allow { scope } => chosen(&options, true, *scope != Scope::Once),
            AskReply::Deny { .. } | AskReply::Answer { .. } => chosen(&options, false, false),
        };
        let mut steps = vec![Step::Send(answer(&id, &outcome))];
        if self.asked.is_empty() {
            steps.push(Step::Claim(AgentState::Working, "it has its answer"));
        }
        steps
    }

    fn said(&self) -> (&str, String) {
        (&self.said, self.said.clone())
    }

    fn tokens(&self) -> Option<u64> {
        self.tokens
    }

    fn waits(&self) -> bool {
        !self.asked.is_empty()
    }

    fn refusal(&self, why: &str) -> FailureClass {
        let why = why.to_lowercase();
        let signs = ["authenticat", "api key", "sign in", "log in", "login", "credential"];
        if signs.iter().any(|it| why.contains(it)) { FailureClass::NotSignedIn } else { FailureClass::Crashed }
    }

    fn leaves_at_the_end_of_input(&self) -> bool {
        // Gemini CLI doesn't, and is asked to by a signal at once.
        false
    }
}

impl Acp {
    fn request(&mut self, purpose: Purpose, method: &str, params: &Value) -> String {
        self.next += 1;
        self.sent.insert(self.next, purpose);
        json!({ "jsonrpc": "2.0", "id": self.next, "method": method, "params": params }).to_string()
    }

    fn answered(&mut self, id: u64, message: &Value) -> Vec<Step> {
        let Some(purpose) = self.sent.remove(&id) else { return Vec::new() };
        if self.turn != Some(id) {
            let result = match message.get("error") {
                Some(error) => Err(words(error)),
                None => Ok(message["result"].clone()),
            };
            return vec![Step::Answered(purpose, result)];
        }
        self.turn = None;
        self.asked.clear();
        if let Some(error) = message.get("error") {
            let failure = refused(&self.agent, error);
            let shown = Step::Show(red(&format!("\n{}\n", plain(&words(error)))));
            let wait = refusal::wait(error).filter(|_| failure.class == FailureClass::RateLimited).map(Step::Wait);
            return [shown].into_iter().chain(wait).chain([Step::Over(Err(failure))]).collect();
        }
        let result = &message["result"];
        let count = &result["_meta"]["quota"]["token_count"];
        let usage = &result["usage"];
        let both = |of: &Value, a: &str, b: &str| Some(of[a].as_u64()?.saturating_add(of[b].as_u64()?));
        self.tokens = both(count, "input_tokens", "output_tokens")
            .or_else(|| usage["totalTokens"].as_u64())
            .or_else(|| both(usage, "inputTokens", "outputTokens"))
            .or(self.tokens);
        let reason = result["stopReason"].as_str().unwrap_or_default();
        vec![Step::Show("\n".to_owned()), Step::Over(stopped(&self.agent, reason))]
    }

    fn asked_of_us(&mut self, id: Value, method: &str, params: &Value) -> Vec<Step> {
        if method != "session/request_permission" {
            // Neither files nor terminals were offered.
            let error = json!({ "code": -32601, "message": format!("Callboard does not do {method}") });
            return vec![Step::Send(json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string())];
        }
        let options = params["options"].as_array().cloned().unwrap_or_default();
        let call = &params["toolCall"];
        let refuse = |id: &Value| Step::Send(answer(id, &chosen(&options, false, false)));
        if self.turn.is_none() || params["sessionId"].as_str() != self.session.as_deref() {
            return vec![refuse(&id)];
        }
        let files: Vec<FileEdit> = changes(call, &self.cwd);
        let kind = call["kind"].as_str().unwrap_or("other");
        if self.access == Access::Read && !matches!(kind, "read" | "search" | "think") && !is_own_tool(call) {
            return vec![Step::Show(dim("(what only reads may not do that; it was denied)\n")), refuse(&id)];
        }
        let inside = || {
            let locations = call["locations"].as_array().into_iter().flatten();
            let mut paths = locations.chain(diffs(call)).map(|it| it["path"].as_str().unwrap_or_default());
            paths.all(|it| is_plain_inside(&self.cwd, it))
        };
        if is_own_tool(call) || (kind == "edit" && !files.is_empty() && inside()) {
            let paths: Vec<String> = files.iter().map(|it| it.path.clone()).collect();
            let touched = (!paths.is_empty()).then_some(Step::Touches { paths, over: false });
            let allowed = Step::Send(answer(&id, &chosen(&options, true, false)));
            return touched.into_iter().chain([allowed]).collect();
        }
        let key = format!("acp-{id}");
        let ask = Ask { key: key.clone(), wish: Wish::Permission(permission(call, kind, files, &self.titles)) };
        self.asked.insert(key, (id, options));
        vec![Step::Ask(Box::new(ask)), Step::Claim(AgentState::WaitingForPermission, "it asks for a permission")]
    }

    fn update(&mut self, params: &Value) -> Vec<Step> {
        let mut steps = vec![Step::Progress];
        if self.turn.is_none() || params["sessionId"].as_str() != self.session.as_deref() {
            // A session's history, told again, or what comes after the end.
            return steps;
        }
        let update = &params["update"];
        let text = || update["content"]["text"].as_str().unwrap_or_default();
        match update["sessionUpdate"].as_str().unwrap_or_default() {
            "agent_message_chunk" => {
                let begin = if self.said.is_empty() || std::mem::take(&mut self.thinking) { "\n" } else { "" };
                self.said.push_str(text());
                let over = self.said.len().saturating_sub(MOST_SAID);
                if over > 0 {
                    let from = (over..=self.said.len()).find(|it| self.said.is_char_boundary(*it)).unwrap_or(over);
                    self.said.drain(..from);
                }
                steps.push(Step::Show(format!("{begin}{}", plain(text()))));
            }
            "agent_thought_chunk" => {
                let begin = if std::mem::replace(&mut self.thinking, true) { "" } else { "\n" };
                steps.push(Step::Show(dim(&format!("{begin}{}", plain(text())))));
            }
            "tool_call" => {
                self.note(update);
                steps.extend(self.touches(update));
                let title = update["title"].as_str().unwrap_or("a tool");
                steps.push(Step::Show(format!("\n\x1b[1m{}\x1b[0m\n", plain(title))));
            }
            "tool_call_update" => {
                self.note(update);
                steps.extend(self.touches(update));
                for edit in changes(update, &self.cwd) {
                    steps.push(Step::Show(dim(&format!("{}\n", plain(&edit.diff)))));
                }
                if update["status"] == "failed" {
                    steps.push(Step::Show(dim("(failed)\n")));
                }
            }
            "plan" => {
                let entries = update["entries"].as_array().into_iter().flatten();
                let lines = entries.filter_map(|it| it["content"].as_str()).map(|it| format!("  • {}\n", plain(it)));
                steps.push(Step::Show(dim(&lines.collect::<String>())));
            }
            _ => {}
        }
        steps
    }

    /// Returns that a call changes files, where it does. An update need not say again of what kind its call is, nor where.
    fn touches(&mut self, call: &Value) -> Option<Step> {
        let id = call["toolCallId"].as_str()?;
        let locations = call["locations"].as_array().into_iter().flatten();
        let changes = matches!(call["kind"].as_str(), Some("edit" | "delete" | "move"));
        let named = locations.filter(|_| changes).chain(diffs(call)).filter_map(|it| it["path"].as_str());
        let mut paths: Vec<String> = named.map(str::to_owned).collect();
        paths.sort_unstable();
        paths.dedup();
        let over = matches!(call["status"].as_str(), Some("completed" | "failed"));
        if over {
            paths.extend(self.edits.remove(id).unwrap_or_default());
        } else if !paths.is_empty() && self.edits.len() < MOST_CALLS {
            self.edits.entry(id.to_owned()).or_default().clone_from(&paths);
        }
        (!paths.is_empty()).then_some(Step::Touches { paths, over })
    }

    /// Remembers what a call is called, for the permission that it may ask for.
    fn note(&mut self, call: &Value) {
        if let (Some(id), Some(title)) = (call["toolCallId"].as_str(), call["title"].as_str())
            && self.titles.len() < MOST_CALLS
        {
            self.titles.insert(id.to_owned(), title.to_owned());
        }
    }
}

fn new_session(opening: &Opening<'_>) -> Value {
    let servers: Vec<Value> = opening.tools.map(Attachment::for_acp).into_iter().collect();
    json!({ "cwd": opening.cwd, "mcpServers": servers })
}

fn answer(id: &Value, result: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()
}

/// Returns the outcome of a permission: the option of the kind that was meant. Where an agent offers none it is cancelled,
/// which allows nothing.
fn chosen(options: &[Value], allow: bool, longer: bool) -> Value {
    let kinds: &[&str] = match (allow, longer) {
        (true, false) => &["allow_once"],
        // The hub remembers what was allowed for longer and answers by itself, so once is enough here too.
        (true, true) => &["allow_once", "allow_always"],
        (false, _) => &["reject_once", "reject_always"],
    };
    let of = |kind: &&str| options.iter().find(|it| it["kind"] == **kind).map(|it| it["optionId"].clone());
    match kinds.iter().find_map(of) {
        Some(id) => json!({ "outcome": { "outcome": "selected", "optionId": id } }),
        None => json!({ "outcome": { "outcome": "cancelled" } }),
    }
}

/// Returns whether a call is one of Callboard's own tools, which the hub checks. A model can't choose the beginning of the id
/// nor the kind: they come of the tool's name.
fn is_own_tool(call: &Value) -> bool {
    let begins = |field: &str, with: String| call[field].as_str().is_some_and(|it| it.starts_with(&with));
    call["kind"] == "other"
        && (begins("toolCallId", format!("mcp_{SERVER}_")) || begins("title", format!("mcp__{SERVER}__")))
}

fn diffs(call: &Value) -> impl Iterator<Item = &Value> {
    call["content"].as_array().into_iter().flatten().filter(|it| it["type"] == "diff")
}

fn changes(call: &Value, cwd: &Path) -> Vec<FileEdit> {
    let edit = |it: &Value| {
        let whole = it["path"].as_str().unwrap_or_default();
        let path = Path::new(whole).strip_prefix(cwd).map_or(whole.to_owned(), |it| it.display().to_string());
        let diff = diff::unified(&path, it["oldText"].as_str(), it["newText"].as_str().unwrap_or_default());
        FileEdit { path, diff }
    };
    diffs(call).map(edit).collect()
}

fn permission(call: &Value, kind: &str, files: Vec<FileEdit>, titles: &BTreeMap<String, String>) -> Permission {
    let known = call["toolCallId"].as_str().and_then(|it| titles.get(it)).map(String::as_str);
    let title = call["title"].as_str().or(known).unwrap_or_default();
    let mut parts = vec![title.to_owned()];
    if !call["rawInput"].is_null() {
        parts.push(serde_json::to_string_pretty(&call["rawInput"]).unwrap_or_default());
    }
    let texts = call["content"].as_array().into_iter().flatten().filter_map(|it| it["content"]["text"].as_str());
    parts.extend(texts.map(str::to_owned));
    let places = call["locations"].as_array().into_iter().flatten().filter_map(|it| it["path"].as_str());
    parts.extend(places.filter(|_| files.is_empty()).map(|it| format!("at {it}")));
    parts.retain(|it| !it.is_empty());
    let content = parts.join("\n\n");
    let wants = match (kind, files.as_slice()) {
        ("execute", _) => "wants to run a command".to_owned(),
        ("edit", [one]) => format!("wants to change {}", one.path),
        ("edit", _) => "wants to change files".to_owned(),
        ("delete", _) => "wants to delete".to_owned(),
        ("move", _) => "wants to move files".to_owned(),
        ("fetch", _) => "wants to fetch something from the network".to_owned(),
        ("read" | "search", _) => "wants to read".to_owned(),
        _ => "wants to use a tool".to_owned(),
    };
    // What is remembered is the whole of what was shown, so a title alone, which an agent may shorten, is not enough.
    let pattern = Some(content.clone()).filter(|it| kind == "execute" && !it.is_empty() && it.len() <= MOST_PATTERN);
    Permission { tool: kind.to_owned(), title: wants, content, files, pattern }
}

fn dim(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\x1b[2m{text}\x1b[0m") }
}

fn red(text: &str) -> String {
    format!("\x1b[31m{text}\x1b[0m")
}

#[cfg(test)]
mod tests;
