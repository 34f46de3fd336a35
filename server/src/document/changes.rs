//! What stands behind a result in its document: how the files changed, for reading only.
//!
//! Invariant: every line of a file is indented, so none can be taken for an item or a mark by those who read documents.

use std::fmt::Write as _;

use super::escape::{one_line, visible};
use crate::{hub::record::ShownDiff, ids::RunId};

/// Adds how the files changed to a document.
pub fn with_changes(mut document: String, run: RunId, diffs: &[ShownDiff]) -> String {
    if diffs.is_empty() {
        return document;
    }
    document += "\n## What changed in the files\n\n> Only shown. Edit the files themselves where you want them otherwise: that is yours, \
                 and the run goes on with it.\n";
    for diff in diffs {
        let _ = write!(document, "\n### {}\n\n", one_line(&diff.path));
        for line in visible(&diff.text).lines().skip_while(|it| !it.starts_with("@@")) {
            let _ = writeln!(document, "    {line}");
        }
        if diff.more > 0 {
            let _ = writeln!(document, "\n> {} more lines: `callboard show {run} --diff`", diff.more);
        }
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_of_a_file_is_a_line_of_the_document() {
        let text =
            "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-- [x] f1 gone\n+<!-- text 1234 -->\n+# a\u{1b}[2J\n";
        let diff = ShownDiff { path: "x\n# y".to_owned(), text: text.to_owned(), more: 3 };
        insta::assert_snapshot!(with_changes("# Title\n".to_owned(), RunId(2), &[diff]), @r"
        # Title

        ## What changed in the files

        > Only shown. Edit the files themselves where you want them otherwise: that is yours, and the run goes on with it.

        ### x # y

            @@ -1 +1 @@
            -- [x] f1 gone
            +<!-- text 1234 -->
            +# a␛[2J

        > 3 more lines: `callboard show r2 --diff`
        ");
    }
}
