//! An agent as operator: it decides which steps of its part are done next, inside the same limits and gates as the rules.
//!
//! Invariant (promise 2): no move answers or skips a pause point, and a part is not finished while one of its gates was not
//! met. Invariant (promise 5): decisions and turns that come to nothing have bounds, and reaching one is a pause.

use std::{fmt::Write as _, sync::Arc};

use super::{Draft, advance, context, pause, result, run, turn};
use crate::{
    document::Decision,
    hub::{
        event::{Answer, Refusal, RefusalCode},
        operator::{self, Move, Reasoned},
        record::{Cause, Record},
        run::{Run, StepState},
        state::{State, Turn},
    },
    ids::{AgentName, RunId, StepId, TurnId},
    outcome::{Failure, FailureClass, TextResult, TurnOutcome, TypedResult, form::FENCE},
    protocol::{About, Author, StepStatus},
    workflow::{
        plan::{Action, OperatorAction, RepeatAction, Role, Step, Who},
        prompt,
    },
};

/// Turns in a row without a move that was taken, before a person is asked.
const MOST_IDLE: u32 = 3;

/// Moves of one turn, refused ones included.
const MOST_MOVES: u32 = 50;

/// How much of a step's result an operator is shown, in bytes.
const MOST_BRIEF: usize = 1_500;

/// Brings the part of an operator as far as it can go. Returns whether anything changed.
pub(super) fn go_on(
    draft: &mut Draft,
    id: RunId,
    step: &Step,
    repeat: &RepeatAction,
    operator: &OperatorAction,
) -> bool {
    let changed = advance::advance_list(draft, id, &repeat.steps, None);
    if !advance::goes_on(draft, id) {
        return changed;
    }
    let Some(run) = draft.state.runs.get(&id).cloned() else { return changed };
    let Some(now) = run.step(&step.id) else { return changed };
    let waits = now.turn.is_some() || now.pause.is_some() || now.status != StepStatus::Running;
    if waits || outstanding(&run, repeat).next().is_some() {
        return changed;
    }
    if now.operation.decisions >= now.bound {
        let title = format!("{} is not through after {} decisions", step.id, now.operation.decisions);
        let words = "Approve allows as many decisions again; request changes does that and tells the operator what you \
                     want. Reject and stop end the run.";
        pause::open_operator(draft, id, &step.id, pause::Why::Limit, &title, &[words.to_owned()]);
        return true;
    }
    if let Some(limit) = run::limit_reached(draft, id, run::queued(&draft.state, id)) {
        pause::open_limit(draft, id, limit);
        return true;
    }
    let Some(agent) = now.agent.clone().or_else(|| run.roles.get(&operator.role).cloned()) else {
        let message = format!("nobody plays the part of {}'s operator; retry it with --agent NAME", step.id);
        result::failed(draft, id, &step.id, &Failure { class: FailureClass::NotInstalled, message, retry_at: None });
        return true;
    };
    turn::queue_step(draft, id, &step.id, &agent, false);
    true
}

/// Begins an operator's part, or goes on with one that had begun: its turn failed and is done again.
pub(super) fn begin(draft: &mut Draft, id: RunId, step: &Step, repeat: &RepeatAction) {
    let Some(known) = draft.state.runs.get(&id) else { return };
    let began = repeat.steps.iter().any(|it| known.step(&it.id).is_some_and(|it| it.status != StepStatus::Waiting));
    let bound = known.step(&step.id).map_or(0, |it| it.bound);
    let (run, step) = (id, step.id.clone());
    if began && bound > 0 {
        draft.emit(Record::OperatorWoken { run, step, bound, note: String::new() });
    } else {
        draft.emit(Record::RoundStarted { run, step, round: 1, bound: repeat.max, left: String::new() });
    }
}

/// Returns the loop that a step is, and its operator.
pub(super) fn part<'a>(run: &'a Run, step: &StepId) -> Option<(&'a Step, &'a RepeatAction, &'a OperatorAction)> {
    let step = run.plan.step(step)?;
    let Action::Repeat(repeat) = &step.action else { return None };
    Some((step, repeat, repeat.operator.as_ref()?))
}

/// Returns the steps of a part that were assigned and are not over.
fn outstanding<'a>(run: &'a Run, repeat: &'a RepeatAction) -> impl Iterator<Item = &'a Step> {
    repeat.steps.iter().filter(|it| run.step(&it.id).is_some_and(|it| !it.parked && !it.is_over()))
}

