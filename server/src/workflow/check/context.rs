//! The parts of a step's context: that each is known, and that what it names is there when the step begins.

use super::{Checker, reads, table::Table};
use crate::workflow::{
    context::{MOST_BUDGET, MOST_MESSAGES, PARTS, Part, STATES},
    file::At,
    problem::suggest,
};

/// Returns the context of a step, and its budget where it gives one.
pub(super) fn of_step(checker: &mut Checker<'_>, table: &Table<'_>, row: usize) -> (Vec<Part>, Option<u32>) {
    let step = table.rows[row].step;
    let parts = step.context.iter().filter_map(|(name, value)| part(checker, table, row, name, value)).collect();
    let budget = step.budget.as_ref().and_then(|it| {
        if step.context.is_empty() {
            let mend = "name what the prompt takes with it under `context:`, or remove the budget";
            checker.problems.error(&it.at, "no-context", "a budget without a context limits nothing", mend);
        }
        let fair = (100..=MOST_BUDGET).contains(&it.value);
        if !fair {
            let message = format!("a budget of {} tokens is out of range", it.value);
            checker.problems.error(&it.at, "out-of-range", message, "give 100 to 200000");
        }
        u32::try_from(it.value).ok().filter(|_| fair)
    });
    (parts, budget)
}

fn part(
    checker: &mut Checker<'_>,
    table: &Table<'_>,
    row: usize,
    name: &At<String>,
    value: &At<String>,
) -> Option<Part> {
    let mut read = |it: &At<String>| {
        reads::expression(checker, table, row, it, reads::From::Body);
        it.value.clone()
    };
    match name.value.as_str() {
        "result" => Some(Part::Result { step: read(value) }),
        "changes" if value.value == "run" => Some(Part::Changes { since: None }),
        "changes" => Some(Part::Changes { since: Some(read(value)) }),
        "files" => Some(Part::Files { paths: read(value) }),
        "messages" => Some(Part::Messages { ids: read(value) }),
        "findings" => {
            let states: Vec<String> = value.value.split(',').map(|it| it.trim().to_owned()).collect();
            if let Some(other) = states.iter().find(|it| !STATES.contains(&it.as_str())) {
                let mend = suggest(other, STATES, "name one or several of open, fixed, dismissed, accepted, stale");
                checker.problems.error(&value.at, "unknown-state", format!("{other:?} is no state of a finding"), mend);
            }
            Some(Part::Findings { states })
        }
        "thread" => {
            let last = value.value.parse::<u32>().ok().filter(|it| (1..=MOST_MESSAGES).contains(it));
            if last.is_none() {
                let message = format!("{:?} is no number of messages", value.value);
                checker.problems.error(&value.at, "out-of-range", message, "give 1 to 200");
            }
            last.map(|last| Part::Thread { last })
        }
        other => {
            let mend =
                suggest(other, PARTS.map(|it| it.0), "name one of result, changes, files, findings, thread, messages");
            checker.problems.error(&name.at, "unknown-context", format!("there is no context `{other}`"), mend);
            None
        }
    }
}
