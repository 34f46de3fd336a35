//! Files that several change at the same time: who is at work on what, and who is told when two are at work on the same.
//!
//! Nobody is kept from writing and nothing is stopped: both sides are told at once, and a person.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use super::{Draft, worktree};
use crate::{
    agent::DriverKind,
    hub::{
        effect::Effect,
        event::{Actor, Event},
        leases::{self, FILES_OF_A_TURN, Sign},
        record::{Cause, Record},
        state::{State, Turn},
    },
    ids::{MessageId, TurnId},
    protocol::{About, Author},
};

/// How many paths of one event are looked at.
const MOST_PATHS: usize = 1_000;

/// The longest path that is kept.
const MOST_PATH: usize = 1_000;

/// Returns whether a turn works in a folder of its own.
pub fn works_apart(state: &State, cause: &Cause) -> bool {
    worktree::is_isolated(state, cause)
}

/// Has changes on the disk noticed as long as two turns may change files, and no longer.
pub(super) fn watch(draft: &mut Draft, before: &State, event: &Event) {
    let several = |state: &State| leases::writers(state).nth(1).is_some();
    let (was, is) = (several(before), several(&draft.state));
    // A hub that starts watches nothing yet, whatever was going on when the last one ended.
    if was != is || (is && matches!(event, Event::Started { .. })) {
        // What is watched before the turns start is seen from their first moment.
        draft.effects.insert(0, Effect::Watch { on: is });
    }
}

/// Takes in that a turn changes files, by the word of its agent's program.
pub(super) fn touched(draft: &mut Draft, id: TurnId, paths: &[String]) {
    let Some(turn) = draft.state.turn(id).cloned() else { return };
    if !leases::writes(&draft.state, &turn) {
        return;
    }
    hold(draft, id, fair(paths), Sign::Said);
    for path in fair(paths) {
        let others = others_on(&draft.state, path, id, Sign::Seen);
        for other in others {
            collide(draft, path, &[id, other], None, true);
        }
    }
}

/// Takes in that files changed on the disk, and that nobody said so.
pub(super) fn seen(draft: &mut Draft, paths: &[String]) {
    let mut holds: BTreeMap<(TurnId, Sign), Vec<&String>> = BTreeMap::new();
    let mut collisions: Vec<(&String, Vec<TurnId>, bool)> = Vec::new();
    for path in fair(paths) {
        let candidates = candidates(&draft.state, path);
        let ids: Vec<TurnId> = candidates.iter().map(|it| it.id).collect();
        let Some(first) = ids.first().copied() else { continue };
        // Those who are known to be at work on the file and did not do this: somebody else did, whoever it was.
        let known = others_on(&draft.state, path, first, Sign::Seen).into_iter().filter(|it| !ids.contains(it));
        let known: Vec<TurnId> = known.collect();
        if ids.len() == 1 {
            holds.entry((first, Sign::Seen)).or_default().push(path);
            collisions.extend(known.into_iter().map(|it| (path, vec![first, it], true)));
            continue;
        }
        let all = draft.state.files.leases.get(path.as_str());
        let holds_it = |id: &TurnId| all.is_some_and(|all| all.iter().any(|it| it.turn == *id));
        // The first change of a file may be anybody's own; with the second the two may be in each other's way.
        if ids.iter().all(holds_it) || !known.is_empty() {
            collisions.push((path, [ids.clone(), known].concat(), false));
        }
        for id in ids {
            holds.entry((id, Sign::Perhaps)).or_default().push(path);
        }
    }
    for ((id, sign), paths) in holds {
        hold(draft, id, paths.into_iter(), sign);
    }
    for (path, turns, sure) in collisions {
        collide(draft, path, &turns, None, sure);
    }
}

/// Takes in that a person saved a file.
pub(super) fn saved(draft: &mut Draft, by: &Actor, path: &str) {
    let Actor::Human(person) = by else { return };
    for path in fair(&[path.to_owned()]) {
        let at_work = others_on(&draft.state, path, TurnId(0), Sign::Seen);
        let live: Vec<TurnId> =
            at_work.into_iter().filter(|it| draft.state.turn(*it).is_some_and(|it| it.ended.is_none())).collect();
        if !live.is_empty() {
            collide(draft, path, &live, Some(person), true);
        }
    }
}

fn fair(paths: &[String]) -> impl Iterator<Item = &String> {
    paths.iter().filter(|it| !it.is_empty() && it.len() <= MOST_PATH).take(MOST_PATHS)
}

/// Records that a turn changes files, those of which it is not known as surely already, as long as there is room for them.
fn hold<'a>(draft: &mut Draft, turn: TurnId, paths: impl Iterator<Item = &'a String>, sign: Sign) {
    let leases = &draft.state.files.leases;
    let own = |path: &str| leases.get(path).and_then(|all| all.iter().find(|it| it.turn == turn));
    let mut news: Vec<String> = paths.filter(|it| own(it.as_str()).is_none_or(|it| it.sign < sign)).cloned().collect();
    news.sort_unstable();
    news.dedup();
    let mut room = FILES_OF_A_TURN.saturating_sub(leases.values().flatten().filter(|it| it.turn == turn).count());
    news.retain(|path| {
        let is_known = own(path).is_some();
        let fits = is_known || room > 0;
        room = if is_known { room } else { room.saturating_sub(1) };
        fits
    });
    if !news.is_empty() {
        draft.emit(Record::FilesTouched { turn, paths: news, sign });
    }
}

