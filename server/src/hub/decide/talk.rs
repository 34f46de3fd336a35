//! Messages: posting, waking the agents that are spoke to, and the limits on agents that wake each other.

use std::sync::Arc;

use super::{Draft, human, not_found, pause, turn};
use crate::{
    agent::AgentInfo,
    channel::{self, DEFAULT_CHANNEL, HOP_LIMIT, MESSAGE_LIMIT, Mention, PAIR_LIMIT},
    hub::{
        event::{Actor, Answer, Refusal, RefusalCode},
        record::{Cause, Record, Subject, TurnEnd},
        state::Keyed,
    },
    ids::{AgentName, ChannelName, MessageId},
    outcome::Usage,
    protocol::{About, Author, DeliveryState, PauseKind},
};

/// Returns the channel that is meant where nobody says.
pub(super) fn default_channel() -> ChannelName {
    DEFAULT_CHANNEL.parse().unwrap_or_else(|_| unreachable!("the default channel has a good name"))
}

pub(super) fn create_channel(
    draft: &mut Draft,
    by: &Actor,
    name: &ChannelName,
    default_agent: Option<&AgentName>,
) -> Result<Answer, Refusal> {
    human(by, "make a channel")?;
    if draft.state.channels.contains_key(name) {
        return Err(Refusal::new(RefusalCode::Exists, format!("there is a channel {name} already")));
    }
    if let Some(agent) = default_agent
        && !draft.state.agents.contains_key(agent)
    {
        return Err(not_found(format!("agent {agent}"), "`callboard agents` lists them"));
    }
    draft.emit(Record::ChannelCreated { name: name.clone(), default_agent: default_agent.cloned() });
    Ok(Answer::Done)
}

pub(super) fn post(
    draft: &mut Draft,
    by: &Actor,
    channel: Option<&ChannelName>,
    thread: Option<MessageId>,
    text: &str,
    key: Option<&str>,
) -> Result<Answer, Refusal> {
    if let Some(Keyed::Message(message)) = key.and_then(|key| draft.state.keys.get(key)) {
        return Ok(Answer::Posted(*message));
    }
    check_text(text)?;
    let (thread, channel) = place(draft, channel, thread)?;
    let (author, hops) = match by {
        Actor::Human(name) => (Author::Person(name.clone()), 0),
        Actor::Agent(Some(agent)) if draft.state.agents.contains_key(agent) => {
            (Author::Agent(agent.clone()), hops_of(draft, agent) + 1)
        }
        Actor::Agent(_) => {
            human(by, "post without being an agent of this workspace")?;
            return Ok(Answer::Done);
        }
    };
    draft.need_channel(&channel);
    let (to, unknown) = addressees(draft, &author, &channel, text);
    if !to.is_empty() && !draft.state.trusted {
        return Err(Refusal::new(
            RefusalCode::Untrusted,
            "this workspace is not trusted, so no agent is started for it; see what would be used with `callboard trust`",
        ));
    }
    let person = matches!(author, Author::Person(_));
    let message = publish(draft, author, &channel, thread, About::default(), text, hops, key, &to);
    if person && !unknown.is_empty() {
        let names: Vec<String> = unknown.iter().map(ToString::to_string).collect();
        let text = format!(
            "{}: nobody is called so here, and nobody was woken by it. `callboard agents` lists who is.",
            names.join(", ")
        );
        draft.say(Author::System, &channel, Some(thread.unwrap_or(message)), About::default(), &text);
    } else if person && to.is_empty() && channel::mentions(text).iter().any(|it| !matches!(it, Mention::One(_))) {
        let text = format!("Nobody was woken: no agent takes part in {channel} yet. One does once it was named here.");
        draft.say(Author::System, &channel, Some(thread.unwrap_or(message)), About::default(), &text);
    }
    Ok(Answer::Posted(message))
}

/// Refuses a message that says nothing or too much.
pub(super) fn check_text(text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(RefusalCode::Invalid, "a message needs a text"));
    }
    if text.len() > MESSAGE_LIMIT {
        return Err(Refusal::new(
            RefusalCode::Invalid,
            format!("a message may have {} KiB; put longer text in a file and name its path", MESSAGE_LIMIT / 1024),
        ));
    }
    Ok(())
}

