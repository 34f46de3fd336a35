//! Code actions: what can be done with a file, with selected lines, with a finding, and at a pause point's page.
//!
//! Each is a command with its arguments, so that it does the same from a menu, a lens and a key.

use serde_json::{Value, json};
use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Command, Diagnostic, Range,
};

use crate::{
    finding::Finding,
    hub::snapshot::Snapshot,
    ids::AgentName,
    lsp::{
        channel,
        diagnostics::{self, finding_of},
        editor::Editor,
        hunks::{self, Waiting},
        language, lenses, people,
        shared::Offer,
        wishes::SOURCE,
    },
    workspace::{hunks::Hunk, position::offset},
};

/// How many findings of one place have actions of their own.
const MOST_FINDINGS: usize = 5;

/// How many problems that others reported can be sent on from one place.
const MOST_PROBLEMS: usize = 2;

/// How many findings one message names.
const MOST_AT_ONCE: usize = 50;

/// Returns what can be done here.
pub fn actions(
    editor: &Editor,
    snapshot: &Snapshot,
    offers: &[Offer],
    changes: &[Waiting],
    params: &CodeActionParams,
) -> Vec<CodeActionOrCommand> {
    let uri = &params.text_document.uri;
    let source = CodeActionKind::new(SOURCE);
    let mut menu = Menu { as_commands: !editor.wishes().actions, only: params.context.only.clone(), items: Vec::new() };
    if let Some(pause) = editor.pause_of(uri) {
        for command in lenses::decisions(editor, snapshot, pause) {
            menu.command(CodeActionKind::QUICKFIX, command);
        }
        return menu.items;
    }
    if let Some(name) = editor.channel_of(uri) {
        for (_, title, command, arguments) in channel::offers(editor, snapshot, &name) {
            menu.add(source.clone(), &title, command, arguments);
        }
        if let Some(id) = channel::message_at(editor, &name, params.range.start) {
            let arguments = json!({ "channel": name, "draft": format!("{id}: ") });
            menu.add(source, &format!("Answer {id}"), "callboard.openChannel", arguments);
        }
        return menu.items;
    }
    let Some(path) = editor.folder().path(uri) else { return menu.items };
    if !snapshot.is_trusted() {
        menu.add(source, "Trust this workspace…", "callboard.trust", json!({}));
        return menu.items;
    }
    let here = findings(editor, snapshot, &path, params);
    for (finding, line) in &here {
        let diagnostic = params.context.diagnostics.iter().find(|it| finding_of(it) == Some(finding.id));
        on_finding(&mut menu, snapshot, finding, *line, diagnostic);
    }
    if !here.is_empty() {
        on_all(&mut menu, snapshot, &path);
    }
    let others = params.context.diagnostics.iter().filter(|it| finding_of(it).is_none());
    for problem in others.take(MOST_PROBLEMS) {
        on_problem(&mut menu, snapshot, &path, problem);
    }
    for command in lenses::waiting(snapshot, &path) {
        menu.command(source.clone(), command);
    }
    on_changes(&mut menu, editor, snapshot, changes, params.range);
    let lines = selected(params.range);
    review(&mut menu, snapshot, &path, lines);
    for offer in offers.iter().filter(|it| it.name != "review-file") {
        let mut inputs = serde_json::Map::new();
        inputs.insert(offer.path.clone(), Value::from(path.clone()));
        let arguments = json!({ "workflow": offer.name, "inputs": inputs });
        menu.add(source.clone(), &format!("Run {} here", offer.title), "callboard.run", arguments);
    }
    let text = excerpt(editor, &path, params.range);
    for agent in people::talkers(snapshot) {
        let what = if lines.is_some() { "these lines" } else { "this file" };
        let message = people::about(&agent, &path, lines, &text);
        menu.add(source.clone(), &format!("Ask {agent} about {what}"), "callboard.post", json!({ "text": message }));
    }
    menu.items
}

/// Adds what can be done with the changes that the range touches.
fn on_changes(menu: &mut Menu, editor: &Editor, snapshot: &Snapshot, changes: &[Waiting], range: Range) {
    for waiting in changes {
        let places = language::Places::new(&waiting.document.text, editor.wishes().encoding);
        let touches = |it: &&Hunk| {
            let at = places.range(&(it.range.start..it.range.end.saturating_sub(1).max(it.range.start)));
            at.start.line <= range.end.line && range.start.line <= at.end.line
        };
        if let Some(hunk) = waiting.hunks.iter().find(touches) {
            for command in hunks::commands(editor, snapshot, waiting, hunk, changes.len() > 1) {
                menu.command(CodeActionKind::QUICKFIX, command);
            }
        }
    }
}

