//! The wire of the library: the workflows that can be started here, and what each wants to be told.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::workflow::plan::{Category, InputKind};

/// A workflow of the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkflowView {
    /// What it is run by.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// A paragraph for people; empty where the file gives none, or is broken.
    pub description: String,
    /// Its shelf.
    pub category: Category,
    /// Where it comes from.
    pub origin: WorkflowOrigin,
    /// Its file, where it is not built in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Whether it has errors and can't be run; then nothing is known of its inputs and roles.
    pub broken: bool,
    /// What it wants to be told, in the file's order.
    pub inputs: Vec<InputView>,
    /// The parts that agents play, in the file's order.
    pub roles: Vec<RoleView>,
}

/// Where a workflow comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorkflowOrigin {
    /// It is compiled in.
    BuiltIn,
    /// The user's folder.
    User,
    /// The workspace's own folder, which is read only where the workspace is trusted.
    Workspace,
}

/// What a workflow wants to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InputView {
    /// Its name.
    pub name: String,
    /// What it may be.
    pub kind: InputKind,
    /// One line for people; may be empty.
    pub description: String,
    /// What it is when nobody says; absent where it must be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// A part that an agent plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleView {
    /// Its name.
    pub id: String,
    /// One line for people; may be empty.
    pub description: String,
}
