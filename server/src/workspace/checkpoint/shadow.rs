//! The shadow git directory itself: how it is made, which trees it keeps, and how what is no longer kept goes.
//!
//! Invariant: its objects are SHA-256, so that a file can be compared with a tree without asking git.

use std::{fs, io, path::Path, time::SystemTime};

use super::{CheckpointError, Store};
use crate::store::private;

/// What holds in the shadow directory whatever the user's own configuration says: bytes are kept as they are.
const CONFIG: &str = "[core]
\trepositoryformatversion = 1
\tbare = false
\tfileMode = true
\tsymlinks = true
\tignoreCase = false
\tautocrlf = false
\tsafecrlf = false
\tprotectNTFS = false
\tprotectHFS = false
\tsplitIndex = false
\tcompression = 1
\tbigFileThreshold = 64m
\tfsync = objects
\tfsyncMethod = batch
\tlogAllRefUpdates = false
[extensions]
\tobjectFormat = sha256
[index]
\tsparse = false
";

/// Stronger than any `.gitattributes` of the work tree: nothing is converted, and everything can be compared.
const ATTRIBUTES: &str = "* -text -ident -filter !eol !working-tree-encoding !diff !whitespace\n";

/// After how many checkpoints beyond the bound the oldest are cleared away.
const SLACK: usize = 50;

/// Makes the directory, or what is missing of it.
pub fn make(dir: &Path) -> io::Result<()> {
    private::folder(dir)?;
    for folder in ["objects/info", "objects/pack", "refs/heads", "refs/checkpoints", "refs/kept", "info"] {
        private::folder(&dir.join(folder))?;
    }
    for (name, text) in [("HEAD", "ref: refs/heads/none\n"), ("config", CONFIG), ("info/attributes", ATTRIBUTES)] {
        let path = dir.join(name);
        if fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            private::replace(&path, text.as_bytes())?;
        }
    }
    // Left by a git that was killed; the one hub of the workspace has the folder to itself.
    match fs::remove_file(dir.join("index.lock")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Keeps a tree, and clears away the oldest where there are too many.
pub fn keep(store: &Store, tree: &str) -> Result<(), CheckpointError> {
    let folder = store.dir.join("refs/checkpoints");
    private::replace(&folder.join(tree), format!("{tree}\n").as_bytes())
        .map_err(|source| store.io("keeping a checkpoint", source))?;
    let mut kept: Vec<(SystemTime, std::path::PathBuf)> = fs::read_dir(&folder)
        .map_err(|source| store.io("listing the checkpoints", source))?
        .filter_map(Result::ok)
        .filter_map(|it| Some((it.metadata().ok()?.modified().ok()?, it.path())))
        .collect();
    if kept.len() <= store.bounds.kept + SLACK.min(store.bounds.kept) {
        return Ok(());
    }
    kept.sort();
    let surplus = kept.len() - store.bounds.kept;
    for (_, path) in kept.into_iter().take(surplus) {
        fs::remove_file(&path).map_err(|source| store.io("clearing an old checkpoint away", source))?;
    }
    // The index still names what the last tree has, so nothing that is needed goes.
    store.shadow().index(&store.dir.join("index")).run(&["repack", "-a", "-d", "-q"])?;
    store.shadow().index(&store.dir.join("index")).run(&["prune", "--expire=now"])?;
    Ok(())
}

/// Keeps a tree for a worktree, however many checkpoints follow it.
pub fn pin(store: &Store, worktree: &str, tree: &str) -> Result<(), CheckpointError> {
    let folder = store.dir.join("refs/kept").join(worktree);
    private::folder(&folder)
        .and_then(|()| private::replace(&folder.join(tree), format!("{tree}\n").as_bytes()))
        .map_err(|source| store.io("keeping a worktree's tree", source))
}

/// Keeps nothing for a worktree any more.
pub fn unpin(store: &Store, worktree: &str) -> Result<(), CheckpointError> {
    match fs::remove_dir_all(store.dir.join("refs/kept").join(worktree)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(store.io("letting a worktree's trees go", error)),
        _ => Ok(()),
    }
}

/// Returns whether a worktree keeps a tree.
pub fn is_pinned(store: &Store, tree: &str) -> bool {
    let worktrees = fs::read_dir(store.dir.join("refs/kept")).into_iter().flatten().filter_map(Result::ok);
    worktrees.map(|it| it.path().join(tree)).any(|it| it.exists())
}
