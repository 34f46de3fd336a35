//! Where a turn works: in the developer's own files, or in a worktree of its own and what that is set up with.

use super::{Checker, table::Table};
use crate::workflow::{
    file::{At, RoleFile, StepFile},
    plan::Isolation,
};

const ISOLATIONS: [(&str, bool); 2] = [("shared", false), ("worktree", true)];

/// How many paths are copied or linked.
const MOST_PATHS: usize = 50;

/// Checks what a role says of it for all its steps.
pub fn check_role(checker: &mut Checker<'_>, role: &RoleFile) {
    let is_tree = checker.choice(role.isolation.as_ref(), "isolation", &ISOLATIONS).unwrap_or(false);
    let reads = role.access.as_ref().is_none_or(|it| it.value == "read");
    if let (true, true, Some(at)) = (is_tree, reads, &role.isolation) {
        let message = "a role that may only read needs no worktree: there is nothing to merge back";
        checker.problems.error(&at.at, "read-only", message, "add `access: write`, or remove `isolation`");
    }
    paths(checker, &role.copy, &role.link, is_tree, role.isolation.is_some());
}

/// Returns the worktree of a step, where it is to have one: what the step says holds before what its role says.
pub fn of_step(checker: &mut Checker<'_>, table: &Table<'_>, step: &StepFile) -> Option<Isolation> {
    let role = step.role.as_ref().and_then(|it| table.roles.get(it.value.as_str())).copied();
    let own = checker.choice(step.isolation.as_ref(), "isolation", &ISOLATIONS);
    let of_role = role.and_then(|it| it.isolation.as_ref()).is_some_and(|it| it.value == "worktree");
    let is_tree = own.unwrap_or(of_role);
    let reads = step.access.as_ref().is_some_and(|it| it.value == "read")
        || role.is_some_and(|it| it.access.as_ref().is_none_or(|it| it.value == "read"));
    if let (Some(true), true, Some(at)) = (own, reads, &step.isolation) {
        let message = "it may only read, so it needs no worktree: there is nothing to merge back";
        checker.problems.error(&at.at, "read-only", message, "give its role `access: write`, or remove `isolation`");
    }
    paths(checker, &step.copy, &step.link, is_tree, true);
    let either = |own: &[At<String>], of_role: Option<&[At<String>]>| {
        let chosen = if own.is_empty() { of_role.unwrap_or_default() } else { own };
        chosen.iter().map(|it| it.value.clone()).collect()
    };
    is_tree.then(|| Isolation {
        copy: either(&step.copy, role.map(|it| it.copy.as_slice())),
        link: either(&step.link, role.map(|it| it.link.as_slice())),
    })
}

fn paths(checker: &mut Checker<'_>, copy: &[At<String>], link: &[At<String>], is_tree: bool, is_told: bool) {
    for (field, path) in copy.iter().map(|it| ("copy", it)).chain(link.iter().map(|it| ("link", it))) {
        if !is_tree && is_told {
            let message = format!("`{field}` sets a worktree up, and there is none");
            checker.problems.error(&path.at, "no-worktree", message, "add `isolation: worktree`, or remove it");
            return;
        }
        let text = path.value.trim_end_matches('/');
        let inside = !text.is_empty()
            && !text.starts_with(['/', '\\', '~'])
            && text.split(['/', '\\']).all(|it| !matches!(it, "" | "." | "..") && !it.eq_ignore_ascii_case(".git"));
        if !inside {
            let message = format!("{:?} is no path inside the workspace", path.value);
            let mend = "write a path from the workspace's root, such as `.env.test`";
            checker.problems.error(&path.at, "bad-path", message, mend);
        }
    }
    if let Some(more) = copy.iter().chain(link).nth(MOST_PATHS) {
        let message = format!("a worktree is set up with at most {MOST_PATHS} paths");
        checker.problems.error(&more.at, "too-many", message, "name the folders that they are in");
    }
}
