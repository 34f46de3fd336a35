//! Everything that can wake the hub: one closed enum, so that all causes can be read in one place.

use std::{collections::BTreeMap, sync::Arc};

use super::record::ShownDiff;
use crate::{
    agent::{AgentClaim, AgentInfo},
    ask::{Ask, Scope},
    document::Decision,
    finding::{FindingDraft, Place},
    hub::operator::Reasoned,
    ids::{
        AgentName, ChannelName, FindingId, MessageId, PauseId, RuleId, RunId, StepId, Timestamp, TurnId, WorktreeId,
    },
    outcome::{TurnOutcome, TypedResult, Usage},
    protocol::{FileNote, Players},
    workflow::plan::Plan,
};

/// Who is behind a connection. Decided by the kernel's word on the peer, never by what it sends (promise 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, by the name of their account.
    Human(String),
    /// A process that descends from this hub: an agent, or something that one started.
    Agent(Option<AgentName>),
}

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The hub has read its journal, trust and the catalogue: what was going on when the last hub ended is taken up with
    /// the agents and the trust of now. One event, because nothing may start between its parts: it would count as lost.
    Started {
        /// Whether the developer trusts the workspace.
        trusted: bool,
        /// The agents.
        agents: Vec<AgentInfo>,
    },
    /// The developer trusts the workspace, or no longer.
    Trusted(bool),
    /// The catalogue of agents was read again.
    Catalog(Vec<AgentInfo>),
    /// A person or an agent speaks in a channel.
    Post {
        /// Who.
        by: Actor,
        /// Where; the default channel where nobody says.
        channel: Option<ChannelName>,
        /// The message that this one answers.
        thread: Option<MessageId>,
        /// Markdown.
        text: String,
        /// Chosen by the sender; a second post with the same key is the first one's.
        key: Option<String>,
    },
    /// A person makes a channel.
    CreateChannel {
        /// Who.
        by: Actor,
        /// Its name.
        name: ChannelName,
        /// The agent that a message with no mention wakes.
        default_agent: Option<AgentName>,
    },
    /// A person takes back a message's delivery that has not started.
    Withdraw {
        /// Who.
        by: Actor,
        /// The message.
        message: MessageId,
        /// To whom.
        agent: AgentName,
    },
    /// A person starts a workflow.
    StartRun {
        /// Who.
        by: Actor,
        /// What.
        plan: Arc<Plan>,
        /// What the workflow is told; the inputs left out take their defaults.
        inputs: BTreeMap<String, serde_json::Value>,
        /// Who plays which role, where the person chose.
        roles: BTreeMap<String, Players>,
        /// Where it is shown; the plan's channel or the default where nobody says.
        channel: Option<ChannelName>,
        /// Chosen by the sender; a second start with the same key is the first one's.
        key: Option<String>,
    },
    /// A person changes what is left to do of a run.
    EditPlan {
        /// Who.
        by: Actor,
        /// Of which run.
        run: RunId,
        /// The whole plan as it is to be.
        plan: Arc<Plan>,
        /// The hash of the plan that was edited.
        hash: String,
    },
    /// A person answers a pause point.
    Decide {
        /// Who.
        by: Actor,
        /// Which.
        pause: PauseId,
        /// What.
        decision: Decision,
        /// SHA-256 in hex of the document that the person was shown.
        hash: String,
        /// For how long, where it is a permission that is approved; once where nobody says.
        scope: Option<Scope>,
    },
    /// A person takes a remembered permission back.
    RevokePermission {
        /// Who.
        by: Actor,
        /// Which.
        rule: RuleId,
    },
    /// A person stops a run, or everything, at the turn's boundary ("pause now").
    Hold {
        /// Who.
        by: Actor,
        /// Which run; all work of the workspace where absent.
        run: Option<RunId>,
        /// Whether turns that are going on are interrupted too.
        interrupt: bool,
    },
    /// A person lets it go on.
    Release {
        /// Who.
        by: Actor,
        /// Which run; the whole workspace's hold where absent.
        run: Option<RunId>,
    },
    /// A person ends a run.
    Cancel {
        /// Who.
        by: Actor,
        /// Which.
        run: RunId,
    },
    /// A person settles a finding.
    SettleFinding {
        /// Who.
        by: Actor,
        /// Which.
        finding: FindingId,
        /// How.
        how: Settlement,
    },
    /// An agent's turn has really begun: its prompt is being handed over.
    TurnStarted {
        /// Which.
        turn: TurnId,
    },
    /// An agent's turn is over.
    TurnEnded {
        /// Which.
        turn: TurnId,
        /// How.
        outcome: TurnOutcome,
    },
    /// A turn that is about to fail has used this, as far as its program says so.
    Spent {
        /// Which.
        turn: TurnId,
        /// What.
        usage: Usage,
    },
    /// A turn asks a person something and waits. Its reply is `Effect::AnswerAsk`; the turn's end withdraws it.
    Asked {
        /// Which turn.
        turn: TurnId,
        /// What.
        ask: Box<Ask>,
    },
    /// A turn no longer wants to be answered: its program has given up waiting.
    AskWithdrawn {
        /// Which turn.
        turn: TurnId,
        /// Which of its asks.
        key: String,
    },
    /// A turn goes on in this session of its program, which is how the next one goes on there too.
    SessionKnown {
        /// Which turn.
        turn: TurnId,
        /// Where it works, as its request says: a program may keep its sessions by folder.
        place: String,
        /// The program's own id of it.
        session: String,
        /// Why the session before could not be gone on with, where one was to be.
        lost: Option<String>,
    },
    /// A person takes an agent over: they speak with it in its program's own screen, and its turns wait.
    TakeOver {
        /// Who.
        by: Actor,
        /// Which.
        agent: AgentName,
        /// Whether to wait for the end of the turn that it is on. Refused where it is on one and nobody waits.
        after_turn: bool,
    },
    /// A person hands an agent back.
    HandBack {
        /// Who.
        by: Actor,
        /// Which.
        agent: AgentName,
    },
    /// A person has another instance of an agent start from its session.
    Fork {
        /// Who.
        by: Actor,
        /// Whose session.
        agent: AgentName,
        /// Which instance starts from it; one that is free where nobody says.
        to: Option<AgentName>,
    },
    /// Something came of a take-over.
    TakeOverCame {
        /// Whose.
        agent: AgentName,
        /// Which.
        number: u64,
        /// What.
        came: TakeOverCame,
    },
    /// A driver believes something else of an agent than before.
    AgentChanged {
        /// Which.
        agent: AgentName,
        /// What, and why.
        claim: AgentClaim,
    },
    /// An agent reports a finding outside a typed result.
    FindingReported {
        /// Who.
        agent: AgentName,
        /// What.
        finding: FindingDraft,
    },
    /// An agent uses one of Callboard's tools in its turn.
    Used {
        /// Who, by the pass that the hub's shell made for its program.
        agent: AgentName,
        /// In which turn.
        turn: TurnId,
        /// What it does.
        act: Act,
    },
    /// An agent is told what open buffers hold that is not saved.
    BuffersGiven {
        /// In which turn.
        turn: TurnId,
        /// What is added to its prompt.
        text: Arc<str>,
    },
    /// An agent is given files and differences that its step names.
    ContextGiven {
        /// In which turn.
        turn: TurnId,
        /// What is added to its prompt.
        text: Arc<str>,
    },
    /// An agent's program says that it changes files, or that it is done with it.
    Touched {
        /// In which turn.
        turn: TurnId,
        /// The files, by their paths from the root.
        paths: Vec<String>,
        /// Whether it is done.
        over: bool,
    },
    /// Files changed on the disk while several turns may change files, and no program said so.
    Seen {
        /// The files, by their paths from the root.
        paths: Vec<String>,
    },
    /// A person saved a file in an editor.
    Saved {
        /// Who.
        by: Actor,
        /// The file's path from the root.
        path: String,
    },
    /// Findings were followed in a file.
    Followed {
        /// Where they stand.
        file: FollowedFile,
    },
    /// What was typed into a file and what was written to it on the disk do not go together.
    Clashed {
        /// At the end of which turn; absent where it was no turn's doing.
        turn: Option<TurnId>,
        /// What.
        clash: Box<TextClash>,
    },
    /// The text that a person chose at a clash is in the editors, or can't be put there.
    TextPut {
        /// The clash.
        pause: PauseId,
        /// Why it is not there; empty where it is.
        why: String,
    },
    /// A person wants what a run changed put back.
    Undo {
        /// Who.
        by: Actor,
        /// Which run.
        run: RunId,
        /// Only what this step changed.
        step: Option<StepId>,
        /// Whether what others changed since is replaced too.
        force: bool,
    },
    /// A checkpoint was taken, or could not be.
    CheckpointTaken {
        /// Which.
        checkpoint: u64,
        /// What came of it.
        outcome: CheckpointOutcome,
    },
    /// An undo is over.
    UndoEnded {
        /// Which.
        undo: u64,
        /// What came of it.
        outcome: UndoOutcome,
    },
    /// What was to be done with a worktree is done, or could not be.
    Worktree {
        /// Which.
        worktree: WorktreeId,
        /// What came of it.
        came: WorktreeCame,
    },
    /// A person lets a kept worktree go, with all that is in it.
    RemoveWorktree {
        /// Who.
        by: Actor,
        /// Which.
        worktree: WorktreeId,
    },
    /// A time that the state asked to be woken at has come.
    Tick,
}

