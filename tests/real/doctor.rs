//! What `callboard doctor` and `callboard agents` say of the real programs: where each is, which version, how it is driven and why,
//! and whether a login of it shows.

use serde_json::{Value, json};

use crate::{
    e2e::{COMMAND_LIMIT, wait_for},
    support::{Cli, World, each, untrusted, world},
};

each!(it_is_found_with_its_version_its_driver_and_its_login, what_is_in_its_way_is_told_with_what_to_do);

/// Returns what the doctor says of a program. It gives a program a bounded time for its version, which a machine that is busy may
/// not; then it is asked again.
fn looked_at(world: &World, cli: Cli) -> Value {
    let name = format!("@{}", cli.name());
    let look = || {
        // Something that has nothing to do with it may be in the way here, so its exit is not looked at.
        let checks = world.e2e.callboard(&["doctor", "--json"]).json();
        let check = checks.into_iter().find(|it| it["name"] == name.as_str()).expect("its check");
        let told = !check["found"].as_str().unwrap_or_default().starts_with("version not told");
        told.then_some(check)
    };
    wait_for("its version", COMMAND_LIMIT, look, || world.e2e.story())
}

/// How a program is driven, with the reason, and its version's beginning.
fn driver(cli: Cli) -> (&'static str, &'static str, &'static str) {
    match cli {
        Cli::Claude => ("stream-json", "its own lines of JSON", "2.1.197"),
        Cli::Codex => ("app-server", "its own protocol", "codex-cli 0.169.0"),
        Cli::Gemini => ("acp", "the Agent Client Protocol", "0.61.0"),
    }
}

fn it_is_found_with_its_version_its_driver_and_its_login(cli: Cli) {
    let Some(world) = untrusted() else { return };
    world.alone(cli);
    let (driver, why, version) = driver(cli);
    let check = looked_at(&world, cli);
    let found = check["found"].as_str().expect("what was found").to_owned();
    assert!(found.starts_with(version), "{found}");
    assert!(found.contains(&format!("driven by {driver}: {why}, as your own profile says")), "{found}");
    // What is started is there, and is no script in front of Codex's own program.
    let path = found.split_once(" at ").and_then(|it| it.1.split_once(", driven by ")).expect("a path").0;
    assert!(std::path::Path::new(path).is_file(), "{path}");
    assert!(cli != Cli::Codex || path.contains("/vendor/"), "{path}");

    // A login shows by a key, and else by what signing in leaves behind; that it was opened once is none.
    let (key, file, text) = match cli {
        Cli::Claude => {
            ("ANTHROPIC_AUTH_TOKEN", ".claude.json", r#"{"hasCompletedOnboarding": true, "oauthAccount": {}}"#)
        }
        Cli::Codex => ("OPENAI_API_KEY", ".codex/auth.json", "{}"),
        Cli::Gemini => ("GEMINI_API_KEY", ".gemini/oauth_creds.json", "{}"),
    };
    let says = |health: &str, words: &str| {
        let check = looked_at(&world, cli);
        assert_eq!(check["health"], health, "{check:#}");
        assert!(check["found"].as_str().is_some_and(|it| it.contains(words)), "{words}: {check:#}");
        check
    };
    world.e2e.env(key, "test");
    says("good", &format!("signed in, as far as {key} tells"));
    world.e2e.env(key, "");
    let check = says("warn", "no login of it shows here");
    assert!(check["mend"].as_str().is_some_and(|it| it.contains("sign in")), "{check:#}");
    let file = (file, world.e2e.home().join(file));
    std::fs::create_dir_all(file.1.parent().expect("a folder")).expect("the folder");
    std::fs::write(&file.1, text).expect("the file");
    says("good", &format!("signed in, as far as ~/{} tells", file.0));

    // Nothing was started for it but its version, and the list says of each how it is driven and why its state is believed.
    assert!(world.model.requests().is_empty(), "{:#?}", world.prompts());
    world.e2e.trust();
    let agents = world.e2e.callboard(&["agents", "--json"]).ok("agents").json();
    let agent = agents.iter().find(|it| it["info"]["name"] == cli.name()).expect("the agent");
    let info = &agent["info"];
    assert_eq!((&info["missing"], &info["takeOver"]), (&Value::Null, &json!(true)), "{agent:#}");
    assert_eq!(info["fork"], cli != Cli::Gemini, "{agent:#}");
    assert_eq!(
        (&agent["claim"]["state"]["is"], &agent["claim"]["source"]),
        (&json!("stopped"), &json!("hub")),
        "{agent:#}"
    );
    let shown = world.e2e.callboard(&["agents"]).ok("agents").stdout;
    let row = shown.lines().find(|it| it.starts_with(&format!("@{} ", cli.name()))).unwrap_or_default();
    assert!(row.contains(driver) && row.contains("stopped"), "{shown}");
}

fn what_is_in_its_way_is_told_with_what_to_do(cli: Cli) {
    let Some(world) = world() else { return };
    world.alone(cli);
    // By its screen, which a profile of one's own chooses, and in a version that is not there yet.
    world.by_its_screen(cli);
    let found = looked_at(&world, cli)["found"].take();
    assert!(
        found.as_str().is_some_and(|it| it.contains("driven by terminal: its screen, as your own profile says")),
        "{found}"
    );
    world.profile(cli, |it| {
        let lines = it.lines().map(|it| match it.split_once("at-least: ") {
            Some((before, _)) => format!("{before}at-least: 99.0.0}}"),
            None => it.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n") + "\n"
    });
    let check = looked_at(&world, cli);
    assert_eq!(check["health"], "warn", "{check:#}");
    assert!(check["found"].as_str().is_some_and(|it| it.contains("99.0.0")), "{check:#}");
    // Not here at all: it says how to get it, and how it would be driven.
    let own = world.e2e.config().join("agents").join(format!("{}.yaml", cli.name()));
    std::fs::remove_file(own).expect("the profile of one's own");
    world.e2e.env("PATH", "/usr/bin:/bin");
    let check = looked_at(&world, cli);
    assert_eq!(check["health"], "absent", "{check:#}");
    assert!(check["mend"].as_str().is_some_and(|it| it.contains("npm install -g")), "{check:#}");
    let (driver, why, _) = driver(cli);
    let would = format!("it would be driven by {driver}: {why})");
    assert!(check["found"].as_str().is_some_and(|it| it.contains(&would)), "{check:#}");
    let listed = world.e2e.callboard(&["agents"]).ok("agents").stdout;
    assert!(listed.contains("Not installed here:") && listed.contains(&format!("@{}", cli.name())), "{listed}");
}
