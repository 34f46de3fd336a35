//! Places and workspaces on real folders.

use std::fs;

use super::*;

fn places(vars: &[(&str, &str)]) -> Result<Places, PlacesError> {
    Places::from_vars(|name| vars.iter().find(|(it, _)| *it == name).map(|(_, value)| value.into()))
}

#[test]
fn places_follow_the_xdg_variables_and_else_home() {
    let home = places(&[("HOME", "/home/ada"), ("XDG_CONFIG_HOME", "relative/is/ignored")]).unwrap();
    assert_eq!(home.state, Path::new("/home/ada/.local/state/callboard"));
    assert_eq!(home.settings_file(), Path::new("/home/ada/.config/callboard/config.yaml"));
    assert_eq!((home.runtime, home.temporary.as_path()), (None, Path::new("/tmp")));
    let xdg =
        places(&[("XDG_STATE_HOME", "/s"), ("XDG_CONFIG_HOME", "/c"), ("XDG_RUNTIME_DIR", "/run/user/7")]).unwrap();
    assert_eq!(
        (xdg.state.as_path(), xdg.agents_dir().as_path()),
        (Path::new("/s/callboard"), Path::new("/c/callboard/agents"))
    );
    assert_eq!(xdg.runtime.as_deref(), Some(Path::new("/run/user/7")));
    let error = places(&[("XDG_STATE_HOME", "/s")]).unwrap_err().to_string();
    assert!(error.contains("XDG_CONFIG_HOME") && error.contains("set HOME"), "{error}");
}

#[test]
fn a_workspace_is_the_nearest_marked_folder_by_its_real_path() {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap().join("My project!");
    fs::create_dir_all(root.join(".git")).unwrap();
    fs::write(root.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    // What a sandbox left: it is no repository, and marks nothing.
    fs::create_dir_all(root.join("src/deep/.git")).unwrap();
    fs::create_dir_all(root.join("packages/ui/.callboard")).unwrap();
    fs::create_dir_all(root.join("src/deep")).unwrap();
    fs::write(root.join("src/deep/main.rs"), "").unwrap();

    let whole = Workspace::at(&root).unwrap();
    assert_eq!(Workspace::find(&root.join("src/deep/main.rs")).unwrap(), whole);
    assert_eq!(Workspace::find(&root.join("src")).unwrap(), whole);
    assert_eq!(Workspace::find(&root.join("packages/ui")).unwrap().root, root.join("packages/ui"));
    assert_eq!(Workspace::at(&root.join("src")).unwrap().root, root.join("src"));
    assert!(whole.id.len() == 12 && whole.id.bytes().all(|it| it.is_ascii_hexdigit()), "{}", whole.id);
    assert_eq!(whole.name(), "My-project-");
    let places = places(&[("HOME", "/h")]).unwrap();
    let state = format!("/h/.local/state/callboard/My-project--{}", whole.id);
    assert_eq!(places.state_dir(&whole), Path::new(&state));

    let error = Workspace::find(&root.join("missing")).unwrap_err().to_string();
    assert!(error.contains("missing") && error.contains("that exists"), "{error}");
    #[cfg(unix)]
    {
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        assert_eq!(Workspace::find(&link.join("src")).unwrap(), whole, "one folder is one workspace, by whatever name");
    }
}

#[test]
fn a_folder_with_no_mark_anywhere_is_its_own_workspace() {
    let workspace = Workspace::at(Path::new("/")).unwrap();
    assert_eq!(workspace.name(), "root");
    let dir = tempfile::tempdir().unwrap();
    let real = fs::canonicalize(dir.path()).unwrap();
    // The folder for temporary files may itself be in a workspace of the one who runs the tests.
    if real.ancestors().all(|it| !it.join(".git").exists() && !it.join(".callboard").exists()) {
        assert_eq!(Workspace::find(&real).unwrap().root, real);
    }
}

#[cfg(unix)]
mod runtime {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn runtime_places(dir: &Path) -> Places {
        Places {
            state: dir.join("state"),
            config: dir.join("config"),
            runtime: Some(dir.to_owned()),
            temporary: dir.join("tmp"),
        }
    }

    #[test]
    fn it_is_made_private_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let places = runtime_places(dir.path());
        let made = places.runtime_dir().unwrap();
        assert_eq!(made, dir.path().join("callboard"));
        assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(places.runtime_dir().unwrap(), made);
    }

    #[test]
    fn where_the_systems_is_missing_it_is_in_the_temporary_folder_by_uid() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tmp")).unwrap();
        let places = Places { runtime: Some(dir.path().join("gone")), ..runtime_places(dir.path()) };
        let uid = rustix::process::geteuid().as_raw();
        assert_eq!(places.runtime_dir().unwrap(), dir.path().join(format!("tmp/callboard-{uid}")));
    }

    #[test]
    fn a_loose_one_a_link_or_one_that_others_can_replace_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let places = runtime_places(dir.path());
        let path = dir.path().join("callboard");
        let refused = |word: &str| {
            let error = places.runtime_dir().unwrap_err().to_string();
            assert!(error.contains(word) && error.contains("set XDG_RUNTIME_DIR"), "{error}");
        };
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        refused("750");
        fs::remove_dir(&path).unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink(dir.path().join("real"), &path).unwrap();
        refused("symbolic link");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        refused("not a folder");
        fs::remove_file(&path).unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
        refused("other users can replace");
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        places.runtime_dir().unwrap();
    }

    #[test]
    fn one_with_no_room_for_a_sockets_name_is_refused_with_the_lengths() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(90));
        fs::create_dir(&deep).unwrap();
        let error = runtime_places(&deep).runtime_dir().unwrap_err().to_string();
        assert!(error.contains("too long for a socket") && error.contains("shorter folder"), "{error}");
        assert!(!deep.join("callboard").exists(), "nothing was made");
    }
}
