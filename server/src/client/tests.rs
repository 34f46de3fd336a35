//! The client against a real hub's session, in one process.

use std::time::Duration;

use serde_json::json;

use crate::{
    client::{Client, RpcError},
    hub::event::{Actor, RefusalCode},
    lsp::testing::{self, World},
    protocol::{Changed, HubStatus, Nothing, SubscribeParams, method},
};

const BOUND: Duration = Duration::from_secs(60);

async fn human(world: &World) -> Client {
    testing::connect(&world.shared(), Actor::Human("ada".to_owned())).await
}

#[tokio::test]
async fn a_subscription_is_answered_by_a_feed_even_where_nothing_changed() {
    let world = World::new();
    let client = human(&world).await;
    let mut feed = client.feed();
    client.subscribe(SubscribeParams { since: Some(0), ..SubscribeParams::default() }).await.unwrap();
    let first = tokio::time::timeout(BOUND, feed.recv()).await.expect("the first feed comes").unwrap();
    assert_eq!(first.rev, world.shared().hub.snapshot().rev);
}

#[tokio::test]
async fn errors_keep_their_class_and_their_words() {
    let world = World::new();
    let client = human(&world).await;
    let refused = client.request::<Changed>(method::RUN, json!({ "workflow": "nope" })).await.unwrap_err();
    match refused {
        RpcError::Refused { code, message } => {
            assert_eq!(code, RefusalCode::NotFound);
            assert!(message.contains("\"nope\""), "{message}");
        }
        other => panic!("{other}"),
    }
    let wrong = client.request::<Changed>(method::DECIDE, json!({ "pause": "r1" })).await.unwrap_err();
    assert!(matches!(&wrong, RpcError::Failed { code: -32602, message } if message.contains("pause id")), "{wrong}");
    let unknown = client.request::<Changed>("callboard/nope", json!({})).await.unwrap_err();
    assert!(matches!(unknown, RpcError::Failed { code: -32601, .. }), "{unknown}");
    let unreadable = client.request::<Changed>(method::CHANNELS, json!({})).await.unwrap_err();
    assert!(matches!(unreadable, RpcError::Unreadable { .. }), "{unreadable}");
    // An empty Lua table is `[]`, and is taken where nothing is needed.
    let status: HubStatus = client.request(method::HUB_STATUS, json!([])).await.unwrap();
    assert_eq!((status.clients, status.in_process), (1, true));
}

/// Promise 2: what only a person may do is refused to an agent's connection, whatever it sends.
#[tokio::test]
async fn an_agents_connection_cannot_run_the_house() {
    let world = World::new();
    let agent = testing::connect(&world.shared(), Actor::Agent(Some("codex".parse().unwrap()))).await;
    for (method, params) in [
        (method::RUN, json!({ "workflow": "review-fix" })),
        (method::CREATE_CHANNEL, json!({ "name": "main" })),
        (method::RELOAD, json!({})),
        (method::STOP_HUB, json!({})),
    ] {
        let err = agent.request::<serde_json::Value>(method, params).await.unwrap_err();
        assert!(matches!(err, RpcError::Refused { code: RefusalCode::HumansOnly, .. }), "{method}: {err}");
    }
    agent.request::<HubStatus>(method::HUB_STATUS, Nothing::default()).await.unwrap();
}

#[tokio::test]
async fn a_lost_hub_is_a_value_and_ends_the_feed() {
    let world = World::new();
    let client = human(&world).await;
    let mut feed = client.feed();
    client.request::<Changed>(method::STOP_HUB, Nothing::default()).await.unwrap();
    tokio::time::timeout(BOUND, client.lost()).await.expect("the loss is seen");
    assert_eq!(feed.recv().await, None);
    let err = client.request::<HubStatus>(method::HUB_STATUS, Nothing::default()).await.unwrap_err();
    assert!(matches!(err, RpcError::Lost(_)), "{err}");
}

#[tokio::test]
async fn a_goodbye_ends_this_client_alone() {
    let world = World::new();
    let (leaving, staying) = (human(&world).await, human(&world).await);
    leaving.close().await;
    let mut clients = world.shared().clients();
    tokio::time::timeout(BOUND, clients.wait_for(|it| *it == 1)).await.expect("one client stays").unwrap();
    let status: HubStatus = staying.request(method::HUB_STATUS, Nothing::default()).await.unwrap();
    assert_eq!(status.clients, 1);
}
