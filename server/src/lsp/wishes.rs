//! What a client can do and wants, read once from its `initialize`, and what the server offers it in return.
//!
//! A client that names no text document capabilities is no editor (the command line is one): it is told nothing unasked.

use tower_lsp::lsp_types::{
    ClientCapabilities, CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions,
    CompletionOptions, DiagnosticOptions, DiagnosticServerCapabilities, DocumentLinkOptions, ExecuteCommandOptions,
    FoldingRangeProviderCapability, HoverProviderCapability, InitializeParams, OneOf, PositionEncodingKind,
    RenameOptions, SaveOptions, ServerCapabilities, TextDocumentSyncCapability, TextDocumentSyncKind,
    TextDocumentSyncOptions, TextDocumentSyncSaveOptions, WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities,
    WorkspaceServerCapabilities,
};

use crate::{lsp::commands, protocol::ClientOptions, workspace::position::Encoding};

/// The kind of all code actions that are not about a finding.
pub const SOURCE: &str = "source.callboard";

/// What a client can do and wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wishes {
    /// Whether it is an editor.
    pub editor: bool,
    /// What it counts in a line.
    pub encoding: Encoding,
    /// Whether it takes code actions as such; else commands.
    pub actions: bool,
    /// Whether it shows progress.
    pub progress: bool,
    /// Whether it opens a file when it is asked to.
    pub show_document: bool,
    /// Whether it asks for code lenses again when it is told to.
    pub refresh_lenses: bool,
    /// Whether it makes edits that it is asked to make.
    pub apply_edit: bool,
    /// Whether it takes edits bound to a version.
    pub document_changes: bool,
    /// Whether it knows tags of diagnostics.
    pub tags: bool,
    /// Whether it shows where else a diagnostic leads.
    pub related: bool,
    /// Whether it asks for the diagnostics of what it has open, and asks again when it is told to; else they are sent unasked.
    pub pulls: bool,
    /// What it says of itself, and what its user set.
    pub options: ClientOptions,
}

impl Wishes {
    /// Reads a greeting. Options that can't be read are the defaults, and the log says so: an editor must start in any case.
    pub fn read(params: &InitializeParams) -> Self {
        let ClientCapabilities { workspace, text_document, window, general, .. } = &params.capabilities;
        let said = params.capabilities.experimental.as_ref().and_then(|it| it.get("callboard"));
        let mut options = serde_json::Map::new();
        for part in [said, params.initialization_options.as_ref()].into_iter().flatten() {
            // An empty Lua table is an empty list.
            options.extend(part.as_object().cloned().unwrap_or_default());
        }
        let options = serde_json::from_value::<ClientOptions>(options.into());
        let encodings = general.as_ref().and_then(|it| it.position_encodings.as_ref());
        let utf8 = encodings.is_some_and(|it| it.contains(&PositionEncodingKind::UTF8));
        let text = text_document.as_ref();
        let window = window.as_ref();
        Self {
            editor: text.is_some(),
            encoding: if utf8 { Encoding::Utf8 } else { Encoding::Utf16 },
            actions: text
                .and_then(|it| it.code_action.as_ref())
                .is_some_and(|it| it.code_action_literal_support.is_some()),
            progress: window.and_then(|it| it.work_done_progress) == Some(true),
            show_document: window.and_then(|it| it.show_document.as_ref()).is_some_and(|it| it.support),
            refresh_lenses: workspace
                .as_ref()
                .and_then(|it| it.code_lens.as_ref())
                .is_some_and(|it| it.refresh_support == Some(true)),
            apply_edit: workspace.as_ref().is_some_and(|it| it.apply_edit == Some(true)),
            document_changes: workspace
                .as_ref()
                .and_then(|it| it.workspace_edit.as_ref())
                .is_some_and(|it| it.document_changes == Some(true)),
            tags: text.and_then(|it| it.publish_diagnostics.as_ref()).is_some_and(|it| it.tag_support.is_some()),
            related: text.and_then(|it| it.publish_diagnostics.as_ref()).and_then(|it| it.related_information)
                == Some(true),
            pulls: text.is_some_and(|it| it.diagnostic.is_some())
                && workspace
                    .as_ref()
                    .and_then(|it| it.diagnostic.as_ref())
                    .is_some_and(|it| it.refresh_support == Some(true)),
            options: options.unwrap_or_else(|why| {
                tracing::warn!("The editor's initializationOptions are not used: {why}.");
                ClientOptions::default()
            }),
        }
    }

