//! Findings: remarks on the code, as agents report them and as the hub keeps them.
//!
//! Identity is by content (path, code, text, the line spoken of), never by line number, so that a finding keeps its id
//! while the lines above it come and go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ids::{AgentName, FindingId, MessageId, RunId};

mod agreement;

pub use agreement::agree;

/// How much a finding matters, most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Wrong: it fails, loses data or is unsafe.
    Error,
    /// Likely wrong, or will be.
    Warning,
    /// Worth knowing. Never opens another round of a loop.
    Info,
    /// A matter of taste. Never opens another round of a loop.
    Hint,
}

impl Severity {
    /// Returns whether a finding this severe may keep a loop going (the materiality floor of design §8).
    pub fn is_material(self) -> bool {
        self <= Self::Warning
    }
}

/// A place in a file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Path from the workspace's root, with `/` between its parts.
    pub path: String,
    /// First line, from 1.
    pub line: u32,
    /// First column, from 1, in characters; 1 where it is not known.
    #[serde(default = "one")]
    pub column: u32,
    /// Last line, from 1; absent where the place is one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// Column behind the last character, from 1; absent where it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
}

fn one() -> u32 {
    1
}

/// A finding as an agent reports it, before the hub has matched it with what it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FindingDraft {
    /// The id of the finding that this one repeats, where the agent was told of it and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<FindingId>,
    /// Where; absent for a remark on the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// How much it matters.
    pub severity: Severity,
    /// The rule's name, such as `clippy::len_zero`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong, and why it matters: one paragraph.
    pub text: String,
    /// What to do about it, where the agent knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The source line spoken of, as it stood when the finding was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
}

impl FindingDraft {
    /// Returns what makes two reports the same finding: 12 hex digits over path, code, text and the line spoken of.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let path = self.place.as_ref().map_or("", |it| it.path.as_str());
        for part in [path, self.code.as_deref().unwrap_or(""), &squeeze(&self.text)] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(squeeze(self.excerpt.as_deref().unwrap_or("")).as_bytes());
        hash.finalize().iter().take(6).fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// Returns `text` with each run of white space as one space, so that re-indenting does not make a new finding.
fn squeeze(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What has become of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FindingState {
    /// To be dealt with.
    Open,
    /// A later review of the same scope no longer reported it.
    Fixed,
    /// A person said that it is not one.
    Dismissed {
        /// Who.
        by: String,
        /// Why; reviewers are told, so that they do not report it again.
        reason: String,
    },
    /// A person knows and lives with it.
    Accepted {
        /// Who.
        by: String,
    },
    /// The text that it speaks of changed; a re-check will tell.
    Stale,
}

impl FindingState {
    /// Returns whether it is to be dealt with: nobody has settled it, though the text that it speaks of may be another by now.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Open | Self::Stale)
    }
}

/// A fixer's answer that it will not fix a finding, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Declined {
    /// The finding that stays.
    pub finding: FindingId,
    /// Why: goes back to the reviewer once, then to the person.
    pub reason: String,
}

/// A finding as the hub keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = always_with_an_id)]
pub struct Finding {
    /// Its name for good.
    pub id: FindingId,
    /// What it says.
    #[serde(flatten)]
    pub draft: FindingDraft,
    /// The run that it was first reported in, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The message that it was first reported in, once that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The agents that reported it.
    pub sources: Vec<AgentName>,
    /// What has become of it.
    pub state: FindingState,
    /// A fixer's latest reason not to fix it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declined: Option<String>,
    /// Whether a reviewer reported it again after it was declined: now it is a person's to settle.
    #[serde(default)]
    pub contested: bool,
    /// Revision of the record that changed it last.
    pub rev: u64,
}

/// Flattening puts the schema of a draft's id, which may be absent, over that of a kept finding's, which never is.
fn always_with_an_id(schema: &mut schemars::Schema) {
    if let Some(id) = schema.pointer_mut("/properties/id") {
        *id = serde_json::json!({
            "$ref": id.pointer("/anyOf/0/$ref").cloned().unwrap_or_default(),
            "description": "Its name for good.",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_finding_always_has_an_id() {
        let schema = schemars::schema_for!(Finding);
        let id = schema.pointer("/properties/id").unwrap();
        assert_eq!(id["$ref"], "#/$defs/FindingId");
        assert!(schema.get("required").unwrap().as_array().unwrap().iter().any(|it| it == "id"));
        let kept = serde_json::json!({ "id": "f1", "severity": "error", "text": "x", "sources": [], "state": { "is": "open" }, "rev": 1 });
        let kept: Finding = serde_json::from_value(kept).unwrap();
        assert_eq!((kept.id, kept.draft.id), (FindingId(1), None));
    }
}
