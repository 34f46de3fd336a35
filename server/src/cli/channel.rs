//! `callboard channel …`: list, make, read, post, follow, and what was sent.

use std::{collections::BTreeSet, io::Read as _};

use super::{
    args::ChannelCommand,
    fail::{self, Fail},
    lists::{objects, told},
    out::Out,
    person::Person,
    render::{self, Line, Tone},
    run::fresh_key,
    wire::{Wire, ask},
};
use crate::{
    ids::{AgentName, ChannelName, MessageId},
    protocol::{
        Changed, ChannelView, CreateChannelParams, DeliveryState, Item, MessageView, MessagesParams, MessagesResult,
        Nothing, PostParams, Posted, SentParams, SubscribeParams, TurnView, WithdrawParams, method,
    },
};

/// Runs one of the channel commands.
pub async fn channel(
    wire: &mut impl Wire,
    out: &mut Out,
    person: &mut Person,
    command: &ChannelCommand,
) -> Result<i32, Fail> {
    match command {
        ChannelCommand::List => list(wire, out).await,
        ChannelCommand::New { name, agent } => new(wire, out, name, agent.as_ref()).await,
        ChannelCommand::Show { channel, thread, before, limit } => {
            let params =
                MessagesParams { channel: channel.clone(), thread: *thread, before: *before, limit: Some(*limit) };
            show(wire, out, &params).await
        }
        ChannelCommand::Post { text, channel, thread, wait } => {
            let text = text_of(text.as_deref(), person)?;
            let params = PostParams { channel: channel.clone(), thread: *thread, text, key: Some(fresh_key()) };
            post(wire, out, person, &params, *wait).await
        }
        ChannelCommand::Tail { channel, limit } => tail(wire, out, person, channel.as_ref(), *limit).await,
        ChannelCommand::Withdraw { message, agent } => {
            let params = WithdrawParams { message: *message, agent: agent.clone() };
            let changed: Changed = ask(wire, method::WITHDRAW, &params).await?;
            told(out, &changed, &format!("{message} is withdrawn from {agent}."))
        }
        ChannelCommand::Sent { message } => sent(wire, out, *message).await,
    }
}

async fn list(wire: &mut impl Wire, out: &mut Out) -> Result<i32, Fail> {
    let channels: Vec<ChannelView> = ask(wire, method::CHANNELS, &Nothing {}).await?;
    if out.json {
        return objects(out, &channels);
    }
    out.lines(&render::lists::channels(&channels, &out.view))?;
    Ok(fail::OK)
}

async fn new(wire: &mut impl Wire, out: &mut Out, name: &ChannelName, agent: Option<&AgentName>) -> Result<i32, Fail> {
    let params = CreateChannelParams { name: name.clone(), default_agent: agent.cloned() };
    let changed: Changed = ask(wire, method::CREATE_CHANNEL, &params).await?;
    told(
        out,
        &changed,
        &format!("{name} is there. To write in it: callboard channel post --channel {} TEXT", name.as_str()),
    )
}

async fn show(wire: &mut impl Wire, out: &mut Out, params: &MessagesParams) -> Result<i32, Fail> {
    let found: MessagesResult = ask(wire, method::MESSAGES, params).await?;
    if out.json {
        return objects(out, &found.messages);
    }
    for it in &found.messages {
        out.lines(&render::message::entry(it, &out.view))?;
    }
    if found.messages.is_empty() {
        out.line(&Line::new().with(Tone::Faint, "No messages."))?;
    }
    Ok(fail::OK)
}

async fn post(
    wire: &mut impl Wire,
    out: &mut Out,
    person: &mut Person,
    params: &PostParams,
    wait: bool,
) -> Result<i32, Fail> {
    let posted: Posted = ask(wire, method::POST, params).await?;
    if !wait {
        return told(out, &posted, &format!("Posted as {}.", posted.message));
    }
    let since = Some(posted.rev.saturating_sub(1));
    let subscribe = |since| SubscribeParams { since, run: None, channel: params.channel.clone() };
    ask::<serde_json::Value>(wire, method::SUBSCRIBE, &subscribe(since)).await?;
    let mut rev = posted.rev.saturating_sub(1);
    let mut answers = BTreeSet::new();
    let mut seen = BTreeSet::new();
    loop {
        let Some(feed) = next(wire, person, &mut |rev| subscribe(Some(rev)), rev).await? else {
            return Ok(fail::DETACHED);
        };
        rev = rev.max(feed.rev);
        let mut messages: Vec<MessageView> = Vec::new();
        for item in feed.items {
            if let Item::Message(it) = item {
                messages.push(*it);
            }
        }
        let mut open = None;
        let mut failed = false;
        for it in &messages {
            if it.id == posted.message {
                open = Some(it.deliveries.iter().any(|it| is_open(&it.state)));
                failed = it.deliveries.iter().any(|it| matches!(it.state, DeliveryState::Failed { .. }));
                answers.extend(it.deliveries.iter().filter_map(|it| match it.state {
                    DeliveryState::Answered { message } => Some(message),
                    _ => None,
                }));
            }
        }
        for it in messages.iter().filter(|it| it.id == posted.message || it.thread == Some(posted.message)) {
            if seen.insert(it.id) && it.id != posted.message {
                shown(out, it)?;
            }
        }
        for it in messages.iter().filter(|it| answers.contains(&it.id)) {
            if seen.insert(it.id) {
                shown(out, it)?;
            }
        }
        if open == Some(false) {
            for it in messages.iter().filter(|it| it.id == posted.message && (failed || it.deliveries.is_empty())) {
                shown(out, it)?;
            }
            return Ok(if failed { fail::FAILED } else { fail::OK });
        }
    }
}

