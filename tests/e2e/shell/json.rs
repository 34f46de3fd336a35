//! `--json`: one object a line, of a stable shape.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{at_the_gate, world};
use crate::support::{Ran, World};

/// Returns the shape of what a command printed: every object's keys with the kind of their values, one object a line, the
/// same ones once. Ids and words of a fixed set stay, since they are part of the promise; times, hashes and texts do not.
fn shape(ran: &Ran) -> String {
    let mut lines: Vec<String> = Vec::new();
    for value in ran.json() {
        assert!(value.is_object(), "not an object: {value}");
        let line = kind(&value, "");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Words of a fixed set: what a program branches on.
const WORDS: [&str; 10] = ["item", "status", "kind", "code", "decision", "severity", "verdict", "is", "hub", "trust"];

fn kind(value: &Value, key: &str) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "bool".to_owned(),
        Value::Number(_) => "number".to_owned(),
        Value::String(text) if WORDS.contains(&key) => text.clone(),
        Value::String(_) => "text".to_owned(),
        Value::Array(all) => {
            let mut kinds: Vec<_> = all.iter().map(|it| kind(it, "")).collect();
            kinds.dedup();
            format!("[{}]", kinds.join(" | "))
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            let parts: Vec<_> = sorted.iter().map(|(key, value)| format!("{key}: {}", kind(value, key))).collect();
            format!("{{{}}}", parts.join(", "))
        }
    }
}

fn of(world: &World, args: &[&str], code: i32) -> String {
    let mut all = args.to_vec();
    all.push("--json");
    let ran = world.callboard(&all).code(code, &args.join(" "));
    assert_eq!(ran.stderr, "", "{args:?} --json wrote to stderr");
    shape(&ran)
}

