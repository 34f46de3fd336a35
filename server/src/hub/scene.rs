//! A stage for tests of the core: events in, text out. After each event it checks that the state is the fold of the records.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use serde_json::{Value, json};

use super::{
    apply::apply,
    decide::decide,
    effect::{Effect, WorktreeAct, WorktreeJob},
    event::{Actor, Answer, CheckpointOutcome, Event, FileConflict, Refusal, Stamped, WorktreeCame},
    record::Record,
    snapshot::Snapshot,
    state::State,
};
use crate::{
    agent::{Access, AgentInfo, DriverKind, TurnTimes},
    document::Decision,
    ids::{AgentName, PauseId, RunId, Timestamp, TurnId, WorktreeId},
    outcome::{Failure, FailureClass, TurnOutcome, TypedResult, Usage},
    protocol::{Author, MessagesParams, Players, RunsParams},
    workflow::{load_among, plan::Plan},
};

/// A workspace in memory, with its journal.
pub struct Scene {
    pub state: State,
    pub at: i64,
    pub journal: Vec<(Timestamp, Record)>,
    pub effects: Vec<Effect>,
    /// Whether checkpoints are left to the test; else each is taken at once.
    pub slow_checkpoints: bool,
    /// How many of the next merges meet a conflict.
    pub conflicts: u32,
    /// What the last decision wants to be told of findings in files that changed.
    pub follows: Vec<Effect>,
}

/// Returns the person of all scenes.
pub fn ada() -> Actor {
    Actor::Human("ada".to_owned())
}

pub fn name(text: &str) -> AgentName {
    text.parse().unwrap()
}

pub fn info(agent: &str, driver: DriverKind, access: Access, good_for: &[&str]) -> AgentInfo {
    AgentInfo {
        name: name(agent),
        profile: agent.to_owned(),
        title: agent.to_owned(),
        driver,
        access,
        good_for: good_for.iter().map(|it| (*it).to_owned()).collect(),
        missing: None,
        times: TurnTimes::default(),
        take_over: driver != DriverKind::Tool,
        needs_session: false,
        fork: driver != DriverKind::Tool,
    }
}

pub fn cast() -> Vec<AgentInfo> {
    vec![
        info("claude", DriverKind::Terminal, Access::Write, &["review", "fix"]),
        info("codex", DriverKind::Terminal, Access::Write, &["fix"]),
        info("lint", DriverKind::Tool, Access::Read, &["review"]),
        info("autofix", DriverKind::Tool, Access::Write, &["fix"]),
        info("tests", DriverKind::Tool, Access::Read, &["test"]),
    ]
}

/// Returns a text answer.
pub fn says(text: &str) -> TurnOutcome {
    TurnOutcome::Answered { text: text.to_owned(), result: None, usage: Usage::default() }
}

/// Returns an answer with a typed result, given as JSON.
pub fn gives(result: Value) -> TurnOutcome {
    let result: TypedResult = serde_json::from_value(result).unwrap();
    TurnOutcome::Answered { text: String::new(), result: Some(result), usage: Usage::default() }
}

pub fn fails(class: FailureClass) -> TurnOutcome {
    TurnOutcome::Failed(Failure { class, message: format!("it was {}", class.name()), retry_at: None })
}

/// Returns a review with findings given as `(line, text)` of `src/lib.rs`.
pub fn review(findings: &[(u32, &str)]) -> TurnOutcome {
    let verdict = if findings.is_empty() { "approved" } else { "changes_requested" };
    let findings: Vec<Value> = findings
        .iter()
        .map(|(line, text)| json!({ "place": { "path": "src/lib.rs", "line": line }, "severity": "warning", "text": text }))
        .collect();
    gives(json!({ "kind": "review", "verdict": verdict, "summary": "", "findings": findings }))
}

impl Scene {
    pub fn empty() -> Self {
        Self {
            state: State::default(),
            at: 0,
            journal: Vec::new(),
            effects: Vec::new(),
            slow_checkpoints: false,
            conflicts: 0,
            follows: Vec::new(),
        }
    }

    /// Sets the stage: a trusted workspace with five agents.
    pub fn new() -> Self {
        let mut scene = Self::empty();
        scene.restart();
        scene
    }

    /// Starts a hub on what there is.
    pub fn restart(&mut self) {
        self.ok(Event::Started { trusted: true, agents: cast() });
    }

    /// Takes an event in, a second after the last.
    pub fn event(&mut self, event: Event) -> Result<Answer, Refusal> {
        self.at += 1_000;
        let answer = self.take_in(event)?;
        if !self.slow_checkpoints {
            self.take_checkpoints();
        }
        Ok(answer)
    }

