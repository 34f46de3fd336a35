//! What a conversation with Codex's app-server comes to: lines in; what to believe, show, ask, send and conclude out.
//!
//! Pure: no clock, no process. Invariant: a request of Codex's is answered once, and an approval only by a person's reply or
//! by the one rule that stands here: who may write may edit files inside its folder that steer no program.

use std::{collections::BTreeMap, path::PathBuf};

use serde_json::{Value, json};

use super::{
    asks::{self, Kind, Pending},
    trouble,
    wire::{self, Change, Incoming, Item, Notice, TurnError, What},
};
use crate::{
    agent::{
        AgentState,
        driver::{
            inside::is_plain_inside,
            lines::{Purpose, Step},
        },
        tools,
    },
    ask::{AskReply, Wish},
    ids::{AgentName, Timestamp},
    outcome::{Failure, FailureClass},
};

/// How many items of a turn are remembered for the approvals that speak of them.
const MOST_ITEMS: usize = 1_000;
/// The longest text of an answer that is kept, in bytes: its end, which has the result.
const MOST_SAID: usize = 1 << 20;
/// The most of a command's output that is shown at its end, where it was not streamed.
const MOST_OUTPUT: usize = 16 * 1024;

/// What a turn may do, as far as an approval depends on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Leave {
    /// Where it works.
    pub(super) cwd: PathBuf,
    /// Whether it may change files there.
    pub(super) may_edit: bool,
}

/// A conversation.
pub(super) struct Dialogue {
    agent: AgentName,
    next: u64,
    sent: BTreeMap<u64, Purpose>,
    leave: Leave,
    thread: Option<String>,
    /// Codex's id of the turn that is going on.
    turn: Option<String>,
    items: BTreeMap<String, Vec<Change>>,
    asked: BTreeMap<String, Pending>,
    /// The messages of this turn.
    said: Vec<String>,
    /// Whether a message is being shown as it comes, and what of it was.
    streaming: bool,
    /// Tokens of the thread at the turn's start, once that is known, and now.
    before: Option<u64>,
    total: Option<u64>,
    limits: Vec<(f64, u64)>,
}

impl Dialogue {
    pub(super) fn new(agent: AgentName) -> Self {
        Self {
            agent,
            next: 0,
            sent: BTreeMap::new(),
            leave: Leave::default(),
            thread: None,
            turn: None,
            items: BTreeMap::new(),
            asked: BTreeMap::new(),
            said: Vec::new(),
            streaming: false,
            before: None,
            total: None,
            limits: Vec::new(),
        }
    }

    pub(super) fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// Returns the line of a request.
    pub(super) fn request(&mut self, purpose: Purpose, method: &str, params: &Value) -> String {
        self.next += 1;
        self.sent.insert(self.next, purpose);
        wire::request(self.next, method, params)
    }

    /// Says which thread is spoken in.
    pub(super) fn speaks_in(&mut self, thread: &str) {
        self.thread = Some(thread.to_owned());
    }

    pub(super) fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// Begins a turn: what an earlier one said is forgotten.
    pub(super) fn begin(&mut self, leave: Leave) {
        self.leave = leave;
        self.turn = None;
        self.items.clear();
        self.asked.clear();
        self.said.clear();
        self.streaming = false;
        self.before = self.total;
    }

    /// Returns the line that interrupts the turn, where Codex has begun it.
    pub(super) fn interrupt(&mut self) -> Option<String> {
        let params = json!({ "threadId": self.thread.clone()?, "turnId": self.turn.clone()? });
        Some(self.request(Purpose::Interrupt, "turn/interrupt", &params))
    }

    /// Returns the line that adds a word to the turn, where Codex has begun it.
    pub(super) fn tell(&mut self, text: &str) -> Option<String> {
        let (thread, turn) = (self.thread.clone()?, self.turn.clone()?);
        let input = json!([{ "type": "text", "text": text }]);
        let params = json!({ "threadId": thread, "expectedTurnId": turn, "input": input });
        Some(self.request(Purpose::Steer, "turn/steer", &params))
    }

