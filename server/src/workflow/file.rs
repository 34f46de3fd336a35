//! The workflow file as it is written: every value with its place, nothing checked but its shape.
//!
//! These types are the language. The doc comments here become the descriptions in `templates/workflow.schema.json`, so
//! they speak to the person who writes a file. What a field may hold beyond its shape is `check`'s to say.

// The doc comments are for the writers of files, who read them in their editor.
#![allow(clippy::doc_markdown)]

use std::{borrow::Cow, collections::BTreeMap, ops::Range};

use schemars::{JsonSchema, Schema, SchemaGenerator};

/// A value and the bytes of the text that it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub at: Range<usize>,
}

impl<T> At<T> {
    /// Puts a value at a place.
    pub fn new(value: T, at: Range<usize>) -> Self {
        Self { value, at }
    }
}

/// A place means nothing to a schema.
impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The key of the schema that says what a name in the file stands for, for those who help to write it: a step, a role, an
/// expression… Other readers of the schema pass it over.
pub const STANDS_FOR: &str = "x-callboard";

/// The same for the keys of a mapping, which name what is defined below them.
pub const KEYS_NAME: &str = "x-callboard-keys";

/// A Callboard workflow: who does what, in which order, and where a person is asked.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct File {
    /// The name by which it is run; the file's name without its ending. May be left out.
    pub name: Option<At<String>>,
    /// One line that says what it does.
    pub title: Option<At<String>>,
    /// The shelf it stands on: review, build, test or ops.
    #[schemars(with = "Option<crate::workflow::plan::Category>")]
    pub category: Option<At<String>>,
    /// When to use it, and what to expect.
    pub description: Option<At<String>>,
    /// The channel that its runs are shown in; the default channel where this is left out.
    #[schemars(extend("x-callboard" = "channel"))]
    pub channel: Option<At<String>>,
    /// What it wants to be told. Expressions read an input as inputs.NAME.
    #[schemars(with = "Option<BTreeMap<String, InputFile>>", extend("x-callboard-keys" = "input"))]
    pub inputs: Vec<(At<String>, InputFile)>,
    /// The parts that agents play.
    #[schemars(with = "Option<BTreeMap<String, RoleFile>>", extend("x-callboard-keys" = "role"))]
    pub roles: Vec<(At<String>, RoleFile)>,
    /// Where a run stops and asks a person; each limit has a default.
    pub limits: Option<LimitsFile>,
    /// The step whose result is the workflow's, where another workflow does this one; the last one where left out.
    #[schemars(extend("x-callboard" = "step"))]
    pub result: Option<At<String>>,
    /// What is done. Steps start as soon as the steps that they need are over, so those that need nothing start at once, together.
    #[schemars(required, with = "Vec<StepFile>", length(min = 1, max = 200))]
    pub steps: Vec<StepFile>,
}

/// Something that the workflow wants to be told.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InputFile {
    /// text, path (a file or folder of the workspace), number (whole), flag (true or false) or list. Text where left out.
    #[schemars(rename = "type", with = "Option<crate::workflow::plan::InputKind>")]
    pub kind: Option<At<String>>,
    /// What it is when nobody says. An input without a default must be given.
    #[schemars(with = "Option<serde_json::Value>")]
    pub default: Option<At<serde_json::Value>>,
    /// One line for the person who is asked for it.
    pub description: Option<At<String>>,
}

