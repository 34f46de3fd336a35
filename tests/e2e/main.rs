//! End-to-end tests: the real binary, real PTYs, real SQLite, real git.

mod figures;
mod harness;
mod support;
#[cfg(unix)]
mod undo;
#[cfg(unix)]
mod wire;