/// Takes a move that an operator makes by a tool while its turn goes on.
pub(super) fn moved(
    draft: &mut Draft,
    turn: &Turn,
    wanted: &Result<Reasoned, (String, String)>,
) -> Result<Answer, Refusal> {
    let part = match &turn.cause {
        Cause::Step { run, step } => Some((*run, step.clone())),
        Cause::Delivery { .. } => None,
    };
    let of_turn = |(id, step): &(RunId, StepId)| {
        let run = draft.state.runs.get(id).filter(|it| it.ended.is_none());
        run.is_some_and(|it| part_of(it, step, turn.id))
    };
    let Some((id, step)) = part.filter(of_turn) else {
        let message =
            "you operate nothing in this turn; the tools assign, ask, wait, pause and finish are an operator's";
        return Err(Refusal::new(RefusalCode::Invalid, message));
    };
    let made =
        draft.state.runs.get(&id).and_then(|it| it.step(&step)).map(|it| it.operation.taken + it.operation.refused);
    if made.is_some_and(|it| it >= MOST_MOVES) {
        return Err(Refusal::new(RefusalCode::Busy, format!("{MOST_MOVES} moves in one turn are all; end the turn")));
    }
    Ok(match make(draft, id, &step, turn.id, &turn.agent, wanted) {
        Ok(()) => Answer::Done,
        Err(why) => Answer::MoveRefused(why),
    })
}

fn part_of(run: &Run, step: &StepId, turn: TurnId) -> bool {
    part(run, step).is_some() && run.step(step).is_some_and(|it| it.turn == Some(turn))
}

/// Makes a move, or records why it may not be.
fn make(
    draft: &mut Draft,
    id: RunId,
    step: &StepId,
    turn: TurnId,
    agent: &AgentName,
    wanted: &Result<Reasoned, (String, String)>,
) -> Result<(), String> {
    let about = About { step: Some(step.clone()), turn: Some(turn), ..About::default() };
    let (what, why) = match wanted {
        Err((what, why)) => (what.clone(), why.clone()),
        Ok(it) => {
            if let Err(why) = allowed(draft, id, step, &it.does) {
                (it.does.to_string(), why)
            } else {
                let Reasoned { does, reason } = it.clone();
                let words = does.text().trim();
                let words = if words.is_empty() { String::new() } else { format!("\n\n{words}") };
                let text = format!("{agent} decided: **{does}**, because {reason}{words}");
                draft.emit(Record::OperatorMoved { run: id, step: step.clone(), turn, does, reason });
                draft.announce(id, about, &text);
                advance::advance(draft, id);
                return Ok(());
            }
        }
    };
    let record = Record::OperatorRefused { run: id, step: step.clone(), turn, wanted: what.clone(), why: why.clone() };
    draft.emit(record);
    draft.announce(id, about, &format!("{agent} wanted: **{what}**. Refused: {why}"));
    Err(why)
}

/// Refuses what an operator may not do now.
fn allowed(draft: &Draft, id: RunId, step: &StepId, does: &Move) -> Result<(), String> {
    let state = &draft.state;
    let Some(run) = state.runs.get(&id) else { return Err(format!("{id} is gone")) };
    let (Some((_, repeat, _)), Some(now)) = (part(run, step), run.step(step)) else {
        return Err(format!("{step} has no operator"));
    };
    if let Some(pending) = &now.operation.pending {
        return Err(format!("you said {pending} before; end your turn"));
    }
    if now.operation.decisions >= now.bound {
        return Err(format!("all {} decisions are used up; end your turn, and a person is asked for more", now.bound));
    }
    let waiting: Vec<&str> = outstanding(run, repeat).map(|it| it.id.as_str()).collect();
    match does {
        Move::Assign { step, agent, .. } => assignable(state, run, repeat, step, agent.as_ref()),
        Move::Ask { text } if text.trim().is_empty() => Err("it asks nothing; say what under `text`".to_owned()),
        Move::Wait if waiting.is_empty() => {
            Err("nothing that you assigned is going on; assign, ask or finish".to_owned())
        }
        Move::Finish { .. } if !waiting.is_empty() => {
            Err(format!("{} is not over yet; wait for it", waiting.join(", ")))
        }
        Move::Finish { .. } => match unmet_gate(draft, id, run, repeat) {
            Some(gate) => Err(format!("the pause {gate} was not met; assign it, and a person answers it")),
            None => Ok(()),
        },
        Move::Ask { .. } | Move::Wait | Move::Pause { .. } => Ok(()),
    }
}

