//! A model server for tests: it speaks as Anthropic's, `OpenAI`'s and Google's do, and does what the prompt says.
//!
//! The prompt is the script, so the server has next to no state, any number of agents may use it at once, and a resumed
//! session needs nothing. What a prompt says in brackets is carried out, one tool call a round trip, and then comes the
//! final text. Where a test can't choose the prompt's words, a rule gives a prompt that has certain words a script.
//!
//! | directive | does |
//! |---|---|
//! | `[[write PATH\|CONTENT]]` | writes a file with the tool that the program offers for it |
//! | `[[edit PATH\|OLD\|NEW]]` | puts a line in another's place; Claude Code wants the file read before |
//! | `[[bash COMMAND]]` | runs a command |
//! | `[[read PATH]]` | reads a file |
//! | `[[tool NAME {JSON}]]` | calls a tool; `SERVER/NAME` is one of an MCP server, as each program calls it |
//! | `[[say TEXT]]` | the final text; without it `answer N`, where N counts the person's messages |
//! | `[[echo]]` | the final text is what the last tool gave |
//! | `[[think TEXT]]` | thinks first |
//! | `[[slow SECONDS]]` | gives the final text in many pieces over so long |
//! | `[[hold]]` | gives the first piece of the final text, and the rest when it is released |
//! | `[[hang]]` | answers nothing at all until it is released |
//! | `[[fail STATUS]]`, `[[fail STATUS TIMES]]` | answers with this HTTP status, always or so many times |
//! | `[[limit SECONDS]]` | refuses as each provider does when a limit is reached that is over after so long |
//! | `[[drop]]` | cuts the connection in the middle of the final text |
//! | `[[usage IN OUT]]` | says that so many tokens were used |
//!
//! Paths are those of the folder in which the program works. There is no `@` in any of them, since programs open a file picker for one. `GET /_mock/requests` gives what was asked,
//! `POST /_mock/rules` adds rules, `POST /_mock/release` releases what is held.

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    io::{self, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod anthropic;
mod conversation;
mod gemini;
mod http;
mod openai;
mod script;
mod serve;

pub use conversation::Dialect;
#[allow(unused_imports, reason = "the program uses less of it than the tests")]
pub use serve::second;

/// How long anything is waited for, or held.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request as it was received.
#[derive(Debug, Clone, Serialize)]
pub struct Seen {
    pub method: String,
    pub path: String,
    /// Names in lower case.
    pub headers: HashMap<String, String>,
    pub body: Value,
    /// Whose words it was asked in; none for what is no call of a model.
    pub dialect: Option<Dialect>,
    /// What the person said last.
    pub prompt: String,
    /// How many messages of the person the conversation has.
    pub messages: usize,
    /// How many tools have answered since the last of them.
    pub answered: usize,
    /// The tools that were offered.
    pub tools: Vec<String>,
}

/// What a prompt with certain words is answered with.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// All of these stand in the prompt.
    pub when: Vec<String>,
    /// Only asked in this dialect.
    #[serde(default)]
    pub dialect: Option<Dialect>,
    /// The directives.
    pub script: String,
    /// For so many prompts; without it for all.
    #[serde(default)]
    pub times: Option<usize>,
}

/// The server. Dropped, it takes no more connections.
pub struct MockModel {
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    /// Which of them are being answered.
    open: BTreeSet<usize>,
    rules: Vec<Rule>,
    /// The script of each prompt that a rule took, by its conversation: later round trips are of the same prompt.
    taken: HashMap<String, String>,
    /// How often each conversation was refused.
    refused: HashMap<String, usize>,
    releases: usize,
    ended: bool,
    log: Option<fs::File>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until something is released that was not when there were so many releases, or the server ends.
    fn hold(&self, before: usize) {
        let state = self.state();
        let held = |it: &mut State| it.releases == before && !it.ended;
        drop(self.changed.wait_timeout_while(state, PATIENCE, held).unwrap_or_else(PoisonError::into_inner));
    }

    /// Takes note of a request that is answered from now on. With it comes how many releases there were before: who has seen
    /// it can release it.
    fn see(&self, seen: Seen) -> (Open<'_>, usize) {
        let mut state = self.state();
        if let Some(log) = &mut state.log
            && let Ok(line) = serde_json::to_string(&seen)
        {
            let _ = writeln!(log, "{line}");
        }
        state.seen.push(seen);
        let number = state.seen.len() - 1;
        state.open.insert(number);
        self.changed.notify_all();
        (Open { shared: self, number }, state.releases)
    }

