//! Makefiles: the target for the purpose, judged by its exit code and by what compilers print.

use super::super::{
    Trouble,
    child::Ran,
    files::Files as _,
    parse::{Base, Tally, compiler},
    project::{Project, Purpose, make_target, makefile},
    remark::{Fix, Remark},
    shop::{Echo, Shop},
    text,
};
use crate::finding::{FindingDraft, Severity};

/// Runs `make lint`.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Vec<Remark>>, Trouble> {
    let Some(target) = target(shop, project, Purpose::Lint) else { return Ok(None) };
    let (ran, mut remarks) = run(shop, project, target)?;
    if ran.code != Some(0) && !remarks.iter().any(|it| it.draft.severity.is_material()) {
        remarks.push(Remark {
            draft: FindingDraft {
                id: None,
                place: None,
                severity: Severity::Error,
                code: Some("make".to_owned()),
                text: format!("`make {target}` ended with {}: {}", ran.how(), ran.complaint()),
                suggestion: None,
                excerpt: None,
            },
            fix: Fix::None,
        });
    }
    Ok(Some(remarks))
}

/// Runs `make test`. It counts as one test, since a makefile does not say how many it is.
pub fn test(shop: &mut Shop<'_>, project: &Project) -> Result<Option<Tally>, Trouble> {
    let Some(target) = target(shop, project, Purpose::Tests) else { return Ok(None) };
    let (ran, remarks) = run(shop, project, target)?;
    let mut tally = Tally::default();
    if ran.code == Some(0) {
        tally.passed = 1;
        return Ok(Some(tally));
    }
    for it in remarks.into_iter().filter(|it| it.draft.severity == Severity::Error).take(100) {
        tally.fail("build", it.draft.place, &it.draft.text);
    }
    if tally.failed == 0 {
        let said = text::tail(&text::plain(&(ran.stdout.clone() + &ran.stderr)), 3_000);
        tally.fail(format!("make {target}"), None, &format!("it ended with {}:\n{said}", ran.how()));
    }
    Ok(Some(tally))
}

fn target(shop: &Shop<'_>, project: &Project, purpose: Purpose) -> Option<&'static str> {
    let text = shop.files.read(&makefile(&shop.files, &project.dir)?)?;
    make_target(&text, purpose)
}

fn run(shop: &mut Shop<'_>, project: &Project, target: &str) -> Result<(Ran, Vec<Remark>), Trouble> {
    let make = shop.program("make", "install it with the system's build tools")?;
    let ran = shop.run(&project.dir, &make, &[target], Echo::All)?;
    let root = shop.root.to_string_lossy().into_owned();
    let base = Base { root: &root, dir: &project.dir };
    let mut remarks = compiler::read(&ran.stderr, "make", base);
    remarks.extend(compiler::read(&ran.stdout, "make", base));
    Ok((ran, remarks))
}
