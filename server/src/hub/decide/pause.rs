//! Opening pause points: what is asked, what is shown, and which answers it takes.

use std::{collections::BTreeSet, sync::Arc};

use super::{Draft, ask, context, result, talk};
use crate::{
    document::{self, ConflictFile, Header},
    finding::Finding,
    hub::{
        record::{Cause, Record, RunLimit, Subject},
        run::Run,
        state::{Pause, Turn, Worktree},
    },
    ids::{FindingId, MessageId, PauseId, RunId, StepId},
    outcome::{Failure, FailureClass, ReviewVerdict, TestVerdict, TypedResult},
    protocol::{About, PauseKind},
    steering,
    workflow::{
        plan::{PauseAction, Step},
        prompt,
    },
};

/// How many files that steer programs are named.
const STEERING_NAMED: usize = 5;

/// Opens the pause of a pause step.
pub(super) fn open_step(draft: &mut Draft, id: RunId, step: &Step, action: &PauseAction) {
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let values = context::values(&draft.state, &run, &step.id, &[&action.message]);
    let message = match prompt::render(&action.message, &values) {
        Ok(it) => it,
        Err(error) => {
            let message = format!("the message of the pause {}: {error}", step.id);
            let failure = Failure { class: FailureClass::InvalidResult, message, retry_at: None };
            result::failed(draft, id, &step.id, &failure);
            return;
        }
    };
    let shown = action.show.as_ref().and_then(|it| run.step(it)).cloned();
    let mut header = header(draft, &run, &step.id, &message);
    header.facts.extend(checks(draft, &run, step, action));
    header.facts.extend(steering(&run).map(|it| ("Steers programs".to_owned(), it)));
    let document = match shown.as_ref().and_then(|it| it.result.as_deref()) {
        Some(TypedResult::Review(_)) => {
            let ids = shown.as_ref().map(|it| Arc::clone(&it.findings)).unwrap_or_default();
            document::review_document(&header, &open(draft, &ids))
        }
        Some(result) => {
            let diffs = shown.as_ref().map(|it| Arc::clone(&it.diffs)).unwrap_or_default();
            document::with_changes(document::result_document(&header, result), id, &diffs)
        }
        None => document::notice_document(&header, std::slice::from_ref(&message)),
    };
    let mut decisions = vec!["approve"];
    if shown.as_ref().is_some_and(|it| it.result.is_some()) {
        decisions.push("edit");
    }
    if redo_from(&run, step, action).is_some() {
        decisions.push("request-changes");
    }
    decisions.extend(["reject", "skip", "stop"]);
    let title = first_line(&message, &step.title, step.id.as_str());
    open_one(draft, PauseKind::Step, Subject::Step { run: id, step: step.id.clone() }, &title, document, &decisions);
}

/// Returns which files that steer programs a run has changed, in words.
pub(super) fn steering(run: &Run) -> Option<String> {
    steering::in_words(run.changed.iter().map(|it| &**it), STEERING_NAMED)
}

/// Returns what the checks before a pause came to: the tests and reviews that it needs, apart from what it shows.
fn checks(draft: &Draft, run: &Run, step: &Step, action: &PauseAction) -> Vec<(String, String)> {
    let Some((siblings, _)) = Run::siblings(&run.plan, &step.id) else { return Vec::new() };
    let before = result::needed(siblings, &step.id);
    let mut found = Vec::new();
    for id in siblings.iter().map(|it| &it.id).filter(|it| before.contains(it) && action.show.as_ref() != Some(*it)) {
        let Some(now) = run.step(id) else { continue };
        let said = match now.result.as_deref() {
            Some(TypedResult::Tests(it)) => match it.verdict {
                TestVerdict::Passed => format!("passed: {}", it.summary),
                TestVerdict::Failed => format!("failed: {}", it.summary),
                TestVerdict::None => "there are no tests".to_owned(),
            },
            Some(TypedResult::Review(it)) => match context::effective_verdict(&draft.state, now, it) {
                ReviewVerdict::Approved => "approved".to_owned(),
                ReviewVerdict::ChangesRequested => {
                    format!("changes requested: {}", findings(context::material(&draft.state, now).count()))
                }
            },
            _ => continue,
        };
        found.push((format!("Check {id}"), said));
    }
    found
}

/// Returns `1 finding` or `3 findings`.
fn findings(n: usize) -> String {
    if n == 1 { "1 finding".to_owned() } else { format!("{n} findings") }
}

