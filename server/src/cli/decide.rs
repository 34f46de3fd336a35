//! `callboard decide`: one answer at one pause point.
//!
//! Invariant: the hash that is sent is that of the document that was shown, or the one the person gave; never one that is
//! read after showing (promise 2).

use std::{io::Read as _, path::Path};

use super::{
    args::{DecideArgs, DecisionName},
    editor,
    fail::Fail,
    lists::{no_pause, told},
    out::Out,
    person::Person,
    render::{self, Line, Tone},
    wire::{Wire, ask},
};
use crate::{
    ask::Scope,
    document::Decision,
    hub::event::RefusalCode,
    ids::PauseId,
    protocol::{Changed, DecideParams, InboxParams, PauseView, method},
};

/// `callboard decide ID …`.
pub async fn decide(wire: &mut impl Wire, out: &mut Out, person: &mut Person, args: &DecideArgs) -> Result<i32, Fail> {
    check(args, person)?;
    let pauses: Vec<PauseView> = ask(wire, method::INBOX, &InboxParams { pause: Some(args.pause), all: true }).await?;
    let pause = pauses.into_iter().find(|it| it.id == args.pause).ok_or_else(|| no_pause(args.pause))?;
    if let Some(answered) = &pause.answered {
        let how = answered.decision.name();
        return Err(Fail::refused(
            RefusalCode::AlreadyAnswered,
            format!("{} was answered by {}: {how}; the first answer stays", pause.id, answered.by),
        ));
    }
    if !out.json {
        out.lines(&render::pause::pause(&pause, &out.view))?;
        out.line(&Line::new())?;
    }
    let hash = args.hash.clone().unwrap_or_else(|| pause.hash.clone());
    let decision = match args.decision {
        // The answer to a question goes on in its document's place.
        DecisionName::Approve => match (&args.text, &pause.ask) {
            (None, _) => Decision::Approve,
            (Some(text), Some(asked)) if asked.scopes.is_empty() => Decision::Edit { document: text.clone() },
            (Some(_), _) => {
                let fail = Fail::usage(format!("{} is no question, so --text says nothing there", pause.id));
                return Err(fail.help("nothing is decided; leave it out, or request-changes with it"));
            }
        },
        DecisionName::Skip => Decision::Skip,
        DecisionName::Stop => Decision::Stop,
        DecisionName::Retry => Decision::Retry { agent: args.agent.clone() },
        DecisionName::Reject => Decision::Reject { text: args.text.clone().unwrap_or_default() },
        DecisionName::RequestChanges => Decision::RequestChanges { text: what_to_change(args, out, person).await? },
        DecisionName::Edit => match &args.file {
            Some(file) => {
                let document = read(file)?;
                editor::not_empty(&document)?;
                Decision::Edit { document }
            }
            None => return edit(wire, out, person, &pause, hash).await,
        },
    };
    send(wire, out, &pause, decision, hash, args.scope.map(Scope::from)).await
}

/// Lets the person edit until the hub takes it, or they give up.
async fn edit(
    wire: &mut impl Wire,
    out: &mut Out,
    person: &mut Person,
    pause: &PauseView,
    hash: String,
) -> Result<i32, Fail> {
    let command = editor::command()?;
    let mut text = pause.document.clone();
    loop {
        text = editor::edit(&command, &format!("{}.md", pause.id), &text).await?;
        if text == pause.document {
            return Err(Fail::new("unchanged", "nothing was changed, and nothing is decided")
                .help(format!("`callboard decide {} approve` takes it as it is", pause.id)));
        }
        let decision = Decision::Edit { document: text.clone() };
        match send(wire, out, pause, decision, hash.clone(), None).await {
            Err(fail) if fail.is(RefusalCode::Invalid) => {
                out.fail(&fail);
                out.ask(&Line::new().with(Tone::Strong, "Edit it again? [y]es, anything else gives up >"))?;
                let again = person.keys.line().await.unwrap_or_default();
                if !matches!(again.trim().to_lowercase().as_str(), "y" | "yes") {
                    return Err(Fail::new("invalid", format!("{} still waits; nothing is decided", pause.id)));
                }
            }
            other => return other,
        }
    }
}

