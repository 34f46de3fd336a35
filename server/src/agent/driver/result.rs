//! Typed results: from what an agent wrote to a value of the form that was asked for, or a sentence that says what is wrong.
//!
//! Pure, and bounded: text in, value out. The sentence goes back to the agent as it is, so it says what to write.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::outcome::{
    ChangeResult, JsonResult, PlanResult, ResultKind, ReviewResult, ReviewVerdict, TestVerdict, TestsResult,
    TextResult, TypedResult, form::FENCE, schema,
};

/// The longest result that is read, in bytes.
pub const MAX_RESULT: usize = 1 << 20;

/// The most entries of a list in a result.
const MAX_ENTRIES: usize = 1_000;

/// The longest summary or text in a list, in bytes.
const MAX_TEXT: usize = 64 * 1024;

/// How many places are tried where a result with no fence could begin.
const MAX_STARTS: usize = 50;

/// Reads a result's JSON. Where text was asked for, a result of any form will do.
pub fn parse(json: &str, expects: &ResultKind) -> Result<TypedResult, String> {
    if json.len() > MAX_RESULT {
        return Err(format!("the result is longer than {MAX_RESULT} bytes; say less, and point to files for the rest"));
    }
    let value: Value = serde_json::from_str(json).map_err(|err| format!("the result is not JSON: {err}"))?;
    let result = typed(value, expects)?;
    check_bounds(&result)?;
    Ok(result)
}

/// Returns the JSON of the last fenced result in an answer, and the answer without it.
///
/// Lines of a terminal may carry a margin and blanks at their ends; both are taken off.
pub fn fenced(answer: &str) -> Option<(String, String)> {
    let lines: Vec<&str> = answer.lines().collect();
    let open = lines.iter().rposition(|it| bare(it).starts_with(FENCE))?;
    let length = lines[open + 1..].iter().position(|it| bare(it) == "```")?;
    let close = open + 1 + length;
    // Joined by a space, not by a line end: a line that the terminal wrapped inside a string stays a string.
    let json = lines[open + 1..close].iter().map(|it| it.trim()).collect::<Vec<_>>().join(" ");
    let rest = lines[..open].iter().chain(&lines[close + 1..]).copied().collect::<Vec<_>>().join("\n");
    Some((json, rest.trim_end().to_owned()))
}

/// Returns the last JSON object of an answer that says it is the result asked for, and the answer before it: for programs that
/// draw a fenced block without its fence.
pub fn unfenced(answer: &str, expects: &ResultKind) -> Option<(String, String)> {
    let lines: Vec<&str> = answer.lines().collect();
    let starts = (0..lines.len()).rev().filter(|it| bare(lines[*it]).starts_with('{')).take(MAX_STARTS);
    starts.into_iter().find_map(|start| {
        let words: Vec<&str> = lines[start..].iter().map(|it| bare(it)).collect();
        // A line that was wrapped between words needs a space there, one that was cut at the edge must have none.
        [" ", ""].iter().find_map(|between| {
            let text = words.join(between);
            let value = serde_json::Deserializer::from_str(&text).into_iter::<Value>().next()?.ok()?;
            let is_it = value.get("kind").and_then(Value::as_str) == Some(expects.name());
            is_it.then(|| (value.to_string(), before(&lines[..start])))
        })
    })
}

/// Returns the lines before a result, without the label that its fence may have left.
fn before(lines: &[&str]) -> String {
    let text = lines.join("\n");
    let text = text.trim_end();
    text.strip_suffix("callboard-result").unwrap_or(text).trim_end().to_owned()
}