    /// Returns the last message of the turn, and all of them.
    pub(super) fn said(&self) -> (&str, String) {
        (self.said.last().map_or("", String::as_str), self.said.join("\n\n"))
    }

    /// Returns the tokens that the turn has used so far, where Codex said so.
    pub(super) fn tokens(&self) -> Option<u64> {
        Some(self.total?.saturating_sub(self.before?))
    }

    /// Returns whether it waits for a person.
    pub(super) fn waits(&self) -> bool {
        !self.asked.is_empty()
    }

    /// Hears a line.
    pub(super) fn hear(&mut self, line: &str) -> Vec<Step> {
        match wire::read(line) {
            None => vec![Step::Show(dim(&format!("(not understood: {} bytes)\n", line.len())))],
            Some(Incoming::Answer { id, result }) => {
                let Some(purpose) = self.sent.remove(&id) else { return Vec::new() };
                if let (Purpose::Turn, Ok(answer)) = (purpose, &result) {
                    self.turn = answer["turn"]["id"].as_str().map(str::to_owned).or(self.turn.take());
                }
                vec![Step::Answered(purpose, result)]
            }
            Some(Incoming::Request { id, method, params }) => self.asked_of_us(&id, &method, &params),
            Some(Incoming::Notice(notice)) => self.heard(notice),
        }
    }

    /// Hears what a person said to an ask.
    pub(super) fn reply(&mut self, key: &str, reply: &AskReply) -> Vec<Step> {
        let Some(pending) = self.asked.remove(key) else { return Vec::new() };
        let mut steps = Vec::new();
        match pending.answer(reply) {
            Ok(answer) => steps.push(Step::Send(wire::answer(&pending.id, &answer))),
            // More than one thing was asked at once: the next.
            Err(next) => {
                let (ask, pending) = *next;
                steps.push(Step::Ask(Box::new(ask.clone())));
                self.asked.insert(ask.key, pending);
                return steps;
            }
        }
        if let AskReply::Deny { reason } = reply
            && !reason.trim().is_empty()
            // A decision has no room for a reason, so it goes to the turn as a word of the developer's.
            && let Some(line) = self.tell(&format!("The developer denied that, and says: {}", reason.trim()))
        {
            steps.push(Step::Send(line));
        }
        if self.asked.is_empty() {
            steps.push(Step::Claim(AgentState::Working, "it has its answer"));
        }
        steps
    }

    /// Answers what Codex asks.
    fn asked_of_us(&mut self, id: &Value, method: &str, params: &Value) -> Vec<Step> {
        let Some(kind) = Kind::of(method, params) else {
            return vec![
                Step::Show(dim(&format!("(asked for {method}, which Callboard does not do)\n"))),
                Step::Send(wire::refusal(id, method)),
            ];
        };
        let changes = params["itemId"].as_str().and_then(|it| self.items.get(it)).map_or(&[][..], Vec::as_slice);
        if self.turn.is_none() {
            // Between turns nobody is there to ask for it.
            return vec![Step::Send(wire::answer(id, &kind.refused()))];
        }
        if kind == Kind::Files && self.may_change(changes) && params["grantRoot"].is_null() {
            return vec![Step::Send(wire::answer(id, &json!({ "decision": "accept" })))];
        }
        // Callboard's own tools need no permission: the hub checks each use of them.
        if kind == Kind::Tool && params["serverName"] == tools::SERVER {
            return vec![Step::Send(wire::answer(id, &json!({ "action": "accept", "content": {} })))];
        }
        let Some((ask, pending)) = asks::ask(id.clone(), kind, params, changes, &self.leave.cwd) else {
            return vec![
                Step::Show(dim("(asked for what can't be asked of a person here; it was declined)\n")),
                Step::Send(wire::answer(id, &kind.refused())),
            ];
        };
        let (state, why) = match &ask.wish {
            Wish::Permission(_) => (AgentState::WaitingForPermission, "it asks for a permission"),
            Wish::Question(_) => (AgentState::WaitingForAnswer, "it asks a question"),
        };
        self.asked.insert(ask.key.clone(), pending);
        vec![Step::Ask(Box::new(ask)), Step::Claim(state, why)]
    }

