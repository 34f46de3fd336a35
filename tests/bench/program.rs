//! Figures of the whole program: the real binary, its hub as a process of its own, agents on real terminals.

use std::{
    fmt::Write as _,
    io::{BufReader, Write as _},
    process::Stdio,
    time::{Duration, Instant},
};

use callboard::protocol::{PostParams, Posted, SubscribeParams, method};

use crate::{
    Bench,
    agent::{LIMIT, stamps},
    clients::connect,
    fanout::CLIENTS,
    measure::{Measured, Unit, millis},
    pty::{between, myself, resident_megabytes},
    report::Row,
    support::{World, wait::poll},
};

/// From the start of `callboard lsp` until `initialize` is answered, with a hub there and without, and until the hub answers.
pub fn attach(bench: &Bench) -> Vec<Row> {
    let world = World::new();
    let floor = bench.floor("spawn");
    let cold = (0..bench.samples(20)).map(|_| {
        stop_hub(&world)?;
        attached(&world)
    });
    let cold = columns(&cold.collect());
    let warm = columns(&(0..bench.samples(50)).map(|_| attached(&world)).collect());
    let ended = stop_hub(&world);
    let (cold, asked_cold) = (ended.clone().and(cold.0), ended.and(cold.1));
    vec![
        Row::figure("`callboard lsp` → `initialize` answered, warm", warm.0, "< 30 ms").on("spawn", floor),
        Row::figure("the same, cold: the hub is started meanwhile", cold, "< 150 ms").on("spawn", floor),
        Row::figure("`callboard lsp` → the hub's first answer, warm", warm.1, "").on("spawn", floor),
        Row::figure("the same, cold: the hub is started for it", asked_cold, "< 150 ms").on("spawn", floor),
    ]
}

/// The times of two stretches, each by itself.
fn columns(times: &Result<Vec<(f64, f64)>, String>) -> (Result<Measured, String>, Result<Measured, String>) {
    let column = |which: fn(&(f64, f64)) -> f64| match times {
        Ok(times) => Measured::of(times.iter().map(which).collect(), Unit::Millis),
        Err(why) => Err(why.clone()),
    };
    (column(|it| it.0), column(|it| it.1))
}

