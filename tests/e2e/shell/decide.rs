//! `inbox` and `decide`: each answer, and what is no answer.

use std::fs;

use super::{at_the_gate, status, world};
use crate::support::World;

/// Returns the document and the hash of a pause.
fn shown(world: &World, pause: &str) -> (String, String) {
    let all = world.callboard(&["inbox", pause, "--json"]).ok("callboard inbox").json();
    let text = |key: &str| all[0][key].as_str().unwrap_or_default().to_owned();
    (text("document"), text("hash"))
}

fn end_of(world: &World, run: &str, code: i32) -> String {
    world.callboard(&["show", run, "--follow"]).code(code, "the run's end").stdout
}

#[test]
fn approve_goes_on_with_all_and_the_inbox_is_empty() {
    let world = world();
    assert_eq!(world.callboard(&["inbox"]).ok("callboard inbox").stdout, "Nothing waits for you.\n");
    at_the_gate(&world);
    let listed = world.callboard(&["inbox"]).ok("callboard inbox").stdout;
    assert!(listed.contains("p1 Go on with these?") && listed.contains("callboard decide p1 approve"), "{listed}");
    let said = world.callboard(&["decide", "p1", "approve"]).ok("callboard decide").stdout;
    assert!(said.contains("The second is worse.") && said.contains("p1 is answered: approve."), "{said}");
    assert!(end_of(&world, "r1", 0).contains("It got 2 findings."));
    assert_eq!(world.callboard(&["inbox"]).ok("callboard inbox").stdout, "Nothing waits for you.\n");
    let all = world.callboard(&["inbox", "--all"]).ok("callboard inbox --all").stdout;
    assert!(all.contains("p1 approved by"), "{all}");
}

#[test]
fn promise_2_what_a_person_edits_is_what_the_next_step_gets() {
    let world = world();
    at_the_gate(&world);
    let (document, _) = shown(&world, "p1");
    let edited: String = document
        .lines()
        .map(|line| if line.contains("The first is wrong") { line.replacen("[x]", "[ ]", 1) } else { line.to_owned() })
        .map(|line| line + "\n")
        .collect();
    assert_ne!(document, edited, "the document has no tick to take away: {document}");
    let file = world.root().join("edited.md");
    fs::write(&file, edited).expect("the edited document");
    world.callboard(&["decide", "p1", "edit", "--file", &file.to_string_lossy()]).ok("callboard decide edit");
    assert!(end_of(&world, "r1", 0).contains("It got 1 findings."));
}

#[test]
fn promise_2_a_document_that_is_taken_by_one_command_is_given_back_by_another() {
    let world = world();
    at_the_gate(&world);
    let (document, _) = shown(&world, "p1");
    let taken = world.callboard(&["inbox", "p1", "--document"]).ok("the document").stdout;
    assert_eq!(taken, document, "the document, byte for byte");
    let edited = taken.replace("The first is wrong.", "Mend the first.");
    world.callboard_with_input(&["decide", "p1", "edit", "--file", "-"], &edited).ok("the document given back");
    end_of(&world, "r1", 0);
    let gone = world.callboard(&["inbox", "p9", "--document"]).code(1, "no such pause");
    assert_eq!(gone.stdout, "");
    world.callboard(&["inbox", "--document"]).code(2, "of which pause");
    let no_editor = world.callboard(&["decide", "p1", "edit"]).code(2, "there is no terminal");
    assert!(no_editor.stderr.contains("callboard inbox p1 --document"), "{}", no_editor.stderr);
}

#[test]
fn an_edit_may_come_from_a_pipe_and_nonsense_in_it_decides_nothing() {
    let world = world();
    at_the_gate(&world);
    let (document, _) = shown(&world, "p1");
    for (bad, said) in [("", "is empty"), ("- [x] catastrophe notes.md:1 — no such severity\n", "line ")] {
        let bad = if bad.is_empty() { String::new() } else { format!("{document}\n{bad}") };
        let ran = world.callboard_with_input(&["decide", "p1", "edit", "--file", "-"], &bad);
        let ran = ran.code(1, "nonsense");
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
        assert_eq!(status(&world, "r1"), "waiting");
    }
    let good = document.replace("The first is wrong.", "Mend the first, ünïcode 漢字 🎭.");
    world.callboard_with_input(&["decide", "p1", "edit", "--file", "-"], &good).ok("an edit from a pipe");
    end_of(&world, "r1", 0);
    let findings = world.callboard(&["findings", "--all"]).ok("callboard findings").stdout;
    assert!(findings.contains("漢字"), "{findings}");
}

