//! How a command fails: a class for programs, a sentence for people, what to do next, and the exit code.
//!
//! Every error of the command line passes through here, so that `--json` and plain output say the same.

use crate::{hub::event::RefusalCode, ids::BadName};

/// The exit code of a run that ended approved or done, and of every command that did what it was asked.
pub const OK: i32 = 0;
/// The exit code of a run that failed, was rejected or stopped, and of a command that could not do its work.
pub const FAILED: i32 = 1;
/// The exit code of a command line that makes no sense.
pub const USAGE: i32 = 2;
/// The exit code of a run that goes on or waits without this command.
pub const DETACHED: i32 = 3;
/// The exit code when whoever read our output went away: what a shell reports for a writer that SIGPIPE ended.
pub const CLOSED: i32 = 141;

/// Why a command did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// The class, in `snake_case`, for programs.
    pub code: String,
    /// What happened, and where.
    pub message: String,
    /// What to do next, a line each.
    pub help: Vec<String>,
    /// What the process exits with.
    pub exit: i32,
}

impl Fail {
    /// Makes a failure with exit code 1.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), help: Vec::new(), exit: FAILED }
    }

    /// Makes a failure of the command line itself, with exit code 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: USAGE, ..Self::new("usage", message) }
    }

    /// Makes the failure of a refused request; its class is the hub's.
    pub fn refused(code: RefusalCode, message: impl Into<String>) -> Self {
        let class = serde_json::to_value(code).ok().and_then(|it| it.as_str().map(str::to_owned));
        Self::new(class.as_deref().unwrap_or("refused"), message)
    }

    /// Makes the silent failure for output that nobody reads any more.
    pub fn closed() -> Self {
        Self { exit: CLOSED, ..Self::new("closed", "") }
    }

    /// Makes the failure for a hub that went away and could not be reached again.
    pub fn lost(message: impl Into<String>) -> Self {
        Self::new("hub_lost", message).help("see `callboard hub status`; the journal keeps what was recorded")
    }

    /// Adds a line that says what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Returns whether this is the silent end of closed output.
    pub fn is_closed(&self) -> bool {
        self.exit == CLOSED
    }

    /// Returns whether the hub went away. What was asked may have been done.
    pub fn is_lost(&self) -> bool {
        self.code == "hub_lost"
    }

    /// Returns whether the hub gave this class.
    pub fn is(&self, code: RefusalCode) -> bool {
        self.code == Self::refused(code, "").code
    }
}

impl From<std::io::Error> for Fail {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::closed();
        }
        Self::new("io", format!("the system refused: {error}"))
    }
}

impl From<BadName> for Fail {
    fn from(error: BadName) -> Self {
        Self::usage(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_keeps_the_hubs_class() {
        let fail = Fail::refused(RefusalCode::AlreadyAnswered, "p1 was approved by ada");
        assert_eq!(fail.code, "already_answered");
        assert!(fail.is(RefusalCode::AlreadyAnswered));
        assert!(!fail.is(RefusalCode::Changed));
        assert_eq!(fail.exit, FAILED);
    }

    #[test]
    fn a_broken_pipe_is_silent_and_other_io_is_not() {
        assert!(Fail::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)).is_closed());
        assert!(!Fail::from(std::io::Error::from(std::io::ErrorKind::PermissionDenied)).is_closed());
    }
}
