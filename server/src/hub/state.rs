//! The state of a workspace: what the records come to.
//!
//! All maps are persistent: a clone shares everything and costs a few reference counts, so that a snapshot, and a try at an
//! event that is then refused, cost nothing that grows with the history.

use std::{collections::BTreeMap, sync::Arc};

use imbl::{OrdMap, OrdSet, Vector};

use super::{
    event::UndoOutcome,
    leases::Files,
    record::{Cause, CheckpointWhen, Sent, Subject, TurnEnd},
    run::Run,
};
use crate::{
    agent::{AgentClaim, AgentInfo, Session},
    ask::{AskReply, Rule},
    finding::Finding,
    ids::{
        AgentName, ChannelName, FindingId, MessageId, PauseId, RuleId, RunId, StepId, Timestamp, TurnId, WorktreeId,
    },
    outcome::{TypedResult, Usage},
    protocol::{About, Answered, Author, DeliveryView, FileNote, PauseKind, TakenStage, WorktreeState},
    workflow::plan::Isolation,
};

/// How many ended turns keep their prompt in memory. The journal keeps all.
pub const PROMPTS_KEPT: usize = 500;

/// How many places' sessions of an agent are remembered.
pub const SESSIONS_KEPT: usize = 64;

/// How many sender's keys are remembered.
pub const KEYS_KEPT: usize = 10_000;

/// The state of a workspace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The number of the last record in it.
    pub rev: u64,
    /// Whether the developer trusts the workspace. Nothing is started before.
    pub trusted: bool,
    /// Whether a person said "pause now" for all of it.
    pub held: bool,
    /// The channels.
    pub channels: OrdMap<ChannelName, Arc<Channel>>,
    /// The messages; number N is at N − 1.
    pub messages: Vector<Arc<Message>>,
    /// The agents.
    pub agents: OrdMap<AgentName, Arc<AgentEntry>>,
    /// The turns; number N is at N − 1.
    pub turns: Vector<Arc<Turn>>,
    /// Turns that were intended and have not ended.
    pub live_turns: OrdSet<TurnId>,
    /// Ended turns whose prompt is still in memory, oldest first.
    pub prompts: Vector<TurnId>,
    /// The runs.
    pub runs: OrdMap<RunId, Arc<Run>>,
    /// The runs that have not ended.
    pub live_runs: OrdSet<RunId>,
    /// The pauses; number N is at N − 1.
    pub pauses: Vector<Arc<Pause>>,
    /// The pauses that wait.
    pub open_pauses: OrdSet<PauseId>,
    /// Approved clashes whose text is not in the editors yet, as far as is known.
    pub puts: OrdSet<PauseId>,
    /// The checkpoints; number N is at N − 1.
    pub checkpoints: Vector<Arc<CheckpointEntry>>,
    /// Those that were asked for and have not come.
    pub pending_checkpoints: OrdSet<u64>,
    /// The undos; number N is at N − 1.
    pub undos: Vector<Arc<UndoEntry>>,
    /// Those that are not over.
    pub open_undos: OrdSet<u64>,
    /// The worktrees; number N is at N − 1.
    pub worktrees: Vector<Arc<Worktree>>,
    /// Those whose folder is needed, or may still be there.
    pub open_worktrees: OrdSet<WorktreeId>,
    /// The findings; number N is at N − 1.
    pub findings: Vector<Arc<Finding>>,
    /// The findings by what makes them the same.
    pub fingerprints: OrdMap<Arc<str>, FindingId>,
    /// What the senders' keys came to.
    pub keys: OrdMap<Arc<str>, Keyed>,
    /// The keys, oldest first.
    pub key_order: Vector<Arc<str>>,
    /// The times at which something is due.
    pub wakes: OrdSet<(Timestamp, RunId, Option<StepId>)>,
    /// What is known of files that turns change.
    pub files: Files,
    /// The text of its file that a finding's place is in, where it is known.
    pub bases: OrdMap<FindingId, Base>,
    /// The permissions that were remembered; number N is at N − 1.
    pub rules: Vector<Arc<Rule>>,
    /// Those that hold.
    pub live_rules: OrdSet<RuleId>,
    /// The times at which something is done about asks that nobody answers.
    pub due_asks: OrdSet<(Timestamp, PauseId)>,
    /// Every thing that clients see, by the revision that changed it last.
    pub touched: OrdSet<(u64, Key)>,
}

/// What a finding's place is told by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The text of its file that the place is in, by its hash.
    pub text: Arc<str>,
    /// What it spoke of when it was reported.
    pub said: Arc<str>,
}

/// What a sender's key came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyed {
    /// A message.
    Message(MessageId),
    /// A run.
    Run(RunId),
}

