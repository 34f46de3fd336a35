//! The language server of one connection, and `service`, the one table of its methods.
//!
//! Invariant: a handler sends to the hub before its first await, or only reads the snapshot; so what a client sends is taken
//! in the order in which it sent it. No handler waits for the client.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;
use tower_lsp::{
    ClientSocket, LanguageServer, LspService,
    jsonrpc::{Error, ErrorCode, Result},
    lsp_types::{
        CodeActionParams, CodeActionResponse, CodeLens, CodeLensParams, CompletionParams, CompletionResponse,
        DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
        DidOpenTextDocumentParams, DidSaveTextDocumentParams, DocumentDiagnosticParams, DocumentDiagnosticReportResult,
        DocumentLink, DocumentLinkParams, DocumentSymbolParams, DocumentSymbolResponse, ExecuteCommandParams,
        FoldingRange, FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams,
        InitializeParams, InitializeResult, InitializedParams, Location, PrepareRenameResponse, ReferenceParams,
        RenameParams, SetTraceParams, TextDocumentPositionParams, WorkDoneProgressCancelParams,
        WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult, WorkspaceEdit,
    },
};

use crate::{
    ask::Rule,
    config::redact::Redactor,
    finding::Finding,
    hub::{
        Reply,
        event::{Actor, Answer, Event, Refusal, RefusalCode, Settlement},
    },
    ids::{MessageId, RunId},
    lsp::{
        actions, channel, commands, diagnostics::pull, editor::Editor, greeting, hunks, language, lenses,
        outbound::Subscription, outbox::Outbox, progress, prompts, shared::Shared, terminals::Terminals,
    },
    protocol::{
        AgentView, CancelParams, Changed, ChannelView, CompleteParams, CompleteResult, CreateChannelParams,
        DecideParams, DiffParams, DiffResult, EditPlanParams, EditPlanResult, ErrorData, FindingsParams, ForkParams,
        Forked, HandBackParams, HistoryParams, HoldParams, HubStatus, InboxParams, MessagesParams, MessagesResult,
        Nothing, PROTOCOL, PauseView, PermissionsParams, PlanParams, PlanText, PlanTextParams, PostParams, Posted,
        REFUSED, ReleaseParams, ReloadResult, RemoveWorktreeParams, RevokePermissionParams, RunHistory, RunParams,
        RunTurn, RunView, RunsParams, SentParams, SettleFindingParams, Started, SubscribeParams, TakeOverParams,
        TerminalInputParams, TerminalResizeParams, TerminalScrollback, TerminalScrollbackParams, TerminalSize,
        TrustParams, TrustResult, TurnView, TurnsParams, UndoParams, UndoResult, UnwatchTerminalParams,
        WatchTerminalParams, WatchTerminalResult, WithdrawParams, WorkflowView, WorktreesResult, method,
    },
    workflow::plan::Plan,
};

