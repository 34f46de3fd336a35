//! Runs as a whole: start, hold, limits, end; and what the shell tells of trust, agents and time.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::{Draft, advance, checkpoint, follow, human, not_found, pause, talk, turn, worktree};
use crate::{
    agent::AgentInfo,
    finding::FindingState,
    hub::{
        effect::Effect,
        event::{Actor, Answer, Refusal, RefusalCode},
        record::{Cause, Record, RunLimit, Subject, TurnEnd},
        state::{Keyed, State},
    },
    ids::{AgentName, ChannelName, RoleId, RunId, StepId, TurnId},
    outcome::Usage,
    protocol::{About, Author, Players, RunStatus},
    workflow::{
        cast,
        plan::{Action, Input, InputKind, Plan, Role, Who},
    },
};

pub(super) fn start(
    draft: &mut Draft,
    by: &Actor,
    plan: &Arc<Plan>,
    inputs: &BTreeMap<String, Value>,
    roles: &BTreeMap<String, Players>,
    channel: Option<&ChannelName>,
    key: Option<&str>,
) -> Result<Answer, Refusal> {
    let by = human(by, "start a workflow")?;
    if let Some(Keyed::Run(run)) = key.and_then(|key| draft.state.keys.get(key)) {
        return Ok(Answer::Started(*run));
    }
    if !draft.state.trusted {
        return Err(Refusal::new(
            RefusalCode::Untrusted,
            "this workspace is not trusted, so nothing is started for it; see what would be used with `callboard trust`",
        ));
    }
    let inputs = take_inputs(&plan.name, &plan.inputs, inputs)?;
    let Cast { roles, casts } = bind_roles(&draft.state, plan, roles)?;
    let channel = channel.or(plan.channel.as_ref()).cloned().unwrap_or_else(talk::default_channel);
    let run = draft.state.next_run();
    let players: Vec<String> = roles
        .iter()
        .map(|(role, agent)| {
            let all = casts.get(role).map_or(std::slice::from_ref(agent), Vec::as_slice);
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("{} as {}", names.join(" and "), role.as_str())
        })
        .collect();
    let cast = if players.is_empty() { String::new() } else { format!(": {}", players.join(", ")) };
    let text = format!("**{}** ({run}), started by {by}{cast}", plan.title);
    let about = About { run: Some(run), ..About::default() };
    let thread = draft.say(Author::Operator, &channel, None, about, &text);
    draft.emit(Record::RunStarted {
        run,
        plan: Arc::clone(plan),
        inputs: Arc::new(inputs),
        roles: Arc::new(roles),
        casts: Arc::new(casts),
        channel,
        thread,
        by: by.to_owned(),
        key: key.map(ToOwned::to_owned),
    });
    checkpoint::at_start(draft, run);
    advance::advance(draft, run);
    Ok(Answer::Started(run))
}

/// Reads what a workflow is told; what is left out has its default.
pub(super) fn take_inputs(
    workflow: &str,
    takes: &[Input],
    given: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    if let Some(unknown) = given.keys().find(|it| !takes.iter().any(|input| input.name == **it)) {
        let known: Vec<&str> = takes.iter().map(|it| it.name.as_str()).collect();
        let known =
            if known.is_empty() { "it takes none".to_owned() } else { format!("it takes {}", known.join(", ")) };
        return Err(invalid(format!("{workflow} has no input {unknown:?}; {known}")));
    }
    let mut taken = BTreeMap::new();
    for input in takes {
        let value = match given.get(&input.name) {
            Some(value) => read_input(input, value).map_err(invalid)?,
            None => input.default.clone().ok_or_else(|| {
                invalid(format!(
                    "{workflow} needs the input {} ({}); give it with --input {}=…",
                    input.name, input.description, input.name
                ))
            })?,
        };
        taken.insert(input.name.clone(), value);
    }
    Ok(taken)
}

