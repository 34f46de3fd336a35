//! Takes secrets out of text before it is stored: the values that were given as secrets, and keys known by their shape.
//!
//! Pure: text in, text out. It can't know every secret; it is the last net under not storing them at all.

use std::{borrow::Cow, collections::BTreeSet, fmt, sync::OnceLock};

use regex::Regex;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// The shortest value that is taken out wherever it stands. A shorter one, such as `1` or `admin`, is in half of all texts.
const SHORTEST: usize = 8;
/// Longer values are taken out in pieces of this many bytes.
const PIECE: usize = 1024;
/// How far back from its end a text is searched for the beginning of a secret.
const LOOK_BACK: usize = 512;
/// The most bytes that are ever held back.
const HOLD_AT_MOST: usize = 8 * 1024;

/// The shapes: what a key begins with, and the pattern of what follows.
const SHAPES: &[(&str, &str)] = &[
    ("sk-", "[A-Za-z0-9_-]{20,}"),
    ("sk_live_", "[A-Za-z0-9]{16,}"),
    ("ghp_", "[A-Za-z0-9]{20,}"),
    ("gho_", "[A-Za-z0-9]{20,}"),
    ("ghu_", "[A-Za-z0-9]{20,}"),
    ("ghs_", "[A-Za-z0-9]{20,}"),
    ("ghr_", "[A-Za-z0-9]{20,}"),
    ("github_pat_", "[A-Za-z0-9_]{20,}"),
    ("glpat-", "[A-Za-z0-9_-]{20,}"),
    ("sgamp_", "[A-Za-z0-9_-]{20,}"),
    ("npm_", "[A-Za-z0-9]{30,}"),
    ("hf_", "[A-Za-z0-9]{30,}"),
    ("xoxa-", "[A-Za-z0-9-]{10,}"),
    ("xoxb-", "[A-Za-z0-9-]{10,}"),
    ("xoxp-", "[A-Za-z0-9-]{10,}"),
    ("AKIA", "[A-Z0-9]{16}"),
    ("ASIA", "[A-Z0-9]{16}"),
    ("AIza", "[A-Za-z0-9_-]{30,}"),
    ("eyJ", r"[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
];

const PEM: &str = "-----BEGIN ";
// First with its end line, whatever is between; else, where the end is cut off, all that can be part of a key.
const PEM_PATTERN: &str = r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:[\s\S]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY-----|(?:\s|\\[rn]|[A-Za-z0-9+/=]{16,})*)";

/// Why a redactor could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the {count} secrets are too many or too long to be looked for; pass fewer environment names to agents")]
pub struct TooManySecrets {
    count: usize,
}

/// Takes secrets out of text. Its `Debug` shows none.
#[derive(Clone)]
pub struct Redactor {
    pattern: Regex,
    values: Vec<String>,
}

