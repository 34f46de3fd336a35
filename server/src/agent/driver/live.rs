//! A program that is running for an agent: how it is started on its terminal, read, and ended.
//!
//! The drivers' only way to `terminal.rs`. Knows no turns: what a screen means is for the drivers.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

#[cfg(unix)]
use super::homes;
use super::{
    Desk,
    desk::Input,
    environment::{Marks, environment},
    failure, files,
};
use crate::{
    agent::{
        catalog::{
            profile::{Profile, Program},
            scalar::Key,
        },
        runner::RunnerParts,
        sandbox::{self, Made},
        terminal::{
            Exit, SCROLLBACK_LINES, ScreenText, Size, Spawn, SpawnError, Terminal, TerminalEvent, TraceSpec, Typing,
            find_program, plain,
        },
        tools::{Attachment, PASS, SOCKET},
    },
    ids::{AgentName, TurnId},
    outcome::{Failure, FailureClass},
    process::{Ladder, Reach},
};

/// For how long nothing must come for the screen to be looked at: a frame's time, since programs draw in many writes.
const QUIET: Duration = Duration::from_millis(20);

/// How long a session has to end when it is told to; the ladder's own times are below it.
const END: Duration = Duration::from_secs(9);

/// What stands in an argument for the file that tells a program of Callboard's tools.
pub(crate) const TOOLS_FILE: &str = "{tools}";

/// A program on a terminal.
pub(crate) struct Live {
    terminal: Arc<Terminal>,
    /// Its pass for Callboard's tools: void with the program.
    pass: Option<Attachment>,
    /// What was made for its sandbox: gone with the program.
    _made: Option<Made>,
}

/// What to start.
pub(crate) struct Start<'a> {
    pub(crate) profile: &'a Profile,
    /// What follows the profile's command.
    pub(crate) arguments: Vec<String>,
    /// The one turn that the program lives for; absent for one that stays.
    pub(crate) turn: Option<TurnId>,
    pub(crate) cwd: &'a Path,
    pub(crate) result: &'a Path,
    pub(crate) request: Option<&'a Path>,
    /// What the driver itself puts into the environment.
    pub(crate) set: Vec<(String, String)>,
}

/// Where a terminal's text stood at a moment.
#[derive(Default)]
pub(crate) struct Mark {
    /// The screen.
    pub(crate) rows: Vec<String>,
    /// What had left its top.
    scrolled: Vec<String>,
}

impl Mark {
    /// Returns the lines that [`Live::since`] would begin with had nothing happened.
    pub(crate) fn before(&self) -> Vec<String> {
        self.scrolled.last().into_iter().chain(&self.rows).cloned().collect()
    }
}

impl Live {
    /// Starts a program. Its events come to the desk from now on.
    pub(crate) fn start(desk: &mut Desk, start: &Start<'_>) -> Result<Self, Failure> {
        Self::start_by(desk, start, true, Terminal::spawn)
    }

    /// Starts a program that speaks by lines. Its events come to the desk from now on.
    #[cfg(unix)]
    pub(crate) fn start_piped(desk: &mut Desk, start: &Start<'_>) -> Result<Self, Failure> {
        Self::start_by(desk, start, false, Terminal::spawn_piped)
    }

