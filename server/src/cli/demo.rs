//! `callboard demo`: the review–fix loop on a sample project, with tool agents: no key, no network.
//!
//! Nothing is scripted: a real linter, a real fixer and real tests run on real files, and what comes of it is shown. The
//! demo has folders of its own for state and configuration, and its hub in this process: so the user's agents, workflows
//! and runs stay out of it, it needs no room for a socket, and nothing is left behind but what `--keep` keeps.

use std::path::{Path, PathBuf};

use super::{
    args::{DemoArgs, RunArgs},
    changes,
    connect::HubWire,
    fail::{self, Fail},
    out::Out,
    person::Person,
    render::{self, Line, Tone},
    run,
    setting::Setting,
    watch::Watched,
    workflows,
};
use crate::{
    client::target::Engine,
    config::{Places, Workspace},
    protocol::{DiffResult, Players},
    workspace::{git::Git, trust::Trust},
};

pub mod sample;

/// How many lines of the diff are shown.
const MOST_DIFF: usize = 200;

/// Runs the demo. Exit 0 where the loop ended approved.
pub async fn demo(out: &mut Out, person: &mut Person, args: &DemoArgs) -> Result<i32, Fail> {
    let home = tempfile::Builder::new().prefix("callboard-demo-").tempdir()?;
    let home_path = home.path().canonicalize()?;
    let folder = place(args.keep.as_deref(), &home_path)?;
    let setting = setting(&home_path, &folder)?;
    let has_rust = ["cargo", "cargo-clippy"].iter().all(|it| setting.programs()(it).is_some());
    let is_rust = has_rust && !args.plain;
    let project = if is_rust { sample::RUST } else { sample::NOTES };
    sample::write(project, &folder)?;
    prepare(&setting)?;
    introduce(out, &folder, is_rust, has_rust)?;

    Trust::new(&setting.places).grant(&setting.workspace).map_err(|why| Fail::new("trust", why.to_string()))?;
    let yes = args.yes || !person.is_there;
    if yes && !args.yes && !out.json {
        out.line(
            &Line::new().with(Tone::Faint, "There is no terminal to ask on, so pauses are approved, as with --yes."),
        )?;
    }
    let (watched, diff) = loop_over(&setting, out, person, yes).await?;
    if watched.exit == fail::DETACHED {
        // The hub of the demo ends with it, so a run that is left does not go on.
        return Err(Fail::new("left", "the demo was left before its run ended; its run ends with it")
            .help("`callboard demo --yes` approves what it asks"));
    }
    conclude(out, &diff, &folder, args.keep.is_some())?;
    Ok(watched.exit)
}

async fn loop_over(
    setting: &Setting,
    out: &mut Out,
    person: &mut Person,
    yes: bool,
) -> Result<(Watched, DiffResult), Fail> {
    let mut hub = HubWire::connect(setting, Engine::InProc).await?;
    let role = |role: &str, agent: &str| -> Result<(String, Players), Fail> {
        Ok((role.to_owned(), Players::One(agent.parse()?)))
    };
    let args = RunArgs {
        workflow: "review-fix".to_owned(),
        // By name, so that no installed agent that costs money plays in a demo.
        agents: vec![role("reviewer", "lint")?, role("fixer", "autofix")?],
        yes,
        accepts: true,
        ..RunArgs::default()
    };
    let plan = workflows::plan(setting, &args.workflow);
    let watched = match run::run(&mut hub, out, person, &setting.ground(), plan.as_ref(), &args).await {
        Ok(watched) => match watched.run.as_ref().map(|it| it.id) {
            Some(run) => changes::of(&mut hub, run, None, None).await.map(|diff| (watched, diff)),
            None => Ok((watched, DiffResult::default())),
        },
        Err(fail) => Err(fail),
    };
    hub.close().await;
    watched
}

/// Returns the folder of the project: the one to keep, which must not hold anything, or one inside the demo's own.
fn place(keep: Option<&Path>, home: &Path) -> Result<PathBuf, Fail> {
    let Some(keep) = keep else {
        let folder = home.join("project");
        std::fs::create_dir(&folder)?;
        return Ok(folder);
    };
    let shown = keep.display();
    std::fs::create_dir_all(keep).map_err(|why| Fail::usage(format!("{shown} can't be made: {why}")))?;
    let is_empty =
        std::fs::read_dir(keep).map_err(|why| Fail::usage(format!("{shown} can't be read: {why}")))?.next().is_none();
    if !is_empty {
        return Err(Fail::usage(format!("{shown} is not empty; nothing was written"))
            .help("name a folder that does not exist yet"));
    }
    Ok(keep.canonicalize()?)
}

fn setting(home: &Path, folder: &Path) -> Result<Setting, Fail> {
    let places =
        Places { state: home.join("state"), config: home.join("config"), runtime: None, temporary: home.to_owned() };
    let workspace = Workspace::at(folder).map_err(|why| Fail::new("io", why.to_string()))?;
    Ok(Setting { from: workspace.root.clone(), places, workspace })
}

