//! The SQLite journal on real files: conformance, leases, formats, a full disk, and death at every boundary of an append.

use std::{collections::BTreeMap, process::Command};

use super::*;
use crate::store::conformance::{self, entry, read};

fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state/journal.db");
    (dir, path)
}

/// Returns the bytes of every file in the journal's folder, but for the lock, by name.
fn bytes_beside(path: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|it| it.unwrap())
        .filter(|it| it.path().extension().is_none_or(|it| it != "lock"))
        .map(|it| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap()))
        .collect()
}

#[test]
fn the_sqlite_journal_keeps_the_promises_of_a_journal() {
    conformance::check(|| {
        let (dir, path) = place();
        Box::new(move || {
            let _kept = &dir;
            SqliteJournal::open(&path).map(|it| Box::new(it) as Box<dyn Journal>)
        })
    });
}

#[cfg(unix)]
#[test]
fn the_journal_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, path) = place();
    let mut journal = SqliteJournal::open(&path).unwrap();
    journal.append(0, &[entry(1)]).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn every_commit_is_synced_before_it_is_acknowledged() {
    let (_dir, path) = place();
    let journal = SqliteJournal::open(&path).unwrap();
    let pragma = |name: &str| {
        let sql = format!("pragma {name}");
        journal.connection.query_row(&sql, [], |row| row.get::<_, rusqlite::types::Value>(0)).unwrap()
    };
    assert_eq!(pragma("synchronous"), 2.into());
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
}

#[test]
fn records_cant_be_changed_or_removed_even_by_another_tool() {
    let (_dir, path) = place();
    SqliteJournal::open(&path).unwrap().append(0, &[entry(1)]).unwrap();
    let tool = Connection::open(&path).unwrap();
    for sql in ["update entry set body = ''", "delete from entry"] {
        assert!(tool.execute(sql, []).unwrap_err().to_string().contains("append-only"), "{sql}");
    }
}

#[test]
fn a_newer_journal_is_refused_and_not_a_byte_of_it_changes() {
    let (_dir, path) = place();
    SqliteJournal::open(&path).unwrap().append(0, &[entry(1)]).unwrap();
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 7).unwrap();
    let before = bytes_beside(&path);
    for error in [SqliteJournal::open(&path).err(), SqliteReader::open(&path).err()] {
        let error = error.expect("a newer journal must be refused");
        assert!(matches!(error, JournalError::Newer { found: 7, known: 1, .. }), "{error}");
        assert!(error.to_string().contains("update Callboard"), "{error}");
    }
    assert_eq!(bytes_beside(&path), before);
}

#[test]
fn a_newer_format_that_is_only_in_the_wal_yet_is_refused_too() {
    let (dir, path) = place();
    SqliteJournal::open(&path).unwrap().append(0, &[entry(1)]).unwrap();
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 7).unwrap();
    // What a crash would leave: both files as they are while the writer still has them open.
    let crashed = dir.path().join("crashed/journal.db");
    fs::create_dir(crashed.parent().unwrap()).unwrap();
    for suffix in ["", "-wal"] {
        let name = |base: &Path| PathBuf::from(format!("{}{suffix}", base.display()));
        fs::copy(name(&path), name(&crashed)).unwrap();
    }
    let before = bytes_beside(&crashed);
    assert!(matches!(schema::head_of(&crashed).unwrap(), Head::Database { format: 1, .. }));
    let error = SqliteJournal::open(&crashed).expect_err("a newer journal must be refused");
    assert!(matches!(error, JournalError::Newer { found: 7, .. }), "{error}");
    let mut after = bytes_beside(&crashed);
    after.retain(|name, _| !name.ends_with("-shm"));
    assert_eq!(after, before);
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let (_dir, path) = place();
    fs::create_dir(path.parent().unwrap()).unwrap();
    fs::write(&path, "notes, by mistake").unwrap();
    let error = SqliteJournal::open(&path).unwrap_err().to_string();
    assert!(error.contains("not a journal of Callboard"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"notes, by mistake");
    fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("create table theirs (id integer)").unwrap();
    let error = SqliteJournal::open(&path).unwrap_err().to_string();
    assert!(error.contains("another program's database"), "{error}");
}

