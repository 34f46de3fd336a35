//! Amp's real program as far as it goes here: its agent runs on Amp's servers, so a turn ends where those can't be reached. Its
//! stream is tested with a scripted program, in `tests/agents/stream.rs`.

use crate::support::{World, untrusted};

/// A world with Amp in it, whose servers are at an address where nobody is.
fn world(key: Option<&str>) -> Option<World> {
    let world = untrusted()?;
    if !world.program("amp").exists() {
        // Its package is there for some systems only.
        return None;
    }
    let built_in = include_str!("../../server/src/agent/catalog/amp.yaml");
    world.e2e.profile("amp", &built_in.replace("\nenv:\n", "\nenv:\n  - AMP_URL\n"));
    world.e2e.env("AMP_URL", "http://127.0.0.1:9");
    if let Some(key) = key {
        world.e2e.env("AMP_API_KEY", key);
    }
    world.e2e.trust();
    Some(world)
}

#[test]
fn it_is_found_with_its_version_and_a_turn_says_that_its_servers_are_out_of_reach() {
    let Some(world) = world(Some("test")) else { return };
    let doctor = world.e2e.callboard(&["doctor"]).stdout;
    assert!(doctor.contains("0.0.1790142911"), "{doctor}");
    let agents = world.e2e.callboard(&["agents", "--json"]).ok("agents").json();
    let agent = agents.iter().find(|it| it["info"]["name"] == "amp").expect("the agent");
    let info = &agent["info"];
    assert!(info["takeOver"] == false && info["fork"] == false && info["driver"] == "stream-json", "{agent:#}");
    let said = world.fails(world.begin_to("amp", "[[say hello]]"));
    assert!(said.contains("Couldn't connect to the Amp server") && said.contains("retry"), "{said}");
}

/// It would wait for somebody to sign in.
#[test]
fn one_that_nobody_has_signed_in_to_is_said_so_at_once() {
    let Some(world) = world(None) else { return };
    let said = world.fails(world.begin_to("amp", "[[say hello]]"));
    assert!(said.contains("sign in"), "{said}");
}

/// It can't be kept from writing, so it is given no part that only reads.
#[test]
fn it_takes_no_part_that_only_reads() {
    let Some(world) = world(Some("test")) else { return };
    let workflow = "title: Reads\ncategory: review\nroles:\n  reader: {prefer: [amp]}\nsteps:\n  \
                    - {id: look, role: reader, result: text, prompt: look}\n";
    world.e2e.workflow("reads", workflow);
    let ran = world.e2e.callboard(&["run", "reads", "--agent", "reader=amp", "--yes"]);
    assert!(
        format!("{}{}", ran.stdout, ran.stderr).contains("takes no part that only reads"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
}
