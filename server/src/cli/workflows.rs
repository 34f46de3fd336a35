//! `callboard workflows …`: the library, one workflow, the checker, a beginning, the schema.
//!
//! Works without a hub: it reads the files that a hub would read, and starts nothing.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{
    args::WorkflowsCommand,
    begin,
    fail::{self, Fail},
    lists::objects,
    out::Out,
    rehearse,
    render::{
        self, Line, Tone,
        source::{Remark, Spot, remark},
        table::table,
    },
    setting::Setting,
};
use crate::{
    workflow::{
        self,
        library::{Library, Source},
        plan::Plan,
        problem::{Problem, Severity},
    },
    workspace::trust::{Trust, TrustStatus},
};

/// The longest file that is checked, in bytes; the checker itself says what is too long for a workflow.
const MOST: u64 = 4 * 1024 * 1024;

/// Runs one of the workflow commands.
pub fn workflows(setting: &Setting, out: &mut Out, command: &WorkflowsCommand) -> Result<i32, Fail> {
    match command {
        WorkflowsCommand::List => list(setting, out),
        WorkflowsCommand::Show { name, source } => show(setting, out, name, *source),
        WorkflowsCommand::Check { files } => check(setting, out, files),
        WorkflowsCommand::New { name, from } => begin::new(setting, out, name, from.as_deref()),
        WorkflowsCommand::DryRun(args) => rehearse::dry_run(setting, out, args),
        WorkflowsCommand::Schema => {
            let text = serde_json::to_string_pretty(&workflow::schema()).unwrap_or_default();
            out.raw(&(text + "\n"))?;
            Ok(fail::OK)
        }
    }
}

/// Returns the library as this workspace has it; its own workflows count where it is trusted.
pub fn library(setting: &Setting) -> Library {
    let trusted = Trust::new(&setting.places).status(&setting.workspace) == TrustStatus::Trusted;
    Library::new(Some(setting.places.workflows_dir())).with_workspace(&setting.workspace.root, trusted)
}

/// Returns the plan of a workflow, where it can be found and has no error. The hub has the last word; this is to know the
/// kinds of its inputs before it is asked.
pub fn plan(setting: &Setting, name: &str) -> Option<Plan> {
    let library = library(setting);
    let source = library.find(name).ok()?;
    library.load(&source.name, &source.text).plan
}

fn list(setting: &Setting, out: &mut Out) -> Result<i32, Fail> {
    let all = library(setting).list();
    if out.json {
        return objects(out, &all);
    }
    let rows: Vec<_> = all
        .iter()
        .map(|it| {
            let mut from = Line::new().with(Tone::Faint, it.source.to_string());
            if let Some(hides) = &it.hides {
                from.push(Tone::Faint, format!(", in place of the one that is {hides}"));
            }
            if it.broken {
                from.push(Tone::Bad, "  has errors: `callboard workflows check` says which");
            }
            vec![
                Line::new().with(Tone::Strong, &it.name),
                Line::plain(format!("{:?}", it.category).to_lowercase()),
                Line::plain(crate::agent::terminal::plain::plain(&it.title)),
                from,
            ]
        })
        .collect();
    out.lines(&table(&["workflow", "shelf", "what it does", "from"], &rows, out.view.width))?;
    Ok(fail::OK)
}

fn show(setting: &Setting, out: &mut Out, name: &str, as_source: bool) -> Result<i32, Fail> {
    if as_source {
        out.raw(&find(setting, name)?.text)?;
        return Ok(fail::OK);
    }
    let (plan, origin) = checked(setting, out, name)?;
    if out.json {
        out.object(&plan)?;
    } else {
        out.lines(&render::plan::plan(&plan, &origin, out.view.width))?;
    }
    Ok(fail::OK)
}

/// Returns a workflow's plan and where it comes from. Where it has errors they are shown.
pub(super) fn checked(setting: &Setting, out: &mut Out, name: &str) -> Result<(Plan, String), Fail> {
    let source = find(setting, name)?;
    let loaded = library(setting).load(&source.name, &source.text);
    let Some(plan) = loaded.plan else {
        tell(out, name, &source.text, &loaded.problems)?;
        return Err(Fail::new("invalid", format!("{name} has errors and can't be run")));
    };
    Ok((plan, source.origin.to_string()))
}

/// Returns a workflow's file.
pub(super) fn find(setting: &Setting, name: &str) -> Result<Source, Fail> {
    library(setting).find(name).map_err(|why| Fail::new("not_found", why.to_string()))
}

fn check(setting: &Setting, out: &mut Out, files: &[PathBuf]) -> Result<i32, Fail> {
    let library = library(setting);
    let (mut errors, mut warnings) = (0, 0);
    for file in files {
        let shown = file.display().to_string();
        let text = read(file)?;
        let name = file.file_stem().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        let problems = library.load(&name, &text).problems;
        errors += problems.iter().filter(|it| it.is_error()).count();
        warnings += problems.iter().filter(|it| !it.is_error()).count();
        tell(out, &shown, &text, &problems)?;
    }
    if !out.json {
        let (errors, warnings) = (render::time::count(errors, "error"), render::time::count(warnings, "warning"));
        let files = render::time::count(files.len(), "file");
        out.line(&Line::plain(format!("{files}: {errors}, {warnings}")))?;
    }
    Ok(if errors > 0 { fail::FAILED } else { fail::OK })
}

