//! Starting a program on a PTY, and the three threads that read, write and wait for it.
//!
//! Invariants: the size is set and the slave closed before the first read; the writer lives until the program is dead,
//! because its end types a newline and an end-of-file; the leader is collected last, so that the session's number stays
//! its own while the rest of the session is killed.

use std::{
    ffi::{OsStr, OsString},
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
    thread::Builder,
    time::{Duration, Instant},
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::{Exit, Shared, Size, Spawn, SpawnError, watch::End};
use crate::process::{
    Identity, Ladder,
    leftovers::{Leftover, Trace, new_mark},
    reaper::{self, Kept},
    stop_session,
};

/// A chunk from the PTY: the system gives a few kilobytes at a time.
const CHUNK: usize = 32 * 1024;
/// How long the reader may go on after the program's session has ended.
const READER_GRACE: Duration = Duration::from_millis(250);
/// The stacks of the three threads.
const STACK: usize = 256 * 1024;

/// A program that was started, before its threads run.
pub struct Started {
    /// Which process it is.
    pub identity: Identity,
    /// Reads what it says until there is no more.
    pub read: Box<dyn FnOnce(&Shared) + Send>,
    /// Takes what is written to it.
    pub writer: Box<dyn Write + Send>,
    /// Waits for it and says how it ended. Called once, when it has.
    pub collect: Box<dyn FnOnce() -> Exit + Send>,
    /// Keeps it from being collected by others.
    pub kept: Kept,
    /// Its note for the next hub.
    pub trace: Option<Trace>,
    /// When it was started.
    pub begun: Instant,
}

/// Starts the program. Nothing has been sent to it when this returns, and its leftover file is written.
pub fn start(spec: &Spawn) -> Result<(Started, Box<dyn MasterPty + Send>), SpawnError> {
    let name = spec.argv.first().ok_or(SpawnError::NoProgram)?;
    if !spec.cwd.is_dir() {
        // The library would take the home folder instead: an agent in the wrong folder is dangerous.
        return Err(SpawnError::NoFolder(spec.cwd.clone()));
    }
    let path = spec.env.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_os_str());
    let program = find_program(name, path, spec.workspace.as_deref())?;
    let pair = native_pty_system().openpty(pty_size(spec.size)).map_err(SpawnError::system)?;
    let reader = pair.master.try_clone_reader().map_err(SpawnError::system)?;
    let writer = pair.master.take_writer().map_err(SpawnError::system)?;
    let mark = spec.trace.as_ref().map(|_| new_mark());
    let mut command = command(&program, spec);
    if let Some((key, value)) = &mark {
        command.env(key, value);
    }
    let begun = Instant::now();
    let label = spec.trace.as_ref().map(|it| it.agent.as_str().to_owned());
    let (mut child, kept) = reaper::keep(label, || {
        let child = pair.slave.spawn_command(command).map_err(SpawnError::system)?;
        let pid = child.process_id().ok_or_else(|| SpawnError::System("the program has no process id".to_owned()))?;
        Ok::<_, SpawnError>((child, pid))
    })?;
    drop(pair.slave);
    let identity = child.process_id().and_then(Identity::of);
    let (identity, trace) = noted(spec, identity, mark).inspect_err(|_| drop(child.wait()))?;
    let collect = Box::new(move || status(&mut child));
    let read = Box::new(move |shared: &Shared| read(reader, shared));
    Ok((Started { identity, read, writer, collect, kept, trace, begun }, pair.master))
}

