//! A runner with a workspace of its own, whose events a test waits for by name.

use std::{
    cell::RefCell,
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, channel},
    },
    time::{Duration, Instant},
};

use callboard::{
    agent::{
        Access, AgentState, Session, Source, TurnRequest, TurnTimes,
        catalog::{Catalog, Folder, SharedCatalog, profile::Origin},
        runner::{Runner, RunnerParts},
        terminal::Screens,
    },
    ask::{Ask, AskReply, Scope},
    hub::{
        effect::{Effect, Effects},
        event::Event,
    },
    ids::{Timestamp, TurnId},
    outcome::{FailureClass, ResultKind, TurnOutcome},
    process::Identity,
};

/// Returns a session as the hub's journal has it: begun long ago.
pub fn session(id: &str) -> Session {
    Session { id: id.into(), since: Timestamp(0) }
}

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(40);

pub const FAKE: &str = env!("CARGO_BIN_EXE_fake-agent");

pub struct World {
    pub folder: tempfile::TempDir,
    pub screens: Arc<Screens>,
    catalog: SharedCatalog,
    pub panics: Arc<AtomicBool>,
    pub runner: RefCell<Option<Runner>>,
    events: Receiver<Event>,
    seen: RefCell<Vec<Event>>,
}

impl World {
    /// Makes a world with these profiles in the user's folder. `FAKE` in them is the scripted agent.
    pub fn new(profiles: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let agents = folder.path().join("agents");
        fs::create_dir(agents).unwrap();
        fs::create_dir(folder.path().join("ws")).unwrap();
        let catalog = SharedCatalog::new(catalog_in(folder.path(), profiles));
        let screens = Arc::new(Screens::default());
        let panics = Arc::new(AtomicBool::new(false));
        let (sender, events) = channel();
        let parts = RunnerParts {
            catalog: catalog.clone(),
            workspace: folder.path().join("ws"),
            callboard: PathBuf::from(env!("CARGO_BIN_EXE_callboard")),
            environment: vec![
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin:.".to_owned()),
                ("SECRET".to_owned(), "canary".to_owned()),
                ("ANTHROPIC_BASE_URL".to_owned(), "http://evil".to_owned()),
                ("HOME".to_owned(), folder.path().to_string_lossy().into_owned()),
            ],
            allowed: Vec::new(),
            chosen: std::collections::BTreeMap::new(),
            transcripts: {
                let panics = Arc::clone(&panics);
                Box::new(move |_, _| {
                    assert!(!panics.load(Ordering::SeqCst), "a fault on purpose");
                    Ok(Box::new(std::io::sink()))
                })
            },
            results: folder.path().join("results"),
            homes: folder.path().join("homes"),
            processes: folder.path().join("processes"),
            buffers: Arc::new(callboard::workspace::buffers::NoBuffers),
            changes: Box::new(|_| Err("no checkpoint".to_owned())),
            screens: Arc::clone(&screens),
            trusted: Box::new(|| Ok(())),
            toolbox: callboard::agent::tools::Toolbox::default(),
        };
        let runner = Runner::reporting_to(parts, move |event| {
            let _ = sender.send(event);
        });
        Self { folder, catalog, screens, panics, runner: RefCell::new(Some(runner)), events, seen: RefCell::default() }
    }

    /// Reads the catalogue again, with these profiles.
    pub fn load(&self, profiles: &[&str]) {
        self.catalog.set(catalog_in(self.folder.path(), profiles));
    }

    pub fn effect(&self, effect: Effect) {
        self.runner.borrow_mut().as_mut().unwrap().start(effect);
    }

    /// Starts a turn; its request can be changed first.
    pub fn start_with(&self, agent: &str, turn: u64, prompt: &str, change: impl FnOnce(&mut TurnRequest)) {
        let mut request = TurnRequest {
            session: None,
            fork: None,
            sandbox: false,
            recap: "".into(),
            turn: TurnId(turn),
            agent: agent.parse().unwrap(),
            prompt: prompt.into(),
            expects: ResultKind::Text,
            paths: Vec::new(),
            findings: Vec::new(),
            access: Access::Write,
            context: Vec::new(),
            budget: 0,
            cwd: self.folder.path().join("ws"),
            times: TurnTimes { start: Some(30_000), idle: Some(30_000), total: Some(60_000) },
        };
        change(&mut request);
        self.effect(Effect::StartTurn(Box::new(request)));
    }

    pub fn start(&self, agent: &str, turn: u64, prompt: &str) {
        self.start_with(agent, turn, prompt, |_| {});
    }

    /// Returns what was believed of the agents, in order.
    pub fn claims(&self) -> Vec<(AgentState, Source)> {
        self.seen(|event| match event {
            Event::AgentChanged { claim, .. } => Some((claim.state.clone(), claim.source)),
            _ => None,
        })
    }

    /// Waits for the next question of a turn.
    pub fn asked(&self, turn: u64) -> Ask {
        self.wait(&format!("an ask of t{turn}"), |event| match event {
            Event::Asked { turn: it, ask } if it.0 == turn => Some((**ask).clone()),
            _ => None,
        })
    }

    /// Answers a question of the agent `fake`.
    pub fn reply(&self, turn: u64, key: &str, reply: AskReply) {
        let agent = "fake".parse().unwrap();
        self.effect(Effect::AnswerAsk { agent, turn: TurnId(turn), key: key.to_owned(), reply });
    }