impl Redactor {
    /// Makes one for these values and the known shapes. Values shorter than 8 bytes are not looked for.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Result<Self, TooManySecrets> {
        let mut values = BTreeSet::new();
        for secret in secrets {
            add(&mut values, secret.trim());
        }
        // The longest first: where one value begins with another, the whole of it goes.
        let mut values: Vec<String> = values.into_iter().collect();
        values.sort_by_key(|it| std::cmp::Reverse(it.len()));
        let shapes = SHAPES.iter().map(|(prefix, rest)| format!("{}{rest}", regex::escape(prefix)));
        let shapes = shapes.collect::<Vec<_>>().join("|");
        // A shape begins at a word's beginning (`task-…` is no key), which in JSON may stand after an escape: `\nsk-…`.
        let mut pattern = format!(r"(?:(?P<escape>\\[nrtbf])|(?-u:\b))(?:{shapes})|{PEM_PATTERN}");
        for value in &values {
            pattern = format!("{pattern}|{}", regex::escape(value));
        }
        let pattern = regex::RegexBuilder::new(&pattern)
            .size_limit(64 << 20)
            .build()
            .map_err(|_| TooManySecrets { count: values.len() })?;
        Ok(Self { pattern, values })
    }

    /// Makes a redactor for the values of an environment whose names say that they are secrets, and for the known shapes.
    pub fn of_environment(pairs: &[(String, String)]) -> Result<Self, TooManySecrets> {
        Self::new(pairs.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.as_str()))
    }

    /// Returns the redactor that knows no values, only the shapes.
    pub fn of_shapes() -> &'static Self {
        static SHAPES_ONLY: OnceLock<Redactor> = OnceLock::new();
        SHAPES_ONLY.get_or_init(|| Self::new([]).unwrap_or_else(|_| unreachable!("the shapes alone are few")))
    }

    /// Redacts every string in a JSON value. Returns whether there was a secret.
    pub fn redact_json(&self, value: &mut serde_json::Value) -> bool {
        match value {
            serde_json::Value::String(text) => match self.redact(text) {
                Cow::Borrowed(_) => false,
                Cow::Owned(redacted) => {
                    *text = redacted;
                    true
                }
            },
            // Not `any`: all of them are to be redacted.
            serde_json::Value::Array(values) => values.iter_mut().fold(false, |found, it| self.redact_json(it) | found),
            serde_json::Value::Object(map) => map.values_mut().fold(false, |found, it| self.redact_json(it) | found),
            _ => false,
        }
    }

    /// Returns `text` with each secret replaced; borrowed where there is none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        // `is_match` first: it needs no captures, and almost no text has a secret.
        if !self.pattern.is_match(text) {
            return Cow::Borrowed(text);
        }
        self.pattern.replace_all(text, format!("${{escape}}{REDACTED}"))
    }

    /// Returns how many bytes at the end of `text` may be the beginning of a secret that goes on in the next piece of a
    /// stream. They are to be kept, and to be redacted together with what follows.
    pub fn unfinished(&self, text: &str) -> usize {
        let end = self.tail_from(text, LOOK_BACK);
        let tail = &text[end..];
        let in_value = self.values.iter().map(|it| overlap(tail, it)).max().unwrap_or(0);
        let prefixes = SHAPES.iter().map(|(prefix, _)| *prefix);
        let in_shape = prefixes.map(|it| overlap(tail, it).max(open_shape(tail, it))).max().unwrap_or(0);
        let in_key = overlap(tail, PEM).max(open_key(&text[self.tail_from(text, HOLD_AT_MOST)..]));
        let in_match = self.match_at_end(text);
        in_value.max(in_shape).max(in_key).max(in_match)
    }

    /// Returns the length of a match that reaches the end, and so may go on.
    fn match_at_end(&self, text: &str) -> usize {
        let from = self.tail_from(text, HOLD_AT_MOST);
        self.pattern.find_iter(&text[from..]).last().filter(|it| from + it.end() == text.len()).map_or(0, |it| it.len())
    }

    /// Returns where the last `length` bytes of `text` begin, moved forward to a character's beginning.
    #[allow(clippy::unused_self)]
    fn tail_from(&self, text: &str, length: usize) -> usize {
        let at = text.len().saturating_sub(length);
        (at..=text.len()).find(|it| text.is_char_boundary(*it)).unwrap_or(text.len())
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.values.len()).finish_non_exhaustive()
    }
}

