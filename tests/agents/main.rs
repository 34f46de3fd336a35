//! The drivers against the scripted agent, each on a real PTY, through the runner's public face.

#![cfg(unix)]

mod stream;
mod support;
mod terminal;
mod tool;
