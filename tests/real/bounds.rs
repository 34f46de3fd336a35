//! What bounds the real programs' work: a budget of tokens, what is done where nobody answers, and what a person allowed for longer
//! than once.

use serde_json::Value;

use crate::{
    e2e::{COMMAND_LIMIT, wait_for},
    support::{Cli, World, each, world},
};

each!(
    promise_2_a_budget_of_tokens_pauses_the_run_until_a_person_raises_it,
    what_nobody_answers_is_denied_and_the_turn_goes_on,
    what_nobody_answers_is_asked_again,
    what_nobody_answers_stops_the_turn_until_a_person_is_there,
    promise_2_what_is_always_allowed_is_not_asked_again_until_it_is_revoked,
);

/// Starts a workflow and leaves it to the hub.
fn start(world: &World, cli: Cli, workflow: &str) {
    let ran = world.e2e.callboard(&["run", workflow, "--agent", &format!("maker={}", cli.name()), "--detach"]);
    assert!(matches!(ran.code, Some(0 | 3)), "{}{}", ran.stdout, ran.stderr);
}

fn run(world: &World) -> Value {
    world.e2e.callboard(&["runs", "--json"]).ok("runs").json().pop().expect("a run")
}

/// Waits until the run is done, and returns it.
fn done(world: &World) -> Value {
    let look = || Some(run(world)).filter(|it| it["status"] == "done");
    wait_for("the run's end", COMMAND_LIMIT, look, || format!("{:#}\n{}", run(world), world.e2e.story()))
}

/// Waits for a message of the channel that has these words.
fn said(world: &World, words: &str) {
    let look = || world.messages().into_iter().find(|it| it["text"].as_str().is_some_and(|it| it.contains(words)));
    wait_for(words, COMMAND_LIMIT, look, || world.e2e.story());
}

fn promise_2_a_budget_of_tokens_pauses_the_run_until_a_person_raises_it(cli: Cli) {
    let Some(world) = world() else { return };
    let workflow = "title: Two parts\nlimits: { tokens: 500 }\nroles:\n  maker: { prefer: [claude] }\nsteps:\n  \
                    - { id: first, role: maker, result: text, prompt: Do the first part }\n  \
                    - { id: second, needs: [first], role: maker, result: text, prompt: Do the second part }\n";
    world.e2e.workflow("two", workflow);
    world.script(cli, &["Do the first part"], &["[[usage 400 200]] [[say the first]]"]);
    world.script(cli, &["Do the second part"], &["[[say the second]]"]);
    start(&world, cli, "two");
    let pause = world.pause();
    assert_eq!(
        (&pause["kind"], pause["title"].as_str()),
        (&"limit".into(), Some("Two parts reached its limit of tokens"))
    );
    let shown = world.document(&pause);
    assert!(shown.contains("600 tokens were used"), "{shown}");
    let waits = run(&world);
    assert_eq!((&waits["status"], &waits["usage"]["tokens"]), (&"waiting".into(), &600.into()), "{waits:#}");
    let begun = |text: &str| world.asked(cli).iter().any(|it| it.prompt.contains(text));
    assert!(begun("Do the first part") && !begun("Do the second part"), "{:#?}", world.prompts());
    world.decide(&pause, &["approve"]);
    assert_eq!(done(&world)["turns"], 2);
    assert!(begun("Do the second part"));
}

/// A workflow of one turn, with what is done where nobody answers what it asks.
fn asks(world: &World, cli: Cli, unanswered: &str) {
    let workflow = format!(
        "title: Asks\nroles:\n  maker: {{ prefer: [claude], access: write, unanswered: {unanswered} }}\nsteps:\n  \
         - {{ id: make, role: maker, result: text, prompt: Please make it }}\n"
    );
    world.e2e.workflow("asks", &workflow);
    world.script(cli, &["Please make it"], &["[[bash touch made.txt]] [[say so be it]]"]);
    start(world, cli, "asks");
}

