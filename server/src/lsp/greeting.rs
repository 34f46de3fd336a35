//! The answer to `initialize`. It depends on what the client says and on nothing that a hub knows, so whoever is asked first
//! gives it: a proxy whose hub is still starting gives the same as the hub.

use serde_json::Value;
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Id, Request, Response},
    lsp_types::{InitializeParams, InitializeResult, ServerInfo},
};

use crate::{
    lsp::{
        transport::{as_named_in_the_specification, check},
        wishes::Wishes,
    },
    protocol::{PROTOCOL, ServerOffer, method},
};

/// "The server is not initialized": the specification's code for what comes before `initialize`.
const NOT_GREETED: i64 = -32002;

/// Returns what a client that wants this is offered.
pub fn offered(wishes: &Wishes) -> InitializeResult {
    let names = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect();
    let offer = ServerOffer {
        protocol: PROTOCOL,
        requests: names(method::REQUESTS),
        notifications: names(method::NOTIFICATIONS),
    };
    InitializeResult {
        capabilities: wishes.offer(serde_json::json!({ "callboard": offer })),
        server_info: Some(ServerInfo {
            name: "callboard".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
    }
}

/// What a message is to one who has not been greeted yet.
#[derive(Debug)]
pub enum First {
    /// The greeting: what the client can do and wants, and the answer that begins the session.
    Greeting(Box<Wishes>, Vec<u8>),
    /// Too early, or no message: this is its answer, where it has one.
    Refused(Option<Vec<u8>>),
}

/// Reads a message of a client that has not been greeted yet.
pub fn first(body: &[u8]) -> First {
    if let Err(answer) = check(body) {
        return First::Refused(bytes(&answer));
    }
    let Ok(request) = serde_json::from_slice::<Request>(body) else { return First::Refused(None) };
    let (method, id, params) = as_named_in_the_specification(request).into_parts();
    // What has no method answers a question that nobody asked.
    let Some(id) = id.filter(|_| !method.is_empty()) else { return First::Refused(None) };
    if method != "initialize" {
        return refused(id, ErrorCode::ServerError(NOT_GREETED), "nothing is done before `initialize`");
    }
    let params = match serde_json::from_value::<InitializeParams>(params.unwrap_or(Value::Null)) {
        Ok(params) => params,
        Err(err) => return refused(id, ErrorCode::InvalidParams, &format!("`initialize` can't be read: {err}")),
    };
    let wishes = Wishes::read(&params);
    let answer = serde_json::to_value(offered(&wishes)).unwrap_or_default();
    match bytes(&Response::from_ok(id, answer)) {
        Some(answer) => First::Greeting(Box::new(wishes), answer),
        None => First::Refused(None),
    }
}

fn refused(id: Id, code: ErrorCode, why: &str) -> First {
    let error = Error { code, message: why.to_owned().into(), data: None };
    First::Refused(bytes(&Response::from_error(id, error)))
}

fn bytes(answer: &Response) -> Option<Vec<u8>> {
    serde_json::to_vec(answer).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(message: &Value) -> Value {
        match first(message.to_string().as_bytes()) {
            First::Greeting(_, answer) | First::Refused(Some(answer)) => serde_json::from_slice(&answer).unwrap(),
            First::Refused(None) => Value::Null,
        }
    }

    #[test]
    fn a_greeting_is_answered_from_what_it_says() {
        let utf8 = json!({ "general": { "positionEncodings": ["utf-8"] }, "textDocument": {} });
        let hello = json!({ "jsonrpc": "2.0", "id": "a", "method": "initialize", "params": { "capabilities": utf8 } });
        let got = answer(&hello);
        assert_eq!((&got["id"], &got["result"]["serverInfo"]["name"]), (&json!("a"), &json!("callboard")));
        let capabilities = &got["result"]["capabilities"];
        assert_eq!(capabilities["positionEncoding"], "utf-8");
        assert_eq!(capabilities["workspace"]["workspaceFolders"]["supported"], true);
        assert_eq!(capabilities["experimental"]["callboard"]["protocol"], PROTOCOL);
        let pulls =
            json!({ "textDocument": { "diagnostic": {} }, "workspace": { "diagnostics": { "refreshSupport": true } } });
        let hello = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "capabilities": pulls } });
        assert!(answer(&hello)["result"]["capabilities"]["diagnosticProvider"].is_object(), "by its proper name");
    }

    #[test]
    fn what_comes_before_the_greeting_is_refused_where_it_wants_an_answer() {
        let ask = |id: Value, method: &str, params: Value| json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        assert_eq!(answer(&ask(json!(1), "callboard/inbox", json!({})))["error"]["code"], NOT_GREETED);
        let wrong = answer(&ask(json!(2), "initialize", json!({ "capabilities": 5 })));
        assert_eq!((&wrong["id"], &wrong["error"]["code"]), (&json!(2), &json!(-32602)));
        assert_eq!(answer(&json!([1]))["error"]["code"], -32600);
        assert!(matches!(first(b"{"), First::Refused(Some(_))));
        for silent in
            [json!({ "jsonrpc": "2.0", "method": "initialized" }), json!({ "jsonrpc": "2.0", "id": 1, "result": 1 })]
        {
            assert_eq!(answer(&silent), Value::Null, "{silent}");
        }
    }
}
