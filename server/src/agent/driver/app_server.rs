//! Codex's app-server: what a conversation with it is opened with, and where Codex keeps its things.
//!
//! What lines mean is `dialogue.rs`, what a person is asked `asks.rs`, Codex's own folder `home.rs`.
//! Invariant: what is given here per turn (folder, sandbox, approvals) is given with every turn, so nothing of an earlier one
//! or of the developer's own settings decides what this one may do. Nothing here ever turns Codex's sandbox off.

use std::{io, path::Path, time::Duration};

use serde_json::{Map, Value, json};

use self::dialogue::{Dialogue, Leave};
use super::{
    homes::Place,
    lines::{Opening, Purpose, Step, Tongue},
};
use crate::{
    agent::{Access, catalog::profile::Profile, runner::RunnerParts, tools::Attachment},
    ask::AskReply,
    ids::AgentName,
    outcome::FailureClass,
};

mod asks;
mod dialogue;
mod home;
mod trouble;
mod wire;

/// The variable by which Codex is told of its folder.
pub(crate) const HOME: &str = "CODEX_HOME";

/// Makes an agent's own folder for Codex, and returns the variables that name it.
pub(crate) fn prepare_home(own: &Path, place: &Place<'_>) -> io::Result<Vec<(String, String)>> {
    let own = own.join("codex");
    home::prepare(&own, home::of_developer(place.environment, place.workspace).as_deref())?;
    let mut set = vec![(HOME.to_owned(), own.to_string_lossy().into_owned())];
    let temporary = home::temporary(&own, place.environment)?;
    set.extend(temporary.map(|it| ("TMPDIR".to_owned(), it.to_string_lossy().into_owned())));
    Ok(set)
}

/// A conversation with Codex.
pub(crate) struct AppServer(Dialogue);

impl Tongue for AppServer {
    fn anew(agent: AgentName) -> Self {
        Self(Dialogue::new(agent))
    }

    fn prepare(_profile: &Profile, _own: &Path, _given: &RunnerParts) -> io::Result<Vec<(String, String)>> {
        // Its own folder is made with its program's start.
        Ok(Vec::new())
    }

    fn agent(&self) -> &AgentName {
        self.0.agent()
    }

    fn initialize(&mut self) -> String {
        let info = json!({ "name": "callboard", "title": "Callboard", "version": env!("CARGO_PKG_VERSION") });
        let params = json!({ "clientInfo": info, "capabilities": { "experimentalApi": true } });
        self.0.request(Purpose::Initialize, "initialize", &params)
    }

    fn initialized(&mut self, _answer: &Value) -> Result<Option<String>, String> {
        Ok(Some(wire::notification("initialized")))
    }

    fn resume(&mut self, opening: &Opening<'_>, session: &str) -> Option<String> {
        let mut params = thread(opening);
        params.insert("threadId".to_owned(), session.into());
        Some(self.0.request(Purpose::Session, "thread/resume", &Value::Object(params)))
    }

    fn fork(&mut self, opening: &Opening<'_>, session: &str) -> Option<String> {
        let (homes, own) = opening.homes;
        if !home::lend(homes, &own.join("codex"), session) {
            return None;
        }
        let mut params = thread(opening);
        params.insert("threadId".to_owned(), session.into());
        Some(self.0.request(Purpose::Session, "thread/fork", &Value::Object(params)))
    }

    fn open(&mut self, opening: &Opening<'_>) -> String {
        self.0.request(Purpose::Session, "thread/start", &Value::Object(thread(opening)))
    }

    fn opened(&mut self, answer: &Value) -> Option<String> {
        let thread = answer["thread"]["id"].as_str()?;
        self.0.speaks_in(thread);
        Some(thread.to_owned())
    }

    fn is_open(&self) -> bool {
        self.0.thread().is_some()
    }

    fn drains(&self) -> Option<Duration> {
        None
    }

    fn prompt(&mut self, opening: &Opening<'_>, text: &str) -> String {
        let may_edit = opening.access == Access::Write;
        self.0.begin(Leave { cwd: opening.cwd.to_path_buf(), may_edit });
        let sandbox = if may_edit {
            json!({ "type": "workspaceWrite", "writableRoots": [], "networkAccess": false })
        } else {
            json!({ "type": "readOnly", "networkAccess": false })
        };
        let params = json!({
            "threadId": self.0.thread(),
            "input": [{ "type": "text", "text": text }],
            "cwd": opening.cwd,
            "approvalPolicy": approvals(opening.access),
            "sandboxPolicy": sandbox,
        });
        self.0.request(Purpose::Turn, "turn/start", &params)
    }

    fn interrupt(&mut self) -> Vec<String> {
        self.0.interrupt().into_iter().collect()
    }

    fn tell(&mut self, text: &str) -> Option<String> {
        self.0.tell(text)
    }

    fn hear(&mut self, line: &str) -> Vec<Step> {
        self.0.hear(line)
    }

    fn reply(&mut self, key: &str, reply: &AskReply) -> Vec<Step> {
        self.0.reply(key, reply)
    }

    fn said(&self) -> (&str, String) {
        self.0.said()
    }

    fn tokens(&self) -> Option<u64> {
        self.0.tokens()
    }

    fn waits(&self) -> bool {
        self.0.waits()
    }

    fn refusal(&self, _why: &str) -> FailureClass {
        FailureClass::Crashed
    }

    fn leaves_at_the_end_of_input(&self) -> bool {
        true
    }
}

/// Returns what a thread is opened with.
fn thread(opening: &Opening<'_>) -> Map<String, Value> {
    // A project that the developer trusts in Codex may bring settings, servers and hooks of its own. What a repository
    // brings is no setting here, so for these threads none is trusted.
    let untrusted: Map<String, Value> = [opening.cwd, opening.workspace]
        .into_iter()
        .flat_map(Path::ancestors)
        .map(|it| (it.to_string_lossy().into_owned(), json!({ "trust_level": "untrusted" })))
        .collect();
    let mut config = opening.tools.map_or_else(|| json!({}), Attachment::for_codex);
    config["projects"] = untrusted.into();
    let sandbox = if opening.access == Access::Write { "workspace-write" } else { "read-only" };
    let mut params = Map::new();
    params.insert("cwd".to_owned(), opening.cwd.to_string_lossy().into());
    params.insert("approvalPolicy".to_owned(), approvals(opening.access).into());
    params.insert("sandbox".to_owned(), sandbox.into());
    params.insert("config".to_owned(), config);
    if let Some(model) = opening.model {
        params.insert("model".to_owned(), model.into());
    }
    params
}

/// Returns when Codex asks: always where it may change something, never where its sandbox lets it change nothing.
fn approvals(access: Access) -> &'static str {
    match access {
        Access::Write => "untrusted",
        Access::Read => "never",
    }
}
