//! Pause points: what is asked, what is shown, which decisions it takes, how it was answered.

use super::{Line, Tone, View, markdown, time};
use crate::{
    agent::terminal::plain::plain,
    protocol::{PauseKind, PauseView},
};

/// Returns a pause with its whole document.
pub fn pause(pause: &PauseView, view: &View) -> Vec<Line> {
    // The document says its title, its run and its step itself.
    let mut short = Line::new().with(Tone::Faint, time::clock(pause.opened, &view.zone)).with(Tone::Plain, " ");
    short.push(Tone::Warn, "⏸ ");
    short.push(Tone::Strong, pause.id.to_string());
    short.push(Tone::Plain, if pause.answered.is_some() { " was answered" } else { " waits for you" });
    short.push(Tone::Faint, format!("  ({})", kind(pause.kind)));
    let mut lines = vec![short, Line::new()];
    lines.extend(markdown::markdown(&pause.document, view.width, 2));
    if let Some(line) = answered(pause, view) {
        lines.extend([Line::new(), line]);
    }
    lines
}

/// Returns the line that says what is asked: `⏸ p1 Approve the findings? (run r3, step gate)`.
pub fn head(pause: &PauseView, view: &View) -> Line {
    let mut line = Line::new().with(Tone::Faint, time::clock(pause.opened, &view.zone)).with(Tone::Plain, " ");
    line.push(Tone::Warn, "⏸ ");
    line.push(Tone::Strong, pause.id.to_string());
    line.push(Tone::Plain, format!(" {}", plain(&pause.title)));
    let mut about = vec![kind(pause.kind).to_owned()];
    about.extend(pause.run.map(|it| format!("run {it}")));
    about.extend(pause.step.as_ref().map(|it| format!("step {it}")));
    line.push(Tone::Faint, format!("  ({})", about.join(", ")));
    line
}

/// Returns the line that says who answered what, where somebody has.
pub fn answered(pause: &PauseView, view: &View) -> Option<Line> {
    let answered = pause.answered.as_ref()?;
    let mut line = Line::new().with(Tone::Faint, time::clock(answered.at, &view.zone)).with(Tone::Plain, " ");
    line.push(Tone::Good, "▶ ");
    line.push(Tone::Strong, pause.id.to_string());
    line.push(Tone::Plain, format!(" {} by {}", past(answered.decision.name()), plain(&answered.by)));
    Some(line)
}

/// Returns the lines that say how to answer from a shell.
pub fn how_to_decide(pause: &PauseView) -> Vec<Line> {
    let decisions = pause.decisions.join(" | ");
    vec![
        Line::new(),
        Line::plain("  It waits for a person. To answer:"),
        Line::plain("    ").with(Tone::Code, format!("callboard decide {} {decisions}", pause.id)),
        Line::plain("  To see it again: ").with(Tone::Code, format!("callboard inbox {}", pause.id)),
    ]
}

/// Returns the inbox as a list.
pub fn inbox(pauses: &[PauseView], view: &View) -> Vec<Line> {
    if pauses.is_empty() {
        return vec![Line::new().with(Tone::Good, "Nothing waits for you.")];
    }
    let mut lines = Vec::new();
    for it in pauses {
        lines.push(head(it, view).cut(view.width));
        match answered(it, view) {
            Some(line) => lines.push(Line::plain("  ").joined(&line)),
            None => lines.push(
                Line::plain("  ").with(Tone::Code, format!("callboard decide {} {}", it.id, it.decisions.join(" | "))),
            ),
        }
    }
    lines
}

/// Returns a kind in words.
pub fn kind(kind: PauseKind) -> &'static str {
    match kind {
        PauseKind::Step => "pause point",
        PauseKind::Failure => "failure",
        PauseKind::Limit => "limit",
        PauseKind::Stuck => "stuck",
        PauseKind::Conflict => "merge conflict",
        PauseKind::Clash => "clash",
        PauseKind::Permission => "permission",
        PauseKind::Question => "question",
        PauseKind::Trust => "untrusted change",
    }
}

fn past(decision: &str) -> String {
    match decision {
        "approve" => "approved".to_owned(),
        "edit" => "edited and approved".to_owned(),
        "request-changes" => "sent back with changes requested".to_owned(),
        "reject" => "rejected".to_owned(),
        "skip" => "skipped".to_owned(),
        "retry" => "tried again".to_owned(),
        "stop" => "stopped".to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{
        cli::render::text,
        document::{Decision, hash_of},
        ids::{PauseId, RunId, Timestamp},
        protocol::Answered,
    };

    pub(crate) fn sample(id: u64) -> PauseView {
        let document = "# Findings\n\n- [x] **f1** warning src/lib.rs:12\n".to_owned();
        PauseView {
            id: PauseId(id),
            kind: PauseKind::Step,
            title: "Approve the findings?".to_owned(),
            run: Some(RunId(3)),
            step: Some("gate".parse().unwrap()),
            channel: "main".parse().unwrap(),
            opened: Timestamp(1_763_805_789_000),
            hash: hash_of(&document),
            document,
            decisions: ["approve", "edit", "request-changes", "reject", "stop"].map(str::to_owned).to_vec(),
            steering: String::new(),
            ask: None,
            answered: None,
            rev: 9,
        }
    }

    #[test]
    fn a_pause_shows_its_document_and_how_to_answer() {
        let it = sample(1);
        let all = [pause(&it, &View::plain()), how_to_decide(&it)].concat();
        insta::assert_snapshot!(text(&all), @r"
        10:03:09 ⏸ p1 waits for you  (pause point)

          Findings

          [x] f1 warning src/lib.rs:12

          It waits for a person. To answer:
            callboard decide p1 approve | edit | request-changes | reject | stop
          To see it again: callboard inbox p1
        ");
    }

    #[test]
    fn an_answered_pause_says_who_answered() {
        let answered = Answered {
            by: "ada".to_owned(),
            at: Timestamp(1_763_805_799_000),
            decision: Decision::RequestChanges { text: "more".to_owned() },
            hash: String::new(),
        };
        let it = PauseView { answered: Some(answered), ..sample(2) };
        insta::assert_snapshot!(text(&inbox(&[it, sample(3)], &View::plain())), @r"
        10:03:09 ⏸ p2 Approve the findings?  (pause point, run r3, step gate)
          10:03:19 ▶ p2 sent back with changes requested by ada
        10:03:09 ⏸ p3 Approve the findings?  (pause point, run r3, step gate)
          callboard decide p3 approve | edit | request-changes | reject | stop
        ");
    }
}
