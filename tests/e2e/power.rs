//! A machine that loses its power in the middle of everything and starts again: process numbers begin anew and another boot has
//! them, the runtime folder is empty, and nobody was told. What the disk has is all that there is (promises 1, 2 and 6).

use std::fs;

use crate::{
    journal, relay,
    support::{COMMAND_LIMIT, World, processes, wait_for},
};

/// The odd time for which strangers' processes sleep, by which they are known.
const STRANGERS: &str = "sleep 98765";

fn strangers(world: &World) -> usize {
    processes::of(world.root()).iter().filter(|it| it.command_line() == STRANGERS).count()
}

#[test]
fn runs_and_pauses_outlive_the_machine_and_strangers_with_old_numbers_stay_alone_promises_1_2_6() {
    let world = World::new();
    if !world.switch_on() {
        return;
    }
    world.write("a.txt", "a\n");
    world.git_init();
    world.trust();
    relay::furnish(&world);
    world.callboard(&["run", "relay"]).code(3, "a run that waits at its pause");
    world.callboard(&["run", "wait", "--detach"]).ok("a run that is left to the hub");
    let at_work = relay::at_work(&world);
    let before = world.callboard(&["inbox", "--json"]).ok("inbox").json();
    assert_eq!(before.len(), 1, "{before:#?}");

    world.lose_power();
    relay::forget_at_work(&world);
    assert!(world.switch_on());
    assert_eq!(fs::read_dir(world.runtime()).expect("the runtime folder").count(), 0, "it is not this boot's own");
    // Whoever is started first has the numbers that our processes had before.
    let many = at_work + 20;
    let mut command = world.command("sh");
    command.args(["-c", &format!("i=0; while [ $i -lt {many} ]; do {STRANGERS} & i=$((i+1)); done; echo all; wait")]);
    let mut started = crate::support::Live::start(command, "strangers", false);
    started.line("the last stranger", COMMAND_LIMIT, |it| it == "all");

    let after = world.callboard(&["inbox", "--json"]).ok("inbox").json();
    assert_eq!((&after[0]["id"], &after[0]["hash"]), (&before[0]["id"], &before[0]["hash"]), "{after:#?}");
    // Nobody has to say that the run goes on: its turn was lost with the machine, and another has taken its place.
    relay::at_work(&world);
    relay::go(&world);
    world.callboard(&["show", "r2", "--follow"]).ok("the run that was on");
    world.callboard(&["decide", "p1", "approve"]).ok("the answer");
    world.callboard(&["show", "r1", "--follow"]).ok("the run that waited");

    let entries = journal::entries(&world);
    assert_eq!(journal::lost_turns(&entries), 1);
    let mut work: Vec<_> = relay::work(&world).into_iter().filter(|it| it.starts_with("do:")).collect();
    work.sort();
    let mut once = relay::WORK.map(str::to_owned);
    once.sort();
    assert_eq!(work, once, "a finished step was done again");
    let left = || (strangers(&world) == many as usize).then_some(());
    wait_for("all strangers", COMMAND_LIMIT, left, || format!("{} of {many}", strangers(&world)));
}
