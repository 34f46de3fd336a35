//! What readers see: the state at a revision, as the wire shows it.

use std::{ops::Bound, sync::Arc};

use super::{
    event::{Refusal, RefusalCode},
    leases::{Collision, Lease, Sign},
    operator::Decided,
    record::{Cause, Subject, TurnEnd, Wanted},
    run::{Past, Run, StepState},
    state::{AgentEntry, Channel, Key, Message, Pause, State, Turn, Worktree},
    timeline::{self, Stretch, Worker},
};
use crate::{
    ask::{Rule, Scope},
    channel::DEFAULT_CHANNEL,
    finding::Finding,
    ids::{ChannelName, MessageId, PauseId, RunId, TurnId},
    protocol::{
        AgentView, AskView, ChannelView, CollisionView, DecidedView, DiffParams, EditPlanResult, Feed, FindingsParams,
        InboxParams, Item, LeaseView, MessageView, MessagesParams, MessagesResult, PastStep, PauseView,
        PermissionsParams, PlanText, RunHistory, RunTurn, RunView, RunsParams, SentParams, StepStatus, StepView,
        SubscribeParams, TakenView, TurnView, TurnsParams, WorktreeView, is_settled,
    },
    workflow::plan::{Plan, Step},
};

/// How many messages one request gets at most.
const MESSAGES_AT_ONCE: u32 = 1_000;

/// The state at a revision. Cheap to make and to keep: it shares what other ones do not change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The journal's last record in it.
    pub rev: u64,
    state: State,
}

impl Snapshot {
    /// Takes a snapshot.
    pub fn of(state: &State) -> Self {
        Self { rev: state.rev, state: state.clone() }
    }

    /// Returns the state itself.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns whether the developer trusts the workspace.
    pub fn is_trusted(&self) -> bool {
        self.state.trusted
    }

    /// Returns how many runs have not ended.
    pub fn live_runs(&self) -> usize {
        self.state.live_runs.len()
    }

    /// Returns whether a turn goes on, or something will be done at a set time.
    pub fn is_at_work(&self) -> bool {
        !self.state.live_turns.is_empty()
            || self.state.next_wake().is_some()
            || !self.state.pending_checkpoints.is_empty()
            || !self.state.open_undos.is_empty()
            || self.state.open_worktrees.iter().filter_map(|it| self.state.worktree(*it)).any(|it| it.stage.goes_on())
    }

    /// Returns the worktrees whose folder is needed or still there, by id.
    pub fn worktrees(&self) -> Vec<WorktreeView> {
        let open = self.state.open_worktrees.iter().filter_map(|it| self.state.worktree(*it));
        open.map(|it| worktree_view(it)).collect()
    }

    /// Returns the channels by name.
    pub fn channels(&self) -> Vec<ChannelView> {
        self.state.channels.values().map(|it| channel_view(it)).collect()
    }

    /// Returns messages of a channel or thread, oldest first.
    pub fn messages(&self, params: &MessagesParams) -> Result<MessagesResult, Refusal> {
        let limit = params.limit.unwrap_or(100).min(MESSAGES_AT_ONCE) as usize;
        let before = params.before.map_or(u64::MAX, |it| it.0);
        let root = match params.thread {
            Some(id) => Some(self.state.message(id).ok_or_else(|| no_message(id))?),
            None => None,
        };
        let name = match (root, &params.channel) {
            (Some(root), _) => root.channel.clone(),
            (None, Some(name)) => name.clone(),
            (None, None) => DEFAULT_CHANNEL.parse::<ChannelName>().map_err(|_| no_channel(DEFAULT_CHANNEL))?,
        };
        let Some(channel) = self.state.channels.get(&name) else {
            return match &params.channel {
                Some(name) => Err(no_channel(name)),
                None => Ok(MessagesResult { messages: Vec::new(), rev: self.rev }),
            };
        };
        let thread = root.map(|it| it.thread.unwrap_or(it.id));
        let end = channel.messages.binary_search_by(|it| it.0.cmp(&before)).unwrap_or_else(|it| it);
        let mut messages: Vec<MessageView> = channel
            .messages
            .take(end)
            .iter()
            .rev()
            .filter_map(|it| self.state.message(*it))
            .filter(|it| thread.is_none_or(|thread| it.id == thread || it.thread == Some(thread)))
            .take(limit)
            .map(|it| message_view(it))
            .collect();
        messages.reverse();
        Ok(MessagesResult { messages, rev: self.rev })
    }

