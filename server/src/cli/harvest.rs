//! What was done in a thread, as a plan: who was asked, in which order, what a person looked at in between.
//!
//! Pure. Each answer to a message is a step. A message is a prompt; the files and the names in backticks that it speaks of become
//! inputs, with what they were as defaults. Where a person spoke after an answer they had looked at it, so there the plan asks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    agent::{Access, AgentInfo, DriverKind},
    channel,
    ids::{AgentName, MessageId, RoleId, StepId},
    outcome::ResultKind,
    protocol::{Author, DeliveryState, MessageView},
    workflow::plan::{
        Action, Category, FailurePolicy, Input, InputKind, Limits, PauseAction, Plan, Role, Step, TurnAction, Who,
    },
};

/// How many steps and inputs a plan gets at most.
const MOST_STEPS: usize = 60;
const MOST_INPUTS: usize = 20;

/// The longest name in backticks that becomes an input, in characters.
const MOST_NAME: usize = 80;

/// A turn that was taken in the thread.
struct Done<'a> {
    step: StepId,
    agent: &'a AgentName,
    asked: &'a MessageView,
    answer: MessageId,
    /// The field of its result that has what it said.
    said: &'static str,
}

/// Returns what was done in a thread as a plan; why there is none where nobody answered anything in it.
pub fn plan(name: &str, thread: &[MessageView], agents: &[AgentInfo]) -> Result<Plan, String> {
    let done = done(thread, agents);
    let Some(first) = thread.first().filter(|_| !done.is_empty()) else {
        return Err("no agent has answered anything in it".to_owned());
    };
    let said: Vec<&str> = done.iter().filter(|it| is_person(it.asked)).map(|it| it.asked.text.as_str()).collect();
    let inputs = inputs(&said);
    let info = |agent: &AgentName| agents.iter().find(|it| it.name == *agent);
    let mut roles: BTreeMap<String, Role> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut gates: BTreeMap<MessageId, StepId> = BTreeMap::new();
    for (at, it) in done.iter().enumerate() {
        let before: Vec<&Done<'_>> = done[..at].iter().filter(|other| other.answer <= it.asked.id).collect();
        let known = info(it.agent);
        let who = match known {
            Some(info) if info.driver == DriverKind::Tool => Who::Agent(it.agent.clone()),
            _ => {
                let name = word(it.agent.as_str());
                let Ok(id) = name.parse::<RoleId>() else { continue };
                roles.entry(name).or_insert_with(|| role(id.clone(), it.agent, known));
                Who::Role(id)
            }
        };
        let mut needs: Vec<StepId> = latest(&before).into_iter().map(|it| it.step.clone()).collect();
        if let (true, Some(last)) = (is_person(it.asked), before.last()) {
            let gate = gates.entry(it.asked.id).or_insert_with(|| {
                let number = steps.iter().filter(|it| matches!(it.action, Action::Pause(_))).count() + 1;
                let gate = gate(number, &needs, &last.step);
                let id = gate.id.clone();
                steps.push(gate);
                id
            });
            needs = vec![gate.clone()];
        }
        let result = known.map_or(ResultKind::Text, AgentInfo::gives);
        let (prompt, paths) = prompt(it, &before, known, &inputs);
        let action = TurnAction {
            who,
            result,
            prompt,
            paths,
            findings: None,
            context: Vec::new(),
            budget: None,
            time: None,
            isolation: None,
            unanswered: None,
            access: None,
            sandbox: false,
        };
        steps.push(step(it.step.clone(), needs, Action::Turn(action)));
    }
    let line = first.text.lines().find(|it| !it.trim().is_empty()).unwrap_or_default();
    Ok(Plan {
        name: name.to_owned(),
        title: literal(line).trim().chars().take(80).collect(),
        description: format!("What was done in the thread of {}, as a workflow.", first.id),
        category: Category::Ops,
        hash: String::new(),
        channel: None,
        inputs: inputs.into_iter().map(|it| it.1).collect(),
        roles: roles.into_values().collect(),
        steps,
        limits: Limits::default(),
        result: None,
    })
}

