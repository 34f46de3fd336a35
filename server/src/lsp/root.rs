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
    /// The editor's folders are others.
    Folders,
    /// The notification `initialized`.
    Initialized,
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

/// A folder of an editor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFolder {
    /// Its address as the editor says it.
    pub uri: String,
    /// Where it is.
    pub path: PathBuf,
}

fn folders(list: Option<&serde_json::Value>) -> Vec<OpenFolder> {
    let all = list.and_then(|it| it.as_array()).into_iter().flatten();
    all.filter_map(|it| {
        let uri = it.get("uri")?.as_str()?;
        Some(OpenFolder { uri: uri.to_owned(), path: super::folder::plain(&Url::parse(uri).ok()?)? })
    })
    .collect()
}

/// Returns the first folder that an `initialize` request names, as it says it.
pub fn first_folder(initialize: &[u8]) -> Option<OpenFolder> {
    let message: Message = serde_json::from_slice(initialize).ok()?;
    let first = folders(message.params.get("workspaceFolders")).into_iter().next();
    first.or_else(|| {
        let uri = message.params.get("rootUri")?.as_str()?;
        Some(OpenFolder { uri: uri.to_owned(), path: super::folder::plain(&Url::parse(uri).ok()?)? })
    })
}

/// Returns a folder's address.
pub fn address(folder: &std::path::Path) -> String {
    Url::from_file_path(folder).map_or_else(|()| folder.display().to_string(), String::from)
}

/// Returns whether a body is a request of the editor, which wants an answer.
pub fn has_id(body: &[u8]) -> bool {
    let message = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
    message.get("method").is_some() && message.get("id").is_some_and(|it| *it != super::roots::OWN)
}

/// Returns a body with the proxy's own id where it has one: its answer is no matter of the editor's, which asked somebody else.
pub fn as_own(body: &[u8]) -> Vec<u8> {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(mut message @ serde_json::Value::Object(_)) if message.get("id").is_some() => {
            message["id"] = serde_json::Value::from(super::roots::OWN);
            message.to_string().into_bytes()
        }
        _ => body.to_vec(),
    }
}

/// Returns the body of a request of the proxy's own, whose answer says nothing.
pub fn own_request(method: &str) -> Vec<u8> {
    serde_json::json!({ "jsonrpc": "2.0", "id": super::roots::OWN, "method": method }).to_string().into_bytes()
}

/// Returns the answer to a request that has none but that it was heard; `None` where the body is no request.
pub fn heard(request: &[u8]) -> Option<Vec<u8>> {
    let request = serde_json::from_slice::<serde_json::Value>(request).ok()?;
    let id = request.get("id")?;
    Some(serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": null }).to_string().into_bytes())
}

/// Returns why a hub refused what the proxy itself asked it, where this is its answer to that: inside, `None` where it did not.
pub fn own_answer(body: &[u8]) -> Option<Option<String>> {
    let message = serde_json::from_slice::<serde_json::Value>(body).ok()?;
    let is_it = message.get("method").is_none() && message.get("id").is_some_and(|it| *it == super::roots::OWN);
    is_it.then(|| Some(message.pointer("/error/message")?.as_str()?.to_owned()))
}

/// Returns the body of a message that tells the editor's user of an error.
pub fn message(words: &str) -> Vec<u8> {
    let params = serde_json::json!({ "type": 1, "message": words });
    serde_json::json!({ "jsonrpc": "2.0", "method": "window/showMessage", "params": params }).to_string().into_bytes()
}

/// Returns the folders behind the first that an `initialize` request names.
pub fn more_folders(initialize: &[u8]) -> Vec<OpenFolder> {
    let message: Option<Message> = serde_json::from_slice(initialize).ok();
    let mut all = folders(message.as_ref().and_then(|it| it.params.get("workspaceFolders")));
    all.drain(..all.len().min(1));
    all
}

/// Returns the folders that came and those that went, as an editor tells it.
pub fn changed_folders(body: &[u8]) -> (Vec<OpenFolder>, Vec<OpenFolder>) {
    let message: Option<Message> = serde_json::from_slice(body).ok();
    let of = |at: &str| folders(message.as_ref().and_then(|it| it.params.pointer(at)));
    (of("/event/added"), of("/event/removed"))
}

/// Returns the `initialize` of an editor as another root's hub is given it: that folder alone, by an id of the proxy's.
///
/// What an editor asks of all files at once it asks of its first root alone, so the others send what they have to say.
pub fn initialize_for(initialize: &[u8], folder: &OpenFolder) -> Vec<u8> {
    // What is no object is sent as it is: it is the other root's to refuse.
    let Ok(mut message @ serde_json::Value::Object(_)) = serde_json::from_slice(initialize) else {
        return initialize.to_vec();
    };
    message["id"] = serde_json::Value::from(super::roots::OWN);
    if let Some(params) = message.get_mut("params").filter(|it| it.is_object()) {
        params["rootUri"] = serde_json::Value::from(folder.uri.clone());
        params["rootPath"] = serde_json::Value::Null;
        params["workspaceFolders"] = serde_json::json!([{ "uri": folder.uri, "name": "" }]);
        if let Some(text) = params.pointer_mut("/capabilities/textDocument").and_then(|it| it.as_object_mut()) {
            text.remove("diagnostic");
        }
    }
    message.to_string().into_bytes()
}

/// Returns whether a body is one that begins or ends a session, or changes its folders.
pub fn passing(body: &[u8]) -> Passing {
    #[derive(Deserialize)]
    struct Method {
        #[serde(default)]
        method: String,
    }
    // They are tiny, so nothing long is parsed here.
    if body.len() > 64 * 1024 {
        return Passing::Other;
    }
    match serde_json::from_slice::<Method>(body).map(|it| it.method).as_deref() {
        Ok("shutdown") => Passing::Shutdown,
        Ok("exit") => Passing::Exit,
        Ok("initialized") => Passing::Initialized,
        Ok("workspace/didChangeWorkspaceFolders") => Passing::Folders,
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
    fn what_a_proxy_does_itself_is_told_apart() {
        assert_eq!(passing(br#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#), Passing::Shutdown);
        assert_eq!(passing(br#"{"jsonrpc":"2.0","method":"exit"}"#), Passing::Exit);
        assert_eq!(passing(br#"{"jsonrpc":"2.0","method":"x","params":{"method":"exit"}}"#), Passing::Other);
        assert_eq!(passing(b"{"), Passing::Other);
        let answer = heard(br#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#).unwrap();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer, serde_json::json!({ "jsonrpc": "2.0", "id": 2, "result": null }));
        assert_eq!(heard(br#"{"jsonrpc":"2.0","method":"shutdown"}"#), None);
        assert_eq!(own_answer(br#"{"id":"callboard/proxy","result":{}}"#), Some(None));
        assert_eq!(own_answer(br#"{"id":"callboard/proxy","error":{"message":"no"}}"#), Some(Some("no".to_owned())));
        assert_eq!(own_answer(br#"{"id":1,"result":{}}"#), None);
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