    fn start_by(
        desk: &mut Desk,
        start: &Start<'_>,
        on_terminal: bool,
        by: impl FnOnce(Spawn, Box<dyn Fn(TerminalEvent) + Send + Sync>) -> Result<Arc<Terminal>, SpawnError>,
    ) -> Result<Self, Failure> {
        let parts = Arc::clone(&desk.parts);
        let given = &parts.given;
        let agent = desk.agent.clone();
        let crashed = |message: String| failure(FailureClass::Crashed, message);
        let program = match &start.profile.program {
            Program::Callboard => given.callboard.clone(),
            Program::Found(path) => path.clone(),
            Program::Missing(why) => return Err(failure(FailureClass::NotInstalled, format!("{agent}: {why}"))),
        };
        let rules = &start.profile.terminal;
        let size = Size { rows: rules.rows, cols: rules.columns };
        let transcript = (given.transcripts)(&agent, size).map_err(|err| {
            crashed(format!("the transcript of {agent} can't be written: {err}; mend that and retry"))
        })?;
        let pass = given
            .toolbox
            .attach(&agent, start.turn)
            .map_err(|err| crashed(format!("no pass could be made for {agent}: {err}; retry")))?;
        let mut words: Vec<String> = start.profile.command.iter().skip(1).chain(&start.arguments).cloned().collect();
        if words.iter().any(|it| it.contains(TOOLS_FILE)) {
            let path = files::tools_path(&given.results, &agent);
            let tools = pass.as_ref().map_or_else(|| serde_json::json!({ "mcpServers": {} }), Attachment::for_claude);
            files::write_private(&path, &tools)
                .map_err(|err| crashed(format!("{} can't be written: {err}; mend that and retry", path.display())))?;
            for it in &mut words {
                *it = it.replace(TOOLS_FILE, &path.to_string_lossy());
            }
        }
        // As the program sees it, by which it knows its folders, and as it stands between quotation marks in TOML and in JSON.
        let cwd = std::fs::canonicalize(start.cwd).unwrap_or_else(|_| start.cwd.to_path_buf());
        let cwd = serde_json::Value::from(cwd.to_string_lossy()).to_string();
        let cwd = cwd.trim_matches('"');
        let trust = if trusts(given, start) { "trusted" } else { "untrusted" };
        let whole = |it: String| {
            let it = it.replace("{callboard}", &given.callboard.to_string_lossy());
            it.replace("{cwd}", cwd).replace("{trust}", trust)
        };
        let words = words.into_iter().map(|it| whole(it).into());
        let marks = Marks {
            agent: agent.as_str(),
            turn: start.turn.map(|it| it.to_string()),
            workspace: &given.workspace,
            result: start.result,
            request: start.request,
        };
        let mut env = environment(&given.environment, start.profile, &given.allowed, &marks);
        let own = own_folder(given, &agent, start).map_err(|err| {
            crashed(format!("the folder for what {agent}'s program keeps can't be made: {err}; mend that and retry"))
        })?;
        let set: Vec<_> = start.set.iter().chain(&own).collect();
        env.retain(|(name, _)| !set.iter().any(|(it, _)| it == name));
        env.extend(set.into_iter().cloned());
        // Invariant: ours come last, so that no profile gives an agent the pass of another.
        let own = pass.iter().flat_map(Attachment::variables);
        let env = env.into_iter().filter(|it| it.0 != SOCKET && it.0 != PASS);
        let env: Vec<(String, String)> = env.collect();
        let argv = std::iter::once(program.clone().into_os_string()).chain(words);
        let (argv, made) = if desk.is_boxed(start.profile) {
            let socket = pass.as_ref().map(Attachment::socket);
            let (front, made) = boxed(desk, start, &program, &env, socket, on_terminal)?;
            (front.into_iter().map(Into::into).chain(argv).collect(), Some(made))
        } else {
            (argv.collect(), None)
        };
        let env = env.into_iter().map(|(name, value)| (name.into(), value.into())).chain(own).collect();
        let spawn = Spawn {
            argv,
            cwd: start.cwd.to_path_buf(),
            env,
            // The catalogue has found the program, outside the workspace unless the profile's owner chose it themselves.
            workspace: None,
            size,
            quiet: QUIET,
            transcript,
            trace: Some(TraceSpec { dir: given.processes.clone(), agent: agent.clone(), turn: start.turn }),
        };
        let events = Box::new(desk.listen());
        let terminal = parts.spawns.pass(|| by(spawn, events)).map_err(|err| {
            let class = match err {
                SpawnError::NoFolder(_) | SpawnError::System(_) => FailureClass::Crashed,
                _ => FailureClass::NotInstalled,
            };
            failure(class, format!("{agent}: {err}"))
        })?;
        given.screens.put(agent, Arc::clone(&terminal));
        Ok(Self { terminal, pass, _made: made })
    }

