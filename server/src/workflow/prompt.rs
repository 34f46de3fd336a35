//! Templates and expressions of workflows: a small part of minijinja, strict and bounded.
//!
//! Text goes in with a `Context`, text or a value comes out. There is no loader, no escaping, no assignment and no way
//! to grow a value without end: `check` refuses the tags that could, and the output, the work and each filter are bounded.

use std::{io, ops::Range, sync::OnceLock};

use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior, Value, filters as built_in, functions, tests, value::Serde,
};

mod absent;
mod filters;

pub use filters::{MOST_TEXT, fenced};

/// How much work one template or expression may do, in steps of minijinja's machine.
const FUEL: u64 = 200_000;

/// Names that a context always has, and what each is.
pub const ALWAYS: [(&str, &str); 4] = [
    ("inputs", "what the workflow was told, by the inputs' names"),
    ("round", "the lap of the innermost loop, from 1; 1 outside every loop"),
    ("run", "the run: `run.id`, `run.workflow` and `run.changed`, the files that its agents changed"),
    ("roles", "the agents that play, by the roles' names"),
];

/// What templates and expressions see.
///
/// The hub builds it. Besides the names of `ALWAYS` it has every step of the plan by its id:
///
/// - a step that has not run, or was skipped, is `null`, or left out;
/// - `review`: `{verdict: "approved" | "changes_requested", summary, findings: [those still to act on], contested:
///   [declined and reported again], all: […], declined: [{finding, reason}]}`, where the verdict is the effective one (no
///   material finding is open) and a finding is `{id, severity, path, line, code, text, suggestion,
///   sources: [agents]}`;
/// - `change`: `{summary, files, fixed, declined}`;
/// - `tests`: `{verdict: "passed" | "failed" | "none", summary, passed, failed, failures: [{name, path, line, message}]}`;
/// - `text`: `{text}`; `plan`: `{summary, steps}`; a JSON Schema's: `{value}`;
/// - a pause: the shape of what it showed, as approved, with `decision` and `note` (the text of "request changes");
/// - a repeat: nothing of its own; it is `null`;
/// - a step for each item of a list: the list of its items' results, each with its `item`; a step inside of it sees the item
///   itself, and its own item's results;
/// - a step of a role that several agents play: their review as one, or the list of their results;
/// - a nested workflow: its result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Context(pub serde_json::Map<String, serde_json::Value>);

impl Context {
    /// Wraps what the hub built.
    pub fn new(values: serde_json::Map<String, serde_json::Value>) -> Self {
        Self(values)
    }

    /// Returns the context for minijinja. A step that has no result becomes a value that is false, and so is all that is
    /// read of it.
    fn value(&self) -> Value {
        let values = self.0.iter().filter(|(_, value)| !value.is_null());
        absent::root(values.map(|(name, value)| (name.clone(), Value::from(Serde(value)))).collect())
    }
}

/// Why a template or an expression gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", .line.map_or(String::new(), |it| format!("line {it}: ")))]
pub struct PromptError {
    /// What went wrong, and with what.
    pub message: String,
    /// The line of the template, from 1, where it is known.
    pub line: Option<usize>,
    /// The bytes of the template, where they are known.
    pub range: Option<Range<usize>>,
}

/// Renders a template. Printing a value that is not there is an error, and so is a result of more than 1 MiB.
pub fn render(template: &str, context: &Context) -> Result<String, PromptError> {
    let template = environment().template_from_named_str("prompt", template).map_err(|it| error(&it))?;
    let mut out = Bounded(Vec::new());
    template.render_captured_to(context.value(), &mut out).map_err(|it| error(&it))?;
    String::from_utf8(out.0).map_err(|_| PromptError {
        message: "the text is no UTF-8".to_owned(),
        line: None,
        range: None,
    })
}

/// Evaluates an expression. A value that is not there comes back as `null`.
pub fn evaluate(expression: &str, context: &Context) -> Result<serde_json::Value, PromptError> {
    let value = value_of(expression, context)?;
    if absent::is_absent(&value) {
        return Ok(serde_json::Value::Null);
    }
    serde_json::to_value(&value).map_err(|it| PromptError {
        message: format!("the expression gives a value that is no JSON: {it}"),
        line: None,
        range: None,
    })
}

/// Evaluates an expression as a condition: false, 0, the empty text, list and mapping, and what is not there are false.
pub fn truthy(expression: &str, context: &Context) -> Result<bool, PromptError> {
    Ok(value_of(expression, context)?.is_true())
}

