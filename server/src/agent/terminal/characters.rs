//! Characters, kept whole across the pieces in which a program's output comes.
//!
//! Pure. The screen's parser loses text that follows a character which it got in two parts (vte 0.15,
//! `advance_partial_utf8`: it counts all that it could read of its four bytes as that character's), so it gets none such.

/// Holds back a character that is not whole yet.
#[derive(Debug, Default)]
pub struct Joiner {
    held: Vec<u8>,
}

impl Joiner {
    /// Passes bytes on to `out`, but for the beginning of a character at their end: that goes with what comes next.
    pub fn pass(&mut self, mut bytes: &[u8], mut out: impl FnMut(&[u8])) {
        while !self.held.is_empty() {
            let Some((&next, rest)) = bytes.split_first() else { return };
            bytes = rest;
            self.held.push(next);
            // What turns out to be no character may be followed by the beginning of one.
            let whole = self.held.len() - beginning_at_end(&self.held);
            if whole > 0 {
                out(&self.held[..whole]);
                self.held.drain(..whole);
            }
        }
        let whole = bytes.len() - beginning_at_end(bytes);
        if whole > 0 {
            out(&bytes[..whole]);
        }
        self.held.extend_from_slice(&bytes[whole..]);
    }
}

/// Returns how many bytes at the end are of a character that is not whole: 3 at most.
fn beginning_at_end(bytes: &[u8]) -> usize {
    (1..=bytes.len().min(3)).find(|&it| is_beginning(&bytes[bytes.len() - it..])).unwrap_or(0)
}

/// Returns whether these are the first bytes of a character, and not all of it.
fn is_beginning(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_err_and(|it| it.valid_up_to() == 0 && it.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut joiner = Joiner::default();
        let mut out = Vec::new();
        for it in pieces {
            joiner.pass(it, |part| out.push(part.to_vec()));
        }
        out
    }

    #[test]
    fn a_character_in_parts_comes_whole_and_what_is_none_comes_at_once() {
        assert_eq!(passed(&["né".as_bytes()]), ["né".as_bytes()]);
        assert_eq!(passed(&[b"n\xc3", b"\xa9a\xc3", b"\xa9"]), [&b"n"[..], b"\xc3\xa9", b"a", b"\xc3\xa9"]);
        assert_eq!(passed(&[b"\xf0", b"\x9f", b"\x98", b"\x80!"]), [&b"\xf0\x9f\x98\x80"[..], b"!"]);
        assert_eq!(passed(&[b"\xe2", b"\x1b[1m"]), [&b"\xe2\x1b"[..], b"[1m"], "no character after all");
        assert_eq!(passed(&[b"\xff", b"\x80"]), [&b"\xff"[..], b"\x80"], "never one");
        assert_eq!(passed(&[b"\xf0", b"\xcb", b"\x97Y"]), [&b"\xf0"[..], b"\xcb\x97", b"Y"], "none, and then one");
        assert_eq!(passed(&[b"a\xe2\x82"]), [b"a"]);
    }
}
