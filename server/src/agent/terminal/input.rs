//! What is typed: how a paste is written for a program, and the queue before the thread that writes.
//!
//! Knows nothing of screens; whoever pastes says what the program asked for.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
};

/// The most that waits to be written: a program that reads nothing must not fill our memory.
pub const MOST_QUEUED: usize = 10 * 1024 * 1024;
/// The longest line that can be given to a program in cooked mode: the system cuts it a little beyond, silently.
pub const LONGEST_COOKED_LINE: usize = 4_000;

/// Why something was not typed. Nothing of it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The program is over.
    #[error("the program has ended, so nothing was typed; start it again")]
    Ended,
    /// It doesn't read.
    #[error(
        "the program reads nothing ({MOST_QUEUED} bytes wait already), so nothing was typed; stop it, or wait until it reads again"
    )]
    Full,
    /// It speaks by a protocol.
    #[error("this agent is driven by its protocol and reads no keys; take it over with `callboard agents attach`")]
    NoKeys,
    /// Callboard is typing.
    #[error("Callboard is typing into this terminal, so the keys are locked; try again when the lock is gone")]
    Locked,
    /// It would be cut.
    #[error(
        "line {line} of the text has {length} bytes, and the program takes {LONGEST_COOKED_LINE} a line at most in this mode; shorten the line"
    )]
    LineTooLong {
        /// Which, from 1.
        line: usize,
        /// How long.
        length: usize,
    },
    /// Each line would be submitted by itself.
    #[error(
        "the text has several lines, and the program hasn't turned bracketed paste on, so each would be submitted by itself; send one line"
    )]
    WouldSubmit,
}

/// How a program reads what is pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasteMode {
    /// It asked for pastes in brackets (mode 2004).
    Bracketed,
    /// The system collects lines for it.
    Cooked,
    /// It reads each key.
    Raw,
}

/// Returns the bytes that paste `text`, without the key that submits it.
///
/// Controls but newline and tab are left out: an `ESC` in the text could end the bracket early, and what follows would
/// be keys.
pub fn paste(text: &str, mode: PasteMode) -> Result<Vec<u8>, InputError> {
    let text: String = text
        .replace("\r\n", "\n")
        .replace('\r', "\n")
        .chars()
        .filter(|it| !it.is_control() || "\n\t".contains(*it))
        .collect();
    match mode {
        // In a bracket a newline is what the Return key sends, as in every terminal.
        PasteMode::Bracketed => Ok(format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")).into_bytes()),
        PasteMode::Cooked => match text.split('\n').enumerate().find(|(_, it)| it.len() > LONGEST_COOKED_LINE) {
            Some((at, line)) => Err(InputError::LineTooLong { line: at + 1, length: line.len() }),
            None => Ok(text.into_bytes()),
        },
        PasteMode::Raw if text.contains('\n') => Err(InputError::WouldSubmit),
        PasteMode::Raw => Ok(text.into_bytes()),
    }
}

/// The queue between who types and the thread that writes.
#[derive(Default)]
pub struct Input {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    bytes: usize,
    ended: bool,
    /// What is queued is still written.
    closed: bool,
}

impl Input {
    /// Queues bytes, all or none. Never waits.
    pub fn push(&self, bytes: Vec<u8>) -> Result<(), InputError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.ended || state.closed {
            return Err(InputError::Ended);
        }
        if state.bytes + bytes.len() > MOST_QUEUED {
            return Err(InputError::Full);
        }
        state.bytes += bytes.len();
        state.queue.push_back(bytes);
        self.changed.notify_one();
        Ok(())
    }

    /// Waits for the next bytes; `None` once the program is over. What is queued then is dropped.
    pub fn take(&self) -> Option<Vec<u8>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self
            .changed
            .wait_while(state, |it| it.queue.is_empty() && !it.ended && !it.closed)
            .unwrap_or_else(PoisonError::into_inner);
        state.queue.pop_front()
    }

    /// Says that bytes from `take` are written: until then they count.
    pub fn written(&self, length: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.bytes = state.bytes.saturating_sub(length);
    }

    /// Says that nothing more is to be written after what is queued.
    pub fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        self.changed.notify_all();
    }

    /// Says that the program is over.
    pub fn end(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State { ended: true, ..State::default() };
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paste_can_not_leave_its_bracket() {
        let hostile = "a\x1b[201~\rrm -rf x\r\nb\u{9b}201~\x03\tc";
        assert_eq!(paste(hostile, PasteMode::Bracketed).unwrap(), b"\x1b[200~a[201~\rrm -rf x\rb201~\tc\x1b[201~");
    }

    #[test]
    fn a_cooked_line_is_never_cut() {
        let fits = "x".repeat(LONGEST_COOKED_LINE);
        assert_eq!(paste(&format!("{fits}\n{fits}"), PasteMode::Cooked).unwrap().len(), 2 * LONGEST_COOKED_LINE + 1);
        let refused = paste(&format!("short\n{fits}x"), PasteMode::Cooked).unwrap_err();
        assert_eq!(refused, InputError::LineTooLong { line: 2, length: LONGEST_COOKED_LINE + 1 });
        assert!(refused.to_string().contains("shorten"));
    }

    #[test]
    fn several_lines_are_not_typed_as_keys() {
        assert_eq!(paste("a\nb", PasteMode::Raw), Err(InputError::WouldSubmit));
        assert_eq!(paste("a b", PasteMode::Raw).unwrap(), b"a b");
    }

    #[test]
    fn the_queue_is_bounded_and_ends() {
        let input = Input::default();
        input.push(vec![b'x'; MOST_QUEUED]).unwrap();
        assert_eq!(input.push(vec![b'y']), Err(InputError::Full));
        assert_eq!(input.take().unwrap().len(), MOST_QUEUED);
        assert_eq!(input.push(vec![b'y']), Err(InputError::Full), "it counts until it is written");
        input.written(MOST_QUEUED);
        input.push(vec![b'y']).unwrap();
        input.end();
        assert_eq!(input.take(), None);
        assert_eq!(input.push(vec![b'z']), Err(InputError::Ended));
    }
}
