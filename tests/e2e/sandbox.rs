//! Agents in a sandbox, end to end: wanted by the profile, the settings or a role; refused where there is none; a secret that is
//! not there, a pause that can't be answered, and nothing that outlives the hub (promises 2 and 6; security row 15).

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::support::{COMMAND_LIMIT, World, wait_for};

const CALLBOARD: &str = env!("CARGO_BIN_EXE_callboard");

/// Returns whether a sandbox can be had here. `CALLBOARD_TEST_SANDBOX` says that it must.
fn can() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bwrap = std::env::split_paths(&path).map(|it| it.join("bwrap")).find(|it| it.is_file());
    let can = callboard::agent::sandbox::available(bwrap.as_deref());
    assert!(can.is_ok() || std::env::var_os("CALLBOARD_TEST_SANDBOX").is_none(), "a sandbox is wanted: {can:?}");
    if let Err(why) = &can {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "skipped: {why}");
    }
    can.is_ok()
}

/// A trusted world with an agent `@box` that is this shell script, which puts what it says into `$said`.
fn world(script: &str, more: &str) -> World {
    let world = World::with_files(&[("README.md", "# A project\n"), (".claude/settings.json", "{}\n")]);
    fs::create_dir_all(world.home().join(".ssh")).unwrap();
    fs::write(world.home().join(".ssh/id"), "canary").unwrap();
    let path = world.config().join("agents/box.sh");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let answer = "printf '{\"kind\":\"text\",\"text\":\"%s\"}' \"$said\" > \"$CALLBOARD_RESULT\"";
    fs::write(&path, format!("#!/bin/sh\nCALLBOARD='{CALLBOARD}'\n{script}\n{answer}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let profile = "name: box\ntitle: In a box\ndriver: tool\ncommand: [./box.sh]\naccess: write\n";
    world.profile("box", &format!("{profile}{more}"));
    world.trust();
    world
}

const LOOK: &str = "\
said=''
cat \"$HOME/.ssh/id\" >/dev/null 2>&1 && said=\"$said leaked\"
echo x > .claude/settings.json 2>/dev/null && said=\"$said steered\"
echo made > made.txt && said=\"$said wrote\"
test -e /tmp/../proc/1/comm && said=\"$said $(cat /proc/1/comm)\"";

/// Asks the agent and returns its answer.
fn ask(world: &World, text: &str) -> String {
    world.callboard(&["channel", "post", text, "--wait"]).stdout
}

#[test]
fn a_profile_or_the_settings_put_an_agent_into_a_sandbox() {
    if !can() {
        return;
    }
    let world = world(LOOK, "sandbox: { always: true }\n");
    let said = ask(&world, "@box look");
    assert!(said.contains("wrote bwrap") && !said.contains("leaked") && !said.contains("steered"), "{said}");
    assert_eq!(world.read("made.txt"), "made\n");
    assert!(!world.workspace().join(".codex").exists(), "what was made to be mounted over stays");

    let open = self::world(LOOK, "");
    let said = ask(&open, "@box look");
    assert!(said.contains("leaked steered wrote"), "without one there is none: {said}");
    fs::write(open.config().join("config.yaml"), "agents: { box: { sandbox: true } }\n").unwrap();
    open.callboard(&["hub", "stop"]).ok("the hub's end");
    let said = ask(&open, "@box look again");
    assert!(said.contains("wrote bwrap") && !said.contains("leaked"), "{said}");
}

#[test]
fn a_role_puts_its_agents_into_a_sandbox_and_is_refused_where_there_is_none() {
    let world = world(LOOK, "");
    let text = "title: Boxed\nroles:\n  r: { prefer: [box], access: write, sandbox: required }\nsteps:\n  - { id: s, role: r, prompt: look }\n";
    world.workflow("boxed", text);
    if can() {
        let ran = world.callboard(&["run", "boxed", "--yes"]).ok("the run");
        assert!(ran.stdout.contains("wrote bwrap") && !ran.stdout.contains("leaked"), "{}", ran.stdout);
    }
    // A PATH with no bubblewrap on it: nothing runs, and it says why.
    let bin = world.root().join("bin");
    fs::create_dir_all(&bin).unwrap();
    for program in ["sh", "cat", "git", "env"] {
        let found = ["/usr/bin", "/bin"].iter().map(|it| Path::new(it).join(program)).find(|it| it.exists()).unwrap();
        std::os::unix::fs::symlink(found, bin.join(program)).unwrap();
    }
    world.callboard(&["hub", "stop"]);
    world.env("PATH", &bin);
    let ran = world.callboard(&["run", "boxed"]);
    assert!(ran.code != Some(0), "{}", ran.stdout);
    let said = format!("{}{}", ran.stdout, ran.stderr);
    assert!(said.contains("is not started without") && said.contains("bubblewrap"), "{said}");
    let doctor = world.callboard(&["doctor"]).stdout;
    assert!(doctor.contains("bubblewrap is not installed"), "{doctor}");
}

/// What hides from the hub outside a sandbox has nowhere to go in one.
#[test]
fn promise_2_an_agent_in_a_sandbox_answers_no_pause_and_leaves_nobody_behind() {
    if !can() {
        return;
    }
    let script = "\
out=$(\"$CALLBOARD\" decide p1 approve 2>&1); said=\"decided $?\"
env -i PATH=\"$PATH\" setsid sh -c 'sleep 86341 & sleep 86342' >/dev/null 2>&1 &
touch started
while ! test -e go; do sleep 0.1; done";
    let world = world(script, "sandbox: { always: true }\n");
    world.workflow("gate", "title: Gate\nsteps:\n  - id: gate\n    pause: { message: Go on? }\n");
    world.callboard(&["run", "gate", "--detach"]);
    world.callboard(&["channel", "post", "@box look"]).ok("the post");
    wait_for(
        "the agent at work",
        COMMAND_LIMIT,
        || world.workspace().join("started").exists().then_some(()),
        || world.story(),
    );
    let sleeps = || {
        let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let lines = entries.filter_map(|it| fs::read(it.path().join("cmdline")).ok());
        lines.map(|it| String::from_utf8_lossy(&it).into_owned()).filter(|it| it.starts_with("sleep\x008634")).count()
    };
    wait_for("what it leaves behind", COMMAND_LIMIT, || (sleeps() == 2).then_some(()), || world.story());
    world.kill_hub();
    wait_for("its end with the hub", COMMAND_LIMIT, || (sleeps() == 0).then_some(()), || world.story());
    let inbox = world.callboard(&["inbox", "--json"]).ok("inbox");
    assert!(inbox.json().iter().any(|it| it["id"] == "p1" && it["answered"].is_null()), "{}", inbox.stdout);
    world.write("go", "");
}
