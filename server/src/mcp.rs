//! Callboard's tools for agents, as a server of the Model Context Protocol in the hub's process.
//!
//! Each connection came in with a pass. Invariant: what it does, it does as the pass's agent, in the turn that this agent is on,
//! and there is no tool that answers a pause point (promise 2). No other place knows `rmcp`.

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, ListToolsResult,
        PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
    transport::async_rw::AsyncRwTransport,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
};

use crate::{
    agent::{
        driver::result::{self, MAX_RESULT},
        tools::{Asking, Entry, Pass, Toolbox},
    },
    ask::{Ask, AskReply, Question, Wish},
    config::redact::Redactor,
    finding::FindingDraft,
    hub::{
        Hub,
        event::{Act, Answer, Event},
        operator::{self, MOVES},
        snapshot::Snapshot,
        state::Turn,
    },
    ids::TurnId,
    lsp::{outbox::Outbox, shared::Shared},
    outcome::{JsonResult, TypedResult},
    workflow::plan::{Action, RepeatAction},
};

#[cfg(unix)]
pub mod bridge;
pub mod reading;
pub mod table;

/// The longest message that is taken, in bytes: a result, and what its JSON is wrapped in.
const MOST_LINE: usize = 2 * MAX_RESULT + 64 * 1024;

/// The longest question, in bytes, and how many answers it may offer.
const MOST_QUESTION: usize = 16 * 1024;
const MOST_CHOICES: usize = 20;

/// How many calls of one connection may be going on.
const CALLS: usize = 16;

/// How long what a program is still owed may take when its connection ends.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves one program until it goes, its pass is void, or the hub ends.
pub async fn serve<R, W>(shared: Arc<Shared>, toolbox: Toolbox, entry: Entry, reader: R, writer: W)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    // A program that does not read what it asked for is let go, as any client is.
    let (outbox, writing) = Outbox::start(writer);
    let agent = entry.0.agent.clone();
    let desk =
        ToolDesk { shared: Arc::clone(&shared), toolbox, pass: Arc::clone(&entry.0), calls: Semaphore::new(CALLS) };
    let transport = AsyncRwTransport::new_server(reader, outbox.clone()).with_max_line_length(MOST_LINE);
    let serving = async {
        match desk.serve(transport).await {
            Ok(running) => drop(running.waiting().await),
            Err(err) => tracing::info!(%agent, "A program did not begin to use its tools: {err}."),
        }
    };
    tokio::select! {
        () = serving => {}
        why = outbox.gone() => tracing::info!(%agent, "A program that used tools is gone: {why}."),
        () = shared.stopped() => {}
    }
    outbox.finish(writing, PATIENCE).await;
    drop(entry);
}

/// The tools of one connection.
struct ToolDesk {
    shared: Arc<Shared>,
    toolbox: Toolbox,
    pass: Arc<Pass>,
    calls: Semaphore,
}

impl ServerHandler for ToolDesk {
    fn get_info(&self) -> ServerConfig {
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build());
        info.server_info = Implementation::new("callboard", env!("CARGO_PKG_VERSION"));
        info.instructions = Some(table::INSTRUCTIONS.to_owned());
        info
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let operates = self.operates();
        let tools = table::TOOLS.iter().chain(table::MOVES.iter().filter(|_| operates));
        let tools = tools.map(|it| Tool::new(it.name, it.says, (it.schema)())).collect();
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        params: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let args = Value::Object(params.arguments.unwrap_or_default());
        let done = match self.calls.try_acquire() {
            Ok(_place) => tokio::select! {
                done = self.call(&params.name, args) => done,
                () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
            },
            Err(_) => Err(format!("{CALLS} calls are going on already; wait for one of them")),
        };
        // A tool's error and not the protocol's: models are shown the one and not the other.
        Ok(match done {
            Ok(text) => CallToolResult::success(vec![ContentBlock::text(text)]),
            Err(why) => CallToolResult::error(vec![ContentBlock::text(why)]),
        }
        .into())
    }
}