/// A part that an agent plays.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RoleFile {
    /// Agents that would play it, best first; the first that is available does. One name or a list.
    #[schemars(with = "Option<OneOrMany>", extend("x-callboard" = "agent"))]
    pub prefer: Vec<At<String>>,
    /// What an agent must be good for where none of the preferred is available: review, fix, test, …
    #[schemars(extend("x-callboard" = "skill"))]
    pub good_for: Option<At<String>>,
    /// How many agents play it side by side, 2 to 8, or a list that says for each who would, best first. Each of its steps is then
    /// done by all of them.
    #[schemars(with = "Option<AgentsFile>")]
    pub agents: Option<At<AgentsFile>>,
    /// read (the default) or write: whether it may change files.
    #[schemars(with = "Option<crate::agent::Access>")]
    pub access: Option<At<String>>,
    /// shared (the default: everybody works in the developer's own files) or worktree: a copy of its own, merged back when the
    /// turn is over. Holds for all steps of the role that don't say otherwise.
    #[schemars(with = "Option<IsolationName>")]
    pub isolation: Option<At<String>>,
    /// Files and folders that are copied into the worktree though they are ignored, such as .env.test. One path or a list.
    #[schemars(with = "Option<OneOrMany>")]
    pub copy: Vec<At<String>>,
    /// Files and folders that the worktree has as links to the developer's own, such as node_modules. One path or a list.
    #[schemars(with = "Option<OneOrMany>")]
    pub link: Vec<At<String>>,
    /// What is done where nobody answers what its turns ask: `deny after 10m`, `ask-again after 30m` or `pause after 1h`.
    /// Without it, the turn waits.
    pub unanswered: Option<At<String>>,
    /// off (the default) or required: its agents' programs run in a sandbox, and its turns fail where there is none.
    #[schemars(with = "Option<SandboxName>")]
    pub sandbox: Option<At<String>>,
    /// One line for people.
    pub description: Option<At<String>>,
}

/// Where a run stops and asks.
#[derive(Debug, Clone, Default, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LimitsFile {
    /// How many turns agents may take, 1 to 1000.
    #[schemars(range(min = 1, max = 1000))]
    pub turns: Option<At<i64>>,
    /// How long it may take, pauses not counted, such as 30m or 2h.
    #[schemars(with = "Option<Duration>")]
    pub time: Option<At<String>>,
    /// How many tokens it may use, where agents report them.
    #[schemars(range(min = 1))]
    pub tokens: Option<At<i64>>,
    /// How many US dollars it may cost, where agents report them.
    #[schemars(range(min = 0.01, max = 10_000.0))]
    pub dollars: Option<At<f64>>,
}

/// Who play a role side by side.
#[derive(Debug, Clone, PartialEq)]
pub enum AgentsFile {
    /// So many of those that the role prefers.
    Count(i64),
    /// For each seat those who would take it, best first.
    Seats(Vec<Vec<At<String>>>),
}

impl JsonSchema for AgentsFile {
    fn schema_name() -> Cow<'static, str> {
        "Agents".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names =
            serde_json::json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] });
        schemars::json_schema!({
            "anyOf": [
                { "type": "integer", "minimum": 2, "maximum": 8 },
                { "type": "array", "items": names, "minItems": 2, "maxItems": 8 }
            ]
        })
    }
}

