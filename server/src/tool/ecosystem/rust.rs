//! Cargo: clippy, `cargo test`, rustfmt.

use std::path::PathBuf;

use super::{
    super::{
        Trouble,
        files::{self, Files as _},
        parse::{Base, Tally, cargo, libtest},
        project::Project,
        remark::Remark,
        shop::{Echo, Shop},
        text,
    },
    broken,
};
use crate::finding::Severity;

/// Runs clippy over all targets.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Result<Vec<Remark>, Trouble> {
    let cargo = cargo_program(shop)?;
    let base_dir = workspace_dir(shop, project, &cargo)?;
    let mut people = cargo::ForPeople::default();
    let ran = shop.run_with(
        &project.dir,
        &cargo,
        &arguments(shop, project, &["clippy", "--all-targets"]),
        Echo::Err,
        &mut |it| people.line(it),
    )?;
    if ran.stderr.contains("no such command: `clippy`") || ran.stderr.contains("'cargo-clippy' is not installed") {
        let advice = "add it with `rustup component add clippy`";
        return Err(Trouble::NotInstalled(format!("cargo has no `clippy` here; {advice}")));
    }
    let root = shop.root.to_string_lossy().into_owned();
    let remarks = cargo::read(&ran.stdout, Base { root: &root, dir: &base_dir });
    if ran.code != Some(0) && !remarks.iter().any(|it| it.draft.severity == Severity::Error) {
        return Err(broken("cargo clippy", &ran));
    }
    Ok(remarks)
}

/// Runs all tests: unit, integration and doc tests.
pub fn test(shop: &mut Shop<'_>, project: &Project) -> Result<Tally, Trouble> {
    let cargo = cargo_program(shop)?;
    let base_dir = workspace_dir(shop, project, &cargo)?;
    let mut people = cargo::ForPeople::default();
    let ran = shop.run_with(
        &project.dir,
        &cargo,
        &arguments(shop, project, &["test", "--no-fail-fast"]),
        Echo::Err,
        &mut |it| people.line(it),
    )?;
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &base_dir };
    let mut tally = Tally::default();
    let errors = cargo::read(&ran.stdout, base).into_iter().filter(|it| it.draft.severity == Severity::Error);
    let mut seen = Vec::new();
    for it in errors.filter(|_| ran.code != Some(0)) {
        // A library is compiled with and without its tests, and says the same twice.
        let key = (it.draft.place.clone(), it.draft.text.clone());
        if !seen.contains(&key) && seen.len() < 100 {
            tally.fail("build", it.draft.place, &it.draft.text);
            seen.push(key);
        }
    }
    let printed = ran.stdout.lines().filter(|it| !cargo::is_message(it)).fold(String::new(), |all, it| all + it + "\n");
    tally.add(libtest::read(&printed, base));
    find_places(shop, project, &mut tally);
    if ran.code != Some(0) && tally.failed == 0 {
        if ran.stdout.is_empty() {
            return Err(broken("cargo test", &ran));
        }
        tally.fail("cargo test", None, &format!("it ended with {}:\n{}", ran.how(), ran.complaint()));
    }
    Ok(tally)
}

/// Returns whether rustfmt would change nothing.
pub fn is_formatted(shop: &mut Shop<'_>, project: &Project) -> Option<bool> {
    let cargo = shop.find("cargo")?;
    let ran = shop.run(&project.dir, &cargo, &["fmt", "--check"], Echo::Nothing).ok()?;
    // Without rustfmt, or on a file that it can't read, it says so on standard error.
    Some(ran.code == Some(0))
}

/// Runs rustfmt.
pub fn format(shop: &mut Shop<'_>, project: &Project) -> Result<(), Trouble> {
    let cargo = cargo_program(shop)?;
    let ran = shop.run(&project.dir, &cargo, &["fmt"], Echo::All)?;
    if ran.code == Some(0) { Ok(()) } else { Err(broken("cargo fmt", &ran)) }
}

fn cargo_program(shop: &Shop<'_>) -> Result<PathBuf, Trouble> {
    shop.program("cargo", "install Rust (https://rustup.rs) and start the hub again from a shell that has it")
}

/// Puts a cargo command together: the whole workspace where the manifest has one, and JSON.
fn arguments<'a>(shop: &Shop<'_>, project: &Project, command: &[&'a str]) -> Vec<&'a str> {
    let mut args = command.to_vec();
    let manifest = shop.read(&text::join(&project.dir, "Cargo.toml")).unwrap_or_default();
    if manifest.lines().any(|it| it.trim().starts_with("[workspace")) {
        args.push("--workspace");
    }
    args.push(if shop.colour { "--message-format=json-diagnostic-rendered-ansi" } else { "--message-format=json" });
    args
}

/// Returns the folder that the compiler's paths start at: the cargo workspace's, from the root, or absolute where it is
/// above the root.
fn workspace_dir(shop: &mut Shop<'_>, project: &Project, cargo: &std::path::Path) -> Result<String, Trouble> {
    let args = ["locate-project", "--workspace", "--message-format", "plain"];
    let ran = shop.run(&project.dir, cargo, &args, Echo::Nothing)?;
    if ran.code != Some(0) {
        return Err(broken("cargo locate-project", &ran));
    }
    let manifest = ran.stdout.trim();
    Ok(match shop.path_of("", manifest) {
        Some(inside) => text::parent(&inside).to_owned(),
        None => text::parent(manifest).to_owned(),
    })
}

/// Gives failures without a place that of their test's function.
fn find_places(shop: &Shop<'_>, project: &Project, tally: &mut Tally) {
    if tally.failures.iter().all(|it| it.place.is_some()) {
        return;
    }
    let is_rust = |it: &str| std::path::Path::new(it).extension().is_some_and(|it| it == "rs");
    let paths = files::walk(&shop.files, &project.dir, 2_000, &is_rust);
    let texts: Vec<(String, String)> =
        paths.into_iter().filter_map(|it| Some((it.clone(), shop.files.read(&it)?))).collect();
    for failure in tally.failures.iter_mut().filter(|it| it.place.is_none() && it.name != "build") {
        failure.place =
            libtest::find_function(&failure.name, texts.iter().map(|(path, text)| (path.as_str(), text.as_str())));
    }
}
