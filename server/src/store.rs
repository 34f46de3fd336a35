//! The journal: an append-only list of records, each durable before anything follows from it.
//!
//! Knows nothing of what a record means; it keeps a number, a time, a kind and a body.

use crate::ids::Timestamp;

pub mod memory;
pub mod private;
pub mod sqlite;
pub mod transcript;

#[cfg(test)]
pub mod conformance;
mod kill;
mod lock;
mod schema;

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Its kind, for people who look into the file and for migrations.
    pub kind: &'static str,
    /// JSON.
    pub body: String,
}

/// A record of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number: 1, 2, 3, … with no gap.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// Its kind.
    pub kind: String,
    /// JSON.
    pub body: String,
}

/// Why the journal did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another process has it open.
    #[error("the journal {path} is in use by another process{}; stop that one (`callboard hub stop`), or use it", .pid.map_or(String::new(), |pid| format!(" (pid {pid})")))]
    Locked {
        /// The file.
        path: String,
        /// Who holds it, where that is known.
        pid: Option<u32>,
    },
    /// A newer Callboard wrote it.
    #[error(
        "the journal {path} has format {found}, and this Callboard reads up to {known}; update Callboard to open it (nothing was changed)"
    )]
    Newer {
        /// The file.
        path: String,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// Somebody else appended: the expected number is not the last one.
    #[error("the journal is at record {actual}, not at {expected}; another writer was here")]
    Conflict {
        /// What the caller thought to be the last.
        expected: u64,
        /// What is.
        actual: u64,
    },
    /// The disk is full.
    #[error("the disk with {path} is full; free some space and try again (nothing was lost, nothing was recorded)")]
    Full {
        /// The file.
        path: String,
    },
    /// It can't be read or written.
    #[error("the journal {path} can't be used: {why}")]
    Broken {
        /// The file.
        path: String,
        /// What the system said.
        why: String,
    },
}

/// Where records are kept. One process at a time holds a journal; the implementations hold a lease until they are dropped.
pub trait Journal: Send {
    /// Returns the number of the last record, 0 where there is none.
    fn head(&self) -> u64;

    /// Appends records in one transaction and returns the number of the last, once they are durable: all, or none.
    /// `expected` is the number that the caller believes to be the last.
    fn append(&mut self, expected: u64, entries: &[NewEntry]) -> Result<u64, JournalError>;

    /// Calls `each` with every record after `after`, in order.
    fn read(&self, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError>;
}
