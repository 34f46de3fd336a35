//! `callboard show RUN --diff` and `callboard undo`: what the agents of a run changed, and the way back.

use super::{
    fail::{self, Fail},
    out::Out,
    render::{self, Line, Tone, time},
    wire::{Wire, ask},
};
use crate::{
    agent::terminal::plain::plain,
    ids::{AgentName, RunId, StepId},
    protocol::{DiffParams, DiffResult, UndoParams, UndoResult, method},
};

/// Asks for what a run, a step or an agent changed.
pub async fn of(
    wire: &mut impl Wire,
    run: RunId,
    step: Option<StepId>,
    by: Option<AgentName>,
) -> Result<DiffResult, Fail> {
    ask(wire, method::DIFF, &DiffParams { run, step, by, whole: false }).await
}

/// `callboard show RUN --diff`: for a person on a terminal, as a patch into a pipe, one file a line for programs.
pub async fn diff(
    wire: &mut impl Wire,
    out: &mut Out,
    run: RunId,
    step: Option<StepId>,
    by: Option<AgentName>,
) -> Result<i32, Fail> {
    let result = of(wire, run, step, by).await?;
    if out.json {
        for file in &result.files {
            out.object(file)?;
        }
        return Ok(fail::OK);
    }
    if !out.is_terminal {
        // A patch, byte for byte: it may go to `git apply`. Who changed what is on the terminal and in --json.
        for file in &result.files {
            out.raw(&file.text)?;
        }
        for note in &result.notes {
            out.remark(&Line::plain(plain(note)))?;
        }
        if result.files.is_empty() {
            out.remark(&Line::plain("Nothing was changed."))?;
        }
        return Ok(fail::OK);
    }
    out.lines(&render::diff::changes(&result, usize::MAX))?;
    Ok(fail::OK)
}

/// `callboard undo RUN`. Fails where a file had to be left as it is.
pub async fn undo(
    wire: &mut impl Wire,
    out: &mut Out,
    run: RunId,
    step: Option<StepId>,
    force: bool,
) -> Result<i32, Fail> {
    let again = step
        .as_ref()
        .map_or(format!("callboard undo {run} --force"), |it| format!("callboard undo {run} --step {it} --force"));
    let result: UndoResult = ask(wire, method::UNDO, &UndoParams { run, step, force }).await?;
    let exit = if result.clashes.is_empty() { fail::OK } else { fail::FAILED };
    if out.json {
        out.object(&result)?;
        return Ok(exit);
    }
    let mut lines = match (result.files.len(), result.clashes.is_empty()) {
        (0, true) => vec![Line::plain("Every file was as before already.")],
        (n, _) => vec![Line::new().with(Tone::Good, format!("{} put back.", time::count(n, "file")))],
    };
    lines.extend(result.files.iter().map(|it| Line::plain(format!("  {}", plain(it)))));
    if !result.clashes.is_empty() {
        let count = time::count(result.clashes.len(), "file");
        lines.push(Line::new().with(Tone::Warn, format!("{count} left as they are now:")));
        for it in &result.clashes {
            lines.push(Line::plain(format!("  {}: {}", plain(&it.path), plain(&it.why))));
        }
        lines.push(Line::plain("To put these back too, and lose what they have now: ").with(Tone::Code, again));
    }
    out.lines(&lines)?;
    Ok(exit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::{out::Buffer, wire::fake::Fake};

    fn out(json: bool) -> (Out, Buffer) {
        let shown = Buffer::default();
        (Out::into_buffers(shown.clone(), Buffer::default(), json, false), shown)
    }

    #[tokio::test]
    async fn an_undo_says_what_came_back_and_what_did_not() {
        let clash = json!({ "path": "b\u{1b}[2J.rs", "why": "it was changed since by somebody else" });
        let mut hub = Fake::default().on(
            method::UNDO,
            json!({ "run": "r3", "step": "fix", "force": false }),
            json!({ "files": ["a.rs"], "clashes": [clash], "rev": 9 }),
        );
        let (mut out, shown) = out(false);
        let exit = undo(&mut hub, &mut out, RunId(3), Some("fix".parse().unwrap()), false).await.unwrap();
        hub.assert_played();
        assert_eq!(exit, fail::FAILED);
        let text = shown.text();
        assert!(text.starts_with("1 file put back.\n  a.rs\n1 file left as they are now:\n  b"), "{text}");
        assert!(text.contains("callboard undo r3 --step fix --force") && !text.contains('\u{1b}'), "{text}");
    }

    #[tokio::test]
    async fn a_diff_names_who_changed_each_file() {
        let file = json!({
            "path": "src/lib.rs", "kind": "modified", "by": ["autofix"], "steps": ["fix"],
            "text": "diff --git a/src/lib.rs b/src/lib.rs\n--- a/src/lib.rs\n+++ b/src/lib.rs\n@@ -1 +1 @@\n-1\n+2\n",
        });
        let answer = json!({ "files": [file], "notes": ["big.bin is in no checkpoint: it is too large"], "rev": 9 });
        let mut hub = Fake::default().on(method::DIFF, json!({ "run": "r3", "by": "autofix" }), answer);
        let (mut out, shown) = out(false);
        out.is_terminal = true;
        diff(&mut hub, &mut out, RunId(3), None, Some("autofix".parse().unwrap())).await.unwrap();
        insta::assert_snapshot!(shown.text(), @r"
        1 file changed by @autofix

        src/lib.rs (@autofix, fix)
        diff --git a/src/lib.rs b/src/lib.rs
        --- a/src/lib.rs
        +++ b/src/lib.rs
        @@ -1 +1 @@
        -1
        +2
        big.bin is in no checkpoint: it is too large
        ");
    }
}
