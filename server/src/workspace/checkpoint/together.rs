//! Worktrees and merges of real folders with real git: what is set up, what is merged, what is a conflict, what goes.

use std::{fs, os::unix::fs::symlink};

use super::{
    tests::{Ground, everything},
    worktree::{Place, Setup},
    *,
};

const LABEL: &str = "backend of r1";

/// A worktree of a ground.
struct Tree<'g> {
    ground: &'g Ground,
    place: Place,
    view: Store,
    base: String,
}

impl<'g> Tree<'g> {
    fn new(ground: &'g Ground, name: &str, setup: &Setup) -> (Self, Vec<String>) {
        let place = Place::new(&ground.root.parent().unwrap().join("state/worktrees"), name, "work");
        let base = ground.take();
        let notes = ground.store.make_worktree(&place, &base, setup).unwrap();
        let view = ground.store.of_worktree(&place, setup);
        let notes = notes.iter().map(|it| format!("{}: {}", it.path, it.why)).collect();
        (Self { ground, place, view, base }, notes)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.place.tree.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.place.tree.join(path)).unwrap_or_else(|error| format!("({path}: {error})"))
    }

    /// Merges, as far as there is no conflict; else brings the worktree up to the work tree. Returns the conflicts.
    fn merge(&mut self) -> Vec<String> {
        let theirs = self.view.take().unwrap().tree;
        let ours = self.ground.take();
        let merge = self.ground.store.merge(&self.base, &ours, &theirs, LABEL).unwrap();
        if merge.conflicts.is_empty() {
            let done = self.ground.store.restore(&merge.moves, false).unwrap();
            assert_eq!(done.clashes, []);
        } else {
            assert_eq!(self.view.bring(merge.back).unwrap().clashes, []);
            self.base = ours;
        }
        merge.conflicts.iter().map(|it| format!("{}: {}", it.path.display(), it.why)).collect()
    }
}

#[test]
fn a_worktree_has_what_the_work_tree_has_now_and_no_repository_is_needed() {
    let ground = Ground::new();
    ground.write("a.txt", "a\n");
    ground.write("src/run.sh", "#!/bin/sh\n");
    fs::set_permissions(ground.root.join("src/run.sh"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    symlink("a.txt", ground.root.join("link")).unwrap();
    ground.write(".gitignore", "node_modules/\n.env*\ncache/\n");
    ground.write(".env.test", "KEY=1\n");
    ground.write("node_modules/x/index.js", "x\n");
    ground.write("cache/big", "big\n");
    let before = everything(&ground.root);
    let setup = Setup {
        copy: vec![".env.test".into(), "gone".into(), "../out".into(), "a.txt".into()],
        link: vec!["node_modules/".into()],
    };
    let (mut tree, notes) = Tree::new(&ground, "w1", &setup);
    assert_eq!(
        notes,
        ["gone: it is not there", "../out: a path like this is never copied", "a.txt: the checkpoint has it already"]
    );
    let mut there = everything(&tree.place.tree);
    assert!(there.remove("node_modules").unwrap().ends_with("work/node_modules"));
    let mut wanted = before.clone();
    wanted.retain(|path, _| !path.starts_with("cache") && !path.starts_with("node_modules"));
    assert_eq!(there, wanted);
    // What is copied, linked and ignored is no part of what is merged back.
    tree.write(".env.test", "KEY=2\n");
    tree.write("cache/new", "made\n");
    tree.write("new.txt", "new\n");
    assert_eq!(tree.merge(), [""; 0]);
    let mut after = everything(&ground.root);
    assert!(after.remove("new.txt").is_some());
    assert_eq!(after, before);
    ground.store.remove_worktree(&tree.place).unwrap();
    assert!(!tree.place.home.exists());
    assert_eq!(ground.read("node_modules/x/index.js"), "x\n", "what was linked stays");
}

#[test]
fn in_a_repository_git_works_in_the_worktree_and_the_users_is_not_written() {
    let ground = Ground::new();
    ground.write("a.txt", "a\n");
    ground.write("forced.log", "tracked though ignored\n");
    ground.write(".gitignore", "*.log\n");
    ground.git(&["init", "--quiet"]);
    ground.git(&["add", "--force", "--all"]);
    ground.git(&["commit", "--quiet", "--message=first commit"]);
    ground.write("a.txt", "a, not committed\n");
    let before = everything(&ground.root.join(".git"));
    let (mut tree, notes) = Tree::new(&ground, "w1", &Setup::default());
    assert_eq!(notes, [""; 0]);
    let git = |args: &[&str]| {
        let ran = std::process::Command::new("git").args(args).current_dir(&tree.place.tree).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    };
    assert!(git(&["log", "--oneline"]).contains("first commit"));
    assert_eq!(git(&["status", "--porcelain"]), " M a.txt\n");
    assert!(git(&["diff"]).contains("+a, not committed"));
    git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "--all", "--message=mine"]);
    tree.write("forced.log", "changed in the worktree\n");
    assert_eq!(tree.merge(), [""; 0]);
    assert_eq!(ground.read("forced.log"), "changed in the worktree\n");
    assert_eq!(everything(&ground.root.join(".git")), before, "HEAD, index, objects and hooks are untouched");
}

