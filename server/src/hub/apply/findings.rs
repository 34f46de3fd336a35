//! Findings: what records change of them.

use std::sync::Arc;

use super::{change_finding, change_turn};
use crate::{
    finding::{Finding, FindingState},
    hub::{
        record::Record,
        state::{Base, Key, State},
    },
};

/// Applies a record of findings that were reported, or whose file changed.
pub(super) fn apply(state: &mut State, record: &Record) {
    match record {
        Record::FindingReported { .. } => report(state, record),
        Record::FindingsFollowed { text, findings, said, moved, .. } => {
            for finding in findings {
                let Some(text) = text else {
                    state.bases.remove(finding);
                    continue;
                };
                let before = state.bases.get(finding).map(|it| Arc::clone(&it.said));
                let said = said.iter().find(|it| it.0 == *finding).map(|it| Arc::from(it.1.as_str())).or(before);
                let base = Base { text: Arc::clone(text), said: said.unwrap_or_default() };
                state.bases.insert(*finding, base);
            }
            for (finding, place) in moved {
                change_finding(state, *finding, |it| it.draft.place = Some(place.clone()));
            }
        }
        _ => {}
    }
}

fn report(state: &mut State, record: &Record) {
    let Record::FindingReported { finding, by, run, draft, contested, turn } = record else { return };
    if let Some(turn) = turn {
        change_turn(state, *turn, |it| {
            it.acts += 1;
            if !it.reported.contains(finding) {
                it.reported.push_back(*finding);
            }
        });
    }
    // Its place is in the text of now, whichever that is.
    state.bases.remove(finding);
    let mut draft = draft.clone();
    draft.id = None;
    if state.finding(*finding).is_none() {
        let fingerprint: Arc<str> = draft.fingerprint().into();
        state.findings.push_back(Arc::new(Finding {
            id: *finding,
            draft,
            run: *run,
            message: None,
            sources: by.iter().cloned().collect(),
            state: FindingState::Open,
            declined: None,
            contested: *contested,
            rev: state.rev,
        }));
        state.fingerprints.insert(fingerprint, *finding);
        state.touch(Key::Finding(*finding), 0);
        return;
    }
    // In its own words a second reporter says the same: by those it is known again.
    state.fingerprints.entry(draft.fingerprint().into()).or_insert(*finding);
    change_finding(state, *finding, |it| {
        // Its only source may think better of it; of several, the one who thinks worst of it counts.
        let alone = by.as_ref().is_some_and(|by| it.sources.iter().all(|it| it == by));
        it.draft.severity = if alone { draft.severity } else { draft.severity.min(it.draft.severity) };
        if let Some(by) = by
            && !it.sources.contains(by)
        {
            it.sources.push(by.clone());
            // Agreement makes it matter as much as the graver of the two says.
            it.draft.severity = it.draft.severity.min(draft.severity);
            it.draft.suggestion = it.draft.suggestion.take().or_else(|| draft.suggestion.clone());
        }
        // A person's words and the id stay; the place follows the code.
        it.draft.place = draft.place;
        it.draft.excerpt = draft.excerpt;
        it.run = run.or(it.run);
        if matches!(it.state, FindingState::Fixed | FindingState::Stale) {
            it.state = FindingState::Open;
        }
        it.contested = *contested;
    });
}
