//! The command line: a client of the hub like any editor.
//!
//! `args` reads, a module a command asks the hub, `render` shows. The only part of the product that writes to stdout and
//! stderr for people. It knows the wire, never the hub's insides.

pub mod args;
pub mod channel;
pub mod decide;
pub mod editor;
pub mod fail;
pub mod findings;
pub mod lists;
pub mod live;
pub mod out;
pub mod person;
pub mod plain;
pub mod prompt;
pub mod render;
pub mod run;
pub mod watch;
pub mod wire;
