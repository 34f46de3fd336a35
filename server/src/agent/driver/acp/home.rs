//! The folder that Gemini CLI takes for its own: one an agent, with the developer's settings in it and their login.
//!
//! It keeps its sessions there and deletes those that it takes for old, which loses a session that was resumed; so in the
//! agent's own copy of the settings nothing is deleted. The developer's folder is never written to, but for the login.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    agent::{
        driver::homes::Place,
        tools::{PASS, SERVER, SOCKET},
    },
    store::private,
};

/// The variable by which Gemini CLI is told of the folder.
pub(crate) const VARIABLE: &str = "GEMINI_CLI_HOME";

/// What is the developer's own and stays where it is.
const LINKED: [&str; 6] =
    ["oauth_creds.json", "google_accounts.json", "installation_id", "trustedFolders.json", "GEMINI.md", ".env"];

/// The variable by which Gemini CLI is told whether what a folder brings is to be read.
const TRUST: &str = "GEMINI_CLI_TRUST_WORKSPACE";

/// Makes an agent's folder, or makes it as the developer's is now, and returns the variables that name it.
pub(crate) fn prepare(own: &Path, place: &Place<'_>) -> io::Result<Vec<(String, String)>> {
    let Place { environment, workspace, cwd, callboard } = *place;
    let own = own.join("gemini");
    let inside = own.join(".gemini");
    private::folder(&inside)?;
    let developer = of_developer(environment, workspace);
    let settings = developer.as_ref().and_then(|it| fs::read_to_string(it.join("settings.json")).ok());
    let has_key = environment.iter().any(|(name, value)| name == "GEMINI_API_KEY" && !value.is_empty());
    let mut file = tempfile::NamedTempFile::new_in(&inside)?;
    let mut settings = settled(settings.as_deref(), has_key);
    // Its interactive screen is told of Callboard's tools here, and hands the pass on from its own environment.
    settings["mcpServers"][SERVER] = json!({
        "command": callboard, "args": ["mcp"], "trust": true, "timeout": 86_400_000,
        "env": { SOCKET: format!("${SOCKET}"), PASS: format!("${PASS}") },
    });
    file.write_all(settings.to_string().as_bytes())?;
    file.persist(inside.join("settings.json")).map_err(|it| it.error)?;
    for name in LINKED {
        let to = inside.join(name);
        let Some(from) = developer.as_ref().map(|it| it.join(name)).filter(|it| it.exists()) else { continue };
        if fs::read_link(&to).is_ok_and(|it| it == from) {
            continue;
        }
        match fs::remove_file(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => std::os::unix::fs::symlink(&from, &to)?,
        }
    }
    let trusted = !brings_settings(cwd, developer.as_deref().and_then(Path::parent));
    Ok(vec![(VARIABLE.to_owned(), own.to_string_lossy().into_owned()), (TRUST.to_owned(), trusted.to_string())])
}

/// Returns whether Gemini CLI would read settings, hooks, servers or variables from a folder that it works in.
///
/// It reads them where it trusts the folder, and in one that it doesn't trust it starts no server, ours neither. So it is told
/// that a folder is trusted only where there is nothing to be read: a repository has no vote. `.env` files are turned off by
/// its settings, but for those beside other settings.
fn brings_settings(cwd: &Path, home: Option<&Path>) -> bool {
    let is_there = |it: PathBuf| fs::symlink_metadata(it).is_ok();
    let above = cwd.ancestors().skip(1).filter(|it| Some(*it) != home);
    is_there(cwd.join(".gemini")) || above.map(|it| it.join(".gemini/.env")).any(is_there)
}

fn of_developer(environment: &[(String, String)], workspace: &Path) -> Option<PathBuf> {
    let get = |name: &str| environment.iter().find(|(it, _)| it == name).map(|(_, value)| PathBuf::from(value));
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let own = |it: &PathBuf| it.is_absolute() && !real(it).starts_with(real(workspace));
    get(VARIABLE).filter(own).or_else(|| get("HOME")).map(|it| it.join(".gemini"))
}

/// Returns the developer's settings with what an agent of ours must have.
fn settled(settings: Option<&str>, has_key: bool) -> Value {
    let read = settings.and_then(|it| serde_json::from_str::<Value>(&without_comments(it)).ok());
    let mut settings = read.filter(Value::is_object).unwrap_or_else(|| json!({}));
    let mut set = |section: &str, name: &str, value: Value| {
        if !settings[section].is_object() {
            settings[section] = json!({});
        }
        settings[section][name] = value;
    };
    set("general", "sessionRetention", json!({ "enabled": false }));
    // What a repository's `.env` says is not for the agent.
    set("advanced", "ignoreLocalEnv", json!(true));
    set("general", "enableAutoUpdate", json!(false));
    set("general", "enableAutoUpdateNotification", json!(false));
    if !settings["mcpServers"].is_object() {
        settings["mcpServers"] = json!({});
    }
    if has_key && settings["security"]["auth"]["selectedType"].is_null() {
        // With no choice made it would ask for one on a screen that nobody sees.
        if !settings["security"].is_object() {
            settings["security"] = json!({});
        }
        settings["security"]["auth"] = json!({ "selectedType": "gemini-api-key" });
    }
    settings
}

