//! The limits of processes and PTYs: a hop, a hand-off, a flood, a spawn, and what twenty of them weigh.

use std::{
    fs::{File, OpenOptions},
    io::{BufRead as _, BufReader, Read, Write},
    num::NonZeroU16,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::{
    Bench,
    agent::stamps,
    measure::{Measured, Unit, each, millis, rate, why},
};

const PROMPT: [u8; 200] = {
    let mut line = [b'p'; 200];
    line[199] = b'\n';
    line
};

/// A program of ours on a PTY.
pub struct OnPty {
    writer: Box<dyn Write + Send>,
    reader: BufReader<Box<dyn Read + Send>>,
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
}

impl OnPty {
    /// Starts the benchmark in a role, on a PTY of its own.
    pub fn start(words: &[&str]) -> Result<Self, String> {
        let bad = why("starting on a PTY");
        let size = PtySize { rows: 50, cols: 160, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).map_err(|error| bad(&error))?;
        let mut command = CommandBuilder::new(myself()?);
        command.args(words);
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        let child = pair.slave.spawn_command(command).map_err(|error| bad(&error))?;
        drop(pair.slave);
        let reader = BufReader::with_capacity(65_536, pair.master.try_clone_reader().map_err(|error| bad(&error))?);
        let writer = pair.master.take_writer().map_err(|error| bad(&error))?;
        Ok(Self { writer, reader, child, _master: pair.master })
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.writer.write_all(bytes).and_then(|()| self.writer.flush()).map_err(|error| format!("typing: {error}"))
    }

    /// Reads to the end of a line, and returns it.
    pub fn line(&mut self) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).map_err(|error| format!("reading a terminal: {error}"))?;
        if line.is_empty() { Err("the program on the terminal ended".to_owned()) } else { Ok(line) }
    }

    /// Ends the program by ^D and waits for it.
    pub fn end(mut self) -> Result<(), String> {
        self.send(&[4])?;
        self.child.wait().map_err(|error| format!("waiting: {error}"))?;
        Ok(())
    }
}

/// 200 bytes to another process and back, by pipes.
pub fn pipe_round_trip(bench: &Bench) -> Result<Measured, String> {
    let bad = why("using a pipe");
    let mut child = Command::new(myself()?)
        .arg("--as=echo")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| bad(&error))?;
    let (mut to, from) = (child.stdin.take().ok_or("no input")?, child.stdout.take().ok_or("no output")?);
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line).map_err(|error| bad(&error))?;
    let measured = each(bench.samples(5_000), || {
        line.clear();
        to.write_all(&PROMPT).map_err(|error| bad(&error))?;
        from.read_until(b'\n', &mut line).map(drop).map_err(|error| bad(&error))
    });
    drop(to);
    child.wait().map_err(|error| bad(&error))?;
    measured
}

/// 200 bytes to a program on a raw PTY and back.
pub fn round_trip(bench: &Bench) -> Result<Measured, String> {
    let mut echo = OnPty::start(&["--as=echo"])?;
    echo.line()?;
    let measured = each(bench.samples(5_000), || {
        echo.send(&PROMPT)?;
        echo.line().map(drop)
    });
    echo.end()?;
    measured
}

/// One agent's end of a turn until the next agent's first prompt byte, with the step's record synced in between.
pub fn hand_off(bench: &Bench) -> Result<Measured, String> {
    let (first_log, second_log) = (bench.file("first.log"), bench.file("second.log"));
    let mut agents = [resident(&first_log)?, resident(&second_log)?];
    for agent in &mut agents {
        agent.line()?;
    }
    let mut record = OpenOptions::new()
        .create(true)
        .append(true)
        .open(bench.file("hand-off"))
        .map_err(|error| format!("opening a file: {error}"))?;
    let turns = bench.samples(1_000) * 2;
    for turn in 0..turns {
        record.write_all(&PROMPT).and_then(|()| record.sync_data()).map_err(|error| format!("syncing: {error}"))?;
        let agent = &mut agents[turn % 2];
        agent.send(&PROMPT)?;
        agent.line()?;
    }
    for agent in agents {
        agent.end()?;
    }
    between(&stamps(&first_log, "end")?, &stamps(&second_log, "first")?)
}

