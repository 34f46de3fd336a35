//! What is done to a call of git so that nothing in a repository, in the environment or in `PATH` can make it run a program.
//!
//! Data and pure functions, apart from looking for the program.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest version that takes configuration from `GIT_CONFIG_COUNT`, without which filters can't be turned off by name.
pub const OLDEST: (u32, u32) = (2, 31);

/// Settings that hold for every call, stronger than any file's.
pub const SETTINGS: &[&str] = &[
    // Programs that git runs by itself.
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.editor=false",
    "sequence.editor=false",
    "core.sshCommand=false",
    "core.askPass=",
    "core.alternateRefsCommand=",
    "credential.helper=",
    "diff.external=",
    "gpg.program=false",
    "gpg.ssh.program=false",
    "gpg.x509.program=false",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
    // Ways to other repositories and to the network.
    "safe.bareRepository=explicit",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "diff.ignoreSubmodules=all",
    "status.submoduleSummary=false",
    // Output that is the same for everybody.
    "core.quotePath=false",
    "color.ui=false",
    "diff.noprefix=false",
    "diff.mnemonicPrefix=false",
    "diff.renames=true",
    "diff.orderFile=/dev/null",
    "advice.detachedHead=false",
];

/// The commands that Callboard uses. Anything else is refused: git takes an unknown word for an alias, and an alias can be a shell
/// command. None of these talks to another repository, opens an editor or runs what a file names, with the settings above.
const ALLOWED: &[&str] = &[
    "add",
    "cat-file",
    "check-attr",
    "check-ignore",
    "checkout-index",
    "commit-tree",
    "config",
    "diff",
    "diff-files",
    "diff-index",
    "diff-tree",
    "for-each-ref",
    "hash-object",
    "init",
    "log",
    "ls-files",
    "ls-tree",
    "merge-base",
    "merge-file",
    "merge-tree",
    "mktree",
    "prune",
    "read-tree",
    "repack",
    "rev-list",
    "rev-parse",
    "show",
    "show-ref",
    "status",
    "symbolic-ref",
    "update-index",
    "update-ref",
    "version",
    "worktree",
    "write-tree",
];

/// What the call inherits. Everything else, all `GIT_*` among it, stays out.
const INHERITED: &[&str] = &["HOME", "XDG_CONFIG_HOME", "USER", "LOGNAME", "TMPDIR", "SYSTEMROOT"];

/// Returns whether a command may be run at all.
pub fn is_allowed(command: &str) -> bool {
    ALLOWED.binary_search(&command).is_ok()
}

/// Returns the first option that would undo what `flags_for` does. Git takes shortened options too, so their beginnings count.
pub fn option_that_runs_programs<'a>(args: &[&'a str]) -> Option<&'a str> {
    const RUN_PROGRAMS: &[&str] = &["--ext-diff", "--textconv", "--filters", "--show-signature"];
    let options = args.iter().take_while(|it| **it != "--");
    options.copied().find(|it| it.len() > 2 && RUN_PROGRAMS.iter().any(|whole| whole.starts_with(it)))
}

/// Returns whether a command looks at no repository's configuration.
pub fn reads_no_repository(command: &str) -> bool {
    matches!(command, "version" | "init")
}

/// Returns the flags that a command gets before all others.
pub fn flags_for(command: &str) -> &'static [&'static str] {
    match command {
        "diff" | "diff-files" | "diff-index" | "diff-tree" => {
            &["--no-ext-diff", "--no-textconv", "--ignore-submodules=all"]
        }
        "log" | "show" => &["--no-ext-diff", "--no-textconv", "--no-show-signature"],
        "status" => &["--ignore-submodules=all"],
        // No template: its hooks would be copied into the new repository.
        "init" => &["--template="],
        _ => &[],
    }
}

/// Returns the settings that turn off what can only be turned off by its name: filters, merge drivers and submodules, out of the
/// zero-separated names of all settings.
pub fn overrides_for(names: &[u8]) -> Vec<(String, &'static str)> {
    let mut overrides = Vec::new();
    for name in names.split(|it| *it == 0) {
        // Configuration is bytes; a name that is not UTF-8 can't be set by us, and git refuses it in attributes as well.
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let Some((section, rest)) = name.split_once('.') else { continue };
        let Some((driver, _)) = rest.rsplit_once('.') else { continue };
        match section {
            "filter" => {
                for key in ["clean", "smudge", "process"] {
                    overrides.push((format!("filter.{driver}.{key}"), ""));
                }
                overrides.push((format!("filter.{driver}.required"), "false"));
            }
            // A driver that always fails is a conflict, which a person sees.
            "merge" => overrides.push((format!("merge.{driver}.driver"), "false")),
            "submodule" => overrides.push((format!("submodule.{driver}.ignore"), "all")),
            _ => {}
        }
    }
    overrides.sort();
    overrides.dedup();
    overrides
}

