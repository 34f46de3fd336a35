//! The workspace's folder as an editor names it: file addresses to paths from the root, and back.
//!
//! Invariant (security 10): only `file:` addresses inside the workspace come to a path, whatever they are written like.

use std::path::{Component, Path, PathBuf};

use tower_lsp::lsp_types::Url;

/// A workspace's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folder {
    /// The root, with no link in its path.
    root: PathBuf,
    /// The folder that the editor has open, as it says and as it really is, where the two differ: a link leads there.
    alias: Option<(PathBuf, PathBuf)>,
}

impl Folder {
    /// Makes a folder from its root. `opened` is the folder that the editor names; looks where that really is.
    pub fn new(root: PathBuf, opened: Option<PathBuf>) -> Self {
        let alias = opened.and_then(|it| Some((std::fs::canonicalize(&it).ok()?, it)));
        let alias =
            alias.filter(|(real, said)| real != said && real.starts_with(&root)).map(|(real, said)| (said, real));
        Self { root, alias }
    }

    /// Returns the path from the root, with `/` between its parts; `None` for what is not a file below the root.
    pub fn path(&self, uri: &Url) -> Option<String> {
        let path = plain(uri)?;
        let real = match &self.alias {
            Some((said, real)) => path.strip_prefix(said).map_or_else(|_| path.clone(), |rest| real.join(rest)),
            None => path,
        };
        let parts: Option<Vec<&str>> = real.strip_prefix(&self.root).ok()?.iter().map(|it| it.to_str()).collect();
        parts.filter(|it| !it.is_empty()).map(|it| it.join("/"))
    }

    /// The same of an address as text.
    pub fn path_said(&self, uri: &str) -> Option<String> {
        self.path(&Url::parse(uri).ok()?)
    }

    /// Returns the file's address as text; `None` for a path that leads out.
    pub fn uri_said(&self, path: &str) -> Option<String> {
        self.uri(path).map(String::from)
    }

    /// Returns the file's address as this editor writes it; `None` for a path that leads out.
    pub fn uri(&self, path: &str) -> Option<Url> {
        let inside = Path::new(path).components().all(|it| matches!(it, Component::Normal(_)));
        let real = self.root.join(path);
        let said = match &self.alias {
            Some((said, to)) => real.strip_prefix(to).map_or_else(|_| real.clone(), |rest| said.join(rest)),
            None => real,
        };
        if inside && !path.is_empty() { Url::from_file_path(said).ok() } else { None }
    }
}

/// Returns the absolute path of a file's address, where it is one and goes straight there.
pub fn plain(uri: &Url) -> Option<PathBuf> {
    let path = Some(uri).filter(|it| it.scheme() == "file").and_then(|it| it.to_file_path().ok())?;
    let straight =
        path.components().all(|it| matches!(it, Component::RootDir | Component::Prefix(_) | Component::Normal(_)));
    straight.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(folder: &Folder, uri: &str) -> Option<String> {
        Url::parse(uri).ok().and_then(|it| folder.path(&it))
    }

    /// Security 10: only files inside the workspace.
    #[test]
    fn only_files_inside_the_workspace_have_a_path() {
        let folder = Folder::new("/w/project".into(), None);
        assert_eq!(path(&folder, "file:///w/project/src/a%20b.rs").as_deref(), Some("src/a b.rs"));
        assert_eq!(path(&folder, "file://localhost/w/project/a").as_deref(), Some("a"));
        for bad in [
            "file:///w/project",
            "file:///w/project/",
            "file:///w/projects/a",
            "file:///w/project/../secret",
            "file:///w/project/%2e%2e/secret",
            "file:///w/project/%2e%2e%2fsecret",
            "file://host/w/project/a",
            "file:////?/w/project/a",
            "untitled:Untitled-1",
            "vscode-remote://host/w/project/a",
            "http://localhost/w/project/a",
            "command:callboard.trust",
        ] {
            assert_eq!(path(&folder, bad), None, "{bad}");
        }
        // A percent sign may come twice; what it stands for is a name, not a step.
        assert_eq!(path(&folder, "file:///w/project/%252e%252e/a").as_deref(), Some("%2e%2e/a"));
        for bad in ["../a", "/etc/passwd", "a/../../b", "", "./a"] {
            assert_eq!(folder.uri(bad), None, "{bad}");
        }
        assert_eq!(folder.uri("src/a b.rs").unwrap().as_str(), "file:///w/project/src/a%20b.rs");
    }

    #[cfg(unix)]
    #[test]
    fn an_editor_may_come_by_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let base = std::fs::canonicalize(temp.path()).unwrap();
        std::fs::create_dir_all(base.join("real/sub")).unwrap();
        std::os::unix::fs::symlink(base.join("real/sub"), base.join("link")).unwrap();
        let folder = Folder::new(base.join("real"), Some(base.join("link")));
        let said = Url::from_file_path(base.join("link/a.txt")).unwrap();
        assert_eq!(folder.path(&said).as_deref(), Some("sub/a.txt"));
        assert_eq!(folder.uri("sub/a.txt"), Some(said));
        assert_eq!(folder.uri("b.txt"), Url::from_file_path(base.join("real/b.txt")).ok());
    }
}
