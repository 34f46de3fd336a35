//! Taking an agent over: a person speaks with it in its program's own screen, and its turns wait until it is handed back.
//!
//! Invariant: no turn of an agent that is taken over begins; the one that it is on when it is taken over ends first.

use super::{Draft, checkpoint, human, not_found, talk, turn};
use crate::{
    agent::{DriverKind, Session, TakeOver},
    hub::{
        effect::Effect,
        event::{Actor, Answer, Refusal, RefusalCode, TakeOverCame},
        record::Record,
        state::{AgentEntry, State},
    },
    ids::AgentName,
    protocol::{About, Author, TakenStage},
};

/// Takes an agent over, at once or after the turn that it is on.
pub(super) fn take(draft: &mut Draft, by: &Actor, agent: &AgentName, after_turn: bool) -> Result<Answer, Refusal> {
    let by = human(by, "take an agent over")?;
    let entry = known(&draft.state, agent)?;
    if let Some(taken) = &entry.taken {
        return match taken.stage {
            TakenStage::Closing => Err(Refusal::new(
                RefusalCode::Busy,
                format!("{agent} is being handed back; take it over again when that is done"),
            )),
            // It is where they want it.
            _ => Ok(Answer::Done),
        };
    }
    if !draft.state.trusted {
        return Err(Refusal::new(
            RefusalCode::Untrusted,
            "this workspace is not trusted, so no agent is started for it; see what would be used with `callboard trust`",
        ));
    }
    if let Some(why) = &entry.info.missing {
        return Err(Refusal::new(RefusalCode::NoAgent, format!("{agent}: {why}")));
    }
    if !entry.info.take_over {
        return Err(Refusal::new(RefusalCode::Invalid, format!("{agent} {}", no_screen(entry.info.driver))));
    }
    let busy = entry.live.is_some() || checkpoint::is_awaited(draft, agent);
    if busy && !after_turn {
        let message = format!(
            "{agent} is on a turn; take it over after that (`callboard agents attach {} --after-turn`), or stop the turn first",
            agent.as_str()
        );
        return Err(Refusal::new(RefusalCode::Busy, message));
    }
    if !busy && entry.info.needs_session && session_of(&draft.state, entry).is_none() {
        let message = format!(
            "{agent} has no session yet that could be opened, and its program can't be told which to begin; ask it something \
             first: callboard channel post \"{agent} …\""
        );
        return Err(Refusal::new(RefusalCode::Invalid, message));
    }
    let stage = if busy { TakenStage::AfterTurn } else { TakenStage::Opening };
    draft.emit(Record::AgentTaken { agent: agent.clone(), by: by.to_owned(), stage });
    if stage == TakenStage::Opening {
        open(draft, agent, by);
    }
    Ok(Answer::Done)
}

fn no_screen(driver: DriverKind) -> &'static str {
    match driver {
        DriverKind::Tool => {
            "is a program that gives a result and has no conversation, so there is nothing to take over; look at its terminal"
        }
        _ => {
            "can't be taken over: its profile does not say how its program's screen goes on with a session; give it `resume` in \
             a profile of your own"
        }
    }
}

/// Hands an agent back.
pub(super) fn hand_back(draft: &mut Draft, by: &Actor, agent: &AgentName) -> Result<Answer, Refusal> {
    let by = human(by, "hand an agent back")?;
    let entry = known(&draft.state, agent)?;
    let Some(taken) = &entry.taken else {
        let message = format!("{agent} is not taken over by anybody; `callboard agents` says who is");
        return Err(Refusal::new(RefusalCode::Invalid, message));
    };
    let number = taken.number;
    match taken.stage {
        TakenStage::AfterTurn => over(draft, agent, "the take-over was called off before the turn was over"),
        TakenStage::Opening | TakenStage::Open => {
            let stage = TakenStage::Closing;
            draft.emit(Record::AgentTaken { agent: agent.clone(), by: by.to_owned(), stage });
            draft.effect(Effect::HandBack { agent: agent.clone(), number });
        }
        TakenStage::Closing => draft.effect(Effect::HandBack { agent: agent.clone(), number }),
    }
    Ok(Answer::Done)
}

