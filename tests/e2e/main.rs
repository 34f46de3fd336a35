//! End-to-end tests: the real binary, real PTYs, real SQLite, real git.

#[cfg(unix)]
mod armed;
mod figures;
mod harness;
#[cfg(unix)]
mod journal;
#[cfg(unix)]
mod kill_sweep;
#[cfg(unix)]
mod relay;
mod support;
#[cfg(unix)]
mod wire;