async fn tail(
    wire: &mut impl Wire,
    out: &mut Out,
    person: &mut Person,
    channel: Option<&ChannelName>,
    limit: u32,
) -> Result<i32, Fail> {
    let params = MessagesParams { channel: channel.cloned(), limit: Some(limit.max(1)), ..MessagesParams::default() };
    let found: MessagesResult = ask(wire, method::MESSAGES, &params).await?;
    let keep = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut last: Option<MessageId> = found.messages.last().map(|it| it.id);
    for it in found.messages.iter().rev().take(keep).rev() {
        shown(out, it)?;
    }
    // A feed with no channel is of all of them; the default one's name is learnt from what it holds.
    let channel = channel.cloned().or_else(|| found.messages.first().map(|it| it.channel.clone()));
    let channel = match channel {
        Some(channel) => channel,
        None => default_channel(wire).await?,
    };
    let subscribe = |since| SubscribeParams { since: Some(since), run: None, channel: Some(channel.clone()) };
    ask::<serde_json::Value>(wire, method::SUBSCRIBE, &subscribe(found.rev)).await?;
    let mut rev = found.rev;
    loop {
        let Some(feed) = next(wire, person, &mut |rev| subscribe(rev), rev).await? else {
            return Ok(fail::OK);
        };
        rev = rev.max(feed.rev);
        for item in feed.items {
            // A message comes again with each change of its deliveries; only what is newer than the last one is news.
            if let Item::Message(it) = item
                && it.channel == channel
                && last.is_none_or(|last| it.id > last)
            {
                last = Some(it.id);
                shown(out, &it)?;
            }
        }
    }
}

async fn sent(wire: &mut impl Wire, out: &mut Out, message: MessageId) -> Result<i32, Fail> {
    let turns: Vec<TurnView> = ask(wire, method::SENT, &SentParams { turn: None, message: Some(message) }).await?;
    if out.json {
        return objects(out, &turns);
    }
    for it in &turns {
        out.lines(&render::message::turn(it, &out.view))?;
    }
    if turns.is_empty() {
        out.line(&Line::plain(format!("Nothing was sent to an agent for {message}.")))?;
    }
    Ok(fail::OK)
}

/// Waits for the next feed; `None` is a person's Ctrl-C. A lost hub is found again once, from the revision that we have.
async fn next(
    wire: &mut impl Wire,
    person: &mut Person,
    subscribe: &mut dyn FnMut(u64) -> SubscribeParams,
    rev: u64,
) -> Result<Option<crate::protocol::Feed>, Fail> {
    loop {
        let feed = tokio::select! {
            feed = wire.feed() => feed,
            () = person.signals.interrupt() => return Ok(None),
        };
        if feed.is_some() {
            return Ok(feed);
        }
        wire.reconnect().await?;
        ask::<serde_json::Value>(wire, method::SUBSCRIBE, &subscribe(rev)).await?;
    }
}

async fn default_channel(wire: &mut impl Wire) -> Result<ChannelName, Fail> {
    let channels: Vec<ChannelView> = ask(wire, method::CHANNELS, &Nothing {}).await?;
    let first = channels.into_iter().next().map(|it| it.name);
    first.ok_or_else(|| {
        Fail::new("not_found", "this workspace has no channel yet")
            .help("`callboard channel post TEXT` makes the default one")
    })
}

fn shown(out: &mut Out, message: &MessageView) -> Result<(), Fail> {
    if out.json {
        return out.object(message);
    }
    let lines = render::message::entry(message, &out.view);
    out.lines(&lines)
}

fn is_open(state: &DeliveryState) -> bool {
    matches!(state, DeliveryState::Stored | DeliveryState::Delivered | DeliveryState::Started)
}

fn text_of(text: Option<&str>, person: &Person) -> Result<String, Fail> {
    const MOST: u64 = 1024 * 1024;
    let text = match text {
        Some(text) if text != "-" => text.to_owned(),
        None if person.is_there => {
            return Err(Fail::usage("there is no text to post").help("callboard channel post \"@claude …\""));
        }
        _ => {
            let mut text = String::new();
            std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text)?;
            text
        }
    };
    if text.trim().is_empty() {
        return Err(Fail::usage("an empty message is not posted"));
    }
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MOST {
        return Err(Fail::usage("a message has at most 1 MiB").help("put it into a file and name the file"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