/// The most values of an input that is a list.
const MOST_ITEMS: usize = 1_000;
const TOO_LONG: &str = "a list of at most 1000 values";

/// Reads an input. Commands send text for everything, so text is taken for every kind where it reads as one.
fn read_input(input: &Input, value: &Value) -> Result<Value, String> {
    let bad = |what: &str| format!("the input {} must be {what}, not {value}", input.name);
    match (input.kind, value) {
        (InputKind::Path, Value::String(path)) => {
            let escapes = path.starts_with('/') || path.split(['/', '\\']).any(|it| it == "..") || path.contains('\0');
            if escapes { Err(bad("a path inside the workspace, from its root")) } else { Ok(value.clone()) }
        }
        (InputKind::Text, Value::String(_)) | (InputKind::Flag, Value::Bool(_)) => Ok(value.clone()),
        (InputKind::Number, Value::Number(it)) if it.is_i64() || it.is_u64() => Ok(value.clone()),
        (InputKind::Number, Value::String(it)) => {
            it.trim().parse::<i64>().map(Value::from).map_err(|_| bad("a whole number"))
        }
        (InputKind::Flag, Value::String(it)) => match it.as_str() {
            "true" | "yes" | "on" => Ok(Value::Bool(true)),
            "false" | "no" | "off" => Ok(Value::Bool(false)),
            _ => Err(bad("yes or no")),
        },
        (InputKind::List, Value::Array(items)) if items.len() <= MOST_ITEMS => Ok(value.clone()),
        (InputKind::List, Value::String(text)) => {
            let items: Value = if text.trim_start().starts_with('[') {
                serde_json::from_str(text)
                    .map_err(|_| bad("a list: JSON such as [\"a\", \"b\"], or a line for each"))?
            } else {
                text.lines().map(str::trim).filter(|it| !it.is_empty()).collect()
            };
            if items.as_array().is_some_and(|it| it.len() <= MOST_ITEMS) { Ok(items) } else { Err(bad(TOO_LONG)) }
        }
        (InputKind::List, Value::Array(_)) => Err(bad(TOO_LONG)),
        (InputKind::List, _) => Err(bad("a list")),
        (InputKind::Text, _) => Err(bad("text")),
        (InputKind::Path, _) => Err(bad("a path")),
        (InputKind::Number, _) => Err(bad("a whole number")),
        (InputKind::Flag, _) => Err(bad("yes or no")),
    }
}

/// Who plays which role.
#[derive(Debug, Default)]
pub(super) struct Cast {
    /// One for each role.
    pub(super) roles: BTreeMap<RoleId, AgentName>,
    /// All of those that several play.
    pub(super) casts: BTreeMap<RoleId, Vec<AgentName>>,
}

/// Returns who plays which role: those that were given, and for the others whoever is here.
pub(super) fn bind_roles(state: &State, plan: &Plan, given: &BTreeMap<String, Players>) -> Result<Cast, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    if let Some(unknown) = given.keys().find(|it| !plan.roles.iter().any(|role| role.id.as_str() == **it)) {
        let known: Vec<&str> = plan.roles.iter().map(|it| it.id.as_str()).collect();
        return Err(invalid(format!("{} has no role {unknown:?}; it has {}", plan.name, known.join(", "))));
    }
    let mut cast = Cast::default();
    for role in &plan.roles {
        let agents = if let Some(agents) = given.get(role.id.as_str()) {
            for agent in agents.names() {
                check_agent(state, agent, Some(role))?;
            }
            cast::check_count(role, agents.names()).map_err(invalid)?;
            agents.names().to_vec()
        } else {
            let agents: Vec<&AgentInfo> = state.agents.values().map(|it| &it.info).collect();
            cast::choose_all(&agents, role).map_err(|why| Refusal::new(RefusalCode::NoAgent, why))?
        };
        if let Some(first) = agents.first() {
            cast.roles.insert(role.id.clone(), first.clone());
        }
        if role.is_shared() {
            cast.casts.insert(role.id.clone(), agents);
        }
    }
    for step in plan.all_steps() {
        if let Action::Turn(turn) = &step.action
            && let Who::Agent(agent) = &turn.who
        {
            check_agent(state, agent, None)?;
        }
    }
    Ok(cast)
}