/// Makes the service of one connection. A subscription that the client asks for goes to `subscribe`.
pub fn service(
    shared: Arc<Shared>,
    actor: Actor,
    subscribe: watch::Sender<Option<Subscription>>,
    outbox: Outbox,
) -> (LspService<Backend>, ClientSocket) {
    let backend = move |client| {
        let editor = Editor::new(client, Arc::clone(&shared), actor.clone());
        let terminals = Terminals::new(Arc::clone(&shared), outbox);
        Backend { shared, actor, editor, terminals, subscribe }
    };
    LspService::build(backend)
        // Channels.
        .custom_method(method::POST, Backend::post)
        .custom_method(method::CREATE_CHANNEL, Backend::create_channel)
        .custom_method(method::CHANNELS, Backend::channels)
        .custom_method(method::MESSAGES, Backend::messages)
        .custom_method(method::WITHDRAW, Backend::withdraw)
        .custom_method(method::SENT, Backend::sent)
        .custom_method(method::COMPLETE, Backend::complete)
        // Runs, and what waits for a person.
        .custom_method(method::WORKFLOWS, Backend::workflows)
        .custom_method(method::RUN, Backend::run)
        .custom_method(method::RUNS, Backend::runs)
        .custom_method(method::TURNS, Backend::turns)
        .custom_method(method::HISTORY, Backend::history)
        .custom_method(method::PLAN_TEXT, Backend::plan_text)
        .custom_method(method::EDIT_PLAN, Backend::edit_plan)
        .custom_method(method::PLAN, Backend::plan)
        .custom_method(method::INBOX, Backend::inbox)
        .custom_method(method::DECIDE, Backend::decide)
        .custom_method(method::PERMISSIONS, Backend::permissions)
        .custom_method(method::REVOKE_PERMISSION, Backend::revoke_permission)
        .custom_method(method::PAUSE, Backend::pause)
        .custom_method(method::RESUME, Backend::resume)
        .custom_method(method::CANCEL, Backend::cancel)
        .custom_method(method::DIFF, Backend::diff)
        .custom_method(method::UNDO, Backend::undo)
        .custom_method(method::WORKTREES, Backend::worktrees)
        .custom_method(method::REMOVE_WORKTREE, Backend::remove_worktree)
        // Agents and findings.
        .custom_method(method::AGENTS, Backend::agents)
        .custom_method(method::TAKE_OVER, Backend::take_over)
        .custom_method(method::HAND_BACK, Backend::hand_back)
        .custom_method(method::FORK, Backend::fork)
        .custom_method(method::FINDINGS, Backend::findings)
        .custom_method(method::SETTLE_FINDING, Backend::settle_finding)
        // Terminals.
        .custom_method(method::WATCH_TERMINAL, Backend::watch_terminal)
        .custom_method(method::UNWATCH_TERMINAL, Backend::unwatch_terminal)
        .custom_method(method::TERMINAL_INPUT, Backend::terminal_input)
        .custom_method(method::TERMINAL_RESIZE, Backend::terminal_resize)
        .custom_method(method::TERMINAL_SCROLLBACK, Backend::terminal_scrollback)
        // What changes.
        .custom_method(method::SUBSCRIBE, Backend::subscribe)
        // The hub itself.
        .custom_method(method::TRUST, Backend::trust)
        .custom_method(method::RELOAD, Backend::reload)
        .custom_method(method::HUB_STATUS, Backend::hub_status)
        .custom_method(method::STOP_HUB, Backend::stop_hub)
        // Notifications of the language server protocol that tower-lsp does not know and editors send.
        .custom_method("$/setTrace", Backend::set_trace)
        .custom_method("window/workDoneProgress/cancel", Backend::cancel_progress)
        .finish()
}

