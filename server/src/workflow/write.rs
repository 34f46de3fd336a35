//! A plan as a workflow file: the other direction of `load`.
//!
//! Invariant: what is written loads without a problem to the same plan, but for the hash. Comments are the writer's; a plan
//! has none.

use serde_json::Value;

use super::{
    context::Part,
    plan::{
        Action, After, Category, FailureAction, FailurePolicy, InputKind, Limits, Over, PauseAction, Plan, Role, Step,
        TurnAction, Who, last_result,
    },
};
use crate::{agent::Access, ask::Unanswered, ids::AgentName, outcome::ResultKind};

/// A value of a file, in the order in which it is written.
enum Node {
    /// A text, a number or a flag.
    Plain(String),
    /// Text of people: in quotes, or as a block where it has several lines.
    Text(String),
    /// Names in brackets.
    Names(Vec<String>),
    /// Fields.
    Map(Vec<(String, Node)>),
    /// Items.
    List(Vec<Node>),
}

/// Writes a plan as a file. `about` stands at its head as a comment.
pub fn write(plan: &Plan, about: &str) -> String {
    let mut text = String::new();
    for line in about.lines() {
        text.push_str(format!("# {line}").trim_end());
        text.push('\n');
    }
    let mut fields = vec![("title", Node::Text(plan.title.clone())), ("category", plain(category(plan.category)))];
    if !plan.description.is_empty() {
        fields.push(("description", Node::Text(plan.description.clone())));
    }
    if let Some(channel) = &plan.channel {
        fields.push(("channel", Node::Text(channel.as_str().to_owned())));
    }
    if !plan.inputs.is_empty() {
        let inputs = plan.inputs.iter().map(|it| {
            let kind = match it.kind {
                InputKind::Text => "text",
                InputKind::Path => "path",
                InputKind::Number => "number",
                InputKind::Flag => "flag",
                InputKind::List => "list",
            };
            let mut input = vec![("type", plain(kind))];
            if let Some(default) = &it.default {
                input.push(("default", value(default)));
            }
            if !it.description.is_empty() {
                input.push(("description", Node::Text(it.description.clone())));
            }
            (it.name.clone(), map(input))
        });
        fields.push(("inputs", Node::Map(inputs.collect())));
    }
    // The roles of nested workflows come with those.
    let roles: Vec<_> = plan.roles.iter().filter(|it| !it.id.as_str().contains('/')).collect();
    if !roles.is_empty() {
        fields.push(("roles", Node::Map(roles.iter().map(|it| (it.id.as_str().to_owned(), role(it))).collect())));
    }
    fields.push(("limits", limits(&plan.limits)));
    if let Some(result) = plan.result.as_ref().filter(|it| last_result(&plan.steps).is_none_or(|last| last.id != **it))
    {
        fields.push(("result", Node::Text(result.as_str().to_owned())));
    }
    fields.push(("steps", Node::List(plan.steps.iter().map(step).collect())));
    for (name, node) in fields {
        text.push('\n');
        field(&mut text, name, &node, 0);
    }
    text
}

fn category(category: Category) -> &'static str {
    match category {
        Category::Review => "review",
        Category::Build => "build",
        Category::Test => "test",
        Category::Ops => "ops",
    }
}

#[expect(clippy::needless_pass_by_value, reason = "numbers and words are written at the call")]
fn plain(text: impl ToString) -> Node {
    Node::Plain(text.to_string())
}

fn map(fields: Vec<(&str, Node)>) -> Node {
    Node::Map(fields.into_iter().map(|(name, node)| (name.to_owned(), node)).collect())
}

fn role(role: &Role) -> Node {
    let mut fields = Vec::new();
    if !role.description.is_empty() {
        fields.push(("description", Node::Text(role.description.clone())));
    }
    if !role.prefer.is_empty() {
        fields.push(("prefer", Node::Names(role.prefer.iter().map(|it| it.as_str().to_owned()).collect())));
    }
    if let Some(word) = &role.good_for {
        fields.push(("good-for", Node::Text(word.clone())));
    }
    if role.seats.iter().all(Vec::is_empty) && role.is_shared() {
        fields.push(("agents", plain(role.seats.len())));
    } else if role.is_shared() {
        let names = |seat: &Vec<AgentName>| Node::Names(seat.iter().map(|it| it.as_str().to_owned()).collect());
        fields.push(("agents", Node::List(role.seats.iter().map(names).collect())));
    }
    fields.push(("access", plain(access(role.access))));
    if role.sandbox {
        fields.push(("sandbox", plain("required")));
    }
    if let Some(it) = role.unanswered {
        fields.push(("unanswered", unanswered(it)));
    }
    map(fields)
}

