//! Which files an agent that may write changes without being asked.
//!
//! Pure: paths in, a word out. What a path really leads to is the checkpoints' to see; this decides only whether a person is
//! asked first.

use std::path::{Component, Path};

use crate::steering::{Steering, steers};

/// Returns whether a path is of an ordinary file inside a folder: not outside by `..`, and nothing that says what programs
/// do when somebody opens the folder.
pub(crate) fn is_plain_inside(folder: &Path, path: &str) -> bool {
    let path = Path::new(path);
    let whole = if path.is_absolute() { path.to_path_buf() } else { folder.join(path) };
    let Ok(rest) = whole.strip_prefix(folder) else { return false };
    let plain = |it: Component<'_>| matches!(it, Component::Normal(_));
    let is_asked_for = steers(rest).is_some_and(Steering::is_asked_for);
    rest.components().next().is_some() && rest.components().all(plain) && !is_asked_for
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_outside_or_steers_programs_is_asked_for() {
        let inside = |path: &str| is_plain_inside(Path::new("/ws"), path);
        for good in ["/ws/a", "src/a.rs", "/ws/.github/x"] {
            assert!(inside(good), "{good}");
        }
        for bad in [
            "/ws",
            "",
            "/etc/x",
            "/ws/../etc/x",
            "../x",
            "/ws/.git/hooks/x",
            "/ws/a/.GIT/config",
            ".codex/x",
            ".husky/x",
            ".gitattributes",
        ] {
            assert!(!inside(bad), "{bad}");
        }
    }
}
