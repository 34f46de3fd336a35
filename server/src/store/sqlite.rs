//! The journal as one SQLite file: WAL, `synchronous=FULL`, one transaction an append, one process at a time.
//!
//! Knows numbers, times, kinds and bodies, and nothing of what a record means. Other processes may read while it is open.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior, config::DbConfig, ffi, params};

use super::{
    Entry, Journal, JournalError, NewEntry,
    kill::Faults,
    lock::Lease,
    private,
    schema::{self, Head},
};
use crate::ids::Timestamp;

/// How long a statement waits where another program has the file locked, such as a tool that makes a copy of it.
const BUSY: Duration = Duration::from_secs(5);

/// The journal of a workspace. Dropping it gives up the lease.
#[derive(Debug)]
pub struct SqliteJournal {
    // Invariant: declared, and so dropped, before the lease: the file is closed before another process may open it.
    connection: Connection,
    path: PathBuf,
    head: u64,
    faults: Faults,
    /// Why nothing more is written: a write ended such that only a fresh look at the file tells whether it is there.
    unsure: Option<String>,
    _lease: Lease,
}

impl SqliteJournal {
    /// Opens a journal, or makes an empty one (0600 in a 0700 folder), and holds it until it is dropped.
    ///
    /// Fails with `Locked` where another process holds it, and with `Newer`, nothing touched, where a newer Callboard wrote it.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        refuse_foreign(path)?;
        let io = |error: std::io::Error| broken(path, &error);
        let folder = path.parent().ok_or_else(|| broken(path, &"its path names no file"))?;
        private::folder(folder).map_err(io)?;
        let lease = Lease::take(path)?;
        // Looked at again: until the lease was ours, another Callboard could have written a newer format.
        if refuse_foreign(path)? == Head::Nothing {
            make_file(path, folder).map_err(io)?;
        }
        let mut connection = open_with(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let sql = |error: &rusqlite::Error| translate(path, error);
        refuse_foreign_open(&connection, path)?;
        set_up(&connection).map_err(|error| sql(&error))?;
        if schema::migrate(&mut connection, schema::STEPS).map_err(|error| sql(&error))? {
            // The format must be in the file itself, where `head_of` looks, and not in the WAL alone.
            checkpoint(&connection).map_err(|error| sql(&error))?;
        }
        let head = head_of(&connection).map_err(|error| sql(&error))?;
        let faults = Faults::from_env().map_err(|why| broken(path, &why))?;
        Ok(Self { connection, path: path.to_owned(), head, faults, unsure: None, _lease: lease })
    }

    /// Returns where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Turns a failed write into its class, and stops further writes where it may or may not be in the file.
    fn failed(&mut self, error: &rusqlite::Error) -> JournalError {
        // Where the sync after a commit fails, the record may be in the file or not, and asking for another sync proves
        // nothing: the system forgets pages that it could not write. Only what a new process reads from the disk counts.
        if matches!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt)) {
            let why = format!(
                "{error}; whether the last records are in it shows when it is opened again: check the disk, then run `callboard hub stop` and start again"
            );
            self.unsure = Some(why);
        }
        match &self.unsure {
            Some(why) => broken(&self.path, why),
            None => translate(&self.path, error),
        }
    }
}

impl Journal for SqliteJournal {
    fn head(&self) -> u64 {
        self.head
    }

    fn append(&mut self, expected: u64, entries: &[NewEntry]) -> Result<u64, JournalError> {
        if let Some(why) = &self.unsure {
            return Err(broken(&self.path, why));
        }
        if expected != self.head {
            return Err(JournalError::Conflict { expected, actual: self.head });
        }
        if entries.is_empty() {
            return Ok(self.head);
        }
        self.faults.before();
        match write(&mut self.connection, &self.faults, self.head, entries) {
            Ok(head) => {
                self.faults.after();
                self.head = head;
                Ok(head)
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        read(&self.connection, &self.path, after, each)
    }
}

/// Reads a journal that another process may be writing: for tools. Changes nothing and holds nothing up.
#[derive(Debug)]
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
}

impl SqliteReader {
    /// Opens a journal for reading. One that is not there is `Broken`.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        if refuse_foreign(path)? == Head::Nothing {
            return Err(broken(path, &"there is none yet; it is made when a hub first runs here"));
        }
        let connection = open_with(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        refuse_foreign_open(&connection, path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Returns the number of the last record that is durable now, 0 where there is none.
    pub fn head(&self) -> Result<u64, JournalError> {
        head_of(&self.connection).map_err(|error| translate(&self.path, &error))
    }

    /// Calls `each` with every record after `after`, in order, as they stood when it was called.
    pub fn read(&self, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
        read(&self.connection, &self.path, after, each)
    }
}

/// Appends all entries in one transaction, which rolls itself back where this returns an error.
fn write(connection: &mut Connection, faults: &Faults, head: u64, entries: &[NewEntry]) -> rusqlite::Result<u64> {
    let mut seq = head;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut insert =
            transaction.prepare_cached("insert into entry (seq, at, kind, body) values (?1, ?2, ?3, ?4)")?;
        for entry in entries {
            seq += 1;
            insert.execute(params![seq.cast_signed(), entry.at.0, entry.kind, entry.body])?;
            if seq == head + 1 && faults.inside() {
                return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None));
            }
        }
    }
    transaction.commit()?;
    Ok(seq)
}