fn access(it: Access) -> &'static str {
    match it {
        Access::Read => "read",
        Access::Write => "write",
    }
}

fn unanswered(it: Unanswered) -> Node {
    plain(format!("{} after {}", it.then.name(), duration(it.after)))
}

fn limits(limits: &Limits) -> Node {
    // Millionths of a dollar as dollars; what the check takes is never finer.
    let (whole, part) = (limits.micro_dollars / 1_000_000, limits.micro_dollars % 1_000_000);
    map(vec![
        ("turns", plain(limits.turns)),
        ("time", plain(duration(limits.time))),
        ("tokens", plain(limits.tokens)),
        ("dollars", plain(format!("{whole}.{part:06}"))),
    ])
}

/// Returns a length of time in its largest whole unit.
fn duration(milliseconds: u64) -> String {
    let units = [("d", 24 * 3_600_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, size)| milliseconds >= *size && milliseconds.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", milliseconds / size),
        None => format!("{milliseconds}ms"),
    }
}

fn step(step: &Step) -> Node {
    let mut fields = vec![("id", Node::Text(step.id.as_str().to_owned()))];
    if !step.title.is_empty() {
        fields.push(("title", Node::Text(step.title.clone())));
    }
    if !step.needs.is_empty() {
        fields.push(("needs", Node::Names(step.needs.iter().map(|it| it.as_str().to_owned()).collect())));
    }
    if let Some(when) = &step.when {
        fields.push(("when", Node::Text(when.clone())));
    }
    does(step, &mut fields);
    map(fields)
}

fn does(step: &Step, fields: &mut Vec<(&str, Node)>) {
    match &step.action {
        Action::Turn(action) => turn(action, &step.on_failure, fields),
        Action::Each(each) => {
            if let Over::List(list) = &each.over {
                let mut for_each = vec![("in", Node::Text(list.clone()))];
                if each.item != "item" {
                    for_each.push(("as", Node::Text(each.item.clone())));
                }
                for_each.extend([("at-once", plain(each.at_once)), ("max", plain(each.most))]);
                fields.push(("for-each", map(for_each)));
            }
            does(&each.body, fields);
        }
        Action::Group(action) => fields.push(("steps", Node::List(action.steps.iter().map(self::step).collect()))),
        Action::Nested(action) => {
            fields.push(("workflow", Node::Text(action.workflow.clone())));
            if !action.inputs.is_empty() {
                let inputs = action.inputs.iter().map(|(name, it)| (name.clone(), Node::Text(it.clone())));
                fields.push(("inputs", Node::Map(inputs.collect())));
            }
            if !action.roles.is_empty() {
                let roles = action.roles.iter().map(|(name, it)| (name.clone(), Node::Text(it.as_str().to_owned())));
                fields.push(("roles", Node::Map(roles.collect())));
            }
        }
        Action::Pause(action) => fields.push(("pause", pause(action))),
        Action::Repeat(action) => {
            let steps = Node::List(action.steps.iter().map(self::step).collect());
            let mut of = match &action.operator {
                Some(it) => vec![
                    ("operator", Node::Text(it.role.as_str().to_owned())),
                    ("prompt", Node::Text(it.prompt.clone())),
                ],
                None => vec![("until", Node::Text(action.until.clone()))],
            };
            of.extend([("max", plain(action.max)), ("steps", steps)]);
            fields.push(("repeat", map(of)));
        }
    }
}

