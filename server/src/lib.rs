//! Callboard: several coding agents at once, in channels, from the developer's editor.
//!
//! The modules in reading order. `docs/architecture.md` has the map and the invariants.

// Words that everything shares.
pub mod ask;
pub mod finding;
pub mod ids;
pub mod outcome;
pub mod steering;

// The pure core, and the thread that is its single writer.
pub mod channel;
pub mod document;
pub mod hub;
pub mod workflow;

// The journal and the folders.
pub mod config;
pub mod store;

// Agents and what they work on.
pub mod agent;
pub mod process;
pub mod tool;
pub mod workspace;

// The wire.
pub mod client;
pub mod ipc;
pub mod lsp;
pub mod mcp;
pub mod protocol;

// What bytes from outside go through, for tests.
#[cfg(all(unix, any(test, feature = "test-support")))]
pub mod entries;

// The shell.
pub mod cli;
pub mod host;
