//! The linter for any folder: what is wrong with the text itself. Needs no toolchain.
//!
//! Pure: text in, remarks with their fixes out. What it says is what `git diff --check` would, and mixed line ends.

use super::remark::{Edit, Fix, Remark, Span};
use crate::finding::{FindingDraft, Place, Severity};

/// The most that it says of one rule in one file; more of the same helps nobody.
const MOST_OF_A_KIND: usize = 50;

/// Looks at one file's text.
pub fn check(path: &str, text: &str) -> Vec<Remark> {
    let markdown = [".md", ".markdown", ".mdx"].iter().any(|it| path.ends_with(it));
    let makefile = path.to_ascii_lowercase().ends_with("makefile");
    let crlf = text.matches("\r\n").count();
    let lf = text.matches('\n').count() - crlf;
    let mut file = File { path, remarks: Vec::new(), counts: [0; 5] };
    let conflicts =
        text.lines().any(|it| it.starts_with("<<<<<<< ")) && text.lines().any(|it| it.starts_with(">>>>>>> "));
    let mut start = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let line = whole.strip_suffix('\n').unwrap_or(whole);
        let body = line.strip_suffix('\r').unwrap_or(line);
        let at = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let trimmed = body.trim_end_matches([' ', '\t']);
        let break_of_markdown = markdown && !trimmed.is_empty() && body.strip_prefix(trimmed) == Some("  ");
        if conflicts && is_conflict_marker(body) {
            file.say(0, at, (0, body), "a conflict marker is left from a merge", Fix::None);
        } else if trimmed.len() < body.len() && !break_of_markdown {
            let fix = file.edit(start + trimmed.len(), start + body.len(), "");
            file.say(
                1,
                at,
                (trimmed.chars().count(), &body[trimmed.len()..]),
                "white space at the end of the line",
                fix,
            );
        }
        let indent = &body[..body.len() - body.trim_start_matches([' ', '\t']).len()];
        if let Some(tab) = indent.find(" \t").filter(|_| !makefile && !trimmed.is_empty()) {
            file.say(
                2,
                at,
                (tab, " \t"),
                "a space before a tab in the indent: its width depends on the reader",
                Fix::None,
            );
        }
        let ended = whole.len() > line.len();
        if ended && crlf > 0 && lf > 0 {
            let ends_crlf = line.len() > body.len();
            if ends_crlf != (crlf > lf) {
                let (end, other) = if ends_crlf { ("\n", "CRLF") } else { ("\r\n", "LF") };
                let fix = file.edit(start + body.len(), start + whole.len(), end);
                let said = format!("the line ends with {other} and most lines of the file do not");
                file.say(3, at, (body.chars().count(), ""), &said, fix);
            }
        }
        if !ended {
            let fix = file.edit(start + line.len(), start + line.len(), if crlf > lf { "\r\n" } else { "\n" });
            file.say(4, at, (body.chars().count(), ""), "the last line of the file has no end", fix);
        }
        start += whole.len();
    }
    file.remarks
}

/// Returns whether a file's bytes are text that this linter may speak of.
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// What each rule is called, and how much it matters.
const RULES: [(&str, Severity); 5] = [
    ("text::conflict-marker", Severity::Error),
    ("text::trailing-white-space", Severity::Warning),
    ("text::space-before-tab", Severity::Warning),
    ("text::mixed-line-ends", Severity::Warning),
    ("text::no-last-line-end", Severity::Warning),
];

fn is_conflict_marker(line: &str) -> bool {
    line == "=======" || ["<<<<<<< ", ">>>>>>> ", "||||||| "].iter().any(|it| line.starts_with(it))
}

struct File<'a> {
    path: &'a str,
    remarks: Vec<Remark>,
    counts: [usize; RULES.len()],
}

impl File<'_> {
    fn edit(&self, start: usize, end: usize, text: &str) -> Fix {
        Fix::Edits(vec![Edit { path: self.path.to_owned(), span: Span::Bytes(start, end), text: text.to_owned() }])
    }

    fn say(&mut self, rule: usize, line: u32, (before, spoken_of): (usize, &str), text: &str, fix: Fix) {
        self.counts[rule] += 1;
        if self.counts[rule] > MOST_OF_A_KIND {
            return;
        }
        let column = |it: usize| u32::try_from(it + 1).unwrap_or(u32::MAX);
        let (code, severity) = RULES[rule];
        self.remarks.push(Remark {
            draft: FindingDraft {
                id: None,
                place: Some(Place {
                    path: self.path.to_owned(),
                    line,
                    column: column(before),
                    end_line: None,
                    end_column: Some(column(before + spoken_of.chars().count())),
                }),
                severity,
                code: Some(code.to_owned()),
                text: text.to_owned(),
                suggestion: None,
                excerpt: None,
            },
            fix,
        });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tool::apply::apply;

    fn fixed(path: &str, text: &str) -> String {
        let remarks = check(path, text);
        let groups: Vec<&[Edit]> = remarks
            .iter()
            .filter_map(|it| match &it.fix {
                Fix::Edits(edits) => Some(edits.as_slice()),
                Fix::None | Fix::Unsafe => None,
            })
            .collect();
        apply(&groups, &|_| Some(text.to_owned())).texts.remove(path).unwrap_or_else(|| text.to_owned())
    }

    fn check_all(path: &str, text: &str, said: &[(u32, u32, &str)], after: &str) {
        let remarks = check(path, text);
        let shown: Vec<_> = remarks
            .iter()
            .map(|it| {
                let place = it.draft.place.as_ref().unwrap();
                (place.line, place.column, it.draft.code.as_deref().unwrap())
            })
            .collect();
        assert_eq!(shown, said);
        assert_eq!(fixed(path, text), after);
    }

    #[test]
    fn each_rule_says_its_place_and_fixes_what_it_can() {
        check_all("a.txt", "ü  \nb\n", &[(1, 2, "text::trailing-white-space")], "ü\nb\n");
        check_all("a.txt", "a", &[(1, 2, "text::no-last-line-end")], "a\n");
        check_all("a.txt", "a\r\nb\nc\r\n", &[(2, 2, "text::mixed-line-ends")], "a\r\nb\r\nc\r\n");
        check_all("a.txt", "  \tx\n", &[(1, 2, "text::space-before-tab")], "  \tx\n");
        check_all("a.md", "break  \nno \n", &[(2, 3, "text::trailing-white-space")], "break  \nno\n");
        check_all("a.md", "title\n=======\n", &[], "title\n=======\n");
        check_all("", "", &[], "");
        let conflict = "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n";
        let marker = "text::conflict-marker";
        check_all("a.txt", conflict, &[(1, 1, marker), (3, 1, marker), (5, 1, marker)], conflict);
    }

    proptest! {
        #[test]
        fn a_fixed_text_needs_no_fix(text in "( |\t|a|ü|<|\r\n|\n){0,60}") {
            // The second pass is for a line end that the first has added.
            let fixed = fixed("a.txt", &fixed("a.txt", &text));
            let left = check("a.txt", &fixed).into_iter().find(|it| matches!(it.fix, Fix::Edits(_)));
            prop_assert_eq!(left, None);
        }
    }
}
