//! Checkpoints around work that may change files, and undoing it (promise "Undo run").

use std::fmt::Write as _;

use serde_json::json;

use super::*;
use crate::{
    document::Decision,
    hub::{
        event::{Answer, CheckpointOutcome, Refusal, RefusalCode, UndoOutcome},
        record::{CheckpointWhen, Record},
        timeline,
    },
    outcome::TurnOutcome,
    protocol::FileNote,
};

/// Returns the stretches of work: `c2..c3 fix @autofix`.
fn timeline_of(scene: &Scene) -> String {
    let mut text = String::new();
    for it in timeline::stretches(&scene.state) {
        let by: Vec<String> = it.by.iter().map(|it| format!("{} {}", it.step, it.agent)).collect();
        let _ = writeln!(text, "{}..{} {}", it.from, it.to.as_deref().unwrap_or("now"), by.join(" + "));
    }
    text
}

fn changed(summary: &str) -> TurnOutcome {
    gives(json!({ "kind": "change", "summary": summary, "fixed": [], "declined": [] }))
}

fn undo(scene: &mut Scene, run: RunId, step: Option<&str>, force: bool) -> Result<Answer, Refusal> {
    let step = step.map(|it| it.parse().unwrap());
    scene.event(Event::Undo { by: ada(), run, step, force })
}

fn taken(scene: &mut Scene, checkpoint: u64, tree: Option<&str>, changed: &[&str]) {
    let outcome = CheckpointOutcome {
        tree: tree.map(Into::into),
        why: if tree.is_none() { "git was not found".to_owned() } else { String::new() },
        changed: changed.iter().map(|it| (*it).to_owned()).collect(),
        ..CheckpointOutcome::default()
    };
    scene.ok(Event::CheckpointTaken { checkpoint, outcome });
}

#[test]
fn a_step_that_may_only_read_is_told_so_and_has_no_checkpoint() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    let mut step = turn("look", &[], "fixer", "text");
    step["action"]["access"] = json!("read");
    step["action"]["sandbox"] = json!(true);
    scene.run(plan(json!([step])));
    let crate::hub::effect::Effect::StartTurn(request) = scene.effects.last().unwrap() else { panic!("no turn") };
    assert_eq!((request.access, request.sandbox), (crate::agent::Access::Read, true));
    assert_eq!(scene.new_effects(), "start t1 @autofix", "no checkpoint: nothing can change");
}

#[test]
fn a_step_that_writes_starts_and_ends_with_a_checkpoint_and_one_that_reads_does_not() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    let run = scene.run(plan(json!([
        turn("review", &[], "reviewer", "text"),
        turn("fix", &["review"], "fixer", "change"),
        turn("again", &["fix"], "reviewer", "text"),
    ])));
    assert_eq!(scene.new_effects(), "checkpoint 1\nstart t1 @lint", "the run's first one holds nothing up");
    scene.ends("lint", says("x"));
    assert_eq!(scene.new_effects(), "checkpoint 2");
    taken(&mut scene, 1, Some("a"), &[]);
    assert_eq!(scene.new_effects(), "", "another checkpoint than its own does not start it");
    taken(&mut scene, 2, Some("a"), &[]);
    assert_eq!(scene.new_effects(), "start t2 @autofix");
    taken(&mut scene, 2, Some("late"), &[]);
    assert_eq!(scene.new_effects(), "", "the first outcome counts");
    scene.ends("autofix", changed("done"));
    assert_eq!(scene.new_effects(), "checkpoint 3 since a");
    assert!(scene.runs().contains("Running"), "the run goes on while it waits for it:\n{}", scene.runs());
    taken(&mut scene, 3, Some("b"), &["src/lib.rs", "new"]);
    assert_eq!(scene.new_effects(), "start t3 @lint");
    assert_eq!(timeline_of(&scene), "a..b fix @autofix\n");
    scene.ends("lint", says("y"));
    let said = scene.state.messages.last().unwrap().text.to_string();
    assert!(said.contains("2 files changed") && said.contains(&format!("callboard undo {run}")), "{said}");
    let whens: Vec<CheckpointWhen> = scene.state.checkpoints.iter().map(|it| it.when).collect();
    assert_eq!(whens, [CheckpointWhen::Run, CheckpointWhen::Start, CheckpointWhen::End]);
}

