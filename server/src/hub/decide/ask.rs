//! What turns ask people while they go on: permissions and questions, from the asking to the reply.
//!
//! Invariant (promise 2): a permission is given by a person at its pause, or by what a person told us to remember for exactly
//! this agent, tool and text; nothing else allows. Invariant: each ask gets one reply, and a turn's end withdraws the rest.

use std::sync::Arc;

use super::{Draft, human, not_found, pause, talk};
use crate::{
    agent::{AgentClaim, AgentState, Source},
    ask::{Ask, AskReply, MOST_KEY, MOST_PATTERN, Permission, Rule, Scope, Unanswered, WhenUnanswered, Wish},
    document::{self, Decision},
    hub::{
        effect::Effect,
        event::{Actor, Answer, Refusal, RefusalCode},
        record::{Cause, Record, Subject, Wanted},
        state::{Pause, Turn},
    },
    ids::{AgentName, PauseId, RuleId, RunId, TurnId},
    protocol::{About, Author, PauseKind},
    workflow::plan::{Action, Who},
};

/// How many asks of one turn wait at most. One that asks for more is denied it: nobody reads so many at once.
const MOST_OPEN: usize = 32;

/// How many asks of one turn are answered at most, so that a program that asks without end does not fill the journal.
const MOST_ASKS: usize = 2_000;

/// Takes in what a turn asks.
pub(super) fn asked(draft: &mut Draft, id: TurnId, ask: &Ask) {
    let Some(turn) = draft.state.turn(id).filter(|it| it.ended.is_none() && it.sent_at.is_some()).cloned() else {
        return;
    };
    if turn.asks.contains_key(ask.key.as_str()) {
        return;
    }
    let too_much = if ask.key.is_empty() || ask.key.len() > MOST_KEY {
        Some("the request has no usable name")
    } else if draft.state.asks_of(id).count() >= MOST_OPEN {
        Some("too many requests of this turn wait already; ask one after the other")
    } else if turn.asks.len() >= MOST_ASKS {
        Some("this turn has asked for too much; finish it")
    } else if !is_wanted(draft, &turn) {
        Some("the turn is being stopped")
    } else {
        None
    };
    if let Some(why) = too_much {
        // Nothing of it is kept, so that no number of them fills the journal.
        let reply = AskReply::Deny { reason: why.to_owned() };
        draft.effect(Effect::AnswerAsk { agent: turn.agent.clone(), turn: id, key: ask.key.clone(), reply });
        return;
    }
    match &ask.wish {
        Wish::Permission(permission) => permission_asked(draft, &turn, &ask.key, permission),
        Wish::Question(question) => {
            let wants = Wanted::Answer { choices: question.choices.iter().take(50).cloned().collect() };
            let line = question.text.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or("something");
            let title = short(&format!("{} asks: {line}", turn.agent));
            let mut header = pause::ask_header(draft, &turn, &title, None);
            header.question.clone_from(&question.text);
            let document = document::question_document(&header, question);
            open(draft, &turn, &ask.key, PauseKind::Question, wants, &title, document, &["approve", "edit", "reject"]);
        }
    }
}

/// Returns whether anybody still wants what a turn comes to.
fn is_wanted(draft: &Draft, turn: &Turn) -> bool {
    let Cause::Step { run, step } = &turn.cause else { return !turn.interrupted };
    let run = draft.state.runs.get(run).filter(|it| it.ended.is_none());
    !turn.interrupted && run.and_then(|it| it.step(step)).is_some_and(|it| it.turn == Some(turn.id) && !it.is_over())
}

fn permission_asked(draft: &mut Draft, turn: &Arc<Turn>, key: &str, permission: &Permission) {
    let title = short(&format!("{} {}", turn.agent, permission.title));
    let pattern = permission.pattern.clone().filter(|it| !it.is_empty() && it.len() <= MOST_PATTERN);
    if let Some(rule) = remembered(draft, &turn.agent, run_of(turn), &permission.tool, pattern.as_deref()) {
        let scope = if rule.run.is_some() { Scope::Run } else { Scope::Always };
        reply(draft, turn.id, key, &title, AskReply::Allow { scope }, Some(rule.id));
        return;
    }
    let header = pause::ask_header(draft, turn, &title, Some(&permission.tool));
    let shown = Permission { pattern: pattern.clone(), ..permission.clone() };
    let Some(document) = document::permission_document(&header, &shown) else {
        let reason = "what it would do is too long for a person to read; do it in smaller pieces";
        reply(draft, turn.id, key, &title, AskReply::Deny { reason: reason.to_owned() }, None);
        return;
    };
    let wants = Wanted::Permission { tool: permission.tool.clone(), pattern };
    open(draft, turn, key, PauseKind::Permission, wants, &title, document, &["approve", "reject"]);
}

