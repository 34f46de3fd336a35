//! What a person is shown at a pause point, and what they may answer.
//!
//! A pause's document is text that a person may edit; what they leave in it is what goes on. Pure: text in, value out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A person's answer at a pause point (design §9).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "decision", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Decision {
    /// Go on with what is shown. At a limit: raise it by as much again and go on.
    Approve,
    /// Go on with this document in place of the one shown.
    Edit {
        /// The whole document as edited.
        document: String,
    },
    /// Back to the step that made it, with this text, then its checks, then this pause again.
    RequestChanges {
        /// What to change.
        text: String,
    },
    /// End the run as rejected.
    Reject {
        /// Why; may be empty.
        #[serde(default)]
        text: String,
    },
    /// Go on without the step.
    Skip,
    /// The step again.
    Retry {
        /// By another agent, where given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<crate::ids::AgentName>,
    },
    /// End the run.
    Stop,
}

impl Decision {
    /// Returns the decision's name as commands write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Edit { .. } => "edit",
            Self::RequestChanges { .. } => "request-changes",
            Self::Reject { .. } => "reject",
            Self::Skip => "skip",
            Self::Retry { .. } => "retry",
            Self::Stop => "stop",
        }
    }
}

/// Returns the SHA-256 of a document in hex: what an approval is bound to.
pub fn hash_of(document: &str) -> String {
    Sha256::digest(document.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

/// Returns text in which everything that could act on a screen or mislead a reader is visible: control characters, marks
/// that turn the direction of writing, and what has no width. Tabs and line breaks stay; a second pass changes nothing.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(it) = rest.next() {
        match it {
            '\n' | '\t' => shown.push(it),
            // The line breaks of Windows are line breaks.
            '\r' if rest.peek() == Some(&'\n') => {}
            '\0'..='\u{1f}' => shown.push(char::from_u32(0x2400 + it as u32).unwrap_or('\u{fffd}')),
            '\u{7f}' => shown.push('\u{2421}'),
            '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}' => {
                shown.push_str(&format!("\u{27e8}U+{:04X}\u{27e9}", it as u32));
            }
            _ => shown.push(it),
        }
    }
    shown
}
