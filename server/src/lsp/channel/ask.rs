//! What is said of a place on a channel's page: a message's deliveries and what was sent, threads as an outline, ways to code.

use std::{fmt::Write as _, ops::Range, path::Path, sync::OnceLock};

use regex::Regex;
use tower_lsp::lsp_types::{
    DocumentLink, DocumentSymbol, DocumentSymbolResponse, GotoDefinitionResponse, Hover, HoverContents, Location,
    MarkupContent, MarkupKind, Position, SymbolKind, Url,
};

use super::sheet;
use crate::{
    hub::snapshot::Snapshot,
    ids::{MessageId, PauseId},
    lsp::{
        editor::Editor,
        language::{Places, plain_symbol},
    },
    protocol::{RunsParams, SentParams},
    workflow::prompt::fenced,
};

/// How many links of a page are looked up.
const MOST_LINKS: usize = 200;
/// How much of a prompt is shown, in characters.
const MOST_PROMPT: usize = 4_000;

/// Returns what is said of a message: what became of it, how long it took, and what was sent.
pub fn hover(editor: &Editor, snapshot: &Snapshot, uri: &Url, at: Position) -> Option<Hover> {
    let name = editor.channel_of(uri)?;
    let text = editor.channels.text(&name)?;
    let places = Places::new(&text, editor.wishes().encoding);
    let id = sheet::message_at(&text, places.offset(at), name.as_str())?;
    let value = said(snapshot, id)?;
    Some(Hover { contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }), range: None })
}

fn said(snapshot: &Snapshot, id: MessageId) -> Option<String> {
    let message = snapshot.state().message(id)?;
    let mut text = format!("**{id}**, {}", super::clock(message.at));
    let about = &message.about;
    for what in [
        about.run.map(|it| it.to_string()),
        about.step.as_ref().map(|it| format!("step {it}")),
        about.pause.map(|it| it.to_string()),
    ]
    .into_iter()
    .flatten()
    {
        let _ = write!(text, ", {what}");
    }
    for delivery in &message.deliveries {
        let _ = write!(text, "\n\n- {}: {}", delivery.agent, sheet::state(&delivery.state));
    }
    if message.hops > 0 {
        let _ = write!(text, "\n\nPassed on by {} agents since a person spoke.", message.hops);
    }
    if let Some(run) = about.run.and_then(|it| snapshot.runs(&RunsParams { run: Some(it), live: false }).ok()?.pop()) {
        let tokens = run.usage.tokens.map(|it| format!("{it} tokens"));
        let money = run.usage.micro_dollars.map(|it| format!("${}.{:04}", it / 1_000_000, it % 1_000_000 / 100));
        let used: Vec<String> = tokens.into_iter().chain(money).collect();
        if !used.is_empty() {
            let _ = write!(text, "\n\n{} has cost {} so far.", run.id, used.join(", "));
        }
    }
    let turns = snapshot.sent(&SentParams { turn: None, message: Some(id) }).unwrap_or_default();
    for turn in &turns {
        let lasted = turn.started.zip(turn.ended).map(|(from, to)| to.0.saturating_sub(from.0));
        let lasted = lasted.map_or(String::new(), |it| format!(" in {}.{} s", it / 1_000, it % 1_000 / 100));
        let _ = write!(text, "\n\n**What {} was sent** ({}{lasted})", turn.agent, turn.id);
        if turn.prompt.is_empty() {
            let _ = write!(text, "\n\n`callboard channel sent {id}` reads it from the journal.");
            continue;
        }
        let short: String = turn.prompt.chars().take(MOST_PROMPT).collect();
        let _ = write!(text, "\n\n{}", fenced(&short, "text"));
        if short.len() < turn.prompt.len() {
            let _ = write!(text, "\n\n… and more: `callboard channel sent {id}`");
        }
    }
    Some(text)
}

/// Returns a page's threads as an outline.
pub fn symbols(editor: &Editor, uri: &Url) -> Option<DocumentSymbolResponse> {
    let name = editor.channel_of(uri)?;
    let text = editor.channels.text(&name)?;
    let places = Places::new(&text, editor.wishes().encoding);
    let end = sheet::draft_at(&text, name.as_str()).unwrap_or(text.len());
    let mut heads: Vec<(usize, MessageId, String)> = Vec::new();
    let mut start = 0;
    for line in text[..end].split_inclusive('\n') {
        if let Some((id, _)) = sheet::head_of(line) {
            heads.push((start, id, line.trim().to_owned()));
        }
        start += line.len();
    }
    let mut top: Vec<(MessageId, DocumentSymbol)> = Vec::new();
    for (index, (at, id, line)) in heads.iter().enumerate() {
        let next = heads.get(index + 1).map_or(end, |it| it.0);
        let name = line.trim_start_matches(['#', '—', ' ']).to_owned();
        let first = text[at + line.len()..next].lines().map(str::trim).find(|it| !it.is_empty()).unwrap_or_default();
        let (whole, head) = (places.range(&(*at..next)), places.range(&(*at..at + line.len())));
        let detail = first.chars().take(80).collect();
        let symbol = plain_symbol(name.clone(), detail, SymbolKind::STRING, whole, head, Vec::new());
        let thread = name.rsplit_once(", to ").and_then(|it| it.1.parse::<MessageId>().ok());
        match thread.and_then(|thread| top.iter_mut().find(|it| it.0 == thread)) {
            Some((_, parent)) => parent.children.get_or_insert_default().push(symbol),
            None => top.push((*id, symbol)),
        }
    }
    Some(DocumentSymbolResponse::Nested(top.into_iter().map(|it| it.1).collect()))
}