/// Returns the thread's first message and the channel, once they are known to fit.
pub(super) fn place(
    draft: &Draft,
    channel: Option<&ChannelName>,
    thread: Option<MessageId>,
) -> Result<(Option<MessageId>, ChannelName), Refusal> {
    let Some(thread) = thread else {
        let name = channel.cloned().unwrap_or_else(default_channel);
        if channel.is_some() && !draft.state.channels.contains_key(&name) && name != default_channel() {
            return Err(not_found(format!("channel {name}"), "make it with `callboard channel new`"));
        }
        return Ok((None, name));
    };
    let Some(root) = draft.state.message(thread) else {
        return Err(not_found(format!("message {thread}"), "`callboard channel show` lists them"));
    };
    if channel.is_some_and(|it| *it != root.channel) {
        return Err(Refusal::new(
            RefusalCode::Invalid,
            format!("message {thread} is in {}; answer it there", root.channel),
        ));
    }
    Ok((Some(root.thread.unwrap_or(thread)), root.channel.clone()))
}

/// Returns the hops of the message that the agent's present turn answers.
pub(super) fn hops_of(draft: &Draft, agent: &AgentName) -> u32 {
    let live = draft.state.agents.get(agent).and_then(|it| it.live);
    match live.and_then(|it| draft.state.turn(it)).map(|it| &it.cause) {
        Some(Cause::Delivery { message }) => draft.state.message(*message).map_or(0, |it| it.hops),
        _ => 0,
    }
}

/// Returns whom a message wakes, and the names in it that nobody has.
pub(super) fn addressees(
    draft: &Draft,
    author: &Author,
    channel: &ChannelName,
    text: &str,
) -> (Vec<AgentName>, Vec<AgentName>) {
    let mentions = channel::mentions(text);
    let known = draft.state.channels.get(channel);
    let mut to: Vec<AgentName> = Vec::new();
    let mut unknown = Vec::new();
    for mention in &mentions {
        match mention {
            Mention::One(name) if draft.state.agents.contains_key(name) => to.push(name.clone()),
            Mention::One(name) => unknown.push(name.clone()),
            Mention::All | Mention::Others => {
                let named = |it: &AgentName| mentions.contains(&Mention::One(it.clone()));
                let members = known.map(|it| it.members.clone()).unwrap_or_default();
                // Who is not there any more is not meant; by name it is told so.
                let there = |it: &AgentName| draft.state.agents.get(it).is_some_and(|it| it.info.missing.is_none());
                to.extend(members.into_iter().filter(|it| there(it) && (*mention == Mention::All || !named(it))));
            }
        }
    }
    if mentions.is_empty()
        && matches!(author, Author::Person(_))
        && let Some(agent) = known.and_then(|it| it.default_agent.clone())
    {
        to.push(agent);
    }
    let mut seen = imbl::OrdSet::new();
    to.retain(|it| *author != Author::Agent(it.clone()) && seen.insert(it.clone()).is_none());
    (to, unknown)
}

/// Posts an agent's answer, and wakes whom it speaks to within the limits.
pub(super) fn answer(
    draft: &mut Draft,
    agent: &AgentName,
    channel: &ChannelName,
    thread: Option<MessageId>,
    about: About,
    text: &str,
    hops: u32,
) -> MessageId {
    let author = Author::Agent(agent.clone());
    let (to, _) = addressees(draft, &author, channel, text);
    publish(draft, author, channel, thread, about, text, hops, None, &to)
}

#[expect(clippy::too_many_arguments, reason = "they are the columns of one record")]
pub(super) fn publish(
    draft: &mut Draft,
    author: Author,
    channel: &ChannelName,
    thread: Option<MessageId>,
    about: About,
    text: &str,
    hops: u32,
    key: Option<&str>,
    to: &[AgentName],
) -> MessageId {
    let id = draft.state.next_message();
    let pair_is_spent = |it: &AgentName| match &author {
        Author::Agent(from) => draft
            .state
            .channels
            .get(channel)
            .and_then(|channel| channel.pairs.get(&(from.clone(), it.clone())))
            .is_some_and(|times| *times >= PAIR_LIMIT),
        _ => false,
    };
    let held: Vec<AgentName> = if hops > HOP_LIMIT || (hops == HOP_LIMIT && !to.is_empty()) {
        to.to_vec()
    } else {
        to.iter().filter(|it| pair_is_spent(it)).cloned().collect()
    };
    draft.emit(Record::MessagePosted {
        id,
        channel: channel.clone(),
        thread,
        author,
        text: Arc::from(text),
        about,
        hops,
        key: key.map(ToOwned::to_owned),
        to: to.to_vec(),
    });
    if !held.is_empty() {
        let pause = pause::open_hops(draft, id, &held);
        for agent in &held {
            draft.emit(Record::DeliveryChanged {
                message: id,
                agent: agent.clone(),
                state: DeliveryState::Held { pause },
            });
        }
    }
    deliver(draft, id, to.iter().filter(|it| !held.contains(it)));
    id
}

