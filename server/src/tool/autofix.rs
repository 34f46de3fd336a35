//! `@autofix`: applies the linter's own safe fixes, of the findings handed in and of nothing else.
//!
//! The linters' reports carry the edits of their fixes, so one way of applying serves them all, a finding that a person
//! struck stays as it is, and what breaks the code is taken back. What was fixed is what the linter no longer says.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Trouble,
    apply::apply,
    ecosystem,
    files::Files as _,
    lint,
    pairing::pair,
    project::{self, Kind, Purpose},
    remark::{Edit, Fix, Remark},
    shop::Shop,
    text,
};
use crate::{
    finding::{Declined, Finding, FindingDraft},
    outcome::ChangeResult,
};

/// How often fixes are applied together: one may wait for its neighbour, or call for another.
const ROUNDS: usize = 5;

/// How many are tried one by one, once a round of several broke the code.
const ALONE: usize = 20;

/// Fixes `findings`, or all that the linter says of `paths` where there are none.
pub fn run(shop: &mut Shop<'_>, paths: &[String], findings: &[Finding]) -> Result<ChangeResult, Trouble> {
    let scope = scope(paths, findings);
    let lint::Said { remarks: before, kinds } = lint::gather(shop, &scope)?;
    let drafts: Vec<&FindingDraft> = findings.iter().map(|it| &it.draft).collect();
    // Of each finding: the remark of now that it is, where the linter still makes it.
    let known = pair(&drafts, &before.iter().map(|it| &it.draft).collect::<Vec<_>>());
    let targets: Vec<usize> =
        if findings.is_empty() { (0..before.len()).collect() } else { known.iter().flatten().copied().collect() };

    let projects = project::find(&shop.files, &scope, Purpose::Lint);
    let fixable = targets.iter().any(|it| matches!(before[*it].fix, Fix::Edits(_)));
    let mut formatted = Vec::new();
    if fixable {
        formatted.extend(projects.into_iter().filter(|it| ecosystem::is_formatted(shop, it) == Some(true)));
    }
    let work = fix(shop, &scope, before, &targets)?;
    if !work.originals.is_empty() {
        for project in &formatted {
            ecosystem::format(shop, project)?;
        }
    }
    let result = report(shop, findings, &known, &kinds, &targets, &work);
    shop.say(&format!("autofix: {}", result.summary));
    Ok(result)
}

/// What was done, and what the linter says now.
struct Work {
    /// What the linter said before anything was done.
    before: Vec<Remark>,
    /// Of each of `before`: the same thing as it is said now, where it is.
    now: Vec<Option<Remark>>,
    /// The texts of the files that were written to, as they were.
    originals: BTreeMap<String, String>,
    /// Which of `before` had their fix applied.
    tried: BTreeSet<usize>,
    /// Which of `before` can't be fixed although they have a fix, and why.
    refused: BTreeMap<usize, String>,
}

/// Returns what is to be linted: the files that the findings speak of, or the paths where there are no findings.
fn scope(paths: &[String], findings: &[Finding]) -> Vec<String> {
    if findings.is_empty() {
        return paths.to_vec();
    }
    if findings.iter().any(|it| it.draft.place.is_none()) {
        return Vec::new();
    }
    let files: BTreeSet<String> =
        findings.iter().filter_map(|it| Some(it.draft.place.as_ref()?.path.clone())).collect();
    files.into_iter().filter(|it| text::normal("", it).as_deref() == Some(it)).collect()
}

fn fix(shop: &mut Shop<'_>, scope: &[String], before: Vec<Remark>, targets: &[usize]) -> Result<Work, Trouble> {
    let now = before.iter().cloned().map(Some).collect();
    let mut work = Work { before, now, originals: BTreeMap::new(), tried: BTreeSet::new(), refused: BTreeMap::new() };
    let loud = std::mem::replace(&mut shop.loud, false);
    let done = rounds(shop, scope, targets, &mut work);
    shop.loud = loud;
    done.map(|()| work)
}