    /// Returns what was sent in a turn, or for a message. A prompt that is no longer in memory is empty: `sent_at` finds it.
    pub fn sent(&self, params: &SentParams) -> Result<Vec<TurnView>, Refusal> {
        let turns: Vec<TurnId> = match (params.turn, params.message) {
            (Some(turn), _) => vec![turn],
            (None, Some(id)) => {
                let message = self.state.message(id).ok_or_else(|| no_message(id))?;
                message.about.turn.into_iter().chain(message.deliveries.iter().filter_map(|it| it.turn)).collect()
            }
            (None, None) => return Err(Refusal::new(RefusalCode::Invalid, "name a turn or a message")),
        };
        turns.into_iter().map(|id| self.state.turn(id).map(|it| turn_view(it)).ok_or_else(|| no_turn(id))).collect()
    }

    /// Returns the number of the journal's record that holds what was sent in a turn.
    pub fn sent_at(&self, turn: TurnId) -> Option<u64> {
        self.state.turn(turn)?.sent_at
    }

    /// Returns runs, oldest first.
    pub fn runs(&self, params: &RunsParams) -> Result<Vec<RunView>, Refusal> {
        if let Some(id) = params.run {
            return Ok(vec![self.state.runs.get(&id).map(|it| run_view(&self.state, it)).ok_or_else(|| no_run(id))?]);
        }
        if params.live {
            let live = self.state.live_runs.iter().filter_map(|it| self.state.runs.get(it));
            return Ok(live.map(|it| run_view(&self.state, it)).collect());
        }
        Ok(self.state.runs.values().map(|it| run_view(&self.state, it)).collect())
    }

    /// Returns the turns that a run took, oldest first.
    pub fn turns(&self, params: &TurnsParams) -> Result<Vec<RunTurn>, Refusal> {
        self.state.runs.get(&params.run).ok_or_else(|| no_run(params.run))?;
        Ok(self.state.turns.iter().filter_map(|it| run_turn(it, params.run)).collect())
    }

    /// Returns the stretches of work that a diff is asked of, and what is not known of them.
    pub fn work(&self, params: &DiffParams) -> Result<(Vec<Stretch>, Vec<String>), Refusal> {
        let DiffParams { run, step, by, whole: _ } = params;
        let known = self.state.runs.get(run).ok_or_else(|| no_run(*run))?;
        if let Some(step) = step {
            known.step(step).ok_or_else(|| {
                missing("step", format!("{step} of {run}"), &format!("`callboard show {run}` lists them"))
            })?;
        }
        if let Some(by) = by {
            self.state.agents.get(by).ok_or_else(|| missing("agent", by, "`callboard agents` lists them"))?;
        }
        let wanted = |it: &Worker| {
            it.run == *run
                && step.as_ref().is_none_or(|step| it.step == *step)
                && by.as_ref().is_none_or(|by| it.agent == *by)
        };
        let stretches = timeline::stretches(&self.state).into_iter().filter(|it| it.by.iter().any(wanted)).collect();
        let mut notes = timeline::missing(&self.state, *run, step.as_ref());
        let last = self.state.checkpoints.iter().rev().find(|it| it.run == *run && matches!(it.outcome, Some(Ok(_))));
        for it in last.map(|it| Arc::clone(&it.left_out)).unwrap_or_default().iter() {
            notes.push(format!("{} is in no checkpoint: {}", it.path, it.why));
        }
        Ok((stretches, notes))
    }

