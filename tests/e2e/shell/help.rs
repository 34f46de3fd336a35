//! Help and completions of every command.

use super::LIMIT;
use crate::support::{Live, World};

#[test]
fn the_help_of_every_command_has_an_example_that_is_understood() {
    let world = World::new();
    let commands: [&[&str]; 34] = [
        &["run"],
        &["runs"],
        &["show"],
        &["inbox"],
        &["decide"],
        &["pause"],
        &["resume"],
        &["cancel"],
        &["undo"],
        &["channel"],
        &["channel", "list"],
        &["channel", "new"],
        &["channel", "show"],
        &["channel", "post"],
        &["channel", "tail"],
        &["channel", "sent"],
        &["channel", "withdraw"],
        &["findings"],
        &["findings", "dismiss"],
        &["findings", "accept"],
        &["findings", "reopen"],
        &["agents"],
        &["workflows"],
        &["workflows", "list"],
        &["workflows", "show"],
        &["workflows", "check"],
        &["workflows", "new"],
        &["workflows", "dry-run"],
        &["workflows", "schema"],
        &["doctor"],
        &["trust"],
        &["hub"],
        &["completions"],
        &["demo"],
    ];
    for command in commands {
        let mut args = command.to_vec();
        args.push("--help");
        let help = world.callboard(&args).ok("--help").stdout;
        let example = help.split("Example").nth(1).unwrap_or_else(|| panic!("{command:?} has no example: {help}"));
        let named = format!("callboard {}", command.join(" "));
        assert!(example.contains(&named), "{command:?}: its example is of something else: {example}");
    }
    let all = world.callboard(&["--help"]).ok("--help").stdout;
    for command in commands.iter().filter(|it| it.len() == 1) {
        assert!(all.contains(&format!("\n  {} ", command[0])), "{command:?} is not in the list: {all}");
    }
    world.callboard(&[]).code(2, "no command");
    let slip = world.callboard(&["frobnicate", "--json"]).code(2, "an unknown command").json();
    assert_eq!(slip[0]["error"]["code"], "usage");
    let slip = world.callboard(&["run", "--json"]).code(2, "a missing argument").json();
    assert!(slip[0]["error"]["message"].as_str().is_some_and(|it| it.contains("<WORKFLOW>")), "{slip:?}");
}

#[test]
fn completions_are_made_for_each_shell_and_bash_reads_its_own() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.callboard(&["completions", shell]).ok("callboard completions").stdout;
        assert!(script.contains("detach"), "{shell} has no arguments");
        assert!(script.contains("withdraw"), "{shell} has no commands of commands");
        if shell == "bash" {
            let mut bash = world.command("bash");
            bash.arg("-n");
            let mut bash = Live::start(bash, "bash -n", true);
            bash.send(&script);
            bash.close_input();
            let read = bash.finish(LIMIT).ok("bash -n");
            assert_eq!(read.stderr, "");
        }
    }
}