impl ToolDesk {
    async fn call(&self, tool: &str, args: Value) -> Result<String, String> {
        let snapshot = self.shared.hub.snapshot();
        let turn = self.turn(&snapshot)?;
        match tool {
            "channel_read" => reading::channel(snapshot.state(), &turn, &args_of(tool, args)?),
            "channel_post" => {
                let table::Post { text, channel, thread } = args_of(tool, args)?;
                let act = Act::Post { channel, thread, text: discreet(&text) };
                match self.act(&turn, act).await? {
                    Answer::Posted(message) => Ok(format!("posted as {message}")),
                    other => Err(unexpected(&other)),
                }
            }
            "report_finding" => {
                let finding: table::Report = args_of(tool, args)?;
                let finding = draft(&finding)?;
                match self.act(&turn, Act::Report(finding)).await? {
                    Answer::Found(finding) => Ok(format!("recorded as {finding}")),
                    other => Err(unexpected(&other)),
                }
            }
            "submit_result" => {
                let table::Submit { result } = args_of(tool, args)?;
                self.hand_in(&turn, &result).await
            }
            "ask_human" => self.ask_human(&turn, args_of(tool, args)?).await,
            "list_buffers" => {
                let table::Nothing {} = args_of(tool, args)?;
                Ok(reading::buffers(&self.shared.documents.list()))
            }
            "read_buffer" => reading::buffer(&self.shared.documents, &args_of(tool, args)?),
            "get_diagnostics" => Ok(reading::diagnostics(snapshot.state(), &args_of(tool, args)?)),
            name if MOVES.contains(&name) => self.make_move(&turn, name, args).await,
            other => Err(format!("there is no tool {other:?}; there are {}", table::names())),
        }
    }

    /// Returns the turn that the pass's agent is on now.
    fn turn(&self, snapshot: &Snapshot) -> Result<Arc<Turn>, String> {
        let Pass { agent, turn: only, .. } = &*self.pass;
        let live: Option<TurnId> = snapshot.state().agents.get(agent).and_then(|it| it.live);
        let over = |which: &str| {
            format!("{which} of {agent} is over, so its tools do nothing any more; end what still runs for it")
        };
        if self.pass.is_void() {
            return Err(over("the program"));
        }
        match (live, only) {
            (Some(live), Some(only)) if live != *only => Err(over(&only.to_string())),
            (None, Some(only)) => Err(over(&only.to_string())),
            (None, None) => {
                Err(format!("{agent} is on no turn, and tools work in a turn only; wait for the next prompt"))
            }
            (Some(live), _) => snapshot.state().turn(live).cloned().ok_or_else(|| over(&live.to_string())),
        }
    }

    /// Returns whether its agent is the operator of a part of a run that goes on.
    fn operates(&self) -> bool {
        let snapshot = self.shared.hub.snapshot();
        let state = snapshot.state();
        let runs = state.live_runs.iter().filter_map(|it| state.runs.get(it));
        runs.into_iter().any(|run| {
            run.plan.all_steps().into_iter().any(|step| {
                let by = run.step(&step.id).and_then(|it| it.agent.as_ref().or(it.by.as_ref()));
                matches!(&step.action, Action::Repeat(RepeatAction { operator: Some(it), .. })
                    if by.or_else(|| run.roles.get(&it.role)) == Some(&self.pass.agent))
            })
        })
    }

    async fn act(&self, turn: &Turn, act: Act) -> Result<Answer, String> {
        let event = Event::Used { agent: self.pass.agent.clone(), turn: turn.id, act };
        self.shared.hub.ask(event).await.map(|it| it.answer).map_err(|it| it.message)
    }