fn rounds(shop: &mut Shop<'_>, scope: &[String], targets: &[usize], work: &mut Work) -> Result<(), Trouble> {
    refuse_shared(targets, work);
    let mut alone = false;
    for round in 0..ROUNDS + ALONE {
        let is_open = |it: &usize| !work.refused.contains_key(it) && edits(work.now[*it].as_ref()).is_some();
        let mut candidates: Vec<usize> = targets.iter().copied().filter(is_open).collect();
        if alone {
            candidates.retain(|it| !work.tried.contains(it));
            candidates.truncate(1);
        } else if round >= ROUNDS {
            return Ok(());
        }
        let groups: Vec<&[Edit]> = candidates.iter().filter_map(|it| edits(work.now[*it].as_ref())).collect();
        let applied = apply(&groups, &|it| shop.files.read(it));
        if applied.texts.is_empty() {
            return Ok(());
        }
        let chosen: Vec<usize> = applied.groups.iter().map(|it| candidates[*it]).collect();
        let previous = write(shop, &applied.texts, &mut work.originals)?;
        let after = match lint::gather(shop, scope) {
            Ok(after) => after.remarks,
            Err(why) => {
                put_back(shop, &previous)?;
                return Err(why);
            }
        };
        if let Some(error) = new_error(&work.before, &after) {
            shop.say(&format!("taken back, because it broke the code: {}", lint::line(&error)));
            put_back(shop, &previous)?;
            if let [one] = chosen.as_slice() {
                let why =
                    format!("its fix was tried and taken back, because it broke the code: {}", lint::line(&error));
                work.refused.insert(*one, why);
            }
            alone = true;
            continue;
        }
        work.tried.extend(chosen);
        // All that was said before takes part, so that a twin elsewhere is not taken for the target.
        let olds: Vec<&FindingDraft> = work.before.iter().map(|it| &it.draft).collect();
        let pairs = pair(&olds, &after.iter().map(|it| &it.draft).collect::<Vec<_>>());
        work.now = pairs.into_iter().map(|it| it.map(|at| after[at].clone())).collect();
    }
    Ok(())
}

/// Refuses fixes that are, to the letter, also those of something that was not handed in: it would be fixed as well.
fn refuse_shared(targets: &[usize], work: &mut Work) {
    let targets: BTreeSet<usize> = targets.iter().copied().collect();
    for target in &targets {
        let Some(wanted) = edits(Some(&work.before[*target])) else { continue };
        let mut others = work.before.iter().enumerate().filter(|(index, _)| !targets.contains(index));
        if let Some((_, other)) = others.find(|(_, it)| edits(Some(it)) == Some(wanted)) {
            let why =
                format!("its fix would also fix another finding that was not handed in: {}", lint::line(&other.draft));
            work.refused.insert(*target, why);
        }
    }
}

