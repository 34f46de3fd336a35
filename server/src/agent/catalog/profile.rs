//! A profile: the data file that says how a kind of agent is started and driven.
//!
//! Read from YAML with unknown fields refused, so a misspelt word is an error with its place. Starts nothing.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;

use super::scalar::{Key, Pattern, Span};
use crate::{
    agent::{Access, DriverKind, TurnTimes, sandbox::Needs},
    ids::is_name,
    outcome::FailureClass,
};

/// Where a profile comes from, which decides what it may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// Compiled in.
    #[default]
    BuiltIn,
    /// The user's own folder.
    User,
    /// The workspace, which the caller has found trusted. It may not steer an agent's provider by the environment.
    Workspace,
}

/// How a kind of agent is started and driven.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// What it is called, without the `@`.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// How it is driven.
    pub driver: DriverKind,
    /// The program and its arguments; `{callboard}` stands for this program. A first word that begins with `./` is a
    /// file beside the profile.
    pub command: Vec<String>,
    /// Arguments that make the program speak its driver's protocol (drivers `app-server` and `acp`).
    #[serde(default)]
    pub protocol: Vec<String>,
    /// Arguments of its interactive screen (driver `terminal`, and when a person takes over).
    #[serde(default)]
    pub screen: Vec<String>,
    /// Arguments that make its interactive screen go on with a session, `{session}` standing for its id.
    #[serde(default)]
    pub resume: Vec<String>,
    /// Arguments that make its interactive screen begin a session with the id that `{session}` stands for, where it can be
    /// told one.
    #[serde(default)]
    pub begin: Vec<String>,
    /// The variable that names the folder of what its program keeps, where each agent is to have one of its own.
    #[serde(default)]
    pub home_variable: Option<String>,
    /// The model that it is to take, where it is not the program's own choice.
    #[serde(default)]
    pub model: Option<String>,
    /// Arguments that make its program take that model, `{model}` standing for its name; none where the protocol says it.
    #[serde(default)]
    pub model_arguments: Vec<String>,
    /// Whether a session must not be resumed in the minute in which it was begun: its program would lose it.
    #[serde(default)]
    pub ages_sessions: bool,
    /// Where the real program is, seen from the folder of a script that only starts it: paths in which a part may be `*`. The
    /// first that is there is started in the script's place.
    #[serde(default)]
    pub native: Vec<String>,
    /// What an at sign in a prompt means to its program (drivers `stream-json` and `terminal`).
    #[serde(default)]
    pub at_signs: AtSigns,
    /// What it may do to the workspace.
    #[serde(default = "read")]
    pub access: Access,
    /// Words that roles ask for: `review`, `fix`, `test`, `plan`, `build`, `explain`.
    #[serde(default)]
    #[schemars(extend("x-callboard" = "skill"))]
    pub good_for: Vec<String>,
    /// Names in the environment that it may see beside the ones every agent sees.
    #[serde(default)]
    pub env: Vec<String>,
    /// What is set in its environment.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    /// How long the parts of a turn may take.
    #[serde(default)]
    pub times: Times,
    /// How many of it there are side by side: `@name`, `@name-2`, …
    #[serde(default = "one")]
    pub instances: u8,
    /// What to do where its program is not found.
    #[serde(default)]
    pub missing: String,
    /// How its version is asked for, and the oldest that works.
    #[serde(default)]
    pub version: Option<VersionRule>,
    /// What shows that somebody has signed in to it.
    #[serde(default)]
    pub sign_in: Option<SignIn>,
    /// Exit codes that stand for a class of failure (driver `tool`).
    #[serde(default)]
    pub exits: BTreeMap<i32, FailureClass>,
    /// How its screen is read and typed into (driver `terminal`).
    #[serde(default)]
    pub terminal: TerminalRules,
    /// The arguments with which it speaks stream-json (driver `stream-json`).
    #[serde(default)]
    pub stream: StreamRules,
    /// Its sandbox, where one is wanted: what of the developer's home its program needs there.
    #[serde(default)]
    pub sandbox: Needs,
    /// Where the file came from.
    #[serde(skip)]
    pub origin: Origin,
    /// The program's absolute path, or why it can't be started.
    #[serde(skip)]
    pub program: Program,
}

