//! What is new for somebody who watches a run: things in their present form in, notes out. Pure.
//!
//! The feed is state first: an item may come again, or skip states that it passed through. So a note is made from the
//! difference to what was last seen of the same thing, and the same feed twice says nothing twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    agent::AgentState,
    finding::{Finding, FindingState},
    ids::{AgentName, FindingId, MessageId, PauseId, RunId, StepId, Timestamp},
    protocol::{AgentView, Item, MessageView, PauseView, RunStatus, RunView, StepStatus, StepView},
};

/// Something that a watcher is told, once.
#[derive(Debug, Clone, PartialEq)]
pub enum Note {
    /// The run is known now.
    Started(Box<RunView>),
    /// A step began, or began again.
    StepStarted(Box<StepView>),
    /// A loop is in another round.
    Round(Box<StepView>),
    /// A step is over.
    StepEnded(Box<StepView>),
    /// A step failed and is tried again.
    StepFailed(Box<StepView>),
    /// A message.
    Message(Box<MessageView>),
    /// A finding is new.
    Found(Box<Finding>),
    /// A finding was settled or opened again.
    Settled(Box<Finding>),
    /// A pause point opened.
    Paused(Box<PauseView>),
    /// A pause point was answered.
    Answered(Box<PauseView>),
    /// An agent that plays in the run is in a state that a person should know of.
    Agent(Box<AgentView>),
    /// A person holds the run, or lets it go on.
    Held(bool),
    /// The run is over.
    Ended(Box<RunView>),
}

impl Note {
    /// Returns when it happened, where that is known.
    pub fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Started(it) => Some(it.started),
            Self::StepStarted(it) => it.started,
            Self::StepEnded(it) => it.ended,
            Self::Message(it) => Some(it.at),
            Self::Paused(it) => Some(it.opened),
            Self::Answered(it) => it.answered.as_ref().map(|it| it.at),
            Self::Agent(it) => Some(it.since),
            Self::Ended(it) => it.ended,
            Self::Round(_) | Self::StepFailed(_) | Self::Found(_) | Self::Settled(_) | Self::Held(_) => None,
        }
    }
}

/// What a watcher has seen of one run.
#[derive(Debug)]
pub struct Live {
    run: RunId,
    view: Option<RunView>,
    steps: BTreeMap<StepId, Seen>,
    messages: BTreeSet<MessageId>,
    findings: BTreeMap<FindingId, Finding>,
    pauses: BTreeMap<PauseId, PauseView>,
    agents: BTreeMap<AgentName, AgentView>,
}

/// The part of a step's state that notes are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    status: StepStatus,
    round: u32,
    attempt: u32,
    started: Option<Timestamp>,
}

impl Seen {
    fn of(step: &StepView) -> Self {
        Self { status: step.status, round: step.round, attempt: step.attempt, started: step.started }
    }

    fn was_going_on(self) -> bool {
        matches!(self.status, StepStatus::Running | StepStatus::Backoff)
    }
}

impl Live {
    /// Makes the state of a watcher that has seen nothing of a run.
    pub fn new(run: RunId) -> Self {
        Self {
            run,
            view: None,
            steps: BTreeMap::new(),
            messages: BTreeSet::new(),
            findings: BTreeMap::new(),
            pauses: BTreeMap::new(),
            agents: BTreeMap::new(),
        }
    }

    /// Takes a thing in its present form and returns what is new.
    pub fn take(&mut self, item: Item) -> Vec<Note> {
        match item {
            Item::Run(run) if run.id == self.run => self.take_run(*run),
            Item::Message(it) => {
                if self.messages.insert(it.id) {
                    vec![Note::Message(it)]
                } else {
                    Vec::new()
                }
            }
            Item::Pause(it) if it.run == Some(self.run) => self.take_pause(it),
            Item::Finding(it) => self.take_finding(it),
            Item::Agent(it) => self.take_agent(it),
            Item::Run(_) | Item::Pause(_) | Item::Channel(_) => Vec::new(),
        }
    }

    /// Returns the run as it was last seen.
    pub fn run(&self) -> Option<&RunView> {
        self.view.as_ref()
    }

    /// Returns the steps that are going on or queued, for the live area.
    pub fn going_on(&self) -> impl Iterator<Item = &StepView> {
        let steps = self.view.as_ref().filter(|it| !it.status.has_ended()).map_or(&[][..], |it| &it.steps);
        steps
            .iter()
            .enumerate()
            .filter(|(index, it)| {
                let is_live = matches!(it.status, StepStatus::Running | StepStatus::Queued | StepStatus::Backoff);
                // A loop or group is going on where one of its children is; the child says more.
                let has_children = steps.get(index + 1).is_some_and(|next| next.depth > it.depth);
                is_live && !has_children
            })
            .map(|(_, it)| it)
    }

    /// Returns the pauses of the run that nobody has answered, oldest first.
    pub fn waiting(&self) -> impl Iterator<Item = &PauseView> {
        self.pauses.values().filter(|it| it.answered.is_none())
    }

