//! Journals that can't be used, each with its sentence and not a byte of it changed; and the golden journal, which must be
//! read for ever.

use std::{fs, path::Path};

use callboard::{
    document,
    finding::FindingState,
    hub::{
        record::{Cause, Record, TurnEnd},
        state::State,
    },
    ids::Timestamp,
    protocol::DeliveryState,
    store::{Entry, sqlite::SqliteJournal},
};
use rusqlite::Connection;

use crate::{journal, relay, support::World};

/// A world with a journal in which something was posted, and no hub.
fn posted() -> World {
    let world = relay::world();
    world.callboard(&["channel", "post", "this stays"]).ok("a post");
    world.callboard(&["hub", "stop"]).ok("the hub's end");
    world
}

/// Has the journal refused by a hub and in a command's own process, and returns the hub's sentence.
#[track_caller]
fn refused(world: &World, says: &str) -> String {
    let file = journal::path(world);
    let before = fs::read(&file).expect("the journal");
    let by_hub = world.callboard(&["runs"]).code(1, "a hub on that journal");
    let in_process = world.callboard(&["--engine", "inproc", "runs"]).code(1, "this process on that journal");
    for ran in [&by_hub, &in_process] {
        assert!(ran.stderr.contains(says) && ran.stderr.contains(&*world.root().to_string_lossy()), "{}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
    assert!(fs::read(&file).expect("the journal") == before, "the refused journal was changed");
    assert_eq!(world.hub_pid(), None, "a hub runs without its journal");
    world.normal(&by_hub.stderr)
}

fn change(world: &World, sql: &str) {
    let file = Connection::open(journal::path(world)).expect("the journal");
    file.execute_batch(sql).expect("the change");
    file.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("all in the file itself");
}

#[test]
fn a_newer_journal_is_refused_and_stays_as_it_is() {
    let world = posted();
    change(&world, "pragma user_version = 9");
    insta::assert_snapshot!(refused(&world, "has format 9"), @r"
    error: the hub did not start: the journal $WORLD/s/callboard/w-<id>/journal.db has format 9, and this Callboard reads up to 1; update Callboard to open it (nothing was changed) (its log is $WORLD/r/callboard/p1-<id>.log)
    help: `callboard doctor` looks at what a hub needs
    ");
    change(&world, "pragma user_version = 1");
    let shown = world.callboard(&["channel", "show"]).ok("the journal as it was");
    assert!(shown.stdout.contains("this stays"), "{}", shown.stdout);
}

#[test]
fn a_record_of_a_newer_callboard_is_refused_and_stays_as_it_is() {
    let world = posted();
    change(&world, r#"insert into entry select max(seq) + 1, 5, 'alien', '{"record":"alien"}' from entry"#);
    insta::assert_snapshot!(refused(&world, "can't read"), @r"
    error: the hub did not start: the journal of the workspace $WORLD/w can't be used: it holds a record that this Callboard can't read, as a newer one writes; update Callboard (nothing was changed): record 5 (alien): unknown variant `alien` (its log is $WORLD/r/callboard/p1-<id>.log)
    help: `callboard doctor` looks at what a hub needs
    ");
}

#[test]
fn a_damaged_journal_is_refused_and_stays_as_it_is() {
    let world = posted();
    let file = journal::path(&world);
    let mut bytes = fs::read(&file).expect("the journal");
    let whole = bytes.clone();
    bytes[4096..].fill(0xa5);
    fs::write(&file, &bytes).expect("the damage");
    insta::assert_snapshot!(refused(&world, "malformed"), @r"
    error: the hub did not start: the journal $WORLD/s/callboard/w-<id>/journal.db can't be used: database disk image is malformed; the file is damaged: bring it back from a copy, or move it away to begin anew (nothing was changed) (its log is $WORLD/r/callboard/p1-<id>.log)
    help: `callboard doctor` looks at what a hub needs
    ");
    fs::write(&file, "notes, by mistake").expect("something else");
    insta::assert_snapshot!(refused(&world, "not a journal of Callboard"), @r"
    error: the hub did not start: the journal $WORLD/s/callboard/w-<id>/journal.db can't be used: it is not a journal of Callboard; move it away (its log is $WORLD/r/callboard/p1-<id>.log)
    help: `callboard doctor` looks at what a hub needs
    ");
    fs::write(&file, whole).expect("the copy");
    let shown = world.callboard(&["channel", "show"]).ok("the journal, brought back");
    assert!(shown.stdout.contains("this stays"), "{}", shown.stdout);
}

/// Promise 1: one hub at a time, in whichever process.
#[test]
fn a_journal_that_another_process_holds_is_refused() {
    let world = posted();
    let held = SqliteJournal::open(&journal::path(&world)).expect("the journal");
    let sentence = refused(&world, &format!("is in use by another process (pid {})", std::process::id()));
    assert!(sentence.contains("callboard hub stop"), "{sentence}");
    drop(held);
    world.callboard(&["runs"]).ok("a hub, once it is free");
    let hub = world.wait_for_hub();
    let ran = world.callboard(&["--engine", "inproc", "runs"]).code(1, "a second hub in this process");
    assert!(ran.stderr.contains(&format!("is in use by another process (pid {hub})")), "{}", ran.stderr);
}

/// The entries of a golden journal: lines of `{"seq", "at", "kind", "body"}`.
fn golden(name: &str) -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal").join(name);
    let text = fs::read_to_string(path).expect("the golden journal");
    text.lines()
        .map(|line| {
            let it: serde_json::Value = serde_json::from_str(line).expect("a line of JSON");
            Entry {
                seq: it["seq"].as_u64().expect("a number"),
                at: Timestamp(it["at"].as_i64().expect("a time")),
                kind: it["kind"].as_str().expect("a kind").to_owned(),
                body: it["body"].to_string(),
            }
        })
        .collect()
}

/// As the next but one, for worktrees and their merges.
#[test]
fn the_golden_journal_of_worktrees_comes_to_the_same_for_ever_promise_1() {
    let entries = golden("golden-worktrees.jsonl");
    for (entry, record) in entries.iter().zip(journal::records(&entries)) {
        assert_eq!(entry.kind, record.kind());
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).expect("JSON")).expect("a record");
        assert_eq!(again, record);
    }
    let state = journal::replayed(&entries);
    let trees: Vec<String> = state
        .worktrees
        .iter()
        .map(|it| {
            format!(
                "{} {} of {} {:?} copies {:?} merged {:?}",
                it.id, it.step, it.run, it.stage, it.setup.copy, it.merged
            )
        })
        .collect();
    insta::assert_snapshot!(trees.join("\n"), @r#"
    w1 left of r1 Gone copies [".env", "gone"] merged ["shared.txt"]
    w2 right of r1 Gone copies [] merged ["right.txt", "shared.txt"]
    w3 lost of r1 Gone copies [] merged []
    "#);
    let worked: Vec<String> = callboard::hub::timeline::stretches(&state)
        .iter()
        .map(|it| it.by.iter().map(|by| format!("{} {}", by.step, by.agent)).collect::<Vec<_>>().join(" + "))
        .collect();
    insta::assert_snapshot!(worked.join("\n"), @r"
    left @left
    right @right
    ");
    insta::assert_snapshot!(summary(&state), @r"
    rev 88, trusted true, held false
    #main: 13 messages
    m1 hops 0: **Pair** (r1), started by root
    m2 hops 0: left works in a worktree of its own (w1), without these:
    m3 hops 0: left is done
    m4 hops 0: right is done
    m5 hops 0: Merged what left did by @left: 1 file.
    m6 hops 0: **p1** waits for a person: lost (@lost) failed: crashed
    m7 hops 0: **p2** waits for a person: right and the work tree changed the same in 1 file
    m8 hops 0: root answered p2: **edit**
    m9 hops 0: Merged what right did by @right: 2 files.
    m10 hops 0: root answered p1: **stop**
    m11 hops 0: r1 is **stopped**: root stopped it. 2 files changed: `callboard show r1 --diff` shows what, `callboard undo r1` puts back what was there.
    m12 hops 0: The worktree w3 of lost is kept in /state/worktrees/w3/w, for what was done in it is nowhere else: lost.txt
    m13 hops 0: root undid r1: 2 files put back.
    t1 @left for left of r1: answered
    t2 @right for right of r1: answered
    t3 @lost for lost of r1: crashed
    r1 Stopped 3 turns of 50
      left Done round 0 lap 0 attempt 1 change
      lost Skipped round 0 lap 0 attempt 1 no result stop
      right Done round 0 lap 0 attempt 1 change edit
    p1 lost (@lost) failed: crashed: stop by root 8783679b4f3c
    p2 right and the work tree changed the same in 1 file: edit by root 73d89c9e9343
    ");
}

/// As the next, for what turns were told of open buffers, and texts that clashed.
#[test]
fn the_golden_journal_of_buffers_comes_to_the_same_for_ever_promise_1() {
    let entries = golden("golden-buffers-1.jsonl");
    for (entry, record) in entries.iter().zip(journal::records(&entries)) {
        assert_eq!(entry.kind, record.kind());
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).expect("JSON")).expect("a record");
        assert_eq!(again, record);
    }
    insta::assert_snapshot!(summary(&journal::replayed(&entries)), @r"
    rev 24, trusted true, held false
    #main: 3 messages
    m1 hops 0: **Test** (r1), started by ada: @autofix as fixer, @lint as reviewer, @claude as writer
    m2 hops 0: done
    m3 hops 0: r1 is **done**: all steps are over.
    t1 @claude for write of r1: answered
    r1 Done 1 turns of 50
      write Done round 0 lap 0 attempt 1 text
    p1 @claude and you changed the same lines of src/a.rs: approve by ada d2441095379c
    p2 Callboard and you changed the same lines of b.md:  dc0c8b0a6141
    ");
}

/// As the next, for what turns ask people.
#[test]
fn the_golden_journal_of_asks_comes_to_the_same_for_ever_promise_1() {
    let entries = golden("golden-asks-1.jsonl");
    for (entry, record) in entries.iter().zip(journal::records(&entries)) {
        assert_eq!(entry.kind, record.kind());
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).expect("JSON")).expect("a record");
        assert_eq!(again, record);
    }
    let state = journal::replayed(&entries);
    insta::assert_snapshot!(summary(&state), @r"
    rev 100, trusted true, held false
    #main: 15 messages
    m1 hops 0: **Test** (r1), started by ada: @autofix as fixer, @lint as reviewer, @claude as writer
    m2 hops 0: **p1** waits for a person: @claude wants to run a command
    m3 hops 0: ada answered p1: **approve** for this run
    m4 hops 0: **p2** waits for a person: @claude asks: Which width?
    m5 hops 0: ada answered p2: **edit**
    m6 hops 0: **p3** waits for a person: @claude wants to change src/lib.rs
    m7 hops 0: ada answered p3: **reject**
    m8 hops 0: **p4** waits for a person: @claude wants to run a command
    m9 hops 0: **p5** waits for a person: write (@claude) failed: denied
    m10 hops 0: ada answered p5: **retry**
    m11 hops 0: written
    m12 hops 0 @codex on its way: @codex look
    m13 hops 0: **p6** waits for a person: @codex wants to run a command
    m14 hops 0: ada answered p6: approve, always
    m15 hops 0: **p7** waits for a person: @codex wants to run a command
    t1 @claude for write of r1: denied
    t2 @claude for write of r1: answered
    t3 @claude for again of r1: lost
    t4 @codex for m12: lost
    t5 @claude for again of r1: goes on
    t6 @codex for m12: goes on
    r1 Running 4 turns of 50
      again Queued round 0 lap 0 attempt 2 no result
      write Done round 0 lap 0 attempt 2 text retry
    p1 @claude wants to run a command: approve by ada 2b14ff4301da
    p2 @claude asks: Which width?: edit by ada a77929ee7357
    p3 @claude wants to change src/lib.rs: reject by ada a59f194a4e0e
    p4 @claude wants to run a command: stop by the end of the turn that asked 5bbee4b8b576
    p5 write (@claude) failed: denied: retry by ada d508257df84b
    p6 @codex wants to run a command: approve by ada 398e604bddcd
    p7 @codex wants to run a command: stop by the end of the turn that asked 2be1583fe93f
    ");
    let rules: Vec<String> = state
        .rules
        .iter()
        .map(|it| format!("{} {} {} {:?} used {} {:?}", it.id, it.agent, it.tool, it.pattern, it.used, it.ended))
        .collect();
    insta::assert_snapshot!(rules.join("\n"), @r#"
    a1 @claude Bash "cargo test" used 1 None
    a2 @codex Bash "ls" used 0 Some("ada")
    "#);
}

/// As the next, for the sessions that agents go on with.
#[test]
fn the_golden_journal_of_sessions_comes_to_the_same_for_ever_promise_1() {
    let entries = golden("golden-sessions-1.jsonl");
    for (entry, record) in entries.iter().zip(journal::records(&entries)) {
        assert_eq!(entry.kind, record.kind());
    }
    let state = journal::replayed(&entries);
    let sessions: Vec<String> = state
        .agents
        .iter()
        .flat_map(|(name, it)| it.sessions.iter().map(move |(place, session)| format!("{name} {place} {}", session.id)))
        .collect();
    assert_eq!(sessions, ["@claude . 9d1c", "@claude trees/r1 77aa"]);
}

/// As the next, for agents' tools and for an operator.
#[test]
fn the_golden_journal_of_tools_comes_to_the_same_for_ever_promise_1() {
    let entries = golden("golden-tools-1.jsonl");
    for (entry, record) in entries.iter().zip(journal::records(&entries)) {
        assert_eq!(entry.kind, record.kind());
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).expect("JSON")).expect("a record");
        assert_eq!(again, record);
    }
    for kind in ["result.handed_in", "operator.moved", "operator.refused", "operator.turn_taken", "operator.woken"] {
        assert!(entries.iter().any(|it| it.kind == kind), "{kind} is not in it");
    }
    let state = journal::replayed(&entries);
    let run = &state.runs[&"r1".parse::<callboard::ids::RunId>().expect("a run")];
    let work = run.step(&"work".parse().expect("a step")).expect("the part");
    let log: Vec<String> =
        work.operation.log.iter().map(|it| format!("{} {} {}", it.refused, it.what, it.why)).collect();
    assert_eq!(
        log,
        [
            "true approve there is no such move; there are assign, ask, wait, pause and finish. What waits for a person is a \
             person's to answer",
            "false assign review it is next",
            "true finish review is not over yet; wait for it",
            "false assign fix to @codex it thinks",
            "false ask it is not said",
            "false assign gate it is next",
            "false finish nothing is left",
        ]
    );
    let steps: Vec<String> = run.steps.iter().map(|(id, it)| format!("{id} {:?} {}", it.status, it.parked)).collect();
    assert_eq!(
        steps,
        [
            "fix Done false",
            "gate Done false",
            "last Queued false",
            "review Done false",
            "tests Skipped true",
            "work Done false"
        ]
    );
    assert_eq!(state.findings.iter().map(|it| it.draft.text.as_str()).collect::<Vec<_>>(), ["too long"]);
    assert_eq!(state.messages.iter().filter(|it| &*it.text == "at it").count(), 1);
}

/// The golden journal of format 1, recorded from real runs. It must be read for ever and come to the same: never record it
/// anew, never accept another summary. A new kind of record gets a golden journal of its own.
#[test]
fn the_golden_journal_comes_to_the_same_for_ever_promise_1() {
    let entries = golden("golden-1.jsonl");
    for (entry, record) in entries.iter().zip(journal::records(&entries)) {
        assert_eq!(entry.kind, record.kind());
        // What is written today is what was written then, so an older Callboard reads it too.
        let again: Record = serde_json::from_str(&serde_json::to_string(&record).expect("JSON")).expect("a record");
        assert_eq!(again, record);
    }
    let mut kinds: Vec<&str> = entries.iter().map(|it| it.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    insta::assert_snapshot!(kinds.join(" "), @"agent.claimed agents.known channel.created delivery.changed finding.declined finding.reported finding.reworded finding.settled held hops.forgiven limit.raised message.posted pause.answered pause.opened released round.started run.ended run.started step.backed_off step.failed step.finished step.queued step.reset step.skipped trust.changed turn.began turn.ended turn.intended turn.queued");
    insta::assert_snapshot!(summary(&journal::replayed(&entries)), @r"
    rev 277, trusted false, held false
    #main: 34 messages
    #talk: 11 messages
    m1 hops 0: **All that a run can meet** (r1), started by dev: @maker as fixer
    m2 hops 0: done
    m3 hops 0: three
    m4 hops 0: **p1** waits for a person: Fix these?
    m5 hops 0: dev answered p1: **edit**
    m6 hops 0: **p2** waits for a person: All that a run can meet reached its limit of turns
    m7 hops 0: dev answered p2: **approve**
    m8 hops 0: longer
    m9 hops 0: one
    m10 hops 0: prettier
    m11 hops 0: **p3** waits for a person: 1 finding is left to you
    m12 hops 0: dev answered p3: **request-changes**
    m13 hops 0: **p4** waits for a person: All that a run can meet reached its limit of turns
    m14 hops 0: dev answered p4: **approve**
    m15 hops 0: one
    m16 hops 0: prettier
    m17 hops 0: **p5** waits for a person: 1 finding is left to you
    m18 hops 0: dev answered p5: **approve**
    m19 hops 0: done
    m20 hops 0: **p6** waits for a person: Keep it?
    m21 hops 0: dev answered p6: **request-changes**
    m22 hops 0: **p7** waits for a person: All that a run can meet reached its limit of turns
    m23 hops 0: dev answered p7: **approve**
    m24 hops 0: done
    m25 hops 0: **p8** waits for a person: Keep it?
    m26 hops 0: dev answered p8: **approve**
    m27 hops 0: r1 is **approved**: nothing material is left open. Findings: 2 fixed, 1 accepted.
    m28 hops 0 @ping answered: @ping begin
    m29 hops 1 @pong answered: @pong your turn
    m30 hops 2 @ping answered: @ping your turn
    m31 hops 3 @pong answered: @pong your turn
    m32 hops 0 @ping answered: @ping your turn
    m33 hops 1 @pong answered: @pong your turn
    m34 hops 2 @ping answered: @ping your turn
    m35 hops 3 @pong answered: @pong your turn
    m36 hops 4 @ping failed: @ping your turn
    m37 hops 0: **Slow** (r2), started by dev
    m38 hops 0: dev paused r2: no step starts until `callboard resume r2`.
    m39 hops 0: dev resumed r2.
    m40 hops 0 @slow answered: are you there?
    m41 hops 0: r2 is **stopped**: dev stopped it.
    m42 hops 1: at last
    m43 hops 0: **Slow** (r3), started by dev
    m44 hops 0: at last
    m45 hops 0: r3 is **done**: all steps are over.
    t1 @flaky for flaky of r1: crashed
    t2 @flaky for flaky of r1: answered
    t3 @critic for review of r1: answered
    t4 @maker for fix of r1: answered
    t5 @critic for review of r1: answered
    t6 @maker for fix of r1: answered
    t7 @critic for review of r1: answered
    t8 @maker for fix of r1: answered
    t9 @flaky for last of r1: answered
    t10 @flaky for last of r1: answered
    t11 @ping for m28: answered
    t12 @pong for m29: answered
    t13 @ping for m30: answered
    t14 @pong for m31: answered
    t15 @ping for m32: answered
    t16 @pong for m33: answered
    t17 @ping for m34: answered
    t18 @pong for m35: answered
    t19 @slow for work of r2: lost
    t20 @slow for m40: answered
    t21 @slow for work of r2: withdrawn
    t22 @slow for work of r3: answered
    r1 Approved 10 turns of 12
      approve Skipped round 3 lap 0 attempt 0 review edit
      fix Done round 3 lap 0 attempt 1 change
      flaky Done round 0 lap 0 attempt 2 text
      laps Done round 0 lap 3 attempt 0 no result approve
      last Done round 0 lap 0 attempt 2 text
      review Done round 3 lap 0 attempt 1 review
      say Done round 0 lap 0 attempt 0 text approve
    r2 Stopped 1 turns of 50
      work Skipped round 0 lap 0 attempt 2 no result
    r3 Done 1 turns of 50
      work Done round 0 lap 0 attempt 1 text
    p1 Fix these?: edit by dev c98ae18d1362
    p2 All that a run can meet reached its limit of turns: approve by dev 6bf710f0138c
    p3 1 finding is left to you: request-changes by dev 36645c76b1a1
    p4 All that a run can meet reached its limit of turns: approve by dev 8509095dbcdd
    p5 1 finding is left to you: approve by dev e3c5c701cb43
    p6 Keep it?: request-changes by dev 4ed63dbfc3f5
    p7 All that a run can meet reached its limit of turns: approve by dev b9d6fd69c2b8
    p8 Keep it?: approve by dev feb08f09e721
    p9 @pong wants to wake @ping again: approve by dev fcd9a48ef566
    p10 @pong wants to wake @ping again: stop by dev 81cc45525d31
    f1 a test double: far too short
    f2 accepted: too plain
    f3 open: too quiet
    ");
}

fn summary(state: &State) -> String {
    let mut lines = vec![format!("rev {}, trusted {}, held {}", state.rev, state.trusted, state.held)];
    lines.extend(state.channels.values().map(|it| format!("{}: {} messages", it.name, it.messages.len())));
    for it in &state.messages {
        let deliveries: Vec<String> =
            it.deliveries.iter().map(|it| format!(" {} {}", it.agent, delivered(&it.state))).collect();
        lines.push(format!("{} hops {}{}: {}", it.id, it.hops, deliveries.concat(), first_line(&it.text)));
    }
    for it in &state.turns {
        let cause = match &it.cause {
            Cause::Delivery { message } => message.to_string(),
            Cause::Step { run, step } => format!("{step} of {run}"),
        };
        let end = match it.ended.as_ref().map(|it| &it.1) {
            None => "goes on",
            Some(TurnEnd::Answered) => "answered",
            Some(TurnEnd::Failed { failure }) => failure.class.name(),
            Some(TurnEnd::Lost) => "lost",
            Some(TurnEnd::Withdrawn) => "withdrawn",
        };
        lines.push(format!("{} {} for {cause}: {end}", it.id, it.agent));
    }
    for run in state.runs.values() {
        lines.push(format!("{} {:?} {} turns of {}", run.id, run.status(), run.turns, run.limits.turns));
        for (id, it) in &run.steps {
            lines.push(format!(
                "  {id} {:?} round {} lap {} attempt {} {}{}",
                it.status,
                it.round,
                it.lap,
                it.attempt,
                it.result.as_ref().map_or("no result", |it| it.kind_name()),
                it.decision.map_or(String::new(), |it| format!(" {it}"))
            ));
        }
    }
    for it in &state.pauses {
        let answered = it.answered.as_ref().map(|it| format!("{} by {}", it.decision.name(), it.by));
        assert_eq!(document::hash_of(&it.document), it.hash, "an approval is bound to what it showed (promise 2)");
        lines.push(format!("{} {}: {} {}", it.id, it.title, answered.unwrap_or_default(), &it.hash[..12]));
    }
    for it in &state.findings {
        let state = match &it.state {
            FindingState::Open => "open",
            FindingState::Fixed => "fixed",
            FindingState::Stale => "stale",
            FindingState::Dismissed { reason, .. } => reason,
            FindingState::Accepted { .. } => "accepted",
        };
        lines.push(format!("{} {state}: {}", it.id, it.draft.text));
    }
    lines.join("\n")
}

fn delivered(state: &DeliveryState) -> &'static str {
    match state {
        DeliveryState::Answered { .. } => "answered",
        DeliveryState::Failed { .. } => "failed",
        _ => "on its way",
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
