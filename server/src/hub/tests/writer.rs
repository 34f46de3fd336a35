//! The hub's thread against a journal that refuses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use super::*;
use crate::{
    hub::{
        Hub,
        effect::{Effect, Effects},
        event::Answer,
    },
    store::{Entry, Journal, JournalError, NewEntry, memory::MemoryJournal},
};

/// The longest that anything may take on a busy machine.
const BOUND: Duration = Duration::from_secs(60);

/// A journal with a full disk, while `refuses` says so. Tells when it was tried in vain.
struct Full {
    journal: MemoryJournal,
    refuses: Arc<AtomicBool>,
    tried: Sender<Instant>,
}

impl Journal for Full {
    fn head(&self) -> u64 {
        self.journal.head()
    }

    fn append(&mut self, expected: u64, entries: &[NewEntry]) -> Result<u64, JournalError> {
        if self.refuses.load(Ordering::SeqCst) {
            let _ = self.tried.send(Instant::now());
            return Err(JournalError::Conflict { expected, actual: expected });
        }
        self.journal.append(expected, entries)
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        self.journal.read(after, each)
    }
}

/// Effects that only tell.
struct Told(Sender<Effect>);

impl Effects for Told {
    fn start(&mut self, effect: Effect) {
        let _ = self.0.send(effect);
    }
}

/// Promise 1: with a full disk nobody is told what is not durable, an agent's answer waits, and the hub does not spin over
/// a time that has come and can't be recorded.
#[test]
fn a_full_disk_loses_nothing_and_is_not_hammered() {
    let full = Arc::new(AtomicBool::new(false));
    let (tried, tries) = channel();
    let (told, effects) = channel();
    let (hub, seat) = Hub::prepare();
    let journal = Full { journal: MemoryJournal::new(), refuses: Arc::clone(&full), tried };
    let thread = seat.take(Box::new(journal), Box::new(Told(told))).unwrap();
    hub.tell(Event::Started { trusted: true, agents: super::super::scene::cast() });
    // A step that waits for its second try makes a time at which something is due.
    let retry = json!({ "then": "retry", "times": 5, "wait": 100 });
    let steps = json!([
        with(turn("a", &[], "writer", "text"), "/onFailure/otherwise", retry),
        turn("b", &[], "reviewer", "review"),
    ]);
    let mut wanted = plan(steps);
    // A step that writes would wait for a checkpoint, and nobody takes one here.
    wanted["roles"][2]["access"] = json!("read");
    let start = Event::StartRun {
        by: ada(),
        plan: Arc::new(serde_json::from_value(wanted).unwrap()),
        inputs: std::collections::BTreeMap::new(),
        roles: std::collections::BTreeMap::new(),
        channel: None,
        key: None,
    };
    assert_eq!(hub.ask_blocking(start).unwrap().answer, Answer::Started(RunId(1)));
    let begun: Vec<Effect> = (0..2).map(|_| effects.recv_timeout(BOUND).unwrap()).collect();
    let turn_of = |agent: &str| {
        begun.iter().find_map(|it| match it {
            Effect::StartTurn(request) if request.agent == name(agent) => Some(request.turn),
            _ => None,
        })
    };
    let (writer, reviewer) = (turn_of("claude").unwrap(), turn_of("lint").unwrap());
    hub.ask_blocking(Event::TurnEnded { turn: writer, outcome: fails(FailureClass::Overloaded) }).unwrap();

    full.store(true, Ordering::SeqCst);
    hub.tell(Event::TurnEnded { turn: reviewer, outcome: review(&[(3, "too long")]) });
    let first = tries.recv_timeout(BOUND).unwrap();
    let mut last = first;
    for _ in 0..3 {
        last = tries.recv_timeout(BOUND).unwrap();
    }
    // Four tries lie three waits of a second apart, save one for the wake that may have come on its own at first.
    assert!(last - first >= Duration::from_millis(1_900), "the journal is hammered: {:?}", last - first);
    let post = Event::Post { by: ada(), channel: None, thread: None, text: "hi".to_owned(), key: None };
    assert_eq!(hub.ask_blocking(post.clone()).unwrap_err().code, RefusalCode::Journal);

    full.store(false, Ordering::SeqCst);
    hub.ask_blocking(post).unwrap();
    assert_eq!(hub.snapshot().state().findings.len(), 1, "the answer that waited is there");
    hub.close();
    thread.join().unwrap();
}
