//! The processes of a world: those whose environment carries the world's mark, or that work in its folders.
//!
//! Invariant: a signal goes only to a process that carries the mark and still has the start time that it had when it was
//! found, so that a number that was given to somebody else is left alone.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process};

/// The environment variable that marks a world's processes; agents are given theirs by an allow-list, so the world's
/// folders, which they have in `HOME` and `XDG_STATE_HOME`, mark them as well.
pub const MARK: &str = "CALLBOARD_TEST_WORLD";

/// A process of a world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, in the kernel's ticks.
    start: u64,
}

impl Process {
    /// Returns whether it still runs. A zombie doesn't.
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_some_and(|(state, start)| start == self.start && state != 'Z' && state != 'X')
    }

    /// Kills it, where it is still the one that was found.
    pub fn kill(&self) {
        if self.is_alive() {
            signal(self.pid, "KILL");
        }
    }

    /// Returns its command line, for messages.
    pub fn command_line(&self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).replace('\0', " ").trim_end().to_owned()
    }
}

/// Returns the living processes that belong to the world in `root`.
#[cfg(target_os = "linux")]
pub fn of(root: &Path) -> Vec<Process> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| *pid != std::process::id())
        .filter(|pid| belongs(*pid, root))
        .filter_map(|pid| Some(Process { pid, start: stat(pid)?.1 }))
        .filter(Process::is_alive)
        .collect()
}

/// Elsewhere than on Linux another process's environment can't be read: only the hub's own files tell.
#[cfg(not(target_os = "linux"))]
pub fn of(_root: &Path) -> Vec<Process> {
    Vec::new()
}

/// Sends a signal by name to a process that the test itself started.
///
/// # Panics
///
/// When the name is none of `TERM`, `INT`, `HUP`, `STOP`, `CONT`, `KILL`.
pub fn signal(pid: u32, name: &str) {
    let signal = match name {
        "TERM" => Signal::TERM,
        "INT" => Signal::INT,
        "HUP" => Signal::HUP,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        "KILL" => Signal::KILL,
        other => panic!("no signal {other} is sent by tests"),
    };
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile, which is what a killing signal wants.
        let _ = kill_process(pid, signal);
    }
}

fn belongs(pid: u32, root: &Path) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let root_bytes = root.as_os_str().as_encoded_bytes();
    let mentions = environment.split(|byte| *byte == 0).any(|pair| {
        let value = pair.iter().position(|byte| *byte == b'=').map_or(&[][..], |at| &pair[at + 1..]);
        value == root_bytes || (value.starts_with(root_bytes) && value.get(root_bytes.len()) == Some(&b'/'))
    });
    mentions || fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd: PathBuf| cwd.starts_with(root))
}

/// The state letter and the start time of a process.
fn stat(pid: u32) -> Option<(char, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything, so the fields are counted from its end.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}
