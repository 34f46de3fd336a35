//! Drivers: the code that talks to an agent.

pub mod environment;
pub mod result;
mod schema;
