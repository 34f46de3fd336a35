//! What any journal must do, as one suite that each backend's tests run against it (promise 1).
//!
//! Knows the trait alone. A backend is given as a function that makes a fresh place and returns how it is opened.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, prop_oneof},
    test_runner::{Config, TestRunner},
};

use super::{Entry, Journal, JournalError, NewEntry};
use crate::ids::Timestamp;

/// Opens the journal of one place.
pub type Open = Box<dyn Fn() -> Result<Box<dyn Journal>, JournalError>>;

/// Runs the whole suite. `fresh` makes a new, empty place each time it is called.
pub fn check(fresh: impl Fn() -> Open) {
    appends_are_numbered_without_a_gap(&fresh());
    a_wrong_expectation_changes_nothing(&fresh());
    reading_starts_after_the_given_record(&fresh());
    any_text_comes_back_as_it_was(&fresh());
    one_at_a_time_holds_a_journal(&fresh());
    random_work_agrees_with_a_list(&fresh);
}

/// Makes an entry whose fields all follow from `number`.
pub fn entry(number: u64) -> NewEntry {
    NewEntry {
        at: Timestamp(1_700_000_000_000 + number.cast_signed()),
        kind: ["posted", "started", "ended"][usize::try_from(number % 3).unwrap()],
        body: format!("{{\"number\":{number}}}"),
    }
}

/// Returns all records after `after`.
pub fn read(journal: &dyn Journal, after: u64) -> Vec<Entry> {
    let mut entries = Vec::new();
    journal.read(after, &mut |entry| entries.push(entry)).unwrap();
    entries
}

fn appends_are_numbered_without_a_gap(open: &Open) {
    let mut journal = open().unwrap();
    assert_eq!(journal.head(), 0);
    assert_eq!(journal.append(0, &[]).unwrap(), 0, "nothing to append is no record");
    assert_eq!(journal.append(0, &[entry(1)]).unwrap(), 1);
    assert_eq!(journal.append(1, &[entry(2), entry(3), entry(4)]).unwrap(), 4);
    assert_eq!(journal.head(), 4);
    let seqs: Vec<u64> = read(&*journal, 0).iter().map(|it| it.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);
    drop(journal);
    let journal = open().unwrap();
    assert_eq!((journal.head(), read(&*journal, 0).len()), (4, 4), "they are there after it was opened again");
}

fn a_wrong_expectation_changes_nothing(open: &Open) {
    let mut journal = open().unwrap();
    journal.append(0, &[entry(1), entry(2)]).unwrap();
    for wrong in [0, 1, 3, u64::MAX] {
        let error = journal.append(wrong, &[entry(9)]).unwrap_err();
        assert!(matches!(error, JournalError::Conflict { expected, actual: 2 } if expected == wrong), "{error}");
    }
    assert_eq!((journal.head(), read(&*journal, 0).len()), (2, 2));
    assert_eq!(journal.append(2, &[entry(3)]).unwrap(), 3, "it can be appended to afterwards");
}

fn reading_starts_after_the_given_record(open: &Open) {
    let mut journal = open().unwrap();
    journal.append(0, &[entry(1), entry(2), entry(3)]).unwrap();
    for after in 0..5 {
        let seqs: Vec<u64> = read(&*journal, after).iter().map(|it| it.seq).collect();
        let wanted: Vec<u64> = (after + 1..=3).collect();
        assert_eq!(seqs, wanted, "after {after}");
    }
    assert_eq!(read(&*journal, u64::MAX), []);
}

fn any_text_comes_back_as_it_was(open: &Open) {
    let mut journal = open().unwrap();
    let bodies = ["", "{}", "\u{0}\u{1b}[2J", "'; drop table entry; --", "日本語 🎭", &"x".repeat(3 << 20)];
    let entries: Vec<NewEntry> = bodies
        .iter()
        .zip([0, 1, -1, i64::MAX, i64::MIN, 7])
        .map(|(body, at)| NewEntry { at: Timestamp(at), kind: "kind", body: (*body).to_owned() })
        .collect();
    journal.append(0, &entries).unwrap();
    let back: Vec<NewEntry> =
        read(&*journal, 0).into_iter().map(|it| NewEntry { at: it.at, kind: "kind", body: it.body }).collect();
    assert!(back == entries, "a body or a time came back changed");
}

fn one_at_a_time_holds_a_journal(open: &Open) {
    let journal = open().unwrap();
    let error = open().err().expect("a second holder must be refused");
    let JournalError::Locked { pid, .. } = &error else { panic!("{error}") };
    assert_eq!(*pid, Some(std::process::id()));
    drop(journal);
    open().expect("the lease ends with its holder");
}

#[derive(Debug, Clone)]
enum Work {
    /// Append this many, with the expectation off by this much.
    Append { count: u64, off: i64 },
    /// Read after this many.
    Read { after: u64 },
    /// Drop it and open it again.
    Reopen,
}

fn works() -> impl Strategy<Value = Vec<Work>> {
    let append = (0..5_u64, prop_oneof![4 => Just(0_i64), 1 => -2..3_i64]);
    let work = prop_oneof![
        4 => append.prop_map(|(count, off)| Work::Append { count, off }),
        2 => (0..40_u64).prop_map(|after| Work::Read { after }),
        1 => Just(Work::Reopen),
    ];
    vec(work, 1..25)
}

fn random_work_agrees_with_a_list(fresh: &impl Fn() -> Open) {
    let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&works(), |works| {
        let open = fresh();
        let mut journal = open().unwrap();
        let mut model: Vec<Entry> = Vec::new();
        for work in works {
            match work {
                Work::Append { count, off } => {
                    let head = model.len() as u64;
                    let expected = head.saturating_add_signed(off);
                    let entries: Vec<NewEntry> = (0..count).map(|it| entry(head + it)).collect();
                    let outcome = journal.append(expected, &entries);
                    if expected == head {
                        assert_eq!(outcome.unwrap(), head + count);
                        model.extend((head + 1..).zip(entries).map(|(seq, it)| Entry {
                            seq,
                            at: it.at,
                            kind: it.kind.to_owned(),
                            body: it.body,
                        }));
                    } else {
                        assert!(matches!(outcome.unwrap_err(), JournalError::Conflict { .. }));
                    }
                }
                Work::Read { after } => {
                    let skip = usize::try_from(after).unwrap().min(model.len());
                    assert_eq!(read(&*journal, after), &model[skip..]);
                }
                Work::Reopen => {
                    drop(journal);
                    journal = open().unwrap();
                }
            }
            assert_eq!(journal.head(), model.len() as u64);
        }
        assert_eq!(read(&*journal, 0), model);
        Ok(())
    });
    outcome.unwrap();
}
