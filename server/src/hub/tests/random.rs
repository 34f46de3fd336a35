//! Random workflows and random events against the invariants of design §2, with the hub killed at any point.
//!
//! A journal is cut at a random record, folded and recovered: whatever was done stays done, whatever waited still waits.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    channel::HOP_LIMIT,
    hub::{
        event::{TakeOverCame, TextClash},
        record::{Cause, Record, Subject, TurnEnd},
        run::Run,
        scene::isolated,
        state::State,
    },
    ids::{ChannelName, FindingId, StepId, TurnId},
    protocol::{DeliveryState, PauseKind, StepStatus, TakenStage},
    workflow::plan::{Action, Step},
};

const AGENTS: [&str; 5] = ["autofix", "claude", "codex", "lint", "tests"];

/// Something that may happen next; indices are taken modulo what there is.
#[derive(Debug, Clone)]
enum Move {
    Post(usize),
    Answer(usize, usize),
    Fail(usize, usize),
    LateAnswer(usize),
    Decide(usize, usize),
    Forge(usize),
    Hold(usize, bool),
    Release(usize),
    Cancel(usize),
    Settle(usize),
    Withdraw(usize),
    Tick(u32),
    Trust(bool),
    Catalog(u8),
    PostIn(usize, usize),
    Ask(usize, usize),
    Unask(usize, usize),
    Kill(bool),
    Conflicts(u32),
    Edit(usize, usize),
    Clash(usize, u8),
    TextPut(usize, bool),
    Visit(usize, usize),
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => (0..8_usize).prop_map(Move::Post),
        14 => (any::<usize>(), 0..24_usize).prop_map(|(a, b)| Move::Answer(a, b)),
        3 => (any::<usize>(), 0..4_usize).prop_map(|(a, b)| Move::Fail(a, b)),
        1 => any::<usize>().prop_map(Move::LateAnswer),
        6 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Move::Decide(a, b)),
        1 => any::<usize>().prop_map(Move::Forge),
        1 => (0..4_usize, any::<bool>()).prop_map(|(a, b)| Move::Hold(a, b)),
        3 => (0..4_usize).prop_map(Move::Release),
        1 => (0..20_usize).prop_map(Move::Cancel),
        1 => any::<usize>().prop_map(Move::Settle),
        1 => any::<usize>().prop_map(Move::Withdraw),
        2 => (0..20_000_u32).prop_map(Move::Tick),
        1 => prop_oneof![1 => Just(false), 3 => Just(true)].prop_map(Move::Trust),
        1 => any::<u8>().prop_map(Move::Catalog),
        2 => (0..6_usize, any::<usize>()).prop_map(|(a, b)| Move::PostIn(a, b)),
        4 => (any::<usize>(), 0..12_usize).prop_map(|(a, b)| Move::Ask(a, b)),
        1 => (any::<usize>(), 0..12_usize).prop_map(|(a, b)| Move::Unask(a, b)),
        1 => any::<bool>().prop_map(Move::Kill),
        2 => (0..3_u32).prop_map(Move::Conflicts),
        2 => (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Move::Edit(a, b)),
        2 => (any::<usize>(), 0..3_u8).prop_map(|(a, b)| Move::Clash(a, b)),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(a, b)| Move::TextPut(a, b)),
        3 => (0..5_usize, 0..6_usize).prop_map(|(a, b)| Move::Visit(a, b)),
    ]
}

/// A step's shape, by numbers: what it does, whom it needs, how it takes a failure.
type Shape = (u8, u8, u8);

