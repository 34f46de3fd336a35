//! The world that an end-to-end test lives in: a folder with its own home, state, configuration, runtime folder and
//! workspace, the real programs, and waits with names and bounds.
//!
//! It knows Callboard by its command line and its files only. Its `Drop` ends what the world started and fails the test
//! where a process of it survived or a live program said something that nobody read.

#![allow(dead_code, reason = "each test program that includes this uses a part of it")]

use std::{
    ffi::{OsStr, OsString},
    fmt::Write as _,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

// The paths are written out because the benchmarks include this file by its path, from another folder.
#[path = "support/editor.rs"]
pub mod editor;
#[path = "support/live.rs"]
pub mod live;
#[cfg(target_os = "linux")]
#[path = "support/machine.rs"]
pub mod machine;
#[path = "support/normal.rs"]
pub mod normal;
#[path = "support/processes.rs"]
pub mod processes;
#[path = "support/wait.rs"]
pub mod wait;
#[path = "support/window.rs"]
pub mod window;

pub use self::{live::Live, live::Ran, wait::wait_for};

/// How long a command may take before it counts as hung: far above what it needs, for a machine with other work to do.
pub const COMMAND_LIMIT: Duration = Duration::from_mins(2);

/// A developer's machine in a temporary folder.
pub struct World {
    root: tempfile::TempDir,
    /// Whether what its programs wrote to standard error is shown when the test fails.
    talk: Mutex<Vec<String>>,
    extra: Mutex<Vec<(OsString, OsString)>>,
    checked: AtomicBool,
    #[cfg(target_os = "linux")]
    machine: Mutex<Option<machine::Machine>>,
}

impl World {
    /// Makes a world with an empty, untrusted workspace folder.
    pub fn new() -> Self {
        // Invariant: the path is short. A socket's path is held to 104 bytes, and the runtime folder is below it.
        let root = tempfile::Builder::new().prefix("cb-").rand_bytes(6).tempdir_in("/tmp").expect("a temporary folder");
        let world = Self {
            root,
            talk: Mutex::default(),
            extra: Mutex::default(),
            checked: AtomicBool::new(false),
            #[cfg(target_os = "linux")]
            machine: Mutex::default(),
        };
        for folder in [world.home(), world.config(), world.state(), world.runtime(), world.workspace()] {
            fs::create_dir_all(&folder).expect("a folder of the world");
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("the folder's mode");
        }
        world
    }

    /// Makes a world whose workspace is a git repository with these files in its first commit, trusted.
    pub fn with_files(files: &[(&str, &str)]) -> Self {
        let world = Self::new();
        for (path, text) in files {
            world.write(path, text);
        }
        world.git_init();
        world.trust();
        world
    }

    /// The folder that everything of this world is in.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The home folder of its programs.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// Callboard's configuration folder: `agents/`, `workflows/`, `config.yaml`.
    pub fn config(&self) -> PathBuf {
        self.root().join("c/callboard")
    }

    /// Callboard's state folder.
    pub fn state(&self) -> PathBuf {
        self.root().join("s/callboard")
    }

    /// The runtime folder as the session would give it (`XDG_RUNTIME_DIR`).
    pub fn runtime(&self) -> PathBuf {
        self.root().join("r")
    }

    /// The workspace.
    pub fn workspace(&self) -> PathBuf {
        self.root().join("w")
    }

    /// Writes a file of the workspace, with the folders above it.
    pub fn write(&self, path: &str, text: &str) {
        write(&self.workspace().join(path), text);
    }

    /// Reads a file of the workspace.
    pub fn read(&self, path: &str) -> String {
        let path = self.workspace().join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
    }

    /// Adds an agent, or replaces one, in the user's configuration.
    pub fn profile(&self, name: &str, yaml: &str) {
        write(&self.config().join("agents").join(format!("{name}.yaml")), yaml);
    }

    /// Adds a workflow to the user's configuration.
    pub fn workflow(&self, name: &str, yaml: &str) {
        write(&self.config().join("workflows").join(format!("{name}.yaml")), yaml);
    }

    /// Adds an environment variable for every program started from now on.
    pub fn env(&self, key: impl Into<OsString>, value: impl Into<OsString>) {
        self.extra.lock().expect("the world's variables").push((key.into(), value.into()));
    }

    /// Makes the workspace a git repository and commits what is in it.
    pub fn git_init(&self) {
        self.git(&["init", "--quiet", "--initial-branch=main"]);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message=first"]);
    }

    /// Runs git in the workspace, away from the machine's own configuration, and returns what it printed.
    pub fn git(&self, args: &[&str]) -> String {
        let mut command = self.command("git");
        command.args(args).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        for key in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"] {
            command.env(key, "Dev Eloper");
        }
        for key in ["GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            command.env(key, "dev@example.invalid");
        }
        let ran = Live::start(command, "git", false).finish(COMMAND_LIMIT);
        ran.ok("git").stdout
    }

    /// Trusts the workspace, as its developer would.
    pub fn trust(&self) {
        self.callboard(&["trust", "--yes"]).ok("callboard trust --yes");
    }

    /// Runs `callboard` in the workspace to its end.
    pub fn callboard(&self, args: &[&str]) -> Ran {
        let ran = self.spawn(args).finish(COMMAND_LIMIT);
        self.remember(&format!("callboard {}", args.join(" ")), &ran);
        ran
    }

    /// Runs `callboard` with something on its standard input.
    pub fn callboard_with_input(&self, args: &[&str], input: &str) -> Ran {
        let mut live = self.spawn(args);
        live.send(input);
        live.close_input();
        let ran = live.finish(COMMAND_LIMIT);
        self.remember(&format!("callboard {}", args.join(" ")), &ran);
        ran
    }

    /// Starts `callboard` in the workspace and leaves it running, with pipes for input and output.
    pub fn spawn(&self, args: &[&str]) -> Live {
        let mut command = self.command(env!("CARGO_BIN_EXE_callboard"));
        command.args(args);
        Live::start(command, &format!("callboard {}", args.join(" ")), true)
    }

    /// A command with exactly this world's environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        #[cfg(target_os = "linux")]
        let mut command = self.on_the_machine(program.as_ref());
        #[cfg(not(target_os = "linux"))]
        let mut command = Command::new(program);
        command.current_dir(self.workspace()).env_clear().stdin(Stdio::piped());
        // What toolchains need to be found; nothing else of the developer's own environment comes in.
        for key in ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH"] {
            if let Some(value) = std::env::var_os(key) {
                command.env(key, value);
            }
        }
        if let Some(home) = std::env::var_os("HOME") {
            // rustup's own folders are in the real home where nothing else says so.
            let home = PathBuf::from(home);
            for (key, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
                if std::env::var_os(key).is_none() && home.join(folder).is_dir() {
                    command.env(key, home.join(folder));
                }
            }
        }
        command
            .env("HOME", self.home())
            .env("USER", "dev")
            .env("LOGNAME", "dev")
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .env("NO_COLOR", "1")
            .env("XDG_CONFIG_HOME", self.root().join("c"))
            .env("XDG_STATE_HOME", self.root().join("s"))
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("TMPDIR", self.root())
            .env(processes::MARK, self.root());
        for (key, value) in self.extra.lock().expect("the world's variables").iter() {
            command.env(key, value);
        }
        command
    }

    /// The hub's process, from the file that it publishes; `None` where no hub runs.
    pub fn hub_pid(&self) -> Option<u32> {
        let folder = self.runtime().join("callboard");
        let files = fs::read_dir(folder).ok()?.filter_map(Result::ok).map(|entry| entry.path());
        let texts = files.filter(|path| path.extension() == Some(OsStr::new("json")));
        texts
            .filter_map(|path| serde_json::from_str::<serde_json::Value>(&fs::read_to_string(path).ok()?).ok())
            .filter_map(|value| u32::try_from(value.get("pid")?.as_u64()?).ok())
            .find(|pid| processes::of(self.root()).iter().any(|process| process.pid == *pid))
    }

    /// Waits until a hub runs, and returns its process.
    pub fn wait_for_hub(&self) -> u32 {
        wait_for("a hub that runs", COMMAND_LIMIT, || self.hub_pid(), || self.story())
    }

    /// Kills the hub as a crash would, and returns when it is gone.
    pub fn kill_hub(&self) {
        let pid = self.wait_for_hub();
        self.kill9(pid);
    }

    /// Kills one of this world's own processes as a crash would, and returns when it is gone.
    ///
    /// # Panics
    ///
    /// When the process isn't this world's.
    pub fn kill9(&self, pid: u32) {
        let process = processes::of(self.root()).into_iter().find(|process| process.pid == pid);
        let process = process.unwrap_or_else(|| panic!("process {pid} is not one of this world's: it stays alone"));
        process.kill();
        let gone = || (!process.is_alive()).then_some(());
        wait_for(&format!("the end of killed process {pid}"), COMMAND_LIMIT, gone, || self.story());
    }

    /// Replaces what differs from one run to the next (this world's folders, times, durations, hashes, processes), so that
    /// the text can stand in a snapshot.
    pub fn normal(&self, text: &str) -> String {
        normal::normal(text, self.root())
    }

    /// Everything that is known of this world, for the message of a failure.
    pub fn story(&self) -> String {
        let mut story = format!("world {}\n", self.root().display());
        for process in processes::of(self.root()) {
            let _ = writeln!(story, "  process {}: {}", process.pid, process.command_line());
        }
        for said in self.talk.lock().expect("the world's talk").iter() {
            story += said;
        }
        for path in logs_below(&self.runtime()).into_iter().chain(logs_below(&self.state())) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let tail = text.lines().rev().take(30).collect::<Vec<_>>();
            let _ = writeln!(story, "  {}:", path.display());
            story.extend(tail.into_iter().rev().map(|line| format!("    {line}\n")));
        }
        story
    }

    /// Stops the hub and makes sure that no process of this world is left. `Drop` does it too; a test that calls it itself
    /// gets the failure at the line that it is about.
    pub fn end(&self) {
        self.end_within(Duration::from_secs(20));
    }

    /// Does what `end` does, and gives the processes so long to leave.
    pub fn end_within(&self, grace: Duration) {
        if self.checked.swap(true, Ordering::SeqCst) {
            return;
        }
        #[cfg(target_os = "linux")]
        self.lose_power();
        if let Some(pid) = self.hub_pid() {
            let ran = self.spawn(&["hub", "stop"]).finish(COMMAND_LIMIT);
            self.remember("callboard hub stop", &ran);
            if ran.code != Some(0) {
                self.clear_away();
                panic!("the hub (pid {pid}) was not stopped by `callboard hub stop`\n{}", self.story());
            }
        }
        let gone = || processes::of(self.root()).is_empty().then_some(());
        if wait::poll(grace, gone).is_none() {
            let story = self.story();
            self.clear_away();
            panic!("a process of this world outlived it (promise 6)\n{story}");
        }
    }

    /// Kills what is left, so that a failing test leaves nothing on the machine.
    fn clear_away(&self) {
        for process in processes::of(self.root()) {
            process.kill();
        }
    }

    fn remember(&self, what: &str, ran: &Ran) {
        let mut talk = self.talk.lock().expect("the world's talk");
        // Bounded: the last commands tell the story.
        if talk.len() > 40 {
            talk.remove(0);
        }
        talk.push(format!("  $ {what}\n{}", ran.indented()));
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The test has failed already; a second panic would hide why.
            if !self.checked.load(Ordering::SeqCst) {
                let story = self.story();
                let _ = std::io::Write::write_all(&mut std::io::stderr(), story.as_bytes());
            }
            self.clear_away();
        } else {
            self.end();
        }
    }
}

fn write(path: &Path, text: &str) {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).expect("the file's folder");
    }
    fs::write(path, text).unwrap_or_else(|error| panic!("writing {}: {error}", path.display()));
}

fn logs_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let mut logs = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            logs.extend(logs_below(&path));
        } else if path.extension() == Some(OsStr::new("log")) {
            logs.push(path);
        }
    }
    logs
}