/// Returns the step that "request changes" goes back to: the one shown, where it stands in the pause's own list.
pub(super) fn redo_from(run: &Run, step: &Step, action: &PauseAction) -> Option<StepId> {
    let shown = action.show.as_ref()?;
    let (siblings, _) = Run::siblings(&run.plan, &step.id)?;
    siblings.iter().any(|it| it.id == *shown).then(|| shown.clone())
}

/// Returns those of the findings that are open, in their order.
pub(super) fn open(draft: &Draft, ids: &[FindingId]) -> Vec<Finding> {
    ids.iter()
        .filter_map(|it| draft.state.finding(*it))
        .filter(|it| it.state.is_open())
        .map(|it| (**it).clone())
        .collect()
}

/// Returns those of the findings that a pause's document shows: its items begin their line with the id, and nothing else does.
pub(super) fn shown(pause: &Pause, ids: &[FindingId]) -> Vec<FindingId> {
    let items: BTreeSet<&str> = pause
        .document
        .lines()
        .filter_map(|it| it.strip_prefix("- [x] ")?.split_whitespace().next())
        .map(|it| it.trim_matches(|it: char| !it.is_ascii_alphanumeric()))
        .collect();
    ids.iter().filter(|it| items.contains(it.to_string().as_str())).copied().collect()
}

pub(super) fn open_failure(draft: &mut Draft, id: RunId, subject: Subject, failure: &Failure) {
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let Some(step) = subject.step().cloned() else { return };
    let who = run.step(&step).and_then(|it| it.by.clone()).map_or(String::new(), |it| format!(" ({it})"));
    let (kind, title) = match failure.class {
        FailureClass::Untrusted => {
            (PauseKind::Trust, format!("{step}{who} needs what was changed since you trusted it"))
        }
        class => (PauseKind::Failure, format!("{step}{who} failed: {}", class.name().replace('_', " "))),
    };
    let mut paragraphs = vec![
        failure.message.clone(),
        "Retry does the step again (with --agent NAME by another agent), skip goes on without it, stop ends the run."
            .to_owned(),
    ];
    if let Some(tree) = draft.state.worktree_of(id, &step).filter(|it| !it.folder.is_empty()) {
        let (tree, folder) = (tree.id, &tree.folder);
        paragraphs.push(format!(
            "What it did so far is in its worktree {tree}, {folder}, and stays there until it is merged."
        ));
    }
    let header = header(draft, &run, &step, &title);
    let document = document::notice_document(&header, &paragraphs);
    open_one(draft, kind, subject, &title, document, &["retry", "skip", "stop"]);
}

pub(super) fn open_limit(draft: &mut Draft, id: RunId, limit: RunLimit) {
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let (what, used) = match limit {
        RunLimit::Turns => ("turns", format!("{} turns were taken", run.turns)),
        RunLimit::Time => ("time", format!("it has worked for {} minutes", run.worked_until(draft.at) / 60_000)),
        RunLimit::Tokens => ("tokens", format!("{} tokens were used", run.usage.tokens.unwrap_or(0))),
        RunLimit::Money => {
            let dollars = run.usage.micro_dollars.unwrap_or(0) / 10_000;
            ("money", format!("{}.{:02} dollars were used", dollars / 100, dollars % 100))
        }
    };
    let title = format!("{} reached its limit of {what}", run.plan.title);
    let paragraphs = vec![
        format!("{}: {used}.", run.id),
        "Approve raises the limit by as much again and goes on; stop ends the run.".to_owned(),
    ];
    let step: StepId = match run.plan.steps.first() {
        Some(step) => step.id.clone(),
        None => return,
    };
    let header = header(draft, &run, &step, &title);
    let document = document::notice_document(&header, &paragraphs);
    open_one(draft, PauseKind::Limit, Subject::RunLimit { run: id, limit }, &title, document, &["approve", "stop"]);
}

pub(super) fn open_rounds(draft: &mut Draft, subject: Subject, rounds: u32, open: &[Arc<Finding>], failing: &[String]) {
    let (Some(id), Some(step)) = (subject.run(), subject.step().cloned()) else { return };
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let title = format!("{} is not through after {rounds} rounds", titled(&run, &step));
    let mut paragraphs = vec![
        "Approve allows as many rounds again, skip takes the work as it is and goes on, reject and stop end the run."
            .to_owned(),
    ];
    paragraphs.extend(open.iter().map(|it| line_of(it)));
    paragraphs.extend(failing.iter().map(|it| format!("The test {it} fails.")));
    let header = header(draft, &run, &step, &title);
    let document = document::notice_document(&header, &paragraphs);
    open_one(draft, PauseKind::Limit, subject, &title, document, &["approve", "skip", "reject", "stop"]);
}

