//! The rules of the repository itself, as tests.
