//! The command line: a client of the hub like any editor.
//!
//! `args` reads, a module a command asks the hub, `render` shows. The only part of the product that writes to stdout and
//! stderr for people. It knows the wire, never the hub's insides.

// From the process's arguments to its exit code.
pub mod args;
pub mod entry;
pub mod fail;
pub mod setting;

// The hub at the other end.
pub mod connect;
pub mod wire;

// The commands.
pub mod alter;
#[cfg(unix)]
pub mod attach;
pub mod begin;
pub mod changes;
pub mod channel;
pub mod decide;
pub mod demo;
pub mod doctor;
pub mod findings;
pub mod graph;
pub mod harvest;
pub mod hub;
pub mod lists;
pub mod lsp;
pub mod permissions;
pub mod rehearse;
pub mod run;
pub mod trust;
pub mod workflows;
pub mod worktrees;

// Watching a run: what is new, what a typed answer means, the loop over both.
pub mod live;
pub mod prompt;
pub mod watch;

// The person and the screen.
pub mod editor;
pub mod out;
pub mod person;
pub mod render;
