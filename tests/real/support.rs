//! A world with a model server of its own and the real programs, set up so that they speak to nothing else.
//!
//! What is set here is what a developer would set: the programs' own variables and files, in the world's own home, and
//! profiles of their own where a built-in one rightly lets no variable through that says where keys are sent.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, Once, PoisonError},
};

use serde_json::Value;

use crate::{
    e2e::{self, Live, Ran},
    mock_model::{Dialect, MockModel, Rule, Seen},
};

/// The model that Codex is told to take: one that it knows, so that it offers its own tools.
pub const CODEX_MODEL: &str = "gpt-5.5";
/// The model that Gemini is told to take: with none it asks a model which to take.
pub const GEMINI_MODEL: &str = "gemini-2.5-flash";

/// One of the three programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cli {
    Claude,
    Codex,
    Gemini,
}

impl Cli {
    pub const ALL: [Self; 3] = [Self::Claude, Self::Codex, Self::Gemini];

    /// Its agent's name, and its command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::Codex => "codex",
            Self::Gemini => "gemini",
        }
    }

    /// Whose words it asks its model in.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Claude => Dialect::Anthropic,
            Self::Codex => Dialect::Openai,
            Self::Gemini => Dialect::Gemini,
        }
    }
}

/// Makes a test of each of the three programs of a function, so that what differs between them stands in one place.
macro_rules! each {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use crate::support::Cli;

            #[test]
            fn claude() {
                super::$name(Cli::Claude);
            }

            #[test]
            fn codex() {
                super::$name(Cli::Codex);
            }

            #[test]
            fn gemini() {
                super::$name(Cli::Gemini);
            }
        }
    )+};
}
pub(crate) use each;

/// A developer's machine with the three programs.
pub struct World {
    pub e2e: e2e::World,
    pub model: MockModel,
    clis: PathBuf,
    /// Freed last: the machine has room for so many worlds.
    _place: Place,
}

/// Makes a world whose workspace is trusted, or says why there is none.
pub fn world() -> Option<World> {
    let world = untrusted()?;
    world.e2e.trust();
    Some(world)
}

/// Makes a world whose workspace nobody has trusted yet.
pub fn untrusted() -> Option<World> {
    let Some(clis) = std::env::var_os("CALLBOARD_TEST_CLIS").map(PathBuf::from) else {
        static SAID: Once = Once::new();
        SAID.call_once(|| {
            // Not by `eprintln`, which the test harness keeps to itself.
            let why =
                "skipped: CALLBOARD_TEST_CLIS is not set; `tests/run clis real` installs the programs and runs this";
            let _ = writeln!(std::io::stderr(), "{why}");
        });
        return None;
    };
    assert!(clis.join(".bin/claude").exists(), "CALLBOARD_TEST_CLIS has no programs: {}", clis.display());
    let place = Place::take();
    let e2e = e2e::World::new();
    let model = MockModel::start(0, None).expect("a port of loopback");
    let world = World { e2e, model, clis, _place: place };
    world.prepare();
    Some(world)
}

/// One of the places for worlds that there are: a program takes up to 300 MB and a second or more of a core to start, and a
/// world has up to three.
struct Place;

static TAKEN: Mutex<usize> = Mutex::new(0);
static FREED: Condvar = Condvar::new();

impl Place {
    fn take() -> Self {
        let most = std::thread::available_parallelism().map_or(2, |it| it.get().min(4));
        let taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = FREED.wait_while(taken, |it| *it >= most).unwrap_or_else(PoisonError::into_inner);
        *taken += 1;
        Self
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        *TAKEN.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        FREED.notify_one();
    }
}

