//! The commands of `workspace/executeCommand`: for palettes, code actions, lenses and keybindings with arguments.
//!
//! Each takes one object and comes to the same event as its custom method. Nothing waits for the client: what asks the person
//! something does so in a task of its own.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tower_lsp::lsp_types::{ExecuteCommandParams, Url};

use crate::{
    agent::terminal::SCROLLBACK_LINES,
    channel::command::{self, Command as Wanted},
    finding::Finding,
    hub::{
        Reply,
        event::{Actor, Answer, Event, Refusal, RefusalCode, Settlement},
    },
    ids::{AgentName, ChannelName, FindingId, MessageId, RunId},
    lsp::{channel, decide, diagnostics, editor::Editor, hunks, language, people, prompts, shared::Surroundings},
    protocol::{Changed, HoldParams, Players, Posted, ReleaseParams, RunParams, Started, UndoParams, WorkflowView},
    workflow::{plan::InputKind, problem::suggest},
    workspace::position::{Encoding, position},
};

/// The commands.
pub const NAMES: [&str; 16] = [
    "callboard.review",
    "callboard.run",
    "callboard.post",
    "callboard.decide",
    "callboard.pause",
    "callboard.resume",
    "callboard.cancel",
    "callboard.undo",
    "callboard.undoHunk",
    "callboard.fixFinding",
    "callboard.dismissFinding",
    "callboard.openChannel",
    "callboard.openPause",
    "callboard.openTerminal",
    "callboard.dryRun",
    "callboard.trust",
];

/// Returns what a command takes, as an example that a person can copy.
fn example(command: &str) -> &'static str {
    match command {
        "callboard.review" => r#"{ "path": "src/lib.rs", "startLine": 10, "endLine": 20, "agent": "lint" }"#,
        "callboard.run" => r#"{ "workflow": "review-fix", "inputs": { "path": "src" } }"#,
        "callboard.post" => r#"{ "text": "@claude why does this loop end?", "channel": "main" }"#,
        "callboard.decide" => r#"{ "pause": "p1", "decision": "approve", "hash": "…" }"#,
        "callboard.pause" => r#"{ "run": "r1", "interrupt": false }, or {} for all runs"#,
        "callboard.resume" => r#"{ "run": "r1" }, or {} for all runs"#,
        "callboard.cancel" => r#"{ "run": "r1" }"#,
        "callboard.undo" => r#"{ "run": "r1", "step": "fix", "force": false }"#,
        "callboard.undoHunk" => r#"{ "pause": "p1", "path": "src/lib.rs", "hunk": "…" }, as its lens says"#,
        "callboard.fixFinding" => r#"{ "finding": "f1", "agent": "codex" }"#,
        "callboard.dismissFinding" => r#"{ "finding": "f1", "reason": "it is meant so" }"#,
        "callboard.openChannel" => r#"{ "channel": "main", "draft": "@claude " }"#,
        "callboard.openPause" => r#"{ "pause": "p1" }"#,
        "callboard.dryRun" => r#"{ "workflow": "review-fix" }"#,
        "callboard.openTerminal" => r#"{ "agent": "claude" }"#,
        _ => "{}",
    }
}

