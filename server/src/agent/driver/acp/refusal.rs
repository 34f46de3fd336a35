//! How a turn ends otherwise than with an answer, as agents of the protocol say it: a class, a sentence, what to do next.
//!
//! Pure.

use std::{sync::LazyLock, time::Duration};

use regex::Regex;
use serde_json::Value;

use crate::{
    ids::AgentName,
    outcome::{Failure, FailureClass},
};

/// Returns what a turn's end by itself comes to.
pub(super) fn stopped(agent: &AgentName, reason: &str) -> Result<(), Failure> {
    let (class, message) = match reason {
        "end_turn" => return Ok(()),
        "cancelled" => (FailureClass::Interrupted, format!("{agent}'s turn was stopped")),
        "refusal" => (FailureClass::Denied, format!("{agent} refuses to go on; say it in another way")),
        "max_tokens" => (
            FailureClass::ContextFull,
            format!("{agent}'s answer was cut at its model's limit; ask for less, or stop it to begin a new session"),
        ),
        "max_turn_requests" => (
            FailureClass::OverBudget,
            format!("{agent} reached its own limit of requests in a turn; raise it there, or ask for less"),
        ),
        other => (FailureClass::Crashed, format!("{agent} ended its turn for a reason not known here: {other:?}")),
    };
    Err(Failure { class, message, retry_at: None })
}

/// Returns the failure that an error answer to a prompt is.
pub(super) fn refused(agent: &AgentName, error: &Value) -> Failure {
    let said = words(error);
    // A provider's status stands in the code, in the data, or in a document within the message.
    let inner: Value = serde_json::from_str(error["message"].as_str().unwrap_or_default()).unwrap_or_default();
    let codes = [&error["code"], &inner["error"]["code"], &error["data"]["status"], &error["data"]["code"]];
    let status = codes.into_iter().filter_map(Value::as_u64).find(|it| (400..600).contains(it));
    let low = format!("{said} {}", error["data"]).to_lowercase();
    let has = |words: &[&str]| words.iter().any(|it| low.contains(it));
    let (class, next) = match status {
        Some(429) => (FailureClass::RateLimited, "wait until its limit is over, or let another agent do it"),
        Some(401 | 403) => (FailureClass::NotSignedIn, "sign in by running it once in a terminal, then retry"),
        _ if error["code"] == -32000 || has(&["authenticat", "api key"]) => {
            (FailureClass::NotSignedIn, "sign in by running it once in a terminal, then retry")
        }
        _ if has(&["rate limit", "rate_limit", "quota", "resource_exhausted", "usage limit"]) => {
            (FailureClass::RateLimited, "wait until its limit is over, or let another agent do it")
        }
        _ if has(&["context window", "context length", "too long", "context_length"]) => {
            (FailureClass::ContextFull, "stop the agent, so that its next turn begins a new conversation")
        }
        _ => (FailureClass::Overloaded, "retry, or let another agent do it"),
    };
    Failure { class, message: format!("{agent}'s provider or program refused: {said}; {next}"), retry_at: None }
}

/// Returns what an error says, also where a document stands in its message.
pub(super) fn words(error: &Value) -> String {
    let message = error["message"].as_str().unwrap_or_default();
    let inner: Option<Value> = serde_json::from_str(message).ok();
    let inner = inner.as_ref().and_then(|it| it["error"]["message"].as_str().or(it["message"].as_str()));
    let said = inner.unwrap_or(message);
    if said.is_empty() { error.to_string() } else { said.to_owned() }
}

/// Returns after how long a provider's limit is over, where the error's words say so: the protocol has no place for it.
pub(super) fn wait(error: &Value) -> Option<Duration> {
    static SAID: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:retry|try again) (?:in|after) (\d{1,7}(?:\.\d+)?) ?(ms|s|sec|m|min)").ok()
    });
    let said = format!("{} {}", words(error), error["data"]);
    let found = SAID.as_ref()?.captures(&said)?;
    let number: f64 = found[1].parse().ok()?;
    let seconds = match found[2].to_lowercase().as_str() {
        "ms" => number / 1_000.0,
        "m" | "min" => number * 60.0,
        _ => number,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_time_of_a_limit_is_taken_from_the_words() {
        let wait = |text: &str| wait(&json!({ "code": 429, "message": text })).map(|it| it.as_millis());
        assert_eq!(wait("You exceeded your quota. Please retry in 34.5s."), Some(34_500));
        assert_eq!(wait("Suggested retry after 4000s."), Some(4_000_000));
        assert_eq!(wait("Try again in 2 minutes"), Some(120_000));
        assert_eq!(wait("retry in 250ms"), Some(250));
        assert_eq!(wait("try again later"), None);
    }
}
