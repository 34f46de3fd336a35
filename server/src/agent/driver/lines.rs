//! The driver of programs that speak by lines: one process an agent, one session, prompts in, what happens out.
//!
//! Shell only. What lines mean is each protocol's own `Tongue`, which is pure: `app_server.rs` for Codex, `acp.rs` for all
//! that speak the Agent Client Protocol.
//! Invariant: a turn ends when its program says so or when its program is gone, never by silence.

use std::{
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    Desk, Driver,
    desk::Input,
    failure, files,
    live::{Live, Start, exit_class},
    spoken,
    take_over::minute_left,
    terminal::{outcome, with_instructions, with_recap},
};
use crate::{
    agent::{
        Access, AgentState, Session, Source, TurnRequest,
        catalog::profile::Profile,
        runner::RunnerParts,
        terminal::{Exit, TerminalEvent, plain},
        tools::Attachment,
    },
    ask::{Ask, AskReply},
    ids::{AgentName, Timestamp},
    outcome::{Failure, FailureClass, TurnOutcome, Usage, form},
    store::private,
};

/// What a line, or a reply, asks the driver to do.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Write this line.
    Send(String),
    /// Show this text.
    Show(String),
    /// Believe this, for this reason.
    Claim(AgentState, &'static str),
    /// Ask a person.
    Ask(Box<Ask>),
    /// Ask no longer.
    Unask(String),
    /// A request of ours was answered.
    Answered(Purpose, Result<Value, String>),
    /// It changes these files, or is done with it.
    Touches { paths: Vec<String>, over: bool },
    /// It makes progress.
    Progress,
    /// It tries again by itself after this failure.
    Retrying(Failure),
    /// Its provider takes more again after so long.
    Wait(Duration),
    /// The turn that was started is over.
    Over(Result<(), Failure>),
}

/// What a request of ours was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To begin to speak.
    Initialize,
    /// To open a session.
    Session,
    /// To begin a turn.
    Turn,
    /// To end one.
    Interrupt,
    /// To add a word to one.
    Steer,
    /// To end what one has left running.
    CleanUp,
}

/// What a session or a turn is opened with.
pub(crate) struct Opening<'a> {
    /// Where it works.
    pub(crate) cwd: &'a Path,
    /// The workspace's root.
    pub(crate) workspace: &'a Path,
    /// What it may do.
    pub(crate) access: Access,
    /// Callboard's own tools, where there are some.
    pub(crate) tools: Option<&'a Attachment>,
    /// The model that the developer wants.
    pub(crate) model: Option<&'a str>,
    /// Where the folders of the agents' programs are, and this agent's among them.
    pub(crate) homes: (&'a Path, &'a Path),
}

/// A protocol, and a conversation in it. Pure, but for what is prepared on disk before its program starts.
pub(crate) trait Tongue: Send {
    /// Begins a conversation of an agent's; what was said before is forgotten.
    fn anew(agent: AgentName) -> Self
    where
        Self: Sized;

    /// Puts in place what the program needs on disk, and returns what it needs in its environment.
    fn prepare(profile: &Profile, own: &Path, given: &RunnerParts) -> io::Result<Vec<(String, String)>>
    where
        Self: Sized;

    /// Returns whose conversation it is.
    fn agent(&self) -> &AgentName;

    /// Returns the line that begins to speak.
    fn initialize(&mut self) -> String;

    /// Takes the answer to that, and returns a line that is said then; or why it can't be spoken to.
    fn initialized(&mut self, answer: &Value) -> Result<Option<String>, String>;