/// A place of the code that a page speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spoken {
    at: Range<usize>,
    path: String,
    /// From 1.
    line: u32,
}

/// Finds what looks like a file with or without its line.
fn spoken(text: &str) -> Vec<Spoken> {
    static LOOKS: OnceLock<Option<Regex>> = OnceLock::new();
    let looks =
        LOOKS.get_or_init(|| Regex::new(r"[A-Za-z0-9_][\w./+-]*\.[A-Za-z][A-Za-z0-9]{0,7}(?::(\d{1,7}))?").ok());
    let Some(looks) = looks else { return Vec::new() };
    let found = looks.captures_iter(text).filter_map(|it| {
        let whole = it.get(0)?;
        let line = it.get(1).and_then(|it| it.as_str().parse().ok());
        let path = whole.as_str().split(':').next()?.to_owned();
        // An address is no path, and neither is what stands above the root.
        let before = &text[..whole.start()];
        let outside = before.ends_with(['/', '@', ':', '.']) || path.contains("..") || path.contains("//");
        (!outside).then(|| Spoken { at: whole.range(), path, line: line.unwrap_or(0) })
    });
    found.take(MOST_LINKS).collect()
}

fn is_there(root: &Path, path: &str) -> bool {
    std::fs::canonicalize(root.join(path)).is_ok_and(|it| it.starts_with(root) && it.is_file())
}

/// Returns the ways to code that a page names, those that are there.
pub async fn links(editor: &Editor, uri: &Url) -> Option<Vec<DocumentLink>> {
    let name = editor.channel_of(uri)?;
    let text = editor.channels.text(&name)?;
    let found = spoken(&text);
    let known = editor.shared.off_thread(move |it| {
        let root = it.root().filter(|_| it.is_trusted());
        Ok(root.map_or_else(Vec::new, |root| found.into_iter().filter(|it| is_there(&root, &it.path)).collect()))
    });
    let places = Places::new(&text, editor.wishes().encoding);
    let links = known.await.unwrap_or_default().into_iter().filter_map(|it| {
        let mut target = editor.folder().uri(&it.path)?;
        if it.line > 0 {
            target.set_fragment(Some(&format!("L{}", it.line)));
        }
        let range = places.range(&it.at);
        Some(DocumentLink { range, target: Some(target), tooltip: None, data: None })
    });
    Some(links.collect())
}

/// Returns where what stands at a place leads: a file's line, another message, the page of a pause.
pub async fn definition(editor: &Editor, uri: &Url, at: Position) -> Option<GotoDefinitionResponse> {
    let name = editor.channel_of(uri)?;
    let text = editor.channels.text(&name)?;
    let places = Places::new(&text, editor.wishes().encoding);
    let offset = places.offset(at);
    let there = |uri: Url, at: Position| {
        Some(GotoDefinitionResponse::Scalar(Location {
            uri,
            range: tower_lsp::lsp_types::Range { start: at, end: at },
        }))
    };
    if let Some(spot) = spoken(&text).into_iter().find(|it| it.at.start <= offset && offset <= it.at.end) {
        let (path, line) = (spot.path.clone(), spot.line.saturating_sub(1));
        let known = editor.shared.off_thread(move |it| {
            Ok(it.root().as_ref().is_some_and(|root| it.is_trusted() && is_there(root, &spot.path)))
        });
        return if known.await.ok()? {
            there(editor.folder().uri(&path)?, Position { line, character: 0 })
        } else {
            None
        };
    }
    let is_word = |it: char| it.is_ascii_alphanumeric();
    let start = text[..offset]
        .rfind(|it| !is_word(it))
        .map_or(0, |it| it + text[it..].chars().next().map_or(1, char::len_utf8));
    let end = offset + text[offset..].find(|it| !is_word(it)).unwrap_or(text.len() - offset);
    let word = &text[start..end];
    if let Ok(pause) = word.parse::<PauseId>() {
        return there(editor.page_uri(pause)?, super::TOP);
    }
    let id = word.parse::<MessageId>().ok()?;
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        if sheet::head_of(line).is_some_and(|it| it.0 == id) {
            return there(uri.clone(), places.position(begin));
        }
        begin += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_code_is_found() {
        let text = "See src/lib.rs:12, README.md and `a/b-c.test.ts:3:4`; not https://x.org/a.html, ../x.rs, v1.2 or e.g. this.";
        let found: Vec<(String, u32)> = spoken(text).into_iter().map(|it| (it.path, it.line)).collect();
        let expected = [("src/lib.rs", 12), ("README.md", 0), ("a/b-c.test.ts", 3)];
        let named: Vec<(&str, u32)> = found.iter().map(|it| (it.0.as_str(), it.1)).collect();
        for wanted in expected {
            assert!(named.contains(&wanted), "{wanted:?} is not among {named:?}");
        }
        assert!(!named.iter().any(|it| it.0.contains("..") || it.0 == "a.html"), "{named:?}");
    }
}
