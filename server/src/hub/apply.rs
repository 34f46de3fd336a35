//! `apply`: one record onto the state. The only code that changes a state.
//!
//! Pure and total: a record that does not fit (it can't come from `decide`, but a journal is a file) changes what it can and
//! never panics. Time comes with the record.

use std::sync::Arc;

use super::{
    record::{Cause, Record, Subject, TurnEnd},
    run::{Run, StepState},
    state::{AgentEntry, Channel, KEYS_KEPT, Key, Keyed, Message, PROMPTS_KEPT, Pause, State, Turn},
};
use crate::{
    finding::{Finding, FindingState},
    ids::{AgentName, ChannelName, MessageId, RunId, StepId, Timestamp, TurnId},
    outcome::Usage,
    protocol::{Answered, Author, DeliveryState, DeliveryView, StepStatus},
};

mod agents;
mod asks;
mod checkpoints;
mod findings;
mod leases;
mod operator;
mod steps;
mod worktrees;

/// Applies the record with number `seq`, written at `at`.
pub fn apply(state: &mut State, seq: u64, at: Timestamp, record: &Record) {
    state.rev = seq;
    match record {
        Record::TrustChanged { trusted } => state.trusted = *trusted,
        Record::AgentsKnown { .. }
        | Record::AgentClaimed { .. }
        | Record::AgentTaken { .. }
        | Record::AgentOpened { .. }
        | Record::AgentHandedBack { .. }
        | Record::AgentForked { .. }
        | Record::SessionKnown { .. } => agents::apply(state, at, record),
        Record::ChannelCreated { name, default_agent } => {
            let channel = Channel {
                name: name.clone(),
                default_agent: default_agent.clone(),
                messages: imbl::Vector::new(),
                members: imbl::OrdSet::new(),
                usage: Usage::default(),
                pairs: imbl::OrdMap::new(),
                rev: seq,
            };
            state.touch(Key::Channel(name.clone()), state.channels.get(name).map_or(0, |it| it.rev));
            state.channels.insert(name.clone(), Arc::new(channel));
        }
        Record::MessagePosted { .. } => post(state, at, record),
        Record::DeliveryChanged { message, agent, state: to } => {
            change_message(state, *message, |it| {
                if let Some(delivery) = it.deliveries.iter_mut().find(|it| it.agent == *agent) {
                    delivery.state = to.clone();
                }
            });
        }
        Record::HopsForgiven { message } => {
            change_message(state, *message, |it| it.hops = 0);
            if let Some(channel) = state.message(*message).map(|it| it.channel.clone())
                && let Some(it) = state.channels.get_mut(&channel)
            {
                Arc::make_mut(it).pairs.clear();
            }
        }
        Record::TurnQueued { .. }
        | Record::TurnIntended { .. }
        | Record::BuffersGiven { .. }
        | Record::ContextGiven { .. }
        | Record::TurnBegan { .. }
        | Record::TurnInterrupted { .. }
        | Record::ResultHandedIn { .. }
        | Record::TurnSpent { .. }
        | Record::TurnEnded { .. } => {
            turn(state, at, record);
        }
        Record::RunStarted { .. } => start_run(state, at, record),
        Record::StepOpened { .. } => steps::open(state, at, record),
        Record::PlanEdited { .. } => steps::edit(state, at, record),
        Record::StepQueued { run, step, turn, agent, attempt } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Queued;
            it.turn = Some(*turn);
            it.by = Some(agent.clone());
            it.attempt = *attempt;
            it.not_before = None;
            it.pause = None;
            it.started.get_or_insert(at);
        }),
        Record::StepFinished { run, step, result, findings } => change_step(state, at, *run, step, |it| {
            // What a person makes of a result afterwards does not change when it was there.
            if it.status != StepStatus::Done || it.ended.is_none() {
                it.ended = Some(at);
            }
            it.status = StepStatus::Done;
            it.pause = None;
            it.retried = 0;
            it.note = None;
            it.result.clone_from(result);
            it.findings = findings.clone().into();
        }),
        Record::StepSkipped { run, step, .. } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Skipped;
            it.ended = Some(at);
            it.pause = None;
        }),
        Record::StepFailed { run, step, failure } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Failed;
            it.ended = Some(at);
            it.failure = Some(failure.clone());
            // What it said in an earlier round does not stand for what it failed to say in this one.
            it.result = None;
        }),
        Record::StepBackedOff { run, step, until } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Backoff;
            it.ended = None;
            it.retried += 1;
            it.not_before = Some(*until);
        }),
        Record::StepReset { run, step, note, agent } => {
            worktrees::reopened(state, at, *run, step);
            change_step(state, at, *run, step, |it| {
                it.status = StepStatus::Waiting;
                it.turn = None;
                it.started = None;
                it.ended = None;
                it.pause = None;
                it.not_before = None;
                if note.is_some() {
                    it.note = note.as_deref().map(Arc::from);
                }
                if agent.is_some() {
                    it.agent.clone_from(agent);
                    // Who takes over has all the tries that the one before had.
                    it.retried = 0;
                }
            });
        }
        Record::RoundStarted { run, step, round, bound, left } => {
            steps::start_round(state, at, *run, step, *round, *bound);
            change_step(state, at, *run, step, |it| it.left = left.as_str().into());
        }
        Record::OperatorMoved { .. }
        | Record::OperatorRefused { .. }
        | Record::OperatorTurnTaken { .. }
        | Record::OperatorWoken { .. } => operator::apply(state, at, record),
        Record::LimitRaised { run, limits } => change_run(state, at, *run, |it| it.limits = *limits),
        Record::Held { run, .. } => hold(state, at, *run, true),
        Record::Released { run, .. } => hold(state, at, *run, false),
        Record::RunEnded { run, status, why } => {
            change_run(state, at, *run, |it| it.ended = Some((at, *status, why.as_str().into())));
            state.live_runs.remove(run);
            leave_undone(state, at, *run);
            asks::run_ended(state, *run);
        }
        Record::PauseOpened { .. } => open_pause(state, at, record),
        Record::PauseAnswered { pause, by, decision, hash } => {
            let Some(index) = pause.0.checked_sub(1).and_then(|it| usize::try_from(it).ok()) else { return };
            let Some(slot) = state.pauses.get_mut(index) else { return };
            let it = Arc::make_mut(slot);
            let before = std::mem::replace(&mut it.rev, seq);
            it.answered = Some(Answered { by: by.clone(), at, decision: decision.clone(), hash: hash.clone() });
            let subject = it.subject.clone();
            state.touch(Key::Pause(*pause), before);
            state.open_pauses.remove(pause);
            asks::closed(state, at, *pause, &subject);
            match subject {
                Subject::RunLimit { run, .. } => change_run(state, at, run, |it| it.limit_pause = None),
                Subject::Step { run, step }
                | Subject::Failure { run, step }
                | Subject::Rounds { run, step }
                | Subject::Operator { run, step }
                | Subject::Conflict { run, step, .. }
                | Subject::Stuck { run, step, .. } => change_step(state, at, run, &step, |it| {
                    it.pause = None;
                    it.decision = Some(decision.name());
                    if let crate::document::Decision::RequestChanges { text } = decision {
                        it.note = Some(text.as_str().into());
                    }
                }),
                Subject::Clash { run, mine, .. } => {
                    if mine.is_some() && *decision == crate::document::Decision::Approve {
                        state.puts.insert(*pause);
                    }
                    if let Some(run) = run {
                        change_run(state, at, run, |it| it.clashes = it.clashes.saturating_sub(1));
                    }
                }
                Subject::Hops { .. } | Subject::Ask { .. } => {}
            }
        }
        Record::TextPut { pause, .. } => drop(state.puts.remove(pause)),
        Record::AskAnswered { .. }
        | Record::AskDue { .. }
        | Record::TurnGivenUp { .. }
        | Record::PermissionRemembered { .. }
        | Record::PermissionRevoked { .. } => asks::apply(state, at, record),
        Record::CheckpointIntended { .. }
        | Record::CheckpointTaken { .. }
        | Record::UndoIntended { .. }
        | Record::Undone { .. } => checkpoints::apply(state, at, record),
        Record::WorktreeIntended { .. }
        | Record::WorktreeMade { .. }
        | Record::WorktreeReady { .. }
        | Record::MergeIntended { .. }
        | Record::WorktreeTaken { .. }
        | Record::WorktreeMerged { .. }
        | Record::MergeFailed { .. }
        | Record::WorktreeClosed { .. }
        | Record::WorktreeGone { .. } => worktrees::apply(state, at, record),
        Record::FilesTouched { .. } | Record::FilesCollided { .. } => leases::apply(state, at, record),
        Record::FindingReported { .. } | Record::FindingsFollowed { .. } => findings::apply(state, record),
        Record::FindingSettled { finding, state: to } => change_finding(state, *finding, |it| {
            let was_stale = std::mem::replace(&mut it.state, to.clone()) == FindingState::Stale;
            // What speaks of its text again was never settled: what was said of it still stands.
            if *to == FindingState::Open && !was_stale {
                it.contested = false;
                it.declined = None;
            }
        }),
        Record::FindingDeclined { finding, reason } => {
            change_finding(state, *finding, |it| it.declined = Some(reason.clone()));
        }
        Record::FindingReworded { finding, text } => {
            change_finding(state, *finding, |it| it.draft.text.clone_from(text));
        }
    }
}