fn value_of(expression: &str, context: &Context) -> Result<Value, PromptError> {
    let expression = environment().compile_expression(expression).map_err(|it| error(&it))?;
    expression.eval(context.value()).map_err(|it| error(&it))
}

/// Returns an error of minijinja in our form.
pub(super) fn error(error: &Error) -> PromptError {
    let detail = error.detail().unwrap_or_default();
    let message = match error.kind() {
        ErrorKind::SyntaxError if !detail.is_empty() => detail.to_owned(),
        ErrorKind::OutOfFuel => "it does too much: a loop over too many values".to_owned(),
        ErrorKind::WriteFailure => format!("the text is longer than {MOST_TEXT} bytes"),
        ErrorKind::UndefinedError => match error.range().and_then(|it| error.template_source()?.get(it)) {
            Some(name) => format!("`{name}` is not there"),
            None => "a value is not there".to_owned(),
        },
        kind if detail.is_empty() => kind.to_string(),
        kind => format!("{kind}: {detail}"),
    };
    PromptError { message, line: error.line(), range: error.range() }
}

/// The filters that there are.
pub const FILTERS: [&str; 36] = [
    "abs",
    "bool",
    "capitalize",
    "count",
    "default",
    "d",
    "fenced",
    "findings_list",
    "first",
    "float",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "json",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "quoted",
    "reject",
    "rejectattr",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "string",
    "sum",
    "trim",
    "unique",
];

/// Further filters.
pub const MORE_FILTERS: [&str; 2] = ["truncate", "upper"];

/// The tests (`x is NAME`) that there are.
pub const TESTS: [&str; 22] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "ge",
    "gt",
    "in",
    "integer",
    "le",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "startingwith",
    "string",
    "true",
];

/// Returns the one environment: what is not added here does not exist in the language.
fn environment() -> &'static Environment<'static> {
    static ENVIRONMENT: OnceLock<Environment<'static>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Environment::empty();
        // Printing or looping over what is not there fails; asking whether it is there is a question like any other.
        env.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        env.set_formatter(absent::print);
        env.set_debug(true);
        env.set_fuel(Some(FUEL));
        add_filters(&mut env);
        add_tests(&mut env);
        env.add_function("range", functions::range);
        env
    })
}

fn add_filters(env: &mut Environment<'_>) {
    env.add_filter("abs", built_in::abs);
    env.add_filter("bool", built_in::bool);
    env.add_filter("capitalize", filters::capitalize);
    env.add_filter("count", built_in::length);
    env.add_filter("length", built_in::length);
    env.add_filter("default", filters::default);
    env.add_filter("d", filters::default);
    env.add_filter("first", built_in::first);
    env.add_filter("float", built_in::float);
    env.add_filter("groupby", built_in::groupby);
    env.add_filter("int", built_in::int);
    env.add_filter("items", built_in::items);
    env.add_filter("last", built_in::last);
    env.add_filter("lines", filters::lines);
    env.add_filter("list", built_in::list);
    env.add_filter("lower", filters::lower);
    env.add_filter("map", built_in::map);
    env.add_filter("max", built_in::max);
    env.add_filter("min", built_in::min);
    env.add_filter("reject", built_in::reject);
    env.add_filter("rejectattr", built_in::rejectattr);
    env.add_filter("reverse", built_in::reverse);
    env.add_filter("round", built_in::round);
    env.add_filter("select", built_in::select);
    env.add_filter("selectattr", built_in::selectattr);
    env.add_filter("sort", built_in::sort);
    env.add_filter("string", built_in::string);
    env.add_filter("sum", built_in::sum);
    env.add_filter("trim", filters::trim);
    env.add_filter("unique", built_in::unique);
    env.add_filter("upper", filters::upper);
    env.add_filter("fenced", filters::fenced_filter);
    env.add_filter("findings_list", filters::findings_list);
    env.add_filter("indent", filters::indent);
    env.add_filter("join", filters::join);
    env.add_filter("json", filters::json);
    env.add_filter("quoted", filters::quoted);
    env.add_filter("truncate", filters::truncate);
}

