//! One session of an editor over several roots, each with a hub of its own: which message goes where, and how what comes
//! back says which root it is from.
//!
//! Pure. The first root is spoken to as if it were alone; what comes from another has its request ids and progress tokens marked,
//! since hubs count alike, and its commands carry `root`, so that they find their way back.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use tower_lsp::lsp_types::Url;

use super::{folder::plain, root::refusal};

/// The id of the requests that a proxy makes for itself; their answers are its own.
pub const OWN: &str = "callboard/proxy";

/// A root of a session.
#[derive(Debug, Clone)]
struct Root {
    /// Its folder's address, as the editor says it.
    uri: String,
    /// What people are told.
    name: String,
    /// Folders whose files are its: those that the editor has open of it, as it says them and as they are, and its documents.
    folders: Vec<PathBuf>,
    gone: bool,
}

/// The roots of a session, and what is going on with those behind the first.
#[derive(Debug, Default)]
pub struct Roots {
    all: Vec<Root>,
    /// Requests of the editor that went to another root than the first, by their id.
    pending: HashMap<String, usize>,
}

/// Where a message of the editor goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Goes {
    /// To one root.
    To(usize, Vec<u8>),
    /// To all.
    All(Vec<u8>),
    /// Nowhere: this is its answer, where it wants one.
    Nowhere(Option<Vec<u8>>),
}

/// What every root is told.
const TO_ALL: [&str; 6] = [
    "initialized",
    "exit",
    "shutdown",
    "$/setTrace",
    "workspace/didChangeConfiguration",
    "workspace/didChangeWatchedFiles",
];

impl Roots {
    /// Adds a root and returns its number.
    pub fn add(&mut self, uri: &str, folders: Vec<PathBuf>) -> usize {
        let name = Url::parse(uri).ok().and_then(|it| plain(&it));
        let name =
            name.as_deref().and_then(Path::file_name).map_or_else(|| uri.to_owned(), |it| it.to_string_lossy().into());
        self.all.push(Root { uri: uri.to_owned(), name, folders, gone: false });
        self.all.len() - 1
    }

    /// Adds a folder to a root that is there.
    pub fn widen(&mut self, root: usize, folder: PathBuf) {
        if let Some(it) = self.all.get_mut(root) {
            it.folders.push(folder);
        }
    }

    /// A root is no longer one of the session.
    pub fn remove(&mut self, root: usize) {
        if let Some(it) = self.all.get_mut(root) {
            it.gone = true;
        }
    }

    /// Returns the root that the editor calls so.
    pub fn named(&self, uri: &str) -> Option<usize> {
        let same = |it: &str| it.trim_end_matches('/') == uri.trim_end_matches('/');
        self.all.iter().position(|it| !it.gone && same(&it.uri))
    }

    /// Returns whether there are several.
    pub fn are_several(&self) -> bool {
        self.all.iter().filter(|it| !it.gone).count() > 1
    }

    /// Returns what people are told of a root.
    pub fn name(&self, root: usize) -> &str {
        self.all.get(root).map_or("", |it| &it.name)
    }

    /// Returns the root that a file belongs to: the one with the longest folder around it, else the first.
    fn of_file(&self, uri: &str) -> usize {
        let Some(file) = Url::parse(uri).ok().and_then(|it| plain(&it)) else { return 0 };
        let around = |root: &Root| {
            let around = root.folders.iter().filter(|it| file.starts_with(it)).map(|it| it.as_os_str().len());
            around.max().filter(|_| !root.gone)
        };
        let found = self.all.iter().enumerate().filter_map(|(number, root)| Some((around(root)?, number)));
        // Of equals the first.
        found.max_by_key(|(length, number)| (*length, std::cmp::Reverse(*number))).map_or(0, |it| it.1)
    }

