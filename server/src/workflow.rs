//! Workflows: files in, plans out.
//!
//! `load` is the only door: text goes in, and a plan, every problem at its place, or both come out. Nothing here starts
//! anything, reads a clock or touches a disk, but for `library`, which looks for files where its caller says.

pub mod cast;
pub mod check;
pub mod context;
pub mod file;
pub mod language;
pub mod library;
pub mod parse;
pub mod plan;
pub mod problem;
pub mod prompt;
pub mod rehearsal;
mod tree;
pub mod write;

#[cfg(test)]
mod tests;

use self::{file::File, plan::Plan, problem::Problem};

/// What came of a workflow's text.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The workflow, where no problem is an error.
    pub plan: Option<Plan>,
    /// What is wrong or odd, in the order of the text. Bounded.
    pub problems: Vec<Problem>,
    /// The file as far as it could be read, for completion and navigation while it has errors.
    pub file: Option<File>,
}

/// Where a check finds the workflows that others do: the text of the one with this name, or what to do where there is none.
pub type Find<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// Reads and checks a workflow. `name` is what it is run by: its file's name without the ending. It may do those that are
/// built in; `load_among` knows others.
pub fn load(name: &str, text: &str) -> Loaded {
    let library = library::Library::default();
    load_among(name, text, &|name| library.find(name).map(|it| it.text).map_err(|it| it.to_string()))
}

/// Reads and checks a workflow that may do those that `find` finds.
pub fn load_among(name: &str, text: &str, find: Find<'_>) -> Loaded {
    let (file, mut problems) = parse::parse(text);
    let mut plan = None;
    if let Some(file) = &file {
        let (checked, found) = check::check(name, file, text, find, &[]);
        problems.extend(found);
        plan = checked;
    }
    if problems.iter().any(Problem::is_error) {
        plan = None;
    }
    problems.sort_by_key(|it| (it.place.start, it.place.end));
    problems.dedup();
    problems.truncate(problem::MOST);
    Loaded { plan, problems, file }
}

/// Returns the JSON Schema of the file format: what `templates/workflow.schema.json` holds.
pub fn schema() -> serde_json::Value {
    let settings = schemars::generate::SchemaSettings::draft07();
    let mut schema = settings.into_generator().into_root_schema_for::<File>().to_value();
    if let Some(map) = schema.as_object_mut() {
        map.insert("title".to_owned(), "Callboard workflow".into());
    }
    schema
}
