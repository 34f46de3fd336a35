//! What an agent is sent: chosen, not dumped (design §7), and kept as a record so that it can be read afterwards.

use std::{fmt::Write as _, sync::Arc};

use serde_json::Value;

pub(super) use super::sight::values;
use super::{Draft, operator, talk};
use crate::{
    agent::{Access, AgentInfo, DriverKind},
    channel,
    finding::Finding,
    hub::{
        record::{Cause, Sent},
        run::{Run, StepState},
        state::{AgentEntry, Message, State},
    },
    ids::{AgentName, ChannelName, FindingId, MessageId, RunId, StepId, TurnId},
    outcome::{ResultKind, ReviewResult, ReviewVerdict, form},
    protocol::Author,
    workflow::{
        plan::{Action, TurnAction, Who},
        prompt::{self, Context},
    },
};

/// How many characters of unseen messages a prompt takes with it: about 6,000 tokens.
const UNSEEN_BUDGET: usize = 24_000;

/// The longest prompt, in bytes. What a template makes beyond it is an error, not a cut.
const PROMPT_LIMIT: usize = 1024 * 1024;

/// What an agent is told that works in a worktree of its own.
const WORKTREE: &str = "\n\nYou work in a folder of your own, a copy of the developer's files as they are now. Others work at the \
same time and you do not see it. What you change in your folder is merged back when you have given your result; commits that \
you make are not.\n";

/// Returns what an agent is sent for a message, and the last message of the channel that it has seen with it.
pub(super) fn for_message(
    draft: &Draft,
    agent: &AgentName,
    message: MessageId,
) -> Result<(Sent, Option<MessageId>), String> {
    let state = &draft.state;
    let (Some(asked), Some(entry)) = (state.message(message), state.agents.get(agent)) else {
        return Err(format!("message {message} or {agent} is gone"));
    };
    let seen = entry.seen.get(&asked.channel).copied().unwrap_or(MessageId(0));
    let mut prompt = format!(
        "You are {agent} in the channel {} of a workspace that a developer shares with several agents.\n",
        asked.channel
    );
    if let Some(root) = asked.thread.and_then(|it| state.message(it)) {
        prompt.push_str("\nThe thread began with:\n\n");
        quote(&mut prompt, root);
    }
    let unseen = unseen(state, agent, &asked.channel, seen, asked);
    if !unseen.is_empty() {
        prompt.push_str("\nMessages that you have not seen yet, oldest first. They are for your information:\n\n");
        for it in &unseen {
            quote(&mut prompt, it);
        }
    }
    prompt.push_str(&notes(state, entry, Some((&asked.channel, seen))));
    prompt.push_str("\nThe message that you are asked to answer:\n\n");
    quote(&mut prompt, asked);
    prompt.push_str("\nAnswer in Markdown. Write `@name` only to hand work on to that agent: it wakes it.\n");
    let last = state.channels.get(&asked.channel).and_then(|it| it.messages.last().copied());
    let expects = talk::expects(&entry.info);
    let findings = match expects {
        ResultKind::Change => asked_for(state, &asked.text),
        _ => Vec::new(),
    };
    let sent = Sent {
        prompt: prompt.into(),
        expects,
        paths: channel::paths(&asked.text),
        findings,
        access: entry.info.access,
        times: entry.info.times,
        sandbox: false,
    };
    Ok((sent, last))
}

/// How many characters of a channel a new session is given.
const RECAP_BUDGET: usize = 12_000;

/// Returns the end of what was said where a turn belongs, for a session that knows none of it: its own words too.
pub(super) fn recap(state: &State, turn: TurnId) -> String {
    let Some(turn) = state.turn(turn) else { return String::new() };
    let (channel, thread) = match &turn.cause {
        Cause::Delivery { message } => match state.message(*message) {
            Some(asked) => (&asked.channel, None),
            None => return String::new(),
        },
        Cause::Step { run, .. } => match state.runs.get(run) {
            Some(run) => (&run.channel, Some(run.thread)),
            None => return String::new(),
        },
    };
    let asked = match &turn.cause {
        Cause::Delivery { message } => Some(*message),
        Cause::Step { .. } => None,
    };
    let mut budget = RECAP_BUDGET;
    let mut found = Vec::new();
    let Some(channel) = state.channels.get(channel) else { return String::new() };
    for message in channel.messages.iter().rev().filter_map(|it| state.message(*it)) {
        let elsewhere = thread.is_some_and(|it| message.id != it && message.thread != Some(it));
        if elsewhere || Some(message.id) == asked {
            continue;
        }
        let Some(left) = budget.checked_sub(message.text.len() + 80) else { break };
        budget = left;
        found.push(message);
    }
    let mut text = String::new();
    for message in found.into_iter().rev() {
        quote(&mut text, message);
    }
    text
}

