//! The figures: what Callboard reaches, beside the physical limit taken in the same run.
//!
//! `cargo bench` prints the tables; `cargo bench -- --write` puts them into `docs/performance.md` too; `--quick` takes few
//! samples; further words choose figures by name. Nothing here fails because something is slow: a figure is not a test.

use std::{collections::BTreeMap, io::Write as _, path::PathBuf, process::ExitCode, time::Instant};

mod agent;
mod clients;
mod dags;
mod disk;
mod editor;
mod fanout;
mod hub;
mod measure;
mod program;
mod pty;
mod report;
mod structured;
#[path = "../e2e/support.rs"]
mod support;
mod tools;

use measure::Measured;
use report::Row;

/// What a part of the benchmark is given.
pub struct Bench {
    /// Whether few samples are enough.
    quick: bool,
    /// A folder on the disk that the tree is on, emptied at the end.
    folder: tempfile::TempDir,
    /// The floors taken so far, by name.
    floors: BTreeMap<&'static str, Measured>,
}

impl Bench {
    /// Returns how many samples to take: `full`, or a tenth of it and at least 3.
    pub fn samples(&self, full: usize) -> usize {
        if self.quick { (full / 10).max(3) } else { full }
    }

    /// Returns a path for a file that doesn't exist yet.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns a floor that was taken before.
    pub fn floor(&self, name: &str) -> Option<Measured> {
        self.floors.get(name).copied()
    }
}

type FloorFn = fn(&Bench) -> Result<Measured, String>;
type FigureFn = fn(&Bench) -> Vec<Row>;

/// The physical limits: a name by which figures refer to it, what it is, how it is taken.
const FLOORS: &[(&str, &str, FloorFn)] = &[
    ("pipe", "pipe round trip, 200 B, two processes", pty::pipe_round_trip),
    ("pty", "PTY round trip, 200 B, raw", pty::round_trip),
    ("spawn", "spawn and wait for `true`", pty::spawn),
    ("append", "append 200 B and fdatasync", disk::append),
    ("sqlite row", "SQLite WAL, synchronous FULL: 1 row a transaction", disk::sqlite_single),
    ("sqlite rows", "the same, 100 rows a transaction, rows", disk::sqlite_grouped),
    ("query", "SQLite: the last 100 of 100,000 rows by index", disk::sqlite_last),
    ("hand-off", "hand-off between two resident PTY agents, one fdatasync", pty::hand_off),
    ("fan-out", "one fdatasync, then 200 B to each of 20 unix sockets", fanout::durable),
    ("flood", "read a PTY and append to a file, 100 B lines", pty::flood),
    ("idle", "resident memory of this process with 20 PTYs and 20 screens more", pty::idle_memory),
];

/// Callboard's figures by the name that chooses them.
const FIGURES: &[(&str, FigureFn)] = &[
    ("appends", hub::appends),
    ("steps", hub::steps),
    ("makespan", hub::makespan),
    ("dags", dags::makespan),
    ("fan-out", hub::fan_out),
    ("messages", hub::messages),
    ("recovery", hub::recovery),
    ("clients", program::fan_out),
    ("attach", program::attach),
    ("editor", editor::busy),
    ("hand-off", program::hand_off),
    ("hand-off", structured::hand_off),
    ("share", structured::share),
    ("flood", program::flood),
    ("idle", program::idle),
    ("bridge", tools::bridge),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // The benchmark starts itself again as the agents and victims of its figures.
    if let Some(role) = words.first().and_then(|word| word.strip_prefix("--as=")) {
        return agent::play(role, &words[1..]);
    }
    let has = |flag: &str| words.iter().any(|word| word == flag);
    if has("--list") || has("--test") {
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.starts_with("--")).collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.contains(&name);
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let folder = match folder {
        Ok(folder) => folder,
        Err(error) => {
            say(&format!("a folder below {}: {error}\n", env!("CARGO_TARGET_TMPDIR")));
            return ExitCode::FAILURE;
        }
    };
    let mut bench = Bench { quick: has("--quick"), folder, floors: BTreeMap::new() };
    let began = Instant::now();
    let conditions = conditions(bench.quick);
    say(&format!("{conditions}\n\n"));

    let mut floors = Vec::new();
    for (name, what, take) in FLOORS {
        let taken = take(&bench);
        if let Ok(measured) = taken {
            bench.floors.insert(name, measured);
        }
        let row = Row::floor(what, taken);
        say(&report::aligned(&report::floors(std::slice::from_ref(&row)))
            .lines()
            .skip(1)
            .collect::<Vec<_>>()
            .join("\n"));
        say("\n");
        floors.push(row);
    }
    let mut rows = Vec::new();
    for (name, take) in FIGURES.iter().filter(|(name, _)| wanted(name)) {
        let start = Instant::now();
        rows.extend(take(&bench));
        say(&format!("{name}: {:.1} s\n", start.elapsed().as_secs_f64()));
    }
    let (floors, figures) = (report::floors(&floors), report::figures(&rows));
    say(&format!("\n{}\n{}\n", report::aligned(&floors), report::aligned(&figures)));
    say(&format!("{} s, {}\n", began.elapsed().as_secs(), load()));
    if has("--write") {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
        let report = format!("{conditions}\n\n{figures}\n{floors}");
        if let Err(error) = report::write(&path, &report) {
            say(&format!("{error}\n"));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// When and where: what a reader needs to weigh the figures.
fn conditions(quick: bool) -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let length = if quick { ", short mode (few samples)" } else { "" };
    let day = jiff::Zoned::now().date();
    format!("Taken on {day} on {cores} shared cores ({}, {}){length}.", std::env::consts::OS, load())
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().map_or_else(|| "load unknown".to_owned(), |load| format!("load {load}"))
}

fn say(text: &str) {
    // Who reads may have gone away; the figures are then nobody's loss.
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
