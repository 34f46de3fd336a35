//! What the core does, event by event. Each test names the promise of design §2 that it holds up.

use serde_json::json;

use super::{
    event::{Actor, Event, RefusalCode},
    scene::{Scene, ada, fails, gives, name, pause, plan, repeat, review, says, turn, with},
};
use crate::{
    document::Decision,
    ids::{MessageId, PauseId, RunId},
    outcome::FailureClass,
};

mod asks;
mod buffers;
mod channels;
mod checkpoints;
mod odd;
mod pauses;
mod random;
mod runs;
mod writer;
