//! End-to-end tests: the real binary, real PTYs, real SQLite, real git.

mod figures;
#[cfg(target_os = "linux")]
mod forgery;
mod harness;
mod support;
#[cfg(target_os = "linux")]
mod trust;
#[cfg(unix)]
mod wire;
