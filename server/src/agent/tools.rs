//! Passes: what lets an agent's program use Callboard's own tools, and how a program is told of them.
//!
//! A pass is 256 random bits that name one agent's program. It is kept in memory only, works while that agent is on a turn
//! (on that one turn, where it was made for one), and is void when its program has ended. Knows no protocol: what may be done
//! with a pass is `mcp`'s to say, and whether a turn goes on is the hub's.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

use crate::{
    ids::{AgentName, TurnId},
    ipc::preamble::Token,
    outcome::TypedResult,
};

/// The variable that names the hub's socket.
pub const SOCKET: &str = "CALLBOARD_SOCKET";

/// The variable that holds the pass.
pub const PASS: &str = "CALLBOARD_PASS";

/// What the server is called in an agent's configuration: its tools are `mcp__callboard__…` or alike.
pub const SERVER: &str = "callboard";

/// How many connections one pass may have at once: a program may start the server anew before it ended the last.
const CONNECTIONS: usize = 8;

/// How many results that were handed in are kept for the drivers of the turns that go on.
const RESULTS: usize = 256;

/// Where passes are made and looked up. Clones are the same box; one without a socket makes none.
#[derive(Clone, Default)]
pub struct Toolbox {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// This program and the hub's socket, where the hub can be reached at all.
    reach: Option<(PathBuf, PathBuf)>,
    passes: Mutex<Vec<Arc<Pass>>>,
    results: Mutex<VecDeque<(TurnId, TypedResult)>>,
    /// The turns that wait for a person's answer by the tool.
    asking: Mutex<Vec<TurnId>>,
    asked: AtomicU64,
}

/// A program's right to use the tools as one agent.
pub struct Pass {
    token: Token,
    /// Whose.
    pub agent: AgentName,
    /// The one turn that it is for; absent for a program that stays over many.
    pub turn: Option<TurnId>,
    connections: AtomicUsize,
    void: std::sync::atomic::AtomicBool,
}

/// A connection that is counted until the value is dropped.
pub struct Entry(pub Arc<Pass>);

impl Drop for Entry {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Pass {
    /// Returns whether the program that it was made for has ended.
    pub fn is_void(&self) -> bool {
        self.void.load(Ordering::SeqCst)
    }
}

impl Toolbox {
    /// Makes one for a hub that listens at `socket`, with this program at `callboard`.
    pub fn at(callboard: PathBuf, socket: PathBuf) -> Self {
        Self { inner: Arc::new(Inner { reach: Some((callboard, socket)), ..Inner::default() }) }
    }

    /// Makes a pass for an agent's program, and returns how the program is told of it; nothing where the hub has no socket.
    /// The pass is void when what is returned is dropped, so it is kept beside the program.
    pub fn attach(&self, agent: &AgentName, turn: Option<TurnId>) -> io::Result<Option<Attachment>> {
        let Some((callboard, socket)) = &self.inner.reach else { return Ok(None) };
        let Some(token) = new_token()? else { return Ok(None) };
        let pass =
            Arc::new(Pass { token, agent: agent.clone(), turn, connections: AtomicUsize::new(0), void: false.into() });
        lock(&self.inner.passes).push(Arc::clone(&pass));
        let (callboard, socket) = (callboard.clone(), socket.clone());
        Ok(Some(Attachment { toolbox: self.clone(), pass, callboard, socket }))
    }

    /// Returns the pass with this token, counted, where there is one that may have another connection.
    pub fn enter(&self, token: &[u8]) -> Option<Entry> {
        let passes = lock(&self.inner.passes);
        // All are compared, so that the time tells nothing of which it was.
        let found = passes.iter().fold(None, |found, it| if it.token.is(token) { Some(it) } else { found })?;
        let more = |now| (now < CONNECTIONS).then_some(now + 1);
        found.connections.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).ok()?;
        Some(Entry(Arc::clone(found)))
    }

    /// Notes a result that is in the journal, for the driver of its turn. A later one takes the place of an earlier one.
    pub fn hand_in(&self, turn: TurnId, result: TypedResult) {
        let mut results = lock(&self.inner.results);
        results.retain(|it| it.0 != turn);
        results.push_back((turn, result));
        if results.len() > RESULTS {
            results.pop_front();
        }
    }

