//! What each kind of project is linted, tested and formatted with: one file a kind, behind three functions.

use super::{
    Trouble,
    child::Ran,
    parse::Tally,
    project::{Kind, Project},
    remark::Remark,
    shop::Shop,
};

mod go;
mod make;
mod node;
mod plain;
mod python;
mod rust;

/// Runs a project's linter; `None` where it has none. What it says of other paths may be among it.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Vec<Remark>>, Trouble> {
    match project.kind {
        Kind::Rust => rust::lint(shop, project).map(Some),
        Kind::Node => node::lint(shop, project),
        Kind::Python => python::lint(shop, project),
        Kind::Go => go::lint(shop, project).map(Some),
        Kind::Make => make::lint(shop, project),
        Kind::Plain => Ok(Some(plain::lint(shop, project))),
    }
}

/// Runs a project's tests; `None` where it has none.
pub fn test(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Tally>, Trouble> {
    match project.kind {
        Kind::Rust => rust::test(shop, project).map(Some),
        Kind::Node => node::test(shop, project),
        Kind::Python => python::test(shop, project).map(Some),
        Kind::Go => go::test(shop, project).map(Some),
        Kind::Make => make::test(shop, project),
        Kind::Plain => Ok(None),
    }
}

/// Returns whether a project's files all have the form that its formatter gives them; `None` where nobody can tell.
pub fn is_formatted(shop: &mut Shop<'_>, project: &Project) -> Option<bool> {
    match project.kind {
        Kind::Rust => rust::is_formatted(shop, project),
        _ => None,
    }
}

/// Formats a project whose files all were formatted before.
pub fn format(shop: &mut Shop<'_>, project: &Project) -> Result<(), Trouble> {
    match project.kind {
        Kind::Rust => rust::format(shop, project),
        _ => Ok(()),
    }
}

/// Shows people what a linter said whose own output is for programs.
fn show(shop: &mut Shop<'_>, remarks: &[Remark]) {
    const SHOWN: usize = 50;
    if !shop.loud {
        return;
    }
    for it in remarks.iter().take(SHOWN) {
        shop.say(&super::lint::line(&it.draft));
    }
    if remarks.len() > SHOWN {
        shop.say(&format!("… and {} more", remarks.len() - SHOWN));
    }
}

/// The error for a program that did not do its work at all.
fn broken(what: &str, ran: &Ran) -> Trouble {
    Trouble::Broken(format!(
        "{what} did not work ({}); run it in a shell to see more. It said: {}",
        ran.how(),
        ran.complaint()
    ))
}

/// Returns paths as a program run in a project's folder takes them; the folder itself where the whole is asked for.
fn arguments(project: &Project) -> Vec<String> {
    // Of a folder above the project, all of the project is asked for.
    let inside = |path: &String| match path.strip_prefix(&project.dir).map(|it| it.trim_start_matches('/')) {
        None | Some("") => ".".to_owned(),
        Some(rest) => format!("./{rest}"),
    };
    let mut paths: Vec<String> = project.paths.iter().map(inside).collect();
    if paths.is_empty() {
        paths.push(".".to_owned());
    }
    paths
}
