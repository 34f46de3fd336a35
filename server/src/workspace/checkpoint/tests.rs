//! Checkpoints of real folders with real git: what is taken in, what is left alone, and what comes back.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    process::Command,
};

use proptest::prelude::*;

use super::*;

pub struct Ground {
    _home: tempfile::TempDir,
    pub root: PathBuf,
    pub store: Store,
}

impl Ground {
    pub fn new() -> Self {
        Self::with(Bounds::default())
    }

    pub fn with(bounds: Bounds) -> Self {
        let home = tempfile::tempdir().unwrap();
        let base = home.path().canonicalize().unwrap();
        let root = base.join("work");
        fs::create_dir(&root).unwrap();
        let store = Store::open(&Workspace::at(&root).unwrap(), &base.join("state/checkpoints.git"), bounds).unwrap();
        Self { _home: home, root, store }
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap_or_else(|error| format!("({path}: {error})"))
    }

    pub fn git(&self, args: &[&str]) {
        let ran = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@b", "-c", "init.defaultBranch=main"])
            .args(args)
            .current_dir(&self.root)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }

    pub fn take(&self) -> String {
        self.store.take().unwrap().tree
    }

    /// Undoes what was done between two checkpoints, as seen now.
    fn undo(&self, from: &str, to: &str, force: bool) -> (Vec<String>, Vec<String>) {
        let interval = Interval { from: from.to_owned(), to: to.to_owned(), shared: String::new() };
        let now = self.take();
        let undoing = self.store.plan_undo(&[interval], &now, force).unwrap();
        let mut restored = self.store.restore(&undoing.moves, force).unwrap();
        restored.clashes.extend(undoing.clashes);
        let clash = |it: &Clash| format!("{}: {}", it.path.display(), it.why);
        (restored.files.iter().map(|it| shown(it)).collect(), restored.clashes.iter().map(clash).collect())
    }
}

/// Returns every file below a folder with what it is: bytes and whether it can be run, or where it leads. Folders count too.
pub fn everything(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            let what = if kind.is_symlink() {
                format!("link {}", fs::read_link(&path).unwrap().display())
            } else if kind.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                format!("{mode:o} {:?}", fs::read(&path).unwrap())
            };
            found.insert(shown(path.strip_prefix(root).unwrap()), what);
        }
    }
    found
}

/// An edit that an agent may make; indices are taken modulo what there is.
#[derive(Debug, Clone)]
enum Edit {
    Write(u8, Vec<u8>),
    Append(u8, String),
    Delete(u8),
    Rename(u8, u8),
    Mode(u8),
    Link(u8, u8),
    Folder(u8),
}

const PLACES: [&str; 10] = [
    "a.txt",
    "b",
    "src/lib.rs",
    "src/deep/x.rs",
    "src/deep/y",
    "docs/ü ä.md",
    "d/\"q\"",
    "d/tab\tx",
    "run.sh",
    "src/.gitignore",
];

fn any_edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        4 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(a, b)| Edit::Write(a, b)),
        3 => (any::<u8>(), "[a-z\r\n]{0,12}").prop_map(|(a, b)| Edit::Append(a, b)),
        3 => any::<u8>().prop_map(Edit::Delete),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Edit::Rename(a, b)),
        2 => any::<u8>().prop_map(Edit::Mode),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(a, b)| Edit::Link(a, b)),
        2 => any::<u8>().prop_map(Edit::Folder),
    ]
}

fn place(root: &Path, number: u8) -> PathBuf {
    root.join(PLACES[usize::from(number) % PLACES.len()])
}

