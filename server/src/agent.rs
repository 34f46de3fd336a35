//! What the hub knows of an agent: how it is called, what it may do, what state it is in, and what a turn asks of it.
//!
//! Types only. How an agent is really driven is in `agent/`, which the hub does not know.

use std::{path::PathBuf, sync::Arc};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    finding::Finding,
    ids::{AgentName, Timestamp, TurnId},
    outcome::ResultKind,
    workflow::context::Piece,
};

pub mod catalog;
mod discreet;
pub mod driver;
mod given;
pub mod runner;
pub mod sandbox;
pub mod status;
pub mod terminal;
pub mod tools;

/// What an agent may do to the workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Look.
    Read,
    /// Change files.
    Write,
}

/// The code that talks to an agent (design §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriverKind {
    /// A warm process with JSON lines both ways.
    StreamJson,
    /// Codex's own JSON-RPC.
    AppServer,
    /// The Agent Client Protocol.
    Acp,
    /// The interactive program on a PTY.
    Terminal,
    /// A deterministic program on a PTY that gives a typed result.
    Tool,
}

/// How long the parts of a turn may take, in milliseconds. `None` is no limit, which only a user's profile can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TurnTimes {
    /// From the start of its program until it is ready for a prompt.
    pub start: Option<u64>,
    /// Without a byte from it while it works.
    pub idle: Option<u64>,
    /// From the prompt to the end.
    pub total: Option<u64>,
}

impl Default for TurnTimes {
    fn default() -> Self {
        Self { start: Some(60_000), idle: Some(10 * 60_000), total: Some(60 * 60_000) }
    }
}

/// What the hub is told of an agent when the catalogue is read: enough to bind roles and to keep limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentInfo {
    /// How it is called.
    pub name: AgentName,
    /// The profile that it is an instance of.
    pub profile: String,
    /// One line for people.
    pub title: String,
    /// How it is driven.
    pub driver: DriverKind,
    /// What it may do.
    pub access: Access,
    /// What it is good for: words such as `review`, `fix`, `test`, that roles ask for.
    pub good_for: Vec<String>,
    /// Whether its program was found here; where not, why and what to do.
    pub missing: Option<String>,
    /// How long its turns may take.
    pub times: TurnTimes,
    /// Whether a person can take it over: whether its program has a screen that goes on with a session.
    #[serde(default)]
    pub take_over: bool,
    /// Whether that is only once it has a session: where its program can't be told which to begin.
    #[serde(default)]
    pub needs_session: bool,
    /// Whether another instance of it can start from its session.
    #[serde(default)]
    pub fork: bool,
}

impl AgentInfo {
    /// Returns the form of the result that it gives where nobody asks for another: a tool gives its own, the others speak freely.
    pub fn gives(&self) -> ResultKind {
        let is_good_for = |word: &str| self.good_for.iter().any(|it| it == word);
        match self.driver {
            DriverKind::Tool if is_good_for("test") => ResultKind::Tests,
            DriverKind::Tool if is_good_for("review") => ResultKind::Review,
            DriverKind::Tool if is_good_for("fix") => ResultKind::Change,
            _ => ResultKind::Text,
        }
    }
}

/// The states of an agent (design §2, promise 3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AgentState {
    /// Its program has been started and is not ready yet.
    Starting,
    /// Ready for a prompt.
    Idle,
    /// On a turn.
    Working,
    /// It asked for a permission.
    WaitingForPermission,
    /// It asked a question.
    WaitingForAnswer,
    /// A person has taken it over and speaks with it in its program's own screen; its turns wait.
    TakenOver {
        /// Who.
        by: String,
    },
    /// Its provider refuses more for now.
    RateLimited {
        /// Until when, where that is known.
        until: Option<Timestamp>,
    },
    /// Its budget is used up.
    OutOfBudget,
    /// Its program ended and should not have.
    Crashed,
    /// It has no program running, and needs none.
    Stopped,
}

/// Why a state is believed, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// The hub did it itself.
    Hub,
    /// The agent's protocol said so.
    Protocol,
    /// One of the agent's hooks said so.
    Hook,
    /// Its process ended.
    ExitStatus,
    /// Its terminal's title says so.
    Title,
    /// Its screen looks like it: the last resort, and labelled so.
    Screen,
}

/// A claim about an agent's state, with why it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentClaim {
    /// The state.
    pub state: AgentState,
    /// Where the claim comes from.
    pub source: Source,
    /// The reason in words.
    pub why: String,
}

/// A session of an agent's program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The program's own id of it.
    pub id: Arc<str>,
    /// Since when it is known: a program may not be able to go on with one that is too young.
    pub since: Timestamp,
}

/// What a person takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakeOver {
    /// Who.
    pub agent: AgentName,
    /// Tells it from every other one of this agent.
    pub number: u64,
    /// By whom.
    pub by: String,
    /// Where it works.
    pub cwd: PathBuf,
    /// The session that its screen goes on with; a new one where there is none.
    pub session: Option<Session>,
}

/// What a turn asks of an agent. The effect that starts it carries this; a driver needs nothing else.
#[derive(Debug, Clone)]
pub struct TurnRequest {
    /// The turn, which is also the key that makes starting it idempotent.
    pub turn: TurnId,
    /// Who.
    pub agent: AgentName,
    /// What it is sent, whole.
    pub prompt: Arc<str>,
    /// The form that the result must have.
    pub expects: ResultKind,
    /// Files and folders the turn is about, from the workspace's root; empty is the whole.
    pub paths: Vec<String>,
    /// Findings the turn is about, with their ids.
    pub findings: Vec<Finding>,
    /// Whether it may change files in this turn.
    pub access: Access,
    /// What its prompt takes with it beside its words, to be read where the turn is taken.
    pub context: Vec<Piece>,
    /// How many tokens that may take.
    pub budget: u32,
    /// Where it works.
    pub cwd: PathBuf,
    /// How long it may take.
    pub times: TurnTimes,
    /// The session of its program that it goes on with, where one is known for the place where it works.
    pub session: Option<Session>,
    /// The session of another instance that it starts from, where it has none of its own.
    pub fork: Option<Session>,
    /// Whether its program must run in a sandbox, whatever the user's settings say.
    pub sandbox: bool,
    /// The end of what was said in the turn's channel, for a program that knows the session no more; empty without one.
    pub recap: Arc<str>,
}
