//! How a session is ended: asked first, then told, then killed, and nothing outside it touched.
//!
//! Invariant: pid and start time are verified between taking hold of a process and signalling it, so a pid that was
//! used again is never hit.

use std::time::{Duration, Instant};

use super::{Entry, Identity, entry, family, members};

/// Whom stopping reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// The session and the group of its leader.
    #[default]
    Session,
    /// Those, and what descends from one of them at that moment though it made a session of its own. Can't see what was
    /// left by a parent that has already ended.
    Descendants,
}

/// How long each rung of the ladder waits before the next is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// SIGINT, and this long; not at all where absent.
    pub interrupt: Option<Duration>,
    /// SIGTERM (with SIGCONT, for what was frozen), and this long; not at all where absent.
    pub terminate: Option<Duration>,
    /// SIGKILL, and this long until the rest is reported as not to be killed.
    pub kill: Duration,
    /// Whom it reaches.
    pub reach: Reach,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            interrupt: None,
            terminate: Some(Duration::from_secs(2)),
            kill: Duration::from_secs(5),
            reach: Reach::Session,
        }
    }
}

impl Ladder {
    /// Returns the ladder that starts at SIGKILL.
    pub fn at_once() -> Self {
        Self { terminate: None, ..Self::default() }
    }

    /// Returns the ladder that starts at SIGINT and waits this long on it.
    pub fn gently(interrupt: Duration) -> Self {
        Self { interrupt: Some(interrupt), ..Self::default() }
    }
}

/// What stopping a session came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stopped {
    /// How many times a process was signalled.
    pub signalled: usize,
    /// Those that still live: not to be killed, or not ours to signal.
    pub left: Vec<Identity>,
    /// Whether the session's number belongs to another process now, or to none: nothing was signalled then.
    pub not_ours: bool,
}

/// Ends a session and waits until it has ended, for as long as the ladder says at most.
///
/// Goes by the leader, which must live or be a zombie that nobody has collected yet: only then is its number, and with
/// it the session's, certain to be its own. Blocks; see [`stop_session_in_background`].
pub fn stop_session(leader: &Identity, ladder: &Ladder) -> Stopped {
    if !holds_its_number(leader) {
        return Stopped { not_ours: true, ..Stopped::default() };
    }
    climb(ladder, |known| living(leader, ladder.reach, known))
}

/// Ends exactly these processes, each of which the caller knows to be ours. Blocks like [`stop_session`].
pub fn stop_processes(processes: &[Identity], ladder: &Ladder) -> Stopped {
    climb(ladder, |_| processes.iter().filter(|it| super::is_alive(it)).cloned().collect())
}

fn climb(ladder: &Ladder, mut living: impl FnMut(&mut Vec<Identity>) -> Vec<Identity>) -> Stopped {
    let mut stopped = Stopped::default();
    let rungs = [
        (signals::INTERRUPT, ladder.interrupt),
        (signals::TERMINATE, ladder.terminate),
        (signals::KILL, Some(ladder.kill)),
    ];
    let mut known: Vec<Identity> = Vec::new();
    for (signal, wait) in rungs {
        let Some(wait) = wait else { continue };
        let deadline = Instant::now() + wait;
        let mut signalled: Vec<Identity> = Vec::new();
        loop {
            let living = living(&mut known);
            if living.is_empty() {
                stopped.left.clear();
                return stopped;
            }
            // A frozen fork bomb must not outrun us: what is new since the last look gets the signal too.
            let new: Vec<_> = living.iter().filter(|it| !signalled.contains(it)).cloned().collect();
            let held: Vec<_> = new.iter().filter_map(signals::Hold::take).collect();
            for hold in &held {
                hold.send(signal);
                stopped.signalled += 1;
            }
            signalled.extend(new);
            stopped.left.clone_from(&living);
            if Instant::now() >= deadline {
                break;
            }
            signals::wait_until_one_ends(&living, deadline);
        }
    }
    stopped
}

/// Ends a session on a thread of its own and calls `done` there.
pub fn stop_session_in_background(
    leader: Identity,
    ladder: Ladder,
    done: impl FnOnce(Stopped) + Send + 'static,
) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(format!("stop {}", leader.pid))
        .stack_size(256 * 1024)
        .spawn(move || done(stop_session(&leader, &ladder)))
        .map(drop)
}

fn holds_its_number(leader: &Identity) -> bool {
    entry(leader.pid).is_some_and(|it| it.identity == *leader)
}

