//! From what was said to what the model does next: a refusal, a tool call, or the final text.
//!
//! Pure but for the rules and counts that it is handed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Rule, State,
    conversation::{Conversation, Dialect, Tool},
};

/// What the model does next.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub think: Option<String>,
    pub call: Option<Call>,
    pub text: String,
    pub slow: Duration,
    pub hold: bool,
    pub hang: bool,
    pub fail: Option<u16>,
    /// It refuses because a limit is reached, which is over after so many seconds.
    pub limit: Option<u64>,
    pub drop: bool,
    pub usage: Usage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub input: u64,
    pub output: u64,
}

impl Default for Usage {
    fn default() -> Self {
        Self { input: 100, output: 20 }
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub namespace: Option<String>,
    pub name: String,
    pub input: Input,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    Json(Value),
    /// A tool of free text.
    Text(String),
}

/// Returns what the model does next, and takes note of what it has to remember for that.
pub fn plan(state: &mut State, conversation: &Conversation) -> Plan {
    let answers = conversation.answers();
    let key = conversation.key();
    if answers.is_empty()
        && !state.taken.contains_key(&key)
        && let Some(rule) = state.rules.iter_mut().find(|it| fits(it, conversation))
    {
        if let Some(times) = &mut rule.times {
            *times -= 1;
        }
        state.taken.insert(key.clone(), rule.script.clone());
    }
    let script = state.taken.get(&key).cloned().unwrap_or_else(|| asked(conversation.prompt()).to_owned());
    let mut plan = Plan { text: format!("answer {}", conversation.messages()), ..Plan::default() };
    let mut calls = Vec::new();
    for (name, rest) in directives(&script) {
        match name {
            "write" | "edit" | "bash" | "read" | "tool" => calls.push((name, rest)),
            "say" => rest.clone_into(&mut plan.text),
            "echo" => answers.last().copied().unwrap_or_default().clone_into(&mut plan.text),
            "think" => plan.think = Some(rest.to_owned()),
            "slow" => plan.slow = Duration::from_secs_f64(rest.parse().unwrap_or(0.0)),
            "hold" => plan.hold = true,
            "hang" => plan.hang = true,
            "drop" => plan.drop = true,
            "fail" => plan.fail = refusal(state, &key, rest),
            "limit" => plan.limit = rest.parse().ok(),
            "usage" => {
                let mut numbers = rest.split_whitespace().filter_map(|it| it.parse().ok());
                if let (Some(input), Some(output)) = (numbers.next(), numbers.next()) {
                    plan.usage = Usage { input, output };
                }
            }
            _ => {}
        }
    }
    // Side calls, a title for the session for one, offer no tools: what they say is of no account.
    if let Some((name, rest)) = calls.get(answers.len()).filter(|_| !conversation.tools.is_empty()) {
        match call(conversation, name, rest) {
            Some(call) => plan.call = Some(call),
            None => plan.text = format!("no tool for [[{name} {rest}]] is offered"),
        }
    }
    plan
}

/// Returns the part of a prompt that is a script: messages that Callboard gives for information are none.
fn asked(prompt: &str) -> &str {
    prompt.rsplit_once("that you are asked to answer:").map_or(prompt, |(_, it)| it)
}

fn fits(rule: &Rule, conversation: &Conversation) -> bool {
    let prompt = conversation.prompt();
    rule.times != Some(0)
        && rule.dialect.is_none_or(|it| it == conversation.dialect)
        && rule.when.iter().all(|it| prompt.contains(it.as_str()))
        && !conversation.tools.is_empty()
}

fn refusal(state: &mut State, key: &str, rest: &str) -> Option<u16> {
    let mut numbers = rest.split_whitespace();
    let status = numbers.next()?.parse().ok()?;
    let Some(times) = numbers.next().and_then(|it| it.parse::<usize>().ok()) else { return Some(status) };
    let so_far = state.refused.entry(key.to_owned()).or_default();
    *so_far += 1;
    (*so_far <= times).then_some(status)
}

/// Returns the directives of a text, in order.
fn directives(text: &str) -> Vec<(&str, &str)> {
    text.split("[[")
        .skip(1)
        .filter_map(|it| it.split_once("]]"))
        .map(|(inside, _)| {
            let (name, rest) = inside.split_once(char::is_whitespace).unwrap_or((inside, ""));
            (name, rest.trim())
        })
        .collect()
}

fn call(conversation: &Conversation, directive: &str, rest: &str) -> Option<Call> {
    let tools = &conversation.tools;
    match directive {
        "write" => {
            let (path, content) = rest.split_once('|').unwrap_or((rest, ""));
            write(tools, &conversation.place(path.trim()), content)
        }
        "edit" => {
            let mut parts = rest.splitn(3, '|');
            let mut part = || parts.next().unwrap_or_default();
            let (path, old, new) = (part().trim(), part(), part());
            edit(tools, &conversation.place(path), old, new)
        }
        "read" => {
            let path = conversation.place(rest);
            with(tools, &["Read", "read_file"], |_| json!({ "file_path": path }))
                .or_else(|| shell(tools, &format!("cat '{path}'")))
        }
        "bash" => shell(tools, rest),
        _ => {
            let (name, input) = rest.split_once(char::is_whitespace).unwrap_or((rest, "{}"));
            let input = Input::Json(serde_json::from_str(input).ok()?);
            let (namespace, name) = match (name.split_once('/'), conversation.dialect) {
                (Some((server, name)), Dialect::Anthropic) => (None, format!("mcp__{server}__{name}")),
                (Some((server, name)), Dialect::Openai) => (Some(format!("mcp__{server}")), name.to_owned()),
                (Some((server, name)), Dialect::Gemini) => (None, format!("mcp_{server}_{name}")),
                (None, _) => (None, name.to_owned()),
            };
            Some(Call { namespace, name, input })
        }
    }
}

fn write(tools: &[Tool], path: &str, content: &str) -> Option<Call> {
    if tools.iter().any(|it| it.name == "apply_patch") {
        let lines = content.replace('\n', "\n+");
        let patch = format!("*** Begin Patch\n*** Add File: {path}\n+{lines}\n*** End Patch\n");
        return Some(Call { namespace: None, name: "apply_patch".to_owned(), input: Input::Text(patch) });
    }
    with(tools, &["Write", "write_file"], |_| json!({ "file_path": path, "content": content }))
        .or_else(|| shell(tools, &format!("printf '%s\\n' '{content}' > '{path}'")))
}

fn edit(tools: &[Tool], path: &str, old: &str, new: &str) -> Option<Call> {
    if tools.iter().any(|it| it.name == "apply_patch") {
        let patch = format!("*** Begin Patch\n*** Update File: {path}\n@@\n-{old}\n+{new}\n*** End Patch\n");
        return Some(Call { namespace: None, name: "apply_patch".to_owned(), input: Input::Text(patch) });
    }
    with(tools, &["Edit", "replace"], |name| match name {
        "replace" => json!({ "file_path": path, "instruction": "change it", "old_string": old, "new_string": new }),
        _ => json!({ "file_path": path, "old_string": old, "new_string": new }),
    })
}

fn shell(tools: &[Tool], command: &str) -> Option<Call> {
    with(tools, &["Bash", "exec_command", "shell_command", "shell", "run_shell_command"], |name| match name {
        "exec_command" => json!({ "cmd": command }),
        "shell" => json!({ "command": ["bash", "-c", command] }),
        "shell_command" => json!({ "command": command }),
        "run_shell_command" => json!({ "command": command, "description": "a command", "is_background": false }),
        _ => json!({ "command": command, "description": "a command" }),
    })
}

fn with(tools: &[Tool], names: &[&str], input: impl Fn(&str) -> Value) -> Option<Call> {
    let tool = names.iter().find_map(|name| tools.iter().find(|it| it.name == *name))?;
    Some(Call { namespace: tool.namespace.clone(), name: tool.name.clone(), input: Input::Json(input(&tool.name)) })
}
