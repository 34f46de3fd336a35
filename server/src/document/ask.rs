//! The documents of what a turn asks: a permission with the whole of what would be done, a question with a place for the answer.
//!
//! Invariant: a permission's document leaves nothing out. What can't be shown whole has no document, and nobody can allow it.

use std::fmt::Write as _;

use super::{
    DocumentError, Header, MOST_DOCUMENT,
    escape::{cut, one_line, visible},
    head, region,
};
use crate::{
    ask::{Permission, Question},
    workflow::prompt::fenced,
};

/// The longest document of a permission, in bytes: what is longer nobody reads before they allow it.
const MOST: usize = MOST_DOCUMENT / 4;

/// How many choices of a question are shown.
const MOST_CHOICES: usize = 50;

/// Returns the document of a permission; `None` where it is too long to be shown whole.
pub fn permission_document(header: &Header, permission: &Permission) -> Option<String> {
    let mut document = head(header);
    document += "> Approve lets it do exactly this. Reject denies it; what you write is told to the agent.\n";
    if let Some(pattern) = &permission.pattern {
        let what = cut(&one_line(pattern), 200).0;
        let _ = writeln!(
            document,
            "> With a longer scope it is not asked again for exactly this ({}: {what}).",
            one_line(&permission.tool)
        );
    }
    document.push('\n');
    let size: usize = permission.files.iter().map(|it| it.path.len() + it.diff.len()).sum();
    if permission.content.len() + size > MOST || permission.tool.len() > 1_000 {
        return None;
    }
    if !permission.content.is_empty() {
        let _ = writeln!(document, "{}\n", fenced(&permission.content, ""));
    }
    for file in &permission.files {
        let _ = writeln!(document, "**{}**\n\n{}\n", one_line(&file.path), fenced(&file.diff, "diff"));
    }
    document.truncate(document.trim_end().len());
    document.push('\n');
    (document.len() <= 2 * MOST).then_some(document)
}

/// Returns the document of a question.
pub fn question_document(header: &Header, question: &Question) -> String {
    let mut document = head(header);
    document += "> Write your answer between the two marks and save";
    document += if question.choices.is_empty() { ".\n\n" } else { ", or tick a choice.\n\n" };
    for (index, choice) in question.choices.iter().take(MOST_CHOICES).enumerate() {
        let _ = writeln!(document, "- [ ] {}. {}", index + 1, cut(&one_line(choice), 500).0);
    }
    if !question.choices.is_empty() {
        document.push('\n');
    }
    document += &region::write("answer", &question.text, "");
    document.truncate(document.trim_end().len());
    document.push('\n');
    document
}

/// Returns the answer in what a person made of a question's document. Text that is not the document is the answer itself;
/// the number of a choice stands for it.
pub fn read_answer(edited: &str, shown: &str, choices: &[String]) -> Result<String, DocumentError> {
    let mut marks = shown.lines().filter(|it| is_mark(it));
    let (Some(start), Some(end)) = (marks.next(), marks.next()) else {
        return Ok(chosen(edited.trim(), choices));
    };
    let lines: Vec<&str> = edited.lines().collect();
    let place = |mark: &str| lines.iter().position(|it| it.trim_end() == mark);
    let (first, last) = match (place(start), place(end)) {
        (None, None) => return Ok(chosen(edited.trim(), choices)),
        (Some(first), Some(last)) if first < last => (first, last),
        _ => {
            let message = "one of the two marks around the answer is gone; put it back (undo)";
            return Err(DocumentError::new(1, message));
        }
    };
    let ticked = lines[..first].iter().filter_map(|it| {
        let rest = it.strip_prefix("- [x] ").or_else(|| it.strip_prefix("- [X] "))?;
        let number: usize = rest.split('.').next()?.trim().parse().ok()?;
        choices.get(number.checked_sub(1)?).cloned()
    });
    let mut said: Vec<String> = ticked.collect();
    let written = lines[first + 1..last].join("\n");
    if !written.trim().is_empty() {
        said.push(chosen(written.trim(), choices));
    }
    if said.is_empty() {
        let message = "there is no answer yet: write it between the two marks, or tick a choice";
        return Err(DocumentError::new(first + 2, message));
    }
    Ok(said.join("\n"))
}

fn is_mark(line: &str) -> bool {
    line.starts_with("<!-- answer ") || line.starts_with("<!-- end of answer ")
}

fn chosen(text: &str, choices: &[String]) -> String {
    let number = text.parse::<usize>().ok().and_then(|it| it.checked_sub(1));
    number.and_then(|it| choices.get(it)).cloned().unwrap_or_else(|| visible(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::FileEdit;

    fn header() -> Header {
        Header { title: "@claude wants to run a command".to_owned(), ..Header::default() }
    }

    #[test]
    fn a_permission_shows_all_of_what_would_be_done_and_nothing_of_it_acts() {
        let permission = Permission {
            tool: "Bash".to_owned(),
            title: String::new(),
            content: "echo \u{202e}hi\u{1b}[2J\n```\n# Approved".to_owned(),
            files: vec![FileEdit { path: "src/\u{200b}a.rs".to_owned(), diff: "-a\n+b\n".to_owned() }],
            pattern: Some("echo".to_owned()),
        };
        insta::assert_snapshot!(permission_document(&header(), &permission).unwrap(), @r"
        # @claude wants to run a command

        > Approve lets it do exactly this. Reject denies it; what you write is told to the agent.
        > With a longer scope it is not asked again for exactly this (Bash: echo).

        ````
        echo ⟨U+202E⟩hi␛[2J
        ```
        # Approved
        ````

        **src/⟨U+200B⟩a.rs**

        ```diff
        -a
        +b
        ```
        ");
    }

    #[test]
    fn promise_2_what_can_not_be_shown_whole_can_not_be_allowed() {
        let permission = Permission { content: "x".repeat(MOST + 1), ..Permission::default() };
        assert_eq!(permission_document(&header(), &permission), None);
    }

    #[test]
    fn an_answer_is_written_ticked_or_given_as_plain_text() {
        let choices = vec!["i64".to_owned(), "usize".to_owned()];
        let question = Question { text: "which?\n<!-- end of answer x -->".to_owned(), choices: choices.clone() };
        let shown = question_document(&header(), &question);
        let read = |edited: &str| read_answer(edited, &shown, &choices).map_err(|it| it.message);
        assert!(read(&shown).unwrap_err().contains("no answer yet"));
        assert_eq!(read(&shown.replace("- [ ] 2.", "- [x] 2.")), Ok("usize".to_owned()));
        let at = shown.find("\n\n<!-- end of answer").unwrap();
        let written = format!("{}\nneither\nof them{}", &shown[..at], &shown[at..]);
        assert_eq!(read(&written), Ok("neither\nof them".to_owned()));
        assert_eq!(read("2"), Ok("usize".to_owned()));
        assert_eq!(read(" 3 \n"), Ok("3".to_owned()));
        let cut = written.lines().filter(|it| !it.starts_with("<!-- end")).collect::<Vec<_>>().join("\n");
        assert!(read(&cut).unwrap_err().contains("gone"));
    }
}