/// Security row 19: what outlives the agent is pointed out, at the pause and at the end.
#[test]
fn a_pause_and_the_end_name_the_changed_files_that_steer_programs() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    scene.run(plan(json!([
        turn("fix", &[], "fixer", "change"),
        pause("first", &["fix"], Some("fix")),
        with(turn("more", &["first"], "fixer", "change"), "/action/prompt", json!("more")),
        pause("second", &["more"], Some("more")),
    ])));
    for checkpoint in [1, 2] {
        taken(&mut scene, checkpoint, Some("a"), &[]);
    }
    scene.ends("autofix", changed("done"));
    taken(&mut scene, 3, Some("b"), &["src/lib.rs"]);
    let first = scene.state.pause(PauseId(1)).unwrap();
    assert!(first.steering.is_empty() && !first.document.contains("Steers"), "{}", first.document);
    scene.decide(1, Decision::Approve).unwrap();
    // One for the answer, one for the turn.
    for checkpoint in [4, 5] {
        taken(&mut scene, checkpoint, Some("b"), &[]);
    }
    scene.ends("autofix", changed("more"));
    // However much else was changed.
    let many: Vec<String> =
        (0..2_000).map(|it| format!("a/{it}")).chain([".github/workflows/ci.yml".to_owned()]).collect();
    taken(&mut scene, 6, Some("c"), &many.iter().map(String::as_str).collect::<Vec<_>>());
    let second = scene.state.pause(PauseId(2)).unwrap().clone();
    assert_eq!(&*second.steering, ".github/workflows/ci.yml (CI)");
    assert!(second.document.contains("**Steers programs**: .github/workflows/ci.yml (CI)"), "{}", second.document);
    scene.decide(2, Decision::Approve).unwrap();
    let said = scene.state.messages.last().unwrap().text.to_string();
    assert!(said.ends_with("Look at what steers programs: .github/workflows/ci.yml (CI)."), "{said}");
}

#[test]
fn a_run_that_only_reads_takes_none() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    let run = scene.run(plan(json!([turn("review", &[], "reviewer", "text")])));
    scene.ends("lint", says("x"));
    assert!(scene.state.checkpoints.is_empty());
    let refusal = undo(&mut scene, run, None, false).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Invalid);
    assert!(refusal.message.contains("it has changed no files"), "{refusal}");
}

#[test]
fn without_a_checkpoint_the_step_goes_on_and_the_person_is_told() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    let run = scene.run(plan(json!([turn("fix", &[], "fixer", "change")])));
    taken(&mut scene, 1, None, &[]);
    taken(&mut scene, 2, None, &[]);
    assert_eq!(scene.new_effects(), "checkpoint 1\ncheckpoint 2\nstart t1 @autofix");
    let said = scene.state.messages.last().unwrap().text.to_string();
    assert!(said.contains("can't be undone") && said.contains("git was not found"), "{said}");
    scene.ends("autofix", changed("done"));
    taken(&mut scene, 3, None, &[]);
    assert!(scene.runs().contains("Done"), "{}", scene.runs());
    let refusal = undo(&mut scene, run, None, false).unwrap_err();
    assert!(refusal.message.contains("git was not found"), "{refusal}");
}

#[test]
fn promise_1_a_checkpoint_that_was_lost_with_its_hub_is_asked_for_again() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    scene.run(plan(json!([turn("fix", &[], "fixer", "change"), turn("next", &["fix"], "writer", "change")])));
    scene.new_effects();
    scene.restart();
    assert_eq!(scene.new_effects(), "checkpoint 1\ncheckpoint 2");
    taken(&mut scene, 1, Some("a"), &[]);
    taken(&mut scene, 2, Some("a"), &[]);
    scene.new_effects();
    // Lost in the turn: what it did until then counts as its own, and another turn takes its place.
    scene.restart();
    assert_eq!(scene.new_effects(), "checkpoint 3");
    taken(&mut scene, 3, Some("b"), &[]);
    scene.ends("autofix", changed("done"));
    scene.new_effects();
    scene.restart();
    assert_eq!(scene.new_effects(), "checkpoint 4 since b", "the step stays finished");
    taken(&mut scene, 4, Some("c"), &[]);
    assert_eq!(scene.new_effects(), "checkpoint 5");
    assert_eq!(timeline_of(&scene), "a..b fix @autofix\nb..c fix @autofix\n");
}

#[test]
fn a_turn_that_was_held_back_takes_a_fresh_checkpoint() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    let run = scene.run(plan(json!([turn("fix", &[], "fixer", "change")])));
    scene.ok(Event::Hold { by: ada(), run: Some(run), interrupt: false });
    taken(&mut scene, 1, Some("a"), &[]);
    taken(&mut scene, 2, Some("a"), &[]);
    assert_eq!(scene.new_effects(), "checkpoint 1\ncheckpoint 2", "it does not start while it is held");
    scene.ok(Event::Release { by: ada(), run: Some(run) });
    assert_eq!(scene.new_effects(), "checkpoint 3");
    taken(&mut scene, 3, Some("b"), &[]);
    scene.ends("autofix", changed("done"));
    taken(&mut scene, 4, Some("c"), &[]);
    assert_eq!(timeline_of(&scene), "b..c fix @autofix\n", "what changed while it was held is not its own");
}