    /// Returns what the rounds of a run that are over came to.
    pub fn history(&self, run: RunId) -> Result<RunHistory, Refusal> {
        let run = self.state.runs.get(&run).ok_or_else(|| no_run(run))?;
        let steps = run.history.iter().map(|it| past_view(run, it)).collect();
        Ok(RunHistory { steps, forgotten: run.forgotten, rev: self.rev })
    }

    /// Returns a run's plan as a file to be edited.
    pub fn plan_text(&self, run: RunId) -> Result<PlanText, Refusal> {
        let run = self.state.runs.get(&run).ok_or_else(|| no_run(run))?;
        Ok(PlanText { text: super::decide::edit::text_of(run), hash: run.plan.hash.clone() })
    }

    /// Returns what an edit of a run's plan would change.
    pub fn weigh_edit(&self, run: RunId, plan: &Plan, hash: &str) -> Result<EditPlanResult, Refusal> {
        let edit = super::decide::edit::weigh(&self.state, run, plan, hash)?;
        let (before, after) = (hash.to_owned(), edit.plan.hash.clone());
        Ok(EditPlanResult { changes: edit.changes, before, after, rev: self.rev })
    }

    /// Returns the workflow that a run is pinned to.
    pub fn plan(&self, run: RunId) -> Result<Arc<Plan>, Refusal> {
        self.state.runs.get(&run).map(|it| Arc::clone(&it.plan)).ok_or_else(|| no_run(run))
    }

    /// Returns what waits for a person, oldest first.
    pub fn inbox(&self, params: &InboxParams) -> Result<Vec<PauseView>, Refusal> {
        if let Some(id) = params.pause {
            return Ok(vec![self.state.pause(id).map(|it| pause_view(it)).ok_or_else(|| no_pause(id))?]);
        }
        if params.all {
            return Ok(self.state.pauses.iter().map(|it| pause_view(it)).collect());
        }
        Ok(self.state.open_pauses.iter().filter_map(|it| self.state.pause(*it)).map(|it| pause_view(it)).collect())
    }

    /// Returns the permissions that are remembered, oldest first.
    pub fn permissions(&self, params: &PermissionsParams) -> Vec<Rule> {
        self.state.rules.iter().filter(|it| params.all || it.ended.is_none()).map(|it| (**it).clone()).collect()
    }

    /// Returns the agents by name.
    pub fn agents(&self) -> Vec<AgentView> {
        self.state.agents.values().map(|it| agent_view(&self.state, it)).collect()
    }

    /// Returns findings by id.
    pub fn findings(&self, params: &FindingsParams) -> Result<Vec<Finding>, Refusal> {
        if let Some(run) = params.run
            && !self.state.runs.contains_key(&run)
        {
            return Err(no_run(run));
        }
        let wanted = |it: &&Arc<Finding>| {
            (params.all || !is_settled(&it.state)) && params.run.is_none_or(|run| it.run == Some(run))
        };
        Ok(self.state.findings.iter().filter(wanted).map(|it| (**it).clone()).collect())
    }

    /// Returns the present form of all that changed after `since` and passes the filter, oldest change first.
    pub fn changed_since(&self, since: u64, filter: &SubscribeParams) -> Feed {
        let after = (Bound::Excluded((since, last_key())), Bound::<(u64, Key)>::Unbounded);
        let items = self.state.touched.range(after).filter_map(|(_, key)| self.item(key, filter)).collect();
        Feed { rev: self.rev, items }
    }

