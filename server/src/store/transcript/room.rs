//! How much all transcripts of a workspace take together: the oldest go first, and the newest of each agent stays.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The bound where nobody gives one, in bytes of all transcripts of a workspace together.
pub const DEFAULT_TOTAL_BYTES: u64 = 2 << 30;

/// Removes the oldest transcripts of a folder until the rest takes no more than `most` bytes, and returns what went.
///
/// Invariant: the newest of each agent stays, whatever it takes, since its terminal may still be written. A transcript goes with all its
/// parts or not at all. Files with other names are left alone.
pub fn make_room(folder: &Path, most: u64) -> io::Result<Vec<PathBuf>> {
    let mut all: BTreeMap<(u64, String), (u64, Vec<PathBuf>)> = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((agent, started)) = name.to_str().and_then(whose) else { continue };
        let transcript = all.entry((started, agent.to_owned())).or_default();
        transcript.0 += entry.metadata()?.len();
        transcript.1.push(entry.path());
    }
    let newest: BTreeMap<String, u64> = all.keys().map(|(started, agent)| (agent.clone(), *started)).collect();
    let mut total: u64 = all.values().map(|it| it.0).sum();
    let mut gone = Vec::new();
    for ((started, agent), (bytes, mut parts)) in all {
        if total <= most {
            break;
        }
        if newest.get(&agent) == Some(&started) {
            continue;
        }
        // The first part last: without it nobody looks for the others.
        parts.sort_by_key(|it| it.as_os_str().len());
        for part in parts.into_iter().rev() {
            fs::remove_file(&part)?;
            gone.push(part);
        }
        total -= bytes;
    }
    Ok(gone)
}

/// Reads `claude-1700000000000.cast` or `claude-1700000000000.2.cast`.
fn whose(name: &str) -> Option<(&str, u64)> {
    let (agent, rest) = name.strip_suffix(".cast")?.rsplit_once('-')?;
    let started = rest.split_once('.').map_or(rest, |it| it.0);
    Some((agent, started.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_go_whole_and_the_newest_of_each_agent_stays() {
        let folder = tempfile::tempdir().unwrap();
        let files = [
            ("claude-100.cast", 10),
            ("claude-100.2.cast", 10),
            ("codex-2-50.cast", 30),
            ("claude-200.cast", 10),
            ("claude-300.cast", 40),
            ("notes.txt", 500),
            ("odd.cast", 500),
        ];
        for (name, bytes) in files {
            fs::write(folder.path().join(name), vec![b'x'; bytes]).unwrap();
        }
        assert_eq!(make_room(folder.path(), 100).unwrap(), [""; 0].map(PathBuf::from), "it fits");
        let gone = make_room(folder.path(), 85).unwrap();
        assert_eq!(gone, ["claude-100.2.cast", "claude-100.cast"].map(|it| folder.path().join(it)));
        make_room(folder.path(), 0).unwrap();
        assert_eq!(left(folder.path()), ["claude-300.cast", "codex-2-50.cast", "notes.txt", "odd.cast"]);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_and_an_empty_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(make_room(&folder.path().join("gone"), 0).is_err());
        assert!(make_room(folder.path(), 0).unwrap().is_empty());
    }
}