fn any_plan() -> impl Strategy<Value = Value> {
    let shapes = || prop::collection::vec((0..12_u8, any::<u8>(), 0..6_u8), 1..5);
    let loops = || prop::option::of(shapes());
    (shapes(), loops(), loops(), 1..4_u32, 2..30_u32, 20..400_u32).prop_map(
        |(outer, inner, deep, max, turns, tokens)| {
            let mut steps = build("s", &outer);
            if let Some(inner) = inner {
                let mut children = build("i", &inner);
                if let Some(deep) = deep {
                    let first = children.first().map(|it| it["id"].as_str().unwrap_or_default().to_owned());
                    let needs: Vec<&str> = first.as_deref().into_iter().collect();
                    let until = format!("round >= {}", 4 - max);
                    children.push(repeat("deep", &needs, &until, 2, json!(build("d", &deep))));
                }
                let needs: Vec<&str> = if outer.len() > 1 { vec!["s0"] } else { Vec::new() };
                steps.push(repeat("loop", &needs, &format!("round >= {max}"), max, json!(children)));
            }
            let mut wanted = plan(json!(steps));
            wanted["roles"][2]["prefer"] = json!(["claude", "codex"]);
            wanted["roles"].as_array_mut().unwrap().push(json!({
                "id": "panel", "description": "", "prefer": ["codex", "lint", "claude"], "goodFor": null, "access": "read",
                "seats": [[], []],
            }));
            wanted["limits"]["turns"] = json!(turns);
            wanted["limits"]["time"] = json!(60_000);
            wanted["limits"]["tokens"] = json!(tokens);
            wanted
        },
    )
}

fn build(prefix: &str, shapes: &[Shape]) -> Vec<Value> {
    let mut steps = Vec::new();
    for (index, (kind, needs, failure)) in shapes.iter().enumerate() {
        let id = format!("{prefix}{index}");
        let needs: Vec<String> =
            (0..index).filter(|bit| needs >> (bit % 8) & 1 == 1).map(|bit| format!("{prefix}{bit}")).collect();
        let needs: Vec<&str> = needs.iter().map(String::as_str).collect();
        let step = match kind {
            0 | 1 => turn(&id, &needs, "writer", "text"),
            2 | 3 => turn(&id, &needs, "reviewer", "review"),
            4 if index % 2 == 0 => isolated(turn(&id, &needs, "writer", "change")),
            4 => turn(&id, &needs, "fixer", "change"),
            5 => with(turn(&id, &needs, "writer", "text"), "/when", json!("round != 2")),
            8 => each(&id, &needs, json!({ "list": "[1, 2]" }), turn(&id, &[], "writer", "text")),
            9 => each(&id, &needs, json!({ "role": "panel" }), turn(&id, &[], "panel", "review")),
            // One item more than there may be, every other time.
            10 => {
                let part = turn(&format!("{id}_b"), &[&format!("{id}_a")], "fixer", "change");
                let look = each(
                    &format!("{id}_a"),
                    &[],
                    json!({ "role": "panel" }),
                    turn(&format!("{id}_a"), &[], "panel", "review"),
                );
                let list = if index % 2 == 0 { "[1, 2, 3]" } else { "[1, 2, 3, 4]" };
                let body = with(pause(&id, &[], None), "/action", json!({ "does": "group", "steps": [look, part] }));
                each(&id, &needs, json!({ "list": list }), body)
            }
            11 => {
                let inner = [
                    turn(&format!("{id}/n0"), &[], "reviewer", "review"),
                    pause(&format!("{id}/n1"), &[&format!("{id}/n0")], Some(&format!("{id}/n0"))),
                ];
                let nested = json!({
                    "does": "nested", "workflow": "n", "hash": "0", "takes": [], "inputs": {}, "roles": {},
                    "steps": inner, "result": format!("{id}/n1"),
                });
                with(pause(&id, &needs, None), "/action", nested)
            }
            _ => pause(&id, &needs, needs.first().copied()),
        };
        let policy = match failure {
            0 => json!({ "then": "retry", "times": 2, "wait": 1_000 }),
            1 => json!({ "then": "skip" }),
            2 => json!({ "then": "fail" }),
            4 => json!({ "then": "another" }),
            5 => json!({ "then": "retry", "times": 1, "wait": 1_000, "after": "another" }),
            _ => json!({ "then": "pause" }),
        };
        let step = match step.pointer("/action/body") {
            Some(_) => with(step, "/action/body/onFailure/otherwise", policy),
            None => with(step, "/onFailure/otherwise", policy),
        };
        steps.push(step);
    }
    steps
}

