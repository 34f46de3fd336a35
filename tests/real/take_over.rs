//! Taking the real programs over: their session in their own interactive screen, a turn by a person there, and back: one
//! conversation all the way, and one that outlives a hub that is killed meanwhile.

use serde_json::{Value, json};

use crate::{
    e2e::{COMMAND_LIMIT, editor::Editor, processes, wait_for, window::Window},
    mock_model::Seen,
    support::{Cli, World, each, world},
    turns::kept,
};

each!(
    a_session_goes_to_the_persons_screen_and_back,
    a_shell_attaches_speaks_leaves_it_at_work_and_hands_it_back,
    a_shell_does_so_where_its_screen_is_driven,
    with_no_session_yet_one_is_begun_on_the_screen_or_it_is_refused,
);

/// What an editor shows of an agent's terminal.
struct Shown {
    editor: Editor,
    screen: vt100::Parser,
    title: String,
}

impl Shown {
    fn watch(world: &World, cli: Cli) -> Self {
        let mut editor = Editor::start(&world.e2e);
        editor.request("callboard/watchTerminal", &json!({ "agent": cli.name(), "form": "raw" }));
        Self { editor, screen: vt100::Parser::default(), title: String::new() }
    }

    /// Draws frames until what is shown fits.
    #[track_caller]
    fn until(&mut self, what: &str, fits: impl Fn(&str, &str) -> bool) {
        while !fits(&self.screen.screen().contents(), &self.title) {
            let frame = self.editor.wait(what, |it| it["method"] == "callboard/terminalFrame")["params"].take();
            if frame["full"] == true {
                let size = |of: &str| u16::try_from(frame["size"][of].as_u64().unwrap()).unwrap().try_into().unwrap();
                self.screen = vt100::Parser::new(size("rows"), size("columns"), 0);
            }
            self.screen.process(frame["raw"].as_str().unwrap_or_default().as_bytes());
            frame["title"].as_str().unwrap_or_default().clone_into(&mut self.title);
        }
    }

    fn press(&mut self, cli: Cli, keys: &str) {
        self.editor.request("callboard/terminalInput", &json!({ "agent": cli.name(), "text": keys }));
    }
}

fn taken(world: &World, cli: Cli) -> Option<String> {
    let agents = world.e2e.callboard(&["agents", "--json"]).ok("agents").json();
    let it = agents.iter().find(|it| it["info"]["name"] == cli.name()).expect("the agent");
    it["taken"]["stage"].as_str().map(str::to_owned)
}

/// Returns whether a screen waits for a prompt.
fn waits(cli: Cli, screen: &str, title: &str) -> bool {
    match cli {
        Cli::Claude => screen.contains("? for shortcuts") || title.starts_with('✳'),
        Cli::Codex => screen.contains("› Ask Codex"),
        // Its title says that it is ready while it still reads the session, and what is typed then is lost.
        Cli::Gemini => {
            title.starts_with('◇') && screen.contains("Type your message") && !screen.contains("Resuming session")
        }
    }
}

/// Takes the agent over and waits until its screen takes a prompt. A question whether the folder is trusted is the person's.
fn take(world: &World, cli: Cli) -> Shown {
    let mut shown = Shown::watch(world, cli);
    shown.editor.request("callboard/takeOver", &json!({ "agent": cli.name() }));
    wait_for("the take-over", COMMAND_LIMIT, || taken(world, cli).filter(|it| it == "open"), || world.e2e.story());
    let asks = |screen: &str| screen.contains("Quick safety check") || screen.contains("Do you trust the files");
    shown.until("a screen that waits", |screen, title| waits(cli, screen, title) || asks(screen));
    if asks(&shown.screen.screen().contents()) {
        shown.press(cli, "\r");
        shown.until("a screen that waits", |screen, title| waits(cli, screen, title) && !asks(screen));
    }
    shown
}

fn a_session_goes_to_the_persons_screen_and_back(cli: Cli) {
    let Some(world) = world() else { return };
    assert!(world.ask(cli, "[[say the first]]").contains("the first"));
    let mut shown = take(&world, cli);
    // What was said before is there.
    shown.until("the conversation", |screen, title| screen.contains("the first") && waits(cli, screen, title));
    shown.press(cli, "[[say from the screen]]");
    shown.until("the echo", |screen, _| screen.contains("[[say from the screen]]"));
    // Enter right behind text is a new line to some.
    std::thread::sleep(std::time::Duration::from_millis(150));
    shown.press(cli, "\r");
    let on_screen = world.model.wait_for("the turn on the screen", |it| it.prompt.contains("from the screen"));
    assert_eq!(on_screen.messages, 2, "the screen has another conversation: {:#}", on_screen.body);
    shown.until("the screen to be idle again", |screen, title| {
        screen.matches("from the screen").count() > 1 && waits(cli, screen, title)
    });
    // Meanwhile a message waits.
    let asking = world.begin(cli, "[[say back again]]");
    let waits =
        || world.messages().into_iter().find(|it| it["text"] == "@CLI [[say back again]]".replace("CLI", cli.name()));
    wait_for("the message that waits", COMMAND_LIMIT, waits, || world.e2e.story());
    assert_eq!(taken(&world, cli).as_deref(), Some("open"));
    shown.editor.request("callboard/handBack", &json!({ "agent": cli.name() }));
    world.says(asking, "back again");
    let last = world.asked(cli).pop().expect("a request");
    assert_eq!(last.messages, 3, "it did not go on in the session: {:#}", last.body);
    assert!(last.prompt.contains("took this session over"), "it is not told: {}", last.prompt);
    let channel: Vec<Value> = world.messages();
    assert!(
        channel.iter().any(|it| it["text"].as_str().unwrap_or_default().contains("handed it back")),
        "{channel:#?}"
    );
    drop(shown);

    // A hub that is killed has nothing open, and the session goes on.
    drop(take(&world, cli));
    world.e2e.kill_hub();
    assert!(world.ask(cli, "[[say after the kill]]").contains("after the kill"));
    let last = world.asked(cli).pop().expect("a request");
    assert_eq!(last.messages, 4, "the session was lost: {:#}", last.body);
}

