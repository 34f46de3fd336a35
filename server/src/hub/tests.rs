//! What the core does, event by event. Each test names the promise of design §2 that it holds up.

use serde_json::json;

use super::{
    event::{Actor, Answer, Event, RefusalCode},
    scene::{Scene, ada, fails, gives, name, pause, plan, repeat, review, says, turn, with},
};
use crate::{
    document::Decision,
    ids::{FindingId, MessageId, PauseId, RunId, TurnId},
    outcome::FailureClass,
};

mod asks;
mod buffers;
mod channels;
mod checkpoints;
mod context;
mod edits;
mod follow;
mod golden;
mod golden_files;
mod held;
mod leases;
mod lists;
mod nested;
mod odd;
mod operator;
mod pauses;
mod random;
mod runs;
mod take_over;
mod tools;
mod worktrees;
mod writer;