/// From a post until each of twenty attached clients has been told, over the hub's socket.
pub fn fan_out(bench: &Bench) -> Vec<Row> {
    let what = "message posted → shown to each of 20 attached clients, over the socket";
    let reach = "median ≤ 2 × floor, worst 5 % ≤ 2 ms";
    let (all, tail) = match tell_all(bench) {
        Ok((all, tail)) => (Ok(all), Ok(tail)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    let floor = bench.floor("fan-out");
    vec![
        Row::figure(what, all, reach).on("20 sockets", floor),
        Row::figure("the same: one in a hundred is worse than", tail, "").on("20 sockets", floor),
    ]
}

fn tell_all(bench: &Bench) -> Result<(Measured, Measured), String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    // The program starts its hub; a client in this process would take the benchmark for the program.
    let ran = world.callboard(&["agents"]);
    if ran.code != Some(0) {
        return Err(format!("`callboard agents` ended with {:?}: {}", ran.code, last_line(&ran.stderr, &ran.stdout)));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let measured = runtime.map_err(|error| error.to_string())?.block_on(post_to_all(bench, &world));
    stop_hub(&world)?;
    measured
}

async fn post_to_all(bench: &Bench, world: &World) -> Result<(Measured, Measured), String> {
    let (sender, heard) = std::sync::mpsc::channel();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = connect(world).await?;
        let (mut feed, sender) = (client.feed(), sender.clone());
        client.subscribe(SubscribeParams::default()).await.map_err(|error| error.to_string())?;
        tokio::spawn(async move {
            while let Some(news) = feed.recv().await {
                if sender.send((news.rev, Instant::now())).is_err() {
                    return;
                }
            }
        });
        clients.push(client);
    }
    let poster = connect(world).await?;
    let mut samples = Vec::new();
    for _ in 0..bench.samples(300) {
        let params = PostParams { text: "The retry loop never ends.".to_owned(), ..PostParams::default() };
        let start = Instant::now();
        let posted: Posted = poster.request(method::POST, params).await.map_err(|error| error.to_string())?;
        let mut waiting = CLIENTS;
        while waiting > 0 {
            let (rev, at) = heard.recv_timeout(LIMIT).map_err(|_| "a client was not told".to_owned())?;
            if rev >= posted.rev {
                samples.push(millis(at.saturating_duration_since(start)));
                waiting -= 1;
            }
        }
    }
    for client in clients.into_iter().chain([poster]) {
        client.close().await;
    }
    Ok((Measured::of(samples.clone(), Unit::Millis)?, Measured::tail(samples, Unit::Millis)?))
}

/// Hand-offs between two resident agents on terminals, by a workflow.
pub fn hand_off(bench: &Bench) -> Vec<Row> {
    let steps = if bench.quick { 20 } else { 100 };
    let measured = taking_turns(bench, steps);
    let reach = "median ≤ 2 × floor, worst 5 % ≤ 1.5 ms";
    let what = "an agent's turn ends → the next agent's first prompt byte, terminal driver, durable";
    vec![Row::figure(what, measured, reach).on("2 resident agents", bench.floor("hand-off"))]
}

/// How fast an agent's flood is on disk, and how the hub answers meanwhile.
pub fn flood(bench: &Bench) -> Vec<Row> {
    let megabytes: u32 = if bench.quick { 10 } else { 100 };
    let outcome = drown(bench, megabytes);
    let (speed, answers, memory) = match outcome {
        Ok((speed, answers, memory)) => (Ok(speed), Ok(answers), Ok(memory)),
        Err(why) => (Err(why.clone()), Err(why.clone()), Err(why)),
    };
    let floor = bench.floor("flood");
    vec![
        Row::figure(format!("{megabytes} MB printed by an agent, turn's start to end"), speed, "≤ 1.2 × floor")
            .on("PTY to file", floor),
        Row::figure("a command's answer meanwhile, its own start included", answers, "")
            .on("spawn", bench.floor("spawn")),
        Row::figure("memory that the hub takes for it", memory, "≤ 20 MB"),
    ]
}

/// What a hub costs that has twenty idle agents on terminals.
pub fn idle(bench: &Bench) -> Vec<Row> {
    let (memory, cpu) = match rest(bench) {
        Ok((memory, cpu)) => (Ok(memory), Ok(cpu)),
        Err(why) => (Err(why.clone()), Err(why)),
    };
    vec![
        Row::figure("hub with 20 idle agents on terminals: resident memory", memory, "≤ 20 MB")
            .on("bare", bench.floor("idle")),
        Row::figure("the same: CPU", cpu, "0.00 %"),
    ]
}

/// A profile of the benchmark's own interactive program. Its title tells every state there is, so that it is believed at
/// once; a program whose idle sign can mean a dialog too is waited for.
fn profile(world: &World, name: &str, log: &std::path::Path) -> Result<(), String> {
    // A path in double quotes is a YAML text, whatever it has in it.
    let (program, log) = (format!("{:?}", myself()?.to_string_lossy()), format!("{:?}", log.to_string_lossy()));
    let yaml = format!(
        "name: {name}\ntitle: An agent of the benchmark\ndriver: terminal\ncommand: [{program}, --as=interactive, {log}]\n\
         access: write\ngood-for: [bench]\nterminal:\n  title:\n    idle: ['^ready$']\n    working: ['^working$']\n    permission: ['^asking$']\n  \
         submit: {{settle: 0ms}}\n  drop: ['^> *$']\n"
    );
    world.profile(name, &yaml);
    Ok(())
}

fn taking_turns(bench: &Bench, steps: usize) -> Result<Measured, String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let logs = [bench.file("program-a.log"), bench.file("program-b.log")];
    for (name, log) in ["hand-a", "hand-b"].iter().zip(&logs) {
        profile(&world, name, log)?;
    }
    let mut yaml = String::from(
        "name: relay\ntitle: Relay\ncategory: ops\nlimits: {turns: 1000}\nroles:\n  one: {prefer: [hand-a], good-for: bench}\n  two: {prefer: [hand-b], good-for: bench}\nsteps:\n",
    );
    for number in 0..steps {
        let needs = if number == 0 { String::new() } else { format!("    needs: [s{}]\n", number - 1) };
        let role = if number % 2 == 0 { "one" } else { "two" };
        let _ = write!(yaml, "  - id: s{number}\n{needs}    role: {role}\n    prompt: go\n");
    }
    world.workflow("relay", &yaml);
    let ran = world.callboard(&["run", "relay", "--yes", "--json"]);
    if ran.code != Some(0) {
        return Err(format!(
            "`callboard run relay` ended with {:?}: {}",
            ran.code,
            last_line(&ran.stderr, &ran.stdout)
        ));
    }
    let [first, second] = &logs;
    let there = between(&stamps(first, "end")?, &stamps(second, "first")?)?;
    stop_hub(&world)?;
    // The first turns start the programs; the rest are hand-offs between resident agents.
    if there.n < steps / 2 - 2 {
        Err(format!("only {} of {} hand-offs were seen", there.n, steps / 2))
    } else {
        Ok(there)
    }
}

