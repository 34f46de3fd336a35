//! Orphans of agents stay ours, and leave no zombies behind.
//!
//! Invariant: only a process that certainly was adopted is collected, never a child that somebody here waits for.

use std::{collections::BTreeMap, io, sync::Mutex};

/// Children with a session of their own that somebody waits for, each with what it was started as. One list, as there is
/// one set of children a process.
static KEPT: Mutex<BTreeMap<u32, Option<String>>> = Mutex::new(BTreeMap::new());

/// A child that the reaper leaves to whoever holds this.
#[derive(Debug)]
pub struct Kept(u32);

impl Drop for Kept {
    fn drop(&mut self) {
        lock().remove(&self.0);
    }
}

/// Starts a child that makes a session of its own and is waited for here. `start` returns it with its pid.
///
/// The reaper decides nothing while `start` runs, so the child's status can't be lost between its start and its entry
/// in the list; starts happen one after the other for the same reason. A child that stays in our session needs none of
/// this.
/// `label` says what it is started as, for [`label_of`].
pub fn keep<T, E>(label: Option<String>, start: impl FnOnce() -> Result<(T, u32), E>) -> Result<(T, Kept), E> {
    let mut kept = lock();
    let (child, pid) = start()?;
    kept.insert(pid, label);
    Ok((child, Kept(pid)))
}

/// Returns what a child that is kept was started as. Nothing that the child does changes it, and no orphan that was adopted
/// has one.
pub fn label_of(pid: u32) -> Option<String> {
    lock().get(&pid).cloned().flatten()
}

fn lock() -> std::sync::MutexGuard<'static, BTreeMap<u32, Option<String>>> {
    KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Makes this process the parent of its descendants' orphans, and collects each when it ends. Once per process.
///
/// What an agent started then always descends from the hub, which is how a peer is told from a person. Elsewhere than
/// on Linux orphans go to the system's first process, and this does nothing.
#[cfg(target_os = "linux")]
pub fn adopt_orphans() -> io::Result<()> {
    use std::sync::atomic::{AtomicBool, Ordering};

    static ON: AtomicBool = AtomicBool::new(false);
    if ON.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let mut children = {
        let _inside = runtime.enter();
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::child())?
    };
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    std::thread::Builder::new().name("reaper".to_owned()).stack_size(256 * 1024).spawn(move || {
        runtime.block_on(async {
            collect();
            while children.recv().await.is_some() {
                collect();
            }
        });
    })?;
    Ok(())
}

/// Does nothing here.
#[cfg(not(target_os = "linux"))]
pub fn adopt_orphans() -> io::Result<()> {
    Ok(())
}

/// Collects the adopted orphans that have ended.
#[cfg(target_os = "linux")]
fn collect() {
    let own = std::process::id();
    let Some(session) = super::session_of(own) else { return };
    // Held while it looks and collects: see `keep`.
    let kept = lock();
    for it in super::entries() {
        if it.zombie
            && it.parent == own
            && was_adopted(it.identity.pid, it.session, session, &kept)
            && let Some(pid) = i32::try_from(it.identity.pid).ok().and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::NOHANG);
        }
    }
}

/// Returns whether a zombie child of ours was not started here. A child that was is in our session, or leads its own
/// and is kept; an orphan of something in our own session can't be told from a child, and is left to the system.
#[cfg(target_os = "linux")]
fn was_adopted(pid: u32, session: u32, own_session: u32, kept: &BTreeMap<u32, Option<String>>) -> bool {
    session != own_session && !(session == pid && kept.contains_key(&pid))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::{
        process::{Command, Stdio},
        time::{Duration, Instant},
    };

    use super::*;
    use crate::process::{Identity, descends_from, entry};

    #[test]
    fn who_is_adopted() {
        let kept = BTreeMap::from([(30, None)]);
        assert!(!was_adopted(20, 10, 10, &kept), "a child in our session");
        assert!(!was_adopted(30, 30, 10, &kept), "an agent that somebody waits for");
        assert!(was_adopted(31, 30, 10, &kept), "an agent's orphan");
        assert!(was_adopted(40, 40, 10, &kept), "an agent's orphan with a session of its own");
    }

    /// Promises 2 and 6: an agent's daemon descends from us after its parents are gone, and leaves no zombie; a child
    /// that we wait for keeps its status meanwhile.
    #[test]
    fn an_orphan_is_ours_until_it_ends_and_then_gone() {
        adopt_orphans().unwrap();
        let waited = Command::new("/bin/sh").args(["-c", "exit 9"]).spawn().unwrap();
        let out = Command::new("/bin/sh")
            .args(["-c", "(setsid sh -c 'echo $$; exec sleep 2 </dev/null >/dev/null 2>&1' &)"])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let orphan: u32 = String::from_utf8(out.stdout).unwrap().trim().parse().unwrap();
        let identity = Identity::of(orphan).unwrap();
        assert!(descends_from(orphan, std::process::id()));
        let deadline = Instant::now() + Duration::from_secs(60);
        while entry(orphan).is_some_and(|it| it.identity == identity) {
            assert!(Instant::now() < deadline, "the orphan was not collected within a minute");
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut waited = waited;
        assert_eq!(waited.wait().unwrap().code(), Some(9));
    }
}