/// Refuses an agent that is not known, not installed, or may not do what a role asks for.
pub(super) fn check_agent(state: &State, agent: &AgentName, role: Option<&Role>) -> Result<(), Refusal> {
    let entry =
        state.agents.get(agent).ok_or_else(|| not_found(format!("agent {agent}"), "`callboard agents` lists them"))?;
    if let Some(missing) = &entry.info.missing {
        return Err(Refusal::new(RefusalCode::NoAgent, format!("{agent} can't be used: {missing}")));
    }
    if let Some(role) = role
        && role.access > entry.info.access
    {
        let message = format!("{agent} may only read, and the role {} has to write", role.id.as_str());
        return Err(Refusal::new(RefusalCode::NoAgent, message));
    }
    Ok(())
}

/// Takes the work up at the hub's start.
pub(super) fn started(draft: &mut Draft, trusted: bool, agents: &[AgentInfo]) {
    know_agents(draft, agents);
    if draft.state.trusted != trusted {
        draft.emit(Record::TrustChanged { trusted });
    }
    // Files may have changed while no hub was there to see it.
    follow::all(draft);
    turn::recover(draft);
}

/// Ends a run: what waits for a person no longer does, what waits in a queue is taken back, what goes on is stopped.
pub(super) fn end(draft: &mut Draft, id: RunId, status: RunStatus, why: &str) {
    if !draft.state.live_runs.contains(&id) {
        return;
    }
    draft.emit(Record::RunEnded { run: id, status, why: why.to_owned() });
    let idle: Vec<_> = draft
        .state
        .open_pauses
        .iter()
        .filter_map(|it| draft.state.pause(*it))
        // A clash outlives the run: both texts are there still, and a person chooses.
        .filter(|it| it.subject.run() == Some(id) && !matches!(it.subject, Subject::Clash { .. }))
        .map(|it| (it.id, it.hash.clone()))
        .collect();
    for (pause, hash) in idle {
        let by = format!("the end of {id}");
        draft.emit(Record::PauseAnswered { pause, by, decision: crate::document::Decision::Stop, hash });
    }
    for (turn, _, _) in turns_of(&draft.state, Some(id)) {
        drop_turn(draft, turn);
    }
    draft.announce(id, About::default(), &closing_words(&draft.state, id, status, why));
}

/// Takes a turn back where it waits, and has it stopped where it goes on.
pub(super) fn drop_turn(draft: &mut Draft, id: TurnId) {
    let Some(turn) = draft.state.turn(id).filter(|it| it.ended.is_none()).cloned() else { return };
    if draft.state.live_turns.contains(&id) {
        draft.effect(Effect::InterruptTurn { agent: turn.agent.clone(), turn: id });
    } else {
        draft.emit(Record::TurnEnded { turn: id, how: TurnEnd::Withdrawn, usage: Usage::default() });
        turn::kick(draft, &turn.agent);
    }
}

