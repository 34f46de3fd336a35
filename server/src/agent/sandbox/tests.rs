//! The matrix of what a program in the sandbox can and can't do, by a shell in a real one where there is bubblewrap.

use std::{io::Write as _, process::Output};

use super::*;

/// A home with a secret, a repository with a worktree of its own, and an agent's folders.
struct World {
    folder: tempfile::TempDir,
    needs: Needs,
}

impl World {
    fn new() -> Option<Self> {
        let bwrap = std::env::var_os("PATH")
            .and_then(|it| std::env::split_paths(&it).map(|it| it.join("bwrap")).find(|it| it.is_file()));
        if let Err(why) = available(bwrap.as_deref()) {
            assert!(std::env::var_os("CALLBOARD_TEST_SANDBOX").is_none(), "a sandbox is wanted: {why}");
            let _ = writeln!(std::io::stderr(), "skipped: {why}");
            return None;
        }
        // Not below the folder for temporary files, which the sandbox hides, even where the sources themselves are there.
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target");
        let hidden = ours.starts_with("/tmp") || ours.starts_with(std::env::temp_dir());
        let folder = tempfile::tempdir_in(if hidden { Path::new("/var/tmp") } else { &ours }).unwrap();
        let world = Self {
            folder,
            needs: Needs {
                write: vec![".tool/sessions/".to_owned()],
                copy: vec![".tool.json".to_owned()],
                ..Needs::default()
            },
        };
        for (path, text) in [
            ("home/.ssh/id", "secret"),
            ("home/.tool.json", "mine"),
            ("home/.tool/hooks.json", "mine"),
            ("outside.txt", "secret"),
            ("repo/a.txt", "a\n"),
            ("repo/.claude/settings.json", "{}"),
        ] {
            let path = world.path(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        world.git("repo", &["init", "-q", "-b", "main"]);
        world.git("repo", &["add", "."]);
        world.git("repo", &["commit", "-q", "-m", "first"]);
        world.git("repo", &["config", "extensions.worktreeConfig", "true"]);
        world.git("repo", &["worktree", "add", "-q", "../tree"]);
        world.git("tree", &["config", "--worktree", "a.b", "c"]);
        Some(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn git(&self, folder: &str, args: &[&str]) {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let mut git = Command::new("git");
        git.current_dir(self.path(folder)).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        assert!(git.args(who).args(args).status().unwrap().success(), "git {args:?}");
    }

    /// Runs a line of shell in the sandbox of a folder.
    fn run(&self, folder: &str, access: Access, network: Network, line: &str) -> Output {
        let home = self.path("home");
        let environment = vec![
            ("HOME".to_owned(), home.to_string_lossy().into_owned()),
            ("PATH".to_owned(), "/usr/bin:/bin".to_owned()),
            ("TMPDIR".to_owned(), self.path("elsewhere").to_string_lossy().into_owned()),
        ];
        let (own, results, cwd) = (self.path("own"), self.path("results"), self.path(folder));
        let boxed = Boxed {
            needs: &self.needs,
            access,
            network,
            cwd: &cwd,
            workspace: &cwd,
            program: Path::new("/bin/sh"),
            callboard: Path::new("/bin/true"),
            own: &own,
            results: &results,
            socket: None,
            environment: &environment,
            on_terminal: false,
        };
        let plan = plan(&boxed).unwrap();
        let mut command = Command::new("bwrap");
        command.args(&plan.arguments).args(["/bin/sh", "-c", line]).env_clear().envs(environment.clone());
        command.output().unwrap()
    }

    #[track_caller]
    fn denied(&self, folder: &str, line: &str) {
        let out = self.run(folder, Access::Write, Network::Shared, line);
        assert!(!out.status.success(), "{line:?} went through: {}", String::from_utf8_lossy(&out.stdout));
    }

    #[track_caller]
    fn allowed(&self, folder: &str, line: &str) -> String {
        let out = self.run(folder, Access::Write, Network::Shared, line);
        assert!(out.status.success(), "{line:?}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
}

#[test]
fn a_secret_is_not_there_and_nothing_outside_is_written() {
    let Some(world) = World::new() else { return };
    let (ssh, outside) = (world.path("home/.ssh/id"), world.path("outside.txt"));
    for line in [
        format!("cat {}", ssh.display()),
        format!("cat {}", outside.display()),
        format!("echo x > {}", outside.display()),
        format!("cat {}", world.path("home/.tool/hooks.json").display()),
        "echo x > /usr/x".to_owned(),
        "echo x > /etc/x".to_owned(),
        "ls /run/user/*".to_owned(),
        format!("kill -0 {}", std::process::id()),
    ] {
        world.denied("repo", &line);
    }
    // Its own processes are all that it sees.
    let count: u32 = world.allowed("repo", "ls -d /proc/[0-9]* | wc -l").parse().unwrap();
    assert!(count < 8, "{count} processes");
    // What it leaves in its home and in /tmp is gone with it; what its program keeps stays.
    world.allowed("repo", "echo x > $HOME/left; echo x > /tmp/left-in-sandbox; echo s > $HOME/.tool/sessions/one; echo y > $HOME/.tool.json; test \"$TMPDIR\" = /tmp");
    assert!(!world.path("home/left").exists() && !Path::new("/tmp/left-in-sandbox").exists());
    assert_eq!(fs::read_to_string(world.path("home/.tool/sessions/one")).unwrap(), "s\n");
    assert_eq!(fs::read_to_string(world.path("home/.tool.json")).unwrap(), "mine", "a copy is no link");
}

#[test]
fn a_repository_can_be_committed_to_and_not_be_turned_against_its_developer() {
    let Some(world) = World::new() else { return };
    let commit = "git -c user.name=a -c user.email=a@b";
    world.allowed("repo", &format!("echo b >> a.txt && {commit} commit -qam second && mkdir new && echo n > new/n"));
    for line in [
        "echo '[core] hooksPath = x' >> .git/config",
        "git config core.fsmonitor ./evil",
        "echo '#!/bin/sh' > .git/hooks/post-commit",
        "mv .git .git-was",
        "mv .git/config .git/config-was",
        "mv .git/hooks .git/hooks-was",
        "rm .git/config",
        "ln -sf /dev/null .git/config",
        "mkdir .git/hooks/x",
        "echo x > .claude/settings.json",
        "echo x > .codex/config.toml",
        "echo x > .gemini/settings.json",
        "rmdir .codex",
        "mv .claude .claude-was",
        "echo x > .git/worktrees/tree/config.worktree",
        "echo x > .git/worktrees/tree/commondir",
    ] {
        world.denied("repo", line);
    }
    assert!(!world.path("repo/.codex").exists(), "what was made to be mounted over stays");
}

#[test]
fn a_worktree_can_be_committed_to_and_its_pointer_is_not_turned() {
    let Some(world) = World::new() else { return };
    world.allowed("tree", "echo c > c.txt && git add c.txt && git -c user.name=a -c user.email=a@b commit -qm third");
    let main = world.path("repo/.git");
    for line in [
        "echo 'gitdir: /tmp/evil' > .git".to_owned(),
        "mv .git .git-was".to_owned(),
        "rm .git".to_owned(),
        format!("echo x >> {}/config", main.display()),
        format!("echo x > {}/hooks/post-commit", main.display()),
        format!("echo x > {}/worktrees/tree/config.worktree", main.display()),
        format!("echo x > {}/worktrees/tree/commondir", main.display()),
        format!("mv {0} {0}-was", main.display()),
        format!("echo x > {}/a.txt", world.path("repo").display()),
    ] {
        world.denied("tree", &line);
    }
}

#[test]
fn a_part_that_only_reads_writes_nothing_and_the_network_is_there_only_where_it_is_shared() {
    let Some(world) = World::new() else { return };
    let out = world.run("repo", Access::Read, Network::Shared, "echo x > a.txt");
    assert!(!out.status.success());
    assert_eq!(fs::read_to_string(world.path("repo/a.txt")).unwrap(), "a\n");
    let devices = |network| {
        let out = world.run("repo", Access::Read, network, "cat /proc/net/dev | tail -n +3 | wc -l");
        String::from_utf8_lossy(&out.stdout).trim().parse::<usize>().unwrap()
    };
    let outside = fs::read_to_string("/proc/net/dev").unwrap().lines().count() - 2;
    assert_eq!(devices(Network::Shared), outside);
    assert_eq!(devices(Network::None), 1, "only its own loopback");
}

#[test]
fn without_bubblewrap_it_is_said_what_to_install() {
    let why = available(None).unwrap_err();
    assert!(why.contains("install") || why.contains("no sandbox on this system"), "{why}");
}
