//! `decide`: what an event means. Pure: the state and the event with its time go in, records and effects come out.
//!
//! Invariant: a refusal leaves no record and no effect. Invariant: each record is applied as it is emitted, so that what
//! follows in the same decision sees it; the state that comes out is exactly the fold of the records.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    apply::apply,
    effect::Effect,
    event::{Actor, Answer, Event, Refusal, RefusalCode, Settlement, Stamped},
    record::Record,
    state::State,
};
use crate::{
    finding::FindingState,
    ids::{ChannelName, FindingId, MessageId, RunId, Timestamp},
    protocol::{About, Author},
};

mod advance;
mod answer;
mod ask;
mod buffers;
mod checkpoint;
mod context;
pub(super) mod edit;
mod follow;
mod fork;
mod holders;
mod leases;
mod operator;
mod pause;
mod pieces;
mod result;
mod rounds;
mod run;
mod sight;
mod take_over;
mod talk;
mod tools;
mod turn;
mod worktree;

pub use self::leases::works_apart;

/// What an event came to.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The facts, in order.
    pub records: Vec<Record>,
    /// What to make happen once the facts are durable.
    pub effects: Vec<Effect>,
    /// What whoever asked is told.
    pub answer: Answer,
    /// The state with the facts in it.
    pub state: State,
}

/// A decision in the making.
struct Draft {
    state: State,
    at: Timestamp,
    records: Vec<Record>,
    effects: Vec<Effect>,
    /// Whether `advance` is going on: then a run that is to be brought further is noted here instead.
    advancing: bool,
    again: BTreeSet<RunId>,
}

/// Decides what an event means.
pub fn decide(state: &State, stamped: &Stamped) -> Result<Decided, Refusal> {
    let mut draft = Draft {
        state: state.clone(),
        at: stamped.at,
        records: Vec::new(),
        effects: Vec::new(),
        advancing: false,
        again: BTreeSet::new(),
    };
    let answer = dispatch(&mut draft, &stamped.event)?;
    worktree::go_on(&mut draft);
    follow::after(&mut draft);
    leases::watch(&mut draft, state, &stamped.event);
    Ok(Decided { records: draft.records, effects: draft.effects, answer, state: draft.state })
}

#[rustfmt::skip]
fn dispatch(draft: &mut Draft, event: &Event) -> Result<Answer, Refusal> {
    match event {
        // What people ask for.
        Event::Post { by, channel, thread, text, key } => talk::post(draft, by, channel.as_ref(), *thread, text, key.as_deref()),
        Event::CreateChannel { by, name, default_agent } => talk::create_channel(draft, by, name, default_agent.as_ref()),
        Event::Withdraw { by, message, agent }    => talk::withdraw(draft, by, *message, agent),
        Event::StartRun { by, plan, inputs, roles, channel, key } => run::start(draft, by, plan, inputs, roles, channel.as_ref(), key.as_deref()),
        Event::Decide { by, pause, decision, hash, scope } => answer::decide_pause(draft, by, *pause, decision, hash, *scope),
        Event::RevokePermission { by, rule }      => ask::revoke(draft, by, *rule),
        Event::EditPlan { by, run, plan, hash }   => edit::edit(draft, by, *run, plan, hash),
        Event::Hold { by, run, interrupt }        => run::hold(draft, by, *run, *interrupt),
        Event::Release { by, run }                => run::release(draft, by, *run),
        Event::Cancel { by, run }                 => run::cancel(draft, by, *run),
        Event::SettleFinding { by, finding, how } => settle_finding(draft, by, *finding, how),
        Event::Undo { by, run, step, force }      => checkpoint::undo(draft, by, *run, step.as_ref(), *force),
        Event::TakeOver { by, agent, after_turn } => take_over::take(draft, by, agent, *after_turn),
        Event::HandBack { by, agent }             => take_over::hand_back(draft, by, agent),
        Event::Fork { by, agent, to }             => fork::fork(draft, by, agent, to.as_ref()),
        // What agents come to.
        Event::TurnStarted { turn }               => { turn::began(draft, *turn); Ok(Answer::Done) }
        Event::BuffersGiven { turn, text }        => { buffers::given(draft, *turn, text); Ok(Answer::Done) }
        Event::ContextGiven { turn, text }        => { buffers::context(draft, *turn, text); Ok(Answer::Done) }
        Event::Touched { turn, paths, over: _ }   => { leases::touched(draft, *turn, paths); Ok(Answer::Done) }
        Event::Seen { paths }                     => { leases::seen(draft, paths); Ok(Answer::Done) }
        Event::Saved { by, path }                 => { leases::saved(draft, by, path); follow::saved(draft, path); Ok(Answer::Done) }
        Event::Followed { file }                  => { follow::followed(draft, file); Ok(Answer::Done) }
        Event::Clashed { turn, clash }            => { buffers::clashed(draft, *turn, clash); Ok(Answer::Done) }
        Event::TextPut { pause, why }             => { buffers::put(draft, *pause, why); Ok(Answer::Done) }
        Event::TurnEnded { turn, outcome }        => { turn::ended(draft, *turn, outcome); Ok(Answer::Done) }
        Event::Spent { turn, usage }              => { turn::spent(draft, *turn, *usage); Ok(Answer::Done) }
        Event::Asked { turn, ask }                => { ask::asked(draft, *turn, ask); Ok(Answer::Done) }
        Event::AskWithdrawn { turn, key }         => { ask::withdrawn(draft, *turn, key); Ok(Answer::Done) }
        Event::SessionKnown { turn, place, session, lost } => { turn::session_known(draft, *turn, place, session, lost.as_deref()); Ok(Answer::Done) }
        Event::TakeOverCame { agent, number, came } => { take_over::came(draft, agent, *number, came); Ok(Answer::Done) }
        Event::AgentChanged { agent, claim }      => { turn::claimed(draft, agent, claim); Ok(Answer::Done) }
        Event::FindingReported { agent, finding } => { result::report(draft, Some(agent), None, finding); Ok(Answer::Done) }
        Event::Used { agent, turn, act }          => tools::used(draft, agent, *turn, act),
        // What comes of checkpoints.
        Event::CheckpointTaken { checkpoint, outcome } => { checkpoint::taken(draft, *checkpoint, outcome); Ok(Answer::Done) }
        Event::UndoEnded { undo, outcome }        => { checkpoint::undone(draft, *undo, outcome); Ok(Answer::Done) }
        Event::Worktree { worktree, came }        => { worktree::came(draft, *worktree, came); Ok(Answer::Done) }
        Event::RemoveWorktree { by, worktree }    => worktree::let_go(draft, by, *worktree),
        // What the shell notices.
        Event::Trusted(trusted)                   => { run::trust(draft, *trusted); Ok(Answer::Done) }
        Event::Catalog(agents)                    => { run::know_agents(draft, agents); Ok(Answer::Done) }
        Event::Started { trusted, agents }        => { run::started(draft, *trusted, agents); Ok(Answer::Done) }
        Event::Tick                               => { run::tick(draft); ask::tick(draft); Ok(Answer::Done) }
    }
}

