//! The question at a pause point, as a person at a terminal answers it: typed lines in, moves out. Pure.
//!
//! Invariant: an empty line never approves. A gate is opened by a word that was typed for it (promise 2).

use super::render::{Line, Tone};
use crate::{
    ask::Scope,
    document::Decision,
    ids::PauseId,
    protocol::{PauseKind, PauseView},
};

/// What a typed line comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// This is the answer.
    Decide(Decision),
    /// A permission is given for so long.
    Allow(Scope),
    /// The document is to be edited.
    Edit,
    /// The document is to be shown again.
    Show,
    /// The next question is to be asked, after this hint where there is one.
    Ask(Option<String>),
}

/// A question at a pause point.
#[derive(Debug, Clone)]
pub struct Prompt {
    /// Which pause.
    pub pause: PauseId,
    /// The hash of what the person was shown: the answer is bound to it.
    pub hash: String,
    choices: Vec<&'static Choice>,
    /// The scopes of a permission that may be remembered.
    scopes: Vec<Scope>,
    /// Whether an answer is wanted, not a decision on work.
    is_question: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Choose,
    Changes,
    Why,
    Agent,
    Scope,
    Answer,
}

#[derive(Debug)]
struct Choice {
    key: char,
    name: &'static str,
    shown: (&'static str, &'static str, &'static str),
}

/// The decisions in the order of design §9, each with a key of its own.
const CHOICES: [Choice; 7] = [
    Choice { key: 'a', name: "approve", shown: ("", "a", "pprove") },
    Choice { key: 'e', name: "edit", shown: ("", "e", "dit") },
    Choice { key: 'c', name: "request-changes", shown: ("request ", "c", "hanges") },
    Choice { key: 'r', name: "reject", shown: ("", "r", "eject") },
    Choice { key: 's', name: "skip", shown: ("", "s", "kip") },
    Choice { key: 't', name: "retry", shown: ("re", "t", "ry") },
    Choice { key: 'p', name: "stop", shown: ("sto", "p", "") },
];

impl Prompt {
    /// Makes the question for a pause as it is shown now.
    pub fn new(pause: &PauseView) -> Self {
        let choices = CHOICES.iter().filter(|it| pause.decisions.iter().any(|name| name == it.name)).collect();
        let scopes = pause.ask.as_ref().map_or_else(Vec::new, |it| it.scopes.clone());
        let is_question = pause.kind == PauseKind::Question;
        Self { pause: pause.id, hash: pause.hash.clone(), choices, scopes, is_question, stage: Stage::Choose }
    }

    /// Returns the question to ask now.
    pub fn question(&self) -> Line {
        let mut line = Line::new().with(Tone::Strong, format!("{} ", self.pause));
        match self.stage {
            Stage::Choose => {
                for choice in &self.choices {
                    let (before, key, after) = choice.shown;
                    line.push(Tone::Plain, before);
                    line.push(Tone::Warn, format!("[{key}]"));
                    line.push(Tone::Plain, format!("{after} "));
                }
                line.push(Tone::Faint, "[?] show again >");
            }
            Stage::Changes => line.push(Tone::Plain, "What is to be changed? (empty: back) >"),
            Stage::Why => line.push(Tone::Plain, "Why? (may be empty) >"),
            Stage::Answer => {
                line.push(Tone::Plain, "What is your answer? (the number of a choice, or text; empty: back) >");
            }
            Stage::Scope => {
                line.push(Tone::Plain, "For how long? ");
                for scope in &self.scopes {
                    let (first, rest) = scope.name().split_at(1);
                    line.push(Tone::Warn, format!("[{first}]"));
                    line.push(Tone::Plain, format!("{rest} "));
                }
                line.push(Tone::Faint, "(empty: back) >");
            }
            Stage::Agent => line.push(Tone::Plain, "By which agent? (empty: the same) >"),
        }
        line
    }

    /// Takes a typed line.
    pub fn take(&mut self, typed: &str) -> Move {
        let typed = typed.trim();
        match self.stage {
            Stage::Choose => self.choose(typed),
            Stage::Changes | Stage::Scope | Stage::Answer if typed.is_empty() => {
                self.stage = Stage::Choose;
                Move::Ask(None)
            }
            Stage::Changes => Move::Decide(Decision::RequestChanges { text: typed.to_owned() }),
            Stage::Why => Move::Decide(Decision::Reject { text: typed.to_owned() }),
            Stage::Answer => Move::Decide(Decision::Edit { document: typed.to_owned() }),
            Stage::Scope => {
                let is = |it: &&Scope| it.name() == typed || it.name().starts_with(typed) && typed.len() == 1;
                match self.scopes.iter().find(is) {
                    Some(scope) => Move::Allow(*scope),
                    None => Move::Ask(Some(format!("{typed:?} is not one of them; type the letter in brackets"))),
                }
            }
            Stage::Agent if typed.is_empty() => Move::Decide(Decision::Retry { agent: None }),
            Stage::Agent => match typed.parse() {
                Ok(agent) => Move::Decide(Decision::Retry { agent: Some(agent) }),
                Err(error) => Move::Ask(Some(error.to_string())),
            },
        }
    }

