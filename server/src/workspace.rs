//! The work tree that agents work on: whether it is trusted, git, and the checkpoints.
//!
//! Knows files and processes, and nothing of channels, runs or editors.

#[cfg(unix)]
pub mod checkpoint;
#[cfg(unix)]
pub mod content;
#[cfg(unix)]
pub mod git;
#[cfg(unix)]
pub mod trust;