    /// Returns the result that was handed in for a turn by the tool.
    pub fn handed_in(&self, turn: TurnId) -> Option<TypedResult> {
        lock(&self.inner.results).iter().find(|it| it.0 == turn).map(|it| it.1.clone())
    }

    /// Notes that a turn waits for a person until the value is dropped, and returns a name for what it asks.
    pub fn asking(&self, turn: TurnId) -> (Asking, String) {
        lock(&self.inner.asking).push(turn);
        let number = self.inner.asked.fetch_add(1, Ordering::SeqCst) + 1;
        (Asking { toolbox: self.clone(), turn }, format!("callboard/{number}"))
    }

    /// Returns whether a turn waits for a person by the tool: its silence means nothing then.
    pub fn is_asking(&self, turn: TurnId) -> bool {
        lock(&self.inner.asking).contains(&turn)
    }

    fn revoke(&self, pass: &Arc<Pass>) {
        pass.void.store(true, Ordering::SeqCst);
        lock(&self.inner.passes).retain(|it| !Arc::ptr_eq(it, pass));
    }
}

/// A turn that waits for a person, until the value is dropped.
pub struct Asking {
    toolbox: Toolbox,
    turn: TurnId,
}

impl Drop for Asking {
    fn drop(&mut self) {
        let mut asking = lock(&self.toolbox.inner.asking);
        if let Some(at) = asking.iter().position(|it| *it == self.turn) {
            asking.swap_remove(at);
        }
    }
}

/// How a program is told of Callboard's tools: a command that speaks the Model Context Protocol on stdio, as data.
///
/// Dropping it voids the pass.
pub struct Attachment {
    toolbox: Toolbox,
    pass: Arc<Pass>,
    callboard: PathBuf,
    socket: PathBuf,
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.toolbox.revoke(&self.pass);
    }
}

impl Attachment {
    /// Returns where the hub is reached.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Returns the program to start.
    pub fn command(&self) -> &Path {
        &self.callboard
    }

    /// Returns its arguments.
    pub fn arguments(&self) -> [&'static str; 1] {
        ["mcp"]
    }

