//! What the three dialects have in common once they are read: who said what, and which tools there are.
//!
//! Pure: text in, text out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Whose words a request is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    Anthropic,
    Openai,
    Gemini,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Person(String),
    Model(String),
    Tool(String),
}

/// A tool that the program offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    pub namespace: Option<String>,
    pub name: String,
}

#[derive(Debug, Clone)]
pub struct Conversation {
    pub dialect: Dialect,
    pub model: String,
    pub stream: bool,
    pub said: Vec<Said>,
    /// The folder in which the program works, where its tools want whole paths.
    pub folder: Option<String>,
    pub tools: Vec<Tool>,
}

impl Conversation {
    /// Returns what the person said last, with where.
    fn last(&self) -> Option<(usize, &str)> {
        self.said.iter().enumerate().rev().find_map(|(at, it)| match it {
            Said::Person(text) => Some((at, text.as_str())),
            _ => None,
        })
    }

    /// Returns a path as the program's tools want it.
    pub fn place(&self, path: &str) -> String {
        match &self.folder {
            Some(folder) if !path.starts_with('/') => format!("{folder}/{path}"),
            _ => path.to_owned(),
        }
    }

    pub fn prompt(&self) -> &str {
        self.last().map_or("", |(_, text)| text)
    }

    /// Returns how many messages the person has sent.
    pub fn messages(&self) -> usize {
        self.said.iter().filter(|it| matches!(it, Said::Person(_))).count()
    }

    /// Returns what the tools have answered since the person's last message.
    pub fn answers(&self) -> Vec<&str> {
        let from = self.last().map_or(0, |(at, _)| at);
        let answer = |it: &'_ Said| matches!(it, Said::Tool(_));
        self.said[from.min(self.said.len())..]
            .iter()
            .filter(|it| answer(it))
            .map(|it| match it {
                Said::Tool(text) | Said::Person(text) | Said::Model(text) => text.as_str(),
            })
            .collect()
    }

    /// Returns what tells this prompt from every other: all that was said up to it.
    pub fn key(&self) -> String {
        let upto = self.last().map_or(0, |(at, _)| at + 1);
        format!("{:?} {:?}", self.dialect, &self.said[..upto])
    }
}

/// Returns a message's text, of which there may be several parts.
pub fn texts(content: &Value) -> Vec<String> {
    match content {
        Value::String(text) => vec![text.clone()],
        Value::Array(parts) => parts
            .iter()
            .filter(|it| it["thought"] != true)
            .filter_map(|it| it.as_str().or(it["text"].as_str()))
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Returns what a program says to the model under the person's name, or nothing where the person said it.
pub fn of_person(text: String) -> Option<Said> {
    const BEGINNINGS: [&str; 12] = [
        "<system-reminder>",
        "<environment_context>",
        "<user_instructions>",
        "<permissions instructions>",
        "<session_context>",
        "<turn_aborted>",
        "<command-",
        "<local-command",
        "# AGENTS.md",
        "This is the Gemini CLI",
        "[Request interrupted",
        "<skills_instructions>",
    ];
    let begun = text.trim_start();
    let own = begun.is_empty() || BEGINNINGS.iter().any(|it| begun.starts_with(it));
    (!own).then_some(Said::Person(text))
}
