//! A world with a model server of its own and the real programs, set up so that they speak to nothing else.
//!
//! What is set here is what a developer would set: the programs' own variables and files, in the world's own home.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
    sync::Once,
};

use serde_json::Value;

use crate::{
    e2e::{self, Live, Ran},
    mock_model::MockModel,
};

/// The model that Codex is told to take: one that it knows, so that it offers its own tools.
pub const CODEX_MODEL: &str = "gpt-5.5";
/// The model that Gemini is told to take: with none it asks a model which to take.
pub const GEMINI_MODEL: &str = "gemini-2.5-flash";

/// A developer's machine with the three programs.
pub struct World {
    pub e2e: e2e::World,
    pub model: MockModel,
    clis: PathBuf,
}

/// Makes a world, or says why there is none.
pub fn world() -> Option<World> {
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
    let e2e = e2e::World::new();
    let model = MockModel::start(0, None).expect("a port of loopback");
    let world = World { e2e, model, clis };
    world.prepare();
    Some(world)
}

impl World {
    /// Returns a program by its name, as a developer has it on the `PATH`.
    pub fn program(&self, name: &str) -> PathBuf {
        self.clis.join(".bin").join(name)
    }

    /// Writes the developer's settings of Callboard.
    pub fn settings(&self, yaml: &str) {
        write(&self.e2e.config().join("config.yaml"), yaml);
    }

    /// Posts a message and starts to wait for the answer.
    pub fn begin(&self, message: &str) -> Live {
        self.e2e.spawn(&["channel", "post", message, "--wait"])
    }

    /// Posts a message, and returns the answer to it.
    #[track_caller]
    pub fn ask(&self, message: &str) -> String {
        let ran = self.begin(message).finish(e2e::COMMAND_LIMIT);
        assert!(
            ran.code == Some(0),
            "{message}: {}{}\n{}\nasked of the model: {:#?}",
            ran.stdout,
            ran.stderr,
            self.e2e.story(),
            self.prompts()
        );
        self.messages().pop().map(|it| it["text"].as_str().unwrap_or_default().to_owned()).unwrap_or_default()
    }

    /// Returns the messages of the channel, oldest first.
    pub fn messages(&self) -> Vec<Value> {
        self.e2e.callboard(&["channel", "show", "--json"]).ok("channel show").json()
    }

    /// Waits for the one thing that waits for a person.
    pub fn pause(&self) -> Value {
        let look = || self.e2e.callboard(&["inbox", "--json"]).ok("inbox").json().pop();
        e2e::wait_for("something that waits for a person", e2e::COMMAND_LIMIT, look, || {
            format!("{}\nasked of the model: {:#?}", self.e2e.story(), self.prompts())
        })
    }

    /// Waits until an agent is believed to be in a state.
    pub fn state_of(&self, agent: &str, state: &str) {
        let look = || {
            let agents = self.e2e.callboard(&["agents", "--json"]).ok("agents").json();
            let is_it = |it: &Value| it["info"]["name"] == agent && it["claim"]["state"]["is"] == state;
            agents.iter().any(is_it).then_some(())
        };
        e2e::wait_for(&format!("@{agent} to be {state}"), e2e::COMMAND_LIMIT, look, || self.e2e.story());
    }

    /// Answers what waits for a person.
    pub fn decide(&self, pause: &Value, answer: &[&str]) {
        let id = pause["id"].as_str().expect("an id");
        self.e2e.callboard(&[&["decide", id], answer].concat()).ok("decide");
    }

    /// Returns what the model was asked, in short.
    pub fn prompts(&self) -> Vec<String> {
        let short = |it: crate::mock_model::Seen| format!("{:?} {} {}", it.dialect, it.messages, it.prompt);
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
            ("DISABLE_AUTOUPDATER", "1"),
            ("CLAUDE_CODE_MAX_RETRIES", "0"),
            ("MOCK_API_KEY", "test"),
            ("GEMINI_API_KEY", "test"),
            ("GOOGLE_GEMINI_BASE_URL", url.as_str()),
            ("GEMINI_CLI_NO_RELAUNCH", "true"),
        ] {
            e2e.env(name, value);
        }
        write(&e2e.home().join(".claude.json"), r#"{"hasCompletedOnboarding": true, "theme": "dark"}"#);
        write(&self.codex_home().join("config.toml"), &codex_config(&url, &e2e.workspace()));
        write(&e2e.home().join(".gemini/settings.json"), GEMINI_SETTINGS);
        git(e2e.command("git"));
    }
}

fn git(mut command: Command) {
    command.args(["init", "--quiet"]).env("GIT_CONFIG_GLOBAL", "/dev/null");
    Live::start(command, "git init", false).finish(e2e::COMMAND_LIMIT).ok("git init");
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
  "security": { "auth": { "selectedType": "gemini-api-key" }, "folderTrust": { "enabled": false } },
  "privacy": { "usageStatisticsEnabled": false },
  "telemetry": { "enabled": false },
  "general": {
    "enableAutoUpdate": false, "enableAutoUpdateNotification": false, "maxAttempts": 1, "retryFetchErrors": false,
    "sessionRetention": { "enabled": false }
  },
  "ui": { "hideTips": true, "hideBanner": true, "dynamicWindowTitle": true, "showStatusInTitle": true }
}"#;
