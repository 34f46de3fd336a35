//! One session of an editor over several roots, each with a hub of its own: which message goes where, and how what comes
//! back says which root it is from.
//!
//! Pure. The first root is spoken to as if it were alone; what comes from another has its request ids and progress tokens marked,
//! since hubs count alike, and its commands carry `root`, so that they find their way back. A root that goes takes with it
//! what its hub has shown (`left.rs`).

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::{Value, json};
use tower_lsp::lsp_types::Url;

use super::{
    folder::plain,
    root::{OpenFolder, refusal},
};

mod left;

use left::Left;

/// The id of the requests that a proxy makes for itself; their answers are its own.
pub const OWN: &str = "callboard/proxy";

/// A root of a session.
#[derive(Debug, Clone)]
struct Root {
    /// What people are told.
    name: String,
    /// The folders that the editor has open of it. The first is what it is called by.
    open: Vec<OpenFolder>,
    /// Other folders whose files are its: the workspace as it is, and its documents.
    own: Vec<PathBuf>,
    gone: bool,
    /// It could not be attached.
    has_no_hub: bool,
}

impl Root {
    fn uri(&self) -> &str {
        self.open.first().map_or("", |it| &it.uri)
    }
}

/// The roots of a session, and what is going on with those behind the first.
#[derive(Debug, Default)]
pub struct Roots {
    all: Vec<Root>,
    /// Requests of the editor that went to another root than the first, by their id.
    pending: HashMap<String, usize>,
    left: Left,
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
    pub fn add(&mut self, folder: OpenFolder, own: Vec<PathBuf>) -> usize {
        let name = Url::parse(&folder.uri).ok().and_then(|it| plain(&it));
        let name = name.as_deref().and_then(Path::file_name);
        let name = name.map_or_else(|| folder.uri.clone(), |it| it.to_string_lossy().into());
        self.all.push(Root { name, open: vec![folder], own, gone: false, has_no_hub: false });
        self.all.len() - 1
    }

    /// Adds a folder to a root that is there.
    pub fn widen(&mut self, root: usize, folder: OpenFolder) {
        if let Some(it) = self.all.get_mut(root) {
            it.open.push(folder);
        }
    }

    /// Returns the root that the editor has this folder open of.
    pub fn around(&self, uri: &str) -> Option<usize> {
        self.all.iter().position(|it| !it.gone && it.open.iter().any(|it| same(&it.uri, uri)))
    }

    /// A folder is no longer open. Returns what the editor is told where that was the last one of its root, which is no longer
    /// one of the session then.
    pub fn narrow(&mut self, root: usize, uri: &str) -> Option<Vec<Vec<u8>>> {
        let it = self.all.get_mut(root)?;
        if it.open.len() > 1 {
            it.open.retain(|it| !same(&it.uri, uri));
        }
        if !it.open.iter().all(|it| same(&it.uri, uri)) {
            return None;
        }
        it.gone = true;
        Some(self.left.taken_back(root))
    }

    /// Returns the root that the editor calls so.
    pub fn named(&self, uri: &str) -> Option<usize> {
        self.all.iter().position(|it| !it.gone && same(it.uri(), uri))
    }

    /// Returns whether there are several.
    pub fn are_several(&self) -> bool {
        self.all.iter().filter(|it| !it.gone).count() > 1
    }

    /// Returns whether there never was another than the first, so that all goes there and back as it is.
    pub fn is_plain(&self) -> bool {
        matches!(self.all.as_slice(), [one] if !one.gone)
    }

    /// A root could not be attached.
    pub fn has_no_hub(&mut self, root: usize) {
        if let Some(it) = self.all.get_mut(root) {
            it.has_no_hub = true;
        }
    }

    /// Returns whether there are roots and none could be attached.
    pub fn have_no_hub(&self) -> bool {
        self.first().is_some() && self.all.iter().all(|it| it.gone || it.has_no_hub)
    }

    /// Returns what people are told of a root.
    pub fn name(&self, root: usize) -> &str {
        self.all.get(root).map_or("", |it| &it.name)
    }

    /// Returns the root that what names none goes to.
    fn first(&self) -> Option<usize> {
        self.all.iter().position(|it| !it.gone)
    }

    fn is_there(&self, root: usize) -> bool {
        self.all.get(root).is_some_and(|it| !it.gone)
    }

    /// Returns the root that a file belongs to: the one with the longest folder around it, else the first.
    fn of_file(&self, uri: &str) -> Option<usize> {
        let Some(file) = Url::parse(uri).ok().and_then(|it| plain(&it)) else { return self.first() };
        let around = |root: &Root| {
            let folders = root.open.iter().map(|it| &it.path).chain(&root.own);
            let around = folders.filter(|it| file.starts_with(it)).map(|it| it.as_os_str().len());
            around.max().filter(|_| !root.gone)
        };
        let found = self.all.iter().enumerate().filter_map(|(number, root)| Some((around(root)?, number)));
        // Of equals the first.
        let found = found.max_by_key(|(length, number)| (*length, std::cmp::Reverse(*number)));
        found.map(|it| it.1).or_else(|| self.first())
    }

