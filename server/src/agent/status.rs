//! What an agent's title and screen say of its state, by the signs of its profile.
//!
//! Pure: text in, claim out. The screen is the last resort and every claim from it is labelled so. Silence and an
//! unknown screen are no claim at all: nothing here ever concludes that an agent is done because it is quiet.

use crate::{
    agent::{
        AgentClaim, AgentState, Source,
        catalog::{
            profile::{Signs, TerminalRules},
            scalar::Pattern,
        },
    },
    outcome::{Failure, FailureClass},
};

/// How many lines from the bottom the screen's signs are looked for in: what is above is the agent's own text.
const BOTTOM: usize = 25;

/// Returns what is believed, or nothing where no sign is seen. `rows` is the screen from the top.
///
/// A title that says working or permission is believed first. An open dialog on the screen comes before a title that says
/// idle, since programs show that title for some dialogs too, and typing into a dialog approves it.
pub fn claim(rules: &TerminalRules, title: &str, rows: &[String]) -> Option<AgentClaim> {
    let screen = bottom(rows);
    let from_title = |signs: &[Pattern], state| seen(signs, title).map(|_| made(state, Source::Title, title));
    let from_screen = |signs: &[Pattern], state| seen(signs, &screen).map(|it| made(state, Source::Screen, it));
    let Signs { idle, working, permission } = &rules.title;
    // A title that tells no dialog apart is the last to be asked: it may stand still while the screen shows work.
    let unsure = permission.is_empty();
    from_title(permission, AgentState::WaitingForPermission)
        .or_else(|| from_title(working, AgentState::Working))
        .or_else(|| from_screen(&rules.screen.permission, AgentState::WaitingForPermission))
        .or_else(|| from_screen(&rules.screen.working, AgentState::Working).filter(|_| unsure))
        .or_else(|| from_title(idle, AgentState::Idle))
        .or_else(|| from_screen(&rules.screen.working, AgentState::Working))
        .or_else(|| from_screen(&rules.screen.idle, AgentState::Idle))
}

/// Returns how much of a new line behind a prompt shows, in bytes: more than before an Enter where that was taken for one.
pub fn new_line(rules: &TerminalRules, rows: &[String]) -> usize {
    seen(&rules.submit.new_line, &bottom(rows)).map_or(0, str::len)
}

/// Returns the failure that `text`, what was printed since the prompt or the start, is a sign of.
pub fn failure(rules: &TerminalRules, agent: &str, text: &str) -> Option<Failure> {
    let sign = rules.failures.iter().find(|it| it.pattern.is_in(text))?;
    let line = text.lines().find(|it| sign.pattern.is_in(it)).unwrap_or_default().trim();
    let next = match sign.class {
        FailureClass::NotSignedIn => "sign in by running it once in a terminal, then retry",
        FailureClass::RateLimited => "wait until its limit is over, or let another agent do it",
        FailureClass::ContextFull => "stop the agent so that its next turn begins a new conversation",
        _ => "retry, or look at its terminal",
    };
    Some(Failure { class: sign.class, message: format!("@{agent} says {line:?}; {next}"), retry_at: None })
}

fn seen<'a>(signs: &[Pattern], text: &'a str) -> Option<&'a str> {
    signs.iter().find_map(|it| it.find(text))
}

fn made(state: AgentState, source: Source, sign: &str) -> AgentClaim {
    let place = if source == Source::Title { "its title says" } else { "its screen shows" };
    let sign: String = sign.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(80).collect();
    AgentClaim { state, source, why: format!("{place} {sign:?}") }
}

