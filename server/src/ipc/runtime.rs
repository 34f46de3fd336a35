//! The names of a hub's files in the runtime folder. The folder itself is made and checked by `config.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    config::{Places, PlacesError, Workspace},
    protocol::PROTOCOL,
};

/// The names of a hub's files: `p<protocol>-<workspace>.<kind>`.
#[derive(Debug, Clone)]
pub struct Names {
    dir: PathBuf,
    id: String,
    protocol: u32,
    places: Option<Places>,
}

impl Names {
    /// Returns a workspace's names. Makes and checks the runtime folder.
    #[cfg(unix)]
    pub fn of(places: &Places, workspace: &Workspace) -> Result<Self, PlacesError> {
        let dir = places.runtime_dir()?;
        Ok(Self { places: Some(places.clone()), ..Self::within(&dir, &workspace.id) })
    }

    /// Returns the names in a folder that is known to be safe.
    pub fn within(dir: &Path, workspace: &str) -> Self {
        Self { dir: dir.to_owned(), id: workspace.to_owned(), protocol: PROTOCOL, places: None }
    }

    /// Makes the folder again where it was removed, and checks it again.
    #[cfg(unix)]
    pub fn restore_dir(&self) -> std::io::Result<()> {
        match self.places.as_ref().map(Places::runtime_dir) {
            Some(Err(err)) => Err(std::io::Error::other(err)),
            Some(Ok(dir)) if dir != self.dir => {
                Err(std::io::Error::other(format!("the runtime folder is {} now", dir.display())))
            }
            _ => Ok(()),
        }
    }

    /// The folder that they are in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The socket: there only when the hub is ready.
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    /// The socket's name while it is made.
    pub fn new_socket(&self) -> PathBuf {
        self.file("new")
    }

    /// The lock that the hub holds while it lives, with its pid.
    pub fn lock(&self) -> PathBuf {
        self.file("lock")
    }

    /// The lock that a client holds while it starts a hub.
    pub fn spawn_lock(&self) -> PathBuf {
        self.file("spawn")
    }

    /// The token that a client must know.
    pub fn token(&self) -> PathBuf {
        self.file("tok")
    }

    /// What the hub says of itself, for people and for tools.
    pub fn info(&self) -> PathBuf {
        self.file("json")
    }

    /// What the hub logs.
    pub fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// Returns the names that this workspace's hubs of other protocols use here.
    pub fn of_other_protocols(&self) -> Vec<(u32, Self)> {
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        let end = format!("-{}.lock", self.id);
        entries
            .filter_map(|it| it.ok()?.file_name().into_string().ok())
            .filter_map(|it| it.strip_prefix('p')?.strip_suffix(&end)?.parse().ok())
            .filter(|it| *it != self.protocol)
            .map(|protocol| (protocol, Self { protocol, ..self.clone() }))
            .collect()
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.dir.join(format!("p{}-{}.{kind}", self.protocol, self.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_protocol_is_in_the_names() {
        let temp = tempfile::tempdir().unwrap();
        let names = Names::within(temp.path(), "0123456789ab");
        assert!(names.socket().ends_with(format!("p{PROTOCOL}-0123456789ab.sock")));
        fs::write(names.dir().join("p7-0123456789ab.lock"), "").unwrap();
        fs::write(names.dir().join("p8-ffffffffffff.lock"), "").unwrap();
        fs::write(names.lock(), "").unwrap();
        let others = names.of_other_protocols();
        assert_eq!(others.iter().map(|it| it.0).collect::<Vec<_>>(), [7]);
        assert!(others[0].1.lock().ends_with("p7-0123456789ab.lock"));
    }

    #[test]
    fn every_name_fits_a_socket() {
        let temp = tempfile::tempdir().unwrap();
        let names = Names { protocol: 99_999, ..Names::within(temp.path(), "0123456789ab") };
        for path in [names.socket(), names.new_socket(), names.spawn_lock()] {
            assert!(path.file_name().unwrap().len() <= crate::config::LONGEST_RUNTIME_NAME, "{}", path.display());
        }
    }
}