/// Returns a step that is done for each of several.
#[expect(clippy::needless_pass_by_value, reason = "plans read better without borrows")]
fn each(id: &str, needs: &[&str], over: Value, body: Value) -> Value {
    let action = json!({ "does": "each", "over": over, "item": "item", "atOnce": 2, "most": 3, "body": body });
    with(pause(id, needs, None), "/action", action)
}

/// Changes the plan of a run in a way that its check would let through: words of what waits, a step more, a step less.
fn edit(scene: &mut Scene, which: usize, how: usize) {
    let live: Vec<RunId> = scene.state.live_runs.iter().copied().collect();
    let Some(id) = (!live.is_empty()).then(|| live[which % live.len()]) else { return };
    let run = scene.state.runs[&id].clone();
    let mut wanted = serde_json::to_value(&*run.plan).unwrap();
    wanted["limits"] = json!(run.limits);
    wanted["hash"] = json!(format!("{}+", run.plan.hash));
    let steps = wanted["steps"].as_array_mut().unwrap();
    match how % 4 {
        0 => steps.push(turn(&format!("more{}", steps.len()), &[], "writer", "text")),
        1 => {
            steps.retain(|it| it["id"] != "loop" || !how.is_multiple_of(3));
        }
        2 if steps.len() > 1 => drop(steps.pop()),
        _ => steps.iter_mut().for_each(|it| it["title"] = json!(format!("title {how}"))),
    }
    let plan = std::sync::Arc::new(serde_json::from_value(wanted).unwrap());
    let done = scene.event(Event::EditPlan { by: ada(), run: id, plan, hash: run.plan.hash.clone() });
    for step in run.plan.live_steps() {
        let before = run.step(&step.id).unwrap();
        if done.is_ok() && before.status != StepStatus::Waiting {
            let now = scene.state.runs[&id].step(&step.id).expect("what has begun stays");
            assert!(now.attempt >= before.attempt, "{} was begun anew", step.id);
        }
    }
}

