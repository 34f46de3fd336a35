//! A full disk: what people ask for is refused with a sentence, what agents came to waits until there is room, and nothing
//! is done twice (promise 1).

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    armed::Armed,
    journal, relay,
    support::{COMMAND_LIMIT, Live, World, processes, wait_for},
};

const REFUSED: &str = "is full; free some space and try again (nothing was lost, nothing was recorded)";

/// Checks that the run was done once, though its end had to wait.
#[track_caller]
fn done_once(world: &World) {
    world.callboard(&["show", "r1", "--follow"]).ok("the run, once there is room");
    let entries = journal::entries(world);
    let outcome = journal::outcome(&entries);
    assert_eq!(outcome.ended, ["r1 Done: all steps are over"]);
    assert_eq!((relay::work(world).len(), journal::lost_turns(&entries)), (1, 0), "the turn was taken once");
    let posts = entries.iter().filter(|it| it.body.contains("does this fit")).count();
    assert_eq!(posts, 0, "a refused post was recorded");
    world.callboard(&["channel", "post", "now it fits"]).ok("a post, once there is room");
}

/// Posts until it is refused, and checks the sentence.
fn refused(world: &World) {
    let tries = (0..6).map(|_| world.callboard(&["channel", "post", "hello"]));
    let refused = tries
        .into_iter()
        .find(|it| it.code != Some(0))
        .unwrap_or_else(|| panic!("no post was refused\n{}", world.story()));
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains(REFUSED), "{}", refused.stderr);
}

#[test]
fn a_result_waits_for_room_in_the_journal_promise_1() {
    let world = relay::world();
    // The 6th to 11th append find no room: a few are spent on posts, the rest meet the result.
    let _hub = Armed::start(&world, "CALLBOARD_TEST_DISK_FULL", "6..11");
    world.callboard(&["run", "wait", "--detach"]).ok("a detached run");
    let agent = relay::at_work(&world);
    refused(&world);
    let before = journal::entries(&world).len();
    relay::go(&world);
    let gone = || processes::of(world.root()).iter().all(|it| it.pid != agent).then_some(());
    wait_for("the agent's end", COMMAND_LIMIT, gone, || world.story());
    done_once(&world);
    assert!(journal::entries(&world).len() > before);
}

/// A small file system of its own, as the state folder. Gone when dropped.
struct Small(PathBuf);

impl Small {
    /// Mounts it, or says why that can't be done here.
    fn mount(at: &Path) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root can mount a file system".to_owned());
        }
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=3m,mode=0700", "callboard-test"]).arg(at);
        let ran = Live::start(command, "mount", false).finish(COMMAND_LIMIT);
        if ran.code == Some(0) { Ok(Self(at.to_owned())) } else { Err(format!("mount: {}", ran.stderr.trim())) }
    }

    /// Fills it to the last byte.
    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filler")).expect("the filler");
        for block in [&vec![b'x'; 64 * 1024][..], b"x"] {
            while file.write_all(block).is_ok() {}
        }
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let ended = Command::new("umount").arg(&self.0).status();
        if !ended.is_ok_and(|it| it.success()) {
            let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }
}

#[test]
fn a_really_full_disk_refuses_posts_and_loses_no_result_promise_1() {
    let world = World::new();
    let small = match Small::mount(&world.root().join("s")) {
        Ok(small) => small,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "no file system of its own can be filled here: {why}");
            return;
        }
    };
    fs::create_dir_all(world.state()).expect("the state folder");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(world.state(), mode).expect("the state folder's mode");
    world.git_init();
    world.trust();
    relay::furnish(&world);
    // More than what is freed when the request and the result are taken away: the journal finds no room for it.
    world.env("SIZE", "60000");
    world.callboard(&["run", "wait", "--detach"]).ok("a detached run");
    let agent = relay::at_work(&world);
    small.fill();
    let refused = world.callboard(&["channel", "post", "does this fit"]).code(1, "a post on a full disk");
    assert!(refused.stderr.contains(REFUSED), "{}", refused.stderr);
    relay::go(&world);
    let gone = || processes::of(world.root()).iter().all(|it| it.pid != agent).then_some(());
    wait_for("the agent's end", COMMAND_LIMIT, gone, || world.story());
    let long = format!("does this fit{}", "?".repeat(100_000));
    let refused = world.callboard(&["channel", "post", &long]).code(1, "a long post on a full disk");
    assert!(refused.stderr.contains(REFUSED), "{}", refused.stderr);
    assert!(world.callboard(&["runs", "--live"]).ok("reading goes on").stdout.contains("r1"));
    small.empty();
    done_once(&world);
    world.end();
    drop(small);
}