fn is_person(message: &MessageView) -> bool {
    matches!(message.author, Author::Person(_))
}

/// Returns the turns that gave an answer, in the order in which they were asked for.
fn done<'a>(thread: &'a [MessageView], agents: &[AgentInfo]) -> Vec<Done<'a>> {
    let mut counts: BTreeMap<&AgentName, u32> = BTreeMap::new();
    let mut done = Vec::new();
    for asked in thread {
        for delivery in &asked.deliveries {
            let DeliveryState::Answered { message } = &delivery.state else { continue };
            let count = counts.entry(&delivery.agent).or_default();
            *count += 1;
            let Ok(step) = format!("{}_{count}", word(delivery.agent.as_str())).parse() else { continue };
            if done.len() < MOST_STEPS {
                let info = agents.iter().find(|it| it.name == delivery.agent);
                let is_text = info.is_none_or(|it| it.gives() == ResultKind::Text);
                let said = if is_text { "text" } else { "summary" };
                done.push(Done { step, agent: &delivery.agent, asked, answer: *message, said });
            }
        }
    }
    done
}

/// Returns those of the turns before that nothing else before rests on: the ones that have to be waited for.
fn latest<'a>(before: &[&'a Done<'a>]) -> Vec<&'a Done<'a>> {
    let rests = |it: &Done<'_>| before.iter().any(|later| it.answer <= later.asked.id);
    before.iter().filter(|it| !rests(it)).copied().collect()
}

/// Returns what a step is told: the words of the message, with inputs in the place of what they name, and what was said before.
fn prompt(
    it: &Done<'_>,
    before: &[&Done<'_>],
    info: Option<&AgentInfo>,
    inputs: &[(String, Input)],
) -> (String, Option<String>) {
    // A tool with a form of its own needs no words.
    let tool = info.is_some_and(|it| it.driver == DriverKind::Tool && it.gives() != ResultKind::Text);
    let paths: Vec<String> = inputs
        .iter()
        .filter(|(word, input)| input.kind == InputKind::Path && channel::paths(&it.asked.text).contains(word))
        .map(|(_, input)| format!("inputs.{}", input.name))
        .collect();
    let paths = (!paths.is_empty()).then(|| format!("[{}]", paths.join(", ")));
    if tool {
        return (String::new(), paths);
    }
    let by = before.iter().find(|other| other.answer == it.asked.id);
    let mut text = match by {
        // An agent's own words woke it, and those are other ones each time.
        Some(other) => format!("{} hands this on to you:\n\n{{{{ {} }}}}\n", other.agent, said_by(other)),
        None => filled(&it.asked.text, inputs),
    };
    let others: Vec<&&Done<'_>> = before.iter().filter(|other| by.is_none_or(|by| by.step != other.step)).collect();
    if !others.is_empty() {
        text = format!("{}\n\nWhat was said before, for your information:\n", text.trim_end());
        for other in others {
            let _ = writeln!(text, "\n{}:\n{{{{ {} }}}}", other.agent, said_by(other));
        }
    }
    (text.trim_end().to_owned(), paths)
}

/// Returns the expression that reads what a step said.
fn said_by(it: &Done<'_>) -> String {
    format!("{}.{}", it.step, it.said)
}

/// Returns a message as a template: inputs in the place of what they name, and nothing else that means something there.
fn filled(text: &str, inputs: &[(String, Input)]) -> String {
    let mut found: Vec<(usize, &str, &str)> = Vec::new();
    for (word, input) in inputs {
        for (at, _) in text.match_indices(word.as_str()) {
            let edge = |it: Option<char>| it.is_none_or(|it| !(it.is_alphanumeric() || matches!(it, '_' | '-' | '/')));
            let apart = edge(text[..at].chars().next_back()) && edge(text[at + word.len()..].chars().next());
            let inside = found.iter().any(|it| it.0 < at + word.len() && at < it.0 + it.1.len());
            if apart && !inside {
                found.push((at, word, &input.name));
            }
        }
    }
    found.sort_unstable();
    let mut filled = String::new();
    let mut end = 0;
    for (at, word, name) in found {
        filled.push_str(&literal(&text[end..at]));
        let _ = write!(filled, "{{{{ inputs.{name} }}}}");
        end = at + word.len();
    }
    filled + &literal(&text[end..])
}

/// Returns text that a template gives as it is. Mentions are for the channel, not for the agent that is asked.
fn literal(text: &str) -> String {
    let plain = text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #");
    let words = plain.split_inclusive(char::is_whitespace);
    let told = words.filter(|it| {
        let name = it.trim_end().trim_end_matches([',', ':']).strip_prefix('@').unwrap_or_default();
        name.is_empty() || !(name.parse::<AgentName>().is_ok() || matches!(name, "all" | "others"))
    });
    told.collect()
}

/// Returns what the messages name, longest first, each with the input that takes its place.
fn inputs(said: &[&str]) -> Vec<(String, Input)> {
    let mut found: Vec<(String, Input)> = Vec::new();
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut add = |word: String, kind: InputKind, name: &'static str, description: &str| {
        if found.iter().any(|it| it.0 == word) || found.len() >= MOST_INPUTS {
            return;
        }
        let count = counts.entry(name).or_default();
        *count += 1;
        let name = if *count == 1 { name.to_owned() } else { format!("{name}_{count}") };
        let default = Some(serde_json::Value::from(word.clone()));
        let description = format!("{description}, in the thread {word}.");
        found.push((word, Input { name, kind, description, default }));
    };
    let paths: BTreeSet<String> = said.iter().flat_map(|it| channel::paths(it)).collect();
    for text in said {
        for path in channel::paths(text) {
            add(path, InputKind::Path, "path", "The file or folder");
        }
    }
    for text in said {
        for (at, span) in text.split('`').enumerate() {
            let fair = !span.trim().is_empty() && span.chars().count() <= MOST_NAME && !span.contains('\n');
            if at % 2 == 1 && fair && !paths.contains(span) {
                add(span.to_owned(), InputKind::Text, "name", "The name");
            }
        }
    }
    found.sort_by_key(|it| std::cmp::Reverse(it.0.len()));
    found
}

