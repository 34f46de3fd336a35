//! The wire of what completes in a message.
//!
//! Types only; `protocol.rs` names the method.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::channel::compose::OfferKind;

/// Params of `callboard/complete`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CompleteParams {
    /// The message as far as it is written.
    pub text: String,
    /// Where the cursor is in it, counted from 0 over the whole text in the units of the session's position encoding.
    pub cursor: u32,
}

/// Result of `callboard/complete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompleteResult {
    /// What can be written there, the best first.
    pub items: Vec<CompleteItem>,
}

/// Something that can be written in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CompleteItem {
    /// How it is listed.
    pub label: String,
    /// What it is.
    pub kind: OfferKind,
    /// A few words beside it; may be empty.
    pub detail: String,
    /// Where what it replaces begins, counted as `cursor`.
    pub start: u32,
    /// Where that ends.
    pub end: u32,
    /// What takes its place.
    pub insert: String,
}
