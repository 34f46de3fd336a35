//! Real git in real repositories that were made to run programs: plain git runs them, ours runs none.

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt as _};

use super::*;

struct Repository {
    dir: tempfile::TempDir,
    workspace: Workspace,
    git: Git,
}

/// A plain git, as anybody would run it here, but for the user's own configuration.
fn plain(repository: &Repository, args: &[&str]) -> std::process::Output {
    let mut git = Command::new(repository.git.program());
    git.current_dir(&repository.workspace.root).args(args);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            git.env_remove(name);
        }
    }
    git.env("HOME", repository.dir.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_PAGER", "cat");
    git.env("GIT_AUTHOR_NAME", "a").env("GIT_AUTHOR_EMAIL", "a@localhost");
    git.env("GIT_COMMITTER_NAME", "a").env("GIT_COMMITTER_EMAIL", "a@localhost");
    // Bounded, as a trap that goes off may wait for an answer that nobody gives.
    match bounded::run(git, None, Bounds { time: Duration::from_secs(60), stdout: 1 << 20, stderr: 1 << 16 }).unwrap() {
        Ended::Exited { status, stdout, stderr } => std::process::Output { status, stdout, stderr },
        other => panic!("plain git {args:?}: {other:?}"),
    }
}

fn repository() -> Repository {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("repo");
    fs::create_dir(&root).unwrap();
    let workspace = Workspace::at(&root).unwrap();
    let git = Git::find(&workspace).unwrap();
    let repository = Repository { dir, workspace, git };
    for args in [&["init", "-q"][..], &["config", "core.autocrlf", "false"]] {
        assert!(plain(&repository, args).status.success(), "{args:?}");
    }
    repository
}

