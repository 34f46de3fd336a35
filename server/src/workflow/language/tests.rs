//! Text in, text out: `$0` is the cursor, and a line of `^^^ words` speaks of the line above it.

use std::{fmt::Write as _, ops::Range, sync::Arc};

use super::{Analysis, Kind, World};
use crate::agent::{AgentInfo, catalog::Catalog};

mod complete;
mod cuts;
mod faults;
mod hover;
mod navigate;
mod rename;
mod repair;
mod symbols;

pub(crate) use self::cuts::every_feature;

/// A workflow in the middle of which something is tried.
const REVIEW: &str = "\
title: Review
inputs:
  path: { type: path, default: '.', description: What to look at. }
  task:
    type: text
roles:
  reviewer: { prefer: [claude, lint], description: Looks. }
  fixer: { prefer: codex, access: write }
steps:
  - id: review
    title: Look
    role: reviewer
    result: review
    prompt: |
      Review {{ inputs.path }} for {{ inputs.task }}.
  - id: fix
    needs: [review]
    when: review.verdict != \"approved\"
    role: fixer
    result: change
    findings: review.findings
    prompt: |
      Fix this:
      {% for it in review.findings %}
      {{ it.text | quoted }}
      {% endfor %}
  - id: ask
    needs: [review, fix]
    pause:
      show: fix
      message: Is {{ fix.summary }} right for {{ roles.fixer }}?
";

/// A fixture taken apart.
pub(crate) struct Fixture {
    pub(crate) text: String,
    pub(crate) cursor: Option<usize>,
    /// Bytes of the text and the words beside the marks.
    pub(crate) marks: Vec<(Range<usize>, String)>,
}

#[track_caller]
pub(crate) fn fixture(source: &str) -> Fixture {
    let (mut text, mut cursor, mut marks) = (String::new(), None, Vec::new());
    let mut last = 0;
    for line in source.split_inclusive('\n') {
        let bare = line.trim_start_matches(' ');
        if bare.starts_with('^') {
            let column = line.len() - bare.len();
            let width = bare.len() - bare.trim_start_matches('^').len();
            marks.push((last + column..last + column + width, bare[width..].trim().to_owned()));
            continue;
        }
        last = text.len();
        match line.split_once("$0") {
            Some((before, after)) => {
                assert!(cursor.is_none(), "two cursors");
                cursor = Some(text.len() + before.len());
                text.push_str(before);
                text.push_str(after);
            }
            None => text.push_str(line),
        }
    }
    Fixture { text, cursor, marks }
}

pub(crate) fn world() -> World {
    let (catalog, _) = Catalog::load(&[], &|name| (name == "claude").then(|| "/bin/claude".into()));
    let is_wanted = |it: &AgentInfo| ["claude", "codex", "lint", "tests"].contains(&it.name.as_str());
    World {
        agents: catalog.infos().into_iter().filter(is_wanted).collect(),
        workflows: vec![("review-fix".to_owned(), "Review and fix".to_owned())],
        channels: vec!["main".to_owned(), "ops".to_owned()],
    }
}

fn analysis(text: &str) -> Analysis {
    Analysis::new(Kind::Workflow, "test", Arc::from(text))
}

/// Puts a cursor, or anything, in place of a part of the workflow above.
#[track_caller]
fn with(from: &str, to: &str) -> String {
    assert!(REVIEW.contains(from), "{from:?} is not in the workflow");
    REVIEW.replacen(from, to, 1)
}

/// Draws marks under the lines of a text, as a fixture has them.
pub(crate) fn marked(text: &str, marks: &[(Range<usize>, String)]) -> String {
    let (mut out, mut start) = (String::new(), 0);
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        out.push_str(line);
        let here = marks.iter().filter(|it| start <= it.0.start && it.0.start < end);
        let here: Vec<_> = here.collect();
        if !here.is_empty() && !line.ends_with('\n') {
            out.push('\n');
        }
        for (at, words) in here {
            let width = at.end.min(end).saturating_sub(at.start).max(1);
            let _ = writeln!(out, "{}{} {words}", " ".repeat(at.start - start), "^".repeat(width));
        }
        start = end;
    }
    out
}