/// What an agent does by a tool.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// It posts a message as itself.
    Post {
        /// Where; the turn's own channel where it does not say.
        channel: Option<ChannelName>,
        /// The message that it answers; the turn's own thread where it names neither this nor a channel.
        thread: Option<MessageId>,
        /// Markdown.
        text: String,
    },
    /// It reports a finding.
    Report(FindingDraft),
    /// It hands in its result. The shell has found that it has the form that was asked for.
    HandIn(TypedResult),
    /// As operator it makes a move, or wants one that can't be read: then what in words, and why not.
    Move(Result<Reasoned, (String, String)>),
}

/// A text in an editor and a text on the disk that do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextClash {
    /// The file's path from the root.
    pub path: String,
    /// What the developer has.
    pub mine: Arc<str>,
    /// What is on the disk.
    pub theirs: Arc<str>,
    /// From the former to the latter, as people read it.
    pub difference: String,
}

/// Where the findings of a file stand in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedFile {
    /// The file's path from the root.
    pub path: String,
    /// Its text now, by its hash; none where there is none that can be compared.
    pub text: Option<Arc<str>>,
    /// The findings.
    pub findings: Vec<FollowedFinding>,
}

/// Where a finding stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowedFinding {
    /// Which.
    pub id: FindingId,
    /// The base that its place was told by.
    pub base: Option<Arc<str>>,
    /// Its place now.
    pub place: Place,
    /// Whether the text that it spoke of is another now.
    pub stale: bool,
    /// What it speaks of.
    pub said: Option<Arc<str>>,
}

