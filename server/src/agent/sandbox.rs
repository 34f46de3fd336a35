//! The sandbox of an agent's program: what it sees of the machine, as arguments of bubblewrap.
//!
//! An allow-list: the system read-only, an empty home and an empty folder for temporary files, and then what this agent needs.
//! Planning looks at the disk and changes nothing there but for empty folders that are mounted over, which go with the program.
//! Invariant: where it can't be had nothing is started; nothing that is to run in it ever runs without.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::Access;

/// The system as every program needs it. What is not there is left out.
const SYSTEM: [&str; 11] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/run/systemd/resolve"];

/// Folders of a work tree that say what programs do when somebody opens it: an agent must not write its own policy.
const STEERING: [&str; 7] = [".claude", ".codex", ".gemini", ".callboard", ".vscode", ".idea", ".cursor"];

/// The same in one file each.
const STEERING_FILES: [&str; 2] = [".mcp.json", ".envrc"];

/// What a program needs of the developer's home in a sandbox, by paths from there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Needs {
    /// Whether its programs always run in a sandbox.
    pub always: bool,
    /// What it only reads.
    pub read: Vec<String>,
    /// What it writes too, such as where it keeps its sessions. A folder that is not there is made where it ends with `/`.
    pub write: Vec<String>,
    /// Files that it gets a copy of: what it writes there is seen by nobody else.
    pub copy: Vec<String>,
}

/// What may be reached of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    /// As outside: an agent asks its provider.
    #[default]
    Shared,
    /// Nothing.
    None,
}

/// A program that is to run in a sandbox.
pub struct Boxed<'a> {
    /// What it needs of the home.
    pub needs: &'a Needs,
    /// What it may do to the work tree.
    pub access: Access,
    /// What may be reached of the network.
    pub network: Network,
    /// Where it works.
    pub cwd: &'a Path,
    /// The workspace's root.
    pub workspace: &'a Path,
    /// The program.
    pub program: &'a Path,
    /// This program.
    pub callboard: &'a Path,
    /// The agent's own folder.
    pub own: &'a Path,
    /// The folder of its requests and results.
    pub results: &'a Path,
    /// The hub's socket, where it has one.
    pub socket: Option<&'a Path>,
    /// Its whole environment.
    pub environment: &'a [(String, String)],
    /// Whether it has a terminal of its own: then it must keep it as its controlling one to hear of its size.
    pub on_terminal: bool,
}

/// How it is started.
pub struct Plan {
    /// Arguments of bubblewrap, up to the program.
    pub arguments: Vec<String>,
    /// The folders that were made for it.
    pub made: Made,
}

/// Empty folders that were made to be mounted over; dropped, they go where they are still empty.
#[derive(Debug, Default)]
pub struct Made(Vec<PathBuf>);

