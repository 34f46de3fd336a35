//! From a place in a template's text to its place in the YAML that holds it.
//!
//! YAML changes text: a block loses its indentation, a folded line its break, a quoted one its escapes. The two are walked
//! side by side once; where they can't be matched, everything is at the scalar's start.

use std::ops::Range;

use crate::workflow::{file::At, problem::floor};

/// Maps byte ranges of a scalar's value to byte ranges of the file.
pub struct Map {
    /// For each byte of the value, and one behind it, its offset in the file.
    offsets: Option<Vec<usize>>,
    whole: Range<usize>,
}

impl Map {
    /// Walks a scalar.
    pub fn new(scalar: &At<String>, text: &str) -> Self {
        let raw = text.get(scalar.at.clone()).unwrap_or_default();
        let offsets =
            quoted(&scalar.value, raw, scalar.at.start).or_else(|| plain(&scalar.value, raw, scalar.at.start));
        Self { offsets, whole: scalar.at.clone() }
    }

    /// Returns where a range of the value stands in the file.
    pub fn range(&self, range: &Range<usize>) -> Range<usize> {
        let Some(offsets) = &self.offsets else { return self.whole.clone() };
        let at = |index: usize| offsets.get(index).copied();
        let start = at(range.start).unwrap_or(self.whole.end);
        // The end is behind the last byte, not before the next: a line break may stand between the two.
        let end = match range.end.checked_sub(1).filter(|last| *last >= range.start).and_then(at) {
            Some(last) => last + 1,
            None => start,
        };
        start..end.max(start)
    }
}

/// Matches a block or plain scalar: the same characters, with other white space.
fn plain(value: &str, raw: &str, start: usize) -> Option<Vec<usize>> {
    let mut offsets = Vec::with_capacity(value.len() + 1);
    let mut at = 0;
    for it in value.chars() {
        loop {
            let next = raw[at..].chars().next();
            let Some(next) = next else {
                // What is left of the value is line breaks that the file's end stands for.
                if it == '\n' {
                    break;
                }
                return None;
            };
            if next == it {
                break;
            }
            // A space may stand for a line break and indentation, and either may have been taken away.
            if !next.is_whitespace() {
                if it == ' ' || it == '\n' {
                    break;
                }
                return None;
            }
            at += next.len_utf8();
        }
        let len = raw[at..].chars().next().filter(|next| *next == it).map_or(0, char::len_utf8);
        offsets.extend((0..it.len_utf8()).map(|byte| start + at + byte.min(len)));
        at += len;
    }
    offsets.push(start + at);
    Some(offsets)
}

/// Matches a quoted scalar.
fn quoted(value: &str, raw: &str, start: usize) -> Option<Vec<usize>> {
    let quote = raw.chars().next().filter(|it| *it == '"' || *it == '\'')?;
    if raw.len() < 2 || !raw.ends_with(quote) {
        return None;
    }
    let inner = &raw[1..raw.len() - 1];
    let mut offsets = Vec::with_capacity(value.len() + 1);
    let mut at = 0;
    for it in value.chars() {
        loop {
            let rest = &inner[at..];
            let (len, stands_for) = unit(rest, quote)?;
            let same = stands_for == Some(it);
            let folded = (it == ' ' || it == '\n') && rest.starts_with(['\n', ' ', '\r']);
            if same || folded {
                offsets.extend(std::iter::repeat_n(start + 1 + at, it.len_utf8()));
                if it.len_utf8() > 1 && len == it.len_utf8() {
                    let first = offsets.len() - it.len_utf8();
                    for byte in 1..it.len_utf8() {
                        offsets[first + byte] += byte;
                    }
                }
                at += len;
                break;
            }
            // Indentation of a continued line, or an escaped line break.
            if stands_for.is_some_and(|next| !next.is_whitespace()) {
                return None;
            }
            at += len;
        }
    }
    offsets.push(start + 1 + at);
    Some(offsets)
}

/// Returns the length of the next unit of a quoted scalar and the character that it stands for, where that is one.
fn unit(rest: &str, quote: char) -> Option<(usize, Option<char>)> {
    let first = rest.chars().next()?;
    if quote == '\'' {
        return Some(if rest.starts_with("''") { (2, Some('\'')) } else { (first.len_utf8(), Some(first)) });
    }
    if first != '\\' {
        return Some((first.len_utf8(), Some(first)));
    }
    let code = rest[1..].chars().next()?;
    let number = |digits: usize| {
        let value = rest.get(2..2 + digits).and_then(|it| u32::from_str_radix(it, 16).ok());
        (floor(rest, 2 + digits), value.and_then(char::from_u32))
    };
    Some(match code {
        'n' => (2, Some('\n')),
        't' | '\t' => (2, Some('\t')),
        'r' => (2, Some('\r')),
        '0' => (2, Some('\0')),
        'a' => (2, Some('\u{7}')),
        'b' => (2, Some('\u{8}')),
        'v' => (2, Some('\u{b}')),
        'f' => (2, Some('\u{c}')),
        'e' => (2, Some('\u{1b}')),
        'N' => (2, Some('\u{85}')),
        '_' => (2, Some('\u{a0}')),
        'L' => (2, Some('\u{2028}')),
        'P' => (2, Some('\u{2029}')),
        'x' => number(2),
        'u' => number(4),
        'U' => number(8),
        '\n' => (2, None),
        other => (1 + other.len_utf8(), Some(other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{problem::Problems, tree};

    /// Finds `what` in the value of the scalar at `a:`, and returns what stands in the file at its place.
    fn found<'a>(text: &'a str, what: &str) -> &'a str {
        let node = tree::read(text, &mut Problems::new(text)).expect("YAML");
        let tree::Value::Map(map) = node.value else { unreachable!("a mapping") };
        let (_, node) = map.into_iter().next().expect("an entry");
        let tree::Value::Scalar(_, value) = node.value else { unreachable!("a scalar") };
        let start = value.find(what).expect("in the value");
        &text[Map::new(&At::new(value.clone(), node.at), text).range(&(start..start + what.len()))]
    }

    #[test]
    fn a_place_is_found_in_every_kind_of_scalar() {
        for text in [
            "a: one {{ x }} two\n",
            "a: ünë {{ x }}\n",
            "a: |\n  one\n    two\n\n  three {{ x }}\n",
            "a: |2-\n    one\n   {{ x }}\n",
            "a: |+\n  one\n\n  {{ x }}\n\n\nb: 1\n",
            "a: >-\n  one\n  two\n\n  three\n     four\n  {{ x }}",
            "a: \"q \\\" \\n \\u00fc {{ x }}\"\n",
            "a: \"one\n  two \\\n  three {{ x }}\"\n",
            "a: 'it''s ü {{ x }}'\n",
            "a: one\n  two {{ x }}\n",
            "a: |\n  \"quoted\" {{ x }} \"\n",
        ] {
            assert_eq!(found(text, "{{ x }}"), "{{ x }}", "{text:?}");
        }
    }

    #[test]
    fn a_range_over_a_folded_break_takes_the_break_in() {
        assert_eq!(found("a: >-\n  one\n  two three\n", "one two"), "one\n  two");
    }
}