/// Returns a pause point of a part that a person has not answered since what it rests on was last done.
fn unmet_gate<'a>(draft: &Draft, id: RunId, run: &Run, repeat: &'a RepeatAction) -> Option<&'a StepId> {
    let gates = repeat.steps.iter().filter(|it| matches!(it.action, Action::Pause(_)));
    let unmet = |it: &&Step| {
        let open = run.step(&it.id).is_some_and(|it| !it.is_over());
        // One whose condition is false now is not met under the rules either.
        open && it.when.as_ref().is_none_or(|when| advance::holds(draft, id, &it.id, when).unwrap_or(true))
    };
    gates.into_iter().find(unmet).map(|it| &it.id)
}

fn assignable(
    state: &State,
    run: &Run,
    repeat: &RepeatAction,
    step: &StepId,
    agent: Option<&AgentName>,
) -> Result<(), String> {
    let Some(wanted) = repeat.steps.iter().find(|it| it.id == *step) else {
        let own: Vec<&str> = repeat.steps.iter().map(|it| it.id.as_str()).collect();
        return Err(format!("{step} is not of your part; its steps are {}", own.join(", ")));
    };
    let status = |id: &StepId| run.step(id).map(|it| (it.parked, it.status));
    let going_on = |id: &StepId| status(id).is_some_and(|(parked, it)| !parked && !is_over(it));
    if going_on(step) {
        return Err(match status(step) {
            Some((_, StepStatus::Paused)) => format!("{step} waits for a person, and only a person answers it"),
            _ => format!("{step} is being done already; wait for it"),
        });
    }
    for it in &repeat.steps {
        let rests =
            it.needs.contains(step) || matches!(&it.action, Action::Pause(it) if it.show.as_ref() == Some(step));
        if rests && going_on(&it.id) {
            return Err(format!("{} is going on and rests on {step}; wait for it", it.id));
        }
    }
    let missing = wanted.needs.iter().find(|it| status(it).is_some_and(|(parked, status)| parked && !is_over(status)));
    if let Some(missing) = missing {
        return Err(format!("{step} needs {missing}, which was not done; assign that first"));
    }
    if let Some(agent) = agent {
        let eligible = eligible(state, run, wanted);
        if !eligible.contains(agent) {
            let names: Vec<String> = eligible.iter().map(ToString::to_string).collect();
            let who = if names.is_empty() { "nobody but a person".to_owned() } else { names.join(", ") };
            return Err(format!("{agent} is not of this run for {step}; it can be done by {who}"));
        }
    }
    Ok(())
}

fn is_over(status: StepStatus) -> bool {
    matches!(status, StepStatus::Done | StepStatus::Skipped | StepStatus::Failed)
}

/// Returns the agents of the run that may do a step.
fn eligible(state: &State, run: &Run, step: &Step) -> Vec<AgentName> {
    let Action::Turn(action) = &step.action else { return Vec::new() };
    match &action.who {
        Who::Agent(agent) => vec![agent.clone()],
        Who::Role(id) => {
            let role: Option<&Role> = run.plan.roles.iter().find(|it| it.id == *id);
            let mut all: Vec<AgentName> = run.roles.get(id).cloned().into_iter().collect();
            for agent in role.iter().flat_map(|it| &it.prefer) {
                if !all.contains(agent) && run::check_agent(state, agent, role).is_ok() {
                    all.push(agent.clone());
                }
            }
            all
        }
    }
}

/// Takes the outcome of an operator's turn.
pub(super) fn take(draft: &mut Draft, agent: &AgentName, id: TurnId, run: RunId, step: &StepId, outcome: &TurnOutcome) {
    let Some(known) = draft.state.runs.get(&run).cloned() else { return };
    if known.ended.is_some() || !known.step(step).is_some_and(|it| it.turn == Some(id) && !it.is_over()) {
        return;
    }
    match outcome {
        TurnOutcome::Failed(failure) if turn::is_put_off(draft, id, failure, draft.state.is_held(Some(run))) => {
            let bound = known.step(step).map_or(0, |it| it.bound);
            draft.emit(Record::OperatorWoken { run, step: step.clone(), bound, note: String::new() });
        }
        TurnOutcome::Failed(failure) => result::failed(draft, run, step, failure),
        TurnOutcome::Answered { text, result, .. } => {
            if !text.trim().is_empty()
                && let Some((channel, thread)) = draft.state.runs.get(&run).map(|it| (it.channel.clone(), it.thread))
            {
                let about = About { run: Some(run), step: Some(step.clone()), turn: Some(id), ..About::default() };
                draft.say(Author::Agent(agent.clone()), &channel, Some(thread), about, text.trim_end());
            }
            let moves = match result {
                Some(TypedResult::Json(it)) => operator::read(&it.value),
                _ => Vec::new(),
            };
            for wanted in &moves {
                // Why not is in the record, and in the next prompt.
                let _ = make(draft, run, step, id, agent, wanted);
            }
            over(draft, agent, id, run, step);
        }
    }
    advance::advance(draft, run);
}