/// Does what a command says.
pub async fn execute(editor: &Arc<Editor>, params: ExecuteCommandParams) -> Result<Option<Value>, Refusal> {
    let ExecuteCommandParams { command, mut arguments, .. } = params;
    let name = command.as_str();
    // An empty Lua table is an empty list, and no argument at all is fine where none is needed.
    let arguments = match arguments.len() {
        0 => json!({}),
        1 if arguments[0].is_null() || arguments[0] == json!([]) => json!({}),
        1 if arguments[0].is_object() => arguments.remove(0),
        _ => return Err(wrong(name, "it was given something else")),
    };
    let answer = match name {
        "callboard.review" => review(editor, take(name, arguments)?).await?,
        "callboard.run" => {
            let RunParams { workflow, inputs, roles, channel, key } = take(name, arguments)?;
            need(name, "workflow", &workflow)?;
            start(editor, workflow, inputs, roles, channel, key).await?
        }
        "callboard.post" => {
            let params = take(name, arguments)?;
            say(editor, params).await?
        }
        "callboard.decide" => decide::decide(editor, take(name, arguments)?).await?,
        "callboard.pause" => {
            let HoldParams { run, interrupt } = take(name, arguments)?;
            change(editor, Event::Hold { by: editor.actor.clone(), run, interrupt }).await?
        }
        "callboard.resume" => {
            let ReleaseParams { run } = take(name, arguments)?;
            change(editor, Event::Release { by: editor.actor.clone(), run }).await?
        }
        "callboard.cancel" => {
            let OneRun { run } = take(name, arguments)?;
            change(editor, Event::Cancel { by: editor.actor.clone(), run }).await?
        }
        "callboard.undo" => json!(editor.shared.undo(editor.actor.clone(), take(name, arguments)?).await?),
        "callboard.undoHunk" => hunks::undo(editor, take(name, arguments)?).await?,
        "callboard.fixFinding" => fix(editor, take(name, arguments)?).await?,
        "callboard.dismissFinding" => dismiss(editor, take(name, arguments)?).await?,
        "callboard.openChannel" => open_channel(editor, take(name, arguments)?).await?,
        "callboard.openPause" => {
            let OnePause { pause } = take(name, arguments)?;
            prompts::show_page(editor, pause).await?;
            // A client with documents of its own shows this one when it has the answer.
            if editor.wishes().options.documents { json!({ "pause": pause }) } else { Value::Null }
        }
        "callboard.openTerminal" => open_terminal(editor, take(name, arguments)?).await?,
        "callboard.dryRun" => language::dry_run::dry_run(editor, take(name, arguments)?).await?,
        "callboard.trust" => trust(editor).await?,
        _ => {
            let message = format!("there is no command {name:?}; there are {}", NAMES.join(", "));
            return Err(Refusal::new(RefusalCode::NotFound, message));
        }
    };
    Ok(Some(answer).filter(|it| !it.is_null()))
}

fn take<T: DeserializeOwned>(command: &str, arguments: Value) -> Result<T, Refusal> {
    serde_json::from_value(arguments).map_err(|err| wrong(command, &err.to_string()))
}

fn need(command: &str, field: &str, value: &str) -> Result<(), Refusal> {
    if value.trim().is_empty() { Err(wrong(command, &format!("`{field}` is missing"))) } else { Ok(()) }
}

pub(super) fn wrong(command: &str, why: &str) -> Refusal {
    let message = format!("{command} takes one object such as {}: {why}", example(command));
    Refusal::new(RefusalCode::Invalid, message)
}

/// Refuses agents. The hub refuses them too wherever its event says who asks; this is for what asks the person first.
pub(super) fn people_only(editor: &Editor, what: &str) -> Result<(), Refusal> {
    match editor.actor {
        Actor::Human(_) => Ok(()),
        Actor::Agent(_) => {
            let message =
                format!("only a person may {what}, and this connection is an agent's; ask the person to do it");
            Err(Refusal::new(RefusalCode::HumansOnly, message))
        }
    }
}

/// What is said: words, or what is written on a channel's page.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Say {
    channel: Option<ChannelName>,
    thread: Option<MessageId>,
    text: String,
    key: Option<String>,
    draft: bool,
}

/// Posts a message, or does what a `/command` says.
async fn say(editor: &Arc<Editor>, params: Say) -> Result<Value, Refusal> {
    let Say { channel, thread, text, key, draft } = params;
    if !draft {
        need("callboard.post", "text", &text)?;
        return said(editor, channel, thread, text, key).await;
    }
    let name = match channel {
        Some(name) => name,
        None => channel::default_channel()?,
    };
    let draft = channel::draft(editor, &editor.shared.hub.snapshot(), &name)?;
    let thread = draft.thread.or(thread);
    let answer = said(editor, Some(name.clone()), thread, draft.text, key.or(Some(draft.key))).await?;
    // Only what was taken is taken away.
    editor.channels.posted(&name, &draft.written);
    editor.news.notify_one();
    Ok(answer)
}