    fn release(&self) {
        self.state().releases += 1;
        self.changed.notify_all();
    }
}

/// A request that is being answered, until this is dropped.
struct Open<'a> {
    shared: &'a Shared,
    number: usize,
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.shared.state().open.remove(&self.number);
        self.shared.changed.notify_all();
    }
}

#[allow(dead_code, reason = "the program uses less of it than the tests")]
impl MockModel {
    /// Starts on a port of loopback, 0 for any that is free. What is asked goes to `log` too, a line each.
    pub fn start(port: u16, log: Option<&Path>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let log = log.map(fs::File::create).transpose()?;
        let shared = Arc::new(Shared { state: Mutex::new(State { log, ..State::default() }), ..Shared::default() });
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("mock model".to_owned()).spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if serving.state().ended {
                    return;
                }
                let serving = Arc::clone(&serving);
                let _ = std::thread::Builder::new().spawn(move || {
                    // A client that goes away is no failure of the server's.
                    let _ = serve::serve(&stream, &serving);
                });
            }
        })?;
        Ok(Self { shared, address })
    }

    /// Returns where it is, without a path.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Gives prompts that have all these words a script.
    pub fn rule(&self, when: &[&str], script: &str) {
        let when = when.iter().map(|it| (*it).to_owned()).collect();
        self.add(Rule { when, dialect: None, script: script.to_owned(), times: None });
    }

    /// Adds a rule. Those that were added first are asked first.
    pub fn add(&self, rule: Rule) {
        self.shared.state().rules.push(rule);
    }

    /// Takes no more connections, and closes each that there is at its next request: nobody can reach the model any more.
    pub fn vanish(&self) {
        self.shared.state().ended = true;
        self.shared.changed.notify_all();
        // Wakes the thread that accepts, so that the port is given up.
        drop(TcpStream::connect(self.address));
    }

    /// Lets all that is held go on.
    pub fn release(&self) {
        self.shared.release();
    }

    /// Returns all that was asked of a model so far.
    pub fn asked(&self) -> Vec<Seen> {
        self.shared.state().seen.iter().filter(|it| it.dialect.is_some()).cloned().collect()
    }

    /// Returns every request so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().seen.clone()
    }

    /// Waits until a model was asked so many times.
    #[track_caller]
    pub fn wait_for_count(&self, what: &str, count: usize) {
        let state = self.shared.state();
        let asked = |it: &State| it.seen.iter().filter(|it| it.dialect.is_some()).count();
        let few = |it: &mut State| asked(it) < count;
        let waited = self.shared.changed.wait_timeout_while(state, PATIENCE, few);
        let asked = asked(&waited.unwrap_or_else(PoisonError::into_inner).0);
        assert!(asked >= count, "{what}: a model was asked {asked} times, not {count}");
    }

    /// Waits until so many requests that fit are being answered at once, and returns them.
    #[track_caller]
    pub fn wait_for_open(&self, what: &str, count: usize, is_it: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let open = |it: &State| -> Vec<Seen> {
            it.open.iter().map(|number| &it.seen[*number]).filter(|it| is_it(it)).cloned().collect()
        };
        let waited = self.shared.changed.wait_timeout_while(self.shared.state(), PATIENCE, |it| open(it).len() < count);
        let state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let found = open(&state);
        let prompts: Vec<_> = state.seen.iter().map(|it| (&it.path, &it.prompt)).collect();
        assert!(found.len() >= count, "{what}: {} are open at once, not {count}; asked: {prompts:#?}", found.len());
        found
    }

    /// Waits for a request; also one that came before counts.
    #[track_caller]
    pub fn wait_for(&self, what: &str, is_it: impl Fn(&Seen) -> bool) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.shared.state();
        loop {
            if let Some(seen) = state.seen.iter().find(|it| is_it(it)) {
                return seen.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let prompts: Vec<_> = state.seen.iter().map(|it| (&it.path, &it.prompt)).collect();
            assert!(!left.is_zero(), "{what} was not asked of the model; it was asked: {prompts:#?}");
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for MockModel {
    fn drop(&mut self) {
        self.vanish();
    }
}
