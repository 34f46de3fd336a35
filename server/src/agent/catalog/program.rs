//! Where a program is: an absolute path, never one inside the workspace.
//!
//! A repository can hold a file called `claude`; a `PATH` can hold `.`. Neither may decide what Callboard starts.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// Returns a search over the folders of `path` (as in the variable `PATH`) that skips relative folders and everything
/// inside `workspace`, also where a link leads there.
pub fn finder(path: &OsStr, workspace: &Path) -> impl Fn(&str) -> Option<PathBuf> + use<> {
    let inside = workspace.canonicalize().unwrap_or_else(|_| workspace.to_path_buf());
    let folders: Vec<PathBuf> = std::env::split_paths(path).filter(|it| it.is_absolute()).collect();
    move |name| {
        let named = Path::new(name);
        if named.is_absolute() {
            return is_program(named).then(|| named.to_path_buf());
        }
        if named.components().count() != 1 {
            return None;
        }
        folders.iter().map(|folder| folder.join(named)).find(|it| {
            is_program(it) && it.canonicalize().is_ok_and(|real| !real.starts_with(&inside)) && !it.starts_with(&inside)
        })
    }
}

/// Returns whether there is a file that can be executed.
pub fn is_program(path: &Path) -> bool {
    let Ok(metadata) = path.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        metadata.is_file() && metadata.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    metadata.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    fn program(folder: &Path, name: &str) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let file = folder.join(name);
        fs::write(&file, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }

    #[test]
    fn promise_7_a_decoy_in_the_workspace_is_never_found() {
        let temp = tempfile::tempdir().unwrap();
        let (workspace, outside) = (temp.path().join("ws"), temp.path().join("bin"));
        program(&workspace.join("bin"), "claude");
        let real = program(&outside, "claude");
        program(&workspace, "gemini");
        std::os::unix::fs::symlink(workspace.join("gemini"), outside.join("gemini")).unwrap();
        fs::write(outside.join("plain"), "no program").unwrap();

        let path = std::env::join_paths([Path::new("."), Path::new(""), &workspace.join("bin"), &outside]).unwrap();
        let find = finder(&path, &workspace);
        assert_eq!(find("claude"), Some(real));
        assert_eq!(find("gemini"), None, "a link into the workspace was followed");
        assert_eq!(find("plain"), None);
        assert_eq!(find("../bin/claude"), None);
        assert_eq!(find("absent"), None);
    }
}
