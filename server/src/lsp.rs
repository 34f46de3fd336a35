//! The editors' side of the wire: one `LspService` per connection over what all of them share.
//!
//! This folder alone imports `tower_lsp`. It knows the hub's handle and `protocol.rs`; it knows neither sockets nor files.

pub mod actions;
pub mod backend;
pub mod buffers;
pub mod channel;
pub mod commands;
pub mod decide;
pub mod desk;
pub mod diagnostics;
pub mod editor;
pub mod feed;
pub mod folder;
pub mod frame;
pub mod greeting;
pub mod hunks;
pub mod language;
pub mod lenses;
pub mod outbound;
pub mod outbox;
pub mod page;
pub mod pages;
pub mod people;
pub mod progress;
pub mod prompts;
mod puts;
pub mod root;
pub mod roots;
pub mod session;
pub mod shared;
pub mod terminals;
pub mod transport;
pub mod wishes;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
