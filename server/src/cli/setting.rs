//! Where a command works: the user's folders, the workspace, the folder that paths are given from.

use std::path::{Path, PathBuf};

use super::{fail::Fail, run::Ground};
use crate::config::{Places, Workspace};

/// Where a command works.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The user's folders.
    pub places: Places,
    /// The workspace.
    pub workspace: Workspace,
    /// The folder that paths are given from: a real path.
    pub from: PathBuf,
}

impl Setting {
    /// Finds the workspace of `--workspace`, or of the current folder.
    pub fn find(folder: Option<&Path>) -> Result<Self, Fail> {
        let places = Places::from_env().map_err(|why| Fail::new("places", why.to_string()))?;
        let folder = match folder {
            Some(folder) => folder.to_owned(),
            None => std::env::current_dir()
                .map_err(|why| Fail::usage(format!("the current folder can't be used: {why}")))?,
        };
        if folder.is_file() {
            return Err(Fail::usage(format!("{} is a file; a workspace is a folder", folder.display()))
                .help("give the folder that it is in"));
        }
        let workspace = Workspace::find(&folder).map_err(|why| Fail::usage(why.to_string()))?;
        let from = folder.canonicalize().unwrap_or_else(|_| workspace.root.clone());
        Ok(Self { places, workspace, from })
    }

    /// Returns what paths of the command line are taken against.
    pub fn ground(&self) -> Ground {
        Ground { root: self.workspace.root.clone(), from: self.from.clone() }
    }

    /// Returns a search for programs on `PATH` that never finds one of the workspace (promise 7).
    pub fn programs(&self) -> impl Fn(&str) -> Option<PathBuf> + use<> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        crate::agent::catalog::program::finder(&path, &self.workspace.root)
    }
}