fn play(scene: &mut Scene, it: &Move) {
    let human = Actor::Human("ada".to_owned());
    match it {
        Move::Post(n) => {
            let text = [
                "@claude hi",
                "@codex @claude hi",
                "hi",
                "@all hi",
                "@lint src/a.rs",
                "@others @claude",
                "@x",
                "@tests",
            ];
            let event = Event::Post { by: human, channel: None, thread: None, text: text[n % 8].to_owned(), key: None };
            let _ = scene.event(event);
        }
        Move::Answer(who, what) => {
            if let Some(turn) = nth_live(scene, *who) {
                let _ = scene.event(Event::TurnStarted { turn });
                let outcome = fitting(scene, turn, *what);
                scene.ok(Event::TurnEnded { turn, outcome });
            }
        }
        Move::Fail(who, class) => {
            if let Some(turn) = nth_live(scene, *who) {
                let class = [
                    FailureClass::Crashed,
                    FailureClass::Overloaded,
                    FailureClass::Interrupted,
                    FailureClass::IdleTimeout,
                ][class % 4];
                scene.ok(Event::TurnEnded { turn, outcome: fails(class) });
            }
        }
        Move::LateAnswer(n) => {
            let ended: Vec<TurnId> = scene.state.turns.iter().filter(|it| it.ended.is_some()).map(|it| it.id).collect();
            if !ended.is_empty() {
                let before = scene.journal.len();
                scene.ok(Event::TurnEnded { turn: ended[n % ended.len()], outcome: says("late") });
                assert_eq!(scene.journal.len(), before, "a turn ends once");
            }
        }
        Move::Decide(which, how) => {
            let open: Vec<PauseId> = scene.state.open_pauses.iter().copied().collect();
            if !open.is_empty() {
                let id = open[which % open.len()];
                let pause = scene.state.pause(id).unwrap().clone();
                let decision = match pause.decisions[how % pause.decisions.len()].as_str() {
                    "approve" | "edit" if pause.kind == PauseKind::Question => {
                        Decision::Edit { document: "a".to_owned() }
                    }
                    "edit" => Decision::Edit { document: edited(&pause.document, *how) },
                    "request-changes" => Decision::RequestChanges { text: "again".to_owned() },
                    "reject" => Decision::Reject { text: String::new() },
                    "skip" => Decision::Skip,
                    "retry" => Decision::Retry { agent: None },
                    "stop" => Decision::Stop,
                    _ => Decision::Approve,
                };
                let is_edit = matches!(decision, Decision::Edit { .. });
                match scene.decide(id.0, decision) {
                    Ok(_) => {}
                    // A finding that was settled since it was shown is none that can be edited.
                    Err(it) if is_edit && it.message.contains("there is no finding") => {}
                    Err(it) => panic!("what is offered is taken: {it}"),
                }
            }
        }
        Move::Forge(which) => {
            let open: Vec<PauseId> = scene.state.open_pauses.iter().copied().collect();
            if !open.is_empty() {
                let id = open[which % open.len()];
                let hash = scene.state.pause(id).unwrap().hash.clone();
                let by = Actor::Agent(Some(name("claude")));
                scene
                    .event(Event::Decide { by, pause: id, decision: Decision::Approve, hash, scope: None })
                    .unwrap_err();
                let decision = Decision::Approve;
                scene
                    .event(Event::Decide { by: human, pause: id, decision, hash: "stale".to_owned(), scope: None })
                    .unwrap_err();
                assert!(scene.state.open_pauses.contains(&id));
            }
        }
        Move::Clash(who, what) => {
            let turn = nth_live(scene, *who).filter(|_| *what > 0);
            let [mine, theirs] = ["mine", "theirs"].map(|it| format!("{it} {what}\n").into());
            let clash = TextClash { path: format!("f{what}"), mine, theirs, difference: "-mine\n+theirs\n".to_owned() };
            scene.ok(Event::Clashed { turn, clash: Box::new(clash) });
        }
        Move::TextPut(which, there) => {
            let puts: Vec<PauseId> = scene.state.puts.iter().copied().collect();
            if !puts.is_empty() {
                let why = if *there { "" } else { "it is being typed in" };
                scene.ok(Event::TextPut { pause: puts[which % puts.len()], why: why.to_owned() });
            }
        }
        Move::Hold(run, interrupt) => {
            let run = (*run > 0).then_some(RunId(*run as u64));
            let _ = scene.event(Event::Hold { by: human, run, interrupt: *interrupt });
        }
        Move::Release(run) => {
            let run = (*run > 0).then_some(RunId(*run as u64));
            let _ = scene.event(Event::Release { by: human, run });
        }
        Move::Cancel(run) => {
            let _ = scene.event(Event::Cancel { by: human, run: RunId(*run as u64) });
        }
        Move::Settle(n) => {
            let how = [
                super::super::event::Settlement::Accept,
                super::super::event::Settlement::Reopen,
                super::super::event::Settlement::Dismiss("no".to_owned()),
            ][n % 3]
                .clone();
            let count = scene.state.findings.len().max(1);
            let finding = FindingId((n / 3 % count) as u64 + 1);
            let _ = scene.event(Event::SettleFinding { by: human, finding, how });
        }
        Move::Withdraw(n) => {
            let count = scene.state.messages.len().max(1);
            let message = MessageId((n % count) as u64 + 1);
            let agent = name(AGENTS[n % AGENTS.len()]);
            let _ = scene.event(Event::Withdraw { by: human, message, agent });
        }
        Move::Tick(later) => {
            scene.at += i64::from(*later);
            scene.ok(Event::Tick);
            let due = scene.state.next_wake();
            assert!(due.is_none_or(|it| it.0 > scene.at), "what was due is done, or the hub would spin: {due:?}");
        }
        Move::Trust(trusted) => {
            scene.ok(Event::Trusted(*trusted));
        }
        Move::Catalog(which) => {
            scene.ok(Event::Catalog(some_of_the_cast(*which)));
        }
        Move::PostIn(place, n) => {
            let channel = (place % 3 > 0).then(|| format!("side-{}", place % 3).parse().unwrap());
            if let Some(name) = &channel {
                let default_agent = (n % 2 == 0).then(|| name_of(*n));
                let _ = scene.event(Event::CreateChannel { by: ada(), name: ChannelName::clone(name), default_agent });
            }
            let count = scene.state.messages.len();
            let thread = (place % 2 == 1 && count > 0).then(|| MessageId((n % count.max(1)) as u64 + 1));
            let text = ["hi", "@all hi", "@claude hi", "@others @lint"][n % 4].to_owned();
            let by = if n % 5 == 0 { Actor::Agent(Some(name_of(n / 5))) } else { human };
            let _ = scene.event(Event::Post { by, channel, thread, text, key: None });
        }
        Move::Ask(who, what) => {
            if let Some(turn) = nth_live(scene, *who) {
                let ask = super::asks::command(&format!("k{what}"), ["ls", "make", "rm"][what % 3]);
                let ask = if what % 4 == 3 { super::asks::question(&ask.key, "which?", &["a", "b"]) } else { ask };
                scene.ok(Event::Asked { turn, ask: Box::new(ask) });
            }
        }
        Move::Unask(who, what) => {
            if let Some(turn) = nth_live(scene, *who) {
                scene.ok(Event::AskWithdrawn { turn, key: format!("k{what}") });
            }
        }
        Move::Kill(trusted) => kill(scene, *trusted),
        Move::Conflicts(count) => scene.conflicts = *count,
        Move::Edit(which, how) => edit(scene, *which, *how),
        Move::Visit(who, what) => visit(scene, &name_of(*who), *what),
    }
}