fn closing_words(state: &State, id: RunId, status: RunStatus, why: &str) -> String {
    let word = match status {
        RunStatus::Approved => "approved",
        RunStatus::Done => "done",
        RunStatus::Failed => "failed",
        RunStatus::Rejected => "rejected",
        RunStatus::Stopped => "stopped",
        RunStatus::Running | RunStatus::Waiting | RunStatus::Held => "going on",
    };
    let count = |wanted: fn(&FindingState) -> bool| {
        state.findings.iter().filter(|it| it.run == Some(id) && wanted(&it.state)).count()
    };
    let mut counted = Vec::new();
    for (n, what) in [
        (count(|it| *it == FindingState::Fixed), "fixed"),
        (count(|it| matches!(it, FindingState::Accepted { .. })), "accepted"),
        (count(|it| matches!(it, FindingState::Dismissed { .. })), "dismissed"),
        (count(FindingState::is_open), "open"),
    ] {
        if n > 0 {
            counted.push(format!("{n} {what}"));
        }
    }
    let findings = if counted.is_empty() { String::new() } else { format!(" Findings: {}.", counted.join(", ")) };
    let changed = state.runs.get(&id).map_or(0, |it| it.changed.len());
    let files = match changed {
        0 => String::new(),
        n => format!(
            " {} changed: `callboard show {id} --diff` shows what, `callboard undo {id}` puts back what was there.",
            checkpoint::files(n)
        ),
    };
    let steering = state.runs.get(&id).and_then(|it| pause::steering(it));
    let steering = steering.map_or_else(String::new, |it| format!(" Look at what steers programs: {it}."));
    format!("{id} is **{word}**: {why}.{findings}{files}{steering}")
}

/// Returns the turns of a run, or all of them, that have not ended, each with whether its agent has it already.
fn turns_of(state: &State, run: Option<RunId>) -> Vec<(TurnId, AgentName, bool)> {
    let mut found = Vec::new();
    for entry in state.agents.values() {
        let queued = entry.queue.iter().map(|it| (*it, false));
        for (id, live) in entry.live.iter().map(|it| (*it, true)).chain(queued) {
            let Some(turn) = state.turn(id) else { continue };
            let of_run = matches!(&turn.cause, Cause::Step { run: of, .. } if Some(*of) == run);
            if run.is_none() || of_run {
                found.push((id, turn.agent.clone(), live));
            }
        }
    }
    found
}

pub(super) fn cancel(draft: &mut Draft, by: &Actor, run: RunId) -> Result<Answer, Refusal> {
    let by = human(by, "end a run")?;
    live(draft, run)?;
    end(draft, run, RunStatus::Stopped, &format!("{by} stopped it"));
    Ok(Answer::Done)
}

pub(super) fn hold(draft: &mut Draft, by: &Actor, run: Option<RunId>, interrupt: bool) -> Result<Answer, Refusal> {
    let by = human(by, "pause the work")?.to_owned();
    if let Some(run) = run {
        live(draft, run)?;
    }
    let held = run.map_or(draft.state.held, |it| draft.state.runs.get(&it).is_some_and(|it| it.held));
    if !held {
        draft.emit(Record::Held { run, by: by.clone() });
        if let Some(run) = run {
            draft.announce(
                run,
                About::default(),
                &format!("{by} paused {run}: no step starts until `callboard resume {run}`."),
            );
        }
    }
    if interrupt {
        for (turn, agent, live) in turns_of(&draft.state, run) {
            if live {
                // Its end may come after the work was resumed, and is to be known then for what it is.
                if draft.state.turn(turn).is_some_and(|it| !it.interrupted) {
                    draft.emit(Record::TurnInterrupted { turn });
                }
                draft.effect(Effect::InterruptTurn { agent, turn });
            }
        }
    }
    Ok(Answer::Done)
}

pub(super) fn release(draft: &mut Draft, by: &Actor, run: Option<RunId>) -> Result<Answer, Refusal> {
    let by = human(by, "resume the work")?.to_owned();
    if let Some(run) = run {
        live(draft, run)?;
    }
    let held = run.map_or(draft.state.held, |it| draft.state.runs.get(&it).is_some_and(|it| it.held));
    if held {
        draft.emit(Record::Released { run, by: by.clone() });
        if let Some(run) = run {
            draft.announce(run, About::default(), &format!("{by} resumed {run}."));
        }
        go_on(draft);
    }
    Ok(Answer::Done)
}

fn live(draft: &Draft, run: RunId) -> Result<(), Refusal> {
    match draft.state.runs.get(&run) {
        None => Err(not_found(format!("run {run}"), "`callboard runs` lists them")),
        Some(it) if it.ended.is_some() => {
            Err(Refusal::new(RefusalCode::Invalid, format!("{run} is over; `callboard show {run}` tells how")))
        }
        Some(_) => Ok(()),
    }
}

