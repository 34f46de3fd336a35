//! From what a terminal showed to what the agent said: the lines behind the prompt's echo, without the program's frame.
//!
//! Pure: lines in, text out. A guess by nature, so it only ever feeds people and the fenced result; whether a turn is over
//! is never decided here.

use super::super::catalog::{profile::TerminalRules, scalar::Pattern};

/// The longest answer that is kept, in bytes: its end, which has the result.
const MAX_ANSWER: usize = 256 * 1024;

/// How much of a prompt's end is looked for on the screen, in characters without blanks.
const TAIL: usize = 40;

/// A prompt's end this long is no accident where it is seen again.
const TELLING: usize = 20;

/// Returns what was said since the prompt. `before` are the screen's rows when it was handed over, `lines` all lines since:
/// those that have left the top and those that stand there now.
pub(crate) fn answer(rules: &TerminalRules, prompt: &str, before: &[String], lines: &[String]) -> String {
    let unchanged = before.iter().zip(lines).take_while(|(a, b)| a.trim_end() == b.trim_end()).count();
    let lines = &lines[unchanged..];
    let lines = &lines[end_of_echo(prompt, lines, &rules.submit.echo)..];
    let kept: Vec<&str> =
        lines.iter().map(|it| it.trim_end()).filter(|it| !rules.drop.iter().any(|pattern| pattern.is_in(it))).collect();
    let mut lines = undecorated(&kept);
    lines.dedup_by(|next, line| next.is_empty() && line.is_empty());
    bounded(lines.join("\n").trim_matches('\n'))
}

/// Takes off the bullets with which programs mark what the agent says, and the margin of the lines below one.
fn undecorated(lines: &[&str]) -> Vec<String> {
    let mut below = false;
    let plain = lines.iter().map(|line| {
        if let Some(rest) = line.strip_prefix(['●', '•', '✦', '⏺']).and_then(|it| it.strip_prefix(' ')) {
            below = true;
            return rest.to_owned();
        }
        below &= line.is_empty() || line.starts_with("  ");
        let margin = if below { "  " } else { "" };
        line.strip_prefix(margin).unwrap_or(line).to_owned()
    });
    plain.collect()
}

/// Returns whether the prompt's echo is among the lines, and whether anything was said behind it.
pub(crate) fn replied(rules: &TerminalRules, prompt: &str, before: &[String], lines: &[String]) -> (bool, bool) {
    let unchanged = before.iter().zip(lines).take_while(|(a, b)| a.trim_end() == b.trim_end()).count();
    let echoed = end_of_echo(prompt, &lines[unchanged..], &rules.submit.echo) > 0;
    (echoed, echoed && !answer(rules, prompt, before, lines).trim().is_empty())
}

/// Returns whether a prompt that was pasted stands on the screen. Prompts end alike, so one that stood there before, of an earlier
/// turn, is no sign of it.
pub(crate) fn is_echoed(rules: &TerminalRules, prompt: &str, before: &[String], rows: &[String]) -> bool {
    let tail = tail_of(prompt);
    let echoes = |rows: &[String]| {
        let screen: String = rows.iter().map(|it| squeezed(it)).collect();
        let whole = if tail.is_empty() { 0 } else { screen.matches(&tail).count() };
        whole + rows.iter().filter(|row| rules.submit.echo.iter().any(|it| it.is_in(row))).count()
    };
    echoes(rows) > echoes(before)
}

/// Returns whether `more` now stands behind a prompt that was pasted, with nothing but blanks and line ends in between, and did
/// not before.
pub(crate) fn is_followed(rules: &TerminalRules, prompt: &str, more: &str, before: &[String], rows: &[String]) -> bool {
    let tail = tail_of(prompt) + more;
    let count = |rows: &[String]| {
        let screen = |from: usize| rows[from..].iter().map(|it| squeezed(it)).collect::<String>();
        let is_behind = |(at, row): &(usize, &String)| {
            let mut folds = rules.submit.echo.iter().filter_map(|it| it.find(row));
            let behind = folds.next().and_then(|it| row.split_once(it)).and_then(|(_, rest)| rest.split_once(']'));
            behind.is_some_and(|(_, rest)| (squeezed(rest) + &screen(at + 1)).starts_with(more))
        };
        screen(0).matches(&tail).count() + rows.iter().enumerate().filter(is_behind).count()
    };
    count(rows) > count(before)
}

/// Returns the index of the first line behind the prompt's echo; 0 where no echo is seen.
fn end_of_echo(prompt: &str, lines: &[String], folded: &[Pattern]) -> usize {
    let tail = tail_of(prompt);
    let mut text = String::new();
    let mut ends = Vec::with_capacity(lines.len());
    for line in lines {
        text.push_str(&squeezed(line));
        ends.push(text.len());
    }
    // A short prompt may well be in its answer too: then the first is the echo. A long one is drawn again and again
    // while it is pasted: then the last is.
    let found = if tail.chars().count() >= TELLING { text.rfind(&tail) } else { text.find(&tail) };
    if let Some(at) = found.filter(|_| !tail.is_empty()) {
        let end = at + tail.len();
        let next = ends.iter().position(|it| *it >= end).map_or(lines.len(), |it| it + 1);
        // The fence that ends a prompt is no part of what is compared, but of the echo.
        let fence = |it: &String| !it.trim().is_empty() && squeezed(it).is_empty();
        return next + lines[next..].iter().take_while(|it| prompt.trim_end().ends_with("```") && fence(it)).count();
    }
    lines.iter().position(|line| folded.iter().any(|it| it.is_in(line))).map_or(0, |it| it + 1)
}