/// Writes texts, and returns what stood there; the first text of each file is kept in `originals`.
fn write(
    shop: &mut Shop<'_>,
    texts: &BTreeMap<String, String>,
    originals: &mut BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, Trouble> {
    let mut previous = BTreeMap::new();
    for (path, text) in texts {
        let old = shop.files.read(path).unwrap_or_default();
        shop.files.replace(path, text).map_err(|why| Trouble::Broken(format!("{path} can't be written: {why}")))?;
        shop.say(&format!("changed {path}"));
        originals.entry(path.clone()).or_insert_with(|| old.clone());
        previous.insert(path.clone(), old);
    }
    Ok(previous)
}

fn edits(remark: Option<&Remark>) -> Option<&[Edit]> {
    match &remark?.fix {
        Fix::Edits(edits) => Some(edits),
        Fix::None | Fix::Unsafe => None,
    }
}

fn put_back(shop: &Shop<'_>, texts: &BTreeMap<String, String>) -> Result<(), Trouble> {
    for (path, text) in texts {
        shop.files.replace(path, text).map_err(|why| {
            Trouble::Broken(format!(
                "{path} holds a fix that does not work and can't be put back: {why}; undo the step"
            ))
        })?;
    }
    Ok(())
}

/// Returns an error that the linter did not report before: a fix broke the code.
fn new_error(before: &[Remark], after: &[Remark]) -> Option<FindingDraft> {
    let errors = |all: &[Remark]| -> Vec<FindingDraft> {
        all.iter().filter(|it| it.is_breakage()).map(|it| it.draft.clone()).collect()
    };
    let (olds, news) = (errors(before), errors(after));
    let pairs = pair(&olds.iter().collect::<Vec<_>>(), &news.iter().collect::<Vec<_>>());
    let matched: BTreeSet<usize> = pairs.into_iter().flatten().collect();
    news.into_iter().enumerate().find(|(index, _)| !matched.contains(index)).map(|(_, it)| it)
}

fn report(
    shop: &Shop<'_>,
    findings: &[Finding],
    known: &[Option<usize>],
    kinds: &[Kind],
    targets: &[usize],
    work: &Work,
) -> ChangeResult {
    let changed = |(path, old): (&String, &String)| (shop.files.read(path).as_ref() != Some(old)).then(|| path.clone());
    let mut result =
        ChangeResult { files: work.originals.iter().filter_map(changed).collect(), ..ChangeResult::default() };
    for (finding, known) in findings.iter().zip(known) {
        let reason = match known {
            Some(at) => work.now[*at]
                .as_ref()
                .map(|it| reason(it, work.tried.contains(at), work.refused.get(at).map(String::as_str))),
            None if is_known_to(kinds, &finding.draft) => None,
            None => Some("no linter of this project reports it, so there is no automatic fix for it".to_owned()),
        };
        match reason {
            None => result.fixed.push(finding.id),
            Some(reason) => result.declined.push(Declined { finding: finding.id, reason }),
        }
    }
    let left = targets.iter().filter(|it| work.now[**it].is_some()).count();
    let (fixed, declined) =
        if findings.is_empty() { (targets.len() - left, left) } else { (result.fixed.len(), result.declined.len()) };
    result.summary = match (fixed, declined) {
        (0, 0) => "there was nothing to fix".to_owned(),
        (fixed, declined) => {
            let files = text::count(result.files.len(), "file");
            format!("{fixed} fixed, {declined} declined; {files} changed")
        }
    };
    result
}

/// Returns why a remark is still there.
fn reason(remark: &Remark, tried: bool, refused: Option<&str>) -> String {
    let code = remark.draft.code.as_deref().unwrap_or("this");
    let linter = linter(code);
    match (&remark.fix, refused) {
        (_, Some(why)) => why.to_owned(),
        (Fix::None, _) => format!("{linter} has no automatic fix for {code}"),
        (Fix::Unsafe, _) => format!("{linter} has a suggestion for {code}, but does not call it safe to apply unseen"),
        (Fix::Edits(_), _) if tried => format!("{linter}'s fix for {code} was applied, and it still reports it"),
        (Fix::Edits(_), _) => format!("{linter}'s fix for {code} clashes with another fix on the same lines"),
    }
}

/// Returns what people call the linter that gives a code.
fn linter(code: &str) -> &str {
    match prefix(code) {
        "rustc" => "the compiler",
        "text" => "the text linter",
        "govet" | "go" => "go vet",
        it => it,
    }
}

fn prefix(code: &str) -> &str {
    code.split_once("::").map_or(code, |(tool, _)| tool)
}

/// Returns whether a finding is of a kind that the linters which ran would report: then its absence means that it is gone.
fn is_known_to(kinds: &[Kind], draft: &FindingDraft) -> bool {
    let kind = match draft.code.as_deref().map(prefix) {
        Some("clippy" | "rustc") => Kind::Rust,
        Some("eslint") => Kind::Node,
        Some("ruff") => Kind::Python,
        Some("govet" | "go" | "gofmt") => Kind::Go,
        Some("make") => Kind::Make,
        Some("text") => Kind::Plain,
        _ => return false,
    };
    let is_inside = |path: &String| text::normal("", path).as_ref() == Some(path);
    kinds.contains(&kind) && draft.place.as_ref().is_none_or(|it| is_inside(&it.path))
}
