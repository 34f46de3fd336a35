//! The document of a review: findings as a list to tick, edit and add to.
//!
//! Invariant: a finding goes on exactly as it was shown. What does not fit is said to be left out, and is struck.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    DocumentError, Header, MOST_DOCUMENT, MOST_PART,
    escape::{cut, escape_line, one_line, unescape_line, visible},
    head,
};
use crate::{
    finding::{Finding, FindingDraft, Place, Severity},
    ids::FindingId,
};

/// How many bytes of findings are shown.
const MOST_FINDINGS: usize = MOST_DOCUMENT / 2;

/// Deep enough that no line of a finding begins where items do.
const INDENT: &str = "    ";

const HELP: &str = "\
> Untick or delete a finding to strike it, or change its text. To add one, write a line such as
> `- [x] warning src/lib.rs:12 — what is wrong`. Lines behind `>` are only shown.\n";

/// What a person made of a review.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReviewEdit {
    /// Findings that stay, in the order of their ids, with their text where it was changed.
    pub kept: Vec<(FindingId, Option<String>)>,
    /// Findings that were unticked or deleted.
    pub struck: Vec<FindingId>,
    /// Findings that the person added.
    pub added: Vec<FindingDraft>,
}

/// Returns the document of these findings.
pub fn review_document(header: &Header, findings: &[Finding]) -> String {
    let mut document = head(header);
    document += HELP;
    let shown = shown(findings);
    let mut path = None;
    for finding in &shown {
        let of = finding.draft.place.as_ref().map(|it| one_line(&it.path));
        if path.as_ref() != Some(&of) {
            let _ = writeln!(document, "\n## {}\n", of.as_deref().unwrap_or("On the whole"));
            path = Some(of);
        }
        document += &item(finding).0;
    }
    if shown.is_empty() {
        document += "\nThere are no findings.\n";
    }
    let left = findings.len() - shown.len();
    if left > 0 {
        let _ = writeln!(
            document,
            "\n## Not shown\n\n> {left} more findings do not fit here. They are struck: nobody approves what was not shown."
        );
    }
    document
}

/// Reads what a person made of the document of `findings`.
pub fn read_review(edited: &str, findings: &[Finding]) -> Result<ReviewEdit, DocumentError> {
    if edited.len() > 2 * MOST_DOCUMENT {
        return Err(DocumentError::new(
            1,
            format!("the document is longer than {} bytes; shorten it", 2 * MOST_DOCUMENT),
        ));
    }
    let shown: BTreeMap<FindingId, &Finding> = shown(findings).into_iter().map(|it| (it.id, it)).collect();
    let mut edit = ReviewEdit::default();
    let mut met: BTreeMap<FindingId, usize> = BTreeMap::new();
    for entry in entries(edited)? {
        let Entry { line, ticked, rest, .. } = &entry;
        let Some((id, after)) = id_of(rest) else {
            if *ticked {
                edit.added.push(added(&entry)?);
            }
            continue;
        };
        let Some(finding) = shown.get(&id) else {
            return Err(DocumentError::new(
                *line,
                format!(
                    "there is no finding {id} in this document; remove the line, or leave the id out to add a finding"
                ),
            ));
        };
        if let Some(first) = met.insert(id, *line) {
            return Err(DocumentError::new(
                *line,
                format!("{id} stands on line {first} already; remove one of the two"),
            ));
        }
        if *ticked {
            edit.kept.push((id, kept(finding, after, &entry)?));
        } else {
            edit.struck.push(id);
        }
    }
    edit.struck.extend(findings.iter().map(|it| it.id).filter(|id| !met.contains_key(id)));
    edit.struck.sort_unstable();
    edit.kept.sort_unstable_by_key(|it| it.0);
    Ok(edit)
}

/// Returns the findings that fit, in the order in which they are shown.
fn shown(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|it| {
        let place = it.draft.place.as_ref().map(|it| (it.path.as_str(), it.line, it.column));
        (place, it.draft.severity, it.id)
    });
    let mut size = 0;
    sorted
        .into_iter()
        .take_while(|it| {
            // A heading may stand above each.
            let heading = it.draft.place.as_ref().map_or(0, |it| it.path.len());
            size += item(it).0.len() + heading + 10;
            size <= MOST_FINDINGS
        })
        .collect()
}