/// Returns the other turns that are known to be changing a file, or were while this one was on.
fn others_on(state: &State, path: &str, turn: TurnId, least: Sign) -> Vec<TurnId> {
    let sent = state.turn(turn).and_then(|it| it.sent_at);
    let Some(all) = state.files.leases.get(path) else { return Vec::new() };
    let overlaps = |ended: Option<u64>| ended.is_none_or(|ended| sent.is_some_and(|sent| sent < ended));
    all.iter().filter(|it| it.turn != turn && it.sign >= least && overlaps(it.ended)).map(|it| it.turn).collect()
}

/// Returns the turns that may have changed a file without a word: those of programs that don't say what they change, and of
/// these the one that is about this file, where there is one. Programs that do say it run others that don't.
fn candidates(state: &State, path: &str) -> Vec<Arc<Turn>> {
    let all: Vec<Arc<Turn>> = leases::writers(state).cloned().collect();
    let is_silent = |turn: &&Arc<Turn>| {
        let driver = state.agents.get(&turn.agent).map(|it| it.info.driver);
        matches!(driver, Some(DriverKind::Tool | DriverKind::Terminal))
    };
    let silent: Vec<Arc<Turn>> = all.iter().filter(is_silent).cloned().collect();
    let may = if silent.is_empty() { all } else { silent };
    let is_about = |turn: &&Arc<Turn>| {
        let paths = turn.sent.as_ref().map_or(&[][..], |it| it.paths.as_slice());
        paths.iter().any(|it| {
            let folder = it.trim_start_matches("./").trim_end_matches('/');
            let inside = path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            !matches!(folder, "" | ".") && inside
        })
    };
    let about: Vec<Arc<Turn>> = may.iter().filter(is_about).cloned().collect();
    if about.len() == 1 { about } else { may }
}

/// Tells both sides, and a person, that one file is changed by several; once for the same ones.
fn collide(draft: &mut Draft, path: &str, turns: &[TurnId], person: Option<&str>, sure: bool) {
    let mut ids = turns.to_vec();
    ids.sort_unstable();
    ids.dedup();
    let file: Arc<str> = path.into();
    let is_told = |one: TurnId, other: TurnId| draft.state.files.told.contains(&(Arc::clone(&file), one, other));
    let told = match person {
        Some(_) => ids.iter().all(|it| is_told(TurnId(0), *it)),
        None => ids.iter().enumerate().all(|(at, one)| ids[at + 1..].iter().all(|other| is_told(*one, *other))),
    };
    let known: Vec<Arc<Turn>> = ids.iter().filter_map(|it| draft.state.turn(*it)).cloned().collect();
    if told || known.is_empty() || (known.len() < 2 && person.is_none()) {
        return;
    }
    let text = words(&known, path, person, sure);
    let mut first: Option<MessageId> = None;
    let mut places = Vec::new();
    for turn in &known {
        let Some((channel, thread)) = draft.state.place_of(turn) else { continue };
        if places.contains(&(channel.clone(), thread)) {
            continue;
        }
        places.push((channel.clone(), thread));
        let (run, step) = match &turn.cause {
            Cause::Step { run, step } => (Some(*run), Some(step.clone())),
            Cause::Delivery { .. } => (None, None),
        };
        let about = About { run, step: step.filter(|_| known.len() == 1), turn: Some(turn.id), ..About::default() };
        let id = draft.say(Author::System, &channel, Some(thread), about, &text);
        first.get_or_insert(id);
    }
    let Some(message) = first else { return };
    let person = person.map(ToOwned::to_owned);
    draft.emit(Record::FilesCollided { path: path.to_owned(), turns: ids, person, sure, message });
    for turn in known.iter().filter(|it| it.ended.is_none()) {
        draft.effect(Effect::Tell { agent: turn.agent.clone(), turn: turn.id, text: text.as_str().into() });
    }
}

/// Returns what all sides are told.
fn words(turns: &[Arc<Turn>], path: &str, person: Option<&str>, sure: bool) -> String {
    let named = |turn: &Arc<Turn>| match &turn.cause {
        Cause::Step { run, step } => format!("{} ({step} of {run})", turn.agent),
        Cause::Delivery { message } => format!("{} (answering {message})", turn.agent),
    };
    let mut who: Vec<String> = turns.iter().map(named).collect();
    if let Some(person) = person {
        who.insert(0, person.to_owned());
    }
    let (last, others) = who.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
    let who = format!("{} and {last}", others.join(", "));
    let code = if path.contains('`') { path.to_owned() } else { format!("`{path}`") };
    let mut text = if sure {
        format!("**Two at work in one file**: {who} are changing {code} at the same time.")
    } else {
        format!(
            "**Perhaps two at work in one file**: {code} was changed while {who} were at work, and it can't be told by which."
        )
    };
    let _ = write!(
        text,
        " Read the file again before you write to it, change only what is yours in it, and keep what the other has written."
    );
    text
}