/// Starts those turns of a run that waited in queues for its limit to be raised.
pub(super) fn kick_queued(draft: &mut Draft, run: RunId) {
    for (_, agent, live) in turns_of(&draft.state, Some(run)) {
        if !live {
            turn::kick(draft, &agent);
        }
    }
}

/// Starts whatever may start now.
fn go_on(draft: &mut Draft) {
    let agents: Vec<AgentName> = draft.state.agents.keys().cloned().collect();
    for agent in agents {
        turn::kick(draft, &agent);
    }
    let runs: Vec<RunId> = draft.state.live_runs.iter().copied().collect();
    for run in runs {
        advance::advance(draft, run);
    }
}

/// What those are told whose runs wait for trust.
const UNTRUSTED: &str = "Nothing more is started here: what the workspace configures is not what was trusted. `callboard trust \
                         --show` shows it; once it is trusted, this run goes on by itself.";

pub(super) fn trust(draft: &mut Draft, trusted: bool) {
    if draft.state.trusted != trusted {
        draft.emit(Record::TrustChanged { trusted });
        checkpoint::recover(draft);
        if trusted {
            worktree::recover(draft);
            go_on(draft);
        } else {
            let waiting: Vec<RunId> = draft.state.live_runs.iter().copied().collect();
            for run in waiting {
                let about = About { run: Some(run), ..About::default() };
                draft.announce(run, about, UNTRUSTED);
            }
        }
    }
}

pub(super) fn know_agents(draft: &mut Draft, agents: &[AgentInfo]) {
    let listed = |name: &AgentName| agents.iter().any(|it| it.name == *name);
    let same = agents.iter().all(|it| draft.state.agents.get(&it.name).is_some_and(|known| known.info == *it))
        // One that is gone stays known as missing.
        && draft.state.agents.iter().all(|(name, known)| known.info.missing.is_some() || listed(name));
    if !same {
        draft.emit(Record::AgentsKnown { agents: agents.to_vec() });
    }
    draft.need_channel(&talk::default_channel());
}

/// Returns the limit of a run that is reached, where one is. `waiting` turns count as taken.
pub(super) fn limit_reached(draft: &Draft, run: RunId, waiting: u32) -> Option<RunLimit> {
    let run = draft.state.runs.get(&run)?;
    let limits = run.limits;
    let taken = run.turns.saturating_add(waiting);
    if taken >= limits.turns {
        Some(RunLimit::Turns)
    } else if run.worked_until(draft.at) >= limits.time {
        Some(RunLimit::Time)
    } else if run.usage.tokens.is_some_and(|it| it >= limits.tokens) {
        Some(RunLimit::Tokens)
    } else if run.usage.micro_dollars.is_some_and(|it| it >= limits.micro_dollars) {
        Some(RunLimit::Money)
    } else {
        None
    }
}

/// Returns how many of a run's turns wait in queues: they count before they start, or parallel steps would pass the limit.
pub(super) fn queued(state: &State, run: RunId) -> u32 {
    let count = turns_of(state, Some(run)).iter().filter(|it| !it.2).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Does what is due: tries steps again, and stops at a limit on time.
pub(super) fn tick(draft: &mut Draft) {
    let due: Vec<(RunId, Option<StepId>)> =
        draft.state.wakes.iter().take_while(|it| it.0 <= draft.at).map(|(_, run, step)| (*run, step.clone())).collect();
    for (run, step) in due {
        match step {
            Some(step) => {
                draft.emit(Record::StepReset { run, step, note: None, agent: None });
                advance::advance(draft, run);
            }
            None => {
                if draft.state.runs.get(&run).is_some_and(|it| it.ended.is_none() && it.limit_pause.is_none()) {
                    pause::open_limit(draft, run, RunLimit::Time);
                }
            }
        }
    }
}