/// Returns a finding's item, and whether its text was cut.
fn item(finding: &Finding) -> (String, bool) {
    let (lines, was_cut) = text_lines(finding);
    let mut item = format!("- [x] {} — {}\n", label(finding), lines[0]);
    for line in &lines[1..] {
        item += &indented(line);
    }
    let draft = &finding.draft;
    let aside = |item: &mut String, text: &str, most: usize| {
        for line in visible(&cut(text, most).0).lines() {
            let _ = writeln!(item, "{INDENT}> {}", line.replace("<!--", "\\<!--").trim_end());
        }
    };
    if let Some(excerpt) = draft.excerpt.as_deref().map(|it| it.trim_matches('\n')).filter(|it| !it.trim().is_empty()) {
        aside(&mut item, excerpt, 1_000);
    }
    if let Some(suggestion) = draft.suggestion.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
        aside(&mut item, &format!("Suggestion: {suggestion}"), MOST_PART);
    }
    if let Some(declined) = finding.declined.as_deref().map(str::trim).filter(|it| !it.is_empty()) {
        aside(&mut item, &format!("Declined: {declined}"), MOST_PART);
    }
    (item, was_cut)
}

/// Returns what stands between the box and the text: id, severity, place and code.
fn label(finding: &Finding) -> String {
    let mut label = format!("**{}** {}", finding.id, word(finding.draft.severity));
    if let Some(Place { path, line, column, .. }) = &finding.draft.place {
        let _ = write!(label, " {}:{line}", cut(&one_line(path), 500).0);
        if *column > 1 {
            let _ = write!(label, ":{column}");
        }
    }
    if let Some(code) = &finding.draft.code {
        let _ = write!(label, " `{}`", cut(&one_line(code), 200).0.replace('`', "'"));
    }
    label
}

/// Returns the lines of a finding's text as they are shown, at least one, and whether some were cut.
fn text_lines(finding: &Finding) -> (Vec<String>, bool) {
    let (text, was_cut) = cut(finding.draft.text.trim(), MOST_PART);
    let text = visible(&text);
    let mut all = text.trim().lines().map(str::trim_end);
    // The first line stands behind a dash, where no mark can begin.
    let mut lines = vec![all.next().unwrap_or_default().replace("<!--", "\\<!--")];
    lines.extend(all.map(escape_line));
    (lines, was_cut)
}

fn indented(line: &str) -> String {
    if line.is_empty() { "\n".to_owned() } else { format!("{INDENT}{line}\n") }
}

/// An item of an edited document.
struct Entry {
    /// The line of its box, from 1.
    line: usize,
    ticked: bool,
    /// What stands behind the box.
    rest: String,
    /// The lines below it that are its text.
    below: Vec<String>,
}

/// Takes an edited document apart into its items.
fn entries(edited: &str) -> Result<Vec<Entry>, DocumentError> {
    let mut entries: Vec<Entry> = Vec::new();
    // Whether an indented line belongs to the last item; a heading ends it.
    let mut open = false;
    // Whether the list has begun; above it, what the person is asked may have bullets of its own.
    let mut listed = false;
    for (index, line) in edited.lines().enumerate() {
        let number = index + 1;
        let line = line.trim_end();
        listed |= open || HELP.lines().next() == Some(line);
        if let Some((ticked, rest)) = boxed(line) {
            entries.push(Entry { line: number, ticked, rest: rest.to_owned(), below: Vec::new() });
            open = true;
        } else if is_broken_box(line) || (listed && is_bullet(line)) {
            let message = "this is no item; write `- [x] warning path:line — text`, or `- [ ]` to strike one";
            return Err(DocumentError::new(number, message));
        } else if line.starts_with('#') {
            open = false;
        } else if line.is_empty() || line.starts_with([' ', '\t']) {
            let Some(entry) = entries.last_mut().filter(|_| open) else { continue };
            let text = line.strip_prefix(INDENT).unwrap_or_else(|| line.trim_start());
            if !text.starts_with('>') {
                entry.below.push(text.to_owned());
            }
        } else if open && !line.starts_with('>') {
            let message =
                "this line belongs to no finding; indent it by four spaces to add it to the text above, or remove it";
            return Err(DocumentError::new(number, message));
        }
    }
    for entry in &mut entries {
        while entry.below.last().is_some_and(String::is_empty) {
            entry.below.pop();
        }
    }
    Ok(entries)
}

/// Returns whether a line begins with a box; one that is whole has been read before this is asked.
fn is_broken_box(line: &str) -> bool {
    line.strip_prefix(['-', '*']).is_some_and(|it| it.trim_start().starts_with('['))
}

fn is_bullet(line: &str) -> bool {
    line.strip_prefix(['-', '*']).is_some_and(|it| it.is_empty() || it.starts_with(' '))
}