/// The times from each end to the first prompt byte that follows it.
pub fn between(ends: &[i128], firsts: &[i128]) -> Result<Measured, String> {
    let mut samples = Vec::new();
    let mut firsts = firsts.iter().peekable();
    for end in ends {
        while firsts.next_if(|first| *first < end).is_some() {}
        if let Some(first) = firsts.next() {
            samples.push(millis(Duration::from_nanos(u64::try_from(first - end).unwrap_or(u64::MAX))));
        }
    }
    Measured::of(samples, Unit::Millis)
}

/// A PTY read as fast as it gives, and appended to a file.
pub fn flood(bench: &Bench) -> Result<Measured, String> {
    let megabytes: u32 = if bench.quick { 10 } else { 100 };
    let mut number = 0;
    rate(3, f64::from(megabytes), Unit::MegabytesPerSecond, || {
        number += 1;
        let mut out =
            File::create(bench.file(&format!("flood-{number}"))).map_err(|error| format!("a file: {error}"))?;
        let mut source = OnPty::start(&["--as=flood", &megabytes.to_string()])?;
        let mut buffer = vec![0; 65_536];
        let mut lines = 0_u64;
        let start = Instant::now();
        // The end of a PTY is an error on some systems and an end on others.
        while let Ok(length @ 1..) = source.reader.get_mut().read(&mut buffer) {
            lines += buffer[..length].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
            out.write_all(&buffer[..length]).map_err(|error| format!("appending: {error}"))?;
        }
        let took = start.elapsed();
        source.child.wait().map_err(|error| format!("waiting: {error}"))?;
        let expected = u64::from(megabytes) * 10_000;
        if lines == expected { Ok(took) } else { Err(format!("{lines} of {expected} lines came")) }
    })
}

/// The cheapest process there is.
pub fn spawn(bench: &Bench) -> Result<Measured, String> {
    each(bench.samples(500), || {
        let status =
            Command::new("true").stdin(Stdio::null()).status().map_err(|error| format!("starting: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("`true` ended with {status}")) }
    })
}

/// What a bare program weighs that holds twenty terminals with their screens.
pub fn idle_memory(_bench: &Bench) -> Result<Measured, String> {
    let bad = why("starting");
    let mut child = Command::new(myself()?)
        .arg("--as=screens")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| bad(&error))?;
    let mut said = String::new();
    let output = child.stdout.take().ok_or("no output")?;
    BufReader::new(output).read_line(&mut said).map_err(|error| bad(&error))?;
    let memory = resident_megabytes(child.id());
    drop(child.stdin.take());
    child.wait().map_err(|error| bad(&error))?;
    Measured::of(vec![memory?], Unit::Megabytes)
}

/// The role behind `idle_memory`: says `ready` and waits for the end of its input.
pub fn hold_screens(count: usize) -> Result<(), String> {
    let mut agents = (0..count).map(|_| OnPty::start(&["--as=echo"])).collect::<Result<Vec<_>, _>>()?;
    let (rows, columns) = (NonZeroU16::MIN.saturating_add(49), NonZeroU16::MIN.saturating_add(159));
    let mut screens = Vec::new();
    for agent in &mut agents {
        let mut screen = vt100::Parser::new(rows, columns, 0);
        screen.process(&agent.line()?);
        screens.push(screen);
    }
    crate::agent::say("ready\n")?;
    crate::agent::wait_for_end_of_input();
    agents.into_iter().try_for_each(OnPty::end)
}

/// The resident memory of a process, in 10⁶ bytes.
pub fn resident_megabytes(pid: u32) -> Result<f64, String> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("reading {path}: {error}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kilobytes.map(|value| value * 1024.0 / 1e6).ok_or_else(|| format!("{path} has no VmRSS"))
}

/// The path of this program.
pub fn myself() -> Result<std::path::PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("finding this program: {error}"))
}

fn resident(log: &Path) -> Result<OnPty, String> {
    OnPty::start(&["--as=resident", &log.to_string_lossy()])
}