impl Repository {
    fn root(&self) -> &Path {
        &self.workspace.root
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.root().join(name), text).unwrap();
    }

    fn commit(&self) {
        for args in [&["add", "-A"][..], &["commit", "-q", "-m", "all"]] {
            let output = plain(self, args);
            assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Returns a command that notes its name and passes its input on; the one for `ssh` just fails, as git talks with it.
    fn spy(&self, name: &str) -> String {
        let then = if name == "ssh" { "exit 1" } else { "exec cat" };
        let path = self.dir.path().join(format!("spy-{name}"));
        let marks = self.dir.path().join("marks");
        let script = format!("#!/bin/sh\necho {name} >> {}\n{then}\n", marks.display());
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// Returns the names of the spies that ran since this was last asked.
    fn marks(&self) -> BTreeSet<String> {
        let path = self.dir.path().join("marks");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let _ = fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }
}

/// A repository whose own configuration and attributes name a program for everything that git runs programs for.
fn planted() -> Repository {
    let repository = repository();
    repository.write("a.txt", "one\n");
    repository.write("b.conv", "one\n");
    repository.write("c.ext", "one\n");
    repository.write("d.dotted", "one\n");
    repository.write("a.merge", "one\n");
    repository.commit();
    let config = [
        ("core.fsmonitor", "fsmonitor"),
        ("core.pager", "pager"),
        ("core.sshCommand", "ssh"),
        ("filter.planted.clean", "clean"),
        ("filter.planted.smudge", "smudge"),
        ("filter.a.b=c.clean", "dotted"),
        ("diff.external", "external"),
        ("diff.planted.textconv", "textconv"),
        ("diff.driven.command", "driven"),
        ("merge.planted.driver", "merge"),
    ];
    for (key, spy) in config {
        assert!(plain(&repository, &["config", key, &repository.spy(spy)]).status.success());
    }
    for (key, value) in [("filter.planted.required", "true"), ("alias.st", &format!("!{}", repository.spy("alias")))] {
        assert!(plain(&repository, &["config", key, value]).status.success());
    }
    repository.write(
        ".gitattributes",
        "*.txt filter=planted\n*.conv diff=planted\n*.ext diff=driven\n*.dotted filter=a.b=c\n*.merge merge=planted\n",
    );
    for hook in ["pre-commit", "post-index-change", "post-checkout", "reference-transaction"] {
        fs::create_dir_all(repository.root().join(".git/hooks")).unwrap();
        fs::copy(repository.spy("hook"), repository.root().join(".git/hooks").join(hook)).unwrap();
    }
    for file in ["a.txt", "b.conv", "c.ext", "d.dotted"] {
        repository.write(file, "one\ntwo\n");
    }
    repository.marks();
    repository
}

/// Security row 18.
#[test]
fn plain_git_runs_what_a_repository_plants_and_ours_runs_none_of_it() {
    let repository = planted();
    for args in [
        &["status"][..],
        &["diff", "HEAD"],
        &["diff", "--no-ext-diff", "HEAD"],
        &["st"],
        &["add", "-A"],
        &["update-ref", "refs/x", "HEAD"],
        &["reset", "-q"],
        &["checkout", "-q", "-f", "HEAD", "--", "a.txt"],
    ] {
        plain(&repository, args);
    }
    let ran = repository.marks();
    for planted in ["fsmonitor", "clean", "smudge", "dotted", "external", "textconv", "driven", "alias", "hook"] {
        assert!(ran.contains(planted), "the fixture is no trap for plain git: {planted} did not run, only {ran:?}");
    }

    for file in ["a.txt", "b.conv", "c.ext", "d.dotted"] {
        repository.write(file, "one\nthree\n");
    }
    let (git, root) = (&repository.git, repository.root());
    let status = git.run(root, &["status", "--porcelain"]).unwrap().text();
    assert!(status.contains("a.txt") && status.contains("c.ext"), "{status}");
    let diff = git.diff_head(root).unwrap();
    for file in ["a.txt", "b.conv", "c.ext", "d.dotted"] {
        assert!(diff.contains(&format!("+++ b/{file}\n")), "{diff}");
    }
    for args in [
        &["log", "-p"][..],
        &["show", "HEAD"],
        &["add", "-A"],
        &["write-tree"],
        &["update-ref", "refs/y", "HEAD"],
        &["checkout-index", "-f", "-a"],
        &["read-tree", "HEAD"],
        &["diff-index", "-p", "HEAD"],
        &["worktree", "add", "--detach", "../tree", "HEAD"],
        &["worktree", "remove", "--force", "../tree"],
    ] {
        let outcome = git.call(root).run_any(args).unwrap();
        assert_eq!(repository.marks(), BTreeSet::new(), "{args:?}: {outcome:?}");
    }
    for refused in [&["cat-file", "--textconv", "HEAD:b.conv"][..], &["diff", "--ext-diff"], &["log", "-p", "--textc"]]
    {
        assert!(matches!(git.run(root, refused), Err(GitError::NotAllowed { .. })), "{refused:?}");
    }
    assert!(matches!(git.run(root, &["st"]), Err(GitError::NotAllowed { .. })));
    assert!(matches!(git.run(root, &["-c", "alias.x=!sh", "x"]), Err(GitError::NotAllowed { .. })));
    assert_eq!(repository.marks(), BTreeSet::new());
}

#[test]
fn a_planted_merge_driver_is_a_conflict_and_is_not_run() {
    let repository = planted();
    let base = plain(&repository, &["rev-parse", "HEAD"]);
    let base = String::from_utf8(base.stdout).unwrap().trim().to_owned();
    let commit_with = |text: &str| {
        repository.write("a.merge", text);
        plain(&repository, &["-c", "core.hooksPath=/dev/null", "add", "-A"]);
        let tree = String::from_utf8(plain(&repository, &["write-tree"]).stdout).unwrap();
        let commit = plain(&repository, &["commit-tree", "-p", &base, "-m", "c", tree.trim()]);
        String::from_utf8(commit.stdout).unwrap().trim().to_owned()
    };
    let (ours, theirs) = (commit_with("ours\n"), commit_with("theirs\n"));
    let args = ["merge-tree", "--write-tree", &ours, &theirs];
    repository.marks();
    plain(&repository, &args);
    assert!(repository.marks().contains("merge"), "the fixture is no trap for plain git");
    let merged = repository.git.call(repository.root()).run_any(&args).unwrap();
    assert_eq!(repository.marks(), BTreeSet::new());
    assert_eq!(merged.code, Some(1), "a conflict: {merged:?}");
}

#[test]
fn a_repository_can_not_make_git_fetch_what_is_missing() {
    let repository = planted();
    for (key, value) in [
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.promisor", "true"),
        ("remote.origin.url", "ssh://nobody.invalid/repo"),
    ] {
        assert!(plain(&repository, &["config", key, value]).status.success());
    }
    // A commit whose tree is not there: git would fetch it from the promising remote.
    let blob = plain(&repository, &["rev-parse", "HEAD:b.conv"]).stdout;
    let blob = String::from_utf8(blob).unwrap().trim().to_owned();
    fs::remove_file(repository.root().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    repository.marks();
    plain(&repository, &["cat-file", "-p", &blob]);
    assert!(repository.marks().contains("ssh"), "the fixture is no trap for plain git");
    let error = repository.git.run(repository.root(), &["cat-file", "-p", &blob]).unwrap_err();
    assert!(matches!(error, GitError::Failed { .. }), "{error}");
    assert_eq!(repository.marks(), BTreeSet::new());
}

#[test]
fn the_diff_is_of_the_work_tree_before_the_first_commit_too() {
    let repository = repository();
    let (git, root) = (&repository.git, repository.root());
    assert!(git.is_repository(root));
    repository.write("new.txt", "new\n");
    plain(&repository, &["add", "-A"]);
    assert!(git.diff_head(root).unwrap().contains("+new"));
    repository.commit();
    assert_eq!(git.diff_head(root).unwrap(), "");
    repository.write("new.txt", "newer ünd\n");
    let diff = git.diff_head(root).unwrap();
    assert!(diff.contains("-new\n") && diff.contains("+newer ünd\n"), "{diff}");
}

#[test]
fn a_folder_that_is_no_repository_is_told_and_no_parent_is_taken_for_it() {
    let repository = repository();
    let inner = repository.root().join("inner");
    fs::create_dir(&inner).unwrap();
    assert!(repository.git.is_repository(&inner), "in the workspace's own repository");
    let workspace = Workspace::at(&inner).unwrap();
    let git = Git::find(&workspace).unwrap();
    assert!(!git.is_repository(&inner), "the repository above the workspace is not the workspace's");
    let error = git.run(&inner, &["status"]).unwrap_err();
    assert!(matches!(error, GitError::Failed { code: Some(128), .. }), "{error}");
    let gone = git.run(&inner.join("gone"), &["status"]).unwrap_err();
    assert!(matches!(gone, GitError::Start { .. }), "{gone}");
}

/// Security row 5: `./git` in a repository, by whatever way it gets into `PATH`, is not run.
#[test]
fn a_git_in_the_workspace_is_passed_over() {
    let repository = repository();
    let bin = repository.root().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::copy(repository.spy("decoy"), bin.join("git")).unwrap();
    let outside = repository.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(bin.join("git"), outside.join("git")).unwrap();
    let linked = repository.dir.path().join("linked");
    std::os::unix::fs::symlink(&bin, &linked).unwrap();
    let real = repository.git.program().parent().unwrap().to_owned();
    let decoys = [PathBuf::from("."), PathBuf::new(), bin, linked, outside];
    let path = std::env::join_paths(decoys.iter().chain([&real])).unwrap();
    let git = Git::find_in(&path, &repository.workspace).unwrap();
    assert_eq!(git.program(), repository.git.program());
    let decoys = std::env::join_paths(&decoys).unwrap();
    assert!(matches!(Git::find_in(&decoys, &repository.workspace), Err(GitError::NotFound)));
    assert_eq!(repository.marks(), BTreeSet::new());
}

#[test]
fn a_shadow_repository_sees_the_work_tree_and_leaves_its_repository_alone() {
    let repository = planted();
    let shadow = repository.dir.path().join("shadow.git");
    let index = repository.dir.path().join("shadow.index");
    let call = || {
        let call = repository.git.call(repository.root());
        call.git_dir(&shadow).work_tree(repository.root()).index(&index)
    };
    let before = fs::read(repository.root().join(".git/index")).unwrap();
    let init = repository.git.call(repository.dir.path()).git_dir(&shadow);
    init.run(&["init", "--quiet", "--bare"]).unwrap();
    assert!(!shadow.join("hooks").exists(), "no template was copied");
    call().run(&["add", "-A"]).unwrap();
    let tree = call().run(&["write-tree"]).unwrap().text();
    let files = call().run(&["ls-tree", "-r", "--name-only", tree.trim()]).unwrap().text();
    assert!(files.contains("a.txt") && !files.contains(".git/"), "{files}");
    let blob = call().input(b"from stdin".to_vec()).run(&["hash-object", "-w", "--stdin"]).unwrap().text();
    assert_eq!(call().run(&["cat-file", "-p", blob.trim()]).unwrap().text(), "from stdin");
    assert_eq!(fs::read(repository.root().join(".git/index")).unwrap(), before);
    assert_eq!(repository.marks(), BTreeSet::new());
}

#[test]
fn too_much_output_ends_the_call() {
    let repository = repository();
    repository.write("big.txt", &"line\n".repeat(10_000));
    repository.commit();
    let error = repository.git.call(repository.root()).most_output(1000).run(&["show", "HEAD"]).unwrap_err();
    assert!(matches!(error, GitError::TooMuchOutput { most: 1000, .. }), "{error}");
}
