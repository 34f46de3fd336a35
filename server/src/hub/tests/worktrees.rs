//! Steps in worktrees of their own: made, worked in, merged in order, in conflict, let go (promises 1 and 2).

use serde_json::json;

use super::*;
use crate::{
    hub::{
        event::WorktreeCame,
        scene::{conflict, isolated},
        state::WorktreeStage,
        timeline,
    },
    outcome::TurnOutcome,
};

fn changed(summary: &str) -> TurnOutcome {
    gives(json!({ "kind": "change", "summary": summary, "fixed": [], "declined": [] }))
}

fn slow() -> Scene {
    Scene { slow_checkpoints: true, ..Scene::new() }
}

fn made(id: u64) -> WorktreeCame {
    WorktreeCame::Made { tree: format!("b{id}").into(), folder: format!("/s/w{id}/work"), notes: Vec::new() }
}

fn taken(id: u64) -> WorktreeCame {
    WorktreeCame::Taken { tree: format!("e{id}").into(), left_out: Vec::new() }
}

fn merged(files: &[&str]) -> WorktreeCame {
    WorktreeCame::Merged { files: files.iter().map(|it| (*it).to_owned()).collect() }
}

fn checkpoint(scene: &mut Scene, checkpoint: u64, tree: &str) {
    let outcome = crate::hub::event::CheckpointOutcome { tree: Some(tree.into()), ..Default::default() };
    scene.ok(Event::CheckpointTaken { checkpoint, outcome });
}

fn stages(scene: &Scene) -> Vec<WorktreeStage> {
    scene.state.worktrees.iter().map(|it| it.stage).collect()
}

fn last_word(scene: &Scene) -> String {
    scene.state.messages.last().unwrap().text.to_string()
}

/// Two that write side by side in worktrees, and one that needs both.
fn pair() -> serde_json::Value {
    plan(json!([
        isolated(turn("left", &[], "fixer", "change")),
        isolated(turn("right", &[], "writer", "change")),
        turn("look", &["left", "right"], "reviewer", "text"),
    ]))
}

#[test]
fn a_step_works_in_its_worktree_and_is_over_when_that_is_merged() {
    let mut scene = slow();
    scene
        .run(plan(json!([isolated(turn("fix", &[], "fixer", "change")), turn("look", &["fix"], "reviewer", "text"),])));
    assert_eq!(scene.new_effects(), "checkpoint 1\nmake w1");
    checkpoint(&mut scene, 1, "a");
    scene.worktree(1, made(1));
    let crate::hub::effect::Effect::StartTurn(request) = scene.effects.last().unwrap() else { panic!("no turn") };
    assert_eq!(request.cwd.to_str(), Some("/s/w1/work"));
    scene.new_effects();
    scene.ends("autofix", changed("done"));
    assert_eq!(scene.new_effects(), "checkpoint 2\ntake w1", "no end checkpoint: nothing was changed yet");
    assert!(scene.runs().contains("fix Running"), "with a result, and not over:\n{}", scene.runs());
    checkpoint(&mut scene, 2, "m");
    scene.worktree(1, taken(1));
    assert_eq!(scene.new_effects(), "merge b1..e1 as fix of r1 w1");
    scene.worktree(1, merged(&["src/lib.rs"]));
    assert_eq!(scene.new_effects(), "checkpoint 3 since m\nremove w1");
    assert!(last_word(&scene).contains("Merged what fix did by @autofix: 1 file."), "{}", last_word(&scene));
    checkpoint(&mut scene, 3, "n");
    assert_eq!(scene.new_effects(), "start t2 @lint");
    let worked: Vec<String> = timeline::stretches(&scene.state)
        .iter()
        .map(|it| format!("{}..{} {}", it.from, it.to.as_deref().unwrap(), it.by[0].agent))
        .collect();
    assert_eq!(worked, ["m..n @autofix"], "what its merge changed is its, and nothing before");
    scene.worktree(1, WorktreeCame::Gone { kept: String::new() });
    assert!(scene.state.open_worktrees.is_empty());
    scene.worktree(1, merged(&["late"]));
    assert_eq!(stages(&scene), [WorktreeStage::Gone], "what comes late changes nothing");
}

