//! What the records of agents come to: who there is, what is believed of them, their sessions, and who has taken them over.

use std::sync::Arc;

use super::change_agent;
use crate::{
    agent::{AgentClaim, AgentInfo, AgentState, Session, Source},
    hub::{
        record::Record,
        state::{AgentEntry, Key, SESSIONS_KEPT, State, Taken},
    },
    ids::{AgentName, Timestamp},
    outcome::Usage,
    protocol::TakenStage,
};

/// Applies a record of an agent.
pub(super) fn apply(state: &mut State, at: Timestamp, record: &Record) {
    match record {
        Record::AgentsKnown { agents } => know_agents(state, at, agents),
        Record::AgentClaimed { agent, claim } => change_agent(state, agent, |it| believe(it, at, claim.clone())),
        Record::SessionKnown { agent, place, session, .. } => {
            change_agent(state, agent, |it| go_on_in(it, at, place, session));
        }
        Record::AgentTaken { agent, by, stage } => change_agent(state, agent, |it| {
            // The entry has the revision of this record by now.
            let (number, by) = (it.rev, by.as_str().into());
            let new = || Taken { number, by, since: at, stage: *stage, opened: false };
            it.taken.get_or_insert_with(new).stage = *stage;
        }),
        Record::AgentOpened { agent, place, session } => change_agent(state, agent, |it| {
            let Some(taken) = &mut it.taken else { return };
            taken.opened = true;
            if taken.stage == TakenStage::Opening {
                taken.stage = TakenStage::Open;
            }
            let by = taken.by.to_string();
            if let Some(session) = session {
                go_on_in(it, at, place, session);
            }
            let why = format!("{by} took it over");
            believe(it, at, AgentClaim { state: AgentState::TakenOver { by }, source: Source::Hub, why });
        }),
        Record::AgentHandedBack { agent, why, .. } => change_agent(state, agent, |it| {
            let Some(taken) = it.taken.take() else { return };
            if taken.opened {
                it.visitor = Some(taken.by);
            }
            if matches!(it.claim.state, AgentState::TakenOver { .. }) {
                believe(it, at, AgentClaim { state: AgentState::Stopped, source: Source::Hub, why: why.clone() });
            }
        }),
        Record::AgentForked { agent, place, session, .. } => change_agent(state, agent, |it| {
            it.sessions.remove(place.as_str());
            it.forks.insert(place.as_str().into(), Session { id: session.as_str().into(), since: at });
        }),
        _ => {}
    }
}

fn believe(it: &mut AgentEntry, at: Timestamp, claim: AgentClaim) {
    if it.claim.state != claim.state {
        it.since = at;
    }
    it.claim = claim;
}

fn go_on_in(it: &mut AgentEntry, at: Timestamp, place: &str, session: &str) {
    let place: Arc<str> = place.into();
    it.forks.remove(&place);
    if it.sessions.len() >= SESSIONS_KEPT
        && !it.sessions.contains_key(&place)
        && let Some(first) = it.sessions.keys().next().cloned()
    {
        it.sessions.remove(&first);
    }
    it.sessions.insert(place, Session { id: session.into(), since: at });
}

fn know_agents(state: &mut State, at: Timestamp, agents: &[AgentInfo]) {
    for info in agents {
        let rev = state.rev;
        let before = state.agents.get(&info.name).map_or(0, |it| it.rev);
        if let Some(entry) = state.agents.get_mut(&info.name) {
            let it = Arc::make_mut(entry);
            it.info = info.clone();
            it.rev = rev;
        } else {
            state.agents.insert(info.name.clone(), Arc::new(new_agent(info.clone(), at, rev)));
        }
        state.touch(Key::Agent(info.name.clone()), before);
    }
    let gone: Vec<AgentName> =
        state.agents.keys().filter(|name| !agents.iter().any(|it| it.name == **name)).cloned().collect();
    for name in gone {
        change_agent(state, &name, |it| {
            it.info.missing.get_or_insert_with(|| "no profile of this name is left".to_owned());
        });
    }
}

fn new_agent(info: AgentInfo, at: Timestamp, rev: u64) -> AgentEntry {
    AgentEntry {
        info,
        claim: AgentClaim {
            state: AgentState::Stopped,
            source: Source::Hub,
            why: "it has not been needed yet".to_owned(),
        },
        since: at,
        live: None,
        queue: imbl::Vector::new(),
        usage: Usage::default(),
        sessions: imbl::OrdMap::new(),
        forks: imbl::OrdMap::new(),
        taken: None,
        visitor: None,
        notes: imbl::Vector::new(),
        seen: imbl::OrdMap::new(),
        rev,
    }
}