fn add_tests(env: &mut Environment<'_>) {
    env.add_test("boolean", tests::is_boolean);
    env.add_test("defined", |it: &Value| !absent::is_absent(it));
    env.add_test("divisibleby", tests::is_divisibleby);
    env.add_test("endingwith", tests::is_endingwith);
    env.add_test("eq", tests::is_eq);
    env.add_test("equalto", tests::is_eq);
    env.add_test("even", tests::is_even);
    env.add_test("false", tests::is_false);
    env.add_test("ge", tests::is_ge);
    env.add_test("gt", tests::is_gt);
    env.add_test("in", tests::is_in);
    env.add_test("integer", tests::is_integer);
    env.add_test("le", tests::is_le);
    env.add_test("lt", tests::is_lt);
    env.add_test("mapping", tests::is_mapping);
    env.add_test("ne", tests::is_ne);
    env.add_test("none", absent::is_absent);
    env.add_test("number", tests::is_number);
    env.add_test("odd", tests::is_odd);
    env.add_test("startingwith", tests::is_startingwith);
    env.add_test("string", tests::is_string);
    env.add_test("true", tests::is_true);
}

/// Returns whether the language has this filter.
pub fn is_filter(name: &str) -> bool {
    FILTERS.contains(&name) || MORE_FILTERS.contains(&name)
}

/// A buffer that takes no more than `MOST_TEXT` bytes.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MOST_TEXT {
            return Err(io::Error::other("the text is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod prompt_tests {
    use serde_json::json;

    use super::*;

    fn context(value: serde_json::Value) -> Context {
        match value {
            serde_json::Value::Object(map) => Context(map),
            _ => unreachable!("a test's context is an object"),
        }
    }

    #[test]
    fn every_filter_and_test_that_is_named_exists_and_no_other() {
        let nothing = Context::default();
        for name in FILTERS.iter().chain(&MORE_FILTERS) {
            let told = render(&format!("{{{{ []|{name} }}}}"), &nothing).map_err(|it| it.message);
            assert!(!matches!(&told, Err(it) if it.contains("unknown filter")), "{name}: {told:?}");
        }
        for name in TESTS {
            let told = render(&format!("{{{{ 1 is {name} }}}}"), &nothing).map_err(|it| it.message);
            assert!(!matches!(&told, Err(it) if it.contains("unknown test")), "{name}: {told:?}");
        }
        for missing in ["{{ 'x'|replace('x', 'y') }}", "{{ 1|format }}", "{{ namespace() }}", "{% include 'x' %}"] {
            assert!(render(missing, &nothing).is_err(), "{missing} was rendered");
        }
    }

    #[test]
    fn what_is_not_there_is_false_but_cannot_be_printed() {
        let context = context(json!({ "review": null, "inputs": { "path": "src" } }));
        assert_eq!(truthy("review or fix or fix.declined", &context), Ok(false));
        assert_eq!(evaluate("fix", &context), Ok(serde_json::Value::Null));
        assert_eq!(render("{% for it in range(2) %}{{ loop.index }}{% endfor %}", &context).as_deref(), Ok("12"));
        assert_eq!(truthy("review.verdict == 'approved'", &context), Ok(false));
        assert_eq!(truthy("review.verdict != 'failed' and inputs.path == 'src'", &context), Ok(true));
        assert_eq!(truthy("not review.findings", &context), Ok(true));
        assert_eq!(evaluate("review.findings", &context), Ok(serde_json::Value::Null));
        let error = render("one\n{{ review.summary }}", &context).unwrap_err();
        assert_eq!(error.to_string(), "line 2: `review.summary` is not there");
        assert_eq!(error.range, Some(7..21));
    }

    #[test]
    fn expressions_give_values() {
        let context =
            context(json!({ "inputs": { "path": "src", "n": 3 }, "review": { "findings": [{ "id": "f1" }] } }));
        assert_eq!(evaluate("inputs.path", &context), Ok(json!("src")));
        assert_eq!(evaluate("[inputs.path, 'tests']", &context), Ok(json!(["src", "tests"])));
        assert_eq!(evaluate("review.findings", &context), Ok(json!([{ "id": "f1" }])));
        assert_eq!(evaluate("inputs.n + 1", &context), Ok(json!(4)));
    }

    /// Promise 5 (loops end), for templates.
    #[test]
    fn work_and_size_are_bounded() {
        let context = context(json!({ "big": "x".repeat(1000), "n": 0 }));
        let busy = "{% for a in range(3000) %}{% for b in range(3000) %}{{ n }}{% endfor %}{% endfor %}";
        assert!(render(busy, &context).unwrap_err().message.contains("too much"));
        let long = "{% for a in range(3000) %}{{ big }}{% endfor %}";
        assert!(render(long, &context).unwrap_err().message.contains("longer than"));
        assert!(render("{{ 'x' * 2000000000 }}", &context).is_err());
        assert!(render("{{ range(1000000000)|list|join('abc') }}", &context).is_err());
        let join = format!("{{{{ big{} }}}}", "|list|join(big)".repeat(5));
        assert!(render(&join, &context).is_err());
    }
}
