//! The wire of agents that a person takes over.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentName, Timestamp};

/// Params of `callboard/takeOver`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TakeOverParams {
    /// Which agent.
    pub agent: AgentName,
    /// Whether to wait for the end of the turn that it is on; else it is refused as `busy` then.
    #[serde(default)]
    pub after_turn: bool,
}

/// Params of `callboard/handBack`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HandBackParams {
    /// Which agent.
    pub agent: AgentName,
}

/// Params of `callboard/fork`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ForkParams {
    /// Whose session.
    pub agent: AgentName,
    /// Which other instance starts from it; one that is free where absent.
    #[serde(default)]
    pub to: Option<AgentName>,
}

/// Result of `callboard/fork`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Forked {
    /// Who starts from it, with its next turn.
    pub agent: AgentName,
    /// The revision at which that is in.
    pub rev: u64,
}

/// That a person has taken an agent over. Its turns wait in its queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TakenView {
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// How far that is.
    pub stage: TakenStage,
}

/// How far a take-over is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TakenStage {
    /// It waits for the end of the turn that the agent is on.
    AfterTurn,
    /// The agent's screen is being opened.
    Opening,
    /// The agent's terminal is the person's.
    Open,
    /// It is being handed back.
    Closing,
}