/// A person takes an agent over or hands it back, or something comes of that.
fn visit(scene: &mut Scene, agent: &crate::ids::AgentName, what: usize) {
    let taken = scene.state.agents.get(agent).and_then(|it| it.taken.clone());
    let number = taken.as_ref().map_or(0, |it| it.number);
    let agent = agent.clone();
    let event = match what {
        0 | 1 => Event::TakeOver { by: ada(), agent, after_turn: what == 1 },
        2 => Event::HandBack { by: ada(), agent },
        // Nothing comes of what was not begun.
        _ if taken.is_none_or(|it| it.stage == TakenStage::AfterTurn) => return,
        3 => {
            let came = TakeOverCame::Opened { place: ".".to_owned(), session: Some("s".to_owned()) };
            Event::TakeOverCame { agent, number, came }
        }
        _ => Event::TakeOverCame { agent, number, came: TakeOverCame::Over { why: "so".to_owned() } },
    };
    let _ = scene.event(event);
}

fn name_of(n: usize) -> crate::ids::AgentName {
    name(AGENTS[n % AGENTS.len()])
}

fn some_of_the_cast(which: u8) -> Vec<crate::agent::AgentInfo> {
    let mut cast = super::super::scene::cast();
    if which & 64 != 0 {
        cast[0].access = crate::agent::Access::Read;
    }
    let mut bit = 0;
    cast.retain(|_| {
        bit += 1;
        which & 128 == 0 || which >> (bit - 1) & 1 == 0
    });
    cast
}

/// Returns a document as a person may leave it: as it was, with its first item struck, or with one added.
fn edited(document: &str, how: usize) -> String {
    match how / 7 % 3 {
        1 => document.replacen("- [x]", "- [ ]", 1),
        2 if document.contains("- [x]") => format!("{document}\n- [x] warning src/lib.rs:40 — mine\n"),
        _ => document.to_owned(),
    }
}

fn kill(scene: &mut Scene, trusted: bool) {
    // What a turn asks goes with the turn; the one that takes its place asks again.
    let stays = |it: &&PauseId| !matches!(scene.state.pause(**it).unwrap().subject, Subject::Ask { .. });
    let pauses: imbl::OrdSet<PauseId> = scene.state.open_pauses.iter().filter(stays).copied().collect();
    // With trust a loop whose round was over meanwhile begins its next one.
    let done = if trusted && !scene.state.trusted { BTreeSet::new() } else { finished(&scene.state) };
    scene.state = scene.folded();
    scene.new_effects();
    scene.ok(Event::Started { trusted, agents: super::super::scene::cast() });
    assert!(pauses.is_subset(&scene.state.open_pauses), "every pending approval is still pending");
    let mut started = BTreeSet::new();
    for effect in &scene.effects {
        if let crate::hub::effect::Effect::StartTurn(request) = effect {
            assert!(
                trusted && started.insert(request.agent.clone()),
                "{} is started once or not at all",
                request.agent
            );
        }
    }
    for step in done {
        assert!(finished(&scene.state).contains(&step), "a finished step stays finished");
    }
}

