//! What an agent is told of the form that its result must have. Pure: a form in, a paragraph out.

use super::ResultKind;

/// What the fence of a result's block begins with.
pub const FENCE: &str = "```callboard-result";

/// Returns what an agent is told of the form that its result must have; nothing where text will do.
pub fn instructions(expects: &ResultKind) -> Option<String> {
    let example = match expects {
        ResultKind::Text => return None,
        ResultKind::Review => concat!(
            r#"{"kind": "review", "verdict": "approved" or "changes_requested", "summary": "…", "findings": ["#,
            r#"{"severity": "error" or "warning" or "info" or "hint", "text": "what is wrong and why it matters", "#,
            r#""place": {"path": "src/a.rs", "line": 12}, "suggestion": "…", "excerpt": "the source line", "#,
            r#""id": "f3 if it repeats a finding that you were told of"}]}"#
        )
        .to_owned(),
        ResultKind::Change => concat!(
            r#"{"kind": "change", "summary": "…", "files": ["src/a.rs"], "fixed": ["f1"], "#,
            r#""declined": [{"finding": "f2", "reason": "…"}]}"#
        )
        .to_owned(),
        ResultKind::Tests => concat!(
            r#"{"kind": "tests", "verdict": "passed" or "failed" or "none", "summary": "…", "passed": 3, "failed": 1, "#,
            r#""skipped": 0, "failures": [{"name": "…", "message": "…", "place": {"path": "src/a.rs", "line": 12}}]}"#
        )
        .to_owned(),
        ResultKind::Plan => r#"{"kind": "plan", "summary": "…", "steps": ["…", "…"]}"#.to_owned(),
        ResultKind::Json(schema) => {
            format!(r#"{{"kind": "json", "value": …}} where the value fits this JSON Schema: {schema}"#)
        }
    };
    Some(format!(
        "End your answer with your result as JSON, alone in a block fenced like this, and print nothing after it \
         (or hand it in with Callboard's tool submit_result, or write the JSON to the file named by the variable CALLBOARD_RESULT):\n\n{FENCE}\n{example}\n```"
    ))
}