impl Drop for Made {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

/// Returns whether a sandbox can be had with this bubblewrap, else why not and what to do. Asked once a process.
pub fn available(program: Option<&Path>) -> Result<PathBuf, String> {
    static ASKED: OnceLock<Result<(), String>> = OnceLock::new();
    if cfg!(not(target_os = "linux")) {
        return Err("there is no sandbox on this system; run it without one, or on Linux".to_owned());
    }
    let Some(program) = program else {
        return Err("bubblewrap is not installed; install the package `bubblewrap` (its program is `bwrap`)".to_owned());
    };
    let asked = ASKED.get_or_init(|| {
        let tried = Command::new(program)
            .args(["--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"])
            .stdin(Stdio::null())
            .output();
        match tried {
            Ok(it) if it.status.success() => Ok(()),
            Ok(it) => {
                let said = String::from_utf8_lossy(&it.stderr);
                let said = said.lines().next().unwrap_or("it says nothing").trim();
                Err(format!(
                    "bubblewrap can't make a sandbox here ({said}); let users make namespaces \
                     (`sysctl kernel.unprivileged_userns_clone`, or AppArmor's profile of `bwrap`)"
                ))
            }
            Err(why) => Err(format!("bubblewrap can't be started: {why}; install the package `bubblewrap` anew")),
        }
    });
    asked.clone().map(|()| program.to_path_buf())
}

/// Returns how a program is put into its sandbox.
pub fn plan(it: &Boxed<'_>) -> Result<Plan, String> {
    let mut args = Args::default();
    args.words(&["--unshare-all", "--die-with-parent", "--proc", "/proc", "--dev", "/dev"]);
    if it.network == Network::Shared {
        args.words(&["--share-net"]);
    }
    if !it.on_terminal {
        args.words(&["--new-session"]);
    }
    for path in SYSTEM {
        args.read(Path::new(path));
    }
    let get = |name: &str| it.environment.iter().find(|(key, _)| key == name).map(|(_, value)| PathBuf::from(value));
    args.words(&["--tmpfs", "/tmp", "--tmpfs", "/run/user"]);
    let home = get("HOME").filter(|it| it.is_absolute() && it.parent().is_some());
    if let Some(home) = &home {
        args.words(&["--tmpfs", &text(home)?]);
    }
    // The programs that it may start: the folders of its PATH, and what its own program belongs to.
    let path =
        it.environment.iter().find(|(key, _)| key == "PATH").map(|(_, value)| value.as_str()).unwrap_or_default();
    for folder in std::env::split_paths(path).filter(|folder| folder.is_absolute()) {
        args.read(&folder);
    }
    for part in belongings(it.program) {
        args.read(&part);
    }
    args.read(it.callboard);
    if let Some(home) = &home {
        home_needs(&mut args, it, home)?;
    }
    fs::create_dir_all(it.own).map_err(|why| format!("its own folder {} can't be made: {why}", it.own.display()))?;
    fs::create_dir_all(it.results)
        .map_err(|why| format!("the folder of its results {} can't be made: {why}", it.results.display()))?;
    args.write(it.own);
    args.write(it.results);
    if let Some(socket) = it.socket {
        args.read(socket);
    }
    if it.cwd != it.workspace {
        args.read(it.workspace);
    }
    let made = work_tree(&mut args, it)?;
    let temporary = get("TMPDIR").is_some_and(|it_is| !it_is.starts_with(it.own));
    if temporary {
        args.words(&["--setenv", "TMPDIR", "/tmp"]);
    }
    // The folders above what is shown are bubblewrap's own: nothing is to be left in them.
    args.words(&["--remount-ro", "/", "--chdir", &text(it.cwd)?, "--"]);
    Ok(Plan { arguments: args.0, made })
}

/// What a program needs of the home.
fn home_needs(args: &mut Args, it: &Boxed<'_>, home: &Path) -> Result<(), String> {
    let wrong =
        |path: &Path, why: std::io::Error| format!("{} can't be made ready for its sandbox: {why}", path.display());
    for path in &it.needs.read {
        args.read(&home.join(path));
    }
    for path in &it.needs.copy {
        let (from, to) = (home.join(path), it.own.join("copies").join(path));
        if from.is_file() {
            fs::create_dir_all(to.parent().unwrap_or(it.own)).map_err(|why| wrong(&to, why))?;
            fs::copy(&from, &to).map_err(|why| wrong(&to, why))?;
            args.words(&["--bind", &text(&to)?, &text(&from)?]);
        }
    }
    for path in &it.needs.write {
        let there = home.join(path);
        if path.ends_with('/') && !there.exists() {
            fs::create_dir_all(&there).map_err(|why| wrong(&there, why))?;
        }
        args.write(&there);
    }
    Ok(())
}

/// The work tree, and what of it stays as it is whatever the agent may do.
fn work_tree(args: &mut Args, it: &Boxed<'_>) -> Result<Made, String> {
    let mut made = Made::default();
    if it.access == Access::Read {
        args.read(it.cwd);
        return Ok(made);
    }
    args.write(it.cwd);
    for name in STEERING {
        let folder = it.cwd.join(name);
        if !folder.exists() {
            // Made here and not by the agent, whose settings would be read by whoever opens the folder next.
            fs::create_dir(&folder).map_err(|why| format!("{} can't be kept from it: {why}", folder.display()))?;
            made.0.push(folder.clone());
        }
        args.read(&folder);
    }
    for name in STEERING_FILES {
        args.read(&it.cwd.join(name));
    }
    let pointer = it.cwd.join(".git");
    let folder = if pointer.is_file() {
        args.read(&pointer);
        linked(&pointer)
    } else {
        pointer.is_dir().then(|| pointer.clone())
    };
    let Some(folder) = folder else { return Ok(made) };
    let common = fs::read_to_string(folder.join("commondir")).ok().map(|it| folder.join(it.trim()));
    let common = common.and_then(|it| it.canonicalize().ok()).unwrap_or_else(|| folder.clone());
    // A mount of its own: what is no mount point could be renamed with all that is mounted in it.
    args.write(&common);
    if !folder.starts_with(&common) {
        args.write(&folder);
    }
    let hooks = common.join("hooks");
    if !hooks.exists() && fs::create_dir(&hooks).is_ok() {
        made.0.push(hooks.clone());
    }
    for path in [hooks, common.join("config"), common.join("config.worktree"), common.join("info/attributes")] {
        args.read(&path);
    }
    for path in [folder.join("config.worktree"), folder.join("commondir"), folder.join("gitdir")] {
        args.read(&path);
    }
    let worktrees = fs::read_dir(common.join("worktrees")).into_iter().flatten().filter_map(Result::ok);
    for worktree in worktrees {
        for name in ["config.worktree", "commondir", "gitdir"] {
            args.read(&worktree.path().join(name));
        }
    }
    Ok(made)
}

/// Returns the folder that a `.git` file leads to.
fn linked(pointer: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(pointer).ok()?;
    let path = Path::new(text.trim().strip_prefix("gitdir:")?.trim());
    pointer.parent()?.join(path).canonicalize().ok()
}

/// Returns what a program is a part of: its folder, what it is a link to, and of an npm package all packages beside it.
fn belongings(program: &Path) -> Vec<PathBuf> {
    let real = program.canonicalize().unwrap_or_else(|_| program.to_path_buf());
    let packages = real.ancestors().filter(|it| it.file_name().is_some_and(|it| it == "node_modules")).last();
    let whole = packages.map(Path::to_path_buf).or_else(|| real.parent().map(Path::to_path_buf));
    program.parent().map(Path::to_path_buf).into_iter().chain(whole).collect()
}

fn text(path: &Path) -> Result<String, String> {
    let text =
        path.to_str().ok_or_else(|| format!("{} is no text, and can't be named to the sandbox", path.display()))?;
    Ok(text.to_owned())
}

/// Arguments in the order in which they are mounted: a later one covers an earlier one.
#[derive(Default)]
struct Args(Vec<String>);

impl Args {
    fn words(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|it| (*it).to_owned()));
    }

    /// Shows something as it is, where it is there.
    fn read(&mut self, path: &Path) {
        self.bind("--ro-bind", path);
    }

    /// Lets something be written, where it is there.
    fn write(&mut self, path: &Path) {
        self.bind("--bind", path);
    }

    fn bind(&mut self, how: &str, path: &Path) {
        if let Some(path) = path.to_str().filter(|_| path.exists()) {
            self.words(&[how, path, path]);
        }
    }
}

#[cfg(test)]
mod tests;
