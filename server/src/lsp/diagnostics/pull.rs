//! Diagnostics that a client asks for: of a file that it has open, and of all files.
//!
//! Invariant: a result id is made of what it names, so what has not changed is told in a word, over a restart of the hub and of
//! the editor too. A question for all files waits until there is something to tell, and ends with its session.

use std::collections::{BTreeMap, HashMap};

use serde_json::json;
use tower_lsp::lsp_types::{
    Diagnostic, DocumentDiagnosticParams, DocumentDiagnosticReport, DocumentDiagnosticReportResult,
    FullDocumentDiagnosticReport, RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport,
    UnchangedDocumentDiagnosticReport, Url, WorkspaceDiagnosticParams, WorkspaceDiagnosticReport,
    WorkspaceDiagnosticReportResult, WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
    WorkspaceUnchangedDocumentDiagnosticReport,
};

use super::{Finding, Made, Snapshot, by_path, made, of_file};
use crate::{
    document::hash_of,
    ids::FindingId,
    lsp::{
        editor::Editor,
        language::{self, Listed},
    },
};

/// Returns what names these diagnostics. Where their messages stand is left out: that is another with each message above.
fn id_of(made: &Made) -> String {
    let named: Vec<Diagnostic> =
        made.items.iter().cloned().map(|it| Diagnostic { related_information: None, ..it }).collect();
    let mut hash = hash_of(&json!(named).to_string());
    hash.truncate(32);
    hash
}

/// Answers for one file.
pub async fn document(editor: &Editor, params: DocumentDiagnosticParams) -> DocumentDiagnosticReportResult {
    let uri = params.text_document.uri;
    let snapshot = editor.shared.hub.snapshot();
    // What is sent is not given too. An editor with several roots asks all of them what the first one offered.
    let made = if editor.wishes().pulls { of_uri(editor, &snapshot, &uri).await } else { Made::default() };
    let result_id = id_of(&made);
    let report = if params.previous_result_id.as_deref() == Some(&result_id) {
        DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
            related_documents: None,
            unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id },
        })
    } else {
        DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
            related_documents: None,
            full_document_diagnostic_report: FullDocumentDiagnosticReport {
                result_id: Some(result_id),
                items: made.items,
            },
        })
    };
    DocumentDiagnosticReportResult::Report(report)
}

async fn of_uri(editor: &Editor, snapshot: &Snapshot, uri: &Url) -> Made {
    let scripts = editor.scripts.list();
    let script = scripts.iter().find(|it| it.uri == *uri);
    match editor.folder().path(uri) {
        Some(path) => {
            let wanted = editor.wishes().options.diagnostics;
            let findings: Vec<&Finding> =
                of_file(snapshot, &path).filter(|_| wanted).take(super::MOST_IN_A_FILE).collect();
            made(editor, snapshot, &path, &findings, script).await
        }
        None => match script {
            Some(script) => Made { items: language::diagnostics(editor, uri), version: Some(script.version) },
            None => Made::default(),
        },
    }
}

/// Answers for all files: at once where the client has not all of it, else when something changes.
pub async fn workspace(editor: &Editor, params: WorkspaceDiagnosticParams) -> WorkspaceDiagnosticReportResult {
    let mut snapshots = editor.shared.hub.watch();
    let mut over = editor.hanging_up();
    editor.asks_for_all();
    let known: HashMap<Url, String> = params.previous_result_ids.into_iter().map(|it| (it.uri, it.value)).collect();
    let mut looked_at = None;
    loop {
        let snapshot = std::sync::Arc::clone(&snapshots.borrow_and_update());
        let now = changes(&snapshot);
        if looked_at.as_ref() != Some(&now) {
            looked_at = Some(now);
            let items = all(editor, &snapshot, &known).await;
            let news =
                |it: &WorkspaceDocumentDiagnosticReport| matches!(it, WorkspaceDocumentDiagnosticReport::Full(_));
            if known.is_empty() || items.iter().any(news) {
                return WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items });
            }
        }
        let ended = tokio::select! {
            changed = snapshots.changed() => changed.is_err(),
            _ = over.wait_for(|it| *it) => true,
        };
        if ended {
            return WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport::default());
        }
    }
}

/// Returns what findings there are, each with its last change.
fn changes(snapshot: &Snapshot) -> Vec<(FindingId, u64)> {
    by_path(snapshot).values().flatten().map(|it| (it.id, it.rev)).collect()
}

async fn all(
    editor: &Editor,
    snapshot: &Snapshot,
    known: &HashMap<Url, String>,
) -> Vec<WorkspaceDocumentDiagnosticReport> {
    let findings = if editor.wishes().options.diagnostics { by_path(snapshot) } else { BTreeMap::new() };
    let scripts = editor.scripts.list();
    let mut files: BTreeMap<Url, Option<String>> =
        findings.keys().filter_map(|path| Some((editor.folder().uri(path)?, Some((*path).to_owned())))).collect();
    for Listed { uri, path, .. } in &scripts {
        files.insert(uri.clone(), path.clone());
    }
    for uri in known.keys() {
        files.entry(uri.clone()).or_insert_with(|| editor.folder().path(uri));
    }
    let mut reports = Vec::new();
    for (uri, path) in files {
        let of_file = path.as_ref().and_then(|it| findings.get(it.as_str())).map_or(&[][..], Vec::as_slice);
        let script = scripts.iter().find(|it| it.uri == uri);
        let made = match (&path, script) {
            (Some(path), script) => made(editor, snapshot, path, of_file, script).await,
            (None, Some(script)) => Made { items: language::diagnostics(editor, &uri), version: Some(script.version) },
            (None, None) => Made::default(),
        };
        let (result_id, version) = (id_of(&made), made.version.map(i64::from));
        let is_known = known.get(&uri).is_some_and(|it| *it == result_id);
        reports.push(if is_known {
            let report = UnchangedDocumentDiagnosticReport { result_id };
            WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
                uri,
                version,
                unchanged_document_diagnostic_report: report,
            })
        } else {
            let report = FullDocumentDiagnosticReport { result_id: Some(result_id), items: made.items };
            WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report: report,
            })
        });
    }
    reports
}
