//! What the user can set in `config.yaml`: each field with its default, its bounds and what it means.
//!
//! Text in, value out. Only the user's own file is ever read; a workspace has no say here.

use std::{collections::BTreeMap, fs, io, ops::RangeInclusive, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    agent::{catalog::profile, sandbox::Network},
    ids::ChannelName,
    workflow::plan::Limits,
    workspace::buffers::BeforeTurn,
};

/// A file larger than this is not read; no settings are that long.
const LONGEST_FILE: u64 = 256 * 1024;

/// Why settings can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}{}: {message}; mend it, or remove the line to have the default", place(*.line, *.column))]
pub struct SettingsError {
    /// The file.
    pub path: String,
    /// The line, from 1, where it is known; else 0.
    pub line: u64,
    /// The column in characters, from 1, where it is known; else 0.
    pub column: u64,
    /// What is wrong.
    pub message: String,
}

/// The user's settings. What is left out has its default.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Lines of each terminal that can be scrolled back in an editor, up to 100,000.
    #[serde(deserialize_with = "scrollback")]
    pub scrollback: u32,
    /// Minutes after which a hub with no client and nothing going on ends, from 1 to 10,080 (a week).
    #[serde(deserialize_with = "idle_exit")]
    pub idle_exit_minutes: u32,
    /// The channel that a message goes to where nobody says; the workspace's first one where it is left out.
    #[schemars(extend("x-callboard" = "channel"))]
    pub default_channel: Option<ChannelName>,
    /// Names of environment variables that agents may see beside those that their profiles name.
    #[serde(deserialize_with = "names")]
    pub agents_env: Vec<String>,
    /// Bytes that one terminal's transcript may take on disk, from 4 MiB.
    #[serde(deserialize_with = "transcript_bytes")]
    pub transcript_max_bytes: u64,
    /// Bytes that all transcripts of a workspace may take together, from 4 MiB: the oldest are removed, but never an agent's newest.
    #[serde(deserialize_with = "transcript_bytes")]
    pub transcripts_total_bytes: u64,
    /// Bytes of the largest file that checkpoints take in, up to 32 MiB; what is larger can't be undone, and is listed.
    #[serde(deserialize_with = "checkpoint_bytes")]
    pub checkpoint_max_file_bytes: u64,
    /// How many files checkpoints take in, up to 2,000,000.
    #[serde(deserialize_with = "checkpoint_files")]
    pub checkpoint_max_files: u64,
    /// What is done about open buffers.
    pub buffers: BufferSettings,
    /// Where runs stop and ask, where their workflow does not say.
    pub limits: LimitSettings,
    /// What single agents are started with, by their names without the `@`.
    pub agents: BTreeMap<String, AgentSettings>,
}

/// What one agent is started with beside what its profile says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AgentSettings {
    /// The model, as its program names it.
    #[serde(deserialize_with = "model")]
    pub model: Option<String>,
    /// More arguments for its program. None that turns its permissions off.
    #[serde(deserialize_with = "arguments")]
    pub arguments: Vec<String>,
    /// Whether its program always runs in a sandbox (bubblewrap, on Linux). Where there is none it is not started.
    pub sandbox: bool,
    /// What its sandbox may reach of the network: `shared` or `none`.
    pub network: Network,
}

/// What is done about open buffers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BufferSettings {
    /// What is done about unsaved ones before an agent's turn: `overlay` or `save`.
    pub before_turn: BeforeTurn,
}

/// Where a run stops and asks, in people's units.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Turns that agents take, from 1.
    #[serde(deserialize_with = "turns")]
    pub turns: u32,
    /// Minutes from the start, pauses not counted, from 1.
    #[serde(deserialize_with = "minutes")]
    pub minutes: u32,
    /// Tokens, where agents report them, from 1.
    #[serde(deserialize_with = "tokens")]
    pub tokens: u64,
    /// US dollars, where agents report them, from 0.01.
    #[serde(deserialize_with = "dollars")]
    pub dollars: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            scrollback: 2_000,
            idle_exit_minutes: 10,
            default_channel: None,
            agents_env: Vec::new(),
            transcript_max_bytes: crate::store::transcript::DEFAULT_MAX_BYTES,
            transcripts_total_bytes: crate::store::transcript::DEFAULT_TOTAL_BYTES,
            checkpoint_max_file_bytes: 8 << 20,
            checkpoint_max_files: 200_000,
            buffers: BufferSettings::default(),
            limits: LimitSettings::default(),
            agents: BTreeMap::new(),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { turns: 50, minutes: 120, tokens: 5_000_000, dollars: 20.0 }
    }
}

