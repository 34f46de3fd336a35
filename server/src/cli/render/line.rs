//! A line of output as spans with a tone each, and the wrapping of text into lines.
//!
//! Invariant: no control character gets into a span, so a painted line is one line and holds no escape but our own. What
//! would turn or hide text without being seen is shown by its number.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::document::is_hidden;

/// How a span is meant; `paint` turns it into a colour, or into nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Bold.
    Strong,
    /// Of less weight: times, rules, gutters.
    Faint,
    /// Went well.
    Good,
    /// Went wrong.
    Bad,
    /// Wants attention.
    Warn,
    /// Informs.
    Note,
    /// Code, paths, commands.
    Code,
    /// Who.
    Name,
}

impl Tone {
    fn sgr(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Good => "32",
            Self::Bad => "1;31",
            Self::Warn => "33",
            Self::Note => "34",
            Self::Code => "36",
            Self::Name => "1;35",
        }
    }
}

/// A line of spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    spans: Vec<(Tone, String)>,
}

impl Line {
    /// Makes an empty line.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a line of plain text.
    pub fn plain(text: impl AsRef<str>) -> Self {
        Self::new().with(Tone::Plain, text)
    }

    /// Adds a span. Control characters in it become spaces.
    #[must_use]
    pub fn with(mut self, tone: Tone, text: impl AsRef<str>) -> Self {
        self.push(tone, text);
        self
    }

    /// Adds a span. Control characters in it become spaces.
    pub fn push(&mut self, tone: Tone, text: impl AsRef<str>) {
        let mut shown = String::with_capacity(text.as_ref().len());
        for it in text.as_ref().chars() {
            match it {
                _ if it.is_control() => shown.push(' '),
                _ if is_hidden(it) => {
                    let _ = write!(shown, "\u{27e8}U+{:04X}\u{27e9}", it as u32);
                }
                _ => shown.push(it),
            }
        }
        let text = shown;
        if text.is_empty() {
            return;
        }
        match self.spans.last_mut() {
            Some((last, before)) if *last == tone => before.push_str(&text),
            _ => self.spans.push((tone, text)),
        }
    }

    /// Adds the spans of another line.
    pub fn append(&mut self, other: &Self) {
        for (tone, text) in &other.spans {
            self.push(*tone, text);
        }
    }

    /// Returns the line with the spans of another behind its own.
    #[must_use]
    pub fn joined(mut self, other: &Self) -> Self {
        self.append(other);
        self
    }

    /// Returns how many columns it takes.
    pub fn width(&self) -> usize {
        self.spans.iter().map(|(_, text)| text.width()).sum()
    }

    /// Returns its text.
    pub fn text(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Returns its text with colour where that is wanted, without a line feed and without spaces at its end.
    pub fn paint(&self, color: bool) -> String {
        let mut painted = String::new();
        for (tone, text) in &self.spans {
            if color && *tone != Tone::Plain {
                painted.push_str("\x1b[");
                painted.push_str(tone.sgr());
                painted.push('m');
                painted.push_str(text);
                painted.push_str("\x1b[0m");
            } else {
                painted.push_str(text);
            }
        }
        painted.truncate(painted.trim_end_matches(' ').len());
        painted
    }

    /// Returns the line cut to `width` columns, with `…` at its end where something was cut.
    #[must_use]
    pub fn cut(&self, width: usize) -> Self {
        if self.width() <= width {
            return self.clone();
        }
        let mut cut = Self::new();
        let mut left = width.saturating_sub(1);
        for (tone, text) in &self.spans {
            let mut part = String::new();
            for it in text.chars() {
                let columns = it.width().unwrap_or(0);
                if columns > left {
                    cut.push(*tone, &part);
                    cut.push(Tone::Faint, if width == 0 { "" } else { "…" });
                    return cut;
                }
                left -= columns;
                part.push(it);
            }
            cut.push(*tone, &part);
        }
        cut
    }

    /// Returns the line broken at spaces into lines of at most `width` columns. The first begins with `first`, the others
    /// with `rest`; a word that is longer than a line is broken anywhere. What fits on one line keeps its spaces.
    pub fn wrap(&self, width: usize, first: &Line, rest: &Line) -> Vec<Self> {
        if first.width() + self.width() <= width {
            return vec![first.clone().joined(self)];
        }
        // A terminal of no width still gets a letter a line rather than an endless loop.
        let room = width.max(rest.width().max(first.width()) + 8);
        let mut lines = Vec::new();
        let mut line = first.clone();
        let mut fresh = true;
        for word in self.words() {
            let gap = usize::from(!fresh);
            if !fresh && line.width() + gap + word.width() > room {
                lines.push(std::mem::replace(&mut line, rest.clone()));
                fresh = true;
            }
            if !fresh {
                line.push(Tone::Plain, " ");
            }
            fresh = false;
            for (tone, text) in &word.spans {
                let mut part = String::new();
                let mut columns = line.width();
                for it in text.chars() {
                    let wide = it.width().unwrap_or(0);
                    if columns + wide > room {
                        line.push(*tone, &part);
                        part.clear();
                        lines.push(std::mem::replace(&mut line, rest.clone()));
                        columns = line.width();
                    }
                    part.push(it);
                    columns += wide;
                }
                line.push(*tone, &part);
            }
        }
        lines.push(line);
        lines
    }

    /// Returns the words between spaces, each with its tones.
    fn words(&self) -> Vec<Self> {
        let mut words = Vec::new();
        let mut word = Self::new();
        for (tone, text) in &self.spans {
            let mut parts = text.split(' ');
            word.push(*tone, parts.next().unwrap_or(""));
            for part in parts {
                if !word.spans.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                word.push(*tone, part);
            }
        }
        if !word.spans.is_empty() {
            words.push(word);
        }
        words
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}

/// Returns how many columns a text takes.
pub fn columns(text: &str) -> usize {
    text.width()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::render::text;

    #[test]
    fn colour_is_painted_only_where_it_is_wanted() {
        let line = Line::new().with(Tone::Bad, "error").with(Tone::Plain, ": no");
        assert_eq!(line.paint(false), "error: no");
        assert_eq!(line.paint(true), "\x1b[1;31merror\x1b[0m: no");
    }

    #[test]
    fn text_wraps_at_words_and_breaks_what_does_not_fit() {
        let line = Line::plain("one two ").with(Tone::Code, "three").with(Tone::Plain, ", abcdefghijklmnopqrstuvwxyz");
        let lines = line.wrap(14, &"- ".into(), &"  ".into());
        insta::assert_snapshot!(text(&lines), @r"
        - one two
          three,
          abcdefghijkl
          mnopqrstuvwx
          yz
        ");
    }

    #[test]
    fn wide_characters_count_as_two_columns() {
        let line = Line::plain("表示表示表示");
        assert_eq!(line.width(), 12);
        assert_eq!(line.cut(7).text(), "表示表…");
        assert!(line.wrap(4, &Line::new(), &Line::new()).iter().all(|it| it.width() <= 8));
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let line = Line::plain("a\x1b[2J\nb\u{9b}c\r");
        assert!(!line.paint(true).contains(['\x1b', '\n', '\r', '\u{9b}']));
    }
}
