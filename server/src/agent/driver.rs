//! Drivers: the code that talks to an agent, one kind a file, and what they share.
//!
//! A driver runs on its agent's own thread. It learns everything from one inbox (its terminal, interrupts, stops) and
//! waits there with a deadline, so nothing polls. It knows no hub: what it has to say goes through its `Desk`.

use std::io;

use crate::{
    agent::{TakeOver, TurnRequest, terminal::TerminalEvent},
    outcome::{Failure, FailureClass, TurnOutcome},
};

#[cfg(unix)]
pub(crate) mod acp;
mod answer;
#[cfg(unix)]
pub(crate) mod app_server;
mod at_signs;
pub(crate) mod desk;
pub mod environment;
mod files;
#[cfg(unix)]
mod homes;
#[cfg(unix)]
mod inside;
#[cfg(unix)]
pub(crate) mod lines;
mod live;
pub mod result;
#[cfg(unix)]
pub(crate) mod stream_json;
pub(crate) mod take_over;
pub(crate) mod terminal;
pub(crate) mod tool;

pub(crate) use desk::Desk;

/// What talks to one agent.
pub(crate) trait Driver {
    /// Takes a turn and says how it ended. Blocks until then; the desk's inbox is its only way to hear of anything.
    ///
    /// Invariant: a driver that returns has no turn going on in its program, or no program.
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome;

    /// Returns whether its turns may each be in another folder. Where they may not, the program is ended and started there.
    fn moves(&self) -> bool {
        false
    }

    /// Gets its own terminal ready for a person. Returns false where its program is driven by a protocol: then its session is
    /// opened in another screen, and its program is ended before.
    fn open(&mut self, desk: &mut Desk, wanted: &TakeOver) -> Result<bool, Failure> {
        let _ = (desk, wanted);
        Ok(false)
    }

    /// Returns what the screen that goes on with its session needs in its environment, and puts in place what it needs.
    fn screen(&self, desk: &Desk) -> io::Result<Vec<(String, String)>> {
        let _ = desk;
        Ok(Vec::new())
    }

    /// Hears that a person is done with its own terminal.
    fn handed_back(&mut self, desk: &mut Desk) {
        let _ = desk;
    }

    /// Hears of its terminal between turns.
    fn between(&mut self, desk: &mut Desk, event: TerminalEvent);

    /// Ends the agent's program with its whole session, and waits for that, bounded.
    fn stop(&mut self, desk: &mut Desk);
}

/// Makes a failed turn's outcome.
pub(crate) fn failed(class: FailureClass, message: impl Into<String>) -> TurnOutcome {
    TurnOutcome::Failed(failure(class, message))
}

/// Makes a failure.
pub(crate) fn failure(class: FailureClass, message: impl Into<String>) -> Failure {
    Failure { class, message: message.into(), retry_at: None }
}

/// Returns milliseconds as people say them.
pub(crate) fn spoken(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..120_000 => format!("{} s", milliseconds / 1_000),
        _ => format!("{} minutes", milliseconds / 60_000),
    }
}
