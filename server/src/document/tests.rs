//! Text in, text out: documents as people see them, and what comes back from their edits.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::workflow::problem::floor;
use crate::{
    finding::{Declined, Finding, FindingDraft, FindingState, Place, Severity},
    ids::FindingId,
    outcome::{
        ChangeResult, JsonResult, PlanResult, ReviewResult, ReviewVerdict, TestFailure, TestVerdict, TestsResult,
        TextResult, TypedResult,
    },
};

fn finding(id: u64, place: Option<(&str, u32)>, text: &str) -> Finding {
    Finding {
        id: FindingId(id),
        draft: FindingDraft {
            id: None,
            place: place.map(|(path, line)| Place {
                path: path.to_owned(),
                line,
                column: 5,
                end_line: None,
                end_column: None,
            }),
            severity: Severity::Warning,
            code: Some("clippy::len_zero".to_owned()),
            text: text.to_owned(),
            suggestion: None,
            excerpt: None,
        },
        run: None,
        message: None,
        sources: Vec::new(),
        state: FindingState::Open,
        declined: None,
        contested: false,
        rev: 1,
    }
}

fn header() -> Header {
    Header {
        title: "Which findings to act on".to_owned(),
        question: "The reviewer asks for changes.".to_owned(),
        facts: vec![("Run".to_owned(), "r3, round 1".to_owned())],
    }
}

fn two() -> Vec<Finding> {
    let mut first = finding(3, Some(("src/lib.rs", 12)), "`len() == 0` where `is_empty` is meant.\n\nIt costs.");
    first.draft.excerpt = Some("if list.len() == 0 {".to_owned());
    first.draft.suggestion = Some("Use `is_empty`.".to_owned());
    let mut second = finding(4, None, "No test reaches this.");
    second.draft.code = None;
    second.draft.severity = Severity::Error;
    vec![first, second]
}

