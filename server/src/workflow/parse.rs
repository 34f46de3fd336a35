//! Text → the file as written, and every mistake of shape: unknown fields, wrong kinds of values, what is missing.
//!
//! Broken input is no failure here: what can be read is read, so that an editor can go on helping. Knows nothing of what
//! the values mean; that is `check`'s.

use std::{collections::BTreeMap, ops::Range};

use super::{
    file::{
        AgentsFile, At, FailureFile, File, ForEachFile, GroupFile, InputFile, LimitsFile, OnFailureFile, PauseFile,
        RepeatFile, ResultFile, RoleFile, StepFile,
    },
    problem::{Problem, Problems, nearest, suggest},
    tree::{self, Key, Node, Scalar, Value},
};

/// The largest file that is read, in bytes.
pub const MOST_BYTES: usize = 256 * 1024;

/// How deep loops may stand in each other.
pub const MOST_DEPTH: usize = 4;

/// Reads a workflow's text. The file is `None` only where the text is no YAML mapping at all.
pub fn parse(text: &str) -> (Option<File>, Vec<Problem>) {
    let mut problems = Problems::new(text);
    if text.len() > MOST_BYTES {
        problems.error(
            &(0..0),
            "too-large",
            format!("the file has {} bytes, and {MOST_BYTES} is the most", text.len()),
            "split the workflow in two",
        );
        return (None, problems.into_found());
    }
    let Some(node) = tree::read(text, &mut problems) else {
        return (None, problems.into_found());
    };
    let mut reader = Reader { problems, text };
    let file = reader.file(node);
    (file, reader.problems.into_found())
}

/// Reads a tree that was made some other way than by the strict reader.
pub(super) fn parse_tree(node: Node, text: &str) -> (Option<File>, Vec<Problem>) {
    let mut reader = Reader { problems: Problems::new(text), text };
    let file = reader.file(node);
    (file, reader.problems.into_found())
}

struct Reader<'a> {
    problems: Problems<'a>,
    text: &'a str,
}

/// The fields of a mapping that have not been read yet.
struct Fields {
    what: &'static str,
    known: &'static [&'static str],
    map: BTreeMap<String, (Key, Node)>,
    /// Whether there were others.
    damaged: bool,
}

impl Fields {
    fn take(&mut self, name: &str) -> Option<Node> {
        debug_assert!(self.known.contains(&name), "{name} is no field of {}", self.what);
        self.map.remove(name).map(|(_, node)| node)
    }

    /// Takes a field with its key's place, for messages about the field as such.
    fn take_entry(&mut self, name: &str) -> Option<(Key, Node)> {
        self.map.remove(name)
    }
}

const FILE: &[&str] =
    &["name", "title", "category", "description", "channel", "inputs", "roles", "limits", "result", "steps"];
const INPUT: &[&str] = &["type", "default", "description"];
const ROLE: &[&str] =
    &["prefer", "good-for", "agents", "access", "isolation", "copy", "link", "description", "unanswered", "sandbox"];
const LIMITS: &[&str] = &["turns", "time", "tokens", "dollars"];
const STEP: &[&str] = &[
    "id",
    "title",
    "needs",
    "when",
    "for-each",
    "role",
    "tool",
    "pause",
    "repeat",
    "steps",
    "workflow",
    "inputs",
    "roles",
    "result",
    "prompt",
    "paths",
    "findings",
    "context",
    "budget",
    "time",
    "isolation",
    "copy",
    "link",
    "unanswered",
    "access",
    "sandbox",
    "on-failure",
];
const PAUSE: &[&str] = &["show", "message"];
const REPEAT: &[&str] = &["until", "operator", "prompt", "max", "steps"];
const FOR_EACH: &[&str] = &["in", "as", "at-once", "max"];

/// Every field of the language, by the mapping that it stands in: what completion offers.
pub const FIELDS: [(&str, &[&str]); 8] = [
    ("workflow", FILE),
    ("input", INPUT),
    ("role", ROLE),
    ("limits", LIMITS),
    ("step", STEP),
    ("pause", PAUSE),
    ("repeat", REPEAT),
    ("for-each", FOR_EACH),
];

