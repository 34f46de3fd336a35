//! The environment that an agent sees: an allow-list, never a copy of ours.
//!
//! Variables steer programs: where they send their keys, what they load, which repository they mean. An agent sees the
//! names below, those of its profile and those of the user's settings, and nothing else. Pure: pairs in, pairs out.

use std::{collections::BTreeMap, path::Path};

use crate::agent::catalog::profile::{Origin, Profile};

/// What every agent may see.
const BASE: [&str; 18] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "GOPATH",
    "GOCACHE",
    "NVM_DIR",
    "PYENV_ROOT",
    "VIRTUAL_ENV",
    "SystemRoot",
    "USERPROFILE",
];

/// What every agent may see, by how the name begins.
const BASE_PREFIXES: [&str; 2] = ["LC_", "XDG_"];

/// Names that steer an agent or give away where it runs. Only a built-in profile's or a user's own profile can let one through.
const STEERING: [&str; 9] = [
    "NODE_OPTIONS",
    "CODEX_HOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "BASH_ENV",
    "ENV",
    "SSH_AUTH_SOCK",
    "NVIM",
    "CLAUDECODE",
];

/// As `STEERING`, by how the name begins.
const STEERING_PREFIXES: [&str; 8] =
    ["LD_", "DYLD_", "GIT_", "NVIM_", "VSCODE_", "CLAUDE_CODE_", "CALLBOARD_", "CURSOR_"];

/// What Callboard itself says to an agent by its environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marks<'a> {
    /// Who it is.
    pub agent: &'a str,
    /// The turn, for a program that lives for one turn only; absent for one that stays.
    pub turn: Option<String>,
    /// The workspace's root.
    pub workspace: &'a Path,
    /// The file that it may write its typed result to.
    pub result: &'a Path,
    /// The file with its request, for a tool.
    pub request: Option<&'a Path>,
}

/// Returns the whole environment of an agent, sorted by name. `ours` is the hub's own; `extra` are the names that the
/// user's settings allow. TERM and its kind are the terminal's to add.
pub fn environment(
    ours: &[(String, String)],
    profile: &Profile,
    extra: &[String],
    marks: &Marks<'_>,
) -> Vec<(String, String)> {
    let named =
        |name: &str| profile.env.iter().any(|it| it == name) && (profile.origin != Origin::Workspace || !steers(name));
    let allowed = |name: &str| named(name) || is_base(name) || (extra.iter().any(|it| it == name) && !steers(name));
    let mut pairs: BTreeMap<String, String> = ours.iter().filter(|(name, _)| allowed(name)).cloned().collect();
    if let Some(path) = pairs.get_mut("PATH") {
        *path = without_folders_of_the_repository(path, marks.workspace);
    }
    for (name, value) in &profile.set {
        if profile.origin != Origin::Workspace || !steers(name) {
            pairs.insert(name.clone(), value.clone());
        }
    }
    // Invariant: ours come last, so that no profile can say that an agent is another one.
    let mut mark = |name: &str, value: String| pairs.insert(name.to_owned(), value);
    mark("CALLBOARD_AGENT", marks.agent.to_owned());
    mark("CALLBOARD_WORKSPACE", marks.workspace.to_string_lossy().into_owned());
    mark("CALLBOARD_RESULT", marks.result.to_string_lossy().into_owned());
    if let Some(turn) = &marks.turn {
        mark("CALLBOARD_TURN", turn.clone());
    }
    if let Some(request) = marks.request {
        mark("CALLBOARD_REQUEST", request.to_string_lossy().into_owned());
    }
    pairs.into_iter().collect()
}

/// Returns this process's environment as far as it is text: what `ours` is made from.
pub fn of_this_process() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Returns the names in a profile that steer an agent: those that a workspace may not give.
pub fn steering(profile: &Profile) -> impl Iterator<Item = &str> {
    profile
        .env
        .iter()
        .chain(profile.set.keys())
        .map(String::as_str)
        .filter(|it| steers(it) || *it == "PATH" || *it == "HOME")
}

