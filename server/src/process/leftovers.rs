//! What a hub that died has left running: one small file a live session, and the clean-up that reads them.
//!
//! Invariant: a file is on the disk before anything is sent to its process, and goes only after the session's end.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Deserialize, Serialize};

use super::{Identity, Ladder, Stopped, entries, members, stop_processes, stop_session};
use crate::ids::{AgentName, Timestamp, TurnId};

/// What is written of a live session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leftover {
    /// The session's leader.
    pub process: Identity,
    /// Whose it is.
    pub agent: AgentName,
    /// What it was started for, where that is a turn.
    pub turn: Option<TurnId>,
    /// An entry `KEY=VALUE` of its environment that no other session has: by it what is left of the session is known
    /// when its leader is gone. See [`new_mark`].
    #[serde(default)]
    pub mark: Option<String>,
}

impl Leftover {
    /// Returns the mark of a program that stays over many turns. Such programs give each command of theirs a session of its
    /// own, and leave it running when they are killed. What a tool starts apart from its session, a build's daemon for one,
    /// is meant to stay.
    fn mark_of_one_that_stays(&self) -> Option<&str> {
        self.mark.as_deref().filter(|_| self.turn.is_none())
    }
}

/// Returns a pair for a session's environment that no other session has or had.
pub fn new_mark() -> (&'static str, String) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    ("CALLBOARD_SESSION", format!("{:x}-{:x}-{count:x}", Timestamp::now().0, std::process::id()))
}

/// The file of a live session. Dropping it leaves the file: only [`Trace::remove`], after the session's end, takes it
/// away.
#[derive(Debug)]
#[must_use = "the file stays until it is removed"]
pub struct Trace {
    path: PathBuf,
    /// The mark of a program that stays over many turns.
    mark: Option<String>,
}

impl Trace {
    /// Writes the file of a session into `dir`, which is made where it is missing.
    pub fn write(dir: &Path, leftover: &Leftover) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let started: String = leftover.process.started.chars().filter(char::is_ascii_alphanumeric).collect();
        let path = dir.join(format!("{}-{started}.json", leftover.process.pid));
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        serde_json::to_writer(&mut file, leftover)?;
        file.flush()?;
        // Complete or not there at all. It need not survive the machine: no process does.
        file.persist(&path).map_err(|it| it.error)?;
        Ok(Self { path, mark: leftover.mark_of_one_that_stays().map(str::to_owned) })
    }

    /// Ends what the program has left in sessions of its own making, and returns what could not be ended. To be called when
    /// the program has ended.
    pub fn end_what_is_apart(&self) -> Vec<Identity> {
        let Some(mark) = &self.mark else { return Vec::new() };
        let apart = marked(mark);
        if apart.is_empty() { apart } else { stop_processes(&apart, &Ladder::at_once()).left }
    }

    /// Takes the file away: the session has ended.
    pub fn remove(self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// What became of a leftover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cleaned {
    /// It still ran and was ended with its whole session.
    Ended,
    /// It had ended before.
    Gone,
    /// Another process has its number now; nothing was touched.
    NumberReused,
    /// Parts of the session can't be ended; their pids. The file stays.
    Left(Vec<u32>),
}

/// One line of the clean-up's report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was written of it.
    pub leftover: Leftover,
    /// What became of it.
    pub outcome: Cleaned,
}

