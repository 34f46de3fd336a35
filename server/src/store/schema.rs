//! The journal file's formats: what each step from one to the next does, and how a file of an unknown format is recognised.
//!
//! Invariant: a step that was ever released is never changed; a new format is a new step at the end.

use std::{fs::File, io::Read as _, path::Path};

use rusqlite::Connection;

/// What marks a SQLite file as a journal of Callboard: the letters `CALB`.
pub const APPLICATION_ID: u32 = 0x4341_4c42;

/// The steps. The file's `user_version` is the number of steps that were done on it.
pub const STEPS: &[&str] = &[FORMAT_1];

// Records are never changed once they are there, and the file says so itself to whoever opens it with another tool.
const FORMAT_1: &str = "
    create table entry (
        seq integer primary key check (seq > 0),
        at integer not null,
        kind text not null,
        body text not null
    ) strict;
    create trigger entry_is_never_changed before update on entry
        begin select raise(abort, 'the journal is append-only'); end;
    create trigger entry_is_never_removed before delete on entry
        begin select raise(abort, 'the journal is append-only'); end;
";

/// What the first bytes of a file say, read without SQLite so that nothing beside the file is made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// There is no file, or it is empty.
    Nothing,
    /// It is a SQLite file.
    Database {
        /// Whose.
        application: u32,
        /// In which format.
        format: i64,
    },
    /// It is something else.
    Other,
}

/// Reads a file's head.
pub fn head_of(path: &Path) -> std::io::Result<Head> {
    let mut bytes = Vec::with_capacity(100);
    match File::open(path) {
        Ok(file) => file.take(100).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Head::Nothing),
        Err(error) => return Err(error),
    };
    if bytes.is_empty() {
        return Ok(Head::Nothing);
    }
    if bytes.len() < 100 || !bytes.starts_with(b"SQLite format 3\0") {
        return Ok(Head::Other);
    }
    // The offsets are those of SQLite's file format, which never changes.
    let number = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    Ok(Head::Database { application: number(68), format: i64::from(number(60).cast_signed()) })
}

/// Returns the format of an open file.
pub fn format_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("pragma user_version", [], |row| row.get(0))
}

/// Brings an open file to the newest format, one transaction a step, and returns whether anything was done.
pub fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<bool> {
    let done = usize::try_from(format_of(connection)?).unwrap_or(0);
    for (index, step) in steps.iter().enumerate().skip(done) {
        let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Exclusive)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", i64::try_from(index + 1).unwrap_or(i64::MAX))?;
        transaction.commit()?;
    }
    Ok(done < steps.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: &str = "alter table entry add column note text";

    #[test]
    fn each_step_is_done_once_and_a_failing_one_leaves_the_format_before_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut connection, &[FORMAT_1]).unwrap());
        assert!(!migrate(&mut connection, &[FORMAT_1]).unwrap());
        let broken = "create table other (id integer) strict; this is not sql";
        migrate(&mut connection, &[FORMAT_1, broken]).unwrap_err();
        assert_eq!(format_of(&connection).unwrap(), 1);
        let tables = "select count(*) from sqlite_schema where type = 'table'";
        assert_eq!(connection.query_row(tables, [], |row| row.get::<_, i64>(0)).unwrap(), 1);
        assert!(migrate(&mut connection, &[FORMAT_1, SECOND]).unwrap());
        assert_eq!(format_of(&connection).unwrap(), 2);
        connection.execute("insert into entry (seq, at, kind, body, note) values (1, 0, 'k', '{}', 'n')", []).unwrap();
    }

    #[test]
    fn a_files_head_is_told_without_opening_it_as_a_database() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("j.db");
        assert_eq!(head_of(&path).unwrap(), Head::Nothing);
        std::fs::write(&path, "not a database").unwrap();
        assert_eq!(head_of(&path).unwrap(), Head::Other);
        std::fs::remove_file(&path).unwrap();
        migrate(&mut Connection::open(&path).unwrap(), STEPS).unwrap();
        assert_eq!(head_of(&path).unwrap(), Head::Database { application: APPLICATION_ID, format: 1 });
    }
}
