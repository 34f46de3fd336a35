//! What the reading tools give: the channel, the buffers, the findings, as text for a model.
//!
//! Pure: the state goes in, bounded text comes out, and what was cut is said.

use std::fmt::Write as _;

use super::table::{Buffer, Diagnostics, Read};
use crate::{
    hub::state::{Message, State, Turn},
    ids::MessageId,
    protocol::Author,
    workspace::{documents::Documents, position::floor},
};

/// The longest answer of a reading tool, in bytes.
const MOST: usize = 64 * 1024;

/// How much of one message is given, in bytes.
const MOST_OF_ONE: usize = 16 * 1024;

/// The longest part of a buffer that is given at once, in bytes.
const MOST_BUFFER: usize = 256 * 1024;

/// How many findings are listed.
const FINDINGS: usize = 200;

/// How many messages are given where nobody says, and at most.
const MESSAGES: (u32, u32) = (20, 100);

/// Returns messages of a channel, oldest first.
pub fn channel(state: &State, turn: &Turn, args: &Read) -> Result<String, String> {
    let own = state.place_of(turn).ok_or("this turn has no channel")?;
    let root = match args.thread {
        Some(id) => {
            let message = state.message(id).ok_or_else(|| format!("there is no message {id}"))?;
            Some((message.channel.clone(), message.thread.unwrap_or(id)))
        }
        None => None,
    };
    let name = root.as_ref().map(|it| it.0.clone()).or_else(|| args.channel.clone()).unwrap_or(own.0);
    let known = state.channels.get(&name).filter(|_| state.may_enter(turn, &name));
    let known = known.ok_or_else(|| format!("{} takes part in no channel {name}; leave `channel` out", turn.agent))?;
    let since = args.since.unwrap_or(MessageId(0));
    let limit = args.limit.unwrap_or(MESSAGES.0).clamp(1, MESSAGES.1) as usize;
    let wanted = |it: &&std::sync::Arc<Message>| {
        root.as_ref().is_none_or(|(_, root)| it.id == *root || it.thread == Some(*root))
    };
    let newer = known.messages.iter().rev().take_while(|it| **it > since);
    let mut found: Vec<_> = newer.filter_map(|it| state.message(*it)).filter(wanted).take(limit + 1).collect();
    let mut cut = found.len() > limit;
    found.truncate(limit);
    let (mut texts, mut left) = (Vec::new(), MOST);
    for message in found {
        let text = one(message);
        let Some(rest) = left.checked_sub(text.len()) else {
            cut = true;
            break;
        };
        left = rest;
        texts.push(text);
    }
    texts.reverse();
    let mut said = String::new();
    if cut {
        said.push_str("(There are more before these; ask for a thread, or for fewer at once.)\n\n");
    }
    said.push_str(&texts.concat());
    if texts.is_empty() {
        said.push_str("There is nothing new.\n");
    }
    Ok(said)
}

/// Returns a message as data: who said it, and its text behind `>`, so that it can't pass for anything around it.
fn one(message: &Message) -> String {
    let who = match &message.author {
        Author::Person(name) => format!("{name} (a person)"),
        Author::Agent(name) => format!("{name} (an agent)"),
        Author::Operator => "the operator".to_owned(),
        Author::System => "Callboard".to_owned(),
    };
    let thread = message.thread.map_or(String::new(), |it| format!(", in the thread of {it}"));
    let mut said = format!("{} from {who}{thread}:\n", message.id);
    let text = &message.text[..floor(&message.text, MOST_OF_ONE)];
    for line in text.lines() {
        let _ = writeln!(said, "> {line}");
    }
    if text.len() < message.text.len() {
        let _ = writeln!(said, "(cut: it has {} bytes)", message.text.len());
    }
    said.push('\n');
    said
}

/// Returns the list of open buffers.
pub fn buffers(open: &[(String, i32, usize)]) -> String {
    if open.is_empty() {
        return "No file of the workspace is open in an editor; read files from the disk.\n".to_owned();
    }
    let mut said = String::new();
    for (path, version, bytes) in open {
        let _ = writeln!(said, "{path} (version {version}, {bytes} bytes)");
        if said.len() > MOST {
            said.push_str("and more\n");
            break;
        }
    }
    said
}