/// Sets the whole environment of a call.
pub fn environment(git: &mut Command, path: &OsStr, ceiling: Option<&Path>, overrides: &[(String, &'static str)]) {
    git.env_clear();
    git.envs(INHERITED.iter().filter_map(|name| Some((name, env::var_os(name)?))));
    git.env("PATH", path)
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_ATTR_NOSYSTEM", "1")
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        // No protocol has this name, so none is allowed, in versions too that don't know the settings for it.
        .env("GIT_ALLOW_PROTOCOL", "none")
        .env("GIT_PAGER", "cat")
        .env("GIT_EDITOR", "false");
    if let Some(ceiling) = ceiling {
        git.env("GIT_CEILING_DIRECTORIES", ceiling);
    }
    // In the environment and not as `-c`: a name may have a `=` in it.
    git.env("GIT_CONFIG_COUNT", overrides.len().to_string());
    for (index, (key, value)) in overrides.iter().enumerate() {
        git.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
}

/// Returns a `PATH` with the folders that are absolute and really outside the workspace.
pub fn safe_path(path: &OsStr, root: &Path) -> OsString {
    let is_outside = |it: &PathBuf| it.is_absolute() && fs::canonicalize(it).is_ok_and(|it| !it.starts_with(root));
    env::join_paths(env::split_paths(path).filter(is_outside)).unwrap_or_default()
}

/// Finds a program in a `PATH`, and passes over one that is a link into the workspace.
pub fn program_in(path: &OsStr, name: &str, root: &Path) -> Option<PathBuf> {
    let is_program = |it: &PathBuf| {
        fs::canonicalize(it).is_ok_and(|real| {
            use std::os::unix::fs::PermissionsExt as _;
            let is_executable =
                fs::metadata(&real).is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0);
            is_executable && !real.starts_with(root)
        })
    };
    env::split_paths(path).map(|it| it.join(name)).find(is_program)
}

/// Returns the first two numbers of `git version 2.47.3`.
pub fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_commands_are_sorted_and_take_no_alias() {
        assert!(ALLOWED.is_sorted());
        assert!(is_allowed("status") && is_allowed("add") && is_allowed("write-tree"));
        for refused in ["", "st", "fetch", "-c", "--exec-path=x", "commit", "status "] {
            assert!(!is_allowed(refused), "{refused:?}");
        }
    }

    #[test]
    fn options_that_run_programs_are_found_in_full_or_shortened() {
        for args in [&["--ext-diff"][..], &["HEAD", "--textc"], &["--fil", "x"], &["--show-sig"]] {
            assert!(option_that_runs_programs(args).is_some(), "{args:?}");
        }
        for args in [&["HEAD"][..], &["--", "--textconv"], &["--no-textconv"], &["-p"], &["--stat"], &["--filter=x"]] {
            assert_eq!(option_that_runs_programs(args), None, "{args:?}");
        }
    }

    #[test]
    fn every_driver_is_overridden_by_its_exact_name() {
        let names = b"core.bare\0filter.a.b=c.clean\0filter.lfs.process\0filter.lfs.required\0merge.ours.driver\0merge.ff\0submodule.x.url\0\xff.y.z\0";
        let overrides = overrides_for(names);
        let keys: Vec<&str> = overrides.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "filter.a.b=c.clean",
                "filter.a.b=c.process",
                "filter.a.b=c.required",
                "filter.a.b=c.smudge",
                "filter.lfs.clean",
                "filter.lfs.process",
                "filter.lfs.required",
                "filter.lfs.smudge",
                "merge.ours.driver",
                "submodule.x.ignore",
            ]
        );
    }

    #[test]
    fn versions_are_told_apart() {
        assert_eq!(version_of("git version 2.47.3\n"), Some((2, 47)));
        assert_eq!(version_of("git version 2.50.1 (Apple Git-155)"), Some((2, 50)));
        assert_eq!(version_of("fit version 2.50.1"), None);
        assert!((2, 30) < OLDEST && (3, 0) > OLDEST);
    }
}
