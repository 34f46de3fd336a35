//! At signs in prompts: to some programs `@path` means that the file is to be put into the prompt.
//!
//! They do so before their model is asked, wherever the file is and without asking anybody. A prompt quotes what other agents
//! have said, so one that says `@~/.ssh/id_rsa` would have it read. Invariant: none is read by what stands in a prompt; what an
//! agent wants to read it reads by its tools, with its permissions.

use std::path::Path;

use crate::agent::catalog::profile::AtSigns;

/// The longest word that is looked at as a name of a file here. No file system has longer ones.
const LONGEST: usize = 4_096;

/// Returns a prompt whose at signs say nothing to the program: a backslash stands before those that would.
pub(super) fn disarmed(prompt: &str, rule: AtSigns, folder: &Path) -> String {
    let mut text = String::with_capacity(prompt.len());
    let mut before = None;
    for (at, it) in prompt.char_indices() {
        let armed = it == '@'
            && match rule {
                AtSigns::Text => false,
                AtSigns::Files => before.is_none_or(is_gap) && means_something(&prompt[at + 1..], folder),
                AtSigns::All => before != Some('\\'),
            };
        if armed {
            text.push('\\');
        }
        text.push(it);
        before = Some(it);
    }
    text
}

/// Returns whether a word that begins after this is a word of its own.
fn is_gap(before: char) -> bool {
    before.is_whitespace() || matches!(before, '\u{feff}' | '。' | '、' | '？' | '！')
}

/// Returns whether what follows an at sign may be a file, or a thing of the program's own. The name of an agent or of a package
/// is neither, unless there is such a file here.
fn means_something(rest: &str, folder: &Path) -> bool {
    let word = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => rest.split(char::is_whitespace).next().unwrap_or_default(),
    };
    // Elsewhere, of a server (`@server:thing`), or a helper of the program.
    let leads_out =
        word.starts_with(['/', '\\', '~', '.', '$', '%']) || word.starts_with("agent-") || word.contains(':');
    leads_out || word.contains("..") || word.len() > LONGEST || word.contains("(agent)") || is_here(word, folder)
}

/// Returns whether a file has this name, or what of it comes before a character that is no letter: a sentence may go on behind it.
fn is_here(word: &str, folder: &Path) -> bool {
    let mut last = false;
    let ends = word.char_indices().filter_map(|(at, it)| {
        let ended = last && !it.is_alphanumeric();
        last = it.is_alphanumeric();
        ended.then_some(at)
    });
    let mut ends: Vec<usize> = ends.collect();
    ends.push(word.len());
    ends.into_iter().any(|end| end > 0 && folder.join(&word[..end]).symlink_metadata().is_ok())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(folder.path().join("src/a.rs"), "").unwrap();
        fs::write(folder.path().join("claude"), "").unwrap();
        fs::write(folder.path().join("with space"), "").unwrap();
        folder
    }

    #[track_caller]
    fn check(rule: AtSigns, prompt: &str, expected: &str) {
        let folder = folder();
        assert_eq!(disarmed(prompt, rule, folder.path()), expected);
    }

    #[test]
    fn what_would_be_read_is_not() {
        let files = |prompt, expected| check(AtSigns::Files, prompt, expected);
        files("@src/a.rs", "\\@src/a.rs");
        files("look at @src/a.rs, and", "look at \\@src/a.rs, and");
        files("@src/a.rs#L3-9", "\\@src/a.rs#L3-9");
        files("@src/", "\\@src/");
        files("> @/etc/passwd", "> \\@/etc/passwd");
        files("@~/.ssh/id_rsa", "\\@~/.ssh/id_rsa");
        files("@../up @./here", "\\@../up \\@./here");
        files("@src/../../up", "\\@src/../../up");
        files("@\"with space\" @\"/etc/passwd\"", "\\@\"with space\" \\@\"/etc/passwd\"");
        files("one\n@claude two", "one\n\\@claude two");
        files("see。@src/a.rs", "see。\\@src/a.rs");
        files("@server:thing @agent-explore", "\\@server:thing \\@agent-explore");
        files("@\"explore (agent)\"", "\\@\"explore (agent)\"");
    }

    #[test]
    fn names_of_agents_and_packages_stay_as_they_are() {
        let files = |prompt| check(AtSigns::Files, prompt, prompt);
        files("You are @codex. Write `@name` to hand on; @Override, @types/node.");
        files("ada@example.org");
        files("(@src/a.rs)");
        files("@ and @");
        check(AtSigns::Text, "@src/a.rs @/etc/passwd", "@src/a.rs @/etc/passwd");
    }

    #[test]
    fn where_any_may_be_one_all_are_text() {
        check(AtSigns::All, "@codex `@name` a@b \\@c", "\\@codex `\\@name` a\\@b \\@c");
    }

    proptest! {
        #[test]
        fn only_backslashes_are_added(prompt in "[@/a. \\\\\"~\n:é]{0,60}", all in any::<bool>()) {
            let folder = folder();
            let rule = if all { AtSigns::All } else { AtSigns::Files };
            let text = disarmed(&prompt, rule, folder.path());
            prop_assert_eq!(text.replace('\\', ""), prompt.replace('\\', ""));
            // And twice is once.
            prop_assert_eq!(disarmed(&text, rule, folder.path()), text);
        }
    }
}
