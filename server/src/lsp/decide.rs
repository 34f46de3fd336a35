//! A person's answer at a pause point, given from an editor: what "approve" means where the page was edited.
//!
//! Invariant (promise 2): an answer carries the hash of what this person was shown, here or in what they name; and text that
//! goes on in place of it is text that this person's editor has open and has saved.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    ask::Scope,
    document::Decision,
    hub::event::{Event, Refusal, RefusalCode},
    ids::{AgentName, PauseId},
    lsp::{
        editor::Editor,
        page::{self, Left},
        pages,
    },
    protocol::{Changed, PauseKind, PauseView},
};

/// What `callboard.decide` takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Decide {
    /// Which pause; the one whose page is open in this editor where absent.
    #[serde(default)]
    pub pause: Option<PauseId>,
    /// The decision's name.
    pub decision: String,
    /// The hash of what was shown; where the page is open here it need not be said.
    #[serde(default)]
    pub hash: Option<String>,
    /// What to change, or why it is rejected; what stands below the page's last line where absent.
    #[serde(default)]
    pub text: Option<String>,
    /// The edited document; what is saved in the page where absent.
    #[serde(default)]
    pub document: Option<String>,
    /// Who tries again.
    #[serde(default)]
    pub agent: Option<AgentName>,
    /// For how long a permission is given.
    #[serde(default)]
    pub scope: Option<Scope>,
}

/// Answers a pause point.
pub async fn decide(editor: &Editor, params: Decide) -> Result<Value, Refusal> {
    let scope = params.scope;
    let (pause, decision, hash) = resolve(editor, params)?;
    let by = editor.actor.clone();
    let reply = editor.shared.hub.ask(Event::Decide { by, pause, decision, hash, scope }).await?;
    Ok(json!(Changed { rev: reply.rev }))
}

fn resolve(editor: &Editor, params: Decide) -> Result<(PauseId, Decision, String), Refusal> {
    let snapshot = editor.shared.hub.snapshot();
    let is_open = |id: &PauseId| pages::view(&snapshot, *id).is_some_and(|it| it.answered.is_none());
    let id = match params.pause {
        Some(id) => id,
        None => match editor.open_pages().into_iter().filter(is_open).collect::<Vec<_>>()[..] {
            [one] => one,
            [] => {
                return Err(invalid(
                    "no page of a pause point is open in this editor; name the pause, or open its page",
                ));
            }
            _ => return Err(invalid("several pages of pause points are open in this editor; name the pause")),
        },
    };
    let view = pages::view(&snapshot, id).ok_or_else(|| {
        Refusal::new(
            RefusalCode::NotFound,
            format!("there is no pause {id} in this workspace; `callboard inbox` lists them"),
        )
    })?;
    let open = editor.page(id);
    let hash = match (&params.hash, &open) {
        (Some(hash), _) => hash.clone(),
        (None, Some(_)) => view.hash.clone(),
        (None, None) => {
            return Err(invalid(format!(
                "an answer is bound to what was shown: open the page of {id} first, or give its hash"
            )));
        }
    };
    let page = match open {
        Some(page) if page.text != page.saved && params.document.is_none() && view.answered.is_none() => Page::Unsaved,
        Some(page) => Page::Open(page::read(&page.saved)),
        None if editor.shared.pages.is_edited(id) => Page::EditedElsewhere,
        None => Page::Closed,
    };
    Ok((id, decision(&view, params, &page)?, hash))
}

/// How the page of a pause stands in this editor.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Page {
    Closed,
    Open(Left),
    Unsaved,
    EditedElsewhere,
}

fn decision(view: &PauseView, params: Decide, page: &Page) -> Result<Decision, Refusal> {
    let id = view.id;
    let Decide { decision, text, document, agent, .. } = params;
    let takes = |name: &str| view.decisions.iter().any(|it| it == name);
    let words = || match (text.clone(), page) {
        (Some(text), _) => Ok(text),
        (None, Page::Open(left)) => Ok(left.words.clone()),
        (None, Page::Unsaved) => Err(unsaved(id)),
        (None, _) => Ok(String::new()),
    };
    Ok(match decision.as_str() {
        // Answered already: the hub says by whom, whatever this page looks like.
        "approve" if view.answered.is_some() => Decision::Approve,
        // The answer to a question goes on in its document's place.
        "approve" if view.kind == PauseKind::Question && text.is_some() => {
            Decision::Edit { document: text.unwrap_or_default() }
        }
        "approve" | "edit" if document.is_some() => Decision::Edit { document: document.unwrap_or_default() },
        "approve" | "edit" => match page {
            Page::Unsaved => return Err(unsaved(id)),
            Page::EditedElsewhere => {
                let message = format!("the page of {id} was edited and saved; open it to approve what it says now");
                return Err(Refusal::new(RefusalCode::Changed, message));
            }
            Page::Open(left) if left.is_edited(view) => {
                if !takes("edit") {
                    return Err(invalid(format!(
                        "what {id} shows can't be edited: take your changes back, then answer"
                    )));
                }
                Decision::Edit { document: left.document.clone() }
            }
            Page::Open(_) | Page::Closed if decision == "edit" => {
                let message = format!(
                    "nothing is edited yet: change the text of {id}.md, save it, and approve; what you saved goes on"
                );
                return Err(invalid(message));
            }
            Page::Open(_) | Page::Closed => Decision::Approve,
        },
        "request-changes" => {
            let text = words()?;
            if text.trim().is_empty() {
                let message = format!(
                    "say what to change: write it below the last line of {id}.md, save it, and choose this again"
                );
                return Err(invalid(message));
            }
            Decision::RequestChanges { text }
        }
        "reject" => Decision::Reject { text: words()? },
        "skip" => Decision::Skip,
        "retry" => Decision::Retry { agent },
        "stop" => Decision::Stop,
        other => return Err(invalid(format!("{id} takes {}; not {other:?}", view.decisions.join(", ")))),
    })
}

