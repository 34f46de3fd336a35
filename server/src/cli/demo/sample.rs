//! The demo's two sample projects: a small Rust library with real faults, and a folder of notes for where there is no Rust.
//!
//! Only the projects are given. What is found in them, fixed and left is up to the tools that really run.

use std::{io, path::Path};

/// A file of a sample project.
#[derive(Debug, Clone, Copy)]
pub struct SampleFile {
    /// Where, from the project's folder.
    pub path: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// The Rust library: one fault that a test shows, two of style, one that no tool fixes by itself.
pub const RUST: &[SampleFile] = &[
    SampleFile { path: "Cargo.toml", text: include_str!("project/Cargo.toml.in") },
    SampleFile { path: "Cargo.lock", text: include_str!("project/Cargo.lock.in") },
    SampleFile { path: ".gitignore", text: include_str!("project/gitignore.in") },
    SampleFile { path: "src/lib.rs", text: include_str!("project/src/lib.rs.in") },
];

/// The notes: blanks at line ends, mixed line ends, a lost last line feed, and a conflict that only a person can settle.
pub const NOTES: &[SampleFile] = &[
    SampleFile {
        path: "README.md",
        text: "# Meter readings\n\nHow we read the meters, and who to call.   \n\n- Mondays: north side\n- Tuesdays: south side\t\n",
    },
    SampleFile {
        path: "notes/rounds.md",
        text: "# Rounds\r\n\nStart at the station.\r\nEnd at the depot before six.\n\n\n",
    },
    SampleFile {
        path: "notes/keys.md",
        text: "# Keys\n\n<<<<<<< ours\nThe spare key is with Ada.\n=======\nThe spare key is with Grace.\n>>>>>>> theirs\n",
    },
    SampleFile { path: "notes/phone.md", text: "# Phone numbers\n\nDepot: extension 12\nStation: extension 40" },
];

/// Writes a project into a folder.
pub fn write(project: &[SampleFile], folder: &Path) -> io::Result<()> {
    for file in project {
        let path = folder.join(file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, file.text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_written_whole_and_inside_its_folder() {
        for project in [RUST, NOTES] {
            let folder = tempfile::tempdir().unwrap();
            write(project, folder.path()).unwrap();
            for file in project {
                assert!(!file.path.contains(".."));
                assert_eq!(std::fs::read_to_string(folder.path().join(file.path)).unwrap(), file.text);
            }
        }
    }
}
