//! What completes where a message is written: `@agents`, `#channels`, `/commands` with what they take, and paths.
//!
//! Pure. One answer for a channel's page, a panel's composer and any other client, so that all of them offer the same.

use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::command::COMMANDS;
use crate::{protocol::WorkflowView, workflow::plan::InputKind};

/// How many items are offered.
const MOST: usize = 200;

/// What a message may name.
#[derive(Debug, Clone, Default)]
pub struct Around<'a> {
    /// Agents: name without `@`, title, and why it can't be used, where it can't.
    pub agents: Vec<(String, String, Option<String>)>,
    /// Channels without `#`.
    pub channels: Vec<String>,
    /// Workflows.
    pub workflows: &'a [WorkflowView],
    /// Runs that have not ended: id and title.
    pub runs: Vec<(String, String)>,
    /// Paths that begin as the one that is being written; folders end in `/`.
    pub paths: Vec<String>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OfferKind {
    /// An agent, or several.
    Agent,
    /// A channel.
    Channel,
    /// A command.
    Command,
    /// A workflow.
    Workflow,
    /// An input or a role of a workflow.
    Input,
    /// A run.
    Run,
    /// A file or a folder.
    Path,
}

/// Something that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// How it is listed.
    pub label: String,
    /// What it is.
    pub kind: OfferKind,
    /// A few words beside it.
    pub detail: String,
    /// Bytes of the text that it replaces.
    pub at: Range<usize>,
    /// What takes their place.
    pub insert: String,
}

/// The word that is being written, and what may stand there.
struct Word<'a> {
    at: Range<usize>,
    written: &'a str,
    /// The command that it belongs to and the words before it, where it is one of a command.
    command: Option<(&'a str, Vec<&'a str>)>,
}

fn word(text: &str, cursor: usize) -> Option<Word<'_>> {
    let before = text.get(..cursor)?;
    let start =
        before.rfind(char::is_whitespace).map_or(0, |it| it + before[it..].chars().next().map_or(1, char::len_utf8));
    let bare = before[start..].trim_start_matches(['(', '`', '"', '\'', '[']);
    let start = cursor - bare.len();
    let tail =
        text[cursor..].find(|it: char| it.is_whitespace() || matches!(it, ')' | '`' | '"' | '\'' | ']' | ',' | ';'));
    let at = start..tail.map_or(text.len(), |it| cursor + it);
    // A command is the first word of all, and takes the rest of its line.
    let begin = text.len() - text.trim_start().len();
    let command = before.get(begin..start).filter(|it| !it.contains('\n')).and_then(|it| {
        let mut words = it.split_whitespace();
        Some((words.next()?.strip_prefix('/')?, words.collect()))
    });
    Some(Word { at, written: bare, command })
}

/// Returns the path that is being written, as far as it is, where one may be.
pub fn path_at(text: &str, cursor: usize) -> Option<String> {
    let word = word(text, cursor)?;
    let written = match (&word.command, word.written.split_once('=')) {
        (Some(_), Some((_, value))) => value.trim_start_matches(['"', '\'']),
        _ => word.written,
    };
    let takes_paths = matches!(&word.command, Some(("review", words)) if words.iter().all(|it| it.starts_with('@')))
        || matches!(&word.command, Some(("run", words)) if !words.is_empty());
    let looks = written.contains(['/', '.']) && !written.starts_with(['@', '#', '/']) && !written.contains("://");
    (takes_paths && !written.starts_with('@') || looks).then(|| written.to_owned())
}

/// Returns what can be written at a byte of a message.
pub fn offers(text: &str, cursor: usize, around: &Around<'_>) -> Vec<Offer> {
    let Some(word) = word(text, cursor) else { return Vec::new() };
    let mut list = List { at: word.at.clone(), written: word.written, offers: Vec::new() };
    let begin = text.len() - text.trim_start().len();
    if word.written.starts_with('@') {
        agents(&mut list, around, "");
        if word.command.is_none() {
            list.add("@all", OfferKind::Agent, "everybody who takes part", "@all ");
            list.add("@others", OfferKind::Agent, "everybody who is not named", "@others ");
        }
    } else if word.written.starts_with('#') {
        for name in &around.channels {
            let name = format!("#{name}");
            list.add(&name, OfferKind::Channel, "", &name);
        }
    } else if word.written.starts_with('/') && word.at.start == begin {
        for (name, takes, docs) in COMMANDS {
            let name = format!("/{name}");
            list.add(&name, OfferKind::Command, &format!("{takes}: {docs}"), &format!("{name} "));
        }
    } else if let Some((command, words)) = &word.command {
        in_command(&mut list, command, words, around);
    }
    if takes_path(&word, around) {
        paths(&mut list, &word, around);
    }
    list.offers.truncate(MOST);
    list.offers
}

