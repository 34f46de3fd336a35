//! What a turn asks a person while it goes on: a permission or an answer; and what the person says to it.
//!
//! Words that the core, the drivers and the wire share. Nothing here decides: a driver makes an `Ask` of what its program
//! wants, and `hub/decide/ask.rs` says who is asked and what follows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{AgentName, PauseId, RuleId, RunId, Timestamp};

/// The longest key of an ask, in bytes.
pub const MOST_KEY: usize = 200;

/// The longest pattern that can be remembered, in bytes. A longer one is asked for each time.
pub const MOST_PATTERN: usize = 4_096;

/// Something that a turn asks a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ask {
    /// The driver's name for it: unique in its turn, and what the reply carries.
    pub key: String,
    /// What it is.
    #[serde(flatten)]
    pub wish: Wish,
}

/// What a turn asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "wants", rename_all = "camelCase")]
pub enum Wish {
    /// To do something.
    Permission(Permission),
    /// To be told something.
    Question(Question),
}

/// Something that an agent may not do by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Permission {
    /// The tool, as the agent's program names it.
    pub tool: String,
    /// What it would do, in one line behind the agent's name: `wants to run a command`.
    pub title: String,
    /// The whole of what it would do: the command, or the tool's arguments. Invariant: nothing of it is left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content: String,
    /// Every file that it would change.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileEdit>,
    /// What a remembered permission would cover beside the tool: exactly this text, nothing like it. Absent where it can't
    /// be remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// A file that an agent would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileEdit {
    /// Which, from the workspace's root where it is in it.
    pub path: String,
    /// The change as a unified diff.
    pub diff: String,
}

/// Something that an agent wants to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// What, as Markdown.
    pub text: String,
    /// Answers to choose from; another one may be given all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// For how long a permission is given. Always to the agent that asked, and to no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// This once.
    #[default]
    Once,
    /// For exactly this until the run ends.
    Run,
    /// For exactly this until it is revoked.
    Always,
}

impl Scope {
    /// Returns the scope's name as commands write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Run => "run",
            Self::Always => "always",
        }
    }
}

/// What is said to an ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AskReply {
    /// It may.
    Allow {
        /// For how long.
        scope: Scope,
    },
    /// It may not.
    Deny {
        /// Why, for the agent; may be empty.
        reason: String,
    },
    /// The answer to its question.
    Answer {
        /// What the person says.
        text: String,
    },
}

/// A permission that is remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// Its id.
    pub id: RuleId,
    /// Whose.
    pub agent: AgentName,
    /// For which tool.
    pub tool: String,
    /// For exactly what.
    pub pattern: String,
    /// Until the end of which run; until it is revoked where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// At which pause.
    pub pause: PauseId,
    /// How often it has been used.
    #[serde(default)]
    pub used: u64,
    /// Who took it back, where it no longer holds: a person, or the run's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// What is done with an ask that nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Unanswered {
    /// After how many milliseconds.
    pub after: u64,
    /// What.
    pub then: WhenUnanswered,
}

/// What is done with an ask that nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenUnanswered {
    /// The channel is reminded, and again after as long.
    AskAgain,
    /// It is denied, and the turn goes on.
    Deny,
    /// The turn is stopped, and its step waits as one that was denied something.
    Pause,
}

impl WhenUnanswered {
    /// All of them, as workflow files write them.
    pub const ALL: [(&'static str, Self); 3] =
        [("ask-again", Self::AskAgain), ("deny", Self::Deny), ("pause", Self::Pause)];

    /// Returns the name as workflow files write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AskAgain => "ask-again",
            Self::Deny => "deny",
            Self::Pause => "pause",
        }
    }
}