/// The language server of one connection.
pub struct Backend {
    shared: Arc<Shared>,
    actor: Actor,
    pub(super) editor: Arc<Editor>,
    terminals: Terminals,
    subscribe: watch::Sender<Option<Subscription>>,
}

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        Ok(greeting::offered(self.editor.greet(&params)))
    }

    async fn initialized(&self, _: InitializedParams) {
        self.editor.start();
    }

    async fn did_change_workspace_folders(&self, _: DidChangeWorkspaceFoldersParams) {
        // A hub has one root; who is between it and the editor sees to the others.
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.editor.opened(params);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.editor.changed(params);
    }

    async fn did_save(&self, params: DidSaveTextDocumentParams) {
        self.editor.saved(params);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.editor.closed(&params);
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let offers = self.shared.offers().await;
        let snapshot = self.shared.hub.snapshot();
        let changes = hunks::waiting(&self.editor, &snapshot, &params.text_document.uri).await;
        let mut actions = language::repairs(&self.editor, &params);
        actions.extend(actions::actions(&self.editor, &snapshot, &offers, &changes, &params));
        Ok(Some(actions))
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position;
        let on_page = channel::compose::on_page(&self.editor, &text_document.uri, position).await;
        let items = match on_page {
            Some(items) => Some(items),
            None => language::completion_at(&self.editor, &text_document.uri, position).await,
        };
        Ok(items.map(CompletionResponse::Array))
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        if self.editor.channel_of(&text_document.uri).is_some() {
            let snapshot = self.shared.hub.snapshot();
            return Ok(channel::ask::hover(&self.editor, &snapshot, &text_document.uri, position));
        }
        Ok(language::hover_at(&self.editor, &text_document.uri, position).await)
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position_params;
        if self.editor.channel_of(&text_document.uri).is_some() {
            return Ok(channel::ask::definition(&self.editor, &text_document.uri, position).await);
        }
        Ok(language::definition(&self.editor, &text_document.uri, position).await)
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position;
        let with_definition = params.context.include_declaration;
        Ok(Some(language::references(&self.editor, &text_document.uri, position, with_definition)))
    }

    async fn prepare_rename(&self, params: TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>> {
        language::can_rename(&self.editor, &params.text_document.uri, params.position).map_err(refused)
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let TextDocumentPositionParams { text_document, position } = params.text_document_position;
        language::rename(&self.editor, &text_document.uri, position, &params.new_name).map_err(refused)
    }

    async fn document_symbol(&self, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        let uri = &params.text_document.uri;
        Ok(channel::ask::symbols(&self.editor, uri).or_else(|| language::symbols(&self.editor, uri)))
    }

    async fn document_link(&self, params: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        Ok(channel::ask::links(&self.editor, &params.text_document.uri).await)
    }

    async fn folding_range(&self, params: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        Ok(language::folds(&self.editor, &params.text_document.uri))
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        Ok(pull::document(&self.editor, params).await)
    }

    async fn workspace_diagnostic(&self, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReportResult> {
        Ok(pull::workspace(&self.editor, params).await)
    }

    async fn code_lens(&self, params: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let (snapshot, uri) = (self.shared.hub.snapshot(), params.text_document.uri);
        let changes = hunks::waiting(&self.editor, &snapshot, &uri).await;
        Ok(Some(lenses::lenses(&self.editor, &snapshot, &uri, &changes)))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        commands::execute(&self.editor, params).await.map_err(|refusal| {
            if refusal.code == RefusalCode::Untrusted {
                prompts::offer_trust(&self.editor);
            }
            refused(refusal)
        })
    }

    async fn shutdown(&self) -> Result<()> {
        // Only this session ends; runs go on.
        self.editor.hang_up();
        Ok(())
    }
}

#[expect(clippy::unused_async, reason = "tower-lsp takes futures, and most handlers only read what is there")]
impl Backend {
    async fn post(&self, params: PostParams) -> Result<Posted> {
        let PostParams { channel, thread, text, key } = params;
        let by = self.actor.clone();
        // A person may write what they like; what an agent writes is not to bring a key into the journal.
        let text = match by {
            Actor::Human(_) => text,
            Actor::Agent(_) => Redactor::of_shapes().redact(&text).into_owned(),
        };
        let reply = self.ask(Event::Post { by, channel, thread, text, key }).await?;
        Ok(Posted { message: posted(&reply)?, rev: reply.rev })
    }

    async fn create_channel(&self, params: CreateChannelParams) -> Result<Changed> {
        let CreateChannelParams { name, default_agent } = params;
        self.change(Event::CreateChannel { by: self.actor.clone(), name, default_agent }).await
    }

    async fn channels(&self, _: Nothing) -> Result<Vec<ChannelView>> {
        Ok(self.shared.hub.snapshot().channels())
    }

    async fn messages(&self, params: MessagesParams) -> Result<MessagesResult> {
        self.shared.hub.snapshot().messages(&params).map_err(refused)
    }

    async fn withdraw(&self, params: WithdrawParams) -> Result<Changed> {
        let WithdrawParams { message, agent } = params;
        self.change(Event::Withdraw { by: self.actor.clone(), message, agent }).await
    }

    async fn sent(&self, params: SentParams) -> Result<Vec<TurnView>> {
        self.shared.hub.snapshot().sent(&params).map_err(refused)
    }

    async fn workflows(&self, _: Nothing) -> Result<Vec<WorkflowView>> {
        self.shared.off_thread(|it| Ok(it.workflows())).await.map_err(refused)
    }

    async fn complete(&self, params: CompleteParams) -> Result<CompleteResult> {
        Ok(channel::compose::answer(&self.editor, params).await)
    }

    /// Starts a workflow. The file is read before the hub is asked, so of two of these the second may start first; each is
    /// a run of its own, so nothing depends on it.
    async fn run(&self, params: RunParams) -> Result<Started> {
        self.people_only("start a workflow")?;
        let RunParams { workflow, inputs, roles, channel, key } = params;
        let plan = self.shared.off_thread(move |it| it.plan(&workflow)).await.map_err(refused)?;
        let by = self.actor.clone();
        let reply = self.ask(Event::StartRun { by, plan, inputs, roles, channel, key }).await?;
        Ok(Started { run: started(&reply)?, rev: reply.rev })
    }

    async fn runs(&self, params: RunsParams) -> Result<Vec<RunView>> {
        self.shared.hub.snapshot().runs(&params).map_err(refused)
    }

    async fn history(&self, params: HistoryParams) -> Result<RunHistory> {
        self.shared.hub.snapshot().history(params.run).map_err(refused)
    }

    async fn plan_text(&self, params: PlanTextParams) -> Result<PlanText> {
        self.shared.hub.snapshot().plan_text(params.run).map_err(refused)
    }

    /// Changes what is left to do of a run. What would change is worked out on the state of now; the hub does so again.
    async fn edit_plan(&self, params: EditPlanParams) -> Result<EditPlanResult> {
        self.people_only("change what a run does")?;
        let EditPlanParams { run, text, hash, dry_run } = params;
        let snapshot = self.shared.hub.snapshot();
        let name = snapshot.plan(run).map_err(refused)?.name.clone();
        let plan = self.shared.off_thread(move |it| it.read_plan(&name, &text)).await.map_err(refused)?;
        let mut edit = snapshot.weigh_edit(run, &plan, &hash).map_err(refused)?;
        if !dry_run {
            let by = self.actor.clone();
            edit.rev = self.ask(Event::EditPlan { by, run, plan, hash }).await?.rev;
        }
        Ok(edit)
    }

    async fn turns(&self, params: TurnsParams) -> Result<Vec<RunTurn>> {
        self.shared.hub.snapshot().turns(&params).map_err(refused)
    }

    async fn plan(&self, params: PlanParams) -> Result<Arc<Plan>> {
        self.shared.hub.snapshot().plan(params.run).map_err(refused)
    }

    async fn inbox(&self, params: InboxParams) -> Result<Vec<PauseView>> {
        self.shared.hub.snapshot().inbox(&params).map_err(refused)
    }

    async fn decide(&self, params: DecideParams) -> Result<Changed> {
        let DecideParams { pause, decision, hash, scope } = params;
        self.change(Event::Decide { by: self.actor.clone(), pause, decision, hash, scope }).await
    }

    async fn permissions(&self, params: PermissionsParams) -> Result<Vec<Rule>> {
        Ok(self.shared.hub.snapshot().permissions(&params))
    }

    async fn revoke_permission(&self, params: RevokePermissionParams) -> Result<Changed> {
        self.change(Event::RevokePermission { by: self.actor.clone(), rule: params.permission }).await
    }

    async fn pause(&self, params: HoldParams) -> Result<Changed> {
        let HoldParams { run, interrupt } = params;
        self.change(Event::Hold { by: self.actor.clone(), run, interrupt }).await
    }

    async fn resume(&self, params: ReleaseParams) -> Result<Changed> {
        self.change(Event::Release { by: self.actor.clone(), run: params.run }).await
    }

    async fn cancel(&self, params: CancelParams) -> Result<Changed> {
        self.change(Event::Cancel { by: self.actor.clone(), run: params.run }).await
    }

    async fn diff(&self, params: DiffParams) -> Result<DiffResult> {
        let snapshot = self.shared.hub.snapshot();
        let (stretches, notes) = snapshot.work(&params).map_err(refused)?;
        let files = self.shared.off_thread(move |it| it.diff(&stretches, params.whole)).await.map_err(refused)?;
        Ok(DiffResult { files, notes, rev: snapshot.rev })
    }

    async fn undo(&self, params: UndoParams) -> Result<UndoResult> {
        self.shared.undo(self.actor.clone(), params).await.map_err(refused)
    }

    async fn worktrees(&self, _: Nothing) -> Result<WorktreesResult> {
        let snapshot = self.shared.hub.snapshot();
        Ok(WorktreesResult { worktrees: snapshot.worktrees(), rev: snapshot.rev })
    }

    async fn remove_worktree(&self, params: RemoveWorktreeParams) -> Result<Changed> {
        self.change(Event::RemoveWorktree { by: self.actor.clone(), worktree: params.worktree }).await
    }

    async fn agents(&self, _: Nothing) -> Result<Vec<AgentView>> {
        Ok(self.shared.hub.snapshot().agents())
    }

    async fn take_over(&self, params: TakeOverParams) -> Result<Changed> {
        let TakeOverParams { agent, after_turn } = params;
        self.change(Event::TakeOver { by: self.actor.clone(), agent, after_turn }).await
    }

    async fn hand_back(&self, params: HandBackParams) -> Result<Changed> {
        self.change(Event::HandBack { by: self.actor.clone(), agent: params.agent }).await
    }

    async fn fork(&self, params: ForkParams) -> Result<Forked> {
        let ForkParams { agent, to } = params;
        let reply = self.ask(Event::Fork { by: self.actor.clone(), agent: agent.clone(), to }).await?;
        // The hub names who it is; anything else it can't answer.
        let agent = if let Answer::Forked(it) = reply.answer { it } else { agent };
        Ok(Forked { agent, rev: reply.rev })
    }

    async fn findings(&self, params: FindingsParams) -> Result<Vec<Finding>> {
        self.shared.hub.snapshot().findings(&params).map_err(refused)
    }

    async fn settle_finding(&self, params: SettleFindingParams) -> Result<Changed> {
        let how = settlement(&params).map_err(refused)?;
        self.change(Event::SettleFinding { by: self.actor.clone(), finding: params.finding, how }).await
    }

    async fn watch_terminal(&self, params: WatchTerminalParams) -> Result<WatchTerminalResult> {
        // What is on a screen was not cleared of secrets, as the transcript is.
        self.people_only("watch a terminal")?;
        self.terminals.watch(params).map_err(refused)
    }

    async fn unwatch_terminal(&self, params: UnwatchTerminalParams) -> Result<Nothing> {
        Ok(self.terminals.unwatch(&params))
    }

    async fn terminal_input(&self, params: TerminalInputParams) -> Result<Nothing> {
        self.people_only("type into a terminal")?;
        self.terminals.input(&params).map_err(refused)
    }

    async fn terminal_resize(&self, params: TerminalResizeParams) -> Result<TerminalSize> {
        self.people_only("give a terminal another size")?;
        self.terminals.resize(&params).map_err(refused)
    }

    async fn terminal_scrollback(&self, params: TerminalScrollbackParams) -> Result<TerminalScrollback> {
        self.people_only("read a terminal")?;
        self.terminals.scrollback(&params).map_err(refused)
    }

    async fn subscribe(&self, params: SubscribeParams) -> Result<Changed> {
        let rev = self.shared.hub.snapshot().rev;
        self.subscribe.send_replace(Some(Subscription::new(params, rev)));
        Ok(Changed { rev })
    }

    async fn trust(&self, params: TrustParams) -> Result<TrustResult> {
        self.people_only("trust the workspace")?;
        self.shared.trust(params.digest).await.map_err(refused)
    }

    async fn reload(&self, _: Nothing) -> Result<ReloadResult> {
        self.people_only("have the configuration read again")?;
        self.shared.reload().await.map_err(refused)
    }

    async fn hub_status(&self, _: Nothing) -> Result<HubStatus> {
        Ok(self.status())
    }

    async fn stop_hub(&self, _: Nothing) -> Result<Changed> {
        self.people_only("end the hub")?;
        self.shared.stop();
        Ok(Changed { rev: self.shared.hub.snapshot().rev })
    }

    async fn set_trace(&self, _: SetTraceParams) {}

    async fn cancel_progress(&self, params: WorkDoneProgressCancelParams) {
        progress::cancelled(&self.editor, &params.token);
    }

    fn status(&self) -> HubStatus {
        let (snapshot, info) = (self.shared.hub.snapshot(), &self.shared.info);
        let live = snapshot.runs(&RunsParams { run: None, live: true }).map_or(0, |it| it.len());
        HubStatus {
            pid: info.pid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            workspace: info.workspace.clone(),
            started: info.started,
            rev: snapshot.rev,
            clients: *self.shared.clients().borrow(),
            live_runs: u32::try_from(live).unwrap_or(u32::MAX),
            trusted: self.shared.surroundings.is_trusted(),
            in_process: info.in_process,
        }
    }

    fn people_only(&self, what: &str) -> Result<()> {
        commands::people_only(&self.editor, what).map_err(refused)
    }

    async fn ask(&self, event: Event) -> Result<Reply> {
        self.shared.hub.ask(event).await.map_err(refused)
    }

    async fn change(&self, event: Event) -> Result<Changed> {
        self.ask(event).await.map(|it| Changed { rev: it.rev })
    }
}

/// Returns a refusal as an answer: one code for all, the class in the data.
fn refused(refusal: Refusal) -> Error {
    let data = serde_json::to_value(ErrorData { code: refusal.code }).ok();
    Error { code: ErrorCode::ServerError(REFUSED), message: refusal.message.into(), data }
}

fn internal(message: String) -> Error {
    Error { code: ErrorCode::InternalError, message: message.into(), data: None }
}

fn posted(reply: &Reply) -> Result<MessageId> {
    match reply.answer {
        Answer::Posted(message) => Ok(message),
        _ => Err(internal(format!("the hub answered a message with {:?}", reply.answer))),
    }
}

fn started(reply: &Reply) -> Result<RunId> {
    match reply.answer {
        Answer::Started(run) => Ok(run),
        _ => Err(internal(format!("the hub answered a start with {:?}", reply.answer))),
    }
}

fn settlement(params: &SettleFindingParams) -> std::result::Result<Settlement, Refusal> {
    let reason = params.reason.trim();
    match params.how.as_str() {
        "dismiss" if reason.is_empty() => Err(Refusal::new(
            RefusalCode::Invalid,
            format!(
                "a reason is needed to dismiss {}; reviewers are told it, so that they don't report it again",
                params.finding
            ),
        )),
        "dismiss" => Ok(Settlement::Dismiss(reason.to_owned())),
        "accept" => Ok(Settlement::Accept),
        "reopen" => Ok(Settlement::Reopen),
        other => Err(Refusal::new(
            RefusalCode::Invalid,
            format!("a finding can't be settled by {other:?}; say dismiss, accept or reopen"),
        )),
    }
}