/// Returns whether what is being written may be a path: not where it is the value of another input, or of a role.
fn takes_path(word: &Word<'_>, around: &Around<'_>) -> bool {
    let (Some(("run", words)), Some((name, _))) = (&word.command, word.written.split_once('=')) else { return true };
    let workflow = words.first().and_then(|name| around.workflows.iter().find(|it| it.name == **name));
    workflow.is_none_or(|it| it.inputs.iter().any(|it| it.name == name && it.kind == InputKind::Path))
}

fn agents(list: &mut List<'_>, around: &Around<'_>, before: &str) {
    // Those that are here stand above those that are not.
    for is_here in [true, false] {
        for (name, title, missing) in around.agents.iter().filter(|it| it.2.is_none() == is_here) {
            let detail = if missing.is_none() { title.clone() } else { format!("{title} (not here)") };
            list.add(&format!("{before}@{name}"), OfferKind::Agent, &detail, &format!("{before}@{name} "));
        }
    }
}

fn in_command(list: &mut List<'_>, command: &str, words: &[&str], around: &Around<'_>) {
    match (command, words) {
        ("run", []) => {
            for it in around.workflows.iter().filter(|it| !it.broken) {
                let from = if it.from == "builtIn" { "" } else { " (yours)" };
                list.add(&it.name, OfferKind::Workflow, &format!("{}{from}", it.title), &format!("{} ", it.name));
            }
        }
        ("run", [workflow, given @ ..]) => {
            let Some(workflow) = around.workflows.iter().find(|it| it.name == *workflow) else { return };
            let is_given = |name: &str| given.iter().any(|it| it.split_once('=').is_some_and(|it| it.0 == name));
            for input in workflow.inputs.iter().filter(|it| !is_given(&it.name)) {
                let needed = if input.default.is_none() { "needed. " } else { "" };
                let insert = if input.kind == InputKind::Text {
                    format!("{}=\"\"", input.name)
                } else {
                    format!("{}=", input.name)
                };
                list.add(
                    &format!("{}=", input.name),
                    OfferKind::Input,
                    &format!("{needed}{}", input.description),
                    &insert,
                );
            }
            for role in workflow.roles.iter().filter(|it| !is_given(it.id.as_str())) {
                let before = format!("{}=", role.id);
                if list.written.starts_with(&before) {
                    agents(list, around, &before);
                } else {
                    list.add(&before, OfferKind::Input, &role.description, &format!("{before}@"));
                }
            }
        }
        ("pause" | "resume" | "cancel" | "undo", []) => {
            for (run, title) in &around.runs {
                list.add(run, OfferKind::Run, title, run);
            }
        }
        ("review", words) if !words.is_empty() => agents(list, around, ""),
        _ => {}
    }
}

fn paths(list: &mut List<'_>, word: &Word<'_>, around: &Around<'_>) {
    if around.paths.is_empty() {
        return;
    }
    let before = match (&word.command, word.written.split_once('=')) {
        (Some(_), Some((name, _))) => format!("{name}="),
        _ => String::new(),
    };
    for path in &around.paths {
        let whole = format!("{before}{path}");
        let label = path.as_str();
        if whole.starts_with(list.written) {
            list.push(label, OfferKind::Path, "", &whole);
        }
    }
}

struct List<'a> {
    at: Range<usize>,
    written: &'a str,
    offers: Vec<Offer>,
}

