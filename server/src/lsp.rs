//! The editors' side of the wire: one `LspService` per connection over what all of them share.
//!
//! This folder alone imports `tower_lsp`. It knows the hub's handle and `protocol.rs`; it knows neither sockets nor files.

pub mod backend;
pub mod feed;
pub mod frame;
pub mod outbound;
pub mod outbox;
pub mod root;
pub mod session;
pub mod shared;
pub mod transport;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
