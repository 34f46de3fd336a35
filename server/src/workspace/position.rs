//! Places in a text: lines and characters as editors count them, bytes as Rust does, and what an edit does to both.
//!
//! Pure. A place outside of the text is held at the nearest one inside, so nothing that a client sends can fail here.

/// What a client counts within a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of 16 bits: the protocol's default.
    Utf16,
}

impl Encoding {
    fn width(self, it: char) -> u32 {
        u32::try_from(if self == Self::Utf8 { it.len_utf8() } else { it.len_utf16() }).unwrap_or(1)
    }
}

/// A line and a character in it, both from 0.
pub type Position = (u32, u32);

/// From a position to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub start: Position,
    /// The one behind the last.
    pub end: Position,
    /// What they count.
    pub encoding: Encoding,
}

/// A change as a client tells it; without a span the text is the whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced.
    pub span: Option<Span>,
    /// By what.
    pub text: String,
}

/// A change in bytes: `start..end` of the old text became `length` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splice {
    /// First byte.
    pub start: usize,
    /// Byte behind the last, in the old text.
    pub end: usize,
    /// How many bytes took their place.
    pub length: usize,
}

/// Makes a change to a text.
pub fn apply(text: &mut String, edit: &Edit) -> Splice {
    let (start, end) = match &edit.span {
        None => (0, text.len()),
        Some(span) => {
            let start = offset(text, span.start, span.encoding);
            (start, offset(text, span.end, span.encoding).max(start))
        }
    };
    let splice = splice(start, &text[start..end], &edit.text);
    text.replace_range(start..end, &edit.text);
    splice
}

/// Returns what really is another where `new` takes the place of `old`: many clients send a whole line, or a whole file, for
/// one character of it, and what stands around that stays in place.
pub fn splice(start: usize, old: &str, new: &str) -> Splice {
    let alike = |it: &(char, char)| it.0 == it.1;
    let front: usize = old.chars().zip(new.chars()).take_while(alike).map(|it| it.0.len_utf8()).sum();
    let (old, new) = (&old[front..], &new[front..]);
    let back: usize = old.chars().rev().zip(new.chars().rev()).take_while(alike).map(|it| it.0.len_utf8()).sum();
    Splice { start: start + front, end: start + front + old.len() - back, length: new.len() - back }
}

/// Returns where each line begins and ends, its end of line left out. There is always one more than there are line ends.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, usize)> + '_ {
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let rest = &text.as_bytes()[start..];
        let Some(length) = rest.iter().position(|it| matches!(it, b'\n' | b'\r')) else {
            next = None;
            return Some((start, text.len()));
        };
        let ending = if rest[length..].starts_with(b"\r\n") { 2 } else { 1 };
        next = Some(start + length + ending);
        Some((start, start + length))
    })
}

/// Returns the byte at a position.
pub fn offset(text: &str, (line, character): Position, encoding: Encoding) -> usize {
    let Some((start, end)) = lines(text).nth(line as usize) else { return text.len() };
    let mut left = character;
    for (at, it) in text[start..end].char_indices() {
        let width = encoding.width(it);
        // Within a character counts as before it.
        if left < width {
            return start + at;
        }
        left -= width;
    }
    end
}

/// Returns a byte, or the first one of the character that it is within.
pub fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0)
}

/// Returns the position of a byte.
pub fn position(text: &str, offset: usize, encoding: Encoding) -> Position {
    let mut found = (0, 0);
    for (number, (start, end)) in lines(text).enumerate() {
        if start > offset {
            break;
        }
        let line = u32::try_from(number).unwrap_or(u32::MAX);
        let upto = floor(text, offset.min(end));
        found = (line, text[start..upto.max(start)].chars().map(|it| encoding.width(it)).sum());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "aä\r\n€😀x\n\rlast";

    #[test]
    fn positions_count_what_the_client_counts() {
        for (encoding, at, byte) in [
            (Encoding::Utf8, (0, 1), 1),
            (Encoding::Utf8, (0, 3), 3),
            (Encoding::Utf16, (0, 2), 3),
            (Encoding::Utf16, (1, 1), 8),
            (Encoding::Utf8, (1, 3), 8),
            (Encoding::Utf16, (1, 3), 12),
            (Encoding::Utf8, (1, 7), 12),
            (Encoding::Utf16, (3, 4), 19),
        ] {
            assert_eq!(offset(TEXT, at, encoding), byte, "{at:?} in {encoding:?}");
            assert_eq!(position(TEXT, byte, encoding), at, "{byte} in {encoding:?}");
        }
    }

    #[test]
    fn a_position_outside_is_held_inside() {
        assert_eq!(offset(TEXT, (0, 99), Encoding::Utf16), 3, "behind the line's end is its end");
        assert_eq!(offset(TEXT, (99, 0), Encoding::Utf16), TEXT.len());
        // In the middle of a surrogate pair, or of a character's bytes.
        assert_eq!(offset(TEXT, (1, 2), Encoding::Utf16), 8);
        assert_eq!(offset(TEXT, (0, 2), Encoding::Utf8), 1);
        assert_eq!(position(TEXT, 9, Encoding::Utf16), (1, 1));
        assert_eq!(position("", 5, Encoding::Utf16), (0, 0));
        assert_eq!(offset("", (0, 0), Encoding::Utf8), 0);
    }

    #[test]
    fn lines_end_in_three_ways() {
        let found: Vec<&str> = lines("a\nb\r\nc\rd\n").map(|(start, end)| &"a\nb\r\nc\rd\n"[start..end]).collect();
        assert_eq!(found, ["a", "b", "c", "d", ""]);
    }

    #[test]
    fn edits_are_taken_where_the_client_means_them() {
        let mut text = TEXT.to_owned();
        let span = |start, end| Some(Span { start, end, encoding: Encoding::Utf16 });
        let splice = apply(&mut text, &Edit { span: span((1, 1), (1, 3)), text: "--".to_owned() });
        assert_eq!((text.as_str(), splice), ("aä\r\n€--x\n\rlast", Splice { start: 8, end: 12, length: 2 }));
        // An end before the start replaces nothing.
        apply(&mut text, &Edit { span: span((1, 0), (0, 0)), text: "^".to_owned() });
        assert_eq!(text, "aä\r\n^€--x\n\rlast");
        let whole = apply(&mut text, &Edit { span: None, text: "aä\r\n€-x\n\rlast".to_owned() });
        assert_eq!((text.as_str(), whole), ("aä\r\n€-x\n\rlast", Splice { start: 5, end: 10, length: 3 }));
    }
}