async fn said(
    editor: &Arc<Editor>,
    channel: Option<ChannelName>,
    thread: Option<MessageId>,
    text: String,
    key: Option<String>,
) -> Result<Value, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    let by = editor.actor.clone();
    let text = match command::parse(&text) {
        None => text,
        Some(Err(why)) => return Err(invalid(why)),
        Some(Ok(Wanted::Say(text))) => text,
        Some(Ok(Wanted::Review { path, agent })) => {
            let review = Review { path: Some(path), agent, channel, key, ..Review::default() };
            return self::review(editor, review).await;
        }
        Some(Ok(Wanted::Run { workflow, path, given })) => {
            let library = editor.shared.library().await;
            let (inputs, roles) = told(&library, &workflow, path, given).map_err(invalid)?;
            return start(editor, workflow, inputs, roles, channel, key).await;
        }
        Some(Ok(Wanted::Pause(run))) => return change(editor, Event::Hold { by, run, interrupt: false }).await,
        Some(Ok(Wanted::Resume(run))) => return change(editor, Event::Release { by, run }).await,
        Some(Ok(Wanted::Cancel(run))) => return change(editor, Event::Cancel { by, run }).await,
        Some(Ok(Wanted::Undo(run))) => {
            let undo = UndoParams { run, step: None, force: false };
            return Ok(json!(editor.shared.undo(by, undo).await?));
        }
    };
    posted(&editor.shared.hub.ask(Event::Post { by, channel, thread, text, key }).await?)
}

type Told = (BTreeMap<String, Value>, BTreeMap<String, Players>);

