//! The document of a merge conflict: each file with both sides, those that are plain text to be edited in place.
//!
//! A file's text stands between two marks whose hash is of that very text, and files are read one behind the other, so no
//! file can hold what looks like another.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    DocumentError, Header, MOST_DOCUMENT,
    escape::{cut, one_line, prose, visible},
    head, region,
};

/// The longest file, and the longest of all together, that is shown for editing, in bytes.
const MOST_TEXT: (usize, usize) = (100_000, 400_000);

/// How many files are listed.
const MOST_FILES: usize = 200;

/// A file that both sides changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConflictFile {
    /// Where.
    pub path: String,
    /// How.
    pub why: String,
    /// Both sides as one text, with marks around each.
    pub text: Option<String>,
}

/// Returns the numbers of those files that are shown for editing, in their order.
pub fn editable(files: &[ConflictFile]) -> Vec<usize> {
    let mut room = MOST_TEXT.1;
    let mut found = Vec::new();
    for (index, file) in files.iter().enumerate().take(MOST_FILES) {
        let Some(text) = file.text.as_ref().filter(|it| can_show(it)) else { continue };
        if let Some(left) = room.checked_sub(text.len()) {
            room = left;
            found.push(index);
        }
    }
    found
}

/// Returns the document of a conflict.
pub fn conflict_document(header: &Header, paragraphs: &[String], files: &[ConflictFile]) -> String {
    let mut document = head(header);
    for paragraph in paragraphs {
        let _ = writeln!(document, "{}\n", prose(&cut(paragraph, 4_000).0));
    }
    for file in files.iter().take(MOST_FILES) {
        let _ = writeln!(document, "- {}: {}", one_line(&file.path), one_line(&file.why));
    }
    if files.len() > MOST_FILES {
        let _ = writeln!(document, "- and {} more", files.len() - MOST_FILES);
    }
    document.push('\n');
    for (index, file) in editable(files).into_iter().enumerate() {
        let text = files[file].text.as_deref().unwrap_or_default();
        let body = text.strip_suffix('\n').unwrap_or(text);
        let _ = write!(document, "## {}\n\n", one_line(&files[file].path));
        document += &region::write(&name(index), body, body);
    }
    document.truncate(document.trim_end().len());
    document.push('\n');
    document
}

/// Reads what a person made of the files in a document that was shown: by their number among those that could be edited.
/// Files that were left as they were shown are not in it.
pub fn read_conflict(edited: &str, shown: &str) -> Result<BTreeMap<usize, String>, DocumentError> {
    if edited.len() > 4 * MOST_DOCUMENT {
        let message = format!("the document is longer than {} bytes; shorten it", 4 * MOST_DOCUMENT);
        return Err(DocumentError::new(1, message));
    }
    let (mut before, mut now) = (shown, edited);
    let mut line = 0;
    let mut found = BTreeMap::new();
    for number in 0.. {
        let name = name(number);
        let Some(body) = region::first(before, &name) else { break };
        let (_, shown_lines) = region::read(before, &name, &body)?;
        let read = region::read(now, &name, &body);
        let (first, lines) = read.map_err(|it| DocumentError::new(line + it.line, it.message))?;
        if lines != shown_lines {
            if let Some(mark) = lines.iter().position(|it| is_mark(it)) {
                let message = "a conflict's mark is left here; take it out with the side that goes";
                return Err(DocumentError::new(line + first + mark, message));
            }
            found.insert(number, if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" });
        }
        line += first + lines.len();
        before = behind(before, &name, &body);
        now = behind(now, &name, &body);
    }
    Ok(found)
}

/// Returns what stands behind a part.
fn behind<'a>(document: &'a str, name: &str, key: &str) -> &'a str {
    let Ok((first, lines)) = region::read(document, name, key) else { return "" };
    let mut at = 0;
    for line in document.split_inclusive('\n').take(first + lines.len()) {
        at += line.len();
    }
    &document[at..]
}

/// Only text that is shown as it is can be taken as it was left.
fn can_show(text: &str) -> bool {
    text.len() <= MOST_TEXT.0 && text.ends_with('\n') && !text.contains('\r') && visible(text) == text
}

fn is_mark(line: &str) -> bool {
    line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")
}

fn name(number: usize) -> String {
    format!("file {}", number + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: Option<&str>) -> ConflictFile {
        ConflictFile { path: path.to_owned(), why: "both changed it".to_owned(), text: text.map(ToOwned::to_owned) }
    }

    fn document(files: &[ConflictFile]) -> String {
        let header = Header { title: "Two sides".to_owned(), ..Header::default() };
        conflict_document(&header, &["Say how.".to_owned()], files)
    }

    const MARKED: &str = "one\n<<<<<<< the work tree\nours\n=======\ntheirs\n>>>>>>> fix of r1\nend\n";

    #[test]
    fn what_was_left_as_shown_is_not_a_resolution_and_what_was_edited_is() {
        let files = [file("a.txt", Some(MARKED)), file("logo.png", None), file("b.txt", Some("x\n<<<<<<< y\n"))];
        let shown = document(&files);
        insta::assert_snapshot!(shown, @r"
        # Two sides

        Say how.

        - a.txt: both changed it
        - logo.png: both changed it
        - b.txt: both changed it

        ## a.txt

        <!-- file 1 5bef1cb3542e -->
        one
        <<<<<<< the work tree
        ours
        =======
        theirs
        >>>>>>> fix of r1
        end
        <!-- end of file 1 5bef1cb3542e -->

        ## b.txt

        <!-- file 2 fde4bbb7f581 -->
        x
        <<<<<<< y
        <!-- end of file 2 fde4bbb7f581 -->
        ");
        assert_eq!(read_conflict(&shown, &shown), Ok(BTreeMap::new()));
        let edited = shown.replace(&MARKED[4..MARKED.len() - 5], "both");
        assert_eq!(read_conflict(&edited, &shown), Ok([(0, "one\nboth\nend\n".to_owned())].into()));
        let half = shown.replace("=======\ntheirs\n", "");
        assert_eq!(
            read_conflict(&half, &shown).map_err(|it| it.to_string()),
            Err("line 13: a conflict's mark is left here; take it out with the side that goes".to_owned())
        );
        assert!(read_conflict("", &shown).is_err());
    }

    #[test]
    fn no_file_can_hold_what_looks_like_another() {
        let inner = region::write("file 2", "owned", "owned");
        let files = [file("a.txt", Some(&format!("{inner}z\n"))), file("b.txt", Some("real\n"))];
        let shown = document(&files);
        let edited = shown.replace("owned", "mine");
        assert_eq!(read_conflict(&edited, &shown).map(|it| it.keys().copied().collect::<Vec<_>>()), Ok(vec![0]));
        let edited = shown.replace("\nreal\n", "\nchanged\n");
        assert_eq!(read_conflict(&edited, &shown), Ok([(1, "changed\n".to_owned())].into()));
    }

    #[test]
    fn what_would_not_come_back_as_it_is_is_not_offered() {
        for text in ["no end", "windows\r\n", "hidden\u{202e}\n", "bell\u{7}\n"] {
            assert!(editable(&[file("a", Some(text))]).is_empty(), "{text:?}");
        }
        assert_eq!(editable(&[file("a", Some("fine\ttoo\n")), file("b", None)]), [0]);
    }
}
