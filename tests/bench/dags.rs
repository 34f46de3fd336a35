//! The makespan of random graphs of sleeping agents over their critical paths: that whatever can run at once does, and starts when the
//! last step that it needs is over.
//!
//! The floor is the same graph done by bare threads that wait for each other, with no hub and no journal: what is above 1 there is
//! the machine's.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    time::{Duration, Instant},
};

use crate::{
    Bench,
    hub::{Manner, Running, graph},
    measure::{Measured, Unit},
    report::Row,
};

/// How many steps a graph has. Each has an agent of its own, so only what it needs holds it back.
pub const STEPS: usize = 24;

/// A graph: for each step how long it takes, and the steps before it that it needs.
pub struct Graph {
    pub steps: Vec<(Duration, Vec<usize>)>,
}

impl Graph {
    /// Makes a graph from a seed, the same each time: steps of 50 to 500 units, most with one to three needs.
    fn random(seed: u64, unit: Duration) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: usize| {
            // xorshift64*: good enough to make shapes, and no dependency.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            let number = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
            usize::try_from(number).unwrap_or_default() % below.max(1)
        };
        let steps = (0..STEPS).map(|at| {
            let time = unit * u32::try_from(50 + next(450)).unwrap_or(50);
            let mut needs: Vec<usize> = (0..next(4)).filter(|_| at > 0).map(|_| next(at)).collect();
            needs.sort_unstable();
            needs.dedup();
            (time, needs)
        });
        Self { steps: steps.collect() }
    }

    /// Returns the length of the longest way through it: no schedule is shorter.
    fn critical_path(&self) -> Duration {
        let mut ends: Vec<Duration> = Vec::with_capacity(self.steps.len());
        for (time, needs) in &self.steps {
            let start = needs.iter().map(|it| ends[*it]).max().unwrap_or_default();
            ends.push(start + *time);
        }
        ends.into_iter().max().unwrap_or_default()
    }

    /// Does it with a thread for each step.
    fn by_threads(&self) -> Result<Duration, String> {
        let mut tell: Vec<Vec<Sender<()>>> = self.steps.iter().map(|_| Vec::new()).collect();
        let mut wait: Vec<Vec<Receiver<()>>> = Vec::new();
        for (_, needs) in &self.steps {
            let mut mine = Vec::new();
            for need in needs {
                let (sender, receiver) = channel();
                tell[*need].push(sender);
                mine.push(receiver);
            }
            wait.push(mine);
        }
        let start = Instant::now();
        let threads: Vec<_> = (self.steps.iter().zip(tell).zip(wait))
            .map(|(((time, _), tell), wait)| {
                let time = *time;
                std::thread::spawn(move || {
                    let ready = wait.into_iter().all(|it| it.recv().is_ok());
                    std::thread::sleep(time);
                    for it in tell {
                        let _ = it.send(());
                    }
                    ready
                })
            })
            .collect();
        let all = threads.into_iter().all(|it| it.join().unwrap_or_default());
        if all { Ok(start.elapsed()) } else { Err("a step of the floor did not hear of one that it needs".to_owned()) }
    }
}

/// Random graphs over their critical paths.
pub fn makespan(bench: &Bench) -> Vec<Row> {
    let unit = if bench.quick { Duration::from_micros(300) } else { Duration::from_millis(1) };
    let graphs: Vec<Graph> = (1..=bench.samples(20) as u64).map(|seed| Graph::random(seed, unit)).collect();
    let over = |took: Duration, graph: &Graph| took.as_secs_f64() / graph.critical_path().as_secs_f64();
    let floor = graphs.iter().map(|it| Ok(over(it.by_threads()?, it))).collect::<Result<_, String>>();
    let floor = floor.and_then(|it| Measured::of(it, Unit::Times));
    let measured = Running::start(&bench.file("dags"), Manner::AsTold, STEPS).and_then(|running| {
        let ratios = graphs.iter().map(|graph| {
            let plan = Arc::new(self::graph(graph));
            let start = Instant::now();
            let run = running.run(&plan, 0)?;
            running.turns(STEPS)?;
            running.end_of(run)?;
            Ok(over(start.elapsed(), graph))
        });
        Measured::of(ratios.collect::<Result<_, String>>()?, Unit::Times)
    });
    let what = format!("makespan of random graphs of {STEPS} sleeping agents / critical path");
    vec![Row::figure(&what, measured, "≤ 1.01").on("bare threads", floor.ok())]
}
