//! Those who watch a run go away, whichever way they go, and the run does not mind (promise 1); and where the hub goes
//! away, those who watch find the next one.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::Stdio,
    sync::{Arc, Mutex},
};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::{
    journal, relay,
    support::{COMMAND_LIMIT, World, wait_for},
};

/// Lets the run go, and checks that it was done once, by the hub that had it all the time.
#[track_caller]
fn unaffected(world: &World, hub: u32) {
    relay::go(world);
    let shown = world.callboard(&["show", "r1", "--follow"]).ok("the run, picked up again");
    assert!(shown.stdout.contains("✓ work"), "{}", shown.stdout);
    assert_eq!(world.hub_pid(), Some(hub), "another hub");
    let entries = journal::entries(world);
    assert_eq!(journal::outcome(&entries).ended.len(), 1);
    assert_eq!((relay::work(world).len(), journal::lost_turns(&entries)), (1, 0), "the turn was started once");
}

#[test]
fn kill_9_of_the_client_leaves_the_run_alone_promise_1() {
    let world = relay::world();
    let mut client = world.spawn(&["run", "wait"]);
    client.line("the step", COMMAND_LIMIT, |it| it.contains("▸ work"));
    relay::at_work(&world);
    let hub = world.wait_for_hub();
    world.kill9(client.pid());
    assert_eq!(client.finish(COMMAND_LIMIT).code, None);
    unaffected(&world, hub);
}

#[test]
fn a_reader_that_goes_away_ends_the_client_and_not_the_run_promise_1() {
    let world = relay::world();
    let mut command = world.command(env!("CARGO_BIN_EXE_callboard"));
    command.args(["run", "wait"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut client = command.spawn().expect("a client");
    let mut reader = BufReader::new(client.stdout.take().expect("its output"));
    reader.read_line(&mut String::new()).expect("its first line");
    // What `| head -1` does. The client hears of it at its next line, which comes with the run's end.
    drop(reader);
    relay::at_work(&world);
    let hub = world.wait_for_hub();
    unaffected(&world, hub);
    let ended = wait_for("the client's end", COMMAND_LIMIT, || client.try_wait().ok().flatten(), || world.story());
    assert_eq!(ended.code(), Some(141), "as a shell says of a writer that SIGPIPE ended");
    let mut said = String::new();
    client.stderr.take().expect("its errors").read_to_string(&mut said).expect("its errors");
    assert_eq!(said, "", "closed output is no error to speak of");
}

#[test]
fn a_detached_run_goes_on_without_anybody_promise_1() {
    let world = relay::world();
    let ran = world.callboard(&["run", "wait", "--detach"]).ok("a detached run");
    assert_eq!(ran.stdout, "r1 goes on in the hub. To watch it: callboard show r1 --follow\n");
    relay::at_work(&world);
    let hub = world.wait_for_hub();
    unaffected(&world, hub);
}

/// A client on a terminal of its own, as a person has it. Dropping its terminal is closing the window.
struct Seat {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keys: Option<Box<dyn std::io::Write + Send>>,
    master: Option<Box<dyn portable_pty::MasterPty + Send>>,
    screen: Arc<Mutex<String>>,
}

impl Seat {
    fn new(world: &World, args: &[&str]) -> Self {
        let pair = native_pty_system()
            .openpty(PtySize { rows: 40, cols: 100, pixel_width: 0, pixel_height: 0 })
            .expect("a terminal");
        let like = world.command(env!("CARGO_BIN_EXE_callboard"));
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_callboard"));
        command.args(args);
        command.cwd(world.workspace());
        command.env_clear();
        for (key, value) in like.get_envs().filter_map(|(key, value)| Some((key, value?))) {
            command.env(key, value);
        }
        let child = pair.slave.spawn_command(command).expect("a client");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("its screen");
        let keys = pair.master.take_writer().expect("its keys");
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                shown.lock().expect("the screen").push_str(&String::from_utf8_lossy(&bytes[..length]));
            }
        });
        Self { child, keys: Some(keys), master: Some(pair.master), screen }
    }

    fn shows(&self, world: &World, text: &str) {
        let screen = || self.screen.lock().expect("the screen").clone();
        let seen = || screen().contains(text).then_some(());
        wait_for(&format!("{text:?} on the terminal"), COMMAND_LIMIT, seen, || {
            format!("{}\n{}", screen(), world.story())
        });
    }

    fn press(&mut self, keys: &str) {
        let to = self.keys.as_mut().expect("a keyboard");
        to.write_all(keys.as_bytes()).and_then(|()| to.flush()).expect("the keys are taken");
    }

    fn ended(&mut self, world: &World) -> portable_pty::ExitStatus {
        wait_for("the client's end", COMMAND_LIMIT, || self.child.try_wait().ok().flatten(), || world.story())
    }
}

#[test]
fn ctrl_c_once_says_what_can_be_done_and_twice_leaves_the_run_to_the_hub() {
    let world = relay::world();
    let mut seat = Seat::new(&world, &["run", "wait"]);
    relay::at_work(&world);
    seat.shows(&world, "work");
    let hub = world.wait_for_hub();
    seat.press("\x03");
    seat.shows(&world, "Ctrl-C again leaves r1, which goes on.");
    assert!(seat.child.try_wait().expect("its state").is_none(), "one Ctrl-C ended it");
    seat.press("\x03");
    assert_eq!(seat.ended(&world).exit_code(), 3);
    seat.shows(&world, "Left r1; it goes on.");
    unaffected(&world, hub);
}

#[test]
fn closing_the_window_ends_the_client_and_neither_hub_nor_agent_promise_1() {
    let world = relay::world();
    let mut seat = Seat::new(&world, &["run", "wait"]);
    let agent = relay::at_work(&world);
    seat.shows(&world, "work");
    let hub = world.wait_for_hub();
    // The kernel hangs up on all that is on this terminal. The hub was started from it.
    callboard_hangup(seat.child.process_id());
    drop((seat.keys.take(), seat.master.take()));
    seat.ended(&world);
    let still = crate::support::processes::of(world.root());
    assert!(still.iter().any(|it| it.pid == agent), "the agent went with the window");
    unaffected(&world, hub);
}

/// A reading copy of the terminal lives in the test's own thread, so the hang-up that closing brings is sent by hand.
fn callboard_hangup(pid: Option<u32>) {
    crate::support::processes::signal(pid.expect("its process"), "HUP");
}

#[test]
fn a_client_whose_hub_is_killed_goes_on_with_the_next_one_promise_1() {
    let world = relay::world();
    let mut client = world.spawn(&["run", "wait"]);
    client.line("the step", COMMAND_LIMIT, |it| it.contains("▸ work"));
    let agent = relay::at_work(&world);
    let hub = world.wait_for_hub();
    relay::forget_at_work(&world);
    world.kill_hub();
    // The turn was lost with the hub and another takes its place, after the first one's program was ended.
    assert_ne!(relay::at_work(&world), agent);
    let gone = crate::support::processes::of(world.root());
    assert!(gone.iter().all(|it| it.pid != agent), "the lost turn's program still runs");
    relay::go(&world);
    let ran = client.finish(COMMAND_LIMIT).ok("the client that went on");
    assert!(ran.stderr.contains("Connected again; r1 goes on."), "{}", ran.stderr);
    assert!(ran.stdout.contains("✓ work"), "{}", ran.stdout);
    assert_ne!(world.hub_pid(), Some(hub));
    let entries = journal::entries(&world);
    assert_eq!(journal::outcome(&entries).ended.len(), 1);
    assert_eq!((relay::work(&world).len(), journal::lost_turns(&entries)), (2, 1));
}
