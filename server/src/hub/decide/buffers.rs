//! What open buffers have to do with turns: what an agent was told of unsaved text, and texts that do not go together.
//!
//! Invariant (promise 4): where what was typed and what was written to the disk do not go together, both stay as they are and
//! a person is asked.

use std::sync::Arc;

use super::{Draft, pause, talk};
use crate::{
    document::{self, Header},
    hub::{
        effect::Effect,
        event::TextClash,
        record::{Record, Subject},
    },
    ids::TurnId,
    protocol::PauseKind,
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

/// Takes in a buffer and a file that do not go together.
pub(super) fn clashed(draft: &mut Draft, turn: Option<TurnId>, clash: &TextClash) {
    let TextClash { path, mine, theirs, difference } = clash;
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
    let known = turn.and_then(|it| draft.state.turn(it)).cloned();
    let who = known.as_ref().map_or_else(|| "Callboard".to_owned(), |it| it.agent.to_string());
    let title = format!("{who} and you changed the same lines of {path}");
    if clashes >= MOST_OPEN {
        let channel = talk::default_channel();
        let text = format!("{title}. Your text is in the editor, the other on the disk.");
        draft.say(crate::protocol::Author::System, &channel, None, crate::protocol::About::default(), &text);
        return;
    }
    let header = match &known {
        Some(turn) => pause::ask_header(draft, turn, &title, None),
        None => Header { title: title.clone(), ..Header::default() },
    };
    let kept = (mine.len() <= MOST_TEXT && theirs.len() <= MOST_TEXT).then(|| Arc::clone(theirs));
    let document = document::clash_document(&header, path, &who, difference, kept.is_some());
    let decisions: &[&str] = if kept.is_some() { &["approve", "skip"] } else { &["skip"] };
    let subject = Subject::Clash { turn, path: path.clone(), theirs: kept.unwrap_or_default() };
    pause::open_one(draft, PauseKind::Clash, subject, &title, document, decisions);
}

/// Has the text that a person chose put into the editors that have the file open.
pub(super) fn settle(draft: &mut Draft, path: &str, theirs: &Arc<str>, is_approved: bool) {
    if is_approved {
        draft.effect(Effect::PutText { path: path.to_owned(), text: Arc::clone(theirs) });
    }
}