/// Returns a result in a sentence or two, for people.
pub fn summary(result: &TypedResult) -> String {
    let (said, made) = match result {
        TypedResult::Text(it) => (it.text.as_str(), String::new()),
        TypedResult::Review(it) => (
            it.summary.as_str(),
            match (it.verdict, it.findings.len()) {
                (ReviewVerdict::Approved, 0) => "Approved.".to_owned(),
                (ReviewVerdict::Approved, n) => format!("Approved, with {}.", count(n, "remark")),
                (ReviewVerdict::ChangesRequested, n) => format!("Changes requested: {}.", count(n, "finding")),
            },
        ),
        TypedResult::Change(it) => (
            it.summary.as_str(),
            format!(
                "Changed {}, fixed {}, declined {}.",
                count(it.files.len(), "file"),
                count(it.fixed.len(), "finding"),
                it.declined.len()
            ),
        ),
        TypedResult::Tests(it) => (
            it.summary.as_str(),
            match it.verdict {
                TestVerdict::Passed => format!("{} passed.", count(it.passed as usize, "test")),
                TestVerdict::Failed => format!("{} failed, {} passed.", count(it.failed as usize, "test"), it.passed),
                TestVerdict::None => "There was no test to run.".to_owned(),
            },
        ),
        TypedResult::Plan(it) => (it.summary.as_str(), format!("A plan of {}.", count(it.steps.len(), "step"))),
        TypedResult::Json(it) => ("", format!("```json\n{:#}\n```", it.value)),
    };
    if said.trim().is_empty() { made } else { said.trim().to_owned() }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// Takes the margin and the blanks off a line.
fn bare(line: &str) -> &str {
    line.trim_matches(|it: char| it.is_whitespace() || matches!(it, '│' | '|' | '●' | '•' | '✦' | '⏺'))
}

fn typed(value: Value, expects: &ResultKind) -> Result<TypedResult, String> {
    if let ResultKind::Json(schema) = expects {
        let value = match value {
            Value::Object(mut fields)
                if fields.len() == 2
                    && fields.get("kind").is_some_and(|it| it == "json")
                    && fields.contains_key("value") =>
            {
                fields.remove("value").unwrap_or_default()
            }
            value => value,
        };
        schema::check(schema, &value)?;
        return Ok(TypedResult::Json(JsonResult { value }));
    }
    let Value::Object(mut fields) = value else {
        return Err("the result is not an object; write {\"kind\": …}".to_owned());
    };
    let kind = match fields.remove("kind") {
        None => expects.name().to_owned(),
        Some(Value::String(kind)) => kind,
        Some(_) => return Err("the result's kind is not a string".to_owned()),
    };
    if kind != expects.name() && *expects != ResultKind::Text {
        return Err(format!("the result's kind is {kind:?}, and {:?} was asked for", expects.name()));
    }
    put_places(&mut fields);
    let fields = Value::Object(fields);
    match kind.as_str() {
        "text" => read::<TextResult>(fields).map(TypedResult::Text),
        "review" => read::<ReviewResult>(fields).map(TypedResult::Review),
        "change" => read::<ChangeResult>(fields).map(TypedResult::Change),
        "tests" => read::<TestsResult>(fields).map(TypedResult::Tests),
        "plan" => read::<PlanResult>(fields).map(TypedResult::Plan),
        "json" => read::<JsonResult>(fields).map(TypedResult::Json),
        other => {
            Err(format!("the result's kind {other:?} is unknown; it is text, review, change, tests, plan or json"))
        }
    }
}

/// Puts a finding's or a failure's own `path` and `line` into its place: workflows read them by these names, so an agent
/// may well write them so, and a finding that lost its place without a word would be a lie about the code.
fn put_places(fields: &mut serde_json::Map<String, Value>) {
    for list in ["findings", "failures"] {
        let Some(Value::Array(entries)) = fields.get_mut(list) else { continue };
        for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
            if entry.contains_key("place") || !entry.contains_key("path") || !entry.contains_key("line") {
                continue;
            }
            let parts = ["path", "line", "column", "endLine", "endColumn"];
            let place = parts.iter().filter_map(|it| Some(((*it).to_owned(), entry.remove(*it)?))).collect();
            entry.insert("place".to_owned(), Value::Object(place));
        }
    }
}