    /// Answers the checkpoints that were asked for, in their order: tree `c3` for checkpoint 3.
    pub fn take_checkpoints(&mut self) {
        let is_one = |it: &Effect| matches!(it, Effect::Checkpoint { .. } | Effect::Worktree(_));
        while let Some(index) = self.effects.iter().position(is_one) {
            let event = match self.effects.remove(index) {
                Effect::Checkpoint { checkpoint, .. } => {
                    let tree = Some(format!("c{checkpoint}").into());
                    let outcome = CheckpointOutcome { tree, ..CheckpointOutcome::default() };
                    Event::CheckpointTaken { checkpoint, outcome }
                }
                Effect::Worktree(job) => Event::Worktree { worktree: job.worktree, came: self.came_of(&job) },
                _ => continue,
            };
            let taken = self.take_in(event);
            assert!(taken.is_ok(), "{taken:?}");
        }
    }

    /// What comes of a worktree's job: all goes well, but for the conflicts that the test wants.
    fn came_of(&mut self, job: &WorktreeJob) -> WorktreeCame {
        let id = job.worktree;
        match &job.act {
            WorktreeAct::Make => WorktreeCame::Made {
                tree: format!("{id}-base").into(),
                folder: format!("/s/{id}/work"),
                notes: Vec::new(),
            },
            WorktreeAct::Take { .. } => WorktreeCame::Taken { tree: format!("{id}-tree").into(), left_out: Vec::new() },
            WorktreeAct::Merge { .. } if self.conflicts > 0 => {
                self.conflicts -= 1;
                conflict()
            }
            WorktreeAct::Merge { .. } => WorktreeCame::Merged { files: vec![format!("src/{id}.rs")] },
            WorktreeAct::Remove { .. } => WorktreeCame::Gone { kept: String::new() },
        }
    }

    /// Tells what came of something that was to be done with a worktree.
    pub fn worktree(&mut self, worktree: u64, came: WorktreeCame) {
        self.ok(Event::Worktree { worktree: WorktreeId(worktree), came });
    }

    fn take_in(&mut self, event: Event) -> Result<Answer, Refusal> {
        let stamped = Stamped { at: Timestamp(self.at), event };
        let decided = decide(&self.state, &stamped)?;
        for record in &decided.records {
            let text = serde_json::to_string(record).unwrap();
            assert_eq!(
                &serde_json::from_str::<Record>(&text).unwrap(),
                record,
                "a record reads back as it was written"
            );
            self.journal.push((stamped.at, record.clone()));
        }
        self.state = decided.state;
        let (follows, others) = decided.effects.into_iter().partition(|it| matches!(it, Effect::Follow { .. }));
        self.follows = follows;
        self.effects.extend(others);
        assert!(self.folded() == self.state, "the state is the fold of the records");
        Ok(decided.answer)
    }

    pub fn ok(&mut self, event: Event) -> Answer {
        self.event(event).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
    }

    /// Returns what the journal comes to.
    pub fn folded(&self) -> State {
        let mut state = State::default();
        for (index, (at, record)) in self.journal.iter().enumerate() {
            apply(&mut state, index as u64 + 1, *at, record);
        }
        state
    }

    pub fn post(&mut self, text: &str) {
        self.ok(Event::Post { by: ada(), channel: None, thread: None, text: text.to_owned(), key: None });
    }

    pub fn run(&mut self, plan: Value) -> RunId {
        self.run_with(plan, &[])
    }

    pub fn run_with(&mut self, plan: Value, roles: &[(&str, &str)]) -> RunId {
        let plan: Plan = serde_json::from_value(plan).unwrap();
        let roles = roles.iter().map(|(role, agent)| ((*role).to_owned(), Players::One(name(agent)))).collect();
        let event = Event::StartRun {
            by: ada(),
            plan: Arc::new(plan),
            inputs: BTreeMap::new(),
            roles,
            channel: None,
            key: None,
        };
        let Answer::Started(run) = self.ok(event) else { panic!("no run") };
        run
    }

    /// Runs a workflow as its file has it; it may do those of `others`, by name and text.
    pub fn run_file(&mut self, text: &str, others: &[(&str, &str)], inputs: Value) -> RunId {
        let plan = written(text, others);
        let inputs = serde_json::from_value(inputs).unwrap();
        let event = Event::StartRun {
            by: ada(),
            plan: Arc::new(plan),
            inputs,
            roles: BTreeMap::new(),
            channel: None,
            key: None,
        };
        let Answer::Started(run) = self.ok(event) else { panic!("no run") };
        run
    }

    /// Ends the turn that an agent is on.
    pub fn ends(&mut self, agent: &str, outcome: TurnOutcome) {
        let turn = self.live(agent).unwrap_or_else(|| panic!("@{agent} is on no turn\n{}", self.runs()));
        self.ok(Event::TurnStarted { turn });
        self.ok(Event::TurnEnded { turn, outcome });
    }

