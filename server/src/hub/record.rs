//! The facts that the journal keeps. State is a fold of them; nothing else changes it.
//!
//! Invariant: a record that was ever written must be readable for ever. Fields are added with a default, and a kind is
//! never given a new meaning.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    agent::{AgentClaim, AgentInfo},
    ask::AskReply,
    document::Decision,
    finding::{FindingDraft, FindingState, Place},
    hub::{leases::Sign, operator::Move},
    ids::{
        AgentName, ChannelName, FindingId, MessageId, PauseId, RoleId, RuleId, RunId, StepId, Timestamp, TurnId,
        WorktreeId,
    },
    outcome::{Failure, TypedResult, Usage},
    protocol::{About, Author, DeliveryState, FileNote, PauseKind, RunStatus, TakenStage},
    workflow::plan::{Isolation, Limits, Plan},
};

mod kind;
mod subject;
mod turn;

pub use self::{
    subject::{RunLimit, ShownDiff, Subject, Wanted},
    turn::{Cause, CheckpointWhen, Sent, TurnEnd},
};

/// A fact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Record {
    /// The developer trusts the workspace, or no longer.
    TrustChanged {
        /// Whether.
        trusted: bool,
    },
    /// The catalogue of agents is this one.
    AgentsKnown {
        /// All of them.
        agents: Vec<AgentInfo>,
    },
    /// Something else is believed of an agent.
    AgentClaimed {
        /// Which.
        agent: AgentName,
        /// What, and why.
        claim: AgentClaim,
    },
    /// A channel was made.
    ChannelCreated {
        /// Its name.
        name: ChannelName,
        /// The agent that a message with no mention wakes.
        default_agent: Option<AgentName>,
    },
    /// A message was posted. Its deliveries begin as stored.
    MessagePosted {
        /// Its id.
        id: MessageId,
        /// Where.
        channel: ChannelName,
        /// The message that its thread began with.
        thread: Option<MessageId>,
        /// Who.
        author: Author,
        /// Markdown.
        text: Arc<str>,
        /// What of Callboard it speaks of.
        #[serde(default)]
        about: About,
        /// How many agents passed the word on since a person last spoke.
        hops: u32,
        /// The sender's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// The agents that it wakes.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        to: Vec<AgentName>,
    },
    /// A delivery got further.
    DeliveryChanged {
        /// Of which message.
        message: MessageId,
        /// To whom.
        agent: AgentName,
        /// How far.
        state: DeliveryState,
    },
    /// A person let a chain of agents go on: it counts from zero again.
    HopsForgiven {
        /// The message at which the chain was held.
        message: MessageId,
    },
    /// A turn was put in an agent's queue.
    TurnQueued {
        /// Its id.
        turn: TurnId,
        /// Whose.
        agent: AgentName,
        /// What for.
        cause: Cause,
        /// Whether it stands before all others that wait: it takes the place of one that had begun.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        first: bool,
    },
    /// A person had the work paused at once: this turn is being stopped, to be done again.
    TurnInterrupted {
        /// Which.
        turn: TurnId,
    },
    /// A turn is the agent's now, with this prompt. The effect that starts it follows the commit of this.
    TurnIntended {
        /// Which.
        turn: TurnId,
        /// What is sent.
        sent: Arc<Sent>,
        /// The last message of its channel that the prompt holds or passes over as seen.
        seen: Option<MessageId>,
    },
    /// This was added to what a turn is sent: what open buffers hold that is not saved.
    BuffersGiven {
        /// Which turn.
        turn: TurnId,
        /// The text.
        text: Arc<str>,
    },
    /// This was added to what a turn is sent: files and differences that its step names, and what of them was left out.
    ContextGiven {
        /// Which turn.
        turn: TurnId,
        /// The text.
        text: Arc<str>,
    },
    /// The agent has begun.
    TurnBegan {
        /// Which.
        turn: TurnId,
    },
    /// An agent handed in its turn's result by the tool. The last one is the turn's result.
    ResultHandedIn {
        /// Of which turn.
        turn: TurnId,
        /// What.
        result: Arc<TypedResult>,
    },
    /// A turn that is about to fail has used this.
    TurnSpent {
        /// Which.
        turn: TurnId,
        /// What.
        usage: Usage,
    },
    /// A turn is over. There is one of these for each turn, and nothing after it.
    TurnEnded {
        /// Which.
        turn: TurnId,
        /// How.
        how: TurnEnd,
        /// What it used.
        #[serde(default)]
        usage: Usage,
    },
    /// A run was started.
    RunStarted {
        /// Its id.
        run: RunId,
        /// What it is pinned to.
        plan: Arc<Plan>,
        /// What it was told, defaults included.
        inputs: Arc<BTreeMap<String, serde_json::Value>>,
        /// Who plays which role; of a role that several play, the first.
        roles: Arc<BTreeMap<RoleId, AgentName>>,
        /// Who plays the roles that several agents may play, in the order of their seats.
        #[serde(default, skip_serializing_if = "no_casts")]
        casts: Arc<BTreeMap<RoleId, Vec<AgentName>>>,
        /// Where it is shown.
        channel: ChannelName,
        /// The message that its thread begins with.
        thread: MessageId,
        /// Who started it.
        by: String,
        /// The sender's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
    /// A step that holds others began: those wait now.
    StepOpened {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// Of a step for each item of a list: the items.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        items: Vec<serde_json::Value>,
        /// Of a step of a role that several agents play: who, in the order of their seats.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        agents: Vec<AgentName>,
        /// Of a nested workflow: what it is told, defaults included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inputs: Option<Arc<BTreeMap<String, serde_json::Value>>>,
    },
    /// A person changed what is left to do of a run.
    PlanEdited {
        /// Of which run.
        run: RunId,
        /// The whole plan from now on. What has begun is the same in it.
        plan: Arc<Plan>,
        /// What the run is told from now on: inputs that the new plan adds have their defaults.
        inputs: Arc<BTreeMap<String, serde_json::Value>>,
        /// Who plays which role from now on.
        roles: Arc<BTreeMap<RoleId, AgentName>>,
        /// Who plays the roles that several agents may play.
        #[serde(default, skip_serializing_if = "no_casts")]
        casts: Arc<BTreeMap<RoleId, Vec<AgentName>>>,
        /// Who changed it.
        by: String,
        /// The hash of the plan before.
        before: String,
        /// The hash of the plan after.
        after: String,
        /// What changed, a line each.
        changes: Vec<String>,
    },
    /// A step's turn was queued.
    StepQueued {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// Its turn.
        turn: TurnId,
        /// Who.
        agent: AgentName,
        /// The try, from 1.
        attempt: u32,
    },
    /// A step is over, with a result: its only one in this round.
    StepFinished {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// What came of it.
        result: Option<Arc<TypedResult>>,
        /// The findings of a review, in its order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<FindingId>,
    },
    /// A step is over, without a result.
    StepSkipped {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// Why, in words.
        why: String,
    },
    /// A step failed; a pause, another try or the run's end follows in the same commit.
    StepFailed {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// How.
        failure: Failure,
    },
    /// A failed step waits to be tried again.
    StepBackedOff {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// Until when.
        until: Timestamp,
    },
    /// A step is to be done again.
    StepReset {
        /// Of which run.
        run: RunId,
        /// Which.
        step: StepId,
        /// What the person wants changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// Who does it from now on, where a person chose another.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        agent: Option<AgentName>,
    },
    /// A loop began a round: the steps in it wait again.
    RoundStarted {
        /// Of which run.
        run: RunId,
        /// The loop.
        step: StepId,
        /// The lap, from 1.
        round: u32,
        /// The bound on rounds from now on.
        bound: u32,
        /// What the round before left to do, so that a loop that only repeats itself is seen.
        #[serde(default)]
        left: String,
    },
    /// An agent that operates a part of a run decided something.
    OperatorMoved {
        /// Of which run.
        run: RunId,
        /// The loop that it operates.
        step: StepId,
        /// In which of its turns.
        turn: TurnId,
        /// What.
        does: Move,
        /// Why.
        reason: String,
    },
    /// An operator wanted what it may not, or what could not be read.
    OperatorRefused {
        /// Of which run.
        run: RunId,
        /// The loop that it operates.
        step: StepId,
        /// In which of its turns.
        turn: TurnId,
        /// What it wanted, in words.
        wanted: String,
        /// Why it was refused.
        why: String,
    },
    /// What an operator decided in a turn is taken; it is given another when there is something to decide.
    OperatorTurnTaken {
        /// Of which run.
        run: RunId,
        /// The loop that it operates.
        step: StepId,
        /// Which turn.
        turn: TurnId,
    },
    /// An operator goes on after a person's word, or after its turn failed.
    OperatorWoken {
        /// Of which run.
        run: RunId,
        /// The loop that it operates.
        step: StepId,
        /// The bound on its decisions from now on.
        bound: u32,
        /// What a person tells it.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// A limit of a run was raised.
    LimitRaised {
        /// Of which run.
        run: RunId,
        /// All its limits from now on.
        limits: Limits,
    },
    /// A person said "pause now".
    Held {
        /// Of which run; the workspace where absent.
        run: Option<RunId>,
        /// Who.
        by: String,
    },
    /// A person let it go on.
    Released {
        /// Of which run; the workspace where absent.
        run: Option<RunId>,
        /// Who.
        by: String,
    },
    /// A run is over.
    RunEnded {
        /// Which.
        run: RunId,
        /// How.
        status: RunStatus,
        /// Why, in words.
        why: String,
    },
    /// Something waits for a person.
    PauseOpened {
        /// Its id.
        pause: PauseId,
        /// Why.
        kind: PauseKind,
        /// What it is about.
        subject: Subject,
        /// One line: what is asked.
        title: String,
        /// Where it is shown.
        channel: ChannelName,
        /// What is shown.
        document: Arc<str>,
        /// SHA-256 of the document, in hex.
        hash: String,
        /// The decisions that it takes, the usual one first.
        decisions: Vec<String>,
        /// Which files that steer programs its run has changed, in words; empty where there are none, or it asks for something else.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        steering: Arc<str>,
    },
    /// A person answered, or the run's end made the question idle (`decision` is `stop` then).
    PauseAnswered {
        /// Which.
        pause: PauseId,
        /// Who.
        by: String,
        /// What.
        decision: Decision,
        /// The hash of what was shown.
        hash: String,
    },
    /// An ask of a turn has its reply. The effect that tells the turn follows the commit of this.
    AskAnswered {
        /// Which turn.
        turn: TurnId,
        /// Which of its asks.
        key: String,
        /// What it wanted, in one line.
        what: String,
        /// What was said.
        reply: AskReply,
        /// The remembered permission that said so, where no person was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<RuleId>,
    },
    /// Something is done about an ask that nobody answers at this time.
    AskDue {
        /// Its pause.
        pause: PauseId,
        /// When.
        at: Timestamp,
    },
    /// Nobody answered a turn's ask in time, and it is stopped for that reason.
    TurnGivenUp {
        /// Which.
        turn: TurnId,
        /// Why, in words.
        why: String,
    },
    /// An agent goes on in this session of its program.
    SessionKnown {
        /// Which.
        agent: AgentName,
        /// Where it works.
        place: String,
        /// The program's own id of it.
        session: String,
        /// Why the one before could not be gone on with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lost: Option<String>,
    },
    /// A person takes an agent over, or has said that it is handed back: none of its turns begins until it is.
    AgentTaken {
        /// Which.
        agent: AgentName,
        /// Who.
        by: String,
        /// How far that is.
        stage: TakenStage,
    },
    /// A person speaks with an agent in its program's own screen.
    AgentOpened {
        /// Which.
        agent: AgentName,
        /// Where it works.
        place: String,
        /// The session that is open there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<String>,
    },
    /// An agent is no longer a person's; its turns go on.
    AgentHandedBack {
        /// Which.
        agent: AgentName,
        /// Why, in words.
        why: String,
    },
    /// An agent starts from another's session with its next turn.
    AgentForked {
        /// Which.
        agent: AgentName,
        /// Whose session it is.
        from: AgentName,
        /// Who said so.
        by: String,
        /// Where they work.
        place: String,
        /// The session.
        session: String,
    },
    /// A permission is remembered from now on.
    PermissionRemembered {
        /// Its id.
        rule: RuleId,
        /// Whose.
        agent: AgentName,
        /// For which tool.
        tool: String,
        /// For exactly what.
        pattern: String,
        /// Until the end of which run; until it is revoked where absent.
        run: Option<RunId>,
        /// Who gave it.
        by: String,
        /// At which pause.
        pause: PauseId,
    },
    /// A person took a remembered permission back.
    PermissionRevoked {
        /// Which.
        rule: RuleId,
        /// Who.
        by: String,
    },
    /// A checkpoint is to be taken. The effect that takes it follows the commit of this.
    CheckpointIntended {
        /// Its number, from 1.
        checkpoint: u64,
        /// Of which run.
        run: RunId,
        /// Around which step, where it is around one.
        step: Option<StepId>,
        /// Around which turn, where it is around one.
        turn: Option<TurnId>,
        /// The lap of the loop around the step.
        round: u32,
        /// The try in this round.
        attempt: u32,
        /// Why now.
        when: CheckpointWhen,
    },
    /// A checkpoint was taken, or could not be: then the work goes on without it.
    CheckpointTaken {
        /// Its number.
        checkpoint: u64,
        /// The tree; none where there is none.
        tree: Option<Arc<str>>,
        /// Why there is none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
        /// Files that are not in it, with why: the first of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<FileNote>,
        /// Files that changed since the turn's first checkpoint: the first of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        changed: Vec<String>,
        /// How they changed, as far as it is shown at a pause.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        diffs: Vec<ShownDiff>,
    },
    /// What a run, or a step of it, changed is to be put back. The effect follows the commit of this.
    UndoIntended {
        /// Its number, from 1.
        undo: u64,
        /// Of which run.
        run: RunId,
        /// Only what this step changed.
        step: Option<StepId>,
        /// Who said so.
        by: String,
        /// Whether what others changed since is replaced too.
        force: bool,
    },
    /// An undo is over.
    Undone {
        /// Its number.
        undo: u64,
        /// Of which run.
        run: RunId,
        /// Only what this step changed.
        step: Option<StepId>,
        /// Who said so.
        by: String,
        /// The files that are as they were before.
        files: Vec<String>,
        /// The files that are left as they are, with why.
        clashes: Vec<FileNote>,
        /// Why nothing could be done at all; empty where it could.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// A step is to have a worktree of its own. The effect that makes it follows the commit of this.
    WorktreeIntended {
        /// Its id.
        worktree: WorktreeId,
        /// Of which run.
        run: RunId,
        /// Of which step.
        step: StepId,
        /// The turn that waits for it.
        turn: TurnId,
        /// What it is set up with beside the work tree.
        setup: Isolation,
    },
    /// A worktree was made, or could not be: then the turn that waits for it fails.
    WorktreeMade {
        /// Which.
        worktree: WorktreeId,
        /// The tree that it was made of; none where there is none.
        tree: Option<Arc<str>>,
        /// Why there is none.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
        /// Its folder.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        folder: String,
        /// What is not in it, with why: the first of it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<FileNote>,
    },
    /// The step has its result, or a person has settled a conflict: what is in the worktree is to be merged, when it is its turn.
    WorktreeReady {
        /// Which.
        worktree: WorktreeId,
        /// The turn whose work it is.
        turn: TurnId,
        /// What a person made of files in conflict.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        resolved: BTreeMap<String, Arc<str>>,
    },
    /// A merge begins: the checkpoint of the work tree before it is asked for, and what is in the worktree is taken.
    MergeIntended {
        /// Which.
        worktree: WorktreeId,
        /// The checkpoint before it.
        checkpoint: u64,
    },
    /// What is in the worktree is this. The effect that merges exactly this follows the commit.
    WorktreeTaken {
        /// Which.
        worktree: WorktreeId,
        /// The tree.
        tree: Arc<str>,
        /// Files that are not in it, with why: the first of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left_out: Vec<FileNote>,
    },
    /// A merge is over: what was in the worktree is in the work tree now.
    WorktreeMerged {
        /// Which.
        worktree: WorktreeId,
        /// The files that it changed: the first of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<String>,
    },
    /// A merge could not be: a person is asked in the same commit, unless nobody waits for it any more.
    MergeFailed {
        /// Which.
        worktree: WorktreeId,
        /// The files that both sides changed, with how.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        conflicts: Vec<FileNote>,
        /// Those of them that have both sides in the worktree, between marks.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        marked: Vec<String>,
        /// The tree that the worktree stands on from now on, where it was brought up to the work tree.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<Arc<str>>,
        /// Why it could not be done at all; empty where it is for the conflicts.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// A worktree is needed no more. Where a person said so it goes with what is in it; else it goes only where nothing in it
    /// would be lost.
    WorktreeClosed {
        /// Which.
        worktree: WorktreeId,
        /// Who said that its work goes; absent where nobody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
    },
    /// What became of a worktree's folder.
    WorktreeGone {
        /// Which.
        worktree: WorktreeId,
        /// Whether the folder is still there, since it has what is nowhere else.
        kept: bool,
        /// Why it is still there.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// A turn changes files.
    FilesTouched {
        /// Which turn.
        turn: TurnId,
        /// The files, by their paths from the root.
        paths: Vec<String>,
        /// How it is known.
        sign: Sign,
    },
    /// Several turns, or a turn and a person, change one file at the same time. Both sides are told in the same commit.
    FilesCollided {
        /// The file.
        path: String,
        /// The turns.
        turns: Vec<TurnId>,
        /// The person, where one is a side of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        person: Option<String>,
        /// Whether it is certain, or only may be.
        sure: bool,
        /// The message that says so.
        message: MessageId,
    },
    /// The text that a person chose at a clash is in the editors that had the file open, or why it can't be.
    TextPut {
        /// The clash.
        pause: PauseId,
        /// Why it is not there; empty where it is.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        why: String,
    },
    /// An agent reported a finding.
    FindingReported {
        /// Its id, new or known.
        finding: FindingId,
        /// Who; absent where a person added it at a pause.
        by: Option<AgentName>,
        /// In which run.
        run: Option<RunId>,
        /// What it says, in its latest words.
        draft: FindingDraft,
        /// Whether it had been declined before: now it is a person's to settle.
        contested: bool,
        /// In which turn, where it was reported by the tool while that went on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        turn: Option<TurnId>,
    },
    /// A finding's state changed.
    FindingSettled {
        /// Which.
        finding: FindingId,
        /// What it is now.
        state: FindingState,
    },
    /// A fixer will not fix a finding.
    FindingDeclined {
        /// Which.
        finding: FindingId,
        /// Why.
        reason: String,
    },
    /// Findings stand at other places than before, since their file was changed on the disk.
    FindingsFollowed {
        /// The file.
        path: String,
        /// The text of the file that the places are in from now on, by its hash; none where it can't be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<Arc<str>>,
        /// The findings whose places are told by that text.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<FindingId>,
        /// What those speak of that had no such text before, with each run of white space as one space.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        said: Vec<(FindingId, String)>,
        /// Those that stand elsewhere now.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        moved: Vec<(FindingId, Place)>,
    },
    /// A person changed what a finding says.
    FindingReworded {
        /// Which.
        finding: FindingId,
        /// The new text.
        text: String,
    },
}

fn no_casts(casts: &Arc<BTreeMap<RoleId, Vec<AgentName>>>) -> bool {
    casts.is_empty()
}
