//! Promise "Undo run": what a run's agents changed comes back byte for byte, and what the developer did stays.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path};

use crate::support::World;

/// @autofix cleans the notes, a person looks, and another agent goes on.
const TWICE: &str = "\
title: Twice
category: build
description: Cleans the notes, asks, and adds one.
roles:
  fixer: {description: cleans, prefer: [autofix], access: write}
  scribe: {description: writes, prefer: [scribe], access: write}
steps:
  - id: fix
    role: fixer
    result: change
    prompt: Clean the notes.
  - id: look
    needs: [fix]
    pause: {show: fix, message: Look at it}
  - id: more
    needs: [look]
    role: scribe
    result: change
    prompt: Add a note.
";

const SCRIBE: &str = "\
cat > notes/new.md <<'END'
# New
END
echo 'a line of the agent' >> notes/b.md
rm notes/old.md
mkdir -p build && echo made > build/out
chmod +x run.sh
printf '%s' '{\"kind\": \"change\", \"summary\": \"a note\"}' > \"$4\"
";

fn world() -> World {
    let world = World::new();
    for (path, text) in [
        (".gitignore", "build/\n"),
        ("notes/a.md", "# A\n\nspaces at the end   \n"),
        ("notes/b.md", "# B\n"),
        ("notes/old.md", "# Old\n"),
        ("run.sh", "#!/bin/sh\n"),
        ("mine.txt", "mine\n"),
    ] {
        world.write(path, text);
    }
    let script = world.root().join("scribe.sh");
    fs::write(&script, SCRIBE).expect("the script");
    let profile = format!(
        "name: scribe\ntitle: Adds a note\ndriver: tool\ncommand: [/bin/sh, {}]\naccess: write\ngood-for: [fix]\n",
        script.display()
    );
    world.profile("scribe", &profile);
    world.workflow("twice", TWICE);
    world.trust();
    world
}

/// Returns every file below a folder with its bytes and its mode.
fn everything(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("a folder").map(|it| it.expect("an entry")) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let mode = entry.metadata().expect("its mode").permissions().mode();
                let name = path.strip_prefix(folder).expect("inside").display().to_string();
                found.insert(name, (fs::read(&path).expect("its bytes"), mode));
            }
        }
    }
    found
}

/// Returns a text without its line ends, which depend on the width.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Security row 19: what would outlive the agent is let through by a person only.
#[test]
fn work_that_steers_programs_is_named_and_left_to_a_person_whatever_yes_says() {
    let world = World::with_files(&[("a.txt", "a\n")]);
    let script = "#!/bin/sh\nmkdir -p .github/workflows\necho 'on: push' > .github/workflows/ci.yml\n\
                  echo '{\"kind\":\"change\",\"summary\":\"served\",\"files\":[],\"fixed\":[],\"declined\":[]}' > \"$4\"\n";
    crate::relay::tool(&world, "maker", "maker.sh", script);
    let steps = "title: Serve\nsteps:\n  - { id: make, tool: maker, result: change, prompt: make it }\n  \
                 - { id: look, needs: [make], pause: { show: make, message: Let it through? } }\n";
    world.workflow("serve", steps);
    let ran = world.callboard(&["run", "serve", "--yes"]).code(3, "a run whose work steers programs");
    assert!(
        ran.stdout.contains("--yes leaves p1 to a person: files that steer programs were changed"),
        "{}",
        ran.stdout
    );
    let shown = world.callboard(&["inbox", "p1"]).ok("inbox").stdout;
    assert!(shown.contains("Steers programs: .github/workflows/ci.yml (CI)"), "{shown}");
    let listed = world.callboard(&["inbox", "--json"]).ok("inbox").json();
    assert_eq!(listed[0]["steering"], ".github/workflows/ci.yml (CI)");
    world.callboard(&["decide", "p1", "approve"]).ok("a person");
    let shown = world.callboard(&["show", "r1", "--follow"]).ok("the run").stdout;
    assert!(shown.contains("done"), "{shown}");
}