#[expect(clippy::too_many_arguments, reason = "the parts of one pause, each used once")]
fn open(
    draft: &mut Draft,
    turn: &Turn,
    key: &str,
    kind: PauseKind,
    wants: Wanted,
    title: &str,
    document: String,
    decisions: &[&str],
) {
    let (run, step) = match &turn.cause {
        Cause::Step { run, step } => (Some(*run), Some(step.clone())),
        Cause::Delivery { .. } => (None, None),
    };
    let subject = Subject::Ask { turn: turn.id, key: key.to_owned(), agent: turn.agent.clone(), run, step, wants };
    let opened = pause::open_one(draft, kind, subject, title, document, decisions);
    say_in_thread(draft, turn, opened, &format!("**{opened}** waits for a person: {title}"));
    if let Some(policy) = policy(draft, turn) {
        draft.emit(Record::AskDue { pause: opened, at: draft.at.plus(policy.after) });
    }
    claim(draft, &turn.agent, turn.id);
}

/// Says something about a pause in the thread of the message that the turn answers. A run's pauses are announced by themselves.
fn say_in_thread(draft: &mut Draft, turn: &Turn, pause: PauseId, text: &str) {
    let Cause::Delivery { message } = &turn.cause else { return };
    let Some(asked) = draft.state.message(*message).cloned() else { return };
    let about = About { turn: Some(turn.id), pause: Some(pause), ..About::default() };
    draft.say(Author::System, &asked.channel, Some(asked.thread.unwrap_or(*message)), about, text);
}

/// Returns the channel that a turn belongs to.
pub(super) fn channel_of(draft: &Draft, turn: TurnId) -> crate::ids::ChannelName {
    let message = match draft.state.turn(turn).map(|it| &it.cause) {
        Some(Cause::Delivery { message }) => draft.state.message(*message),
        _ => None,
    };
    message.map_or_else(talk::default_channel, |it| it.channel.clone())
}

/// Takes in that a turn no longer wants to be answered.
pub(super) fn withdrawn(draft: &mut Draft, turn: TurnId, key: &str) {
    let of_key = |it: &&Arc<Pause>| matches!(&it.subject, Subject::Ask { key: asked, .. } if asked == key);
    let Some(pause) = draft.state.asks_of(turn).find(of_key).cloned() else { return };
    let Subject::Ask { agent, .. } = &pause.subject else { return };
    close(draft, &pause, &format!("{agent}, which no longer asks"), Decision::Stop);
    claim(draft, agent, turn);
}

/// Withdraws what a turn still asks, because it is over.
pub(super) fn turn_over(draft: &mut Draft, turn: TurnId) {
    let open: Vec<Arc<Pause>> = draft.state.asks_of(turn).cloned().collect();
    for pause in open {
        close(draft, &pause, "the end of the turn that asked", Decision::Stop);
    }
}

fn close(draft: &mut Draft, pause: &Pause, by: &str, decision: Decision) {
    draft.emit(Record::PauseAnswered { pause: pause.id, by: by.to_owned(), decision, hash: pause.hash.clone() });
}

/// What a person's decision says to an ask.
pub(super) struct Said {
    reply: AskReply,
}

/// Reads a decision on an ask. A refusal says what is missing.
pub(super) fn read(pause: &Pause, decision: &Decision, scope: Option<Scope>) -> Result<Option<Said>, Refusal> {
    let invalid = |message: String| Refusal::new(RefusalCode::Invalid, message);
    let Subject::Ask { run, wants, .. } = &pause.subject else {
        return match scope {
            Some(_) => Err(invalid(format!("{} is no permission, so a scope says nothing there", pause.id))),
            None => Ok(None),
        };
    };
    let reply = match (wants, decision) {
        (_, Decision::Reject { text }) => AskReply::Deny { reason: text.trim().to_owned() },
        (Wanted::Permission { pattern, .. }, Decision::Approve) => {
            let scope = scope.unwrap_or_default();
            if scope == Scope::Run && run.is_none() {
                let message = format!("{} is asked outside a run; approve it once or always", pause.id);
                return Err(invalid(message));
            }
            if scope != Scope::Once && pattern.is_none() {
                let message = format!("{} can't be remembered; approve it once", pause.id);
                return Err(invalid(message));
            }
            AskReply::Allow { scope }
        }
        (Wanted::Answer { choices }, Decision::Edit { document }) => {
            let text = document::read_answer(document, &pause.document, choices)
                .map_err(|it| invalid(format!("line {} of the edited document: {}", it.line, it.message)))?;
            if text.trim().is_empty() {
                return Err(invalid("the answer is empty; write it between the two marks".to_owned()));
            }
            AskReply::Answer { text }
        }
        (Wanted::Answer { .. }, _) => {
            let message = format!("{} is a question: write the answer into its page, or give it with --text", pause.id);
            return Err(invalid(message));
        }
        (Wanted::Permission { .. }, other) => {
            return Err(invalid(format!("{} takes approve and reject; not {}", pause.id, other.name())));
        }
    };
    if scope.is_some() && !matches!(reply, AskReply::Allow { .. }) {
        return Err(invalid("a scope belongs to an approval of a permission".to_owned()));
    }
    Ok(Some(Said { reply }))
}