    /// Says where a message of the editor goes, and what is sent there.
    pub fn goes(&mut self, body: &[u8]) -> Goes {
        // What can't be read is the first one's to refuse.
        let Ok(mut message @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else {
            return Goes::To(0, body.to_vec());
        };
        let Some(method) = message["method"].as_str().map(ToOwned::to_owned) else {
            return answer_goes(message, body);
        };
        if TO_ALL.contains(&method.as_str()) {
            return Goes::All(body.to_vec());
        }
        let to = match method.as_str() {
            "$/cancelRequest" => self.pending.get(&message["params"]["id"].to_string()).copied().unwrap_or(0),
            "window/workDoneProgress/cancel" => match message["params"]["token"].as_str().and_then(unmarked) {
                Some((root, token)) => {
                    message["params"]["token"] = token;
                    root
                }
                None => 0,
            },
            _ => {
                let argument = if method == "workspace/executeCommand" { "/params/arguments/0" } else { "/params" };
                let said =
                    message.pointer_mut(argument).and_then(Value::as_object_mut).and_then(|it| it.remove("root"));
                let of_file = |it: &Value| {
                    let uri = ["/textDocument/uri", "/uri"].iter().find_map(|at| it.pointer(at)?.as_str());
                    uri.map_or(0, |uri| self.of_file(uri))
                };
                match said.as_ref().and_then(Value::as_str) {
                    Some(uri) => match self.named(uri) {
                        Some(root) => root,
                        None => return self.no_root(&message, uri, body),
                    },
                    None => message.pointer(argument).map_or(0, of_file),
                }
            }
        };
        if to > 0
            && let Some(id) = message.get("id")
        {
            self.pending.insert(id.to_string(), to);
        }
        Goes::To(to, message.to_string().into_bytes())
    }

    fn no_root(&self, message: &Value, uri: &str, body: &[u8]) -> Goes {
        let known: Vec<&str> = self.all.iter().filter(|it| !it.gone).map(|it| it.uri.as_str()).collect();
        let why = format!("{uri} is no folder of this session; `root` is one of {}", known.join(", "));
        Goes::Nowhere(message.get("id").map(|_| refusal(body, &why)))
    }

    /// Returns what the editor is given of a message from a root; `None` where it is the proxy's own matter.
    pub fn comes(&mut self, root: usize, body: Vec<u8>) -> Option<Vec<u8>> {
        if !self.are_several() && root == 0 {
            return Some(body);
        }
        let Ok(mut message @ Value::Object(_)) = serde_json::from_slice::<Value>(&body) else { return Some(body) };
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        if method.is_empty() {
            if message["id"] == OWN {
                return None;
            }
            let id = message["id"].to_string();
            // An answer may be that of another root to a request with the same id that is over: ids are the editor's, and unique.
            self.pending.remove(&id);
            let uri = self.all.get(root).map(|it| it.uri.clone()).unwrap_or_default();
            if let Some(result) = message.get_mut("result") {
                with_root(result, &uri);
            }
            return Some(message.to_string().into_bytes());
        }
        if root > 0 && message.get("id").is_some() {
            message["id"] = marked(root, &message["id"]);
        }
        match method.as_str() {
            "window/workDoneProgress/create" | "$/progress" if root > 0 => {
                if let Some(token) = message.pointer_mut("/params/token") {
                    *token = marked(root, token);
                }
            }
            "window/showMessage" | "window/showMessageRequest" => {
                if let Some(words) = message.pointer_mut("/params/message") {
                    *words = json!(format!("[{}] {}", self.name(root), words.as_str().unwrap_or_default()));
                }
            }
            _ if method.starts_with("callboard/") => {
                if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
                    params.insert("root".to_owned(), json!(self.all.get(root).map(|it| &it.uri)));
                }
            }
            _ => {}
        }
        Some(message.to_string().into_bytes())
    }
}

/// Says where an answer of the editor goes: to the root whose request it answers.
fn answer_goes(mut message: Value, body: &[u8]) -> Goes {
    match message["id"].as_str().and_then(unmarked) {
        Some((root, id)) => {
            message["id"] = id;
            Goes::To(root, message.to_string().into_bytes())
        }
        None => Goes::To(0, body.to_vec()),
    }
}

/// Returns an id or a token as the editor is given it.
fn marked(root: usize, what: &Value) -> Value {
    Value::from(format!("root-{root}:{what}"))
}

/// Returns the root and the id or token that a marked one stands for.
fn unmarked(marked: &str) -> Option<(usize, Value)> {
    let (root, what) = marked.strip_prefix("root-")?.split_once(':')?;
    Some((root.parse().ok()?, serde_json::from_str(what).ok()?))
}

