//! A workflow that has passed its check: what a run is pinned to.
//!
//! `check` is the only way to make one from a file, so every reference in a plan is good: each `needs` names an earlier
//! step, each role exists, each expression compiles. The plan goes into the journal whole, so a run never reads its file again.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    agent::Access,
    ask::Unanswered,
    ids::{AgentName, ChannelName, RoleId, StepId},
    outcome::{FailureClass, ResultKind},
    workflow::context::Part,
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
    /// The step whose result is the workflow's, for a step that does it; the last one where the file names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<StepId>,
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
    /// Several values.
    List,
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
    /// Whether its turns are taken in a sandbox, and fail where there is none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
    /// Where several agents play it side by side: who would take each seat, best first; `prefer` where a seat names nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<Vec<AgentName>>,
}

impl Role {
    /// Returns whether several agents may play it side by side.
    pub fn is_shared(&self) -> bool {
        !self.seats.is_empty()
    }
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
    /// A step is done for each item of a list, or by each agent of a role.
    Each(EachAction),
    /// Steps are done together: for one item of a list.
    Group(GroupAction),
    /// Another workflow is done.
    Nested(NestedAction),
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
    /// What the prompt takes with it beside its words, the most important first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub context: Vec<Part>,
    /// How many tokens that may take, where the file says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u32>,
    /// How long the turn may take in all, in milliseconds, where the file says so.
    pub time: Option<u64>,
    /// Its own worktree, where it has one; else it works in the developer's own files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isolation: Option<Isolation>,
    /// What is done where nobody answers what it asks; the role's word where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Unanswered>,
    /// The most that it may do, where that is less than its role or its agent may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
    /// Whether it is taken in a sandbox, and fails where there is none, whatever its role says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sandbox: bool,
}

impl TurnAction {
    /// Returns what the turn may do where whoever takes it may do this.
    pub fn narrowed(&self, access: Access) -> Access {
        self.access.map_or(access, |it| it.min(access))
    }
}

/// A worktree of a turn's own, and what it is set up with beside the work tree's files of now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Isolation {
    /// Ignored files and folders that are copied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub copy: Vec<String>,
    /// Ignored files and folders that are linked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub link: Vec<String>,
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

/// A step is done for each item of a list, or by each agent of a role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EachAction {
    /// For what.
    pub over: Over,
    /// The name by which expressions read the item.
    pub item: String,
    /// How many are done at the same time.
    pub at_once: u32,
    /// How many items there may be.
    pub most: u32,
    /// What is done for each. It has the id of the step that holds it.
    pub body: Box<Step>,
    /// In a run: the body, once for each item. A plan that was only checked has none, and no record holds them.
    #[serde(skip)]
    pub instances: Vec<Step>,
}

/// What a step is done for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Over {
    /// The items of the list that this minijinja expression gives.
    List(String),
    /// The agents that play this role.
    Role(RoleId),
}

/// Steps are done together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupAction {
    /// What is done.
    pub steps: Vec<Step>,
}

/// Another workflow is done, as a part of this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NestedAction {
    /// The name by which it is run.
    pub workflow: String,
    /// SHA-256 of its file's text, in hex.
    pub hash: String,
    /// What it wants to be told.
    pub takes: Vec<Input>,
    /// What it is told: minijinja expressions of the workflow around it, by the inputs' names.
    pub inputs: BTreeMap<String, String>,
    /// Its roles that are played by whoever plays a role of the workflow around it.
    pub roles: BTreeMap<String, RoleId>,
    /// What is done. The ids begin with the id of the step that holds them.
    pub steps: Vec<Step>,
    /// The step whose result is the workflow's.
    pub result: Option<StepId>,
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

    /// Returns every step as it was planned, at any depth, parents before their children. What is done for each item of a list
    /// stands there once.
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(&self.steps, &mut all, &Step::planned);
        all
    }

    /// Returns every step of a run, at any depth, parents before their children: once for each item of a list.
    pub fn live_steps(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(&self.steps, &mut all, &Step::children);
        all
    }

    /// Returns the step with this id to be changed, at any depth.
    pub fn step_mut(&mut self, id: &StepId) -> Option<&mut Step> {
        find_mut(&mut self.steps, id)
    }
}

