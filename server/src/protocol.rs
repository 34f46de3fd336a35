//! The wire: every `callboard/*` method with its params and its result, mirrored by `docs/protocol.md`.
//!
//! State first: a client subscribes with the revision that it has, and gets the present form of all that changed since.
//! An item replaces the one with the same id; there is nothing to merge, so a client that was away catches up by itself.
//! Requests that change something answer when the change is durable. All params are objects; all their fields have defaults
//! where that makes sense, so that an empty Lua table is taken too.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    agent::{AgentClaim, AgentInfo},
    ask::Scope,
    document::Decision,
    finding::{Finding, FindingState},
    hub::event::RefusalCode,
    ids::{AgentName, ChannelName, FindingId, MessageId, PauseId, RuleId, RunId, StepId, Timestamp, TurnId},
    outcome::{Failure, TypedResult, Usage},
};

mod agents;
mod changes;
mod compose;
mod greeting;
mod hub;
mod leases;
mod runs;
mod talk;
mod terminal;
mod workflows;
mod worktrees;

pub use self::{
    agents::{ForkParams, Forked, HandBackParams, TakeOverParams, TakenStage, TakenView},
    changes::{DiffParams, DiffResult, FileChange, FileDiff, FileNote, UndoParams, UndoResult},
    compose::{CompleteItem, CompleteParams, CompleteResult, OfferKind},
    greeting::{ClientOptions, OnCancel, SaveBuffersParams, SaveBuffersResult, ServerOffer},
    hub::{HubStatus, ReloadResult, TrustParams, TrustResult},
    leases::{CollisionView, LeaseView},
    runs::{EditPlanParams, EditPlanResult, HistoryParams, PastStep, PlanText, PlanTextParams, Players, RunHistory},
    talk::{
        About, Author, ChannelView, CreateChannelParams, DeliveryState, DeliveryView, MessageView, MessagesParams,
        MessagesResult, PostParams, Posted, SentParams, TurnView, WithdrawParams,
    },
    terminal::{
        TerminalColor, TerminalCursor, TerminalForm, TerminalFrame, TerminalInputParams, TerminalResizeParams,
        TerminalRow, TerminalRun, TerminalScrollback, TerminalScrollbackParams, TerminalSize, TerminalState,
        UnwatchTerminalParams, WatchTerminalParams, WatchTerminalResult,
    },
    workflows::{InputView, RoleView, RunTurn, TurnsParams, WorkflowView},
    worktrees::{RemoveWorktreeParams, WorktreeState, WorktreeView, WorktreesResult},
};

/// The version of this protocol. It is in the socket's name, and changes only when an older peer could misread a newer one.
pub const PROTOCOL: u32 = 1;