    fn item(&self, key: &Key, filter: &SubscribeParams) -> Option<Item> {
        let of_run = |run| filter.run.is_none() || filter.run == run;
        let of_channel = |channel: &ChannelName| filter.channel.as_ref().is_none_or(|it| it == channel);
        match key {
            Key::Channel(name) => {
                let it = self.state.channels.get(name)?;
                (filter.run.is_none() && of_channel(name)).then(|| Item::Channel(channel_view(it)))
            }
            Key::Message(id) => {
                let it = self.state.message(*id)?;
                (of_run(it.about.run) && of_channel(&it.channel)).then(|| Item::Message(Box::new(message_view(it))))
            }
            Key::Run(id) => {
                let it = self.state.runs.get(id)?;
                (of_run(Some(*id)) && of_channel(&it.channel)).then(|| Item::Run(Box::new(run_view(&self.state, it))))
            }
            Key::Pause(id) => {
                let it = self.state.pause(*id)?;
                (of_run(it.subject.run()) && of_channel(&it.channel)).then(|| Item::Pause(Box::new(pause_view(it))))
            }
            Key::Agent(name) => {
                let it = self.state.agents.get(name)?;
                let plays = |run| {
                    self.state.runs.get(&run).is_none_or(|run| {
                        run.roles.values().chain(run.casts.values().flatten()).any(|it| it == name)
                            || run.steps.values().any(|it| it.by.as_ref() == Some(name))
                    })
                };
                filter.run.is_none_or(plays).then(|| Item::Agent(agent_view(&self.state, it)))
            }
            Key::Finding(id) => {
                let it = self.state.finding(*id)?;
                of_run(it.run).then(|| Item::Finding(Box::new((**it).clone())))
            }
        }
    }
}

/// Returns a key behind which none of the same revision stands.
fn last_key() -> Key {
    Key::Finding(crate::ids::FindingId(u64::MAX))
}

fn missing(what: &str, which: impl std::fmt::Display, how: &str) -> Refusal {
    let message = format!("there is no {what} {which} in this workspace; {how}");
    Refusal::new(RefusalCode::NotFound, message)
}

fn no_message(id: MessageId) -> Refusal {
    missing("message", id, "`callboard channel show` lists them")
}

fn no_channel(name: impl std::fmt::Display) -> Refusal {
    missing("channel", name, "`callboard channel list` lists them")
}

fn no_turn(id: TurnId) -> Refusal {
    missing("turn", id, "`callboard channel sent MESSAGE` lists those of a message")
}

fn no_run(id: RunId) -> Refusal {
    missing("run", id, "`callboard runs` lists them")
}

fn no_pause(id: PauseId) -> Refusal {
    missing("pause", id, "`callboard inbox --all` lists them")
}

fn channel_view(it: &Channel) -> ChannelView {
    ChannelView {
        name: it.name.clone(),
        default_agent: it.default_agent.clone(),
        messages: it.messages.len() as u64,
        usage: it.usage,
        rev: it.rev,
    }
}

fn message_view(it: &Message) -> MessageView {
    MessageView {
        id: it.id,
        channel: it.channel.clone(),
        thread: it.thread,
        author: it.author.clone(),
        at: it.at,
        text: it.text.to_string(),
        about: (it.about != crate::protocol::About::default()).then(|| it.about.clone()),
        hops: it.hops,
        deliveries: it.deliveries.clone(),
        rev: it.rev,
    }
}

fn turn_view(it: &Turn) -> TurnView {
    TurnView {
        id: it.id,
        agent: it.agent.clone(),
        prompt: it.sent.as_ref().map_or_else(String::new, |it| it.prompt.to_string()),
        queued: it.queued,
        started: it.began,
        ended: it.ended.as_ref().map(|it| it.0),
        usage: it.usage,
    }
}

