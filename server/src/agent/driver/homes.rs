//! The folder that an agent's program takes for its own, whichever way the program is driven.
//!
//! A program that rewrites its settings, or loses sessions in a folder that others tidy up, gets a folder for each agent, with the
//! developer's settings in it and their login. Which variable names the folder is the profile's to say.

use std::{io, path::Path};

use super::{acp, app_server};
use crate::{agent::catalog::profile::Profile, store::private};

/// Where a program is about to be started.
pub(crate) struct Place<'a> {
    /// The hub's own environment.
    pub(crate) environment: &'a [(String, String)],
    /// The workspace's root.
    pub(crate) workspace: &'a Path,
    /// The folder that it is to work in.
    pub(crate) cwd: &'a Path,
    /// This program.
    pub(crate) callboard: &'a Path,
}

/// Returns whether Codex's own screen is told that a folder is trusted: only where neither it nor a folder above brings settings, which
/// it would read. Of one that is not trusted it asks whoever sits before it, and by its protocol none is.
pub(crate) fn is_without_codex_settings(place: &Place<'_>) -> bool {
    let home = place.environment.iter().find(|(name, _)| name == "HOME").map(|(_, value)| Path::new(value));
    let mut folders = place.cwd.ancestors().filter(|it| Some(*it) != home);
    !folders.any(|it| brings_something(&it.join(".codex")))
}

/// Returns whether something is there that may hold settings. Where its sandbox keeps commands from making such a folder, Codex
/// makes an empty one itself.
fn brings_something(path: &Path) -> bool {
    let Ok(found) = std::fs::symlink_metadata(path) else { return false };
    !found.is_dir() || std::fs::read_dir(path).map_or(true, |mut it| it.next().is_some())
}

/// Puts in place what a program needs in its own folder, which is below `own`, and returns what its environment needs to say.
pub(crate) fn prepare(profile: &Profile, own: &Path, place: &Place<'_>) -> io::Result<Vec<(String, String)>> {
    let Some(variable) = &profile.home_variable else { return Ok(Vec::new()) };
    private::folder(own)?;
    match variable.as_str() {
        app_server::HOME => app_server::prepare_home(own, place),
        acp::HOME => acp::prepare_home(own, place),
        _ => {
            let folder = own.join("program");
            private::folder(&folder)?;
            Ok(vec![(variable.clone(), folder.to_string_lossy().into_owned())])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn a_folder_is_trusted_where_nothing_brings_settings() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a/b");
        fs::create_dir_all(&folder).unwrap();
        let check = |expected| {
            let environment = [("HOME".to_owned(), root.path().join("home").to_string_lossy().into_owned())];
            let callboard = Path::new("callboard");
            let place = Place { environment: &environment, workspace: root.path(), cwd: &folder, callboard };
            assert_eq!(is_without_codex_settings(&place), expected);
        };
        check(true);
        // Codex's own sandbox leaves an empty one behind.
        let settings = folder.join(".codex");
        fs::create_dir(&settings).unwrap();
        check(true);
        fs::write(settings.join("config.toml"), "").unwrap();
        check(false);
        fs::remove_dir_all(&settings).unwrap();
        fs::create_dir(root.path().join("elsewhere")).unwrap();
        symlink(root.path().join("elsewhere"), &settings).unwrap();
        check(false);
        fs::remove_file(&settings).unwrap();
        // One above it counts too.
        fs::create_dir(root.path().join("a/.codex")).unwrap();
        fs::write(root.path().join("a/.codex/hooks.json"), "{}").unwrap();
        check(false);
    }
}
