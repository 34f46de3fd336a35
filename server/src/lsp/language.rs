//! Callboard's own files as a language, in an editor's terms: what `workflow::language` says, as the protocol has it.
//!
//! What is said is made from the buffer that the client sent, so nothing is read from the disk for it and an untrusted workspace's
//! file is helped with too (promise 7).

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use tower_lsp::lsp_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CompletionItem, CompletionItemKind,
    CompletionTextEdit, Diagnostic, DiagnosticSeverity, DocumentSymbol, DocumentSymbolResponse, Documentation,
    FoldingRange, GotoDefinitionResponse, Hover, HoverContents, InsertTextMode, Location, MarkupContent, MarkupKind,
    NumberOrString, Position, PrepareRenameResponse, Range, SymbolKind, TextEdit, Url, WorkspaceEdit,
};

use crate::{
    hub::{
        event::{Refusal, RefusalCode},
        snapshot::Snapshot,
    },
    lsp::{
        editor::{Editor, lock},
        folder,
    },
    protocol::WorkflowView,
    workflow::{
        language::{
            Analysis, Kind, MOST_BYTES, World,
            complete::{Item, Sort},
            marks::What,
            navigate::Target,
            symbols::Symbol,
        },
        problem::Severity,
    },
    workspace::position::{Edit, Encoding, apply, offset, position},
};

pub mod dry_run;
pub mod forms;
pub mod lenses;

/// How many such files an editor may have open here.
const MOST_OPEN: usize = 200;

/// Where a user keeps their own configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnFiles {
    /// The folder of workflows.
    pub workflows: Option<PathBuf>,
    /// The folder of profiles.
    pub agents: Option<PathBuf>,
    /// The settings.
    pub settings: Option<PathBuf>,
}

/// The files of the language that one editor has open.
#[derive(Default)]
pub struct Scripts(Mutex<HashMap<Url, Script>>);

struct Script {
    kind: Kind,
    name: String,
    /// Its path from the root, where it is a file of the workspace.
    path: Option<String>,
    text: String,
    version: i32,
    /// What was made of the text, until it changes.
    analysis: Option<Arc<Analysis>>,
}

/// An open file of the language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its address.
    pub uri: Url,
    /// Its path from the root, where it is a file of the workspace.
    pub path: Option<String>,
    /// The editor's number of it.
    pub version: i32,
}

impl Scripts {
    /// The editor opened a file; taken in where it is of the language.
    pub fn opened(&self, editor: &Editor, uri: &Url, version: i32, text: &str) {
        let path = editor.folder().path(uri);
        let mut open = self.open();
        open.remove(uri);
        let Some((kind, name)) = kind_of(editor, uri, path.as_deref(), text).filter(|_| open.len() < MOST_OPEN) else {
            return;
        };
        open.insert(uri.clone(), Script { kind, name, path, text: text.to_owned(), version, analysis: None });
    }

    /// The editor changed a file.
    pub fn changed(&self, uri: &Url, version: i32, edits: &[Edit]) {
        let mut open = self.open();
        let Some(script) = open.get_mut(uri) else { return };
        for edit in edits {
            apply(&mut script.text, edit);
        }
        script.version = version;
        script.analysis = None;
        // The reader says that it is too long; no more of it is kept than that takes.
        if script.text.len() > 4 * MOST_BYTES {
            open.remove(uri);
        }
    }

    /// The editor closed a file.
    pub fn closed(&self, uri: &Url) {
        self.open().remove(uri);
    }

    /// Returns what is open, by address.
    pub fn list(&self) -> Vec<Listed> {
        let open = self.open();
        let all = open.iter().map(|(uri, it)| Listed { uri: uri.clone(), path: it.path.clone(), version: it.version });
        let mut list: Vec<Listed> = all.collect();
        list.sort_by(|a, b| a.uri.cmp(&b.uri));
        list
    }

