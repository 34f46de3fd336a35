//! What the hub must make happen outside, decided by the pure core and started only after the commit.
//!
//! Invariant: each effect can be started twice without harm. A turn is keyed by its id; the others name a state to reach.

use crate::{
    agent::TurnRequest,
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
    /// End an agent's program with its whole session.
    StopAgent {
        /// Which.
        agent: AgentName,
    },
}

/// Where effects go. The hub calls it from its own thread and must never wait: an implementation queues.
pub trait Effects: Send + 'static {
    /// Takes an effect over.
    fn start(&mut self, effect: Effect);
}
