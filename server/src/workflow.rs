//! Workflows: files in, plans out.

pub mod plan;