#[test]
fn a_missing_record_is_an_error_and_not_a_shorter_journal() {
    let (_dir, path) = place();
    let mut journal = SqliteJournal::open(&path).unwrap();
    journal.append(0, &[entry(1), entry(2), entry(3)]).unwrap();
    journal.connection.execute_batch("drop trigger entry_is_never_removed; delete from entry where seq = 2").unwrap();
    let mut seen = Vec::new();
    let error = journal.read(0, &mut |it| seen.push(it.seq)).unwrap_err().to_string();
    assert!(error.contains("record 2 is missing"), "{error}");
    assert_eq!(seen, [1]);
}

#[test]
fn a_full_disk_is_said_and_costs_nothing_and_the_journal_goes_on_once_there_is_room() {
    let (_dir, path) = place();
    let mut journal = SqliteJournal::open(&path).unwrap();
    journal.append(0, &[entry(1)]).unwrap();
    let pages = |journal: &SqliteJournal, limit: &str| {
        let sql = format!("pragma max_page_count = {limit}");
        journal.connection.query_row(&sql, [], |_| Ok(())).unwrap();
    };
    // SQLite's own limit takes the way that a full disk takes, up to the error code.
    pages(&journal, "6");
    let batch = [entry(2), NewEntry { body: "x".repeat(100_000), ..entry(3) }];
    let error = journal.append(1, &batch).unwrap_err();
    assert!(matches!(error, JournalError::Full { .. }), "{error}");
    assert_eq!((journal.head(), read(&journal, 0).len()), (1, 1), "no part of the batch is there");
    pages(&journal, "1000000");
    assert_eq!(journal.append(1, &batch).unwrap(), 3);
    drop(journal);
    assert_eq!(SqliteJournal::open(&path).unwrap().head(), 3);
}

#[test]
fn after_a_write_whose_end_is_unknown_nothing_more_is_written_until_it_is_opened_again() {
    let (_dir, path) = place();
    let mut journal = SqliteJournal::open(&path).unwrap();
    let failure = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_FSYNC), None);
    let error = journal.failed(&failure).to_string();
    assert!(error.contains("callboard hub stop"), "{error}");
    assert!(matches!(journal.append(0, &[entry(1)]), Err(JournalError::Broken { .. })));
    drop(journal);
    assert_eq!(SqliteJournal::open(&path).unwrap().append(0, &[entry(1)]).unwrap(), 1);
}

#[test]
fn a_reader_sees_what_is_durable_while_the_journal_is_held() {
    let (_dir, path) = place();
    assert!(SqliteReader::open(&path).unwrap_err().to_string().contains("none yet"));
    let mut journal = SqliteJournal::open(&path).unwrap();
    journal.append(0, &[entry(1)]).unwrap();
    let reader = SqliteReader::open(&path).unwrap();
    assert_eq!(reader.head().unwrap(), 1);
    journal.append(1, &[entry(2), entry(3)]).unwrap();
    let mut seen = Vec::new();
    reader.read(1, &mut |it| seen.push(it.seq)).unwrap();
    assert_eq!(seen, [2, 3]);
    assert!(reader.connection.execute("insert into entry values (4, 0, 'k', '')", []).is_err());
}

/// The golden journal: written by the first format's first release. It must open for ever; never write this file anew.
#[test]
fn the_journal_of_format_1_opens() {
    let (_dir, path) = place();
    fs::create_dir(path.parent().unwrap()).unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal/format-1.db");
    fs::copy(golden, &path).unwrap();
    let mut journal = SqliteJournal::open(&path).unwrap();
    let entries = read(&journal, 0);
    let text: Vec<String> =
        entries.iter().map(|it| format!("{} {} {} {}", it.seq, it.at.0, it.kind, it.body)).collect();
    assert_eq!(
        text,
        [
            r#"1 1795341600000 posted {"text":"@claude why does the retry loop never end?"}"#,
            r#"2 1795341600250 started {"turn":"t1"}"#,
            r#"3 1795341642000 ended {"turn":"t1","text":"its limit is read after the sleep – 終わり"}"#,
        ]
    );
    assert_eq!(journal.append(3, &[entry(4)]).unwrap(), 4);
}

// Death. The child is this very test program, told by its environment to do one thing.

