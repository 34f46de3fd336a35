//! What can be told of an agent's program here and now, without a network: its version, and whether somebody signed in.
//!
//! Starts the program with `--version` at most, away from every workspace, and for a bounded time.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc::channel,
    time::Duration,
};

use super::profile::{Profile, Program};

/// How long a program has to say its version: a loaded machine takes its time to start one, Gemini CLI some 20 seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of what it says is read.
const MOST: u64 = 4 * 1024;
/// How much of a file that may show a login is read. Claude Code keeps much beside it.
const MOST_LOGIN: u64 = 16 * 1024 * 1024;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Where its program is.
    pub path: PathBuf,
    /// What it printed as its version; absent where it printed nothing, or is not asked.
    pub version: Option<String>,
    /// Why that is too old, with what to do.
    pub too_old: Option<String>,
    /// Whether it looks signed in.
    pub login: Login,
}

/// Whether a program looks signed in, as far as a file or a variable tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Its profile says nothing of how a login shows.
    Unknown,
    /// Nothing shows.
    None,
    /// By this file or variable.
    By(String),
}

/// Where it is looked.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The variables that Callboard has.
    pub environment: &'a [(String, String)],
    /// Names of those that the user's settings let every agent have.
    pub allowed: &'a [String],
    /// What says nothing of the user's own folders.
    pub workspace: &'a Path,
}

/// Looks at a profile's program. Nothing where it was not found, or is this one.
pub fn look(profile: &Profile, around: Around<'_>) -> Option<Health> {
    let environment = around.environment;
    let Program::Found(path) = &profile.program else { return None };
    let version = profile.version.as_ref().and_then(|rule| ask(path, &rule.arguments, environment));
    Some(Health {
        path: path.clone(),
        too_old: version.as_ref().and_then(|it| profile.too_old(it)),
        version,
        login: login(profile, around),
    })
}

fn ask(program: &Path, arguments: &[String], environment: &[(String, String)]) -> Option<String> {
    let kept = ["PATH", "HOME", "USER", "LANG", "TMPDIR", "SystemRoot", "USERPROFILE"];
    let kept = environment.iter().filter(|(name, _)| kept.contains(&name.as_str())).cloned();
    let mut child = Command::new(program)
        .args(arguments)
        // Not the workspace: what lies there is not read before it is trusted.
        .current_dir(std::env::temp_dir())
        .env_clear()
        .envs(kept)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let output = child.stdout.take()?;
    let (sender, said) = channel();
    std::thread::Builder::new()
        .spawn(move || {
            let mut text = String::new();
            let _ = output.take(MOST).read_to_string(&mut text);
            let _ = sender.send(text);
        })
        .ok()?;
    let text = said.recv_timeout(PATIENCE);
    let _ = child.kill();
    let _ = child.wait();
    let text = text.ok()?;
    let line = text.lines().map(str::trim).find(|it| !it.is_empty())?;
    Some(crate::agent::terminal::plain(line).chars().take(80).collect())
}

fn login(profile: &Profile, around: Around<'_>) -> Login {
    let Some(signs) = &profile.sign_in else { return Login::Unknown };
    let get = |name: &str| around.get(name).filter(|it| !it.is_empty());
    let by_variable = signs.variables.iter().find(|it| get(it).is_some()).cloned();
    let home = get("HOME").or_else(|| get("USERPROFILE")).map(PathBuf::from);
    let by_file = || {
        signs.files.iter().find_map(|it| {
            let elsewhere = signs.folders.iter().find_map(|(variable, falls)| {
                let file = Path::new(it);
                Some(folder(profile, around, variable)?.join(file.strip_prefix(falls).unwrap_or(file)))
            });
            let shown = elsewhere.as_ref().map_or_else(|| format!("~/{it}"), |it| it.display().to_string());
            shows(&elsewhere.or_else(|| Some(home.as_ref()?.join(it)))?, signs.words.get(it)).then_some(shown)
        })
    };
    by_variable.or_else(by_file).map_or(Login::None, Login::By)
}

/// Returns the folder that a variable names for an agent's files, where the agent will hear of it: one whose folder its driver makes
/// from the user's own, by the driver's rule, and else one that it is let have.
fn folder(profile: &Profile, around: Around<'_>, variable: &str) -> Option<PathBuf> {
    if profile.home_variable.as_deref() == Some(variable) {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        let is_own = |it: &PathBuf| it.is_absolute() && !real(it).starts_with(real(around.workspace));
        return around.get(variable).map(PathBuf::from).filter(is_own);
    }
    let is_let = [&profile.env[..], around.allowed].concat().iter().any(|it| it == variable);
    let given = around.get(variable).filter(|it| is_let && !it.is_empty());
    profile.set.get(variable).map(String::as_str).or(given).map(PathBuf::from)
}

