//! Go modules: `go vet`, gofmt, `go test`.

use std::path::PathBuf;

use super::{
    super::{
        Trouble,
        files::Files as _,
        parse::{Base, Tally, go},
        project::Project,
        remark::{Edit, Fix, Remark, Span},
        shop::{Echo, Shop},
        text,
    },
    arguments, broken, show,
};
use crate::finding::{FindingDraft, Place, Severity};

/// How many unformatted files are spoken of.
const MOST_FILES: usize = 50;

/// Runs `go vet`, and gofmt where it is installed.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Result<Vec<Remark>, Trouble> {
    let program = go_program(shop)?;
    // Depending on the version the JSON is on either stream.
    let ran = shop.run_with(&project.dir, &program, &["vet", "-json", "./..."], Echo::Err, &mut |_| None)?;
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &project.dir };
    let mut remarks = go::vet(&ran.stdout, base);
    remarks.extend(go::vet(&ran.stderr, base));
    if ran.code != Some(0) && remarks.is_empty() {
        return Err(broken("go vet", &ran));
    }
    remarks.extend(unformatted(shop, project)?);
    show(shop, &remarks);
    Ok(remarks)
}

/// Runs all tests of the module.
pub fn test(shop: &mut Shop<'_>, project: &Project) -> Result<Tally, Trouble> {
    let program = go_program(shop)?;
    let ran = shop.run_with(&project.dir, &program, &["test", "-json", "./..."], Echo::Err, &mut go::for_people)?;
    let manifest = shop.files.read(&text::join(&project.dir, "go.mod")).unwrap_or_default();
    let module = manifest.lines().find_map(|it| it.strip_prefix("module ")).map_or("", str::trim).to_owned();
    let dir_of = |package: &str| {
        let below = package.strip_prefix(&module).unwrap_or("").trim_start_matches('/');
        text::join(&project.dir, below)
    };
    let root = shop.root.to_string_lossy().into_owned();
    let mut tally = go::tests(&ran.stdout, Base { root: &root, dir: &project.dir }, &dir_of);
    if ran.code != Some(0) && tally.failed == 0 {
        if ran.stdout.trim().is_empty() {
            return Err(broken("go test", &ran));
        }
        tally.fail("go test", None, &format!("it ended with {}:\n{}", ran.how(), ran.complaint()));
    }
    Ok(tally)
}

/// Returns a remark on each file that gofmt would change, with what it would make of it.
fn unformatted(shop: &mut Shop<'_>, project: &Project) -> Result<Vec<Remark>, Trouble> {
    let Some(gofmt) = shop.find("gofmt") else { return Ok(Vec::new()) };
    let paths = arguments(project);
    let mut args = vec!["-l"];
    args.extend(paths.iter().map(String::as_str));
    let listed = shop.run(&project.dir, &gofmt, &args, Echo::Nothing)?;
    let mut remarks = Vec::new();
    for printed in listed.stdout.lines().take(MOST_FILES) {
        let Some(path) = shop.path_of(&project.dir, printed) else { continue };
        let formatted = shop.run(&project.dir, &gofmt, &[printed], Echo::Nothing)?;
        let edit = Edit { path: path.clone(), span: Span::All, text: formatted.stdout };
        let fix = if formatted.code == Some(0) { Fix::Edits(vec![edit]) } else { Fix::None };
        let place = Place { path, line: 1, column: 1, end_line: None, end_column: None };
        remarks.push(Remark {
            draft: FindingDraft {
                id: None,
                place: Some(place),
                severity: Severity::Hint,
                code: Some("gofmt::format".to_owned()),
                text: "gofmt would format this file otherwise".to_owned(),
                suggestion: Some("`gofmt -w` or an autofix step can do it".to_owned()),
                excerpt: None,
            },
            fix,
        });
    }
    Ok(remarks)
}

fn go_program(shop: &Shop<'_>) -> Result<PathBuf, Trouble> {
    shop.program("go", "install Go (https://go.dev) and start the hub again from a shell that has it")
}
