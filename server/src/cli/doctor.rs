//! `callboard doctor`: what is here, what is not, and what to do about it.
//!
//! It looks and changes nothing: no folder is made, no hub started, no agent called; their programs are asked for their
//! versions, away from the workspace. While the workspace is untrusted
//! nothing of it is read (promise 7).

use std::path::{Path, PathBuf};

use super::{
    fail::{self, Fail},
    lists::objects,
    out::Out,
    render::{
        self, Line,
        checks::{Check, Health},
    },
    setting::Setting,
};
use crate::{
    agent::{
        AgentInfo, DriverKind,
        catalog::{Catalog, Folder, health, profile::Origin},
        sandbox,
    },
    config::settings::Settings,
    protocol::HubStatus,
    workspace::trust::{Trust, TrustStatus},
};

/// Says what is here. `hub` is the hub that runs, or why there is none. Exit 1 where something is in the way.
pub fn doctor(setting: &Setting, out: &mut Out, hub: &Result<Option<HubStatus>, Fail>) -> Result<i32, Fail> {
    let programs = setting.programs();
    let mut all = vec![git(programs("git"))];
    all.push(sandboxes(programs("bwrap").as_deref()));
    // It takes some seconds, on a machine that is busy many.
    out.area(&[Line::plain("Asking the agents' programs for their versions…")])?;
    all.extend(agents(setting, &programs));
    out.area(&[])?;
    all.extend(toolchains(&programs));
    all.extend(folders(setting));
    all.extend(worktrees(setting));
    all.push(hub_check(hub));
    all.push(trust(setting));
    let is_bad = all.iter().any(|it| it.health == Health::Bad);
    if out.json {
        objects(out, &all)?;
    } else {
        out.lines(&render::checks::checks(&all, out.view.width))?;
    }
    Ok(if is_bad { fail::FAILED } else { fail::OK })
}

fn git(found: Option<PathBuf>) -> Check {
    let mend = "install git (on Debian: apt install git; on macOS: xcode-select --install)";
    let Some(program) = found else {
        return Check::not(Health::Bad, "programs", "git", "not on PATH; checkpoints and diffs need it", mend);
    };
    let version = std::process::Command::new(&program)
        .arg("--version")
        .env_clear()
        .stdin(std::process::Stdio::null())
        .output()
        .ok()
        .filter(|it| it.status.success())
        .map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned());
    if let Some(version) = version {
        return Check::good("programs", "git", format!("{version} at {}", program.display()));
    }
    let found = format!("{} is there and does not run", program.display());
    Check::not(Health::Bad, "programs", "git", found, mend)
}

/// Without a sandbox all goes on but what wants one.
fn sandboxes(found: Option<&Path>) -> Check {
    match sandbox::available(found) {
        Ok(program) => Check::good("programs", "sandbox", format!("bubblewrap at {} works", program.display())),
        Err(why) => {
            let (what, mend) = why.split_once("; ").unwrap_or((why.as_str(), "install the package `bubblewrap`"));
            let found = format!("{what}; an agent that is to run in a sandbox is not started");
            Check::not(Health::Absent, "programs", "sandbox", found, mend)
        }
    }
}

