//! `pause`, `resume`, `cancel`: of one run, and of the whole workspace.

use super::{go, line_with, status, until, world};

#[test]
fn a_held_run_stops_at_its_turns_end_and_goes_on_when_it_is_resumed() {
    let world = world();
    world.callboard(&["run", "slow", "--detach"]).ok("a slow run");
    let said = world.callboard(&["pause", "r1"]).ok("callboard pause").stdout;
    assert!(said.contains("r1 stops at the end of the turns") && said.contains("callboard resume r1"), "{said}");
    go(&world);
    until(&world, "the held run with its first step done", &["show", "r1"], |it| {
        it["run"]["status"] == "held" && it["run"]["steps"][0]["status"] == "done"
    });
    let steps = world.callboard(&["show", "r1", "--json"]).ok("callboard show").json();
    assert_ne!(steps[0]["run"]["steps"][1]["status"], "done", "a held run went on");
    let said = world.callboard(&["resume", "r1"]).ok("callboard resume").stdout;
    assert_eq!(said, "r1 goes on.\n");
    world.callboard(&["show", "r1", "--follow"]).ok("the rest of it");
    assert_eq!(status(&world, "r1"), "done");
}

#[test]
fn the_whole_workspace_is_held_at_once_with_interrupt_and_nothing_is_lost() {
    let world = world();
    let mut shell = world.spawn(&["run", "slow"]);
    line_with(&mut shell, "First");
    let said = world.callboard(&["pause", "--interrupt"]).ok("callboard pause --interrupt").stdout;
    assert!(said.contains("All work of this workspace stops at once."), "{said}");
    until(&world, "an agent that was stopped", &["agents"], |it| {
        it["info"]["name"] == "slow" && it["claim"]["state"]["state"] != "working" && it["claim"]["state"] != "working"
    });
    let waiting = world.callboard(&["channel", "post", "@echo are you there?"]).ok("a message while it is held").stdout;
    assert!(waiting.starts_with("Posted as "), "{waiting}");
    go(&world);
    let said = world.callboard(&["resume"]).ok("callboard resume").stdout;
    assert_eq!(said, "All work of this workspace goes on.\n");
    let ran = shell.finish(super::LIMIT).ok("the run that was held");
    assert!(ran.stdout.contains("r1 done"), "{}", ran.stdout);
}

#[test]
fn a_cancelled_run_is_stopped_and_its_agents_program_is_gone_promise_6() {
    let world = world();
    let mut shell = world.spawn(&["run", "slow"]);
    line_with(&mut shell, "First");
    assert_eq!(world.callboard(&["cancel", "r1"]).ok("callboard cancel").stdout, "r1 is stopped.\n");
    let ran = shell.finish(super::LIMIT).code(1, "the shell that watched it");
    assert!(ran.stdout.contains("r1 stopped"), "{}", ran.stdout);
    crate::support::wait_for(
        "the end of the agent's program",
        super::LIMIT,
        || {
            let all = crate::support::processes::of(world.root());
            (!all.iter().any(|it| it.command_line().contains("slow.sh"))).then_some(())
        },
        || world.story(),
    );
    let again = world.callboard(&["cancel", "r1"]).code(1, "cancelling it again");
    assert!(again.stderr.contains("r1"), "{}", again.stderr);
}