fn drown(bench: &Bench, megabytes: u32) -> Result<(Measured, Measured, Measured), String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let log = bench.file("flood.log");
    profile(&world, "flood", &log)?;
    let turn = |prompt: &str, n: usize| -> Result<(), String> {
        let ran = world.callboard(&["channel", "post", &format!("@flood {prompt}")]);
        if ran.code != Some(0) {
            return Err(format!(
                "`callboard channel post` ended with {:?}: {}",
                ran.code,
                last_line(&ran.stderr, &ran.stdout)
            ));
        }
        let over = || (stamps(&log, "end").unwrap_or_default().len() >= n).then_some(());
        poll(LIMIT, over).ok_or_else(|| format!("the turn `{prompt}` did not end within {LIMIT:?}"))
    };
    turn("hello", 1)?;
    let pid = world.hub_pid().ok_or("no hub runs")?;
    let before = resident_megabytes(pid)?;
    let (mut answers, mut most) = (Vec::new(), before);
    let ran = world.callboard(&["channel", "post", &format!("@flood pour={megabytes} now")]);
    if ran.code != Some(0) {
        return Err(last_line(&ran.stderr, &ran.stdout));
    }
    let deadline = Instant::now() + LIMIT;
    while stamps(&log, "end")?.len() < 2 {
        let start = Instant::now();
        world.callboard(&["agents"]);
        answers.push(millis(start.elapsed()));
        most = most.max(resident_megabytes(pid)?);
        if Instant::now() > deadline {
            return Err(format!("the flood did not end within {LIMIT:?}"));
        }
    }
    let (firsts, ends) = (stamps(&log, "first")?, stamps(&log, "end")?);
    let took = Duration::from_nanos(u64::try_from(ends[1] - firsts[1]).unwrap_or_default()).as_secs_f64();
    let speed = Measured::of(vec![f64::from(megabytes) / took], Unit::MegabytesPerSecond)?;
    stop_hub(&world)?;
    Ok((speed, Measured::of(answers, Unit::Millis)?, Measured::of(vec![most - before], Unit::Megabytes)?))
}

