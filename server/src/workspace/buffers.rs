//! What agents and the file system have to do with open buffers: who is told what is not saved, and what becomes of a buffer
//! whose file was changed on disk (promise 4).
//!
//! The seam between those who start work and the editors; `lsp/buffers.rs` is behind it, and nothing where there are no editors.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;

use super::carry::difference;
use crate::hub::{effect::TextToPut, event::TextClash};

/// How many characters of differences a prompt takes with it: about 6,000 tokens.
const MOST_GIVEN: usize = 24_000;

/// How many files are named.
const MOST_NAMED: usize = 20;

/// What is done about unsaved buffers before a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BeforeTurn {
    /// Agents are told what the editor has and the disk has not; tools see the disk, and their answer names what they did not see.
    #[default]
    Overlay,
    /// The editors that can are asked to save; the rest is as with `overlay`.
    Save,
}

/// What files held when work began: by path, of those that were open. `None` where there was no such file.
pub type Bases = BTreeMap<String, Option<Arc<str>>>;

/// The open buffers as work begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opened {
    /// What their files hold.
    pub bases: Bases,
    /// The buffers with something else in them.
    pub unsaved: Vec<Unsaved>,
}

/// A buffer with something else in it than its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// Its path from the root.
    pub path: String,
    /// What the file holds; empty where there is none.
    pub disk: Arc<str>,
    /// What the developer sees.
    pub text: Arc<str>,
}

/// A buffer and a file that do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BufferClash {
    /// The path from the root.
    pub path: String,
    /// What the developer has.
    pub mine: Arc<str>,
    /// What is on the disk now.
    pub theirs: Arc<str>,
}

impl From<BufferClash> for TextClash {
    fn from(it: BufferClash) -> Self {
        Self { difference: difference(&it.mine, &it.theirs), path: it.path, mine: it.mine, theirs: it.theirs }
    }
}

/// Who is told what became of a text that was to be put: nothing, or why it is not there.
pub type Done = Box<dyn FnOnce(String) + Send>;

/// The open buffers, as those who start work see them. Calls may wait, bounded; none is made on the hub's thread.
pub trait Buffers: Send + Sync {
    /// Returns what the files of the open buffers hold.
    fn bases(&self) -> Bases;

    /// Looks at the open files below `paths` (all where there is none), after having them saved where that is set.
    fn before(&self, paths: &[String]) -> Opened;

    /// Carries what was changed on disk since into the buffers that hold something of their own, and returns where that
    /// can't be done. A buffer with nothing of its own is the editor's to read again.
    fn after(&self, bases: &Bases) -> Vec<BufferClash>;

    /// Returns whether an editor has just saved a file.
    fn was_saved(&self, path: &str) -> bool;

    /// Returns what a developer sees of a file that they have open; nothing where none has.
    fn text(&self, path: &str) -> Option<Arc<str>>;

    /// Puts a text that a person chose into the buffers of a file, by an edit that the editor can undo, and says through `done`
    /// when it is there (nothing) or why it can't be. Never waits.
    fn put(&self, text: TextToPut, done: Done);
}

/// No buffers at all.
#[derive(Debug, Default)]
pub struct NoBuffers;

impl Buffers for NoBuffers {
    fn bases(&self) -> Bases {
        Bases::new()
    }

    fn before(&self, _: &[String]) -> Opened {
        Opened::default()
    }

    fn after(&self, _: &Bases) -> Vec<BufferClash> {
        Vec::new()
    }

    fn was_saved(&self, _: &str) -> bool {
        false
    }

    fn text(&self, _: &str) -> Option<Arc<str>> {
        None
    }

    fn put(&self, _: TextToPut, done: Done) {
        done(String::new());
    }
}

/// Returns what an agent is told of unsaved buffers; nothing where there is none.
pub fn told(unsaved: &[Unsaved]) -> String {
    if unsaved.is_empty() {
        return String::new();
    }
    let mut text =
        "\n\nThe developer has these files open with changes that are not saved. Work from what they see: on \
                    disk the lines with `+` are missing, and those with `-` are still there.\n"
            .to_owned();
    for (number, it) in unsaved.iter().enumerate() {
        if number == MOST_NAMED {
            let _ = write!(text, "\nAnd {} more files.\n", unsaved.len() - number);
            break;
        }
        let diff = difference(&it.disk, &it.text);
        if text.len() + diff.len() > MOST_GIVEN {
            let _ = write!(text, "\n{}: too much is changed to show it here.\n", it.path);
            continue;
        }
        // A fence that is longer than any in the text can't be closed by it.
        let longest = diff.split(|it| it != '`').map(str::len).max().unwrap_or(0);
        let fence = "`".repeat(longest.max(2) + 1);
        let _ = write!(text, "\n{}\n\n{fence}diff\n{}{fence}\n", it.path, ended(&diff));
    }
    text
}

/// Returns what a tool's answer says of buffers that it did not see; nothing where there is none.
pub fn unseen(unsaved: &[Unsaved]) -> String {
    if unsaved.is_empty() {
        return String::new();
    }
    let mut names: Vec<&str> = unsaved.iter().take(MOST_NAMED).map(|it| it.path.as_str()).collect();
    let more = unsaved.len() - names.len();
    let more_words = format!("{more} more");
    if more > 0 {
        names.push(&more_words);
    }
    format!("\n\nIt looked at the files on disk. Not saved, so not seen: {}.", names.join(", "))
}

fn ended(text: &str) -> String {
    if text.ends_with('\n') || text.is_empty() { text.to_owned() } else { format!("{text}\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unsaved(path: &str, disk: &str, text: &str) -> Unsaved {
        Unsaved { path: path.to_owned(), disk: disk.into(), text: text.into() }
    }

    #[test]
    fn an_agent_is_told_the_difference_and_a_tool_names_what_it_did_not_see() {
        assert_eq!((told(&[]), unseen(&[])), (String::new(), String::new()));
        let two = [unsaved("a.md", "one\ntwo\n", "one\n```\ntwo"), unsaved("b.md", "", &"long line\n".repeat(9_000))];
        insta::assert_snapshot!(told(&two), @r"


        The developer has these files open with changes that are not saved. Work from what they see: on disk the lines with `+` are missing, and those with `-` are still there.

        a.md

        ````diff
        @@ -1,2 +1,3 @@
         one
        -two
        +```
        +two
        ````

        b.md: too much is changed to show it here.
        ");
        assert_eq!(unseen(&two), "\n\nIt looked at the files on disk. Not saved, so not seen: a.md, b.md.");
        let many: Vec<Unsaved> = (0..30).map(|it| unsaved(&format!("f{it}"), "a", "b")).collect();
        assert!(unseen(&many).ends_with("f19, 10 more."));
        assert!(told(&many).contains("And 10 more files."));
    }
}
