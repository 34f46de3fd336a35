//! The parts of its context that a step names, as far as the state knows them; files and changes are left to be read where the
//! turn is taken.

use serde_json::Value;

use super::{Draft, context};
use crate::{
    finding::{Finding, FindingState},
    hub::{
        record::CheckpointWhen,
        run::Run,
        state::{Message, State},
    },
    ids::{MessageId, RunId, StepId},
    workflow::{
        context::{Holds, Part, Piece, step_named, with_lines},
        plan::{Action, TurnAction},
        prompt::{self, Context},
    },
};

/// How many files one part names at most.
const MOST_FILES: usize = 100;

/// Returns what a step's prompt takes with it.
pub(super) fn of_step(draft: &Draft, run: RunId, step: &StepId) -> Result<Vec<Piece>, String> {
    let state = &draft.state;
    let Some(run) = state.runs.get(&run) else { return Ok(Vec::new()) };
    let Some(Action::Turn(action)) = run.plan.step(step).map(|it| &it.action) else { return Ok(Vec::new()) };
    if action.context.is_empty() {
        return Ok(Vec::new());
    }
    let reads: Vec<&str> = action.context.iter().filter_map(Part::reads).collect();
    let values = context::values(state, run, step, &reads);
    let mut pieces = Vec::new();
    for part in &action.context {
        pieces.extend(found(state, run, step, part, &values).map_err(|why| format!("the context of {step}: {why}"))?);
    }
    Ok(pieces)
}

/// Returns how many tokens a step's context may take.
pub(super) fn budget(action: &TurnAction) -> u32 {
    action.budget.unwrap_or(crate::workflow::context::BUDGET)
}

fn found(state: &State, run: &Run, reader: &StepId, part: &Part, values: &Context) -> Result<Vec<Piece>, String> {
    let one = |title: String, holds: Holds| Ok(vec![Piece { title, holds }]);
    match part {
        Part::Result { step } => {
            let value = prompt::evaluate(step, values).map_err(|it| format!("`result: {step}`: {it}"))?;
            let holds = match &value {
                Value::Null => Holds::Nothing("it has no result yet".to_owned()),
                Value::String(text) => Holds::Text(text.clone()),
                Value::Object(it) if it.get("kind").is_some_and(|kind| kind == "text") => {
                    Holds::Text(it.get("text").and_then(Value::as_str).unwrap_or_default().to_owned())
                }
                other => Holds::Text(serde_json::to_string_pretty(other).unwrap_or_default()),
            };
            one(format!("Result of {step}"), holds)
        }
        Part::Changes { since } => {
            let title = match since {
                Some(name) => format!("Changes since {name} began"),
                None => "Changes since the run began".to_owned(),
            };
            let holds = match tree_at(state, run, reader, since.as_deref()) {
                Some(tree) => Holds::Since(tree),
                None => Holds::Nothing("no checkpoint was taken then".to_owned()),
            };
            one(title, holds)
        }
        Part::Files { paths } => {
            let named = context::evaluate_paths(paths, values)?;
            let more = named.len().saturating_sub(MOST_FILES);
            let mut files: Vec<Piece> = named
                .into_iter()
                .take(MOST_FILES)
                .map(|it| {
                    let (path, lines) = with_lines(&it);
                    Piece { title: it, holds: Holds::File { path, lines } }
                })
                .collect();
            if more > 0 {
                let holds = Holds::Nothing("that many files are not given".to_owned());
                files.push(Piece { title: format!("{more} more files"), holds });
            }
            Ok(files)
        }
        Part::Findings { states } => {
            let wanted = |it: &&std::sync::Arc<Finding>| {
                it.run == Some(run.id) && states.iter().any(|state| state == state_of(&it.state))
            };
            let lines: String = state.findings.iter().filter(wanted).map(|it| line(it)).collect();
            let holds = if lines.is_empty() { Holds::Nothing("there are none".to_owned()) } else { Holds::Text(lines) };
            one(format!("Findings ({})", states.join(", ")), holds)
        }
        Part::Thread { last } => {
            let Some(channel) = state.channels.get(&run.channel) else { return Ok(Vec::new()) };
            let of_thread = channel.messages.iter().rev().filter_map(|it| state.message(*it));
            let of_thread = of_thread.filter(|it| it.id == run.thread || it.thread == Some(run.thread));
            let mut said: Vec<&Message> = of_thread.take(*last as usize).map(|it| &**it).collect();
            said.reverse();
            one("The run's thread".to_owned(), Holds::Text(quoted(&said)))
        }
        Part::Messages { ids } => {
            let value = prompt::evaluate(ids, values).map_err(|it| format!("`messages: {ids}`: {it}"))?;
            let named: Vec<&str> = match &value {
                Value::Null => Vec::new(),
                Value::String(id) => vec![id],
                Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
                other => return Err(format!("`messages: {ids}` gives {other}; it must give ids such as 'm3'")),
            };
            let message = |id: &&str| {
                let known = id.parse::<MessageId>().ok().and_then(|it| state.message(it));
                known.filter(|it| it.channel == run.channel).map(|it| &**it)
            };
            let (mut said, mut missing) = (Vec::new(), Vec::new());
            for id in &named {
                match message(id) {
                    Some(it) => said.push(it),
                    None => missing.push(*id),
                }
            }
            let mut pieces = Vec::new();
            if !said.is_empty() {
                pieces.push(Piece { title: "Messages".to_owned(), holds: Holds::Text(quoted(&said)) });
            }
            if !missing.is_empty() {
                let why = format!("{} has no such message", run.channel);
                pieces.push(Piece { title: missing.join(", "), holds: Holds::Nothing(why) });
            }
            Ok(pieces)
        }
    }
}

