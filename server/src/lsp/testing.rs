//! A hub with nothing around it, for tests of the wire.

use std::sync::Arc;

use crate::{
    agent::terminal::Screens,
    client::Client,
    host::{Host, Parts},
    hub::{
        effect::{Effect, Effects},
        event::{Actor, Event, Refusal, RefusalCode},
    },
    lsp::{
        session,
        shared::{Reading, Shared, Surroundings},
    },
    store::{Entry, Journal, JournalError, NewEntry},
    workflow::plan::Plan,
};

/// A journal that ends with the test.
#[derive(Default)]
struct Pages(Vec<Entry>);

impl Journal for Pages {
    fn head(&self) -> u64 {
        self.0.len() as u64
    }

    fn append(&mut self, expected: u64, entries: &[NewEntry]) -> Result<u64, JournalError> {
        if expected != self.head() {
            return Err(JournalError::Conflict { expected, actual: self.head() });
        }
        for NewEntry { at, kind, body } in entries.iter().cloned() {
            self.0.push(Entry { seq: self.head() + 1, at, kind: kind.to_owned(), body });
        }
        Ok(self.head())
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        self.0.iter().filter(|it| it.seq > after).cloned().for_each(each);
        Ok(())
    }
}

/// Carries out nothing.
struct NoEffects;

impl Effects for NoEffects {
    fn start(&mut self, _: Effect) {}
}

/// A workspace that has no files.
#[derive(Default)]
struct NoFiles(Arc<Screens>);

impl Surroundings for NoFiles {
    fn plan(&self, workflow: &str) -> Result<Arc<Plan>, Refusal> {
        let message = format!("there is no workflow {workflow:?}; see `callboard workflows list`");
        Err(Refusal::new(RefusalCode::NotFound, message))
    }

    fn reload(&self) -> Result<Reading, Refusal> {
        Ok(Reading { trusted: true, agents: Vec::new() })
    }

    fn is_trusted(&self) -> bool {
        true
    }

    fn screens(&self) -> Arc<Screens> {
        Arc::clone(&self.0)
    }
}

/// A hub on its thread, with an empty journal and no agents.
pub struct World {
    pub host: Host,
}

impl World {
    pub fn new() -> Self {
        let host = Host::start(Parts {
            journal: Box::<Pages>::default(),
            effects: Box::new(|_| Box::new(NoEffects)),
            surroundings: Arc::<NoFiles>::default(),
            agents: Vec::new(),
            trusted: true,
            stop: Box::new(|| {}),
            workspace: "/nowhere".to_owned(),
            in_process: true,
            toolbox: crate::agent::tools::Toolbox::default(),
        });
        Self { host: host.expect("an empty journal can be read") }
    }

    pub fn shared(&self) -> Arc<Shared> {
        Arc::clone(self.host.shared())
    }
}

/// Connects a client as `actor`, which like any hub's clients is let in once the hub has taken up what was going on.
pub async fn connect(shared: &Arc<Shared>, actor: Actor) -> Client {
    shared.hub.ask(Event::Tick).await.expect("the hub takes up what was going on");
    let (client, hub) = tokio::io::duplex(64 * 1024);
    let (reader, writer) = tokio::io::split(hub);
    tokio::spawn(session::serve(Arc::clone(shared), actor, reader, writer));
    Client::over(client).await.expect("the hub greets")
}
