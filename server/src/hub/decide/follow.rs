//! Findings keep to their text while files change on the disk: when their places are told anew, and what comes of it.
//!
//! A place holds in one text of its file, the base. The shell compares that text with the file and says where the finding stands
//! in it; from then on that is the base. So no change is taken twice, whenever the answer comes.

use std::{collections::BTreeMap, sync::Arc};

use super::Draft;
use crate::{
    finding::{Finding, FindingState},
    hub::{
        effect::{Effect, FollowFile, FollowFinding},
        event::FollowedFile,
        record::{Cause, Record},
        state::{State, Turn},
    },
    ids::FindingId,
    protocol::is_settled,
};

/// How many files are looked at at once, and how many findings of one.
const MOST_FILES: usize = 500;
const MOST_OF_A_FILE: usize = 500;

/// How much of what a finding speaks of is remembered, in bytes.
const MOST_SAID: usize = 2_000;

/// Has all findings that are not settled looked at.
pub(super) fn all(draft: &mut Draft) {
    ask(draft, &|_| true);
}

/// Has the findings of a file looked at that a person saved.
pub(super) fn saved(draft: &mut Draft, path: &str) {
    ask(draft, &|it| it == path);
}

/// Has the findings looked at after a turn that may have changed files and has no checkpoint at its end.
pub(super) fn after_turn(draft: &mut Draft, turn: &Turn) {
    let wrote = turn.sent.as_ref().is_some_and(|it| it.access == crate::agent::Access::Write);
    if wrote && matches!(turn.cause, Cause::Delivery { .. }) {
        all(draft);
    }
}

/// Has findings looked at that the records of this decision have reported, and all where they have put files back.
pub(super) fn after(draft: &mut Draft) {
    if draft.records.iter().any(|it| matches!(it, Record::Undone { .. })) {
        return all(draft);
    }
    let reported = draft.records.iter().filter_map(|it| match it {
        Record::FindingReported { draft, .. } => draft.place.as_ref().map(|it| it.path.clone()),
        _ => None,
    });
    let mut paths: Vec<String> = reported.collect();
    paths.sort_unstable();
    paths.dedup();
    if !paths.is_empty() {
        ask(draft, &|it| paths.iter().any(|path| path == it));
    }
}

fn ask(draft: &mut Draft, wanted: &dyn Fn(&str) -> bool) {
    if !draft.state.trusted {
        return;
    }
    let state = &draft.state;
    let mut files: BTreeMap<&str, Vec<FollowFinding>> = BTreeMap::new();
    let findings = state.findings.iter().rev().filter(|it| !is_settled(&it.state));
    for finding in findings {
        let Some(place) = finding.draft.place.as_ref().filter(|it| wanted(&it.path)) else { continue };
        if !files.contains_key(place.path.as_str()) && files.len() >= MOST_FILES {
            continue;
        }
        let of_file = files.entry(&place.path).or_default();
        if of_file.len() < MOST_OF_A_FILE {
            of_file.push(follow_of(state, finding, place.clone()));
        }
    }
    if !files.is_empty() {
        let file = |(path, mut findings): (&str, Vec<FollowFinding>)| {
            findings.reverse();
            FollowFile { path: path.to_owned(), findings }
        };
        let files = files.into_iter().map(file).collect();
        draft.effect(Effect::Follow { files });
    }
}

fn follow_of(state: &State, finding: &Finding, place: crate::finding::Place) -> FollowFinding {
    let base = state.bases.get(&finding.id);
    FollowFinding {
        id: finding.id,
        place,
        excerpt: finding.draft.excerpt.clone(),
        stale: finding.state == FindingState::Stale,
        base: base.map(|it| Arc::clone(&it.text)),
        said: base.map(|it| Arc::clone(&it.said)),
    }
}

/// Takes in where the findings of a file stand. What was asked of another base, or of a finding that is settled by now, is passed
/// over: it is asked again, or needed no more.
pub(super) fn followed(draft: &mut Draft, file: &FollowedFile) {
    let is_of_now = |id: FindingId, base: Option<&Arc<str>>| {
        let finding = draft.state.finding(id).filter(|it| !is_settled(&it.state));
        let same_file = finding.and_then(|it| it.draft.place.as_ref()).is_some_and(|it| it.path == file.path);
        same_file && draft.state.bases.get(&id).map(|it| &it.text) == base
    };
    let counts: Vec<_> = file.findings.iter().filter(|it| is_of_now(it.id, it.base.as_ref())).cloned().collect();
    let mut moved = Vec::new();
    let mut based = Vec::new();
    let mut said = Vec::new();
    for it in &counts {
        let Some(known) = draft.state.finding(it.id) else { continue };
        if known.draft.place.as_ref() != Some(&it.place) {
            moved.push((it.id, it.place.clone()));
        }
        if it.base.as_ref() != file.text.as_ref() {
            based.push(it.id);
            if it.base.is_none()
                && let Some(words) = it.said.as_ref().filter(|it| it.len() <= MOST_SAID)
            {
                said.push((it.id, words.to_string()));
            }
        }
    }
    if !moved.is_empty() || !based.is_empty() {
        let (path, text) = (file.path.clone(), file.text.clone());
        draft.emit(Record::FindingsFollowed { path, text, findings: based, said, moved });
    }
    for it in &counts {
        let was_stale = draft.state.finding(it.id).map(|it| it.state == FindingState::Stale);
        if was_stale.is_some_and(|was| was != it.stale) {
            let state = if it.stale { FindingState::Stale } else { FindingState::Open };
            draft.emit(Record::FindingSettled { finding: it.id, state });
        }
    }
}
