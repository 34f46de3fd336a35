//! What a viewer is shown of a terminal: the difference to what it has seen, with all that stands around the text.
//!
//! Invariant: a viewer takes the screen's lock for as long as one look takes, and keeps no program alive by looking.

use std::sync::atomic::Ordering;

use tokio::sync::watch as signal;

use super::{FrameState, Size, Terminal};
use crate::protocol::TerminalRow;

/// How a viewer wants the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The rows that changed.
    Rows,
    /// Bytes for a terminal emulator of the same size.
    Raw,
}

/// What a viewer has seen last.
#[derive(Default)]
pub struct Seen {
    screen: FrameState,
    head: Option<Head>,
}

/// What stands around the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// How large the terminal is.
    pub size: Size,
    /// The cursor's row and column, from 0.
    pub cursor: (u16, u16),
    /// Whether the cursor shows.
    pub cursor_visible: bool,
    /// The title that the program gave.
    pub title: String,
    /// Whether Callboard is typing.
    pub locked: bool,
    /// Whether the program has ended.
    pub ended: bool,
    /// How many rows have left the top of the screen.
    pub scrolled: u64,
}

/// What changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether it is the whole screen.
    pub full: bool,
    /// What stands around the text now.
    pub head: Head,
    /// The rows that changed.
    pub rows: Vec<TerminalRow>,
    /// The bytes that make the change.
    pub raw: String,
}

impl Terminal {
    /// Returns a number that no other terminal of this process has.
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// Returns what changes when there may be something new to look at. It ends with the terminal.
    pub fn watch(&self) -> signal::Receiver<u64> {
        self.shared.changes.subscribe()
    }

    /// Returns how large it is.
    pub fn size(&self) -> Size {
        self.shared.display().emulator.size()
    }

    /// Returns what changed since the viewer looked last. `None` where nothing did, or the program is in the middle of
    /// drawing: the watch tells when it is done.
    pub fn look(&self, seen: &mut Seen, form: Form) -> Option<Look> {
        let ended = self.has_ended();
        let display = self.shared.display();
        if display.held && !ended {
            return None;
        }
        let emulator = &display.emulator;
        let size = emulator.size();
        let full = seen.screen.size() != Some(size);
        let (cursor, cursor_visible) = emulator.cursor();
        let locked = self.shared.typing.load(Ordering::SeqCst);
        let (title, scrolled) = (emulator.title().to_owned(), emulator.rows_scrolled());
        let head = Head { size, cursor, cursor_visible, title, locked, ended, scrolled };
        let (rows, raw) = match form {
            Form::Rows => (emulator.rows_since(&mut seen.screen).unwrap_or_default(), String::new()),
            Form::Raw => {
                let bytes = emulator.frame_since(&mut seen.screen).unwrap_or_default();
                (Vec::new(), String::from_utf8_lossy(&bytes).into_owned())
            }
        };
        if rows.is_empty() && raw.is_empty() && seen.head.as_ref() == Some(&head) {
            return None;
        }
        seen.head = Some(head.clone());
        Some(Look { full, head, rows, raw })
    }

    /// Returns lines that left the top of the screen: the number of the first, the lines from number `from` on (the last
    /// ones where there is none) and at most `most`, and how many have left so far.
    pub fn scrolled(&self, from: Option<u64>, most: usize) -> (u64, Vec<String>, u64) {
        self.shared.display().emulator.scrolled(from, most)
    }
}
