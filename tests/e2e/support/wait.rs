//! Waits with a name and a bound, whose failure prints everything that is known.
//!
//! What a test waits for is another process's doing, seen from outside; where that process says it on a pipe, `Live` waits
//! for the line itself. Only what has no such word (a process's end, a file) is looked at again and again here.

use std::time::{Duration, Instant};

/// Waits until `look` gives a value, and returns it.
///
/// # Panics
///
/// After `limit`, with the wait's name and what `known` tells.
#[track_caller]
pub fn wait_for<T>(name: &str, limit: Duration, look: impl FnMut() -> Option<T>, known: impl FnOnce() -> String) -> T {
    poll(limit, look).unwrap_or_else(|| panic!("waited {limit:?} in vain for {name}\n{}", known()))
}

/// Looks until there is a value or the time is over.
pub fn poll<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(value) = look() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