    /// Returns what can be made of a file; `None` where it is not open, or none of the language.
    pub fn analysis(&self, uri: &Url) -> Option<Arc<Analysis>> {
        let mut open = self.open();
        let script = open.get_mut(uri)?;
        let made = script
            .analysis
            .get_or_insert_with(|| Arc::new(Analysis::new(script.kind, &script.name, Arc::from(script.text.as_str()))));
        Some(Arc::clone(made))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Url, Script>> {
        lock(&self.0)
    }
}

/// Returns what kind of file it is, and its name, where it is one of the language.
fn kind_of(editor: &Editor, uri: &Url, path: Option<&str>, text: &str) -> Option<(Kind, String)> {
    let file = folder::plain(uri)?;
    let name = file.file_stem()?.to_str()?.to_owned();
    let is_yaml = file.extension().is_some_and(|it| it == "yaml" || it == "yml");
    let own = editor.shared.surroundings.own_files();
    if own.settings.as_deref() == Some(&file) {
        return Some((Kind::Other(&forms::SETTINGS), name));
    }
    let folder = file.parent().filter(|_| is_yaml);
    if folder.is_some() && folder == own.workflows.as_deref() {
        return Some((Kind::Workflow, name));
    }
    if folder.is_some() && folder == own.agents.as_deref() {
        return Some((Kind::Other(&forms::PROFILE), name));
    }
    let (folder, _) = path.filter(|_| is_yaml)?.rsplit_once('/')?;
    match folder {
        ".callboard/workflows" => Some((Kind::Workflow, name)),
        ".callboard/agents" => Some((Kind::Other(&forms::PROFILE), name)),
        // Many projects keep other things in a folder of this name, so the file itself must say what it is.
        _ if (folder == "templates" || folder.ends_with("/templates")) && says_it_is_a_workflow(text) => {
            Some((Kind::Workflow, name))
        }
        _ => None,
    }
}

/// Returns whether a file names the schema of workflows in a comment at its top.
fn says_it_is_a_workflow(text: &str) -> bool {
    text.lines().take(10).take_while(|it| it.starts_with('#')).any(|it| it.contains("workflow.schema.json"))
}

/// Returns what is around the files: what they may name and can't define.
pub fn world(snapshot: &Snapshot, library: &[WorkflowView]) -> World {
    World {
        agents: snapshot.agents().into_iter().map(|it| it.info).collect(),
        workflows: library.iter().map(|it| (it.name.clone(), it.title.clone())).collect(),
        channels: snapshot.channels().into_iter().map(|it| it.name.as_str().to_owned()).collect(),
    }
}

/// Bytes and places of one text, as a client counts.
pub struct Places<'a> {
    text: &'a str,
    encoding: Encoding,
}

impl<'a> Places<'a> {
    /// Of a text.
    pub fn new(text: &'a str, encoding: Encoding) -> Self {
        Self { text, encoding }
    }

    /// Returns the byte at a place.
    pub fn offset(&self, at: Position) -> usize {
        offset(self.text, (at.line, at.character), self.encoding)
    }

    /// Returns the place of a byte.
    pub fn position(&self, offset: usize) -> Position {
        let (line, character) = position(self.text, offset, self.encoding);
        Position { line, character }
    }

    /// Returns a range of bytes as places.
    pub fn range(&self, at: &std::ops::Range<usize>) -> Range {
        Range { start: self.position(at.start), end: self.position(at.end) }
    }
}

/// Returns what is wrong with an open file.
pub fn diagnostics(editor: &Editor, uri: &Url) -> Vec<Diagnostic> {
    let Some(analysis) = editor.scripts.analysis(uri) else { return Vec::new() };
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let made = analysis.problems().iter().map(|it| Diagnostic {
        range: places.range(&(it.place.start..it.place.end)),
        severity: Some(match it.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
        }),
        code: Some(NumberOrString::String(it.code.to_owned())),
        source: Some("callboard".to_owned()),
        message: format!("{}; {}", it.message, it.mend),
        ..Diagnostic::default()
    });
    made.collect()
}

/// Returns what can be written at a place.
pub fn complete(analysis: &Analysis, at: Position, world: &World, encoding: Encoding) -> Vec<CompletionItem> {
    let places = Places::new(&analysis.text, encoding);
    let items = analysis.complete(places.offset(at), world);
    items.into_iter().map(|it| completion(it, &places, at)).collect()
}