/// Returns whether a line's box is ticked, and what stands behind it.
fn boxed(line: &str) -> Option<(bool, &str)> {
    let rest = line.strip_prefix("- [").or_else(|| line.strip_prefix("* ["))?;
    let mut inside = rest.chars();
    let ticked = match inside.next()? {
        'x' | 'X' => true,
        ' ' => false,
        _ => return None,
    };
    inside.as_str().strip_prefix(']').filter(|it| it.is_empty() || it.starts_with(' ')).map(|it| (ticked, it.trim()))
}

/// Returns the id at the start of an item, bold or not, and what stands behind it.
fn id_of(rest: &str) -> Option<(FindingId, &str)> {
    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
    let id = word.trim_matches('*').parse().ok()?;
    Some((id, after.trim_start()))
}

/// Returns the text of a kept finding where it is not the one that was there.
fn kept(finding: &Finding, after: &str, entry: &Entry) -> Result<Option<String>, DocumentError> {
    let id = finding.id;
    let label = label(finding);
    let label = label.split_once(' ').map_or("", |it| it.1);
    let Some(text) = after.strip_prefix(label).and_then(strip_dash) else {
        return Err(DocumentError::new(
            entry.line,
            format!(
                "only the text of {id} can be changed, behind `{label} — `; to change the rest, strike it and add a line without an id"
            ),
        ));
    };
    let (shown, was_cut) = text_lines(finding);
    let mut lines = vec![text.to_owned()];
    lines.extend(entry.below.iter().cloned());
    if lines == shown && !was_cut {
        return Ok(None);
    }
    let text = join(&lines);
    if text.is_empty() && !finding.draft.text.trim().is_empty() {
        return Err(DocumentError::new(entry.line, format!("{id} has no text; untick it to strike it")));
    }
    Ok(Some(text))
}

/// Returns a finding that the person wrote.
fn added(entry: &Entry) -> Result<FindingDraft, DocumentError> {
    let wrong =
        |message: &str| DocumentError::new(entry.line, format!("{message}; write `- [x] warning path:line — text`"));
    let rest = entry.rest.as_str();
    let (label, text) = DASHES
        .iter()
        .filter_map(|dash| rest.split_once(dash))
        .min_by_key(|it| it.0.len())
        .ok_or_else(|| wrong("this new finding has no dash before its text"))?;
    let (severity, place) = label.split_once(' ').unwrap_or((label, ""));
    let severity = SEVERITIES
        .iter()
        .find(|it| word(**it) == severity.to_lowercase())
        .ok_or_else(|| wrong(&format!("{severity:?} is no severity; it is error, warning, info or hint")))?;
    let (place, code) = match place.trim().strip_suffix('`').and_then(|it| it.rsplit_once('`')) {
        Some((place, code)) => (place.trim(), Some(code.to_owned())),
        None => (place.trim(), None),
    };
    let place = match place {
        "" => None,
        place => Some(place_of(place).ok_or_else(|| wrong(&format!("{place:?} is no place")))?),
    };
    let mut lines = vec![text.to_owned()];
    lines.extend(entry.below.iter().cloned());
    let text = join(&lines);
    if text.is_empty() {
        return Err(wrong("this new finding has no text"));
    }
    Ok(FindingDraft { id: None, place, severity: *severity, code, text, suggestion: None, excerpt: None })
}

/// Reads `path:line` or `path:line:column`.
fn place_of(text: &str) -> Option<Place> {
    let (before, last) = text.trim_matches('`').rsplit_once(':')?;
    let last: u32 = last.parse().ok().filter(|it| *it > 0)?;
    let (path, line, column) = match before.rsplit_once(':').map(|(path, line)| (path, line.parse::<u32>())) {
        Some((path, Ok(line))) if line > 0 => (path, line, last),
        _ => (before, last, 1),
    };
    (!path.is_empty()).then(|| Place { path: path.to_owned(), line, column, end_line: None, end_column: None })
}

/// What may stand before a text: ours, and what keyboards have.
const DASHES: [&str; 4] = [" — ", " – ", " -- ", " - "];

fn strip_dash(text: &str) -> Option<&str> {
    let text = text.trim_start();
    // Behind the last dash there may be nothing: an editor took the space away.
    DASHES.iter().map(|it| it.trim()).find_map(|dash| text.strip_prefix(dash)).map(str::trim)
}

fn join(lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|it| unescape_line(it)).collect();
    lines.join("\n").trim().to_owned()
}

const SEVERITIES: [Severity; 4] = [Severity::Error, Severity::Warning, Severity::Info, Severity::Hint];

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    }
}
