//! Whether the user trusts a workspace: kept outside of it, and bound to what was trusted (promise 7, security rows 1 and 2).
//!
//! A grant holds for one folder, by its real path and its place on the disk, and for the bytes that the person was shown; it is
//! never a parent's, nor that of another work tree of the same repository. While there is none, nothing of the workspace is
//! opened.

use std::{collections::BTreeMap, fs, io, path::Path, path::PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::content::{self, ContentError, ContentFile};
use crate::{
    config::{Places, Workspace},
    ids::Timestamp,
    store::private,
};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// What agents read in a workspace on their own, and may act on: named in the report, never opened here.
const READ_BY_AGENTS: [&str; 16] = [
    "AGENTS.md",
    "AGENT.md",
    "CLAUDE.md",
    "CLAUDE.local.md",
    "GEMINI.md",
    ".agents",
    ".amp",
    ".claude",
    ".codex",
    ".cursor",
    ".env",
    ".gemini",
    ".github/copilot-instructions.md",
    ".mcp.json",
    ".opencode",
    "opencode.json",
];

/// Why trust could not be given, taken or used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// What the workspace configures can't be read safely.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// It is another than the person was shown.
    #[error("the workspace changed after it was shown: {}; look at it again with `callboard trust`", .what.join(", "))]
    ChangedMeanwhile {
        /// What is different.
        what: Vec<String>,
    },
    /// It is not trusted, or not any more.
    #[error("{root} is not trusted{}; look at what it configures with `callboard trust`", because(.what))]
    NotTrusted {
        /// The workspace.
        root: String,
        /// What changed since it was; empty where it never was.
        what: Vec<String>,
    },
    /// The system refused.
    #[error("{path} can't be used: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
}

/// How a workspace stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustStatus {
    /// The user has not trusted it.
    Untrusted,
    /// It is as the user trusted it.
    Trusted,
    /// It was trusted, and what it configures is another since. Nothing of it may be used until it is trusted again.
    Changed {
        /// What is different, each with its path: `changed .callboard/workflows/fix.yaml`.
        what: Vec<String>,
    },
}

/// What a person is shown before they trust a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TrustReport {
    /// The folder.
    pub root: PathBuf,
    /// The files with which the workspace configures Callboard, in the order of their paths.
    pub files: Vec<TrustedFile>,
    /// What Callboard would do here besides, a sentence each.
    pub would: Vec<String>,
    /// Files and folders that agents read in it on their own, which trust leaves to the agents' own prompts.
    pub read_by_agents: Vec<String>,
    /// SHA-256 in hex over all the files: what a grant is bound to.
    pub digest: String,
}

/// A file that a grant is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedFile {
    /// Its path from the root.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// Their SHA-256 in hex.
    pub sha256: String,
}

/// Where trust is kept.
#[derive(Debug, Clone)]
pub struct Trust {
    places: Places,
}

/// A grant as it is on disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grant {
    format: u32,
    /// The real path; its bytes in hex, as a path need not be text.
    root: String,
    device: u64,
    inode: u64,
    at: Timestamp,
    files: Vec<TrustedFile>,
}

impl Trust {
    /// Makes a view of the trust that is kept in these places.
    pub fn new(places: &Places) -> Self {
        Self { places: places.clone() }
    }

    /// Returns how a workspace stands. Without a grant no file of the workspace is opened, and no doubt is a yes: a grant
    /// that can't be read is none.
    pub fn status(&self, workspace: &Workspace) -> TrustStatus {
        match self.check(workspace) {
            Ok(_) => TrustStatus::Trusted,
            Err(TrustError::NotTrusted { what, .. }) if what.is_empty() => TrustStatus::Untrusted,
            Err(TrustError::NotTrusted { what, .. }) => TrustStatus::Changed { what },
            Err(error) => TrustStatus::Changed { what: vec![error.to_string()] },
        }
    }

    /// Returns the files with which a trusted workspace configures Callboard: the very bytes that were found to be the trusted
    /// ones. Invariant: configuration of a workspace is taken from here alone; to read a file again is to read another file.
    pub fn trusted_files(&self, workspace: &Workspace) -> Result<Vec<ContentFile>, TrustError> {
        self.check(workspace)
    }

    /// Returns what would be used if the workspace were trusted. Reads the workspace's `.callboard` folder, so it is for a person
    /// who asked; nothing in it is interpreted.
    #[allow(clippy::unused_self)]
    pub fn what_would_be_used(&self, workspace: &Workspace) -> Result<TrustReport, TrustError> {
        let files = listed(&content::read(workspace)?);
        let seen = READ_BY_AGENTS.iter().filter(|it| fs::symlink_metadata(workspace.root.join(it)).is_ok());
        Ok(TrustReport {
            root: workspace.root.clone(),
            digest: digest_of(&files),
            files,
            would: vec![
                "run the project's own test and lint commands, which run the project's code".to_owned(),
                "start the agents that you call, in this folder".to_owned(),
                "run git in this folder, with its hooks, filters and helpers turned off".to_owned(),
            ],
            read_by_agents: seen.map(|it| (*it).to_owned()).collect(),
        })
    }

