//! The edge between agents and the core: secrets are taken out of what agents say before it becomes an event.
//!
//! Invariant: nothing that an agent said gets into the journal with a key of a known shape in it, or with a value of the
//! hub's own environment whose name says that it is a secret.

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    ask::{Ask, Permission, Wish},
    config::redact::Redactor,
    hub::event::{Event, TakeOverCame},
    outcome::{Failure, FailureClass, TurnOutcome},
};

/// Returns the event without secrets.
pub(crate) fn discreet(redactor: &Redactor, event: Event) -> Event {
    match event {
        Event::TurnEnded { turn, outcome } => Event::TurnEnded { turn, outcome: outcome_of(redactor, outcome) },
        Event::AgentChanged { agent, mut claim } => {
            claim.why = redactor.redact(&claim.why).into_owned();
            Event::AgentChanged { agent, claim }
        }
        Event::FindingReported { agent, mut finding } => {
            if let Some(redacted) = redacted(redactor, &finding) {
                match redacted {
                    Ok(it) => finding = it,
                    // Its words are what a person needs; that they can't be read back is no reason to lose them.
                    Err(_) => finding.text = redactor.redact(&finding.text).into_owned(),
                }
            }
            Event::FindingReported { agent, finding }
        }
        Event::SessionKnown { turn, place, session, lost } => {
            let lost = lost.map(|it| redactor.redact(&it).into_owned());
            Event::SessionKnown { turn, place, session, lost }
        }
        Event::TakeOverCame { agent, number, came: TakeOverCame::Over { why } } => {
            let why = redactor.redact(&why).into_owned();
            Event::TakeOverCame { agent, number, came: TakeOverCame::Over { why } }
        }
        Event::Asked { turn, ask } => Event::Asked { turn, ask: Box::new(ask_of(redactor, *ask)) },
        other => other,
    }
}

/// Returns an ask without secrets. Its key stays: it names the ask, and shows nothing.
fn ask_of(redactor: &Redactor, ask: Ask) -> Ask {
    let key = ask.key.clone();
    let ask = match redacted(redactor, &ask) {
        None => ask,
        Some(Ok(it)) => it,
        Some(Err(_)) => {
            let title = "wants something that has a secret where a program needs a value".to_owned();
            Ask { key: String::new(), wish: Wish::Permission(Permission { title, ..Permission::default() }) }
        }
    };
    Ask { key, ..ask }
}

fn outcome_of(redactor: &Redactor, outcome: TurnOutcome) -> TurnOutcome {
    match outcome {
        TurnOutcome::Answered { text, result, usage } => {
            let text = redactor.redact(&text).into_owned();
            let result = match result.as_ref().and_then(|it| redacted(redactor, it)) {
                None => result,
                Some(Ok(it)) => Some(it),
                Some(Err(_)) => {
                    let message = "its result has a secret where a program needs a value, so it was not taken; retry";
                    return TurnOutcome::Failed(Failure {
                        class: FailureClass::InvalidResult,
                        message: message.to_owned(),
                        retry_at: None,
                    });
                }
            };
            TurnOutcome::Answered { text, result, usage }
        }
        TurnOutcome::Failed(failure) => {
            let message = redactor.redact(&failure.message).into_owned();
            TurnOutcome::Failed(Failure { message, ..failure })
        }
    }
}

/// Returns a value without its secrets, `None` where it has none.
fn redacted<T: Serialize + DeserializeOwned>(redactor: &Redactor, value: &T) -> Option<serde_json::Result<T>> {
    let mut json = serde_json::to_value(value).ok()?;
    redactor.redact_json(&mut json).then(|| serde_json::from_value(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::{TypedResult, Usage};

    #[test]
    fn secrets_leave_no_agent_in_words_or_in_results() {
        let pairs = [("DEPLOY_TOKEN".to_owned(), "canary-4711".to_owned())];
        let redactor = Redactor::of_environment(&pairs).unwrap();
        let key = format!("ghp_{}", "a1B2".repeat(9));
        let result: TypedResult = serde_json::from_value(serde_json::json!({
            "kind": "review", "verdict": "changes_requested", "summary": format!("{key} is in it"),
            "findings": [{ "severity": "error", "text": "canary-4711", "excerpt": format!("let k = \"{key}\";") }],
        }))
        .unwrap();
        let outcome =
            TurnOutcome::Answered { text: format!("see {key}"), result: Some(result), usage: Usage::default() };
        let said = serde_json::to_string(&outcome_of(&redactor, outcome)).unwrap();
        assert!(!said.contains("ghp_") && !said.contains("canary"), "{said}");
        assert_eq!(said.matches("[redacted]").count(), 4, "{said}");
        let failed = TurnOutcome::Failed(Failure {
            class: FailureClass::Crashed,
            message: "the last it said: canary-4711".to_owned(),
            retry_at: None,
        });
        let TurnOutcome::Failed(failure) = outcome_of(&redactor, failed) else { panic!("it failed") };
        assert_eq!(failure.message, "the last it said: [redacted]");
    }
}
