//! Documents that are true: the protocol's methods, the links, and the commands that they tell people to type.

use std::{
    collections::{BTreeSet, HashMap},
    process::Command,
    sync::Mutex,
};

use regex::Regex;

use crate::tree::File;

fn text<'a>(files: &'a [File], path: &str) -> Option<&'a str> {
    files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a rule that compiles")
}

/// `server/src/protocol.rs` and `docs/protocol.md` name the same methods. One without the other fails.
pub fn protocol(files: &[File]) -> Vec<String> {
    let methods = |text: Option<&str>, form: &str| -> BTreeSet<String> {
        pattern(form).captures_iter(text.unwrap_or_default()).map(|found| found[1].to_owned()).collect()
    };
    let code = methods(text(files, "server/src/protocol.rs"), r#"const \w+: &str = "(callboard/\w+)""#);
    let document = methods(text(files, "docs/protocol.md"), r"`(callboard/\w+)`");
    let missing =
        code.difference(&document).map(|method| format!("docs/protocol.md: `{method}` is missing; describe it"));
    let made_up = document.difference(&code);
    let made_up =
        made_up.map(|method| format!("docs/protocol.md: `{method}` is not in server/src/protocol.rs; correct one"));
    missing.chain(made_up).collect()
}

/// Each link to a file of the repository leads to one, and to a heading that it has.
pub fn links(files: &[File]) -> Vec<String> {
    let link = pattern(r"!?\[[^\]]*\]\(([^()\s]+)\)");
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_a(&[".md"]) && !file.is_recorded()) {
        let prose = without_fences(&file.text);
        for found in link.captures_iter(&prose) {
            let target = &found[1];
            if pattern(r"^[a-z]+:").is_match(target) {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() { file.path.clone() } else { join(&file.path, path) };
            let known = files.iter().find(|other| other.is_in(&path));
            match known {
                None => complaints.push(format!("{}: the link `{target}` leads to no file ({path})", file.path)),
                Some(other) if !heading.is_empty() && !headings(&other.text).contains(heading) => {
                    complaints.push(format!("{}: the link `{target}` leads to no heading of {path}", file.path));
                }
                Some(_) => {}
            }
        }
    }
    complaints
}

/// Each `callboard …` line in a fenced `sh` block names a subcommand and options that the program has. `help` gives what
/// `callboard WORDS --help` prints, `None` where there is no such subcommand.
pub fn commands(files: &[File], help: &mut dyn FnMut(&[&str]) -> Option<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_a(&[".md"]) && !file.is_recorded()) {
        for (number, line) in shell_lines(&file.text) {
            if let Some(command) = line.split("cargo run --release -- ").nth(1) {
                check_command(command, help, &mut |why| complaints.push(format!("{}:{number}: {why}", file.path)));
            } else if let Some(command) = line.strip_prefix("callboard ") {
                check_command(command, help, &mut |why| complaints.push(format!("{}:{number}: {why}", file.path)));
            }
        }
    }
    complaints
}

/// What the built program says of itself.
pub fn help_of_the_binary(words: &[&str]) -> Option<String> {
    static KNOWN: Mutex<Option<HashMap<String, Option<String>>>> = Mutex::new(None);
    let mut known = KNOWN.lock().expect("the known helps");
    let known = known.get_or_insert_default();
    let ask = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_callboard"));
        let output = command.args(words).arg("--help").env("NO_COLOR", "1").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    known.entry(words.join(" ")).or_insert_with(ask).clone()
}

fn check_command(command: &str, help: &mut dyn FnMut(&[&str]) -> Option<String>, complain: &mut dyn FnMut(String)) {
    // What stands in quotes is text, and what follows a pipe is another program's.
    let command = pattern(r#""[^"]*"|'[^']*'"#).replace_all(command, "TEXT");
    let command = command.split(['|', '>', ';', '#', '&']).next().unwrap_or_default();
    let words: Vec<&str> = command.split_whitespace().collect();
    let plain = words.iter().take_while(|word| pattern(r"^[a-z][a-z-]*$").is_match(word)).count();
    let mut path: Vec<&str> = Vec::new();
    let mut said = help(&[]).unwrap_or_default();
    for word in &words[..plain] {
        let longer: Vec<&str> = path.iter().copied().chain([*word]).collect();
        // A word below the first may be an argument (`decide p1 approve`): it is a subcommand only where the help lists it.
        let listed = pattern(&format!(r"(?m)^  {}(\s|$)", regex::escape(word))).is_match(&said);
        if !path.is_empty() && !listed {
            break;
        }
        let Some(deeper) = help(&longer) else {
            return complain(format!("`callboard {}` is no command; see `callboard --help`", longer.join(" ")));
        };
        said = deeper;
        path = longer;
    }
    for option in words.iter().filter(|word| word.starts_with("--") && word.len() > 2) {
        let name = option.split('=').next().unwrap_or_default();
        if !pattern(&format!(r"{}\b", regex::escape(name))).is_match(&said) {
            let path = path.join(" ");
            complain(format!("`callboard {path}` has no option `{name}`; see `callboard {path} --help`"));
        }
    }
}

/// The lines of a document's fenced `sh` blocks, without a prompt.
fn shell_lines(text: &str) -> Vec<(usize, &str)> {
    let mut lines = Vec::new();
    let mut inside = false;
    for (index, line) in text.lines().enumerate() {
        let bare = line.trim();
        if let Some(info) = bare.strip_prefix("```") {
            inside = !inside && matches!(info, "sh" | "console" | "bash");
        } else if inside {
            lines.push((index + 1, bare.strip_prefix("$ ").unwrap_or(bare)));
        }
    }
    lines
}

fn without_fences(text: &str) -> String {
    pattern(r"(?ms)^\s*```.*?^\s*```|`[^`\n]*`").replace_all(text, "").into_owned()
}

/// The anchors of a document's headings, as Markdown viewers make them.
fn headings(text: &str) -> BTreeSet<String> {
    let titles =
        text.lines().filter_map(|line| Some(line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase()));
    let slug = |title: String| -> String {
        let kept = title.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    titles.map(slug).collect()
}

/// `docs/guide.md` and `../README.md` make `README.md`.
fn join(from: &str, to: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}
