//! Files that several change at the same time: who is told, when, and how surely (design §10).

use super::*;
use crate::{
    hub::snapshot::Snapshot,
    ids::RunId,
    protocol::{LeaseView, RunsParams},
};

/// Two that write at the same time, and one that comes after.
fn side_by_side() -> serde_json::Value {
    plan(json!([
        turn("left", &[], "fixer", "change"),
        turn("right", &[], "writer", "change"),
        turn("last", &["left", "right"], "fixer", "text"),
    ]))
}

fn begun() -> Scene {
    let mut scene = Scene::new();
    scene.run(side_by_side());
    assert_eq!(scene.told(), "watch true", "two may write, so the disk is watched");
    scene
}

fn touched(scene: &mut Scene, agent: &str, path: &str) {
    let turn = scene.live(agent).unwrap();
    scene.ok(Event::Touched { turn, paths: vec![path.to_owned()], over: false });
}

fn seen(scene: &mut Scene, path: &str) {
    scene.ok(Event::Seen { paths: vec![path.to_owned()] });
}

fn changed() -> crate::outcome::TurnOutcome {
    gives(json!({ "kind": "change", "summary": "Done." }))
}

fn files(scene: &Scene, agent: &str) -> Vec<LeaseView> {
    Snapshot::of(&scene.state).agents().into_iter().find(|it| it.info.name == name(agent)).unwrap().files
}