fn review(menu: &mut Menu, snapshot: &Snapshot, path: &str, lines: Option<(u32, u32)>) {
    let source = CodeActionKind::new(SOURCE);
    let agents: Vec<Option<AgentName>> =
        std::iter::once(None).chain(people::reviewers(snapshot).into_iter().map(Some)).collect();
    for agent in agents {
        let with = agent.as_ref().map_or(String::new(), |it| format!(" with {it}"));
        let mut arguments = json!({ "path": path });
        if let Some(agent) = &agent {
            arguments["agent"] = json!(agent);
        }
        menu.add(source.clone(), &format!("Review this file{with}"), "callboard.review", arguments.clone());
        // A linter looks at whole files.
        let by_tool = agent.as_ref().is_some_and(|it| people::is_tool(snapshot, it));
        if let Some((first, last)) = lines.filter(|_| !by_tool) {
            arguments["startLine"] = first.into();
            arguments["endLine"] = last.into();
            menu.add(source.clone(), &format!("Review the selected lines{with}"), "callboard.review", arguments);
        }
    }
}

fn on_finding(menu: &mut Menu, snapshot: &Snapshot, finding: &Finding, line: u32, diagnostic: Option<&Diagnostic>) {
    let id = finding.id;
    let mut add = |title: &str, command: &str, arguments: Value, preferred: bool| {
        menu.on(CodeActionKind::QUICKFIX, title, command, arguments, diagnostic.cloned(), preferred);
    };
    for (number, agent) in people::fixers(snapshot, finding).into_iter().enumerate() {
        let arguments = json!({ "finding": id, "agent": agent });
        add(&format!("Fix {id} with {agent}"), "callboard.fixFinding", arguments, number == 0);
    }
    add(&format!("Dismiss {id}…"), "callboard.dismissFinding", json!({ "finding": id }), false);
    let accept = json!({ "finding": id, "how": "accept" });
    add(&format!("Accept the risk of {id}"), "callboard.dismissFinding", accept, false);
    for agent in finding.sources.iter().filter(|it| !people::is_tool(snapshot, it)) {
        let text = people::why(agent, finding, line);
        add(&format!("Ask {agent} why {id}"), "callboard.post", json!({ "text": text }), false);
    }
}

/// Adds what can be done with all findings of a file at once.
fn on_all(menu: &mut Menu, snapshot: &Snapshot, path: &str) {
    let kind = CodeActionKind::QUICKFIX;
    let all: Vec<&Finding> = diagnostics::of_file(snapshot, path).take(MOST_AT_ONCE).collect();
    if let [first, _, ..] = all[..] {
        for agent in people::fixers(snapshot, first) {
            // A tool fixes what a tool found; what it is not there for it would only decline.
            let is_tool = people::is_tool(snapshot, &agent);
            let fits = |it: &&&Finding| !is_tool || people::fixers(snapshot, it).contains(&agent);
            let findings: Vec<&Finding> = all.iter().filter(fits).copied().collect();
            let title = format!("Fix all {} findings of this file with {agent}", findings.len());
            let text = people::fix_all(&agent, path, &findings);
            menu.add(kind.clone(), &title, "callboard.post", json!({ "text": text }));
        }
    }
    let reviewers = people::reviewers(snapshot);
    let mut sources: Vec<&AgentName> =
        all.iter().flat_map(|it| &it.sources).filter(|it| reviewers.contains(it)).collect();
    sources.sort();
    sources.dedup();
    for agent in sources {
        let arguments = json!({ "path": path, "agent": agent });
        menu.add(kind.clone(), &format!("Check this file again with {agent}"), "callboard.review", arguments);
    }
}

/// Adds what can be done with a problem that something else in the editor reported.
fn on_problem(menu: &mut Menu, snapshot: &Snapshot, path: &str, problem: &Diagnostic) {
    let source = problem.source.clone().unwrap_or_default();
    for agent in people::talkers(snapshot) {
        let text = people::problem(&agent, path, problem.range.start.line + 1, &source, &problem.message);
        let (title, arguments) = (format!("Send this problem to {agent}"), json!({ "text": text }));
        menu.on(CodeActionKind::QUICKFIX, &title, "callboard.post", arguments, Some(problem.clone()), false);
    }
}