fn turn(action: &TurnAction, policy: &FailurePolicy, fields: &mut Vec<(&str, Node)>) {
    fields.push(match &action.who {
        Who::Role(role) => ("role", Node::Text(role.as_str().to_owned())),
        Who::Agent(agent) => ("tool", Node::Text(agent.as_str().to_owned())),
    });
    fields.push((
        "result",
        match &action.result {
            ResultKind::Json(schema) => map(vec![("json", value(schema))]),
            other => plain(other.name()),
        },
    ));
    for (name, expression) in [("paths", &action.paths), ("findings", &action.findings)] {
        if let Some(it) = expression {
            fields.push((name, Node::Text(it.clone())));
        }
    }
    if !action.context.is_empty() {
        let parts = action.context.iter().map(|it| {
            let (name, value) = it.written();
            let value = if matches!(it, Part::Thread { .. }) { plain(value) } else { Node::Text(value) };
            map(vec![(name, value)])
        });
        fields.push(("context", Node::List(parts.collect())));
    }
    if let Some(budget) = action.budget {
        fields.push(("budget", plain(budget)));
    }
    if let Some(time) = action.time {
        fields.push(("time", plain(duration(time))));
    }
    if let Some(isolation) = &action.isolation {
        fields.push(("isolation", plain("worktree")));
        for (name, paths) in [("copy", &isolation.copy), ("link", &isolation.link)] {
            if !paths.is_empty() {
                fields.push((name, Node::List(paths.iter().map(|it| Node::Text(it.clone())).collect())));
            }
        }
    }
    if let Some(it) = action.unanswered {
        fields.push(("unanswered", unanswered(it)));
    }
    if let Some(it) = action.access {
        fields.push(("access", plain(access(it))));
    }
    if action.sandbox {
        fields.push(("sandbox", plain("required")));
    }
    if *policy != FailurePolicy::default() {
        let mut classes: Vec<(&str, Node)> =
            policy.classes.iter().map(|(it, does)| (it.name(), failure(*does))).collect();
        classes.push(("otherwise", failure(policy.otherwise)));
        fields.push(("on-failure", map(classes)));
    }
    if !action.prompt.is_empty() {
        fields.push(("prompt", Node::Text(action.prompt.clone())));
    }
}

fn failure(action: FailureAction) -> Node {
    match action {
        FailureAction::Pause => plain("pause"),
        FailureAction::Skip => plain("skip"),
        FailureAction::Fail => plain("fail"),
        FailureAction::Another => plain("another"),
        FailureAction::Retry { times, wait, after } => {
            let mut fields = vec![("retry", plain(times)), ("wait", plain(duration(wait)))];
            match after {
                After::Pause => {}
                After::Skip => fields.push(("then", plain("skip"))),
                After::Fail => fields.push(("then", plain("fail"))),
                After::Another => fields.push(("then", plain("another"))),
            }
            map(fields)
        }
    }
}

fn pause(action: &PauseAction) -> Node {
    let mut fields = Vec::new();
    if let Some(show) = &action.show {
        fields.push(("show", Node::Text(show.as_str().to_owned())));
    }
    if !action.message.is_empty() {
        fields.push(("message", Node::Text(action.message.clone())));
    }
    map(fields)
}

/// Returns a JSON value as a node.
fn value(it: &Value) -> Node {
    match it {
        Value::String(text) => Node::Text(text.clone()),
        Value::Array(items) if !items.is_empty() => Node::List(items.iter().map(value).collect()),
        Value::Object(fields) if !fields.is_empty() => {
            Node::Map(fields.iter().map(|(name, it)| (name.clone(), value(it))).collect())
        }
        other => Node::Plain(other.to_string()),
    }
}

fn field(out: &mut String, name: &str, node: &Node, depth: usize) {
    out.push_str(&"  ".repeat(depth));
    out.push_str(&key(name));
    out.push(':');
    below(out, node, depth);
}

