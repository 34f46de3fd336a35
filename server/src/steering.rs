//! Files that steer programs: whoever opens the folder, commits, builds, tests or serves the repository has a program that reads
//! them and does what they say, long after the agent that wrote them has left (security row 19).
//!
//! Pure: a path in, a word out. No list is whole. It is a help for whoever looks at a change, and no wall.

use std::path::{Component, Path};

/// What a file steers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Steering {
    /// Git: its own folder, attributes that name filters, submodules.
    Git,
    /// Agents: their settings, their tools.
    Agents,
    /// Editors and shells that open the folder.
    Editors,
    /// What is run at each commit.
    Hooks,
    /// What is run where the repository is served.
    Ci,
    /// What is run by whoever builds or tests.
    Builds,
    /// What agents are told to do.
    Instructions,
}

use Steering::{Agents, Builds, Ci, Editors, Git, Hooks, Instructions};

/// Names, in small letters, of files and of folders with all that is in them.
const NAMES: &[(Steering, &[&str])] = &[
    (Git, &[".git", ".gitattributes", ".gitmodules"]),
    (Agents, &[".claude", ".codex", ".gemini", ".amp", ".cursor", ".windsurf", ".callboard", ".mcp.json"]),
    (
        Editors,
        &[".vscode", ".idea", ".zed", ".devcontainer", ".devcontainer.json", ".envrc", ".exrc", ".nvimrc", ".nvim.lua"],
    ),
    (Editors, &[".vimrc", ".lvimrc", ".dir-locals.el"]),
    (Hooks, &[".husky", ".githooks", ".pre-commit-config.yaml", "lefthook.yml", "lefthook.yaml", ".lefthook.yml"]),
    (Ci, &[".circleci", ".buildkite", ".woodpecker", ".gitlab-ci.yml", ".travis.yml", ".drone.yml", "jenkinsfile"]),
    (Ci, &["azure-pipelines.yml", "bitbucket-pipelines.yml", "appveyor.yml", ".appveyor.yml", "cloudbuild.yaml"]),
    (Builds, &["build.rs", "makefile", "gnumakefile", "justfile", ".justfile", "taskfile.yml", "taskfile.yaml"]),
    (Builds, &["package.json", ".npmrc", ".yarnrc.yml", ".pnpmfile.cjs", "binding.gyp"]),
    (Builds, &["setup.py", "conftest.py", "noxfile.py", "sitecustomize.py", "rakefile", "build.zig"]),
    (Builds, &["cmakelists.txt", "meson.build", "build.gradle", "build.gradle.kts", "gradlew", "mvnw", "dockerfile"]),
    (Instructions, &["agents.md", "claude.md", "gemini.md", ".cursorrules", "copilot-instructions.md"]),
];

/// The same for a folder in a folder.
const PLACES: &[(Steering, &str, &[&str])] = &[
    (Ci, ".github", &["workflows", "actions"]),
    (Ci, ".gitea", &["workflows"]),
    (Ci, ".forgejo", &["workflows"]),
    (Ci, ".gitlab", &["ci"]),
    (Builds, ".cargo", &["config", "config.toml"]),
];

impl Steering {
    /// Returns what is steered, as it stands after a file's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Git => "git",
            Self::Agents => "agents",
            Self::Editors => "editors",
            Self::Hooks => "hooks",
            Self::Ci => "CI",
            Self::Builds => "builds",
            Self::Instructions => "agents' instructions",
        }
    }

    /// Returns whether an agent that may write is asked before it changes such a file. What belongs to ordinary work is only
    /// pointed out, where a person looks at the work.
    pub fn is_asked_for(self) -> bool {
        matches!(self, Self::Git | Self::Agents | Self::Editors | Self::Hooks)
    }
}

/// Returns what a file of a workspace steers, by its path from the workspace's folder. In any case of letters: some systems know no
/// other.
pub fn steers(path: &Path) -> Option<Steering> {
    let names: Vec<String> = path
        .components()
        .filter_map(|it| match it {
            Component::Normal(name) => Some(name.to_string_lossy().to_lowercase()),
            _ => None,
        })
        .collect();
    let by_name = |name: &String| NAMES.iter().find(|it| it.1.contains(&name.as_str())).map(|it| it.0);
    let by_place =
        |pair: &[String]| PLACES.iter().find(|it| pair[0] == it.1 && it.2.contains(&pair[1].as_str())).map(|it| it.0);
    let by_ending = || names.last().is_some_and(|it| it.ends_with(".code-workspace")).then_some(Editors);
    names.iter().find_map(by_name).or_else(|| names.windows(2).find_map(by_place)).or_else(by_ending)
}

/// Returns which of these files steer programs, in words, `None` where none does: the first `most` by name, then how many more.
pub fn in_words<'a>(paths: impl Iterator<Item = &'a str>, most: usize) -> Option<String> {
    let found: Vec<(&str, Steering)> = paths.filter_map(|it| Some((it, steers(Path::new(it))?))).collect();
    let mut words: Vec<String> = found.iter().take(most).map(|(path, it)| format!("{path} ({})", it.name())).collect();
    if let Some(more) = found.len().checked_sub(most).filter(|it| *it > 0) {
        words.push(format!("{more} more"));
    }
    (!words.is_empty()).then(|| words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Option<&'static str> {
        steers(Path::new(path)).map(Steering::name)
    }

    #[test]
    fn what_programs_do_what_it_says_is_known_wherever_it_is() {
        for (path, what) in [
            (".git/hooks/pre-commit", "git"),
            ("sub/.GIT/config", "git"),
            (".gitattributes", "git"),
            (".claude/settings.json", "agents"),
            ("sub/.mcp.json", "agents"),
            (".VSCode/tasks.json", "editors"),
            ("my.code-workspace", "editors"),
            (".husky/pre-push", "hooks"),
            (".github/workflows/ci.yml", "CI"),
            ("packages/a/.github/actions/x/action.yml", "CI"),
            ("Jenkinsfile", "CI"),
            ("crates/a/build.rs", "builds"),
            ("Makefile", "builds"),
            (".cargo/config.toml", "builds"),
            ("web/package.json", "builds"),
            ("CLAUDE.md", "agents' instructions"),
            (".github/copilot-instructions.md", "agents' instructions"),
        ] {
            assert_eq!(of(path), Some(what), "{path}");
        }
        for path in
            ["", "src/lib.rs", ".github/ISSUE_TEMPLATE/bug.md", "docs/git.md", ".cargo/readme.md", "workflows/a.yml"]
        {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn the_words_name_the_first_and_count_the_rest() {
        let paths = ["src/lib.rs", "Makefile", ".github/workflows/ci.yml", "build.rs"];
        assert_eq!(
            in_words(paths.into_iter(), 9).unwrap(),
            "Makefile (builds), .github/workflows/ci.yml (CI), build.rs (builds)"
        );
        assert_eq!(in_words(paths.into_iter(), 1).unwrap(), "Makefile (builds), 2 more");
        assert_eq!(in_words(["src/lib.rs"].into_iter(), 1), None);
    }
}