/// What an at sign in a prompt means to a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AtSigns {
    /// Nothing.
    #[default]
    Text,
    /// That the file of this name is to be put into the prompt, where there is one.
    Files,
    /// So, and what has a name like it too.
    All,
}

/// What the search for a profile's program came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Program {
    /// It is this program itself.
    #[default]
    Callboard,
    /// It is here.
    Found(PathBuf),
    /// It is not here; the text says what to do.
    Missing(String),
}

/// How long the parts of a turn may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Times {
    /// From the start of its program until it is ready for a prompt.
    pub start: Option<Span>,
    /// Without a byte from it while it works.
    pub idle: Option<Span>,
    /// From the prompt to the end.
    pub total: Option<Span>,
    /// For how long it may try again by itself, because its provider does not answer (drivers `app-server` and `acp`).
    pub retry: Option<Span>,
}

/// How a program's version is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VersionRule {
    /// Arguments after the program, such as `[--version]`.
    pub arguments: Vec<String>,
    /// The oldest that works, such as `2.1.0`.
    pub at_least: String,
}

/// What shows that somebody has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct SignIn {
    /// Variables of the environment that hold a key.
    pub variables: Vec<String>,
    /// Files that a login leaves, from the home folder.
    pub files: Vec<String>,
    /// Variables that name another folder for those files: what stands before the files' names falls away, where it is said.
    pub folders: BTreeMap<String, String>,
    /// Of files that are there without a login too: words of which one stands in it where somebody has signed in.
    pub words: BTreeMap<String, Vec<String>>,
}

/// How an interactive program's screen is read and typed into.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct TerminalRules {
    /// Height in lines.
    pub rows: u16,
    /// Width in columns.
    pub columns: u16,
    /// Arguments that hand over the first prompt, `{prompt}` standing for it; empty means that it is typed.
    pub first_prompt: Vec<String>,
    /// Signs of the state in the title.
    pub title: Signs,
    /// Signs of the state on the screen: the last resort.
    pub screen: Signs,
    /// Signs of failures on the screen.
    pub failures: Vec<FailureSign>,
    /// How a prompt is submitted.
    pub submit: Submit,
    /// Keys that interrupt a turn, tried in this order.
    pub interrupt: Vec<Key>,
    /// The key that empties the input line; pressed before typing after an interrupt.
    pub clear: Option<Key>,
    /// What is typed to make it leave by itself.
    pub exit: Option<String>,
    /// Lines that are its frame and not its answer.
    pub drop: Vec<Pattern>,
}

impl Default for TerminalRules {
    fn default() -> Self {
        Self {
            rows: 40,
            columns: 120,
            first_prompt: Vec::new(),
            title: Signs::default(),
            screen: Signs::default(),
            failures: Vec::new(),
            submit: Submit::default(),
            interrupt: vec![Key::Esc, Key::CtrlC],
            clear: None,
            exit: None,
            drop: Vec::new(),
        }
    }
}

/// Signs of the state: the first of permission, working, idle with a pattern that matches is believed.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Signs {
    /// It waits for a prompt.
    pub idle: Vec<Pattern>,
    /// It is on a turn.
    pub working: Vec<Pattern>,
    /// It asks for a permission.
    pub permission: Vec<Pattern>,
}

/// A sign of a failure on the screen.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FailureSign {
    /// The class.
    pub class: FailureClass,
    /// What is looked for in what was printed since the prompt, or since the start.
    pub pattern: Pattern,
}

