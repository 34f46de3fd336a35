//! Findings as diagnostics: on their lines while these are typed in, marked stale when the text spoken of is another, gone
//! when settled.
//!
//! State first: what is to be shown is made from the state and the buffers, and only what differs is sent.

use std::{
    collections::{BTreeMap, HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
    path::Path,
    sync::Arc,
};

use tower_lsp::lsp_types::{
    Diagnostic, DiagnosticSeverity, DiagnosticTag, NumberOrString, Position, PublishDiagnosticsParams, Range, Url,
    notification::PublishDiagnostics,
};

use crate::{
    document::visible,
    finding::{Finding, Severity},
    hub::snapshot::Snapshot,
    ids::FindingId,
    lsp::{
        editor::Editor,
        language::{self, Listed},
    },
    protocol::is_settled,
    workspace::{
        anchor::Mark,
        position::{Encoding, position},
    },
};

/// How many findings an editor is shown at once, and how many of one file.
const MOST: usize = 5_000;
const MOST_IN_A_FILE: usize = 500;

/// A file longer than this is not read to place findings in it; they then stand at the line that they name.
const MOST_READ: u64 = 4 * 1024 * 1024;

/// What an editor was shown last.
#[derive(Default)]
pub struct Shown {
    /// By path: what it was made from, and whether anything is shown.
    files: HashMap<String, (u64, bool)>,
    /// Files of the language outside of the workspace: which form of each was shown.
    outside: HashMap<Url, i32>,
}

impl Shown {
    /// Sends what differs from what is shown. What is wrong with files of the language is shown with `findings` or without.
    pub async fn update(&mut self, editor: &Editor, snapshot: &Snapshot, findings: bool) {
        let findings = if findings { by_path(snapshot) } else { BTreeMap::new() };
        let scripts = editor.scripts.list();
        self.update_outside(editor, &scripts).await;
        let open = |path: &str| scripts.iter().find(|it| it.path.as_deref() == Some(path));
        let gone = self.files.keys().filter(|it| !findings.contains_key(it.as_str())).cloned();
        let mut paths: Vec<String> = gone.chain(findings.keys().map(|it| (*it).to_owned())).collect();
        paths.extend(scripts.iter().filter_map(|it| it.path.clone()));
        paths.sort_unstable();
        paths.dedup();
        for path in paths {
            let of_file = findings.get(path.as_str()).map_or(&[][..], Vec::as_slice);
            let script = open(&path);
            let version = editor.shared.documents.held(&path, editor.id).map(|it| it.version);
            let made_from = fingerprint(of_file, version.or(script.map(|it| it.version)));
            if self.files.get(&path).is_some_and(|it| it.0 == made_from) {
                continue;
            }
            let uri = script.map(|it| it.uri.clone()).or_else(|| editor.folder().uri(&path));
            let Some(uri) = uri else { continue };
            let (mut diagnostics, mut version) = diagnostics(editor, &path, of_file).await;
            if let Some(script) = script {
                diagnostics.extend(language::diagnostics(editor, &script.uri));
                version = version.or(Some(script.version));
            }
            let was_shown = self.files.get(&path).is_some_and(|it| it.1);
            let is_shown = !diagnostics.is_empty();
            if is_shown || was_shown {
                let params = PublishDiagnosticsParams { uri, diagnostics, version };
                editor.client.send_notification::<PublishDiagnostics>(params).await;
            }
            if of_file.is_empty() && script.is_none() {
                self.files.remove(&path);
            } else {
                self.files.insert(path, (made_from, is_shown));
            }
        }
    }
}

impl Shown {
    async fn update_outside(&mut self, editor: &Editor, scripts: &[Listed]) {
        let is_open = |uri: &Url| scripts.iter().any(|it| it.path.is_none() && it.uri == *uri);
        let closed: Vec<Url> = self.outside.keys().filter(|it| !is_open(it)).cloned().collect();
        for uri in closed {
            self.outside.remove(&uri);
            let params = PublishDiagnosticsParams { uri, diagnostics: Vec::new(), version: None };
            editor.client.send_notification::<PublishDiagnostics>(params).await;
        }
        for Listed { uri, version, .. } in scripts.iter().filter(|it| it.path.is_none()) {
            if self.outside.insert(uri.clone(), *version) != Some(*version) {
                let diagnostics = language::diagnostics(editor, uri);
                let params = PublishDiagnosticsParams { uri: uri.clone(), diagnostics, version: Some(*version) };
                editor.client.send_notification::<PublishDiagnostics>(params).await;
            }
        }
    }
}

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

fn fingerprint(findings: &[&Finding], version: Option<i32>) -> u64 {
    let mut hash = DefaultHasher::new();
    version.hash(&mut hash);
    for finding in findings {
        (finding.id, finding.rev).hash(&mut hash);
    }
    hash.finish()
}

async fn diagnostics(editor: &Editor, path: &str, findings: &[&Finding]) -> (Vec<Diagnostic>, Option<i32>) {
    let wishes = editor.wishes();
    if findings.is_empty() {
        return (Vec::new(), None);
    }
    if let Some((document, marks)) = editor.marks(path, findings.iter().copied()) {
        let made =
            marks.iter().map(|(finding, mark)| diagnostic(finding, mark, &document.text, wishes.encoding, wishes.tags));
        return (made.collect(), Some(document.version));
    }
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
            return Some(said(finding, Range::new(at, at), false, wishes.tags));
        };
        let mark = Mark::find(text, place, finding.draft.excerpt.as_deref());
        Some(diagnostic(finding, &mark, text, wishes.encoding, wishes.tags))
    });
    (made.collect(), None)
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

fn diagnostic(finding: &Finding, mark: &Mark, text: &str, encoding: Encoding, tags: bool) -> Diagnostic {
    said(finding, range(text, mark, encoding), mark.stale, tags)
}

fn said(finding: &Finding, range: Range, stale: bool, tags: bool) -> Diagnostic {
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
        tags: (stale && tags).then(|| vec![DiagnosticTag::UNNECESSARY]),
        data: Some(serde_json::json!({ "finding": finding.id })),
        ..Diagnostic::default()
    }
}

/// Returns the finding that a diagnostic of ours speaks of.
pub fn finding_of(diagnostic: &Diagnostic) -> Option<FindingId> {
    diagnostic.data.as_ref()?.get("finding")?.as_str()?.parse().ok()
}