/// Makes the project a repository with one commit, so that there is something to compare with.
fn prepare(setting: &Setting) -> Result<Git, Fail> {
    let failed = |why: crate::workspace::git::GitError| {
        Fail::new("git", format!("the sample project can't be put under git: {why}"))
            .help("`callboard doctor` looks at git")
    };
    let git = Git::find(&setting.workspace).map_err(failed)?;
    let root = &setting.workspace.root;
    // A commit made of its parts: `git commit` would run what hooks and an editor's settings name.
    let text = |output: crate::workspace::git::Output| String::from_utf8_lossy(&output.stdout).trim().to_owned();
    git.run(root, &["init", "--quiet"]).map_err(failed)?;
    for (name, value) in [("user.name", "Callboard demo"), ("user.email", "demo@callboard.invalid")] {
        git.run(root, &["config", name, value]).map_err(failed)?;
    }
    git.run(root, &["add", "--all"]).map_err(failed)?;
    let tree = text(git.run(root, &["write-tree"]).map_err(failed)?);
    let commit = text(git.run(root, &["commit-tree", &tree, "-m", "The sample project"]).map_err(failed)?);
    git.run(root, &["update-ref", "HEAD", &commit]).map_err(failed)?;
    Ok(git)
}

fn introduce(out: &mut Out, folder: &Path, is_rust: bool, has_rust: bool) -> Result<(), Fail> {
    if out.json {
        return Ok(());
    }
    let what = match (is_rust, has_rust) {
        (true, _) => {
            "a small Rust library with real faults; @lint is clippy, @autofix applies what it can, @tests is cargo test"
        }
        (false, true) => "a folder of notes; @lint and @autofix are Callboard's own checks of plain text",
        (false, false) => {
            "a folder of notes, since cargo and clippy are not on PATH; @lint and @autofix are Callboard's own checks of plain text"
        }
    };
    let mut lines =
        vec![Line::new().with(Tone::Strong, "Callboard demo: the review-fix loop, with no key and no network")];
    lines.extend(Line::plain(format!("The project is {what}.")).wrap(out.view.width, &Line::new(), &Line::new()));
    lines.push(Line::plain("It is in ").with(Tone::Code, folder.display().to_string()));
    lines.push(Line::new());
    out.lines(&lines)
}

/// Shows what was changed and what to try next.
fn conclude(out: &mut Out, diff: &DiffResult, folder: &Path, is_kept: bool) -> Result<(), Fail> {
    if out.json {
        let text: String = diff.files.iter().map(|it| it.text.as_str()).collect();
        return out.object(&serde_json::json!({ "item": "diff", "text": text, "files": diff.files }));
    }
    let mut lines = vec![Line::new(), Line::new().with(Tone::Strong, "What was changed:"), Line::new()];
    lines.extend(render::diff::changes(diff, MOST_DIFF));
    lines.push(Line::new());
    lines.push(Line::new().with(Tone::Strong, "To try next, in a repository of yours:"));
    for (command, what) in [
        ("callboard doctor", "which agents are installed here, and what to do about those that aren't"),
        ("callboard trust", "see what Callboard would use and run there, and allow it"),
        ("callboard run review-fix src/", "the same loop on your code, by the best agents that you have"),
        ("callboard undo r1", "put back all that a run changed; your own edits stay"),
        ("callboard channel post \"@claude …\"", "talk to one of them; the others can read it"),
    ] {
        lines.push(Line::plain("  ").with(Tone::Code, format!("{command:<38}")).with(Tone::Faint, what));
    }
    if is_kept {
        lines.push(Line::plain("The project stays in ").with(Tone::Code, folder.display().to_string()));
    } else {
        lines.push(Line::new().with(Tone::Faint, "The project's folder is removed now; --keep DIR keeps it."));
    }
    out.lines(&lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("mine.txt"), "x").unwrap();
        let fail = place(Some(home.path()), home.path()).unwrap_err();
        assert_eq!(fail.exit, fail::USAGE);
        assert!(fail.message.contains("nothing was written"));
        assert!(place(Some(&home.path().join("new")), home.path()).unwrap().is_dir());
    }

    #[test]
    fn the_demo_has_folders_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap();
        let folder = place(None, &path).unwrap();
        let setting = setting(&path, &folder).unwrap();
        assert!(setting.places.state.starts_with(&path) && setting.places.config.starts_with(&path));
        assert_eq!(setting.workspace.root, folder);
    }

    #[test]
    fn the_sample_is_a_repository_with_one_commit() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap();
        let folder = place(None, &path).unwrap();
        let setting = setting(&path, &folder).unwrap();
        sample::write(sample::NOTES, &folder).unwrap();
        let git = prepare(&setting).unwrap();
        assert_eq!(git.diff_head(&folder).unwrap(), "");
        std::fs::write(folder.join("notes/phone.md"), "# Phones\n").unwrap();
        assert!(git.diff_head(&folder).unwrap().contains("+# Phones"));
    }
}