/// Makes what a person said known to the turn, and remembers it where they said so.
pub(super) fn settle(draft: &mut Draft, pause: &Pause, said: &Said, by: &str) {
    let Subject::Ask { turn, key, agent, run, wants, .. } = &pause.subject else { return };
    reply(draft, *turn, key, &pause.title, said.reply.clone(), None);
    if let (AskReply::Allow { scope: scope @ (Scope::Run | Scope::Always) }, Wanted::Permission { tool, pattern }) =
        (&said.reply, wants)
        && let Some(pattern) = pattern
    {
        let rule = draft.state.next_rule();
        draft.emit(Record::PermissionRemembered {
            rule,
            agent: agent.clone(),
            tool: tool.clone(),
            pattern: pattern.clone(),
            run: run.filter(|_| *scope == Scope::Run),
            by: by.to_owned(),
            pause: pause.id,
        });
        answer_the_same(draft, rule);
    }
    if let Some(it) = draft.state.turn(*turn).cloned() {
        let how = match &said.reply {
            AskReply::Allow { scope: Scope::Once } => "approve".to_owned(),
            AskReply::Allow { scope: Scope::Run } => "approve, for this run".to_owned(),
            AskReply::Allow { scope: Scope::Always } => "approve, always".to_owned(),
            AskReply::Deny { .. } => "reject".to_owned(),
            AskReply::Answer { text } => format!("answered\n\n{text}"),
        };
        say_in_thread(draft, &it, pause.id, &format!("{by} answered {}: {how}", pause.id));
    }
    claim(draft, agent, *turn);
}

/// Answers what waits and is now allowed by what was just remembered: nobody is asked the same twice.
fn answer_the_same(draft: &mut Draft, rule: RuleId) {
    let Some(rule) = draft.state.rule(rule).cloned() else { return };
    let same = |it: &&Arc<Pause>| match &it.subject {
        Subject::Ask { agent, run, wants: Wanted::Permission { tool, pattern: Some(pattern) }, .. } => {
            covers(&rule, agent, *run, tool, pattern)
        }
        _ => false,
    };
    let open = draft.state.open_pauses.iter().filter_map(|it| draft.state.pause(*it));
    let open: Vec<Arc<Pause>> = open.filter(same).cloned().collect();
    for pause in open {
        let Subject::Ask { turn, key, agent, .. } = &pause.subject else { continue };
        close(draft, &pause, &format!("{} (the permission {})", rule.by, rule.id), Decision::Approve);
        let scope = if rule.run.is_some() { Scope::Run } else { Scope::Always };
        reply(draft, *turn, key, &pause.title, AskReply::Allow { scope }, Some(rule.id));
        claim(draft, agent, *turn);
    }
}

fn reply(draft: &mut Draft, turn: TurnId, key: &str, what: &str, reply: AskReply, rule: Option<RuleId>) {
    let Some(agent) = draft.state.turn(turn).map(|it| it.agent.clone()) else { return };
    let (key, what) = (key.to_owned(), what.to_owned());
    draft.emit(Record::AskAnswered { turn, key: key.clone(), what, reply: reply.clone(), rule });
    draft.effect(Effect::AnswerAsk { agent, turn, key, reply });
}

fn remembered(
    draft: &Draft,
    agent: &AgentName,
    run: Option<RunId>,
    tool: &str,
    pattern: Option<&str>,
) -> Option<Arc<Rule>> {
    let pattern = pattern?;
    let rules = draft.state.live_rules.iter().filter_map(|it| draft.state.rule(*it));
    rules.into_iter().find(|it| covers(it, agent, run, tool, pattern)).cloned()
}

/// Returns whether a remembered permission allows something. Exactly the text that a person saw, and nothing like it: what a
/// command would do can't be told from a part of it.
fn covers(rule: &Rule, agent: &AgentName, run: Option<RunId>, tool: &str, pattern: &str) -> bool {
    rule.agent == *agent && rule.tool == tool && rule.pattern == pattern && (rule.run.is_none() || rule.run == run)
}

fn run_of(turn: &Turn) -> Option<RunId> {
    match &turn.cause {
        Cause::Step { run, .. } => Some(*run),
        Cause::Delivery { .. } => None,
    }
}

