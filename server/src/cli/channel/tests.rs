//! The channel commands over a scripted hub.

use serde_json::json;

use super::*;
use crate::{
    cli::{
        out::Buffer,
        render::message::tests::sample,
        wire::fake::{Fake, changed},
    },
    protocol::{Author, DeliveryView},
};

async fn play(hub: &mut Fake, mut person: Person, command: ChannelCommand) -> (Result<i32, Fail>, String) {
    let shown = Buffer::default();
    let mut out = Out::into_buffers(shown.clone(), shown.clone(), false, false);
    let done = channel(hub, &mut out, &mut person, &command).await;
    hub.assert_played();
    (done, shown.text())
}

fn post_command(wait: bool) -> ChannelCommand {
    ChannelCommand::Post { text: Some("@lint look".to_owned()), channel: None, thread: None, wait }
}

fn asked(state: DeliveryState) -> Item {
    let delivery = DeliveryView { agent: "lint".parse().unwrap(), state, turn: None };
    let asked = sample(5, Author::Person("ada".to_owned()), "@lint look");
    Item::Message(Box::new(MessageView { deliveries: vec![delivery], ..asked }))
}

#[tokio::test]
async fn a_post_tells_its_id() {
    let mut hub =
        Fake::default().on(method::POST, json!({ "text": "@lint look" }), json!({ "message": "m5", "rev": 7 }));
    let (done, shown) = play(&mut hub, Person::nobody(), post_command(false)).await;
    assert_eq!((done, shown.as_str()), (Ok(0), "Posted as m5.\n"));
}

#[tokio::test]
async fn waiting_ends_with_the_answer() {
    let answer = sample(6, Author::Agent("lint".parse().unwrap()), "Nothing to say.");
    let mut hub = Fake::default()
        .on(method::POST, json!({}), json!({ "message": "m5", "rev": 7 }))
        .on(method::SUBSCRIBE, json!({ "since": 6 }), changed())
        .feeds(vec![asked(DeliveryState::Started)])
        .feeds(vec![Item::Message(Box::new(answer)), asked(DeliveryState::Answered { message: MessageId(6) })]);
    let (done, shown) = play(&mut hub, Person::nobody(), post_command(true)).await;
    assert_eq!(done, Ok(0));
    assert!(shown.contains("@lint  Nothing to say."), "{shown}");
}

#[tokio::test]
async fn waiting_for_one_who_fails_is_a_failure_that_says_why() {
    let mut hub = Fake::default()
        .on(method::POST, json!({}), json!({ "message": "m5", "rev": 7 }))
        .on(method::SUBSCRIBE, json!({}), changed())
        .feeds(vec![asked(DeliveryState::Failed { why: "clippy is not installed".to_owned() })]);
    let (done, shown) = play(&mut hub, Person::nobody(), post_command(true)).await;
    assert_eq!(done, Ok(1));
    assert!(shown.contains("@lint failed: clippy is not installed"), "{shown}");
}

#[tokio::test]
async fn a_tail_shows_each_message_once_over_a_lost_hub_until_ctrl_c() {
    let said = |id, text: &str| sample(id, Author::System, text);
    let item = |id, text: &str| Item::Message(Box::new(said(id, text)));
    let mut hub = Fake::default()
        .on(method::MESSAGES, json!({ "limit": 2 }), json!({ "messages": [said(1, "one"), said(2, "two")], "rev": 5 }))
        .on(method::SUBSCRIBE, json!({ "since": 5, "channel": "main" }), changed())
        .feeds(vec![item(2, "two"), item(3, "three")])
        .dies()
        .on(method::SUBSCRIBE, json!({ "since": 10 }), changed())
        .feeds(vec![item(3, "three"), item(4, "four")]);
    let shown = Buffer::default();
    let mut out = Out::into_buffers(shown.clone(), shown.clone(), false, false);
    let mut person = Person::nobody();
    let tail = tail(&mut hub, &mut out, &mut person, None, 2);
    // The script has no more: the tail waits for ever, as it should.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(300), tail).await.is_err());
    hub.assert_played();
    let texts: Vec<_> = shown.text().lines().filter_map(|it| it.split("  ").nth(1).map(str::to_owned)).collect();
    let texts: Vec<_> = texts.iter().filter(|it| !it.starts_with('m')).collect();
    assert_eq!(texts, ["one", "two", "three", "four"]);
}

#[tokio::test]
async fn promise_8_what_was_sent_is_shown_whole() {
    let turn = json!({ "id": "t1", "agent": "lint", "prompt": "Review:\n  all", "queued": 0 });
    let mut hub = Fake::default().on(method::SENT, json!({ "message": "m5" }), json!([turn]));
    let (done, shown) = play(&mut hub, Person::nobody(), ChannelCommand::Sent { message: MessageId(5) }).await;
    assert_eq!(done, Ok(0));
    assert_eq!(shown, "t1 @lint  queued 00:00:00\n  Review:\n    all\n");
}
