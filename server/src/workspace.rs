//! The work tree that agents work on: whether it is trusted, and git.
//!
//! Knows files and processes, and nothing of channels, runs or editors.

#[cfg(unix)]
pub mod content;
#[cfg(unix)]
pub mod git;
#[cfg(unix)]
pub mod trust;
