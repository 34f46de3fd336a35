//! What a turn comes to: a typed result, or a failure of a known class.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    finding::{Declined, FindingDraft, Place},
    ids::{FindingId, Timestamp},
};

pub mod form;
pub mod schema;

/// The form that a step wants its result in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResultKind {
    /// Free text.
    #[default]
    Text,
    /// A verdict and findings.
    Review,
    /// What was changed, and what was declined.
    Change,
    /// A verdict and failures.
    Tests,
    /// Steps to take.
    Plan,
    /// Anything that fits this JSON Schema.
    Json(serde_json::Value),
}

/// A result that has the form its step asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum TypedResult {
    /// Free text.
    Text(TextResult),
    /// A verdict and findings.
    Review(ReviewResult),
    /// What was changed, and what was declined.
    Change(ChangeResult),
    /// A verdict and failures.
    Tests(TestsResult),
    /// Steps to take.
    Plan(PlanResult),
    /// Anything that fits the step's JSON Schema.
    Json(JsonResult),
}

/// Free text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TextResult {
    /// The text, as Markdown.
    pub text: String,
}

/// What a reviewer says of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewVerdict {
    /// Nothing material is left.
    Approved,
    /// Something material is to be changed.
    ChangesRequested,
}

/// A review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReviewResult {
    /// The reviewer's word on the whole.
    pub verdict: ReviewVerdict,
    /// One or two sentences.
    #[serde(default)]
    pub summary: String,
    /// The remarks, most severe first.
    #[serde(default)]
    pub findings: Vec<FindingDraft>,
}

/// A change of the work tree.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeResult {
    /// One or two sentences.
    #[serde(default)]
    pub summary: String,
    /// Files that were changed, from the workspace's root.
    #[serde(default)]
    pub files: Vec<String>,
    /// Findings that the agent says it fixed.
    #[serde(default)]
    pub fixed: Vec<FindingId>,
    /// Findings that it did not fix, each with its reason.
    #[serde(default)]
    pub declined: Vec<Declined>,
}

/// Whether tests passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TestVerdict {
    /// All that ran passed, and at least one ran.
    Passed,
    /// One failed, or they could not be built.
    Failed,
    /// There was none to run.
    None,
}

/// One test that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestFailure {
    /// The test's full name, or the build step that failed.
    pub name: String,
    /// Where it failed, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The end of what it printed.
    pub message: String,
}

/// What a test run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestsResult {
    /// The whole.
    pub verdict: TestVerdict,
    /// One line, such as `41 passed, 1 failed`.
    #[serde(default)]
    pub summary: String,
    /// How many passed.
    #[serde(default)]
    pub passed: u32,
    /// How many failed.
    #[serde(default)]
    pub failed: u32,
    /// How many were skipped.
    #[serde(default)]
    pub skipped: u32,
    /// The failures, bounded by the agent.
    #[serde(default)]
    pub failures: Vec<TestFailure>,
}

/// A plan.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanResult {
    /// One or two sentences.
    #[serde(default)]
    pub summary: String,
    /// What to do, in order.
    #[serde(default)]
    pub steps: Vec<String>,
}

/// A result of a form that the workflow itself gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JsonResult {
    /// The value.
    pub value: serde_json::Value,
}