/// Says what an agent waits for, or that it goes on.
fn claim(draft: &mut Draft, agent: &AgentName, turn: TurnId) {
    let newest = draft.state.asks_of(turn).last().map(|it| (it.kind, it.id, it.title.clone()));
    let claim = match newest {
        Some((PauseKind::Question, id, title)) => {
            AgentClaim { state: AgentState::WaitingForAnswer, source: Source::Protocol, why: format!("{id}: {title}") }
        }
        Some((_, id, title)) => AgentClaim {
            state: AgentState::WaitingForPermission,
            source: Source::Protocol,
            why: format!("{id}: {title}"),
        },
        None => {
            let waits = |it: &AgentState| matches!(it, AgentState::WaitingForPermission | AgentState::WaitingForAnswer);
            if !draft.state.agents.get(agent).is_some_and(|it| waits(&it.claim.state)) {
                return;
            }
            let why = "what it asked is answered".to_owned();
            AgentClaim { state: AgentState::Working, source: Source::Hub, why }
        }
    };
    super::turn::claimed(draft, agent, &claim);
}

/// Returns what is done with a turn's asks that nobody answers: the step's word, else its role's.
fn policy(draft: &Draft, turn: &Turn) -> Option<Unanswered> {
    let Cause::Step { run, step } = &turn.cause else { return None };
    let plan = &draft.state.runs.get(run)?.plan;
    let Action::Turn(action) = &plan.step(step)?.action else { return None };
    let role = match &action.who {
        Who::Role(role) => plan.roles.iter().find(|it| it.id == *role),
        Who::Agent(_) => None,
    };
    action.unanswered.or_else(|| role.and_then(|it| it.unanswered))
}

/// Does what is due about asks that nobody has answered.
pub(super) fn tick(draft: &mut Draft) {
    let due: Vec<PauseId> = draft.state.due_asks.iter().take_while(|it| it.0 <= draft.at).map(|it| it.1).collect();
    for id in due {
        let Some(pause) = draft.state.pause(id).cloned() else { continue };
        let Subject::Ask { turn, key, agent, .. } = &pause.subject else { continue };
        let Some(asking) = draft.state.turn(*turn).cloned() else { continue };
        // Whatever became of the plan, what is due must not stay due: the hub would wake for it without end.
        let reminder = Unanswered { after: 60 * 60_000, then: WhenUnanswered::AskAgain };
        let policy = policy(draft, &asking).unwrap_or(reminder);
        let waited = minutes(policy.after);
        match policy.then {
            WhenUnanswered::AskAgain => {
                draft.emit(Record::AskDue { pause: id, at: draft.at.plus(policy.after) });
                if let Some(run) = pause.subject.run() {
                    let about = About { step: pause.subject.step().cloned(), pause: Some(id), ..About::default() };
                    draft.announce(run, about, &format!("**{id}** still waits for a person: {}", pause.title));
                }
            }
            WhenUnanswered::Deny => {
                let reason = format!("nobody answered within {waited}");
                if let Some(run) = pause.subject.run() {
                    let about = About { step: pause.subject.step().cloned(), pause: Some(id), ..About::default() };
                    draft.announce(run, about, &format!("**{id}** was denied, since {reason}: {}", pause.title));
                }
                close(draft, &pause, &format!("nobody within {waited}"), Decision::Reject { text: String::new() });
                reply(draft, *turn, key, &pause.title, AskReply::Deny { reason }, None);
                claim(draft, agent, *turn);
            }
            WhenUnanswered::Pause => {
                let why =
                    format!("{agent} waited {waited} for an answer to “{}”; retry when you are there", pause.title);
                draft.emit(Record::TurnGivenUp { turn: *turn, why });
                turn_over(draft, *turn);
                draft.effect(Effect::InterruptTurn { agent: agent.clone(), turn: *turn });
            }
        }
    }
}

/// Takes a remembered permission back.
pub(super) fn revoke(draft: &mut Draft, by: &Actor, rule: RuleId) -> Result<Answer, Refusal> {
    let by = human(by, "take a permission back")?;
    if draft.state.rule(rule).is_none() {
        return Err(not_found(format!("permission {rule}"), "`callboard permissions list` lists them"));
    }
    if draft.state.live_rules.contains(&rule) {
        draft.emit(Record::PermissionRevoked { rule, by: by.to_owned() });
    }
    Ok(Answer::Done)
}

fn short(title: &str) -> String {
    let line = document::visible(title).split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(200).collect()
}

fn minutes(milliseconds: u64) -> String {
    match milliseconds / 1_000 {
        0..120 => format!("{} seconds", milliseconds / 1_000),
        seconds => format!("{} minutes", seconds / 60),
    }
}
