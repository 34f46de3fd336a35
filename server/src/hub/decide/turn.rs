//! Turns: one prompt to one agent at a time, from the queue to the recorded end.

use std::{path::PathBuf, sync::Arc};

use super::{
    Draft, advance, ask, buffers, checkpoint, context, follow, leases, pause, pieces, result, run, take_over, talk,
    tools, worktree,
};
use crate::{
    agent::{AgentClaim, AgentState, Source, TurnRequest},
    hub::{
        effect::Effect,
        record::{Cause, Record, Sent, TurnEnd},
        run::StepState,
        state::Turn,
    },
    ids::{AgentName, MessageId, RunId, StepId, TurnId},
    outcome::{Failure, FailureClass, TurnOutcome, TypedResult, Usage},
    protocol::{About, Author, DeliveryState, StepStatus},
    workflow::{context::Piece, plan::Action},
};

/// Starts the first turn of an agent's queue that may start, where the agent is on none.
pub(super) fn kick(draft: &mut Draft, agent: &AgentName) {
    loop {
        if !draft.state.trusted || take_over::keeps(draft, agent) {
            return;
        }
        let Some(entry) = draft.state.agents.get(agent) else { return };
        if entry.live.is_some() {
            return;
        }
        if checkpoint::is_awaited(draft, agent) || worktree::is_awaited(&draft.state, agent) {
            // What it does next starts with that checkpoint, or in that worktree, and nothing else comes between.
            return;
        }
        let queue = entry.queue.clone();
        let Some(turn) = queue.into_iter().find(|turn| may_start(draft, *turn)) else { return };
        if !worktree::is_there(draft, turn) || checkpoint::begins_with_one(draft, turn) {
            return;
        }
        if intend(draft, turn) {
            return;
        }
    }
}

/// Returns whether a turn that waits may start. Where its run has reached a limit since it was queued, a person is asked.
pub(super) fn may_start(draft: &mut Draft, turn: TurnId) -> bool {
    let (run, step) = match draft.state.turn(turn).map(|it| it.cause.clone()) {
        Some(Cause::Delivery { .. }) => return !draft.state.held,
        Some(Cause::Step { run, step }) => (run, step),
        None => return false,
    };
    // Nothing writes while something is put back.
    let undoing = !draft.state.open_undos.is_empty() && context::writes(&draft.state, run, &step);
    let clashes = draft.state.runs.get(&run).is_some_and(|it| it.clashes > 0);
    if undoing || clashes || draft.state.is_held(Some(run)) {
        return false;
    }
    let Some(limit) = run::limit_reached(draft, run, 0) else { return true };
    if draft.state.runs.get(&run).is_some_and(|it| it.ended.is_none() && it.limit_pause.is_none()) {
        pause::open_limit(draft, run, limit);
    }
    false
}

/// Fixes what a turn is sent and has it started. Returns false where it could not be, and has ended instead.
pub(super) fn intend(draft: &mut Draft, id: TurnId) -> bool {
    let Some(turn) = draft.state.turn(id).cloned() else { return false };
    let composed = match &turn.cause {
        Cause::Delivery { message } => context::for_message(draft, &turn.agent, *message),
        Cause::Step { run, step } => context::for_step(draft, &turn.agent, *run, step),
    };
    let composed = composed.and_then(|it| Ok((it, given(draft, &turn.cause)?)));
    let ((mut sent, seen), given) = match composed {
        Ok(it) => it,
        Err(message) => {
            let failure = Failure { class: FailureClass::InvalidResult, message, retry_at: None };
            end(draft, id, &TurnOutcome::Failed(failure));
            return false;
        }
    };
    if let Some(note) = draft.state.agents.get(&turn.agent).and_then(|it| take_over::told(it)) {
        sent.prompt = format!("{note}{}", sent.prompt).into();
    }
    let sent = Arc::new(sent);
    let (context, budget) = given;
    draft.emit(Record::TurnIntended { turn: id, sent: Arc::clone(&sent), seen });
    let request = TurnRequest { context, budget, ..request(draft, &turn, &sent) };
    draft.effect(Effect::StartTurn(Box::new(request)));
    true
}

/// Returns what a turn is given beside its words, and how many tokens that may take.
fn given(draft: &Draft, cause: &Cause) -> Result<(Vec<Piece>, u32), String> {
    let Cause::Step { run, step } = cause else { return Ok((Vec::new(), 0)) };
    let run_of = draft.state.runs.get(run);
    let Some(Action::Turn(action)) = run_of.and_then(|it| it.plan.step(step)).map(|it| &it.action) else {
        return Ok((Vec::new(), 0));
    };
    Ok((pieces::of_step(draft, *run, step)?, pieces::budget(action)))
}