fn post(state: &mut State, at: Timestamp, record: &Record) {
    let Record::MessagePosted { id, channel, thread, author, text, about, hops, key, to } = record else { return };
    let rev = state.rev;
    state.messages.push_back(Arc::new(Message {
        id: *id,
        channel: channel.clone(),
        thread: *thread,
        author: author.clone(),
        at,
        text: Arc::clone(text),
        about: about.clone(),
        hops: *hops,
        deliveries: to
            .iter()
            .map(|agent| DeliveryView { agent: agent.clone(), state: DeliveryState::Stored, turn: None })
            .collect(),
        rev,
    }));
    state.touch(Key::Message(*id), 0);
    for finding in &about.findings {
        if state.finding(*finding).is_some_and(|it| it.message.is_none()) {
            change_finding(state, *finding, |it| it.message = Some(*id));
        }
    }
    // What is said while the turn goes on comes from its agent's tool; its answer is said behind its end.
    if let (Author::Agent(_), Some(turn)) = (author, about.turn)
        && state.live_turns.contains(&turn)
    {
        change_turn(state, turn, |it| it.acts += 1);
    }
    if let Some(key) = key {
        remember(state, key, Keyed::Message(*id));
    }
    let Some(entry) = state.channels.get_mut(channel) else { return };
    let it = Arc::make_mut(entry);
    let before = std::mem::replace(&mut it.rev, rev);
    it.messages.push_back(*id);
    match author {
        Author::Person(_) => it.pairs.clear(),
        Author::Agent(from) => {
            it.members.insert(from.clone());
            for agent in to {
                *it.pairs.entry((from.clone(), agent.clone())).or_insert(0) += 1;
            }
        }
        Author::Operator | Author::System => {}
    }
    for agent in to {
        it.members.insert(agent.clone());
    }
    state.touch(Key::Channel(channel.clone()), before);
}