/// Ends what an earlier hub has left running, and returns what was found. Blocks for as long as the ladder says at
/// most.
///
/// To be called before anything is started, by the one hub of the folder. A file that can't be read names nothing, and
/// is taken away.
pub fn clean_up(dir: &Path) -> io::Result<Vec<Report>> {
    let folder = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        folder => folder?,
    };
    let mut files = Vec::new();
    for it in folder {
        let path = it?.path();
        match read(&path) {
            Some(leftover) => files.push((path, leftover)),
            None if path.is_file() => drop(fs::remove_file(&path)),
            None => {}
        }
    }
    files.sort_by_key(|(_, it)| it.process.pid);
    // Side by side: each may sit out its whole ladder.
    let outcomes: Vec<Cleaned> = std::thread::scope(|scope| {
        let running: Vec<_> = files.iter().map(|(_, it)| scope.spawn(|| end(it))).collect();
        running.into_iter().map(|it| it.join().unwrap_or_else(|_| Cleaned::Left(Vec::new()))).collect()
    });
    let mut reports = Vec::new();
    for ((path, leftover), outcome) in files.into_iter().zip(outcomes) {
        if !matches!(outcome, Cleaned::Left(_)) {
            let _ = fs::remove_file(&path);
        }
        reports.push(Report { leftover, outcome });
    }
    Ok(reports)
}