/// A thing that clients see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A channel.
    Channel(ChannelName),
    /// A message.
    Message(MessageId),
    /// A run.
    Run(RunId),
    /// A pause.
    Pause(PauseId),
    /// An agent.
    Agent(AgentName),
    /// A finding.
    Finding(FindingId),
}

/// A channel.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name.
    pub name: ChannelName,
    /// The agent that a message with no mention wakes.
    pub default_agent: Option<AgentName>,
    /// Its messages in order.
    pub messages: Vector<MessageId>,
    /// The agents that were addressed or spoke here: whom `@all` means.
    pub members: OrdSet<AgentName>,
    /// What the turns that belong to it used.
    pub usage: Usage,
    /// How often each agent woke each other one since a person last spoke.
    pub pairs: OrdMap<(AgentName, AgentName), u32>,
    /// Revision of the last change.
    pub rev: u64,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Where.
    pub channel: ChannelName,
    /// The message that its thread began with.
    pub thread: Option<MessageId>,
    /// Who.
    pub author: Author,
    /// When.
    pub at: Timestamp,
    /// Markdown.
    pub text: Arc<str>,
    /// What of Callboard it speaks of.
    pub about: About,
    /// How many agents passed the word on since a person last spoke.
    pub hops: u32,
    /// What became of it.
    pub deliveries: Vec<DeliveryView>,
    /// Revision of the last change.
    pub rev: u64,
}

/// An agent.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentEntry {
    /// What the catalogue says.
    pub info: AgentInfo,
    /// What is believed, and why.
    pub claim: AgentClaim,
    /// Since when.
    pub since: Timestamp,
    /// The turn that it is on. Invariant: one at a time.
    pub live: Option<TurnId>,
    /// What its turns used.
    pub usage: Usage,
    /// The turns that wait, in order.
    pub queue: Vector<TurnId>,
    /// The session of its program that it goes on with, by the place where it works.
    pub sessions: OrdMap<Arc<str>, Session>,
    /// The session of another instance that it starts from with its next turn, by the place where it works.
    pub forks: OrdMap<Arc<str>, Session>,
    /// Who has taken it over, where somebody has.
    pub taken: Option<Taken>,
    /// Who spoke with it in its own screen since its last turn.
    pub visitor: Option<Arc<str>>,
    /// What it is told with its next prompt: messages of the system that concern it.
    pub notes: Vector<MessageId>,
    /// Per channel, the last message that a prompt held or passed over.
    pub seen: OrdMap<ChannelName, MessageId>,
    /// Revision of the last change.
    pub rev: u64,
}

/// That a person has taken an agent over.
#[derive(Debug, Clone, PartialEq)]
pub struct Taken {
    /// The record that says so: no other take-over has it.
    pub number: u64,
    /// Who.
    pub by: Arc<str>,
    /// Since when.
    pub since: Timestamp,
    /// How far that is.
    pub stage: TakenStage,
    /// Whether its screen was opened: then the person may have spoken with it.
    pub opened: bool,
}

/// A turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// Whose.
    pub agent: AgentName,
    /// What for.
    pub cause: Cause,
    /// When it was queued.
    pub queued: Timestamp,
    /// The record that says what was sent.
    pub sent_at: Option<u64>,
    /// What was sent; gone from memory some time after its end.
    pub sent: Option<Arc<Sent>>,
    /// When the agent began.
    pub began: Option<Timestamp>,
    /// Whether it is being stopped to be done again.
    pub interrupted: bool,
    /// The result that its agent handed in by the tool; gone when the turn is over.
    pub handed_in: Option<Arc<TypedResult>>,
    /// The findings that its agent reported by the tool.
    pub reported: Vector<FindingId>,
    /// How often its agent used a tool that leaves a record.
    pub acts: u32,
    /// The channel in which its prompt passes messages on, and the last one that its agent had seen there before.
    pub passed: Option<(ChannelName, Option<MessageId>)>,
    /// The notes that its prompt passes on.
    pub notes: Vector<MessageId>,
    /// What it used.
    pub usage: Usage,
    /// What it asks, by the driver's keys: the reply where there is one. Gone with its end.
    pub asks: OrdMap<Arc<str>, Option<AskReply>>,
    /// Why it is stopped, where nobody answered what it asked in time.
    pub given_up: Option<Arc<str>>,
    /// When and how it ended.
    pub ended: Option<(Timestamp, TurnEnd)>,
}

/// A thing that waits for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// Its id.
    pub id: PauseId,
    /// Why.
    pub kind: PauseKind,
    /// What it is about.
    pub subject: Subject,
    /// One line: what is asked.
    pub title: String,
    /// Where it is shown.
    pub channel: ChannelName,
    /// Since when.
    pub opened: Timestamp,
    /// What is shown.
    pub document: Arc<str>,
    /// Its SHA-256, in hex.
    pub hash: String,
    /// The decisions that it takes.
    pub decisions: Vec<String>,
    /// Which files that steer programs its run has changed, in words; may be empty.
    pub steering: Arc<str>,
    /// How it was answered.
    pub answered: Option<Answered>,
    /// Revision of the last change.
    pub rev: u64,
}

