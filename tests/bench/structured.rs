//! Figures of the structured drivers: what Callboard itself takes of a turn whose agent speaks by lines, and answers at once.
//!
//! The agents are this program (`--as=speaks`), twenty of them a protocol, with the real hub and its journal between. A real
//! CLI's own time comes on top, so what is measured is the share that is ours.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::Receiver,
    time::Duration,
};

use callboard::protocol::{Item, PostParams, Posted, SubscribeParams, method};
use serde_json::{Value, json};

use crate::{
    Bench,
    agent::{LIMIT, now, open, stamp, stamps},
    clients::connect,
    measure::{Measured, Unit, millis},
    pty::{between, myself},
    report::Row,
    support::{World, wait::poll},
};

/// How many agents there are at once.
const AGENTS: usize = 20;

/// The drivers, each with what its profile says beside the command.
const DRIVERS: [(&str, &str); 3] =
    [("stream-json", "stream: {arguments: [--print], read: [--read]}\n"), ("app-server", ""), ("acp", "")];

/// Hand-offs between two resident agents of each protocol, by a workflow.
pub fn hand_off(bench: &Bench) -> Vec<Row> {
    let steps = if bench.quick { 20 } else { 100 };
    let row = |(driver, rest): &(&str, &str)| {
        let what = format!("an agent's turn ends → the next agent's first prompt byte, {driver}, durable");
        let reach = "median ≤ 2 × floor, worst 5 % ≤ 1.5 ms";
        Row::figure(what, taking_turns(bench, driver, rest, steps), reach)
            .on("2 resident agents", bench.floor("hand-off"))
    };
    DRIVERS.iter().map(row).collect()
}

/// Callboard's share of a cold start and of a warm turn, with twenty agents of each protocol.
pub fn share(bench: &Bench) -> Vec<Row> {
    let rows = |(driver, rest): &(&str, &str)| {
        let (cold, warm) = match turns(bench, driver, rest) {
            Ok((cold, warm)) => (Ok(cold), Ok(warm)),
            Err(why) => (Err(why.clone()), Err(why)),
        };
        [
            Row::figure(
                format!("{AGENTS} agents, {driver}: post → first prompt byte, its program started for it"),
                cold,
                "≤ 20 ms + spawn",
            )
            .on("spawn", bench.floor("spawn")),
            Row::figure(
                format!(
                    "{AGENTS} agents, {driver}: a warm turn's post → first prompt byte, and its end → shown to a client"
                ),
                warm,
                "≤ 5 ms",
            )
            .on("pipe", bench.floor("pipe")),
        ]
    };
    DRIVERS.iter().flat_map(rows).collect()
}

fn profile(world: &World, name: &str, driver: &str, rest: &str, log: &Path) -> Result<(), String> {
    let quoted = |it: &Path| format!("{:?}", it.to_string_lossy());
    let command = format!("[{}, --as=speaks, {driver}, {}]", quoted(&myself()?), quoted(log));
    let head = format!("name: {name}\ntitle: An agent of the benchmark\ndriver: {driver}\ncommand: {command}\n");
    world.profile(name, &format!("{head}access: write\ngood-for: [bench]\n{rest}"));
    Ok(())
}

fn taking_turns(bench: &Bench, driver: &str, rest: &str, steps: usize) -> Result<Measured, String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let logs = ["a", "b"].map(|it| bench.file(&format!("speaks-{driver}-{it}.log")));
    for (name, log) in ["hand-a", "hand-b"].iter().zip(&logs) {
        profile(&world, name, driver, rest, log)?;
    }
    let mut yaml = String::from(
        "title: Relay\ncategory: ops\nlimits: {turns: 1000}\nroles:\n  one: {prefer: [hand-a], good-for: bench}\n  \
         two: {prefer: [hand-b], good-for: bench}\nsteps:\n",
    );
    for number in 0..steps {
        let needs = if number == 0 { String::new() } else { format!("    needs: [s{}]\n", number - 1) };
        let role = if number % 2 == 0 { "one" } else { "two" };
        let _ = write!(yaml, "  - id: s{number}\n{needs}    role: {role}\n    prompt: go\n");
    }
    world.workflow("relay", &yaml);
    let ran = world.callboard(&["run", "relay", "--yes", "--json"]);
    if ran.code != Some(0) {
        return Err(format!("`callboard run relay` ended with {:?}: {}{}", ran.code, ran.stdout, ran.stderr));
    }
    let there = between(&stamps(&logs[0], "end")?, &stamps(&logs[1], "first")?)?;
    world.callboard(&["hub", "stop"]);
    // The first turns start the programs; the rest are hand-offs between resident agents.
    if there.n < steps / 2 - 2 {
        return Err(format!("only {} of {} hand-offs were seen", there.n, steps / 2));
    }
    Ok(there)
}