    /// Returns how it is told of Callboard's own tools; nothing where the hub has no socket.
    #[cfg(unix)]
    pub(crate) fn tools(&self) -> Option<&Attachment> {
        self.pass.as_ref()
    }

    /// Returns what its terminal shows.
    pub(crate) fn view(&self) -> ScreenText {
        self.terminal.screen()
    }

    /// Returns where its text stands now.
    pub(crate) fn mark(&self) -> Mark {
        Mark { rows: self.view().rows, scrolled: self.terminal.scrollback(SCROLLBACK_LINES) }
    }

    /// Returns the lines since a mark: those that left the top, and the screen. Begins at or before what was on the
    /// screen then.
    pub(crate) fn since(&self, mark: &Mark) -> Vec<String> {
        let mut scrolled = self.terminal.scrollback(SCROLLBACK_LINES);
        let known = known_lines(&mark.scrolled, &scrolled);
        scrolled.drain(..known);
        scrolled.extend(self.view().rows);
        scrolled
    }

    /// Returns the last lines that say something, as one.
    pub(crate) fn last_lines(&self) -> String {
        let mut lines = self.terminal.scrollback(10);
        lines.extend(self.view().rows);
        let said: Vec<&str> = lines.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
        let last = said[said.len().saturating_sub(4)..].join(" / ");
        let skip = last.chars().count().saturating_sub(400);
        last.chars().skip(skip).collect()
    }

    /// Locks the developer's keys for as long as the value lives; nothing where they are locked already.
    pub(crate) fn lock(&self) -> Option<Typing> {
        self.terminal.lock_for_typing()
    }

    /// Presses a key. One that can't be pressed any more has nobody to press it for: its program's end is told.
    pub(crate) fn press(&self, key: Key) {
        if let Some(typing) = self.lock() {
            let _ = typing.type_text(key.text());
        }
    }

    /// Takes the lines that a program on pipes has said.
    #[cfg(unix)]
    pub(crate) fn take_lines(&self) -> Vec<String> {
        self.terminal.take_lines()
    }

    /// Returns whether a program on pipes said more in one line than is taken.
    #[cfg(unix)]
    pub(crate) fn said_too_much(&self) -> bool {
        self.terminal.said_too_much()
    }

    /// Returns the last line that a program on pipes wrote to standard error; empty where there is none.
    #[cfg(unix)]
    pub(crate) fn complaint(&self) -> String {
        let said = plain(&self.terminal.complaint());
        let lines: Vec<&str> = said.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
        let last = lines[lines.len().saturating_sub(3)..].join(" / ");
        let skip = last.chars().count().saturating_sub(400);
        last.chars().skip(skip).collect()
    }

    /// Writes a line to a program on pipes. To one that is over nothing is written: its end is told.
    #[cfg(unix)]
    pub(crate) fn send_line(&self, line: &str) {
        let _ = self.terminal.send_line(line);
    }

    /// Shows text on its terminal, where its program draws nothing itself.
    #[cfg(unix)]
    pub(crate) fn show(&self, text: &str) {
        self.terminal.show(text);
    }

    /// Tells a program on pipes that nothing more comes, gives it so long to leave, and then ends its session.
    #[cfg(unix)]
    pub(crate) fn leave(self, desk: &mut Desk, within: Duration) {
        self.terminal.close_input();
        let deadline = Instant::now() + within;
        loop {
            match desk.next(Some(deadline)) {
                Input::Terminal(TerminalEvent::Exited(_)) => return,
                Input::Deadline => return self.stop(desk),
                _ => {}
            }
        }
    }

    /// Ends the program with its whole session and what descends from it in others, and waits for that, bounded: programs
    /// give each command of theirs a session of its own.
    pub(crate) fn stop(self, desk: &mut Desk) {
        if self.terminal.has_ended() {
            return;
        }
        self.terminal.stop(Ladder { reach: Reach::Descendants, ..Ladder::default() });
        let deadline = Instant::now() + END;
        loop {
            match desk.next(Some(deadline)) {
                Input::Terminal(TerminalEvent::Exited(_)) | Input::Deadline => return,
                Input::Terminal(_) | Input::Interrupt | Input::Answer(..) | Input::Told(_) | Input::Stop => {}
            }
        }
    }
}

