//! Several agents of one program side by side: each has a process, a session, a pass and, where the program writes into its own
//! folder, a folder of its own, and their turns go on at the same time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use crate::{
    e2e::{Live, processes},
    support::{Cli, World, each, world},
};

each!(two_of_one_program_are_at_work_at_once_each_in_its_own_session);

fn two_of_one_program_are_at_work_at_once_each_in_its_own_session(cli: Cli) {
    let Some(world) = world() else { return };
    if cli == Cli::Gemini {
        // There is one of it where nothing else is said.
        world.profile(cli, |it| format!("{it}instances: 2\n"));
    }
    let names = [cli.name().to_owned(), format!("{}-2", cli.name())];
    let script = |name: &str| {
        let post = format!(r#"[[tool callboard/channel_post {{"text": "posted by {name}"}}]]"#);
        format!("{post} [[hold]] [[say from {name}]]")
    };
    // Each in a channel of its own: what is said in one is told to whoever is asked there.
    world.e2e.callboard(&["channel", "new", "beside"]).ok("channel new");
    let channels = ["main", "beside"];
    let begin = |number: usize, text: &str| {
        let (name, channel) = (&names[number], channels[number]);
        let mut command = world.e2e.command(env!("CARGO_BIN_EXE_callboard"));
        command.args(["channel", "post", "--channel", channel, &format!("@{name} {text}"), "--wait"]);
        Live::start(command, "callboard channel post", false)
    };
    let asking: Vec<_> = (0..2).map(|it| begin(it, &script(&names[it]))).collect();
    // Both are in the midst of their answers: the model has given each the first words, and keeps the rest.
    let open = world.model.wait_for_open("both answers", 2, |it| it.answered == 1 && !it.tools.is_empty());
    assert_eq!(open.iter().map(|it| it.messages).collect::<Vec<_>>(), [1, 1], "they share a session: {open:#?}");
    for name in &names {
        let of = open.iter().filter(|it| it.prompt.contains(&format!("[[say from {name}]]")));
        assert_eq!(of.count(), 1, "{name} is not at work: {open:#?}");
    }
    apart(&world, cli, &names);
    world.model.release();
    for ((name, channel), asking) in names.iter().zip(channels).zip(asking) {
        world.says(asking, &format!("from {name}"));
        // Callboard knows which of the two used its tool, and in which channel it works.
        let messages = world.e2e.callboard(&["channel", "show", channel, "--json"]).ok("channel show").json();
        let posted = messages.iter().find(|it| it["text"] == format!("posted by {name}").as_str());
        assert_eq!(posted.expect("what it posted")["author"]["name"], name.as_str());
    }
    // Each goes on with its own conversation.
    for (number, name) in names.iter().enumerate() {
        world.says(begin(number, "and now?"), "answer 2");
        let last = world.asked(cli).into_iter().rfind(|it| !it.tools.is_empty()).expect("a request");
        let told = last.body.to_string();
        for other in &names {
            let knows = told.contains(&format!("[[say from {other}]]"));
            assert_eq!(knows, other == name, "{name} goes on with another's conversation: {told}");
        }
    }
}

/// Looks at the two programs: what tells them apart is not shared.
fn apart(world: &World, cli: Cli, names: &[String]) {
    let mut found: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for process in processes::of(world.e2e.root()) {
        let environment = fs::read(format!("/proc/{}/environ", process.pid)).unwrap_or_default();
        let pairs = environment.split(|it| *it == 0).map(|it| String::from_utf8_lossy(it).into_owned());
        let environment: BTreeMap<String, String> = pairs
            .filter_map(|it| it.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect();
        if let Some(agent) = environment.get("CALLBOARD_AGENT") {
            found.entry(agent.clone()).or_insert(environment);
        }
    }
    let different = match cli {
        Cli::Claude => &["CALLBOARD_PASS", "CALLBOARD_RESULT"][..],
        Cli::Codex => &["CALLBOARD_PASS", "CALLBOARD_RESULT", "CODEX_HOME"],
        Cli::Gemini => &["CALLBOARD_PASS", "CALLBOARD_RESULT", "GEMINI_CLI_HOME"],
    };
    for variable in different {
        let values: BTreeSet<&str> =
            names.iter().filter_map(|it| found.get(it)?.get(*variable).map(String::as_str)).collect();
        assert_eq!(values.len(), names.len(), "{variable} is not each one's own: {values:?}");
    }
}
