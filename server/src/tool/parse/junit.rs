//! The `JUnit` XML that pytest writes: only what such a file has — elements, attributes, text, the five entities.

use super::{Base, Tally};
use crate::finding::Place;

/// Reads a report; `None` where it is not one.
pub fn read(xml: &str, base: Base<'_>) -> Option<Tally> {
    if !xml.contains("<testsuite") {
        return None;
    }
    let mut tally = Tally::default();
    let mut case: Option<Case> = None;
    for token in (Tokens { rest: xml }) {
        match token {
            Token::Open { name: "testcase", attributes, closed } => {
                let new = Case::new(attributes);
                if closed { new.close(&mut tally, base) } else { case = Some(new) }
            }
            Token::Open { name: name @ ("failure" | "error" | "skipped"), attributes, closed } => {
                if let Some(case) = &mut case {
                    let message = attribute(attributes, "message").unwrap_or_default();
                    case.outcomes.push((name == "skipped", message, String::new()));
                    case.inside = !closed;
                }
            }
            Token::Close("failure" | "error" | "skipped") => {
                if let Some(case) = &mut case {
                    case.inside = false;
                }
            }
            Token::Close("testcase") => {
                if let Some(case) = case.take() {
                    case.close(&mut tally, base);
                }
            }
            Token::Text(text) => {
                if let Some(case) = &mut case
                    && case.inside
                    && let Some((_, _, said)) = case.outcomes.last_mut()
                    && said.len() < (64 << 10)
                {
                    said.push_str(&unescape(text));
                }
            }
            _ => {}
        }
    }
    Some(tally)
}

struct Case {
    name: String,
    file: Option<String>,
    line: Option<u32>,
    /// Of each outcome: whether it is a skip, its message, its text.
    outcomes: Vec<(bool, String, String)>,
    inside: bool,
}

impl Case {
    fn new(attributes: &str) -> Self {
        let class = attribute(attributes, "classname").unwrap_or_default();
        let name = attribute(attributes, "name").unwrap_or_default();
        Self {
            name: if class.is_empty() { name } else { format!("{class}.{name}") },
            file: attribute(attributes, "file"),
            line: attribute(attributes, "line").and_then(|it| it.parse().ok()),
            outcomes: Vec::new(),
            inside: false,
        }
    }

    fn close(self, tally: &mut Tally, base: Base<'_>) {
        let bad: Vec<_> = self.outcomes.iter().filter(|(skipped, ..)| !skipped).collect();
        let (Some((_, message, first)), Some((_, _, last))) = (bad.first(), bad.last()) else {
            if self.outcomes.is_empty() {
                tally.passed += 1;
            } else {
                tally.skipped += 1;
            }
            return;
        };
        // The last place of the trace that is the project's is where it broke.
        let place = last.lines().rev().chain(first.lines().rev()).find_map(|it| base.place(it)).or_else(|| {
            let path = base.path(self.file.as_deref()?)?;
            let line = self.line.unwrap_or(0).saturating_add(1);
            Some(Place { path, line, column: 1, end_line: None, end_column: None })
        });
        let text = if first.trim().is_empty() { message.clone() } else { format!("{message}\n{first}") };
        tally.fail(self.name, place, &text);
    }
}

enum Token<'a> {
    Open { name: &'a str, attributes: &'a str, closed: bool },
    Close(&'a str),
    Text(&'a str),
}

struct Tokens<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        'tokens: loop {
            if self.rest.is_empty() {
                return None;
            }
            let Some(tag) = self.rest.strip_prefix('<') else {
                let end = self.rest.find('<').unwrap_or(self.rest.len());
                let (text, rest) = self.rest.split_at(end);
                self.rest = rest;
                return Some(Token::Text(text));
            };
            for (start, end) in [("![CDATA[", "]]>"), ("!--", "-->")] {
                if let Some(inner) = tag.strip_prefix(start) {
                    // Rare enough that its text may pass as it is, entities and all.
                    let (text, rest) = inner.split_once(end)?;
                    self.rest = rest;
                    if start.starts_with("![") {
                        return Some(Token::Text(text));
                    }
                    continue 'tokens;
                }
            }
            let end = end_of_tag(tag)?;
            let body = &tag[..end];
            self.rest = &tag[end + 1..];
            if let Some(name) = body.strip_prefix('/') {
                return Some(Token::Close(name.trim()));
            }
            if body.starts_with(['?', '!']) {
                continue;
            }
            let closed = body.ends_with('/');
            let body = body.trim_end_matches('/');
            let (name, attributes) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
            return Some(Token::Open { name, attributes, closed });
        }
    }
}

/// Returns where a tag's `>` is, outside of quotes.
fn end_of_tag(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.bytes().position(|it| match (quote, it) {
        (None, b'>') => true,
        (None, b'"' | b'\'') => {
            quote = Some(it);
            false
        }
        (Some(open), it) if open == it => {
            quote = None;
            false
        }
        _ => false,
    })
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    let mut rest = attributes.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let quote = after.chars().next().filter(|it| *it == '"' || *it == '\'')?;
        let (value, after) = after[1..].split_once(quote)?;
        if key.trim() == name {
            return Some(unescape(value));
        }
        rest = after.trim_start();
    }
    None
}

fn unescape(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        clean.push_str(&rest[..at]);
        let entity = rest[at + 1..].split_once(';').filter(|(name, _)| name.len() <= 8);
        let known = entity.and_then(|(name, after)| {
            let it = match name {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                "apos" => '\'',
                _ => match name.strip_prefix("#x") {
                    Some(hex) => char::from_u32(u32::from_str_radix(hex, 16).ok()?)?,
                    None => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
                },
            };
            Some((it, after))
        });
        let (it, after) = known.unwrap_or(('&', &rest[at + 1..]));
        clean.push(it);
        rest = after;
    }
    clean + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show_tally};

    const REPORT: &str = include_str!("../../../../tests/fixtures/tools/pytest.xml");

    #[test]
    fn pytest_is_read() {
        insta::assert_snapshot!(show_tally(&read(REPORT, BASE).unwrap()), @r#"
        2 passed, 5 failed, 1 skipped
        test_broken @ test_broken.py:1: collection failure
        test_stats.test_none @ app/stats.py:10: ZeroDivisionError: division by zero
        test_stats.test_param[2] @ test_stats.py:23: AssertionError: n is <not> 1 & "bad"
        test_stats.test_setup @ test_stats.py:28: failed on setup with "RuntimeError: no fixture"
        test_stats.TestCase.test_in_class @ test_stats.py:37: AssertionError: 1 != 2
        "#);
    }

    #[test]
    fn xml_of_other_writers_is_read() {
        let xml = "<testsuite><testcase name='a>b'><failure><![CDATA[x < y]]></failure></testcase><!-- <testcase/> --><testcase name='&#65;&bogus;&'/></testsuite>";
        let tally = read(xml, BASE).unwrap();
        assert_eq!((tally.passed, tally.failed), (1, 1));
        assert_eq!((tally.failures[0].name.as_str(), tally.failures[0].message.as_str()), ("a>b", "x < y"));
        assert_eq!(unescape("&#65;&bogus;& &amp;"), "A&bogus;& &");
        assert_eq!(read("", BASE), None);
    }

    #[test]
    fn nothing_in_a_report_breaks_it() {
        batter(REPORT, &|it| drop(read(it, BASE)));
        let empty = "<testsuite>".to_owned() + &"<!---->".repeat(200_000);
        assert_eq!(read(&empty, BASE), Some(Tally::default()));
    }
}