/// A step: a turn of a role or of a tool, a pause, a loop, a list of steps, or another workflow.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StepFile {
    /// The start of the step.
    #[schemars(skip)]
    pub at: Range<usize>,
    /// Whether fields of it could not be read, so that nothing is to be concluded from what it lacks.
    #[schemars(skip)]
    pub damaged: bool,
    /// Its name, unique in the file: letters, digits and _. Expressions read its result by it.
    #[schemars(required, with = "String", regex(pattern = r"^[a-z][a-z0-9_]{0,63}$"))]
    #[schemars(extend("x-callboard" = "step-name"))]
    pub id: Option<At<String>>,
    /// One line for people.
    pub title: Option<At<String>>,
    /// Steps above it, in the same list, that must be over before it starts. Without it, the step starts at once.
    #[schemars(with = "Option<OneOrMany>", extend("x-callboard" = "step"))]
    pub needs: Vec<At<String>>,
    /// An expression; the step is skipped where it is false.
    #[schemars(with = "Option<Expression>")]
    pub when: Option<At<String>>,
    /// A list: the step is done once for each of its items, several at the same time. An expression, or a mapping with in, as,
    /// at-once and max.
    #[schemars(with = "Option<ForEachSchema>")]
    pub for_each: Option<ForEachFile>,
    /// The role that takes a turn.
    #[schemars(extend("x-callboard" = "role"))]
    pub role: Option<At<String>>,
    /// The tool agent that takes a turn: tests, lint, autofix, or one of yours.
    #[schemars(extend("x-callboard" = "tool"))]
    pub tool: Option<At<String>>,
    /// Asks a person.
    pub pause: Option<PauseFile>,
    /// Does steps again and again.
    pub repeat: Option<RepeatFile>,
    /// Steps that are done together for one item of for-each.
    #[schemars(with = "Option<Vec<StepFile>>", length(min = 1))]
    pub steps: Option<GroupFile>,
    /// Does another workflow, by its name, as a part of this one.
    #[schemars(extend("x-callboard" = "workflow"))]
    pub workflow: Option<At<String>>,
    /// What the other workflow is told: an expression for each of its inputs. A text stands in quotes of its own: "'src'".
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    pub inputs: Vec<(At<String>, At<String>)>,
    /// Roles of the other workflow that are played by whoever plays a role of this one: their name there, and here.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub roles: Vec<(At<String>, At<String>)>,
    /// The form of the turn's result: text (the default), review, change, tests, plan, or a JSON Schema.
    #[schemars(with = "Option<ResultFile>")]
    pub result: Option<At<ResultFile>>,
    /// What the agent is told: a template that reads inputs and the results of steps that this one needs.
    #[schemars(extend("x-callboard" = "template"))]
    pub prompt: Option<At<String>>,
    /// An expression that gives the path, or the list of paths, that the turn is about.
    #[schemars(with = "Option<Expression>")]
    pub paths: Option<At<String>>,
    /// What the prompt takes with it beside its words, the most important first: results, changes, files, findings, messages.
    #[schemars(with = "Option<Vec<ContextSchema>>", length(min = 1, max = 20))]
    pub context: Vec<(At<String>, At<String>)>,
    /// How many tokens the context may take; 8000 where left out. What does not fit is left out, and the prompt says so.
    #[schemars(range(min = 100, max = 200_000))]
    pub budget: Option<At<i64>>,
    /// An expression that gives the findings that the turn is about.
    #[schemars(with = "Option<Expression>")]
    pub findings: Option<At<String>>,
    /// How long the turn may take, such as 10m.
    #[schemars(with = "Option<Duration>")]
    pub time: Option<At<String>>,
    /// shared (the default: everybody works in the developer's own files) or worktree: a copy of its own, merged back when the
    /// turn is over.
    #[schemars(with = "Option<IsolationName>")]
    pub isolation: Option<At<String>>,
    /// Files and folders that are copied into the worktree though they are ignored, such as .env.test. One path or a list.
    #[schemars(with = "Option<OneOrMany>")]
    pub copy: Vec<At<String>>,
    /// Files and folders that the worktree has as links to the developer's own, such as node_modules. One path or a list.
    #[schemars(with = "Option<OneOrMany>")]
    pub link: Vec<At<String>>,
    /// As the role's, for this step.
    pub unanswered: Option<At<String>>,
    /// read: this turn changes no file, though its role may.
    #[schemars(with = "Option<crate::agent::Access>")]
    pub access: Option<At<String>>,
    /// required: this turn is taken in a sandbox, whatever its role says.
    #[schemars(with = "Option<SandboxName>")]
    pub sandbox: Option<At<String>>,
    /// What happens when the turn fails: pause (the default), skip, fail, another (agent), a retry, or one of these for each class.
    #[schemars(with = "Option<OnFailureFile>")]
    pub on_failure: Option<At<OnFailureFile>>,
}