/// How a prompt is submitted: a bracketed paste, then its echo on the screen, then Enter.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Submit {
    /// What stands on the screen in the paste's place where the program folds it.
    pub echo: Vec<Pattern>,
    /// How long the echo is waited for before Enter is pressed all the same, if the agent is still idle.
    pub echo_within: Span,
    /// The least time between the paste and Enter.
    pub enter_after: Span,
    /// What stands on the screen where Enter was taken for a new line in place of submitting; then it is pressed again.
    pub new_line: Vec<Pattern>,
    /// How long after Enter an agent that shows idle, never showed working, and printed something, is done.
    pub settle: Span,
}

impl Default for Submit {
    fn default() -> Self {
        Self {
            echo: Vec::new(),
            echo_within: Span(Some(400)),
            enter_after: Span(Some(0)),
            new_line: Vec::new(),
            settle: Span(Some(700)),
        }
    }
}

/// The arguments with which a program speaks stream-json.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StreamRules {
    /// Always. `{tools}` stands for the file that tells of Callboard's own tools.
    pub arguments: Vec<String>,
    /// Where the turn may only read: what keeps it from writing and from running programs.
    pub read: Vec<String>,
    /// Where the turn may change files.
    pub write: Vec<String>,
    /// To use a model, `{model}` standing for its name.
    pub model: Vec<String>,
    /// To go on with a session, `{session}` standing for its id.
    pub resume: Vec<String>,
    /// To begin a session that starts as a copy of that one.
    pub fork: Vec<String>,
}

impl StreamRules {
    /// Returns the arguments for a turn's access, and for the session that is gone on with.
    pub fn arguments(&self, access: Access, session: Option<&str>) -> Vec<String> {
        let by_access = match access {
            Access::Read => &self.read,
            Access::Write => &self.write,
        };
        let mut arguments: Vec<String> = self.arguments.iter().chain(by_access).cloned().collect();
        if let Some(session) = session {
            arguments.extend(self.resume.iter().map(|it| it.replace("{session}", session)));
        }
        arguments
    }
}

impl Profile {
    /// Reads a profile. The error has the place as `line:column`, from 1.
    pub fn read(text: &str, origin: Origin) -> Result<Self, ProfileError> {
        let mut profile: Self = serde_saphyr::from_str(text).map_err(|err| ProfileError::from_yaml(&err))?;
        profile.origin = origin;
        profile.check().map_err(|message| ProfileError { line: 1, column: 1, message })?;
        Ok(profile)
    }

    /// Returns how long its turns may take.
    pub fn turn_times(&self) -> TurnTimes {
        let usual = TurnTimes::default();
        TurnTimes {
            start: self.times.start.map_or(usual.start, |it| it.0),
            idle: self.times.idle.map_or(usual.idle, |it| it.0),
            total: self.times.total.map_or(usual.total, |it| it.0),
        }
    }

    /// Returns whether a person can take it over.
    pub fn can_be_taken_over(&self) -> bool {
        match self.driver {
            DriverKind::Tool => false,
            DriverKind::Terminal => true,
            DriverKind::StreamJson | DriverKind::AppServer | DriverKind::Acp => !self.resume.is_empty(),
        }
    }

    /// Returns why what its program printed as its version is too old, or nothing where it will do.
    pub fn too_old(&self, printed: &str) -> Option<String> {
        let rule = self.version.as_ref()?;
        let wanted = version_in(&rule.at_least)?;
        match version_in(printed) {
            Some(found) if found >= wanted => None,
            Some(found) => Some(format!(
                "{} is version {}, and {} or newer is needed; {}",
                self.title,
                found.iter().map(u64::to_string).collect::<Vec<_>>().join("."),
                rule.at_least,
                self.missing
            )),
            None => Some(format!("{} does not say its version; {} or newer is needed", self.title, rule.at_least)),
        }
    }

