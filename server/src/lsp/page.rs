//! The document of a pause point as a page that any editor can open: a notice above it, a place for words below it.
//!
//! Pure: a pause to text, text to what a person left in it. The notice and the marks are comments and no part of the document.

use crate::{ids::PauseId, protocol::PauseView};

/// What every line of ours begins with. Documents hold no line that does: what agents say in them is escaped.
const OURS: &str = "<!-- callboard";

const WORDS: &str =
    "<!-- callboard: to request changes, or to reject with a reason, write it below this line and save -->";

/// What a person left in a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The document, without the notice.
    pub document: String,
    /// What they wrote below it.
    pub words: String,
}

/// Returns the page of a pause.
pub fn page(pause: &PauseView) -> String {
    let PauseView { id, document, .. } = pause;
    let takes = |name: &str| pause.decisions.iter().any(|it| it == name);
    let notice = match &pause.answered {
        Some(it) => format!("{id} was answered by {}: {}. This page is only shown", clean(&it.by), it.decision.name()),
        None if takes("edit") => {
            format!("{id} waits for you. Change the text, save it, and approve: what you saved goes on")
        }
        None => format!("{id} waits for you. This text is only shown: changing it changes nothing"),
    };
    let mut page = format!("{OURS} {}: {notice} -->\n{document}", short(&pause.hash));
    if !page.ends_with('\n') {
        page.push('\n');
    }
    if pause.answered.is_none() && takes("request-changes") {
        page += WORDS;
        page.push('\n');
    }
    page
}

/// Reads a page, with whatever line ends the editor gave it.
pub fn read(text: &str) -> Left {
    let text = text.replace("\r\n", "\n");
    let document = if text.starts_with(OURS) { text.split_once('\n').map_or("", |it| it.1) } else { &text };
    let (document, words) = document.split_once(WORDS).unwrap_or((document, ""));
    Left { document: document.to_owned(), words: words.trim().to_owned() }
}

/// Returns whether a page is one of this very pause, whatever a person made of it.
pub fn is_of(text: &str, pause: &PauseView) -> bool {
    text.strip_prefix(OURS).is_some_and(|it| it.trim_start().starts_with(short(&pause.hash)))
}

impl Left {
    /// Returns whether the document is not the one that the pause shows.
    pub fn is_edited(&self, pause: &PauseView) -> bool {
        self.document.trim_end() != pause.document.replace("\r\n", "\n").trim_end()
    }
}

/// Returns the name of a pause's file.
pub fn file_name(pause: PauseId) -> String {
    format!("{pause}.md")
}

/// Returns the pause that a file of this name is of.
pub fn pause_of(file_name: &str) -> Option<PauseId> {
    let pause: PauseId = file_name.strip_suffix(".md")?.parse().ok()?;
    (self::file_name(pause) == file_name).then_some(pause)
}

fn short(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// Returns text that can't end the comment that it is put in.
fn clean(text: &str) -> String {
    text.replace("--", "- -").replace(['\n', '\r'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        document::{Decision, hash_of},
        ids::Timestamp,
        protocol::{Answered, PauseKind},
    };

    fn pause(decisions: &[&str]) -> PauseView {
        let document = "# Which findings?\n\n- [x] **f1** warning a.md:1 — why\n".to_owned();
        PauseView {
            id: PauseId(1),
            kind: PauseKind::Step,
            title: "Which findings?".to_owned(),
            run: None,
            step: None,
            channel: "main".parse().unwrap(),
            opened: Timestamp(0),
            hash: hash_of(&document),
            document,
            decisions: decisions.iter().map(|it| (*it).to_owned()).collect(),
            steering: String::new(),
            ask: None,
            answered: None,
            rev: 1,
        }
    }

    #[test]
    fn a_page_reads_back_as_the_document_that_it_shows() {
        let pause = pause(&["approve", "edit", "request-changes"]);
        let text = page(&pause);
        insta::assert_snapshot!(text, @r"
        <!-- callboard 52baf3101a7d426f: p1 waits for you. Change the text, save it, and approve: what you saved goes on -->
        # Which findings?

        - [x] **f1** warning a.md:1 — why
        <!-- callboard: to request changes, or to reject with a reason, write it below this line and save -->
        ");
        assert!(is_of(&text, &pause) && !read(&text).is_edited(&pause));
        let windows = text.replace('\n', "\r\n");
        assert!(!read(&windows).is_edited(&pause), "line ends are no edit");
        let bare = pause.document.clone();
        assert!(!read(&bare).is_edited(&pause), "the notice may be deleted");
    }

    #[test]
    fn an_edit_and_the_words_below_are_told_apart() {
        let pause = pause(&["approve", "edit", "request-changes"]);
        let text = page(&pause).replace("[x]", "[ ]") + "\nLook at b.md too.\n";
        let left = read(&text);
        assert!(left.is_edited(&pause) && left.document.contains("- [ ] **f1**"));
        assert_eq!(left.words, "Look at b.md too.");
        assert!(!left.document.contains("callboard"));
    }

    #[test]
    fn an_answered_page_says_who_answered() {
        let mut pause = pause(&["approve"]);
        assert!(page(&pause).contains("only shown") && !page(&pause).contains(WORDS));
        let by = "eve --> x".to_owned();
        let answered = Answered { by, at: Timestamp(0), decision: Decision::Approve, hash: String::new() };
        pause.answered = Some(answered);
        let first = page(&pause).lines().next().unwrap().to_owned();
        assert!(first.contains("answered by eve - -> x: approve") && first.matches("-->").count() == 1, "{first}");
    }

    #[test]
    fn only_names_of_pages_are_pages() {
        assert_eq!(pause_of("p12.md"), Some(PauseId(12)));
        for bad in ["p12", "p012.md", "r1.md", "p.md", "p1.md.md", "channel-main.md"] {
            assert_eq!(pause_of(bad), None, "{bad}");
        }
    }
}