/// Takes in what came of a take-over.
pub(super) fn came(draft: &mut Draft, agent: &AgentName, number: u64, came: &TakeOverCame) {
    let taken = draft.state.agents.get(agent).and_then(|it| it.taken.clone());
    let Some(taken) = taken.filter(|it| it.number == number) else { return };
    match came {
        TakeOverCame::Opened { place, session } if !taken.opened => {
            let fits = |it: &String| !it.is_empty() && it.len() <= 500;
            let session = session.clone().filter(fits);
            draft.emit(Record::AgentOpened { agent: agent.clone(), place: place.clone(), session });
        }
        TakeOverCame::Opened { .. } => {}
        TakeOverCame::Over { why } => over(draft, agent, why),
    }
}

/// Returns whether an agent is a person's, so that none of its turns begins. Where it was waited for, its screen is opened.
pub(super) fn keeps(draft: &mut Draft, agent: &AgentName) -> bool {
    let Some(entry) = draft.state.agents.get(agent) else { return false };
    let Some(taken) = entry.taken.clone() else { return false };
    if taken.stage == TakenStage::AfterTurn && entry.live.is_none() && !checkpoint::is_awaited(draft, agent) {
        let (by, stage) = (taken.by.to_string(), TakenStage::Opening);
        draft.emit(Record::AgentTaken { agent: agent.clone(), by: by.clone(), stage });
        open(draft, agent, &by);
    }
    true
}

/// Says that nothing is taken over any more: the programs went with the last hub.
pub(super) fn recover(draft: &mut Draft) {
    let taken: Vec<AgentName> =
        draft.state.agents.iter().filter(|(_, it)| it.taken.is_some()).map(|(name, _)| name.clone()).collect();
    for agent in taken {
        end(draft, &agent, "the hub ended meanwhile, and its screen with it");
    }
}

/// Returns what an agent is told of whoever spoke with it since its last turn.
pub(super) fn told(entry: &AgentEntry) -> Option<String> {
    let by = entry.visitor.as_ref()?;
    Some(format!(
        "Since your last turn {by} (a person) took this session over and may have spoken with you in your program's own screen. \
         What they said there counts; the files may have changed too.\n\n"
    ))
}

fn known<'a>(state: &'a State, agent: &AgentName) -> Result<&'a AgentEntry, Refusal> {
    let entry = state.agents.get(agent);
    entry.map(|it| &**it).ok_or_else(|| not_found(format!("agent {agent}"), "`callboard agents` lists them"))
}

fn open(draft: &mut Draft, agent: &AgentName, by: &str) {
    let Some(entry) = draft.state.agents.get(agent) else { return };
    let found = session_of(&draft.state, entry);
    let (cwd, session) = found.map_or((".".into(), None), |(place, session)| (place.into(), Some(session)));
    let number = entry.taken.as_ref().map_or(0, |it| it.number);
    let wanted = TakeOver { number, agent: agent.clone(), by: by.to_owned(), cwd, session };
    draft.effect(Effect::TakeOver(Box::new(wanted)));
}

/// Returns the session that is opened, and where: that of the workspace itself before that of a worktree, of which the last one made
/// counts.
fn session_of<'a>(state: &'a State, entry: &AgentEntry) -> Option<(&'a str, Session)> {
    let worktrees = state.open_worktrees.iter().rev().filter_map(|it| state.worktree(*it));
    let mut places = std::iter::once(".").chain(worktrees.map(|it| &*it.folder));
    places.find_map(|it| entry.sessions.get(it).map(|session| (it, session.clone())))
}

fn over(draft: &mut Draft, agent: &AgentName, why: &str) {
    end(draft, agent, why);
    turn::kick(draft, agent);
}

fn end(draft: &mut Draft, agent: &AgentName, why: &str) {
    let Some(taken) = draft.state.agents.get(agent).and_then(|it| it.taken.clone()) else { return };
    draft.emit(Record::AgentHandedBack { agent: agent.clone(), why: why.to_owned() });
    let text = match (taken.opened, taken.stage) {
        (true, _) => format!(
            "{} had taken {agent} over and handed it back: {why}. What was said there stands in the recording of its terminal.",
            taken.by
        ),
        (false, TakenStage::Opening) => format!("{agent} could not be taken over: {why}."),
        (false, _) => return,
    };
    draft.say(Author::System, &talk::default_channel(), None, About::default(), &text);
}