impl StepFile {
    /// Returns the steps that stand in it, where it is a loop or a list of steps.
    pub fn inner(&self) -> &[StepFile] {
        match (&self.repeat, &self.steps) {
            (Some(it), _) => &it.steps,
            (None, Some(it)) => &it.steps,
            (None, None) => &[],
        }
    }

    /// Returns its id as written, or nothing.
    pub fn name(&self) -> &str {
        self.id.as_ref().map_or("", |it| &it.value)
    }
}

/// A list whose items a step is done for.
#[derive(Debug, Clone)]
pub struct ForEachFile {
    /// The `for-each` itself.
    pub at: Range<usize>,
    /// An expression that gives the list.
    pub list: Option<At<String>>,
    /// The name by which expressions read the item; `item` where left out.
    pub item: Option<At<String>>,
    /// How many are done at the same time.
    pub at_once: Option<At<i64>>,
    /// How many items there may be.
    pub max: Option<At<i64>>,
}

/// Steps that are done together.
#[derive(Debug, Clone)]
pub struct GroupFile {
    /// The `steps` themselves.
    pub at: Range<usize>,
    /// What is done.
    pub steps: Vec<StepFile>,
}

/// The forms of `for-each`, for the schema.
struct ForEachSchema;

impl JsonSchema for ForEachSchema {
    fn schema_name() -> Cow<'static, str> {
        "ForEach".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "description": "An expression that gives the list.", "x-callboard": "expression" },
                {
                    "type": "object",
                    "properties": {
                        "in": { "type": "string", "description": "An expression that gives the list.", "x-callboard": "expression" },
                        "as": {
                            "type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$",
                            "description": "The name by which expressions read the item; item where left out."
                        },
                        "at-once": {
                            "type": "integer", "minimum": 1, "maximum": 20,
                            "description": "How many are done at the same time; 4 where left out."
                        },
                        "max": {
                            "type": "integer", "minimum": 1, "maximum": 100,
                            "description": "How many items there may be; 20 where left out. With more a person is asked."
                        }
                    },
                    "required": ["in"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// A part of a context, for the schema.
struct ContextSchema;

impl JsonSchema for ContextSchema {
    fn schema_name() -> Cow<'static, str> {
        "Context".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "type": "object",
            "properties": {
                "result": { "type": "string", "description": "What this step came to.", "x-callboard": "step" },
                "changes": {
                    "type": "string",
                    "description": "How files changed since this step last began; run: since the run began."
                },
                "files": {
                    "type": "string", "x-callboard": "expression",
                    "description": "An expression that gives a path or a list of paths; 'src/a.rs:10-40' gives lines 10 to 40."
                },
                "findings": {
                    "type": "string",
                    "description": "Findings of the run in these states: open, fixed, dismissed, accepted, stale."
                },
                "thread": {
                    "type": "integer", "minimum": 1, "maximum": 200,
                    "description": "So many of the newest messages of the run's thread."
                },
                "messages": {
                    "type": "string", "x-callboard": "expression",
                    "description": "An expression that gives the id of a message, or a list of them: \"['m3', 'm4']\"."
                }
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false
        })
    }
}

/// Asks a person.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PauseFile {
    /// The `pause` itself.
    #[schemars(skip)]
    pub at: Range<usize>,
    /// The step whose result is shown, may be edited, and is approved.
    #[schemars(extend("x-callboard" = "step"))]
    pub show: Option<At<String>>,
    /// A template: what the person is asked.
    #[schemars(extend("x-callboard" = "template"))]
    pub message: Option<At<String>>,
}