/// Does what was decided for the turn's end.
fn over(draft: &mut Draft, agent: &AgentName, turn: TurnId, run: RunId, step: &StepId) {
    let operation = |draft: &Draft| {
        draft.state.runs.get(&run).and_then(|it| it.step(step)).map(|it| Arc::clone(&it.operation)).unwrap_or_default()
    };
    let before = operation(draft);
    if before.taken == 0 && before.refused == 0 {
        let nothing = Err(("nothing".to_owned(), "the turn ended without a move; make one, or finish".to_owned()));
        let _ = make(draft, run, step, turn, agent, &nothing);
    }
    draft.emit(Record::OperatorTurnTaken { run, step: step.clone(), turn });
    let open = |draft: &mut Draft, why, title: &str, words: &str| {
        let next =
            "Approve lets the operator go on; request changes answers it with your words. Reject and stop end the run.";
        let words: Vec<String> = [words, next].iter().filter(|it| !it.is_empty()).map(|it| (*it).to_owned()).collect();
        pause::open_operator(draft, run, step, why, title, &words);
    };
    match &before.pending {
        Some(Move::Finish { text }) => finish(draft, run, step, text),
        Some(Move::Ask { text }) => open(draft, pause::Why::Question, &format!("{agent} asks you"), text),
        Some(Move::Pause { text }) => open(draft, pause::Why::Question, &format!("{agent} wants you to look"), text),
        _ => {
            let after = operation(draft);
            if after.idle_turns >= MOST_IDLE {
                let last = after.log.last().map_or_else(String::new, |it| format!("{}: {}", it.what, it.why));
                let words = format!("None of its last {MOST_IDLE} turns made a move that may be. The last: {last}");
                open(draft, pause::Why::Stuck, &format!("{agent} gets no further as operator of {step}"), &words);
            }
        }
    }
}

fn finish(draft: &mut Draft, run: RunId, step: &StepId, text: &str) {
    let Some(known) = draft.state.runs.get(&run).cloned() else { return };
    let Some((_, repeat, _)) = part(&known, step) else { return };
    for child in &repeat.steps {
        if known.step(&child.id).is_some_and(|it| it.status == StepStatus::Waiting) {
            let why = "its operator did not need it".to_owned();
            draft.emit(Record::StepSkipped { run, step: child.id.clone(), why });
        }
    }
    let result = Some(Arc::new(TypedResult::Text(TextResult { text: text.to_owned() })));
    draft.emit(Record::StepFinished { run, step: step.clone(), result, findings: Vec::new() });
}

/// Follows a person's answer to what an operator asked, or at a bound of it.
pub(super) fn answered(draft: &mut Draft, run: RunId, step: &StepId, decision: &Decision, by: &str) {
    let Some(known) = draft.state.runs.get(&run).cloned() else { return };
    let (Some((_, repeat, _)), Some(now)) = (part(&known, step), known.step(step)) else { return };
    let spent = now.operation.decisions >= now.bound;
    let bound = if spent { now.operation.decisions.saturating_add(repeat.max) } else { now.bound };
    let note = match decision {
        Decision::RequestChanges { text } => text.clone(),
        _ => format!("{by} approved: go on."),
    };
    draft.emit(Record::OperatorWoken { run, step: step.clone(), bound, note });
}

