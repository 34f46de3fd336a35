//! Who is changing which files: a lease for each turn and file, and the collisions that were told.
//!
//! A lease is what is known, not a lock: nobody is kept from writing. It begins with the first sign that a turn changes a file and
//! shows until the turn is over. It is remembered until no turn is left that was on at the same time, since that one may
//! have read the file before.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use serde::{Deserialize, Serialize};

use super::{
    decide,
    record::Cause,
    state::{State, Turn},
};
use crate::{
    agent::Access,
    ids::{AgentName, MessageId, RunId, Timestamp, TurnId},
};

/// How many files of one turn are remembered.
pub const FILES_OF_A_TURN: usize = 500;

/// How many collisions are remembered.
pub const COLLISIONS_KEPT: usize = 200;

/// How many notes wait for one agent's next prompt.
pub const NOTES_KEPT: usize = 20;

/// How it is known that a turn changes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sign {
    /// The file changed on the disk, and the turn is one of several that may have done it.
    Perhaps,
    /// The file changed on the disk, and no other turn can have done it.
    Seen,
    /// The agent's program says so.
    Said,
}

/// That a turn changes a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The turn.
    pub turn: TurnId,
    /// Whose it is.
    pub agent: AgentName,
    /// Since when.
    pub since: Timestamp,
    /// How it is known.
    pub sign: Sign,
    /// The record with which its turn ended.
    pub ended: Option<u64>,
}

/// That several turns, or a turn and a person, changed one file at the same time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// The file.
    pub path: Arc<str>,
    /// Whose turns.
    pub agents: Vec<AgentName>,
    /// Of which runs.
    pub runs: Vec<RunId>,
    /// The person, where one is a side of it.
    pub person: Option<Arc<str>>,
    /// Whether it is certain, or only may be.
    pub sure: bool,
    /// The message that says so.
    pub message: MessageId,
    /// When it was noticed.
    pub at: Timestamp,
}

/// What is known of files that turns change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// The leases by the file's path from the root.
    pub leases: OrdMap<Arc<str>, Vector<Lease>>,
    /// What was told of turns that are remembered here: of one file, of two turns, the smaller first; a person is turn 0.
    pub told: OrdSet<(Arc<str>, TurnId, TurnId)>,
    /// The collisions, oldest first.
    pub collisions: Vector<Arc<Collision>>,
    /// How many collisions there were before those.
    pub forgotten: u64,
}

impl Files {
    /// Returns the leases of turns that go on, with their files.
    pub fn live(&self) -> impl Iterator<Item = (&Arc<str>, &Lease)> {
        let each = self.leases.iter().flat_map(|(path, all)| all.iter().map(move |it| (path, it)));
        each.filter(|(_, it)| it.ended.is_none())
    }
}

/// Returns the turns that go on and may change the developer's own files.
pub fn writers(state: &State) -> impl Iterator<Item = &Arc<Turn>> {
    state.live_turns.iter().filter_map(|it| state.turn(*it)).filter(|it| writes(state, it))
}

/// Returns whether a turn may change the developer's own files.
pub fn writes(state: &State, turn: &Turn) -> bool {
    turn.ended.is_none()
        && turn.sent.as_ref().is_some_and(|it| it.access == Access::Write)
        && !(matches!(turn.cause, Cause::Step { .. }) && decide::works_apart(state, &turn.cause))
}