fn read(path: &Path) -> Option<Leftover> {
    // Bound: a file of ours is far below this.
    const LARGEST: u64 = 64 * 1024;
    if fs::metadata(path).ok()?.len() > LARGEST {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn end(leftover: &Leftover) -> Cleaned {
    let process = &leftover.process;
    let session = match Identity::of(process.pid) {
        Some(now) if now == *process => outcome(&stop_session(process, &Ladder::default())),
        // A number is given out again only when its session has ended to the last process.
        Some(_) => Cleaned::NumberReused,
        // The leader has ended and others of its session may not have, because they ignore the hangup or never got one.
        None => {
            let mark = leftover.mark.as_deref();
            let left: Vec<_> = members(process.pid).into_iter().map(|it| it.identity).collect();
            ended(&left.into_iter().filter(|it| mark.is_some_and(|mark| has_mark(it, mark))).collect::<Vec<_>>())
        }
    };
    match (session, leftover.mark_of_one_that_stays().map(|it| ended(&marked(it)))) {
        (Cleaned::Left(mut one), Some(Cleaned::Left(two))) => {
            one.extend(two);
            Cleaned::Left(one)
        }
        (Cleaned::Gone | Cleaned::NumberReused, Some(apart @ (Cleaned::Ended | Cleaned::Left(_)))) => apart,
        (session, _) => session,
    }
}

fn ended(processes: &[Identity]) -> Cleaned {
    if processes.is_empty() { Cleaned::Gone } else { outcome(&stop_processes(processes, &Ladder::default())) }
}

fn outcome(stopped: &Stopped) -> Cleaned {
    match (stopped.left.is_empty(), stopped.not_ours) {
        (true, true) => Cleaned::Gone,
        (true, false) => Cleaned::Ended,
        (false, _) => Cleaned::Left(stopped.left.iter().map(|it| it.pid).collect()),
    }
}

/// Returns the processes that were started with a session's mark, wherever they are now.
fn marked(mark: &str) -> Vec<Identity> {
    entries().into_iter().filter(|it| !it.zombie).map(|it| it.identity).filter(|it| has_mark(it, mark)).collect()
}

/// Returns whether a process was started with a session's mark. Where the system doesn't tell, it was not.
#[cfg(target_os = "linux")]
fn has_mark(process: &Identity, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
    environment.split(|it| *it == 0).any(|it| it == mark.as_bytes()) && super::is_alive(process)
}

#[cfg(not(target_os = "linux"))]
fn has_mark(_: &Identity, _: &str) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::{
        os::unix::process::CommandExt as _,
        process::{Child, Command},
    };

    use super::*;
    use crate::process::is_alive;

    fn sleeper() -> (Child, Leftover) {
        let child = Command::new("sleep").arg("60").process_group(0).spawn().unwrap();
        let process = Identity::of(child.id()).unwrap();
        (child, Leftover { process, agent: "claude".parse().unwrap(), turn: Some(TurnId(3)), mark: None })
    }

    /// Promise 6: a hub that starts after a crash ends its own leftovers, by pid and start time, and nothing else.
    #[test]
    fn only_what_is_still_ours_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("processes");
        assert_eq!(clean_up(&dir).unwrap(), Vec::new());

        let (mut ours, leftover) = sleeper();
        let (mut other, mut reused) = sleeper();
        let real = reused.process.clone();
        reused.process.started.push('1');
        let (mut ended, gone) = sleeper();
        ended.kill().unwrap();
        ended.wait().unwrap();
        for it in [&leftover, &reused, &gone] {
            let _stays = Trace::write(&dir, it).unwrap();
        }
        fs::write(dir.join("broken.json"), "{").unwrap();

        let mut expected = vec![
            Report { leftover: leftover.clone(), outcome: Cleaned::Ended },
            Report { leftover: reused, outcome: Cleaned::NumberReused },
            Report { leftover: gone, outcome: Cleaned::Gone },
        ];
        expected.sort_by_key(|it| it.leftover.process.pid);
        assert_eq!(clean_up(&dir).unwrap(), expected);
        assert!(!is_alive(&leftover.process));
        assert!(is_alive(&real));
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        ours.wait().unwrap();
        other.kill().unwrap();
        other.wait().unwrap();
    }

    /// Promise 6: what is left of a session is ended though its leader is gone; without the mark nothing proves it
    /// ours.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_session_without_its_leader_is_known_by_its_mark() {
        use std::io::{BufRead as _, BufReader};
        let folder = tempfile::tempdir().unwrap();
        let (key, value) = new_mark();
        let mut leader = Command::new("/bin/sh")
            .args(["-c", "(trap '' HUP TERM; echo ready; while :; do sleep 60; done) & exec sleep 60"])
            .env(key, &value)
            .process_group(0)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        BufReader::new(leader.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
        let process = Identity::of(leader.id()).unwrap();
        leader.kill().unwrap();
        leader.wait().unwrap();
        assert!(!members(process.pid).is_empty());

        let agent: AgentName = "claude".parse().unwrap();
        let unmarked = Leftover { process: process.clone(), agent, turn: None, mark: None };
        let marked = Leftover { mark: Some(format!("{key}={value}")), ..unmarked.clone() };
        for (leftover, outcome) in [(unmarked, Cleaned::Gone), (marked, Cleaned::Ended)] {
            let _stays = Trace::write(folder.path(), &leftover).unwrap();
            assert_eq!(clean_up(folder.path()).unwrap(), [Report { leftover, outcome }]);
        }
        assert_eq!(members(process.pid), Vec::new());
    }

    /// Promise 6: what a program that stays has left in a session apart ends with it; a tool's daemon is left alone.
    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_program_left_in_a_session_apart_is_known_by_its_mark() {
        let folder = tempfile::tempdir().unwrap();
        for (turn, ends) in [(None, true), (Some(TurnId(3)), false)] {
            let (key, value) = new_mark();
            let mut apart = Command::new("sleep").arg("60").env(key, &value).process_group(0).spawn().unwrap();
            let identity = Identity::of(apart.id()).unwrap();
            let (mut program, leftover) = sleeper();
            program.kill().unwrap();
            program.wait().unwrap();
            let leftover = Leftover { turn, mark: Some(format!("{key}={value}")), ..leftover };
            let trace = Trace::write(folder.path(), &leftover).unwrap();
            assert_eq!(trace.end_what_is_apart(), []);
            assert_eq!(is_alive(&identity), !ends);
            if !ends {
                assert_eq!(clean_up(folder.path()).unwrap()[0].outcome, Cleaned::Gone);
                assert!(is_alive(&identity));
            }
            let _ = apart.kill();
            apart.wait().unwrap();
            trace.remove().unwrap();
        }
    }

    #[test]
    fn a_session_that_ended_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut child, leftover) = sleeper();
        let trace = Trace::write(folder.path(), &leftover).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        child.kill().unwrap();
        child.wait().unwrap();
        trace.remove().unwrap();
        assert_eq!(clean_up(folder.path()).unwrap(), Vec::new());
    }
}