impl Reader<'_> {
    fn file(&mut self, node: Node) -> Option<File> {
        if matches!(node.value, Value::Null) {
            self.problems.error(&node.at, "empty", "the file is empty", "give it a title and steps");
            return None;
        }
        let mut fields = self.fields(node, "a workflow", FILE)?;
        let mut file = File {
            name: self.text(fields.take("name"), "name"),
            title: self.text(fields.take("title"), "title"),
            category: self.text(fields.take("category"), "category"),
            description: self.text(fields.take("description"), "description"),
            channel: self.text(fields.take("channel"), "channel"),
            result: self.text(fields.take("result"), "result"),
            ..File::default()
        };
        for (name, node) in self.entries(fields.take("inputs"), "inputs") {
            file.inputs.push((name, self.input(node)));
        }
        for (name, node) in self.entries(fields.take("roles"), "roles") {
            file.roles.push((name, self.role(node)));
        }
        file.limits = fields.take("limits").and_then(|it| self.limits(it));
        if let Some(node) = fields.take("steps") {
            file.steps = self.steps(node, 1);
        } else {
            self.problems.error(&(0..0), "missing", "the workflow has no `steps`", "add `steps:` with one or more");
        }
        Some(file)
    }

    fn input(&mut self, node: Node) -> InputFile {
        let nothing = InputFile { kind: None, default: None, description: None };
        // `path:` alone is an input of which all is left out.
        if matches!(node.value, Value::Null) {
            return nothing;
        }
        let Some(mut fields) = self.fields(node, "an input", INPUT) else { return nothing };
        InputFile {
            kind: self.text(fields.take("type"), "type"),
            default: fields.take("default").map(|it| At::new(json(&it), it.at)),
            description: self.text(fields.take("description"), "description"),
        }
    }

    fn role(&mut self, node: Node) -> RoleFile {
        let at = node.at.clone();
        let mut role = RoleFile::default();
        // `reviewer: claude` and `reviewer: [claude, lint]` would be pleasant, and would hide the rest of what a role can say.
        if let Value::List(_) | Value::Scalar(..) = node.value {
            self.problems.error(
                &at,
                "wrong-kind",
                "a role is a mapping",
                "write `prefer: [claude, codex]` below its name",
            );
            return role;
        }
        if matches!(node.value, Value::Null) {
            return role;
        }
        let Some(mut fields) = self.fields(node, "a role", ROLE) else { return role };
        role.prefer = self.names(fields.take("prefer"), "prefer");
        role.good_for = self.text(fields.take("good-for"), "good-for");
        role.agents = fields.take("agents").and_then(|it| self.agents(it));
        role.access = self.text(fields.take("access"), "access");
        role.isolation = self.text(fields.take("isolation"), "isolation");
        role.copy = self.names(fields.take("copy"), "copy");
        role.link = self.names(fields.take("link"), "link");
        role.unanswered = self.text(fields.take("unanswered"), "unanswered");
        role.sandbox = self.text(fields.take("sandbox"), "sandbox");
        role.description = self.text(fields.take("description"), "description");
        role
    }

    fn agents(&mut self, node: Node) -> Option<At<AgentsFile>> {
        let at = node.at.clone();
        match node.value {
            Value::Scalar(Scalar::Whole(count), _) => Some(At::new(AgentsFile::Count(count), at)),
            Value::List(seats) => {
                let seats = seats.into_iter().map(|it| self.names(Some(it), "agents")).collect();
                Some(At::new(AgentsFile::Seats(seats), at))
            }
            other => {
                let mend = "write a number such as 3, or a list with who would take each seat";
                self.wrong(&at, "agents", &other, "a number or a list", mend);
                None
            }
        }
    }

    fn for_each(&mut self, key: &Key, node: Node) -> ForEachFile {
        let mut each = ForEachFile { at: key.at.clone(), list: None, item: None, at_once: None, max: None };
        match node.value {
            Value::Map(_) => {
                if let Some(mut fields) = self.fields(node, "a for-each", FOR_EACH) {
                    each.list = self.text(fields.take("in"), "in");
                    each.item = self.text(fields.take("as"), "as");
                    each.at_once = self.whole(fields.take("at-once"), "at-once");
                    each.max = self.whole(fields.take("max"), "max");
                }
            }
            _ => each.list = self.text(Some(node), "for-each"),
        }
        if each.list.is_none() {
            let mend = "write an expression that gives a list, such as `for-each: plan.steps`";
            self.problems.error(&key.at, "missing", "this for-each has no list", mend);
        }
        each
    }

    fn limits(&mut self, node: Node) -> Option<LimitsFile> {
        let mut fields = self.fields(node, "`limits`", LIMITS)?;
        Some(LimitsFile {
            turns: self.whole(fields.take("turns"), "turns"),
            time: self.text(fields.take("time"), "time"),
            tokens: self.whole(fields.take("tokens"), "tokens"),
            dollars: self.number(fields.take("dollars"), "dollars"),
        })
    }

    fn steps(&mut self, node: Node, depth: usize) -> Vec<StepFile> {
        let Value::List(list) = node.value else {
            let kind = node.value.kind();
            self.problems.error(
                &node.at,
                "wrong-kind",
                format!("`steps` is {kind}, and must be a list"),
                "begin each step with `- id: NAME`",
            );
            return Vec::new();
        };
        if list.is_empty() {
            self.problems.error(&node.at, "empty", "`steps` is empty", "add a step");
        }
        list.into_iter().filter_map(|it| self.step(it, depth)).collect()
    }

    fn step(&mut self, node: Node, depth: usize) -> Option<StepFile> {
        let at = node.at.clone();
        let mut fields = self.fields(node, "a step", STEP)?;
        let id = self.text(fields.take("id"), "id");
        if id.is_none() {
            self.problems.error(&at, "missing", "this step has no `id`", "give it one, such as `id: review`");
        }
        let result = fields.take("result").and_then(|it| self.result(it));
        let context = self.context(fields.take("context"));
        let budget = self.whole(fields.take("budget"), "budget");
        let on_failure = fields.take("on-failure").and_then(|it| self.on_failure(it));
        let pause = fields.take_entry("pause").map(|(key, it)| self.pause(&key, it));
        let repeat = fields.take_entry("repeat").and_then(|(key, it)| self.repeat(&key, it, depth));
        let for_each = fields.take_entry("for-each").map(|(key, it)| self.for_each(&key, it));
        let group = fields.take_entry("steps").and_then(|(key, it)| self.group(&key, it, depth));
        let inputs: Vec<_> =
            self.entries(fields.take("inputs"), "inputs").into_iter().map(|(name, it)| (name, given(it))).collect();
        let mut roles = Vec::new();
        for (name, node) in self.entries(fields.take("roles"), "roles") {
            roles.extend(self.text(Some(node), "roles").map(|it| (name, it)));
        }
        Some(StepFile {
            at,
            damaged: fields.damaged,
            id,
            title: self.text(fields.take("title"), "title"),
            needs: self.names(fields.take("needs"), "needs"),
            when: self.text(fields.take("when"), "when"),
            role: self.text(fields.take("role"), "role"),
            tool: self.text(fields.take("tool"), "tool"),
            for_each,
            pause,
            repeat,
            steps: group,
            workflow: self.text(fields.take("workflow"), "workflow"),
            inputs,
            roles,
            result,
            prompt: self.text(fields.take("prompt"), "prompt"),
            paths: self.text(fields.take("paths"), "paths"),
            findings: self.text(fields.take("findings"), "findings"),
            context,
            budget,
            time: self.text(fields.take("time"), "time"),
            isolation: self.text(fields.take("isolation"), "isolation"),
            copy: self.names(fields.take("copy"), "copy"),
            link: self.names(fields.take("link"), "link"),
            unanswered: self.text(fields.take("unanswered"), "unanswered"),
            access: self.text(fields.take("access"), "access"),
            sandbox: self.text(fields.take("sandbox"), "sandbox"),
            on_failure,
        })
    }

    /// Reads the parts of a context: a list of what is given, each a name and what it means.
    fn context(&mut self, node: Option<Node>) -> Vec<(At<String>, At<String>)> {
        let Some(node) = node else { return Vec::new() };
        let Value::List(list) = node.value else {
            let mend = "write each part as `- files: inputs.path`, below each other";
            self.wrong(&node.at, "context", &node.value, "a list", mend);
            return Vec::new();
        };
        let mut parts = Vec::new();
        for item in list {
            for (name, value) in self.entries(Some(item), "context") {
                let field = name.value.clone();
                parts.extend(self.text(Some(value), &field).map(|it| (name, it)));
            }
        }
        parts
    }

    fn pause(&mut self, key: &Key, node: Node) -> PauseFile {
        let mut pause = PauseFile { at: key.at.clone(), show: None, message: None };
        if matches!(node.value, Value::Null) {
            return pause;
        }
        if let Some(mut fields) = self.fields(node, "a pause", PAUSE) {
            pause.show = self.text(fields.take("show"), "show");
            pause.message = self.text(fields.take("message"), "message");
        }
        pause
    }

    fn repeat(&mut self, key: &Key, node: Node, depth: usize) -> Option<RepeatFile> {
        if depth > MOST_DEPTH {
            self.too_deep(key);
            return None;
        }
        let mut fields = self.fields(node, "a repeat", REPEAT)?;
        let (until, max) = (self.text(fields.take("until"), "until"), self.whole(fields.take("max"), "max"));
        let (operator, prompt) =
            (self.text(fields.take("operator"), "operator"), self.text(fields.take("prompt"), "prompt"));
        let steps = fields.take("steps").map(|it| self.steps(it, depth + 1));
        if steps.is_none() {
            let mend = "add the steps that each round does";
            self.problems.error(&key.at, "missing", "this repeat has no `steps`", mend);
        }
        let steps = steps.unwrap_or_default();
        Some(RepeatFile { at: key.at.clone(), until, operator, prompt, max, steps })
    }

    fn group(&mut self, key: &Key, node: Node, depth: usize) -> Option<GroupFile> {
        if depth > MOST_DEPTH {
            self.too_deep(key);
            return None;
        }
        Some(GroupFile { at: key.at.clone(), steps: self.steps(node, depth + 1) })
    }

    fn too_deep(&mut self, key: &Key) {
        self.problems.error(
            &key.at,
            "too-deep",
            format!("loops and lists stand more than {MOST_DEPTH} deep in each other here"),
            "move the inner one out, or into a workflow of its own",
        );
    }

    fn result(&mut self, node: Node) -> Option<At<ResultFile>> {
        let at = node.at.clone();
        if let Value::Scalar(_, name) = node.value {
            return Some(At::new(ResultFile::Named(name), at));
        }
        let mut fields = self.fields(node, "a result", &["json"])?;
        let Some(schema) = fields.take("json") else {
            self.problems.error(&at, "missing", "this result has no `json`", "give the JSON Schema under `json:`");
            return None;
        };
        if !matches!(schema.value, Value::Map(_)) {
            self.problems.error(
                &schema.at,
                "wrong-kind",
                "a JSON Schema is a mapping here",
                "write `type: object` and so on below `json:`",
            );
            return None;
        }
        Some(At::new(ResultFile::Schema(json(&schema)), at))
    }

    fn on_failure(&mut self, node: Node) -> Option<At<OnFailureFile>> {
        let at = node.at.clone();
        let by_class = match &node.value {
            Value::Map(map) => !map.iter().any(|(key, _)| ["retry", "wait", "then"].contains(&key.name.as_str())),
            _ => false,
        };
        if !by_class {
            return self.failure(node).map(|it| At::new(OnFailureFile::All(it.value), at));
        }
        let classes = self.entries(Some(node), "on-failure");
        let read = classes.into_iter().filter_map(|(class, it)| self.failure(it).map(|action| (class, action)));
        Some(At::new(OnFailureFile::Classes(read.collect()), at))
    }

    fn failure(&mut self, node: Node) -> Option<At<FailureFile>> {
        let at = node.at.clone();
        if let Value::Scalar(_, name) = node.value {
            return Some(At::new(FailureFile::Named(At::new(name, at.clone())), at));
        }
        let mut fields = self.fields(node, "what to do on failure", &["retry", "wait", "then"])?;
        let times = self.whole(fields.take("retry"), "retry");
        let wait = self.text(fields.take("wait"), "wait");
        let then = self.text(fields.take("then"), "then");
        let Some(times) = times else {
            self.problems.error(
                &at,
                "missing",
                "`retry` is missing here",
                "add how many more tries, such as `retry: 2`",
            );
            return None;
        };
        Some(At::new(FailureFile::Retry { times, wait, then }, at))
    }

    /// Takes a mapping apart, and notes the fields that it may not have.
    fn fields(&mut self, node: Node, what: &'static str, known: &'static [&'static str]) -> Option<Fields> {
        let Value::Map(entries) = node.value else {
            let kind = node.value.kind();
            self.problems.error(
                &node.at,
                "wrong-kind",
                format!("{what} is a mapping, and this is {kind}"),
                format!("write `{}: …`", known.first().unwrap_or(&"name")),
            );
            return None;
        };
        let mut damaged = false;
        let mut map = BTreeMap::new();
        for (key, node) in entries {
            if known.contains(&key.name.as_str()) {
                map.insert(key.name.clone(), (key, node));
                continue;
            }
            damaged = true;
            let elsewhere = FIELDS.iter().find(|(_, fields)| fields.contains(&key.name.as_str()));
            let mend = match (nearest(&key.name, known.iter().copied()), elsewhere) {
                (None, Some((place, _))) => format!("`{}` belongs to a {place}; move it there or remove it", key.name),
                _ => suggest(&key.name, known.iter().copied(), "remove it"),
            };
            self.problems.error(&key.at, "unknown-field", format!("{what} has no field `{}`", shown(&key.name)), mend);
        }
        Some(Fields { what, known, map, damaged })
    }

    /// Returns the entries of a mapping whose keys are names that the file chooses.
    fn entries(&mut self, node: Option<Node>, field: &str) -> Vec<(At<String>, Node)> {
        match node.map(|it| (it.at, it.value)) {
            None | Some((_, Value::Null)) => Vec::new(),
            Some((_, Value::Map(map))) => {
                map.into_iter().map(|(key, node)| (At::new(key.name, key.at), node)).collect()
            }
            Some((at, other)) => {
                let kind = other.kind();
                self.problems.error(
                    &at,
                    "wrong-kind",
                    format!("`{field}` is {kind}, and must be a mapping"),
                    "write each name, a colon, and what belongs to it below",
                );
                Vec::new()
            }
        }
    }

    /// Reads text. Numbers and flags are taken as they are written.
    fn text(&mut self, node: Option<Node>, field: &str) -> Option<At<String>> {
        let node = node?;
        match node.value {
            Value::Scalar(_, text) => Some(At::new(text, node.at)),
            other => {
                self.wrong(&node.at, field, &other, "text", "write a value behind the colon, or remove the field");
                None
            }
        }
    }

    fn whole(&mut self, node: Option<Node>, field: &str) -> Option<At<i64>> {
        let node = node?;
        match node.value {
            Value::Scalar(Scalar::Whole(number), _) => Some(At::new(number, node.at)),
            other => {
                self.wrong(&node.at, field, &other, "a whole number", "write a number such as 3");
                None
            }
        }
    }

    #[allow(clippy::cast_precision_loss)] // Limits are far below 2^52; larger ones are refused as out of range.
    fn number(&mut self, node: Option<Node>, field: &str) -> Option<At<f64>> {
        let node = node?;
        match node.value {
            Value::Scalar(Scalar::Whole(number), _) => Some(At::new(number as f64, node.at)),
            Value::Scalar(Scalar::Number(number), _) => Some(At::new(number, node.at)),
            other => {
                self.wrong(&node.at, field, &other, "a number", "write a number such as 2.50");
                None
            }
        }
    }

    /// Reads one name or a list of names.
    fn names(&mut self, node: Option<Node>, field: &str) -> Vec<At<String>> {
        match node.map(|it| (it.at, it.value)) {
            None => Vec::new(),
            Some((_, Value::List(list))) => list.into_iter().filter_map(|it| self.text(Some(it), field)).collect(),
            Some((at, value)) => self.text(Some(Node { at, value }), field).into_iter().collect(),
        }
    }

    fn wrong(&mut self, at: &Range<usize>, field: &str, value: &Value, wanted: &str, mend: &str) {
        let braces = matches!(value, Value::Map(_)) && self.text.get(at.start..).is_some_and(|it| it.starts_with("{{"));
        let mend = if braces { "put the text in quotes: YAML reads `{` as a mapping" } else { mend };
        let kind = value.kind();
        self.problems.error(at, "wrong-kind", format!("`{field}` is {kind}, and must be {wanted}"), mend);
    }
}

/// Returns a name fit for a message.
fn shown(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

/// Reads what a nested workflow is told. A number, a flag and a list stand for themselves.
fn given(node: Node) -> At<String> {
    let at = node.at.clone();
    match node.value {
        Value::Scalar(_, text) => At::new(text, at),
        _ => At::new(json(&node).to_string(), at),
    }
}

/// Returns a node as JSON. Numbers that JSON can't hold become text.
fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => serde_json::Value::Null,
        Value::Scalar(Scalar::Flag(flag), _) => (*flag).into(),
        Value::Scalar(Scalar::Whole(number), _) => (*number).into(),
        Value::Scalar(Scalar::Number(number), text) => {
            serde_json::Number::from_f64(*number).map_or_else(|| text.as_str().into(), Into::into)
        }
        Value::Scalar(Scalar::Text, text) => text.as_str().into(),
        Value::List(list) => list.iter().map(json).collect(),
        Value::Map(map) => map.iter().map(|(key, node)| (key.name.clone(), json(node))).collect(),
    }
}
