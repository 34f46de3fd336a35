//! A hub that a test starts itself, with a fault in its environment (docs/testing.md, Faults), while the commands that
//! follow have none: the hub that they start in its place is a sound one.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::ExitStatusExt as _,
    process::{Child, Stdio},
    sync::mpsc::channel,
};

use crate::support::{COMMAND_LIMIT, World, wait::poll};

/// A hub with a fault.
pub struct Armed(Child);

impl Armed {
    /// Starts the hub of a world, and returns once it has said that it is ready, or has died.
    pub fn start(world: &World, fault: &str, value: &str) -> Self {
        let mut command = world.command(env!("CARGO_BIN_EXE_callboard"));
        command.args(["hub", "run"]).arg(world.workspace()).env(fault, value);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a hub");
        let stdout = child.stdout.take().expect("its output");
        let (said, word) = channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = said.send(line);
        });
        let word = word.recv_timeout(COMMAND_LIMIT).expect("the hub's first word, or its end");
        assert!(word.is_empty() || word == "ready\n", "the hub did not start: {word}");
        Self(child)
    }

    /// Returns whether the fault killed it. One that still runs counts as not killed, and is left to the world's end.
    pub fn was_killed(&mut self) -> bool {
        self.0.try_wait().expect("its state").is_some_and(|it| it.signal() == Some(9))
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        // Its world stops it by `hub stop`; a zombie is collected here, whichever way it went.
        if poll(std::time::Duration::from_secs(1), || self.0.try_wait().ok().flatten()).is_none() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