fn completion(item: Item, places: &Places<'_>, cursor: Position) -> CompletionItem {
    let mut range = places.range(&item.at);
    // The protocol wants one line, with the cursor in it.
    if range.start.line != cursor.line || range.end.line != cursor.line {
        range = Range { start: cursor, end: cursor };
    }
    let kind = match item.sort {
        Sort::Key => CompletionItemKind::PROPERTY,
        Sort::Word => CompletionItemKind::ENUM_MEMBER,
        Sort::Name => CompletionItemKind::REFERENCE,
        Sort::Variable => CompletionItemKind::VARIABLE,
        Sort::Field => CompletionItemKind::FIELD,
        Sort::Function => CompletionItemKind::FUNCTION,
        Sort::Keyword => CompletionItemKind::KEYWORD,
    };
    CompletionItem {
        sort_text: Some(format!("{}{}", item.rank, item.label)),
        filter_text: Some(item.label.clone()),
        label: item.label,
        kind: Some(kind),
        detail: Some(item.detail).filter(|it| !it.is_empty()),
        documentation: Some(item.docs).filter(|it| !it.is_empty()).map(markdown),
        insert_text_mode: Some(InsertTextMode::AS_IS),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: item.insert })),
        ..CompletionItem::default()
    }
}

fn markdown(value: String) -> Documentation {
    Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value })
}

/// Returns what is said of a place.
pub fn hover(analysis: &Analysis, at: Position, world: &World, encoding: Encoding) -> Option<Hover> {
    let places = Places::new(&analysis.text, encoding);
    let hover = analysis.hover(places.offset(at), world)?;
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value: hover.text });
    Some(Hover { contents, range: Some(places.range(&hover.at)) })
}

/// Returns what can be written at a place of an open file; `None` where it is none of the language.
pub async fn completion_at(editor: &Editor, uri: &Url, at: Position) -> Option<Vec<CompletionItem>> {
    let analysis = editor.scripts.analysis(uri)?;
    let library = editor.shared.library().await;
    let world = world(&editor.shared.hub.snapshot(), &library);
    Some(complete(&analysis, at, &world, editor.wishes().encoding))
}

/// Returns what is said of a place of an open file.
pub async fn hover_at(editor: &Editor, uri: &Url, at: Position) -> Option<Hover> {
    let analysis = editor.scripts.analysis(uri)?;
    let library = editor.shared.library().await;
    let world = world(&editor.shared.hub.snapshot(), &library);
    hover(&analysis, at, &world, editor.wishes().encoding)
}

/// Returns where the name at a place is defined.
pub async fn definition(editor: &Editor, uri: &Url, at: Position) -> Option<GotoDefinitionResponse> {
    let analysis = editor.scripts.analysis(uri)?;
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let here = |uri: Url, range: Range| GotoDefinitionResponse::Scalar(Location { uri, range });
    match analysis.definition(places.offset(at))? {
        Target::Here(at) => Some(here(uri.clone(), places.range(&at))),
        Target::Workflow(name) => {
            let library = editor.shared.library().await;
            let path = library.iter().find(|it| it.name == name)?.path.clone()?;
            Some(here(Url::from_file_path(path).ok()?, Range::default()))
        }
        Target::Agent(name) => {
            let found = editor.shared.off_thread(move |it| Ok(it.profile_file(&name))).await.ok()??;
            Some(here(Url::from_file_path(found).ok()?, Range::default()))
        }
    }
}

/// Returns every place of the name at a place.
pub fn references(editor: &Editor, uri: &Url, at: Position, with_definition: bool) -> Vec<Location> {
    let Some(analysis) = editor.scripts.analysis(uri) else { return Vec::new() };
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let found = analysis.references(places.offset(at)).into_iter().filter(|it| with_definition || !it.defines);
    found.map(|it| Location { uri: uri.clone(), range: places.range(&it.at) }).collect()
}

fn refusal(why: String) -> Refusal {
    Refusal::new(RefusalCode::Invalid, why)
}

/// Returns the name at a place, if it can be another.
pub fn can_rename(editor: &Editor, uri: &Url, at: Position) -> Result<Option<PrepareRenameResponse>, Refusal> {
    let Some(analysis) = editor.scripts.analysis(uri) else { return Ok(None) };
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let under = analysis.can_rename(places.offset(at)).map_err(refusal)?;
    let range = places.range(&under.at);
    Ok(Some(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: under.name }))
}

