//! What the hub must make happen outside, decided by the pure core and started only after the commit.
//!
//! Invariant: each effect can be started twice without harm. A turn is keyed by its id; the others name a state to reach.

use std::sync::Arc;

use crate::{
    agent::TurnRequest,
    ask::AskReply,
    ids::{AgentName, TurnId},
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

/// Where effects go. The hub calls it from its own thread and must never wait: an implementation queues.
pub trait Effects: Send + 'static {
    /// Takes an effect over.
    fn start(&mut self, effect: Effect);
}
