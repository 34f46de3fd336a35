//! Open buffers and turns. Promise 4: what was typed and what was written are both kept, and a person is asked where they do not
//! go together; promise 8: what an agent was told of unsaved text is part of what it was sent.

use super::*;
use crate::{
    hub::{event::TextClash, record::Record},
    protocol::{PauseKind, SentParams},
    workspace::carry::difference,
};

fn clashed(turn: Option<TurnId>, path: &str, mine: &str, theirs: &str) -> Event {
    let clash = TextClash {
        path: path.to_owned(),
        mine: mine.into(),
        theirs: theirs.into(),
        difference: difference(mine, theirs),
    };
    Event::Clashed { turn, clash: Box::new(clash) }
}

fn writing() -> Scene {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("write", &[], "writer", "text")])));
    scene.new_effects();
    scene
}

#[test]
fn promise_8_what_was_told_of_buffers_is_in_what_was_sent() {
    let mut scene = writing();
    let turn = scene.live("claude").unwrap();
    let params = SentParams { turn: Some(turn), message: None };
    let sent =
        |scene: &Scene| crate::hub::snapshot::Snapshot::of(&scene.state).sent(&params).unwrap()[0].prompt.clone();
    let before = sent(&scene);
    scene.ok(Event::BuffersGiven { turn, text: "\n\nNot saved: a.md".into() });
    assert_eq!(sent(&scene), format!("{before}\n\nNot saved: a.md"));
    // What comes when the turn is over, or says nothing, is no fact.
    scene.ok(Event::BuffersGiven { turn, text: "".into() });
    scene.ends("claude", says("done"));
    let rev = scene.state.rev;
    scene.ok(Event::BuffersGiven { turn, text: "late".into() });
    assert_eq!(scene.state.rev, rev);
}

#[test]
fn promise_4_a_clash_waits_for_a_person_and_stops_nothing_else() {
    let mut scene = writing();
    let turn = scene.live("claude").unwrap();
    scene.ok(clashed(Some(turn), "src/a.rs", "mine\n", "theirs\n"));
    // Found again from another editor, it is the same one.
    scene.ok(clashed(Some(turn), "src/a.rs", "mine too\n", "theirs\n"));
    scene.ends("claude", says("done"));
    insta::assert_snapshot!(
        scene.inbox(),
        @"p1 Clash @claude and you changed the same lines of src/a.rs [approve skip]"
    );
    assert!(scene.state.runs[&RunId(1)].ended.is_some(), "the run goes on");
    let pause = scene.state.pause(PauseId(1)).unwrap().clone();
    assert_eq!(pause.kind, PauseKind::Clash);
    insta::assert_snapshot!(pause.document, @r"
    # @claude and you changed the same lines of src/a.rs

    **Pause**: p1  
    **Agent**: @claude  
    **Run**: r1 (test)  
    **Step**: write  

    > What you have typed stays in the editor; what @claude wrote is on the disk. Nothing is lost.
    > Approve puts the text of the disk into the editor, where undo brings yours back. Skip leaves both as they are.

    **src/a.rs**, from yours (`-`) to theirs (`+`):

    ```diff
    @@ -1 +1 @@
    -mine
    +theirs
    ```
    ");
    scene.new_effects();
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.new_effects(), r#"put src/a.rs "theirs\n""#);
}

#[test]
fn promise_4_a_person_may_leave_both_texts_as_they_are() {
    let mut scene = writing();
    // An undo's clash belongs to no turn; what is too long is shown, and not kept.
    scene.ok(clashed(None, "b.md", "x\n", &"y".repeat(2 << 20)));
    let kept = scene.journal.iter().map(|it| serde_json::to_string(&it.1).unwrap().len()).max().unwrap();
    assert!(kept < 200_000, "{kept} bytes");
    assert!(scene.decide(1, Decision::Approve).is_err());
    scene.ok(clashed(None, "b.md", "x\n", "y\n"));
    scene.new_effects();
    scene.decide(1, Decision::Skip).unwrap();
    scene.decide(2, Decision::Skip).unwrap();
    assert!(scene.new_effects().is_empty());
    assert!(scene.state.open_pauses.is_empty());
}

#[test]
fn clashes_that_wait_are_bounded() {
    let mut scene = writing();
    for n in 0..60 {
        scene.ok(clashed(None, &format!("f{n}"), "x\n", "y\n"));
    }
    assert_eq!(scene.state.open_pauses.len(), 50);
    let told = scene
        .journal
        .iter()
        .filter(|it| matches!(&it.1, Record::MessagePosted { text, .. } if text.contains("changed the same lines")));
    assert_eq!(told.count(), 10, "the rest is told");
}
