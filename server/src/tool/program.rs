//! Where a program is: on the search path outside the workspace, or in the places where the trusted project keeps its own.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// Returns the search path without what is relative or inside `root`: a repository must not be able to put a `git` or a
/// `cargo` before the real one.
pub fn search_path(path: &OsStr, root: &Path) -> OsString {
    let kept: Vec<PathBuf> = std::env::split_paths(path)
        .filter(|it| it.is_absolute() && !it.canonicalize().unwrap_or_else(|_| it.clone()).starts_with(root))
        .collect();
    std::env::join_paths(kept).unwrap_or_default()
}

/// Returns the first program of this name on a search path that [`search_path`] has cleaned, and that is not a link into
/// `root` either.
pub fn find(name: &str, path: &OsStr, root: &Path) -> Option<PathBuf> {
    let names = if cfg!(windows) { vec![format!("{name}.exe"), format!("{name}.cmd")] } else { vec![name.to_owned()] };
    std::env::split_paths(path)
        .flat_map(|dir| names.iter().map(move |it| dir.join(it)).collect::<Vec<_>>())
        .find(|it| is_program(it) && !it.canonicalize().is_ok_and(|it| it.starts_with(root)))
}

/// Returns whether there is a file that may be executed.
pub fn is_program(path: &Path) -> bool {
    let Ok(about) = std::fs::metadata(path) else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        about.is_file() && about.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    about.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// Promise 7: a workspace can't put its own program in the place of a real one.
    #[test]
    fn a_program_inside_the_workspace_is_not_found() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap().join("w");
        let outside = dir.path().canonicalize().unwrap().join("bin");
        std::fs::create_dir_all(root.join("bin")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        let decoy = root.join("bin/cargo");
        std::fs::write(&decoy, "").unwrap();
        std::fs::set_permissions(&decoy, PermissionsExt::from_mode(0o755)).unwrap();
        let dirty = std::env::join_paths([root.join("bin"), PathBuf::from("."), outside.clone()]).unwrap();
        let path = search_path(&dirty, &root);
        assert_eq!(path, outside.as_os_str());
        assert_eq!(find("cargo", &path, &root), None);
        symlink(&decoy, outside.join("cargo")).unwrap();
        assert_eq!(find("cargo", &path, &root), None, "a link into the workspace is a decoy too");
        std::fs::write(outside.join("go"), "").unwrap();
        assert_eq!(find("go", &path, &root), None, "it can't be executed");
        std::fs::set_permissions(outside.join("go"), PermissionsExt::from_mode(0o755)).unwrap();
        assert_eq!(find("go", &path, &root), Some(outside.join("go")));
    }
}