impl<'a> Around<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        self.environment.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// Returns whether a file shows a login: by being there, or by one of the words in it.
fn shows(file: &Path, words: Option<&Vec<String>>) -> bool {
    let Some(words) = words else { return file.is_file() };
    let mut text = String::new();
    // A file that is no text shows nothing.
    let read = std::fs::File::open(file).and_then(|it| it.take(MOST_LOGIN).read_to_string(&mut text));
    read.is_ok() && words.iter().any(|it| text.contains(it.as_str()))
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::agent::catalog::{Catalog, profile::Origin};

    fn environment(home: &Path, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let home = ("HOME".to_owned(), home.to_string_lossy().into_owned());
        let path = ("PATH".to_owned(), "/usr/bin:/bin".to_owned());
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        [home, path].into_iter().chain(more).collect()
    }

    fn looked_at(profile: &Profile, environment: &[(String, String)], allowed: &[String]) -> Health {
        look(profile, Around { environment, allowed, workspace: Path::new("/ws") }).unwrap()
    }

    /// As each driver will look for it, so that the doctor says what a turn will come to.
    #[test]
    fn a_login_is_looked_for_in_the_folder_that_the_agent_will_take() {
        let temp = tempfile::tempdir().unwrap();
        let other = temp.path().join("other");
        std::fs::create_dir_all(other.join(".gemini")).unwrap();
        for file in ["auth.json", ".credentials.json", ".gemini/oauth_creds.json"] {
            std::fs::write(other.join(file), "{}").unwrap();
        }
        std::fs::create_dir_all(temp.path().join(".codex")).unwrap();
        let (catalog, _) = Catalog::load(&[], &|_| Some("/bin/true".into()));
        let login = |name: &str, more: &[(&str, &str)], allowed: &[&str]| {
            let profile = catalog.resolve(&name.parse().unwrap()).unwrap();
            let allowed: Vec<String> = allowed.iter().map(|it| (*it).to_owned()).collect();
            looked_at(profile, &environment(temp.path(), more), &allowed).login
        };
        let there = other.to_str().unwrap();
        let by = |file: &str| Login::By(other.join(file).display().to_string());
        assert_eq!(login("codex", &[], &[]), Login::None);
        assert_eq!(login("codex", &[("CODEX_HOME", there)], &[]), by("auth.json"));
        assert_eq!(login("gemini", &[("GEMINI_CLI_HOME", there)], &[]), by(".gemini/oauth_creds.json"));
        // Claude Code hears of its variable only where it is let.
        assert_eq!(login("claude", &[("CLAUDE_CONFIG_DIR", there)], &[]), Login::None);
        assert_eq!(login("claude", &[("CLAUDE_CONFIG_DIR", there)], &["CLAUDE_CONFIG_DIR"]), by(".credentials.json"));
        // What the driver does not follow is not followed here, and what it follows is not looked for at home.
        std::fs::write(temp.path().join(".codex/auth.json"), "{}").unwrap();
        for ignored in ["relative", "/ws/.codex", ""] {
            let at_home = Login::By("~/.codex/auth.json".to_owned());
            assert_eq!(login("codex", &[("CODEX_HOME", ignored)], &[]), at_home, "{ignored:?}");
        }
        assert_eq!(login("codex", &[("CODEX_HOME", "/nowhere")], &[]), Login::None);
    }

    #[test]
    fn version_and_login_are_told_as_far_as_they_show() {
        let temp = tempfile::tempdir().unwrap();
        let program = temp.path().join("x");
        std::fs::write(&program, "#!/bin/sh\nread -r line\necho \"x-cli 1.4.2 in $PWD $SECRET\"\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let text = "name: x\ntitle: X\ndriver: tool\ncommand: [x]\nmissing: get a newer one\n\
                    version: {arguments: [--version], at-least: 1.5.0}\n\
                    sign-in: {variables: [X_KEY], files: [.x.json, .x/auth.json], words: {.x.json: ['\"account\"']}}\n";
        let mut profile = Profile::read(text, Origin::User).unwrap();
        profile.program = Program::Found(program.clone());
        let looked = looked_at(&profile, &environment(temp.path(), &[("SECRET", "canary")]), &[]);
        assert!(!looked.version.as_ref().unwrap().contains("canary"), "{looked:?}");
        assert!(looked.too_old.unwrap().contains("get a newer one"));
        assert_eq!(looked.login, Login::None);
        let by = |more: &[(&str, &str)]| looked_at(&profile, &environment(temp.path(), more), &[]).login;
        assert_eq!(by(&[("X_KEY", "k")]), Login::By("X_KEY".to_owned()));
        assert_eq!(by(&[("X_KEY", "")]), Login::None);
        std::fs::create_dir(temp.path().join(".x")).unwrap();
        std::fs::write(temp.path().join(".x/auth.json"), "{}").unwrap();
        assert_eq!(by(&[]), Login::By("~/.x/auth.json".to_owned()));
        // One that is there in any case shows a login by what is in it.
        std::fs::write(temp.path().join(".x.json"), "{\"theme\": \"dark\"}").unwrap();
        assert_eq!(by(&[]), Login::By("~/.x/auth.json".to_owned()));
        std::fs::write(temp.path().join(".x.json"), "{\"account\": {}}").unwrap();
        assert_eq!(by(&[]), Login::By("~/.x.json".to_owned()));
    }

    #[test]
    fn every_coding_agent_says_how_a_login_shows() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        for profile in catalog.profiles().filter(|it| it.driver != crate::agent::DriverKind::Tool) {
            assert!(profile.sign_in.is_some() && profile.version.is_some(), "{}", profile.name);
        }
    }
}
