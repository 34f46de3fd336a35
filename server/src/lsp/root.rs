//! What a proxy reads of the messages that it passes on: the editor's folder, the end of the session, whom to answer.

use std::path::PathBuf;

use serde::Deserialize;
use tower_lsp::lsp_types::Url;

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    method: String,
    #[serde(default)]
    params: serde_json::Value,
}

/// What a proxy has to know of a message that it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passing {
    /// The request `shutdown`.
    Shutdown,
    /// The notification `exit`.
    Exit,
    /// Anything else.
    Other,
}

/// Returns the folder that an `initialize` request names: the first workspace folder, else `rootUri`, else `rootPath`.
pub fn root_of(initialize: &[u8]) -> Option<PathBuf> {
    let message: Message = serde_json::from_slice(initialize).ok()?;
    if message.method != "initialize" {
        return None;
    }
    let folder = message.params.pointer("/workspaceFolders/0/uri");
    let uri = folder.or_else(|| message.params.get("rootUri")).and_then(|it| it.as_str());
    uri.and_then(|it| Url::parse(it).ok())
        .filter(|it| it.scheme() == "file")
        .and_then(|it| it.to_file_path().ok())
        .or_else(|| message.params.get("rootPath")?.as_str().map(PathBuf::from))
        .filter(|it| it.is_absolute())
}

/// Returns whether a body is one that ends a session.
pub fn passing(body: &[u8]) -> Passing {
    #[derive(Deserialize)]
    struct Method {
        #[serde(default)]
        method: String,
    }
    // Both are tiny, so nothing long is parsed here.
    if body.len() > 4096 {
        return Passing::Other;
    }
    match serde_json::from_slice::<Method>(body).map(|it| it.method).as_deref() {
        Ok("shutdown") => Passing::Shutdown,
        Ok("exit") => Passing::Exit,
        _ => Passing::Other,
    }
}

/// Returns the body of an error answer to `request`, or to nothing in particular where that is no request.
pub fn refusal(request: &[u8], why: &str) -> Vec<u8> {
    let id = serde_json::from_slice::<serde_json::Value>(request).ok().and_then(|it| it.get("id").cloned());
    // -32803 is "request failed": a server's own reason, and the editor's request was right.
    let error = serde_json::json!({ "code": -32803, "message": why });
    serde_json::json!({ "jsonrpc": "2.0", "id": id, "error": error }).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(params: &str, expect: Option<&str>) {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{params}}}"#);
        assert_eq!(root_of(text.as_bytes()), expect.map(PathBuf::from), "{params}");
    }

    #[test]
    fn an_editor_names_its_folder_in_three_ways() {
        check(r#"{"workspaceFolders":[{"uri":"file:///a%20b/c","name":"c"}],"rootUri":"file:///x"}"#, Some("/a b/c"));
        check(r#"{"workspaceFolders":null,"rootUri":"file:///x/y"}"#, Some("/x/y"));
        check(r#"{"rootUri":null,"rootPath":"/x/y"}"#, Some("/x/y"));
        check(r#"{"rootUri":"vscode-remote://host/x"}"#, None);
        check(r#"{"rootPath":"relative"}"#, None);
        check("{}", None);
        assert_eq!(root_of(b"[1"), None);
    }

    #[test]
    fn only_shutdown_and_exit_are_told_apart() {
        assert_eq!(passing(br#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#), Passing::Shutdown);
        assert_eq!(passing(br#"{"jsonrpc":"2.0","method":"exit"}"#), Passing::Exit);
        assert_eq!(passing(br#"{"jsonrpc":"2.0","method":"x","params":{"method":"exit"}}"#), Passing::Other);
        assert_eq!(passing(b"{"), Passing::Other);
    }

    #[test]
    fn a_refusal_answers_the_request_that_it_is_about() {
        let answer: serde_json::Value =
            serde_json::from_slice(&refusal(br#"{"jsonrpc":"2.0","id":"a","method":"initialize"}"#, "no hub")).unwrap();
        assert_eq!((&answer["id"], &answer["error"]["message"]), (&"a".into(), &"no hub".into()));
        let answer: serde_json::Value = serde_json::from_slice(&refusal(b"nonsense", "no hub")).unwrap();
        assert!(answer["id"].is_null() && answer["error"]["code"] == -32803, "{answer}");
    }
}