    fn check(&self) -> Result<(), String> {
        if !is_name(&self.name) {
            return Err(format!(
                "name: {:?} is no name; use 1 to 64 of a-z, 0-9, '-' and '_', with a letter or digit first",
                self.name
            ));
        }
        if ["all", "others", "operator", "everyone"].contains(&self.name.as_str()) {
            return Err(format!("name: @{} has a meaning of its own; choose another", self.name));
        }
        if self.command.first().is_none_or(String::is_empty) {
            return Err("command: it is empty; give the program and its arguments as a list".to_owned());
        }
        if !(1..=9).contains(&self.instances) {
            return Err(format!("instances: {} is not between 1 and 9", self.instances));
        }
        let structured = [DriverKind::StreamJson, DriverKind::AppServer, DriverKind::Acp];
        let driven = cfg!(unix) && structured.contains(&self.driver);
        if !driven && !matches!(self.driver, DriverKind::Terminal | DriverKind::Tool) {
            return Err(
                "driver: this Callboard drives `terminal` and `tool` on this system; use one of them".to_owned()
            );
        }
        let loses = |it: &[String]| !it.is_empty() && !it.iter().any(|it| it.contains("{session}"));
        if loses(&self.stream.fork) || loses(&self.resume) || loses(&self.stream.resume) || loses(&self.begin) {
            return Err("resume, begin: no argument has {session} in it, so another session would be opened".to_owned());
        }
        if self.driver == DriverKind::StreamJson && self.stream.arguments.is_empty() {
            return Err(
                "stream.arguments: it is empty; give those with which the program speaks stream-json".to_owned()
            );
        }
        if let Some(name) = self.env.iter().chain(self.set.keys()).find(|it| !is_variable(it)) {
            return Err(format!("env: {name:?} is no name of a variable; use letters, digits and '_'"));
        }
        if let Some((name, _)) = self.set.iter().find(|(_, value)| value.contains('\0')) {
            return Err(format!("set: the value of {name} has a NUL character in it"));
        }
        let words = [&self.command, &self.protocol, &self.screen, &self.resume, &self.begin];
        if words.into_iter().flatten().any(|it| it.contains('\0')) {
            return Err("command: there is a NUL character in it".to_owned());
        }
        let Needs { read, write, copy, .. } = &self.sandbox;
        let plain = |it: &String| Path::new(it).components().all(|it| matches!(it, Component::Normal(_)));
        if let Some(path) = read.iter().chain(write).chain(copy).find(|it| it.is_empty() || !plain(it)) {
            return Err(format!(
                "sandbox: {path:?} is no path below the home; write it from there, such as .tool/sessions/"
            ));
        }
        let stream = &self.stream;
        let words = [
            &self.command,
            &self.protocol,
            &self.screen,
            &self.resume,
            &self.begin,
            &self.model_arguments,
            &self.terminal.first_prompt,
            &stream.arguments,
            &stream.read,
            &stream.write,
            &stream.resume,
            &stream.fork,
            &stream.model,
        ];
        if let Some(word) = words.into_iter().flatten().find(|it| skips_permissions(it)) {
            return Err(format!("{word:?} would let the agent do anything unasked; leave it out"));
        }
        if self.driver == DriverKind::Terminal {
            self.check_terminal()?;
        }
        Ok(())
    }

    fn check_terminal(&self) -> Result<(), String> {
        let rules = &self.terminal;
        if !(5..=500).contains(&rules.rows) || !(20..=1000).contains(&rules.columns) {
            return Err("terminal: rows must be 5 to 500 and columns 20 to 1000".to_owned());
        }
        if !rules.first_prompt.is_empty() && !rules.first_prompt.iter().any(|it| it.contains("{prompt}")) {
            return Err("first-prompt: no argument has {prompt} in it, so the prompt would be lost".to_owned());
        }
        if rules.title.idle.is_empty() && rules.screen.idle.is_empty() {
            return Err(
                "terminal: there is no sign of idle; give title.idle or screen.idle, else no turn would ever end"
                    .to_owned(),
            );
        }
        Ok(())
    }
}

/// Why a profile can't be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileError {
    /// From 1.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl ProfileError {
    fn from_yaml(err: &serde_saphyr::Error) -> Self {
        let (line, column) = err.location().map_or((1, 1), |it| (it.line().max(1), it.column().max(1)));
        Self { line, column, message: first_line(&err.to_string()) }
    }
}

