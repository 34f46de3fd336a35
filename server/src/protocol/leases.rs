//! What clients are told of files that agents are changing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentName, MessageId, Timestamp, TurnId};

/// A file that an agent is changing in the turn that it is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeaseView {
    /// The file's path from the root.
    pub path: String,
    /// In which turn.
    pub turn: TurnId,
    /// Since when.
    pub since: Timestamp,
    /// How it is known: `said` by the agent's program, `seen` on the disk, or `perhaps` this one of several.
    pub sign: String,
    /// Others that are changing it too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<AgentName>,
}

/// That several changed one file at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollisionView {
    /// The file's path from the root.
    pub path: String,
    /// The agents.
    pub agents: Vec<AgentName>,
    /// The person, where one is a side of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Whether it is certain, or only may be.
    pub sure: bool,
    /// The message that told of it.
    pub message: MessageId,
    /// When it was noticed.
    pub at: Timestamp,
}