#[test]
fn promise_1_what_both_sides_did_is_kept_and_merging_twice_is_merging_once() {
    let ground = Ground::new();
    let lines = |changed: &[(usize, &str)]| {
        let line =
            |it| changed.iter().find(|(at, _)| *at == it).map_or_else(|| format!("line {it}\n"), |it| it.1.to_owned());
        (1..=30).map(line).collect::<String>()
    };
    for path in ["both.txt", "theirs.txt", "ours.txt", "gone.txt", "same.txt", "moved.txt"] {
        ground.write(path, lines(&[]));
    }
    let (mut tree, _) = Tree::new(&ground, "w1", &Setup::default());
    tree.write("both.txt", lines(&[(3, "theirs\n")]));
    tree.write("theirs.txt", lines(&[(9, "theirs\n")]));
    tree.write("same.txt", lines(&[(5, "alike\n")]));
    tree.write("new/deep.txt", "new\n");
    fs::remove_file(tree.place.tree.join("gone.txt")).unwrap();
    fs::rename(tree.place.tree.join("moved.txt"), tree.place.tree.join("away.txt")).unwrap();
    ground.write("both.txt", lines(&[(20, "ours\n")]));
    ground.write("ours.txt", lines(&[(1, "ours\n")]));
    ground.write("same.txt", lines(&[(5, "alike\n")]));
    assert_eq!(tree.merge(), [""; 0]);
    assert_eq!(ground.read("both.txt"), lines(&[(3, "theirs\n"), (20, "ours\n")]));
    assert_eq!(ground.read("ours.txt"), lines(&[(1, "ours\n")]));
    assert_eq!(ground.read("new/deep.txt"), "new\n");
    assert_eq!(ground.read("away.txt"), lines(&[]));
    assert!(!ground.root.join("gone.txt").exists() && !ground.root.join("moved.txt").exists());
    let after = everything(&ground.root);
    assert_eq!(tree.merge(), [""; 0], "as when a hub died before it could note the merge");
    assert_eq!(everything(&ground.root), after);
    // The developer goes on in a file that was merged, and the merge that is done again takes nothing of it away.
    ground.write("both.txt", lines(&[(3, "theirs\n"), (20, "ours\n"), (28, "later\n")]));
    assert_eq!(tree.merge(), [""; 0]);
    assert_eq!(ground.read("both.txt"), lines(&[(3, "theirs\n"), (20, "ours\n"), (28, "later\n")]));
}

