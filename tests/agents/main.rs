//! The drivers against the scripted agent, each on a real PTY, through the runner's public face.

#![cfg(unix)]

mod acp;
mod enter;
mod stream;
mod support;
mod take_over;
mod terminal;
mod tool;