/// Returns JSON without the comments that Gemini CLI allows in its settings.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    let mut quoted = false;
    while let Some(it) = rest.next() {
        match (it, rest.peek()) {
            ('\\', Some(_)) if quoted => {
                out.push(it);
                out.extend(rest.next());
                continue;
            }
            ('"', _) => quoted = !quoted,
            ('/', Some('/')) if !quoted => {
                while rest.next_if(|it| *it != '\n').is_some() {}
                continue;
            }
            ('/', Some('*')) if !quoted => {
                rest.next();
                while let Some(it) = rest.next() {
                    if it == '*' && rest.next_if_eq(&'/').is_some() {
                        break;
                    }
                }
                continue;
            }
            _ => {}
        }
        out.push(it);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_developers_settings_stay_but_for_what_would_lose_sessions() {
        let mine = "{ // mine\n \"general\": { \"vimMode\": true, \"sessionRetention\": { \"enabled\": true } }, /* x */ \
                    \"ui\": { \"theme\": \"a // b\" } }";
        let got = settled(Some(mine), true);
        assert_eq!(got["general"]["vimMode"], true);
        assert_eq!(got["general"]["sessionRetention"]["enabled"], false);
        assert_eq!(got["ui"]["theme"], "a // b");
        assert_eq!(got["security"]["auth"]["selectedType"], "gemini-api-key");
        let chosen = settled(Some(r#"{"security": {"auth": {"selectedType": "oauth-personal"}}}"#), true);
        assert_eq!(chosen["security"]["auth"]["selectedType"], "oauth-personal");
        assert_eq!(got["advanced"]["ignoreLocalEnv"], true);
        assert_eq!(settled(Some("no JSON"), false)["general"]["enableAutoUpdate"], false);
    }

    /// Where a folder brings settings of its own, none of them is read.
    #[test]
    fn promise_7_a_folder_that_brings_settings_is_not_trusted() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        let cwd = home.join("project/part");
        fs::create_dir_all(home.join(".gemini")).unwrap();
        fs::create_dir_all(&cwd).unwrap();
        fs::write(home.join(".gemini/.env"), "A=b").unwrap();
        fs::write(cwd.join(".env"), "A=b").unwrap();
        assert!(!brings_settings(&cwd, Some(&home)), "the developer's own are no repository's");
        fs::create_dir(home.join("project/.gemini")).unwrap();
        assert!(!brings_settings(&cwd, Some(&home)), "settings of a folder above are not read");
        fs::write(home.join("project/.gemini/.env"), "A=b").unwrap();
        assert!(brings_settings(&cwd, Some(&home)));
        fs::remove_file(home.join("project/.gemini/.env")).unwrap();
        // Also a link that leads nowhere yet.
        std::os::unix::fs::symlink("elsewhere", cwd.join(".gemini")).unwrap();
        assert!(brings_settings(&cwd, Some(&home)));
    }

    #[test]
    fn a_login_is_linked_and_the_developers_settings_are_not_written() {
        let temp = tempfile::tempdir().unwrap();
        let home = temp.path().join("home");
        fs::create_dir_all(home.join(".gemini")).unwrap();
        fs::write(home.join(".gemini/settings.json"), "{}").unwrap();
        fs::write(home.join(".gemini/oauth_creds.json"), "login").unwrap();
        let environment = [("HOME".to_owned(), home.to_string_lossy().into_owned())];
        let own = temp.path().join("own");
        let place = Place {
            environment: &environment,
            workspace: Path::new("/ws"),
            cwd: Path::new("/ws"),
            callboard: Path::new("/bin/callboard"),
        };
        for _ in 0..2 {
            let set = prepare(&own, &place).unwrap();
            assert_eq!(set[0], (VARIABLE.to_owned(), own.join("gemini").to_string_lossy().into_owned()));
        }
        assert_eq!(fs::read_to_string(own.join("gemini/.gemini/oauth_creds.json")).unwrap(), "login");
        assert_eq!(fs::read_to_string(home.join(".gemini/settings.json")).unwrap(), "{}");
    }
}