    /// Returns what its environment must have. A program that hands its own environment on needs nothing else.
    pub fn environment(&self) -> [(&'static str, String); 2] {
        let token = String::from_utf8_lossy(self.pass.token.as_bytes()).into_owned();
        [(SOCKET, self.socket.to_string_lossy().into_owned()), (PASS, token)]
    }

    fn server(&self) -> Value {
        let env: serde_json::Map<String, Value> =
            self.environment().into_iter().map(|(name, value)| (name.to_owned(), Value::String(value))).collect();
        json!({ "command": self.command().to_string_lossy(), "args": self.arguments(), "env": env })
    }

    /// Returns the configuration for `claude --mcp-config FILE --strict-mcp-config`. It holds the pass, so it belongs into a
    /// file that only its owner can read, not on a command line. Amp takes the object under `mcpServers`.
    pub fn for_claude(&self) -> Value {
        let mut server = self.server();
        server["type"] = json!("stdio");
        json!({ "mcpServers": { SERVER: server } })
    }

    /// Returns the `config` of Codex's `thread/start`: its tools are approved, since each is checked by the hub, and they may
    /// take as long as a person does to answer.
    pub fn for_codex(&self) -> Value {
        let mut server = self.server();
        server["default_tools_approval_mode"] = json!("approve");
        server["tool_timeout_sec"] = json!(86_400);
        json!({ "mcp_servers": { SERVER: server } })
    }

    /// Returns the argument behind `codex -c`: the same without the pass, which Codex hands on from its own environment.
    pub fn codex_override(&self) -> String {
        let text = |it: &str| Value::String(it.to_owned()).to_string();
        format!(
            "mcp_servers.{SERVER}={{command={},args=[\"mcp\"],env_vars=[\"{SOCKET}\",\"{PASS}\"],\
             default_tools_approval_mode=\"approve\",tool_timeout_sec=86400}}",
            text(&self.command().to_string_lossy())
        )
    }

    /// Returns what belongs into the `settings.json` of a Gemini home that is this agent's own.
    pub fn for_gemini(&self) -> Value {
        let mut server = self.server();
        server["trust"] = json!(true);
        server["timeout"] = json!(86_400_000);
        json!({ "mcpServers": { SERVER: server } })
    }

    /// Returns the entry of `mcpServers` in ACP's `session/new` and `session/load`.
    pub fn for_acp(&self) -> Value {
        let env: Vec<Value> =
            self.environment().into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        json!({ "name": SERVER, "command": self.command().to_string_lossy(), "args": self.arguments(), "env": env })
    }

    /// Returns the variables as a program's environment takes them.
    pub fn variables(&self) -> impl Iterator<Item = (OsString, OsString)> + use<> {
        self.environment().into_iter().map(|(name, value)| (name.into(), value.into()))
    }
}

#[cfg(unix)]
fn new_token() -> io::Result<Option<Token>> {
    Token::new().map(Some)
}

#[cfg(not(unix))]
fn new_token() -> io::Result<Option<Token>> {
    Ok(None)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn toolbox() -> Toolbox {
        Toolbox::at("/opt/callboard".into(), "/run/p1-abc.sock".into())
    }

    fn pass_of(attachment: &Attachment) -> String {
        attachment.environment()[1].1.clone()
    }

    /// Security row 7: a pass is worth something only as long as its program runs.
    #[test]
    fn a_pass_is_void_when_its_program_has_ended() {
        let toolbox = toolbox();
        let agent: AgentName = "claude".parse().unwrap();
        let attachment = toolbox.attach(&agent, Some(TurnId(4))).unwrap().unwrap();
        let token = pass_of(&attachment);
        let other = toolbox.attach(&agent, None).unwrap().unwrap();
        assert_ne!(token, pass_of(&other));
        let entry = toolbox.enter(token.as_bytes()).unwrap();
        assert_eq!((entry.0.agent.as_str(), entry.0.turn), ("claude", Some(TurnId(4))));
        assert!(toolbox.enter(&token.as_bytes()[..63]).is_none());
        drop(attachment);
        assert!(entry.0.is_void());
        assert!(toolbox.enter(token.as_bytes()).is_none());
        assert!(toolbox.enter(pass_of(&other).as_bytes()).is_some());
    }

    #[test]
    fn a_pass_has_few_connections() {
        let toolbox = toolbox();
        let attachment = toolbox.attach(&"claude".parse().unwrap(), None).unwrap().unwrap();
        let token = pass_of(&attachment);
        let mut entries: Vec<Entry> = (0..CONNECTIONS).filter_map(|_| toolbox.enter(token.as_bytes())).collect();
        assert_eq!(entries.len(), CONNECTIONS);
        assert!(toolbox.enter(token.as_bytes()).is_none());
        entries.pop();
        assert!(toolbox.enter(token.as_bytes()).is_some());
    }

    #[test]
    fn a_hub_without_a_socket_makes_no_pass() {
        assert!(Toolbox::default().attach(&"claude".parse().unwrap(), None).unwrap().is_none());
    }

    #[test]
    fn each_program_is_told_in_its_own_form() {
        let attachment = toolbox().attach(&"claude".parse().unwrap(), None).unwrap().unwrap();
        let pass = pass_of(&attachment);
        let env = json!({ SOCKET: "/run/p1-abc.sock", PASS: pass });
        let claude = attachment.for_claude();
        let server = &claude["mcpServers"]["callboard"];
        assert_eq!((&server["command"], &server["args"]), (&json!("/opt/callboard"), &json!(["mcp"])));
        assert_eq!(server["env"], env);
        assert_eq!(attachment.for_codex()["mcp_servers"]["callboard"]["env"], env);
        assert_eq!(attachment.for_gemini()["mcpServers"]["callboard"]["trust"], json!(true));
        assert_eq!(attachment.for_acp()["env"][1], json!({ "name": PASS, "value": pass }));
        // What others can read on the machine does not hold the pass.
        assert!(!attachment.codex_override().contains(&pass));
        assert!(attachment.codex_override().contains("command=\"/opt/callboard\""));
    }

    #[test]
    fn the_last_result_that_was_handed_in_counts() {
        let toolbox = toolbox();
        let text = |it: &str| TypedResult::Text(crate::outcome::TextResult { text: it.to_owned() });
        toolbox.hand_in(TurnId(1), text("a"));
        toolbox.hand_in(TurnId(2), text("b"));
        toolbox.hand_in(TurnId(1), text("c"));
        assert_eq!(toolbox.handed_in(TurnId(1)), Some(text("c")));
        assert_eq!(toolbox.handed_in(TurnId(2)), Some(text("b")));
        assert_eq!(toolbox.handed_in(TurnId(3)), None);
    }
}
