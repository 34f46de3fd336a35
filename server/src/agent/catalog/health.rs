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

/// How long a program has to say its version: a loaded machine takes its time to start one.
const PATIENCE: Duration = Duration::from_secs(15);
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

/// Looks at a profile's program. Nothing where it was not found, or is this one.
pub fn look(profile: &Profile, environment: &[(String, String)]) -> Option<Health> {
    let Program::Found(path) = &profile.program else { return None };
    let version = profile.version.as_ref().and_then(|rule| ask(path, &rule.arguments, environment));
    Some(Health {
        path: path.clone(),
        too_old: version.as_ref().and_then(|it| profile.too_old(it)),
        version,
        login: login(profile, environment),
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

fn login(profile: &Profile, environment: &[(String, String)]) -> Login {
    let Some(signs) = &profile.sign_in else { return Login::Unknown };
    let get = |name: &str| environment.iter().find(|(it, value)| it == name && !value.is_empty());
    let by_variable = signs.variables.iter().find(|it| get(it).is_some()).cloned();
    let home = get("HOME").or_else(|| get("USERPROFILE")).map(|(_, value)| PathBuf::from(value));
    let by_file = || {
        let home = home?;
        signs.files.iter().find(|it| shows(&home.join(it), signs.words.get(*it))).map(|it| format!("~/{it}"))
    };
    by_variable.or_else(by_file).map_or(Login::None, Login::By)
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
        let looked = look(&profile, &environment(temp.path(), &[("SECRET", "canary")])).unwrap();
        assert!(!looked.version.as_ref().unwrap().contains("canary"), "{looked:?}");
        assert!(looked.too_old.unwrap().contains("get a newer one"));
        assert_eq!(looked.login, Login::None);
        let by = |more: &[(&str, &str)]| look(&profile, &environment(temp.path(), more)).unwrap().login;
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