/// The names of the methods, one constant each.
pub mod method {
    /// Request: post a message.
    pub const POST: &str = "callboard/post";
    /// Request: make a channel.
    pub const CREATE_CHANNEL: &str = "callboard/createChannel";
    /// Request: the channels.
    pub const CHANNELS: &str = "callboard/channels";
    /// Request: messages of a channel.
    pub const MESSAGES: &str = "callboard/messages";
    /// Request: take back a delivery that has not started.
    pub const WITHDRAW: &str = "callboard/withdraw";
    /// Request: what an agent was sent.
    pub const SENT: &str = "callboard/sent";
    /// What can be written at a place of a message.
    pub const COMPLETE: &str = "callboard/complete";
    /// Request: what can be started.
    pub const WORKFLOWS: &str = "callboard/workflows";
    /// Request: start a workflow.
    pub const RUN: &str = "callboard/run";
    /// Request: the runs.
    pub const RUNS: &str = "callboard/runs";
    /// Request: the turns that a run took.
    pub const TURNS: &str = "callboard/turns";
    /// Request: the workflow that a run is pinned to.
    pub const PLAN: &str = "callboard/plan";
    /// Request: what the rounds of a run that are over came to.
    pub const HISTORY: &str = "callboard/history";
    /// Request: a run's plan as a workflow file.
    pub const PLAN_TEXT: &str = "callboard/planText";
    /// Request: change what is left to do of a run.
    pub const EDIT_PLAN: &str = "callboard/editPlan";
    /// Request: what waits for a person.
    pub const INBOX: &str = "callboard/inbox";
    /// Request: answer a pause point.
    pub const DECIDE: &str = "callboard/decide";
    /// Request: the permissions that are remembered.
    pub const PERMISSIONS: &str = "callboard/permissions";
    /// Request: take a remembered permission back.
    pub const REVOKE_PERMISSION: &str = "callboard/revokePermission";
    /// Request: pause now.
    pub const PAUSE: &str = "callboard/pause";
    /// Request: go on after a pause now.
    pub const RESUME: &str = "callboard/resume";
    /// Request: end a run.
    pub const CANCEL: &str = "callboard/cancel";
    /// Request: what the agents of a run changed.
    pub const DIFF: &str = "callboard/diff";
    /// Request: put back what a run, or a step of it, changed.
    pub const UNDO: &str = "callboard/undo";
    /// Request: the worktrees that are needed or kept.
    pub const WORKTREES: &str = "callboard/worktrees";
    /// Request: let a kept worktree go, with all that is in it.
    pub const REMOVE_WORKTREE: &str = "callboard/removeWorktree";
    /// Request: the agents.
    pub const AGENTS: &str = "callboard/agents";
    /// Request: take an agent over: its session opens in its program's own screen, on its terminal.
    pub const TAKE_OVER: &str = "callboard/takeOver";
    /// Request: hand an agent back.
    pub const HAND_BACK: &str = "callboard/handBack";
    /// Request: have another instance of an agent start from its session.
    pub const FORK: &str = "callboard/fork";
    /// Request: the findings.
    pub const FINDINGS: &str = "callboard/findings";
    /// Request: settle a finding.
    pub const SETTLE_FINDING: &str = "callboard/settleFinding";
    /// Request: what changed since a revision, and everything after it, by `callboard/feed`. At least one feed follows, an
    /// empty one where nothing changed; the answer itself only says the revision that the hub is at.
    pub const SUBSCRIBE: &str = "callboard/subscribe";
    /// Notification from the server: what changed.
    pub const FEED: &str = "callboard/feed";
    /// Request: frames of an agent's terminal, from now on.
    pub const WATCH_TERMINAL: &str = "callboard/watchTerminal";
    /// Request: no more frames of it.
    pub const UNWATCH_TERMINAL: &str = "callboard/unwatchTerminal";
    /// Notification from the server: what changed on a terminal.
    pub const TERMINAL_FRAME: &str = "callboard/terminalFrame";
    /// Request: type into a terminal.
    pub const TERMINAL_INPUT: &str = "callboard/terminalInput";
    /// Request: give a terminal another size.
    pub const TERMINAL_RESIZE: &str = "callboard/terminalResize";
    /// Request: lines that left the top of a terminal.
    pub const TERMINAL_SCROLLBACK: &str = "callboard/terminalScrollback";
    /// Request from the server: save these buffers.
    pub const SAVE_BUFFERS: &str = "callboard/saveBuffers";
    /// Request: read trust, the catalogue and the configuration again.
    pub const RELOAD: &str = "callboard/reload";
    /// Request: what trusting the workspace would allow, and, with the digest of what was shown, the trust itself.
    pub const TRUST: &str = "callboard/trust";
    /// Request: what hub this is.
    pub const HUB_STATUS: &str = "callboard/hubStatus";
    /// Request: end the hub.
    pub const STOP_HUB: &str = "callboard/stopHub";

