//! A world's journal as tests look at it: its records, what they come to, and what must hold of any journal whatever
//! happened to the hubs that wrote it.

use std::{collections::BTreeMap, fs, path::PathBuf};

use callboard::{
    hub::{
        self,
        record::{Record, TurnEnd},
        state::State,
    },
    ids::{PauseId, TurnId},
    store::{Entry, Journal as _, NewEntry, memory::MemoryJournal, sqlite::SqliteReader},
};

use crate::support::World;

/// Returns where a world's journal is; the world has one workspace.
pub fn path(world: &World) -> PathBuf {
    let folders = fs::read_dir(world.state()).expect("the state folder").map(|it| it.expect("a folder").path());
    folders.map(|it| it.join("journal.db")).find(|it| it.exists()).expect("a journal")
}

/// Returns all entries that are durable now; none where there is no journal yet.
pub fn entries(world: &World) -> Vec<Entry> {
    let mut entries = Vec::new();
    let has_one =
        fs::read_dir(world.state()).into_iter().flatten().flatten().any(|it| it.path().join("journal.db").exists());
    if has_one && let Ok(reader) = SqliteReader::open(&path(world)) {
        reader.read(0, &mut |entry| entries.push(entry)).expect("a journal that can be read");
    }
    entries
}

/// Reads entries as records.
pub fn records(entries: &[Entry]) -> Vec<Record> {
    let read = |it: &Entry| serde_json::from_str(&it.body).unwrap_or_else(|why| panic!("{}: {why}", it.body));
    entries.iter().map(read).collect()
}

/// Returns what entries come to, by the hub's own replay.
pub fn replayed(entries: &[Entry]) -> State {
    let mut journal = MemoryJournal::new();
    let all: Vec<NewEntry> = entries
        .iter()
        .zip(records(entries))
        .map(|(entry, record)| NewEntry { at: entry.at, kind: record.kind(), body: entry.body.clone() })
        .collect();
    journal.append(0, &all).expect("a journal in memory");
    hub::replay(&journal).expect("records that fold")
}

/// What a run came to, without anything that may differ from one execution to the next (turns, times, order).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How the run ended.
    pub ended: Vec<String>,
    /// What became of each step in each lap.
    pub steps: BTreeMap<(String, u32), String>,
    /// What was asked, with the hash of what was shown, and what was answered.
    pub pauses: BTreeMap<String, String>,
    /// The findings and their states.
    pub findings: Vec<String>,
}

/// Checks what must hold of a journal in which all runs have ended (promise 1), and returns what its one run came to.
#[track_caller]
pub fn outcome(entries: &[Entry]) -> Outcome {
    let mut found = Outcome::default();
    let mut lap = 0;
    let mut turns: BTreeMap<TurnId, Vec<TurnEnd>> = BTreeMap::new();
    let mut steps_of: BTreeMap<TurnId, (String, u32)> = BTreeMap::new();
    let mut answers: BTreeMap<PauseId, Vec<&'static str>> = BTreeMap::new();
    let mut opened: BTreeMap<PauseId, String> = BTreeMap::new();
    for record in records(entries) {
        let mut over = |step: String, what: String| {
            let place = (step, lap);
            let before = found.steps.insert(place.clone(), what);
            assert_eq!(before, None, "{place:?} has two results (promise 1)");
        };
        match record {
            Record::RoundStarted { round, .. } => lap = round,
            Record::StepFinished { step, result, findings, .. } => {
                let result = serde_json::to_string(&result).expect("a result");
                over(step.to_string(), format!("{result} {findings:?}"));
            }
            Record::StepSkipped { step, why, .. } => over(step.to_string(), why),
            Record::StepQueued { step, turn, .. } => {
                steps_of.insert(turn, (step.to_string(), lap));
            }
            Record::TurnQueued { turn, .. } => {
                assert_eq!(turns.insert(turn, Vec::new()), None, "{turn} was queued twice");
            }
            Record::TurnEnded { turn, how, .. } => turns.get_mut(&turn).expect("a queued turn").push(how),
            Record::PauseOpened { pause, subject, hash, .. } => {
                opened.insert(pause, format!("{:?} {hash}", subject.step()));
            }
            Record::PauseAnswered { pause, decision, .. } => answers.entry(pause).or_default().push(decision.name()),
            Record::RunEnded { run, status, why } => found.ended.push(format!("{run} {status:?}: {why}")),
            _ => {}
        }
    }
    for (turn, ends) in &turns {
        assert_eq!(ends.len(), 1, "{turn} ended {ends:?}: a turn ends once");
    }
    // A turn that was lost is done by another, and only one of them all was taken.
    let mut answered: BTreeMap<&(String, u32), u32> = BTreeMap::new();
    for (turn, place) in &steps_of {
        *answered.entry(place).or_default() += u32::from(turns[turn] == [TurnEnd::Answered]);
    }
    assert!(answered.values().all(|it| *it == 1), "each step of a turn was answered once: {answered:?}");
    for (pause, what) in opened {
        let given = answers.remove(&pause).unwrap_or_default();
        assert_eq!(given.len(), 1, "{pause} was answered {given:?} (promise 2)");
        let before = found.pauses.insert(what.clone(), given[0].to_owned());
        assert_eq!(before, None, "{what} was asked twice");
    }
    let state = replayed(entries);
    assert!(state.live_runs.is_empty() && state.live_turns.is_empty() && state.open_pauses.is_empty());
    found.findings = state.findings.iter().map(|it| format!("{} {:?}", it.id, it.state)).collect();
    found
}

/// Returns how many turns were lost with their hub.
pub fn lost_turns(entries: &[Entry]) -> usize {
    let is_lost = |it: &&Record| matches!(it, Record::TurnEnded { how: TurnEnd::Lost, .. });
    records(entries).iter().filter(is_lost).count()
}