fn request(draft: &Draft, turn: &Turn, sent: &Sent) -> TurnRequest {
    let cwd = worktree::folder(&draft.state, &turn.cause).map_or_else(|| ".".into(), |it| PathBuf::from(&*it));
    let place = cwd.to_string_lossy();
    let session = draft.state.agents.get(&turn.agent).and_then(|it| it.sessions.get(&*place)).cloned();
    let fork = draft.state.agents.get(&turn.agent).and_then(|it| it.forks.get(&*place)).cloned();
    TurnRequest {
        turn: turn.id,
        agent: turn.agent.clone(),
        prompt: Arc::clone(&sent.prompt),
        expects: sent.expects.clone(),
        paths: sent.paths.clone(),
        findings: sent.findings.iter().filter_map(|it| draft.state.finding(*it)).map(|it| (**it).clone()).collect(),
        access: sent.access,
        context: Vec::new(),
        budget: 0,
        cwd,
        times: sent.times,
        fork: fork.clone(),
        sandbox: sent.sandbox,
        recap: if session.is_some() || fork.is_some() {
            context::recap(&draft.state, turn.id).into()
        } else {
            Arc::from("")
        },
        session,
    }
}

/// Takes in which session of its program a turn goes on in.
pub(super) fn session_known(draft: &mut Draft, id: TurnId, place: &str, session: &str, lost: Option<&str>) {
    let Some(turn) = draft.state.turn(id).filter(|it| it.sent_at.is_some()).cloned() else { return };
    let fits = |it: &str| !it.is_empty() && it.len() <= 500;
    let Some(entry) = draft.state.agents.get(&turn.agent).filter(|_| fits(place) && fits(session)) else { return };
    if entry.sessions.get(place).is_some_and(|it| *it.id == *session) && lost.is_none() {
        return;
    }
    draft.emit(Record::SessionKnown {
        agent: turn.agent.clone(),
        place: place.to_owned(),
        session: session.to_owned(),
        lost: lost.map(ToOwned::to_owned),
    });
    let Some(why) = lost else { return };
    let text = format!(
        "{}'s conversation could not be gone on with ({why}). It began a new one, and was given the end of this channel.",
        turn.agent
    );
    match &turn.cause {
        Cause::Step { run, step } => {
            let about = About { step: Some(step.clone()), turn: Some(id), ..About::default() };
            draft.announce(*run, about, &text);
        }
        Cause::Delivery { message } => {
            let Some(asked) = draft.state.message(*message).cloned() else { return };
            let about = About { turn: Some(id), ..About::default() };
            draft.say(Author::System, &asked.channel, Some(asked.thread.unwrap_or(*message)), about, &text);
        }
    }
}

pub(super) fn began(draft: &mut Draft, turn: TurnId) {
    if draft.state.turn(turn).is_some_and(|it| it.sent_at.is_some() && it.began.is_none() && it.ended.is_none()) {
        draft.emit(Record::TurnBegan { turn });
    }
}

/// Takes in what a turn has used that does not come to an answer: a budget counts it all the same (promise 5).
pub(super) fn spent(draft: &mut Draft, turn: TurnId, usage: Usage) {
    if draft.state.live_turns.contains(&turn) && usage != Usage::default() {
        draft.emit(Record::TurnSpent { turn, usage });
    }
}

/// Takes a turn's outcome. The first one counts; whatever comes after it changes nothing (promise 1).
pub(super) fn ended(draft: &mut Draft, turn: TurnId, outcome: &TurnOutcome) {
    if draft.state.live_turns.contains(&turn)
        && let Some(agent) = draft.state.turn(turn).map(|it| it.agent.clone())
    {
        end(draft, turn, outcome);
        kick(draft, &agent);
    }
}

/// Returns whether a turn failed because the hub had it stopped to be done again.
pub(super) fn is_put_off(draft: &Draft, turn: TurnId, failure: &Failure, held: bool) -> bool {
    failure.class == FailureClass::Interrupted && (held || draft.state.turn(turn).is_some_and(|it| it.interrupted))
}

/// Ends a turn that never started, as failed.
pub(super) fn end_waiting(draft: &mut Draft, id: TurnId, failure: Failure) {
    end(draft, id, &TurnOutcome::Failed(failure));
}

fn end(draft: &mut Draft, id: TurnId, outcome: &TurnOutcome) {
    ask::turn_over(draft, id);
    let Some(turn) = draft.state.turn(id).cloned() else { return };
    let given_up = match (&turn.given_up, outcome) {
        // It was stopped because nobody answered it, and that is what its step is told.
        (Some(why), TurnOutcome::Failed(failure)) if failure.class == FailureClass::Interrupted => {
            let failure = Failure { class: FailureClass::Denied, message: why.to_string(), retry_at: None };
            Some(TurnOutcome::Failed(failure))
        }
        _ => None,
    };
    let outcome = given_up.as_ref().unwrap_or(outcome);
    let outcome = &tools::with_handed_in(&turn, outcome);
    let (how, usage) = match outcome {
        TurnOutcome::Answered { usage, .. } => (TurnEnd::Answered, *usage),
        TurnOutcome::Failed(failure) => (TurnEnd::Failed { failure: failure.clone() }, turn.usage),
    };
    if let TurnOutcome::Answered { result: Some(TypedResult::Change(change)), .. } = outcome {
        leases::touched(draft, id, &change.files);
    }
    draft.emit(Record::TurnEnded { turn: id, how, usage });
    checkpoint::after(draft, &turn);
    follow::after_turn(draft, &turn);
    match &turn.cause {
        Cause::Delivery { message } => answer_message(draft, &turn.agent, id, *message, outcome),
        Cause::Step { run, step } => result::take(draft, &turn.agent, id, *run, step, outcome),
    }
}