/// Does steps again and again.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RepeatFile {
    /// The `repeat` itself.
    #[schemars(skip)]
    pub at: Range<usize>,
    /// An expression, looked at when a round's steps are over; the loop ends where it is true.
    #[schemars(with = "Option<Expression>")]
    pub until: Option<At<String>>,
    /// The role of an agent that decides which of the steps are done next, and when the loop is over, in the place of `until`.
    #[schemars(extend("x-callboard" = "role"))]
    pub operator: Option<At<String>>,
    /// What the operator is to reach: a template.
    pub prompt: Option<At<String>>,
    /// How many rounds before a person is asked, 1 to 20; with an operator how many of its decisions, 1 to 100.
    #[schemars(required, with = "i64", range(min = 1, max = 100))]
    pub max: Option<At<i64>>,
    /// What each round does.
    #[schemars(required, with = "Vec<StepFile>", length(min = 1))]
    pub steps: Vec<StepFile>,
}

/// The form of a result.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultFile {
    /// One of the built-in forms, by name.
    Named(String),
    /// A JSON Schema.
    Schema(serde_json::Value),
}

impl JsonSchema for ResultFile {
    fn schema_name() -> Cow<'static, str> {
        "Result".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({
            "anyOf": [
                { "enum": RESULTS },
                {
                    "type": "object",
                    "properties": { "json": { "type": "object", "description": "A JSON Schema that the result must fit." } },
                    "required": ["json"],
                    "additionalProperties": false
                }
            ]
        })
    }
}

/// The names of the built-in forms of a result.
pub const RESULTS: [&str; 5] = ["text", "review", "change", "tests", "plan"];

/// What happens when a turn fails.
#[derive(Debug, Clone, PartialEq)]
pub enum OnFailureFile {
    /// The same for every class.
    All(FailureFile),
    /// By class; `otherwise` is the rest.
    Classes(Vec<(At<String>, At<FailureFile>)>),
}

/// What happens when a turn fails in one way.
#[derive(Debug, Clone, PartialEq)]
pub enum FailureFile {
    /// `pause`, `skip`, `fail` or `another`.
    Named(At<String>),
    /// Again.
    Retry {
        /// How many more tries.
        times: At<i64>,
        /// How long to wait before the first.
        wait: Option<At<String>>,
        /// What happens when they have failed too.
        then: Option<At<String>>,
    },
}

impl JsonSchema for OnFailureFile {
    fn schema_name() -> Cow<'static, str> {
        "OnFailure".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let action = serde_json::json!({
            "anyOf": [
                { "enum": ["pause", "skip", "fail", "another"] },
                {
                    "type": "object",
                    "properties": {
                        "retry": { "type": "integer", "minimum": 1, "maximum": 10 },
                        "wait": { "type": "string", "pattern": DURATION },
                        "then": { "enum": ["pause", "skip", "fail", "another"] }
                    },
                    "required": ["retry"],
                    "additionalProperties": false
                }
            ]
        });
        let names = crate::outcome::FailureClass::ALL.iter().map(|it| it.name()).chain(["otherwise"]);
        let classes: serde_json::Map<_, _> = names.map(|it| (it.to_owned(), action.clone())).collect();
        let by_class = serde_json::json!({ "type": "object", "properties": classes, "additionalProperties": false });
        schemars::json_schema!({ "anyOf": [action, by_class] })
    }
}

/// A length of time, for the schema.
struct Duration;

/// What a length of time looks like: a whole number and a unit.
const DURATION: &str = "^[0-9]+(ms|s|m|h|d)$";

impl JsonSchema for Duration {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "pattern": DURATION })
    }
}

/// An expression, for the schema. YAML reads `true` as a flag, which is an expression too.
struct Expression;

impl JsonSchema for Expression {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "boolean", "number"], "x-callboard": "expression" })
    }
}

/// Where a turn works, for the schema.
struct IsolationName;

impl JsonSchema for IsolationName {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Isolation".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "enum": ["shared", "worktree"] })
    }
}

/// Whether turns are taken in a sandbox, for the schema.
struct SandboxName;

impl JsonSchema for SandboxName {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Sandbox".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "enum": ["off", "required"] })
    }
}

/// A name or a list of names, for the schema.
struct OneOrMany;

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" } }] })
    }
}