fn role(id: RoleId, agent: &AgentName, info: Option<&AgentInfo>) -> Role {
    Role {
        id,
        description: format!("What {agent} did in the thread."),
        prefer: vec![agent.clone()],
        good_for: info.and_then(|it| it.good_for.first().cloned()),
        access: info.map_or(Access::Read, |it| it.access),
        sandbox: false,
        unanswered: None,
        seats: Vec::new(),
    }
}

/// Returns a name as expressions can have it.
fn word(name: &str) -> String {
    let word: String =
        name.chars().map(|it| if it.is_ascii_alphanumeric() { it.to_ascii_lowercase() } else { '_' }).collect();
    if word.starts_with(|it: char| it.is_ascii_alphabetic()) { word } else { format!("a{word}") }
}

fn gate(number: usize, needs: &[StepId], show: &StepId) -> Step {
    let id = format!("look_{number}").parse().unwrap_or_else(|_| show.clone());
    let message = format!("Go on with what {show} says?");
    step(id, needs.to_vec(), Action::Pause(PauseAction { show: Some(show.clone()), message }))
}

fn step(id: StepId, needs: Vec<StepId>, action: Action) -> Step {
    Step { id, title: String::new(), needs, when: None, action, on_failure: FailurePolicy::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::TurnTimes,
        ids::Timestamp,
        protocol::DeliveryView,
        workflow::{load, write::write},
    };

    fn info(name: &str, driver: DriverKind, good_for: &str) -> AgentInfo {
        AgentInfo {
            name: name.parse().unwrap(),
            profile: name.to_owned(),
            title: name.to_owned(),
            driver,
            access: Access::Write,
            good_for: vec![good_for.to_owned()],
            missing: None,
            take_over: false,
            needs_session: false,
            fork: false,
            times: TurnTimes::default(),
        }
    }

    fn said(id: u64, author: Author, text: &str, answered: &[(&str, u64)]) -> MessageView {
        let deliveries = answered.iter().map(|(agent, by)| DeliveryView {
            agent: agent.parse().unwrap(),
            state: DeliveryState::Answered { message: MessageId(*by) },
            turn: None,
        });
        MessageView {
            id: MessageId(id),
            channel: "main".parse().unwrap(),
            thread: (id > 1).then_some(MessageId(1)),
            author,
            at: Timestamp(0),
            text: text.to_owned(),
            about: None,
            hops: 0,
            deliveries: deliveries.collect(),
            rev: 1,
        }
    }

    fn ada() -> Author {
        Author::Person("ada".to_owned())
    }

    fn agent(name: &str) -> Author {
        Author::Agent(name.parse().unwrap())
    }

    #[test]
    fn a_thread_becomes_a_workflow_that_the_checker_finds_nothing_in() {
        let thread = [
            said(
                1,
                ada(),
                "@claude @codex-2 why does `retry_loop` in src/net.rs never end? {{ odd }}",
                &[("claude", 2), ("codex-2", 3)],
            ),
            said(2, agent("claude"), "The bound is never reached. @lint look at it", &[("lint", 4)]),
            said(3, agent("codex-2"), "It waits for itself.", &[]),
            said(4, agent("lint"), "No remarks.", &[]),
            said(5, ada(), "@codex-2 mend `retry_loop` then, and only src/net.rs", &[("codex-2", 6)]),
            said(6, agent("codex-2"), "Done.", &[]),
        ];
        let agents = [
            info("claude", DriverKind::StreamJson, "review"),
            info("codex-2", DriverKind::AppServer, "fix"),
            info("lint", DriverKind::Tool, "review"),
        ];
        let text = write(&plan("mine", &thread, &agents).unwrap(), "");
        assert_eq!(load("mine", &text).problems, [], "{text}");
        let steps = &text[text.find("\ninputs:").unwrap()..text.find("\nlimits:").unwrap()];
        insta::assert_snapshot!(steps.trim(), @r#"
        inputs:
          path:
            type: path
            default: src/net.rs
            description: The file or folder, in the thread src/net.rs.
          name:
            type: text
            default: retry_loop
            description: The name, in the thread retry_loop.

        roles:
          claude:
            description: "What @claude did in the thread."
            prefer: [claude]
            good-for: review
            access: write
          codex_2:
            description: "What @codex-2 did in the thread."
            prefer: [codex-2]
            good-for: fix
            access: write
        "#);
        let steps = &text[text.find("\nsteps:").unwrap()..];
        insta::assert_snapshot!(steps.trim(), @r#"
        steps:
          - id: claude_1
            role: claude
            result: text
            paths: "[inputs.path]"
            prompt: "why does `{{ inputs.name }}` in {{ inputs.path }} never end? { { odd }}"

          - id: codex_2_1
            role: codex_2
            result: text
            paths: "[inputs.path]"
            prompt: "why does `{{ inputs.name }}` in {{ inputs.path }} never end? { { odd }}"

          - id: lint_1
            needs: [claude_1]
            tool: lint
            result: review

          - id: look_1
            needs: [codex_2_1, lint_1]
            pause:
              show: lint_1
              message: "Go on with what lint_1 says?"

          - id: codex_2_2
            needs: [look_1]
            role: codex_2
            result: text
            paths: "[inputs.path]"
            prompt: |-
              mend `{{ inputs.name }}` then, and only {{ inputs.path }}

              What was said before, for your information:

              @claude:
              {{ claude_1.text }}

              @codex-2:
              {{ codex_2_1.text }}

              @lint:
              {{ lint_1.summary }}
        "#);
    }

    #[test]
    fn a_thread_in_which_nobody_answered_is_none() {
        assert!(plan("mine", &[said(1, ada(), "Hello.", &[])], &[]).unwrap_err().contains("answered"));
        assert!(plan("mine", &[], &[]).is_err());
    }
}
