//! Addressing: whom a message speaks to, and the limits that keep agents from talking for ever.
//!
//! Pure text in, names out. What follows from a message is the hub's to decide.

pub mod command;
pub mod compose;

use crate::ids::{AgentName, FindingId};

/// How many agents may pass the word on after a person last spoke (design §7).
pub const HOP_LIMIT: u32 = 4;

/// How often one agent may wake the same other one after a person last spoke.
pub const PAIR_LIMIT: u32 = 3;

/// The channel that every workspace has.
pub const DEFAULT_CHANNEL: &str = "main";

/// The longest message, in bytes.
pub const MESSAGE_LIMIT: usize = 256 * 1024;

/// Whom a message speaks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mention {
    /// `@name`.
    One(AgentName),
    /// `@all`: everybody who takes part in the channel.
    All,
    /// `@others`: everybody who takes part and is not named in the message.
    Others,
}

/// Returns whom a message speaks to, in its order, each once. What stands in code is quoted, not spoken.
pub fn mentions(text: &str) -> Vec<Mention> {
    let mut found = Vec::new();
    for span in spoken(text) {
        let mut rest = span;
        let mut before = None;
        while let Some(at) = rest.find('@') {
            before = rest[..at].chars().next_back().or(before.filter(|_| at == 0));
            let tail = &rest[at + 1..];
            let end = tail
                .find(|it: char| !(it.is_ascii_lowercase() || it.is_ascii_digit() || it == '-' || it == '_'))
                .unwrap_or(tail.len());
            let name = tail[..end].trim_end_matches(['-', '_']);
            let after = tail[name.len()..].chars().next();
            // `ada@example.org`, `@types/node` and `@Name` are no mentions.
            let apart = before.is_none_or(|it| !it.is_alphanumeric() && !matches!(it, '@' | '/' | '.' | '_'));
            let whole = after.is_none_or(|it| !it.is_alphanumeric() && !matches!(it, '/' | '@'));
            if apart && whole && !name.is_empty() {
                let mention = match name {
                    "all" => Some(Mention::All),
                    "others" => Some(Mention::Others),
                    name => name.parse().ok().map(Mention::One),
                };
                if let Some(mention) = mention
                    && !found.contains(&mention)
                {
                    found.push(mention);
                }
            }
            before = Some('@');
            rest = tail;
        }
    }
    found
}

/// Returns words of the message that look like paths of the workspace: what a tool agent is asked to look at.
pub fn paths(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let around = |it: char| matches!(it, '`' | '"' | '\'' | '(' | ')' | ',' | ';' | ':' | '?' | '!');
    for word in text.split_whitespace() {
        let word = word.trim_start_matches(around).trim_end_matches(|it: char| it == '.' || around(it));
        let looks = !word.starts_with(['@', '#', '/', '-'])
            && !word.contains("://")
            && !word.contains("..")
            && (word.contains('/')
                || word.rsplit_once('.').is_some_and(|(stem, end)| {
                    !stem.is_empty() && (1..=5).contains(&end.len()) && end.chars().all(char::is_alphanumeric)
                }));
        if looks && word.len() < 512 && !found.iter().any(|it| it == word) {
            found.push(word.to_owned());
        }
    }
    found
}

/// Returns the findings that a message names outside of code: what an agent that fixes is asked to fix, and no other.
pub fn findings(text: &str) -> Vec<FindingId> {
    let mut found: Vec<FindingId> = Vec::new();
    for word in spoken(text).into_iter().flat_map(str::split_whitespace) {
        if let Ok(id) = word.trim_matches(|it: char| !it.is_ascii_alphanumeric()).parse()
            && !found.contains(&id)
        {
            found.push(id);
        }
    }
    found
}

/// Returns the parts of a message that are not code: outside of fences and of backticks.
fn spoken(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut fence: Option<(char, usize)> = None;
    for line in text.lines() {
        let bare = line.trim_start();
        let mark = bare.chars().next().filter(|it| matches!(it, '`' | '~'));
        let length = mark.map_or(0, |mark| bare.chars().take_while(|it| *it == mark).count());
        match (fence, mark) {
            (None, Some(mark)) if length >= 3 => fence = Some((mark, length)),
            (Some((open, least)), Some(mark)) if mark == open && length >= least => fence = None,
            (None, _) => parts.extend(line.split('`').step_by(2)),
            (Some(_), _) => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found: Vec<String> = mentions(text)
            .into_iter()
            .map(|it| match it {
                Mention::One(name) => name.as_str().to_owned(),
                Mention::All => "ALL".to_owned(),
                Mention::Others => "OTHERS".to_owned(),
            })
            .collect();
        assert_eq!(found.join(" "), expected, "{text:?}");
    }

    #[test]
    fn mentions_are_words_of_their_own() {
        check("@claude why?", "claude");
        check("hey @codex-2, and @claude.", "codex-2 claude");
        check("@claude @claude", "claude");
        check("(@tests)", "tests");
        check("@all then @others", "ALL OTHERS");
        check("@lint-", "lint");
    }

    #[test]
    fn addresses_packages_and_code_are_no_mentions() {
        check("ada@example.org", "");
        check("npm i @types/node", "");
        check("@@claude", "");
        check("`@claude` said", "");
        check("```\n@claude\n```\n@codex", "codex");
        check("~~~~\n@claude\n~~~\n@codex\n~~~~", "");
        check("@Claude @", "");
    }

    #[test]
    fn findings_are_words_outside_of_code() {
        let named: Vec<u64> =
            findings("@autofix fix f3, (f12) and f3. `f4` f5x\n```\nf6\n```").iter().map(|it| it.0).collect();
        assert_eq!(named, [3, 12]);
    }

    #[test]
    fn paths_are_words_that_look_like_them() {
        assert_eq!(paths("@lint look at src/lib.rs, and `main.py`. See https://x.org/a"), ["src/lib.rs", "main.py"]);
        assert!(paths("e.g. no ../../etc/passwd /etc/passwd i.e.").iter().all(|it| !it.contains("etc")));
    }
}
