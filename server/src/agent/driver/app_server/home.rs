//! The folder that Codex takes for its own: one an agent, with the developer's settings in it and their login.
//!
//! Codex writes into its configuration by itself (trust, models it has shown, counters), and sessions lie beside it. So each
//! agent has a folder of its own, and the developer's is never written to, but for the login: its file is linked, because a
//! login that is renewed in a copy would end the one that it was copied from.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::store::private;

/// What is taken over anew at each start. Codex only reads it.
const COPIED: [&str; 3] = ["config.toml", "AGENTS.md", "AGENTS.override.md"];
/// What is the developer's own and stays where it is.
const LINKED: [&str; 4] = ["auth.json", ".env", "skills", "prompts"];

/// Returns the developer's folder: what the variable says where it is not inside the workspace, else the one in their home.
pub(super) fn of_developer(environment: &[(String, String)], workspace: &Path) -> Option<PathBuf> {
    let get = |name: &str| environment.iter().find(|(it, _)| it == name).map(|(_, value)| PathBuf::from(value));
    let own = |it: &PathBuf| {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        it.is_absolute() && !real(it).starts_with(real(workspace))
    };
    get("CODEX_HOME").filter(own).or_else(|| get("HOME").map(|it| it.join(".codex")))
}

/// Makes an agent's folder, or makes it as the developer's is now. Sessions and all else that is Codex's stay.
pub(super) fn prepare(own: &Path, developer: Option<&Path>) -> io::Result<()> {
    private::folder(own)?;
    let Some(developer) = developer else { return Ok(()) };
    for name in COPIED {
        let to = own.join(name);
        let text = match fs::read(developer.join(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                remove(&to)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let mut file = tempfile::NamedTempFile::new_in(own)?;
        io::Write::write_all(&mut file, &text)?;
        file.persist(&to).map_err(|error| error.error)?;
    }
    for name in LINKED {
        let (from, to) = (developer.join(name), own.join(name));
        if fs::read_link(&to).is_ok_and(|it| it == from) {
            continue;
        }
        remove(&to)?;
        // A login that is made later is found too, by the link that is there already.
        if from.exists() || name == "auth.json" {
            std::os::unix::fs::symlink(&from, &to)?;
        }
    }
    Ok(())
}

/// Takes away a file or a link. A folder stays: it would be Codex's own.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(it) if it.is_dir() => Ok(()),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Returns a folder for temporary files where Codex would else find its own folder inside the system's: it puts no helper
/// programs there, and without them no command runs in its sandbox.
pub(super) fn temporary(own: &Path, environment: &[(String, String)]) -> io::Result<Option<PathBuf>> {
    let given = environment.iter().find(|(name, _)| name == "TMPDIR").map(|(_, value)| PathBuf::from(value));
    let temporary = given.filter(|it| it.is_absolute()).unwrap_or_else(|| PathBuf::from("/tmp"));
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if !real(own).starts_with(real(&temporary)) {
        return Ok(None);
    }
    let folder = own.join("temporary");
    private::folder(&folder)?;
    Ok(Some(folder))
}

/// How deep sessions lie in Codex's folder: by year, month and day.
const DEEP: usize = 4;

/// Finds another agent's session and copies it among those of an agent's own, where alone Codex looks for one. Returns whether it is
/// there.
pub(super) fn lend(homes: &Path, own: &Path, session: &str) -> bool {
    let is_id = !session.is_empty() && session.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    let all = fs::read_dir(homes).ok().filter(|_| is_id).into_iter().flatten().flatten();
    let mut all = all.map(|it| it.path().join("codex/sessions"));
    let found = all.find_map(|it| Some((find(&it, session, DEEP)?, it)));
    let Some((found, theirs)) = found else { return false };
    let Ok(place) = found.strip_prefix(&theirs) else { return false };
    let to = own.join("sessions").join(place);
    to.exists() || to.parent().is_some_and(|it| fs::create_dir_all(it).is_ok()) && fs::copy(&found, &to).is_ok()
}

fn find(folder: &Path, session: &str, deep: usize) -> Option<PathBuf> {
    let mut folders = Vec::new();
    for it in fs::read_dir(folder).ok()?.flatten() {
        let kind = it.file_type().ok()?;
        if kind.is_dir() {
            folders.push(it.path());
        } else if kind.is_file() && it.file_name().to_string_lossy().contains(&format!("-{session}.")) {
            return Some(it.path());
        }
    }
    folders.iter().filter(|_| deep > 0).find_map(|it| find(it, session, deep - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_copied_a_login_is_linked_and_nothing_of_the_developers_is_written() {
        let temp = tempfile::tempdir().unwrap();
        let (own, developer) = (temp.path().join("own"), temp.path().join("dev"));
        fs::create_dir(&developer).unwrap();
        fs::write(developer.join("config.toml"), "model = \"a\"\n").unwrap();
        prepare(&own, Some(&developer)).unwrap();
        fs::write(own.join("config.toml"), "rewritten").unwrap();
        fs::create_dir(own.join("sessions")).unwrap();
        // The developer signs in afterwards, and Codex renews the login through the link.
        fs::write(developer.join("auth.json"), "one").unwrap();
        assert_eq!(fs::read_to_string(own.join("auth.json")).unwrap(), "one");
        fs::write(own.join("auth.json"), "two").unwrap();
        assert_eq!(fs::read_to_string(developer.join("auth.json")).unwrap(), "two");

        fs::write(developer.join("config.toml"), "model = \"b\"\n").unwrap();
        prepare(&own, Some(&developer)).unwrap();
        assert_eq!(fs::read_to_string(own.join("config.toml")).unwrap(), "model = \"b\"\n");
        assert!(own.join("sessions").is_dir(), "its sessions were lost");
        fs::remove_file(developer.join("config.toml")).unwrap();
        prepare(&own, Some(&developer)).unwrap();
        assert!(!own.join("config.toml").exists());
        let left: Vec<_> = fs::read_dir(&developer).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left, ["auth.json"]);
    }

    #[test]
    fn promise_7_the_workspace_does_not_say_which_folder_is_the_developers() {
        let pairs = |text: &str| {
            let pairs = text.lines().filter_map(|it| it.split_once('='));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<Vec<_>>()
        };
        let of = |text: &str| of_developer(&pairs(text), Path::new("/ws"));
        assert_eq!(of("HOME=/h\nCODEX_HOME=/ws/.codex"), Some("/h/.codex".into()));
        assert_eq!(of("HOME=/h\nCODEX_HOME=.codex"), Some("/h/.codex".into()));
        assert_eq!(of("HOME=/h\nCODEX_HOME=/c"), Some("/c".into()));
        assert_eq!(of(""), None);
    }

    #[test]
    fn a_folder_below_the_temporary_one_gets_another_for_temporary_files() {
        let temp = tempfile::tempdir().unwrap();
        let own = temp.path().join("own");
        private::folder(&own).unwrap();
        let environment = |path: &Path| vec![("TMPDIR".to_owned(), path.to_string_lossy().into_owned())];
        assert_eq!(temporary(&own, &environment(&temp.path().join("t"))).unwrap(), None);
        assert_eq!(temporary(&own, &environment(temp.path())).unwrap(), Some(own.join("temporary")));
    }

    #[test]
    fn a_session_is_lent_to_another_agent_as_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let id = "01a201e7-0000-7000-8000-000000000001";
        let day = root.path().join("codex-1/codex/sessions/2026/11/29");
        fs::create_dir_all(&day).unwrap();
        fs::write(day.join(format!("rollout-2026-11-29T12-00-00-{id}.jsonl")), "it").unwrap();
        let own = root.path().join("codex-2/codex");
        fs::create_dir_all(&own).unwrap();
        assert!(lend(root.path(), &own, id) && lend(root.path(), &own, id));
        let lent = own.join(format!("sessions/2026/11/29/rollout-2026-11-29T12-00-00-{id}.jsonl"));
        assert_eq!(fs::read_to_string(lent).unwrap(), "it");
        assert!(!lend(root.path(), &own, "01a201e7"), "a part of an id is none");
        assert!(!lend(root.path(), &own, "../x") && !lend(root.path(), &own, ""));
    }
}