fn bottom(rows: &[String]) -> String {
    let end = rows.iter().rposition(|it| !it.trim().is_empty()).map_or(0, |it| it + 1);
    rows[end.saturating_sub(BOTTOM)..end].iter().map(|it| it.trim_end()).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::agent::catalog::Catalog;

    /// A fixture is `title: …` and then the screen; its name is `PROFILE-STATE-….txt`, and the name is the expectation.
    #[test]
    fn promise_3_the_screens_of_real_programs_are_read_as_what_they_are() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/screens");
        let mut seen = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let file = entry.unwrap().path();
            let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&file).unwrap();
            let (title, screen) = text.split_once('\n').unwrap();
            let title = title.strip_prefix("title:").expect("the first line is the title").trim();
            let rows: Vec<String> = screen.lines().map(str::to_owned).collect();
            let mut words = name.split('-');
            let profile = catalog.resolve(&words.next().unwrap().parse().unwrap()).unwrap();
            let wanted = words.next().unwrap();
            if let Some(class) = FailureClass::ALL.into_iter().find(|it| it.name().replace('_', "") == wanted) {
                let got = failure(&profile.terminal, &profile.name, screen).map(|it| it.class);
                assert_eq!(got, Some(class), "{name}");
            } else {
                let claim = claim(&profile.terminal, title, &rows);
                let got = match claim.as_ref().map(|it| &it.state) {
                    Some(AgentState::Idle) => "idle",
                    Some(AgentState::Working) => "working",
                    Some(AgentState::WaitingForPermission) => "permission",
                    _ => "unknown",
                };
                assert_eq!(got, wanted, "{name}: {claim:?}");
                assert_eq!(failure(&profile.terminal, &profile.name, screen), None, "{name}");
            }
            seen += 1;
        }
        assert!(seen >= 15, "only {seen} fixtures were found");
    }

    fn fixture(name: &str) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/screens");
        let text = fs::read_to_string(folder.join(name)).unwrap();
        text.lines().skip(1).map(str::to_owned).collect()
    }

    /// As Gemini CLI draws them: a prompt with the cursor behind it, and one with the cursor in a new line below.
    #[test]
    fn promise_2_an_enter_that_was_taken_for_a_new_line_is_told_from_a_screen_that_is_late() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        let rules = &catalog.resolve(&"gemini".parse().unwrap()).unwrap().terminal;
        let seen = |name: &str| new_line(rules, &fixture(name));
        for other in ["pasted", "folded", "ready", "answered"] {
            assert_eq!(seen(&format!("gemini-idle-{other}.txt")), 0, "{other}");
        }
        assert_eq!(seen("gemini-permission-trust.txt"), 0);
        let once = seen("gemini-idle-newline.txt");
        assert!(once > 0 && seen("gemini-idle-foldednewline.txt") > 0 && seen("gemini-idle-newline-colours.txt") > 0);
        // The next one makes it longer.
        let mut rows = fixture("gemini-idle-newline.txt");
        let at = rows.iter().position(|it| it.contains("three [[say second]]")).unwrap();
        rows.insert(at + 1, String::new());
        assert!(new_line(rules, &rows) > once);
        // What an agent says in such a form stands above the line and further in.
        let mut rows = fixture("gemini-idle-answered.txt");
        let at = rows.iter().position(|it| it.starts_with('✦')).unwrap();
        rows.splice(at..=at, ["✦ so:", "", "   > quoted", "", "─────────────"].map(str::to_owned));
        assert_eq!(new_line(rules, &rows), 0);
    }

    #[test]
    fn promise_3_an_empty_or_unknown_screen_is_no_claim() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        for name in ["claude", "codex", "gemini"] {
            let rules = &catalog.resolve(&name.parse().unwrap()).unwrap().terminal;
            assert_eq!(claim(rules, "", &[]), None);
            assert_eq!(claim(rules, "", &["Loading".to_owned(), String::new()]), None);
        }
    }

    #[test]
    fn signs_far_above_the_bottom_are_the_agents_own_text() {
        let (catalog, _) = Catalog::load(&[], &|_| None);
        let rules = &catalog.resolve(&"gemini".parse().unwrap()).unwrap().terminal;
        let mut rows = vec!["● 1. Allow once".to_owned()];
        rows.extend((0..40).map(|it| format!("line {it}")));
        assert_eq!(claim(rules, "◇  Ready (x)", &rows).unwrap().state, AgentState::Idle);
    }
}
