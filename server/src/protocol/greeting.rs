//! The wire of the greeting: what a client says it can do and wants, and what the server says it offers.
//!
//! Types only; `protocol.rs` names the methods. `lsp/wishes.rs` reads a greeting.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a client can do and wants: in its `initializationOptions`, or in `capabilities.experimental.callboard`; where both
/// name a field, the former counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ClientOptions {
    /// Whether findings are shown as diagnostics.
    pub diagnostics: bool,
    /// Whether a pause point is asked for by a message with buttons; where absent, unless the client
    /// says that it has a panel or notifications.
    pub prompts: Option<bool>,
    /// Whether runs show as progress.
    pub progress: bool,
    /// What cancelling a run's progress does.
    pub on_cancel: OnCancel,
    /// The client shows channels and the inbox itself: `callboard.openChannel` writes no file.
    pub panel: bool,
    /// The client shows the documents of pause points itself: `callboard.openPause` shows no file.
    pub documents: bool,
    /// The client shows terminals itself: `callboard.openTerminal` writes no file.
    pub terminal: bool,
    /// The client saves buffers when it is asked by `callboard/saveBuffers`.
    pub saves: bool,
    /// The client tells its user itself what waits, from the feed.
    pub notifications: bool,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            diagnostics: true,
            prompts: None,
            progress: true,
            on_cancel: OnCancel::default(),
            panel: false,
            documents: false,
            terminal: false,
            saves: false,
            notifications: false,
        }
    }
}

impl ClientOptions {
    /// Returns whether a pause point is asked for by a message with buttons.
    pub fn asks(&self) -> bool {
        self.prompts.unwrap_or(!self.panel && !self.notifications)
    }
}

/// What cancelling a run's progress does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnCancel {
    /// Pause now: the run can go on later.
    #[default]
    Pause,
    /// End the run.
    Stop,
}

/// Params of `callboard/saveBuffers`, which the hub asks of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaveBuffersParams {
    /// The files.
    pub uris: Vec<String>,
}

/// Result of `callboard/saveBuffers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SaveBuffersResult {
    /// Those that are saved now.
    #[serde(default)]
    pub saved: Vec<String>,
}

/// What the server offers: `capabilities.experimental.callboard` of its answer to `initialize`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerOffer {
    /// The protocol's version.
    pub protocol: u32,
    /// The requests that it takes: one that is not here is another version's.
    pub requests: Vec<String>,
    /// The notifications that it may send.
    pub notifications: Vec<String>,
}