/// As a person does it at a shell: whatever drives it between its turns, its screen is on their terminal, what they type
/// reaches it, and leaving leaves it at its work.
fn a_shell_attaches_speaks_leaves_it_at_work_and_hands_it_back(cli: Cli) {
    let Some(world) = world() else { return };
    attached(&world, cli);
}

fn a_shell_does_so_where_its_screen_is_driven(cli: Cli) {
    let Some(world) = world() else { return };
    world.by_its_screen(cli);
    attached(&world, cli);
}

fn attached(world: &World, cli: Cli) {
    assert!(world.ask(cli, "[[say the first]]").contains("the first"));
    let name = cli.name();
    let mut window = Window::open(&world.e2e, &["agents", "attach", name], 100);
    window.see("its screen with the conversation", |it| it.contains("the first") && takes_a_prompt(cli, it));
    window.press("[[hold]] [[say from the shell]]");
    window.see("what was typed", |it| it.contains("[[say from the shell]]"));
    enter(&mut window);
    let typed = |it: &Seen| it.prompt.contains("[[say from the shell]]") && !it.tools.is_empty();
    let open = world.model.wait_for_open("the turn on the screen", 1, typed);
    assert_eq!(open[0].messages, 2, "the screen has another conversation: {:#}", open[0].body);
    // Whoever leaves while it is at work leaves it at work.
    let before = screens(world, cli);
    window.press("\x1d");
    let (code, shown) = window.end();
    assert!(code == 0 && shown.contains(&format!("@{name} is still yours")), "{shown}");
    world.model.release();
    let mut window = Window::open(&world.e2e, &["agents", "attach", name], 90);
    window.see("what it said meanwhile", |it| {
        it.matches("from the shell").count() > 1 && takes_a_prompt(cli, it) && it.contains("so far")
    });
    assert_eq!(screens(world, cli), before, "another program was started");
    assert!(!before.is_empty(), "none of its programs is found");
    assert_eq!(taken(world, cli).as_deref(), Some("open"));
    window.press("\x1d");
    window.end();
    world.e2e.callboard(&["agents", "hand-back", name]).ok("agents hand-back");
    let said = world.ask(cli, "[[say back again]]");
    assert!(said.contains("back again"), "{said}");
    let last = world.asked(cli).into_iter().rfind(|it| !it.tools.is_empty()).expect("a request");
    assert_eq!(last.messages, 3, "it did not go on in the session: {:#}", last.body);
    assert_eq!(taken(world, cli), None);
}

/// Codex takes no id for a session that it begins, so there is none that its driver could go on with.
fn with_no_session_yet_one_is_begun_on_the_screen_or_it_is_refused(cli: Cli) {
    let Some(world) = world() else { return };
    let mut window = Window::open(&world.e2e, &["agents", "attach", cli.name()], 100);
    if cli == Cli::Codex {
        let (code, shown) = window.end();
        let flat = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(code == 1 && flat.contains("has no session yet that could be opened"), "{shown}");
        assert!(flat.contains("callboard channel post"), "it does not say what to do: {shown}");
        assert!(!flat.contains("not been needed"), "{shown}");
        return;
    }
    window.see("its screen", |it| takes_a_prompt(cli, it));
    window.press("[[say from the shell]]");
    window.see("what was typed", |it| it.contains("[[say from the shell]]"));
    enter(&mut window);
    window.see("what it says", |it| it.matches("from the shell").count() > 1 && takes_a_prompt(cli, it));
    kept(&world, "[[say from the shell]]");
    window.press("\x1d");
    window.end();
    world.e2e.callboard(&["agents", "hand-back", cli.name()]).ok("agents hand-back");
    assert_eq!(world.ask(cli, "[[say with its driver]]"), "with its driver");
    let last = world.asked(cli).into_iter().rfind(|it| !it.tools.is_empty()).expect("a request");
    assert_eq!(last.messages, 2, "its driver did not go on in the session: {:#}", last.body);
}

/// Returns the processes of a program that the hub started itself.
fn screens(world: &World, cli: Cli) -> Vec<u32> {
    let hub = world.e2e.wait_for_hub();
    let parent = |pid: u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    let of = processes::of(world.e2e.root()).into_iter();
    of.filter(|it| parent(it.pid) == Some(hub) && it.command_line().contains(cli.name())).map(|it| it.pid).collect()
}

/// Presses Enter as a person does: Enter right behind text is a new line to some.
fn enter(window: &mut Window) {
    std::thread::sleep(std::time::Duration::from_millis(500));
    window.press("\r");
}

/// Returns whether a screen alone, without its title, shows that a prompt is taken.
fn takes_a_prompt(cli: Cli, screen: &str) -> bool {
    match cli {
        Cli::Claude => screen.contains("? for shortcuts") || screen.contains("← for agents"),
        Cli::Codex => screen.contains("› Ask Codex"),
        Cli::Gemini => screen.contains("Type your message") && !screen.contains("Resuming session"),
    }
}