impl List<'_> {
    /// Adds an item that begins as what is written.
    fn add(&mut self, label: &str, kind: OfferKind, detail: &str, insert: &str) {
        if label.starts_with(self.written) {
            self.push(label, kind, detail, insert);
        }
    }

    fn push(&mut self, label: &str, kind: OfferKind, detail: &str, insert: &str) {
        let (label, detail, insert) = (label.to_owned(), detail.to_owned(), insert.to_owned());
        self.offers.push(Offer { label, kind, detail, at: self.at.clone(), insert });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{InputView, RoleView};

    fn workflows() -> Vec<WorkflowView> {
        let input =
            |name: &str, kind, default| InputView { name: name.to_owned(), kind, description: String::new(), default };
        vec![WorkflowView {
            name: "build".to_owned(),
            title: "Build".to_owned(),
            description: String::new(),
            category: crate::workflow::plan::Category::Build,
            from: "builtIn".to_owned(),
            path: None,
            broken: false,
            inputs: vec![input("path", InputKind::Path, Some(".".into())), input("task", InputKind::Text, None)],
            roles: vec![RoleView {
                id: "fixer".parse().unwrap(),
                description: "Fixes.".to_owned(),
                prefer: Vec::new(),
                good_for: None,
                access: crate::agent::Access::Write,
                seats: 1,
            }],
        }]
    }

    #[track_caller]
    fn offered(source: &str) -> Vec<Offer> {
        let cursor = source.find("$0").expect("a cursor");
        let text = source.replacen("$0", "", 1);
        let workflows = workflows();
        let all = ["src/", "src/a.rs", "src/b/", "README.md"];
        let prefix = path_at(&text, cursor);
        let paths = prefix.map_or_else(Vec::new, |prefix| {
            all.iter().filter(|it| it.starts_with(&prefix)).map(|it| (*it).to_owned()).collect()
        });
        let around = Around {
            agents: vec![
                ("codex".to_owned(), "Codex".to_owned(), Some("not installed".to_owned())),
                ("claude".to_owned(), "Claude".to_owned(), None),
            ],
            channels: vec!["main".to_owned(), "ops".to_owned()],
            workflows: &workflows,
            runs: vec![("r1".to_owned(), "Build".to_owned())],
            paths,
        };
        offers(&text, cursor, &around)
    }

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let labels: Vec<String> = offered(source).into_iter().map(|it| it.label).collect();
        assert_eq!(labels.join(" "), expected, "{source:?}");
    }

    #[track_caller]
    fn chosen(source: &str, label: &str, expected: &str) {
        let offers = offered(source);
        let offer = offers.iter().find(|it| it.label == label).unwrap_or_else(|| panic!("no {label:?} in {offers:?}"));
        let mut text = source.replacen("$0", "", 1);
        text.replace_range(offer.at.clone(), &offer.insert);
        assert_eq!(text, expected);
    }

    #[test]
    fn agents_channels_and_commands_complete_where_they_mean_something() {
        check("@$0", "@claude @codex @all @others");
        check("why, @cl$0?", "@claude");
        check("(@co$0", "@codex");
        check("mail@$0", "");
        check("see #$0", "#main #ops");
        check("/$0", "/ask /cancel /pause /resume /review /run /undo");
        check("  /re$0", "/resume /review");
        check("not a /re$0", "");
        check("$0", "");
        chosen("why, @cl$0aude-2?", "@claude", "why, @claude ");
        chosen("/re$0", "/review", "/review ");
    }

    #[test]
    fn a_command_completes_what_it_takes() {
        check("/run $0", "build");
        check("/run b$0", "build");
        check("/run build $0", "path= task= fixer= src/ src/a.rs src/b/ README.md");
        check("/run build path=sr$0", "src/ src/a.rs src/b/");
        chosen("/run build path=sr$0", "src/a.rs", "/run build path=src/a.rs");
        check("/run build path=x fixer=$0", "fixer=@claude fixer=@codex");
        check("/run build fixer=@cl$0", "fixer=@claude");
        chosen("/run build ta$0", "task=", "/run build task=\"\"");
        check("/review $0", "src/ src/a.rs src/b/ README.md");
        check("/review src/a.rs @$0", "@claude @codex");
        check("/cancel $0", "r1");
        check("/ask @$0", "@claude @codex");
        // A command is one line.
        check("/run build\n$0", "");
    }

    #[test]
    fn paths_complete_where_one_is_begun() {
        check("look at src/$0", "src/ src/a.rs src/b/");
        check("look at `src/a$0`", "src/a.rs");
        check("look at sr$0", "");
        check("see https://x.y/s$0", "");
        chosen("look at `src/a$0`", "src/a.rs", "look at `src/a.rs`");
    }
}
