//! The wire of the hub itself: what it is, what was read again, and the data of its refusals.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{hub::event::RefusalCode, ids::Timestamp};

/// Result of `callboard/reload`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReloadResult {
    /// Whether the workspace is trusted now.
    pub trusted: bool,
    /// How many agents the catalogue has.
    pub agents: u32,
}

/// Result of `callboard/hubStatus`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HubStatus {
    /// The hub's process.
    pub pid: u32,
    /// Callboard's version.
    pub version: String,
    /// The protocol's version.
    pub protocol: u32,
    /// The workspace's root.
    pub workspace: String,
    /// Since when.
    pub started: Timestamp,
    /// The journal's last revision.
    pub rev: u64,
    /// How many clients are connected.
    pub clients: u32,
    /// How many runs have not ended.
    pub live_runs: u32,
    /// Whether the workspace is trusted.
    pub trusted: bool,
    /// Whether the hub runs inside its client, and ends with it.
    pub in_process: bool,
}

/// The `data` of an error answer: what a program can match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// The class.
    pub code: RefusalCode,
}
