//! The disk's own limits: a durable append, SQLite with nothing around it, and a read by index.

use std::{fs::OpenOptions, io::Write as _, path::Path, time::Instant};

use rusqlite::{Connection, params};

use crate::{
    Bench,
    measure::{Measured, Unit, each, rate, why},
};

/// A record's body of the size that the hub's records have.
pub const BODY: &str = r#"{"kind":"message","channel":"main","author":{"is":"agent","name":"reviewer"},"text":"The retry loop never ends when the server answers 429 with no Retry-After header: `delay` stays zero.","hops":1,"deliveries":[]}"#;

/// 200 bytes appended and synced.
pub fn append(bench: &Bench) -> Result<Measured, String> {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(bench.file("append"))
        .map_err(|error| format!("opening a file: {error}"))?;
    let line = [b'x'; 200];
    each(bench.samples(2_000), || {
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(|error| format!("appending: {error}"))
    })
}

/// One row a transaction, synced.
pub fn sqlite_single(bench: &Bench) -> Result<Measured, String> {
    sqlite(&bench.file("single.db"), bench.samples(30), 100, 1)
}

/// A hundred rows a transaction, synced.
pub fn sqlite_grouped(bench: &Bench) -> Result<Measured, String> {
    sqlite(&bench.file("grouped.db"), bench.samples(30), 20, 100)
}

/// The last 100 of 100,000 messages of a channel, by an index, with the statement warm.
pub fn sqlite_last(bench: &Bench) -> Result<Measured, String> {
    let bad = why("querying SQLite");
    let mut database = create(&bench.file("query.db"))?;
    let transaction = database.transaction().map_err(|error| bad(&error))?;
    for at in 0..100_000 {
        insert(&transaction, at)?;
    }
    transaction.commit().map_err(|error| bad(&error))?;
    let mut query =
        database.prepare("select seq, body from record order by seq desc limit 100").map_err(|error| bad(&error))?;
    each(bench.samples(500), || {
        let rows = query.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)));
        let rows = rows.and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| bad(&error))?;
        if rows.len() == 100 { Ok(()) } else { Err(format!("{} rows came", rows.len())) }
    })
}

fn sqlite(path: &Path, rounds: usize, transactions: i64, rows: i64) -> Result<Measured, String> {
    let bad = why("writing to SQLite");
    let mut database = create(path)?;
    let mut next = 0;
    #[expect(clippy::cast_precision_loss, reason = "small counts")]
    let amount = (transactions * rows) as f64;
    rate(rounds, amount, Unit::PerSecond, || {
        let start = Instant::now();
        for _ in 0..transactions {
            let transaction = database.transaction().map_err(|error| bad(&error))?;
            for _ in 0..rows {
                next += 1;
                insert(&transaction, next)?;
            }
            transaction.commit().map_err(|error| bad(&error))?;
        }
        Ok(start.elapsed())
    })
}

fn create(path: &Path) -> Result<Connection, String> {
    let bad = why("creating a database");
    let database = Connection::open(path).map_err(|error| bad(&error))?;
    database
        .execute_batch(
            "pragma journal_mode = wal; pragma synchronous = full;
             create table record(seq integer primary key, at integer not null, kind text not null, body text not null) strict;",
        )
        .map_err(|error| bad(&error))?;
    Ok(database)
}

fn insert(database: &Connection, at: i64) -> Result<(), String> {
    let mut statement = database
        .prepare_cached("insert into record(at, kind, body) values (?1, 'message', ?2)")
        .map_err(|error| format!("preparing: {error}"))?;
    statement.execute(params![at, BODY]).map_err(|error| format!("inserting: {error}"))?;
    Ok(())
}
