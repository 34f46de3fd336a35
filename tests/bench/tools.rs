//! Figures of what each agent has beside it: the bridge to Callboard's tools, as an agent starts it.

use std::{
    fmt::Write as _,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::{
    Bench,
    measure::{Measured, Unit, millis},
    pty::{myself, resident_megabytes},
    report::Row,
    support::World,
};

const GREETING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;

/// The start and the memory of `callboard mcp`, taken by an agent of a real hub: nobody else is let in.
pub fn bridge(bench: &Bench) -> Vec<Row> {
    let (start, memory) = match taken(bench) {
        Ok((start, memory)) => (Ok(start), Ok(memory)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    vec![
        Row::figure("`callboard mcp` of an agent → `initialize` answered by the hub", start, "< 10 ms")
            .on("spawn", bench.floor("spawn")),
        Row::figure("the same: resident memory", memory, "≤ 5 MB"),
    ]
}

fn taken(bench: &Bench) -> Result<(Measured, Measured), String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let log = bench.file("bridge.log");
    let (myself, callboard) = (myself()?, env!("CARGO_BIN_EXE_callboard"));
    let words = format!("--as=bridge, '{}', '{}', '{callboard}'", log.display(), bench.samples(50));
    world.profile(
        "bridge",
        &format!("name: bridge\ntitle: Bridge\ndriver: tool\ncommand: ['{}', {words}]\n", myself.display()),
    );
    let ran = world.callboard(&["channel", "post", "@bridge go", "--wait"]);
    let text = std::fs::read_to_string(&log).map_err(|error| format!("{error}: {} {}", ran.stdout, ran.stderr))?;
    let of =
        |kind: &str| text.lines().filter_map(|it| it.strip_prefix(kind)?.trim().parse().ok()).collect::<Vec<f64>>();
    let measured = (Measured::of(of("start"), Unit::Millis)?, Measured::of(of("memory"), Unit::Megabytes)?);
    world.callboard(&["hub", "stop"]);
    Ok(measured)
}

/// The agent of the figure: starts the bridge again and again, and notes what it took.
pub fn play(log: &Path, count: u32, callboard: &str) -> Result<(), String> {
    let why = |error: std::io::Error| error.to_string();
    let mut lines = String::new();
    for _ in 0..count {
        let start = Instant::now();
        let mut command = Command::new(callboard);
        command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(why)?;
        let (mut to, from) = (child.stdin.take().ok_or("no input")?, child.stdout.take().ok_or("no output")?);
        writeln!(to, "{GREETING}").and_then(|()| to.flush()).map_err(why)?;
        let mut line = String::new();
        BufReader::new(from).read_line(&mut line).map_err(why)?;
        let took = millis(start.elapsed());
        if !line.contains("serverInfo") {
            return Err(format!("the bridge answered {line}"));
        }
        let _ = write!(lines, "start {took}\nmemory {}\n", resident_megabytes(child.id())?);
        child.kill().and_then(|()| child.wait()).map_err(why)?;
    }
    std::fs::write(log, lines).map_err(why)?;
    let result = std::env::var("CALLBOARD_RESULT").map_err(|error| error.to_string())?;
    std::fs::write(result, r#"{"kind":"text","text":"taken"}"#).map_err(why)
}