#[test]
fn merges_come_one_at_a_time_in_the_order_of_the_file() {
    let mut scene = slow();
    scene.run(pair());
    assert_eq!(scene.new_effects(), "checkpoint 1\nmake w1\nmake w2");
    checkpoint(&mut scene, 1, "a");
    scene.worktree(2, made(2));
    scene.worktree(1, made(1));
    scene.new_effects();
    // A third run's merge is on while both get ready, the later one first.
    let third = scene.run(plan(json!([isolated(turn("third", &[], "fixer", "change"))])));
    scene.ends("claude", changed("right"));
    assert!(scene.new_effects().ends_with("take w2"));
    scene.ends("autofix", changed("left"));
    assert!(!scene.new_effects().contains("take"), "one at a time");
    scene.worktree(2, taken(2));
    scene.worktree(2, merged(&["r"]));
    assert!(scene.new_effects().contains("take w1"));
    assert_eq!(stages(&scene)[..2], [WorktreeStage::Taking, WorktreeStage::Merged]);
    let _ = third;
    // Both ready while another is on: the file's order counts, not who was first.
    let mut scene = slow();
    scene.run(plan(json!([isolated(turn("zero", &[], "fixer", "change"))])));
    scene.worktree(1, made(1));
    scene.ends("autofix", changed("zero"));
    scene.run(pair());
    scene.worktree(2, made(2));
    scene.worktree(3, made(3));
    scene.ends("claude", changed("right"));
    scene.ends("autofix", changed("left"));
    scene.new_effects();
    scene.worktree(1, taken(1));
    scene.worktree(1, merged(&[]));
    assert!(scene.new_effects().contains("take w2"), "left stands before right");
}

#[test]
fn a_conflict_is_a_pause_with_both_sides_and_an_edit_settles_it() {
    let mut scene = Scene { conflicts: 1, ..Scene::new() };
    scene.run(pair());
    scene.ends("autofix", changed("left"));
    assert_eq!(
        scene.inbox(),
        "p1 Conflict left and the work tree changed the same in 1 file [approve edit retry reject stop]\n"
    );
    scene.ends("claude", changed("right"));
    assert!(scene.runs().contains("right Done"), "the others are not held up:\n{}", scene.runs());
    assert!(scene.live("lint").is_none(), "what needs it waits");
    let document = scene.state.pause(PauseId(1)).unwrap().document.to_string();
    assert!(document.contains("## src/lib.rs") && document.contains("w1 in /s/w1/work"), "{document}");
    assert!(
        timeline::stretches(&scene.state).iter().all(|it| it.by[0].step.as_str() == "right"),
        "nothing of it is in"
    );
    let half = document.replace("ours\n=======\n", "");
    let refusal = scene.decide(1, Decision::Edit { document: half }).unwrap_err();
    assert!(refusal.message.contains("a conflict's mark is left here"), "{refusal}");
    let marks = "<<<<<<< the work tree\nours\n=======\ntheirs\n>>>>>>> it\n";
    scene.slow_checkpoints = true;
    scene.new_effects();
    scene.decide(1, Decision::Edit { document: document.replace(marks, "both\n") }).unwrap();
    let effects = scene.new_effects();
    assert!(effects.ends_with("take with {\"src/lib.rs\": \"one\\nboth\\n\"} w1"), "{effects}");
    // Killed before it was taken, it is taken with the edit all the same.
    scene.restart();
    assert!(scene.new_effects().contains("take with {\"src/lib.rs\": \"one\\nboth\\n\"} w1"));
    scene.worktree(1, taken(1));
    assert_eq!(scene.new_effects(), "merge now..e1 as left of r1 w1", "against what it was brought up to");
    scene.worktree(1, merged(&["src/lib.rs"]));
    scene.slow_checkpoints = false;
    scene.take_checkpoints();
    scene.ends("lint", says("fine"));
    assert!(scene.runs().starts_with("r1 Done"), "{}", scene.runs());
}

#[test]
fn a_conflict_can_be_given_back_to_an_agent_who_works_in_the_same_worktree() {
    let mut scene = Scene { conflicts: 1, ..Scene::new() };
    scene.run(plan(json!([isolated(turn("fix", &[], "fixer", "change"))])));
    scene.ends("autofix", changed("mine"));
    scene.decide(1, Decision::Retry { agent: Some(name("claude")) }).unwrap();
    assert!(scene.sent("claude").contains("src/lib.rs") && scene.sent("claude").contains("conflict marks"));
    assert_eq!(stages(&scene), [WorktreeStage::AtWork]);
    scene.ends("claude", changed("both"));
    assert_eq!(stages(&scene), [WorktreeStage::Gone], "no second one was made");
    assert!(scene.runs().starts_with("r1 Done"), "{}", scene.runs());
}