    /// Returns what the server offers this client.
    pub fn offer(&self, experimental: serde_json::Value) -> ServerCapabilities {
        let experimental = Some(experimental);
        if !self.editor {
            return ServerCapabilities { experimental, ..ServerCapabilities::default() };
        }
        let encoding = match self.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
        };
        ServerCapabilities {
            position_encoding: Some(encoding),
            text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
                open_close: Some(true),
                change: Some(TextDocumentSyncKind::INCREMENTAL),
                save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(true) })),
                ..TextDocumentSyncOptions::default()
            })),
            code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                code_action_kinds: Some(vec![CodeActionKind::QUICKFIX, CodeActionKind::new(SOURCE)]),
                resolve_provider: Some(false),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            })),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some([".", "@", "#", "/", "\"", "'", "|"].map(str::to_owned).to_vec()),
                resolve_provider: Some(false),
                ..CompletionOptions::default()
            }),
            hover_provider: Some(HoverProviderCapability::Simple(true)),
            definition_provider: Some(OneOf::Left(true)),
            references_provider: Some(OneOf::Left(true)),
            rename_provider: Some(OneOf::Right(RenameOptions {
                prepare_provider: Some(true),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            })),
            document_symbol_provider: Some(OneOf::Left(true)),
            document_link_provider: Some(DocumentLinkOptions {
                resolve_provider: Some(false),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            }),
            folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
            diagnostic_provider: self.pulls.then(|| {
                DiagnosticServerCapabilities::Options(DiagnosticOptions {
                    identifier: Some("callboard".to_owned()),
                    // What changes for another reason than typing is told by a refresh.
                    inter_file_dependencies: false,
                    workspace_diagnostics: true,
                    work_done_progress_options: WorkDoneProgressOptions::default(),
                })
            }),
            code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
            execute_command_provider: Some(ExecuteCommandOptions {
                commands: commands::NAMES.iter().map(|it| (*it).to_owned()).collect(),
                work_done_progress_options: WorkDoneProgressOptions::default(),
            }),
            workspace: Some(WorkspaceServerCapabilities {
                // The proxy sees to them: a hub of its own for each root.
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(OneOf::Left(true)),
                }),
                file_operations: None,
            }),
            experimental,
            ..ServerCapabilities::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::OnCancel;

    fn read(capabilities: &Value, options: &Value) -> Wishes {
        let params = json!({ "capabilities": capabilities, "initializationOptions": options });
        Wishes::read(&serde_json::from_value(params).unwrap())
    }

    #[test]
    fn the_command_line_is_no_editor_and_is_offered_nothing() {
        let wishes = read(&json!({}), &Value::Null);
        assert!(!wishes.editor);
        assert_eq!(wishes.offer(json!({})).text_document_sync, None);
    }

    #[test]
    fn utf_8_is_taken_where_it_is_offered() {
        let editor = |encodings: Value| {
            let wishes =
                read(&json!({ "general": { "positionEncodings": encodings }, "textDocument": {} }), &json!([]));
            (wishes.encoding, wishes.offer(json!({})).position_encoding.unwrap())
        };
        assert_eq!(editor(json!(["utf-16", "utf-8"])), (Encoding::Utf8, PositionEncodingKind::UTF8));
        assert_eq!(editor(json!(["utf-32", "utf-16"])), (Encoding::Utf16, PositionEncodingKind::UTF16));
        assert_eq!(editor(Value::Null), (Encoding::Utf16, PositionEncodingKind::UTF16));
    }

    /// Never both: a client is sent diagnostics, or it asks for them; and one that would not ask again is sent them.
    #[test]
    fn diagnostics_are_asked_for_where_the_client_asks_again_when_it_is_told() {
        let asks = |text: Value, workspace: Value| {
            let wishes = read(&json!({ "textDocument": text, "workspace": workspace }), &Value::Null);
            assert_eq!(wishes.pulls, wishes.offer(json!({})).diagnostic_provider.is_some());
            wishes.pulls
        };
        let again = json!({ "diagnostic": { "refreshSupport": true } });
        assert!(asks(json!({ "diagnostic": {} }), again.clone()));
        assert!(!asks(json!({ "diagnostic": {} }), json!({})));
        assert!(!asks(json!({ "diagnostic": {} }), json!({ "diagnostic": { "refreshSupport": false } })));
        assert!(!asks(json!({}), again));
    }

    #[test]
    fn options_have_defaults_and_wrong_ones_do_no_harm() {
        assert_eq!(read(&json!({}), &json!({ "onCancel": "stop" })).options.on_cancel, OnCancel::Stop);
        let own = read(&json!({}), &json!({ "prompts": false, "somethingElse": 3 })).options;
        assert_eq!(own, ClientOptions { prompts: Some(false), ..ClientOptions::default() });
        assert_eq!(read(&json!({}), &json!({ "prompts": "never" })).options, ClientOptions::default());
        assert_eq!(read(&json!({}), &json!([])).options, ClientOptions::default());
    }

    #[test]
    fn a_client_says_what_it_can_in_either_place_and_its_user_has_the_last_word() {
        let can = json!({ "experimental": { "callboard": { "panel": true, "terminal": true, "progress": false } } });
        let plain = read(&can, &Value::Null).options;
        assert!(plain.panel && plain.terminal && !plain.progress && !plain.documents);
        assert!(!plain.asks(), "who has a panel shows what waits there");
        let set = read(&can, &json!({ "prompts": true, "progress": true })).options;
        assert!(set.asks() && set.progress && set.panel);
    }
}
