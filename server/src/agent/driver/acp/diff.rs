//! A file before and after, as a unified diff with one hunk: what is the same at both ends is left out but for three lines.
//!
//! Pure. Invariant: nothing that changes is left out.

/// How many lines that are the same stand around what changes.
const AROUND: usize = 3;

/// Returns the difference. There is no text before where the file is new.
pub(super) fn unified(path: &str, before: Option<&str>, after: &str) -> String {
    let old: Vec<&str> = before.unwrap_or_default().lines().collect();
    let new: Vec<&str> = after.lines().collect();
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - head;
    let tail = old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let from = head.saturating_sub(AROUND);
    let (old_end, new_end) = (old.len() - tail, new.len() - tail);
    let same = tail.min(AROUND);
    let name = if before.is_none_or(str::is_empty) { "/dev/null".to_owned() } else { format!("a/{path}") };
    let place = |from: usize, count: usize| format!("{},{count}", if count == 0 { from } else { from + 1 });
    let mut text = format!(
        "--- {name}\n+++ b/{path}\n@@ -{} +{} @@\n",
        place(from, old_end + same - from),
        place(from, new_end + same - from)
    );
    let mut put = |sign: char, lines: &[&str]| lines.iter().for_each(|it| text.extend([&sign.to_string(), *it, "\n"]));
    put(' ', &old[from..head]);
    put('-', &old[head..old_end]);
    put('+', &new[head..new_end]);
    put(' ', &old[old_end..old_end + same]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_stands_between_what_does_not() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let after = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
        let expect = "--- a/x\n+++ b/x\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
        assert_eq!(unified("x", Some(before), after), expect);
        assert_eq!(unified("x", None, "a\n"), "--- /dev/null\n+++ b/x\n@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(unified("x", Some("a\n"), ""), "--- a/x\n+++ b/x\n@@ -1,1 +0,0 @@\n-a\n");
        assert_eq!(unified("x", Some("a\na\n"), "a\na\na\n"), "--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n a\n a\n+a\n");
    }
}