#[test]
fn promise_1_a_file_changed_in_mode_here_and_in_text_there_is_merged_once() {
    use std::os::unix::fs::PermissionsExt;
    let ground = Ground::new();
    ground.write("run.sh", "one\n");
    let (mut tree, _) = Tree::new(&ground, "w1", &Setup::default());
    fs::set_permissions(ground.root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    tree.write("run.sh", "one\ntwo\n");
    assert_eq!(tree.merge(), [""; 0]);
    let theirs = tree.view.take().unwrap().tree;
    let again = ground.store.merge(&tree.base, &ground.take(), &theirs, LABEL).unwrap();
    assert_eq!((again.moves, again.conflicts), (vec![], vec![]));
    assert_eq!(again.back.len(), 1, "the worktree has not got the mode yet");
}

#[test]
fn a_conflict_changes_nothing_in_the_work_tree_and_is_marked_in_the_worktree() {
    let ground = Ground::new();
    for path in ["text.txt", "fine.txt", "gone-here.txt", "gone-there.txt"] {
        ground.write(path, "one\ntwo\nthree\n");
    }
    ground.write("binary", [0, 1, 2]);
    let (mut tree, _) = Tree::new(&ground, "w1", &Setup::default());
    tree.write("text.txt", "one\nTHEIRS\nthree\n");
    tree.write("fine.txt", "one\ntwo\nthree\nfour\n");
    tree.write("gone-here.txt", "changed there\n");
    tree.write("binary", [0, 1, 3]);
    fs::remove_file(tree.place.tree.join("gone-there.txt")).unwrap();
    ground.write("text.txt", "one\nOURS\nthree\n");
    ground.write("gone-there.txt", "changed here\n");
    ground.write("binary", [0, 1, 4]);
    ground.write("elsewhere.txt", "the developer's\n");
    fs::remove_file(ground.root.join("gone-here.txt")).unwrap();
    let before = everything(&ground.root);
    assert_eq!(
        tree.merge(),
        [
            "binary: both changed it, and it is no text that could be merged by lines",
            "gone-here.txt: it was deleted in the work tree and changed in the worktree",
            "gone-there.txt: it was changed in the work tree and deleted in the worktree",
            "text.txt: both changed the same lines",
        ]
    );
    assert_eq!(everything(&ground.root), before);
    let marked = format!("one\n<<<<<<< {OURS}\nOURS\n=======\nTHEIRS\n>>>>>>> {LABEL}\nthree\n");
    assert_eq!(tree.read("text.txt"), marked);
    assert_eq!(tree.read("elsewhere.txt"), "the developer's\n", "it stands on the present work tree now");
    assert_eq!(tree.read("gone-there.txt"), "changed here\n");
    let now = tree.view.take().unwrap().tree;
    let all = ["text.txt".to_owned(), "fine.txt".to_owned()];
    assert_eq!(ground.store.marked(&now, &all, LABEL).unwrap(), [PathBuf::from("text.txt")]);
    // Somebody resolves it, in the worktree; what else was done there goes along.
    tree.write("text.txt", "one\nOURS AND THEIRS\nthree\n");
    let now = tree.view.take().unwrap().tree;
    assert_eq!(ground.store.marked(&now, &all, LABEL).unwrap(), [""; 0].map(PathBuf::from));
    assert_eq!(tree.merge(), [""; 0]);
    assert_eq!(ground.read("text.txt"), "one\nOURS AND THEIRS\nthree\n");
    assert_eq!(ground.read("fine.txt"), "one\ntwo\nthree\nfour\n");
    assert_eq!(ground.read("gone-here.txt"), "changed there\n");
    assert_eq!(ground.read("gone-there.txt"), "changed here\n");
    assert_eq!(fs::read(ground.root.join("binary")).unwrap(), [0, 1, 3]);
}

#[test]
fn a_worktree_is_made_anew_whatever_was_left_of_it_and_goes_with_what_may_not_be_written() {
    let ground = Ground::new();
    ground.write("a.txt", "a\n");
    let (tree, _) = Tree::new(&ground, "w1", &Setup::default());
    tree.write("half/made", "x\n");
    let locked = tree.place.tree.join("half");
    fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    let (tree, _) = Tree::new(&ground, "w1", &Setup::default());
    assert_eq!(everything(&tree.place.tree).keys().collect::<Vec<_>>(), ["a.txt"]);
    // Its base is kept, though no checkpoint of the bound's number is.
    let base = tree.base.clone();
    fs::remove_file(ground.root.parent().unwrap().join("state/checkpoints.git/refs/checkpoints").join(&base)).unwrap();
    assert!(ground.store.has(&base));
    ground.store.remove_worktree(&tree.place).unwrap();
    assert!(!ground.store.has(&base));
    ground.store.remove_worktree(&tree.place).unwrap();
}
