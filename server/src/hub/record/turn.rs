//! What records say of a turn: what for, what was sent, how it ended, and when a checkpoint is taken around it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    agent::{Access, TurnTimes},
    ids::{FindingId, MessageId, RunId, StepId},
    outcome::{Failure, ResultKind},
};

/// Why a checkpoint is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CheckpointWhen {
    /// A run that may change files has started.
    Run,
    /// A turn that may change files is about to start.
    Start,
    /// It is over.
    End,
    /// A person answered a pause of the run: what changed before is not its agents'.
    Answer,
    /// What a turn did in its worktree is about to be merged.
    Merge,
}

/// What a turn is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Cause {
    /// A message that woke the agent.
    Delivery {
        /// Which.
        message: MessageId,
    },
    /// A step of a run.
    Step {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
}

impl Cause {
    /// Returns the run that a turn is for.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Step { run, .. } => Some(*run),
            Self::Delivery { .. } => None,
        }
    }
}

/// What an agent was sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// The prompt, whole.
    pub prompt: Arc<str>,
    /// The form that the result must have.
    pub expects: ResultKind,
    /// Files and folders the turn is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
    /// Findings the turn is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<FindingId>,
    /// What the agent may do.
    pub access: Access,
    /// How long it may take.
    pub times: TurnTimes,
    /// Whether its program must run in a sandbox.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
}

/// How a turn ended, as the journal keeps it: its result is in the step or the message that it became.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ended", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TurnEnd {
    /// The agent answered.
    Answered,
    /// It failed.
    Failed {
        /// How.
        failure: Failure,
    },
    /// The hub ended while it went on: what came of it is not known. Another turn takes its place.
    Lost,
    /// It was taken back before it began.
    Withdrawn,
}