#[test]
fn request_changes_does_the_step_again_and_asks_again() {
    let world = world();
    at_the_gate(&world);
    let none = world.callboard(&["decide", "p1", "request-changes"]).code(2, "no text");
    assert!(none.stderr.contains("--text") && none.stdout.is_empty(), "{}{}", none.stdout, none.stderr);
    world.callboard(&["decide", "p1", "request-changes", "--text", "look again"]).ok("request-changes");
    let followed = end_of(&world, "r1", 3);
    assert!(followed.contains("callboard decide p2 approve"), "{followed}");
    world.callboard(&["decide", "p2", "approve"]).ok("the second answer");
    end_of(&world, "r1", 0);
}

#[test]
fn skip_goes_on_without_and_reject_and_stop_end_it() {
    let world = world();
    for (index, (decision, code, ended)) in
        [("skip", 0, "done"), ("reject", 1, "rejected"), ("stop", 1, "stopped")].into_iter().enumerate()
    {
        let (run, pause) = (format!("r{}", index + 1), format!("p{}", index + 1));
        at_the_gate(&world);
        world.callboard(&["decide", &pause, decision]).ok(decision);
        end_of(&world, &run, code);
        assert_eq!(status(&world, &run), ended);
    }
}

#[test]
fn retry_tries_a_failed_step_again_by_the_same_or_another_agent() {
    let world = world();
    let workflow = "title: Breaks\nroles:\n  who: { prefer: [broken] }\n\
                    steps:\n  - { id: it, title: It, role: who, result: text, prompt: Say it. }\n";
    world.workflow("breaks", workflow);
    world.callboard(&["run", "breaks"]).code(3, "a failure");
    world.callboard(&["decide", "p1", "retry"]).ok("the same agent again");
    let followed = end_of(&world, "r1", 3);
    assert!(followed.contains("p2"), "{followed}");
    let nobody = world.callboard(&["decide", "p2", "retry", "--agent", "nobody"]).code(1, "nobody");
    assert!(nobody.stderr.contains("@nobody"), "{}", nobody.stderr);
    world.callboard(&["decide", "p2", "retry", "--agent", "echo"]).ok("another agent");
    assert!(end_of(&world, "r1", 0).contains("It got 0 findings."));
}

#[test]
fn promise_2_an_answer_to_what_was_not_shown_is_refused() {
    let world = world();
    at_the_gate(&world);
    let wrong = world.callboard(&["decide", "p1", "approve", "--hash", "0123456789abcdef"]).code(1, "a wrong hash");
    assert!(wrong.stderr.contains("p1 shows something else"), "{}", wrong.stderr);
    assert!(wrong.stdout.contains("The second is worse."), "what it shows now is not shown: {}", wrong.stdout);
    assert_eq!(status(&world, "r1"), "waiting");
    let (_, hash) = shown(&world, "p1");
    world.callboard(&["decide", "p1", "approve", "--hash", &hash]).ok("the right hash");
}

#[test]
fn promise_2_the_first_answer_wins_and_the_second_is_told_whose_it_was() {
    let world = world();
    at_the_gate(&world);
    world.callboard(&["decide", "p1", "reject", "--text", "not now"]).ok("the first answer");
    let late = world.callboard(&["decide", "p1", "approve"]).code(1, "the second answer");
    assert!(late.stderr.contains("p1 was answered by ") && late.stderr.contains("reject"), "{}", late.stderr);
    let late = world.callboard(&["decide", "p1", "approve", "--json"]).code(1, "the same for programs").json();
    assert_eq!(late[0]["error"]["code"], "already_answered");
    assert_eq!(status(&world, "r1"), "rejected");
}

#[test]
fn promise_2_two_shells_at_once_settle_it_once() {
    let world = world();
    at_the_gate(&world);
    let both = [world.spawn(&["decide", "p1", "approve"]), world.spawn(&["decide", "p1", "reject"])];
    let codes: Vec<_> = both.map(|it| it.finish(super::LIMIT).code).into();
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(1)), "{codes:?}");
    let all = world.callboard(&["inbox", "p1", "--json"]).ok("the inbox").json();
    let decision = all[0]["answered"]["decision"].to_string();
    let winner = if codes[0] == Some(0) { "approve" } else { "reject" };
    assert!(decision.contains(winner), "{winner} won, but {decision} is recorded");
}

#[test]
fn arguments_that_no_answer_has_use_for_are_refused() {
    let world = world();
    at_the_gate(&world);
    for args in [
        &["decide", "p1", "approve", "--text", "x"][..],
        &["decide", "p1", "stop", "--file", "x"],
        &["decide", "p1", "skip", "--agent", "critic"],
        &["decide", "p1", "edit"],
        &["decide", "p1", "aprove"],
        &["decide", "one", "approve"],
    ] {
        world.callboard(args).code(2, "a wrong answer");
    }
    let gone = world.callboard(&["decide", "p1", "edit", "--file", "nowhere.md"]).code(1, "no such file");
    assert!(gone.stderr.contains("nowhere.md can't be read"), "{}", gone.stderr);
    assert_eq!(status(&world, "r1"), "waiting");
}
