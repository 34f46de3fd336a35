//! Who is at the other end of a connection, by the kernel's word and never by what is sent (promise 2).

use std::{fs, path::Path};

use crate::{hub::event::Actor, ids::AgentName, process};

/// The variable by which an agent's processes are marked.
const MARK: &str = "CALLBOARD_AGENT";

/// How many ancestors are looked at.
const MAX_DEPTH: usize = 256;

/// Returns who a process is to the hub with the pid `hub`: an agent where it descends from it or carries an agent's mark,
/// else the person `user`.
///
/// Invariant: where it can't be told, it is an agent. So a process that hides may lose a person's rights, never gain them.
/// Invariant: which agent it is follows from which of the hub's own children it descends from. The mark in an environment
/// names nobody, since whoever starts a process chooses it; nor does an orphan, which may be anybody's.
pub fn actor_of(pid: Option<u32>, hub: u32, user: &str) -> Actor {
    match pid {
        // A hub that runs inside its client is not its own agent.
        Some(pid) if pid == hub => Actor::Human(user.to_owned()),
        Some(pid) => match branch(pid, hub) {
            Branch::Elsewhere if !is_marked(pid) => Actor::Human(user.to_owned()),
            Branch::Of(child) => {
                Actor::Agent(process::reaper::label_of(child).and_then(|it| it.parse::<AgentName>().ok()))
            }
            Branch::Elsewhere | Branch::Unknown => Actor::Agent(None),
        },
        None => Actor::Agent(None),
    }
}

/// Where a process stands in the tree below another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Branch {
    /// It is this child of it, or descends from it.
    Of(u32),
    /// It does not descend from it.
    Elsewhere,
    /// That can't be told.
    Unknown,
}

/// Returns where `pid` stands below `ancestor`.
///
/// The hub adopts its agents' orphans, so the chain of an agent's process leads here although its parents have ended.
fn branch(pid: u32, ancestor: u32) -> Branch {
    // A parent may end while the chain is walked; its children then have another one, and the walk begins again.
    (0..3)
        .find_map(|_| {
            let mut at = pid;
            for _ in 0..MAX_DEPTH {
                let parent = process::entry(at)?.parent;
                if parent == ancestor {
                    return Some(Branch::Of(at));
                }
                if parent <= 1 {
                    return Some(Branch::Elsewhere);
                }
                at = parent;
            }
            None
        })
        .unwrap_or(Branch::Unknown)
}

/// Returns whether the environment that a process was started with has an agent's mark.
#[cfg(target_os = "linux")]
fn is_marked(pid: u32) -> bool {
    // One that hides its environment has something to hide. None shows while a program takes another's place, too; a person's
    // always has something in it.
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.is_empty()
        || environment
            .split(|it| *it == 0)
            .any(|it| it.strip_prefix(MARK.as_bytes()).is_some_and(|it| it.starts_with(b"=")))
}

#[cfg(not(target_os = "linux"))]
fn is_marked(_: u32) -> bool {
    false
}

/// Returns whether this process was started by an agent.
pub fn is_agent() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Returns the name of the account that this process runs as.
pub fn user_name() -> String {
    let uid = uid();
    let passwd = fs::read_to_string(Path::new("/etc/passwd")).unwrap_or_default();
    name_in(&passwd, uid)
        .or_else(|| std::env::var("USER").ok().filter(|it| !it.is_empty()))
        .unwrap_or_else(|| format!("user {uid}"))
}

fn name_in(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    })
}

/// Returns the user that this process acts as.
#[cfg(unix)]
pub fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn uid() -> u32 {
    0
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    /// Ends the process that it holds, and only that one.
    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn cat(marked: bool) -> Ended {
        let mut command = Command::new("cat");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).env_remove(MARK);
        if marked {
            command.env(MARK, "codex-2");
        }
        Ended(command.spawn().unwrap())
    }

    #[test]
    fn only_strict_descendants_are_agents() {
        let own = std::process::id();
        let child = cat(false);
        let pid = child.0.id();
        assert_eq!(actor_of(Some(pid), own, "ada"), Actor::Agent(None));
        assert_eq!(actor_of(Some(own), own, "ada"), Actor::Human("ada".to_owned()));
        assert_eq!(actor_of(Some(own), pid, "ada"), Actor::Human("ada".to_owned()));
        let other = cat(false);
        assert_eq!(branch(pid, other.0.id()), Branch::Elsewhere);
    }

    #[test]
    fn what_cannot_be_told_is_an_agent() {
        let own = std::process::id();
        let mut child = cat(false);
        child.0.kill().unwrap();
        child.0.wait().unwrap();
        assert_eq!(actor_of(Some(child.0.id()), own, "ada"), Actor::Agent(None));
        assert_eq!(actor_of(None, own, "ada"), Actor::Agent(None));
    }

    #[test]
    fn a_marked_process_is_an_agent_wherever_it_went() {
        let (marked, elsewhere) = (cat(true), cat(false));
        assert_eq!(actor_of(Some(marked.0.id()), elsewhere.0.id(), "ada"), Actor::Agent(None));
    }

    /// Security row 7: the name comes from what the hub started, never from an environment.
    #[test]
    fn an_agents_name_is_what_it_was_started_as() {
        let start = || -> Result<(Ended, u32), ()> {
            let child = cat(true);
            let pid = child.0.id();
            Ok((child, pid))
        };
        let (child, kept) = process::reaper::keep(Some("lint".to_owned()), start).unwrap();
        let (pid, own) = (child.0.id(), std::process::id());
        assert_eq!(actor_of(Some(pid), own, "ada"), Actor::Agent(Some("lint".parse().unwrap())));
        drop(kept);
        assert_eq!(actor_of(Some(pid), own, "ada"), Actor::Agent(None), "its mark alone names nobody");
    }

    #[test]
    fn accounts_are_found_by_number() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbad\n";
        assert_eq!(name_in(passwd, 1000).as_deref(), Some("ada"));
        assert_eq!(name_in(passwd, 7), None);
        assert!(!user_name().is_empty());
    }
}