/// Returns who has yet to end. `known` remembers who was reached through a parent that may have ended meanwhile.
fn living(leader: &Identity, reach: Reach, known: &mut Vec<Identity>) -> Vec<Identity> {
    let own = std::process::id();
    let mut found: Vec<Entry> = Vec::new();
    if holds_its_number(leader) {
        found = match reach {
            Reach::Session => members(leader.pid),
            Reach::Descendants => family(leader.pid),
        };
        // Whoever collected the leader between the two looks has freed its number: what was found may be another's.
        if !holds_its_number(leader) {
            found.clear();
        }
    }
    let mut living: Vec<Identity> = found.into_iter().map(|it| it.identity).filter(|it| it.pid != own).collect();
    for it in &living {
        if !known.contains(it) {
            known.push(it.clone());
        }
    }
    known.retain(super::is_alive);
    living.extend(known.iter().filter(|it| !living.contains(it)).cloned().collect::<Vec<_>>());
    living
}

#[cfg(unix)]
mod signals {
    use std::time::{Duration, Instant};

    use rustix::process::{Pid, Signal};

    use super::Identity;

    pub const INTERRUPT: Signal = Signal::INT;
    pub const TERMINATE: Signal = Signal::TERM;
    pub const KILL: Signal = Signal::KILL;

    fn raw(pid: u32) -> Option<Pid> {
        i32::try_from(pid).ok().and_then(Pid::from_raw)
    }

    /// A process that is held on to, so that its pid can't become another's between the check and the signal.
    pub struct Hold {
        #[cfg(target_os = "linux")]
        descriptor: Option<rustix::fd::OwnedFd>,
        identity: Identity,
    }

    impl Hold {
        pub fn take(identity: &Identity) -> Option<Self> {
            #[cfg(target_os = "linux")]
            let descriptor = rustix::process::pidfd_open(raw(identity.pid)?, rustix::process::PidfdFlags::empty()).ok();
            super::super::is_alive(identity).then(|| Self {
                #[cfg(target_os = "linux")]
                descriptor,
                identity: identity.clone(),
            })
        }

        pub fn send(&self, signal: Signal) {
            self.send_one(signal);
            if signal == TERMINATE {
                self.send_one(Signal::CONT);
            }
        }

        fn send_one(&self, signal: Signal) {
            #[cfg(target_os = "linux")]
            if let Some(descriptor) = &self.descriptor {
                let _ = rustix::process::pidfd_send_signal(descriptor, signal);
                return;
            }
            // Without a descriptor the check and the signal are two steps; the check is made once more, right before.
            if super::super::is_alive(&self.identity)
                && let Some(pid) = raw(self.identity.pid)
            {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    }

    /// Waits until one of them has ended, or the deadline. Event-driven where the system has process descriptors.
    pub fn wait_until_one_ends(living: &[Identity], deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        #[cfg(target_os = "linux")]
        {
            use rustix::event::{PollFd, PollFlags, Timespec, poll};
            // Bound: descriptors are scarce; the end of any of the first is enough to look again.
            const MOST: usize = 64;
            let held: Vec<_> = living.iter().take(MOST).filter_map(Hold::take).collect();
            if held.len() < living.len().min(MOST) {
                return;
            }
            let descriptors: Vec<_> = held.iter().filter_map(|it| it.descriptor.as_ref()).collect();
            if descriptors.len() == held.len() {
                let mut polled: Vec<_> = descriptors.iter().map(|it| PollFd::new(*it, PollFlags::IN)).collect();
                let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
                let _ = poll(&mut polled, Some(&timeout));
                return;
            }
        }
        let _ = living;
        std::thread::sleep(left.min(Duration::from_millis(20)));
    }
}

#[cfg(not(unix))]
mod signals {
    use std::time::Instant;

    use super::Identity;

    pub const INTERRUPT: u8 = 2;
    pub const TERMINATE: u8 = 15;
    pub const KILL: u8 = 9;

    pub struct Hold;

    impl Hold {
        pub fn take(_: &Identity) -> Option<Self> {
            None
        }

        pub fn send(&self, _: u8) {}
    }

    pub fn wait_until_one_ends(_: &[Identity], deadline: Instant) {
        std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        io::{BufRead as _, BufReader},
        os::unix::process::CommandExt as _,
        process::{Child, Command, Stdio},
    };

    use super::*;
    use crate::process::is_alive;

    /// Starts a shell that leads a group, and returns it with the pids that it prints, one a line, up to `count`.
    fn shell(script: &str, count: usize) -> (Child, Identity, Vec<u32>) {
        let mut child = Command::new("/bin/sh")
            .args(["-c", script])
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let identity = Identity::of(child.id()).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pids = (0..count).map(|_| lines.next().unwrap().unwrap().trim().parse().unwrap()).collect();
        (child, identity, pids)
    }

