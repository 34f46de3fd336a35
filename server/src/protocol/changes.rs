//! The wire of what agents changed: the diff of a run, and its undo.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentName, RunId, StepId};

/// A file, and something to say of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileNote {
    /// Where, from the workspace's root.
    pub path: String,
    /// Why it is named.
    pub why: String,
}

/// Params of `callboard/diff`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffParams {
    /// Which run.
    pub run: RunId,
    /// Only what this step changed.
    #[serde(default)]
    pub step: Option<StepId>,
    /// Only what this agent changed.
    #[serde(default)]
    pub by: Option<AgentName>,
    /// Whether each text has the whole file around its changes, so that both sides can be made from it.
    #[serde(default)]
    pub whole: bool,
}

/// Result of `callboard/diff`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiffResult {
    /// The files, in the order of time and then of their paths. One that was changed, then changed by somebody else, then
    /// changed again is there twice.
    pub files: Vec<FileDiff>,
    /// What the diff does not know: files that are left out, checkpoints that could not be taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The revision that it is of.
    pub rev: u64,
}

/// A file's difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileDiff {
    /// Where it is, or was.
    pub path: String,
    /// Where it was, where it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What became of it.
    pub kind: FileChange,
    /// Its mode before, as git writes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_mode: Option<String>,
    /// Its mode after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_mode: Option<String>,
    /// Whether its content is no text.
    #[serde(default)]
    pub binary: bool,
    /// Who was at work when it changed: one, or several in parallel.
    pub by: Vec<AgentName>,
    /// The steps that they were on.
    pub steps: Vec<StepId>,
    /// The difference as a unified diff, with git's header; empty where all of it together is too long.
    pub text: String,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FileChange {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It is another.
    Modified,
    /// It has another name.
    Renamed,
}

/// Params of `callboard/undo`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UndoParams {
    /// Which run.
    pub run: RunId,
    /// Only what this step changed.
    #[serde(default)]
    pub step: Option<StepId>,
    /// Whether files that were changed since by somebody else are put back too.
    #[serde(default)]
    pub force: bool,
}

/// Result of `callboard/undo`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UndoResult {
    /// The files that are as they were before.
    pub files: Vec<String>,
    /// The files that are left as they are.
    pub clashes: Vec<FileNote>,
    /// The revision at which it is in.
    pub rev: u64,
}