impl World {
    /// Returns a program by its name, as a developer has it on the `PATH`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.clis.join(".bin").join(name)
    }

    /// Gives a program a profile of the developer's own: the built-in one, changed.
    pub fn profile(&self, cli: Cli, change: impl FnOnce(String) -> String) {
        let built_in = match cli {
            Cli::Claude => include_str!("../../server/src/agent/catalog/claude.yaml"),
            Cli::Codex => include_str!("../../server/src/agent/catalog/codex.yaml"),
            Cli::Gemini => include_str!("../../server/src/agent/catalog/gemini.yaml"),
        };
        // Where a program sends its keys is said by a profile of the developer's own only.
        let own = match cli {
            Cli::Claude => built_in.replace(
                "\nenv:\n",
                "\nenv:\n  - ANTHROPIC_BASE_URL\n  - CLAUDE_CODE_MAX_RETRIES\n  - CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC\n  - CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL\n",
            ),
            Cli::Codex => {
                let own = built_in.replace("\nenv:\n", "\nenv:\n  - MOCK_API_KEY\n");
                // On its screen it fetches a tip of the day, and no setting of its own stops it: it is led to the model.
                format!("{own}set: {{HTTPS_PROXY: \"{}\"}}\n", self.model.url())
            }
            Cli::Gemini => {
                let own = built_in.replace("\nenv:\n", "\nenv:\n  - GOOGLE_GEMINI_BASE_URL\n");
                format!("{own}model: {GEMINI_MODEL}\n")
            }
        };
        self.e2e.profile(cli.name(), &change(own));
    }

    /// Leaves this one of the programs on the `PATH`, so that what looks at each has one to look at.
    pub fn alone(&self, cli: Cli) {
        let folder = self.e2e.root().join("alone");
        fs::create_dir_all(&folder).expect("the folder");
        std::os::unix::fs::symlink(self.program(cli.name()), folder.join(cli.name())).expect("the link");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&path)));
        self.e2e.env("PATH", path.expect("a PATH"));
    }

    /// Has a program driven by its interactive screen.
    pub fn by_its_screen(&self, cli: Cli) {
        self.profile(cli, |it| {
            let driven = ["stream-json", "app-server", "acp"].map(|it| format!("driver: {it}\n"));
            driven.iter().fold(it, |text, it| text.replace(it, "driver: terminal\n"))
        });
    }

    /// Posts a message to an agent and starts to wait for the answer.
    pub fn begin(&self, cli: Cli, message: &str) -> Live {
        self.begin_to(cli.name(), message)
    }

    /// Does so by the agent's name.
    pub fn begin_to(&self, agent: &str, message: &str) -> Live {
        let mut command = self.e2e.command(env!("CARGO_BIN_EXE_callboard"));
        command.args(["channel", "post", &format!("@{agent} {message}"), "--wait"]);
        // What it says of a turn that is stopped is nobody's to read.
        Live::start(command, "callboard channel post", false)
    }

    /// Posts a message to an agent, and returns the answer to it.
    #[track_caller]
    pub fn ask(&self, cli: Cli, message: &str) -> String {
        let asking = self.begin(cli, message);
        self.says(asking, "");
        self.messages().pop().map(|it| it["text"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
    }

    /// Waits for an answer, which has these words in it.
    #[track_caller]
    pub fn says(&self, asking: Live, text: &str) {
        let ran = asking.finish(e2e::COMMAND_LIMIT);
        assert!(ran.code == Some(0) && ran.stdout.contains(text), "{text:?} is not the answer: {}", self.told(&ran));
    }

    /// Waits for a failure, and returns what is said of it.
    #[track_caller]
    pub fn fails(&self, asking: Live) -> String {
        let ran = asking.finish(e2e::COMMAND_LIMIT);
        assert!(ran.code != Some(0), "it did not fail: {}", self.told(&ran));
        let messages = self.messages();
        let mut deliveries = messages.iter().rev().flat_map(|it| it["deliveries"].as_array().into_iter().flatten());
        let why = deliveries.find_map(|it| it["state"]["why"].as_str());
        why.unwrap_or_else(|| panic!("nothing is said of the failure: {messages:#?}")).to_owned()
    }

    fn told(&self, ran: &Ran) -> String {
        let (out, err) = (&ran.stdout, &ran.stderr);
        format!("{out}{err}\n{}\nasked of the model: {:#?}", self.e2e.story(), self.prompts())
    }

    /// Returns the messages of the channel, oldest first.
    pub fn messages(&self) -> Vec<Value> {
        self.e2e.callboard(&["channel", "show", "--json"]).ok("channel show").json()
    }

    /// Returns a message of the channel that has these words.
    #[track_caller]
    pub fn message(&self, words: &str) -> Value {
        let messages = self.messages();
        let is_it = |it: &&Value| it["text"].as_str().is_some_and(|it| it.contains(words));
        messages.iter().find(is_it).cloned().unwrap_or_else(|| panic!("no message has {words:?}: {messages:#?}"))
    }

    /// Waits for the one thing that waits for a person.
    pub fn pause(&self) -> Value {
        let look = || self.e2e.callboard(&["inbox", "--json"]).ok("inbox").json().pop();
        e2e::wait_for("something that waits for a person", e2e::COMMAND_LIMIT, look, || {
            format!("{}\nasked of the model: {:#?}", self.e2e.story(), self.prompts())
        })
    }

    /// Returns the document of what waits for a person.
    pub fn document(&self, pause: &Value) -> String {
        self.e2e.callboard(&["inbox", pause["id"].as_str().expect("an id")]).ok("inbox").stdout
    }

    /// Waits until an agent is believed to be in a state, and returns the claim.
    pub fn state_of(&self, cli: Cli, state: &str) -> Value {
        let look = || {
            let agents = self.e2e.callboard(&["agents", "--json"]).ok("agents").json();
            let is_it = |it: &&Value| it["info"]["name"] == cli.name() && it["claim"]["state"]["is"] == state;
            agents.iter().find(is_it).map(|it| it["claim"].clone())
        };
        e2e::wait_for(&format!("@{} to be {state}", cli.name()), e2e::COMMAND_LIMIT, look, || self.e2e.story())
    }

    /// Waits until a file of the workspace is there: where a machine is busy, a program may end its turn before its command.
    pub fn made(&self, name: &str) {
        let there = || self.e2e.workspace().join(name).exists().then_some(());
        e2e::wait_for(name, e2e::COMMAND_LIMIT, there, || self.e2e.story());
    }

    /// Answers what waits for a person.
    pub fn decide(&self, pause: &Value, answer: &[&str]) {
        let id = pause["id"].as_str().expect("an id");
        self.e2e.callboard(&[&["decide", id], answer].concat()).ok("decide");
    }

    /// Gives the prompts of one program that have these words a script; several scripts are taken one after the other.
    pub fn script(&self, cli: Cli, when: &[&str], scripts: &[&str]) {
        let times = (scripts.len() > 1).then_some(1);
        for script in scripts {
            let when = when.iter().map(|it| (*it).to_owned()).collect();
            self.model.add(Rule { when, dialect: Some(cli.dialect()), script: (*script).to_owned(), times });
        }
    }

    /// Returns what a program asked of its model, in order.
    pub fn asked(&self, cli: Cli) -> Vec<Seen> {
        self.model.asked().into_iter().filter(|it| it.dialect == Some(cli.dialect())).collect()
    }

    /// Returns what the model was asked, in short.
    pub fn prompts(&self) -> Vec<String> {
        let short = |it: Seen| format!("{:?} {} {}", it.dialect, it.messages, it.prompt);
        self.model.asked().into_iter().map(short).collect()
    }

    /// Runs one of the programs by itself, without Callboard.
    pub fn run(&self, program: &str, args: &[&str]) -> Ran {
        let mut command = self.e2e.command(self.program(program));
        command.args(args);
        let mut live = Live::start(command, program, false);
        live.close_input();
        live.finish(e2e::COMMAND_LIMIT)
    }

    /// Returns a path in the workspace, in full.
    pub fn path(&self, name: &str) -> String {
        self.e2e.workspace().join(name).to_string_lossy().into_owned()
    }

    /// Returns the directive that writes a file of the workspace by this program's own tool.
    pub fn write(&self, cli: Cli, name: &str, text: &str) -> String {
        // Codex patches, by paths from its folder.
        let path = if cli == Cli::Codex { name.to_owned() } else { self.path(name) };
        format!("[[write {path}|{text}]]")
    }

    /// Returns where Codex has its sessions and its configuration.
    pub fn codex_home(&self) -> PathBuf {
        self.e2e.home().join(".codex")
    }

    fn prepare(&self) {
        let (e2e, url) = (&self.e2e, self.model.url());
        let bin = self.clis.join(".bin");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).expect("a PATH");
        e2e.env("PATH", path);
        // Codex puts no helper programs into a folder for temporary files, so its home must not be in one.
        let temporary = e2e.root().join("t");
        fs::create_dir_all(&temporary).expect("the folder for temporary files");
        e2e.env("TMPDIR", &temporary);
        for (name, value) in [
            ("ANTHROPIC_BASE_URL", url.as_str()),
            ("ANTHROPIC_AUTH_TOKEN", "test"),
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            ("CLAUDE_CODE_MAX_RETRIES", "0"),
            ("MOCK_API_KEY", "test"),
            ("GEMINI_API_KEY", "test"),
            ("GOOGLE_GEMINI_BASE_URL", url.as_str()),
            ("GEMINI_CLI_NO_RELAUNCH", "true"),
        ] {
            e2e.env(name, value);
        }
        // Somebody who has used it on its screen here before.
        let here = serde_json::json!({ e2e.workspace().to_string_lossy(): { "hasTrustDialogAccepted": true } });
        let claude = serde_json::json!({ "hasCompletedOnboarding": true, "theme": "dark", "projects": here });
        write(&e2e.home().join(".claude.json"), &claude.to_string());
        write(&self.codex_home().join("config.toml"), &codex_config(&url, &e2e.workspace()));
        write(&e2e.home().join(".gemini/settings.json"), GEMINI_SETTINGS);
        for cli in Cli::ALL {
            self.profile(cli, |it| it);
        }
        e2e.git_init();
    }
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("the folder");
    fs::write(path, text).expect("the file");
}

fn codex_config(url: &str, workspace: &Path) -> String {
    format!(
        r#"model = "{CODEX_MODEL}"
model_provider = "mock"
approval_policy = "on-request"
sandbox_mode = "workspace-write"
check_for_update_on_startup = false
[model_providers.mock]
name = "mock"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "MOCK_API_KEY"
request_max_retries = 0
stream_max_retries = 0
supports_websockets = false
[analytics]
enabled = false
[feedback]
enabled = false
[features]
plugins = false
[notice.model_migrations]
"{CODEX_MODEL}" = "gpt-6-sol"
[projects."{}"]
trust_level = "trusted"
"#,
        workspace.display()
    )
}

const GEMINI_SETTINGS: &str = r#"{
  "security": { "auth": { "selectedType": "gemini-api-key" } },
  "privacy": { "usageStatisticsEnabled": false },
  "telemetry": { "enabled": false },
  "general": {
    "enableAutoUpdate": false, "enableAutoUpdateNotification": false, "maxAttempts": 1, "retryFetchErrors": false,
    "sessionRetention": { "enabled": false }
  },
  "ui": { "hideTips": true, "hideBanner": true, "dynamicWindowTitle": true, "showStatusInTitle": true }
}"#;