fn remember(state: &mut State, key: &str, what: Keyed) {
    let key: Arc<str> = key.into();
    state.keys.insert(Arc::clone(&key), what);
    state.key_order.push_back(key);
    if state.key_order.len() > KEYS_KEPT
        && let Some(oldest) = state.key_order.pop_front()
    {
        state.keys.remove(&oldest);
    }
}

fn turn(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::TurnQueued { turn, agent, cause, first } => {
            state.turns.push_back(Arc::new(Turn {
                id: *turn,
                agent: agent.clone(),
                cause: cause.clone(),
                queued: at,
                sent_at: None,
                sent: None,
                began: None,
                interrupted: false,
                handed_in: None,
                reported: imbl::Vector::new(),
                acts: 0,
                passed: None,
                notes: imbl::Vector::new(),
                asks: imbl::OrdMap::new(),
                given_up: None,
                usage: Usage::default(),
                ended: None,
            }));
            change_agent(state, agent, |it| {
                if *first {
                    it.queue.push_front(*turn);
                } else {
                    it.queue.push_back(*turn);
                }
            });
            if let Cause::Delivery { message } = cause {
                change_delivery(state, *message, agent, |it| it.turn = Some(*turn));
            }
        }
        Record::BuffersGiven { turn, text } | Record::ContextGiven { turn, text } => {
            change_turn(state, *turn, |it| {
                if let Some(sent) = &mut it.sent {
                    let sent = Arc::make_mut(sent);
                    sent.prompt = format!("{}{text}", sent.prompt).into();
                }
            });
        }
        Record::TurnIntended { turn, sent, seen } => {
            let rev = state.rev;
            let Some(known) = change_turn(state, *turn, |it| {
                it.sent_at = Some(rev);
                it.sent = Some(Arc::clone(sent));
            }) else {
                return;
            };
            state.live_turns.insert(*turn);
            let channel = match &known.cause {
                Cause::Delivery { message } => {
                    change_delivery(state, *message, &known.agent, |it| it.state = DeliveryState::Delivered);
                    state.message(*message).map(|it| it.channel.clone())
                }
                Cause::Step { run, step } => {
                    worktrees::begun(state, *turn, *run, step);
                    change_run(state, at, *run, |it| it.turns += 1);
                    state.runs.get(run).map(|it| it.channel.clone())
                }
            };
            let mut passed = None;
            let mut notes = imbl::Vector::new();
            change_agent(state, &known.agent, |it| {
                it.queue.retain(|queued| queued != turn);
                it.live = Some(*turn);
                notes = std::mem::take(&mut it.notes);
                it.visitor = None;
                if let (Some(channel), Some(seen)) = (channel, seen) {
                    let before = it.seen.insert(channel.clone(), *seen);
                    passed = Some((channel, before));
                }
            });
            change_turn(state, *turn, |it| {
                it.passed = passed;
                it.notes = notes;
            });
        }
        Record::TurnInterrupted { turn } => {
            change_turn(state, *turn, |it| it.interrupted = true);
        }
        Record::ResultHandedIn { turn, result } => {
            change_turn(state, *turn, |it| {
                it.handed_in = Some(Arc::clone(result));
                it.acts += 1;
            });
        }
        Record::TurnBegan { turn } => {
            let Some(known) = change_turn(state, *turn, |it| it.began = Some(at)) else { return };
            match &known.cause {
                Cause::Delivery { message } => {
                    change_delivery(state, *message, &known.agent, |it| it.state = DeliveryState::Started);
                }
                Cause::Step { run, step } => change_step(state, at, *run, step, |it| {
                    if it.turn == Some(*turn) && it.status == StepStatus::Queued {
                        it.status = StepStatus::Running;
                    }
                }),
            }
        }
        Record::TurnSpent { turn, usage } => {
            change_turn(state, *turn, |it| it.usage = both(it.usage, *usage));
        }
        Record::TurnEnded { turn, how, usage } => end_turn(state, at, *turn, how, *usage),
        _ => {}
    }
}