#[test]
fn what_changed_while_two_wrote_is_attributed_to_both() {
    let mut scene = Scene::new();
    let run = scene.run(plan(json!([turn("fix", &[], "fixer", "change"), turn("write", &[], "writer", "change")])));
    scene.ends("autofix", changed("done"));
    scene.ends("claude", changed("done"));
    assert_eq!(timeline_of(&scene), "c2..c3 fix @autofix\nc3..c4 fix @autofix + write @claude\nc4..c5 write @claude\n");
    scene.new_effects();
    undo(&mut scene, run, Some("fix"), false).unwrap();
    assert_eq!(scene.new_effects(), format!("undo 1 c2..c3 c3..c4 with @claude (write of {run})"));
}

/// Design §9: edits while paused are the person's, and "reject" undoes the work that is shown.
#[test]
fn reject_undoes_the_step_that_is_shown_and_edits_at_the_pause_are_the_persons() {
    let mut scene = Scene::new();
    let run = scene.run(plan(json!([
        turn("fix", &[], "fixer", "change"),
        pause("look", &["fix"], Some("fix")),
        turn("next", &["look"], "fixer", "change"),
    ])));
    scene.ends("autofix", changed("done"));
    scene.new_effects();
    scene.slow_checkpoints = true;
    scene.decide(1, Decision::Reject { text: "no".to_owned() }).unwrap();
    assert_eq!(scene.new_effects(), "checkpoint 4", "the edits at the pause are noted first");
    assert!(scene.runs().contains("Rejected"), "{}", scene.runs());
    taken(&mut scene, 4, Some("c4"), &[]);
    assert_eq!(scene.new_effects(), "undo 1 c2..c3");
    assert_eq!(timeline_of(&scene), "c2..c3 fix @autofix\n");
    let clash = FileNote { path: "b".to_owned(), why: "it was changed since by somebody else".to_owned() };
    let outcome = UndoOutcome { files: vec!["a".to_owned()], clashes: vec![clash], why: String::new() };
    scene.ok(Event::UndoEnded { undo: 1, outcome: outcome.clone() });
    scene.ok(Event::UndoEnded { undo: 1, outcome: UndoOutcome::default() });
    let done = scene.journal.iter().filter(|it| matches!(it.1, Record::Undone { .. })).count();
    assert_eq!(done, 1, "the first outcome counts");
    assert_eq!(**scene.state.undo(1).unwrap().outcome.as_ref().unwrap(), outcome);
    let said = scene.state.messages.last().unwrap().text.to_string();
    assert!(said.contains("1 file put back.\n- a"), "{said}");
    assert!(said.contains(&format!("callboard undo {run} --step fix --force")), "{said}");
}

#[test]
fn promise_2_undo_is_for_people_and_waits_for_no_writer() {
    let mut scene = Scene::new();
    let run = scene.run(plan(json!([turn("fix", &[], "fixer", "change"), turn("next", &["fix"], "fixer", "change")])));
    let by = Actor::Agent(Some(name("claude")));
    let refusal = scene.event(Event::Undo { by, run, step: None, force: false }).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::HumansOnly);
    let refusal = undo(&mut scene, run, None, false).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Busy, "{refusal}");
    assert!(refusal.message.contains("@autofix is changing files"), "{refusal}");
    assert_eq!(undo(&mut scene, RunId(9), None, false).unwrap_err().code, RefusalCode::NotFound);
    assert_eq!(undo(&mut scene, run, Some("nope"), false).unwrap_err().code, RefusalCode::NotFound);
    // Between two steps, at a hold: while it undoes, nothing that writes starts.
    scene.ok(Event::Hold { by: ada(), run: Some(run), interrupt: false });
    scene.ends("autofix", changed("done"));
    scene.new_effects();
    assert_eq!(undo(&mut scene, run, None, false), Ok(Answer::Undoing(1)));
    assert_eq!(undo(&mut scene, run, None, false).unwrap_err().code, RefusalCode::Busy);
    scene.ok(Event::Release { by: ada(), run: Some(run) });
    assert_eq!(scene.new_effects(), "undo 1 c2..c3");
    // Lost with its hub, it is begun again.
    scene.restart();
    assert_eq!(scene.new_effects(), "undo 1 c2..c3");
    scene.ok(Event::UndoEnded { undo: 1, outcome: UndoOutcome::default() });
    assert_eq!(scene.new_effects(), "start t2 @autofix");
}
