//! A person has taken an agent over: its session in its program's own screen, until it is handed back.
//!
//! Invariant: one program at a time has a session open. The driver's is ended before the screen's is started, and the screen's
//! before the next turn.

use std::{
    io::Read as _,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Desk, Driver, failure, live::Live, terminal::TerminalDriver};
use crate::{
    agent::{
        AgentState, Source, TakeOver,
        catalog::profile::Profile,
        terminal::{Exit, TerminalEvent},
    },
    hub::event::{Event, TakeOverCame},
    ids::Timestamp,
    outcome::{Failure, FailureClass},
};

/// What a person has.
pub(crate) struct Visit {
    /// Which take-over it is.
    pub(crate) number: u64,
    on: On,
}

/// Where a person has it.
enum On {
    /// The terminal of the agent's own driver.
    Own,
    /// A screen beside it.
    Screen(Box<TerminalDriver>),
}

/// Opens what a person wants, and says what came of it.
pub(crate) fn begin(
    desk: &mut Desk,
    profile: &Arc<Profile>,
    driver: &mut dyn Driver,
    wanted: &TakeOver,
) -> Option<Visit> {
    match open(desk, profile, driver, wanted) {
        Ok((on, session)) => {
            let place = desk.place(&wanted.cwd);
            tell(desk, wanted.number, TakeOverCame::Opened { place, session });
            Some(Visit { number: wanted.number, on })
        }
        Err(failure) => {
            tell(desk, wanted.number, TakeOverCame::Over { why: failure.message });
            None
        }
    }
}

fn open(
    desk: &mut Desk,
    profile: &Arc<Profile>,
    driver: &mut dyn Driver,
    wanted: &TakeOver,
) -> Result<(On, Option<String>), Failure> {
    if driver.open(desk, wanted)? {
        return Ok((On::Own, None));
    }
    let (session, mut arguments) = session(profile, wanted)?;
    let_it_age(desk, profile, wanted)?;
    driver.stop(desk);
    let set = driver.screen(desk).map_err(|error| {
        let message = format!("the folder of {} for its program's own files can't be made: {error}", wanted.agent);
        failure(FailureClass::Crashed, message)
    })?;
    arguments.splice(0..0, models(desk, profile));
    arguments.splice(0..0, profile.screen.iter().cloned());
    let mut screen = TerminalDriver::new(Arc::clone(profile));
    screen.start_screen(desk, &wanted.cwd, arguments, set)?;
    Ok((On::Screen(Box::new(screen)), Some(session)))
}

/// Returns the session that is opened, and the arguments for it.
fn session(profile: &Profile, wanted: &TakeOver) -> Result<(String, Vec<String>), Failure> {
    let (session, words) = match &wanted.session {
        Some(session) => (session.id.to_string(), &profile.resume),
        None => (new_id().map_err(|why| failure(FailureClass::Crashed, why.to_string()))?, &profile.begin),
    };
    if words.is_empty() {
        let message = format!(
            "{} has no session yet, and its program can't be told which to begin; send it a message first",
            wanted.agent
        );
        return Err(failure(FailureClass::Denied, message));
    }
    let arguments = words.iter().map(|it| it.replace("{session}", &session)).collect();
    Ok((session, arguments))
}

/// Returns the arguments by which the screen takes the model that the agent is to have.
pub(super) fn models(desk: &Desk, profile: &Profile) -> Vec<String> {
    let chosen = desk.parts.given.chosen.get(desk.agent.as_str()).and_then(|it| it.model.as_ref());
    let Some(model) = chosen.or(profile.model.as_ref()) else { return Vec::new() };
    let words = profile.model_arguments.iter().chain(&profile.stream.model);
    words.map(|it| it.replace("{model}", model)).collect()
}

/// Waits where a session must not be gone on with in the minute in which it was begun.
fn let_it_age(desk: &mut Desk, profile: &Profile, wanted: &TakeOver) -> Result<(), Failure> {
    let left = wanted.session.as_ref().filter(|_| profile.ages_sessions);
    let Some(left) = left.and_then(|it| minute_left(it.since, Timestamp::now())) else { return Ok(()) };
    if desk.wait_to_open(Instant::now() + left) {
        return Ok(());
    }
    Err(failure(FailureClass::Interrupted, "it was called off before its screen was opened"))
}

/// Returns how long it is until the minute is over in which something was, where that is the minute of now.
pub(crate) fn minute_left(since: Timestamp, now: Timestamp) -> Option<Duration> {
    const MINUTE: i64 = 60_000;
    (since.0.div_euclid(MINUTE) == now.0.div_euclid(MINUTE))
        .then(|| Duration::from_millis(u64::try_from(MINUTE - now.0.rem_euclid(MINUTE)).unwrap_or_default()))
}

/// Returns an id in the form of a random UUID.
fn new_id() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|it| format!("{it:02x}")).collect();
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

impl Visit {
    /// Hears of the terminal that the person has. Returns whether they have it still.
    pub(crate) fn hear(&self, desk: &mut Desk, driver: Option<&mut dyn Driver>, event: TerminalEvent) -> bool {
        let TerminalEvent::Exited(exit) = event else { return true };
        let why = match &self.on {
            On::Own => format!("its program {exit}"),
            On::Screen(screen) => screen.live().map_or_else(String::new, |it| how(it, &exit)),
        };
        tell(desk, self.number, TakeOverCame::Over { why });
        desk.unclaim();
        if let (On::Own, Some(driver)) = (&self.on, driver) {
            driver.between(desk, TerminalEvent::Exited(exit));
        }
        false
    }

    /// Ends what the person has, as they or somebody else wants.
    pub(crate) fn end(self, desk: &mut Desk, driver: Option<&mut dyn Driver>, why: &str) {
        match self.on {
            On::Own => {
                tell(desk, self.number, TakeOverCame::Over { why: why.to_owned() });
                desk.unclaim();
                if let Some(driver) = driver {
                    driver.handed_back(desk);
                }
            }
            On::Screen(mut screen) => {
                screen.leave(desk);
                tell(desk, self.number, TakeOverCame::Over { why: why.to_owned() });
                desk.unclaim();
                desk.say(AgentState::Stopped, Source::Hub, why);
            }
        }
    }
}

/// Says what came of a take-over.
pub(crate) fn tell(desk: &Desk, number: u64, came: TakeOverCame) {
    desk.tell(Event::TakeOverCame { agent: desk.agent.clone(), number, came });
}

/// Returns how a screen came to its end.
fn how(live: &Live, exit: &Exit) -> String {
    if exit.code == Some(0) {
        return "its screen was closed".to_owned();
    }
    let last = live.last_lines();
    let shown = if last.is_empty() { String::new() } else { format!("; the last it showed: {last}") };
    format!("its screen {exit}{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_random_uuid() {
        let (one, two) = (new_id().unwrap(), new_id().unwrap());
        assert_ne!(one, two);
        let form = regex::Regex::new("^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$").unwrap();
        assert!(form.is_match(&one), "{one}");
    }

    #[test]
    fn a_session_of_this_minute_waits_for_the_next() {
        let at = |millis: i64| Timestamp(60_000 * 7 + millis);
        assert_eq!(minute_left(at(100), at(59_000)), Some(Duration::from_secs(1)));
        assert_eq!(minute_left(at(100), at(60_000)), None);
        assert_eq!(minute_left(at(-1), at(0)), None);
    }
}