fn end_turn(state: &mut State, at: Timestamp, turn: TurnId, how: &TurnEnd, usage: Usage) {
    let Some(known) = change_turn(state, turn, |it| {
        it.ended = Some((at, how.clone()));
        it.asks.clear();
        it.usage = usage;
        // It is the step's or the message's now.
        it.handed_in = None;
    }) else {
        return;
    };
    state.live_turns.remove(&turn);
    leases::turn_over(state, turn);
    if usage != Usage::default() {
        let channel = match &known.cause {
            Cause::Delivery { message } => state.message(*message).map(|it| it.channel.clone()),
            Cause::Step { run, .. } => state.runs.get(run).map(|it| it.channel.clone()),
        };
        spent_in(state, channel.as_ref(), usage);
    }
    change_agent(state, &known.agent, |it| {
        it.usage = both(it.usage, usage);
        it.queue.retain(|queued| *queued != turn);
        if it.live == Some(turn) {
            it.live = None;
        }
        // Without an answer nobody knows whether the prompt was read: what it passed on is passed on again.
        if !matches!(how, TurnEnd::Answered) {
            let mut notes = known.notes.clone();
            notes.append(std::mem::take(&mut it.notes));
            it.notes = notes;
        }
        if !matches!(how, TurnEnd::Answered)
            && let Some((channel, before)) = &known.passed
        {
            match before {
                Some(before) => it.seen.insert(channel.clone(), *before),
                None => it.seen.remove(channel),
            };
        }
    });
    if known.sent.is_some() {
        state.prompts.push_back(turn);
        if state.prompts.len() > PROMPTS_KEPT
            && let Some(oldest) = state.prompts.pop_front()
        {
            change_turn(state, oldest, |it| it.sent = None);
        }
    }
    if let Cause::Step { run, step } = &known.cause {
        change_run(state, at, *run, |it| {
            it.usage = both(it.usage, usage);
        });
        let is_over = has_ended(state, *run);
        change_step(state, at, *run, step, |it| {
            it.usage = Usage {
                tokens: sum(it.usage.tokens, usage.tokens),
                micro_dollars: sum(it.usage.micro_dollars, usage.micro_dollars),
            };
            if it.turn == Some(turn) && matches!(it.status, StepStatus::Queued | StepStatus::Running) {
                // While the run goes on, what follows in the same commit says where the step goes from here.
                it.status = if is_over { StepStatus::Skipped } else { StepStatus::Running };
                it.ended = is_over.then_some(at);
            }
        });
    }
}