async fn send(
    wire: &mut impl Wire,
    out: &mut Out,
    pause: &PauseView,
    decision: Decision,
    hash: String,
    scope: Option<Scope>,
) -> Result<i32, Fail> {
    let name = decision.name();
    let params = DecideParams { pause: pause.id, decision, hash, scope };
    let changed: Changed = match ask(wire, method::DECIDE, &params).await {
        Err(fail) if fail.is_lost() => {
            wire.reconnect().await?;
            send_again(wire, &params).await?
        }
        other => other?,
    };
    let run = pause.run.map_or_else(String::new, |it| format!(" To watch it: callboard show {it} --follow"));
    told(out, &changed, &format!("{} is answered: {name}.{run}", pause.id))
}

/// Sends a decision to the hub that took a lost one's place. The lost one may have recorded it, and then it is no refusal
/// that the pause is answered just so (promise 1).
async fn send_again(wire: &mut impl Wire, params: &DecideParams) -> Result<Changed, Fail> {
    match ask(wire, method::DECIDE, params).await {
        Err(fail) if fail.is(RefusalCode::AlreadyAnswered) => {
            let asked = InboxParams { pause: Some(params.pause), all: true };
            let pauses: Vec<PauseView> = ask(wire, method::INBOX, &asked).await?;
            let is_ours = |it: &PauseView| it.answered.as_ref().is_some_and(|it| it.decision == params.decision);
            match pauses.iter().find(|it| is_ours(it)) {
                Some(pause) => Ok(Changed { rev: pause.rev }),
                None => Err(fail),
            }
        }
        other => other,
    }
}

/// Refuses arguments that the decision has no use for: a text that is silently dropped would be a lost answer.
fn check(args: &DecideArgs, person: &Person) -> Result<(), Fail> {
    let wants_text = args.decision == DecisionName::RequestChanges;
    if wants_text && args.text.as_ref().map_or(!person.is_there, |it| it.trim().is_empty()) {
        return Err(no_text());
    }
    if args.decision == DecisionName::Edit && args.file.is_none() && !person.is_there {
        return Err(no_terminal(args.pause));
    }
    let takes_text =
        matches!(args.decision, DecisionName::RequestChanges | DecisionName::Reject | DecisionName::Approve);
    let unused = [
        (args.text.is_some() && !takes_text, "--text", "request-changes, reject and the approval of an answer"),
        (args.file.is_some() && args.decision != DecisionName::Edit, "--file", "edit"),
        (args.scope.is_some() && args.decision != DecisionName::Approve, "--scope", "approve"),
        (args.agent.is_some() && args.decision != DecisionName::Retry, "--agent", "retry"),
    ];
    match unused.iter().find(|it| it.0) {
        Some((_, flag, of)) => Err(Fail::usage(format!("{flag} belongs to {of}; nothing is decided"))),
        None => Ok(()),
    }
}

async fn what_to_change(args: &DecideArgs, out: &mut Out, person: &mut Person) -> Result<String, Fail> {
    let text = match &args.text {
        Some(text) => text.clone(),
        None if person.is_there => {
            out.ask(&Line::new().with(Tone::Strong, "What is to be changed? >"))?;
            person.keys.line().await.unwrap_or_default()
        }
        None => String::new(),
    };
    if text.trim().is_empty() {
        return Err(no_text());
    }
    Ok(text.trim().to_owned())
}

fn no_text() -> Fail {
    Fail::usage("request-changes needs to know what is to be changed; nothing is decided").help("say it with --text")
}

fn no_terminal(pause: PauseId) -> Fail {
    Fail::usage("there is no terminal to edit on; nothing is decided").help(format!(
        "give the edited document with --file FILE; `callboard inbox {pause} --document > FILE` writes it as it is"
    ))
}