/// A checkpoint, and where in the work it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointEntry {
    /// Its number.
    pub id: u64,
    /// Of which run.
    pub run: RunId,
    /// Around which step.
    pub step: Option<StepId>,
    /// Around which turn.
    pub turn: Option<TurnId>,
    /// The lap of the loop around the step.
    pub round: u32,
    /// Why it was taken.
    pub when: CheckpointWhen,
    /// The tree, or why there is none; `None` while it is on its way.
    pub outcome: Option<Result<Arc<str>, Arc<str>>>,
    /// Files that are not in it: the first of them.
    pub left_out: Arc<[FileNote]>,
}

/// A folder in which a step works apart from the developer's files.
#[derive(Debug, Clone, PartialEq)]
pub struct Worktree {
    /// Its id.
    pub id: WorktreeId,
    /// Of which run.
    pub run: RunId,
    /// Of which step.
    pub step: StepId,
    /// The latest turn in it, or the one that waits for it.
    pub turn: TurnId,
    /// What it is set up with beside the work tree.
    pub setup: Arc<Isolation>,
    /// How far it is.
    pub stage: WorktreeStage,
    /// Its folder, once it was made.
    pub folder: Arc<str>,
    /// The tree that it stands on, once it was made.
    pub base: Option<Arc<str>>,
    /// What is in it, as last taken.
    pub tree: Option<Arc<str>>,
    /// Files that are in it and in no tree.
    pub left_out: Arc<[FileNote]>,
    /// What a person made of files in conflict; gone once it is in the folder.
    pub resolved: Arc<BTreeMap<String, Arc<str>>>,
    /// Files with a conflict's marks in them.
    pub marked: Arc<[String]>,
    /// The files that its merge changed: the first of them.
    pub merged: Arc<[String]>,
    /// Why its folder is kept; empty where it is not.
    pub kept: Arc<str>,
}

/// How far a worktree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorktreeStage {
    /// It is being made.
    Making,
    /// A turn is at work in it, or may be.
    AtWork,
    /// What is in it is to be merged, when it is its turn.
    Ready,
    /// What is in it is being taken for its merge.
    Taking,
    /// It is being merged.
    Merging,
    /// A person is asked about what does not go together.
    Conflict,
    /// It is merged, and its folder goes.
    Merged,
    /// It is needed no more, and its folder goes where nothing in it would be lost.
    Closing,
    /// A person said that it goes, with all that is in it.
    Dropped,
    /// Its folder is kept for what is in it; a person removes it.
    Kept,
    /// Its folder is gone.
    Gone,
}

impl WorktreeStage {
    /// Returns whether something is being done with it that comes to its end without anybody's word.
    pub fn goes_on(self) -> bool {
        matches!(self, Self::Making | Self::Taking | Self::Merging | Self::Merged | Self::Closing | Self::Dropped)
    }

    /// Returns what people are told.
    pub fn shown(self) -> WorktreeState {
        match self {
            Self::Making | Self::AtWork => WorktreeState::AtWork,
            Self::Ready | Self::Taking | Self::Merging => WorktreeState::Merging,
            Self::Conflict => WorktreeState::Conflict,
            Self::Merged | Self::Closing | Self::Dropped | Self::Gone => WorktreeState::Going,
            Self::Kept => WorktreeState::Kept,
        }
    }
}

/// An undo.
#[derive(Debug, Clone, PartialEq)]
pub struct UndoEntry {
    /// Its number.
    pub id: u64,
    /// Of which run.
    pub run: RunId,
    /// Only what this step changed.
    pub step: Option<StepId>,
    /// Who said so.
    pub by: Arc<str>,
    /// Whether what others changed since is replaced too.
    pub force: bool,
    /// What came of it.
    pub outcome: Option<Arc<UndoOutcome>>,
}

impl State {
    /// Returns a checkpoint.
    pub fn checkpoint(&self, id: u64) -> Option<&Arc<CheckpointEntry>> {
        at(&self.checkpoints, id)
    }

    /// Returns an undo.
    pub fn undo(&self, id: u64) -> Option<&Arc<UndoEntry>> {
        at(&self.undos, id)
    }

    /// Returns a worktree.
    pub fn worktree(&self, id: WorktreeId) -> Option<&Arc<Worktree>> {
        at(&self.worktrees, id.0)
    }

