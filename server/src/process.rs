//! Operating system processes: which one is meant, who started it, and how a whole session is ended.
//!
//! A pid alone is never enough, because pids are used again: everything that signals goes by an [`Identity`].
//! Knows nothing of agents, terminals or the hub.

use std::{collections::HashMap, fmt};

use serde::{Deserialize, Serialize};

pub mod ladder;
pub mod leftovers;
pub mod reaper;
mod table;

pub use self::{
    ladder::{Ladder, Reach, Stopped, stop_processes, stop_session, stop_session_in_background},
    table::{Entry, entries, entry},
};

/// A process, told apart from every other that had or will have its pid.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Its number while it lives.
    pub pid: u32,
    /// When it was started, as the system says it: opaque, equal for the same process only. On Linux it holds the
    /// boot's id too, so that a file that outlives a reboot names nothing.
    pub started: String,
}

impl Identity {
    /// Returns who has the number `pid` now, zombies included; `None` where nobody has.
    pub fn of(pid: u32) -> Option<Self> {
        entry(pid).map(|it| it.identity)
    }

    /// Returns this process.
    pub fn own() -> Option<Self> {
        Self::of(std::process::id())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)
    }
}

/// Returns whether that very process still runs. A zombie does not: it has ended and only its status is left.
pub fn is_alive(identity: &Identity) -> bool {
    entry(identity.pid).is_some_and(|it| it.identity == *identity && !it.zombie)
}

/// Returns whether `pid` was started by `ancestor`, by one of its children, and so on; a process descends from itself.
///
/// With [`reaper::adopt_orphans`] on, what an agent started still descends from the hub after its parent has ended.
pub fn descends_from(pid: u32, ancestor: u32) -> bool {
    // Bound: a chain can't be longer than this without a pid that was used again while it was being followed.
    const LONGEST_CHAIN: usize = 256;
    let mut at = pid;
    for _ in 0..LONGEST_CHAIN {
        if at == ancestor {
            return true;
        }
        match entry(at) {
            Some(it) if it.parent > 0 && it.parent != at => at = it.parent,
            _ => return false,
        }
    }
    false
}

/// Returns the session that a process is in: the pid of the process that made it.
pub fn session_of(pid: u32) -> Option<u32> {
    entry(pid).map(|it| it.session)
}

/// Returns every process in the session or the group that `leader` leads, the leader too, without zombies.
pub fn members(leader: u32) -> Vec<Entry> {
    entries().into_iter().filter(|it| !it.zombie && belongs(it, leader)).collect()
}

fn belongs(entry: &Entry, leader: u32) -> bool {
    entry.session == leader || entry.group == leader
}

/// Returns the members, and with them everything that descends from one of them at this moment.
fn family(leader: u32) -> Vec<Entry> {
    let all = entries();
    let parents: HashMap<u32, u32> = all.iter().map(|it| (it.identity.pid, it.parent)).collect();
    let inside: std::collections::HashSet<u32> =
        all.iter().filter(|it| belongs(it, leader)).map(|it| it.identity.pid).collect();
    let descends = |pid: u32| {
        std::iter::successors(Some(pid), |at| parents.get(at).copied().filter(|parent| parent != at))
            .take(256)
            .any(|at| inside.contains(&at))
    };
    all.into_iter().filter(|it| !it.zombie && descends(it.identity.pid)).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_its_pid_and_its_start_time() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        assert!(is_alive(&identity));
        assert!(!is_alive(&Identity { started: "another time".to_owned(), ..identity.clone() }));
        child.kill().unwrap();
        // Killed and not yet waited for, it is a zombie or on its way to be one; after the wait it is gone for certain.
        child.wait().unwrap();
        assert!(!is_alive(&identity));
        assert_eq!(Identity::of(identity.pid).filter(|it| *it == identity), None);
    }

    #[test]
    fn descent_follows_the_chain_of_parents() {
        let mut child = Command::new("/bin/sh")
            .args(["-c", "sleep 60 & echo $!; wait"])
            .stdout(Stdio::piped())
            .process_group_of_its_own()
            .spawn()
            .unwrap();
        let grandchild: u32 = first_line(&mut child).parse().unwrap();
        let us = std::process::id();
        assert!(descends_from(grandchild, child.id()));
        assert!(descends_from(grandchild, us));
        assert!(descends_from(us, us));
        assert!(!descends_from(us, grandchild));
        assert!(!descends_from(1, us));
        assert_eq!(members(child.id()).len(), 2);
        assert_eq!(session_of(grandchild), session_of(us));
        stop_session(&Identity::of(child.id()).unwrap(), &Ladder::at_once());
        child.wait().unwrap();
    }

    fn first_line(child: &mut std::process::Child) -> String {
        use std::io::BufRead as _;
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    trait OwnGroup {
        fn process_group_of_its_own(&mut self) -> &mut Self;
    }

    impl OwnGroup for Command {
        fn process_group_of_its_own(&mut self) -> &mut Self {
            std::os::unix::process::CommandExt::process_group(self, 0)
        }
    }
}
