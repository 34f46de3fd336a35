//! Runs one program to its end: captures what it prints, bounded, and hands each line on as it comes.
//!
//! Knows processes and bytes, no tool and no format.

use std::{
    ffi::OsString,
    io::Read,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc::{SyncSender, sync_channel},
    time::{Duration, Instant},
};

use super::{Trouble, children};

/// What is kept of each of a program's two streams.
pub const CAPTURE: usize = 32 << 20;

/// What is kept of one line; the rest of it is dropped.
pub const LINE: usize = 4 << 20;

/// How long a stream may stay open once the program has ended: something that it left behind may hold it.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// A program to run.
#[derive(Debug, Clone)]
pub struct Call {
    /// Absolute.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Where it runs.
    pub cwd: PathBuf,
    /// The search path that it sees.
    pub path: OsString,
    /// More of its environment.
    pub env: Vec<(&'static str, String)>,
}

/// Which of a program's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// How a program ended, and what it printed.
#[derive(Debug, Clone, Default)]
pub struct Ran {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Its standard output, invalid UTF-8 replaced.
    pub stdout: String,
    /// Its standard error, invalid UTF-8 replaced.
    pub stderr: String,
    /// Whether it printed more than is kept.
    pub cut: bool,
}

impl Ran {
    /// Returns how it ended, for people: `exit code 2`, `signal 9`.
    pub fn how(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("exit code {code}"),
            (None, Some(signal)) => format!("signal {signal}"),
            (None, None) => "no exit code".to_owned(),
        }
    }

    /// Returns the end of what it said went wrong, for a message.
    pub fn complaint(&self) -> String {
        let said = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        super::text::tail(&super::text::plain(said), 2_000)
    }
}

enum Piece {
    Bytes(Stream, Vec<u8>),
    Ended(std::io::Result<ExitStatus>),
}

/// Runs a program to its end. `on_line` gets each line, without its end, as it comes.
pub fn run(call: &Call, on_line: &mut dyn FnMut(Stream, &str)) -> Result<Ran, Trouble> {
    let shown = call.program.display();
    let mut command = Command::new(&call.program);
    command
        .args(&call.args)
        .current_dir(&call.cwd)
        .env("PATH", &call.path)
        .envs(call.env.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child =
        children::spawn(&mut command).map_err(|why| Trouble::Broken(format!("{shown} can't be started: {why}")))?;
    let (sender, pieces) = sync_channel(64);
    let streams: [(Stream, Option<Box<dyn Read + Send>>); 2] = [
        (Stream::Out, child.stdout.take().map(|it| Box::new(it) as Box<dyn Read + Send>)),
        (Stream::Err, child.stderr.take().map(|it| Box::new(it) as Box<dyn Read + Send>)),
    ];
    for (stream, from) in streams {
        if let Some(from) = from {
            let sender = sender.clone();
            std::thread::spawn(move || copy(stream, from, &sender));
        }
    }
    std::thread::spawn(move || sender.send(Piece::Ended(children::wait(child))));

    let (mut out, mut err) = (Capture::default(), Capture::default());
    let mut ended: Option<(std::io::Result<ExitStatus>, Instant)> = None;
    loop {
        // Without a deadline until the program has ended; then only as long as a straggler may hold a stream.
        let piece = match &ended {
            None => pieces.recv().ok(),
            Some((_, at)) => pieces.recv_timeout(STRAGGLERS.saturating_sub(at.elapsed())).ok(),
        };
        match piece {
            Some(Piece::Bytes(Stream::Out, bytes)) => out.take(&bytes, &mut |line| on_line(Stream::Out, line)),
            Some(Piece::Bytes(Stream::Err, bytes)) => err.take(&bytes, &mut |line| on_line(Stream::Err, line)),
            Some(Piece::Ended(status)) => ended = Some((status, Instant::now())),
            None => break,
        }
    }
    out.finish(&mut |line| on_line(Stream::Out, line));
    err.finish(&mut |line| on_line(Stream::Err, line));
    let status = match ended {
        Some((Ok(status), _)) => status,
        Some((Err(why), _)) => return Err(Trouble::Broken(format!("{shown} can't be waited for: {why}"))),
        None => return Err(Trouble::Broken(format!("{shown} was lost while it ran; run the turn again"))),
    };
    let cut = out.cut || err.cut;
    Ok(Ran { code: status.code(), signal: signal_of(status), stdout: out.text(), stderr: err.text(), cut })
}

#[cfg(unix)]
fn signal_of(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal_of(_: ExitStatus) -> Option<i32> {
    None
}

fn copy(stream: Stream, mut from: Box<dyn Read + Send>, to: &SyncSender<Piece>) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                if to.send(Piece::Bytes(stream, buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}

/// One stream as it comes: the whole, bounded, and the line that is not over yet, bounded.
#[derive(Default)]
struct Capture {
    whole: Vec<u8>,
    line: Vec<u8>,
    cut: bool,
}

impl Capture {
    fn take(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        let room = CAPTURE - self.whole.len();
        self.cut |= bytes.len() > room;
        self.whole.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|it| *it == b'\n') {
            self.extend_line(&rest[..end]);
            self.hand_on(on_line);
            rest = &rest[end + 1..];
        }
        self.extend_line(rest);
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        let room = LINE - self.line.len();
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Hands on a last line that has no end.
    fn finish(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.line.is_empty() {
            self.hand_on(on_line);
        }
    }

    fn hand_on(&mut self, on_line: &mut dyn FnMut(&str)) {
        let line = std::mem::take(&mut self.line);
        on_line(String::from_utf8_lossy(&line).trim_end_matches('\r'));
    }

    fn text(self) -> String {
        String::from_utf8(self.whole).unwrap_or_else(|it| String::from_utf8_lossy(it.as_bytes()).into_owned())
    }
}
