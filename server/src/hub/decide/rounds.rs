//! The end of a loop's round: over, once more, or a person's turn. A loop that repeats itself is told from one that converges.

use std::{fmt::Write as _, sync::Arc};

use super::{Draft, advance, context, pause, result};
use crate::{
    finding::Finding,
    hub::record::{Record, Subject},
    ids::{FindingId, RunId},
    outcome::TypedResult,
    workflow::plan::{Action, RepeatAction, Step},
};

/// Closes a round whose steps are all over.
pub(super) fn close(draft: &mut Draft, run: RunId, step: &Step, repeat: &RepeatAction) {
    match advance::holds(draft, run, &step.id, &repeat.until) {
        Err(failure) => {
            result::failed(draft, run, &step.id, &failure);
            return;
        }
        Ok(true) => {
            draft.emit(Record::StepFinished { run, step: step.id.clone(), result: None, findings: Vec::new() });
            return;
        }
        Ok(false) => {}
    }
    let Some(now) = draft.state.runs.get(&run).and_then(|it| it.step(&step.id)).cloned() else { return };
    let (open, failing) = left(draft, run, repeat);
    let left = signature(&open, &failing);
    let ids = |it: &[Arc<Finding>]| it.iter().map(|it| it.id).collect::<Vec<FindingId>>();
    let all_contested = !open.is_empty() && open.iter().all(|it| it.contested);
    if all_contested && failing.is_empty() {
        let subject = Subject::Stuck { run, step: step.id.clone(), findings: ids(&open) };
        let why = match open.len() {
            1 => {
                "The one finding that is left was declined by the fixer and reported again by the reviewer.".to_owned()
            }
            n => {
                format!("All {n} findings that are left were declined by the fixer and reported again by the reviewer.")
            }
        };
        pause::open_stuck(draft, subject, &why, &open, &failing);
    } else if !left.is_empty() && *left == *now.left {
        let subject = Subject::Stuck { run, step: step.id.clone(), findings: ids(&open) };
        let why = format!("Round {} left exactly what round {} left: the loop repeats itself.", now.lap, now.lap - 1);
        pause::open_stuck(draft, subject, &why, &open, &failing);
    } else if now.lap >= now.bound {
        pause::open_rounds(draft, Subject::Rounds { run, step: step.id.clone() }, now.lap, &open, &failing);
    } else {
        draft.emit(Record::RoundStarted { run, step: step.id.clone(), round: now.lap + 1, bound: now.bound, left });
    }
}

/// Starts one more round after a person's word.
pub(super) fn once_more(draft: &mut Draft, run: RunId, step: &Step, more: u32) {
    let Action::Repeat(repeat) = &step.action else { return };
    let Some(now) = draft.state.runs.get(&run).and_then(|it| it.step(&step.id)).cloned() else { return };
    let (open, failing) = left(draft, run, repeat);
    let bound = now.bound.max(now.lap + 1).saturating_add(more);
    let left = signature(&open, &failing);
    draft.emit(Record::RoundStarted { run, step: step.id.clone(), round: now.lap + 1, bound, left });
}

/// Returns what a round left to do: material open findings of its reviews, and tests that failed.
pub(super) fn left(draft: &Draft, run: RunId, repeat: &RepeatAction) -> (Vec<Arc<Finding>>, Vec<String>) {
    let mut open: Vec<Arc<Finding>> = Vec::new();
    let mut failing = Vec::new();
    let Some(known) = draft.state.runs.get(&run) else { return (open, failing) };
    let mut lists = vec![repeat.steps.as_slice()];
    while let Some(steps) = lists.pop() {
        for step in steps {
            lists.push(step.children());
            let Some(now) = known.step(&step.id) else { continue };
            match now.result.as_deref() {
                Some(TypedResult::Review(_)) => {
                    for finding in context::material(&draft.state, now) {
                        if !open.iter().any(|it| it.id == finding.id) {
                            open.push(Arc::clone(finding));
                        }
                    }
                }
                Some(TypedResult::Tests(tests)) => failing.extend(tests.failures.iter().map(|it| it.name.clone())),
                _ => {}
            }
        }
    }
    open.sort_by_key(|it| it.id);
    failing.sort();
    failing.dedup();
    (open, failing)
}

/// Returns what two rounds have in common where they left the same; empty where they left nothing that can be compared.
fn signature(open: &[Arc<Finding>], failing: &[String]) -> String {
    let mut text = String::new();
    for finding in open {
        let _ = write!(text, "{} ", finding.id);
    }
    for name in failing {
        let _ = writeln!(text, "{name}");
    }
    text
}