    /// Says where a message of the editor goes, and what is sent there.
    pub fn goes(&mut self, body: &[u8]) -> Goes {
        // What can't be read is the first one's to refuse.
        let Ok(mut message @ Value::Object(_)) = serde_json::from_slice::<Value>(body) else {
            return self.first().map_or_else(|| no_folder(None, body), |root| Goes::To(root, body.to_vec()));
        };
        let Some(method) = message["method"].as_str().map(ToOwned::to_owned) else {
            return self.answer_goes(message, body);
        };
        if TO_ALL.contains(&method.as_str()) {
            return Goes::All(body.to_vec());
        }
        let to = match method.as_str() {
            "$/cancelRequest" => {
                self.pending.get(&message["params"]["id"].to_string()).copied().or_else(|| self.first())
            }
            "window/workDoneProgress/cancel" => match message["params"]["token"].as_str().and_then(unmarked) {
                Some((root, token)) => {
                    message["params"]["token"] = token;
                    Some(root)
                }
                None => Some(0),
            },
            _ => {
                let argument = if method == "workspace/executeCommand" { "/params/arguments/0" } else { "/params" };
                let said =
                    message.pointer_mut(argument).and_then(Value::as_object_mut).and_then(|it| it.remove("root"));
                let of_file = |it: &Value| {
                    let uri = ["/textDocument/uri", "/uri"].iter().find_map(|at| it.pointer(at)?.as_str());
                    uri.map_or_else(|| self.first(), |uri| self.of_file(uri))
                };
                match said.as_ref().and_then(Value::as_str) {
                    Some(uri) => match self.named(uri) {
                        Some(root) => Some(root),
                        None => return self.no_root(&message, uri, body),
                    },
                    None => message.pointer(argument).map_or_else(|| self.first(), of_file),
                }
            }
        };
        let Some(to) = to.filter(|it| self.is_there(*it)) else { return no_folder(message.get("id"), body) };
        if to > 0
            && let Some(id) = message.get("id")
        {
            self.pending.insert(id.to_string(), to);
        }
        Goes::To(to, message.to_string().into_bytes())
    }

    /// Says where an answer of the editor goes: to the root whose request it answers.
    fn answer_goes(&self, mut message: Value, body: &[u8]) -> Goes {
        let (root, body) = match message["id"].as_str().and_then(unmarked) {
            Some((root, id)) => {
                message["id"] = id;
                (root, message.to_string().into_bytes())
            }
            None => (0, body.to_vec()),
        };
        if message["id"] == OWN || !self.is_there(root) { Goes::Nowhere(None) } else { Goes::To(root, body) }
    }

    fn no_root(&self, message: &Value, uri: &str, body: &[u8]) -> Goes {
        let known: Vec<&str> = self.all.iter().filter(|it| !it.gone).map(Root::uri).collect();
        let why = format!("{uri} is no folder of this session; `root` is one of {}", known.join(", "));
        Goes::Nowhere(message.get("id").map(|_| refusal(body, &why)))
    }

    /// Returns what the editor is given of a message from a root; `None` where it is the proxy's own matter, or that of a
    /// root that is gone.
    pub fn comes(&mut self, root: usize, body: Vec<u8>) -> Option<Vec<u8>> {
        if self.is_plain() && root == 0 {
            let head = serde_json::from_slice::<Head>(&body).unwrap_or_default();
            return match head.method.as_deref() {
                None if head.id.is_some_and(|it| it == OWN) => None,
                Some(method) if left::is_kept(method) => {
                    self.left.take(root, method, &serde_json::from_slice(&body).unwrap_or_default());
                    Some(body)
                }
                _ => Some(body),
            };
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
            let uri = self.all.get(root).map_or("", Root::uri);
            if let Some(result) = message.get_mut("result") {
                with_root(result, uri);
            }
            return Some(message.to_string().into_bytes());
        }
        // A hub that was just let go may not have heard of it. What it was asked it answers; nothing else is anybody's.
        if !self.is_there(root) {
            return None;
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
            "$/cancelRequest" if root > 0 => {
                if let Some(id) = message.pointer_mut("/params/id") {
                    *id = marked(root, id);
                }
            }
            "window/showMessage" | "window/showMessageRequest" if self.are_several() => {
                if let Some(words) = message.pointer_mut("/params/message") {
                    *words = json!(format!("[{}] {}", self.name(root), words.as_str().unwrap_or_default()));
                }
            }
            _ if method.starts_with("callboard/") => {
                if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
                    params.insert("root".to_owned(), json!(self.all.get(root).map(Root::uri)));
                }
            }
            _ => {}
        }
        self.left.take(root, &method, &message);
        Some(message.to_string().into_bytes())
    }
}

/// What is read of a message that is passed on as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    method: Option<String>,
    id: Option<Value>,
}

fn same(a: &str, b: &str) -> bool {
    a.trim_end_matches('/') == b.trim_end_matches('/')
}