/// Puts the root into the commands that a result offers.
fn with_root(result: &mut Value, root: &str) {
    match result {
        Value::Array(all) => all.iter_mut().for_each(|it| with_root(it, root)),
        Value::Object(fields) => {
            let is_ours = fields.get("command").and_then(Value::as_str).is_some_and(|it| it.starts_with("callboard."));
            if let (true, Some(argument)) = (is_ours, fields.get_mut("arguments").and_then(|it| it.get_mut(0)))
                && let Some(argument) = argument.as_object_mut()
            {
                argument.insert("root".to_owned(), Value::from(root));
            }
            fields.values_mut().for_each(|it| with_root(it, root));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> Roots {
        let mut roots = Roots::default();
        roots.add("file:///w/one", vec!["/w/one".into(), "/state/one".into()]);
        roots.add("file:///w/two/", vec!["/w/two".into(), "/state/two".into()]);
        roots.add("file:///w/one/inner", vec!["/w/one/inner".into()]);
        roots
    }

    fn request(method: &str, params: &Value) -> Vec<u8> {
        json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string().into_bytes()
    }

    #[track_caller]
    fn to(roots: &mut Roots, method: &str, params: &Value) -> (usize, Value) {
        match roots.goes(&request(method, params)) {
            Goes::To(root, body) => (root, serde_json::from_slice(&body).unwrap()),
            other => panic!("{method}: {other:?}"),
        }
    }

    #[test]
    fn a_message_goes_to_the_root_of_its_file() {
        let mut roots = roots();
        for (uri, root) in [
            ("file:///w/one/a.rs", 0),
            ("file:///w/two/a.rs", 1),
            ("file:///w/one/inner/a.rs", 2),
            ("file:///w/one/innermost/a.rs", 0),
            ("file:///state/two/p1.md", 1),
            ("file:///elsewhere/a.rs", 0),
            ("untitled:1", 0),
        ] {
            let params = json!({ "textDocument": { "uri": uri } });
            assert_eq!(to(&mut roots, "textDocument/hover", &params).0, root, "{uri}");
            let command = json!({ "command": "callboard.review", "arguments": [{ "uri": uri }] });
            assert_eq!(to(&mut roots, "workspace/executeCommand", &command).0, root, "{uri}");
        }
        roots.remove(1);
        assert_eq!(to(&mut roots, "textDocument/hover", &json!({ "textDocument": { "uri": "file:///w/two/a" } })).0, 0);
    }

    #[test]
    fn a_message_that_says_its_root_goes_there_without_it() {
        let mut roots = roots();
        let (root, message) = to(&mut roots, "callboard/inbox", &json!({ "root": "file:///w/two", "all": true }));
        assert_eq!((root, &message["params"]), (1, &json!({ "all": true })));
        let command =
            json!({ "command": "callboard.decide", "arguments": [{ "pause": "p1", "root": "file:///w/two" }] });
        let (root, message) = to(&mut roots, "workspace/executeCommand", &command);
        assert_eq!((root, &message["params"]["arguments"]), (1, &json!([{ "pause": "p1" }])));
        assert_eq!(to(&mut roots, "callboard/inbox", &json!({})).0, 0, "the first where none is said");
        let Goes::Nowhere(Some(answer)) = roots.goes(&request("callboard/inbox", &json!({ "root": "file:///x" })))
        else {
            panic!("it went somewhere")
        };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert!(answer["error"]["message"].as_str().unwrap().contains("file:///w/two"), "{answer}");
        assert!(matches!(roots.goes(&request("shutdown", &Value::Null)), Goes::All(_)));
        assert_eq!(roots.goes(b"{"), Goes::To(0, b"{".to_vec()), "what can't be read is the first one's to refuse");
    }

    fn came(roots: &mut Roots, root: usize, message: &Value) -> Value {
        serde_json::from_slice(&roots.comes(root, message.to_string().into_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn what_comes_from_another_root_says_so_and_finds_its_way_back() {
        let mut roots = roots();
        let asked = json!({ "jsonrpc": "2.0", "id": 0, "method": "window/showMessageRequest",
            "params": { "type": 3, "message": "p1 waits for you" } });
        let got = came(&mut roots, 1, &asked);
        assert_eq!(got["params"]["message"], "[two] p1 waits for you");
        assert_eq!(came(&mut roots, 0, &asked)["id"], 0, "the first one's ids are its own");
        let answer = json!({ "jsonrpc": "2.0", "id": got["id"], "result": null }).to_string();
        let Goes::To(1, body) = roots.goes(answer.as_bytes()) else { panic!("it went elsewhere") };
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["id"], 0);

        let progress =
            json!({ "jsonrpc": "2.0", "method": "$/progress", "params": { "token": "callboard/r1/1", "value": {} } });
        let token = came(&mut roots, 1, &progress)["params"]["token"].clone();
        let (root, cancel) = to(&mut roots, "window/workDoneProgress/cancel", &json!({ "token": token }));
        assert_eq!((root, &cancel["params"]["token"]), (1, &json!("callboard/r1/1")));

        let lenses = json!({ "jsonrpc": "2.0", "id": 7, "result": [{ "command":
            { "title": "Approve", "command": "callboard.decide", "arguments": [{ "pause": "p1" }] } }] });
        let lens = came(&mut roots, 1, &lenses)["result"][0]["command"].clone();
        assert_eq!(lens["arguments"], json!([{ "pause": "p1", "root": "file:///w/two/" }]));
        assert_eq!(to(&mut roots, "workspace/executeCommand", &lens).0, 1);

        let feed = json!({ "jsonrpc": "2.0", "method": "callboard/feed", "params": { "rev": 3, "items": [] } });
        assert_eq!(came(&mut roots, 1, &feed)["params"]["root"], "file:///w/two/");
        let own = json!({ "jsonrpc": "2.0", "id": OWN, "result": {} });
        assert_eq!(roots.comes(1, own.to_string().into_bytes()), None);
    }

    #[test]
    fn a_cancelled_request_is_cancelled_where_it_went() {
        let mut roots = roots();
        let params = json!({ "textDocument": { "uri": "file:///w/two/a.rs" } });
        to(&mut roots, "textDocument/hover", &params);
        assert_eq!(to(&mut roots, "$/cancelRequest", &json!({ "id": 7 })).0, 1);
        came(&mut roots, 1, &json!({ "jsonrpc": "2.0", "id": 7, "result": null }));
        assert_eq!(to(&mut roots, "$/cancelRequest", &json!({ "id": 7 })).0, 0);
    }

    #[test]
    fn a_single_root_is_passed_on_byte_for_byte() {
        let mut roots = Roots::default();
        roots.add("file:///w/one", vec!["/w/one".into()]);
        let body = br#"{ "odd":  "spacing", "method": "window/showMessage" }"#.to_vec();
        assert_eq!(roots.comes(0, body.clone()), Some(body));
    }
}