/// Writes the note of a program that was just started. Where that can't be done it is stopped: the next hub would not find
/// it. Its status is left to who has the child.
pub fn noted(
    spec: &Spawn,
    identity: Option<Identity>,
    mark: Option<(&'static str, String)>,
) -> Result<(Identity, Option<Trace>), SpawnError> {
    let trace = match (&identity, &spec.trace) {
        (Some(process), Some(it)) => {
            let leftover = Leftover {
                process: process.clone(),
                agent: it.agent.clone(),
                turn: it.turn,
                mark: mark.map(|(key, value)| format!("{key}={value}")),
            };
            Some(Trace::write(&it.dir, &leftover)).transpose()
        }
        _ => Ok(None),
    };
    match (identity, trace) {
        (Some(identity), Ok(trace)) => Ok((identity, trace)),
        (identity, trace) => {
            if let Some(identity) = identity {
                stop_session(&identity, &Ladder::at_once());
            }
            Err(SpawnError::System(trace.err().map_or_else(
                || "the program could not be found again after its start".to_owned(),
                |error| format!("its process could not be noted in the state folder, so it was stopped: {error}"),
            )))
        }
    }
}

/// Starts the threads. They end by themselves after the program has.
pub fn run(started: Started, shared: &Arc<Shared>) -> Result<(), SpawnError> {
    let Started { read, writer, collect, kept, trace, begun, identity } = started;
    let pid = identity.pid;
    let to_read = Arc::clone(shared);
    let reading = thread("read", pid, move || {
        read(&to_read);
        to_read.reader_done();
    });
    let to_write = Arc::clone(shared);
    let writing = reading.and_then(|()| thread("write", pid, move || write(writer, &to_write)));
    let to_watch = Arc::clone(shared);
    let watching = writing.and_then(|()| thread("watch", pid, move || super::watch::watch(&to_watch)));
    if let Err(error) = watching {
        stop_session(&identity, &Ladder::at_once());
        let exit = collect();
        shared.over(End { exit, begun });
        return Err(SpawnError::system(error));
    }
    let to_wait = Arc::clone(shared);
    let waiting = Arc::clone(shared);
    thread("wait", pid, move || wait(collect, kept, trace, begun, &to_wait)).map_err(|error| {
        // The child went down with the closure; without a waiter its end would never be told.
        stop_session(&identity, &Ladder::at_once());
        waiting.over(End { exit: Exit::default(), begun });
        SpawnError::system(error)
    })
}

/// Returns the size as the library wants it.
pub fn pty_size(size: Size) -> PtySize {
    PtySize { rows: size.rows.clamp(1, 1_000), cols: size.cols.clamp(1, 1_000), pixel_width: 0, pixel_height: 0 }
}

/// Finds a program by name on `path`, or takes an absolute path, and returns it as an absolute path.
///
/// Relative folders of the path are passed over, and so is everything inside the workspace, by its real place: a
/// repository must not choose what `git` or `claude` is.
pub fn find_program(name: &OsStr, path: Option<&OsStr>, workspace: Option<&Path>) -> Result<PathBuf, SpawnError> {
    let workspace = workspace.map(|it| it.canonicalize().unwrap_or_else(|_| it.to_owned()));
    let inside = |it: &Path| {
        let real = it.canonicalize().unwrap_or_else(|_| it.to_owned());
        workspace.as_ref().is_some_and(|root| it.starts_with(root) || real.starts_with(root))
    };
    let asked = Path::new(name);
    if asked.is_absolute() {
        return match () {
            () if inside(asked) => Err(SpawnError::InsideWorkspace(asked.to_owned())),
            () if is_executable(asked) => Ok(asked.to_owned()),
            () if asked.exists() => Err(SpawnError::NotExecutable(asked.to_owned())),
            () => Err(SpawnError::NotFound(name.to_owned())),
        };
    }
    if asked.components().count() != 1 || name.is_empty() {
        return Err(SpawnError::RelativeProgram(asked.to_owned()));
    }
    let mut refused = None;
    for folder in std::env::split_paths(path.unwrap_or_default()).filter(|it| it.is_absolute()) {
        let candidate = folder.join(asked);
        if !is_executable(&candidate) {
            continue;
        }
        if inside(&candidate) {
            refused = refused.or(Some(candidate));
        } else {
            return Ok(candidate);
        }
    }
    Err(refused.map_or_else(|| SpawnError::NotFound(name.to_owned()), SpawnError::InsideWorkspace))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

fn command(program: &Path, spec: &Spawn) -> CommandBuilder {
    let mut command = CommandBuilder::new(program);
    command.args(spec.argv.iter().skip(1));
    command.cwd(&spec.cwd);
    command.env_clear();
    command.env("TERM", "xterm-256color");
    command.env("COLORTERM", "truecolor");
    command.env("LANG", if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" });
    // The library always sets this one, from the system's list of users; so it is ours to choose.
    command.env("SHELL", "/bin/sh");
    for (key, value) in &spec.env {
        command.env(key, value);
    }
    command
}

pub fn thread(what: &str, pid: u32, body: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    Builder::new().name(format!("{what} {pid}")).stack_size(STACK).spawn(body).map(drop)
}

/// Reads until the end, or until the session is over: a program outside it may keep the terminal open.
fn read(mut reader: Box<dyn Read + Send>, shared: &Shared) {
    let mut chunk = vec![0; CHUNK];
    loop {
        match reader.read(&mut chunk) {
            // The end is told as 0 or as an error, depending on the system.
            Ok(0) => break,
            Ok(length) => {
                if !shared.take_output(&chunk[..length]) {
                    break;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
}

fn write(mut writer: Box<dyn Write + Send>, shared: &Shared) {
    while let Some(bytes) = shared.input.take() {
        // A failed write means that the program's side is closed; the waiter tells when it is dead.
        let _ = writer.write_all(&bytes).and_then(|()| writer.flush());
        shared.input.written(bytes.len());
    }
}

fn wait(collect: Box<dyn FnOnce() -> Exit + Send>, kept: Kept, trace: Option<Trace>, begun: Instant, shared: &Shared) {
    wait_without_collecting(shared.identity.pid);
    let rest = stop_session(&shared.identity, &Ladder::at_once());
    shared.wait_for_reader(READER_GRACE);
    let mut exit = collect();
    exit.left = rest.left;
    exit.left.extend(trace.iter().flat_map(Trace::end_what_is_apart));
    drop(kept);
    // What could not be killed is still to be found by the next hub.
    if exit.left.is_empty()
        && let Some(trace) = trace
    {
        let _ = trace.remove();
    }
    shared.over(End { exit, begun });
}

/// Waits until the program has ended and leaves it a zombie, so that its number, and the session's, is still its own.
#[cfg(unix)]
fn wait_without_collecting(pid: u32) {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    while let Err(rustix::io::Errno::INTR) = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT) {}
}

#[cfg(not(unix))]
fn wait_without_collecting(_: u32) {}

#[cfg(unix)]
fn status(child: &mut Box<dyn Child + Send + Sync>) -> Exit {
    // The library's own status has the signal's name only.
    let child: &mut dyn Child = &mut **child;
    match child.downcast_mut::<std::process::Child>().map(std::process::Child::wait) {
        Some(Ok(status)) => exit_of(status),
        _ => Exit::default(),
    }
}

/// Returns how a program ended, from what the system says of it.
#[cfg(unix)]
pub fn exit_of(status: std::process::ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    Exit { code: status.code(), signal: status.signal(), ..Exit::default() }
}

#[cfg(not(unix))]
fn status(child: &mut Box<dyn Child + Send + Sync>) -> Exit {
    let code = child.wait().ok().and_then(|it| i32::try_from(it.exit_code()).ok());
    Exit { code, ..Exit::default() }
}

/// Returns a variable of this process's environment as a pair for [`Spawn::env`], where it is set.
pub fn inherited(key: &str) -> Option<(OsString, OsString)> {
    std::env::var_os(key).map(|value| (key.into(), value))
}