/// Marks what waits in a run as left undone. Turns that still go on say so themselves when they end.
fn leave_undone(state: &mut State, at: Timestamp, run: RunId) {
    let Some(known) = state.runs.get(&run).cloned() else { return };
    for (id, step) in &known.steps {
        let waits = matches!(step.status, StepStatus::Paused | StepStatus::Backoff)
            || step.status == StepStatus::Running && step.turn.is_none();
        if waits {
            change_step(state, at, run, id, |it| {
                it.status = StepStatus::Skipped;
                it.ended = Some(at);
                it.pause = None;
                it.not_before = None;
            });
        }
    }
}

/// Returns whether a run is over: what still went on or waited in it then is left undone.
fn has_ended(state: &State, run: RunId) -> bool {
    state.runs.get(&run).is_some_and(|it| it.ended.is_some())
}

/// Adds what a turn used to the channel that it belongs to.
fn spent_in(state: &mut State, channel: Option<&ChannelName>, usage: Usage) {
    let rev = state.rev;
    let Some(entry) = channel.and_then(|it| state.channels.get_mut(it)) else { return };
    let it = Arc::make_mut(entry);
    it.usage = both(it.usage, usage);
    let before = std::mem::replace(&mut it.rev, rev);
    let name = it.name.clone();
    state.touch(Key::Channel(name), before);
}

fn both(one: Usage, other: Usage) -> Usage {
    Usage { tokens: sum(one.tokens, other.tokens), micro_dollars: sum(one.micro_dollars, other.micro_dollars) }
}

