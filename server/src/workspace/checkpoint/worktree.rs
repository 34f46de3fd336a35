//! Worktrees: folders in the state folder that are made from a checkpoint, for work that is to be merged back when it is done.
//!
//! They are checked out of the shadow directory, so uncommitted and untracked files are in them and no repository is needed.
//! Where the workspace is a repository the folder is one as well, a private one that borrows the user's objects: `git log` and
//! `git diff` work there, and nothing that is done there is written to the user's.
//!
//! Invariant: a link is never followed on the way of a copy, and nothing outside the worktree's own folder is written.

use std::{
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt as _, symlink},
    },
    path::{Component, Path, PathBuf},
    time::Duration,
};

use super::{CheckpointError, LeftOut, Store, path_of, shown};
use crate::store::private;

/// How long writing all files of a worktree may take.
const LONGEST: Duration = Duration::from_secs(300);

/// How many files, and how many bytes of them, are copied beside the checkpoint.
const MOST_COPIED: (usize, u64) = (50_000, 1 << 30);

/// What a worktree is set up with beside the checkpoint: paths from the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// Files and folders that are copied.
    pub copy: Vec<String>,
    /// Files and folders that are linked: what is written there is written to the developer's own.
    pub link: Vec<String>,
}

/// A worktree's folder: the one that holds it, and the work tree in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name among the pinned trees, such as `w3`.
    pub name: String,
    /// The folder that is the worktree's alone.
    pub home: PathBuf,
    /// The work tree in it, which is called as the workspace is.
    pub tree: PathBuf,
}

impl Place {
    /// Returns the place of a worktree below the folder of all of them.
    pub fn new(worktrees: &Path, name: &str, workspace: &str) -> Self {
        let home = worktrees.join(name);
        Self { name: name.to_owned(), tree: home.join(workspace), home }
    }
}

impl Store {
    /// Returns a view of the store on a worktree.
    #[must_use]
    pub fn of_worktree(&self, place: &Place, setup: &Setup) -> Self {
        let outside = setup.copy.iter().chain(&setup.link).filter_map(|it| clean(it)).map(|it| pattern(&it)).collect();
        Self {
            git: self.git.clone(),
            dir: self.dir.clone(),
            root: place.tree.clone(),
            index: place.home.join("index"),
            is_worktree: true,
            outside,
            bounds: self.bounds,
            taking: std::sync::Arc::clone(&self.taking),
        }
    }

    /// Makes a worktree of a checkpoint; what was in its place goes. Returns what could not be set up, and why.
    pub fn make_worktree(&self, place: &Place, tree: &str, setup: &Setup) -> Result<Vec<LeftOut>, CheckpointError> {
        self.need(tree)?;
        let io = |source| self.io("making the worktree's folder", source);
        clear(&place.home).map_err(io)?;
        private::folder(&place.home).and_then(|()| fs::create_dir(&place.tree)).map_err(io)?;
        self.pin(&place.name, tree)?;
        let view = self.of_worktree(place, setup);
        view.shadow().index(&view.index).run(&["read-tree", tree])?;
        let write = ["checkout-index", "--all", "--force", "--index", "--quiet"];
        view.shadow().index(&view.index).time(LONGEST).run(&write)?;
        let mut notes = Vec::new();
        if self.root.join(".git").exists()
            && let Err(error) = self.borrow_repository(&view)
        {
            let _ = clear(&place.tree.join(".git"));
            tracing::info!(%error, "A worktree has no repository of its own.");
            notes.push(LeftOut { path: ".git".to_owned(), why: "git can't be used in the worktree" });
        }
        self.set_up(place, setup, &mut notes);
        Ok(notes)
    }

    /// Makes the worktree a repository that stands where the user's does.
    fn borrow_repository(&self, view: &Store) -> Result<(), CheckpointError> {
        let ask =
            |args: &[&str]| self.git.call(&self.root).run(args).map(|it| it.text().trim_end_matches('\n').to_owned());
        let format = ask(&["rev-parse", "--show-object-format"])?;
        let objects = self.root.join(ask(&["rev-parse", "--git-path", "objects"])?);
        let shallow = self.root.join(ask(&["rev-parse", "--git-path", "shallow"])?);
        let head = self.git.call(&self.root).run_any(&["rev-parse", "--quiet", "--verify", "HEAD^{commit}"])?;
        let git = view.root.join(".git");
        let format = format!("--object-format={format}");
        self.git.call(&view.root).run(&["init", "--quiet", &format, "."])?;
        let written = (|| {
            let mut alternates = objects.as_os_str().as_bytes().to_vec();
            alternates.push(b'\n');
            fs::create_dir_all(git.join("objects/info"))?;
            fs::write(git.join("objects/info/alternates"), alternates)?;
            fs::create_dir_all(git.join("info"))?;
            let mut excluded = fs::read(self.dir.join("info/exclude")).unwrap_or_default();
            for it in &view.outside {
                excluded.extend_from_slice(format!("\n{it}").as_bytes());
            }
            fs::write(git.join("info/exclude"), excluded)?;
            if shallow.is_file() {
                fs::copy(&shallow, git.join("shallow"))?;
            }
            Ok(())
        })();
        written.map_err(|source| self.io("making the worktree a repository", source))?;
        if head.code == Some(0) {
            let head = head.text().trim().to_owned();
            let own =
                |args: &[&str]| self.git.call(&view.root).git_dir(&git).work_tree(&view.root).time(LONGEST).run(args);
            own(&["update-ref", "HEAD", &head])?;
            own(&["read-tree", "HEAD"])?;
            // What differs from the commit is the developer's own, and is told as such; that is no failure.
            let refresh = self.git.call(&view.root).git_dir(&git).work_tree(&view.root).time(LONGEST);
            refresh.run_any(&["update-index", "-q", "--refresh"])?;
        }
        Ok(())
    }