#[test]
fn promise_undo_run_puts_back_what_agents_changed_and_keeps_what_the_developer_did() {
    let world = world();
    world.git(&["init", "--quiet", "--initial-branch=main"]);
    world.git(&["add", "--all"]);
    world.git(&["commit", "--quiet", "--message=first"]);
    world.write("staged.txt", "staged\n");
    world.git(&["add", "staged.txt"]);
    let git_before = everything(&world.workspace().join(".git"));
    let before = everything(&world.workspace().join("notes"));

    world.callboard(&["run", "twice"]).code(3, "the run waits at its pause");
    assert_eq!(world.read("notes/a.md"), "# A\n\nspaces at the end\n");
    let shown = world.callboard(&["inbox", "p1", "--json"]).ok("the pause").json().remove(0)["document"].to_string();
    assert!(shown.contains("### notes/a.md") && shown.contains("    -spaces at the end"), "what it changed: {shown}");
    world.write("mine.txt", "mine, edited at the pause\n");
    world.callboard(&["decide", "p1", "approve"]).ok("approve");
    let shown = world.callboard(&["show", "r1", "--follow"]).ok("the run's end").stdout;
    assert!(words(&shown).contains("5 files changed") && words(&shown).contains("callboard undo r1"), "{shown}");

    // What changed, by whom; the developer's own edit is nobody's.
    let files = world.callboard(&["show", "r1", "--diff", "--json"]).ok("the diff").json();
    let told: Vec<String> =
        files.iter().map(|it| format!("{} {} {}", it["path"], it["kind"], it["by"]).replace('"', "")).collect();
    assert_eq!(
        told,
        [
            "notes/a.md modified [autofix]",
            "notes/b.md modified [scribe]",
            "notes/new.md added [scribe]",
            "notes/old.md deleted [scribe]",
            "run.sh modified [scribe]",
        ]
    );
    let text = world.callboard(&["show", "r1", "--by", "@autofix"]).ok("the diff of one").stdout;
    assert!(text.contains("-spaces at the end   \n+spaces at the end\n") && !text.contains("new.md"), "{text}");

    // One step, with a file that the developer changed since: it is named and left.
    world.write("notes/b.md", "# B, by hand\n");
    let undone = world.callboard(&["undo", "r1", "--step", "more"]).code(1, "an undo with a clash").stdout;
    assert!(undone.contains("notes/b.md: it was changed since by somebody else"), "{undone}");
    assert_eq!(world.read("notes/b.md"), "# B, by hand\n");
    assert!(!world.workspace().join("notes/new.md").exists());
    assert_eq!(world.read("notes/old.md"), "# Old\n");
    assert_eq!(world.read("notes/a.md"), "# A\n\nspaces at the end\n", "the other step's work stays");
    assert_eq!(world.read("build/out"), "made\n", "what is ignored is not touched");

    // The whole run, by force: everything is as it was, but for what the developer did elsewhere.
    world.callboard(&["undo", "r1", "--force"]).ok("the undo of the run");
    assert_eq!(everything(&world.workspace().join("notes")), before);
    assert_eq!(world.read("mine.txt"), "mine, edited at the pause\n");
    let run_sh = fs::metadata(world.workspace().join("run.sh")).expect("run.sh").permissions().mode();
    assert_eq!(run_sh & 0o111, 0);
    let again = world.callboard(&["undo", "r1"]).ok("an undo of what is undone").stdout;
    assert_eq!(again, "Every file was as before already.\n");
    assert_eq!(everything(&world.workspace().join(".git")), git_before, "HEAD, index and hooks are untouched");
    let said = world.callboard(&["channel", "show"]).ok("the channel").stdout;
    assert!(words(&said).contains("undid more of r1") && words(&said).contains("undid r1"), "{said}");
}

#[test]
fn reject_undoes_the_work_that_was_shown_and_needs_no_repository() {
    let world = world();
    let before = everything(&world.workspace());
    world.callboard(&["run", "twice"]).code(3, "the run waits at its pause");
    assert_ne!(everything(&world.workspace()), before);
    world.callboard(&["decide", "p1", "reject", "--text", "not like this"]).ok("reject");
    world.callboard(&["show", "r1", "--follow"]).code(1, "a rejected run");
    // The undo is over when the channel says so.
    let mut tail = world.spawn(&["channel", "tail", "-n", "100"]);
    tail.line("the word of the undo", crate::support::COMMAND_LIMIT, |it| it.contains("undid fix of r1"));
    tail.signal("KILL");
    drop(tail.finish(crate::support::COMMAND_LIMIT));
    assert_eq!(everything(&world.workspace()), before);
}

#[test]
fn promise_1_a_run_whose_hub_was_killed_can_still_be_undone() {
    let world = world();
    let before = everything(&world.workspace());
    world.callboard(&["run", "twice"]).code(3, "the run waits at its pause");
    world.kill_hub();
    world.callboard(&["undo", "r1"]).ok("an undo by the next hub");
    assert_eq!(everything(&world.workspace()), before);
    world.callboard(&["undo", "r9"]).code(1, "an undo of no run");
}
