//! What the hub must make happen outside, decided by the pure core and started only after the commit.
//!
//! Invariant: each effect can be started twice without harm. A turn is keyed by its id; the others name a state to reach.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    agent::{TakeOver, TurnRequest},
    ask::AskReply,
    finding::Place,
    ids::{AgentName, FindingId, PauseId, TurnId, WorktreeId},
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
    /// Put a text into the buffers that editors have of a file, where any have. What is put twice changes nothing. Comes back
    /// as `TextPut`.
    PutText(Box<TextToPut>),
    /// Notice changes of files on the disk, or no longer. What is noticed comes back as `Seen`.
    Watch {
        /// Whether.
        on: bool,
    },
    /// Tell a turn something while it goes on, where its program can be told. Nothing happens where it can't.
    Tell {
        /// Whose.
        agent: AgentName,
        /// Which turn.
        turn: TurnId,
        /// What.
        text: Arc<str>,
    },
    /// Tell where findings stand in their files as these are now. Comes back as `Followed` for each file. In order with the
    /// checkpoints.
    Follow {
        /// The files.
        files: Vec<FollowFile>,
    },
    /// Open an agent's session for a person, in its program's own screen. Comes back as `TakeOver`.
    TakeOver(Box<TakeOver>),
    /// End what was opened for a person. Comes back as `TakeOver` that says so, also where nothing was.
    HandBack {
        /// Whose.
        agent: AgentName,
        /// Which take-over.
        number: u64,
    },
    /// End an agent's program with its whole session.
    StopAgent {
        /// Which.
        agent: AgentName,
    },
}

/// A file whose findings are to be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowFile {
    /// Its path from the root.
    pub path: String,
    /// The findings.
    pub findings: Vec<FollowFinding>,
}

/// A finding that is to be followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowFinding {
    /// Which.
    pub id: FindingId,
    /// Its place in the base.
    pub place: Place,
    /// The line that its reporter spoke of.
    pub excerpt: Option<String>,
    /// Whether what it spoke of was another already.
    pub stale: bool,
    /// The text that its place is in, by its hash; none where the place is in the file as it is now.
    pub base: Option<Arc<str>>,
    /// What it spoke of when it was reported.
    pub said: Option<Arc<str>>,
}

/// A text that a person chose at a clash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextToPut {
    /// The clash.
    pub pause: PauseId,
    /// The file's path from the root.
    pub path: String,
    /// The text.
    pub text: Arc<str>,
    /// SHA-256, in hex, of what was in the editor at the clash.
    pub mine: Option<String>,
    /// Whether it is done after a crash: no editor is there yet then, so one that opens the file is waited for, and it must still
    /// have what it had.
    pub again: bool,
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
