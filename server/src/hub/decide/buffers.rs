//! What open buffers have to do with turns: what an agent was told of unsaved text, and texts that do not go together.
//!
//! Invariant (promise 4): where what was typed and what was written to the disk do not go together, both stay as they are and
//! a person is asked; the run whose step wrote it waits for the answer. Invariant (promise 1): a text that a person chose is put
//! into the editor, or they are told why not, over any number of crashes.

use std::sync::Arc;

use super::{Draft, pause, run, talk};
use crate::{
    document::{self, Decision, Header},
    hub::{
        effect::{Effect, TextToPut},
        event::TextClash,
        record::{Cause, Record, Subject},
        state::{Pause, Turn},
    },
    ids::{PauseId, RunId, TurnId},
    protocol::{About, Author, PauseKind},
};

/// The longest text that is kept at a pause, in bytes. Of a longer one only the difference is shown.
const MOST_TEXT: usize = 1024 * 1024;

/// How many clashes wait for a person at once. What comes beyond is told and not kept: nobody reads so many.
const MOST_OPEN: usize = 50;

/// Takes in what an agent was told of unsaved buffers: from now on it is part of what it was sent (promise 8).
pub(super) fn given(draft: &mut Draft, turn: TurnId, text: &Arc<str>) {
    let waits = draft.state.turn(turn).is_some_and(|it| it.sent.is_some() && it.ended.is_none());
    if waits && !text.is_empty() {
        draft.emit(Record::BuffersGiven { turn, text: Arc::clone(text) });
    }
}

/// Takes in what an agent is given of files and differences that its step names.
pub(super) fn context(draft: &mut Draft, turn: TurnId, text: &Arc<str>) {
    let waits = draft.state.turn(turn).is_some_and(|it| it.sent.is_some() && it.ended.is_none());
    if waits && !text.is_empty() {
        draft.emit(Record::ContextGiven { turn, text: Arc::clone(text) });
    }
}

/// Takes in a buffer and a file that do not go together.
pub(super) fn clashed(draft: &mut Draft, turn: Option<TurnId>, clash: &TextClash) {
    let TextClash { path, mine, theirs, difference } = clash;
    let known = turn.and_then(|it| draft.state.turn(it)).cloned();
    let run = known.as_ref().and_then(|it| live_run(draft, it));
    let open = draft.state.open_pauses.iter().filter_map(|it| draft.state.pause(*it));
    let mut clashes = 0;
    for it in open {
        if let Subject::Clash { path: other, theirs: text, .. } = &it.subject {
            clashes += 1;
            // The same clash, found again from another editor or at the end of another turn.
            if other == path && text == theirs {
                return;
            }
        }
    }
    let who = known.as_ref().map_or_else(|| "Callboard".to_owned(), |it| it.agent.to_string());
    let title = format!("{who} and you changed the same lines of {path}");
    if clashes >= MOST_OPEN {
        let channel = talk::default_channel();
        let text = format!("{title}. Your text is in the editor, the other on the disk.");
        draft.say(Author::System, &channel, None, About::default(), &text);
        return;
    }
    let header = match &known {
        Some(turn) => pause::ask_header(draft, turn, &title, None),
        None => Header { title: title.clone(), ..Header::default() },
    };
    let kept = (mine.len() <= MOST_TEXT && theirs.len() <= MOST_TEXT).then(|| Arc::clone(theirs));
    let document = document::clash_document(&header, path, &who, difference, kept.is_some(), run.is_some());
    let mut decisions = if kept.is_some() { vec!["approve", "skip"] } else { vec!["skip"] };
    if run.is_some() {
        decisions.push("stop");
    }
    let mine = Some(document::hash_of(mine));
    let subject = Subject::Clash { turn, run, path: path.clone(), mine, theirs: kept.unwrap_or_default() };
    pause::open_one(draft, PauseKind::Clash, subject, &title, document, &decisions);
}

/// Returns the run that a turn is a step of, where that goes on.
fn live_run(draft: &Draft, turn: &Turn) -> Option<RunId> {
    let Cause::Step { run, .. } = &turn.cause else { return None };
    draft.state.live_runs.contains(run).then_some(*run)
}

/// Does what a person decided: has the text that they chose put into the editors, and lets the run go on.
pub(super) fn settle(draft: &mut Draft, pause: &Pause, decision: &Decision) {
    if matches!(decision, Decision::Approve) {
        put_text(draft, pause, false);
    }
    if let Some(run) = pause.subject.run() {
        run::kick_queued(draft, run);
    }
}

fn put_text(draft: &mut Draft, pause: &Pause, again: bool) {
    if let Subject::Clash { path, mine, theirs, .. } = &pause.subject {
        let (path, text, mine) = (path.clone(), Arc::clone(theirs), mine.clone());
        let text = TextToPut { pause: pause.id, path, text, mine, again };
        draft.effect(Effect::PutText(Box::new(text)));
    }
}

/// Takes in what became of a text that was to be put into the editors. The first word counts.
pub(super) fn put(draft: &mut Draft, id: PauseId, why: &str) {
    if !draft.state.puts.contains(&id) {
        return;
    }
    draft.emit(Record::TextPut { pause: id, why: why.to_owned() });
    let Some(Subject::Clash { path, .. }) = draft.state.pause(id).map(|it| it.subject.clone()) else { return };
    let Some(channel) = draft.state.pause(id).map(|it| it.channel.clone()).filter(|_| !why.is_empty()) else { return };
    let text = format!("What was approved at {id} was not put into {path} in the editor: {why}. It is on the disk.");
    draft.say(Author::System, &channel, None, About { pause: Some(id), ..About::default() }, &text);
}

/// Has what a crash may have kept from the editors put there again.
pub(super) fn recover(draft: &mut Draft) {
    let puts: Vec<_> = draft.state.puts.iter().filter_map(|it| draft.state.pause(*it)).cloned().collect();
    for pause in puts {
        put_text(draft, &pause, true);
    }
}
