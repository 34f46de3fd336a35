//! The small values of a profile that are more than text: durations, patterns, keys.
//!
//! Each is checked while the file is read, so that a mistake is reported with its place. Knows nothing of files.

use std::{borrow::Cow, fmt, str::FromStr};

use regex::{Regex, RegexBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, de::Error as _};

/// A length of time as people write it: `500ms`, `30s`, `10m`, `2h`; `none` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Option<u64>);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = match unit {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        number
            .parse::<u64>()
            .ok()
            .zip(factor)
            .and_then(|(number, factor)| number.checked_mul(factor))
            .map(|milliseconds| Self(Some(milliseconds)))
            .ok_or_else(|| {
                format!(
                    "{text:?} is not a length of time: write a whole number and ms, s, m or h (\"30s\"), or \"none\""
                )
            })
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^([0-9]+(ms|s|m|h)|none)$" })
    }
}

/// A regular expression, compiled when the profile is read. `^` and `$` match at each line.
#[derive(Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles `text`. Its size is bounded, and matching is linear in what is searched.
    pub fn new(text: &str) -> Result<Self, String> {
        RegexBuilder::new(text)
            .multi_line(true)
            .size_limit(1 << 20)
            .build()
            .map(Self)
            .map_err(|err| format!("{text:?} is not a regular expression: {err}"))
    }

    /// Returns whether it is found in `text`.
    pub fn is_in(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// Returns what it matches in `text`, the first time.
    pub fn find<'a>(&self, text: &'a str) -> Option<&'a str> {
        self.0.find(text).map(|it| it.as_str())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.0.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl JsonSchema for Pattern {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Pattern".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "format": "regex" })
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A key that is pressed in a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Key {
    /// Escape.
    Esc,
    /// Ctrl-C.
    CtrlC,
    /// Ctrl-U: empties an input line.
    CtrlU,
    /// Ctrl-D.
    CtrlD,
}

impl Key {
    /// Returns what the key sends.
    pub fn text(self) -> &'static str {
        match self {
            Self::Esc => "\u{1b}",
            Self::CtrlC => "\u{3}",
            Self::CtrlU => "\u{15}",
            Self::CtrlD => "\u{4}",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_with_their_unit_and_refused_without() {
        assert_eq!("500ms".parse(), Ok(Span(Some(500))));
        assert_eq!("2h".parse(), Ok(Span(Some(7_200_000))));
        assert_eq!("none".parse(), Ok(Span(None)));
        for bad in ["", "5", "s", "5 s", "-1s", "1.5s", "99999999999999999999s", "18446744073709551615h"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn patterns_match_by_line_and_bad_ones_say_why() {
        let pattern = Pattern::new("^ready$").unwrap();
        assert!(pattern.is_in("x\nready\ny"));
        assert!(!pattern.is_in("not ready"));
        assert!(Pattern::new("(").unwrap_err().contains("regular expression"));
    }
}
