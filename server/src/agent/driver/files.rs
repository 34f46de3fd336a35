//! The files through which an agent is given its request and gives its typed result.
//!
//! An agent can write anything there, so nothing is followed that is not an ordinary file, and nothing is read without a
//! bound.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::result::MAX_RESULT;
use crate::{agent::TurnRequest, ids::AgentName};

/// Returns where an agent's typed result goes: a folder for each, so that a sandbox can have that of one.
pub(crate) fn result_path(folder: &Path, agent: &AgentName) -> PathBuf {
    folder.join(agent.as_str()).join("result.json")
}

/// Returns where an agent's request is.
pub(crate) fn request_path(folder: &Path, agent: &AgentName) -> PathBuf {
    folder.join(agent.as_str()).join("request.json")
}

/// Returns where a program is told of Callboard's tools.
pub(crate) fn tools_path(folder: &Path, agent: &AgentName) -> PathBuf {
    folder.join(agent.as_str()).join("tools.json")
}

/// Writes JSON for its owner's eyes only.
pub(crate) fn write_private(path: &Path, json: &serde_json::Value) -> io::Result<()> {
    clear(path)?;
    let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
    serde_json::to_writer(&mut file, json)?;
    file.flush()?;
    file.persist(path).map_err(|err| err.error)?;
    Ok(())
}

/// Writes a request, for its owner's eyes only.
pub(crate) fn write_request(path: &Path, request: &TurnRequest) -> io::Result<()> {
    let json = serde_json::json!({
        "turn": request.turn,
        "agent": request.agent,
        "root": request.cwd,
        "paths": request.paths,
        "findings": request.findings,
        "expects": request.expects,
        "prompt": &*request.prompt,
    });
    write_private(path, &json)
}

/// Makes the folder, for its owner only, and takes away what an earlier turn left at `path`.
pub(crate) fn clear(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    match fs::remove_file(path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
        _ => Ok(()),
    }
}

/// Reads a result: nothing where there is none, a sentence where it can't be used.
pub(crate) fn read_result(path: &Path) -> Result<Option<String>, String> {
    let mut options = fs::File::options();
    options.read(true);
    #[cfg(unix)]
    {
        // A link could lead to a secret, a FIFO would never end.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.bits().cast_signed());
    }
    let file = match options.open(path) {
        Ok(file) => file,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(format!("the result's file can't be read: {err}; write an ordinary file there")),
    };
    if !file.metadata().is_ok_and(|it| it.is_file()) {
        return Err("the result's file is not an ordinary file; write one there".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_RESULT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|err| format!("the result's file can't be read: {err}"))?;
    if bytes.len() > MAX_RESULT {
        return Err(format!("the result's file is longer than {MAX_RESULT} bytes; say less"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| "the result's file is not UTF-8; write JSON as UTF-8".to_owned())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn only_an_ordinary_file_of_a_fair_size_is_read() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("sub/r.json");
        clear(&path).unwrap();
        assert_eq!(read_result(&path), Ok(None));
        fs::write(&path, "{}").unwrap();
        assert_eq!(read_result(&path), Ok(Some("{}".to_owned())));
        fs::write(&path, vec![b' '; MAX_RESULT + 1]).unwrap();
        assert!(read_result(&path).unwrap_err().contains("longer"));
        fs::write(&path, [0xff]).unwrap();
        assert!(read_result(&path).unwrap_err().contains("UTF-8"));
        clear(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(read_result(&path).is_err(), "a link was followed");
        clear(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        assert!(read_result(&path).is_err(), "a FIFO was read");
    }
}
