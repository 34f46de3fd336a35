//! Forks: another instance of an agent starts from its session, and goes its own way from there.

use super::{Draft, checkpoint, human, not_found, talk};
use crate::{
    hub::{
        event::{Actor, Answer, Refusal, RefusalCode},
        record::Record,
        state::AgentEntry,
    },
    ids::AgentName,
    protocol::{About, Author},
};

/// Has an instance start from another's session with its next turn.
pub(super) fn fork(
    draft: &mut Draft,
    by: &Actor,
    agent: &AgentName,
    to: Option<&AgentName>,
) -> Result<Answer, Refusal> {
    let by = human(by, "fork an agent's session")?;
    let Some(source) = draft.state.agents.get(agent).cloned() else {
        return Err(not_found(format!("agent {agent}"), "`callboard agents` lists them"));
    };
    let invalid = |message: String| Err(Refusal::new(RefusalCode::Invalid, message));
    if !source.info.fork {
        return invalid(format!(
            "{agent}'s sessions can't be forked: its profile does not say how (`stream.fork`), or its program keeps them apart"
        ));
    }
    let place = ".";
    let Some(session) = source.sessions.get(place).or_else(|| source.forks.get(place)).cloned() else {
        return invalid(format!("{agent} has no session yet that another could start from; send it a message first"));
    };
    let free =
        |it: &AgentEntry| it.live.is_none() && it.taken.is_none() && !checkpoint::is_awaited(draft, &it.info.name);
    let fits = |it: &AgentEntry| it.info.profile == source.info.profile && it.info.name != *agent;
    let chosen = if let Some(name) = to {
        match draft.state.agents.get(name) {
            None => return Err(not_found(format!("agent {name}"), "`callboard agents` lists them")),
            Some(it) if !fits(it) => {
                return invalid(format!("{name} is no other instance of {agent}, so it can't go on from its session"));
            }
            Some(it) if !free(it) => {
                let message = format!("{name} is at work or taken over; fork when it is free");
                return Err(Refusal::new(RefusalCode::Busy, message));
            }
            Some(_) => name.clone(),
        }
    } else {
        // One that has nothing to lose before one that has.
        let free = draft.state.agents.values().filter(|it| fits(it) && free(it) && it.info.missing.is_none());
        let found = free.min_by_key(|it| (it.sessions.contains_key(place), it.queue.len()));
        let Some(found) = found else {
            let message = format!(
                "no other instance of {agent} is free; wait for one, or give its profile more of them (`instances`)"
            );
            return Err(Refusal::new(RefusalCode::Busy, message));
        };
        found.info.name.clone()
    };
    draft.emit(Record::AgentForked {
        agent: chosen.clone(),
        from: agent.clone(),
        by: by.to_owned(),
        place: place.to_owned(),
        session: session.id.to_string(),
    });
    let text = format!("{by} has {chosen} start from {agent}'s conversation as it is when {chosen} is next spoken to.");
    draft.say(Author::System, &talk::default_channel(), None, About::default(), &text);
    Ok(Answer::Forked(chosen))
}
