//! The texts of files in which findings have their places, by their hashes: what a file is compared with when it has changed.
//!
//! A folder of files that are named by what they hold, so writing one twice changes nothing, and none is ever another. It is
//! bounded; a text that is gone only makes following coarser.

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use sha2::{Digest as _, Sha256};

use crate::store::private;

/// How many texts are kept.
const KEPT: usize = 2_000;

/// A file longer than this is not followed, in bytes.
pub const MOST: u64 = 4 << 20;

/// The folder of texts.
#[derive(Debug, Clone)]
pub struct Texts {
    folder: PathBuf,
}

impl Texts {
    /// Names the folder; it is made with the first text.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps a text and returns its hash.
    pub fn put(&self, text: &str) -> io::Result<Arc<str>> {
        let hash = Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let path = self.folder.join(&hash);
        if !path.exists() {
            private::folder(&self.folder)?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(&path).map_err(|error| error.error)?;
            self.sweep();
        }
        Ok(hash.into())
    }

    /// Returns a text, where it is still there and still what its name says.
    pub fn get(&self, hash: &str) -> Option<String> {
        let is_name = hash.len() == 64 && hash.bytes().all(|it| it.is_ascii_hexdigit());
        let text = is_name.then(|| read(&self.folder.join(hash)))??;
        let found =
            Sha256::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        (found == hash).then_some(text)
    }

    /// Takes the oldest away where there are too many.
    fn sweep(&self) {
        let Ok(files) = fs::read_dir(&self.folder) else { return };
        let age = |it: &fs::DirEntry| it.metadata().and_then(|it| it.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        let mut files: Vec<_> = files.filter_map(Result::ok).map(|it| (age(&it), it.path())).collect();
        if files.len() > KEPT {
            files.sort_unstable();
            for (_, path) in files.iter().take(files.len() - KEPT * 9 / 10) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// Reads a file of the workspace as text; none that a link leads out to, that is too long, or that is no text.
pub fn read_inside(root: &Path, path: &str) -> Option<String> {
    let real = fs::canonicalize(root.join(path)).ok().filter(|it| it.starts_with(root))?;
    read(&real)
}

fn read(path: &Path) -> Option<String> {
    let file = File::open(path).ok()?;
    let data = file.metadata().ok()?;
    if !data.is_file() || data.len() > MOST {
        return None;
    }
    let mut text = String::new();
    file.take(MOST + 1).read_to_string(&mut text).ok()?;
    (text.len() as u64 <= MOST).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_by_its_hash_and_only_as_it_was() {
        let temp = tempfile::tempdir().unwrap();
        let texts = Texts::new(temp.path().join("texts"));
        let hash = texts.put("one\n").unwrap();
        assert_eq!(texts.put("one\n").unwrap(), hash);
        assert_eq!(texts.get(&hash).as_deref(), Some("one\n"));
        assert_eq!(texts.get("../../etc/passwd"), None);
        fs::write(temp.path().join("texts").join(&*hash), "two\n").unwrap();
        assert_eq!(texts.get(&hash), None, "it was changed by somebody");
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let temp = tempfile::tempdir().unwrap();
        let texts = Texts::new(temp.path().to_path_buf());
        let first = texts.put("first").unwrap();
        let old = SystemTime::UNIX_EPOCH;
        File::options().write(true).open(temp.path().join(&*first)).unwrap().set_modified(old).unwrap();
        for it in 0..KEPT {
            fs::write(temp.path().join(format!("{it}")), "").unwrap();
        }
        let last = texts.put("last").unwrap();
        assert_eq!((texts.get(&first), texts.get(&last).as_deref()), (None, Some("last")));
    }
}
