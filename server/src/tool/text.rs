//! Small pure helpers on text and paths that every parser shares. Knows no tool.

use super::Trouble;

/// Checks and cleans the paths of a request: from the root, inside it, `/` between parts. The whole is an empty list.
pub fn clean_paths(paths: &[String]) -> Result<Vec<String>, Trouble> {
    let mut clean = Vec::new();
    for path in paths {
        match normal("", path) {
            Some(it) if it.is_empty() => return Ok(Vec::new()),
            Some(it) if !path.starts_with('/') => clean.push(it),
            _ => {
                return Err(Trouble::Broken(format!(
                    "the path {path:?} is not inside the workspace; give paths from its root"
                )));
            }
        }
    }
    Ok(clean)
}

/// Returns `path`, taken from `dir`, with `.` and `..` resolved; `None` where it leads out of the root.
pub fn normal(dir: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in dir.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Returns a path that a tool printed as a path from the root; `None` where it is outside.
///
/// `root` is absolute; `dir` is the folder that the tool's relative paths start at: from the root, or absolute.
pub fn from_root(root: &str, dir: &str, printed: &str) -> Option<String> {
    let printed = printed.strip_prefix("file://").unwrap_or(printed);
    let absolute = printed.starts_with('/') || printed.as_bytes().get(1) == Some(&b':');
    let slashed = printed.replace('\\', "/");
    let printed = if cfg!(windows) { slashed.as_str() } else { printed };
    if !absolute {
        return match dir.strip_prefix('/') {
            Some(_) => from_root(root, "", &format!("{dir}/{printed}")),
            None => normal(dir, printed).filter(|it| !it.is_empty()),
        };
    }
    let root = root.trim_end_matches('/');
    let rest = printed.strip_prefix(root)?.strip_prefix('/')?;
    normal("", rest).filter(|it| !it.is_empty())
}

/// Returns whether `path` is one of `paths` or inside one; always where `paths` is empty.
pub fn is_within(path: &str, paths: &[String]) -> bool {
    paths.is_empty()
        || paths
            .iter()
            .any(|it| path.strip_prefix(it.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Joins two paths from the root; either may be empty.
pub fn join(dir: &str, name: &str) -> String {
    match (dir, name) {
        ("", it) | (it, "") => it.to_owned(),
        _ => format!("{dir}/{name}"),
    }
}

/// Returns the folder of a path, empty at the root.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Returns `text` without terminal colours and the like: CSI and OSC sequences, and other control characters.
pub fn plain(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(it) = chars.next() {
        match it {
            '\u{1b}' => match chars.next() {
                Some('[') => while chars.next().is_some_and(|it| !('\u{40}'..='\u{7e}').contains(&it)) {},
                Some(']') => {
                    while let Some(it) = chars.next() {
                        if it == '\u{7}' {
                            break;
                        }
                        if it == '\u{1b}' {
                            chars.next_if_eq(&'\\');
                            break;
                        }
                    }
                }
                _ => {}
            },
            '\n' | '\t' => clean.push(it),
            it if it.is_control() => {}
            it => clean.push(it),
        }
    }
    clean
}

/// Returns the first `max` bytes of `text` at most, cut at a character, with a mark where something was cut.
pub fn head(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|it| text.is_char_boundary(*it)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Returns the last `max` bytes of `text` at most, cut at a character, with a mark where something was cut.
pub fn tail(text: &str, max: usize) -> String {
    let text = text.trim_end();
    if text.len() <= max {
        return text.to_owned();
    }
    let start = (text.len() - max..=text.len()).find(|it| text.is_char_boundary(*it)).unwrap_or(text.len());
    format!("…{}", &text[start..])
}

/// Returns `1 finding`, `2 findings`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Splits `path:line:column rest` or `path:line rest` where it begins `text`: path, line, column (1 where absent), and
/// what follows the numbers. A Windows drive's colon belongs to the path.
pub fn split_place(text: &str) -> Option<(&str, u32, u32, &str)> {
    let is_drive = matches!(text.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let skip = if is_drive { 2 } else { 0 };
    let colon = skip + text.get(skip..)?.find(':')?;
    let (line, rest) = leading_number(text.get(colon + 1..)?)?;
    let path = &text[..colon];
    // A time of day is no place.
    if path.trim().bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    match rest.strip_prefix(':').and_then(leading_number) {
        Some((column, rest)) => Some((path, line.max(1), column.max(1), rest)),
        None => Some((path, line.max(1), 1, rest)),
    }
}

/// Splits the decimal number off the front of `text`.
pub fn leading_number(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|it| !it.is_ascii_digit()).unwrap_or(text.len());
    Some((text.get(..end)?.parse().ok()?, &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside_the_root() {
        assert_eq!(normal("a/b", "../c.rs").as_deref(), Some("a/c.rs"));
        assert_eq!(normal("a", "../../c.rs"), None);
        assert_eq!(from_root("/w", "sub", "src/a.rs").as_deref(), Some("sub/src/a.rs"));
        assert_eq!(from_root("/w", "sub", "/w/x/a.rs").as_deref(), Some("x/a.rs"));
        assert_eq!(from_root("/w", "", "file:///w/x.mjs").as_deref(), Some("x.mjs"));
        assert_eq!(from_root("/w", "", "/wide/a.rs"), None);
        assert_eq!(from_root("/w/a", "/w", "a/src/x.rs").as_deref(), Some("src/x.rs"));
        assert!(clean_paths(&["../x".into()]).is_err() && clean_paths(&["/etc".into()]).is_err());
        assert_eq!(clean_paths(&["./a/".into()]).unwrap(), ["a"]);
        assert!(clean_paths(&["a".into(), ".".into()]).unwrap().is_empty());
        assert!(is_within("a/b", &["a".into()]) && !is_within("ab", &["a".into()]));
    }

    #[test]
    fn places_are_split_off_the_front() {
        assert_eq!(split_place("src/a.rs:1:2: boo"), Some(("src/a.rs", 1, 2, ": boo")));
        assert_eq!(split_place("C:\\a.c:7: boo"), Some(("C:\\a.c", 7, 1, ": boo")));
        assert_eq!(split_place("no place: here"), None);
        assert_eq!(split_place(":1:2"), None);
        assert_eq!(split_place("a:99999999999:1"), None);
    }

    #[test]
    fn colours_and_titles_are_taken_out() {
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m \u{1b}]0;title\u{7}x\u{1b}]8;;u\u{1b}\\y\r\n\u{1b}"), "red xy\n");
    }

    #[test]
    fn cuts_fall_on_characters() {
        assert_eq!(head("größe", 3), "gr…");
        assert_eq!(tail("größe", 3), "…ße");
        assert_eq!(tail("größe", 2), "…e");
    }
}