    /// All requests; a test holds the list together with the constants.
    #[rustfmt::skip]
    pub const REQUESTS: &[&str] = &[
        POST, CREATE_CHANNEL, CHANNELS, MESSAGES, WITHDRAW, SENT, COMPLETE, RUN, RUNS, TURNS, PLAN, WORKFLOWS, INBOX,
        HISTORY, PLAN_TEXT, EDIT_PLAN,
        DECIDE, PERMISSIONS, REVOKE_PERMISSION,
        PAUSE, RESUME, CANCEL, DIFF, UNDO, WORKTREES, REMOVE_WORKTREE, AGENTS, TAKE_OVER, HAND_BACK, FORK,
        FINDINGS, SETTLE_FINDING,
        SUBSCRIBE, WATCH_TERMINAL,
        UNWATCH_TERMINAL, TERMINAL_INPUT, TERMINAL_RESIZE, TERMINAL_SCROLLBACK, RELOAD, TRUST, HUB_STATUS,
        STOP_HUB,
    ];

    /// All requests from the server.
    pub const ASKED: &[&str] = &[SAVE_BUFFERS];

    /// All notifications from the server.
    pub const NOTIFICATIONS: &[&str] = &[FEED, TERMINAL_FRAME];
}

/// Params of a method that takes none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Nothing {}

/// Result of a method that changes something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// The revision at which the change is in.
    pub rev: u64,
}

/// Params of `callboard/run`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunParams {
    /// The workflow's name.
    pub workflow: String,
    /// What it is told.
    pub inputs: BTreeMap<String, serde_json::Value>,
    /// Who plays which role: one agent, or a list for a role that several play.
    pub roles: BTreeMap<String, Players>,
    /// Where it is shown.
    pub channel: Option<ChannelName>,
    /// Chosen by the sender: a second start with the same key is the first one's.
    pub key: Option<String>,
}

/// Result of `callboard/run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The run.
    pub run: RunId,
    /// The revision at which it is in.
    pub rev: u64,
}

/// Params of `callboard/runs`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RunsParams {
    /// Only this one.
    pub run: Option<RunId>,
    /// Only those that have not ended.
    pub live: bool,
}

/// Params of `callboard/plan`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanParams {
    /// Which run.
    pub run: RunId,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunView {
    /// Its id.
    pub id: RunId,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's title.
    pub title: String,
    /// The hash that the run is pinned to.
    pub hash: String,
    /// Where it is shown.
    pub channel: ChannelName,
    /// The message that its thread began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<MessageId>,
    /// Who started it.
    pub by: String,
    /// When.
    pub started: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Where it stands.
    pub status: RunStatus,
    /// Why it stands there, in words, where that needs words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What it was told.
    pub inputs: BTreeMap<String, serde_json::Value>,
    /// Who plays which role; of a role that several play, the first.
    pub roles: BTreeMap<String, AgentName>,
    /// Who plays the roles that several agents may play, in the order of their seats.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub casts: BTreeMap<String, Vec<AgentName>>,
    /// Its steps in the file's order, children behind their parents.
    pub steps: Vec<StepView>,
    /// Turns taken so far.
    pub turns: u32,
    /// What it used, as far as agents reported it.
    pub usage: Usage,
    /// How many files its agents changed, as far as they are known: up to 1,000.
    #[serde(default)]
    pub changed_files: u32,
    /// Files that several of its agents, or one and a person, changed at the same time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub collisions: Vec<CollisionView>,
    /// Revision of its last change.
    pub rev: u64,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RunStatus {
    /// Something is being done.
    Running,
    /// Nothing goes on until a person answers.
    Waiting,
    /// A person said "pause now".
    Held,
    /// Ended: the reviews approve.
    Approved,
    /// Ended: all steps are over.
    Done,
    /// Ended: a step failed and the workflow says so.
    Failed,
    /// Ended: a person rejected it.
    Rejected,
    /// Ended: a person stopped it.
    Stopped,
}

impl RunStatus {
    /// Returns whether the run is over.
    pub fn has_ended(self) -> bool {
        matches!(self, Self::Approved | Self::Done | Self::Failed | Self::Rejected | Self::Stopped)
    }
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Its id.
    pub id: StepId,
    /// Its title, or its id where it has none.
    pub title: String,
    /// Of a step that is done for each item of a list: its item, in short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<String>,
    /// How deep it stands: 0 for the outermost list.
    pub depth: u32,
    /// Where it stands.
    pub status: StepStatus,
    /// The lap of the loop that it is in, from 1; 0 outside a loop.
    pub round: u32,
    /// The try, from 1; 0 before the first.
    pub attempt: u32,
    /// Who does it, where an agent does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// The turn that it is in, or was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// The pause that it waits at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause: Option<PauseId>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<TypedResult>,
    /// Its failure, the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What its turns used in this round, as far as its agent reported it.
    #[serde(default, skip_serializing_if = "Usage::is_unknown")]
    pub usage: Usage,
    /// Of a part that an agent operates: what that decided, oldest first: the last fifty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub decided: Vec<DecidedView>,
}

/// Something that an operator decided, or wanted and was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecidedView {
    /// In which of its turns.
    pub turn: TurnId,
    /// The move in words.
    pub what: String,
    /// Why; of a refused one why it was refused.
    pub why: String,
    /// Whether it was refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StepStatus {
    /// What it needs is not over yet.
    Waiting,
    /// Its turn is in the agent's queue.
    Queued,
    /// It is going on.
    Running,
    /// It waits to be tried again.
    Backoff,
    /// It waits for a person.
    Paused,
    /// Over, with a result.
    Done,
    /// Over, without one: its condition was false, or it was told to be skipped.
    Skipped,
    /// Over: it failed.
    Failed,
}