/// Returns the open findings that a message is about: those that it names, all where it names none.
fn asked_for(state: &State, text: &str) -> Vec<FindingId> {
    let named = channel::findings(text);
    let is_meant = |it: &&Arc<Finding>| it.state.is_open() && (named.is_empty() || named.contains(&it.id));
    state.findings.iter().filter(is_meant).map(|it| it.id).collect()
}

/// Returns what the agent has not seen of a channel: the newest that fit the budget, oldest first.
fn unseen<'a>(
    state: &'a State,
    agent: &AgentName,
    channel: &ChannelName,
    seen: MessageId,
    asked: &Message,
) -> Vec<&'a Arc<Message>> {
    let mut budget = UNSEEN_BUDGET;
    let mut found = Vec::new();
    let Some(channel) = state.channels.get(channel) else { return found };
    for id in channel.messages.iter().rev().take_while(|it| **it > seen) {
        let Some(message) = state.message(*id) else { continue };
        if *id == asked.id || Some(*id) == asked.thread || message.author == Author::Agent(agent.clone()) {
            continue;
        }
        let Some(left) = budget.checked_sub(message.text.len()) else { break };
        budget = left;
        found.push(message);
    }
    found.reverse();
    found
}

/// Returns what an agent is told that happened to its work since its last prompt; what it sees as a message it has not seen is not
/// told twice.
fn notes(state: &State, agent: &AgentEntry, unseen_in: Option<(&ChannelName, MessageId)>) -> String {
    let is_seen = |it: &Message| unseen_in.is_some_and(|(channel, seen)| it.channel == *channel && it.id > seen);
    let notes = agent.notes.iter().filter_map(|it| state.message(*it)).filter(|it| !is_seen(it));
    let mut text = String::new();
    for it in notes {
        if text.is_empty() {
            text.push_str("\n\nSince your last turn, of what you worked on:\n\n");
        }
        quote(&mut text, it);
    }
    text
}

/// Adds a message as data: who said it, and the text behind `>`, so that it can't pass for anything around it.
pub(super) fn quote(prompt: &mut String, message: &Message) {
    let who = match &message.author {
        Author::Person(name) => format!("{name} (a person)"),
        Author::Agent(name) => format!("{name} (an agent)"),
        Author::Operator => "the operator".to_owned(),
        Author::System => "Callboard".to_owned(),
    };
    let _ = writeln!(prompt, "{} from {who}:", message.id);
    for line in message.text.lines() {
        let _ = writeln!(prompt, "> {line}");
    }
    prompt.push('\n');
}

/// Returns what an agent is sent for a step.
pub(super) fn for_step(
    draft: &Draft,
    agent: &AgentName,
    run: RunId,
    step: &StepId,
) -> Result<(Sent, Option<MessageId>), String> {
    let state = &draft.state;
    let (Some(run), Some(entry)) = (state.runs.get(&run), state.agents.get(agent)) else {
        return Err(format!("{run} or {agent} is gone"));
    };
    if let Some((_, _, operator)) = operator::part(run, step) {
        let text = operator::prompt(draft, run, step, operator)?;
        check_length(step, &text)?;
        let sent = Sent {
            prompt: text.into(),
            expects: ResultKind::Json(crate::hub::operator::schema()),
            paths: Vec::new(),
            findings: Vec::new(),
            // It decides, and others do it.
            access: Access::Read,
            times: entry.info.times,
            sandbox: wants_sandbox(run, step),
        };
        return Ok((sent, None));
    }
    let (Some(Action::Turn(action)), Some(now)) = (run.plan.step(step).map(|it| &it.action), run.step(step)) else {
        return Err(format!("{step} is no step that an agent does"));
    };
    let texts = [Some(action.prompt.as_str()), action.paths.as_deref(), action.findings.as_deref()];
    let context = values(state, run, step, &texts.map(Option::unwrap_or_default));
    let mut text = prompt::render(&action.prompt, &context).map_err(|it| format!("the prompt of {step}: {it}"))?;
    if let Some(note) = &now.note {
        text.push_str("\n\nThe developer looked at your last result and asks for changes:\n\n");
        for line in note.lines() {
            let _ = writeln!(text, "> {line}");
        }
    }
    if let Some(brief) = &now.brief {
        text.push_str("\n\nThe operator adds:\n\n");
        for line in brief.lines() {
            let _ = writeln!(text, "> {line}");
        }
    }
    if entry.info.driver != DriverKind::Tool && action.isolation.is_some() && writes(state, run.id, step) {
        text.push_str(WORKTREE);
    }
    // A tool is not told in words: its request names the form.
    if entry.info.driver != DriverKind::Tool
        && let Some(form) = form::instructions(&action.result)
    {
        let _ = write!(text, "\n\n{form}\n");
    }
    text.push_str(&notes(state, entry, None));
    check_length(step, &text)?;
    let paths = action.paths.as_deref().map_or(Ok(Vec::new()), |it| evaluate_paths(it, &context))?;
    let findings = action.findings.as_deref().map_or(Ok(Vec::new()), |it| evaluate_findings(it, &context))?;
    let mut times = entry.info.times;
    times.total = action.time.or(times.total);
    let sent = Sent {
        prompt: text.into(),
        expects: action.result.clone(),
        paths,
        findings,
        access: access(run, action, &entry.info),
        times,
        sandbox: wants_sandbox(run, step),
    };
    Ok((sent, None))
}

