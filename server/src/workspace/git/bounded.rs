//! Runs a program to its end, with bounds on its time and on what it prints, in a process group of its own.
//!
//! Knows nothing of git. Waits on events alone: two readers, a writer and a waiter tell one channel, which has the time limit.

use std::{
    io::{self, Read, Write as _},
    os::unix::process::CommandExt as _,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

/// The bounds of a run.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From the start until it ended and its output was read.
    pub time: Duration,
    /// Bytes that it may print; more ends it.
    pub stdout: usize,
    /// Bytes of what it says that are kept, the last ones.
    pub stderr: usize,
}

/// How a run ended.
#[derive(Debug)]
pub enum Ended {
    /// By itself.
    Exited {
        /// How.
        status: ExitStatus,
        /// All that it printed.
        stdout: Vec<u8>,
        /// The end of what it said.
        stderr: Vec<u8>,
    },
    /// We ended it, with its group, as its time was over.
    TimedOut,
    /// We ended it, with its group, as it printed too much.
    TooMuchOutput,
}

enum Told {
    Stdout(Result<Vec<u8>, TooMuch>),
    Stderr(Vec<u8>),
    Exited,
}

struct TooMuch;

/// Runs a program. What it may read is `input`, or nothing.
pub fn run(mut command: Command, input: Option<Vec<u8>>, bounds: Bounds) -> io::Result<Ended> {
    let deadline = Instant::now() + bounds.time;
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = command.spawn()?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let ended = watch(&mut child, input, group, bounds, deadline);
    if !matches!(ended, Ok(Outputs { .. }))
        && let Some(group) = group
    {
        // Invariant: the child was not waited for yet, so its pid, which is the group's, is still its own and nobody else's.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let status = child.wait()?;
    match ended {
        Ok(Outputs { stdout, stderr }) => Ok(Ended::Exited { status, stdout, stderr }),
        Err(Cut::Time) => Ok(Ended::TimedOut),
        Err(Cut::Output) => Ok(Ended::TooMuchOutput),
        Err(Cut::Io(error)) => Err(error),
    }
}

struct Outputs {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

enum Cut {
    Time,
    Output,
    Io(io::Error),
}

/// Waits until the child has exited, not yet reaped, and both its outputs have ended.
fn watch(
    child: &mut Child,
    input: Option<Vec<u8>>,
    group: Option<Pid>,
    bounds: Bounds,
    deadline: Instant,
) -> Result<Outputs, Cut> {
    let (sender, told) = channel();
    // The threads end with the pipes: at the child's end, or when its group is killed. One that left the group and kept a pipe
    // keeps its thread, and nobody waits for that.
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        start(move || {
            // A program that does not want it all is no error here; its exit code says what it thinks.
            let _ = stdin.write_all(&input);
        })?;
    }
    let stdout = child.stdout.take();
    tell(&sender, move || Told::Stdout(stdout.map_or(Ok(Vec::new()), |it| read_all(it, bounds.stdout))))?;
    let stderr = child.stderr.take();
    tell(&sender, move || Told::Stderr(stderr.map_or(Vec::new(), |it| read_end(it, bounds.stderr))))?;
    tell(&sender, move || {
        if let Some(pid) = group {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), options), Err(rustix::io::Errno::INTR)) {}
        }
        Told::Exited
    })?;
    let (mut stdout, mut stderr, mut exited) = (None, None, false);
    loop {
        if let (Some(stdout), Some(stderr), true) = (&mut stdout, &mut stderr, exited) {
            return Ok(Outputs { stdout: std::mem::take(stdout), stderr: std::mem::take(stderr) });
        }
        match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Told::Stdout(Ok(bytes))) => stdout = Some(bytes),
            Ok(Told::Stdout(Err(TooMuch))) => return Err(Cut::Output),
            Ok(Told::Stderr(bytes)) => stderr = Some(bytes),
            Ok(Told::Exited) => exited = true,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Err(Cut::Time),
        }
    }
}

fn tell(sender: &Sender<Told>, work: impl FnOnce() -> Told + Send + 'static) -> Result<(), Cut> {
    let sender = sender.clone();
    start(move || {
        let _ = sender.send(work());
    })
}

fn start(work: impl FnOnce() + Send + 'static) -> Result<(), Cut> {
    thread::Builder::new().name("git".to_owned()).spawn(work).map(drop).map_err(Cut::Io)
}

fn read_all(from: impl Read, most: usize) -> Result<Vec<u8>, TooMuch> {
    let mut bytes = Vec::new();
    // What was read before an error is what there is; the exit code says whether that is all.
    let _ = from.take(most as u64 + 1).read_to_end(&mut bytes);
    if bytes.len() > most { Err(TooMuch) } else { Ok(bytes) }
}

/// Reads to the end and keeps the last `most` bytes.
fn read_end(mut from: impl Read, most: usize) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut piece) {
        kept.extend_from_slice(&piece[..length]);
        if kept.len() > most * 2 {
            kept.drain(..kept.len() - most);
        }
    }
    kept.drain(..kept.len().saturating_sub(most));
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    fn bounds(seconds: u64) -> Bounds {
        Bounds { time: Duration::from_secs(seconds), stdout: 1000, stderr: 10 }
    }

    #[test]
    fn what_it_read_printed_and_said_comes_back() {
        let script = "cat; echo 1234567890abc >&2; exit 3";
        let ended = run(shell(script), Some(b"in".to_vec()), bounds(60)).unwrap();
        let Ended::Exited { status, stdout, stderr } = ended else { panic!("{ended:?}") };
        assert_eq!((status.code(), stdout.as_slice(), stderr.as_slice()), (Some(3), &b"in"[..], &b"567890abc\n"[..]));
    }

    #[test]
    fn it_reads_nothing_where_it_is_given_nothing() {
        let ended = run(shell("cat"), None, bounds(60)).unwrap();
        assert!(matches!(ended, Ended::Exited { status, .. } if status.success()));
    }

    /// Promise 6, on the way: the group is ended, and with it what the program left in the background.
    #[test]
    fn one_that_takes_too_long_is_ended_with_all_that_it_started() {
        let dir = tempfile::tempdir().unwrap();
        let pids = dir.path().join("pids");
        let script = format!("sleep 600 & echo $! > {0}; exec sleep 600", pids.display());
        let ended = run(shell(&script), None, Bounds { time: Duration::from_secs(2), ..bounds(0) }).unwrap();
        assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
        let pid: i32 = std::fs::read_to_string(&pids).unwrap().trim().parse().unwrap();
        let pid = Pid::from_raw(pid).unwrap();
        // Reaped by init a moment after it was killed.
        let deadline = Instant::now() + Duration::from_secs(30);
        while rustix::process::test_kill_process(pid).is_ok() && !is_zombie(pid) {
            assert!(Instant::now() < deadline, "the background sleep is still there");
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn is_zombie(pid: Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|it| it.trim_start().starts_with('Z'))
    }

    #[test]
    fn one_that_prints_without_end_is_ended() {
        let ended = run(shell("exec yes"), None, bounds(60)).unwrap();
        assert!(matches!(ended, Ended::TooMuchOutput), "{ended:?}");
    }

    #[test]
    fn one_whose_child_keeps_the_pipe_open_ends_at_its_time() {
        let ended =
            run(shell("sleep 600 & exit 0"), None, Bounds { time: Duration::from_secs(1), ..bounds(0) }).unwrap();
        assert!(matches!(ended, Ended::TimedOut), "{ended:?}");
    }
}