    /// Returns a step's worktree that its next turn works in, or that waits to be merged.
    pub fn worktree_of(&self, run: RunId, step: &StepId) -> Option<&Arc<Worktree>> {
        use WorktreeStage::{AtWork, Conflict, Making, Merging, Ready, Taking};
        let open = self.open_worktrees.iter().rev().filter_map(|it| self.worktree(*it));
        open.filter(|it| matches!(it.stage, Making | AtWork | Ready | Taking | Merging | Conflict))
            .find(|it| it.run == run && it.step == *step)
    }

    /// Returns the worktree that is being merged: one at a time.
    pub fn merging(&self) -> Option<&Arc<Worktree>> {
        let mut open = self.open_worktrees.iter().filter_map(|it| self.worktree(*it));
        open.find(|it| matches!(it.stage, WorktreeStage::Taking | WorktreeStage::Merging))
    }

    /// Returns a message.
    pub fn message(&self, id: MessageId) -> Option<&Arc<Message>> {
        at(&self.messages, id.0)
    }

    /// Returns a turn.
    pub fn turn(&self, id: TurnId) -> Option<&Arc<Turn>> {
        at(&self.turns, id.0)
    }

    /// Returns a pause.
    pub fn pause(&self, id: PauseId) -> Option<&Arc<Pause>> {
        at(&self.pauses, id.0)
    }

    /// Returns a remembered permission.
    pub fn rule(&self, id: RuleId) -> Option<&Arc<Rule>> {
        at(&self.rules, id.0)
    }

    /// Returns the id that the next remembered permission gets.
    pub fn next_rule(&self) -> RuleId {
        RuleId(self.rules.len() as u64 + 1)
    }

    /// Returns the pauses that wait for what a turn asks.
    pub fn asks_of(&self, turn: TurnId) -> impl Iterator<Item = &Arc<Pause>> {
        let of = move |it: &&Arc<Pause>| matches!(&it.subject, Subject::Ask { turn: asking, .. } if *asking == turn);
        self.open_pauses.iter().filter_map(|it| self.pause(*it)).filter(of)
    }

    /// Returns a finding.
    pub fn finding(&self, id: FindingId) -> Option<&Arc<Finding>> {
        at(&self.findings, id.0)
    }

    /// Returns the channel and the thread that a turn belongs to.
    pub fn place_of(&self, turn: &Turn) -> Option<(ChannelName, MessageId)> {
        match &turn.cause {
            Cause::Step { run, .. } => self.runs.get(run).map(|it| (it.channel.clone(), it.thread)),
            Cause::Delivery { message } => {
                self.message(*message).map(|it| (it.channel.clone(), it.thread.unwrap_or(*message)))
            }
        }
    }

    /// Returns whether an agent may read and write a channel in a turn: the turn's own, and those that it takes part in.
    pub fn may_enter(&self, turn: &Turn, channel: &ChannelName) -> bool {
        self.place_of(turn).is_some_and(|it| it.0 == *channel)
            || self.channels.get(channel).is_some_and(|it| it.members.contains(&turn.agent))
    }

    /// Returns the id that the next message gets.
    pub fn next_message(&self) -> MessageId {
        MessageId(self.messages.len() as u64 + 1)
    }

    /// Returns the id that the next turn gets.
    pub fn next_turn(&self) -> TurnId {
        TurnId(self.turns.len() as u64 + 1)
    }

    /// Returns the id that the next run gets.
    pub fn next_run(&self) -> RunId {
        RunId(self.runs.len() as u64 + 1)
    }

    /// Returns the id that the next pause gets.
    pub fn next_pause(&self) -> PauseId {
        PauseId(self.pauses.len() as u64 + 1)
    }

    /// Returns the id that the next finding gets.
    pub fn next_finding(&self) -> FindingId {
        FindingId(self.findings.len() as u64 + 1)
    }

    /// Returns the earliest time at which a `Tick` is due.
    pub fn next_wake(&self) -> Option<Timestamp> {
        let (run, ask) = (self.wakes.get_min().map(|it| it.0), self.due_asks.get_min().map(|it| it.0));
        run.into_iter().chain(ask).min()
    }

    /// Returns whether a run, or the workspace, was told to "pause now".
    pub fn is_held(&self, run: Option<RunId>) -> bool {
        self.held || run.and_then(|id| self.runs.get(&id)).is_some_and(|it| it.held)
    }

    /// Notes that a thing changed at the present revision. `before` is the revision of its last change, 0 for a new one.
    pub(super) fn touch(&mut self, key: Key, before: u64) {
        if before == self.rev && before != 0 {
            return;
        }
        if before != 0 {
            self.touched.remove(&(before, key.clone()));
        }
        self.touched.insert((self.rev, key));
    }
}

/// Returns the element whose number is `number`, counted from 1.
fn at<T: Clone>(list: &Vector<T>, number: u64) -> Option<&T> {
    list.get(usize::try_from(number).ok()?.checked_sub(1)?)
}