/// Returns an open buffer, or lines of it.
pub fn buffer(documents: &Documents, args: &Buffer) -> Result<String, String> {
    let path = args.path.trim_start_matches("./");
    let Some(document) = documents.latest(path) else {
        return Err(format!("{path} is not open in an editor, so the file on disk is what there is; read that"));
    };
    let (from, to) = (args.from.unwrap_or(1).max(1) as usize, args.to.unwrap_or(u32::MAX) as usize);
    let lines = document.text.split_inclusive('\n').count();
    if from > lines.max(1) || to < from {
        return Err(format!("{path} has {lines} lines; ask for some of them"));
    }
    let part: String = document.text.split_inclusive('\n').skip(from - 1).take(to - from + 1).collect();
    let end = floor(&part, MOST_BUFFER);
    if end < part.len() {
        // A line that is cut in the middle would be a lie about the file.
        let whole = part[..end].rfind('\n').map_or(end, |it| it + 1);
        let given = part[..whole].lines().count();
        return Ok(format!("{}\n(cut: ask for the lines from {} on)", &part[..whole], from + given));
    }
    Ok(part)
}

/// Returns the open findings, of one file or of all.
pub fn diagnostics(state: &State, args: &Diagnostics) -> String {
    let path = args.path.as_deref().map(|it| it.trim_start_matches("./"));
    let mut said = String::new();
    let open = state.findings.iter().filter(|it| it.state.is_open());
    let of_path = open.filter(|it| path.is_none_or(|path| it.draft.place.as_ref().is_some_and(|it| it.path == path)));
    for (number, it) in of_path.enumerate() {
        if number == FINDINGS || said.len() > MOST {
            said.push_str("and more\n");
            break;
        }
        let place = it.draft.place.as_ref().map_or(String::new(), |it| format!(" {}:{}", it.path, it.line));
        let severity = serde_json::to_value(it.draft.severity).unwrap_or_default();
        let text: String = it.draft.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let cut = floor(&text, 1_000);
        let sources: Vec<String> = it.sources.iter().map(ToString::to_string).collect();
        let by = if sources.is_empty() { String::new() } else { format!(" ({})", sources.join(", ")) };
        let _ = writeln!(said, "{}{place} {}: {}{by}", it.id, severity.as_str().unwrap_or("finding"), &text[..cut]);
        if let Some(why) = &it.declined {
            let _ = writeln!(said, "  declined, because: {}", &why[..floor(why, 500)]);
        }
    }
    if said.is_empty() { "There is no open finding.\n".to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_given_as_it_stands_in_the_editor() {
        let documents = Documents::default();
        let ada = documents.enter();
        documents.open("src/a.rs", ada, 3, "one\ntwo\nthree\n".into());
        let ask = |from, to| buffer(&documents, &Buffer { path: "./src/a.rs".to_owned(), from, to });
        assert_eq!(ask(None, None).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(ask(Some(2), Some(2)).unwrap(), "two\n");
        assert!(ask(Some(9), None).unwrap_err().contains("3 lines"));
        assert!(ask(Some(3), Some(2)).is_err());
        let closed = Buffer { path: "b.rs".to_owned(), from: None, to: None };
        assert!(buffer(&documents, &closed).unwrap_err().contains("on disk"));
        assert_eq!(buffers(&documents.list()), "src/a.rs (version 3, 14 bytes)\n");
    }

    #[test]
    fn a_long_buffer_is_cut_between_lines_and_says_where_it_goes_on() {
        let documents = Documents::default();
        let ada = documents.enter();
        documents.open("a", ada, 1, "0123456789ab\n".repeat(40_000).into());
        let given = buffer(&documents, &Buffer { path: "a".to_owned(), from: None, to: None }).unwrap();
        assert!(given.len() < MOST_BUFFER + 100);
        let next = MOST_BUFFER / 13 + 1;
        assert!(
            given.ends_with(&format!("0123456789ab\n\n(cut: ask for the lines from {next} on)")),
            "{}",
            &given[given.len() - 80..]
        );
    }
}
