//! Figures of the hub itself, in this process: the real hub on the real journal, with agents that answer at once or sleep.
//!
//! "Instant agents" are no program at all: they take a turn over and end it. What is left is the hub's own share.

use std::{
    collections::{BTreeMap, HashSet},
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use callboard::{
    agent::{Access, AgentInfo, DriverKind, TurnTimes},
    hub::{
        Hub, Reply,
        effect::{Effect, Effects},
        event::{Actor, Answer, Event},
    },
    ids::{AgentName, RunId, Timestamp},
    outcome::{ResultKind, TurnOutcome, Usage},
    protocol::{MessagesParams, Players, RunsParams},
    store::{Journal, NewEntry, sqlite::SqliteJournal},
    workflow::plan::{Action, Category, FailurePolicy, Limits, Plan, Role, Step, TurnAction, Who},
};
use tokio::runtime::Runtime;

use crate::{
    Bench,
    agent::LIMIT,
    disk::BODY,
    fanout::CLIENTS,
    measure::{Measured, Unit, each, millis, rate, why},
    pty::myself,
    report::Row,
};

/// How the agents behave.
#[derive(Clone, Copy)]
pub enum Manner {
    /// They answer at once.
    Instant,
    /// They answer after so long.
    Sleep(Duration),
    /// They answer after as many microseconds as the last word of the prompt says.
    AsTold,
    /// They begin turns whose prompt has this word, and never end them; others they end at once.
    Hang(&'static str),
}

/// The agents: takes turns over, and says to `begun` what each was sent.
struct Agents {
    hub: Hub,
    manner: Manner,
    begun: Sender<Arc<str>>,
}

impl Effects for Agents {
    fn start(&mut self, effect: Effect) {
        let Effect::StartTurn(request) = effect else { return };
        let _ = self.begun.send(Arc::clone(&request.prompt));
        let hub = self.hub.clone();
        hub.tell(Event::TurnStarted { turn: request.turn });
        let outcome = TurnOutcome::Answered { text: "done".to_owned(), result: None, usage: Usage::default() };
        let end = Event::TurnEnded { turn: request.turn, outcome };
        match self.manner {
            Manner::Hang(word) if request.prompt.contains(word) => {}
            Manner::Instant | Manner::Hang(_) => hub.tell(end),
            Manner::Sleep(_) | Manner::AsTold => {
                let told = request.prompt.split_whitespace().last().and_then(|it| it.parse().ok());
                let time = match self.manner {
                    Manner::Sleep(time) => time,
                    _ => Duration::from_micros(told.unwrap_or_default()),
                };
                drop(std::thread::spawn(move || {
                    std::thread::sleep(time);
                    hub.tell(end);
                }));
            }
        }
    }
}

/// A running hub.
pub struct Running {
    hub: Hub,
    begun: Receiver<Arc<str>>,
    runtime: Runtime,
    _thread: JoinHandle<()>,
}

impl Running {
    /// Opens the journal and takes the seat. The agents are called `a0`, `a1`, …
    pub fn start(journal: &Path, manner: Manner, agents: usize) -> Result<Self, String> {
        let journal = open(journal)?;
        let (hub, seat) = Hub::prepare();
        let (sender, begun) = channel();
        let effects = Agents { hub: hub.clone(), manner, begun: sender };
        let thread =
            seat.take(Box::new(journal), Box::new(effects)).map_err(|error| why("starting the hub")(&error))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| why("a runtime")(&error))?;
        let running = Self { hub, begun, runtime, _thread: thread };
        running.ask(Event::Started { trusted: true, agents: (0..agents).map(info).collect() })?;
        Ok(running)
    }

    fn ask(&self, event: Event) -> Result<Reply, String> {
        let reply = async { tokio::time::timeout(LIMIT, self.hub.ask(event)).await };
        let reply = self.runtime.block_on(reply).map_err(|_| "the hub did not answer".to_owned())?;
        reply.map_err(|refusal| refusal.message)
    }

    pub fn run(&self, plan: &Arc<Plan>, worker: usize) -> Result<RunId, String> {
        let roles = plan.roles.iter().map(|role| (role.id.to_string(), Players::One(name(worker)))).collect();
        let event = Event::StartRun {
            by: person(),
            plan: Arc::clone(plan),
            inputs: BTreeMap::new(),
            roles,
            channel: None,
            key: None,
        };
        match self.ask(event)?.answer {
            Answer::Started(run) => Ok(run),
            other => Err(format!("the hub answered {other:?} to the start of a run")),
        }
    }

    /// Waits for the turns to begin, and returns what they were sent.
    pub fn turns(&self, count: usize) -> Result<Vec<Arc<str>>, String> {
        let deadline = Instant::now() + LIMIT;
        let next = || self.begun.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        let all: Result<Vec<_>, _> = (0..count).map(|_| next()).collect();
        all.map_err(|_| format!("not all of {count} turns began within {LIMIT:?}"))
    }

    /// Waits until the run is over in the durable state.
    pub fn end_of(&self, run: RunId) -> Result<(), String> {
        let mut states = self.hub.watch();
        let params = RunsParams { run: Some(run), live: false };
        let over = async {
            loop {
                let view = states.borrow_and_update().runs(&params).map_err(|refusal| refusal.message)?;
                match view.first() {
                    Some(view) if view.status.has_ended() => return Ok(()),
                    Some(view) if view.status == callboard::protocol::RunStatus::Waiting => {
                        return Err(format!("the run waits for a person: {}", view.why));
                    }
                    _ => states.changed().await.map_err(|_| "the hub ended".to_owned())?,
                }
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(LIMIT, over).await }).map_err(|_| "the run did not end")?
    }
}

/// Durable appends: the journal alone beside SQLite alone, and the hub beside the journal.
pub fn appends(bench: &Bench) -> Vec<Row> {
    let reach = "≥ 80 % of the same store alone";
    let alone = |name: &str, group: usize| -> Result<Measured, String> {
        let mut journal = open(&bench.file(name))?;
        let entry = |_| NewEntry { at: Timestamp::now(), kind: "message", body: BODY.to_owned() };
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        rate(bench.samples(30), (50 * group) as f64, Unit::PerSecond, || {
            let start = Instant::now();
            for _ in 0..50 {
                let entries: Vec<NewEntry> = (0..group).map(entry).collect();
                journal.append(journal.head(), &entries).map_err(|error| error.to_string())?;
            }
            Ok(start.elapsed())
        })
    };
    let single = alone("journal-single", 1);
    let grouped = alone("journal-grouped", 100);
    let posted = Running::start(&bench.file("posts-single"), Manner::Instant, 1).and_then(|running| {
        rate(bench.samples(30), 50.0, Unit::PerSecond, || {
            let before = running.hub.snapshot().rev;
            let start = Instant::now();
            (0..50).try_for_each(|_| running.ask(post()).map(drop))?;
            let took = start.elapsed();
            recorded(&running, before, 50).map(|()| took)
        })
    });
    let together = Running::start(&bench.file("posts-grouped"), Manner::Instant, 1).and_then(|running| {
        rate(bench.samples(30), 6_400.0, Unit::PerSecond, || {
            let before = running.hub.snapshot().rev;
            let start = Instant::now();
            post_many(&running, 6_400, 64)?;
            let took = start.elapsed();
            recorded(&running, before, 6_400).map(|()| took)
        })
    });
    let floor = |measured: &Result<Measured, String>| measured.as_ref().ok().copied();
    vec![
        Row::figure("journal: 1 record an append", single.clone(), reach).on("SQLite", bench.floor("sqlite row")),
        Row::figure("journal: 100 records an append", grouped.clone(), reach).on("SQLite", bench.floor("sqlite rows")),
        Row::figure("hub: messages posted one after another, durable", posted, reach).on("journal", floor(&single)),
        Row::figure("hub: messages posted by 64 at once, durable", together, reach)
            .on("journal, groups", floor(&grouped)),
    ]
}

/// Sequential durable steps.
pub fn steps(bench: &Bench) -> Vec<Row> {
    let count = 200;
    let measured = Running::start(&bench.file("steps"), Manner::Instant, 1).and_then(|running| {
        let plan = Arc::new(chain(count));
        rate(bench.samples(30), 200.0, Unit::PerSecond, || {
            let start = Instant::now();
            let run = running.run(&plan, 0)?;
            running.turns(count)?;
            running.end_of(run)?;
            Ok(start.elapsed())
        })
    });
    let what = "durable steps, one after another, instant agents, 200 a run";
    vec![Row::figure(what, measured, "≥ 1,500/s").on("SQLite, 1 row", bench.floor("sqlite row"))]
}

/// The time of a diamond of sleeping agents over its critical path.
pub fn makespan(bench: &Bench) -> Vec<Row> {
    let sleep = Duration::from_millis(if bench.quick { 200 } else { 1_000 });
    let measured = Running::start(&bench.file("makespan"), Manner::Sleep(sleep), 5).and_then(|running| {
        let plan = Arc::new(diamond());
        let ratios = (0..bench.samples(20)).map(|_| {
            let start = Instant::now();
            let run = running.run(&plan, 0)?;
            running.turns(5)?;
            running.end_of(run)?;
            Ok(start.elapsed().as_secs_f64() / (3 * sleep).as_secs_f64())
        });
        Measured::of(ratios.collect::<Result<_, String>>()?, Unit::Times)
    });
    let what = format!("makespan of 1 → 3 → 1 agents that sleep {} ms / critical path", sleep.as_millis());
    vec![Row::figure(what, measured, "≤ 1.01")]
}

/// From a post until each of twenty watchers in the hub's process has the durable state with it.
pub fn fan_out(bench: &Bench) -> Vec<Row> {
    let measured = Running::start(&bench.file("fan-out-hub"), Manner::Instant, 1).and_then(|running| {
        let (sender, heard) = channel();
        for _ in 0..CLIENTS {
            let (mut states, sender) = (running.hub.watch(), sender.clone());
            running.runtime.spawn(async move {
                while states.changed().await.is_ok() {
                    let rev = states.borrow_and_update().rev;
                    if sender.send((rev, Instant::now())).is_err() {
                        return;
                    }
                }
            });
        }
        let mut samples = Vec::new();
        for _ in 0..bench.samples(500) {
            let start = Instant::now();
            let rev = running.ask(post())?.rev;
            let mut waiting = CLIENTS;
            while waiting > 0 {
                let (seen, at) = heard.recv_timeout(LIMIT).map_err(|_| "a watcher was not told".to_owned())?;
                if seen >= rev {
                    samples.push(millis(at.saturating_duration_since(start)));
                    waiting -= 1;
                }
            }
        }
        Measured::of(samples, Unit::Millis)
    });
    let what = "message posted → each of 20 watchers in the hub's process";
    vec![Row::figure(what, measured, "median ≤ 2 × floor, worst 5 % ≤ 2 ms").on("20 sockets", bench.floor("fan-out"))]
}

/// The last 100 messages of very many.
pub fn messages(bench: &Bench) -> Vec<Row> {
    let count = if bench.quick { 10_000 } else { 100_000 };
    let measured = Running::start(&bench.file("messages"), Manner::Instant, 1).and_then(|running| {
        post_many(&running, count, 256)?;
        each(bench.samples(500), || {
            let found =
                running.hub.snapshot().messages(&MessagesParams { limit: Some(100), ..MessagesParams::default() });
            let found = found.map_err(|refusal| refusal.message)?.messages.len();
            if found == 100 { Ok(()) } else { Err(format!("{found} messages came")) }
        })
    });
    let what = format!("the last 100 of {count} messages, in the hub");
    vec![Row::figure(what, measured, "< 0.5 ms").on("SQLite query", bench.floor("query"))]
}

/// From opening the journal of a hub that was killed until every unfinished run's turn has been started again.
pub fn recovery(bench: &Bench) -> Vec<Row> {
    let runs = if bench.quick { 100 } else { 1_000 };
    let rounds = bench.samples(10).min(10);
    let measured = (0..rounds).map(|round| recover(&bench.file(&format!("recovery-{round}")), runs));
    let measured = measured.collect::<Result<Vec<f64>, String>>().and_then(|times| Measured::of(times, Unit::Millis));
    let what = format!("kill -9 → {runs} unfinished runs going again, no finished step redone");
    vec![Row::figure(what, measured, "< 300 ms for 1,000")]
}

fn recover(journal: &Path, runs: usize) -> Result<f64, String> {
    let bad = why("starting the hub that is to be killed");
    let mut victim = Command::new(myself()?)
        .arg("--as=victim")
        .arg(journal)
        .arg(runs.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| bad(&error))?;
    let mut said = String::new();
    let output = victim.stdout.take().ok_or("no output")?;
    let heard = BufReader::new(output).read_line(&mut said);
    // SIGKILL: nothing is flushed, nothing is closed.
    victim.kill().and_then(|()| victim.wait()).map_err(|error| bad(&error))?;
    heard.map_err(|error| bad(&error))?;
    if said.trim() != "ready" {
        return Err(format!("the hub that is to be killed said {said:?}"));
    }
    let start = Instant::now();
    let running = Running::start(journal, Manner::Hang(SECOND), runs)?;
    let begun = running.turns(runs)?;
    let took = millis(start.elapsed());
    let redone = begun.iter().filter(|prompt| prompt.contains(FIRST)).count();
    if redone == 0 { Ok(took) } else { Err(format!("{redone} finished steps were done again")) }
}

const FIRST: &str = "the first of two";
const SECOND: &str = "the second of two";

/// The role behind `recovery`: starts runs whose first step ends and whose second never does, says `ready`, and waits to
/// be killed.
pub fn victim(journal: &Path, runs: usize) -> Result<(), String> {
    let running = Running::start(journal, Manner::Hang(SECOND), runs)?;
    let mut plan = chain(2);
    for (step, prompt) in plan.steps.iter_mut().zip([FIRST, SECOND]) {
        if let Action::Turn(turn) = &mut step.action {
            prompt.clone_into(&mut turn.prompt);
        }
    }
    let plan = Arc::new(plan);
    for worker in 0..runs {
        running.run(&plan, worker)?;
    }
    let begun: HashSet<usize> = running.turns(2 * runs)?.iter().map(|prompt| prompt.len()).collect();
    if begun.len() < 2 {
        return Err("only one kind of turn began".to_owned());
    }
    // A turn's start is durable once the hub has answered something that was asked after it.
    running.ask(post())?;
    crate::agent::say("ready\n")?;
    std::thread::sleep(LIMIT);
    Ok(())
}

/// Makes sure that a rate counts records and not empty answers.
fn recorded(running: &Running, before: u64, posts: u64) -> Result<(), String> {
    let more = running.ask(post())?.rev.saturating_sub(before);
    if more > posts { Ok(()) } else { Err(format!("{posts} posts made only {more} records")) }
}

fn post_many(running: &Running, count: usize, at_once: usize) -> Result<(), String> {
    let hub = &running.hub;
    let posting = async {
        let tasks = (0..at_once).map(|_| {
            let hub = hub.clone();
            tokio::spawn(async move {
                for _ in 0..count / at_once {
                    hub.ask(post()).await.map_err(|refusal| refusal.message)?;
                }
                Ok::<(), String>(())
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.map_err(|error| error.to_string())??;
        }
        Ok(())
    };
    running.runtime.block_on(posting)
}

fn open(path: &Path) -> Result<SqliteJournal, String> {
    let file: PathBuf = path.join("journal.db");
    SqliteJournal::open(&file).map_err(|error| error.to_string())
}

fn person() -> Actor {
    Actor::Human("bench".to_owned())
}

fn post() -> Event {
    Event::Post {
        by: person(),
        channel: None,
        thread: None,
        text: "The retry loop never ends when the server answers 429 with no Retry-After header.".to_owned(),
        key: None,
    }
}

fn name(number: usize) -> AgentName {
    format!("a{number}").parse().expect("a name of a letter and digits")
}

fn info(number: usize) -> AgentInfo {
    AgentInfo {
        name: name(number),
        profile: "bench".to_owned(),
        title: "An agent of the benchmark".to_owned(),
        driver: DriverKind::Tool,
        // A step that writes would wait for a checkpoint, and there are no files here.
        access: Access::Read,
        good_for: vec!["bench".to_owned()],
        missing: None,
        times: TurnTimes::default(),
        take_over: true,
        needs_session: false,
        fork: false,
    }
}

fn plan(roles: &[&str], steps: Vec<Step>) -> Plan {
    let role = |id: &&str| Role {
        unanswered: None,
        id: id.parse().expect("a role's id"),
        description: String::new(),
        prefer: Vec::new(),
        good_for: Some("bench".to_owned()),
        access: Access::Read,
        seats: Vec::new(),
        sandbox: false,
    };
    Plan {
        name: "bench".to_owned(),
        title: "Benchmark".to_owned(),
        description: String::new(),
        category: Category::Ops,
        hash: "0".repeat(64),
        channel: None,
        inputs: Vec::new(),
        roles: roles.iter().map(role).collect(),
        steps,
        limits: Limits { turns: u32::MAX, ..Limits::default() },
        result: None,
    }
}

fn step(id: &str, needs: &[&str], who: Who) -> Step {
    Step {
        id: id.parse().expect("a step's id"),
        title: String::new(),
        needs: needs.iter().map(|id| id.parse().expect("a step's id")).collect(),
        when: None,
        action: Action::Turn(TurnAction {
            unanswered: None,
            who,
            result: ResultKind::Text,
            prompt: format!("do {id}"),
            paths: None,
            findings: None,
            context: Vec::new(),
            budget: None,
            time: None,
            isolation: None,
            access: None,
            sandbox: false,
        }),
        on_failure: FailurePolicy::default(),
    }
}

/// Steps of which each needs the one before it, all by the worker.
fn chain(count: usize) -> Plan {
    let id = |number: usize| format!("s{number}");
    let steps = (0..count).map(|number| {
        let before = number.checked_sub(1).map(id);
        let needs: Vec<&str> = before.iter().map(String::as_str).collect();
        step(&id(number), &needs, Who::Role("worker".parse().expect("a role's id")))
    });
    plan(&["worker"], steps.collect())
}

/// A graph as a plan: each step by an agent of its own that is told how long it takes.
pub fn graph(graph: &crate::dags::Graph) -> Plan {
    let id = |number: usize| format!("s{number}");
    let steps = graph.steps.iter().enumerate().map(|(number, (time, needs))| {
        let needs: Vec<String> = needs.iter().map(|it| id(*it)).collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        let mut step = step(&id(number), &needs, Who::Agent(name(number)));
        if let Action::Turn(turn) = &mut step.action {
            turn.prompt = format!("sleep {}", time.as_micros());
        }
        step
    });
    plan(&[], steps.collect())
}

/// One, then three at once, then one, each by an agent of its own.
fn diamond() -> Plan {
    let who = |number| Who::Agent(name(number));
    let middle = ["left", "middle", "right"];
    let mut steps = vec![step("top", &[], who(0))];
    steps.extend(middle.iter().enumerate().map(|(index, id)| step(id, &["top"], who(index + 1))));
    steps.push(step("bottom", &middle, who(4)));
    plan(&[], steps)
}
