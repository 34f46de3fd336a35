//! `callboard` on a real terminal: what its screen shows, and the keys that a person presses.

use std::{
    io::{Read as _, Write},
    num::NonZeroU16,
    sync::mpsc::{Receiver, channel},
    time::Instant,
};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::World;

/// Tall enough that nothing scrolls away.
const ROWS: NonZeroU16 = NonZeroU16::new(60).unwrap();

/// A program on a terminal, and its screen.
pub struct Window {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    keys: Box<dyn Write + Send>,
    bytes: Receiver<Vec<u8>>,
    screen: vt100::Parser,
}

impl Window {
    /// Starts `callboard` in the workspace.
    pub fn open(world: &World, args: &[&str], columns: u16) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: ROWS.get(), cols: columns, pixel_width: 0, pixel_height: 0 })
            .expect("a terminal");
        let model = world.command(env!("CARGO_BIN_EXE_callboard"));
        let mut command = CommandBuilder::new(model.get_program());
        command.args(args);
        command.env_clear();
        command.cwd(world.workspace());
        for (key, value) in model.get_envs() {
            if let Some(value) = value {
                command.env(key, value);
            }
        }
        command.env("TERM", "xterm-256color");
        let child = pair.slave.spawn_command(command).expect("the program");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("its output");
        let keys = pair.master.take_writer().expect("its keyboard");
        let (sender, bytes) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            master: Some(pair.master),
            keys,
            bytes,
            screen: vt100::Parser::new(ROWS, NonZeroU16::new(columns).expect("a width"), 1000),
        }
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen fits, and returns it.
    #[track_caller]
    pub fn see(&mut self, name: &str, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + super::COMMAND_LIMIT;
        while !fits(&self.text()) {
            match self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(why) => panic!("waited in vain for {name} ({why}); the screen is:\n{}", self.text()),
            }
        }
        self.text()
    }

    /// Types keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("the keyboard");
    }

    /// Closes the terminal as a window is closed, and returns when the program has ended.
    pub fn close(mut self) {
        drop(self.master.take());
        drop(std::mem::replace(&mut self.keys, Box::new(std::io::sink())));
        self.child.wait().expect("the program ends with its window");
    }

    /// Waits for its end, and returns its exit code and the last screen.
    #[track_caller]
    pub fn end(mut self) -> (u32, String) {
        let deadline = Instant::now() + super::COMMAND_LIMIT;
        while let Ok(bytes) = self.bytes.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.screen.process(&bytes);
        }
        (self.child.wait().expect("its end").exit_code(), self.text())
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}
