//! The work tree that agents work on: whether it is trusted, what of it is open in an editor, git, and the checkpoints.
//!
//! Knows files and processes, and nothing of channels, runs or editors.

pub mod anchor;
pub mod buffers;
pub mod carry;
#[cfg(unix)]
pub mod checkpoint;
#[cfg(unix)]
pub mod content;
pub mod documents;
pub mod follow;
#[cfg(unix)]
pub mod git;
pub mod hunks;
pub mod position;
pub mod sightings;
pub mod texts;
#[cfg(unix)]
pub mod trust;