/// Returns the inputs and roles that the words of `/run` stand for.
fn told(
    library: &[WorkflowView],
    workflow: &str,
    path: Option<String>,
    given: Vec<(String, String)>,
) -> Result<Told, String> {
    let known = library.iter().find(|it| it.name == workflow);
    let known = known.ok_or_else(|| {
        let mend = suggest(workflow, library.iter().map(|it| it.name.as_str()), "see `callboard workflows list`");
        format!("there is no workflow {workflow:?}; {mend}")
    })?;
    let (mut inputs, mut roles) = (BTreeMap::new(), BTreeMap::new());
    if let Some(path) = path {
        let mut takes = known.inputs.iter().filter(|it| it.kind == InputKind::Path);
        match (takes.next(), takes.next()) {
            (Some(input), None) => drop(inputs.insert(input.name.clone(), Value::from(path))),
            (Some(_), Some(_)) => {
                return Err(format!("{workflow} takes several paths; write which {path:?} is: NAME={path}"));
            }
            (None, _) => {
                return Err(format!("{workflow} takes no path, and {path:?} stands alone; give inputs as NAME=VALUE"));
            }
        }
    }
    for (name, value) in given {
        if let Some(input) = known.inputs.iter().find(|it| it.name == name) {
            let wrong = |what: &str| format!("{name} is {what}, and {value:?} is not");
            let value = match input.kind {
                InputKind::Text | InputKind::Path => Value::from(value),
                InputKind::List => value.split(',').map(str::trim).filter(|it| !it.is_empty()).collect(),
                InputKind::Number => value.parse::<i64>().map(Value::from).map_err(|_| wrong("a whole number"))?,
                InputKind::Flag => match value.as_str() {
                    "yes" | "true" | "on" => Value::from(true),
                    "no" | "false" | "off" => Value::from(false),
                    _ => return Err(wrong("yes or no")),
                },
            };
            inputs.insert(name, value);
        } else if known.roles.iter().any(|it| it.id.as_str() == name) {
            let agent =
                |it: &str| it.trim().trim_start_matches('@').parse().map_err(|_| format!("{it:?} is no agent's name"));
            let mut agents = value.split(',').map(agent).collect::<Result<Vec<AgentName>, _>>()?;
            let players = if agents.len() == 1 { Players::One(agents.remove(0)) } else { Players::Several(agents) };
            roles.insert(name, players);
        } else {
            let names =
                known.inputs.iter().map(|it| it.name.as_str()).chain(known.roles.iter().map(|it| it.id.as_str()));
            return Err(format!(
                "{workflow} has no input and no role {name:?}; {}",
                suggest(&name, names, "leave it out")
            ));
        }
    }
    Ok((inputs, roles))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OneRun {
    run: RunId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OnePause {
    pause: crate::ids::PauseId,
}

/// A file, by its path from the root or its address, and lines of it, from 1.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Review {
    path: Option<String>,
    uri: Option<Url>,
    start_line: Option<u32>,
    end_line: Option<u32>,
    agent: Option<AgentName>,
    channel: Option<ChannelName>,
    key: Option<String>,
}

async fn review(editor: &Editor, params: Review) -> Result<Value, Refusal> {
    let Review { path, uri, start_line, end_line, agent, channel, key } = params;
    let path = match (path, uri) {
        (Some(path), _) => path,
        (None, Some(uri)) => editor.folder().path(&uri).ok_or_else(|| {
            Refusal::new(RefusalCode::Invalid, format!("{uri} is no file of this workspace; name one that is"))
        })?,
        (None, None) => return Err(wrong("callboard.review", "`path` is missing")),
    };
    let mut inputs = BTreeMap::from([("path".to_owned(), Value::from(path.clone()))]);
    if let Some(first) = start_line {
        let last = end_line.unwrap_or(first).max(first);
        inputs.insert("focus".to_owned(), Value::from(format!("lines {first} to {last} of {path}")));
    }
    let roles = agent.into_iter().map(|it| ("reviewer".to_owned(), Players::One(it))).collect();
    start(editor, "review-file".to_owned(), inputs, roles, channel, key).await
}

async fn start(
    editor: &Editor,
    workflow: String,
    inputs: BTreeMap<String, Value>,
    roles: BTreeMap<String, Players>,
    channel: Option<ChannelName>,
    key: Option<String>,
) -> Result<Value, Refusal> {
    people_only(editor, "start a workflow")?;
    let plan = editor.shared.off_thread(move |it| it.plan(&workflow)).await?;
    let by = editor.actor.clone();
    let reply = editor.shared.hub.ask(Event::StartRun { by, plan, inputs, roles, channel, key }).await?;
    match reply.answer {
        Answer::Started(run) => Ok(json!(Started { run, rev: reply.rev })),
        other => Err(odd(&other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Fix {
    finding: FindingId,
    agent: Option<AgentName>,
    channel: Option<ChannelName>,
    key: Option<String>,
}

async fn fix(editor: &Editor, params: Fix) -> Result<Value, Refusal> {
    let Fix { finding, agent, channel, key } = params;
    people_only(editor, "have a finding fixed")?;
    let snapshot = editor.shared.hub.snapshot();
    let found = snapshot.state().finding(finding).ok_or_else(|| no_finding(finding))?;
    let agent = agent.or_else(|| people::fixers(&snapshot, found).into_iter().next()).ok_or_else(|| {
        let message = format!("no agent here can fix {finding}; see `callboard agents`, and name one");
        Refusal::new(RefusalCode::NoAgent, message)
    })?;
    let text = people::fix(&agent, found, line_of(editor, found));
    let by = editor.actor.clone();
    posted(&editor.shared.hub.ask(Event::Post { by, channel, thread: None, text, key }).await?)
}

/// Returns the line that a finding stands on now, from 1.
pub(super) fn line_of(editor: &Editor, finding: &Finding) -> u32 {
    let Some(place) = &finding.draft.place else { return 1 };
    let snapshot = editor.shared.hub.snapshot();
    let found =
        editor.marks(&place.path, diagnostics::of_file(&snapshot, &place.path)).and_then(|(document, marks)| {
            let mark = marks.into_iter().find(|it| it.0.id == finding.id)?.1;
            Some(position(&document.text, mark.range.start, Encoding::Utf8).0 + 1)
        });
    found.unwrap_or(place.line)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dismiss {
    finding: FindingId,
    #[serde(default)]
    how: How,
    #[serde(default)]
    reason: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum How {
    #[default]
    Dismiss,
    Accept,
    Reopen,
}

async fn dismiss(editor: &Arc<Editor>, params: Dismiss) -> Result<Value, Refusal> {
    let Dismiss { finding, how, reason } = params;
    people_only(editor, "settle a finding")?;
    let how = match how {
        How::Accept => Settlement::Accept,
        How::Reopen => Settlement::Reopen,
        How::Dismiss if reason.trim().is_empty() => {
            let snapshot = editor.shared.hub.snapshot();
            let found = snapshot.state().finding(finding).ok_or_else(|| no_finding(finding))?;
            prompts::ask_for_reason(editor, found);
            return Ok(Value::Null);
        }
        How::Dismiss => Settlement::Dismiss(reason),
    };
    change(editor, Event::SettleFinding { by: editor.actor.clone(), finding, how }).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpenChannel {
    channel: Option<ChannelName>,
    /// Whether more of it is shown than now.
    #[serde(default)]
    earlier: bool,
    /// What is put below the line.
    draft: Option<String>,
}

async fn open_channel(editor: &Arc<Editor>, params: OpenChannel) -> Result<Value, Refusal> {
    let OpenChannel { channel, earlier, draft } = params;
    if editor.wishes().options.panel {
        // The client shows it itself; it must be there all the same.
        let name = channel.map_or_else(channel::default_channel, Ok)?;
        channel::page(&editor.shared.hub.snapshot(), &name, 1)?;
        return Ok(json!({ "channel": name, "draft": draft }));
    }
    let (name, uri) = channel::open(editor, channel, earlier, draft).await?;
    prompts::show(editor, uri.clone());
    Ok(json!({ "channel": name, "uri": uri }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpenTerminal {
    agent: AgentName,
}

/// Shows what a terminal shows now, as a file: for clients that show nothing else. The others watch it.
async fn open_terminal(editor: &Arc<Editor>, params: OpenTerminal) -> Result<Value, Refusal> {
    people_only(editor, "read a terminal")?;
    let agent = params.agent;
    let terminal = editor.shared.surroundings.screens().get(&agent).ok_or_else(|| {
        let message = format!("{agent} has no terminal yet; it has one when its program starts, with its first turn");
        Refusal::new(RefusalCode::NotFound, message)
    })?;
    if editor.wishes().options.terminal {
        return Ok(json!({ "agent": agent }));
    }
    let mut lines = terminal.scrollback(SCROLLBACK_LINES);
    lines.extend(terminal.screen().rows);
    drop(terminal);
    let text = format!("{}\n", lines.join("\n").trim_end());
    let written = editor.shared.pages.write(&format!("terminal-{}.txt", agent.as_str()), text).await;
    let uri = written.ok().and_then(|it| Url::from_file_path(it).ok()).ok_or_else(|| {
        let message = "the terminal can't be written to a file; mend the state folder, which `callboard doctor` names";
        Refusal::new(RefusalCode::Invalid, message)
    })?;
    prompts::show(editor, uri.clone());
    Ok(json!({ "agent": agent, "uri": uri }))
}

async fn trust(editor: &Arc<Editor>) -> Result<Value, Refusal> {
    people_only(editor, "trust the workspace")?;
    let shown = editor.shared.off_thread(Surroundings::trust_shown).await?;
    if shown.trusted {
        let read = editor.shared.reload().await?;
        return Ok(json!(read));
    }
    prompts::ask_for_trust(editor, shown);
    Ok(Value::Null)
}

async fn change(editor: &Editor, event: Event) -> Result<Value, Refusal> {
    let reply = editor.shared.hub.ask(event).await?;
    Ok(json!(Changed { rev: reply.rev }))
}

fn posted(reply: &Reply) -> Result<Value, Refusal> {
    match reply.answer {
        Answer::Posted(message) => Ok(json!(Posted { message, rev: reply.rev })),
        ref other => Err(odd(other)),
    }
}

fn odd(answer: &Answer) -> Refusal {
    Refusal::new(RefusalCode::Invalid, format!("the hub answered with {answer:?}; this is a fault of Callboard"))
}

fn no_finding(finding: FindingId) -> Refusal {
    let message = format!("there is no finding {finding} in this workspace; `callboard findings --all` lists them");
    Refusal::new(RefusalCode::NotFound, message)
}