fn run_turn(it: &Turn, wanted: RunId) -> Option<RunTurn> {
    let Cause::Step { run, step } = &it.cause else { return None };
    let (outcome, failure) = match it.ended.as_ref().map(|it| &it.1) {
        None => (None, None),
        Some(TurnEnd::Answered) => (Some("answered"), None),
        Some(TurnEnd::Failed { failure }) => (Some("failed"), Some(failure.clone())),
        Some(TurnEnd::Lost) => (Some("lost"), None),
        Some(TurnEnd::Withdrawn) => (Some("withdrawn"), None),
    };
    (*run == wanted).then(|| RunTurn {
        id: it.id,
        agent: it.agent.clone(),
        step: step.clone(),
        queued: it.queued,
        started: it.began,
        ended: it.ended.as_ref().map(|it| it.0),
        outcome: outcome.map(str::to_owned),
        failure,
        usage: it.usage,
    })
}

fn pause_view(it: &Pause) -> PauseView {
    PauseView {
        id: it.id,
        kind: it.kind,
        title: it.title.clone(),
        run: it.subject.run(),
        step: it.subject.step().cloned(),
        channel: it.channel.clone(),
        opened: it.opened,
        document: it.document.to_string(),
        hash: it.hash.clone(),
        decisions: it.decisions.clone(),
        steering: it.steering.to_string(),
        ask: ask_view(it),
        answered: it.answered.clone(),
        rev: it.rev,
    }
}

fn worktree_view(it: &Worktree) -> WorktreeView {
    WorktreeView {
        id: it.id,
        run: it.run,
        step: it.step.clone(),
        stage: it.stage.shown(),
        folder: it.folder.to_string(),
        why: it.kept.to_string(),
    }
}

fn ask_view(it: &Pause) -> Option<AskView> {
    let Subject::Ask { turn, agent, run, wants, .. } = &it.subject else { return None };
    let mut view = AskView { turn: *turn, agent: agent.clone(), tool: None, scopes: Vec::new(), choices: Vec::new() };
    match wants {
        Wanted::Permission { tool, pattern } => {
            view.tool = Some(tool.clone());
            view.scopes.push(Scope::Once);
            if pattern.is_some() {
                view.scopes.extend(run.map(|_| Scope::Run));
                view.scopes.push(Scope::Always);
            }
        }
        Wanted::Answer { choices } => view.choices.clone_from(choices),
    }
    Some(view)
}

fn agent_view(state: &State, it: &AgentEntry) -> AgentView {
    AgentView {
        info: it.info.clone(),
        claim: it.claim.clone(),
        since: it.since,
        turn: it.live,
        taken: it.taken.as_ref().map(|it| TakenView { by: it.by.to_string(), since: it.since, stage: it.stage }),
        queued: u32::try_from(it.queue.len()).unwrap_or(u32::MAX),
        usage: it.usage,
        files: leases_of(state, it),
        rev: it.rev,
    }
}

/// How many files an agent is shown to be changing.
const MOST_LEASES: usize = 100;

fn leases_of(state: &State, agent: &AgentEntry) -> Vec<LeaseView> {
    let Some(turn) = agent.live else { return Vec::new() };
    let own = state.files.live().filter(|(_, it)| it.turn == turn);
    let view = |(path, it): (&Arc<str>, &Lease)| {
        let of_file = state.files.leases.get(path).into_iter().flatten();
        let others = of_file.filter(|it| it.ended.is_none() && it.turn != turn);
        LeaseView {
            path: path.to_string(),
            turn,
            since: it.since,
            sign: match it.sign {
                Sign::Said => "said",
                Sign::Seen => "seen",
                Sign::Perhaps => "perhaps",
            }
            .to_owned(),
            with: others.map(|it| it.agent.clone()).collect(),
        }
    };
    own.take(MOST_LEASES).map(view).collect()
}

fn collisions_of(state: &State, run: RunId) -> Vec<CollisionView> {
    let of_run = state.files.collisions.iter().filter(|it| it.runs.contains(&run));
    let view = |it: &Arc<Collision>| CollisionView {
        path: it.path.to_string(),
        agents: it.agents.clone(),
        person: it.person.as_deref().map(str::to_owned),
        sure: it.sure,
        message: it.message,
        at: it.at,
    };
    of_run.map(view).collect()
}

