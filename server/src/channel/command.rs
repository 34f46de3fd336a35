//! Commands that a person writes where they would write a message: `/review src`, `/run review-fix path=src`.
//!
//! Pure text in, what is wanted out. Invariant: no command answers a pause point; that takes what was shown (promise 2).

use crate::{
    ids::{AgentName, RunId},
    workflow::problem::nearest,
};

/// The commands: name, what it takes, what it does.
pub const COMMANDS: [(&str, &str, &str); 7] = [
    ("ask", "@agent words", "Asks an agent; the same as the words alone."),
    ("cancel", "run", "Ends a run."),
    ("pause", "[run]", "Holds a run, or all of them, at the turns' ends."),
    ("resume", "[run]", "Lets a run, or all of them, go on."),
    ("review", "path [@agent]", "Has a file or a folder reviewed."),
    ("run", "workflow [path] [input=value] [role=@agent]", "Starts a workflow."),
    ("undo", "run", "Takes back what a run changed."),
];

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A message after all.
    Say(String),
    /// A review.
    Review {
        /// Of what.
        path: String,
        /// By whom.
        agent: Option<AgentName>,
    },
    /// A run.
    Run {
        /// Of which workflow.
        workflow: String,
        /// A path, where one is given alone.
        path: Option<String>,
        /// What is given by name.
        given: Vec<(String, String)>,
    },
    /// Hold.
    Pause(Option<RunId>),
    /// Go on.
    Resume(Option<RunId>),
    /// End.
    Cancel(RunId),
    /// Take back.
    Undo(RunId),
}

/// Reads a text as a command; `None` where it is a message. The error says what to write instead.
pub fn parse(text: &str) -> Option<Result<Command, String>> {
    let rest = text.trim().strip_prefix('/')?;
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (name, rest) = (&rest[..end], rest[end..].trim());
    let known = COMMANDS.iter().find(|it| it.0 == name);
    let Some((_, takes, _)) = known else {
        // A path may begin a message; a command that is misspelt is not said to everybody.
        let near = nearest(name, COMMANDS.iter().map(|it| it.0))?;
        return Some(Err(format!("there is no command /{name}; did you mean /{near}?")));
    };
    let wrong = |why: &str| Err(format!("/{name} {takes}: {why}"));
    let words = match words(rest) {
        Ok(words) => words,
        Err(why) => return Some(wrong(&why)),
    };
    let run = |word: Option<&String>| match word {
        None => Ok(None),
        Some(it) => it.parse::<RunId>().map(Some).map_err(|_| format!("{it:?} is no run; runs are called r1, r2, …")),
    };
    Some(match name {
        "ask" if rest.is_empty() => wrong("say what to ask"),
        "ask" => Ok(Command::Say(rest.to_owned())),
        "review" => review(&words).or_else(|why| wrong(&why)),
        "run" => start(&words).or_else(|why| wrong(&why)),
        "pause" => run(words.first()).map(Command::Pause).or_else(|why| wrong(&why)),
        "resume" => run(words.first()).map(Command::Resume).or_else(|why| wrong(&why)),
        _ => match run(words.first()) {
            Ok(None) => wrong("say which run"),
            Ok(Some(run)) if name == "cancel" => Ok(Command::Cancel(run)),
            Ok(Some(run)) => Ok(Command::Undo(run)),
            Err(why) => wrong(&why),
        },
    })
}

fn review(words: &[String]) -> Result<Command, String> {
    let (agents, paths): (Vec<&String>, Vec<&String>) =
        words.iter().filter(|it| *it != "with").partition(|it| it.starts_with('@'));
    let agent = match agents.first() {
        None => None,
        Some(it) => Some(it[1..].parse().map_err(|_| format!("{it:?} is no agent's name"))?),
    };
    match paths.as_slice() {
        [path] => Ok(Command::Review { path: (*path).clone(), agent }),
        [] => Err("say which file or folder".to_owned()),
        _ => Err("name one file or folder; put a path with blanks in quotes".to_owned()),
    }
}

fn start(words: &[String]) -> Result<Command, String> {
    let Some((workflow, rest)) = words.split_first() else { return Err("say which workflow".to_owned()) };
    let (mut path, mut given) = (None, Vec::new());
    for word in rest {
        match word.split_once('=') {
            Some((name, value)) if !name.is_empty() => given.push((name.to_owned(), value.to_owned())),
            _ if path.is_none() => path = Some(word.clone()),
            _ => return Err(format!("{word:?} is one path too many; give inputs as name=value")),
        }
    }
    Ok(Command::Run { workflow: workflow.clone(), path, given })
}

/// Returns the words of a command. Quotes keep blanks together.
pub fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for it in text.chars() {
        match quote {
            Some(mark) if it == mark => quote = None,
            Some(_) => word.push(it),
            None if it == '"' || it == '\'' => (quote, begun) = (Some(it), true),
            None if it.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None => word.push(it),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    if quote.is_some() { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let said = match parse(text) {
            None => "a message".to_owned(),
            Some(Ok(it)) => format!("{it:?}"),
            Some(Err(why)) => format!("error: {why}"),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn commands_are_told_from_messages() {
        check("hello", "a message");
        check("/usr/bin is missing", "a message");
        check("look at /review", "a message");
        check("/ask @claude why?\n\nAnd how?", r#"Say("@claude why?\n\nAnd how?")"#);
        check("/review src/a.rs", r#"Review { path: "src/a.rs", agent: None }"#);
        check(" /review \"a b.rs\" with @lint", r#"Review { path: "a b.rs", agent: Some(AgentName("lint")) }"#);
        check(
            "/run build src task=\"do it\" fixer=@codex",
            r#"Run { workflow: "build", path: Some("src"), given: [("task", "do it"), ("fixer", "@codex")] }"#,
        );
        check("/pause", "Pause(None)");
        check("/resume r2", "Resume(Some(RunId(2)))");
        check("/cancel r2", "Cancel(RunId(2))");
        check("/undo r3", "Undo(RunId(3))");
    }

    #[test]
    fn what_is_wrong_is_told_and_said_to_nobody() {
        check("/reveiw src", "error: there is no command /reveiw; did you mean /review?");
        check("/review", "error: /review path [@agent]: say which file or folder");
        check("/run", "error: /run workflow [path] [input=value] [role=@agent]: say which workflow");
        check("/run a \"b", "error: /run workflow [path] [input=value] [role=@agent]: a quote is not closed");
        check("/cancel", "error: /cancel run: say which run");
        check("/undo x1", "error: /undo run: \"x1\" is no run; runs are called r1, r2, …");
        // No command answers a pause.
        check("/approve p1", "a message");
    }
}
