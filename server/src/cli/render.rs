//! What the command line shows: values in, lines out. Pure, so that every view has a snapshot.
//!
//! Nothing here writes, asks a clock or reads a file; text that came from agents passes `plain` before it gets here or on
//! its way through `markdown` and `line`, so no escape sequence of theirs reaches a terminal.

pub mod checks;
pub mod diff;
pub mod finding;
pub mod line;
pub mod lists;
pub mod markdown;
pub mod message;
pub mod pause;
pub mod plan;
pub mod run;
pub mod source;
pub mod step;
pub mod table;
pub mod time;
pub mod trust;

use jiff::tz::TimeZone;

pub use line::{Line, Tone};

/// What a view must know of where it is shown.
#[derive(Debug, Clone)]
pub struct View {
    /// How many columns a line may take.
    pub width: usize,
    /// The zone that times are shown in.
    pub zone: TimeZone,
}

impl View {
    /// Makes the view that tests and plain files use: 100 columns, UTC.
    pub fn plain() -> Self {
        Self { width: 100, zone: TimeZone::UTC }
    }
}

/// Returns lines as text with no colour, one line feed after each.
pub fn text(lines: &[Line]) -> String {
    lines.iter().fold(String::new(), |text, line| text + &line.paint(false) + "\n")
}
