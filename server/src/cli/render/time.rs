//! Times of day, durations, money and counts in words.

use jiff::tz::TimeZone;

use crate::{ids::Timestamp, outcome::Usage};

/// Returns the local time of day: `14:03:09`. A time that no calendar has is `--:--:--`.
pub fn clock(at: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "--:--:--".to_owned(), |it| it.to_zoned(zone.clone()).strftime("%H:%M:%S").to_string())
}

/// Returns the local day and time: `2026-11-22 14:03:09`.
pub fn day(at: Timestamp, zone: &TimeZone) -> String {
    jiff::Timestamp::from_millisecond(at.0)
        .map_or_else(|_| "-".to_owned(), |it| it.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string())
}

/// Returns a duration in words: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`.
pub fn lasted(milliseconds: u64) -> String {
    let seconds = milliseconds / 1_000;
    match seconds {
        0..10 => format!("{seconds}.{} s", milliseconds % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// Returns what was used, in words. What no agent reported is "unknown", never zero.
pub fn cost(usage: &Usage) -> String {
    let tokens = usage.tokens.map(|it| format!("{} tokens", grouped(it)));
    let money = usage.micro_dollars.map(|it| format!("${}.{:04}", it / 1_000_000, it % 1_000_000 / 100));
    match (tokens, money) {
        (Some(tokens), Some(money)) => format!("{money} ({tokens})"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => "unknown".to_owned(),
    }
}

/// Returns a number with its noun: `1 finding`, `3 findings`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Returns a number of bytes in words.
pub fn bytes(number: u64) -> String {
    match number {
        0..1_024 => format!("{number} B"),
        1_024..1_048_576 => format!("{}.{} KiB", number / 1_024, number % 1_024 * 10 / 1_024),
        _ => format!("{}.{} MiB", number / 1_048_576, number % 1_048_576 * 10 / 1_048_576),
    }
}

/// Returns a number with a comma between each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_humanised() {
        let all = [0, 450, 9_999, 12_345, 200_000, 7_500_000, 273_600_000].map(lasted);
        assert_eq!(all, ["0.0 s", "0.4 s", "9.9 s", "12 s", "3 min 20 s", "2 h 5 min", "3 d 4 h"]);
    }

    #[test]
    fn unknown_cost_is_not_zero() {
        assert_eq!(cost(&Usage::default()), "unknown");
        assert_eq!(cost(&Usage { tokens: Some(1_234_567), micro_dollars: None }), "1,234,567 tokens");
        assert_eq!(cost(&Usage { tokens: Some(12), micro_dollars: Some(1_250_000) }), "$1.2500 (12 tokens)");
    }

    #[test]
    fn times_are_local_and_a_wild_one_is_no_panic() {
        assert_eq!(clock(Timestamp(1_763_805_789_000), &TimeZone::UTC), "10:03:09");
        assert_eq!(clock(Timestamp(i64::MAX), &TimeZone::UTC), "--:--:--");
    }
}
