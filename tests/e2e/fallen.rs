//! Agents that are killed, and what a killed hub leaves behind: failures are told with their reason and cost one turn
//! (promises 1 and 3), and only what is ours is ended (promise 6).

use std::{fs, process::Command};

use callboard::process::{
    Identity,
    leftovers::{Leftover, Trace, new_mark},
};

use crate::{
    journal, relay,
    support::{COMMAND_LIMIT, World, processes, wait_for},
};

const FAKE: &str = env!("CARGO_BIN_EXE_fake-agent");

/// A terminal agent's profile: the scripted agent, with further arguments.
pub fn fake(world: &World, name: &str, arguments: &str) {
    world.profile(
        name,
        &format!(
            "name: {name}\ntitle: Scripted\ndriver: terminal\ncommand: [{FAKE}{arguments}]\naccess: write\nterminal:\n  \
             title:\n    idle: ['^fake: idle']\n    working: ['^fake: working']\n    permission: ['^fake: permission']\n  \
             submit: {{echo: ['\\[Pasted text #\\d+'], echo-within: 5s}}\n  interrupt: [esc]\n  clear: ctrl-u\n  exit: /exit\n  \
             drop: ['^❯\\s*$', '^fake agent$']\n"
        ),
    );
}

#[test]
fn a_killed_tool_is_a_failure_that_a_person_can_have_retried_promise_1() {
    let world = relay::world();
    let client = world.spawn(&["run", "wait"]);
    let pid = relay::at_work(&world);
    relay::forget_at_work(&world);
    world.kill9(pid);
    let ran = client.finish(COMMAND_LIMIT).code(3, "a run that waits at its failure");
    assert!(ran.stdout.contains("work (@waiter) failed: crashed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("was ended by signal 9"), "{}", ran.stdout);
    world.callboard(&["decide", "p1", "retry"]).ok("the retry");
    relay::at_work(&world);
    relay::go(&world);
    world.callboard(&["show", "r1", "--follow"]).ok("the run after its retry");
    assert_eq!(relay::work(&world).len(), 2);
    assert_eq!(journal::lost_turns(&journal::entries(&world)), 0, "a failed turn is not a lost one");
}

#[test]
fn a_killed_tool_is_tried_again_where_the_workflow_says_so() {
    let world = relay::world();
    let policy = "title: W\nsteps:\n  - { id: work, tool: waiter, prompt: w, on-failure: { crashed: { retry: 2, wait: 10ms } } }\n";
    world.workflow("patient", policy);
    let client = world.spawn(&["run", "patient"]);
    let pid = relay::at_work(&world);
    relay::forget_at_work(&world);
    world.kill9(pid);
    relay::at_work(&world);
    relay::go(&world);
    let ran = client.finish(COMMAND_LIMIT).ok("a run that went on by itself");
    assert!(ran.stdout.contains("✓ work"), "{}", ran.stdout);
    assert_eq!(relay::work(&world).len(), 2);
}

#[test]
fn a_killed_terminal_agent_is_crashed_with_its_reason_promise_3() {
    let world = relay::world();
    fake(&world, "typist", "");
    let at_work = world.home().join("typist");
    let prompt = format!("[[write {} now]] [[sleep 600000]]", at_work.display());
    world.workflow("type", &format!("title: T\nsteps:\n  - {{ id: type, tool: typist, prompt: \"{prompt}\" }}\n"));
    let client = world.spawn(&["run", "type"]);
    wait_for("the typist at work", COMMAND_LIMIT, || at_work.exists().then_some(()), || world.story());
    let all = processes::of(world.root());
    let agent = all.iter().find(|it| it.command_line().contains("fake-agent")).expect("the typist's process");
    world.kill9(agent.pid);
    let ran = client.finish(COMMAND_LIMIT).code(3, "a run that waits at its failure");
    assert!(ran.stdout.contains("type (@typist) failed: crashed"), "{}", ran.stdout);
    let agents = world.callboard(&["agents", "--json"]).ok("the agents").json();
    let typist = agents.iter().find(|it| it["info"]["name"] == "typist" || it["name"] == "typist").expect("the typist");
    assert_eq!(typist["claim"]["state"]["is"], "crashed", "{typist}");
    assert_eq!(typist["claim"]["source"], "exitStatus", "{typist}");
    assert!(typist["claim"]["why"].as_str().is_some_and(|it| it.contains("signal 9")), "{typist}");
    world.callboard(&["decide", "p1", "skip"]).ok("on without it");
    world.callboard(&["show", "r1", "--follow"]).ok("the run without it");
}

/// A hub that was killed leaves an agent that ignores the hang-up, and its child. The next hub ends both, and leaves alone
/// a process that has a number which a leftover file names.
#[test]
fn the_next_hub_ends_what_is_ours_and_nothing_else_promise_6() {
    let world = relay::world();
    fake(&world, "mule", ", --ignore, 'HUP,TERM'");
    let pids = world.home().join("pids");
    let child = format!("[[grandchild notty 600]] [[write {} now]] [[hang]]", pids.display());
    world.workflow("stay", &format!("title: S\nsteps:\n  - {{ id: stay, tool: mule, prompt: \"{child}\" }}\n"));
    world.callboard(&["run", "stay", "--detach"]).ok("a detached run");
    wait_for("the mule at work", COMMAND_LIMIT, || pids.exists().then_some(()), || world.story());
    world.callboard(&["pause", "r1"]).ok("nothing starts in its place");
    let ours: Vec<_> = processes::of(world.root())
        .into_iter()
        .filter(|it| it.command_line().contains("fake-agent") || it.command_line().starts_with("sleep 600"))
        .collect();
    assert_eq!(ours.len(), 2, "the agent and its child: {}", world.story());

    // Somebody else's process, whose number stands in a leftover file with another start time.
    let mut foreign = Command::new("sleep").arg("600").spawn().expect("somebody else's process");
    let identity = Identity::of(foreign.id()).expect("it runs");
    let folder = journal::path(&world).with_file_name("processes");
    let (key, value) = new_mark();
    let recycled = Leftover {
        process: Identity { started: format!("{}1", identity.started), ..identity },
        agent: "waiter".parse().expect("a name"),
        turn: None,
        mark: Some(format!("{key}={value}")),
    };
    let _stays = Trace::write(&folder, &recycled).expect("a leftover file");

    world.kill_hub();
    assert!(ours.iter().all(processes::Process::is_alive), "they ignore the hang-up");
    world.callboard(&["runs"]).ok("the next hub");
    for it in &ours {
        assert!(!it.is_alive(), "{} outlived the next hub's start", it.pid);
    }
    let stays = foreign.try_wait().expect("its state").is_none();
    foreign.kill().expect("it is ours to end here");
    foreign.wait().expect("its end");
    assert!(stays, "somebody else's process was ended");
    assert_eq!(fs::read_dir(&folder).expect("the folder").count(), 0, "what was dealt with is forgotten");
    world.callboard(&["cancel", "r1"]).ok("the end of the run");
}