fn collisions(scene: &Scene) -> String {
    let run = Snapshot::of(&scene.state).runs(&RunsParams { run: Some(RunId(1)), live: false }).unwrap().remove(0);
    let shown = run.collisions.iter().map(|it| {
        let agents: Vec<String> = it.agents.iter().map(ToString::to_string).collect();
        let person = it.person.as_ref().map_or(String::new(), |it| format!(" {it}"));
        format!("{} {}{person} sure={}", it.path, agents.join(" "), it.sure)
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[test]
fn two_that_say_that_they_change_one_file_are_both_told_at_once_and_only_once() {
    let mut scene = begun();
    touched(&mut scene, "claude", "src/a.rs");
    touched(&mut scene, "autofix", "src/b.rs");
    assert_eq!((scene.told(), collisions(&scene)), (String::new(), String::new()));
    touched(&mut scene, "autofix", "src/a.rs");
    insta::assert_snapshot!(scene.told(), @"
    tell t1 @autofix **Two at work in one file**: @autofix (left of r1) and @claude (right of r1) are changing `src/a.rs` at the same time. Read the file again before you write to it, change only what is yours in it, and keep what the other has written.
    tell t2 @claude **Two at work in one file**: @autofix (left of r1) and @claude (right of r1) are changing `src/a.rs` at the same time. Read the file again before you write to it, change only what is yours in it, and keep what the other has written.
    ");
    assert_eq!(collisions(&scene), "src/a.rs @autofix @claude sure=true");
    let of = |agent: &str| {
        files(&scene, agent).iter().map(|it| (it.path.clone(), it.sign.clone(), it.with.len())).collect::<Vec<_>>()
    };
    assert_eq!(of("claude"), [("src/a.rs".to_owned(), "said".to_owned(), 1)]);
    assert_eq!(of("autofix").len(), 2);
    touched(&mut scene, "claude", "src/a.rs");
    touched(&mut scene, "autofix", "src/a.rs");
    assert_eq!(scene.told(), "", "once is enough");
    // Who is on no turn changes nothing, and what is over is no longer shown.
    scene.ends("claude", changed());
    assert_eq!(files(&scene, "claude"), []);
    assert_eq!(scene.told(), "watch false");
    scene.ends("autofix", changed());
    let prompt = scene.sent("autofix");
    assert!(prompt.contains("Since your last turn") && prompt.contains("> **Two at work in one file**"), "{prompt}");
    scene.ends("autofix", says("Good."));
    assert!(scene.state.files.leases.is_empty() && scene.state.files.told.is_empty());
}

/// One may have read what the other wrote before that one was over.
#[test]
fn one_that_comes_to_the_file_after_the_other_is_over_is_told_where_both_were_on_at_the_same_time() {
    let mut scene = begun();
    touched(&mut scene, "claude", "src/a.rs");
    scene.ends("claude", changed());
    touched(&mut scene, "autofix", "src/a.rs");
    assert_eq!(collisions(&scene), "src/a.rs @autofix @claude sure=true");
    scene.ends("autofix", changed());
    touched(&mut scene, "autofix", "src/a.rs");
    assert_eq!(collisions(&scene).lines().count(), 1, "the last one began when the others were over");
}

#[test]
fn a_change_that_nobody_spoke_of_is_of_those_whose_programs_are_silent() {
    let mut scene = begun();
    seen(&mut scene, "src/a.rs");
    assert_eq!(collisions(&scene), "", "either of the two may have made it alone");
    assert_eq!(files(&scene, "claude")[0].sign, "perhaps");
    seen(&mut scene, "src/b.rs");
    assert_eq!(collisions(&scene), "");
    seen(&mut scene, "src/a.rs");
    assert_eq!(collisions(&scene), "src/a.rs @autofix @claude sure=false");
    seen(&mut scene, "src/a.rs");
    assert_eq!(collisions(&scene).lines().count(), 1);
    // One says that it is at work on the other file: then it was not alone there.
    touched(&mut scene, "claude", "src/b.rs");
    scene.ends("claude", changed());
    seen(&mut scene, "src/b.rs");
    assert_eq!(collisions(&scene).lines().last(), Some("src/b.rs @autofix @claude sure=true"));
}

#[test]
fn a_step_that_is_about_the_file_is_the_one_that_changed_it() {
    let mut scene = Scene::new();
    let about = |id: &str, role: &str, path: &str| {
        with(turn(id, &[], role, "change"), "/action/paths", json!(format!("'{path}'")))
    };
    scene.run(plan(json!([about("left", "fixer", "src/left"), about("right", "writer", "./src/right/")])));
    seen(&mut scene, "src/right/a.rs");
    seen(&mut scene, "src/right/a.rs");
    seen(&mut scene, "src/left");
    assert_eq!(collisions(&scene), "");
    assert_eq!((files(&scene, "claude")[0].sign.as_str(), files(&scene, "claude").len()), ("seen", 1));
    assert_eq!(files(&scene, "autofix")[0].path, "src/left");
}

#[test]
fn a_person_who_saves_what_an_agent_is_changing_is_a_side_of_it() {
    let mut scene = begun();
    touched(&mut scene, "claude", "src/a.rs");
    scene.ok(Event::Saved { by: ada(), path: "src/b.rs".to_owned() });
    assert_eq!(collisions(&scene), "");
    scene.ok(Event::Saved { by: ada(), path: "src/a.rs".to_owned() });
    scene.ok(Event::Saved { by: ada(), path: "src/a.rs".to_owned() });
    assert_eq!(collisions(&scene), "src/a.rs @claude ada sure=true");
    assert!(scene.told().contains("ada and @claude (right of r1) are changing `src/a.rs`"));
}

#[test]
fn who_only_reads_or_works_apart_collides_with_nobody() {
    use crate::hub::scene::isolated;
    let mut scene = Scene::new();
    scene.run(plan(json!([
        isolated(turn("left", &[], "fixer", "change")),
        turn("right", &[], "writer", "change"),
        turn("look", &[], "reviewer", "text"),
    ])));
    assert_eq!(scene.told(), "", "one alone may write there");
    touched(&mut scene, "claude", "src/a.rs");
    for other in ["autofix", "lint"] {
        touched(&mut scene, other, "src/a.rs");
    }
    seen(&mut scene, "src/a.rs");
    assert_eq!(collisions(&scene), "");
}

/// Promise 1: what was told is not told again by the next hub, and it begins to watch anew where two go on.
#[test]
fn a_hub_that_starts_watches_again_where_two_may_write() {
    let mut scene = begun();
    touched(&mut scene, "claude", "src/a.rs");
    scene.restart();
    assert_eq!(scene.told().lines().last(), Some("watch true"));
    assert!(scene.state.files.leases.is_empty(), "the turns of the last hub are over");
}