/// Returns the edits that give the name at a place another.
pub fn rename(editor: &Editor, uri: &Url, at: Position, to: &str) -> Result<Option<WorkspaceEdit>, Refusal> {
    let Some(analysis) = editor.scripts.analysis(uri) else { return Ok(None) };
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let edits = analysis.rename(places.offset(at), to).map_err(refusal)?;
    let edits = edits.into_iter().map(|it| TextEdit { range: places.range(&it.at), new_text: it.text }).collect();
    Ok(Some(WorkspaceEdit { changes: Some(HashMap::from([(uri.clone(), edits)])), ..WorkspaceEdit::default() }))
}

/// Returns a file's parts.
pub fn symbols(editor: &Editor, uri: &Url) -> Option<DocumentSymbolResponse> {
    let analysis = editor.scripts.analysis(uri)?;
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let symbols = analysis.symbols().into_iter().map(|it| symbol(it, &places)).collect();
    Some(DocumentSymbolResponse::Nested(symbols))
}

fn symbol(symbol_of: Symbol, places: &Places<'_>) -> DocumentSymbol {
    let Symbol { name, detail, what, whole, at, children } = symbol_of;
    let kind = match what {
        Some(What::Step) => SymbolKind::FUNCTION,
        Some(What::Role) => SymbolKind::CLASS,
        Some(What::Input) => SymbolKind::VARIABLE,
        _ => SymbolKind::KEY,
    };
    // The name must stand within what belongs to it.
    let whole = whole.start.min(at.start)..whole.end.max(at.end);
    let children: Vec<DocumentSymbol> = children.into_iter().map(|it| symbol(it, places)).collect();
    plain_symbol(name, detail, kind, places.range(&whole), places.range(&at), children)
}

/// Makes a symbol; the one place that has to name a field that the protocol gave up.
#[allow(deprecated)]
pub fn plain_symbol(
    name: String,
    detail: String,
    kind: SymbolKind,
    range: Range,
    selection_range: Range,
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    DocumentSymbol {
        name,
        detail: Some(detail).filter(|it| !it.is_empty()),
        kind,
        tags: None,
        deprecated: None,
        range,
        selection_range,
        children: Some(children).filter(|it| !it.is_empty()),
    }
}

/// Returns what can be folded.
pub fn folds(editor: &Editor, uri: &Url) -> Option<Vec<FoldingRange>> {
    let analysis = editor.scripts.analysis(uri)?;
    let line = |it: usize| u32::try_from(it).unwrap_or(u32::MAX);
    let folds = analysis.folds().into_iter().map(|(first, last)| FoldingRange {
        start_line: line(first),
        end_line: line(last),
        ..FoldingRange::default()
    });
    Some(folds.collect())
}

/// Returns what mends the problems that a range touches, for clients that take edits.
pub fn repairs(editor: &Editor, params: &CodeActionParams) -> Vec<CodeActionOrCommand> {
    let uri = &params.text_document.uri;
    let wanted = params.context.only.as_ref().is_none_or(|it| it.iter().any(|it| "quickfix".starts_with(it.as_str())));
    let Some(analysis) = editor.scripts.analysis(uri).filter(|_| wanted && editor.wishes().actions) else {
        return Vec::new();
    };
    let places = Places::new(&analysis.text, editor.wishes().encoding);
    let all = diagnostics(editor, uri);
    let mut actions = Vec::new();
    for (problem, diagnostic) in analysis.problems().iter().zip(all) {
        // Of its lines, as a lens or a key may name no more than a line.
        let (own, asked) = (diagnostic.range, params.range);
        if own.start.line > asked.end.line || asked.start.line > own.end.line {
            continue;
        }
        for repair in analysis.repairs(problem) {
            let edits = repair.edits.iter();
            let edits = edits.map(|it| TextEdit { range: places.range(&it.at), new_text: it.text.clone() }).collect();
            let changes = Some(HashMap::from([(uri.clone(), edits)]));
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: repair.title,
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![diagnostic.clone()]),
                edit: Some(WorkspaceEdit { changes, ..WorkspaceEdit::default() }),
                is_preferred: repair.sure.then_some(true),
                ..CodeAction::default()
            }));
        }
    }
    actions
}