fn answer_message(draft: &mut Draft, agent: &AgentName, turn: TurnId, message: MessageId, outcome: &TurnOutcome) {
    let Some(asked) = draft.state.message(message).cloned() else { return };
    let thread = Some(asked.thread.unwrap_or(message));
    let about = About { turn: Some(turn), ..About::default() };
    match outcome {
        TurnOutcome::Answered { text, result, .. } => {
            let mut findings = Vec::new();
            if let Some(TypedResult::Review(review)) = result {
                findings.extend(review.findings.iter().filter_map(|it| result::report(draft, Some(agent), None, it)));
                result::reported_in(draft, turn, &mut findings);
                result::no_longer_said(draft, agent, turn, review, &findings);
            }
            if let Some(TypedResult::Change(change)) = result {
                result::changed(draft, agent, turn, change);
            }
            let said = result::words(draft, agent, Some(&findings), text, result.as_ref());
            let about = About { findings, ..about };
            let id = talk::answer(draft, agent, &asked.channel, thread, about, &said, asked.hops + 1);
            draft.emit(Record::DeliveryChanged {
                message,
                agent: agent.clone(),
                state: DeliveryState::Answered { message: id },
            });
        }
        TurnOutcome::Failed(failure) if is_put_off(draft, turn, failure, draft.state.held) => {
            talk::deliver_again(draft, message, agent);
        }
        TurnOutcome::Failed(failure) => {
            let state = DeliveryState::Failed { why: failure.message.clone() };
            draft.emit(Record::DeliveryChanged { message, agent: agent.clone(), state });
            let named = format!("{agent}: ");
            let why = failure.message.strip_prefix(&named).unwrap_or(&failure.message);
            let text = format!("{agent} did not answer {message}: {why}");
            draft.say(Author::System, &asked.channel, thread, about, &text);
        }
    }
}

pub(super) fn claimed(draft: &mut Draft, agent: &AgentName, claim: &AgentClaim) {
    if draft.state.agents.get(agent).is_some_and(|it| it.claim != *claim) {
        draft.emit(Record::AgentClaimed { agent: agent.clone(), claim: claim.clone() });
    }
}

/// Puts a step's turn in the queue of its agent.
pub(super) fn queue_step(draft: &mut Draft, run: RunId, step: &StepId, agent: &AgentName, first: bool) {
    let turn = draft.state.next_turn();
    let attempt = draft.state.runs.get(&run).and_then(|it| it.step(step)).map_or(1, |it| it.attempt + 1);
    let cause = Cause::Step { run, step: step.clone() };
    draft.emit(Record::TurnQueued { turn, agent: agent.clone(), cause, first });
    draft.emit(Record::StepQueued { run, step: step.clone(), turn, agent: agent.clone(), attempt });
    kick(draft, agent);
}

/// Takes up what was going on when the last hub ended: what a live turn came to is not known, so another takes its place.
pub(super) fn recover(draft: &mut Draft) {
    let stopped = AgentClaim {
        state: AgentState::Stopped,
        source: Source::Hub,
        why: "the hub was started anew, and it starts its programs when they are needed".to_owned(),
    };
    let believed: Vec<AgentName> = draft
        .state
        .agents
        .iter()
        .filter(|(_, it)| it.claim.state != AgentState::Stopped)
        .map(|(name, _)| name.clone())
        .collect();
    for agent in believed {
        claimed(draft, &agent, &stopped);
    }
    take_over::recover(draft);
    checkpoint::recover(draft);
    if draft.state.trusted {
        worktree::recover(draft);
    }
    let lost: Vec<TurnId> = draft.state.live_turns.iter().copied().collect();
    for id in lost {
        // What it asked is asked again by the turn that takes its place.
        ask::turn_over(draft, id);
        let Some(turn) = draft.state.turn(id).cloned() else { continue };
        draft.emit(Record::TurnEnded { turn: id, how: TurnEnd::Lost, usage: Usage::default() });
        match &turn.cause {
            Cause::Delivery { message } => {
                talk::deliver_again(draft, *message, &turn.agent);
            }
            Cause::Step { run, step } => {
                let waits = |it: &Arc<StepState>| it.turn == Some(id) && it.status == StepStatus::Running;
                if draft.state.live_runs.contains(run)
                    && draft.state.runs.get(run).and_then(|it| it.step(step)).is_some_and(waits)
                {
                    queue_step(draft, *run, step, &turn.agent, true);
                }
            }
        }
    }
    buffers::recover(draft);
    let agents: Vec<AgentName> = draft.state.agents.keys().cloned().collect();
    for agent in agents {
        kick(draft, &agent);
    }
    let runs: Vec<RunId> = draft.state.live_runs.iter().copied().collect();
    for run in runs {
        advance::advance(draft, run);
    }
}