    pub fn live(&self, agent: &str) -> Option<TurnId> {
        self.state.agents.get(&name(agent)).and_then(|it| it.live)
    }

    pub fn decide(&mut self, pause: u64, decision: Decision) -> Result<Answer, Refusal> {
        let hash = self.state.pause(PauseId(pause)).map_or(String::new(), |it| it.hash.clone());
        self.event(Event::Decide { by: ada(), pause: PauseId(pause), decision, hash, scope: None })
    }

    /// Returns the last word on whether the disk is watched, and what turns were told while they went on.
    pub fn told(&mut self) -> String {
        let lines = self.effects.iter().filter_map(|it| match it {
            Effect::Watch { on } => Some(format!("watch {on}")),
            Effect::Tell { agent, turn, text } => Some(format!("tell {turn} {agent} {text}")),
            _ => None,
        });
        let lines = lines.collect::<Vec<_>>().join("\n");
        self.effects.retain(|it| !matches!(it, Effect::Watch { .. } | Effect::Tell { .. }));
        lines
    }

    /// Returns what an agent was last sent.
    pub fn sent(&self, agent: &str) -> String {
        let of = |it: &&Effect| matches!(it, Effect::StartTurn(request) if request.agent == name(agent));
        let Some(Effect::StartTurn(request)) = self.effects.iter().rev().find(of) else { panic!("nothing was sent") };
        request.prompt.to_string()
    }

    /// Returns the effects since the last call, a line each.
    pub fn new_effects(&mut self) -> String {
        let lines: Vec<String> = self
            .effects
            .drain(..)
            .filter(|it| !matches!(it, Effect::Watch { .. } | Effect::Tell { .. }))
            .map(|it| match it {
                Effect::Watch { .. } | Effect::Tell { .. } | Effect::Follow { .. } => String::new(),
                Effect::StartTurn(request) => format!("start {} {}", request.turn, request.agent),
                Effect::InterruptTurn { agent, turn } => format!("interrupt {turn} {agent}"),
                Effect::TakeOver(it) => {
                    let session = it.session.as_ref().map_or("a new session", |it| &*it.id);
                    format!("open {} for {} in {} with {session}", it.agent, it.by, it.cwd.display())
                }
                Effect::HandBack { agent, .. } => format!("close {agent}"),
                Effect::StopAgent { agent } => format!("stop {agent}"),
                Effect::PutText(it) => {
                    let again = if it.again { " again" } else { "" };
                    format!("put {} {:?}{again}", it.path, it.text)
                }
                Effect::AnswerAsk { agent, turn, key, reply } => {
                    format!("answer {turn} {agent} {key} {}", serde_json::to_value(&reply).unwrap())
                }
                Effect::Checkpoint { checkpoint, since } => {
                    format!("checkpoint {checkpoint}{}", since.map_or(String::new(), |it| format!(" since {it}")))
                }
                Effect::Worktree(job) => {
                    let act = match &job.act {
                        WorktreeAct::Make => "make".to_owned(),
                        WorktreeAct::Take { resolved } if resolved.is_empty() => "take".to_owned(),
                        WorktreeAct::Take { resolved } => format!("take with {resolved:?}"),
                        WorktreeAct::Merge { base, tree, label, .. } => format!("merge {base}..{tree} as {label}"),
                        WorktreeAct::Remove { unless_beside: None } => "remove".to_owned(),
                        WorktreeAct::Remove { unless_beside: Some(base) } => format!("remove unless beside {base}"),
                    };
                    format!("{act} {}", job.worktree)
                }
                Effect::Undo(it) => {
                    let stretches = it.stretches.iter().map(|it| {
                        let shared = if it.shared.is_empty() { String::new() } else { format!(" with {}", it.shared) };
                        format!(" {}..{}{shared}", it.from, it.to.as_deref().unwrap_or("now"))
                    });
                    format!("undo {}{}{}", it.undo, if it.force { " force" } else { "" }, stretches.collect::<String>())
                }
            })
            .collect();
        lines.join("\n")
    }

    /// Returns the default channel as people see it.
    pub fn channel(&self) -> String {
        let messages = Snapshot::of(&self.state).messages(&MessagesParams::default()).unwrap().messages;
        let mut text = String::new();
        for it in messages {
            let who = match &it.author {
                Author::Person(name) => name.clone(),
                Author::Agent(name) => name.to_string(),
                Author::Operator => "operator".to_owned(),
                Author::System => "system".to_owned(),
            };
            let _ = writeln!(text, "{} {who}: {}", it.id, it.text.replace('\n', " / "));
            for delivery in &it.deliveries {
                let state = serde_json::to_value(&delivery.state).unwrap();
                let _ = writeln!(text, "    to {}: {}", delivery.agent, state["is"].as_str().unwrap());
            }
        }
        text
    }

