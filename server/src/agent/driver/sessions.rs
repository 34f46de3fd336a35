//! Which session of its program an agent goes on with, and the folder that is the agent's own.
//!
//! A small file beside what the program itself keeps, so that a hub that starts after a crash resumes. It is no promise:
//! where it is lost, or the program knows the session no more, a new one is begun.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Desk;
use crate::{
    ids::{AgentName, Timestamp},
    store::private,
};

/// The longest file that is read.
const LONGEST: u64 = 64 * 1024;

/// What is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The program's own id of it.
    pub(crate) session: String,
    /// When it was begun.
    pub(crate) begun: Timestamp,
}

/// Returns the folder for what an agent's program keeps.
pub(crate) fn folder(desk: &Desk) -> PathBuf {
    folder_in(&desk.parts.given.homes, &desk.agent)
}

/// Returns the folder for what an agent's program keeps, below the folder of all of them.
pub(crate) fn folder_in(homes: &Path, agent: &AgentName) -> PathBuf {
    homes.join(agent.as_str())
}

/// Returns the session that an agent goes on with.
pub(crate) fn known(desk: &Desk) -> Option<Known> {
    read(&folder(desk))
}

/// Returns the session that is noted in an agent's folder.
pub(crate) fn read(folder: &Path) -> Option<Known> {
    let mut text = String::new();
    let file = fs::File::open(folder.join("session.json")).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// Takes note of a session that an agent has begun.
pub(crate) fn is(desk: &Desk, session: &str) {
    let folder = folder(desk);
    let known = Known { session: session.to_owned(), begun: Timestamp::now() };
    let written = private::folder(&folder).and_then(|()| {
        let mut file = tempfile::NamedTempFile::new_in(&folder)?;
        serde_json::to_writer(&mut file, &known)?;
        file.flush()?;
        file.persist(folder.join("session.json")).map(drop).map_err(|it| it.error)
    });
    if let Err(error) = written {
        tracing::warn!(agent = desk.agent.as_str(), %error, "Its session is not remembered beyond this hub.");
    }
}

/// Forgets an agent's session.
pub(crate) fn lost(desk: &Desk) {
    let _ = fs::remove_file(folder(desk).join("session.json"));
}