fn check_length(step: &StepId, text: &str) -> Result<(), String> {
    if text.len() > PROMPT_LIMIT {
        return Err(format!("the prompt of {step} has {} KiB; name less in it", text.len() / 1024));
    }
    Ok(())
}

/// Returns whether a step's turn may change files.
pub(super) fn writes(state: &State, run: RunId, step: &StepId) -> bool {
    let Some(run) = state.runs.get(&run) else { return false };
    let Some(Action::Turn(action)) = run.plan.step(step).map(|it| &it.action) else { return false };
    match &action.who {
        _ if action.narrowed(Access::Write) == Access::Read => false,
        Who::Role(role) => run.plan.roles.iter().any(|it| it.id == *role && it.access == Access::Write),
        Who::Agent(_) => {
            let agent = run.step(step).and_then(|it| it.by.as_ref());
            agent.and_then(|it| state.agents.get(it)).is_some_and(|it| it.info.access == Access::Write)
        }
    }
}

/// Returns whether a step or its role says that its turns are taken in a sandbox.
fn wants_sandbox(run: &Run, step: &StepId) -> bool {
    let Some(Action::Turn(action)) = run.plan.step(step).map(|it| &it.action) else { return false };
    action.sandbox
        || matches!(&action.who, Who::Role(role) if run.plan.roles.iter().any(|it| it.id == *role && it.sandbox))
}

fn access(run: &Run, action: &TurnAction, info: &AgentInfo) -> Access {
    action.narrowed(match &action.who {
        Who::Role(role) => {
            run.plan.roles.iter().find(|it| it.id == *role).map_or(Access::Read, |it| it.access.min(info.access))
        }
        Who::Agent(_) => info.access,
    })
}

pub(super) fn evaluate_paths(expression: &str, context: &Context) -> Result<Vec<String>, String> {
    let value = prompt::evaluate(expression, context).map_err(|it| format!("`paths: {expression}`: {it}"))?;
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(path) => Ok(vec![path]),
        Value::Array(paths) => Ok(paths.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect()),
        other => Err(format!("`paths: {expression}` gives {other}; it must give a path or a list of paths")),
    }
}

fn evaluate_findings(expression: &str, context: &Context) -> Result<Vec<FindingId>, String> {
    let value = prompt::evaluate(expression, context).map_err(|it| format!("`findings: {expression}`: {it}"))?;
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => Ok(list.iter().filter_map(|it| it.get("id")?.as_str()?.parse().ok()).collect()),
        other => Err(format!("`findings: {expression}` gives {other}; it must give a list of findings")),
    }
}

/// Returns the verdict that counts: the reviewer's word where it reported nothing, else whether anything material is open.
/// What a person had settled before is not among the step's findings, and does not count though it was reported.
pub(super) fn effective_verdict(state: &State, step: &StepState, review: &ReviewResult) -> ReviewVerdict {
    if review.findings.is_empty() && step.findings.is_empty() {
        return review.verdict;
    }
    if material(state, step).next().is_some() { ReviewVerdict::ChangesRequested } else { ReviewVerdict::Approved }
}

/// Returns the findings of a review that are open and may keep a loop going.
pub(super) fn material<'a>(state: &'a State, step: &'a StepState) -> impl Iterator<Item = &'a Arc<Finding>> {
    step.findings
        .iter()
        .filter_map(|it| state.finding(*it))
        .filter(|it| it.state.is_open() && it.draft.severity.is_material())
}
