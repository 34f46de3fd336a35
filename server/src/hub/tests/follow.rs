//! Findings keep to their text while files change on the disk (design §11): what is asked, and what comes of the answer.

use super::*;
use crate::{
    finding::FindingState,
    hub::{
        effect::{Effect, FollowFinding},
        event::{FollowedFile, FollowedFinding},
    },
};

/// Returns what the last decision wants to be told, a line each.
fn asked(scene: &Scene) -> String {
    let files = scene.follows.iter().flat_map(|it| match it {
        Effect::Follow { files } => files.clone(),
        _ => Vec::new(),
    });
    let findings = files.flat_map(|file| file.findings.into_iter().map(move |it| (file.path.clone(), it)));
    let line = |(path, it): (String, FollowFinding)| {
        let base = it.base.as_deref().unwrap_or("none");
        format!("{path} {} line {} base {base}{}", it.id, it.place.line, if it.stale { " stale" } else { "" })
    };
    findings.map(line).collect::<Vec<_>>().join("\n")
}

/// Answers for one finding of `src/lib.rs`: the base that was asked for, the text of now, its line and whether it is stale.
fn answer(scene: &mut Scene, finding: u64, base: Option<&str>, text: Option<&str>, line: u32, stale: bool) {
    let place = scene.state.finding(FindingId(finding)).unwrap().draft.place.clone().unwrap();
    let it = FollowedFinding {
        id: FindingId(finding),
        base: base.map(Into::into),
        place: crate::finding::Place { line, ..place },
        stale,
        said: Some("words".into()),
    };
    let file = FollowedFile { path: "src/lib.rs".to_owned(), text: text.map(Into::into), findings: vec![it] };
    scene.ok(Event::Followed { file });
}

fn stands(scene: &Scene) -> String {
    let shown = scene.state.findings.iter().map(|it| {
        let line = it.draft.place.as_ref().unwrap().line;
        let base = scene.state.bases.get(&it.id).map_or("none", |it| &it.text);
        format!("{} {}:{line} base {base}", it.id, serde_json::to_value(&it.state).unwrap()["is"].as_str().unwrap())
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn reviewed() -> Scene {
    let mut scene = Scene::new();
    scene.run(plan(json!([
        turn("review", &[], "reviewer", "review"),
        pause("keep", &["review"], Some("review")),
        turn("fix", &["keep"], "fixer", "change"),
    ])));
    scene.ends("lint", review(&[(3, "too long")]));
    scene
}

#[test]
fn a_finding_is_given_a_base_and_moves_with_its_text() {
    let mut scene = reviewed();
    assert_eq!(asked(&scene), "src/lib.rs f1 line 3 base none");
    answer(&mut scene, 1, None, Some("A"), 3, false);
    assert_eq!(stands(&scene), "f1 open:3 base A");
    scene.ok(Event::Saved { by: ada(), path: "src/other.rs".to_owned() });
    assert_eq!(asked(&scene), "");
    scene.ok(Event::Saved { by: ada(), path: "src/lib.rs".to_owned() });
    assert_eq!(asked(&scene), "src/lib.rs f1 line 3 base A");
    answer(&mut scene, 1, Some("A"), Some("B"), 7, false);
    assert_eq!(stands(&scene), "f1 open:7 base B");
    // The same answer again, or one to a question of before, moves nothing twice.
    answer(&mut scene, 1, Some("A"), Some("B"), 11, false);
    assert_eq!(stands(&scene), "f1 open:7 base B");
}

#[test]
fn a_finding_whose_text_is_another_is_stale_until_it_is_back_and_still_counts_as_open() {
    let mut scene = reviewed();
    answer(&mut scene, 1, None, Some("A"), 3, false);
    answer(&mut scene, 1, Some("A"), Some("B"), 3, true);
    assert_eq!(stands(&scene), "f1 stale:3 base B");
    assert!(scene.state.finding(FindingId(1)).unwrap().state.is_open());
    answer(&mut scene, 1, Some("B"), Some("A"), 3, false);
    assert_eq!(stands(&scene), "f1 open:3 base A");
    answer(&mut scene, 1, Some("A"), None, 3, true);
    assert_eq!(stands(&scene), "f1 stale:3 base none", "its file is gone");
}

/// The places that whoever comes next is given are those of now: they are asked for before the checkpoint.
#[test]
fn places_are_told_anew_before_each_checkpoint() {
    let mut scene = Scene { slow_checkpoints: true, ..Scene::new() };
    scene.run(plan(json!([turn("review", &[], "reviewer", "review"), turn("fix", &["review"], "fixer", "change")])));
    scene.take_checkpoints();
    scene.ends("lint", review(&[(3, "too long")]));
    assert!(asked(&scene).starts_with("src/lib.rs f1 line 3 base none"), "{}", asked(&scene));
    let checkpoints = scene.effects.iter().filter(|it| matches!(it, Effect::Checkpoint { .. })).count();
    assert_eq!(checkpoints, 1, "the fixer waits for its own");
}

#[test]
fn what_is_settled_or_reported_anew_meanwhile_is_left_alone() {
    let mut scene = reviewed();
    answer(&mut scene, 1, None, Some("A"), 3, false);
    let how = crate::hub::event::Settlement::Accept;
    scene.ok(Event::SettleFinding { by: ada(), finding: FindingId(1), how });
    answer(&mut scene, 1, Some("A"), Some("B"), 9, true);
    assert!(matches!(scene.state.finding(FindingId(1)).unwrap().state, FindingState::Accepted { .. }));
    scene.ok(Event::Saved { by: ada(), path: "src/lib.rs".to_owned() });
    assert_eq!(asked(&scene), "", "nobody needs its place");
}

/// Promise 5: a fixer that changed the lines has fixed nothing by that alone; the next review says.
#[test]
fn a_review_that_does_not_repeat_a_stale_finding_settles_it() {
    let mut scene = Scene::new();
    let fix = with(turn("fix", &["review"], "fixer", "change"), "/when", json!("review.findings | length > 0"));
    let steps = json!([turn("review", &[], "reviewer", "review"), fix]);
    scene.run(plan(json!([repeat("loop", &[], "review.verdict == 'approved'", 3, steps)])));
    scene.ends("lint", review(&[(3, "too long"), (9, "unused")]));
    answer(&mut scene, 1, None, Some("A"), 3, false);
    scene.ends("autofix", gives(json!({ "kind": "change", "summary": "Shortened." })));
    answer(&mut scene, 1, Some("A"), Some("B"), 3, true);
    assert_eq!(scene.findings(), "f1 too long stale\nf2 unused open\n");
    scene.ends("lint", review(&[(8, "unused")]));
    assert_eq!(scene.findings(), "f1 too long fixed\nf2 unused open\n");
}
