//! The wire of the hub itself: trust, what was read anew, and what hub this is.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::Timestamp;

/// Params of `callboard/trust`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TrustParams {
    /// What the person was shown, by the digest of an earlier answer; without one nothing is trusted, only told.
    pub digest: Option<String>,
}

/// Result of `callboard/trust`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrustResult {
    /// Whether the workspace is trusted as it is now.
    pub trusted: bool,
    /// What Callboard would do here, for the person who decides.
    pub text: String,
    /// What trust is bound to: SHA-256 in hex of what the workspace configures.
    pub digest: String,
}

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