/// Writes what stands behind `name:` or `-`.
fn below(out: &mut String, node: &Node, depth: usize) {
    match node {
        Node::Plain(text) => line(out, text),
        Node::Text(text) if is_block(text) => {
            let body = text.trim_end_matches('\n');
            out.push_str(match text.len() - body.len() {
                0 => " |-\n",
                1 => " |\n",
                _ => " |+\n",
            });
            for it in text.strip_suffix('\n').unwrap_or(text).split('\n') {
                if !it.is_empty() {
                    out.push_str(&"  ".repeat(depth + 1));
                    out.push_str(it);
                }
                out.push('\n');
            }
        }
        Node::Text(text) => line(out, &quoted(text)),
        Node::Names(names) => line(out, &format!("[{}]", names.join(", "))),
        Node::Map(fields) => {
            out.push('\n');
            for (name, it) in fields {
                field(out, name, it, depth + 1);
            }
        }
        Node::List(items) => {
            out.push('\n');
            for (index, it) in items.iter().enumerate() {
                let Node::Map(fields) = it else {
                    out.push_str(&"  ".repeat(depth + 1));
                    out.push('-');
                    below(out, it, depth + 1);
                    continue;
                };
                // A step begins a paragraph of its own.
                if index > 0 && fields.first().is_some_and(|it| it.0 == "id") {
                    out.push('\n');
                }
                for (index, (name, it)) in fields.iter().enumerate() {
                    out.push_str(&"  ".repeat(depth + 1));
                    out.push_str(if index == 0 { "- " } else { "  " });
                    out.push_str(&key(name));
                    out.push(':');
                    below(out, it, depth + 2);
                }
            }
        }
    }
}

fn line(out: &mut String, text: &str) {
    out.push(' ');
    out.push_str(text);
    out.push('\n');
}

/// Returns whether a text can stand as a block: several lines, none that a block would read otherwise.
fn is_block(text: &str) -> bool {
    let is_fair = |it: char| it == '\n' || !(it.is_control() || matches!(it, '\u{feff}' | '\u{2028}' | '\u{2029}'));
    text.trim_end_matches('\n').contains('\n') && text.chars().all(is_fair) && !text.starts_with([' ', '\n'])
}

/// Returns a text in quotes, or as it is where nothing in it means anything to YAML.
fn quoted(text: &str) -> String {
    let is_word =
        |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '-' | '.' | '/' | '(' | ')' | '=' | ' ' | ',');
    let is_plain = text.starts_with(|it: char| it.is_ascii_alphabetic())
        && text.chars().all(is_word)
        && !text.ends_with(' ')
        && !["true", "false", "yes", "no", "on", "off", "null", "y", "n"].contains(&text.to_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    // JSON's quotes are YAML's, but for what only YAML takes for the end of a line or for no text at all.
    let json = Value::String(text.to_owned()).to_string();
    let strange = |it: char| matches!(it, '\u{7f}'..='\u{9f}' | '\u{feff}' | '\u{2028}' | '\u{2029}');
    json.chars().map(|it| if strange(it) { format!("\\u{:04x}", u32::from(it)) } else { it.to_string() }).collect()
}

fn key(name: &str) -> String {
    quoted(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workflow::{library::BUILT_IN, load};

    #[track_caller]
    fn check(plan: &Plan) {
        let text = write(plan, "Written\nby a test.");
        let loaded = load(&plan.name, &text);
        assert_eq!(loaded.problems, [], "{text}");
        let again = loaded.plan.unwrap();
        assert_eq!(Plan { hash: plan.hash.clone(), ..again }, *plan, "{text}");
    }

    #[test]
    fn every_template_reads_back_as_it_was() {
        for (name, text) in BUILT_IN {
            check(&load(name, text).plan.unwrap());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// Any text of people and agents reads back as it was.
        #[test]
        fn any_text_reads_back(text in "\\PC{1,60}|[ -~\n]{1,80}|(  \\PC{0,9}\n){1,4}", told in "\\PC{0,40}|[ -~\n\t]{0,40}") {
            let mut plan = load("review-file", BUILT_IN.iter().find(|it| it.0 == "review-file").unwrap().1).plan.unwrap();
            let Action::Turn(turn) = &mut plan.steps[0].action else { unreachable!("it takes a turn") };
            prop_assume!(!text.trim().is_empty() && !text.contains(['{', '}', '#']));
            turn.prompt = text;
            plan.inputs[0].kind = InputKind::Text;
            plan.inputs[0].default = Some(Value::String(told));
            check(&plan);
        }
    }
}