/// Returns the tree of the files at the start of a step's latest turn, or of the run.
fn tree_at(state: &State, run: &Run, reader: &StepId, since: Option<&str>) -> Option<std::sync::Arc<str>> {
    let of_run = || state.checkpoints.iter().filter(|it| it.run == run.id && matches!(it.outcome, Some(Ok(_))));
    let tree = |it: &std::sync::Arc<crate::hub::state::CheckpointEntry>| it.outcome.clone()?.ok();
    let Some(name) = since else { return of_run().next().and_then(tree) };
    let step = step_named(&run.plan, reader, name)?;
    let is_its = |it: &StepId| it.planned() == step.planned();
    let begins = |it: &CheckpointWhen| matches!(it, CheckpointWhen::Start | CheckpointWhen::Merge);
    let mut starts = of_run().filter(|it| begins(&it.when) && it.step.as_ref().is_some_and(is_its));
    starts.next_back().and_then(tree)
}

fn state_of(state: &FindingState) -> &'static str {
    match state {
        FindingState::Open => "open",
        FindingState::Fixed => "fixed",
        FindingState::Dismissed { .. } => "dismissed",
        FindingState::Accepted { .. } => "accepted",
        FindingState::Stale => "stale",
    }
}

fn line(finding: &Finding) -> String {
    let place = finding.draft.place.as_ref().map_or(String::new(), |it| format!(" {}:{}", it.path, it.line));
    let severity = format!("{:?}", finding.draft.severity).to_lowercase();
    let why = match &finding.state {
        FindingState::Dismissed { reason, .. } => format!(" Dismissed, because: {reason}"),
        _ => finding.declined.as_ref().map_or(String::new(), |it| format!(" Declined, because: {it}")),
    };
    let text = finding.draft.text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{} {severity}{place} ({}): {text}{why}\n", finding.id, state_of(&finding.state))
}

fn quoted(messages: &[&Message]) -> String {
    let mut text = String::new();
    for it in messages {
        context::quote(&mut text, it);
    }
    text
}