#[test]
fn a_review_is_a_list_that_people_like_to_edit() {
    insta::assert_snapshot!(review_document(&header(), &two()), @r"
    # Which findings to act on

    The reviewer asks for changes.

    **Run**: r3, round 1  

    > Untick or delete a finding to strike it, or change its text. To add one, write a line such as
    > `- [x] warning src/lib.rs:12 — what is wrong`. Lines behind `>` are only shown.

    ## On the whole

    - [x] **f4** error — No test reaches this.

    ## src/lib.rs

    - [x] **f3** warning src/lib.rs:12:5 `clippy::len_zero` — `len() == 0` where `is_empty` is meant.

        It costs.
        > if list.len() == 0 {
        > Suggestion: Use `is_empty`.
    ");
}

#[test]
fn unedited_all_findings_stay_as_they_are() {
    let edit = read_review(&review_document(&header(), &two()), &two()).expect("read");
    assert_eq!(edit.kept, [(FindingId(3), None), (FindingId(4), None)]);
    assert_eq!((edit.struck, edit.added), (vec![], vec![]));
}

#[test]
fn a_person_strikes_changes_and_adds() {
    let document = review_document(&header(), &two())
        .replace("- [x] **f4**", "- [ ] **f4**")
        .replace("    It costs.", "    It costs a lot.\n    # And more.")
        + "- [x] hint src/main.rs:7:2 `style` — Say why.\n    In two lines.\n* [X] error - On the whole.\n- [ ] hint - Not this.\n";
    let edit = read_review(&document, &two()).expect("read");
    let text = "`len() == 0` where `is_empty` is meant.\n\nIt costs a lot.\n# And more.";
    assert_eq!(edit.kept, [(FindingId(3), Some(text.to_owned()))]);
    assert_eq!(edit.struck, [FindingId(4)]);
    let [first, second] = edit.added.as_slice() else { panic!("two were added") };
    assert_eq!(first.place.as_ref().map(|it| (it.path.as_str(), it.line, it.column)), Some(("src/main.rs", 7, 2)));
    assert_eq!(
        (first.severity, first.code.as_deref(), first.text.as_str()),
        (Severity::Hint, Some("style"), "Say why.\nIn two lines.")
    );
    assert_eq!((second.severity, &second.place, second.text.as_str()), (Severity::Error, &None, "On the whole."));
}

#[test]
fn a_question_may_have_a_list_of_its_own() {
    let header = Header { question: "Which of\n- this\n- that".to_owned(), ..header() };
    let edit = read_review(&review_document(&header, &two()), &two()).expect("read");
    assert_eq!(edit.kept.len(), 2);
}

#[test]
fn a_deleted_finding_is_struck() {
    let document = review_document(&header(), &two());
    let start = document.find("## src/lib.rs").expect("the file");
    let edit = read_review(&document[..start], &two()).expect("read");
    assert_eq!((edit.kept, edit.struck), (vec![(FindingId(4), None)], vec![FindingId(3)]));
    assert_eq!(read_review("", &two()).expect("read").struck, [FindingId(3), FindingId(4)]);
}

#[test]
fn a_line_that_cannot_be_read_is_told_by_its_number() {
    let document = review_document(&header(), &two());
    for (from, to, told) in [
        ("**f4**", "**f9**", "line 12: there is no finding f9"),
        ("- [x] **f4**", "- [?] **f4**", "line 12: this is no item"),
        ("- [x] **f4** error", "- [x] **f4** hint", "line 12: only the text of f4 can be changed"),
        ("No test reaches this.", "", "line 12: f4 has no text"),
        ("## src/lib.rs", "prose", "line 14: this line belongs to no finding"),
        ("## src/lib.rs", "- [x] fatal src/a.rs:1 — x", "line 14: \"fatal\" is no severity"),
        ("## src/lib.rs", "- [x] error src/a.rs — x", "line 14: \"src/a.rs\" is no place"),
        ("## src/lib.rs", "- [x] error src/a.rs:0 — x", "line 14: \"src/a.rs:0\" is no place"),
        ("## src/lib.rs", "- [x] error src/a.rs:1", "line 14: this new finding has no dash"),
        ("## src/lib.rs", "- [x] **f4** error — again", "line 14: f4 stands on line 12 already"),
    ] {
        let error = read_review(&document.replace(from, to), &two()).expect_err(to).to_string();
        assert!(error.starts_with(told), "{to}: {error}");
    }
}

/// Promise 2: text of an agent can't forge a line of the document.
#[test]
fn hostile_text_cannot_break_out() {
    let hostile = "one\n- [x] error src/evil.rs:1 — forged\n\n# forged\n```\n<!-- hidden\n> aside\n\u{1b}[2J\u{202e}\r- [x] **f2** error — x\u{2028}- [x] hint — y";
    let mut bad = finding(1, Some(("a.rs\n- [x] error b:1 — p", 1)), hostile);
    bad.draft.code = Some("`\n- [x] error — code".to_owned());
    bad.draft.excerpt = Some("x\n- [x] error — excerpt".to_owned());
    bad.draft.suggestion = Some(hostile.to_owned());
    bad.declined = Some(hostile.to_owned());
    let findings = [bad, finding(2, None, "second")];
    let header = Header {
        title: "t\n- [x] error — title".to_owned(),
        question: hostile.to_owned(),
        facts: vec![("a\n- [x] error — x".to_owned(), "b\n- [x] error — x".to_owned())],
    };
    let document = review_document(&header, &findings);
    assert_eq!(document.lines().filter(|it| it.starts_with("- [")).count(), 2, "{document}");
    assert!(!document.contains(['\u{1b}', '\u{202e}', '\u{2028}', '\r']));
    assert!(!document.contains("\n<!--") && !document.contains(" <!--"), "{document}");
    let edit = read_review(&document, &findings).expect("read");
    assert_eq!(edit.kept, [(FindingId(1), None), (FindingId(2), None)]);
    assert_eq!((edit.struck, edit.added), (vec![], vec![]));
}

#[test]
fn what_does_not_fit_is_struck_and_said() {
    let many: Vec<Finding> = (1..=300).map(|it| finding(it, Some(("a.rs", 1)), &"x".repeat(5_000))).collect();
    let document = review_document(&header(), &many);
    assert!(document.len() < MOST_DOCUMENT, "{}", document.len());
    assert!(document.contains("more findings do not fit here"));
    let edit = read_review(&document, &many).expect("read");
    assert!(!edit.kept.is_empty() && !edit.struck.is_empty());
    assert_eq!(edit.kept.len() + edit.struck.len(), many.len());
    // A text that was cut goes on as it was shown.
    let long = [finding(1, None, &"y".repeat(50_000))];
    let edit = read_review(&review_document(&header(), &long), &long).expect("read");
    assert!(edit.kept[0].1.as_ref().is_some_and(|it| it.len() < 21_000 && it.ends_with("(cut)")));
}

fn results() -> Vec<TypedResult> {
    let summary = "It is done.\n<!-- end of summary -->".to_owned();
    let failure = TestFailure { name: "it_works".to_owned(), place: None, message: "```\nleft: 1".to_owned() };
    vec![
        TypedResult::Text(TextResult { text: "# A text\n\n- [x] of an agent\n".to_owned() }),
        TypedResult::Plan(PlanResult {
            summary: summary.clone(),
            steps: vec!["One.\n2. Two?".to_owned(), "Three.".to_owned()],
        }),
        TypedResult::Json(JsonResult { value: json!({ "a": ["```", 1, null] }) }),
        TypedResult::Change(ChangeResult {
            summary: summary.clone(),
            files: vec!["a.rs".to_owned()],
            fixed: vec![FindingId(1)],
            declined: vec![Declined { finding: FindingId(2), reason: "It is\nright.".to_owned() }],
        }),
        TypedResult::Tests(TestsResult {
            verdict: TestVerdict::Failed,
            summary: summary.clone(),
            passed: 1,
            failed: 1,
            skipped: 0,
            failures: vec![failure],
        }),
        TypedResult::Review(ReviewResult {
            verdict: ReviewVerdict::Approved,
            summary,
            findings: vec![two()[0].draft.clone()],
        }),
    ]
}

#[test]
fn unedited_results_come_back_the_same() {
    for result in results() {
        let document = result_document(&header(), &result);
        assert_eq!(read_result(&document, &result).as_ref(), Ok(&result), "{document}");
        // Editors take white space at the ends of lines away.
        let stripped: Vec<&str> = document.lines().map(str::trim_end).collect();
        assert_eq!(read_result(&stripped.join("\n"), &result).as_ref(), Ok(&result), "{document}");
    }
}

#[test]
fn edited_results_come_back_edited() {
    let all = results();
    let edit = |index: usize, from: &str, to: &str| {
        let document = result_document(&header(), &all[index]);
        assert!(document.contains(from), "{document}");
        read_result(&document.replace(from, to), &all[index])
    };
    let text = TypedResult::Text(TextResult { text: "# Another\n\n- [x] of an agent\n".to_owned() });
    assert_eq!(edit(0, "# A text", "# Another"), Ok(text));
    let TypedResult::Plan(plan) = edit(1, "2. Three.", "   and a half\n2. New.\n   More.\n3. Three.").expect("a plan")
    else {
        panic!()
    };
    assert_eq!(plan.steps, ["One.\n2. Two?\nand a half", "New.\nMore.", "Three."]);
    let TypedResult::Json(json) = edit(2, "null", "true").expect("JSON") else { panic!() };
    assert_eq!(json.value, json!({ "a": ["```", 1, true] }));
    let TypedResult::Change(change) = edit(3, "It is done.", "It is half done.").expect("a change") else { panic!() };
    assert_eq!(change.summary, "It is half done.\n<!-- end of summary -->");
    assert!(edit(2, "null", "nul").expect_err("broken").to_string().contains("this is no JSON"));
    assert!(edit(1, "2. Three.", "Three.").expect_err("broken").message.contains("belongs to no step"));
    assert!(edit(0, "<!-- end of text", "<!-- fin").expect_err("broken").message.contains("put it back"));
}

#[test]
fn notices_show_what_happened_and_nothing_acts() {
    let notice =
        notice_document(&header(), &["@codex crashed.\n# forged\n\u{1b}[31m".to_owned(), "Retry, or skip.".to_owned()]);
    assert!(notice.ends_with("@codex crashed.\n\\# forged\n␛[31m\n\nRetry, or skip.\n"), "{notice}");
}

fn text() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z .`*_\\\\<>#-]{0,12}",
        Just("\n".to_owned()),
        Just("\n\n    ".to_owned()),
        Just("- [x] **f1** error — x".to_owned()),
        Just("- [ ] ".to_owned()),
        Just("<!-- text 000000000000 -->".to_owned()),
        Just("```".to_owned()),
        Just(" — ".to_owned()),
        Just("\u{1b}[0m\r\u{202e}".to_owned()),
        "\\PC{0,6}",
    ];
    prop::collection::vec(part, 0..10).prop_map(|it| it.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_review_comes_back_unedited(texts in prop::collection::vec((text(), text(), text(), any::<bool>()), 0..6), question in text()) {
        let findings: Vec<Finding> = texts.iter().zip(1..).map(|((text, code, aside, placed), id)| {
            let mut it = finding(id, placed.then_some((aside.as_str(), 3)), text);
            it.draft.code = Some(code.clone());
            it.draft.excerpt = Some(aside.clone());
            it.draft.suggestion = Some(code.clone());
            it
        }).collect();
        let header = Header { title: question.clone(), question, facts: Vec::new() };
        let document = review_document(&header, &findings);
        let edit = read_review(&document, &findings).map_err(|it| TestCaseError::fail(format!("{it}\n{document}")))?;
        prop_assert_eq!(edit.kept, findings.iter().map(|it| (it.id, None)).collect::<Vec<_>>(), "{}", document);
        prop_assert!(edit.struck.is_empty() && edit.added.is_empty());
    }

    #[test]
    fn any_result_comes_back_unedited(text in text(), steps in prop::collection::vec(text(), 0..5)) {
        for result in [
            TypedResult::Text(TextResult { text: text.clone() }),
            TypedResult::Plan(PlanResult { summary: text.clone(), steps: steps.clone() }),
            TypedResult::Json(JsonResult { value: json!({ text.clone(): steps }) }),
        ] {
            let document = result_document(&Header::default(), &result);
            prop_assert_eq!(read_result(&document, &result), Ok(result), "{}", document);
        }
    }

    #[test]
    fn no_edit_panics(edited in text(), at in any::<prop::sample::Index>()) {
        let mut document = review_document(&header(), &two());
        document.insert_str(floor(&document, at.index(document.len())), &edited);
        let _ = read_review(&document, &two());
        for result in results() {
            let mut document = result_document(&header(), &result);
            document.insert_str(floor(&document, at.index(document.len())), &edited);
            let _ = read_result(&document, &result);
        }
    }
}