impl Settings {
    /// Reads a settings file; where there is none, everything has its default.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let error = |message: String| SettingsError { path: path.display().to_string(), line: 0, column: 0, message };
        match fs::metadata(path) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Ok(it) if it.len() > LONGEST_FILE => return Err(error("it is longer than 256 KiB".to_owned())),
            _ => {}
        }
        let text = fs::read_to_string(path).map_err(|it| error(format!("it can't be read: {it}")))?;
        Self::parse(&text, path)
    }

    /// Reads settings from text; `path` is for the error alone.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        // A file with nothing in it but comments is no mapping, and says nothing.
        if text.lines().all(|it| it.trim().is_empty() || it.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| {
            let place = error.location();
            SettingsError {
                path: path.display().to_string(),
                line: place.map_or(0, |it| it.line()),
                column: place.map_or(0, |it| it.column()),
                message: sentence(&error),
            }
        })
    }
}

impl From<LimitSettings> for Limits {
    fn from(settings: LimitSettings) -> Self {
        // In bounds by the checks below; a float's cast holds at the ends in any case.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let micro_dollars = (settings.dollars * 1e6).round() as u64;
        Self {
            turns: settings.turns,
            time: u64::from(settings.minutes) * 60_000,
            tokens: settings.tokens,
            micro_dollars,
        }
    }
}

/// Returns the parser's message without its place, which the error has in fields of its own.
fn sentence(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let text = text.lines().next().unwrap_or_default();
    let text = text.split(" at line ").next().unwrap_or(text).trim_start_matches("error: ");
    // Words of the parser that say nothing to somebody who writes settings.
    if let Some((_, key)) = text.split_once("duplicate mapping key: ") {
        return format!("`{}` is there twice", key.split(',').next().unwrap_or(key));
    }
    if text == "expected mapping start" {
        "lines such as `name: value` are expected here".to_owned()
    } else {
        text.to_owned()
    }
}

fn place(line: u64, column: u64) -> String {
    if line == 0 { String::new() } else { format!(":{line}:{column}") }
}

/// Reads a number and refuses one that is out of bounds, with the bounds.
fn bounded<'de, D, T>(deserializer: D, bounds: &RangeInclusive<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + std::fmt::Display,
{
    let (least, most) = (bounds.start(), bounds.end());
    let value = T::deserialize(deserializer)
        .map_err(|_| D::Error::custom(format!("this is no such number: write one from {least} to {most}")))?;
    // NaN is in no range.
    if bounds.contains(&value) {
        return Ok(value);
    }
    Err(D::Error::custom(format!("{value} is out of bounds: write a number from {least} to {most}")))
}

fn model<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let model = Option::<String>::deserialize(deserializer)?;
    match &model {
        Some(it) if it.is_empty() || it.starts_with('-') || it.contains(char::is_control) => {
            Err(D::Error::custom(format!("{it:?} is no model: write its name as the agent's program takes it")))
        }
        _ => Ok(model),
    }
}

fn arguments<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let arguments = Vec::<String>::deserialize(deserializer)?;
    match arguments.iter().find(|it| profile::skips_permissions(it) || it.contains('\0')) {
        Some(it) => Err(D::Error::custom(format!(
            "{it:?} would let the agent do anything unasked; leave it out, and give permissions as they are asked for"
        ))),
        None => Ok(arguments),
    }
}

fn scrollback<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    bounded(deserializer, &(0..=100_000))
}

fn idle_exit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    bounded(deserializer, &(1..=10_080))
}

fn transcript_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    bounded(deserializer, &(crate::store::transcript::MIN_MAX_BYTES..=1 << 40))
}

fn checkpoint_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    bounded(deserializer, &(1_024..=32 << 20))
}