fn unsaved(pause: PauseId) -> Refusal {
    let message = format!("{pause}.md has changes that are not saved; save it, or take them back, then answer");
    Refusal::new(RefusalCode::Changed, message)
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(RefusalCode::Invalid, message)
}

/// Returns the decisions that a pause takes, each with its scopes: a permission is approved for one of several.
pub fn offered(view: &PauseView) -> Vec<(&String, Option<Scope>)> {
    let scopes = view.ask.as_ref().map_or(&[][..], |it| &it.scopes);
    let with_scopes = |name| match (scopes, name == "approve") {
        ([_, _, ..], true) => scopes.iter().map(|it| Some(*it)).collect(),
        _ => vec![None],
    };
    view.decisions.iter().flat_map(|name| with_scopes(name.as_str()).into_iter().map(move |it| (name, it))).collect()
}

/// Returns a decision with its scope as people read it.
pub fn titled(name: &str, scope: Option<Scope>) -> String {
    let how = match scope {
        None => "",
        Some(Scope::Once) => " once",
        Some(Scope::Run) => " for this run",
        Some(Scope::Always) => " always",
    };
    format!("{}{how}", title(name))
}

/// Returns a decision's name as people read it.
pub fn title(name: &str) -> String {
    let mut title = name.replace('-', " ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document::hash_of, ids::Timestamp};

    fn view(decisions: &[&str]) -> PauseView {
        PauseView {
            id: PauseId(1),
            kind: PauseKind::Step,
            title: String::new(),
            run: None,
            step: None,
            channel: "main".parse().unwrap(),
            opened: Timestamp(0),
            document: "shown\n".to_owned(),
            hash: hash_of("shown\n"),
            decisions: decisions.iter().map(|it| (*it).to_owned()).collect(),
            steering: String::new(),
            ask: None,
            answered: None,
            rev: 1,
        }
    }

    fn said(decisions: &[&str], decision: &str, page: &Page) -> String {
        let params = Decide { decision: decision.to_owned(), ..Decide::default() };
        match super::decision(&view(decisions), params, page) {
            Ok(decision) => format!("{decision:?}"),
            Err(refusal) => format!("{:?}: {}", refusal.code, refusal.message),
        }
    }

    /// Promise 2: what goes on is what was shown, or what this person saved; never what they don't see.
    #[test]
    fn approve_means_what_the_person_sees() {
        let open = |document: &str, words: &str| Page::Open(Left { document: document.into(), words: words.into() });
        let all = ["approve", "edit", "request-changes", "reject"];
        insta::assert_snapshot!([
            said(&all, "approve", &Page::Closed),
            said(&all, "approve", &open("shown\n", "")),
            said(&all, "approve", &open("edited\n", "")),
            said(&all, "edit", &open("edited\n", "")),
            said(&all, "edit", &open("shown", "")),
            said(&all, "approve", &Page::Unsaved),
            said(&all, "approve", &Page::EditedElsewhere),
            said(&["approve"], "approve", &open("edited\n", "")),
            said(&all, "request-changes", &open("shown\n", "look again")),
            said(&all, "request-changes", &open("shown\n", "")),
            said(&all, "request-changes", &Page::Unsaved),
            said(&all, "reject", &open("shown\n", "")),
            said(&all, "stop", &Page::Unsaved),
            said(&all, "perhaps", &Page::Closed),
        ].join("\n"), @r#"
            Approve
            Approve
            Edit { document: "edited\n" }
            Edit { document: "edited\n" }
            Invalid: nothing is edited yet: change the text of p1.md, save it, and approve; what you saved goes on
            Changed: p1.md has changes that are not saved; save it, or take them back, then answer
            Changed: the page of p1 was edited and saved; open it to approve what it says now
            Invalid: what p1 shows can't be edited: take your changes back, then answer
            RequestChanges { text: "look again" }
            Invalid: say what to change: write it below the last line of p1.md, save it, and choose this again
            Changed: p1.md has changes that are not saved; save it, or take them back, then answer
            Reject { text: "" }
            Stop
            Invalid: p1 takes approve, edit, request-changes, reject; not "perhaps"
            "#);
    }

    #[test]
    fn titles_are_words() {
        assert_eq!([title("approve"), title("request-changes"), title("")], ["Approve", "Request changes", ""]);
    }
}
