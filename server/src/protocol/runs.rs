//! Runs on the wire, beyond their present form: who plays, what rounds came to, edits of what is left to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::AgentName;

/// Who plays a role: one agent, or several side by side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Players {
    /// One.
    One(AgentName),
    /// Several, in the order of their seats.
    Several(Vec<AgentName>),
}

impl Players {
    /// Returns them in their order.
    pub fn names(&self) -> &[AgentName] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}
