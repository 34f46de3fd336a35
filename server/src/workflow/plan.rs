//! A workflow that has passed its check: what a run is pinned to.
//!
//! `check` is the only way to make one from a file, so every reference in a plan is good: each `needs` names an earlier
//! step, each role exists, each expression compiles. The plan goes into the journal whole, so a run never reads its file again.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    agent::Access,
    ask::Unanswered,
    ids::{AgentName, ChannelName, RoleId, StepId},
    outcome::{FailureClass, ResultKind},
};

/// A checked workflow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The name by which it is run.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// A paragraph for people; may be empty.
    pub description: String,
    /// Which shelf it stands on.
    pub category: Category,
    /// SHA-256 of the file's text, in hex. A run is pinned to it.
    pub hash: String,
    /// The channel that its runs are shown in, where the file names one.
    pub channel: Option<ChannelName>,
    /// What it wants to be told, in the file's order.
    pub inputs: Vec<Input>,
    /// The parts that agents play, in the file's order.
    pub roles: Vec<Role>,
    /// What is done. Each step's `needs` name steps of the same list that come before it.
    pub steps: Vec<Step>,
    /// Where it stops and asks.
    pub limits: Limits,
}

/// The shelves of design §8.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// Looks at code.
    Review,
    /// Makes code.
    Build,
    /// Makes and runs tests.
    Test,
    /// The rest.
    #[default]
    Ops,
}

/// What a workflow wants to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    /// Its name in expressions: `inputs.NAME`.
    pub name: String,
    /// What it may be.
    pub kind: InputKind,
    /// One line for people.
    pub description: String,
    /// What it is when nobody says; `None` makes it required.
    pub default: Option<serde_json::Value>,
}

/// What an input may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum InputKind {
    /// Any text.
    Text,
    /// A file or folder of the workspace.
    Path,
    /// A whole number.
    Number,
    /// Yes or no.
    Flag,
}

/// A part that an agent plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its name.
    pub id: RoleId,
    /// One line for people; may be empty.
    pub description: String,
    /// Agents that would play it, best first. The first that is available does.
    pub prefer: Vec<AgentName>,
    /// What an agent must be good for, where none of the preferred is available.
    pub good_for: Option<String>,
    /// What it may do.
    pub access: Access,
    /// What is done where nobody answers what its turns ask; absent, the turn waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Unanswered>,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its name, unique in the file; its result goes by it in expressions.
    pub id: StepId,
    /// One line for people; may be empty.
    pub title: String,
    /// Steps of the same list that must be over (done or skipped) before it starts.
    pub needs: Vec<StepId>,
    /// A minijinja expression; the step is skipped where it is false.
    pub when: Option<String>,
    /// What it does.
    pub action: Action,
    /// What happens when it fails.
    pub on_failure: FailurePolicy,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "does", rename_all = "camelCase")]
pub enum Action {
    /// An agent takes a turn.
    Turn(TurnAction),
    /// A person is asked.
    Pause(PauseAction),
    /// Steps are done again and again.
    Repeat(RepeatAction),
}

/// An agent takes a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TurnAction {
    /// Who takes it.
    pub who: Who,
    /// The form of its result.
    pub result: ResultKind,
    /// A minijinja template.
    pub prompt: String,
    /// A minijinja expression that gives a path or a list of paths the turn is about.
    pub paths: Option<String>,
    /// A minijinja expression that gives a list of findings the turn is about.
    pub findings: Option<String>,
    /// How long the turn may take in all, in milliseconds, where the file says so.
    pub time: Option<u64>,
    /// What is done where nobody answers what it asks; the role's word where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Unanswered>,
}

/// Who takes a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Who {
    /// Whoever plays this role in the run.
    Role(RoleId),
    /// This agent (a `tool:` step).
    Agent(AgentName),
}

/// A person is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PauseAction {
    /// The step whose result is shown, may be edited, and is approved. The pause's own result is what was approved.
    pub show: Option<StepId>,
    /// A minijinja template: what the person is asked.
    pub message: String,
}

/// Steps are done again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RepeatAction {
    /// What each round does. Their results of the last round stay in sight until the next round replaces them.
    pub steps: Vec<Step>,
    /// A minijinja expression; looked at when a round's steps are over.
    pub until: String,
    /// How many rounds before a person is asked; with an operator, how many of its decisions.
    pub max: u32,
    /// The agent that decides what is done next, where the steps are not done by the rules of their needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorAction>,
}

impl RepeatAction {
    /// Returns when it is over, for people.
    pub fn ends(&self) -> String {
        match &self.operator {
            Some(operator) => format!("its operator ({}) finishes it", operator.role.as_str()),
            None => self.until.clone(),
        }
    }

    /// Returns what its bound counts, for people.
    pub fn counts(&self) -> &'static str {
        if self.operator.is_some() { "decisions" } else { "rounds" }
    }
}

/// An agent decides what is done next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorAction {
    /// The role that it plays.
    pub role: RoleId,
    /// A minijinja template: what it is to reach.
    pub prompt: String,
}

/// What happens when a step fails: per class, else by default (a pause).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FailurePolicy {
    /// What to do for a class.
    pub classes: BTreeMap<FailureClass, FailureAction>,
    /// What to do for the others.
    pub otherwise: FailureAction,
}

/// What happens when a step fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "then", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FailureAction {
    /// A person is asked.
    #[default]
    Pause,
    /// Again, up to `times` more, waiting `wait` milliseconds and twice as long each time.
    Retry {
        /// How many more tries.
        times: u32,
        /// How long to wait before the first, in milliseconds.
        wait: u64,
        /// What happens when they have failed too.
        #[serde(default)]
        after: After,
    },
    /// The next agent who could play the role does it; where nobody is left, a person is asked.
    Another,
    /// The run goes on without it, as if it had been skipped.
    Skip,
    /// The run fails.
    Fail,
}

/// What happens when the tries are used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum After {
    /// A person is asked.
    #[default]
    Pause,
    /// The run goes on without it.
    Skip,
    /// The run fails.
    Fail,
    /// The next agent who could play the role does it.
    Another,
}

/// Where a run stops and asks. All are on by default (promise 5); each can be raised at the pause it leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Turns that agents take.
    pub turns: u32,
    /// Milliseconds from the start, pauses not counted.
    pub time: u64,
    /// Tokens, where agents report them.
    pub tokens: u64,
    /// Millionths of a US dollar, where agents report them.
    pub micro_dollars: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { turns: 50, time: 2 * 60 * 60_000, tokens: 5_000_000, micro_dollars: 20_000_000 }
    }
}

impl Plan {
    /// Returns the step with this id, at any depth.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        find(&self.steps, id)
    }

    /// Returns every step at any depth, parents before their children.
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        all
    }
}

fn find<'a>(steps: &'a [Step], id: &StepId) -> Option<&'a Step> {
    steps.iter().find_map(|step| {
        if step.id == *id {
            return Some(step);
        }
        match &step.action {
            Action::Repeat(repeat) => find(&repeat.steps, id),
            Action::Turn(_) | Action::Pause(_) => None,
        }
    })
}

fn collect<'a>(steps: &'a [Step], all: &mut Vec<&'a Step>) {
    for step in steps {
        all.push(step);
        if let Action::Repeat(repeat) = &step.action {
            collect(&repeat.steps, all);
        }
    }
}
