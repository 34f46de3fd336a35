//! The one way in which Callboard runs git (security row 18): a repository's configuration can make plain git run programs, and
//! through here it runs none.
//!
//! Knows programs and bytes. What a diff or a tree means is its callers' matter. Every call waits for git, up to its time limit,
//! so it belongs on a thread that may wait.

use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use self::bounded::{Bounds, Ended};
use crate::config::Workspace;

mod bounded;
mod harden;

/// How long a call may take where its caller does not say.
const TIME: Duration = Duration::from_secs(60);
/// How many bytes a call may print where its caller does not say.
const MOST_OUTPUT: usize = 64 << 20;

/// Why a call of git did not give what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no git outside the workspace.
    #[error("git was not found in PATH (folders in the workspace and relative ones are not searched); install git")]
    NotFound,
    /// It is too old to be made safe.
    #[error("{path} is git {found}, and 2.31 is the oldest that can be run safely in a foreign repository; update git")]
    TooOld {
        /// The program.
        path: String,
        /// Its version.
        found: String,
    },
    /// The command is not one of those known to be safe.
    #[error("`git {command}` is not run by Callboard: it could run an alias or a program that the repository names")]
    NotAllowed {
        /// What was asked for.
        command: String,
    },
    /// It could not be started, or not be talked to.
    #[error("{path} could not be run in {dir}: {source}")]
    Start {
        /// The program.
        path: String,
        /// The folder.
        dir: String,
        /// What the system said.
        source: io::Error,
    },
    /// It took too long, and was ended with all that it started.
    #[error(
        "`git {command}` in {dir} took longer than {seconds} s and was ended; look whether something holds the repository"
    )]
    TimedOut {
        /// The command.
        command: String,
        /// The folder.
        dir: String,
        /// The limit.
        seconds: u64,
    },
    /// It printed too much, and was ended.
    #[error("`git {command}` in {dir} printed more than {most} bytes and was ended; ask for less at once")]
    TooMuchOutput {
        /// The command.
        command: String,
        /// The folder.
        dir: String,
        /// The limit in bytes.
        most: usize,
    },
    /// It said no.
    #[error("`git {command}` in {dir} failed ({}): {stderr}", exit_text(*.code))]
    Failed {
        /// The command.
        command: String,
        /// The folder.
        dir: String,
        /// Its exit code; none where a signal ended it.
        code: Option<i32>,
        /// The end of what it said.
        stderr: String,
    },
}

/// What a call of git came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: Vec<u8>,
    /// What it said, at most the last 16 KiB.
    pub stderr: String,
}

impl Output {
    /// Returns what it printed as text; bytes that are not UTF-8 become replacement characters.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}

/// The git program to be used for a workspace.
#[derive(Debug, Clone)]
pub struct Git {
    program: PathBuf,
    /// `PATH` without the folders that a workspace could plant programs in.
    path: OsString,
    /// Above this folder no repository is looked for.
    ceiling: Option<PathBuf>,
    version: (u32, u32),
}

impl Git {
    /// Finds git in this process's `PATH`, outside the workspace.
    pub fn find(workspace: &Workspace) -> Result<Self, GitError> {
        Self::find_in(&std::env::var_os("PATH").unwrap_or_default(), workspace)
    }

    /// Finds git in a `PATH`, outside the workspace. Relative folders, and those in the workspace, are passed over, by their real
    /// paths; so is a program that is a link into it.
    pub fn find_in(path: &OsStr, workspace: &Workspace) -> Result<Self, GitError> {
        let path = harden::safe_path(path, &workspace.root);
        let program = harden::program_in(&path, "git", &workspace.root).ok_or(GitError::NotFound)?;
        let ceiling = workspace.root.parent().map(Path::to_owned);
        let mut git = Self { program, path, ceiling, version: harden::OLDEST };
        let version = git.call(Path::new("/")).run(&["version"])?.text();
        match harden::version_of(&version) {
            Some(found) if found >= harden::OLDEST => {
                git.version = found;
                Ok(git)
            }
            _ => Err(GitError::TooOld {
                path: git.program.display().to_string(),
                found: version.trim().trim_start_matches("git version ").to_owned(),
            }),
        }
    }

    /// Returns the program's path.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Returns the program's version.
    pub fn version(&self) -> (u32, u32) {
        self.version
    }

    /// Runs a command in a folder, with an exit code other than 0 as an error.
    pub fn run(&self, dir: &Path, args: &[&str]) -> Result<Output, GitError> {
        self.call(dir).run(args)
    }

    /// Prepares a call that needs more than arguments.
    pub fn call(&self, dir: &Path) -> Call<'_> {
        Call {
            git: self,
            dir: dir.to_owned(),
            places: Vec::new(),
            setting: None,
            input: None,
            time: TIME,
            most_output: MOST_OUTPUT,
        }
    }

    /// Returns the difference between the last commit and the work tree, staged or not, as a patch. Files that git does not
    /// know yet are not in it. Before the first commit everything staged is new.
    pub fn diff_head(&self, dir: &Path) -> Result<String, GitError> {
        let head = self.call(dir).run_any(&["rev-parse", "--quiet", "--verify", "HEAD^{commit}"])?;
        let base = if head.code == Some(0) {
            head.text().trim().to_owned()
        } else {
            // What an empty folder would be, in the hash that the repository uses.
            let empty = self.call(dir).input(Vec::new()).run(&["hash-object", "-t", "tree", "--stdin"])?;
            empty.text().trim().to_owned()
        };
        Ok(self.run(dir, &["diff", "--no-color", &base, "--"])?.text())
    }

