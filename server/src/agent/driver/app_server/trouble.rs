//! What Codex's own names for failures mean: a class, a sentence, and what to do next.
//!
//! Pure.

use super::wire::TurnError;
use crate::{
    ids::{AgentName, Timestamp},
    outcome::{Failure, FailureClass},
};

/// Returns the failure that an error of Codex's is. `again` is when its provider's limit begins anew, where it said so.
pub(super) fn failure(agent: &AgentName, error: &TurnError, again: Option<Timestamp>) -> Failure {
    let class = class(error);
    let next = match class {
        FailureClass::NotSignedIn => "run `codex login`, then retry",
        FailureClass::RateLimited => "wait until its limit is over, or let another agent do it",
        FailureClass::ContextFull => "stop the agent, so that its next turn begins a new conversation",
        FailureClass::OverBudget => "raise its budget in Codex, or let another agent do it",
        FailureClass::Denied => "say it in another way, or let another agent do it",
        FailureClass::Crashed if error.kind == "modelNotFound" => "choose another model for it in the settings",
        FailureClass::Crashed => "look at its terminal, then retry",
        _ => "retry, or let another agent do it",
    };
    let said = error.message.trim();
    let said = if said.is_empty() { "no reason" } else { said };
    let message = format!("{agent}'s provider or program refused: {said}; {next}");
    Failure { class, message, retry_at: again.filter(|_| class == FailureClass::RateLimited) }
}

fn class(error: &TurnError) -> FailureClass {
    match error.status {
        Some(401 | 403) => return FailureClass::NotSignedIn,
        Some(429) => return FailureClass::RateLimited,
        _ => {}
    }
    match error.kind.as_str() {
        "unauthorized" => FailureClass::NotSignedIn,
        "usageLimitExceeded" | "rateLimitExceeded" => FailureClass::RateLimited,
        "contextWindowExceeded" => FailureClass::ContextFull,
        "sessionBudgetExceeded" => FailureClass::OverBudget,
        "cyberPolicy" | "misalignmentPolicyViolation" | "tooManyDenials" | "inferenceHookDenied" => {
            FailureClass::Denied
        }
        "modelNotFound" | "sandboxError" | "threadRollbackFailed" => FailureClass::Crashed,
        // A variable that its provider's settings name is part of being signed in.
        _ if error.message.contains("Missing environment variable") => FailureClass::NotSignedIn,
        _ if error.message.contains("usage limit") => FailureClass::RateLimited,
        _ => FailureClass::Overloaded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: &str, status: Option<u64>, message: &str, expect: FailureClass) {
        let error = TurnError { message: message.to_owned(), kind: kind.to_owned(), status };
        let got = failure(&"codex".parse().unwrap(), &error, Some(Timestamp(7)));
        assert_eq!(got.class, expect, "{got:?}");
        assert_eq!(got.retry_at.is_some(), expect == FailureClass::RateLimited);
        assert!(got.message.contains("; "), "it does not say what to do: {got:?}");
    }

    #[test]
    fn each_kind_of_failure_has_its_class() {
        check("usageLimitExceeded", None, "You've hit your usage limit", FailureClass::RateLimited);
        check("responseTooManyFailedAttempts", Some(429), "exceeded retry limit", FailureClass::RateLimited);
        check("httpConnectionFailed", Some(401), "unauthorized", FailureClass::NotSignedIn);
        check("unauthorized", None, "", FailureClass::NotSignedIn);
        check("other", None, "Missing environment variable: `X_KEY`.", FailureClass::NotSignedIn);
        check("contextWindowExceeded", None, "ran out of room", FailureClass::ContextFull);
        check("internalServerError", None, "high demand", FailureClass::Overloaded);
        check("responseStreamDisconnected", Some(503), "cut", FailureClass::Overloaded);
        check("modelNotFound", None, "no such model", FailureClass::Crashed);
        check("cyberPolicy", None, "no", FailureClass::Denied);
        check("", None, "", FailureClass::Overloaded);
    }
}