/// Returns the finished steps, each with its run and round.
fn finished(state: &State) -> BTreeSet<(RunId, StepId, u32)> {
    let mut found = BTreeSet::new();
    for run in state.runs.values() {
        for (id, step) in &run.steps {
            // What is not merged yet is not over: its merge may come to a conflict.
            if step.status == StepStatus::Done && !step.unmerged {
                found.insert((run.id, id.clone(), step.round));
            }
        }
    }
    found
}

fn nth_live(scene: &Scene, n: usize) -> Option<TurnId> {
    let live: Vec<TurnId> = scene.state.live_turns.iter().copied().collect();
    (!live.is_empty()).then(|| live[n % live.len()])
}

/// Returns an outcome of the form that the turn was asked for, most of the time.
fn fitting(scene: &Scene, turn: TurnId, what: usize) -> crate::outcome::TurnOutcome {
    let outcome = fitting_words(scene, turn, what % 6);
    let crate::outcome::TurnOutcome::Answered { text, result, mut usage } = outcome else { return outcome };
    usage.tokens = Some(what as u64);
    crate::outcome::TurnOutcome::Answered { text, result, usage }
}

fn fitting_words(scene: &Scene, turn: TurnId, what: usize) -> crate::outcome::TurnOutcome {
    let expects = scene.state.turn(turn).and_then(|it| it.sent.clone()).map_or("text", |it| it.expects.name());
    match (expects, what) {
        (_, 5) => says("@claude @codex over to you"),
        ("review", 0 | 1) => review(&[]),
        ("review", n) => review(&[(3, "too long"), (9, ["a", "b", "c"][n % 3])]),
        ("change", n) => {
            let declined: Vec<Value> =
                scene.state.findings.iter().take(n).map(|it| json!({ "finding": it.id, "reason": "no" })).collect();
            gives(json!({ "kind": "change", "summary": "ok", "declined": declined }))
        }
        ("tests", _) => gives(json!({ "kind": "tests", "verdict": "passed" })),
        (_, n) => says(["fine", "@codex look", "@claude look", "@all look", "done", ""][n]),
    }
}

/// Checks what must be true of every state that can be reached.
fn check(scene: &Scene) {
    let state = &scene.state;
    for agent in state.agents.values() {
        if let Some(live) = agent.live {
            assert!(state.live_turns.contains(&live), "an agent's live turn is live");
            assert!(!agent.queue.contains(&live), "what an agent is on no longer waits");
        }
    }
    let mut busy = BTreeSet::new();
    let mut steps_on = BTreeSet::new();
    for id in &state.live_turns {
        let turn = state.turn(*id).unwrap();
        assert!(busy.insert(turn.agent.clone()), "{} is on two turns", turn.agent);
        if let Cause::Step { run, step } = &turn.cause {
            assert!(steps_on.insert((*run, step.clone())), "{step} of {run} has two live attempts");
        }
    }
    check_waits(scene);
    for run in state.runs.values() {
        check_run(run, &run.plan.steps);
        let planned: BTreeSet<&StepId> = run.plan.live_steps().into_iter().map(|it| &it.id).collect();
        let known: BTreeSet<&StepId> = run.steps.keys().collect();
        assert_eq!(planned, known, "a run has a state for each of its steps, and for no other");
        if run.ended.is_some() {
            // A clash outlives its run: both texts are there still, and a person chooses.
            let waits = |it: &Subject| it.run() == Some(run.id) && !matches!(it, Subject::Clash { .. });
            assert!(
                !state.open_pauses.iter().any(|it| waits(&state.pause(*it).unwrap().subject)),
                "nothing of {} waits for a person after its end",
                run.id
            );
        } else if state.trusted && !state.is_held(Some(run.id)) {
            assert!(
                run.is_at_work()
                    || run.limit_pause.is_some()
                    || run.clashes > 0
                    || run.steps.values().any(|it| it.asks > 0)
                    || run.steps.values().any(|it| it.pause.is_some()),
                "{} neither works nor waits for anybody\n{}",
                run.id,
                scene.runs()
            );
        }
    }
    for message in &state.messages {
        assert!(message.hops <= HOP_LIMIT + 1, "{} is {} hops from a person", message.id, message.hops);
    }
}

