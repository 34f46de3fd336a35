//! `callboard runs edit RUN`: changes what is left to do of a running run.

use std::path::PathBuf;

use super::{
    decide, editor,
    fail::{self, Fail},
    out::Out,
    person::Person,
    render::{Line, Tone},
    wire::{Wire, ask},
};
use crate::{
    agent::terminal::plain::plain,
    hub::event::RefusalCode,
    ids::RunId,
    protocol::{EditPlanParams, EditPlanResult, PlanText, PlanTextParams, method},
};

/// How a run is to be changed.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// The changed plan, instead of an editor.
    pub file: Option<PathBuf>,
    /// Only say what would change.
    pub dry_run: bool,
    /// Only write the plan.
    pub show: bool,
}

/// Changes what is left to do of a run, or says what would change.
pub async fn edit(
    wire: &mut impl Wire,
    out: &mut Out,
    person: &mut Person,
    run: RunId,
    how: &How,
) -> Result<i32, Fail> {
    let plan: PlanText = ask(wire, method::PLAN_TEXT, &PlanTextParams { run }).await?;
    if how.show {
        if out.json {
            out.object(&plan)?;
        } else {
            out.raw(&plan.text)?;
        }
        return Ok(fail::OK);
    }
    let params = |text: String| EditPlanParams { run, text, hash: plan.hash.clone(), dry_run: how.dry_run };
    if let Some(file) = &how.file {
        let text = decide::read(file)?;
        let edited: EditPlanResult = ask(wire, method::EDIT_PLAN, &params(text)).await?;
        return tell(out, run, &edited, how.dry_run);
    }
    let command = editor::command()?;
    let mut text = plan.text.clone();
    loop {
        text = editor::edit(&command, &format!("{run}.yaml"), &text).await?;
        if text == plan.text {
            return Err(Fail::new("unchanged", format!("nothing was changed, and {run} goes on as it was")));
        }
        match ask::<EditPlanResult>(wire, method::EDIT_PLAN, &params(text.clone())).await {
            Ok(edited) => return tell(out, run, &edited, how.dry_run),
            Err(fail) if fail.is(RefusalCode::Invalid) => {
                out.fail(&fail);
                out.ask(&Line::new().with(Tone::Strong, "Edit it again? [y]es, anything else gives up >"))?;
                let again = person.keys.line().await.unwrap_or_default();
                if !matches!(again.trim().to_lowercase().as_str(), "y" | "yes") {
                    return Err(Fail::new("invalid", format!("nothing is changed, and {run} goes on as it was")));
                }
            }
            Err(fail) => return Err(fail),
        }
    }
}

fn tell(out: &mut Out, run: RunId, edited: &EditPlanResult, dry_run: bool) -> Result<i32, Fail> {
    if out.json {
        out.object(edited)?;
        return Ok(fail::OK);
    }
    for it in &edited.changes {
        let tone = if it.starts_with('-') {
            Tone::Bad
        } else if it.starts_with('+') {
            Tone::Good
        } else {
            Tone::Warn
        };
        out.line(&Line::plain("  ").with(tone, plain(it)))?;
    }
    let sentence = match (edited.changes.is_empty(), dry_run) {
        (true, _) => "Nothing would change.".to_owned(),
        (_, true) => format!("So {run} would go on. Nothing was changed."),
        _ => format!("So {run} goes on."),
    };
    out.line(&Line::plain(sentence))?;
    Ok(fail::OK)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cli::{out::Buffer, wire::fake::Fake};

    fn out() -> (Out, Buffer) {
        let shown = Buffer::default();
        (Out::into_buffers(shown.clone(), Buffer::default(), false, false), shown)
    }

    #[tokio::test]
    async fn a_file_is_sent_with_the_hash_of_the_plan_that_was_edited() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.yaml");
        std::fs::write(&file, "title: T\n").unwrap();
        let edited = json!({ "changes": ["+ docs", "- tests"], "before": "h", "after": "i", "rev": 3 });
        let mut hub = Fake::default()
            .on(method::PLAN_TEXT, json!({ "run": "r3" }), json!({ "text": "title: S\n", "hash": "h" }))
            .on(method::EDIT_PLAN, json!({ "run": "r3", "text": "title: T\n", "hash": "h", "dryRun": true }), edited);
        let (mut out, shown) = out();
        let how = How { file: Some(file), dry_run: true, show: false };
        assert_eq!(edit(&mut hub, &mut out, &mut Person::nobody(), RunId(3), &how).await.unwrap(), fail::OK);
        hub.assert_played();
        assert_eq!(shown.text(), "  + docs\n  - tests\nSo r3 would go on. Nothing was changed.\n");
    }

    #[tokio::test]
    async fn the_plan_alone_can_be_had() {
        let plan = json!({ "text": "title: S\n", "hash": "h" });
        let mut hub = Fake::default().on(method::PLAN_TEXT, json!({ "run": "r3" }), plan);
        let (mut out, shown) = out();
        let how = How { show: true, ..How::default() };
        edit(&mut hub, &mut out, &mut Person::nobody(), RunId(3), &how).await.unwrap();
        assert_eq!(shown.text(), "title: S\n");
    }
}