pub(super) fn open_stuck(draft: &mut Draft, subject: Subject, why: &str, open: &[Arc<Finding>], failing: &[String]) {
    let (Some(id), Some(step)) = (subject.run(), subject.step().cloned()) else { return };
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let title = match open.len() {
        0 if failing.len() == 1 => "1 test still fails".to_owned(),
        0 if !failing.is_empty() => format!("{} tests still fail", failing.len()),
        0 => format!("{} gets no further", titled(&run, &step)),
        1 => "1 finding is left to you".to_owned(),
        n => format!("{n} findings are left to you"),
    };
    let mut paragraphs = vec![
        why.to_owned(),
        "Approve accepts what is left and goes on. Request changes tells the fixer what you want and takes another round; \
         retry takes one as it is. Reject and stop end the run."
            .to_owned(),
    ];
    paragraphs.extend(open.iter().map(|it| line_of(it)));
    paragraphs.extend(failing.iter().map(|it| format!("The test {it} fails.")));
    let header = header(draft, &run, &step, &title);
    let document = document::notice_document(&header, &paragraphs);
    let decisions = ["approve", "request-changes", "retry", "reject", "stop"];
    open_one(draft, PauseKind::Stuck, subject, &title, document, &decisions);
}

/// Why a pause of an operator is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// It asks.
    Question,
    /// It has used up its decisions.
    Limit,
    /// It makes no move that may be.
    Stuck,
}

/// Opens a pause for what an operator asks, or because it gets no further.
pub(super) fn open_operator(draft: &mut Draft, id: RunId, step: &StepId, why: Why, title: &str, paragraphs: &[String]) {
    let Some(run) = draft.state.runs.get(&id).cloned() else { return };
    let header = header(draft, &run, step, title);
    let document = document::notice_document(&header, paragraphs);
    let kind = match why {
        Why::Question => PauseKind::Question,
        Why::Limit => PauseKind::Limit,
        Why::Stuck => PauseKind::Stuck,
    };
    let decisions = ["approve", "request-changes", "reject", "stop"];
    open_one(draft, kind, Subject::Operator { run: id, step: step.clone() }, title, document, &decisions);
}

/// Asks about a merge that could not be: each file with both sides, or why it could not be done at all.
pub(super) fn open_conflict(draft: &mut Draft, tree: &Worktree, files: &[ConflictFile], why: &str) {
    let Some(run) = draft.state.runs.get(&tree.run).cloned() else { return };
    let title = match files.len() {
        0 => format!("What {} did could not be merged", titled(&run, &tree.step)),
        1 => format!("{} and the work tree changed the same in 1 file", titled(&run, &tree.step)),
        n => format!("{} and the work tree changed the same in {n} files", titled(&run, &tree.step)),
    };
    let can_edit = !document::editable(files).is_empty();
    let mut paragraphs = Vec::new();
    if !why.is_empty() {
        paragraphs.push(format!("It could not be done: {why}."));
    }
    if files.is_empty() {
        paragraphs.push("Approve tries again.".to_owned());
    } else {
        paragraphs.push(
            "Nothing was merged yet. The worktree stands on the present work tree now, with both sides of each such file in \
             it. Settle them there, then approve: what is in the worktree then is merged."
                .to_owned(),
        );
    }
    if can_edit {
        paragraphs.push(
            "Or edit the files below, between their marks, and save: they are taken as you leave them.".to_owned(),
        );
    }
    paragraphs.push(
        "Retry has the agent settle it (with --agent NAME another one). Reject drops what this step did. Stop ends the run, \
         and the worktree is kept."
            .to_owned(),
    );
    let mut header = header(draft, &run, &tree.step, &title);
    header.facts.push(("Worktree".to_owned(), format!("{} in {}", tree.id, tree.folder)));
    let document = document::conflict_document(&header, &paragraphs, files);
    let mut decisions = vec!["approve"];
    if can_edit {
        decisions.push("edit");
    }
    decisions.extend(["retry", "reject", "stop"]);
    let subject = Subject::Conflict { run: tree.run, step: tree.step.clone(), worktree: tree.id };
    open_one(draft, PauseKind::Conflict, subject, &title, document, &decisions);
}

pub(super) fn open_hops(draft: &mut Draft, message: MessageId, held: &[crate::ids::AgentName]) -> PauseId {
    let (kind, subject, title, paragraphs) = talk::hop_notice(draft, message, held);
    let facts = vec![("Message".to_owned(), message.to_string())];
    let header = Header { title: title.clone(), question: String::new(), facts };
    let document = document::notice_document(&header, &paragraphs);
    open_one(draft, kind, subject, &title, document, &["approve", "stop"])
}

