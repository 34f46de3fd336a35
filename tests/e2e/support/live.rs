//! A program that a test has started: its input, its output line by line as it comes, its end.
//!
//! Invariant: nothing here waits without a bound, and both outputs are always being read, so a program never blocks on a
//! full pipe because its test looks elsewhere.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::wait;

/// What became of a program that ran to its end.
#[derive(Debug, Clone)]
pub struct Ran {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Ran {
    /// Returns itself where the program succeeded.
    ///
    /// # Panics
    ///
    /// Where it did not, with all that it said.
    #[track_caller]
    pub fn ok(self, what: &str) -> Self {
        self.code(0, what)
    }

    /// Returns itself where the program ended with this code.
    ///
    /// # Panics
    ///
    /// Where it did not, with all that it said.
    #[track_caller]
    pub fn code(self, code: i32, what: &str) -> Self {
        assert!(self.code == Some(code), "{what} ended with {:?}, not {code}\n{}", self.code, self.indented());
        self
    }

    /// Returns each line of standard output as JSON.
    ///
    /// # Panics
    ///
    /// Where a line isn't: `--json` promises one object a line.
    #[track_caller]
    pub fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in the line {line:?}"));
        self.stdout.lines().map(parse).collect()
    }

    pub(super) fn indented(&self) -> String {
        let mut text = format!("    exit {:?} after {:?}\n", self.code, self.took);
        for (name, said) in [("out", &self.stdout), ("err", &self.stderr)] {
            text.extend(said.lines().map(|line| format!("    {name}: {line}\n")));
        }
        text
    }
}

/// A program that is running. Dropping it kills it.
pub struct Live {
    child: Child,
    what: String,
    started: Instant,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// All lines of standard output so far, for messages and for `finish`.
    seen: Vec<String>,
    /// Lines that came but were not asked for yet.
    unread: std::collections::VecDeque<String>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    must_be_read: bool,
    ended: bool,
}

impl Live {
    /// Starts a command with pipes. `must_be_read`: dropping it with unread output fails the test.
    pub fn start(mut command: Command, what: &str, must_be_read: bool) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("starting {what}: {error}"));
        let stdout = child.stdout.take().expect("its output");
        let mut errors = child.stderr.take().expect("its errors");
        let (sender, lines) = channel();
        let stderr = Arc::new(Mutex::new(String::new()));
        let heard = Arc::clone(&stderr);
        let out = std::thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while matches!(reader.read_until(b'\n', &mut line), Ok(length) if length > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        let err = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = errors.read(&mut buffer) {
                heard.lock().expect("its errors").push_str(&String::from_utf8_lossy(&buffer[..length]));
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            what: what.to_owned(),
            started: Instant::now(),
            lines,
            seen: Vec::new(),
            unread: std::collections::VecDeque::new(),
            stderr,
            readers: vec![out, err],
            must_be_read,
            ended: false,
        }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.lock().expect("its errors").clone()
    }

    /// Writes to its standard input. A program that has ended doesn't hear it, and the test sees that at its next wait.
    pub fn send(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(text.as_bytes()).and_then(|()| input.flush());
        }
    }

    /// Closes its standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for a line of its output that fits, and returns it. Lines before it count as read.
    ///
    /// # Panics
    ///
    /// After `limit`, or when the output ends first, with the wait's name and all that it said.
    #[track_caller]
    pub fn line(&mut self, name: &str, limit: Duration, fits: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + limit;
        loop {
            let next = match self.unread.pop_front() {
                Some(line) => Ok(line),
                None => self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())),
            };
            match next {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if fits(line.trim_end()) {
                        return line.trim_end().to_owned();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    let story = self.story();
                    panic!("waited {limit:?} in vain for {name} from {}\n{story}", self.what);
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let story = self.story();
                    panic!("{} ended its output before {name}\n{story}", self.what);
                }
            }
        }
    }

    /// Returns whether it has said something that was not asked for yet.
    pub fn has_unread(&mut self) -> bool {
        self.unread.extend(self.lines.try_iter());
        !self.unread.is_empty()
    }

    /// Sends it a signal by name (`TERM`, `INT`, `STOP`, `CONT`, `KILL`).
    ///
    /// # Panics
    ///
    /// When the name is none of these.
    pub fn signal(&self, name: &str) {
        super::processes::signal(self.child.id(), name);
    }

    /// Waits for its end and returns all of its output.
    ///
    /// # Panics
    ///
    /// After `limit`; the program is killed first.
    #[track_caller]
    pub fn finish(mut self, limit: Duration) -> Ran {
        self.input = None;
        let status = wait::poll(limit, || self.child.try_wait().ok().flatten());
        let Some(status) = status else {
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.ended = true;
            let story = self.story();
            panic!("{} had not ended after {limit:?}\n{story}", self.what);
        };
        self.ended = true;
        // A grandchild may hold the pipe: what was printed by now counts, and the wait for more is bounded.
        self.seen.extend(self.unread.drain(..));
        let deadline = Instant::now() + Duration::from_secs(5);
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            self.seen.push(line);
        }
        wait::poll(Duration::from_secs(5), || self.readers.iter().all(JoinHandle::is_finished).then_some(()));
        Ran { code: status.code(), stdout: self.seen.concat(), stderr: self.stderr(), took: self.started.elapsed() }
    }

    fn story(&mut self) -> String {
        self.seen.extend(self.unread.drain(..));
        self.seen.extend(self.lines.try_iter());
        let ran = Ran { code: None, stdout: self.seen.concat(), stderr: self.stderr(), took: self.started.elapsed() };
        ran.indented()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        // A second panic while the test fails already would hide why.
        let all_read = !self.must_be_read || !self.has_unread() || std::thread::panicking();
        assert!(all_read, "{} said something that the test never read: {:?}", self.what, self.unread);
    }
}
