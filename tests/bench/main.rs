//! The scripted agent.

fn main() {}
