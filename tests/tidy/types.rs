//! The types of the wire for the editors' plugins, made from the schemas of `server/src/protocol.rs`.
//!
//! The test writes what would be there and complains where something else is; with `CALLBOARD_WRITE_TYPES=1` it puts it there.
//! Every method is in the table below: one without its types fails.

#[path = "types/lua.rs"]
mod lua;
#[path = "types/shape.rs"]
mod shape;
#[path = "types/typescript.rs"]
mod typescript;

use std::{collections::BTreeMap, fs};

use callboard::{ask::Rule, finding::Finding, protocol::*};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};

use self::shape::{Definition, Shape};
use crate::tree::{File, root};

/// What there is to be written down.
pub struct Wire {
    /// The types by name.
    pub types: BTreeMap<String, Definition>,
    /// Each request with what it takes and what it gives.
    pub requests: Vec<(String, Shape, Shape)>,
    /// Each request from the server with what it asks and what it is answered.
    pub asked: Vec<(String, Shape, Shape)>,
    /// Each notification from the server with what it brings.
    pub notifications: Vec<(String, Shape)>,
}

struct Table {
    /// What a client sends: what has a default may be left out.
    taken: SchemaGenerator,
    /// What it is sent: all that is not left out is there.
    given: SchemaGenerator,
    requests: Vec<(String, Shape, Shape)>,
    asked: Vec<(String, Shape, Shape)>,
    notifications: Vec<(String, Shape)>,
}

impl Table {
    fn request<P: JsonSchema, R: JsonSchema>(&mut self, method: &str) {
        let params = Shape::of(self.taken.subschema_for::<P>().as_value());
        let result = Shape::of(self.given.subschema_for::<R>().as_value());
        self.requests.push((method.to_owned(), params, result));
    }

    fn asked<P: JsonSchema, R: JsonSchema>(&mut self, method: &str) {
        let params = Shape::of(self.given.subschema_for::<P>().as_value());
        let result = Shape::of(self.taken.subschema_for::<R>().as_value());
        self.asked.push((method.to_owned(), params, result));
    }

    fn notification<P: JsonSchema>(&mut self, method: &str) {
        let params = Shape::of(self.given.subschema_for::<P>().as_value());
        self.notifications.push((method.to_owned(), params));
    }
}

