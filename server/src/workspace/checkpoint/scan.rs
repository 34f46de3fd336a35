//! Brings the shadow index up to the work tree: what changed, what is new, what is left out and why.
//!
//! Git says what changed by its stat cache; each such path is looked at here before git reads it, so that links are never
//! followed and no bound is passed.

use std::{
    collections::HashMap,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::FileTypeExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{Access, access};

use super::{CheckpointError, LeftOut, Store, path_of, shown};
use crate::store::private;

/// From how many files on they are written into one pack, as large files are: a file and a sync for each would take ten
/// times as long. An older git would make a pack for each.
const MANY: usize = 200;

/// How long reading what changed may take: the first time that is everything.
const LONGEST: Duration = Duration::from_secs(300);

/// Copies what the user's repository excludes beside its `.gitignore` files.
pub fn exclude(store: &Store) -> Result<(), CheckpointError> {
    let mark = store.root.join(".git");
    let path = match fs::symlink_metadata(&mark) {
        Ok(it) if it.is_dir() => Some(mark.join("info/exclude")),
        // A linked work tree has its excludes in the repository that it belongs to.
        Ok(_) => {
            let asked = store.git.call(&store.root).run(&["rev-parse", "--git-path", "info/exclude"]);
            asked.ok().map(|it| store.root.join(it.text().trim_end_matches('\n')))
        }
        Err(_) => None,
    };
    let wanted = path.and_then(|it| fs::read(it).ok()).unwrap_or_default();
    let own = store.dir.join("info/exclude");
    if fs::read(&own).unwrap_or_default() != wanted {
        private::replace(&own, &wanted).map_err(|source| store.io("copying what is excluded", source))?;
    }
    Ok(())
}

/// Brings the index up to date. Returns what it had to leave out.
pub fn update(store: &Store) -> Result<Vec<LeftOut>, CheckpointError> {
    let index = store.index.clone();
    let mut options = vec!["ls-files", "-z", "-t", "--others", "--modified", "--exclude-standard"];
    options.extend(store.outside.iter().flat_map(|it| ["-x", it.as_str()]));
    let listed = store.shadow().index(&index).run(&options)?.stdout;
    let mut look = Look { store, parents: HashMap::new(), add: Vec::new(), remove: Vec::new(), left_out: Vec::new() };
    let mut fresh = Vec::new();
    for item in listed.split(|it| *it == 0).filter(|it| it.len() > 2) {
        match (&item[..2], &item[2..]) {
            (b"? ", path) => fresh.push(path.to_vec()),
            (_, path) => look.at(path, true),
        }
    }
    fresh.extend(tracked_though_ignored(store));
    let room = if fresh.is_empty() { 0 } else { store.bounds.files.saturating_sub(count(store, &index)?) };
    for (number, path) in fresh.iter().enumerate() {
        if number < room {
            look.at(path, false);
        } else {
            look.leave(path, "there are more files than a checkpoint takes");
        }
    }
    let Look { add, remove, left_out, .. } = look;
    if !remove.is_empty() {
        let options = ["update-index", "-z", "--force-remove", "--stdin"];
        store.shadow().index(&index).input(remove).run(&options)?;
    }
    if !add.is_empty() {
        let mut call = store.shadow().index(&index).time(LONGEST);
        if add.iter().filter(|it| **it == 0).nth(MANY).is_some() && store.git.version() >= (2, 37) {
            call = call.setting("core.bigFileThreshold=1");
        }
        call.input(add).run(&["update-index", "-z", "--add", "--remove", "--replace", "--stdin"])?;
    }
    Ok(left_out)
}

/// Returns how many files the index has, for the bound.
fn count(store: &Store, index: &Path) -> Result<usize, CheckpointError> {
    if !index.exists() {
        return Ok(0);
    }
    let listed = store.shadow().index(index).run(&["ls-files", "-z"])?.stdout;
    Ok(listed.split(|it| *it == 0).filter(|it| !it.is_empty()).count())
}

/// Returns what the user's repository has under version control although a pattern ignores it: it is not ignored then.
fn tracked_though_ignored(store: &Store) -> Vec<Vec<u8>> {
    // A worktree's index began with all that the checkpoint has.
    if store.is_worktree || !store.root.join(".git").exists() {
        return Vec::new();
    }
    // Where the repository can't be read (it is another user's, or broken) nothing of it counts.
    let asked = store.git.call(&store.root).run(&["ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]);
    let listed = asked.map(|it| it.stdout).unwrap_or_default();
    let paths = listed.split(|it| *it == 0).filter(|it| !it.is_empty());
    paths
        .filter(|it| fs::symlink_metadata(store.root.join(path_of(it))).is_ok_and(|it| !it.is_dir()))
        .map(<[u8]>::to_vec)
        .collect()
}

struct Look<'s> {
    store: &'s Store,
    /// Whether a folder, from the root, is one without a link on the way.
    parents: HashMap<PathBuf, bool>,
    add: Vec<u8>,
    remove: Vec<u8>,
    left_out: Vec<LeftOut>,
}

impl Look<'_> {
    /// Sorts a path to where it belongs. `known` says that the index has it.
    fn at(&mut self, bytes: &[u8], known: bool) {
        if bytes.ends_with(b"/") {
            // A repository in the work tree, or a submodule: its own git takes care of it.
            return self.leave(bytes, "it is a repository of its own");
        }
        let path = path_of(bytes);
        if !self.is_inside(path.parent().unwrap_or(Path::new(""))) {
            return self.drop_entry(bytes, known);
        }
        let full = self.store.root.join(&path);
        let Ok(found) = fs::symlink_metadata(&full) else { return self.drop_entry(bytes, known) };
        let kind = found.file_type();
        if kind.is_symlink() {
            push(&mut self.add, bytes);
        } else if !kind.is_file() {
            self.drop_entry(bytes, known);
            if kind.is_fifo() || kind.is_socket() || kind.is_block_device() || kind.is_char_device() {
                self.leave(bytes, "it is no file");
            }
        } else if found.len() > self.store.bounds.file_bytes {
            self.drop_entry(bytes, known);
            self.leave(bytes, "it is too large");
        } else if access(&full, Access::READ_OK).is_err() {
            self.drop_entry(bytes, known);
            self.leave(bytes, "it can't be read");
        } else {
            push(&mut self.add, bytes);
        }
    }

    fn drop_entry(&mut self, bytes: &[u8], known: bool) {
        if known {
            push(&mut self.remove, bytes);
        }
    }

    fn leave(&mut self, bytes: &[u8], why: &'static str) {
        self.left_out.push(LeftOut { path: shown(&path_of(bytes)), why });
    }

    /// Returns whether a folder can be reached from the root without following a link.
    fn is_inside(&mut self, folder: &Path) -> bool {
        if folder.as_os_str().as_bytes().is_empty() {
            return true;
        }
        if let Some(known) = self.parents.get(folder) {
            return *known;
        }
        let above = self.is_inside(folder.parent().unwrap_or(Path::new("")));
        let is = above && fs::symlink_metadata(self.store.root.join(folder)).is_ok_and(|it| it.is_dir());
        self.parents.insert(folder.to_owned(), is);
        is
    }
}

fn push(list: &mut Vec<u8>, path: &[u8]) {
    list.extend_from_slice(path);
    list.push(0);
}