    /// Returns whether a folder is in a work tree of git.
    pub fn is_repository(&self, dir: &Path) -> bool {
        self.run(dir, &["rev-parse", "--is-inside-work-tree"]).is_ok_and(|it| it.stdout.starts_with(b"true"))
    }
}

/// A call that is being prepared.
#[derive(Debug)]
pub struct Call<'g> {
    git: &'g Git,
    dir: PathBuf,
    places: Vec<(&'static str, PathBuf)>,
    setting: Option<&'static str>,
    input: Option<Vec<u8>>,
    time: Duration,
    most_output: usize,
}

impl Call<'_> {
    /// Uses this repository in place of the one that the folder is in.
    #[must_use]
    pub fn git_dir(mut self, path: &Path) -> Self {
        self.places.push(("GIT_DIR", path.to_owned()));
        self
    }

    /// Uses this work tree.
    #[must_use]
    pub fn work_tree(mut self, path: &Path) -> Self {
        self.places.push(("GIT_WORK_TREE", path.to_owned()));
        self
    }

    /// Uses this index.
    #[must_use]
    pub fn index(mut self, path: &Path) -> Self {
        self.places.push(("GIT_INDEX_FILE", path.to_owned()));
        self
    }

    /// Has it run with one more setting, written `name=value`.
    #[must_use]
    pub fn setting(mut self, setting: &'static str) -> Self {
        self.setting = Some(setting);
        self
    }

    /// Gives it these bytes to read; without this there are none.
    #[must_use]
    pub fn input(mut self, bytes: Vec<u8>) -> Self {
        self.input = Some(bytes);
        self
    }

    /// Ends it after this long; a minute without this.
    #[must_use]
    pub fn time(mut self, time: Duration) -> Self {
        self.time = time;
        self
    }

    /// Ends it once it printed more than this many bytes; 64 MiB without this.
    #[must_use]
    pub fn most_output(mut self, bytes: usize) -> Self {
        self.most_output = bytes;
        self
    }

    /// Runs a command, with an exit code other than 0 as an error. The first argument is the command.
    pub fn run(self, args: &[&str]) -> Result<Output, GitError> {
        let (command, dir) = (command_of(args), self.dir.display().to_string());
        let output = self.run_any(args)?;
        if output.code == Some(0) {
            return Ok(output);
        }
        let stderr = output.stderr.trim().to_owned();
        Err(GitError::Failed { command, dir, code: output.code, stderr })
    }

    /// Runs a command and returns what it came to, whatever its exit code.
    pub fn run_any(mut self, args: &[&str]) -> Result<Output, GitError> {
        let Some((&command, rest)) = args.split_first().filter(|(it, _)| harden::is_allowed(it)) else {
            return Err(GitError::NotAllowed { command: command_of(args) });
        };
        if let Some(option) = harden::option_that_runs_programs(rest) {
            return Err(GitError::NotAllowed { command: format!("{command} {option}") });
        }
        let overrides = if harden::reads_no_repository(command) { Vec::new() } else { self.overrides()? };
        let mut git = self.hardened(&overrides);
        git.arg(command).args(harden::flags_for(command)).args(rest);
        let input = self.input.take();
        self.bounded(git, command, input)
    }

    /// Returns what the repository's configuration has that must be overridden by name. Reading configuration starts nothing.
    fn overrides(&self) -> Result<Vec<(String, &'static str)>, GitError> {
        let mut git = self.hardened(&[]);
        git.args(["config", "--list", "--name-only", "-z"]);
        let listed = self.bounded(git, "config", None)?;
        if listed.code == Some(0) {
            return Ok(harden::overrides_for(&listed.stdout));
        }
        // Where the configuration can't be read, nothing else is done with the repository either.
        Err(GitError::Failed {
            command: "config".to_owned(),
            dir: self.dir.display().to_string(),
            code: listed.code,
            stderr: listed.stderr.trim().to_owned(),
        })
    }

    fn hardened(&self, overrides: &[(String, &'static str)]) -> Command {
        let mut git = Command::new(&self.git.program);
        git.current_dir(&self.dir);
        harden::environment(&mut git, &self.git.path, self.git.ceiling.as_deref(), overrides);
        git.envs(self.places.iter().map(|(name, path)| (*name, path.as_os_str())));
        // The last one holds, so nothing that a caller sets undoes the hardening.
        git.args(self.setting.iter().chain(harden::SETTINGS).flat_map(|it| ["-c", it]));
        git
    }

    fn bounded(&self, git: Command, command: &str, input: Option<Vec<u8>>) -> Result<Output, GitError> {
        let (command, dir) = (command.to_owned(), self.dir.display().to_string());
        match bounded::run(git, input, Bounds { time: self.time, stdout: self.most_output, stderr: 16 << 10 }) {
            Ok(Ended::Exited { status, stdout, stderr }) => {
                let stderr = String::from_utf8_lossy(&stderr).into_owned();
                Ok(Output { code: status.code(), stdout, stderr })
            }
            Ok(Ended::TimedOut) => Err(GitError::TimedOut { command, dir, seconds: self.time.as_secs() }),
            Ok(Ended::TooMuchOutput) => Err(GitError::TooMuchOutput { command, dir, most: self.most_output }),
            Err(source) => Err(GitError::Start { path: self.git.program.display().to_string(), dir, source }),
        }
    }
}

fn command_of(args: &[&str]) -> String {
    args.first().copied().unwrap_or_default().to_owned()
}

fn exit_text(code: Option<i32>) -> String {
    code.map_or_else(|| "ended by a signal".to_owned(), |it| format!("exit code {it}"))
}

#[cfg(test)]
mod tests;
