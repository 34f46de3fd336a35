//! Parts of a document that may be edited freely, between two marks.
//!
//! A mark carries a hash of what was shown between the two, so no text can hold its own end.

use super::{DocumentError, hash_of};

/// Returns the part `name` with `body` between its marks, with an empty line behind it.
pub fn write(name: &str, key: &str, body: &str) -> String {
    format!("{}\n{body}\n{}\n\n", start(name, key), end(name, key))
}

/// Returns what stands between the marks, and the number of its first line. `key` is what was given to `write`.
pub fn read<'a>(document: &'a str, name: &str, key: &str) -> Result<(usize, Vec<&'a str>), DocumentError> {
    let lines: Vec<&str> = document.lines().collect();
    let find = |mark: String| {
        lines.iter().position(|it| it.trim_end() == mark).ok_or_else(|| {
            DocumentError::new(
                1,
                format!("the line `{mark}` is gone; put it back (undo), and edit between it and its other half"),
            )
        })
    };
    let (first, last) = (find(start(name, key))?, find(end(name, key))?);
    if last < first {
        let message = format!("the end of the {name} stands before its start; put the two marks in their order");
        return Err(DocumentError::new(last + 1, message));
    }
    Ok((first + 2, lines[first + 1..last].to_vec()))
}

/// Returns the body of the first part that is called `name`, where its body was its key; nothing where its mark does not
/// fit what stands below it.
pub fn first(document: &str, name: &str) -> Option<String> {
    let begin = format!("<!-- {name} ");
    let mut lines = document.lines().skip_while(|it| !it.starts_with(&begin));
    let mark = lines.next()?;
    let tag = mark.strip_prefix(&begin)?.strip_suffix(" -->")?;
    let end = format!("<!-- end of {name} {tag} -->");
    let body: Vec<&str> = lines.take_while(|it| *it != end).collect();
    let body = body.join("\n");
    (self::tag(name, &body) == tag).then_some(body)
}

fn start(name: &str, key: &str) -> String {
    format!("<!-- {name} {} -->", tag(name, key))
}

fn end(name: &str, key: &str) -> String {
    format!("<!-- end of {name} {} -->", tag(name, key))
}

fn tag(name: &str, key: &str) -> String {
    hash_of(&format!("{name}\n{key}")).chars().take(12).collect()
}
