//! `eslint -f json`.

use serde::Deserialize;

use super::{Base, json_in};
use crate::{
    finding::{FindingDraft, Place, Severity},
    tool::remark::{Edit, Fix, Remark, Span},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_path: String,
    #[serde(default)]
    messages: Vec<Said>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default)]
    rule_id: Option<String>,
    #[serde(default)]
    severity: u8,
    message: String,
    #[serde(default)]
    line: Option<u32>,
    #[serde(default)]
    column: Option<u32>,
    #[serde(default)]
    end_line: Option<u32>,
    #[serde(default)]
    end_column: Option<u32>,
    #[serde(default)]
    fix: Option<Replacement>,
    #[serde(default)]
    suggestions: Vec<Suggestion>,
}

#[derive(Debug, Deserialize)]
struct Replacement {
    range: (usize, usize),
    text: String,
}

#[derive(Debug, Deserialize)]
struct Suggestion {
    #[serde(default)]
    desc: String,
}

/// Reads a whole output; `None` where it is not eslint's.
pub fn read(output: &str, base: Base<'_>) -> Option<Vec<Remark>> {
    let files: Vec<File> = serde_json::from_value(json_in(output)?).ok()?;
    let mut remarks = Vec::new();
    for file in files {
        let Some(path) = base.path(&file.file_path) else { continue };
        // It also says which of the files asked for its own configuration leaves out.
        let said = file.messages.into_iter().filter(|it| !it.message.starts_with("File ignored "));
        remarks.extend(said.map(|it| remark(it, &path)));
    }
    Some(remarks)
}

fn remark(it: Said, path: &str) -> Remark {
    let line = it.line.unwrap_or(1).max(1);
    let place = Place {
        path: path.to_owned(),
        line,
        column: it.column.unwrap_or(1).max(1),
        end_line: it.end_line.filter(|end| *end > line),
        end_column: it.end_column,
    };
    let described = it.suggestions.first().map(|it| it.desc.clone()).filter(|it| !it.is_empty());
    let (fix, suggestion) = match it.fix {
        Some(fix) => {
            let span = Span::Utf16(fix.range.0, fix.range.1);
            let edit = Edit { path: path.to_owned(), span, text: fix.text };
            (Fix::Edits(vec![edit]), Some("`eslint --fix` or an autofix step can do it".to_owned()))
        }
        None if it.suggestions.is_empty() => (Fix::None, None),
        None => (Fix::Unsafe, described),
    };
    let severity = if it.severity >= 2 { Severity::Error } else { Severity::Warning };
    // A file that can't be parsed has no rule to blame.
    let code = Some(format!("eslint::{}", it.rule_id.as_deref().unwrap_or("parse")));
    Remark {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tool::parse::testing::{BASE, batter, show};

    const OUTPUT: &str = include_str!("../../../../tests/fixtures/tools/eslint.json");

    #[test]
    fn eslint_is_read_with_its_fixes() {
        insta::assert_snapshot!(show(&read(OUTPUT, BASE).unwrap()), @r"
        src/broken.mjs:1:17 Error eslint::parse Parsing error: Unexpected token (
        src/stats.mjs:3:18 Error eslint::no-var Unexpected var, use let or const instead. [fix]
        src/stats.mjs:3:22 Error eslint::no-unused-vars 'unused' is assigned a value but never used. [unsafe fix]
        src/stats.mjs:4:12 Error eslint::prefer-const 'value' is never reassigned. Use 'const' instead. [fix]
        src/stats.mjs:5:7 Warning eslint::no-extra-boolean-cast Redundant double negation. [fix]
        src/stats.mjs:6:10 Error eslint::no-undef 'undefinedName' is not defined.
        ");
    }

    #[test]
    fn a_fix_of_eslint_lands_on_its_characters() {
        let text =
            "// Größe: ü 😀 before the columns\nexport function mean(values) {\n  let total = 0; var unused = 1;\n";
        let remarks = read(OUTPUT, BASE).unwrap();
        let Some(Fix::Edits(edits)) =
            remarks.iter().find(|it| it.draft.code.as_deref() == Some("eslint::no-var")).map(|it| &it.fix)
        else {
            panic!("no fix")
        };
        assert_eq!(edits[0].span.resolve(text).map(|it| &text[it]), Some("var unused = 1;"));
    }

    #[test]
    fn nothing_that_eslint_could_print_breaks_it() {
        batter(OUTPUT, &|it| drop(read(it, BASE)));
        assert!(read("Oops! Something went wrong!", BASE).is_none());
    }
}
