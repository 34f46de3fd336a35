//! How a client finds a workspace's hub, or starts one, and how a hub is found.
//!
//! Everything is in one folder that only its owner can enter. Invariant: a hub is alive exactly while it holds its lock; a
//! connect error proves nothing, and nothing here ends or replaces a hub whose lock is held.
//! Knows neither the language server protocol nor the hub's state: it hands over streams of bytes and says who is there.

pub mod lock;
pub mod peer;
pub mod preamble;
pub mod runtime;

#[cfg(unix)]
pub mod attach;
#[cfg(unix)]
pub mod endpoint;
#[cfg(unix)]
pub mod watch;