/// Checks that whatever waits is waited for where it says, so that nothing is forgotten.
fn check_waits(scene: &Scene) {
    let state = &scene.state;
    for id in &state.open_pauses {
        let subject = &state.pause(*id).unwrap().subject;
        if let Subject::Ask { turn, key, .. } = subject {
            assert!(state.live_turns.contains(turn), "{id} is asked by a turn that is over");
            assert_eq!(state.turn(*turn).unwrap().asks.get(key.as_str()), Some(&None), "{id} has no reply yet");
            continue;
        }
        if let Subject::Clash { run, .. } = subject {
            let of = |it: &&PauseId| matches!(&state.pause(**it).unwrap().subject, Subject::Clash { run: of, .. } if of == run);
            let open = state.open_pauses.iter().filter(of).count();
            assert!(
                run.is_none_or(|it| state.runs[&it].clashes as usize == open),
                "a run waits at each of its clashes"
            );
            continue;
        }
        if let (Some(run), step) = (subject.run(), subject.step()) {
            let run = &state.runs[&run];
            let waits = step.map_or(run.limit_pause, |it| run.step(it).unwrap().pause);
            assert_eq!(waits, Some(*id), "{id} is open, and nothing waits at it");
        }
    }
    for agent in state.agents.values() {
        let may_start = state.trusted && !state.held && agent.live.is_none() && agent.taken.is_none();
        for turn in &agent.queue {
            let turn = state.turn(*turn).unwrap();
            assert!(turn.ended.is_none(), "{} is over and waits", turn.id);
            let is_delivery = matches!(turn.cause, Cause::Delivery { .. });
            assert!(!(may_start && is_delivery), "{} waits, and {} has nothing to do", turn.id, agent.info.name);
        }
    }
    for message in &state.messages {
        for delivery in &message.deliveries {
            let agent = &state.agents[&delivery.agent];
            let turn = delivery.turn;
            match delivery.state {
                DeliveryState::Stored => assert!(agent.queue.iter().any(|it| Some(*it) == turn), "{}", message.id),
                DeliveryState::Delivered | DeliveryState::Started => assert_eq!(agent.live, turn, "{}", message.id),
                _ => {}
            }
        }
    }
    for run in state.runs.values().filter(|it| it.ended.is_none()) {
        for (id, step) in &run.steps {
            if let (StepStatus::Queued, Some(turn), Some(by)) = (step.status, step.turn, &step.by) {
                let agent = &state.agents[by];
                assert!(
                    agent.live == Some(turn) || agent.queue.contains(&turn),
                    "{id} waits for a turn that is nowhere"
                );
            }
        }
    }
}

fn check_run(run: &Run, steps: &[Step]) {
    for step in steps {
        let now = run.step(&step.id).unwrap();
        let has_begun = !matches!(now.status, StepStatus::Waiting | StepStatus::Skipped);
        if has_begun {
            for need in &step.needs {
                assert!(run.step(need).unwrap().is_over(), "{} began before {need} was over", step.id);
            }
        }
        assert_eq!(now.status == StepStatus::Paused, now.pause.is_some(), "{} waits where it says", step.id);
        if let Action::Repeat(repeat) = &step.action
            && now.status != StepStatus::Waiting
        {
            assert!(now.lap <= now.bound.max(1), "{} is past its bound", step.id);
            check_run(run, &repeat.steps);
        } else if now.status != StepStatus::Waiting {
            check_run(run, step.children());
            if let Action::Each(each) = &step.action {
                let on = |it: &&Step| {
                    let now = run.step(&it.id).unwrap();
                    now.status != StepStatus::Waiting && !now.is_over()
                };
                let at_work = each.instances.iter().filter(on).count();
                assert!(at_work <= each.at_once as usize, "{} does {at_work} at once", step.id);
            }
        }
    }
}