/// Shows problems where they are: as a compiler does for people, an object each for programs.
fn tell(out: &mut Out, file: &str, text: &str, problems: &[Problem]) -> Result<(), Fail> {
    for it in problems {
        if out.json {
            out.object(&json!({ "file": file, "problem": it }))?;
            continue;
        }
        let mut lines = problem(file, text, it, out.view.width);
        lines.push(Line::new());
        out.lines(&lines)?;
    }
    Ok(())
}

fn problem(file: &str, text: &str, problem: &Problem, width: usize) -> Vec<Line> {
    let place = problem.place;
    let index = usize::try_from(place.line.saturating_sub(1)).unwrap_or(0);
    let of = Remark {
        level: match problem.severity {
            Severity::Error => ("error", Tone::Bad),
            Severity::Warning => ("warning", Tone::Warn),
        },
        code: problem.code,
        message: &problem.message,
        spot: Some(Spot {
            path: file,
            line: place.line,
            column: place.column,
            end_column: (place.end_line == place.line).then_some(place.end_column),
            source: text.lines().nth(index),
        }),
        note: "",
        help: &problem.mend,
    };
    remark(&of, width)
}

fn read(file: &Path) -> Result<String, Fail> {
    let failed = |why: std::io::Error| Fail::new("io", format!("{} can't be read: {why}", file.display()));
    let mut bytes = Vec::new();
    std::fs::File::open(file).map_err(failed)?.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
    // What is not text is a problem that the checker shows at its place.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{begin::BEGINNING, out::Buffer, trust::tests::setting};

    fn play(setting: &Setting, json: bool, command: &WorkflowsCommand) -> (Result<i32, Fail>, String) {
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), Buffer::default(), json, false);
        let done = workflows(setting, &mut out, command);
        (done, shown.text())
    }

    #[test]
    fn the_beginning_of_a_new_workflow_is_free_of_problems() {
        let (_folder, setting) = setting();
        let (done, text) = play(&setting, false, &WorkflowsCommand::New { name: "ship-it".to_owned(), from: None });
        assert_eq!(done, Ok(0));
        let loaded = workflow::load("ship-it", &text);
        assert_eq!(loaded.problems, []);
        assert!(loaded.plan.is_some());
        let bad =
            play(&setting, false, &WorkflowsCommand::New { name: "Ship It".to_owned(), from: None }).0.unwrap_err();
        assert_eq!(bad.exit, fail::USAGE);
    }

    #[test]
    fn problems_are_shown_at_their_place_with_what_to_do_and_exit_1() {
        let (_folder, setting) = setting();
        let file = setting.workspace.root.join("fix.yaml");
        std::fs::write(&file, "title: Fix\nsteps:\n  - id: a\n    tool: lint\n    promt: x\n").unwrap();
        let (done, shown) = play(&setting, false, &WorkflowsCommand::Check { files: vec![file.clone()] });
        assert_eq!(done, Ok(fail::FAILED));
        assert!(shown.contains("fix.yaml:5:5"), "{shown}");
        assert!(shown.contains("5 |     promt: x\n  |     ^^^^^"), "{shown}");
        assert!(shown.contains("= help: "), "{shown}");
        let (_, shown) = play(&setting, true, &WorkflowsCommand::Check { files: vec![file] });
        let first: serde_json::Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
        assert_eq!(first["problem"]["place"]["line"], 5);
    }

    #[test]
    fn built_in_workflows_are_listed_shown_and_good() {
        let (_folder, setting) = setting();
        let (_, shown) = play(&setting, false, &WorkflowsCommand::List);
        assert!(shown.contains("review-fix") && shown.contains("built in"), "{shown}");
        let show = WorkflowsCommand::Show { name: "review-fix".to_owned(), source: false };
        let (done, shown) = play(&setting, false, &show);
        assert_eq!(done, Ok(0));
        assert!(shown.contains("reviewer") && shown.contains("⏸"), "{shown}");
    }

    #[test]
    fn promise_7_a_workspaces_own_workflows_count_only_once_it_is_trusted() {
        let (_folder, setting) = setting();
        let folder = setting.workspace.root.join(".callboard/workflows");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("mine.yaml"), BEGINNING.replace("NAME", "mine")).unwrap();
        let show = WorkflowsCommand::Show { name: "mine".to_owned(), source: false };
        assert!(play(&setting, false, &show).0.unwrap_err().message.contains("callboard trust"));
        Trust::new(&setting.places).grant(&setting.workspace).unwrap();
        assert_eq!(play(&setting, false, &show).0, Ok(0));
    }
}