fn rest(bench: &Bench) -> Result<(Measured, Measured), String> {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let logs: Vec<_> = (0..20).map(|number| bench.file(&format!("idle-{number}.log"))).collect();
    for (number, log) in logs.iter().enumerate() {
        profile(&world, &format!("idle-{number}"), log)?;
    }
    for number in 0..logs.len() {
        let ran = world.callboard(&["channel", "post", &format!("@idle-{number} hello")]);
        if ran.code != Some(0) {
            return Err(format!(
                "`callboard channel post` ended with {:?}: {}",
                ran.code,
                last_line(&ran.stderr, &ran.stdout)
            ));
        }
    }
    let all = || logs.iter().all(|log| stamps(log, "end").is_ok_and(|ends| !ends.is_empty())).then_some(());
    poll(LIMIT, all).ok_or_else(|| format!("not all of 20 agents answered within {LIMIT:?}"))?;
    let pid = world.hub_pid().ok_or("no hub runs")?;
    // What the turns left to do is done after a moment.
    std::thread::sleep(Duration::from_secs(2));
    let time = Duration::from_secs(if bench.quick { 3 } else { 20 });
    let before = ticks(pid)?;
    std::thread::sleep(time);
    let used = ticks(pid)? - before;
    let memory = Measured::of(vec![resident_megabytes(pid)?], Unit::Megabytes)?;
    // The kernel counts in hundredths of a second.
    let cpu = Measured::of(vec![used / time.as_secs_f64()], Unit::Percent)?;
    stop_hub(&world)?;
    Ok((memory, cpu))
}

/// A process's CPU time so far, in hundredths of a second.
fn ticks(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("reading {path}: {error}"))?;
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let field = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
    field(11).zip(field(12)).map(|(user, system)| user + system).ok_or_else(|| format!("{path} has no times"))
}

/// How long `callboard lsp` takes until `initialize` is answered, and until the hub has answered what is asked right behind it.
fn attached(world: &World) -> Result<(f64, f64), String> {
    let frame = |body: &str| format!("Content-Length: {}\r\n\r\n{body}", body.len());
    let hello = frame(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#);
    let ask = frame(r#"{"jsonrpc":"2.0","id":2,"method":"callboard/hubStatus","params":{}}"#);
    let mut command = world.command(env!("CARGO_BIN_EXE_callboard"));
    command.arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("starting `callboard lsp`: {error}"))?;
    let (mut to, from) = (child.stdin.take().ok_or("no input")?, child.stdout.take().ok_or("no output")?);
    let mut from = BufReader::new(from);
    let mut asked = |body: &str| {
        to.write_all(body.as_bytes()).map_err(|error| error.to_string())?;
        answer(&mut from).map(|()| millis(start.elapsed()))
    };
    let answered = asked(&hello).and_then(|greeted| Ok((greeted, asked(&ask)?)));
    for body in [r#"{"jsonrpc":"2.0","id":3,"method":"shutdown"}"#, r#"{"jsonrpc":"2.0","method":"exit"}"#] {
        let _ = to.write_all(frame(body).as_bytes());
    }
    drop(to);
    if poll(Duration::from_secs(20), || child.try_wait().ok().flatten()).is_none() {
        let _ = child.kill().and_then(|()| child.wait().map(drop));
        return Err("`callboard lsp` did not end after `exit`".to_owned());
    }
    answered.map_err(|why| format!("`callboard lsp` did not answer: {why}"))
}

/// Reads one frame whole.
fn answer(from: &mut impl std::io::BufRead) -> Result<(), String> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).map_err(|error| error.to_string())? == 0 {
            return Err("its output ended".to_owned());
        }
        match line.trim_end() {
            "" => break,
            line => length = line.strip_prefix("Content-Length: ").and_then(|it| it.parse().ok()).or(length),
        }
    }
    let mut body = vec![0; length.ok_or("a frame without a length")?];
    from.read_exact(&mut body).map_err(|error| error.to_string())
}

fn stop_hub(world: &World) -> Result<(), String> {
    if world.hub_pid().is_none() {
        return Ok(());
    }
    world.callboard(&["hub", "stop"]);
    let gone = || world.hub_pid().is_none().then_some(());
    poll(LIMIT, gone).ok_or_else(|| "`callboard hub stop` did not stop the hub".to_owned())
}

fn last_line(stderr: &str, stdout: &str) -> String {
    let text = if stderr.trim().is_empty() { stdout } else { stderr };
    text.trim_end().lines().last().unwrap_or("it said nothing").to_owned()
}