    fn set_up(&self, place: &Place, setup: &Setup, notes: &mut Vec<LeftOut>) {
        let mut room = MOST_COPIED;
        for (named, is_link) in setup.copy.iter().map(|it| (it, false)).chain(setup.link.iter().map(|it| (it, true))) {
            let why = match clean(named) {
                None => Some("a path like this is never copied"),
                Some(path) => self.bring_along(place, &path, is_link, &mut room),
            };
            if let Some(why) = why {
                notes.push(LeftOut { path: named.clone(), why });
            }
        }
    }

    /// Copies or links one path. Returns why not, where it could not.
    fn bring_along(&self, place: &Place, path: &Path, is_link: bool, room: &mut (usize, u64)) -> Option<&'static str> {
        let (from, to) = (self.root.join(path), place.tree.join(path));
        let above = path.parent().unwrap_or(Path::new(""));
        let no_links = |root: &Path| above.ancestors().all(|it| !root.join(it).is_symlink());
        if !no_links(&self.root) || !no_links(&place.tree) {
            return Some("a link is on the way to it");
        }
        if fs::symlink_metadata(&from).is_err() {
            // A link to what is not installed here is no loss; a copy of what is not there may be a slip of the finger.
            return (!is_link).then_some("it is not there");
        }
        if fs::symlink_metadata(&to).is_ok() {
            return Some("the checkpoint has it already");
        }
        let made = to
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| if is_link { symlink(&from, &to) } else { copy(&from, &to, room) });
        match made {
            Ok(()) => None,
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Some("there is too much of it to copy; link it")
            }
            Err(error) => {
                tracing::warn!(%error, path = %from.display(), "A file was not brought along to a worktree.");
                Some("the system refused it")
            }
        }
    }

    /// Removes a worktree with all that is in it.
    pub fn remove_worktree(&self, place: &Place) -> Result<(), CheckpointError> {
        clear(&place.home).map_err(|source| self.io("removing the worktree's folder", source))?;
        self.unpin(&place.name)
    }
}

/// Returns a path from the root as one of plain names, where it is that.
fn clean(named: &str) -> Option<PathBuf> {
    let path = path_of(named.trim_end_matches('/').as_bytes());
    let plain = |it: Component<'_>| matches!(it, Component::Normal(name) if !name.eq_ignore_ascii_case(".git"));
    let parts: Vec<Component<'_>> = path.components().filter(|it| *it != Component::CurDir).collect();
    (!parts.is_empty() && parts.iter().all(|it| plain(*it))).then(|| parts.iter().collect())
}

/// Returns the pattern that means this path alone.
fn pattern(path: &Path) -> String {
    let mut text = "/".to_owned();
    for it in shown(path).chars() {
        if matches!(it, '*' | '?' | '[' | ']' | '\\' | ' ') {
            text.push('\\');
        }
        text.push(it);
    }
    text
}

/// Copies a file, a link as the link that it is, or a folder with all that is in it.
fn copy(from: &Path, to: &Path, room: &mut (usize, u64)) -> io::Result<()> {
    let mut left = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = left.pop() {
        let found = fs::symlink_metadata(&from)?;
        let full = || io::Error::from(io::ErrorKind::FileTooLarge);
        room.0 = room.0.checked_sub(1).ok_or_else(full)?;
        if found.is_symlink() {
            symlink(fs::read_link(&from)?, &to)?;
        } else if found.is_dir() {
            fs::create_dir(&to)?;
            for entry in fs::read_dir(&from)? {
                let entry = entry?;
                left.push((entry.path(), to.join(entry.file_name())));
            }
        } else if found.is_file() {
            room.1 = room.1.checked_sub(found.len()).ok_or_else(full)?;
            fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

/// Removes a folder with all that is in it, folders that may not be written too: package caches are made of those.
fn clear(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(_) => {}
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if !fs::symlink_metadata(&folder).is_ok_and(|it| it.is_dir()) {
            continue;
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
        for entry in fs::read_dir(&folder)?.filter_map(Result::ok) {
            if entry.file_type().is_ok_and(|it| it.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    fs::remove_dir_all(folder)
}
