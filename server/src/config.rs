//! To be written.

pub mod redact;