    /// Asks a person and waits for the answer, at most until the turn is over or the program no longer waits.
    async fn ask_human(&self, turn: &Turn, asked: table::AskHuman) -> Result<String, String> {
        let table::AskHuman { question, choices } = asked;
        if question.trim().is_empty() || question.len() > MOST_QUESTION {
            return Err(format!(
                "a question has 1 to {MOST_QUESTION} bytes; put longer text in a file and name its path"
            ));
        }
        let choices: Vec<String> = choices.iter().take(MOST_CHOICES).map(|it| discreet(it)).collect();
        let (asking, key) = self.toolbox.asking(turn.id);
        let wish = Wish::Question(Question { text: discreet(&question), choices });
        let ask = Box::new(Ask { key: key.clone(), wish });
        let mut snapshots = self.shared.hub.watch();
        self.shared.hub.ask(Event::Asked { turn: turn.id, ask }).await.map_err(|it| it.message)?;
        // Withdrawn, wherever this ends without an answer: a call whose program has gone is dropped here.
        let mut asked = Asked { hub: self.shared.hub.clone(), turn: turn.id, key: Some(key.clone()), _asking: asking };
        loop {
            let reply = {
                let snapshot = snapshots.borrow_and_update();
                let turn = snapshot.state().turn(turn.id).filter(|it| it.ended.is_none());
                turn.and_then(|it| it.asks.get(key.as_str()).cloned())
            };
            match reply {
                Some(None) => {}
                Some(Some(reply)) => {
                    asked.key = None;
                    return match reply {
                        AskReply::Answer { text } => Ok(text),
                        AskReply::Allow { .. } => Ok("Yes.".to_owned()),
                        AskReply::Deny { reason } if reason.is_empty() => {
                            Err("the developer does not answer".to_owned())
                        }
                        AskReply::Deny { reason } => Err(format!("the developer does not answer: {reason}")),
                    };
                }
                None => return Err("it can't be asked now: the turn is ending, or asks too much already".to_owned()),
            }
            if snapshots.changed().await.is_err() {
                return Err("the hub ended before there was an answer".to_owned());
            }
        }
    }

    /// An operator's move. What may not be is refused, with the reason recorded.
    async fn make_move(&self, turn: &Turn, name: &str, args: Value) -> Result<String, String> {
        let Value::Object(mut fields) = args else { return Err(format!("{name}: its arguments are an object")) };
        fields.insert("move".to_owned(), Value::String(name.to_owned()));
        let wanted: Value = serde_json::from_str(&discreet(&Value::Object(fields).to_string()))
            .map_err(|_| "its words hold a secret where a value must be; leave it out".to_owned())?;
        if let Answer::MoveRefused(why) = self.act(turn, Act::Move(operator::read_one(&wanted))).await? {
            Err(format!("refused: {why}"))
        } else {
            // The turn has its result with that, unless it gives more moves in words.
            let moves = serde_json::json!({ "moves": [] });
            self.toolbox.hand_in(turn.id, TypedResult::Json(JsonResult { value: moves }));
            Ok("taken; make another move, or end your turn".to_owned())
        }
    }

    async fn hand_in(&self, turn: &Turn, result: &Value) -> Result<String, String> {
        let expects = turn.sent.as_ref().map(|it| it.expects.clone()).unwrap_or_default();
        // A model may well hand in its JSON as a text.
        let json = result.as_str().map_or_else(|| result.to_string(), ToOwned::to_owned);
        let read = result::parse(&Redactor::of_shapes().redact(&json), &expects);
        let result = read.map_err(|why| format!("{why}. Mend it and hand in the whole result again."))?;
        if !result.fits(&expects) {
            return Err(format!("a {} result was asked for, not {}", expects.name(), result.kind_name()));
        }
        self.act(turn, Act::HandIn(result.clone())).await?;
        let kind = result.kind_name();
        self.toolbox.hand_in(turn.id, result);
        Ok(format!("your {kind} result is taken; end your turn, or hand in another to replace it"))
    }
}

/// A question that is withdrawn where it has no answer when the value is dropped.
struct Asked {
    hub: Hub,
    turn: TurnId,
    key: Option<String>,
    _asking: Asking,
}

impl Drop for Asked {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.hub.tell(Event::AskWithdrawn { turn: self.turn, key });
        }
    }
}

fn args_of<T: DeserializeOwned>(tool: &str, args: Value) -> Result<T, String> {
    serde_json::from_value(args).map_err(|err| format!("{tool}: {err}"))
}

/// What an agent writes is not to bring a key into the journal.
fn discreet(text: &str) -> String {
    Redactor::of_shapes().redact(text).into_owned()
}

/// Makes a finding of what was reported, with the bounds that a result's findings have.
fn draft(report: &table::Report) -> Result<FindingDraft, String> {
    let json = serde_json::json!({ "kind": "review", "verdict": "changes_requested", "findings": [report] });
    let text = Redactor::of_shapes().redact(&json.to_string()).into_owned();
    match result::parse(&text, &crate::outcome::ResultKind::Review)? {
        TypedResult::Review(review) => {
            review.findings.into_iter().next().ok_or_else(|| "there is no finding in it".to_owned())
        }
        _ => Err("a finding could not be read from it".to_owned()),
    }
}

fn unexpected(answer: &Answer) -> String {
    format!("the hub answered with {answer:?}; this is a fault of Callboard")
}