/// Makes an edit, as far as it can be made; what stands in the way stays.
fn edit(root: &Path, it: &Edit) {
    let clear = |path: &Path| {
        if fs::symlink_metadata(path).is_ok_and(|it| it.is_dir()) {
            let _ = fs::remove_dir_all(path);
        }
        let _ = fs::remove_file(path);
        if let Some(parent) = path.parent() {
            let _ = fs::create_dir_all(parent);
        }
    };
    match it {
        Edit::Write(at, bytes) => {
            let path = place(root, *at);
            // A pattern file of random bytes would only make some of what follows ignored.
            if path.ends_with(".gitignore") {
                return;
            }
            clear(&path);
            let _ = fs::write(path, bytes);
        }
        Edit::Append(at, text) => {
            let path = place(root, *at);
            if !path.ends_with(".gitignore") && fs::symlink_metadata(&path).is_ok_and(|it| it.is_file()) {
                let mut bytes = fs::read(&path).unwrap();
                bytes.extend_from_slice(text.as_bytes());
                fs::write(path, bytes).unwrap();
            }
        }
        Edit::Delete(at) => {
            let path = place(root, *at);
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            if let Some(parent) = path.parent().filter(|it| *it != root) {
                let _ = fs::remove_dir(parent);
            }
        }
        Edit::Rename(from, to) => {
            let (from, to) = (place(root, *from), place(root, *to));
            if from != to && !from.ends_with(".gitignore") && !to.ends_with(".gitignore") {
                clear(&to);
                let _ = fs::rename(from, to);
            }
        }
        Edit::Mode(at) => {
            let path = place(root, *at);
            if let Ok(it) = fs::symlink_metadata(&path)
                && it.is_file()
            {
                let mode = it.permissions().mode() ^ 0o111;
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
        }
        Edit::Link(at, to) => {
            let path = place(root, *at);
            if !path.ends_with(".gitignore") {
                clear(&path);
                let _ = symlink(PLACES[usize::from(*to) % PLACES.len()], path);
            }
        }
        // A file's place becomes a folder.
        Edit::Folder(at) => {
            let path = place(root, *at);
            if !path.ends_with(".gitignore") {
                clear(&path);
                let _ = fs::create_dir(&path);
                let _ = fs::write(path.join("inner"), "x");
            }
        }
    }
}

/// Removes folders with nothing in them: a tree does not know them.
fn prune(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            prune(&entry.path());
            let _ = fs::remove_dir(entry.path());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Promise "Undo run": whatever was edited, what comes back is what was there, byte for byte.
    #[test]
    fn undo_restores_byte_for_byte(
        before in prop::collection::vec(any_edit(), 0..14),
        work in prop::collection::vec(any_edit(), 1..14),
        more in prop::collection::vec(any_edit(), 0..6),
    ) {
        let ground = Ground::new();
        for at in [0_u8, 2, 3, 8] {
            edit(&ground.root, &Edit::Write(at, format!("line {at}\nand one\n").into_bytes()));
        }
        for it in &before {
            edit(&ground.root, it);
        }
        prune(&ground.root);
        let was = everything(&ground.root);
        let first = ground.take();
        for it in &work {
            edit(&ground.root, it);
        }
        let between = ground.take();
        for it in &more {
            edit(&ground.root, it);
        }
        let last = ground.take();
        prop_assert_eq!(ground.take(), last.clone(), "a checkpoint of what did not change is the same");
        let intervals = [(&first, &between), (&between, &last)]
            .map(|(from, to)| Interval { from: from.clone(), to: to.clone(), shared: String::new() });
        let undoing = ground.store.plan_undo(&intervals, &last, false).unwrap();
        prop_assert_eq!(&undoing.clashes, &[]);
        let restored = ground.store.restore(&undoing.moves, false).unwrap();
        prop_assert_eq!(&restored.clashes, &[]);
        prune(&ground.root);
        prop_assert_eq!(everything(&ground.root), was);
        prop_assert_eq!(ground.take(), first);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Promise "Undo run" with worktrees: whatever was done in two of them, and merged in whatever state the work tree was, what
    /// comes back is what was there before the first merge, byte for byte.
    #[test]
    fn undo_restores_byte_for_byte_with_worktrees_merged_in(
        before in prop::collection::vec(any_edit(), 0..8),
        left in prop::collection::vec(any_edit(), 1..8),
        right in prop::collection::vec(any_edit(), 1..8),
        meanwhile in prop::collection::vec(any_edit(), 0..4),
    ) {
        let ground = Ground::new();
        for at in [0_u8, 2, 3, 8] {
            edit(&ground.root, &Edit::Write(at, format!("line {at}\nand one\n").into_bytes()));
        }
        for it in &before {
            edit(&ground.root, it);
        }
        prune(&ground.root);
        let trees = ground.root.parent().unwrap().join("state/worktrees");
        let base = ground.take();
        let mut views = Vec::new();
        for (name, work) in [("w1", &left), ("w2", &right)] {
            let place = worktree::Place::new(&trees, name, "work");
            ground.store.make_worktree(&place, &base, &worktree::Setup::default()).unwrap();
            prop_assert_eq!(everything(&place.tree), everything(&ground.root), "a worktree is what the work tree is");
            for it in work {
                edit(&place.tree, it);
            }
            views.push(ground.store.of_worktree(&place, &worktree::Setup::default()));
        }
        // The developer goes on meanwhile; that is no agent's, and stays.
        for it in &meanwhile {
            edit(&ground.root, it);
        }
        prune(&ground.root);
        let was = everything(&ground.root);
        let mut intervals = Vec::new();
        for view in &views {
            let theirs = view.take().unwrap().tree;
            let from = ground.take();
            let merge = ground.store.merge(&base, &from, &theirs, "it").unwrap();
            if !merge.conflicts.is_empty() {
                prop_assert_eq!(&ground.take(), &from, "a conflict changes nothing");
                continue;
            }
            let restored = ground.store.restore(&merge.moves, false).unwrap();
            let to = ground.take();
            if restored.clashes.is_empty() {
                let again = ground.store.merge(&base, &to, &theirs, "it").unwrap();
                prop_assert_eq!((again.moves.len(), again.conflicts.len()), (0, 0), "merged once is merged");
            }
            intervals.push(Interval { from, to, shared: String::new() });
        }
        let now = ground.take();
        let undoing = ground.store.plan_undo(&intervals, &now, false).unwrap();
        prop_assert_eq!(&undoing.clashes, &[]);
        let restored = ground.store.restore(&undoing.moves, false).unwrap();
        prop_assert_eq!(&restored.clashes, &[]);
        prune(&ground.root);
        prop_assert_eq!(everything(&ground.root), was);
    }
}

#[test]
fn the_users_repository_and_what_it_ignores_are_untouched() {
    let ground = Ground::new();
    ground.write("src/lib.rs", "one\n");
    ground.write(".gitignore", "*.log\nkept.cfg\n");
    ground.write("kept.cfg", "tracked though ignored\n");
    ground.write("staged", "not yet\n");
    ground.git(&["init", "--quiet"]);
    ground.git(&["add", "--force", "src", ".gitignore", "kept.cfg"]);
    ground.git(&["commit", "--quiet", "--message=first"]);
    ground.git(&["add", "staged"]);
    ground.write(".git/info/exclude", "secret\n");
    ground.write(".git/hooks/post-checkout", "#!/bin/sh\ntouch hook-ran\n");
    fs::set_permissions(ground.root.join(".git/hooks/post-checkout"), fs::Permissions::from_mode(0o755)).unwrap();
    ground.write("secret", "s\n");
    ground.write("build.log", "l\n");
    let git_before = everything(&ground.root.join(".git"));

    let first = ground.take();
    ground.write("src/lib.rs", "two\n");
    ground.write("kept.cfg", "changed\n");
    ground.write("secret", "t\n");
    ground.write("build.log", "m\n");
    ground.write("new", "n\n");
    let last = ground.take();
    let paths: Vec<String> = ground.store.changes(&first, &last).unwrap().iter().map(|it| shown(&it.path)).collect();
    assert_eq!(paths, ["kept.cfg", "new", "src/lib.rs"]);
    let (files, clashes) = ground.undo(&first, &last, false);
    assert_eq!((files, clashes), (paths, vec![]));
    assert_eq!(ground.read("src/lib.rs") + &ground.read("kept.cfg"), "one\ntracked though ignored\n");
    assert_eq!(ground.read("secret") + &ground.read("build.log"), "t\nm\n", "ignored files stay as they are");
    assert!(!ground.root.join("new").exists() && !ground.root.join("hook-ran").exists());
    assert_eq!(everything(&ground.root.join(".git")), git_before, "HEAD, index, hooks and all else");
}

#[test]
fn a_file_that_is_ignored_in_the_earlier_state_is_not_removed() {
    let ground = Ground::new();
    ground.write(".gitignore", ".env\n");
    ground.write(".env", "KEY=1\n");
    let first = ground.take();
    ground.write(".gitignore", "\n");
    let last = ground.take();
    let (files, clashes) = ground.undo(&first, &last, false);
    assert_eq!(files, [".gitignore"]);
    assert_eq!(clashes, [".env: it is ignored in the state that is gone back to"]);
    assert_eq!(ground.read(".env"), "KEY=1\n");
}

#[test]
fn what_the_developer_changed_since_is_kept_and_named() {
    let ground = Ground::new();
    ground.write("mine", "1\n");
    ground.write("theirs", "1\n");
    let first = ground.take();
    ground.write("mine", "2\n");
    ground.write("theirs", "2\n");
    ground.write("made", "2\n");
    let last = ground.take();
    ground.write("mine", "by hand\n");
    ground.write("made", "by hand\n");
    let (files, clashes) = ground.undo(&first, &last, false);
    assert_eq!(files, ["theirs"]);
    assert_eq!(clashes.len(), 2, "{clashes:?}");
    assert_eq!(ground.read("mine") + &ground.read("made"), "by hand\nby hand\n");
    assert_eq!(ground.undo(&first, &last, true).0, ["made", "mine"]);
    assert_eq!(ground.read("mine"), "1\n");
    assert!(!ground.root.join("made").exists());
}

#[test]
fn a_change_between_the_plan_and_the_restore_is_seen() {
    let ground = Ground::new();
    ground.write("a", "1\n");
    let first = ground.take();
    ground.write("a", "2\n");
    let last = ground.take();
    let interval = Interval { from: first, to: last.clone(), shared: String::new() };
    let undoing = ground.store.plan_undo(&[interval], &last, false).unwrap();
    ground.write("a", "typed just now\n");
    let restored = ground.store.restore(&undoing.moves, false).unwrap();
    assert_eq!((restored.files.len(), restored.clashes.len()), (0, 1));
    assert_eq!(ground.read("a"), "typed just now\n");
}

/// Security row 14: a link that an agent puts in the place of a folder leads nowhere.
#[test]
fn a_link_that_was_swapped_in_is_never_followed() {
    let ground = Ground::new();
    let outside = ground.root.parent().unwrap().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("x"), "outside\n").unwrap();
    ground.write("d/x", "1\n");
    let first = ground.take();
    ground.write("d/x", "2\n");
    ground.write("d/new", "2\n");
    let last = ground.take();
    let interval = Interval { from: first.clone(), to: last.clone(), shared: String::new() };
    let undoing = ground.store.plan_undo(&[interval], &last, true).unwrap();
    fs::write(outside.join("new"), "outside\n").unwrap();
    fs::remove_dir_all(ground.root.join("d")).unwrap();
    symlink(&outside, ground.root.join("d")).unwrap();
    for force in [false, true] {
        let restored = ground.store.restore(&undoing.moves, force).unwrap();
        assert_eq!(restored.files, Vec::<PathBuf>::new());
        assert!(restored.clashes.iter().all(|it| it.why.contains("links are not followed")), "{restored:?}");
    }
    // Nor when the tree is taken in: what is behind the link is not read as the folder's.
    let now = ground.take();
    let changes = ground.store.changes(&last, &now).unwrap();
    let kinds: Vec<(String, bool, bool)> =
        changes.iter().map(|it| (shown(&it.path), it.from.is_some(), it.to.is_some())).collect();
    assert_eq!(
        kinds,
        [("d".to_owned(), false, true), ("d/new".to_owned(), true, false), ("d/x".to_owned(), true, false)]
    );
    assert_eq!(fs::read_to_string(outside.join("x")).unwrap(), "outside\n");
    assert_eq!(fs::read_to_string(outside.join("new")).unwrap(), "outside\n");
    // With the link as a change of the work itself, undo takes the link away and puts the folder back.
    let (files, clashes) = ground.undo(&first, &now, false);
    assert_eq!((files.len(), clashes.len()), (2, 0), "{files:?} {clashes:?}");
    assert_eq!(ground.read("d/x"), "1\n");
    assert_eq!(fs::read_to_string(outside.join("x")).unwrap(), "outside\n");
}

#[test]
fn a_repositorys_attributes_and_filters_change_no_byte_and_run_nothing() {
    let ground = Ground::new();
    ground.git(&["init", "--quiet"]);
    ground.git(&["config", "filter.evil.clean", "touch filter-ran; cat"]);
    ground.git(&["config", "filter.evil.smudge", "touch filter-ran; cat"]);
    ground.write(".gitattributes", "* text=auto eol=crlf ident filter=evil working-tree-encoding=UTF-16\n");
    ground.write("a", "one\r\ntwo\n$Id$\n");
    let first = ground.take();
    ground.write("a", "other\n");
    let last = ground.take();
    ground.undo(&first, &last, false);
    assert_eq!(ground.read("a"), "one\r\ntwo\n$Id$\n");
    assert!(!ground.root.join("filter-ran").exists());
}

#[test]
fn what_is_too_large_too_many_or_no_file_is_listed() {
    let ground = Ground::with(Bounds { file_bytes: 100, files: 4, kept: 3 });
    ground.write("a", "1");
    ground.write("big", vec![b'x'; 101]);
    ground.write("nested/file", "1");
    Command::new("git").args(["init", "--quiet"]).arg(ground.root.join("nested")).status().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(ground.root.join("sock")).unwrap();
    let taken = ground.store.take().unwrap();
    let left = |it: &Checkpoint| it.left_out.iter().map(|it| format!("{} {}", it.path, it.why)).collect::<Vec<_>>();
    assert_eq!(left(&taken), ["big it is too large", "nested/ it is a repository of its own"]);
    for name in ["b", "c", "d", "e"] {
        ground.write(name, name);
    }
    let next = ground.store.take().unwrap();
    assert!(left(&next).iter().any(|it| it.ends_with("there are more files than a checkpoint takes")), "{next:?}");
    // A file that grows beyond the bound is no deletion that undo would act on without being told to.
    ground.write("a", vec![b'x'; 101]);
    let grown = ground.take();
    let (files, clashes) = ground.undo(&taken.tree, &grown, false);
    assert!(
        !files.contains(&"a".to_owned()) && clashes.iter().any(|it| it.starts_with("a: ")),
        "{files:?} {clashes:?}"
    );
}

#[test]
fn many_files_at_once_are_as_good_as_a_few() {
    let ground = Ground::new();
    for it in 0..300 {
        ground.write(&format!("d{}/f{it}", it % 7), format!("{it}\r\n").repeat(it));
    }
    let was = everything(&ground.root);
    let first = ground.take();
    assert!(everything(&ground.store.dir.join("objects")).len() < 100, "most are in one pack");
    for it in 0..300 {
        ground.write(&format!("d{}/f{it}", it % 7), "other\n");
    }
    let last = ground.take();
    let files = ground.store.diff(&first, &last, None, false).unwrap();
    assert!(files.len() == 300 && files.iter().all(|it| !it.binary && it.text.contains("+other")));
    assert_eq!(ground.undo(&first, &last, false).1, Vec::<String>::new());
    assert_eq!(everything(&ground.root), was);
}

#[test]
fn only_the_last_checkpoints_are_kept_and_their_space_is_given_back() {
    let ground = Ground::with(Bounds { kept: 3, ..Bounds::default() });
    let trees: Vec<String> = (0..12)
        .map(|it| {
            ground.write("a", format!("{it}\n").repeat(1000));
            ground.take()
        })
        .collect();
    let kept = trees.iter().filter(|it| ground.store.has(it)).count();
    assert!((3..=6).contains(&kept), "{kept}");
    assert!(matches!(ground.store.changes(&trees[0], &trees[11]), Err(CheckpointError::Gone { .. })));
    assert!(ground.store.changes(&trees[10], &trees[11]).is_ok());
    assert!(everything(&ground.root.parent().unwrap().join("state")).len() < 60);
}

#[test]
fn a_diff_is_text_for_people() {
    let ground = Ground::new();
    ground.write("old name.txt", "1\n2\n3\n4\n5\n6\n7\n8\n");
    ground.write("gone", "x\n");
    ground.write("bin", [0, 1, 2]);
    ground.write("link", "was a file\n");
    ground.write("z", "1\n");
    let first = ground.take();
    fs::rename(ground.root.join("old name.txt"), ground.root.join("new name.txt")).unwrap();
    fs::remove_file(ground.root.join("gone")).unwrap();
    fs::remove_file(ground.root.join("link")).unwrap();
    symlink("bin", ground.root.join("link")).unwrap();
    ground.write("bin", [0, 1, 3]);
    ground.write("z", "2\n");
    let last = ground.take();
    let files = ground.store.diff(&first, &last, None, false).unwrap();
    let told: Vec<String> = files.iter().map(|it| format!("{:?} {} {}", it.kind, it.path, it.binary)).collect();
    assert_eq!(
        told,
        [
            "Modified bin true",
            "Deleted gone false",
            "Modified link false",
            "Renamed new name.txt false",
            "Modified z false"
        ]
    );
    assert_eq!(files[3].from.as_deref(), Some("old name.txt"));
    assert!(
        files[4].text.starts_with("diff --git a/z b/z\n") && files[4].text.ends_with("-1\n+2\n"),
        "{}",
        files[4].text
    );
    let only = [PathBuf::from("z")].into();
    assert_eq!(ground.store.diff(&first, &last, Some(&only), false).unwrap().len(), 1);
}
