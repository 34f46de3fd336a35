//! A machine that a world can switch off and on again, as far as its programs can tell: they have process numbers of their own,
//! which begin anew with each start, a boot id of its own, and a runtime folder that is empty at first.
//!
//! It is a PID and a mount namespace, so losing its first process ends all its processes at once, as a lost power supply does:
//! nobody is asked, and nobody hears of it. What stays is what was written. What a real machine loses besides, written but not yet
//! synced, is left to the journal's own tests.

use std::{
    fs,
    io::Write as _,
    process::{Child, Command, Stdio},
};

use super::{COMMAND_LIMIT, World, processes, wait_for};

/// A machine that is on.
pub struct Machine {
    /// What made the namespaces; its only child is the machine's first process.
    maker: Child,
    /// The first process, by its number outside.
    first: u32,
}

/// Mounts the boot id and the runtime folder of one start, says that it is done, and stays as the first process.
const FIRST: &str = "mount --bind \"$1\" /proc/sys/kernel/random/boot_id && mount -t tmpfs -o mode=700 tmpfs \"$2\" && \
                     : > \"$3\" && exec sleep 100000";

impl World {
    /// Switches this world's machine on: all that it starts from now on runs there. Returns whether there can be one
    /// here; `CALLBOARD_TEST_SANDBOX` says that there must.
    pub fn switch_on(&self) -> bool {
        let boot = self.root().join("boot-id");
        fs::copy("/proc/sys/kernel/random/uuid", &boot).expect("the boot id");
        let up = self.root().join("machine-is-up");
        let _ = fs::remove_file(&up);
        let mut maker = self.command("unshare");
        maker.args(["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", FIRST, "sh"]);
        maker.args([&boot, &self.runtime(), &up]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut maker = maker.spawn().expect("unshare");
        let begun = || {
            let ended = maker.try_wait().expect("the maker's state").is_some();
            (ended || up.exists()).then_some(!ended)
        };
        if !wait_for("a machine that is on", COMMAND_LIMIT, begun, || self.story()) {
            assert!(std::env::var_os("CALLBOARD_TEST_SANDBOX").is_none(), "a machine of its own is wanted");
            let _ = writeln!(std::io::stderr(), "skipped: namespaces of one's own can't be made here");
            return false;
        }
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", maker.id()));
        let first = children.expect("the maker's children").trim().parse().expect("the machine's first process");
        *self.machine.lock().expect("the world's machine") = Some(Machine { maker, first });
        true
    }

    /// Switches it off, where it is on: all that ran on it is gone when this returns.
    pub fn lose_power(&self) {
        let Some(mut machine) = self.machine.lock().expect("the world's machine").take() else { return };
        // Its first process ends with its maker, and with that one all the others.
        machine.maker.kill().and_then(|()| machine.maker.wait()).expect("the machine's end");
        let gone = || processes::of(self.root()).is_empty().then_some(());
        wait_for("the end of all that ran on the machine", COMMAND_LIMIT, gone, || self.story());
    }

    /// A command that runs a program on the machine, where one is on.
    pub(super) fn on_the_machine(&self, program: &std::ffi::OsStr) -> Command {
        let machine = self.machine.lock().expect("the world's machine");
        let Some(machine) = &*machine else { return Command::new(program) };
        let mut command = Command::new("nsenter");
        command.args(["--pid", "--mount", "--target"]).arg(machine.first.to_string());
        // What it works in is a folder of the machine's own view.
        command.arg(format!("--wdns={}", self.workspace().display())).arg("--").arg(program);
        command
    }
}