/// Puts a turn for a message in the queue of each agent.
pub(super) fn deliver<'a>(draft: &mut Draft, message: MessageId, agents: impl Iterator<Item = &'a AgentName>) {
    for agent in agents {
        let id = draft.state.next_turn();
        let cause = Cause::Delivery { message };
        draft.emit(Record::TurnQueued { turn: id, agent: agent.clone(), cause, first: false });
        turn::kick(draft, agent);
    }
}

/// Puts a turn for a message before all that waits for the agent: it was this one's turn already.
pub(super) fn deliver_again(draft: &mut Draft, message: MessageId, agent: &AgentName) {
    draft.emit(Record::DeliveryChanged { message, agent: agent.clone(), state: DeliveryState::Stored });
    let (turn, cause) = (draft.state.next_turn(), Cause::Delivery { message });
    draft.emit(Record::TurnQueued { turn, agent: agent.clone(), cause, first: true });
    turn::kick(draft, agent);
}

/// Lets a chain of agents go on that was held, or ends it.
pub(super) fn settle_hops(draft: &mut Draft, message: MessageId, go_on: bool, by: &str) {
    let Some(held) = draft.state.message(message).map(|it| {
        let held = it.deliveries.iter().filter(|it| matches!(it.state, DeliveryState::Held { .. }));
        held.map(|it| it.agent.clone()).collect::<Vec<_>>()
    }) else {
        return;
    };
    if go_on {
        draft.emit(Record::HopsForgiven { message });
    }
    for agent in &held {
        let state = if go_on {
            DeliveryState::Stored
        } else {
            DeliveryState::Failed { why: format!("{by} ended the chain here") }
        };
        draft.emit(Record::DeliveryChanged { message, agent: agent.clone(), state });
    }
    if go_on {
        deliver(draft, message, held.iter());
    }
}

pub(super) fn withdraw(
    draft: &mut Draft,
    by: &Actor,
    message: MessageId,
    agent: &AgentName,
) -> Result<Answer, Refusal> {
    human(by, "take a message back")?;
    let Some(known) = draft.state.message(message) else {
        return Err(not_found(format!("message {message}"), "`callboard channel show` lists them"));
    };
    let Some(delivery) = known.deliveries.iter().find(|it| it.agent == *agent) else {
        return Err(not_found(format!("delivery of {message} to {agent}"), "`callboard channel show` lists them"));
    };
    if delivery.state != DeliveryState::Stored {
        return Err(Refusal::new(
            RefusalCode::Invalid,
            format!("{agent} has {message} already; `callboard pause --interrupt` stops what is going on"),
        ));
    }
    let turn = delivery.turn;
    draft.emit(Record::DeliveryChanged { message, agent: agent.clone(), state: DeliveryState::Withdrawn });
    if let Some(turn) = turn {
        draft.emit(Record::TurnEnded { turn, how: TurnEnd::Withdrawn, usage: Usage::default() });
    }
    Ok(Answer::Done)
}

/// Returns the title of a hop pause and the words on it.
pub(super) fn hop_notice(
    draft: &Draft,
    message: MessageId,
    held: &[AgentName],
) -> (PauseKind, Subject, String, Vec<String>) {
    let names: Vec<String> = held.iter().map(ToString::to_string).collect();
    let who = draft.state.message(message).map_or(String::new(), |it| match &it.author {
        Author::Agent(name) => name.to_string(),
        _ => "somebody".to_owned(),
    });
    let title = format!("{who} wants to wake {} again", names.join(", "));
    let text = draft.state.message(message).map_or(String::new(), |it| it.text.to_string());
    let paragraphs = vec![
        format!(
            "Agents have passed the word on {HOP_LIMIT} times, or one pair {PAIR_LIMIT} times, since a person last spoke. \
             Approve to let the chain go on as if you had spoken now; stop to end it here."
        ),
        format!("The message that is held ({message}):"),
        text,
    ];
    (PauseKind::Limit, Subject::Hops { message }, title, paragraphs)
}

/// Returns the form that a mentioned agent's result has.
pub(super) fn expects(info: &AgentInfo) -> crate::outcome::ResultKind {
    info.gives()
}
