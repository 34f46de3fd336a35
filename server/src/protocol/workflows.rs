//! The wire of what can be started, and of the turns that a run took.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    agent::Access,
    ids::{AgentName, RoleId, RunId, StepId, Timestamp, TurnId},
    outcome::{Failure, Usage},
    workflow::plan::{Category, InputKind},
};

/// A workflow that can be started here, or could if it had no errors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowView {
    /// What it is run by.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// A paragraph for people; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Its shelf.
    pub category: Category,
    /// Where it comes from: `builtIn`, `user` or `workspace`.
    pub from: String,
    /// Its file, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether it has errors and can't be run.
    #[serde(default)]
    pub broken: bool,
    /// What it wants to be told, in the file's order.
    #[serde(default)]
    pub inputs: Vec<InputView>,
    /// The parts that agents play, in the file's order.
    #[serde(default)]
    pub roles: Vec<RoleView>,
}

/// What a workflow wants to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputView {
    /// Its name.
    pub name: String,
    /// What it may be.
    pub kind: InputKind,
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// What it is when nobody says; absent where it must be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// A part that an agent plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleView {
    /// Its name.
    pub id: RoleId,
    /// One line for people; may be empty.
    #[serde(default)]
    pub description: String,
    /// Agents that would play it, best first.
    #[serde(default)]
    pub prefer: Vec<AgentName>,
    /// What an agent must be good for, where none of the preferred is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub good_for: Option<String>,
    /// What it may do.
    pub access: Access,
    /// How many agents may play it side by side: 1 where the file says nothing.
    #[serde(default = "one")]
    pub seats: u32,
}

fn one() -> u32 {
    1
}

/// Params of `callboard/turns`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TurnsParams {
    /// Which run.
    pub run: RunId,
}

/// A turn of a run, without its prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunTurn {
    /// Its id.
    pub id: TurnId,
    /// Who.
    pub agent: AgentName,
    /// The step that it was for.
    pub step: StepId,
    /// When it was put in the agent's queue.
    pub queued: Timestamp,
    /// When the agent began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// How it ended: `answered`, `failed`, `lost` or `withdrawn`; absent while it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Its failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What it used, as far as its agent reported it.
    #[serde(default)]
    pub usage: Usage,
}