/// Makes the folder that a program takes for its own, where its profile wants one, and returns what names it.
#[cfg(unix)]
fn own_folder(given: &RunnerParts, agent: &AgentName, start: &Start<'_>) -> std::io::Result<Vec<(String, String)>> {
    homes::prepare(start.profile, &given.homes.join(agent.as_str()), &place(given, start))
}

#[cfg(unix)]
fn place<'a>(given: &'a RunnerParts, start: &Start<'a>) -> homes::Place<'a> {
    let (environment, workspace, callboard) = (&given.environment, &given.workspace, &given.callboard);
    homes::Place { environment, workspace, cwd: start.cwd, callboard }
}

#[cfg(unix)]
fn trusts(given: &RunnerParts, start: &Start<'_>) -> bool {
    homes::is_without_codex_settings(&place(given, start))
}

#[cfg(not(unix))]
fn trusts(_: &RunnerParts, _: &Start<'_>) -> bool {
    false
}

#[cfg(not(unix))]
fn own_folder(_: &RunnerParts, _: &AgentName, _: &Start<'_>) -> std::io::Result<Vec<(String, String)>> {
    Ok(Vec::new())
}

/// Returns the words before a program that put it into its sandbox.
fn boxed(
    desk: &Desk,
    start: &Start<'_>,
    program: &Path,
    environment: &[(String, String)],
    socket: Option<&Path>,
    on_terminal: bool,
) -> Result<(Vec<String>, Made), Failure> {
    let given = &desk.parts.given;
    let refused = |why: String| {
        let message = format!("{} is to run in a sandbox, and is not started without: {why}", desk.agent);
        failure(FailureClass::NotInstalled, message)
    };
    let path = given.environment.iter().find(|(name, _)| name == "PATH").map(|(_, value)| std::ffi::OsStr::new(value));
    let found = find_program(std::ffi::OsStr::new("bwrap"), path, Some(&given.workspace)).ok();
    let bwrap = sandbox::available(found.as_deref()).map_err(refused)?;
    let chosen = given.chosen.get(desk.agent.as_str());
    let plan = sandbox::plan(&sandbox::Boxed {
        needs: &start.profile.sandbox,
        access: desk.access(),
        network: chosen.map(|it| it.network).unwrap_or_default(),
        cwd: start.cwd,
        workspace: &given.workspace,
        program,
        callboard: &given.callboard,
        own: &desk.home(),
        results: start.result.parent().unwrap_or(&given.results),
        socket,
        environment,
        on_terminal,
    })
    .map_err(refused)?;
    let front = std::iter::once(bwrap.to_string_lossy().into_owned()).chain(plan.arguments).collect();
    Ok((front, plan.made))
}

/// Returns the class of failure that an exit without a result is, where it is a certain one.
pub(crate) fn exit_class(exit: &Exit) -> FailureClass {
    if exit.cannot_execute { FailureClass::NotInstalled } else { FailureClass::Crashed }
}

/// Returns how many of `now`'s first lines were there before. The scrollback is a window that moves: what it has now begins
/// somewhere in what it had. The last line may have grown since, so it counts as new.
fn known_lines(before: &[String], now: &[String]) -> usize {
    let before = &before[..before.len().saturating_sub(1)];
    (0..before.len()).find(|from| now.starts_with(&before[*from..])).map_or(0, |from| before.len() - from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: &str, now: &str, known: usize) {
        let lines = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(known_lines(&lines(before), &lines(now)), known);
    }

    #[test]
    fn the_lines_that_were_there_are_found_though_the_window_moved() {
        check("", "a b", 0);
        check("a b c", "a b c d", 2);
        check("a b c", "b c d e", 1);
        check("a b c", "x y z", 0);
        check("a a a b", "a a b c", 2);
    }
}
