//! What trusting a workspace would mean.

use super::{Line, Tone, time};
use crate::{
    agent::terminal::plain::plain,
    workspace::trust::{TrustReport, TrustStatus},
};

/// Returns what would be used and run if the workspace were trusted, and how it stands.
pub fn report(report: &TrustReport, status: &TrustStatus, width: usize) -> Vec<Line> {
    let mut lines = vec![
        Line::new().with(Tone::Strong, "Workspace ").with(Tone::Code, plain(&report.root.display().to_string())),
        standing(status),
        Line::new(),
        Line::new().with(Tone::Strong, "If you trust it, Callboard would:"),
    ];
    for it in &report.would {
        lines.extend(Line::plain(plain(it)).wrap(width, &"  • ".into(), &"    ".into()));
    }
    lines.push(Line::new());
    if report.files.is_empty() {
        lines.push(Line::plain("It has no .callboard folder, so nothing of it configures Callboard."));
    } else {
        lines.push(Line::new().with(Tone::Strong, "and use these files as its configuration:"));
        for it in &report.files {
            let hash: String = it.sha256.chars().take(12).collect();
            let line = Line::plain("  ").with(Tone::Code, plain(&it.path));
            lines.push(line.with(Tone::Faint, format!("  {}  sha256 {hash}", time::bytes(it.size))));
        }
        lines.extend(
            Line::new()
                .with(Tone::Faint, "The trust is bound to their content: where one changes, you are asked again.")
                .wrap(width, &Line::new(), &Line::new()),
        );
    }
    if !report.read_by_agents.is_empty() {
        lines.push(Line::new());
        lines.push(Line::new().with(Tone::Strong, "Agents read these by themselves; look at them too:"));
        lines.extend(report.read_by_agents.iter().map(|it| Line::plain("  ").with(Tone::Code, plain(it))));
    }
    lines
}

/// Returns how a workspace stands, in a line.
pub fn standing(status: &TrustStatus) -> Line {
    match status {
        TrustStatus::Trusted => Line::new().with(Tone::Good, "It is trusted."),
        TrustStatus::Untrusted => Line::new().with(Tone::Warn, "It is not trusted."),
        TrustStatus::Changed { what } => {
            let what = plain(&what.join(", "));
            Line::new().with(Tone::Warn, format!("It was trusted, and changed since: {what}."))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::render::text, workspace::trust::TrustedFile};

    #[test]
    fn promise_7_a_person_sees_all_that_would_be_used_and_run() {
        let it = TrustReport {
            root: "/home/ada/meter".into(),
            files: vec![TrustedFile {
                path: ".callboard/workflows/fix\x1b[2J.yaml".to_owned(),
                size: 2_048,
                sha256: "0123456789abcdef".to_owned(),
            }],
            would: vec!["run the project's own test and lint commands".to_owned()],
            read_by_agents: vec!["CLAUDE.md".to_owned()],
            digest: String::new(),
        };
        let what = vec!["changed .callboard/workflows/fix.yaml".to_owned()];
        insta::assert_snapshot!(text(&report(&it, &TrustStatus::Changed { what }, 80)), @r"
        Workspace /home/ada/meter
        It was trusted, and changed since: changed .callboard/workflows/fix.yaml.

        If you trust it, Callboard would:
          • run the project's own test and lint commands

        and use these files as its configuration:
          .callboard/workflows/fix.yaml  2.0 KiB  sha256 0123456789ab
        The trust is bound to their content: where one changes, you are asked again.

        Agents read these by themselves; look at them too:
          CLAUDE.md
        ");
    }
}
