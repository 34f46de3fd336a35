//! Text that came from a program, made safe to show anywhere: no escape sequence, no control, nothing invisible.
//!
//! Pure, and invariant under how the text is cut: feeding it in pieces gives what feeding it at once gives. Knows
//! nothing of screens; for what a terminal shows, ask the terminal.

/// Returns `text` without escape sequences and controls, and with invisible characters made visible.
///
/// Kept: newlines and tabs. `\r\n` becomes `\n`, a lone `\r` too. What changes the direction of text, has no width or
/// hides a message (bidi controls, zero-width characters but the joiners between emoji, tags, deprecated formats)
/// becomes `⟨U+202E⟩` and the like.
pub fn plain(text: &str) -> String {
    let mut stripper = Plain::default();
    let mut out = stripper.feed(text.as_bytes());
    out.push_str(&stripper.finish());
    out
}

/// The same for text that comes in pieces, cut anywhere, also within a character or a sequence.
///
/// Bound: it holds at most one character and no more of a sequence than its kind.
#[derive(Debug, Clone, Default)]
pub struct Plain {
    state: State,
    /// A character that has begun.
    partial: Vec<u8>,
    /// Whether the last thing was a `\r`, given out as `\n` already.
    returned: bool,
    /// How many bytes of the string sequence have gone by.
    string: usize,
}

/// A string sequence (OSC, DCS and their kin) that is longer than this is none: what follows is text again. Otherwise
/// one unfinished sequence would hide everything after it.
const LONGEST_STRING: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    Escape,
    /// `ESC` and intermediates: one final byte follows.
    EscapeEnd,
    Csi,
    /// OSC, DCS, SOS, PM, APC: until BEL or ST.
    String,
    /// An `ESC` within a string: `\` ends it.
    StringEscape,
}

impl Plain {
    /// Takes the next piece and returns what of it can be shown.
    pub fn feed(&mut self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len());
        for &byte in bytes {
            self.byte(byte, &mut out);
        }
        out
    }

    /// Returns what is left at the end: a replacement character where a character had begun. Starts afresh.
    pub fn finish(&mut self) -> String {
        let left = if self.partial.is_empty() { String::new() } else { char::REPLACEMENT_CHARACTER.to_string() };
        *self = Self::default();
        left
    }

    fn byte(&mut self, byte: u8, out: &mut String) {
        if !self.partial.is_empty() {
            if (0x80..0xc0).contains(&byte) {
                self.partial.push(byte);
                self.complete(out);
                return;
            }
            // The character was cut short; this byte begins something else.
            self.partial.clear();
            self.character(char::REPLACEMENT_CHARACTER, out);
        }
        if byte < 0x80 {
            self.character(char::from(byte), out);
        } else {
            self.partial.push(byte);
            self.complete(out);
        }
    }

    /// Takes the character that has begun, where it is whole or can't become one.
    fn complete(&mut self, out: &mut String) {
        match std::str::from_utf8(&self.partial) {
            Ok(text) => {
                let whole = text.chars().next();
                self.partial.clear();
                if let Some(it) = whole {
                    self.character(it, out);
                }
            }
            Err(error) if error.error_len().is_some() => {
                let bad = std::mem::take(&mut self.partial);
                self.character(char::REPLACEMENT_CHARACTER, out);
                // Only the last byte can begin something new.
                if bad.len() > 1
                    && let Some(&last) = bad.last()
                {
                    self.byte(last, out);
                }
            }
            Err(_) => {}
        }
    }

    fn character(&mut self, it: char, out: &mut String) {
        self.state = match (self.state, it) {
            // These end whatever has begun, wherever it is.
            (_, '\u{18}' | '\u{1a}')
            | (State::StringEscape, '\\')
            | (State::String, '\u{7}' | '\u{9c}')
            | (State::EscapeEnd, '0'..='~')
            | (State::Csi, '@'..='~') => State::Text,
            (State::String, '\u{1b}') => State::StringEscape,
            (State::String, _) if self.string < LONGEST_STRING => {
                self.string += it.len_utf8();
                State::String
            }
            // The `ESC` was not the string's end but the beginning of the next sequence.
            (State::StringEscape | State::Escape, _) => self.after_escape(it, out),
            (_, '\u{1b}') => State::Escape,
            (State::EscapeEnd, ' '..='/') => State::EscapeEnd,
            (State::Csi, ' '..='?') => State::Csi,
            // Controls within a sequence are carried out by a terminal; a newline there is still a newline.
            (State::Csi | State::EscapeEnd, '\0'..='\u{1f}' | '\u{7f}') => {
                let state = self.state;
                self.text(it, out);
                state
            }
            (State::Text | State::String | State::Csi | State::EscapeEnd, _) => self.introduced(it, out),
        };
    }

    fn after_escape(&mut self, it: char, out: &mut String) -> State {
        match it {
            '\u{1b}' => State::Escape,
            '[' => State::Csi,
            ']' | 'P' | 'X' | '^' | '_' => self.begin_string(),
            ' '..='/' => State::EscapeEnd,
            '0'..='~' => State::Text,
            _ => self.introduced(it, out),
        }
    }

    /// Takes a character of text, or a C1 control, which is a sequence's beginning in one character.
    fn introduced(&mut self, it: char, out: &mut String) -> State {
        match it {
            '\u{9b}' => State::Csi,
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => self.begin_string(),
            _ => {
                self.text(it, out);
                State::Text
            }
        }
    }

    fn begin_string(&mut self) -> State {
        self.string = 0;
        State::String
    }

    fn text(&mut self, it: char, out: &mut String) {
        let returned = std::mem::take(&mut self.returned);
        match it {
            '\r' => {
                self.returned = true;
                out.push('\n');
            }
            '\n' if returned => {}
            '\n' | '\t' => out.push(it),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {}
            _ if is_hidden(it) => {
                use std::fmt::Write as _;
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(it));
            }
            _ => out.push(it),
        }
    }
}