fn tail_of(prompt: &str) -> String {
    let text = squeezed(prompt);
    let skip = text.chars().count().saturating_sub(TAIL);
    text.chars().skip(skip).collect()
}

/// Returns a line without blanks, without a box's sides, which a program puts in when it wraps, and without backticks, which
/// it leaves out when it draws a fenced block.
fn squeezed(line: &str) -> String {
    line.chars().filter(|it| !it.is_whitespace() && !matches!(it, '│' | '┃' | '║' | '`')).collect()
}

fn bounded(text: &str) -> String {
    if text.len() <= MAX_ANSWER {
        return text.to_owned();
    }
    let mut from = text.len() - MAX_ANSWER;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    format!("(the first {from} bytes are in the terminal's transcript)\n{}", &text[from..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::catalog::Catalog;

    #[track_caller]
    fn check(profile: &str, prompt: &str, before: &str, now: &str, expect: &str) {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        let rules = &catalog.resolve(&profile.parse().unwrap()).unwrap().terminal;
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(answer(rules, prompt, &lines(before), &lines(now)), expect);
    }

    #[test]
    fn the_answer_is_what_stands_behind_the_prompt() {
        let frame = "\n────────────────\n❯\n────────────────\n  ? for shortcuts";
        let before = format!("❯ hi\n\n● hello{frame}");
        let now = format!("❯ hi\n\n● hello\n\n❯ hi\n\n● hi again\n  and this\n\n✻ Brewed for 5s{frame}");
        check("claude", "hi", &before, &now, "hi again\nand this");
    }

    #[test]
    fn the_echo_of_an_earlier_prompt_is_no_sign_of_this_one() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        let rules = &catalog.resolve(&"gemini".parse().unwrap()).unwrap().terminal;
        let echoed = |before: &str, now: &str| {
            let rows = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            is_echoed(rules, "do this\nAnswer in Markdown.", &rows(before), &rows(now))
        };
        let before = "> do that\n  Answer in Markdown.\n✦ done\n > Type your message";
        assert!(!echoed(before, before));
        assert!(!echoed(before, &format!("{before}\n1 MCP server")));
        assert!(echoed(before, &before.replace("Type your message", "do this\n  Answer in Markdown.")));
        assert!(echoed(before, &before.replace("Type your message", "[Pasted Text: 2 lines]")));
        assert!(echoed("", "> do this\n  Answer in Markdown."));
    }

    #[test]
    fn what_follows_a_prompt_is_told_from_what_stood_there_before() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        let rules = &catalog.resolve(&"gemini".parse().unwrap()).unwrap().terminal;
        let followed = |before: &str, now: &str| {
            let rows = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
            is_followed(rules, "do this\nAnswer in Markdown.", ".", &rows(before), &rows(now))
        };
        let before = "> do that\n  Answer in Markdown.\n > do this\n   Answer in Markdown.";
        assert!(!followed(before, before));
        assert!(followed(before, &format!("{before}.")));
        let folded = " > [Pasted Text: 40 lines]";
        assert!(!followed(folded, folded));
        assert!(followed(folded, " > [Pasted Text: 40 lines]."));
        assert!(followed(folded, " > [Pasted Text: 40 lines]\n   ."));
        assert!(!followed(folded, " > [Pasted Text: 40 lines]\n───\n   ."));
        assert!(!followed(" > [Pasted Text: 40 lines].", " > [Pasted Text: 40 lines]."));
    }

    #[test]
    fn a_long_prompt_is_found_though_it_was_wrapped_and_drawn_twice() {
        let prompt = "please look at the retry loop in src/retry.rs and say why it never ends";
        let drawn = "> please look at the retry loop\n  in src/retry.rs and say\n  why it never ends";
        check("gemini", prompt, "", &format!("{drawn}\n{drawn}\n✦ because"), "because");
    }

    #[test]
    fn a_prompt_that_ends_with_a_fence_is_found_with_it_and_without() {
        let json = "{\"kind\": \"plan\", \"summary\": \"what is to be done\", \"steps\": []}";
        let prompt = format!("fenced like this:\n```callboard-result\n{json}\n```");
        check("gemini", &prompt, "", &format!("> like this:\n```callboard-result\n{json}\n```\n✦ yes"), "yes");
        check("gemini", &prompt, "", &format!("> like this:\n  {json}\n✦ yes"), "yes");
    }

    #[test]
    fn a_folded_prompt_is_found_by_its_fold() {
        check("claude", "a\nb\nc\nd and much more text than this", "", "❯ [Pasted text #1 +4 lines]\n\n● yes", "yes");
    }

    #[test]
    fn with_no_echo_all_that_is_new_is_the_answer() {
        check("codex", "something quite different", "old\nline", "old\nline\nnew", "new");
        check("codex", "", "", "all", "all");
    }

    #[test]
    fn an_endless_answer_keeps_its_end() {
        let long = vec!["x".repeat(1000); 1000];
        let got = bounded(&(long.join("\n") + "the end"));
        assert!(got.len() < MAX_ANSWER + 100 && got.ends_with("the end") && got.starts_with("(the first"));
    }
}
