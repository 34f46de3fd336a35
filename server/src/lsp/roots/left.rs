//! What a root's hub has shown in the editor and only it would take back: when the root goes, somebody else has to.

use std::collections::BTreeMap;

use serde_json::{Value, json};

const DIAGNOSTICS: &str = "textDocument/publishDiagnostics";
const PROGRESS: &str = "$/progress";

/// What is shown, and which root showed it.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// Files with diagnostics, by their address. Of two roots that speak of one file the last one counts, as it does for the
    /// editor.
    files: BTreeMap<String, usize>,
    /// Progress that has not ended, by its token as the editor has it.
    progress: BTreeMap<String, (usize, Value)>,
}

/// Returns whether a message of this method leaves something.
pub(super) fn is_kept(method: &str) -> bool {
    matches!(method, DIAGNOSTICS | PROGRESS)
}

impl Left {
    /// Takes in what the editor is sent.
    pub(super) fn take(&mut self, root: usize, method: &str, message: &Value) {
        let params = &message["params"];
        match method {
            DIAGNOSTICS => {
                let Some(uri) = params["uri"].as_str() else { return };
                if params["diagnostics"].as_array().is_some_and(|it| !it.is_empty()) {
                    self.files.insert(uri.to_owned(), root);
                } else {
                    self.files.remove(uri);
                }
            }
            PROGRESS => match params["value"]["kind"].as_str() {
                Some("begin") => {
                    self.progress.insert(params["token"].to_string(), (root, params["token"].clone()));
                }
                Some("end") => drop(self.progress.remove(&params["token"].to_string())),
                _ => {}
            },
            _ => {}
        }
    }

    /// Returns what takes back all that a root has shown.
    pub(super) fn taken_back(&mut self, root: usize) -> Vec<Vec<u8>> {
        let files = self.files.extract_if(.., |_, of| *of == root).map(|(uri, _)| uri);
        let progress = self.progress.extract_if(.., |_, of| of.0 == root).map(|(_, (_, token))| token);
        let empty = files.map(|uri| (DIAGNOSTICS, json!({ "uri": uri, "diagnostics": [] })));
        let ended = progress.map(|token| (PROGRESS, json!({ "token": token, "value": { "kind": "end" } })));
        let message = |(method, params): (&str, Value)| {
            json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string().into_bytes()
        };
        empty.chain(ended).map(message).collect()
    }
}
