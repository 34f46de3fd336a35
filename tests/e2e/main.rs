//! End-to-end tests: the real binary, real PTYs, real SQLite, real git.

#[cfg(unix)]
mod wire;