/// Returns whether a variable's name says that its value is a secret: one of its words does.
fn is_secret(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["KEY", "APIKEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "CREDENTIALS"];
    name.to_ascii_uppercase().split('_').any(|it| WORDS.contains(&it))
}

/// Adds a value as it is and as it stands in JSON, in pieces where it is long.
fn add(values: &mut BTreeSet<String>, secret: &str) {
    let json = serde_json::to_string(secret).unwrap_or_default();
    let json = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    for form in [secret, json] {
        let mut rest = form;
        while rest.len() >= SHORTEST {
            let mut at = rest.len().min(PIECE);
            while !rest.is_char_boundary(at) {
                at -= 1;
            }
            let (piece, after) = rest.split_at(at);
            values.insert(piece.to_owned());
            rest = after;
        }
    }
}

/// Returns the length of the longest proper prefix of `whole` with which `text` ends.
fn overlap(text: &str, whole: &str) -> usize {
    let longest = text.len().min(whole.len().saturating_sub(1));
    let (text, whole) = (text.as_bytes(), whole.as_bytes());
    (1..=longest).rev().find(|it| text[text.len() - it..] == whole[..*it]).unwrap_or(0)
}

/// Returns the bytes from the last `prefix` in `text` to its end, where all after it can be part of a key.
fn open_shape(text: &str, prefix: &str) -> usize {
    let Some(at) = text.rfind(prefix) else { return 0 };
    let goes_on = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.');
    if text[at + prefix.len()..].chars().all(goes_on) { text.len() - at } else { 0 }
}

/// Returns the bytes from the last `-----BEGIN ` to the end, where a private key that has no end line yet can stand there.
fn open_key(text: &str) -> usize {
    let Some(at) = text.rfind(PEM) else { return 0 };
    let rest = &text[at + PEM.len()..];
    let goes_on = |it: char| it.is_ascii_alphanumeric() || it.is_ascii_whitespace() || "+/=-:,\\".contains(it);
    let ended = rest.split_once("-----END ").is_some_and(|(_, end)| end.contains("-----"));
    if !ended && rest.chars().all(goes_on) { text.len() - at } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CANARY: &str = "canary-7f3a\"9\\d\ttail";

    fn redactor() -> Redactor {
        Redactor::new([CANARY, "short", "longer-secret", "longer-secret-still"]).unwrap()
    }

    /// Feeds `text` in pieces the way a stream does.
    fn in_pieces(redactor: &Redactor, text: &str, cuts: &[usize]) -> String {
        let (mut out, mut held, mut from) = (String::new(), String::new(), 0);
        for cut in cuts.iter().copied().chain([text.len()]) {
            held.push_str(&text[from..cut]);
            from = cut;
            let keep = held.split_off(held.len() - redactor.unfinished(&held));
            out.push_str(&redactor.redact(&held));
            held = keep;
        }
        out.push_str(&redactor.redact(&held));
        out
    }

    fn key(prefix: &str, length: usize) -> String {
        format!("{prefix}{}", "Ab1".repeat(length).get(..length).unwrap())
    }

    #[test]
    fn known_shapes_are_taken_out() {
        let redactor = redactor();
        let upper = format!("AKIA{}", "0123456789ABCDEF");
        let token = format!("eyJ{0}.eyJ{0}.{0}", "a1".repeat(10));
        let keys = [key("sk-", 24), key("sk-ant-api03-", 40), key("ghp_", 36), key("github_pat_", 30), upper, token];
        for key in keys {
            assert_eq!(redactor.redact(&format!("OPENAI_API_KEY={key}; then")), "OPENAI_API_KEY=[redacted]; then");
            let json = serde_json::to_string(&format!("a\n{key}\nb")).unwrap();
            assert_eq!(redactor.redact(&json), r#""a\n[redacted]\nb""#);
        }
    }

    #[test]
    fn a_private_key_is_taken_out_whole_or_cut_off_plain_or_in_json() {
        let redactor = redactor();
        let body = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(3);
        let whole = format!("-----BEGIN RSA PRIVATE KEY-----\n{body}-----END RSA PRIVATE KEY-----");
        assert_eq!(redactor.redact(&format!("a {whole} b")), "a [redacted] b");
        let json = serde_json::to_string(&format!("a {whole} b")).unwrap();
        assert_eq!(redactor.redact(&json), r#""a [redacted] b""#);
        let cut = format!("-----BEGIN PRIVATE KEY-----\n{body}and so on");
        assert_eq!(redactor.redact(&cut), "[redacted]and so on");
        assert_eq!(redactor.redact("-----BEGIN CERTIFICATE-----\nMIIE"), "-----BEGIN CERTIFICATE-----\nMIIE");
    }

    #[test]
    fn given_values_are_taken_out_as_they_are_and_as_json_has_them() {
        let redactor = redactor();
        assert_eq!(redactor.redact(&format!("<{CANARY}>")), "<[redacted]>");
        let json = serde_json::json!({ "env": CANARY }).to_string();
        assert_eq!(redactor.redact(&json), r#"{"env":"[redacted]"}"#);
        assert_eq!(redactor.redact("longer-secret-still, longer-secret"), "[redacted], [redacted]");
        assert_eq!(redactor.redact("short is no secret"), "short is no secret");
        assert!(!format!("{redactor:?}").contains("canary"));
    }

    #[test]
    fn a_variables_name_says_whether_it_is_a_secret() {
        let pairs = [("MY_API_KEY", "canary-one"), ("GH_TOKEN", "canary-two"), ("KEYBOARD", "canary-three")];
        let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let redactor = Redactor::of_environment(&pairs).unwrap();
        assert_eq!(redactor.redact("canary-one canary-two canary-three"), "[redacted] [redacted] canary-three");
        let mut value = serde_json::json!({ "a": ["canary-one", 1], "b": { "c": "x canary-two" } });
        assert!(redactor.redact_json(&mut value));
        assert_eq!(value, serde_json::json!({ "a": ["[redacted]", 1], "b": { "c": "x [redacted]" } }));
        assert!(!redactor.redact_json(&mut value));
    }

    #[test]
    fn a_long_value_is_taken_out_to_its_end() {
        let long = (0..400).map(|it| format!("{it:05}é")).collect::<Vec<_>>().concat();
        let redactor = Redactor::new([long.as_str()]).unwrap();
        let out = redactor.redact(&long).into_owned();
        assert!(out.len() < 80 && out.replace(REDACTED, "").len() < SHORTEST, "{out}");
    }

    #[test]
    fn plain_text_is_neither_changed_nor_copied() {
        let redactor = redactor();
        for text in ["", "task-list-of-a-very-long-name-indeed", "sk-short", "AKIAlower", "ask_live_", "日本語"] {
            assert!(matches!(redactor.redact(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_secret_that_is_cut_by_a_stream_is_taken_out_as_if_it_were_whole(
            cuts in proptest::collection::vec(0_usize..1000, 0..6),
            which in 0_usize..4,
        ) {
            let redactor = redactor();
            let secrets = [
                CANARY.to_owned(),
                key("sk-ant-", 40),
                key("ghp_", 36),
                format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", key("MII", 200)),
            ];
            let text = format!("env: X={}\r\n$ prompt s", secrets[which]);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|it| it % text.len()).collect();
            cuts.sort_unstable();
            prop_assert_eq!(in_pieces(&redactor, &text, &cuts), "env: X=[redacted]\r\n$ prompt s");
        }
    }
}
