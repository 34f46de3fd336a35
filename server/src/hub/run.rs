//! A run: where each of its steps stands, what it has used, and how long it has worked.

use std::{collections::BTreeMap, sync::Arc};

use imbl::{OrdMap, OrdSet, Vector};

use super::record::ShownDiff;
use crate::{
    hub::operator::Operation,
    ids::{AgentName, ChannelName, FindingId, MessageId, PauseId, RoleId, RunId, StepId, Timestamp, TurnId},
    outcome::{Failure, TypedResult, Usage},
    protocol::{RunStatus, StepStatus},
    workflow::plan::{Limits, Plan, Step},
};

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// What it is pinned to, with the steps for each item of the lists that were met so far.
    pub plan: Arc<Plan>,
    /// What it was told.
    pub inputs: Arc<BTreeMap<String, serde_json::Value>>,
    /// Who plays which role; of a role that several play, the first.
    pub roles: Arc<BTreeMap<RoleId, AgentName>>,
    /// Who plays the roles that several agents may play, in the order of their seats.
    pub casts: Arc<BTreeMap<RoleId, Vec<AgentName>>>,
    /// Where it is shown.
    pub channel: ChannelName,
    /// The message that its thread begins with.
    pub thread: MessageId,
    /// Who started it.
    pub by: Arc<str>,
    /// When.
    pub started: Timestamp,
    /// When and how it ended, and why.
    pub ended: Option<(Timestamp, RunStatus, Arc<str>)>,
    /// Whether a person said "pause now".
    pub held: bool,
    /// Where each step stands, at every depth.
    pub steps: OrdMap<StepId, Arc<StepState>>,
    /// The limits, as raised.
    pub limits: Limits,
    /// The pause at a limit of the whole run. While it is open no step starts.
    pub limit_pause: Option<PauseId>,
    /// Open clashes between what was typed and what its turns wrote. While there is one, nothing that follows starts.
    pub clashes: u32,
    /// Turns taken.
    pub turns: u32,
    /// What was used.
    pub usage: Usage,
    /// Milliseconds of work in the spells that are over.
    pub worked: u64,
    /// Since when it works; `None` while it waits for people only.
    pub working_since: Option<Timestamp>,
    /// Checkpoints at the end of turns that have not come yet. While there is one, nothing that follows starts.
    pub closing: u32,
    /// Files that its agents changed, up to [`CHANGED_KEPT`] of them.
    pub changed: OrdSet<Arc<str>>,
    /// What steps came to in rounds that are over, oldest first: the last [`HISTORY_KEPT`].
    pub history: Vector<Arc<Past>>,
    /// How many entries of the history are no longer kept.
    pub forgotten: u64,
    /// Revision of the last change.
    pub rev: u64,
}

/// How many entries of a run's history are kept.
pub const HISTORY_KEPT: usize = 1_000;

/// What a step came to in a round that is over, before it was done anew.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    /// Which.
    pub step: StepId,
    /// The loop, or other step, that it stands in.
    pub within: StepId,
    /// What it was.
    pub state: Arc<StepState>,
}

/// How many of the files that a run changed are remembered by name.
pub const CHANGED_KEPT: usize = 1_000;

/// Where a step stands.
#[derive(Debug, Clone, PartialEq)]
pub struct StepState {
    /// Where.
    pub status: StepStatus,
    /// The lap of the loop around it, from 1; 0 outside a loop.
    pub round: u32,
    /// For a loop: its own lap, from 1, and the bound on laps.
    pub lap: u32,
    /// For a loop: how many laps it may take before a person is asked.
    pub bound: u32,
    /// For a loop: what the lap before left to do.
    pub left: Arc<str>,
    /// The try in this round, from 1; 0 before the first.
    pub attempt: u32,
    /// Failures in a row that the failure policy has answered with another try.
    pub retried: u32,
    /// Who does it, where a person chose another than the role's.
    pub agent: Option<AgentName>,
    /// Who did or does it.
    pub by: Option<AgentName>,
    /// Its turn.
    pub turn: Option<TurnId>,
    /// The pause that it waits at.
    pub pause: Option<PauseId>,
    /// How many things its turn asks people and waits for.
    pub asks: u32,
    /// When it began in this round.
    pub started: Option<Timestamp>,
    /// When it ended in this round.
    pub ended: Option<Timestamp>,
    /// Its latest result: stays in sight until the next replaces it.
    pub result: Option<Arc<TypedResult>>,
    /// The findings of that result, where it is a review.
    pub findings: Arc<[FindingId]>,
    /// Its latest failure in this round.
    pub failure: Option<Failure>,
    /// When it is tried again.
    pub not_before: Option<Timestamp>,
    /// What a person wants changed.
    pub note: Option<Arc<str>>,
    /// For a pause step: the decision that it was left with.
    pub decision: Option<&'static str>,
    /// How the files changed while its latest turn was at work, as far as it is shown at a pause.
    pub diffs: Arc<[ShownDiff]>,
    /// Whether it stands in an operator's part and waits to be assigned.
    pub parked: bool,
    /// What the operator that assigned it adds to its prompt.
    pub brief: Option<Arc<str>>,
    /// For a loop with an operator: what that decided.
    pub operation: Arc<Operation>,
    /// What the turns of this round used.
    pub usage: Usage,
    /// For a step that is done for each item of a list: its item.
    pub item: Option<Arc<serde_json::Value>>,
    /// For a nested workflow: what it is told.
    pub inputs: Option<Arc<BTreeMap<String, serde_json::Value>>>,
    /// Whether what it did in its worktree is not merged yet: then it is not over, whatever its result.
    pub unmerged: bool,
}

