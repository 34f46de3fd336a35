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

/// A run of two steps, the first of which has written and clashed.
fn two_steps() -> Scene {
    let mut scene = Scene::new();
    scene.run(plan(json!([turn("write", &[], "writer", "text"), turn("next", &["write"], "writer", "text")])));
    scene.new_effects();
    let turn = scene.live("claude").unwrap();
    scene.ok(clashed(Some(turn), "src/a.rs", "mine\n", "theirs\n"));
    scene
}

#[test]
fn promise_4_a_clash_holds_its_run_until_a_person_has_chosen() {
    let mut scene = two_steps();
    let turn = scene.live("claude").unwrap();
    // Found again from another editor, it is the same one.
    scene.ok(clashed(Some(turn), "src/a.rs", "mine too\n", "theirs\n"));
    scene.ends("claude", says("done"));
    insta::assert_snapshot!(
        scene.inbox(),
        @"p1 Clash @claude and you changed the same lines of src/a.rs [approve skip stop]"
    );
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Waiting 
      write Done
      next Waiting
    ");
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
    > The run waits until this is answered. Stop leaves both texts as they are and ends the run.

    **src/a.rs**, from yours (`-`) to theirs (`+`):

    ```diff
    @@ -1 +1 @@
    -mine
    +theirs
    ```
    ");
    // What else goes on does not wait for it.
    scene.ok(Event::Post { by: ada(), channel: None, thread: None, text: "@claude hi".to_owned(), key: None });
    scene.ends("claude", says("hi"));
    scene.new_effects();
    scene.decide(1, Decision::Approve).unwrap();
    insta::assert_snapshot!(scene.new_effects(), @r#"
    put src/a.rs "theirs\n"
    start t3 @claude
    "#);
    scene.ends("claude", says("done"));
    assert!(scene.state.runs[&RunId(1)].ended.is_some());
}

#[test]
fn promise_4_the_last_step_ends_no_run_over_a_clash_and_stop_ends_it() {
    let mut scene = writing();
    let turn = scene.live("claude").unwrap();
    scene.ok(clashed(Some(turn), "src/a.rs", "mine\n", "theirs\n"));
    scene.ends("claude", says("done"));
    assert!(scene.state.runs[&RunId(1)].ended.is_none(), "the run waits");
    scene.decide(1, Decision::Stop).unwrap();
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Stopped ada stopped it
      write Done
    ");
    // A run that ends for another reason leaves its clash to the person: both texts are there still.
    let mut scene = two_steps();
    scene.ok(Event::Cancel { by: ada(), run: RunId(1) });
    assert_eq!(scene.state.open_pauses.len(), 1);
    scene.new_effects();
    scene.decide(1, Decision::Approve).unwrap();
    assert_eq!(scene.new_effects(), r#"put src/a.rs "theirs\n""#);
}

/// Promise 1: what was approved is put into the editor over a crash, and told of where it can't be.
#[test]
fn promise_1_an_approved_clash_is_put_again_after_a_crash_until_it_is_there() {
    let mut scene = two_steps();
    scene.ends("claude", says("done"));
    scene.decide(1, Decision::Approve).unwrap();
    scene.new_effects();
    scene.restart();
    assert!(scene.new_effects().contains(r#"put src/a.rs "theirs\n" again"#));
    scene.ok(Event::TextPut { pause: PauseId(1), why: String::new() });
    let rev = scene.state.rev;
    scene.ok(Event::TextPut { pause: PauseId(1), why: "late".to_owned() });
    assert_eq!(scene.state.rev, rev, "the first word counts");
    scene.restart();
    assert!(!scene.new_effects().contains("put "));

    let mut scene = two_steps();
    scene.ends("claude", says("done"));
    scene.decide(1, Decision::Approve).unwrap();
    scene.restart();
    scene.ok(Event::TextPut { pause: PauseId(1), why: "something else was typed in it since".to_owned() });
    let said = "What was approved at p1 was not put into src/a.rs in the editor: something else was typed in it since.";
    assert!(scene.channel().contains(said), "{}", scene.channel());
}

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/journal/golden-clashes-1.jsonl");

/// Plays what the fixture holds. It was recorded once; this is how, and never again.
fn record() -> String {
    let mut scene = two_steps();
    scene.ends("claude", says("done"));
    scene.decide(1, Decision::Approve).unwrap();
    scene.ok(Event::TextPut { pause: PauseId(1), why: String::new() });
    let turn = scene.live("claude").unwrap();
    scene.ok(clashed(Some(turn), "src/b.rs", "mine\n", "theirs\n"));
    scene.ok(clashed(None, "src/c.rs", "mine\n", "theirs\n"));
    scene.ends("claude", says("done"));
    scene.decide(3, Decision::Approve).unwrap();
    super::golden::lines(&scene)
}

#[test]
fn the_golden_journal_of_clashes_comes_to_the_same_for_ever_promise_1() {
    let scene = super::golden::read(GOLDEN, record);
    for kind in ["text.put", "pause.answered"] {
        assert!(scene.journal.iter().any(|it| it.1.kind() == kind), "{kind}");
    }
    insta::assert_snapshot!(scene.runs(), @r"
    r1 Waiting 
      write Done
      next Done
    ");
    insta::assert_snapshot!(scene.inbox(), @"p2 Clash @claude and you changed the same lines of src/b.rs [approve skip stop]");
    assert_eq!(scene.state.puts.iter().copied().collect::<Vec<_>>(), [PauseId(3)]);
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
