//! Runs on the wire, beyond their present form: who plays, what rounds came to, edits of what is left to do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    ids::{AgentName, RunId, StepId, Timestamp},
    outcome::Usage,
    protocol::StepStatus,
};

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

/// Params of `callboard/history`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryParams {
    /// Which run.
    pub run: RunId,
}

/// What the rounds of a run that are over came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunHistory {
    /// The steps of rounds that are over, oldest first: the last thousand. The present round is in the run.
    pub steps: Vec<PastStep>,
    /// How many older ones are no longer kept.
    pub forgotten: u64,
    /// The revision that this is of.
    pub rev: u64,
}

/// What a step came to in a round that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastStep {
    /// Which.
    pub step: StepId,
    /// Its title, or its id where it has none.
    pub title: String,
    /// The loop, or other step, that it stands in.
    pub within: StepId,
    /// The lap of the loop, from 1; 0 where it is in none.
    pub round: u32,
    /// The try, from 1; 0 where nobody tried.
    pub attempt: u32,
    /// How it ended.
    pub status: StepStatus,
    /// Who did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What its turns used.
    pub usage: Usage,
    /// What came of it, in a line; empty where nothing did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub outcome: String,
}

/// Params of `callboard/planText`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanTextParams {
    /// Which run.
    pub run: RunId,
}

/// A run's plan as a workflow file, to be edited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanText {
    /// The file: YAML. A comment at its head says which steps can't change.
    pub text: String,
    /// The hash of the plan; an edit must carry it.
    pub hash: String,
}

/// Params of `callboard/editPlan`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditPlanParams {
    /// Which run.
    pub run: RunId,
    /// The whole plan as it is to be: a workflow file.
    pub text: String,
    /// The hash of the plan that was edited.
    pub hash: String,
    /// Only say what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// Result of `callboard/editPlan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EditPlanResult {
    /// What changed, or would: a line each.
    pub changes: Vec<String>,
    /// The hash of the plan before.
    pub before: String,
    /// The hash of the plan after.
    pub after: String,
    /// The revision at which it is in.
    pub rev: u64,
}