/// Returns the findings that stand in the range, or that the client names, with the line that each is on now.
fn findings<'a>(
    editor: &Editor,
    snapshot: &'a Snapshot,
    path: &'a str,
    params: &CodeActionParams,
) -> Vec<(&'a Finding, u32)> {
    let named: Vec<_> = params.context.diagnostics.iter().filter_map(finding_of).collect();
    let Some((document, marks)) = editor.marks(path, diagnostics::of_file(snapshot, path)) else { return Vec::new() };
    let encoding = editor.wishes().encoding;
    let mut found: Vec<(&Finding, u32)> = Vec::new();
    for (finding, mark) in marks {
        let range = diagnostics::range(&document.text, &mark, encoding);
        let touches = range.start.line <= params.range.end.line && params.range.start.line <= range.end.line;
        if touches || named.contains(&finding.id) {
            found.push((finding, range.start.line + 1));
        }
    }
    found.truncate(MOST_FINDINGS);
    found
}

/// Returns the lines of a selection, from 1; `None` where it is only a place.
fn selected(range: Range) -> Option<(u32, u32)> {
    if range.start == range.end {
        return None;
    }
    // A selection of whole lines ends before the first character of the next.
    let last =
        if range.end.character == 0 && range.end.line > range.start.line { range.end.line } else { range.end.line + 1 };
    Some((range.start.line + 1, last))
}

/// Returns the selected text as it is in the editor.
fn excerpt(editor: &Editor, path: &str, range: Range) -> String {
    let Some(document) = editor.shared.documents.held(path, editor.id) else { return String::new() };
    let encoding = editor.wishes().encoding;
    let at = |line, character| offset(&document.text, (line, character), encoding);
    let (start, end) = (at(range.start.line, 0), at(range.end.line, range.end.character));
    document.text.get(start..end.max(start)).unwrap_or("").to_owned()
}

/// The actions in the making.
struct Menu {
    as_commands: bool,
    only: Option<Vec<CodeActionKind>>,
    items: Vec<CodeActionOrCommand>,
}

impl Menu {
    fn add(&mut self, kind: CodeActionKind, title: &str, command: &str, arguments: Value) {
        self.on(kind, title, command, arguments, None, false);
    }

    fn command(&mut self, kind: CodeActionKind, command: Command) {
        let Command { title, command, arguments } = command;
        let arguments = arguments.and_then(|mut it| it.pop()).unwrap_or_default();
        self.add(kind, &title, &command, arguments);
    }

    fn on(
        &mut self,
        kind: CodeActionKind,
        title: &str,
        command: &str,
        arguments: Value,
        diagnostic: Option<Diagnostic>,
        preferred: bool,
    ) {
        if !self.wants(&kind) {
            return;
        }
        let title = title.to_owned();
        let command = Command { title: title.clone(), command: command.to_owned(), arguments: Some(vec![arguments]) };
        self.items.push(if self.as_commands {
            CodeActionOrCommand::Command(command)
        } else {
            CodeActionOrCommand::CodeAction(CodeAction {
                title,
                kind: Some(kind),
                diagnostics: diagnostic.map(|it| vec![it]),
                command: Some(command),
                is_preferred: preferred.then_some(true),
                ..CodeAction::default()
            })
        });
    }

    /// Returns whether a kind is asked for: all are, or one that it is, or is below.
    fn wants(&self, kind: &CodeActionKind) -> bool {
        let below = |of: &CodeActionKind| {
            kind.as_str().strip_prefix(of.as_str()).is_some_and(|it| it.is_empty() || it.starts_with('.'))
                || of.as_str().is_empty()
        };
        self.only.as_ref().is_none_or(|it| it.iter().any(below))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tower_lsp::lsp_types::Position;

    #[test]
    fn only_the_kinds_that_are_asked_for_are_made() {
        let wants = |only: Option<&[&'static str]>, kind: &'static str| {
            let only = only.map(|it| it.iter().map(|it| CodeActionKind::new(it)).collect());
            Menu { as_commands: false, only, items: Vec::new() }.wants(&CodeActionKind::new(kind))
        };
        assert!(wants(None, SOURCE));
        assert!(wants(Some(&["source"]), SOURCE));
        assert!(wants(Some(&["refactor", "source.callboard"]), SOURCE));
        assert!(wants(Some(&[""]), "quickfix"));
        assert!(!wants(Some(&["source.organizeImports"]), SOURCE));
        assert!(!wants(Some(&["sour"]), SOURCE));
        assert!(!wants(Some(&[]), SOURCE));
    }

    #[test]
    fn a_selection_of_whole_lines_ends_with_the_last_of_them() {
        let range = |a, b, c, d| Range::new(Position::new(a, b), Position::new(c, d));
        assert_eq!(selected(range(3, 2, 3, 2)), None);
        assert_eq!(selected(range(3, 0, 5, 0)), Some((4, 5)));
        assert_eq!(selected(range(3, 0, 5, 1)), Some((4, 6)));
        assert_eq!(selected(range(3, 1, 3, 4)), Some((4, 4)));
    }
}