    /// Returns whether it may make these changes without being asked.
    fn may_change(&self, changes: &[Change]) -> bool {
        let inside = |path: &str| is_plain_inside(&self.leave.cwd, path);
        self.leave.may_edit
            && !changes.is_empty()
            && changes.iter().all(|it| inside(&it.path) && it.moved_to.as_deref().is_none_or(inside))
    }

    fn heard(&mut self, notice: Notice) -> Vec<Step> {
        let mut steps = vec![Step::Progress];
        match notice {
            Notice::TurnStarted { turn } => self.turn = Some(turn),
            Notice::TurnCompleted { turn, status, error } => {
                // A turn that is over twice, or one of another thread.
                if self.turn.as_deref() == Some(turn.as_str()) {
                    steps.extend(self.cleaning(&status));
                    steps.extend(self.over(&status, error));
                }
            }
            Notice::Tokens { total, last } => {
                self.total = Some(total);
                // A thread that was resumed has used tokens before, which it doesn't tell until now.
                self.before.get_or_insert(total.saturating_sub(last));
            }
            Notice::Delta { text } => {
                if !std::mem::replace(&mut self.streaming, true) {
                    steps.push(Step::Show("\n".to_owned()));
                }
                steps.push(Step::Show(plain(&text)));
            }
            Notice::Output { text } => steps.push(Step::Show(dim(&plain(&text)))),
            Notice::ItemStarted(item) => steps.extend(self.item_started(item)),
            Notice::ItemCompleted(item) => steps.extend(self.item_completed(item)),
            Notice::Error { error, retries } => {
                steps.push(Step::Show(red(&format!("{}\n", error.message))));
                if retries {
                    // Trying again is no progress: else a provider that can't be reached would be waited for for ever.
                    steps.remove(0);
                    steps.push(Step::Retrying(self.failure(&error)));
                }
            }
            Notice::Resolved { id } => {
                let key = self.asked.iter().find(|(_, it)| it.id == id).map(|(key, _)| key.clone());
                if let Some(key) = key {
                    self.asked.remove(&key);
                    steps.push(Step::Unask(key));
                }
            }
            Notice::ServerFailed { name, error } => {
                steps.push(Step::Show(red(&format!("MCP server {name} could not be started: {error}\n"))));
            }
            Notice::Limits(limits) => self.limits = limits,
            Notice::Other => {}
        }
        steps
    }

    /// Has what a turn that was stopped left running ended: Codex's commands outlive the turn that began them.
    fn cleaning(&mut self, status: &str) -> Option<Step> {
        let params = json!({ "threadId": self.thread.clone().filter(|_| status == "interrupted")? });
        Some(Step::Send(self.request(Purpose::CleanUp, "thread/backgroundTerminals/clean", &params)))
    }

    fn over(&mut self, status: &str, error: Option<TurnError>) -> Option<Step> {
        self.turn = None;
        let agent = &self.agent;
        Some(Step::Over(match (status, error) {
            ("completed", _) => Ok(()),
            ("interrupted", _) => Err(Failure {
                class: FailureClass::Interrupted,
                message: format!("{agent}'s turn was stopped"),
                retry_at: None,
            }),
            ("inProgress", _) => return None,
            (_, error) => Err(trouble::failure(agent, &error.unwrap_or_default(), self.again())),
        }))
    }

    /// Returns the failure that an error is, with what is known of the provider's limits.
    fn failure(&self, error: &TurnError) -> Failure {
        trouble::failure(&self.agent, error, self.again())
    }

