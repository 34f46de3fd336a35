//! Where workflows come from: compiled in, the user's folder, the workspace's own.
//!
//! Later ones stand in for earlier ones of the same name, and say so. Invariant: nothing in a workspace is read before its
//! user has trusted it (promise 7), and nothing there is read through a link, which could lead out of it.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{Loaded, load_among, parse::MOST_BYTES, plan::Category, problem::suggest};
use crate::ids::is_name;

/// The workflows that are compiled in: name and text.
pub const BUILT_IN: [(&str, &str); 10] = [
    ("build-feature", include_str!("../../../templates/build-feature.yaml")),
    ("build-test", include_str!("../../../templates/build-test.yaml")),
    ("document-changes", include_str!("../../../templates/document-changes.yaml")),
    ("investigate-fix", include_str!("../../../templates/investigate-fix.yaml")),
    ("parallel-specialists", include_str!("../../../templates/parallel-specialists.yaml")),
    ("refactor-verify", include_str!("../../../templates/refactor-verify.yaml")),
    ("review-file", include_str!("../../../templates/review-file.yaml")),
    ("review-fix", include_str!("../../../templates/review-fix.yaml")),
    ("review-panel", include_str!("../../../templates/review-panel.yaml")),
    ("write-tests", include_str!("../../../templates/write-tests.yaml")),
];

/// Where a workspace keeps its own workflows.
pub const WORKSPACE_FOLDER: &str = ".callboard/workflows";

/// The most files that one folder is asked for.
const MOST_FILES: usize = 500;

/// The workflows that can be run here. Folders are read anew at each question, so a saved file is there at once.
#[derive(Debug, Clone, Default)]
pub struct Library {
    user: Option<PathBuf>,
    workspace: Option<PathBuf>,
    /// Whether there is a workspace that is not trusted.
    untrusted: bool,
}

/// Where a workflow was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "from", content = "path", rename_all = "camelCase")]
pub enum Origin {
    /// It is compiled in.
    BuiltIn,
    /// The user's folder.
    User(PathBuf),
    /// The workspace's own folder.
    Workspace(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::User(path) => write!(f, "{} (yours)", path.display()),
            Self::Workspace(path) => write!(f, "{} (of this workspace)", path.display()),
        }
    }
}

/// A workflow in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// What it is run by.
    pub name: String,
    /// One line for people; the name where the file gives none.
    pub title: String,
    /// Its shelf.
    pub category: Category,
    /// Where it comes from.
    pub source: Origin,
    /// What it stands in for, where an earlier one has its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hides: Option<Origin>,
    /// Whether it has errors and can't be run.
    pub broken: bool,
}

/// A workflow's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What it is run by.
    pub name: String,
    /// The file's text.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
    /// What it stands in for, where an earlier one has its name.
    pub hides: Option<Origin>,
}

/// Why a workflow was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LibraryError {
    /// No workflow has this name.
    #[error("there is no workflow {name:?}; {mend}")]
    Unknown {
        /// The name.
        name: String,
        /// What to do.
        mend: String,
    },
    /// Its file can't be read.
    #[error("the workflow {name} can't be read from {path}: {why}")]
    Unreadable {
        /// The name.
        name: String,
        /// The file.
        path: String,
        /// What the system said, or which bound it breaks.
        why: String,
    },
}

impl Library {
    /// Makes a library of what is compiled in and the user's folder, where there is one.
    pub fn new(user: Option<PathBuf>) -> Self {
        Self { user, workspace: None, untrusted: false }
    }

    /// Adds a workspace's own workflows. Where the workspace is not trusted they are not read; a question for a name that
    /// is nowhere else says so.
    #[must_use]
    pub fn with_workspace(mut self, root: &Path, trusted: bool) -> Self {
        self.workspace = trusted.then(|| root.to_owned());
        self.untrusted = !trusted;
        self
    }

    /// Returns the workflows by shelf and name.
    pub fn list(&self) -> Vec<Listed> {
        let mut all: Vec<Listed> = self.origins().into_iter().map(|(name, found)| self.listed(name, found)).collect();
        all.sort_by(|a, b| (a.category, &a.name).cmp(&(b.category, &b.name)));
        all
    }

    /// Returns a workflow's text.
    pub fn find(&self, name: &str) -> Result<Source, LibraryError> {
        let mut all = self.origins();
        let Some(mut found) = all.remove(name) else {
            let mut mend =
                suggest(name, all.keys().map(String::as_str), "`callboard workflows list` shows what there is");
            if self.untrusted {
                mend += " (the workspace's own workflows are not read before you trust it: `callboard trust`)";
            }
            return Err(LibraryError::Unknown { name: name.to_owned(), mend });
        };
        let (origin, hides) = (found.pop().unwrap_or(Origin::BuiltIn), found.pop());
        Ok(Source { text: read(name, &origin)?, name: name.to_owned(), origin, hides })
    }

