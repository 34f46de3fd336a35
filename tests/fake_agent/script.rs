//! Scripts: text with directives in double brackets. Pure.

/// What the agent is told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    pub name: String,
    pub rest: String,
}

impl Directive {
    /// Returns the first word of what follows the name, and what follows that.
    pub fn split(&self) -> (&str, &str) {
        self.rest.split_once(' ').unwrap_or((&self.rest, ""))
    }
}

/// Returns the directives of a text in order. One whose rest holds JSON ends at the first `]]` behind which its JSON is whole.
pub fn parse(text: &str) -> Vec<Directive> {
    let mut directives = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("[[") {
        rest = &rest[start + 2..];
        let Some(end) = end_of(rest) else { break };
        let body = rest[..end].trim();
        let (name, tail) = body.split_once(char::is_whitespace).unwrap_or((body, ""));
        directives.push(Directive { name: name.to_owned(), rest: tail.trim().to_owned() });
        rest = &rest[end + 2..];
    }
    directives
}

fn end_of(text: &str) -> Option<usize> {
    let first = text.find("]]")?;
    let Some(json) = text[..first].find('{') else { return Some(first) };
    text.match_indices("]]")
        .map(|(at, _)| at)
        .find(|at| serde_json::from_str::<serde_json::Value>(text[json..*at].trim()).is_ok())
        .or(Some(first))
}