impl Step {
    /// Returns the steps that stand in it in a run.
    pub fn children(&self) -> &[Step] {
        match &self.action {
            Action::Turn(_) | Action::Pause(_) => &[],
            Action::Repeat(it) => &it.steps,
            Action::Each(it) => &it.instances,
            Action::Group(it) => &it.steps,
            Action::Nested(it) => &it.steps,
        }
    }

    /// Returns the steps that stand in it as it was planned.
    pub fn planned(&self) -> &[Step] {
        match &self.action {
            Action::Each(it) => std::slice::from_ref(&*it.body),
            _ => self.children(),
        }
    }

    /// Returns the step and all that stands in it in a run, parents before their children.
    pub fn with_children(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(std::slice::from_ref(self), &mut all, &Step::children);
        all
    }

    /// Returns the step and all that stands in it as it was planned, parents before their children.
    pub fn with_planned(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(std::slice::from_ref(self), &mut all, &Step::planned);
        all
    }

    /// Returns the steps that stand in it in a run, to be changed.
    pub fn children_mut(&mut self) -> &mut [Step] {
        match &mut self.action {
            Action::Turn(_) | Action::Pause(_) => &mut [],
            Action::Repeat(it) => &mut it.steps,
            Action::Each(it) => &mut it.instances,
            Action::Group(it) => &mut it.steps,
            Action::Nested(it) => &mut it.steps,
        }
    }
}

impl EachAction {
    /// Returns the body for one item of the list, counted from 1: every id in it says so.
    pub fn instance(&self, number: u32) -> Step {
        let mut own = Vec::new();
        collect(std::slice::from_ref(&*self.body), &mut own, &Step::planned);
        let own: BTreeSet<StepId> = own.into_iter().map(|it| it.id.clone()).collect();
        let mut step = (*self.body).clone();
        rename(&mut step, &|id| if own.contains(id) { id.of_item(number) } else { id.clone() });
        step
    }
}

/// Gives every id in a step, and every mention of it, another name.
pub fn rename(step: &mut Step, to: &dyn Fn(&StepId) -> StepId) {
    step.id = to(&step.id);
    for need in &mut step.needs {
        *need = to(need);
    }
    match &mut step.action {
        Action::Turn(_) => {}
        Action::Pause(it) => it.show = it.show.as_ref().map(to),
        Action::Repeat(it) => it.steps.iter_mut().for_each(|it| rename(it, to)),
        Action::Each(it) => {
            rename(&mut it.body, to);
            it.instances.iter_mut().for_each(|it| rename(it, to));
        }
        Action::Group(it) => it.steps.iter_mut().for_each(|it| rename(it, to)),
        Action::Nested(it) => {
            it.steps.iter_mut().for_each(|it| rename(it, to));
            it.result = it.result.as_ref().map(to);
        }
    }
}

/// Returns the step whose result stands for a list of steps: the last one, and in a loop or a group the last of its own.
pub fn last_result(steps: &[Step]) -> Option<&Step> {
    let last = steps.last()?;
    match &last.action {
        Action::Repeat(it) => last_result(&it.steps),
        Action::Group(it) => last_result(&it.steps),
        _ => Some(last),
    }
}

fn find<'a>(steps: &'a [Step], id: &StepId) -> Option<&'a Step> {
    steps.iter().find_map(|step| if step.id == *id { Some(step) } else { find(step.children(), id) })
}

fn find_mut<'a>(steps: &'a mut [Step], id: &StepId) -> Option<&'a mut Step> {
    steps.iter_mut().find_map(|step| if step.id == *id { Some(step) } else { find_mut(step.children_mut(), id) })
}

fn collect<'a>(steps: &'a [Step], all: &mut Vec<&'a Step>, inner: &dyn Fn(&'a Step) -> &'a [Step]) {
    for step in steps {
        all.push(step);
        collect(inner(step), all, inner);
    }
}
