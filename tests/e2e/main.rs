//! End-to-end tests: the real binary, real PTYs, real SQLite, real git.

#[cfg(unix)]
mod apart;
#[cfg(unix)]
mod armed;
#[cfg(unix)]
mod asks;
#[cfg(unix)]
mod bad_input;
#[cfg(unix)]
mod buffers;
#[cfg(unix)]
mod clients;
mod collisions;
#[cfg(unix)]
mod fallen;
mod figures;
#[cfg(target_os = "linux")]
mod forgery;
#[cfg(unix)]
mod full_disk;
mod harness;
#[cfg(unix)]
mod hunks;
#[cfg(unix)]
mod journal;
#[cfg(unix)]
mod journals;
#[cfg(unix)]
mod kill_sweep;
#[cfg(unix)]
mod language;
#[cfg(unix)]
mod lsp;
#[cfg(unix)]
mod malformed;
#[cfg(target_os = "linux")]
mod mcp;
#[cfg(target_os = "linux")]
mod operator;
#[cfg(unix)]
mod panels;
#[cfg(target_os = "linux")]
mod power;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod pull;
#[cfg(unix)]
mod relay;
#[cfg(unix)]
mod roots;
#[cfg(target_os = "linux")]
mod sandbox;
#[cfg(unix)]
mod several;
#[cfg(unix)]
mod sheet;
#[cfg(unix)]
mod shell;
mod support;
#[cfg(unix)]
mod take_over;
#[cfg(unix)]
mod templates;
#[cfg(unix)]
mod terminal;
#[cfg(target_os = "linux")]
mod trust;
#[cfg(unix)]
mod undo;
#[cfg(unix)]
mod watchers;
#[cfg(unix)]
mod wire;
#[cfg(unix)]
mod workflows;
#[cfg(unix)]
mod worktrees;
