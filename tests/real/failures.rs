//! What goes wrong at the provider, as each real program tells it: a class, a sentence, a time where there is one, and the next
//! turn works.

use crate::support::{Cli, each, untrusted, world};

each!(
    promise_3_a_providers_error_is_a_failure_and_the_next_turn_works,
    promise_3_a_limit_is_a_state_with_a_time,
    promise_3_a_provider_that_cannot_be_reached_is_a_failure,
    promise_3_a_stream_that_is_cut_is_no_answer,
);

fn promise_3_a_providers_error_is_a_failure_and_the_next_turn_works(cli: Cli) {
    let Some(world) = world() else { return };
    let said = world.fails(world.begin(cli, "[[fail 500]]"));
    assert!(said.contains("; retry"), "{said}");
    let said = world.fails(world.begin(cli, "[[fail 401]]"));
    assert!(said.contains(if cli == Cli::Codex { "codex login" } else { "sign in" }), "{said}");
    assert_eq!(world.ask(cli, "[[say again]]"), "again");
}

fn promise_3_a_limit_is_a_state_with_a_time(cli: Cli) {
    let Some(world) = untrusted() else { return };
    if cli == Cli::Claude {
        // Only who has a subscription is told by it how long a limit lasts.
        world.e2e.env("ANTHROPIC_AUTH_TOKEN", "");
        world.e2e.env("CLAUDE_CODE_OAUTH_TOKEN", "test");
    }
    world.e2e.trust();
    let said = world.fails(world.begin(cli, "[[limit 4000]]"));
    assert!(said.contains("wait until its limit is over"), "{said}");
    let claim = world.state_of(cli, "rateLimited");
    let until = claim["state"]["until"].as_i64().unwrap_or_else(|| panic!("no time: {claim:#}; {said}"));
    let left = until / 1_000 - i64::try_from(crate::mock_model::second(0)).expect("a time");
    assert!((3_000..=4_100).contains(&left), "{left} s are left: {claim:#}");
    assert_eq!(world.ask(cli, "[[say well again]]"), "well again");
}

/// With a key Claude Code gives up and says no time: then none is told.
#[test]
fn promise_3_a_limit_of_a_key_of_claudes_has_no_time() {
    let Some(world) = world() else { return };
    let said = world.fails(world.begin(Cli::Claude, "[[limit 4000]]"));
    assert!(said.contains("limit"), "{said}");
    let claim = world.state_of(Cli::Claude, "rateLimited");
    assert!(claim["state"]["until"].is_null(), "{claim:#}");
}

fn promise_3_a_provider_that_cannot_be_reached_is_a_failure(cli: Cli) {
    let Some(world) = world() else { return };
    // Codex would try for ever.
    world.profile(cli, |it| it.replace("\ntimes: {", "\ntimes: {retry: 3s, "));
    world.model.vanish();
    let said = world.fails(world.begin(cli, "[[say nobody hears this]]"));
    assert!(said.contains("retry"), "{said}");
    world.state_of(cli, "idle");
}

fn promise_3_a_stream_that_is_cut_is_no_answer(cli: Cli) {
    let Some(world) = world() else { return };
    let said = world.fails(world.begin(cli, "[[drop]] [[say the whole]]"));
    assert!(said.contains("retry"), "{said}");
    assert_eq!(world.ask(cli, "[[say again]]"), "again");
}
