//! Folders and files that are the user's alone: 0700 and 0600, made so from the first moment, replaced whole or not at all.
//!
//! Knows paths and bytes, and nothing of what is in them.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Makes a folder, and those above it that are missing, for this user alone.
///
/// One that is there already is kept and tightened to 0700. Another user's folder is refused.
pub fn folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
        let metadata = fs::metadata(path)?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "{} belongs to another user; remove it, or set XDG_STATE_HOME to a folder of yours",
                    path.display()
                ),
            ));
        }
        if metadata.mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
        }
    }
    Ok(())
}

/// Makes a new empty file for this user alone. One that is there already is an error of kind `AlreadyExists`.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

/// Replaces a file's content at once and durably: readers, and a machine that loses power, see the old bytes or the new.
/// The file is 0600. Its folder must exist.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a file needs a folder"))?;
    // `tempfile` makes its files 0600 and removes them where anything below fails.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Makes the names in a folder durable, where the system has a way to.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn folders_and_files_are_the_users_alone() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        folder(&deep).unwrap();
        assert_eq!((mode(&dir.path().join("a")), mode(&deep)), (0o700, 0o700));
        fs::set_permissions(&deep, fs::Permissions::from_mode(0o755)).unwrap();
        folder(&deep).unwrap();
        assert_eq!(mode(&deep), 0o700);
        create_new(&deep.join("new")).unwrap();
        replace(&deep.join("replaced"), b"1").unwrap();
        replace(&deep.join("replaced"), b"2").unwrap();
        assert_eq!((mode(&deep.join("new")), mode(&deep.join("replaced"))), (0o600, 0o600));
        assert_eq!(fs::read(deep.join("replaced")).unwrap(), b"2");
        assert_eq!(fs::read_dir(&deep).unwrap().count(), 2, "no temporary file is left");
        assert_eq!(create_new(&deep.join("new")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }
}