impl Default for StepState {
    fn default() -> Self {
        Self {
            status: StepStatus::Waiting,
            round: 0,
            lap: 0,
            bound: 0,
            left: Arc::from(""),
            attempt: 0,
            retried: 0,
            agent: None,
            by: None,
            turn: None,
            pause: None,
            asks: 0,
            started: None,
            ended: None,
            result: None,
            findings: Arc::from([]),
            failure: None,
            not_before: None,
            note: None,
            decision: None,
            diffs: Arc::from([]),
            parked: false,
            brief: None,
            operation: Arc::default(),
            usage: Usage::default(),
            item: None,
            inputs: None,
            unmerged: false,
        }
    }
}

impl StepState {
    /// Returns whether the step is over in this round.
    pub fn is_over(&self) -> bool {
        !self.unmerged && matches!(self.status, StepStatus::Done | StepStatus::Skipped | StepStatus::Failed)
    }
}

impl Run {
    /// Returns where a step stands.
    pub fn step(&self, id: &StepId) -> Option<&Arc<StepState>> {
        self.steps.get(id)
    }

    /// Returns whether every step of a list is over.
    pub fn is_over(&self, steps: &[Step]) -> bool {
        steps.iter().all(|it| self.steps.get(&it.id).is_some_and(|it| it.is_over()))
    }

    /// Returns where the run stands as a whole.
    pub fn status(&self) -> RunStatus {
        if let Some((_, status, _)) = &self.ended {
            return *status;
        }
        if self.held {
            return RunStatus::Held;
        }
        if self.is_at_work() { RunStatus::Running } else { RunStatus::Waiting }
    }

    /// Returns whether the run is doing something by itself: a turn, or a wait before another try.
    pub fn is_at_work(&self) -> bool {
        self.closing > 0
            || self.steps.values().any(|it| match it.status {
                // Behind an open clash they wait for a person too.
                StepStatus::Queued | StepStatus::Backoff => self.clashes == 0,
                // Its merge goes on, or waits for another's.
                StepStatus::Done => it.unmerged,
                // A turn that waits for a person works no more than a pause step does.
                StepStatus::Running => it.turn.is_some() && it.asks == 0,
                _ => false,
            })
    }

    /// Returns the milliseconds of work up to `now`; time at pauses and holds is not counted.
    pub fn worked_until(&self, now: Timestamp) -> u64 {
        self.worked + self.working_since.map_or(0, |since| now.since(since))
    }

    /// Returns when the limit on time is reached if the run goes on working.
    ///
    /// Invariant: `None` while the run waits at a limit, else its `Tick` would come again and again.
    pub fn time_is_up_at(&self) -> Option<Timestamp> {
        let since = self.working_since.filter(|_| self.limit_pause.is_none())?;
        Some(since.plus(self.limits.time.saturating_sub(self.worked)))
    }

    /// Returns who play a role, in the order of their seats.
    pub fn players(&self, role: &RoleId) -> Vec<AgentName> {
        match self.casts.get(role) {
            Some(all) => all.clone(),
            None => self.roles.get(role).cloned().into_iter().collect(),
        }
    }

    /// Returns the list that a step stands in, and the step that holds the list.
    pub fn siblings<'a>(plan: &'a Plan, id: &StepId) -> Option<(&'a [Step], Option<&'a Step>)> {
        fn within<'a>(
            steps: &'a [Step],
            around: Option<&'a Step>,
            id: &StepId,
        ) -> Option<(&'a [Step], Option<&'a Step>)> {
            if steps.iter().any(|it| it.id == *id) {
                return Some((steps, around));
            }
            steps.iter().find_map(|step| within(step.children(), Some(step), id))
        }
        within(&plan.steps, None, id)
    }
}