/// Returns whether a character shows nothing itself and may change or hide what is around it.
fn is_hidden(it: char) -> bool {
    matches!(
        it,
        // Soft hyphen, grapheme joiner, Arabic letter mark, Hangul fillers, Khmer and Mongolian invisible vowels.
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Zero-width space, marks of direction; the joiners U+200C and U+200D are part of ordinary words and emoji.
        | '\u{200b}' | '\u{200e}' | '\u{200f}'
        // Line and paragraph separators, embeddings and overrides of direction.
        | '\u{2028}'..='\u{202e}'
        // Word joiner, invisible operators, isolates, deprecated formats.
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        // Shorthand and musical formats, tags, and the variation selectors that carry hidden bytes.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sequences_and_controls_go_and_text_stays() {
        for (text, expected) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("\x1b[1;31mred\x1b[0m", "red"),
            ("\x1b]0;title\x07x\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "xlink"),
            ("\x1b]52;c;aGk=\x07copied", "copied"),
            ("\x1bPq#0;2;0;0;0\x1b\\after", "after"),
            ("\x1b(Bcharset\x1b7\x1b=", "charset"),
            ("\u{9b}31mC1\u{9d}0;t\u{9c}end", "C1end"),
            ("bell\x07 back\x08 nul\0", "bell back nul"),
            ("cut\x1b[12\x18off", "cutoff"),
            ("\x1b]0;never ends\x1b[1mbut text goes on", "but text goes on"),
            ("a\u{202e}b\u{200b}c\u{e0041}", "a⟨U+202E⟩b⟨U+200B⟩c⟨U+E0041⟩"),
            ("👨\u{200d}👩 naïve 漢字", "👨\u{200d}👩 naïve 漢字"),
            ("\x1b\x1b[mx", "x"),
            ("\x1b[\n1mx", "\nx"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced_one_by_one() {
        let mut it = Plain::default();
        assert_eq!(it.feed(b"a\xffb\xc3") + &it.finish(), "a\u{fffd}b\u{fffd}");
        assert_eq!(it.feed(b"\xe6\xbc") + &it.feed(b"\xa2") + &it.finish(), "漢");
        assert_eq!(it.feed(b"\xe6A\xc0\x80B") + &it.finish(), "\u{fffd}A\u{fffd}\u{fffd}B");
    }

    #[test]
    fn an_unfinished_string_hides_only_so_much() {
        let endless = format!("\x1b]0;{}visible", "x".repeat(LONGEST_STRING + 10));
        assert!(plain(&endless).ends_with("visible"));
    }

    /// Bytes that make sequences likely.
    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let likely =
            prop::sample::select(b"\x1b[]P\\m0;?31h\x07\x18\r\n\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81 ab".to_vec());
        prop::collection::vec(prop_oneof![4 => likely, 1 => any::<u8>()], 0..120)
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(bytes in soup(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6)) {
            let mut whole = Plain::default();
            let expected = whole.feed(&bytes) + &whole.finish();
            let mut at: Vec<usize> = cuts.iter().map(|it| it.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let mut pieces = Plain::default();
            let mut out = String::new();
            for pair in at.windows(2) {
                out += &pieces.feed(&bytes[pair[0]..pair[1]]);
            }
            out += &pieces.finish();
            prop_assert_eq!(out, expected);
        }

        /// Security: no escape, no C1, no bidi control in anything that leaves here.
        #[test]
        fn nothing_that_steers_a_terminal_comes_out(bytes in soup()) {
            let mut it = Plain::default();
            let out = it.feed(&bytes) + &it.finish();
            let steers = |c: char| (c.is_control() && c != '\n' && c != '\t') || is_hidden(c);
            prop_assert!(!out.chars().any(steers), "{:?}", out);
            prop_assert_eq!(plain(&out), out);
        }
    }
}
