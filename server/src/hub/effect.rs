//! What the hub must make happen outside, decided by the pure core and started only after the commit.
//!
//! Invariant: each effect can be started twice without harm. A turn is keyed by its id; the others name a state to reach.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    agent::TurnRequest,
    ask::AskReply,
    ids::{AgentName, TurnId, WorktreeId},
    workflow::plan::Isolation,
};

/// Something to make happen.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Hand an agent its prompt. Comes back as `TurnStarted` and exactly one `TurnEnded`.
    StartTurn(Box<TurnRequest>),
    /// Stop a turn: by the agent's protocol first, then by its session. Comes back as `TurnEnded` with `Interrupted`.
    InterruptTurn {
        /// Whose.
        agent: AgentName,
        /// Which; nothing happens where the agent is on another.
        turn: TurnId,
    },
    /// Tell a turn what was said to its ask. Nothing happens where the turn is over, or has that reply already.
    AnswerAsk {
        /// Whose.
        agent: AgentName,
        /// Which turn.
        turn: TurnId,
        /// Which of its asks.
        key: String,
        /// What was said.
        reply: AskReply,
    },
    /// Take a checkpoint. Comes back as `CheckpointTaken`. Those asked for first are taken first.
    Checkpoint {
        /// Its number.
        checkpoint: u64,
        /// The tree that what changed is told from, where that is wanted.
        since: Option<Arc<str>>,
    },
    /// Put back what was changed. Comes back as `UndoEnded`.
    Undo(Box<UndoRequest>),
    /// Do something with a worktree. Comes back as `Worktree` with what came of it. In order with the checkpoints.
    Worktree(Box<WorktreeJob>),
    /// Put a text into the buffers that editors have of a file, where any have. What is put twice changes nothing.
    PutText {
        /// The file's path from the root.
        path: String,
        /// The text.
        text: Arc<str>,
    },
    /// End an agent's program with its whole session.
    StopAgent {
        /// Which.
        agent: AgentName,
    },
}

/// What an undo is to put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRequest {
    /// Its number.
    pub undo: u64,
    /// The stretches of work that are undone, in the order of time.
    pub stretches: Vec<Undo>,
    /// Whether what others changed since is replaced too.
    pub force: bool,
}

/// A stretch of work that is undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// The tree at its start.
    pub from: Arc<str>,
    /// The tree at its end; that of now where there is none.
    pub to: Option<Arc<str>>,
    /// Who else was at work in it, in words; empty where nobody was.
    pub shared: String,
}

/// What is to be done with a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorktreeJob {
    /// Which.
    pub worktree: WorktreeId,
    /// What it is set up with beside the work tree.
    pub setup: Isolation,
    /// What.
    pub act: WorktreeAct,
}

/// What may be done with a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorktreeAct {
    /// Make it of the work tree of now.
    Make,
    /// Write what a person made of these files into it, and take what is in it.
    Take {
        /// By path.
        resolved: BTreeMap<String, Arc<str>>,
    },
    /// Merge what was taken into the work tree; with a conflict, bring the worktree up to the work tree instead.
    Merge {
        /// The tree that it stands on.
        base: Arc<str>,
        /// What was taken.
        tree: Arc<str>,
        /// What its side is called in a conflict's marks.
        label: String,
        /// Files that had marks in them.
        marked: Vec<String>,
    },
    /// Remove its folder.
    Remove {
        /// The tree that it has nothing beside, if it may go; `None` where it goes whatever is in it.
        unless_beside: Option<Arc<str>>,
    },
}

/// Where effects go. The hub calls it from its own thread and must never wait: an implementation queues.
pub trait Effects: Send + 'static {
    /// Takes an effect over.
    fn start(&mut self, effect: Effect);
}