/// Returns what an operator is told: what it is to reach, where its part stands, and what it may do.
pub(super) fn prompt(draft: &Draft, run: &Run, step: &StepId, operator: &OperatorAction) -> Result<String, String> {
    let state = &draft.state;
    let (Some((_, repeat, _)), Some(now)) = (part(run, step), run.step(step)) else {
        return Err(format!("{step} has no operator"));
    };
    let values = context::values(state, run, step, &[&operator.prompt]);
    let mut text =
        prompt::render(&operator.prompt, &values).map_err(|it| format!("the prompt of {step}'s operator: {it}"))?;
    let _ = write!(
        text,
        "\n\nYou are the operator of the part `{step}` of {} ({}): you decide what is done next, and others do it. You change no \
         file yourself. The steps of your part:\n\n",
        run.id, run.plan.name
    );
    for child in &repeat.steps {
        describe(&mut text, draft, run, child);
    }
    if !now.operation.log.is_empty() {
        text.push_str("\nWhat you decided so far, oldest first:\n\n");
        for it in &now.operation.log {
            let how = if it.refused { "was refused:" } else { "because" };
            let _ = writeln!(text, "- {} {how} {}", it.what, it.why);
        }
    }
    if let Some(note) = &now.note {
        text.push_str("\nA person answers you:\n\n");
        for line in note.lines() {
            let _ = writeln!(text, "> {line}");
        }
    }
    let _ = write!(
        text,
        "\nLeft are {} decisions before a person is asked for more, and {} turns of the whole run.\n\n\
         Decide by Callboard's tools `assign` (a step, also one that is to be done again), `ask` (the developer), `wait`, `pause` (the \
         developer is to look) and `finish`, each with its reason; then end your turn. You get another one when what you assigned is \
         over. A pause point is answered by a person alone; your part can't be finished before each was. Without the tools, end your \
         answer with your moves as JSON, alone in a block fenced like this:\n\n{FENCE}\n\
         {{\"moves\": [{{\"move\": \"assign\", \"step\": \"…\", \"agent\": \"@name, or leave it out\", \"text\": \"what to look at\", \"reason\": \"…\"}}]}}\n\
         or {{\"move\": \"ask\", \"text\": \"…\", \"reason\": \"…\"}}, {{\"move\": \"wait\", \"reason\": \"…\"}}, {{\"move\": \"pause\", \"text\": \"…\", \
         \"reason\": \"…\"}}, {{\"move\": \"finish\", \"text\": \"what came of it\", \"reason\": \"…\"}}\n```\n",
        now.bound.saturating_sub(now.operation.decisions),
        run.limits.turns.saturating_sub(run.turns),
    );
    Ok(text)
}

fn describe(text: &mut String, draft: &Draft, run: &Run, child: &Step) {
    let Some(now) = run.step(&child.id) else { return };
    let title = if child.title.is_empty() { String::new() } else { format!(" ({})", child.title) };
    let _ = write!(text, "- `{}`{title}: ", child.id);
    if let Action::Pause(_) = &child.action {
        text.push_str("a pause point, answered by a person");
    } else {
        let names: Vec<String> = eligible(&draft.state, run, child).iter().map(ToString::to_string).collect();
        let _ = write!(text, "done by {}", names.join(", or "));
    }
    if !child.needs.is_empty() {
        let needs: Vec<&str> = child.needs.iter().map(StepId::as_str).collect();
        let _ = write!(text, "; needs {}", needs.join(", "));
    }
    let _ = writeln!(text, ". {}.", standing(now));
    if let Some(result) = &now.result {
        let agent = now.by.clone().unwrap_or_else(unknown);
        let words = result::words(draft, &agent, Some(&now.findings), "", Some(result));
        let cut = (0..=words.len().min(MOST_BRIEF)).rev().find(|it| words.is_char_boundary(*it)).unwrap_or(0);
        for line in words[..cut].lines() {
            let _ = writeln!(text, "  > {line}");
        }
        if cut < words.len() {
            let _ = writeln!(text, "  (cut: it has {} bytes; channel_read gives more)", words.len());
        }
    }
}

fn unknown() -> AgentName {
    "nobody".parse().unwrap_or_else(|_| unreachable!("it is a good name"))
}

/// Says where a step of a part stands.
fn standing(now: &StepState) -> String {
    match now.status {
        StepStatus::Waiting if now.parked && now.attempt == 0 => "Not assigned yet".to_owned(),
        StepStatus::Waiting if now.parked => "To be done again, since what it rests on was".to_owned(),
        StepStatus::Waiting => "Assigned, and waits for what it needs".to_owned(),
        StepStatus::Queued | StepStatus::Running | StepStatus::Backoff => "Going on".to_owned(),
        StepStatus::Paused => "Waits for a person".to_owned(),
        StepStatus::Done => match now.decision {
            Some(decision) => format!("Over: a person said {decision}"),
            None => "Done".to_owned(),
        },
        StepStatus::Skipped => "Skipped".to_owned(),
        StepStatus::Failed => {
            now.failure.as_ref().map_or_else(|| "Failed".to_owned(), |it| format!("Failed: {}", it.message))
        }
    }
}