fn read<T: DeserializeOwned>(fields: Value) -> Result<T, String> {
    serde_json::from_value(fields).map_err(|err| format!("the result has not the form asked for: {err}"))
}

fn check_bounds(result: &TypedResult) -> Result<(), String> {
    let (entries, texts): (usize, Vec<&str>) = match result {
        TypedResult::Text(it) => (0, vec![&it.text]),
        TypedResult::Review(it) => {
            let mut texts = vec![it.summary.as_str()];
            for finding in &it.findings {
                if finding.text.trim().is_empty() {
                    return Err("a finding has no text; say what is wrong and why it matters".to_owned());
                }
                if finding.place.as_ref().is_some_and(|it| it.path.is_empty() || it.line == 0) {
                    return Err("a finding's place has no path, or line 0; lines count from 1".to_owned());
                }
                texts.push(&finding.text);
                texts.extend(finding.suggestion.as_deref());
                texts.extend(finding.excerpt.as_deref());
            }
            (it.findings.len(), texts)
        }
        TypedResult::Change(it) => {
            let mut texts = vec![it.summary.as_str()];
            texts.extend(it.declined.iter().map(|it| it.reason.as_str()));
            (it.files.len().max(it.fixed.len()).max(it.declined.len()), texts)
        }
        TypedResult::Tests(it) => {
            if it.verdict == TestVerdict::Passed && (it.failed > 0 || !it.failures.is_empty()) {
                return Err("the verdict is \"passed\" although tests failed; make it \"failed\"".to_owned());
            }
            let mut texts = vec![it.summary.as_str()];
            texts.extend(it.failures.iter().map(|it| it.message.as_str()));
            (it.failures.len(), texts)
        }
        TypedResult::Plan(it) => {
            let mut texts = vec![it.summary.as_str()];
            texts.extend(it.steps.iter().map(String::as_str));
            (it.steps.len(), texts)
        }
        TypedResult::Json(_) => (0, Vec::new()),
    };
    if entries > MAX_ENTRIES {
        return Err(format!(
            "the result has {entries} entries, and {MAX_ENTRIES} are the most; keep those that matter"
        ));
    }
    if texts.iter().any(|it| it.len() > MAX_TEXT) {
        return Err(format!("a text in the result is longer than {MAX_TEXT} bytes; say it shorter"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::outcome::form;

    #[track_caller]
    fn refused(json: &str, expects: &ResultKind, words: &str) {
        let why = parse(json, expects).expect_err("it was taken");
        assert!(why.contains(words), "{why}");
    }

    #[test]
    fn a_result_of_the_form_asked_for_is_read_with_or_without_its_kind() {
        let text = r#"{"kind":"review","verdict":"changes_requested","findings":[{"severity":"error","text":"t","place":{"path":"a","line":3}}]}"#;
        let result = parse(text, &ResultKind::Review).unwrap();
        assert_eq!(summary(&result), "Changes requested: 1 finding.");
        assert_eq!(parse(&text.replace(r#""kind":"review","#, ""), &ResultKind::Review).unwrap(), result);
        assert_eq!(parse(text, &ResultKind::Text).unwrap(), result);
    }

    #[test]
    fn what_is_wrong_is_said_so_that_it_can_be_put_right() {
        refused("{", &ResultKind::Review, "not JSON");
        refused("[]", &ResultKind::Review, "not an object");
        refused(r#"{"kind":"tests","verdict":"passed"}"#, &ResultKind::Review, "\"review\" was asked for");
        refused(r#"{"verdict":"maybe"}"#, &ResultKind::Review, "changes_requested");
        refused(r#"{"verdict":"approved","findings":[{"severity":"error"}]}"#, &ResultKind::Review, "text");
        refused(
            r#"{"verdict":"approved","findings":[{"severity":"error","text":" "}]}"#,
            &ResultKind::Review,
            "no text",
        );
        refused(r#"{"verdict":"passed","failed":1}"#, &ResultKind::Tests, "although tests failed");
        refused(&format!("\"{}\"", "x".repeat(MAX_RESULT)), &ResultKind::Text, "longer than");
        let many = vec![json!("s"); 1001];
        refused(&json!({"steps": many}).to_string(), &ResultKind::Plan, "1001 entries");
    }

    #[test]
    fn a_place_that_is_written_flat_is_a_place() {
        let flat = r#"{"verdict":"approved","findings":[{"severity":"hint","text":"x","path":"a.rs","line":3}]}"#;
        let TypedResult::Review(review) = parse(flat, &ResultKind::Review).unwrap() else { panic!("not a review") };
        let place = review.findings[0].place.as_ref().unwrap();
        assert_eq!((&*place.path, place.line, place.column), ("a.rs", 3, 1));
    }

    #[test]
    fn a_schema_of_the_workflow_is_kept() {
        let expects =
            ResultKind::Json(json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}));
        let value = TypedResult::Json(JsonResult { value: json!({"n": 3}) });
        assert_eq!(parse(r#"{"n":3}"#, &expects).unwrap(), value);
        assert_eq!(parse(r#"{"kind":"json","value":{"n":3}}"#, &expects).unwrap(), value);
        refused(r#"{"n":"3"}"#, &expects, "n");
    }

    #[test]
    fn the_last_fenced_block_is_the_result_also_behind_a_margin() {
        let answer = "first\n```callboard-result\n{\"a\":1}\n```\nno, better:\n  ```callboard-result   \n  {\"a\":\n  2}\n  ```  \n";
        let (json, rest) = fenced(answer).unwrap();
        assert_eq!(json, "{\"a\": 2}");
        assert_eq!(rest, "first\n```callboard-result\n{\"a\":1}\n```\nno, better:");
        assert_eq!(fenced("```callboard-result\n{}"), None);
        assert_eq!(fenced("no block"), None);
    }

    #[test]
    fn a_result_that_was_drawn_without_its_fence_is_found_by_its_kind() {
        let drawn = "● Looked at it.\n\n  {\"kind\": \"review\", \"verdict\":\n  \"approved\", \"summary\": \"all\n  fine {x}\"}\n\n  done";
        let (json, rest) = unfenced(drawn, &ResultKind::Review).unwrap();
        assert_eq!(summary(&parse(&json, &ResultKind::Review).unwrap()), "all fine {x}");
        assert_eq!(rest, "● Looked at it.");
        assert_eq!(unfenced(drawn, &ResultKind::Tests), None);
        assert_eq!(unfenced("{\"verdict\": \"approved\"}", &ResultKind::Review), None);
        let cut = "{\"kind\": \"plan\", \"ste\nps\": [\"a\"]}";
        assert!(parse(&unfenced(cut, &ResultKind::Plan).unwrap().0, &ResultKind::Plan).is_ok());
    }

    #[test]
    fn every_form_has_instructions_but_text() {
        assert_eq!(form::instructions(&ResultKind::Text), None);
        let kinds =
            [ResultKind::Review, ResultKind::Change, ResultKind::Tests, ResultKind::Plan, ResultKind::Json(json!({}))];
        for kind in kinds {
            let text = form::instructions(&kind).unwrap();
            assert!(text.contains(FENCE) && text.contains(&format!("\"kind\": \"{}\"", kind.name())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,200}", json in r#"[\[\]{}":,a-z0-9 ]{0,80}"#) {
            let _ = fenced(&text);
            let _ = unfenced(&json, &ResultKind::Review);
            for expects in [ResultKind::Text, ResultKind::Review, ResultKind::Tests, ResultKind::Json(json!({"type":"object"}))] {
                let _ = parse(&json, &expects);
                let _ = parse(&text, &expects);
            }
        }
    }
}
