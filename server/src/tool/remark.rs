//! What a linter says, in one form: the finding, and the edits by which the linter itself would fix it.
//!
//! Pure. Knows no linter; every parser gives these.

use std::{collections::BTreeSet, ops::Range};

use super::text;
use crate::finding::{FindingDraft, Place, Severity};

/// How many findings a result holds at most.
pub const MOST: usize = 200;

/// The longest text of one finding, in bytes.
const LONGEST: usize = 2_000;

/// One thing that a linter says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The finding.
    pub draft: FindingDraft,
    /// What the linter can do about it.
    pub fix: Fix,
}

impl Remark {
    /// Returns whether it says that the code can't be compiled or read at all: not a rule's opinion, and a reason why the
    /// linter may not have looked at the rest.
    pub fn is_breakage(&self) -> bool {
        self.draft.severity == Severity::Error
            && self.draft.code.as_deref().is_none_or(|code| {
                code.starts_with("rustc::E") || ["ruff::invalid-syntax", "eslint::parse", "go", "make"].contains(&code)
            })
    }
}

/// What a linter can do about what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Nothing.
    None,
    /// It has a suggestion that it does not call safe.
    Unsafe,
    /// It calls these safe; all of them or none are to be applied.
    Edits(Vec<Edit>),
}

/// A piece of a file and what is to stand in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The file, from the root.
    pub path: String,
    /// The piece.
    pub span: Span,
    /// What is to stand there.
    pub text: String,
}

/// A piece of a text, in the way in which its linter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Bytes from the start.
    Bytes(usize, usize),
    /// UTF-16 units from the start, a byte order mark not counted.
    Utf16(usize, usize),
    /// Lines and columns from 1, columns in characters; the end is behind the last character.
    Places((u32, u32), (u32, u32)),
    /// The whole.
    All,
}

impl Span {
    /// Returns the bytes of `text` that are meant; `None` where the span does not fit the text.
    pub fn resolve(self, text: &str) -> Option<Range<usize>> {
        let range = match self {
            Self::Bytes(start, end) => start..end,
            Self::Utf16(start, end) => utf16_offset(text, start)?..utf16_offset(text, end)?,
            Self::Places(start, end) => place_offset(text, start)?..place_offset(text, end)?,
            Self::All => 0..text.len(),
        };
        text.get(range.clone()).map(|_| range)
    }
}

fn utf16_offset(text: &str, units: usize) -> Option<usize> {
    let mark = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut left = units;
    for (offset, it) in text[mark..].char_indices() {
        if left == 0 {
            return Some(mark + offset);
        }
        left = left.checked_sub(it.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

fn place_offset(text: &str, (line, column): (u32, u32)) -> Option<usize> {
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n')? + 1;
    }
    let rest = &text[start..];
    let columns = usize::try_from(column.checked_sub(1)?).ok()?;
    let end = rest.find('\n').unwrap_or(rest.len());
    match rest[..end].char_indices().nth(columns) {
        Some((offset, _)) => Some(start + offset),
        None => (rest[..end].chars().count() == columns).then_some(start + end),
    }
}

/// Puts remarks in the form of a result: only those in `paths` and what keeps the linter from looking, each once, most severe first, with the line that they
/// speak of. `read` gives a file's text.
pub fn tidy(remarks: Vec<Remark>, paths: &[String], read: &dyn Fn(&str) -> Option<String>) -> Vec<Remark> {
    let mut seen = BTreeSet::new();
    let mut kept: Vec<Remark> = remarks
        .into_iter()
        .filter(|it| {
            it.is_breakage() || it.draft.place.as_ref().is_none_or(|place| text::is_within(&place.path, paths))
        })
        .filter(|it| seen.insert((it.draft.place.clone(), it.draft.code.clone(), it.draft.text.clone())))
        .collect();
    kept.sort_by(|a, b| (a.draft.severity, &a.draft.place).cmp(&(b.draft.severity, &b.draft.place)));
    let mut file: (String, Option<String>) = (String::new(), None);
    for Remark { draft, .. } in &mut kept {
        draft.text = text::head(text::plain(&draft.text).trim(), LONGEST);
        draft.suggestion = draft.suggestion.take().map(|it| text::head(text::plain(&it).trim(), LONGEST));
        if let Some(place) = &draft.place {
            if file.0 != place.path {
                file = (place.path.clone(), read(&place.path));
            }
            draft.excerpt = file.1.as_deref().and_then(|it| excerpt(it, place));
        }
    }
    kept
}

fn excerpt(text: &str, place: &Place) -> Option<String> {
    let line = text.lines().nth(usize::try_from(place.line.checked_sub(1)?).ok()?)?;
    Some(text::head(line, 400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_count_as_their_linters_do() {
        let text = "ü😀a\nbc\n";
        assert_eq!(Span::Utf16(3, 4).resolve(text).map(|it| &text[it]), Some("a"));
        assert_eq!(Span::Utf16(2, 3).resolve(text), None, "inside a surrogate pair");
        assert_eq!(Span::Places((1, 3), (2, 2)).resolve(text).map(|it| &text[it]), Some("a\nb"));
        assert_eq!(Span::Places((2, 3), (3, 1)).resolve(text).map(|it| &text[it]), Some("\n"));
        assert_eq!(Span::Places((2, 9), (3, 1)).resolve(text), None);
        assert_eq!(Span::Bytes(1, 2).resolve(text), None, "inside a character");
        assert_eq!(Span::Bytes(9, 2).resolve(text), None);
        assert_eq!(Span::Utf16(0, 1).resolve("\u{feff}x").map(|it| &"\u{feff}x"[it]), Some("x"));
    }

    #[test]
    fn remarks_are_material_first_once_and_only_where_asked() {
        let remark = |path: &str, line, severity| Remark {
            draft: FindingDraft {
                id: None,
                place: Some(Place { path: path.to_owned(), line, column: 1, end_line: None, end_column: None }),
                severity,
                code: Some("c".to_owned()),
                text: "\u{1b}[1mtext\u{1b}[0m".to_owned(),
                suggestion: None,
                excerpt: None,
            },
            fix: Fix::None,
        };
        let all = vec![
            remark("a.rs", 2, Severity::Hint),
            remark("a.rs", 1, Severity::Error),
            remark("a.rs", 1, Severity::Error),
            remark("b.rs", 1, Severity::Error),
        ];
        let kept = tidy(all, &["a.rs".to_owned()], &|_| Some("one\ntwo".to_owned()));
        let shown: Vec<_> = kept.iter().map(|it| (it.draft.text.as_str(), it.draft.excerpt.as_deref())).collect();
        assert_eq!(shown, [("text", Some("one")), ("text", Some("two"))]);
    }
}