    fn choose(&mut self, typed: &str) -> Move {
        let typed = typed.to_lowercase();
        if matches!(typed.as_str(), "?" | "show" | "h" | "help") {
            return Move::Show;
        }
        let chosen = self.choices.iter().find(|it| it.name == typed || typed.chars().eq([it.key]));
        match chosen.map(|it| it.name) {
            Some("approve") if self.is_question => self.ask(Stage::Answer),
            Some("approve") if self.scopes.len() > 1 => self.ask(Stage::Scope),
            Some("approve") => Move::Decide(Decision::Approve),
            Some("edit") => Move::Edit,
            Some("skip") => Move::Decide(Decision::Skip),
            Some("stop") => Move::Decide(Decision::Stop),
            Some("request-changes") => self.ask(Stage::Changes),
            Some("reject") => self.ask(Stage::Why),
            Some("retry") => self.ask(Stage::Agent),
            _ if typed.is_empty() => Move::Ask(None),
            _ => Move::Ask(Some(format!("{typed:?} is not one of the answers; type the letter in brackets"))),
        }
    }

    fn ask(&mut self, stage: Stage) -> Move {
        self.stage = stage;
        Move::Ask(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cli::render::pause::tests::sample, ids::TurnId, protocol::AskView};

    #[test]
    fn the_question_offers_what_the_pause_takes() {
        insta::assert_snapshot!(Prompt::new(&sample(1)).question().text(),
            @"p1 [a]pprove [e]dit request [c]hanges [r]eject sto[p] [?] show again >");
    }

    #[test]
    fn promise_2_only_a_word_for_it_approves() {
        let mut prompt = Prompt::new(&sample(1));
        for no in ["", " ", "y", "yes", "aa", "\n"] {
            assert!(matches!(prompt.take(no), Move::Ask(_)), "{no:?} was an answer");
        }
        assert_eq!(prompt.take(" A \n"), Move::Decide(Decision::Approve));
        assert_eq!(prompt.take("approve"), Move::Decide(Decision::Approve));
        let not_offered = prompt.take("skip");
        assert!(matches!(not_offered, Move::Ask(Some(_))), "{not_offered:?}");
    }

    #[test]
    fn answers_with_a_text_ask_for_it() {
        let mut prompt = Prompt::new(&sample(1));
        assert_eq!(prompt.take("c"), Move::Ask(None));
        assert_eq!(prompt.take(""), Move::Ask(None));
        assert_eq!(prompt.take("c"), Move::Ask(None));
        assert_eq!(prompt.take("use i64"), Move::Decide(Decision::RequestChanges { text: "use i64".to_owned() }));
        let mut prompt = Prompt::new(&sample(1));
        prompt.take("reject");
        assert_eq!(prompt.take(""), Move::Decide(Decision::Reject { text: String::new() }));
        let failed = PauseView { decisions: vec!["retry".to_owned(), "stop".to_owned()], ..sample(1) };
        let mut prompt = Prompt::new(&failed);
        prompt.take("t");
        assert!(matches!(prompt.take("No Name"), Move::Ask(Some(_))));
        assert_eq!(prompt.take("@claude"), Move::Decide(Decision::Retry { agent: Some("claude".parse().unwrap()) }));
    }

    #[test]
    fn a_permission_is_given_for_as_long_as_is_typed() {
        let ask = AskView {
            turn: TurnId(1),
            agent: "claude".parse().unwrap(),
            tool: Some("Bash".to_owned()),
            scopes: vec![Scope::Once, Scope::Run, Scope::Always],
            choices: Vec::new(),
        };
        let view = PauseView { kind: PauseKind::Permission, ask: Some(ask), ..sample(1) };
        let mut prompt = Prompt::new(&view);
        assert_eq!(prompt.take("a"), Move::Ask(None));
        insta::assert_snapshot!(prompt.question().text(), @"p1 For how long? [o]nce [r]un [a]lways (empty: back) >");
        assert!(matches!(prompt.take("yes"), Move::Ask(Some(_))));
        assert_eq!(prompt.take(""), Move::Ask(None));
        assert_eq!(prompt.take("approve"), Move::Ask(None));
        assert_eq!(prompt.take("r"), Move::Allow(Scope::Run));
        let question = PauseView { kind: PauseKind::Question, ..sample(1) };
        let mut prompt = Prompt::new(&question);
        assert_eq!(prompt.take("a"), Move::Ask(None));
        assert_eq!(prompt.take("use i64"), Move::Decide(Decision::Edit { document: "use i64".to_owned() }));
    }

    #[test]
    fn every_decision_has_a_key_of_its_own() {
        let mut keys: Vec<_> = CHOICES.iter().map(|it| it.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), CHOICES.len());
        for it in &CHOICES {
            assert_eq!(it.shown.1.chars().next(), Some(it.key));
        }
    }
}