    /// Allows what was asked, once.
    pub fn allow(&self, turn: u64, ask: &Ask) {
        self.reply(turn, &ask.key, AskReply::Allow { scope: Scope::Once });
    }

    /// Denies what was asked, with no reason.
    pub fn deny(&self, turn: u64, ask: &Ask) {
        self.reply(turn, &ask.key, AskReply::Deny { reason: String::new() });
    }

    pub fn interrupt(&self, agent: &str, turn: u64) {
        self.effect(Effect::InterruptTurn { agent: agent.parse().unwrap(), turn: TurnId(turn) });
    }

    /// Waits for an event; those before it are kept.
    pub fn wait<T>(&self, what: &str, mut find: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let Ok(event) = self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) else {
                let screens: Vec<_> =
                    self.screens.agents().iter().map(|it| (it.clone(), self.screen(it.as_str()))).collect();
                panic!("{what} did not come; seen: {:#?}; screens: {screens:#?}", self.seen.borrow());
            };
            let found = find(&event);
            self.seen.borrow_mut().push(event);
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits for a turn's end.
    pub fn end(&self, turn: u64) -> TurnOutcome {
        self.wait(&format!("the end of t{turn}"), |event| match event {
            Event::TurnEnded { turn: it, outcome } if it.0 == turn => Some(outcome.clone()),
            _ => None,
        })
    }

    #[track_caller]
    pub fn answer(&self, turn: u64) -> String {
        match self.end(turn) {
            TurnOutcome::Answered { text, .. } => text,
            TurnOutcome::Failed(failure) => panic!("t{turn} failed: {failure:?}"),
        }
    }

    #[track_caller]
    pub fn failure(&self, turn: u64, class: FailureClass) -> String {
        match self.end(turn) {
            TurnOutcome::Failed(failure) => {
                assert_eq!(failure.class, class, "{failure:?}");
                failure.message
            }
            answered @ TurnOutcome::Answered { .. } => panic!("t{turn} answered: {answered:?}"),
        }
    }

    /// Waits until an agent is believed to be in a state.
    pub fn state(&self, agent: &str, state: &AgentState) -> callboard::agent::AgentClaim {
        self.wait(&format!("@{agent} to be {state:?}"), |event| match event {
            Event::AgentChanged { agent: it, claim } if it.as_str() == agent && claim.state == *state => {
                Some(claim.clone())
            }
            _ => None,
        })
    }

    /// Returns the events that have come so far and are of a kind.
    pub fn seen<T>(&self, pick: impl FnMut(&Event) -> Option<T>) -> Vec<T> {
        self.seen.borrow_mut().extend(self.events.try_iter());
        self.seen.borrow().iter().filter_map(pick).collect()
    }

    pub fn screen(&self, agent: &str) -> String {
        let terminal = self.screens.get(&agent.parse().unwrap()).expect("it has a terminal");
        terminal.screen().rows.join("\n").trim_end().to_owned()
    }

    /// Waits until an agent's screen shows a text.
    pub fn wait_for_screen(&self, agent: &str, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown =
                self.screens.get(&agent.parse().unwrap()).map(|it| it.screen().rows.join("\n")).unwrap_or_default();
            if shown.contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "{text:?} did not come on the screen: {shown}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Types into an agent's terminal as the developer does.
    pub fn type_into(&self, agent: &str, keys: &str) {
        self.screens.get(&agent.parse().unwrap()).expect("it has a terminal").type_text(keys).unwrap();
    }

    /// Returns which process an agent's terminal has. Waits for it: a program may be at work before its terminal is listed.
    pub fn process(&self, agent: &str) -> Identity {
        let name = agent.parse().unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(terminal) = self.screens.get(&name) {
                return terminal.identity().clone();
            }
            assert!(Instant::now() < deadline, "@{agent} has no terminal");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("ws").join(name)
    }

    /// Ends the runner, as the hub does at its end.
    pub fn end_runner(&self) {
        drop(self.runner.borrow_mut().take());
    }
}

fn catalog_in(folder: &Path, profiles: &[&str]) -> Catalog {
    let agents = folder.join("agents");
    for (number, profile) in profiles.iter().enumerate() {
        fs::write(agents.join(format!("{number}.yaml")), profile.replace("FAKE", FAKE)).unwrap();
    }
    let find = |name: &str| Some(PathBuf::from(name)).filter(|it| it.is_absolute() && it.exists());
    let (catalog, problems) = Catalog::load(&[Folder { path: agents, origin: Origin::User }], &find);
    assert_eq!(problems, []);
    catalog
}

impl Drop for World {
    /// Promise 1: no turn is ever reported as ended twice.
    fn drop(&mut self) {
        self.end_runner();
        if std::thread::panicking() {
            return;
        }
        let mut ended = self.seen(|event| match event {
            Event::TurnEnded { turn, .. } => Some(*turn),
            _ => None,
        });
        let count = ended.len();
        ended.sort();
        ended.dedup();
        assert_eq!(ended.len(), count, "a turn was reported as ended twice");
    }
}

/// Waits for a file to hold something that a test looks for; the agent writes it in its own time.
pub fn wait_for_file(path: &Path, what: &str, is_it: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if is_it(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "{what} did not come; {} holds {text:?}", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until a process is gone.
pub fn wait_until_gone(process: &Identity, what: &str) {
    let deadline = Instant::now() + PATIENCE;
    while callboard::process::is_alive(process) {
        assert!(Instant::now() < deadline, "{what} still lives");
        std::thread::sleep(Duration::from_millis(10));
    }
}
