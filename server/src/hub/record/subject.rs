//! What a pause is about: the part of a record that says which run, step or turn waits for a person, and for what.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{AgentName, FindingId, MessageId, RunId, StepId, TurnId, WorktreeId};

/// What a pause is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Subject {
    /// A pause step.
    Step {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// A failed step.
    Failure {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
    },
    /// A limit of a run as a whole.
    RunLimit {
        /// The run.
        run: RunId,
        /// Which limit.
        limit: RunLimit,
    },
    /// A loop's bound on rounds.
    Rounds {
        /// The run.
        run: RunId,
        /// The loop.
        step: StepId,
    },
    /// A loop that only repeats itself, or has only declined findings left.
    Stuck {
        /// The run.
        run: RunId,
        /// The loop.
        step: StepId,
        /// The findings that are left.
        findings: Vec<FindingId>,
    },
    /// What an operator asks, or that it gets no further.
    Operator {
        /// The run.
        run: RunId,
        /// The loop that it operates.
        step: StepId,
    },
    /// What a step did in its worktree and what is in the work tree now don't go together.
    Conflict {
        /// The run.
        run: RunId,
        /// The step.
        step: StepId,
        /// The worktree.
        worktree: WorktreeId,
    },
    /// What was typed into a file and what was written to it on the disk.
    Clash {
        /// At the end of which turn it was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
        /// The run that the turn is a step of: it is held until a person has answered. None in journals of earlier hubs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
        /// The file.
        path: String,
        /// SHA-256, in hex, of what was in the editor: after a crash the other text is put only where that is still there. None
        /// in journals of earlier hubs, which put it once or never.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mine: Option<String>,
        /// What is on the disk; empty where it is too long to be kept.
        theirs: Arc<str>,
    },
    /// A chain of agents that passes the word on and on.
    Hops {
        /// The message at which it is held.
        message: MessageId,
    },
    /// Something that a turn asks while it goes on.
    Ask {
        /// The turn.
        turn: TurnId,
        /// Which of its asks.
        key: String,
        /// Whose turn.
        agent: AgentName,
        /// The run, where the turn is a step of one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
        /// The step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        step: Option<StepId>,
        /// What it wants, as far as an answer depends on it; the rest is in the document.
        wants: Wanted,
    },
}

/// What an ask wants, as far as an answer depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Wanted {
    /// A permission.
    Permission {
        /// For which tool.
        tool: String,
        /// What a remembered one would cover; absent where it can't be remembered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pattern: Option<String>,
    },
    /// An answer.
    Answer {
        /// Answers to choose from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        choices: Vec<String>,
    },
}

impl Subject {
    /// Returns the run that waits, where one does.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Step { run, .. }
            | Self::Failure { run, .. }
            | Self::RunLimit { run, .. }
            | Self::Rounds { run, .. }
            | Self::Operator { run, .. }
            | Self::Conflict { run, .. }
            | Self::Stuck { run, .. } => Some(*run),
            Self::Ask { run, .. } | Self::Clash { run, .. } => *run,
            Self::Hops { .. } => None,
        }
    }

    /// Returns the step that waits, where one does.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Step { step, .. }
            | Self::Failure { step, .. }
            | Self::Rounds { step, .. }
            | Self::Operator { step, .. }
            | Self::Conflict { step, .. }
            | Self::Stuck { step, .. } => Some(step),
            Self::Ask { step, .. } => step.as_ref(),
            Self::RunLimit { .. } | Self::Hops { .. } | Self::Clash { .. } => None,
        }
    }
}

/// The limits of a run as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunLimit {
    /// Turns that agents take.
    Turns,
    /// Working time.
    Time,
    /// Tokens.
    Tokens,
    /// Money.
    Money,
}

/// How a file changed, as it is shown at a pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownDiff {
    /// Where.
    pub path: String,
    /// A unified diff, or the beginning of one; empty where it is no text, or there is no room for it.
    pub text: String,
    /// How many lines of it are left out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(it: &usize) -> bool {
    *it == 0
}