pub(super) fn open_one(
    draft: &mut Draft,
    kind: PauseKind,
    subject: Subject,
    title: &str,
    document: String,
    decisions: &[&str],
) -> PauseId {
    let pause = draft.state.next_pause();
    let run = subject.run();
    let step = subject.step().cloned();
    let channel = match (&subject, run.and_then(|it| draft.state.runs.get(&it))) {
        (_, Some(run)) => run.channel.clone(),
        (Subject::Hops { message }, None) => {
            draft.state.message(*message).map_or_else(talk::default_channel, |it| it.channel.clone())
        }
        (Subject::Clash { turn: Some(turn), .. }, None) => ask::channel_of(draft, *turn),
        (Subject::Ask { turn, .. }, None) => ask::channel_of(draft, *turn),
        _ => talk::default_channel(),
    };
    let hash = document::hash_of(&document);
    // Only what a workflow stops for can be let through by a program.
    let at_work = run.filter(|_| kind == PauseKind::Step).and_then(|it| draft.state.runs.get(&it));
    let steering = at_work.and_then(|it| steering(it)).unwrap_or_default().into();
    draft.emit(Record::PauseOpened {
        pause,
        kind,
        subject,
        title: title.to_owned(),
        channel: channel.clone(),
        document: document.into(),
        hash,
        decisions: decisions.iter().map(|it| (*it).to_owned()).collect(),
        steering,
    });
    if let Some(run) = run {
        let about = About { run: Some(run), step, pause: Some(pause), ..About::default() };
        draft.announce(run, about, &format!("**{pause}** waits for a person: {title}"));
    }
    pause
}

/// Returns the header of what a turn asks.
pub(super) fn ask_header(draft: &Draft, turn: &Turn, title: &str, tool: Option<&str>) -> Header {
    let mut facts =
        vec![("Pause".to_owned(), draft.state.next_pause().to_string()), ("Agent".to_owned(), turn.agent.to_string())];
    facts.extend(tool.map(|it| ("Tool".to_owned(), it.to_owned())));
    match &turn.cause {
        Cause::Step { run, step } => {
            let name = draft.state.runs.get(run).map_or(String::new(), |it| format!(" ({})", it.plan.name));
            facts.push(("Run".to_owned(), format!("{run}{name}")));
            facts.push(("Step".to_owned(), step.to_string()));
        }
        Cause::Delivery { message } => facts.push(("Message".to_owned(), message.to_string())),
    }
    Header { title: title.to_owned(), question: String::new(), facts }
}

fn header(draft: &Draft, run: &Run, step: &StepId, message: &str) -> Header {
    let round = run.step(step).map_or(0, |it| it.round.max(it.lap));
    let place = if round > 0 { format!(", round {round}") } else { String::new() };
    let pause = draft.state.next_pause();
    let mut facts = vec![
        ("Pause".to_owned(), pause.to_string()),
        ("Run".to_owned(), format!("{} ({})", run.id, run.plan.name)),
        ("Step".to_owned(), format!("{step}{place}")),
    ];
    if let Some(tokens) = run.usage.tokens {
        facts.push(("Tokens so far".to_owned(), tokens.to_string()));
    }
    if let Some(dollars) = run.usage.micro_dollars.map(|it| it / 10_000) {
        facts.push(("Cost so far".to_owned(), format!("{}.{:02} dollars", dollars / 100, dollars % 100)));
    }
    Header {
        title: first_line(message, &run.plan.title, step.as_str()),
        question: message.trim().lines().skip(1).collect::<Vec<_>>().join("\n").trim().to_owned(),
        facts,
    }
}

/// Returns what people call a step: its title in quotes, or its id where it has none.
fn titled(run: &Run, step: &StepId) -> String {
    match run.plan.step(step).map(|it| it.title.as_str()) {
        Some(title) if !title.is_empty() && title != step.as_str() => format!("“{title}”"),
        _ => step.to_string(),
    }
}

fn first_line(message: &str, title: &str, id: &str) -> String {
    let line = message.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or("");
    let line = if line.is_empty() { title } else { line };
    let line = if line.is_empty() { id } else { line };
    line.chars().take(120).collect()
}

fn line_of(finding: &Finding) -> String {
    let place = finding.draft.place.as_ref().map_or(String::new(), |it| format!(" {}:{}", it.path, it.line));
    let code = finding.draft.code.as_ref().map_or(String::new(), |it| format!(" ({it})"));
    let declined = finding.declined.as_ref().map_or(String::new(), |it| format!(" Declined, because: {it}"));
    format!("{}{place}{code}: {}{declined}", finding.id, finding.draft.text)
}
