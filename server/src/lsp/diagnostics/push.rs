//! Diagnostics that are sent unasked: only what differs from what was sent before.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash as _, Hasher as _},
};

use tower_lsp::lsp_types::{PublishDiagnosticsParams, Url, notification::PublishDiagnostics};

use super::{BTreeMap, Finding, Made, Snapshot, by_path, made};
use crate::lsp::{
    editor::Editor,
    language::{self, Listed},
};

/// What an editor was shown last.
#[derive(Default)]
pub struct Shown {
    /// By path: what it was made from, and where anything is shown.
    files: HashMap<String, (u64, Option<Url>)>,
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
            if editor.asks_for(version.is_some() || script.is_some()) {
                // What was sent before the client had it open, or began to ask for it, is taken back.
                if let Some((_, Some(uri))) = self.files.remove(&path) {
                    send(editor, uri, Made::default()).await;
                }
                continue;
            }
            let made_from = fingerprint(of_file, version.or(script.map(|it| it.version)));
            if self.files.get(&path).is_some_and(|it| it.0 == made_from) {
                continue;
            }
            let uri = script.map(|it| it.uri.clone()).or_else(|| editor.folder().uri(&path));
            let Some(uri) = uri else { continue };
            let made = made(editor, snapshot, &path, of_file, script).await;
            let was_shown = self.files.get(&path).is_some_and(|it| it.1.is_some());
            let is_shown = !made.items.is_empty();
            if is_shown || was_shown {
                send(editor, uri.clone(), made).await;
            }
            if of_file.is_empty() && script.is_none() {
                self.files.remove(&path);
            } else {
                self.files.insert(path, (made_from, is_shown.then_some(uri)));
            }
        }
    }
}

impl Shown {
    async fn update_outside(&mut self, editor: &Editor, scripts: &[Listed]) {
        if editor.asks_for(true) {
            return;
        }
        let is_open = |uri: &Url| scripts.iter().any(|it| it.path.is_none() && it.uri == *uri);
        let closed: Vec<Url> = self.outside.keys().filter(|it| !is_open(it)).cloned().collect();
        for uri in closed {
            self.outside.remove(&uri);
            send(editor, uri, Made::default()).await;
        }
        for Listed { uri, version, .. } in scripts.iter().filter(|it| it.path.is_none()) {
            if self.outside.insert(uri.clone(), *version) != Some(*version) {
                let items = language::diagnostics(editor, uri);
                send(editor, uri.clone(), Made { items, version: Some(*version) }).await;
            }
        }
    }
}

async fn send(editor: &Editor, uri: Url, made: Made) {
    let params = PublishDiagnosticsParams { uri, diagnostics: made.items, version: made.version };
    editor.client.send_notification::<PublishDiagnostics>(params).await;
}

fn fingerprint(findings: &[&Finding], version: Option<i32>) -> u64 {
    let mut hash = DefaultHasher::new();
    version.hash(&mut hash);
    for finding in findings {
        (finding.id, finding.rev).hash(&mut hash);
    }
    hash.finish()
}
