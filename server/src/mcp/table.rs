//! The table of the tools: name, what the model is told, and the arguments with their schema.
//!
//! Types and words only. The words are for models: short, and with what happens next.

use std::sync::Arc;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    finding::Severity,
    ids::{ChannelName, FindingId, MessageId},
};

/// What a program's model is told of the server.
pub const INSTRUCTIONS: &str = "Callboard runs you beside other agents in a workspace that a developer shares with you. \
    Where a result of a certain form was asked for, hand it in with submit_result before you end your turn. \
    Read a file that is open in the editor with read_buffer: what the developer has not saved is the truth.";

/// A tool.
pub struct Entry {
    /// Its name.
    pub name: &'static str,
    /// What it does, for a model.
    pub says: &'static str,
    /// Its arguments.
    pub schema: fn() -> Arc<Map<String, Value>>,
}

/// Every tool, in the order in which they are listed.
pub const TOOLS: &[Entry] = &[
    Entry {
        name: "channel_read",
        says: "Read messages of your channel, oldest first. Give `since` to get only what came after a message.",
        schema: schema::<Read>,
    },
    Entry {
        name: "channel_post",
        says: "Post a message as yourself, into the thread of your task. Everybody can read it. `@name` wakes that \
               agent, so write it only to hand work on; the number of times that agents wake each other is limited.",
        schema: schema::<Post>,
    },
    Entry {
        name: "report_finding",
        says: "Report one finding on the code, with its place. The developer sees it on that line at once.",
        schema: schema::<Report>,
    },
    Entry {
        name: "submit_result",
        says: "Hand in your result in the form that your prompt asks for. Where it has not that form you are told what \
               is wrong, and can mend it. The last one that you hand in counts.",
        schema: schema::<Submit>,
    },
    Entry {
        name: "ask_human",
        says: "Ask the developer and wait for the answer, which may take long. Ask only what you can't find out yourself.",
        schema: schema::<AskHuman>,
    },
    Entry {
        name: "list_buffers",
        says: "List the files that the developer has open in an editor, and whether they have changes that are not saved.",
        schema: schema::<Nothing>,
    },
    Entry {
        name: "read_buffer",
        says: "Read a file as the developer sees it in the editor, with what is not saved.",
        schema: schema::<Buffer>,
    },
    Entry {
        name: "get_diagnostics",
        says: "List the open findings, of one file or of all.",
        schema: schema::<Diagnostics>,
    },
];

/// The tools of an operator, listed for one only.
pub const MOVES: &[Entry] = &[
    Entry {
        name: "assign",
        says: "As operator: have a step of your part done, also one that is to be done again. It starts at once.",
        schema: schema::<Assign>,
    },
    Entry {
        name: "ask",
        says: "As operator: ask the developer when your turn is over. Their answer is in your next prompt.",
        schema: schema::<Say>,
    },
    Entry { name: "wait", says: "As operator: nothing more until what you assigned is over.", schema: schema::<Wait> },
    Entry {
        name: "pause",
        says: "As operator: have the developer look before anything else happens.",
        schema: schema::<Say>,
    },
    Entry {
        name: "finish",
        says: "As operator: your part is over. Not before each of its pause points was answered by a person.",
        schema: schema::<Say>,
    },
];

/// `assign`. The core reads moves; these types are their schema.
#[derive(Debug, JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Assign {
    /// The step, by its id.
    step: String,
    /// Who does it; whoever plays its role where it is left out.
    agent: Option<String>,
    /// What they are told besides the step's own prompt.
    text: Option<String>,
    /// Why, in a sentence; it is shown to the developer.
    reason: String,
}

/// `ask`, `pause`, `finish`.
#[derive(Debug, JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Say {
    /// What you ask, what is to be looked at, or what came of it.
    text: String,
    /// Why, in a sentence; it is shown to the developer.
    reason: String,
}

/// `wait`.
#[derive(Debug, JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Wait {
    /// Why, in a sentence; it is shown to the developer.
    reason: String,
}

/// Returns the names of all tools in a sentence.
pub fn names() -> String {
    TOOLS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ")
}

/// No arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// `channel_read`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The channel; your task's own where it is left out.
    #[serde(default)]
    pub channel: Option<ChannelName>,
    /// Only the thread of this message, such as m12.
    #[serde(default)]
    pub thread: Option<MessageId>,
    /// Only what came after this message, such as m12.
    #[serde(default)]
    pub since: Option<MessageId>,
    /// At most so many, the last ones: 20 where it is left out, 100 at most.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// `channel_post`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Post {
    /// The message, as Markdown.
    pub text: String,
    /// The channel; your task's own where it is left out.
    #[serde(default)]
    pub channel: Option<ChannelName>,
    /// The message that it answers, such as m12; your task's thread where it is left out.
    #[serde(default)]
    pub thread: Option<MessageId>,
}

/// `report_finding`.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// What is wrong, and why it matters: one paragraph.
    pub text: String,
    /// error: it fails, loses data or is unsafe. warning: likely wrong. info: worth knowing. hint: a matter of taste.
    pub severity: Severity,
    /// The file, from the workspace's root; absent for a remark on the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The source line spoken of, as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excerpt: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// The rule's name, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The finding that it repeats, such as f3, where you were told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<FindingId>,
}

/// `submit_result`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// The result: an object as your prompt describes it, with its `kind`.
    pub result: Value,
}

/// `ask_human`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AskHuman {
    /// What you want to know, as Markdown, with what they need to know to answer.
    pub question: String,
    /// Answers to choose from; they may give another one.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// `read_buffer`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Buffer {
    /// The file, from the workspace's root.
    pub path: String,
    /// The first line, from 1.
    #[serde(default)]
    pub from: Option<u32>,
    /// The last line.
    #[serde(default)]
    pub to: Option<u32>,
}

/// `get_diagnostics`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Diagnostics {
    /// The file, from the workspace's root; all files where it is left out.
    #[serde(default)]
    pub path: Option<String>,
}

fn schema<T: JsonSchema>() -> Arc<Map<String, Value>> {
    let mut map = schema_for!(T).as_object().cloned().unwrap_or_default();
    map.remove("$schema");
    map.remove("title");
    map.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    Arc::new(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_has_an_object_of_described_arguments() {
        for tool in TOOLS.iter().chain(MOVES) {
            let schema = (tool.schema)();
            assert_eq!(schema["type"], "object", "{}", tool.name);
            let properties = schema["properties"].as_object().unwrap();
            for (name, property) in properties {
                let described =
                    property.get("description").is_some_and(|it| it.as_str().is_some_and(|it| it.len() > 10));
                assert!(described, "{}: {name} says nothing: {property}", tool.name);
            }
        }
    }

    /// Promise 2, as far as a list of names can hold it: nothing here decides anything for a person.
    #[test]
    fn no_tool_answers_a_pause() {
        for tool in TOOLS.iter().chain(MOVES) {
            for word in ["decide", "approve", "answer_pause", "resume", "trust", "settle", "dismiss", "run"] {
                assert!(!tool.name.contains(word), "{}", tool.name);
            }
        }
    }
}