/// Adds what is known; what is not known stays so until something is.
fn sum(so_far: Option<u64>, more: Option<u64>) -> Option<u64> {
    match (so_far, more) {
        (None, None) => None,
        (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
    }
}

fn start_run(state: &mut State, at: Timestamp, record: &Record) {
    let Record::RunStarted { run, plan, inputs, roles, casts, channel, thread, by, key } = record else { return };
    let mut steps = imbl::OrdMap::new();
    for step in plan.live_steps() {
        steps.insert(step.id.clone(), Arc::new(StepState::default()));
    }
    let rev = state.rev;
    state.runs.insert(
        *run,
        Arc::new(Run {
            id: *run,
            plan: Arc::clone(plan),
            inputs: Arc::clone(inputs),
            roles: Arc::clone(roles),
            casts: Arc::clone(casts),
            channel: channel.clone(),
            thread: *thread,
            by: by.as_str().into(),
            started: at,
            ended: None,
            held: false,
            steps,
            limits: plan.limits,
            limit_pause: None,
            clashes: 0,
            turns: 0,
            usage: Usage::default(),
            worked: 0,
            working_since: None,
            closing: 0,
            changed: imbl::OrdSet::new(),
            history: imbl::Vector::new(),
            forgotten: 0,
            rev,
        }),
    );
    state.live_runs.insert(*run);
    state.touch(Key::Run(*run), 0);
    for agent in roles.values().chain(casts.values().flatten()) {
        if let Some(it) = state.channels.get_mut(channel) {
            Arc::make_mut(it).members.insert(agent.clone());
        }
    }
    if let Some(key) = key {
        remember(state, key, Keyed::Run(*run));
    }
    change_run(state, at, *run, |_| {});
}

fn hold(state: &mut State, at: Timestamp, run: Option<RunId>, held: bool) {
    if let Some(run) = run {
        change_run(state, at, run, |it| it.held = held);
        return;
    }
    state.held = held;
    let live: Vec<RunId> = state.live_runs.iter().copied().collect();
    for run in live {
        change_run(state, at, run, |_| {});
    }
}

fn open_pause(state: &mut State, at: Timestamp, record: &Record) {
    let Record::PauseOpened { pause, kind, subject, title, channel, document, hash, decisions, steering } = record
    else {
        return;
    };
    state.pauses.push_back(Arc::new(Pause {
        id: *pause,
        kind: *kind,
        subject: subject.clone(),
        title: title.clone(),
        channel: channel.clone(),
        opened: at,
        document: Arc::clone(document),
        hash: hash.clone(),
        decisions: decisions.clone(),
        steering: Arc::clone(steering),
        answered: None,
        rev: state.rev,
    }));
    state.open_pauses.insert(*pause);
    state.touch(Key::Pause(*pause), 0);
    match subject {
        Subject::RunLimit { run, .. } => change_run(state, at, *run, |it| it.limit_pause = Some(*pause)),
        Subject::Step { run, step }
        | Subject::Failure { run, step }
        | Subject::Rounds { run, step }
        | Subject::Operator { run, step }
        | Subject::Conflict { run, step, .. }
        | Subject::Stuck { run, step, .. } => change_step(state, at, *run, step, |it| {
            it.status = StepStatus::Paused;
            it.pause = Some(*pause);
            it.started.get_or_insert(at);
            it.ended = None;
        }),
        Subject::Ask { .. } => asks::opened(state, at, subject),
        Subject::Clash { run: Some(run), .. } => change_run(state, at, *run, |it| it.clashes += 1),
        Subject::Hops { .. } | Subject::Clash { run: None, .. } => {}
    }
}

fn change_agent(state: &mut State, name: &AgentName, change: impl FnOnce(&mut AgentEntry)) {
    let rev = state.rev;
    let Some(entry) = state.agents.get_mut(name) else { return };
    let it = Arc::make_mut(entry);
    let before = std::mem::replace(&mut it.rev, rev);
    change(it);
    state.touch(Key::Agent(name.clone()), before);
}

fn change_message(state: &mut State, id: MessageId, change: impl FnOnce(&mut Message)) {
    let rev = state.rev;
    let Some(index) = id.0.checked_sub(1).and_then(|it| usize::try_from(it).ok()) else { return };
    let Some(slot) = state.messages.get_mut(index) else { return };
    let it = Arc::make_mut(slot);
    let before = std::mem::replace(&mut it.rev, rev);
    change(it);
    state.touch(Key::Message(id), before);
}

fn change_delivery(state: &mut State, id: MessageId, agent: &AgentName, change: impl FnOnce(&mut DeliveryView)) {
    change_message(state, id, |it| {
        if let Some(delivery) = it.deliveries.iter_mut().find(|it| it.agent == *agent) {
            change(delivery);
        }
    });
}

fn change_turn(state: &mut State, id: TurnId, change: impl FnOnce(&mut Turn)) -> Option<Arc<Turn>> {
    let index = usize::try_from(id.0.checked_sub(1)?).ok()?;
    let slot = state.turns.get_mut(index)?;
    change(Arc::make_mut(slot));
    Some(Arc::clone(slot))
}

fn change_finding(state: &mut State, id: crate::ids::FindingId, change: impl FnOnce(&mut Finding)) {
    let rev = state.rev;
    let Some(index) = id.0.checked_sub(1).and_then(|it| usize::try_from(it).ok()) else { return };
    let Some(slot) = state.findings.get_mut(index) else { return };
    let it = Arc::make_mut(slot);
    let before = std::mem::replace(&mut it.rev, rev);
    change(it);
    state.touch(Key::Finding(id), before);
}

/// Changes a run, then brings its clock and what it wants to be woken for up to date.
fn change_run(state: &mut State, at: Timestamp, id: RunId, change: impl FnOnce(&mut Run)) {
    let rev = state.rev;
    let workspace_held = state.held;
    let Some(slot) = state.runs.get_mut(&id) else { return };
    let it = Arc::make_mut(slot);
    let before = std::mem::replace(&mut it.rev, rev);
    let due_before = it.time_is_up_at();
    change(it);
    let works = it.ended.is_none() && !it.held && !workspace_held && it.is_at_work();
    match (works, it.working_since) {
        (true, None) => it.working_since = Some(at),
        (false, Some(since)) => {
            it.worked += at.since(since);
            it.working_since = None;
        }
        _ => {}
    }
    let due = it.time_is_up_at();
    if due != due_before {
        if let Some(due) = due_before {
            state.wakes.remove(&(due, id, None));
        }
        if let Some(due) = due {
            state.wakes.insert((due, id, None));
        }
    }
    state.touch(Key::Run(id), before);
}

fn change_step(state: &mut State, at: Timestamp, run: RunId, step: &StepId, change: impl FnOnce(&mut StepState)) {
    let mut due_before = None;
    let mut due = None;
    change_run(state, at, run, |it| {
        let Some(slot) = it.steps.get_mut(step) else { return };
        let it = Arc::make_mut(slot);
        due_before = it.not_before;
        change(it);
        due = it.not_before;
    });
    if due != due_before {
        if let Some(due) = due_before {
            state.wakes.remove(&(due, run, Some(step.clone())));
        }
        if let Some(due) = due {
            state.wakes.insert((due, run, Some(step.clone())));
        }
    }
}
