//! What went wrong, as a class: from a program's own words and its provider's status to a failure that says what to do.
//!
//! Pure. A provider's refusal looks like success in all but one field, so nothing here looks at the subtype first.

use super::wire::Over;
use crate::{
    ids::Timestamp,
    outcome::{Failure, FailureClass},
};

/// Returns the failure that the end of a turn is.
pub(super) fn of(agent: &str, over: &Over) -> Failure {
    let words = if over.text.trim().is_empty() { over.errors.join("; ") } else { over.text.clone() };
    let class = match over.status {
        Some(401 | 403) => FailureClass::NotSignedIn,
        Some(402) => FailureClass::OverBudget,
        Some(429) => FailureClass::RateLimited,
        Some(500..=599) => FailureClass::Overloaded,
        _ => class_of(&words).unwrap_or(match over.how.as_str() {
            "error_max_budget_usd" => FailureClass::OverBudget,
            "error_max_turns" => FailureClass::TotalTimeout,
            _ => FailureClass::Crashed,
        }),
    };
    let next = match class {
        FailureClass::NotSignedIn => "sign in by running it once in a terminal, then retry",
        FailureClass::RateLimited => "wait until its limit is over, or let another agent do it",
        FailureClass::Overloaded => "retry in a while, or let another agent do it",
        FailureClass::ContextFull => "retry: it begins a new conversation with what was last said",
        FailureClass::OverBudget => "see what its account allows, or let another agent do it",
        _ => "retry, or look at its terminal",
    };
    let said: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(400).collect();
    let said = if said.is_empty() { format!("its turn ended as {}", over.how) } else { format!("it says {said:?}") };
    Failure { class, message: format!("@{agent}: {said}; {next}"), retry_at: None }
}

/// Returns the class that a program's words stand for, where they are certain.
pub(super) fn class_of(words: &str) -> Option<FailureClass> {
    let has = |signs: &[&str]| signs.iter().any(|it| words.contains(it));
    if has(&[
        "Not logged in",
        "Please run /login",
        "Invalid API key",
        "OAuth token has expired",
        "amp login",
        "Starting login flow",
    ]) {
        Some(FailureClass::NotSignedIn)
    } else if has(&["Prompt is too long", "prompt is too long", "Context limit reached", "context window"]) {
        Some(FailureClass::ContextFull)
    } else if has(&["usage limit reached", "hit your limit", "rate limit"]) {
        Some(FailureClass::RateLimited)
    } else if has(&["Credit balance is too low", "spend limit"]) {
        Some(FailureClass::OverBudget)
    } else if has(&["Unable to connect to API", "ConnectionRefused", "Couldn't connect to", "Connection error"]) {
        Some(FailureClass::Overloaded)
    } else {
        None
    }
}

/// Returns the failure that a limit is, which is over at a time.
pub(super) fn limited(agent: &str, why: &str, until: Timestamp) -> Failure {
    let message = format!("@{agent}: {why}; wait until its limit is over, or let another agent do it");
    Failure { class: FailureClass::RateLimited, message, retry_at: Some(until) }
}

/// Returns what is said of a provider that is tried again.
pub(super) fn retrying(status: Option<u16>, after: u64) -> String {
    let what = status.map_or("could not be reached".to_owned(), |it| format!("answered {it}"));
    format!("its provider {what}; it tries again in {} s", after.div_ceil(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promise_3_every_refusal_has_its_class() {
        let of = |status: Option<u16>, text: &str, how: &str| {
            let over = Over { failed: true, status, text: text.to_owned(), how: how.to_owned(), ..Over::default() };
            of("claude", &over).class
        };
        for (status, class) in [
            (401, FailureClass::NotSignedIn),
            (403, FailureClass::NotSignedIn),
            (429, FailureClass::RateLimited),
            (500, FailureClass::Overloaded),
            (529, FailureClass::Overloaded),
            (418, FailureClass::Crashed),
        ] {
            assert_eq!(of(Some(status), "API Error", "success"), class, "{status}");
        }
        assert_eq!(of(Some(400), "Prompt is too long", "success"), FailureClass::ContextFull);
        assert_eq!(of(None, "Not logged in · Please run /login", "success"), FailureClass::NotSignedIn);
        assert_eq!(
            of(None, "API Error: Unable to connect to API (ConnectionRefused)", "success"),
            FailureClass::Overloaded
        );
        assert_eq!(of(None, "", "error_max_budget_usd"), FailureClass::OverBudget);
        assert_eq!(of(None, "", "error_during_execution"), FailureClass::Crashed);
    }
}
