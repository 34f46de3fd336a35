//! Promise 7 on real folders: a repository has no vote on its own trust.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

struct World {
    dir: tempfile::TempDir,
    trust: Trust,
    places: Places,
    workspace: Workspace,
}

const WORKFLOW: &str = ".callboard/workflows/fix.yaml";

fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().join("home");
    let places = Places::from_vars(|name| (name == "HOME").then(|| home.clone().into())).unwrap();
    let root = dir.path().join("repo");
    fs::create_dir_all(root.join(".callboard/workflows")).unwrap();
    fs::create_dir(root.join(".git")).unwrap();
    fs::write(root.join(WORKFLOW), "name: fix\n").unwrap();
    fs::write(root.join(".callboard/notes.txt"), "").unwrap();
    let workspace = Workspace::at(&root).unwrap();
    World { trust: Trust::new(&places), places, workspace, dir }
}

impl World {
    fn status(&self) -> TrustStatus {
        self.trust.status(&self.workspace)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.workspace.root.join(name)
    }

    fn changed(&self) -> Vec<String> {
        match self.status() {
            TrustStatus::Changed { what } => what,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn trust_is_given_kept_outside_and_taken_back() {
    let world = world();
    assert_eq!(world.status(), TrustStatus::Untrusted);
    assert!(world.trust.trusted_files(&world.workspace).unwrap_err().to_string().contains("is not trusted; look"));
    let report = world.trust.grant(&world.workspace).unwrap();
    let listed: Vec<(&str, u64)> = report.files.iter().map(|it| (it.path.as_str(), it.size)).collect();
    assert_eq!(listed, [(".callboard/notes.txt", 0), (WORKFLOW, 10)]);
    assert!(report.would[0].contains("test and lint commands"));
    assert_eq!(world.status(), TrustStatus::Trusted);
    assert_eq!(world.trust.trusted_files(&world.workspace).unwrap()[1].bytes, b"name: fix\n");
    let file = world.places.trust_file(&world.workspace);
    assert!(!file.starts_with(&world.workspace.root));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    world.trust.revoke(&world.workspace).unwrap();
    world.trust.revoke(&world.workspace).unwrap();
    assert_eq!(world.status(), TrustStatus::Untrusted);
}

#[test]
fn one_byte_one_name_or_one_more_file_ends_trust_until_it_is_given_again() {
    let world = world();
    world.trust.grant(&world.workspace).unwrap();
    fs::write(world.path(WORKFLOW), "name: fiy\n").unwrap();
    assert_eq!(world.changed(), [format!("changed {WORKFLOW}")]);
    assert!(world.trust.trusted_files(&world.workspace).is_err());
    fs::write(world.path(WORKFLOW), "name: fix\n").unwrap();
    assert_eq!(world.status(), TrustStatus::Trusted, "the same bytes are the same content");
    fs::write(world.path(".callboard/z.yaml"), "").unwrap();
    fs::rename(world.path(".callboard/notes.txt"), world.path(".callboard/n.txt")).unwrap();
    assert_eq!(world.changed(), ["added .callboard/n.txt", "added .callboard/z.yaml", "removed .callboard/notes.txt"]);
    world.trust.grant(&world.workspace).unwrap();
    assert_eq!(world.status(), TrustStatus::Trusted);
    fs::remove_dir_all(world.path(".callboard")).unwrap();
    assert_eq!(world.changed().len(), 3);
}

#[test]
fn what_is_no_configuration_of_callboard_changes_nothing() {
    let world = world();
    world.trust.grant(&world.workspace).unwrap();
    fs::write(world.path("main.rs"), "fn main() {}").unwrap();
    fs::write(world.path(".git/config"), "[core]\n\tfsmonitor = evil\n").unwrap();
    assert_eq!(world.status(), TrustStatus::Trusted);
}

/// The check of an untrusted workspace opens none of its files: they can't be opened, and it makes no difference.
#[test]
fn without_a_grant_no_file_of_the_workspace_is_read() {
    let world = world();
    let fifo = world.path(".callboard/pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RUSR).unwrap();
    let before = fs::metadata(world.path(WORKFLOW)).unwrap().accessed().unwrap();
    assert_eq!(world.status(), TrustStatus::Untrusted);
    assert!(matches!(world.trust.trusted_files(&world.workspace), Err(TrustError::NotTrusted { .. })));
    assert_eq!(fs::metadata(world.path(WORKFLOW)).unwrap().accessed().unwrap(), before);
    // The same folder is refused once it is really read, so the check above can't have read it.
    let error = world.trust.what_would_be_used(&world.workspace).unwrap_err().to_string();
    assert!(error.contains("a pipe, a socket or a device"), "{error}");
}

#[test]
fn trust_is_not_inherited_by_a_folder_in_it_nor_by_its_parent_nor_by_another_in_its_place() {
    let world = world();
    world.trust.grant(&world.workspace).unwrap();
    let inner = world.path("packages/ui");
    fs::create_dir_all(&inner).unwrap();
    assert_eq!(world.trust.status(&Workspace::at(&inner).unwrap()), TrustStatus::Untrusted);
    assert_eq!(world.trust.status(&Workspace::at(world.dir.path()).unwrap()), TrustStatus::Untrusted);
    // Another work tree that says it belongs to the trusted repository.
    let other = world.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join(".git"), format!("gitdir: {}\n", world.path(".git").display())).unwrap();
    assert_eq!(world.trust.status(&Workspace::at(&other).unwrap()), TrustStatus::Untrusted);
    // The trusted folder is moved away, and another with the same content is put in its place.
    let moved = world.dir.path().join("moved");
    fs::rename(&world.workspace.root, &moved).unwrap();
    fs::create_dir_all(world.path(".callboard/workflows")).unwrap();
    fs::write(world.path(WORKFLOW), "name: fix\n").unwrap();
    fs::write(world.path(".callboard/notes.txt"), "").unwrap();
    assert_eq!(world.status(), TrustStatus::Untrusted);
    assert_eq!(world.trust.status(&Workspace::at(&moved).unwrap()), TrustStatus::Untrusted);
}

#[test]
fn links_and_endless_things_are_refused_and_named() {
    let world = world();
    let report = |world: &World| world.trust.what_would_be_used(&world.workspace).unwrap_err().to_string();
    let secret = world.dir.path().join("secret");
    fs::write(&secret, "outside").unwrap();
    world.trust.grant(&world.workspace).unwrap();
    symlink(&secret, world.path(".callboard/link.yaml")).unwrap();
    assert!(report(&world).contains(".callboard/link.yaml is a symbolic link"));
    assert!(world.changed()[0].contains("symbolic link"), "a link that was added later ends trust");
    fs::remove_file(world.path(".callboard/link.yaml")).unwrap();

    fs::write(world.path(".callboard/big"), vec![b'x'; (1 << 20) + 1]).unwrap();
    assert!(report(&world).contains("1024 KiB"));
    fs::remove_file(world.path(".callboard/big")).unwrap();
    for number in 0..256 {
        fs::write(world.path(&format!(".callboard/{number}")), "").unwrap();
    }
    assert!(report(&world).contains("more than 256 files"));
    fs::remove_dir_all(world.path(".callboard")).unwrap();
    fs::create_dir_all(world.path(".callboard/1/2/3/4/5/6/7/8")).unwrap();
    assert!(report(&world).contains("folders in each other"));
    fs::remove_dir_all(world.path(".callboard")).unwrap();
    symlink(world.dir.path(), world.path(".callboard")).unwrap();
    assert!(report(&world).contains(".callboard is a symbolic link"));
}

#[test]
fn only_what_was_shown_can_be_trusted() {
    let world = world();
    let shown = world.trust.what_would_be_used(&world.workspace).unwrap();
    fs::write(world.path(WORKFLOW), "name: evil\n").unwrap();
    let error = world.trust.grant_shown(&world.workspace, &shown).unwrap_err().to_string();
    assert!(error.contains(&format!("changed {WORKFLOW}")), "{error}");
    assert_eq!(world.status(), TrustStatus::Untrusted);
    let shown = world.trust.what_would_be_used(&world.workspace).unwrap();
    world.trust.grant_shown(&world.workspace, &shown).unwrap();
    assert_eq!(world.status(), TrustStatus::Trusted);
}

#[test]
fn what_agents_read_on_their_own_is_named_in_the_report() {
    let world = world();
    fs::create_dir(world.path(".claude")).unwrap();
    fs::write(world.path(".mcp.json"), "{}").unwrap();
    let report = world.trust.what_would_be_used(&world.workspace).unwrap();
    assert_eq!(report.read_by_agents, [".claude", ".mcp.json"]);
}

#[test]
fn a_grant_that_cant_be_read_is_none() {
    let world = world();
    world.trust.grant(&world.workspace).unwrap();
    let file = world.places.trust_file(&world.workspace);
    let text = fs::read_to_string(&file).unwrap();
    for bad in ["", "{}", &text[..text.len() - 3], &text.replace("\"format\": 1", "\"format\": 2")] {
        fs::write(&file, bad).unwrap();
        assert_eq!(world.status(), TrustStatus::Untrusted, "{bad}");
    }
    fs::write(&file, text).unwrap();
    assert_eq!(world.status(), TrustStatus::Trusted);
}
