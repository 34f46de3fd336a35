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
    !folders.any(|it| std::fs::symlink_metadata(it.join(".codex")).is_ok())
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
