//! Tells where findings stand in a file as it is now.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use crate::{
    hub::{
        effect::{FollowFile, FollowFinding},
        event::{FollowedFile, FollowedFinding},
    },
    workspace::{
        anchor::Mark,
        follow::{Followed, said},
        position::lines,
        texts::{Texts, read_inside},
    },
};

/// How long two texts are compared before the comparison becomes coarser.
const PATIENCE: Duration = Duration::from_secs(2);

/// Returns where the findings of a file stand in it. The text of now is kept before it is named.
pub(super) fn follow(root: &Path, texts: &Texts, file: &FollowFile) -> FollowedFile {
    let path = file.path.clone();
    let gone = |it: &FollowFinding, stale: bool| FollowedFinding {
        id: it.id,
        base: it.base.clone(),
        place: it.place.clone(),
        stale,
        said: it.said.clone(),
    };
    let Some(now) = read_inside(root, &path) else {
        // What was followed and is there no longer is another now; of what was never read nothing is known.
        let findings = file.findings.iter().map(|it| gone(it, it.stale || it.base.is_some())).collect();
        return FollowedFile { path, text: None, findings };
    };
    let Ok(text) = texts.put(&now) else {
        tracing::warn!("The text of a file with findings can't be kept; their places stay as they are.");
        let findings = file.findings.iter().map(|it| FollowedFinding { ..gone(it, it.stale) }).collect();
        return FollowedFile { path, text: None, findings };
    };
    let deadline = Instant::now() + PATIENCE;
    let mut findings = Vec::new();
    for it in &file.findings {
        let stands = match (&it.base, &it.said) {
            (Some(base), Some(said)) if *base == text => (it.place.clone(), it.stale, said.clone()),
            (Some(base), Some(words)) => {
                let stands = if let Some(old) = texts.get(base) {
                    Followed::compare(&old, &now, Some(deadline)).place(&it.place, words, it.stale)
                } else {
                    Followed::compare("", &now, None).place(&it.place, words, true)
                };
                (stands.place, stands.stale, words.clone())
            }
            _ => {
                let place = first(&now, it);
                let words = said(&now, &place).into();
                (place, it.stale, words)
            }
        };
        let (place, stale, said) = stands;
        findings.push(FollowedFinding { id: it.id, base: it.base.clone(), place, stale, said: Some(said) });
    }
    FollowedFile { path, text: Some(text), findings }
}

/// Returns the place of a finding that was just reported: at its number, or where the line that it speaks of is.
fn first(text: &str, finding: &FollowFinding) -> crate::finding::Place {
    let mark = Mark::find(text, &finding.place, finding.excerpt.as_deref());
    if mark.stale {
        // Its reporter may have said it in other words, so its number counts.
        return finding.place.clone();
    }
    let row = lines(text).take_while(|it| it.1 < mark.range.start).count();
    let line = u32::try_from(row).unwrap_or(u32::MAX - 1) + 1;
    let end_line = finding.place.end_line.map(|it| line + it.saturating_sub(finding.place.line));
    crate::finding::Place { line, end_line, ..finding.place.clone() }
}