/// A thing that waits for a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PauseView {
    /// Its id.
    pub id: PauseId,
    /// Why it waits.
    pub kind: PauseKind,
    /// One line: what is asked.
    pub title: String,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The channel.
    pub channel: ChannelName,
    /// Since when.
    pub opened: Timestamp,
    /// What is shown: Markdown, the text that an edit changes.
    pub document: String,
    /// SHA-256 of the document, in hex. A decision must carry it.
    pub hash: String,
    /// The decisions that it takes, the usual one first.
    pub decisions: Vec<String>,
    /// Which files that steer programs (CI, hooks, builds, editors, agents) the run has changed, in words; empty where there are
    /// none, or it asks for something else. Nobody but a person approves it then.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub steering: String,
    /// What asks, where it is a permission or a question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskView>,
    /// How it was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Answered>,
    /// Revision of its last change.
    pub rev: u64,
}

/// What of a permission or a question a client needs beside the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskView {
    /// The turn that waits.
    pub turn: TurnId,
    /// Whose turn.
    pub agent: AgentName,
    /// The tool, where it is a permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The scopes that an approval may have, the shortest first; none where it is a question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Scope>,
    /// Answers to choose from, where it is a question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// Why something waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PauseKind {
    /// A step of the workflow is a pause.
    Step,
    /// A step failed.
    Failure,
    /// A limit was reached: rounds, turns, time, tokens, money, hops.
    Limit,
    /// A loop only repeats itself, or all that is left was declined.
    Stuck,
    /// What a step did in its worktree and what is in the work tree now don't go together.
    Conflict,
    /// What was typed into a file and what was written to it on the disk do not go together.
    Clash,
    /// An agent asks for a permission, and its turn waits.
    Permission,
    /// An agent asks a question, and its turn waits.
    Question,
    /// What the workspace configures was changed since a person trusted it, and a step needs it.
    Trust,
}

/// How a pause was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Answered {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub decision: Decision,
    /// The hash of what was shown.
    pub hash: String,
}

/// Params of `callboard/inbox`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct InboxParams {
    /// Only this one, answered or not.
    pub pause: Option<PauseId>,
    /// Answered ones too.
    pub all: bool,
}

/// Params of `callboard/decide`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecideParams {
    /// Which pause.
    pub pause: PauseId,
    /// The answer.
    #[serde(flatten)]
    pub decision: Decision,
    /// SHA-256, in hex, of the document that the person was shown.
    pub hash: String,
    /// For how long a permission is given, where one is approved: `once` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<Scope>,
}