const CHILD: &str = "CALLBOARD_TEST_STORE_CHILD";
/// How many records each append of the child has.
const BATCHES: [u64; 5] = [1, 3, 1, 4, 2];

/// Appends all batches that are missing, and notes after each how far it was acknowledged. Does nothing as a test.
#[test]
fn child_that_appends() {
    let Some(path) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let mut journal = SqliteJournal::open(&path).unwrap();
    let mut end = 0;
    for count in BATCHES {
        end += count;
        if journal.head() >= end {
            continue;
        }
        let batch: Vec<NewEntry> = (end - count + 1..=end).map(entry).collect();
        match journal.append(end - count, &batch) {
            Ok(head) => fs::write(path.with_extension("acked"), head.to_string()).unwrap(),
            Err(JournalError::Full { .. }) => {
                fs::write(path.with_extension("full"), journal.head().to_string()).unwrap();
                return;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn run_child(path: &Path, fault: Option<(&str, String)>) -> std::process::ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "store::sqlite::tests::child_that_appends", "--test-threads=1"]);
    command.env(CHILD, path).env_remove("CALLBOARD_TEST_KILL").env_remove("CALLBOARD_TEST_DISK_FULL");
    command.envs(fault).output().unwrap().status
}

fn assert_whole(path: &Path) -> u64 {
    let journal = SqliteJournal::open(path).unwrap();
    let wanted: Vec<String> = (1..=journal.head()).map(|it| entry(it).body).collect();
    let found: Vec<String> = read(&journal, 0).into_iter().map(|it| it.body).collect();
    assert_eq!(found, wanted);
    let check: String = journal.connection.query_row("pragma integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    journal.head()
}

/// Promise 1: killed at any boundary of any append, the journal has all of a batch or none of it, and all that was acknowledged.
#[cfg(all(unix, feature = "test-support"))]
#[test]
fn killed_at_every_boundary_of_every_append_nothing_is_lost_and_nothing_is_there_twice() {
    use std::os::unix::process::ExitStatusExt as _;
    for (moment, own_batch_is_in) in [("before", false), ("inside", false), ("after", true)] {
        for nth in 1..=BATCHES.len() {
            let (_dir, path) = place();
            let status = run_child(&path, Some(("CALLBOARD_TEST_KILL", format!("{moment}:{nth}"))));
            assert_eq!(status.signal(), Some(9), "{moment}:{nth}: {status}");
            let batches = if own_batch_is_in { nth } else { nth - 1 };
            assert_eq!(assert_whole(&path), BATCHES[..batches].iter().sum::<u64>(), "{moment}:{nth}");
            let acked: u64 = fs::read_to_string(path.with_extension("acked")).map_or(0, |it| it.parse().unwrap());
            assert_eq!(acked, BATCHES[..nth - 1].iter().sum::<u64>(), "{moment}:{nth}");
            assert!(run_child(&path, None).success(), "{moment}:{nth}: it goes on at once, no lease is left");
            assert_eq!(assert_whole(&path), BATCHES.iter().sum::<u64>(), "{moment}:{nth}");
        }
    }
}

#[cfg(all(unix, feature = "test-support"))]
#[test]
fn the_disk_that_tests_ask_to_be_full_is_full_for_those_appends() {
    let (_dir, path) = place();
    assert!(run_child(&path, Some(("CALLBOARD_TEST_DISK_FULL", "2..2".to_owned()))).success());
    assert_eq!(fs::read_to_string(path.with_extension("full")).unwrap(), "1");
    assert_eq!(assert_whole(&path), 1);
    assert!(run_child(&path, None).success());
    assert_eq!(assert_whole(&path), BATCHES.iter().sum::<u64>());
}

/// Another process's journal is refused with its pid, and free the moment that process is dead.
#[test]
fn two_processes_never_share_a_journal() {
    let (_dir, path) = place();
    let journal = SqliteJournal::open(&path).unwrap();
    assert!(!run_child(&path, None).success(), "the child's open must fail");
    let error = SqliteJournal::open(&path).unwrap_err();
    let pid = std::process::id();
    assert!(error.to_string().contains(&format!("(pid {pid})")), "{error}");
    drop(journal);
    assert!(run_child(&path, None).success());
}
