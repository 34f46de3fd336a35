//! Findings as diagnostics: on their lines while these are typed in, marked stale when the text spoken of is another, gone
//! when settled, with the way to the message in which they were reported.
//!
//! State first: what is to be shown is made from the state and the buffers. Invariant: a client is sent the diagnostics of a
//! file (`push.rs`) or asks for them (`pull.rs`), never both.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use tower_lsp::lsp_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, NumberOrString, Position, Range,
};

use crate::{
    document::visible,
    finding::{Finding, Severity},
    hub::snapshot::Snapshot,
    ids::{FindingId, MessageId},
    lsp::{
        channel::place::{self, Place},
        editor::Editor,
        language,
    },
    protocol::is_settled,
    workspace::{
        anchor::Mark,
        position::{Encoding, position},
    },
};

pub mod pull;
pub mod push;

/// How many findings an editor is shown at once, and how many of one file.
const MOST: usize = 5_000;
const MOST_IN_A_FILE: usize = 500;

/// A file longer than this is not read to place findings in it; they then stand at the line that they name.
const MOST_READ: u64 = 4 * 1024 * 1024;

/// Returns the findings that are not settled, by the file that they speak of.
fn by_path(snapshot: &Snapshot) -> BTreeMap<&str, Vec<&Finding>> {
    let mut found: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in snapshot.state().findings.iter().rev().filter(|it| !is_settled(&it.state)).take(MOST) {
        if let Some(place) = &finding.draft.place {
            found.entry(&place.path).or_default().push(finding);
        }
    }
    for of_file in found.values_mut() {
        of_file.truncate(MOST_IN_A_FILE);
        of_file.reverse();
    }
    found
}

/// Returns the findings of a file that are not settled.
pub fn of_file<'a>(snapshot: &'a Snapshot, path: &'a str) -> impl Iterator<Item = &'a Finding> {
    let is_there =
        move |it: &&Finding| !is_settled(&it.state) && it.draft.place.as_ref().is_some_and(|place| place.path == path);
    snapshot.state().findings.iter().map(Arc::as_ref).filter(is_there)
}

/// What a file is shown with.
#[derive(Default)]
struct Made {
    items: Vec<Diagnostic>,
    /// Of the text that they were made from, where the editor has it open.
    version: Option<i32>,
}

/// How diagnostics are written for a client.
struct Style {
    encoding: Encoding,
    tags: bool,
    /// Where the messages in which findings were reported stand.
    messages: HashMap<MessageId, Place>,
}

/// Returns the diagnostics of a file: of its findings, and of what is wrong with it where it is one of the language.
///
/// Invariant: what an open file's text has to do with it is looked at before the first await.
async fn made(
    editor: &Editor,
    snapshot: &Snapshot,
    path: &str,
    findings: &[&Finding],
    script: Option<&language::Listed>,
) -> Made {
    let marks = editor.marks(path, findings.iter().copied());
    let wrong = script.map(|it| (language::diagnostics(editor, &it.uri), it.version));
    let wishes = editor.wishes();
    let messages = findings.iter().filter(|_| wishes.related).filter_map(|it| it.message);
    let messages = place::places(editor, snapshot, messages.collect()).await;
    let style = Style { encoding: wishes.encoding, tags: wishes.tags, messages };
    let (mut items, mut version) = match marks {
        Some((document, marks)) => {
            let made = marks.iter().map(|(finding, mark)| style.diagnostic(finding, mark, &document.text));
            (made.collect(), Some(document.version))
        }
        None if findings.is_empty() => (Vec::new(), None),
        None => (on_disk(editor, path, findings, &style).await, None),
    };
    if let Some((wrong, of)) = wrong {
        items.extend(wrong);
        version = version.or(Some(of));
    }
    Made { items, version }
}

async fn on_disk(editor: &Editor, path: &str, findings: &[&Finding], style: &Style) -> Vec<Diagnostic> {
    let text = match editor.shared.surroundings.root() {
        Some(root) => {
            let path = path.to_owned();
            tokio::task::spawn_blocking(move || read(&root, &path)).await.ok().flatten()
        }
        None => None,
    };
    let made = findings.iter().filter_map(|finding| {
        let place = finding.draft.place.as_ref()?;
        let Some(text) = &text else {
            let at = Position::new(place.line.saturating_sub(1), 0);
            return Some(style.said(finding, Range::new(at, at), false));
        };
        let mark = Mark::find(text, place, finding.draft.excerpt.as_deref());
        Some(style.diagnostic(finding, &mark, text))
    });
    made.collect()
}

/// Reads a file of the workspace; none that a link leads out to.
fn read(root: &Path, path: &str) -> Option<String> {
    let real = std::fs::canonicalize(root.join(path)).ok().filter(|it| it.starts_with(root))?;
    let data = std::fs::metadata(&real).ok()?;
    if data.is_file() && data.len() <= MOST_READ { std::fs::read_to_string(real).ok() } else { None }
}

/// Returns a mark as the client counts.
pub fn range(text: &str, mark: &Mark, encoding: Encoding) -> Range {
    let at = |offset| {
        let (line, character) = position(text, offset, encoding);
        Position { line, character }
    };
    Range { start: at(mark.range.start), end: at(mark.range.end) }
}

impl Style {
    fn diagnostic(&self, finding: &Finding, mark: &Mark, text: &str) -> Diagnostic {
        self.said(finding, range(text, mark, self.encoding), mark.stale)
    }

    fn said(&self, finding: &Finding, range: Range, stale: bool) -> Diagnostic {
        let draft = &finding.draft;
        let stale = stale || finding.state == crate::finding::FindingState::Stale;
        let mut message = if stale { "[stale] ".to_owned() } else { String::new() };
        message += visible(draft.text.trim()).as_ref();
        if let Some(suggestion) = draft.suggestion.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
            message = format!("{message}\nSuggestion: {}", visible(suggestion));
        }
        if let Some(declined) = &finding.declined {
            message = format!("{message}\nDeclined, because: {}", visible(declined));
        }
        let related = finding
            .message
            .and_then(|it| self.messages.get(&it))
            .map(|it| DiagnosticRelatedInformation { location: it.location.clone(), message: it.words.clone() });
        let sources: Vec<String> = finding.sources.iter().map(ToString::to_string).collect();
        Diagnostic {
            range,
            severity: Some(match draft.severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
                Severity::Info => DiagnosticSeverity::INFORMATION,
                Severity::Hint => DiagnosticSeverity::HINT,
            }),
            code: Some(NumberOrString::String(draft.code.clone().unwrap_or_else(|| finding.id.to_string()))),
            source: Some(if sources.is_empty() { "callboard".to_owned() } else { sources.join(", ") }),
            message,
            related_information: related.map(|it| vec![it]),
            tags: (stale && self.tags).then(|| vec![DiagnosticTag::UNNECESSARY]),
            data: Some(serde_json::json!({ "finding": finding.id })),
            ..Diagnostic::default()
        }
    }
}

/// Returns the finding that a diagnostic of ours speaks of.
pub fn finding_of(diagnostic: &Diagnostic) -> Option<FindingId> {
    diagnostic.data.as_ref()?.get("finding")?.as_str()?.parse().ok()
}