/// Params of `callboard/permissions`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PermissionsParams {
    /// Those that no longer hold too.
    pub all: bool,
}

/// Params of `callboard/revokePermission`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevokePermissionParams {
    /// Which.
    pub permission: RuleId,
}

/// Params of `callboard/pause`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HoldParams {
    /// Which run; the whole workspace where absent.
    pub run: Option<RunId>,
    /// Whether turns that are going on are interrupted too.
    pub interrupt: bool,
}

/// Params of `callboard/resume`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ReleaseParams {
    /// Which run; the whole workspace where absent.
    pub run: Option<RunId>,
}

/// Params of `callboard/cancel`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CancelParams {
    /// Which run.
    pub run: RunId,
}

/// An agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgentView {
    /// What the catalogue says of it.
    pub info: AgentInfo,
    /// What is believed of it, and why.
    pub claim: AgentClaim,
    /// Since when.
    pub since: Timestamp,
    /// The turn that it is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<TurnId>,
    /// Who has taken it over, where somebody has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<TakenView>,
    /// How many turns wait in its queue.
    pub queued: u32,
    /// What its turns used, as far as they reported it.
    #[serde(default)]
    pub usage: Usage,
    /// The files that it is changing, as far as that is known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<LeaseView>,
    /// Revision of its last change.
    pub rev: u64,
}

/// Params of `callboard/findings`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FindingsParams {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Settled ones too.
    pub all: bool,
}

/// Params of `callboard/settleFinding`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettleFindingParams {
    /// Which.
    pub finding: FindingId,
    /// `dismiss`, `accept` or `reopen`.
    pub how: String,
    /// Why: needed to dismiss.
    #[serde(default)]
    pub reason: String,
}

/// Params of `callboard/subscribe`. A second call replaces the first.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct SubscribeParams {
    /// The revision that the client has: 0 for everything, absent for what comes from now on.
    pub since: Option<u64>,
    /// Only what belongs to this run.
    pub run: Option<RunId>,
    /// Only what belongs to this channel.
    pub channel: Option<ChannelName>,
}

/// A notification `callboard/feed`: what changed up to a revision, oldest change first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    /// The revision that the client has with this.
    pub rev: u64,
    /// The present form of each thing that changed.
    pub items: Vec<Item>,
}

/// One thing in its present form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "item", rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "agents are few; what there are many of is boxed")]
pub enum Item {
    /// A channel.
    Channel(ChannelView),
    /// A message.
    Message(Box<MessageView>),
    /// A run.
    Run(Box<RunView>),
    /// A pause.
    Pause(Box<PauseView>),
    /// An agent.
    Agent(AgentView),
    /// A finding.
    Finding(Box<Finding>),
}

impl Item {
    /// Returns the revision of the thing's last change.
    pub fn rev(&self) -> u64 {
        match self {
            Self::Channel(it) => it.rev,
            Self::Message(it) => it.rev,
            Self::Run(it) => it.rev,
            Self::Pause(it) => it.rev,
            Self::Agent(it) => it.rev,
            Self::Finding(it) => it.rev,
        }
    }

    /// Returns what names the thing among all: an item replaces the one with the same key.
    pub fn key(&self) -> String {
        match self {
            Self::Channel(it) => it.name.to_string(),
            Self::Message(it) => it.id.to_string(),
            Self::Run(it) => it.id.to_string(),
            Self::Pause(it) => it.id.to_string(),
            Self::Agent(it) => it.info.name.to_string(),
            Self::Finding(it) => it.id.to_string(),
        }
    }
}

/// The `data` of an error answer: what a program can match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorData {
    /// The class.
    pub code: RefusalCode,
}

/// The JSON-RPC code of every refusal; the class is in its `data`.
pub const REFUSED: i64 = -32_050;

/// States of findings that a list leaves out unless all are asked for.
pub fn is_settled(state: &FindingState) -> bool {
    matches!(state, FindingState::Fixed | FindingState::Dismissed { .. } | FindingState::Accepted { .. })
}
