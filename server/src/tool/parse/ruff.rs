//! `ruff check --output-format json`.

use serde::Deserialize;

use super::{Base, json_in};
use crate::{
    finding::{FindingDraft, Place, Severity},
    tool::remark::{Edit, Fix, Remark, Span},
};

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    code: Option<String>,
    filename: String,
    location: At,
    #[serde(default)]
    end_location: Option<At>,
    message: String,
    #[serde(default)]
    fix: Option<RuffFix>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct At {
    row: u32,
    column: u32,
}

#[derive(Debug, Deserialize)]
struct RuffFix {
    applicability: String,
    #[serde(default)]
    message: Option<String>,
    edits: Vec<RuffEdit>,
}

#[derive(Debug, Deserialize)]
struct RuffEdit {
    content: String,
    location: At,
    end_location: At,
}

/// Reads a whole output; `None` where it is not ruff's.
pub fn read(output: &str, base: Base<'_>) -> Option<Vec<Remark>> {
    let messages: Vec<Said> = serde_json::from_value(json_in(output)?).ok()?;
    Some(messages.into_iter().filter_map(|it| remark(it, base)).collect())
}

fn remark(it: Said, base: Base<'_>) -> Option<Remark> {
    let path = base.path(&it.filename)?;
    let code = it.code.unwrap_or_else(|| "invalid-syntax".to_owned());
    let place = Place {
        path: path.clone(),
        line: it.location.row.max(1),
        column: it.location.column.max(1),
        end_line: it.end_location.map(|it| it.row).filter(|end| *end > it.location.row),
        end_column: it.end_location.map(|it| it.column),
    };
    let (fix, suggestion) = match it.fix {
        None => (Fix::None, None),
        Some(fix) if fix.applicability == "safe" => {
            let edits = fix.edits.into_iter().map(|it| Edit {
                path: path.clone(),
                span: Span::Places(
                    (it.location.row, it.location.column),
                    (it.end_location.row, it.end_location.column),
                ),
                text: it.content,
            });
            let edits = edits.collect();
            (Fix::Edits(edits), fix.message.map(|it| format!("{it} (`ruff check --fix` or an autofix step can do it)")))
        }
        Some(fix) => (Fix::Unsafe, fix.message),
    };
    // Ruff calls everything an error; only what can't run is one here.
    let severity = if is_fatal(&code) { Severity::Error } else { Severity::Warning };
    let code = Some(format!("ruff::{code}"));
    Some(Remark {
        draft: FindingDraft {
            id: None,
            place: Some(place),
            severity,
            code,
            text: it.message,
            suggestion,
            excerpt: None,
        },
        fix,
    })
}

/// Returns whether the rule speaks of code that fails when it is run: syntax errors and undefined names.
fn is_fatal(code: &str) -> bool {
    code == "invalid-syntax" || code.starts_with("E9") || code.starts_with("F82") || code.starts_with("F7")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show};

    const OUTPUT: &str = include_str!("../../../../tests/fixtures/tools/ruff.json");

    #[test]
    fn ruff_is_read_with_its_safe_fixes() {
        insta::assert_snapshot!(show(&read(OUTPUT, BASE).unwrap()), @r"
        app/stats.py:1:1 Warning ruff::I001 Import block is un-sorted or un-formatted [fix]
        app/stats.py:1:8 Warning ruff::F401 `os` imported but unused [fix]
        app/stats.py:2:8 Warning ruff::F401 `sys` imported but unused [fix]
        app/stats.py:2:13 Warning ruff::F401 `json` imported but unused [fix]
        app/stats.py:9:5 Warning ruff::F841 Local variable `name` is assigned to but never used [unsafe fix]
        app/stats.py:9:17 Warning ruff::F841 Local variable `unused` is assigned to but never used [unsafe fix]
        app/stats.py:9:26 Warning ruff::F541 f-string without any placeholders [fix]
        test_broken.py:1:8 Warning ruff::F401 `nope` imported but unused [fix]
        ");
    }

    #[test]
    fn nothing_that_ruff_could_print_breaks_it() {
        batter(OUTPUT, &|it| drop(read(it, BASE)));
        assert_eq!(read("[]", BASE), Some(Vec::new()));
        assert_eq!(read("error: no such file", BASE), None);
    }
}
