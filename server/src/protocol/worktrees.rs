//! The wire of worktrees: which there are, and the word that lets one go.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{RunId, StepId, WorktreeId};

/// A folder in which a step works apart from the developer's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorktreeView {
    /// Its id.
    pub id: WorktreeId,
    /// Of which run.
    pub run: RunId,
    /// Of which step.
    pub step: StepId,
    /// How far it is.
    pub stage: WorktreeState,
    /// Its folder; empty before it was made.
    pub folder: String,
    /// Why it is kept; empty where it is not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// How far a worktree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WorktreeState {
    /// Its step works in it, or is about to.
    AtWork,
    /// What was done in it is being merged, or waits for its place.
    Merging,
    /// A person is asked about what does not go together.
    Conflict,
    /// It has what is nowhere else, and nothing goes on with it: a person lets it go.
    Kept,
    /// It is needed no more, and is being removed.
    Going,
}

/// Result of `callboard/worktrees`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorktreesResult {
    /// Those whose folder is needed or still there, by id.
    pub worktrees: Vec<WorktreeView>,
    /// The revision that this is of.
    pub rev: u64,
}

/// Params of `callboard/removeWorktree`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoveWorktreeParams {
    /// Which.
    pub worktree: WorktreeId,
}
