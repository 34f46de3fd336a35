//! `@lint`: what the project's own linters say, as a review.

use std::fmt::Write as _;

use super::{
    Trouble, ecosystem,
    project::{self, Kind, Project, Purpose},
    remark::{MOST, Remark, tidy},
    shop::Shop,
    text,
};
use crate::{
    finding::{FindingDraft, Severity},
    outcome::{ReviewResult, ReviewVerdict},
};

/// Lints what `paths` name, the whole where there are none.
pub fn run(shop: &mut Shop<'_>, paths: &[String]) -> Result<ReviewResult, Trouble> {
    let remarks = gather(shop, paths)?.remarks;
    let result = review(&remarks);
    shop.say(&format!("lint: {}", result.summary));
    Ok(result)
}

/// What linters said, and which they were.
pub struct Said {
    /// Their remarks, tidy.
    pub remarks: Vec<Remark>,
    /// The kinds of project whose linters ran: only they can say that something is gone.
    pub kinds: Vec<Kind>,
}

/// Runs the linters of every project that `paths` belong to. A project without one has its text looked at.
pub fn gather(shop: &mut Shop<'_>, paths: &[String]) -> Result<Said, Trouble> {
    let (mut all, mut kinds) = (Vec::new(), Vec::new());
    let mut looked_at: Vec<Project> = Vec::new();
    for project in project::find(&shop.files, paths, Purpose::Lint) {
        if let Some(remarks) = ecosystem::lint(shop, &project)? {
            all.extend(remarks);
            kinds.push(project.kind);
            continue;
        }
        shop.say(&format!("no linter is set up in {}", if project.dir.is_empty() { "." } else { &project.dir }));
        let asked = if project.paths.is_empty() { vec![project.dir.clone()] } else { project.paths.clone() };
        let whole = asked.iter().any(String::is_empty);
        looked_at.push(Project {
            kind: Kind::Plain,
            dir: String::new(),
            paths: if whole { Vec::new() } else { asked },
        });
    }
    for project in looked_at {
        all.extend(ecosystem::lint(shop, &project)?.unwrap_or_default());
        kinds.push(project.kind);
    }
    let files = shop.files.clone();
    Ok(Said { remarks: tidy(all, paths, &|it| super::files::Files::read(&files, it)), kinds })
}

/// Returns a finding as one line for people: `src/a.rs:1:2: warning: text [code]`.
pub fn line(draft: &FindingDraft) -> String {
    let place = draft.place.as_ref().map_or(String::new(), |it| format!("{}:{}:{}: ", it.path, it.line, it.column));
    let severity = match draft.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
        Severity::Hint => "hint",
    };
    let code = draft.code.as_ref().map_or(String::new(), |it| format!(" [{it}]"));
    text::plain(&format!("{place}{severity}: {}{code}", draft.text.lines().next().unwrap_or("")))
}

/// Returns how many there are of each severity: `1 error, 3 warnings`.
fn by_severity(remarks: &[Remark]) -> String {
    let kinds = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Info, "remark"),
        (Severity::Hint, "hint"),
    ];
    let counts = kinds.map(|(kind, word)| (remarks.iter().filter(|it| it.draft.severity == kind).count(), word));
    let parts: Vec<_> = counts.iter().filter(|it| it.0 > 0).map(|(count, word)| text::count(*count, word)).collect();
    parts.join(", ")
}

/// Makes a review of tidy remarks. Approved is where nothing material was said, of all of it, not only of what fits.
fn review(remarks: &[Remark]) -> ReviewResult {
    let is_material = remarks.iter().any(|it| it.draft.severity.is_material());
    let verdict = if is_material { ReviewVerdict::ChangesRequested } else { ReviewVerdict::Approved };
    let mut summary = match remarks.len() {
        0 => "the linter has nothing to say".to_owned(),
        all => format!("{}: {}", text::count(all, "finding"), by_severity(remarks)),
    };
    if remarks.len() > MOST {
        let _ = write!(summary, "; the first {MOST} are listed, the others come when these are gone");
    }
    ReviewResult { verdict, summary, findings: remarks.iter().take(MOST).map(|it| it.draft.clone()).collect() }
}
