//! End-to-end tests: the real binary, real PTYs, real SQLite, real git.

mod figures;
mod harness;
#[cfg(unix)]
mod shell;
mod support;
#[cfg(unix)]
mod wire;