/// Returns the first line that says something; the rest is a picture of the source.
fn first_line(text: &str) -> String {
    text.lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or("it can't be read").to_owned()
}

/// Returns the first dotted number in `text`.
fn version_in(text: &str) -> Option<Vec<u64>> {
    text.split(|it: char| !it.is_ascii_digit() && it != '.')
        .find(|it| it.contains('.') && it.starts_with(|first: char| first.is_ascii_digit()))
        .map(|it| it.split('.').map_while(|part| part.parse().ok()).collect())
}

/// Returns whether an argument turns off what keeps an agent from doing anything unasked.
pub fn skips_permissions(argument: &str) -> bool {
    let argument = argument.to_lowercase();
    let any = [
        "dangerously",
        "danger-full-access",
        "bypasspermissions",
        "bypass-permissions",
        "skip-permissions",
        "skip-trust",
        "yolo",
        "allow-all",
    ];
    any.iter().any(|it| argument.contains(it))
}

/// Returns whether `text` may name a variable of the environment.
fn is_variable(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && !text.starts_with(|it: char| it.is_ascii_digit())
        && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

fn read() -> Access {
    Access::Read
}

fn one() -> u8 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "name: x\ntitle: X\ndriver: tool\ncommand: [x]\n";

    #[track_caller]
    fn refused(text: &str, line: u64, words: &str) {
        let err = Profile::read(text, Origin::User).expect_err("it was taken");
        assert!(err.message.contains(words), "{err:?}");
        assert_eq!(err.line, line, "{err:?}");
    }

    #[test]
    fn a_small_profile_is_enough_for_a_script() {
        let profile = Profile::read(SMALL, Origin::User).unwrap();
        assert_eq!((profile.access, profile.instances, profile.turn_times()), (Access::Read, 1, TurnTimes::default()));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        refused("name: x\ntitle: X\ndrivr: tool\ncommand: [x]\n", 3, "drivr");
        refused("name: x\ntitle: X\ndriver: telepathy\ncommand: [x]\n", 3, "telepathy");
        refused(&format!("{SMALL}times:\n  idle: soon\n"), 6, "length of time");
        refused(&format!("{SMALL}times:\n  idel: 5s\n"), 6, "idel");
        refused(&format!("{SMALL}terminal:\n  title:\n    idle: [\"(\"]\n"), 7, "regular expression");
        refused(&format!("{SMALL}name: y\n"), 5, "name");
        refused("name: X Y\ntitle: X\ndriver: tool\ncommand: [x]\n", 1, "is no name");
        refused("name: all\ntitle: X\ndriver: tool\ncommand: [x]\n", 1, "meaning of its own");
        refused("name: x\ntitle: X\ndriver: tool\ncommand: []\n", 1, "empty");
        refused("name: x\ntitle: X\ndriver: terminal\ncommand: [x]\n", 1, "no sign of idle");
        refused("name: x\ntitle: X\ndriver: tool\ncommand: [x, --dangerously-skip-permissions]\n", 1, "unasked");
        refused("name: x\ntitle: X\ndriver: stream-json\ncommand: [x]\n", 1, "stream.arguments");
        refused(&format!("{SMALL}instances: 0\n"), 1, "between 1 and 9");
        refused(&format!("{SMALL}env: [\"A=B\"]\n"), 1, "variable");
    }

    #[test]
    fn versions_are_compared_by_number() {
        let text = format!("{SMALL}missing: get it\nversion: {{arguments: [--version], at-least: 2.1.9}}\n");
        let profile = Profile::read(&text, Origin::User).unwrap();
        assert_eq!(profile.too_old("2.1.10 (Some Code)"), None);
        assert_eq!(profile.too_old("x-cli 2.2"), None);
        assert!(profile.too_old("v2.0.99").unwrap().contains("2.0.99"));
        assert!(profile.too_old("who knows").is_some());
    }
}