    /// Promise 6: a program that ignores HUP and TERM ends all the same.
    #[test]
    fn a_program_that_ignores_hup_and_term_is_killed() {
        let (mut child, identity, pids) = shell("trap '' HUP TERM INT; echo $$; while :; do sleep 60 & wait; done", 1);
        let ladder = Ladder {
            interrupt: Some(Duration::from_millis(50)),
            terminate: Some(Duration::from_millis(100)),
            ..Ladder::default()
        };
        let stopped = stop_session(&identity, &ladder);
        assert_eq!((stopped.left, stopped.not_ours), (Vec::new(), false));
        assert_eq!(members(pids[0]), Vec::new());
        child.wait().unwrap();
    }

    /// Promise 6: what hears SIGTERM is not killed harder, and the ladder does not sit out its time.
    #[test]
    fn a_program_that_hears_term_ends_on_it() {
        let (mut child, identity, pids) = shell("trap 'exit 7' TERM; sleep 60 & echo $!; wait", 1);
        // Until then it is the shell's copy, whose trap would take the signal and be forgotten with it.
        let is_sleep = || std::fs::read_to_string(format!("/proc/{}/comm", pids[0])).is_ok_and(|it| it == "sleep\n");
        let begun = Instant::now();
        while !is_sleep() {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never slept");
            std::thread::sleep(Duration::from_millis(5));
        }
        let begun = Instant::now();
        let patient = Ladder { terminate: Some(Duration::from_secs(60)), ..Ladder::default() };
        assert_eq!(stop_session(&identity, &patient).left, Vec::new());
        assert!(begun.elapsed() < Duration::from_secs(30));
        assert_eq!(child.wait().unwrap().code(), Some(7));
    }

    /// Promise 6: a child whose parents are gone is still of the session, and ends with it.
    #[test]
    fn a_double_forked_child_ends_with_its_session() {
        let (mut child, identity, pids) =
            shell("( (trap '' HUP TERM; exec sleep 60) & echo $! ); echo $$; sleep 60 & wait", 2);
        let daemon = Identity::of(pids[0]).unwrap();
        let ladder = Ladder { terminate: Some(Duration::from_millis(50)), ..Ladder::default() };
        assert_eq!(stop_session(&identity, &ladder).left, Vec::new());
        assert!(!is_alive(&daemon));
        child.wait().unwrap();
    }

    /// Promise 6: a pid that was used again, simulated by a start time that is not its own, is never signalled.
    #[test]
    fn another_process_with_the_same_pid_is_left_alone() {
        let (mut child, identity, _) = shell("echo $$; exec sleep 60", 1);
        let other = Identity { started: format!("{}1", identity.started), ..identity.clone() };
        let stopped = stop_session(&other, &Ladder::at_once());
        assert_eq!((stopped.signalled, stopped.not_ours), (0, true));
        assert!(is_alive(&identity));
        stop_session(&identity, &Ladder::at_once());
        child.wait().unwrap();
    }

    /// Promise 6: a process outside the session lives on, unless the caller asked for descendants.
    #[test]
    fn a_session_of_its_own_is_reached_only_on_request() {
        let (mut child, identity, pids) = shell("setsid sleep 60 & echo $!; sleep 60 & wait", 1);
        let apart = wait_for_own_session(pids[0]);
        assert_eq!(stop_session(&identity, &Ladder::at_once()).left, Vec::new());
        assert!(is_alive(&apart));
        child.wait().unwrap();
        stop_session(&apart, &Ladder::at_once());

        let (mut child, identity, pids) = shell("setsid sleep 60 & echo $!; sleep 60 & wait", 1);
        let apart = wait_for_own_session(pids[0]);
        let far = Ladder { reach: Reach::Descendants, ..Ladder::at_once() };
        assert_eq!(stop_session(&identity, &far).left, Vec::new());
        assert!(!is_alive(&apart));
        child.wait().unwrap();
    }

    /// Waits until `setsid` has made its session, for at most a minute.
    fn wait_for_own_session(pid: u32) -> Identity {
        let deadline = Instant::now() + Duration::from_secs(60);
        while super::super::session_of(pid) != Some(pid) {
            assert!(Instant::now() < deadline, "setsid made no session within a minute");
            std::thread::yield_now();
        }
        Identity::of(pid).unwrap()
    }
}
