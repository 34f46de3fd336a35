//! Any folder: the text linter over its files, in this process.

use super::{
    super::{
        files::{self, Files as _},
        plain,
        project::Project,
        remark::Remark,
        shop::Shop,
    },
    show,
};

/// How many files are looked at, and how many remarks are enough.
const MOST_FILES: usize = 5_000;
const ENOUGH: usize = 1_000;

/// Looks at the text of every file asked for; binary files and those that git would ignore by name are left out.
pub fn lint(shop: &mut Shop<'_>, project: &Project) -> Vec<Remark> {
    if shop.loud {
        shop.say("$ (the text linter: white space, line ends, conflict markers)");
    }
    let ignored = ignored(&shop.files.read(".gitignore").unwrap_or_default());
    let keep = |path: &str| !path.split('/').any(|it| ignored.iter().any(|name| name == it));
    let asked = if project.paths.is_empty() { vec![project.dir.clone()] } else { project.paths.clone() };
    let mut remarks = Vec::new();
    for path in asked {
        let paths =
            if shop.files.is_file(&path) { vec![path] } else { files::walk(&shop.files, &path, MOST_FILES, &keep) };
        for path in paths {
            let bytes = shop.files.bytes(&path).filter(|it| plain::is_text(it));
            if let Some(text) = bytes.and_then(|it| String::from_utf8(it).ok()) {
                remarks.extend(plain::check(&path, &text));
            }
            if remarks.len() >= ENOUGH {
                break;
            }
        }
    }
    show(shop, &remarks);
    remarks
}

/// Returns the plain names that a `.gitignore` leaves out; its patterns are not understood here.
fn ignored(text: &str) -> Vec<String> {
    let names = text.lines().map(|it| it.trim().trim_matches('/'));
    names.filter(|it| !it.is_empty() && !it.contains(['*', '?', '[', '!', '#', '/'])).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn plain_names_are_ignored() {
        assert_eq!(super::ignored("/target\n*.log\n# x\nout/\n!keep\n"), ["target", "out"]);
    }
}
