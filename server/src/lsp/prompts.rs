//! What an editor's user is asked by a message with buttons, for editors that have no inbox.
//!
//! Each question is a task of its own that may wait for days: an answer that comes when somebody else has answered is told so
//! and changes nothing (design §9). Invariant: no handler waits for any of this.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;
use tower_lsp::lsp_types::{
    MessageActionItem, MessageType, ShowDocumentParams, ShowMessageRequestParams, Url,
    request::{ShowDocument, ShowMessageRequest},
};

use crate::{
    ask::Scope,
    finding::Finding,
    hub::event::{Actor, Event, Refusal, RefusalCode, Settlement},
    ids::PauseId,
    lsp::{
        decide::{self, Decide},
        editor::Editor,
        pages,
        shared::{Surroundings, TrustShown},
    },
    protocol::{PauseKind, PauseView},
};

const OPEN: &str = "Open";

/// Why findings are dismissed, where an editor can't take text.
const REASONS: [&str; 3] = ["It is meant so", "It is wrong", "Not worth a change"];

/// A question that stands open in an editor.
#[derive(Default)]
pub struct Question {
    /// Whether its person chose. Turns true before the answer is given, so that nobody is told of their own answer.
    pub chose: AtomicBool,
    /// Told when it was answered elsewhere.
    pub settled: Notify,
}

fn buttons(kind: MessageType, message: String, choices: Vec<String>) -> ShowMessageRequestParams {
    let actions =
        choices.into_iter().map(|title| MessageActionItem { title, properties: HashMap::default() }).collect();
    ShowMessageRequestParams { typ: kind, message, actions: Some(actions) }
}

/// Asks something with buttons; `None` where the person chose none, or the client has no such messages.
async fn pick(editor: &Editor, kind: MessageType, message: String, choices: Vec<String>) -> Option<String> {
    let params = buttons(kind, message, choices);
    editor.ask::<ShowMessageRequest>(params).await.ok().flatten().map(|it| it.title)
}

/// Asks for the answer to a pause point, and gives it.
pub async fn pause(editor: Arc<Editor>, view: PauseView, question: Arc<Question>) {
    let by_button = ["approve", "reject", "skip", "retry", "stop"];
    // An answer to a question is written, not chosen from buttons.
    let is_written = |name: &str| name == "approve" && view.kind == PauseKind::Question;
    let offered: Vec<(&String, Option<Scope>)> = decide::offered(&view)
        .into_iter()
        .filter(|(name, _)| by_button.contains(&name.as_str()) && !is_written(name))
        .collect();
    let mut choices = vec![OPEN.to_owned()];
    choices.extend(offered.iter().map(|(name, scope)| decide::titled(name, *scope)));
    let run = view.run.map_or(String::new(), |it| format!(" in {it}"));
    let place = if editor.wishes().show_document {
        String::new()
    } else {
        format!(" The page is {}.", editor.page_path(view.id).display())
    };
    let message = format!("{}{run} waits for you: {}{place}", view.id, view.title);
    let params = buttons(MessageType::INFO, message, choices);
    let settled = Arc::clone(&question);
    let answer = editor.ask_unless::<ShowMessageRequest>(params, async move { settled.settled.notified().await }).await;
    let Some(chosen) = answer.ok().flatten().map(|it| it.title) else { return };
    if chosen == OPEN {
        let _ = show_page(&editor, view.id).await;
        return;
    }
    let found = offered.into_iter().find(|(name, scope)| decide::titled(name, *scope) == chosen);
    let Some((decision, scope)) = found.map(|(name, scope)| (name.clone(), scope)) else { return };
    question.chose.store(true, Ordering::SeqCst);
    // Bound to what was asked, not to what is there by now.
    let params = Decide { pause: Some(view.id), decision, scope, hash: Some(view.hash), ..Decide::default() };
    if let Err(refusal) = decide::decide(&editor, params).await {
        let kind = if refusal.code == RefusalCode::AlreadyAnswered { MessageType::INFO } else { MessageType::WARNING };
        editor.say(kind, refusal.message);
    }
}