fn run_view(state: &State, it: &Run) -> RunView {
    let mut steps = Vec::new();
    step_views(it, &it.plan.steps, 0, &mut steps);
    RunView {
        id: it.id,
        workflow: it.plan.name.clone(),
        title: it.plan.title.clone(),
        hash: it.plan.hash.clone(),
        channel: it.channel.clone(),
        thread: Some(it.thread),
        by: it.by.to_string(),
        started: it.started,
        ended: it.ended.as_ref().map(|it| it.0),
        status: it.status(),
        why: it.ended.as_ref().map_or_else(String::new, |it| it.2.to_string()),
        inputs: (*it.inputs).clone(),
        roles: it.roles.iter().map(|(role, agent)| (role.as_str().to_owned(), agent.clone())).collect(),
        casts: it.casts.iter().map(|(role, all)| (role.as_str().to_owned(), all.clone())).collect(),
        steps,
        turns: it.turns,
        usage: it.usage,
        changed_files: u32::try_from(it.changed.len()).unwrap_or(u32::MAX),
        collisions: collisions_of(state, it.id),
        rev: it.rev,
    }
}

fn step_views(run: &Run, steps: &[Step], depth: u32, views: &mut Vec<StepView>) {
    for step in steps {
        let Some(now) = run.step(&step.id) else { continue };
        views.push(step_view(step, now, depth));
        step_views(run, step.children(), depth + 1, views);
    }
}

fn past_view(run: &Run, it: &Past) -> PastStep {
    let title = run.plan.step(&it.step).map(|it| it.title.clone()).filter(|it| !it.is_empty());
    let now = &it.state;
    let outcome = match (&now.failure, &now.result, now.status) {
        (Some(failure), _, StepStatus::Failed) => format!("{}: {}", failure.class.name(), failure.message),
        (_, _, StepStatus::Skipped) => "skipped".to_owned(),
        (_, Some(result), _) => result.line(),
        _ => String::new(),
    };
    PastStep {
        step: it.step.clone(),
        title: title.unwrap_or_else(|| it.step.to_string()),
        within: it.within.clone(),
        round: now.round.max(now.lap),
        attempt: now.attempt,
        status: now.status,
        agent: now.by.clone(),
        started: now.started,
        ended: now.ended,
        usage: now.usage,
        outcome: outcome.lines().next().unwrap_or("").chars().take(200).collect(),
    }
}

/// The longest line for an item, in characters.
const MOST_ITEM: usize = 80;

/// Returns an item in a line: its text, or what names it, or the value itself.
fn item_line(item: &serde_json::Value) -> String {
    let named = ["title", "name", "text", "id", "path"].iter().find_map(|it| item.get(it)?.as_str());
    let text = item.as_str().or(named).map_or_else(|| item.to_string(), ToOwned::to_owned);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MOST_ITEM { line } else { line.chars().take(MOST_ITEM - 1).chain(['…']).collect() }
}

fn step_view(step: &Step, now: &StepState, depth: u32) -> StepView {
    StepView {
        id: step.id.clone(),
        title: if step.title.is_empty() { step.id.to_string() } else { step.title.clone() },
        item: now.item.as_deref().map(item_line),
        depth,
        // With its result there and its work not merged it is not over yet.
        status: if now.unmerged && now.status == StepStatus::Done { StepStatus::Running } else { now.status },
        round: now.round.max(now.lap),
        attempt: now.attempt,
        agent: now.by.clone(),
        turn: now.turn,
        pause: now.pause,
        started: now.started,
        ended: now.ended,
        result: now.result.as_deref().cloned(),
        failure: now.failure.clone(),
        usage: now.usage,
        decided: now.operation.log.iter().map(|it| decided_view(it)).collect(),
    }
}

fn decided_view(it: &Decided) -> DecidedView {
    DecidedView { turn: it.turn, what: it.what.to_string(), why: it.why.to_string(), refused: it.refused }
}