fn checkpoint_files<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    bounded(deserializer, &(1..=2_000_000))
}

fn turns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    bounded(deserializer, &(1..=100_000))
}

fn minutes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    bounded(deserializer, &(1..=527_040))
}

fn tokens<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    bounded(deserializer, &(1..=1_000_000_000_000))
}

fn dollars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    bounded(deserializer, &(0.01..=1_000_000.0))
}

fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Vec::<String>::deserialize(deserializer)?;
    let is_name = |it: &String| {
        !it.is_empty()
            && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
            && !it.starts_with(|it: char| it.is_ascii_digit())
    };
    match names.iter().find(|it| !is_name(it)) {
        None => Ok(names),
        Some(bad) => Err(D::Error::custom(format!(
            "{bad:?} is not the name of an environment variable: write names alone, such as HTTPS_PROXY, without values"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(text, Path::new("config.yaml"))
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        for text in ["", "# nothing yet\n\n", "limits: {}\n"] {
            assert_eq!(parse(text).unwrap(), Settings::default(), "{text:?}");
        }
        assert_eq!(Settings::read(Path::new("/nowhere/config.yaml")).unwrap(), Settings::default());
        assert_eq!(Limits::from(LimitSettings::default()), Limits::default(), "one set of defaults, in two units");
    }

    #[test]
    fn everything_can_be_set() {
        let settings = parse(
            "scrollback: 500\nidle_exit_minutes: 60\ndefault_channel: backend\nagents_env: [HTTPS_PROXY]\n\
             transcript_max_bytes: 8388608\ntranscripts_total_bytes: 16777216\ncheckpoint_max_file_bytes: 4096\ncheckpoint_max_files: 10\nlimits:\n  turns: 5\n  minutes: 1\n  tokens: 10\n  dollars: 0.5\n",
        )
        .unwrap();
        assert_eq!((settings.scrollback, settings.idle_exit_minutes), (500, 60));
        assert_eq!(settings.default_channel, Some("backend".parse().unwrap()));
        assert_eq!(settings.agents_env, ["HTTPS_PROXY"]);
        assert_eq!((settings.transcript_max_bytes, settings.transcripts_total_bytes), (8 << 20, 16 << 20));
        assert_eq!((settings.checkpoint_max_file_bytes, settings.checkpoint_max_files), (4096, 10));
        let limits = Limits { turns: 5, time: 60_000, tokens: 10, micro_dollars: 500_000 };
        assert_eq!(Limits::from(settings.limits), limits);
    }

    #[test]
    fn an_error_says_where_it_is_and_what_to_do() {
        let all = [
            error("scrollback: 1\nscrolback: 2\n"),
            error("limits:\n  turns: many\n"),
            error("limits:\n  dollars: 0\n"),
            error("agents_env: [HTTPS_PROXY, TOKEN=1]\n"),
            error("default_channel: Not A Name\n"),
            error("scrollback: 1\nscrollback: 2\n"),
            error("scrollback: 1\nlimits: [\n"),
            error("just text"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        config.yaml:2:1: unknown field `scrolback`, expected one of scrollback, idle_exit_minutes, default_channel, agents_env, transcript_max_bytes, transcripts_total_bytes, checkpoint_max_file_bytes, checkpoint_max_files, buffers, limits, agents; mend it, or remove the line to have the default
        config.yaml:2:10: this is no such number: write one from 1 to 100000; mend it, or remove the line to have the default
        config.yaml:2:12: 0 is out of bounds: write a number from 0.01 to 1000000; mend it, or remove the line to have the default
        config.yaml:1:13: "TOKEN=1" is not the name of an environment variable: write names alone, such as HTTPS_PROXY, without values; mend it, or remove the line to have the default
        config.yaml:1:18: "Not A Name" is not a channel's name: use 1 to 64 of a-z, 0-9, '-' and '_', with a letter or digit first; mend it, or remove the line to have the default
        config.yaml:2:1: `scrollback` is there twice; mend it, or remove the line to have the default
        config.yaml:2:9: lines such as `name: value` are expected here; mend it, or remove the line to have the default
        config.yaml:1:1: lines such as `name: value` are expected here; mend it, or remove the line to have the default
        "#);
    }
}
