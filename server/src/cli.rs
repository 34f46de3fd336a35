//! The command line.

#[cfg(unix)]
pub mod hub;
pub mod lsp;
