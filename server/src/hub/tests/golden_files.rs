//! The golden journal of files that several change, findings that follow their text, and contexts: it must be read for ever and come
//! to the same.

use super::{
    golden::{lines, read},
    *,
};
use crate::hub::event::{FollowedFile, FollowedFinding};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal/golden-files-1.jsonl");

/// Plays what the fixture holds. It was recorded once; this is how, and never again.
fn record() -> String {
    let mut scene = Scene::new();
    scene.run(plan(json!([
        turn("left", &[], "fixer", "change"),
        turn("right", &[], "writer", "change"),
        turn("look", &["left", "right"], "reviewer", "review"),
    ])));
    let (left, right) = (scene.live("autofix").unwrap(), scene.live("claude").unwrap());
    scene.ok(Event::ContextGiven { turn: right, text: "\n\n## src/a.rs\n\nfn a() {}\n".into() });
    scene.ok(Event::Touched { turn: right, paths: vec!["src/a.rs".to_owned()], over: false });
    scene.ok(Event::Touched { turn: left, paths: vec!["src/a.rs".to_owned()], over: true });
    for _ in 0..2 {
        scene.ok(Event::Seen { paths: vec!["src/b.rs".to_owned()] });
    }
    scene.ok(Event::Saved { by: ada(), path: "src/a.rs".to_owned() });
    for who in ["autofix", "claude"] {
        scene.ends(who, gives(json!({ "kind": "change", "summary": "Done." })));
    }
    scene.ends("lint", review(&[(3, "too long"), (9, "never used")]));
    let mut follow = |text: &str, base: Option<&str>, lines: [(u64, u32, bool); 2]| {
        let findings = lines.map(|(id, line, stale)| {
            let place = scene.state.finding(FindingId(id)).unwrap().draft.place.clone().unwrap();
            FollowedFinding {
                id: FindingId(id),
                base: base.map(Into::into),
                place: crate::finding::Place { line, ..place },
                stale,
                said: Some(format!("line {id}").into()),
            }
        });
        let file = FollowedFile { path: "src/lib.rs".to_owned(), text: Some(text.into()), findings: findings.to_vec() };
        scene.ok(Event::Followed { file });
    };
    follow("A", None, [(1, 3, false), (2, 9, false)]);
    follow("B", Some("A"), [(1, 5, false), (2, 11, true)]);
    lines(&scene)
}

#[test]
fn the_golden_journal_of_files_comes_to_the_same_for_ever_promise_1() {
    let scene = read(PATH, record);
    let kinds = ["files.touched", "files.collided", "context.given", "findings.followed"];
    for kind in kinds {
        assert!(scene.journal.iter().any(|it| it.1.kind() == kind), "{kind}");
    }
    let state = &scene.state;
    let collisions = state.files.collisions.iter().map(|it| {
        format!(
            "{} {:?} {:?} sure={}",
            it.path,
            it.agents.iter().map(crate::ids::AgentName::as_str).collect::<Vec<_>>(),
            it.person,
            it.sure
        )
    });
    assert_eq!(
        collisions.collect::<Vec<_>>(),
        [
            r#"src/a.rs ["autofix", "claude"] None sure=true"#,
            r#"src/b.rs ["autofix", "claude"] None sure=false"#,
            r#"src/a.rs ["autofix", "claude"] Some("ada") sure=true"#,
        ]
    );
    let places = state.findings.iter().map(|it| {
        let base = &state.bases[&it.id];
        let state = serde_json::to_value(&it.state).unwrap();
        format!(
            "{} line {} {} base {} said {}",
            it.id,
            it.draft.place.as_ref().unwrap().line,
            state["is"],
            base.text,
            base.said
        )
    });
    assert_eq!(
        places.collect::<Vec<_>>(),
        [r#"f1 line 5 "open" base B said line 1"#, r#"f2 line 11 "stale" base B said line 2"#]
    );
    assert!(state.files.leases.is_empty());
    let prompt = state.turn(TurnId(2)).and_then(|it| it.sent.clone()).unwrap().prompt.to_string();
    assert!(prompt.ends_with("fn a() {}\n"), "{prompt}");
}
