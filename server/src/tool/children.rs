//! The processes that this tool has started, and their end.
//!
//! Each child leads a process group of its own. When we are told to end, every group that is ours ends first.
//! Invariant: a group is signalled only while its leader is unreaped, so its number can't belong to anybody else.

use std::{
    io,
    process::{Child, Command, ExitStatus},
};

/// Starts a child as the leader of its own group, and remembers it.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    imp::spawn(command)
}

/// Waits for a child, ends what is left of its group, and forgets it.
pub fn wait(child: Child) -> io::Result<ExitStatus> {
    imp::wait(child)
}

#[cfg(unix)]
mod imp {
    use std::{
        collections::BTreeSet,
        io,
        os::unix::process::CommandExt,
        process::{Child, Command, ExitStatus},
        sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, mpsc},
        time::Duration,
    };

    use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
    use tokio::signal::unix::{SignalKind, signal};

    /// How long children have to end after SIGTERM before they are killed.
    const GRACE: Duration = Duration::from_secs(1);

    #[derive(Default)]
    struct Running {
        leaders: BTreeSet<i32>,
        ending: bool,
    }

    static RUNNING: Mutex<Running> = Mutex::new(Running { leaders: BTreeSet::new(), ending: false });
    static ONE_LESS: Condvar = Condvar::new();

    fn running() -> MutexGuard<'static, Running> {
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn spawn(command: &mut Command) -> io::Result<Child> {
        listen();
        // The lock is held across the start, so that a signal finds the child in the list or finds no child.
        let mut running = running();
        if running.ending {
            stay(running);
        }
        let child = command.process_group(0).spawn()?;
        if let Ok(id) = i32::try_from(child.id()) {
            running.leaders.insert(id);
        }
        Ok(child)
    }

    pub fn wait(mut child: Child) -> io::Result<ExitStatus> {
        let id = i32::try_from(child.id()).ok();
        if let Some(pid) = id.and_then(Pid::from_raw) {
            // NOWAIT leaves the leader unreaped, so its group's number is still ours below.
            let how = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            while matches!(waitid(WaitId::Pid(pid), how), Err(rustix::io::Errno::INTR)) {}
        }
        let mut running = running();
        if let Some(id) = id {
            end_group(id, Signal::KILL);
            running.leaders.remove(&id);
        }
        ONE_LESS.notify_all();
        let status = child.wait();
        if running.ending {
            stay(running);
        }
        status
    }

    /// Waits for the end of this process, which the thread for signals is about to bring. Who went on would make a result of a
    /// child that was ended for it, or end first and with another code.
    fn stay(running: MutexGuard<'_, Running>) -> ! {
        drop(running);
        loop {
            std::thread::park();
        }
    }

    fn end_group(leader: i32, how: Signal) {
        if let Some(pid) = Pid::from_raw(leader) {
            // It fails where nobody is left in the group, which is what is wanted.
            let _ = kill_process_group(pid, how);
        }
    }

    /// Starts the thread that waits for SIGTERM, SIGHUP and SIGINT, once, and returns when it listens.
    fn listen() {
        static LISTENS: OnceLock<()> = OnceLock::new();
        LISTENS.get_or_init(|| {
            let (ready, is_ready) = mpsc::channel();
            let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
                runtime.block_on(async move {
                    let (Ok(mut term), Ok(mut hangup), Ok(mut interrupt)) = (
                        signal(SignalKind::terminate()),
                        signal(SignalKind::hangup()),
                        signal(SignalKind::interrupt()),
                    ) else {
                        return;
                    };
                    let _ = ready.send(());
                    let number = tokio::select! {
                        _ = term.recv() => 15,
                        _ = hangup.recv() => 1,
                        _ = interrupt.recv() => 2,
                    };
                    end_all_and_exit(number);
                });
            });
            if thread.is_ok() {
                let _ = is_ready.recv();
            }
        });
    }

    fn end_all_and_exit(number: i32) -> ! {
        let mut running = running();
        running.ending = true;
        running.leaders.iter().for_each(|it| end_group(*it, Signal::TERM));
        let (running, _) = ONE_LESS
            .wait_timeout_while(running, GRACE, |it| !it.leaders.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        running.leaders.iter().for_each(|it| end_group(*it, Signal::KILL));
        std::process::exit(128 + number)
    }
}

#[cfg(not(unix))]
mod imp {
    use std::{
        io,
        process::{Child, Command, ExitStatus},
    };

    pub fn spawn(command: &mut Command) -> io::Result<Child> {
        command.spawn()
    }

    pub fn wait(mut child: Child) -> io::Result<ExitStatus> {
        child.wait()
    }
}