impl Draft {
    /// Adds a fact.
    fn emit(&mut self, record: Record) {
        let seq = self.state.rev + 1;
        apply(&mut self.state, seq, self.at, &record);
        self.records.push(record);
    }

    /// Asks for something to be made happen after the commit.
    fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// Makes sure that a channel is there.
    fn need_channel(&mut self, name: &ChannelName) {
        if !self.state.channels.contains_key(name) {
            self.emit(Record::ChannelCreated { name: name.clone(), default_agent: None });
        }
    }

    /// Posts a message that wakes nobody.
    fn say(
        &mut self,
        author: Author,
        channel: &ChannelName,
        thread: Option<MessageId>,
        about: About,
        text: &str,
    ) -> MessageId {
        self.need_channel(channel);
        let id = self.state.next_message();
        self.emit(Record::MessagePosted {
            id,
            channel: channel.clone(),
            thread,
            author,
            text: Arc::from(text),
            about,
            hops: 0,
            key: None,
            to: Vec::new(),
        });
        id
    }

    /// Posts a message of the operator in a run's thread.
    fn announce(&mut self, run: RunId, about: About, text: &str) {
        let Some((channel, thread)) = self.state.runs.get(&run).map(|it| (it.channel.clone(), it.thread)) else {
            return;
        };
        self.say(Author::Operator, &channel, Some(thread), About { run: Some(run), ..about }, text);
    }
}

/// Returns the person's name, or refuses: what follows is for people only (promise 2).
fn human<'a>(by: &'a Actor, what: &str) -> Result<&'a str, Refusal> {
    match by {
        Actor::Human(name) => Ok(name),
        Actor::Agent(_) => Err(Refusal::new(
            RefusalCode::HumansOnly,
            format!(
                "only a person may {what}; this connection belongs to a process that an agent of this workspace started"
            ),
        )),
    }
}

fn not_found(what: impl std::fmt::Display, how: &str) -> Refusal {
    Refusal::new(RefusalCode::NotFound, format!("there is no {what} in this workspace; {how}"))
}

fn settle_finding(draft: &mut Draft, by: &Actor, finding: FindingId, how: &Settlement) -> Result<Answer, Refusal> {
    let by = human(by, "settle a finding")?;
    if draft.state.finding(finding).is_none() {
        return Err(not_found(format!("finding {finding}"), "`callboard findings --all` lists them"));
    }
    let state = match how {
        Settlement::Dismiss(reason) if reason.trim().is_empty() => {
            return Err(Refusal::new(
                RefusalCode::Invalid,
                "a dismissal needs its reason: it is what reviewers are told; give it with --reason",
            ));
        }
        Settlement::Dismiss(reason) => FindingState::Dismissed { by: by.to_owned(), reason: reason.trim().to_owned() },
        Settlement::Accept => FindingState::Accepted { by: by.to_owned() },
        Settlement::Reopen => FindingState::Open,
    };
    draft.emit(Record::FindingSettled { finding, state });
    Ok(Answer::Done)
}
