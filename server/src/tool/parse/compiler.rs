//! The form that compilers have shared since cc: `file:line:column: severity: message`.

use super::Base;
use crate::{
    finding::{FindingDraft, Place, Severity},
    tool::{
        remark::{Fix, Remark},
        text,
    },
};

/// How compilers say how much something matters; without a word it is a warning.
const WORDS: [(&str, Severity); 8] = [
    ("fatal error:", Severity::Error),
    ("error:", Severity::Error),
    ("Error:", Severity::Error),
    ("warning:", Severity::Warning),
    ("Warning:", Severity::Warning),
    ("note:", Severity::Info),
    ("info:", Severity::Info),
    ("hint:", Severity::Hint),
];

/// Reads a whole output; lines of another form, and places outside, are passed over. `tool` becomes the code's first
/// part, and the code itself where the message does not end with a rule's name in brackets.
pub fn read(output: &str, tool: &str, base: Base<'_>) -> Vec<Remark> {
    text::plain(output).lines().filter_map(|it| remark(it, tool, base)).collect()
}

fn remark(line: &str, tool: &str, base: Base<'_>) -> Option<Remark> {
    let line = line.strip_prefix("vet: ").unwrap_or(line);
    let (path, at, column, rest) = text::split_place(line)?;
    let message = rest.strip_prefix(':')?.trim();
    if message.is_empty() || path.contains(char::is_whitespace) {
        return None;
    }
    let place = Place { path: base.path(path)?, line: at, column, end_line: None, end_column: None };
    let known = WORDS.iter().find_map(|(word, severity)| Some((message.strip_prefix(word)?.trim(), *severity)));
    let (message, severity) = known.unwrap_or((message, Severity::Warning));
    let (message, rule) = match message.strip_suffix(']').and_then(|it| it.rsplit_once(" [")) {
        Some((said, rule)) if !rule.is_empty() && !rule.contains(char::is_whitespace) => {
            (said, rule.trim_start_matches("-W"))
        }
        _ => (message, ""),
    };
    let code = if rule.is_empty() { tool.to_owned() } else { format!("{tool}::{rule}") };
    Some(Remark {
        draft: FindingDraft {
            id: None,
            place: Some(place),
            severity,
            code: Some(code),
            text: message.to_owned(),
            suggestion: None,
            excerpt: None,
        },
        fix: Fix::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show};

    const OUTPUT: &str = include_str!("../../../../tests/fixtures/tools/gcc.txt");

    #[test]
    fn a_c_compiler_is_read() {
        insta::assert_snapshot!(show(&read(OUTPUT, "make", BASE)), @r"
        main.c:5:14 Warning make::format= format ‘%s’ expects argument of type ‘char *’, but argument 2 has type ‘int’
        main.c:6:12 Error make ‘y’ undeclared (first use in this function)
        main.c:6:12 Info make each undeclared identifier is reported only once for each function it appears in
        ");
    }

    #[test]
    fn nothing_that_a_compiler_could_print_breaks_it() {
        batter(OUTPUT, &|it| drop(read(it, "make", BASE)));
        assert!(read("12:30:11: the time\nmake: *** [all] Error 1\nhttp://x:80: y\n", "make", BASE).is_empty());
    }
}
