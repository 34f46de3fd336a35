//! What completes in a message, with what is around this hub: for pages, and for panels by `callboard/complete`.

use std::path::Path;

use tower_lsp::lsp_types::{CompletionItem, CompletionItemKind, CompletionTextEdit, Position, TextEdit, Url};

use super::sheet;
use crate::{
    channel::compose::{Around, Offer, OfferKind, offers, path_at},
    lsp::{editor::Editor, language::Places},
    protocol::{CompleteItem, CompleteParams, CompleteResult, RunsParams},
    workspace::position::Encoding,
};

/// How many paths of a folder are looked at, and how many are offered.
const MOST_LOOKED_AT: usize = 5_000;
const MOST_PATHS: usize = 100;

/// The longest message that is completed in.
const MOST_TEXT: usize = crate::channel::MESSAGE_LIMIT;

/// Returns what can be written at a byte of a message.
pub async fn complete(editor: &Editor, text: &str, cursor: usize) -> Vec<Offer> {
    if text.len() > MOST_TEXT || !text.is_char_boundary(cursor) {
        return Vec::new();
    }
    let library = editor.shared.library().await;
    let paths = match path_at(text, cursor) {
        Some(begun) => {
            let list = move |it: &dyn crate::lsp::shared::Surroundings| {
                // Nothing of a workspace that is not trusted is looked at (promise 7).
                Ok(it.root().filter(|_| it.is_trusted()).map_or_else(Vec::new, |root| paths(&root, &begun)))
            };
            editor.shared.off_thread(list).await.unwrap_or_default()
        }
        None => Vec::new(),
    };
    let snapshot = editor.shared.hub.snapshot();
    let agents = snapshot.agents().into_iter().map(|it| it.info);
    let live = snapshot.runs(&RunsParams { run: None, live: false }).unwrap_or_default();
    let around = Around {
        agents: agents.map(|it| (it.name.as_str().to_owned(), it.title, it.missing)).collect(),
        channels: snapshot.channels().into_iter().map(|it| it.name.as_str().to_owned()).collect(),
        workflows: &library,
        runs: live.into_iter().rev().take(20).map(|it| (it.id.to_string(), it.title)).collect(),
        paths,
    };
    offers(text, cursor, &around)
}

/// Returns the paths of the workspace that begin so; folders end in `/`. No link is followed out of it.
fn paths(root: &Path, begun: &str) -> Vec<String> {
    let begun = begun.strip_prefix("./").unwrap_or(begun);
    let (folder, name) = begun.rsplit_once('/').map_or(("", begun), |it| it);
    if Path::new(folder).components().any(|it| !matches!(it, std::path::Component::Normal(_))) {
        return Vec::new();
    }
    let Ok(real) = std::fs::canonicalize(root.join(folder)) else { return Vec::new() };
    let Some(entries) = Some(real).filter(|it| it.starts_with(root)).and_then(|it| std::fs::read_dir(it).ok()) else {
        return Vec::new();
    };
    let before = if folder.is_empty() { String::new() } else { format!("{folder}/") };
    let mut found: Vec<String> = Vec::new();
    for entry in entries.take(MOST_LOOKED_AT).filter_map(Result::ok) {
        let Ok(own) = entry.file_name().into_string() else { continue };
        let hidden = own.starts_with('.') && !name.starts_with('.');
        if !own.starts_with(name) || own == ".git" || hidden {
            continue;
        }
        let end = if entry.file_type().is_ok_and(|it| it.is_dir()) { "/" } else { "" };
        found.push(format!("{before}{own}{end}"));
    }
    found.sort();
    found.truncate(MOST_PATHS);
    found
}

/// Answers `callboard/complete`. Places count what the client counts.
pub async fn answer(editor: &Editor, params: CompleteParams) -> CompleteResult {
    let CompleteParams { text, cursor } = params;
    let encoding = editor.wishes().encoding;
    let items = complete(editor, &text, byte(&text, cursor, encoding)).await;
    let items = items.into_iter().map(|it| CompleteItem {
        label: it.label,
        kind: it.kind,
        detail: it.detail,
        start: units(&text[..it.at.start], encoding),
        end: units(&text[..it.at.end], encoding),
        insert: it.insert,
    });
    CompleteResult { items: items.collect() }
}

fn width(it: char, encoding: Encoding) -> u32 {
    u32::try_from(if encoding == Encoding::Utf8 { it.len_utf8() } else { it.len_utf16() }).unwrap_or(1)
}

fn units(text: &str, encoding: Encoding) -> u32 {
    text.chars().map(|it| width(it, encoding)).sum()
}

fn byte(text: &str, cursor: u32, encoding: Encoding) -> usize {
    let mut left = cursor;
    for (at, it) in text.char_indices() {
        if left < width(it, encoding) {
            return at;
        }
        left -= width(it, encoding);
    }
    text.len()
}

/// Returns what can be written at a place of a channel's page; `None` where the file is none.
pub async fn on_page(editor: &Editor, uri: &Url, at: Position) -> Option<Vec<CompletionItem>> {
    let name = editor.channel_of(uri)?;
    let text = editor.channels.text(&name)?;
    let places = Places::new(&text, editor.wishes().encoding);
    let offset = places.offset(at);
    let start = sheet::draft_at(&text, name.as_str()).filter(|it| *it <= offset)?;
    let offers = complete(editor, &text[start..], offset - start).await;
    let items = offers.into_iter().enumerate().map(|(number, it)| {
        let range = places.range(&(start + it.at.start..start + it.at.end));
        CompletionItem {
            sort_text: Some(format!("{number:04}")),
            filter_text: Some(it.insert.trim_end().to_owned()),
            label: it.label,
            kind: Some(match it.kind {
                OfferKind::Agent => CompletionItemKind::CLASS,
                OfferKind::Channel => CompletionItemKind::MODULE,
                OfferKind::Command => CompletionItemKind::FUNCTION,
                OfferKind::Workflow | OfferKind::Run => CompletionItemKind::REFERENCE,
                OfferKind::Input => CompletionItemKind::PROPERTY,
                OfferKind::Path => CompletionItemKind::FILE,
            }),
            detail: Some(it.detail).filter(|it| !it.is_empty()),
            text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: it.insert })),
            ..CompletionItem::default()
        }
    });
    Some(items.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_inside() {
        let temp = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(temp.path()).unwrap();
        std::fs::create_dir_all(root.join("src/b")).unwrap();
        std::fs::create_dir_all(root.join(".git")).unwrap();
        for file in ["src/a.rs", "README.md", ".env"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        assert_eq!(paths(&root, ""), ["README.md", "src/"]);
        assert_eq!(paths(&root, "./s"), ["src/"]);
        assert_eq!(paths(&root, "src/"), ["src/a.rs", "src/b/"]);
        assert_eq!(paths(&root, ".e"), [".env"]);
        for out in ["../", "src/../../", "/etc/"] {
            assert_eq!(paths(&root, out), Vec::<String>::new(), "{out}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc", root.join("out")).unwrap();
            assert_eq!(paths(&root, "out/"), Vec::<String>::new());
        }
    }

    #[test]
    fn places_count_what_the_client_counts() {
        let text = "ä😀@c";
        for (encoding, cursor) in [(Encoding::Utf8, 8), (Encoding::Utf16, 5)] {
            assert_eq!(byte(text, cursor, encoding), text.len());
            assert_eq!(units(text, encoding), cursor);
        }
        assert_eq!(byte(text, 2, Encoding::Utf16), 2, "within a pair counts as before it");
        assert_eq!(byte(text, 99, Encoding::Utf16), text.len());
    }
}
