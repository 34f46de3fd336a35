//! What an editor waits for while everything is busy: twenty agents print on their terminals, twenty clients listen, and somebody
//! types. Over the real language server's standard streams, the proxy included.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

use callboard::{client::Client, protocol::SubscribeParams};
use serde_json::json;

use crate::{
    Bench,
    clients::connect,
    fanout::CLIENTS,
    measure::{Measured, Unit, millis},
    report::Row,
    support::{
        World,
        editor::{Editor, uri},
        wait::poll,
    },
};

/// How many agents print.
const AGENTS: usize = 20;

/// Prints some 400 lines a second until it is told to stop.
const PRINTER: &str = "#!/bin/sh\necho at work >>\"$HOME/printing\"\nwhile [ ! -e \"$HOME/stop\" ]; do\n  for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo \"line $n of what an agent says while it works\"; done\n  sleep 0.05\ndone\nprintf '%s' '{\"kind\":\"text\",\"text\":\"done\"}' >\"$CALLBOARD_RESULT\"\n";

const WORKFLOW: &str = "title: Look\ninputs:\n  path: { type: path }\nroles:\n  reviewer: { prefer: [claude] }\nsteps:\n  - id: review\n    role: reviewer\n    prompt: |\n      Look at {{ inputs. }}\n";

/// Code actions, completion and typing while all is busy.
pub fn busy(bench: &Bench) -> Vec<Row> {
    let taken = catch_unwind(AssertUnwindSafe(|| wait_while_busy(bench)));
    let taken = taken.unwrap_or_else(|_| Err("the session failed; what it said is above".to_owned()));
    let (actions, completion, typing) = match taken {
        Ok((actions, completion, typing)) => (Ok(actions), Ok(completion), Ok(typing)),
        Err(why) => (Err(why.clone()), Err(why.clone()), Err(why)),
    };
    let floor = bench.floor("pipe");
    vec![
        Row::figure("code actions answered while 20 agents print and 20 clients listen", actions, "").on("pipe", floor),
        Row::figure("completion in a prompt answered meanwhile", completion, "").on("pipe", floor),
        Row::figure("10,000 `didChange` taken meanwhile, changes a second", typing, ""),
    ]
}

fn wait_while_busy(bench: &Bench) -> Result<(Measured, Measured, Measured), String> {
    let text: String = (0..2_000).map(|it| format!("let value_{it} = {it};\n")).collect();
    let world = World::with_files(&[("src/lib.rs", &text), (".callboard/workflows/look.yaml", WORKFLOW)]);
    world.trust();
    let script = world.config().join("agents/printer.sh");
    fs::create_dir_all(script.parent().ok_or("no folder")?).map_err(|error| error.to_string())?;
    fs::write(&script, PRINTER).map_err(|error| error.to_string())?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
    for number in 0..AGENTS {
        let yaml =
            format!("name: printer-{number}\ntitle: Printer\ndriver: tool\naccess: read\ncommand: [./printer.sh]\n");
        world.profile(&format!("printer-{number}"), &yaml);
    }
    let mut editor = Editor::start(&world);
    let (file, workflow) =
        (uri(&world.workspace().join("src/lib.rs")), uri(&world.workspace().join(".callboard/workflows/look.yaml")));
    editor.open(&file, &text);
    editor.open(&workflow, WORKFLOW);
    let all: Vec<String> = (0..AGENTS).map(|it| format!("@printer-{it}")).collect();
    editor.run("callboard.post", &json!({ "text": format!("{} print", all.join(" ")) }));
    let at_work = || {
        let lines = fs::read_to_string(world.home().join("printing")).unwrap_or_default().lines().count();
        (lines >= AGENTS).then_some(())
    };
    poll(crate::agent::LIMIT, at_work).ok_or("not all of 20 agents began to print")?;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let listeners = runtime.block_on(listen(&world))?;
    let at = json!({ "line": 1_000, "character": 0 });
    let actions = json!({ "textDocument": { "uri": file }, "range": { "start": at, "end": at }, "context": { "diagnostics": [] } });
    let complete = json!({ "textDocument": { "uri": workflow }, "position": { "line": 9, "character": 24 } });
    let mut taken = Vec::new();
    for (method, params) in [("textDocument/codeAction", &actions), ("textDocument/completion", &complete)] {
        let mut samples = Vec::new();
        for _ in 0..bench.samples(300) {
            let start = Instant::now();
            editor.request(method, params);
            samples.push(millis(start.elapsed()));
        }
        taken.push(Measured::of(samples, Unit::Millis)?);
    }
    let rounds = if bench.quick { 1 } else { 3 };
    let mut rates = Vec::new();
    let mut version = 1;
    for _ in 0..rounds {
        let start = Instant::now();
        for n in 0..10_000_u32 {
            version += 1;
            let line = n % 2_000;
            editor.change(&file, version, Some([line, 0, line, 0]), if n % 2 == 0 { "x" } else { "y" });
        }
        editor.synced();
        rates.push(10_000.0 / start.elapsed().as_secs_f64());
    }
    fs::write(world.home().join("stop"), "").map_err(|error| error.to_string())?;
    runtime.block_on(async {
        for it in listeners {
            it.close().await;
        }
    });
    drop(editor);
    let [actions, completion] = taken[..] else { return Err("no sample was taken".to_owned()) };
    Ok((actions, completion, Measured::of(rates, Unit::PerSecond)?))
}

/// Connects those who listen to everything.
async fn listen(world: &World) -> Result<Vec<Client>, String> {
    let mut listeners = Vec::new();
    for _ in 0..CLIENTS {
        let client = connect(world).await?;
        let mut feed = client.feed();
        client.subscribe(SubscribeParams::default()).await.map_err(|error| error.to_string())?;
        tokio::spawn(async move { while feed.recv().await.is_some() {} });
        listeners.push(client);
    }
    Ok(listeners)
}
