//! The person's own editor on a document.
//!
//! The command of `$VISUAL` or `$EDITOR` is split into words here and started without a shell.

use std::{ffi::OsString, io::Write as _};

use super::fail::Fail;

/// Returns the editor's command: `$VISUAL`, else `$EDITOR`, else `vi`.
pub fn command() -> Result<Vec<String>, Fail> {
    let of = |name: &str| std::env::var_os(name).filter(|it| !it.is_empty());
    split_of(of("VISUAL").or_else(|| of("EDITOR")))
}

/// Opens the editor on `text` and returns what was left in the file. `name` is the file's name.
pub async fn edit(command: &[String], name: &str, text: &str) -> Result<String, Fail> {
    let folder = tempfile::Builder::new().prefix("callboard-edit-").tempdir()?;
    let path = folder.path().join(name);
    std::fs::File::create_new(&path)?.write_all(text.as_bytes())?;
    let (program, args) = command.split_first().ok_or_else(no_editor)?;
    let status = tokio::process::Command::new(program)
        .args(args)
        .arg(&path)
        .status()
        .await
        .map_err(|why| Fail::new("editor", format!("the editor `{program}` can't be started: {why}")).help(HELP))?;
    if !status.success() {
        return Err(Fail::new("editor", format!("the editor `{program}` ended with {status}; nothing was decided")));
    }
    let edited = std::fs::read_to_string(&path)?;
    if u64::try_from(edited.len()).unwrap_or(u64::MAX) > MOST {
        return Err(Fail::new("invalid", "the edited document is larger than 4 MiB; nothing was decided"));
    }
    not_empty(&edited)?;
    Ok(edited)
}

/// Refuses an empty document: an editor that was left in a hurry must not strike everything.
pub fn not_empty(document: &str) -> Result<(), Fail> {
    if document.trim().is_empty() {
        return Err(Fail::new("invalid", "the edited document is empty; nothing was decided")
            .help("to strike every finding, untick them; to end the run, reject or stop it"));
    }
    Ok(())
}

const HELP: &str = "set VISUAL or EDITOR to your editor, or give the document with --file";
const MOST: u64 = 4 * 1024 * 1024;

fn no_editor() -> Fail {
    Fail::new("editor", "VISUAL or EDITOR is set, but names no program").help(HELP)
}

fn split_of(set: Option<OsString>) -> Result<Vec<String>, Fail> {
    let Some(set) = set else {
        return Ok(vec!["vi".to_owned()]);
    };
    let set = set.into_string().map_err(|_| no_editor())?;
    let words =
        split(&set).ok_or_else(|| Fail::new("editor", format!("a quote is not closed in `{set}`")).help(HELP))?;
    if words.is_empty() { Err(no_editor()) } else { Ok(words) }
}

/// Splits a command into words at spaces; single and double quotes and backslashes keep a word together. `None` where a
/// quote does not close.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text.chars();
    while let Some(it) = rest.next() {
        match it {
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '\'' => break,
                        it => word.push(it),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        '"' => break,
                        '\\' => word.push(rest.next()?),
                        it => word.push(it),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(rest.next()?),
            it if it.is_whitespace() => words.extend(word.take()),
            it => word.get_or_insert_default().push(it),
        }
    }
    words.extend(word);
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_without_a_shell() {
        assert_eq!(split("code --wait").unwrap(), ["code", "--wait"]);
        assert_eq!(
            split(r#"'/opt/my editor/ed' -c "set \"x\"" a\ b"#).unwrap(),
            ["/opt/my editor/ed", "-c", "set \"x\"", "a b"]
        );
        assert_eq!(split("vim; rm -rf $HOME").unwrap(), ["vim;", "rm", "-rf", "$HOME"]);
        assert_eq!(split("'open"), None);
        assert_eq!(split_of(None).unwrap(), ["vi"]);
        assert!(split_of(Some("  ".into())).is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_editor_gets_the_document_and_its_changes_come_back() {
        let command = split("sed -i s/one/two/").unwrap();
        assert_eq!(edit(&command, "p1.md", "one\n").await.unwrap(), "two\n");
        let fail = edit(&["false".to_owned()], "p1.md", "x").await.unwrap_err();
        assert!(fail.message.contains("nothing was decided"), "{fail:?}");
        let fail = edit(&["no-such-editor-here".to_owned()], "p1.md", "x").await.unwrap_err();
        assert_eq!(fail.help, [HELP]);
    }
}