    /// Returns when the last of its used-up limits begins anew.
    fn again(&self) -> Option<Timestamp> {
        let used_up = self.limits.iter().filter(|(used, _)| *used >= 100.0).map(|(_, at)| *at).max()?;
        Some(Timestamp(i64::try_from(used_up).ok()?.checked_mul(1_000)?))
    }

    fn item_started(&mut self, item: Item) -> Vec<Step> {
        match item.what {
            What::Command { command, .. } => {
                vec![Step::Show(format!("\n{}\n", bold(&format!("$ {}", plain(&command)))))]
            }
            What::Files { changes, .. } => {
                let lines =
                    changes.iter().map(|it| format!("\n{}\n", bold(&format!("{} {}", it.kind, plain(&it.path)))));
                let shown: String = lines.collect();
                let touched = Step::Touches { paths: paths(&changes), over: false };
                if self.items.len() < MOST_ITEMS {
                    self.items.insert(item.id, changes);
                }
                vec![touched, Step::Show(shown)]
            }
            What::Tool { server, tool, arguments, .. } => {
                vec![Step::Show(format!("\n{} {}\n", bold(&format!("{server}/{tool}")), plain(&arguments.to_string())))]
            }
            What::Message { .. } | What::Thought { .. } | What::Other { .. } => Vec::new(),
        }
    }

    fn item_completed(&mut self, item: Item) -> Vec<Step> {
        match item.what {
            What::Message { text } => {
                let shown =
                    if std::mem::take(&mut self.streaming) { "\n".to_owned() } else { format!("\n{}\n", plain(&text)) };
                let kept: usize = self.said.iter().map(String::len).sum();
                if kept + text.len() > MOST_SAID {
                    self.said.clear();
                }
                self.said.push(ended(text));
                vec![Step::Show(shown)]
            }
            What::Thought { text } if !text.is_empty() => vec![Step::Show(dim(&format!("\n{}\n", plain(&text))))],
            What::Command { output, exit, status, .. } => {
                let output = output.unwrap_or_default();
                let skip = output.len().saturating_sub(MOST_OUTPUT);
                let from = (skip..=output.len()).find(|it| output.is_char_boundary(*it)).unwrap_or(0);
                let end = match exit {
                    Some(0) => String::new(),
                    Some(code) => format!("(exit code {code})\n"),
                    None => format!("({status})\n"),
                };
                vec![Step::Show(dim(&format!("{}{end}", plain(&output[from..]))))]
            }
            What::Files { changes, status } => {
                let touched = Step::Touches { paths: paths(&changes), over: true };
                let shown = (status != "completed").then(|| Step::Show(dim(&format!("({status})\n"))));
                std::iter::once(touched).chain(shown).collect()
            }
            What::Tool { status, .. } if status != "completed" => {
                vec![Step::Show(dim(&format!("({status})\n")))]
            }
            _ => Vec::new(),
        }
    }
}

/// Returns the files that changes are of.
fn paths(changes: &[Change]) -> Vec<String> {
    let named = changes.iter().flat_map(|it| std::iter::once(&it.path).chain(&it.moved_to));
    named.filter(|it| !it.is_empty()).cloned().collect()
}

/// Returns the end of a text that is too long to keep.
fn ended(text: String) -> String {
    let skip = text.len().saturating_sub(MOST_SAID);
    let from = (skip..=text.len()).find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    if from == 0 { text } else { text[from..].to_owned() }
}

fn plain(text: &str) -> String {
    crate::agent::terminal::plain(text)
}

fn dim(text: &str) -> String {
    styled("2", text)
}

fn bold(text: &str) -> String {
    styled("1", text)
}

fn red(text: &str) -> String {
    styled("31", text)
}

fn styled(style: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\x1b[{style}m{text}\x1b[0m") }
}

#[cfg(test)]
mod tests;