/// Checks the journal as a whole: one result a step and round, one end a turn, no start while held.
fn check_journal(scene: &Scene) {
    let mut ended = BTreeSet::new();
    let mut held: BTreeMap<Option<RunId>, bool> = BTreeMap::new();
    let mut causes: BTreeMap<TurnId, Option<RunId>> = BTreeMap::new();
    let mut trusts = false;
    let mut taken = BTreeSet::new();
    let mut agents = BTreeMap::new();
    // Per run: the tokens that were used, and the limit on them.
    let mut tokens: BTreeMap<RunId, (u64, u64)> = BTreeMap::new();
    for (_, record) in &scene.journal {
        match record {
            Record::AgentTaken { agent, stage, .. } if *stage != TakenStage::AfterTurn => {
                taken.insert(agent.clone());
            }
            Record::AgentHandedBack { agent, .. } => {
                taken.remove(agent);
            }
            Record::TurnQueued { turn, cause, agent, .. } => {
                agents.insert(*turn, agent.clone());
                let run = if let Cause::Step { run, .. } = cause { Some(*run) } else { None };
                causes.insert(*turn, run);
            }
            Record::TurnIntended { turn, .. } => {
                let run = causes[turn];
                assert!(!taken.contains(&agents[turn]), "{turn} was started while a person had its agent");
                assert!(trusts, "{turn} was started without trust");
                if let Some((used, limit)) = run.map(|it| tokens[&it]) {
                    assert!(used < limit, "{turn} was started past the limit: {used} of {limit} tokens were used");
                }
                let stopped = held.get(&None).copied().unwrap_or(false)
                    || run.is_some() && held.get(&run).copied().unwrap_or(false);
                assert!(!stopped, "{turn} was started while its run or the workspace was held");
            }
            Record::TrustChanged { trusted } => trusts = *trusted,
            Record::RunStarted { run, plan, .. } => {
                tokens.insert(*run, (0, plan.limits.tokens));
            }
            Record::PlanEdited { run, plan, .. } => tokens.get_mut(run).unwrap().1 = plan.limits.tokens,
            Record::LimitRaised { run, limits } => tokens.get_mut(run).unwrap().1 = limits.tokens,
            Record::TurnEnded { turn, how, usage } => {
                if let Some(run) = causes[turn] {
                    tokens.get_mut(&run).unwrap().0 += usage.tokens.unwrap_or(0);
                }
                assert!(ended.insert(*turn), "{turn} ended twice");
                assert!(*how != TurnEnd::Lost || causes.contains_key(turn));
            }
            Record::Held { run, .. } => {
                held.insert(*run, true);
            }
            Record::Released { run, .. } => {
                held.insert(*run, false);
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Promises 1, 2 and 5 on whatever can happen.
    #[test]
    fn whatever_happens_the_promises_hold(
        plans in prop::collection::vec(any_plan(), 1..3),
        moves in prop::collection::vec(any_move(), 1..120),
    ) {
        let mut scene = Scene::new();
        for wanted in plans {
            scene.run(wanted);
            check(&scene);
        }
        for it in &moves {
            play(&mut scene, it);
            check(&scene);
        }
        check_journal(&scene);
    }

    /// Promise 1: a journal that is cut anywhere folds to a state from which the work goes on.
    #[test]
    fn a_journal_cut_at_any_record_recovers(
        wanted in any_plan(),
        moves in prop::collection::vec(any_move(), 1..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut scene = Scene::new();
        scene.run(wanted);
        for it in &moves {
            play(&mut scene, it);
        }
        scene.journal.truncate(cut.index(scene.journal.len()) + 1);
        scene.state = scene.folded();
        scene.restart();
    }
}

fn cases() -> u32 {
    if std::env::var_os("RUN_SLOW_TESTS").is_some() { 1_500 } else { 150 }
}
