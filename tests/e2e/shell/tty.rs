//! The shell on a real terminal: questions, answers, the editor, Ctrl-C, a window that is closed.

use super::{at_the_gate, program, status, world};
use crate::support::window::Window;

/// The question, up to where the cursor stands.
fn asks(screen: &str) -> bool {
    screen.trim_end().ends_with("show again >")
}

#[test]
fn promise_2_a_typed_word_approves_and_an_empty_line_does_not() {
    let world = world();
    let mut window = Window::open(&world, &["run", "gate"], 80);
    let screen = window.see("the question", asks);
    assert!(screen.contains("p1 [a]pprove [e]dit request [c]hanges [r]eject"), "{screen}");
    window.press("\r");
    window.see("the question again", |it| it.matches("show again >").count() == 2 && asks(it));
    assert_eq!(status(&world, "r1"), "waiting");
    window.press("a\r");
    let (code, screen) = window.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("It got 2 findings.") && screen.contains("r1 done"), "{screen}");
}

#[test]
fn an_answer_from_another_shell_takes_the_question_away() {
    for columns in [120, 80, 40] {
        let world = world();
        let mut window = Window::open(&world, &["run", "gate"], columns);
        window.see("the question", |it| it.split_whitespace().collect::<String>().ends_with("showagain>"));
        world.callboard(&["decide", "p1", "approve"]).ok("another shell's answer");
        let (code, screen) = window.end();
        assert_eq!(code, 0, "{screen}");
        assert!(!screen.contains("[a]pprove"), "the question stands there at {columns} columns:\n{screen}");
        let line = screen.lines().find(|it| it.contains("▶ p1 approved")).unwrap_or_default();
        assert!(line.starts_with(|it: char| it.is_ascii_digit()), "{line:?} in\n{screen}");
    }
}

#[test]
fn decide_edit_opens_the_editor_with_its_arguments() {
    let world = world();
    at_the_gate(&world);
    let editor = world.root().join("editor.sh");
    program(&editor, "[ \"$1\" = '--wait now' ] || exit 9\nsed -i 's/^- \\[x\\] \\(.*first\\)/- [ ] \\1/' \"$2\"");
    world.env("EDITOR", format!("{} '--wait now'", editor.display()));
    let (code, screen) = Window::open(&world, &["decide", "p1", "edit"], 80).end();
    assert_eq!(code, 0, "{screen}");
    let followed = world.callboard(&["show", "r1", "--follow"]).ok("the rest of the run").stdout;
    assert!(followed.contains("It got 1 findings."), "{followed}");
}

#[test]
fn an_editor_that_fails_or_changes_nothing_or_writes_nonsense_decides_nothing() {
    let world = world();
    at_the_gate(&world);
    let script = world.root().join("editor.sh");
    for (does, keys, said) in [
        ("exit 3", "", "nothing was decided"),
        ("true", "", "nothing was changed, and nothing is decided"),
        (": > \"$1\"", "", "the edited document is empty"),
        ("echo '- [x] blurb, with no severity and no place' >> \"$1\"", "n\r", "p1 still waits"),
    ] {
        program(&script, does);
        world.env("VISUAL", script.as_os_str());
        let mut window = Window::open(&world, &["decide", "p1", "edit"], 80);
        if !keys.is_empty() {
            window.see("the question whether to edit again", |it| it.trim_end().ends_with("gives up >"));
            window.press(keys);
        }
        let (code, screen) = window.end();
        assert_eq!(code, 1, "{does}: {screen}");
        let flat = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(said), "{does}: {screen}");
        assert_eq!(status(&world, "r1"), "waiting");
    }
    world.env("VISUAL", "no-such-editor --here");
    let (code, screen) = Window::open(&world, &["decide", "p1", "edit"], 80).end();
    assert!(code == 1 && screen.contains("no-such-editor"), "{screen}");
}

#[test]
fn ctrl_c_tells_the_choices_and_twice_leaves_the_run() {
    let world = world();
    let mut window = Window::open(&world, &["run", "slow"], 80);
    window.see("the first turn", |it| it.contains("First"));
    window.press("\x03");
    window.see("the choices", |it| it.contains("callboard pause r1") && it.contains("callboard cancel r1"));
    window.press("\x03");
    let (code, screen) = window.end();
    assert_eq!(code, 3, "{screen}");
    assert!(screen.lines().any(|it| it.starts_with("Left r1; it goes on.")), "{screen}");
    super::go(&world);
    world.callboard(&["show", "r1", "--follow"]).ok("the run that was left");
}

#[test]
fn promise_1_a_window_that_is_closed_takes_no_run_with_it() {
    let world = world();
    let mut window = Window::open(&world, &["run", "gate"], 80);
    window.see("the question", asks);
    window.close();
    assert_eq!(status(&world, "r1"), "waiting");
    world.callboard(&["decide", "p1", "approve"]).ok("an answer from elsewhere");
    world.callboard(&["show", "r1", "--follow"]).ok("the rest of the run");
}

#[test]
fn no_line_breaks_a_word_on_a_narrow_terminal_and_no_color_is_honoured() {
    let world = world();
    let mut window = Window::open(&world, &["show", "r9"], 40);
    let screen = window.see("the error", |it| it.contains("lists them"));
    assert!(screen.lines().all(|it| it.chars().count() <= 40) && !screen.contains("worksp\n"), "{screen}");
    let (_, screen) = window.end();
    assert_eq!(screen.split_whitespace().filter(|it| *it == "workspace;").count(), 1, "{screen}");
}
