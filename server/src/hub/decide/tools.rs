//! What an agent does by Callboard's tools while its turn goes on: it speaks, reports findings, hands in its result.
//!
//! Invariant: only the agent whose turn goes on acts, and only in that turn; nothing here answers a pause point (promise 2).

use std::sync::Arc;

use super::{Draft, not_found, operator, result, talk};
use crate::{
    hub::{
        event::{Act, Answer, Refusal, RefusalCode},
        record::{Cause, Record},
        state::{State, Turn},
    },
    ids::{AgentName, ChannelName, MessageId, TurnId},
    outcome::{FailureClass, TurnOutcome, TypedResult, Usage},
    protocol::{About, Author},
};

/// How often an agent may use tools that leave a record in one turn (promise 5).
pub const MOST_ACTS: u32 = 200;

/// Takes what an agent did by a tool.
pub(super) fn used(draft: &mut Draft, agent: &AgentName, id: TurnId, act: &Act) -> Result<Answer, Refusal> {
    let turn = going_on(&draft.state, agent, id)?;
    if turn.acts >= MOST_ACTS {
        let message = format!("{agent} has used its tools {MOST_ACTS} times in this turn, which is all; end the turn");
        return Err(Refusal::new(RefusalCode::Busy, message));
    }
    match act {
        Act::Post { channel, thread, text } => post(draft, &turn, channel.as_ref(), *thread, text),
        Act::Report(finding) => {
            let run = turn.cause.run();
            let found = result::report_in_turn(draft, agent, run, id, finding).ok_or_else(|| {
                let message = "the developer has dismissed or accepted this finding; don't report it again";
                Refusal::new(RefusalCode::Exists, message)
            })?;
            Ok(Answer::Found(found))
        }
        Act::Move(wanted) => operator::moved(draft, &turn, wanted),
        Act::HandIn(result) => {
            let expects = turn.sent.as_ref().map(|it| it.expects.clone()).unwrap_or_default();
            if !result.fits(&expects) {
                let message = format!("a {} result was asked for, not {}", expects.name(), result.kind_name());
                return Err(Refusal::new(RefusalCode::Invalid, message));
            }
            draft.emit(Record::ResultHandedIn { turn: id, result: Arc::new(result.clone()) });
            Ok(Answer::Done)
        }
    }
}

/// Returns the turn where it is this agent's and goes on.
pub(super) fn going_on(state: &State, agent: &AgentName, id: TurnId) -> Result<Arc<Turn>, Refusal> {
    let turn = state.turn(id).filter(|it| it.agent == *agent);
    let Some(turn) = turn else {
        let message = format!("{id} is no turn of {agent}; a pass is for the agent that it was made for");
        return Err(Refusal::new(RefusalCode::NotFound, message));
    };
    if turn.ended.is_some() || !state.live_turns.contains(&id) {
        let message = format!("{id} of {agent} is over, so its tools do nothing any more; end what still runs for it");
        return Err(Refusal::new(RefusalCode::Invalid, message));
    }
    Ok(Arc::clone(turn))
}

fn post(
    draft: &mut Draft,
    turn: &Turn,
    channel: Option<&ChannelName>,
    thread: Option<MessageId>,
    text: &str,
) -> Result<Answer, Refusal> {
    talk::check_text(text)?;
    let own = draft.state.place_of(turn);
    let (thread, channel) = match (channel, thread, own) {
        (None, None, Some((channel, thread))) => (Some(thread), channel),
        (channel, thread, _) => talk::place(draft, channel, thread)?,
    };
    if !draft.state.may_enter(turn, &channel) {
        let how = format!("{} takes part in none of this name; leave `channel` out", turn.agent);
        return Err(not_found(format!("channel {channel}"), &how));
    }
    let author = Author::Agent(turn.agent.clone());
    let hops = talk::hops_of(draft, &turn.agent) + 1;
    let (to, unknown) = talk::addressees(draft, &author, &channel, text);
    if let Some(name) = unknown.first() {
        // A person is told in the channel; an agent can mend it now.
        return Err(not_found(format!("agent {name}"), "put a name that is meant as text in backticks"));
    }
    let (run, step) = match &turn.cause {
        Cause::Step { run, step } => (Some(*run), Some(step.clone())),
        Cause::Delivery { .. } => (None, None),
    };
    let about = About { run, step, turn: Some(turn.id), ..About::default() };
    let message = talk::publish(draft, author, &channel, thread, about, text, hops, None, &to);
    Ok(Answer::Posted(message))
}

/// Returns a turn's outcome with the result that its agent handed in, which counts before what it wrote otherwise.
///
/// An answer in which no result could be found is none where one was handed in; any other failure stays one.
pub(super) fn with_handed_in(turn: &Turn, outcome: &TurnOutcome) -> TurnOutcome {
    let Some(result) = &turn.handed_in else { return outcome.clone() };
    let (text, usage) = match outcome {
        TurnOutcome::Answered { text, usage, .. } => (text.clone(), *usage),
        TurnOutcome::Failed(failure) if failure.class == FailureClass::InvalidResult => {
            (String::new(), Usage::default())
        }
        TurnOutcome::Failed(_) => return outcome.clone(),
    };
    match result.as_ref() {
        TypedResult::Text(it) => TurnOutcome::Answered { text: it.text.clone(), result: None, usage },
        other => TurnOutcome::Answered { text, result: Some(other.clone()), usage },
    }
}