    /// Reads and checks a workflow's text; it may do any workflow of the library.
    pub fn load(&self, name: &str, text: &str) -> Loaded {
        load_among(name, text, &|name| self.find(name).map(|it| it.text).map_err(|it| it.to_string()))
    }

    /// Describes a workflow that was found in these places, the one that counts last.
    fn listed(&self, name: String, mut found: Vec<Origin>) -> Listed {
        let (source, hides) = (found.pop().unwrap_or(Origin::BuiltIn), found.pop());
        let loaded = read(&name, &source).ok().map(|text| self.load(&name, &text));
        let file = loaded.as_ref().and_then(|it| it.file.as_ref());
        let plan = loaded.as_ref().and_then(|it| it.plan.as_ref());
        let title = file.and_then(|it| it.title.as_ref()).map(|it| it.value.trim()).filter(|it| !it.is_empty());
        Listed {
            title: title.unwrap_or(&name).chars().take(200).collect(),
            category: plan.map(|it| it.category).unwrap_or_default(),
            broken: plan.is_none(),
            name,
            source,
            hides,
        }
    }

    /// Returns, for each name, where it was found, the one that counts last.
    fn origins(&self) -> BTreeMap<String, Vec<Origin>> {
        let mut all: BTreeMap<String, Vec<Origin>> = BTreeMap::new();
        for (name, _) in BUILT_IN {
            all.entry(name.to_owned()).or_default().push(Origin::BuiltIn);
        }
        for (name, path) in self.user.iter().flat_map(|it| files(it, true)) {
            all.entry(name).or_default().push(Origin::User(path));
        }
        for (name, path) in self.workspace.iter().flat_map(|it| workspace_files(it)) {
            all.entry(name).or_default().push(Origin::Workspace(path));
        }
        all
    }
}

/// Returns the workflows of a workspace, unless the folder is a link.
fn workspace_files(root: &Path) -> Vec<(String, PathBuf)> {
    let mut folder = root.to_owned();
    for part in Path::new(WORKSPACE_FOLDER) {
        folder.push(part);
        if !fs::symlink_metadata(&folder).is_ok_and(|it| it.is_dir()) {
            return Vec::new();
        }
    }
    files(&folder, false)
}

/// Returns the workflows of a folder, by name. A folder that is not there has none; `.yaml` counts before `.yml`.
fn files(folder: &Path, links: bool) -> Vec<(String, PathBuf)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in entries.take(MOST_FILES).filter_map(Result::ok).map(|it| it.path()) {
        let (Some(name), Some(ending)) = (path.file_stem().and_then(|it| it.to_str()), path.extension()) else {
            continue;
        };
        let data = if links { fs::metadata(&path) } else { fs::symlink_metadata(&path) };
        if !is_name(name) || !(ending == "yaml" || ending == "yml") || !data.is_ok_and(|it| it.is_file()) {
            continue;
        }
        if ending == "yaml" || !found.contains_key(name) {
            found.insert(name.to_owned(), path);
        }
    }
    found.into_iter().collect()
}

fn read(name: &str, origin: &Origin) -> Result<String, LibraryError> {
    let path = match origin {
        Origin::BuiltIn => {
            let text = BUILT_IN.iter().find(|it| it.0 == name).map_or("", |it| it.1);
            return Ok(text.to_owned());
        }
        Origin::User(path) | Origin::Workspace(path) => path,
    };
    let unreadable =
        |why: String| LibraryError::Unreadable { name: name.to_owned(), path: path.display().to_string(), why };
    // One byte more than there may be, so that a larger file is told from one that just fits.
    let mut text = String::new();
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let file = open(path, matches!(origin, Origin::User(_))).map_err(|it| unreadable(it.to_string()))?;
    file.take(most + 1).read_to_string(&mut text).map_err(|it| unreadable(it.to_string()))?;
    if text.len() > MOST_BYTES {
        return Err(unreadable(format!("it has more than {MOST_BYTES} bytes; split the workflow")));
    }
    Ok(text)
}