fn read(connection: &Connection, path: &Path, after: u64, each: &mut dyn FnMut(Entry)) -> Result<(), JournalError> {
    let sql = |error: rusqlite::Error| translate(path, &error);
    let Ok(from) = i64::try_from(after) else { return Ok(()) };
    let mut select =
        connection.prepare_cached("select seq, at, kind, body from entry where seq > ?1 order by seq").map_err(sql)?;
    let mut rows = select.query([from]).map_err(sql)?;
    let mut expected = after;
    while let Some(row) = rows.next().map_err(sql)? {
        let entry = entry_of(row).map_err(sql)?;
        // Invariant: what is handed out has no gap; a fold over records with a hole in it would be another state.
        expected += 1;
        if entry.seq != expected {
            let why = format!("record {expected} is missing; bring the file back from a copy (nothing was changed)");
            return Err(broken(path, &why));
        }
        each(entry);
    }
    Ok(())
}

fn entry_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        seq: row.get::<_, i64>(0)?.cast_unsigned(),
        at: Timestamp(row.get(1)?),
        kind: row.get(2)?,
        body: row.get(3)?,
    })
}

fn head_of(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("select coalesce(max(seq), 0) from entry", [], |row| row.get(0)).map(i64::cast_unsigned)
}

/// Says what a file is by its first bytes alone, and refuses what is not a journal, or a newer one.
fn refuse_foreign(path: &Path) -> Result<Head, JournalError> {
    if fs::symlink_metadata(path).is_ok_and(|it| !it.is_file()) {
        return Err(broken(path, &"it is not a plain file; move it away"));
    }
    let head = schema::head_of(path).map_err(|error| broken(path, &error))?;
    match head {
        Head::Database { application: schema::APPLICATION_ID, format } if format > known() => {
            Err(JournalError::Newer { path: path.display().to_string(), found: format, known: known() })
        }
        // A file that died before its first format was copied out of the WAL has neither number in it yet.
        Head::Nothing
        | Head::Database { application: schema::APPLICATION_ID, .. }
        | Head::Database { application: 0, format: 0 } => Ok(head),
        Head::Database { .. } | Head::Other => Err(broken(path, &"it is not a journal of Callboard; move it away")),
    }
}

/// Looks again through SQLite, which sees the WAL too. Until here nothing was written, and closing writes nothing.
fn refuse_foreign_open(connection: &Connection, path: &Path) -> Result<(), JournalError> {
    let sql = |error: rusqlite::Error| translate(path, &error);
    let found = schema::format_of(connection).map_err(sql)?;
    if found > known() {
        return Err(JournalError::Newer { path: path.display().to_string(), found, known: known() });
    }
    let tables = "select count(*) from sqlite_schema";
    if found < 1 && connection.query_row(tables, [], |row| row.get::<_, i64>(0)).map_err(sql)? > 0 {
        return Err(broken(path, &"it is another program's database; move it away"));
    }
    Ok(())
}

fn known() -> i64 {
    i64::try_from(schema::STEPS.len()).unwrap_or(i64::MAX)
}

/// Makes the file before SQLite does, so that it is private from its first moment; the WAL takes its mode from it.
fn make_file(path: &Path, folder: &Path) -> std::io::Result<()> {
    match private::create_new(path) {
        Ok(_) => private::sync_folder(folder),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn open_with(path: &Path, access: OpenFlags) -> Result<Connection, JournalError> {
    let sql = |error: rusqlite::Error| translate(path, &error);
    // No URI flag: a path is a path, whatever letters are in it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(sql)?;
    connection.busy_timeout(BUSY).map_err(sql)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sql)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.query_row("pragma journal_mode = wal", [], |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Where fsync leaves bytes in the drive's cache, ask for more.
    if cfg!(target_os = "macos") {
        connection.pragma_update(None, "fullfsync", true)?;
        connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    }
    // A WAL that a long reader let grow is cut back once it is copied.
    connection.query_row("pragma journal_size_limit = 16777216", [], |_| Ok(()))
}

fn checkpoint(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()))
}

fn translate(path: &Path, error: &rusqlite::Error) -> JournalError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::Full { path: path.display().to_string() },
        Some(ErrorCode::DatabaseBusy) => {
            broken(path, &"another program has kept it locked for 5 s; close that one and try again")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            let what =
                "the file is damaged: bring it back from a copy, or move it away to begin anew (nothing was changed)";
            broken(path, &format!("{error}; {what}"))
        }
        _ => broken(path, error),
    }
}

fn broken(path: &Path, why: &dyn std::fmt::Display) -> JournalError {
    JournalError::Broken { path: path.display().to_string(), why: why.to_string() }
}

#[cfg(test)]
mod tests;
