//! The tool agents: `callboard tool tests|lint|autofix --request FILE --result FILE`.
//!
//! A deterministic participant on a PTY that people watch: it finds the project's own commands, runs them, and writes one
//! typed result. Knows nothing of the hub: a request file goes in, a result file and an exit code come out.
//!
//! Exit codes: 0 the result is written; 1 broken (the tool itself failed, or the request is bad); 3 a program that the
//! project needs is not installed; 4 there is nothing to run here. Only with 0 is there a result file; with the others
//! the last line printed says what happened and what to do.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    finding::Finding,
    ids::{AgentName, TurnId},
    outcome::{ResultKind, TypedResult},
};

mod autofix;
mod lint;
mod tests_run;

mod apply;
mod child;
mod children;
mod ecosystem;
mod files;
mod pairing;
mod parse;
mod plain;
mod program;
mod project;
mod remark;
mod shop;
mod text;

#[cfg(test)]
mod whole_tests;

/// The tool agents there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolKind {
    /// Runs the project's tests; gives a `tests` result.
    Tests,
    /// Runs the project's linter; gives a `review` result.
    Lint,
    /// Applies the linter's own safe fixes; gives a `change` result.
    Autofix,
}

impl ToolKind {
    /// Every kind, in the order of the documents.
    pub const ALL: [Self; 3] = [Self::Tests, Self::Lint, Self::Autofix];

    /// Returns the kind's name as the command line writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tests => "tests",
            Self::Lint => "lint",
            Self::Autofix => "autofix",
        }
    }

    /// Returns the kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// Returns the form of this kind's result.
    pub fn result(self) -> ResultKind {
        match self {
            Self::Tests => ResultKind::Tests,
            Self::Lint => ResultKind::Review,
            Self::Autofix => ResultKind::Change,
        }
    }
}

/// What a tool is asked, as the request file holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// The turn.
    pub turn: TurnId,
    /// Who takes it.
    pub agent: AgentName,
    /// The folder to work in: absolute.
    pub root: PathBuf,
    /// Files and folders the turn is about, from `root`; empty is the whole.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Findings the turn is about; empty is all that the linter says.
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// The form that the result is wanted in. Each tool gives its own form; `text` takes its summary.
    #[serde(default)]
    pub expects: ResultKind,
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The tool itself failed, or was asked something impossible.
    #[error("{0}")]
    Broken(String),
    /// A program that the project needs is not on this machine.
    #[error("{0}")]
    NotInstalled(String),
    /// The project has no such command.
    #[error("{0}")]
    Nothing(String),
}

impl Trouble {
    /// Returns the exit code by which the driver knows the class.
    pub fn exit_code(&self) -> i32 {
        match self {
            Self::Broken(_) => 1,
            Self::NotInstalled(_) => 3,
            Self::Nothing(_) => 4,
        }
    }
}

/// Does what the request file asks, writes the result file, and returns the exit code of the process. What people watch
/// is written to `out`; a failure to write there is not an error, since nobody may be watching.
pub fn main(kind: ToolKind, request: &Path, result: &Path, out: &mut dyn Write) -> i32 {
    match read_request(request).and_then(|it| run(kind, &it, out)).and_then(|it| write_result(result, &it)) {
        Ok(()) => 0,
        Err(trouble) => {
            let _ = writeln!(out, "callboard tool {}: {trouble}", kind.name());
            let _ = out.flush();
            trouble.exit_code()
        }
    }
}

/// Does what is asked and returns the result, which always has the form `kind.result()`.
pub fn run(kind: ToolKind, request: &Request, out: &mut dyn Write) -> Result<TypedResult, Trouble> {
    let mut shop = shop::Shop::open(&request.root, out)?;
    let paths = text::clean_paths(&request.paths)?;
    match kind {
        ToolKind::Tests => tests_run::run(&mut shop, &paths).map(TypedResult::Tests),
        ToolKind::Lint => lint::run(&mut shop, &paths).map(TypedResult::Review),
        ToolKind::Autofix => autofix::run(&mut shop, &paths, &request.findings).map(TypedResult::Change),
    }
}

fn read_request(path: &Path) -> Result<Request, Trouble> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|why| Trouble::Broken(format!("the request file {shown} can't be read: {why}")))?;
    serde_json::from_str(&text)
        .map_err(|why| Trouble::Broken(format!("the request file {shown} is not a tool request: {why}")))
}

/// Writes the result so that a reader sees the whole of it or nothing.
fn write_result(path: &Path, result: &TypedResult) -> Result<(), Trouble> {
    let broken =
        |why: std::io::Error| Trouble::Broken(format!("the result file {} can't be written: {why}", path.display()));
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(broken)?;
    serde_json::to_writer(&mut file, result).map_err(|why| broken(why.into()))?;
    file.as_file().sync_all().map_err(broken)?;
    file.persist(path).map_err(|why| broken(why.error))?;
    Ok(())
}