/// Opens the page of a pause.
pub async fn show_page(editor: &Arc<Editor>, pause: PauseId) -> Result<(), Refusal> {
    let snapshot = editor.shared.hub.snapshot();
    if pages::view(&snapshot, pause).is_none() {
        let message = format!("there is no pause {pause} in this workspace; `callboard inbox` lists them");
        return Err(Refusal::new(RefusalCode::NotFound, message));
    }
    editor.shared.pages.sync(&snapshot).await;
    if editor.wishes().options.documents {
        return Ok(());
    }
    if let Some(uri) = editor.page_uri(pause) {
        show(editor, uri);
    }
    Ok(())
}

/// Opens a file, or says where it is where the client can't.
pub fn show(editor: &Arc<Editor>, uri: Url) {
    if !editor.wishes().show_document {
        let path = uri.to_file_path().map(|it| it.display().to_string()).unwrap_or_default();
        editor.say(MessageType::INFO, format!("Open {path}"));
        return;
    }
    let editor = Arc::clone(editor);
    tokio::spawn(async move {
        let params = ShowDocumentParams { uri, external: Some(false), take_focus: Some(true), selection: None };
        let _ = editor.ask::<ShowDocument>(params).await;
    });
}

/// Asks why a finding is dismissed, and dismisses it.
pub fn ask_for_reason(editor: &Arc<Editor>, finding: &Finding) {
    let (id, editor) = (finding.id, Arc::clone(editor));
    let text: String =
        crate::document::visible(&finding.draft.text).lines().next().unwrap_or("").chars().take(200).collect();
    tokio::spawn(async move {
        let choices = REASONS.iter().map(|it| (*it).to_owned()).collect();
        let message = format!("Why is {id} dismissed? The reviewers are told. {text}");
        let Some(chosen) = pick(&editor, MessageType::INFO, message, choices).await else { return };
        if !REASONS.contains(&chosen.as_str()) {
            return;
        }
        let how = Settlement::Dismiss(chosen);
        let by = editor.actor.clone();
        if let Err(refusal) = editor.shared.hub.ask(Event::SettleFinding { by, finding: id, how }).await {
            editor.say(MessageType::WARNING, refusal.message);
        }
    });
}

/// Asks whether the workspace is to be trusted, where something was refused because it is not: once a session, and only an editor
/// that is asked by messages. The others say so themselves.
pub fn offer_trust(editor: &Arc<Editor>) {
    let is_persons = matches!(editor.actor, Actor::Human(_));
    if !is_persons || !editor.wishes().editor || !editor.wishes().options.asks() || !editor.asks_for_trust() {
        return;
    }
    let editor = Arc::clone(editor);
    tokio::spawn(async move {
        if let Ok(shown) = editor.shared.off_thread(Surroundings::trust_shown).await
            && !shown.trusted
        {
            ask_for_trust(&editor, shown);
        }
    });
}

/// Asks whether the workspace is to be trusted, and trusts what was shown (promise 7).
pub fn ask_for_trust(editor: &Arc<Editor>, shown: TrustShown) {
    const YES: &str = "Trust this workspace";
    let editor = Arc::clone(editor);
    tokio::spawn(async move {
        let TrustShown { text, digest, .. } = shown;
        let message = format!("Trust this workspace? {text}");
        let chosen = pick(&editor, MessageType::WARNING, message, vec![YES.to_owned(), "Not now".to_owned()]).await;
        if chosen.as_deref() != Some(YES) {
            return;
        }
        match editor.shared.trust(Some(digest)).await {
            Ok(_) => editor.say(MessageType::INFO, "This workspace is trusted."),
            Err(refusal) => editor.say(MessageType::WARNING, refusal.message),
        }
    });
}