    /// Trusts a workspace as it is now, and returns what that is. For a person's explicit word alone.
    pub fn grant(&self, workspace: &Workspace) -> Result<TrustReport, TrustError> {
        let report = self.what_would_be_used(workspace)?;
        self.keep(workspace, &report)?;
        Ok(report)
    }

    /// Trusts a workspace if it still is what the person was shown.
    pub fn grant_shown(&self, workspace: &Workspace, shown: &TrustReport) -> Result<(), TrustError> {
        let now = self.what_would_be_used(workspace)?;
        if now.digest != shown.digest || workspace.root != shown.root {
            return Err(TrustError::ChangedMeanwhile { what: differences(&shown.files, &now.files) });
        }
        self.keep(workspace, &now)
    }

    /// Takes trust back. A workspace that had none is left so.
    pub fn revoke(&self, workspace: &Workspace) -> Result<(), TrustError> {
        let path = self.places.trust_file(workspace);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(io_error(&path, source)),
            Err(_) => Ok(()),
            Ok(()) => {
                let folder = self.places.state_dir(workspace);
                private::sync_folder(&folder).map_err(|source| io_error(&folder, source))
            }
        }
    }

    fn check(&self, workspace: &Workspace) -> Result<Vec<ContentFile>, TrustError> {
        let not_trusted = |what| TrustError::NotTrusted { root: workspace.root.display().to_string(), what };
        let grant = self.grant_of(workspace).ok_or_else(|| not_trusted(Vec::new()))?;
        // From here on the user has trusted this very folder once, so looking into it is theirs to have wanted.
        let files = content::read(workspace)?;
        let now = listed(&files);
        if now == grant.files { Ok(files) } else { Err(not_trusted(differences(&grant.files, &now))) }
    }

    /// Returns the grant for this very folder, where there is one that can be believed.
    fn grant_of(&self, workspace: &Workspace) -> Option<Grant> {
        let text = fs::read_to_string(self.places.trust_file(workspace)).ok()?;
        let grant: Grant = serde_json::from_str(&text).ok()?;
        let (device, inode) = place_of(&workspace.root).ok()?;
        let is_this = grant.format == FORMAT
            && grant.root == hex(workspace.root.as_os_str().as_encoded_bytes())
            && (grant.device, grant.inode) == (device, inode);
        is_this.then_some(grant)
    }

    fn keep(&self, workspace: &Workspace, report: &TrustReport) -> Result<(), TrustError> {
        let state = self.places.state_dir(workspace);
        private::folder(&state).map_err(|source| io_error(&state, source))?;
        let (device, inode) = place_of(&workspace.root).map_err(|source| io_error(&workspace.root, source))?;
        let grant = Grant {
            format: FORMAT,
            root: hex(workspace.root.as_os_str().as_encoded_bytes()),
            device,
            inode,
            at: Timestamp::now(),
            files: report.files.clone(),
        };
        let path = self.places.trust_file(workspace);
        let text = serde_json::to_vec_pretty(&grant).map_err(|it| io_error(&path, it.into()))?;
        private::replace(&path, &text).map_err(|source| io_error(&path, source))
    }
}

/// Returns a folder's place on the disk. The path has no link in it, so this is the folder itself.
fn place_of(root: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = fs::symlink_metadata(root)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn listed(files: &[ContentFile]) -> Vec<TrustedFile> {
    files
        .iter()
        .map(|it| TrustedFile {
            path: it.path.clone(),
            size: it.bytes.len() as u64,
            sha256: hex(&Sha256::digest(&it.bytes)),
        })
        .collect()
}

/// Hashes paths and contents so that no two lists have the same bytes: each path ends with a zero, each hash has its length.
fn digest_of(files: &[TrustedFile]) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.path.as_bytes());
        hash.update([0]);
        hash.update(file.sha256.as_bytes());
    }
    hex(&hash.finalize())
}

fn differences(before: &[TrustedFile], now: &[TrustedFile]) -> Vec<String> {
    let by_path = |files: &[TrustedFile]| -> BTreeMap<String, String> {
        files.iter().map(|it| (it.path.clone(), it.sha256.clone())).collect()
    };
    let (before, now) = (by_path(before), by_path(now));
    let gone = before.keys().filter(|it| !now.contains_key(*it)).map(|it| format!("removed {it}"));
    let other = now.iter().filter_map(|(path, sha256)| match before.get(path) {
        None => Some(format!("added {path}")),
        Some(old) => (old != sha256).then(|| format!("changed {path}")),
    });
    other.chain(gone).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn because(what: &[String]) -> String {
    if what.is_empty() { String::new() } else { format!(" any more: {}", what.join(", ")) }
}

fn io_error(path: &Path, source: io::Error) -> TrustError {
    TrustError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests;