/// What came of a take-over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeOverCame {
    /// The agent is the person's now.
    Opened {
        /// Where it works, as a turn's request says it.
        place: String,
        /// The session that its screen has open, where its program has names for them.
        session: Option<String>,
    },
    /// It could not be opened, or is over.
    Over {
        /// Why.
        why: String,
    },
}

/// What came of a checkpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckpointOutcome {
    /// The tree, or why there is none.
    pub tree: Option<Arc<str>>,
    /// Why there is none.
    pub why: String,
    /// Files that are not in it: the first of them.
    pub left_out: Vec<FileNote>,
    /// Files that changed since the checkpoint that the effect named: the first of them.
    pub changed: Vec<String>,
    /// How they changed, as far as it is shown at a pause.
    pub diffs: Vec<ShownDiff>,
}

/// What came of an undo.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UndoOutcome {
    /// The files that are as they were before.
    pub files: Vec<String>,
    /// The files that are left as they are.
    pub clashes: Vec<FileNote>,
    /// Why nothing could be done at all; empty where it could.
    pub why: String,
}

/// What came of something that was to be done with a worktree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorktreeCame {
    /// It was made.
    Made {
        /// The tree that it was made of.
        tree: Arc<str>,
        /// Its folder.
        folder: String,
        /// What is not in it, with why: the first of it.
        notes: Vec<FileNote>,
    },
    /// What is in it was taken.
    Taken {
        /// As this tree.
        tree: Arc<str>,
        /// Files that are not in the tree, with why: the first of them.
        left_out: Vec<FileNote>,
    },
    /// It was merged.
    Merged {
        /// The files that it changed: the first of them.
        files: Vec<String>,
    },
    /// Both sides changed the same.
    Conflicts {
        /// The files.
        files: Vec<FileConflict>,
        /// The tree that the worktree stands on now, where it was brought up to the work tree.
        base: Option<Arc<str>>,
    },
    /// Its folder is gone, or is kept for what is in it.
    Gone {
        /// Why it is kept; empty where it is gone.
        kept: String,
    },
    /// It could not be done.
    Failed {
        /// Why.
        why: String,
    },
}

/// A file that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileConflict {
    /// Where.
    pub path: String,
    /// How.
    pub why: String,
    /// Both sides with marks around them, where the file has them so in the worktree; the text where it can be shown and edited.
    pub marked: Option<Option<Arc<str>>>,
}

/// How a person settles a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It is none; the reason goes back to the reviewers.
    Dismiss(String),
    /// Known and lived with.
    Accept,
    /// To be dealt with after all.
    Reopen,
}

/// An event with the time at which the shell took it in.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// What an event that asks for something gets back, once its records are durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is done, or there was nothing to do.
    Done,
    /// This message was posted.
    Posted(MessageId),
    /// This run was started.
    Started(RunId),
    /// This undo has begun: the state says when it is over.
    Undoing(u64),
    /// This instance starts from the session.
    Forked(AgentName),
    /// This finding was recorded, or is known.
    Found(FindingId),
    /// An operator's move may not be, which is recorded: why.
    MoveRefused(String),
}

/// Why an event was refused: nothing was recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// What, where, and what to do next.
    pub message: String,
}

impl Refusal {
    /// Makes a refusal.
    pub fn new(code: RefusalCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// The kinds of refusal, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCode {
    /// No such run, pause, message, agent, channel or finding.
    NotFound,
    /// It exists already.
    Exists,
    /// A value is not what it must be.
    Invalid,
    /// Only a person may do this.
    HumansOnly,
    /// The pause was answered before; the message says by whom.
    AlreadyAnswered,
    /// What was shown is not what is there now.
    Changed,
    /// The workspace is not trusted.
    Untrusted,
    /// No agent can play a role.
    NoAgent,
    /// Too much at once.
    Busy,
    /// The journal can't be written; nothing was recorded.
    Journal,
}
