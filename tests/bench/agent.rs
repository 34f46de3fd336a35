//! What the benchmark starts itself as: the smallest agents that there can be, which stamp the system's monotonic clock.
//!
//! A stamp is `KIND NANOSECONDS`, one a line, in the file that the agent is given. An agent ends at end of input or at ^D.

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    path::Path,
    process::ExitCode,
    time::Duration,
};

use rustix::{
    stdio::stdin,
    termios::{OptionalActions, tcgetattr, tcsetattr},
    time::{ClockId, clock_gettime},
};

/// Plays one role to its end.
pub fn play(role: &str, words: &[String]) -> ExitCode {
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let done = match role {
        "echo" => echo(),
        "resident" => resident(Path::new(word(0))),
        "interactive" => interactive(Path::new(word(0))),
        "flood" => flood(word(0).parse().unwrap_or(1)),
        "screens" => crate::pty::hold_screens(20),
        "victim" => crate::hub::victim(Path::new(word(0)), word(1).parse().unwrap_or(1)),
        "speaks" => crate::structured::play(word(0), Path::new(word(1))),
        "bridge" => crate::tools::play(Path::new(word(0)), word(1).parse().unwrap_or(1), word(2)),
        other => Err(format!("no role {other}")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "{role}: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Now, on the clock that all processes share, in nanoseconds.
pub fn now() -> i128 {
    let time = clock_gettime(ClockId::Monotonic);
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

/// Reads the stamps of one kind from an agent's file.
pub fn stamps(path: &Path, kind: &str) -> Result<Vec<i128>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("reading {}: {error}", path.display()))?;
    let of_kind = text.lines().filter_map(|line| line.strip_prefix(kind)?.trim().parse().ok());
    Ok(of_kind.collect())
}

/// Sends back what comes, at once.
fn echo() -> Result<(), String> {
    raw_mode();
    let mut buffer = [0; 4096];
    say("ready\n")?;
    loop {
        match std::io::stdin().read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) if buffer[..length].contains(&4) => return Ok(()),
            Ok(length) => {
                let mut out = std::io::stdout();
                out.write_all(&buffer[..length]).and_then(|()| out.flush()).map_err(|error| error.to_string())?;
            }
        }
    }
}

/// Answers each line at once, and stamps a prompt's first byte and its own turn's end.
fn resident(log: &Path) -> Result<(), String> {
    raw_mode();
    let mut log = open(log)?;
    let mut buffer = [0; 4096];
    let mut first = None;
    say("ready\n")?;
    loop {
        let length = match std::io::stdin().read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => length,
        };
        let at = now();
        if buffer[..length].contains(&4) {
            return Ok(());
        }
        let began = *first.get_or_insert(at);
        if buffer[..length].contains(&b'\n') {
            let end = now();
            say("done\n")?;
            stamp(&mut log, &format!("first {began}\nend {end}\n"))?;
            first = None;
        }
    }
}

/// A small interactive program: it shows a prompt and echoes what is typed, its title says whether it works, and Enter
/// hands over. It stamps like `resident`. Bracketed paste is on, so a prompt of several lines is one.
fn interactive(log: &Path) -> Result<(), String> {
    raw_mode();
    let mut log = open(log)?;
    let mut buffer = vec![0; 65536];
    let mut first = None;
    let mut typed = Vec::new();
    say("\x1b[?2004h\x1b]2;ready\x07> ")?;
    loop {
        let length = match std::io::stdin().read(&mut buffer) {
            Ok(0) | Err(_) => return Ok(()),
            Ok(length) => length,
        };
        let at = now();
        typed.extend_from_slice(&buffer[..length]);
        if typed == [4] {
            return Ok(());
        }
        first.get_or_insert(at);
        let text = String::from_utf8_lossy(&typed);
        // Enter is a carriage return outside a paste.
        let submitted = text.ends_with('\r') && text.matches("\x1b[200~").count() == text.matches("\x1b[201~").count();
        if !submitted {
            say(&shown(&String::from_utf8_lossy(&buffer[..length])))?;
            continue;
        }
        let megabytes = text.rsplit_once("pour=").and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok());
        typed.clear();
        let began = first.take().unwrap_or(at);
        say("\r\n\x1b]2;working\x07")?;
        if let Some(megabytes) = megabytes {
            flood(megabytes)?;
        }
        let end = now();
        say("done\r\n\x1b]2;ready\x07> ")?;
        stamp(&mut log, &format!("first {began}\nend {end}\n"))?;
    }
}

/// What is typed, as the program shows it: no control characters but line ends.
fn shown(text: &str) -> String {
    let text = text.replace("\x1b[200~", "").replace("\x1b[201~", "");
    text.replace('\r', "\n").replace('\n', "\r\n")
}

/// Prints so many megabytes of numbered lines of 100 bytes.
fn flood(megabytes: u64) -> Result<(), String> {
    let mut block = Vec::with_capacity(100_000);
    for number in 0..megabytes * 10_000 {
        // 99 bytes and the line's end.
        let _ = writeln!(block, "{number:09} {:-<89}", "");
        if block.len() >= 100_000 {
            std::io::stdout().write_all(&block).map_err(|error| error.to_string())?;
            block.clear();
        }
    }
    std::io::stdout().flush().map_err(|error| error.to_string())
}

/// Waits until standard input ends.
pub fn wait_for_end_of_input() {
    let mut buffer = [0; 64];
    while matches!(std::io::stdin().read(&mut buffer), Ok(1..)) {}
}

fn raw_mode() {
    // On a pipe there is nothing to set.
    if let Ok(mut settings) = tcgetattr(stdin()) {
        settings.make_raw();
        let _ = tcsetattr(stdin(), OptionalActions::Now, &settings);
    }
}

pub(crate) fn open(path: &Path) -> Result<File, String> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.map_err(|error| format!("opening {}: {error}", path.display()))
}

pub(crate) fn stamp(log: &mut File, text: &str) -> Result<(), String> {
    log.write_all(text.as_bytes()).map_err(|error| format!("writing a stamp: {error}"))
}

pub(crate) fn say(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| error.to_string())
}

/// How long a figure waits for what should take milliseconds, or for a flood.
pub const LIMIT: Duration = Duration::from_mins(1);