/// A plan is shown as it is; its form follows the workflow language.
#[derive(JsonSchema)]
#[schemars(transparent)]
struct Plan(#[allow(dead_code, reason = "only its schema is used")] BTreeMap<String, serde_json::Value>);

/// Returns the whole wire.
pub fn wire() -> Wire {
    let settings = SchemaSettings::draft2020_12();
    let mut table = Table {
        taken: settings.clone().for_deserialize().into_generator(),
        given: settings.for_serialize().into_generator(),
        requests: Vec::new(),
        asked: Vec::new(),
        notifications: Vec::new(),
    };
    every_method(&mut table);
    table.taken.subschema_for::<ClientOptions>();
    table.given.subschema_for::<ServerOffer>();
    table.given.subschema_for::<ErrorData>();
    let (mut taken, mut given) = (table.taken, table.given);
    let of = |(name, schema): (String, serde_json::Value)| (name, Definition::of(&schema));
    let mut types: BTreeMap<_, _> = taken.take_definitions(true).into_iter().map(of).collect();
    // A type that is both given and taken is written as it is given: taking it needs no more than that. And what may be left
    // out is left out there, never null.
    types.extend(given.take_definitions(true).into_iter().map(of).map(|(name, it)| (name, it.without_nulls())));
    Wire { types, requests: table.requests, asked: table.asked, notifications: table.notifications }
}

#[rustfmt::skip]
fn every_method(it: &mut Table) {
    it.request::<PostParams, Posted>(method::POST);
    it.request::<CreateChannelParams, Changed>(method::CREATE_CHANNEL);
    it.request::<Nothing, Vec<ChannelView>>(method::CHANNELS);
    it.request::<MessagesParams, MessagesResult>(method::MESSAGES);
    it.request::<WithdrawParams, Changed>(method::WITHDRAW);
    it.request::<SentParams, Vec<TurnView>>(method::SENT);
    it.request::<CompleteParams, CompleteResult>(method::COMPLETE);
    it.request::<RunParams, Started>(method::RUN);
    it.request::<RunsParams, Vec<RunView>>(method::RUNS);
    it.request::<TurnsParams, Vec<RunTurn>>(method::TURNS);
    it.request::<PlanParams, Plan>(method::PLAN);
    it.request::<HistoryParams, RunHistory>(method::HISTORY);
    it.request::<PlanTextParams, PlanText>(method::PLAN_TEXT);
    it.request::<EditPlanParams, EditPlanResult>(method::EDIT_PLAN);
    it.request::<Nothing, Vec<WorkflowView>>(method::WORKFLOWS);
    it.request::<InboxParams, Vec<PauseView>>(method::INBOX);
    it.request::<DecideParams, Changed>(method::DECIDE);
    it.request::<PermissionsParams, Vec<Rule>>(method::PERMISSIONS);
    it.request::<RevokePermissionParams, Changed>(method::REVOKE_PERMISSION);
    it.request::<HoldParams, Changed>(method::PAUSE);
    it.request::<ReleaseParams, Changed>(method::RESUME);
    it.request::<CancelParams, Changed>(method::CANCEL);
    it.request::<DiffParams, DiffResult>(method::DIFF);
    it.request::<UndoParams, UndoResult>(method::UNDO);
    it.request::<Nothing, WorktreesResult>(method::WORKTREES);
    it.request::<RemoveWorktreeParams, Changed>(method::REMOVE_WORKTREE);
    it.request::<Nothing, Vec<AgentView>>(method::AGENTS);
    it.request::<TakeOverParams, Changed>(method::TAKE_OVER);
    it.request::<HandBackParams, Changed>(method::HAND_BACK);
    it.request::<ForkParams, Forked>(method::FORK);
    it.request::<FindingsParams, Vec<Finding>>(method::FINDINGS);
    it.request::<SettleFindingParams, Changed>(method::SETTLE_FINDING);
    it.request::<WatchTerminalParams, WatchTerminalResult>(method::WATCH_TERMINAL);
    it.request::<UnwatchTerminalParams, Nothing>(method::UNWATCH_TERMINAL);
    it.request::<TerminalInputParams, Nothing>(method::TERMINAL_INPUT);
    it.request::<TerminalResizeParams, TerminalSize>(method::TERMINAL_RESIZE);
    it.request::<TerminalScrollbackParams, TerminalScrollback>(method::TERMINAL_SCROLLBACK);
    it.request::<SubscribeParams, Changed>(method::SUBSCRIBE);
    it.request::<Nothing, ReloadResult>(method::RELOAD);
    it.request::<TrustParams, TrustResult>(method::TRUST);
    it.request::<Nothing, HubStatus>(method::HUB_STATUS);
    it.request::<Nothing, Changed>(method::STOP_HUB);
    it.asked::<SaveBuffersParams, SaveBuffersResult>(method::SAVE_BUFFERS);
    it.notification::<Feed>(method::FEED);
    it.notification::<TerminalFrame>(method::TERMINAL_FRAME);
}

/// The files, by path, as they must be.
fn files() -> [(&'static str, String); 2] {
    let wire = wire();
    [
        ("editors/vscode/src/protocol.ts", typescript::write(&wire)),
        ("editors/nvim/lua/callboard/types.lua", lua::write(&wire)),
    ]
}

/// The committed types are those of the protocol.
pub fn generated(repository: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (path, text) in files() {
        let there = repository.iter().find(|file| file.path == path).map(|file| file.text.as_str());
        if there == Some(text.as_str()) {
            continue;
        }
        if std::env::var_os("CALLBOARD_WRITE_TYPES").is_some() {
            let path = root().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("the folder of the types");
            fs::write(&path, text).expect("the types are written");
        } else {
            complaints.push(format!(
                "{path}: not what server/src/protocol.rs says; write it by `CALLBOARD_WRITE_TYPES=1 cargo test --test tidy types`"
            ));
        }
    }
    complaints
}

/// The lists of methods, the constants and the table of types name the same.
pub fn complete(repository: &[File]) -> Vec<String> {
    let source = repository.iter().find(|file| file.path == "server/src/protocol.rs").map_or("", |file| &file.text);
    let constant = regex::Regex::new(r#"const \w+: &str = "(callboard/\w+)""#).expect("a rule that compiles");
    let wire = wire();
    let typed: Vec<&str> = wire.requests.iter().map(|it| it.0.as_str()).collect();
    let told = wire.notifications.iter().map(|it| it.0.as_str());
    let told: Vec<&str> = told.chain(wire.asked.iter().map(|it| it.0.as_str())).collect();
    let mut complaints = Vec::new();
    for found in constant.captures_iter(source) {
        let name = found.get(1).expect("a name").as_str();
        let lists = [method::REQUESTS, method::ASKED, method::NOTIFICATIONS];
        if !lists.iter().any(|it| it.contains(&name)) {
            complaints
                .push(format!("server/src/protocol.rs: {name} is in none of REQUESTS, ASKED, NOTIFICATIONS; add it"));
        }
    }
    for name in method::REQUESTS.iter().filter(|it| !typed.contains(it)) {
        complaints.push(format!("tests/tidy/types.rs: {name} has no line in every_method; add it with its types"));
    }
    for name in method::NOTIFICATIONS.iter().chain(method::ASKED).filter(|it| !told.contains(it)) {
        complaints.push(format!("tests/tidy/types.rs: {name} has no line in every_method; add it with its type"));
    }
    for (_, name) in typed.iter().enumerate().filter(|(at, name)| typed[..*at].contains(name)) {
        complaints.push(format!("tests/tidy/types.rs: {name} is in every_method twice; take one out"));
    }
    complaints
}