/// Answers what no root is there for.
fn no_folder(id: Option<&Value>, body: &[u8]) -> Goes {
    Goes::Nowhere(id.map(|_| refusal(body, "the folder is no longer open; open one and ask there")))
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
        roots.add(open("file:///w/one", "/w/one"), vec!["/state/one".into()]);
        roots.add(open("file:///w/two/", "/w/two"), vec!["/state/two".into()]);
        roots.add(open("file:///w/one/inner", "/w/one/inner"), Vec::new());
        roots
    }

    fn open(uri: &str, path: &str) -> OpenFolder {
        OpenFolder { uri: uri.to_owned(), path: path.into() }
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
        assert_eq!(roots.narrow(1, "file:///w/two"), Some(Vec::new()));
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
        roots.add(open("file:///w/one", "/w/one"), Vec::new());
        assert!(roots.is_plain());
        let body = br#"{ "odd":  "spacing", "method": "window/showMessage" }"#.to_vec();
        assert_eq!(roots.comes(0, body.clone()), Some(body));
        let own = json!({ "jsonrpc": "2.0", "id": OWN, "result": {} });
        assert_eq!(roots.comes(0, own.to_string().into_bytes()), None, "the proxy asked");
    }

    #[test]
    fn the_first_root_goes_as_any_other_and_the_next_one_is_asked_what_names_none() {
        let mut roots = roots();
        assert_eq!(roots.narrow(0, "file:///w/one"), Some(Vec::new()));
        assert_eq!(to(&mut roots, "callboard/inbox", &json!({})).0, 1);
        assert_eq!(to(&mut roots, "textDocument/hover", &json!({ "textDocument": { "uri": "file:///w/one/a" } })).0, 1);
        assert_eq!(roots.goes(b"{"), Goes::To(1, b"{".to_vec()));
        // What its hub was asked it may still answer; what it says unasked is nobody's, and so is what it is answered.
        let message =
            json!({ "jsonrpc": "2.0", "method": "window/showMessage", "params": { "type": 3, "message": "x" } });
        assert_eq!(roots.comes(0, message.to_string().into_bytes()), None);
        assert!(roots.comes(0, br#"{"jsonrpc":"2.0","id":9,"result":null}"#.to_vec()).is_some());
        assert_eq!(roots.goes(br#"{"jsonrpc":"2.0","id":0,"result":null}"#), Goes::Nowhere(None));

        assert_eq!(roots.narrow(2, "file:///w/one/inner/"), Some(Vec::new()));
        assert_eq!(came(&mut roots, 1, &message)["params"]["message"], "x", "one that is alone needs no name");
        assert_eq!(roots.narrow(1, "file:///w/two"), Some(Vec::new()));
        let Goes::Nowhere(Some(answer)) = roots.goes(&request("callboard/inbox", &json!({}))) else {
            panic!("it went")
        };
        assert!(String::from_utf8(answer).unwrap().contains("no longer open"));
        let again = roots.add(open("file:///w/one", "/w/one"), Vec::new());
        assert_eq!((again, to(&mut roots, "callboard/inbox", &json!({})).0), (3, 3));
    }

    #[test]
    fn a_root_stays_as_long_as_one_of_its_folders_is_open() {
        let mut roots = roots();
        roots.widen(0, open("file:///w/one/part", "/w/one/part"));
        assert_eq!(roots.around("file:///w/one/part/"), Some(0));
        assert_eq!(roots.narrow(0, "file:///w/one"), None);
        assert_eq!((roots.named("file:///w/one/part"), roots.named("file:///w/one")), (Some(0), None));
        assert_eq!(roots.narrow(0, "file:///w/one/part"), Some(Vec::new()));
        assert_eq!(roots.around("file:///w/one/part"), None);
    }

    #[test]
    fn what_a_root_has_shown_goes_with_it() {
        let mut roots = Roots::default();
        roots.add(open("file:///w/one", "/w/one"), Vec::new());
        let publish = |uri: &str, what: &Value| json!({ "jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": { "uri": uri, "diagnostics": what } });
        came(&mut roots, 0, &publish("file:///w/one/a", &json!([{}])));
        came(&mut roots, 0, &publish("file:///w/one/b", &json!([{}])));
        came(&mut roots, 0, &publish("file:///w/one/b", &json!([])));
        roots.add(open("file:///w/two", "/w/two"), Vec::new());
        came(&mut roots, 1, &publish("file:///w/two/a", &json!([{}])));
        let progress = |kind: &str| json!({ "jsonrpc": "2.0", "method": "$/progress", "params": { "token": "t", "value": { "kind": kind } } });
        let token = came(&mut roots, 1, &progress("begin"))["params"]["token"].clone();
        came(&mut roots, 0, &progress("begin"));
        came(&mut roots, 0, &progress("end"));
        let told = |told: Option<Vec<Vec<u8>>>| -> Vec<Value> {
            told.unwrap().iter().map(|it| serde_json::from_slice(it).unwrap()).collect()
        };
        assert_eq!(told(roots.narrow(0, "file:///w/one")), [publish("file:///w/one/a", &json!([]))]);
        let end = json!({ "jsonrpc": "2.0", "method": "$/progress", "params": { "token": token, "value": { "kind": "end" } } });
        assert_eq!(told(roots.narrow(1, "file:///w/two")), [publish("file:///w/two/a", &json!([])), end]);
    }
}
