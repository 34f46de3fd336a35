//! Findings: one as a compiler's remark, many as a list by file.

use super::{
    Line, Tone,
    source::{Remark, Spot, remark},
};
use crate::{
    agent::terminal::plain::plain,
    finding::{Finding, FindingState, Severity},
};

/// Returns one finding with its source line and carets.
pub fn finding(finding: &Finding, width: usize) -> Vec<Line> {
    let draft = &finding.draft;
    let spot = draft.place.as_ref().map(|place| Spot {
        path: &place.path,
        line: place.line,
        column: place.column,
        end_column: place.end_column.filter(|_| place.end_line.is_none_or(|it| it == place.line)),
        source: draft.excerpt.as_deref(),
    });
    let mut lines = remark(
        &Remark {
            level: severity(draft.severity),
            code: draft.code.as_deref().unwrap_or(""),
            message: &draft.text,
            spot,
            note: &format!("{} {}", finding.id, sources(finding)),
            help: draft.suggestion.as_deref().unwrap_or(""),
        },
        width,
    );
    let gutter = spot.map_or(1, |it| it.line.to_string().len()) + 1;
    let lead = Line::plain(" ".repeat(gutter)).with(Tone::Note, "= ");
    let rest = Line::plain(" ".repeat(gutter + 2));
    if finding.state != FindingState::Open {
        let (word, tone, why) = state(&finding.state);
        let mut line = Line::new().with(tone, word);
        if !why.is_empty() {
            line.push(Tone::Plain, format!(": {why}"));
        }
        lines.extend(line.wrap(width, &lead, &rest));
    }
    if let Some(why) = &finding.declined {
        let by = if finding.contested { "declined, and reported again: " } else { "declined: " };
        let line = Line::new().with(Tone::Warn, by).with(Tone::Plain, plain(why));
        lines.extend(line.wrap(width, &lead, &rest));
    }
    lines
}

/// Returns one line that says what became of a finding: `f3 fixed  src/lib.rs:12`.
pub fn settled(finding: &Finding) -> Line {
    let (word, tone, why) = state(&finding.state);
    let mut line = Line::new().with(Tone::Strong, finding.id.to_string()).with(Tone::Plain, " ").with(tone, word);
    if let Some(place) = &finding.draft.place {
        line.push(Tone::Plain, "  ");
        line.push(Tone::Code, format!("{}:{}", place.path, place.line));
    }
    if let Some(code) = &finding.draft.code {
        line.push(Tone::Faint, format!("  {code}"));
    }
    if !why.is_empty() {
        line.push(Tone::Plain, format!("  {why}"));
    }
    line
}

/// Returns all findings, each as a remark with a blank line behind it, and a line that counts them.
pub fn findings(findings: &[Finding], width: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for it in findings {
        lines.extend(finding(it, width));
        lines.push(Line::new());
    }
    let open = findings.iter().filter(|it| it.state.is_open()).count();
    let total = super::time::count(findings.len(), "finding");
    lines.push(match findings.len() {
        0 => Line::new().with(Tone::Good, "No open findings."),
        all if all == open => Line::plain(format!("{total}, all open")),
        _ => Line::plain(format!("{total}, {open} open")),
    });
    lines
}

/// Returns a severity's word and tone.
pub fn severity(severity: Severity) -> (&'static str, Tone) {
    match severity {
        Severity::Error => ("error", Tone::Bad),
        Severity::Warning => ("warning", Tone::Warn),
        Severity::Info => ("info", Tone::Note),
        Severity::Hint => ("hint", Tone::Note),
    }
}

/// Returns a state's word, its tone, and why, where a person said why.
fn state(state: &FindingState) -> (&'static str, Tone, String) {
    match state {
        FindingState::Open => ("open", Tone::Warn, String::new()),
        FindingState::Fixed => ("fixed", Tone::Good, String::new()),
        FindingState::Dismissed { by, reason } => ("dismissed", Tone::Faint, plain(&format!("by {by}: {reason}"))),
        FindingState::Accepted { by } => ("accepted", Tone::Note, format!("by {by}")),
        FindingState::Stale => ("stale", Tone::Faint, String::new()),
    }
}

fn sources(finding: &Finding) -> String {
    finding.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        cli::render::text,
        finding::{FindingDraft, Place},
        ids::FindingId,
    };

    pub(crate) fn sample(id: u64) -> Finding {
        Finding {
            id: FindingId(id),
            draft: FindingDraft {
                id: None,
                place: Some(Place {
                    path: "src/lib.rs".to_owned(),
                    line: 12,
                    column: 5,
                    end_line: Some(12),
                    end_column: Some(19),
                }),
                severity: Severity::Warning,
                code: Some("clippy::cast_abs_to_unsigned".to_owned()),
                text: "casting the result of `i32::abs()` to u32".to_owned(),
                suggestion: Some("replace it by `x.unsigned_abs()`".to_owned()),
                excerpt: Some("    x.abs() as u32".to_owned()),
            },
            run: None,
            message: None,
            sources: vec!["lint".parse().unwrap()],
            state: FindingState::Open,
            declined: None,
            contested: false,
            rev: 1,
        }
    }

    #[test]
    fn a_finding_is_shown_with_its_line_and_carets() {
        let declined = Finding {
            declined: Some("it has no automatic fix".to_owned()),
            state: FindingState::Accepted { by: "ada".to_owned() },
            ..sample(3)
        };
        insta::assert_snapshot!(text(&finding(&declined, 100)), @r"
        warning[clippy::cast_abs_to_unsigned]: casting the result of `i32::abs()` to u32
          --> src/lib.rs:12:5  f3 @lint
           |
        12 |     x.abs() as u32
           |     ^^^^^^^^^^^^^^
           = help: replace it by `x.unsigned_abs()`
           = accepted: by ada
           = declined: it has no automatic fix
        ");
        insta::assert_snapshot!(settled(&Finding { state: FindingState::Fixed, ..sample(3) }).text(),
            @"f3 fixed  src/lib.rs:12  clippy::cast_abs_to_unsigned");
    }

    #[test]
    fn a_list_is_counted() {
        let fixed = Finding { state: FindingState::Fixed, ..sample(1) };
        assert!(text(&findings(&[fixed, sample(2)], 80)).ends_with("2 findings, 1 open\n"));
        assert_eq!(text(&findings(&[], 80)), "No open findings.\n");
    }
}
