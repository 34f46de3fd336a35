//! The result of a step that has none: it did not run, or was skipped.
//!
//! It is false, and so is all that is read of it, so that `review.verdict == "approved"` is a question that can be asked of a
//! review that was skipped. It can't be printed.

use std::{collections::BTreeMap, fmt, sync::Arc};

use minijinja::{
    Error, ErrorKind, Output, State, Value,
    value::{Object, ObjectRepr},
};

/// What is read of a result that is not there.
#[derive(Debug)]
struct Absent;

impl Object for Absent {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(value())
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(not there)")
    }
}

/// What templates see: names, and for every other name what is not there. `check` has told the wrong ones before.
#[derive(Debug)]
struct Root(BTreeMap<String, Value>);

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        // The only function is looked for after the names.
        self.0.get(name).cloned().or_else(|| (name != "range").then(value))
    }
}

/// Returns names and their values for a template.
pub fn root(values: BTreeMap<String, Value>) -> Value {
    Value::from_object(Root(values))
}

/// Returns the value that is not there.
pub fn value() -> Value {
    Value::from_object(Absent)
}

/// Returns whether a value is not there: no result, nothing, or never defined.
pub fn is_absent(value: &Value) -> bool {
    value.is_undefined() || value.is_none() || value.downcast_object_ref::<Absent>().is_some()
}

/// Prints a value into a template's text; what is not there is an error.
pub fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if is_absent(value) {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    minijinja::escape_formatter(out, state, value)
}