#[cfg(unix)]
fn open(path: &Path, links: bool) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    // A file that was swapped for a pipe must not hang its reader, nor one swapped for a link lead it out.
    let mut flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    if !links {
        flags |= rustix::fs::OFlags::NOFOLLOW;
    }
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    options.read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path, _links: bool) -> io::Result<fs::File> {
    fs::File::open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINE: &str = "title: Mine\ncategory: test\nsteps:\n  - { id: tests, tool: tests }\n";

    fn write(folder: &Path, name: &str, text: &str) {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join(name), text).expect("a file");
    }

    #[test]
    fn built_in_workflows_are_listed_by_shelf_and_can_be_run() {
        let list = Library::default().list();
        let names: Vec<&str> = list.iter().map(|it| it.name.as_str()).collect();
        let review = ["review-file", "review-fix", "review-panel"];
        let build = ["build-feature", "parallel-specialists", "refactor-verify"];
        let rest = ["build-test", "write-tests", "document-changes", "investigate-fix"];
        assert_eq!(names, [&review[..], &build, &rest].concat());
        assert!(list.iter().all(|it| !it.broken && it.source == Origin::BuiltIn && it.hides.is_none()));
        assert_eq!(list[1].title, "Review–fix loop");
    }

    #[test]
    fn later_folders_stand_in_for_earlier_ones_and_say_so() {
        let (user, root) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let own = root.path().join(WORKSPACE_FOLDER);
        write(user.path(), "review-file.yaml", MINE);
        write(user.path(), "mine.yml", MINE);
        write(user.path(), "Not A Name.yaml", MINE);
        write(user.path(), "notes.md", "no workflow");
        write(&own, "review-file.yml", MINE);
        write(&own, "broken.yaml", "steps: 3");
        let library = Library::new(Some(user.path().to_owned())).with_workspace(root.path(), true);
        let found = library.find("review-file").expect("found");
        assert_eq!(found.origin, Origin::Workspace(own.join("review-file.yml")));
        assert_eq!(found.hides, Some(Origin::User(user.path().join("review-file.yaml"))));
        assert_eq!(found.text, MINE);
        let list = library.list();
        let names = list.iter().map(|it| it.name.as_str());
        let those: Vec<&str> =
            names.filter(|it| ["review-fix", "build-test", "mine", "review-file", "broken"].contains(it)).collect();
        assert_eq!(those, ["review-fix", "build-test", "mine", "review-file", "broken"]);
        assert!(list.iter().all(|it| it.broken == (it.name == "broken")));
    }

    #[test]
    fn an_unknown_name_gets_the_nearest() {
        let error = Library::default().find("reviewfix").expect_err("unknown");
        assert_eq!(error.to_string(), "there is no workflow \"reviewfix\"; did you mean `review-fix`?");
        assert!(Library::default().find("../../etc/passwd").is_err());
        let whole = Library::default().find("deploy-moon").expect_err("unknown").to_string();
        assert!(whole.contains("`review-file`"), "{whole}");
    }

    /// Promise 7: a repository has no vote on its own trust.
    #[test]
    fn a_workspace_that_is_not_trusted_is_not_read() {
        let root = tempfile::tempdir().expect("a folder");
        write(&root.path().join(WORKSPACE_FOLDER), "review-file.yaml", MINE);
        write(&root.path().join(WORKSPACE_FOLDER), "evil.yaml", MINE);
        let library = Library::new(None).with_workspace(root.path(), false);
        assert_eq!(library.find("review-file").expect("found").origin, Origin::BuiltIn);
        assert!(library.find("evil").expect_err("unknown").to_string().contains("callboard trust"));
        assert_eq!(library.list().len(), BUILT_IN.len());
    }

    /// Promise 7, and security 14: a link in a workspace does not lead out of it.
    #[cfg(unix)]
    #[test]
    fn links_of_a_workspace_are_not_followed() {
        let (root, outside) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let own = root.path().join(WORKSPACE_FOLDER);
        write(outside.path(), "secret.yaml", MINE);
        fs::create_dir_all(&own).expect("a folder");
        std::os::unix::fs::symlink(outside.path().join("secret.yaml"), own.join("secret.yaml")).expect("a link");
        assert!(Library::new(None).with_workspace(root.path(), true).find("secret").is_err());
        let other = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(other.path().join(".callboard")).expect("a folder");
        std::os::unix::fs::symlink(outside.path(), other.path().join(WORKSPACE_FOLDER)).expect("a link");
        assert!(Library::new(None).with_workspace(other.path(), true).find("secret").is_err());
    }

    #[test]
    fn a_file_that_is_too_large_or_no_text_says_so() {
        let user = tempfile::tempdir().expect("a folder");
        write(user.path(), "large.yaml", &" ".repeat(MOST_BYTES + 1));
        fs::write(user.path().join("bytes.yaml"), [0xff, 0xfe, 0x00]).expect("a file");
        let library = Library::new(Some(user.path().to_owned()));
        assert!(library.find("large").expect_err("too large").to_string().contains("split the workflow"));
        assert!(library.find("bytes").expect_err("no text").to_string().contains("UTF-8"));
    }
}