    /// Returns the runs as people see them.
    pub fn runs(&self) -> String {
        let mut text = String::new();
        for run in Snapshot::of(&self.state).runs(&RunsParams::default()).unwrap() {
            let _ = writeln!(text, "{} {:?} {}", run.id, run.status, run.why);
            for step in run.steps {
                let indent = "  ".repeat(step.depth as usize + 1);
                let round = if step.round > 0 { format!(" round {}", step.round) } else { String::new() };
                let attempt = if step.attempt > 1 { format!(" attempt {}", step.attempt) } else { String::new() };
                let _ = writeln!(text, "{indent}{} {:?}{round}{attempt}", step.id, step.status);
            }
        }
        text
    }

    /// Returns the findings as people see them.
    pub fn findings(&self) -> String {
        self.state.findings.iter().fold(String::new(), |text, it| {
            let state = serde_json::to_value(&it.state).unwrap();
            text + &format!("{} {} {}\n", it.id, it.draft.text, state["is"].as_str().unwrap())
        })
    }

    /// Returns what waits for a person.
    pub fn inbox(&self) -> String {
        self.state.open_pauses.iter().filter_map(|it| self.state.pause(*it)).fold(String::new(), |text, it| {
            text + &format!("{} {:?} {} [{}]\n", it.id, it.kind, it.title, it.decisions.join(" "))
        })
    }
}

/// Returns the plan of a workflow's text.
pub fn written(text: &str, others: &[(&str, &str)]) -> Plan {
    let find = |name: &str| {
        let found = others.iter().find(|it| it.0 == name);
        found.map(|it| it.1.to_owned()).ok_or_else(|| format!("there is no workflow {name}"))
    };
    let loaded = load_among("test", text, &find);
    loaded.plan.unwrap_or_else(|| panic!("{:#?}", loaded.problems))
}

/// Returns a conflict in one file, which can be edited.
pub fn conflict() -> WorktreeCame {
    let text = "one\n<<<<<<< the work tree\nours\n=======\ntheirs\n>>>>>>> it\n";
    let file = FileConflict {
        path: "src/lib.rs".to_owned(),
        why: "both changed the same lines".to_owned(),
        marked: Some(Some(text.into())),
    };
    WorktreeCame::Conflicts { files: vec![file], base: Some("now".into()) }
}

/// Returns a step with a worktree of its own.
pub fn isolated(mut step: Value) -> Value {
    step["action"]["isolation"] = json!({});
    step
}

/// Returns a plan around steps.
#[expect(clippy::needless_pass_by_value, reason = "plans read better without borrows")]
pub fn plan(steps: Value) -> Value {
    json!({
        "name": "test", "title": "Test", "description": "", "category": "ops", "hash": "0", "channel": null,
        "inputs": [],
        "roles": [
            { "id": "reviewer", "description": "", "prefer": ["lint"], "goodFor": null, "access": "read" },
            { "id": "fixer", "description": "", "prefer": ["autofix"], "goodFor": null, "access": "write" },
            { "id": "writer", "description": "", "prefer": ["claude"], "goodFor": null, "access": "write" },
        ],
        "steps": steps,
        "limits": { "turns": 50, "time": 7_200_000, "tokens": 1000, "microDollars": 1000 },
    })
}

pub fn turn(id: &str, needs: &[&str], role: &str, result: &str) -> Value {
    json!({
        "id": id, "title": "", "needs": needs, "when": null, "onFailure": { "classes": {}, "otherwise": { "then": "pause" } },
        "action": {
            "does": "turn", "who": { "role": role }, "result": result, "prompt": format!("do {id}"),
            "paths": null, "findings": null, "time": null,
        },
    })
}

pub fn pause(id: &str, needs: &[&str], show: Option<&str>) -> Value {
    json!({
        "id": id, "title": "", "needs": needs, "when": null, "onFailure": { "classes": {}, "otherwise": { "then": "pause" } },
        "action": { "does": "pause", "show": show, "message": format!("look at {id}") },
    })
}

#[expect(clippy::needless_pass_by_value, reason = "plans read better without borrows")]
pub fn repeat(id: &str, needs: &[&str], until: &str, max: u32, steps: Value) -> Value {
    json!({
        "id": id, "title": "", "needs": needs, "when": null, "onFailure": { "classes": {}, "otherwise": { "then": "pause" } },
        "action": { "does": "repeat", "steps": steps, "until": until, "max": max },
    })
}

/// Returns a step with one of its fields changed.
pub fn with(mut step: Value, pointer: &str, value: Value) -> Value {
    *step.pointer_mut(pointer).unwrap() = value;
    step
}