fn agents(setting: &Setting, programs: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<Check> {
    let folders = [Folder { path: setting.places.agents_dir(), origin: Origin::User }];
    let (catalog, problems) = Catalog::load(&folders, programs);
    // Instances of one profile are alike; the first speaks for all.
    let infos = catalog.infos();
    let first = infos.iter().filter(|it| it.name.as_str() == it.profile);
    let environment = crate::agent::driver::environment::of_this_process();
    let settings = Settings::read(&setting.places.settings_file()).unwrap_or_default();
    let (workspace, allowed) = (&setting.workspace.root, &settings.agents_env);
    let looked = looked_at(&catalog, health::Around { environment: &environment, allowed, workspace });
    let of_user = |name: &str| catalog.profiles().any(|it| it.name == name && it.origin == Origin::User);
    let mut checks: Vec<Check> = first
        .map(|it| {
            let driver = driven(it.driver, of_user(&it.profile));
            match &it.missing {
                None => {
                    let health = looked.iter().find(|(name, _)| *name == it.profile).map(|(_, health)| health);
                    agent(it, &driver, health)
                }
                Some(missing) => {
                    let (found, mend) = missing.split_once("; ").unwrap_or((missing, ""));
                    let found = format!("{found} (it would be driven by {driver})");
                    Check::not(Health::Absent, "agents", it.name.to_string(), found, mend)
                }
            }
        })
        .collect();
    let writers = infos.iter().filter(|it| it.missing.is_none() && it.driver != DriverKind::Tool).count();
    if writers == 0 {
        checks.push(Check::not(
            Health::Warn,
            "agents",
            "coding agents",
            "none is installed; the tool agents @tests, @lint and @autofix work without one",
            "install and sign in to one of those above",
        ));
    }
    checks.extend(problems.iter().map(|it| {
        let found = it.to_string();
        Check::not(Health::Warn, "agents", "profile", found, "mend the file; the profile is left out until then")
    }));
    checks
}

/// Looks at every coding agent's program, all at once: each takes a second to say its version.
fn looked_at(catalog: &Catalog, around: health::Around<'_>) -> Vec<(String, health::Health)> {
    let coding = catalog.profiles().filter(|it| it.driver != DriverKind::Tool);
    std::thread::scope(|scope| {
        let looking: Vec<_> = coding
            .map(|profile| scope.spawn(move || Some((profile.name.clone(), health::look(profile, around)?))))
            .collect();
        looking.into_iter().filter_map(|it| it.join().ok().flatten()).collect()
    })
}

/// Returns how an agent is driven, and why so.
fn driven(driver: DriverKind, by_own_profile: bool) -> String {
    let why = match driver {
        DriverKind::StreamJson => "its own lines of JSON",
        DriverKind::AppServer => "its own protocol",
        DriverKind::Acp => "the Agent Client Protocol",
        DriverKind::Terminal => "its screen",
        DriverKind::Tool => "a program for each turn",
    };
    let whose = if by_own_profile { ", as your own profile says" } else { "" };
    format!("{}: {why}{whose}", render::lists::driver(driver))
}

fn agent(info: &AgentInfo, driver: &str, health: Option<&health::Health>) -> Check {
    let name = info.name.to_string();
    let Some(health) = health else { return Check::good("agents", name, format!("{} ({driver})", info.title)) };
    let version = health.version.as_deref().unwrap_or("version not told");
    let found = format!("{version} at {}, driven by {driver}", health.path.display());
    if let Some(why) = &health.too_old {
        let (why, mend) = why.split_once("; ").unwrap_or((why, ""));
        return Check::not(Health::Warn, "agents", name, format!("{found}; {why}"), mend);
    }
    match &health.login {
        health::Login::None => {
            let mend =
                "run it once in a terminal to sign in, or set its key in the environment that Callboard starts in";
            Check::not(Health::Warn, "agents", name, format!("{found}; no login of it shows here"), mend)
        }
        health::Login::By(by) => Check::good("agents", name, format!("{found}; signed in, as far as {by} tells")),
        health::Login::Unknown => Check::good("agents", name, found),
    }
}

/// What the tool agents run, with what to install.
const TOOLCHAINS: [(&str, &str, &str); 9] = [
    ("cargo", "Rust: builds and tests", "https://rustup.rs"),
    ("cargo-clippy", "Rust: @lint and @autofix", "rustup component add clippy"),
    ("node", "JavaScript: tests and eslint of the project", "https://nodejs.org"),
    ("npm", "JavaScript: the project's own scripts", "comes with Node.js"),
    ("python3", "Python: tests", "https://www.python.org/downloads"),
    ("ruff", "Python: @lint and @autofix", "pip install ruff"),
    ("pytest", "Python: tests, where the project uses it", "pip install pytest"),
    ("go", "Go: tests, vet and gofmt", "https://go.dev/dl"),
    ("make", "projects with a Makefile", "install make"),
];

fn toolchains(programs: &dyn Fn(&str) -> Option<PathBuf>) -> Vec<Check> {
    TOOLCHAINS
        .iter()
        .map(|(name, what_for, mend)| match programs(name) {
            Some(path) => Check::good("toolchains", *name, format!("{} ({what_for})", path.display())),
            None => Check::not(Health::Absent, "toolchains", *name, format!("not on PATH ({what_for})"), *mend),
        })
        .collect()
}

fn folders(setting: &Setting) -> Vec<Check> {
    let places = &setting.places;
    let state = places.state_dir(&setting.workspace);
    vec![folder("state", &state, true), folder("config", &places.config, false), runtime(setting)]
}

/// Tells of worktrees whose folders are there: one that is kept has work that is nowhere else.
fn worktrees(setting: &Setting) -> Option<Check> {
    let folder = setting.places.worktrees_dir(&setting.workspace);
    let count = std::fs::read_dir(&folder).map_or(0, |it| it.filter_map(Result::ok).count());
    let said = format!("{} in {}", render::time::count(count, "folder"), folder.display());
    (count > 0).then(|| Check::good("folders", "worktrees", format!("{said}; `callboard worktrees` tells of each")))
}

/// Looks at a folder. One that is not there is made when it is needed, so it must be possible to make it.
fn folder(name: &str, path: &Path, is_private: bool) -> Check {
    let shown = path.display();
    let Some(there) = path.ancestors().find(|it| it.exists()) else {
        return Check::not(
            Health::Bad,
            "folders",
            name,
            format!("{shown} can't be reached"),
            "set HOME to your folder",
        );
    };
    if !is_writable(there) {
        let found = format!("{} can't be written to by you", there.display());
        return Check::not(
            Health::Bad,
            "folders",
            name,
            found,
            format!("make it yours: chown -R \"$(id -un)\" {shown}"),
        );
    }
    if there != path {
        return Check::good("folders", name, format!("{shown} (made when it is needed)"));
    }
    if is_private && mode(path) & 0o077 != 0 {
        let found = format!("{shown} can be read by others (mode {:o})", mode(path));
        return Check::not(Health::Warn, "folders", name, found, format!("chmod 700 {shown}"));
    }
    Check::good("folders", name, shown.to_string())
}

/// Looks at the folder for the hub's sockets, by the rules by which the hub itself does, but makes nothing.
fn runtime(setting: &Setting) -> Check {
    let places = &setting.places;
    let base = places.runtime.clone().unwrap_or_else(|| places.temporary.clone());
    if !base.is_dir() {
        let found = format!("{} is not a folder; the hub runs inside each command", base.display());
        return Check::not(Health::Warn, "folders", "runtime", found, "set XDG_RUNTIME_DIR to a folder of your own");
    }
    #[cfg(unix)]
    match places.runtime_dir() {
        Ok(path) => Check::good("folders", "runtime", path.display().to_string()),
        Err(why) => {
            let why = why.to_string();
            let (found, mend) = why.split_once("; ").unwrap_or((&why, ""));
            Check::not(Health::Warn, "folders", "runtime", format!("{found} (the hub runs inside each command)"), mend)
        }
    }
    #[cfg(not(unix))]
    Check::good("folders", "runtime", "not needed here: the hub runs inside each command")
}

fn hub_check(hub: &Result<Option<HubStatus>, Fail>) -> Check {
    match hub {
        Ok(Some(it)) => {
            let runs = render::time::count(usize::try_from(it.live_runs).unwrap_or(0), "live run");
            Check::good("workspace", "hub", format!("runs as pid {}, version {}, {runs}", it.pid, it.version))
        }
        Ok(None) => Check::good("workspace", "hub", "none runs; one is started when it is needed"),
        Err(fail) => Check::not(Health::Bad, "workspace", "hub", &fail.message, fail.help.join("\n")),
    }
}

fn trust(setting: &Setting) -> Check {
    let root = setting.workspace.root.display().to_string();
    match Trust::new(&setting.places).status(&setting.workspace) {
        TrustStatus::Trusted => Check::good("workspace", "trust", format!("{root} is trusted")),
        TrustStatus::Untrusted => {
            let mend = "`callboard trust` shows what would be used and run, and asks";
            Check::not(Health::Absent, "workspace", "trust", format!("{root} is not trusted"), mend)
        }
        TrustStatus::Changed { what } => {
            let found = format!("{root} changed since it was trusted: {}", what.join(", "));
            Check::not(Health::Warn, "workspace", "trust", found, "look at it again with `callboard trust`")
        }
    }
}

#[cfg(unix)]
fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(path: &Path) -> bool {
    path.metadata().is_ok_and(|it| !it.permissions().readonly())
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().map_or(0, |it| it.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_: &Path) -> u32 {
    0
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::cli::{out::Buffer, trust::tests::setting};

    #[test]
    fn each_check_is_an_object_for_programs() {
        let (_folder, setting) = setting();
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), true, false);
        doctor(&setting, &mut out, &Ok(None)).unwrap();
        let checks: Vec<serde_json::Value> = shown.text().lines().map(|it| serde_json::from_str(it).unwrap()).collect();
        let of = |name: &str| checks.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        assert_eq!(of("trust")["health"], "absent");
        assert!(of("trust")["mend"].as_str().unwrap().contains("callboard trust"));
        assert_eq!(of("@lint")["group"], "agents");
        assert_eq!(of("hub")["health"], "good");
        assert!(!setting.places.state.exists(), "the doctor made a folder");
    }

    #[test]
    fn who_waits_at_a_terminal_is_told_for_what() {
        let (_folder, setting) = setting();
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), false, true);
        doctor(&setting, &mut out, &Ok(None)).unwrap();
        let (before, after) =
            shown.text().split_once("for their versions…\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        assert!(before.starts_with("Asking") && after.starts_with("\x1b[1A\r\x1b[J"), "{before:?} {after:?}");
    }

    #[test]
    fn a_state_folder_that_others_can_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let check = super::folder("state", folder.path(), true);
        assert_eq!(check.health, Health::Warn);
        assert!(check.mend.starts_with("chmod 700 "), "{check:?}");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(super::folder("state", folder.path(), true).health, Health::Good);
    }

    #[test]
    fn a_missing_program_says_what_to_install() {
        let none = |_: &str| None;
        assert_eq!(git(none("git")).health, Health::Bad);
        let checks = toolchains(&none);
        assert!(checks.iter().all(|it| it.health == Health::Absent && !it.mend.is_empty()));
    }

    #[test]
    fn a_hub_that_does_not_answer_is_in_the_way() {
        let check =
            hub_check(&Err(Fail::new("hung", "the hub (pid 7) does not answer").help("callboard hub stop --kill")));
        assert_eq!((check.health, check.mend.as_str()), (Health::Bad, "callboard hub stop --kill"));
    }
}