    /// Returns the line that goes on with a session; nothing where the program can't.
    fn resume(&mut self, opening: &Opening<'_>, session: &str) -> Option<String>;

    /// Returns the line that begins a session that starts from another agent's; nothing where that is not to be had.
    fn fork(&mut self, _opening: &Opening<'_>, _session: &str) -> Option<String> {
        None
    }

    /// Returns the line that begins a session.
    fn open(&mut self, opening: &Opening<'_>) -> String;

    /// Takes the answer to one of them, and returns the session's id.
    fn opened(&mut self, answer: &Value) -> Option<String>;

    /// Returns whether a session is open.
    fn is_open(&self) -> bool;

    /// Returns for how long nothing must come after a session was resumed before anything is said: its history is told
    /// again, and would be taken for an answer.
    fn drains(&self) -> Option<Duration>;

    /// Begins a turn with a prompt.
    fn prompt(&mut self, opening: &Opening<'_>, text: &str) -> String;

    /// Returns the lines that interrupt the turn; none where it has not begun for the program.
    fn interrupt(&mut self) -> Vec<String>;

    /// Returns the line that tells it something while its turn goes on; nothing where the program can't be told.
    fn tell(&mut self, _text: &str) -> Option<String> {
        None
    }

    /// Hears a line.
    fn hear(&mut self, line: &str) -> Vec<Step>;

    /// Hears what a person said to an ask.
    fn reply(&mut self, key: &str, reply: &AskReply) -> Vec<Step>;

    /// Returns the last message of the turn, and all of them.
    fn said(&self) -> (&str, String);

    /// Returns the tokens that the turn has used so far, where the program says so.
    fn tokens(&self) -> Option<u64>;

    /// Returns whether it waits for a person.
    fn waits(&self) -> bool;

    /// Returns the class of failure that a refusal to begin is.
    fn refusal(&self, why: &str) -> FailureClass;

    /// Returns whether the program ends by itself when its input does.
    fn leaves_at_the_end_of_input(&self) -> bool;
}

/// How long a program has to end a turn that is interrupted, before its session is.
const INTERRUPT_WAIT: Duration = Duration::from_secs(10);
/// How long a session's history may be told when it is resumed.
const DRAIN_WAIT: Duration = Duration::from_secs(10);
/// How long it has to leave when its input ends.
const LEAVE_WAIT: Duration = Duration::from_secs(2);
/// For how long it may try again without getting on, where its profile says nothing else: where nothing answers it would do
/// so for ever.
const RETRY_WAIT: Duration = Duration::from_secs(120);

/// Drives a program that speaks by lines.
pub(crate) struct LineDriver<T> {
    profile: Arc<Profile>,
    live: Option<Live>,
    tongue: T,
    /// Why the session that is known is not gone on with, where it is not.
    lost: Option<String>,
    /// Whether the session that is open took the place of one that is lost, and has been told nothing of it.
    begun_anew: bool,
    /// The tokens of the turn's prompts that are done with, where they are known.
    before: Option<u64>,
    /// Whether the turn's prompt was given: what its program tells of tokens before is of an earlier turn.
    begun: bool,
}

/// What a turn has to keep to.
struct Watch {
    begun: Instant,
    /// When something last came that was no word of trying again.
    heard: Instant,
    /// Since when it only tries again.
    retrying: Option<Instant>,
}

impl Watch {
    fn begun_now() -> Self {
        let now = Instant::now();
        Self { begun: now, heard: now, retrying: None }
    }
}

/// Why a turn ended early. No turn is going on in the program then, or there is no program.
struct Ended(Failure);

impl<T: Tongue> LineDriver<T> {
    pub(crate) fn new(profile: Arc<Profile>, desk: &Desk) -> Self {
        Self {
            profile,
            live: None,
            tongue: T::anew(desk.agent.clone()),
            lost: None,
            begun_anew: false,
            before: None,
            begun: false,
        }
    }

    /// Starts the program where it does not run, and opens the agent's session.
    fn ready(&mut self, desk: &mut Desk, request: &TurnRequest, begun: Instant) -> Result<(), Ended> {
        if self.live.is_none() {
            self.start(desk, request)?;
            let line = self.tongue.initialize();
            let answer = self.call(desk, request, begun, Purpose::Initialize, &line)?;
            let said = answer.and_then(|it| self.tongue.initialized(&it));
            let said = said.map_err(|why| self.refused(desk, request, "does not begin to speak", &why))?;
            if let Some(it) = &said {
                self.send(it);
            }
        }
        if let Some(from) = request.fork.as_ref().filter(|_| self.lost.is_none()) {
            let line = self.opening(desk, request, |tongue, opening| tongue.fork(opening, &from.id));
            let forked = match &line {
                Some(line) => self.call(desk, request, begun, Purpose::Session, line)?,
                None => Err("the session that it is to start from is not there".to_owned()),
            };
            match forked.map(|answer| self.tongue.opened(&answer)) {
                Ok(Some(session)) => {
                    desk.session(request, &session, None);
                    return Ok(());
                }
                Ok(None) => self.lost = Some("its program does not say which session it began".to_owned()),
                Err(why) => self.lost = Some(format!("its program says: {}", plain(&why))),
            }
        }
        if self.tongue.is_open() && self.lost.is_none() {
            return Ok(());
        }
        if let Some(known) = request.session.as_ref().filter(|_| self.lost.is_none()) {
            self.let_it_age(desk, request, known)?;
            let line = self.opening(desk, request, |tongue, opening| tongue.resume(opening, &known.id));
            if let Some(line) = line {
                let resumed = self.call(desk, request, begun, Purpose::Session, &line)?;
                match resumed.map(|mut answer| {
                    // An answer to a session that was named need not name it again.
                    if self.tongue.opened(&answer).is_none() {
                        answer = json!({ "sessionId": &*known.id, "thread": { "id": &*known.id } });
                        self.tongue.opened(&answer);
                    }
                }) {
                    Ok(()) => return self.drain(desk, request),
                    Err(why) => {
                        self.show(&format!("\n(its session could not be resumed: {why}; a new one is begun)\n"));
                        self.lost = Some(format!("its program says: {}", plain(&why)));
                    }
                }
            } else {
                self.lost = Some("its program can't go on with a session".to_owned());
            }
        }
        let line = self.opening(desk, request, Tongue::open);
        let answer = self.call(desk, request, begun, Purpose::Session, &line)?;
        let answer = answer.map_err(|why| self.refused(desk, request, "does not begin a session", &why))?;
        let Some(session) = self.tongue.opened(&answer) else {
            return Err(self.refused(desk, request, "does not say which session it began", "an answer without an id"));
        };
        self.begun_anew = self.lost.is_some();
        desk.session(request, &session, self.lost.take());
        Ok(())
    }

    fn opening<O>(&mut self, desk: &Desk, request: &TurnRequest, with: impl FnOnce(&mut T, &Opening<'_>) -> O) -> O {
        let given = &desk.parts.given;
        let chosen = given.chosen.get(request.agent.as_str()).and_then(|it| it.model.as_deref());
        let own = given.homes.join(request.agent.as_str());
        let opening = Opening {
            cwd: &request.cwd,
            workspace: &given.workspace,
            access: request.access,
            tools: self.live.as_ref().and_then(Live::tools),
            model: chosen.or(self.profile.model.as_deref()),
            homes: (&given.homes, &own),
        };
        with(&mut self.tongue, &opening)
    }

    /// Waits until a session may be resumed. A program that names a session's file by the minute spoils one that is resumed
    /// in the minute in which it was begun.
    fn let_it_age(&mut self, desk: &mut Desk, request: &TurnRequest, known: &Session) -> Result<(), Ended> {
        let left = minute_left(known.since, Timestamp::now()).filter(|_| self.profile.ages_sessions);
        let Some(until) = left.map(|it| Instant::now() + it) else { return Ok(()) };
        self.show("\n(waiting for the next minute: it would lose a session that is younger)\n");
        while Instant::now() < until {
            self.next(desk, request, Some(until), &Watch::begun_now())?;
        }
        Ok(())
    }

    /// Lets a session's history be told.
    fn drain(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<(), Ended> {
        let Some(quiet) = self.tongue.drains() else { return Ok(()) };
        let begun = Instant::now();
        let mut until = begun + quiet;
        while Instant::now() < until {
            let steps = self.next(desk, request, Some(until), &Watch::begun_now())?;
            if !steps.is_empty() {
                until = (Instant::now() + quiet).min(begun + DRAIN_WAIT);
            }
        }
        Ok(())
    }

    fn start(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<(), Ended> {
        self.tongue = T::anew(desk.agent.clone());
        let set = self.screen(desk).map_err(|error| {
            let message = format!(
                "the folder of {} for its program's own files, {}, can't be made: {error}; mend that and retry",
                request.agent,
                desk.home().display()
            );
            Ended(failure(FailureClass::Crashed, message))
        })?;
        desk.say(AgentState::Starting, Source::Hub, "its program was started");
        let given = &desk.parts.given;
        let file = files::result_path(&given.results, &request.agent);
        let mut arguments = self.profile.protocol.clone();
        let chosen = given.chosen.get(request.agent.as_str());
        if let Some(model) = chosen.and_then(|it| it.model.as_ref()).or(self.profile.model.as_ref()) {
            arguments.extend(self.profile.model_arguments.iter().map(|it| it.replace("{model}", model)));
        }
        arguments.extend(chosen.iter().flat_map(|it| it.arguments.iter().cloned()));
        let start = Start {
            profile: &self.profile,
            arguments,
            turn: None,
            cwd: &request.cwd,
            result: &file,
            request: None,
            set,
        };
        self.live = Some(Live::start_piped(desk, &start).map_err(Ended)?);
        Ok(())
    }

    fn turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> Result<TurnOutcome, Ended> {
        let begun = Instant::now();
        let file = files::result_path(&desk.parts.given.results, &request.agent);
        if let Err(error) = files::clear(&file) {
            let message =
                format!("the folder for {}'s result can't be used: {error}; mend that and retry", request.agent);
            return Err(Ended(failure(FailureClass::Crashed, message)));
        }
        self.ready(desk, request, begun)?;
        desk.started();
        desk.tells = true;
        let mut prompt = with_instructions(request);
        if std::mem::take(&mut self.begun_anew) {
            prompt = with_recap(request, prompt);
        }
        self.prompt(desk, request, begun, &prompt)?;
        let why = match self.answered(desk, request) {
            Ok(outcome) => return Ok(outcome),
            Err(why) => why,
        };
        let form = form::instructions(&request.expects).unwrap_or_default();
        let again = format!("Your result could not be used: {why}.\nGive the whole result again. {form}");
        self.prompt(desk, request, begun, &again)?;
        self.answered(desk, request).map_err(|why| {
            let message = format!("{} gave no result that can be used, twice: {why}", request.agent);
            Ended(failure(FailureClass::InvalidResult, message))
        })
    }

    /// Returns what the turn came to, or what is wrong with its result.
    fn answered(&self, desk: &Desk, request: &TurnRequest) -> Result<TurnOutcome, String> {
        let (last, all) = self.tongue.said();
        // A result may stand in a message before the last one.
        let outcome = outcome(desk, request, last).or_else(|why| outcome(desk, request, &all).map_err(|_| why))?;
        let used = self.used();
        Ok(match outcome {
            TurnOutcome::Answered { text, result, .. } => TurnOutcome::Answered { text, result, usage: used },
            failed @ TurnOutcome::Failed(_) => failed,
        })
    }

    /// Returns what the turn has used: the prompts that are done with, and the one that goes on.
    fn used(&self) -> Usage {
        let now = self.tongue.tokens().filter(|_| self.begun);
        let tokens = self.before.map_or(now, |before| Some(before + now.unwrap_or(0)));
        Usage { tokens, ..Usage::default() }
    }

    /// Gives it a prompt, and returns when it is done with it.
    fn prompt(&mut self, desk: &mut Desk, request: &TurnRequest, begun: Instant, text: &str) -> Result<(), Ended> {
        // What still comes of an earlier turn is no part of this one.
        drop(self.hear(desk));
        self.show(&format!("\n\x1b[1;36m›\x1b[0m {}\n", plain(text)));
        self.before = self.used().tokens;
        self.begun = true;
        let line = self.opening(desk, request, |tongue, opening| tongue.prompt(opening, text));
        self.send(&line);
        desk.say(AgentState::Working, Source::Protocol, "it was given its prompt");
        let mut watch = Watch { begun, heard: Instant::now(), retrying: None };
        let mut again = None;
        loop {
            let deadline = self.deadline(request, &watch);
            for step in self.next(desk, request, deadline, &watch)? {
                match step {
                    Step::Over(over) => {
                        desk.say(AgentState::Idle, Source::Protocol, "it says that its turn is over");
                        return over.map_err(|mut it| {
                            it.retry_at = it.retry_at.or(again);
                            self.failed(desk, it)
                        });
                    }
                    Step::Wait(time) => again = Some(Timestamp::now().plus(milliseconds(time))),
                    Step::Answered(Purpose::Turn, Err(why)) => {
                        return Err(self.refused(desk, request, "does not take a turn", &why));
                    }
                    Step::Progress => watch = Watch { heard: Instant::now(), retrying: None, ..watch },
                    Step::Retrying(failure) => {
                        let since = *watch.retrying.get_or_insert_with(Instant::now);
                        if since.elapsed() >= self.retry_wait() {
                            self.halt(desk);
                            return Err(self.failed(desk, failure));
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// Takes note of a failure that says something of what the agent can do next.
    fn failed(&mut self, desk: &mut Desk, failure: Failure) -> Ended {
        if failure.class == FailureClass::RateLimited {
            let state = AgentState::RateLimited { until: failure.retry_at };
            desk.say(state, Source::Protocol, failure.message.clone());
        }
        if failure.class == FailureClass::ContextFull {
            // It would be as full again: the next turn begins anew, with what was last said.
            self.end_program(desk);
            self.lost = Some("it had become too long".to_owned());
        }
        Ended(failure)
    }

    fn retry_wait(&self) -> Duration {
        self.profile.times.retry.and_then(|it| it.0).map_or(RETRY_WAIT, Duration::from_millis)
    }

    fn deadline(&self, request: &TurnRequest, watch: &Watch) -> Option<Instant> {
        let idle = after(watch.heard, request.times.idle).filter(|_| !self.tongue.waits());
        let retry = watch.retrying.map(|it| it + self.retry_wait());
        [idle, after(watch.begun, request.times.total), retry].into_iter().flatten().min()
    }

    /// Asks for something and waits for the answer.
    fn call(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        begun: Instant,
        purpose: Purpose,
        line: &str,
    ) -> Result<Result<Value, String>, Ended> {
        self.send(line);
        let watch = Watch { begun, heard: begun, retrying: None };
        let start = after(begun, request.times.start);
        loop {
            for step in self.next(desk, request, start, &watch)? {
                if let Step::Answered(it, result) = step
                    && it == purpose
                {
                    return Ok(result);
                }
            }
            if start.is_some_and(|it| it <= Instant::now()) {
                let limit = spoken(request.times.start.unwrap_or_default());
                let message = format!(
                    "{} was not ready after {limit}; look at its terminal, or raise `times.start` in its profile",
                    request.agent
                );
                self.end_program(desk);
                desk.say(AgentState::Stopped, Source::Hub, message.clone());
                return Err(Ended(failure(FailureClass::StartTimeout, message)));
            }
        }
    }

    /// Waits for the next thing, does what can be done here, and returns what else it means.
    fn next(
        &mut self,
        desk: &mut Desk,
        request: &TurnRequest,
        deadline: Option<Instant>,
        watch: &Watch,
    ) -> Result<Vec<Step>, Ended> {
        match desk.next(deadline) {
            Input::Terminal(TerminalEvent::Lines) => {
                let steps = self.hear(desk);
                let cut = self.cut(desk).filter(|_| !steps.iter().any(|it| matches!(it, Step::Over(_))));
                cut.map_or(Ok(steps), |it| Err(Ended(it)))
            }
            Input::Terminal(TerminalEvent::Exited(exit)) => {
                // What it said before it went may be that the turn is over.
                let steps = self.hear(desk);
                if steps.iter().any(|it| matches!(it, Step::Over(_))) {
                    self.forget();
                    return Ok(steps);
                }
                Err(self.gone(desk, request, &exit))
            }
            Input::Terminal(_) => Ok(Vec::new()),
            Input::Answer(key, reply) => {
                let steps = self.tongue.reply(&key, &reply);
                let mut steps = self.carry_out(desk, steps);
                steps.push(Step::Progress);
                Ok(steps)
            }
            Input::Told(text) => {
                if let Some(line) = self.tongue.tell(&text) {
                    self.send(&line);
                    self.show(&format!("\n\x1b[1;36m›\x1b[0m {}\n", plain(&text)));
                }
                Ok(Vec::new())
            }
            Input::Interrupt => {
                self.halt(desk);
                Err(Ended(failure(FailureClass::Interrupted, format!("{}'s turn was stopped", request.agent))))
            }
            Input::Stop => {
                self.end_program(desk);
                desk.say(AgentState::Stopped, Source::Hub, "it was stopped");
                Err(Ended(failure(FailureClass::Interrupted, format!("{} was stopped", request.agent))))
            }
            Input::Deadline => self.late(desk, request, watch),
        }
    }

    /// Says that a time is up, where one is.
    fn late(&mut self, desk: &mut Desk, request: &TurnRequest, watch: &Watch) -> Result<Vec<Step>, Ended> {
        let (now, agent) = (Instant::now(), &request.agent);
        let is_up = |at: Option<Instant>| at.is_some_and(|it| it <= now);
        let (class, message) = if is_up(after(watch.begun, request.times.total)) {
            let limit = spoken(request.times.total.unwrap_or_default());
            let next = "raise `times.total` in its profile, or give it less to do";
            (FailureClass::TotalTimeout, format!("{agent} was not done after {limit}; {next}"))
        } else if is_up(watch.retrying.map(|it| it + self.retry_wait())) {
            let next = "look whether it can be reached from here, then retry";
            (FailureClass::Overloaded, format!("{agent}'s provider did not answer in spite of several tries; {next}"))
        } else if self.tongue.is_open() && !self.tongue.waits() && is_up(after(watch.heard, request.times.idle)) {
            let limit = spoken(request.times.idle.unwrap_or_default());
            let next = "look at its terminal, or raise `times.idle` in its profile";
            (FailureClass::IdleTimeout, format!("nothing was heard of {agent} for {limit}; {next}"))
        } else {
            return Ok(Vec::new());
        };
        self.halt(desk);
        Err(Ended(failure(class, message)))
    }

    /// Takes what it has said, and does what can be done here.
    fn hear(&mut self, desk: &mut Desk) -> Vec<Step> {
        let lines = self.live.as_ref().map(Live::take_lines).unwrap_or_default();
        let steps = lines.iter().flat_map(|it| self.tongue.hear(it)).collect();
        self.carry_out(desk, steps)
    }

    /// Ends a program that has said more in one line than is taken, since what follows can't be understood, and returns why.
    fn cut(&mut self, desk: &mut Desk) -> Option<Failure> {
        self.live.as_ref().filter(|it| it.said_too_much())?;
        let message = format!("{} said a line that is too long to be taken; retry", desk.agent);
        self.show("\n(it said more in one line than is taken)\n");
        self.end_program(desk);
        desk.say(AgentState::Stopped, Source::Hub, message.clone());
        Some(failure(FailureClass::Crashed, message))
    }

    fn carry_out(&mut self, desk: &mut Desk, steps: Vec<Step>) -> Vec<Step> {
        let mut left = Vec::new();
        for step in steps {
            match step {
                Step::Send(line) => self.send(&line),
                Step::Show(text) => self.show(&text),
                Step::Claim(state, why) => desk.say(state, Source::Protocol, why),
                Step::Touches { paths, over } => desk.touches(&paths, over),
                Step::Ask(ask) => desk.ask(*ask),
                Step::Unask(key) => desk.unask(&key),
                other => left.push(other),
            }
        }
        left
    }

    fn send(&self, line: &str) {
        if let Some(live) = &self.live {
            live.send_line(line);
        }
    }

    fn show(&self, text: &str) {
        if let Some(live) = &self.live {
            live.show(text);
        }
    }

    /// Ends the turn by the protocol, and the program where that does not help.
    fn halt(&mut self, desk: &mut Desk) {
        let lines = self.tongue.interrupt();
        if lines.is_empty() {
            // It has not begun the turn: whether it will is not known, and nothing of it may go on.
            return self.end_program(desk);
        }
        for it in &lines {
            self.send(it);
        }
        let deadline = Instant::now() + INTERRUPT_WAIT;
        loop {
            match desk.next(Some(deadline)) {
                Input::Terminal(TerminalEvent::Lines) => {
                    if self.hear(desk).iter().any(|it| matches!(it, Step::Over(_))) {
                        return desk.say(AgentState::Idle, Source::Protocol, "it says that it stopped its turn");
                    }
                    if self.cut(desk).is_some() {
                        return;
                    }
                }
                Input::Terminal(TerminalEvent::Exited(_)) => {
                    self.forget();
                    return desk.say(AgentState::Stopped, Source::ExitStatus, "it ended when its turn was stopped");
                }
                Input::Terminal(_) | Input::Answer(..) | Input::Told(_) | Input::Interrupt => {}
                Input::Stop | Input::Deadline => {
                    self.end_program(desk);
                    return desk.say(AgentState::Stopped, Source::Hub, "it did not stop its turn by itself");
                }
            }
        }
    }

    fn end_program(&mut self, desk: &mut Desk) {
        if let Some(live) = self.live.take() {
            live.stop(desk);
        }
        self.forget();
    }

    /// Forgets the program, which is gone. Its session is remembered elsewhere.
    fn forget(&mut self) {
        self.live = None;
        // Its program's own count goes with it.
        self.before = self.used().tokens;
        self.begun = false;
        self.tongue = T::anew(self.tongue.agent().clone());
    }

    fn gone(&mut self, desk: &mut Desk, request: &TurnRequest, exit: &Exit) -> Ended {
        let complaint = self.live.as_ref().map(Live::complaint).unwrap_or_default();
        self.forget();
        let said = if complaint.is_empty() { String::new() } else { format!("; the last it said: {complaint}") };
        let message = format!("{} {exit} in the middle of its turn{said}; retry", request.agent);
        desk.say(AgentState::Crashed, Source::ExitStatus, format!("its program {exit}"));
        Ended(failure(exit_class(exit), message))
    }

    /// Says that the program refused what a turn needs. The program is ended: what it holds is not known.
    fn refused(&mut self, desk: &mut Desk, request: &TurnRequest, what: &str, why: &str) -> Ended {
        let class = self.tongue.refusal(why);
        self.end_program(desk);
        desk.say(AgentState::Stopped, Source::Protocol, format!("it {what}"));
        let next = match class {
            FailureClass::NotSignedIn => "sign in by running it once in a terminal, then retry",
            _ => "`callboard doctor` says which version is here; retry, or drive it by its terminal",
        };
        Ended(failure(class, format!("{} {what}: {why}; {next}", request.agent)))
    }
}

impl<T: Tongue> Driver for LineDriver<T> {
    fn take_turn(&mut self, desk: &mut Desk, request: &TurnRequest) -> TurnOutcome {
        // What it told of the turn before is not this one's.
        self.begun = false;
        self.before = None;
        self.turn(desk, request).unwrap_or_else(|Ended(failure)| {
            desk.spent(self.used());
            TurnOutcome::Failed(failure)
        })
    }

    fn screen(&self, desk: &Desk) -> io::Result<Vec<(String, String)>> {
        let own = desk.home();
        private::folder(&own)?;
        T::prepare(&self.profile, &own, &desk.parts.given)
    }

    fn between(&mut self, desk: &mut Desk, event: TerminalEvent) {
        match event {
            TerminalEvent::Lines => {
                drop(self.hear(desk));
                drop(self.cut(desk));
            }
            TerminalEvent::Exited(exit) => {
                self.forget();
                desk.say(AgentState::Stopped, Source::ExitStatus, format!("its program {exit}"));
            }
            _ => {}
        }
    }

    fn stop(&mut self, desk: &mut Desk) {
        if let Some(live) = self.live.take() {
            if self.tongue.leaves_at_the_end_of_input() {
                live.leave(desk, LEAVE_WAIT);
            } else {
                live.stop(desk);
            }
        }
        self.forget();
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn after(from: Instant, milliseconds: Option<u64>) -> Option<Instant> {
    milliseconds.and_then(|it| from.checked_add(Duration::from_millis(it)))
}