fn what_nobody_answers_is_denied_and_the_turn_goes_on(cli: Cli) {
    let Some(world) = world() else { return };
    asks(&world, cli, "deny after 2s");
    done(&world);
    assert!(!world.e2e.workspace().join("made.txt").exists(), "what nobody allowed was done");
    assert!(world.e2e.callboard(&["inbox", "--json"]).ok("inbox").json().is_empty());
    said(&world, "was denied, since nobody answered within 2 seconds");
    if cli != Cli::Gemini {
        // The protocol of Gemini has no room for a reason.
        world.model.wait_for("the reason", |it| it.body.to_string().contains("nobody answered within 2 seconds"));
    }
}

fn what_nobody_answers_is_asked_again(cli: Cli) {
    let Some(world) = world() else { return };
    asks(&world, cli, "ask-again after 1s");
    let pause = world.pause();
    said(&world, "still waits for a person");
    assert!(!world.e2e.workspace().join("made.txt").exists());
    world.decide(&pause, &["approve"]);
    done(&world);
    world.made("made.txt");
}

fn what_nobody_answers_stops_the_turn_until_a_person_is_there(cli: Cli) {
    let Some(world) = world() else { return };
    asks(&world, cli, "pause after 3s");
    let waits = |kind: &str| {
        let look = || {
            let all = world.e2e.callboard(&["inbox", "--json"]).ok("inbox").json();
            all.into_iter().find(|it| it["kind"] == kind && it["answered"].is_null())
        };
        wait_for(kind, COMMAND_LIMIT, look, || world.e2e.story())
    };
    let stopped = waits("failure");
    assert!(world.document(&stopped).contains("waited 3 seconds"), "{}", world.document(&stopped));
    world.state_of(cli, "idle");
    assert!(!world.e2e.workspace().join("made.txt").exists());
    // Whoever is there by now has three seconds for it, or it is stopped and tried once more.
    let decided = |pause: &Value, answer: &str| {
        world.e2e.callboard(&["decide", pause["id"].as_str().expect("an id"), answer]).code == Some(0)
    };
    let mut stopped = Some(stopped);
    for _ in 0..20 {
        if let Some(stopped) = stopped.take() {
            world.decide(&stopped, &["retry"]);
        }
        if decided(&waits("permission"), "approve") {
            break;
        }
        stopped = Some(waits("failure"));
    }
    done(&world);
    world.made("made.txt");
}

fn promise_2_what_is_always_allowed_is_not_asked_again_until_it_is_revoked(cli: Cli) {
    let Some(world) = world() else { return };
    let made = world.e2e.workspace().join("made.txt");
    let begin = || world.begin(cli, "[[bash touch made.txt]] [[say done]]");
    let asking = begin();
    let pause = world.pause();
    world.decide(&pause, &["approve", "--scope", "always"]);
    world.says(asking, "done");
    world.made("made.txt");
    // By itself, and in the next hub too.
    for _ in 0..2 {
        std::fs::remove_file(&made).expect("the file");
        world.says(begin(), "done");
        world.made("made.txt");
        world.e2e.kill_hub();
    }
    let listed = world.e2e.callboard(&["permissions", "list", "--json"]).ok("permissions list").json();
    let [rule] = &listed[..] else { panic!("it is not one rule: {listed:#?}") };
    assert_eq!((&rule["agent"], &rule["used"]), (&cli.name().into(), &2.into()), "{rule:#}");
    // It is for exactly that.
    let asking = world.begin(cli, "[[bash touch made.txt other.txt]] [[say done]]");
    let pause = world.pause();
    world.decide(&pause, &["reject"]);
    asking.finish(COMMAND_LIMIT).ok("the turn");
    assert!(!world.e2e.workspace().join("other.txt").exists());
    world.e2e.callboard(&["permissions", "revoke", rule["id"].as_str().expect("an id")]).ok("permissions revoke");
    assert!(world.e2e.callboard(&["permissions", "list", "--json"]).ok("permissions list").json().is_empty());
    std::fs::remove_file(&made).expect("the file");
    let asking = begin();
    let pause = world.pause();
    assert!(!made.exists(), "what was revoked was done");
    world.decide(&pause, &["approve"]);
    world.says(asking, "done");
    world.made("made.txt");
}