    /// Returns a pause as it was last seen.
    pub fn pause(&self, id: PauseId) -> Option<&PauseView> {
        self.pauses.get(&id)
    }

    /// Returns the findings of this run, by id.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.findings.values()
    }

    /// Returns what an agent was last seen doing, in its own words; empty where nothing is known, or it does nothing.
    pub fn doing(&self, agent: Option<&AgentName>) -> &str {
        let agent = agent.and_then(|it| self.agents.get(it));
        agent
            .filter(|it| !matches!(it.claim.state, AgentState::Stopped | AgentState::Idle))
            .map_or("", |it| &it.claim.why)
    }

    fn take_run(&mut self, run: RunView) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.view.is_none() {
            notes.push(Note::Started(Box::new(run.clone())));
        }
        // Steps that came to their end since the last feed, and whose loop went on already, are told before what is new.
        notes.extend(run.steps.iter().filter_map(|it| self.last_round(it)).map(|it| Note::StepEnded(Box::new(it))));
        for step in &run.steps {
            let now = Seen::of(step);
            let before = self.steps.insert(step.id.clone(), now);
            if before == Some(now) {
                continue;
            }
            notes.extend(step_notes(step, before));
        }
        let was = self.view.as_ref().map(|it| it.status);
        let is = run.status;
        if was != Some(is) {
            if is.has_ended() {
                notes.push(Note::Ended(Box::new(run.clone())));
            } else if is == RunStatus::Held {
                notes.push(Note::Held(true));
            } else if was == Some(RunStatus::Held) {
                notes.push(Note::Held(false));
            }
        }
        self.view = Some(run);
        notes
    }

    /// Returns the last round's form of a step that was going on in it and is in a later one now. What came of it is in
    /// its message.
    fn last_round(&self, step: &StepView) -> Option<StepView> {
        let before = self.steps.get(&step.id)?;
        if !before.was_going_on() || before.round >= step.round || before.started == step.started {
            return None;
        }
        let last = self.view.as_ref()?.steps.iter().find(|it| it.id == step.id)?;
        // A result that was seen while it was going on is that of the round before.
        Some(StepView { status: StepStatus::Done, failure: None, result: None, ..last.clone() })
    }

    fn take_pause(&mut self, pause: Box<PauseView>) -> Vec<Note> {
        let before = self.pauses.insert(pause.id, (*pause).clone());
        match (before, &pause.answered) {
            (None, None) => vec![Note::Paused(pause)],
            (Some(PauseView { answered: None, .. }) | None, Some(_)) => vec![Note::Answered(pause)],
            // What is shown was changed (an edit was saved by somebody): it has to be looked at again.
            (Some(before), None) if before.hash != pause.hash => vec![Note::Paused(pause)],
            _ => Vec::new(),
        }
    }

    fn take_finding(&mut self, finding: Box<Finding>) -> Vec<Note> {
        let before = self.findings.insert(finding.id, (*finding).clone());
        match before {
            None if finding.state == FindingState::Open => vec![Note::Found(finding)],
            Some(before) if before.state != finding.state => vec![Note::Settled(finding)],
            _ => Vec::new(),
        }
    }

    fn take_agent(&mut self, agent: AgentView) -> Vec<Note> {
        let before = self.agents.insert(agent.info.name.clone(), agent.clone());
        let plays = self.view.as_ref().is_some_and(|run| {
            run.roles.values().any(|it| *it == agent.info.name)
                || run.steps.iter().any(|it| it.agent.as_ref() == Some(&agent.info.name))
        });
        let matters = matches!(
            agent.claim.state,
            AgentState::WaitingForPermission
                | AgentState::WaitingForAnswer
                | AgentState::RateLimited { .. }
                | AgentState::OutOfBudget
                | AgentState::Crashed
        );
        let is_new = before.is_none_or(|it| it.claim.state != agent.claim.state);
        if plays && matters && is_new { vec![Note::Agent(Box::new(agent))] } else { Vec::new() }
    }
}

fn step_notes(step: &StepView, before: Option<Seen>) -> Vec<Note> {
    let boxed = || Box::new(step.clone());
    let was_going = before.is_some_and(Seen::was_going_on);
    let same_try = before.is_some_and(|it| it.round == step.round && it.attempt == step.attempt);
    let same_start = before.is_some_and(|it| it.started.is_some() && it.started == step.started);
    match step.status {
        // A loop goes on from round to round, and keeps the time of its start.
        StepStatus::Running if was_going && !same_try && same_start => vec![Note::Round(boxed())],
        StepStatus::Running if !(was_going && same_try) => vec![Note::StepStarted(boxed())],
        StepStatus::Done | StepStatus::Failed | StepStatus::Skipped => vec![Note::StepEnded(boxed())],
        StepStatus::Backoff => vec![Note::StepFailed(boxed())],
        StepStatus::Paused if step.failure.is_some() => vec![Note::StepFailed(boxed())],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