fn is_base(name: &str) -> bool {
    BASE.contains(&name) || BASE_PREFIXES.iter().any(|it| name.starts_with(it))
}

fn steers(name: &str) -> bool {
    STEERING.contains(&name)
        || STEERING_PREFIXES.iter().any(|it| name.starts_with(it))
        || name.ends_with("_BASE_URL")
        || name.ends_with("_API_URL")
}

/// Returns `path` without folders that depend on where the agent stands, and without the workspace's own: either would let a
/// repository name programs. Folders inside it stay, such as those of an environment that was made there.
fn without_folders_of_the_repository(path: &str, workspace: &Path) -> String {
    let kept: Vec<_> = std::env::split_paths(path).filter(|it| it.is_absolute() && it != workspace).collect();
    std::env::join_paths(kept).ok().and_then(|it| it.into_string().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: x\ntitle: X\ndriver: tool\ncommand: [x]\n";

    fn pairs(text: &str) -> Vec<(String, String)> {
        text.lines()
            .filter_map(|it| it.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    fn marks() -> Marks<'static> {
        Marks {
            agent: "x",
            turn: Some("t4".to_owned()),
            workspace: Path::new("/ws"),
            result: Path::new("/r"),
            request: None,
        }
    }

    #[track_caller]
    fn check(profile: &str, origin: Origin, extra: &[&str], ours: &str, expect: &str) {
        let profile = Profile::read(&format!("{TEXT}{profile}"), origin).unwrap();
        let extra: Vec<String> = extra.iter().map(|it| (*it).to_owned()).collect();
        let got = environment(&pairs(ours), &profile, &extra, &marks());
        let got: Vec<String> = got
            .into_iter()
            .filter(|(name, _)| !name.starts_with("CALLBOARD_"))
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(got.join("\n"), expect);
    }

    #[test]
    fn only_what_is_allowed_goes_through() {
        let ours = "PATH=/bin:.::/ws:/usr/bin\nHOME=/h\nLC_ALL=C\nXDG_STATE_HOME=/s\nSECRET=1\nLD_PRELOAD=/x.so\n\
                    GIT_DIR=/g\nNODE_OPTIONS=-r evil\nCODEX_HOME=/c\nANTHROPIC_BASE_URL=http://evil\nVSCODE_PID=1\n\
                    NVIM=/s\nCLAUDECODE=1\nSSH_AUTH_SOCK=/a";
        check("", Origin::User, &[], ours, "HOME=/h\nLC_ALL=C\nPATH=/bin:/usr/bin\nXDG_STATE_HOME=/s");
    }

    #[test]
    fn settings_add_names_but_none_that_steer_and_the_users_profile_may() {
        let ours = "SECRET=1\nLD_PRELOAD=/x.so\nOPENAI_BASE_URL=http://mine";
        check("", Origin::User, &["SECRET", "LD_PRELOAD"], ours, "SECRET=1");
        check("env: [OPENAI_BASE_URL]\n", Origin::User, &[], ours, "OPENAI_BASE_URL=http://mine");
        check("env: [OPENAI_BASE_URL]\nset: {LD_PRELOAD: x}\n", Origin::Workspace, &[], ours, "");
    }

    #[test]
    fn a_profile_cannot_say_that_its_agent_is_another() {
        let profile =
            Profile::read(&format!("{TEXT}set: {{CALLBOARD_AGENT: operator, A: b}}\n"), Origin::User).unwrap();
        let got = environment(&pairs("CALLBOARD_AGENT=boss\nCALLBOARD_SOCKET=/s"), &profile, &[], &marks());
        let expect = "A=b\nCALLBOARD_AGENT=x\nCALLBOARD_RESULT=/r\nCALLBOARD_TURN=t4\nCALLBOARD_WORKSPACE=/ws";
        assert_eq!(got, pairs(expect));
    }
}
