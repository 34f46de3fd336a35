//! The real programs against the mock model: Claude Code, Codex CLI and Gemini CLI as npm gives them, on loopback only.
//!
//! `CALLBOARD_TEST_CLIS` names the `node_modules` that they are in (`tests/run clis` puts them there). Where it is not set
//! each test says so and returns.

#[cfg(unix)]
mod amp;
#[cfg(unix)]
mod bounds;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
#[path = "../e2e/support.rs"]
mod e2e;
#[cfg(unix)]
mod failures;
#[cfg(unix)]
mod instances;
#[cfg(unix)]
#[path = "../mock_model/mod.rs"]
mod mock_model;
#[cfg(unix)]
mod network;
#[cfg(unix)]
mod operator;
#[cfg(unix)]
mod patterns;
#[cfg(unix)]
mod planted;
#[cfg(unix)]
mod programs;
#[cfg(unix)]
mod screens;
#[cfg(unix)]
mod support;
#[cfg(unix)]
mod take_over;
#[cfg(unix)]
mod tools;
#[cfg(unix)]
mod turns;