#[test]
fn lists_and_answers_for_programs() {
    let world = world();
    at_the_gate(&world);
    world.callboard(&["channel", "post", "@echo hello", "--wait"]).ok("a message");
    insta::assert_snapshot!(of(&world, &["runs"], 0), @"{by: text, changedFiles: number, channel: text, hash: text, id: text, inputs: {path: text}, rev: number, roles: {}, started: number, status: waiting, steps: [{agent: text, attempt: number, depth: number, ended: number, id: text, result: {findings: [{place: {column: number, line: number, path: text}, severity: warning, text: text} | {place: {column: number, line: number, path: text}, severity: error, text: text}], kind: review, summary: text, verdict: changes_requested}, round: number, started: number, status: done, title: text, turn: text} | {attempt: number, depth: number, id: text, pause: text, round: number, started: number, status: paused, title: text} | {attempt: number, depth: number, id: text, round: number, status: waiting, title: text}], thread: text, title: text, turns: number, usage: {}, workflow: text}");
    insta::assert_snapshot!(of(&world, &["show", "r1"], 0), @"{findings: [{contested: bool, id: text, message: text, place: {column: number, line: number, path: text}, rev: number, run: text, severity: warning, sources: [text], state: {is: open}, text: text} | {contested: bool, id: text, message: text, place: {column: number, line: number, path: text}, rev: number, run: text, severity: error, sources: [text], state: {is: open}, text: text}], history: {forgotten: number, rev: number, steps: []}, pauses: [{channel: text, decisions: [text], document: text, hash: text, id: text, kind: step, opened: number, rev: number, run: text, step: text, title: text}], run: {by: text, changedFiles: number, channel: text, hash: text, id: text, inputs: {path: text}, rev: number, roles: {}, started: number, status: waiting, steps: [{agent: text, attempt: number, depth: number, ended: number, id: text, result: {findings: [{place: {column: number, line: number, path: text}, severity: warning, text: text} | {place: {column: number, line: number, path: text}, severity: error, text: text}], kind: review, summary: text, verdict: changes_requested}, round: number, started: number, status: done, title: text, turn: text} | {attempt: number, depth: number, id: text, pause: text, round: number, started: number, status: paused, title: text} | {attempt: number, depth: number, id: text, round: number, status: waiting, title: text}], thread: text, title: text, turns: number, usage: {}, workflow: text}}");
    insta::assert_snapshot!(of(&world, &["inbox"], 0), @"{channel: text, decisions: [text], document: text, hash: text, id: text, kind: step, opened: number, rev: number, run: text, step: text, title: text}");
    insta::assert_snapshot!(of(&world, &["findings"], 0), @r#"
    {contested: bool, id: text, message: text, place: {column: number, line: number, path: text}, rev: number, run: text, severity: warning, sources: [text], state: {is: open}, text: text}
    {contested: bool, id: text, message: text, place: {column: number, line: number, path: text}, rev: number, run: text, severity: error, sources: [text], state: {is: open}, text: text}
    "#);
    insta::assert_snapshot!(of(&world, &["channel", "list"], 0), @"{messages: number, name: text, rev: number, usage: {}}");
    insta::assert_snapshot!(of(&world, &["channel", "show", "-n", "2"], 0), @r#"
    {at: number, author: {is: person, name: text}, channel: text, deliveries: [{agent: text, state: {is: answered, message: text}, turn: text}], hops: number, id: text, rev: number, text: text}
    {about: {turn: text}, at: number, author: {is: agent, name: text}, channel: text, hops: number, id: text, rev: number, text: text, thread: text}
    "#);
    insta::assert_snapshot!(of(&world, &["channel", "post", "a note"], 0), @"{message: text, rev: number}");
    insta::assert_snapshot!(of(&world, &["channel", "new", "side"], 0), @"{rev: number}");
    insta::assert_snapshot!(of(&world, &["pause"], 0), @"{rev: number}");
    insta::assert_snapshot!(of(&world, &["resume"], 0), @"{rev: number}");
    insta::assert_snapshot!(of(&world, &["findings", "accept", "f1"], 0), @"{rev: number}");
    insta::assert_snapshot!(of(&world, &["decide", "p1", "approve"], 0), @"{rev: number}");
    insta::assert_snapshot!(of(&world, &["decide", "p1", "approve"], 1), @"{error: {code: already_answered, help: [], message: text}}");
    insta::assert_snapshot!(of(&world, &["inbox", "--all"], 0), @"{answered: {at: number, by: text, decision: {decision: approve}, hash: text}, channel: text, decisions: [text], document: text, hash: text, id: text, kind: step, opened: number, rev: number, run: text, step: text, title: text}");
    insta::assert_snapshot!(of(&world, &["hub", "status"], 0), @"{clients: number, inProcess: bool, liveRuns: number, pid: number, protocol: number, rev: number, started: number, trusted: bool, version: text, workspace: text}");
    insta::assert_snapshot!(of(&world, &["hub", "stop"], 0), @"{hub: stopped}");
}

#[test]
fn what_needs_no_hub_for_programs() {
    let world = world();
    insta::assert_snapshot!(of(&world, &["workflows", "list"], 0), @r#"
    {broken: bool, category: text, name: text, source: {from: text}, title: text}
    {broken: bool, category: text, name: text, source: {from: text, path: text}, title: text}
    "#);
    insta::assert_snapshot!(of(&world, &["trust", "--show"], 0), @"{report: {digest: text, files: [], readByAgents: [], root: text, would: [text]}, status: trusted}");
    insta::assert_snapshot!(of(&world, &["hub", "status"], 0), @"{hub: none}");
    insta::assert_snapshot!(of(&world, &["hub", "stop"], 0), @"{hub: none}");
    insta::assert_snapshot!(of(&world, &["show", "x"], 2), @"{error: {code: usage, help: [text], message: text}}");
    for args in [&["doctor"][..], &["agents"], &["workflows", "show", "gate"]] {
        // What is in them differs from one machine to the next.
        assert!(!of(&world, args, 0).is_empty(), "{args:?} says nothing");
    }
}

#[test]
fn a_run_for_programs_is_a_feed_with_a_beginning_and_an_end() {
    let world = world();
    let items = |ran: &Ran| -> Vec<String> {
        ran.json().iter().map(|it| it["item"].as_str().expect("every line has its item").to_owned()).collect()
    };
    let ran = world.callboard(&["run", "gate", "--json"]).code(3, "a run at a pause");
    let all = items(&ran);
    assert_eq!((all.first().map(String::as_str), all.last().map(String::as_str)), (Some("started"), Some("waiting")));
    let last = ran.json().pop().expect("a last line");
    assert_eq!((&last["pauses"][0], &last["exit"]), (&Value::from("p1"), &Value::from(3)));
    let ran = world.callboard(&["run", "gate", "--yes", "--json"]).ok("a run under --yes");
    let all = items(&ran);
    assert!(all.iter().any(|it| it == "decided"), "{all:?}");
    let last = ran.json().pop().expect("a last line");
    insta::assert_snapshot!(kind(&last, ""), @"{exit: number, item: ended, run: text, status: done}");
    for item in ["run", "pause", "finding", "message", "agent"] {
        assert!(all.iter().any(|it| it == item), "no {item} in {all:?}");
    }
}
