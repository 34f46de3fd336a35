//! What a person is shown at a pause point, and what they may answer.
//!
//! A pause's document is text that a person may edit; what they leave in it is what goes on. Pure: text in, value out.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod ask;
mod changes;
mod conflict;
mod escape;
mod region;
mod result;
mod review;

pub use ask::{permission_document, question_document, read_answer};
pub use changes::with_changes;
pub use conflict::{ConflictFile, conflict_document, editable, read_conflict};
pub use escape::{is_hidden, visible};
pub use result::{read_result, result_document};
pub use review::{ReviewEdit, read_review, review_document};

use escape::{cut, one_line, prose};

use crate::workflow::prompt::fenced;

/// The longest document that is written or read, in bytes.
pub const MOST_DOCUMENT: usize = 1024 * 1024;

/// The longest text of one part that is shown, in characters. What is cut is not approved: the part goes on as shown.
const MOST_PART: usize = 20_000;

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

/// What stands above every document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// What it is about: one line.
    pub title: String,
    /// What the person is asked, as Markdown; may be empty.
    pub question: String,
    /// What else they should know, such as the run, the round, the cost: a word and one line each.
    pub facts: Vec<(String, String)>,
}

/// Why an edited document can't be read. Nothing was decided; the person mends the line and tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DocumentError {
    /// Which line of the edited document, from 1.
    pub line: usize,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl DocumentError {
    fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}

/// Returns a document that tells something and asks for a decision, and that can't be edited: a failure, a limit, a loop
/// that is stuck. The paragraphs may hold what agents said.
pub fn notice_document(header: &Header, paragraphs: &[String]) -> String {
    let mut document = head(header);
    for paragraph in paragraphs.iter().take(50) {
        if document.len() > MOST_DOCUMENT / 2 {
            break;
        }
        let _ = writeln!(document, "{}\n", prose(&cut(paragraph, MOST_PART).0));
    }
    document.truncate(document.trim_end().len());
    document.push('\n');
    document
}

/// Returns the document of a text in an editor and one on the disk that do not go together. `difference` leads from the former
/// to the latter; `takes` says whether the latter can be put into the editor, `holds` whether the run waits for the answer.
pub fn clash_document(header: &Header, path: &str, who: &str, difference: &str, takes: bool, holds: bool) -> String {
    let mut document = head(header);
    let (path, who) = (cut(&one_line(path), 500).0, cut(&one_line(who), 100).0);
    let _ = writeln!(
        document,
        "> What you have typed stays in the editor; what {who} wrote is on the disk. Nothing is lost."
    );
    document += if takes {
        "> Approve puts the text of the disk into the editor, where undo brings yours back. Skip leaves both as they are.\n"
    } else {
        "> It is too long to be put into the editor from here: compare both there. Skip leaves them as they are.\n"
    };
    if holds {
        document += "> The run waits until this is answered. Stop leaves both texts as they are and ends the run.\n";
    }
    let (shown, _) = cut(difference, 2 * MOST_PART);
    let _ = write!(document, "\n**{path}**, from yours (`-`) to theirs (`+`):\n\n{}\n", fenced(&shown, "diff"));
    document
}

/// Returns the top of a document, with an empty line behind it. Invariant: no line of it can be taken for an item or a mark
/// by those who read documents, whatever stands in the header.
fn head(header: &Header) -> String {
    let mut head = format!("# {}\n\n", cut(&one_line(&header.title), 200).0);
    if !header.question.trim().is_empty() {
        let _ = writeln!(head, "{}\n", prose(&cut(&header.question, MOST_PART).0));
    }
    for (word, value) in header.facts.iter().take(30) {
        let _ = writeln!(head, "**{}**: {}  ", cut(&one_line(word), 50).0, cut(&one_line(value), 500).0);
    }
    if !header.facts.is_empty() {
        head.push('\n');
    }
    head
}

/// Returns the SHA-256 of a document in hex: what an approval is bound to.
pub fn hash_of(document: &str) -> String {
    Sha256::digest(document.as_bytes())
        .iter()
        .fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests;