#[test]
fn rejecting_a_conflict_drops_the_work_and_the_run_goes_on_without_it() {
    let mut scene = Scene { conflicts: 1, ..Scene::new() };
    scene.run(pair());
    scene.ends("autofix", changed("left"));
    scene.ends("claude", changed("right"));
    scene.decide(1, Decision::Reject { text: String::new() }).unwrap();
    assert_eq!(scene.state.runs[&RunId(1)].step(&"left".parse().unwrap()).unwrap().result, None);
    assert!(scene.runs().contains("left Skipped") && scene.live("lint").is_some(), "{}", scene.runs());
    assert_eq!(stages(&scene), [WorktreeStage::Gone; 2]);
}

#[test]
fn unmerged_work_goes_by_a_persons_word_only() {
    let mut scene = slow();
    let run = scene.run(plan(json!([isolated(turn("fix", &[], "fixer", "change"))])));
    scene.worktree(1, made(1));
    scene.ok(Event::Cancel { by: ada(), run });
    scene.new_effects();
    let turn = scene.live("autofix").unwrap();
    let refusal = scene.event(Event::RemoveWorktree { by: ada(), worktree: crate::ids::WorktreeId(1) }).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::Busy);
    scene.ok(Event::TurnEnded { turn, outcome: fails(FailureClass::Interrupted) });
    assert_eq!(scene.new_effects(), "remove unless beside b1 w1");
    scene.restart();
    assert!(scene.new_effects().contains("remove unless beside b1 w1"), "asked again");
    scene.worktree(1, WorktreeCame::Gone { kept: "what was done in it is nowhere else: a.rs".to_owned() });
    assert!(last_word(&scene).contains("/s/w1/work") && last_word(&scene).contains("callboard worktrees remove w1"));
    assert_eq!(stages(&scene), [WorktreeStage::Kept]);
    let agent = Actor::Agent(Some(name("claude")));
    let by_agent = scene.event(Event::RemoveWorktree { by: agent, worktree: crate::ids::WorktreeId(1) }).unwrap_err();
    assert_eq!(by_agent.code, RefusalCode::HumansOnly);
    scene.ok(Event::RemoveWorktree { by: ada(), worktree: crate::ids::WorktreeId(1) });
    assert_eq!(scene.new_effects(), "remove w1");
    scene.worktree(1, WorktreeCame::Gone { kept: String::new() });
    assert!(scene.state.open_worktrees.is_empty());
}

#[test]
fn where_no_worktree_can_be_made_the_step_fails_and_never_works_in_the_developers_files() {
    let mut scene = slow();
    scene.run(plan(json!([isolated(turn("fix", &[], "fixer", "change"))])));
    scene.new_effects();
    scene.worktree(1, WorktreeCame::Failed { why: "git was not found".to_owned() });
    assert!(scene.inbox().contains("fix (@autofix) failed"), "{}", scene.inbox());
    assert_eq!(scene.new_effects(), "remove w1", "no turn was started");
    scene.decide(1, Decision::Retry { agent: None }).unwrap();
    assert!(scene.new_effects().contains("make w2"));
    scene.worktree(2, made(2));
    assert!(scene.new_effects().contains("start"));
}

#[test]
fn a_turn_lost_with_its_hub_goes_on_in_its_worktree_and_a_redo_gets_a_new_one() {
    let mut scene = Scene::new();
    scene.run(plan(json!([isolated(turn("fix", &[], "fixer", "change")), pause("ask", &["fix"], Some("fix")),])));
    scene.restart();
    assert_eq!(stages(&scene), [WorktreeStage::AtWork]);
    scene.ends("autofix", changed("once"));
    scene.decide(1, Decision::RequestChanges { text: "again".to_owned() }).unwrap();
    assert_eq!(stages(&scene), [WorktreeStage::Gone, WorktreeStage::AtWork]);
    scene.ends("autofix", changed("twice"));
    assert!(scene.inbox().contains("p2 Step"), "{}", scene.inbox());
}

#[test]
fn a_merge_that_cannot_be_done_is_a_pause_that_can_be_tried_again() {
    let mut scene = slow();
    scene.run(plan(json!([isolated(turn("fix", &[], "fixer", "change"))])));
    scene.worktree(1, made(1));
    scene.ends("autofix", changed("done"));
    scene.worktree(1, WorktreeCame::Failed { why: "the disk is full".to_owned() });
    assert!(scene.inbox().contains("could not be merged [approve retry reject stop]"), "{}", scene.inbox());
    scene.new_effects();
    scene.decide(1, Decision::Approve).unwrap();
    assert!(scene.new_effects().ends_with("take w1"));
    scene.worktree(1, taken(1));
    scene.worktree(1, conflict());
    scene.decide(2, Decision::Stop).unwrap();
    assert!(scene.new_effects().contains("remove unless beside now w1"), "its work is kept");
}