pub(super) fn read(file: &Path) -> Result<String, Fail> {
    const MOST: u64 = 4 * 1024 * 1024;
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|it| it.take(MOST + 1).read_to_string(&mut text))
    };
    let size = read.map_err(|why| Fail::new("io", format!("{} can't be read: {why}", file.display())))?;
    if u64::try_from(size).unwrap_or(u64::MAX) > MOST {
        return Err(Fail::new("invalid", format!("{} is larger than 4 MiB; nothing is decided", file.display())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;
    use serde_json::json;

    use super::*;
    use crate::{
        cli::{
            fail::USAGE,
            out::Buffer,
            render::pause::tests::sample as pause,
            wire::fake::{Fake, changed},
        },
        ids::{PauseId, Timestamp},
        protocol::Answered,
    };

    fn args(decision: &str) -> DecideArgs {
        DecideArgs {
            pause: PauseId(1),
            decision: DecisionName::from_str(decision, false).unwrap(),
            text: None,
            file: None,
            agent: None,
            hash: None,
            scope: None,
        }
    }

    async fn play(hub: &mut Fake, args: &DecideArgs) -> (Result<i32, Fail>, String) {
        let shown = Buffer::default();
        let mut out = Out::into_buffers(shown.clone(), shown.clone(), false, false);
        let done = decide(hub, &mut out, &mut Person::nobody(), args).await;
        hub.assert_played();
        (done, shown.text())
    }

    #[tokio::test]
    async fn promise_2_the_answer_is_bound_to_the_hash_of_what_was_shown() {
        let mut hub = Fake::default().on(method::INBOX, json!({ "pause": "p1" }), json!([pause(1)])).on(
            method::DECIDE,
            json!({ "pause": "p1", "decision": "approve", "hash": pause(1).hash }),
            changed(),
        );
        let (done, shown) = play(&mut hub, &args("approve")).await;
        assert_eq!(done, Ok(0));
        assert!(shown.contains("[x] f1 warning src/lib.rs:12"), "it was not shown: {shown}");
        assert!(shown.contains("p1 is answered: approve."), "{shown}");
    }

    #[tokio::test]
    async fn promise_2_a_hash_that_the_person_gives_is_sent_as_it_is() {
        let mut hub = Fake::default().on(method::INBOX, json!({}), json!([pause(1)])).refuses(
            method::DECIDE,
            json!({ "hash": "old" }),
            Fail::refused(RefusalCode::Changed, "it changed"),
        );
        let (done, _) = play(&mut hub, &DecideArgs { hash: Some("old".to_owned()), ..args("approve") }).await;
        assert!(done.unwrap_err().is(RefusalCode::Changed));
    }

    #[tokio::test]
    async fn a_file_is_the_edited_document() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# edited\n").unwrap();
        let mut hub = Fake::default().on(method::INBOX, json!({}), json!([pause(1)])).on(
            method::DECIDE,
            json!({ "decision": "edit", "document": "# edited\n" }),
            changed(),
        );
        let (done, _) = play(&mut hub, &DecideArgs { file: Some(file.path().to_owned()), ..args("edit") }).await;
        assert_eq!(done, Ok(0));
    }

    #[tokio::test]
    async fn an_empty_document_decides_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut hub = Fake::default().on(method::INBOX, json!({}), json!([pause(1)]));
        let (done, _) = play(&mut hub, &DecideArgs { file: Some(file.path().to_owned()), ..args("edit") }).await;
        assert!(done.unwrap_err().message.contains("nothing was decided"));
    }

    #[tokio::test]
    async fn a_late_answer_is_told_who_answered() {
        let answer = Answered { by: "ada".to_owned(), at: Timestamp(0), decision: Decision::Stop, hash: String::new() };
        let late = PauseView { answered: Some(answer), ..pause(1) };
        let mut hub = Fake::default().on(method::INBOX, json!({}), json!([late]));
        let (done, _) = play(&mut hub, &args("approve")).await;
        assert_eq!(done.unwrap_err().message, "p1 was answered by ada: stop; the first answer stays");
    }

    #[tokio::test]
    async fn arguments_that_would_be_dropped_are_refused_before_anything_is_asked() {
        let mut hub = Fake::default();
        for args in [
            DecideArgs { text: Some("x".to_owned()), ..args("stop") },
            DecideArgs { scope: Some(crate::cli::args::ScopeName::Run), ..args("reject") },
            DecideArgs { file: Some("x".into()), ..args("stop") },
            DecideArgs { agent: Some("claude".parse().unwrap()), ..args("skip") },
        ] {
            assert_eq!(play(&mut hub, &args).await.0.unwrap_err().exit, USAGE);
        }
        // There is nobody to ask for what they leave out.
        for decision in ["request-changes", "edit"] {
            assert_eq!(play(&mut hub, &args(decision)).await.0.unwrap_err().exit, USAGE);
        }
    }
}
