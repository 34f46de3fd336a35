//! What of a flood can be left out because no trace of it would remain on the screen or in the scrollback.
//!
//! Pure. Follows the beginnings and ends of sequences, not their meaning.
//! Invariant: what [`skippable`] names ends before more full lines than screen and scrollback hold together, and holds
//! nothing but text, line ends and colours.

use std::ops::Range;

/// Follows whether the output is between sequences, and keeps string sequences (OSC) from growing without end.
#[derive(Debug, Default)]
pub struct Guard {
    state: State,
    string: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Csi,
    Osc,
    /// An OSC that was longer than any that means something: passed over until its end.
    Overlong,
    /// DCS, SOS, PM, APC.
    String,
}

/// The longest OSC that the screen's parser is given. It would keep an endless one in memory.
const LONGEST_OSC: usize = 16 * 1024;

impl Guard {
    /// Returns whether text that follows is text, and not part of a sequence.
    pub fn is_between_sequences(&self) -> bool {
        self.state == State::Ground
    }

    /// Passes bytes on to `out`, leaving out what is beyond the bound of an OSC.
    pub fn pass<'a>(&mut self, bytes: &'a [u8], mut out: impl FnMut(&'a [u8])) {
        // Where the bytes begin that are to be passed on; none while an overlong string goes by.
        let mut from = (self.state != State::Overlong).then_some(0);
        let mut at = 0;
        while at < bytes.len() {
            if self.state == State::Ground {
                let Some(next) = bytes[at..].iter().position(|&it| it == 0x1b) else { break };
                at += next;
            }
            self.state = self.after(bytes[at]);
            match (from, self.state == State::Overlong) {
                (Some(begin), true) => {
                    out(&bytes[begin..at]);
                    from = None;
                }
                // What ends the string is passed on, so that the parser ends it too.
                (None, false) => from = Some(at),
                _ => {}
            }
            at += 1;
        }
        if let Some(begin) = from
            && begin < bytes.len()
        {
            out(&bytes[begin..]);
        }
    }

    fn after(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (_, 0x18 | 0x1a) => State::Ground,
            (_, 0x1b) => State::Escape,
            (State::Escape, b'[') => State::Csi,
            (State::Escape, b']') => {
                self.string = 0;
                State::Osc
            }
            (State::Escape, b'P' | b'X' | b'^' | b'_') => State::String,
            (State::Escape, 0x30..=0x7e) | (State::Csi, 0x40..=0x7e) | (State::Osc | State::Overlong, 0x07) => {
                State::Ground
            }
            (State::Osc, _) => {
                self.string += 1;
                if self.string > LONGEST_OSC { State::Overlong } else { State::Osc }
            }
            (state, _) => state,
        }
    }
}

/// Returns the end of the longest stretch from `from` that holds only text, line ends, tabs and colours.
pub fn plain_until(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            0x20..=0x7e | 0x80.. | b'\r' | b'\n' | b'\t' => at += 1,
            0x1b => match colour_until(bytes, at) {
                Some(end) => at = end,
                None => return at,
            },
            _ => return at,
        }
    }
    at
}

/// Returns the end of the colour sequence (`ESC [ … m`) that begins at `at`, where one does.
fn colour_until(bytes: &[u8], at: usize) -> Option<usize> {
    // Bound: the longest that the parser takes whole.
    let rest = bytes.get(at..bytes.len().min(at + 64))?.strip_prefix(b"\x1b[")?;
    let length = rest.iter().position(|it| !matches!(it, b'0'..=b'9' | b';' | b':'))?;
    (rest[length] == b'm').then_some(at + 2 + length + 1)
}

/// Returns what of `bytes`, which [`plain_until`] called plain, can be skipped: from the end of line `head` to the end
/// of the last line that has `tail` more after it. Both ends are right after a `\r\n`, where the column is 0.
pub fn skippable(bytes: &[u8], head: usize, tail: usize) -> Option<Range<usize>> {
    let mut lines = 0;
    let start = bytes.iter().enumerate().find_map(|(at, &it)| {
        lines += usize::from(it == b'\n');
        (it == b'\n' && lines >= head && at > 0 && bytes[at - 1] == b'\r').then_some(at + 1)
    })?;
    lines = 0;
    let end = (start..bytes.len()).rev().find_map(|at| {
        let ends = bytes[at] == b'\n';
        let found = ends && lines >= tail && bytes[at - 1] == b'\r';
        lines += usize::from(ends);
        found.then_some(at + 1)
    })?;
    (end > start).then_some(start..end)
}

/// Calls `out` with every colour sequence of a plain stretch: what is skipped may have changed the colour of what
/// follows.
pub fn colours<'a>(bytes: &'a [u8], mut out: impl FnMut(&'a [u8])) {
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|&it| it == 0x1b) {
        let begin = at + next;
        let end = colour_until(bytes, begin).unwrap_or(begin + 1);
        out(&bytes[begin..end]);
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pieces: &[&[u8]]) -> (Vec<u8>, bool) {
        let mut guard = Guard::default();
        let mut out = Vec::new();
        for it in pieces {
            guard.pass(it, |part| out.extend_from_slice(part));
        }
        (out, guard.is_between_sequences())
    }

    #[test]
    fn sequences_pass_whole_and_endless_strings_are_cut() {
        let ordinary = b"a\x1b[1mb\x1b]0;title\x07c\x1bPdata\x1b\\d\x1b(B";
        assert_eq!(passed(&[ordinary]), (ordinary.to_vec(), true));
        assert!(!passed(&[b"a\x1b[12"]).1);
        let long = vec![b'x'; LONGEST_OSC + 5000];
        let (out, between) = passed(&[b"\x1b]0;", &long, &long, b"\x07after"]);
        assert_eq!(out.len(), 2 + LONGEST_OSC + b"\x07after".len());
        assert!(out.ends_with(b"\x07after") && between);
    }

    #[test]
    fn only_whole_lines_in_the_middle_are_skipped() {
        let text = b"1\r\n2\r\n3\r\n4\r\n5\r\n6\r\nrest";
        let skip = skippable(text, 2, 2).unwrap();
        assert_eq!(&text[skip], b"3\r\n4\r\n");
        assert_eq!(skippable(text, 4, 3), None);
        assert_eq!(skippable(b"no lines at all", 1, 1), None);
        assert_eq!(skippable(b"1\n2\n3\n4\n", 1, 1), None, "without a return the column carries over");
    }

    #[test]
    fn plain_is_text_lines_and_colours() {
        let text = b"a\x1b[1;31mb\r\n\xe6\xbc\xa2\t\x1b[Hc";
        assert_eq!(plain_until(text, 0), text.len() - 4);
        assert_eq!(plain_until(b"ab\x08c", 0), 2);
        assert_eq!(plain_until(b"ab\x1b[1", 0), 2);
        let mut found = Vec::new();
        colours(b"a\x1b[1;31mb\x1b[mc", |it| found.extend_from_slice(it));
        assert_eq!(found, b"\x1b[1;31m\x1b[m");
    }
}
