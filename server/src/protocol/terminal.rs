//! The wire of terminals: what an agent's screen shows, as rows or as bytes for a terminal emulator, and what a person types.
//!
//! Types only; `protocol.rs` names the methods.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::AgentName;

/// Params of `callboard/watchTerminal`. A second call for the same agent replaces the first.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatchTerminalParams {
    /// Whose.
    pub agent: AgentName,
    /// How frames are written.
    #[serde(default)]
    pub form: TerminalForm,
}

/// How frames are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TerminalForm {
    /// The rows that changed, as text with colours.
    #[default]
    Rows,
    /// Bytes for a terminal emulator of the same size.
    Raw,
}

/// Result of `callboard/watchTerminal`: where the terminal stands now. Frames follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WatchTerminalResult {
    /// Whether there is one.
    pub state: TerminalState,
    /// How large it is; what it will be where there is none yet.
    pub size: TerminalSize,
}

/// Params of `callboard/unwatchTerminal`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnwatchTerminalParams {
    /// Whose.
    pub agent: AgentName,
}

/// Whether an agent has a terminal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TerminalState {
    /// None was started since the hub began.
    #[default]
    Absent,
    /// Its program runs.
    Live,
    /// Its program has ended; what it showed last is kept.
    Ended,
}

/// The size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalSize {
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub columns: u16,
}

/// A notification `callboard/terminalFrame`: what changed on a screen since the frame before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalFrame {
    /// Whose.
    pub agent: AgentName,
    /// Counted from 1 by each watch.
    pub frame: u64,
    /// Another number is another terminal: the agent's program was started again. 0 where there is none.
    pub terminal: u64,
    /// Whether it is the whole screen; what was shown before is to be cleared.
    pub full: bool,
    /// Whether its program runs.
    pub state: TerminalState,
    /// How large it is.
    pub size: TerminalSize,
    /// Where the cursor is.
    pub cursor: TerminalCursor,
    /// The title that the program gave it; empty where it gave none.
    pub title: String,
    /// Whether Callboard is typing into it: then a person's keys are refused.
    pub locked: bool,
    /// How many rows have left the top so far. Where it rose `callboard/terminalScrollback` has more: new lines, or more of
    /// the last one.
    #[serde(default)]
    pub scrolled: u64,
    /// The rows that changed, in the form `rows`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<TerminalRow>,
    /// The bytes to be written to the emulator, in the form `raw`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub raw: String,
}

/// Where a terminal's cursor is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalCursor {
    /// From 0, from the top.
    pub row: u16,
    /// From 0, from the left.
    pub column: u16,
    /// Whether it shows.
    pub visible: bool,
}

/// A row of a screen, whole: it replaces what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalRow {
    /// Which, from 0.
    pub row: u16,
    /// Its text from the left, without the blanks at its end.
    pub runs: Vec<TerminalRun>,
}

/// Text of one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalRun {
    /// The text; no control in it, and nothing invisible.
    pub text: String,
    /// Its colour, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fg: Option<TerminalColor>,
    /// The colour behind it, where it is not the usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bg: Option<TerminalColor>,
    /// Letters: `b` bold, `d` dim, `i` italic, `u` underlined, `r` reversed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub style: String,
}

/// A colour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TerminalColor {
    /// One of the 256 that terminals number; the first 16 are the theme's.
    Index(u8),
    /// `#rrggbb`.
    Rgb(String),
}

/// Params of `callboard/terminalInput`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalInputParams {
    /// Whose terminal.
    pub agent: AgentName,
    /// The keys as a terminal sends them, sequences too; or the text to be pasted.
    pub text: String,
    /// Whether it is a paste: it is put in brackets where the program asked for that, and never submitted.
    #[serde(default)]
    pub paste: bool,
}

/// Params of `callboard/terminalResize`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalResizeParams {
    /// Whose terminal.
    pub agent: AgentName,
    /// From top to bottom.
    pub rows: u16,
    /// From left to right.
    pub columns: u16,
}

/// Params of `callboard/terminalScrollback`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalScrollbackParams {
    /// Whose terminal.
    pub agent: AgentName,
    /// The first line; the last `count` lines where absent.
    #[serde(default)]
    pub from: Option<u64>,
    /// At most so many; 200 where absent, 1,000 at most.
    #[serde(default)]
    pub count: Option<u32>,
}

/// Result of `callboard/terminalScrollback`: lines that left the top of the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminalScrollback {
    /// Which terminal, as in its frames; 0 where there is none.
    pub terminal: u64,
    /// The number of the first line here, from 0. Lines before it may be gone.
    pub first: u64,
    /// The lines, oldest first.
    pub lines: Vec<String>,
    /// How many lines have left the top so far; the last of them may still grow.
    pub total: u64,
}