/// Returns the cold starts and the warm turns.
fn turns(bench: &Bench, driver: &str, rest: &str) -> Result<(Measured, Measured), String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let logs: Vec<PathBuf> = (0..AGENTS).map(|it| bench.file(&format!("share-{driver}-{it}.log"))).collect();
    for (number, log) in logs.iter().enumerate() {
        profile(&world, &format!("b{number}"), driver, rest, log)?;
    }
    // The program starts its hub; a client in this process would take the benchmark for the program.
    let ran = world.callboard(&["agents"]);
    if ran.code != Some(0) {
        return Err(format!("`callboard agents` ended with {:?}: {}", ran.code, ran.stderr));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let measured = runtime.map_err(|error| error.to_string())?.block_on(asked(bench, &world, &logs));
    world.callboard(&["hub", "stop"]);
    poll(LIMIT, || world.hub_pid().is_none().then_some(())).ok_or("the hub did not stop")?;
    measured
}

async fn asked(bench: &Bench, world: &World, logs: &[PathBuf]) -> Result<(Measured, Measured), String> {
    let client = connect(world).await?;
    let (sender, shown) = std::sync::mpsc::channel();
    let mut feed = client.feed();
    client.subscribe(SubscribeParams::default()).await.map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        let mut known = BTreeSet::new();
        while let Some(news) = feed.recv().await {
            let at = now();
            for item in news.items {
                if let Item::Message(it) = item
                    && it.text.starts_with("spoken ")
                    && known.insert(it.id)
                    && sender.send((it.text.clone(), at)).is_err()
                {
                    return;
                }
            }
        }
    });
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for number in 0..AGENTS + bench.samples(400) {
        let log = &logs[number % AGENTS];
        let before = if number < AGENTS { 0 } else { stamps(log, "first")?.len() };
        let posted_at = now();
        let params = PostParams { text: format!("@b{} go", number % AGENTS), ..PostParams::default() };
        let _posted: Posted = client.request(method::POST, params).await.map_err(|error| error.to_string())?;
        let shown_at = answer(&shown)?;
        // The stamp is written after the answer: it is there once the agent is asked again, or in a moment.
        let one = |kind: &str| poll(LIMIT, || stamps(log, kind).ok()?.get(before).copied());
        let (Some(first), Some(end)) = (one("first"), one("end")) else { return Err("a stamp is missing".to_owned()) };
        let taken = |from: i128, to: i128| millis(Duration::from_nanos(u64::try_from(to - from).unwrap_or(0)));
        if number < AGENTS {
            cold.push(taken(posted_at, first));
        } else {
            warm.push(taken(posted_at, first) + taken(end, shown_at));
        }
    }
    client.close().await;
    Ok((Measured::of(cold, Unit::Millis)?, Measured::of(warm, Unit::Millis)?))
}

/// Waits until an answer is shown, and returns when it was.
fn answer(shown: &Receiver<(String, i128)>) -> Result<i128, String> {
    shown.recv_timeout(LIMIT).map(|it| it.1).map_err(|_| "no answer was shown".to_owned())
}

/// The agent of these figures: speaks a protocol, and answers each prompt at once.
pub fn play(driver: &str, log: &Path) -> Result<(), String> {
    let mut log = open(log)?;
    let mut count = 0_u64;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| error.to_string())?;
        let at = now();
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        let id = &message["id"];
        let said = match (driver, message["method"].as_str().or(message["type"].as_str()).unwrap_or_default()) {
            ("stream-json", "user") => {
                count += 1;
                let text = format!("spoken {count}");
                vec![
                    json!({ "type": "system", "subtype": "init", "session_id": "s" }),
                    json!({ "type": "result", "subtype": "success", "is_error": false, "result": text, "session_id": "s" }),
                ]
            }
            ("app-server", "turn/start") => {
                count += 1;
                let item = json!({ "id": "i", "type": "agentMessage", "text": format!("spoken {count}") });
                let turn = json!({ "id": format!("u{count}"), "status": "completed", "error": null });
                vec![
                    json!({ "id": id, "result": { "turn": { "id": format!("u{count}") } } }),
                    json!({ "method": "item/completed", "params": { "item": item } }),
                    json!({ "method": "turn/completed", "params": { "turn": turn } }),
                ]
            }
            ("acp", "session/prompt") => {
                count += 1;
                let chunk = json!({ "type": "text", "text": format!("spoken {count}") });
                let update = json!({ "sessionUpdate": "agent_message_chunk", "content": chunk });
                vec![
                    json!({ "jsonrpc": "2.0", "method": "session/update", "params": { "sessionId": "s", "update": update } }),
                    json!({ "jsonrpc": "2.0", "id": id, "result": { "stopReason": "end_turn" } }),
                ]
            }
            (_, "initialize") => {
                say(&[json!({ "id": id, "result": { "protocolVersion": 1, "agentCapabilities": {} } })])?;
                continue;
            }
            (_, "thread/start" | "session/new") => {
                say(&[json!({ "id": id, "result": { "sessionId": "s", "thread": { "id": "s" } } })])?;
                continue;
            }
            _ => continue,
        };
        let end = now();
        say(&said)?;
        stamp(&mut log, &format!("first {at}\nend {end}\n"))?;
    }
    Ok(())
}

fn say(messages: &[Value]) -> Result<(), String> {
    let text: String = messages.iter().map(|it| format!("{it}\n")).collect();
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())
}