impl TypedResult {
    /// Returns the kind that this result has.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Review(_) => "review",
            Self::Change(_) => "change",
            Self::Tests(_) => "tests",
            Self::Plan(_) => "plan",
            Self::Json(_) => "json",
        }
    }

    /// Returns it in one line.
    pub fn line(&self) -> String {
        let count = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
        let first = |text: &str| text.lines().next().unwrap_or("").trim().to_owned();
        match self {
            Self::Text(it) => first(&it.text),
            Self::Review(it) => {
                let verdict = match it.verdict {
                    ReviewVerdict::Approved => "approved",
                    ReviewVerdict::ChangesRequested => "changes requested",
                };
                format!("{verdict}, {}", count(it.findings.len(), "finding"))
            }
            Self::Change(it) => {
                let mut parts = vec![format!("changed {}", count(it.files.len(), "file"))];
                if !it.fixed.is_empty() {
                    parts.push(format!("fixed {}", it.fixed.len()));
                }
                if !it.declined.is_empty() {
                    parts.push(format!("declined {}", it.declined.len()));
                }
                parts.join(", ")
            }
            Self::Tests(it) => match it.verdict {
                TestVerdict::None => "no test ran".to_owned(),
                _ if !it.summary.is_empty() => first(&it.summary),
                _ => format!("{} passed, {} failed", it.passed, it.failed),
            },
            Self::Plan(it) => count(it.steps.len(), "step"),
            Self::Json(_) => "a JSON value".to_owned(),
        }
    }

    /// Returns whether this result has the kind that was asked for; `check` looks at a JSON value too.
    pub fn fits(&self, wanted: &ResultKind) -> bool {
        self.kind_name() == wanted.name()
    }

    /// Checks that this result has the form that was asked for. The error says where it has not, and what is wanted there.
    pub fn check(&self, wanted: &ResultKind) -> Result<(), String> {
        match (self, wanted) {
            (Self::Json(it), ResultKind::Json(schema)) => schema::check(schema, &it.value),
            _ if self.fits(wanted) => Ok(()),
            _ => Err(format!("it is a {} result, and a {} result is wanted", self.kind_name(), wanted.name())),
        }
    }
}

impl ResultKind {
    /// Returns the kind's name as workflow files write it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Review => "review",
            Self::Change => "change",
            Self::Tests => "tests",
            Self::Plan => "plan",
            Self::Json(_) => "json",
        }
    }
}

/// Why a turn failed, as a class that a workflow's policy can match (design §6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureClass {
    /// The program is not on this machine, or cannot be executed.
    NotInstalled,
    /// The program wants a login that it does not have.
    NotSignedIn,
    /// The provider refuses more for now; `retry_at` says until when, where it is known.
    RateLimited,
    /// The provider is overloaded or answers with an error.
    Overloaded,
    /// The conversation no longer fits the model.
    ContextFull,
    /// The program ended without a result, or was killed by somebody else.
    Crashed,
    /// It was not ready in time.
    StartTimeout,
    /// Nothing was heard from it for too long.
    IdleTimeout,
    /// The turn took longer than it may.
    TotalTimeout,
    /// Its result had not the form asked for, twice.
    InvalidResult,
    /// A permission that it needed was denied.
    Denied,
    /// A budget was used up.
    OverBudget,
    /// A person or a limit stopped the turn.
    Interrupted,
    /// What the workspace configures was changed since a person trusted it. No policy matches it: a person looks, always.
    Untrusted,
}

impl FailureClass {
    /// The classes that a workflow's policy can match, in the order of the documents.
    pub const ALL: [Self; 13] = [
        Self::NotInstalled,
        Self::NotSignedIn,
        Self::RateLimited,
        Self::Overloaded,
        Self::ContextFull,
        Self::Crashed,
        Self::StartTimeout,
        Self::IdleTimeout,
        Self::TotalTimeout,
        Self::InvalidResult,
        Self::Denied,
        Self::OverBudget,
        Self::Interrupted,
    ];

    /// Returns the class as workflow files and `--json` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotInstalled => "not_installed",
            Self::NotSignedIn => "not_signed_in",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::ContextFull => "context_full",
            Self::Crashed => "crashed",
            Self::StartTimeout => "start_timeout",
            Self::IdleTimeout => "idle_timeout",
            Self::TotalTimeout => "total_timeout",
            Self::InvalidResult => "invalid_result",
            Self::Denied => "denied",
            Self::OverBudget => "over_budget",
            Self::Interrupted => "interrupted",
            Self::Untrusted => "untrusted",
        }
    }
}

/// A failed turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What kind of failure, for programs.
    pub class: FailureClass,
    /// What happened, where, and what to do next, for people.
    pub message: String,
    /// When it is worth trying again, where the program said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

/// What a turn used, as far as its program reports it. Absent is "not known", never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// Tokens in and out together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money in millionths of a US dollar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub micro_dollars: Option<u64>,
}

impl Usage {
    /// Returns whether nothing is known.
    pub fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "ended", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TurnOutcome {
    /// The agent answered.
    Answered {
        /// What it said, as Markdown, bounded by the driver.
        text: String,
        /// Its result where a form other than text was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<TypedResult>,
        /// What it used.
        #[serde(default)]
        usage: Usage,
    },
    /// It did not.
    Failed(Failure),
}
