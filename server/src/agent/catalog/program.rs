//! Where a program is: an absolute path, never one inside the workspace.
//!
//! A repository can hold a file called `claude`; a `PATH` can hold `.`. Neither may decide what Callboard starts.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

/// How many places a pattern may come to.
const MOST_CANDIDATES: usize = 100;

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

/// Returns the program that a script stands for: the first of `patterns` that is there, seen from the script's real folder.
/// A part of a pattern that has a `*` in it is any name that begins and ends like it.
pub fn native(script: &Path, patterns: &[String]) -> Option<PathBuf> {
    let real = script.canonicalize().ok()?;
    let folder = real.parent()?;
    patterns.iter().find_map(|pattern| {
        let mut found = vec![folder.to_path_buf()];
        for part in Path::new(pattern).components() {
            let part = part.as_os_str().to_string_lossy().into_owned();
            found = found.into_iter().flat_map(|it| inside(&it, &part)).take(MOST_CANDIDATES).collect();
        }
        found.into_iter().find(|it| is_program(it)).and_then(|it| it.canonicalize().ok())
    })
}

fn inside(folder: &Path, part: &str) -> Vec<PathBuf> {
    let Some((begin, end)) = part.split_once('*') else { return vec![folder.join(part)] };
    let names = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|it| it.file_name());
    let fits = |it: &OsStr| {
        let name = it.to_string_lossy();
        name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
    };
    let mut found: Vec<PathBuf> = names.filter(|it| fits(it)).map(|it| folder.join(it)).collect();
    found.sort();
    found
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
    fn a_script_stands_for_the_program_beside_it() {
        let temp = tempfile::tempdir().unwrap();
        let package = temp.path().join("node_modules/@openai/codex");
        let script = program(&package.join("bin"), "codex.js");
        fs::create_dir(temp.path().join("bin")).unwrap();
        let link = temp.path().join("bin/codex");
        std::os::unix::fs::symlink(&script, &link).unwrap();
        let patterns = ["../../codex-*/vendor/*/bin/codex".to_owned()];
        assert_eq!(native(&link, &patterns), None);
        let real = program(&temp.path().join("node_modules/@openai/codex-linux-x64/vendor/x86_64-musl/bin"), "codex");
        assert_eq!(native(&link, &patterns), real.canonicalize().ok());
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
